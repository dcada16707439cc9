"""A journal that lives and dies with its process: right for the sandbox, for nothing else."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from korus_mcp.journal.records import (
    AlreadyClaimed,
    Approval,
    ApprovalUsed,
    DayLimitReached,
    Intent,
)


class MemoryJournal:
    """Bookings of one process. Each method runs without a pause, so it is one transaction."""

    def __init__(self) -> None:
        self._intents: dict[str, Intent] = {}
        self._claims: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._orders: dict[str, list[str]] = {}
        self._approvals: dict[str, Approval] = {}

    async def claim(self, intent: Intent, *, approval_nonce: str, day_limit: Decimal) -> None:
        """Store the intent and its claims and use up the approval, or refuse."""
        for reservation_id in intent.reservation_ids:
            holder = self._claims.get(reservation_id)
            if holder is not None:
                raise AlreadyClaimed(self._intents[holder])
        if approval_nonce not in self._approvals:
            raise ApprovalUsed
        if self._spent_on(intent.owner, intent.sent_at.date()) + intent.approved_total > day_limit:
            raise DayLimitReached
        del self._approvals[approval_nonce]
        self._intents[intent.id] = intent
        self._claims.update(dict.fromkeys(intent.reservation_ids, intent.id))

    async def settle(self, intent: Intent) -> Intent:
        """Add outcomes to those that are known, own the orders, free what failed for certain."""
        stored = self._intents[intent.id]
        told = stored.told(intent.orders, intent.failures)
        self._intents[intent.id] = told
        made = self._orders.setdefault(told.owner, [])
        for order_id in told.orders.values():
            await self.own(told.owner, order_id)
            if order_id not in made:
                made.insert(0, order_id)
        if stored.is_in_doubt and not told.is_in_doubt:
            for reservation_id in told.failures:
                del self._claims[reservation_id]
        return told

    async def intent_of(self, reservation_id: str) -> Intent | None:
        """The intent that holds the claim on a reservation."""
        holder = self._claims.get(reservation_id)
        return None if holder is None else self._intents[holder]

    async def intents_by_reference(self, owner: str, reference: str) -> Sequence[Intent]:
        """The intents of an owner with this external or caller's reference."""
        return [
            i
            for i in self._intents.values()
            if i.owner == owner and reference in (i.external_reference, i.caller_reference)
        ]

    async def own(self, owner: str, *resource_ids: str) -> None:
        """Write down whose these are; the first owner stays."""
        for resource_id in resource_ids:
            self._owners.setdefault(resource_id, owner)

    async def owner_of(self, resource_id: str) -> str | None:
        """Whose reservation or order this is."""
        return self._owners.get(resource_id)

    async def orders_of(self, owner: str) -> Sequence[str]:
        """The order ids of an owner, newest first."""
        return tuple(self._orders.get(owner, ()))

    async def approve(self, approval: Approval) -> None:
        """Keep an approval."""
        self._approvals[approval.nonce] = approval

    async def approval(self, nonce: str) -> Approval | None:
        """An approval that was not used yet."""
        return self._approvals.get(nonce)

    def _spent_on(self, owner: str, day: date) -> Decimal:
        return sum(
            (
                i.approved_total
                for i in self._intents.values()
                if i.owner == owner and i.sent_at.date() == day and _may_cost(i)
            ),
            Decimal(0),
        )


def _may_cost(intent: Intent) -> bool:
    return intent.is_in_doubt or bool(intent.orders)
