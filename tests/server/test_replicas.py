"""Two servers of one journal, as behind a balancer: what one began, the other goes on with."""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp_types import ElicitRequestParams, ElicitResult, InputRequiredResult, InputResponses

from korus_mcp.catalog.overview import look_at
from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Delay, SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import CUSTOMER, SEED, Answer, Assistant, Json, handle_of
from tests.fixtures.hosts import child_environment, serving_http
from tests.fixtures.person import YES, Person
from tests.fixtures.postgres import Cluster, free_port
from tests.fixtures.replicas import Replica

pytestmark = pytest.mark.anyio
READING_SECONDS = 1.1
"""An answer that comes sooner is taken for the host's own."""
ONCE = {"listProductBases", "getProductBase"}
STOP_SECONDS = 30


@dataclass
class Replicas:
    """Two servers, each at its address, of one account and one journal."""

    world: ServedSandbox
    addresses: tuple[str, str]

    async def wish(self, assistant: Assistant) -> Json:
        """The arguments of an order of something that is held now."""
        offer = handle_of(self.world.sandbox, "park_offer")
        held = await assistant.call("reserve", items=[{"offer_id": offer, "quantity": 1}])
        ids = [held["reservations"][0]["reservation_id"]]
        return {"reservation_ids": ids, "customer": CUSTOMER}


def complete(folder: Path) -> bool:
    """Whether a folder has a catalog with all its details."""
    try:
        found = [look_at(path) for path in folder.glob("*.sqlite")]
    except sqlite3.Error:  # it is just being made
        return False
    return any(each is not None and each.read_at and not each.is_unfinished for each in found)


async def so(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    with anyio.fail_after(60):
        while not condition():  # noqa: ASYNC110 - another process tells nobody
            await anyio.sleep(0.05)


def reads(world: ServedSandbox) -> Counter[str]:
    """How often each page of names and each base were read."""
    asked = [r for r in list(world.sandbox.requests) if r.operation in ONCE]
    return Counter(f"{r.path}?{r.query}" for r in asked)


def is_list(path: str) -> bool:
    """Whether a path, with its query, is of a page of names."""
    return "/product_bases?" in path


@asynccontextmanager
async def replicas(folder: Path, database: str, **given: str) -> AsyncIterator[Replicas]:
    async with served_sandbox(SandboxOptions(seed=SEED)) as world, AsyncExitStack() as stack:
        only = alias_of(world.sandbox.landmarks["park_catalog"])
        own = child_environment(folder, DATABASE_URL=database, CATALOGS=only, **given)
        environment = {**own, **world.environment}
        one, other = [await stack.enter_async_context(serving_http(environment)) for _ in range(2)]
        yield Replicas(world, (one, other))


async def _repeated(
    client: Client, *, wish: Json, answers: InputResponses, state: str | None
) -> Answer:
    """What the call is answered once it is repeated with the answers to its question."""
    call = client.session.call_tool
    return Answer(await call("place_order", wish, input_responses=answers, request_state=state))


async def asked_at_one_and_answered_at_the_other(folder: Path, database: str) -> None:
    async with replicas(folder, database) as pair:
        where, other = pair.addresses
        nobody = Person(answers=[YES])
        async with (
            Client(where, elicitation_callback=nobody) as at_one,
            Client(other, elicitation_callback=nobody) as at_other,
        ):
            wish = await pair.wish(Assistant(at_one))
            asked = await at_one.session.call_tool("place_order", wish, allow_input_required=True)
            assert isinstance(asked, InputRequiredResult)
            await anyio.sleep(READING_SECONDS)
            (key,) = list(asked.input_requests or {})
            repeated = partial(_repeated, wish=wish, answers={key: YES}, state=asked.request_state)
            ordered = await repeated(at_other)
            assert ordered.data["state"] == "ordered"
            again = await repeated(at_one)
            assert again.data["state"] == "ordered"
            assert again.data["replayed"]
            assert again.data["orders"] == ordered.data["orders"]
        assert len(pair.world.sandbox.orders()) == 1
        assert not nobody.questions


async def test_a_question_of_one_replica_is_answered_at_another(
    tmp_path: Path, postgres: Cluster
) -> None:
    await asked_at_one_and_answered_at_the_other(tmp_path, postgres.new_database())


async def test_so_it_is_with_servers_of_one_file(tmp_path: Path) -> None:
    await asked_at_one_and_answered_at_the_other(tmp_path, f"sqlite:///{tmp_path / 'j.sqlite'}")


async def test_a_confirmation_of_one_replica_is_used_at_another_in_both_eras(
    tmp_path: Path, postgres: Cluster
) -> None:
    async with replicas(tmp_path, postgres.new_database()) as pair:
        one, other = pair.addresses
        async with Client(one, mode="legacy") as at_one, Client(other) as at_other:
            for first, second in ((at_one, at_other), (at_other, at_one)):
                wish = await pair.wish(Assistant(first))
                summary = await Assistant(first).call("place_order", **wish)
                confirmed = {**wish, "confirmation": summary["confirmation"]}
                made = await Assistant(second).call("place_order", **confirmed)
                assert made["state"] == "ordered"
                again = await Assistant(first).call("place_order", **confirmed)
                assert again["orders"] == made["orders"]
        assert len(pair.world.sandbox.orders()) == 2


async def test_a_question_within_a_session_orders_once_for_both_replicas(
    tmp_path: Path, postgres: Cluster
) -> None:
    async def agrees(context: object, params: ElicitRequestParams) -> ElicitResult:
        await anyio.sleep(READING_SECONDS)
        return YES

    async with replicas(tmp_path, postgres.new_database()) as pair:
        one, other = pair.addresses
        async with (
            Client(one, mode="legacy", elicitation_callback=agrees) as at_one,
            Client(other, mode="legacy") as at_other,
        ):
            wish = await pair.wish(Assistant(at_one))
            made = await Assistant(at_one).call("place_order", **wish)
            again = await Assistant(at_other).call("place_order", **wish)
            assert made["state"] == "ordered"
            assert (again["orders"], again["replayed"]) == (made["orders"], True)
        assert len(pair.world.sandbox.orders()) == 1


# Catalogs


@asynccontextmanager
async def apart(folder: Path, database: str, *names: str) -> AsyncIterator["Apart"]:
    """Servers of one journal as on machines of their own: each has its own folder."""
    async with served_sandbox(SandboxOptions(seed=SEED, bases=30)) as world:
        servers = [
            Replica(
                free_port(),
                {**child_environment(folder / name, DATABASE_URL=database), **world.environment},
            )
            for name in names
        ]
        try:
            for each in servers:
                await each.start()
            yield Apart(world, servers, [folder / name / "cache" for name in names])
        finally:
            for each in servers:
                await each.kill()


@dataclass
class Apart:
    """Servers, and the folders of their catalogs."""

    world: ServedSandbox
    servers: list[Replica]
    folders: list[Path]

    async def search(self, number: int) -> Json:
        """What one of them finds."""
        async with Client(self.servers[number].address) as client:
            return await Assistant(client).call("search_products", query="safari")


async def test_servers_of_one_journal_read_the_catalog_once(
    tmp_path: Path, postgres: Cluster
) -> None:
    async with apart(tmp_path, postgres.new_database(), "a", "b") as pair:
        async with anyio.create_task_group() as tasks:
            for number in range(2):
                tasks.start_soon(pair.search, number)
        await so(lambda: all(map(complete, pair.folders)))
        read = reads(pair.world)
        names = {path: n for path, n in read.items() if is_list(path)}
        assert set(names.values()) == {1}
        # A search may read what it shows before it is taken over.
        assert read.total() < 1.5 * len(read)
        found = [(await pair.search(number))["products"] for number in range(2)]
        assert found[0] == found[1] != []
        assert [await each.stop(STOP_SECONDS) for each in pair.servers] == [0, 0]


async def test_a_server_that_is_killed_in_its_crawl_leaves_it_to_another_one(
    tmp_path: Path, postgres: Cluster
) -> None:
    url = postgres.new_database()
    async with apart(tmp_path, url, "a", "b") as pair:
        pair.world.sandbox.faults.add(
            Delay(seconds=60), "getProductBase", times=None, issuer="stadium"
        )
        await pair.search(0)
        await pair.search(1)
        await pair.servers[0].kill()
        pair.world.sandbox.faults.clear()
        postgres.run(
            "UPDATE korus_copy_crawl SET ends_at = ends_at - 60", database=url.rpartition("/")[2]
        )
        await so(lambda: complete(pair.folders[1]))
        assert not complete(pair.folders[0])
        # What it did read is not read again.
        names = {path: n for path, n in reads(pair.world).items() if is_list(path)}
        assert set(names.values()) == {1}


async def test_servers_that_stop_in_a_crawl_end_cleanly_and_close_their_connections(
    tmp_path: Path, postgres: Cluster
) -> None:
    url = postgres.new_database()
    async with apart(tmp_path, url, "a", "b") as pair:
        pair.world.sandbox.faults.add(
            Delay(seconds=60), "getProductBase", times=None, issuer="stadium"
        )
        for number in range(2):
            await pair.search(number)
        assert [await each.stop(STOP_SECONDS) for each in pair.servers] == [0, 0]
        where = f"datname = '{url.rpartition('/')[2]}'"
        await so(
            lambda: postgres.told(f"SELECT count(*) FROM pg_stat_activity WHERE {where}") == "0"
        )
