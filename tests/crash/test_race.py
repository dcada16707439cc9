"""A hundred calls for one reservation, in four processes: one request leaves."""

from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Delay, SandboxOptions, served_sandbox
from tests.fixtures.assistant import SEED, Answer, Assistant
from tests.fixtures.hosts import child_environment, on_stdio
from tests.fixtures.postgres import Cluster
from tests.fixtures.shop import Shop

pytestmark = pytest.mark.anyio
PROCESSES, CALLS_EACH = 4, 25


async def race(folder: Path, database: str) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served, AsyncExitStack() as stack:
        only = alias_of(served.sandbox.landmarks["park_catalog"])
        own = child_environment(folder, DATABASE_URL=database, CATALOGS=only)
        environment = {**own, **served.environment}
        mode = "auto"
        assistants: list[Assistant] = [
            await stack.enter_async_context(on_stdio(mode, environment)) for _ in range(PROCESSES)
        ]
        first = Shop(assistants[0].client, sandbox=served.sandbox, folder=folder)
        wish = await first.confirmed(await first.held())
        served.sandbox.faults.add(Delay(seconds=0.5), "createOrders")
        answers: list[Answer] = []

        async def place(assistant: Assistant) -> None:
            answers.append(await assistant.ask("place_order", wish))

        async with anyio.create_task_group() as calls:
            for assistant in assistants * CALLS_EACH:
                calls.start_soon(place, assistant)
        (order,) = served.sandbox.orders()
        assert first.posts() == 1
        assert {a.data["state"] for a in answers} == {"ordered"}
        assert {a.data["orders"][0]["order_id"] for a in answers} == {order.id}
        assert Counter(a.data.get("replayed", False) for a in answers) == {
            False: 1,
            True: PROCESSES * CALLS_EACH - 1,
        }


async def test_on_one_file(tmp_path: Path) -> None:
    await race(tmp_path, f"sqlite:///{tmp_path / 'journal.sqlite'}")


async def test_on_postgresql(tmp_path: Path, postgres: Cluster) -> None:
    await race(tmp_path, postgres.new_database())
