"""A refusal of a value names the argument it was given in, wherever it is refused.

That each named field is an argument of the tool is held against every refusal of the tests
(tests/fixtures/wording.py).
"""

from collections.abc import AsyncIterator

import pytest
from mcp import MCPError

from tests.fixtures.assistant import ERAS, Desk, Json, desk, settings_of

pytestmark = pytest.mark.anyio


@pytest.fixture(params=ERAS)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with desk(settings_of(MCP_LINKS="on"), mode=request.param, only=("hall",)) as opened:
        yield opened


def wish(shop: Desk, **more: object) -> Json:
    return {"product_base_id": shop.handle("hall_base"), **more}


@pytest.mark.parametrize("day", ["2020-01-01", "0001-01-01"])
async def test_a_past_day_of_a_seat_map_is_its_date(shop: Desk, day: str) -> None:
    await shop.call("get_offers", **wish(shop))  # until then nobody knows which day it is
    answer = await shop.ask("get_seat_map", wish(shop, date=day))
    assert (answer.code, list(answer.fields)) == ("PAST_DATE", ["date"])
    assert answer.error["fields"][0]["example"] == shop.clock.now().date().isoformat()
    assert shop.sent("getSeatMap") == 0


async def test_a_day_that_is_over_only_at_the_venue_is_its_date_too(shop: Desk) -> None:
    await shop.call("get_offers", **wish(shop))
    yesterday = (shop.clock.now().date()).isoformat()
    shop.clock.advance(24 * 3600)  # over in Europe, not yet everywhere
    answer = await shop.ask("get_seat_map", wish(shop, date=yesterday))
    assert (answer.code, list(answer.fields)) == ("PAST_DATE", ["date"])


async def test_a_past_day_of_a_picture_is_its_date(shop: Desk) -> None:
    found = await shop.ask("get_seat_map", wish(shop))
    with pytest.raises(MCPError, match=r"PAST_DATE.* date: lies in the past"):
        await shop.client.read_resource(f"{found.drawn_at.partition('?')[0]}?date=2020-01-01")


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ({"date_from": "2020-01-01"}, ["date_from"]),
        ({"date_to": "2020-01-01"}, ["date_to"]),
        ({"date_from": "2020-01-01", "date_to": "2020-01-02"}, ["date_from", "date_to"]),
        ({"date_from": "2026-09-02", "date_to": "2026-09-01"}, ["date_to"]),
        ({"date_to": "9999-12-31"}, ["date_to"]),
    ],
)
@pytest.mark.parametrize("tool", ["get_offers", "search_products"])
async def test_days_of_a_range_are_named_as_they_were_given(
    shop: Desk, tool: str, days: Json, field: list[str]
) -> None:
    asked = wish(shop, **days) if tool == "get_offers" else days
    assert list((await shop.ask(tool, asked)).fields) == field


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"created_from": "2199-01-01"}, "created_from"),
        ({"created_from": "2026-02-02", "created_to": "2026-02-01"}, "created_to"),
        ({"created_from": "2001-01-01"}, "created_to"),
    ],
)
async def test_days_of_orders_are_named_as_they_were_given(
    shop: Desk, asked: Json, field: str
) -> None:
    answer = await shop.ask("find_orders", asked)
    assert (answer.code, list(answer.fields)) == ("INVALID_ARGUMENTS", [field])


async def test_a_day_that_is_not_that_of_the_session_is_the_date(shop: Desk) -> None:
    plan = await shop.call("get_seat_map", **wish(shop))
    offer = plan["zones"][0]["offers"][0]["offer_id"]
    checked = await shop.call("check_availability", offer_id=offer)
    session = checked["sessions"][0]["session_id"]
    answer = await shop.ask("get_seat_map", wish(shop, session_id=session, date="2027-01-01"))
    assert (answer.code, list(answer.fields)) == ("INVALID_ARGUMENTS", ["date"])
