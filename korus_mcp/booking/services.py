"""The services of booking, put together over one journal."""

import secrets
from dataclasses import dataclass
from functools import partial

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import KorusApi
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.order_search import OrderSearch
from korus_mcp.booking.ordering import Ordering
from korus_mcp.booking.ports import Catalog
from korus_mcp.booking.prices import ShownPrices
from korus_mcp.booking.quote import Quotes
from korus_mcp.booking.recovery import Reconciler, Sweep
from korus_mcp.booking.reservations import ReservationStates
from korus_mcp.booking.reserving import Reserver
from korus_mcp.booking.sending import Sender
from korus_mcp.booking.settling import Settling
from korus_mcp.booking.tickets import TicketService
from korus_mcp.foundation.coalescing import kept_apart, side_by_side
from korus_mcp.foundation.pace import UNPACED, Pace
from korus_mcp.journal.protocol import Journal, Open
from korus_mcp.settings import Settings


@dataclass(frozen=True, kw_only=True)
class BookingServices:
    """What quotes, holds, orders and hands out tickets."""

    reserving: Reserver
    ordering: Ordering
    journal: Journal
    reconciler: Reconciler
    sweep: Sweep
    reservations: ReservationStates
    orders: OrderSearch
    tickets: TicketService

    def close(self) -> None:
        """Take nothing new."""
        self.reserving.close()
        self.ordering.close()
        self.tickets.close()

    async def drain(self, seconds: float) -> None:
        """Take nothing new and wait for what is on its way, so long at most."""
        self.close()
        rooms = (self.ordering, self.reserving, self.tickets)
        await side_by_side([partial(room.drain, seconds) for room in rooms])

    async def run(self) -> None:
        """Look after orders in doubt and late ones, for ever."""
        async with anyio.create_task_group() as group:
            group.start_soon(kept_apart, self.reconciler.run)
            group.start_soon(kept_apart, self.sweep.run)


def most_open(settings: Settings) -> Open:
    """What one principal may hold without ordering it.

    Twice the tickets of an order: some to choose from beside those that are being ordered. And no
    more than may be ordered in a day.
    """
    return Open(settings.max_open_holds, 2 * settings.max_tickets, settings.max_day_amount)


def open_booking(
    settings: Settings,
    api: KorusApi,
    *,
    catalog: Catalog,
    quotes: Quotes,
    journal: Journal,
    prices: ShownPrices,
    tasks: TaskGroup,
    pace: Pace = UNPACED,
) -> BookingServices:
    """Put the services together; what they start belongs to `tasks`."""
    worker = secrets.token_hex(8)
    names = ProductNames(api.ticketing, catalog)
    settling = Settling(journal, api, settings.settle_seconds)
    reserving = Reserver(
        api.booking,
        quotes,
        names=names,
        journal=journal,
        prices=prices,
        clock=api,
        tasks=tasks,
        worker=worker,
        settle_seconds=settings.settle_seconds,
        sole_writer=settings.sole_writer,
        most_open=most_open(settings),
        pace=pace,
    )
    look_up = LookUp(api.booking, journal=journal, clock=api)
    reconciler = Reconciler(look_up, journal=journal, worker=worker)
    sender = Sender(
        api.booking,
        look_up,
        journal=journal,
        clock=api,
        tasks=tasks,
        worker=worker,
        settle_seconds=settings.settle_seconds,
        in_doubt=reconciler.wake,
    )
    ordering = Ordering(
        api.booking,
        reserving,
        sender=sender,
        look_up=look_up,
        catalog=catalog,
        journal=journal,
        settings=settings,
        clock=api,
        pace=pace,
    )
    orders = OrderSearch(
        api.booking,
        ordering=ordering,
        journal=journal,
        scope=settings.scope,
        clock=api,
        settling=settling,
    )
    return BookingServices(
        reserving=reserving,
        ordering=ordering,
        journal=journal,
        reconciler=reconciler,
        sweep=Sweep(api.booking, journal=journal, clock=api),
        reservations=ReservationStates(reserving, ordering, settling=settling, clock=api),
        orders=orders,
        tickets=TicketService(api.booking, orders, names=names, clock=api, tasks=tasks),
    )
