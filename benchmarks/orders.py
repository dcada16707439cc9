"""Orders a second of one, two and four servers over one PostgreSQL, near and far.

Different reservations, as many at once as four servers have connections; a proxy makes each round
trip to the database take longer. With `--beside COMMIT` an earlier commit does the same in turns.
What the API takes is not part of it: each server has a sandbox within.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.booking import checked_out, has_commit
from benchmarks.far_away import Proxy, far_away
from tests.fixtures.postgres import Cluster, cluster, programs

REPLICAS: Final = (1, 2, 4)
ROUND_TRIPS: Final = (0, 20, 60)
"""Milliseconds that a round trip to the database takes longer."""
SECONDS: Final = 8.0
AT_ONCE: Final = (15, 2)
"""Orders at once of each server. With many, some commits refuse those that waited too long for a
lock; the better of these counts."""
COUNTED: Final = 20
"""Orders placed one after another to count their round trips."""
HERE: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class Rate:
    """What some servers did together."""

    done: int
    refused: int
    why: str
    seconds: float
    cpu: float
    database_cpu: float

    @property
    def a_second(self) -> float:
        """Orders a second."""
        return self.done / self.seconds

    @property
    def told(self) -> str:
        """In words."""
        cores = self.cpu / self.seconds
        database = self.database_cpu / self.seconds
        refused = f", {self.refused} refused: {self.why}" if self.refused else ""
        return f"{self.a_second:.1f}/s (CPU {cores:.2f} + {database:.2f} of PostgreSQL{refused})"


@dataclass
class Servers:
    """Servers of one commit over one database."""

    processes: Sequence["subprocess.Popen[str]"]
    near: str
    far: str
    running: Cluster

    def _all(self, servers: int, **task: Any) -> list[Any]:
        """Have the first of them do this at the same time."""
        some = self.processes[:servers]
        for each in some:
            print(json.dumps(task), file=each.stdin, flush=True)
        return [json.loads(each.stdout.readline()) for each in some if each.stdout is not None]

    def rate(self, proxy: Proxy, number: int, delay: int, at_once: int) -> Rate:
        """What so many of them do, so far away."""
        most = int(SECONDS * 40 / number)
        proxy.delay(0)
        self._all(number, step="prepare", url=self.near, number=most + at_once)
        proxy.delay(delay)
        used = _cpu_of(self.running)
        told = self._all(
            number, step="order", url=self.far, at_once=at_once, most=most, seconds=SECONDS
        )
        return Rate(
            done=sum(each["done"] for each in told),
            refused=sum(each["refused"] for each in told),
            why=" ".join(why for each in told for why in each["why"])[:60],
            seconds=max(each["seconds"] for each in told),
            cpu=sum(each["cpu"] for each in told),
            database_cpu=_cpu_of(self.running) - used,
        )

    def trips(self, proxy: Proxy) -> float:
        """The round trips of an order; what is opened once counts little."""
        proxy.delay(0)
        counts = []
        for number in (COUNTED, 2 * COUNTED):
            self._all(1, step="prepare", url=self.near, number=number + 1)
            before = proxy.trips()
            self._all(1, step="order", url=self.far, at_once=1, most=number, seconds=60.0)
            counts.append(proxy.trips() - before)
        return (counts[1] - counts[0]) / COUNTED


@contextmanager
def _servers(place: Path, running: Cluster, proxy: Proxy) -> Iterator[Servers]:
    near = running.new_database()
    far = near.replace(f":{running.port}/", f":{proxy.port}/")
    with ExitStack() as stack:
        processes = []
        for seed in range(1, max(REPLICAS) + 1):
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("replica.py")), str(seed)],
                cwd=place,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        yield Servers(processes, near, far, running)


def _cpu_of(running: Cluster) -> float:
    """Seconds of CPU that PostgreSQL and its connections used, those that ended among them."""
    main = (running.data / "postmaster.pid").read_text().split("\n", 1)[0]
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        mine = fields[11:15] if stat.parent.name == main else fields[11:13]
        if main in (stat.parent.name, fields[1]):
            total += sum(map(int, mine))
    return total / 100  # ticks, as every Linux counts them


def main(beside: str | None = None, replicas: Sequence[int] = REPLICAS) -> None:
    """One line for each number of servers and distance."""
    found = programs()
    if found is None:
        print("orders a second on PostgreSQL: not installed")
        return
    if beside is not None and not has_commit(HERE, beside):
        print(f"orders a second beside {beside}: that commit is not in this repository")
        beside = None
    with ExitStack() as stack:
        places = {"now": HERE}
        if beside is not None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "it"
            stack.enter_context(checked_out(beside, HERE, place))
            places[f"at {beside}"] = place
        running = stack.enter_context(cluster(found))
        proxy = stack.enter_context(far_away(running.port))
        sides = {n: stack.enter_context(_servers(p, running, proxy)) for n, p in places.items()}
        for name, servers in sides.items():
            print(f"round trips to the database an order, {name}: {servers.trips(proxy):.1f}")
        at_once = AT_ONCE if beside else AT_ONCE[:1]
        for number in replicas:
            for delay in ROUND_TRIPS:
                rates = {name: _best(s, proxy, number, delay, at_once) for name, s in sides.items()}
                told = ", ".join(f"{name} {rate.told}" for name, rate in rates.items())
                first, *others = (rate.a_second for rate in rates.values())
                ratio = f", ratio {first / others[0]:.1f}" if others else ""
                print(f"orders of {number} servers, {delay} ms away: {told}{ratio}", flush=True)


def _best(servers: Servers, proxy: Proxy, number: int, delay: int, at_once: Sequence[int]) -> Rate:
    rates = [servers.rate(proxy, number, delay, each) for each in at_once]
    return max(rates, key=lambda rate: rate.a_second)


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--beside") + 1] if "--beside" in sys.argv else None)
