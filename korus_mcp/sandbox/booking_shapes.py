"""Makes the JSON of reservations, orders, tickets and documents."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from korus_mcp.sandbox.bookings import Failure, Hold, IssuedTicket, Ledger, Order
from korus_mcp.sandbox.calendars import day_of
from korus_mcp.sandbox.ids import Offer
from korus_mcp.sandbox.iris import HOLDS, ORDERS, Iris
from korus_mcp.sandbox.jsonld import Json, resource
from korus_mcp.sandbox.requests import RequestedHold
from korus_mcp.sandbox.texts import Language
from korus_mcp.sandbox.world import World

_CUSTOMER = ("firstname", "lastname", "email", "phone", "country", "language", "title")
_BENEFICIARY = (
    *("firstname", "lastname", "email", "phone", "title"),
    *("dateOfBirth", "placeOfBirth", "nationality"),
)


@dataclass(eq=False, slots=True)
class BookingShapes:
    """Makes the JSON of the booking side of the API."""

    world: World
    ledger: Ledger
    iris: Iris
    _nodes: Iterator[int] = field(default_factory=lambda: count(1))

    def hold(self, hold: Hold) -> Json:
        """A reservation; `expired` is computed now, `status` is not (T23)."""
        fields: Json = {
            "createdAt": _utc(hold.created_at),
            "expiresAt": _utc(hold.expires_at),
            "expired": hold.is_expired_at(self.world.now()),
            "status": hold.status,
            "releasable": self.world.issuer_of(hold.offer).releasable,
            "seatsArrangement": hold.arrangement,
            **self._worth(hold),
            "order": None if hold.order_id is None else f"{ORDERS}/{hold.order_id}",
            # One item for each unit, without a quantity (T25).
            "items": [self._hold_item(hold, unit) for unit in range(hold.quantity)],
        }
        return resource("BookingReservation", f"{HOLDS}/{hold.id}", fields)

    def reserved(self, wanted: RequestedHold, outcome: Hold | Failure) -> Json:
        """The result for one item: a reservation, or why the issuer refused it (A12)."""
        if isinstance(outcome, Hold):
            return self.hold(outcome)
        kind, offer = "BookingReservationFailure", self.iris.offer(wanted.offer)
        return {"@type": kind, "offer": offer, "quantity": wanted.quantity, **outcome._asdict()}

    def ordered(self, hold_id: str, outcome: Order | Failure) -> Json:
        """The result for one reservation: an order, or why the issuer refused it (A12)."""
        if isinstance(outcome, Order):
            return self.order(outcome)
        kind, reservation = "BookingOrderFailure", f"{HOLDS}/{hold_id}"
        return {"@type": kind, "reservation": reservation, **outcome._asdict()}

    def order(self, order: Order) -> Json:
        """An order with its tickets; one of its three references is the caller's (T17)."""
        hold = self.ledger.holds[order.hold_id]
        fields: Json = {
            "createdAt": _utc(order.created_at),
            "status": order.status,
            "cancelledAt": _utc(order.cancelled_at) if order.cancelled_at else None,
            "reference": order.reference,
            "externalReference": order.external_reference,
            "connectorReference": order.connector_reference,
            **self._worth(hold),
            # Each reservation makes one order (A13), so that a lost order can be found by it.
            "reservation": f"{HOLDS}/{hold.id}",
            "customer": self._customer(order.customer),
            "items": [self._order_item(order, hold)],
        }
        return resource("BookingOrder", f"{ORDERS}/{order.id}", fields)

    def ticket(self, ticket: IssuedTicket) -> Json:
        """A ticket of an order; it has a voucher once it is valid."""
        order = self.ledger.orders[ticket.order_id]
        hold = self.ledger.holds[order.hold_id]
        # Valid once its beneficiary is complete, or at once if none is needed.
        slot, is_valid = hold.slots[ticket.rank], ticket.validated_at is not None
        # With the offset of the venue, like the session (A07).
        begins = None if slot is None else self.world.starts_at(hold.offer, ticket.rank, slot)
        named = ticket.beneficiary
        holder = None if named is None else {name: named.get(name) for name in _BENEFICIARY}
        fields: Json = {
            "voucher": ticket.voucher if is_valid else None,
            "occursAt": begins,
            "requiredBeneficiaryFields": ticket.required_fields,
            "beneficiary": holder,
            "beneficiaryDesignationDeadline": ticket.deadline,
            "beneficiaryAmendable": ticket.amendable,
            "status": "validated" if is_valid else "waiting_beneficiary_data",
            "seating": self._seating(hold, ticket.unit, ticket.rank),
        }
        iri = f"{ORDERS}/{order.id}/items/{order.item_id}/tickets/{ticket.id}"
        return resource("BookingOrderItemTicket", iri, fields)

    def document(self, document: str, ready_at: datetime) -> Json:
        """A file of an order; it is listed before it can be downloaded (A20)."""
        fields: Json = {"downloadableAt": _utc(ready_at)}
        return resource("BookingOrderDocument", self._document_iri(document), fields)

    def document_link(self, document: str, address: str, language: Language) -> Json:
        """A new signed address, and the language of its file (T27)."""
        fields: Json = {"temporaryUrl": address, "cachedLanguage": language}
        return resource("BookingOrderDocument", self._document_iri(document), fields)

    def _worth(self, hold: Hold) -> Json:
        """The amounts that a hold and its order have in common, without a currency (A17)."""
        return {
            **self.world.issuer_of(hold.offer).stated("totalAmount", hold.total),
            "catalog": self.iris.catalog_of(hold.offer.base),
            "organization": f"/v1/organizations/{hold.organization}",
        }

    def _hold_item(self, hold: Hold, unit: int) -> Json:
        return {
            **self._node("BookingReservationItem"),
            **self.world.issuer_of(hold.offer).stated("amount", hold.unit_price),
            "date": day_of(hold.offer.day),
            "offer": self.iris.offer(hold.offer),
            "product": self.iris.product(hold.offer.base, hold.offer.product),
            "offerTickets": [
                {
                    "ticket": self.iris.ticket(hold.offer, rank),
                    "session": self._session(hold.offer, rank, slot),
                    "seating": self._seating(hold, unit, rank),
                }
                for rank, slot in enumerate(hold.slots)
            ],
        }

    def _order_item(self, order: Order, hold: Hold) -> Json:
        """The one line of an order (A15); `amount` is for the line, not for a unit."""
        issuer = self.world.issuer_of(hold.offer)
        return {
            **self._node("BookingOrderItem"),
            "id": order.item_id,
            "quantity": hold.quantity,
            **issuer.stated("unitAmount", hold.unit_price),
            **issuer.stated("totalAmount", hold.total),
            **issuer.stated("amount", hold.total),
            "date": day_of(hold.offer.day),
            "product": self.iris.product(hold.offer.base, hold.offer.product),
            "tickets": [self.ticket(self.ledger.tickets[each]) for each in order.tickets],
        }

    def _session(self, offer: Offer, rank: int, slot: int | None) -> str | None:
        if slot is None:
            return None
        # Some issuers always answer with the older form of a session's address (T10).
        is_legacy = self.world.base(offer.base).legacy_session_iris
        address = self.iris.legacy_session if is_legacy else self.iris.session
        return address(offer, rank, slot)

    def _seating(self, hold: Hold, unit: int, rank: int) -> Json | None:
        """Where a unit sits (A11), in words and without an id."""
        if unit >= len(hold.places[rank]):
            return None
        place = hold.places[rank][unit]
        layout = self.world.base(hold.offer.base).seat_maps[place.seat_map]
        zone = layout.zones[place.zone]
        row = zone.rows[place.row] if zone.rows and place.row is not None else None
        category = None if zone.category is None else layout.categories[zone.category].name
        return {
            "zone": zone.name,
            "seatingCategory": category,
            "row": row.name if row else None,
            "seat": row.seats[place.seat].name if row and place.seat is not None else None,
            "entrance": zone.entrance,
        }

    def _customer(self, customer: Mapping[str, object]) -> Json:
        # Fields that were not sent are null in answers (A30); unknown fields are dropped.
        known = {name: customer[name] for name in _CUSTOMER if customer.get(name) is not None}
        empty: Json = {"phone": None, "country": None, "language": None, "title": None}
        person = {**self._node("BookingOrderCustomer"), **empty, **known}
        return {**person, "optin": customer.get("optin") is True}

    def _document_iri(self, document: str) -> str:
        return f"{ORDERS}/{self.ledger.documents[document]}/documents/{document}"

    def _node(self, kind: str) -> Json:
        """The beginning of an object without an id: its IRI is never the same twice (T18)."""
        digest = hashlib.sha256(f"{next(self._nodes)}".encode()).hexdigest()
        return {"@id": f"/.well-known/genid/{digest[:20]}", "@type": kind}


def _utc(value: datetime) -> datetime:
    """A time in UTC, as in bookings; sessions have the offset of the venue instead."""
    return value.astimezone(UTC)
