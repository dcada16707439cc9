"""The sandbox as a server on loopback: the API on one port, signed documents on another."""

import logging
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

import anyio
import uvicorn
from anyio.abc import TaskGroup
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from korus_mcp.foundation.clock import ShiftedClock
from korus_mcp.sandbox.app import Sandbox, SandboxOptions
from korus_mcp.sandbox.control import with_control
from korus_mcp.sandbox.faults import ConnectionDropped
from korus_mcp.sandbox.operations import TOKEN_PATH

_LOOPBACK = "127.0.0.1"
_GRACE_SECONDS = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedSandbox:
    """A running sandbox; `environment` holds the variables with which korus-mcp uses it."""

    sandbox: Sandbox
    api_url: str
    documents_url: str
    environment: Mapping[str, str] = field(repr=False)
    control_token: str | None = field(default=None, repr=False)

    @property
    def notice(self) -> str:
        """The text to print for the person who starts it."""
        return (
            f"Sandbox on {self.api_url}, documents on {self.documents_url}. It imitates a "
            "reconstruction of the KorusTicket API made from its public documentation; "
            "nothing it sells is real."
        )


async def serve(
    options: SandboxOptions, *, port: int, control: bool, on_ready: Callable[[ServedSandbox], None]
) -> None:
    """Serve until SIGINT, SIGTERM or a cancellation. `on_ready` gets the running sandbox."""
    listening = served_sandbox(options, control=control, port=port)
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with listening as served:
            _log.warning("%s", served.notice)
            on_ready(served)
            async for _ in signals:
                return


@asynccontextmanager
async def served_sandbox(
    options: SandboxOptions | None = None,
    *,
    control: bool = False,
    port: int = 0,
    clock: ShiftedClock | None = None,
    around: Callable[[ASGIApp], ASGIApp] | None = None,
) -> AsyncIterator[ServedSandbox]:
    """A sandbox on two loopback ports, in this event loop, for the length of a block.

    Port 0 takes a free one. `around` wraps the app, for a caller that wants to watch requests and
    answers.
    """
    # Two ports, as documents are on another host than the API (T26).
    with _bound(port) as api, _bound(0) as documents:
        api_url, documents_url = _origin(api), _origin(documents)
        wished = options or SandboxOptions()
        # The ports are bound first, since the sandbox's addresses contain them.
        origins = replace(wished, api_origin=api_url, document_origin=documents_url)
        sandbox = Sandbox(origins, clock=clock)
        sandbox.app = around(sandbox.app) if around else sandbox.app
        # A new token: that of the API must not allow to control the sandbox.
        token = secrets.token_urlsafe(24) if control else None
        app = with_control(sandbox, token) if token else sandbox.app
        environment = {
            "KORUS_ENVIRONMENT": "sandbox",
            "KORUS_API_URL": api_url,
            "KORUS_TOKEN_URL": api_url + TOKEN_PATH,
            "KORUS_CLIENT_ID": sandbox.client_id,
            "KORUS_CLIENT_SECRET": sandbox.client_secret,
            "KORUS_DOCUMENT_HOSTS": documents_url.removeprefix("http://"),
        }
        async with anyio.create_task_group() as tasks, _running(tasks, app, api, documents):
            yield ServedSandbox(sandbox, api_url, documents_url, environment, token)


@asynccontextmanager
async def _running(tasks: TaskGroup, app: ASGIApp, *sockets: socket.socket) -> AsyncIterator[None]:
    servers = [_Server(app) for _ in sockets]
    try:
        for server, listener in zip(servers, sockets, strict=True):
            tasks.start_soon(server.run_to_the_end, listener)
        for server in servers:
            await server.ready.wait()
        yield
    finally:
        for server in servers:
            server.should_exit = True


class _Server(uvicorn.Server):
    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                self._cutting(app),
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,  # the app sends `Date` by the sandbox's clock
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self.ready = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: two servers share the loop, and their caller handles them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def run_to_the_end(self, listener: socket.socket) -> None:
        """Run until `should_exit`; shut down properly even when cancelled."""
        with anyio.CancelScope(shield=True):
            await self.serve(sockets=[listener])

    def _cutting(self, app: ASGIApp) -> ASGIApp:
        """Wrap the app, to close the connection when a scripted fault drops it."""

        async def cutting(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except ConnectionDropped:
                # Only the connection of this request: others of the same client go on.
                for connection in tuple(self.server_state.connections):
                    if isinstance(connection, H11Protocol) and connection.client == scope["client"]:
                        connection.transport.abort()
                await anyio.lowlevel.checkpoint()

        return cutting


@contextmanager
def _bound(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        # After a restart the same port can be used at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, port))
        yield listener


def _origin(listener: socket.socket) -> str:
    return f"http://{_LOOPBACK}:{listener.getsockname()[1]}"
