"""The booking side of the API: reservations, orders, documents, tickets."""

from collections.abc import Mapping, Sequence
from datetime import date
from operator import ge, gt, le, lt
from typing import TypeVar

from starlette.datastructures import QueryParams
from starlette.responses import Response

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.booking_shapes import BookingShapes
from korus_mcp.sandbox.bookings import Failure, Hold, IssuedTicket, Ledger, Order
from korus_mcp.sandbox.calls import Call, Handler
from korus_mcp.sandbox.documents import Downloads
from korus_mcp.sandbox.jsonld import (
    Json,
    Refused,
    View,
    Violation,
    answer,
    collection,
    invalid,
    not_found,
    page_of,
)
from korus_mcp.sandbox.requests import ReservationReader, read_beneficiary, read_day, read_orders
from korus_mcp.sandbox.sales import Sales

_HOLDS = "/v1/booking/reservations"
_ORDERS = "/v1/booking/orders"
_LARGEST_REFERENCE = 50
T = TypeVar("T", Hold, Order)


class BookingRoutes:
    """Handlers of `/v1/booking`."""

    def __init__(
        self,
        sales: Sales,
        ledger: Ledger,
        reader: ReservationReader,
        shapes: BookingShapes,
        downloads: Downloads,
        clock: Clock,
    ) -> None:
        self._sales = sales
        self._ledger = ledger
        self._reader = reader
        self._shapes = shapes
        self._downloads = downloads
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """Each handler under its operation."""
        return {
            "listReservations": self.list_reservations,
            "createReservations": self.create_reservations,
            "getReservation": self.get_reservation,
            "listOrders": self.list_orders,
            "createOrders": self.create_orders,
            "getOrder": self.get_order,
            "listOrderDocuments": self.list_documents,
            "getOrderDocument": self.get_document,
            "createOrderDocumentLink": self.create_document_link,
            "getOrderItemTicket": self.get_ticket,
            "setTicketBeneficiary": self.set_beneficiary,
        }

    def list_reservations(self, call: Call) -> Response:
        """Reservations of the organisation."""
        page = page_of(call.query)
        own = [each for each in self._ledger.holds.values() if _owns(call, each)]
        found = _sorted(own, call.query)
        shown = found[page.start : page.stop]
        return collection(
            "BookingReservation",
            _HOLDS,
            [self._shapes.hold(hold, call.language, alone=False) for hold in shown],
            total=len(found),
            view=View.LINKED,
            page=page,
        )

    def create_reservations(self, call: Call) -> Response:
        """Hold offers: refused as a whole, or done item by item (T14)."""
        if not call.organization.sells:
            raise invalid(Violation("items[0].offer", "Item not found."))
        made: list[Json] = []
        failed: list[Json] = []
        for wanted in self._reader.read(call.body):
            outcome = self._sales.reserve(wanted, call.organization.id)
            if isinstance(outcome, Failure):
                failed.append(self._shapes.failed_hold(wanted, outcome))
            else:
                made.append(self._shapes.hold(outcome, call.language, alone=False))
        return answer(
            {
                "@context": "/contexts/BookingReservationBulk",
                "@id": f"{_HOLDS}/_bulk",
                "@type": "BookingReservationBulk",
                "reservations": made,
                "failedReservations": failed,
            }
        )

    def get_reservation(self, call: Call) -> Response:
        """One reservation."""
        hold = self._ledger.holds.get(call.path["id"])
        if hold is None or not _owns(call, hold):
            raise not_found()
        return answer(self._shapes.hold(hold, call.language, alone=True))

    def list_orders(self, call: Call) -> Response:
        """Orders of the organisation that match the filters."""
        page = page_of(call.query)
        own = [each for each in self._ledger.orders.values() if _owns(call, each)]
        found = _sorted(_matching(own, call.query), call.query)
        shown = found[page.start : page.stop]
        return collection(
            "BookingOrder",
            _ORDERS,
            [self._shapes.order(order, call.language, alone=False) for order in shown],
            total=len(found),
            view=View.FOREIGN,
        )

    def create_orders(self, call: Call) -> Response:
        """Book holds: refused as a whole, or done hold by hold (T14)."""
        wanted = read_orders(call.body)
        unknown = [
            Violation(f"reservations[{rank}]", "Item not found.")
            for rank, hold_id in enumerate(wanted.reservations)
            if not self._owns_hold(call, hold_id)
        ]
        if unknown:
            raise invalid(*unknown)
        made: list[Json] = []
        failed: list[Json] = []
        for hold_id in wanted.reservations:
            outcome = self._sales.order(hold_id, wanted, call.organization.id)
            if isinstance(outcome, Failure):
                failed.append(self._shapes.failed_order(hold_id, outcome))
            else:
                made.append(self._shapes.order(outcome, call.language, alone=False))
        return answer(
            {
                "@context": "/contexts/BookingOrderBulk",
                "@id": f"{_ORDERS}/_bulk",
                "@type": "BookingOrderBulk",
                "orders": made,
                "failedOrders": failed,
            }
        )

    def get_order(self, call: Call) -> Response:
        """One order."""
        return answer(self._shapes.order(self._order(call, "id"), call.language, alone=True))

    def list_documents(self, call: Call) -> Response:
        """Files of an order; none while a holder is missing."""
        order = self._order(call)
        ready_at = self._sales.documents_from(order)
        documents = order.documents if ready_at else ()
        members = [
            self._shapes.document(each, ready_at, alone=False) for each in documents if ready_at
        ]
        iri = f"{_ORDERS}/{order.id}/documents"
        return collection("BookingOrderDocument", iri, members, total=len(members))

    def get_document(self, call: Call) -> Response:
        """One file, without its address."""
        order = self._order(call)
        ready_at = self._sales.documents_from(order)
        if ready_at is None or call.path["id"] not in order.documents:
            raise not_found()
        return answer(self._shapes.document(call.path["id"], ready_at, alone=True))

    def create_document_link(self, call: Call) -> Response:
        """A fresh signed address, in the language asked for or in French (T27)."""
        order, document = self._order(call), call.path["id"]
        ready_at = self._sales.documents_from(order)
        if ready_at is None or document not in order.documents:
            raise not_found()
        if self._clock.now() < ready_at:
            raise invalid(Violation("", "The document cannot be downloaded yet."))
        address = self._downloads.signed_address(document, call.language)
        return answer(self._shapes.document_link(document, address, call.language))

    def get_ticket(self, call: Call) -> Response:
        """One ticket of an order."""
        return answer(self._shapes.ticket(self._ticket(call), call.language, alone=True))

    def set_beneficiary(self, call: Call) -> Response:
        """Name the holder of a ticket."""
        ticket = self._ticket(call)
        changed = self._sales.name_holder(ticket, read_beneficiary(call.body))
        return answer(self._shapes.ticket(changed, call.language, alone=True))

    def _order(self, call: Call, key: str = "orderId") -> Order:
        order = self._ledger.orders.get(call.path[key])
        if order is None or not _owns(call, order):
            raise not_found()
        return order

    def _ticket(self, call: Call) -> IssuedTicket:
        order = self._order(call)
        ticket_id = call.path["id"]
        if call.path["orderItemId"] != order.item_id or ticket_id not in order.tickets:
            raise not_found()
        return self._ledger.tickets[ticket_id]

    def _owns_hold(self, call: Call, hold_id: str) -> bool:
        hold = self._ledger.holds.get(hold_id)
        return hold is not None and _owns(call, hold)


def _owns(call: Call, record: Hold | Order) -> bool:
    return record.organization == call.organization.id


def _sorted(records: Sequence[T], query: QueryParams) -> list[T]:
    """Oldest first unless asked otherwise."""
    newest_first = query.get("order[createdAt]", "").lower() == "desc"
    return sorted(records, key=lambda record: record.number, reverse=newest_first)


def _matching(orders: list[Order], query: QueryParams) -> list[Order]:
    reference = query.get("external_reference")
    if reference is not None:
        if not 1 <= len(reference) <= _LARGEST_REFERENCE:
            raise Refused(400, '"external_reference" must have 1 to 50 characters')
        orders = [order for order in orders if order.external_reference == reference]
    bounds = [
        (_day(query, "createdAt[after]"), ge),
        (_day(query, "createdAt[strictly_after]"), gt),
        (_day(query, "createdAt[before]"), le),
        (_day(query, "createdAt[strictly_before]"), lt),
    ]
    for bound, passes in bounds:
        if bound is not None:
            orders = [order for order in orders if passes(order.created_at.date(), bound)]
    return orders


def _day(query: QueryParams, name: str) -> date | None:
    text = query.get(name)
    if text is None:
        return None
    day = read_day(text)
    if day is None:
        raise Refused(400, f'"{name}" is not a day of the form YYYY-MM-DD')
    return day
