"""The picture of a seat map: SVG beside writing the same elements, PNG beside an empty sheet."""

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from xml.etree import ElementTree as ET

from korus_mcp.seating.rasterize import png
from tests.seating.redraw import drawn
from tests.seating.venues import Venue, large_venue, stadium_venue

TIMES: Final = 15
VENUES: Final[Mapping[str, Callable[[], Venue]]] = {
    "stadium of 50 zones": stadium_venue,
    "hall of 5,000 seats": partial(large_venue, 10, 20, 25),
    "bowl of 60,000 seats": large_venue,
}


def main() -> None:
    """Print two lines a venue."""
    for name, make in VENUES.items():
        venue = make()
        picture = drawn(venue)
        _tell(
            f"SVG of a {name}, {len(picture.encode()) / 1000:.0f} kB",
            partial(drawn, venue),
            partial(ET.tostring, _read(picture), encoding="unicode"),
            "its XML written alone",
        )
        _tell(
            f"PNG of a {name}, {len(png(picture)) / 1000:.0f} kB",
            partial(png, picture),
            partial(png, _empty(picture)),
            "an empty sheet of its size",
        )


def _empty(picture: str) -> str:
    root = _read(picture)
    for element in list(root):
        root.remove(element)
    return ET.tostring(root, encoding="unicode")


def _read(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 - our own picture


def _tell(what: str, ours: Callable[[], object], floor: Callable[[], object], beside: str) -> None:
    """Both in turns, so that a busy machine is as unkind to one as to the other."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(TIMES):
        for place, work in enumerate((ours, floor)):
            began = time.perf_counter()
            work()
            times[place].append((time.perf_counter() - began) * 1000)
    mine, theirs = (statistics.median(each) for each in times)
    print(
        f"{what}: {mine:.1f} ms, {beside} {theirs:.1f} ms, "
        f"ratio {mine / theirs:.1f} (medians of {TIMES})"
    )


if __name__ == "__main__":
    main()
