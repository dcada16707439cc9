"""Without a journal nothing is ordered, and nobody is kept from looking."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from mcp import MCPError

from korus_mcp.journal import engine
from korus_mcp.sandbox import SandboxOptions, served_sandbox
from tests.fixtures.assistant import SEED, Json, handle_of, offers_of
from tests.fixtures.shop import Shop, reopened, shop

pytestmark = pytest.mark.anyio


async def assert_reads_work(one: Shop) -> None:
    found = await one.call("search_products", query="park")
    assert found["products"]
    live = await one.call("check_availability", offer_id=one.offer_id)
    assert live["bookable"]


async def assert_refused(one: Shop, wish: Json, code: str, *words: str) -> None:
    answer = await one.place(wish)
    assert answer.code == code
    for word in words:
        assert word in answer.text
    assert "nothing was sent" in answer.text
    assert answer.error["effect"] == "none"
    assert one.posts() == 0


@contextmanager
def files_that_may_not_grow(journal: Path) -> Iterator[None]:
    """As `ulimit -f`, and as a full disk: a write past the limit fails."""
    del journal
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(journal: Path) -> Iterator[None]:
    """Somebody else writes, and does not come to an end."""
    other = sqlite3.connect(journal, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def corrupt(journal: Path) -> Iterator[None]:
    """Its pages were overwritten, those in its log, too."""
    for file in (journal, journal.with_name(f"{journal.name}-wal")):
        file.write_bytes(b"\x5a" * max(file.stat().st_size, 8192))
    yield


Breakage = Callable[[Path], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("breakage", "code", "word"),
    [
        (files_that_may_not_grow, "MISCONFIGURED", "full"),
        (locked, "SERVER_BUSY", "locked"),
        (corrupt, "MISCONFIGURED", "damaged"),
    ],
)
async def test_a_journal_that_breaks_lets_no_order_leave(
    breakage: Breakage, code: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine._SQLITE, "timeout", 0.2)
    async with shop(tmp_path) as one:
        wish = await one.confirmed(await one.held())
        await assert_reads_work(one)
        with breakage(one.journal):
            await assert_refused(one, wish, code, word)
            await assert_reads_work(one)


async def test_a_resource_that_needs_a_damaged_journal_says_so(tmp_path: Path) -> None:
    async with shop(tmp_path) as one:
        hold = await one.held()
        with corrupt(one.journal), pytest.raises(MCPError, match="damaged"):
            await one.client.read_resource(f"korus://reservations/{hold}")


async def test_a_journal_that_may_not_grow_lets_no_order_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own limit, which a connection has from its beginning."""
    plain = engine._sync_commits

    def limited(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # means: as many as there are
        plain(connection, record)

    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        async with reopened(tmp_path, served) as one:
            base = handle_of(one.sandbox, "park_base")
            offers = await offers_of(one, base, 15)
            wishes = [await one.confirmed(await one.held(offer_id=each)) for each in offers]
        monkeypatch.setattr(engine, "_sync_commits", limited)
        async with reopened(tmp_path, served) as one:
            codes = []
            for wish in wishes:
                before = one.posts()
                answer = await one.place(wish)
                codes.append(answer.code)
                assert one.posts() == before + (answer.code is None)
                if answer.code is not None:
                    assert "full" in answer.text
            assert set(codes) == {None, "MISCONFIGURED"}
            await assert_reads_work(one)


@pytest.mark.parametrize("path", ["a file/journal.db", "a folder"])
async def test_a_path_that_cannot_be_written_lets_nothing_leave(path: str, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "a folder").mkdir()
    async with shop(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path / path}") as one:
        items = [{"offer_id": one.offer_id, "quantity": 1}]
        refused = await one.ask("reserve", {"items": items})
        assert refused.code == "MISCONFIGURED"
        assert "cannot be written" in refused.text
        assert str(tmp_path) not in refused.wire
        wish: Json = {
            "reservation_ids": ["019f0000-0000-7000-8000-000000000000"],
            "customer": {"firstname": "Ada", "lastname": "L", "email": "ada@example.org"},
        }
        await assert_refused(one, wish, "MISCONFIGURED", "cannot be written")
        assert one.posts("createReservations") == 0
        await assert_reads_work(one)


async def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    letter = tmp_path / "journal.db"
    letter.write_text("Dear Charles, the engine weaves algebraic patterns. " * 200)
    before = letter.read_bytes()
    async with shop(tmp_path) as one:
        refused = await one.ask("reserve", {"items": [{"offer_id": one.offer_id, "quantity": 1}]})
        assert refused.code == "MISCONFIGURED"
        assert "not a journal" in refused.text
        assert one.posts("createReservations") == 0
    assert letter.read_bytes() == before


async def test_a_newer_journal_is_not_touched(tmp_path: Path) -> None:
    async with shop(tmp_path) as one:
        wish = await one.confirmed(await one.held())
    with sqlite3.connect(tmp_path / "journal.db") as file:
        file.execute("UPDATE korus_meta SET value = '99'")
    file.close()
    async with shop(tmp_path) as one:
        await assert_refused(one, wish, "MISCONFIGURED", "newer")
        await assert_reads_work(one)


async def test_a_journal_that_works_again_is_used_again(tmp_path: Path) -> None:
    async with shop(tmp_path) as one:
        wish = await one.confirmed(await one.held())
        with files_that_may_not_grow(one.journal):
            await assert_refused(one, wish, "MISCONFIGURED")
        assert (await one.place(wish)).data["state"] == "ordered"
        assert one.posts() == 1
