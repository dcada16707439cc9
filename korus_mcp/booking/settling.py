"""Not yet there is not gone: how long what was just made may be unknown to whoever answers.

KorusTicket may answer from a replica that lags. A hold or an order made a moment ago, or found
after its answer was lost, is not there at first; taken for its end, it would be bought again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.timing import LOOK_AGAIN_SECONDS, POST_SECONDS
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.protocol import Journal


@dataclass(frozen=True)
class Settling:
    """Tells what may be too new to be shown; `settle_seconds` are set by the operator."""

    journal: Journal
    clock: ApiClock
    settle_seconds: int

    @property
    def lasts(self) -> timedelta:
        """So long after a call was sent what it made may be new."""
        return timedelta(seconds=POST_SECONDS + self.settle_seconds)

    async def seconds_left(self, owner: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Those of an owner's reservations and orders that need not be shown yet: in how many
        seconds each must be. Not to find one that is left out means that it is gone.

        Raises:
            JournalDown: It cannot be read when they were made.
        """
        if not ids:
            return {}
        lasts, now = self.lasts, self.clock.now()
        # Counted from the send: the time-out of the call is part of how long this lasts.
        made = await self.journal.made_since(owner, now - lasts)
        left = {i: (made[i] + lasts - now).total_seconds() for i in ids if i in made}
        return {i: math.ceil(seconds) for i, seconds in left.items()}

    async def check_not_new(
        self, owner: str, missed: Sequence[str], message: str, but_not: str
    ) -> None:
        """That none of what was not found is too new to be shown; what not to do stands first in
        the next step.

        Raises:
            Refusal: UPSTREAM_UNAVAILABLE, where one is.
            JournalDown: It cannot be read when they were made.
        """
        too_new = await self.seconds_left(owner, missed)
        if too_new:
            seconds = look_again_in(too_new)
            raise Refusal(
                Code.UPSTREAM_UNAVAILABLE,
                message,
                f"{but_not} Call again with the same arguments in {seconds} s.",
                retry_after_seconds=seconds,
            )


def look_again_in(seconds_left: Mapping[str, int]) -> int:
    """When to ask again for what is not shown yet: soon, and not after it must be there."""
    return min(LOOK_AGAIN_SECONDS, *seconds_left.values())
