"""What only a database has: files, versions, processes, durability."""

import json
import sqlite3
import stat
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import anyio
import pytest
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    create_engine,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from korus_mcp.foundation.clock import ShiftedClock, SystemClock
from korus_mcp.journal import engine, inspection, postgres
from korus_mcp.journal.engine import Database, make_tables
from korus_mcp.journal.faults import fault_of
from korus_mcp.journal.inspection import Inspection, Purged
from korus_mcp.journal.opening import journal_file, journal_url, may_have_bookings
from korus_mcp.journal.records import (
    DayLimitReached,
    HoldResult,
    JournalDown,
    JournalFault,
    Open,
    OrderResult,
    OrdersStopped,
    TooMuchOpen,
)
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.tables import HOLD, INTENT, VERSION
from korus_mcp.journal.transaction import UNFINISHED, UNFINISHED_HOLD, WriteTransaction, ours
from korus_mcp.settings import Environment, Settings
from tests.fixtures.journals import sharing
from tests.journal.rows import (
    ADA,
    FENCE,
    MINE,
    NOW,
    RUN_OUT,
    approval,
    claimed,
    hold,
    intent,
    sent,
)

pytestmark = pytest.mark.anyio
BOTH = pytest.mark.parametrize("store", ["sqlite", "postgres"])
Address = Callable[[str], str]


def journal_at(url: str, account: str = "account") -> SqlJournal:
    return SqlJournal.at(url, account, clock=SystemClock(), audit_key="a key")


@BOTH
async def test_what_was_written_is_there_after_a_close(store: str, sql_url: Address) -> None:
    url = sql_url(store)
    first = journal_at(url)
    installation = await first.installation()
    await sent(first, one := intent("a", "r1"))
    await first.close()
    second = journal_at(url)
    assert await second.installation() == installation
    assert set(await second.intents_of(["r1"])) == set(one.reservation_ids)
    await second.close()


@BOTH
async def test_accounts_in_one_database_see_nothing_of_each_other(
    store: str, sql_url: Address
) -> None:
    url = sql_url(store)
    mine, other = journal_at(url), journal_at(url, "another")
    assert (await mine.installation()).id != (await other.installation()).id
    await sent(mine, intent("a", "r1"), lease=RUN_OUT)
    assert await other.intents_of(["r1"]) == {}
    assert await other.intent_by_reference("km1-a") is None
    assert await other.unfinished() == 0
    assert list(await other.take_over(MINE)) == []
    await mine.close()
    await other.close()


@BOTH
async def test_who_was_told_the_orders_of_a_tenant_is_in_the_audit(
    store: str, sql_url: Address
) -> None:
    journal = Inspection.at(sql_url(store), "account", clock=SystemClock(), audit_key="a key")
    await journal.own("t-1/ada", "r1")
    assert not await journal.orders_within("t-1", reader="t-1/staff")
    (row,) = await journal.audit_of("t-1")
    assert (row.event, row.owner) == ("orders_told", "t-1/staff")
    await sent(journal, one := intent("a", "r1", owner="t-1/ada", buyer="a digest"))
    await journal.settle(one.id, OrderResult({"r1": "o1"}))
    assert await journal.orders_within("t-1", reader="t-1/staff", buyer="a digest")
    # Which orders were told, and nothing of the address by which they were found.
    row = (await journal.audit_of("t-1"))[-1]
    assert row.owner == "t-1/staff"
    assert json.loads(row.detail) == {"by": "email", "order_ids": ["o1"], "orders": 1}
    await journal.close()


@BOTH
async def test_an_order_in_no_intent_is_in_the_audit_once_however_often_it_is_found(
    store: str, sql_url: Address
) -> None:
    journal = Inspection.at(sql_url(store), "account", clock=SystemClock(), audit_key="a key")
    for order_id in ("o1", "o2", "o1"):
        await journal.found_late("km1-lost", order_id)
    rows = await journal.audit_of()
    assert [(row.event, row.subject) for row in rows] == [
        ("late_order_found", "o1"),
        ("late_order_found", "o2"),
    ]
    await journal.close()


@BOTH
async def test_many_open_a_new_journal_at_once(store: str, sql_url: Address) -> None:
    url = sql_url(store)
    journals = [journal_at(url) for _ in range(8)]
    ids: set[str] = set()

    async def open_one(journal: SqlJournal) -> None:
        ids.add((await journal.installation()).id)

    async with anyio.create_task_group() as tasks:
        for journal in journals:
            tasks.start_soon(open_one, journal)
    assert len(ids) == 1
    for journal in journals:
        await journal.close()


@BOTH
async def test_a_transaction_that_began_is_carried_through(store: str, sql_url: Address) -> None:
    journal = journal_at(sql_url(store))
    await journal.installation()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await journal.begin_hold(hold("h"), MINE)
    assert await journal.hold_of("key") is not None
    await journal.close()


@BOTH
async def test_a_newer_journal_is_refused_and_not_touched(store: str, sql_url: Address) -> None:
    url = sql_url(store)
    journal = journal_at(url)
    await journal.installation()
    newer = text("UPDATE korus_meta SET value = '99'")
    await journal._database.run(lambda connection: connection.execute(newer), writes=True)
    await journal.close()
    later = journal_at(url)
    for _ in range(2):
        with pytest.raises(JournalDown) as down:
            await later.installation()
        assert down.value.fault is JournalFault.NEWER
    await later.close()


def shown(statement: str) -> Callable[[Connection], object]:
    return lambda connection: connection.exec_driver_sql(statement).scalar_one()


def schema_of(database: Engine) -> Sequence[object]:
    found = inspect(database)
    return [(t, [c["name"] for c in found.get_columns(t)]) for t in sorted(found.get_table_names())]


def test_an_older_journal_is_brought_up_in_order_and_once(tmp_path: Path) -> None:
    steps = {
        VERSION: ("ALTER TABLE korus_intent ADD COLUMN second TEXT",),
        VERSION + 1: (
            "ALTER TABLE korus_intent ADD COLUMN third TEXT",
            "CREATE TABLE extra (a TEXT)",
        ),
    }
    database = create_engine(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    with database.begin() as connection:
        make_tables(connection)
    with database.begin() as connection:
        make_tables(connection, VERSION + 1, steps)
    brought = schema_of(database)
    assert "third" in str(brought)
    with database.begin() as connection:
        make_tables(connection, VERSION + 1, steps)
    assert schema_of(database) == brought
    with database.begin() as connection, pytest.raises(JournalDown):
        make_tables(connection)
    database.dispose()


MADE_SINCE_6 = (
    "ALTER TABLE korus_outcome DROP COLUMN order_number",
    "UPDATE korus_meta SET value = '6'",
)
"""What makes a journal of version 6 of one that is new."""
MADE_SINCE_5 = (
    *MADE_SINCE_6,
    "DROP INDEX korus_intent_buyer",
    "ALTER TABLE korus_intent DROP COLUMN buyer",
    "UPDATE korus_meta SET value = '5'",
)
"""What makes a journal of version 5 of one that is new."""
MADE_SINCE_4 = (
    *MADE_SINCE_5,
    "ALTER TABLE korus_intent DROP COLUMN leased_at",
    "ALTER TABLE korus_hold DROP COLUMN leased_at",
    "ALTER TABLE korus_keeper ADD COLUMN audit_rows BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE korus_keeper ADD COLUMN audit_head TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE korus_keeper ADD COLUMN audit_seal TEXT NOT NULL DEFAULT ''",
    "UPDATE korus_keeper SET"
    " audit_rows = (SELECT number FROM korus_chain c WHERE c.account = korus_keeper.account),"
    " audit_head = (SELECT head FROM korus_chain c WHERE c.account = korus_keeper.account),"
    " audit_seal = (SELECT seal FROM korus_chain c WHERE c.account = korus_keeper.account)",
    "DROP TABLE korus_chain",
    "DROP TABLE korus_waiting",
    "DROP TABLE korus_spent",
    "UPDATE korus_meta SET value = '4'",
)
"""What makes a journal of version 4 of one that is new."""
MADE_SINCE_1 = (
    *MADE_SINCE_4,
    "ALTER TABLE korus_keeper DROP COLUMN stopped_at",
    "DROP INDEX korus_intent_open",
    "CREATE INDEX korus_intent_open ON korus_intent (account, state)",
    "DROP INDEX korus_intent_reference",
    "DROP INDEX korus_hold_made",
    "DROP INDEX korus_ownership_owner",
    "CREATE INDEX korus_ownership_owner ON korus_ownership (account, owner, is_order)",
    "DROP TABLE korus_asked",
    "DROP INDEX korus_held_owner",
    "DROP TABLE korus_held",
    "DROP INDEX korus_hold_open",
    "ALTER TABLE korus_hold DROP COLUMN tickets",
    "ALTER TABLE korus_hold DROP COLUMN amount",
    "DROP INDEX korus_outcome_reservation",
    "CREATE INDEX korus_outcome_reservation ON korus_outcome (account, reservation_id)",
    "UPDATE korus_meta SET value = '1'",
)


def details_of(connection: Connection) -> Sequence[object]:
    """Tables with their columns and indexes, whatever order they were made in."""
    found = inspect(connection)
    return [
        (
            table,
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)),
            sorted((i["name"] or "", i["column_names"]) for i in found.get_indexes(table)),
            found.get_pk_constraint(table)["constrained_columns"],
        )
        for table in sorted(found.get_table_names())
    ]


@BOTH
async def test_a_journal_of_version_1_is_brought_up_with_all_it_holds(
    store: str, sql_url: Address
) -> None:
    url = sql_url(store)
    journal = journal_at(url)
    await sent(journal, intent("a", "r1"))
    await journal.begin_hold(hold("h"), MINE)
    new = await journal._database.run(details_of, writes=False)

    def aged(connection: Connection) -> None:
        for statement in MADE_SINCE_1:
            connection.exec_driver_sql(statement)

    await journal._database.run(aged, writes=True)
    await journal.close()
    later = journal_at(url)
    assert set(await later.intents_of(["r1"])) == {"r1"}
    assert await later._database.run(details_of, writes=False) == new
    assert (await later.settle_hold("h", HoldResult(["r2"]))).tickets == 0
    await later.close()


@BOTH
async def test_a_journal_of_version_4_goes_on_with_its_audit_its_days_and_what_is_on_its_way(
    store: str, sql_url: Address
) -> None:
    url = sql_url(store)

    def opened() -> Inspection:
        return Inspection.at(url, "account", clock=SystemClock(), audit_key="a key")

    def aged(connection: Connection) -> None:
        for statement in MADE_SINCE_4:
            connection.exec_driver_sql(statement)

    def as_before(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT audit_rows FROM korus_keeper")

    journal = opened()
    await sent(journal, intent("a", "r1", approved_total=Decimal("600.10")))
    await sent(journal, intent("failed", "r2", approved_total=Decimal(300)))
    await journal.settle("failed", OrderResult(failures={"r2": "no"}))
    before = await journal.verify(unsealed=0)
    await journal._database.run(aged, writes=True)
    old = Database(url, clock=SystemClock())
    await journal.close()
    later = opened()
    assert await later.verify(unsealed=0) == before
    with pytest.raises(DayLimitReached):
        await claimed(later, intent("b", "r3", approved_total=Decimal(400)))
    await claimed(later, intent("c", "r3", approved_total=Decimal("399.90")))
    assert (await later.settle("a", OrderResult({"r1": "o1"}))).is_final
    after = await later.verify(unsealed=0)
    assert (after.rows, after.problems) == (before.rows + 2, ())
    # A server of that version that still runs cannot write any more: its locks are others.
    with pytest.raises(JournalDown):
        await old.run(as_before, writes=True)
    await later.close()
    await old.close()


@BOTH
async def test_a_journal_of_version_5_finds_by_their_buyer_the_orders_that_come(
    store: str, sql_url: Address
) -> None:
    url = sql_url(store)

    def aged(connection: Connection) -> None:
        for statement in MADE_SINCE_5:
            connection.exec_driver_sql(statement)

    async def ordered(journal: SqlJournal, name: str) -> None:
        await sent(journal, one := intent(name, owner="t-1/ada", buyer="a digest"))
        await journal.settle(one.id, OrderResult({one.reservation_ids[0]: f"order of {name}"}))

    journal = journal_at(url)
    await ordered(journal, "a")
    new = await journal._database.run(details_of, writes=False)
    await journal._database.run(aged, writes=True)
    await journal.close()
    later = journal_at(url)
    await ordered(later, "b")
    assert await later._database.run(details_of, writes=False) == new
    told = [
        list(await later.orders_within("t-1", reader="t-1/staff", buyer=buyer))
        for buyer in (None, "a digest")
    ]
    # Of the earlier one nobody kept who bought it.
    assert told == [["order of b", "order of a"], ["order of b"]]
    await later.close()


@BOTH
async def test_a_journal_of_version_6_keeps_the_numbers_of_orders_that_come(
    store: str, sql_url: Address
) -> None:
    url = sql_url(store)

    def aged(connection: Connection) -> None:
        for statement in MADE_SINCE_6:
            connection.exec_driver_sql(statement)

    async def ordered(journal: SqlJournal, name: str) -> None:
        await sent(journal, one := intent(name, f"r{name}"))
        made = OrderResult({f"r{name}": f"o{name}"}, numbers={f"o{name}": f"KT-ORD-{name}"})
        await journal.settle(one.id, made)

    async def numbers(journal: SqlJournal) -> list[dict[str, str]]:
        found = await journal.intents_of(["r1", "r2"])
        return [dict(each.numbers) for each in found.values()]

    journal = journal_at(url)
    await ordered(journal, "1")
    new = await journal._database.run(details_of, writes=False)
    await journal._database.run(aged, writes=True)
    await journal.close()
    later = journal_at(url)
    await ordered(later, "2")
    assert await later._database.run(details_of, writes=False) == new
    assert await numbers(later) == [{}, {"o2": "KT-ORD-2"}]
    await later.number("1", {"o1": "KT-ORD-1"})
    assert await numbers(later) == [{"o1": "KT-ORD-1"}, {"o2": "KT-ORD-2"}]
    await later.close()


@BOTH
async def test_processes_that_reserve_at_once_do_not_pass_the_bound_together(
    store: str, sql_url: Address
) -> None:
    url = sql_url(store)
    journals = [journal_at(url) for _ in range(3)]
    made, refused = list[str](), list[int]()

    async def reserve(journal: SqlJournal, name: str) -> None:
        try:
            await journal.begin_hold(hold(name, name), MINE, most=Open(5, 100, Decimal(100)))
            made.append(name)
        except TooMuchOpen as too_much:
            refused.append(too_much.open.number)

    async with anyio.create_task_group() as tasks:
        for place, journal in enumerate(journals):
            for n in range(4):
                tasks.start_soon(reserve, journal, f"{place} {n}")
    assert (len(made), refused) == (5, [5] * 7)
    for journal in journals:
        await journal.close()


@BOTH
async def test_a_stop_ends_new_orders_of_all_servers_at_once_and_settles_those_on_their_way(
    store: str, sql_url: Address
) -> None:
    url = sql_url(store)
    one, two = journal_at(url), journal_at(url)
    operator = Inspection.at(url, "account", clock=SystemClock(), audit_key="a key")
    await sent(one, intent("sent", "r1"))
    await claimed(one, ready := intent("ready", "r2"))
    await two.approve(approval("nonce of new"))
    assert await operator.stop(by="ada")
    assert not await operator.stop(by="bob"), "it is stopped already"
    assert await two.stopped_at() is not None
    facts = await two.standing(["r3"], owner=ADA, since=NOW)
    assert facts.stopped_at is not None
    for journal in (one, two):
        with pytest.raises(OrdersStopped):
            await claimed(journal, intent("new", "r3"))
    with pytest.raises(OrdersStopped):
        await one.start_sending(ready, lease=MINE, sent_at=NOW, fence_at=FENCE)
    assert await one.renew("sent", MINE)
    assert (await one.settle("sent", OrderResult({"r1": "o1"}))).is_final
    await one.begin_hold(hold("h"), MINE)
    assert await operator.go(by="ada")
    assert not await operator.go(by="ada")
    await sent(two, intent("new", "r3"))  # its approval was not used up
    rows = [r for r in await operator.audit_of() if r.event.startswith("orders_")]
    assert [(r.event, r.detail) for r in rows] == [
        ("orders_stopped", '{"by":"ada"}'),
        ("orders_resumed", '{"by":"ada"}'),
    ]
    assert (await operator.verify(unsealed=0)).problems == ()
    for journal in (one, two, operator):
        await journal.close()


@BOTH
async def test_a_purge_takes_some_rows_at_a_time_and_others_order_between(
    store: str, sql_url: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "REMOVED_AT_A_TIME", 2)
    url = sql_url(store)
    operator = Inspection.at(url, "account", clock=SystemClock(), audit_key="a key")
    other = journal_at(url)
    for name in "abcdefg":
        await sent(other, intent(name, f"of {name}", approved_total=Decimal(1)))
        await other.settle(name, OrderResult({f"of {name}": f"o-{name}"}))
    await sent(other, intent("in doubt", approved_total=Decimal(1)))
    for name in "hij":
        await other.begin_hold(hold(name, name), MINE)
        await other.settle_hold(name, HoldResult([f"r-{name}"]))
    before = operator.written
    purged = list[Purged]()

    async def purge() -> None:
        purged.append(await operator.purge(datetime(9000, 1, 1, tzinfo=UTC)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(purge)
        for name in "klm":
            await other.begin_hold(hold(name, name), MINE)
    assert (purged[0].orders, purged[0].holds) == (7, 3)
    # Four of orders, two of holds, some of approvals, and the row of the audit.
    assert operator.written - before >= 4 + 2 + 1
    assert await other.unfinished() == 1
    assert await other.intents_of(["of a"]) == {}
    assert await other.intents_of(["reservation of in doubt"]) != {}
    assert await other.owners_of(["o-a"]) == {"o-a": ADA}
    assert (await operator.verify(unsealed=0)).problems == ()
    await operator.close()
    await other.close()


@BOTH
@pytest.mark.parametrize(
    ("which", "index"),
    [
        (UNFINISHED, "korus_intent_open"),
        (UNFINISHED_HOLD, "korus_hold_open"),
        (INTENT.c.caller_reference == "mine", "korus_intent_reference"),
    ],
)
async def test_few_of_many_rows_are_found_by_an_index_of_the_few(
    which: ColumnElement[bool], index: str, store: str, sql_url: Address
) -> None:
    journal = journal_at(sql_url(store))
    await journal.installation()

    def plan(connection: Connection) -> str:
        table = HOLD if index == "korus_hold_open" else INTENT
        asked = select(table.c.id).where(ours(table), which).params(of_account="account")
        told = str(asked.compile(connection, compile_kwargs={"literal_binds": True}))
        if store == "sqlite":
            return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}").all())
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # it has no rows yet
        return str(connection.exec_driver_sql(f"EXPLAIN {told}").all())

    assert index in await journal._database.run(plan, writes=True)
    await journal.close()


async def test_the_check_of_an_audit_takes_no_more_memory_for_more_rows(tmp_path: Path) -> None:
    journal = Inspection.at(
        f"sqlite:///{tmp_path / 'j.sqlite'}", "account", clock=SystemClock(), audit_key="a key"
    )
    peaks = list[int]()
    for _ in range(2):
        for _ in range(2):
            await journal._written(partial(noted, 2 * inspection.AT_A_TIME))
        tracemalloc.start()
        try:
            assert (await journal.verify(unsealed=0)).problems == ()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] <= 1.1 * peaks[0]
    await journal.close()


def noted(number: int, tx: WriteTransaction) -> None:
    for each in range(number):
        tx.note("closed", ADA, f"intent {each}", orders={"r1": "o1"})


async def test_rows_that_wait_to_be_sealed_are_told_and_a_changed_one_gets_no_seal(
    sql_url: Address,
) -> None:
    url = sql_url("postgres")
    journal = journal_at(url)
    await sent(journal, intent("a", "r1"))
    keyless = Inspection.at(url, "account", clock=SystemClock())
    assert [r.event for r in await keyless.audit_of("a")] == ["claimed"]
    changed = text("UPDATE korus_waiting SET owner = 'nobody'")
    await journal._database.run(lambda connection: connection.execute(changed), writes=True)
    await journal.settle("a", OrderResult({"r1": "o1"}))
    assert await keyless.seal() == 0, "it is for those who have the key"
    assert await journal.seal() == 2
    assert await journal.seal() == 0
    operator = Inspection.at(url, "account", clock=SystemClock(), audit_key="a key")
    assert (await operator.verify(unsealed=1)).problems == ()
    (problem,) = (await operator.verify(unsealed=0)).problems
    assert problem.startswith("1 rows carry no seal")
    for each in (journal, keyless, operator):
        await each.close()


@BOTH
async def test_a_key_that_may_not_begin_to_sign_goes_on_where_it_signs_already(
    store: str, sql_url: Address
) -> None:
    """A journal that was signed with a short key stays usable, and nobody begins one with it."""
    url = sql_url(store)

    def opened(key: str | None, *, anew: bool) -> Inspection:
        return Inspection.at(url, "account", clock=SystemClock(), audit_key=key, may_sign_anew=anew)

    async def refuses() -> None:
        journal = opened("short", anew=False)
        assert await journal.entries(limit=10) is not None, "reading stays"
        for writes in (journal.installation, journal.check_writable, partial(journal.stop, by="")):
            with pytest.raises(JournalDown) as refused:
                await writes()
            assert refused.value.fault is JournalFault.SHORT_KEY
        await journal.close()

    await refuses()
    unsigned = opened(None, anew=True)
    await sent(unsigned, intent("a", "r1"))
    await unsigned.close()
    await refuses()
    before = opened("short", anew=True)
    await sent(before, intent("b", "r2"))
    await before.close()
    after = opened("short", anew=False)
    await sent(after, intent("c", "r3"))
    assert (await after.verify(unsealed=2)).problems == ()
    await after.close()


@BOTH
async def test_another_key_than_the_one_that_signed_writes_nothing(
    store: str, sql_url: Address
) -> None:
    """One server with another key would break the chain of the audit for good."""
    url = sql_url(store)

    def opened(key: str | None) -> Inspection:
        return Inspection.at(url, "account", clock=SystemClock(), audit_key=key)

    right = opened("the key of the house")
    await sent(right, intent("a", "r1"))
    await right.seal()
    other = opened("the key of another house")
    assert await other.entries(limit=10), "reading stays"
    for writes in (
        other.installation,
        other.check_writable,
        partial(other.stop, by=""),
        partial(sent, other, intent("b", "r2")),
    ):
        with pytest.raises(JournalDown) as refused:
            await writes()
        assert refused.value.fault is JournalFault.OTHER_KEY
    await sent(right, intent("c", "r3"))
    assert (await right.verify(unsealed=0)).problems == ()
    for journal in (right, other):
        await journal.close()


async def test_rows_without_a_seal_behind_one_that_has_a_seal_are_no_early_ones(
    tmp_path: Path,
) -> None:
    """`--unsealed` is for rows from before there was a key: it must not hide any others."""
    url = f"sqlite:///{tmp_path / 'j.sqlite'}"
    signed = Inspection.at(url, "account", clock=SystemClock(), audit_key="a key")
    await signed._written(partial(noted, 2))
    keyless = Inspection.at(url, "account", clock=SystemClock())
    await keyless._written(partial(noted, 2))
    problems = (await signed.verify(unsealed=9)).problems
    assert [p for p in problems if p.startswith("row ")] == [
        "row 3 was changed or not written with this key",
        "row 4 was changed or not written with this key",
    ]
    for journal in (signed, keyless):
        await journal.close()


async def test_of_many_broken_rows_some_are_told_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "MOST_PROBLEMS", 3)
    url = f"sqlite:///{tmp_path / 'j.sqlite'}"
    journal = Inspection.at(url, "account", clock=SystemClock(), audit_key="a key")
    await journal._written(partial(noted, 10))
    await journal.close()
    other = Inspection.at(url, "account", clock=SystemClock(), audit_key="another key")
    problems = (await other.verify(unsealed=0)).problems
    assert len(problems) == 4
    assert problems[-1] == "and 8 more problems", "each row, and the count of the rows"
    await other.close()


async def test_a_file_is_its_owners_alone_and_synced_at_every_commit(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "journal.sqlite"
    journal = journal_at(f"sqlite:///{path}")
    await sent(journal, intent("a"))
    for file in (path, path.with_name(f"{path.name}-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 5000)):
        for writes in (False, True):
            found = await journal._database.run(shown(f"PRAGMA {pragma}"), writes=writes)
            assert found == value
    await journal.close()


async def test_a_closed_journal_is_one_file_with_all_in_it(tmp_path: Path) -> None:
    """Whoever copies the file of a server that has stopped has copied every order."""
    path = tmp_path / "journal.sqlite"
    journal = journal_at(f"sqlite:///{path}")
    await sent(journal, intent("a"))
    beside = path.with_name(f"{path.name}-wal")
    assert beside.exists(), "it is open"
    await journal.close()
    assert not beside.exists()


async def test_postgresql_commits_synchronously_and_frees_what_a_lost_host_holds(
    sql_url: Address,
) -> None:
    database = Database(sql_url("postgres"), clock=SystemClock())
    for name, value in (
        ("synchronous_commit", "on"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("transaction_isolation", "read committed"),
    ):
        assert await database.run(shown(f"SHOW {name}"), writes=True) == value
    isolation = await database.run(shown("SHOW transaction_isolation"), writes=False)
    assert isolation == "repeatable read", "what is read fits together"
    await database.close()


async def test_a_connection_that_ended_meanwhile_is_made_anew(sql_url: Address) -> None:
    url = sql_url("postgres")
    journal, other = journal_at(url), Database(url, clock=SystemClock())
    await sent(journal, intent("a", "r1"))
    ended = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for step in (journal.intents_of(["r1"]), journal.settle("a", OrderResult({"r1": "o1"}))):
        assert (
            await other.run(lambda connection: connection.execute(ended).scalar_one(), writes=True)
            > 0
        )
        await step
    assert (await journal.intents_of(["r1"]))["r1"].orders == {"r1": "o1"}
    await journal.close()
    await other.close()


async def test_a_commit_whose_connection_broke_is_not_done_again(
    sql_url: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sql_url("postgres"), clock=SystemClock())
    await database.run(
        lambda connection: connection.execute(text("CREATE TABLE t (a INT)")), writes=True
    )
    tried = []

    def work(connection: Connection) -> None:
        tried.append(1)
        connection.execute(text("INSERT INTO t VALUES (1)"))
        ended = "SELECT pg_terminate_backend(pg_backend_pid())"
        event.listen(connection, "commit", lambda c: c.exec_driver_sql(ended))

    with pytest.raises(JournalDown):
        await database.run(work, writes=True)
    assert len(tried) == 1, "whether it was committed is not known"
    await database.close()


def test_too_many_callers_at_once_is_busy_and_not_damage() -> None:
    assert fault_of(PoolTimeout("no connection is free")) is JournalFault.BUSY


async def test_leases_on_postgresql_run_by_its_clock(sql_url: Address) -> None:
    clock = ShiftedClock()
    clock.advance(86_400)
    journal = SqlJournal.at(sql_url("postgres"), "account", clock=clock)
    await sent(journal, intent("a", "r1"))
    assert (await journal.intents_of(["r1"]))["r1"].is_leased
    await journal.close()


async def test_a_server_that_is_away_spoils_no_journal_after_it(
    sql_url: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "create_async_engine", sharing(create_async_engine))
    with pytest.raises(JournalDown):
        await journal_at("postgresql://korus@127.0.0.1:1/none").installation()
    there = journal_at(sql_url("postgres"))
    await there.installation()
    assert await there.intents_of(["r1"]) == {}
    await there.close()


async def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "korus_mcp.journal.postgres", None)
    with pytest.raises(JournalDown, match=r"korus-mcp\[postgres\]"):
        await journal_at("postgresql://korus@127.0.0.1/none").installation()


async def test_a_writer_waits_for_another_process_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine._SQLITE, "timeout", 0.2)
    path = tmp_path / "journal.sqlite"
    journal = journal_at(f"sqlite:///{path}")
    await sent(journal, intent("a", "r1"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalDown) as down:
        await journal.settle("a", OrderResult({"r1": "o1"}))
    assert down.value.fault is JournalFault.BUSY
    assert (await journal.intents_of(["r1"]))["r1"].is_in_doubt, "readers wait for nobody"
    other.execute("ROLLBACK")
    other.close()
    assert (await journal.settle("a", OrderResult({"r1": "o1"}))).is_final
    await journal.close()


def settings(**changes: object) -> Settings:
    given: dict[str, object] = {
        "embedded": False,
        "environment": Environment.DEMO,
        "api_url": "https://api.demo.korusticket.com",
        "client_id": "shop",
    }
    return Settings(**(given | changes))  # type: ignore[arg-type]


def test_each_account_has_a_file_of_its_own() -> None:
    different = (
        settings(),
        settings(client_id="other"),
        settings(api_url="http://127.0.0.1:1"),
        settings(environment=Environment.PRODUCTION),
    )
    assert len({journal_url(each) for each in different}) == 4
    assert len({each.account.key() for each in different}) == 4
    assert "shop" not in journal_url(settings())


def test_an_address_tells_its_file(tmp_path: Path) -> None:
    path = tmp_path / "my journal.sqlite"
    named = settings(database_url=f"sqlite:///{path}")
    assert journal_file(named) == path
    assert not may_have_bookings(named)
    path.touch()
    assert may_have_bookings(named)
    elsewhere = settings(database_url="postgresql://korus@host/name")
    assert journal_file(elsewhere) is None
    assert may_have_bookings(elsewhere)
