"""The embedded sandbox: made at the first call, so that a start costs nothing for it."""

import secrets
from typing import TYPE_CHECKING, Final

from korus_mcp.settings import SANDBOX_API, SANDBOX_DOCUMENT_HOST, Settings

if TYPE_CHECKING:
    import httpx

    from korus_mcp.sandbox import Sandbox

CLIENT_ID: Final = "sandbox-distributor"
TOKEN_URL: Final = f"{SANDBOX_API}/realms/korusticket/protocol/openid-connect/token"


class EmbeddedSandbox:
    """A transport that answers from a sandbox in this process; no connection leaves it."""

    def __init__(self, settings: Settings, sandbox: "Sandbox | None" = None) -> None:
        self._settings = settings
        self._asgi: httpx.ASGITransport | None = None
        # Anew for each process: a token made for another sandbox opens nothing here.
        self.client_secret = secrets.token_hex(16)
        if sandbox is not None:
            self._serve(sandbox)

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response":
        """Answer a request; the first one makes the world."""
        return await (self._asgi or self._serve(self._made())).handle_async_request(request)

    async def aclose(self) -> None:
        """Nothing is open: the world goes with its process."""

    def _made(self) -> "Sandbox":
        # A world takes a moment to make: not before something is asked of it.
        from korus_mcp.sandbox import Sandbox, SandboxOptions

        return Sandbox(
            SandboxOptions(
                seed=self._settings.sandbox_seed,
                bases=self._settings.sandbox_bases,
                api_origin=SANDBOX_API,
                document_origin=f"https://{SANDBOX_DOCUMENT_HOST}",
                client_secret=self.client_secret,
            )
        )

    def _serve(self, sandbox: "Sandbox") -> "httpx.ASGITransport":
        import httpx

        self.client_secret = sandbox.client_secret
        self._asgi = httpx.ASGITransport(app=sandbox.app)
        return self._asgi
