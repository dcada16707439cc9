"""How long KorusTicket may answer 404 for a hold or an order that was made a moment ago.

KorusTicket may answer from a replica that lags. What was just made, or just found after its answer
was lost, may not be there at first. If that counted as gone, it would be bought a second time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from korus_mcp.api.config import CREATION_SECONDS
from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.timing import LOOK_AGAIN_SECONDS
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal import Journal

MOST_LAG: Final = 600
"""The longest that answers may lag behind, in seconds. `settle_seconds` may be as much as a day,
but what was made is not missing from answers for that long."""


@dataclass(frozen=True)
class Settling:
    """Knows which holds and orders may be too new to be shown; `settle_seconds` is a setting."""

    journal: Journal
    clock: ApiClock
    settle_seconds: int

    @property
    def lasts(self) -> timedelta:
        """How long after it was sent a call may still make something."""
        return timedelta(seconds=CREATION_SECONDS + self.settle_seconds)

    async def orders_left(self, owner: str, ids: Sequence[str]) -> Mapping[str, int]:
        """In how many seconds each of these orders must be shown, for those of the owner's that
        may still be too new. An id that is not in the result is old enough: if KorusTicket does
        not find it, it is gone.

        Raises:
            JournalDown: When they were made cannot be read.
        """
        if not ids:
            return {}
        lasts = min(self.lasts, timedelta(seconds=CREATION_SECONDS + MOST_LAG))
        now = self.clock.now()
        # Counted from the send: the time-out of the call is part of how long this lasts.
        made = await self.journal.made_since(owner, now - lasts)
        left = {i: (made[i] + lasts - now).total_seconds() for i in ids if i in made}
        return {i: math.ceil(seconds) for i, seconds in left.items()}

    async def holds_left(self, owner: str, ids: Sequence[str]) -> Mapping[str, int]:
        """The same for reservations, but no longer than each of them is held.

        Raises:
            JournalDown: When they were made cannot be read.
        """
        left = await self.orders_left(owner, ids)
        if not left:
            return {}
        now = self.clock.now()
        # A hold past its own end is over, whether it would be shown or not.
        ends = await self.journal.held_until(list(left), now)
        return {i: min(left[i], math.ceil((end - now).total_seconds())) for i, end in ends.items()}

    def check_none_new(self, too_new: Mapping[str, int], message: str, but_not: str) -> None:
        """Refuse to go on while something that was not found may be too new to be shown.

        `too_new`: seconds until each such thing must be shown, by its id. `but_not` says what the
        caller must not do meanwhile, and begins the refusal's next step.

        Raises:
            Refusal: UPSTREAM_UNAVAILABLE, where something is too new.
        """
        if too_new:
            seconds = look_again_in(too_new)
            raise Refusal(
                Code.UPSTREAM_UNAVAILABLE,
                message,
                f"{but_not} Call again with the same arguments in {seconds} s.",
                retry_after_seconds=seconds,
            )


def look_again_in(seconds_left: Mapping[str, int]) -> int:
    """After how many seconds to ask again for what is not shown yet."""
    # No later than the moment at which the first of them must be there.
    return min(LOOK_AGAIN_SECONDS, *seconds_left.values())
