"""The journal for its operator: what was ordered, what is open, whether the audit is intact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final

import anyio
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
"""The most rows that one statement reads: a journal may have grown for years."""
REMOVED_AT_A_TIME: Final = 100
"""The most calls that one transaction removes: as long as that takes, an order waits."""
MOST_PROBLEMS: Final = 1000
"""The most problems of an audit that are told one by one."""


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
            wrong = self._seals.problems(_audit(tx), head, unsealed=unsealed)
            problems = list(islice(wrong, MOST_PROBLEMS))
            # Counted only: a chain without its key breaks at each row.
            if more := sum(1 for _ in wrong):
                problems.append(f"and {more} more problems")
            return Verified(head.rows, head.mac, tuple(problems))

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
        """Remove what was settled before a moment. Owners, audit rows and open calls stay.

        Some rows at a time, each in a transaction of its own, and half of the time nothing: nobody
        waits longer for it than for other bookings.
        """
        # Only calls whose result is known: one in doubt keeps its row, however old.
        lapsed = (HOLD.c.state == IntentState.FINAL, HOLD.c.fence_at < before)
        purged = Purged(
            orders=await self._removed(INTENT, _settled(before)),
            holds=await self._removed(HOLD, lapsed),
            approvals=await self._removed(APPROVAL, (APPROVAL.c.expires_at < before,)),
        )
        await self._removed(ASKED, (ASKED.c.ends_at < before,))
        told = {"orders": purged.orders, "holds": purged.holds}
        await self._written(lambda tx: tx.note("purged", "", "", **told))
        return purged

    async def _removed(self, table: sa.Table, which: Sequence[sa.ColumnElement[bool]]) -> int:
        """Remove the rows of a table that fulfil these conditions, in the order of their keys, with
        what belongs to them. Returns how many of the table were removed.
        """
        key = table.c.nonce if table in (APPROVAL, ASKED) else table.c.serial
        number, last = 0, None
        while True:
            began = anyio.current_time()
            # Looked for without anybody's lock; behind what was removed, whose traces stay a while.
            after = () if last is None else (key > last,)
            some = sa.select(key).where(ours(table), *which, *after).order_by(key)
            some = some.limit(REMOVED_AT_A_TIME)
            keys = await self._read(partial(_keys, some))
            if not keys:
                return number
            last = keys[-1]
            # Asked again, since a row may have changed meanwhile: a late order was found.
            these = (key >= keys[0], key <= last, *which)
            number += await self._written(partial(_remove, table, these))
            # Whoever books has the other half of the time, however slow the database is.
            await anyio.sleep(anyio.current_time() - began)


def _settled(before: datetime) -> Sequence[sa.ColumnElement[bool]]:
    return (
        INTENT.c.state == IntentState.FINAL,
        INTENT.c.updated_at < before,
        # Until its fence an order of the call could still appear.
        INTENT.c.fence_at < before,
    )


def _keys(some: sa.Select[Any], tx: ReadTransaction) -> Sequence[Any]:
    return tx.run(some).scalars().all()


def _remove(table: sa.Table, which: Sequence[sa.ColumnElement[bool]], tx: WriteTransaction) -> int:
    if table is INTENT:
        ids = sa.select(INTENT.c.id).where(ours(INTENT), *which)
        of_them = (ours(OUTCOME), OUTCOME.c.intent_id.in_(ids))
        # By reservation, since that is how claims are found.
        claimed = CLAIM.c.reservation_id.in_(sa.select(OUTCOME.c.reservation_id).where(*of_them))
        tx.change(sa.delete(CLAIM).where(ours(CLAIM), claimed, CLAIM.c.intent_id.in_(ids)))
        tx.change(sa.delete(OUTCOME).where(*of_them))
    return tx.change(sa.delete(table).where(ours(table), *which))


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
