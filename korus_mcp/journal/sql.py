"""The journal that survives: SQLite for one machine, PostgreSQL for several.

Writers of an account queue at its keeper row, on both databases; so what a transaction reads stays
true until it commits.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.engine import Connection

from korus_mcp.clock import Clock
from korus_mcp.journal.audit import Seals
from korus_mcp.journal.engine import Database
from korus_mcp.journal.records import (
    APPROVALS_KEPT,
    AlreadyClaimed,
    Approval,
    ApprovalState,
    ApprovalUsed,
    DayLimitReached,
    HoldIntent,
    Installation,
    Intent,
    IntentState,
    Lease,
    LeaseLost,
    RefusedItem,
    Standing,
    noes_of,
    one_more_no,
)
from korus_mcp.journal.statements import (
    ADD_APPROVAL,
    ADD_HOLD,
    ADD_KEEPER,
    UNFINISHED,
    Statements,
)
from korus_mcp.journal.tables import AUDIT, HOLD, INTENT, KEEPER, OWNERSHIP
from korus_mcp.journal.transaction import Reading, Writing

_Thing = TypeVar("_Thing")
SWEEP_LASTS: Final = timedelta(hours=1)


class SqlJournal:
    """The journal of one account in a SQL database, which the first call opens."""

    def __init__(self, database: Database, account: str, *, audit_key: str | None = None) -> None:
        self._database = database
        self._account = account
        self._seals = Seals(audit_key, account)
        self._statements = Statements(database, account)
        self._installation: Installation | None = None

    @classmethod
    def at(cls, url: str, account: str, *, clock: Clock, audit_key: str | None = None) -> Self:
        """The journal at an address like sqlite:///file or postgresql://host/name."""
        return cls(Database(url, clock=clock), account, audit_key=audit_key)

    async def installation(self) -> Installation:
        """Made by whoever opens the journal first."""
        if self._installation is None:
            self._installation = await self._written(_installation)
        return self._installation

    # Approvals

    async def approve(self, approval: Approval) -> None:
        """Keep an approval; those that ran out long ago are dropped."""
        await self._written(lambda tx: self._approve(tx, approval))

    async def decline(self, no: Approval, reservation_ids: Sequence[str]) -> None:
        """Keep a no, and count it."""
        ids = list(dict.fromkeys(reservation_ids))

        def work(tx: Writing) -> None:
            self._approve(tx, no)
            counts = tx.approvals([noes_of(each) for each in ids])
            for each in ids:
                self._approve(tx, one_more_no(no, each, counts.get(noes_of(each))))

        await self._written(work)

    def _approve(self, tx: Writing, approval: Approval) -> None:
        values = asdict(approval)
        tx.run(self._statements.drop_approvals, before=tx.now - APPROVALS_KEPT)
        there = tx.approvals([approval.nonce]).get(approval.nonce)
        if there is None:
            tx.run(ADD_APPROVAL, account=self._account, **values)
        elif there.state is not ApprovalState.USED:
            tx.run(self._statements.change_approval, which=approval.nonce, **values)

    async def approvals(self, nonces: Sequence[str]) -> Mapping[str, Approval]:
        """The approvals with these nonces."""
        return await self._asked(lambda tx: tx.approvals(nonces))

    # Orders

    async def claim(
        self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
    ) -> None:
        """Store the intent and its claims and use up the approval, or refuse."""

        def work(tx: Writing) -> None:
            against = tx.against(intent, approval_nonce)
            if against.is_claimed:
                for holder in {
                    i.id: i for i in tx.holders(intent.reservation_ids).values()
                }.values():
                    if not tx.closed_unsent(holder):
                        raise AlreadyClaimed(holder)
                against = tx.against(intent, approval_nonce)
            if not against.is_approved:
                raise ApprovalUsed
            if against.spent + intent.approved_total > day_limit:
                raise DayLimitReached
            tx.change(self._statements.use_approval, which=approval_nonce)
            tx.store(intent, lease)
            tx.note(
                "claimed",
                intent.owner,
                intent.id,
                reference=intent.external_reference,
                reservations=intent.reservation_ids,
                total=str(intent.approved_total),
                agreed=intent.agreed,
            )

        # nothing is sent before start_sending has committed, which takes this to the disk
        keeper = self._statements.keeper_ahead
        await self._database.write_ahead(partial(self._writing, work, keeper=keeper))

    async def start_sending(
        self, intent: Intent, *, lease: Lease, sent_at: datetime, fence_at: datetime
    ) -> Intent:
        """NEW becomes SENDING, if it is still this worker's."""

        given = {
            "which": intent.id,
            "mine": lease.worker,
            "lease_microseconds": round(lease.seconds * 1_000_000),
            "state": IntentState.SENDING,
            "sent_at": sent_at,
            "fence_at": fence_at,
        }

        def work(connection: Connection) -> int:
            return connection.execute(self._statements.start_sending, given).rowcount

        if await self._database.change(work) == 0:
            raise LeaseLost
        return replace(
            intent,
            state=IntentState.SENDING,
            sent_at=sent_at,
            fence_at=fence_at,
            led=True,
            attempt=None,
        )

    async def renew(self, intent_id: str, lease: Lease) -> bool:
        """Prolong the lease of the worker who has it."""

        def work(tx: Writing) -> bool:
            given = {"which": intent_id, "mine": lease.worker, "lease_until": tx.until(lease)}
            return tx.run(self._statements.renew, **given).rowcount > 0

        return await self._written(work)

    async def settle(
        self,
        intent_id: str,
        orders: Mapping[str, str],
        failures: Mapping[str, str],
        *,
        ambiguous: bool = False,
    ) -> Intent:
        """Add outcomes, own the orders, free what failed for certain."""

        def work(tx: Writing) -> Intent:
            stored = tx.intent(intent_id)
            if stored.is_final:
                return stored
            return tx.keep(stored, stored.told(orders, failures, ambiguous=ambiguous))

        return await self._written(work)

    async def repair(self, intent_id: str, orders: Mapping[str, str]) -> Intent:
        """Add late orders, and claim their reservations again where nobody else does."""

        def work(tx: Writing) -> Intent:
            stored = tx.intent(intent_id)
            repaired = tx.keep(stored, stored.repaired(orders))
            claimed = tx.holders(tuple(repaired.orders))
            tx.claim(intent_id, [i for i in orders if i not in claimed])
            tx.note("late_order_found", stored.owner, intent_id, orders=dict(orders))
            return repaired

        return await self._written(work)

    async def take_over(self, lease: Lease, *, limit: int = 50) -> Sequence[Intent]:
        """Lead what nobody leads; close what was never sent."""

        def look(tx: Reading) -> bool:
            return bool(tx.intents(self._statements.unled(1)))

        def work(tx: Writing) -> list[Intent]:
            unled = tx.intents(self._statements.unled(limit))
            sent = [intent for intent in unled if not tx.closed_unsent(intent)]
            for intent in sent:
                tx.take(intent.id, lease)
            return [replace(intent, ambiguous=True, led=True) for intent in sent]

        return await self._written(work) if await self._read(look) else ()

    async def unfinished(self) -> int:
        """How many are not FINAL."""
        which = and_(self._statements.ours(INTENT), UNFINISHED)
        found = select(INTENT.c.serial).where(which)
        return await self._read(lambda tx: len(tx.run(found).all()))

    async def standing(self, reservation_ids: Sequence[str]) -> Standing:
        """What is known of them. No claim is made without an intent, nor an intent undone."""
        return await self._asked(lambda tx: tx.standing(reservation_ids))

    async def intents_of(self, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        """The intents that hold the claims."""
        return await self._asked(lambda tx: tx.holders(reservation_ids))

    async def intent_by_reference(self, external_reference: str) -> Intent | None:
        """The intent with this external reference."""
        statement = self._statements.intent_by_reference
        found = await self._asked(lambda tx: tx.intents(statement, reference=external_reference))
        return found[0] if found else None

    async def intents_by_reference(self, owner: str, reference: str) -> Sequence[Intent]:
        """The intents of an owner with this external or caller's reference."""
        references = (INTENT.c.external_reference, INTENT.c.caller_reference)
        which = and_(INTENT.c.owner == owner, or_(*(c == reference for c in references)))
        return await self._read(lambda tx: tx.intents(self._statements.intents(which)))

    # Reserve calls

    async def begin_hold(self, hold: HoldIntent, lease: Lease) -> HoldIntent | None:
        """Store it, unless an equal one is under way or in doubt."""

        def work(tx: Writing) -> HoldIntent | None:
            earlier = tx.last_hold(HOLD.c.key == hold.key)
            if earlier is not None and not earlier.is_final:
                if earlier.led or hold.sent_at < earlier.fence_at:
                    return earlier
                tx.change_hold(earlier.id, state=IntentState.FINAL)
            tx.run(
                ADD_HOLD,
                account=self._account,
                id=hold.id,
                owner=hold.owner,
                key=hold.key,
                sent_at=hold.sent_at,
                fence_at=hold.fence_at,
                state=IntentState.SENDING,
                ambiguous=False,
                worker=lease.worker,
                lease_until=tx.until(lease),
                wishes=list(hold.wishes),
                reservation_ids=[],
                refused=[],
            )
            return None

        return await self._written(work)

    async def hold_of(self, key: str) -> HoldIntent | None:
        """The last one with this key."""
        return await self._asked(lambda tx: tx.last_hold(HOLD.c.key == key))

    async def settle_hold(
        self,
        hold_id: str,
        *,
        reservation_ids: Sequence[str] = (),
        refused: Sequence[RefusedItem] = (),
    ) -> HoldIntent:
        """What it made, owned by who asked."""

        def work(tx: Writing) -> HoldIntent:
            hold = tx.hold(hold_id)
            return hold if hold.is_final else tx.settle_hold(hold, reservation_ids, refused)

        return await self._written(work)

    async def doubt_hold(self, hold_id: str) -> HoldIntent:
        """Its answer was lost."""

        def work(tx: Writing) -> HoldIntent:
            tx.change_hold(hold_id, ambiguous=True)
            return tx.hold(hold_id)

        return await self._written(work)

    async def adopt(self, hold_id: str, reservation_ids: Sequence[str], *, now: datetime) -> bool:
        """Take reservations nobody owns, or may still own, as what this call made."""
        others = select(HOLD.c.wishes).where(
            self._statements.ours(HOLD),
            HOLD.c.id != hold_id,
            HOLD.c.state != IntentState.FINAL,
            HOLD.c.fence_at > now,
        )

        def work(tx: Writing) -> bool:
            hold = tx.hold(hold_id)
            if hold.is_final or tx.owners(reservation_ids):
                return False
            for wishes in tx.run(others).scalars():
                if set(wishes) & set(hold.wishes):
                    return False
            tx.settle_hold(hold, reservation_ids, ())
            return True

        return await self._written(work)

    # Ownership

    async def own(self, owner: str, *resource_ids: str) -> None:
        """The first owner stays."""
        await self._written(lambda tx: tx.own(owner, resource_ids, is_order=False))

    async def owners_of(self, resource_ids: Sequence[str]) -> Mapping[str, str]:
        """Whose these are."""
        return await self._asked(lambda tx: tx.owners(resource_ids))

    async def orders_of(self, owner: str) -> Sequence[str]:
        """Newest first."""
        ours = self._statements.ours(OWNERSHIP)
        which = and_(ours, OWNERSHIP.c.owner == owner, OWNERSHIP.c.is_order)
        newest = select(OWNERSHIP.c.resource_id).where(which).order_by(OWNERSHIP.c.serial.desc())
        return await self._read(lambda tx: tx.run(newest).scalars().all())

    # Sweep

    async def begin_sweep(self, *, every: timedelta) -> bool:
        """Whether one is due."""

        def work(tx: Writing) -> bool:
            since, swept_at = tx.keeper.sweeping_since, tx.keeper.swept_at
            if since is not None and tx.now - since < SWEEP_LASTS:
                return False
            if swept_at is not None and tx.now - swept_at < every:
                return False
            tx.change_keeper(sweeping_since=tx.now)
            return True

        return await self._written(work)

    async def sweep_done(self) -> None:
        """It read everything."""
        await self._written(lambda tx: tx.change_keeper(sweeping_since=None, swept_at=tx.now))

    async def last_sweep(self) -> datetime | None:
        """When it did so last."""
        found = select(KEEPER.c.swept_at).where(self._statements.ours(KEEPER))
        return await self._asked(lambda tx: tx.run(found).scalar_one_or_none())

    async def found_late(self, external_reference: str, order_id: str) -> None:
        """Note an order nobody knows, once."""
        event = and_(AUDIT.c.subject == order_id, AUDIT.c.event == "late_order_found")
        known = select(AUDIT.c.row).where(self._statements.ours(AUDIT), event).limit(1)

        def work(tx: Writing) -> None:
            if tx.run(known).first() is None:
                tx.note("late_order_found", "", order_id, reference=external_reference)

        await self._written(work)

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    # How it is done

    async def _asked(self, work: Callable[[Reading], _Thing]) -> _Thing:
        """What few rows tell that an index finds: it is read at once, see `Database.ask`."""
        return await self._database.ask(partial(self._reading, work))

    async def _read(self, work: Callable[[Reading], _Thing]) -> _Thing:
        """What is read of one moment, and may be much."""
        return await self._database.read(partial(self._reading, work))

    async def _written(self, work: Callable[[Writing], _Thing]) -> _Thing:
        """What a transaction answers that waited for its turn; its audit rows are sealed."""
        keeper = self._statements.keeper
        return await self._database.write(partial(self._writing, work, keeper=keeper))

    def _reading(self, work: Callable[[Reading], _Thing], connection: Connection) -> _Thing:
        return work(Reading(connection, self._statements))

    def _writing(
        self, work: Callable[[Writing], _Thing], connection: Connection, *, keeper: Select[Any]
    ) -> _Thing:
        tx = Writing(
            connection,
            self._statements,
            account=self._account,
            seals=self._seals,
            keeper=self._keeper(connection, keeper),
        )
        answer = work(tx)
        tx.end()
        return answer

    def _keeper(self, connection: Connection, keeper: Select[Any]) -> Row[Any]:
        row = connection.execute(keeper).one_or_none()
        if row is None:
            self._make_keeper(connection)
            row = connection.execute(keeper).one()
        return row

    def _make_keeper(self, connection: Connection) -> None:
        self._database.take_turns(connection)
        there = select(KEEPER.c.account).where(self._statements.ours(KEEPER))
        if connection.execute(there).first() is None:
            keeper = {
                "account": self._account,
                "installation": secrets.token_hex(3),
                "secret": secrets.token_bytes(32),
                "audit_rows": 0,
                "audit_head": "",
                "audit_seal": "",
            }
            connection.execute(ADD_KEEPER, keeper)


def _installation(tx: Writing) -> Installation:
    return Installation(tx.keeper.installation, tx.keeper.secret)
