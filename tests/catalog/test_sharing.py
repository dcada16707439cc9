"""Servers with files of their own and one database: who crawls, and what the others get of it."""

import hashlib
import socket
import sqlite3
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from korus_mcp.catalog.file import APPLICATION_ID, VERSION
from korus_mcp.catalog.mirror import (
    JITTER,
    KEPT_SECONDS,
    CatalogFiles,
    LanguageMirror,
    Mirror,
    state_of,
)
from korus_mcp.catalog.sharing import SharedCopies
from korus_mcp.catalog.store import Scope
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.database_addresses import read_server_address
from korus_mcp.foundation.published import PublishedCopy
from korus_mcp.journal.copies import CatalogCopies
from korus_mcp.journal.opening import copies_of
from korus_mcp.sandbox import Delay, Sandbox, SandboxOptions
from korus_mcp.server.composition import open_api
from korus_mcp.settings import Environment, Settings
from tests.booking.stage import SEED, GatedClock
from tests.catalog.test_processes import content
from tests.fixtures.postgres import Cluster, free_port

pytestmark = pytest.mark.anyio
STALE = KEPT_SECONDS * (1 + JITTER) + 1
BASES = 12


@dataclass
class World:
    """A sandbox, and a database that its servers have in common."""

    folder: Path
    postgres: Cluster
    url: str
    gated: GatedClock = field(default_factory=GatedClock)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.sandbox = Sandbox(SandboxOptions(seed=SEED, bases=BASES), clock=self.gated)

    @property
    def database(self) -> str:
        return self.url.rpartition("/")[2]

    def copies(self, **given: int) -> CatalogCopies:
        """What one server sees of the common copies."""
        return CatalogCopies(read_server_address(self.url), **given)

    def files(self, name: str) -> CatalogFiles:
        """Where the files of a server are."""
        return CatalogFiles(account=Settings().account, folder=self.folder / name)

    @property
    def name(self) -> str:
        """How the copy of the one language is named."""
        return self.files("").file("en").removesuffix(".sqlite")

    @asynccontextmanager
    async def server(
        self, name: str, copies: SharedCopies | None, *others: str
    ) -> AsyncIterator[tuple[Mirror, TaskGroup]]:
        """The mirror of a server with files of its own; `others` are its further languages."""
        settings = Settings(language="en", languages=("en", *others))
        async with (
            open_api(settings, clock=self.clock, sandbox=self.sandbox) as api,
            anyio.create_task_group() as tasks,
        ):
            mirror = Mirror(
                api,
                self.files(name),
                clock=self.clock,
                tasks=tasks,
                language=settings.language,
                languages=settings.languages,
                copies=copies,
            )
            yield mirror, tasks
            tasks.cancel_scope.cancel()
        mirror.close()

    async def crawled(self, name: str, copies: SharedCopies | None = None) -> None:
        """Let a server have a complete copy, and end it."""
        async with self.server(name, copies or self.copies()) as (mirror, _):
            await filled(mirror)

    def sent(self, operation: str = "getProductBase") -> int:
        """How often an operation was asked for."""
        return sum(r.operation == operation for r in list(self.sandbox.requests))

    def sql(self, *statements: str) -> None:
        """Run statements in the common database."""
        self.postgres.run(*statements, database=self.database)

    def told(self, query: str) -> str:
        """What the common database answers."""
        return self.postgres.told(query, database=self.database)

    def connections(self) -> str:
        """How many connections to the common database are open."""
        return self.postgres.told(
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}'"
        )

    def are_same(self, *names: str) -> bool:
        """Whether the files of these servers hold the same."""
        one, *others = (content(self.folder / name) for name in names)
        assert len(one["base"]) >= BASES
        assert all(row[-1] for row in one["base"]), "with details"
        return all(other == one for other in others)


@pytest.fixture
def world(tmp_path: Path, postgres: Cluster) -> World:
    return World(tmp_path, postgres, postgres.new_database())


async def filled(mirror: Mirror, language: str = "en") -> LanguageMirror:
    """The mirror of a language, once its crawl is over."""
    found = await mirror.ready(language)
    await so(lambda: not found.is_crawling)
    assert state_of(found).is_complete
    return found


async def so(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    with anyio.fail_after(60):
        while not condition():  # noqa: ASYNC110 - other servers and threads tell nobody
            await anyio.sleep(0.02)


# One crawl for all


async def test_what_one_server_read_the_next_one_takes_over(world: World) -> None:
    await world.crawled("a")
    once = len(world.sandbox.requests)
    await world.crawled("b")
    assert world.are_same("a", "b")
    assert len(world.sandbox.requests) == once
    left = {path.suffix for path in world.folder.glob("*/*")}
    assert left <= {".sqlite", ".lock"}
    assert world.connections() == "0"


async def test_servers_that_begin_together_crawl_once_for_each_language(world: World) -> None:
    async with world.server("alone", None, "fr") as (mirror, _):
        for language in ("en", "fr"):
            await filled(mirror, language)
    alone = world.sent(), world.sent("listProductBases")
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(world.server(name, world.copies(), "fr"))
            for name in "abcd"
        ]
        async with anyio.create_task_group() as tasks:
            for mirror, _ in servers:
                for language in ("en", "fr"):
                    tasks.start_soon(filled, mirror, language)
    assert (world.sent(), world.sent("listProductBases")) == tuple(2 * n for n in alone)
    for language in ("en", "fr"):
        held = {
            tuple(map(str, rows))
            for name in "abcd"
            for rows in [read_rows(world.folder / name / world.files(name).file(language))]
        }
        assert len(held) == 1


def read_rows(file: Path) -> list[object]:
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT id, name, detail FROM base ORDER BY id").fetchall()


async def test_all_have_the_names_before_there_are_details(world: World) -> None:
    world.sandbox.faults.add(Delay(seconds=5), "getProductBase", times=None)
    async with (
        world.server("a", world.copies()) as (one, _),
        world.server("b", world.copies()) as (other, _),
    ):
        first, second = await one.ready("en"), await other.ready("en")
        assert first.store.total(Scope()) == second.store.total(Scope()) >= BASES
        assert not state_of(second).is_complete
        world.gated.gate.set()
        await filled(one)
        await filled(other)
    assert world.sent("listProductBases") == len(content(world.folder / "a")["catalog"])
    assert world.are_same("a", "b")


async def test_a_copy_that_is_due_is_renewed_by_one_server_for_all(world: World) -> None:
    async with (
        world.server("a", world.copies()) as (one, _),
        world.server("b", world.copies()) as (other, _),
    ):
        await filled(one)
        await filled(other)
        world.clock.advance(STALE)
        read_at = state_of(await filled(one)).read_at
        assert read_at is not None
        assert world.clock.now() - read_at < timedelta(hours=1)
        once = len(world.sandbox.requests)
        assert state_of(await filled(other)).read_at == read_at
        assert len(world.sandbox.requests) == once


async def test_a_catalog_that_was_added_is_not_lost_to_an_earlier_copy(world: World) -> None:
    await world.crawled("a")
    async with world.server("b", world.copies()) as (mirror, _):
        found = await filled(mirror)
        world.clock.advance(60)
        found_at = world.clock.now()
        # What `Crawler.list_anew` notes when it finds one.
        found.store.put_facts(complete_at=0.0, changed_at=found_at.timestamp())
        read_at = state_of(await filled(mirror)).read_at
        assert read_at is not None
        assert read_at >= found_at


async def test_a_server_that_keeps_its_catalog_in_memory_takes_over_and_publishes(
    world: World,
) -> None:
    (world.folder / "file").write_text("no folder")
    await world.crawled("file")
    once = len(world.sandbox.requests)
    await world.crawled("b")
    async with world.server("file", world.copies()) as (mirror, _):
        found = await filled(mirror)
        assert found.store.path is None
        assert found.store.total(Scope()) >= BASES
    assert len(world.sandbox.requests) == once


async def test_other_processes_of_its_folder_see_what_was_taken_over(world: World) -> None:
    await world.crawled("b")
    async with world.server("b", None) as (beside, _):
        seen = await filled(beside)
        world.clock.advance(STALE)
        await world.crawled("a")
        once = len(world.sandbox.requests)
        async with world.server("b", world.copies()) as (mirror, _):
            taken = state_of(await filled(mirror))
        assert state_of(seen) == taken
        assert (await filled(beside)).store.total(Scope()) >= BASES
    assert len(world.sandbox.requests) == once


# What goes wrong


async def test_a_server_that_is_gone_holds_nobody_up_for_longer_than_its_claim(
    world: World,
) -> None:
    world.sandbox.faults.add(Delay(seconds=5), "getProductBase", times=None)
    async with world.server("a", world.copies()) as (mirror, tasks):
        await mirror.ready("en")
        await so(lambda: world.gated.sleepers > 0)
        # It gives nothing back, as one that is killed.
        tasks.cancel_scope.cancel()
    world.gated.gate.set()
    async with world.server("b", world.copies()) as (mirror, _):
        found = await mirror.ready("en")
        asked = len(world.sandbox.requests)
        assert not (await world.copies().claim(world.name)).is_ours
        assert found.is_crawling
        assert len(world.sandbox.requests) == asked, "it waits, with the names of the other one"
        world.sql("UPDATE korus_copy_crawl SET ends_at = ends_at - 60")
        await filled(mirror)
    await world.crawled("c")
    assert world.are_same("b", "c")


SPOILED = {
    "flipped": "UPDATE korus_copy_part SET content ="
    " set_byte(content, 99, 255 - get_byte(content, 99))",
    "cut": "UPDATE korus_copy_part SET content = substr(content, 1, 1000)",
    "gone": "DELETE FROM korus_copy_part",
    "twice": "UPDATE korus_copy_part SET content = content || content",
    "another": "UPDATE korus_copy SET digest = repeat('0', 64)",
    "longer": "UPDATE korus_copy SET size = size + 1",
}
"""Ways in which a copy may be damaged in the database."""


@pytest.mark.parametrize("how", SPOILED)
async def test_a_damaged_copy_is_read_anew_and_published_again(world: World, how: str) -> None:
    await world.crawled("a")
    world.sql(SPOILED[how])
    await is_read_anew(world)


@pytest.mark.parametrize(
    ("version", "program"), [(VERSION - 1, APPLICATION_ID), (VERSION, 1), (None, None)]
)
async def test_so_is_a_copy_that_is_none(
    world: World, version: int | None, program: int | None
) -> None:
    await world.crawled("a")
    file = world.folder / "foreign"
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE base (number)")
        if version is None:
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        else:
            db.execute(f"PRAGMA user_version = {version}")
            db.execute(f"PRAGMA application_id = {program}")
    whole = file.read_bytes()
    # Its header is that of ours, and its pages are not.
    whole = whole if version is not None else whole[:100] + b"\1" * (len(whole) - 100)
    at = world.clock.now().timestamp() + 1
    await published(world.copies(), world.name, whole, at)
    await is_read_anew(world)


async def published(copies: CatalogCopies, name: str, whole: bytes, at: float) -> None:
    """Publish these bytes as a copy."""
    parts = [zlib.compress(whole), b""]

    async def read() -> bytes:
        return parts.pop(0)

    digest = hashlib.sha256(whole).hexdigest()
    assert await copies.publish(name, complete_at=at, size=len(whole), digest=digest, read=read)


async def is_read_anew(world: World) -> None:
    """A second server reads the catalog, too, and a third one takes its copy over."""
    once = world.sent()
    world.clock.advance(60)
    await world.crawled("b")
    assert world.sent() == 2 * once
    await world.crawled("c")
    assert world.sent() == 2 * once
    assert world.are_same("a", "b", "c")


async def test_a_file_that_is_too_large_is_not_shared_and_waited_for_by_nobody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.crawled("a", world.copies(most_bytes=4096))
    once = world.sent()
    assert "too large to be shared" in caplog.text
    assert world.told("SELECT count(*) FROM korus_copy_part") == "0"
    assert (await world.copies().claim(world.name)).is_ours
    await world.crawled("b", world.copies(most_bytes=4096))
    assert world.sent() == 2 * once
    assert world.are_same("a", "b")


async def test_a_copy_that_unfolds_to_more_than_it_may_is_not_taken(world: World) -> None:
    await world.crawled("a")
    once = world.sent()
    world.clock.advance(60)
    await world.crawled("b", world.copies(most_bytes=4096))
    assert world.sent() == 2 * once


@pytest.fixture
def silent() -> Iterator[int]:
    """A port at which nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("is_silent", [False, True])
async def test_without_a_database_each_server_reads_the_catalog_itself(
    world: World, silent: int, caplog: pytest.LogCaptureFixture, *, is_silent: bool
) -> None:
    port = silent if is_silent else free_port()
    address = f"postgresql://nobody:canary@127.0.0.1:{port}/none?connect_timeout=1"
    away = CatalogCopies(read_server_address(address))
    await world.crawled("a", away)
    once = world.sent()
    await world.crawled("b", away)
    assert world.sent() == 2 * once
    assert world.are_same("a", "b")
    assert "the journal shares none" in caplog.text
    assert "canary" not in caplog.text


class Breaking(CatalogCopies):
    """Copies of a database that goes away when they are moved."""

    async def fetch(
        self, name: str, put: Callable[[bytes], Awaitable[None]]
    ) -> PublishedCopy | None:
        async def put_some(part: bytes) -> None:
            await put(part[:100])
            raise ConnectionError("its database cannot be reached")

        return await super().fetch(name, put_some)

    async def publish(self, name: str, **given: Any) -> bool:
        async def read() -> bytes:
            raise ConnectionError("its database cannot be reached")

        return await super().publish(name, **given | {"read": read})


async def test_a_database_that_goes_away_in_between_costs_a_crawl_and_nothing_else(
    world: World,
) -> None:
    breaking = Breaking(read_server_address(world.url))
    await world.crawled("a", breaking)
    once = world.sent()
    assert world.told("SELECT count(*) FROM korus_copy") == "0"
    await world.crawled("b")
    await world.crawled("c", breaking)
    assert world.sent() == 3 * once
    assert world.are_same("a", "b", "c")


async def test_copies_of_two_versions_stand_beside_each_other(world: World) -> None:
    older = world.name.replace(str(VERSION), str(VERSION - 1000))
    await published(world.copies(), older, b"as it was then", world.clock.now().timestamp())
    await world.crawled("a")
    await world.crawled("b")
    names = world.told("SELECT string_agg(name, ' ' ORDER BY name) FROM korus_copy").split()
    assert names == sorted([older, world.name])
    kept = list[bytes]()

    async def put(part: bytes) -> None:
        kept.append(part)

    assert await world.copies().fetch(older, put)
    assert zlib.decompress(b"".join(kept)) == b"as it was then"


def test_servers_of_a_file_and_the_sandbox_share_nothing_here(tmp_path: Path) -> None:
    url = "postgresql://shop@127.0.0.1/journal"
    named = Settings(environment=Environment.DEMO, embedded=False)
    for none in (
        replace(named, database_url=f"sqlite:///{tmp_path / 'journal.sqlite'}"),
        named,
        Settings(database_url=url),
    ):
        assert copies_of(none) is None
    assert copies_of(replace(named, database_url=url)) is not None
