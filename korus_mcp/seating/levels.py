"""Decks and floors that an issuer draws at the same place: which zones lie on which of them.

Seats cannot stand within each other: where those of two zones do, they are on different levels.
Which zones make a level is told by what their names have in common, such as "Upper deck".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import dist, floor
from statistics import median
from typing import Final, TypeAlias

from korus_mcp.foundation.folding import words
from korus_mcp.seating.geometry import (
    Box,
    Places,
    Point,
    are_apart,
    box_around,
    contains,
    hull,
    turn,
)

_WITHIN: Final = 0.55
"""Seats of two zones nearer than so many steps stand within each other."""
_MOSTLY: Final = 0.6
"""At least this part of a zone's seats stand within those of another one on a different level."""
_OVERLAP: Final = 0.5
"""Only zones of which the smaller one's box lies so much in the other's are compared."""
_SAME_BOX: Final = 0.95
_FINEST: Final = 1e-9
"""Seats nearer to each other than this part of their zone are at one place, and tell no step."""
_ASKED: Final = 60
_FIRST: Final = 12
_INWARD: Final = 0.02
_OF_A_ROW: Final = 5
_PARTLY: Final = 0.25
"""Less of a zone within the hull of another one is no overlap that needs a closer look."""
_STEPS: Final = 12
_MOST_ZONES: Final = 400
"""With more zones, to compare all of them takes long; no house has so many and decks, too."""
_PLACES: Final = (0, 1, 2, -1, -2)
"""Which words of a name may tell its level: from the first, and from the last."""
_GAP: Final = 0.13
"""Between levels, as a part of the whole: room for a front and a name."""


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Where a zone lies, in the issuer's units: its seats by row, or its polygon."""

    name: str
    rows: Sequence[Places]
    polygon: Sequence[Point]
    box: Box

    @cached_property
    def step(self) -> float:
        """The usual distance from a seat to the nearest other one; 0 if that is not known.

        In any row: where one zone has the odd and another the even seats, it is the one behind.
        """
        asked = self.some[:: len(self.some) // _STEPS + 1]
        nearest = [
            min(
                (way for row in self.rows for other in row if (way := dist(seat, other))), default=0
            )
            for seat in asked
        ]
        return median(nearest) if nearest else 0.0

    @cached_property
    def some(self) -> list[Point]:
        """Some of its seats."""
        return _strewn(list(chain.from_iterable(self.rows)), _ASKED)

    def inward(self, seat: Point) -> Point:
        """A place beside a seat, nearer to the middle: that of the outermost is on no edge."""
        x, y = self.box.middle
        return seat[0] + (x - seat[0]) * _INWARD, seat[1] + (y - seat[1]) * _INWARD

    @cached_property
    def hull(self) -> Sequence[Point]:
        """About the hull of its seats."""
        return hull(self.spread)

    @cached_property
    def spread(self) -> list[Point]:
        """Some seats of each row, with both its ends."""
        return [seat for row in self.rows for seat in (*row[:: len(row) // _OF_A_ROW + 1], row[-1])]

    @cached_property
    def is_broad(self) -> bool:
        """Whether its seats are not all on one line."""
        return any(turn(self.spread[0], self.spread[-1], seat) for seat in self.spread)


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level with the numbers of its zones; it is drawn so far from where the issuer has it."""

    name: str
    zones: tuple[int, ...]
    shift: Point


_Pairs: TypeAlias = Sequence[tuple[int, int]]


def levels_in(zones: Mapping[int, Footprint]) -> tuple[Level, ...]:
    """The levels of a map, the first where the issuer has it; () if it has one level only."""
    pairs = list(_at_one_place(zones))
    if not pairs:
        return ()
    level_of = _by_names(zones, pairs) or _by_turns(zones, pairs)
    count = max(level_of.values()) + 1
    groups = [[n for n in zones if level_of[n] == level] for level in range(count)]
    boxes = [box for group in groups if (box := box_around(zones[n].box for n in group))]
    return tuple(
        Level(name=_common_name([zones[n].name for n in group]), zones=tuple(group), shift=shift)
        for group, shift in zip(groups, _beside(boxes), strict=True)
    )


def _at_one_place(zones: Mapping[int, Footprint]) -> Iterator[tuple[int, int]]:
    """The pairs of zones that cannot lie on one level."""
    if len(zones) > _MOST_ZONES:
        return
    nets: dict[int, _Net] = {}
    for one, other in _meeting(zones):
        mine, its = zones[one], zones[other]
        shared = _shared(mine.box, its.box)
        if shared < _OVERLAP:
            continue
        if not (mine.rows or its.rows):
            if _shared(mine.box, its.box, of_larger=True) >= _SAME_BOX:
                yield one, other
            continue
        few, many = sorted((one, other), key=lambda n: sum(map(len, zones[n].rows)))
        if not zones[few].rows:
            continue
        # The boxes of blocks in a ring share much, but not one seat: that is soon seen.
        first = list(map(zones[few].inward, _strewn(zones[few].some, _FIRST)))
        if zones[many].is_broad and (
            are_apart(first, zones[many].spread)
            or sum(contains(zones[many].hull, seat) for seat in first) < _PARTLY * len(first)
        ):
            continue
        step = min(mine.step, its.step)
        if step <= _FINEST * max(mine.box.longer, its.box.longer):
            continue
        net = nets.setdefault(many, _Net(zones[many].rows, _WITHIN * step))
        asked = zones[few].some
        if sum(map(net.has_near, asked)) >= _MOSTLY * len(asked):
            yield one, other


def _meeting(zones: Mapping[int, Footprint]) -> Iterator[tuple[int, int]]:
    """The pairs of zones whose boxes share some of their width."""
    ordered = sorted(zones, key=lambda n: zones[n].box.left)
    for place, one in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if zones[other].box.left > zones[one].box.right:
                break
            yield one, other


def _strewn(seats: Sequence[Point], most: int) -> list[Point]:
    """Some of the seats, each at another place of its row: not all are the ends of rows."""
    step = len(seats) // most + 1
    return [
        seats[min(begin + place % step, len(seats) - 1)]
        for place, begin in enumerate(range(0, len(seats), step))
    ]


class _Net:
    """Seats by the cells of a net, to ask whether one is near."""

    def __init__(self, rows: Sequence[Places], reach: float) -> None:
        self._reach = reach
        self._cells: dict[tuple[int, int], list[Point]] = {}
        for row in rows:
            for seat in row:
                self._cells.setdefault(self._cell(seat), []).append(seat)

    def has_near(self, place: Point) -> bool:
        """Whether a seat lies within reach of a place."""
        column, line = self._cell(place)
        return any(
            dist(place, seat) <= self._reach
            for c in (column - 1, column, column + 1)
            for d in (line - 1, line, line + 1)
            for seat in self._cells.get((c, d), ())
        )

    def _cell(self, place: Point) -> tuple[int, int]:
        return floor(place[0] / self._reach), floor(place[1] / self._reach)


def _shared(one: Box, other: Box, *, of_larger: bool = False) -> float:
    """How much of the smaller box (or of the larger) lies in the other one, each way: 0 to 1."""
    share = 1.0
    for low, high, low2, high2 in (
        (one.left, one.right, other.left, other.right),
        (one.top, one.bottom, other.top, other.bottom),
    ):
        sizes = sorted((high - low, high2 - low2))
        size = sizes[1] if of_larger else sizes[0]
        common = min(high, high2) - max(low, low2)
        # A single row has no depth.
        share = min(share, common / size if size > 0 else float(common >= 0))
    return share


def _by_names(zones: Mapping[int, Footprint], pairs: _Pairs) -> dict[int, int] | None:
    """The level of each zone by the word at one place of its name; None if no place tells it."""
    said = {n: words(zone.name) for n, zone in zones.items()}
    meeting = dict.fromkeys(n for pair in pairs for n in pair)
    found = []
    for place in _PLACES:
        keys = {
            n: name[place] if -len(name) <= place < len(name) else "" for n, name in said.items()
        }
        if all(keys[one] != keys[other] for one, other in pairs):
            known = list(dict.fromkeys(keys[n] for n in sorted(meeting)))
            # What lies at no place twice, and says no level, is on the first.
            levels = {n: known.index(key) if key in known else 0 for n, key in keys.items()}
            found.append((len(known), levels))
    return min(found, key=lambda each: each[0])[1] if found else None


def _by_turns(zones: Mapping[int, Footprint], pairs: _Pairs) -> dict[int, int]:
    """The first level on which each zone meets none that has its level already."""
    levels: dict[int, int] = {}
    for number in zones:
        met = {
            levels.get(other if one == number else one)
            for one, other in pairs
            if number in (one, other)
        }
        levels[number] = next(level for level in range(len(zones)) if level not in met)
    return levels


def _common_name(names: Sequence[str]) -> str:
    """The words with which all names begin, else those that all have; "" if there are none."""
    first = names[0].split()
    others = [set(words(name)) for name in names[1:]]
    common = [word for word in first if all(set(words(word)) <= other for other in others)]
    return " ".join(common)


def _beside(boxes: Sequence[Box]) -> list[Point]:
    """How far to move each box, so that they stand beside each other along their shorter side."""
    is_across = max(b.height for b in boxes) >= max(b.width for b in boxes)
    sizes = [b.width if is_across else b.height for b in boxes]
    others = max(b.height if is_across else b.width for b in boxes)
    gaps = len(boxes) - 1
    part = min(_GAP, 0.5 / gaps)
    gap = max(part * others, part * sum(sizes) / (1 - part * gaps))
    shifts: list[Point] = []
    begin = boxes[0].left if is_across else boxes[0].top
    for box, size in zip(boxes, sizes, strict=True):
        away = begin - (box.left if is_across else box.top)
        shifts.append((away, 0.0) if is_across else (0.0, away))
        begin += size + gap
    return shifts
