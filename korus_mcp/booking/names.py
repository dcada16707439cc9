"""Names for the lines of holds and orders: a reply never shows a bare id as a name."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Final

import anyio
from cachetools import LRUCache

from korus_mcp.api import ApiError, Ticketing, jsonld
from korus_mcp.api.models.order import Order, OrderItem
from korus_mcp.api.models.reservation import Reservation, ReservationItem
from korus_mcp.booking.hold import BookedNames
from korus_mcp.booking.ports import Catalog
from korus_mcp.booking.quote import Quote
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.unread import DayMoment, Unread, takes_zone

NAMES_SECONDS: Final = 5.0
MOST_TIMES: Final = 5000
"""So many sessions' times are remembered, the used ones: for when they cannot be asked."""


class ProductNames:
    """Looks names up in the catalog, and session times in the quotes that were given."""

    def __init__(self, ticketing: Ticketing, catalog: Catalog) -> None:
        self._ticketing = ticketing
        self._catalog = catalog
        self._times: LRUCache[str, datetime] = LRUCache(MOST_TIMES)
        self._quoted: LRUCache[str, bool] = LRUCache(MOST_TIMES)
        """Sessions whose time came with a quote and was not shown since."""

    def learn(self, quote: Quote) -> None:
        """Remember when the sessions of a quote begin; the hold made of it need not ask again."""
        for _, session in quote.sessions():
            if session.starts_at is not None:
                self._times[session.id] = session.starts_at
                self._quoted[session.id] = True

    async def for_reservations(
        self, found: Sequence[Reservation], language: str, now: datetime
    ) -> BookedNames:
        """The names, times and zones that the lines of these reservations need."""
        items = [(id_at_end(r.catalog), item) for r in found for item in r.items]
        sessions = {t.session for _, item in items for t in item.offer_tickets if t.session}
        links = {session for session in sessions if not isinstance(session, Unread)}
        zoned = {(c, item.product) for c, item in items if _takes_zone(item, now)}
        return await self._read({(c, i.product) for c, i in items}, links, zoned, language)

    async def for_orders(self, found: Sequence[Order], language: str) -> BookedNames:
        """The product names and zones that the items of these orders need."""
        items = [(id_at_end(o.catalog), item) for o in found for item in o.items]
        zoned = {(c, item.product) for c, item in items if _has_moment(item)}
        return await self._read({(c, i.product) for c, i in items}, set(), zoned, language)

    async def _read(
        self,
        products: Iterable[tuple[str | None, str | None]],
        sessions: set[str],
        zoned: Iterable[tuple[str | None, str | None]],
        language: str,
    ) -> BookedNames:
        """All names side by side, for a few seconds: a hold is worth more than the names in it.

        `zoned` are the products whose days or times take the zone of their venue.
        """
        names: dict[str, str] = {}
        zones: dict[str, tzinfo] = {}
        steps: list[Callable[[], Awaitable[None]]] = [
            *(partial(self._learn_product, *product, language, names) for product in products),
            *(partial(self._learn_time, session, language) for session in sessions),
            *(partial(self._learn_zone, *product, language, zones) for product in zoned),
        ]
        with anyio.move_on_after(NAMES_SECONDS):
            await side_by_side(steps)
        ids = filter(None, map(id_at_end, sessions))
        return BookedNames(names, {i: self._times[i] for i in ids if i in self._times}, zones)

    async def _learn_product(
        self, catalog_id: str | None, iri: str | None, language: str, known: dict[str, str]
    ) -> None:
        product_id = id_at_end(iri)
        if catalog_id is None or product_id is None:
            return
        try:
            name = await self._catalog.product_name(catalog_id, product_id, language)
        except ApiError:
            return
        if name is not None:
            known[product_id] = name

    async def _learn_zone(
        self, catalog_id: str | None, iri: str | None, language: str, known: dict[str, tzinfo]
    ) -> None:
        product_id = id_at_end(iri)
        if catalog_id is None or product_id is None:
            return
        try:
            zone = await self._catalog.zone(catalog_id, product_id, language)
        except ApiError:
            return
        if zone is not None:
            known[product_id] = zone

    async def _learn_time(self, iri: str, language: str) -> None:
        """Ask when a session begins: it may have moved since, which voids an agreement. Where that
        cannot be asked, what is remembered stands.
        """
        session_id = id_at_end(iri)
        if session_id is None or self._quoted.pop(session_id, False):
            return
        ids = jsonld.SESSION.match(iri)
        if ids is None:
            return  # the older /events/ form (T10) cannot be fetched
        try:
            session = await self._ticketing.get_offer_ticket_session(*ids, language=language)
        except ApiError:
            return
        if session.starts_at is not None and not isinstance(session.starts_at, Unread):
            self._times[session_id] = session.starts_at


def _takes_zone(item: ReservationItem, now: datetime) -> bool:
    """Whether it has sessions, or its day came as a moment, or is over in some zones only."""
    day = item.date
    if isinstance(day, DayMoment) or any(ticket.session for ticket in item.offer_tickets):
        return True
    return not isinstance(day, Unread) and takes_zone(day, now)


def _has_moment(item: OrderItem) -> bool:
    """Whether its day, or the time of a ticket in it, came as a moment."""
    times = (ticket.occurs_at for ticket in item.tickets)
    return isinstance(item.date, DayMoment) or any(isinstance(t, datetime) for t in times)
