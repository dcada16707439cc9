"""How soon the seat map is on the screen: `python -m benchmarks.ui [-n 9] [--beside COMMIT]`.

Chromium, the reference host around the page, sheets of 5,000 and of 16,000 seats in 50 zones. From
the tool result, with the page already there, to the first frame with the map on the screen, as the
browser tells it; and the same for the page of an earlier commit, in turns, with the same seats.
"""

import argparse
import gzip
import json
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from tests.ui import sheets
from tests.ui.stage import BUILT, CHROMIUM, FLAGS, ROOT, bundle, served, staged

TIMES: Final = 9
ZONES: Final = 50
SEATS: Final = (5_000, 16_000)
NOW: Final = "here"
PAGE: Final = "seat-map.html"

# Of what is painted the browser tells when it was on the screen, if it is the largest so far: what
# a page shows while it waits is smaller than anything that a map has.
PAINTED: Final = """
began => new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const shown = list.getEntries().map((entry) => performance.timeOrigin + entry.startTime);
    const after = shown.filter((at) => at > began);
    if (after.length && document.querySelector(".shape")) resolve(after[0]);
  }).observe({ type: "largest-contentful-paint", buffered: true });
})
"""
SENT: Final = """
result => {
  const at = performance.timeOrigin + performance.now();
  host.sendResult(result);
  return at;
}
"""


def main(beside: str | None = None, times: int = TIMES) -> None:
    """Print a line a sheet, with that of an earlier commit behind it; and the sizes of pages."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundle("host.js", folder)
        pages = {NOW: BUILT}
        if beside is not None:
            pages[beside] = _page_of(beside, folder / "earlier")
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.callback(browser.close)
        origins = {
            name: stack.enter_context(served(folder, built)) for name, built in pages.items()
        }
        for seats in SEATS:
            drawn = _stadium(seats)
            results = {
                name: sheets.result(drawn if name == NOW else _as_earlier(drawn))
                for name in origins
            }
            print(_line(seats, results[NOW], _measured(browser, origins, results, times)))
    for path in sorted(BUILT.glob("*.html")):
        packed = len(gzip.compress(path.read_bytes()))
        print(f"{path.name}: {path.stat().st_size:,} bytes, {packed:,} gzipped")


def _stadium(seats: int) -> sheets.Json:
    """A sheet of so many seats."""
    return sheets.stadium(seats_a_zone=seats // ZONES, zones=ZONES)


def _as_earlier(drawn: sheets.Json) -> sheets.Json:
    """The same sheet as earlier pages take it: one outline of each zone, rows of numbers."""
    zones = [
        zone
        | {
            "outline": zone["outlines"][0],
            "rows": [[int(n) for n in row.split(" ")] for row in zone["rows"]],
        }
        for zone in drawn["zones"]
    ]
    return drawn | {"zones": zones}


def _page_of(commit: str, folder: Path) -> Path:
    """A folder with the page of a commit, as it was built then."""
    folder.mkdir()
    built = f"{commit}:{(BUILT / PAGE).relative_to(ROOT).as_posix()}"
    command = ("git", "show", built)
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (folder / PAGE).write_bytes(shown.stdout)
    return folder


def _measured(
    browser: Browser, origins: Mapping[str, str], results: Mapping[str, sheets.Json], times: int
) -> dict[str, float]:
    """Medians in milliseconds, in turns, so that a busy machine is as unkind to one as to all."""
    found: dict[str, list[float]] = {name: [] for name in origins}
    for _ in range(times):
        for name, origin in origins.items():
            found[name].append(_after_result(browser, origin, results[name]))
    return {name: median(each) for name, each in found.items()}


def _after_result(browser: Browser, origin: str, result: sheets.Json) -> float:
    with staged(browser, origin) as stage:
        frame = stage.open("seat-map")
        stage.until(lambda log: log.get("app"))
        began = float(stage.page.evaluate(SENT, result))
        return float(frame.evaluate(PAINTED, began)) - began


def _line(seats: int, result: sheets.Json, found: Mapping[str, float]) -> str:
    size = len(json.dumps(result, separators=(",", ":")))
    said = (
        f"map page, {seats:,} seats, sheet of {size:,} bytes: on the screen {found[NOW]:.0f} ms "
        "after its result"
    )
    others = (
        f", at {name} {took:.0f} ms, ratio {found[NOW] / took:.2f}"
        for name, took in found.items()
        if name != NOW
    )
    return said + "".join(others)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=TIMES, help="runs of each")
    parser.add_argument("--beside", help="an earlier commit")
    chosen = parser.parse_args()
    main(chosen.beside, chosen.n)
