"""Plane geometry of a drawing: hulls, insides, distances; `y` grows downwards.

All functions are total: they take any finite points, many or none where it says so, in any order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import dist, hypot
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]

_LINES = (0.5, 0.42, 0.58, 0.33, 0.67, 0.25, 0.75, 0.17, 0.83, 0.08, 0.92)
"""Where a shape is cut across to find a place for its label, from top to bottom."""
_GOOD_ENOUGH = 0.7
"""The centre of mass is taken when it is that near to the clearest place: labels then line up."""


@dataclass(frozen=True)
class Box:
    """An upright rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def longer(self) -> float:
        """The longer side."""
        return max(self.width, self.height)

    @property
    def middle(self) -> Point:
        """Its centre."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def moved(self, across: float, down: float) -> "Box":
        """The same box elsewhere."""
        return Box(self.left + across, self.top + down, self.right + across, self.bottom + down)

    @property
    def corners(self) -> tuple[Point, ...]:
        """Its four corners in drawing order."""
        return (
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        )


def box_of(points: Iterable[Point]) -> Box | None:
    """The smallest box around the points; None when there are none."""
    across, down = [], []
    for x, y in points:
        across.append(x)
        down.append(y)
    return Box(min(across), min(down), max(across), max(down)) if across else None


def hull(points: Iterable[Point]) -> tuple[Point, ...]:
    """The convex hull, without points on its edges: one point, two, or a polygon."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return tuple(ordered)
    there, back = _half_hull(ordered), _half_hull(reversed(ordered))
    return tuple(there[:-1] + back[:-1])


def padded(points: Sequence[Point], pad: float) -> tuple[Point, ...]:
    """The hull of at least one point, wider by `pad` on each side along its longest edge."""
    # Along the longest edge, since a zone is mostly a strip of rows: a square of pads across its
    # corners would stand out on a slanted one.
    bare = hull(points)
    (x0, y0), (x1, y1) = max(edges(bare), key=lambda side: dist(*side))
    length = hypot(x1 - x0, y1 - y0)
    along = ((x1 - x0) / length, (y1 - y0) / length) if length else (1.0, 0.0)
    u, v = along[0] * pad, along[1] * pad
    return hull(
        (x + dx, y + dy)
        for x, y in bare
        for dx, dy in ((u - v, v + u), (u + v, v - u), (-u - v, -v + u), (-u + v, -v - u))
    )


def edges(outline: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """The sides of a closed outline."""
    return ((outline[n - 1], point) for n, point in enumerate(outline))


def area(outline: Sequence[Point]) -> float:
    """The area without sign; parts of a shape that crosses itself may cancel."""
    if not outline:
        return 0.0
    # The shape is moved to the origin first: far from it, the products would cancel their digits.
    left, top = outline[0]
    moved = [(x - left, y - top) for x, y in outline]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges(moved))) / 2


def turn(a: Point, b: Point, c: Point) -> float:
    """Which way the line from `a` over `b` to `c` turns: its sign says, 0 is straight on."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def spans(outline: Sequence[Point], y: float) -> list[tuple[float, float]]:
    """The stretches of the level line at `y` that lie inside (even-odd rule), left to right."""
    # A corner on the line counts for one of its two sides only, so that the cuts come in pairs.
    cuts = sorted(
        x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        for (x0, y0), (x1, y1) in edges(outline)
        if (y0 > y) != (y1 > y)
    )
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def contains(outline: Sequence[Point], point: Point) -> bool:
    """Whether a point is inside by the even-odd rule."""
    return any(left <= point[0] < right for left, right in spans(outline, point[1]))


def distance(outline: Sequence[Point], point: Point) -> float:
    """How far a point is from the nearest side of an outline, inside or outside."""
    return min(_to_side(point, start, end) for start, end in edges(outline))


def label_place(outline: Sequence[Point]) -> Point | None:
    """A point well inside, the centre of mass where that will do; None when nothing is inside.

    Where the shape is bent inwards, it is cut across on some lines; of the widest cuts the middle
    that is farthest from all sides is taken: labels are wide, so this suits them.
    """
    around = box_of(outline)
    if around is None:
        return None
    # In a shape that is not bent inwards the centre of mass is inside for certain.
    places = [_centre(outline, around)]
    if not _is_convex(outline):
        places += _middles(outline, around)
    # Places on a side, or nearer to it than rounding tells, are not inside.
    least = around.longer * 1e-6
    found = [(distance(outline, p), p) for p in places if contains(outline, p)]
    inside = [(clear, p) for clear, p in found if clear > least]
    if not inside:
        return None
    clear, best = max(inside)
    first, place = inside[0]
    return place if first >= clear * _GOOD_ENOUGH else best


def _is_convex(outline: Sequence[Point]) -> bool:
    """Whether it turns one way all along, and only once around."""
    turns = [turn(outline[n - 2], outline[n - 1], corner) for n, corner in enumerate(outline)]
    rises = [y1 > y0 for (_, y0), (_, y1) in edges(outline) if y0 != y1]
    # A star of five points turns one way all along, too, but goes up and down more than once.
    changes = sum(rises[n - 1] != rising for n, rising in enumerate(rises))
    return (min(turns) >= 0 or max(turns) <= 0) and changes <= 2


def _half_hull(ordered: Iterable[Point]) -> list[Point]:
    kept: list[Point] = []
    for point in ordered:
        while len(kept) > 1 and not turn(kept[-2], kept[-1], point) > 0:
            kept.pop()
        kept.append(point)
    return kept


def _to_side(point: Point, start: Point, end: Point) -> float:
    (x, y), (x0, y0), (x1, y1) = point, start, end
    across, down = x1 - x0, y1 - y0
    # The nearest point of the whole line, kept between the two ends of the side.
    square = across * across + down * down
    share = ((x - x0) * across + (y - y0) * down) / square if square else 0.0
    share = min(1.0, max(0.0, share))
    return hypot(x0 + share * across - x, y0 + share * down - y)


def _centre(outline: Sequence[Point], around: Box) -> Point:
    """The centre of mass; the middle of its box when it has no area to speak of."""
    x_of, y_of = around.middle
    twice, across, down = 0.0, 0.0, 0.0
    for (x0, y0), (x1, y1) in edges([(x - x_of, y - y_of) for x, y in outline]):
        cross = x0 * y1 - x1 * y0
        twice += cross
        across += (x0 + x1) * cross
        down += (y0 + y1) * cross
    # A shape as thin as a line, or one that crosses itself: its centre would lie anywhere.
    if abs(twice) < around.longer**2 * 1e-9:
        return x_of, y_of
    return x_of + across / (3 * twice), y_of + down / (3 * twice)


def _middles(outline: Sequence[Point], around: Box) -> Iterator[Point]:
    """The middle of the widest stretch inside, on each line."""
    for part in _LINES:
        y = around.top + part * around.height
        if found := spans(outline, y):
            left, right = max(found, key=lambda span: span[1] - span[0])
            yield (left + right) / 2, y
