"""Renders a picture, and looks at the place of each seat: is the colour there its own zone's?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resvg_py import svg_to_bytes

from tests.halls.judge import Told
from tests.halls.picture import read_picture, without_texts
from tests.halls.truth import Hall, Point
from tests.seating.pixels import Pixels, decoded

WIDTH: Final = 900
"""Pixels across: less than a picture has, since reading them takes most of the time."""


@dataclass(frozen=True, kw_only=True)
class Points:
    """How many seats there are, and how many of them are seen in their zone's colour."""

    seats: int
    right: int
    faults: Sequence[str] = ()


def looked_at(hall: Hall, told: Told) -> Points:
    """Look at each seat of each zone that is on sale. A seat that is not drawn is wrong."""
    picture = read_picture(told.picture)
    pixels = _rendered(without_texts(told.picture, list(told.colours.values())))
    scale = pixels.width / picture.width
    seats = right = 0
    faults = []
    for number, colour in told.colours.items():
        zone = hall.zones[number]
        dots = picture.dots.get(colour)
        seen = sum(_colour(pixels, at, scale) == colour for at in (dots.places if dots else ()))
        seats += len(zone.chairs)
        # A chair that was never placed may be drawn, too.
        right += min(seen, len(zone.chairs))
        if seen < len(zone.chairs):
            faults.append(f"{zone.name}: {seen} of {len(zone.chairs)} seats are seen in its colour")
    return Points(seats=seats, right=right, faults=faults)


def _rendered(svg: str) -> Pixels:
    return decoded(svg_to_bytes(svg_string=svg, width=WIDTH, shape_rendering="crisp_edges"))


def _colour(pixels: Pixels, at: Point, scale: float) -> str:
    x, y = int(at[0] * scale), int(at[1] * scale)
    if not (0 <= x < pixels.width and 0 <= y < pixels.height):
        return ""
    return f"#{pixels.rows[y][4 * x : 4 * x + 3].hex()}"
