"""Looks up product names, session times and time zones for the lines of holds and orders."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from functools import partial
from typing import Final, TypeAlias, TypeVar

import anyio
from cachetools import LRUCache

from korus_mcp.api import ApiError, Ticketing, jsonld
from korus_mcp.api.models.order import Order, OrderItem
from korus_mcp.api.models.reservation import (
    Reservation,
    ReservationItem,
    ReservationOfferTicket,
)
from korus_mcp.booking.hold import BookedNames
from korus_mcp.booking.ports import Catalog
from korus_mcp.booking.quote import Quote
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.unread import Unread, zone_of_all

NAMES_SECONDS: Final = 5.0
_Told = TypeVar("_Told")
_Item: TypeAlias = tuple[str | None, ReservationItem | OrderItem]
"""An item with the catalog it was booked from."""
MOST_TIMES: Final = 5000
"""At most so many session times are remembered, for when one cannot be read."""


class ProductNames:
    """Looks names up in the catalog, and session times in the quotes that were given."""

    def __init__(self, ticketing: Ticketing, catalog: Catalog) -> None:
        self._ticketing = ticketing
        self._catalog = catalog
        self._times: LRUCache[str, datetime] = LRUCache(MOST_TIMES)
        self._quoted: LRUCache[str, bool] = LRUCache(MOST_TIMES)
        """Sessions whose time came with a quote and was not used since."""

    def learn(self, quote: Quote) -> None:
        """Remember when the sessions of a quote begin: the hold made of it need not read them."""
        for _, session in quote.sessions():
            if session.starts_at is not None:
                self._times[session.id] = session.starts_at
                self._quoted[session.id] = True

    async def for_reservations(self, found: Sequence[Reservation], language: str) -> BookedNames:
        """The names, times and zones that the lines of these reservations need."""
        items = [(id_at_end(r.catalog), item) for r in found for item in r.items]
        held = (each for _, item in items for each in item.offer_tickets)
        return await self._read(items, set(filter(None, map(_session_of, held))), language)

    async def for_orders(self, found: Sequence[Order], language: str) -> BookedNames:
        """The product names and zones that the items of these orders need."""
        return await self._read(_items_of(found), set(), language)

    async def kept_zone(self, found: Sequence[Order], language: str) -> tzinfo | None:
        """The zone of the venues of all these orders as the catalog has it; sends no request."""
        ids = {(catalog, id_at_end(item.product)) for catalog, item in _items_of(found)}
        return zone_of_all(
            [
                await self._catalog.kept_zone(catalog, product, language)
                for catalog, product in ids
                if catalog is not None and product is not None
            ]
        )

    async def _read(self, items: Iterable[_Item], sessions: set[str], language: str) -> BookedNames:
        """Read all names at once, for a few seconds at most: a hold without names is still a hold.

        The zones of all of them, since what has no time of its own is told by the same clock.
        """
        names: dict[str, str] = {}
        zones: dict[str, tzinfo] = {}
        products = {(catalog, id_at_end(item.product)) for catalog, item in items}
        name, zone = self._catalog.product_name, self._catalog.zone
        steps: list[Callable[[], Awaitable[None]]] = [
            *(partial(self._learn, name, names, *product, language) for product in products),
            *(partial(self._learn_time, session, language) for session in sessions),
            *(partial(self._learn, zone, zones, *product, language) for product in products),
        ]
        with anyio.move_on_after(NAMES_SECONDS):
            await side_by_side(steps)
        ids = filter(None, map(id_at_end, sessions))
        return BookedNames(names, {i: self._times[i] for i in ids if i in self._times}, zones)

    async def _learn(
        self,
        ask: Callable[[str, str, str], Awaitable[_Told | None]],
        known: dict[str, _Told],
        catalog_id: str | None,
        product_id: str | None,
        language: str,
    ) -> None:
        """Ask the catalog for a fact about a product and add it to `known`."""
        if catalog_id is None or product_id is None:
            return
        with suppress(ApiError):
            told = await ask(catalog_id, product_id, language)
            if told is not None:
                known[product_id] = told

    async def _learn_time(self, iri: str, language: str) -> None:
        """Read when a session begins: it may have moved since, which voids an approval. If it
        cannot be read, the remembered time stands.
        """
        session_id = id_at_end(iri)
        # The time came with a quote a moment ago; the next time it is read again.
        if session_id is None or self._quoted.pop(session_id, False):
            return
        ids = jsonld.SESSION.match(iri)
        if ids is None:
            return  # the older form (T10) of a session whose ticket is not named
        try:
            session = await self._ticketing.get_offer_ticket_session(*ids, language=language)
        except ApiError:
            return
        if session.starts_at is not None and not isinstance(session.starts_at, Unread):
            self._times[session_id] = session.starts_at


def _session_of(held: ReservationOfferTicket) -> str | None:
    """Address of the session of a held ticket. The older form (T10) cannot be fetched, and another
    process may have held it and learnt when it begins: then it is the one below its ticket.
    """
    if isinstance(held.session, Unread) or held.session is None:
        return None
    session_id, ticket = id_at_end(held.session), jsonld.OFFER_TICKET.match(held.ticket or "")
    if jsonld.SESSION.match(held.session) or session_id is None or ticket is None:
        return held.session
    return jsonld.SESSION.iri(*ticket, session_id)


def _items_of(found: Sequence[Order]) -> Sequence[_Item]:
    return [(id_at_end(order.catalog), item) for order in found for item in order.items]
