"""Halls of some kinds on the page; `make halls-page` shows all of them."""

from typing import Final

from playwright.sync_api import expect

from tests.halls.generator import hall_of
from tests.ui import sheets
from tests.ui.conftest import Open
from tests.ui.halls import HEIGHT, WIDTHS, faults_of, sheet_of_hall, shown

SEEDS: Final = (2, 4, 15)
"""Of three kinds, small enough for each run of the tests."""


def test_each_seat_names_its_zone_and_the_keyboard_reaches_all(stage_with: Open) -> None:
    stage = stage_with(viewport={"width": WIDTHS[0], "height": HEIGHT})
    frame = stage.open("seat-map", result=sheets.result(sheets.hall()))
    expect(frame.locator(".list")).to_be_visible()
    for width in WIDTHS:
        stage.page.set_viewport_size({"width": width, "height": HEIGHT})
        for seed in SEEDS:
            drawn = sheet_of_hall(hall_of(seed))
            shown(stage, frame, drawn)
            is_first = (width, seed) == (WIDTHS[0], SEEDS[0])
            faults = list(faults_of(frame, drawn, with_axe=is_first))
            assert not faults, (width, drawn["title"], faults)
