"""Builds the services of booking over one journal."""

import secrets
from functools import partial

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import KorusApi
from korus_mcp.booking.by_hand import ByHand
from korus_mcp.booking.documents import Documents
from korus_mcp.booking.earlier import EarlierOrders
from korus_mcp.booking.hold_reading import HoldReader
from korus_mcp.booking.limits import OneOrder
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.naming import Beneficiaries
from korus_mcp.booking.operations import Operations
from korus_mcp.booking.order_search import OrderSearch
from korus_mcp.booking.ordering import Ordering
from korus_mcp.booking.own_seats import OwnSeatReader
from korus_mcp.booking.ports import Catalog
from korus_mcp.booking.prices import Prices
from korus_mcp.booking.quote import Quotes
from korus_mcp.booking.recovery import Reconciler, Sealing, Sweep
from korus_mcp.booking.reservations import ReservationStates
from korus_mcp.booking.reserving import Reserver
from korus_mcp.booking.sending import Sender
from korus_mcp.booking.sent import SentHere
from korus_mcp.booking.settling import Settling
from korus_mcp.booking.spoken import HoldLanguages
from korus_mcp.booking.standstill import Standstill
from korus_mcp.booking.tickets import TicketService
from korus_mcp.booking.timing import LEASE_SECONDS
from korus_mcp.booking.visits import Visits
from korus_mcp.foundation.coalescing import Flights, kept_apart, side_by_side
from korus_mcp.foundation.pace import UNPACED, Pace
from korus_mcp.journal import Journal
from korus_mcp.journal.records import Lease, Open
from korus_mcp.settings import Settings


class BookingServices:
    """The services that hold, order and hand out tickets; their background work runs in `tasks`."""

    def __init__(
        self,
        settings: Settings,
        api: KorusApi,
        *,
        catalog: Catalog,
        quotes: Quotes,
        journal: Journal,
        prices: Prices,
        tasks: TaskGroup,
        by_hand: ByHand | None = None,
        pace: Pace = UNPACED,
        spends_anew: bool = False,
    ) -> None:
        """`spends_anew`: what earlier processes ordered does not count for the limit of the day."""
        booking = api.booking
        # This process's name in the journal. What it sends no other process takes over while its
        # lease lasts.
        lease = Lease(secrets.token_hex(8), LEASE_SECONDS)
        self.names = ProductNames(api.ticketing, catalog)
        settling = Settling(journal, api, settings.settle_seconds)
        self.journal = journal
        self.spoken = HoldLanguages()
        self.operations = Operations(Flights(tasks))
        self.holds = HoldReader(
            booking=booking, journal=journal, names=self.names, clock=api, settling=settling
        )
        self.reserving = Reserver(
            booking=booking,
            quotes=quotes,
            holds=self.holds,
            journal=journal,
            prices=prices,
            clock=api,
            operations=self.operations,
            lease=lease,
            settling=settling,
            sole_writer=settings.sole_writer,
            answer_seconds=settings.answer_seconds,
            one_order=OneOrder.of(settings),
            most_open=most_open(settings),
            pace=pace,
        )
        look_up = LookUp(booking=booking, journal=journal, clock=api)
        self.reconciler = Reconciler(look_up=look_up, journal=journal, lease=lease)
        self.sweep = Sweep(booking=booking, journal=journal, clock=api)
        self.sealing = Sealing(journal=journal)
        sender = Sender(
            booking=booking,
            look_up=look_up,
            journal=journal,
            clock=api,
            tasks=tasks,
            lease=lease,
            settle_seconds=settings.settle_seconds,
            in_doubt=self.reconciler.wake,
            sent=SentHere(api),
        )
        self.standstill = Standstill(
            journal=journal, sender=sender, reconciler=self.reconciler, sweep=self.sweep
        )
        self.earlier = EarlierOrders(journal=journal, sender=sender, look_up=look_up)
        self.ordering = Ordering(
            booking=booking,
            holds=self.holds,
            sender=sender,
            earlier=self.earlier,
            catalog=catalog,
            journal=journal,
            settings=settings,
            clock=api,
            operations=self.operations,
            by_hand=by_hand,
            pace=pace,
            spends_anew=spends_anew,
        )
        self.reservations = ReservationStates(self.holds, self.earlier, settling, api)
        self.orders = OrderSearch(
            booking=booking,
            earlier=self.earlier,
            journal=journal,
            scope=settings.scope,
            clock=api,
            settling=settling,
        )
        self.tickets = TicketService(
            booking=booking,
            orders=self.orders,
            names=self.names,
            clock=api,
            operations=self.operations,
        )
        self.own_seats = OwnSeatReader(booking=booking, journal=journal, clock=api)
        self.visits = Visits(booking=booking, ticketing=api.ticketing, catalog=catalog)
        self.documents = Documents(
            booking=booking, orders=self.orders, clock=api, operations=self.operations
        )
        self.beneficiaries = Beneficiaries(
            booking=booking,
            tickets=self.tickets,
            documents=self.documents,
            clock=api,
            operations=self.operations,
            answer_seconds=settings.answer_seconds,
        )

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
        """Look for the outcome of orders in doubt, for late orders, and whether the journal went
        back, and seal its audit, for ever.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(kept_apart, self.sealing.run)
            group.start_soon(kept_apart, self.reconciler.run)
            group.start_soon(kept_apart, self.sweep.run)
            group.start_soon(kept_apart, self.standstill.run)


def most_open(settings: Settings) -> Open:
    """How much one principal may hold without ordering it.

    Twice the tickets of an order, so that there is a choice while an order is under way; and no
    more money than may be ordered in a day.
    """
    return Open(settings.max_open_holds, 2 * settings.max_tickets, settings.max_day_amount)
