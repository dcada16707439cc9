"""Finds the focus, where people look (the stage or pitch), from the geometry of the zones."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import atan2, cos, dist, hypot, pi, radians, sqrt
from statistics import median
from typing import Final

from korus_mcp.api.models.seat_map import Zone
from korus_mcp.foundation.folding import fold
from korus_mcp.seating.geometry import Point, area, box_of, contains, distance
from korus_mcp.seating.shapes import Shape

_STAGES: Final = frozenset(
    {"stage", "podium", "pitch", "court", "ring", "ice"}
    | {"scene", "terrain", "piste", "buhne", "spielfeld", "escenario", "palcoscenico"}
)
_WIDEST_GAP: Final = radians(75)
"""The widest gap in a ring of zones, such as for a tunnel or a screen."""
_FEWEST_IN_A_RING: Final = 4
_LEAST_MIDDLE: Final = 0.5
"""The least distance from the centre of a ring to the nearest zone, in widths of a zone: where
only aisles cross, it is less."""
_BEND: Final = 0.03
"""How far a row must be bent, as a part of its width, for the bend to count."""
_AGREED: Final = 0.9
_CROSSING: Final = 0.05
_AIM: Final = cos(radians(40))
_BEFORE_THE_FRONT: Final = 40.0


def focus_of(zones: Sequence[Zone], shapes: Sequence[Shape]) -> Point | None:
    """The centre of the stage or pitch of zones with these shapes; None when nothing shows it.

    It is found by, in this order: a zone with such a name that is not for sale; rows that all face
    one side, by their bend or the order of their names; a ring of zones around an empty middle;
    rows that face one point.
    """
    looks = _looks(shapes)
    # An issuer's name counts before geometry, and the direction of seats before the mere shape of a
    # ring, which any building with a yard has.
    named = _named(zones, shapes)
    return named or _to_one_side(shapes, looks) or _ringed(shapes) or _met(shapes, looks)


def _named(zones: Sequence[Zone], shapes: Sequence[Shape]) -> Point | None:
    found: list[Point] = []
    for zone, shape in zip(zones, shapes, strict=True):
        # Issuers draw a stage as a zone without seats, capacity and links.
        is_sold = zone.rows or zone.capacity or zone.seating_category or zone.option_value
        if not is_sold and fold(zone.name or "") in _STAGES:
            found.append(shape.label_at)
    return found[0] if len(found) == 1 else None


def _ringed(shapes: Sequence[Shape]) -> Point | None:
    around = box_of(point for shape in shapes for point in shape.outline)
    if around is None or len(shapes) < _FEWEST_IN_A_RING:
        return None
    # In a ring nothing in the middle is for sale; else it is a hall with seats everywhere.
    centre = around.middle
    if any(contains(shape.outline, centre) for shape in shapes):
        return None
    depth = median(sqrt(area(shape.outline)) for shape in shapes)
    if min(distance(shape.outline, centre) for shape in shapes) < depth * _LEAST_MIDDLE:
        return None
    # Arcs are compared in order around the centre; the last gap is from the last to the first one.
    arcs = sorted(_arc(shape.outline, centre) for shape in shapes)
    reached, widest = arcs[0][1], 0.0
    for start, end in arcs[1:]:
        widest = max(widest, start - reached)
        reached = max(reached, end)
    widest = max(widest, arcs[0][0] + 2 * pi - reached)
    return centre if widest <= _WIDEST_GAP else None


def _arc(outline: Sequence[Point], centre: Point) -> tuple[float, float]:
    """The first and the last of the angles that a shape covers, as seen from the centre."""
    angles = [atan2(y - centre[1], x - centre[0]) for x, y in outline]
    # Differences are added up, so that a shape across the angle pi does not seem to go around.
    turn, least, most = 0.0, 0.0, 0.0
    for before, after in pairwise(angles):
        turn += (after - before + pi) % (2 * pi) - pi
        least, most = min(least, turn), max(most, turn)
    start = (angles[0] + least + pi) % (2 * pi) - pi
    return start, start + most - least


def _looks(shapes: Sequence[Shape]) -> list[tuple[Point, Point]]:
    """The middle of each zone and the direction its seats face; [] unless half are known."""
    seated = [shape for shape in shapes if shape.rows]
    looks = [(shape.label_at, look) for shape in seated if (look := _look_of(shape))]
    return looks if len(looks) * 2 >= len(shapes) else []


def _to_one_side(shapes: Sequence[Shape], looks: Sequence[tuple[Point, Point]]) -> Point | None:
    if not looks:
        return None
    across, down = _between([look for _, look in looks])
    # The mean of unit vectors has length 1 if all are equal, and 0 if they go around a ring.
    length = hypot(across, down)
    if length < _AGREED:
        return None
    return _before_the_front(shapes, (across / length, down / length))


def _met(shapes: Sequence[Shape], looks: Sequence[tuple[Point, Point]]) -> Point | None:
    met = _meeting_point(looks)
    if met is None or any(contains(shape.outline, met) for shape in shapes):
        return None
    return met if all(_aims_at(met, middle, look) for middle, look in looks) else None


def _look_of(shape: Shape) -> Point | None:
    """The direction that the seats face, of length 1; None when unknown or contradictory."""
    bent, named = _bent_towards(shape.rows), _named_from(shape)
    # Some issuers number rows from the back: the bend then contradicts, and neither counts.
    if bent and named and bent[0] * named[0] + bent[1] * named[1] < 0:
        return None
    return bent or named


def _bent_towards(rows: Iterable[Sequence[Point]]) -> Point | None:
    """The direction of the inner side of bent rows, of length 1; None if they are straight."""
    # All rows are added up: a single short row may seem bent by rounding.
    across, down, widths = 0.0, 0.0, 0.0
    for row in filter(_runs_on, rows):
        first, middle, last = row[0], row[len(row) // 2], row[-1]
        # A row with an even number of seats has no middle seat, but a point between two.
        if len(row) % 2 == 0:
            middle = _between([row[len(row) // 2 - 1], middle])
        across += (first[0] + last[0]) / 2 - middle[0]
        down += (first[1] + last[1]) / 2 - middle[1]
        widths += dist(first, last)
    length = hypot(across, down)
    return (across / length, down / length) if length > _BEND * widths else None


def _runs_on(row: Sequence[Point]) -> bool:
    """Whether a row goes in one direction, judged by five of its seats."""
    if len(row) < 3:
        return False
    (x0, y0), (x1, y1) = row[0], row[-1]
    some = [row[(len(row) - 1) * quarter // 4] for quarter in range(5)]
    ahead = [x * (x1 - x0) + y * (y1 - y0) for x, y in some]
    return all(before <= after for before, after in pairwise(ahead))


def _named_from(shape: Shape) -> Point | None:
    """The direction from the last row to the first, if rows are named in order: A, B or 1, 2."""
    keys = [_row_key(name) for name in shape.row_names]
    # With one name of another kind, such as "VIP" or "Loge 3", the others prove nothing.
    if len(keys) < 2 or None in keys or len({key and key[0] for key in keys}) > 1:
        return None
    order = sorted(range(len(keys)), key=lambda n: keys[n] or (0, 0, ""))
    if len(set(keys)) < len(keys):
        return None
    centres = [_between((shape.rows[n][0], shape.rows[n][-1])) for n in order]
    (x0, y0), (x1, y1) = centres[0], centres[-1]
    length = dist(centres[0], centres[-1])
    if not length:
        return None
    across, down = (x0 - x1) / length, (y0 - y1) / length
    depths = [x * across + y * down for x, y in centres]
    falls = all(nearer > farther for nearer, farther in pairwise(depths))
    return (across, down) if falls else None


def _row_key(name: str) -> tuple[int, int, str] | None:
    """A key to sort rows by: for numbers, or letters from A to ZZ; None for other names."""
    text = fold(name)
    if text.isdecimal() and len(text) < 5:
        return 1, int(text), ""
    if text.isalpha() and len(text) < 3:
        return 2, len(text), text
    return None


def _between(points: Sequence[Point]) -> Point:
    return (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))


def _before_the_front(shapes: Sequence[Shape], look: Point) -> Point:
    """A point in front of the whole drawing, in the middle of the seats that face it."""
    along, aside = look, (-look[1], look[0])
    corners = [point for shape in shapes for point in shape.outline]
    front = max(x * along[0] + y * along[1] for x, y in corners)
    sides = [x * aside[0] + y * aside[1] for s in shapes if s.rows for x, y in s.outline]
    middle = (min(sides) + max(sides)) / 2
    reach = front + _BEFORE_THE_FRONT
    return reach * along[0] + middle * aside[0], reach * along[1] + middle * aside[1]


def _meeting_point(looks: Sequence[tuple[Point, Point]]) -> Point | None:
    """The point nearest to all lines of sight; None when they are parallel."""
    xx = xy = yy = x_sum = y_sum = 0.0
    for (x, y), (u, v) in looks:
        xx, xy, yy = xx + v * v, xy - u * v, yy + u * u
        x_sum += v * v * x - u * v * y
        y_sum += u * u * y - u * v * x
    # Least squares of the distances to all lines; for parallel lines the determinant is near 0.
    determinant = xx * yy - xy * xy
    if not looks or determinant < _CROSSING * len(looks) ** 2:
        return None
    return (yy * x_sum - xy * y_sum) / determinant, (xx * y_sum - xy * x_sum) / determinant


def _aims_at(target: Point, place: Point, look: Point) -> bool:
    across, down = target[0] - place[0], target[1] - place[1]
    return across * look[0] + down * look[1] >= _AIM * hypot(across, down)
