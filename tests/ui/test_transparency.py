"""The pages lie on what their host paints, and can be read on it whatever colours it gives."""

import base64
import random
from typing import Any, Final

import pytest
from playwright.sync_api import Frame, expect

from tests.ui import sheets
from tests.ui.booking_results import Results, booking_results
from tests.ui.conftest import Open
from tests.ui.stage import MODULES, Stage, witness

Json = dict[str, Any]
AXE: Final = MODULES / "axe-core" / "axe.min.js"
SEED: Final = 2026
MIXES: Final = 16
NAMES: Final = (
    "--color-background-primary",
    "--color-background-secondary",
    "--color-text-primary",
    "--color-text-secondary",
    "--color-border-primary",
)
COLORS: Final = (
    "#000000", "#111111", "#1f1e1d", "#333", "#555d69", "#777777", "#808080", "#999", "#c0c0c0",
    "#f5f5f0", "#fffbe8", "white", "#0b57d0", "crimson", "gold", "rgb(40 0 80)", "hsl(120 60% 30%)",
    "light-dark(#ffffff, #171717)", "light-dark(#171717, #fafafa)", "light-dark(#fafafa, #171717)",
    "oklch(0.7 0.2 140)", "color(display-p3 0.2 0.1 0.6)", "rgb(255 255 255 / 0.08)",
    "rgb(0 0 0 / 5%)", "transparent", "Canvas", "CanvasText",
    "inherit", "currentColor", "var(--gone)", "no colour", "",
)  # fmt: skip
"""Among them some that are none, or that mean something else than a colour."""
GROUNDS: Final = {"light": "#faf9f5", "dark": "#262624"}
"""What hosts paint that do not say it: near white and near black."""
RESOLVE: Final = """([text, scheme, ground]) => {
  const brush = document.createElement("canvas").getContext("2d");
  const probe = document.createElement("i");
  probe.style.colorScheme = scheme;
  probe.style.color = text;
  document.body.append(probe);
  brush.fillStyle = ground;
  brush.fillRect(0, 0, 1, 1);
  if (probe.style.color) {
    brush.fillStyle = getComputedStyle(probe).color;
    brush.fillRect(0, 0, 1, 1);
  }
  probe.remove();
  return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
CONTRAST: Final = """async (ground) => {
  document.documentElement.style.background = ground;
  const options = { runOnly: ["color-contrast"], resultTypes: ["violations"] };
  const { violations } = await axe.run(options);
  document.documentElement.style.background = "";
  const told = ({ any, html }) => `${any[0].message} ${html.slice(0, 90)}`;
  return violations.flatMap(({ nodes }) => nodes.map(told));
}"""
"""axe takes the ground of a transparent page for white; so it is told what the host paints."""
NO_COLOR: Final = ("inherit", "currentColor", "var(--gone)", "no colour", "")


@pytest.fixture(scope="module")
def results() -> Results:
    return booking_results()


def _mixes() -> list[tuple[str | None, Json]]:
    """Themes and subsets of variables: each alone, all of the same colour, and any."""
    chance = random.Random(SEED)
    mixes: list[tuple[str | None, Json]] = [("dark", {}), ("light", {}), (None, {})]
    mixes += [(None, {name: color}) for name in NAMES for color in ("#111111", "white")]
    mixes += [("dark", dict.fromkeys(NAMES, color)) for color in ("#777777", "black", "white")]
    for _ in range(MIXES):
        names = chance.sample(NAMES, chance.randint(1, len(NAMES)))
        theme = chance.choice([None, "light", "dark"])
        mixes.append((theme, {name: chance.choice(COLORS) for name in names}))
    return mixes


def _ground(stage: Stage, theme: str | None, variables: Json) -> str:
    """What such a host paints: its colour, else what goes with its theme or its text."""
    told = theme or "light"
    painted = variables.get("--color-background-primary", "")
    if painted in NO_COLOR:
        painted = ""
    if not painted and theme is None:
        text = variables.get("--color-text-primary", "")
        if (
            text not in NO_COLOR
            and sum(stage.page.evaluate(RESOLVE, [text, told, "#ffffff"])) > 384
        ):
            told = "dark"
    base = "#ffffff" if painted and told == "light" else "#15181c" if painted else GROUNDS[told]
    red, green, blue = stage.page.evaluate(RESOLVE, [painted or base, told, base])
    return f"rgb({red}, {green}, {blue})"


def _give(stage: Stage, frame: Frame, number: int, context: Json, ground: str) -> None:
    """Change the host's context, and wait until the page has taken it over."""
    mark = {"safeAreaInsets": {"top": number / 100, "right": 0, "bottom": 0, "left": 0}}
    stage.host("setContext", {"displayMode": "fullscreen", **context, **mark}, ground)
    arrived = "mark => document.documentElement.style.getPropertyValue('--safe-top') === mark"
    frame.wait_for_function(arrived, arg=f"{number / 100:g}px")


def _unread(stage: Stage, frame: Frame) -> list[str]:
    """What cannot be read of the page, for each mix."""
    frame.evaluate(f"() => {{ {AXE.read_text(encoding='utf-8')} }}")
    found = []
    for number, (theme, variables) in enumerate(_mixes(), start=1):
        ground = _ground(stage, theme, variables)
        context = {"theme": theme or "", "styles": {"variables": variables}}
        _give(stage, frame, number, context, ground)
        found += [f"{theme} {variables} on {ground}: {n}" for n in frame.evaluate(CONTRAST, ground)]
    return found


@pytest.mark.parametrize("what", ["list", "choice"])
def test_a_seat_map_can_be_read_with_any_mix_of_the_hosts_colours(stage: Stage, what: str) -> None:
    sessions = [{"session_id": "0195-a", "starts_at": "2026-12-05T15:00+01:00", "enough": True}]
    answers = {"check_availability": [sheets.checked(sessions=sessions)]}
    frame = stage.open("seat-map", result=sheets.result(sheets.hall()), answers=answers)
    expect(frame.locator(".list")).to_be_visible()
    if what == "choice":
        frame.locator(".row", has_text="Block 2").click()
        expect(frame.locator(".good")).to_be_visible()
    assert _unread(stage, frame) == []


@pytest.mark.parametrize(
    "state", ["held", "partly_held", "confirmation_needed", "to_name", "vouchers", "sold_out"]
)
def test_a_booking_can_be_read_with_any_mix_of_the_hosts_colours(
    stage: Stage, results: Results, state: str
) -> None:
    stage.page.clock.install(time="2026-06-01T09:00:00Z")
    frame = stage.open("booking", result=results[state], input={}, context={"locale": "en-GB"})
    expect(frame.locator("h1")).to_be_visible()
    assert _unread(stage, frame) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", ["seat-map", "booking"])
def test_what_the_host_paints_is_seen_through_the_page(
    stage_with: Open, page: str, theme: str
) -> None:
    stage = stage_with(viewport={"width": 480, "height": 400})
    painted = {"light": "rgb(230, 240, 250)", "dark": "rgb(40, 20, 60)"}[theme]
    frame = stage.open(page, paint=painted, context={"theme": theme})
    expect(frame.locator("#page")).to_be_visible()
    assert _pixel(stage, 3, 3) == painted
    grounds = frame.evaluate(
        """() => [document.documentElement, document.body]
             .map((e) => getComputedStyle(e).backgroundColor)"""
    )
    assert grounds == ["rgba(0, 0, 0, 0)"] * 2


def _pixel(stage: Stage, x: int, y: int) -> str:
    """The colour of the screen at a place."""
    shot = base64.b64encode(stage.page.screenshot()).decode()
    red, green, blue = stage.page.evaluate(
        """async ([shot, x, y]) => {
          const image = new Image();
          image.src = `data:image/png;base64,${shot}`;
          await image.decode();
          const brush = document.createElement("canvas").getContext("2d");
          brush.drawImage(image, -x, -y);
          return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }""",
        [shot, x, y],
    )
    return f"rgb({red}, {green}, {blue})"


def test_what_is_no_colour_is_not_taken_over(stage: Stage) -> None:
    variables = {
        "--color-text-primary": "url(https://evil.example/x)",
        "--color-background-primary": "red; background: url(//evil.example)",
        "--color-background-secondary": "image-set('x' 1x)",
        "--font-sans": "x; } body { display: none",
    }
    frame = stage.open("booking", context={"theme": "light", "styles": {"variables": variables}})
    expect(frame.locator("h1")).to_be_visible()
    style = frame.evaluate("() => document.documentElement.getAttribute('style')")
    assert "evil" not in style
    assert "display" not in style
    assert frame.evaluate("() => getComputedStyle(document.body).color") == "rgb(22, 25, 29)"
    assert witness(frame) == {"violations": [], "errors": []}
