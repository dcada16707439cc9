"""Adoption: finding the reservations that a call made whose answer was lost.

Reservations carry no reference of ours, so they are recognised by their lines among the newest of
the account. That is safe only where nobody else books on the account (KORUS_SOLE_WRITER):
otherwise an equal hold may be somebody else's, and it must never be taken.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from korus_mcp.api import Booking, Malformed, Outcome
from korus_mcp.api.models.reservation import Reservation
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.unread import UNREAD
from korus_mcp.journal import Journal
from korus_mcp.journal.records import HoldIntent

MAX_PAGES: Final = 4
EARLY: Final = timedelta(seconds=2)
"""How much earlier than the call `createdAt` may seem: both times are cut to whole seconds."""

Unit = tuple[str | None, tuple[str, ...]]
Lines = frozenset[tuple[Unit, int]]
"""What a reservation holds: pairs of an offer with its sessions, and a number of units."""


def lines_of(offer_id: str, session_ids: Sequence[str], quantity: int) -> Lines:
    """The lines of a reservation that is made for one wished item."""
    return frozenset({((offer_id, tuple(sorted(session_ids))), quantity)})


async def found_again(
    booking: Booking, journal: Journal, hold: HoldIntent, wished: Sequence[Lines]
) -> tuple[Reservation, ...]:
    """The reservations that a call with a lost answer made: one for each wished item, else none.

    None are taken if there are more equal reservations than were wished (they cannot be told
    apart), or if any of the newest cannot be read (it may be ours, and an equal one somebody
    else's).

    Raises:
        ApiError: The reservations cannot be read.
    """
    # A hold is ours if it was made since the call was sent and holds what it asked for.
    found = await _newest(booking, hold.sent_at - EARLY)
    if not all(_is_read(r) for r in found):
        return ()
    free = [r for r in found if not r.may_have_order and not r.expired]
    # A reservation that the journal knows belongs to another call.
    owned = await journal.owners_of([r.id for r in free])
    candidates = [(r, _lines(r)) for r in free if r.id not in owned]
    taken: list[Reservation] = []
    for lines, number in Counter(wished).items():
        equal = [r for r, held in candidates if held == lines]
        # Too few: the call held less, or it is not done. Too many: somebody else holds the same.
        if len(equal) != number:
            return ()
        taken.extend(equal)
    return tuple(taken)


async def _newest(booking: Booking, since: datetime) -> list[Reservation]:
    """The newest reservations of the account: made since then, or at a time that is not stated.

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
        # The list has the newest first, so the first older one ends the search.
        if page.last or len(made) < len(page.items):
            break
    return found


def _is_read(reservation: Reservation) -> bool:
    """Whether all that a reservation is recognised by could be read."""
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
