"""Checks of a request over HTTP before the SDK sees it: host, origin, caller, body, sessions.

The SDK checks Host and Origin on its own path, and limits the size of bodies and the number of
sessions. But it takes a name with and without a port for two, waits for ever for the end of a body,
does not answer CORS preflights, and refuses new clients while sessions of crashed clients are open.
ASGI middleware does that here.
"""

import logging
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, authorization_context
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    TransportSecuritySettings,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from platformdirs import user_data_path
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from korus_mcp.app import App
from korus_mcp.foundation.marks import marked
from korus_mcp.foundation.origins import is_loopback
from korus_mcp.foundation.private_files import user_folder, write_new
from korus_mcp.server.observing import mark_at_door
from korus_mcp.settings import HTTP_PATH, NAME, Misconfigured

Guard: TypeAlias = Callable[[ASGIApp], ASGIApp]
"""Puts around an application what judges who calls; what it refuses, the application never sees."""

PATH: Final = HTTP_PATH
PAGES: Final = "/approve"
"""Where pages for people are, below the address of the server."""
BACK: Final = f"{PAGES}/signed-in"
"""Where the sign-in provider sends their browsers back to."""
MOST_SESSIONS: Final = 1_000
"""At most so many open sessions, which only revisions of the protocol up to 2025-11-25 have."""
SESSION_IDLE_SECONDS: Final = 30 * 60
"""A session ends after this time without a request; an open stream counts as a request."""
BODY_SECONDS: Final = 20.0
"""The longest a body may take to arrive after the request's head."""
MOST_BODY_BYTES: Final = 64 * 1024 * 1024
"""How much all bodies that are arriving may hold together."""
_SESSION: Final = "mcp-session-id"
_VERSION: Final = "mcp-protocol-version"
_HOST: Final = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnPages:
    """Pages for people, at paths that begin with `prefix`; `app` judges origins and visitors."""

    prefix: str
    app: ASGIApp


def door(
    server: MCPServer[App],
    host: str,
    *,
    hosts: Collection[str] = (),
    origins: Collection[str] = (),
    guard: Guard | None = None,
    most_sessions: int = MOST_SESSIONS,
    own: OwnPages | None = None,
) -> ASGIApp:
    """The ASGI application for an address of this machine, `host`.

    It answers to these `hosts` (a name without a port stands for any port) and on loopback to the
    names of this machine; pages of these `origins`, and on loopback those of this machine, may call
    it, and a browser passes its answers on to no others. `guard` judges who calls; `own` are pages
    beside it.
    """
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=PATH,
        host=host,
        # Named pages and hosts are checked further out, on every path.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        session_idle_timeout=SESSION_IDLE_SECONDS,
        max_sessions=most_sessions,
    )
    # A request passes, in this order: host and origin, CORS, guard, body, session. So the body of
    # a request that is refused for its token is never read.
    app = WholeBodies(Sessions(app, most_sessions))
    if guard is not None:
        app = guard(app)
    here = _names_of_this_machine(host) if is_loopback(host) else ()
    ours = "|".join(re.escape(name) for name in here)
    # A port is always named in the origin of such a page: nobody serves one at a machine's port 80.
    pages = rf"http://({ours}):[0-9]{{1,5}}" if here else None
    app = CORSMiddleware(
        app,
        allow_origins=tuple(origins),
        allow_origin_regex=pages,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("*",),  # the protocol has headers with names from tools' arguments
        expose_headers=(_SESSION, _VERSION, "www-authenticate"),
        # Chromium asks so before a page of another place may reach this machine.
        allow_private_network=True,
    )
    app = OurNamesOnly(app, hosts=(*hosts, *here), origins=origins, pages=pages)
    if own is None:
        return app
    beside = OurNamesOnly(WholeBodies(own.app), hosts=(*hosts, *here), origins=None, pages=None)
    return _Beside(app, own.prefix, beside)


class _Beside:
    """Passes what is for pages of ours on to them, and all else to the server."""

    def __init__(self, app: ASGIApp, prefix: str, pages: ASGIApp) -> None:
        self._app = app
        self._prefix = prefix
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_of_pages = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        await (self._pages if is_of_pages else self._app)(scope, receive, send)


def _names_of_this_machine(host: str) -> tuple[str, ...]:
    own = host.lower() if ":" not in host else f"[{host.strip('[]')}]"
    return tuple(sorted({"127.0.0.1", "localhost", "[::1]", own}))


class OurNamesOnly:
    """Refuses foreign hosts and origins on every path; the SDK would do so on its own path only.

    `origins`: None where the application judges them.
    """

    # A page of another site could reach this server through a host name of its own (DNS rebinding).
    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        origins: Collection[str] | None,
        pages: str | None,
    ) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = None if origins is None else frozenset(origins)
        self._pages = re.compile(pages) if pages is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 421 or 403."""
        refused = None
        # This is outside CORS, so a foreign origin does not learn which headers are allowed.
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            # Around the look alone: what the server then does has marks of its own.
            with marked(mark_at_door(headers)):
                refused = self._refused(headers)
        await (refused or self._app)(scope, receive, send)

    def _refused(self, headers: Headers) -> Response | None:
        # What was asked for stands in the log, where the operator finds why a proxy is refused;
        # every line of the log is cleaned and cut. The answer repeats nothing.
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if not (len(hosts) == 1 and self._is_our_host(hosts[0])):
            told = ", ".join(hosts) or "none"
            _log.warning("refused, since KORUS_MCP_ALLOWED_HOSTS does not list it: Host %s", told)
            return Response("Invalid Host header", 421)
        if origins and not (len(origins) == 1 and self._is_our_origin(origins[0])):
            told = ", ".join(origins)
            _log.warning(
                "refused, since KORUS_MCP_ALLOWED_ORIGINS does not list it: Origin %s", told
            )
            return Response("Invalid Origin header", 403)
        return None

    def _is_our_host(self, given: str) -> bool:
        shape = _HOST.fullmatch(given.lower())
        return shape is not None and not self._hosts.isdisjoint((shape[0], shape["name"]))

    def _is_our_origin(self, given: str) -> bool:
        is_here = self._pages is not None and self._pages.fullmatch(given) is not None
        return is_here or self._origins is None or given in self._origins


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
        said = "A bearer token is needed: the server told its file when it started."
        refused = JSONResponse({"error": said}, 401, {"WWW-Authenticate": challenge})
        await refused(scope, receive, send)

    def _brings_it(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        # A request with two such headers is refused: a proxy before us may have checked the other.
        scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
        # Compared in constant time, so that the delay does not show how much of a guess is right.
        is_right = secrets.compare_digest(token.strip().encode("latin-1"), self._token)
        return is_right and scheme.lower() == "bearer"


class _TooManyBodies(Exception):
    """The bodies that are arriving together take more memory than they may."""


class WholeBodies:
    """Passes a request on once its whole body is there; answers 408 if it takes too long, and 503
    if too many large ones arrive at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, within the allowed time and size, then pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(BODY_SECONDS):
                read = await self._body_of(receive)
        except TimeoutError:
            late = Response("Request body did not end in time", 408, {"Connection": "close"})
            await late(scope, receive, send)
            return
        except _TooManyBodies:
            again = {"Connection": "close", "Retry-After": "1"}
            await Response("Too many request bodies at once", 503, again)(scope, receive, send)
            return
        await self._app(scope, replayed(read, receive), send)

    async def _body_of(self, receive: Receive) -> list[Message]:
        """The ASGI messages up to the end of the body, or until it is larger than the SDK accepts.

        Raises:
            _TooManyBodies: there is no room for the rest of it.
        """
        read: list[Message] = []
        size = 0
        try:
            while True:
                message = await receive()
                read.append(message)
                part = len(message.get("body", b""))
                size += part
                self._arriving += part
                if is_read(message, size):
                    return read
                # Asked last: what is whole, as nearly all requests are with their first part, is
                # answered however many others are on their way.
                if self._arriving > MOST_BODY_BYTES:
                    raise _TooManyBodies
        finally:
            self._arriving -= size


def is_read(message: Message, size: int) -> bool:
    """Whether a body of so many bytes is read with this message: it ends, or is larger than the SDK
    accepts.
    """
    # The other kind is http.disconnect: it is replayed to the inner application.
    is_over = message["type"] != "http.request" or not message.get("more_body", False)
    return is_over or size > DEFAULT_MAX_REQUEST_BODY_SIZE


def replayed(read: Sequence[Message], receive: Receive) -> Receive:
    """What gives an application the messages that were read already, then those that follow."""
    left = list(reversed(read))

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


@dataclass
class _Session:
    """An open session: when its last request ended, and how many of its requests are under way.

    `user`: whoever signed in to open it; it is nobody else's.
    """

    used_at: float
    user: object = None
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
            # It answers so, too, to somebody else, for whom there is no such session.
            is_theirs = _name_of(scope.get("user")) == _name_of(session.user)
            if is_over or (answer.status == 404 and is_theirs):
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
            await self._app(scope, replayed([message], receive), answer)
        finally:
            self._opening -= 1
            if answer.status < 300 and answer.session is not None:
                self._open[answer.session] = _Session(anyio.current_time(), scope.get("user"))

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
                await self._app(_ending(scope, name, one.user), _nothing_more, _unheard)


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


def _name_of(user: object) -> object:
    """What tells whose a session is to the SDK."""
    return authorization_context(user) if isinstance(user, AuthenticatedUser) else None


def _ending(scope: Scope, name: str, user: object) -> Scope:
    """The request by which a client ends its session, as whoever opened it."""
    # It needs no token: that is checked further out.
    kept = [(k, v) for k, v in scope["headers"] if k in (b"host", b"accept")]
    named = (_SESSION.encode(), name.encode("latin-1"))
    ended = {**scope, "method": "DELETE", "headers": [*kept, named], "state": {}}
    return ended if user is None else {**ended, "user": user}


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
