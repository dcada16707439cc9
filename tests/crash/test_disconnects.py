"""A client that goes away at any moment of an order call: the same call again finds the order."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from mcp import Client

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Delay, SandboxOptions, ServedSandbox, served_sandbox
from korus_mcp.server.composition import build_server
from korus_mcp.settings import read_settings
from tests.fixtures.assistant import ERAS, SEED, Json
from tests.fixtures.hosts import child_environment, over_http
from tests.fixtures.shop import Shop

pytestmark = pytest.mark.anyio
STEP_SECONDS = 0.01
ISSUER_SECONDS = 0.08
MOMENTS = [*(n * STEP_SECONDS for n in range(1, 19)), 10]
"""From before the call has arrived to after it is answered, however slow the machine is."""


@dataclass(frozen=True)
class Left:
    """What came of a client that left: whether it had its answer, and what the next one heard."""

    was_answered: bool
    replayed: bool


async def left(url: str, mode: str, wish: Json, after: float) -> bool:
    """Call and go away; whether the answer came first."""
    was_answered = False
    try:
        async with Client(url, mode=mode) as client:
            await client.list_tools()
            with anyio.move_on_after(after):
                await client.call_tool("place_order", wish)
                was_answered = True
    except* (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # the SDK's client: an answer came to one that was leaving, or had left
    return was_answered


async def swept(url: str, mode: str, served: ServedSandbox, folder: Path) -> list[Left]:
    """An order for each moment."""
    found = []
    async with Client(url, mode=mode) as client:
        shop = Shop(client, sandbox=served.sandbox, folder=folder)
        for moment in MOMENTS:
            hold = await shop.held(again=True)
            wish = await shop.confirmed(hold)
            before = shop.posts()
            served.sandbox.faults.add(Delay(seconds=ISSUER_SECONDS), "createOrders")
            was_answered = await left(url, mode, wish, moment)
            again = (await shop.place(wish)).data
            assert again["state"] == "ordered"
            assert shop.posts() == before + 1
            found.append(Left(was_answered, again.get("replayed", False)))
        orders = Counter(r for o in served.sandbox.orders() for r in o.reservation_ids)
        assert set(orders.values()) == {1}
        assert len(orders) == len(MOMENTS)
    return found


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("json_response", [False, True], ids=["sse", "json"])
async def test_whoever_leaves_an_order_call_finds_its_order(
    mode: str,
    json_response: bool,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        only = alias_of(served.sandbox.landmarks["park_catalog"])
        own = {**child_environment(tmp_path, CATALOGS=only), **served.environment}
        settings = read_settings({k: v for k, v in own.items() if k.startswith("KORUS_")})
        app = build_server(settings).streamable_http_app(json_response=json_response)
        async with over_http(app) as url:
            found = await swept(url, mode, served, tmp_path)
    record_property("left", [(e.was_answered, e.replayed) for e in found])
    assert not found[0].was_answered
    assert found[-1].was_answered
    assert all(each.replayed for each in found if each.was_answered)
    assert sum(each.replayed and not each.was_answered for each in found) > 3
