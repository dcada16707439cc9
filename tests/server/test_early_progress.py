"""A call that may wait begins its answer at once, for clients that asked for progress."""

from pathlib import Path

import anyio
import pytest
from mcp import Client

from korus_mcp.sandbox import Delay, SandboxOptions, served_sandbox
from korus_mcp.server import http_door
from korus_mcp.server.composition import build_server
from korus_mcp.settings import read_settings
from tests.fixtures.assistant import ERAS, SEED, Answer, Json
from tests.fixtures.hosts import child_environment, over_http
from tests.fixtures.shop import Shop

pytestmark = pytest.mark.anyio
ISSUERS_SECONDS = 2.0
SOON = 15


@pytest.mark.parametrize("mode", ERAS)
async def test_over_http_the_first_event_comes_before_the_issuer_is_done(
    mode: str, tmp_path: Path
) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as world:
        settings = read_settings({**child_environment(tmp_path), **world.environment})
        door = http_door.door(build_server(settings), "127.0.0.1")
        async with over_http(door) as url, Client(url, mode=mode) as client:
            one = Shop(client, sandbox=world.sandbox, folder=tmp_path)
            items = [{"offer_id": one.offer_id, "quantity": 1}]
            wish = await one.confirmed(await one.held())
            for tool, asked, operation in (
                ("reserve", {"items": items, "again": True}, "createReservations"),
                ("place_order", wish, "createOrders"),
            ):
                world.sandbox.faults.add(Delay(seconds=ISSUERS_SECONDS), operation)
                await _told_before_it_is_answered(one, tool, asked)


async def _told_before_it_is_answered(one: Shop, tool: str, asked: Json) -> None:
    answers: list[Answer] = []
    told = anyio.Event()

    async def hear(done: float, total: float | None, message: str | None) -> None:
        if message:
            told.set()

    async def call() -> None:
        answers.append(await one.ask(tool, asked, progress_callback=hear))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        with anyio.fail_after(SOON):
            await told.wait()
        assert not answers
    assert answers[0].data
