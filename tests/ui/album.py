"""Draw both pages as conversations show them: `python -m tests.ui.album FOLDER` (Chromium, npm).

In both hosts, at three widths and in two themes, one file each: to be looked at.
"""

import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Frame, expect, sync_playwright

from tests.ui import sheets
from tests.ui.booking_results import booking_results
from tests.ui.stage import CHROMIUM, FLAGS, MCP_UI, REFERENCE, Stage, bundle, served, staged
from tests.ui.venues import sheets_of_venues

HOSTS: Final = (REFERENCE, MCP_UI)
WIDTHS: Final = (280, 360, 768)
PAINTED: Final = {"light": "#faf9f5", "dark": "#262624"}
"""What the hosts paint under the pages."""
NOW: Final = "2026-06-01T09:00:00Z"
"""The sandbox's, so that a hold is still one."""


def main() -> None:
    """Draw them into the folder of the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    venues, results = sheets_of_venues(), booking_results()
    shown = {
        "seat-map": sheets.result(venues["stadium"]),
        "seat-map-hall": sheets.result(venues["hall"]),
        "seat-map-tiles": sheets.result(None, sheets.view_of(sheets.stadium())),
        "booking-held": results["held"],
        "booking-asks": results["confirmation_needed"],
    }
    with tempfile.TemporaryDirectory() as scripts, sync_playwright() as playwright:
        for host in HOSTS:
            bundle(f"{host}.js", Path(scripts))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(Path(scripts)) as origin:
            for host, width, theme, name in product(HOSTS, WIDTHS, PAINTED, shown):
                viewport = {"width": width, "height": 520}
                with staged(browser, origin, host, viewport=viewport) as stage:
                    frame = _opened(stage, name, shown[name], theme)
                    _keep(stage, folder / f"{name}-{host}-{width}-{theme}.png")
                    if name == "seat-map":
                        frame.locator('.zone[aria-label^="West 111"]').click()
                        expect(frame.locator(".good")).to_have_count(1)
                        _keep(stage, folder / f"{name}-chosen-{host}-{width}-{theme}.png")
        browser.close()


def _opened(stage: Stage, name: str, result: sheets.Json, theme: str) -> Frame:
    answers: dict[str, Any] = {"check_availability": [sheets.checked(price="62.00 EUR", left=273)]}
    context = {"displayMode": "inline", "theme": theme, "locale": "en-GB"}
    stage.page.clock.install(time=NOW)
    frame = stage.open(
        "booking" if name.startswith("booking") else "seat-map",
        result=result,
        context=context,
        paint=PAINTED[theme],
        answers=answers,
        input={},
        obeys=True,
    )
    expect(frame.locator("h1")).not_to_be_empty()
    frame.wait_for_function("() => document.body.getBoundingClientRect().height <= innerHeight")
    return frame


def _keep(stage: Stage, path: Path) -> None:
    stage.page.wait_for_timeout(300)  # the labels of a map are fitted to its size
    stage.page.screenshot(path=path)
    print(path)  # noqa: T201 - a command


if __name__ == "__main__":
    main()
