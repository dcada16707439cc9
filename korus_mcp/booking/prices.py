"""Prices that were shown: so that a buyer hears of a price that moved since."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money

REMEMBERED_SECONDS: Final = 1800
REMEMBERED_PRICES: Final = 5000


@dataclass(frozen=True)
class _Shown:
    price: Money
    at: float


class ShownPrices:
    """The last price each owner saw of an offer, for thirty minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown: OrderedDict[tuple[str, Handle], _Shown] = OrderedDict()

    def show(self, owner: str, offer: Handle, price: Money | None) -> None:
        """Remember what is being shown."""
        if price is None:
            return
        self._shown.pop((owner, offer), None)
        self._shown[owner, offer] = _Shown(price, self._clock.monotonic())
        while len(self._shown) > REMEMBERED_PRICES:
            self._shown.popitem(last=False)

    def last(self, owner: str, offer: Handle) -> Money | None:
        """What was shown last, or None when it was never shown or too long ago."""
        found = self._shown.get((owner, offer))
        if found is None or self._clock.monotonic() - found.at > REMEMBERED_SECONDS:
            return None
        return found.price
