"""Not yet there is not gone: how long what was just made may be unknown to whoever answers.

KorusTicket may answer from a replica that lags. A hold or an order made a moment ago, or found
after its answer was lost, is not there at first; taken for its end, it would be bought again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.timing import POST_SECONDS
from korus_mcp.journal.protocol import Journal

LOOK_AGAIN_SECONDS: Final = 10


@dataclass(frozen=True)
class Settling:
    """Tells what is too new to be missed; `settle_seconds` are the operator's."""

    journal: Journal
    clock: ApiClock
    settle_seconds: int

    async def seconds_left(self, owner: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Those of an owner's reservations and orders that need not be shown yet: in how many
        seconds each must be. Not to find one that is left out means that it is gone.

        Raises:
            JournalDown: It cannot be read when they were made.
        """
        if not ids:
            return {}
        lasts, now = timedelta(seconds=POST_SECONDS + self.settle_seconds), self.clock.now()
        made = await self.journal.made_since(owner, now - lasts)
        left = {i: (made[i] + lasts - now).total_seconds() for i in ids if i in made}
        return {i: math.ceil(seconds) for i, seconds in left.items()}


def look_again_in(seconds_left: Mapping[str, int]) -> int:
    """When to ask again for what is not shown yet: soon, and not after it must be there."""
    return min(LOOK_AGAIN_SECONDS, *seconds_left.values())
