"""Repeats failed reads, few beside all that are made. Nothing else is repeated: a POST that creates
never comes here.
"""

import logging
from collections.abc import Awaitable, Callable
from random import SystemRandom
from typing import Final, TypeVar

from korus_mcp.api import errors
from korus_mcp.api.config import ApiConfig
from korus_mcp.api.errors import ApiError
from korus_mcp.api.failures import PASSING_STATUSES
from korus_mcp.foundation.clock import Clock

T = TypeVar("T")
_log = logging.getLogger(__name__)

LONGEST_FIRST_WAIT_SECONDS: Final = 0.5
"""The longest wait after the first attempt; doubled after each. Waits are random up to it."""
_PASSING_KINDS = (
    *(errors.Unreachable, errors.TimedOut, errors.Disconnected),
    *(errors.RateLimited, errors.TokenUnavailable),
)
MOST_SAVED: Final = 10.0
SAVED_A_READ: Final = 0.1
SAVED_A_SECOND: Final = 0.2
"""How many repeats may be saved up; how many each read saves, and each second, so that whoever
reads little may repeat, too."""


class Budget:
    """How many reads may be repeated: where much fails, repeating it all makes it worse."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left, self._at = MOST_SAVED, clock.monotonic()

    def save(self) -> None:
        """Note that a read is made."""
        now = self._clock.monotonic()
        saved = SAVED_A_READ + (now - self._at) * SAVED_A_SECOND
        self._left, self._at = min(MOST_SAVED, self._left + saved), now

    def spend(self) -> bool:
        """Whether a read may be repeated; it counts as repeated then."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def patiently(
    attempt: Callable[[], Awaitable[T]], config: ApiConfig, clock: Clock, budget: Budget
) -> T:
    """Repeat a read while that can help: a few attempts, full jitter, within `retry_total`.

    Raises:
        ApiError: The last failure; at once when `Retry-After` asks for more than the time left, or
            when too much is repeated already.
    """
    budget.save()
    give_up_at = clock.monotonic() + config.retry_total
    longest, left = LONGEST_FIRST_WAIT_SECONDS, config.retry_attempts
    while True:
        left -= 1
        try:
            return await attempt()
        except ApiError as failure:
            wait = failure.retry_after_seconds
            if wait is None:
                # Full jitter: clients that failed together do not come back together.
                wait = SystemRandom().uniform(0, longest)
            if not left or not _may_pass(failure) or clock.monotonic() + wait >= give_up_at:
                raise
            if not budget.spend():
                raise
            _log.warning("read is repeated in %.1f s: %s", wait, failure)
        longest *= 2
        await clock.sleep(wait)


def _may_pass(failure: ApiError) -> bool:
    """Whether the same read may soon succeed: after a gateway's failure, not after a 500."""
    if isinstance(failure, errors.ServerFailed):
        return failure.status in PASSING_STATUSES
    return isinstance(failure, _PASSING_KINDS)
