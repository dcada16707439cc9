"""Prices that were shown are remembered for each owner, for thirty minutes."""

from decimal import Decimal

from korus_mcp.booking.prices import REMEMBERED_PRICES, REMEMBERED_SECONDS, ShownPrices
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money

OFFER = Handle("abcdef", "o1")
PRICE, NEXT = Money(Decimal(10)), Money(Decimal(11))


def test_the_last_price_counts_for_its_owner() -> None:
    prices = ShownPrices(ManualClock())
    prices.show("ada", OFFER, PRICE)
    prices.show("ada", OFFER, NEXT)
    prices.show("ada", OFFER, None)
    assert prices.last("ada", OFFER) == NEXT
    assert prices.last("bob", OFFER) is None
    assert prices.last("ada", Handle("abcdef", "o2")) is None


def test_a_price_is_forgotten_after_thirty_minutes() -> None:
    clock = ManualClock()
    prices = ShownPrices(clock)
    prices.show("ada", OFFER, PRICE)
    clock.advance(REMEMBERED_SECONDS)
    assert prices.last("ada", OFFER) == PRICE
    clock.advance(1)
    assert prices.last("ada", OFFER) is None


def test_the_oldest_prices_make_room() -> None:
    prices = ShownPrices(ManualClock())
    for number in range(REMEMBERED_PRICES + 1):
        prices.show("ada", Handle("abcdef", str(number)), PRICE)
    assert prices.last("ada", Handle("abcdef", "0")) is None
    assert prices.last("ada", Handle("abcdef", "1")) == PRICE
