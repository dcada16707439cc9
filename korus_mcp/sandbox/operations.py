"""The table of the API's operations: names in the contract, methods and paths."""

import re
from dataclasses import dataclass
from functools import cached_property

TOKEN_PATH = "/realms/korusticket/protocol/openid-connect/token"  # noqa: S105 - a path
DOWNLOAD = "downloadDocument"
"""Our name for the download of a file, which is no operation of the contract."""

# With the prefix and without a slash at the end, as in the newest documentation (T13).
_CATALOG = "/v1/ticketing/catalogs/{catalogId}"
_BASE = _CATALOG + "/product_bases/{productBaseId}"
_TICKETS = _CATALOG + "/offers/{offerId}/tickets"
_SESSIONS = _TICKETS + "/{offerTicketId}/sessions"
_ORDER = "/v1/booking/orders/{orderId}"


@dataclass(frozen=True)
class Operation:
    """An operation: its id in the contract, HTTP method and path template."""

    id: str
    method: str
    path: str

    @property
    def handler(self) -> str:
        """The name of the method that answers it: get_offer_price for getOfferPrice."""
        return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", self.id)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """A pattern that matches the paths of this operation."""
        return re.compile(re.sub(r"{\w+}", "[^/]+", self.path))


_TOKEN = Operation("getToken", "POST", TOKEN_PATH)
OPERATIONS = (
    Operation("listCatalogs", "GET", "/v1/ticketing/catalogs"),
    Operation("getCatalog", "GET", "/v1/ticketing/catalogs/{id}"),
    Operation("listProductBases", "GET", _CATALOG + "/product_bases"),
    Operation("getProductBase", "GET", _CATALOG + "/product_bases/{id}"),
    Operation("listProductBaseOptions", "GET", _BASE + "/options"),
    Operation("listProductBaseOptionValues", "GET", _BASE + "/options/{code}/values"),
    Operation("listProductBaseProducts", "GET", _BASE + "/products"),
    Operation("getProduct", "GET", _CATALOG + "/products/{id}"),
    Operation("listOffers", "GET", _CATALOG + "/offers"),
    Operation("getOffer", "GET", _CATALOG + "/offers/{id}"),
    Operation("getOfferAvailability", "GET", _CATALOG + "/offers/{id}/availability"),
    Operation("getOfferPrice", "GET", _CATALOG + "/offers/{id}/price"),
    Operation("listOfferTickets", "GET", _TICKETS),
    Operation("getOfferTicket", "GET", _TICKETS + "/{id}"),
    Operation("listOfferTicketSessions", "GET", _SESSIONS),
    Operation("getOfferTicketSession", "GET", _SESSIONS + "/{id}"),
    Operation("getSeatMap", "GET", _BASE + "/seat_maps/{id}"),
    Operation("listReservations", "GET", "/v1/booking/reservations"),
    Operation("createReservations", "POST", "/v1/booking/reservations/_bulk"),
    Operation("getReservation", "GET", "/v1/booking/reservations/{id}"),
    Operation("listOrders", "GET", "/v1/booking/orders"),
    Operation("createOrders", "POST", "/v1/booking/orders/_bulk"),
    Operation("getOrder", "GET", "/v1/booking/orders/{id}"),
    Operation("listOrderDocuments", "GET", _ORDER + "/documents"),
    Operation("getOrderDocument", "GET", _ORDER + "/documents/{id}"),
    Operation("createOrderDocumentLink", "PATCH", _ORDER + "/documents/{id}"),
    Operation("getOrderItemTicket", "GET", _ORDER + "/items/{orderItemId}/tickets/{id}"),
    Operation("setTicketBeneficiary", "PATCH", _ORDER + "/items/{orderItemId}/tickets/{id}"),
    Operation("getForm", "GET", "/v1/forms/{id}"),
)


def operation_named(method: str, path: str) -> str | None:
    """The operation of a request; None if it is none."""
    for operation in (_TOKEN, *OPERATIONS):
        if operation.method == method and operation.pattern.fullmatch(path):
            return operation.id
    return None
