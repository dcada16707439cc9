"""What a booking asks of the journal of one account, made once: building a statement takes longer
than running it. The account and the moment are in them; the rest is given by name.
"""

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
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
)

ADD_APPROVAL: Final = insert(APPROVAL)
ADD_AUDIT: Final = insert(AUDIT)
ADD_CLAIM: Final = insert(CLAIM)
ADD_HOLD: Final = insert(HOLD)
ADD_INTENT: Final = insert(INTENT)
ADD_KEEPER: Final = insert(KEEPER)
ADD_OUTCOME: Final = insert(OUTCOME)
UNFINISHED: Final = INTENT.c.state != IntentState.FINAL


class Statements:
    """The statements of one account."""

    def __init__(self, database: Database, account: str) -> None:
        self._account = account
        self._now = database.now()
        self._know_the_keeper()
        self._know_approvals()
        self._know_intents()
        self._know_owners()
        add = sqlite.insert if database.is_sqlite else postgresql.insert
        self.own = add(OWNERSHIP).on_conflict_do_nothing()

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
        self.keeper = select(locked, self._now.label("now"))
        """Waits for our turn at the row; the moment is that of the turn."""
        self.seal_keeper = (
            update(KEEPER)
            .where(mine)
            .values({name: bindparam(name) for name in ("audit_rows", "audit_head", "audit_seal")})
        )

    def _know_approvals(self) -> None:
        which = and_(self.ours(APPROVAL), APPROVAL.c.nonce == _given("which", APPROVAL.c.nonce))
        names = [f.name for f in fields(Approval)]
        self.approvals = select(*(APPROVAL.c[name] for name in names)).where(
            self.ours(APPROVAL), APPROVAL.c.nonce.in_(_several("ids"))
        )
        self.change_approval = (
            update(APPROVAL).where(which).values({name: bindparam(name) for name in names})
        )
        self.use_approval = (
            update(APPROVAL)
            .where(which, APPROVAL.c.state == ApprovalState.OPEN)
            .values(state=ApprovalState.USED)
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
        self.spent = select(INTENT.c.approved_total).where(
            ours,
            INTENT.c.owner == _given("whose", INTENT.c.owner),
            INTENT.c.sent_at >= _given("day", INTENT.c.sent_at),
            INTENT.c.sent_at < _given("next_day", INTENT.c.sent_at),
            INTENT.c.spends,
        )
        sends = ("state", "sent_at", "fence_at", "lease_until", "updated_at")
        self.start_sending = (
            update(INTENT)
            .where(ours, which, INTENT.c.state == IntentState.NEW, mine)
            .values({name: bindparam(name) for name in sends})
        )
        self.renew = (
            update(INTENT)
            .where(ours, which, UNFINISHED, mine)
            .values(lease_until=bindparam("lease_until"))
        )
        kept = ("state", "ambiguous", "spends", "updated_at")
        self.keep_intent = (
            update(INTENT)
            .where(ours, which)
            .values(worker=None, lease_until=None, **{name: bindparam(name) for name in kept})
        )
        told = ("order_id", "reason", "seen_at")
        self.keep_outcome = (
            update(OUTCOME)
            .where(
                self.ours(OUTCOME),
                OUTCOME.c.intent_id == _given("which", OUTCOME.c.intent_id),
                OUTCOME.c.reservation_id == _given("reserved", OUTCOME.c.reservation_id),
            )
            .values({name: bindparam(name) for name in told})
        )

    def _know_claims(self) -> None:
        """Who holds reservations: by intent, each with the claims it holds in `claimed`."""
        named = CLAIM.c.reservation_id.in_(_several("ids"))
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
        self.free_claims = delete(CLAIM).where(
            self.ours(CLAIM), CLAIM.c.intent_id == _given("which", CLAIM.c.intent_id), named
        )
        self.attempts = select(func.count(OUTCOME.c.intent_id.distinct())).where(
            self.ours(OUTCOME), OUTCOME.c.reservation_id.in_(_several("ids"))
        )

    def _know_owners(self) -> None:
        self.owners = select(OWNERSHIP.c.resource_id, OWNERSHIP.c.owner).where(
            self.ours(OWNERSHIP), OWNERSHIP.c.resource_id.in_(_several("ids"))
        )


def _given(name: str, column: Column[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=column.type)


def _several(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)
