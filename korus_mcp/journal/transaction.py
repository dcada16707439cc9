"""The statements inside a transaction of the journal.

Those that a booking needs are built once, as constants: building one takes longer than running it.
The account and other values are bound when they run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.engine import Connection

from korus_mcp.journal.audit import AuditRow, Seals
from korus_mcp.journal.records import (
    NEVER_SENT,
    Approval,
    ApprovalState,
    Asked,
    HoldIntent,
    HoldResult,
    Intent,
    IntentLost,
    IntentState,
    Lease,
    Open,
    OrdersStopped,
    RefusedItem,
    canonical_json,
)
from korus_mcp.journal.tables import (
    APPROVAL,
    ASKED,
    AUDIT,
    CLAIM,
    HELD,
    HOLD,
    INTENT,
    KEEPER,
    METADATA,
    OUTCOME,
    OWNERSHIP,
)

_OUTCOMES: Final = sa.and_(
    OUTCOME.c.account == INTENT.c.account, OUTCOME.c.intent_id == INTENT.c.id
)


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


def intents_that(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Select the intents that fulfil these conditions, oldest first; one row per reservation, in
    the order of the call.
    """
    return (
        sa.select(INTENT, OUTCOME.c.reservation_id, OUTCOME.c.order_id, OUTCOME.c.reason)
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
_TRIED: Final = sa.select(
    _ATTEMPTS.scalar_subquery().label("attempts"),
    sa.select(KEEPER.c.stopped_at).where(ours(KEEPER)).scalar_subquery().label("stopped_at"),
)
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
_LAST_HOLDS: Final = sa.select(HOLD).where(HOLD.c.serial.in_(_LAST_SERIALS)).order_by(HOLD.c.serial)
_HOLD: Final = sa.select(HOLD).where(ours(HOLD), HOLD.c.id == bindparam("which"))
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
_HELD: Final = (
    sa.select(HELD.c.tickets, HELD.c.amount, HELD.c.ends_at)
    .where(of_owner(HELD), HELD.c.ends_at > bindparam("moment"))
    .order_by(HELD.c.ends_at)
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
_HOLDS_UNDER_WAY: Final = (
    sa.select(HOLD)
    .where(
        of_owner(HOLD),
        UNFINISHED_HOLD,
        sa.or_(HOLD.c.fence_at > bindparam("moment"), HOLD.c.lease_until > bindparam("now")),
    )
    .order_by(HOLD.c.serial)
)

# One statement per table, built once: see the module's docstring.
_ADDED: Final = {table: sa.insert(table) for table in METADATA.sorted_tables}
OUR_ACCOUNT: Final = sa.update(KEEPER).where(ours(KEEPER))
OUR_APPROVAL: Final = sa.update(APPROVAL).where(
    ours(APPROVAL), APPROVAL.c.nonce == bindparam("which")
)
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
class ReadTransaction:
    """Reads the rows of an account as records. `clock` gives the time of the transaction."""

    connection: Connection
    account: str
    clock: Callable[[Connection], datetime]

    @cached_property
    def now(self) -> datetime:
        """The time by the clock that all users of the journal share; the same throughout."""
        return self.clock(self.connection)

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

    def unleased_intents(self, limit: int) -> list[Intent]:
        """The oldest intents that are not FINAL and have no live lease."""
        until = INTENT.c.lease_until
        first = (
            sa.select(INTENT.c.serial)
            .where(ours(INTENT), UNFINISHED, sa.or_(until.is_(None), sa.not_(until > self.now)))
            .order_by(INTENT.c.serial)
            .limit(limit)
        )
        return self.intents(intents_that(INTENT.c.serial.in_(first.scalar_subquery())))

    def holders(self, reservation_ids: Sequence[str]) -> dict[str, Intent]:
        """The intents that claim these reservations, by reservation, in the given order."""
        claims = self.run(_CLAIMS, ids=reservation_ids)
        # Two statements instead of a join: mostly nothing is claimed, and the second is not run.
        claimed = {row.reservation_id: row.intent_id for row in claims}
        if not claimed:
            return {}
        holders = self.intents_of(set(claimed.values()))
        return {i: holders[claimed[i]] for i in reservation_ids if i in claimed}

    def attempts(self, reservation_ids: Sequence[str]) -> int:
        """How many intents there were for any of these reservations."""
        return int(self.run(_ATTEMPTS, ids=reservation_ids).scalar_one())

    def tried(self, reservation_ids: Sequence[str], *more: sa.ColumnElement[Any]) -> sa.Row[Any]:
        """The `attempts` of these reservations, since when no new orders are taken, and more."""
        # One statement: the database may be far away.
        statement = _TRIED.add_columns(*more) if more else _TRIED
        return self.run(statement, ids=reservation_ids).one()

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
        held = self.run(_HELD, whose=owner, moment=now)
        holds = self.run(_HOLDS_UNDER_WAY, whose=owner, moment=now, now=self.now)
        made = (Open(1, row.tickets, row.amount, row.ends_at) for row in held)
        under_way = (self._hold(row).weight for row in holds)
        return sum((*made, *under_way), Open())

    def _has_lease(self, row: sa.Row[Any]) -> bool:
        # By the clock of the database, which all workers share: their own clocks may differ.
        return row.lease_until is not None and row.lease_until > self.now

    def _intent(self, rows: Sequence[sa.Row[Any]]) -> Intent:
        row = rows[0]
        told = fields_of(Intent, row) | {
            "reservation_ids": tuple(r.reservation_id for r in rows),
            "state": IntentState(row.state),
            "is_leased": self._has_lease(row),
            "orders": {r.reservation_id: r.order_id for r in rows if r.order_id is not None},
            "failures": {r.reservation_id: r.reason for r in rows if r.reason is not None},
        }
        return Intent(**told)

    def _hold(self, row: sa.Row[Any]) -> HoldIntent:
        told = fields_of(HoldIntent, row) | {
            "wishes": tuple(row.wishes),
            "state": IntentState(row.state),
            "is_leased": self._has_lease(row),
            "reservation_ids": tuple(row.reservation_ids),
            "refused": tuple(RefusedItem(*each) for each in row.refused),
        }
        return HoldIntent(**told)


@dataclass(frozen=True, kw_only=True)
class WriteTransaction(ReadTransaction):
    """A transaction that writes. It has locked the account's row, so nobody else writes now."""

    seals: Seals
    account_row: sa.Row[Any]
    audit: list[AuditRow] = field(default_factory=list)

    def add(self, table: sa.Table, *rows: Mapping[str, object]) -> None:
        """Add rows to a table, in this order."""
        if rows:
            # Set here, so that no row can be written without its account.
            given = [{"account": self.account, **row} for row in rows]
            self.connection.execute(_ADDED[table], given)

    def change(self, statement: sa.Update | sa.Delete, **given: object) -> int:
        """Run an update or delete with these values. Returns the number of rows."""
        return self.run(statement, **given).rowcount

    def note(self, event: str, owner: str, subject: str, **detail: object) -> None:
        """Add an audit row; it is written at the end of the transaction."""
        number = self.account_row.audit_rows + len(self.audit) + 1
        # Canonical, since these bytes are sealed.
        row = AuditRow(number, self.now, event, owner, subject, canonical_json(detail))
        self.audit.append(row)

    def end(self) -> None:
        """Seal and write the noted audit rows."""
        if not self.audit:
            return
        rows, before = [], self.account_row.audit_head
        # In order: each seal covers that of the row before.
        for row in self.audit:
            sealed = self.seals.sealed(row, before)
            before = sealed.mac
            rows.append({"row": sealed.number, **columns_of(AUDIT, sealed)})
        self.add(AUDIT, *rows)
        head = self.seals.head(self.audit[-1].number, before)
        self.change(OUR_ACCOUNT, audit_rows=head.rows, audit_head=head.mac, audit_seal=head.seal)

    def check_taken(self) -> None:
        """Check that new orders are taken.

        Raises:
            OrdersStopped: The operator stopped them.
        """
        if self.account_row.stopped_at is not None:
            raise OrdersStopped

    def store(self, intent: Intent, lease: Lease) -> None:
        """Add a NEW intent under a lease, with its claims."""
        begun = {"state": IntentState.NEW, "ambiguous": False, **self.leased(lease)}
        self._add_intent(intent, begun)
        self.claim(intent.id, intent.reservation_ids)

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
            stored = replace(known, state=IntentState.SENDING, orders={}, failures={})
            self._add_intent(stored, {"worker": None, "lease_until": None})
        # It was written down anew when it was sent, with a later fence.
        sent = {"sent_at": known.sent_at, "fence_at": known.fence_at}
        self.change(_OUR_INTENT, which=intent_id, **sent)
        self.claim_free(intent_id, known.reservation_ids)
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

    def claim(self, intent_id: str, reservation_ids: Iterable[str]) -> None:
        """Claim reservations that no intent claims."""
        self.add(CLAIM, *({"intent_id": intent_id, "reservation_id": i} for i in reservation_ids))

    def claim_free(self, intent_id: str, reservation_ids: Sequence[str]) -> None:
        """Claim those of these reservations that no intent claims."""
        claimed = {row.reservation_id for row in self.run(_CLAIMS, ids=list(reservation_ids))}
        self.claim(intent_id, [i for i in reservation_ids if i not in claimed])

    def leased(self, lease: Lease) -> dict[str, object]:
        """The columns of a lease that begins now: its worker and its end."""
        until = self.now + timedelta(seconds=lease.seconds)
        return {"worker": lease.worker, "lease_until": until}

    def take(self, intent_id: str, lease: Lease) -> None:
        """Lease an intent whose sender died. It may have been sent, so it is marked ambiguous."""
        values = {"ambiguous": True, "updated_at": self.now, **self.leased(lease)}
        self.change(_OUR_INTENT, which=intent_id, **values)

    def closed_unsent(self, intent: Intent) -> bool:
        """Close an intent if its sender died before sending. Returns whether that was so."""
        if not intent.was_never_sent:
            return False
        self.keep(intent, intent.told(intent.none_made(NEVER_SENT)))
        return True

    def keep(self, before: Intent, after: Intent) -> Intent:
        """Store the changes of an intent; its lease ends."""
        self.change(
            _OUR_INTENT,
            which=after.id,
            state=after.state,
            ambiguous=after.ambiguous,
            # An intent in doubt counts for the day's limit: it may have made an order.
            spends=not after.is_final or bool(after.orders),
            worker=None,
            lease_until=None,
            updated_at=self.now,
        )
        for each in after.reservation_ids:
            order_id, reason = after.orders.get(each), after.failures.get(each)
            if (order_id, reason) != (before.orders.get(each), before.failures.get(each)):
                told = {"order_id": order_id, "reason": reason, "seen_at": self.now}
                self.change(_OUR_OUTCOME, which=after.id, of_reservation=each, **told)
        self.own(after.owner, after.orders.values(), is_order=True)
        if after.orders:
            # An ordered reservation is no open hold any more.
            self.change(_HELD_NO_MORE, ids=list(after.orders))
        # The only place where claims are removed; never those of a call that was in doubt.
        if after.freed:
            self.change(_FREED, which=after.id, ids=after.freed)
        orders = dict(after.orders)
        if after.is_final and not before.is_final:
            end = {"failed": tuple(after.failures), "ambiguous": after.ambiguous}
            self.note("closed", after.owner, after.id, orders=orders, **end)
        elif after.ambiguous and not before.ambiguous:
            self.note("in_doubt", after.owner, after.id, orders=orders)
        return replace(after, is_leased=False)

    def change_hold(self, hold_id: str, **values: object) -> None:
        """Change a reserve call; its lease ends."""
        self.change(_OUR_HOLD, which=hold_id, worker=None, lease_until=None, **values)

    def settle_hold(self, hold: HoldIntent, made: HoldResult) -> HoldIntent:
        """Store what a reserve call made and who owns that."""
        self.own(hold.owner, made.reservation_ids, is_order=False)
        shares = hold.shares(made)
        # Removed first: an issuer may answer with a reservation that is counted already.
        self.change(_HELD_NO_MORE, ids=list(shares))
        rows = ({"reservation_id": i, "owner": hold.owner, **asdict(h)} for i, h in shares.items())
        self.add(HELD, *rows)
        told: dict[str, Any] = {
            "state": IntentState.FINAL,
            "ambiguous": made.ambiguous,
            "reservation_ids": tuple(made.reservation_ids),
        }
        self.change_hold(hold.id, **told, refused=[astuple(item) for item in made.refused])
        if made.reservation_ids:
            self.note("held", hold.owner, hold.id, reservations=tuple(made.reservation_ids))
        return replace(hold, **told, refused=tuple(made.refused), is_leased=False)

    def own(self, owner: str, resource_ids: Iterable[str], *, is_order: bool) -> None:
        """Store whose these are, in this order; an owner that is stored already stays."""
        # That holds even if the API gives one id to two callers.
        named = tuple(dict.fromkeys(resource_ids))
        owned = self.owners(named) if named else {}
        rows = ({"resource_id": i, "owner": owner, "is_order": is_order} for i in named)
        self.add(OWNERSHIP, *(row for row in rows if row["resource_id"] not in owned))


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
