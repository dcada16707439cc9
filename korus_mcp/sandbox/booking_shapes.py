"""What reservations, orders, tickets and documents look like on the wire."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.bookings import Failure, Hold, IssuedTicket, Ledger, Order, TakenSeat
from korus_mcp.sandbox.iris import Iris
from korus_mcp.sandbox.jsonld import Json, moment, money, resource
from korus_mcp.sandbox.model import Language, day_of
from korus_mcp.sandbox.requests import RequestedHold
from korus_mcp.sandbox.world import Offer, World

_BOOKING = "/v1/booking"
_CUSTOMER = ("firstname", "lastname", "email", "phone", "country", "language", "title")
_BENEFICIARY = (
    "firstname",
    "lastname",
    "email",
    "phone",
    "title",
    "dateOfBirth",
    "placeOfBirth",
    "nationality",
)


class BookingShapes:
    """Writes the booking side of the API."""

    def __init__(self, world: World, ledger: Ledger, iris: Iris, clock: Clock) -> None:
        self._world = world
        self._ledger = ledger
        self._iris = iris
        self._clock = clock
        self._nodes = count(1)

    def hold(self, hold: Hold, language: Language, *, alone: bool) -> Json:
        """A reservation; `expired` is computed now, `status` is not (T23)."""
        fields: Json = {
            "id": hold.id,
            "createdAt": _utc(hold.created_at),
            "expiresAt": _utc(hold.expires_at),
            "expired": hold.is_expired_at(self._clock.now()),
            "status": hold.status,
            "releasable": self._world.issuer_of(hold.offer).releasable,
            "seatsArrangement": hold.arrangement,
            "totalAmountInclTax": money(hold.total),
            "totalAmountExclTax": self._untaxed(hold.offer, hold.total),
            "catalog": self._iris.catalog(self._world.catalog_of(hold.offer.base)),
            "organization": f"/v1/organizations/{hold.organization}",
            "order": None if hold.order_id is None else order_iri(hold.order_id),
            "items": [self._hold_item(hold, unit, language) for unit in range(hold.quantity)],
        }
        return resource("BookingReservation", hold_iri(hold.id), fields, alone=alone)

    def failed_hold(self, wanted: RequestedHold, failure: Failure) -> Json:
        """An item the issuer refused."""
        return {
            "@type": "BookingReservationFailure",
            "offer": self._iris.offer(wanted.offer),
            "quantity": wanted.quantity,
            "code": failure.code,
            "message": failure.message,
        }

    def failed_order(self, hold_id: str, failure: Failure) -> Json:
        """A reservation the issuer would not turn into an order."""
        return {
            "@type": "BookingOrderFailure",
            "reservation": hold_iri(hold_id),
            "code": failure.code,
            "message": failure.message,
        }

    def order(self, order: Order, language: Language, *, alone: bool) -> Json:
        """An order with its tickets."""
        hold = self._ledger.holds[order.hold_id]
        fields: Json = {
            "id": order.id,
            "createdAt": _utc(order.created_at),
            "status": order.status,
            "cancelledAt": _utc(order.cancelled_at) if order.cancelled_at else None,
            "reference": order.reference,
            "externalReference": order.external_reference,
            "connectorReference": order.connector_reference,
            "totalAmountInclTax": money(hold.total),
            "totalAmountExclTax": self._untaxed(hold.offer, hold.total),
            "catalog": self._iris.catalog(self._world.catalog_of(hold.offer.base)),
            "organization": f"/v1/organizations/{order.organization}",
            "reservation": hold_iri(hold.id),
            "customer": self._customer(order.customer),
            "items": [self._order_item(order, hold, language)],
        }
        return resource("BookingOrder", order_iri(order.id), fields, alone=alone)

    def ticket(self, ticket: IssuedTicket, language: Language, *, alone: bool) -> Json:
        """A ticket of an order."""
        order = self._ledger.orders[ticket.order_id]
        hold = self._ledger.holds[order.hold_id]
        slot, is_valid = hold.slots[ticket.rank], ticket.validated_at is not None
        fields: Json = {
            "id": ticket.id,
            "voucher": ticket.voucher if is_valid else None,
            "occursAt": self._occurs_at(hold.offer, ticket.rank, slot),
            "requiredBeneficiaryFields": list(ticket.required_fields),
            "beneficiary": _person(ticket.beneficiary),
            "beneficiaryDesignationDeadline": moment(ticket.deadline) if ticket.deadline else None,
            "beneficiaryAmendable": ticket.amendable,
            "status": "validated" if is_valid else "waiting_beneficiary_data",
            "seating": self._seating(hold, ticket.unit, ticket.rank, language),
        }
        iri = f"{order_iri(order.id)}/items/{order.item_id}/tickets/{ticket.id}"
        return resource("BookingOrderItemTicket", iri, fields, alone=alone)

    def document(self, document: str, ready_at: datetime, *, alone: bool) -> Json:
        """A file of an order."""
        fields: Json = {"id": document, "downloadableAt": _utc(ready_at)}
        return resource("BookingOrderDocument", self._document_iri(document), fields, alone=alone)

    def document_link(self, document: str, address: str, language: Language) -> Json:
        """A fresh signed address."""
        fields: Json = {"id": document, "temporaryUrl": address, "cachedLanguage": language}
        return resource("BookingOrderDocument", self._document_iri(document), fields, alone=True)

    def _hold_item(self, hold: Hold, unit: int, language: Language) -> Json:
        day = day_of(hold.offer.day)
        return {
            "@id": self._node(),
            "@type": "BookingReservationItem",
            "amountInclTax": money(hold.unit_price),
            "amountExclTax": self._untaxed(hold.offer, hold.unit_price),
            "date": day.isoformat() if day else None,
            "offer": self._iris.offer(hold.offer),
            "product": self._iris.product(hold.offer.base, hold.offer.product),
            "offerTickets": [
                {
                    "ticket": self._iris.ticket(hold.offer, rank),
                    "session": self._session(hold.offer, rank, slot),
                    "seating": self._seating(hold, unit, rank, language),
                }
                for rank, slot in enumerate(hold.slots)
            ],
        }

    def _order_item(self, order: Order, hold: Hold, language: Language) -> Json:
        day = day_of(hold.offer.day)
        unit, total = money(hold.unit_price), money(hold.total)
        unit_untaxed = self._untaxed(hold.offer, hold.unit_price)
        total_untaxed = self._untaxed(hold.offer, hold.total)
        return {
            "@id": self._node(),
            "@type": "BookingOrderItem",
            "id": order.item_id,
            "quantity": hold.quantity,
            "unitAmountInclTax": unit,
            "unitAmountExclTax": unit_untaxed,
            "totalAmountInclTax": total,
            "totalAmountExclTax": total_untaxed,
            "amountInclTax": total,
            "amountExclTax": total_untaxed,
            "date": day.isoformat() if day else None,
            "product": self._iris.product(hold.offer.base, hold.offer.product),
            "tickets": [
                self.ticket(self._ledger.tickets[each], language, alone=False)
                for each in order.tickets
            ],
        }

    def _session(self, offer: Offer, rank: int, slot: int | None) -> str | None:
        if slot is None:
            return None
        if self._world.base(offer.base).legacy_session_iris:
            return self._iris.legacy_session(offer, rank, slot)
        return self._iris.session(offer, rank, slot)

    def _occurs_at(self, offer: Offer, rank: int, slot: int | None) -> str | None:
        if slot is None:
            return None
        base = self._world.base(offer.base)
        return moment(self._world.starts_at(base, offer.day, base.tickets[rank].slots[slot]))

    def _seating(self, hold: Hold, unit: int, rank: int, language: Language) -> Json | None:
        places = hold.places[rank]
        if unit >= len(places):
            return None
        return self._place(hold.offer, places[unit], language)

    def _place(self, offer: Offer, place: TakenSeat, language: Language) -> Json:
        layout = self._world.base(offer.base).seat_maps[place.seat_map]
        zone = layout.zones[place.zone]
        row = zone.rows[place.row] if zone.rows and place.row is not None else None
        category = None if zone.category is None else layout.categories[zone.category]
        return {
            "zone": zone.name.in_language(language),
            "seatingCategory": category.name.in_language(language) if category else None,
            "row": row.name if row else None,
            "seat": row.seats[place.seat].name if row and place.seat is not None else None,
            "entrance": zone.entrance,
        }

    def _untaxed(self, offer: Offer, amount: Decimal) -> str | None:
        rate = self._world.issuer_of(offer).tax_rate
        return None if rate is None else money(amount / (1 + rate))

    def _customer(self, customer: Mapping[str, object]) -> Json:
        known = {name: customer[name] for name in _CUSTOMER if customer.get(name) is not None}
        empty: Json = {"phone": None, "country": None, "language": None, "title": None}
        optin = customer.get("optin") is True
        return {"@id": self._node(), "@type": "BookingOrderCustomer", **empty, **known} | {
            "optin": optin
        }

    def _document_iri(self, document: str) -> str:
        return f"{order_iri(self._ledger.documents[document])}/documents/{document}"

    def _node(self) -> str:
        """An anonymous address that is never the same twice (T18)."""
        digest = hashlib.sha256(f"{next(self._nodes)}".encode()).hexdigest()
        return f"/.well-known/genid/{digest[:20]}"


def hold_iri(hold_id: str) -> str:
    """Address of a reservation."""
    return f"{_BOOKING}/reservations/{hold_id}"


def order_iri(order_id: str) -> str:
    """Address of an order."""
    return f"{_BOOKING}/orders/{order_id}"


def _person(person: Mapping[str, object] | None) -> Json | None:
    return None if person is None else {name: person.get(name) for name in _BENEFICIARY}


def _utc(value: datetime) -> str:
    return moment(value.astimezone(UTC))
