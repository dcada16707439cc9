"""How many people can sit side by side: neighbours, whatever rows they are listed in."""

from decimal import Decimal
from math import cos, pi, sin
from random import Random
from typing import Any

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.foundation.money import Money
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.lines import longest_run
from korus_mcp.seating.ranking import Preference, ZoneQuery, ranked
from korus_mcp.seating.sheet import SheetContext, sheet_of
from korus_mcp.seating.table import SeatOffer, seat_table
from tests.seating.awkward import plan
from tests.seating.kinds import line, stacked, zone

Json = dict[str, Any]


def run(*rows: Json) -> int | None:
    """The longest run of a zone of these rows."""
    (drawn,) = drawing_of(SeatMap.model_validate(plan(zone("z", *rows)))).zones
    return drawn.longest_run


def floor(wide: int, deep: int, step: float = 10, name: str = "") -> Json:
    """Lines of seats that are listed as one row."""
    return line_of(name, [(10.0 * x, step * y) for y in range(deep) for x in range(wide)])


def line_of(name: str, places: list[tuple[float, float]]) -> Json:
    return {"name": name, "seats": [{"name": "1", "x": x, "y": y} for x, y in places]}


def shuffled(row: Json, seed: int = 1) -> Json:
    seats = list(row["seats"])
    Random(seed).shuffle(seats)
    return row | {"seats": seats}


def ring(name: str, seats: int, x: float = 0.0, y: float = 0.0) -> Json:
    radius = 5 / sin(pi / seats)
    turns = [2 * pi * n / seats for n in range(seats)]
    return line_of(name, [(x + radius * cos(t), y + radius * sin(t)) for t in turns])


COACH = [(x, 12.0 * n) for n in range(8) for x in (0.0, 10.0, 32.0, 42.0)]
BAYS = [(x, 31.0 * n + y) for n in range(5) for y in (0.0, 19.0) for x in (0.0, 10.0, 32.0, 42.0)]
ONE_AND_TWO = [line(str(n), 14.0 * n, 0, 22, 32) for n in range(9)]
KINDS: dict[str, tuple[list[Json], int]] = {
    "pews": ([line("A", 0, 0, 10, 20, 30)], 4),
    "an aisle": ([line("A", 0, 0, 10, 40, 50)], 2),
    "a row without a name across an aisle": ([line("", 30, 0, 10, 40, 50)], 2),
    "a missing seat": ([line("A", 0, 0, 10, 20, 40, 50)], 3),
    "a floor listed as one row": ([floor(5, 2)], 5),
    "a floor of lines farther apart": ([floor(6, 4, step=14)], 6),
    "a dance floor": ([floor(30, 30)], 30),
    "a coach of 2 + 2 as one row": ([line_of("", COACH)], 2),
    "a coach of 1 + 2": (ONE_AND_TWO, 2),
    "a coach with a bench at its end": ([*ONE_AND_TWO, line("10", 140, -4, 6, 16, 26, 36)], 5),
    "bays of four as one row": ([line_of("", BAYS)], 2),
    "a bay that has a name": ([line_of("Bay 1", BAYS[:8])], 2),
    "a round table": ([ring("Table 1", 8)], 8),
    "round tables": ([ring("1", 6), ring("2", 9, x=90), ring("3", 6, y=90)], 9),
    "odd and even, by number": ([line("A", 0, 20, 10, 30, 0, 40)], 5),
    "odd and even about an aisle": ([line("A", 0, 50, 20, 60, 10, 70, 0)], 3),
    "a row in two parts": ([line("A", 0, 0, 10, 20), line("A", 0, 30, 40)], 5),
    "a row in two parts about an aisle": ([line("A", 0, 0, 10, 20), line("A", 0, 50, 60)], 3),
    "rows without names": (stacked(["", "", ""], 0, 10, 20, 30), 4),
    "two seats across a hall": (stacked("AB", 0, 80), 1),
    "two seats beside each other": ([line("1", 20, 40, 60), line("2", 40, 40, 60)], 2),
    "one seat": ([line("A", 0, 7)], 1),
    "one seat a row": (stacked("ABC", 7), 1),
    "both sides of a stage as one row": (
        [line_of("A", [(10.0 * n, y) for y in (0.0, 90.0) for n in range(6)])],
        6,
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_longest_run_is_that_of_neighbours(name: str) -> None:
    rows, longest = KINDS[name]
    assert run(*rows) == longest
    assert run(*map(shuffled, rows)) in {
        longest,
        *([2] if name == "a floor listed as one row" else []),
    }
    turned = [_turned(each, 0.7) for each in rows]
    assert run(*turned) == longest


def _turned(row: Json, angle: float) -> Json:
    c, s = cos(angle) * 1e-3, sin(angle) * 1e-3
    return row | {
        "seats": [
            seat | {"x": seat["x"] * c - seat["y"] * s, "y": seat["x"] * s + seat["y"] * c}
            for seat in row["seats"]
        ]
    }


def test_a_bent_row_and_a_horseshoe_are_one_run() -> None:
    for share in (0.5, 1.0, 1.4):
        count = int(100 * pi * share / 10)
        places = [(100 * cos(n / 10), 100 * sin(n / 10)) for n in range(count)]
        assert run(line_of("A", places)) == count
        assert run(shuffled(line_of("A", places))) == count


def test_rows_without_places_are_as_long_as_they_are_listed() -> None:
    def unplaced(name: str, count: int) -> Json:
        return {"name": name, "seats": [{"name": str(n)} for n in range(count)]}

    assert run(unplaced("A", 2), unplaced("B", 7)) == 7
    assert run(unplaced("", 2), unplaced("", 7)) == 7
    assert run(unplaced("", 53)) is None, "it may be a whole coach"
    assert run() is None


def test_seats_at_one_place_and_hardly_apart() -> None:
    assert longest_run([[(1.0, 1.0)] * 6]) in {1, 6}
    assert longest_run([[(0.0, 0.0), (0.0, 0.0), (5.0, 0.0), (5.0, 0.0), (9.0, 9.0)]]) is not None
    assert longest_run([]) is None


def offer(zone_name: str, amount: int, left: int) -> SeatOffer:
    return SeatOffer(
        offer_id=f"k.{amount}", choices={"zone": zone_name}, price=Money(Decimal(amount)), left=left
    )


def test_together_prefers_neighbours_to_long_rows_with_an_aisle() -> None:
    """The page is told the same as the text."""
    pews = zone("Pews", line("A", 0, 0, 10, 20, 30))
    coach = zone("Coach", line("", 30, 0, 10, 40, 50))
    wide = zone(
        "Floor", floor(5, 2) | {"seats": [s | {"y": s["y"] + 60} for s in floor(5, 2)["seats"]]}
    )
    seat_map = SeatMap.model_validate(plan(coach, pews, wide))
    offers = [offer("Pews", 10, 9), offer("Coach", 11, 99), offer("Floor", 12, 9)]
    table, drawing = seat_table(seat_map, offers, {}), drawing_of(seat_map)
    wish = ZoneQuery(quantity=4, preference=Preference.TOGETHER)
    ranking = ranked(table, wish, drawing)
    told = [(place.zone.name, place.why) for place in ranking.zones]
    assert told == [
        ("Floor", "rows of up to 5, 9 left"),
        ("Pews", "rows of up to 4, 4 left"),
        ("Coach", "rows of only up to 2, 4 left"),
    ]
    context = SheetContext(title="t", product_base_id="k.1", language="en", quantity=4)
    sheet = sheet_of(drawing, table, ranking, context)
    whys = {each["name"]: (each["best"], each["why"]) for each in sheet["zones"]}
    assert whys == {name: (rank, why) for rank, (name, why) in enumerate(told, 1)}
