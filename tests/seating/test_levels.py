"""Decks and floors at the same place: drawn beside each other, named, with fronts of their own."""

from typing import Any

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.seating.layout import Drawing, drawing_of
from korus_mcp.seating.marks import Place, marks_of
from korus_mcp.seating.ranking import Preference
from tests.seating.awkward import plan, square
from tests.seating.drawable import assert_drawable, overlap
from tests.seating.kinds import box, line, stacked, zone
from tests.seating.whole import answered

Json = dict[str, Any]
ROWS = stacked("ABCDEF", 0, 10, 20, 30, 40, 50)


def deck(name: str, *names: str, left: float = 0, **fields: Any) -> Json:
    xs = [left + 10 * n for n in range(6)]
    return zone(name, *stacked(names or "ABCDEF", *xs), **fields)


def drawn(*zones: Json) -> Drawing:
    seat_map = SeatMap.model_validate(plan(*zones))
    drawing = drawing_of(seat_map)
    assert_drawable(drawing, seat_map)
    return drawing


KINDS: dict[str, tuple[list[Json], list[str]]] = {
    "a bus": ([deck("Lower deck"), deck("Upper deck")], ["Lower deck", "Upper deck"]),
    "an upper deck with fewer rows": (
        [deck("Lower deck"), deck("Upper deck", *"ABCD")],
        ["Lower deck", "Upper deck"],
    ),
    "half a seat aside": ([deck("Parterre"), deck("1st floor", left=5)], ["Parterre", "1st floor"]),
    "three floors": ([deck(f"Level {n}") for n in range(3)], ["Level 0", "Level 1", "Level 2"]),
    "decks in several zones, in any order": (
        [
            deck("Lower deck front", *"ABC"),
            deck("Upper deck rear", *"ABC", left=100),
            deck("Upper deck front", *"ABC"),
            deck("Lower deck rear", *"ABC", left=100),
            deck("Upper deck lounge", *"AB", left=200),
        ],
        ["Lower deck", "Upper deck"],
    ),
    "polygons alone": (
        [zone("Floor 1", polygon=square(0, 0)), zone("Floor 2", polygon=square(0, 0))],
        ["Floor 1", "Floor 2"],
    ),
    **{
        f"{count} rows of {seats}": (
            [
                zone(name, *stacked("ABCDEFGHIJKL"[:count], *xs))
                for name in ("Lower deck", "Upper deck")
            ],
            ["Lower deck", "Upper deck"],
        )
        # Of seats that are asked one by one, none may be at the end of every row alone.
        for count in (3, 10, 11, 12)
        for seats in range(2, 12)
        if (xs := [10 * (seats - n) for n in range(seats)])
    },
    "names that tell nothing": ([deck("Zone"), deck("Zone")], ["Zone", "Zone"]),
}


def test_seats_that_are_hardly_apart_tell_no_levels() -> None:
    xs = (0.0, 1e-320, 2e-320, 3e-320, -1000.0, -999.0)
    drawing = drawn(zone("One", line("A", 0, *xs)), zone("Other", line("A", 0, *xs)))
    assert not drawing.levels


@pytest.mark.parametrize("kind", KINDS)
def test_levels_are_drawn_beside_each_other_and_named(kind: str) -> None:
    zones, names = KINDS[kind]
    found = drawn(*zones)
    assert sorted(level.name for level in found.levels) == sorted(names)
    for one in found.zones:
        for other in found.zones[one.number + 1 :]:
            assert not overlap(one, other), (one.name, other.name)
        level = found.levels[one.level].name
        assert set(level.split()) <= set(one.name.split())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "alone" not in kind])
def test_each_level_has_its_own_front_ahead_of_its_first_row(kind: str) -> None:
    found = drawn(*KINDS[kind][0])
    assert len(found.fronts) == len(found.levels)
    for each in found.zones:
        (front,) = found.fronts_of(each)
        first, last = each.rows[0], each.rows[-1]
        assert front[1] < first[0][1] < last[0][1], "above row A"
    if kind == "a bus":
        near = [min(abs(x - f[0]) for f in found.fronts) for x, _ in found.fronts]
        assert near == [0, 0]


def test_text_picture_and_page_name_them() -> None:
    found = answered(plan(deck("Lower deck"), deck("Upper deck")))
    told = "Lower deck, Upper deck"
    assert f"At the same place: {told}, drawn beside each other." in found.text
    assert f">At the same place, drawn beside each other: {told}<" in found.picture
    assert [level["name"] for level in found.sheet["levels"]] == ["Lower deck", "Upper deck"]
    assert len(found.sheet["focus"]) == 4
    assert found.picture.count(">Lower deck</text>") >= 1


def test_the_nearest_is_told_by_the_front_of_its_own_level() -> None:
    found = answered(
        plan(
            deck("Lower deck front", *"ABC"),
            zone("Lower deck rear", *stacked("DEF", 0, 10, 20, 30, 40, 50, top=60)),
            deck("Upper deck front", *"ABC"),
            zone("Upper deck rear", *stacked("DEF", 0, 10, 20, 30, 40, 50, top=60)),
        ),
        preference=Preference.CLOSEST,
    )
    assert [name.split()[-1] for name in found.ranks] == ["front", "front", "rear", "rear"]


def test_a_held_seat_is_marked_on_its_own_deck() -> None:
    seat_map = SeatMap.model_validate(plan(deck("Lower deck"), deck("Upper deck")))
    drawing = drawing_of(seat_map)
    (mark,) = marks_of(seat_map, drawing, [Place(zone="Upper deck", row="B", seat="3")])
    assert mark.at == drawing.zones[1].rows[1][2]


NO_LEVELS: dict[str, list[Json]] = {
    "side by side": [deck("West"), deck("East", left=70)],
    "an island": [zone("Floor", polygon=box(0, 0, 100, 100)), deck("VIP")],
    "a balcony behind": [deck("Stalls"), zone("Balcony", *stacked("AB", 0, 20, 40, top=70))],
    "odd and even": [
        zone("Odd", line("A", 0, 0, 20, 40), line("B", 10, 0, 20, 40)),
        zone("Even", line("A", 0, 10, 30, 50), line("B", 10, 10, 30, 50)),
    ],
    "one seat of another price": [deck("Stalls"), zone("Aisle", line("A", 0, 60))],
    "nothing": [],
}


@pytest.mark.parametrize("kind", NO_LEVELS)
def test_what_lies_on_one_level_stays_where_it_is(kind: str) -> None:
    found = drawn(*NO_LEVELS[kind])
    assert found.levels == ()
    assert {each.level for each in found.zones} <= {0}
