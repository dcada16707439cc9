"""When and where the tickets of an order admit: what a person writes into their calendar."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final, TypeAlias

import anyio

from korus_mcp.api import ApiError, Booking, Ticketing, jsonld
from korus_mcp.api.models.order import Order
from korus_mcp.booking.hold import Seat
from korus_mcp.booking.order_status import Standing
from korus_mcp.booking.ports import Catalog
from korus_mcp.booking.tickets import IssuedTickets, Ticket
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import id_at_end

READING_SECONDS: Final = 5.0
"""How long venues and ends are waited for: an entry without them is still an entry."""
_Together: TypeAlias = Mapping[tuple[str, date], Sequence[Ticket]]
"""Tickets by the line of the order they are of, and when they admit."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Tickets of one line of an order that admit together.

    `starts` is a moment, or the day for tickets that are good all day. `ends` is None where the
    issuer states no end; `place` is the venue with its address, on one line.
    """

    tickets: tuple[Ticket, ...]
    starts: date
    ends: datetime | None = None
    place: str | None = None

    @property
    def product(self) -> str:
        """What they are tickets for."""
        return self.tickets[0].product

    @property
    def seats(self) -> tuple[Seat, ...]:
        """The places that the issuer allocated."""
        return tuple(ticket.seat for ticket in self.tickets if ticket.seat is not None)


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Finds the visits of orders."""

    booking: Booking
    ticketing: Ticketing
    catalog: Catalog

    async def of(self, issued: IssuedTickets, language: str) -> tuple[Visit, ...]:
        """The visits of a confirmed order, earliest first. Tickets without a day, or with one that
        cannot be read, have none.
        """
        # Nobody should keep an evening free for an order that may not stand.
        if issued.standing is not Standing.CONFIRMED or issued.unread:
            return ()
        together: dict[tuple[str, date], list[Ticket]] = {}
        for ticket in issued.tickets:
            if ticket.starts is not None:
                together.setdefault((ticket.item_id, ticket.starts), []).append(ticket)
        places, ends = await self._around(issued.order, together, language)
        visits = [
            Visit(
                tickets=tuple(tickets),
                starts=starts,
                ends=ends.get(starts) if isinstance(starts, datetime) else None,
                place=places.get(item_id),
            )
            for (item_id, starts), tickets in together.items()
        ]
        return tuple(sorted(visits, key=lambda visit: visit.starts.isoformat()))

    async def _around(
        self, order: Order, together: _Together, language: str
    ) -> tuple[Mapping[str, str], Mapping[datetime, datetime]]:
        """The venues by the id of the line, and the ends by when a session begins: what of it could
        be read in time.
        """
        places: dict[str, str] = {}
        ends: dict[datetime, set[datetime]] = {}
        catalog_id, items = id_at_end(order.catalog), {item_id for item_id, _ in together}
        steps = [
            partial(self._learn_place, places, item.id, catalog_id, product_id, language)
            for item in order.items
            if item.id in items and catalog_id and (product_id := id_at_end(item.product))
        ]
        if any(isinstance(starts, datetime) for _, starts in together):
            steps.append(partial(self._learn_ends, ends, order))
        with anyio.move_on_after(READING_SECONDS):
            await side_by_side(steps)
        # Two sessions may begin at once and end apart: which of them a ticket is for is not told.
        return places, {starts: end for starts, (end, *others) in ends.items() if not others}

    async def _learn_place(
        self,
        places: dict[str, str],
        item_id: str,
        catalog_id: str,
        product_id: str,
        language: str,
    ) -> None:
        with suppress(ApiError):
            place = await self.catalog.venue(catalog_id, product_id, language)
            if place is not None:
                places[item_id] = place

    async def _learn_ends(self, ends: dict[datetime, set[datetime]], order: Order) -> None:
        """Read when the sessions of an order end. Its tickets say when they begin; only the
        reservation it was made of names the sessions.
        """
        reservation_id = id_at_end(order.reservation)
        if reservation_id is None:
            return
        with suppress(ApiError):
            reservation = await self.booking.get_reservation(reservation_id)
            # By the ticket's link and the session's id: of the two forms of a session's link (T10)
            # only one can be read.
            known = {
                (*ids, session_id)
                for item in reservation.items
                for ticket in item.offer_tickets
                if (session_id := id_at_end(ticket.session))
                and (ids := jsonld.OFFER_TICKET.match(ticket.ticket or ""))
            }
            await side_by_side([partial(self._learn_end, ends, *ids) for ids in sorted(known)])

    async def _learn_end(self, ends: dict[datetime, set[datetime]], *ids: str) -> None:
        catalog_id, offer_id, ticket_id, session_id = ids
        session = await self.ticketing.get_offer_ticket_session(
            catalog_id, offer_id, ticket_id, session_id
        )
        starts, end = session.starts_at, session.ends_at
        if isinstance(starts, datetime) and isinstance(end, datetime) and starts < end:
            ends.setdefault(starts, set()).add(end)
