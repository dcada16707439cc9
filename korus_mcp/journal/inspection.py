"""The journal for its operator: what was ordered, what is open, whether the audit is intact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final

import anyio
import sqlalchemy as sa

from korus_mcp.journal.audit import AuditRow, Head
from korus_mcp.journal.records import Intent, IntentState, day_of
from korus_mcp.journal.sql import STOPPING, SqlJournal, call_lock, hold_lock
from korus_mcp.journal.tables import (
    APPROVAL,
    ASKED,
    AUDIT,
    CHAIN,
    CLAIM,
    HOLD,
    INTENT,
    KEEPER,
    OUTCOME,
    SPENT,
    WAITING,
)
from korus_mcp.journal.transaction import (
    OUR_ACCOUNT,
    UNFINISHED,
    ReadTransaction,
    WriteTransaction,
    fields_of,
    ours,
)
from korus_mcp.journal.watch import Met, Watch

AT_A_TIME: Final = 500
"""The most rows that one statement reads: a journal may have grown for years."""
REMOVED_AT_A_TIME: Final = 100
"""The most calls that one transaction removes: as long as that takes, an order waits."""
MOST_PROBLEMS: Final = 1000
"""The most problems of an audit that are told one by one."""


DAYS_COUNTED: Final = timedelta(days=2)
"""For how long it is kept what an owner spent on a day: by then it is over everywhere."""
_STOPPED: Final = OUR_ACCOUNT.where(KEEPER.c.stopped_at.is_(None)).values(
    stopped_at=sa.bindparam("stopped")
)
_NOT_KEPT: Final = (
    "no row has the seal that was kept: the journal was put back to before it, or is another one"
)
_RESUMED: Final = OUR_ACCOUNT.where(KEEPER.c.stopped_at.is_not(None)).values(stopped_at=None)


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
    """The result of a check: number of audit rows, seal of the last one, and the problems found.

    `kept_row`: the row whose seal was asked about, if there is one.
    """

    rows: int
    last_seal: str
    problems: tuple[str, ...]
    kept_row: int | None = None


class Inspection(SqlJournal):
    """The journal with questions for its operator only: no tool uses them."""

    async def check_key(self) -> None:
        """Check that the key of the audit may sign this journal.

        Raises:
            JournalDown: OTHER_KEY, another one signed it; SHORT_KEY, it is too short to begin to.
        """
        await self._check_key()

    async def met(self, watch: Watch) -> Met | None:
        """What a server would meet that looks at the journal now, by what `watch` knows of it."""
        return await watch.met(partial(self._place, watch))

    async def entries(self, *, limit: int, open_only: bool = False) -> Sequence[JournalEntry]:
        """The newest order calls, newest first."""
        which = [UNFINISHED] if open_only else []
        return await self._read(lambda tx: _entries(tx, *which, limit=limit))

    async def entry(self, name: str) -> JournalEntry | None:
        """The newest order call with this order number, id (of intent, order or reservation) or
        reference.
        """
        names = (OUTCOME.c.order_number, OUTCOME.c.order_id, OUTCOME.c.reservation_id)
        named = sa.or_(*(each == name for each in names))

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
        await self._all_sealed()
        return await self._read(lambda tx: [*_audit(tx, *subjects), *_waiting(tx, *subjects)])

    async def verify(self, *, unsealed: int, kept_seal: str | None = None) -> Verified:
        """Check the audit rows; the first `unsealed` ones may be without a seal.

        `kept_seal`: one that an earlier check printed. No row has it any more if the journal was
        put back to before that check, which its chain alone does not show.

        Raises:
            ValueError: There is no key to check with.
            JournalDown: The journal cannot be read.
        """
        columns = (CHAIN.c.number, CHAIN.c.head, CHAIN.c.seal)

        def work(tx: ReadTransaction) -> Verified:
            found = tx.run(sa.select(*columns).where(ours(CHAIN))).first()
            head = Head(0, "", "") if found is None else Head(*tuple(found))
            wrong = self._seals.problems(_audit(tx), head, unsealed=unsealed)
            problems = list(islice(wrong, MOST_PROBLEMS))
            # Counted only: a chain without its key breaks at each row.
            if more := sum(1 for _ in wrong):
                problems.append(f"and {more} more problems")
            row = None
            if kept_seal is not None:
                kept = sa.select(AUDIT.c.row).where(ours(AUDIT), AUDIT.c.mac == kept_seal)
                row = tx.run(kept).scalar_one_or_none()
                if row is None:
                    problems.append(_NOT_KEPT)
            return Verified(head.rows, head.mac, tuple(problems), row)

        await self._all_sealed()
        return await self._read(work)

    async def _all_sealed(self) -> None:
        """Seal what waits."""
        while await self.seal():
            pass

    async def stop(self, *, by: str) -> bool:
        """Take no new orders, in any process, from this commit on. Returns whether that is new.

        Those on their way are settled as ever. `by`: who did it, for the audit.
        """

        def work(tx: WriteTransaction) -> bool:
            if not tx.change(_STOPPED, stopped=tx.now):
                return False
            tx.note("orders_stopped", "", "", by=by)
            return True

        # It waits for those that just begin to send; nobody begins before this is committed.
        return await self._written(work, alone=[STOPPING])

    async def go(self, *, by: str) -> bool:
        """Take new orders again. Returns whether that is new."""

        def work(tx: WriteTransaction) -> bool:
            if not tx.change(_RESUMED):
                return False
            tx.note("orders_resumed", "", "", by=by)
            return True

        return await self._written(work, alone=[STOPPING])

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

        def done(tx: WriteTransaction) -> None:
            # Of the last days orders may still be counted.
            last = day_of(min(before, tx.now) - DAYS_COUNTED)
            tx.change(sa.delete(SPENT).where(ours(SPENT), SPENT.c.day < last))
            tx.note("purged", "", "", orders=purged.orders, holds=purged.holds)

        await self._written(done)
        return purged

    async def _removed(self, table: sa.Table, which: Sequence[sa.ColumnElement[bool]]) -> int:
        """Remove the rows of a table that fulfil these conditions, in the order of their keys, with
        what belongs to them. Returns how many of the table were removed.
        """
        is_call = table in (INTENT, HOLD)
        key, name = (table.c.serial, table.c.id) if is_call else (table.c.nonce, table.c.nonce)
        lock_of = call_lock if table is INTENT else hold_lock
        number, last = 0, 0 if is_call else ""  # before all keys
        while True:
            began = anyio.current_time()
            # Looked for without anybody's lock; behind what was removed, whose traces stay a while.
            these = (_ours_in_turn(table), key > last, *which)
            some = sa.select(key, name).where(*these).order_by(key).limit(REMOVED_AT_A_TIME)
            rows = await self._read(partial(_rows, some))
            if not rows:
                return number
            last = rows[-1][0]
            # Asked again, since a row may have changed meanwhile: a late order was found.
            step = partial(_remove, table, (key >= rows[0][0], key <= last, *which))
            number += await self._written(step, alone=[lock_of(each) for _, each in rows])
            # Whoever books has the other half of the time, however slow the database is.
            await anyio.sleep(anyio.current_time() - began)


def _settled(before: datetime) -> Sequence[sa.ColumnElement[bool]]:
    return (
        INTENT.c.state == IntentState.FINAL,
        INTENT.c.updated_at < before,
        # Until its fence an order of the call could still appear.
        INTENT.c.fence_at < before,
    )


def _rows(some: sa.Select[Any], tx: ReadTransaction) -> Sequence[Any]:
    return tx.run(some).all()


def _remove(table: sa.Table, which: Sequence[sa.ColumnElement[bool]], tx: WriteTransaction) -> int:
    if table is INTENT:
        ids = sa.select(INTENT.c.id).where(_ours_in_turn(INTENT), *which)
        of_them = (ours(OUTCOME), OUTCOME.c.intent_id.in_(ids))
        # By reservation, since that is how claims are found.
        claimed = CLAIM.c.reservation_id.in_(sa.select(OUTCOME.c.reservation_id).where(*of_them))
        tx.change(sa.delete(CLAIM).where(ours(CLAIM), claimed, CLAIM.c.intent_id.in_(ids)))
        tx.change(sa.delete(OUTCOME).where(*of_them))
    return tx.change(sa.delete(table).where(_ours_in_turn(table), *which))


def _ours_in_turn(table: sa.Table) -> sa.ColumnElement[bool]:
    """The condition that a row belongs to the account, for statements that go through a table in
    the order of its keys.
    """
    if "serial" not in table.c:
        return ours(table)  # its key begins with the account
    # In words that no index has: SQLite takes any index that begins with the account for better
    # than a range of keys, and would read all rows of the account each time.
    mine: sa.ColumnElement[bool] = table.c.account.concat("") == sa.bindparam(
        "of_account", type_=sa.Text
    )
    return mine


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


def _audit(tx: ReadTransaction, *subjects: str) -> Iterator[AuditRow]:
    """Audit rows of these, or all, oldest first; only some of them are in memory at a time."""
    last = 0
    while True:
        after = (
            sa.select(AUDIT)
            .where(ours(AUDIT), AUDIT.c.row > last, *_about(AUDIT, subjects))
            .order_by(AUDIT.c.row)
            .limit(AT_A_TIME)
        )
        rows = tx.run(after).all()
        yield from (AuditRow(row.row, **fields_of(AuditRow, row)) for row in rows)
        if len(rows) < AT_A_TIME:
            return
        last = rows[-1].row


def _waiting(tx: ReadTransaction, *subjects: str) -> Iterator[AuditRow]:
    """Those that wait to be sealed by a process that has the key, as if they stood in the audit."""
    number = tx.run(sa.select(CHAIN.c.number).where(ours(CHAIN))).scalar_one_or_none() or 0
    which = (ours(WAITING), *_about(WAITING, subjects))
    rows = tx.run(sa.select(WAITING).where(*which).order_by(WAITING.c.serial))
    for place, row in enumerate(rows, number + 1):
        yield AuditRow(place, **fields_of(AuditRow, row))


def _about(table: sa.Table, subjects: Sequence[str]) -> Sequence[sa.ColumnElement[bool]]:
    return (table.c.subject.in_(subjects),) if subjects else ()
