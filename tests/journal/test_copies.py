"""Copies of catalogs in the database of a journal: claims, what replaces what, and how it ends."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import asyncpg
import pytest

from korus_mcp.foundation.clock import SystemClock
from korus_mcp.foundation.database_addresses import read_server_address
from korus_mcp.foundation.published import PublishedCopy
from korus_mcp.journal.copies import CatalogCopies
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.tables import METADATA
from tests.fixtures.pooler import pooler, pooler_program
from tests.fixtures.postgres import Cluster

pytestmark = pytest.mark.anyio
NAME = "catalog-of-somebody"
DAY = 24 * 3600.0


class Place:
    """A database with copies."""

    def __init__(self, postgres: Cluster, url: str | None = None) -> None:
        self.postgres = postgres
        self.own = postgres.new_database()
        self.database = self.own.rpartition("/")[2]
        self.url = self.own if url is None else url

    def server(self) -> CatalogCopies:
        return CatalogCopies(read_server_address(self.url))

    def sql(self, statement: str) -> None:
        self.postgres.run(statement, database=self.database)

    def told(self, query: str) -> str:
        return self.postgres.told(query, database=self.database)

    @property
    def connections(self) -> str:
        query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}'"
        return self.postgres.told(query)


@pytest.fixture
def place(postgres: Cluster) -> Place:
    return Place(postgres)


def parts_of(*parts: bytes) -> Callable[[], Awaitable[bytes]]:
    left = [*parts, b""]

    async def read() -> bytes:
        return left.pop(0)

    return read


async def publish(
    copies: CatalogCopies, *parts: bytes, at: float | None = 1.0, name: str = NAME
) -> bool:
    """Publish a copy of these parts; its digest is told by its first one."""
    digest = parts[0].decode() if parts else ""
    size = sum(map(len, parts))
    read = parts_of(*parts)
    return await copies.publish(name, complete_at=at, size=size, digest=digest, read=read)


async def fetched(copies: CatalogCopies, name: str = NAME) -> tuple[PublishedCopy | None, bytes]:
    found = list[bytes]()

    async def put(part: bytes) -> None:
        found.append(part)

    return await copies.fetch(name, put), b"".join(found)


# Claims


async def test_one_server_has_the_claim_until_it_gives_it_back(place: Place) -> None:
    one, other = place.server(), place.server()
    for _ in range(2):
        assert (await one.claim(NAME)).is_ours
        assert not (await other.claim(NAME)).is_ours
    assert (await other.claim("another catalog")).is_ours
    await other.give_back(NAME)
    assert not (await other.claim(NAME)).is_ours
    await one.give_back(NAME)
    assert (await other.claim(NAME)).is_ours


@pytest.mark.parametrize("moved", [-31, 31])
async def test_a_claim_ends_by_the_clock_of_the_database_wherever_it_is_set(
    place: Place, moved: int
) -> None:
    one, other = place.server(), place.server()
    await one.claim(NAME)
    place.sql(f"UPDATE korus_copy_crawl SET ends_at = ends_at + {moved}")
    assert (await other.claim(NAME)).is_ours
    assert not (await one.claim(NAME)).is_ours


async def test_of_servers_that_claim_at_once_one_succeeds_though_there_are_no_tables(
    place: Place,
) -> None:
    claims = list[bool]()

    async def claim() -> None:
        claims.append((await place.server().claim(NAME)).is_ours)

    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(claim)
    assert sorted(claims) == [False] * 5 + [True]


# Copies


async def test_a_copy_is_read_in_its_parts_and_replaced_as_a_whole(place: Place) -> None:
    one, other = place.server(), place.server()
    assert (await one.claim(NAME)).published is None
    assert await fetched(other) == (None, b"")
    assert await publish(one, b"a", b"b", b"c", at=1.0)
    assert await fetched(other) == (PublishedCopy(1.0, 3, "a"), b"abc")
    assert (await other.claim(NAME)).published == PublishedCopy(1.0, 3, "a")
    assert await publish(other, b"d", at=2.0)
    assert await fetched(one) == (PublishedCopy(2.0, 1, "d"), b"d")
    assert place.told("SELECT count(*) FROM korus_copy_part") == "1"


async def test_a_copy_that_is_older_or_has_names_alone_does_not_replace_one(place: Place) -> None:
    one = place.server()
    assert await publish(one, b"names", at=None)
    assert await publish(one, b"more names", at=None)
    assert await publish(one, b"whole", at=5.0)
    for at in (4.0, 5.0, None):
        assert not await publish(one, b"late", at=at)
    assert await fetched(one) == (PublishedCopy(5.0, 5, "whole"), b"whole")
    assert place.connections == "0"


async def test_a_copy_of_a_clock_that_was_wrong_does_not_stay(place: Place) -> None:
    one = place.server()
    now = SystemClock().now().timestamp()
    assert await publish(one, b"of tomorrow", at=now + 3 * DAY)
    assert await publish(one, b"of now", at=now)
    assert (await fetched(one))[1] == b"of now"


async def test_what_nobody_renewed_for_a_week_is_removed_with_the_next_one(place: Place) -> None:
    one = place.server()
    for name in ("old", "new"):
        assert await publish(one, b"x", name=name)
    place.sql(f"UPDATE korus_copy SET published_at = published_at - {8 * DAY} WHERE name = 'old'")
    assert await publish(one, b"y")
    assert place.told("SELECT string_agg(name, ' ' ORDER BY name) FROM korus_copy") == f"{NAME} new"
    assert place.told("SELECT count(*) FROM korus_copy_part") == "2"


async def test_whoever_reads_while_another_publishes_has_one_copy_as_a_whole(place: Place) -> None:
    one, other = place.server(), place.server()
    assert await publish(one, b"a", b"b", at=1.0)
    found = list[bytes]()

    async def put(part: bytes) -> None:
        if not found:
            assert await publish(other, b"c", b"d", at=2.0)
        found.append(part)

    assert await one.fetch(NAME, put) == PublishedCopy(1.0, 2, "a")
    assert found == [b"a", b"b"]


# What is broken off


async def test_a_publishing_that_is_cancelled_leaves_nothing_and_no_connection(
    place: Place,
) -> None:
    one = place.server()
    assert await publish(one, b"before", at=1.0)
    is_on = anyio.Event()

    async def read() -> bytes:
        is_on.set()
        await anyio.sleep_forever()
        return b""

    async def publish_for_ever() -> None:
        await one.publish(NAME, complete_at=2.0, size=1, digest="x", read=read)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publish_for_ever)
        await is_on.wait()
        tasks.cancel_scope.cancel()
    await gone(place)
    assert (await fetched(one))[1] == b"before"


async def test_a_statement_that_waits_is_broken_off_at_once(place: Place) -> None:
    one = place.server()
    assert await publish(one, b"before", at=1.0)
    async with locked(place):
        with anyio.move_on_after(0.2) as scope:
            await publish(one, b"after", at=2.0)
        assert scope.cancelled_caught
    await gone(place)
    assert (await fetched(one))[1] == b"before"


async def test_a_table_that_stays_locked_is_told(place: Place) -> None:
    one = place.server()
    assert await publish(one, b"before", at=1.0)
    async with locked(place):
        with pytest.raises(ConnectionError, match="locked by another"):
            await publish(one, b"after", at=2.0)


@asynccontextmanager
async def locked(place: Place) -> AsyncIterator[None]:
    """The rows of copies are locked for as long as the block lasts."""
    connection = await asyncpg.connect(place.own)
    try:
        await connection.execute("BEGIN; SELECT * FROM korus_copy FOR UPDATE")
        yield
    finally:
        await connection.close()


async def gone(place: Place) -> None:
    """Wait until no connection is open."""
    with anyio.fail_after(30):
        while place.connections != "0":  # noqa: ASYNC110 - the server tells nobody
            await anyio.sleep(0.02)


async def test_a_database_in_which_no_tables_can_be_made_is_told(place: Place) -> None:
    guest = f"guest_{place.database}"
    place.sql(f"CREATE ROLE {guest} LOGIN")
    url = place.own.replace("//korus@", f"//{guest}@")
    with pytest.raises(ConnectionError, match="make or write the tables"):
        await CatalogCopies(read_server_address(url)).claim(NAME)


async def test_so_is_one_that_loses_them_at_once(place: Place) -> None:
    place.sql(
        "CREATE FUNCTION lose() RETURNS event_trigger LANGUAGE plpgsql AS"
        " 'BEGIN DROP TABLE IF EXISTS korus_copy_crawl; END'"
    )
    place.sql(
        "CREATE EVENT TRIGGER losing ON ddl_command_end WHEN TAG IN ('CREATE TABLE')"
        " EXECUTE FUNCTION lose()"
    )
    with pytest.raises(ConnectionError, match="make or write the tables"):
        await place.server().claim(NAME)


# Beside the journal


async def test_a_journal_has_nothing_to_do_with_it(place: Place) -> None:
    """Its version stays, with copies or without, and a server that knows none goes on."""
    journal = SqlJournal.at(place.url, "account", clock=SystemClock(), audit_key="a key")
    await journal.installation()
    version = place.told("SELECT value FROM korus_meta WHERE name = 'version'")
    assert await publish(place.server(), b"x")
    assert place.told("SELECT value FROM korus_meta WHERE name = 'version'") == version
    await journal.close()
    again = SqlJournal.at(place.url, "account", clock=SystemClock(), audit_key="a key")
    await again.installation()
    await again.close()
    assert not {name for name in METADATA.tables if name.startswith("korus_copy")}
    place.sql("DROP TABLE korus_copy, korus_copy_part, korus_copy_crawl")
    assert await publish(place.server(), b"y"), "they are made anew"


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_copies_go_through_a_pooler(postgres: Cluster, mode: str) -> None:
    program = pooler_program()
    if program is None:
        pytest.skip("PgBouncer is not installed")
    with pooler(program, postgres, mode, servers=4) as running:
        place = Place(postgres)
        place.url = running.before(place.own)
        one, other = place.server(), place.server()
        assert (await one.claim(NAME)).is_ours
        assert await publish(one, b"a", b"b")
        await one.give_back(NAME)
        assert (await other.claim(NAME)).published == PublishedCopy(1.0, 2, "a")
        assert await fetched(other) == (PublishedCopy(1.0, 2, "a"), b"ab")
