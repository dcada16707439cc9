"""How the pages use the room a host gives: no higher, nothing lost, at any width, in two hosts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Frame, expect

from tests.ui import sheets
from tests.ui.booking_results import Results, booking_results
from tests.ui.conftest import Open
from tests.ui.reading import (
    height_of,
    overflow_of,
    pages,
    scrolling,
    seen,
    small_targets,
    turn_to,
)
from tests.ui.stage import MCP_UI, REFERENCE, Stage, staged, witness
from tests.ui.test_booking_page import NOW
from tests.ui.venues import sheets_of_venues

Json = dict[str, Any]
WIDTHS: Final = (280, 320, 360, 480, 659, 660, 768, 1024)
FEW_WIDTHS: Final = (280, 360, 768, 1024)
SOME_STATES: Final = ("held", "confirmation_needed", "to_name", "vouchers", "invalid")
MOST: Final = 500
INLINE: Final[Json] = {"displayMode": "inline", "locale": "en-GB"}
WHOLE: Final[Json] = {"displayMode": "fullscreen", "locale": "en-GB"}
CHECKED: Final[Json] = {"check_availability": [sheets.checked()]}
CLEAN: Final[dict[str, list[str]]] = {"violations": [], "errors": []}
IN_BOTH: Final = pytest.mark.parametrize("host", [REFERENCE, MCP_UI])


@pytest.fixture(scope="module")
def results() -> Results:
    return booking_results()


@pytest.fixture(scope="module")
def venues() -> dict[str, sheets.Json]:
    return sheets_of_venues()


@pytest.fixture
def stage_in(browser: Browser, origin: str, mcp_ui: str) -> Iterator[Callable[[str, int], Stage]]:
    """Make a stage in one of the hosts, so wide."""
    del mcp_ui
    with ExitStack() as stack:

        def make(host: str, width: int) -> Stage:
            viewport = {"width": width, "height": 900}
            return stack.enter_context(staged(browser, origin, host, viewport=viewport))

        yield make


def _settled(stage: Stage, frame: Frame, limit: int = MOST) -> None:
    """Wait until the host's frame is as high as the page said, and nothing of it sticks out."""
    fits = "limit => document.scrollingElement.scrollHeight <= innerHeight && innerHeight <= limit"
    frame.wait_for_function(fits, arg=limit)
    assert overflow_of(frame)[0] <= 0


def _all_seen(stage: Stage, frame: Frame, limit: int = MOST) -> list[str]:
    """The texts of all pages, each of which fits."""
    texts = []
    for number in pages(frame):
        assert height_of(frame) <= limit, number
        _settled(stage, frame, limit)
        texts += seen(frame)
    return texts


@IN_BOTH
@pytest.mark.parametrize("width", FEW_WIDTHS)
def test_a_booking_is_no_higher_than_a_conversation_and_loses_nothing(
    stage_in: Callable[[str, int], Stage], results: Results, host: str, width: int
) -> None:
    stage = stage_in(host, width)
    stage.page.clock.install(time=NOW)
    frame = stage.open("booking", context=INLINE, input={}, obeys=True)
    long = {name: pages_of[0] for name, pages_of in results.pages.items()}
    told = {**results.by_state, **long}
    for state in told if host == REFERENCE else SOME_STATES:
        result = told[state]
        frame.evaluate("() => (document.getElementById('said').textContent = '')")
        stage.host("sendResult", result)
        expect(frame.locator("#said")).not_to_be_empty()
        shown = _all_seen(stage, frame)
        assert small_targets(frame) == [], state
        stage.host("setContext", WHOLE)
        frame.wait_for_function("() => !document.documentElement.classList.contains('limited')")
        whole = seen(frame)
        assert set(whole) <= set(shown), (state, set(whole) - set(shown))
        stage.host("setContext", INLINE)
        frame.wait_for_function("() => document.documentElement.classList.contains('limited')")
    assert scrolling(frame) == []
    assert witness(frame) == CLEAN


def _parts(frame: Frame) -> Iterator[str]:
    """Show each part of a seat map that is shown by itself where there is little room."""
    tabs = frame.locator(".tab:visible")
    if not tabs.count():
        yield "all"
    for place in range(tabs.count()):
        tabs.nth(place).click()
        yield tabs.nth(place).text_content() or ""


@pytest.mark.parametrize(
    ("host", "width"),
    [*product([REFERENCE], WIDTHS), *product([MCP_UI], FEW_WIDTHS)],
)
def test_a_seat_map_is_no_higher_than_a_conversation_and_loses_nothing(
    stage_in: Callable[[str, int], Stage], venues: dict[str, sheets.Json], host: str, width: int
) -> None:
    stage = stage_in(host, width)
    frame = stage.open("seat-map", context=INLINE, answers=CHECKED, obeys=True)
    drawings = {**venues, "ring": sheets.stadium()}
    for name in drawings if host == REFERENCE else ("stadium", "hall"):
        drawn = drawings[name]
        stage.host("sendResult", sheets.result(drawn | {"notes": ["day_stock", "no_focus"]}))
        zones = {zone["name"] for zone in drawn["zones"]}
        expect(frame.locator(".row")).to_have_count(len(drawn["zones"]))
        shown = []
        for part in _parts(frame):
            shown += _all_seen(stage, frame)
            assert small_targets(frame) == [], (name, part)
        assert zones <= set(shown), name
        assert "What is left counts for the whole day" in " ".join(shown)
        assert "The issuer allocates the exact seats" in " ".join(shown)
        if frame.locator(".tab:visible").count():
            frame.locator(".tab").first.click()
        box = frame.locator(".map svg").bounding_box()
        assert box is not None
        # As high as its shape allows at this width, or no lower than it can be used.
        assert box["height"] >= 119 or box["width"] >= 0.5 * width - 40, name
    assert scrolling(frame) == []
    assert witness(frame) == CLEAN


@IN_BOTH
@pytest.mark.parametrize("width", FEW_WIDTHS)
def test_a_zone_is_chosen_and_told_within_the_same_room(
    stage_in: Callable[[str, int], Stage], host: str, width: int
) -> None:
    stage = stage_in(host, width)
    sheet = sheets.hall()
    offers = [sheets.offer(20 + i, f"Match {i}", f"{45 - i}.00", 8) for i in range(9)]
    sheet["zones"][2] |= {"offers": offers, "from": "37.00", "to": "45.00", "left": 8}
    sessions = [
        {"session_id": f"0195-{i}", "starts_at": f"2026-12-05T{10 + i}:00+01:00", "enough": True}
        for i in range(8)
    ]
    answers = {"check_availability": [sheets.checked(sessions=sessions)]}
    frame = stage.open(
        "seat-map", result=sheets.result(sheet), context=INLINE, answers=answers, obeys=True
    )
    expect(frame.locator(".row")).to_have_count(6)
    if (zones := frame.get_by_role("button", name="Zones", exact=True)).count():
        zones.click()
    turn_to(frame, ".row:has-text('Block 3')").click()
    expect(frame.locator(".choice h2")).to_have_text("Block 3")
    expect(frame.locator(".good")).to_have_count(1)
    shown = _all_seen(stage, frame)
    assert {f"Match {i}" for i in range(9)} <= set(shown)
    assert {f"Saturday, December 5, 2026, {10 + i}:00" for i in range(8)} <= set(shown)
    assert small_targets(frame) == []
    turn_to(frame, "[data-place=tell]").click()
    stage.until(lambda log: log["messages"])
    frame.locator(".back").click()
    expect(frame.locator(".row:has-text('Block 3')")).to_be_focused()
    assert witness(frame) == CLEAN


@IN_BOTH
@pytest.mark.parametrize("dimensions", [{"maxHeight": 360}, {"height": 320}, {"height": 800}])
def test_what_the_host_says_of_its_container_is_obeyed(
    stage_in: Callable[[str, int], Stage], host: str, dimensions: dict[str, int]
) -> None:
    stage = stage_in(host, 768)
    context = {**INLINE, "containerDimensions": {"width": 768, **dimensions}}
    frame = stage.open(
        "seat-map", result=sheets.result(sheets.stadium()), context=context, obeys=True
    )
    expect(frame.locator(".row")).to_have_count(50)
    (most,) = dimensions.values()
    shown = [text for _ in _parts(frame) for text in _all_seen(stage, frame, most)]
    assert "East 101" in shown
    assert all(size["height"] <= most for size in stage.log["sizes"])


def test_a_host_with_more_room_than_a_conversation_is_not_filled(stage_with: Open) -> None:
    stage = stage_with()
    context = {"displayMode": "inline", "containerDimensions": {"maxHeight": 2_000}}
    frame = stage.open(
        "seat-map", result=sheets.result(sheets.stadium()), context=context, obeys=True
    )
    expect(frame.locator(".row")).to_have_count(50)
    _settled(stage, frame)
    stage.host("setContext", {"displayMode": "fullscreen"})
    frame.wait_for_function("() => document.body.getBoundingClientRect().height > 1000")
    expect(frame.locator(".pager")).to_be_hidden()


def test_a_host_that_gives_hardly_any_room_gets_a_page_that_scrolls(stage_with: Open) -> None:
    stage = stage_with(viewport={"width": 360, "height": 900})
    context = {"displayMode": "inline", "containerDimensions": {"maxHeight": 120}}
    frame = stage.open("seat-map", result=sheets.result(sheets.hall()), context=context, obeys=True)
    expect(frame.locator(".row")).to_have_count(6)
    stage.until(lambda log: log["sizes"] and log["sizes"][-1]["height"] == 120)
    assert overflow_of(frame)[0] <= 0
    assert scrolling(frame) == []


@IN_BOTH
def test_the_frame_follows_the_host_when_that_becomes_narrower(
    stage_in: Callable[[str, int], Stage], host: str
) -> None:
    stage = stage_in(host, 900)
    frame = stage.open("seat-map", result=sheets.result(sheets.hall()), context=INLINE, obeys=True)
    expect(frame.locator(".row")).to_have_count(6)
    _settled(stage, frame)
    assert all("width" not in size for size in stage.log["sizes"])
    stage.page.set_viewport_size({"width": 320, "height": 900})
    frame.wait_for_function("() => innerWidth === 320")
    expect(frame.locator(".tabs")).to_be_visible()
    _settled(stage, frame)


@IN_BOTH
def test_a_width_that_is_the_pages_to_say_is_said(
    stage_in: Callable[[str, int], Stage], host: str
) -> None:
    stage = stage_in(host, 1_024)
    context = {**INLINE, "containerDimensions": {"maxWidth": 600, "maxHeight": 500}}
    frame = stage.open("booking", context=context, obeys=True)
    stage.until(lambda log: log["sizes"])
    assert stage.log["sizes"][-1]["width"] == 600
    frame.wait_for_function("() => innerWidth === 600")


@pytest.mark.parametrize("page", ["seat-map", "booking"])
def test_the_keyboard_turns_pages_and_a_screen_reader_hears_which(
    stage_with: Open, results: Results, page: str
) -> None:
    stage = stage_with(viewport={"width": 360, "height": 900})
    result = sheets.result(sheets.stadium()) if page == "seat-map" else results["vouchers"]
    frame = stage.open(page, result=result, context=INLINE, obeys=True)
    if page == "seat-map":
        frame.get_by_role("button", name="Zones", exact=True).click()
    on = frame.get_by_role("button", name="Next page")
    on.focus()
    stage.page.keyboard.press("Enter")
    expect(frame.get_by_role("status")).to_contain_text("Page 2 of ")
    expect(on).to_be_focused()
    frame.get_by_role("button", name="Previous page").press("Enter")
    expect(frame.get_by_role("status")).to_contain_text("Page 1 of ")


def test_the_arrow_keys_go_on_to_the_next_page_of_the_list(stage_with: Open) -> None:
    stage = stage_with(viewport={"width": 360, "height": 900})
    frame = stage.open(
        "seat-map", result=sheets.result(sheets.stadium()), context=INLINE, obeys=True
    )
    frame.get_by_role("button", name="Zones", exact=True).click()
    frame.locator('.row[tabindex="0"]').focus()
    for _ in range(12):
        stage.page.keyboard.press("ArrowDown")
    expect(frame.locator(".row:focus")).to_be_visible()
    assert frame.locator(".at").text_content() != "1 / 1"
    assert not (frame.locator(".at").text_content() or "").startswith("1 /")
    stage.page.keyboard.press("End")
    expect(frame.locator(".row").last).to_be_focused()


def test_the_answer_of_a_host_that_drops_meta_is_a_map_and_a_list(stage_with: Open) -> None:
    stage = stage_with(viewport={"width": 480, "height": 900})
    view = sheets.view_of(sheets.stadium())
    frame = stage.open(
        "seat-map", result=sheets.result(None, view), context=INLINE, answers=CHECKED, obeys=True
    )
    expect(frame.locator(".zone")).to_have_count(50)
    _settled(stage, frame)
    expect(frame.locator(".plan")).to_contain_text("Schematic plan")
    frame.locator(".zone:not([aria-disabled])").first.click()
    expect(frame.locator(".choice h2")).to_be_visible()
