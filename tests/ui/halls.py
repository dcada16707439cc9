"""Halls of twenty kinds on the page, at two widths: `python -m tests.ui.halls [-n 20]`.

For each: at the place of each seat the page names the seat's own zone, axe-core finds nothing
serious, and the keyboard reaches every zone in the order of the hall. One page is kept, its map
changed.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from playwright.sync_api import Frame, sync_playwright

from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.foundation.money import Money
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.ranking import ZoneQuery, ranked
from korus_mcp.seating.row_names import row_ends_of
from korus_mcp.seating.sheet import SheetContext, sheet_of
from korus_mcp.seating.table import SeatOffer, seat_table
from tests.halls.generator import hall_of
from tests.halls.truth import Hall
from tests.ui import sheets
from tests.ui.reading import serious
from tests.ui.stage import CHROMIUM, FLAGS, Stage, bundle, served, staged

WIDTHS: Final = (360, 768)
KINDS: Final = 20
HEIGHT: Final = 2_400
"""Of the window: what is beyond it nobody can point at."""
DRAWN: Final = """
title => {
  const seats = [...document.querySelectorAll(".seats, .places")];
  const isShown = document.querySelector("h1")?.textContent === title;
  return isShown && seats.every((path) => path.hasAttribute("d"));
}
"""
ASTRAY: Final = """
zones => {
  const svg = document.querySelector(".map svg");
  const at = svg.getScreenCTM();
  let wrong = 0, seen = 0;
  const first = [];
  zones.forEach(([name, key, rows]) => {
    for (const row of rows) {
      const flat = row.split(" ").map(Number);
      for (let i = 0; i < flat.length; i += 2) {
        const point = new DOMPoint(flat[i], flat[i + 1]).matrixTransform(at);
        const found = document.elementFromPoint(point.x, point.y)?.closest("[data-zone]");
        const told = found?.dataset.zone ?? "no zone";
        seen += 1;
        if (told === String(key)) continue;
        wrong += 1;
        if (first.length < 3) first.push(`${name} at ${flat[i]} ${flat[i + 1]}: ${told}`);
      }
    }
  });
  return { seen, wrong, first };
}
"""
BOX: Final = """
zone => {
  const { left, top, right, bottom } = zone.getBoundingClientRect();
  return [left, top, right, bottom];
}
"""


def sheet_of_hall(hall: Hall) -> sheets.Json:
    """The sheet of a hall as the server makes it, each zone at a price of its own."""
    seat_map = SeatMap.model_validate(hall.wire())
    drawing = drawing_of(seat_map)
    offers = [
        SeatOffer(
            offer_id=sheets.offer_id(number),
            choices={"zone": seat_map.zones[number].name or ""},
            price=Money(Decimal(10 + number)),
            left=hall.zones[number].left,
        )
        for number in hall.sold
    ]
    table = seat_table(seat_map, offers, {})
    context = SheetContext(
        title=f"{hall.kind} {hall.seed}",
        product_base_id=sheets.BASE,
        language="en",
        quantity=1,
        row_ends=row_ends_of(drawing),
        seat_map=seat_map,
    )
    return dict(sheet_of(drawing, table, ranked(table, ZoneQuery(), drawing), context))


def shown(stage: Stage, frame: Frame, drawn: sheets.Json) -> None:
    """Put another map on the page that is open."""
    stage.host("sendResult", sheets.result(drawn))
    frame.wait_for_function(DRAWN, arg=drawn["title"])


def faults_of(frame: Frame, drawn: sheets.Json, *, with_axe: bool = True) -> Iterator[str]:
    """What is wrong of the map that is shown, in words."""
    zones = [(z["name"], place, z.get("rows", [])) for place, z in enumerate(drawn["zones"])]
    found = frame.evaluate(ASTRAY, zones)
    if found["wrong"]:
        yield f"{found['wrong']} of {found['seen']} seats name another zone: {found['first']}"
    if with_axe:
        yield from serious(frame)
    yield from _on_the_keyboard(frame)


def _on_the_keyboard(frame: Frame) -> Iterator[str]:
    """Whether Home and then Page Down go through all zones, each once, in the order of the hall."""
    zones = frame.locator(".zone")
    count = zones.count()
    boxes = {
        zone.get_attribute("data-zone"): zone.evaluate(BOX)
        for zone in (zones.nth(n) for n in range(count))
    }
    page = frame.page
    frame.locator('.zone[tabindex="0"]').focus()
    page.keyboard.press("Home")
    reached = [frame.evaluate("() => document.activeElement.dataset.zone")]
    for _ in range(count - 1):
        page.keyboard.press("PageDown")
        reached.append(frame.evaluate("() => document.activeElement.dataset.zone"))
    if sorted(reached) != sorted(boxes, key=str):
        yield f"the keyboard reaches {len(set(reached))} of {count} zones"
    for place, one in enumerate(reached):
        for before in reached[:place]:
            if _is_above(boxes[one], boxes[before]):
                yield f"zone {one} is above {before} and comes after it"


def _is_above(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one zone is wholly above another, over most of its breadth."""
    shared = min(one[2], other[2]) - max(one[0], other[0])
    narrower = min(one[2] - one[0], other[2] - other[0])
    return one[3] <= other[1] and shared > narrower / 2


def main(seeds: Sequence[int]) -> int:
    """Tell what is wrong of each hall; 1 if there is anything."""
    count = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
    ):
        bundle("host.js", Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(Path(folder)) as origin:
            for width in WIDTHS:
                with staged(browser, origin, viewport={"width": width, "height": HEIGHT}) as stage:
                    frame = stage.open("seat-map", result=sheets.result(sheets.hall()))
                    frame.locator(".list").wait_for()
                    for seed in seeds:
                        drawn = sheet_of_hall(hall_of(seed))
                        shown(stage, frame, drawn)
                        for fault in faults_of(frame, drawn):
                            count += 1
                            sys.stdout.write(f"{width} px, {drawn['title']}: {fault}\n")
        browser.close()
    sys.stdout.write(f"{len(seeds)} halls at {len(WIDTHS)} widths: {count} faults\n")
    return bool(count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=KINDS, help="how many halls")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    chosen = parser.parse_args()
    sys.exit(main(range(chosen.first, chosen.first + chosen.n)))
