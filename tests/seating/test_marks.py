"""Seats of a person are found on a map by zone, row and number, or said not to be found."""

from itertools import combinations
from math import dist
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.marks import Mark, Place, marks_of, seat_names
from korus_mcp.seating.picture import svg
from korus_mcp.seating.scene import PictureQuery
from tests.seating.awkward import plan, row, square
from tests.seating.halls import bowl

SVG = "{http://www.w3.org/2000/svg}"
STALLS = {
    "name": "Stalls",
    "rows": [
        row(name, *((10 * n, 12 * line) for n in range(9))) for line, name in enumerate("ABC")
    ],
}
BALCONY = {
    "name": "Balcony",
    "rows": [row("Row 12", *((10 * n, 80) for n in range(9)))],
}
PIT = {"name": "Pit", "polygon": square(120, 0, 60)}
HALL = plan(STALLS, BALCONY, PIT)


def _marks(*places: Place, seat_map: dict[str, Any] = HALL) -> tuple[Mark, ...]:
    read = SeatMap.model_validate(seat_map)
    return marks_of(read, drawing_of(read), places)


@pytest.mark.parametrize(
    ("place", "at"),
    [
        (Place(zone="Stalls", row="B", seat="4"), (0, 1, 3)),
        (Place(zone="STALLS", row="Row B", seat="04"), (0, 1, 3)),
        (Place(zone="Balcony", row="12", seat="Seat 1"), (1, 0, 0)),
        (Place(row="B", seat="4"), (0, 1, 3)),
        (Place(zone="Balcony", seat="9"), (1, 0, 8)),
    ],
    ids=["as written", "in other words", "the map in other words", "no zone", "one row"],
)
def test_a_seat_is_found_where_it_is_drawn(place: Place, at: tuple[int, int, int]) -> None:
    number, line, seat = at
    drawing = drawing_of(SeatMap.model_validate(HALL))
    (mark,) = _marks(place)
    assert (mark.is_found, mark.zone) == (True, number)
    assert mark.at == pytest.approx(drawing.zones[number].rows[line][seat])


def test_a_place_in_a_zone_without_seats_is_found_as_that_zone() -> None:
    (mark,) = _marks(Place(zone="Pit"))
    assert (mark.is_found, mark.zone, mark.at) == (True, 2, None)


@pytest.mark.parametrize(
    "place",
    [
        Place(zone="Stalls", row="Z", seat="4"),
        Place(zone="Stalls", row="B", seat="40"),
        Place(zone="Gallery", row="B", seat="4"),
        Place(zone="Stalls", seat="4"),
        Place(seat="4"),
        Place(),
    ],
    ids=["row", "number", "zone", "which row", "which zone", "nothing"],
)
def test_what_is_not_there_or_could_be_several_is_not_found(place: Place) -> None:
    assert _marks(place) == (Mark(place=place),)


def test_of_two_seats_with_one_name_none_is_found() -> None:
    doubled = plan(STALLS, STALLS)
    (mark,) = _marks(Place(zone="Stalls", row="B", seat="4"), seat_map=doubled)
    assert not mark.is_found


def test_a_seat_that_was_never_placed_is_found_without_a_place() -> None:
    lone = {"name": "C", "seats": [{"name": "1", "x": 0, "y": 0}, {"name": "2"}]}
    rows = [row("A", *((5000 + 10 * n, 5000) for n in range(30))), lone]
    places = Place(zone="Z", row="C", seat="1"), Place(zone="Z", row="C", seat="2")
    marks = _marks(*places, seat_map=plan({"name": "Z", "rows": rows}))
    assert [(mark.is_found, mark.at) for mark in marks] == [(True, None), (True, None)]


def test_the_picture_rings_what_is_found_and_says_what_is_not() -> None:
    read = SeatMap.model_validate(HALL)
    drawing = drawing_of(read)
    places = [Place(zone="Stalls", row="B", seat=seat) for seat in ("4", "5", "99")]
    asked = PictureQuery(marks=marks_of(read, drawing, places))
    bare, ringed = (ET.fromstring(svg(drawing, (), asked=a)) for a in (None, asked))
    rings = [c for c in ringed.iter(f"{SVG}circle") if c.get("fill") == "none"]
    assert not [c for c in bare.iter(f"{SVG}circle") if c.get("fill") == "none"]
    middles = {(c.get("cx"), c.get("cy")) for c in rings}
    assert len(middles) == 3, "two seats and the legend"
    said = " ".join(text.text or "" for text in ringed.iter(f"{SVG}text"))
    assert "Yours" in said
    assert "Stalls, row B, 4, 5" in said
    assert "1 of your seats are not found on this map" in said


def test_the_rim_of_a_seat_hides_no_ring_of_its_neighbour() -> None:
    read = SeatMap.model_validate(HALL)
    drawing = drawing_of(read)
    places = [Place(zone="Stalls", row="B", seat=seat) for seat in "456"]
    asked = PictureQuery(marks=marks_of(read, drawing, places))
    picture = ET.fromstring(svg(drawing, (), asked=asked))
    widths = [
        float(c.get("stroke-width") or 0)
        for c in picture.iter(f"{SVG}circle")
        if c.get("fill") == "none"
    ]
    assert len(widths) == 8, "three seats and the legend"
    assert widths[:6] == sorted(widths[:6], reverse=True)


def test_a_number_of_a_best_zone_hides_no_other_one_and_no_ring() -> None:
    read = SeatMap.model_validate(bowl(zones=40, rows=30, seats=40))
    drawing = drawing_of(read)
    places = [Place(zone="Zone 3", row="5", seat=str(seat)) for seat in (11, 12, 13)]
    asked = PictureQuery(marks=marks_of(read, drawing, places), best=(3, 4, 5))
    picture = ET.fromstring(svg(drawing, (), asked=asked))
    circles = list(picture.iter(f"{SVG}circle"))
    at = {id(c): (float(c.get("cx") or 0), float(c.get("cy") or 0)) for c in circles}
    discs = [at[id(c)] for c in circles if c.get("fill") != "none" and c.get("r") == "10"][:3]
    rings = {at[id(c)] for c in circles if c.get("fill") == "none"}
    assert len(discs) == 3
    assert all(dist(one, other) >= 20 for one, other in combinations(discs, 2))
    assert all(dist(disc, ring) >= 20 for disc in discs for ring in rings)


def test_seats_are_named_as_they_are_drawn() -> None:
    rows = [
        {"name": "A", "seats": [{"name": "x"}, {"name": "1", "x": 0, "y": 0}]},
        {"name": "B", "seats": [{"name": "y"}]},
        row("C", (0, 10), (10, 10)),
    ]
    read = SeatMap.model_validate(plan({"name": "Z", "rows": rows}))
    (zone,), (drawn,) = read.zones, drawing_of(read).zones
    assert seat_names(zone, drawn) == [["1"], ["1", "2"]]
