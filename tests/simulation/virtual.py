"""Virtual time: an event loop that never waits, and clocks that read it."""

import asyncio  # noqa: TID251 - the loop itself is replaced here
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Answer = TypeVar("Answer")
RESOLUTION = 1e-6
"""The least that time moves: less would be lost in the last digits, and it would stand still."""
START = datetime(2026, 6, 1, 9, tzinfo=UTC)


class Stuck(Exception):
    """Everybody waits, and nothing will ever happen."""


class _Jumping(selectors.SelectSelector):
    """Instead of waiting for the next timer, time jumps to it."""

    seconds = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self.seconds += max(RESOLUTION, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock is turned by itself."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.seconds

    def finish(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run to the end."""
        return self.run_until_complete(work)


class VirtualClock:
    """The loop's time as the API's clock and as the journal's, `ahead` of the true one."""

    skew_bound_seconds = 1.0
    unknown_skew = timedelta(0)
    is_known = True

    def __init__(self, loop: VirtualLoop, *, ahead: float = 0.0) -> None:
        self._loop = loop
        self._ahead = ahead

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return START + timedelta(seconds=self._loop.time() + self._ahead)

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)
