"""A circuit breaker: a host that does not answer is not asked for a while, then by one request."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from korus_mcp.api.errors import (
    ApiError,
    CertificateFault,
    Disconnected,
    Outcome,
    Suspended,
    TimedOut,
    Unreachable,
)
from korus_mcp.api.failures import PASSING_STATUSES
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.measures import BREAKER, measure

FAILURES: Final = 5
"""How many requests in a row have to fail."""
REST_SECONDS: Final = 10.0
"""For how long the host is left alone, and again after each request that tried it in vain."""
TRIAL_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class Breaker:
    """Of one host, which does not answer, or a gateway before it says so.

    Only what somebody waits for counts: a crawl may meet many pages in a row that one issuer lacks.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._failures = 0
        self._rests_until: float | None = None
        self._is_tried = False

    @property
    def is_open(self) -> bool:
        """Whether the host is left alone now."""
        return self._rests_until is not None and self._clock.monotonic() < self._rests_until

    async def wait(self) -> None:
        """Wait until the host may be asked."""
        while seconds := self._seconds_left():
            await self._clock.sleep(seconds)

    @asynccontextmanager
    async def watching(
        self, operation: str, *, is_stopped: bool, is_awaited: bool
    ) -> AsyncIterator[Callable[[int], None]]:
        """While the block sends one request, which tells the status of its answer.

        `is_stopped`: it is not sent while the host is left alone. `is_awaited`: somebody waits for
        it; for what nobody does, the block begins once the host may be asked.

        Raises:
            Suspended: the host is left alone.
        """
        if is_stopped and not is_awaited:
            await self.wait()
        is_trial = is_stopped and self._lets_through(operation)
        note = partial(self._note, is_trial=is_trial, counts=is_awaited or is_trial)
        try:
            yield lambda status: note(is_silent=status in PASSING_STATUSES)
        except ApiError as error:
            note(is_silent=_is_silent(error))
            raise
        finally:
            # Also if its caller left: then nothing is known, and the next request tries.
            self._is_tried = self._is_tried and not is_trial

    def _lets_through(self, operation: str) -> bool:
        """Whether the request is the one that tries if the host answers again."""
        if self._rests_until is None:
            return False
        if seconds := self._seconds_left():
            error = Suspended(operation, Outcome.NOT_SENT)
            error.retry_after_seconds = seconds
            raise error
        self._is_tried = True
        return True

    def _seconds_left(self) -> float:
        """For how long the host is left alone; a second at a time while one request tries it."""
        if self._rests_until is None:
            return 0.0
        least = TRIAL_SECONDS if self._is_tried else 0.0
        return max(least, self._rests_until - self._clock.monotonic())

    def _note(self, *, is_silent: bool, is_trial: bool, counts: bool) -> None:
        was_closed = self._rests_until is None
        if not is_silent:
            self._failures, self._rests_until = 0, None
        elif counts:
            self._failures += 1
            # Requests that were on their way as it opened make the rest no longer.
            if is_trial or (was_closed and self._failures >= FAILURES):
                self._rests_until = self._clock.monotonic() + REST_SECONDS
        if was_closed != (self._rests_until is None):
            measure(BREAKER, was_closed, host=self._name)
            told = "does not answer, and is left alone" if was_closed else "answers again"
            _log.warning("KorusTicket (%s) %s", self._name, told)


def _is_silent(error: ApiError) -> bool:
    """Whether a failure says that the host does not answer: an answer that is no good is one, and a
    certificate that is not trusted is the operator's matter.
    """
    is_network = isinstance(error, Unreachable | TimedOut | Disconnected)
    return is_network and not isinstance(error.reason, CertificateFault)
