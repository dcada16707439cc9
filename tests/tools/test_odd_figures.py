"""A price nobody can pay and a stock below zero read the same wherever they are shown."""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

import pytest

from korus_mcp.booking.quote import Quote
from korus_mcp.catalog.calendar import DayRange, OfferQuery
from korus_mcp.foundation.refusals import Code, Refusal
from tests.booking.stage import Stage, staged

pytestmark = pytest.mark.anyio
JUNE = DayRange(date(2026, 6, 1), date(2026, 6, 30))


def _told(path: str, body: Any, *, changes: Mapping[str, Any]) -> None:
    """Change members of these names at any depth of what is told of offers."""
    if "/offers" not in path:
        return
    parts = list(body.values()) if isinstance(body, dict) else list(body)
    if isinstance(body, dict):
        body.update({name: value for name, value in changes.items() if name in body})
    for part in parts:
        if isinstance(part, dict | list):
            _told(path, part, changes=changes)


async def _quote(stage: Stage) -> Quote:
    return await stage.app.quotes.of_offer(stage.handle("park_offer"), "en")


@pytest.mark.parametrize("amount", ["12.505", 12.505, "45.001"])
async def test_a_price_beyond_the_cent_is_listed_and_quoted_as_unread(amount: object) -> None:
    odd = partial(_told, changes={"amountInclTax": amount})
    async with staged(rewrite=odd) as stage:
        quote = await _quote(stage)
        assert quote.price is None
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert (obstacle.code, obstacle.reason) == (Code.NOT_BOOKABLE, "its price cannot be read")
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        page = await stage.app.calendars.page(OfferQuery(base, JUNE, "en"), limit=40)
        assert {(row.price, row.is_buyable) for row in page.rows} == {(None, False)}
        with pytest.raises(Refusal):
            await stage.reserve(stage.wish("park_offer"))
        assert stage.sent("createReservations") == 0


@pytest.mark.parametrize("left", [-1, -40, 0])
async def test_what_is_oversold_is_sold_out(left: int) -> None:
    odd = partial(_told, changes={"availableQuantity": left})
    async with staged(rewrite=odd) as stage:
        quote = await _quote(stage)
        assert quote.left == 0
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert (obstacle.code, obstacle.reason) == (Code.SOLD_OUT, "sold out")
