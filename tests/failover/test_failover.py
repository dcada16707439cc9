"""A sample of `make failover-test`: no order is made twice and none is lost when a database is."""

import subprocess
import sys

import pytest

from tests.failover.run import WRONG
from tests.fixtures.hosts import PROJECT
from tests.fixtures.pooler import pooler_program
from tests.fixtures.postgres import programs

RUNS = 3


@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")
def test_no_failover_doubles_or_loses_an_order() -> None:
    """In a process of its own: its waits are short for all that runs in it."""
    _hold(RUNS)


@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")
@pytest.mark.skipif(pooler_program() is None, reason="PgBouncer is not installed")
def test_no_failover_behind_a_pooler_doubles_or_loses_an_order() -> None:
    # Repeated by another server: without what sees a failover it is sent twice, there, too.
    _hold(1, "--pooler", "--first", "1")


def _hold(runs: int, *more: str) -> None:
    command = [sys.executable, "-m", "tests.failover.run", "-n", str(runs), *more]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"{runs} runs (")
    assert ", ".join(f"{kind} 0" for kind in WRONG) in last
