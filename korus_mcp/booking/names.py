"""Names for the lines of holds and orders: a reply never shows a bare id as a name."""

from collections.abc import Iterable
from datetime import datetime

from korus_mcp.api import ApiError, Ticketing, jsonld
from korus_mcp.api.models.order import Order
from korus_mcp.api.models.reservation import Reservation
from korus_mcp.booking.hold import Names
from korus_mcp.booking.ports import Catalog
from korus_mcp.booking.quote import Quote
from korus_mcp.handles import id_at_end


class NameBook:
    """Looks names up in the catalog, and session times in the quotes that were given."""

    def __init__(self, ticketing: Ticketing, catalog: Catalog) -> None:
        self._ticketing = ticketing
        self._catalog = catalog
        self._times: dict[str, datetime] = {}

    def learn(self, quote: Quote) -> None:
        """Remember when the sessions of a quote begin."""
        for _, session in quote.sessions():
            if session.starts_at is not None:
                self._times[session.id] = session.starts_at

    async def for_reservations(self, found: Iterable[Reservation], language: str) -> Names:
        """The names and times that the lines of these reservations need."""
        products: dict[str, str] = {}
        for reservation in found:
            catalog_id = id_at_end(reservation.catalog)
            for item in reservation.items:
                await self._learn_product(catalog_id, item.product, language, products)
                for ticket in item.offer_tickets:
                    await self._learn_time(ticket.session, language)
        return Names(products, self._times)

    async def for_orders(self, found: Iterable[Order], language: str) -> Names:
        """The product names that the items of these orders need."""
        products: dict[str, str] = {}
        for order in found:
            catalog_id = id_at_end(order.catalog)
            for item in order.items:
                await self._learn_product(catalog_id, item.product, language, products)
        return Names(products, self._times)

    async def _learn_product(
        self, catalog_id: str | None, iri: str | None, language: str, known: dict[str, str]
    ) -> None:
        product_id = id_at_end(iri)
        if catalog_id is None or product_id is None or product_id in known:
            return
        try:
            name = await self._catalog.product_name(catalog_id, product_id, language)
        except ApiError:
            return  # a hold or an order is worth more than the names in it
        if name is not None:
            known[product_id] = name

    async def _learn_time(self, iri: str | None, language: str) -> None:
        session_id = id_at_end(iri)
        if iri is None or session_id is None or session_id in self._times:
            return
        ids = jsonld.SESSION.match(iri)
        if ids is None:
            return  # the older /events/ form (T10) cannot be fetched
        try:
            session = await self._ticketing.get_offer_ticket_session(*ids, language=language)
        except ApiError:
            return
        if session.starts_at is not None:
            self._times[session_id] = session.starts_at
