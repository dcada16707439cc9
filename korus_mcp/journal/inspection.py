"""The journal as its keeper sees it: what was ordered, what is open, whether the audit holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, func, or_, select

from korus_mcp.journal.audit import AuditRow, Head
from korus_mcp.journal.records import Intent, IntentState
from korus_mcp.journal.sql import SqlJournal, Writing
from korus_mcp.journal.tables import APPROVAL, AUDIT, CLAIM, HOLD, INTENT, KEEPER, OUTCOME


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
        which = [INTENT.c.state != IntentState.FINAL] if open_only else []
        async with self._database.reading() as connection:
            newest = (
                select(INTENT.c.id)
                .where(self._ours(INTENT), *which)
                .order_by(INTENT.c.serial.desc())
                .limit(limit)
            )
            ids = (await connection.execute(newest)).scalars().all()
            return await self._entries(connection, INTENT.c.id.in_(ids))

    async def entry(self, name: str) -> Entry | None:
        """The newest order call of an intent, order or reservation with this id or reference."""
        by_outcome = select(OUTCOME.c.intent_id).where(
            self._ours(OUTCOME), or_(OUTCOME.c.order_id == name, OUTCOME.c.reservation_id == name)
        )
        which = or_(
            INTENT.c.id == name,
            INTENT.c.external_reference == name,
            INTENT.c.caller_reference == name,
            INTENT.c.id.in_(by_outcome.scalar_subquery()),
        )
        async with self._database.reading() as connection:
            found = await self._entries(connection, which)
        return found[0] if found else None

    async def audit_of(self, *subjects: str) -> Sequence[AuditRow]:
        """What is written about an intent, oldest first; of all without a name."""
        which = [AUDIT.c.subject.in_(subjects)] if subjects else []
        rows = select(AUDIT).where(self._ours(AUDIT), *which).order_by(AUDIT.c.row)
        async with self._database.reading() as connection:
            return [_audit_row(row) for row in await connection.execute(rows)]

    async def verify(self, *, unsealed: int) -> Verified:
        """Whether the audit holds, when so many rows may be without a seal.

        Raises:
            ValueError: There is no key to check with.
            JournalDown: It cannot be read.
        """
        async with self._database.reading() as connection:
            columns = (KEEPER.c.audit_rows, KEEPER.c.audit_head, KEEPER.c.audit_seal)
            kept = (await connection.execute(select(*columns).where(self._ours(KEEPER)))).first()
            rows = select(AUDIT).where(self._ours(AUDIT)).order_by(AUDIT.c.row)
            found = [_audit_row(row) for row in await connection.execute(rows)]
        head = Head(0, "", "") if kept is None else Head(*kept)
        problems = tuple(self._seals.problems(found, head, unsealed=unsealed))
        return Verified(len(found), head.mac, problems)

    async def purge(self, before: datetime) -> Purged:
        """Remove what was known before a moment. Owners, the audit and what is open stay."""
        async with self._writing() as tx:
            old = and_(
                self._ours(INTENT),
                INTENT.c.state == IntentState.FINAL,
                INTENT.c.updated_at < before,
                INTENT.c.fence_at < before,
            )
            ids = (await tx.connection.execute(select(INTENT.c.id).where(old))).scalars().all()
            for intent_id in ids:
                for table in (OUTCOME, CLAIM):
                    await _remove(tx, table, self._ours(table), table.c.intent_id == intent_id)
                await _remove(tx, INTENT, self._ours(INTENT), INTENT.c.id == intent_id)
            purged = Purged(
                orders=len(ids),
                holds=await _remove(
                    tx,
                    HOLD,
                    self._ours(HOLD),
                    HOLD.c.state == IntentState.FINAL,
                    HOLD.c.fence_at < before,
                ),
                approvals=await _remove(
                    tx, APPROVAL, self._ours(APPROVAL), APPROVAL.c.expires_at < before
                ),
            )
            tx.note("purged", "", "", orders=purged.orders, holds=purged.holds)
        return purged

    async def _entries(self, connection: Any, which: ColumnElement[bool]) -> list[Entry]:
        intents = {i.id: i for i in await self._intents(connection, which)}
        moments = (
            select(INTENT.c.id, INTENT.c.created_at, INTENT.c.updated_at)
            .where(self._ours(INTENT), which)
            .order_by(INTENT.c.serial.desc())
        )
        rows = (await connection.execute(moments)).all()
        return [Entry(intents[row.id], row.created_at, row.updated_at) for row in rows]


async def _remove(tx: Writing, table: Table, *which: ColumnElement[bool]) -> int:
    count = select(func.count()).select_from(table).where(*which)
    removed = (await tx.connection.execute(count)).scalar_one()
    await tx.connection.execute(delete(table).where(*which))
    return removed


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
