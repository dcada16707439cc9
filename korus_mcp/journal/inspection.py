"""The journal as its keeper sees it: what was ordered, what is open, whether the audit holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select

from korus_mcp.journal.audit import AuditRow, Head
from korus_mcp.journal.records import Intent, IntentState
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.statements import UNFINISHED
from korus_mcp.journal.tables import APPROVAL, AUDIT, CLAIM, HOLD, INTENT, KEEPER, OUTCOME
from korus_mcp.journal.transaction import Reading, Writing


@dataclass(frozen=True)
class Entry:
    """An order call with the moments it was written down and last changed."""

    intent: Intent
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Purged:
    """How many rows were removed."""

    orders: int
    holds: int
    approvals: int


@dataclass(frozen=True)
class Verified:
    """How many audit rows there are, the seal of the last one, and what does not fit together."""

    rows: int
    last_seal: str
    problems: tuple[str, ...]


class Inspection(SqlJournal):
    """The same journal, with what only its keeper may ask: nothing here is a tool's."""

    async def entries(self, *, limit: int, open_only: bool = False) -> Sequence[Entry]:
        """The newest order calls, newest first."""
        which = [UNFINISHED] if open_only else []
        newest = (
            select(INTENT.c.id)
            .where(self._statements.ours(INTENT), *which)
            .order_by(INTENT.c.serial.desc())
            .limit(limit)
        )

        def work(tx: Reading) -> list[Entry]:
            ids = tx.run(newest).scalars().all()
            return _entries(tx, INTENT.c.id.in_(ids))

        return await self._read(work)

    async def entry(self, name: str) -> Entry | None:
        """The newest order call of an intent, order or reservation with this id or reference."""
        named = or_(OUTCOME.c.order_id == name, OUTCOME.c.reservation_id == name)
        by_outcome = select(OUTCOME.c.intent_id).where(self._statements.ours(OUTCOME), named)
        which = or_(
            INTENT.c.id == name,
            INTENT.c.external_reference == name,
            INTENT.c.caller_reference == name,
            INTENT.c.id.in_(by_outcome.scalar_subquery()),
        )
        found = await self._read(lambda tx: _entries(tx, which))
        return found[0] if found else None

    async def audit_of(self, *subjects: str) -> Sequence[AuditRow]:
        """What is written about an intent, oldest first; of all without a name."""
        which = [AUDIT.c.subject.in_(subjects)] if subjects else []
        return await self._asked(lambda tx: _audit(tx, *which))

    async def verify(self, *, unsealed: int) -> Verified:
        """Whether the audit holds, when so many rows may be without a seal.

        Raises:
            ValueError: There is no key to check with.
            JournalDown: It cannot be read.
        """
        columns = (KEEPER.c.audit_rows, KEEPER.c.audit_head, KEEPER.c.audit_seal)
        kept = select(*columns).where(self._statements.ours(KEEPER))

        def work(tx: Reading) -> tuple[Head, list[AuditRow]]:
            found = tx.run(kept).first()
            return Head(0, "", "") if found is None else Head(*tuple(found)), _audit(tx)

        head, rows = await self._read(work)
        problems = tuple(self._seals.problems(rows, head, unsealed=unsealed))
        return Verified(len(rows), head.mac, problems)

    async def purge(self, before: datetime) -> Purged:
        """Remove what was known before a moment. Owners, the audit and what is open stay."""
        return await self._written(partial(_purge, before))


def _entries(tx: Reading, which: ColumnElement[bool]) -> list[Entry]:
    intents = {i.id: i for i in tx.intents(tx.statements.intents(which))}
    moments = (
        select(INTENT.c.id, INTENT.c.created_at, INTENT.c.updated_at)
        .where(tx.statements.ours(INTENT), which)
        .order_by(INTENT.c.serial.desc())
    )
    rows = tx.run(moments).all()
    return [Entry(intents[row.id], row.created_at, row.updated_at) for row in rows]


def _audit(tx: Reading, *which: ColumnElement[bool]) -> list[AuditRow]:
    rows = select(AUDIT).where(tx.statements.ours(AUDIT), *which).order_by(AUDIT.c.row)
    return [_audit_row(row) for row in tx.run(rows)]


def _purge(before: datetime, tx: Writing) -> Purged:
    old = and_(
        tx.statements.ours(INTENT),
        INTENT.c.state == IntentState.FINAL,
        INTENT.c.updated_at < before,
        INTENT.c.fence_at < before,
    )
    ids = tx.run(select(INTENT.c.id).where(old)).scalars().all()
    for intent_id in ids:
        for table in (OUTCOME, CLAIM):
            _remove(tx, table, table.c.intent_id == intent_id)
        _remove(tx, INTENT, INTENT.c.id == intent_id)
    lapsed = (HOLD.c.state == IntentState.FINAL, HOLD.c.fence_at < before)
    purged = Purged(
        orders=len(ids),
        holds=_remove(tx, HOLD, *lapsed),
        approvals=_remove(tx, APPROVAL, APPROVAL.c.expires_at < before),
    )
    tx.note("purged", "", "", orders=purged.orders, holds=purged.holds)
    return purged


def _remove(tx: Writing, table: Table, *which: ColumnElement[bool]) -> int:
    return tx.run(delete(table).where(tx.statements.ours(table), *which)).rowcount


def _audit_row(row: Any) -> AuditRow:
    return AuditRow(
        number=row.row,
        at=row.at,
        event=row.event,
        owner=row.owner,
        subject=row.subject,
        detail=row.detail,
        mac=row.mac,
    )
