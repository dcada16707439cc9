"""A real server in a room's time: `python -m tests.assistants.child`, as `python -m korus_mcp`."""

import os
import sys
from datetime import datetime

from korus_mcp.commands.cli import main
from korus_mcp.foundation.clock import SystemClock
from tests.assistants.pace import TIME, Pace


def keep_time(pace: Pace) -> None:
    """Let the server's clock tell the room's time."""
    now, monotonic, sleep = SystemClock.now, SystemClock.monotonic, SystemClock.sleep

    def moved(self: SystemClock) -> datetime:
        return pace.moment(now(self))

    def quickened(self: SystemClock) -> float:
        return monotonic(self) * pace.rate

    async def shortened(self: SystemClock, seconds: float) -> None:
        await sleep(self, seconds / pace.rate)

    SystemClock.now = moved  # type: ignore[method-assign]  # for this process alone
    SystemClock.monotonic = quickened  # type: ignore[method-assign]
    SystemClock.sleep = shortened  # type: ignore[method-assign]


if __name__ == "__main__":
    keep_time(Pace.read(os.environ.pop(TIME)))  # noqa: TID251 - a child is told so
    sys.exit(main())
