"""The embedded sandbox, as a transport of the API client. It is made at the first request."""

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
        # A new secret for each process, so that no token of another sandbox is accepted.
        self.client_secret = secrets.token_hex(16)
        if sandbox is not None:
            self._serve(sandbox)

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response":
        """Answer a request; the first one makes the sandbox."""
        return await (self._asgi or self._serve(self._made())).handle_async_request(request)

    async def aclose(self) -> None:
        """Do nothing: the sandbox ends with its process."""

    def _made(self) -> "Sandbox":
        # Imported and made here, because that takes a moment that a start need not wait for.
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
