"""The protocol of the journal and its records.

A reservation is claimed by one live intent at a time; an intent that may have been sent keeps its
claim for ever, unless its failure is certain. Customer data is never in a record, only keyed
digests of it.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from korus_mcp.foundation.money import CENT

REFERENCE_PREFIX: Final = "km1"
APPROVALS_KEPT: Final = timedelta(days=1)
MOST_LISTED: Final = 1000
"""So many rows a list of the journal has at most, whatever its owner did before."""
SWEEP_LASTS: Final = timedelta(hours=1)
"""So long a sweep is its worker's: one that died is then done by another."""
UNKNOWN_END: Final = timedelta(hours=1)
"""So long a hold may last whose end is not known; real ones last minutes."""
LONGEST_HOLD: Final = timedelta(days=1)
"""So long a hold counts as open at most: an end in another century must not end all holding."""
NEVER_SENT: Final = "the order was not sent; try again later"


@dataclass(frozen=True)
class Installation:
    """Who writes a journal: marks our references, so that our orders are known from others'.

    Both values are random and made with the journal; the key never leaves it.
    """

    id: str
    key: bytes = field(repr=False)

    @property
    def reference_prefix(self) -> str:
        """How all our external references begin: `km1-<6 characters>-`."""
        return f"{REFERENCE_PREFIX}-{self.id}-"

    def reference_of(self, intent_id: str) -> str:
        """Our external reference of an intent: 33 characters nobody else can guess."""
        # 88 bits of it: long enough not to be guessed, short enough for 33 characters.
        return f"{self.reference_prefix}{self.digest(intent_id)[:22]}"

    def digest(self, text: str) -> str:
        """A keyed digest (hex): tells equal texts apart from others, and nothing of them."""
        # An issuer may send half a character.
        content = text.encode(errors="surrogatepass")
        return hmac.new(self.key, content, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Lease:
    """For how long a worker may act on a row before another may take it over."""

    worker: str
    seconds: float


class IntentState(StrEnum):
    """Where an order stands: written down, perhaps sent, known."""

    NEW = "new"
    SENDING = "sending"
    FINAL = "final"


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One order call. `orders` and `failures` are by reservation id, complete when FINAL.

    `ambiguous`: the answer of its POST was lost, or its sender died. `is_leased`: somebody's lease
    on it was live when it was read. Moments are the API's, `fence_at` is when nothing can appear
    any more. `agreed`: how the person agreed. `attempt`, which is not kept: how many order calls
    there had been for its reservations when they did; another one since takes their word away.
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
    attempt: int | None = None
    state: IntentState = IntentState.NEW
    ambiguous: bool = False
    is_leased: bool = False
    orders: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether its outcome is known."""
        return self.state is IntentState.FINAL

    @property
    def is_in_doubt(self) -> bool:
        """Whether orders may exist that were not seen yet."""
        return self.state is IntentState.SENDING

    @property
    def was_never_sent(self) -> bool:
        """Whether its sender died before it sent: the next claim of its reservations closes it."""
        # NEW becomes SENDING before the first byte leaves: without a lease nobody will send it.
        return self.state is IntentState.NEW and not self.is_leased

    @property
    def missing(self) -> tuple[str, ...]:
        """The reservations whose outcome is not known."""
        known = self.orders.keys() | self.failures.keys()
        return tuple(i for i in self.reservation_ids if i not in known)

    @property
    def freed(self) -> tuple[str, ...]:
        """The reservations it claims no more: they failed, and no doubt was ever about it."""
        # After a doubt even a failure keeps its claim: an order of it may still turn up.
        return tuple(self.failures) if self.is_final and not self.ambiguous else ()

    def told(
        self, orders: Mapping[str, str], failures: Mapping[str, str], *, ambiguous: bool = False
    ) -> "Intent":
        """The intent with more outcomes; an order outweighs a failure, and FINAL never changes."""
        if self.is_final:
            return self
        # Once in doubt, always in doubt: an answer that comes later does not undo what was lost.
        told = replace(
            self._with(orders, failures), ambiguous=self.ambiguous or ambiguous, is_leased=False
        )
        # Nothing is left to wait for, so nothing else may change it but `repaired`.
        return told if told.missing else replace(told, state=IntentState.FINAL)

    def repaired(self, orders: Mapping[str, str]) -> "Intent":
        """The intent with orders that turned up late: the one change that a FINAL one takes."""
        repaired = self._with(orders, {})
        return repaired if repaired.missing else replace(repaired, state=IntentState.FINAL)

    def _with(self, orders: Mapping[str, str], failures: Mapping[str, str]) -> "Intent":
        made, lost = {**self.orders, **orders}, {**self.failures, **failures}
        return replace(
            self,
            # In the order of the call, so that equal knowledge is an equal intent.
            orders={i: made[i] for i in self.reservation_ids if i in made},
            failures={i: lost[i] for i in self.reservation_ids if i in lost and i not in made},
        )


class ApprovalState(StrEnum):
    """What became of a question: nobody acted on it yet, it was ordered upon, the answer was no."""

    OPEN = "open"
    USED = "used"
    DECLINED = "declined"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A question that was put to a person: good for one order with this digest."""

    nonce: str
    owner: str
    digest: str
    expires_at: datetime
    state: ApprovalState = ApprovalState.OPEN


def noes_of(reservation_id: str) -> str:
    """The nonce under which the noes to a reservation are counted: by any of its owner's calls."""
    return f"noes-{reservation_id}"


def one_more_no(no: Approval, reservation_id: str, before: Approval | None) -> Approval:
    """The count of noes to a reservation, a number as text in `digest`, with this one."""
    # The table of approvals has no column for a number.
    count = 1 if before is None else int(before.digest) + 1
    return replace(no, nonce=noes_of(reservation_id), digest=str(count))


@dataclass(frozen=True)
class ReservationFacts:
    """What is known of reservations: whose they are, who claims them, how often they were tried.

    `owners` and `holders` are by reservation; `attempts` counts the intents there were for any of
    them, failed ones included. `doubtful` are those of `Journal.doubtful`, whatever they are for.
    """

    owners: Mapping[str, str]
    holders: Mapping[str, Intent]
    attempts: int
    doubtful: Sequence[Intent] = ()


@dataclass(frozen=True)
class RefusedItem:
    """An offer (its handle) the issuer would not hold; `message` is the issuer's, cleaned."""

    offer_id: str
    code: str | None
    message: str


@dataclass(frozen=True, kw_only=True)
class HoldIntent:
    """One reserve call. `key` is equal for equal calls of one owner; `wishes` are digests of its
    items, equal for equal items of anybody.

    SENDING: a hold may exist that was not seen. FINAL: `reservation_ids` are what it made.
    `tickets` and `amount` (EUR) are what it asks for: so much of it counts while it is under way.
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
        """Whether it is known what it made."""
        return self.state is IntentState.FINAL

    @property
    def weight(self) -> "Open":
        """What counts as open of it while it is under way: a reservation for each item."""
        # At least one: a call of which no items are told may have made a reservation.
        return Open(max(1, len(self.wishes)), self.tickets, self.amount, self.fence_at)

    def is_in_the_way_of(self, sent_at: datetime) -> bool:
        """Whether an equal call sent then could make a second hold of the same."""
        return not self.is_final and (self.is_leased or sent_at < self.fence_at)

    def is_news(self, seen: "HoldIntent | None") -> bool:
        """Whether it was made, or came to its end, since `seen` was the last one with its key."""
        return seen is None or (seen.id, seen.state) != (self.id, self.state)

    def shares(
        self, reservation_ids: Sequence[str], held: Mapping[str, "Held"]
    ) -> Mapping[str, "Held"]:
        """What each reservation it made comes to; of one not told, a share of what was asked."""
        number = max(1, len(reservation_ids))
        end = self.sent_at + UNKNOWN_END
        # To the cent and up, as tickets are: thirds would add up otherwise in each order of rows.
        amount = (self.amount / number).quantize(CENT, ROUND_UP)
        # Rounded up, too: what is not told must not let its owner hold more.
        share = Held(-(-self.tickets // number), amount, end)
        told = {i: held.get(i, share) for i in reservation_ids}
        last = self.sent_at + LONGEST_HOLD
        return {i: replace(h, ends_at=min(h.ends_at or end, last)) for i, h in told.items()}


@dataclass(frozen=True)
class Held:
    """What a reservation comes to: tickets, EUR, and when it ends, by the API's clock."""

    tickets: int
    amount: Decimal
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Open:
    """What an owner holds and has under way; `ends_at` is when the first of it ends."""

    number: int = 0
    tickets: int = 0
    amount: Decimal = Decimal(0)
    ends_at: datetime | None = None

    def __add__(self, more: "Open") -> "Open":
        # Of all that is open, the end that makes room first.
        ends = [each.ends_at for each in (self, more) if each.ends_at is not None]
        return Open(
            self.number + more.number,
            self.tickets + more.tickets,
            self.amount + more.amount,
            min(ends, default=None),
        )

    def fits(self, most: "Open") -> bool:
        """Whether neither reservations, tickets nor amount are more than allowed."""
        return (
            self.number <= most.number
            and self.tickets <= most.tickets
            and self.amount <= most.amount
        )


class ClaimRefused(Exception):
    """An intent could not be stored; nothing was changed."""


class AlreadyClaimed(ClaimRefused):
    """Another intent holds one of the reservations."""

    def __init__(self, holder: Intent) -> None:
        super().__init__("a reservation is claimed by another intent")
        self.holder = holder


class ApprovalUsed(ClaimRefused):
    """The approval was used by another call, or never given."""


class DayLimitReached(ClaimRefused):
    """With this order the day's amount would pass its limit."""


class TooMuchOpen(Exception):
    """With this reserve call more would be held than its owner may; `open` is what is."""

    def __init__(self, what_is: Open) -> None:
        super().__init__("too much is held")
        self.open = what_is


class LeaseLost(Exception):
    """Somebody else took the row over, or it is not in the state this step begins from."""


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
    UNREACHABLE = "its database cannot be reached"
    NO_DRIVER = "its database driver is not installed: install korus-mcp[postgres]"


class JournalDown(Exception):
    """The journal could not be read or written; what was asked of it did not happen, as far as is
    known: a commit whose answer was lost may have."""

    def __init__(self, fault: JournalFault) -> None:
        super().__init__(f"the journal does not work: {fault.value}")
        self.fault = fault


NOTHING_TOLD: Final[Mapping[str, Held]] = {}
Seen: TypeAlias = Mapping[str, HoldIntent | None]
"""The last reserve calls somebody knows, by key; None of a key with which there was none."""
NOTHING_SEEN: Final[Seen] = {}


class Journal(Protocol):
    """Where bookings are remembered. A call that writes is one transaction; all raise JournalDown.

    Leases run by the journal's own clock; all other moments are given by the caller.
    """

    async def installation(self) -> Installation:
        """Who keeps this journal."""

    # approvals

    async def approve(self, approval: Approval) -> None:
        """Keep an approval, or a no, for a day after it expires; one that was used stays used."""

    async def decline(self, no: Approval, reservation_ids: Sequence[str]) -> None:
        """Keep a no, and one more no to each of these reservations, see `noes_of`."""

    async def approvals(self, nonces: Sequence[str]) -> Mapping[str, Approval]:
        """The approvals with these nonces, whatever became of them."""

    # orders

    async def claim(
        self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
    ) -> None:
        """Store a NEW intent, claim its reservations and use up the approval, all or nothing.

        A holder that is NEW without a live lease never sent: it is closed, and is no obstacle.
        An approval counts as used when the reservations were tried since, see `Intent.attempt`.

        Raises:
            ClaimRefused: AlreadyClaimed, ApprovalUsed or DayLimitReached, looked at in this order.
        """

    async def start_sending(
        self, intent: Intent, *, lease: Lease, sent_at: datetime, fence_at: datetime
    ) -> Intent:
        """Turn an intent just claimed from NEW into SENDING, durably, under this worker's lease.

        Raises:
            LeaseLost: It is not NEW any more, or not this worker's.
        """

    async def renew(self, intent_id: str, lease: Lease) -> bool:
        """Prolong this worker's lease; False when it is not its any more, or the intent FINAL."""

    async def settle(
        self,
        intent_id: str,
        orders: Mapping[str, str],
        failures: Mapping[str, str],
        *,
        ambiguous: bool = False,
    ) -> Intent:
        """Add outcomes to those that are known and own the orders; answers all of it.

        Reservations in `Intent.freed` are claimed no more. A FINAL intent stays as it is. The
        lease on it ends.
        """

    async def repair(self, intent_id: str, orders: Mapping[str, str]) -> Intent:
        """Add orders that turned up late, even to a FINAL intent, claim them again, audit it."""

    async def take_over(self, lease: Lease, *, limit: int = 50) -> Sequence[Intent]:
        """Lease the SENDING intents nobody leads, oldest first, each marked ambiguous.

        Those that are NEW and leased by nobody are closed as never sent, and not answered.
        """

    async def unfinished(self) -> int:
        """How many intents are not FINAL, whoever leads them."""

    async def standing(
        self, reservation_ids: Sequence[str], *, owner: str, since: datetime
    ) -> ReservationFacts:
        """What is known of these reservations, and which orders of an owner are doubtful."""

    async def doubtful(
        self, owner: str, *, since: datetime, limit: int = MOST_LISTED
    ) -> Sequence[Intent]:
        """The newest intents of an owner that are not FINAL, or were in doubt, were sent after
        `since` and made an order, the newest last.
        """

    async def intents_of(self, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The intents that hold claims on these reservations, by reservation."""

    async def intent_by_reference(self, external_reference: str) -> Intent | None:
        """The intent with this external reference of ours, whoever owns it."""

    async def intents_by_reference(
        self, owner: str, reference: str, *, limit: int = MOST_LISTED
    ) -> Sequence[Intent]:
        """The newest intents of an owner with this reference, ours or the caller's; newest last."""

    # reserve calls

    async def begin_hold(
        self, hold: HoldIntent, lease: Lease, *, most: Open | None = None, seen: Seen = NOTHING_SEEN
    ) -> HoldIntent | None:
        """Store a reserve call as SENDING; None. An equal one that is SENDING is answered instead.

        One that is FINAL is no obstacle, nor one that is leased by nobody and past its fence; but
        the last one with a key of `seen` is answered too, when it is news, see `is_news`.
        `most` is what may be open of its owner with it: reservations that were not ordered and do
        not end before it is sent, and reserve calls that are leased, or not past their fence.

        Raises:
            TooMuchOpen: It would be more; nothing was stored.
        """

    async def hold_of(self, key: str) -> HoldIntent | None:
        """The last reserve call with this key."""

    async def settle_hold(
        self,
        hold_id: str,
        *,
        reservation_ids: Sequence[str] = (),
        refused: Sequence[RefusedItem] = (),
        held: Mapping[str, Held] = NOTHING_TOLD,
    ) -> HoldIntent:
        """Write down what a reserve call made, and own it; FINAL stays as it is.

        `held` says what reservations come to, see `HoldIntent.shares`.
        """

    async def doubt_hold(self, hold_id: str) -> HoldIntent:
        """Write down that the answer of a reserve call was lost; its lease ends."""

    async def adopt(
        self,
        hold_id: str,
        reservation_ids: Sequence[str],
        *,
        now: datetime,
        held: Mapping[str, Held] = NOTHING_TOLD,
    ) -> bool:
        """Take reservations as what a SENDING reserve call made.

        False when one has an owner, or when another reserve call may have made it: one with a
        wish in common that is SENDING and whose fence is ahead, by the API's clock.
        """

    # ownership

    async def own(self, owner: str, *resource_ids: str) -> None:
        """Write down whose reservations or orders these are; the first owner stays."""

    async def owners_of(self, resource_ids: Sequence[str]) -> Mapping[str, str]:
        """Whose these are; what is owned by nobody is left out."""

    async def orders_of(self, owner: str, *, limit: int = MOST_LISTED) -> Sequence[str]:
        """The newest order ids of an owner, newest first; of one call, the last one first."""

    async def made_since(self, owner: str, since: datetime) -> Mapping[str, datetime]:
        """The reservations and orders that calls of an owner made which were sent after `since`,
        by id, and when those calls were sent.
        """
        ...

    # sweep

    async def begin_sweep(self, *, every: timedelta) -> bool:
        """Whether a sweep is due; it is then this caller's, for an hour or until it is done."""

    async def sweep_done(self) -> None:
        """Note that a sweep read everything."""

    async def last_sweep(self) -> datetime | None:
        """When a sweep was done last, by the journal's clock."""

    async def found_late(self, external_reference: str, order_id: str) -> None:
        """Audit an order that carries our prefix and that no intent knows; once for each."""

    async def close(self) -> None:
        """Close what is open."""
