"""How soon the seat map is on the screen: `python -m benchmarks.ui [-n 5]`.

Chromium, the reference host, a sheet of 5,000 seats in 50 zones. Two times, each to the frame after
the one in which the last seat was put into the page: from the tool result (the page is there
already), and from the opening of the page.
"""

import argparse
import gzip
import json
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from tests.ui import sheets
from tests.ui.stage import BUILT, CHROMIUM, FLAGS, HOST, run_node, served, staged

PAINTED = """
() => new Promise((resolve) => {
  const look = () => document.querySelector('.seats')
    ? requestAnimationFrame(() => requestAnimationFrame(() =>
        resolve(performance.timeOrigin + performance.now())))
    : requestAnimationFrame(look);
  look();
})
"""
NOW = "() => performance.timeOrigin + performance.now()"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="runs of each kind")
    runs: int = parser.parse_args().n
    result = sheets.result(sheets.stadium(seats_a_zone=100))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        bundle = Path(folder) / "host.js"
        run_node(HOST / "build.mjs", str(bundle))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(bundle) as origin:
            after = [_after_result(browser, origin, result) for _ in range(runs)]
            whole = [_whole(browser, origin, result) for _ in range(runs)]
        browser.close()
    print(f"sheet of 5,000 seats: {len(json.dumps(result, separators=(',', ':'))):,} bytes")
    print(f"from the tool result to the frame with all seats: {_told(after)}")
    print(f"from the opening of the page to that frame: {_told(whole)}")
    for path in sorted(BUILT.glob("*.html")):
        packed = len(gzip.compress(path.read_bytes()))
        print(f"{path.name}: {path.stat().st_size:,} bytes, {packed:,} gzipped")


def _after_result(browser: Browser, origin: str, result: sheets.Json) -> float:
    with staged(browser, origin) as stage:
        frame = stage.open("seat-map")
        stage.until(lambda log: log.get("app"))
        began = float(
            stage.page.evaluate("r => { host.sendResult(r); return (" + NOW + ")() }", result)
        )
        return float(frame.evaluate(PAINTED)) - began


def _whole(browser: Browser, origin: str, result: sheets.Json) -> float:
    with staged(browser, origin) as stage:
        frame = stage.open("seat-map", result=result)
        return float(frame.evaluate(PAINTED)) - float(
            frame.evaluate("() => performance.timeOrigin")
        )


def _told(times: list[float]) -> str:
    return f"median {median(times):.0f} ms, slowest {max(times):.0f} ms of {len(times)}"


if __name__ == "__main__":
    main()
