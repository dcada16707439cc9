"""The journal for its operator: what was ordered, what is open, whether the audit is intact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import sqlalchemy as sa

from korus_mcp.journal.audit import AuditRow, Head
from korus_mcp.journal.records import Intent, IntentState
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.tables import APPROVAL, ASKED, AUDIT, CLAIM, HOLD, INTENT, KEEPER, OUTCOME
from korus_mcp.journal.transaction import (
    OUR_ACCOUNT,
    UNFINISHED,
    ReadTransaction,
    WriteTransaction,
    fields_of,
    ours,
)

AT_A_TIME: Final = 500
"""The most rows that one statement reads or removes: a journal may have grown for years."""


@dataclass(frozen=True)
class JournalEntry:
    """An order call, and when it was stored and last changed."""

    intent: Intent
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Purged:
    """How many rows a purge removed."""

    orders: int
    holds: int
    approvals: int


@dataclass(frozen=True)
class Verified:
    """The result of a check: number of audit rows, seal of the last one, and the problems found."""

    rows: int
    last_seal: str
    problems: tuple[str, ...]


class Inspection(SqlJournal):
    """The journal with questions for its operator only: no tool uses them."""

    async def entries(self, *, limit: int, open_only: bool = False) -> Sequence[JournalEntry]:
        """The newest order calls, newest first."""
        which = [UNFINISHED] if open_only else []
        return await self._read(lambda tx: _entries(tx, *which, limit=limit))

    async def entry(self, name: str) -> JournalEntry | None:
        """The newest order call with this id (of intent, order or reservation) or reference."""
        named = sa.or_(OUTCOME.c.order_id == name, OUTCOME.c.reservation_id == name)

        def work(tx: ReadTransaction) -> list[JournalEntry]:
            # An operator may have found any of these ids in a letter or a log.
            by_outcome = sa.select(OUTCOME.c.intent_id).where(ours(OUTCOME), named)
            which = sa.or_(
                INTENT.c.id == name,
                INTENT.c.external_reference == name,
                INTENT.c.caller_reference == name,
                INTENT.c.id.in_(by_outcome.scalar_subquery()),
            )
            return _entries(tx, which, limit=1)

        found = await self._read(work)
        return found[0] if found else None

    async def audit_of(self, *subjects: str) -> Sequence[AuditRow]:
        """The audit rows of these intents, oldest first; of all if none is named."""
        which = [AUDIT.c.subject.in_(subjects)] if subjects else []
        return await self._read(lambda tx: list(_audit(tx, *which)))

    async def verify(self, *, unsealed: int) -> Verified:
        """Check the audit rows; the first `unsealed` ones may be without a seal.

        Raises:
            ValueError: There is no key to check with.
            JournalDown: The journal cannot be read.
        """
        columns = (KEEPER.c.audit_rows, KEEPER.c.audit_head, KEEPER.c.audit_seal)

        def work(tx: ReadTransaction) -> Verified:
            found = tx.run(sa.select(*columns).where(ours(KEEPER))).first()
            head = Head(0, "", "") if found is None else Head(*tuple(found))
            problems = tuple(self._seals.problems(_audit(tx), head, unsealed=unsealed))
            return Verified(head.rows, head.mac, problems)

        return await self._read(work)

    async def stop(self, *, by: str) -> bool:
        """Take no new orders, in any process, from this commit on. Returns whether that is new.

        Those on their way are settled as ever. `by`: who did it, for the audit.
        """

        def work(tx: WriteTransaction) -> bool:
            if tx.account_row.stopped_at is not None:
                return False
            tx.change(OUR_ACCOUNT, stopped_at=tx.now)
            tx.note("orders_stopped", "", "", by=by)
            return True

        return await self._written(work)

    async def go(self, *, by: str) -> bool:
        """Take new orders again. Returns whether that is new."""

        def work(tx: WriteTransaction) -> bool:
            if tx.account_row.stopped_at is None:
                return False
            tx.change(OUR_ACCOUNT, stopped_at=None)
            tx.note("orders_resumed", "", "", by=by)
            return True

        return await self._written(work)

    async def purge(self, before: datetime) -> Purged:
        """Remove what was settled before a moment. Owners, audit rows and open calls stay."""
        return await self._written(partial(_purge, before))


def _entries(tx: ReadTransaction, *which: sa.ColumnElement[bool], limit: int) -> list[JournalEntry]:
    """The order calls that fulfil these conditions, newest first."""
    newest = (
        sa.select(INTENT.c.id, INTENT.c.created_at, INTENT.c.updated_at)
        .where(ours(INTENT), *which)
        .order_by(INTENT.c.serial.desc())
        .limit(limit)
    )
    rows = tx.run(newest).all()
    intents = tx.intents_of(row.id for row in rows)
    return [JournalEntry(intents[row.id], row.created_at, row.updated_at) for row in rows]


def _audit(tx: ReadTransaction, *which: sa.ColumnElement[bool]) -> Iterator[AuditRow]:
    """Audit rows, oldest first; only some of them are in memory at a time."""
    last = 0
    while True:
        after = (
            sa.select(AUDIT)
            .where(ours(AUDIT), AUDIT.c.row > last, *which)
            .order_by(AUDIT.c.row)
            .limit(AT_A_TIME)
        )
        rows = tx.run(after).all()
        yield from (AuditRow(row.row, **fields_of(AuditRow, row)) for row in rows)
        if len(rows) < AT_A_TIME:
            return
        last = rows[-1].row


def _purge(before: datetime, tx: WriteTransaction) -> Purged:
    # Only calls whose result is known: one in doubt keeps its row, however old.
    lapsed = (HOLD.c.state == IntentState.FINAL, HOLD.c.fence_at < before)
    old = APPROVAL.c.expires_at < before
    purged = Purged(
        orders=_purge_intents(before, tx),
        holds=tx.change(sa.delete(HOLD).where(ours(HOLD), *lapsed)),
        approvals=tx.change(sa.delete(APPROVAL).where(ours(APPROVAL), old)),
    )
    tx.change(sa.delete(ASKED).where(ours(ASKED), ASKED.c.ends_at < before))
    tx.note("purged", "", "", orders=purged.orders, holds=purged.holds)
    return purged


def _purge_intents(before: datetime, tx: WriteTransaction) -> int:
    """Remove old intents with their other rows, some at a time. Returns how many were removed."""
    old = (
        sa.select(INTENT.c.id)
        .where(
            ours(INTENT),
            INTENT.c.state == IntentState.FINAL,
            INTENT.c.updated_at < before,
            # Until its fence an order of the call could still appear.
            INTENT.c.fence_at < before,
        )
        .order_by(INTENT.c.serial)
        .limit(AT_A_TIME)
    )
    number = 0
    while ids := tx.run(old).scalars().all():
        for table in (OUTCOME, CLAIM):
            tx.change(sa.delete(table).where(ours(table), table.c.intent_id.in_(ids)))
        number += tx.change(sa.delete(INTENT).where(ours(INTENT), INTENT.c.id.in_(ids)))
    return number
