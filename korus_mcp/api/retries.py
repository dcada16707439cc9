"""Repeating reads, and nothing but reads: a creating POST never comes here."""

from collections.abc import Awaitable, Callable
from random import SystemRandom
from typing import TypeVar

from korus_mcp.api.config import ApiConfig
from korus_mcp.api.errors import (
    ApiError,
    Disconnected,
    RateLimited,
    ServerFailed,
    TimedOut,
    TokenUnavailable,
    Unreachable,
)
from korus_mcp.foundation.clock import Clock

T = TypeVar("T")


async def patiently(attempt: Callable[[], Awaitable[T]], config: ApiConfig, clock: Clock) -> T:
    """Repeat a read while that can help: few attempts, full jitter, a limit on the time in all.

    Raises:
        ApiError: The last failure; also at once, when `Retry-After` passes the time left.
    """
    import stamina  # here, because a cold start needs no retries and this costs it 10 ms

    patience = _Patience(config.retry_total, clock)
    async for attempted in stamina.retry_context(
        on=patience.allows, attempts=config.retry_attempts, timeout=None
    ):
        with attempted:
            await patience.rest()
            return await attempt()
    raise AssertionError("stamina raises the last failure")  # pragma: no cover


class _Patience:
    """Decides and waits for stamina, which can neither read nor sleep on our clock."""

    def __init__(self, total_seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._give_up_at = clock.monotonic() + total_seconds
        self._ceiling = 0.5
        self._wait = 0.0

    def allows(self, failure: Exception) -> bool | float:
        if not isinstance(failure, ApiError) or not _may_pass(failure):
            return False
        wait = failure.retry_after_seconds
        self._wait = SystemRandom().uniform(0, self._ceiling) if wait is None else wait
        self._ceiling *= 2
        if self._clock.monotonic() + self._wait >= self._give_up_at:
            return False
        return 0.0  # stamina's own wait: the real one is `rest`

    async def rest(self) -> None:
        if self._wait:
            await self._clock.sleep(self._wait)


def _may_pass(failure: ApiError) -> bool:
    if isinstance(failure, ServerFailed):
        return failure.status in _PASSING
    return isinstance(
        failure, Unreachable | TimedOut | Disconnected | RateLimited | TokenUnavailable
    )


_PASSING = frozenset({502, 503, 504})
