"""A hold whose answer was lost, found again among the newest reservations of the account.

Reservations carry no reference of ours, so one is recognised by its lines. That is safe only where
nobody else books on the account: somebody else's equal hold must never be taken.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from korus_mcp.api import Booking
from korus_mcp.api.models.reservation import Reservation
from korus_mcp.handles import id_at_end
from korus_mcp.journal.records import HoldIntent, Journal
from korus_mcp.told import value_of

MAX_PAGES: Final = 4
EARLY: Final = timedelta(seconds=2)
"""`createdAt` has whole seconds, and so has the clock of the API we compare it with."""

Unit = tuple[str | None, tuple[str, ...]]
Lines = frozenset[tuple[Unit, int]]
"""An offer with its sessions, and how many units of it: what a reservation holds."""


def lines_of(offer_id: str, session_ids: Sequence[str], quantity: int) -> Lines:
    """What a reservation of one wished item holds."""
    return frozenset({((offer_id, tuple(sorted(session_ids))), quantity)})


async def found_again(
    booking: Booking, journal: Journal, hold: HoldIntent, wished: Sequence[Lines]
) -> tuple[Reservation, ...]:
    """The reservations that a lost call made: one for each wished item, or none at all.

    More equal ones than were wished cannot be told apart: then none is taken.

    Raises:
        ApiError: The reservations cannot be read.
    """
    found = await _newest(booking, hold.sent_at - EARLY)
    free = [r for r in found if not r.has_order and not r.expired]
    owned = await journal.owners_of([r.id for r in free])
    candidates = [(r, _lines(r)) for r in free if r.id not in owned]
    taken: list[Reservation] = []
    for lines, number in Counter(wished).items():
        equal = [r for r, held in candidates if held == lines]
        if len(equal) != number:
            return ()
        taken.extend(equal)
    return tuple(taken)


async def _newest(booking: Booking, since: datetime) -> list[Reservation]:
    pages = booking.list_reservations(newest_first=True)
    found: list[Reservation] = []
    for number in range(1, MAX_PAGES + 1):
        page = await pages.page(number)
        made = [r for r in page.items if (at := value_of(r.created_at)) and at >= since]
        found += made
        if page.last or len(made) < len(page.items):
            break
    return found


def _lines(reservation: Reservation) -> Lines:
    units = Counter[Unit](
        (
            id_at_end(item.offer),
            tuple(sorted(i for t in item.offer_tickets if (i := id_at_end(t.session)))),
        )
        for item in reservation.items
    )
    return frozenset(units.items())
