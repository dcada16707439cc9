"""A real server that dies where it is told to: `python -m tests.crash.child`.

CRASH_POINT names the place, CRASH_PID a file for its process id, CRASH_POSTS one to which every
creating request is noted before it leaves. Leases are short, so that a new life need not wait.
"""

import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event

from korus_mcp.api.transport import Wire
from korus_mcp.booking import sending, services
from korus_mcp.commands.cli import main
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.server import composition

LEASE_SECONDS: Final = 1.0
SOON: Final = 0.01
JOURNAL_STEPS: Final = (
    "claim",
    "start_sending",
    "settle",
    "take_over",
    "begin_hold",
    "settle_hold",
)
WIRE_STEPS: Final = ("createOrders", "createReservations")
POINTS: Final = tuple(
    f"{when} {step}"
    for step in (*JOURNAL_STEPS, *WIRE_STEPS)
    for when in ("before", "in", "after")
    if (when, step) != ("in", "take_over")
)
_step: ContextVar[str] = ContextVar("step", default="")


def die() -> None:
    """As `kill -9` would have it."""
    os.kill(os.getpid(), signal.SIGKILL)


def watched(step: str, work: Callable[..., Awaitable[Any]], point: str) -> Callable[..., Any]:
    """The same step, which dies before or after it; `in` is at its commit, or on the wire."""

    async def stepped(*given: Any, **named: Any) -> Any:
        if point == f"before {step}":
            die()
        token = _step.set(step)
        try:
            answer = await work(*given, **named)
        finally:
            _step.reset(token)
        if point == f"after {step}" and (step != "take_over" or answer):
            die()
        return answer

    return stepped


def install(point: str, posts: Path) -> None:
    """Put the place to die into the product's own code."""
    for step in JOURNAL_STEPS:
        setattr(SqlJournal, step, watched(step, getattr(SqlJournal, step), point))
    create = Wire.create

    async def created(self: Wire, operation: str, path: str, body: Any, **named: Any) -> Any:
        with posts.open("a") as noted:
            noted.write(f"{operation} {' '.join(map(str, body.get('reservations', ())))}\n")
        if point == f"in {operation}":
            threading.Timer(SOON, die).start()
        return await watched(operation, create, point)(self, operation, path, body, **named)

    setattr(Wire, "create", created)  # noqa: B010 - mypy forbids the plain form

    @event.listens_for(Engine, "commit")
    def _commit(connection: object) -> None:
        del connection
        if point == f"in {_step.get()}":
            die()


def hurry() -> None:
    """Shorter leases, and a look around at once."""
    setattr(services, "LEASE_SECONDS", LEASE_SECONDS)  # noqa: B010 - a Final is replaced
    setattr(sending, "RENEWAL_SECONDS", LEASE_SECONDS / 3)  # noqa: B010
    setattr(composition, "RECOVERY_SECONDS", 0.1)  # noqa: B010


if __name__ == "__main__":
    given = os.environ  # noqa: TID251 - a program
    Path(given["CRASH_PID"]).write_text(str(os.getpid()))
    if "CRASH_LOG" in given:
        os.dup2(os.open(given["CRASH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    hurry()
    install(given.get("CRASH_POINT", ""), Path(given["CRASH_POSTS"]))
    sys.exit(main([]))
