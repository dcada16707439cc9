"""A host that ends a server in the middle of an order, with the SDK's own patience.

What was on its way is finished, or is found by the next server, which the same call asks.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Delay, SandboxOptions, ServedSandbox, served_sandbox
from tests.crash.endings import ENDINGS, REAL_SECONDS, Ending, is_dead
from tests.crash.history import History, judged
from tests.crash.rows import rows_of
from tests.fixtures.assistant import SEED, Json
from tests.fixtures.hosts import PROJECT, child_environment
from tests.fixtures.shop import Shop

pytestmark = pytest.mark.anyio
MOST_SECONDS = 120
"""For two servers of each ending, all side by side, however slow the machine is."""


@dataclass(frozen=True)
class Found:
    """What there was when the first server had gone, and what the next one answered."""

    orders_then: int
    state_then: str
    answer: Json
    history: History


@dataclass(frozen=True)
class Stage:
    """A world with a journal, and servers over both, one after the other."""

    served: ServedSandbox
    folder: Path

    @property
    def journal(self) -> str:
        """The address of the journal."""
        return f"sqlite:///{self.folder / 'journal.db'}"

    @property
    def server(self) -> StdioServerParameters:
        """A server as a host starts it, not forked: whoever kills its group kills it."""
        only = alias_of(self.served.sandbox.landmarks["park_catalog"])
        environment = {
            **child_environment(self.folder, CATALOGS=only),
            **self.served.environment,
            "CRASH_PID": str(self.folder / "pid"),
            "CRASH_POSTS": str(self.folder / "posts"),
        }
        arguments = ["-m", "tests.crash.child"]
        return StdioServerParameters(
            command=sys.executable, args=arguments, env=environment, cwd=PROJECT
        )

    def shop(self, client: Client) -> Shop:
        """The assistant of a server."""
        return Shop(client, sandbox=self.served.sandbox, folder=self.folder)

    async def ended_by(self, ending: Ending) -> Json:
        """End a server while the issuer takes its time for an order; the order's arguments."""
        sandbox = self.served.sandbox
        async with Client(self.server) as client, anyio.create_task_group() as calls:
            shop = self.shop(client)
            wish = await shop.confirmed(await shop.held())
            sandbox.faults.add(Delay(seconds=ending.lasts * REAL_SECONDS), "createOrders")
            calls.start_soon(shop.place, wish)
            while sandbox.faults.rules:  # noqa: ASYNC110 - the sandbox tells nobody
                await anyio.sleep(0.01)
            if ending.sends is not None:
                os.kill(int((self.folder / "pid").read_text()), ending.sends)
            if ending.leaves:
                calls.cancel_scope.cancel()  # the client closes stdin, and waits as its SDK does
            else:
                while not is_dead(self.folder / "pid"):  # noqa: ASYNC110 - another process
                    await anyio.sleep(0.01)
        return wish

    async def asked_again(self, wish: Json) -> Json:
        """What the next server answers to the same call, once it knows."""
        async with Client(self.server) as client:
            shop = self.shop(client)
            while (answer := (await shop.place(wish)).data)["state"] == "in_doubt":  # noqa: ASYNC110 - another process
                await anyio.sleep(0.2)
        return answer

    async def history(self, answer: Json) -> History:
        """The facts."""
        lines = (self.folder / "posts").read_text().splitlines()
        orders = self.served.sandbox.orders()
        return History(
            upstream=[(r, o.id) for o in orders for r in o.reservation_ids],
            posts=[line.rpartition("/")[2] for line in lines if line.startswith("createOrders ")],
            told=[(order["reservation_id"], order["order_id"]) for order in answer["orders"]],
            journal=await rows_of(self.journal),
        )


async def found_after(ending: Ending, folder: Path) -> Found:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        stage = Stage(served, folder)
        wish = await stage.ended_by(ending)
        orders_then = len(served.sandbox.orders())
        ((_, state_then, _),) = await rows_of(stage.journal)
        answer = await stage.asked_again(wish)
        return Found(orders_then, state_then, answer, await stage.history(answer))


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def found(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Found | Exception]:
    """All endings side by side: they mostly wait."""
    answers: dict[str, Found | Exception] = {}

    async def go(number: int, ending: Ending) -> None:
        try:
            folder = tmp_path_factory.mktemp(f"ending-{number}")
            answers[ending.name] = await found_after(ending, folder)
        except Exception as error:  # noqa: BLE001 - raised again by the test of this ending
            answers[ending.name] = error

    with anyio.fail_after(MOST_SECONDS):
        async with anyio.create_task_group() as tasks:
            for number, ending in enumerate(ENDINGS):
                tasks.start_soon(go, number, ending)
    return answers


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda each: each.name)
async def test_the_same_call_to_the_next_server_finds_the_order(
    ending: Ending, found: Mapping[str, Found | Exception]
) -> None:
    after = found[ending.name]
    if isinstance(after, Exception):
        raise after
    # A host that waits long enough sees the order finished. One that kills leaves a doubt, and the
    # order comes when its server has gone.
    then = (0, "sending") if ending.kills else (1, "final")
    assert (after.orders_then, after.state_then) == then
    assert after.answer["state"] == "ordered"
    assert after.answer["replayed"]
    assert len(after.history.upstream) == len(after.history.posts) == 1
    assert judged(after.history).is_clean


def test_hosts_wait_two_seconds_at_each_step() -> None:
    """As docs/hosts.md says of the SDK."""
    assert REAL_SECONDS == 2
