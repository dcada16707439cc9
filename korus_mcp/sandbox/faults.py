"""Scripted faults, as from gateways, networks and overload."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.jsonld import LD_JSON, Refused, refusal

_WORD = re.compile(r"[\w-]+")
# More than a client should accept as one answer.
_TEN_MEGABYTES = 10 * 1024 * 1024
_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>gateway</body></html>"


class ConnectionDropped(ConnectionResetError):
    """The connection was dropped without an answer."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Answer with a status and do nothing."""

    status: int
    body: Literal["html", "empty", "problem"] = "html"
    retry_after: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delay:
    """Carry the request out after a delay by the sandbox's clock."""

    seconds: float


@dataclass(frozen=True)
class Truncate:
    """Carry the request out, but send only the first half of the answer, as if it were complete."""


@dataclass(frozen=True)
class Oversize:
    """Answer with 10 MB of JSON."""


@dataclass(frozen=True)
class NotAnObject:
    """Answer with JSON that is a list."""


@dataclass(frozen=True)
class DropBefore:
    """Drop the connection without doing anything."""


@dataclass(frozen=True)
class DropAfter:
    """Carry the request out, then drop the connection without an answer (T34)."""


Action = Answer | Delay | Truncate | Oversize | NotAnObject | DropBefore | DropAfter


@dataclass(kw_only=True, slots=True)
class FaultRule:
    """When a fault applies. `times` is counted down, None is always; `issuer` is like "park"."""

    action: Action
    operation: str = "*"
    times: int | None = 1
    issuer: str | None = None


@dataclass(eq=False, slots=True)
class Faults:
    """The rules in force, in the order they were added."""

    rules: tuple[FaultRule, ...] = ()
    """The rules that still apply."""

    def add(
        self,
        action: Action,
        operation: str = "*",
        *,
        times: int | None = 1,
        issuer: str | None = None,
    ) -> None:
        """Add a fault for an operation, for a number of times or always."""
        self.rules += (FaultRule(action=action, operation=operation, times=times, issuer=issuer),)

    def clear(self) -> None:
        """Remove all faults."""
        self.rules = ()

    def strike(
        self, operation: str | None, issuers: Callable[[], frozenset[str]]
    ) -> Iterator[Action]:
        """Yield the faults for a request, delays and at most one other; count their rules down."""
        struck = False
        for rule in self.rules:
            is_delay = isinstance(rule.action, Delay)
            if (struck and not is_delay) or rule.operation not in {"*", operation}:
                continue
            # Checked last: to find the issuer, the body has to be parsed.
            if rule.issuer is not None and rule.issuer not in issuers():
                continue
            struck = struck or not is_delay
            if rule.times is not None:
                rule.times -= 1
                if rule.times < 1:
                    self.rules = tuple(each for each in self.rules if each is not rule)
            yield rule.action


@dataclass(eq=False, slots=True)
class FaultyApp:
    """Middleware around the whole app that applies the faults."""

    app: ASGIApp
    faults: Faults
    clock: Clock
    issuers_named: Callable[[list[str]], frozenset[str]]
    operation_of: Callable[[Scope], str | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or fail as the rules say."""
        if not self.faults.rules:
            await self.app(scope, receive, send)
            return
        # The body is read here to find the issuer (orders name holds, holds name offers), and is
        # passed to the app again.
        body = await Request(scope, receive).body()
        again = _replayed(body, receive)
        words = _WORD.findall(scope["path"] + " " + body.decode("utf-8", "replace"))
        strike = self.faults.strike(self.operation_of(scope), lambda: self.issuers_named(words))
        for action in list(strike):
            if not isinstance(action, Delay):
                await self._fail(action, scope, again, send)
                return
            # By the sandbox's clock: a manual one does not really wait.
            await self.clock.sleep(action.seconds)
        await self.app(scope, again, send)

    async def _fail(self, action: Action, scope: Scope, receive: Receive, send: Send) -> None:
        match action:
            case Answer():
                await _response(action)(scope, receive, send)
            case Oversize():
                filler = b'{"member":["' + b"a" * _TEN_MEGABYTES + b'"]}'
                await Response(filler, media_type=LD_JSON)(scope, receive, send)
            case NotAnObject():
                await Response(b'["not an object"]', media_type=LD_JSON)(scope, receive, send)
            case Truncate():
                await self._truncated(scope, receive, send)
            case DropAfter():
                # The dangerous case: the order exists, but no answer arrives (T34).
                await self.app(scope, receive, _swallow)
                raise ConnectionDropped("dropped before the answer, after the work")
            case _:
                raise ConnectionDropped("dropped before the work")

    async def _truncated(self, scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        whole = b"".join(message.get("body", b"") for message in messages)
        # With the `Content-Length` of the half, so that only the broken JSON shows the fault.
        half = Response(whole[: len(whole) // 2], messages[0]["status"], media_type=LD_JSON)
        await half(scope, receive, send)


def _response(action: Answer) -> Response:
    match action.body:
        case "problem":
            response = refusal(Refused(action.status, "Scripted fault"))
        case "empty":
            response = Response(status_code=action.status)
        # A gateway's error page is no JSON (T30).
        case _:
            response = HTMLResponse(_HTML.format(action.status), action.status)
    if action.retry_after is not None:
        response.headers["Retry-After"] = action.retry_after
    return response


async def _swallow(message: Message) -> None:
    """Discard a part of an answer."""


def _replayed(body: bytes, receive: Receive) -> Receive:
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return unread.pop() if unread else await receive()

    return again
