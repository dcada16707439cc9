"""Where the stage or pitch is: told by the places of seats, never by the order of a list."""

from math import cos, pi, sin
from random import Random
from typing import Any

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.seating.layout import Drawing, DrawnZone, drawing_of
from korus_mcp.seating.stages import is_stage_name
from tests.seating.awkward import plan, square
from tests.seating.drawable import assert_drawable
from tests.seating.drawable import box as box_around
from tests.seating.kinds import box, column, line, stacked, zone

PAIRS = [0, 10, 40, 50]


def drawn(*zones: dict[str, Any]) -> Drawing:
    seat_map = SeatMap.model_validate(plan(*zones))
    drawing = drawing_of(seat_map)
    assert_drawable(drawing, seat_map)
    return drawing


def side_of(drawing: Drawing, *numbers: int) -> str:
    """On which side of some zones (by default of all) the focus is; "" if there is none."""
    if drawing.focus is None:
        return ""
    zones: list[DrawnZone] = [drawing.zones[n] for n in numbers] or list(drawing.zones)
    boxes = [box_around(each) for each in zones]
    left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
    right, bottom = max(b[2] for b in boxes), max(b[3] for b in boxes)
    x, y = drawing.focus
    if y < top and left <= x <= right:
        return "above"
    if y > bottom and left <= x <= right:
        return "below"
    if x < left and top <= y <= bottom:
        return "left"
    if x > right and top <= y <= bottom:
        return "right"
    return "within" if left <= x <= right and top <= y <= bottom else "corner"


AISLES = {
    "an aisle off the middle": zone("Stalls", *stacked("AB", 0, 30, 40, 50, 60)),
    "a coach with 1 + 2 seats": zone("Coach", *stacked("1234567", 0, 30, 40, step=14)),
    "an aisle and a pillar": zone("Nave", *stacked("ABC", 0, 10, 20, 50, 60, 90)),
}


@pytest.mark.parametrize("name", AISLES)
def test_an_aisle_turns_no_hall(name: str) -> None:
    assert side_of(drawn(AISLES[name])) == "above"


LISTED = {
    "by number, odd to the right": [line("A", 0, 20, 10, 30), line("B", 10, 20, 10, 30, 0)],
    "from the middle outwards": stacked("ABC", 40, 30, 50, 20, 60, 10, 70),
    "odd ones first": stacked(["1", "2", "3"], 40, 50, 60, 70, 30, 20, 10),
}


@pytest.mark.parametrize("name", LISTED)
def test_the_order_of_a_list_turns_no_hall(name: str) -> None:
    assert side_of(drawn(zone("Stalls", *LISTED[name]))) == "above"


def bent(name: str, radius: float, count: int, begin: float = -0.5) -> dict[str, Any]:
    """A row around a stage at (0, 0), with the audience below it."""
    turns = [begin + n * 10 / radius for n in range(count)]
    seats = [
        {"name": str(n), "x": radius * sin(t), "y": radius * cos(t)} for n, t in enumerate(turns)
    ]
    return {"name": name, "seats": seats}


@pytest.mark.parametrize("seed", range(5))
def test_bent_rows_in_any_order_look_to_their_inner_side(seed: int) -> None:
    rows = [bent("", 100 + 14 * n, 11 + n) for n in range(4)]
    for each in rows:
        Random(seed).shuffle(each["seats"])
    Random(seed).shuffle(rows)
    assert side_of(drawn(zone("Stalls", *rows))) == "above"


def test_rows_that_begin_at_a_wall_look_to_the_front() -> None:
    at_a_wall = [line(name, 10 * n, *range(0, 60 + 20 * n, 10)) for n, name in enumerate("ABCDE")]
    assert side_of(drawn(zone("Hall", *at_a_wall))) in {"above", "corner"}
    bent_at_a_wall = [bent("", 100 + 14 * n, 8 + 2 * n) for n in range(4)]
    drawing = drawn(zone("Hall", *bent_at_a_wall))
    assert drawing.focus is not None
    assert drawing.focus[1] < box_around(drawing.zones[0])[1]


def mirrored(rows: list[dict[str, Any]], axis: float) -> list[dict[str, Any]]:
    return [
        each | {"seats": [seat | {"x": 2 * axis - seat["x"]} for seat in each["seats"]]}
        for each in rows
    ]


LEFT = [column("1", 10, 20, 40), column("2", 0, 20)]
TIERS = [column(name, -14.0 * n, *range(20, 90, 10)) for n, name in enumerate("ABC")]
DEEP_STALLS = stacked("ABCDE", 20, 30, 40, 50, 60, 70, 80, top=20, step=14)
HORSESHOES = {
    "two sides": (
        zone("Stalls", line("1", 20, 40, 60), line("2", 40, 40, 60)),
        zone("Left", *LEFT),
        zone("Right", *mirrored(LEFT, 50)),
    ),
    "tiers at both sides": (
        zone("Stalls", *DEEP_STALLS),
        zone("Left", *TIERS),
        zone("Right", *mirrored(TIERS, 50)),
        zone("Circle", *stacked("ABC", 20, 30, 40, 50, 60, 70, 80, top=110, step=14)),
    ),
    "one side alone": (zone("Stalls", *DEEP_STALLS), zone("Left", *TIERS)),
}


@pytest.mark.parametrize("name", HORSESHOES)
def test_in_a_horseshoe_the_sides_look_inwards_and_the_stalls_to_the_stage(name: str) -> None:
    assert side_of(drawn(*HORSESHOES[name]), 0) == "above"


def test_a_balcony_that_is_one_row_around_three_sides_looks_to_its_open_one() -> None:
    arms = [(-100.0, 10.0 * n) for n in range(12)]
    around = [(100 * cos(pi * t / 31), 120 + 100 * sin(pi * t / 31)) for t in range(31, -1, -1)]
    seats = [*arms, *around, *((-x, y) for x, y in reversed(arms))]
    Random(3).shuffle(seats)
    row = {"name": "", "seats": [{"name": "", "x": x, "y": y} for x, y in seats]}
    stalls = zone("Stalls", *stacked("ABCDE", -20, -10, 0, 10, 20, top=10))
    assert side_of(drawn(stalls, zone("Balcony", row)), 0) == "above"


NORTH = stacked("DCBA", 0, 10, 20, 30, 40)
SOUTH = stacked("ABCD", 0, 10, 20, 30, 40, top=90)


def test_two_sides_that_look_at_each_other_have_their_stage_between_them() -> None:
    assert drawn(zone("North", *NORTH), zone("South", *SOUTH)).focus == pytest.approx(
        (500 * 0.52, 500), abs=260
    )
    facing = drawn(zone("North", *NORTH), zone("South", *SOUTH))
    assert facing.focus is not None
    assert box_around(facing.zones[0])[3] < facing.focus[1] < box_around(facing.zones[1])[1]
    joined = drawn(zone("Both", *NORTH, *SOUTH))
    assert joined.focus is not None
    assert joined.focus[1] == pytest.approx(joined.height / 2, abs=1)
    back_to_back = drawn(
        zone("North", *reversed(SOUTH)), zone("South", *stacked("DCBA", 0, 10, 20, top=200))
    )
    assert back_to_back.focus is None


def test_in_the_round_the_stage_is_in_the_middle() -> None:
    west = [column(name, -30 - 10 * n, 35, 45, 55, 65, 75) for n, name in enumerate("ABCD")]
    east = mirrored(west, 20)
    sides = (zone("N", *NORTH), zone("S", *SOUTH), zone("W", *west), zone("E", *east))
    drawing = drawn(*sides)
    assert drawing.focus == pytest.approx((drawing.width / 2, drawing.height / 2), abs=30)
    rows = [
        {
            "name": name,
            "seats": [
                seat
                for side in (NORTH, SOUTH, west, east)
                for r in side
                if r["name"] == name
                for seat in r["seats"]
            ],
        }
        for name in "ABCD"
    ]
    whole = drawn(zone("Stalls", *rows))
    assert whole.focus == pytest.approx((whole.width / 2, whole.height / 2), abs=30)


NAMES = {
    "a common word": ["Row 1", "Row 2", "Row 3"],
    "a common letter before": ["R1", "R2", "R10"],
    "a common letter behind": ["1A", "2A", "3A"],
    "a common word and letters": ["Rang Y", "Rang Z", "Rang AA"],
    "roman": ["I", "II", "III", "IV", "V"],
    "roman from nine": ["IX", "X", "XI", "XII"],
    "extra rows in front": ["AA", "A", "B"],
    "extra rows in front, counted back": ["CC", "BB", "AA", "A", "B", "C"],
    "after Z": ["X", "Y", "Z", "AA", "BB"],
    "doubled alone": ["AA", "BB", "CC"],
    "zero first": ["0", "1", "2"],
    "from eleven": ["11", "12", "13"],
    "one of another kind": ["A", "B", "VIP", "C", "D"],
    "another alphabet": ["А", "Б", "В"],
    "without I and O": ["G", "H", "J", "K"],
}


@pytest.mark.parametrize("name", NAMES)
def test_rows_named_in_order_have_the_first_in_front(name: str) -> None:
    rows = stacked(NAMES[name], 0, 10, 20, 30)
    assert side_of(drawn(zone("Stalls", *rows))) == "above"
    upside_down = stacked(NAMES[name][::-1], 0, 10, 20, 30)
    assert side_of(drawn(zone("Stalls", *upside_down))) == "below"


UNTOLD = {
    "no names": ["", "", ""],
    "one name for all": ["Row", "Row", "Row"],
    "out of order": ["A", "C", "B"],
    "doubled letters in between": ["A", "BB", "B"],
    "two that may be read both ways": ["AA", "A"],
    "kinds that are mixed": ["VIP", "Loge", "A"],
    "two series in one": ["M1", "M2", "N1", "N2"],
}


@pytest.mark.parametrize("name", UNTOLD)
def test_names_without_an_order_tell_no_front(name: str) -> None:
    assert drawn(zone("Stalls", *stacked(UNTOLD[name], 0, 10, 20, 30))).focus is None


def test_a_bend_that_contradicts_the_names_of_rows() -> None:
    """Some issuers count from the back: a strong bend counts, with a slight one nothing does."""
    strong = [bent(name, 100 + 14 * n, 11 + n) for n, name in enumerate("DCBA")]
    assert side_of(drawn(zone("Stalls", *strong))) == "above"
    slight = [bent(name, 800 + 14 * n, 24 + n, begin=-0.14) for n, name in enumerate("DCBA")]
    assert drawn(zone("Stalls", *slight)).focus is None


def test_rows_go_on_from_zone_to_zone() -> None:
    zones = [zone(f"Price {n}", line(name, 10 * n, 0, 10, 20)) for n, name in enumerate("ABC")]
    assert side_of(drawn(*zones)) == "above"


BAYS = [
    {
        "name": f"Bay {n}",
        "seats": [*line("", 30 * n, *PAIRS)["seats"], *line("", 30 * n + 19, *PAIRS)["seats"]],
    }
    for n in range(1, 6)
]
TABLES = [
    {
        "name": f"Table {n + 1}",
        "seats": [
            {"x": 60 * (n % 3) + 13 * cos(t * pi / 4), "y": 60 * (n // 3) + 13 * sin(t * pi / 4)}
            for t in range(8)
        ],
    }
    for n in range(6)
]


@pytest.mark.parametrize("rows", [BAYS, TABLES], ids=["bays of four", "tables of eight"])
def test_what_is_no_row_tells_no_front(rows: list[dict[str, Any]]) -> None:
    assert drawn(zone("Coach 12", *rows)).focus is None


def test_boxes_around_the_stalls_leave_the_front_where_it_is() -> None:
    stalls = zone("Stalls", *stacked("ABCDE", *range(0, 100, 10), top=50))
    boxes = [
        zone(f"Box {n}", polygon=box(x, 50, x + 12, 90), capacity=4)
        for n, x in enumerate((-40, -20, 110, 130))
    ]
    assert side_of(drawn(stalls, *boxes), 0) == "above"


def test_a_few_seats_do_not_speak_for_a_hall_of_polygons() -> None:
    seats = zone("Box", *stacked("AB", 0, 10, 20, top=-20))
    stands = [zone(f"Stand {n}", polygon=square(200 * n, 0, 180)) for n in range(3)]
    assert drawn(seats, *stands).focus is None


UNITS = {
    "huge": (1e7, 0.0, 1.0),
    "far from the origin": (1.0, 3e6, 1.0),
    "negative": (1.0, -5e3, 1.0),
    "from 0 to 1": (0.01, 0.0, 1.0),
    "y upwards": (1.0, 0.0, -1.0),
}


@pytest.mark.parametrize("name", UNITS)
def test_the_front_does_not_depend_on_the_units(name: str) -> None:
    scale, shift, up = UNITS[name]
    rows = [
        each
        | {
            "seats": [
                s | {"x": s["x"] * scale + shift, "y": s["y"] * scale * up + shift}
                for s in each["seats"]
            ]
        }
        for each in stacked("ABCD", 20, 10, 30, 0, 60, 70)
    ]
    assert side_of(drawn(zone("Stalls", *rows))) == ("below" if up < 0 else "above")


STAGES = [
    *("Stage", "STAGE", "Main stage", "Stage 1", "Screen", "Cinema screen", "Scène", "Piste"),
    *("Grand écran", "Bühne", "Hauptbühne", "Escenario", "Palcoscenico", "Сцена", "Экран"),
    *("Σκηνή", "Sân khấu", "Stage / Bühne", "Ice rink", "Playing field", "Sc&egrave;ne"),
    *("舞台", "ステージ", "무대"),
]
SEATS = [
    *("Stage left", "Stage circle", "Stalls", "Court side", "Ringside", "Screen view", "Main"),
    *("1", "", "Front of stage", "Arena tribune", "Scène, côté jardin", "Podium VIP", "x" * 90),
    *("Pelouse", "Pista", "Arena", "Palco 3", "Platz 7", "Tor 3", "Campo", "Relvado"),
]


@pytest.mark.parametrize("name", STAGES)
def test_a_zone_with_such_a_name_is_the_stage(name: str) -> None:
    stalls = zone("Stalls", *stacked("ABC", 0, 20, 40, 60, top=30))
    drawing = drawn({"name": name, "polygon": box(0, 60, 60, 72)}, stalls)
    assert drawing.focus == pytest.approx(drawing.zones[0].label_at)


@pytest.mark.parametrize("name", SEATS)
def test_places_to_sit_are_not_the_stage(name: str) -> None:
    assert not is_stage_name(name)
