"""`korus-mcp journal verify` of a million audit rows: does it need more memory than for fewer?

On SQLite and on PostgreSQL; every row is sealed under a key, and what is told has to be that all
are in order. The memory is the peak of the process of the command. Exit code 1 where it grows.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import anyio

from benchmarks.grown import Grown
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal.inspection import Inspection
from korus_mcp.settings import Settings, read_settings
from tests.fixtures.hosts import child_environment
from tests.fixtures.postgres import database_if_installed

STORES: Final = ("SQLite", "PostgreSQL")
FEWER, MORE = 100_000, 1_000_000
MOST_GROWTH: Final = 1.1
KEY: Final = "the key under which a benchmark seals its rows"
NOWHERE: Final = "http://127.0.0.1:9"
"""The API of the account, which nothing here asks."""


@dataclass(frozen=True)
class Check:
    """What one run of the command took."""

    megabytes: float
    seconds: float


@dataclass(frozen=True)
class Checks:
    """The check of few rows beside that of many."""

    store: str
    rows: tuple[int, int]
    fewer: Check
    more: Check

    @property
    def growth(self) -> float:
        """The peak of the memory, as a multiple."""
        return self.more.megabytes / self.fewer.megabytes

    @property
    def is_within(self) -> bool:
        """Whether memory stays the same, but for a tenth."""
        return self.growth <= MOST_GROWTH

    @property
    def told(self) -> str:
        """In words."""
        fewer, more = self.rows
        return (
            f"journal verify on {self.store}: {more:,} rows in {self.more.seconds:.0f} s with "
            f"{self.more.megabytes:.1f} MB at most, {fewer:,} in {self.fewer.seconds:.0f} s with "
            f"{self.fewer.megabytes:.1f} MB, ratio {self.growth:.3f}, "
            f"{'within' if self.is_within else 'ABOVE'} {MOST_GROWTH} x"
        )


def main() -> int:
    """One line for each store; 1 where memory grows with the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fewer", type=int, default=FEWER, help=f"rows ({FEWER})")
    parser.add_argument("--more", type=int, default=MORE, help=f"rows ({MORE})")
    parser.add_argument("--store", choices=STORES, action="append", help="(all there are)")
    given = parser.parse_args()
    is_within = True
    with tempfile.TemporaryDirectory(prefix="korus-verify-") as folder:
        for store, address in addresses(Path(folder), given.store or STORES):
            checks = _checked(store, address, Path(folder), (given.fewer, given.more))
            is_within &= checks.is_within
            print(checks.told, flush=True)
    return int(not is_within)


def addresses(folder: Path, stores: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The name and address of an empty database of each of these stores that there is here."""
    if "SQLite" in stores:
        yield "SQLite", f"sqlite:///{folder / 'journal.sqlite'}"
    if "PostgreSQL" not in stores:
        return
    with database_if_installed() as address:
        if address is None:
            print("PostgreSQL is not installed")
        else:
            yield "PostgreSQL", address


def _checked(store: str, address: str, folder: Path, rows: tuple[int, int]) -> Checks:
    environment = _environment(folder, address)
    settings = read_settings({n: v for n, v in environment.items() if n.startswith("KORUS_")})
    found, there = list[Check](), 0
    for number in rows:
        anyio.run(_grow, settings, address, there, number)
        there = number
        found.append(_check(environment, number))
    return Checks(store, rows, *found)


def _environment(folder: Path, address: str) -> Mapping[str, str]:
    """That of the operator of an account."""
    return child_environment(
        folder,
        DATABASE_URL=address,
        ENVIRONMENT="sandbox",
        API_URL=NOWHERE,
        TOKEN_URL=f"{NOWHERE}/token",
        CLIENT_ID="shop",
        CLIENT_SECRET="a secret of the shop",  # noqa: S106 - made up
        JOURNAL_KEY=KEY,
    )


async def _grow(settings: Settings, address: str, before: int, rows: int) -> None:
    clock, account = SystemClock(), settings.account.key()
    journal = Inspection.at(address, account, clock=clock, audit_key=KEY)
    await journal.installation()
    await journal.close()
    grown = Grown(address, account, KEY, newest=clock.now() - timedelta(days=1))
    await grown.add_audit(rows - before, after=before)


def _check(environment: Mapping[str, str], rows: int) -> Check:
    """Run the command.

    Raises:
        RuntimeError: Not all rows are in order.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak", "journal", "verify"],
        cwd=Path(__file__).parents[1],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode or not re.match(
        f"{rows} rows, all in order; the last seal is ", done.stdout
    ):
        raise RuntimeError(f"{rows} rows are not in order: {done.stdout[:500]}{done.stderr[:500]}")
    return Check(int(done.stderr.split()[-1]) / 1024, seconds)


if __name__ == "__main__":
    sys.exit(main())
