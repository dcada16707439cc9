"""Orders of the same offers that are in doubt: whoever agrees to another must know of them.

An order whose answer was lost may exist. What it was for can be held anew, and ordered again by
somebody who takes it for the first time. So a new hold is compared with what is in doubt, and for
a while with what was in doubt and turned out to be ordered.
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
from korus_mcp.journal.protocol import Intent

TOLD_FOR: Final = timedelta(hours=1)
"""So long after it was sent an order that was found is told of."""
LOOK_SECONDS: Final = 5
"""For so long is looked at what is in doubt; what is not known by then may be the same."""
_Bought: TypeAlias = tuple[str | None, str | None]
"""A catalog and an offer, as far as they are told; ids of offers are those of their catalog."""


@dataclass(frozen=True, order=True)
class Doubt:
    """A reservation with an offer in common, which may have been ordered, or was.

    `order_id` None: nobody knows yet. `is_alike`: it was read, and is of the same offer; else it
    may be.
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
    """Which of an owner's doubtful orders may be for the same as these holds; sorted by id.

    Nothing is asked upstream where there are none. `looked` looks at one upstream.
    """
    ours = {hold.id for hold in holds}
    # An intent of the same holds is no doubt beside them: it is the earlier order itself.
    others = [i for i in doubtful if not i.was_never_sent and ours.isdisjoint(i.reservation_ids)]
    if not others or not holds:
        return ()
    # Filled while the looks run: what is not looked at in time stays as the journal knows it.
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
    # A hold that names no offer may be of any: then every doubt is told.
    wanted = held or frozenset({(None, None)})
    shared = {each: _share(offers.get(each), wanted) for each in open_}
    found = (
        Doubt(reservation_id, order_id, is_alike=shared[reservation_id] is True)
        for reservation_id, order_id in open_.items()
        if shared[reservation_id] is not False
    )
    return tuple(sorted(found, key=lambda doubt: doubt.reservation_id))


def _open(intent: Intent) -> tuple[str, ...]:
    """The reservations whose order is in doubt, and those whose order was, before it was found."""
    missing = () if intent.is_final else intent.missing
    return (*missing, *(intent.orders if intent.ambiguous else ()))


async def _offers_of(booking: Booking, reservation_id: str) -> frozenset[_Bought]:
    """What a reservation holds; nothing where it cannot be read."""
    try:
        reservation = await booking.get_reservation(reservation_id)
    except ApiError:
        return frozenset()
    if reservation.lacks("items"):
        return frozenset()
    catalog = id_at_end(reservation.catalog)
    return frozenset((catalog, id_at_end(item.offer)) for item in reservation.items)


def _share(offers: frozenset[_Bought] | None, wanted: frozenset[_Bought]) -> bool | None:
    """Whether two reservations have an offer in common; None where that cannot be told."""
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
