"""The present state of reservations, from the API and the journal together.

The journal outweighs the API: if it knows that a reservation was ordered, or may have been, the
answer says so even where the API does not show the order (yet), or the reservation is gone.
Otherwise somebody would buy again what they already have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from korus_mcp.booking.earlier import EarlierOrders
from korus_mcp.booking.hold import Hold, HoldState
from korus_mcp.booking.hold_reading import HoldReader
from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.settling import Settling, look_again_in
from korus_mcp.foundation.unread import by_clock
from korus_mcp.journal.records import Intent


@dataclass(frozen=True, kw_only=True)
class Reservations:
    """Reservations as they are now. `in_doubt`: the ids of those that may have been ordered.

    `known_by`: the moment after which no order in doubt can appear any more; None when it is past,
    or nothing is in doubt. `can_be_ordered`: the ids of those that last long enough to be ordered.
    `not_shown`: the ids of those that were just made and are not shown yet; `look_again_in`: after
    how many seconds to ask again for them, None when all are shown.
    """

    holds: tuple[Hold, ...]
    in_doubt: frozenset[str] = frozenset()
    known_by: datetime | None = None
    can_be_ordered: frozenset[str] = frozenset()
    not_shown: frozenset[str] = frozenset()
    look_again_in: int | None = None


@dataclass(frozen=True)
class ReservationStates:
    """Reads reservations for their owners."""

    holds: HoldReader
    earlier: EarlierOrders
    settling: Settling
    clock: ApiClock

    async def now(self, owner: str, reservation_ids: Sequence[str], language: str) -> Reservations:
        """The state of these reservations; one that is gone does not hide the others.

        Raises:
            Refusal: NOT_FOUND when one is not this owner's; nothing is asked upstream then.
            ApiError: one cannot be read.
        """
        # The journal goes first: it knows orders whose reservations the API does not show any more.
        intents = await self.earlier.of(owner, reservation_ids)
        found = await self.holds.found(owner, reservation_ids, language)
        missed = [i for i in reservation_ids if i not in found]
        too_new = await self.settling.holds_left(owner, missed)
        holds = {
            i: _known(found.get(i) or _not_shown(i, is_new=i in too_new), intents.get(i))
            for i in reservation_ids
        }
        doubts = {
            i: intent
            for i, intent in intents.items()
            if i in intent.missing and holds[i].state is not HoldState.ORDERED
        }
        fences = (by_clock(i.fence_at, self.holds.zone_of(holds)) for i in doubts.values())
        known_by = max(fences, default=None)
        # Only a reservation whose state the journal does not know either is worth asking for again.
        waited_for = {i: s for i, s in too_new.items() if holds[i].state is HoldState.IN_DOUBT}
        return Reservations(
            holds=tuple(holds.values()),
            in_doubt=frozenset(doubts),
            known_by=known_by if known_by is not None and known_by > self.clock.now() else None,
            can_be_ordered=frozenset(
                i for i, h in holds.items() if h.can_be_ordered(self.clock) and h.obstacle() is None
            ),
            not_shown=frozenset(waited_for),
            look_again_in=look_again_in(waited_for) if waited_for else None,
        )


def _known(hold: Hold, intent: Intent | None) -> Hold:
    """The hold, marked as ordered if the journal knows its order."""
    order_id = intent.orders.get(hold.id) if intent is not None else None
    if order_id is None or hold.state is HoldState.ORDERED:
        return hold
    return replace(hold, state=HoldState.ORDERED, order_id=order_id, seconds_left=0)


def _not_shown(reservation_id: str, *, is_new: bool) -> Hold:
    """The hold for a reservation that the API does not find: gone, or too new (`is_new`)."""
    state = HoldState.IN_DOUBT if is_new else HoldState.RELEASED
    return Hold(id=reservation_id, state=state, lines=(), seconds_left=0)
