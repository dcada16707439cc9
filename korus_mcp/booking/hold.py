"""Holds: what a reservation holds, until when, and whether it can still be ordered."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
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
from korus_mcp.foundation.refusals import Code
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import (
    UNREAD,
    DayMoment,
    Reading,
    Unread,
    at_place,
    day_of,
    is_past,
    value_of,
)
from korus_mcp.journal.protocol import UNKNOWN_END

_SEATING_PARTS: Final = {
    "zone": "zone",
    "row": "row",
    "seat": "seat",
    "entrance": "entrance",
    "seating_category": "category",
}
# Values that issuers made up: deeper than any seat plan, and no recursion without end.
_DEEPEST: Final = 8
_Part: TypeAlias = Reservation | ReservationItem | Order | OrderItem
_CAPITAL: Final = re.compile(r"[_\W]+|(?<=[a-z])(?=[A-Z])")
# Which fields an issuer adds is not published (A11). What tells of a place or of terms is agreed
# to, so a change of it voids a yes; the rest (timestamps, links) may change freely.
_WHERE_OR_TERMS: Final = re.compile(
    "seat|zone|row|place|section|block|categor|restrict|view|entrance|gate|door|level|floor|stand|"
    "venue|hall|room|tier|term|condition|polic|remark|note|refund|exchange|cancel|fee|tariff|option",
    re.IGNORECASE,
)
"""What a key may be called that is not documented and tells of a place, or of what is agreed to."""


class HoldState(StrEnum):
    """What a reservation is now. Its own status stays `reserved` throughout (T23).

    `IN_DOUBT`: it was made, and is not shown (yet).
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
"""What a status says, in any letter case. The first two are documented; a word that is not here
says nothing: taken for an end, it would have the same held again, round after round.
"""

UNNAMED: Final = "(unnamed product)"
ITS_STATE: Final = "its state"
LONGEST_STATUS: Final = 64
"""A word: what is longer is not even looked at."""
ITS_ORDER: Final = "whether it was ordered"
"""What is unread of a hold whose order came as something that is no link, or whose status is a word
that may mean anything.
"""


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
    times: Mapping[str, datetime] = field(default_factory=dict, hash=False)
    """When its sessions begin, by id, as far as that could be read."""
    over: str | None = None
    """In what words it is over at the venue; None when it is not, or nobody knows."""

    def of_quantity(self, quantity: int) -> "Line":
        """The line for so many units, where this is the line of one."""
        amount = self.amount.times(quantity) if self.amount is not None else None
        return replace(self, quantity=quantity, amount=amount)


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A reservation as far as a buyer is concerned. `total` None: the API stated none.

    `units` is all that is said of where each unit admits, and of the terms of all of it: texts
    that are equal when the same is said.
    `expires_at` None: nobody told when it ends. `seconds_left` None: nobody knows how long that
    is, as it was not told, or nobody knows what time it is for the API: so it is not over.
    `unread` says in words what is told of it and cannot be read.
    """

    id: str
    state: HoldState
    lines: tuple[Line, ...]
    total: Money | None = None
    expires_at: datetime | None = None
    seconds_left: int | None = None
    order_id: str | None = None
    seats: tuple[str, ...] = ()
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
        """The most it may cost: its total, or that of its lines where they add up to more."""
        # Amounts of several currencies cannot be compared: then the total alone counts.
        if self.total is None or any(a.currency != self.total.currency for a in self._amounts):
            return self.total
        return max(self.total, total([*self._amounts])) if self._amounts else self.total

    @property
    def _amounts(self) -> list[Money]:
        return [line.amount for line in self.lines if line.amount is not None]

    def ends_by(self, now: datetime) -> datetime:
        """When the hold is over at the latest; one whose end nobody knows counts as long held."""
        if self.expires_at is None or self.seconds_left is not None:
            return self.expires_at or now + UNKNOWN_END
        return max(self.expires_at, now + UNKNOWN_END)

    def can_be_ordered(self, clock: ApiClock) -> bool:
        """Whether an order sent now would arrive in time, as far as the end is known."""
        margin = ORDER_MARGIN_SECONDS + clock.skew_bound_seconds
        # An end nobody knows refuses nothing: the API refuses an expired hold by itself (A16).
        is_in_time = self.seconds_left is None or self.seconds_left > margin
        return self.state is HoldState.HELD and is_in_time

    @property
    def may_be_ordered(self) -> bool:
        """Whether the API says something of an order that nobody can read."""
        return ITS_ORDER in self.unread

    def obstacle(self) -> Obstacle | None:
        """Why nobody can agree to order this, whatever its state; None when they can."""
        amounts = [*self._amounts, *((self.total,) if self.total is not None else ())]
        if any(amount.is_foreign for amount in amounts):
            return Obstacle(Code.UNSUPPORTED_CURRENCY, "its total is not in euro")
        # Before what cannot be read: that it is over is certain, and asking again will not help.
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
        """How a product is called: a bare id is never shown."""
        return self.products.get(id_at_end(product) or "", UNNAMED)

    def zone(self, product: str | None) -> tzinfo | None:
        """The zone of a product's venue, where it had to be looked up."""
        return self.zones.get(id_at_end(product) or "")


def hold_of(reservation: Reservation, names: BookedNames, clock: ApiClock) -> Hold:
    """The hold of a reservation, by the API's clock.

    While the API told no time, the clock is ours alone and may be wrong by hours: by it no hold
    ends, which would be made again at each call, and nothing it holds is over before a day passed.
    """
    # What cannot be read is collected while the parts are read, and told as one obstacle.
    told, now, is_known = Reading(), clock.now(), clock.is_known
    expires_at = value_of(reservation.expires_at)
    left = max(0, int((expires_at - now).total_seconds())) if expires_at and is_known else None
    state = _state(reservation, left, told)
    lines = _lines(reservation, names, told, surely_past(clock))
    tickets = [ticket for item in reservation.items for ticket in item.offer_tickets]
    placed = (seat_text(told.of("a seat", ticket.seating)) for ticket in tickets)
    seats = tuple(seat for seat in placed if seat)
    # Only these two words are documented; another says nothing.
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
        # An item whose tickets are not told admits somebody all the same.
        tickets=sum(max(1, len(item.offer_tickets)) for item in reservation.items),
        units=_units(reservation),
        unread=told.unread,
    )


def tickets_in(order: Order) -> int | None:
    """How many tickets an order holds; None where that cannot be read: each holds some."""
    if not order.items or order.lacks("items") or any(i.lacks("tickets") for i in order.items):
        return None
    return sum(len(item.tickets) for item in order.items)


def seat_text(seating: Seating | Unread | None) -> str | None:
    """A place as the issuer says it: zone, row, seat, entrance, category, and what else is said of
    it, such as a limited view; None when there is none.
    """
    if seating is None or isinstance(seating, Unread):
        return None
    parts = [(said, getattr(seating, part)) for part, said in _SEATING_PARTS.items()]
    parts += [(_CAPITAL.sub(" ", key).lower(), value) for key, value in _beside(seating).items()]
    return clean_line(", ".join(_part(*each) for each in parts if each[1]), 160) or None


def _part(name: str, value: object) -> str:
    match value:
        case True:
            return name
        case Mapping():
            said = value.get("name") or value.get("label")
            return f"{name} {said if isinstance(said, str) else '?'}"
        case list():
            return f"{name} {', '.join(each for each in value if isinstance(each, str)) or '?'}"
        case _:
            return f"{name} {value}"


def _units(reservation: Reservation) -> tuple[str, ...]:
    """Texts for all that is said of places and terms, by unit, then of the whole; units are sorted,
    so that the order of an answer does not matter.
    """
    units = sorted(_same(_unit(item)) for item in reservation.items)
    return (*units, _same(_where_or_terms(reservation)))


def _unit(item: ReservationItem) -> dict[str, object]:
    # A moment that is told with another offset is the same day.
    day = item.date.at.timestamp() if isinstance(item.date, DayMoment) else item.date
    return {
        "of": [id_at_end(item.offer), id_at_end(item.product), str(day)],
        "tickets": [_place(ticket) for ticket in item.offer_tickets],
        "also": _where_or_terms(item),
    }


def _place(ticket: ReservationOfferTicket) -> dict[str, object]:
    seating = value_of(ticket.seating)
    known = {} if seating is None else {p: getattr(seating, p) for p in _SEATING_PARTS}
    return {
        "of": [id_at_end(ticket.ticket), id_at_end(ticket.session)],
        "seating": known | (_beside(seating) if seating is not None else {}),
        "also": _where_or_terms(ticket),
    }


def _where_or_terms(model: ApiModel) -> dict[str, object]:
    """What is said of a place or of terms beside the fields we know, and what cannot be read.

    Moments are left out: an issuer may tell them as what is left, which differs at each reading.
    """
    extra = model.model_extra or {}
    named = {key: value for key, value in extra.items() if _WHERE_OR_TERMS.search(key)}
    return {k: v for k, v in (named | dict(model.unread)).items() if not k.endswith(("At", "_at"))}


def _beside(model: ApiModel) -> dict[str, object]:
    """What came with a model that it has no field for, or in a field that cannot be read."""
    beside = {**(model.model_extra or {}), **model.unread}
    return {key: value for key, value in beside.items() if not key.startswith("@")}


def _same(value: object) -> str:
    """One text for values that say the same, in whatever order and with whatever marks."""
    return _written(_plain(value))


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(value: object, depth: int = 0) -> object:
    """A value without order, empty parts, and the marks of JSON-LD that are made anew each time.

    What lies deeper than anything that is known of seats is taken as it comes.
    """
    if depth > _DEEPEST:
        return _written(value)
    if isinstance(value, Mapping):
        parts = {k: _plain(v, depth + 1) for k, v in value.items() if not _is_mark(k, v)}
        return {k: v for k, v in parts.items() if v not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return sorted((_plain(each, depth + 1) for each in value), key=_written)
    if isinstance(value, bool) or value is None:
        return value
    return " ".join(str(value).split())


def _is_mark(key: str, value: object) -> bool:
    """Whether a member of JSON-LD names a node of this answer only, as T18 tells."""
    if key == "@id":
        return not isinstance(value, str) or "/.well-known/genid/" in value or value[:2] == "_:"
    return key.startswith("@")


def _state(reservation: Reservation, seconds_left: int | None, told: Reading) -> HoldState:
    """What a reservation is, by the four conditions of T23 (docs/domain.md): status, `expired`, its
    end, its order. An end that nobody knows is no end.
    """
    status = told_state(reservation)
    # An order outweighs all else: a hold that was ordered may say that it expired (T23).
    if id_at_end(reservation.order) is not None or status is HoldState.ORDERED:
        return HoldState.ORDERED
    state = told.of(ITS_STATE, status)
    if may_have_order(reservation):  # nor is it called over: one would then buy the same again
        told.note(ITS_ORDER)
        return HoldState.HELD
    # `expired` alone may lag behind the end (T23); the end alone may be unread.
    if reservation.expired is True or (seconds_left is not None and seconds_left <= 0):
        return HoldState.EXPIRED
    if state is None:
        told.note(ITS_STATE)
    return state or HoldState.HELD


def told_state(reservation: Reservation) -> HoldState | Unread | None:
    """What the status of a reservation says: None without one, `UNREAD` for an unknown word."""
    status = reservation.status
    # Long texts are no status: they cost time to compare, and are told as unread.
    if isinstance(status, Unread) or len(status or "") > LONGEST_STATUS:
        return UNREAD
    word = (status or "").strip().casefold()
    return _STATES.get(word, UNREAD) if word else None


def may_have_order(reservation: Reservation) -> bool:
    """Whether a reservation says that it was ordered, or something that may mean so."""
    return reservation.may_have_order or told_state(reservation) in (HoldState.ORDERED, UNREAD)


def total_of(booked: Reservation | Order) -> Money | Unread | None:
    """The total of what was booked; in another currency as soon as one is stated anywhere in it."""
    parts: tuple[_Part, ...] = (booked, *booked.items)
    stated = (currency for part in parts for currency in _currencies(part))
    return money(booked.total_amount_incl_tax, *stated)


def _currencies(part: _Part) -> Iterator[str | Unread]:
    """The currencies a part states, under whatever name: none is published (A17)."""
    if not isinstance(part, OrderItem) and part.currency is not None:
        yield part.currency
    yield from currencies_in(part.model_extra)


def _lines(
    reservation: Reservation, names: BookedNames, told: Reading, now: datetime
) -> tuple[Line, ...]:
    """The lines of a reservation: n units come as n items (T25), and equal ones are counted."""
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
    """A line of one unit."""
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
        past = over.ITS_DAY  # some ticket in it admits by the day, or nobody knows when
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
