"""Sign-in over HTTP: this server as an OAuth 2.1 resource server (RFC 6750, RFC 9728).

A token is judged before anything is read of a request's body, and its scopes before a tool starts.
Never after: every client there is sends a call again when it is answered 401 or 403, so a tool that
had run by then would run twice. What KorusTicket answers to a tool is never an answer of this door.

The SDK has such a door of its own. It asks for all scopes it names, whatever is called, and its
challenges name none, so that clients sign their people in for nothing.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import anyio
import httpx
from anyio import to_thread
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from korus_mcp.access.keys import ProviderDown, SigningKeys
from korus_mcp.access.openid import OpenIdClient
from korus_mcp.access.policy import TokenScope
from korus_mcp.access.principal import Caller, signed_in, signed_in_as
from korus_mcp.access.provider import Provider
from korus_mcp.access.tokens import Refused, TokenJudge
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.marks import marked
from korus_mcp.server.http_door import BACK, WholeBodies, is_read, replayed
from korus_mcp.server.observing import mark_at_door
from korus_mcp.settings import Settings

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
AGAIN_SECONDS: Final = 10
"""After how long a client may ask again while the provider's keys cannot be read."""
NO_TOOLS_SECONDS: Final = 60.0
"""A line about tokens that allow nothing is in the log at most so often: programs ask again and
again."""
LARGE_BODY: Final = 65_536
"""Bytes of a body that take a while to parse: a larger one is parsed in a thread."""
Needs: TypeAlias = Callable[[str, Mapping[str, Any]], TokenScope | None]
"""The scope that a token needs for a request, by its method and parameters."""
_log = logging.getLogger(__name__)


class _Judge(Protocol):
    async def caller(self, token: str) -> Caller: ...


class SignIn:
    """What stands before a server whose people sign in.

    `scopes`: those of its tools. `transport` is the way to the provider.
    """

    def __init__(
        self,
        settings: Settings,
        scopes: Sequence[TokenScope],
        needs: Needs,
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
    ) -> None:
        if settings.auth_issuer is None or settings.public_url is None:
            raise ValueError("without an issuer and an address nobody can sign in")
        self._settings = settings
        self._issuer, self._resource = settings.auth_issuer, settings.public_url
        self._scopes, self._needs, self._clock = tuple(scopes), needs, clock
        self._asked = " ".join(settings.auth_ask_scopes or self._scopes)
        self._provider = Provider(self._issuer, transport, keys_url=settings.auth_keys_url)
        self._judge: _Judge | None = None
        self._client: OpenIdClient | None = None
        self._told_at: float | None = None
        parts = urlsplit(self._resource)
        path = parts.path.removesuffix("/")
        self._metadata_url = f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{path}"
        # Where RFC 9728 puts it, and where clients look that do not read the challenge.
        self._metadata_paths = frozenset({WELL_KNOWN, WELL_KNOWN + path})

    @property
    def issuer(self) -> str:
        """The provider's name of itself."""
        return self._issuer

    @property
    def client(self) -> OpenIdClient:
        """This server as a client of the provider.

        Raises:
            ProviderDown: not before it has started, and not without a name there.
        """
        if self._client is None:
            raise ProviderDown("the server has not started, or is no client of the provider")
        return self._client

    def guard(self, app: ASGIApp) -> ASGIApp:
        """Let through to `app` who has a good token, and of them what it allows."""
        # What a token allows depends on what the body asks for, so that has to be there.
        return _Known(self, AuthContextMiddleware(WholeBodies(_Allowed(self, app))))

    def metadata(self, path: str) -> Response | None:
        """What clients have to know to sign in (RFC 9728), at the paths where they look."""
        if path not in self._metadata_paths:
            return None
        told = {
            "resource": self._resource,
            # As it stands in the settings: clients compare it as text.
            "authorization_servers": [self._issuer],
            "scopes_supported": self._asked.split(),
            "bearer_methods_supported": ["header"],
            "resource_name": "KorusTicket",
        }
        return JSONResponse(told, headers={"cache-control": "public, max-age=300"})

    async def judged(self, given: Sequence[str]) -> Caller | Response:
        """Whose token stands in these `Authorization` headers, or the answer to a wrong one."""
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token.strip():
            return self.refusal(401, None, "Sign in to use this server.")
        try:
            if self._judge is None:
                raise ProviderDown("the server has not started")
            caller = await self._judge.caller(token.strip())
        except Refused as refused:
            _log.warning("a token was refused: %s", refused)
            return self.refusal(401, "invalid_token", "This token is not good here (any more).")
        except ProviderDown as failure:
            # Nobody is told that their token is wrong: they would sign in again for nothing.
            _log.warning("a token cannot be judged: %s", failure)
            wait = {"retry-after": str(AGAIN_SECONDS)}
            return JSONResponse({"error": "temporarily_unavailable"}, 503, wait)
        self._tell_no_tools(caller)
        return caller

    def _tell_no_tools(self, caller: Caller) -> None:
        """Tell the operator of a token that allows no tool of this server: its person sees none,
        and nothing is refused that they could report.
        """
        if not caller.scopes.isdisjoint(self._scopes):
            return
        now = self._clock.monotonic()
        if self._told_at is not None and now - self._told_at < NO_TOOLS_SECONDS:
            return
        self._told_at = now
        # Nothing of the token: neither whose it is nor what else it allows.
        wanted = ", ".join(self._scopes)
        _log.warning("a token allows no tool, so none is listed: it has none of %s", wanted)

    def missing(self, message: object, caller: Caller) -> TokenScope | None:
        """The scope that the caller's token lacks for a message."""
        each = message if isinstance(message, list) else [message]
        for one in each:
            asked = one if isinstance(one, dict) else {}
            params = asked.get("params")
            needed = self._needs(
                str(asked.get("method")), params if isinstance(params, dict) else {}
            )
            if needed is not None and needed not in caller.scopes:
                return needed
        return None

    def refusal(self, status: int, error: str | None, said: str) -> Response:
        """An answer that says how to get a token: with all scopes, as clients forget those they
        had when they are asked for one more.
        """
        parts = [f'error="{error}"', f'error_description="{said}"'] if error else []
        parts += [f'scope="{self._asked}"', f'resource_metadata="{self._metadata_url}"']
        body = {"error": error or "unauthorized", "error_description": said}
        return JSONResponse(body, status, {"www-authenticate": f"Bearer {', '.join(parts)}"})

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application's life, and what looks after the provider's keys beside it."""
        async with anyio.create_task_group() as tasks:
            keys = SigningKeys(self._provider.keys, self._clock, tasks)
            self._client = self._client_with(keys)
            self._judge = TokenJudge(
                issuer=self._issuer,
                audience=self._settings.auth_audience or self._resource,
                tenant_claim=self._settings.auth_tenant_claim,
                keys=keys,
                clock=self._clock,
            )
            try:
                await app(scope, receive, send)
            finally:
                self._judge = self._client = None
                tasks.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await self._provider.aclose()

    def _client_with(self, keys: SigningKeys) -> OpenIdClient | None:
        settings = self._settings
        if settings.auth_client_id is None:
            return None
        return OpenIdClient(
            provider=self._provider,
            keys=keys,
            client_id=settings.auth_client_id,
            client_secret=settings.auth_client_secret,
            back=self._resource.rstrip("/") + BACK,
            tenant_claim=settings.auth_tenant_claim,
        )


class _Known:
    """Answers 401 to requests without a good token, before their body is read."""

    def __init__(self, sign_in: SignIn, app: ASGIApp) -> None:
        self._sign_in = sign_in
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._sign_in.serve(self._app, scope, receive, send)
            return
        is_read = scope.get("method") in ("GET", "HEAD")
        if is_read and (told := self._sign_in.metadata(scope["path"])) is not None:
            await told(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # Around the judgement alone: what the server then does has marks of its own.
        with marked(mark_at_door(headers)):
            caller = await self._sign_in.judged(headers.getlist("authorization"))
        if isinstance(caller, Response):
            await caller(scope, receive, send)
            return
        user = AuthenticatedUser(_without_token(caller))
        named = {**scope, "user": user, "auth": AuthCredentials(sorted(caller.scopes))}
        with signed_in_as(caller):
            await self._app(named, receive, send)


class _Allowed:
    """Answers 403 to what the token does not allow, before anything begins."""

    def __init__(self, sign_in: SignIn, app: ASGIApp) -> None:
        self._sign_in = sign_in
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = signed_in()
        if scope["type"] != "http" or scope["method"] != "POST" or caller is None:
            await self._app(scope, receive, send)
            return
        read = await _messages(receive)
        message = await _parsed(b"".join(each.get("body", b"") for each in read))
        lacking = self._sign_in.missing(message, caller)
        if lacking is not None:
            method = message.get("method") if isinstance(message, dict) else None
            with marked(mark_at_door(Headers(scope=scope), method)):
                _log.warning("a call was refused: the token lacks %s", lacking)
            said = "This token does not allow that."
            await self._sign_in.refusal(403, "insufficient_scope", said)(scope, receive, send)
            return
        await self._app(scope, replayed(read, receive), send)


def _without_token(caller: Caller) -> AccessToken:
    """The caller as the SDK knows them: whose a session is, and the state of a question."""
    return AccessToken(
        token="",  # what nobody has, nobody can pass on
        client_id=caller.client,
        scopes=sorted(caller.scopes),
        expires_at=caller.expires_at,
        subject=caller.subject,
        claims={"iss": caller.issuer},
    )


async def _messages(receive: Receive) -> list[Message]:
    """The ASGI messages of a body, up to the size that the SDK accepts: a larger one it refuses."""
    read: list[Message] = []
    size = 0
    while True:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        if is_read(message, size):
            return read


async def _parsed(body: bytes) -> object:
    """The JSON of a body; None for what is none, which the SDK refuses."""
    try:
        if len(body) > LARGE_BODY:
            return await to_thread.run_sync(json.loads, body)
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
