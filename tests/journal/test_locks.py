"""Two steps at once on PostgreSQL, one of them stopped before each message that it sends.

Both together must answer and leave what they do one after the other: the model says what that is.
And an order waits for no other one, wherever that one stands.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final

import anyio
import pytest
from sqlalchemy import Connection

from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal import Journal, engine, postgres
from korus_mcp.journal.inspection import Inspection
from korus_mcp.journal.postgres import LOCK_SECONDS
from korus_mcp.journal.records import (
    ApprovalState,
    ClaimRefused,
    Held,
    HoldResult,
    LeaseLost,
    Open,
    OrderResult,
    OrdersStopped,
    TooMuchOpen,
    noes_of,
)
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.tables import CHAIN, KEEPER, META, METADATA
from tests.fixtures.gate import Gate, gate_before
from tests.fixtures.postgres import Cluster
from tests.journal.memory import MemoryJournal
from tests.journal.rows import (
    ADA,
    BOB,
    FENCE,
    MINE,
    NOW,
    OTHER,
    RUN_OUT,
    approval,
    asked,
    claimed,
    hold,
    intent,
    sent,
)

pytestmark = pytest.mark.anyio
Step = Callable[[Journal], Awaitable[object]]
NEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)
LIMIT: Final = Decimal(1000)
SOON_SECONDS: Final = 0.25
"""How long the second step may take while the first one is held; then it counts as waiting."""


def claims(name: str, *ids: str, nonce: str | None = None, **changes: Any) -> Step:
    wish, yes = intent(name, *ids, **changes), nonce or f"nonce of {name}"
    return lambda j: j.claim(wish, lease=OTHER, approval_nonce=yes, day_limit=LIMIT)


def sends(name: str, *ids: str) -> Step:
    one = intent(name, *ids)
    return lambda j: j.start_sending(one, lease=RUN_OUT, sent_at=NOW, fence_at=FENCE)


def settles(name: str, *, ambiguous: bool = False, **results: Any) -> Step:
    return lambda j: j.settle(name, OrderResult(**results, ambiguous=ambiguous))


def takes_over(lease: Any = MINE) -> Step:
    async def step(journal: Journal) -> object:
        return list(await journal.take_over(lease))

    return step


def begins(name: str, key: str, *, most: Open | None = None, **changes: Any) -> Step:
    return lambda j: j.begin_hold(hold(name, key, **changes), MINE, most=most)


def makes(name: str, *ids: str) -> Step:
    held = {i: Held(1, Decimal(10), FENCE) for i in ids}
    return lambda j: j.settle_hold(name, HoldResult(ids, held=held))


def says_no(nonce: str) -> Step:
    no = approval(nonce, state=ApprovalState.DECLINED, expires_at=NEVER)
    return lambda j: j.decline(no, ["r2", "r1"])


def agrees(name: str) -> Step:
    return lambda j: j.answer(f"CODE-{name}", is_yes=True, way="w", now=NOW, no_until=NEVER)


async def _yes(journal: Journal, *names: str) -> None:
    for name in names:
        await journal.approve(approval(f"nonce of {name}", expires_at=NEVER))


async def _nothing(journal: Journal) -> None:
    await _yes(journal, "a", "b")


async def _unsent(journal: Journal) -> None:
    await _yes(journal, "b")
    await claimed(journal, intent("dead", "r1", "r2"), lease=RUN_OUT)


async def _under_way(journal: Journal) -> None:
    await _yes(journal, "b")
    await sent(journal, intent("dead", "r1", "r2"), lease=RUN_OUT)


async def _failed(journal: Journal) -> None:
    await _under_way(journal)
    await journal.settle("dead", OrderResult(failures={"r1": "no", "r2": "no"}))


async def _two_holds(journal: Journal) -> None:
    await journal.begin_hold(hold("h1", "key", wishes=("one",)), MINE)
    await journal.begin_hold(hold("h2", "another", owner=BOB, wishes=("two",)), MINE)


async def _asked(journal: Journal) -> None:
    await journal.ask(asked("q", "r1", ends_at=NEVER, open_until=NEVER), now=NOW)


MOST: Final = Open(2, 100, Decimal(100))
PAIRS: Final = {
    "claims that share a reservation": (_nothing, claims("a", "r1", "r2"), claims("b", "r2", "r3")),
    "claims named the other way": (_nothing, claims("a", "r1", "r2"), claims("b", "r2", "r1")),
    "claims with one yes": (_nothing, claims("a", "r1"), claims("b", "r2", nonce="nonce of a")),
    "claims over the day's limit": (
        _nothing,
        claims("a", "r1", approved_total=Decimal(600)),
        claims("b", "r2", approved_total=Decimal("400.01")),
    ),
    "a claim and a late sender": (_unsent, claims("b", "r1"), sends("dead", "r1", "r2")),
    "a claim and a take-over of what was not sent": (_unsent, claims("b", "r1"), takes_over()),
    "a claim and a failure": (
        _under_way,
        claims("b", "r2", "r1", attempt=1),
        settles("dead", failures={"r1": "no", "r2": "no"}),
    ),
    "a claim and a late order": (
        _failed,
        claims("b", "r1"),
        lambda j: j.repair("dead", {"r1": "o1"}),
    ),
    "an order and a failure": (
        _under_way,
        settles("dead", orders={"r1": "o1"}),
        settles("dead", failures={"r1": "no", "r2": "no"}, ambiguous=True),
    ),
    "a sender and a take-over": (_unsent, sends("dead", "r1", "r2"), takes_over()),
    "two take-overs": (_under_way, takes_over(MINE), takes_over(OTHER)),
    "a renewal and a take-over": (
        _under_way,
        lambda j: j.renew("dead", replace(RUN_OUT, seconds=60)),
        takes_over(),
    ),
    "a yes again and its use": (
        _nothing,
        lambda j: j.approve(approval("nonce of a", expires_at=NEVER)),
        claims("a", "r1"),
    ),
    "noes at once": (_nothing, says_no("n1"), says_no("n2")),
    "an answer and a question about the same": (
        _asked,
        agrees("q"),
        lambda j: j.ask(asked("other", "r1", ends_at=NEVER, open_until=NEVER), now=NOW),
    ),
    "equal reserve calls": (_nothing, begins("h1", "key"), begins("h2", "key")),
    "reserve calls over the bound": (
        lambda j: j.begin_hold(hold("h0", "zero"), MINE),
        begins("h1", "one", most=MOST),
        begins("h2", "two", most=MOST),
    ),
    "a reserve call and what was made": (
        _two_holds,
        begins("h3", "three", most=Open(1, 9, LIMIT)),
        makes("h1", "r1"),
    ),
    "adoptions of one reservation": (
        _two_holds,
        lambda j: j.adopt("h1", HoldResult(["r1"]), now=NOW),
        lambda j: j.adopt("h2", HoldResult(["r1"]), now=NOW),
    ),
    "sweeps": (
        _nothing,
        lambda j: j.begin_sweep(every=timedelta(days=1)),
        lambda j: j.begin_sweep(every=timedelta(days=1)),
    ),
}


async def told(step: Step, journal: Journal) -> str:
    """What a step answered, or how it was refused."""
    try:
        answer = await step(journal)
    except TooMuchOpen as refused:
        return f"too much: {refused.open}"
    except (ClaimRefused, LeaseLost) as refused:
        return f"{type(refused).__name__} {getattr(refused, 'holder', '')}"
    return repr(answer)


async def left(journal: Journal) -> str:
    """What a journal holds of all that the steps are about."""
    ids = ["r1", "r2", "r3"]
    return repr(
        (
            {i: each.id for i, each in (await journal.intents_of(ids)).items()},
            [await journal.intent_by_reference(f"km1-{name}") for name in ("a", "b", "dead")],
            [(await journal.standing([i], owner=ADA, since=NOW)).attempts for i in ids],
            dict(await journal.owners_of([*ids, "o1"])),
            [await journal.hold_of(key) for key in ("key", "another", "zero", "one", "two")],
            dict(await journal.held_until(ids, NOW)),
            {
                nonce: (each.state, each.digest)
                for nonce, each in (
                    await journal.approvals(
                        ["nonce of a", "nonce of b", "n1", "n2", "asked-q", *map(noes_of, ids)]
                    )
                ).items()
            },
            [await journal.asked(f"asked-{name}") for name in ("q", "other")],
            await journal.spent(ADA, NOW, until=NEVER),
        )
    )


async def one_after_the_other(before: Step, first: Step, second: Step) -> tuple[str, str, str]:
    model = MemoryJournal(SystemClock())
    await before(model)
    answers = (await told(first, model), await told(second, model))
    return (*answers, await left(model))


@dataclass
class Database:
    """Two servers over one database, the way of the first through a gate, and their operator."""

    gate: Gate
    one: SqlJournal
    two: SqlJournal
    operator: Inspection

    async def empty(self) -> None:
        """Begin anew, with connections that are there."""
        kept = {META.name, KEEPER.name, CHAIN.name}
        tables = ", ".join(t.name for t in METADATA.sorted_tables if t.name not in kept)

        def work(connection: Connection) -> None:
            connection.exec_driver_sql(f"TRUNCATE {tables}")
            connection.execute(CHAIN.update().values(number=0, head="", seal=""))
            never = dict.fromkeys(("swept_at", "sweeping_since", "stopped_at"))
            connection.execute(KEEPER.update().values(**never))

        await self.two.installation()
        await self.two._database.run(work, writes=True)
        await self.one.installation()
        await self.one.intents_of(["r1"])


@pytest.fixture
async def database(postgres: Cluster) -> AsyncIterator[Database]:
    async with gate_before(postgres.port) as gate:
        near = postgres.new_database()
        far = near.replace(f":{postgres.port}/", f":{gate.port}/")
        given: Any = {"clock": SystemClock(), "audit_key": "a key"}
        one, two = (SqlJournal.at(url, "account", **given) for url in (far, near))
        operator = Inspection.at(near, "account", **given)
        yield Database(gate, one, two, operator)
        gate.open()
        for journal in (one, two, operator):
            await journal.close()


@dataclass
class Trial:
    """What two steps answered and left, and whether the second was over while the first was
    held.
    """

    answers: tuple[str, str, str]
    was_held: bool
    is_free: bool


async def tried(
    database: Database,
    before: Step,
    first: Step,
    second: Step,
    messages: int,
    *,
    seconds: float = SOON_SECONDS,
) -> Trial:
    """Hold the first step after so many messages, do the second, then let the first go on."""
    one, two = database.one, database.two
    await database.empty()
    await before(two)
    said, gate, is_over = dict[str, str](), database.gate, anyio.Event()

    async def do(name: str, step: Step, journal: Journal, over: anyio.Event) -> None:
        said[name] = await told(step, journal)
        over.set()

    async with anyio.create_task_group() as tasks:
        gate.hold_after(messages)
        tasks.start_soon(do, "first", first, one, gate.is_held)
        await gate.is_held.wait()  # or it sent less
        was_held = "first" not in said
        tasks.start_soon(do, "second", second, two, is_over)
        with anyio.move_on_after(seconds):
            await is_over.wait()
        is_free = is_over.is_set()
        gate.open()
    answers = (said["first"], said["second"], await left(two))
    return Trial(answers, was_held, is_free)


async def faults(database: Database, before: Step, first: Step, second: Step) -> Sequence[str]:
    """After which messages of the first step the two did not do what they do alone."""
    in_order = await one_after_the_other(before, first, second)
    other_way = await one_after_the_other(before, second, first)
    turned = (other_way[1], other_way[0], other_way[2])
    found = []
    for messages in count():
        trial = await tried(database, before, first, second, messages)
        if trial.answers not in (in_order, turned):
            found.append(f"after {messages}: {trial.answers}, not {in_order} or {turned}")
        if not trial.was_held:
            return found
    return found


@pytest.mark.parametrize("name", PAIRS)
async def test_two_steps_at_once_do_what_they_do_one_after_the_other(
    name: str, database: Database
) -> None:
    before, first, second = PAIRS[name]
    assert await faults(database, before, first, second) == []
    assert await faults(database, before, second, first) == []


@pytest.mark.parametrize(
    "name", ["reserve calls over the bound", "an order and a failure", "noes at once"]
)
async def test_without_locks_they_would_not(
    name: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "locked", lambda locks: "")
    monkeypatch.setattr(engine.Database, "lock", lambda *nothing: None)
    before, first, second = PAIRS[name]
    found = [
        *await faults(database, before, first, second),
        *await faults(database, before, second, first),
    ]
    assert found != []


async def _ordered(journal: Journal) -> None:
    """All steps of an order of its own."""
    await _yes(journal, "x")
    await sent(journal, intent("x", "r9", approved_total=Decimal(1)))
    await journal.renew("x", MINE)
    await journal.settle("x", OrderResult({"r9": "o9"}))


@pytest.mark.parametrize(
    ("before", "step"),
    [
        (_nothing, claims("a", "r1", "r2")),
        (_unsent, claims("b", "r1")),
        (_unsent, sends("dead", "r1", "r2")),
        (_under_way, settles("dead", orders={"r1": "o1"}, failures={"r2": "no"})),
        (_under_way, settles("dead", failures={"r1": "no", "r2": "no"})),
        (_under_way, settles("dead", ambiguous=True)),
        (_under_way, lambda j: j.renew("dead", RUN_OUT)),
        (_under_way, takes_over()),
        (_failed, lambda j: j.repair("dead", {"r1": "o1"})),
        (_nothing, lambda j: j.approve(approval("n", expires_at=NEVER), now=NOW)),
        (_nothing, says_no("n1")),
        (_asked, agrees("q")),
        (_asked, lambda j: j.ask(asked("other", "r1"), now=NOW)),
        (_two_holds, begins("h3", "three", most=MOST)),
        (_two_holds, makes("h1", "r1")),
        (_nothing, lambda j: j.begin_sweep(every=timedelta(days=1))),
        (_nothing, lambda j: j.found_late("km1-lost", "o7")),
        (_under_way, lambda j: j.seal()),
    ],
)
async def test_an_order_of_the_same_owner_waits_for_nobody(
    before: Step, step: Step, database: Database
) -> None:
    for messages in count():
        trial = await tried(database, before, step, _ordered, messages, seconds=LOCK_SECONDS - 1)
        assert trial.is_free, f"it waited, after {messages} messages of the other"
        if not trial.was_held:
            return


async def test_nothing_begins_to_send_once_it_is_stopped(database: Database) -> None:
    """Stopped before each message of the sender: where the stop is over first, it is refused."""

    async def stop(journal: Journal) -> object:
        del journal
        return await database.operator.stop(by="ada")

    for messages in count():
        trial = await tried(database, _unsent, sends("dead", "r1", "r2"), stop, messages)
        if trial.is_free and trial.was_held:
            assert trial.answers[0].startswith(OrdersStopped.__name__), messages
        if not trial.was_held:
            assert messages > 2
            return


async def test_audit_rows_are_sealed_once_and_in_the_order_of_each_call(
    database: Database,
) -> None:
    journals: Sequence[SqlJournal] = (database.one, database.two, database.operator)

    async def book(number: int) -> None:
        journal, name = journals[number % 3], f"i{number}"
        await _yes(journal, name)
        await sent(journal, intent(name, f"r{number}", approved_total=Decimal(1)))
        await journal.seal()
        await journal.settle(name, OrderResult({f"r{number}": f"o{number}"}))
        await journal.seal()

    async with anyio.create_task_group() as tasks:
        for number in range(9):
            tasks.start_soon(book, number)
    rows = await database.operator.audit_of()
    assert [row.number for row in rows] == list(range(1, 19))
    for number in range(9):
        events = [row.event for row in rows if row.subject == f"i{number}"]
        assert events == ["claimed", "closed"]
    assert (await database.operator.verify(unsealed=0)).problems == ()
