"""What people look at: painted as that where a zone is it, and told where it stays unsure."""

import re
from typing import Any

import pytest

from korus_mcp.seating.palette import LIGHT
from korus_mcp.seating.ranking import Preference
from korus_mcp.seating.stages import is_stage_name
from korus_mcp.seating.vehicles import says_vehicle
from tests.seating.awkward import plan, square
from tests.seating.kinds import box, line, stacked, zone
from tests.seating.whole import Sold, answered

Json = dict[str, Any]
NAMES = ["Stage", "Main stage", "Screen", "Сцена", "Pitch", "Piste", "Bühne / Stage", "舞台"]
BEFORE_A_STAGE = (zone("Stalls", line("A", 30, 0, 20, 40, 60)),)


@pytest.mark.parametrize("name", NAMES)
def test_a_zone_that_is_the_stage_is_painted_as_that_and_is_no_zone(name: str) -> None:
    stage = zone(name, polygon=box(0, 0, 60, 12))
    found = answered(plan(stage, *BEFORE_A_STAGE))
    assert found.text.startswith("1 zone on")
    assert found.structure["counts"] == {"zones": 1, "fit": 1}
    assert f'fill="{LIGHT.stage}"' in found.picture
    assert ">1 zones. " in found.picture, "the description counts what can be bought"
    for wrong in ("Stage or pitch", "Nothing on sale"):
        assert wrong not in found.picture
    (painted,) = found.sheet["stages"]
    assert (painted["name"], len(painted["outlines"][0])) == (name, 8)
    assert [each["name"] for each in found.sheet["zones"]] == ["Stalls"]
    assert "focus" not in found.sheet, "the page marks no place on the stage's own name"
    assert "notes" not in found.sheet
    assert "hidden" not in found.sheet


def test_the_word_of_a_stage_is_not_covered_by_a_mark() -> None:
    found = answered(plan(zone("Stage", polygon=box(0, 0, 60, 12)), *BEFORE_A_STAGE))
    assert 'r="8"' not in found.picture, "the mark of a front without room for its words"
    assert len(re.findall("<text[^>]*>Stage<", found.picture)) == 1


def test_what_is_sold_is_no_stage_whatever_its_name() -> None:
    sold = [Sold(zone="Arena", amount=30), Sold(zone="Stalls", amount=40)]
    found = answered(plan(zone("Arena", polygon=box(0, 0, 60, 12)), *BEFORE_A_STAGE), sold)
    assert found.structure["counts"]["zones"] == 2
    assert "stages" not in found.sheet
    assert {each["name"] for each in found.sheet["zones"]} == {"Arena", "Stalls"}


def test_two_stages_are_both_painted_and_the_nearest_counts() -> None:
    hall = plan(
        zone("Main stage", polygon=box(0, 0, 60, 12)),
        zone("Stage 2", polygon=box(200, 0, 260, 12)),
        zone("West", polygon=box(0, 30, 60, 60)),
        zone("Middle", polygon=box(100, 30, 160, 60)),
    )
    found = answered(hall, preference=Preference.CLOSEST)
    assert list(found.ranks) == ["West", "Middle"]
    assert len(found.sheet["stages"]) == 2
    assert "does not tell" not in found.text


def test_a_stage_without_a_place_is_nowhere() -> None:
    found = answered(plan({"name": "Stage"}, {"name": "Stalls"}, {"name": "Balcony"}))
    assert found.text.startswith("2 zones on")
    assert "stages" not in found.sheet
    assert ">Stage<" not in found.picture
    assert "The map does not tell where people look." in found.text
    drawn = [each.outline for each in found.drawing.zones[1:]]
    assert len(set(drawn)) == 2


def test_where_nothing_shows_a_front_text_picture_and_page_say_so_and_no_rank_leans_on_it() -> None:
    squares = plan(*(zone(f"Z{n}", polygon=square(20.0 * n, 0)) for n in range(3)))
    cheapest, closest = answered(squares), answered(squares, preference=Preference.CLOSEST)
    assert cheapest.drawing.fronts == ()
    unsure = "The map does not tell where people look"
    assert f"{unsure}." in cheapest.text
    assert f"{unsure}: the cheapest come first." in closest.text
    assert closest.text.count(unsure) == 1
    assert cheapest.ranks == closest.ranks
    assert f">{unsure}<" in cheapest.picture
    assert (cheapest.sheet["notes"], closest.sheet["notes"]) == (["unsure"], ["no_focus"])


COACH = stacked([str(n) for n in range(1, 11)], 0, 20, 30, step=14)
VEHICLES: dict[str, Json] = {
    "a coach of 1 + 2": plan(zone("Upper", *COACH)),
    "a train by its name": plan(zone("Coach 12", *COACH[:3])),
    "an aircraft": plan(
        zone("Business", *stacked("1", 0, 30, 80)),
        zone("Economy", *stacked(["2", "3", "4"], 0, 20, 60, 80, top=20)),
    ),
    "by its category": plan(
        zone("1", *COACH[:4], seatingCategory="/c/1"),
        seatingCategories=[{"@id": "/c/1", "name": "Wagen, Ruhebereich"}],
    ),
    "a bus of two decks": plan(
        zone("Lower deck", *stacked("ABC", 0, 10, 30, 40)),
        zone("Upper deck", *stacked("ABC", 0, 10, 30, 40)),
    ),
    "bays of four": plan(zone("Coach 4", line("", 0, 0, 10, 32, 42), line("", 19, 0, 10, 32, 42))),
}


@pytest.mark.parametrize("kind", VEHICLES)
def test_a_vehicle_has_no_stage_and_no_pitch(kind: str) -> None:
    found = answered(VEHICLES[kind], preference=Preference.CLOSEST)
    for told in (found.text, found.picture, str(found.sheet)):
        assert "stage" not in told.lower(), told
        assert "pitch" not in told.lower()
    if found.drawing.fronts:
        assert "nearest to the front" in found.text
        assert ">Front<" in found.picture
        assert found.sheet["front"] is True


def test_a_hall_has_a_stage() -> None:
    found = answered(plan(zone("Stalls", *stacked("ABC", 0, 10, 20, 30, 40, 50))))
    assert "Stage or pitch" in found.picture
    assert "front" not in found.sheet


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Coach 3",
            "Wagen 21",
            "Voiture 12",
            "Carrozza 4",
            "11号車",
            "第3车厢",
            "3호차",
            "вагон 5",
        ),
        *("Economy", "Business class", "قطار عربة 2", "Toa số 3", "Vůz 7", "Autobús"),
    ],
)
def test_words_of_vehicles_are_known_in_many_languages(name: str) -> None:
    assert says_vehicle([name])


@pytest.mark.parametrize(
    "name", ["Stalls", "Upper deck", "Business seats", "First class lounge", "Box 3", "", "12"]
)
def test_words_of_halls_are_no_vehicles(name: str) -> None:
    assert not says_vehicle([name])


@pytest.mark.parametrize("name", ["Stage left", "Backstage", "Parterre", "Screen side seats", ""])
def test_places_beside_a_stage_are_none(name: str) -> None:
    assert not is_stage_name(name)
