"""Prices of zones: by price type, listed or live, for those who asked; and how many zones fit."""

import json
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.tools.get_seat_map import SHEET
from tests.fixtures.assistant import (
    APPS,
    ERAS,
    Answer,
    Desk,
    Json,
    compact,
    desk,
    settings_of,
)

pytestmark = pytest.mark.anyio
VENUES = ("stadium", "hall")
ALL_COUNTS = 8_000
SUM_OF = (
    *("fit", "too_few_left", "above_max_price", "sold_out"),
    *("not_asked_for", "no_offer"),
)


@pytest.fixture(params=ERAS)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with desk(
        settings_of(MCP_LINKS="on"), mode=request.param, only=VENUES, extensions=[APPS]
    ) as opened:
        yield opened


async def seen(shop: Desk, base: str, **wish: Any) -> Answer:
    answer = await shop.ask("get_seat_map", {"product_base_id": shop.handle(base), **wish})
    assert not answer.result.is_error, answer.text
    return answer


def amount(price: str) -> Decimal:
    return Decimal(price.partition(" ")[0])


def offers_of(answer: Answer) -> list[Json]:
    return [offer for zone in answer.data["zones"] for offer in zone["offers"]]


# by price type


async def test_a_limit_holds_for_the_full_price_and_says_so(shop: Desk) -> None:
    """Category 1 costs 62.00, a child there 31.00: it does not fit 50 for somebody unnamed."""
    answer = await seen(shop, "stadium_base", quantity=2, max_price=50)
    assert answer.data["price_type"] == "Full price"
    assert "by Full price (max_price, too)" in answer.data["note"]
    assert {z["category"] for z in answer.data["zones"]} <= {
        "Category 2",
        "Category 3",
        "Standing end",
    }
    for zone in answer.data["zones"]:
        assert zone["offers"][0]["product"] == "Full price"
        assert amount(zone["from_price"]) <= 50
        assert zone["from_price"] == zone["offers"][0]["price"]
    by_name = {c["category"]: c for c in answer.data["categories"]}
    assert by_name["Category 1"]["fit"] == 0
    assert by_name["Gold"]["fit"] == 0
    assert answer.data["counts"]["above_max_price"] == sum(
        by_name[name]["zones"] for name in ("Category 1", "Gold")
    )


async def test_the_asked_price_type_is_the_one_that_counts(shop: Desk) -> None:
    answer = await seen(shop, "stadium_base", quantity=2, max_price=50, price_type="child")
    assert answer.data["price_type"] == "Child"
    assert "by Child (max_price, too)" in answer.data["note"]
    assert {offer["product"] for offer in offers_of(answer)} == {"Child"}
    by_name = {c["category"]: c for c in answer.data["categories"]}
    assert by_name["Gold"]["prices"] == {"Child": "47.50 EUR"}
    assert "Gold: Child 47.50 EUR" in answer.text
    assert by_name["Gold"]["fit"] == by_name["Gold"]["zones"]


async def test_no_price_mixes_price_types(shop: Desk) -> None:
    answer = await seen(shop, "stadium_base")
    assert not [zone for zone in answer.data["zones"] if "to_price" in zone]
    gold = next(c for c in answer.data["categories"] if c["category"] == "Gold")
    assert gold["prices"] == {
        "Full price": "95.00 EUR",
        "Reduced price": "76.00 EUR",
        "Child": "47.50 EUR",
    }
    assert [c["category"] for c in answer.data["categories"]][:2] == ["Gold", "Category 1"]


async def test_several_price_types_are_all_offered_in_each_zone(shop: Desk) -> None:
    answer = await seen(shop, "stadium_base", price_type="Full price, Child", quantity=3)
    assert answer.data["price_type"] == "Full price"
    for zone in answer.data["zones"]:
        assert [o["product"] for o in zone["offers"]] == ["Full price", "Child"]
        assert "more" not in zone


async def test_every_zone_that_is_shown_can_be_bought(shop: Desk) -> None:
    answer = await seen(shop, "stadium_base", quantity=2)
    zones = answer.data["zones"]
    assert len(zones) >= 5
    for zone in zones:
        offer = zone["offers"][0]
        asked = {"offer_id": offer["offer_id"], "quantity": 2}
        checked = (await shop.ask("check_availability", asked)).data
        assert (checked["bookable"], checked["price"]) == (True, offer["price"])
        assert zone["zone"] in checked["product"]
        assert offer["offer_id"] in answer.text
    ids = ",".join(offer["offer_id"] for offer in offers_of(answer))
    await shop.call("check_availability", offer_id=ids, quantity=2)


# by category


async def test_who_wants_a_seat_is_shown_none_to_stand(shop: Desk) -> None:
    anywhere = await seen(shop, "stadium_base", quantity=2)
    assert "seating_category seated" in anywhere.data["note"]
    standing = [c["category"] for c in anywhere.data["categories"] if c.get("standing")]
    assert standing == ["Standing end"]
    seated = await seen(shop, "stadium_base", quantity=2, seating_category="seated")
    assert "Standing end" not in {z["category"] for z in seated.data["zones"]}
    assert "Standing end" not in {c["category"] for c in seated.data["categories"]}
    assert "standing" not in seated.text.casefold()
    stood = await seen(shop, "hall_base", seating_category="places debout")
    assert {z["zone"] for z in stood.data["zones"]} == {"Pit"}


async def test_a_category_is_taken_as_get_offers_takes_it(shop: Desk) -> None:
    answer = await seen(shop, "stadium_base", seating_category="gold,CATEGORY 2")
    assert {c["category"] for c in answer.data["categories"]} == {"Gold", "Category 2"}
    assert {z["category"] for z in answer.data["zones"]} <= {"Gold", "Category 2"}
    counts = answer.data["counts"]
    assert counts["not_asked_for"] == 50 - sum(c["zones"] for c in answer.data["categories"])


@pytest.mark.parametrize(
    ("code", "wrong", "near"),
    [("price_type", "Childs", "Child"), ("seating_category", "Golden", "Gold")],
)
async def test_a_name_that_is_none_is_refused_with_what_would_be_taken(
    shop: Desk, code: str, wrong: str, near: str
) -> None:
    asked = {"product_base_id": shop.handle("stadium_base"), code: wrong}
    refused = await shop.ask("get_seat_map", asked)
    assert refused.code == "NO_SUCH_CHOICE"
    assert f'"{near}"' in refused.fields[code]
    again = await seen(shop, "stadium_base", **{code: near})
    assert again.data["zones"]


async def test_all_wrong_names_are_told_at_once(shop: Desk) -> None:
    wrong = {"price_type": "Nobody", "seating_category": "Nowhere"}
    asked = {"product_base_id": shop.handle("stadium_base"), **wrong}
    assert set((await shop.ask("get_seat_map", asked)).fields) == {*wrong}
    # Beside what is wrong in form, too.
    both = await shop.ask("get_seat_map", {**asked, "quantity": 99})
    assert set(both.fields) == {*wrong, "quantity"}


# counts


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"quantity": 2, "max_price": 30},
        {"quantity": 50},
        {"max_price": 5},
        {"price_type": "Reduced price", "max_price": 40},
        {"seating_category": "seated", "quantity": 4},
        {"seating_category": "standing", "price_type": "Reduced price", "max_price": 1},
    ],
)
@pytest.mark.parametrize("base", ["stadium_base", "max_six_base", "hall_base"])
async def test_the_counts_add_up(shop: Desk, base: str, wish: Json) -> None:
    answer = await seen(shop, base, **wish)
    counts = answer.data["counts"]
    zones = 50 if base != "hall_base" else 4
    assert counts["zones"] == zones == sum(counts.get(name, 0) for name in SUM_OF)
    assert counts.get("zones_hidden", 0) == zones - len(answer.data["zones"])
    assert sum(c["fit"] for c in answer.data["categories"]) == counts["fit"]
    told = int(re.search(r"(\d+) fit", answer.text)[1])  # type: ignore[index] # it has to be there
    assert told == counts["fit"]
    for name in SUM_OF[1:]:
        if counts.get(name):
            assert f"{counts[name]} {name.replace('_', ' ')}" in answer.text
    if counts["fit"]:
        assert all(offer["offer_id"] for offer in offers_of(answer))
        assert len(answer.data["zones"]) <= counts["fit"]


async def test_a_sold_out_zone_is_counted_and_not_shown(shop: Desk) -> None:
    first = (await seen(shop, "stadium_base")).data
    zone = first["zones"][0]
    ids = [offer["offer_id"] for offer in zone["offers"]]
    assert len(ids) == 3
    for offer_id in ids:
        shop.sandbox.set_stock(offer_id.partition(".")[2], 0)
    shop.clock.advance(61)
    again = (await seen(shop, "stadium_base")).data
    before = first["counts"].get("sold_out", 0)
    assert again["counts"]["sold_out"] == before + 1
    assert again["counts"]["fit"] == first["counts"]["fit"] - 1
    assert zone["zone"] not in {z["zone"] for z in again["zones"]}


async def test_where_nothing_fits_the_nearest_say_why(shop: Desk) -> None:
    answer = await seen(shop, "hall_base", max_price=20)
    assert answer.data["counts"]["fit"] == 0
    assert {zone["why"] for zone in answer.data["zones"]} == {"above the highest price"}
    assert all(zone["offers"] and not zone.get("enough") for zone in answer.data["zones"])
    assert "None fits; the nearest:" in answer.text


# listed and live


async def test_a_live_price_of_the_last_minute_wins(shop: Desk) -> None:
    standing = {"price_type": "Full price", "seating_category": "standing"}
    before = await seen(shop, "max_six_base", **standing)
    offer = before.data["zones"][0]["offers"][0]
    assert "live" not in offer
    assert "Prices follow demand" in before.data["note"]
    assert "by commas" in before.data["next"]
    shop.sandbox.set_price(offer["offer_id"].partition(".")[2], Decimal("81.00"))
    checked = await shop.call("check_availability", offer_id=offer["offer_id"])
    assert checked["price"] == "81.00 EUR"
    after = await seen(shop, "max_six_base", **standing, picture=True)
    told = {o["offer_id"]: o for o in offers_of(after)}[offer["offer_id"]]
    assert (told["price"], told["live"]) == ("81.00 EUR", True)
    assert "81.00 EUR (live)" in after.text
    assert "live ones seen: 81.00 EUR" in after.data["note"]
    sheet = (after.result.meta or {})[SHEET]
    (drawn,) = (
        o for z in sheet["zones"] for o in z.get("offers", ()) if o["id"] == offer["offer_id"]
    )
    assert drawn["price"] == "81.00"
    (picture,) = (await shop.client.read_resource(after.drawn_at)).contents
    assert "€81" in picture.text  # type: ignore[union-attr] # an SVG is text
    shop.clock.advance(61)
    later = await seen(shop, "max_six_base", **standing)
    assert "live" not in compact(offers_of(later))


async def test_the_cheapest_of_moving_prices_is_found_by_one_check(shop: Desk) -> None:
    """All seven standing zones of the derby are listed alike; what they cost now differs."""
    plan = await seen(shop, "max_six_base", price_type="Full price", seating_category="standing")
    offers = offers_of(plan)
    assert len(offers) == 7
    for number, offer in enumerate(offers):
        shop.sandbox.set_price(offer["offer_id"].partition(".")[2], Decimal(25 - 2 * number))
    checked = await shop.call(
        "check_availability", offer_id=",".join(o["offer_id"] for o in offers), quantity=1
    )
    told = [o for group in checked["groups"] for o in group["offers"]]
    cheapest = min(told, key=lambda offer: amount(offer["price"]))
    assert cheapest["offer_id"] == offers[-1]["offer_id"]
    again = await seen(shop, "max_six_base", price_type="Full price", seating_category="standing")
    assert again.data["zones"][0]["offers"][0]["offer_id"] == cheapest["offer_id"]
    assert "live ones seen: 13.00 EUR to 25.00 EUR" in again.data["note"]
    assert "by commas" not in again.data["next"]


async def test_reserve_compares_with_the_price_that_was_shown(shop: Desk) -> None:
    plan = await seen(shop, "max_six_base", quantity=1)
    offer = plan.data["zones"][0]["offers"][0]
    shop.sandbox.set_price(offer["offer_id"].partition(".")[2], Decimal("81.00"))
    checked = await shop.call("check_availability", offer_id=offer["offer_id"])
    await seen(shop, "max_six_base", quantity=1)
    session = next(s["session_id"] for s in checked["sessions"] if s["enough"])
    item = {"offer_id": offer["offer_id"], "quantity": 1, "session_ids": [session]}
    held = await shop.call("reserve", items=[item])
    assert "price_moves" not in held


# one truth in all forms


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"max_price": 50},
        {"price_type": "full price, Child"},
        {"seating_category": "seated"},
    ],
)
async def test_text_structure_page_and_picture_agree(shop: Desk, wish: Json) -> None:
    answer = await seen(shop, "stadium_base", quantity=2, **wish)
    sheet = (answer.result.meta or {})[SHEET]
    assert sheet["price_type"] == answer.data["price_type"]
    assert sheet.get("asked", {}) == {k: v for k, v in wish.items() if k != "max_price"}
    drawn = {zone["name"]: zone for zone in sheet["zones"]}
    ranked = sorted((z for z in sheet["zones"] if "best" in z), key=lambda zone: zone["best"])
    assert len(ranked) == answer.data["counts"]["fit"]
    shown = answer.data["zones"]
    assert [z["name"] for z in ranked][: len(shown)] == [z["zone"] for z in shown]
    for zone in shown:
        assert f"{drawn[zone['zone']]['from']} EUR" == zone["from_price"]
    for zone in sheet["zones"]:
        own = [o for o in zone.get("offers", ()) if not o.get("beside") and o.get("left") != 0]
        assert {o["price"] for o in own} >= {zone[end] for end in ("from", "to") if end in zone}
    (picture,) = (await shop.client.read_resource(answer.drawn_at)).contents
    assert f"Prices: {answer.data['price_type']}" in picture.text  # type: ignore[union-attr] # SVG
    assert ("Not asked for" in picture.text) is ("seating_category" in wish)  # type: ignore[union-attr] # SVG
    assert len(answer.text) + len(json.dumps(answer.structure)) < ALL_COUNTS
