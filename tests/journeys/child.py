"""A real server on another day: `python -m tests.journeys.child`, as `python -m korus_mcp`.

Conversations take place on one morning, whenever they are played; an API whose clock is further
than a day from the server's own is not believed. JOURNEY_AHEAD_SECONDS: from now to that morning.
"""

import os
import sys
from datetime import datetime, timedelta

from korus_mcp.commands.cli import main
from korus_mcp.foundation.clock import SystemClock


def move_clock(ahead: timedelta) -> None:
    """Let the server's clock run as fast as the machine's, from another moment on."""
    now = SystemClock.now

    def moved(self: SystemClock) -> datetime:
        return now(self) + ahead

    SystemClock.now = moved  # type: ignore[method-assign]  # for this process alone


if __name__ == "__main__":
    ahead = float(os.environ.pop("JOURNEY_AHEAD_SECONDS"))  # noqa: TID251 - a child is told so
    move_clock(timedelta(seconds=ahead))
    sys.exit(main())
