"""The booking side of the API: reservations, orders, documents, tickets."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import ge, gt, le, lt
from typing import TypeVar

from starlette.datastructures import QueryParams

from korus_mcp.sandbox import requests
from korus_mcp.sandbox.booking_shapes import BookingShapes
from korus_mcp.sandbox.bookings import Failure, Hold, IssuedTicket, Order
from korus_mcp.sandbox.calls import Call
from korus_mcp.sandbox.documents import Downloads
from korus_mcp.sandbox.iris import HOLDS, ORDERS, Iris
from korus_mcp.sandbox.jsonld import Json, Refused, View, Violation, collection, invalid, not_found
from korus_mcp.sandbox.sales import Sales

_BOUNDS = {"after": ge, "strictly_after": gt, "before": le, "strictly_before": lt}
T = TypeVar("T", Hold, Order)


@dataclass(eq=False, slots=True)
class BookingRoutes:
    """Handlers of `/v1/booking`. Each method is named after its operation in the contract."""

    sales: Sales
    iris: Iris
    shapes: BookingShapes
    downloads: Downloads

    def list_reservations(self, call: Call) -> Json:
        """Reservations of the organisation."""
        found, write = _own(self.sales.ledger.holds.values(), call), self.shapes.hold
        return collection("BookingReservation", HOLDS, found, write, call.page, View.LINKED)

    def create_reservations(self, call: Call) -> Json:
        """Hold offers: the call is refused as a whole, or carried out item by item (T14)."""
        # An organisation without catalogs has no offers, so every item is unknown.
        if not call.organization.sells:
            raise invalid(Violation("items[0].offer", "Item not found."))
        made: list[Json] = []
        failed: list[Json] = []
        for item in requests.ReservationReader(self.iris).read(call.body):
            outcome = self.sales.reserve(item, call.organization.id)
            told = failed if isinstance(outcome, Failure) else made
            told.append(self.shapes.reserved(item, outcome))
        kind, iri = "BookingReservationBulk", f"{HOLDS}/_bulk"
        return {"@id": iri, "@type": kind, "reservations": made, "failedReservations": failed}

    def get_reservation(self, call: Call) -> Json:
        """One reservation."""
        hold = self._hold(call, call.path["id"])
        if hold is None:
            raise not_found()
        return self.shapes.hold(hold)

    def list_orders(self, call: Call) -> Json:
        """Orders of the organisation that match the filters."""
        found = _matching(_own(self.sales.ledger.orders.values(), call), call.query)
        return collection("BookingOrder", ORDERS, found, self.shapes.order, call.page, View.FOREIGN)

    def create_orders(self, call: Call) -> Json:
        """Book holds: the call is refused as a whole, or carried out hold by hold (T14)."""
        wanted = requests.read_orders(call.body)
        # Another organisation's hold makes the call fail; an ended one fails on its own (A16).
        unknown = [n for n, each in enumerate(wanted.reservations) if not self._hold(call, each)]
        if unknown:
            raise invalid(*(Violation(f"reservations[{n}]", "Item not found.") for n in unknown))
        made: list[Json] = []
        failed: list[Json] = []
        for hold_id in wanted.reservations:
            outcome = self.sales.order(hold_id, wanted, call.organization.id)
            told = failed if isinstance(outcome, Failure) else made
            told.append(self.shapes.ordered(hold_id, outcome))
        kind = "BookingOrderBulk"
        return {"@id": f"{ORDERS}/_bulk", "@type": kind, "orders": made, "failedOrders": failed}

    def get_order(self, call: Call) -> Json:
        """One order."""
        return self.shapes.order(self._order(call, "id"))

    def list_order_documents(self, call: Call) -> Json:
        """Files of an order; an empty list, without reason, if a beneficiary is missing (A20)."""
        order = self._order(call)
        ready_at = self.sales.documents_from(order)
        found = [(document, ready_at) for document in order.documents if ready_at]
        iri = f"{ORDERS}/{order.id}/documents"
        return collection(
            "BookingOrderDocument", iri, found, lambda each: self.shapes.document(*each), None
        )

    def get_order_document(self, call: Call) -> Json:
        """One file, without its address."""
        return self.shapes.document(*self._document(call))

    def create_order_document_link(self, call: Call) -> Json:
        """A new signed address of a file in the requested language, or in French (T27)."""
        document, ready_at = self._document(call)
        # The file is listed earlier than it can be downloaded (A20).
        if self.sales.world.now() < ready_at:
            raise invalid(Violation("", "The document cannot be downloaded yet."))
        address = self.downloads.signed_address(document, call.language)
        return self.shapes.document_link(document, address, call.language)

    def get_order_item_ticket(self, call: Call) -> Json:
        """One ticket of an order."""
        return self.shapes.ticket(self._ticket(call))

    def set_ticket_beneficiary(self, call: Call) -> Json:
        """Name the holder of a ticket."""
        ticket, holder = self._ticket(call), requests.read_beneficiary(call.body)
        return self.shapes.ticket(self.sales.name_holder(ticket, holder))

    # Another organisation's booking is a 404: a 403 would show that it exists.

    def _hold(self, call: Call, hold_id: str) -> Hold | None:
        hold = self.sales.ledger.holds.get(hold_id)
        return hold if hold and hold.organization == call.organization.id else None

    def _order(self, call: Call, key: str = "orderId") -> Order:
        order = self.sales.ledger.orders.get(call.path[key])
        if order is None or order.organization != call.organization.id:
            raise not_found()
        return order

    def _ticket(self, call: Call) -> IssuedTicket:
        order = self._order(call)
        ticket_id = call.path["id"]
        if call.path["orderItemId"] != order.item_id or ticket_id not in order.tickets:
            raise not_found()
        return self.sales.ledger.tickets[ticket_id]

    def _document(self, call: Call) -> tuple[str, datetime]:
        """The id of a file of an order, and when the file can be downloaded."""
        order, document = self._order(call), call.path["id"]
        ready_at = self.sales.documents_from(order)
        if ready_at is None or document not in order.documents:
            raise not_found()
        return document, ready_at


def _own(records: Iterable[T], call: Call) -> list[T]:
    """The records of the calling organisation, oldest first unless requested otherwise."""
    own = [record for record in records if record.organization == call.organization.id]
    newest_first = call.query.get("order[createdAt]", "").lower() == "desc"
    return sorted(own, key=lambda record: record.number, reverse=newest_first)


def _matching(orders: list[Order], query: QueryParams) -> list[Order]:
    # In snake case, as in the contract's query parameter (T17).
    reference = query.get("external_reference")
    if reference is not None:
        if not 1 <= len(reference) <= requests.LARGEST_REFERENCE:
            raise Refused(400, '"external_reference" must have 1 to 50 characters')
        orders = [order for order in orders if order.external_reference == reference]
    for name, passes in _BOUNDS.items():
        bound = requests.day_in(query, f"createdAt[{name}]")
        if bound is not None:
            orders = [order for order in orders if passes(order.created_at.date(), bound)]
    return orders
