"""What a request over HTTP passes before the protocol: origin, token, a whole body, a free session.

The SDK checks Host and Origin of what it serves, bounds bodies in bytes and sessions in number. It
waits for ever for the end of a body, answers no browser that asks first (CORS), and turns new
clients away while sessions of clients that crashed are still open. That is added here, around it.
"""

import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
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
from korus_mcp.foundation.private_files import user_folder
from korus_mcp.settings import NAME, Misconfigured

PATH: Final = "/mcp"
MOST_SESSIONS: Final = 100
"""Open sessions of the 2025-11-25 era; the newer one has none."""
SESSION_IDLE_SECONDS: Final = 30 * 60
"""After so long without a request under way, an open stream included, a session ends."""
BODY_SECONDS: Final = 20.0
"""From a request's head to the end of its body."""
MOST_AT_ONCE: Final = 1_000
"""Connections; beyond, uvicorn answers 503."""
_SESSION: Final = "mcp-session-id"
_VERSION: Final = "mcp-protocol-version"


def loopback_door(
    server: MCPServer[App], host: str, *, token: str | None, most_sessions: int = MOST_SESSIONS
) -> ASGIApp:
    """The application to serve on a loopback address: names of this machine only.

    With a `token` every request has to bring it; a browser's question beforehand cannot.
    """
    # A page of another site may reach loopback through a name of its own (DNS rebinding).
    names = sorted({"127.0.0.1", "localhost", "[::1]", host if ":" not in host else f"[{host}]"})
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:*" for name in names],
        allowed_origins=[f"http://{name}:*" for name in names],
    )
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=PATH,
        host=host,
        transport_security=security,
        session_idle_timeout=SESSION_IDLE_SECONDS,
        max_sessions=most_sessions,
    )
    # From the outside in: names, CORS, token, body, session. What nobody may ask costs no body.
    app = WholeBodies(Sessions(app, most_sessions))
    if token is not None:
        app = BearerOnly(app, token)
    origins = "|".join(re.escape(name) for name in names)
    app = CORSMiddleware(
        app,
        allow_origin_regex=rf"http://({origins}):[0-9]{{1,5}}",
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("*",),  # the protocol names headers after tools' arguments
        expose_headers=(_SESSION, _VERSION, "www-authenticate"),
    )
    return NamesOfThisMachine(app, security)


class NamesOfThisMachine:
    """Refuses foreign hosts and origins whatever is asked: the SDK does so for its own path."""

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self._app = app
        self._security = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 421 or 403."""
        refused = None
        # Before CORS: a foreign origin does not even learn which headers would be allowed.
        if scope["type"] == "http":
            refused = await self._security.validate_request(Request(scope))
        await (refused or self._app)(scope, receive, send)


class BearerOnly:
    """Answers 401 to whoever does not bring the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        # Whoever has no token cannot use up sessions, bodies or time.
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
        # Of two headers, what stands before us may have looked at the other one.
        scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
        # In constant time: how much of a guess is right shows in no answer's delay.
        is_right = secrets.compare_digest(token.strip().encode("latin-1"), self._token)
        return is_right and scheme.lower() == "bearer"


class WholeBodies:
    """Passes requests on when their bodies are there; answers 408 to those that never end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body in time, and no more of it than the protocol takes."""
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
    """The messages up to the end of the body, or until there is more than is taken."""
    read: list[Message] = []
    size = 0
    while True:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        # Another kind is http.disconnect: whoever comes after us reads it in the replay.
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
    """An open session: when a request of it ended last, and how many are under way."""

    used_at: float
    under_way: int = 0


class Sessions:
    """Makes room for a new session: of those without a request under way the least used one ends.

    Where each has one, an open stream included, the SDK answers 503.
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
        if name is not None:
            await self._used(name, scope, receive, send)
        elif scope["method"] == "POST" and _is_of_sessions(headers):
            await self._opened(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _used(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        session = self._open.get(name)
        if session is None:
            await self._app(scope, receive, send)
            return
        # Counted while it runs: an open stream is a session in use, however long it is silent.
        session.under_way += 1
        answer = _Head(send)
        try:
            await self._app(scope, receive, answer)
        finally:
            session.under_way -= 1
            session.used_at = anyio.current_time()
            # 404 is the SDK's word for a session it has ended by itself.
            is_over = scope["method"] == "DELETE" and answer.status < 300
            if is_over or answer.status == 404:
                self._open.pop(name, None)
            elif name in self._open:
                # The order is that of the last use: room is made from the front.
                self._open.move_to_end(name)

    async def _opened(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The whole body is there (WholeBodies), in a message or more: this method begins it.
        message = await receive()
        if b'"initialize"' in message.get("body", b""):
            await self._make_room(scope)
        answer = _Head(send)
        # Counted before it is open: others that open meanwhile must not take the same room.
        self._opening += 1
        try:
            await self._app(scope, _replayed([message], receive), answer)
        finally:
            self._opening -= 1
            if answer.status < 300 and answer.session is not None:
                self._open[answer.session] = _Session(anyio.current_time())

    async def _make_room(self, scope: Scope) -> None:
        """End the sessions that are used least, as their clients would."""
        longest = anyio.current_time() - SESSION_IDLE_SECONDS
        # A copy: sessions open and end while those that leave are awaited.
        idle = [(name, one) for name, one in self._open.items() if not one.under_way]
        for name, one in idle:
            if one.used_at < longest:  # the SDK ended it by itself
                del self._open[name]
            elif len(self._open) + self._opening >= self._most:
                del self._open[name]
                await self._app(_ending(scope, name), _nothing_more, _unheard)


class _Head:
    """Hands an answer on, and keeps its status and the session it names."""

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
    """Whether the era of a request has sessions; the first message need not tell its version."""
    version = headers.get(_VERSION)
    return version is None or version in HANDSHAKE_PROTOCOL_VERSIONS


def _ending(scope: Scope, name: str) -> Scope:
    """The request by which a client ends its session."""
    # Host and accept of the request at hand; the token was checked further out.
    kept = [(k, v) for k, v in scope["headers"] if k in (b"host", b"accept")]
    named = (_SESSION.encode(), name.encode("latin-1"))
    return {**scope, "method": "DELETE", "headers": [*kept, named], "state": {}}


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unheard(message: Message) -> None:
    del message


def write_token(port: int) -> tuple[str, Path]:
    """A new token in a file that only its owner can read; one for each port.

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
        # Written aside and moved: nobody reads half a token, or one that others may read.
        new = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writing:
            writing.write(token)
        new.replace(file)  # whatever stood there, a link too, is not written through
    except (OSError, RuntimeError) as error:
        raise Misconfigured(
            "--http outside the sandbox needs a bearer token in a file of the user's data folder, "
            f"which cannot be written ({type(error).__name__})."
        ) from None
    return token, file


def remove_token(token: str, file: Path) -> None:
    """Remove the file, unless another server has written its own there."""
    with suppress(OSError):
        # Two servers on one port number, one after the other: the file may be the second's by now.
        if file.read_text() == token:
            file.unlink()
