"""How hosts end a server, in the middle of what it does for them.

The SDKs' clients close its stdin, wait, send SIGTERM, wait, and kill it: 2 s each in the Python SDK
and in those for TypeScript since 1.24. Older ones send SIGTERM and leave stdin open; a probe of the
TypeScript client does both at once. A terminal sends SIGINT, and SIGHUP when it is closed.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

import psutil
from mcp.client import stdio

REAL_SECONDS: Final = stdio.PROCESS_TERMINATION_TIMEOUT
"""How long a host waits at each step."""
SHORT_SECONDS: Final = 0.5
"""The same where many endings are tried: long enough for a server that has nothing to wait for."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a host does to a server while the issuer takes its time for an order.

    `sends`: a signal that goes first. `leaves`: it closes stdin then, as the SDK has it, with
    all that follows. `lasts`: how long the issuer takes, in waits of the host.
    """

    name: str
    sends: signal.Signals | None = None
    leaves: bool = False
    lasts: float = 0

    @property
    def kills(self) -> bool:
        """Whether the host loses patience before the issuer has answered."""
        return self.leaves and self.lasts > 2


AT_RANDOM: Final = Ending(name="at random", sends=signal.SIGKILL)
ENDINGS: Final = (
    Ending(name="end of stdin", leaves=True, lasts=0.5),
    Ending(name="end of stdin, SIGTERM", leaves=True, lasts=1.5),
    Ending(name="end of stdin, SIGTERM, SIGKILL", leaves=True, lasts=3),
    Ending(name="SIGTERM", sends=signal.SIGTERM, lasts=1),
    Ending(name="SIGINT", sends=signal.SIGINT, lasts=1),
    Ending(name="SIGHUP", sends=signal.SIGHUP, lasts=1),
    Ending(name="SIGTERM and end of stdin, SIGKILL", sends=signal.SIGTERM, leaves=True, lasts=3),
)


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Have the SDK's client wait so long at each step, in this process."""
    with (
        patch.object(stdio, "PROCESS_TERMINATION_TIMEOUT", seconds),
        patch.object(stdio, "FORCE_KILL_TIMEOUT", seconds),
    ):
        yield


def is_dead(file: Path) -> bool:
    """Whether the process whose id stands in a file has ended, or never began."""
    try:
        return psutil.Process(int(file.read_text())).status() == psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, OSError, ValueError):
        return True
