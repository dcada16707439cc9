"""Draw the pictures of docs/seat-maps.md anew: `python -m tests.ui.gallery` (needs Chromium, npm).

The pages are the built ones in the reference host; the maps are those of the sandbox.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.ui import sheets
from tests.ui.stage import CHROMIUM, FLAGS, HOST, ROOT, run_node, served, staged
from tests.ui.venues import sheets_of_venues

PICTURES = ROOT / "docs" / "pictures"
WIDE = {"viewport": {"width": 1000, "height": 800}}
NARROW = {"viewport": {"width": 780, "height": 720}}


def main() -> None:
    """Write both."""
    venues = sheets_of_venues()
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bundle = Path(folder) / "host.js"
        run_node(HOST / "build.mjs", str(bundle))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(bundle) as origin:
            _draw(browser, origin, venues["stadium"], "stadium", WIDE, choose="West 111")
            _draw(browser, origin, venues["hall"], "hall", NARROW)
        browser.close()


def _draw(
    browser: Browser,
    origin: str,
    sheet: sheets.Json,
    name: str,
    options: sheets.Json,
    choose: str | None = None,
) -> None:
    answers = {"check_availability": [sheets.checked(price="62.00 EUR", left=273)]}
    with staged(browser, origin, **options) as stage:
        frame = stage.open("seat-map", result=sheets.result(sheet), answers=answers)
        expect(frame.locator(".zone").first).to_be_visible()
        if choose is not None:
            frame.locator(f'.zone[aria-label^="{choose}"]').click()
            expect(frame.locator(".good")).to_be_visible()
        frame.locator("body").screenshot(path=PICTURES / f"{name}.png")
    print(PICTURES / f"{name}.png")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
