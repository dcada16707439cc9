"""What is left: never more than a zone has places, and what zones share is told once."""

import json
from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.foundation.money import Money
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.picture import svg
from korus_mcp.seating.ranking import Preference, Ranking, Unfit, ZoneQuery, ranked
from korus_mcp.seating.scene import ZoneState, state_of
from korus_mcp.seating.sheet import Sheet, SheetContext, sheet_of
from korus_mcp.seating.table import SeatOffer, SeatTable, seat_table, shared_stocks
from tests.seating.awkward import plan
from tests.seating.kinds import box, line, zone
from tests.seating.whole import Sold, answered

Json = dict[str, Any]
GOLD = [{"@id": "/c/1", "name": "Gold"}]
BOX_AND_HALL = plan(
    zone("Box", line("A", 0, 0, 10, 20, 30), capacity=4, seatingCategory="/c/1"),
    zone("Hall", polygon=box(0, 20, 100, 90), capacity=200, seatingCategory="/c/1"),
    seatingCategories=GOLD,
)


def of_gold(left: int | None = 83, kind: str = "Full", amount: int = 20) -> SeatOffer:
    choices = {"seating_category": "Gold", "price_type": kind}
    return SeatOffer(offer_id=f"k.{kind}", choices=choices, price=Money(Decimal(amount)), left=left)


def of_zone(name: str, left: int | None) -> SeatOffer:
    return SeatOffer(
        offer_id=f"z.{name}", choices={"zone": name}, price=Money(Decimal(10)), left=left
    )


def table_of(seat_map: Json, *offers: SeatOffer) -> SeatTable:
    return seat_table(SeatMap.model_validate(seat_map), offers, {})


def wished(
    table: SeatTable, quantity: int, preference: Preference = Preference.CHEAPEST
) -> Ranking:
    return ranked(table, ZoneQuery(quantity=quantity, preference=preference))


def whys(found: Ranking) -> dict[str, tuple[int | None, str]]:
    return {each.zone.name: (each.rank, each.why) for each in found.zones}


def test_a_box_of_four_never_seats_six_whatever_its_category_has_left() -> None:
    table = table_of(BOX_AND_HALL, of_gold())
    found = wished(table, 6)
    assert whys(found) == {
        "Hall": (1, "cheapest, of a shared stock"),
        "Box": (None, "only 4 places"),
    }
    assert found.zones[1].unfit is Unfit.TOO_FEW
    assert [zone.left for zone in table.zones] == [4, 83]
    assert state_of(table.zones[0], 6) is ZoneState.OUTSIDE


@pytest.mark.parametrize("preference", Preference)
def test_no_reason_tells_the_number_that_zones_share(preference: Preference) -> None:
    table = table_of(BOX_AND_HALL, of_gold())
    for quantity in (1, 4, 6, 90):
        told = " ".join(each.why for each in wished(table, quantity, preference).zones)
        assert "83" not in told, told
    assert whys(wished(table, 2))["Box"] == (1, "cheapest, at most 4 of a shared stock")
    assert whys(wished(table, 90))["Hall"] == (None, "too few in a shared stock")


def test_what_zones_share_is_one_stock_of_all_price_types() -> None:
    table = table_of(BOX_AND_HALL, of_gold(), of_gold(83, "Child", 10))
    (stock,) = shared_stocks(table.zones)
    assert (stock.name, stock.zones, stock.left) == ("Gold", (0, 1), 83)
    (category,) = table.categories
    assert category.left == 83


def test_zones_together_have_no_more_than_their_places() -> None:
    small = plan(
        *(zone(f"Box {n}", capacity=4, seatingCategory="/c/1") for n in range(3)),
        seatingCategories=GOLD,
    )
    (stock,) = shared_stocks(table_of(small, of_gold(292)).zones)
    assert (stock.left, len(stock.zones)) == (12, 3)


def test_zones_of_one_name_share_what_is_left_of_it() -> None:
    table = table_of(plan(*(zone("Tribune", capacity=50) for _ in range(3))), of_zone("Tribune", 9))
    assert [(stock.name, stock.left) for stock in shared_stocks(table.zones)] == [("Tribune", 9)]


def test_a_zone_that_is_alone_shares_nothing() -> None:
    alone = plan(zone("Hall", seatingCategory="/c/1"), zone("Bar"), seatingCategories=GOLD)
    table = table_of(alone, of_gold(), of_zone("Bar", 5))
    assert [zone.is_shared for zone in table.zones] == [False, False]
    assert shared_stocks(table.zones) == ()
    assert whys(wished(table, 1))["Hall"] == (2, "10.00 EUR more, 83 left")


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"capacity": 4}, 4),
        ({"capacity": 0}, None),
        ({"capacity": -3}, None),
        ({"capacity": 90, "rows": [line("A", 0, 0, 10, 20)]}, 3),
        ({"capacity": 2, "rows": [line("A", 0, 0, 10, 20)]}, 2),
        ({"rows": [{"name": "A", "seats": [{"name": "1"}, {"name": "2"}]}]}, 2),
        ({"rows": [line("A", 0, 0, 10), {"name": "B", "seats": []}]}, None),
        ({"rows": [line("A", 0, 0, 10), {"name": "B", "seats": "many"}]}, None),
        ({}, None),
    ],
)
def test_places_are_those_of_capacity_or_seats_whichever_are_fewer(
    fields: Json, places: int | None
) -> None:
    table = table_of(plan(zone("a") | fields), of_zone("a", 50))
    (only,) = table.zones
    assert (only.places, only.left) == (places, places or 50)


def test_without_a_stated_limit_places_alone_are_too_few() -> None:
    table = table_of(plan(zone("a", capacity=4)), of_zone("a", None))
    assert whys(wished(table, 4))["a"] == (1, "cheapest")
    assert whys(wished(table, 5))["a"] == (None, "only 4 places")
    assert whys(wished(table_of(plan(zone("a", capacity=4)), of_zone("a", 2)), 5))["a"] == (
        None,
        "only 2 left",
    )
    assert whys(wished(table_of(plan(zone("a", capacity=4)), of_zone("a", 0)), 5))["a"] == (
        None,
        "sold out",
    )


def sheet(table: SeatTable, seat_map: Json, quantity: int = 6) -> Sheet:
    context = SheetContext(title="t", product_base_id="k.1", language="en", quantity=quantity)
    drawing = drawing_of(SeatMap.model_validate(seat_map))
    return sheet_of(drawing, table, wished(table, quantity), context)


def test_the_page_is_told_the_same() -> None:
    found = sheet(table_of(BOX_AND_HALL, of_gold()), BOX_AND_HALL)
    assert found["stocks"] == [{"name": "Gold", "left": 83, "zones": 2}]
    small, large = found["zones"]
    assert (small["left"], small["places"], small["shared"]) == (4, 4, 2)
    assert [offer["left"] for offer in small["offers"]] == [4]
    assert (large["left"], large["places"]) == (83, 200)
    own = plan(zone("a", capacity=4))
    assert "stocks" not in sheet(table_of(own, of_zone("a", 50)), own)


def test_the_picture_tells_it_once_in_a_note() -> None:
    table = table_of(BOX_AND_HALL, of_gold())
    drawing = drawing_of(SeatMap.model_validate(BOX_AND_HALL))
    drawn = svg(drawing, table.zones)
    assert drawn.count("Gold: 83 left, shared by 2 zones") == 2, "the note, and the description"
    assert drawn.count("83") == 2
    assert "Gold : reste 83, pour 2 zones ensemble" in svg(drawing, table.zones, language="fr")


def test_text_and_structure_tell_it_once_with_the_category() -> None:
    found = answered(BOX_AND_HALL, [Sold(category="Gold", amount=20, left=83)], quantity=6)
    assert found.text.count("83") == 1
    assert "Gold: no price type 20.00 EUR; 2 zones, 1 fit, 83 left shared by 2" in found.text
    assert "Box" not in found.text, "it has four places"
    (hall,) = found.structure["zones"]
    assert (hall["shared"], hall["enough"], "left" in hall) == (True, True, False)
    (gold,) = found.structure["categories"]
    assert gold["shared"] == [{"left": 83, "zones": 2}]
    assert json.dumps(found.structure).count("83") == 1


def test_fifteen_zones_of_one_stock_do_not_look_like_fifteen_stocks() -> None:
    zones = [zone(f"Block {n}", capacity=500, seatingCategory="/c/1") for n in range(15)]
    sold = [Sold(category="Gold", amount=20, left=292)]
    found = answered(plan(*zones, seatingCategories=GOLD), sold, quantity=2)
    assert found.text.count("292") == json.dumps(found.structure).count("292") == 1
    assert "292 left shared by 15" in found.text
    assert found.picture.count("292") == 2, "the note, and the description"
    assert found.sheet["stocks"] == [{"name": "Gold", "left": 292, "zones": 15}]


def test_a_small_zone_says_how_many_it_has_room_for() -> None:
    found = answered(BOX_AND_HALL, [Sold(category="Gold", amount=20, left=83)], quantity=2)
    small = next(each for each in found.structure["zones"] if each["zone"] == "Box")
    assert (small["places"], small["why"]) == (4, "cheapest, at most 4 of a shared stock")
    assert found.text.count("at most 4 of a shared stock") == 1
