"""How often a principal may call, and how often a call may write: so many a minute.

A bucket of so many calls fills evenly. A repeated call of a tool that writes is free, since hosts
that gave up waiting repeat an order until it is known; so is what joins or replays another call,
for it writes nothing.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.foundation.refusals import Code, Refusal

MINUTE: Final = 60.0
MOST_PRINCIPALS: Final = 1000
MOST_REPEATED: Final = 1000
REPEATED_WITHIN_SECONDS: Final = 900.0
ROUNDING: Final = 1e-6
"""Of a call: whoever comes when told must not be refused for a rounding."""
PAUSE_SECONDS: Final = 1.0
"""A call that comes again sooner is counted: nobody waits between the two."""


@dataclass
class _Bucket:
    left: float
    at: float


class _Buckets:
    """One bucket a principal; who has not called for longest is forgotten first."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, principal: str) -> float:
        """Take one; 0, or the seconds until there is one again."""
        wait = self.wait(principal)
        if self._per_minute and not wait:
            bucket = self._buckets[principal]
            bucket.left = max(0.0, bucket.left - 1)
        return wait

    def wait(self, principal: str) -> float:
        """The seconds until there is one, 0 where there is; none is taken."""
        if self._per_minute == 0:
            return 0
        # Filled when it is looked at: no task runs beside it.
        now, most = self._clock.monotonic(), float(self._per_minute)
        bucket = self._buckets.setdefault(principal, _Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * most / MINUTE)
        bucket.at = now
        self._buckets.move_to_end(principal)
        if len(self._buckets) > MOST_PRINCIPALS:
            self._buckets.popitem(last=False)
        if bucket.left < 1 - ROUNDING:
            return (1 - bucket.left) * MINUTE / most
        return 0

    def give_back(self, principal: str) -> None:
        """Put one back."""
        bucket = self._buckets.get(principal)
        if bucket is not None:
            bucket.left = min(float(self._per_minute), bucket.left + 1)


class Pace:
    """The calls and writes of the principals of one process; 0 a minute: as many as they like."""

    def __init__(self, clock: Clock, *, calls_per_minute: int, writes_per_minute: int) -> None:
        self._clock = clock
        self._calls = _Buckets(clock, calls_per_minute)
        self._writes = _Buckets(clock, writes_per_minute)
        self._seen: OrderedDict[str, float] = OrderedDict()

    def call(self, principal: str, *, repeatable: str | None = None) -> None:
        """Count a call. `repeatable` is equal for equal calls of a tool that writes.

        Raises:
            Refusal: SERVER_BUSY.
        """
        if repeatable is not None and self._is_repeated(repeatable):
            return
        wait = self._calls.take(principal)
        if wait > 0:
            raise _busy("Too many calls in a minute; this one was not carried out.", wait)

    def write(self, principal: str) -> None:
        """Count a write that is about to be made.

        Raises:
            Refusal: SERVER_BUSY.
        """
        self._check_write(self._writes.take(principal))

    def check_write(self, principal: str) -> None:
        """That a write could be made now, before somebody is asked whether to make it.

        Raises:
            Refusal: SERVER_BUSY.
        """
        self._check_write(self._writes.wait(principal))

    def was_no_write(self, principal: str) -> None:
        """Give a write back that was counted: another call had made it already."""
        self._writes.give_back(principal)

    def _check_write(self, wait: float) -> None:
        if wait > 0:
            raise _busy("Too many bookings in a minute; nothing was held or ordered.", wait)

    def _is_repeated(self, repeatable: str) -> bool:
        now = self._clock.monotonic()
        since = now - self._seen.get(repeatable, -math.inf)
        self._seen[repeatable] = now
        self._seen.move_to_end(repeatable)
        if len(self._seen) > MOST_REPEATED:
            self._seen.popitem(last=False)
        # Sooner it is a loop, later a new wish.
        return PAUSE_SECONDS <= since <= REPEATED_WITHIN_SECONDS


def _busy(message: str, seconds: float) -> Refusal:
    # Whole seconds, as Retry-After has them; 0 would be asked at once.
    wait = max(1, math.ceil(seconds - ROUNDING))
    return Refusal(
        Code.SERVER_BUSY,
        message,
        f"Call again with the same arguments in {wait} s.",
        retry_after_seconds=wait,
    )


UNPACED: Final = Pace(SystemClock(), calls_per_minute=0, writes_per_minute=0)
"""For calls that no server bounds."""
