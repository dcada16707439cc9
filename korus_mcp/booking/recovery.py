"""What happens by itself: orders in doubt are looked up until they are known, and once a day all
orders upstream that carry our reference are held against the journal.
"""

import logging
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import anyio

from korus_mcp.api import ApiError, Booking, OrderFilters
from korus_mcp.api.models.order import Order
from korus_mcp.booking.lookup import LookUp
from korus_mcp.booking.ports import ApiClock
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.unread import UNREAD
from korus_mcp.journal.protocol import Intent, Journal, JournalDown, Lease

FIRST_PAUSE_SECONDS: Final = 2.0
LONGEST_PAUSE_SECONDS: Final = 60.0
SWEEP_AFTER_SECONDS: Final = 60.0
SWEEP_EVERY: Final = timedelta(days=1)
SWEEP_LOOKS_EVERY_SECONDS: Final = 3600.0
OVERLAP: Final = timedelta(days=2)
FIRST_SWEEP: Final = timedelta(days=31)
_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Reconciler:
    """Looks orders in doubt up, with growing pauses, for as long as there are any."""

    look_up: LookUp
    journal: Journal
    lease: Lease
    woken: anyio.Event = field(default_factory=anyio.Event)

    def wake(self) -> None:
        """An order is in doubt: look soon."""
        self.woken.set()

    async def run(self) -> None:
        """For ever: look, pause. Another process's crash is found by the longest pause."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            open_orders = await self._look_around()
            # Orders in doubt are looked up ever more seldom; the longest pause bounds how late
            # another process finds those of a server that died.
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS) if open_orders else LONGEST_PAUSE_SECONDS
            with anyio.move_on_after(pause):
                await self.woken.wait()
                pause = FIRST_PAUSE_SECONDS
                await anyio.sleep(pause)
            self.woken = anyio.Event()

    async def reconcile(self) -> int:
        """One round over all intents without a lease; how many are not final after it.

        Raises:
            JournalDown: It cannot be read or written.
        """
        # Only what nobody else has a lease of: two servers never settle one order at a time.
        for intent in await self.journal.take_over(self.lease):
            settled = await self.look_up.settled(intent)
            if settled.is_final:
                _log.warning(
                    "an order in doubt is known now: %s ordered, %s not made (%s)",
                    len(settled.orders),
                    len(settled.failures),
                    settled.external_reference,
                )
        return await self.journal.unfinished()

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
class Sweep:
    """Finds orders that came too late, or that the journal lost: at most once a day."""

    booking: Booking
    journal: Journal
    clock: ApiClock
    unread_since: datetime | None = None
    """From where on there were orders that could not be read."""

    async def run(self) -> None:
        """For ever, from a minute after the start."""
        await anyio.sleep(SWEEP_AFTER_SECONDS * random.uniform(1, 1.5))  # noqa: S311 - jitter
        while True:
            try:
                await self.sweep()
            except (ApiError, JournalDown) as failure:
                _log.warning("the daily look for late orders failed: %s", failure)
            except Exception:  # noqa: BLE001 - logged with its traceback; the next look is due soon
                _log.exception("the daily look for late orders crashed")
            await anyio.sleep(SWEEP_LOOKS_EVERY_SECONDS)

    async def sweep(self) -> None:
        """Hold the orders upstream against the journal, when a sweep is due.

        What cannot be read is told in the log, and the next sweep begins at the same day again, a
        month ago at most.

        Raises:
            ApiError: They could not all be read; the next look tries again.
            JournalDown: It cannot be read or written.
        """
        if not await self.journal.begin_sweep(every=SWEEP_EVERY):
            return
        # Two days are read twice: a list is by days, and the last sweep may have missed a replica
        # that lagged.
        last = await self.journal.last_sweep()
        first = self.clock.now() - FIRST_SWEEP
        since = last - OVERLAP if last else first
        if self.unread_since is not None:
            since = min(since, max(first, self.unread_since))
        prefix = (await self.journal.installation()).reference_prefix
        listed = self.booking.list_orders(OrderFilters(created_after=since.date()))
        unread = 0
        async for order in listed:
            reference = order.external_reference
            if reference is UNREAD:
                unread += not await self.journal.owners_of([order.id])
            # Orders of other programs on the account are not ours to judge.
            elif reference is not None and reference.startswith(prefix):
                unread += not await self._compare(order, reference)
        unread += listed.unreadable + listed.missing
        if unread:
            _log.warning("the daily look for late orders: %s of them cannot be read", unread)
        self.unread_since = since if unread else None
        await self.journal.sweep_done()

    async def _compare(self, order: Order, reference: str) -> bool:
        """Hold an order of ours against the journal; whether it could be read for that."""
        intent = await self.journal.intent_by_reference(reference)
        reservation_id = id_at_end(order.reservation)
        if intent is None and await self.journal.owners_of([order.id]):
            return True  # its intent was purged
        # Without its reservation it can only be told whether it is a known one.
        if intent is not None and reservation_id is None:
            return order.id in intent.orders.values()
        if intent is None or reservation_id not in intent.reservation_ids:
            await self.journal.found_late(reference, order.id)
            _log.error("late_order_found: order %s is in no journal of ours", order.id)
        elif reservation_id not in intent.orders:
            await self._repair(intent, reservation_id, order.id)
        elif intent.orders[reservation_id] != order.id:
            # What must not happen: told to the operator, who alone can undo it.
            await self.journal.found_late(reference, order.id)
            _log.error("late_order_found: order %s is a second one of its reservation", order.id)
        return True

    async def _repair(self, intent: Intent, reservation_id: str, order_id: str) -> None:
        if intent.is_final:
            await self.journal.repair(intent.id, {reservation_id: order_id})
            _log.error("late_order_found: order %s came after it counted as failed", order_id)
        elif not intent.is_leased:
            await self.journal.settle(intent.id, {reservation_id: order_id}, {}, ambiguous=True)
