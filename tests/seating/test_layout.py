"""Every seat map can be drawn, and the drawing keeps what the issuer told."""

from itertools import combinations
from math import cos, hypot, pi, sin
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from korus_mcp.api import SeatMap
from korus_mcp.seating.layout import Drawing, DrawnCategory, DrawnZone, drawing_of
from tests.seating import kinds
from tests.seating.awkward import HOSTILE_NAMES, MAPS, plan, row, square
from tests.seating.drawable import (
    assert_drawable,
    box,
    lies_in,
    nearest_side,
    overlap,
)
from tests.seating.halls import bowl
from tests.seating.kinds import line, stacked

STAR = [
    [50, 0],
    [61, 35],
    [98, 35],
    [68, 57],
    [79, 91],
    [50, 70],
    [21, 91],
    [32, 57],
    [2, 35],
    [39, 35],
]
C_SHAPE = [[0, 0], [100, 0], [100, 10], [10, 10], [10, 90], [100, 90], [100, 100], [0, 100]]
L_SHAPE = [[0, 0], [10, 0], [10, 90], [100, 90], [100, 100], [0, 100]]
BOW_TIE = [[0, 0], [100, 100], [100, 0], [0, 100]]


def drawn(seat_map: dict[str, Any], **option_values: str) -> Drawing:
    """A drawing that keeps its promises."""
    read = SeatMap.model_validate(seat_map)
    drawing = drawing_of(read, option_values)
    assert_drawable(drawing, read)
    return drawing


def seats(zone: DrawnZone) -> list[tuple[float, float]]:
    return [seat for row in zone.rows for seat in row]


@pytest.mark.parametrize("name", MAPS)
def test_an_awkward_map_is_drawn_all_the_same(name: str) -> None:
    drawn(MAPS[name])


def test_a_polygon_keeps_its_shape_and_its_side_up() -> None:
    polygon = [[100, 50], [300, 50], [300, 150], [100, 150]]
    zone, other = drawn(plan({"polygon": polygon}, {"polygon": square(100, 200, 50)})).zones
    left, top, right, bottom = box(zone)
    assert (right - left) == pytest.approx(2 * (bottom - top))
    assert box(other)[1] > bottom, "y grows downwards"
    assert len(zone.outline) == 4


def test_corners_may_come_as_objects() -> None:
    corners = [{"x": x, "y": y, "z": 0} for x, y in square(0, 0)]
    pairs, objects = (drawn(plan({"polygon": shape})) for shape in (square(0, 0), corners))
    assert objects == pairs
    assert not objects.is_schematic


def test_the_longer_side_is_always_1000() -> None:
    assert drawn(plan({"polygon": square(0, 0, 7)})).width == 1000
    tall = drawn(plan({"polygon": square(0, 0)}, {"polygon": square(0, 90)}))
    assert (tall.height, tall.width < 300) == (1000, True)


def test_seats_without_a_polygon_get_an_outline_around_all_of_them() -> None:
    rows = [
        row(name, *((20.0 * n, depth * 22.0) for n in range(9))) for depth, name in enumerate("ABC")
    ]
    (zone,) = drawn(plan({"name": "Stalls", "rows": rows})).zones
    assert [len(row) for row in zone.rows] == [9, 9, 9]
    assert all(lies_in(zone, seat) for seat in seats(zone))
    assert len(zone.outline) == 4, "rows in a rectangle are drawn as one"


def test_one_row_and_one_seat_have_an_outline_too() -> None:
    slanted = row("A", (0.0, 0.0), (10.0, 10.0), (20.0, 20.0))
    line, point = drawn(plan({"rows": [slanted]}, {"rows": [row("A", (50.0, 0.0))]})).zones
    assert all(lies_in(line, seat) for seat in seats(line))
    assert lies_in(point, seats(point)[0])


def test_seats_keep_their_places_in_the_polygon() -> None:
    zone = {"polygon": square(0, 0, 100), "rows": [row("A", (25.0, 50.0), (75.0, 50.0))]}
    (found,) = drawn(plan(zone)).zones
    left, top, right, bottom = box(found)
    (first, second) = seats(found)
    assert first == pytest.approx((left + (right - left) / 4, (top + bottom) / 2))
    assert second == pytest.approx((right - (right - left) / 4, (top + bottom) / 2))


def test_seats_without_a_place_are_left_out() -> None:
    seats_of = [{"name": "1", "x": 1, "y": 1}, {"name": "2"}, {"x": 5, "y": None}, {"x": 9, "y": 9}]
    (zone,) = drawn(plan({"rows": [{"seats": seats_of}, {"seats": [{}]}]})).zones
    assert [len(row) for row in zone.rows] == [2]


def horseshoe(name: str, radius: float, count: int) -> dict[str, Any]:
    """A row that runs around three sides."""
    turns = [pi * (n / (count - 1) * 1.3 - 0.15) for n in range(count)]
    return row(name, *((radius * cos(t), radius * sin(t)) for t in turns))


@pytest.mark.parametrize("depth", [1, 2, 5], ids=["one row", "two rows", "five rows"])
def test_a_balcony_around_the_stalls_does_not_cover_them(depth: int) -> None:
    stalls = [
        row(letter, *((10.0 * n - 40, 10.0 * r - 30) for n in range(9)))
        for r, letter in enumerate("ABCDE")
    ]
    balcony = [
        horseshoe(letter, 100 + 12 * n, 40 + 5 * n) for n, letter in enumerate("PQRST"[:depth])
    ]
    below, above = drawn(plan({"rows": stalls}, {"rows": balcony})).zones
    assert not any(lies_in(above, seat) for seat in seats(below))
    assert all(lies_in(above, seat) for seat in seats(above))
    assert nearest_side(above.outline, above.label_at) > 5
    mixed = [{**balcony[0], "seats": balcony[0]["seats"][::-1]}, *balcony[1:]]
    turned = drawn(plan({"rows": stalls}, {"rows": mixed})).zones[1]
    assert all(lies_in(turned, seat) for seat in seats(turned))


INTERLEAVED = {
    "sofas at both sides": (
        kinds.zone("Stalls", *stacked("ABC", 0, 40, step=20)),
        kinds.zone("Sofas", line("S", 20, -30, -20, 60, 70)),
        2,
    ),
    "a price in the middle of another": (
        kinds.zone("Centre", line("A", 0, 30, 40, 50), line("B", 10, 30, 40, 50)),
        kinds.zone(
            "Sides", *stacked("ABC", 0, 10, 20, 60, 70, 80), line("D", 30, *range(0, 90, 10))
        ),
        3,
    ),
    "two prices in turns": (
        kinds.zone("Aisle", *stacked("ABCD", 0, 30, 40, 70)),
        kinds.zone("Inner", *stacked("ABCD", 10, 20, 50, 60)),
        3,
    ),
}
"""Zones of which the other lies in several blocks, and in how many at least."""


@pytest.mark.parametrize("name", INTERLEAVED)
def test_a_zone_in_several_blocks_covers_no_seat_of_another(name: str) -> None:
    one, other, blocks = INTERLEAVED[name]
    zones = drawn(plan(one, other)).zones
    assert max(len(each.outlines) for each in zones) >= blocks
    for mine, its in (zones, zones[::-1]):
        assert all(lies_in(mine, seat) for seat in seats(mine))
        assert not any(lies_in(mine, seat) for seat in seats(its))


def test_an_aisle_within_a_zone_does_not_divide_it_where_nobody_else_sits() -> None:
    (found,) = drawn(plan(kinds.zone("Stalls", *stacked("ABCD", 0, 10, 20, 50, 60, 70)))).zones
    assert len(found.outlines) == 1
    apart = kinds.zone("Boxes", *stacked("ABCD", 0, 10, 20, 150, 160, 170))
    assert len(drawn(plan(apart)).zones[0].outlines) == 2


def test_an_outline_follows_the_curve_of_rows() -> None:
    rows = [
        row(
            letter,
            *(
                ((300 + 20 * n) * cos(turn / 20), (300 + 20 * n) * sin(turn / 20))
                for turn in range(10, 54)
            ),
        )
        for n, letter in enumerate("ABCDE")
    ]
    (found,) = drawn(plan(kinds.zone("Balcony", *rows))).zones
    middle = seats(found)[22]
    front = (middle[0], middle[1] - 60)
    assert lies_in(found, middle)
    assert not lies_in(found, front), "the hollow before the first row is none of it"


@pytest.mark.parametrize("shape", [STAR, C_SHAPE, L_SHAPE, BOW_TIE], ids=["star", "C", "L", "bow"])
def test_a_label_is_well_inside_a_bent_shape(shape: list[list[float]]) -> None:
    (zone,) = drawn(plan({"polygon": shape})).zones
    left, _, right, _ = box(zone)
    assert nearest_side(zone.outline, zone.label_at) > (right - left) / 25


def test_a_map_without_geometry_is_laid_out_and_says_so() -> None:
    drawing = drawn(MAPS["no_polygons"])
    assert drawing.is_schematic
    assert all(zone.is_schematic and zone.rows == () for zone in drawing.zones)
    assert not any(overlap(*pair) for pair in combinations(drawing.zones, 2))


def test_schematic_zones_are_grouped_by_category_and_wide_enough_to_read() -> None:
    names = [*(["Or"] * 5), *(["Argent"] * 9), *(["Bronze"] * 20)]
    zones = (
        {"name": f"Tribune {n}", "seatingCategory": f"/c/{name}"} for n, name in enumerate(names)
    )
    categories = [{"@id": f"/c/{name}", "name": name} for name in ("Or", "Argent", "Bronze")]
    drawing = drawn(plan(*zones, {"name": "Debout"}, seatingCategories=categories))
    tops = {
        name: {box(z)[1] for z in drawing.zones if z.category == name} for name in (*names, None)
    }
    assert max(tops["Or"]) < min(tops["Argent"]) < max(tops["Argent"]) < min(tops["Bronze"])
    assert max(tops["Bronze"]) < min(tops[None]), "without a category comes last"
    assert all(right - left > 90 for left, _, right, _ in map(box, drawing.zones))
    assert not any(overlap(*pair) for pair in combinations(drawing.zones, 2))


@pytest.mark.parametrize("turned", [False, True], ids=["wide", "high"])
def test_zones_without_geometry_stand_apart_from_those_that_have_some(turned: bool) -> None:
    shapes = [square(0, 110 * n, 100) if turned else square(110 * n, 0, 100) for n in range(4)]
    zones = [{"name": str(n), "polygon": shape} for n, shape in enumerate(shapes)]
    drawing = drawn(plan(*zones, *({"name": f"Box {n}"} for n in range(7))))
    assert [zone.is_schematic for zone in drawing.zones] == [False] * 4 + [True] * 7
    assert not drawing.is_schematic
    assert not any(overlap(*pair) for pair in combinations(drawing.zones, 2))


def test_a_polygon_that_encloses_nothing_is_no_geometry() -> None:
    shapes: list[list[list[float]]] = [[[0, 0], [5, 5], [9, 9]], [[1, 1]] * 3, [[0, 0], [9, 9]]]
    drawing = drawn(plan({"polygon": square(0, 0)}, *({"polygon": shape} for shape in shapes)))
    assert [zone.is_schematic for zone in drawing.zones] == [False, True, True, True]


def test_a_shape_far_from_the_origin_is_a_shape() -> None:
    near, far = (drawn(plan({"polygon": square(at, at, 10)})) for at in (0, 9e8))
    assert near == far


def test_seats_that_all_have_one_place_have_none() -> None:
    drawing = drawn(MAPS["one_place_for_all"])
    assert drawing.is_schematic
    assert all(zone.rows == () for zone in drawing.zones)


def test_a_place_out_of_all_measure_does_not_shrink_the_rest() -> None:
    drawing = drawn(MAPS["huge_numbers"])
    fine = drawing.zones[-1]
    left, _, right, _ = box(fine)
    assert not fine.is_schematic
    assert right - left < 1000
    wide = drawing.zones[3]
    assert [len(row) for row in wide.rows] == [1]


FAR_OFF = {
    "one seat at the origin": [(0.0, 0.0)],
    "two of them at one place": [(0.0, 0.0), (0.0, 0.0)],
    "one far to the other side": [(90_000.0, 5_000.0)],
}


@pytest.mark.parametrize("name", FAR_OFF)
@pytest.mark.parametrize("apart", [True, False], ids=["a row of its own", "in a row"])
def test_seats_that_were_never_placed_do_not_shrink_the_hall(name: str, *, apart: bool) -> None:
    placed = [[(5000.0 + 10 * n, 5000.0 + 10 * r) for n in range(5 - r)] for r in range(2)]
    rows = [row("A", *placed[0]), row("B", *placed[1])]
    if apart:
        rows.append(row("C", *FAR_OFF[name]))
    else:
        rows[1] = row("B", *placed[1], *FAR_OFF[name])
    drawing = drawn(plan({"name": "Stalls", "rows": rows}))
    (zone,) = drawing.zones
    assert sum(map(len, zone.rows)) == 9
    assert drawing.strays == len(FAR_OFF[name])
    left, top, right, bottom = box(zone)
    assert (right - left, bottom - top) > (900, 200)
    assert drawing.focus is not None


def test_places_that_are_only_apart_are_kept() -> None:
    hall = [
        row("A", *((10.0 * n, 0.0) for n in range(9))),
        row("B", *((10.0 * n, 10.0) for n in range(9))),
    ]
    box_seats = row("1", (160.0, 0.0), (170.0, 0.0))
    assert drawn(plan({"rows": hall}, {"rows": [box_seats]})).strays == 0
    assert drawn(plan({"rows": [row("A", (0.0, 0.0), (900.0, 0.0))]})).strays == 0
    far = {"name": "Tail", "polygon": [[5000, 0], [6000, 0], [6000, 60], [5000, 60]]}
    beside = drawn(plan({"rows": [*hall, row("1", (5500.0, 30.0))]}, far))
    assert beside.strays == 0, "a zone has its outline there"


def test_names_are_cleaned_and_never_missing() -> None:
    drawing = drawn(MAPS["hostile_names"])
    assert len(drawing.zones) == len(HOSTILE_NAMES)
    for zone in drawing.zones:
        assert len(zone.name) <= 80
        assert zone.name.isprintable()
    assert drawing.zones[3].name == "(unnamed zone)"


def test_categories_are_called_as_their_option_values() -> None:
    category = {"@id": "/c/1", "name": "CAT1", "color": "#C9A227", "optionValue": "/values/v1"}
    zone = {"name": "A", "seatingCategory": "/c/1"}
    drawing = drawn(plan(zone, seatingCategories=[category]), v1="Carré Or")
    assert drawing.zones[0].category == "Carré Or"
    assert drawing.categories == (DrawnCategory(name="Carré Or", color="#c9a227"),)


def test_only_colors_are_colors() -> None:
    colors = {c.name: c.color for c in drawn(MAPS["bad_colors"]).categories}
    assert {name: color for name, color in colors.items() if color} == {
        "Category 4": "#ffffff",
        "Category 5": "#c9a227",
    }
    assert len(colors) == 9


def test_a_category_named_twice_is_one() -> None:
    assert [c.name for c in drawn(MAPS["duplicate_names"]).categories] == ["Or"]


def test_what_nobody_here_knows_is_kept_and_reported() -> None:
    seat_map = SeatMap.model_validate(MAPS["unknown_objects"])
    assert drawing_of(seat_map).unknown == (
        "seat_map.background",
        "seating_category.tint",
        "zone.gate",
        "zone.sightLines",
        "row.step",
        "seat.angle",
        "zone.shape",
    )
    extra = seat_map.zones[0].model_extra
    assert extra is not None
    assert extra["gate"]["open"] == {"from": "19:00"}


def test_what_has_the_wrong_type_is_reported_too() -> None:
    unknown = drawn(MAPS["wrong_types"]).unknown
    assert {"zone.polygon", "zone.rows", "zone.capacity"} <= set(unknown)


def test_a_ring_of_zones_is_around_its_pitch() -> None:
    drawing = drawn(bowl(zones=12, rows=5, seats=10))
    assert drawing.focus == pytest.approx((500, 500), abs=5)


def test_three_stands_around_a_pitch_do_not_tell_where_it_ends() -> None:
    stands = ([[0, 0], [100, 0], [100, 20], [0, 20]], square(-30, 30, 25), square(110, 30, 25))
    assert drawn(plan(*({"polygon": shape} for shape in stands))).focus is None


def test_rows_named_from_the_front_tell_where_the_stage_is() -> None:
    rows = [
        row(name, *((9.0 * n, 10.0 * depth) for n in range(9))) for depth, name in enumerate("ABCD")
    ]
    drawing = drawn(plan({"rows": rows}))
    (zone,) = drawing.zones
    assert drawing.focus is not None
    assert drawing.focus[1] < box(zone)[1]
    turned = [each | {"name": name} for each, name in zip(rows, "DCBA", strict=True)]
    other = drawn(plan({"rows": turned}))
    assert other.focus is not None
    assert other.focus[1] > box(other.zones[0])[3]


def test_rows_that_are_bent_look_to_their_inner_side() -> None:
    bowl_of = bowl(zones=12, rows=5, seats=10)
    lower = plan(*bowl_of["zones"][1:5])
    for zone in lower["zones"]:
        for each in zone["rows"]:
            each["name"] = "?"
    drawing = drawn(lower)
    assert drawing.focus is not None
    assert drawing.focus[1] < min(box(zone)[1] for zone in drawing.zones) + 100


def test_rows_that_tell_two_things_tell_nothing() -> None:
    rows = [
        row(name, *((9.0 * n, 10.0 * depth) for n in range(9))) for depth, name in enumerate("ABC")
    ]
    back = [
        row(name, *((9.0 * n, 90 - 10.0 * depth) for n in range(9)))
        for depth, name in enumerate("ABC")
    ]
    unnamed = [each | {"name": "row"} for each in rows]
    assert drawn(plan({"rows": unnamed})).focus is None
    assert drawn(plan({"rows": rows}, {"rows": back})).focus is None


def test_polygons_side_by_side_do_not_tell_where_the_stage_is() -> None:
    assert drawn(plan(*({"polygon": square(20 * n, 0)} for n in range(5)))).focus is None
    assert drawn(MAPS["no_polygons"]).focus is None


def test_blocks_with_aisles_between_them_are_no_ring() -> None:
    blocks = [square(22 * column, 22 * line, 20) for column in range(4) for line in range(4)]
    assert drawn(plan(*({"polygon": block} for block in blocks))).focus is None
    around = [block for block in blocks if block[0][0] in {0, 66} or block[0][1] in {0, 66}]
    assert drawn(plan(*({"polygon": block} for block in around))).focus == pytest.approx((500, 500))


def test_a_stage_on_the_map_is_the_stage() -> None:
    stage = {"name": "Scène", "polygon": square(0, 200, 60)}
    hall = {"name": "Parterre", "polygon": square(0, 0, 100), "capacity": 100}
    drawing = drawn(plan(hall, stage))
    assert drawing.focus == pytest.approx(drawing.zones[1].label_at)
    assert drawn(plan(hall, stage | {"capacity": 40})).focus is None, "seats on the stage are sold"


NUMBERS = st.one_of(
    st.floats(-1000, 1000), st.floats(), st.sampled_from([0, 1, 1e308, -1e308, 5e-324, 1e9, None])
)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS).map(list), max_size=12)
TIDY = st.integers(-50, 50).map(float)
SEATS = st.lists(
    st.fixed_dictionaries({}, optional={"x": NUMBERS, "y": NUMBERS, "name": st.text()})
)
ZONES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.none(), st.text()),
        "polygon": st.one_of(
            st.none(), POINTS, st.lists(st.tuples(TIDY, TIDY).map(list), max_size=12)
        ),
        "rows": st.one_of(
            st.none(), st.lists(st.fixed_dictionaries({}, optional={"seats": SEATS}), max_size=4)
        ),
        "seatingCategory": st.sampled_from([None, "/c/0", "/c/1", "/c/2", "?"]),
        "capacity": st.one_of(st.none(), st.integers()),
    },
)
"""Zones of any shape, most of them wrong."""
CATEGORIES = [{"@id": f"/c/{n}", "name": f"Category {n}"} for n in range(2)]


@settings(max_examples=150, deadline=None)
@given(st.lists(ZONES, max_size=8))
def test_any_map_keeps_the_promises_of_a_drawing(zones: list[dict[str, Any]]) -> None:
    drawing = drawn(plan(*zones, seatingCategories=CATEGORIES))
    told = [zone for zone in drawing.zones if not zone.is_schematic]
    ours = [zone for zone in drawing.zones if zone.is_schematic]
    assert not any(overlap(one, other) for one in ours for other in drawing.zones if other != one)
    assert drawing.is_schematic == (not told)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(TIDY, TIDY), min_size=3, max_size=9, unique=True),
    st.floats(1e-3, 1e5),
    st.floats(-1e5, 1e5),
)
def test_a_drawing_does_not_depend_on_the_units(
    points: list[tuple[float, float]], scale: float, shift: float
) -> None:
    moved = [[x * scale + shift, y * scale + shift] for x, y in points]
    one, other = drawn(plan({"polygon": points})), drawn(plan({"polygon": moved}))
    assert one.is_schematic == other.is_schematic
    pairs = zip(one.zones[0].outline, other.zones[0].outline, strict=True)
    assert all(hypot(x - x2, y - y2) < 0.5 for (x, y), (x2, y2) in pairs)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.tuples(TIDY, TIDY), min_size=1, max_size=9), min_size=1, max_size=5))
def test_an_outline_holds_all_seats_in_whatever_rows_they_are(
    rows: list[list[tuple[float, float]]],
) -> None:
    drawing = drawn(plan({"rows": [row("?", *each) for each in rows]}))
    (zone,) = drawing.zones
    assert all(lies_in(zone, seat) for seat in seats(zone))
    count = sum(map(len, rows)) - drawing.strays
    assert len(seats(zone)) == (0 if zone.is_schematic else count)
