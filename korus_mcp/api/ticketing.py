"""The catalog side: what can be sold, when, and what is left. All reads (`/v1/ticketing`)."""

from anyio import to_thread

from korus_mcp.api import jsonld
from korus_mcp.api.filters import EVERY_OFFER, OfferFilters, Params
from korus_mcp.api.lists import Pages, fetch_one, fetch_pages
from korus_mcp.api.models.catalog import (
    Catalog,
    Product,
    ProductBase,
    ProductBaseOption,
    ProductBaseOptionValue,
)
from korus_mcp.api.models.offer import (
    Offer,
    OfferAvailability,
    OfferPrice,
    OfferTicket,
    OfferTicketSession,
)
from korus_mcp.api.models.order import Form
from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.api.transport import Wire, as_model


class Ticketing:
    """Catalogs, product bases, products, offers and seat maps.

    Every method takes ids, not IRIs, raises `InvalidId` for what cannot be one, and `ApiError`
    when the call fails. `language` is an `Accept-Language` value; None is the configured one.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_catalogs(self, *, language: str | None = None) -> Pages[Catalog]:
        """The catalogs we may sell; none means no access was granted."""
        return fetch_pages(
            self._wire, "listCatalogs", Catalog, jsonld.CATALOGS.iri(), language=language
        )

    async def get_catalog(self, catalog_id: str, *, language: str | None = None) -> Catalog:
        """One catalog (A01)."""
        path = jsonld.CATALOG.iri(catalog_id)
        return await fetch_one(self._wire, "getCatalog", Catalog, path, language)

    def list_product_bases(
        self, catalog_id: str, *, with_disabled: bool = False, language: str | None = None
    ) -> Pages[ProductBase]:
        """The product bases of a catalog in short form (T29); may be kept for 24 hours."""
        path = jsonld.PRODUCT_BASES.iri(catalog_id)
        params: Params = (("withDisabled", "true"),) if with_disabled else ()
        return fetch_pages(
            self._wire, "listProductBases", ProductBase, path, params, language=language
        )

    async def get_product_base(
        self, catalog_id: str, base_id: str, *, language: str | None = None
    ) -> ProductBase:
        """One product base with its long texts, venue and images (A01)."""
        path = jsonld.PRODUCT_BASE.iri(catalog_id, base_id)
        return await fetch_one(self._wire, "getProductBase", ProductBase, path, language)

    def list_product_base_options(
        self, catalog_id: str, base_id: str, *, language: str | None = None
    ) -> Pages[ProductBaseOption]:
        """The options along which the products of a base differ (A02)."""
        path = jsonld.OPTIONS.iri(catalog_id, base_id)
        return fetch_pages(
            self._wire, "listProductBaseOptions", ProductBaseOption, path, language=language
        )

    def list_product_base_option_values(
        self, catalog_id: str, base_id: str, code: str, *, language: str | None = None
    ) -> Pages[ProductBaseOptionValue]:
        """The choices of one option, by its code, such as `price_type`."""
        path = jsonld.OPTION_VALUES.iri(catalog_id, base_id, code)
        operation = "listProductBaseOptionValues"
        return fetch_pages(self._wire, operation, ProductBaseOptionValue, path, language=language)

    def list_product_base_products(
        self, catalog_id: str, base_id: str, *, language: str | None = None
    ) -> Pages[Product]:
        """The products of a base (A04)."""
        path = jsonld.BASE_PRODUCTS.iri(catalog_id, base_id)
        return fetch_pages(self._wire, "listProductBaseProducts", Product, path, language=language)

    async def get_product(
        self, catalog_id: str, product_id: str, *, language: str | None = None
    ) -> Product:
        """One product, at its flat address (A01)."""
        path = jsonld.PRODUCT.iri(catalog_id, product_id)
        return await fetch_one(self._wire, "getProduct", Product, path, language)

    def list_offers(
        self, catalog_id: str, filters: OfferFilters = EVERY_OFFER, *, language: str | None = None
    ) -> Pages[Offer]:
        """The offers that match; stock and price here lag behind the live ones (T21)."""
        path = jsonld.OFFERS.iri(catalog_id)
        return fetch_pages(
            self._wire, "listOffers", Offer, path, filters.params(), language=language
        )

    async def get_offer(
        self, catalog_id: str, offer_id: str, *, language: str | None = None
    ) -> Offer:
        """One offer (A01)."""
        path = jsonld.OFFER.iri(catalog_id, offer_id)
        return await fetch_one(self._wire, "getOffer", Offer, path, language)

    async def get_offer_availability(
        self, catalog_id: str, offer_id: str, *, language: str | None = None
    ) -> OfferAvailability:
        """Live stock; to be asked when the offer says `availability_check_required`, never kept."""
        path = jsonld.OFFER_AVAILABILITY.iri(catalog_id, offer_id)
        return await fetch_one(
            self._wire, "getOfferAvailability", OfferAvailability, path, language
        )

    async def get_offer_price(
        self, catalog_id: str, offer_id: str, *, language: str | None = None
    ) -> OfferPrice:
        """Live price; to be asked when the offer says `realtime_price_required`, never kept."""
        path = jsonld.OFFER_PRICE.iri(catalog_id, offer_id)
        return await fetch_one(self._wire, "getOfferPrice", OfferPrice, path, language)

    def list_offer_tickets(
        self, catalog_id: str, offer_id: str, *, language: str | None = None
    ) -> Pages[OfferTicket]:
        """The tickets of an offer; not paged (A08)."""
        path = jsonld.OFFER_TICKETS.iri(catalog_id, offer_id)
        return fetch_pages(
            self._wire, "listOfferTickets", OfferTicket, path, language=language, paged=False
        )

    async def get_offer_ticket(
        self, catalog_id: str, offer_id: str, ticket_id: str, *, language: str | None = None
    ) -> OfferTicket:
        """One ticket of an offer."""
        path = jsonld.OFFER_TICKET.iri(catalog_id, offer_id, ticket_id)
        return await fetch_one(self._wire, "getOfferTicket", OfferTicket, path, language)

    def list_offer_ticket_sessions(
        self, catalog_id: str, offer_id: str, ticket_id: str, *, language: str | None = None
    ) -> Pages[OfferTicketSession]:
        """The time slots of an offer ticket (A07)."""
        path = jsonld.SESSIONS.iri(catalog_id, offer_id, ticket_id)
        return fetch_pages(
            self._wire, "listOfferTicketSessions", OfferTicketSession, path, language=language
        )

    async def get_offer_ticket_session(
        self,
        catalog_id: str,
        offer_id: str,
        ticket_id: str,
        session_id: str,
        *,
        language: str | None = None,
    ) -> OfferTicketSession:
        """One time slot (A07)."""
        path = jsonld.SESSION.iri(catalog_id, offer_id, ticket_id, session_id)
        return await fetch_one(
            self._wire, "getOfferTicketSession", OfferTicketSession, path, language
        )

    async def get_seat_map(
        self, catalog_id: str, base_id: str, seat_map_id: str, *, language: str | None = None
    ) -> SeatMap:
        """The layout of a venue; its id comes from a base or a session (A10)."""
        operation, path = "getSeatMap", jsonld.SEAT_MAP.iri(catalog_id, base_id, seat_map_id)
        body = await self._wire.read(operation, path, language=language)
        # a house of 50,000 seats takes half a second to check: not on the event loop
        return await to_thread.run_sync(as_model, operation, "GET", SeatMap, body)

    async def get_form(self, form_id: str, *, language: str | None = None) -> Form:
        """A form of the older model; deprecated upstream (A28)."""
        return await fetch_one(self._wire, "getForm", Form, jsonld.FORM.iri(form_id), language)
