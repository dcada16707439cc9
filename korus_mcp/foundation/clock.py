"""Clocks. All code that needs the time takes a `Clock`, so that a test can set the time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import anyio

CLOCK_SKEW: Final = timedelta(days=1)
"""How far our own clock may be wrong before the API has stated the time. A larger difference is a
fault that `korus-mcp check` reports."""


class Clock(Protocol):
    """Gives the time, and waits."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean something."""

    async def sleep(self, seconds: float) -> None:
        """Wait at least `seconds`, by this clock."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await anyio.sleep(seconds)


class ShiftedClock:
    """Another clock plus a shift that can be increased, for the sandbox's own time."""

    def __init__(self, base: Clock | None = None) -> None:
        self._base = base or SystemClock()
        self._shift = timedelta()

    def now(self) -> datetime:
        """The base clock's time plus the shift."""
        return self._base.now() + self._shift

    def monotonic(self) -> float:
        """The base clock's seconds plus the shift."""
        return self._base.monotonic() + self._shift.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait by the base clock; shifting meanwhile does not shorten the wait."""
        await self._base.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Move the time forward; a negative number is refused, as time never runs backwards."""
        if seconds < 0:
            raise ValueError("a clock only moves forward")
        self._shift += timedelta(seconds=seconds)


class ManualClock:
    """A clock that moves only by `advance` and `sleep`, which advances it without waiting."""

    def __init__(self, start: datetime = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        """The start time plus all advances."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Advance instead of waiting, and let other tasks run."""
        self.advance(seconds)
        # Without a checkpoint a loop that only sleeps would keep other tasks from running.
        await anyio.lowlevel.checkpoint()

    def advance(self, seconds: float) -> None:
        """Move the time forward; a negative number is refused."""
        if seconds < 0:
            raise ValueError("a clock only moves forward")
        self._elapsed += seconds
