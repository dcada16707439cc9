"""KorusApi: one account of the KorusTicket API, with its connections, token and clock."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from korus_mcp.api.auth import Token, TokenSource
from korus_mcp.api.booking import Booking
from korus_mcp.api.config import ApiConfig
from korus_mcp.api.documents import Downloads
from korus_mcp.api.jsonld import JsonObject
from korus_mcp.api.ticketing import Ticketing
from korus_mcp.api.transport import Lanes, Wire
from korus_mcp.clock import Clock, SystemClock


class KorusApi:
    """The API as one account sees it: `ticketing` for reading, `booking` for holding and ordering.

    Nothing is opened before the first call; close with `async with` or `aclose()`. An injected
    `transport` (an ASGI app, a mock) serves the API, the token endpoint and the documents.
    `on_answer` is told each parsed success of the API: operation id and body.
    """

    def __init__(
        self,
        config: ApiConfig,
        *,
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_answer: Callable[[str, JsonObject], None] | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.config = config
        self._lanes = Lanes(config, clock, transport)
        self._tokens = TokenSource(config, self._lanes, clock)
        self._wire = Wire(config, self._lanes, self._tokens, clock, on_answer)
        self.ticketing = Ticketing(self._wire)
        self.booking = Booking(self._wire, Downloads(config, self._lanes, clock))

    def now(self) -> datetime:
        """The API's present moment, aware, UTC, learnt from its `Date` headers."""
        return self._wire.server_time.now()

    @property
    def skew_bound_seconds(self) -> float:
        """How far `now()` may be off; 30 before the first answer."""
        return self._wire.server_time.bound_seconds

    async def token(self) -> Token:
        """A valid token, fetched if need be; its text never shows in `repr`.

        Raises:
            TokenRefused: The credentials are wrong.
            TokenUnavailable: No usable answer.
        """
        return await self._tokens.token()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._lanes.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
