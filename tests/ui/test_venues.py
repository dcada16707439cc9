"""The page on real sheets: the sandbox's venues, and maps as awkward as an API can make them."""

from copy import deepcopy

import pytest
from playwright.sync_api import Frame, expect

from tests.seating.awkward import MAPS
from tests.seating.test_sheet import sheet
from tests.seating.test_venues import VENUES
from tests.ui import sheets
from tests.ui.stage import Stage, witness
from tests.ui.venues import sheets_of_venues

CHECKED = {"check_availability": [sheets.checked()]}
ALL_DRAWN = "() => [...document.querySelectorAll('.seats')].every((path) => path.hasAttribute('d'))"
"""Seats come after all else."""
CLEAN: dict[str, list[str]] = {"violations": [], "errors": []}


@pytest.fixture(scope="module")
def venues() -> dict[str, sheets.Json]:
    return sheets_of_venues()


def _open(stage: Stage, drawn: sheets.Json) -> Frame:
    frame = stage.open("seat-map", result=sheets.result(drawn), answers=CHECKED)
    expect(frame.locator(".list")).to_be_visible()
    return frame


@pytest.mark.parametrize("key", VENUES)
def test_every_zone_of_a_venue_is_on_the_map_and_in_the_list_and_the_best_can_be_chosen(
    stage: Stage, venues: dict[str, sheets.Json], key: str
) -> None:
    drawn = venues[key]
    frame = _open(stage, drawn)
    names = {zone["name"] for zone in drawn["zones"]}
    labels = frame.locator(".zone").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert {label.split(", ")[0] for label in labels} == names
    assert set(frame.locator(".row .name").all_text_contents()) == names
    seats = sum(len(row.split()) // 2 for zone in drawn["zones"] for row in zone.get("rows", ()))
    frame.wait_for_function(ALL_DRAWN)
    assert frame.locator(".seats").evaluate_all(
        "all => all.reduce((n, p) => n + p.getAttribute('d').split('M').length - 1, 0)"
    ) == pytest.approx(seats, abs=100)  # a zone that is sold out has none
    assert ("Schematic plan" in (frame.locator(".plan").text_content() or "")) == (key == "club")
    assert witness(frame) == CLEAN

    best = next(zone for zone in drawn["zones"] if zone.get("best") == 1)
    frame.locator(".row").first.click()
    expect(frame.locator(".choice h2")).to_have_text(best["name"])
    log = stage.until(lambda log: log["contexts"])
    dearest = max(best["offers"], key=lambda offer: float(offer["price"]))
    assert log["contexts"][0]["structuredContent"]["offer_id"] == dearest["id"]


def test_every_zone_of_a_stadium_shows_its_price_on_a_screen_of_usual_width(
    stage: Stage, venues: dict[str, sheets.Json]
) -> None:
    stage.page.set_viewport_size({"width": 1000, "height": 800})
    frame = _open(stage, venues["stadium"])
    labels = frame.locator(".label.on-sale").all_text_contents()
    assert len(labels) > 40
    assert [label for label in labels if "€" not in label] == []


def test_a_number_that_two_zones_have_is_not_all_that_stands_beside_a_price(
    stage: Stage, venues: dict[str, sheets.Json]
) -> None:
    drawn = deepcopy(venues["stadium"])
    for n, zone in enumerate(drawn["zones"]):
        zone["name"] = f"{('Western', 'Eastern')[n % 2]} {n // 2 + 1}"
    stage.page.set_viewport_size({"width": 1000, "height": 800})
    frame = _open(stage, drawn)
    labels = frame.locator(".label").all_text_contents()
    assert any(labels)
    assert not [label for label in labels if "€" in label and label.split("€")[0].isdecimal()]


def test_an_awkward_map_is_shown(stage: Stage) -> None:
    for name, awkward in MAPS.items():
        drawn = sheet(awkward)
        frame = _open(stage, drawn)
        expect(frame.locator(".row"), name).to_have_count(len(drawn["zones"]))
        assert frame.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), name
        assert stage.dialogs == [], name
        assert witness(frame) == CLEAN, name
