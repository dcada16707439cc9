"""Which day it is says the API, in the venue's zone: the clock of this machine may be wrong."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from korus_mcp.foundation.clock import ManualClock
from tests.fixtures.assistant import ERAS, Desk, desk, settings_of

pytestmark = pytest.mark.anyio
EVENING = datetime(2026, 6, 1, 20, tzinfo=UTC)
TODAY, YESTERDAY, TOMORROW = "2026-06-01", "2026-05-31", "2026-06-02"
AHEAD, BEHIND = 23, -23
WRONG = pytest.mark.parametrize("hours", [AHEAD, BEHIND, 0])


@asynccontextmanager
async def off_by(
    hours: float, *issuers: str, mode: str = "auto", **given: str
) -> AsyncIterator[Desk]:
    """A desk on a machine whose clock is ahead of the API's by so much."""
    clock = ManualClock(EVENING + timedelta(hours=hours))
    right = ManualClock(EVENING)
    chosen = settings_of(**given)
    async with desk(
        chosen, mode=mode, clock=clock, sandbox_clock=right, only=issuers or ("park",)
    ) as each:
        yield each


def days(told: Any) -> list[str]:
    return [day["date"] for day in told["days"] if day["date"] != "any day"]


@WRONG
@pytest.mark.parametrize("mode", ERAS)
async def test_the_first_question_is_of_the_days_of_the_api(hours: float, mode: str) -> None:
    async with off_by(hours, mode=mode) as each:
        base = each.handle("park_base")
        asked = {"product_base_id": base, "date_from": TODAY}
        first = await each.call("get_offers", **asked)
        assert days(first)[0] == TODAY
        again = await each.call("get_offers", product_base_id=base)
        assert days(again)[0] == TODAY


@WRONG
async def test_where_nothing_is_said_the_window_begins_today_at_the_venue(hours: float) -> None:
    async with off_by(hours) as each:
        told = await each.call("get_offers", product_base_id=each.handle("park_base"))
        assert days(told)[0] == TODAY


@WRONG
async def test_a_day_that_is_over_is_refused_by_the_clock_of_the_api(hours: float) -> None:
    async with off_by(hours) as each:
        asked = {"product_base_id": each.handle("park_base"), "date_from": YESTERDAY}
        refused = await each.ask("get_offers", asked)
        assert refused.code == "PAST_DATE"
        named = re.findall(r"2026-\d\d-\d\d", refused.text)
        assert set(named) <= {TODAY}, "none, as long as only our own clock could tell it"


@WRONG
async def test_searches_look_at_the_days_of_the_api(hours: float) -> None:
    async with off_by(hours) as each:
        found = await each.call("search_products", date_from=TODAY, date_to=TODAY)
        (park,) = [p for p in found["products"] if p["product_base_id"] == each.handle("park_base")]
        assert park["dates"] == [TODAY]


@WRONG
async def test_a_seat_map_is_of_the_day_of_the_api(hours: float) -> None:
    async with off_by(hours, "stadium") as each:
        base = each.handle("stadium_base")
        over = await each.ask("get_seat_map", {"product_base_id": base, "date": "2026-05-30"})
        assert over.code == "PAST_DATE"
        told = await each.ask("get_seat_map", {"product_base_id": base, "date": TODAY})
        assert told.code != "PAST_DATE"


@WRONG
async def test_orders_of_today_are_no_orders_of_the_future(hours: float) -> None:
    async with off_by(hours) as each:
        found = await each.call("find_orders", created_from=TODAY)
        assert found["shown"] == 0
