"""Checks of a request over HTTP before the SDK sees it: host, origin, token, body, sessions.

The SDK checks Host and Origin on its own path, and limits the size of bodies and the number of
sessions. But it waits for ever for the end of a body, does not answer CORS preflights, and refuses
new clients while sessions of crashed clients are open. ASGI middleware adds that here.
"""

import re
import secrets
from collections import OrderedDict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    TransportSecurityMiddleware,
    TransportSecuritySettings,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from platformdirs import user_data_path
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from korus_mcp.app import App
from korus_mcp.foundation.private_files import user_folder, write_new
from korus_mcp.settings import NAME, Misconfigured

PATH: Final = "/mcp"
MOST_SESSIONS: Final = 100
"""At most so many open sessions, which only revisions of the protocol up to 2025-11-25 have."""
SESSION_IDLE_SECONDS: Final = 30 * 60
"""A session ends after this time without a request; an open stream counts as a request."""
BODY_SECONDS: Final = 20.0
"""The longest a body may take to arrive after the request's head."""
MOST_AT_ONCE: Final = 1_000
"""At most so many connections; uvicorn answers 503 to any more."""
_SESSION: Final = "mcp-session-id"
_VERSION: Final = "mcp-protocol-version"


def loopback_door(
    server: MCPServer[App],
    host: str,
    *,
    token: str | None,
    origins: Collection[str] = (),
    most_sessions: int = MOST_SESSIONS,
) -> ASGIApp:
    """The ASGI application for a loopback address; it answers only to names of this machine.

    Pages of this machine may call it, and those of these `origins`; a browser passes its answers on
    to no others. With a `token` every request must carry it, except CORS preflights, which browsers
    send without.
    """
    # A page of another site could reach loopback through a host name of its own (DNS rebinding).
    names = sorted({"127.0.0.1", "localhost", "[::1]", host if ":" not in host else f"[{host}]"})
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:*" for name in names],
        allowed_origins=[*(f"http://{name}:*" for name in names), *origins],
    )
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=PATH,
        host=host,
        transport_security=security,
        session_idle_timeout=SESSION_IDLE_SECONDS,
        max_sessions=most_sessions,
    )
    # A request passes, in this order: host and origin, CORS, token, body, session. So the body of
    # a request that is refused for its token is never read.
    app = WholeBodies(Sessions(app, most_sessions))
    if token is not None:
        app = BearerOnly(app, token)
    ours = "|".join(re.escape(name) for name in names)
    app = CORSMiddleware(
        app,
        allow_origins=tuple(origins),
        allow_origin_regex=rf"http://({ours}):[0-9]{{1,5}}",
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("*",),  # the protocol has headers with names from tools' arguments
        expose_headers=(_SESSION, _VERSION, "www-authenticate"),
        # Chromium asks so before a page of another place may reach this machine.
        allow_private_network=True,
    )
    return NamesOfThisMachine(app, security)


class NamesOfThisMachine:
    """Refuses foreign hosts and origins on every path; the SDK does so on its own path only."""

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self._app = app
        self._security = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 421 or 403."""
        refused = None
        # This is outside CORS, so a foreign origin does not learn which headers are allowed.
        if scope["type"] == "http":
            refused = await self._security.validate_request(Request(scope))
        await (refused or self._app)(scope, receive, send)


class BearerOnly:
    """Answers 401 to requests without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        # Checked before a body is read, so that nobody without it can fill the server up.
        if scope["type"] == "lifespan" or self._brings_it(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        challenge = 'Bearer realm="korus-mcp"'
        if "authorization" in Headers(scope=scope):
            challenge += ', error="invalid_token"'
        said = "A bearer token is needed: the server printed it and its file when it started."
        refused = JSONResponse({"error": said}, 401, {"WWW-Authenticate": challenge})
        await refused(scope, receive, send)

    def _brings_it(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        # A request with two such headers is refused: a proxy before us may have checked the other.
        scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
        # Compared in constant time, so that the delay does not show how much of a guess is right.
        is_right = secrets.compare_digest(token.strip().encode("latin-1"), self._token)
        return is_right and scheme.lower() == "bearer"


class WholeBodies:
    """Passes a request on once its whole body is there; answers 408 if it takes too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, within the allowed time and size, then pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(BODY_SECONDS):
                read = await _body_of(receive)
        except TimeoutError:
            late = Response("Request body did not end in time", 408, {"Connection": "close"})
            await late(scope, receive, send)
            return
        await self._app(scope, _replayed(read, receive), send)


async def _body_of(receive: Receive) -> list[Message]:
    """The ASGI messages up to the end of the body, or until it is larger than the SDK accepts."""
    read: list[Message] = []
    size = 0
    while True:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        # The other kind is http.disconnect: it is replayed to the inner application.
        is_over = message["type"] != "http.request" or not message.get("more_body", False)
        if is_over or size > DEFAULT_MAX_REQUEST_BODY_SIZE:
            return read


def _replayed(read: Sequence[Message], receive: Receive) -> Receive:
    left = list(reversed(read))

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


@dataclass
class _Session:
    """An open session: when its last request ended, and how many of its requests are under way."""

    used_at: float
    under_way: int = 0


class Sessions:
    """Makes room for a new session by ending the least recently used one without open requests.

    If every session has an open request or stream, the SDK answers 503.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._open: OrderedDict[str, _Session] = OrderedDict()
        self._opening = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note which session it opens, uses or ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        name = headers.get(_SESSION)
        if name is not None and name in self._open:
            await self._used(name, scope, receive, send)
        elif name is None and scope["method"] == "POST" and _is_of_sessions(headers):
            await self._opened(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _used(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        session = self._open[name]
        # An open stream keeps its session in use, even if nothing is sent on it.
        session.under_way += 1
        answer = _Head(send)
        try:
            await self._app(scope, receive, answer)
        finally:
            session.under_way -= 1
            session.used_at = anyio.current_time()
            # The SDK answers 404 for a session that it has ended by itself.
            is_over = scope["method"] == "DELETE" and answer.status < 300
            if is_over or answer.status == 404:
                self._open.pop(name, None)
            elif name in self._open:
                # The dict is kept in order of last use, so that the first is ended first.
                self._open.move_to_end(name)

    async def _opened(self, scope: Scope, receive: Receive, send: Send) -> None:
        # `WholeBodies` has read the body. "initialize" is near its start: in the first message.
        message = await receive()
        if b'"initialize"' in message.get("body", b""):
            await self._make_room(scope)
        answer = _Head(send)
        # Counted before it is open, so that two new sessions do not both take the last place.
        self._opening += 1
        try:
            await self._app(scope, _replayed([message], receive), answer)
        finally:
            self._opening -= 1
            if answer.status < 300 and answer.session is not None:
                self._open[answer.session] = _Session(anyio.current_time())

    async def _make_room(self, scope: Scope) -> None:
        """End the least recently used sessions, with the request their clients would send."""
        longest = anyio.current_time() - SESSION_IDLE_SECONDS
        # A copy, because sessions open and end during the awaits below.
        idle = [(name, one) for name, one in self._open.items() if not one.under_way]
        for name, one in idle:
            if one.used_at < longest:  # idle for so long that the SDK has ended it
                del self._open[name]
            elif len(self._open) + self._opening >= self._most:
                del self._open[name]
                await self._app(_ending(scope, name), _nothing_more, _unheard)


class _Head:
    """A `send` that passes an answer on and keeps its status and the session id in its headers."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.session: str | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.session = Headers(raw=list(message.get("headers", ()))).get(_SESSION)
        await self._send(message)


def _is_of_sessions(headers: Headers) -> bool:
    """Whether a request is of a protocol revision with sessions, or names no revision at all."""
    version = headers.get(_VERSION)
    return version is None or version in HANDSHAKE_PROTOCOL_VERSIONS


def _ending(scope: Scope, name: str) -> Scope:
    """The request by which a client ends its session."""
    # It needs no token: that is checked further out.
    kept = [(k, v) for k, v in scope["headers"] if k in (b"host", b"accept")]
    named = (_SESSION.encode(), name.encode("latin-1"))
    return {**scope, "method": "DELETE", "headers": [*kept, named], "state": {}}


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unheard(message: Message) -> None:
    del message


def write_token(port: int) -> tuple[str, Path]:
    """Write a new token to a file that only the user can read; each port has its own file.

    Raises:
        Misconfigured: there is no folder for it, or it cannot be written.
    """
    token = secrets.token_urlsafe(32)
    try:
        folder = user_folder(partial(user_data_path, NAME))
        if folder is None:
            raise FileNotFoundError("no home folder")
        file = folder / f"http-{port}.token"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written to another name and moved: so the file is complete and private from the start.
        new = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        write_new(new, token.encode())
        new.replace(file)  # replaces a symbolic link, too, instead of writing through it
    except (OSError, RuntimeError) as error:
        raise Misconfigured(
            "--http outside the sandbox needs a bearer token in a file of the user's data folder, "
            f"which cannot be written ({type(error).__name__})."
        ) from None
    return token, file


def remove_token(token: str, file: Path) -> None:
    """Remove the file, unless another server has written its own there."""
    with suppress(OSError):
        # Another server may have taken the same port since and written its own token.
        if file.read_text() == token:
            file.unlink()
