"""Names of rows stand at the ends of rows where there is room, and nowhere else."""

from itertools import combinations
from typing import Any

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.seating.geometry import Box, contains
from korus_mcp.seating.layout import Drawing, drawing_of
from korus_mcp.seating.row_names import MOST_SEATS, row_ends_of, short_name, told_rows, written
from tests.seating.awkward import plan, row
from tests.seating.venues import hall_venue, large_venue

SIZES = (14, 12, 10)


def _drawing(*zones: dict[str, Any]) -> Drawing:
    return drawing_of(SeatMap.model_validate(plan(*zones)))


def _rows(names: str, *, left: int = 0, top: int = 0, seats: int = 10) -> list[dict[str, Any]]:
    return [
        row(name, *((left + 10 * n, top + 14 * line) for n in range(seats)))
        for line, name in enumerate(names)
    ]


def _names(drawing: Drawing, zone: int = 0) -> list[tuple[str, Box]]:
    _, found = written(row_ends_of(drawing), SIZES, ())
    return [(each.end.name, each.box) for each in found if each.zone == zone]


def test_each_row_is_named_at_both_ends_beyond_its_seats() -> None:
    drawing = _drawing({"name": "Stalls", "rows": _rows("ABC")})
    names = _names(drawing)
    assert sorted(name for name, _ in names) == ["A", "A", "B", "B", "C", "C"]
    (zone,) = drawing.zones
    for name, seats in zip(zone.row_names, zone.rows, strict=True):
        first, last = (box for each, box in sorted(names, key=_left) if each == name)
        assert first.right < min(x for x, _ in seats) <= max(x for x, _ in seats) < last.left
        assert all(box.top < seats[0][1] < box.bottom for box in (first, last))


def _left(named: tuple[str, Box]) -> float:
    return named[1].left


def test_a_row_that_is_listed_in_any_order_or_in_parts_has_two_ends() -> None:
    shuffled = [row("A", (20, 0), (0, 0), (10, 0)), row("A", (40, 0), (30, 0))]
    names = _names(_drawing({"name": "Stalls", "rows": [*shuffled, *_rows("B", top=14, seats=5)]}))
    assert [name for name, _ in names].count("A") == 2


def test_across_an_aisle_each_block_has_its_names_on_its_own_half() -> None:
    blocks = [
        {"name": "Left", "rows": _rows("ABC", seats=8)},
        {"name": "Right", "rows": _rows("ABC", left=130, seats=8)},
    ]
    drawing = _drawing(*blocks)
    left, right = _names(drawing, 0), _names(drawing, 1)
    assert len(left) == len(right) == 6
    assert max(box.right for _, box in left) < min(box.left for _, box in right)
    boxes = [box for _, box in (*left, *right)]
    assert not any(_meet(*pair) for pair in combinations(boxes, 2))


def test_no_name_lies_on_a_seat_another_zone_or_beyond_the_edge() -> None:
    for venue in (hall_venue(), large_venue(10, 20, 25)):
        drawing = venue.drawing
        _, found = written(row_ends_of(drawing), SIZES, ())
        for each in found:
            box = each.box
            assert 0 <= box.left <= box.right <= drawing.width
            assert 0 <= box.top <= box.bottom <= drawing.height
            for zone in drawing.zones:
                inside = (s for r in zone.rows for s in r if _is_in(box, s))
                assert not list(inside), (each.end.name, zone.name)
                others = zone.number != each.zone
                assert not (others and any(contains(zone.outline, c) for c in box.corners))


def test_where_there_is_no_room_no_row_is_named_and_never_a_few_of_many() -> None:
    close = [row(str(n), *((10 * x, 2 * n) for x in range(20))) for n in range(30)]
    assert not _names(_drawing({"name": "Stalls", "rows": close}, {"polygon": _far(400)}))
    bowl = large_venue(10, 20, 25).drawing
    _, found = written(row_ends_of(bowl), SIZES, ())
    for zone in bowl.zones:
        names = {each.end.name for each in found if each.zone == zone.number}
        assert not names or 2 * len(names) > len(set(zone.row_names))


def _far(at: int) -> list[list[int]]:
    return [[at, 0], [at + 600, 0], [at + 600, 60], [at, 60]]


@pytest.mark.parametrize(
    "rows",
    [
        [row("", *((10 * n, 0) for n in range(9)))],
        [row("Table 4", (0, 0), (10, 0), (10, 10), (0, 10))],
        [row("F", (0, 0))],
        [row("a very long name of a row", (0, 0), (10, 0), (20, 0))],
    ],
    ids=["nameless", "table", "one seat", "long"],
)
def test_what_is_no_row_with_a_name_is_not_named(rows: list[dict[str, Any]]) -> None:
    assert not row_ends_of(_drawing({"name": "Club", "rows": rows}))


def test_a_name_gives_way_to_what_was_there_before() -> None:
    drawing = _drawing({"name": "Stalls", "rows": _rows("ABC")})
    whole = Box(0, 0, drawing.width, drawing.height)
    assert written(row_ends_of(drawing), SIZES, [whole])[1] == []


def test_of_very_many_seats_no_ends_are_looked_for() -> None:
    rows = [
        row(str(n), *((10 * x, 14 * n) for x in range(100))) for n in range(MOST_SEATS // 100 + 1)
    ]
    assert not row_ends_of(_drawing({"name": "Stand", "rows": rows}))


@pytest.mark.parametrize(
    ("name", "short"),
    [("A", "A"), ("Row 12", "12"), ("Rang AA", "AA"), ("Strapontin", ""), ("  7 ", "7")],
)
def test_a_row_is_named_in_short(name: str, short: str) -> None:
    assert short_name(name) == short


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (list("CABD"), "A to D"),
        (["AA", "A", "B", "C"], "A to C, AA"),
        ([f"Row {n}" for n in range(1, 21)], "1 to 20"),
        (["1", "2", "3", "7", "VIP"], "1 to 3, 7, VIP"),
        (list("FGHJK"), "F to K"),
        (["Bay 1"], "1"),
        (["", ""], ""),
        ([str(n) for n in range(0, 30, 2)], "0, 2, 4, 6, 11 more"),
    ],
)
def test_rows_are_told_in_few_words(names: list[str], told: str) -> None:
    assert told_rows(names) == told


def _is_in(box: Box, seat: tuple[float, float]) -> bool:
    return box.left < seat[0] < box.right and box.top < seat[1] < box.bottom


def _meet(one: Box, other: Box) -> bool:
    across = min(one.right, other.right) > max(one.left, other.left)
    return across and min(one.bottom, other.bottom) > max(one.top, other.top)
