"""The time in a room: of another morning than the machine's, and as fast as is wished."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from korus_mcp.foundation.clock import SystemClock

TIME: Final = "ROOM_TIME"
"""The variable that tells a server which time it is there."""


@dataclass(frozen=True)
class Pace:
    """It is `begins` when the machine says `since`, and then `rate` seconds pass in each second."""

    begins: datetime
    since: datetime
    rate: float = 1.0

    def moment(self, machine: datetime) -> datetime:
        """The time in the room (UTC) when the machine says so."""
        return (self.begins + (machine - self.since) * self.rate).astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.begins.isoformat()} {self.since.isoformat()} {self.rate}"

    @classmethod
    def read(cls, text: str) -> "Pace":
        """What `str` made of one."""
        begins, since, rate = text.split()
        return cls(datetime.fromisoformat(begins), datetime.fromisoformat(since), float(rate))


class PacedClock(SystemClock):
    """The clock of a room."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def now(self) -> datetime:
        """The time in the room."""
        return self._pace.moment(super().now())

    def monotonic(self) -> float:
        """Seconds of the room."""
        return super().monotonic() * self._pace.rate

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of the room."""
        await super().sleep(seconds / self._pace.rate)
