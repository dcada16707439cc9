"""Finds the blocks of a zone from its seats, and an outline for each.

A block is what lies beside or behind each other. Its outline follows the ends of its rows and their
bend, and holds no seat of another zone: a zone that lies left, right and behind another one has
three blocks, and not one that covers it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from math import dist, hypot, inf
from typing import Final, TypeAlias

from korus_mcp.seating.geometry import Box, Point, area, box_of, contains, edges, hull
from korus_mcp.seating.silhouette import silhouettes

Outline: TypeAlias = tuple[Point, ...]

LEAST_PAD: Final = 3.0
MOST_PAD: Final = 14.0
"""In working units: how far a zone reaches around its seats, where no other zone is nearer."""
_APART: Final = 0.48
"""A zone reaches at most by this part of the way to the nearest other one."""
_THINNEST: Final = 0.5
_PADS: Final = (1.0, 0.6, 0.3)
_WIDE: Final = (4.5, 3.2)
"""So many steps between seats beside each other, and rows behind each other, are an aisle within a
block, where no other zone's seats lie between."""
_NEAR: Final = (2.4, 1.6)
"""Where another zone's seats do, a block ends at each aisle."""
_ASKED_ROWS: Final = 8
_MOST_RUNS: Final = 400
"""With more runs, which to compare takes long, a zone is one block, or a strip a run."""


@dataclass(frozen=True)
class Run:
    """Seats of one row from one end to the other, without an aisle; of many seats some.

    `row` tells which of them are parts of one row.
    """

    row: int
    seats: tuple[Point, ...]

    @cached_property
    def box(self) -> Box:
        """The box around them."""
        return _box(self.seats)

    @property
    def middle(self) -> Point:
        """The middle of its seats."""
        return self.seats[len(self.seats) // 2]


@dataclass(frozen=True)
class Seated:
    """The seats of a zone; `step` is how far neighbours usually are from each other."""

    runs: tuple[Run, ...]
    step: float

    @cached_property
    def pad(self) -> float:
        """How far it reaches around its seats, where no other zone is near."""
        return min(MOST_PAD, max(LEAST_PAD, self.step / 2 if self.step else MOST_PAD))

    @cached_property
    def hull(self) -> Outline:
        """The convex hull of the seats."""
        return hull(seat for run in self.runs for seat in run.seats)

    @cached_property
    def box(self) -> Box:
        """The box around them."""
        return _box(self.hull)


def outlines_in(zones: Mapping[int, Seated]) -> Iterator[tuple[int, list[Outline]]]:
    """The outlines of the blocks of each zone by its number, the largest first."""
    gaps: dict[int, list[tuple[int, float | None]]] = {number: [] for number in zones}
    for one, other in _near(zones):
        mine, its = _gaps(zones[one], zones[other])
        gaps[one].append((other, mine))
        gaps[other].append((one, its))
    for number, zone in zones.items():
        pad = zone.pad
        tangled = []
        for other, gap in gaps[number]:
            if gap is None:
                tangled.append(zones[other])
            else:
                pad = min(pad, max(_APART * gap, _THINNEST))
        found = list(_outlines(zone, pad, tangled))
        yield number, sorted(found, key=area, reverse=True)


def _outlines(zone: Seated, pad: float, tangled: Sequence[Seated]) -> Iterator[Outline]:
    """The outlines of a zone, in as large blocks as no seat of a tangled zone lies in."""
    step = zone.step
    behind = _rows_apart(zone.runs) or step
    for block in _linked(zone.runs, _WIDE[0] * step, _WIDE[1] * behind):
        is_whole = len(block) == len(zone.runs)
        if (found := _clear(block, pad, tangled, zone.hull if is_whole else None)) is not None:
            yield found
            continue
        for smaller in _linked(block, _NEAR[0] * step, _NEAR[1] * behind):
            if (found := _clear(smaller, pad, tangled)) is not None:
                yield found
                continue
            for stack in _stacks(smaller, _NEAR[1] * behind):
                if (found := _clear(stack, pad, tangled)) is not None:
                    yield found
                    continue
                for run in stack:
                    one = _clear([run], pad, tangled)
                    yield one or next(silhouettes([run.seats], hull(run.seats), pad * _PADS[-1]))


def _clear(
    block: Sequence[Run], pad: float, tangled: Sequence[Seated], bare: Outline | None = None
) -> Outline | None:
    """An outline of a block that holds no seat of the tangled zones; None if there is none.

    `bare` is the hull of its seats, if that is known.
    """
    rows = _rows(block)
    bare = bare or hull(seat for run in block for seat in run.seats)
    for share in _PADS:
        for outline in silhouettes(rows, bare, pad * share):
            if not any(_holds(outline, zone) for zone in tangled):
                return outline
    return None


def _rows(block: Sequence[Run]) -> list[Sequence[Point]]:
    """The rows of a block from one side of it to the other, all in one direction."""
    parts: dict[int, list[Point]] = {}
    for run in block:
        parts.setdefault(run.row, []).extend(run.seats)
    rows = list(parts.values())
    longest = max(rows, key=lambda row: dist(row[0], row[-1]))
    across, down = longest[-1][0] - longest[0][0], longest[-1][1] - longest[0][1]
    turned: list[Sequence[Point]] = [
        row
        if (row[-1][0] - row[0][0]) * across + (row[-1][1] - row[0][1]) * down >= 0
        else row[::-1]
        for row in rows
    ]
    return sorted(turned, key=lambda row: _depth(row, across, down))


def _depth(row: Sequence[Point], across: float, down: float) -> float:
    x, y = row[len(row) // 2]
    return y * across - x * down


def _linked(runs: Sequence[Run], aside: float, behind: float) -> list[list[Run]]:
    """Runs by blocks: no farther apart than `aside` along them, and than `behind` across them."""
    if len(runs) > _MOST_RUNS:
        return [list(runs)]
    block = list(range(len(runs)))

    def top(n: int) -> int:
        while block[n] != n:
            block[n] = n = block[block[n]]
        return n

    middles = [run.middle for run in runs]
    # Most rows are listed one behind the other, which their middles tell; the others are compared.
    for n, (one, other) in enumerate(pairwise(middles)):
        if dist(one, other) <= behind:
            block[n] = n + 1
    reach, left = max(aside, behind), sum(block[n] == n for n in range(len(runs)))
    for n, m in combinations(range(len(runs)), 2) if left > 1 else ():
        if (
            top(n) != top(m)
            and _are_near(runs[n].box, runs[m].box, reach)
            and _is_linked(runs[n], runs[m], aside, behind)
        ):
            block[top(n)] = top(m)
    found: dict[int, list[Run]] = {}
    for n, run in enumerate(runs):
        found.setdefault(top(n), []).append(run)
    return list(found.values())


def _is_linked(one: Run, other: Run, aside: float, behind: float) -> bool:
    long, short = (one, other) if len(one.seats) >= len(other.seats) else (other, one)
    ends = {short.seats[0], short.middle, short.seats[-1]}
    for x, y in ends:
        for (x0, y0), (x1, y1) in pairwise(long.seats if len(long.seats) > 1 else long.seats * 2):
            across, down = x1 - x0, y1 - y0
            length = hypot(across, down)
            if not length:
                if hypot(x - x0, y - y0) <= max(aside, behind):
                    return True
                continue
            along = ((x - x0) * across + (y - y0) * down) / length
            away = abs((y - y0) * across - (x - x0) * down) / length
            if away <= behind and -aside <= along <= length + aside:
                return True
    return False


def _stacks(runs: Sequence[Run], behind: float) -> Iterator[list[Run]]:
    """Runs of which each has one run at most before and behind it, as long as that holds."""
    rows = _rows(runs)
    across, down = rows[0][-1][0] - rows[0][0][0], rows[0][-1][1] - rows[0][0][1]
    order = sorted(runs, key=lambda run: _depth(run.seats, across, down))
    after: dict[int, list[int]] = {n: [] for n in range(len(order))}
    before: dict[int, list[int]] = {n: [] for n in range(len(order))}
    for n, m in combinations(range(len(order)), 2):
        if order[n].row != order[m].row and _is_linked(order[n], order[m], 0.0, behind):
            after[n].append(m)
            before[m].append(n)
    seen: set[int] = set()
    for n in range(len(order)):
        if n in seen:
            continue
        stack = [n]
        while len(after[stack[-1]]) == 1 and len(before[after[stack[-1]][0]]) == 1:
            stack.append(after[stack[-1]][0])
        seen.update(stack)
        yield [order[each] for each in stack]


def _rows_apart(runs: Sequence[Run]) -> float:
    """The usual distance from the middle of a run to that of the nearest of another row, or 0."""
    middles = list({run.row: run.middle for run in runs[:_MOST_RUNS]}.values())
    if len(middles) < 2:
        return 0.0
    some = range(0, len(middles), len(middles) // _ASKED_ROWS + 1)
    # The nearest of all is the row itself.
    nearest = [sorted([dist(middles[n], other) for other in middles])[1] for n in some]
    return sorted(nearest)[len(nearest) // 2]


def _near(zones: Mapping[int, Seated]) -> Iterator[tuple[int, int]]:
    """The pairs of zones of which the pad of one may reach the other."""
    widest = max((zone.pad for zone in zones.values()), default=0.0)
    begun: list[tuple[float, int]] = []
    for number in sorted(zones, key=lambda number: zones[number].box.left):
        zone = zones[number]
        begun = [each for each in begun if each[0] >= zone.box.left]
        for _, n in begun:
            if _are_near(zones[n].box, zone.box, zone.pad + zones[n].pad):
                yield n, number
        begun.append((zone.box.right + zone.pad + widest, number))


def _are_near(one: Box, other: Box, reach: float) -> bool:
    return (
        one.left - reach <= other.right
        and other.left - reach <= one.right
        and one.top - reach <= other.bottom
        and other.top - reach <= one.bottom
    )


def _gaps(one: Seated, other: Seated) -> tuple[float | None, float | None]:
    """How far the hulls of two zones are apart, at least, up to the reach of their pads; None if
    they are not. Each of them asks its own sides first, and says no more than it has to.
    """
    enough = one.pad + other.pad
    # Most are far enough apart as seen along the way from one to the other.
    found = _ahead(one, other)
    if found >= enough:
        return found, found
    mine = max(found, _beyond(one.hull, other.hull))
    its = max(found, _beyond(other.hull, one.hull))
    most = max(mine, its)
    if most <= 0:
        return None, None
    return mine if mine >= enough else most, its if its >= enough else most


def _ahead(one: Seated, other: Seated) -> float:
    """How far a zone is ahead of another one, as seen along the way from one to the other."""
    (x0, y0), (x1, y1) = one.box.middle, other.box.middle
    across, down = x1 - x0, y1 - y0
    length = hypot(across, down)
    if not length:
        return -inf
    reach = max([x * across + y * down for x, y in one.hull])
    return (min([x * across + y * down for x, y in other.hull]) - reach) / length


def _beyond(outline: Outline, points: Outline) -> float:
    """How far the points lie beyond the side of an outline that keeps them off best."""
    best = -inf
    # A hull goes around so that what is outside lies always on the same hand.
    for (x0, y0), (x1, y1) in edges(outline):
        across, down = x1 - x0, y1 - y0
        if length := hypot(across, down):
            nearest = min([x * down - y * across for x, y in points])
            best = max(best, (nearest - x0 * down + y0 * across) / length)
    return best


def _holds(outline: Outline, zone: Seated) -> bool:
    """Whether a seat of a zone lies in an outline."""
    around = _box(outline)
    return any(
        contains(outline, seat)
        for run in zone.runs
        if _are_near(around, run.box, 0.0)
        for seat in run.seats
    )


def _box(points: Iterable[Point]) -> Box:
    return box_of(points) or Box(0.0, 0.0, 0.0, 0.0)
