"""How fast the API is asked: so many requests a second, half as many once it answers 429."""

import math
from typing import Final

from korus_mcp.foundation.clock import Clock

BURST: Final = 20.0
"""Requests that are sent at once, after a while without any."""
SPARE: Final = 10.0
"""How many of those work that nobody waits for leaves to calls."""
SLOWEST: Final = 1 / 16
_ROUNDING: Final = 1e-6
RECOVERY_SECONDS: Final = 60.0
"""How long it takes from no request a second back to as many as there may be."""


class Throttle:
    """Limits the requests a second, after a first burst; None is no limit.

    Whatever the limit, nothing is asked for as long as the API asked for in `Retry-After`.
    """

    def __init__(self, clock: Clock, per_second: float | None) -> None:
        self._clock = clock
        self._most = self._rate = per_second
        self._left, self._at = BURST, clock.monotonic()
        self._quiet_until = -math.inf

    @property
    def quiet_seconds(self) -> float:
        """For how long the API wants nothing to be asked; 0 if it may be asked."""
        return max(0.0, self._quiet_until - self._clock.monotonic())

    async def turn(self, *, can_wait: bool) -> None:
        """Wait until a request may be sent. `can_wait`: it leaves some of the burst to others."""
        least = 1 + (SPARE if can_wait else 0)
        while self._rate is not None:
            self._fill()
            if self._left >= least - _ROUNDING:
                self._left -= 1
                return
            await self._clock.sleep((least - self._left) / self._rate)

    def slow_down(self, retry_after_seconds: float | None) -> None:
        """Note a 429."""
        if self._most is not None and self._rate is not None:
            self._fill()
            self._rate, self._left = max(self._most * SLOWEST, self._rate / 2), 0.0
        until = self._clock.monotonic() + (retry_after_seconds or 0.0)
        self._quiet_until = max(self._quiet_until, until)

    def _fill(self) -> None:
        # Filled as it is looked at, so no background task is needed.
        now = self._clock.monotonic()
        passed, self._at = now - self._at, now
        if self._most is not None and self._rate is not None:
            self._left = min(BURST, self._left + passed * self._rate)
            self._rate = min(self._most, self._rate + self._most * passed / RECOVERY_SECONDS)
