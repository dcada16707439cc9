"""The statements inside a transaction of the journal.

Those that a booking needs are built once, as constants: building one takes longer than running it.
The account and other values are bound when they run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from functools import cache, cached_property
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from korus_mcp.journal.audit import AuditRow, Head, Seals
from korus_mcp.journal.engine import AT_THE_END, Database
from korus_mcp.journal.records import (
    CLOCK_STEPS,
    NEVER_SENT,
    UNITS,
    Approval,
    ApprovalState,
    Asked,
    HoldIntent,
    HoldResult,
    Intent,
    IntentLost,
    IntentState,
    JournalDown,
    JournalFault,
    Lease,
    Open,
    RefusedItem,
    canonical_json,
    day_of,
    units_of,
)
from korus_mcp.journal.tables import (
    APPROVAL,
    ASKED,
    AUDIT,
    CHAIN,
    CLAIM,
    HELD,
    HOLD,
    INTENT,
    KEEPER,
    METADATA,
    OUTCOME,
    OWNERSHIP,
    SERVERS_MOMENT,
    WAITING,
    Moment,
)

NOW: Final = sa.func.coalesce(bindparam("clock_now", type_=Moment), SERVERS_MOMENT, type_=Moment)
"""The time by the clock that all users of the journal share, within a statement; `clock_now` is
`Database.own_now`."""
_SINCE_1970: Final = sa.type_coerce(NOW, sa.BigInteger)
_CLOCK_STEPS: Final = sa.literal(CLOCK_STEPS // timedelta(microseconds=1), sa.BigInteger)

_OUTCOMES: Final = sa.and_(
    OUTCOME.c.account == INTENT.c.account, OUTCOME.c.intent_id == INTENT.c.id
)


_MOMENT: Final = SERVERS_MOMENT.label("moment")


def ours(table: sa.Table) -> sa.ColumnElement[bool]:
    """The condition that a row belongs to the account; `ReadTransaction.run` binds the account."""
    mine: sa.ColumnElement[bool] = table.c.account == bindparam("of_account", type_=sa.Text)
    return mine


def of_owner(table: sa.Table) -> sa.ColumnElement[bool]:
    """The condition that a row belongs to the account and to the owner, bound as `whose`."""
    return sa.and_(ours(table), table.c.owner == bindparam("whose"))


def _open(table: sa.Table) -> sa.ColumnElement[bool]:
    """The condition that a row is not FINAL, in the words of the index of such rows."""
    states = (IntentState.NEW, IntentState.SENDING)
    unfinished: sa.ColumnElement[bool] = table.c.state.in_(
        [sa.literal_column(f"'{state}'") for state in states]
    )
    return unfinished


def is_leased(table: sa.Table) -> sa.ColumnElement[bool]:
    """The condition that a worker has a live lease on a row, see `ReadTransaction.has_lease`."""
    given = table.c.leased_at
    return sa.and_(
        table.c.lease_until > NOW,
        sa.or_(given.is_(None), sa.type_coerce(given, sa.BigInteger) <= _SINCE_1970 + _CLOCK_STEPS),
    )


def leased_for(values: Mapping[str, object]) -> Mapping[str, object]:
    """These columns of an update and those of a lease that begins with it, for so many
    `microseconds`; its worker is bound as `worker`.
    """
    length = bindparam("microseconds", type_=sa.BigInteger)
    lease = {"leased_at": NOW, "lease_until": _SINCE_1970 + length}
    return {**values, "updated_at": NOW, **lease}


def intents_that(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Select the intents that fulfil these conditions, oldest first; one row per reservation, in
    the order of the call.
    """
    told = ("reservation_id", "order_id", "order_number", "reason")
    return (
        sa.select(INTENT, *(OUTCOME.c[each] for each in told), _MOMENT)
        .join(OUTCOME, _OUTCOMES)
        .where(ours(INTENT), *which)
        .order_by(INTENT.c.serial, OUTCOME.c.position)
    )


def newest_intents_that(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Select the newest `most` intents that fulfil these conditions, the newest last."""
    last = (
        sa.select(INTENT.c.serial)
        .where(ours(INTENT), *which)
        .order_by(INTENT.c.serial.desc())
        .limit(bindparam("most"))
    )
    return intents_that(INTENT.c.serial.in_(last.scalar_subquery()))


UNFINISHED: Final = _open(INTENT)
UNFINISHED_HOLD: Final = _open(HOLD)
_INTENT: Final = intents_that(INTENT.c.id == bindparam("which"))
_REFERRED: Final = intents_that(INTENT.c.external_reference == bindparam("which"))
_INTENTS: Final = intents_that(INTENT.c.id.in_(bindparam("ids")))
_DOUBTFUL: Final = (
    sa.select(INTENT.c.id)
    .where(
        of_owner(INTENT),
        sa.or_(
            UNFINISHED,
            # A closed one that was in doubt and made an order: its owner may not know of that yet.
            sa.and_(INTENT.c.ambiguous, INTENT.c.spends, INTENT.c.sent_at > bindparam("since")),
        ),
    )
    .order_by(INTENT.c.serial.desc())
    .limit(bindparam("most"))
)
_CLAIMS: Final = (
    sa.select(CLAIM.c.reservation_id, CLAIM.c.intent_id)
    .where(ours(CLAIM), CLAIM.c.reservation_id.in_(bindparam("ids")))
    .order_by(CLAIM.c.reservation_id)
)
_ATTEMPTS: Final = sa.select(sa.func.count(OUTCOME.c.intent_id.distinct())).where(
    ours(OUTCOME), OUTCOME.c.reservation_id.in_(bindparam("ids"))
)
_NO_TEXT: Final = sa.cast(sa.null(), sa.Text)


@cache
def _found(*more: sa.ColumnElement[Any]) -> sa.CompoundSelect[Any]:
    """See `ReadTransaction.found`: one row has what there is once, and `more`."""
    once = sa.select(
        _NO_TEXT.label("resource_id"),
        _NO_TEXT.label("owner"),
        _NO_TEXT.label("doubtful"),
        _ATTEMPTS.scalar_subquery().label("attempts"),
        sa.select(KEEPER.c.stopped_at).where(ours(KEEPER)).scalar_subquery().label("stopped_at"),
        *more,
    )
    nothing = (sa.null(), sa.null(), *(sa.null() for _ in more))
    owners = sa.select(OWNERSHIP.c.resource_id, OWNERSHIP.c.owner, sa.null(), *nothing).where(
        ours(OWNERSHIP), OWNERSHIP.c.resource_id.in_(bindparam("ids"))
    )
    doubtful = sa.select(sa.null(), sa.null(), _DOUBTFUL.subquery().c.id, *nothing)
    return sa.union_all(once, owners, doubtful)


_BEFORE_CLAIM: Final = sa.select(
    sa.select(sa.func.count())
    .select_from(CLAIM)
    .where(ours(CLAIM), CLAIM.c.reservation_id.in_(bindparam("ids")))
    .scalar_subquery()
    .label("claims"),
    _ATTEMPTS.scalar_subquery().label("attempts"),
    KEEPER.c.stopped_at,
    _MOMENT,
).where(ours(KEEPER))
IS_TAKEN: Final = (
    sa.select(KEEPER.c.account).where(ours(KEEPER), KEEPER.c.stopped_at.is_(None)).exists()
)
"""The condition that new orders are taken."""
_APPROVALS: Final = (
    sa.select(*(APPROVAL.c[each.name] for each in fields(Approval)))
    .where(ours(APPROVAL), APPROVAL.c.nonce.in_(bindparam("nonces")))
    .order_by(APPROVAL.c.nonce)
)
_ASKED: Final = sa.select(*(ASKED.c[each.name] for each in fields(Asked))).where(ours(ASKED))
_ASKED_ALL: Final = _ASKED.order_by(ASKED.c.nonce)
_ASKED_ONE: Final = _ASKED.where(
    sa.or_(ASKED.c.code == bindparam("which"), ASKED.c.nonce == bindparam("which"))
)
_OWNERS: Final = (
    sa.select(OWNERSHIP.c.resource_id, OWNERSHIP.c.owner)
    .where(ours(OWNERSHIP), OWNERSHIP.c.resource_id.in_(bindparam("ids")))
    .order_by(OWNERSHIP.c.serial)
)
_AMOUNTS: Final = (
    sa.select(INTENT.c.approved_total, sa.func.count().label("number"))
    .where(
        of_owner(INTENT),
        INTENT.c.sent_at >= bindparam("day"),
        INTENT.c.sent_at < bindparam("next_day"),
        INTENT.c.spends,
    )
    .group_by(INTENT.c.approved_total)
    .order_by(INTENT.c.approved_total)
)
"""The database counts equal amounts, so that a day with many orders gives few rows."""
_LAST_SERIALS: Final = (
    sa.select(sa.func.max(HOLD.c.serial))
    .where(ours(HOLD), HOLD.c.key.in_(bindparam("keys")))
    .group_by(HOLD.c.key)
)
_LAST_HOLDS: Final = (
    sa.select(HOLD, _MOMENT).where(HOLD.c.serial.in_(_LAST_SERIALS)).order_by(HOLD.c.serial)
)
_HOLD: Final = sa.select(HOLD, _MOMENT).where(ours(HOLD), HOLD.c.id == bindparam("which"))
_HELD_SINCE: Final = (
    sa.select(HOLD.c.reservation_ids, HOLD.c.sent_at)
    .where(of_owner(HOLD), HOLD.c.state == IntentState.FINAL, HOLD.c.sent_at > bindparam("since"))
    .order_by(HOLD.c.serial)
)
_ORDERED_SINCE: Final = (
    sa.select(OUTCOME.c.order_id, INTENT.c.sent_at)
    .join(OUTCOME, _OUTCOMES)
    .where(of_owner(INTENT), INTENT.c.sent_at > bindparam("since"), OUTCOME.c.order_id.is_not(None))
    .order_by(INTENT.c.serial, OUTCOME.c.position)
)
_HELD_UNTIL: Final = sa.select(HELD.c.reservation_id, HELD.c.ends_at).where(
    ours(HELD), HELD.c.reservation_id.in_(bindparam("ids")), HELD.c.ends_at > bindparam("moment")
)
_HELD_NOW: Final = (
    sa.select(HELD.c.reservation_id)
    .where(of_owner(HELD), HELD.c.ends_at > bindparam("moment"))
    .order_by(HELD.c.ends_at.desc(), HELD.c.reservation_id)
    .limit(bindparam("most"))
)
_NEWEST_ORDERS: Final = (
    sa.select(OWNERSHIP.c.resource_id)
    .where(of_owner(OWNERSHIP), OWNERSHIP.c.is_order)
    .order_by(OWNERSHIP.c.serial.desc())
    .limit(bindparam("most"))
)
_OPEN: Final = sa.union_all(
    sa.select(
        HELD.c.tickets, HELD.c.amount, HELD.c.ends_at, sa.cast(sa.null(), sa.JSON).label("wishes")
    ).where(of_owner(HELD), HELD.c.ends_at > bindparam("moment")),
    sa.select(HOLD.c.tickets, HOLD.c.amount, HOLD.c.fence_at, HOLD.c.wishes).where(
        of_owner(HOLD),
        UNFINISHED_HOLD,
        sa.or_(HOLD.c.fence_at > bindparam("moment"), is_leased(HOLD)),
    ),
)
"""What is held and what is under way, in one statement: between two, a call that is under way could
become a hold, and would count for neither."""

# One statement per table, built once: see the module's docstring.
_ADDED: Final = {table: sa.insert(table).inline() for table in METADATA.sorted_tables}
# Both databases have the same words for it, SQLAlchemy a way for each.
_ADDED_UNLESS_THERE: Final = {
    table: postgresql.insert(table).on_conflict_do_nothing().inline()
    for table in (CLAIM, OWNERSHIP)
}
_CHAIN: Final = (
    sa.select(CHAIN.c.number, CHAIN.c.head, CHAIN.c.seal)
    .where(ours(CHAIN))
    .with_for_update(skip_locked=True)
)
_OUR_CHAIN: Final = sa.update(CHAIN).where(ours(CHAIN))
OUR_ACCOUNT: Final = sa.update(KEEPER).where(ours(KEEPER))
_NO_LEASE: Final = {"worker": None, "leased_at": None, "lease_until": None}
_OUR_HOLD: Final = sa.update(HOLD).where(ours(HOLD), HOLD.c.id == bindparam("which"))
_OUR_INTENT: Final = sa.update(INTENT).where(ours(INTENT), INTENT.c.id == bindparam("which"))
_OUR_OUTCOME: Final = sa.update(OUTCOME).where(
    ours(OUTCOME),
    OUTCOME.c.intent_id == bindparam("which"),
    OUTCOME.c.reservation_id == bindparam("of_reservation"),
)
_HELD_NO_MORE: Final = sa.delete(HELD).where(
    ours(HELD), HELD.c.reservation_id.in_(bindparam("ids"))
)
_FREED: Final = sa.delete(CLAIM).where(
    ours(CLAIM),
    CLAIM.c.intent_id == bindparam("which"),
    CLAIM.c.reservation_id.in_(bindparam("ids")),
)


@dataclass(frozen=True)
class Found:
    """The owners of reservations, by id; the ids of their owner's doubtful order calls; how often
    they were tried; since when no new orders are taken; where the database stands.
    """

    owners: Mapping[str, str]
    doubtful: Sequence[str]
    attempts: int
    stopped_at: datetime | None
    place: str | None


@dataclass(frozen=True)
class ReadTransaction:
    """Reads the rows of an account as records."""

    connection: Connection
    account: str
    database: Database

    @cached_property
    def now(self) -> datetime:
        """The time by the clock that all users of the journal share; the same throughout."""
        return self.database.now(self.connection)

    def saw(self, moment: datetime | None) -> None:
        """Take the time that was read along with a row, where it has one."""
        if moment is not None:
            self.__dict__.setdefault("now", moment)

    @property
    def clock_now(self) -> datetime | None:
        """What a statement with `NOW` has to be told."""
        return self.database.own_now

    def run(self, statement: sa.Executable, **given: object) -> sa.CursorResult[Any]:
        """Run a statement for the account with these values, and return its result."""
        return self.connection.execute(statement, {"of_account": self.account, **given})

    def intents(self, such: sa.Select[Any], **given: object) -> list[Intent]:
        """The intents of a statement from `intents_that`, each with its reservations in order."""
        rows = self.run(such, **given).all()
        return [self._intent(list(each)) for _, each in groupby(rows, key=lambda row: row.serial)]

    def intent(self, intent_id: str) -> Intent:
        """The intent with this id.

        Raises:
            IntentLost: There is none.
        """
        found = self.intents(_INTENT, which=intent_id)
        if not found:
            raise IntentLost
        return found[0]

    def intents_of(self, intent_ids: Iterable[str]) -> dict[str, Intent]:
        """The intents with these ids, by id, oldest first."""
        return {i.id: i for i in self.intents(_INTENTS, ids=list(intent_ids))}

    def before_claim(self, reservation_ids: Sequence[str]) -> sa.Row[Any]:
        """What a claim depends on: the `claims` and `attempts` of these reservations, and since
        when no new orders are taken (`stopped_at`).
        """
        row = self.run(_BEFORE_CLAIM, ids=reservation_ids).one_or_none()
        if row is None:
            # The account itself is gone: the database was replaced by another one.
            raise JournalDown(JournalFault.GONE)
        self.saw(row.moment)
        return row

    def unleased_intents(self, limit: int) -> list[Intent]:
        """The oldest intents that are not FINAL and have no live lease."""
        is_unleased = sa.or_(INTENT.c.lease_until.is_(None), sa.not_(is_leased(INTENT)))
        first = (
            sa.select(INTENT.c.serial)
            .where(ours(INTENT), UNFINISHED, is_unleased)
            .order_by(INTENT.c.serial)
            .limit(limit)
        )
        which = INTENT.c.serial.in_(first.scalar_subquery())
        return self.intents(intents_that(which), clock_now=self.clock_now)

    def holders(self, reservation_ids: Sequence[str]) -> dict[str, Intent]:
        """The intents that claim these reservations, by reservation, in the given order."""
        claims = self.run(_CLAIMS, ids=reservation_ids)
        # Two statements instead of a join: mostly nothing is claimed, and the second is not run.
        claimed = {row.reservation_id: row.intent_id for row in claims}
        if not claimed:
            return {}
        holders = self.intents_of(set(claimed.values()))
        return {i: holders[claimed[i]] for i in reservation_ids if i in claimed}

    def found(
        self,
        reservation_ids: Sequence[str],
        owner: str,
        since: datetime,
        limit: int,
        *more: sa.ColumnElement[Any],
    ) -> "Found":
        """What an order call of an owner depends on, by one statement: the database may be far
        away. `more`: where it stands.
        """
        given = {"ids": reservation_ids, "whose": owner, "since": since, "most": limit}
        rows = self.run(_found(*more), **given).all()
        (once,) = (row for row in rows if row.attempts is not None)
        owned = {row.resource_id: row.owner for row in rows if row.resource_id is not None}
        return Found(
            owners={i: owned[i] for i in reservation_ids if i in owned},
            doubtful=[row.doubtful for row in rows if row.doubtful is not None],
            attempts=once.attempts,
            stopped_at=once.stopped_at,
            place=once.place if more else None,
        )

    def doubtful(self, owner: str, since: datetime, limit: int) -> list[Intent]:
        """The newest intents of an owner that are open, or were in doubt and made an order."""
        found = self.run(_DOUBTFUL, whose=owner, since=since, most=limit)
        # Mostly there are none; then the second statement is not run.
        ids = found.scalars().all()
        return list(self.intents_of(ids).values()) if ids else []

    def approvals(self, nonces: Sequence[str]) -> dict[str, Approval]:
        """The approvals with these nonces, in the given order."""
        by_nonce = {}
        for row in self.run(_APPROVALS, nonces=nonces):
            told = fields_of(Approval, row) | {"state": ApprovalState(row.state)}
            by_nonce[row.nonce] = Approval(**told)
        return {nonce: by_nonce[nonce] for nonce in nonces if nonce in by_nonce}

    def asked(self, which: str) -> Asked | None:
        """The question with this code or nonce."""
        row = self.run(_ASKED_ONE, which=which).one_or_none()
        return None if row is None else _asked(row)

    def all_asked(self) -> list[Asked]:
        """All questions that were put beside a host and not removed yet."""
        return [_asked(row) for row in self.run(_ASKED_ALL)]

    def last_holds(self, keys: Iterable[str]) -> dict[str, HoldIntent]:
        """The last reserve call with each of these keys, where there was one."""
        rows = self.run(_LAST_HOLDS, keys=list(keys))
        return {row.key: self._hold(row) for row in rows}

    def hold(self, hold_id: str) -> HoldIntent:
        """The reserve call with this id.

        Raises:
            KeyError: There is none.
        """
        row = self.run(_HOLD, which=hold_id).one_or_none()
        if row is None:
            raise KeyError(hold_id)
        return self._hold(row)

    def owners(self, resource_ids: Sequence[str]) -> dict[str, str]:
        """The owners of these resources by id, in the given order."""
        owned = {row.resource_id: row.owner for row in self.run(_OWNERS, ids=resource_ids)}
        return {i: owned[i] for i in resource_ids if i in owned}

    def made_since(self, owner: str, since: datetime) -> dict[str, datetime]:
        """The reservations and orders of an owner's calls sent after `since`, with that time."""
        holds = self.run(_HELD_SINCE, whose=owner, since=since)
        made = {each: row.sent_at for row in holds for each in row.reservation_ids}
        orders = self.run(_ORDERED_SINCE, whose=owner, since=since)
        return made | {row.order_id: row.sent_at for row in orders}

    def held_until(self, reservation_ids: Sequence[str], now: datetime) -> dict[str, datetime]:
        """When those of these reservations end that are held at `now`, in their order."""
        rows = self.run(_HELD_UNTIL, ids=reservation_ids, moment=now)
        ends = {row.reservation_id: row.ends_at for row in rows}
        return {i: ends[i] for i in reservation_ids if i in ends}

    def bookings_of(self, owner: str, now: datetime, limit: int) -> tuple[list[str], list[str]]:
        """What an owner holds at `now`, what ends last first, and their newest orders, by ids."""
        held = self.run(_HELD_NOW, whose=owner, moment=now, most=limit).scalars()
        ordered = self.run(_NEWEST_ORDERS, whose=owner, most=limit).scalars()
        return list(held), list(ordered)

    def spent(self, owner: str, moment: datetime, *, until: datetime | None = None) -> Decimal:
        """The sum of an owner's orders of a UTC day, those in doubt too, sent before `until`."""
        day = datetime.combine(moment.astimezone(UTC), time(), UTC)
        end = day + timedelta(days=1)
        rows = self.run(_AMOUNTS, whose=owner, day=day, next_day=min(end, until or end))
        # A negative total, which no real order has, must not make room for other orders.
        return sum((max(Decimal(0), r.approved_total) * r.number for r in rows), Decimal(0))

    def open_of(self, owner: str, now: datetime) -> Open:
        """What an owner holds and has under way at a moment by the API's clock."""
        rows = self.run(_OPEN, whose=owner, moment=now, clock_now=self.clock_now).all()
        # A call under way counts as one reservation for each item, see `HoldIntent.weight`.
        counted = (Open(max(1, len(r.wishes or ())), r.tickets, r.amount, r.ends_at) for r in rows)
        return sum(counted, Open())

    def has_lease(self, row: sa.Row[Any]) -> bool:
        """Whether a worker has a live lease on a row, by the clock that all workers share: one that
        has not ended, and was not given later than now.
        """
        now = self.now if row.moment is None else row.moment
        if row.lease_until is None or row.lease_until <= now:
            return False
        return row.leased_at is None or row.leased_at <= now + CLOCK_STEPS

    def _intent(self, rows: Sequence[sa.Row[Any]]) -> Intent:
        row = rows[0]
        self.saw(row.moment)
        told = fields_of(Intent, row) | {
            "reservation_ids": tuple(r.reservation_id for r in rows),
            "state": IntentState(row.state),
            "is_leased": self.has_lease(row),
            "orders": {r.reservation_id: r.order_id for r in rows if r.order_id is not None},
            "failures": {r.reservation_id: r.reason for r in rows if r.reason is not None},
            "numbers": {r.order_id: r.order_number for r in rows if r.order_number is not None},
        }
        return Intent(**told)

    def _hold(self, row: sa.Row[Any]) -> HoldIntent:
        self.saw(row.moment)
        told = fields_of(HoldIntent, row) | {
            "wishes": tuple(row.wishes),
            "state": IntentState(row.state),
            "is_leased": self.has_lease(row),
            "reservation_ids": tuple(row.reservation_ids),
            "refused": tuple(RefusedItem(*each) for each in row.refused),
        }
        return HoldIntent(**told)


@dataclass(frozen=True, kw_only=True)
class WriteTransaction(ReadTransaction):
    """A transaction that writes. What its locks name nobody else changes until it is over."""

    seals: Seals
    audit: list[AuditRow] = field(default_factory=list)
    counts: list["_Count"] = field(default_factory=list)

    def add(self, table: sa.Table, *rows: Mapping[str, object]) -> None:
        """Add rows to a table, in this order, with the end of the transaction; those whose key is
        there fail then.
        """
        given = self._given(rows)
        if given:
            # A list of one would cost a round trip more.
            few = given if len(given) > 1 else given[0]
            self.connection.execute(_ADDED[table], few, execution_options=AT_THE_END)

    def add_unless_there(self, table: sa.Table, *rows: Mapping[str, object]) -> int:
        """Add those of these rows whose key is not there. Returns how many that were."""
        # One after another: only so each tells whether it was added.
        statement = _ADDED_UNLESS_THERE[table]
        given = self._given(rows)
        return sum(self.connection.execute(statement, each).rowcount for each in given)

    def _given(self, rows: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
        # Set here, so that no row can be written without its account.
        return [{"account": self.account, **row} for row in rows]

    def add_as(self, statement: sa.Insert, row: Mapping[str, object]) -> None:
        """Add a row by a statement that says what becomes of one with its key."""
        self.connection.execute(statement, {"account": self.account, **row})

    def change(self, statement: sa.Update | sa.Delete, **given: object) -> int:
        """Run an update or delete with these values. Returns the number of rows."""
        return self.run(statement, **given).rowcount

    def later(
        self, statement: sa.Update | sa.Delete | sa.Insert | sa.TextClause, **given: object
    ) -> None:
        """Run a statement with the end of the transaction, after those that were given before it:
        nothing may depend on what it changes until then.
        """
        values = {"of_account": self.account, **given}
        self.connection.execute(statement, values, execution_options=AT_THE_END)

    def lock(self, *names: str) -> None:
        """Wait for all others that name one of these, as with `Locks.alone`."""
        self.database.lock(self.connection, (f"{self.account} {name}" for name in names))

    def note(self, event: str, owner: str, subject: str, **detail: object) -> None:
        """Add an audit row; it is written at the end of the transaction."""
        # Canonical, since these bytes are sealed.
        row = AuditRow(0, self.now, event, owner, subject, canonical_json(detail))
        self.audit.append(row)

    def end(self) -> None:
        """Write the noted audit rows, and what was counted.

        In a file they are sealed at once: its one writer is alone. On a server they wait, as
        whoever seals is alone, too; see `SqlJournal.seal`.
        """
        signed = [self.seals.signed(row) for row in self.audit]
        if self.database.is_sqlite and signed:
            self.seal(self.chain(), signed)
        else:
            self.add(WAITING, *(columns_of(WAITING, row) for row in signed))
        # In the same order everywhere, so that no two transactions wait for each other.
        for count in sorted(self.counts, key=lambda each: (each.owner, each.day, each.units)):
            count.write(self)

    def chain(self) -> Head | None:
        """The head of the audit's chain, which is this transaction's now; None if another one is
        sealing.
        """
        row = self.run(_CHAIN).one_or_none()
        return None if row is None else Head(row.number, row.head, row.seal)

    def seal(self, head: Head | None, rows: Sequence[AuditRow]) -> None:
        """Put these rows at the end of the audit, in order: each seal covers that of the row
        before. They come signed.
        """
        if head is None or not rows:
            return
        before, numbered = head.mac, []
        for number, row in enumerate(rows, head.rows + 1):
            sealed = self.seals.taken(replace(row, number=number), before)
            before = sealed.mac
            numbered.append({"row": number, **columns_of(AUDIT, sealed)})
        self.add(AUDIT, *numbered)
        new = self.seals.head(head.rows + len(rows), before)
        self.change(_OUR_CHAIN, number=new.rows, head=new.mac, seal=new.seal)

    def count(self, intent: Intent, *, limit: Decimal | None = None, frees: bool = False) -> None:
        """Count an intent's amount for the limit of its day, or no more; the last thing that the
        transaction does. With a limit it fails where that would be passed.
        """
        day, units = day_of(intent.sent_at), units_of(intent.approved_total)
        most = None if limit is None else _units_within(limit)
        self.counts.append(_Count(intent.owner, day, -units if frees else units, most))

    def store(self, intent: Intent, lease: Lease) -> None:
        """Add a NEW intent under a lease; its reservations are claimed by `claim`."""
        begun = {"state": IntentState.NEW, "ambiguous": False, **self.leased(lease)}
        self._add_intent(intent, begun)

    def put_back(self, intent_id: str, known: Intent | None) -> Intent:
        """The intent with this id; as its sender knows it, where the database lost that it was
        sent.

        Raises:
            IntentLost: There is none, and nobody knows it.
        """
        if known is None:
            return self.intent(intent_id)
        stored = next(iter(self.intents(_INTENT, which=intent_id)), None)
        # The daily look may have found its orders first, and knows no more of it than that.
        stored = stored or next(iter(self.intents(_REFERRED, which=known.external_reference)), None)
        if not known.outlived(stored):
            if stored is None:
                raise IntentLost
            return stored
        if stored is None:
            # Bare at first: `keep` writes what became of it, as for any other.
            nothing: dict[str, Any] = {"orders": {}, "failures": {}, "numbers": {}}
            stored = replace(known, state=IntentState.SENDING, **nothing)
            self._add_intent(stored, _NO_LEASE)
            self.count(stored)
        elif stored.spends:
            # It counts for the day on which it was sent.
            self.count(stored, frees=True)
            self.count(known)
        # It was written down anew when it was sent, with a later fence.
        sent = {"sent_at": known.sent_at, "fence_at": known.fence_at}
        self.later(_OUR_INTENT, which=intent_id, **sent)
        self.claim(intent_id, known.reservation_ids)
        self.note("put_back", known.owner, intent_id, reference=known.external_reference)
        return self.keep(stored, known)

    def _add_intent(self, intent: Intent, begun: Mapping[str, object]) -> None:
        now = {"spends": True, "created_at": self.now, "updated_at": self.now}
        self.add(INTENT, {**columns_of(INTENT, intent), **now, **begun})
        outcomes = (
            {"intent_id": intent.id, "position": position, "reservation_id": reservation_id}
            for position, reservation_id in enumerate(intent.reservation_ids)
        )
        self.add(OUTCOME, *outcomes)

    def store_hold(self, hold: HoldIntent, lease: Lease) -> None:
        """Add a reserve call under a lease, without results."""
        begun = {"state": IntentState.SENDING, "ambiguous": False}
        none = {"reservation_ids": (), "refused": ()}
        self.add(HOLD, columns_of(HOLD, hold) | begun | none | self.leased(lease))

    def claim(self, intent_id: str, reservation_ids: Iterable[str]) -> int:
        """Claim those of these reservations that no intent claims. Returns how many."""
        rows = ({"intent_id": intent_id, "reservation_id": i} for i in reservation_ids)
        return self.add_unless_there(CLAIM, *rows)

    def leased(self, lease: Lease) -> dict[str, object]:
        """The columns of a lease that begins now: its worker, beginning and end."""
        until = self.now + timedelta(seconds=lease.seconds)
        return {"worker": lease.worker, "leased_at": self.now, "lease_until": until}

    def take(self, intent_id: str, lease: Lease) -> None:
        """Lease an intent whose sender died. It may have been sent, so it is marked ambiguous."""
        values = {"ambiguous": True, "updated_at": self.now, **self.leased(lease)}
        self.change(_OUR_INTENT, which=intent_id, **values)

    def closed_unsent(self, intent: Intent) -> bool:
        """Close an intent, which is locked, if its sender died before sending. Returns whether that
        was so.
        """
        if not intent.was_never_sent:
            return False
        self.keep(intent, intent.told(intent.none_made(NEVER_SENT)))
        return True

    def keep(self, before: Intent, after: Intent) -> Intent:
        """Store the changes of an intent; its lease ends."""
        self.later(
            _OUR_INTENT,
            which=after.id,
            state=after.state,
            ambiguous=after.ambiguous,
            # An intent in doubt counts for the day's limit: it may have made an order.
            spends=after.spends,
            updated_at=self.now,
            **_NO_LEASE,
        )
        for each in after.reservation_ids:
            told = _outcome(after, each)
            if told != _outcome(before, each):
                told |= {"seen_at": self.now}
                self.later(_OUR_OUTCOME, which=after.id, of_reservation=each, **told)
        for row in owned(after.owner, after.orders.values(), is_order=True):
            self.later(_ADDED_UNLESS_THERE[OWNERSHIP], account=self.account, **row)
        if after.orders:
            # An ordered reservation is no open hold any more.
            self.later(_HELD_NO_MORE, ids=list(after.orders))
        # The only place where claims are removed; never those of a call that was in doubt.
        if after.freed:
            self.change(_FREED, which=after.id, ids=after.freed)
        orders = dict(after.orders)
        if after.is_final and not before.is_final:
            end = {"failed": tuple(after.failures), "ambiguous": after.ambiguous}
            self.note("closed", after.owner, after.id, orders=orders, **end)
        elif after.ambiguous and not before.ambiguous:
            self.note("in_doubt", after.owner, after.id, orders=orders)
        if before.spends != after.spends:
            self.count(after, frees=before.spends)
        return replace(after, is_leased=False)

    def change_hold(self, hold_id: str, **values: object) -> None:
        """Change a reserve call; its lease ends."""
        self.change(_OUR_HOLD, which=hold_id, **_NO_LEASE, **values)

    def lapse(self, hold: HoldIntent) -> None:
        """Close a reserve call that is past its fence: nothing of it can appear any more."""
        self.lock(f"hold {hold.id}")
        if not self.hold(hold.id).is_final:
            self.change_hold(hold.id, state=IntentState.FINAL)

    def settle_hold(self, hold: HoldIntent, made: HoldResult) -> HoldIntent:
        """Store what a reserve call made, whose owner is stored already."""
        shares = hold.shares(made)
        # Removed first: an issuer may answer with a reservation that is counted already.
        self.later(_HELD_NO_MORE, ids=list(shares))
        rows = ({"reservation_id": i, "owner": hold.owner, **asdict(h)} for i, h in shares.items())
        self.add(HELD, *rows)
        told: dict[str, Any] = {
            "state": IntentState.FINAL,
            "ambiguous": made.ambiguous,
            "reservation_ids": tuple(made.reservation_ids),
        }
        refused = [astuple(item) for item in made.refused]
        self.later(_OUR_HOLD, which=hold.id, **_NO_LEASE, **told, refused=refused)
        if made.reservation_ids:
            self.note("held", hold.owner, hold.id, reservations=tuple(made.reservation_ids))
        return replace(hold, **told, refused=tuple(made.refused), is_leased=False)

    def own(self, owner: str, resource_ids: Iterable[str], *, is_order: bool) -> bool:
        """Store whose these are, in this order; an owner that is stored already stays, even if the
        API gives one id to two callers. Returns whether none had one.
        """
        rows = owned(owner, resource_ids, is_order=is_order)
        return self.add_unless_there(OWNERSHIP, *rows) == len(rows)


def _outcome(intent: Intent, reservation_id: str) -> dict[str, object]:
    """The columns of what became of a reservation of an order call."""
    order_id = intent.orders.get(reservation_id)
    return {
        "order_id": order_id,
        "order_number": None if order_id is None else intent.numbers.get(order_id),
        "reason": intent.failures.get(reservation_id),
    }


def owned(owner: str, resource_ids: Iterable[str], *, is_order: bool) -> list[dict[str, object]]:
    """The rows that say whose these are, each once, in this order."""
    named = dict.fromkeys(resource_ids)
    return [{"resource_id": i, "owner": owner, "is_order": is_order} for i in named]


@dataclass(frozen=True)
class _Count:
    """Units to be counted for an owner's day: fewer ones, or more ones, or more within a limit."""

    owner: str
    day: str
    units: int
    most: int | None

    def write(self, tx: WriteTransaction) -> None:
        """Count them, as the last statement of a transaction."""
        of = {"owner": self.owner, "day": self.day}
        if self.units < 0:
            tx.later(_FREE, units=-self.units, **of)
        elif self.most is None:
            tx.later(_COUNT, units=self.units, **of)
        else:
            tx.later(_COUNT_WITHIN, units=self.units, most=self.most, **of)


def _counting(statement: str) -> sa.TextClause:
    # Said, as a number of a text is a small one otherwise.
    names = [n for n in ("units", "most") if f":{n}" in statement]
    return sa.text(statement).bindparams(*(bindparam(n, type_=sa.BigInteger) for n in names))


_FREE: Final = _counting(
    "UPDATE korus_spent SET spent = spent - :units"
    " WHERE account = :of_account AND owner = :owner AND day = :day"
)
_COUNT_WITHIN: Final = _counting(
    "INSERT INTO korus_spent (account, owner, day, spent, most)"
    " VALUES (:of_account, :owner, :day, :units, :most) ON CONFLICT (account, owner, day)"
    " DO UPDATE SET spent = korus_spent.spent + excluded.spent, most = excluded.most"
)
# What was made counts, whatever the limit.
_COUNT: Final = _counting(
    "INSERT INTO korus_spent (account, owner, day, spent, most)"
    " VALUES (:of_account, :owner, :day, :units, :units) ON CONFLICT (account, owner, day)"
    " DO UPDATE SET spent = korus_spent.spent + excluded.spent, most = CASE"
    " WHEN korus_spent.most < korus_spent.spent + excluded.spent"
    " THEN korus_spent.spent + excluded.spent ELSE korus_spent.most END"
)
_MOST_UNITS: Final = 2**63 - 1


def _units_within(limit: Decimal) -> int:
    return min(_MOST_UNITS, int((limit * UNITS).to_integral_value(ROUND_FLOOR)))


def _asked(row: sa.Row[Any]) -> Asked:
    told = fields_of(Asked, row)
    return Asked(**{**told, "reservation_ids": tuple(told["reservation_ids"])})


def columns_of(table: sa.Table, record: object) -> dict[str, object]:
    """The values of a record for a table: its fields that have a column of the same name."""
    return {c.name: getattr(record, c.name) for c in table.c if hasattr(record, c.name)}


def fields_of(kind: type[Any], row: sa.Row[Any]) -> dict[str, Any]:
    """The values of a row for a record: its columns that have a field of the same name."""
    told = row._mapping
    return {each.name: told[each.name] for each in fields(kind) if each.name in told}
