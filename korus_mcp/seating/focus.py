"""Finds the focus, where people look (the stage or pitch), from the geometry of the zones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import atan2, cos, hypot, pi, radians, sqrt
from statistics import fmean, median
from typing import Final

from korus_mcp.api.models.seat_map import Zone
from korus_mcp.seating.geometry import Point, box_of, contains, distance
from korus_mcp.seating.lines import lines_in
from korus_mcp.seating.looks import Look, looks_in
from korus_mcp.seating.shapes import Fit, Shape
from korus_mcp.seating.stages import is_stage

_WIDEST_GAP: Final = radians(75)
"""The widest gap in a ring of zones, such as for a tunnel or a screen."""
_FEWEST_IN_A_RING: Final = 4
_LEAST_MIDDLE: Final = 0.5
"""The least distance from the centre of a ring to the nearest zone, in widths of a zone: where
only aisles cross, it is less."""
_AGREED: Final = 0.9
_CROSSING: Final = 0.05
_AIM: Final = cos(radians(25))
_ASIDE: Final = cos(radians(60))
"""On one side nobody looks farther aside than this."""
_BACKWARDS: Final = -0.2
"""In a horseshoe nobody looks farther back than this."""
_FORWARDS: Final = cos(radians(35))
_FACING: Final = cos(radians(20))
_ENOUGH_AREA: Final = 0.4
_LOPSIDED: Final = 0.05
"""From this part of their width on, the middle of the seats is not that of their outlines."""
_BEFORE_THE_FRONT: Final = 40.0


def focus_of(zones: Sequence[Zone], shapes: Sequence[Shape], working: Fit) -> Point | None:
    """The centre of the stage or pitch of zones with these shapes; None when nothing shows it.

    It is found by, in this order: a zone that is the stage by its name; where the seats look, by
    the bend of their rows and the order of their names: all to one side, to one point, at each
    other, or inwards from the sides of a horseshoe; a ring of zones around an empty middle.
    `working` takes the places of seats into the units of the shapes.
    """
    named = [s.label_at for z, s in zip(zones, shapes, strict=True) if is_stage(z)]
    if len(named) == 1:
        return named[0]
    sold = [s for z, s in zip(zones, shapes, strict=True) if not is_stage(z)]
    looks = _looks(sold, working)
    return (
        _to_one_side(sold, looks)
        or _met(sold, looks)
        or _between_sides(sold, looks)
        or _horseshoe(sold, looks)
        or _ringed(sold)
    )


@dataclass(frozen=True, kw_only=True)
class _Seen(Look):
    """A look in working units, of seats of this shape."""

    shape: Shape


def _looks(shapes: Sequence[Shape], working: Fit) -> list[_Seen]:
    """Where seats look; [] unless that is known of half of the zones, or of much of their area."""
    found = {n: list(_seen(shape, working)) for n, shape in enumerate(shapes) if shape.rows}
    known = [n for n, looks in found.items() if looks]
    if not known and len(shapes) > 1:
        # Rows that go on from zone to zone, of which each has too few to tell anything.
        return _of_all(shapes, working)
    areas = [shape.area for shape in shapes]
    is_much = sum(areas[n] for n in known) >= _ENOUGH_AREA * sum(areas)
    # Seats of which nothing is known say nothing; a few that are known do not speak for all.
    seats = sum(len(row) for shape in shapes for row in shape.rows)
    told = sum(look.seats for n in known for look in found[n])
    if (len(known) * 2 < len(shapes) and not is_much) or told * 2 < seats:
        return []
    return [look for n in known for look in found[n]]


def _seen(shape: Shape, working: Fit) -> Iterator[_Seen]:
    fit = working.shifted(shape.shift)
    for look in shape.looks:
        yield _Seen(
            at=fit.place(look.at),
            towards=look.towards,
            seats=look.seats,
            front=fit.places(look.front),
            shape=shape,
        )


def _of_all(shapes: Sequence[Shape], working: Fit) -> list[_Seen]:
    """Where all seats look, as if they were one zone; for a hall in which each zone is a row."""
    seated = [shape for shape in shapes if shape.rows]
    if len(seated) * 2 < len(shapes):
        return []
    rows = [lines_in(row) for shape in seated for row in shape.rows]
    names = [name for shape in seated for name in shape.row_names]
    looks = list(_seen(replace(seated[0], looks=tuple(looks_in(rows, names))), working))
    return (
        [replace(look, shape=shape) for look in looks for shape in seated]
        if len(looks) == 1
        else []
    )


def _ringed(shapes: Sequence[Shape]) -> Point | None:
    around = box_of(corner for shape in shapes for corner in shape.corners)
    if around is None or len(shapes) < _FEWEST_IN_A_RING:
        return None
    # In a ring nothing in the middle is for sale; else it is a hall with seats everywhere.
    centre = around.middle
    outlines = [outline for shape in shapes for outline in shape.outlines]
    if any(contains(outline, centre) for outline in outlines):
        return None
    depth = median(sqrt(shape.area) for shape in shapes)
    if min(distance(outline, centre) for outline in outlines) < depth * _LEAST_MIDDLE:
        return None
    # Arcs are compared in order around the centre; the last gap is from the last to the first one.
    arcs = sorted(_arc(outline, centre) for outline in outlines)
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


def _to_one_side(shapes: Sequence[Shape], looks: Sequence[_Seen]) -> Point | None:
    towards, agreed = _mean(looks)
    if agreed < _AGREED or any(_along(look.towards, towards) < _ASIDE for look in looks):
        return None
    return _before_the_front(shapes, looks, towards)


def _mean(looks: Sequence[Look]) -> tuple[Point, float]:
    """The mean direction of looks, of length 1, and how much they agree: 1 if all are equal."""
    if not looks:
        return (0.0, 0.0), 0.0
    across, down = (
        fmean(look.towards[0] for look in looks),
        fmean(look.towards[1] for look in looks),
    )
    length = hypot(across, down)
    return ((across / length, down / length), length) if length else ((0.0, 0.0), 0.0)


def _met(shapes: Sequence[Shape], looks: Sequence[_Seen]) -> Point | None:
    """The point that all look at, if it lies before every row and on no zone."""
    met = _meeting_point(looks)
    if met is None or _is_taken(met, shapes, looks):
        return None
    is_before_all = all(
        _aims_at(met, look.at, look.towards) and _along(met, look.towards) >= look.reach
        for look in looks
    )
    return met if is_before_all else None


def _between_sides(shapes: Sequence[Shape], looks: Sequence[_Seen]) -> Point | None:
    """The middle between two sides that look at each other."""
    if len(looks) < 2:
        return None
    ahead = looks[0].towards
    ones = [look for look in looks if _along(look.towards, ahead) >= _FACING]
    others = [look for look in looks if _along(look.towards, ahead) <= -_FACING]
    if not others or len(ones) + len(others) < len(looks):
        return None
    near = max(_along(middle, ahead) for look in ones for middle in look.front)
    far = min(_along(middle, ahead) for look in others for middle in look.front)
    if near >= far:
        return None
    aside = (-ahead[1], ahead[0])
    across = fmean(fmean(_along(look.at, aside) for look in side) for side in (ones, others))
    middle = (near + far) / 2
    found = middle * ahead[0] + across * aside[0], middle * ahead[1] + across * aside[1]
    return None if _is_taken(found, shapes, looks) else found


def _is_taken(point: Point, shapes: Iterable[Shape], looks: Iterable[_Seen]) -> bool:
    """Whether a point lies on a zone, other than those that look at it from several sides."""
    around = [id(look.shape) for look in looks]
    return any(
        contains(outline, point)
        for shape in shapes
        if id(shape) not in around
        for outline in shape.outlines
    )


def _horseshoe(shapes: Sequence[Shape], looks: Sequence[_Seen]) -> Point | None:
    """Before the front of those who look forwards, where the others look inwards from the sides."""
    for towards in _ways_forward(looks):
        aside = (-towards[1], towards[0])
        middle = fmean(_along(look.at, aside) for look in looks)
        ahead = [look for look in looks if _along(look.towards, towards) >= _FORWARDS]
        if ahead and all(
            _along(look.towards, towards) >= _BACKWARDS
            and _is_inwards(_along(look.towards, aside), _along(look.at, aside) - middle)
            for look in looks
        ):
            return _before_the_front(shapes, ahead, towards)
    return None


def _ways_forward(looks: Sequence[Look]) -> list[Point]:
    """Directions that may be forwards: where most look, and what remains of all together."""
    groups = [
        [other for other in looks if _along(look.towards, other.towards) >= _FORWARDS]
        for look in looks
    ]
    groups.sort(key=lambda group: -sum(look.seats for look in group))
    ways = [_mean(looks), *map(_mean, groups)]
    return [way for way, agreed in ways if agreed > 0.1]


def _is_inwards(turned: float, aside: float) -> bool:
    """Whether a look that is turned to a side is turned to the middle."""
    return abs(turned) < 0.5 or turned * aside <= 0


def _before_the_front(shapes: Sequence[Shape], looks: Sequence[_Seen], towards: Point) -> Point:
    """A point in front of the whole drawing, in the middle of the seats that face it."""
    aside = (-towards[1], towards[0])
    reach = max(_along(corner, towards) for shape in shapes for corner in shape.corners)
    sides = [_along(corner, aside) for look in looks for corner in look.shape.corners]
    middle, away = (min(sides) + max(sides)) / 2, reach + _BEFORE_THE_FRONT
    # Rows that begin at a wall and grow to one side have their stage before most of the seats.
    seats = sum(look.seats for look in looks)
    usual = sum(_along(look.at, aside) * look.seats for look in looks) / seats
    if abs(usual - middle) > _LOPSIDED * (max(sides) - min(sides)):
        middle = usual
    return away * towards[0] + middle * aside[0], away * towards[1] + middle * aside[1]


def _meeting_point(looks: Sequence[Look]) -> Point | None:
    """The point nearest to all lines of sight; None when they are parallel."""
    xx = xy = yy = x_sum = y_sum = 0.0
    for look in looks:
        (x, y), (u, v) = look.at, look.towards
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


def _along(point: Point, direction: Point) -> float:
    return point[0] * direction[0] + point[1] * direction[1]
