"""`make failover-test N=200`: so many failovers, restored dumps and kills under servers that order.

They run side by side. In one of twenty the waits are the real ones: those are a process of their
own, which runs beside the others. With ADD=FILE the counts of earlier calls are added to, with
--pooler the servers are behind PgBouncer, which pools transactions.
"""

import argparse
import asyncio  # noqa: TID251 - to start a program and read what it says
import json
import logging
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio

from tests.failover.scenes import SCENES, played
from tests.failover.shop import REAL, SHORT, Waits, blind, hurry
from tests.fixtures.pooler import pooler_program
from tests.fixtures.postgres import programs

REAL_SHARE: Final = 20
LANES: Final = 3
REAL_LANES: Final = 5
"""These do nothing but wait."""
WRONG: Final = ("double", "lost", "stuck")
UNPLAYED: Final = "not played to the end"


def kinds(first: int, number: int) -> Sequence[tuple[int, str]]:
    """The seeds of some runs, each with what happens in it: all kinds in turn."""
    names = list(SCENES)
    return [(seed, names[seed % len(names)]) for seed in range(first, first + number)]


async def fight(
    found: Path, runs: Sequence[tuple[int, str]], waits: Waits, pooler: str | None = None
) -> Counter[str]:
    """Play runs side by side. Counts kinds, and what was wrong by its kind.

    `pooler`: the program of the PgBouncer that the servers are behind.
    """
    hurry(waits)
    tally, limit = Counter[str](), anyio.CapacityLimiter(REAL_LANES if waits is REAL else LANES)

    async def one(seed: int, name: str) -> None:
        async with limit:
            with tempfile.TemporaryDirectory(prefix="korus-failover-") as folder:
                try:
                    run = await played(
                        found, name, seed, waits, Path(folder), pooler_program=pooler
                    )
                except Exception as failure:  # noqa: BLE001 - counted, so that the others count, too
                    tally[UNPLAYED] += 1
                    sys.stderr.write(f"not played: {name}, seed {seed}\n")
                    traceback.print_exception(failure)
                    return
        tally[name] += 1
        tally["with real waits"] += waits is REAL
        for kind in WRONG:
            tally[kind] += len(run.wrong[kind])
            for each in run.wrong[kind]:
                sys.stderr.write(f"{kind}: {each} ({name}, seed {seed})\n")

    async with anyio.create_task_group() as tasks:
        for seed, name in runs:
            tasks.start_soon(one, seed, name)
    return tally


async def _beside(first: int, number: int, pooler: str | None) -> Counter[str]:
    """The tally of runs with real waits, in a process of their own."""
    module = [sys.executable, "-m", "tests.failover.run", "--real"]
    given = ["--first", str(first), "-n", str(number), *(["--pooler"] if pooler else [])]
    process = await asyncio.create_subprocess_exec(
        *module, *given, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    return Counter(json.loads(said))


async def _all(found: Path, first: int, number: int, pooler: str | None) -> Counter[str]:
    """The tally of all runs: the real waits have the longest to go, so they begin first."""
    real, tally = number // REAL_SHARE, Counter[str]()

    async def really() -> None:
        tally.update(await _beside(first, real, pooler))

    async with anyio.create_task_group() as tasks:
        if real:
            tasks.start_soon(really)
        tally.update(await fight(found, kinds(first + real, number - real), SHORT, pooler))
    return tally


def told(tally: Counter[str], minutes: float) -> str:
    """The last line: how many runs of each kind, and what was wrong."""
    each = "; ".join(f"{name}: {tally[name]}" for name in SCENES if tally[name])
    number = sum(tally[name] for name in SCENES)
    wrong = ", ".join(f"{kind} {tally[kind]}" for kind in WRONG)
    real = f"{tally['with real waits']} with the real waits"
    unplayed = f", {tally[UNPLAYED]} {UNPLAYED}" if tally[UNPLAYED] else ""
    return f"{number} runs ({each}; {real}): {wrong}{unplayed} in {minutes:.1f} minutes"


def main() -> int:
    """Print the tally; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="runs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--real", action="store_true", help="all with the real waits, as JSON")
    parser.add_argument("--add", type=Path, help="a file in which the counts of calls add up")
    parser.add_argument(
        "--blind", action="store_true", help="servers see no failover: doubles have to be found"
    )
    parser.add_argument("--pooler", action="store_true", help="the servers are behind PgBouncer")
    given = parser.parse_args()
    found = programs()
    if found is None:
        parser.error("PostgreSQL is not installed")
    pooler = pooler_program() if given.pooler else None
    if given.pooler and pooler is None:
        parser.error("PgBouncer is not installed")
    logging.disable(logging.CRITICAL)
    if given.blind:
        blind()
    if given.real:
        tally = anyio.run(fight, found, kinds(given.first, given.n), REAL, pooler)
        sys.stdout.write(json.dumps(tally))
        return 0
    began = time.monotonic()
    before = Counter[str]()
    if given.add is not None and given.add.exists():
        before = Counter(json.loads(given.add.read_text("utf-8")))
    first = given.first or sum(before[name] for name in SCENES)
    tally = anyio.run(_all, found, first, given.n, pooler)
    if given.add is not None:
        given.add.write_text(json.dumps(before + tally), "utf-8")
    sys.stdout.write(f"{told(before + tally, (time.monotonic() - began) / 60)}\n")
    return int(any(tally[kind] for kind in (*WRONG, UNPLAYED)))


if __name__ == "__main__":
    sys.exit(main())
