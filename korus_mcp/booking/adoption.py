"""A hold whose answer was lost, found again among the newest reservations of the account.

Reservations carry no reference of ours, so one is recognised by its lines. That is safe only where
nobody else books on the account: somebody else's equal hold must never be taken.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from korus_mcp.api import Booking, Malformed, Outcome
from korus_mcp.api.models.reservation import Reservation
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
    # By what the call asked for, made since it was sent: nothing else tells whose a hold is.
    found = await _newest(booking, hold.sent_at - EARLY)
    if not all(_is_read(r) for r in found):
        return ()
    free = [r for r in found if not r.may_have_order and not r.expired]
    # One that the journal knows belongs to another call.
    owned = await journal.owners_of([r.id for r in free])
    candidates = [(r, _lines(r)) for r in free if r.id not in owned]
    taken: list[Reservation] = []
    for lines, number in Counter(wished).items():
        equal = [r for r, held in candidates if held == lines]
        # Too few: the call held less, or not yet. Too many: somebody holds the same.
        if len(equal) != number:
            return ()
        taken.extend(equal)
    return tuple(taken)


async def _newest(booking: Booking, since: datetime) -> list[Reservation]:
    """The newest reservations of the account: those made since then, or nobody knows when.

    Raises:
        ApiError: They cannot be read.
    """
    pages = booking.list_reservations(newest_first=True)
    found: list[Reservation] = []
    for number in range(1, MAX_PAGES + 1):
        page = await pages.page(number)
        if page.unreadable:
            raise Malformed("listReservations", Outcome.REFUSED, reason="a hold without an id")
        made = [
            r
            for r in page.items
            if not (isinstance(r.created_at, datetime) and r.created_at < since)
        ]
        found += made
        # Newest first: the first older one ends the search.
        if page.last or len(made) < len(page.items):
            break
    return found


def _is_read(reservation: Reservation) -> bool:
    """Whether everything of a reservation could be read by which it is recognised."""
    facts = (reservation.created_at, reservation.expired, reservation.order)
    is_dated = reservation.created_at is not None and not any(f is UNREAD for f in facts)
    items = reservation.items
    is_whole = bool(items) and not reservation.lacks("items")
    is_whole = is_whole and not any(item.lacks("offer_tickets") for item in items)
    sessions = (ticket.session for item in items for ticket in item.offer_tickets)
    links = [*(item.offer for item in items), *(s for s in sessions if s is not None)]
    return is_dated and is_whole and all(id_at_end(link) is not None for link in links)


def _lines(reservation: Reservation) -> Lines:
    units = Counter[Unit](
        (
            id_at_end(item.offer),
            tuple(sorted(i for t in item.offer_tickets if (i := id_at_end(t.session)))),
        )
        for item in reservation.items
    )
    return frozenset(units.items())
