"""The records of the journal, the refusals to store one, and why a journal may not work.

An intent is one order call, stored before it is sent. A reservation is claimed by one intent at a
time; an intent that may have been sent keeps its claim for ever, unless it certainly failed. A
worker acts on a row under a lease, which ends by itself if the worker dies. The fence of a call
(`fence_at`) is the time after which it can have no further effect. A sweep compares the orders at
KorusTicket with the journal. Records never hold customer data, only keyed digests of it.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_UP, Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from korus_mcp.foundation.money import CENT
from korus_mcp.settings import LEAST_KEY

REFERENCE_PREFIX: Final = "km1"
TABLES_VERSION: Final = 7
"""The version of the tables in which these records are stored (tables.py); named here, where it can
be read without the database library."""
APPROVALS_KEPT: Final = timedelta(days=1)
MOST_LISTED: Final = 1000
"""The most rows that a list of the journal returns."""
SWEEP_LASTS: Final = timedelta(hours=1)
"""How long a sweep belongs to one worker: if that worker died, another does it then."""
UNKNOWN_END: Final = timedelta(hours=1)
"""How long a hold with an unknown end is taken to last; real ones last minutes."""
LONGEST_HOLD: Final = timedelta(days=1)
"""The longest that a hold counts as open: an absurd end must not use up the limits for ever."""
CLOCK_STEPS: Final = timedelta(seconds=5)
"""How far a clock may be set back without ending a lease. One that was given later than that after
now is none: the clock was ahead then, and whoever had it may be long gone."""
NEVER_SENT: Final = "the order was not sent; try again later"
NEVER_APPEARED: Final = "the order was not made"


UNITS: Final = 10_000
"""The units of an euro in which the amounts of a day are counted."""


def units_of(amount: Decimal) -> int:
    """An amount in whole units, rounded up; a negative one counts nothing: it must not make room
    for other orders.
    """
    return max(0, int((amount * UNITS).to_integral_value(ROUND_CEILING)))


def day_of(moment: datetime) -> str:
    """The UTC day against whose limit an order of this moment counts."""
    return moment.astimezone(UTC).date().isoformat()


def canonical_json(value: object) -> str:
    """A JSON value as text: equal values give the same bytes on every Python, to hash or seal."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Installation:
    """Identifies one journal: its references tell our orders from those of other systems.

    Both values are random and made with the journal; the key never leaves it.
    """

    id: str
    key: bytes = field(repr=False)

    @property
    def reference_prefix(self) -> str:
        """The beginning of all our external references: `km1-<6 characters>-`."""
        return f"{REFERENCE_PREFIX}-{self.id}-"

    def reference_of(self, intent_id: str, owner: str) -> str:
        """Our external reference of an owner's intent: 50 characters that nobody else can guess.

        A journal that lost the intent finds its owner again by it, see `owner_in`.
        """
        # 22 hex digits are 88 bits: too many to guess.
        code = self.digest(intent_id)[:22]
        return f"{self.reference_prefix}{code}-{self._mark(owner)}"

    def owner_in(self, reference: str, owners: Iterable[str]) -> str | None:
        """Which of these owners a reference of ours is of; None for one from before it told that,
        or of somebody else.
        """
        told = reference.removeprefix(self.reference_prefix).partition("-")[2]
        return next((o for o in owners if hmac.compare_digest(self._mark(o), told)), None)

    def _mark(self, owner: str) -> str:
        return self.digest(f"owner {owner}")[:16]

    def key_for(self, purpose: str) -> bytes:
        """A key that all servers of the journal share, for one purpose and no other."""
        # Derived, so that the journal's own key never leaves it, not even within what this seals.
        return hmac.digest(self.key, purpose.encode(), hashlib.sha256)

    def digest(self, text: str) -> str:
        """A keyed digest (hex): equal for equal texts, and says nothing else of them."""
        # An issuer may send half of a surrogate pair.
        content = text.encode(errors="surrogatepass")
        return hmac.new(self.key, content, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Lease:
    """How long a worker may act on a row before another worker may take the row over."""

    worker: str
    seconds: float


class IntentState(StrEnum):
    """The state of a call: NEW (stored), SENDING (perhaps sent), FINAL (result known)."""

    NEW = "new"
    SENDING = "sending"
    FINAL = "final"


@dataclass(frozen=True)
class OrderResult:
    """What is known of an order call: ids of orders and reasons of failures, by reservation id.

    `ambiguous`: its answer was lost or not complete, so that there may be further orders.
    `numbers`: by order id, the number (KT-ORD-...) that people know an order by, where it was told.
    """

    orders: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    ambiguous: bool = False
    numbers: Mapping[str, str] = field(default_factory=dict)


NO_NUMBERS: Final[Mapping[str, str]] = {}
IN_DOUBT: Final = OrderResult(ambiguous=True)
"""Nothing is known, but that the call may have made orders."""


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One order call. `orders` and `failures` are by reservation id, complete when FINAL; `numbers`
    (KT-ORD-...) by order id, as far as they are known.

    `ambiguous`: the answer of its POST was lost, or its sender died. `is_leased`: a worker had a
    live lease on it when it was loaded. Times are by the API's clock; after `fence_at` no order of
    this call can appear any more. `agreed`: how the person agreed. `attempt`, which is not stored:
    how many order calls there had been for its reservations when the person agreed. A further call
    since then makes the approval invalid. `buyer`: a keyed digest of the buyer's e-mail address.
    """

    id: str
    owner: str
    fingerprint: str
    external_reference: str
    caller_reference: str | None
    reservation_ids: tuple[str, ...]
    approved_total: Decimal
    sent_at: datetime
    fence_at: datetime
    agreed: str = "two_step"
    buyer: str | None = None
    attempt: int | None = None
    state: IntentState = IntentState.NEW
    ambiguous: bool = False
    is_leased: bool = False
    orders: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether the result of the call is known."""
        return self.state is IntentState.FINAL

    @property
    def is_in_doubt(self) -> bool:
        """Whether the call may have made orders that are not known yet."""
        return self.state is IntentState.SENDING

    @property
    def spends(self) -> bool:
        """Whether its amount counts for the limit of its day: until it certainly made no order."""
        return not self.is_final or bool(self.orders)

    @property
    def was_never_sent(self) -> bool:
        """Whether its sender died before sending; the next claim of its reservations closes it."""
        # It would be SENDING before the first byte left, and without a lease nobody will send it.
        return self.state is IntentState.NEW and not self.is_leased

    @property
    def missing(self) -> tuple[str, ...]:
        """The reservations whose result is not known."""
        known = self.orders.keys() | self.failures.keys()
        return tuple(i for i in self.reservation_ids if i not in known)

    @property
    def freed(self) -> tuple[str, ...]:
        """The reservations it no longer claims: they failed, and the call was never in doubt."""
        # If it was ever in doubt, a failed reservation stays claimed: an order may still turn up.
        return tuple(self.failures) if self.is_final and not self.ambiguous else ()

    def outlived(self, stored: "Intent | None") -> bool:
        """Whether a journal that has this `stored`, or nothing, lost that the call was sent.

        A database that failed over to a standby that lagged, or was restored, went back in time;
        whoever sent the call remembers it.
        """
        if self.state is IntentState.NEW or (self.is_final and not self.orders):
            return False
        if stored is None or stored.state is IntentState.NEW:
            return True
        # Somebody closed it who could not know that it had been sent.
        return stored.is_unsent

    @property
    def is_unsent(self) -> bool:
        """Whether it is closed because nothing was sent."""
        reasons = set(self.failures.values())
        return self.is_final and not self.ambiguous and not self.orders and reasons == {NEVER_SENT}

    def none_made(self, reason: str) -> OrderResult:
        """The result that the orders which are not known yet were not made, with the reason."""
        return OrderResult(failures=dict.fromkeys(self.missing, reason))

    def told(self, result: OrderResult) -> "Intent":
        """The intent with a further result. An order outweighs a failure; FINAL never changes."""
        if self.is_final:
            return self
        # Once in doubt, always in doubt: a later result does not rule out another order.
        ambiguous = self.ambiguous or result.ambiguous
        told = replace(self._with(result), ambiguous=ambiguous, is_leased=False)
        # All results are known: from now on only `repaired` may change it.
        return told if told.missing else replace(told, state=IntentState.FINAL)

    def repaired(
        self, orders: Mapping[str, str], numbers: Mapping[str, str] = NO_NUMBERS
    ) -> "Intent":
        """The intent with orders that turned up late; but for numbers, the only change to a FINAL
        intent.
        """
        repaired = self._with(OrderResult(orders, numbers=numbers))
        return repaired if repaired.missing else replace(repaired, state=IntentState.FINAL)

    def numbered(self, numbers: Mapping[str, str]) -> "Intent":
        """The intent with the numbers of orders of its own; others are passed over."""
        return self._with(OrderResult(numbers=numbers))

    def _with(self, result: OrderResult) -> "Intent":
        made, lost = {**self.orders, **result.orders}, {**self.failures, **result.failures}
        numbers = {**self.numbers, **result.numbers}
        # In the order of the call, so that intents with the same results are equal.
        orders = {i: made[i] for i in self.reservation_ids if i in made}
        return replace(
            self,
            orders=orders,
            failures={i: lost[i] for i in self.reservation_ids if i in lost and i not in made},
            numbers={each: numbers[each] for each in orders.values() if each in numbers},
        )


class ApprovalState(StrEnum):
    """What became of a question to a person: still open, used for an order, or answered with no."""

    OPEN = "open"
    USED = "used"
    DECLINED = "declined"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A question that was put to a person, whose yes is good for one order with this digest."""

    nonce: str
    owner: str
    digest: str
    expires_at: datetime
    state: ApprovalState = ApprovalState.OPEN


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question that was put to a person beside the host, and their answer.

    `nonce` is that of the approval that a yes becomes, `digest` what that yes is bound to. People
    name the question by its `code`. It can be answered until `open_until`; a yes is good until
    `ends_at`, a no stands until the `open_until` it was given. `shown` is what the person reads,
    sealed, so that the journal does not know it; nothing once it is answered.
    """

    nonce: str
    code: str
    owner: str
    digest: str
    reservation_ids: tuple[str, ...]
    open_until: datetime
    ends_at: datetime
    shown: str
    is_yes: bool | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether it can be answered."""
        return self.is_yes is None and now < self.open_until

    def stands(self, now: datetime) -> bool:
        """Whether it can be answered, or its answer still counts."""
        return now < (self.ends_at if self.is_yes else self.open_until)

    def is_about(self, other: "Asked") -> bool:
        """Whether both have the same nonce, or are about one of the same reservations."""
        is_shared = not set(self.reservation_ids).isdisjoint(other.reservation_ids)
        return is_shared or self.nonce == other.nonce

    def answered(self, *, is_yes: bool, no_until: datetime) -> "Asked":
        """The question with its answer."""
        until = self.open_until if is_yes else no_until
        return replace(self, is_yes=is_yes, open_until=until, shown="")

    @property
    def approval(self) -> Approval:
        """The approval that the answer is."""
        return Approval(
            nonce=self.nonce,
            owner=self.owner,
            digest=self.digest,
            expires_at=self.ends_at if self.is_yes else self.open_until,
            state=ApprovalState.OPEN if self.is_yes else ApprovalState.DECLINED,
        )


def noes_of(reservation_id: str) -> str:
    """The nonce of the row that counts the "no" answers for a reservation."""
    return f"noes-{reservation_id}"


def one_more_no(no: Approval, reservation_id: str, before: Approval | None) -> Approval:
    """The row that counts "no" answers for a reservation (as text in `digest`), plus this one."""
    # The table of approvals has no column for a number.
    count = 1 if before is None else int(before.digest) + 1
    return replace(no, nonce=noes_of(reservation_id), digest=str(count))


@dataclass(frozen=True)
class ReservationFacts:
    """What is known of reservations: whose they are, who claims them, how often they were tried.

    `owners` and `holders` (the claiming intents) are by reservation; `attempts` counts all intents
    for any of them, failed ones included. `doubtful` is what `SqlJournal.doubtful` returns, which
    may concern other reservations. `stopped_at`: since when the operator takes no new orders.
    `waits`: why none is sent for now, since the database went back.
    """

    owners: Mapping[str, str]
    holders: Mapping[str, Intent]
    attempts: int
    doubtful: Sequence[Intent] = ()
    stopped_at: datetime | None = None
    waits: "OrdersWait | None" = None


@dataclass(frozen=True)
class RefusedItem:
    """An offer that the issuer refused to hold; `message` is the issuer's text, cleaned."""

    offer_id: str
    code: str | None
    message: str


@dataclass(frozen=True)
class HoldResult:
    """What a reserve call made. `held` says what its reservations amount to, as far as that is
    known; `ambiguous`, that the answer did not mention every item.
    """

    reservation_ids: Sequence[str] = ()
    refused: Sequence[RefusedItem] = ()
    held: Mapping[str, "Held"] = field(default_factory=dict)
    ambiguous: bool = False


NOTHING_MADE: Final = HoldResult()


@dataclass(frozen=True, kw_only=True)
class HoldIntent:
    """One reserve call. `key` is equal for equal calls of one owner; `wishes` are digests of its
    items, equal for equal items of any owner.

    SENDING: it may have made reservations that are not known. FINAL: it made `reservation_ids`; if
    it is `ambiguous` then, its answer did not mention every item, and there may be more.
    `tickets` and `amount` (EUR) are what it asks for; they count as held until its result is known.
    """

    id: str
    owner: str
    key: str
    sent_at: datetime
    fence_at: datetime
    wishes: tuple[str, ...] = ()
    state: IntentState = IntentState.SENDING
    ambiguous: bool = False
    is_leased: bool = False
    reservation_ids: tuple[str, ...] = ()
    refused: tuple[RefusedItem, ...] = ()
    tickets: int = 0
    amount: Decimal = Decimal(0)

    @property
    def is_final(self) -> bool:
        """Whether it is known which reservations it made."""
        return self.state is IntentState.FINAL

    @property
    def weight(self) -> "Open":
        """What counts as held while the call is under way: one reservation for each item."""
        # At least one: a call without known items may still have made a reservation.
        return Open(max(1, len(self.wishes)), self.tickets, self.amount, self.fence_at)

    def is_in_the_way_of(self, sent_at: datetime) -> bool:
        """Whether an equal call sent at that time could hold the same tickets twice."""
        return not self.is_final and (self.is_leased or sent_at < self.fence_at)

    def is_news(self, seen: "HoldIntent | None") -> bool:
        """Whether it is newer than `seen`, the last call with this key that the caller knows, or
        got its result since.
        """
        return seen is None or (seen.id, seen.state) != (self.id, self.state)

    def shares(self, made: HoldResult) -> Mapping[str, "Held"]:
        """What each of the reservations made amounts to; if not known, a share of what was asked
        for.
        """
        number = max(1, len(made.reservation_ids))
        end = self.sent_at + UNKNOWN_END
        # Rounded up to the cent: the sum of exact thirds would depend on the order of rows.
        amount = (self.amount / number).quantize(CENT, ROUND_UP)
        # Tickets are rounded up as well, so that unknown shares never let an owner hold more.
        share = Held(-(-self.tickets // number), amount, end)
        told = {i: made.held.get(i, share) for i in made.reservation_ids}
        last = self.sent_at + LONGEST_HOLD
        return {i: replace(h, ends_at=min(h.ends_at or end, last)) for i, h in told.items()}


@dataclass(frozen=True)
class Held:
    """What a reservation amounts to: tickets, EUR, and when it ends by the API's clock."""

    tickets: int
    amount: Decimal
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Open:
    """What an owner holds and has under way; `ends_at` is the earliest end of it."""

    number: int = 0
    tickets: int = 0
    amount: Decimal = Decimal(0)
    ends_at: datetime | None = None

    def __add__(self, more: "Open") -> "Open":
        # The earliest end, since it makes room first.
        ends = [each.ends_at for each in (self, more) if each.ends_at is not None]
        return Open(
            self.number + more.number,
            self.tickets + more.tickets,
            self.amount + more.amount,
            min(ends, default=None),
        )

    def fits(self, most: "Open") -> bool:
        """Whether reservations, tickets and amount are all within the limits `most`."""
        return (
            self.number <= most.number
            and self.tickets <= most.tickets
            and self.amount <= most.amount
        )


class ClaimRefused(Exception):
    """An intent could not be stored; nothing was changed."""


class AlreadyClaimed(ClaimRefused):
    """Another intent claims one of the reservations."""

    def __init__(self, holder: Intent) -> None:
        super().__init__("a reservation is claimed by another intent")
        self.holder = holder


class ApprovalUsed(ClaimRefused):
    """The approval was used by another call, or does not exist."""


class DayLimitReached(ClaimRefused):
    """With this order its owner's amount of the day would pass the limit."""


class OrdersStopped(ClaimRefused):
    """The operator takes no new orders."""


class OrdersWait(ClaimRefused):
    """The database went back to an earlier time, and what it lost may still be on its way: no order
    is sent before `until`, by the journal's clock, which is in so many `seconds`.
    """

    def __init__(self, until: datetime, seconds: float) -> None:
        super().__init__("orders wait since the journal went back")
        self.until = until
        self.seconds = seconds

    @property
    def told(self) -> str:
        """The minute at which orders are taken again, for people."""
        # Rounded up: at the minute that is told, they are.
        return f"{self.until.astimezone(UTC) + timedelta(minutes=1):%H:%M} UTC"


class TooMuchOpen(Exception):
    """With this reserve call its owner would hold too much; `open` is what is held now."""

    def __init__(self, what_is: Open) -> None:
        super().__init__("too much is held")
        self.open = what_is


class IntentLost(Exception):
    """The journal has no such intent: its database went back to an earlier time."""


class LeaseLost(Exception):
    """Another worker took the row over, or the row is not in the state that this step needs."""


class JournalFault(StrEnum):
    """Why the journal does not work; the value is a sentence for operators."""

    BUSY = "it is locked by another process"
    FULL = "the disk is full, or the file may not grow"
    UNWRITABLE = "its path cannot be written"
    DAMAGED = "its file is damaged, or not a journal"
    NOT_PRIVATE = "its file is a link, or others own it or may write it"
    GONE = "its file was deleted, moved or replaced while it was in use: put it back or start anew"
    NO_FOLDER = "this user has no home folder; KORUS_DATABASE_URL says where the journal is"
    NEWER = "it was written by a newer korus-mcp"
    SHORT_KEY = (
        f"KORUS_JOURNAL_KEY has fewer than {LEAST_KEY} characters, too few to begin to sign with"
    )
    OTHER_KEY = "it is signed with another KORUS_JOURNAL_KEY than the one that is set"
    ADDRESS = "KORUS_DATABASE_URL is no address of a journal"
    UNREACHABLE = "its database cannot be reached"
    UNKNOWN_HOST = "the host of its database is not known"
    TLS = "its database gives no TLS, or a certificate that cannot be verified"
    REFUSED = "its database refuses the user or the password"
    NOT_LET_IN = "its database does not let this user in from here, or not without TLS"
    NO_DATABASE = "the server has no such database"
    NO_RIGHT = "its database does not let this user make or write the tables"
    READ_ONLY = "its database can only be read now"
    TOO_MANY = "its database takes no more connections"
    RESTARTING = "its database is stopping or starting"
    SLOW = "its database did not answer in time"
    NOT_DURABLE = "its database did not wait until what was written is on its standby, too"
    NO_DRIVER = "its database driver is not installed: install korus-mcp[postgres]"

    @property
    def is_passing(self) -> bool:
        """Whether it may be over when the same call comes again."""
        return self in _PASSING


_PASSING: Final = frozenset(
    {
        JournalFault.BUSY,
        JournalFault.UNREACHABLE,
        JournalFault.READ_ONLY,
        JournalFault.TOO_MANY,
        JournalFault.RESTARTING,
        JournalFault.SLOW,
        JournalFault.NOT_DURABLE,
    }
)


class JournalDown(Exception):
    """The journal could not be read or written. Nothing was changed, except that a commit whose
    answer was lost may have been carried out."""

    def __init__(self, fault: JournalFault) -> None:
        super().__init__(f"the journal does not work: {fault.value}")
        self.fault = fault


Seen: TypeAlias = Mapping[str, HoldIntent | None]
"""The last reserve call that the caller knows, by key; None if it knows that there was none."""
NOTHING_SEEN: Final[Seen] = {}
