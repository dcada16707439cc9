"""Whatever is done to a journal, the SQL ones answer as the model does.

The simulation crashes the coordinator over the model; this is what makes its verdict one about
SQLite and PostgreSQL, too.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal import Journal
from korus_mcp.journal.records import (
    ApprovalState,
    Asked,
    ClaimRefused,
    Held,
    HoldIntent,
    HoldResult,
    Intent,
    IntentState,
    Lease,
    LeaseLost,
    Open,
    OrderResult,
    TooMuchOpen,
    units_of,
)
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.tables import SPENT
from korus_mcp.journal.transaction import ours
from tests.fixtures.postgres import Cluster
from tests.journal.memory import MemoryJournal
from tests.journal.rows import ADA, BOB, FENCE, LIMIT, NOW, RUN_OUT, approval, asked, hold
from tests.journal.rows import intent as an_intent

Answer = TypeVar("Answer")
RESERVATIONS = [f"r{n}" for n in range(4)]
NEVER = datetime.max.replace(tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MOST = Open(4, 7, Decimal(40))
OWNERS, KEYS = [ADA, BOB], ["wish", "another wish"]
some_reservations = st.lists(st.sampled_from(RESERVATIONS), min_size=1, max_size=3, unique=True)
LIVE = [Lease("me", 3600), Lease("another", 3600)]
leases = st.sampled_from([*LIVE, RUN_OUT])
owners, keys = st.sampled_from(OWNERS), st.sampled_from(KEYS)
moments = st.sampled_from([NOW, FENCE])


class TwoJournals(RuleBasedStateMachine):
    """Every step is done to both; `url`, `portal` are set by the test."""

    url: str
    portal: BlockingPortal
    nonces = Bundle("nonces")
    intents = Bundle("intents")
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        clock = SystemClock()
        self.journals: tuple[Journal, Journal] = (
            MemoryJournal(clock),
            SqlJournal.at(self.url, secrets.token_hex(8), clock=clock, audit_key="a key"),
        )
        self.made: dict[str, Intent] = {}
        self.final: dict[str, Intent] = {}
        self.used: set[str] = set()
        self.codes = 0
        self.seen: dict[str, HoldIntent | None] = {}
        self.begun: list[HoldIntent] = []

    def teardown(self) -> None:
        self.portal.call(self.journals[1].close)

    def both(self, step: Callable[[Journal], Awaitable[Answer]]) -> Answer | str:
        """The answer both gave; of a refusal its name, and whom it names."""
        memory, sql = (self._told(partial(step, each)) for each in self.journals)
        assert sql == memory
        return memory

    def _told(self, step: Callable[[], Awaitable[Answer]]) -> Answer | str:
        try:
            return self.portal.call(step)
        except TooMuchOpen as refused:
            return f"too much: {refused.open}"
        except (ClaimRefused, LeaseLost) as refused:
            return f"{type(refused).__name__} {getattr(refused, 'holder', '')}"

    @rule(target=nonces, owner=owners)
    def approve(self, owner: str) -> str:
        given = approval(secrets.token_hex(4), owner=owner, expires_at=NEVER)
        self.both(lambda journal: journal.approve(given))
        return given.nonce

    @rule(nonce=nonces, state=st.sampled_from([ApprovalState.OPEN, ApprovalState.DECLINED]))
    def answer(self, nonce: str, state: ApprovalState) -> None:
        given = approval(nonce, state=state, expires_at=NEVER)
        self.both(lambda journal: journal.approve(given))
        self.both(lambda journal: journal.approvals([nonce]))

    @rule(name=st.sampled_from("abc"), moved=st.booleans(), ids=some_reservations, at=moments)
    def ask(self, name: str, ids: list[str], at: datetime, *, moved: bool) -> None:
        digest = "moved" if moved else "as it was"
        # A code of its own each time, as random ones are.
        self.codes += 1
        put = asked(name, *ids, digest=digest, code=f"CODE-{self.codes}")
        self.both(lambda j: j.ask(put, now=at))

    @rule(name=st.sampled_from("abc"), is_yes=st.booleans(), at=moments)
    def answer_by_hand(self, name: str, at: datetime, *, is_yes: bool) -> None:
        found = self.both(lambda j: j.asked(f"asked-{name}"))
        code = found.code if isinstance(found, Asked) else "CODE-0"
        self.both(lambda j: j.answer(code, is_yes=is_yes, way="page", now=at, no_until=NEVER))

    @rule(name=st.sampled_from("abc"), ids=some_reservations)
    def order_by_hand(self, name: str, ids: list[str]) -> None:
        found = self.portal.call(self.journals[0].asked, f"asked-{name}")
        wish = an_intent(secrets.token_hex(4), *ids)
        refused = self.both(
            lambda j: j.claim(wish, lease=LIVE[0], approval_nonce=f"asked-{name}", day_limit=LIMIT)
        )
        if refused is None:
            assert found is not None
            assert found.is_yes, "nobody said yes"
            self.made[wish.id] = wish

    @rule(target=intents, nonce=nonces, owner=owners, ids=some_reservations, lease=leases)
    def claim(self, nonce: str, owner: str, ids: list[str], lease: Lease) -> Any:
        wish = an_intent(secrets.token_hex(4), *ids, owner=owner, caller_reference=nonce)
        refused = self.both(
            lambda j: j.claim(wish, lease=lease, approval_nonce=nonce, day_limit=LIMIT)
        )
        if refused is not None:
            return multiple()
        assert nonce not in self.used, "I11: an approval is used once"
        self.used.add(nonce)
        self.made[wish.id] = wish
        return wish.id

    @rule(which=intents, lease=leases)
    def start_sending(self, which: str, lease: Lease) -> None:
        one = self.made[which]
        self.both(lambda j: j.start_sending(one, lease=lease, sent_at=NOW, fence_at=FENCE))

    @rule(which=intents, lease=leases)
    def renew(self, which: str, lease: Lease) -> None:
        self.both(lambda j: j.renew(which, lease))

    @rule(
        which=intents,
        done=some_reservations,
        lost=some_reservations,
        ambiguous=st.booleans(),
        numbered=some_reservations,
    )
    def settle(
        self, which: str, done: list[str], lost: list[str], numbered: list[str], *, ambiguous: bool
    ) -> None:
        assume(self._read(self.made[which]).state is not IntentState.NEW)  # nothing was sent
        of = self.made[which].reservation_ids
        orders = {i: f"order of {i} by {which}" for i in done if i in of}
        failures = {i: f"no {i}" for i in lost if i in of}
        numbers = {f"order of {i} by {which}": f"KT-ORD-{i}" for i in numbered}
        result = OrderResult(orders, failures, ambiguous=ambiguous, numbers=numbers)
        self.both(lambda j: j.settle(which, result))

    @rule(which=intents, numbered=some_reservations)
    def number(self, which: str, numbered: list[str]) -> None:
        numbers = {f"order of {i} by {which}": f"KT-ORD-{i}" for i in numbered}
        self.both(lambda j: j.number(which, numbers))

    @rule(which=intents, late=some_reservations)
    def repair(self, which: str, late: list[str]) -> None:
        of = self.made[which].reservation_ids
        orders = {i: f"order of {i} by {which}" for i in late if i in of}
        assume(orders and which in self.final)
        self.both(lambda j: j.repair(which, orders))
        self.final.pop(which, None)

    @rule(lease=st.sampled_from(LIVE), limit=st.integers(1, 3))
    def take_over(self, lease: Lease, limit: int) -> None:
        self.both(lambda j: _taken(j, lease, limit))

    @rule(key=keys)
    def look_for_holds(self, key: str) -> None:
        self.seen[key] = self.portal.call(self.journals[0].hold_of, key)

    @rule(
        target=holds,
        owner=owners,
        key=keys,
        lease=leases,
        is_late=st.booleans(),
        looked=st.booleans(),
    )
    def begin_hold(self, owner: str, key: str, lease: Lease, *, is_late: bool, looked: bool) -> Any:
        seen = dict(self.seen) if looked else {}
        sent_at = FENCE if is_late else NOW
        made = hold(
            secrets.token_hex(4),
            key,
            owner=owner,
            sent_at=sent_at,
            wishes=(key[:4],),
            tickets=2,
            amount=Decimal("10.01"),
        )
        wish = made if owner == ADA else replace(made, wishes=("wish",))
        earlier = self.both(lambda j: j.begin_hold(wish, lease, most=MOST, seen=seen))
        last = [made.id for made in self.begun if made.key == key][-1:]
        if earlier is None and looked and key in seen:
            known = seen[key]
            assert last == ([] if known is None else [known.id]), "none is begun beside another"
        if earlier is None:
            self.begun.append(wish)
        return wish.id if earlier is None else multiple()

    @rule(
        which=holds,
        made=some_reservations,
        ends=st.sampled_from([None, NOW, FENCE, NEVER]),
        ambiguous=st.booleans(),
    )
    def settle_hold(
        self, which: str, made: list[str], ends: datetime | None, ambiguous: bool
    ) -> None:
        held = {made[0]: Held(1, Decimal("7.5"), ends)}
        self.both(lambda j: j.settle_hold(which, HoldResult(made, held=held, ambiguous=ambiguous)))

    @rule(which=holds)
    def doubt_hold(self, which: str) -> None:
        self.both(lambda j: j.doubt_hold(which))

    @rule(which=holds, found=some_reservations)
    def adopt(self, which: str, found: list[str]) -> None:
        self.both(lambda j: j.adopt(which, HoldResult(found), now=NOW))

    @invariant()
    def they_agree(self) -> None:
        """On all that can be asked, after every step."""
        self.both(_all_there_is)

    @invariant()
    def a_day_is_counted_as_its_orders_add_up(self) -> None:
        for owner in OWNERS:
            sql = self.journals[1]
            spent = self.portal.call(partial(sql.spent, owner, NOW, until=NEVER))
            assert self.portal.call(_counted, sql, owner) == units_of(spent)

    @invariant()
    def a_final_outcome_stays(self) -> None:
        """I5, and I4: what was ordered or is in doubt keeps its claim."""
        held = self.portal.call(self.journals[1].intents_of, RESERVATIONS)
        for intent in (self._read(each) for each in self.made.values()):
            assert self.final.get(intent.id, intent).orders == intent.orders
            if intent.is_final:
                self.final[intent.id] = intent
            for each in intent.orders if not intent.is_final else ():
                assert held[each].id == intent.id
            for each in intent.missing:
                assert held[each].id == intent.id

    def _read(self, wish: Intent) -> Intent:
        found = self.both(lambda j: j.intent_by_reference(wish.external_reference))
        assert isinstance(found, Intent)
        return found


async def _all_there_is(journal: Journal) -> Any:
    return (
        dict(await journal.intents_of(RESERVATIONS)),
        await journal.unfinished(),
        [await journal.standing([r], owner=o, since=NEVER) for r in RESERVATIONS for o in OWNERS],
        [list(await journal.doubtful(owner, since=LONG_AGO)) for owner in OWNERS],
        dict(await journal.owners_of(RESERVATIONS)),
        [list(await journal.orders_of(owner)) for owner in OWNERS],
        [await journal.hold_of(key) for key in KEYS],
        [dict(await journal.made_since(owner, LONG_AGO)) for owner in OWNERS],
        [dict(await journal.made_since(owner, NOW)) for owner in OWNERS],
        [dict(await journal.held_until(RESERVATIONS, now)) for now in (LONG_AGO, NOW)],
        [list(map(list, await journal.bookings_of(owner, NOW))) for owner in OWNERS],
        [await journal.asked(f"asked-{name}") for name in "abc"],
        dict(await journal.approvals([f"asked-{name}" for name in "abc"])),
    )


async def _counted(journal: Journal, owner: str) -> int:
    which = select(SPENT.c.spent).where(ours(SPENT), SPENT.c.owner == owner)
    return await journal._read(lambda tx: tx.run(which).scalar_one_or_none() or 0)


async def _taken(journal: Journal, lease: Lease, limit: int) -> list[Intent]:
    return list(await journal.take_over(lease, limit=limit))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'journal.sqlite'}"
        return
    running: Cluster = request.getfixturevalue("postgres")
    yield running.new_database()


def test_sql_journals_answer_as_the_one_in_memory(url: str) -> None:
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        machine = type("Machine", (TwoJournals,), {"url": url, "portal": portal})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=20,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
