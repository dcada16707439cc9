"""Builds the services of booking over one journal."""

import secrets
from dataclasses import dataclass
from functools import partial

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import KorusApi
from korus_mcp.booking.documents import Documents
from korus_mcp.booking.earlier import EarlierOrders
from korus_mcp.booking.hold_reading import HoldReader
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.naming import Beneficiaries
from korus_mcp.booking.operations import Operations
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
from korus_mcp.booking.timing import LEASE_SECONDS
from korus_mcp.foundation.coalescing import Flights, kept_apart, side_by_side
from korus_mcp.foundation.pace import UNPACED, Pace
from korus_mcp.journal.protocol import Journal, Lease, Open
from korus_mcp.settings import Settings


@dataclass(frozen=True, kw_only=True)
class BookingServices:
    """The services that hold, order and hand out tickets."""

    operations: Operations
    holds: HoldReader
    reserving: Reserver
    ordering: Ordering
    earlier: EarlierOrders
    journal: Journal
    reconciler: Reconciler
    sweep: Sweep
    reservations: ReservationStates
    orders: OrderSearch
    tickets: TicketService
    documents: Documents
    beneficiaries: Beneficiaries

    def close(self) -> None:
        """Refuse new work from now on."""
        self.operations.is_closing = True

    async def drain(self, seconds: float) -> None:
        """Refuse new work and wait at most `seconds` for what is under way.

        Sends that take longer are no longer waited for; their orders stay in doubt.
        """
        self.close()
        # Both at once: the time to stop is short, and an order may need all of it.
        enders = (self.operations, self.ordering.sender)
        await side_by_side([partial(each.drain, seconds) for each in enders])

    async def run(self) -> None:
        """Look for the outcome of orders in doubt and for late orders, for ever."""
        async with anyio.create_task_group() as group:
            group.start_soon(kept_apart, self.reconciler.run)
            group.start_soon(kept_apart, self.sweep.run)


def most_open(settings: Settings) -> Open:
    """How much one principal may hold without ordering it.

    Twice the tickets of an order, so that there is a choice while an order is under way; and no
    more money than may be ordered in a day.
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
    """Build the services. Their background work runs in `tasks`."""
    # This process's name in the journal. What it sends no other process takes over while its lease
    # lasts.
    lease = Lease(secrets.token_hex(8), LEASE_SECONDS)
    operations = Operations(Flights(tasks))
    names = ProductNames(api.ticketing, catalog)
    settling = Settling(journal, api, settings.settle_seconds)
    holds = HoldReader(
        booking=api.booking, journal=journal, names=names, clock=api, settling=settling
    )
    reserving = Reserver(
        booking=api.booking,
        quotes=quotes,
        holds=holds,
        journal=journal,
        prices=prices,
        clock=api,
        operations=operations,
        lease=lease,
        settling=settling,
        sole_writer=settings.sole_writer,
        most_open=most_open(settings),
        pace=pace,
    )
    look_up = LookUp(booking=api.booking, journal=journal, clock=api)
    reconciler = Reconciler(look_up=look_up, journal=journal, lease=lease)
    sender = Sender(
        booking=api.booking,
        look_up=look_up,
        journal=journal,
        clock=api,
        tasks=tasks,
        lease=lease,
        settle_seconds=settings.settle_seconds,
        in_doubt=reconciler.wake,
    )
    earlier = EarlierOrders(journal=journal, sender=sender, look_up=look_up)
    ordering = Ordering(
        booking=api.booking,
        holds=holds,
        sender=sender,
        earlier=earlier,
        catalog=catalog,
        journal=journal,
        settings=settings,
        clock=api,
        operations=operations,
        pace=pace,
    )
    orders = OrderSearch(
        booking=api.booking,
        earlier=earlier,
        journal=journal,
        scope=settings.scope,
        clock=api,
        settling=settling,
    )
    tickets = TicketService(
        booking=api.booking, orders=orders, names=names, clock=api, operations=operations
    )
    documents = Documents(booking=api.booking, orders=orders, clock=api, operations=operations)
    beneficiaries = Beneficiaries(
        booking=api.booking, tickets=tickets, documents=documents, clock=api, operations=operations
    )
    return BookingServices(
        operations=operations,
        holds=holds,
        reserving=reserving,
        ordering=ordering,
        earlier=earlier,
        journal=journal,
        reconciler=reconciler,
        sweep=Sweep(booking=api.booking, journal=journal, clock=api),
        reservations=ReservationStates(holds, earlier, settling, api),
        orders=orders,
        tickets=tickets,
        documents=documents,
        beneficiaries=beneficiaries,
    )
