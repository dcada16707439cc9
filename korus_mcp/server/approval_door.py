"""Serves the page on which a person answers, on loopback, from the first question on.

What changes something is a POST that carries the secret of its question, the page's own token, and
exactly our host and origin. No GET changes anything. Without the secret an address shows the same
to everybody, whatever the code in it.
"""

import hashlib
import hmac
import logging
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from cachetools import TTLCache
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.answers.asked import Words
from korus_mcp.app import App
from korus_mcp.booking.by_hand import CODE_LENGTH, PAGE, ByHand
from korus_mcp.foundation.coalescing import kept_apart
from korus_mcp.journal.records import JournalDown
from korus_mcp.server.approval_desk import (
    ANSWERS,
    Looks,
    form_of,
    page,
    question,
    state,
    told,
    unreadable,
    words_for,
)
from korus_mcp.server.approval_page import headers, told_page
from korus_mcp.settings import PREFIX

if TYPE_CHECKING:
    import uvicorn

HOST: Final = "127.0.0.1"
MOST_AT_ONCE: Final = 64
MOST_WRONG: Final = 10
"""So many requests a minute are told that their secret is wrong; the others to come back later."""
_OPENER: Final = """
import sys, threading, webbrowser
address, opened = sys.stdin.read(), []
thread = threading.Thread(target=lambda: opened.append(webbrowser.open(address)), daemon=True)
thread.start()
thread.join(5)  # one that stays in the foreground shows the page
sys.exit(not (opened or [True])[0])
"""
_log = logging.getLogger(__name__)


class ApprovalDoor(Looks):
    """The page of one server, and the way to the browser of whoever sits before it.

    `environ` is the environment of that person's desktop, as far as this process has it.
    """

    signs_in = False

    def __init__(self, app: App, tasks: TaskGroup, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._app = app
        self._tasks = tasks
        # A browser need not know the secrets of an account.
        self._environ = {k: v for k, v in environ.items() if not k.startswith(PREFIX)}
        self._starting = anyio.Lock()
        self._origin: str | None = None

    async def page(self) -> str | None:
        """The address of the page; the first call begins to serve it."""
        async with self._starting:
            if self._origin is None:
                try:
                    self._origin = await self._start()
                except OSError as error:
                    _log.warning("no page can be served (%s)", type(error).__name__)
            return self._origin

    async def open(self, code: str, address: str) -> bool:
        """Open an address in the person's browser. Whether this machine has a desktop for it."""
        # Without one it might find a browser for terminals, which reads what is the protocol's.
        if not _has_desktop(self._environ):
            return False
        # In a process of its own, since a browser may write to stdout and stay in the foreground.
        try:
            opened = await anyio.run_process(
                [sys.executable, "-I", "-c", _OPENER],
                input=address.encode(),  # so that it stands in no argument but the browser's own
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environ,
                check=False,
                start_new_session=True,
            )
        except OSError as error:
            _log.warning("no browser can be opened (%s)", type(error).__name__)
            return False
        if opened.returncode == 0:
            self.note_shown(code)
        return opened.returncode == 0

    async def _start(self) -> str:
        by_hand = self._app.booking.ordering.by_hand
        if by_hand is None:
            raise FileNotFoundError("nobody is asked by hand")
        listener = socket.create_server((HOST, 0))
        origin = f"http://{HOST}:{listener.getsockname()[1]}"
        serving = await to_thread.run_sync(_serving, approval_app(by_hand, origin, self))
        self._tasks.start_soon(kept_apart, partial(_serve, serving, listener))
        return origin


def approval_app(by_hand: ByHand, origin: str, door: ApprovalDoor | None = None) -> ASGIApp:
    """The page as an application for requests to `origin`; `door` is told what is looked at."""
    desk = _Desk(by_hand, door)
    routes = [
        Route("/{code}", desk.told, methods=["GET"]),
        Route("/{code}/{secret}", desk.asked, methods=["GET"]),
        Route("/{code}/{secret}", desk.pressed, methods=["POST"]),
        Route("/{code}/{secret}/state", desk.state, methods=["GET"]),
    ]
    handlers: Any = {JournalDown: unreadable}
    return _OursAlone(Starlette(routes=routes, exception_handlers=handlers), origin)


class _OursAlone:
    """Refuses every request of another host or origin."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._origin = origin
        self._host = origin.removeprefix("http://")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        given = Headers(scope=scope)
        # A page of another site could reach loopback through a host name of its own.
        is_here = given.getlist("host") == [self._host]
        origins = given.getlist("origin")
        is_ours = origins == [self._origin] or (not origins and scope["method"] != "POST")
        if is_here and is_ours:
            await self._app(scope, receive, send)
            return
        refused = Response(status_code=421 if not is_here else 403, headers=headers())
        await refused(scope, receive, send)


class _Desk:
    """Answers the requests of the page."""

    def __init__(self, by_hand: ByHand, door: ApprovalDoor | None) -> None:
        self._by_hand = by_hand
        self._door = door
        # Of this process alone: a page of one that ended is refused, whatever has its port now.
        self._key = secrets.token_bytes(32)
        self._wrong: TTLCache[str, bool] = TTLCache(MOST_WRONG, 60)

    async def told(self, request: Request) -> Response:
        """What everybody may see who knows an address without its secret: the same of any."""
        said, code = words_for(request), request.path_params["code"]
        is_code = code.isascii() and code.isalnum() and len(code) <= 2 * CODE_LENGTH
        command = f"korus-mcp approve {code if is_code else ''}"
        return page(partial(told_page, said.elsewhere, said, command=command))

    async def asked(self, request: Request) -> Response:
        """The question, or what became of it."""
        said, code = words_for(request), request.path_params["code"]
        if (refused := self._refused(request, said)) is not None:
            return refused
        found = await self._by_hand.found(code)
        if found is None:
            return told(said.unknown, said, 404)
        self._note(code)
        return question(self._by_hand, found, said, self._token(code))

    async def state(self, request: Request) -> Response:
        """Whether the question is open still, for the page that shows it."""
        if (refused := self._refused(request, words_for(request))) is not None:
            return refused
        found = await self._by_hand.found(request.path_params["code"])
        is_open = found is not None and found[0].is_open(self._by_hand.clock.now())
        if is_open:
            self._note(request.path_params["code"])
        return state(is_open=is_open)

    async def pressed(self, request: Request) -> Response:
        """Write down the answer of a person who pressed yes or no on the page."""
        said, code = words_for(request), request.path_params["code"]
        if (refused := self._refused(request, said)) is not None:
            return refused
        form = await form_of(request)
        is_ours = hmac.compare_digest(form.get("token", "").encode(), self._token(code).encode())
        if not is_ours or form.get("answer") not in ANSWERS:
            return told(said.unknown, said, 403)
        found = await self._by_hand.found(code)
        if found is not None:
            await self._by_hand.answer(found[0], is_yes=form["answer"] == "yes", way=PAGE)
        # What is shown then comes from the journal: a second press sees what the first one said.
        return RedirectResponse(request.url.path, 303, headers=headers())

    def _refused(self, request: Request, said: Words) -> Response | None:
        """The answer to a request without the secret of its question; the journal is not asked."""
        given, code = request.path_params["secret"], request.path_params["code"]
        right = self._by_hand.seal.secret_of(code)
        if hmac.compare_digest(given.encode(), right.encode()):
            return None
        is_too_much = len(self._wrong) >= MOST_WRONG
        self._wrong[secrets.token_hex(8)] = True
        return told(said.unknown, said, 429 if is_too_much else 404)

    def _note(self, code: str) -> None:
        if self._door is not None:
            self._door.note_shown(code)

    def _token(self, code: str) -> str:
        return hmac.new(self._key, code.encode(), hashlib.sha256).hexdigest()


def _has_desktop(environ: Mapping[str, str]) -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _serving(app: ASGIApp) -> "uvicorn.Server":
    """What serves the page; the process's signals stay those of its own server."""
    import uvicorn  # a start need not wait for it

    class Beside(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=1,
    )
    return Beside(config)


async def _serve(serving: "uvicorn.Server", listener: socket.socket) -> None:
    try:
        await serving.serve([listener])
    finally:
        for server in serving.servers:
            server.close()
        # A page that is open keeps its connection: it must hear of the end.
        for connection in list(serving.server_state.connections):
            connection.shutdown()
        listener.close()
