"""Draw the pictures of docs/ anew: `python -m tests.ui.gallery` (needs Chromium, npm).

The pages are the built ones in the reference host, the page alone and nothing of the host; maps and
bookings are those of the sandbox. Directories of connectors take three to five, at least 1,000
pixels wide (docs/directories.md).
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Frame, expect, sync_playwright

from tests.ui import sheets
from tests.ui.booking_results import booking_results
from tests.ui.stage import CHROMIUM, FLAGS, ROOT, bundle, served, staged
from tests.ui.venues import sheets_of_venues

PICTURES = ROOT / "docs" / "pictures"
WIDE = {"viewport": {"width": 1000, "height": 800}}
NARROW = {"viewport": {"width": 780, "height": 720}, "device_scale_factor": 1.5}
CARD: sheets.Json = {"viewport": {"width": 600, "height": 720}, "device_scale_factor": 2}
"""As wide as a conversation, and as sharp as the screen of a phone."""
NOW = "2026-06-01T09:00:00Z"
"""The sandbox's, so that a hold is still one."""


def main() -> None:
    """Write them all."""
    venues, bookings = sheets_of_venues(), booking_results()
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bundle("host.js", Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(Path(folder)) as origin:
            _draw_map(browser, origin, venues["stadium"], "stadium", WIDE, choose="West 111")
            _draw_map(browser, origin, venues["hall"], "hall", NARROW)
            _draw_booking(browser, origin, bookings["held"], "hold")
            _draw_booking(browser, origin, bookings["ready"], "tickets")
        browser.close()


def _draw_map(
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
        _keep(frame, name)


def _draw_booking(browser: Browser, origin: str, result: sheets.Json, name: str) -> None:
    with staged(browser, origin, **CARD) as stage:
        stage.page.clock.install(time=NOW)
        context = {"locale": "en-GB", "timeZone": "Europe/Paris"}
        frame = stage.open("booking", result=result, context=context)
        expect(frame.locator("h1")).to_be_visible()
        _keep(frame, name)


def _keep(frame: Frame, name: str) -> None:
    # A page is transparent; this is what a host paints under it.
    frame.locator("html").evaluate("e => (e.style.background = 'var(--bg)')")
    frame.locator("body").screenshot(path=PICTURES / f"{name}.png")
    print(PICTURES / f"{name}.png")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
