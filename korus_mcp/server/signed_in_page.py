"""The page on which a person who signed in says yes or no to their own order, over HTTP.

The address of a question is no secret: an assistant passes it on. Whoever opens it signs in at the
provider, and sees the question if it was put to them. All others, and those who are not signed in,
are answered alike, whether or not there is such a question.

Nothing is kept here. A browser has a cookie while its person signs in, and another one afterwards;
both are sealed with keys derived from the journal's, so that any server of the journal reads them.
"""

import hmac
import json
import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
from cachetools import TTLCache
from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.access.keys import ProviderDown
from korus_mcp.access.openid import Begun
from korus_mcp.access.tokens import Refused
from korus_mcp.answers.asked import Words
from korus_mcp.app import App, Running
from korus_mcp.booking.by_hand import CODE, SIGNED_IN, ByHand, Found
from korus_mcp.foundation.origins import canonical_origin
from korus_mcp.journal.records import Installation, JournalDown
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
from korus_mcp.server.http_door import BACK, PAGES, PATH, OwnPages
from korus_mcp.server.sign_in import SignIn

ANEW: Final = "anew"
"""In the query of a question's address: the person signs in once more, as somebody else."""
SIGNING_IN_SECONDS: Final = 600
SIGNED_IN_SECONDS: Final = 600
"""As long as a question is open at most."""
MOST_EXCHANGES: Final = 8
"""So many codes at once are brought to the provider; others wait."""
MOST_USED: Final = 1_000
_PERSON: Final = "korus-person"
_BEGUN: Final = "korus-signing-in-"
_MARK_LENGTH: Final = 12
_COOKIES: Final = "korus-mcp/cookies of the page/1"
_FORMS: Final = "korus-mcp/forms of the page/1"
_ERROR: Final = re.compile("[a-z_]{1,40}")
_log = logging.getLogger(__name__)


class SignedInBell(Looks):
    """Tells where the pages are. There is no desktop on which they could be opened."""

    signs_in = True

    def __init__(self, public_url: str) -> None:
        super().__init__()
        self._pages = public_url.rstrip("/") + PAGES

    async def page(self) -> str:
        """The address beneath which the pages are."""
        return self._pages

    async def open(self, code: str, address: str) -> bool:
        """Open nothing: whoever sits before this machine is not the one who is asked."""
        del code, address
        return False


@dataclass(frozen=True)
class _Visitor:
    """Whoever signed in with a browser; `mark` is that of this sign-in."""

    owner: str
    mark: str


class _Sealing:
    """What browsers keep, as they cannot read or change it, and the tokens of forms."""

    def __init__(self, installation: Installation, now: float) -> None:
        self._codec = AESGCMRequestStateCodec([installation.key_for(_COOKIES)])
        self._forms = installation.key_for(_FORMS)
        self._now = now

    def sealed(self, name: str, what: Mapping[str, str], seconds: int) -> str:
        """What a cookie of this name holds, good for so long."""
        # With its name: what is for one cookie is nothing in another.
        held = {"name": name, "until": self._now + seconds, "what": dict(what)}
        return self._codec.seal(json.dumps(held).encode())

    def opened(self, name: str, cookies: Mapping[str, str]) -> Mapping[str, str] | None:
        """What the cookie of this name holds, if it is ours and its time is not over."""
        if name not in cookies:
            return None
        try:
            held: dict[str, Any] = json.loads(self._codec.unseal(cookies[name]))
        except InvalidRequestState:
            return None
        what: Mapping[str, str] = held["what"]
        return what if held["name"] == name and self._now < held["until"] else None

    def token(self, code: str, visitor: _Visitor) -> str:
        """What a form must carry by which this visitor answers this question."""
        named = json.dumps([code, visitor.owner, visitor.mark])
        return hmac.new(self._forms, named.encode(), sha256).hexdigest()


class _Desk:
    """Answers the requests of the pages."""

    def __init__(self, running: Running, sign_in: SignIn, public_url: str) -> None:
        self._running = running
        self._sign_in = sign_in
        self._origin = canonical_origin(public_url)
        self._path = urlsplit(public_url).path.rstrip("/") + PAGES
        self._is_secure = self._origin.startswith("https:")
        self._exchanges = anyio.CapacityLimiter(MOST_EXCHANGES)
        # Of this process alone; the provider sees to it for all of them.
        self._used: TTLCache[str, bool] = TTLCache(MOST_USED, SIGNING_IN_SECONDS)

    async def asked(self, request: Request) -> Response:
        """The question, for whoever was asked; the sign-in, for who is not signed in."""
        said, code = words_for(request), request.path_params["code"]
        if CODE.fullmatch(code) is None:
            return told(said.unknown, said, 404)
        sealing = await self._sealing()
        visitor = _visitor(request, sealing)
        is_anew = ANEW in request.query_params
        if visitor is None or is_anew:
            return await self._to_the_provider(said, code, sealing, anew=is_anew)
        by_hand = await self._by_hand()
        found = await by_hand.found(code, owner=visitor.owner)
        if found is None:
            link = (f"{self._path}/{code}?{ANEW}", said.as_somebody_else)
            return page(partial(told_page, said.unknown, said, link=link), 404)
        self._note(code)
        return question(by_hand, found, said, sealing.token(code, visitor))

    async def state(self, request: Request) -> Response:
        """Whether the question is open still, for the page that shows it."""
        visitor = _visitor(request, await self._sealing())
        if visitor is None:
            return state(is_open=False, status=403)
        found = await self._found(request, visitor)
        is_open = found is not None and found[0].is_open((await self._by_hand()).clock.now())
        if is_open:
            self._note(request.path_params["code"])
        return state(is_open=is_open)

    async def pressed(self, request: Request) -> Response:
        """Write down the answer of the person who was asked."""
        said, code = words_for(request), request.path_params["code"]
        sealing = await self._sealing()
        visitor = _visitor(request, sealing)
        # A form of another page is refused by each of the three: its origin, the cookie that it
        # does not bring, and the token that it does not know.
        if request.headers.getlist("origin") != [self._origin] or visitor is None:
            return told(said.unknown, said, 403)
        form = await form_of(request)
        given, right = form.get("token", ""), sealing.token(code, visitor)
        is_ours = hmac.compare_digest(given.encode(), right.encode())
        if not is_ours or form.get("answer") not in ANSWERS:
            return told(said.unknown, said, 403)
        found = await self._found(request, visitor)
        if found is not None:
            is_yes = form["answer"] == "yes"
            await (await self._by_hand()).answer(found[0], is_yes=is_yes, way=SIGNED_IN)
        # What is shown then comes from the journal: a second press sees what the first one said.
        return RedirectResponse(f"{self._path}/{code}", 303, headers())

    async def back(self, request: Request) -> Response:
        """Take a browser back from the provider, to the question that it came for."""
        said, given = words_for(request), request.query_params
        sealing = await self._sealing()
        name = _name_of(given.get("state", ""))
        kept = sealing.opened(name, request.cookies)
        code = None if kept is None else kept["code"]
        try:
            begun = self._begun(given.multi_items(), kept)
            async with self._exchanges:
                person = await self._sign_in.client.person(begun, given["code"])
        except Refused as refused:
            _log.warning("a sign-in to the page of a question was refused: %s", refused)
            return self._without(name, told(said.not_signed_in, said, 403))
        except ProviderDown as failure:
            _log.warning("nobody can sign in to the page of a question: %s", failure)
            return self._without(name, told(said.no_provider, said, 503))
        # The way back is made of a code of ours that the cookie has, and of nothing in the address.
        there = RedirectResponse(f"{self._path}/{code}", 303, headers())
        visitor = {"owner": person.key, "mark": secrets.token_hex(16)}
        self._keep(there, sealing, _PERSON, visitor, SIGNED_IN_SECONDS)
        return self._without(name, there)

    def _begun(self, given: list[tuple[str, str]], kept: Mapping[str, str] | None) -> Begun:
        """The sign-in that this browser began and the provider answers, once.

        Raises:
            Refused: it is none, or it failed.
        """
        names = [name for name, _ in given]
        told_once = dict(given)
        if kept is None:
            raise Refused("this browser began none, or began it long ago")
        begun = Begun(**{name: kept[name] for name in ("state", "nonce", "verifier")})
        if not hmac.compare_digest(told_once.get("state", "").encode(), begun.state.encode()):
            raise Refused("its state is another")
        if begun.state in self._used:
            raise Refused("it was used already")
        self._used[begun.state] = True
        if "error" in told_once:
            error = told_once["error"]
            raise Refused(f"the provider says {error if _ERROR.fullmatch(error) else 'no'}")
        if told_once.get("iss", self._sign_in.issuer) != self._sign_in.issuer:
            raise Refused("another issuer answers it")
        if len(names) != len(set(names)) or "code" not in told_once:
            raise Refused("it has no code, or something twice")
        return begun

    async def _to_the_provider(
        self, said: Words, code: str, sealing: _Sealing, *, anew: bool
    ) -> Response:
        begun = Begun.fresh()
        try:
            address = await self._sign_in.client.address(begun, anew=anew)
        except ProviderDown as failure:
            _log.warning("nobody can sign in to the page of a question: %s", failure)
            return told(said.no_provider, said, 503)
        there = RedirectResponse(address, 303, headers())
        kept = {**begun.kept, "code": code}
        # One cookie for each sign-in: two pages that are opened at once do not end each other's.
        self._keep(there, sealing, _name_of(begun.state), kept, SIGNING_IN_SECONDS)
        return there

    def _keep(
        self,
        response: Response,
        sealing: _Sealing,
        name: str,
        what: Mapping[str, str],
        seconds: int,
    ) -> None:
        response.set_cookie(
            name,
            sealing.sealed(name, what, seconds),
            max_age=seconds,
            path=self._path,
            secure=self._is_secure,
            httponly=True,
            # The provider sends the browser back from another site: "strict" would drop it there.
            samesite="lax",
        )

    def _without(self, name: str, response: Response) -> Response:
        """The response, with which the browser forgets a cookie."""
        response.delete_cookie(
            name, path=self._path, secure=self._is_secure, httponly=True, samesite="lax"
        )
        return response

    async def _found(self, request: Request, visitor: _Visitor) -> Found | None:
        by_hand = await self._by_hand()
        return await by_hand.found(request.path_params["code"], owner=visitor.owner)

    def _note(self, code: str) -> None:
        bell = self._app.doorbell
        if isinstance(bell, SignedInBell):
            bell.note_shown(code)

    @property
    def _app(self) -> App:
        return self._running.app

    async def _by_hand(self) -> ByHand:
        by_hand = (await self._app.opened_booking()).ordering.by_hand
        if by_hand is None:
            raise RuntimeError("nobody is asked by hand")
        return by_hand

    async def _sealing(self) -> _Sealing:
        booking = await self._app.opened_booking()
        installation = await booking.journal.installation()
        return _Sealing(installation, self._app.clock.now().timestamp())


class _OfThisOrigin:
    """Refuses what a page of another origin sends."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        # Some browsers say "null" where a form of the provider leads back to us. What changes
        # something is held against our origin once more.
        is_way_back = given == ["null"] and scope["method"] == "GET"
        if given in ([], [self._origin]) or is_way_back:
            await self._app(scope, receive, send)
            return
        await Response(status_code=403, headers=headers())(scope, receive, send)


def signed_in_pages(running: Running, sign_in: SignIn, public_url: str) -> OwnPages:
    """The pages of a server that people reach at this address, and who signs them in."""
    desk = _Desk(running, sign_in, public_url)
    routes = [
        Route(f"{PATH}{BACK}", desk.back, methods=["GET"]),
        Route(f"{PATH}{PAGES}/{{code}}", desk.asked, methods=["GET"]),
        Route(f"{PATH}{PAGES}/{{code}}", desk.pressed, methods=["POST"]),
        Route(f"{PATH}{PAGES}/{{code}}/state", desk.state, methods=["GET"]),
    ]
    handlers: Any = {JournalDown: unreadable}
    app = Starlette(routes=routes, exception_handlers=handlers)
    return OwnPages(f"{PATH}{PAGES}/", _OfThisOrigin(app, canonical_origin(public_url)))


def _visitor(request: Request, sealing: _Sealing) -> _Visitor | None:
    """Whoever signed in with this browser lately."""
    held = sealing.opened(_PERSON, request.cookies)
    return None if held is None else _Visitor(**held)


def _name_of(begun: str) -> str:
    """The name of the cookie of a sign-in with this state."""
    mark = re.sub(r"[^A-Za-z0-9_-]", "", begun[:_MARK_LENGTH])
    return f"{_BEGUN}{mark}"
