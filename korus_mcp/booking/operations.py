"""Booking work that goes on if its caller leaves, until the server stops."""

from dataclasses import dataclass
from typing import Final

import anyio

from korus_mcp.booking.timing import RETRY_SECONDS
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.refusals import Code, Refusal

SIDE_BY_SIDE: Final = 4
"""How many tickets are named at once, and how many files are fetched at once."""


@dataclass
class Operations:
    """The work under way in one server. Equal calls share it; it goes on when they leave."""

    flights: Flights
    is_closing: bool = False

    def check_open(self) -> None:
        """Check that a new hold, order, name or file may be begun.

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
        """Begin nothing new, and wait at most `seconds` for what is under way."""
        # Set first, or new work would begin during the wait.
        self.is_closing = True
        with anyio.move_on_after(seconds):
            await self.flights.landed()
