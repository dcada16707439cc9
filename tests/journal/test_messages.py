"""What a journal sends to a PostgreSQL that may be far away: few messages, with any values."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import anyio
import pytest
from sqlalchemy import text

from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal import postgres as server
from korus_mcp.journal.engine import Database
from korus_mcp.journal.inspection import Inspection
from korus_mcp.journal.records import Held, HoldResult, JournalDown, JournalFault, Open, OrderResult
from korus_mcp.journal.sql import SqlJournal
from tests.fixtures.gate import Gate, gate_before
from tests.fixtures.postgres import Cluster
from tests.journal.rows import BOB, FENCE, LIMIT, MINE, NOW, approval, claimed, hold, intent, sent

pytestmark = pytest.mark.anyio
Step: TypeAlias = Callable[[SqlJournal], Awaitable[object]]
MANY = 1000
TEXTS = (
    "it's $1 and $2::TEXT; :owner",
    "two '' quotes, a \\' and a \\\\",
    '"); DROP TABLE korus_intent; --',
    "E'\\x41' é 𝄞 \u2028\r\n\t",
    "",
)


@dataclass
class FarAway:
    """A journal whose messages are counted."""

    journal: SqlJournal
    gate: Gate

    async def taken(self, steps: Mapping[str, Step]) -> Mapping[str, int]:
        """How many messages each of these took."""
        taken = dict[str, int]()
        for name, step in steps.items():
            self.gate.hold_after(MANY)
            await step(self.journal)
            taken[name] = MANY - (self.gate.left or 0)
        return taken


@pytest.fixture
async def far_away(postgres: Cluster) -> AsyncIterator[FarAway]:
    async with gate_before(postgres.port) as gate:
        address = postgres.new_database().replace(f":{postgres.port}/", f":{gate.port}/")
        journal = SqlJournal.at(address, "account", clock=SystemClock(), audit_key="a key")
        for name in "ab":
            await journal.approve(approval(f"nonce of {name}"))
        yield FarAway(journal, gate)
        gate.open()
        await journal.close()


async def test_an_order_takes_few_messages(far_away: FarAway) -> None:
    # A beginning with its locks, what depends on an answer, and an end with all the rest.
    expected = {"standing": 1, "approvals": 1, "claim": 5, "start": 3, "settle": 3, "owners": 1}
    await far_away.taken(_order("a"))  # a connection asks once what the values of a statement are
    assert await far_away.taken(_order("b")) == expected


async def test_a_reserve_call_takes_few_messages(far_away: FarAway) -> None:
    await far_away.taken(_reserve("a"))
    assert await far_away.taken(_reserve("b")) == {"begin": 5, "settle": 5}


def _order(name: str) -> Mapping[str, Step]:
    wish, nonce, made = (
        intent(name),
        f"nonce of {name}",
        OrderResult({f"reservation of {name}": name}),
    )
    send: Any = {"lease": MINE, "sent_at": NOW, "fence_at": FENCE}
    return {
        "standing": lambda j: j.standing([f"reservation of {name}"], owner=BOB, since=NOW),
        "approvals": lambda j: j.approvals([nonce]),
        "claim": lambda j: j.claim(wish, lease=MINE, approval_nonce=nonce, day_limit=LIMIT),
        "start": lambda j: j.start_sending(wish, **send),
        "settle": lambda j: j.settle(name, made, known=wish),
        "owners": lambda j: j.owners_of([name]),
    }


def _reserve(name: str) -> Mapping[str, Step]:
    ids = (f"{name}1", f"{name}2")
    made = HoldResult(ids, held={i: Held(1, Decimal(5), FENCE) for i in ids})
    most = Open(10, 10, Decimal(1000))
    return {
        "begin": lambda j: j.begin_hold(hold(name, name), MINE, most=most),
        "settle": lambda j: j.settle_hold(name, made),
    }


@pytest.mark.parametrize("are_plain", [True, False], ids=["standard", "escaping"])
async def test_texts_are_stored_as_they_are(postgres: Cluster, *, are_plain: bool) -> None:
    """Whatever quotes mean to a server: they end no text that is sent with a commit."""
    address = postgres.new_database()
    name = address.rpartition("/")[2]
    postgres.run(
        f"ALTER DATABASE {name} SET standard_conforming_strings = {'on' if are_plain else 'off'}"
    )
    given: Any = {"clock": SystemClock(), "audit_key": "a key"}
    journal = SqlJournal.at(address, "account", **given)
    for number, each in enumerate(TEXTS):
        one = intent(f"{number}", caller_reference=each, agreed=each)
        await claimed(journal, one)
        (stored,) = (await journal.intents_of(one.reservation_ids)).values()
        assert (stored.caller_reference, stored.agreed) == (each, each)
        failed = OrderResult(failures={one.reservation_ids[0]: each})
        assert (await journal.settle(one.id, failed)).failures == failed.failures
    await journal.seal()
    operator = Inspection.at(address, "account", **given)
    verified = await operator.verify(unsealed=0)
    assert (verified.rows, verified.problems) == (2 * len(TEXTS), ())
    for one_of_them in (journal, operator):
        await one_of_them.close()


async def test_an_end_that_waits_too_long_writes_nothing_and_leaves_its_connection_usable(
    postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 1)
    short = server._WITHIN.replace(f"'{server.LOCK_SECONDS}s'", "'100ms'")
    monkeypatch.setattr(server, "_WITHIN", short)
    address = postgres.new_database()
    journal, other = (
        SqlJournal.at(address, "account", clock=SystemClock(), audit_key="key") for _ in "ab"
    )
    await sent(journal, intent("a"))
    await journal.approve(approval("nonce of b"))
    is_held, goes_on = anyio.Event(), anyio.Event()

    async def hold_the_day() -> None:
        database = Database(address, clock=SystemClock())
        connections = await database._open()
        async with connections._engine.connect() as connection:  # type: ignore[union-attr]
            await connection.execute(text("SELECT * FROM korus_spent FOR UPDATE"))
            is_held.set()
            await goes_on.wait()
        await database.close()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold_the_day)
        await is_held.wait()
        with pytest.raises(JournalDown) as told:
            await journal.claim(
                intent("b"), lease=MINE, approval_nonce="nonce of b", day_limit=LIMIT
            )
        goes_on.set()
    assert told.value.fault is JournalFault.BUSY
    assert not await other.intents_of(["reservation of b"])
    await journal.claim(intent("b"), lease=MINE, approval_nonce="nonce of b", day_limit=LIMIT)
    assert await other.intents_of(["reservation of b"])
    for each in (journal, other):
        await each.close()
