"""The floor: the SDK's own server with trivial tools, on stdio."""

import sys
from functools import cache
from typing import TYPE_CHECKING

from mcp.server.mcpserver import MCPServer

if TYPE_CHECKING:
    import httpx
    from mcp.server.auth.provider import TokenVerifier
    from mcp.server.auth.settings import AuthSettings


def floor_server(
    origin: str | None = None,
    token: str = "",
    *,
    verifier: "TokenVerifier | None" = None,
    auth: "AuthSettings | None" = None,
) -> MCPServer[None]:
    """A server that does nothing, as fast as the SDK allows; with the origin of an API it also
    passes an answer of that on. With `verifier` and `auth` it asks for tokens over HTTP.
    """
    server: MCPServer[None] = MCPServer(
        "floor", log_level="WARNING", token_verifier=verifier, auth=auth
    )

    @server.tool(description="Answers what it is given.")
    async def echo(text: str) -> str:
        return text

    if origin is None:
        return server

    @cache
    def api() -> "httpx.AsyncClient":
        # Not at the start, which is measured, too.
        import httpx

        return httpx.AsyncClient(base_url=origin, headers={"Authorization": f"Bearer {token}"})

    @server.tool(description="Answers what the API answers.")
    async def fetch(path: str) -> str:
        return (await api().get(path)).raise_for_status().text

    return server


if __name__ == "__main__":
    floor_server(*sys.argv[1:3]).run()
