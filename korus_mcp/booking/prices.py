"""Remembers the prices that were shown, so that a buyer learns of a price that changed since."""

from typing import Final

from cachetools import LRUCache

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money

REMEMBERED_SECONDS: Final = 1800
REMEMBERED_PRICES: Final = 5000


class ShownPrices:
    """The last price each owner saw of an offer, for thirty minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown: LRUCache[tuple[str, Handle], tuple[Money, float]] = LRUCache(REMEMBERED_PRICES)

    def show(self, owner: str, offer: Handle, price: Money | None) -> None:
        """Remember the price of an offer that is being shown to an owner."""
        if price is not None:
            self._shown[owner, offer] = price, self._clock.monotonic()

    def last(self, owner: str, offer: Handle) -> Money | None:
        """The price shown last; None when it was never shown, or too long ago."""
        # After that time a person does not remember it either.
        price, at = self._shown.get((owner, offer), (None, 0.0))
        return None if self._clock.monotonic() - at > REMEMBERED_SECONDS else price
