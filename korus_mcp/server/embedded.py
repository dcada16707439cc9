"""The embedded sandbox, as a transport of the API client. It is made at the first request."""

import secrets
from typing import TYPE_CHECKING, Final

import anyio

from korus_mcp.foundation.clock import ShiftedClock
from korus_mcp.server.sandbox_home import SandboxHome
from korus_mcp.settings import SANDBOX_API, SANDBOX_DOCUMENT_HOST, Settings

if TYPE_CHECKING:
    import httpx

    from korus_mcp.sandbox import Sandbox, WorldFile

CLIENT_ID: Final = "sandbox-distributor"
TOKEN_URL: Final = f"{SANDBOX_API}/realms/korusticket/protocol/openid-connect/token"


class EmbeddedSandbox:
    """A transport that answers from a sandbox in this process; no connection leaves it.

    With a `home` its bookings are in a file there, and outlive the process.
    """

    def __init__(
        self,
        settings: Settings,
        sandbox: "Sandbox | None" = None,
        *,
        home: SandboxHome | None = None,
    ) -> None:
        self._settings, self._home = settings, home
        self._asgi: httpx.ASGITransport | None = None
        self._making = anyio.Lock()
        # A new secret for each process, so that no token of another sandbox is accepted.
        self.client_secret = secrets.token_hex(16)
        if sandbox is not None:
            self._serve(sandbox)

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response":
        """Answer a request; the first one makes the sandbox."""
        asgi = self._asgi or await self._made(instead_of=None)
        from korus_mcp.sandbox import WorldOver

        while True:
            try:
                return await asgi.handle_async_request(request)
            # The world was thrown away, by `korus-mcp sandbox reset` perhaps, and nothing was done.
            except WorldOver:
                asgi = await self._made(instead_of=asgi)

    async def aclose(self) -> None:
        """Close the file of the world; a sandbox in memory ends with its process."""
        if self._home is not None:
            self._home.close()

    async def _made(self, *, instead_of: "httpx.ASGITransport | None") -> "httpx.ASGITransport":
        # Imported and made here, because that takes a moment that a start need not wait for.
        from korus_mcp.sandbox import Sandbox, SandboxOptions

        async with self._making:
            if self._asgi is not None and self._asgi is not instead_of:
                return self._asgi  # another request made it meanwhile
            file: WorldFile | None = None
            if self._home is not None:
                if instead_of is not None:
                    await self._home.moved()
                # In a thread: another process may be making the file.
                file = await anyio.to_thread.run_sync(self._home.opened)
            clock = ShiftedClock(None if self._home is None else self._home.clock)
            options = SandboxOptions(
                seed=self._settings.sandbox_seed,
                bases=self._settings.sandbox_bases,
                api_origin=SANDBOX_API,
                document_origin=f"https://{SANDBOX_DOCUMENT_HOST}",
                client_secret=self.client_secret,
            )
            return self._serve(Sandbox(options, clock=clock, file=file))

    def _serve(self, sandbox: "Sandbox") -> "httpx.ASGITransport":
        import httpx

        self.client_secret = sandbox.client_secret
        self._asgi = httpx.ASGITransport(app=sandbox.app)
        return self._asgi
