"""A hold whose answer was lost, found again among the newest reservations of the account.

Reservations carry no reference of ours, so one is recognised by its lines. That is safe only where
nobody else books on the account: somebody else's equal hold must never be taken.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from korus_mcp.api import Booking, Malformed, Outcome
from korus_mcp.api.models.reservation import Reservation, ReservationItem
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.unread import UNREAD
from korus_mcp.journal.protocol import HoldIntent, Journal

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

    More equal ones than were wished cannot be told apart: then none is taken. Nor is one where
    another cannot be read: that may be ours, and the one that can be read somebody else's.

    Raises:
        ApiError: The reservations cannot be read.
    """
    found = await _newest(booking, hold.sent_at - EARLY)
    if not all(_is_read(r) for r in found):
        return ()
    free = [r for r in found if not r.may_have_order and not r.expired]
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
    """Those made since then, and those of which nobody knows when.

    Raises:
        ApiError: They cannot be read.
    """
    pages = booking.list_reservations(newest_first=True)
    found: list[Reservation] = []
    for number in range(1, MAX_PAGES + 1):
        page = await pages.page(number)
        if page.unreadable:
            raise Malformed("listReservations", Outcome.REFUSED, reason="a hold without an id")
        made = [r for r in page.items if not _is_before(r, since)]
        found += made
        if page.last or len(made) < len(page.items):
            break
    return found


def _is_before(reservation: Reservation, since: datetime) -> bool:
    made_at = reservation.created_at
    return isinstance(made_at, datetime) and made_at < since


def _is_read(reservation: Reservation) -> bool:
    """Whether all is known that tells whose hold it is."""
    facts = (reservation.created_at, reservation.expired, reservation.order)
    is_dated = reservation.created_at is not None and not any(f is UNREAD for f in facts)
    items = reservation.items
    has_items = bool(items) and not reservation.lacks("items")
    return is_dated and has_items and all(_is_item_read(item) for item in items)


def _is_item_read(item: ReservationItem) -> bool:
    sessions = [ticket.session for ticket in item.offer_tickets]
    is_whole = id_at_end(item.offer) is not None and not item.lacks("offer_tickets")
    return is_whole and all(s is None or id_at_end(s) is not None for s in sessions)


def _lines(reservation: Reservation) -> Lines:
    units = Counter[Unit](
        (
            id_at_end(item.offer),
            tuple(sorted(i for t in item.offer_tickets if (i := id_at_end(t.session)))),
        )
        for item in reservation.items
    )
    return frozenset(units.items())
