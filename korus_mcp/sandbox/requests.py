"""Parses the bodies of booking calls strictly: every mistake becomes a violation with its path."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from starlette.datastructures import QueryParams

from korus_mcp.sandbox.ids import Offer
from korus_mcp.sandbox.iris import Iris, read_hold
from korus_mcp.sandbox.jsonld import Json, Refused, Violation, invalid

# The most characters of the caller's reference (A29).
LARGEST_REFERENCE = 50
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BLANK = "This value should not be blank."
_NO_STRING = "This value should be of type string."


class RequestedHold(NamedTuple):
    """One item of a reserve call that passed the consistency check."""

    offer: Offer
    quantity: int
    slots: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestedOrders:
    """An order call whose body has the right form."""

    reservations: tuple[str, ...]
    customer: Json
    external_reference: str
    notes: str | None


@dataclass(eq=False, slots=True)
class ReservationReader:
    """The consistency check of one reserve call: if anything is wrong, nothing is done."""

    iris: Iris
    violations: list[Violation] = field(default_factory=list)

    def read(self, body: Json) -> list[RequestedHold]:
        """Parse the items to hold.

        Raises:
            Refused: 422 with every violation found.
        """
        items = body.get("items")
        if not isinstance(items, list) or not items:
            raise invalid(Violation("items", _BLANK))
        wanted = [self._item(item, f"items[{rank}]") for rank, item in enumerate(items)]
        if self.violations:
            raise invalid(*self.violations)
        return [item for item in wanted if item is not None]

    def _refuse(self, path: str, message: str) -> None:
        """Note a violation and go on, so that one answer names all of them."""
        self.violations.append(Violation(path, message))

    def _item(self, item: object, path: str) -> RequestedHold | None:
        if not isinstance(item, dict):
            self._refuse(path, "This value should be of type object.")
            return None
        quantity, iri = item.get("quantity"), item.get("offer")
        # In Python True is an int; for the API it is not.
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            self._refuse(f"{path}.quantity", "This value should be positive.")
            quantity = None
        # No other value of JSON looks like an IRI when it is written as a text.
        offer = self.iris.read_offer(str(iri))
        if offer is None:
            self._refuse(f"{path}.offer", f'Item not found for "{_shown(iri)}".')
            return None
        # T11: the limit is for the units of each single item.
        limit = self.iris.world.base(offer.base).max_amount_per_order
        if limit is not None and quantity is not None and quantity > limit:
            self._refuse(f"{path}.quantity", f"At most {limit} per order.")
        slots = self._slots(item.get("ticketSessions"), offer, f"{path}.ticketSessions")
        return None if quantity is None else RequestedHold(offer, quantity, slots)

    def _slots(self, entries: object, offer: Offer, path: str) -> tuple[int | None, ...]:
        """Parse the time slot of each ticket of an offer; None for full-day access (A14)."""
        tickets = self.iris.world.base(offer.base).tickets
        chosen: dict[int, int | None] = {}
        for rank, entry in enumerate(entries if isinstance(entries, list) else ()):
            found = self._entry(entry, offer, f"{path}[{rank}]")
            if found is None:
                continue
            ticket, slot = found
            if ticket in chosen:
                self._refuse(f"{path}[{rank}].ticket", "Ticket given twice.")
            chosen[ticket] = slot
        # Only when nothing else is wrong: a wrong entry would count as missing, too.
        if not self.violations and len(chosen) < len(tickets):
            self._refuse(path, "Every ticket of the offer must be given once.")
        return tuple(chosen.get(rank) for rank in range(len(tickets)))

    def _entry(self, entry: object, offer: Offer, path: str) -> tuple[int, int | None] | None:
        """The ticket of an entry, by rank, and the chosen slot."""
        fields = entry if isinstance(entry, dict) else {}
        iri, session_iri = fields.get("ticket"), fields.get("session")
        found = self.iris.read_ticket(str(iri))
        if found is None or found[0] != offer:
            self._refuse(f"{path}.ticket", f'"{_shown(iri)}" is not a ticket of this offer.')
            return None
        ticket = found[1]
        # T24: a needless session is refused like a missing one.
        if self.iris.world.base(offer.base).tickets[ticket].date_access:
            if session_iri is not None:
                self._refuse(f"{path}.session", "This ticket takes no session.")
            return ticket, None
        session = self.iris.read_session(str(session_iri), offer)
        if session is None or session.ticket != ticket:
            self._refuse(f"{path}.session", "A session of this ticket must be given.")
            return ticket, None
        return ticket, session.slot


def read_orders(body: Json) -> RequestedOrders:
    """Parse the body of an order call.

    Raises:
        Refused: 422 with every violation found.
    """
    violations = list(_order_violations(body))
    if violations:
        raise invalid(*violations)
    customer, notes, iris = body.get("customer"), body.get("notes"), body["reservations"]
    return RequestedOrders(
        reservations=tuple(map(read_hold, iris if isinstance(iris, list) else ())),
        customer=customer if isinstance(customer, dict) else {},
        external_reference=str(body["externalReference"]),
        notes=str(notes) if notes is not None else None,
    )


def read_beneficiary(body: Json) -> Json:
    """Parse the beneficiary to set.

    Raises:
        Refused: 422 with every violation found.
    """
    beneficiary = body.get("beneficiary")
    if not isinstance(beneficiary, dict):
        raise invalid(Violation("beneficiary", "This value should not be null."))
    violations = list(_person_violations(beneficiary, "beneficiary", _BENEFICIARY))
    if violations:
        raise invalid(*violations)
    known = [name for name, _, _ in _BENEFICIARY]
    return {name: beneficiary[name] for name in known if name in beneficiary}


def _order_violations(body: Json) -> Iterator[Violation]:
    reservations = body.get("reservations")
    if not isinstance(reservations, list) or not reservations:
        yield Violation("reservations", _BLANK)
    else:
        for rank, iri in enumerate(reservations):
            if not read_hold(iri):
                yield Violation(f"reservations[{rank}]", f'Invalid IRI "{_shown(iri)}".')
    reference = body.get("externalReference")
    if not isinstance(reference, str) or not 1 <= len(reference) <= LARGEST_REFERENCE:
        yield Violation("externalReference", "This value should have 1 to 50 characters.")
    if not isinstance(body.get("notes"), str | None):
        yield Violation("notes", _NO_STRING)
    customer = body.get("customer")
    if isinstance(customer, dict):
        yield from _person_violations({"optin": False, **customer}, "customer", _CUSTOMER)
    elif customer is not None:
        yield Violation("customer", "This value should be of type object.")


def _person_violations(
    person: Mapping[str, object], path: str, rules: "Sequence[_Rule]"
) -> Iterator[Violation]:
    for name, is_fine, message in rules:
        if not is_fine(person.get(name)):
            yield Violation(f"{path}.{name}", message)


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_address(value: object) -> bool:
    """Whether a value may be an e-mail address; a missing one passes (another rule checks that)."""
    return not _is_filled(value) or "@" in str(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str | None)


def _is_code(value: object) -> bool:
    """Whether a value may be the two-letter code of a country or a language (A30)."""
    return value is None or re.fullmatch("[A-Za-z]{2}", str(value)) is not None


def _is_day(value: object) -> bool:
    return value is None or (isinstance(value, str) and read_day(value) is not None)


_Rule = tuple[str, Callable[[object], bool], str]

# In the order in which violations are listed. A telephone number may have any form (T28).
_NO_TITLE = "The value you selected is not a valid choice."
_TITLE: _Rule = ("title", lambda value: value in (None, "mr", "mrs", "mx"), _NO_TITLE)
_CUSTOMER: Sequence[_Rule] = (
    *((name, _is_filled, _BLANK) for name in ("firstname", "lastname", "email")),
    ("email", _is_address, "This value is not a valid email address."),
    *((name, _is_code, "This value should have two letters.") for name in ("country", "language")),
    ("phone", _is_text, _NO_STRING),
    ("optin", lambda value: isinstance(value, bool), "This value should be of type bool."),
    _TITLE,
)
# The keys are those that `requiredBeneficiaryFields` uses, too (A22).
_BENEFICIARY: Sequence[_Rule] = (
    *((name, _is_filled, _BLANK) for name in ("firstname", "lastname")),
    *((name, _is_text, _NO_STRING) for name in ("nationality", "placeOfBirth", "email", "phone")),
    ("dateOfBirth", _is_day, "This value is not a valid date."),
    _TITLE,
)


def read_day(text: str) -> date | None:
    """Parse a day in the form YYYY-MM-DD, and in no other form of ISO 8601."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def day_in(query: QueryParams, name: str) -> date | None:
    """Parse a query parameter that is a day; None when it was not sent.

    Raises:
        Refused: 400, the value is no day.
    """
    text = query.get(name)
    day = None if text is None else read_day(text)
    if text is not None and day is None:
        raise Refused(400, f'"{name}" is not a day of the form YYYY-MM-DD')
    return day


def _shown(value: object) -> str:
    # Shortened: enough to recognise the value in an error message.
    return str(value)[:200]
