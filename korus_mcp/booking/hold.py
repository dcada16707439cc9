"""Holds: what a reservation holds, until when, and whether it can still be ordered."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum
from itertools import chain
from typing import Final, TypeAlias

from korus_mcp.api.models.base import ApiModel
from korus_mcp.api.models.order import Order, OrderItem
from korus_mcp.api.models.reservation import Reservation, ReservationItem, ReservationOfferTicket
from korus_mcp.api.models.seat_map import Seating
from korus_mcp.booking import over
from korus_mcp.booking.ports import ApiClock, surely_past
from korus_mcp.booking.quote import Obstacle, unreadable
from korus_mcp.booking.timing import ORDER_MARGIN_SECONDS
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.money import Money, currencies_in, money, total
from korus_mcp.foundation.refusals import MEANINGS, Code, FieldProblem, Refusal
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import (
    UNREAD,
    DayMoment,
    Reading,
    Unread,
    at_place,
    by_clock,
    day_of,
    is_past,
    value_of,
    zone_of_all,
)
from korus_mcp.journal.records import UNKNOWN_END, canonical_json

SEATING_PARTS: Final = {
    "zone": "zone",
    "row": "row",
    "seat": "seat",
    "entrance": "entrance",
    "seating_category": "category",
}
"""The documented parts of a seat -> what they are called in answers."""
_SEAT_LENGTH: Final = 160
# The depth to which values of fields that we do not know are compared: deeper than any seat plan,
# and low enough that a nested answer cannot exhaust the stack.
_DEEPEST: Final = 8
_Part: TypeAlias = Reservation | ReservationItem | Order | OrderItem
_CAPITAL: Final = re.compile(r"[_\W]+|(?<=[a-z])(?=[A-Z])")
# Issuers may add fields of their own (A11). A person agrees to those that describe a place or
# terms, so a change of one voids their yes; others (timestamps, links) may change freely.
_WHERE_OR_TERMS: Final = re.compile(
    "seat|zone|row|place|section|block|categor|restrict|view|entrance|gate|door|level|floor|stand|"
    "venue|hall|room|tier|term|condition|polic|remark|note|refund|exchange|cancel|fee|tariff|option",
    re.IGNORECASE,
)
"""Parts of names that undocumented fields have when they describe a place or terms of sale."""


class HoldState(StrEnum):
    """What a reservation is now. The API's own `status` stays `reserved` throughout (T23).

    `IN_DOUBT`: it may have been ordered, or it was just made and KorusTicket does not show it yet.
    """

    HELD = "held"
    EXPIRED = "expired"
    RELEASED = "released"
    ORDERED = "ordered"
    IN_DOUBT = "in_doubt"


_STATES: Final = {
    "reserved": HoldState.HELD,
    "released": HoldState.RELEASED,
    "cancelled": HoldState.RELEASED,
    "canceled": HoldState.RELEASED,
    "expired": HoldState.EXPIRED,
    "ordered": HoldState.ORDERED,
}
"""What a status means, in any letter case; only the first two are documented. A word that is not
here counts as unreadable, not as an end: otherwise an equal call would make a new hold each time.
"""

UNNAMED: Final = "(unnamed product)"
ITS_STATE: Final = "its state"
LONGEST_STATUS: Final = 64
"""In characters. A status is one word; a longer text is not looked at."""
ITS_ORDER: Final = "whether it was ordered"
"""Noted in `Hold.unread` where the order is not a link, or the status a word we do not know: the
hold may have been ordered.
"""


@dataclass(frozen=True)
class Seat:
    """A seat in the issuer's own words: pairs such as ("row", "B"), a mere mark as ("aisle", "").

    The names of `SEATING_PARTS` are documented; others are what else the issuer states, such as a
    limited view.
    """

    parts: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return ", ".join(f"{name} {said}".rstrip() for name, said in self.parts)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A quantity of one product on one day and session. `amount` is the price of the whole line."""

    product: str
    quantity: int
    amount: Money | None
    day: date | None = None
    starts_at: tuple[datetime, ...] = ()
    offer_id: str | None = None
    product_id: str | None = None
    session_ids: tuple[str, ...] = ()
    times: Mapping[str, datetime] = field(default_factory=dict, hash=False)
    """Session id -> when it begins, as far as that could be read."""
    over: str | None = None
    """Why it is over at the venue, in words; None when it is not over, or nobody knows."""

    def of_quantity(self, quantity: int) -> "Line":
        """This line, which is of one unit, for `quantity` units."""
        amount = self.amount.times(quantity) if self.amount is not None else None
        return replace(self, quantity=quantity, amount=amount)


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A reservation as a buyer sees it. `total` None: the API stated none.

    `units` are normalised texts of the place of each unit and of the terms: what a person agrees
    to. If they differ at a later reading, a yes given before is void.
    `expires_at` None: the API did not state the end. `seconds_left` None: the end, or the API's
    time, is not known; such a hold does not count as over.
    `unread` names, in words, the parts of the answer that could not be read.
    """

    id: str
    state: HoldState
    lines: tuple[Line, ...]
    total: Money | None = None
    expires_at: datetime | None = None
    seconds_left: int | None = None
    order_id: str | None = None
    seats: tuple[Seat, ...] = ()
    seats_together: bool | None = None
    catalog_id: str | None = None
    tickets: int = 0
    units: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def quantity(self) -> int:
        """How many units are held."""
        return sum(line.quantity for line in self.lines)

    @property
    def worth(self) -> Money | None:
        """The most it may cost: its total, or the sum of its lines where that is more."""
        # Amounts of several currencies cannot be compared: then the total alone counts.
        if self.total is None or any(a.currency != self.total.currency for a in self._amounts):
            return self.total
        return max(self.total, total([*self._amounts])) if self._amounts else self.total

    @property
    def _amounts(self) -> list[Money]:
        return [line.amount for line in self.lines if line.amount is not None]

    def ends_by(self, now: datetime) -> datetime:
        """When the hold is over at the latest: an hour from `now` where its end is not known."""
        if self.expires_at is None or self.seconds_left is not None:
            return self.expires_at or now + UNKNOWN_END
        return max(self.expires_at, now + UNKNOWN_END)

    def can_be_ordered(self, clock: ApiClock) -> bool:
        """Whether an order sent now would arrive in time, as far as the end is known."""
        margin = ORDER_MARGIN_SECONDS + clock.skew_bound_seconds
        # An unknown end is no reason to refuse: the API refuses an expired hold by itself (A16).
        is_in_time = self.seconds_left is None or self.seconds_left > margin
        return self.state is HoldState.HELD and is_in_time

    @property
    def may_have_been_ordered(self) -> bool:
        """Whether the API's answer, in parts that cannot be read, may say that it was ordered."""
        return ITS_ORDER in self.unread

    def obstacle(self) -> Obstacle | None:
        """Why nobody can agree to order this, its state aside; None when they can."""
        amounts = [*self._amounts, *((self.total,) if self.total is not None else ())]
        if any(amount.is_foreign for amount in amounts):
            return Obstacle(Code.UNSUPPORTED_CURRENCY, "its total is not in euro")
        # Named before what cannot be read: that it is over is certain, so asking again is no help.
        past = next((line.over for line in self.lines if line.over is not None), None)
        if past is not None:
            return Obstacle(Code.NOT_BOOKABLE, past)
        if self.unread:
            return unreadable(self.unread)
        if not self.lines:
            return Obstacle(Code.NOT_BOOKABLE, "it names nothing that is held")
        if self.total is None:
            return Obstacle(Code.NOT_BOOKABLE, "it states no total")
        if any(amount.is_negative for amount in amounts):
            return Obstacle(Code.NOT_BOOKABLE, "it states an amount below zero")
        if self.worth != self.total:
            return Obstacle(Code.NOT_BOOKABLE, "its lines cost more than its total")
        return None


@dataclass(frozen=True)
class BookedNames:
    """Product names, session times and the zones of products, by id, for the lines of holds."""

    products: Mapping[str, str]
    sessions: Mapping[str, datetime]
    zones: Mapping[str, tzinfo] = field(default_factory=dict)

    def product(self, product: str | None) -> str:
        """The name of a product, or "(unnamed product)": an id is never shown as a name."""
        return self.products.get(id_at_end(product) or "", UNNAMED)

    def zone(self, product: str | None) -> tzinfo | None:
        """The zone of a product's venue, if it is known."""
        return self.zones.get(id_at_end(product) or "")

    @property
    def zone_of_all(self) -> tzinfo | None:
        """The zone of the venues of all that is named here; None where there are several."""
        return zone_of_all(self.zones.values())


def hold_of(reservation: Reservation, names: BookedNames, clock: ApiClock) -> Hold:
    """The hold that a reservation is, by the API's clock.

    While the API told no time, only our own clock is known, which may be wrong by hours. Then no
    hold counts as ended (it would be made again at each call), and nothing in it counts as over
    until a day later.
    """
    # `told` collects what cannot be read of the parts; together that is one obstacle.
    told, now, is_known = Reading(), clock.now(), clock.is_known
    expires_at = _end_of(reservation, names)
    left = max(0, int((expires_at - now).total_seconds())) if expires_at and is_known else None
    state = _state(reservation, left, told)
    lines = _lines(reservation, names, told, surely_past(clock))
    tickets = [ticket for item in reservation.items for ticket in item.offer_tickets]
    placed = (seat_of(told.of("a seat", ticket.seating)) for ticket in tickets)
    seats = tuple(seat for seat in placed if seat is not None)
    # Only these two words are documented; any other is ignored.
    arranged = {"ADJACENT": True, "NON_ADJACENT": False}
    return Hold(
        id=reservation.id,
        state=state,
        lines=lines,
        total=told.of("its total", total_of(reservation)),
        expires_at=expires_at,
        seconds_left=left if state is HoldState.HELD else 0,
        order_id=id_at_end(reservation.order),
        seats=seats,
        seats_together=arranged.get(reservation.seats_arrangement or "") if seats else None,
        catalog_id=id_at_end(reservation.catalog),
        # An item that lists no tickets counts as one: it admits somebody all the same.
        tickets=sum(max(1, len(item.offer_tickets)) for item in reservation.items),
        units=_units(reservation),
        unread=told.unread,
    )


def _end_of(reservation: Reservation, names: BookedNames) -> datetime | None:
    """When a reservation ends, in the zone of all that was read with it, if it is one."""
    end = value_of(reservation.expires_at)
    return None if end is None else by_clock(end, names.zone_of_all)


def tickets_in(order: Order) -> int | None:
    """How many tickets an order has; None where that cannot be read, since every order has some."""
    if not order.items or order.lacks("items") or any(i.lacks("tickets") for i in order.items):
        return None
    return sum(len(item.tickets) for item in order.items)


def seat_of(seating: Seating | Unread | None) -> Seat | None:
    """The seat that is stated; None when there is none, or it cannot be read."""
    if seating is None or isinstance(seating, Unread):
        return None
    stated = [(said, getattr(seating, part)) for part, said in SEATING_PARTS.items()]
    stated += [(_CAPITAL.sub(" ", key).lower(), value) for key, value in _beside(seating).items()]
    parts: list[tuple[str, str]] = []
    room = _SEAT_LENGTH
    for name, value in stated:
        # An issuer may add any number of parts of any length: together they stay a line.
        if not value or room <= 0:
            continue
        part = clean_line(name, room), clean_line(_said(value), room)
        room -= len(part[0]) + len(part[1]) + 3
        parts += [part] if any(part) else []
    return Seat(tuple(parts)) if parts else None


def _said(value: object) -> str:
    match value:
        case True:
            return ""
        case Mapping():
            said = value.get("name") or value.get("label")
            return said if isinstance(said, str) else "?"
        case list():
            return ", ".join(each for each in value if isinstance(each, str)) or "?"
        case _:
            return str(value)


def _units(reservation: Reservation) -> tuple[str, ...]:
    """One text for the places and terms of each unit, then those of the whole reservation.

    The units are sorted, so that an answer in another order gives equal texts.
    """
    units = sorted(_same(_unit(item)) for item in reservation.items)
    return (*units, _same(_where_or_terms(reservation)))


def _unit(item: ReservationItem) -> dict[str, object]:
    # Compared as a timestamp: the same moment may come with another UTC offset.
    day = item.date.at.timestamp() if isinstance(item.date, DayMoment) else item.date
    return {
        "of": [id_at_end(item.offer), id_at_end(item.product), str(day)],
        "tickets": [_place(ticket) for ticket in item.offer_tickets],
        "also": _where_or_terms(item),
    }


def _place(ticket: ReservationOfferTicket) -> dict[str, object]:
    seating = value_of(ticket.seating)
    known = {} if seating is None else {p: getattr(seating, p) for p in SEATING_PARTS}
    return {
        "of": [id_at_end(ticket.ticket), id_at_end(ticket.session)],
        "seating": known | (_beside(seating) if seating is not None else {}),
        "also": _where_or_terms(ticket),
    }


def _where_or_terms(model: ApiModel) -> dict[str, object]:
    """The fields of a model that we do not know and that describe a place or terms, and those that
    cannot be read.

    Times are left out: an issuer may send a remaining time, which differs at each reading.
    """
    extra = model.model_extra or {}
    named = {key: value for key, value in extra.items() if _WHERE_OR_TERMS.search(key)}
    return {k: v for k, v in (named | dict(model.unread)).items() if not k.endswith(("At", "_at"))}


def _beside(model: ApiModel) -> dict[str, object]:
    """The parts of the answer for which a model has no field, or whose field cannot be read."""
    beside = {**(model.model_extra or {}), **model.unread}
    return {key: value for key, value in beside.items() if not key.startswith("@")}


def _same(value: object) -> str:
    """A text that is equal for values that differ in order, empty parts or JSON-LD ids only."""
    return canonical_json(_plain(value))


def _plain(value: object, depth: int = 0) -> object:
    """A value in a fixed order, without empty parts and without JSON-LD ids that differ each time.

    Below `_DEEPEST` levels a value is compared as it came.
    """
    if depth > _DEEPEST:
        return canonical_json(value)
    if isinstance(value, Mapping):
        parts = {k: _plain(v, depth + 1) for k, v in value.items() if not _is_mark(k, v)}
        return {k: v for k, v in parts.items() if v not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return sorted((_plain(each, depth + 1) for each in value), key=canonical_json)
    if isinstance(value, bool) or value is None:
        return value
    return " ".join(str(value).split())


def _is_mark(key: str, value: object) -> bool:
    """Whether a member is a JSON-LD keyword, or an id valid in this one answer only (T18)."""
    if key == "@id":
        return not isinstance(value, str) or "/.well-known/genid/" in value or value[:2] == "_:"
    return key.startswith("@")


def _state(reservation: Reservation, seconds_left: int | None, told: Reading) -> HoldState:
    """What a reservation is, by the four conditions of T23 (docs/domain.md): status, `expired`, its
    end, its order. A hold whose end is not known counts as not ended.
    """
    status = told_state(reservation)
    # An order outweighs all else: a hold that was ordered may say that it expired (T23).
    if id_at_end(reservation.order) is not None or status is HoldState.ORDERED:
        return HoldState.ORDERED
    state = told.of(ITS_STATE, status)
    # Not called expired, whatever else it says: the buyer would then buy the same again.
    if may_have_order(reservation):
        told.note(ITS_ORDER)
        return HoldState.HELD
    # Either is enough: `expired` may lag behind the end (T23), and the end may be unreadable.
    if reservation.expired is True or (seconds_left is not None and seconds_left <= 0):
        return HoldState.EXPIRED
    if state is None:
        told.note(ITS_STATE)
    return state or HoldState.HELD


def told_state(reservation: Reservation) -> HoldState | Unread | None:
    """What the status of a reservation means: None without one, `UNREAD` for an unknown word."""
    status = reservation.status
    # A long text is no status, and comparing it would cost time: it counts as unreadable.
    if isinstance(status, Unread) or len(status or "") > LONGEST_STATUS:
        return UNREAD
    word = (status or "").strip().casefold()
    return _STATES.get(word, UNREAD) if word else None


def expired(places: Sequence[int] = ()) -> Refusal:
    """The refusal of holds that are over. `places`: which of several in the call, from 0."""
    return Refusal(
        Code.HOLD_EXPIRED,
        "A reservation has expired or ends too soon to be ordered safely.",
        MEANINGS[Code.HOLD_EXPIRED].next_step,
        fields=tuple(FieldProblem(f"reservation_ids.{n}", "over") for n in places),
    )


def may_have_order(reservation: Reservation) -> bool:
    """Whether a reservation was ordered, or says something that may mean so."""
    return reservation.may_have_order or told_state(reservation) in (HoldState.ORDERED, UNREAD)


def total_of(booked: Reservation | Order) -> Money | Unread | None:
    """The total of what was booked; not in euro as soon as a part of it states another currency."""
    return money(booked.total_amount_incl_tax, *_stated_in(booked))


def untaxed_total_of(order: Order) -> Money | Unread | None:
    """The same of an order without tax; None where the issuer does not state it."""
    return money(order.total_amount_excl_tax, *_stated_in(order))


def _stated_in(booked: Reservation | Order) -> Iterator[str | Unread]:
    parts: tuple[_Part, ...] = (booked, *booked.items)
    return (currency for part in parts for currency in _currencies(part))


def _currencies(part: _Part) -> Iterator[str | Unread]:
    """The currencies a part states, under any field name: the API documents none (A17)."""
    if not isinstance(part, OrderItem) and part.currency is not None:
        yield part.currency
    yield from currencies_in(part.model_extra)


def _lines(
    reservation: Reservation, names: BookedNames, told: Reading, now: datetime
) -> tuple[Line, ...]:
    """The lines of a reservation. The API sends n units as n items (T25); equal ones become one."""
    if reservation.lacks("items"):
        told.note("what it holds")
    counted = Counter(_line(item, reservation, names, told, now) for item in reservation.items)
    return tuple(line.of_quantity(quantity) for line, quantity in counted.items())


def _line(
    item: ReservationItem,
    reservation: Reservation,
    names: BookedNames,
    told: Reading,
    now: datetime,
) -> Line:
    """The line that one item is: one unit."""
    if item.lacks("offer_tickets"):
        told.note("a ticket in it")
    stated = chain(_currencies(item), _currencies(reservation))
    links = [told.of("the session of a ticket", t.session) for t in item.offer_tickets]
    sessions = [session for link in links if (session := id_at_end(link))]
    zone = names.zone(item.product)
    times = {i: at_place(names.sessions[i], zone) for i in sessions if i in names.sessions}
    starts_at = tuple(times[i] for i in sessions if i in times)
    day = told.of("the day of a line", day_of(item.date, zone))
    past = None
    if any(over.has_begun(at, now) for at in starts_at):
        past = over.ITS_SESSION
    elif len(starts_at) < max(1, len(item.offer_tickets)) and is_past(day, zone, now):
        past = over.ITS_DAY  # a ticket in it is for the whole day, or its session is not known
    return Line(
        product=names.product(item.product),
        quantity=1,
        amount=told.of("the price of a line", money(item.amount_incl_tax, *stated)),
        day=day,
        starts_at=starts_at,
        offer_id=id_at_end(item.offer),
        product_id=id_at_end(item.product),
        session_ids=tuple(sessions),
        times=times,
        over=past,
    )
