"""Holds: what a reservation holds, until when, and whether it can still be ordered."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from korus_mcp.api.models.base import ApiModel
from korus_mcp.api.models.reservation import (
    Reservation,
    ReservationItem,
    ReservationOfferTicket,
)
from korus_mcp.api.models.seat_map import Seating
from korus_mcp.handles import id_at_end
from korus_mcp.money import Money, money
from korus_mcp.untrusted import clean_line

ORDER_MARGIN_SECONDS: Final = 20
_SEATING_PARTS: Final = {
    "zone": "zone",
    "row": "row",
    "seat": "seat",
    "entrance": "entrance",
    "seating_category": "category",
}
_CAPITAL: Final = re.compile(r"[_\W]+|(?<=[a-z])(?=[A-Z])")
_WHERE_OR_TERMS: Final = re.compile(
    "seat|zone|row|place|section|block|categor|restrict|view|entrance|gate|door|level|floor|stand|"
    "term|condition|remark|note|refund|exchange|cancel",
    re.IGNORECASE,
)
"""What a key may be called that is not documented and tells of a place, or of what is agreed to."""


class HoldState(StrEnum):
    """What a reservation is now. Its own status stays `reserved` throughout (T23)."""

    HELD = "held"
    EXPIRED = "expired"
    RELEASED = "released"
    ORDERED = "ordered"


@dataclass(frozen=True, kw_only=True)
class Line:
    """So many of one product on one day and session. `amount` is the line's total."""

    product: str
    quantity: int
    amount: Money | None
    day: date | None = None
    starts_at: tuple[datetime, ...] = ()
    offer_id: str | None = None
    product_id: str | None = None
    session_ids: tuple[str, ...] = ()
    times: Mapping[str, datetime] = field(default_factory=dict)
    """When its sessions begin, by id, as far as that could be read."""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A reservation as far as a buyer is concerned. `total` None: the API stated none.

    `units` is all that is said of where each unit admits, and of the terms of all of it: texts
    that are equal when the same is said.
    """

    id: str
    state: HoldState
    lines: tuple[Line, ...]
    total: Money | None
    expires_at: datetime | None
    seconds_left: int
    order_id: str | None
    seats: tuple[str, ...]
    seats_together: bool | None
    catalog_id: str | None
    tickets: int = 0
    units: tuple[str, ...] = ()

    @property
    def quantity(self) -> int:
        """How many units are held."""
        return sum(line.quantity for line in self.lines)

    def can_be_ordered(self, margin_seconds: float = ORDER_MARGIN_SECONDS) -> bool:
        """Whether an order sent now would arrive in time."""
        return self.state is HoldState.HELD and self.seconds_left > margin_seconds


@dataclass(frozen=True)
class Names:
    """Product names and session times, by id, for the lines of holds."""

    products: Mapping[str, str]
    sessions: Mapping[str, datetime]


def hold_of(reservation: Reservation, names: Names, now: datetime) -> Hold:
    """The hold of a reservation, by the API's clock."""
    expires_at = reservation.expires_at
    left = int((expires_at - now).total_seconds()) if expires_at else 0
    state = _state(reservation, left)
    seats = _seats(reservation.items)
    arranged = {"ADJACENT": True, "NON_ADJACENT": False}
    return Hold(
        id=reservation.id,
        state=state,
        lines=_lines(reservation.items, names),
        total=money(reservation.total_amount_incl_tax),
        expires_at=expires_at,
        seconds_left=max(0, left) if state is HoldState.HELD else 0,
        order_id=id_at_end(reservation.order),
        seats=seats,
        seats_together=arranged.get(reservation.seats_arrangement or "") if seats else None,
        catalog_id=id_at_end(reservation.catalog),
        tickets=sum(max(1, len(item.offer_tickets)) for item in reservation.items),
        units=_units(reservation),
    )


def seat_text(seating: Seating | None) -> str | None:
    """A place as the issuer says it: zone, row, seat, entrance, category, and what else is said of
    it, such as a limited view; None when there is none.
    """
    if seating is None:
        return None
    parts = [(said, getattr(seating, part)) for part, said in _SEATING_PARTS.items()]
    parts += [(_CAPITAL.sub(" ", key).lower(), value) for key, value in _beside(seating).items()]
    return clean_line(", ".join(_part(*each) for each in parts if each[1]), 160) or None


def _part(name: str, value: object) -> str:
    match value:
        case True:
            return name
        case Mapping():
            return _part(name, value.get("name") or value.get("label") or "?")
        case list():
            return f"{name} {', '.join(str(each) for each in value)}"
        case _:
            return f"{name} {value}"


def _units(reservation: Reservation) -> tuple[str, ...]:
    """Each unit with its places and terms, and those of the reservation: in no order."""
    units = sorted(_same(_unit(item)) for item in reservation.items)
    return (*units, _same(_where_or_terms(reservation)))


def _unit(item: ReservationItem) -> dict[str, object]:
    return {
        "of": [id_at_end(item.offer), id_at_end(item.product), str(item.date)],
        "tickets": [_place(ticket) for ticket in item.offer_tickets],
        "also": _where_or_terms(item),
    }


def _place(ticket: ReservationOfferTicket) -> dict[str, object]:
    seating = ticket.seating
    known = {} if seating is None else {p: getattr(seating, p) for p in _SEATING_PARTS}
    return {
        "of": [id_at_end(ticket.ticket), id_at_end(ticket.session)],
        "seating": known | (_beside(seating) if seating is not None else {}),
        "also": _where_or_terms(ticket),
    }


def _where_or_terms(model: ApiModel) -> dict[str, object]:
    """What is said of a place or of terms beside the fields we know, and what cannot be read."""
    extra = model.model_extra or {}
    named = {key: value for key, value in extra.items() if _WHERE_OR_TERMS.search(key)}
    return {k: v for k, v in named.items() if not k.endswith(("At", "_at"))} | dict(model.unread)


def _beside(model: ApiModel) -> dict[str, object]:
    """What came with a model that it has no field for, or in a field that cannot be read."""
    beside = {**(model.model_extra or {}), **model.unread}
    return {key: value for key, value in beside.items() if not key.startswith("@")}


def _same(value: object) -> str:
    """A text that is equal for values that say the same."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(value: object) -> object:
    """A value without order, empty parts, and the marks of JSON-LD that are made anew each time."""
    if isinstance(value, Mapping):
        parts = {k: _plain(v) for k, v in value.items() if not _is_mark(k, v)}
        return {k: v for k, v in parts.items() if v not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return sorted((_plain(each) for each in value), key=_same)
    if isinstance(value, bool) or value is None:
        return value
    return " ".join(str(value).split())


def _is_mark(key: str, value: object) -> bool:
    """Whether a member names a node of the answer and nothing of the world."""
    if key == "@id":
        return not isinstance(value, str) or "/.well-known/genid/" in value or value[:2] == "_:"
    return key.startswith("@")


def _state(reservation: Reservation, seconds_left: int) -> HoldState:
    """The four conditions of the domain guide, section 9."""
    if reservation.has_order:
        return HoldState.ORDERED
    if reservation.expired or seconds_left <= 0:
        return HoldState.EXPIRED
    if reservation.status != "reserved":
        return HoldState.RELEASED
    return HoldState.HELD


def _lines(items: Iterable[ReservationItem], names: Names) -> tuple[Line, ...]:
    """Equal units together: n units come as n items (T25)."""
    found = list(items)
    counted = Counter(_key(item) for item in found)
    first = {_key(item): item for item in reversed(found)}
    return tuple(_line(first[key], quantity, names) for key, quantity in counted.items())


def _key(item: ReservationItem) -> tuple[object, ...]:
    sessions = tuple(sorted(id_at_end(t.session) or "" for t in item.offer_tickets))
    return (
        id_at_end(item.offer),
        id_at_end(item.product),
        item.date,
        item.amount_incl_tax,
        sessions,
    )


def _line(item: ReservationItem, quantity: int, names: Names) -> Line:
    unit = money(item.amount_incl_tax)
    session_ids = [i for t in item.offer_tickets if (i := id_at_end(t.session))]
    times = {i: names.sessions[i] for i in session_ids if i in names.sessions}
    return Line(
        product=names.products.get(id_at_end(item.product) or "", "(unnamed product)"),
        quantity=quantity,
        amount=unit.times(quantity) if unit else None,
        day=item.date,
        starts_at=tuple(times[i] for i in session_ids if i in times),
        offer_id=id_at_end(item.offer),
        product_id=id_at_end(item.product),
        session_ids=tuple(session_ids),
        times=times,
    )


def _seats(items: Iterable[ReservationItem]) -> tuple[str, ...]:
    placed = (seat_text(t.seating) for item in items for t in item.offer_tickets)
    return tuple(seat for seat in placed if seat)
