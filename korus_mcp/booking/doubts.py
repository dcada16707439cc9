"""Earlier orders of the same offers that may exist: a person must know of them before they agree.

An order whose answer was lost is in doubt: it may exist. The same offer can be held again, and
somebody who believes that nothing was ordered may order it a second time. So a new hold is compared
with the orders in doubt, and, for an hour, with those that were in doubt and were found to exist.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

import anyio

from korus_mcp.api import ApiError, Booking
from korus_mcp.booking.hold import Hold
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.journal.records import Intent

TOLD_FOR: Final = timedelta(hours=1)
"""How long after it was sent an order that had been in doubt is still mentioned."""
LOOK_SECONDS: Final = 5
"""The most that looking up orders in doubt may take, and as much again reading what they were for.
An order that is not read by then counts as one that may be for the same.
"""
_Bought: TypeAlias = tuple[str | None, str | None]
"""The ids of a catalog and an offer, None where not stated. Offer ids are unique in a catalog."""


@dataclass(frozen=True, order=True)
class Doubt:
    """An earlier reservation that was ordered, or may have been, and may be for the same offer.

    `order_id` None: whether it was ordered is not known yet. `is_alike`: it was read and is for the
    same offer; if False, it could not be read and may be.
    """

    reservation_id: str
    order_id: str | None
    is_alike: bool


async def doubts_about(
    holds: Sequence[Hold],
    doubtful: Sequence[Intent],
    *,
    booking: Booking,
    looked: Callable[[Intent], Awaitable[Intent]],
) -> tuple[Doubt, ...]:
    """The reservations of an owner's doubtful orders that may be for the same as these holds.

    They are sorted by id. `looked` looks an intent up at KorusTicket; without doubtful orders
    nothing is asked.
    """
    ours = {hold.id for hold in holds}
    # An intent for the holds themselves is left out: `earlier.py` answers for that.
    others = [i for i in doubtful if not i.was_never_sent and ours.isdisjoint(i.reservation_ids)]
    if not others or not holds:
        return ()
    # Replaced as they are looked up: one that is not in time stays as the journal has it.
    known = {i.id: i for i in others}
    with anyio.move_on_after(LOOK_SECONDS):

        async def look(intent: Intent) -> None:
            known[intent.id] = await looked(intent)

        await side_by_side([partial(look, intent) for intent in others])
    open_ = {r: i.orders.get(r) for i in known.values() for r in _open(i)}
    offers: dict[str, frozenset[_Bought]] = {}
    with anyio.move_on_after(LOOK_SECONDS):

        async def read(reservation_id: str) -> None:
            offers[reservation_id] = await _offers_of(booking, reservation_id)

        await side_by_side([partial(read, each) for each in open_])
    held = frozenset((h.catalog_id, line.offer_id) for h in holds for line in h.lines)
    # Holds that name no offer may be of any: then every order in doubt is mentioned.
    wanted = held or frozenset({(None, None)})
    shared = {each: _share(offers.get(each), wanted) for each in open_}
    found = (
        Doubt(reservation_id, order_id, is_alike=shared[reservation_id] is True)
        for reservation_id, order_id in open_.items()
        if shared[reservation_id] is not False
    )
    return tuple(sorted(found, key=lambda doubt: doubt.reservation_id))


def _open(intent: Intent) -> tuple[str, ...]:
    """The reservations whose order is in doubt, and those whose order was found after a doubt."""
    missing = () if intent.is_final else intent.missing
    return (*missing, *(intent.orders if intent.ambiguous else ()))


async def _offers_of(booking: Booking, reservation_id: str) -> frozenset[_Bought]:
    """The offers a reservation holds; an empty set where it cannot be read."""
    try:
        reservation = await booking.get_reservation(reservation_id)
    except ApiError:
        return frozenset()
    if reservation.lacks("items"):
        return frozenset()
    catalog = id_at_end(reservation.catalog)
    return frozenset((catalog, id_at_end(item.offer)) for item in reservation.items)


def _share(offers: frozenset[_Bought] | None, wanted: frozenset[_Bought]) -> bool | None:
    """Whether two reservations have an offer in common; None where that is not known."""
    if not offers:
        return None
    pairs = [(theirs, ours) for theirs in offers for ours in wanted]
    if any(_is_same(theirs, ours) for theirs, ours in pairs):
        return True
    return None if any(None in (theirs[1], ours[1]) for theirs, ours in pairs) else False


def _is_same(one: _Bought, other: _Bought) -> bool:
    # Ids of offers are unique within a catalog only.
    is_elsewhere = None not in (one[0], other[0]) and one[0] != other[0]
    return one[1] is not None and one[1] == other[1] and not is_elsewhere
