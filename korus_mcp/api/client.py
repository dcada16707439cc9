"""KorusApi: one account of the KorusTicket API, with its connections, token and clock.

httpx is imported and the connections are made at the first request: a client that is never called
costs nothing.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from anyio.abc import AsyncResource

from korus_mcp.api.config import ApiConfig, Transport
from korus_mcp.foundation.clock import CLOCK_SKEW, Clock, SystemClock

if TYPE_CHECKING:
    from korus_mcp.api.auth import Token, TokenSource
    from korus_mcp.api.booking import Booking
    from korus_mcp.api.jsonld import JsonObject
    from korus_mcp.api.ticketing import Ticketing
    from korus_mcp.api.transport import Pools, Wire


@dataclass(eq=False, repr=False)
class KorusApi(AsyncResource):
    """The API as one account sees it: `ticketing` for reading, `booking` for holding and ordering.

    Nothing is opened before the first call; close with `async with` or `aclose()`. An injected
    `transport` (an ASGI app, a mock) serves the API, the token endpoint and the documents.
    `on_answer` is called with the operation id and the parsed body of each success.
    """

    config: ApiConfig
    _: KW_ONLY
    clock: Clock | None = None
    transport: Transport | None = None
    on_answer: "Callable[[str, JsonObject], None] | None" = None

    def __post_init__(self) -> None:
        self._clock = self.clock or SystemClock()

    @cached_property
    def ticketing(self) -> "Ticketing":
        """The catalog side: what can be sold, when, and what is left."""
        from korus_mcp.api.ticketing import Ticketing

        return Ticketing(self._wire)

    @cached_property
    def booking(self) -> "Booking":
        """Reservations, orders, documents and tickets."""
        from korus_mcp.api.booking import Booking
        from korus_mcp.api.documents import Downloads

        return Booking(self._wire, Downloads(self.config, self._pools, self._clock))

    def now(self) -> datetime:
        """The present time by the API's clock (aware, UTC), from the `Date` headers it sends."""
        return self._wire.server_time.now()

    @property
    def is_known(self) -> bool:
        """Whether `now()` comes from `Date` headers of the API that agree with each other."""
        return self._wire.server_time.is_known

    @property
    def unknown_skew(self) -> timedelta:
        """How far `now()` may be off, early or late, while only our own clock tells it: a day.
        Zero once the API told the time.
        """
        return timedelta(0) if self.is_known else CLOCK_SKEW

    @property
    def is_days_off(self) -> bool:
        """Whether the API's clock and our own are more than a day apart."""
        return self._wire.server_time.is_days_off

    @property
    def is_suspended(self) -> bool:
        """Whether the API did not answer, and is left alone for a while."""
        return "_pools" in self.__dict__ and self._pools.breaker.is_open

    @property
    def skew_bound_seconds(self) -> float:
        """How far `now()` may be off; 30 before the first answer."""
        return self._wire.server_time.skew_bound_seconds

    @property
    def languages_seen(self) -> tuple[str, ...]:
        """The languages that answers were in, by their `Content-Language` header: at most 32."""
        return tuple(self._wire.languages_seen)

    async def token(self) -> "Token":
        """A valid token, fetched if need be; its text never shows in `repr`.

        Raises:
            TokenRefused: The credentials are wrong.
            TokenUnavailable: No usable answer.
        """
        return await self._tokens.token()

    async def reach_documents(self, host: str) -> None:
        """Connect to a host of documents, as a download would; nothing is downloaded.

        Raises:
            ApiError: It cannot be reached, with the reason.
        """
        from korus_mcp.api.documents import Downloads

        await Downloads(self.config, self._pools, self._clock).reach(host)

    @cached_property
    def _pools(self) -> "Pools":
        from korus_mcp.api.transport import Pools

        return Pools(self.config, self._clock, self.transport)

    @cached_property
    def _tokens(self) -> "TokenSource":
        from korus_mcp.api.auth import TokenSource

        return TokenSource(self.config, self._pools, self._clock)

    @cached_property
    def _wire(self) -> "Wire":
        # This imports httpx and pydantic, which a server that only lists its tools does not need.
        from korus_mcp.api.transport import Wire

        return Wire(self.config, self._pools, self._tokens, self._clock, self.on_answer)

    async def aclose(self) -> None:
        """Close all connections."""
        # Not `self._pools`: the cached property would make the pools only to close them.
        if "_pools" in self.__dict__:
            await self._pools.aclose()
