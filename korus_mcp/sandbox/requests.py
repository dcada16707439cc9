"""Reading the bodies of bookings strictly: every mistake becomes a violation with its path."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from korus_mcp.sandbox.iris import Iris, read_reservation
from korus_mcp.sandbox.jsonld import Json, Violation, invalid
from korus_mcp.sandbox.world import Offer, World

_TITLES = frozenset({"mr", "mrs", "mx"})
_TWO_LETTERS = re.compile("[A-Za-z]{2}")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LARGEST_REFERENCE = 50
_CUSTOMER_TEXTS = ("firstname", "lastname", "email")
_BENEFICIARY_TEXTS = ("nationality", "placeOfBirth", "email", "phone")


@dataclass(frozen=True, slots=True)
class RequestedHold:
    """One item of a reservation call that passed the consistency check."""

    offer: Offer
    quantity: int
    slots: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedOrders:
    """An order call that passed the check of its shape."""

    reservations: tuple[str, ...]
    customer: Json
    external_reference: str
    notes: str | None


class ReservationReader:
    """The consistency check of a reservation call: all of it is fine, or nothing is done."""

    def __init__(self, world: World, iris: Iris) -> None:
        self._world = world
        self._iris = iris

    def read(self, body: Json) -> list[RequestedHold]:
        """The items wanted.

        Raises:
            Refused: 422 with every violation found.
        """
        items = body.get("items")
        if not isinstance(items, list) or not items:
            raise invalid(Violation("items", "This value should not be blank."))
        violations: list[Violation] = []
        wanted = [self._item(item, f"items[{rank}]", violations) for rank, item in enumerate(items)]
        if violations:
            raise invalid(*violations)
        return [item for item in wanted if item is not None]

    def _item(self, item: object, path: str, violations: list[Violation]) -> RequestedHold | None:
        if not isinstance(item, dict):
            violations.append(Violation(path, "This value should be of type object."))
            return None
        quantity = _positive(item.get("quantity"))
        if quantity is None:
            violations.append(Violation(f"{path}.quantity", "This value should be positive."))
        offer = self._offer(item.get("offer"), f"{path}.offer", violations)
        if offer is None:
            return None
        limit = self._world.base(offer.base).max_amount_per_order
        if limit is not None and quantity is not None and quantity > limit:
            violations.append(Violation(f"{path}.quantity", f"At most {limit} per order."))
        slots = self._slots(item.get("ticketSessions"), offer, f"{path}.ticketSessions", violations)
        return None if quantity is None else RequestedHold(offer, quantity, slots)

    def _offer(self, iri: object, path: str, violations: list[Violation]) -> Offer | None:
        offer = self._iris.read_offer(iri) if isinstance(iri, str) else None
        if offer is None:
            violations.append(Violation(path, f'Item not found for "{_shown(iri)}".'))
        return offer

    def _slots(
        self, entries: object, offer: Offer, path: str, violations: list[Violation]
    ) -> tuple[int | None, ...]:
        tickets = self._world.base(offer.base).tickets
        chosen: dict[int, int | None] = {}
        for rank, entry in enumerate(entries if isinstance(entries, list) else ()):
            found = self._entry(entry, offer, f"{path}[{rank}]", violations)
            if found is None:
                continue
            if found[0] in chosen:
                violations.append(Violation(f"{path}[{rank}].ticket", "Ticket given twice."))
            chosen[found[0]] = found[1]
        if not violations and len(chosen) < len(tickets):
            violations.append(Violation(path, "Every ticket of the offer must be given once."))
        return tuple(chosen.get(rank) for rank in range(len(tickets)))

    def _entry(
        self, entry: object, offer: Offer, path: str, violations: list[Violation]
    ) -> tuple[int, int | None] | None:
        fields = entry if isinstance(entry, dict) else {}
        iri = fields.get("ticket")
        found = self._iris.read_ticket(iri) if isinstance(iri, str) else None
        if found is None or found[0] != offer:
            violations.append(
                Violation(f"{path}.ticket", f'"{_shown(iri)}" is not a ticket of this offer.')
            )
            return None
        ticket = self._world.base(offer.base).tickets[found[1]]
        session = fields.get("session")
        if ticket.date_access:
            if session is not None:
                violations.append(Violation(f"{path}.session", "This ticket takes no session."))
            return found[1], None
        slot = self._slot(session, offer, found[1])
        if slot is None:
            violations.append(
                Violation(f"{path}.session", "A session of this ticket must be given.")
            )
        return found[1], slot

    def _slot(self, iri: object, offer: Offer, ticket: int) -> int | None:
        session = self._iris.read_session(iri, offer) if isinstance(iri, str) else None
        return session.slot if session is not None and session.ticket == ticket else None


def read_orders(body: Json) -> RequestedOrders:
    """The orders wanted.

    Raises:
        Refused: 422 with every violation found.
    """
    violations = list(_order_violations(body))
    if violations:
        raise invalid(*violations)
    customer, notes = body.get("customer"), body.get("notes")
    reservations = body["reservations"]
    iris = reservations if isinstance(reservations, list) else []
    return RequestedOrders(
        reservations=tuple(read_reservation(iri) or "" for iri in iris),
        customer=customer if isinstance(customer, dict) else {},
        external_reference=str(body["externalReference"]),
        notes=str(notes) if notes is not None else None,
    )


def read_beneficiary(body: Json) -> Json:
    """The holder to name.

    Raises:
        Refused: 422 with every violation found.
    """
    beneficiary = body.get("beneficiary")
    if not isinstance(beneficiary, dict):
        raise invalid(Violation("beneficiary", "This value should not be null."))
    violations = list(_beneficiary_violations(beneficiary))
    if violations:
        raise invalid(*violations)
    known = ("firstname", "lastname", "title", "dateOfBirth", *_BENEFICIARY_TEXTS)
    return {name: beneficiary[name] for name in known if name in beneficiary}


def _order_violations(body: Json) -> Iterator[Violation]:
    reservations = body.get("reservations")
    if not isinstance(reservations, list) or not reservations:
        yield Violation("reservations", "This value should not be blank.")
    else:
        for rank, iri in enumerate(reservations):
            if not isinstance(iri, str) or read_reservation(iri) is None:
                yield Violation(f"reservations[{rank}]", f'Invalid IRI "{_shown(iri)}".')
    reference = body.get("externalReference")
    if not isinstance(reference, str) or not 1 <= len(reference) <= _LARGEST_REFERENCE:
        yield Violation("externalReference", "This value should have 1 to 50 characters.")
    if not isinstance(body.get("notes"), str | None):
        yield Violation("notes", "This value should be of type string.")
    if body.get("customer") is not None:
        yield from _customer_violations(body["customer"])


def _customer_violations(customer: object) -> Iterator[Violation]:
    if not isinstance(customer, dict):
        yield Violation("customer", "This value should be of type object.")
        return
    for name in _CUSTOMER_TEXTS:
        if not _is_filled(customer.get(name)):
            yield Violation(f"customer.{name}", "This value should not be blank.")
    email = customer.get("email")
    if _is_filled(email) and "@" not in str(email):
        yield Violation("customer.email", "This value is not a valid email address.")
    for name in ("country", "language"):
        value = customer.get(name)
        if value is not None and not _TWO_LETTERS.fullmatch(str(value)):
            yield Violation(f"customer.{name}", "This value should have two letters.")
    if not isinstance(customer.get("phone"), str | None):
        yield Violation("customer.phone", "This value should be of type string.")
    if not isinstance(customer.get("optin", False), bool):
        yield Violation("customer.optin", "This value should be of type bool.")
    yield from _title_violations(customer, "customer.title")


def _beneficiary_violations(beneficiary: Mapping[str, object]) -> Iterator[Violation]:
    for name in ("firstname", "lastname"):
        if not _is_filled(beneficiary.get(name)):
            yield Violation(f"beneficiary.{name}", "This value should not be blank.")
    for name in _BENEFICIARY_TEXTS:
        if not isinstance(beneficiary.get(name), str | None):
            yield Violation(f"beneficiary.{name}", "This value should be of type string.")
    born = beneficiary.get("dateOfBirth")
    if born is not None and not _is_day(born):
        yield Violation("beneficiary.dateOfBirth", "This value is not a valid date.")
    yield from _title_violations(beneficiary, "beneficiary.title")


def _title_violations(person: Mapping[str, object], path: str) -> Iterator[Violation]:
    title = person.get("title")
    if title is not None and not (isinstance(title, str) and title in _TITLES):
        yield Violation(path, "The value you selected is not a valid choice.")


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _positive(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    return None


def _is_day(value: object) -> bool:
    return isinstance(value, str) and read_day(value) is not None


def read_day(text: str) -> date | None:
    """A day written YYYY-MM-DD, and in no other of the forms ISO 8601 has."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _shown(value: object) -> str:
    return str(value)[:200]
