"""A typed async client of the KorusTicket REST API; it knows nothing of MCP.

async with KorusApi(config) as api:
    async for catalog in api.ticketing.list_catalogs():
        ...

Names are imported lazily: a program that only wants the errors, or a client that may never be
called, does not wait for httpx and for sixty models to be imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING

# Type checkers take the names from the modules themselves: a list here would be a second one.
if TYPE_CHECKING:
    from korus_mcp.api.auth import *
    from korus_mcp.api.booking import *
    from korus_mcp.api.client import *
    from korus_mcp.api.config import *
    from korus_mcp.api.contract import *
    from korus_mcp.api.errors import *
    from korus_mcp.api.filters import *
    from korus_mcp.api.jsonld import *
    from korus_mcp.api.lists import *
    from korus_mcp.api.models.catalog import *
    from korus_mcp.api.models.offer import *
    from korus_mcp.api.models.order import *
    from korus_mcp.api.models.reservation import *
    from korus_mcp.api.models.seat_map import *
    from korus_mcp.api.ticketing import *

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
        "ApiError BadRequest CertificateFault ConnectionFault Crowded Disconnected "
        "DocumentRefused Forbidden InvalidId Malformed NotFound Outcome ProxyFault RateLimited "
        "Redirected ServerFailed Suspended TimedOut TokenRefused TokenUnavailable TooLarge "
        "Unauthorized UnexpectedStatus Unprocessable Unreachable"
    ),
    "filters": "OfferFilters",
    "jsonld": "ids_in last_segment parse_iri",
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
