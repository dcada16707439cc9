"""A typed async client of the KorusTicket REST API; it knows nothing of MCP.

async with KorusApi(config) as api:
    async for catalog in api.ticketing.list_catalogs():
        ...

Names are imported lazily: a program that only wants the errors, or a client that may never be
called, does not wait for httpx and for sixty models to be imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # "X as X" says that a name is meant for others
    from korus_mcp.api.auth import Token as Token
    from korus_mcp.api.booking import BeneficiaryInput as BeneficiaryInput
    from korus_mcp.api.booking import Booking as Booking
    from korus_mcp.api.booking import CustomerInput as CustomerInput
    from korus_mcp.api.booking import OrderFilters as OrderFilters
    from korus_mcp.api.booking import OrderRequest as OrderRequest
    from korus_mcp.api.booking import ReservationLine as ReservationLine
    from korus_mcp.api.booking import TicketChoice as TicketChoice
    from korus_mcp.api.client import KorusApi as KorusApi
    from korus_mcp.api.config import ApiConfig as ApiConfig
    from korus_mcp.api.contract import Drift as Drift
    from korus_mcp.api.contract import drift as drift
    from korus_mcp.api.errors import ApiError as ApiError
    from korus_mcp.api.errors import BadRequest as BadRequest
    from korus_mcp.api.errors import CertificateFault as CertificateFault
    from korus_mcp.api.errors import Disconnected as Disconnected
    from korus_mcp.api.errors import DocumentRefused as DocumentRefused
    from korus_mcp.api.errors import Forbidden as Forbidden
    from korus_mcp.api.errors import InvalidId as InvalidId
    from korus_mcp.api.errors import Malformed as Malformed
    from korus_mcp.api.errors import NotFound as NotFound
    from korus_mcp.api.errors import Outcome as Outcome
    from korus_mcp.api.errors import RateLimited as RateLimited
    from korus_mcp.api.errors import Redirected as Redirected
    from korus_mcp.api.errors import ServerFailed as ServerFailed
    from korus_mcp.api.errors import TimedOut as TimedOut
    from korus_mcp.api.errors import TokenRefused as TokenRefused
    from korus_mcp.api.errors import TokenUnavailable as TokenUnavailable
    from korus_mcp.api.errors import TooLarge as TooLarge
    from korus_mcp.api.errors import Unauthorized as Unauthorized
    from korus_mcp.api.errors import UnexpectedStatus as UnexpectedStatus
    from korus_mcp.api.errors import Unprocessable as Unprocessable
    from korus_mcp.api.errors import Unreachable as Unreachable
    from korus_mcp.api.filters import OfferFilters as OfferFilters
    from korus_mcp.api.jsonld import ids_in as ids_in
    from korus_mcp.api.jsonld import last_segment as last_segment
    from korus_mcp.api.jsonld import offer_iri as offer_iri
    from korus_mcp.api.jsonld import parse_iri as parse_iri
    from korus_mcp.api.jsonld import reservation_iri as reservation_iri
    from korus_mcp.api.jsonld import session_iri as session_iri
    from korus_mcp.api.jsonld import ticket_iri as ticket_iri
    from korus_mcp.api.lists import Page as Page
    from korus_mcp.api.lists import Pages as Pages
    from korus_mcp.api.models.catalog import Catalog as Catalog
    from korus_mcp.api.models.catalog import Media as Media
    from korus_mcp.api.models.catalog import Medias as Medias
    from korus_mcp.api.models.catalog import Product as Product
    from korus_mcp.api.models.catalog import ProductBase as ProductBase
    from korus_mcp.api.models.catalog import ProductBaseOption as ProductBaseOption
    from korus_mcp.api.models.catalog import ProductBaseOptionValue as ProductBaseOptionValue
    from korus_mcp.api.models.catalog import ProductOptionValue as ProductOptionValue
    from korus_mcp.api.models.catalog import Venue as Venue
    from korus_mcp.api.models.offer import Offer as Offer
    from korus_mcp.api.models.offer import OfferAvailability as OfferAvailability
    from korus_mcp.api.models.offer import OfferPrice as OfferPrice
    from korus_mcp.api.models.offer import OfferPriceSummary as OfferPriceSummary
    from korus_mcp.api.models.offer import OfferProduct as OfferProduct
    from korus_mcp.api.models.offer import OfferTicket as OfferTicket
    from korus_mcp.api.models.offer import OfferTicketSession as OfferTicketSession
    from korus_mcp.api.models.offer import OfferTicketSummary as OfferTicketSummary
    from korus_mcp.api.models.offer import SessionAvailability as SessionAvailability
    from korus_mcp.api.models.order import Beneficiary as Beneficiary
    from korus_mcp.api.models.order import Form as Form
    from korus_mcp.api.models.order import FormField as FormField
    from korus_mcp.api.models.order import Order as Order
    from korus_mcp.api.models.order import OrderBulkResult as OrderBulkResult
    from korus_mcp.api.models.order import OrderCustomer as OrderCustomer
    from korus_mcp.api.models.order import OrderDocument as OrderDocument
    from korus_mcp.api.models.order import OrderDocumentLink as OrderDocumentLink
    from korus_mcp.api.models.order import OrderFailure as OrderFailure
    from korus_mcp.api.models.order import OrderItem as OrderItem
    from korus_mcp.api.models.order import OrderItemTicket as OrderItemTicket
    from korus_mcp.api.models.reservation import Reservation as Reservation
    from korus_mcp.api.models.reservation import ReservationBulkResult as ReservationBulkResult
    from korus_mcp.api.models.reservation import ReservationFailure as ReservationFailure
    from korus_mcp.api.models.reservation import ReservationItem as ReservationItem
    from korus_mcp.api.models.reservation import ReservationOfferTicket as ReservationOfferTicket
    from korus_mcp.api.models.seat_map import Row as Row
    from korus_mcp.api.models.seat_map import Seat as Seat
    from korus_mcp.api.models.seat_map import Seating as Seating
    from korus_mcp.api.models.seat_map import SeatingCategory as SeatingCategory
    from korus_mcp.api.models.seat_map import SeatMap as SeatMap
    from korus_mcp.api.models.seat_map import Zone as Zone
    from korus_mcp.api.ticketing import Ticketing as Ticketing

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
    "jsonld": "ids_in last_segment offer_iri parse_iri reservation_iri session_iri ticket_iri",
    "lists": "Page Pages",
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
    "ticketing": "Ticketing",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME_OF)

if not TYPE_CHECKING:  # a type checker would believe that every name exists

    def __getattr__(name: str) -> object:
        """A public name, from the module it lives in."""
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{home}"), name)
