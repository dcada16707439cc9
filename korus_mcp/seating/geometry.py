"""Plane geometry: hulls, areas, distances and inner points; `y` grows downwards.

No function raises: they take any finite points, many or (where stated) none, in any order.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import dist, hypot
from typing import Self, TypeAlias, overload

Point: TypeAlias = tuple[float, float]

_LINES = (0.5, 0.42, 0.58, 0.33, 0.67, 0.25, 0.75, 0.17, 0.83, 0.08, 0.92)
"""Heights, as parts of a shape from top to bottom, at which places for its label are tried."""
_GOOD_ENOUGH = 0.7
"""The centre of mass is used if it has at least this part of the best place's distance to all
sides: labels of neighbouring zones then line up."""


@dataclass(frozen=True)
class Box:
    """An upright rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """The distance from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """The distance from top to bottom."""
        return self.bottom - self.top

    @property
    def longer(self) -> float:
        """The length of the longer side."""
        return max(self.width, self.height)

    @property
    def middle(self) -> Point:
        """The centre of the box."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def moved(self, across: float, down: float) -> "Box":
        """The box moved by a distance."""
        return Box(self.left + across, self.top + down, self.right + across, self.bottom + down)

    @property
    def corners(self) -> tuple[Point, ...]:
        """The four corners, in order around the box."""
        return (
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        )


class Places(Sequence[Point]):
    """Many places in two columns of numbers, which take a sixth of the memory of as many pairs.

    They may be seen from another corner, and enlarged: each is computed when it is asked for, since
    of a large hall few are.
    """

    __slots__ = ("_box", "_left", "_scale", "_top", "_xs", "_ys")

    def __init__(
        self,
        xs: "array[float]",
        ys: "array[float]",
        *,
        left: float = 0.0,
        top: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        self._xs, self._ys = xs, ys
        self._left, self._top, self._scale = left, top, scale
        self._box: Box | None = None

    @classmethod
    def of(cls, points: Iterable[Point]) -> Self:
        """The columns of some points."""
        listed = list(points)
        return cls(array("d", [x for x, _ in listed]), array("d", [y for _, y in listed]))

    @property
    def box(self) -> Box:
        """The box around them; there is at least one."""
        if self._box is None:
            left, top = self._seen(min(self._xs), min(self._ys))
            right, bottom = self._seen(max(self._xs), max(self._ys))
            self._box = Box(left, top, right, bottom)
        return self._box

    def moved(self, left: float, top: float, scale: float) -> Self:
        """The places as seen from another corner, and enlarged."""
        if self._is_seen_as_is:
            return type(self)(self._xs, self._ys, left=left, top=top, scale=scale)
        return type(self).of(((x - left) * scale, (y - top) * scale) for x, y in self)

    @property
    def _is_seen_as_is(self) -> bool:
        return self._scale == 1.0 and self._left == 0.0 == self._top

    def _seen(self, x: float, y: float) -> Point:
        return (x - self._left) * self._scale, (y - self._top) * self._scale

    def __len__(self) -> int:
        return len(self._xs)

    def __iter__(self) -> Iterator[Point]:
        if self._is_seen_as_is:
            return zip(self._xs, self._ys, strict=True)
        left, top, scale = self._left, self._top, self._scale
        return zip(
            [(x - left) * scale for x in self._xs],
            [(y - top) * scale for y in self._ys],
            strict=True,
        )

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> Point | Self:
        if isinstance(place, slice):
            return type(self)(
                self._xs[place],
                self._ys[place],
                left=self._left,
                top=self._top,
                scale=self._scale,
            )
        return self._seen(self._xs[place], self._ys[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Places) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Places({list(self)})"


def box_of(points: Iterable[Point]) -> Box | None:
    """The smallest box around the points; None when there are none."""
    listed = points if isinstance(points, list | tuple) else list(points)
    if not listed:
        return None
    across, down = [x for x, _ in listed], [y for _, y in listed]
    return Box(min(across), min(down), max(across), max(down))


def box_around(boxes: Iterable[Box]) -> Box | None:
    """The smallest box around some boxes; None when there are none."""
    listed = list(boxes)
    if not listed:
        return None
    return Box(
        min([box.left for box in listed]),
        min([box.top for box in listed]),
        max([box.right for box in listed]),
        max([box.bottom for box in listed]),
    )


def are_apart(some: Sequence[Point], others: Sequence[Point]) -> bool:
    """Whether a line across the way from the middle of ones to that of the others parts them.

    There is at least one of each. False proves nothing: another line may part them.
    """
    (x0, y0), (x1, y1) = _mean(some), _mean(others)
    across, down = x1 - x0, y1 - y0
    reach = max([x * across + y * down for x, y in some])
    return reach < min([x * across + y * down for x, y in others])


def hull(points: Iterable[Point]) -> tuple[Point, ...]:
    """The convex hull without points on its edges: a polygon, or just one or two points."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return tuple(ordered)
    there, back = _half_hull(ordered), _half_hull(reversed(ordered))
    return tuple(there[:-1] + back[:-1])


def padded(points: Sequence[Point], pad: float) -> tuple[Point, ...]:
    """The hull of at least one point, widened by `pad` on all sides."""
    return widened(hull(points), pad)


def widened(bare: Sequence[Point], pad: float) -> tuple[Point, ...]:
    """A hull widened by `pad` on all sides."""
    # Squares of size `pad` are put around the points, turned along the longest edge: a zone is
    # mostly a strip of rows, and upright squares would stick out of a slanted one.
    (x0, y0), (x1, y1) = max(edges(bare), key=lambda side: dist(*side))
    length = hypot(x1 - x0, y1 - y0)
    along = ((x1 - x0) / length, (y1 - y0) / length) if length else (1.0, 0.0)
    u, v = along[0] * pad, along[1] * pad
    return hull(
        (x + dx, y + dy)
        for x, y in bare
        for dx, dy in ((u - v, v + u), (u + v, v - u), (-u - v, -v + u), (-u + v, -v - u))
    )


def simplified(outline: Sequence[Point], tolerance: float) -> tuple[Point, ...]:
    """A closed outline without corners that stand out by less than the tolerance."""
    # The algorithm of Douglas and Peucker, on the two halves between corners far from each other.
    count = len(outline)
    if count < 4:
        return tuple(outline)
    far = max(range(count), key=lambda n: dist(outline[0], outline[n]))
    ring = [*outline, outline[0]]
    kept = {0, far, count}
    parts = [(0, far), (far, count)]
    while parts:
        start, end = parts.pop()
        if end - start < 2:
            continue
        one, other = ring[start], ring[end]
        away, farthest = max((_to_side(ring[n], one, other), n) for n in range(start + 1, end))
        if away > tolerance:
            kept.add(farthest)
            parts += [(start, farthest), (farthest, end)]
    return tuple(ring[n] for n in sorted(kept - {count}))


def edges(outline: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """The sides of a closed outline."""
    # By what is written in C: outlines are gone around more often than anything else is done.
    return zip(chain(outline[-1:], outline), outline, strict=False)


def area(outline: Sequence[Point]) -> float:
    """The area, never negative; parts of a shape that crosses itself may cancel each other."""
    if not outline:
        return 0.0
    # The shape is moved to the origin first: far away, floats would lose their digits.
    left, top = outline[0]
    moved = [(x - left, y - top) for x, y in outline]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges(moved))) / 2


def turn(a: Point, b: Point, c: Point) -> float:
    """The turn of the line from `a` over `b` to `c`: its sign is the direction, 0 is straight."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def spans(outline: Sequence[Point], y: float) -> list[tuple[float, float]]:
    """The parts of the horizontal line at `y` that lie inside (even-odd rule), left to right."""
    # A corner on the line counts for only one of its two sides, so that cuts come in pairs.
    cuts = sorted(
        x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        for (x0, y0), (x1, y1) in edges(outline)
        if (y0 > y) != (y1 > y)
    )
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def spans_at(outline: Sequence[Point], ys: Sequence[float]) -> list[list[tuple[float, float]]]:
    """What `spans` says of each of some lines, which are in rising order."""
    cuts: list[list[float]] = [[] for _ in ys]
    for (x0, y0), (x1, y1) in edges(outline):
        low, high = (y0, y1) if y0 < y1 else (y1, y0)
        for n in range(bisect_left(ys, low), bisect_left(ys, high)):
            cuts[n].append(x0 + (ys[n] - y0) * (x1 - x0) / (y1 - y0))
    for each in filter(None, cuts):
        each.sort()
    return [list(zip(each[::2], each[1::2], strict=True)) if each else [] for each in cuts]


def contains(outline: Sequence[Point], point: Point) -> bool:
    """Whether a point is inside by the even-odd rule."""
    x, y = point
    is_inside = False
    for (x0, y0), (x1, y1) in edges(outline):
        if (y0 > y) != (y1 > y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x:
            is_inside = not is_inside
    return is_inside


def distance(outline: Sequence[Point], point: Point) -> float:
    """How far a point is from the nearest side of an outline, inside or outside."""
    return min(_to_side(point, start, end) for start, end in edges(outline))


def label_place(outline: Sequence[Point]) -> Point | None:
    """A point for a label, well inside the outline; None when it has no inside.

    It is the centre of mass if that is good enough. In other shapes horizontal lines are tried,
    since labels are wide: of the middles of their widest parts, the one farthest from all sides is
    taken.
    """
    around = box_of(outline)
    if around is None:
        return None
    # In a convex shape the centre of mass is always inside.
    places = [_centre(outline, around)]
    if not _is_convex(outline):
        places += _middles(outline, around)
    # Points on a side, or so near to it that rounding decides, do not count as inside.
    least = around.longer * 1e-6
    found = [(distance(outline, p), p) for p in places if contains(outline, p)]
    inside = [(clear, p) for clear, p in found if clear > least]
    if not inside:
        return None
    clear, best = max(inside)
    first, place = inside[0]
    return place if first >= clear * _GOOD_ENOUGH else best


def _is_convex(outline: Sequence[Point]) -> bool:
    """Whether an outline is convex: it always turns the same way, and goes around only once."""
    turns = [turn(outline[n - 2], outline[n - 1], corner) for n, corner in enumerate(outline)]
    rises = [y1 > y0 for (_, y0), (_, y1) in edges(outline) if y0 != y1]
    # A five-pointed star always turns the same way, too, but goes up and down more than once.
    changes = sum(rises[n - 1] != rising for n, rising in enumerate(rises))
    return (min(turns) >= 0 or max(turns) <= 0) and changes <= 2


def _mean(points: Sequence[Point]) -> Point:
    return sum([x for x, _ in points]) / len(points), sum([y for _, y in points]) / len(points)


def _half_hull(ordered: Iterable[Point]) -> list[Point]:
    kept: list[Point] = []
    for x, y in ordered:
        while len(kept) > 1:
            # The turn of these three, not by a call: this is asked for every seat.
            x0, y0 = kept[-2]
            x1, y1 = kept[-1]
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                break
            kept.pop()
        kept.append((x, y))
    return kept


def _to_side(point: Point, start: Point, end: Point) -> float:
    (x, y), (x0, y0), (x1, y1) = point, start, end
    across, down = x1 - x0, y1 - y0
    # The nearest point of the infinite line, moved between the two ends of the side.
    square = across * across + down * down
    share = ((x - x0) * across + (y - y0) * down) / square if square else 0.0
    share = min(1.0, max(0.0, share))
    return hypot(x0 + share * across - x, y0 + share * down - y)


def _centre(outline: Sequence[Point], around: Box) -> Point:
    """The centre of mass; the middle of the box if the shape has hardly any area."""
    x_of, y_of = around.middle
    twice, across, down = 0.0, 0.0, 0.0
    for (x0, y0), (x1, y1) in edges([(x - x_of, y - y_of) for x, y in outline]):
        cross = x0 * y1 - x1 * y0
        twice += cross
        across += (x0 + x1) * cross
        down += (y0 + y1) * cross
    # For a shape thin as a line, or one that crosses itself, the formula gives any point.
    if abs(twice) < around.longer**2 * 1e-9:
        return x_of, y_of
    return x_of + across / (3 * twice), y_of + down / (3 * twice)


def _middles(outline: Sequence[Point], around: Box) -> Iterator[Point]:
    """For each horizontal line, the middle of its widest part inside the outline."""
    for part in _LINES:
        y = around.top + part * around.height
        if found := spans(outline, y):
            left, right = max(found, key=lambda span: span[1] - span[0])
            yield (left + right) / 2, y
