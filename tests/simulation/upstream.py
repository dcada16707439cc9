"""The API as it may be at its worst: late commits, lost answers, twins, stale and partial reads.

What it never does is what nobody could be safe from (docs/promises.md, "What nobody can promise"):
it makes no order later than the settle time after its hold ended and nobody listens any more, and
past that moment reads tell the truth.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from korus_mcp.api.errors import (
    ApiError,
    Disconnected,
    Malformed,
    Outcome,
    RateLimited,
    ServerFailed,
    TimedOut,
    Unauthorized,
    Unprocessable,
    Unreachable,
)
from korus_mcp.api.jsonld import JsonObject

POST_SECONDS = 75.0
SETTLE_SECONDS = 300.0
PAGE = 2
"""Rows of a page, whatever is asked for: a server may give less."""
PRICE = "10.00"
RESERVATIONS, ORDERS = "/v1/booking/reservations/", "/v1/booking/orders/"


def _answers(kind: type[ApiError], outcome: Outcome, status: int) -> Callable[[str], ApiError]:
    return lambda operation: kind(operation, outcome, status=status)


SECOND_ANSWERS = (
    _answers(Unprocessable, Outcome.REFUSED, 422),
    _answers(RateLimited, Outcome.NOT_SENT, 429),
    _answers(Unauthorized, Outcome.NOT_SENT, 401),
)
"""What the second copy of a request is told."""


class Fate(Enum):
    """What becomes of an order request."""

    ANSWERED = "answered"
    PARTLY = "some reservations are refused"
    REFUSED = "422"
    NOT_SENT = "no connection, or 429"
    ANSWER_LOST = "made, and the answer is lost"
    REQUEST_LOST = "not made, and nobody says so"
    LATE = "made after the answer was lost"
    TWIN = "a gateway sends it twice and answers with the second refusal"


@dataclass(frozen=True)
class Nature:
    """What kind of API a schedule meets; drawn once."""

    fates: tuple[Fate, ...]
    weights: tuple[int, ...]
    read_faults: float
    lag: float
    shows_link: bool
    lists: bool
    filters: bool

    @classmethod
    def drawn(cls, rng: random.Random) -> "Nature":
        """One of many."""
        weights = [6, 1, 1, 1, 3, 2, 3, 0]
        lag, shows_link, lists = rng.choice([0.0, 0.0, 20.0]), True, True
        blind = rng.random()
        if blind < 0.2:
            shows_link = False
        elif blind < 0.4:
            lists = False
        if lag == 0.0:
            weights[-1] = 2
        return cls(
            fates=tuple(Fate),
            weights=tuple(weights),
            read_faults=rng.choice([0.0, 0.05, 0.4]),
            lag=lag,
            shows_link=shows_link,
            lists=lists,
            filters=rng.random() < 0.5,
        )


@dataclass(frozen=True)
class MadeOrder:
    """An order that exists; readers see it from `seen_at` on."""

    id: str
    reservation_id: str
    reference: str
    made_at: float
    seen_at: float


@dataclass
class HeldReservation:
    """A hold with its end, in virtual seconds."""

    id: str
    ends_at: float
    refused: bool = False


@dataclass
class Upstream:
    """Reservations, orders, and every order request that arrived."""

    rng: random.Random
    nature: Nature
    holds: dict[str, HeldReservation]
    start: datetime
    orders: list[MadeOrder] = field(default_factory=list)
    posts: Counter[str] = field(default_factory=Counter)
    fates: Counter[Fate] = field(default_factory=Counter)
    calm: bool = False
    late: list[tuple[float, str, str]] = field(default_factory=list)

    def settle_late(self, now: float) -> None:
        """Make the orders whose late moment has come."""
        due = [each for each in self.late if each[0] <= now]
        self.late = [each for each in self.late if each[0] > now]
        for at, reservation_id, reference in due:
            self._make(reservation_id, reference, at)

    def post(self, reservation_ids: list[str], reference: str, now: float) -> Fate:
        """An order request arrives, and does what fate wants; the answer is `answer_of`."""
        self.posts[reference] += 1
        fate = Fate.ANSWERED
        if not self.calm:
            fate = self.rng.choices(self.nature.fates, self.nature.weights)[0]
        self.fates[fate] += 1
        if fate in (Fate.ANSWERED, Fate.ANSWER_LOST, Fate.TWIN):
            for each in reservation_ids:
                self._make(each, reference, now)
        elif fate is Fate.PARTLY:
            for each in reservation_ids[1:]:
                self._make(each, reference, now)
        elif fate is Fate.LATE:
            for each in reservation_ids:
                self.late.append((self._late_moment(each, now), each, reference))
        return fate

    def answer_of(self, fate: Fate, reservation_ids: list[str], reference: str) -> JsonObject:
        """The body of a 200.

        Raises:
            ApiError: What the client sees instead.
        """
        operation = "createOrders"
        match fate:
            case Fate.NOT_SENT:
                raise self.rng.choice([Unreachable, RateLimited])(operation, Outcome.NOT_SENT)
            case Fate.REFUSED:
                raise Unprocessable(operation, Outcome.REFUSED, status=422)
            case Fate.TWIN if self.rng.random() < 0.7:
                raise self.rng.choice(SECOND_ANSWERS)(operation)
            case Fate.ANSWER_LOST | Fate.REQUEST_LOST | Fate.LATE:
                lost: type[ApiError] = self.rng.choice(
                    [TimedOut, Disconnected, ServerFailed, Malformed]
                )
                raise lost(operation, Outcome.UNKNOWN)
        refused = reservation_ids if fate is Fate.TWIN else []
        if fate is Fate.PARTLY:
            refused = reservation_ids[:1]
        made = [o for o in self.orders if o.reference == reference]
        return {
            "orders": [] if fate is Fate.TWIN else [_order(o) for o in made],
            "failedOrders": [
                {"reservation": f"{RESERVATIONS}{i}", "message": "no"} for i in refused
            ],
        }

    def reservation(self, reservation_id: str, now: float) -> JsonObject:
        """A hold as it reads now."""
        hold = self.holds[reservation_id]
        link = None
        if self.nature.shows_link:
            seen = [o for o in self._seen(now) if o.reservation_id == reservation_id]
            link = f"{ORDERS}{seen[0].id}" if seen else None
        return {
            "@id": f"{RESERVATIONS}{hold.id}",
            "id": hold.id,
            "status": "reserved",
            "expired": now >= hold.ends_at,
            "expiresAt": (self.start + timedelta(seconds=hold.ends_at)).isoformat(),
            "totalAmountInclTax": PRICE,
            "order": link,
            "items": [{"amountInclTax": PRICE}],
        }

    def listed(self, reference: str | None, page: int, now: float) -> JsonObject:
        """A page of orders; a server that does not know the filter ignores it."""
        seen = list(self._seen(now)) if self.nature.lists else []
        if self.nature.filters and reference is not None:
            seen = [o for o in seen if o.reference == reference]
        rows = seen[(page - 1) * PAGE : page * PAGE]
        return {"member": [_order(o) for o in rows], "totalItems": len(seen)}

    def order(self, order_id: str) -> JsonObject:
        """One order."""
        return _order(next(o for o in self.orders if o.id == order_id))

    def add_strangers(self, number: int) -> None:
        """Orders of somebody else, which come first in a list nobody filters."""
        for n in range(number):
            self.orders.append(MadeOrder(f"s{n}", f"other{n}", f"foreign-{n}", -1.0, -1.0))

    def _seen(self, now: float) -> list[MadeOrder]:
        return [o for o in self.orders if o.seen_at <= now]

    def _make(self, reservation_id: str, reference: str, now: float) -> None:
        seen_at = now + self.rng.uniform(0, self.nature.lag)
        number = len(self.orders)
        self.orders.append(MadeOrder(f"o{number}", reservation_id, reference, now, seen_at))

    def _late_moment(self, reservation_id: str, now: float) -> float:
        """Between the loss of the answer and the last moment the design allows for."""
        last = self._fence(reservation_id, now) - self.nature.lag - 5
        return self.rng.uniform(now + 1, max(now + 2, last))

    def _fence(self, reservation_id: str, now: float) -> float:
        return max(self.holds[reservation_id].ends_at, now + POST_SECONDS) + SETTLE_SECONDS - 1


def _order(order: MadeOrder) -> JsonObject:
    return {
        "@id": f"{ORDERS}{order.id}",
        "id": order.id,
        "externalReference": order.reference,
        "reservation": f"{RESERVATIONS}{order.reservation_id}",
        "totalAmountInclTax": PRICE,
        "reference": order.id,
    }
