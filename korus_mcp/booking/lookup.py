"""Finds out what became of an order whose answer was lost. Nothing is sent again: it only reads.

An order is proved not to exist by what was read after its **fence** alone: the moment (`fence_at`)
after which an order that was sent can no longer appear.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from korus_mcp.api import ApiError, Malformed, NotFound, OrderFilters, Outcome
from korus_mcp.booking.hold import may_have_order
from korus_mcp.booking.order_status import number_of
from korus_mcp.booking.ports import Service
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.lanes import for_an_order
from korus_mcp.foundation.unread import UNREAD
from korus_mcp.journal.records import NEVER_APPEARED, Intent, OrderResult


@dataclass(frozen=True)
class FoundOrder:
    """An order by its id, and by its number where that was told."""

    id: str
    number: str | None = None


@dataclass(frozen=True)
class LookedUp:
    """Order ids by reservation id, and their numbers by order id as far as they were told.
    `is_complete`: all could be read, so there are no others now.
    """

    orders: Mapping[str, str]
    numbers: Mapping[str, str]
    is_complete: bool


@dataclass(kw_only=True)
class LookUp(Service):
    """Looks for orders by their reservations, then by our reference."""

    async def settle(self, intent: Intent) -> Intent:
        """Look the orders of an intent up and write down what was found. Returns the new intent.

        What could not be read stays in doubt. Only what was read after the fence, by the API's
        clock, proves that an order will not appear any more.

        Raises:
            JournalDown: What was found could not be written down.
        """
        if not self.clock.is_known:
            # Our own clock may be hours ahead, so it cannot say that the fence is past. Any answer
            # of the API tells its time: that is what this first look is for.
            await self.find_orders(intent)
        # The time is taken before the look that counts: an order may appear during it.
        late = (self.clock.now() - intent.fence_at).total_seconds()
        is_past_fence = self.clock.is_known and late > self.clock.skew_bound_seconds
        found = await self.find_orders(intent)
        failures: dict[str, str] = {}
        if found.is_complete and is_past_fence:
            failures = {i: NEVER_APPEARED for i in intent.missing if i not in found.orders}
        result = OrderResult(found.orders, failures, ambiguous=True, numbers=found.numbers)
        return await self.journal.settle(intent.id, result, known=intent)

    async def find_orders(self, intent: Intent) -> LookedUp:
        """Look for orders of the reservations for which the intent has none; nothing is written."""
        found: dict[str, FoundOrder] = {}
        is_complete = True
        # By reservation first: a reservation names its order, and the list of orders may lag.
        for ways in (self._by_reservation, self._by_reference):
            if len(found) == len(intent.missing):
                break
            try:
                with for_an_order():
                    found |= await ways(intent)
            except ApiError:
                is_complete = False
        return LookedUp(
            orders={reservation: order.id for reservation, order in found.items()},
            numbers={o.id: o.number for o in found.values() if o.number is not None},
            is_complete=is_complete or len(found) == len(intent.missing),
        )

    async def _by_reservation(self, intent: Intent) -> dict[str, FoundOrder]:
        linked = await side_by_side([partial(self._order_of, i) for i in intent.missing])
        both = zip(intent.missing, linked, strict=True)
        # A reservation tells no more of its order than the id.
        return {reservation: FoundOrder(order) for reservation, order in both if order is not None}

    async def _order_of(self, reservation_id: str) -> str | None:
        """The id of the order that a reservation names; None without one, or if it is gone.

        Raises:
            ApiError: It may have been ordered, and which order that is cannot be read.
        """
        try:
            reservation = await self.booking.get_reservation(reservation_id)
        except NotFound:
            return None
        order_id = id_at_end(reservation.order)
        # Not None: there may be an order, and it must not be made once more.
        if order_id is None and may_have_order(reservation):
            raise Malformed("getReservation", Outcome.REFUSED, reason="an order without an id")
        return order_id

    async def _by_reference(self, intent: Intent) -> dict[str, FoundOrder]:
        found: dict[str, FoundOrder] = {}
        # The API may ignore the filter and list everything (T20): each reference is compared.
        listed = self.booking.list_orders(
            OrderFilters(external_reference=intent.external_reference)
        )
        async for order in listed:
            if order.external_reference not in (intent.external_reference, UNREAD):
                continue
            reservation_id = id_at_end(order.reservation)
            # It may be the order that is sought, so this list cannot prove that there is none.
            if order.external_reference is UNREAD or reservation_id is None:
                raise Malformed("listOrders", Outcome.REFUSED, reason="an order of nothing known")
            found[reservation_id] = FoundOrder(order.id, number_of(order))
        # A list with rows that are missing or unreadable cannot prove that there is none, either.
        if listed.unreadable or listed.missing:
            raise Malformed("listOrders", Outcome.REFUSED, reason="an order that is not shown")
        return {i: order for i, order in found.items() if i in intent.missing}
