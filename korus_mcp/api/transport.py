"""Sends requests: pools of connections, the bearer token, and what becomes of a failure.

httpx transports are used without `httpx.AsyncClient` around them: the client would log every
address (signed ones too) and keep cookies; redirects and environment settings are not wanted.
"""

import json
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from types import MappingProxyType
from typing import Literal, Protocol, TypeAlias, TypedDict, TypeVar, Unpack
from urllib.parse import urlsplit

import anyio
import certifi
import httpx
import truststore
from anyio import to_thread
from pydantic import BaseModel, ValidationError

from korus_mcp import __version__
from korus_mcp.api import jsonld
from korus_mcp.api.bodies import beginning_of, whole_body
from korus_mcp.api.breaker import Breaker
from korus_mcp.api.config import ApiConfig, Transport, checked_language
from korus_mcp.api.errors import (
    Crowded,
    Malformed,
    Outcome,
    ProxyFault,
    RateLimited,
    Unauthorized,
)
from korus_mcp.api.failures import NETWORK_FAILURES, from_answer, from_network, outcome_of_answered
from korus_mcp.api.filters import Params
from korus_mcp.api.retries import Budget, patiently
from korus_mcp.api.server_time import ServerTime
from korus_mcp.api.throttle import Throttle
from korus_mcp.foundation import measures
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.lanes import Lane, NoPlace, goes_first, is_awaited
from korus_mcp.foundation.origins import is_loopback

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Method: TypeAlias = Literal["GET", "POST", "PATCH"]


LARGE_BODY = 256 * 1024
"""Bytes of a body that take some milliseconds to parse: a larger one is parsed in a thread."""
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_MOST_LANGUAGES = 32
_LANGUAGES_LENGTH = 256
BODY_TYPES: Mapping[Method, str] = MappingProxyType(
    {"POST": "application/ld+json", "PATCH": "application/merge-patch+json"}
)
"""The two media types of bodies (T16); always sent, though a sample leaves one out (T15)."""


_PROXY_STATUSES: Mapping[str, ProxyFault] = MappingProxyType(
    {"407": ProxyFault.SIGN_IN, "403": ProxyFault.FORBIDDEN}
)


class Told(TypedDict, total=False):
    """Whom to tell how a request gets on."""

    on_leaving: Callable[[], None] | None
    """Called right before the first byte leaves: a failure before that changed nothing."""
    on_arrival: Callable[[], Awaitable[None]] | None
    """Awaited when a success has arrived, before its JSON is parsed. A caller waits for its turn
    there, since parsing a large body takes memory."""


class Wishes(Told, total=False):
    """What a caller may wish for a call; without a language it is the configured one."""

    language: str | None
    """An `Accept-Language` value."""


@dataclass(frozen=True)
class Exchange:
    """One request on its way: which operation it is, and what is sent where."""

    operation: str
    method: Method
    url: str = field(repr=False)
    params: Params = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    on_leaving: Callable[[], None] | None = field(default=None, repr=False)
    on_arrival: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)

    def request(self, timeout: httpx.Timeout) -> httpx.Request:
        """The request as httpx sends it; brackets of filters go percent-encoded."""
        return httpx.Request(
            self.method,
            self.url,
            # None if empty: httpx would drop the query of a signed address for empty parameters.
            params=self.params or None,
            headers={
                "user-agent": f"korus-mcp/{__version__}",
                # The one encoding that bodies.py decompresses.
                "accept-encoding": "gzip",
                **self.headers,
            },
            content=self.content,
            extensions={"timeout": timeout.as_dict()},
        )


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers and the body, decoded and within its limit."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    sent: float
    """`sent` and `received`: when the request left and the headers came, by the monotonic clock."""
    received: float


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A transport with its time-outs, the lane that its requests are in, what limits how many there
    are a second, and what stops them while a host (of this address) does not answer.
    """

    transport: Transport
    timeout: httpx.Timeout
    clock: Clock
    total_seconds: float
    lane: Lane
    throttle: Throttle | None = None
    breaker_of: Callable[[str], Breaker] | None = None
    is_stopped: bool = True
    """Whether a request is not sent while its host does not answer."""

    async def send(self, exchange: Exchange, *, limit: int) -> Answer:
        """Send once and read the answer, at most `limit` bytes of a success.

        Raises:
            ApiError: Crowded, RateLimited (not asked before the time that the API named),
                Suspended, Unreachable, TimedOut, Disconnected, TooLarge or Malformed (broken
                encoding).
        """
        if not is_awaited():
            await self._hold_back(exchange)
        try:
            owner = await self.lane.enter()
        except NoPlace:
            raise Crowded(exchange.operation, Outcome.NOT_SENT) from None
        try:
            if self.throttle is not None and is_awaited():
                await self._turn(exchange, self.throttle)
            if self.breaker_of is None:
                return await self._attempt(exchange, limit)
            async with self.breaker_of(exchange.url).watching(
                exchange.operation,
                # An order is tried all the same, and so is what is read for it.
                is_stopped=self.is_stopped and not goes_first(),
                is_awaited=is_awaited(),
            ) as told:
                answer = await self._attempt(exchange, limit)
                told(answer.status)
                return answer
        finally:
            self.lane.leave(owner)

    async def _hold_back(self, exchange: Exchange) -> None:
        """Wait with what nobody waits for, and not in a place that others could have."""
        if self.breaker_of is not None:
            await self.breaker_of(exchange.url).wait()
        if self.throttle is not None:
            await self.throttle.turn(can_wait=True)

    async def _turn(self, exchange: Exchange, throttle: Throttle) -> None:
        await throttle.turn(can_wait=False)
        seconds = throttle.quiet_seconds
        # What writes is sent: whoever asked for it hears what becomes of it.
        if seconds and exchange.method == "GET":
            early = RateLimited(exchange.operation, Outcome.NOT_SENT)
            early.retry_after_seconds = seconds
            raise early

    async def _attempt(self, exchange: Exchange, limit: int) -> Answer:
        try:
            # httpx only bounds each pause; this bounds a body that drips for ever.
            with measures.upstream(exchange.operation) as seen:
                with anyio.fail_after(self.total_seconds):
                    return await self._send(exchange, limit, seen)
        except NETWORK_FAILURES as failure:
            # `from None`: httpx repeats header bytes and addresses in some of its messages.
            raise from_network(exchange.operation, exchange.method, failure) from None

    async def reach(self, operation: str, url: str) -> None:
        """Connect to an address and ask for nothing but the head of an answer, whatever that is.

        Raises:
            ApiError: Unreachable, TimedOut or Disconnected.
        """
        request = httpx.Request("HEAD", url, extensions={"timeout": self.timeout.as_dict()})
        try:
            with anyio.fail_after(self.total_seconds):
                response = await self.transport.handle_async_request(request)
                await response.aclose()
        except NETWORK_FAILURES as failure:
            raise from_network(operation, "GET", failure) from None

    async def _send(self, exchange: Exchange, limit: int, seen: measures.Seen) -> Answer:
        request = exchange.request(self.timeout)
        sent = self.clock.monotonic()
        if exchange.on_leaving is not None:
            exchange.on_leaving()
        response = await self.transport.handle_async_request(request)
        try:
            received = self.clock.monotonic()
            seen.answered(response.status_code)
            if response.is_success:
                body = await whole_body(response, exchange.operation, exchange.method, limit)
            else:
                body = await beginning_of(response)
            return Answer(response.status_code, response.headers, body, sent, received)
        finally:
            await response.aclose()


class Pools:
    """The pools of connections. `creations` uses each connection once, the others keep them alive.

    On a kept-alive connection a POST sometimes fails with an unknown outcome, on a fresh one it
    does not (measured, docs/promises.md). An injected transport serves all pools. Nothing is
    opened before the first request.
    """

    def __init__(self, config: ApiConfig, clock: Clock, transport: Transport | None) -> None:
        self._config = config
        self._clock = clock
        self._injected = transport
        self.budget = Budget(clock)
        self.throttle = Throttle(clock, config.reads_per_second)
        self.breaker = Breaker(clock, "api")
        self._document_breakers: dict[str, Breaker] = {}

    @cached_property
    def reads(self) -> Pool:
        """Reads and the PATCHes."""
        few, longest = self._config.parallel_per_caller, self._config.read_queue_timeout
        lane = Lane("reads", self._config.parallel, share=few, seconds=longest, is_kept=True)
        pool = self._pool(lane, self._config.parallel, self._config.read_total)
        return replace(pool, throttle=self.throttle, breaker_of=lambda _: self.breaker)

    @cached_property
    def tokens(self) -> Pool:
        """The token endpoint, which must not wait behind a queue of reads."""
        # One request at a time: there is only one renewal, and it must not wait for long. A failed
        # one is remembered for a moment (`auth`), so it needs no breaker.
        lane = Lane("tokens", 1, seconds=self._config.queue_timeout)
        return self._pool(lane, 1, self._config.read_total)

    @cached_property
    def creations(self) -> Pool:
        """The POSTs that hold or book."""
        places, total = self._config.parallel_orders, self._config.creation_timeout
        # Bounded: a POST sent too late could act after its order is no longer waited for.
        longest = self._config.queue_timeout
        lane = Lane("bookings", places, share=self._all_but_one(places), seconds=longest)
        # `kept=0`: each connection carries one POST and is closed.
        pool = self._pool(lane, places, total, read=total, kept=0)
        # Its claim stands: it is sent, whatever became of requests before it.
        return replace(pool, breaker_of=lambda _: self.breaker, is_stopped=False)

    @cached_property
    def documents(self) -> Pool:
        """Downloads from the hosts of signed addresses."""
        places = self._config.parallel_orders
        lane = Lane("documents", places, share=self._all_but_one(places))
        pool = self._pool(lane, places, self._config.creation_timeout)
        return replace(pool, breaker_of=self._document_breaker)

    def _document_breaker(self, url: str) -> Breaker:
        # As many hosts as are listed: an address of another one never comes here.
        host = urlsplit(url).netloc
        return self._document_breakers.setdefault(host, Breaker(self._clock, "documents"))

    async def aclose(self) -> None:
        """Close what was opened."""
        for name in ("reads", "tokens", "creations", "documents"):
            pool = self.__dict__.pop(name, None)
            if isinstance(pool, Pool):
                await pool.transport.aclose()

    def _all_but_one(self, places: int) -> int | None:
        """How many of these places one caller may have, where there are several callers."""
        return None if self._config.parallel_per_caller is None else max(1, places - 1)

    def _pool(
        self,
        lane: Lane,
        places: int,
        total_seconds: float,
        *,
        read: float | None = None,
        kept: int | None = None,
    ) -> Pool:
        """A pool for `places` requests at once; times in seconds. `kept` idle connections stay."""
        limits = httpx.Limits(max_connections=places, max_keepalive_connections=kept)
        connect, write = self._config.connect_timeout, self._config.read_timeout
        # The lane lets no more requests in than there are connections: no real wait for one.
        timeout = httpx.Timeout(connect=connect, read=read or write, write=write, pool=2.0)
        return Pool(
            transport=self._injected or WayOut(self._config, limits),
            timeout=timeout,
            clock=self._clock,
            total_seconds=total_seconds,
            lane=lane,
        )


class WayOut(httpx.AsyncBaseTransport):
    """The connections of one pool: through the proxy if there is one, but directly to this machine
    and to excepted hosts.
    """

    def __init__(self, config: ApiConfig, limits: httpx.Limits) -> None:
        tls = trusting(config.ca_file, config.ca_folder)
        made = partial(
            httpx.AsyncHTTPTransport, verify=tls, trust_env=False, limits=limits, retries=0
        )
        self._no_proxy = config.no_proxy
        self._straight = made()
        self._proxied = None
        if config.proxy is not None:
            # A proxy that is spoken to over plain http has no certificate.
            to_it = tls if config.proxy.startswith("https:") else None
            self._proxied = made(proxy=httpx.Proxy(config.proxy, ssl_context=to_it))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        host = request.url.host
        # A proxy elsewhere would take a loopback address for its own machine.
        if self._proxied is None or is_loopback(host) or _is_excepted(host, self._no_proxy):
            return await self._straight.handle_async_request(request)
        try:
            return await self._proxied.handle_async_request(request)
        except httpx.ProxyError as refusal:
            # The proxy opened no tunnel, so nothing was sent. Of its message, which may repeat a
            # password, the status counts.
            why = _PROXY_STATUSES.get(str(refusal)[:3], ProxyFault.OTHERWISE)
            raise httpx.ConnectError(why, request=request) from refusal

    async def aclose(self) -> None:
        """Close what is open."""
        await self._straight.aclose()
        if self._proxied is not None:
            await self._proxied.aclose()


def _is_excepted(host: str, no_proxy: str) -> bool:
    """Whether a host, or a parent domain of it, is in a list like NO_PROXY, as curl reads it."""
    # A leading dot changes nothing, in curl and in most other programs.
    names = [name.strip().lower().lstrip(".") for name in no_proxy.split(",")]
    return any(n == "*" or f".{host}".endswith(f".{n}") for n in names if n)


# Kept: to read a hundred and fifty certificates takes longer than most calls.
@cache
def trusting(ca_file: str | None, ca_folder: str | None) -> ssl.SSLContext:
    """The TLS settings: which authorities are trusted.

    These are the system's and Mozilla's, or only those in `ca_file` or `ca_folder`. So a small
    container without a list of its own works, and so does a system that knows a firm's authority.
    """
    if ca_file is not None or ca_folder is not None:
        return ssl.create_default_context(cafile=ca_file, capath=ca_folder)
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Added to what the system trusts.
    context.load_verify_locations(cafile=certifi.where())
    return context


class Bearer(Protocol):
    """What `Wire` needs of a source of tokens; `auth.TokenSource` is one."""

    async def authorization(self, *, life_seconds: float) -> tuple[str, int]:
        """The `Authorization` value of a token with `life_seconds` left, and its generation."""

    def reject(self, generation: int) -> bool:
        """Forget a token the API refused. Returns whether a new one is worth a try."""


TOKEN_LIFE_READ = 60.0
TOKEN_LIFE_CREATE = 120.0
"""Seconds a token must have left for a POST that creates, which is not repeated even on 401."""
NEW_TOKEN_SECONDS = 1.0
"""After how many seconds a write refused with 401 may be made again, with a new token."""


@dataclass(eq=False)
class Wire:
    """Calls to the API's own origin: the only place where the token is attached."""

    config: ApiConfig
    pools: Pools
    bearer: Bearer
    clock: Clock
    on_answer: Callable[[str, jsonld.JsonObject], None] | None = None
    """Called with the operation id and the body of each success."""
    languages_seen: dict[str, None] = field(default_factory=dict)

    @cached_property
    def server_time(self) -> ServerTime:
        """The API's clock, learnt from its answers."""
        return ServerTime(self.clock)

    async def read(
        self, operation: str, path: str, params: Params = (), **wishes: Unpack[Wishes]
    ) -> jsonld.JsonObject:
        """Send a GET, repeated a few times when that can help."""
        exchange = self._exchange(operation, "GET", path, params, None, **wishes)
        attempt = partial(self._with_fresh_token_once, exchange)
        return await patiently(attempt, self.config, self.clock, self.pools.budget)

    async def create(
        self, operation: str, path: str, body: jsonld.JsonObject, **wishes: Unpack[Wishes]
    ) -> jsonld.JsonObject:
        """Send a POST exactly once; after a 401 only the next call fetches a new token."""
        # Never repeated, whatever the failure: the issuer may have booked without answering (T34).
        exchange = self._exchange(operation, "POST", path, (), body, **wishes)
        return await self._send(self.pools.creations, exchange, TOKEN_LIFE_CREATE)

    async def change(
        self, operation: str, path: str, body: jsonld.JsonObject, **wishes: Unpack[Wishes]
    ) -> jsonld.JsonObject:
        """Send a PATCH once; a second time only after a 401, which comes before any processing."""
        exchange = self._exchange(operation, "PATCH", path, (), body, **wishes)
        return await self._with_fresh_token_once(exchange)

    def _exchange(
        self,
        operation: str,
        method: Method,
        path: str,
        params: Params,
        body: jsonld.JsonObject | None,
        *,
        language: str | None = None,
        **told: Unpack[Told],
    ) -> Exchange:
        headers = {
            "accept": "application/ld+json",
            "accept-language": checked_language(language or self.config.language),
        }
        if body is not None:
            headers["content-type"] = BODY_TYPES[method]
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        url = self.config.api_url + path
        return Exchange(operation, method, url, params, headers, content, **told)

    async def _with_fresh_token_once(self, exchange: Exchange) -> jsonld.JsonObject:
        with suppress(Unauthorized):  # nothing was done (A18); the next try takes a new token
            return await self._send(self.pools.reads, exchange, TOKEN_LIFE_READ)
        return await self._send(self.pools.reads, exchange, TOKEN_LIFE_READ)

    async def _send(self, pool: Pool, exchange: Exchange, life_seconds: float) -> jsonld.JsonObject:
        authorization, generation = await self.bearer.authorization(life_seconds=life_seconds)
        # Put in only here: an exchange that is logged or kept elsewhere holds no token.
        headers = {**exchange.headers, "authorization": authorization}
        answer = await pool.send(replace(exchange, headers=headers), limit=self.config.json_limit)
        # Before the status is looked at: a refusal has a `Date`, too.
        self.server_time.learn(answer.headers, sent=answer.sent, received=answer.received)
        if exchange.on_arrival is not None and httpx.codes.is_success(answer.status):
            await exchange.on_arrival()
        try:
            check_status(exchange, answer, self.clock)
            read = partial(jsonld.json_object, answer.body)
            # For a small body a thread costs more than parsing it.
            body = await _done(read, in_thread=len(answer.body) > LARGE_BODY)
        except jsonld.NotReadable as failure:
            raise malformed(exchange.operation, exchange.method, str(failure)) from None
        except RateLimited as error:
            # All reads wait for as long as one was told; a write's answer is its caller's matter.
            is_read = exchange.method == "GET"
            self.pools.throttle.slow_down(error.retry_after_seconds if is_read else None)
            raise
        except Unauthorized as error:
            # A token that was good a while ago may have been revoked: a new one may help. A fresh
            # token that is refused means that the account has no access.
            if self.bearer.reject(generation):
                error.retry_after_seconds = NEW_TOKEN_SECONDS
            raise
        self._note_language(answer.headers.get("content-language", ""))
        # Only successes: `korus-mcp check` compares them with the contract.
        if self.on_answer is not None:
            self.on_answer(exchange.operation, body)
        return body

    def _note_language(self, text: str) -> None:
        """Remember the languages in a `Content-Language` header, each once."""
        # The header is outside data: its length, the number of languages and their form are bounded
        # (A24).
        for tag in text[:_LANGUAGES_LENGTH].split(","):
            if len(self.languages_seen) < _MOST_LANGUAGES and _TAG.fullmatch(tag.strip()):
                self.languages_seen.setdefault(tag.strip().lower())


async def _done(work: Callable[[], T], *, in_thread: bool) -> T:
    """The result of work that may be done in a thread.

    It is done even if the caller is cancelled meanwhile: the answer may say what was booked.
    """
    if not in_thread:
        return work()
    # The thread cannot be stopped anyway; without the shield its result would be lost.
    with anyio.CancelScope(shield=True):
        done = await to_thread.run_sync(work)
    return done  # noqa: RET504 - to a type checker the scope may end without a value


def check_status(exchange: Exchange, answer: Answer, clock: Clock) -> None:
    """Raise the error of any status that is no success.

    Raises:
        ApiError: The status is no success.
    """
    if not httpx.codes.is_success(answer.status):
        told = (answer.status, answer.headers, answer.body)
        raise from_answer(exchange.operation, exchange.method, *told, now=clock.now())


async def read_model(operation: str, method: Method, model: type[M], body: object) -> M:
    """The body as a model; a large one is validated in a thread, even if the caller is cancelled
    meanwhile: it may say what was booked.

    Raises:
        Malformed: The body does not fit the model; the outcome of a write is `UNKNOWN`.
    """
    read = partial(model.model_validate, body)
    try:
        return await _done(read, in_thread=jsonld.is_large(body))
    except ValidationError:
        # `from None`: pydantic repeats the input in its message.
        raise malformed(operation, method, f"not a {model.__name__}") from None


def malformed(operation: str, method: Method, reason: str) -> Malformed:
    """The error for a success with an unreadable body."""
    return Malformed(operation, outcome_of_answered(method), reason=reason)
