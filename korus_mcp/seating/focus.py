"""Where people look: the stage or pitch, told by the geometry of the zones or not at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, hypot, pi, radians
from typing import Final

from korus_mcp.folding import fold
from korus_mcp.seating.geometry import Point, box_of, contains

_STAGES: Final = frozenset(
    {"stage", "scene", "pitch", "terrain", "pelouse", "field", "court", "ring", "piste", "podium"}
    | {"arena floor", "ice", "buhne", "spielfeld", "escenario", "campo", "palco", "palcoscenico"}
)
_WIDEST_GAP: Final = radians(75)
"""Of a ring of zones: what a tunnel or a screen may leave open."""
_FEWEST_IN_A_RING: Final = 4
_BEND: Final = 0.03
"""How much of its width a row is bent before that tells something."""
_AGREED: Final = 0.9
_AIM: Final = cos(radians(40))
_BEFORE_THE_FRONT: Final = 40.0


@dataclass(frozen=True, kw_only=True)
class Stand:
    """A zone as the focus is looked for: its shape, its seats by row with the rows' names.

    `is_sold` False is a zone without seats, capacity and links, as issuers draw a stage.
    """

    name: str
    outline: tuple[Point, ...]
    middle: Point
    rows: tuple[tuple[Point, ...], ...]
    row_names: tuple[str, ...]
    is_sold: bool


def focus_of(stands: Sequence[Stand]) -> Point | None:
    """The stage or pitch; None when nothing tells where it is.

    Told by, in this order: a zone that is called so and is not sold; a ring of zones around an
    empty middle; rows that are bent around it, or that are named from the front to the back.
    """
    return _named(stands) or _ringed(stands) or _faced(stands)


def _named(stands: Iterable[Stand]) -> Point | None:
    found = [s.middle for s in stands if not s.is_sold and fold(s.name) in _STAGES]
    return found[0] if len(found) == 1 else None


def _ringed(stands: Sequence[Stand]) -> Point | None:
    around = box_of(point for stand in stands for point in stand.outline)
    if around is None or len(stands) < _FEWEST_IN_A_RING:
        return None
    centre = around.middle
    if any(contains(stand.outline, centre) for stand in stands):
        return None
    arcs = sorted(_arc(stand.outline, centre) for stand in stands)
    reached, widest = arcs[0][1], 0.0
    for start, end in arcs[1:]:
        widest = max(widest, start - reached)
        reached = max(reached, end)
    widest = max(widest, arcs[0][0] + 2 * pi - reached)
    return centre if widest <= _WIDEST_GAP else None


def _arc(outline: Sequence[Point], centre: Point) -> tuple[float, float]:
    """The angles a shape covers as seen from outside of it, from `start` in (-pi, pi] on."""
    angles = [_angle(point, centre) for point in outline]
    turn, least, most = 0.0, 0.0, 0.0
    for before, after in pairwise(angles):
        turn += (after - before + pi) % (2 * pi) - pi
        least, most = min(least, turn), max(most, turn)
    start = (angles[0] + least + pi) % (2 * pi) - pi
    return start, start + most - least


def _angle(point: Point, centre: Point) -> float:
    return atan2(point[1] - centre[1], point[0] - centre[0])


def _faced(stands: Sequence[Stand]) -> Point | None:
    """Where the seats look: to one side, or to one point among them."""
    looks = [(stand.middle, look) for stand in stands if stand.rows and (look := _look_of(stand))]
    if not looks:
        return None
    across = sum(look[0] for _, look in looks) / len(looks)
    down = sum(look[1] for _, look in looks) / len(looks)
    length = hypot(across, down)
    if length >= _AGREED:
        return _before_the_front(stands, (across / length, down / length))
    met = _meeting_point(looks)
    if met is None or any(contains(stand.outline, met) for stand in stands):
        return None
    return met if all(_aims_at(met, middle, look) for middle, look in looks) else None


def _look_of(stand: Stand) -> Point | None:
    """The direction its seats look to, of length 1; None when unknown or told in two ways."""
    bent, named = _bent_towards(stand.rows), _named_from(stand)
    if bent and named and bent[0] * named[0] + bent[1] * named[1] < 0:
        return None
    return bent or named


def _bent_towards(rows: Iterable[Sequence[Point]]) -> Point | None:
    """The inner side of its bent rows."""
    across, down, widths = 0.0, 0.0, 0.0
    for row in rows:
        if len(row) < 3:
            continue
        first, last = row[0], row[-1]
        middle = row[len(row) // 2] if len(row) % 2 else _between(row[len(row) // 2 - 1 :][:2])
        across += (first[0] + last[0]) / 2 - middle[0]
        down += (first[1] + last[1]) / 2 - middle[1]
        widths += hypot(last[0] - first[0], last[1] - first[1])
    length = hypot(across, down)
    return (across / length, down / length) if length > _BEND * widths and length else None


def _named_from(stand: Stand) -> Point | None:
    """From the last row to the first, when the names A, B, C or 1, 2, 3 follow the places."""
    keys = [_row_key(name) for name in stand.row_names]
    if len(keys) < 2 or None in keys or len({key and key[0] for key in keys}) > 1:
        return None
    order = sorted(range(len(keys)), key=lambda n: keys[n] or (0, 0, ""))
    if len(set(keys)) < len(keys):
        return None
    centres = [_between(stand.rows[n]) for n in order]
    (x0, y0), (x1, y1) = centres[0], centres[-1]
    length = hypot(x0 - x1, y0 - y1)
    if not length:
        return None
    across, down = (x0 - x1) / length, (y0 - y1) / length
    depths = [x * across + y * down for x, y in centres]
    falls = all(nearer > farther for nearer, farther in pairwise(depths))
    return (across, down) if falls else None


def _row_key(name: str) -> tuple[int, int, str] | None:
    """What rows sort by: numbers, or letters from A to ZZ; None for other names."""
    text = fold(name)
    if text.isdecimal() and len(text) < 5:
        return 1, int(text), ""
    if text.isalpha() and len(text) < 3:
        return 2, len(text), text
    return None


def _between(points: Sequence[Point]) -> Point:
    return (
        sum(x for x, _ in points) / len(points),
        sum(y for _, y in points) / len(points),
    )


def _before_the_front(stands: Sequence[Stand], look: Point) -> Point:
    """In front of all that is drawn, in the middle of the seats that look there."""
    along, aside = look, (-look[1], look[0])
    corners = [point for stand in stands for point in stand.outline]
    front = max(x * along[0] + y * along[1] for x, y in corners)
    sides = [x * aside[0] + y * aside[1] for s in stands if s.rows for x, y in s.outline]
    middle = (min(sides) + max(sides)) / 2
    reach = front + _BEFORE_THE_FRONT
    return reach * along[0] + middle * aside[0], reach * along[1] + middle * aside[1]


def _meeting_point(looks: Sequence[tuple[Point, Point]]) -> Point | None:
    """The point nearest to all lines of sight; None when they run side by side."""
    xx = xy = yy = x_sum = y_sum = 0.0
    for (x, y), (u, v) in looks:
        xx, xy, yy = xx + v * v, xy - u * v, yy + u * u
        x_sum += v * v * x - u * v * y
        y_sum += u * u * y - u * v * x
    determinant = xx * yy - xy * xy
    if determinant < 0.05 * len(looks) ** 2:
        return None
    return (yy * x_sum - xy * y_sum) / determinant, (xx * y_sum - xy * x_sum) / determinant


def _aims_at(target: Point, place: Point, look: Point) -> bool:
    across, down = target[0] - place[0], target[1] - place[1]
    return across * look[0] + down * look[1] >= _AIM * hypot(across, down)
