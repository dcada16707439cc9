"""The protocol of the journal and its records.

A reservation is claimed by one live intent at a time; an intent that may have been sent keeps its
claim until its outcome is known. Customer data is never in a record, only digests of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class IntentState(StrEnum):
    """Where an order stands: it may have been sent, or its outcome is known."""

    SENDING = "sending"
    FINAL = "final"


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One order call. `orders` and `failures` are by reservation id, complete when FINAL."""

    id: str
    owner: str
    fingerprint: str
    external_reference: str
    caller_reference: str | None
    reservation_ids: tuple[str, ...]
    approved_total: Decimal
    sent_at: datetime
    fence_at: datetime
    state: IntentState = IntentState.SENDING
    orders: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_in_doubt(self) -> bool:
        """Whether orders may exist that were not seen yet."""
        return self.state is IntentState.SENDING

    @property
    def missing(self) -> tuple[str, ...]:
        """The reservations whose outcome is not known."""
        known = self.orders.keys() | self.failures.keys()
        return tuple(i for i in self.reservation_ids if i not in known)

    def told(self, orders: Mapping[str, str], failures: Mapping[str, str]) -> "Intent":
        """The same with more outcomes; an order outweighs a failure, and FINAL never changes."""
        if not self.is_in_doubt:
            return self
        made, lost = {**self.orders, **orders}, {**self.failures, **failures}
        told = replace(
            self,
            orders={i: made[i] for i in self.reservation_ids if i in made},
            failures={i: lost[i] for i in self.reservation_ids if i in lost and i not in made},
        )
        return told if told.missing else replace(told, state=IntentState.FINAL)


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A question that was put to a person: good for one order with this digest."""

    nonce: str
    owner: str
    digest: str
    expires_at: datetime


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


class Journal(Protocol):
    """Where bookings are remembered. Each call is one transaction."""

    async def claim(self, intent: Intent, *, approval_nonce: str, day_limit: Decimal) -> None:
        """Store the intent, claim its reservations and use up the approval, all or nothing.

        Raises:
            ClaimRefused: AlreadyClaimed, ApprovalUsed or DayLimitReached.
        """
        ...

    async def settle(self, intent: Intent) -> Intent:
        """Add outcomes to those that are known, and answer all of them.

        Reservations that failed for certain are free again. A FINAL intent stays as it is.
        """
        ...

    async def intent_of(self, reservation_id: str) -> Intent | None:
        """The intent that holds the claim on a reservation."""
        ...

    async def intents_by_reference(self, owner: str, reference: str) -> Sequence[Intent]:
        """The intents of an owner with this external or caller's reference."""
        ...

    async def own(self, owner: str, *resource_ids: str) -> None:
        """Write down whose reservations or orders these are; the first owner stays."""
        ...

    async def owner_of(self, resource_id: str) -> str | None:
        """Whose reservation or order this is."""
        ...

    async def orders_of(self, owner: str) -> Sequence[str]:
        """The order ids of an owner, newest first."""
        ...

    async def approve(self, approval: Approval) -> None:
        """Keep an approval until it is used or expires."""
        ...

    async def approval(self, nonce: str) -> Approval | None:
        """An approval that was not used yet."""
        ...
