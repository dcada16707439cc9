"""A sample of `make fleet-test`: servers that are ended lose, double and mix up nothing."""

import re
import subprocess
import sys

import pytest

from tests.fixtures.hosts import PROJECT
from tests.fixtures.postgres import programs
from tests.fleet.run import KINDS

SECONDS = 8
ENDINGS = 8


@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")
@pytest.mark.parametrize("asked", [("-n", str(SECONDS)), ("--endings", str(ENDINGS))])
def test_people_book_once_whatever_becomes_of_the_servers(asked: tuple[str, str]) -> None:
    """In a process of its own, which is the people, the provider and the sandbox."""
    command = [sys.executable, "-m", "tests.fleet.run", "--hurried", *asked]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith(", ".join(f"{kind} 0" for kind in KINDS))
    bookings, ended = (int(n) for n in re.findall(r"(\d+) (?:bookings|restarts)", last))
    assert bookings
    assert ended
