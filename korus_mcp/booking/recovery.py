"""Work in the background: orders in doubt are looked up until their outcome is known; once a day
all orders at KorusTicket that carry our reference are compared with the journal; what it has of an
audit is sealed.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final

import anyio

from korus_mcp.api import ApiError, OrderFilters
from korus_mcp.api.models.order import Order
from korus_mcp.booking.customers import buyer_of
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.order_status import numbers_of
from korus_mcp.booking.ports import Service
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.measures import (
    ENDING,
    IN_DOUBT,
    IN_DOUBT_AGE,
    LATE_ORDERS,
    LOOKED_AT,
    is_heard,
    measure,
)
from korus_mcp.foundation.unread import UNREAD, value_of
from korus_mcp.journal import Journal
from korus_mcp.journal.records import (
    CLOCK_STEPS,
    Intent,
    IntentState,
    JournalDown,
    Lease,
    OrderResult,
)

SOON: Final = timedelta(minutes=2)
"""How soon a hold ends that counts as one that expires."""
FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 60.0
SWEEP_AFTER_SECONDS: Final = 60.0
SWEEP_EVERY: Final = timedelta(days=1)
SWEEP_LOOKS_EVERY_SECONDS: Final = 3600.0
SEAL_EVERY_SECONDS: Final = 2.0
OVERLAP: Final = timedelta(days=2)
FIRST_SWEEP: Final = timedelta(days=31)
TAKEN_BACK: Final = "found at KorusTicket"
"""How the person agreed to an order that the journal lost is lost, too."""
_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Reconciler:
    """Looks up orders in doubt, with growing pauses, as long as there are any."""

    look_up: LookUp
    journal: Journal
    lease: Lease
    woken: anyio.Event = field(default_factory=anyio.Event)
    doubted_since: float | None = None
    """Since when there are orders in doubt without a break, as far as this process saw."""

    def wake(self) -> None:
        """Say that an order is in doubt now, so that it is looked up soon."""
        self.woken.set()

    async def run(self) -> None:
        """Look and pause, for ever. Without a `wake` the next look comes after the longest pause at
        the latest: that finds orders in doubt of a process that crashed.
        """
        pause = FIRST_PAUSE_SECONDS
        while True:
            open_orders = await self._look_around()
            # The pause doubles while orders stay in doubt, up to the longest one.
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS) if open_orders else LONGEST_PAUSE_SECONDS
            with anyio.move_on_after(pause):
                await self.woken.wait()
                pause = FIRST_PAUSE_SECONDS
                await anyio.sleep(pause)
            self.woken = anyio.Event()

    async def reconcile(self) -> int:
        """Look up all intents without a lease. Returns how many are still not final.

        Raises:
            JournalDown: The journal cannot be read or written.
        """
        # An intent with a lease is another worker's: two servers never settle one order at once.
        for intent in await self.journal.take_over(self.lease):
            settled = await self.look_up.settle(intent)
            if settled.is_final:
                _log.warning(
                    "an order in doubt is known now: %s ordered, %s not made (%s)",
                    len(settled.orders),
                    len(settled.failures),
                    settled.external_reference,
                )
        left = await self.journal.unfinished()
        self._tell(left)
        if is_heard():
            now = self.look_up.clock.now()
            measure(ENDING, await self.journal.ending(now, now + SOON))
        return left

    def _tell(self, left: int) -> None:
        """Tell how many orders are in doubt, and for how long there have been any."""
        now = anyio.current_time()
        since = now if self.doubted_since is None else self.doubted_since
        self.doubted_since = since if left else None
        measure(IN_DOUBT, left)
        measure(IN_DOUBT_AGE, now - since if left else 0)
        measure(LOOKED_AT, self.look_up.clock.now().timestamp())

    async def _look_around(self) -> int:
        try:
            return await self.reconcile()
        except JournalDown as down:
            _log.warning("orders in doubt could not be looked up: %s", down.fault.value)
            return 1
        except Exception:  # noqa: BLE001 - logged with its traceback; the next round looks again
            _log.exception("looking up orders in doubt crashed")
            return 1


@dataclass(kw_only=True)
class Sealing:
    """Seals the audit rows that bookings wrote, so that none of them waits for another."""

    journal: Journal

    async def run(self) -> None:
        """Seal what an earlier process left, then what is written, for ever."""
        sealed = -1
        while True:
            # What is written meanwhile may be left over; then there is another round.
            written = self.journal.written
            if written != sealed and await self._all_sealed():
                sealed = written
            await anyio.sleep(SEAL_EVERY_SECONDS)

    async def _all_sealed(self) -> bool:
        try:
            while await self.journal.seal():
                pass
        except JournalDown as down:
            _log.warning("the audit could not be sealed: %s", down.fault.value)
            return False
        except Exception:  # noqa: BLE001 - logged with its traceback; the next round tries again
            _log.exception("sealing the audit crashed")
            return False
        return True


@dataclass(kw_only=True)
class Sweep(Service):
    """Finds orders that appeared after they counted as failed, or that the journal does not know.

    A sweep is one comparison of the orders at KorusTicket with the journal, at most once a day.
    """

    unread_since: datetime | None = None
    """Since when the last sweep read; None if it could read every order."""

    async def run(self) -> None:
        """Sweep when one is due, for ever, from a minute after the start."""
        await anyio.sleep(SWEEP_AFTER_SECONDS * random.uniform(1, 1.5))  # noqa: S311 - jitter
        while True:
            try:
                await self.sweep()
            except (ApiError, JournalDown) as failure:
                _log.warning("the daily look for late orders failed: %s", failure)
            except Exception:  # noqa: BLE001 - logged with its traceback; the next look is due soon
                _log.exception("the daily look for late orders crashed")
            await anyio.sleep(SWEEP_LOOKS_EVERY_SECONDS)

    async def sweep(self, *, is_due: bool = False) -> None:
        """Compare the orders at KorusTicket with the journal, if a sweep is due, or if it is said
        to be.

        If some cannot be read, the log says so, and the next sweep begins at the same day again,
        but no more than a month back.

        Raises:
            ApiError: The list could not be read; the next sweep tries again.
            JournalDown: The journal cannot be read or written.
        """
        if not await self.journal.begin_sweep(every=timedelta(0) if is_due else SWEEP_EVERY):
            return
        # Two days are read again: the filter is by days, and at the last sweep a replica may have
        # lagged.
        last = await self.journal.last_sweep()
        first = self.clock.now() - FIRST_SWEEP
        # One that is still to come was noted while the journal's clock was ahead: when it really
        # was is not known.
        since = last - OVERLAP if last and last <= self.clock.now() + CLOCK_STEPS else first
        if self.unread_since is not None:
            since = min(since, max(first, self.unread_since))
        prefix = (await self.journal.installation()).reference_prefix
        listed = self.booking.list_orders(OrderFilters(created_after=since.date()))
        unread, lost = 0, list[Order]()
        async for order in listed:
            reference = order.external_reference
            if reference is UNREAD:
                unread += not await self.journal.owners_of([order.id])
            # Orders without our prefix were made by other programs on the account.
            elif reference is not None and reference.startswith(prefix):
                unread += not await self._compare(order, reference, lost)
        await self._take_back(lost)
        unread += listed.unreadable + listed.missing
        if unread:
            _log.warning("the daily look for late orders: %s of them cannot be read", unread)
        self.unread_since = since if unread else None
        await self.journal.sweep_done()

    async def _compare(self, order: Order, reference: str, lost: list[Order]) -> bool:
        """Compare an order that carries our reference with the journal, and repair the journal.

        Returns False when the order says too little to be compared. One of a call that the journal
        does not know is added to `lost`.
        """
        intent = await self.journal.intent_by_reference(reference)
        reservation_id = id_at_end(order.reservation)
        if intent is None and await self.journal.owners_of([order.id]):
            return True  # its intent was purged
        # An order that names no reservation is fine if its id is known; else it cannot be placed.
        if intent is not None and reservation_id is None:
            await self._number(intent, order)
            return order.id in intent.orders.values()
        if intent is None:
            lost.append(order)
        elif reservation_id not in intent.reservation_ids:
            await self.journal.found_late(reference, order.id)
            _tell_late("order %s is in no journal of ours", order.id)
        elif reservation_id not in intent.orders:
            await self._repair(intent, reservation_id, order)
        elif intent.orders[reservation_id] != order.id:
            # A second order of one reservation must not happen. Only the operator can undo it.
            await self.journal.found_late(reference, order.id)
            _tell_late("order %s is a second one of its reservation", order.id)
        else:
            await self._number(intent, order)
        return True

    async def _number(self, intent: Intent, order: Order) -> None:
        """Keep the number of an order of this call, if the journal has none: people name it so."""
        told = numbers_of([order])
        is_known = order.id in intent.numbers or order.id not in intent.orders.values()
        if told and intent.is_final and not is_known:
            await self.journal.number(intent.id, told)

    async def _take_back(self, lost: Sequence[Order]) -> None:
        """Take orders of ours that the journal lost into it again, for the owner that their
        reference tells; where that owner is not known here, they are told to the operator alone.
        """
        if not lost:
            return
        installation, owners = await self.journal.installation(), await self.journal.owners()
        by_reference = groupby(sorted(lost, key=_reference), key=_reference)
        for reference, found in by_reference:
            orders = list(found)
            for order in orders:
                await self.journal.found_late(reference, order.id)
                _tell_late("order %s is in no journal of ours", order.id)
            owner = installation.owner_in(reference, owners)
            made = {r: o.id for o in orders if (r := id_at_end(o.reservation)) is not None}
            if owner is not None and made:
                sent_at = value_of(orders[0].created_at) or self.clock.now()
                buyer = orders[0].customer
                totals = (value_of(order.total_amount_incl_tax) for order in orders)
                intent = Intent(
                    # The same each time: its own id is lost.
                    id=installation.digest(reference)[:32],
                    owner=owner,
                    fingerprint="",
                    external_reference=reference,
                    caller_reference=None,
                    reservation_ids=tuple(made),
                    approved_total=sum((each or Decimal(0) for each in totals), Decimal(0)),
                    sent_at=sent_at,
                    fence_at=sent_at,
                    agreed=TAKEN_BACK,
                    buyer=buyer_of(installation, buyer.email) if buyer and buyer.email else None,
                    state=IntentState.FINAL,
                    orders=made,
                    numbers=numbers_of(orders),
                )
                await self.journal.settle(intent.id, OrderResult(), known=intent)

    async def _repair(self, intent: Intent, reservation_id: str, order: Order) -> None:
        found, numbers = {reservation_id: order.id}, numbers_of([order])
        if intent.is_final:
            await self.journal.repair(intent.id, found, numbers=numbers)
            _tell_late("order %s came after it counted as failed", order.id)
        elif not intent.is_leased:
            result = OrderResult(found, ambiguous=True, numbers=numbers)
            await self.journal.settle(intent.id, result)


def _reference(order: Order) -> str:
    return value_of(order.external_reference) or ""


def _tell_late(what: str, order_id: str) -> None:
    """Tell the operator of an order that the journal did not know."""
    measure(LATE_ORDERS)
    _log.error(f"late_order_found: {what}", order_id)
