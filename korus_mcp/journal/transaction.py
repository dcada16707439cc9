"""What is done inside one transaction of the journal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Executable, Row, Select, update
from sqlalchemy.engine import Connection

from korus_mcp.journal.audit import AuditRow, Seals, told
from korus_mcp.journal.records import (
    NEVER_SENT,
    Approval,
    ApprovalState,
    HoldIntent,
    Intent,
    IntentState,
    Lease,
    RefusedItem,
    Standing,
)
from korus_mcp.journal.statements import Change, Statements
from korus_mcp.journal.tables import HOLD, INTENT, KEEPER


@dataclass(frozen=True)
class Reading:
    """The rows of an account as records."""

    connection: Connection
    statements: Statements

    def run(self, statement: Executable, **given: object) -> CursorResult[Any]:
        """What a statement answers."""
        return self.connection.execute(statement, given)

    def intents(self, found: Select[Any], **given: object) -> list[Intent]:
        """The intents a statement finds."""
        rows = self.run(found, **given).all()
        return [_intent(list(group)) for _, group in groupby(rows, key=lambda row: row.serial)]

    def intent(self, intent_id: str) -> Intent:
        """The intent with this id."""
        (intent,) = self.intents(self.statements.intent, which=intent_id)
        return intent

    def holders(self, reservation_ids: Sequence[str]) -> dict[str, Intent]:
        """The intents that hold claims on these reservations, by reservation."""
        if not reservation_ids:
            return {}
        rows = self.run(self.statements.holders, ids=list(reservation_ids)).all()
        claims = {row.claimed: row.id for row in rows if row.claimed is not None}
        groups = groupby(rows, key=lambda row: row.serial)
        by_id = {i.id: i for i in (_intent(list(group)) for _, group in groups)}
        return {i: by_id[claims[i]] for i in reservation_ids if i in claims}

    def standing(self, reservation_ids: Sequence[str]) -> Standing:
        """What is known of reservations."""
        rows = self.run(self.statements.standing, ids=list(reservation_ids)).all()
        attempts = rows[0].attempts
        return Standing(
            owners={row.resource_id: row.owner for row in rows if row.owner is not None},
            holders=self.holders(reservation_ids) if attempts else {},
            attempts=attempts,
        )

    def approvals(self, nonces: Sequence[str]) -> dict[str, Approval]:
        """The approvals with these nonces."""
        rows = self.run(self.statements.approvals, ids=list(nonces))
        return {row.nonce: _approval(row) for row in rows}

    def last_hold(self, which: ColumnElement[bool]) -> HoldIntent | None:
        """The newest of such reserve calls."""
        row = self.run(self.statements.last_hold(which)).one_or_none()
        return None if row is None else _hold(row)

    def hold(self, hold_id: str) -> HoldIntent:
        """The reserve call with this id.

        Raises:
            KeyError: There is none.
        """
        hold = self.last_hold(HOLD.c.id == hold_id)
        if hold is None:
            raise KeyError(hold_id)
        return hold

    def owners(self, resource_ids: Sequence[str]) -> dict[str, str]:
        """Whose these are."""
        if not resource_ids:
            return {}
        rows = self.run(self.statements.owners, ids=list(resource_ids))
        return {row.resource_id: row.owner for row in rows}


@dataclass(frozen=True)
class Against:
    """What may stand against an intent: claims, an approval that is used or of an earlier attempt,
    what its owner's orders of its day come to, those in doubt included."""

    is_claimed: bool
    is_approved: bool
    spent: Decimal


@dataclass(frozen=True, kw_only=True)
class Writing(Reading):
    """A transaction that writes: its moment, its keeper row, and what it adds to the audit."""

    account: str
    seals: Seals
    keeper: Row[Any]
    audit: list[AuditRow] = field(default_factory=list)
    changes: list[tuple[Change, Mapping[str, object]]] = field(default_factory=list)

    def run(self, statement: Executable, **given: object) -> CursorResult[Any]:
        """What a statement answers that finds all changes made."""
        self.make_changes()
        return super().run(statement, **given)

    def change(self, change: Change, **given: object) -> None:
        """Change a row by the end of the transaction, or before the next statement."""
        self.changes.append((change, given))

    @property
    def now(self) -> datetime:
        """The moment of its turn, by the clock all users of the journal share."""
        moment: datetime = self.keeper.now
        return moment

    def note(self, event: str, owner: str, subject: str, **detail: object) -> None:
        """Add an audit row."""
        row = AuditRow(
            number=self.keeper.audit_rows + len(self.audit) + 1,
            at=self.now,
            event=event,
            owner=owner,
            subject=subject,
            detail=told(detail),
        )
        self.audit.append(row)

    def end(self) -> None:
        """Seal what was noted, each row with the one before, and make all changes."""
        if self.audit:
            self._seal()
        self.make_changes()

    def _seal(self) -> None:
        before = self.keeper.audit_head
        for row in self.audit:
            sealed = self.seals.sealed(row, before)
            before = sealed.mac
            self.change(
                self.statements.add_audit,
                account=self.account,
                row=sealed.number,
                at=sealed.at,
                event=sealed.event,
                owner=sealed.owner,
                subject=sealed.subject,
                detail=sealed.detail,
                mac=sealed.mac,
            )
        head = self.seals.head(self.audit[-1].number, before)
        self.change(
            self.statements.seal_keeper,
            audit_rows=head.rows,
            audit_head=head.mac,
            audit_seal=head.seal,
        )

    def make_changes(self) -> None:
        """Make the changes that wait."""
        if not self.changes:
            return
        together = self.statements.together
        if together is None:
            for change, given in self.changes:
                self.connection.execute(change.alone, given)
        else:
            changes, rows = zip(*self.changes, strict=True)
            self.connection.execute(together.statement(changes), together.given(rows))
        self.changes.clear()

    def change_keeper(self, **values: object) -> None:
        """Change the keeper row."""
        self.run(update(KEEPER).where(self.statements.ours(KEEPER)).values(**values))

    def against(self, intent: Intent, nonce: str) -> Against:
        """What may stand against an intent with this approval."""
        day = datetime.combine(intent.sent_at.astimezone(UTC), time(), UTC)
        row = self.run(
            self.statements.against,
            ids=list(intent.reservation_ids),
            nonce=nonce,
            whose=intent.owner,
            day=day,
            next_day=day + timedelta(days=1),
        ).one()
        spent = sum(map(Decimal, (row.spent or "").split()), Decimal(0))
        is_open = row.approval == ApprovalState.OPEN
        is_approved = is_open and intent.attempt in (None, row.attempts)
        return Against(bool(row.claims), is_approved, spent)

    def store(self, intent: Intent, lease: Lease) -> None:
        """Add a NEW intent under a lease, with its claims."""
        self.change(
            self.statements.add_intent,
            account=self.account,
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
            lease_until=self.until(lease),
            created_at=self.now,
            updated_at=self.now,
        )
        where = {"account": self.account, "intent_id": intent.id}
        for position, reserved in enumerate(intent.reservation_ids):
            at = {"position": position, "reservation_id": reserved}
            self.change(self.statements.add_outcome, **where, **at)
        self.claim(intent.id, intent.reservation_ids)

    def claim(self, intent_id: str, reservation_ids: Iterable[str]) -> None:
        """Claim reservations nobody claims."""
        where = {"account": self.account, "intent_id": intent_id}
        for reservation_id in reservation_ids:
            self.change(self.statements.add_claim, **where, reservation_id=reservation_id)

    def until(self, lease: Lease) -> datetime:
        """When a lease that begins now ends."""
        return self.now + timedelta(seconds=lease.seconds)

    def take(self, intent_id: str, lease: Lease) -> None:
        """Lead an intent whose sender died."""
        which = (self.statements.ours(INTENT), INTENT.c.id == intent_id)
        values = {
            "ambiguous": True,
            "worker": lease.worker,
            "lease_until": self.until(lease),
            "updated_at": self.now,
        }
        self.run(update(INTENT).where(*which).values(values))

    def closed_unsent(self, intent: Intent) -> bool:
        """Close an intent whose sender died before it sent; whether it was one."""
        if not intent.was_never_sent:
            return False
        self.keep(intent, intent.told({}, dict.fromkeys(intent.missing, NEVER_SENT)))
        self.make_changes()  # many at once would make a statement that takes seconds to write
        return True

    def keep(self, before: Intent, after: Intent) -> Intent:
        """Write down what changed of an intent; its lease ends."""
        self.change(
            self.statements.keep_intent,
            which=after.id,
            state=after.state,
            ambiguous=after.ambiguous,
            spends=not after.is_final or bool(after.orders),
            updated_at=self.now,
        )
        for reservation_id in _changed(before, after):
            self.change(
                self.statements.keep_outcome,
                which=after.id,
                reserved=reservation_id,
                order_id=after.orders.get(reservation_id),
                reason=after.failures.get(reservation_id),
                seen_at=self.now,
            )
        self.own(after.owner, after.orders.values(), is_order=True)
        for freed in after.freed:
            self.change(self.statements.free_claim, which=after.id, freed=freed)
        self._note_change(before, after)
        return replace(after, led=False)

    def _note_change(self, before: Intent, after: Intent) -> None:
        if after.is_final and not before.is_final:
            self.note(
                "closed",
                after.owner,
                after.id,
                orders=dict(after.orders),
                failed=tuple(after.failures),
                ambiguous=after.ambiguous,
            )
        elif after.ambiguous and not before.ambiguous:
            self.note("in_doubt", after.owner, after.id, orders=dict(after.orders))

    def change_hold(self, hold_id: str, **values: object) -> None:
        """Change a reserve call; its lease ends."""
        which = (self.statements.ours(HOLD), HOLD.c.id == hold_id)
        self.run(update(HOLD).where(*which).values(worker=None, lease_until=None, **values))

    def settle_hold(
        self, hold: HoldIntent, reservation_ids: Sequence[str], refused: Sequence[RefusedItem]
    ) -> HoldIntent:
        """Write down what a reserve call made, and own it."""
        self.own(hold.owner, reservation_ids, is_order=False)
        self.change_hold(
            hold.id,
            state=IntentState.FINAL,
            reservation_ids=list(reservation_ids),
            refused=[[i.offer_id, i.code, i.message] for i in refused],
        )
        if reservation_ids:
            self.note("held", hold.owner, hold.id, reservations=tuple(reservation_ids))
        return replace(
            hold,
            state=IntentState.FINAL,
            led=False,
            reservation_ids=tuple(reservation_ids),
            refused=tuple(refused),
        )

    def own(self, owner: str, resource_ids: Iterable[str], *, is_order: bool) -> None:
        """Write down whose these are; the first owner stays."""
        whose = {"account": self.account, "owner": owner}
        for resource_id in dict.fromkeys(resource_ids):
            self.change(self.statements.own, **whose, resource_id=resource_id, is_order=is_order)


def _changed(before: Intent, after: Intent) -> list[str]:
    """The reservations of which more is known than before."""
    return [
        i
        for i in after.reservation_ids
        if before.orders.get(i) != after.orders.get(i)
        or before.failures.get(i) != after.failures.get(i)
    ]


def _approval(row: Row[Any]) -> Approval:
    return Approval(**{**row._mapping, "state": ApprovalState(row.state)})


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
