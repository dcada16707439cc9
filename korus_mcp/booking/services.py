"""The services of booking, put together over one journal."""

from dataclasses import dataclass

from anyio.abc import TaskGroup

from korus_mcp.api import KorusApi
from korus_mcp.booking.desk import BookingDesk
from korus_mcp.booking.names import NameBook
from korus_mcp.booking.ordering import OrderDesk
from korus_mcp.booking.orders import OrderBook
from korus_mcp.booking.ports import Catalog
from korus_mcp.booking.prices import ShownPrices
from korus_mcp.booking.quote import Quotes
from korus_mcp.booking.tickets import TicketOffice
from korus_mcp.journal.records import Journal
from korus_mcp.settings import Settings


@dataclass(frozen=True, kw_only=True)
class BookingServices:
    """What quotes, holds, orders and hands out tickets."""

    quotes: Quotes
    desk: BookingDesk
    ordering: OrderDesk
    orders: OrderBook
    office: TicketOffice


def open_booking(
    settings: Settings,
    api: KorusApi,
    *,
    catalog: Catalog,
    journal: Journal,
    prices: ShownPrices,
    tasks: TaskGroup,
) -> BookingServices:
    """Put the services together; what they start belongs to `tasks`."""
    names = NameBook(api.ticketing, catalog)
    quotes = Quotes(api.ticketing, catalog, api)
    desk = BookingDesk(
        api.booking,
        quotes,
        catalog=catalog,
        names=names,
        journal=journal,
        prices=prices,
        clock=api,
        tasks=tasks,
        settle_seconds=settings.settle_seconds,
    )
    ordering = OrderDesk(
        api.booking,
        desk,
        catalog=catalog,
        journal=journal,
        settings=settings,
        clock=api,
        tasks=tasks,
    )
    orders = OrderBook(api.booking, journal=journal, scope=settings.scope, clock=api)
    office = TicketOffice(api.booking, orders, names=names, clock=api)
    return BookingServices(
        quotes=quotes, desk=desk, ordering=ordering, orders=orders, office=office
    )
