"""The catalog side: what can be sold, when, and what is left. All reads (`/v1/ticketing`)."""

from typing import Unpack

from korus_mcp.api import jsonld
from korus_mcp.api.filters import EVERY_OFFER, OfferFilters, Params
from korus_mcp.api.lists import Pages, Reads
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
from korus_mcp.api.transport import Wishes


class Ticketing(Reads):
    """Catalogs, product bases, products, offers and seat maps.

    Every method takes ids, not IRIs, raises `InvalidId` for what cannot be one, and `ApiError`
    when the call fails. `language` is an `Accept-Language` value; None is the configured one.
    """

    def list_catalogs(self, *, language: str | None = None) -> Pages[Catalog]:
        """The catalogs we may sell; an empty list means that no access was granted."""
        return self._pages(jsonld.CATALOGS, (), Catalog, language)

    async def get_catalog(self, catalog_id: str, *, language: str | None = None) -> Catalog:
        """One catalog (A01)."""
        return await self._one(jsonld.CATALOG, (catalog_id,), Catalog, language)

    def list_product_bases(
        self, catalog_id: str, *, with_disabled: bool = False, language: str | None = None
    ) -> Pages[ProductBase]:
        """The product bases of a catalog in short form (T29); may be cached for 24 hours."""
        params: Params = (("withDisabled", "true"),) if with_disabled else ()
        return self._pages(
            jsonld.PRODUCT_BASES, (catalog_id,), ProductBase, language, params=params
        )

    async def get_product_base(
        self, catalog_id: str, base_id: str, *, language: str | None = None
    ) -> ProductBase:
        """One product base with its long texts, venue and images (A01)."""
        return await self._one(jsonld.PRODUCT_BASE, (catalog_id, base_id), ProductBase, language)

    def list_product_base_options(
        self, catalog_id: str, base_id: str, *, language: str | None = None
    ) -> Pages[ProductBaseOption]:
        """The options along which the products of a base differ (A02)."""
        return self._pages(jsonld.OPTIONS, (catalog_id, base_id), ProductBaseOption, language)

    def list_product_base_option_values(
        self, catalog_id: str, base_id: str, code: str, *, language: str | None = None
    ) -> Pages[ProductBaseOptionValue]:
        """The choices of one option, by its code, such as `price_type`."""
        ids = (catalog_id, base_id, code)
        return self._pages(jsonld.OPTION_VALUES, ids, ProductBaseOptionValue, language)

    def list_product_base_products(
        self, catalog_id: str, base_id: str, *, language: str | None = None
    ) -> Pages[Product]:
        """The products of a base (A04)."""
        return self._pages(jsonld.BASE_PRODUCTS, (catalog_id, base_id), Product, language)

    async def get_product(
        self, catalog_id: str, product_id: str, *, language: str | None = None
    ) -> Product:
        """One product, at its flat address (A01)."""
        return await self._one(jsonld.PRODUCT, (catalog_id, product_id), Product, language)

    def list_offers(
        self, catalog_id: str, filters: OfferFilters = EVERY_OFFER, *, language: str | None = None
    ) -> Pages[Offer]:
        """The offers that match; stock and price here lag behind the live ones (T21)."""
        params = filters.params()
        return self._pages(
            jsonld.OFFERS, (catalog_id,), Offer, language, params=params, is_live=True
        )

    async def get_offer(
        self, catalog_id: str, offer_id: str, *, language: str | None = None
    ) -> Offer:
        """One offer (A01)."""
        return await self._one(jsonld.OFFER, (catalog_id, offer_id), Offer, language)

    async def get_offer_availability(
        self, catalog_id: str, offer_id: str, *, language: str | None = None
    ) -> OfferAvailability:
        """Live stock, needed when the offer says `availability_check_required`; never cached."""
        ids = (catalog_id, offer_id)
        return await self._one(jsonld.OFFER_AVAILABILITY, ids, OfferAvailability, language)

    async def get_offer_price(
        self, catalog_id: str, offer_id: str, *, language: str | None = None
    ) -> OfferPrice:
        """Live price, needed when the offer says `realtime_price_required`; never cached."""
        return await self._one(jsonld.OFFER_PRICE, (catalog_id, offer_id), OfferPrice, language)

    def list_offer_tickets(
        self, catalog_id: str, offer_id: str, *, language: str | None = None
    ) -> Pages[OfferTicket]:
        """The tickets of an offer; not paged (A08)."""
        ids = (catalog_id, offer_id)
        return self._pages(jsonld.OFFER_TICKETS, ids, OfferTicket, language, paged=False)

    async def get_offer_ticket(
        self, catalog_id: str, offer_id: str, ticket_id: str, *, language: str | None = None
    ) -> OfferTicket:
        """One ticket of an offer."""
        ids = (catalog_id, offer_id, ticket_id)
        return await self._one(jsonld.OFFER_TICKET, ids, OfferTicket, language)

    def list_offer_ticket_sessions(
        self, catalog_id: str, offer_id: str, ticket_id: str, *, language: str | None = None
    ) -> Pages[OfferTicketSession]:
        """The time slots of an offer ticket (A07)."""
        ids = (catalog_id, offer_id, ticket_id)
        return self._pages(jsonld.SESSIONS, ids, OfferTicketSession, language)

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
        ids = (catalog_id, offer_id, ticket_id, session_id)
        return await self._one(jsonld.SESSION, ids, OfferTicketSession, language)

    async def get_seat_map(
        self, catalog_id: str, base_id: str, seat_map_id: str, **wishes: Unpack[Wishes]
    ) -> SeatMap:
        """The layout of a venue; its id comes from a base or a session (A10). `on_arrival` is
        waited for when it is here and not yet unfolded, which takes memory.
        """
        ids = (catalog_id, base_id, seat_map_id)
        return await self._one(jsonld.SEAT_MAP, ids, SeatMap, **wishes)

    async def get_form(self, form_id: str, *, language: str | None = None) -> Form:
        """A form of the older model; deprecated upstream (A28)."""
        return await self._one(jsonld.FORM, (form_id,), Form, language)
