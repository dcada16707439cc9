"""A real server whose embedded sandbox dies while it keeps an order: `python -m ...keeping_child`.

CRASH_POINT says when: before its transaction writes, in it, or after its commit, when no answer
has left. Leases are short, so that the next process need not wait.
"""

import os
import signal
import sqlite3
import sys
from datetime import datetime
from typing import Any, NoReturn

from korus_mcp.commands.cli import main
from korus_mcp.sandbox import WorldFile
from korus_mcp.sandbox.bookings import Order
from korus_mcp.sandbox.records import Record
from tests.crash.child import hurry

POINTS = ("before the write", "in the transaction", "after the commit")


def die() -> NoReturn:
    """As `kill -9` would have it."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives")


class _DiesAtCommit:
    """A connection that has written everything and never commits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement, or die instead of the last one."""
        if statement == "COMMIT":
            die()
        return self._connection.execute(statement, *values)


def install(point: str) -> None:
    """Put the place to die into the product's own code."""
    commit = WorldFile.commit

    def committed(self: WorldFile, changed: list[Record], now: datetime) -> None:
        is_order = any(isinstance(record, Order) for record in changed)
        if is_order and point == "before the write":
            die()
        if is_order and point == "in the transaction":
            self._write = _DiesAtCommit(self._write)  # type: ignore[assignment] # it stands for it
        commit(self, changed, now)
        if is_order and point == "after the commit":
            die()

    WorldFile.commit = committed  # type: ignore[method-assign] # the place where it dies


if __name__ == "__main__":
    hurry()
    install(os.environ["CRASH_POINT"])  # noqa: TID251 - a program
    sys.exit(main([]))
