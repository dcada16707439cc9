"""A database that went back to an earlier time is seen, and one that did not is not."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from korus_mcp.foundation.clock import ShiftedClock
from korus_mcp.journal.records import OrderResult, OrdersWait
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.watch import KEPT_EVERY, Place, Watch
from tests.fixtures.postgres import Cluster
from tests.journal.rows import FENCE, MINE, NOW, claimed, intent, sent

pytestmark = pytest.mark.anyio
WAIT = timedelta(minutes=6)
HERE = Place("7300", "00000001", "16400", 1000, 7)


@pytest.mark.parametrize(
    "place",
    [
        replace(HERE, system="7301"),
        replace(HERE, history="00000002", position=2000, rows=9),
        replace(HERE, tables="20000", position=2000),
        replace(HERE, position=999, rows=9),
        replace(HERE, position=2000, rows=6),
    ],
    ids=["another cluster", "promoted", "other tables", "less log", "fewer rows"],
)
def test_what_no_database_does_by_itself_is_seen(place: Place) -> None:
    assert place.went_back(HERE)
    assert Place.read(str(place)) == place


def test_a_database_that_goes_on_did_not_go_back() -> None:
    assert not replace(HERE, position=1001, rows=8).went_back(HERE)
    assert not HERE.went_back(HERE)


def test_of_two_places_of_one_line_the_later_is_kept() -> None:
    late = replace(HERE, position=2000)
    assert HERE.later(late) == late
    assert HERE.later(replace(late, history="00000002")) == HERE
    assert HERE.later(None) == HERE


@asynccontextmanager
async def server(
    url: str, file: Path | None, clock: ShiftedClock | None = None
) -> AsyncIterator[SqlJournal]:
    """The journal as one process has it."""
    clock = clock or ShiftedClock()
    watch = Watch(file, WAIT, clock)
    journal = SqlJournal.at(url, "account", clock=clock, watch=watch)
    try:
        yield journal
    finally:
        await journal.close()


async def waits(journal: SqlJournal) -> bool:
    """Whether orders wait; each of the ways in which that is told says the same."""
    facts = await journal.standing(["r"], owner="ada", since=NOW)
    waiting = await journal.waits()
    assert (facts.waits is None) == (waiting is None)
    return waiting is not None


def left_in(file: Path) -> str:
    return file.read_text("utf-8")


def leave(file: Path, word: str | None) -> None:
    """Have this stand in it, or no file at all."""
    file.unlink()
    if word is not None:
        file.write_text(word, "utf-8")


def check_alone_and_private(file: Path) -> None:
    assert file.stat().st_mode & 0o077 == 0
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "seen.json"


async def test_a_new_journal_waits_for_nothing_and_leaves_word_for_the_next_server(
    postgres: Cluster, file: Path
) -> None:
    url = postgres.new_database()
    async with server(url, file) as first, server(url, file) as second:
        assert not await waits(first)
        await sent(first, intent("a"))
        assert not await waits(second), "another process of the same user"
    async with server(url, file) as later:
        assert not await waits(later)
    check_alone_and_private(file)


@pytest.mark.parametrize("left", [None, "", "{}", '{"place": "1 2 3", "until": null}'])
async def test_a_server_that_finds_no_word_waits_once(
    left: str | None, postgres: Cluster, file: Path
) -> None:
    url, clock = postgres.new_database(), ShiftedClock()
    async with server(url, file) as first:
        await sent(first, intent("a"))
    leave(file, left)
    async with server(url, file, clock) as second:
        waiting = await second.waits()
        assert waiting is not None
        assert waiting.until - clock.now() <= WAIT
        with pytest.raises(OrdersWait):
            await claimed(second, intent("b"))
        clock.advance(WAIT.total_seconds() + 1)
        assert not await waits(second)
        await sent(second, intent("c"))
        await second.settle("c", OrderResult(ambiguous=True))


async def test_a_server_that_starts_while_orders_wait_says_so_in_its_log(
    postgres: Cluster, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url, clock = postgres.new_database(), ShiftedClock()
    async with server(url, None) as stranger:
        await sent(stranger, intent("a"))
    async with server(url, file, clock) as first:
        waiting = await first.waits()
        assert waiting is not None
    caplog.clear()
    async with server(url, file, clock) as second:
        for _ in range(2):
            assert await waits(second)
    (line,) = caplog.messages
    assert line.startswith(f"orders wait until {waiting.told}: an earlier server saw ")
    caplog.clear()
    clock.advance(WAIT.total_seconds() + 1)
    async with server(url, file, clock) as third:
        assert not await waits(third)
    assert not caplog.messages


async def test_a_server_that_cannot_leave_word_waits_each_time_and_works(
    postgres: Cluster, tmp_path: Path
) -> None:
    url = postgres.new_database()
    (tmp_path / "a file").write_text("no folder")
    for nowhere in (None, tmp_path / "a file" / "seen.json"):
        async with server(url, nowhere) as journal:
            await journal.installation()
            if nowhere is None:
                assert not await waits(journal), "it is new"
                await sent(journal, intent("a"))
            else:
                assert await waits(journal)


def drop_rows(name: str) -> list[str]:
    """As when older rows are put in the place of newer ones."""
    return [
        "TRUNCATE korus_intent, korus_claim, korus_audit, korus_waiting",
        "UPDATE korus_chain SET number = 0",
    ]


def restore(name: str) -> list[str]:
    """As a dump is restored: its tables are made anew."""
    made = "CREATE TABLE korus_intent (LIKE other INCLUDING ALL)"
    return [
        "ALTER TABLE korus_intent RENAME TO other",
        made,
        "INSERT INTO korus_intent TABLE other",
    ]


@pytest.mark.parametrize("go_back", [drop_rows, restore])
async def test_orders_wait_once_the_database_went_back_and_then_go_on(
    go_back: Callable[[str], list[str]], postgres: Cluster, file: Path
) -> None:
    url, clock = postgres.new_database(), ShiftedClock()
    name = url.rpartition("/")[2]
    async with server(url, file, clock) as journal:
        await sent(journal, intent("a", "r1"))
        await claimed(journal, late := intent("b", "r2"))
        postgres.run(*go_back(name), database=name)
        with pytest.raises(OrdersWait):
            await journal.start_sending(late, lease=MINE, sent_at=NOW, fence_at=FENCE)
        stored = (await journal.intents_of(["r2"])).get("r2")
        assert stored is None or not stored.is_in_doubt
        with pytest.raises(OrdersWait):
            await claimed(journal, intent("c"))
        assert await waits(journal)
        async with server(url, file, clock) as next_one:
            assert await waits(next_one), "the next process goes on waiting"
            clock.advance(WAIT.total_seconds() + 1)
            for each in (journal, next_one):
                assert not await waits(each)
            await sent(next_one, intent("d"))
        await sent(journal, intent("e"))


async def test_a_dump_restored_before_a_server_starts_is_seen_by_it(
    postgres: Cluster, file: Path
) -> None:
    url = postgres.new_database()
    async with server(url, file) as journal:
        await sent(journal, intent("a", "r1"))
    name = url.rpartition("/")[2]
    postgres.run(*restore(name), database=name)
    async with server(url, file) as journal:
        assert await waits(journal)


async def test_word_is_left_again_as_the_database_goes_on(postgres: Cluster, file: Path) -> None:
    url, clock = postgres.new_database(), ShiftedClock()
    async with server(url, file, clock) as journal:
        await sent(journal, intent("a", approved_total=Decimal(1)))
        before = left_in(file)
        clock.advance(KEPT_EVERY.total_seconds() + 1)
        await sent(journal, intent("b", approved_total=Decimal(1)))
        assert left_in(file) != before


async def test_a_clock_that_was_wrong_stops_orders_no_longer_than_the_wait(
    postgres: Cluster, file: Path
) -> None:
    url, clock = postgres.new_database(), ShiftedClock()
    async with server(url, file) as journal:
        await sent(journal, intent("a"))
        watch = journal._watch
        assert watch is not None
        watch._until = datetime(2900, 1, 1, tzinfo=UTC)
        await watch._keep()
    async with server(url, file, clock) as journal:
        assert await waits(journal)
        clock.advance(WAIT.total_seconds() + 1)
        assert not await waits(journal)


async def test_a_user_who_may_not_ask_the_server_sees_what_the_tables_tell(
    postgres: Cluster, file: Path
) -> None:
    url = postgres.new_database()
    name = url.rpartition("/")[2]
    role = f"asker_{name}"
    postgres.run(
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
        f"CREATE ROLE {role} LOGIN",
        f"GRANT ALL ON DATABASE {name} TO {role}",
        "GRANT ALL ON SCHEMA public TO PUBLIC",
        database=name,
    )
    url = url.replace("korus@", f"{role}@")
    async with server(url, file) as journal:
        assert not await waits(journal)
        await sent(journal, intent("a", "r1"))
        owned = f"ALTER TABLE korus_intent OWNER TO {role}"
        postgres.run(*restore(name), owned, database=name)
        assert await waits(journal)
