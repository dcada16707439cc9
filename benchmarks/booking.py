"""What place_order costs beyond the calls of the API it makes: the journal, mostly.

The floor is one row written and synced by SQLite alone, which an order needs three times. With
`--beside COMMIT` an earlier commit is measured in turns with this one, and the ratio told: what
else the machine does then slows both.
"""

import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx

from korus_mcp.api import CustomerInput, KorusApi
from korus_mcp.app import App
from korus_mcp.booking.ordered import OrderCall
from korus_mcp.booking.requests import ReserveCall, ReserveItem
from korus_mcp.booking.services import BookingServices
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.foundation.handles import Handle, alias_of
from korus_mcp.journal import Journal
from korus_mcp.journal.opening import IN_MEMORY
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.server.composition import open_api
from korus_mcp.server.embedded import EmbeddedSandbox
from korus_mcp.settings import Settings
from tests.fixtures.postgres import database_if_installed

# Enough for a p95 that stands still, in a run of some seconds.
ORDERS = 150
WARM = 10
OWNER, CUSTOMER = "local/local", CustomerInput("Ada", "Martin", "ada@example.test")


@dataclass
class Timed(httpx.AsyncBaseTransport):
    """The sandbox, with the time that is spent in it."""

    inner: EmbeddedSandbox
    seconds: float = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; its time is added."""
        began = time.perf_counter()
        response = await self.inner.handle_async_request(request)
        self.seconds += time.perf_counter() - began
        return response


def main() -> None:
    """One line for each store."""
    clock = SystemClock()
    anyio.run(_tell, "memory", SqlJournal.at(IN_MEMORY, "bench", clock=clock))
    with tempfile.TemporaryDirectory() as folder:
        print(f"one synced commit of SQLite: p50 {_floor(Path(folder) / 'floor.sqlite'):.2f} ms")
        url = f"sqlite:///{Path(folder) / 'journal.sqlite'}"
        anyio.run(_tell, "SQLite", SqlJournal.at(url, "bench", clock=clock, audit_key="k"))
    with database_if_installed() as address:
        if address is None:
            print("place_order beyond the API's calls, PostgreSQL: not installed")
        else:
            anyio.run(_tell, "PostgreSQL", SqlJournal.at(address, "b", clock=clock, audit_key="k"))


def _floor(file: Path) -> float:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)")
    times = []
    for _ in range(ORDERS):
        began = time.perf_counter()
        connection.execute("INSERT INTO row (text) VALUES ('an order')")
        times.append((time.perf_counter() - began) * 1000)
    connection.close()
    return statistics.median(times)


ROUNDS = 3
_TOLD = re.compile(r"beyond the API's calls, (\w+): p50 ([0-9.]+) ms")


def beside(commit: str) -> None:
    """One line for each store: this commit's cost, that of another one, and the ratio.

    Each is the least of the medians of some rounds, in turns. The other commit is checked out for
    as long as it is measured.
    """
    here = Path(__file__).parents[1]
    if not has_commit(here, commit):
        print(f"place_order beside {commit}: that commit is not in this repository")
        return
    with tempfile.TemporaryDirectory() as folder, checked_out(commit, here, Path(folder) / "it"):
        ours, theirs = dict[str, float](), dict[str, float]()
        for _ in range(ROUNDS):
            for place, least in ((here, ours), (Path(folder) / "it", theirs)):
                for store, cost in _medians(place).items():
                    least[store] = min(cost, least.get(store, cost))
    for store in ours.keys() & theirs.keys():
        print(
            f"place_order beyond the API's calls, {store}: p50 {ours[store]:.2f} ms, at {commit} "
            f"{theirs[store]:.2f} ms, ratio {ours[store] / theirs[store]:.2f} (least of {ROUNDS})"
        )


def has_commit(repository: Path, commit: str) -> bool:
    """Whether a repository has a commit: a clone may be shallow."""
    known = ("git", "-C", str(repository), "cat-file", "-e", f"{commit}^{{commit}}")
    return subprocess.run(known, check=False, capture_output=True).returncode == 0


@contextmanager
def checked_out(commit: str, repository: Path, place: Path) -> Iterator[None]:
    """A commit of a repository in a folder, as long as the block runs."""
    worktree = ("git", "-C", str(repository), "worktree")
    subprocess.run([*worktree, "add", "--quiet", "--detach", str(place), commit], check=True)
    try:
        yield
    finally:
        subprocess.run([*worktree, "remove", "--force", str(place)], check=True)


def _medians(place: Path) -> dict[str, float]:
    """By store, as the benchmark of a working tree tells them."""
    command = [sys.executable, "-m", "benchmarks.booking"]
    told = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True).stdout
    return {store: float(cost) for store, cost in _TOLD.findall(told)}


async def _tell(store: str, journal: Journal) -> None:
    own = await _own_costs(journal)
    print(
        f"place_order beyond the API's calls, {store}: "
        f"p50 {statistics.median(own):.2f} ms, p95 {statistics.quantiles(own, n=20)[-1]:.2f} ms "
        f"({len(own)} orders)"
    )


async def _own_costs(journal: Journal) -> list[float]:
    """Milliseconds of each confirmed order, without the time spent in the API."""
    sandbox = Sandbox(SandboxOptions(seed=1))
    park = alias_of(sandbox.landmarks["park_catalog"])
    settings = Settings(catalogs=(park,), languages=("en",), max_day_amount=_PLENTY)
    clock, timed = SystemClock(), Timed(EmbeddedSandbox(settings, sandbox))
    config = open_api(settings, clock=clock, sandbox=sandbox).config
    async with (
        KorusApi(config, clock=clock, transport=timed) as api,
        anyio.create_task_group() as tasks,
    ):
        app = App(settings, api, clock, tasks)
        services = BookingServices(
            settings,
            api,
            catalog=app.mirror,
            quotes=app.quotes,
            journal=journal,
            prices=app.prices,
            tasks=tasks,
        )
        offer = Handle(park, sandbox.landmarks["park_offer"])
        own = []
        for _ in range(ORDERS):
            wish = ReserveCall(
                owner=OWNER, items=(ReserveItem(offer, 1, ()),), language="en", again=True
            )
            (hold,) = (await services.reserving.reserve(wish)).holds
            asked = await services.ordering.place(_call(hold.id, None))
            # Only the second call orders: the first one asks for a yes.
            timed.seconds, began = 0.0, time.perf_counter()
            await services.ordering.place(_call(hold.id, asked.confirmation))
            own.append((time.perf_counter() - began - timed.seconds) * 1000)
        await journal.close()
        app.mirror.close()
        tasks.cancel_scope.cancel()
    # The first ones grow files and fill caches.
    return own[WARM:]


def _call(reservation_id: str, confirmation: str | None) -> OrderCall:
    return OrderCall(
        owner=OWNER,
        reservation_ids=(reservation_id,),
        customer=CUSTOMER,
        language="en",
        confirmation=confirmation,
    )


_PLENTY = Settings().max_day_amount * 1000


if __name__ == "__main__":
    if "--beside" in sys.argv:
        beside(sys.argv[sys.argv.index("--beside") + 1])
    else:
        main()
