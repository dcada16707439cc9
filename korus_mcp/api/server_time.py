"""The API's clock, estimated from the `Date` header of its answers.

The end of a hold is set by the API, so it is compared with the API's clock. Each answer gives a
sample: its `Date` minus our monotonic clock at mid-request. The median of the last nine counts.
"""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from korus_mcp.api.failures import http_date
from korus_mcp.foundation.clock import CLOCK_SKEW, Clock

_log = logging.getLogger(__name__)

SAMPLES = 9
RESOLUTION_SECONDS = 1.0
UNKNOWN_BOUND_SECONDS = 30.0
JUMP_SECONDS = 60.0
ABSURD = CLOCK_SKEW
"""A difference between the API's clock and ours beyond this is a fault. The usual mistake, a wrong
time zone, makes less than a day."""
CONFIRMING_SAMPLES = 4
"""How many samples in a row have to agree before a jump of the API's clock is believed."""


@dataclass(frozen=True, order=True)
class _Sample:
    ahead_seconds: float
    round_trip_seconds: float


class ServerTime:
    """The API's clock, as far as it is known from answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES)
        self._jumped: list[_Sample] = []
        self._has_warned = False

    def now(self) -> datetime:
        """The present time by the API's clock (aware, UTC); by our own before the first answer."""
        sample = self._median()
        if sample is None:
            return self._clock.now()
        return _EPOCH + timedelta(seconds=sample.ahead_seconds + self._clock.monotonic())

    @property
    def is_known(self) -> bool:
        """Whether answers stated the time, and the last one agrees with those before."""
        return bool(self._samples) and not self._jumped

    @property
    def is_days_off(self) -> bool:
        """Whether every time that the API stated is more than a day from ours."""
        return self._has_warned and not self._samples

    @property
    def skew_bound_seconds(self) -> float:
        """How far `now()` may be off: half the round trip, plus a second since `Date` has no
        fractions.
        """
        sample = self._median()
        if sample is None:
            return UNKNOWN_BOUND_SECONDS
        bound = sample.round_trip_seconds / 2 + RESOLUTION_SECONDS
        # While a jump is not confirmed, the time is as uncertain as before the first answer.
        return max(bound, UNKNOWN_BOUND_SECONDS) if self._jumped else bound

    def learn(self, headers: Mapping[str, str], *, sent: float, received: float) -> None:
        """Take the sample of one answer; `sent` and `received` are readings of the monotonic clock.

        Answers without a sensible `Date`, or from a cache (with `Age`), are ignored.
        """
        date = http_date(headers.get("date", ""))
        # A cache repeats the `Date` of the answer it kept: that may be hours old.
        if date is None or "age" in headers:
            return
        # One of the two clocks is wrong by days: such a sample must not enter the median.
        if abs(date - self._clock.now()) > ABSURD:
            if not self._has_warned:  # one line in the log, not one for each answer
                self._has_warned = True
                _log.warning(
                    "the clock of the API and that of this machine are more than a day apart"
                )
            return
        # `Date` was written between the two: the middle is off by half the round trip at most.
        middle = (sent + received) / 2
        self._take(_Sample((date - _EPOCH).total_seconds() - middle, received - sent))

    def _take(self, sample: _Sample) -> None:
        known = self._median()
        # Servers behind one address differ by some seconds; the median evens that out.
        if known is None or _near(sample, known):
            self._jumped.clear()
            self._samples.append(sample)
            return
        # Jumps that do not agree with each other are noise, not a clock that was set anew.
        if self._jumped and not _near(sample, self._jumped[0]):
            self._jumped.clear()
        # A jump must be seen several times before it is believed: whether a hold has ended is
        # judged by this clock (T23).
        self._jumped.append(sample)
        if len(self._jumped) >= CONFIRMING_SAMPLES:
            _log.warning("the clock of the API moved by more than %d seconds", JUMP_SECONDS)
            self._samples = deque(self._jumped, maxlen=SAMPLES)
            self._jumped.clear()

    def _median(self) -> _Sample | None:
        return sorted(self._samples)[len(self._samples) // 2] if self._samples else None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _near(one: _Sample, other: _Sample) -> bool:
    return abs(one.ahead_seconds - other.ahead_seconds) <= JUMP_SECONDS
