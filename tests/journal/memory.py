"""A journal of plain dictionaries: the model that the SQL journals are compared with, and the store
over which the simulation runs.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.journal.records import (
    APPROVALS_KEPT,
    CLOCK_STEPS,
    MOST_LISTED,
    NEVER_SENT,
    NO_NUMBERS,
    NOTHING_MADE,
    NOTHING_SEEN,
    SWEEP_LASTS,
    AlreadyClaimed,
    Approval,
    ApprovalState,
    ApprovalUsed,
    Asked,
    DayLimitReached,
    Held,
    HoldIntent,
    HoldResult,
    Installation,
    Intent,
    IntentLost,
    IntentState,
    Lease,
    LeaseLost,
    Open,
    OrderResult,
    OrdersStopped,
    OrdersWait,
    ReservationFacts,
    Seen,
    TooMuchOpen,
    noes_of,
    one_more_no,
)
from korus_mcp.journal.sql import SqlJournal


@dataclass(frozen=True)
class _LiveLease:
    """Which worker may act on a row, and until when by the journal's clock."""

    worker: str
    since: datetime
    until: datetime


class MemoryJournal(SqlJournal):
    """The bookings of one process. No method awaits anything, so each one is a transaction.

    A `SqlJournal` by type only: it has a method of its own for each (test_contract holds that).
    """

    def __init__(
        self, clock: Clock | None = None, *, installation: Installation | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self._identity = installation or Installation(secrets.token_hex(3), secrets.token_bytes(32))
        self._intents: dict[str, Intent] = {}
        self._leases: dict[str, _LiveLease] = {}
        self._claims: dict[str, str] = {}
        self._holds: dict[str, HoldIntent] = {}
        self._held: dict[str, tuple[str, Held]] = {}
        self._last_holds: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._orders: dict[str, list[str]] = {}
        self._approvals: dict[str, Approval] = {}
        self._asked: dict[str, Asked] = {}
        self._swept: datetime | None = None
        self._sweeping: datetime | None = None
        self.stopped: datetime | None = None
        """Since when the operator takes no new orders: set by tests."""
        self.waiting: OrdersWait | None = None
        """Until when orders wait: set by tests."""

    async def installation(self) -> Installation:
        """The installation, which is made with the journal."""
        return self._identity

    async def approve(self, approval: Approval, *, now: datetime | None = None) -> None:
        """Store an approval, and drop those that expired long ago."""
        if now is not None:
            long_ago = min(now, self._clock.now()) - APPROVALS_KEPT
            self._approvals = {n: a for n, a in self._approvals.items() if a.expires_at >= long_ago}
        kept = self._approvals.get(approval.nonce)
        if kept is None or kept.state is not ApprovalState.USED:
            self._approvals[approval.nonce] = approval

    async def decline(self, no: Approval, reservation_ids: Sequence[str]) -> None:
        """Store a person's "no", and count it."""
        await self.approve(no)
        for each in dict.fromkeys(reservation_ids):
            counted = one_more_no(no, each, self._approvals.get(noes_of(each)))
            self._approvals[counted.nonce] = counted

    async def approvals(self, nonces: Sequence[str]) -> Mapping[str, Approval]:
        """The approvals with these nonces."""
        return {n: self._approvals[n] for n in nonces if n in self._approvals}

    async def ask(self, asked: Asked, *, now: datetime) -> Asked:
        """Store a question in place of others about the same, unless it stands already."""
        for each in self._asked.values():
            if (each.nonce, each.digest) == (asked.nonce, asked.digest) and each.stands(now):
                return each
        gone = [e.nonce for e in self._asked.values() if not e.stands(now) or e.is_about(asked)]
        for nonce in gone:
            del self._asked[nonce]
            approval = self._approvals.get(nonce)
            if approval is not None and approval.state is ApprovalState.OPEN:
                del self._approvals[nonce]
        self._asked[asked.nonce] = asked
        return asked

    async def asked(self, which: str) -> Asked | None:
        """The question with this code or nonce."""
        return next((e for e in self._asked.values() if which in (e.code, e.nonce)), None)

    async def asked_about(self, reservation_ids: Sequence[str]) -> Sequence[Asked]:
        """The questions about any of these reservations, by nonce."""
        there = sorted(self._asked.values(), key=lambda each: each.nonce)
        return [e for e in there if set(e.reservation_ids) & set(reservation_ids)]

    async def answer(
        self, code: str, *, is_yes: bool, way: str, now: datetime, no_until: datetime
    ) -> Asked | None:
        """Store the answer to a question that is open."""
        del way  # of the audit alone
        before = await self.asked(code)
        if before is not None and before.is_open(now):
            after = before.answered(is_yes=is_yes, no_until=no_until)
            self._asked[after.nonce] = after
            if is_yes:
                await self.approve(after.approval)
            else:
                await self.decline(after.approval, after.reservation_ids)
        return before

    async def claim(
        self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
    ) -> None:
        """Store the intent and its claims and use up the approval, or refuse."""
        if self.waiting is not None:
            raise self.waiting
        # Everything is checked before anything is changed, so that a refusal changes nothing.
        unsent = {h.id: h for h in self._holders(intent.reservation_ids).values()}
        for holder in unsent.values():
            if not self._loaded(holder.id).was_never_sent:
                raise AlreadyClaimed(self._loaded(holder.id))
        if self.stopped is not None:
            raise OrdersStopped
        approval = self._approvals.get(approval_nonce)
        if approval is None or approval.state is not ApprovalState.OPEN:
            raise ApprovalUsed
        if intent.attempt not in (None, self._attempts(intent.reservation_ids)):
            raise ApprovalUsed
        if self._spent_beside(intent, unsent) + intent.approved_total > day_limit:
            raise DayLimitReached
        for holder in unsent.values():
            self._close_unsent(holder)
        self._approvals[approval_nonce] = replace(approval, state=ApprovalState.USED)
        self._intents[intent.id] = replace(
            intent, state=IntentState.NEW, is_leased=False, attempt=None
        )
        self._claims.update(dict.fromkeys(intent.reservation_ids, intent.id))
        self._lead(intent.id, lease)

    async def spent(self, owner: str, day: datetime, *, until: datetime) -> Decimal:
        """The sum of an owner's orders of the day that were sent before `until`."""
        spent = (
            max(Decimal(0), i.approved_total)
            for i in self._intents.values()
            if i.owner == owner and i.sent_at.date() == day.date() and i.sent_at < until
            if not i.is_final or i.orders
        )
        return sum(spent, Decimal(0))

    async def move(self, url: str) -> None:
        """Begin anew: another database holds nothing of this one."""
        del url
        vars(self).update(vars(MemoryJournal(self._clock)))

    async def start_sending(
        self, intent: Intent, *, lease: Lease, sent_at: datetime, fence_at: datetime
    ) -> Intent:
        """Turn an intent from NEW to SENDING if this worker still has its lease."""
        if self.stopped is not None:
            raise OrdersStopped
        if self.waiting is not None:
            raise self.waiting
        stored, held = self._intents[intent.id], self._leases.get(intent.id)
        # It may have been taken over or closed meanwhile: then this worker must not send.
        if stored.state is not IntentState.NEW or held is None or held.worker != lease.worker:
            raise LeaseLost
        self._lead(intent.id, lease)
        self._intents[intent.id] = replace(
            stored, state=IntentState.SENDING, sent_at=sent_at, fence_at=fence_at
        )
        return replace(self._intents[intent.id], is_leased=True)

    async def renew(self, intent_id: str, lease: Lease) -> bool:
        """Prolong the lease of the worker who has it."""
        held = self._leases.get(intent_id)
        if held is None or held.worker != lease.worker or self._intents[intent_id].is_final:
            return False
        self._lead(intent_id, lease)
        return True

    async def settle(
        self, intent_id: str, result: OrderResult, *, known: Intent | None = None
    ) -> Intent:
        """Add outcomes, record who owns the orders, and free reservations that certainly failed."""
        stored = self._put_back(intent_id, known)
        if not stored.is_final:
            self._keep(stored.told(result))
        return self._loaded(stored.id)

    def _put_back(self, intent_id: str, known: Intent | None) -> Intent:
        """The intent, stored anew as its sender knows it where that it was sent was lost."""
        stored = self._intents.get(intent_id)
        if stored is None and known is not None:
            same = known.external_reference
            found = (i for i in self._intents.values() if i.external_reference == same)
            stored = next(found, None)
            intent_id = intent_id if stored is None else stored.id
        if known is not None and known.outlived(stored):
            if stored is None:
                nothing: dict[str, Any] = {"orders": {}, "failures": {}, "numbers": {}}
                bare = replace(known, attempt=None, is_leased=False, **nothing)
                self._intents[intent_id] = replace(bare, state=IntentState.SENDING)
            for reservation_id in known.reservation_ids:
                self._claims.setdefault(reservation_id, intent_id)
            self._keep(replace(known, attempt=None, is_leased=False))
        if intent_id not in self._intents:
            raise IntentLost
        return self._intents[intent_id]

    async def number(self, intent_id: str, numbers: Mapping[str, str]) -> None:
        """Add the numbers of orders of a FINAL intent."""
        stored = self._put_back(intent_id, None)
        if stored.is_final:
            self._keep(stored.numbered(numbers))

    async def repair(
        self,
        intent_id: str,
        orders: Mapping[str, str],
        *,
        known: Intent | None = None,
        numbers: Mapping[str, str] = NO_NUMBERS,
    ) -> Intent:
        """Add orders that turned up late, and claim their reservations again if they are free."""
        repaired = self._put_back(intent_id, known).repaired(orders, numbers)
        self._keep(repaired)
        # Not if another intent claims one: people have to sort out two orders of one reservation.
        for reservation_id in repaired.orders:
            self._claims.setdefault(reservation_id, intent_id)
        return self._loaded(intent_id)

    async def take_over(self, lease: Lease, *, limit: int = 50) -> Sequence[Intent]:
        """Lease the SENDING intents without a live lease; close those that were never sent."""
        unleased = [
            i for i in self._intents.values() if not i.is_final and not self._has_lease(i.id)
        ]
        taken: list[Intent] = []
        # The oldest first: a dict keeps the order in which they were added.
        for intent in unleased[:limit]:
            if self._loaded(intent.id).was_never_sent:
                self._close_unsent(intent)
                continue
            self._intents[intent.id] = replace(intent, ambiguous=True)
            self._lead(intent.id, lease)
            taken.append(self._loaded(intent.id))
        return taken

    async def unfinished(self) -> int:
        """How many intents are not FINAL."""
        return sum(not i.is_final for i in self._intents.values())

    async def ending(self, now: datetime, until: datetime) -> int:
        """How many reservations are held at `now` and end by `until`."""
        ends = (held.ends_at for _, held in self._held.values())
        return sum(end is not None and now < end <= until for end in ends)

    async def standing(
        self, reservation_ids: Sequence[str], *, owner: str, since: datetime
    ) -> ReservationFacts:
        """What is known of these reservations."""
        return ReservationFacts(
            owners=await self.owners_of(reservation_ids),
            holders=await self.intents_of(reservation_ids),
            attempts=self._attempts(reservation_ids),
            doubtful=await self.doubtful(owner, since=since),
            stopped_at=self.stopped,
            waits=self.waiting,
        )

    async def waits(self) -> OrdersWait | None:
        """Until when orders wait."""
        return self.waiting

    async def check_writable(self) -> None:
        """Nothing keeps a model from being changed."""

    async def stopped_at(self) -> datetime | None:
        """Since when no new orders are taken."""
        return self.stopped

    async def doubtful(
        self, owner: str, *, since: datetime, limit: int = MOST_LISTED
    ) -> Sequence[Intent]:
        """The newest intents that are open, or were in doubt and made an order; the newest last."""
        found = [
            self._loaded(i.id)
            for i in self._intents.values()
            if i.owner == owner
            and (not i.is_final or (i.ambiguous and i.orders and i.sent_at > since))
        ]
        return found[-limit:]

    async def intents_of(self, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The intents that claim these reservations, by reservation."""
        return {i: self._loaded(h.id) for i, h in self._holders(reservation_ids).items()}

    async def intent_by_reference(self, external_reference: str) -> Intent | None:
        """The intent with this external reference."""
        found = (i for i in self._intents.values() if i.external_reference == external_reference)
        intent = next(found, None)
        return None if intent is None else self._loaded(intent.id)

    async def intents_by_reference(
        self, owner: str, reference: str, *, limit: int = MOST_LISTED
    ) -> Sequence[Intent]:
        """The newest intents of an owner with this reference, ours or the caller's; newest last."""
        found = [
            self._loaded(i.id)
            for i in self._intents.values()
            if i.owner == owner and reference in (i.external_reference, i.caller_reference)
        ]
        return found[-limit:]

    async def begin_hold(
        self, hold: HoldIntent, lease: Lease, *, most: Open | None = None, seen: Seen = NOTHING_SEEN
    ) -> HoldIntent | None:
        """Store a reserve call, unless an equal one is in its way, see `SqlJournal.begin_hold`."""
        for key, known in seen.items():
            last = await self.hold_of(key)
            if last is not None and last.is_news(known):
                return last
        earlier = await self.hold_of(hold.key)
        if earlier is not None and earlier.is_in_the_way_of(hold.sent_at):
            return earlier
        # An equal call past its fence made nothing, so it does not count as open.
        lapsed = {earlier.id} if earlier is not None else set()
        is_open = self._open_of(hold.owner, hold.sent_at, without=lapsed)
        if most is not None and not (is_open + hold.weight).fits(most):
            raise TooMuchOpen(is_open)
        if earlier is not None and not earlier.is_final:
            self._holds[earlier.id] = replace(earlier, state=IntentState.FINAL)
        self._holds[hold.id] = hold
        self._last_holds[hold.key] = hold.id
        self._lead(hold.id, lease)
        return None

    async def hold_of(self, key: str) -> HoldIntent | None:
        """The last reserve call with this key."""
        hold_id = self._last_holds.get(key)
        return None if hold_id is None else self._hold(hold_id)

    async def settle_hold(self, hold_id: str, made: HoldResult = NOTHING_MADE) -> HoldIntent:
        """Store what a reserve call made; its caller owns that."""
        hold = self._holds[hold_id]
        if not hold.is_final:
            await self.own(hold.owner, *made.reservation_ids)
            shares = hold.shares(made)
            self._held |= {i: (hold.owner, share) for i, share in shares.items()}
            self._leases.pop(hold_id, None)
            self._holds[hold_id] = replace(
                hold,
                state=IntentState.FINAL,
                ambiguous=made.ambiguous,
                reservation_ids=tuple(made.reservation_ids),
                refused=tuple(made.refused),
            )
        return self._hold(hold_id)

    async def doubt_hold(self, hold_id: str) -> HoldIntent:
        """Note that the answer of a reserve call was lost."""
        self._leases.pop(hold_id, None)
        self._holds[hold_id] = replace(self._holds[hold_id], ambiguous=True)
        return self._hold(hold_id)

    async def adopt(self, hold_id: str, made: HoldResult, *, now: datetime) -> bool:
        """Take reservations as made by this call, unless they are, or may be, another's."""
        hold = self._holds[hold_id]
        others = (h for h in self._holds.values() if h.id != hold_id and not h.is_final)
        if any(h.fence_at > now and set(h.wishes) & set(hold.wishes) for h in others):
            return False
        if hold.is_final or any(i in self._owners for i in made.reservation_ids):
            return False
        await self.settle_hold(hold_id, made)
        return True

    async def own(self, owner: str, *resource_ids: str) -> None:
        """Store whose these are; an owner that is stored already stays."""
        for resource_id in resource_ids:
            self._owners.setdefault(resource_id, owner)

    async def owners_of(self, resource_ids: Sequence[str]) -> Mapping[str, str]:
        """The owners of these resources, by id."""
        return {i: self._owners[i] for i in resource_ids if i in self._owners}

    async def owners(self) -> Sequence[str]:
        """All owners that the journal knows."""
        held = {hold.owner for hold in self._holds.values()}
        ordered = {intent.owner for intent in self._intents.values()}
        return sorted((held | ordered | {*self._owners.values()}) - {""})

    async def orders_of(self, owner: str, *, limit: int = MOST_LISTED) -> Sequence[str]:
        """The order ids of an owner, newest first."""
        return tuple(self._orders.get(owner, ())[:limit])

    async def orders_within(
        self, tenant: str, *, reader: str, buyer: str | None = None, limit: int = MOST_LISTED
    ) -> Sequence[str]:
        """The order ids of all owners in a tenant, or of one buyer's, newest first."""
        del reader  # of the audit alone
        made = [i for o, ids in self._orders.items() if o.startswith(f"{tenant}/") for i in ids]
        if buyer is not None:
            calls = (i for i in self._intents.values() if i.buyer == buyer)
            bought = {order_id for call in calls for order_id in call.orders.values()}
            made = [i for i in made if i in bought]
        return sorted(made, key=list(self._owners).index, reverse=True)[:limit]

    async def made_since(self, owner: str, since: datetime) -> Mapping[str, datetime]:
        """What an owner's calls sent since then made, and when they were sent."""
        holds = [h for h in self._holds.values() if h.owner == owner and h.sent_at > since]
        intents = [i for i in self._intents.values() if i.owner == owner and i.sent_at > since]
        held = {made: hold.sent_at for hold in holds for made in hold.reservation_ids}
        return held | {made: i.sent_at for i in intents for made in i.orders.values()}

    async def held_until(
        self, reservation_ids: Sequence[str], now: datetime
    ) -> Mapping[str, datetime]:
        """When those of these reservations end that are held."""
        held = {i: self._held[i][1].ends_at for i in reservation_ids if i in self._held}
        return {i: end for i, end in held.items() if end is not None and end > now}

    async def bookings_of(
        self, owner: str, now: datetime, *, limit: int = MOST_LISTED
    ) -> tuple[Sequence[str], Sequence[str]]:
        """What an owner holds, and their orders."""
        mine = [(i, held) for i, (whose, held) in self._held.items() if whose == owner]
        ends = {i: held.ends_at for i, held in mine if held.ends_at is not None}
        held = sorted((-end.timestamp(), i) for i, end in ends.items() if end > now)
        return [i for _, i in held][:limit], await self.orders_of(owner, limit=limit)

    async def begin_sweep(self, *, every: timedelta) -> bool:
        """Whether a sweep is due; if so, it is this caller's."""
        now, none = self._clock.now(), timedelta(0)
        is_busy = self._sweeping is not None and none <= now - self._sweeping < SWEEP_LASTS
        if is_busy or (self._swept is not None and none <= now - self._swept < every):
            return False
        self._sweeping = now
        return True

    async def sweep_done(self) -> None:
        """Note that a sweep was completed."""
        self._swept, self._sweeping = self._clock.now(), None

    async def last_sweep(self) -> datetime | None:
        """When a sweep was completed last."""
        return self._swept

    async def found_late(self, external_reference: str, order_id: str) -> None:
        """Do nothing: a journal in memory has no audit."""

    async def seal(self) -> int:
        """Do nothing, for the same reason."""
        return 0

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    def _open_of(self, owner: str, now: datetime, *, without: Collection[str]) -> Open:
        """What an owner holds and has under way. Holds that ended are removed."""
        self._held = {
            # Removed here, where they are counted, so that memory does not fill up.
            i: (o, h)
            for i, (o, h) in self._held.items()
            if h.ends_at and h.ends_at > now
        }
        held = (h for whose, h in self._held.values() if whose == owner)
        under_way = (
            h.weight
            for h in self._holds.values()
            if h.owner == owner
            and h.id not in without
            and not h.is_final
            and (h.fence_at > now or self._has_lease(h.id))
        )
        made = (Open(1, h.tickets, h.amount, h.ends_at) for h in held)
        return sum((*made, *under_way), Open())

    def _attempts(self, reservation_ids: Sequence[str]) -> int:
        wanted = set(reservation_ids)
        return sum(not wanted.isdisjoint(i.reservation_ids) for i in self._intents.values())

    def _loaded(self, intent_id: str) -> Intent:
        return replace(self._intents[intent_id], is_leased=self._has_lease(intent_id))

    def _hold(self, hold_id: str) -> HoldIntent:
        return replace(self._holds[hold_id], is_leased=self._has_lease(hold_id))

    def _holders(self, reservation_ids: Sequence[str]) -> dict[str, Intent]:
        return {
            i: self._intents[holder]
            for i in reservation_ids
            if (holder := self._claims.get(i)) is not None
        }

    def _lead(self, row_id: str, lease: Lease) -> None:
        since = self._clock.now()
        until = since + timedelta(seconds=lease.seconds)
        self._leases[row_id] = _LiveLease(lease.worker, since, until)

    def _has_lease(self, row_id: str) -> bool:
        held, now = self._leases.get(row_id), self._clock.now()
        return held is not None and held.until > now and held.since <= now + CLOCK_STEPS

    def _close_unsent(self, intent: Intent) -> None:
        self._keep(intent.told(intent.none_made(NEVER_SENT)))

    def _keep(self, intent: Intent) -> None:
        """Store a changed intent; its lease ends."""
        self._leases.pop(intent.id, None)
        self._intents[intent.id] = intent
        made = self._orders.setdefault(intent.owner, [])
        for order_id in intent.orders.values():
            self._owners.setdefault(order_id, intent.owner)
            # The same order may be reported twice.
            if order_id not in made:
                made.insert(0, order_id)
        for reservation_id in intent.orders:
            self._held.pop(reservation_id, None)
        for reservation_id in intent.freed:
            # Another intent may claim it by now: only this intent's own claim is removed.
            if self._claims.get(reservation_id) == intent.id:
                del self._claims[reservation_id]

    def _spent_beside(self, intent: Intent, unsent: Collection[str]) -> Decimal:
        """The sum of its owner's other orders of that day, without those that were never sent."""
        others = [i for i in self._intents.values() if i.owner == intent.owner]
        spent = (
            max(Decimal(0), i.approved_total)
            for i in others
            if i.sent_at.date() == intent.sent_at.date() and (not i.is_final or i.orders)
            if i.id not in unsent
        )
        return sum(spent, Decimal(0))
