"""What a handler may use: the services of one running server, put together in server.py."""

from dataclasses import dataclass

from korus_mcp.access.principal import LOCAL, Principal
from korus_mcp.api import KorusApi
from korus_mcp.booking.desk import BookingDesk
from korus_mcp.booking.ordering import OrderDesk
from korus_mcp.booking.orders import OrderBook
from korus_mcp.booking.prices import ShownPrices
from korus_mcp.booking.quote import Quotes
from korus_mcp.booking.tickets import TicketOffice
from korus_mcp.catalog.calendar import OfferCalendars
from korus_mcp.catalog.finder import Finder
from korus_mcp.catalog.mirror import Mirror
from korus_mcp.clock import Clock
from korus_mcp.settings import Settings


@dataclass(frozen=True, kw_only=True)
class App:
    """The services of one server, shared by all its sessions; state in them is by principal."""

    settings: Settings
    clock: Clock
    api: KorusApi
    mirror: Mirror
    finder: Finder
    calendars: OfferCalendars
    quotes: Quotes
    prices: ShownPrices
    desk: BookingDesk
    ordering: OrderDesk
    orders: OrderBook
    office: TicketOffice

    tools: frozenset[str]

    @property
    def principal(self) -> Principal:
        """On whose behalf calls are made: one operator, on stdio and on loopback."""
        return LOCAL

    def language(self, wished: str | None) -> str:
        """The language of an answer: the one asked for, else the operator's."""
        return wished or self.settings.language


class Running:
    """The services of the server that runs now: for handlers the SDK gives no context."""

    def __init__(self) -> None:
        self._apps: list[App] = []

    @property
    def app(self) -> App:
        """The services that were started last and still run."""
        return self._apps[-1]

    async def drain(self, seconds: float) -> None:
        """Take no new order and wait for those on their way, so long at most."""
        for app in self._apps:
            await app.ordering.drain(seconds)

    def started(self, app: App) -> None:
        """Note a start."""
        self._apps.append(app)

    def stopped(self, app: App) -> None:
        """Note an end."""
        self._apps.remove(app)
