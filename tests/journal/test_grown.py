"""A journal that has grown for years: that it is one, and what is measured on it, in small."""

import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.engine import Connection, Engine

from benchmarks import grown
from benchmarks.grown import Grown
from benchmarks.purging import Answers, Purge
from benchmarks.verifying import Check, Checks
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal import inspection
from korus_mcp.journal.inspection import Inspection
from korus_mcp.journal.records import OrderResult
from korus_mcp.journal.tables import AUDIT
from tests.fixtures.hosts import PROJECT
from tests.fixtures.postgres import programs
from tests.journal.rows import intent, sent

KEY = "a key"
NEWEST = datetime(2025, 6, 1, 9, tzinfo=UTC)
BOTH = pytest.mark.parametrize("store", ["sqlite", "postgres"])
Address = Callable[[str], str]


async def opened(url: str) -> Inspection:
    journal = Inspection.at(url, "account", clock=SystemClock(), audit_key=KEY)
    await journal.installation()
    return journal


@BOTH
@pytest.mark.anyio
async def test_what_has_grown_is_read_verified_and_purged_as_what_was_ordered(
    store: str, sql_url: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some transactions, each of some days.
    monkeypatch.setattr(grown, "CALLS_AT_A_TIME", 1000)
    url = sql_url(store)
    journal = await opened(url)
    await sent(journal, intent("mine"))
    await journal.verify(unsealed=0)  # seals what waits
    await Grown(url, "account", KEY, NEWEST).add_calls(2500)
    await journal.settle("mine", OrderResult({"reservation of mine": "o1"}))
    verified = await journal.verify(unsealed=0)
    assert (verified.rows, verified.problems) == (2 + 3 * 2500, ())
    newest, *_ = [e.intent for e in await journal.entries(limit=2) if e.intent.id != "mine"]
    assert newest.is_final
    assert [*newest.orders] == list(newest.reservation_ids)
    orders = list(newest.orders.values())
    assert await journal.owners_of(orders) == dict.fromkeys(orders, newest.owner)
    assert (await journal.orders_of(newest.owner))[:1] == orders
    purged = await journal.purge(NEWEST + timedelta(days=1))
    assert (purged.orders, purged.holds) == (2500, 2500)
    assert [entry.intent.id for entry in await journal.entries(limit=2)] == ["mine"]
    assert (await journal.verify(unsealed=0)).problems == ()
    await journal.close()


@pytest.mark.anyio
async def test_no_step_of_a_purge_reads_all_calls_of_the_account_in_a_file(
    sql_url: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite knows no figures of its tables, and takes an index of the account for a good one."""
    monkeypatch.setattr(inspection, "REMOVED_AT_A_TIME", 20)
    url = sql_url("sqlite")
    journal = await opened(url)
    await Grown(url, "account", KEY, NEWEST).add_calls(50)
    asked = dict[str, Any]()

    def note(on: Connection, cursor: Any, statement: str, values: Any, *more: Any) -> None:
        if re.search("korus_(intent|hold)", statement):
            asked[statement] = values

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await journal.purge(NEWEST + timedelta(days=1))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    await journal.close()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        plans = {
            statement: [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in asked.items()
        }
    steps = [
        step for plan in plans.values() for step in plan if "_intent" in step or "_hold" in step
    ]
    assert len(steps) == 7
    assert [step for step in steps if not re.search(r"PRIMARY KEY \(rowid[<>]", step)] == []


@BOTH
@pytest.mark.anyio
async def test_an_audit_that_has_grown_goes_on_and_a_changed_row_is_found(
    store: str, sql_url: Address
) -> None:
    url = sql_url(store)
    journal = await opened(url)
    account = Grown(url, "account", KEY, NEWEST)
    await account.add_audit(10)
    await account.add_audit(90, after=10)
    assert (await journal.verify(unsealed=0)).problems == ()

    def change(connection: Connection) -> None:
        connection.execute(update(AUDIT).where(AUDIT.c.row == 50).values(owner="local/eve"))

    await journal._database.run(change, writes=True)
    verified = await journal.verify(unsealed=0)
    assert verified.rows == 100
    assert verified.problems == ("row 50 was changed or not written with this key",)
    await journal.close()


STORES = ("SQLite", "PostgreSQL") if programs() is not None else ("SQLite",)


def ran(benchmark: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_the_memory_of_verify_is_measured_on_both_stores() -> None:
    done = ran("verifying", "--fewer", "600", "--more", "6000")
    assert done.returncode == 0, done.stdout + done.stderr
    for store in STORES:
        assert f"journal verify on {store}: 6,000 rows in " in done.stdout
    assert "ABOVE" not in done.stdout


@pytest.mark.parametrize(("megabytes", "is_within"), [(109.0, True), (111.0, False)])
def test_memory_that_grows_by_more_than_a_tenth_is_told(megabytes: float, is_within: bool) -> None:
    checks = Checks("SQLite", (1, 10), Check(100.0, 1.0), Check(megabytes, 9.0))
    assert checks.is_within is is_within
    assert ("ABOVE" in checks.told) is not is_within


def test_what_people_hear_while_old_calls_are_purged_is_told_for_both_stores() -> None:
    """Not that all of them order: how fast this machine is proves nothing."""
    done = ran("purging", "--calls", "700", "--before", "1")
    for store in STORES:
        removed = f"journal purge on {store}: 700 order calls and 700 reserve calls of 700 removed"
        assert removed in done.stdout, done.stdout + done.stderr
    assert done.stdout.count(" rows, all in order\n") == len(STORES)
    heard = re.findall(r"meanwhile: (\d+) ordered, (\d+) refused, (\d+) in doubt", done.stdout)
    is_good = all(int(o) and not int(r) and not int(d) for o, r, d in heard)
    assert len(heard) == len(STORES)
    assert (done.returncode == 0) is is_good
    assert ("NOT GOOD" not in done.stdout) is is_good


REMOVED = "removed 5 order calls, 5 reserve calls and 0 confirmations; the rest stays"
ORDERED = Answers(orders=Counter(ordered=3), took=[1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("changes", "is_good"),
    [
        ({}, True),
        ({"said": REMOVED.replace("5", "4")}, False),
        ({"said": "korus-mcp: the journal does not work: it is busy"}, False),
        ({"audit": "row 3 is missing\n"}, False),
        ({"meanwhile": Answers()}, False),
        ({"meanwhile": Answers(orders=Counter(ordered=3, in_doubt=1))}, False),
        ({"meanwhile": Answers(orders=Counter(ordered=3, SERVER_BUSY=1))}, False),
        ({"meanwhile": Answers(Counter(ordered=3), Counter({"reserve: SERVER_BUSY": 1}))}, False),
    ],
)
def test_a_purge_that_stops_somebody_or_leaves_something_is_told(
    changes: dict[str, object], is_good: bool
) -> None:
    given: dict[str, object] = {
        "store": "SQLite",
        "calls": 5,
        "said": REMOVED,
        "seconds": 1.0,
        "before": ORDERED,
        "meanwhile": ORDERED,
        "audit": "15 rows, all in order; the last seal is abc\n",
    }
    purge = Purge(**(given | changes))  # type: ignore[arg-type] # each case names its own
    assert purge.is_good is is_good
    assert ("NOT GOOD" in purge.told) is not is_good
