"""How the page looks and sounds: contrast, names, themes, narrow screens, less motion."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Frame, expect

from korus_mcp.seating import palette
from tests.ui import sheets
from tests.ui.conftest import Open
from tests.ui.reading import serious, small_targets
from tests.ui.stage import UI, Stage

THEMES = ("light", "dark")


def _open(stage: Stage, sheet: sheets.Json, **plan: object) -> Frame:
    answers = {"check_availability": [sheets.checked()]}
    frame = stage.open("seat-map", result=sheets.result(sheet), answers=answers, **plan)
    expect(frame.locator(".list")).to_be_visible()
    return frame


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_serious(stage: Stage, theme: str) -> None:
    frame = _open(stage, sheets.hall(), context={"theme": theme})
    assert serious(frame) == []
    frame.locator('.zone[aria-label^="Block 2"]').click()
    expect(frame.locator(".good")).to_be_visible()
    assert serious(frame) == []
    frame.get_by_role("button", name="All zones").click()
    slider = frame.get_by_role("slider")
    slider.focus()
    stage.page.keyboard.press("Home")
    assert serious(frame) == []


def test_axe_finds_nothing_serious_in_a_list_and_an_empty_page(stage_with: Open) -> None:
    stage = stage_with()
    listed = sheets.result(None, sheets.view_of(sheets.hall()))
    frame = stage.open("seat-map", result=listed)
    expect(frame.locator(".list")).to_be_visible()
    assert serious(frame) == []
    other = stage_with()
    frame = other.open("seat-map")
    expect(frame.locator(".waiting")).to_be_visible()
    assert serious(frame) == []


def test_the_theme_of_the_host_counts_and_changes_with_it(stage: Stage) -> None:
    frame = _open(stage, sheets.hall(), context={"theme": "dark"})
    assert _text(frame) == "rgb(238, 240, 243)"
    stage.host("setContext", {"theme": "light"})
    frame.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
    assert _text(frame) == "rgb(22, 25, 29)"


def test_without_a_theme_the_readers_preference_counts_and_may_change(stage_with: Open) -> None:
    stage = stage_with(color_scheme="dark")
    frame = _open(stage, sheets.hall())
    assert _text(frame) == "rgb(238, 240, 243)"
    stage.page.emulate_media(color_scheme="light")
    frame.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
    assert _text(frame) == "rgb(22, 25, 29)"


def test_the_colours_of_the_host_are_taken_over_as_long_as_it_gives_them(stage: Stage) -> None:
    variables = {
        "--color-background-primary": "light-dark(#fffbe8, black)",
        "--color-text-primary": "light-dark(rgb(80 20 20), white)",
        "--font-sans": "Georgia",
    }
    frame = _open(stage, sheets.hall(), context={"styles": {"variables": variables}})
    button = frame.locator(".step").first
    assert button.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 251, 232)"
    assert _text(frame) == "rgb(80, 20, 20)"
    assert frame.evaluate("() => getComputedStyle(document.body).fontFamily") == "Georgia"
    stage.host("setContext", {"styles": {}})
    frame.wait_for_function("() => getComputedStyle(document.body).fontFamily !== 'Georgia'")
    assert _text(frame) == "rgb(22, 25, 29)"


@pytest.mark.parametrize("drawn", ["hall", "stadium", "hostile"])
def test_nothing_is_wider_than_a_phone(stage_with: Open, drawn: str) -> None:
    drawings = {"hall": sheets.hall(), "stadium": sheets.stadium(), "hostile": sheets.hostile()}
    stage = stage_with(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    frame = _open(stage, drawings[drawn])
    fits = "() => document.documentElement.scrollWidth <= innerWidth && innerWidth === 360"
    assert frame.evaluate(fits)
    frame.locator(".row").first.tap()
    expect(frame.locator(".choice")).to_be_visible()
    assert frame.evaluate(fits)


def test_targets_of_a_phone_are_large_enough(stage_with: Open) -> None:
    frame = _open(stage_with(viewport={"width": 360, "height": 740}), sheets.hall())
    assert small_targets(frame) == []
    frame.locator(".row", has_text="Block 2").click()
    expect(frame.get_by_role("radio").first).to_be_visible()
    assert small_targets(frame) == []


def test_nothing_moves_for_those_who_asked_for_less_motion(stage_with: Open) -> None:
    stage = stage_with(reduced_motion="reduce")
    frame = stage.open("seat-map")
    blank = frame.locator(".blank")
    expect(blank).to_be_visible()
    assert blank.evaluate("e => getComputedStyle(e).animationName") == "none"


def test_more_contrast_makes_darker_lines(stage_with: Open) -> None:
    frame = _open(stage_with(contrast="more"), sheets.hall())
    line = frame.locator(".row").first.evaluate("e => getComputedStyle(e).borderBottomColor")
    assert line == frame.locator(".row").first.evaluate("e => getComputedStyle(e).color")


def test_every_shade_carries_its_label_with_enough_contrast() -> None:
    pairs = re.findall(r"--shade-(\d): (#\w{6}); --ink-\1: (#\w{6});", _style())
    assert len(pairs) == 6
    for _, shade, ink in pairs:
        assert _contrast(shade, ink) >= 4.5, (shade, ink)


def test_the_shades_are_told_apart_by_lightness_alone() -> None:
    shades = re.findall(r"--shade-\d: (#\w{6});", _style())
    steps = [_contrast(a, b) for a, b in pairwise(shades)]
    assert min(steps) >= 1.2, steps


def test_the_page_and_the_pictures_have_the_same_shades() -> None:
    pairs = re.findall(r"--shade-\d: (#\w{6}); --ink-\d: (#\w{6});", _style())
    shades = palette.ramp(palette.STEPS)
    assert pairs == [(shade, palette.readable_on(shade)) for shade in shades]


@pytest.mark.parametrize("name", ["texts.js", "seat-map/words.js"])
def test_every_word_is_there_in_both_languages_and_used(name: str) -> None:
    tables = _read(name).split("\n  fr: {")
    english, french = (re.findall(r"^    (\w+):", table, re.MULTILINE) for table in tables)
    assert english == french
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (UI / "src").rglob("*.js")
        if path.name not in ("texts.js", "words.js")
    )
    unused = [word for word in english if f'"{word.removeprefix("note_")}"' not in code]
    assert unused == []


def _read(name: str) -> str:
    return (UI / "src" / name).read_text(encoding="utf-8")


def _style() -> str:
    return _read("seat-map.css")


def _text(frame: Frame) -> str:
    return str(frame.evaluate("() => getComputedStyle(document.body).color"))


def _contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
