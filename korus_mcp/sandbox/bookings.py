"""The sandbox's records of holds, orders, tickets and documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from korus_mcp.sandbox.ids import Offer


class TakenSeat(NamedTuple):
    """The place of one unit: a zone of a seat map, with row and seat if they are numbered."""

    seat_map: int
    zone: int
    row: int | None = None
    seat: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A reservation. `slots` and `places` have an entry for each ticket of the offer."""

    id: str
    number: int
    organization: str
    offer: Offer
    quantity: int
    unit_price: Decimal
    slots: tuple[int | None, ...]
    places: tuple[tuple[TakenSeat, ...], ...]
    arrangement: str
    created_at: datetime
    expires_at: datetime
    ordered_at: datetime | None = None
    order_id: str | None = None
    ended_at: datetime | None = None

    def claims_at(self, moment: datetime) -> bool:
        """Whether the hold (or its order) occupies places at a moment."""
        # Also for past moments: lists show the stock of a minute ago (T21).
        if moment < self.created_at or (self.ended_at and moment >= self.ended_at):
            return False
        # An order keeps the places until it is cancelled.
        return self.ordered_at is not None or moment < self.expires_at

    def is_expired_at(self, moment: datetime) -> bool:
        """Whether the hold had expired at a moment without an order."""
        return self.order_id is None and moment >= self.expires_at

    @property
    def status(self) -> str:
        """The status in answers, which is never "ordered" or "expired" (T23)."""
        return "released" if self.ended_at is not None and self.order_id is None else "reserved"

    @property
    def total(self) -> Decimal:
        """The price of all units."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """An order of one hold. `tickets` has all tickets of the first unit, then of the second ..."""

    id: str
    number: int
    organization: str
    hold_id: str
    item_id: str
    external_reference: str
    customer: Mapping[str, object]
    notes: str | None
    created_at: datetime
    reference: str
    connector_reference: str | None
    tickets: tuple[str, ...]
    documents: tuple[str, ...]
    cancelled_at: datetime | None = None

    @property
    def status(self) -> str:
        """The status of the order."""
        return "cancelled" if self.cancelled_at else "confirmed"


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedTicket:
    """One ticket of an order."""

    id: str
    order_id: str
    unit: int
    rank: int
    voucher: str
    required_fields: tuple[str, ...]
    amendable: bool
    deadline: datetime | None
    beneficiary: Mapping[str, object] | None = None
    validated_at: datetime | None = None


class Failure(NamedTuple):
    """Why an issuer refused one item, although the call as a whole succeeds."""

    code: str
    message: str


class Numbers(NamedTuple):
    """How many records of each kind there have been."""

    holds: int = 0
    orders: int = 0
    tickets: int = 0
    documents: int = 0


@dataclass(slots=True)
class Ledger:
    """All records of one sandbox, by their ids; `documents` has the order of each document.

    `earlier`: numbers that are used up, by records of an earlier world.
    """

    earlier: Numbers = field(default_factory=Numbers)
    holds: dict[str, Hold] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    tickets: dict[str, IssuedTicket] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    # Stock is computed at each request, which must not look through all holds.
    _holds_by_day: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    _changed: dict[str, Hold | Order | IssuedTicket] = field(default_factory=dict)

    @property
    def numbers(self) -> Numbers:
        """The last number of each kind that is used up."""
        return Numbers(
            self.earlier.holds + len(self.holds),
            self.earlier.orders + len(self.orders),
            self.earlier.tickets + len(self.tickets),
            self.earlier.documents + len(self.documents),
        )

    def put(self, *records: Hold | Order | IssuedTicket) -> None:
        """Store records; each is new, or takes the place of the one with its id."""
        for record in records:
            self._changed[record.id] = record
            match record:
                case Hold():
                    self._put_hold(record)
                case Order():
                    self.orders[record.id] = record
                    self.documents |= dict.fromkeys(record.documents, record.id)
                case IssuedTicket():
                    self.tickets[record.id] = record

    def holds_of_day(self, base: int, day: int) -> Sequence[Hold]:
        """Every hold on one base and day, ended ones included."""
        return [self.holds[each] for each in self._holds_by_day.get((base, day), ())]

    def taken_changes(self) -> list[Hold | Order | IssuedTicket]:
        """The records that were stored since this was asked last, each as it is now."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def clear(self) -> None:
        """Forget every record."""
        for records in (self.holds, self.orders, self.tickets, self.documents):
            records.clear()
        self._holds_by_day.clear()
        self._changed.clear()

    def _put_hold(self, hold: Hold) -> None:
        if hold.id not in self.holds:
            self._holds_by_day.setdefault((hold.offer.base, hold.offer.day), []).append(hold.id)
        self.holds[hold.id] = hold
