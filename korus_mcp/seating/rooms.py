"""Finds the rooms of zones: boxes in which a label lies on its own zone and on nothing else.

Both picture and page write labels into them, each as large as it can.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from korus_mcp.seating.geometry import (
    Box,
    Places,
    Point,
    are_apart,
    area,
    box_around,
    box_of,
    contains,
    distance,
    spans_at,
)

Outline: TypeAlias = tuple[Point, ...]
Span: TypeAlias = tuple[float, float]

_LINES: Final = 14
"""Into at most so many strips a block is cut, to see how wide it is free at each height."""
_LEAST: Final = 4.0
"""The least height of a strip, and width of a room, in units of the drawing."""
_MOST_BLOCKS: Final = 3
"""Of a zone in many blocks the rooms of so many, the largest, are looked for."""
_WIDER: Final = 1.05
"""A lower room has to be so many times as wide as a higher one."""
_MOST_SEATS: Final = 6_000
_SEAT: Final = 0.6
"""Half of the room that a seat of another zone has, in steps."""
_ASIDE: Final = 0.25
"""How much less a room is worth by its distance from the middle of its block."""


@dataclass(frozen=True)
class Seats:
    """The seats of all zones by row, and how far neighbours of each zone are from each other."""

    rows: Sequence[Sequence[Places]]
    steps: Sequence[float]

    @cached_property
    def are_few(self) -> bool:
        """Whether they are drawn one by one, so that a label may hide one."""
        return sum(len(row) for rows in self.rows for row in rows) <= _MOST_SEATS

    def reach(self, number: int) -> float:
        """How far around each seat of a zone no label of another may come; 0 if they are many."""
        return _SEAT * self.steps[number] if self.are_few else 0.0

    def within(self, number: int, blocks: Sequence[Outline]) -> Iterator[Outline]:
        """A box around each seat of a zone that lies in these blocks or on their rims."""
        half = self.reach(number)
        around = box_around(map(_box, blocks))
        if around is None:
            return
        for row in self.rows[number]:
            if not _meet(_grown(row.box, half), around):
                continue
            for x, y in row:
                box = Box(x - half, y - half, x + half, y + half)
                if _meet(box, around) and any(
                    contains(block, (x, y)) or distance(block, (x, y)) < half for block in blocks
                ):
                    yield box.corners


def rooms_in(
    zones: Sequence[Sequence[Outline]], taken: Sequence[Box], seats: Seats
) -> list[tuple[Box, ...]]:
    """The rooms of each zone, from the lowest and widest to the highest and narrowest.

    `zones` are the outlines of their blocks, the largest first; one that is not drawn has none. Of
    two that overlap, the smaller zone lies above. In `taken` boxes nothing may be written.
    """
    sizes = [sum(map(area, blocks)) for blocks in zones]
    above = sorted(range(len(zones)), key=lambda n: (-round(sizes[n]), n))
    place = {n: at for at, n in enumerate(above)}
    boxes = [[_box(block) for block in blocks] for blocks in zones]
    # A seat on the rim of its zone reaches beyond it.
    arounds = {
        n: _grown(around, seats.reach(n))
        for n, each in enumerate(boxes)
        if (around := box_around(each))
    }
    hidden: list[list[tuple[Outline, Box]]] = [[] for _ in zones]
    for n, other in _meeting(arounds):
        below, upper = (n, other) if place[n] < place[other] else (other, n)
        # In a ring most zones meet by their boxes only.
        is_one_each = len(zones[n]) == 1 == len(zones[other])
        if not (is_one_each and are_apart(zones[n][0], zones[other][0])):
            hidden[below] += zip(zones[upper], boxes[upper], strict=True)
        if seats.are_few:
            hidden[upper] += [(each, _box(each)) for each in seats.within(below, zones[upper])]
    found = []
    for n, blocks in enumerate(zones):
        rooms: list[Box] = []
        for block, box in zip(blocks[:_MOST_BLOCKS], boxes[n], strict=False):
            others = [each for each, around in hidden[n] if _meet(around, box)]
            others += [each.corners for each in taken if _meet(each, box)]
            rooms += _rooms(block, box, others)
        found.append(_widest(rooms))
    return found


def _rooms(block: Outline, box: Box, others: Sequence[Outline]) -> list[Box]:
    """The widest room of each height."""
    count = min(_LINES, max(2, int(box.height / _LEAST)))
    rim = box.height * 1e-3
    ys = [box.top + rim + (box.height - 2 * rim) * n / count for n in range(count + 1)]
    free: list[Sequence[Span]] = [*spans_at(block, ys)]
    for other in others:
        for n, taken in enumerate(spans_at(other, ys)):
            if taken:
                free[n] = _without(free[n], taken)
    middle = (box.left + box.right) / 2
    best: dict[int, tuple[float, Box]] = {}
    for top in range(count):
        common = free[top]
        for bottom in range(top + 1, count + 1):
            common = _both(common, free[bottom])
            if not common:
                break
            left, right = common[0] if len(common) == 1 else max(common, key=_width)
            # Higher rooms here are no wider.
            if right - left < _LEAST:
                break
            away = abs((left + right) / 2 - middle) + abs(top + bottom - count) / count * box.height
            worth = right - left - _ASIDE * away
            if worth > best.get(bottom - top, (0.0, box))[0]:
                best[bottom - top] = worth, Box(left, ys[top], right, ys[bottom])
    return [room for _, room in best.values()]


def _widest(rooms: Sequence[Box]) -> tuple[Box, ...]:
    """Without those that are no higher and hardly wider than another one."""
    kept: list[Box] = []
    for room in sorted(rooms, key=lambda room: -room.height):
        if not kept or room.width > _WIDER * kept[-1].width:
            kept.append(room)
    return tuple(reversed(kept))


def _width(span: Span) -> float:
    return span[1] - span[0]


def _both(one: Sequence[Span], other: Sequence[Span]) -> Sequence[Span]:
    """What lies in spans of both."""
    if len(one) == 1 == len(other):
        left, right = max(one[0][0], other[0][0]), min(one[0][1], other[0][1])
        return ((left, right),) if left < right else ()
    return [(max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) < min(b, d)]


def _without(spans_: Sequence[Span], taken: Sequence[Span]) -> Sequence[Span]:
    """What of some spans others leave."""
    left = list(spans_)
    for start, end in taken:
        if not left or end <= left[0][0] or start >= left[-1][1]:
            continue
        left = [
            part
            for a, b in left
            for part in ((a, min(b, start)), (max(a, end), b))
            if part[0] < part[1]
        ]
    return left


def _meeting(boxes: Mapping[int, Box]) -> list[tuple[int, int]]:
    """The pairs of boxes that share more than a side."""
    order = sorted(boxes, key=lambda n: boxes[n].left)
    begun: list[int] = []
    found = []
    for n in order:
        begun = [m for m in begun if boxes[m].right > boxes[n].left]
        found += [(m, n) for m in begun if _meet(boxes[m], boxes[n])]
        begun.append(n)
    return found


def _meet(one: Box, other: Box) -> bool:
    return (
        one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    )


def _grown(box: Box, by: float) -> Box:
    return Box(box.left - by, box.top - by, box.right + by, box.bottom + by)


def _box(points: Sequence[Point]) -> Box:
    return box_of(points) or Box(0.0, 0.0, 0.0, 0.0)
