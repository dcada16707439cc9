"""Holds: what a reservation holds, until when, and whether it can still be ordered."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from korus_mcp.api.models.reservation import Reservation, ReservationItem
from korus_mcp.api.models.seat_map import Seating
from korus_mcp.handles import id_at_end
from korus_mcp.money import Money, money
from korus_mcp.untrusted import clean_line

ORDER_MARGIN_SECONDS: Final = 20
_SEATING_PARTS: Final = ("zone", "row", "seat", "entrance")


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


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A reservation as far as a buyer is concerned. `total` None: the API stated none."""

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
    )


def seat_text(seating: Seating | None) -> str | None:
    """A place as printed by the issuer: zone, row, seat, entrance; None when there is none."""
    if seating is None:
        return None
    parts = [(part, getattr(seating, part)) for part in _SEATING_PARTS]
    return clean_line(", ".join(f"{part} {text}" for part, text in parts if text), 120) or None


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
    sessions = tuple(id_at_end(t.session) for t in item.offer_tickets)
    return (
        id_at_end(item.offer),
        id_at_end(item.product),
        item.date,
        item.amount_incl_tax,
        sessions,
    )


def _line(item: ReservationItem, quantity: int, names: Names) -> Line:
    unit = money(item.amount_incl_tax)
    sessions = (names.sessions.get(id_at_end(t.session) or "") for t in item.offer_tickets)
    return Line(
        product=names.products.get(id_at_end(item.product) or "", "(unnamed product)"),
        quantity=quantity,
        amount=unit.times(quantity) if unit else None,
        day=item.date,
        starts_at=tuple(s for s in sessions if s is not None),
        offer_id=id_at_end(item.offer),
        product_id=id_at_end(item.product),
        session_ids=tuple(i for t in item.offer_tickets if (i := id_at_end(t.session))),
    )


def _seats(items: Iterable[ReservationItem]) -> tuple[str, ...]:
    placed = (seat_text(t.seating) for item in items for t in item.offer_tickets)
    return tuple(seat for seat in placed if seat)
