"""Listens on a port: slow clients are let go of, and a stop waits for orders first.

uvicorn waits for ever for the head of a request and for a client that reads nothing, and closes an
idle connection after 5 s, just as a proxy may send the next request over it. When it is told to
stop it ends open streams, also that of an order call, before the order is done.
"""

import asyncio  # noqa: TID251 - uvicorn's connections are asyncio's
import logging
import sys
from types import FrameType
from typing import Any, Final

import anyio
import h11
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from korus_mcp.app import Running

KEEP_ALIVE_SECONDS: Final = 130
"""How long an idle connection stays open: longer than proxies keep theirs, so that they close it.
Else a request may arrive on a connection that was just closed, and is answered 502."""
HEAD_SECONDS: Final = 20.0
"""The longest the head of a request may take, and the first one of a new connection to begin."""
STALLED_SECONDS: Final = 60.0
"""How long a client may leave an answer unread that does not fit into the buffers between."""
MOST_AT_ONCE: Final = 4_000
"""At most so many connections; uvicorn answers 503 to any more."""
LAST_SECONDS: Final = 5
"""How long a stop waits at least for connections to close, after all that is worth waiting for."""
_FILES: Final = 2 * MOST_AT_ONCE
"""How many descriptors a process of so many connections needs, with those to the API and files."""
_log = logging.getLogger(__name__)


def allow_connections() -> None:
    """Let this process have as many descriptors as its connections need, as far as it may."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class BoundedConnection(H11Protocol):
    """A connection whose client has to send its requests, and to read the answers, in time."""

    _head: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop(self._head, self._stalled)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        # h11 is idle until it has the whole head. Each part of one does not begin the time anew.
        if self.conn.their_state is not h11.IDLE:
            self._stop(self._head)
            self._head = None
        elif self._head is None:
            self._await_head()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is answered."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read some of it."""
        super().resume_writing()
        self._stop(self._stalled)

    def _await_head(self) -> None:
        self._head = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        # Nobody is answered: what would it be an answer to?
        if not self.transport.is_closing():
            self.transport.close()

    @staticmethod
    def _stop(*timers: asyncio.TimerHandle | None) -> None:
        for timer in timers:
            if timer is not None:
                timer.cancel()


class Calls:
    """Knows which calls are under way, so that a stop can wait for them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: set[anyio.Event] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. A GET opens a stream that its client never ends, so it is no call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] != "POST":
            await self._app_ended(scope, receive, send)
            return
        ended = anyio.Event()
        self._open.add(ended)
        try:
            await self._app(scope, receive, send)
        finally:
            self._open.discard(ended)
            ended.set()

    async def _app_ended(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and end its stream: a stop cuts it, which uvicorn logs as an error."""
        is_open = False

        async def noted(message: Message) -> None:
            nonlocal is_open
            is_start = message["type"] == "http.response.start"
            is_open = is_start or bool(message.get("more_body"))
            await send(message)

        await self._app(scope, receive, noted)
        if is_open:
            await send({"type": "http.response.body"})

    async def ended(self) -> None:
        """Wait for all calls that are under way now."""
        for call in list(self._open):
            await call.wait()


class Listening(uvicorn.Server):
    """A server that is told to stop waits for orders and calls, and still answers meanwhile.

    In this order: it is not ready any more; new holds and orders are refused; what is under way is
    waited for; connections are closed. All of it takes `seconds` and `LAST_SECONDS` at most.
    """

    def __init__(self, app: ASGIApp, running: Running, seconds: int, **options: Any) -> None:
        self._calls = Calls(app)
        config = uvicorn.Config(
            self._calls,
            http=BoundedConnection,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            **options,
        )
        super().__init__(config)
        self._running, self._seconds = running, seconds
        self._leaving: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: Any = None) -> None:
        """Begin to listen."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; at a second signal, wait for no call any more."""
        is_first = not self._running.is_leaving
        self._running.is_leaving = True
        if self._loop is None or not is_first:
            super().handle_exit(sig, frame)
            return
        self._loop.call_soon_threadsafe(self._leave, sig)

    def _leave(self, sig: int) -> None:
        # Kept, since the loop alone does not keep a task.
        self._leaving = asyncio.ensure_future(self._left(sig))

    async def _left(self, sig: int) -> None:
        _log.warning("stopping: what is under way is waited for, at most %d s", self._seconds)
        end = anyio.current_time() + self._seconds
        try:
            await self._running.drain(self._seconds)
            with anyio.move_on_at(end):
                await self._calls.ended()
        finally:
            left = max(0, round(end - anyio.current_time()))
            self.config.timeout_graceful_shutdown = left + LAST_SECONDS
            super().handle_exit(sig, None)
