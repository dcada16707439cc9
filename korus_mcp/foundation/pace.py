"""Rate limits: how many calls and how many writes a principal may make a minute.

They are token buckets that fill evenly. A repeated call of a tool that writes is free, since hosts
that gave up waiting repeat an order until its result is known. A call that joins or replays another
one is free as well, for it writes nothing.
"""

import math
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.foundation.measures import SHED, measure
from korus_mcp.foundation.refusals import Code, Refusal

MINUTE: Final = 60.0
MOST_PRINCIPALS: Final = 1000
MOST_REPEATED: Final = 1000
REPEATED_WITHIN_SECONDS: Final = 900.0
ROUNDING: Final = 1e-6
"""A part of a call, so that rounding does not refuse a caller who comes back at the stated time."""
PAUSE_SECONDS: Final = 1.0
"""A call repeated sooner than this is counted: it comes from a loop that does not wait."""
_TOO_MANY_CALLS: Final = "Too many calls in a minute; this one was not carried out."
_TOO_MANY_WRITES: Final = "Too many bookings in a minute; nothing was held or ordered."


@dataclass
class _Bucket:
    left: float
    at: float


class _Buckets:
    """One bucket for each principal; the one that has not called for longest is dropped first."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._buckets: LRUCache[str, _Bucket] = LRUCache(MOST_PRINCIPALS)

    def take(self, principal: str) -> float:
        """Take one call. Returns 0, or, if there is none, the seconds until there is one."""
        wait = self.wait(principal)
        if self._per_minute and not wait:
            bucket = self._buckets[principal]
            bucket.left = max(0.0, bucket.left - 1)
        return wait

    def wait(self, principal: str) -> float:
        """The seconds until there is a call to take, 0 if there is one. None is taken."""
        if self._per_minute == 0:
            return 0
        # A bucket is filled when it is looked at, so no background task is needed.
        now, most = self._clock.monotonic(), float(self._per_minute)
        bucket = self._buckets.setdefault(principal, _Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * most / MINUTE)
        bucket.at = now
        if bucket.left < 1 - ROUNDING:
            return (1 - bucket.left) * MINUTE / most
        return 0

    def give_back(self, principal: str) -> None:
        """Put one call back."""
        bucket = self._buckets.get(principal)
        if bucket is not None:
            bucket.left = min(float(self._per_minute), bucket.left + 1)


class Pace:
    """Limits the calls and writes of each principal in this process; 0 a minute is no limit."""

    def __init__(self, clock: Clock, *, calls_per_minute: int, writes_per_minute: int) -> None:
        self._clock = clock
        self._calls = _Buckets(clock, calls_per_minute)
        self._writes = _Buckets(clock, writes_per_minute)
        self._seen: LRUCache[str, float] = LRUCache(MOST_REPEATED)

    def call(self, principal: str, *, repeatable: str | None = None) -> None:
        """Count a call. `repeatable` is a key, equal for equal calls of a tool that writes.

        Raises:
            Refusal: SERVER_BUSY.
        """
        if repeatable is not None and self._is_repeated(repeatable):
            return
        _check(self._calls.take(principal), "calls", _TOO_MANY_CALLS)

    def write(self, principal: str) -> None:
        """Count a write that is about to be made.

        Raises:
            Refusal: SERVER_BUSY.
        """
        _check(self._writes.take(principal), "writes", _TOO_MANY_WRITES)

    def check_write(self, principal: str) -> None:
        """Check that a write would be allowed now, before a person is asked to approve it.

        Raises:
            Refusal: SERVER_BUSY.
        """
        _check(self._writes.wait(principal), "writes", _TOO_MANY_WRITES)

    def was_no_write(self, principal: str) -> None:
        """Take back a counted write that was not made, since another call had made it already."""
        self._writes.give_back(principal)

    def _is_repeated(self, repeatable: str) -> bool:
        now = self._clock.monotonic()
        since = now - self._seen.get(repeatable, -math.inf)
        self._seen[repeatable] = now
        # A sooner call comes from a loop, a later one is a new wish.
        return PAUSE_SECONDS <= since <= REPEATED_WITHIN_SECONDS


def _check(seconds: float, lane: str, message: str) -> None:
    if seconds <= 0:
        return
    measure(SHED, lane=lane)
    # Whole seconds, as in Retry-After; 0 would mean to come back at once.
    wait = max(1, math.ceil(seconds - ROUNDING))
    step = f"Call again with the same arguments in {wait} s."
    raise Refusal(Code.SERVER_BUSY, message, step, retry_after_seconds=wait)


UNPACED: Final = Pace(SystemClock(), calls_per_minute=0, writes_per_minute=0)
"""No limits, for calls outside of a server."""
