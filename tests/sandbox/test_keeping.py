"""A world in a file: what one process books, all others know, and it lasts for a day of rest."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import NewerWorld, Sandbox, SandboxOptions, WorldFile, WorldOver, keeping
from korus_mcp.sandbox.calendars import UNDATED, Fixed, day_number
from korus_mcp.sandbox.records import Record
from korus_mcp.sandbox.world import World
from tests.sandbox.caller import CUSTOMER, HOLDER, ORDERS, RESERVATIONS, Caller, calling

pytestmark = pytest.mark.anyio
VERSION = 1002
EVENING = datetime(2026, 6, 1, 23, 50, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "world.sqlite"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(EVENING)


def opened(path: Path, clock: ManualClock, *, seed: int | None = 7) -> WorldFile:
    return WorldFile(path, version=VERSION, now=clock.now(), seed=seed)


@contextmanager
def world(path: Path, clock: ManualClock) -> Iterator[Sandbox]:
    """The sandbox of one process."""
    with closing(opened(path, clock)) as file:
        yield Sandbox(SandboxOptions(), clock=clock, file=file)


@asynccontextmanager
async def process(path: Path, clock: ManualClock) -> AsyncIterator[Caller]:
    """A caller of one process's sandbox."""
    with world(path, clock) as sandbox:
        async with calling(sandbox) as caller:
            yield caller


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


async def test_what_one_process_books_the_next_one_goes_on_with(
    path: Path, clock: ManualClock
) -> None:
    async with process(path, clock) as one:
        hold = await one.hold("beneficiary_offer", 2)
    async with process(path, clock) as other:
        seen = await other.read(hold["@id"])
        assert {name: seen[name] for name in hold if name != "items"} == {
            name: value for name, value in hold.items() if name != "items"
        }
        order = (await other.order(hold))["orders"][0]
    async with process(path, clock) as third:
        found = await third.read(order["@id"])
        assert (found["reference"], found["customer"]["email"]) == (
            order["reference"],
            CUSTOMER["email"],
        )
        assert (await third.read(hold["@id"]))["order"] == order["@id"]
        ticket = found["items"][0]["tickets"][0]
        named = await third.send("PATCH", ticket["@id"], {"beneficiary": HOLDER})
        assert named.status_code == 200
    async with process(path, clock) as fourth:
        assert (await fourth.read(ticket["@id"]))["beneficiary"]["firstname"] == "Ada"
        assert [each["@id"] for each in await fourth.members(ORDERS)] == [order["@id"]]


async def test_two_processes_at_once_see_each_others_bookings(
    path: Path, clock: ManualClock
) -> None:
    async with process(path, clock) as one, process(path, clock) as other:
        first = await one.hold("park_offer")
        second = await other.hold("park_offer")
        assert first["@id"] != second["@id"]
        for each in (one, other):
            held = [hold["@id"] for hold in await each.members(RESERVATIONS)]
            assert held == [first["@id"], second["@id"]]
        made = await one.order(second)
        again = await other.order(second)
        assert made["orders"]
        assert [failure["code"] for failure in again["failedOrders"]] == ["ALREADY_ORDERED"]


async def test_the_last_places_are_sold_once(path: Path, clock: ManualClock) -> None:
    async with process(path, clock) as one, process(path, clock) as other:
        offer = one.iri("seated_offer")
        item = await one.item(offer)
        (choice,) = item["ticketSessions"]
        left = (await one.read(choice["session"]))["availableQuantity"]
        assert left > 0
        size = -(-left // 5)  # of a few holds, by both at once, until each of them is refused
        outcomes: list[bool] = []

        async def buy(caller: Caller) -> None:
            while True:
                made = await caller.reserve({**item, "quantity": size})
                outcomes.append(bool(made["reservations"]))
                if not outcomes[-1]:
                    return

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(buy, one)
            tasks.start_soon(buy, other)
        assert sum(outcomes) == left // size > 1
        places = [
            (each["zone"], each["row"], each["seat"])
            for hold in await one.members(RESERVATIONS)
            for unit in hold["items"]
            for each in (ticket["seating"] for ticket in unit["offerTickets"])
            if each is not None
        ]
        assert len(places) == len(set(places)) > 0


async def test_a_world_survives_midnight_and_its_days_move_on(
    path: Path, clock: ManualClock
) -> None:
    async with process(path, clock) as caller:
        ordered = await caller.booked("park_offer")
        held = await caller.hold("timed_offer")
        base = caller.iri("park_base")
        offers = f"{base.rpartition('/product_bases')[0]}/offers"
        before = await caller.members(offers, {"productBase": base})
    clock.advance(3600)
    async with process(path, clock) as caller:
        assert (await caller.read(ordered["@id"]))["reference"] == ordered["reference"]
        assert (await caller.read(held["@id"]))["items"]
        after = await caller.members(offers, {"productBase": base})
        assert min(each["date"] for each in after) > min(each["date"] for each in before)
        later = await caller.booked("park_offer")
        assert later["@id"] != ordered["@id"]


def test_a_match_that_is_over_is_played_again_a_season_later(clock: ManualClock) -> None:
    """A world that is used each day lives for longer than what was planned when it began."""
    today = clock.now().date()
    planned = [day for day in Fixed(offsets=(4, 33)).days(today - timedelta(days=10), today) if day]
    assert planned == [today + timedelta(days=23), today + timedelta(days=4 - 10 + 26 * 7)]
    began_at = clock.now() - timedelta(days=400)
    old = World(seed=7, bases=60, clock=clock, began_at=began_at)
    young = World(seed=7, bases=60, clock=clock)
    for base in (base for base in range(70) if young.has_base(base)):
        assert bool(old.days(base)) == bool(young.days(base))
        assert list(old.days(base)) == sorted(old.days(base))
        dated = [day for day in old.days(base) if day != UNDATED]
        assert all(day >= day_number(today) for day in dated)


async def test_a_day_without_use_throws_the_bookings_away_and_no_id_comes_again(
    path: Path, clock: ManualClock
) -> None:
    async with process(path, clock) as caller:
        old, order = caller.sandbox, await caller.booked("park_offer", 2)
    clock.advance(timedelta(hours=23).total_seconds())
    async with process(path, clock) as caller:
        assert (await caller.read(order["@id"]))["status"] == "confirmed"
    clock.advance(timedelta(hours=25).total_seconds())
    async with process(path, clock) as caller:
        assert await caller.members(ORDERS) == []
        assert await caller.members(RESERVATIONS) == []
        assert (await caller.get(order["@id"])).status_code == 404
        base = old.landmarks["park_base"]
        assert caller.sandbox.landmarks["park_base"] == base, "what is on sale keeps its ids"
        later = await caller.booked("park_offer", 2)
        assert later["@id"] != order["@id"]
        assert later["reference"] != order["reference"]
        tickets = {each["id"] for made in (order, later) for each in made["items"][0]["tickets"]}
        assert len(tickets) == 4
    assert rows(path, "SELECT count(*) FROM record WHERE kind = 'order'") == [(1,)]


async def test_reading_is_a_use_and_an_order_that_is_read_is_not_thrown_away(
    path: Path, clock: ManualClock
) -> None:
    async with process(path, clock) as caller:
        order = await caller.booked("park_offer")
        for _ in range(3):
            clock.advance(timedelta(hours=20).total_seconds())
            await caller.log_in()
            assert (await caller.read(order["@id"]))["reference"] == order["reference"]
        async with process(path, clock) as other:
            assert (await other.read(order["@id"]))["reference"] == order["reference"]


async def test_what_cannot_be_noted_is_read_all_the_same(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BUSY_SECONDS", 0.05)
    async with process(path, clock) as caller:
        order = await caller.booked("park_offer")
        clock.advance(timedelta(hours=2).total_seconds())
        await caller.log_in()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert (await caller.read(order["@id"]))["reference"] == order["reference"]
            other.execute("ROLLBACK")


def test_all_processes_of_a_world_have_its_secret_and_no_other_world_has(
    path: Path, clock: ManualClock
) -> None:
    with closing(opened(path, clock)) as one, closing(opened(path, clock)) as other:
        secret = one.beginnings.secret
        assert other.beginnings.secret == secret
        assert len(secret) == 64
        assert secret not in repr(one.beginnings)
        other.start_anew(clock.now())
    with closing(opened(path, clock)) as later:
        assert later.beginnings.secret != secret


async def test_a_running_process_learns_that_its_world_is_over(
    path: Path, clock: ManualClock
) -> None:
    async with process(path, clock) as caller:
        hold = await caller.hold("park_offer")
        with closing(opened(path, clock)) as file:
            file.start_anew(clock.now())
        for method, address in (("GET", hold["@id"]), ("POST", f"{RESERVATIONS}/_bulk")):
            with pytest.raises(WorldOver):
                await caller.client.request(
                    method, address, json={}, headers={"Content-Type": "application/ld+json"}
                )
    async with process(path, clock) as caller:
        await caller.hold("park_offer")
        await anyio.Path(path).unlink()
        with pytest.raises(WorldOver):
            await caller.get(RESERVATIONS)


async def test_a_file_of_an_older_version_is_begun_anew(path: Path, clock: ManualClock) -> None:
    with closing(WorldFile(path, version=VERSION - 1, now=clock.now(), seed=3)):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE of_old (what TEXT)")
        db.execute("DROP TABLE record")
    async with process(path, clock) as caller:
        assert await caller.booked("park_offer")
    assert ("of_old",) not in rows(path, "SELECT name FROM sqlite_master")


def test_a_file_of_a_newer_version_is_left_as_it_is(path: Path, clock: ManualClock) -> None:
    WorldFile(path, version=VERSION + 1, now=clock.now()).close()
    before = path.read_bytes()
    with pytest.raises(NewerWorld):
        opened(path, clock)
    assert path.read_bytes() == before


@pytest.mark.parametrize("missing", ["seed", "began_at", "numbers", "used_at", "id", "secret"])
def test_a_world_that_lacks_a_part_is_damaged(missing: str, path: Path, clock: ManualClock) -> None:
    opened(path, clock).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM world WHERE name = ?", (missing,))
        db.commit()
    with pytest.raises(sqlite3.DatabaseError):
        opened(path, clock)


async def test_what_cannot_be_written_is_not_made_and_nothing_is_left_of_it(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BUSY_SECONDS", 0.05)
    async with process(path, clock) as caller:
        hold = await caller.hold("park_offer")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            body = {
                "reservations": [hold["@id"]],
                "customer": CUSTOMER,
                "externalReference": "REF-9",
            }
            headers = {"Content-Type": "application/ld+json"}
            refused = await caller.client.post(f"{ORDERS}/_bulk", json=body, headers=headers)
            assert refused.status_code == 503
            other.execute("ROLLBACK")
        assert await caller.members(ORDERS) == []
        assert (await caller.order(hold))["orders"]


async def test_a_commit_that_fails_is_undone_in_memory_as_well(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with process(path, clock) as caller:
        hold = await caller.hold("park_offer")
        commit = WorldFile.commit

        def full(self: WorldFile, changed: list[Record], now: datetime) -> None:
            self._write.execute("INSERT INTO record (id, kind, body) VALUES ('x', 'y', 'z')")
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(WorldFile, "commit", full)
        item = await caller.item(caller.iri("park_offer"))
        headers = {"Content-Type": "application/ld+json"}
        sent = await caller.client.post(
            f"{RESERVATIONS}/_bulk", json={"items": [item]}, headers=headers
        )
        assert sent.status_code == 503
        monkeypatch.setattr(WorldFile, "commit", commit)
        assert [each["@id"] for each in await caller.members(RESERVATIONS)] == [hold["@id"]]
    assert rows(path, "SELECT count(*) FROM record") == [(1,)]


async def test_a_refused_request_changes_nothing_for_anybody(
    path: Path, clock: ManualClock
) -> None:
    async with process(path, clock) as one, process(path, clock) as other:
        hold = await one.hold("park_offer")
        wrong = await one.send("POST", f"{ORDERS}/_bulk", {"reservations": [hold["@id"]]})
        assert wrong.status_code == 422
        assert (await other.order(hold))["orders"]
        assert (await one.read(hold["@id"]))["order"]


async def test_a_record_nobody_can_read_is_told_as_a_fault_of_the_file(
    path: Path, clock: ManualClock
) -> None:
    async with process(path, clock) as caller:
        await caller.hold("park_offer")
        with closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE record SET revision = revision + 1, body = '{}'")
            db.commit()
        assert (await caller.client.get(RESERVATIONS)).status_code == 503
