"""What booking carries out for callers who may leave, until the server stops."""

from dataclasses import dataclass
from typing import Final

import anyio

from korus_mcp.booking.timing import RETRY_SECONDS
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.refusals import Code, Refusal

SIDE_BY_SIDE: Final = 4
"""Tickets named, and files fetched, at once."""


@dataclass
class Operations:
    """The work under way for callers of one server: equal calls share it, and it outlives them."""

    flights: Flights
    is_closing: bool = False

    def check_open(self) -> None:
        """That a new hold, order, name or file may be begun.

        Raises:
            Refusal: SERVER_BUSY, while the server stops.
        """
        if self.is_closing:
            raise Refusal(
                Code.SERVER_BUSY,
                "The server is stopping and takes nothing new.",
                "Nothing was held or ordered. Call again with the same arguments once it is back.",
                retry_after_seconds=RETRY_SECONDS,
            )

    async def drain(self, seconds: float) -> None:
        """Begin nothing new and wait for what is under way, so long at most."""
        # First, or new work would begin while the old is waited for.
        self.is_closing = True
        with anyio.move_on_after(seconds):
            await self.flights.landed()
