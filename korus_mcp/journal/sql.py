"""The persistent journal: SQLite for one machine, PostgreSQL for several.

A transaction that writes begins with locks of what it is about: the reservations of an order call,
the call itself, a question. So what it reads of these stays true until it commits, and calls about
other things wait for nothing of it: the limit of a day is counted with the commit, and the audit is
sealed afterwards. In SQLite there is one writer at a time.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import takewhile
from typing import Any, Final, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from korus_mcp.foundation.clock import Clock
from korus_mcp.journal.audit import AuditRow, Head, Seals
from korus_mcp.journal.engine import Database, OverLimit
from korus_mcp.journal.locks import NO_LOCKS, Locks
from korus_mcp.journal.records import (
    APPROVALS_KEPT,
    MOST_LISTED,
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
    HoldIntent,
    HoldResult,
    Installation,
    Intent,
    IntentState,
    JournalDown,
    JournalFault,
    Lease,
    LeaseLost,
    Open,
    OrderResult,
    OrdersStopped,
    OrdersWait,
    ReservationFacts,
    Seen,
    TooMuchOpen,
    day_of,
    noes_of,
    one_more_no,
)
from korus_mcp.journal.tables import (
    APPROVAL,
    ASKED,
    AUDIT,
    CHAIN,
    HELD,
    HOLD,
    INTENT,
    KEEPER,
    OUTCOME,
    OWNERSHIP,
    WAITING,
    Moment,
)
from korus_mcp.journal.transaction import (
    IS_TAKEN,
    NOW,
    OUR_ACCOUNT,
    UNFINISHED,
    UNFINISHED_HOLD,
    Found,
    ReadTransaction,
    WriteTransaction,
    fields_of,
    intents_that,
    leased_for,
    newest_intents_that,
    ours,
)
from korus_mcp.journal.watch import Place, Watch, WentBack

_Thing = TypeVar("_Thing")


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


_ANSWER: Final = ("owner", "digest", "expires_at", "state")


def _free_ones(table: sa.Table, key: str, *which: sa.ColumnElement[bool]) -> sa.Delete:
    """Remove the rows that fulfil these conditions but for those that somebody changes just now:
    nobody waits for them.
    """
    found = sa.select(table.c[key]).where(ours(table), *which).correlate(None)
    return sa.delete(table).where(
        ours(table), table.c[key].in_(found.with_for_update(skip_locked=True))
    )


_EXPIRED_BEFORE: Final = bindparam("moment", type_=Moment)
_OLD_APPROVALS: Final = _free_ones(
    APPROVAL,
    "nonce",
    # By the clock of their callers as well as by that of the journal: either may be ahead, and what
    # a person said must outlive that.
    APPROVAL.c.expires_at < _EXPIRED_BEFORE,
    sa.type_coerce(APPROVAL.c.expires_at, sa.BigInteger)
    < sa.type_coerce(NOW, sa.BigInteger) - _microseconds(APPROVALS_KEPT),
)
_ENDED: Final = _free_ones(HELD, "reservation_id", HELD.c.ends_at <= _EXPIRED_BEFORE)


def _is_over(since: sa.Column[datetime], length: str) -> sa.ColumnElement[bool]:
    """The condition that what began at a moment is so many microseconds over, or never began. A
    moment that is still to come is no reason to wait: the clock was ahead then.
    """
    began, now = sa.type_coerce(since, sa.BigInteger), sa.type_coerce(NOW, sa.BigInteger)
    ended = began + bindparam(length, type_=sa.BigInteger)
    return sa.or_(since.is_(None), ended <= now, began > now)


AT_A_TIME: Final = 500
"""The most audit rows that one transaction seals."""
_ACCOUNT: Final = sa.select(KEEPER.c.installation, KEEPER.c.secret).where(ours(KEEPER))
_HEAD: Final = sa.select(CHAIN.c.number, CHAIN.c.head, CHAIN.c.seal).where(
    ours(CHAIN), CHAIN.c.seal != ""
)
_SIGNED_BUT_WAITING: Final = sa.select(WAITING.c.account).where(ours(WAITING), WAITING.c.mac != "")
_NOTHING: Final = (
    sa.update(KEEPER).values(installation="").where(ours(KEEPER), KEEPER.c.installation == "")
)
_LEASED: Final = sa.update(INTENT).where(
    ours(INTENT), INTENT.c.id == bindparam("which"), INTENT.c.worker == bindparam("leased_by")
)
_SENDING: Final = _LEASED.where(INTENT.c.state == IntentState.NEW, IS_TAKEN).values(
    **leased_for(
        {
            "state": IntentState.SENDING.value,
            "sent_at": bindparam("begun_at"),
            "fence_at": bindparam("fenced_at"),
        }
    )
)
_RENEWED: Final = _LEASED.where(UNFINISHED).values(**leased_for({}))
_APPROVED: Final = postgresql.insert(APPROVAL).on_conflict_do_update(
    index_elements=[APPROVAL.c.account, APPROVAL.c.nonce],
    set_={name: sa.literal_column(f"excluded.{name}") for name in _ANSWER},
    # A used approval stays used: a yes is good for one order.
    where=APPROVAL.c.state != ApprovalState.USED,
)
_USED: Final = (
    sa.update(APPROVAL)
    .where(
        ours(APPROVAL),
        APPROVAL.c.nonce == bindparam("which"),
        APPROVAL.c.state == ApprovalState.OPEN,
    )
    .values(state=ApprovalState.USED.value)
)
_VOID: Final = sa.delete(APPROVAL).where(
    ours(APPROVAL),
    APPROVAL.c.nonce.in_(bindparam("nonces")),
    APPROVAL.c.state == ApprovalState.OPEN,
)
_ASKED_NO_MORE: Final = sa.delete(ASKED).where(ours(ASKED), ASKED.c.nonce.in_(bindparam("nonces")))
_ASKED_LONG_AGO: Final = _free_ones(ASKED, "nonce", ASKED.c.nonce.in_(bindparam("nonces")))
_VOID_LONG_AGO: Final = _free_ones(
    APPROVAL,
    "nonce",
    APPROVAL.c.nonce.in_(bindparam("nonces")),
    APPROVAL.c.state == ApprovalState.OPEN,
)
_OUR_ASKED: Final = sa.update(ASKED).where(ours(ASKED), ASKED.c.nonce == bindparam("which"))
_SWEEPING: Final = OUR_ACCOUNT.where(
    _is_over(KEEPER.c.sweeping_since, "lasts"), _is_over(KEEPER.c.swept_at, "every")
).values(sweeping_since=NOW)
_SWEPT: Final = OUR_ACCOUNT.values(sweeping_since=None, swept_at=NOW)
_WAITING: Final = (
    sa.select(WAITING).where(ours(WAITING)).order_by(WAITING.c.serial).limit(bindparam("most"))
)
_SEALED: Final = sa.delete(WAITING).where(ours(WAITING), WAITING.c.serial.in_(bindparam("serials")))


class SqlJournal:
    """The journal of one account in a SQL database, which the first call opens.

    Each call that writes is one transaction; any may raise JournalDown. Leases end by the journal's
    own clock; all other times are given by the caller.
    """

    def __init__(
        self,
        database: Database,
        account: str,
        *,
        audit_key: str | None = None,
        may_sign_anew: bool = True,
        watch: Watch | None = None,
    ) -> None:
        """`may_sign_anew`: whether the key may begin to sign a journal, too, and not only go on
        where it did already. `watch`: sees whether the database went back; a file needs none.
        """
        self._watch = watch
        self._may_sign_anew = may_sign_anew
        self._database = database
        self._account = account
        self._seals = Seals(audit_key, account)
        self._installation: Installation | None = None
        self.written = 0
        """How often this object wrote, or tried to: while it is the same, nothing changed here."""

    @classmethod
    def at(
        cls,
        url: str,
        account: str,
        *,
        clock: Clock,
        audit_key: str | None = None,
        may_sign_anew: bool = True,
        watch: Watch | None = None,
    ) -> Self:
        """The journal at an address like sqlite:///file or postgresql://host/name."""
        return cls(
            Database(url, clock=clock),
            account,
            audit_key=audit_key,
            may_sign_anew=may_sign_anew,
            watch=watch,
        )

    async def _check_key(self) -> None:
        """Check that the key may sign this journal: a row that another key signed would break the
        chain for good. Without a key rows are written without a seal.

        Raises:
            JournalDown: OTHER_KEY, another one signed it; SHORT_KEY, it may not begin to, and
                nothing here is signed.
        """
        if not self._seals.has_key:
            return
        row = await self._read(lambda tx: tx.run(_HEAD).one_or_none(), is_one=True)
        if row is not None:
            if not self._seals.fits(Head(row.number, row.head, row.seal)):
                raise JournalDown(JournalFault.OTHER_KEY)
        elif not self._may_sign_anew:
            waiting = sa.select(sa.exists(_SIGNED_BUT_WAITING))
            if not await self._read(lambda tx: tx.run(waiting).scalar_one(), is_one=True):
                raise JournalDown(JournalFault.SHORT_KEY)

    async def installation(self) -> Installation:
        """The installation that this journal belongs to; the first process makes it."""
        if self._installation is None:
            await self._check_key()
            there = await self._read(lambda tx: tx.run(_ACCOUNT).one_or_none(), is_one=True)
            row = there or await self._account_made()
            self._installation = Installation(row.installation, row.secret)
        return self._installation

    async def _account_made(self) -> Any:
        """The row of the account, which is made unless another process made it meanwhile."""

        def work(connection: Connection) -> Any:
            self._database.take_turns(connection)
            us = {"of_account": self._account}
            if connection.execute(_ACCOUNT, us).one_or_none() is None:
                made = {"installation": secrets.token_hex(3), "secret": secrets.token_bytes(32)}
                connection.execute(sa.insert(KEEPER), {"account": self._account, **made})
                none = {"number": 0, "head": "", "seal": ""}
                connection.execute(sa.insert(CHAIN), {"account": self._account, **none})
            return connection.execute(_ACCOUNT, us).one()

        return await self._database.run(work, writes=True)

    async def check_writable(self) -> None:
        """Check that a change could be made now. None is made: of no row, within a transaction that
        the database takes for one that writes.

        Raises:
            JournalDown: not now.
        """
        await self._in_one(lambda tx: tx.change(_NOTHING))

    # Approvals

    async def approve(self, approval: Approval, *, now: datetime | None = None) -> None:
        """Store an approval until a day after it expires; one that was used stays used.

        `now`: the caller's time, by which those are removed that expired long ago.
        """

        def work(tx: WriteTransaction) -> None:
            if now is not None:
                long_ago = {"moment": now - APPROVALS_KEPT, "clock_now": tx.clock_now}
                tx.change(_OLD_APPROVALS, **long_ago)
            tx.add_as(_APPROVED, asdict(approval))

        await self._written(work, begins=True)

    async def decline(self, no: Approval, reservation_ids: Sequence[str]) -> None:
        """Store a person's "no", and count it for each of these reservations, see `noes_of`."""
        # A reservation that is named twice counts once.
        ids = list(dict.fromkeys(reservation_ids))

        def work(tx: WriteTransaction) -> None:
            tx.add_as(_APPROVED, asdict(no))
            self._count(tx, no, ids)

        await self._written(work, alone=map(noes_of, ids))

    def _count(self, tx: WriteTransaction, no: Approval, reservation_ids: Sequence[str]) -> None:
        counts = tx.approvals([noes_of(each) for each in reservation_ids])
        for each in reservation_ids:
            tx.add_as(_APPROVED, asdict(one_more_no(no, each, counts.get(noes_of(each)))))

    async def approvals(self, nonces: Sequence[str]) -> Mapping[str, Approval]:
        """The approvals with these nonces, in whatever state."""
        return await self._read(lambda tx: tx.approvals(nonces), is_one=True)

    # Questions beside the host

    async def ask(self, asked: Asked, *, now: datetime) -> Asked:
        """Store a question to a person, or return the one with the same nonce and digest that still
        stands.

        It takes the place of every other question about one of its reservations: what was answered
        to those is void. What stands no more is removed.
        """

        def work(tx: WriteTransaction) -> Asked:
            there = tx.all_asked()
            for each in there:
                if (each.nonce, each.digest) == (asked.nonce, asked.digest) and each.stands(now):
                    return each
            gone = [each.nonce for each in there if each.is_about(asked)]
            tx.change(_ASKED_NO_MORE, nonces=gone)
            tx.change(_VOID, nonces=gone)
            # Questions about other reservations stay while they stand.
            over = [e.nonce for e in there if not e.stands(now) and not e.is_about(asked)]
            if over:
                tx.change(_ASKED_LONG_AGO, nonces=over)
                tx.change(_VOID_LONG_AGO, nonces=over)
            tx.add(ASKED, asdict(asked))
            return asked

        return await self._written(work, alone=_questions(asked))

    async def asked(self, which: str) -> Asked | None:
        """The question with this code or nonce."""
        return await self._read(lambda tx: tx.asked(which), is_one=True)

    async def asked_about(self, reservation_ids: Sequence[str]) -> Sequence[Asked]:
        """The questions about any of these reservations."""
        wanted = set(reservation_ids)
        there = await self._read(lambda tx: tx.all_asked(), is_one=True)
        return [each for each in there if not wanted.isdisjoint(each.reservation_ids)]

    async def answer(
        self, code: str, *, is_yes: bool, way: str, now: datetime, no_until: datetime
    ) -> Asked | None:
        """Store what a person said to a question that is open, and return it as it was before.

        A yes becomes an approval, which is good for one order. A no stands until `no_until` and
        counts for each reservation, as `decline` has it.
        """

        def work(tx: WriteTransaction) -> Asked | None:
            before = tx.asked(code)
            if before is None or not before.is_open(now):
                return before
            after = before.answered(is_yes=is_yes, no_until=no_until)
            tx.add_as(_APPROVED, asdict(after.approval))
            if not is_yes:
                self._count(tx, after.approval, after.reservation_ids)
            told = {"is_yes": is_yes, "open_until": after.open_until, "shown": after.shown}
            tx.change(_OUR_ASKED, which=after.nonce, **told)
            said = {"reservations": after.reservation_ids, "way": way}
            tx.note("agreed" if is_yes else "declined", after.owner, code, **said)
            return before

        if (found := await self.asked(code)) is None:
            return None
        return await self._written(work, alone=_questions(found))

    # Orders

    async def claim(
        self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
    ) -> None:
        """Store a NEW intent, claim its reservations and use up the approval, all or nothing.

        A claiming intent that is NEW without a live lease was never sent: it is closed and does not
        count. An approval counts as used if the reservations were tried since, see
        `Intent.attempt`.

        Raises:
            ClaimRefused: OrdersWait, AlreadyClaimed, OrdersStopped, ApprovalUsed or
                DayLimitReached, checked in this order.
        """

        if self._watch is not None and (waits := self._watch.waits) is not None:
            raise waits

        def work(tx: WriteTransaction) -> None:
            # Claims first: an existing claim explains more than a used approval.
            before = tx.before_claim(intent.reservation_ids)
            if before.claims:
                self._clear_unsent(tx, intent.reservation_ids)
            if before.stopped_at is not None:
                raise OrdersStopped
            # An order call was made since the person agreed: they agreed to the state before it.
            if intent.attempt not in (None, before.attempts):
                raise ApprovalUsed
            # In the same transaction as the claim, so that a crash cannot separate the two.
            if tx.change(_USED, which=approval_nonce) == 0:
                raise ApprovalUsed
            tx.store(intent, lease)
            if tx.claim(intent.id, intent.reservation_ids) < len(intent.reservation_ids):
                # A late order of another call was found and claimed them.
                raise AlreadyClaimed(next(iter(tx.holders(intent.reservation_ids).values())))
            tx.note(
                "claimed",
                intent.owner,
                intent.id,
                reference=intent.external_reference,
                reservations=intent.reservation_ids,
                total=str(intent.approved_total),
                agreed=intent.agreed,
            )
            tx.count(intent, limit=day_limit)

        try:
            await self._written(work, begins=True, alone=map(_reservation, intent.reservation_ids))
        except OverLimit:
            raise DayLimitReached from None

    def _clear_unsent(self, tx: WriteTransaction, reservation_ids: Sequence[str]) -> None:
        """Close the intents that claim these reservations and were never sent.

        Raises:
            AlreadyClaimed: One of them was sent, or is about to be.
        """
        holders = tx.holders(reservation_ids)
        for reservation_id, each in holders.items():
            # A failure that was written down meanwhile freed it.
            if not each.was_never_sent and reservation_id not in each.freed:
                raise AlreadyClaimed(each)
        unsent = [each.id for each in holders.values() if each.was_never_sent]
        tx.lock(*map(call_lock, unsent))
        # Read again: until it was locked its sender could go on.
        for each in tx.intents_of(dict.fromkeys(unsent)).values():
            if not each.is_final and not tx.closed_unsent(each):
                raise AlreadyClaimed(each)

    async def spent(self, owner: str, day: datetime, *, until: datetime) -> Decimal:
        """The sum (EUR) of an owner's orders of the UTC day that were sent before `until`."""
        return await self._read(lambda tx: tx.spent(owner, day, until=until), is_one=True)

    async def start_sending(
        self, intent: Intent, *, lease: Lease, sent_at: datetime, fence_at: datetime
    ) -> Intent:
        """Turn an intent from NEW into SENDING, durably, under this worker's lease.

        Raises:
            LeaseLost: It is not NEW any more, or another worker has its lease.
            OrdersStopped: Nothing is sent any more, although it was claimed.
            OrdersWait: The database went back since this process looked last.
        """

        watch = self._watch
        before = None if watch is None else watch.seen

        def work(tx: WriteTransaction) -> Place | None:
            given = {"begun_at": sent_at, "fenced_at": fence_at}
            given |= self._lease_given(tx, intent.id, lease)
            # The WHERE condition decides between two workers: it matches for one of them only.
            if watch is None:
                is_mine, told = tx.change(_SENDING, **given) > 0, None
            else:
                # In the answer to the statement that is needed anyway.
                row = tx.run(_SENDING.returning(watch.told), **given).one_or_none()
                is_mine, told = row is not None, None if row is None else row.place
            if not is_mine:
                raise LeaseLost if tx.run(_TAKEN).scalar_one() else OrdersStopped
            # It counts for the day on which it is sent.
            if day_of(sent_at) != day_of(intent.sent_at):
                tx.count(intent, frees=True)
                tx.count(replace(intent, sent_at=sent_at))
            return None if watch is None else watch.check(before, told)

        # Whoever stops waits for it, and what comes after reads that it is stopped.
        locks: Any = {"alone": [call_lock(intent.id)], "beside": [STOPPING]}
        send = partial(self._written, work, begins=True, **locks)
        try:
            await (send() if watch is None else _noted(watch, send))
        except LeaseLost:
            # The row may be missing since the database went back.
            if (waits := await self.waits()) is not None:
                raise waits from None
            raise
        begun = replace(intent, state=IntentState.SENDING, sent_at=sent_at, fence_at=fence_at)
        return replace(begun, is_leased=True, attempt=None)

    async def renew(self, intent_id: str, lease: Lease) -> bool:
        """Prolong this worker's lease. Returns False if it was lost or the intent is FINAL."""

        def work(tx: WriteTransaction) -> bool:
            return tx.change(_RENEWED, **self._lease_given(tx, intent_id, lease)) > 0

        return await self._written(work, alone=[call_lock(intent_id)])

    def _lease_given(self, tx: WriteTransaction, intent_id: str, lease: Lease) -> dict[str, Any]:
        return {
            "which": intent_id,
            "leased_by": lease.worker,
            "microseconds": int(lease.seconds * 1_000_000),
            "clock_now": tx.clock_now,
        }

    async def settle(
        self, intent_id: str, result: OrderResult, *, known: Intent | None = None
    ) -> Intent:
        """Add a result of an order call, record who owns the orders, and return the whole intent.

        Reservations in `Intent.freed` are no longer claimed. A FINAL intent is not changed. The
        lease ends. `known`: the intent as its sender knows it. If the database lost that it was
        sent, it is put back, and that is written into the audit.

        Raises:
            IntentLost: There is no such intent, and nothing to put back.
        """

        def work(tx: WriteTransaction) -> Intent:
            stored = tx.put_back(intent_id, known)
            return stored if stored.is_final else tx.keep(stored, stored.told(result))

        return await self._written(work, alone=_known_locks(intent_id, known))

    async def repair(
        self,
        intent_id: str,
        orders: Mapping[str, str],
        *,
        known: Intent | None = None,
        numbers: Mapping[str, str] = NO_NUMBERS,
    ) -> Intent:
        """Add orders that turned up late, even to a FINAL intent; claim their reservations again,
        and write that into the audit. `known` is as for `settle`.

        Raises:
            IntentLost: There is no such intent, and nothing to put back.
        """

        def work(tx: WriteTransaction) -> Intent:
            stored = tx.put_back(intent_id, known)
            repaired = tx.keep(stored, stored.repaired(orders, numbers))
            # Only free reservations: another order of one keeps its claim.
            tx.claim(intent_id, orders)
            tx.note("late_order_found", stored.owner, intent_id, orders=dict(orders))
            return repaired

        return await self._written(work, alone=_known_locks(intent_id, known))

    async def number(self, intent_id: str, numbers: Mapping[str, str]) -> None:
        """Add the numbers (KT-ORD-...) of orders of a FINAL intent, by order id: the answer to its
        call did not tell them, or an older version did not keep them. Nothing else is changed.

        Raises:
            IntentLost: There is no such intent.
        """

        def work(tx: WriteTransaction) -> None:
            stored = tx.intent(intent_id)
            if stored.is_final:
                tx.keep(stored, stored.numbered(numbers))

        await self._written(work, alone=[call_lock(intent_id)])

    async def take_over(self, lease: Lease, *, limit: int = 50) -> Sequence[Intent]:
        """Lease the SENDING intents without a live lease, oldest first, and mark them ambiguous.

        NEW intents without a live lease are closed as never sent, and not returned.
        """

        taken = []
        # Read first: mostly there is nothing to do. Each is a transaction of its own: no order
        # waits for another one to be taken over.
        for each in await self._read(lambda tx: tx.unleased_intents(limit), is_one=True):
            step = partial(self._taken_over, each.id, lease)
            if (intent := await self._written(step, alone=[call_lock(each.id)])) is not None:
                taken.append(intent)
        return taken

    def _taken_over(self, intent_id: str, lease: Lease, tx: WriteTransaction) -> Intent | None:
        intent = tx.intent(intent_id)
        # Another worker was quicker, or its own one goes on.
        if intent.is_final or intent.is_leased or tx.closed_unsent(intent):
            return None
        tx.take(intent.id, lease)
        return replace(intent, ambiguous=True, is_leased=True)

    async def unfinished(self) -> int:
        """How many intents are not FINAL, whoever has their leases."""

        number = sa.select(sa.func.count()).where(ours(INTENT), UNFINISHED)
        return await self._read(lambda tx: int(tx.run(number).scalar_one()), is_one=True)

    async def ending(self, now: datetime, until: datetime) -> int:
        """How many reservations are held at `now`, not ordered, and end by `until`."""

        number = sa.select(sa.func.count()).where(
            ours(HELD), HELD.c.ends_at > now, HELD.c.ends_at <= until
        )
        return await self._read(lambda tx: int(tx.run(number).scalar_one()), is_one=True)

    async def standing(
        self, reservation_ids: Sequence[str], *, owner: str, since: datetime
    ) -> ReservationFacts:
        """What is known of these reservations, and which orders of an owner are doubtful."""

        def look(tx: ReadTransaction) -> Found:
            more = () if watch is None else (watch.told,)
            return tx.found(reservation_ids, owner, since, MOST_LISTED, *more)

        def work(tx: ReadTransaction) -> tuple[Found, ReservationFacts]:
            found = look(tx)
            return found, ReservationFacts(
                owners=found.owners,
                # Without an intent there is no claim.
                holders=tx.holders(reservation_ids) if found.attempts else {},
                attempts=found.attempts,
                doubtful=list(tx.intents_of(found.doubtful).values()) if found.doubtful else [],
                stopped_at=found.stopped_at,
            )

        watch = self._watch
        before = None if watch is None else watch.seen
        # Mostly this is all: the database may be far away.
        found = await self._read(look, begins=True, is_one=True)
        if found.attempts or found.doubtful:
            found, facts = await self._read(work)
        else:
            facts = ReservationFacts(found.owners, {}, 0, [], found.stopped_at)
        if watch is None:
            return facts
        with suppress(OrdersWait):
            await _noted(watch, partial(_checked, watch, before, found.place))
        return replace(facts, waits=watch.waits)

    async def doubtful(
        self, owner: str, *, since: datetime, limit: int = MOST_LISTED
    ) -> Sequence[Intent]:
        """The newest intents of an owner that are not FINAL, or that were in doubt, were sent after
        `since` and made an order. The newest comes last.
        """
        return await self._read(lambda tx: tx.doubtful(owner, since, limit))

    async def intents_of(self, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The intents that claim these reservations, by reservation."""
        return await self._read(lambda tx: tx.holders(reservation_ids))

    async def intent_by_reference(self, external_reference: str) -> Intent | None:
        """The intent with this external reference of ours, whoever owns it."""
        which = INTENT.c.external_reference == external_reference
        found = await self._read(lambda tx: tx.intents(intents_that(which)), is_one=True)
        return found[0] if found else None

    async def intents_by_reference(
        self, owner: str, reference: str, *, limit: int = MOST_LISTED
    ) -> Sequence[Intent]:
        """The newest intents of an owner with this reference, ours or the caller's; newest last."""
        references = (INTENT.c.external_reference, INTENT.c.caller_reference)
        which = (INTENT.c.owner == owner, sa.or_(*(c == reference for c in references)))
        newest = newest_intents_that(*which)
        return await self._read(lambda tx: tx.intents(newest, most=limit), is_one=True)

    async def stopped_at(self) -> datetime | None:
        """Since when the operator takes no new orders; None where they are taken."""
        stopped_at = sa.select(KEEPER.c.stopped_at).where(ours(KEEPER))
        return await self._read(lambda tx: tx.run(stopped_at).scalar_one_or_none(), is_one=True)

    async def waits(self) -> OrdersWait | None:
        """Look at the database. Returns until when orders wait, if it went back."""
        watch = self._watch
        if watch is None:
            return None
        if watch.seen is None:
            await watch.opened(partial(self._place, watch))
        else:
            before, told = watch.seen, await self._place(watch)
            with suppress(OrdersWait):
                await _noted(watch, partial(_checked, watch, before, told))
        return watch.waits

    async def _place(self, watch: Watch) -> str | None:
        """Where the database stands."""

        def work(tx: ReadTransaction) -> str | None:
            told: str | None = tx.run(sa.select(watch.told)).scalar_one()
            return told

        return await self._read(work, is_one=True)

    # Reserve calls

    async def begin_hold(
        self, hold: HoldIntent, lease: Lease, *, most: Open | None = None, seen: Seen = NOTHING_SEEN
    ) -> HoldIntent | None:
        """Store a reserve call as SENDING and return None; or return an earlier equal call instead.

        That is an equal call which is still SENDING, unless it has no live lease and is past its
        fence. It is also the last call with a key of `seen`, if the caller does not know of it or
        of its result (`HoldIntent.is_news`). `most` limits what the owner may hold with this call:
        reservations that were not ordered and have not ended when it is sent, and reserve calls
        that are leased or not past their fence.

        Raises:
            TooMuchOpen: It would be more; nothing was stored.
        """

        def work(tx: WriteTransaction) -> HoldIntent | None:
            last = tx.last_holds({hold.key, *seen})
            for key, known in seen.items():
                if key in last and last[key].is_news(known):
                    return last[key]
            earlier = last.get(hold.key)
            if earlier is not None and earlier.is_in_the_way_of(hold.sent_at):
                return earlier
            if earlier is not None and not earlier.is_final:
                # Past its fence nothing of it can appear any more: it made nothing.
                tx.lapse(earlier)
            # Holds that ended no longer count; they are removed here, where holds are counted.
            tx.later(_ENDED, moment=hold.sent_at)
            if most is not None:
                is_open = tx.open_of(hold.owner, hold.sent_at)
                if not (is_open + hold.weight).fits(most):
                    raise TooMuchOpen(is_open)
            tx.store_hold(hold, lease)
            return None

        keys = (f"reserve {key}" for key in {hold.key, *seen})
        return await self._written(work, begins=True, alone=[f"holds of {hold.owner}", *keys])

    async def hold_of(self, key: str) -> HoldIntent | None:
        """The last reserve call with this key."""
        return (await self._read(lambda tx: tx.last_holds([key]), is_one=True)).get(key)

    async def settle_hold(self, hold_id: str, made: HoldResult = NOTHING_MADE) -> HoldIntent:
        """Store what a reserve call made and who owns that; a FINAL call is not changed.

        What its reservations count for: see `HoldIntent.shares`.
        """

        def work(tx: WriteTransaction) -> HoldIntent:
            hold = tx.hold(hold_id)
            if hold.is_final:
                return hold
            tx.own(hold.owner, made.reservation_ids, is_order=False)
            return tx.settle_hold(hold, made)

        return await self._written(work, alone=[hold_lock(hold_id)])

    async def doubt_hold(self, hold_id: str) -> HoldIntent:
        """Note that the answer of a reserve call was lost; its lease ends."""

        def work(tx: WriteTransaction) -> HoldIntent:
            tx.change_hold(hold_id, ambiguous=True)
            return tx.hold(hold_id)

        return await self._written(work, alone=[hold_lock(hold_id)])

    async def adopt(self, hold_id: str, made: HoldResult, *, now: datetime) -> bool:
        """Take what was found as made by a SENDING reserve call.

        Returns False if a reservation has an owner, or if another reserve call may have made it:
        one with an equal item that is SENDING and not past its fence, by the API's clock.
        """

        def work(tx: WriteTransaction) -> bool:
            hold = tx.hold(hold_id)
            if hold.is_final:
                return False
            others = (
                sa.select(HOLD.c.wishes)
                .where(
                    ours(HOLD),
                    HOLD.c.id != hold_id,
                    UNFINISHED_HOLD,
                    HOLD.c.fence_at > now,
                )
                .order_by(HOLD.c.serial)
            )
            # Another call for the same item may have made it: a person decides, we do not guess.
            if any(set(wishes) & set(hold.wishes) for wishes in tx.run(others).scalars()):
                return False
            if not tx.own(hold.owner, made.reservation_ids, is_order=False):
                raise _Owned
            tx.settle_hold(hold, made)
            return True

        try:
            return await self._written(work, alone=[hold_lock(hold_id)])
        except _Owned:
            return False

    # Ownership

    async def own(self, owner: str, *resource_ids: str) -> None:
        """Store whose reservations or orders these are; the first owner stays."""
        await self._written(lambda tx: tx.own(owner, resource_ids, is_order=False))

    async def owners_of(self, resource_ids: Sequence[str]) -> Mapping[str, str]:
        """The owners of these resources, by id; those without an owner are left out."""
        return await self._read(lambda tx: tx.owners(resource_ids), is_one=True)

    async def owners(self) -> Sequence[str]:
        """All owners that the journal knows: who held, ordered or owns something."""
        each = (sa.select(table.c.owner).where(ours(table)) for table in (HOLD, INTENT, OWNERSHIP))
        everybody = sa.union(*each).subquery()
        named = sa.select(everybody.c.owner).where(everybody.c.owner != "").order_by("owner")
        return await self._read(lambda tx: tx.run(named).scalars().all(), is_one=True)

    async def orders_of(self, owner: str, *, limit: int = MOST_LISTED) -> Sequence[str]:
        """The newest order ids of an owner, newest first; within one call, the last one first."""

        newest = (
            sa.select(OWNERSHIP.c.resource_id)
            .where(ours(OWNERSHIP), OWNERSHIP.c.owner == owner, OWNERSHIP.c.is_order)
            .order_by(OWNERSHIP.c.serial.desc())
            .limit(limit)
        )
        return await self._read(lambda tx: tx.run(newest).scalars().all(), is_one=True)

    async def orders_within(
        self, tenant: str, *, reader: str, buyer: str | None = None, limit: int = MOST_LISTED
    ) -> Sequence[str]:
        """The newest order ids of all owners in a tenant, or of those with this `Intent.buyer`;
        newest first.

        That `reader` was told them is written into the audit first.
        """
        which = [] if buyer is None else [OWNERSHIP.c.resource_id.in_(_bought_by(buyer))]
        newest = (
            sa.select(OWNERSHIP.c.resource_id)
            .where(
                ours(OWNERSHIP),
                OWNERSHIP.c.owner.startswith(f"{tenant}/", autoescape=True),
                OWNERSHIP.c.is_order,
                *which,
            )
            .order_by(OWNERSHIP.c.serial.desc())
            .limit(limit)
        )

        def work(tx: WriteTransaction) -> Sequence[str]:
            found = tx.run(newest).scalars().all()
            # Whose orders were looked for is told by the orders: the audit outlives the digest.
            by = {} if buyer is None else {"by": "email", "order_ids": tuple(found)}
            tx.note("orders_told", reader, tenant, orders=len(found), **by)
            return found

        return await self._written(work)

    async def made_since(self, owner: str, since: datetime) -> Mapping[str, datetime]:
        """The ids of reservations and orders that an owner's calls sent after `since` made, each
        with the time at which its call was sent.
        """
        return await self._read(lambda tx: tx.made_since(owner, since))

    async def held_until(
        self, reservation_ids: Sequence[str], now: datetime
    ) -> Mapping[str, datetime]:
        """When those of these reservations end that are held at `now`, by id: those that ended by
        then, or were ordered, are left out.
        """
        return await self._read(lambda tx: tx.held_until(reservation_ids, now), is_one=True)

    async def bookings_of(
        self, owner: str, now: datetime, *, limit: int = MOST_LISTED
    ) -> tuple[Sequence[str], Sequence[str]]:
        """The ids of the reservations that an owner holds at `now`, what ends last first, and of
        their orders, the newest first: at most `limit` of each.
        """
        return await self._read(lambda tx: tx.bookings_of(owner, now, limit))

    # Sweep

    async def begin_sweep(self, *, every: timedelta) -> bool:
        """Whether a sweep is due; if so, it is this caller's for an hour or until it is done."""

        def work(tx: WriteTransaction) -> bool:
            # A sweep that began too long ago was left by a worker that died.
            lengths = {"lasts": _microseconds(SWEEP_LASTS), "every": _microseconds(every)}
            return tx.change(_SWEEPING, clock_now=tx.clock_now, **lengths) > 0

        return await self._written(work)

    async def sweep_done(self) -> None:
        """Note that a sweep was completed."""
        await self._written(lambda tx: tx.change(_SWEPT, clock_now=tx.clock_now))

    async def last_sweep(self) -> datetime | None:
        """When a sweep was completed last, by the journal's clock."""

        swept_at = sa.select(KEEPER.c.swept_at).where(ours(KEEPER))
        return await self._read(lambda tx: tx.run(swept_at).scalar_one_or_none(), is_one=True)

    async def found_late(self, external_reference: str, order_id: str) -> None:
        """Write an order that has our prefix but no intent into the audit, once for each order."""

        def work(tx: WriteTransaction) -> None:
            # Each sweep finds it again, but it is written once.
            if not any(tx.run(_late(table), subject=order_id).scalar_one() for table in _ROWS):
                tx.note("late_order_found", "", order_id, reference=external_reference)

        await self._written(work, alone=[f"late {order_id}"])

    # Audit

    async def seal(self) -> int:
        """Seal the oldest audit rows that wait, in order. Returns how many: none where another
        process does it just now, or has the key for it.

        Nothing that books waits for this, nor does it wait for anything.
        """

        def work(tx: WriteTransaction) -> int:
            head = tx.chain()
            if head is None:
                return 0
            waiting = list(takewhile(lambda r: self._seals.may_take(r, head), waiting_rows(tx)))
            tx.seal(head, waiting)
            tx.change(_SEALED, serials=[row.number for row in waiting])
            return len(waiting)

        # In a file they are sealed as they are written.
        return 0 if self._database.is_sqlite else await self._in_one(work)

    async def move(self, url: str) -> None:
        """Go on in the database at another address; what is under way in this one fails."""
        before, self._database = self._database, self._database.elsewhere(url)
        self._installation = None
        self.written += 1
        await before.close()

    async def close(self) -> None:
        """Close what is open."""
        await self._database.close()

    # Helpers

    async def _read(
        self,
        work: Callable[[ReadTransaction], _Thing],
        *,
        begins: bool = False,
        is_one: bool = False,
    ) -> _Thing:
        """Run a transaction that only reads, and return its result. `is_one`: the work is one
        statement, see `Database.run`.
        """
        if begins:
            await self._first_seen()

        def within(connection: Connection) -> _Thing:
            return work(ReadTransaction(connection, self._account, self._database))

        return await self._database.run(within, writes=False, begins=begins, is_one=is_one)

    async def _written(
        self,
        work: Callable[[WriteTransaction], _Thing],
        *,
        begins: bool = False,
        alone: Iterable[str] = (),
        beside: Iterable[str] = (),
    ) -> _Thing:
        """Run a transaction that writes, once nobody else is at what it names: see `Locks`."""
        if begins:
            await self._first_seen()
        locks = Locks(
            alone=frozenset(f"{self._account} {name}" for name in alone),
            beside=frozenset(f"{self._account} {name}" for name in beside),
        )
        try:
            return await self._in_one(work, begins=begins, locks=locks)
        finally:
            # Afterwards, and whatever came of it: who read meanwhile has to read again.
            self.written += 1

    async def _in_one(
        self,
        work: Callable[[WriteTransaction], _Thing],
        *,
        begins: bool = False,
        locks: Locks = NO_LOCKS,
    ) -> _Thing:
        def within(connection: Connection) -> _Thing:
            tx = WriteTransaction(connection, self._account, self._database, seals=self._seals)
            answer = work(tx)
            tx.end()  # in the same commit as the work, so that no change is missing from the audit
            return answer

        await self.installation()  # there is a row of the account from then on
        return await self._database.run(within, writes=True, begins=begins, locks=locks)

    async def _first_seen(self) -> None:
        """See where the database stands, before this process first adds to it."""
        if self._watch is not None and self._watch.seen is None:
            await self._watch.opened(partial(self._place, self._watch))


class _Owned(Exception):
    """What was found belongs to somebody already."""


STOPPING: Final = "stopping"
"""The lock of the switch that stops new orders."""
_ROWS: Final = (AUDIT, WAITING)
_TAKEN: Final = sa.select(IS_TAKEN)


def _bought_by(buyer: str) -> sa.Select[Any]:
    """The ids of the orders that calls with this `Intent.buyer` made."""
    of_call = (OUTCOME.c.account == INTENT.c.account, OUTCOME.c.intent_id == INTENT.c.id)
    return (
        sa.select(OUTCOME.c.order_id)
        .join(INTENT, sa.and_(*of_call))
        .where(ours(INTENT), INTENT.c.buyer == buyer, OUTCOME.c.order_id.is_not(None))
    )


def _reservation(reservation_id: str) -> str:
    return f"reservation {reservation_id}"


def call_lock(intent_id: str) -> str:
    """The lock of an order call."""
    return f"call {intent_id}"


def _known_locks(intent_id: str, known: Intent | None) -> Iterable[str]:
    """The locks of an order call that may be put back: the daily look may do the same by its
    reference.
    """
    more = () if known is None else (f"reference {known.external_reference}",)
    return (call_lock(intent_id), *more)


def _questions(asked: Asked) -> Iterable[str]:
    """What a question is about: another one about any of it waits, and so do their noes."""
    return (f"question {asked.nonce}", *map(noes_of, asked.reservation_ids))


def hold_lock(hold_id: str) -> str:
    """The lock of a reserve call."""
    return f"hold {hold_id}"


def _late(table: sa.Table) -> sa.Select[Any]:
    which = (table.c.subject == bindparam("subject"), table.c.event == "late_order_found")
    return sa.select(sa.func.count()).select_from(table).where(ours(table), *which)


def waiting_rows(tx: ReadTransaction) -> list[AuditRow]:
    """The oldest audit rows that wait, numbered by their serials."""
    rows = tx.run(_WAITING, most=AT_A_TIME)
    return [AuditRow(row.serial, **fields_of(AuditRow, row)) for row in rows]


async def _checked(watch: Watch, before: Place | None, told: str | None) -> Place | None:
    return watch.check(before, told)


async def _noted(watch: Watch, work: Callable[[], Awaitable[Place | None]]) -> None:
    """Do some work and remember the place that it returns.

    Raises:
        OrdersWait: The database went back.
    """
    try:
        place = await work()
    except WentBack as back:
        raise await watch.went_back(back.place) from None
    await watch.note(place)
