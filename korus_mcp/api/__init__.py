"""A typed async client of the KorusTicket REST API; it knows nothing of MCP.

async with KorusApi(config) as api:
    async for catalog in api.ticketing.list_catalogs():
        ...

A name is imported from its module when it is first asked for: whoever only wants the errors, or a
client that may never be called, does not wait for httpx and for sixty models.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from korus_mcp.api.auth import Token
    from korus_mcp.api.booking import (
        BeneficiaryInput,
        Booking,
        CustomerInput,
        OrderFilters,
        OrderRequest,
        ReservationLine,
        TicketChoice,
    )
    from korus_mcp.api.client import KorusApi
    from korus_mcp.api.config import ApiConfig
    from korus_mcp.api.contract import Drift, drift
    from korus_mcp.api.errors import (
        ApiError,
        BadRequest,
        CertificateFault,
        Disconnected,
        DocumentRefused,
        Forbidden,
        InvalidId,
        Malformed,
        NotFound,
        Outcome,
        RateLimited,
        Redirected,
        ServerFailed,
        TimedOut,
        TokenRefused,
        TokenUnavailable,
        TooLarge,
        Unauthorized,
        UnexpectedStatus,
        Unprocessable,
        Unreachable,
    )
    from korus_mcp.api.filters import OfferFilters
    from korus_mcp.api.jsonld import (
        catalog_iri,
        document_iri,
        ids_in,
        last_segment,
        offer_iri,
        order_iri,
        order_item_ticket_iri,
        parse_iri,
        product_base_iri,
        product_iri,
        reservation_iri,
        same_resource,
        seat_map_iri,
        session_iri,
        ticket_iri,
    )
    from korus_mcp.api.lists import Page, Pages
    from korus_mcp.api.models.catalog import (
        Catalog,
        Media,
        Medias,
        Product,
        ProductBase,
        ProductBaseOption,
        ProductBaseOptionValue,
        ProductOptionValue,
        Venue,
    )
    from korus_mcp.api.models.offer import (
        Offer,
        OfferAvailability,
        OfferPrice,
        OfferPriceSummary,
        OfferProduct,
        OfferTicket,
        OfferTicketSession,
        OfferTicketSummary,
        SessionAvailability,
    )
    from korus_mcp.api.models.order import (
        Beneficiary,
        Form,
        FormField,
        Order,
        OrderBulkResult,
        OrderCustomer,
        OrderDocument,
        OrderDocumentLink,
        OrderFailure,
        OrderItem,
        OrderItemTicket,
    )
    from korus_mcp.api.models.reservation import (
        Reservation,
        ReservationBulkResult,
        ReservationFailure,
        ReservationItem,
        ReservationOfferTicket,
    )
    from korus_mcp.api.models.seat_map import Row, Seat, Seating, SeatingCategory, SeatMap, Zone
    from korus_mcp.api.ticketing import Ticketing

__all__ = [
    "ApiConfig",
    "ApiError",
    "BadRequest",
    "Beneficiary",
    "BeneficiaryInput",
    "Booking",
    "Catalog",
    "CertificateFault",
    "CustomerInput",
    "Disconnected",
    "DocumentRefused",
    "Drift",
    "Forbidden",
    "Form",
    "FormField",
    "InvalidId",
    "KorusApi",
    "Malformed",
    "Media",
    "Medias",
    "NotFound",
    "Offer",
    "OfferAvailability",
    "OfferFilters",
    "OfferPrice",
    "OfferPriceSummary",
    "OfferProduct",
    "OfferTicket",
    "OfferTicketSession",
    "OfferTicketSummary",
    "Order",
    "OrderBulkResult",
    "OrderCustomer",
    "OrderDocument",
    "OrderDocumentLink",
    "OrderFailure",
    "OrderFilters",
    "OrderItem",
    "OrderItemTicket",
    "OrderRequest",
    "Outcome",
    "Page",
    "Pages",
    "Product",
    "ProductBase",
    "ProductBaseOption",
    "ProductBaseOptionValue",
    "ProductOptionValue",
    "RateLimited",
    "Redirected",
    "Reservation",
    "ReservationBulkResult",
    "ReservationFailure",
    "ReservationItem",
    "ReservationLine",
    "ReservationOfferTicket",
    "Row",
    "Seat",
    "SeatMap",
    "Seating",
    "SeatingCategory",
    "ServerFailed",
    "SessionAvailability",
    "TicketChoice",
    "Ticketing",
    "TimedOut",
    "Token",
    "TokenRefused",
    "TokenUnavailable",
    "TooLarge",
    "Unauthorized",
    "UnexpectedStatus",
    "Unprocessable",
    "Unreachable",
    "Venue",
    "Zone",
    "catalog_iri",
    "document_iri",
    "drift",
    "ids_in",
    "last_segment",
    "offer_iri",
    "order_iri",
    "order_item_ticket_iri",
    "parse_iri",
    "product_base_iri",
    "product_iri",
    "reservation_iri",
    "same_resource",
    "seat_map_iri",
    "session_iri",
    "ticket_iri",
]

_HOMES = {
    "auth": "Token",
    "booking": (
        "BeneficiaryInput Booking CustomerInput OrderFilters OrderRequest ReservationLine "
        "TicketChoice"
    ),
    "client": "KorusApi",
    "config": "ApiConfig",
    "contract": "Drift drift",
    "errors": (
        "ApiError BadRequest CertificateFault Disconnected DocumentRefused Forbidden InvalidId "
        "Malformed NotFound Outcome RateLimited Redirected ServerFailed TimedOut TokenRefused "
        "TokenUnavailable TooLarge Unauthorized UnexpectedStatus Unprocessable Unreachable"
    ),
    "filters": "OfferFilters",
    "jsonld": (
        "catalog_iri document_iri ids_in last_segment offer_iri order_iri order_item_ticket_iri "
        "parse_iri product_base_iri product_iri reservation_iri same_resource seat_map_iri "
        "session_iri ticket_iri"
    ),
    "models.catalog": (
        "Catalog Media Medias Product ProductBase ProductBaseOption ProductBaseOptionValue "
        "ProductOptionValue Venue"
    ),
    "models.offer": (
        "Offer OfferAvailability OfferPrice OfferPriceSummary OfferProduct OfferTicket "
        "OfferTicketSession OfferTicketSummary SessionAvailability"
    ),
    "models.order": (
        "Beneficiary Form FormField Order OrderBulkResult OrderCustomer OrderDocument "
        "OrderDocumentLink OrderFailure OrderItem OrderItemTicket"
    ),
    "models.reservation": (
        "Reservation ReservationBulkResult ReservationFailure ReservationItem "
        "ReservationOfferTicket"
    ),
    "models.seat_map": "Row Seat Seating SeatingCategory SeatMap Zone",
    "lists": "Page Pages",
    "ticketing": "Ticketing",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker would believe that every name exists

    def __getattr__(name: str) -> object:
        """A public name, from the module it lives in."""
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{home}"), name)
