"""Scripted faults: what gateways, networks and overload do to answers, on demand."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.jsonld import Refused, refusal

_WORD = re.compile(r"[\w-]+")
_TEN_MEGABYTES = 10 * 1024 * 1024
_LD_JSON = "application/ld+json; charset=utf-8"
_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>gateway</body></html>"


class ConnectionDropped(ConnectionResetError):
    """The connection went away without an answer."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Answer with a status instead of working."""

    status: int
    body: Literal["html", "empty", "problem"] = "html"
    retry_after: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delay:
    """Work, but later, by the sandbox's clock."""

    seconds: float


@dataclass(frozen=True)
class Truncate:
    """Work, and send the first half of the answer as if it were all."""


@dataclass(frozen=True)
class Oversize:
    """Answer with 10 MB of JSON."""


@dataclass(frozen=True)
class NotAnObject:
    """Answer with JSON that is a list."""


@dataclass(frozen=True)
class DropBefore:
    """Drop the connection, nothing is done."""


@dataclass(frozen=True)
class DropAfter:
    """Do the work, then drop the connection without an answer (T34)."""


Action = Answer | Delay | Truncate | Oversize | NotAnObject | DropBefore | DropAfter


@dataclass(frozen=True, kw_only=True)
class FaultRule:
    """When an action strikes; `times=None` is always, `issuer` a key such as "park"."""

    action: Action
    operation: str = "*"
    times: int | None = 1
    issuer: str | None = None


class Faults:
    """The rules in force, in the order they were added."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    @property
    def rules(self) -> tuple[FaultRule, ...]:
        """What is still to strike."""
        return tuple(self._rules)

    def add(
        self,
        action: Action,
        operation: str = "*",
        *,
        times: int | None = 1,
        issuer: str | None = None,
    ) -> None:
        """Let an action strike an operation, so many times or always."""
        rule = FaultRule(action=action, operation=operation, times=times, issuer=issuer)
        self._rules.append(rule)

    def clear(self) -> None:
        """No faults any more."""
        self._rules.clear()

    def strike(
        self, operation: str | None, issuers: Callable[[], frozenset[str]]
    ) -> Iterator[Action]:
        """The actions for a request: delays, and at most one other; uses the rules up."""
        struck = False
        for rule in tuple(self._rules):
            is_delay = isinstance(rule.action, Delay)
            if (struck and not is_delay) or not _matches(rule, operation, issuers):
                continue
            struck = struck or not is_delay
            self._use(rule)
            yield rule.action

    def _use(self, rule: FaultRule) -> None:
        if rule.times is None:
            return
        rank = next(rank for rank, each in enumerate(self._rules) if each is rule)
        if rule.times <= 1:
            del self._rules[rank]
        else:
            self._rules[rank] = replace(rule, times=rule.times - 1)


class FaultyApp:
    """The one place where faults act: around the whole app."""

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        clock: Clock,
        *,
        issuers_named: Callable[[list[str]], frozenset[str]],
        operation_of: Callable[[Scope], str | None],
    ) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock
        self._issuers_named = issuers_named
        self._operation_of = operation_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or fail at it as told."""
        if scope["type"] != "http" or not self._faults.rules:
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        again = _replayed(body, receive)
        words = _WORD.findall(scope["path"] + " " + body.decode("utf-8", "replace"))
        struck = list(
            self._faults.strike(self._operation_of(scope), lambda: self._issuers_named(words))
        )
        for action in struck:
            if not isinstance(action, Delay):
                await self._fail(action, scope, again, send)
                return
            await self._clock.sleep(action.seconds)
        await self._app(scope, again, send)

    async def _fail(self, action: Action, scope: Scope, receive: Receive, send: Send) -> None:
        match action:
            case Answer():
                await _response(action)(scope, receive, send)
            case Oversize():
                filler = b'{"member":["' + b"a" * _TEN_MEGABYTES + b'"]}'
                await Response(filler, media_type=_LD_JSON)(scope, receive, send)
            case NotAnObject():
                await Response(b'["not an object"]', media_type=_LD_JSON)(scope, receive, send)
            case Truncate():
                await self._truncated(scope, receive, send)
            case DropAfter():
                await self._app(scope, receive, _swallow)
                raise ConnectionDropped("dropped before the answer, after the work")
            case _:
                raise ConnectionDropped("dropped before the work")

    async def _truncated(self, scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        whole = b"".join(message.get("body", b"") for message in messages)
        half = Response(whole[: len(whole) // 2], media_type=_LD_JSON)
        half.status_code = messages[0]["status"]
        await half(scope, receive, send)


def _matches(rule: FaultRule, operation: str | None, issuers: Callable[[], frozenset[str]]) -> bool:
    if rule.operation not in {"*", operation}:
        return False
    return rule.issuer is None or rule.issuer in issuers()


def _response(action: Answer) -> Response:
    headers = {} if action.retry_after is None else {"Retry-After": action.retry_after}
    match action.body:
        case "problem":
            response = refusal(Refused(action.status, "Scripted fault"))
        case "empty":
            response = Response(status_code=action.status)
        case _:
            page = _HTML.format(action.status)
            response = Response(page, status_code=action.status, media_type="text/html")
    response.headers.update(headers)
    return response


async def _swallow(message: Message) -> None:
    del message


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
