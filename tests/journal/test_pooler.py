"""A journal behind PgBouncer, as it comes, in both ways of pooling that carry transactions."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import anyio
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import InterfaceError

from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal import postgres as server
from korus_mcp.journal.engine import Database
from korus_mcp.journal.locks import key_of
from korus_mcp.journal.records import JournalDown, OrderResult
from korus_mcp.journal.sql import SqlJournal
from tests.fixtures.pooler import Pooler, pooler, pooler_program
from tests.fixtures.postgres import Cluster
from tests.journal.rows import ADA, MINE, approval, hold, intent, sent

pytestmark = pytest.mark.anyio
FEW, ENOUGH = 4, 60
"""Connections to the server. With few, a transaction seldom has that of the one before; in session
mode a client keeps its own until it leaves, so there have to be enough.
"""
NEVER = datetime(9000, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=["session", "transaction"])
def pooled(request: pytest.FixtureRequest, postgres: Cluster) -> Iterator[Pooler]:
    program = pooler_program()
    if program is None:
        pytest.skip("PgBouncer is not installed")
    servers = FEW if request.param == "transaction" else ENOUGH
    with pooler(program, postgres, request.param, servers=servers) as running:
        yield running


@pytest.fixture
def url(pooled: Pooler, postgres: Cluster) -> str:
    return pooled.before(postgres.new_database())


def journal_at(url: str) -> SqlJournal:
    return SqlJournal.at(url, "account", clock=SystemClock(), audit_key="a key")


def ran(statement: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(text(statement)).scalar_one()


async def book(journal: SqlJournal, number: int) -> None:
    name = f"i{number}"
    await journal.begin_hold(hold(f"h{number}", f"key {number}"), MINE)
    await journal.approve(approval(f"nonce of {name}", expires_at=NEVER))
    await sent(journal, intent(name, f"r{number}", approved_total=Decimal(1)))
    await journal.settle(name, OrderResult({f"r{number}": f"o{number}"}))


async def test_all_bookings_of_several_servers_get_through(url: str) -> None:
    journals = [journal_at(url) for _ in range(3)]
    async with anyio.create_task_group() as tasks:
        for number in range(15):
            tasks.start_soon(book, journals[number % 3], number)
    assert await journals[0].unfinished() == 0
    assert len(await journals[1].orders_of(ADA, limit=100)) == 15
    for journal in journals:
        await journal.close()


async def test_no_statement_outlives_its_transaction(url: str) -> None:
    database = Database(url, clock=SystemClock())
    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(partial(database.run, ran(f"SELECT {number}"), writes=True))
    # Whichever connection of the server this is: it knows none.
    for _ in range(FEW):
        kept = await database.run(ran("SELECT count(*) FROM pg_prepared_statements"), writes=False)
        assert kept == 0
    await database.close()


async def test_a_transaction_has_what_it_needs_without_a_parameter_of_the_connection(
    url: str,
) -> None:
    database = Database(url, clock=SystemClock())
    for name, value in (
        ("synchronous_commit", "on"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("transaction_isolation", "read committed"),
    ):
        assert await database.run(ran(f"SHOW {name}"), writes=True) == value
    await database.close()


async def test_a_process_that_stops_midway_blocks_nobody_for_long(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = f"'{server.IDLE_SECONDS}s'"
    assert limit in server._WITHIN
    monkeypatch.setattr(server, "_WITHIN", server._WITHIN.replace(limit, "'500ms'"))
    stopped, other = Database(url, clock=SystemClock()), journal_at(url)
    await book(other, 1)
    is_locked, goes_on = anyio.Event(), anyio.Event()

    async def stop_midway() -> None:
        connections = await stopped._open()
        assert isinstance(connections, server.Server)
        with suppress(InterfaceError):  # at its end, since the server has given it up
            async with connections._engine.connect() as connection:
                key = key_of("account reservation r2")
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({key})"))
                is_locked.set()
                await goes_on.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stop_midway)
        await is_locked.wait()
        await book(other, 2)  # the lock is gone before a lock's time is over
        goes_on.set()
    await stopped.close()
    await other.close()


async def test_a_pooler_that_takes_no_more_clients_is_told_as_passing(
    postgres: Cluster,
) -> None:
    program = pooler_program()
    if program is None:
        pytest.skip("PgBouncer is not installed")
    with pooler(program, postgres, "transaction", servers=1, clients=1) as running:
        url = running.before(postgres.new_database())
        one, two = journal_at(url), journal_at(url)
        await one.installation()
        with pytest.raises(JournalDown) as down:
            await two.installation()
        assert down.value.fault.is_passing
        await one.close()
        await two.close()
