"""The sheet: all that the interactive map shows, small and without nulls."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.foundation.money import Money
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.ranking import Preference, ZoneQuery, ranked
from korus_mcp.seating.sheet import MOST_OFFERS, MOST_ZONES, SheetContext, sheet_of
from korus_mcp.seating.table import SeatOffer, seat_table
from tests.seating.awkward import MAPS, Json, plan, row, square
from tests.seating.halls import bowl, bowl_offers

MOST_BYTES = 200_000


def sheet(
    seat_map: Json, *offers: SeatOffer, wish: ZoneQuery | None = None, **context: Any
) -> Json:
    """The sheet of a map, through JSON."""
    read = SeatMap.model_validate(seat_map)
    wish = wish or ZoneQuery()
    drawing = drawing_of(read)
    table = seat_table(read, offers, {}, max_price=context.get("max_price"))
    said = {"title": "Valmont - Rives", "product_base_id": "k3f9qa.1", "language": "fr"}
    made = SheetContext(**(said | {"quantity": wish.quantity} | context))
    found: Json = json.loads(
        json.dumps(sheet_of(drawing, table, ranked(table, wish, drawing), made))
    )
    return found


def offer(offer_id: str, price: Money | None, left: int | None, **choices: str) -> SeatOffer:
    return SeatOffer(offer_id=offer_id, choices=choices, price=price, left=left)


def euros(amount: str) -> Money:
    return Money(Decimal(amount))


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from leaves(member)
    else:
        yield value


def test_a_sheet_holds_all_that_the_map_shows() -> None:
    zones = (
        {"name": "North", "seatingCategory": "/c/1", "capacity": 40, "polygon": square(0, 0, 50)},
        {"name": "South", "rows": [row("A", (60.0, 10.0), (70.0, 10.0)), row("B", (60.0, 20.0))]},
        {"name": "Empty"},
    )
    categories = [{"@id": "/c/1", "name": "Category 1", "color": "#1F77B4"}, {"name": "Category 2"}]
    found = sheet(
        plan(*zones, seatingCategories=categories),
        offer("k.1", euros("45"), 12, zone="North"),
        offer("k.2", euros("60.5"), 3, zone="North"),
        offer("k.3", euros("80"), None, zone="South"),
        offer("k.4", euros("10"), 0, zone="Elsewhere"),
        wish=ZoneQuery(quantity=2),
        venue="Stade",
        day=date(2026, 12, 5),
        session_id="s1",
        max_price=Decimal(60),
        products={"k.1": "Match adult", "k.3": "Match south"},
    )
    north, south, empty = found.pop("zones")
    assert found == {
        "v": 1,
        "title": "Valmont - Rives",
        "venue": "Stade",
        "date": "2026-12-05",
        "product_base_id": "k3f9qa.1",
        "session_id": "s1",
        "notes": ["day_stock"],
        "language": "fr",
        "currency": "EUR",
        "quantity": 2,
        "prefer": "cheapest",
        "max_price": "60",
        "width": 1000,
        "height": found["height"],
        "focus": found["focus"],
        "categories": [
            {"name": "Category 1", "color": "#1f77b4", "from": "45.00", "to": "45.00", "left": 12},
            {"name": "Category 2"},
        ],
        "untied": [{"id": "k.4", "price": "10.00", "left": 0}],
        "untied_count": 1,
    }
    (outline,), (x, y) = north.pop("outlines"), north.pop("at")
    assert len(outline) == 8
    assert [len(flat) >= 6 for flat in south.pop("outlines")] == [True]
    ((left, top, right, bottom),) = north.pop("rooms")
    assert min(outline[::2]) <= left < x < right <= max(outline[::2])
    assert min(outline[1::2]) <= top < y < bottom <= max(outline[1::2])
    assert all(left < right for left, _, right, _ in south.pop("rooms"))
    assert min(outline[::2]) < x < max(outline[::2])
    assert min(outline[1::2]) < y < max(outline[1::2])
    assert north == {
        "n": 0,
        "name": "North",
        "category": 0,
        "places": 40,
        "from": "45.00",
        "to": "60.50",
        "left": 12,
        "best": 1,
        "why": "cheapest with 12 left",
        "offers": [
            {"id": "k.1", "product": "Match adult", "price": "45.00", "left": 12},
            {"id": "k.2", "price": "60.50", "left": 3},
        ],
    }
    assert (south["why"], "best" in south, "left" in south) == (
        "above the highest price",
        False,
        False,
    )
    assert [len(flat.split()) for flat in south["rows"]] == [4, 2]
    assert empty["schematic"] is True
    assert empty["why"] == "nothing on sale"
    assert {"offers", "from", "to", "left", "best", "rows", "category"}.isdisjoint(empty)


def test_sold_out_is_none_left_and_no_price() -> None:
    (zone,) = sheet(plan({"name": "a"}), offer("k.1", euros("10"), 0, zone="a"))["zones"]
    assert (zone["left"], zone["why"], "from" in zone, "best" in zone) == (
        0,
        "sold out",
        False,
        False,
    )
    assert zone["offers"] == [{"id": "k.1", "price": "10.00", "left": 0}]


def test_a_price_of_another_currency_says_so() -> None:
    francs, unknown = Money(Decimal(30), "CHF"), Money(Decimal(7), "XXX")
    found = sheet(
        plan({"name": "a"}, {"name": "b"}, {"name": "c"}),
        offer("k.1", francs, 1, zone="a"),
        offer("k.2", francs, 1, zone="a"),
        offer("k.3", euros("20"), 1, zone="b"),
        offer("k.4", unknown, 1, zone="c"),
    )
    assert found["currency"] == "CHF"
    assert [zone.get("from") for zone in found["zones"]] == ["30.00", "20.00 EUR", None]


def test_a_wish_that_could_not_be_met_is_noted() -> None:
    wish = ZoneQuery(preference=Preference.CLOSEST)
    assert sheet(plan({"name": "a"}), wish=wish)["notes"] == ["no_focus"]


def test_stock_of_a_day_is_called_that() -> None:
    assert sheet(plan({"name": "a"}), session_id="s1")["notes"] == ["day_stock"]
    assert "notes" not in sheet(plan({"name": "a"}))


def test_what_fits_the_wish_comes_first_in_a_zone_and_what_is_sold_out_last() -> None:
    offers = (
        offer("sold-out", euros("5"), 0, zone="a"),
        offer("too-few", euros("10"), 1, zone="a"),
        offer("fits", euros("40"), 9, zone="a"),
    )
    (zone,) = sheet(plan({"name": "a"}), *offers, wish=ZoneQuery(quantity=4))["zones"]
    assert [each["id"] for each in zone["offers"]] == ["fits", "too-few", "sold-out"]


def test_of_very_many_zones_the_best_keep_their_offers_and_all_keep_what_fits() -> None:
    names = [f"Block {n}" for n in range(400)]
    offers = [
        each
        for n, name in enumerate(names)
        for each in (
            offer(f"child-{n}", euros("10"), 0, zone=name),
            offer(f"adult-{n}", euros(str(20 + n)), 90, zone=name),
            offer(f"senior-{n}", euros(str(19 + n)), 90, zone=name),
        )
    ]
    zones = sheet(plan(*({"name": name} for name in names)), *offers, wish=ZoneQuery(quantity=2))[
        "zones"
    ]
    best, last = zones[0], zones[-1]
    assert [len(zone["offers"]) for zone in (best, last)] == [3, 1]
    assert (last["more"], last["left"]) == (2, 90)
    assert last["offers"][0]["id"] == "adult-399"
    assert sum(len(zone["offers"]) for zone in zones) == MOST_OFFERS


def test_zones_sold_by_category_say_that_they_share() -> None:
    categories = [{"@id": "/c/1", "name": "Gold"}]
    zones = ({"name": "a", "seatingCategory": "/c/1"}, {"name": "b", "seatingCategory": "/c/1"})
    shared = offer("k.1", euros("10"), 7, seating_category="Gold")
    found = sheet(plan(*zones, seatingCategories=categories), shared)
    assert [zone["shared"] for zone in found["zones"]] == [2, 2]
    assert found["categories"][0]["left"] == 7


@pytest.mark.parametrize("name", MAPS)
def test_the_sheet_of_any_map_has_no_nulls_and_whole_coordinates_within_the_drawing(
    name: str,
) -> None:
    found = sheet(MAPS[name], *bowl_offers(60), wish=ZoneQuery(quantity=3))
    assert not any(value is None or isinstance(value, float) for value in leaves(found))
    for zone in found["zones"]:
        rows = [[int(n) for n in row.split(" ")] for row in zone.get("rows", ())]
        lists = [*zone["outlines"], zone["at"], *rows]
        flat = [n for each in lists for n in each]
        assert all(0 <= x <= found["width"] for x in flat[::2])
        assert all(0 <= y <= found["height"] for y in flat[1::2])
    assert len(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()) < MOST_BYTES


def test_above_six_thousand_seats_only_outlines_are_sent() -> None:
    few, many = (bowl(zones=50, rows=rows, seats=12) for rows in (10, 11))
    assert all("rows" in zone for zone in sheet(few)["zones"])
    found = sheet(many)
    assert all("rows" not in zone and len(zone["outlines"][0]) >= 6 for zone in found["zones"])
    size = len(json.dumps(sheet(few, *bowl_offers(50)), separators=(",", ":")))
    assert size < MOST_BYTES


def test_of_very_many_zones_the_best_are_sent_and_the_others_counted() -> None:
    cheap = offer("k.1", euros("5"), 9, zone="Seat 299")
    found = sheet(MAPS["a_thousand_zones"], cheap)
    assert len(found["zones"]) == MOST_ZONES
    assert found["hidden"] == 1000 - MOST_ZONES
    assert found["zones"][-1]["n"] == 999
    assert found["zones"][-1]["best"] == 1


def test_names_in_a_sheet_are_cleaned() -> None:
    found = sheet(MAPS["hostile_names"])
    for zone in found["zones"]:
        assert zone["name"].isprintable()
        assert len(zone["name"]) <= 80
        assert "](" not in zone["name"]
