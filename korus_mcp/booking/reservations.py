"""What reservations are now, by the API and the journal together.

The journal outweighs what the API says of a reservation: an order that was made, or may have been,
is told even where the reservation does not show it (yet), or is gone. Else somebody would buy again
what is theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from korus_mcp.booking.hold import ORDER_MARGIN_SECONDS, Hold, HoldState
from korus_mcp.booking.ordering import Ordering
from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.reserving import Reserver
from korus_mcp.booking.settling import Settling, look_again_in
from korus_mcp.journal.protocol import Intent


@dataclass(frozen=True, kw_only=True)
class Reservations:
    """Reservations as they are. `in_doubt`: the ids of those that may have been ordered.

    `known_by`: after this moment nothing that is in doubt can appear any more; None when it is
    past, or nothing is in doubt. `can_be_ordered`: the ids of those an order would reach in time.
    `look_again_in`: seconds after which to ask again for what was made and is not shown yet; None
    where there is none.
    """

    holds: tuple[Hold, ...]
    in_doubt: frozenset[str] = frozenset()
    known_by: datetime | None = None
    can_be_ordered: frozenset[str] = frozenset()
    look_again_in: int | None = None


class ReservationStates:
    """Reads reservations for their owners."""

    def __init__(
        self, reserving: Reserver, ordering: Ordering, *, settling: Settling, clock: ApiClock
    ) -> None:
        self._reserving = reserving
        self._ordering = ordering
        self._settling = settling
        self._clock = clock

    async def now(self, owner: str, reservation_ids: Sequence[str], language: str) -> Reservations:
        """What these are now; one that is gone hides no other.

        Raises:
            Refusal: NOT_FOUND when one is not this owner's; nothing is asked upstream then.
            ApiError: one cannot be read.
        """
        intents = await self._ordering.look(owner, reservation_ids)
        found = await self._reserving.found(owner, reservation_ids, language)
        missed = [i for i in reservation_ids if i not in found]
        too_new = await self._settling.seconds_left(owner, missed)
        holds = {
            i: _known(found.get(i) or _not_shown(i, is_new=i in too_new), intents.get(i))
            for i in reservation_ids
        }
        doubts = {
            i: intent
            for i, intent in intents.items()
            if i in intent.missing and holds[i].state is not HoldState.ORDERED
        }
        known_by = max((i.fence_at for i in doubts.values()), default=None)
        waited_for = {i: s for i, s in too_new.items() if holds[i].state is HoldState.IN_DOUBT}
        margin = ORDER_MARGIN_SECONDS + self._clock.skew_bound_seconds
        return Reservations(
            holds=tuple(holds.values()),
            in_doubt=frozenset(doubts),
            known_by=known_by if known_by is not None and known_by > self._clock.now() else None,
            can_be_ordered=frozenset(
                i for i, h in holds.items() if h.can_be_ordered(margin) and h.obstacle() is None
            ),
            look_again_in=look_again_in(waited_for) if waited_for else None,
        )


def _known(hold: Hold, intent: Intent | None) -> Hold:
    """The hold, ordered when the journal knows its order."""
    order_id = intent.orders.get(hold.id) if intent is not None else None
    if order_id is None or hold.state is HoldState.ORDERED:
        return hold
    return replace(hold, state=HoldState.ORDERED, order_id=order_id, seconds_left=0)


def _not_shown(reservation_id: str, *, is_new: bool) -> Hold:
    """What is known of a reservation that the API does not know: any more, or yet (`is_new`)."""
    return Hold(
        id=reservation_id,
        state=HoldState.IN_DOUBT if is_new else HoldState.RELEASED,
        lines=(),
        total=None,
        expires_at=None,
        seconds_left=0,
        order_id=None,
        seats=(),
        seats_together=None,
        catalog_id=None,
    )
