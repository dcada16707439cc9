"""`korus-mcp journal purge` of 150,000 old order calls, while two servers order all the time.

People of two real servers on one journal reserve and order, one booking after the other, first
without and then beside the command, on PostgreSQL and on SQLite. Printed is how their calls were
answered and how long an order took. Exit code 1 where one was refused or told `in_doubt`, where the
command left a call or nobody ordered meanwhile, and where the audit is not in order afterwards.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from benchmarks.grown import Grown
from benchmarks.verifying import KEY, STORES, addresses
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from korus_mcp.settings import read_settings
from tests.fixtures.assistant import CUSTOMER, Answer, handle_of
from tests.fixtures.hosts import UNBOUNDED, child_environment, free_port
from tests.fixtures.provider import FakeProvider
from tests.fixtures.replicas import Replica

CALLS: Final = 150_000
SERVERS: Final = 2
BUYERS: Final = 2
"""Of each server: enough that somebody orders at any time."""
BEFORE_SECONDS: Final = 30.0
DAYS: Final = 90
"""What the command leaves if it is not told otherwise."""
TOKEN_SECONDS: Final = 4 * 3600
HERE: Final = Path(__file__).parents[1]
ORDERED: Final = "ordered"
_REMOVED: Final = re.compile(r"removed (\d+) order calls, (\d+) reserve calls ")
Json = dict[str, Any]


@dataclass
class Answers:
    """What people heard for some time: the state or code of each order, and refusals of holds."""

    orders: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    """Milliseconds of each call that ordered."""

    @property
    def all_ordered(self) -> bool:
        """Whether there were orders, and nobody was refused anything or told of a doubt."""
        return set(self.orders) == {ORDERED} and not self.others

    @property
    def told(self) -> str:
        """In words."""
        doubt = self.orders["in_doubt"]
        refused = self.orders.total() - self.orders[ORDERED] - doubt + self.others.total()
        why = {**self.orders, **self.others}
        why.pop(ORDERED, None)
        named = f" ({', '.join(f'{n} {each}' for each, n in why.items())})" if why else ""
        return (
            f"{self.orders[ORDERED]} ordered, {refused} refused, {doubt} in doubt{named}, "
            f"p50 {_quantile(self.took, 10):.0f} ms, p95 {_quantile(self.took, 19):.0f} ms"
        )


def _quantile(took: Sequence[float], twentieths: int) -> float:
    if len(took) < 2:
        return sum(took)
    return statistics.quantiles(took, n=20, method="inclusive")[twentieths - 1]


@dataclass
class Shop:
    """The servers, and what their people hear now."""

    environment: Mapping[str, str]
    offer_id: str
    heard: Answers = field(default_factory=Answers)
    opened: anyio.Event = field(default_factory=anyio.Event)
    under_way: int = 0

    async def buy(self, url: str, token: str) -> None:
        """Book one thing after the other, for ever."""
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            create_mcp_http_client(headers=headers) as known,
            Client(streamable_http_client(url, http_client=known)) as client,
        ):
            while True:
                await self.opened.wait()
                self.under_way += 1
                await self._book(client)
                self.under_way -= 1

    async def close(self) -> None:
        """Let nobody begin anything, and wait for what is under way."""
        self.opened = anyio.Event()
        while self.under_way:  # noqa: ASYNC110 - the others tell nobody
            await anyio.sleep(0.05)

    async def _book(self, client: Client) -> None:
        items = [{"offer_id": self.offer_id, "quantity": 1}]
        held = await _asked(client, "reserve", items=items, again=True)
        if held.result.is_error:
            self.heard.others[f"reserve: {held.code}"] += 1
            return
        wish: Json = {
            "reservation_ids": [held.structure["reservations"][0]["reservation_id"]],
            "customer": CUSTOMER,
        }
        asked = await _asked(client, "place_order", **wish)
        if asked.result.is_error:
            self.heard.others[f"summary: {asked.code}"] += 1
            return
        began = time.perf_counter()
        made = await _asked(client, "place_order", **wish, confirmation=asked.data["confirmation"])
        took = (time.perf_counter() - began) * 1000
        # Noted for the time in which it was answered.
        told = str(made.code if made.result.is_error else made.structure["state"])
        self.heard.orders[told] += 1
        if told == ORDERED:
            self.heard.took.append(took)

    def begin_anew(self) -> Answers:
        """What was heard so far; from now on it is counted anew."""
        before, self.heard = self.heard, Answers()
        return before

    async def operate(self, *command: str) -> str:
        """What a command of the operator says on stdout, and on stderr where it fails.

        It is a process of its own, as a person or cron starts it.
        """
        done = await anyio.run_process(
            [sys.executable, "-m", "korus_mcp", "journal", *command],
            cwd=HERE,
            env=dict(self.environment),
            check=False,
            stderr=subprocess.STDOUT,
        )
        return done.stdout.decode()


async def _asked(client: Client, tool: str, **arguments: Any) -> Answer:
    return Answer(await client.call_tool(tool, arguments))


@dataclass(frozen=True)
class Purge:
    """A run of the command, and what people heard before and meanwhile."""

    store: str
    calls: int
    said: str
    seconds: float
    before: Answers
    meanwhile: Answers
    audit: str

    @property
    def removed(self) -> tuple[int, int]:
        """How many order calls and reserve calls."""
        found = _REMOVED.match(self.said)
        return (0, 0) if found is None else (int(found[1]), int(found[2]))

    @property
    def is_good(self) -> bool:
        """Whether all was removed, everybody ordered meanwhile, and the audit is in order."""
        all_gone = self.removed == (self.calls, self.calls)
        return all_gone and self.meanwhile.all_ordered and ", all in order;" in self.audit

    @property
    def told(self) -> str:
        """In words, a line each."""
        orders, holds = self.removed
        audit = self.audit.partition(";")[0].strip()
        return (
            f"journal purge on {self.store}: {orders:,} order calls and {holds:,} reserve calls "
            f"of {self.calls:,} removed in {self.seconds:.0f} s; the audit afterwards: {audit}\n"
            f"  orders of {SERVERS} servers before: {self.before.told}\n"
            f"  orders of {SERVERS} servers meanwhile: {self.meanwhile.told}; "
            f"{'good' if self.is_good else 'NOT GOOD'}"
        )


def main() -> int:
    """Some lines for each store; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS, help=f"old calls ({CALLS})")
    before = f"seconds of orders before the purge ({BEFORE_SECONDS:.0f})"
    parser.add_argument("--before", type=float, default=BEFORE_SECONDS, help=before)
    parser.add_argument("--store", choices=STORES, action="append", help="(all there are)")
    given = parser.parse_args()
    is_good = True
    with tempfile.TemporaryDirectory(prefix="korus-purge-", ignore_cleanup_errors=True) as folder:
        for store, address in addresses(Path(folder), given.store or STORES):
            own = Path(folder) / store
            own.mkdir()
            purge = anyio.run(_purged, store, address, own, given.calls, given.before)
            is_good &= purge.is_good
            print(purge.told, flush=True)
    return int(not is_good)


async def _purged(store: str, address: str, folder: Path, calls: int, seconds: float) -> Purge:
    async with _shop(address, folder) as shop:
        # The servers have seen the journal when it was new: one that finds calls in a journal it
        # does not know waits, as after a failover.
        settings = read_settings(
            {n: v for n, v in shop.environment.items() if n.startswith("KORUS_")}
        )
        newest = SystemClock().now() - timedelta(days=DAYS + 10)
        await shop.close()
        await Grown(address, settings.account.key(), KEY, newest=newest).add_calls(calls)
        shop.opened.set()
        shop.begin_anew()
        await anyio.sleep(seconds)
        before, began = shop.begin_anew(), time.perf_counter()
        said = await shop.operate("purge", "--older-than-days", str(DAYS))
        took, meanwhile = time.perf_counter() - began, shop.begin_anew()
        audit = await shop.operate("verify")
    return Purge(store, calls, said, took, before, meanwhile, audit)


@asynccontextmanager
async def _shop(address: str, folder: Path) -> AsyncIterator[Shop]:
    """Servers at which people book until the block ends, each of whom has ordered once."""
    provider = FakeProvider()
    async with (
        provider.served(),
        served_sandbox(SandboxOptions(seed=1)) as world,
        AsyncExitStack() as at_the_end,
        anyio.create_task_group() as buyers,
    ):
        world.sandbox.set_stock(world.sandbox.landmarks["park_offer"], None)
        shop = Shop(_environment(world, provider, address, folder), _offer(world))
        shop.opened.set()
        for server in range(SERVERS):
            replica = Replica(free_port(), shop.environment, log=folder / f"log-{server}")
            at_the_end.push_async_callback(replica.kill)
            await replica.start()
            for buyer in range(BUYERS):
                name, until = f"{server}-{buyer}", int(time.time()) + TOKEN_SECONDS
                buyers.start_soon(shop.buy, replica.address, provider.token(sub=name, exp=until))
        while shop.heard.orders[ORDERED] < 2 * SERVERS * BUYERS:  # noqa: ASYNC110 - they are others' calls
            await anyio.sleep(0.1)
        yield shop
        buyers.cancel_scope.cancel()


def _offer(world: ServedSandbox) -> str:
    return handle_of(world.sandbox, "park_offer")


def _environment(
    world: ServedSandbox, provider: FakeProvider, address: str, folder: Path
) -> Mapping[str, str]:
    given = {
        **UNBOUNDED,
        "DATABASE_URL": address,
        "JOURNAL_KEY": KEY,
        "CATALOGS": alias_of(world.sandbox.landmarks["park_catalog"]),
        "AUTH_ISSUER": provider.issuer,
        "PUBLIC_URL": provider.audience,
    }
    kept = {"XDG_DATA_HOME": str(folder / "data")}
    return {**child_environment(folder, **given), **world.environment, **kept}


if __name__ == "__main__":
    sys.exit(main())
