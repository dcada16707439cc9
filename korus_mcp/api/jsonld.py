"""Ids, IRIs and collections: the JSON-LD side of the API, in one place.

Every path is built here from a table of templates and validated ids; an IRI from outside is only
matched against the same table. No `@id` and no `view` is ever followed (docs/domain.md, T2 to T4).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from korus_mcp.api.errors import InvalidId
from korus_mcp.foundation.ids import is_id

JsonObject: TypeAlias = Mapping[str, object]

IRI_LIMIT = 512
LARGE = 5000
"""A body with more values than this is made into models off the event loop; a page of 50 has one
or two thousand."""
_NO_NUMBER: Final = float("nan")
_LARGEST_EXPONENT: Final = 400
"""A larger one is infinite or zero as a double, and as a decimal would have a million digits."""


def segment(text: object) -> str:
    """Return the text unchanged if it is an id, which can be a segment of a path.

    Raises:
        InvalidId: The text is no id; the message does not repeat it.
    """
    # A caller may ignore the types: a number would build a path, too.
    if not isinstance(text, str) or not is_id(text):
        raise InvalidId("not an id of this API")
    return text


@dataclass(frozen=True)
class Template:
    """One kind of address: a path with `{names}` for ids, and the operation that reads it."""

    path: str
    operation: str = ""

    def iri(self, *ids: str) -> str:
        """The address of these ids, in the order of the template.

        Raises:
            InvalidId: One of the texts is no id.
        """
        # A wrong count is a mistake in our code, not in an id: no InvalidId.
        if len(ids) != self.path.count("{"):
            raise TypeError("not as many ids as the template has places")
        places = iter(ids)
        return re.sub(r"\{[a-z_]+\}", lambda _: segment(next(places)), self.path)

    def match(self, iri: str) -> tuple[str, ...] | None:
        """The ids of an address of this kind, None for any other text."""
        # Segment by segment and not by a regular expression, which a hostile text could make slow.
        parts, wanted = iri.split("/"), self.path.split("/")
        if len(iri) > IRI_LIMIT or len(parts) != len(wanted):
            return None
        if any(w != p for w, p in zip(wanted, parts, strict=True) if not w.startswith("{")):
            return None
        ids = tuple(p for w, p in zip(wanted, parts, strict=True) if w.startswith("{"))
        return ids if all(map(is_id, ids)) else None


# Older pages of the API's documentation write some paths differently; the newest ones count (T13).
_CATALOG = "/v1/ticketing/catalogs/{catalog_id}"
_BASE = _CATALOG + "/product_bases/{base_id}"
_OFFER = _CATALOG + "/offers/{offer_id}"
_TICKET = _OFFER + "/tickets/{ticket_id}"
_ORDER = "/v1/booking/orders/{order_id}"

CATALOGS = Template("/v1/ticketing/catalogs", "listCatalogs")
CATALOG = Template(_CATALOG, "getCatalog")
PRODUCT_BASES = Template(_CATALOG + "/product_bases", "listProductBases")
PRODUCT_BASE = Template(_BASE, "getProductBase")
OPTIONS = Template(_BASE + "/options", "listProductBaseOptions")
OPTION = Template(_BASE + "/options/{code}")
OPTION_VALUES = Template(_BASE + "/options/{code}/values", "listProductBaseOptionValues")
OPTION_VALUE = Template(_BASE + "/options/{code}/values/{value_id}")
BASE_PRODUCTS = Template(_BASE + "/products", "listProductBaseProducts")
PRODUCT = Template(_CATALOG + "/products/{product_id}", "getProduct")
SEAT_MAP = Template(_BASE + "/seat_maps/{seat_map_id}", "getSeatMap")
OFFERS = Template(_CATALOG + "/offers", "listOffers")
OFFER = Template(_OFFER, "getOffer")
OFFER_AVAILABILITY = Template(_OFFER + "/availability", "getOfferAvailability")
OFFER_PRICE = Template(_OFFER + "/price", "getOfferPrice")
OFFER_TICKETS = Template(_OFFER + "/tickets", "listOfferTickets")
OFFER_TICKET = Template(_TICKET, "getOfferTicket")
SESSIONS = Template(_TICKET + "/sessions", "listOfferTicketSessions")
SESSION = Template(_TICKET + "/sessions/{session_id}", "getOfferTicketSession")
EVENT_SESSION = Template(_CATALOG + "/events/{event_id}/sessions/{session_id}")
"""The older form of a session's IRI: answers still hold it (T10), no request uses it."""
RESERVATIONS = Template("/v1/booking/reservations", "listReservations")
RESERVATIONS_BULK = Template("/v1/booking/reservations/_bulk")
RESERVATION = Template("/v1/booking/reservations/{reservation_id}", "getReservation")
ORDERS = Template("/v1/booking/orders", "listOrders")
ORDERS_BULK = Template("/v1/booking/orders/_bulk")
ORDER = Template(_ORDER, "getOrder")
ORDER_ITEM = Template(_ORDER + "/items/{item_id}")
ORDER_ITEM_TICKET = Template(_ORDER + "/items/{item_id}/tickets/{ticket_id}", "getOrderItemTicket")
DOCUMENTS = Template(_ORDER + "/documents", "listOrderDocuments")
DOCUMENT = Template(_ORDER + "/documents/{document_id}", "getOrderDocument")
FORM = Template("/v1/forms/{form_id}", "getForm")

RESOURCES = (
    *(CATALOG, PRODUCT_BASE, OPTION, OPTION_VALUE, PRODUCT, SEAT_MAP, OFFER, OFFER_TICKET),
    *(SESSION, EVENT_SESSION, RESERVATION, ORDER, ORDER_ITEM, ORDER_ITEM_TICKET, DOCUMENT, FORM),
)
"""The templates that name one resource, with which an IRI from outside is compared."""


def parse_iri(iri: str, *kinds: Template) -> tuple[Template, tuple[str, ...]]:
    """The template and the ids of an IRI that names one resource, of these kinds or of any.

    Raises:
        InvalidId: Another kind, another host, braces, an anonymous node, or no IRI at all.
    """
    if isinstance(iri, str):
        for template in kinds or RESOURCES:
            ids = template.match(iri)
            if ids is not None:
                return template, ids
    raise InvalidId("not an address of this kind in this API")


def ids_in(iri: str, *kinds: Template) -> tuple[str, ...]:
    """The ids of an IRI that must be of one of these kinds, in the order of its template.

    Raises:
        InvalidId: As in `parse_iri`.
    """
    return parse_iri(iri, *kinds)[1]


def last_segment(iri: str) -> str:
    """The id an IRI ends with.

    Raises:
        InvalidId: The IRI does not end with an id.
    """
    return segment(iri.rpartition("/")[2])


def usable_iri(iri: str | None) -> str | None:
    """The `@id` of an answer if it is a real one; None for one with braces (T3), an anonymous node
    (T18) or another host.
    """
    if iri is None or len(iri) > IRI_LIMIT or not iri.startswith("/v1/"):
        return None
    # Braces (T3), dots, queries and hosts all fail here; ids are checked when the IRI is used.
    return iri if re.fullmatch(r"[0-9A-Za-z/_-]+", iri, re.ASCII) else None


class NotReadable(ValueError):
    """A body that does not have the form it should have; the message quotes nothing of it."""


def json_object(body: bytes) -> JsonObject:
    """The JSON object in a body, whatever its content type says (T30).

    Numbers with a fraction become decimals, so that 35.1 is an amount like "35.10". A number that
    is not finite makes its field unreadable, not the whole answer.

    Raises:
        NotReadable: The body is not JSON, or no object.
    """
    try:
        found = _loaded(body)
    except (ValueError, RecursionError):  # thousands of nested brackets are too deep for Python
        raise NotReadable("not JSON") from None
    # A gateway may answer in JSON, too: with a text, a list or a number.
    if not isinstance(found, dict):
        raise NotReadable("not an object")
    return found


def _loaded(body: bytes) -> object:
    try:
        return json.loads(body, parse_float=_number, parse_constant=_no_number)
    # Both are subclasses of the ValueError below: here the body is no JSON at all.
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:  # an integer with more digits than Python converts
        return json.loads(body, parse_int=_whole, parse_float=_number, parse_constant=_no_number)


def is_large(body: object) -> bool:
    """Whether a body holds so many values that making models of them takes long."""
    # Counting stops at the bound, so that a huge body costs no more than a large one.
    left, waiting = LARGE, [body]
    while waiting and left >= 0:
        value = waiting.pop()
        if isinstance(value, (dict, list)):  # a union, or Mapping, would take thrice the time
            left -= len(value)
            if left >= 0:
                waiting += value.values() if isinstance(value, dict) else value
    return left < 0


def members(collection: JsonObject) -> list[object]:
    """The members of a collection: the list under `member`, the only key it must have.

    Raises:
        NotReadable: There is no list of members.
    """
    found = collection.get("member")
    if not isinstance(found, list):
        raise NotReadable("not a collection")
    return found


def total_items(collection: JsonObject) -> int | None:
    """How many items all pages hold; None when the server does not say (T4)."""
    total = collection.get("totalItems")
    # Absent in some lists (T4), and a broken server may send anything: -1, a text, null.
    return total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None


def _number(text: str) -> Decimal | float:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _NO_NUMBER
    # `adjusted` only looks at the exponent: 1e999999999 is never written out.
    return number if abs(number.adjusted()) <= _LARGEST_EXPONENT else _NO_NUMBER


def _whole(text: str) -> int | float:
    return int(text) if len(text) <= _LARGEST_EXPONENT else _NO_NUMBER


def _no_number(name: str) -> float:
    """What NaN and both infinities are read as: a value that no field accepts."""
    del name
    return _NO_NUMBER
