"""The services of one server, which handlers of requests use. server/composition.py builds them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import anyio

from korus_mcp.access.principal import LOCAL, Principal
from korus_mcp.api import KorusApi
from korus_mcp.booking.prices import ShownPrices
from korus_mcp.booking.quote import Quotes
from korus_mcp.catalog.calendar import OfferCalendars
from korus_mcp.catalog.finder import Finder
from korus_mcp.catalog.mirror import Mirror
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.deadlines import READ_SECONDS
from korus_mcp.foundation.pace import Pace
from korus_mcp.proposals.alternatives import Alternatives
from korus_mcp.settings import Settings

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

    from korus_mcp.booking.services import BookingServices
    from korus_mcp.proposals.seat_plans import SeatPlans


@dataclass(frozen=True, kw_only=True)
class App:
    """The services of one server, shared by all sessions; what they keep is kept by principal."""

    settings: Settings
    clock: Clock
    api: KorusApi
    mirror: Mirror
    finder: Finder
    calendars: OfferCalendars
    prices: ShownPrices
    pace: Pace
    quotes: Quotes
    alternatives: Alternatives
    flights: Flights
    open_booking: "Callable[[], BookingServices]"
    tools: frozenset[str]
    read_seconds: float = READ_SECONDS
    leaving: anyio.Event = field(default_factory=anyio.Event)

    @cached_property
    def booking(self) -> "BookingServices":
        """The services of booking; the first call that needs them imports and makes them."""
        services = self.open_booking()
        # The server is stopping, and a late call needs them first: they must refuse new work.
        if self.leaving.is_set():
            services.close()
        return services

    @cached_property
    def seat_plans(self) -> "SeatPlans":
        """The service that reads seat maps; the first call that needs it imports and makes it."""
        # Imported here so that a start does not wait for the code that draws.
        from korus_mcp.proposals.seat_plans import SeatPlans

        return SeatPlans(self.api, self.mirror, self.calendars, self.quotes, self.flights)

    @property
    def principal(self) -> Principal:
        """On whose behalf calls are made: one operator, on stdio and on loopback."""
        return LOCAL

    def language(self, wished: str | None) -> str:
        """The language of an answer: the one asked for where it is spoken, else the operator's."""
        return self.mirror.languages.spoken(wished or self.settings.language)

    async def known_language(self, wished: str) -> str:
        """The same; for a language that is not known yet, the API is asked once whether it is."""
        return await self.mirror.languages.known(wished)

    async def drain(self, seconds: float) -> None:
        """Refuse new bookings and wait at most `seconds` for those under way."""
        self.leaving.set()
        # `self.booking` would create the services here, only to stop them.
        if "booking" in vars(self):
            await self.booking.drain(seconds)

    async def close(self) -> None:
        """Close what was opened."""
        self.mirror.close()
        if "booking" in vars(self):
            await self.booking.journal.close()


class Running:
    """The services of the servers that run now, for handlers to which the SDK passes no context."""

    def __init__(self) -> None:
        self._apps: list[App] = []

    @property
    def app(self) -> App:
        """The services that were started last and still run."""
        return self._apps[-1]

    async def drain(self, seconds: float) -> None:
        """Refuse new orders and wait at most `seconds` for those under way."""
        for app in self._apps:
            await app.drain(seconds)

    def started(self, app: App) -> None:
        """Note a start."""
        self._apps.append(app)

    def stopped(self, app: App) -> None:
        """Note an end."""
        self._apps.remove(app)


def app_of(ctx: "Context[App, Any]") -> App:
    """The services of the server that answers this request."""
    return ctx.request_context.lifespan_context
