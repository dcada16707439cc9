"""What a booking asks of the journal of one account, made once: building a statement takes longer
than running it. The account and the moment are in them; the rest is given by name.

What changes rows and is asked nothing back is a Change: PostgreSQL takes several of them at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    Insert,
    Select,
    Table,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from korus_mcp.journal.engine import Database
from korus_mcp.journal.records import Approval, ApprovalState, IntentState
from korus_mcp.journal.tables import (
    APPROVAL,
    AUDIT,
    CLAIM,
    HOLD,
    INTENT,
    KEEPER,
    OUTCOME,
    OWNERSHIP,
    Moment,
)

ADD_APPROVAL: Final = insert(APPROVAL)
ADD_HOLD: Final = insert(HOLD)
ADD_KEEPER: Final = insert(KEEPER)
UNFINISHED: Final = INTENT.c.state != IntentState.FINAL
Changing: TypeAlias = Insert | Update | Delete
Rows: TypeAlias = Sequence[Mapping[str, object]]


@dataclass(frozen=True, eq=False)
class Change:
    """A statement that changes rows; `make` makes it with parameters whose names begin so."""

    make: Callable[[str], Changing]
    alone: Changing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "alone", self.make(""))


@dataclass(frozen=True)
class Together:
    """Changes as one statement: PostgreSQL is asked once for all of them.

    They see the same rows and none another's, so none of them may change what another did.
    """

    made: dict[tuple[Change, ...], Changing] = field(default_factory=dict)

    def statement(self, changes: tuple[Change, ...]) -> Changing:
        """All of them; parameters are named by place, see `given`."""
        if changes not in self.made:
            *others, last = (change.make(_place(n)) for n, change in enumerate(changes))
            parts = (other.cte(f"part{n}") for n, other in enumerate(others))
            self.made[changes] = last.add_cte(*parts)
        return self.made[changes]

    def given(self, rows: Rows) -> dict[str, object]:
        """The parameters of changes in this order."""
        return {f"{_place(n)}{k}": v for n, row in enumerate(rows) for k, v in row.items()}


class Statements:
    """The statements of one account."""

    def __init__(self, database: Database, account: str) -> None:
        self._account = account
        self._is_sqlite = database.is_sqlite
        self._now = database.now()
        self._know_the_keeper()
        self._know_approvals()
        self._know_intents()
        self._know_owners()
        self._know_changes()

    def ours(self, table: Table) -> ColumnElement[bool]:
        """That a row belongs to the account."""
        mine: ColumnElement[bool] = table.c.account == self._account
        return mine

    def intents(self, *which: ColumnElement[bool]) -> Select[Any]:
        """Intents with their outcomes, a row for each outcome, and the moment they were read."""
        outcomes = and_(OUTCOME.c.account == INTENT.c.account, OUTCOME.c.intent_id == INTENT.c.id)
        told = (OUTCOME.c.reservation_id, OUTCOME.c.order_id, OUTCOME.c.reason)
        return (
            select(INTENT, *told, self._now.label("now"))
            .join(OUTCOME, outcomes)
            .where(self.ours(INTENT), *which)
            .order_by(INTENT.c.serial, OUTCOME.c.position)
        )

    def unled(self, limit: int) -> Select[Any]:
        """The oldest intents nobody leads that are not FINAL, so many at most."""
        until = INTENT.c.lease_until
        led_by_none = or_(until.is_(None), not_(until > self._now))
        first = (
            select(INTENT.c.serial)
            .where(self.ours(INTENT), UNFINISHED, led_by_none)
            .order_by(INTENT.c.serial)
            .limit(limit)
        )
        return self.intents(INTENT.c.serial.in_(first.scalar_subquery()))

    def last_hold(self, which: ColumnElement[bool]) -> Select[Any]:
        """The newest reserve call of those, and the moment it was read."""
        return (
            select(HOLD, self._now.label("now"))
            .where(self.ours(HOLD), which)
            .order_by(HOLD.c.serial.desc())
            .limit(1)
        )

    def _know_the_keeper(self) -> None:
        mine = self.ours(KEEPER)
        locked = select(KEEPER).where(mine).with_for_update().cte("locked")
        self.turn = None if self._is_sqlite else locked
        """Waits for our turn at the row. SQLite's writers have it from the beginning."""
        self.keeper = select(KEEPER, self._now.label("now")).where(mine)
        """The row, at the moment of our turn."""
        self.keeper_ahead = self.keeper
        """The same for a transaction whose commit need not be on the disk when it returns."""
        if self.turn is not None:
            self.keeper = select(self.turn, self._now.label("now"))
            ahead = func.set_config("synchronous_commit", "off", True)  # noqa: FBT003 - SQL's
            self.keeper_ahead = self.keeper.add_columns(ahead.label("ahead"))

    def _know_approvals(self) -> None:
        which = and_(self.ours(APPROVAL), APPROVAL.c.nonce == _given("which", APPROVAL.c.nonce))
        names = [f.name for f in fields(Approval)]
        self.approvals = select(*(APPROVAL.c[name] for name in names)).where(
            self.ours(APPROVAL), self._among(APPROVAL.c.nonce)
        )
        self.change_approval = (
            update(APPROVAL).where(which).values({name: bindparam(name) for name in names})
        )
        old = APPROVAL.c.expires_at < _given("before", APPROVAL.c.expires_at)
        self.drop_approvals = delete(APPROVAL).where(self.ours(APPROVAL), old)

    def _know_intents(self) -> None:
        ours, which = self.ours(INTENT), INTENT.c.id == _given("which", INTENT.c.id)
        mine = INTENT.c.worker == _given("mine", INTENT.c.worker)
        self.intent = self.intents(which)
        reference = _given("reference", INTENT.c.external_reference)
        self.intent_by_reference = self.intents(INTENT.c.external_reference == reference)
        self._know_claims()
        self._know_sending(and_(ours, which, INTENT.c.state == IntentState.NEW, mine))
        self.renew = (
            update(INTENT)
            .where(ours, which, UNFINISHED, mine)
            .values(lease_until=bindparam("lease_until"))
        )

    def _know_sending(self, is_mine: ColumnElement[bool]) -> None:
        lasts = bindparam("lease_microseconds", type_=BigInteger)
        until = type_coerce(self._now, BigInteger) + lasts
        sends = _named("", INTENT, ("state", "sent_at", "fence_at"))
        self.start_sending = (
            update(INTENT)
            .where(is_mine)
            .values(lease_until=type_coerce(until, Moment), updated_at=self._now, **sends)
        )
        """One statement by itself, which waits for our turn like all that write."""
        if self.turn is not None:
            self.start_sending = self.start_sending.where(self.turn.c.account == INTENT.c.account)

    def _know_claims(self) -> None:
        """Who holds reservations: by intent, each with the claims it holds in `claimed`."""
        named = self._among(CLAIM.c.reservation_id)
        holders = select(CLAIM.c.intent_id).where(self.ours(CLAIM), named)
        claimed = and_(
            CLAIM.c.account == OUTCOME.c.account,
            CLAIM.c.intent_id == OUTCOME.c.intent_id,
            CLAIM.c.reservation_id == OUTCOME.c.reservation_id,
        )
        self.holders = (
            self.intents(INTENT.c.id.in_(holders))
            .outerjoin(CLAIM, claimed)
            .add_columns(CLAIM.c.reservation_id.label("claimed"))
        )
        self.attempts = select(func.count(OUTCOME.c.intent_id.distinct()).label("attempts")).where(
            self.ours(OUTCOME),
            self._among(OUTCOME.c.reservation_id),
            OUTCOME.c.position >= 0,  # or SQLite reads all of the index that has no position
        )
        self._know_what_stands_against(named)

    def _among(self, column: Column[str]) -> ColumnElement[bool]:
        """That it is one of `ids`: one statement for any number."""
        if not self._is_sqlite:
            return column == any_(bindparam("ids", type_=ARRAY(Text)))
        each = func.json_each(bindparam("ids", type_=JSON)).table_valued("value")
        return column.in_(select(each.c.value))

    def _know_changes(self) -> None:
        self.together = None if self._is_sqlite else Together()
        add = sqlite.insert if self._is_sqlite else postgresql.insert
        self.add_intent = Change(partial(_added, insert(INTENT), INTENT_COLUMNS))
        self.add_outcome = Change(partial(_added, insert(OUTCOME), OUTCOME_COLUMNS))
        self.add_claim = Change(partial(_added, insert(CLAIM), tuple(CLAIM.c.keys())))
        self.add_audit = Change(partial(_added, insert(AUDIT), tuple(AUDIT.c.keys())))
        own = add(OWNERSHIP).on_conflict_do_nothing()
        self.own = Change(partial(_added, own, OWNERSHIP_COLUMNS))
        self.use_approval = Change(self._use_approval)
        self.keep_intent = Change(self._keep_intent)
        self.keep_outcome = Change(self._keep_outcome)
        self.free_claim = Change(self._free_claim)
        self.seal_keeper = Change(self._seal_keeper)

    def _use_approval(self, prefix: str) -> Update:
        which = APPROVAL.c.nonce == _given(f"{prefix}which", APPROVAL.c.nonce)
        used = update(APPROVAL).where(self.ours(APPROVAL), which)
        return used.values(state=ApprovalState.USED)

    def _seal_keeper(self, prefix: str) -> Update:
        sealed = _named(prefix, KEEPER, ("audit_rows", "audit_head", "audit_seal"))
        return update(KEEPER).where(self.ours(KEEPER)).values(sealed)

    def _keep_intent(self, prefix: str) -> Update:
        which = INTENT.c.id == _given(f"{prefix}which", INTENT.c.id)
        kept = _named(prefix, INTENT, ("state", "ambiguous", "spends", "updated_at"))
        changed = update(INTENT).where(self.ours(INTENT), which)
        return changed.values(worker=None, lease_until=None, **kept)

    def _keep_outcome(self, prefix: str) -> Update:
        which = OUTCOME.c.intent_id == _given(f"{prefix}which", OUTCOME.c.intent_id)
        reserved = _given(f"{prefix}reserved", OUTCOME.c.reservation_id)
        told = _named(prefix, OUTCOME, ("order_id", "reason", "seen_at"))
        ours = and_(self.ours(OUTCOME), which, OUTCOME.c.reservation_id == reserved)
        return update(OUTCOME).where(ours).values(told)

    def _free_claim(self, prefix: str) -> Delete:
        which = CLAIM.c.intent_id == _given(f"{prefix}which", CLAIM.c.intent_id)
        freed = CLAIM.c.reservation_id == _given(f"{prefix}freed", CLAIM.c.reservation_id)
        return delete(CLAIM).where(self.ours(CLAIM), which, freed)

    def _know_what_stands_against(self, claimed: ColumnElement[bool]) -> None:
        """One row: how many reservations are claimed, how often they were tried, the approval's
        state, the day's amounts."""
        claims = select(func.count()).select_from(CLAIM).where(self.ours(CLAIM), claimed)
        nonce = APPROVAL.c.nonce == _given("nonce", APPROVAL.c.nonce)
        approval = select(APPROVAL.c.state).where(self.ours(APPROVAL), nonce)
        amounts = select(func.aggregate_strings(INTENT.c.approved_total, " ")).where(
            self.ours(INTENT),
            INTENT.c.owner == _given("whose", INTENT.c.owner),
            INTENT.c.sent_at >= _given("day", INTENT.c.sent_at),
            INTENT.c.sent_at < _given("next_day", INTENT.c.sent_at),
            INTENT.c.spends,
        )
        self.against = select(
            claims.scalar_subquery().label("claims"),
            self.attempts.scalar_subquery().label("attempts"),
            approval.scalar_subquery().label("approval"),
            amounts.scalar_subquery().label("spent"),
        )

    def _know_owners(self) -> None:
        named = and_(self.ours(OWNERSHIP), self._among(OWNERSHIP.c.resource_id))
        told = (OWNERSHIP.c.resource_id, OWNERSHIP.c.owner)
        tried = self.attempts.subquery()
        self.owners = select(*told).where(named)
        self.standing = select(tried.c.attempts, *told).select_from(
            tried.outerjoin(OWNERSHIP, named)
        )
        """Owners and attempts of reservations: a row at least, if they have an owner or not."""


INTENT_COLUMNS: Final = tuple(c.name for c in INTENT.c if c is not INTENT.c.serial)
OUTCOME_COLUMNS: Final = ("account", "intent_id", "position", "reservation_id")
OWNERSHIP_COLUMNS: Final = tuple(c.name for c in OWNERSHIP.c if c is not OWNERSHIP.c.serial)


def _added(added: Insert, names: Sequence[str], prefix: str) -> Insert:
    return added.values(_named(prefix, added.table, names)).inline()


def _named(prefix: str, table: Any, names: Sequence[str]) -> dict[str, BindParameter[Any]]:
    return {name: _given(f"{prefix}{name}", table.c[name]) for name in names}


def _place(number: int) -> str:
    return f"p{number}_"


def _given(name: str, column: Column[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=column.type)
