"""The issuer's limit of one order is told where it is asked for, and how more is had all the same.

The operator's limits are never told as something to get round.
"""

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Final

import pytest

from korus_mcp.booking.limits import how_to_split
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, Desk, desk, settings_of
from tests.tools.test_halves import assert_alike

pytestmark = pytest.mark.anyio
SIX_AND_ONE: Final = "Make two reserve calls (6 and 1), one place_order with both."
SPLITS: Final = re.compile(
    r"split|\btwo\b|both|several|separate|in parts|reserve calls|another order|again: true",
    re.IGNORECASE,
)
"""Words that say how to get round a limit."""


@pytest.fixture(params=ERAS)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with desk(mode=request.param, only=("stadium", "park")) as opened:
        yield opened


async def checked(shop: Desk, quantity: int, offer: str = "max_six_offer") -> Answer:
    asked = {"offer_id": shop.handle(offer), "quantity": quantity}
    return await shop.ask("check_availability", asked)


async def test_a_check_tells_the_limit_and_calls_nothing_above_it_enough(shop: Desk) -> None:
    six, seven = await checked(shop, 6), await checked(shop, 7)
    for answer in (six, seven):
        assert answer.data["at_most_per_order"] == 6
        assert "At most 6 in one order." in answer.text
        assert_alike(answer, "check_availability")
    assert six.data["bookable"]
    assert {session["enough"] for session in six.data["sessions"]} == {True}
    assert not seven.data["bookable"]
    assert {session["enough"] for session in seven.data["sessions"]} == {False}
    assert seven.data["reason"] == "the issuer allows at most 6 of it in one order"
    assert seven.data["next"] == SIX_AND_ONE
    assert "alternatives" not in seven.data
    # A long list of sessions that say no would else hide that there is a way.
    assert seven.text.index(SIX_AND_ONE) < seven.text.index("; session_id")
    assert seven.text.count(SIX_AND_ONE) == 1
    assert six.text.index(six.data["next"]) > six.text.rindex("; session_id")


async def test_a_price_table_and_a_seat_map_tell_the_limit(shop: Desk) -> None:
    base = shop.handle("max_six_base")
    table = await shop.ask("get_offers", {"product_base_id": base, "limit": 3})
    assert table.data["at_most_per_order"] == 6
    assert "At most 6 in one order." in table.text
    plain = await shop.call("get_offers", product_base_id=shop.handle("park_base"), limit=3)
    assert "at_most_per_order" not in plain
    plan = await shop.ask("get_seat_map", {"product_base_id": base, "quantity": 7})
    assert not any(zone.get("enough") for zone in plan.data["zones"])
    assert "The issuer allows at most 6 in one order." in plan.data["note"]
    fitting = await shop.call("get_seat_map", product_base_id=base, quantity=6)
    assert fitting["zones"][0]["enough"]
    assert "one order" not in fitting["note"]


async def test_where_less_is_left_the_limit_is_no_reason(shop: Desk) -> None:
    shop.sandbox.set_stock(shop.sandbox.landmarks["max_six_offer"], 3)
    answer = await checked(shop, 7)
    assert answer.data["reason"] == "only 3 left"
    assert SIX_AND_ONE not in answer.text


async def test_what_a_refusal_advises_buys_all_of_it_in_one_order_call(shop: Desk) -> None:
    session = (await checked(shop, 6)).data["sessions"][0]["session_id"]
    item = {"offer_id": shop.handle("max_six_offer"), "session_ids": [session]}
    refused = await shop.ask("reserve", {"items": [{**item, "quantity": 7}]})
    assert refused.code == "LIMIT_EXCEEDED"
    assert SIX_AND_ONE in refused.error["next"]
    beside = [{**item, "quantity": 4}, {**item, "quantity": 3}]
    assert SIX_AND_ONE in (await shop.ask("reserve", {"items": beside})).error["next"]
    held = [
        (await shop.call("reserve", items=[{**item, "quantity": n}]))["reservations"][0]
        for n in (6, 1)
    ]
    made = await shop.order(*(hold["reservation_id"] for hold in held))
    assert made["state"] == "ordered"
    assert len(made["orders"]) == 2


async def test_equal_parts_are_told_to_be_held_again(shop: Desk) -> None:
    answer = await checked(shop, 12)
    assert "(6 and 6; equal ones with again: true)" in answer.data["next"]
    session = (await checked(shop, 6)).data["sessions"][0]["session_id"]
    item = {"offer_id": shop.handle("max_six_offer"), "quantity": 6, "session_ids": [session]}
    held = [await shop.call("reserve", items=[item], again=again) for again in (False, True)]
    ids = {hold["reservations"][0]["reservation_id"] for hold in held}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("quantity", "most", "told"),
    [
        (7, 6, SIX_AND_ONE),
        (
            13,
            6,
            "Make 3 reserve calls (6, 6 and 1; equal ones with again: true), one place_order with "
            "all.",
        ),
        (
            2,
            1,
            "Make two reserve calls (1 and 1; equal ones with again: true), one place_order with "
            "both.",
        ),
        (
            50,
            4,
            "Take at most 40: 10 reserve calls of 4, all but the first with again: true, one "
            "place_order with all.",
        ),
    ],
)
def test_more_than_one_order_holds_is_told_in_parts(quantity: int, most: int, told: str) -> None:
    assert how_to_split(quantity, most) == told


# the operator's limits


@pytest.mark.parametrize(
    "limit",
    [{"MAX_TICKETS": "6"}, {"MAX_ORDER_AMOUNT": "40"}],
    ids=["tickets", "amount"],
)
async def test_what_one_order_may_not_hold_anyway_is_not_told_in_parts(
    limit: dict[str, str],
) -> None:
    async with desk(settings_of(**limit), only=("stadium",)) as each:
        check = await checked(each, 7)
        session = check.data["sessions"][0]["session_id"]
        item = {
            "offer_id": each.handle("max_six_offer"),
            "quantity": 7,
            "session_ids": [session],
        }
        refused = await each.ask("reserve", {"items": [item]})
        assert refused.code == "LIMIT_EXCEEDED"
        for told in (check.data["next"], refused.error["next"]):
            assert SPLITS.search(told) is None, told
            assert "operator" in told


async def held(each: Desk, quantity: int, landmark: str = "park_offer") -> str:
    items = [{"offer_id": each.handle(landmark), "quantity": quantity}]
    made = await each.call("reserve", items=items)
    return str(made["reservations"][0]["reservation_id"])


async def too_much(each: Desk, name: str) -> Answer:
    """The refusal of what a limit of the operator forbids."""
    if name in {"MAX_ORDER_AMOUNT", "MAX_TICKETS"}:
        ids = [await held(each, 1), await held(each, 1, "unlimited_offer")]
        return await each.ask("place_order", {"reservation_ids": ids, "customer": CUSTOMER})
    if name == "MAX_DAY_AMOUNT":
        for landmark in ("park_offer", "unlimited_offer"):
            each.sandbox.set_price(each.sandbox.landmarks[landmark], Decimal(100))
        await each.order(await held(each, 1))
        asked = {
            "reservation_ids": [await held(each, 1, "unlimited_offer")],
            "customer": CUSTOMER,
        }
        summary = await each.call("place_order", **asked)
        return await each.ask("place_order", {**asked, "confirmation": summary["confirmation"]})
    await held(each, 1)
    items = [{"offer_id": each.handle("unlimited_offer"), "quantity": 1}]
    if name == "CALLS_PER_MINUTE":
        return await each.ask("search_products", {"query": "park"})
    return await each.ask("reserve", {"items": items})


@pytest.mark.parametrize(
    ("name", "most", "code"),
    [
        ("MAX_ORDER_AMOUNT", "60", "LIMIT_EXCEEDED"),
        ("MAX_TICKETS", "1", "LIMIT_EXCEEDED"),
        ("MAX_DAY_AMOUNT", "150", "LIMIT_EXCEEDED"),
        ("MAX_OPEN_HOLDS", "1", "LIMIT_EXCEEDED"),
        ("CALLS_PER_MINUTE", "1", "SERVER_BUSY"),
        ("WRITES_PER_MINUTE", "1", "SERVER_BUSY"),
    ],
)
async def test_a_limit_of_the_operator_is_never_told_as_something_to_get_round(
    name: str, most: str, code: str
) -> None:
    async with desk(settings_of(**{name: most}), only=("park",)) as each:
        refused = await too_much(each, name)
        assert refused.code == code
        assert SPLITS.search(refused.text) is None, refused.text


@pytest.mark.parametrize(
    "much", [{"MAX_TICKETS": "1"}, {"MAX_DAY_AMOUNT": "60", "MAX_ORDER_AMOUNT": "60"}]
)
async def test_nor_are_those_of_what_may_be_held(much: dict[str, str]) -> None:
    async with desk(settings_of(**much), only=("park",)) as each:
        items = [{"offer_id": each.handle("park_offer"), "quantity": 3}]
        refused = await each.ask("reserve", {"items": items})
        assert refused.code == "LIMIT_EXCEEDED"
        assert SPLITS.search(refused.text) is None, refused.text
