"""The journal that survives: SQLite for one machine, PostgreSQL for several.

Writers of an account queue at its keeper row, on both databases; so what a transaction reads stays
true until it commits.
"""

import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final, Self

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from korus_mcp.clock import Clock
from korus_mcp.journal.audit import AuditRow, Head, Seals, told
from korus_mcp.journal.engine import Database
from korus_mcp.journal.records import (
    APPROVALS_KEPT,
    NEVER_SENT,
    AlreadyClaimed,
    Approval,
    ApprovalState,
    ApprovalUsed,
    DayLimitReached,
    HoldIntent,
    Installation,
    Intent,
    IntentState,
    Lease,
    LeaseLost,
    RefusedItem,
)
from korus_mcp.journal.tables import (
    APPROVAL,
    AUDIT,
    CLAIM,
    HOLD,
    INTENT,
    KEEPER,
    OUTCOME,
    OWNERSHIP,
)

SWEEP_LASTS: Final = timedelta(hours=1)


@dataclass
class Writing:
    """A transaction that writes: its connection, its moment, and what it adds to the audit."""

    connection: AsyncConnection
    now: datetime
    keeper: Row[Any]
    audit: list[AuditRow] = field(default_factory=list)

    def note(self, event: str, owner: str, subject: str, **detail: object) -> None:
        """Add an audit row."""
        number = self.keeper.audit_rows + len(self.audit) + 1
        row = AuditRow(
            number=number,
            at=self.now,
            event=event,
            owner=owner,
            subject=subject,
            detail=told(detail),
        )
        self.audit.append(row)


class SqlJournal:
    """The journal of one account in a SQL database, which the first call opens."""

    def __init__(self, database: Database, account: str, *, audit_key: str | None = None) -> None:
        self._database = database
        self._account = account
        self._seals = Seals(audit_key, account)
        self._installation: Installation | None = None

    @classmethod
    def at(cls, url: str, account: str, *, clock: Clock, audit_key: str | None = None) -> Self:
        """The journal at an address like sqlite:///file or postgresql://host/name."""
        return cls(Database(url, clock=clock), account, audit_key=audit_key)

    async def installation(self) -> Installation:
        """Made by whoever opens the journal first."""
        if self._installation is None:
            async with self._database.writing() as connection:
                keeper = await self._keeper(connection)
                self._installation = Installation(keeper.installation, keeper.secret)
        return self._installation

    # Approvals

    async def approve(self, approval: Approval) -> None:
        """Keep an approval; those that ran out long ago are dropped."""
        async with self._writing() as tx:
            old = APPROVAL.c.expires_at < tx.now - APPROVALS_KEPT
            await tx.connection.execute(delete(APPROVAL).where(self._ours(APPROVAL), old))
            values = {f.name: getattr(approval, f.name) for f in fields(approval)}
            which = and_(self._ours(APPROVAL), APPROVAL.c.nonce == approval.nonce)
            there = select(APPROVAL.c.state).where(which)
            state = (await tx.connection.execute(there)).scalar_one_or_none()
            if state is None:
                await tx.connection.execute(
                    insert(APPROVAL).values(account=self._account, **values)
                )
            elif state != ApprovalState.USED:
                await tx.connection.execute(update(APPROVAL).where(which).values(**values))

    async def approval(self, nonce: str) -> Approval | None:
        """The approval with this nonce."""
        columns = [APPROVAL.c[f.name] for f in fields(Approval)]
        which = and_(self._ours(APPROVAL), APPROVAL.c.nonce == nonce)
        async with self._database.reading() as connection:
            row = (await connection.execute(select(*columns).where(which))).one_or_none()
        if row is None:
            return None
        return Approval(**{**row._mapping, "state": ApprovalState(row.state)})

    # Orders

    async def claim(
        self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
    ) -> None:
        """Store the intent and its claims and use up the approval, or refuse."""
        async with self._writing() as tx:
            for holder in {i.id: i for i in (await self._held(tx, intent)).values()}.values():
                if not await self._closed_unsent(tx, holder):
                    raise AlreadyClaimed(holder)
            if not await self._used_up(tx, approval_nonce):
                raise ApprovalUsed
            if await self._spent(tx, intent) + intent.approved_total > day_limit:
                raise DayLimitReached
            await self._store(tx, intent, lease)
            tx.note(
                "claimed",
                intent.owner,
                intent.id,
                reference=intent.external_reference,
                reservations=intent.reservation_ids,
                total=str(intent.approved_total),
                agreed=intent.agreed,
            )

    async def start_sending(
        self, intent_id: str, *, lease: Lease, sent_at: datetime, fence_at: datetime
    ) -> Intent:
        """NEW becomes SENDING, if it is still this worker's."""
        async with self._writing() as tx:
            changed = await tx.connection.execute(
                update(INTENT)
                .where(
                    self._intent_is(intent_id),
                    INTENT.c.state == IntentState.NEW,
                    INTENT.c.worker == lease.worker,
                )
                .values(
                    state=IntentState.SENDING,
                    sent_at=sent_at,
                    fence_at=fence_at,
                    lease_until=_until(tx.now, lease),
                    updated_at=tx.now,
                )
            )
            if changed.rowcount == 0:
                raise LeaseLost
            return await self._intent(tx.connection, intent_id)

    async def renew(self, intent_id: str, lease: Lease) -> bool:
        """Prolong the lease of the worker who has it."""
        async with self._writing() as tx:
            changed = await tx.connection.execute(
                update(INTENT)
                .where(
                    self._intent_is(intent_id),
                    INTENT.c.state != IntentState.FINAL,
                    INTENT.c.worker == lease.worker,
                )
                .values(lease_until=_until(tx.now, lease))
            )
            return changed.rowcount > 0

    async def settle(
        self,
        intent_id: str,
        orders: Mapping[str, str],
        failures: Mapping[str, str],
        *,
        ambiguous: bool = False,
    ) -> Intent:
        """Add outcomes, own the orders, free what failed for certain."""
        async with self._writing() as tx:
            stored = await self._intent(tx.connection, intent_id)
            if stored.is_final:
                return stored
            return await self._keep(tx, stored, stored.told(orders, failures, ambiguous=ambiguous))

    async def repair(self, intent_id: str, orders: Mapping[str, str]) -> Intent:
        """Add late orders, and claim their reservations again where nobody else does."""
        async with self._writing() as tx:
            stored = await self._intent(tx.connection, intent_id)
            repaired = await self._keep(tx, stored, stored.repaired(orders))
            claimed = await self._claims(tx.connection, tuple(repaired.orders))
            await self._claim_again(tx, intent_id, [i for i in orders if i not in claimed])
            tx.note("late_order_found", stored.owner, intent_id, orders=dict(orders))
            return repaired

    async def take_over(self, lease: Lease, *, limit: int = 50) -> Sequence[Intent]:
        """Lead what nobody leads; close what was never sent."""
        async with self._database.reading() as connection:
            if not await self._unled(connection, limit=1):
                return ()
        taken: list[Intent] = []
        async with self._writing() as tx:
            for intent in await self._unled(tx.connection, limit=limit):
                if not await self._closed_unsent(tx, intent):
                    await self._take(tx, intent.id, lease)
                    taken.append(replace(intent, ambiguous=True, led=True))
        return taken

    async def unfinished(self) -> int:
        """How many are not FINAL."""
        which = and_(self._ours(INTENT), INTENT.c.state != IntentState.FINAL)
        async with self._database.reading() as connection:
            return len((await connection.execute(select(INTENT.c.serial).where(which))).all())

    async def attempts(self, reservation_ids: Sequence[str]) -> int:
        """How many intents there were for them."""
        ids = select(func.count(OUTCOME.c.intent_id.distinct())).where(
            self._ours(OUTCOME), OUTCOME.c.reservation_id.in_(reservation_ids)
        )
        async with self._database.reading() as connection:
            return (await connection.execute(ids)).scalar_one()

    async def intents_of(self, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The intents that hold the claims."""
        async with self._database.reading() as connection:
            return await self._holders(connection, reservation_ids)

    async def intent_by_reference(self, external_reference: str) -> Intent | None:
        """The intent with this external reference."""
        async with self._database.reading() as connection:
            which = INTENT.c.external_reference == external_reference
            found = await self._intents(connection, which)
        return found[0] if found else None

    async def intents_by_reference(self, owner: str, reference: str) -> Sequence[Intent]:
        """The intents of an owner with this external or caller's reference."""
        references = (INTENT.c.external_reference, INTENT.c.caller_reference)
        which = and_(INTENT.c.owner == owner, or_(*(c == reference for c in references)))
        async with self._database.reading() as connection:
            return await self._intents(connection, which)

    # Reserve calls

    async def begin_hold(self, hold: HoldIntent, lease: Lease) -> HoldIntent | None:
        """Store it, unless an equal one is under way or in doubt."""
        async with self._writing() as tx:
            earlier = await self._last_hold(tx.connection, HOLD.c.key == hold.key)
            if earlier is not None and not earlier.is_final:
                if earlier.led or hold.sent_at < earlier.fence_at:
                    return earlier
                await self._change_hold(tx, earlier.id, state=IntentState.FINAL)
            await tx.connection.execute(
                insert(HOLD).values(
                    account=self._account,
                    id=hold.id,
                    owner=hold.owner,
                    key=hold.key,
                    sent_at=hold.sent_at,
                    fence_at=hold.fence_at,
                    state=IntentState.SENDING,
                    ambiguous=False,
                    worker=lease.worker,
                    lease_until=_until(tx.now, lease),
                    wishes=list(hold.wishes),
                    reservation_ids=[],
                    refused=[],
                )
            )
        return None

    async def hold_of(self, key: str) -> HoldIntent | None:
        """The last one with this key."""
        async with self._database.reading() as connection:
            return await self._last_hold(connection, HOLD.c.key == key)

    async def settle_hold(
        self,
        hold_id: str,
        *,
        reservation_ids: Sequence[str] = (),
        refused: Sequence[RefusedItem] = (),
    ) -> HoldIntent:
        """What it made, owned by who asked."""
        async with self._writing() as tx:
            hold = await self._hold(tx.connection, hold_id)
            if hold.is_final:
                return hold
            return await self._settled_hold(tx, hold, reservation_ids, refused)

    async def doubt_hold(self, hold_id: str) -> HoldIntent:
        """Its answer was lost."""
        async with self._writing() as tx:
            await self._change_hold(tx, hold_id, ambiguous=True)
            return await self._hold(tx.connection, hold_id)

    async def adopt(self, hold_id: str, reservation_ids: Sequence[str], *, now: datetime) -> bool:
        """Take reservations nobody owns, or may still own, as what this call made."""
        others = select(HOLD.c.wishes).where(
            self._ours(HOLD),
            HOLD.c.id != hold_id,
            HOLD.c.state != IntentState.FINAL,
            HOLD.c.fence_at > now,
        )
        async with self._writing() as tx:
            hold = await self._hold(tx.connection, hold_id)
            if hold.is_final or await self._owners(tx.connection, reservation_ids):
                return False
            for wishes in (await tx.connection.execute(others)).scalars():
                if set(wishes) & set(hold.wishes):
                    return False
            await self._settled_hold(tx, hold, reservation_ids, ())
        return True

    # Ownership

    async def own(self, owner: str, *resource_ids: str) -> None:
        """The first owner stays."""
        async with self._writing() as tx:
            await self._own(tx, owner, resource_ids, is_order=False)

    async def owners_of(self, resource_ids: Sequence[str]) -> Mapping[str, str]:
        """Whose these are."""
        async with self._database.reading() as connection:
            return await self._owners(connection, resource_ids)

    async def orders_of(self, owner: str) -> Sequence[str]:
        """Newest first."""
        which = and_(self._ours(OWNERSHIP), OWNERSHIP.c.owner == owner, OWNERSHIP.c.is_order)
        newest = select(OWNERSHIP.c.resource_id).where(which).order_by(OWNERSHIP.c.serial.desc())
        async with self._database.reading() as connection:
            return (await connection.execute(newest)).scalars().all()

    # Sweep

    async def begin_sweep(self, *, every: timedelta) -> bool:
        """Whether one is due."""
        async with self._writing() as tx:
            since, swept_at = tx.keeper.sweeping_since, tx.keeper.swept_at
            if since is not None and tx.now - since < SWEEP_LASTS:
                return False
            if swept_at is not None and tx.now - swept_at < every:
                return False
            await self._change_keeper(tx, sweeping_since=tx.now)
        return True

    async def sweep_done(self) -> None:
        """It read everything."""
        async with self._writing() as tx:
            await self._change_keeper(tx, sweeping_since=None, swept_at=tx.now)

    async def last_sweep(self) -> datetime | None:
        """When it did so last."""
        async with self._database.reading() as connection:
            found = select(KEEPER.c.swept_at).where(self._ours(KEEPER))
            return (await connection.execute(found)).scalar_one_or_none()

    async def found_late(self, external_reference: str, order_id: str) -> None:
        """Note an order nobody knows, once."""
        async with self._writing() as tx:
            known = select(AUDIT.c.row).where(
                self._ours(AUDIT), AUDIT.c.subject == order_id, AUDIT.c.event == "late_order_found"
            )
            if (await tx.connection.execute(known.limit(1))).first() is None:
                tx.note("late_order_found", "", order_id, reference=external_reference)

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    # How it is done

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[Writing]:
        async with self._database.writing() as connection:
            tx = Writing(connection, *await self._turn(connection))
            yield tx
            if tx.audit:
                await self._seal(tx)

    async def _turn(self, connection: AsyncConnection) -> tuple[datetime, Row[Any]]:
        """Wait for our turn at the keeper row; the moment by then, and the row."""
        keeper = await self._keeper(connection)
        return await self._database.moment(connection), keeper

    async def _keeper(self, connection: AsyncConnection) -> Row[Any]:
        mine = select(KEEPER).where(self._ours(KEEPER)).with_for_update()
        row = (await connection.execute(mine)).one_or_none()
        if row is None:
            await self._make_keeper(connection)
            row = (await connection.execute(mine)).one()
        return row

    async def _make_keeper(self, connection: AsyncConnection) -> None:
        await self._database.take_turns(connection)
        there = select(KEEPER.c.account).where(self._ours(KEEPER))
        if (await connection.execute(there)).first() is None:
            await connection.execute(
                insert(KEEPER).values(
                    account=self._account,
                    installation=secrets.token_hex(3),
                    secret=secrets.token_bytes(32),
                    audit_rows=0,
                    audit_head="",
                    audit_seal="",
                )
            )

    async def _seal(self, tx: Writing) -> None:
        before, rows = tx.keeper.audit_head, []
        for row in tx.audit:
            sealed = self._seals.sealed(row, before)
            before = sealed.mac
            rows.append(
                {
                    "account": self._account,
                    "row": sealed.number,
                    "at": sealed.at,
                    "event": sealed.event,
                    "owner": sealed.owner,
                    "subject": sealed.subject,
                    "detail": sealed.detail,
                    "mac": sealed.mac,
                }
            )
        await tx.connection.execute(insert(AUDIT), rows)
        head: Head = self._seals.head(tx.audit[-1].number, before)
        await self._change_keeper(
            tx, audit_rows=head.rows, audit_head=head.mac, audit_seal=head.seal
        )

    async def _change_keeper(self, tx: Writing, **values: object) -> None:
        await tx.connection.execute(update(KEEPER).where(self._ours(KEEPER)).values(**values))

    def _ours(self, table: Any) -> ColumnElement[bool]:
        mine: ColumnElement[bool] = table.c.account == self._account
        return mine

    def _intent_is(self, intent_id: str) -> ColumnElement[bool]:
        return and_(self._ours(INTENT), INTENT.c.id == intent_id)

    async def _intent(self, connection: AsyncConnection, intent_id: str) -> Intent:
        (intent,) = await self._intents(connection, INTENT.c.id == intent_id)
        return intent

    async def _intents(
        self, connection: AsyncConnection, *which: ColumnElement[bool]
    ) -> list[Intent]:
        outcomes = and_(OUTCOME.c.account == INTENT.c.account, OUTCOME.c.intent_id == INTENT.c.id)
        found = (
            select(
                INTENT,
                OUTCOME.c.reservation_id,
                OUTCOME.c.order_id,
                OUTCOME.c.reason,
                self._database.now().label("now"),
            )
            .join(OUTCOME, outcomes)
            .where(self._ours(INTENT), *which)
            .order_by(INTENT.c.serial, OUTCOME.c.position)
        )
        rows = (await connection.execute(found)).all()
        return [_intent(list(group)) for _, group in groupby(rows, key=lambda row: row.serial)]

    async def _unled(self, connection: AsyncConnection, *, limit: int) -> list[Intent]:
        first = (
            select(INTENT.c.serial)
            .where(self._ours(INTENT), INTENT.c.state != IntentState.FINAL, self._led_by_none())
            .order_by(INTENT.c.serial)
            .limit(limit)
        )
        return await self._intents(connection, INTENT.c.serial.in_(first.scalar_subquery()))

    def _led_by_none(self) -> ColumnElement[bool]:
        until = INTENT.c.lease_until
        return or_(until.is_(None), not_(until > self._database.now()))

    async def _take(self, tx: Writing, intent_id: str, lease: Lease) -> None:
        await tx.connection.execute(
            update(INTENT)
            .where(self._intent_is(intent_id))
            .values(
                ambiguous=True,
                worker=lease.worker,
                lease_until=_until(tx.now, lease),
                updated_at=tx.now,
            )
        )

    async def _claims(
        self, connection: AsyncConnection, reservation_ids: Sequence[str]
    ) -> dict[str, str]:
        if not reservation_ids:
            return {}
        found = select(CLAIM.c.reservation_id, CLAIM.c.intent_id).where(
            self._ours(CLAIM), CLAIM.c.reservation_id.in_(reservation_ids)
        )
        return {row.reservation_id: row.intent_id for row in await connection.execute(found)}

    async def _holders(
        self, connection: AsyncConnection, reservation_ids: Sequence[str]
    ) -> dict[str, Intent]:
        claims = await self._claims(connection, reservation_ids)
        if not claims:
            return {}
        found = await self._intents(connection, INTENT.c.id.in_(set(claims.values())))
        by_id = {i.id: i for i in found}
        return {r: by_id[claims[r]] for r in reservation_ids if r in claims}

    async def _held(self, tx: Writing, intent: Intent) -> dict[str, Intent]:
        return await self._holders(tx.connection, intent.reservation_ids)

    async def _used_up(self, tx: Writing, nonce: str) -> bool:
        """Use an approval; False when it is not open."""
        used = (
            update(APPROVAL)
            .where(
                self._ours(APPROVAL),
                APPROVAL.c.nonce == nonce,
                APPROVAL.c.state == ApprovalState.OPEN,
            )
            .values(state=ApprovalState.USED)
        )
        return (await tx.connection.execute(used)).rowcount > 0

    async def _closed_unsent(self, tx: Writing, intent: Intent) -> bool:
        """Close an intent whose sender died before it sent; whether it was one."""
        if not intent.was_never_sent:
            return False
        await self._keep(tx, intent, intent.told({}, dict.fromkeys(intent.missing, NEVER_SENT)))
        return True

    async def _spent(self, tx: Writing, intent: Intent) -> Decimal:
        """What its owner's orders of its day come to, those in doubt included."""
        day = datetime.combine(intent.sent_at.astimezone(UTC), time(), UTC)
        amounts = select(INTENT.c.approved_total).where(
            self._ours(INTENT),
            INTENT.c.owner == intent.owner,
            INTENT.c.sent_at >= day,
            INTENT.c.sent_at < day + timedelta(days=1),
            INTENT.c.spends,
        )
        return sum((await tx.connection.execute(amounts)).scalars(), Decimal(0))

    async def _store(self, tx: Writing, intent: Intent, lease: Lease) -> None:
        await tx.connection.execute(
            insert(INTENT).values(
                account=self._account,
                id=intent.id,
                owner=intent.owner,
                fingerprint=intent.fingerprint,
                external_reference=intent.external_reference,
                caller_reference=intent.caller_reference,
                agreed=intent.agreed,
                approved_total=intent.approved_total,
                sent_at=intent.sent_at,
                fence_at=intent.fence_at,
                state=IntentState.NEW,
                ambiguous=False,
                spends=True,
                worker=lease.worker,
                lease_until=_until(tx.now, lease),
                created_at=tx.now,
                updated_at=tx.now,
            )
        )
        where = {"account": self._account, "intent_id": intent.id}
        numbered = enumerate(intent.reservation_ids)
        outcomes = [{**where, "position": n, "reservation_id": i} for n, i in numbered]
        await tx.connection.execute(insert(OUTCOME), outcomes)
        await self._claim_again(tx, intent.id, intent.reservation_ids)

    async def _claim_again(
        self, tx: Writing, intent_id: str, reservation_ids: Iterable[str]
    ) -> None:
        where = {"account": self._account, "intent_id": intent_id}
        claims = [{**where, "reservation_id": i} for i in reservation_ids]
        if claims:
            await tx.connection.execute(insert(CLAIM), claims)

    async def _keep(self, tx: Writing, before: Intent, after: Intent) -> Intent:
        """Write down what changed of an intent; its lease ends."""
        await tx.connection.execute(
            update(INTENT)
            .where(self._intent_is(after.id))
            .values(
                state=after.state,
                ambiguous=after.ambiguous,
                spends=not after.is_final or bool(after.orders),
                worker=None,
                lease_until=None,
                updated_at=tx.now,
            )
        )
        for reservation_id in after.reservation_ids:
            await self._keep_outcome(tx, before, after, reservation_id)
        await self._own(tx, after.owner, tuple(after.orders.values()), is_order=True)
        if after.freed:
            freed = CLAIM.c.reservation_id.in_(after.freed)
            ours = and_(self._ours(CLAIM), CLAIM.c.intent_id == after.id, freed)
            await tx.connection.execute(delete(CLAIM).where(ours))
        self._note_change(tx, before, after)
        return replace(after, led=False)

    async def _keep_outcome(
        self, tx: Writing, before: Intent, after: Intent, reservation_id: str
    ) -> None:
        order_id, reason = after.orders.get(reservation_id), after.failures.get(reservation_id)
        if before.orders.get(reservation_id) == order_id and (
            before.failures.get(reservation_id) == reason
        ):
            return
        await tx.connection.execute(
            update(OUTCOME)
            .where(
                self._ours(OUTCOME),
                OUTCOME.c.intent_id == after.id,
                OUTCOME.c.reservation_id == reservation_id,
            )
            .values(order_id=order_id, reason=reason, seen_at=tx.now)
        )

    def _note_change(self, tx: Writing, before: Intent, after: Intent) -> None:
        if after.is_final and not before.is_final:
            tx.note(
                "closed",
                after.owner,
                after.id,
                orders=dict(after.orders),
                failed=tuple(after.failures),
                ambiguous=after.ambiguous,
            )
        elif after.ambiguous and not before.ambiguous:
            tx.note("in_doubt", after.owner, after.id, orders=dict(after.orders))

    async def _last_hold(
        self, connection: AsyncConnection, which: ColumnElement[bool]
    ) -> HoldIntent | None:
        last = (
            select(HOLD, self._database.now().label("now"))
            .where(self._ours(HOLD), which)
            .order_by(HOLD.c.serial.desc())
            .limit(1)
        )
        row = (await connection.execute(last)).one_or_none()
        return None if row is None else _hold(row)

    async def _hold(self, connection: AsyncConnection, hold_id: str) -> HoldIntent:
        hold = await self._last_hold(connection, HOLD.c.id == hold_id)
        if hold is None:
            raise KeyError(hold_id)
        return hold

    async def _change_hold(self, tx: Writing, hold_id: str, **values: object) -> None:
        await tx.connection.execute(
            update(HOLD)
            .where(self._ours(HOLD), HOLD.c.id == hold_id)
            .values(worker=None, lease_until=None, **values)
        )

    async def _settled_hold(
        self,
        tx: Writing,
        hold: HoldIntent,
        reservation_ids: Sequence[str],
        refused: Sequence[RefusedItem],
    ) -> HoldIntent:
        await self._own(tx, hold.owner, reservation_ids, is_order=False)
        await self._change_hold(
            tx,
            hold.id,
            state=IntentState.FINAL,
            reservation_ids=list(reservation_ids),
            refused=[[i.offer_id, i.code, i.message] for i in refused],
        )
        if reservation_ids:
            tx.note("held", hold.owner, hold.id, reservations=tuple(reservation_ids))
        return replace(
            hold,
            state=IntentState.FINAL,
            led=False,
            reservation_ids=tuple(reservation_ids),
            refused=tuple(refused),
        )

    async def _own(
        self, tx: Writing, owner: str, resource_ids: Sequence[str], *, is_order: bool
    ) -> None:
        known = await self._owners(tx.connection, resource_ids)
        rows = [
            {"account": self._account, "resource_id": i, "owner": owner, "is_order": is_order}
            for i in dict.fromkeys(resource_ids)
            if i not in known
        ]
        if rows:
            await tx.connection.execute(insert(OWNERSHIP), rows)

    async def _owners(
        self, connection: AsyncConnection, resource_ids: Sequence[str]
    ) -> dict[str, str]:
        if not resource_ids:
            return {}
        found = select(OWNERSHIP.c.resource_id, OWNERSHIP.c.owner).where(
            self._ours(OWNERSHIP), OWNERSHIP.c.resource_id.in_(resource_ids)
        )
        return {row.resource_id: row.owner for row in await connection.execute(found)}


def _until(now: datetime, lease: Lease) -> datetime:
    return now + timedelta(seconds=lease.seconds)


def _is_led(row: Row[Any]) -> bool:
    return row.lease_until is not None and row.lease_until > row.now


def _intent(rows: Sequence[Row[Any]]) -> Intent:
    row = rows[0]
    return Intent(
        id=row.id,
        owner=row.owner,
        fingerprint=row.fingerprint,
        external_reference=row.external_reference,
        caller_reference=row.caller_reference,
        reservation_ids=tuple(r.reservation_id for r in rows),
        approved_total=row.approved_total,
        sent_at=row.sent_at,
        fence_at=row.fence_at,
        agreed=row.agreed,
        state=IntentState(row.state),
        ambiguous=row.ambiguous,
        led=_is_led(row),
        orders={r.reservation_id: r.order_id for r in rows if r.order_id is not None},
        failures={r.reservation_id: r.reason for r in rows if r.reason is not None},
    )


def _hold(row: Row[Any]) -> HoldIntent:
    return HoldIntent(
        id=row.id,
        owner=row.owner,
        key=row.key,
        sent_at=row.sent_at,
        fence_at=row.fence_at,
        wishes=tuple(row.wishes),
        state=IntentState(row.state),
        ambiguous=row.ambiguous,
        led=_is_led(row),
        reservation_ids=tuple(row.reservation_ids),
        refused=tuple(RefusedItem(*each) for each in row.refused),
    )
