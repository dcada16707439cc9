"""The sixteen kinds of halls that were once misread, each as small as can be: text, picture, page.

Each is one example of a kind, and two more places of the same kind stand beside it.
"""

import re
from math import dist
from typing import Any

import pytest

from korus_mcp.seating.geometry import contains
from korus_mcp.seating.ranking import Preference
from tests.seating.awkward import plan
from tests.seating.kinds import box, column, line, stacked, zone
from tests.seating.whole import Sold, Whole, answered

Json = dict[str, Any]


def front_of(found: Whole) -> tuple[float, float]:
    """The one place where people look."""
    (front,) = found.drawing.fronts
    return front


def is_above(found: Whole, name: str) -> bool:
    """Whether the front is above a zone, and over its width: text and page say the same."""
    x, y = front_of(found)
    (drawn,) = (each for each in found.drawing.zones if each.name == name)
    xs, ys = [across for across, _ in drawn.outline], [down for _, down in drawn.outline]
    assert "does not tell" not in found.text
    assert "notes" not in found.sheet
    assert [round(n) for n in front_of(found)] == found.sheet["focus"]
    return y < min(ys) and min(xs) <= x <= max(xs)


def longest(found: Whole) -> dict[str, int]:
    """The rows of up to so many, by zone; the sheet's words are those of the text."""
    for name, why in found.ranks.items():
        assert name not in found.text or why in found.text
    runs = {name: re.search(r"up to (\d+)", why) for name, why in found.ranks.items()}
    return {name: int(run[1]) for name, run in runs.items() if run}


def whose(found: Whole, name: str) -> set[str]:
    """The zones whose areas hold the seats of this one, beside its own."""
    (drawn,) = (each for each in found.drawing.zones if each.name == name)
    return {
        other.name
        for other in found.drawing.zones
        for outline in other.outlines
        for row in drawn.rows
        for seat in row
        if other.name != name and contains(outline, seat)
    }


# 1, 2: zones within others, and zones of several blocks.
WITHIN: dict[str, Json] = {
    "centre and sides": plan(
        zone("Centre", line("A", 0, 30, 40, 50), line("B", 10, 30, 40, 50)),
        zone("Sides", line("A", 0, 0, 80), line("B", 10, 0, 80)),
    ),
    "sofas around stalls": plan(
        zone("Stalls", *stacked("ABC", 0, 40, step=20)),
        zone("Sofas", line("S", 20, -30, -20, 60, 70)),
    ),
    "a price area left, right and behind": plan(
        zone("Middle", *stacked("ABC", 20, 30, 40)),
        zone("Around", *stacked("ABC", 0, 10, 50, 60), line("D", 30, 0, 10, 20, 30, 40, 50, 60)),
    ),
    "a ringside of four blocks": plan(
        zone("Floor", *stacked("ABCD", 20, 30, 40, 50, top=20)),
        zone(
            "Ringside",
            *(line(name, y, 20, 30, 40, 50) for name, y in (("N", 0), ("S", 70))),
            *(column(name, x, 20, 30, 40, 50) for name, x in (("W", 0), ("E", 70))),
        ),
    ),
}


@pytest.mark.parametrize("kind", WITHIN)
def test_no_zone_hides_the_seats_of_another_one(kind: str) -> None:
    found = answered(WITHIN[kind])
    names = [each.name for each in found.drawing.zones]
    assert {name: whose(found, name) for name in names} == {name: set() for name in names}
    for each in found.drawing.zones:
        assert [
            [round(n) for point in outline for n in point] for outline in each.outlines
        ] == found.zone(each.name)["outlines"], "the page draws the same areas"
    # In the picture all seats lie above all areas, and all labels above all seats.
    areas, dots = found.picture.rindex('Z"'), found.picture.index("h0M")
    assert areas < dots < found.picture.index('paint-order="stroke"')


# 3, 4: what lies along a row turns nobody's head.
ABOVE_STALLS: dict[str, Json] = {
    "an aisle off the middle": plan(zone("Stalls", *stacked("AB", 0, 30, 40, 50, 60))),
    "a coach of 1 + 2": plan(zone("Stalls", *stacked(["1", "2", "3"], 0, 22, 32, step=14))),
    "a wall where rows begin": plan(
        zone("Stalls", line("A", 0, 0, 10, 20), line("B", 10, 0, 10, 20, 30, 40))
    ),
    "odd right, even left": plan(
        zone("Stalls", line("A", 0, 20, 10, 30), line("B", 10, 20, 10, 30, 0))
    ),
    "listed from the right": plan(zone("Stalls", *stacked("AB", 60, 50, 40, 20, 10))),
    "listed from the middle": plan(zone("Stalls", *stacked("ABC", 30, 20, 40, 10, 50, 0, 60))),
    # 7: a horseshoe.
    "a horseshoe": plan(
        zone("Stalls", line("1", 20, 40, 60), line("2", 40, 40, 60)),
        zone("Left", column("1", 10, 20, 40), column("2", 0, 20)),
        zone("Right", column("1", 90, 20, 40), column("2", 100, 20)),
    ),
    "a courtyard theatre": plan(
        zone("Stalls", *stacked(["1", "2", "3"], 30, 40, 50, 60, 70, top=20)),
        zone("Left", *(column(name, x, 10, 20, 30, 40) for name, x in (("1", 10), ("2", 0)))),
        zone("Right", *(column(name, x, 10, 20, 30, 40) for name, x in (("1", 90), ("2", 100)))),
    ),
    "boxes around stalls": plan(
        zone("Stalls", *stacked("ABCD", 30, 40, 50, 60, 70)),
        zone("Left boxes", *(column(name, x, 0, 10, 20) for name, x in (("1", 15), ("2", 5)))),
        zone("Right boxes", *(column(name, x, 0, 10, 20) for name, x in (("1", 85), ("2", 95)))),
    ),
    # 8: names of rows.
    "AA before A": plan(zone("Stalls", *stacked(["AA", "A", "B", "C"], 0, 10, 20, 30))),
    "AA after Z": plan(zone("Stalls", *stacked(["X", "Y", "Z", "AA", "BB"], 0, 10, 20, 30))),
    "Row 1": plan(zone("Stalls", *stacked(["Row 1", "Row 2", "Row 3"], 0, 10, 20, 30))),
    "R1": plan(zone("Stalls", *stacked(["R1", "R2", "R3"], 0, 10, 20, 30))),
    "1A": plan(zone("Stalls", *stacked(["1A", "2A", "3A"], 0, 10, 20, 30))),
    "I to V": plan(zone("Stalls", *stacked(["I", "II", "III", "IV", "V"], 0, 10, 20, 30))),
    "Rang IX to XI": plan(zone("Stalls", *stacked(["Rang IX", "Rang X", "Rang XI"], 0, 10, 20))),
    "Ряд 1": plan(zone("Stalls", *stacked(["Ряд 1", "Ряд 2", "Ряд 3"], 0, 10, 20, 30))),
}


@pytest.mark.parametrize("kind", ABOVE_STALLS)
def test_the_front_is_above_the_stalls_in_text_picture_and_page(kind: str) -> None:
    found = answered(ABOVE_STALLS[kind], preference=Preference.CLOSEST)
    assert is_above(found, "Stalls")
    assert any(words in found.picture for words in (">Stage or pitch<", ">Front<"))
    assert "nearest to the" in found.text


@pytest.mark.parametrize(
    "names", [["AA", "A", "B", "C"], ["X", "Y", "Z", "AA"], ["R1", "R2", "R3"]]
)
def test_rows_from_the_bottom_turn_the_front_to_the_bottom(names: list[str]) -> None:
    found = answered(plan(zone("Stalls", *stacked(names[::-1], 0, 10, 20, 30))))
    assert front_of(found)[1] > max(y for _, y in found.drawing.zones[0].outline)


# 5: rows of up to so many.
RUNS: dict[str, tuple[Json, dict[str, int]]] = {
    "pews and a coach": (
        plan(
            zone("Pews", *stacked("ABC", 0, 10, 20, 30)),
            zone("Coach", *(line("", 100.0 + 12 * n, 0, 10, 40, 50) for n in range(3))),
        ),
        {"Pews": 4, "Coach": 2},
    ),
    "a floor that is one row": (
        plan(
            zone(
                "Floor",
                line("", 0, 0, 10, 20, 30, 40)
                | {
                    "seats": [
                        {"name": "1", "x": 10.0 * x, "y": 10.0 * y}
                        for y in range(2)
                        for x in range(5)
                    ]
                },
            )
        ),
        {"Floor": 5},
    ),
    "a cinema with two aisles": (
        plan(zone("Hall", *stacked("ABCD", 0, 10, 30, 40, 50, 60, 80, 90))),
        {"Hall": 4},
    ),
    "tables of four": (
        plan(zone("Tables", *stacked(["1", "2", "3"], 0, 10, 60, 70, step=40))),
        {"Tables": 2},
    ),
}


@pytest.mark.parametrize("kind", RUNS)
def test_rows_of_up_to_are_neighbours_in_text_and_page_and_rank_by_it(kind: str) -> None:
    hall, runs = RUNS[kind]
    for quantity in (2, 4):
        found = answered(hall, quantity=quantity, preference=Preference.TOGETHER)
        assert longest(found) == runs
        best = next(iter(found.ranks))
        assert runs[best] == max(runs.values())
        few = [name for name, run in runs.items() if run < quantity]
        assert all("only up to" in found.ranks[name] for name in few)


# 6 is in test_stock.py, 9 in test_stage.py, 16 with the page in tests/ui.
# 10: narrow boxes take no prices off.
def test_narrow_boxes_take_the_price_off_no_other_zone() -> None:
    for width in (16, 10, 24):
        found = answered(
            plan(
                zone("Box 1", polygon=box(0, 0, width, 90)),
                zone("Box 2", polygon=box(1000 - width, 0, 1000, 90)),
                zone("Stalls", polygon=box(60, 0, 940, 300)),
            )
        )
        assert re.search(r"<text[^>]*>€30</text>", found.picture)
        (size,) = re.findall(
            r'<text[^>]*font-size="(\d+)"[^>]*paint-order[^>]*>Stalls<', found.picture
        )
        assert int(size) >= 12


# 11: seats never placed.
STRAYS: dict[str, tuple[list[Json], int]] = {
    "at the origin": (
        [
            line("A", 5000, 5000, 5010, 5020, 5030, 5040),
            line("B", 5010, 5000, 5010, 5020, 5030),
            line("C", 0, 0),
        ],
        1,
    ),
    "far to the right": ([*stacked("AB", 0, 10, 20, 30, 40), line("C", 0, 90_000)], 1),
    "negative": ([*stacked("ABC", -50, -40, -30, -20), line("D", 9000, 9000)], 1),
}


@pytest.mark.parametrize("kind", STRAYS)
def test_seats_that_were_never_placed_are_left_out_and_told(kind: str) -> None:
    rows, count = STRAYS[kind]
    found = answered(plan(zone("Hall", *rows)))
    assert f"{count} of its seats lie far from all others and were left out." in found.text
    assert f">{count} seats lie far from all others and are not drawn<" in found.picture
    assert found.sheet["strays"] == count
    assert found.drawing.seat_count == sum(len(row["seats"]) for row in rows) - count
    xs, ys = zip(*found.drawing.zones[0].outline, strict=True)
    assert max(xs) - min(xs) > 500 or max(ys) - min(ys) > 500


ODD: dict[str, list[Json]] = {
    "all at one place": [line("A", 0, 0, 0, 0), line("B", 0, 0, 0)],
    "no coordinates": [{"name": "A", "seats": [{"name": "1"}, {"name": "2"}]}],
    "huge": stacked("AB", *(1e7 + 1e4 * n for n in range(4)), step=1e4),
    "negative": stacked("AB", -400, -390, -380, -370, top=-900),
    "0 to 1": stacked("AB", 0.1, 0.2, 0.3, 0.4, step=0.1),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_units_are_drawn_as_usual_ones_or_as_schematic(kind: str) -> None:
    found = answered(plan(zone("Hall", *ODD[kind])), quantity=2)
    is_placed = kind not in {"all at one place", "no coordinates"}
    assert found.drawing.is_schematic is not is_placed
    assert (">Schematic: not the real layout<" in found.picture) is not is_placed
    assert found.sheet.get("schematic", False) is not is_placed
    if is_placed:
        assert is_above(found, "Hall")


def test_where_y_grows_upwards_the_front_is_where_row_a_is() -> None:
    rows = stacked("ABC", 0, 10, 20, 30, top=20, step=-10)
    found = answered(plan(zone("Stalls", *rows)), preference=Preference.CLOSEST)
    first = found.drawing.zones[0].rows[0]
    last = found.drawing.zones[0].rows[-1]
    assert dist(front_of(found), first[1]) < dist(front_of(found), last[1])


# 12: the legend has no colour that no zone has.
LEGENDS: dict[str, list[tuple[str, int, int]]] = {
    "a line of four": [("North", 20, 1), ("East", 40, 1), ("South", 60, 9), ("West", 80, 9)],
    "few of the dearest": [("North", 20, 9), ("East", 40, 9), ("South", 60, 1), ("West", 80, 1)],
    "one is left": [("North", 20, 1), ("East", 40, 1), ("South", 60, 1), ("West", 80, 9)],
}


@pytest.mark.parametrize("kind", LEGENDS)
def test_the_legend_has_the_looks_that_zones_have_and_no_other(kind: str) -> None:
    zones = [
        zone(name, line("A", 0, 30.0 * n, 30.0 * n + 10))
        for n, (name, _, _) in enumerate(LEGENDS[kind])
    ]
    sold = [Sold(zone=name, amount=price, left=left) for name, price, left in LEGENDS[kind]]
    found = answered(plan(*zones), sold, quantity=2)
    areas = set(re.findall(r'<path d="[^"]*Z" fill="(#\w+)"', found.picture))
    swatches = re.findall(
        r'<rect x="[^"]*" y="[^"]*" width="38" height="36" rx="5" fill="(#\w+)"', found.picture
    )
    assert sorted(swatches) == sorted(areas)
    assert found.picture.count(">Fewer than 2 left<") == 1


# 13: rows have names where there is room.
@pytest.mark.parametrize("names", ["ABC", ["Row 1", "Row 2", "Row 3"], ["I", "II", "III"]])
def test_rows_are_named_in_text_and_picture(names: list[str]) -> None:
    found = answered(plan(zone("Stalls", *stacked(names, *(10.0 * n for n in range(12)), step=20))))
    short = [name.split()[-1] for name in names]
    assert f"rows {short[0]} to {short[-1]}" in found.text
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", found.picture)
    assert all(texts.count(name) >= 2 for name in short)
    assert found.zone("Stalls")["ends"]


# 14: an edge runs through no label.
@pytest.mark.parametrize("inner", ["VIP 3", "Box 12", "Loge B"])
def test_the_edge_of_a_best_zone_ends_where_a_zone_within_it_begins(inner: str) -> None:
    found = answered(
        plan(zone("Floor", polygon=box(0, 0, 100, 100)), zone(inner, polygon=box(86, 20, 110, 80)))
    )
    edge = found.picture.index('fill="none" stroke="#14171c" stroke-width="3.5"')
    assert edge < found.picture.rindex("<path") < found.picture.rindex(">Floor<")
    assert f">{inner}<" in found.picture


# 15: the step between seats is that of neighbours, in whatever order they are listed.
@pytest.mark.parametrize("order", [(0, 40, 10, 30, 20), (40, 0, 30, 10, 20), (20, 0, 40, 10, 30)])
def test_dots_do_not_run_together_whatever_the_order_of_the_list(order: tuple[float, ...]) -> None:
    deck = zone("Deck", *stacked("AB", *order, step=20))
    found = answered(plan(deck, zone("Tail", polygon=box(1000, 0, 1200, 60))), quantity=2)
    drawn = found.drawing.zones[0].rows[0]
    scale = min(1128 / found.drawing.width, 860 / found.drawing.height)
    step = scale * (max(x for x, _ in drawn) - min(x for x, _ in drawn)) / 4
    (width,) = {
        float(w)
        for w in re.findall(r'stroke-width="([\d.]+)" stroke-linecap="round"', found.picture)
    }
    assert width < step
