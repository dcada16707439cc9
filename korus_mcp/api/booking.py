"""Reservations, orders, documents and tickets (`/v1/booking`).

`create_reservations` and `create_orders` have real effects, are sent exactly once, and cannot be
undone through the API. After an error with `Outcome.UNKNOWN`, read what exists before you repeat
anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Literal, Unpack

from pydantic.alias_generators import to_camel

from korus_mcp.api import jsonld
from korus_mcp.api.documents import Downloads
from korus_mcp.api.filters import Params, day_params
from korus_mcp.api.jsonld import JsonObject
from korus_mcp.api.lists import Pages, Reads
from korus_mcp.api.models.order import (
    Order,
    OrderBulkResult,
    OrderDocument,
    OrderDocumentLink,
    OrderItemTicket,
)
from korus_mcp.api.models.reservation import Reservation, ReservationBulkResult
from korus_mcp.api.transport import Wire, Wishes, read_model

Title = Literal["mr", "mrs", "mx"]

REFERENCE_LIMIT = 50
"""Longest external reference the filter of the orders list takes."""


@dataclass(frozen=True)
class TicketChoice:
    """One ticket of the offer, with its session if and only if it has no `date_access` (T24)."""

    ticket_iri: str
    session_iri: str | None = None

    def body(self) -> JsonObject:
        """The entry as the API takes it.

        Raises:
            InvalidId: An IRI does not name the kind of thing that belongs here (T19).
        """
        # Checked before sending: for one wrong IRI the issuer refuses the whole call (422).
        jsonld.ids_in(self.ticket_iri, jsonld.OFFER_TICKET)
        if self.session_iri is None:
            return {"ticket": self.ticket_iri}
        jsonld.ids_in(self.session_iri, jsonld.SESSION, jsonld.EVENT_SESSION)
        return {"ticket": self.ticket_iri, "session": self.session_iri}


@dataclass(frozen=True)
class ReservationLine:
    """An offer to hold and how many of it, with one entry per ticket of the offer (A14)."""

    offer_iri: str
    quantity: int
    tickets: tuple[TicketChoice, ...]

    def body(self) -> JsonObject:
        """The item as the API takes it.

        Raises:
            InvalidId: An IRI does not name the kind of thing that belongs here (T19).
            ValueError: No quantity or no tickets.
        """
        jsonld.ids_in(self.offer_iri, jsonld.OFFER)
        # Checked here, since the issuer would refuse the whole call (A14).
        if self.quantity < 1 or not self.tickets:
            raise ValueError("a line needs a quantity of 1 or more, and its tickets")
        return {
            "offer": self.offer_iri,
            "quantity": self.quantity,
            "ticketSessions": [choice.body() for choice in self.tickets],
        }


@dataclass(frozen=True, repr=False)
class _Person:
    firstname: str
    lastname: str

    def body(self) -> JsonObject:
        """The person as the API takes it: unknown members are left out, not null."""
        body = dict[str, object]()
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None:
                body[to_camel(each.name)] = value.isoformat() if isinstance(value, date) else value
        return body


@dataclass(frozen=True, repr=False)
class CustomerInput(_Person):
    """The buyer; what is None is not sent. `optin` is False unless the customer said yes."""

    email: str
    phone: str | None = None
    country: str | None = None
    language: str | None = None
    optin: bool = False
    title: Title | None = None


@dataclass(frozen=True)
class OrderRequest:
    """Holds to turn into orders.

    The external reference is the only way to find the order again when its answer is lost: choose
    a unique one before the call.
    """

    reservation_iris: tuple[str, ...]
    customer: CustomerInput
    external_reference: str
    notes: str | None = field(default=None, repr=False)

    def body(self) -> JsonObject:
        """The request as the API takes it.

        Raises:
            InvalidId: An IRI is not that of a reservation (T19).
            ValueError: No reservations, or a reference that is not 1 to 50 characters (A29).
        """
        for iri in self.reservation_iris:
            jsonld.ids_in(iri, jsonld.RESERVATION)
        if not self.reservation_iris:
            raise ValueError("an order needs reservations")
        body = {
            "reservations": list(self.reservation_iris),
            "customer": self.customer.body(),
            "externalReference": _checked_reference(self.external_reference),
        }
        return body if self.notes is None else {**body, "notes": self.notes}


@dataclass(frozen=True)
class OrderFilters:
    """Filters of the orders list: our reference, days of creation (`YYYY-MM-DD`), and the order."""

    external_reference: str | None = None
    created_after: date | None = None
    created_before: date | None = None
    created_strictly_after: date | None = None
    created_strictly_before: date | None = None
    newest_first: bool = True

    def params(self) -> Params:
        """The query parameters; the reference is written in snake_case here (T17).

        Raises:
            ValueError: A reference that is not 1 to 50 characters.
        """
        strict = (self.created_strictly_after, self.created_strictly_before)
        days = day_params("createdAt", self.created_after, self.created_before, *strict)
        params = (*_by_creation(newest_first=self.newest_first), *days)
        if self.external_reference is None:
            return params
        # In snake case, unlike the body's name of it (T17).
        return (*params, ("external_reference", _checked_reference(self.external_reference)))


@dataclass(frozen=True, repr=False)
class BeneficiaryInput(_Person):
    """The person to name on a ticket; what is None is not sent."""

    title: Title | None = None
    nationality: str | None = None
    date_of_birth: date | None = None
    place_of_birth: str | None = None
    email: str | None = None
    phone: str | None = None


class Booking(Reads):
    """Reservations, orders, documents and tickets of our organisation.

    Every method takes ids, not IRIs, raises `InvalidId` for what cannot be one, and `ApiError`
    when the call fails. `language` is an `Accept-Language` value; None is the configured one.
    """

    def __init__(self, wire: Wire, downloads: Downloads) -> None:
        super().__init__(wire)
        self._downloads = downloads

    def list_reservations(
        self, *, newest_first: bool = True, language: str | None = None
    ) -> Pages[Reservation]:
        """All reservations of the organisation; the API has no filter for them."""
        params = _by_creation(newest_first=newest_first)
        return self._pages(jsonld.RESERVATIONS, (), Reservation, language, params=params)

    async def create_reservations(
        self, items: Sequence[ReservationLine], **wishes: Unpack[Wishes]
    ) -> ReservationBulkResult:
        """Hold offers. Sent once, never repeated. The result has two lists: read both (T14).

        `on_leaving` is called right before the first byte leaves: until then nothing was done.

        Raises:
            ApiError: See its `outcome`; 422 means the whole call was refused (T34).
            ValueError: There is nothing to hold, or a line is wrong; nothing was sent.
        """
        # The API answers an empty call with 200 and two empty lists, like a success (T14).
        if not items:
            raise ValueError("nothing to reserve")
        # All lines are checked before one is sent.
        body: JsonObject = {"items": [item.body() for item in items]}
        operation, path = "createReservations", jsonld.RESERVATIONS_BULK.iri()
        answer = await self._wire.create(operation, path, body, **wishes)
        return await read_model(operation, "POST", ReservationBulkResult, answer)

    async def get_reservation(
        self, reservation_id: str, *, language: str | None = None
    ) -> Reservation:
        """One reservation, as it stands now."""
        return await self._one(jsonld.RESERVATION, (reservation_id,), Reservation, language)

    def list_orders(
        self, filters: OrderFilters = OrderFilters(), *, language: str | None = None
    ) -> Pages[Order]:
        """The orders that match the filters. The reference finds an order whose answer was lost."""
        params = filters.params()
        return self._pages(jsonld.ORDERS, (), Order, language, params=params)

    async def create_orders(
        self, request: OrderRequest, **wishes: Unpack[Wishes]
    ) -> OrderBulkResult:
        """Book for real. Sent once, never repeated. The result has two lists: read both (T14).

        `on_leaving` is called right before the first byte leaves: until then nothing was done.

        Raises:
            ApiError: See its `outcome`; 422 means the whole call was refused (T34).
            ValueError: The request is wrong; nothing was sent.
        """
        operation, path = "createOrders", jsonld.ORDERS_BULK.iri()
        answer = await self._wire.create(operation, path, request.body(), **wishes)
        return await read_model(operation, "POST", OrderBulkResult, answer)

    async def get_order(self, order_id: str, *, language: str | None = None) -> Order:
        """One order with its items and tickets."""
        return await self._one(jsonld.ORDER, (order_id,), Order, language)

    def list_order_documents(
        self, order_id: str, *, language: str | None = None
    ) -> Pages[OrderDocument]:
        """The files of an order; an empty list means that they are not ready (A20). Not paged."""
        return self._pages(jsonld.DOCUMENTS, (order_id,), OrderDocument, language, paged=False)

    async def get_order_document(
        self, order_id: str, document_id: str, *, language: str | None = None
    ) -> OrderDocument:
        """One file of an order, without its download address."""
        return await self._one(jsonld.DOCUMENT, (order_id, document_id), OrderDocument, language)

    async def create_order_document_link(
        self, order_id: str, document_id: str, language: str | None = None
    ) -> OrderDocumentLink:
        """A new signed download address. `language` is that of the file (T27), which the link
        names in `cached_language`.
        """
        operation, path = "createOrderDocumentLink", jsonld.DOCUMENT.iri(order_id, document_id)
        # The patch is empty: the call itself makes the address, in the language of its header.
        answer = await self._wire.change(operation, path, {}, language=language)
        return await read_model(operation, "PATCH", OrderDocumentLink, answer)

    async def download_document(self, link: OrderDocumentLink) -> bytes:
        """The PDF behind a signed address, fetched without the token (T26).

        Raises:
            DocumentRefused: The address is not allowed, or the file is no PDF.
            ApiError: Redirected, TooLarge, Forbidden (expired), or the network's errors.
        """
        return await self._downloads.fetch(link)

    async def get_order_item_ticket(
        self, order_id: str, item_id: str, ticket_id: str, *, language: str | None = None
    ) -> OrderItemTicket:
        """One ticket of an order item."""
        ids = (order_id, item_id, ticket_id)
        return await self._one(jsonld.ORDER_ITEM_TICKET, ids, OrderItemTicket, language)

    async def set_ticket_beneficiary(
        self,
        order_id: str,
        item_id: str,
        ticket_id: str,
        beneficiary: BeneficiaryInput,
        **wishes: Unpack[Wishes],
    ) -> OrderItemTicket:
        """Name the holder of a ticket. Returns the ticket after the change.

        `on_leaving` is called right before the first byte leaves.
        """
        # A merge patch (T16): what is left out of a beneficiary stays as it was.
        path = jsonld.ORDER_ITEM_TICKET.iri(order_id, item_id, ticket_id)
        operation, body = "setTicketBeneficiary", {"beneficiary": beneficiary.body()}
        answer = await self._wire.change(operation, path, body, **wishes)
        return await read_model(operation, "PATCH", OrderItemTicket, answer)


def _by_creation(*, newest_first: bool) -> Params:
    return (("order[createdAt]", "desc" if newest_first else "asc"),)


def _checked_reference(reference: str) -> str:
    # An order with a longer one could not be found again: the filter does not take it (A29).
    if not 1 <= len(reference) <= REFERENCE_LIMIT:
        raise ValueError("an external reference has 1 to 50 characters")
    return reference
