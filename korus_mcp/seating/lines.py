"""Lines of seats: who sits beside whom, told by places and never by the order of a list.

A row of the API is mostly one line, in any order. It may also be several: the floor of a club, a
bay of four in a train, both sides of a stage. Seats are then side by side where they are nearest
to each other.

Units are the issuer's. No function raises, whatever finite points it is given.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, dist, floor, hypot, pi, radians, sin
from operator import mul
from typing import Final, NamedTuple, Self, TypeAlias

from korus_mcp.seating.geometry import Point, box_of

Line: TypeAlias = tuple[Point, ...]
"""Seats from one end of a line to the other; there may be aisles between them."""


class Ring(tuple[Point, ...]):
    """A line that is closed, as chairs around a table are: its ends are neighbours."""

    __slots__ = ()


APART: Final = 1.5
"""Neighbours are at most so many usual steps apart: an aisle or a missing seat is more."""
_STRETCH: Final = 1.2
"""A row's own step counts up to so many times that of its zone."""
_PATH: Final = 0.6
"""The least distance between the ends of a line, as a part of the way along it: half a circle has
0.64, a line that turns back much less."""
_ONWARD: Final = 0.5
"""Most steps of a line go at least this part of their length towards its end."""
_ASKED_STEPS: Final = 12
_BESIDE: Final = 1.15
"""Seats at most so many least steps apart are beside each other in any case."""
_ONE_WAY: Final = 0.6
"""From this agreement of their directions on (0 to 1), steps are along lines of one direction."""
_STRAIGHT: Final = cos(radians(30))
"""A step is along a line if it goes astray by this angle at most."""
_ASKED_SEATS: Final = 500
_BEHIND: Final = 2.5
"""Two seats that are farther apart than so many rows behind each other are not side by side."""
_CROWD: Final = 24
_FINEST: Final = 12


@dataclass(frozen=True)
class Lines:
    """The lines of a zone, each with the lengths of its steps.

    `step` is how far neighbours usually are from each other, 0.0 if no line has two seats. A step
    of a line that is longer than its `farthest` is an aisle, or a missing seat.
    """

    lines: tuple[Line, ...]
    steps: tuple[list[float], ...]
    farthest: tuple[float, ...]
    step: float

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Lines":
        """Measure the lines of a zone."""
        kept = tuple(lines)
        steps = tuple([list(map(dist, line, line[1:])) for line in kept])
        own = [_lower_third(sorted(each)) if each else 0.0 for each in steps]
        usual = sorted(step for step, each in zip(own, steps, strict=True) if each)
        if not usual:
            return cls(kept, steps, tuple(own), 0.0)
        step = _lower_third(usual) if len(usual) < 3 else usual[len(usual) // 2]
        # Where every row is two seats, nothing in a row tells an aisle; the rows behind them do.
        zone = step
        if max(map(len, kept)) == 2:
            zone = min(zone, _BEHIND * _rows_apart(kept) / APART)
        return cls(kept, steps, tuple([APART * min(each, _STRETCH * zone) for each in own]), step)

    @property
    def longest_run(self) -> int | None:
        """The most seats that are side by side; None without any seat."""
        return max(map(_run, self.steps, self.farthest), default=None)

    def parts(self, aisle: float) -> Iterator[tuple[int, Line]]:
        """The lines cut at aisles of at least so many usual steps, each with the line's number."""
        for n, (line, steps) in enumerate(zip(self.lines, self.steps, strict=True)):
            widest = aisle * self.farthest[n] / APART
            if not steps or max(steps) <= widest:
                yield n, line
                continue
            begin = 0
            for end, step in enumerate(steps, 1):
                if step > widest:
                    yield n, line[begin:end]
                    begin = end
            yield n, line[begin:]


def longest_run(rows: Iterable[Sequence[Point]]) -> int | None:
    """The most seats of a zone that are side by side; None when it has no seat with a place."""
    return Lines.of(line for row in rows for line in lines_in(row)).longest_run


def lines_in(row: Sequence[Point]) -> list[Line]:
    """The lines that a row of the API is: one, or several if it is no row but an area."""
    seats = tuple(row)
    if len(seats) < 3 or _is_path(seats):
        return [seats] if seats else []
    along = direction_of(seats)
    ordered = tuple(sorted(seats, key=lambda seat: seat[0] * along[0] + seat[1] * along[1]))
    if _is_path(ordered):
        return [ordered]
    return [Ring(line) if _is_closed(line) else line for line in _untangled(seats)]


def direction_of(seats: Sequence[Point]) -> Point:
    """The direction in which seats spread most (their principal axis), of length 1."""
    # Measured from one of them: far from the origin, squares would lose their digits.
    x0, y0 = seats[0]
    return Spread.of([x - x0 for x, _ in seats], [y - y0 for _, y in seats]).direction


class Spread(NamedTuple):
    """Sums over places, told from one of them: of `x` and of `y`, and of the squares and the
    product of their distances from the means.
    """

    x: float
    y: float
    xx: float
    xy: float
    yy: float

    @classmethod
    def of(cls, across: Sequence[float], down: Sequence[float]) -> Self:
        """The sums over some places."""
        count, x, y = len(across), sum(across), sum(down)
        return cls(
            x,
            y,
            sum(map(mul, across, across)) - x * x / count,
            sum(map(mul, across, down)) - x * y / count,
            sum(map(mul, down, down)) - y * y / count,
        )

    @property
    def direction(self) -> Point:
        """The direction in which they spread most (their principal axis), of length 1."""
        angle = atan2(2 * self.xy, self.xx - self.yy) / 2
        return cos(angle), sin(angle)


def _is_closed(line: Line) -> bool:
    if len(line) < 4:
        return False
    steps = list(map(dist, line, line[1:]))
    return dist(line[0], line[-1]) <= APART * sum(steps) / len(steps)


def _is_path(seats: Sequence[Point]) -> bool:
    """Whether seats, in this order, go from one end to the other without turning back."""
    whole = dist(seats[0], seats[-1])
    steps = list(map(dist, seats, seats[1:]))
    way = sum(steps)
    if whole < _PATH * way:
        return False
    # Two lines far apart are a long way, too, but not one on which each step leads on.
    (x0, y0), (x1, y1) = seats[0], seats[-1]
    across, down = (x1 - x0) / whole if whole else 0.0, (y1 - y0) / whole if whole else 0.0
    asked = range(0, len(seats) - 1, max(1, (len(seats) - 1) // _ASKED_STEPS))
    # A step that does not lead on is a detour of a half of it or more: on a way so straight there
    # is no room for many.
    if 4 * (way - whole) < min(steps) * len(asked):
        return True
    onward = sum(
        (seats[n + 1][0] - seats[n][0]) * across + (seats[n + 1][1] - seats[n][1]) * down
        >= _ONWARD * steps[n]
        for n in asked
    )
    return 2 * onward >= len(asked)


def _lower_third(steps: Sequence[float]) -> float:
    """A step of the lower third of some, in rising order: aisles are among the upper ones."""
    return steps[(len(steps) - 1) // 3]


def _run(steps: Sequence[float], farthest: float) -> int:
    """The most seats of a line of which no two neighbours are farther apart."""
    if not steps or max(steps) <= farthest:
        return len(steps) + 1
    longest = run = 1
    for step in steps:
        run = run + 1 if step <= farthest else 1
        longest = max(longest, run)
    return longest


def _rows_apart(lines: Sequence[Line]) -> float:
    """The usual distance from a line to the nearest other one; endless if there is no other."""
    middles = [
        (sum(x for x, _ in line) / len(line), sum(y for _, y in line) / len(line)) for line in lines
    ]
    if len(middles) > 200:
        middles = middles[:200]
    nearest = sorted(
        min((dist(one, other) for m, other in enumerate(middles) if m != n), default=float("inf"))
        for n, one in enumerate(middles)
    )
    return nearest[len(nearest) // 2]


def _untangled(seats: Sequence[Point]) -> list[Line]:
    """The lines of an area of seats. None of them has an aisle: what is beyond one is another."""
    places = list(dict.fromkeys(seats))
    step = _least_step(places)
    if step <= 0:
        return [(place,) for place in places]
    pairs = _pairs(places, step * APART)
    nearest = [(a, b) for a, b, way in pairs if way <= step * _BESIDE]
    if _is_crowded(nearest, len(places)):
        # Rows as near to each other as seats: of all steps those along the lines are taken.
        return _along_lines(places, pairs, nearest, [s for s in pairwise(seats) if s[0] != s[1]])
    return _joined(places, nearest)


def _least_step(places: Sequence[Point]) -> float:
    """The usual distance from a seat to the one nearest to it; 0 if that cannot be told."""
    around = box_of(places)
    if around is None or len(places) < 2 or around.longer <= 0:
        return 0.0
    cell = max(around.longer / len(places), (around.width * around.height / len(places)) ** 0.5) * 2
    # Blocks far apart leave most of the box empty: then the net is made finer.
    for _ in range(_FINEST):
        net = _net(places, cell)
        if max(map(len, net.values())) <= _CROWD:
            break
        cell /= 2
    found = []
    for x, y in places[:: len(places) // _ASKED_SEATS + 1]:
        column, line = floor(x / cell), floor(y / cell)
        ways = [
            dist((x, y), places[n])
            for c in (-1, 0, 1)
            for d in (-1, 0, 1)
            for n in net.get((column + c, line + d), ())
        ]
        # The nearest of all is the seat itself.
        if len(ways) > 1:
            found.append(sorted(ways)[1])
    return _lower_third(sorted(found)) if found else 0.0


def _net(places: Sequence[Point], cell: float) -> Mapping[tuple[int, int], list[int]]:
    """The numbers of the places in each cell of a net."""
    net: dict[tuple[int, int], list[int]] = {}
    for n, (x, y) in enumerate(places):
        net.setdefault((floor(x / cell), floor(y / cell)), []).append(n)
    return net


def _pairs(places: Sequence[Point], reach: float) -> list[tuple[int, int, float]]:
    """All pairs of places that are at most so far apart, each with its distance."""
    net = _net(places, reach)
    found = []
    for (column, line), members in net.items():
        near = list(members)
        for cell in (
            *((column + 1, line - 1), (column + 1, line)),
            *((column + 1, line + 1), (column, line + 1)),
        ):
            near += net.get(cell, ())
        for at, n in enumerate(members):
            place = places[n]
            for m in near[at + 1 :]:
                way = dist(place, places[m])
                if way <= reach:
                    found.append((n, m, way))
    return found


def _is_crowded(pairs: Sequence[tuple[int, int]], count: int) -> bool:
    """Whether a seat has more than two neighbours, so that pairs are no lines."""
    neighbours = [0] * count
    for one, other in pairs:
        neighbours[one] += 1
        neighbours[other] += 1
    return max(neighbours, default=0) > 2


def _along_lines(
    places: Sequence[Point],
    pairs: Sequence[tuple[int, int, float]],
    nearest: Sequence[tuple[int, int]],
    listed: Sequence[tuple[Point, Point]],
) -> list[Line]:
    """The lines in the direction in which seats are nearest; `listed` are steps of the list."""
    turns = [_turn(places[a], places[b]) for a, b in nearest]
    turn, agreed = _mean_turn(turns, 2)
    if agreed >= _ONE_WAY:
        return _joined(places, _in_direction(places, pairs, turn))
    # A square net of seats. Those who list it mostly go along its lines; else the shorter run is
    # told, since nobody should be promised more seats than there are.
    one, _ = _mean_turn(turns, 4)
    steps = [_turn(a, b) for a, b in listed[:: len(listed) // _ASKED_SEATS + 1]]
    along = sum(_is_along(each, one) for each in steps)
    aside = sum(_is_along(each, one + pi / 2) for each in steps)
    ways = [one, one + pi / 2] if along >= aside else [one + pi / 2, one]
    if max(along, aside) > 2 * min(along, aside):
        return _joined(places, _in_direction(places, pairs, ways[0]))
    lines = [_joined(places, _in_direction(places, pairs, way)) for way in ways]
    return min(lines, key=lambda found: max(map(len, found)))


def _turn(one: Point, other: Point) -> float:
    return atan2(other[1] - one[1], other[0] - one[0])


def _mean_turn(turns: Sequence[float], fold: int) -> tuple[float, float]:
    """The mean direction of turns that are the same after a `fold`-th of a circle, and how much
    they agree (0 to 1).
    """
    if not turns:
        return 0.0, 0.0
    across, down = sum(cos(fold * t) for t in turns), sum(sin(fold * t) for t in turns)
    return atan2(down, across) / fold, hypot(across, down) / len(turns)


def _is_along(turn: float, direction: float) -> bool:
    """Whether a step is in a direction, or against it, by 30 degrees."""
    return abs(cos(turn - direction)) >= _STRAIGHT


def _in_direction(
    places: Sequence[Point], pairs: Sequence[tuple[int, int, float]], direction: float
) -> list[tuple[int, int]]:
    """Of the pairs those in a direction, each seat with at most one neighbour on either side."""
    c, s = cos(direction), sin(direction)
    ahead: dict[int, tuple[float, int]] = {}
    behind: dict[int, tuple[float, int]] = {}
    for a, b, way in pairs:
        (x0, y0), (x1, y1) = places[a], places[b]
        onward = (x1 - x0) * c + (y1 - y0) * s
        if abs(onward) < _STRAIGHT * way:
            continue
        first, second = (a, b) if onward > 0 else (b, a)
        if first not in ahead or way < ahead[first][0]:
            ahead[first] = (way, second)
        if second not in behind or way < behind[second][0]:
            behind[second] = (way, first)
    return [(n, other) for n, (_, other) in ahead.items() if behind.get(other, (0.0, -1))[1] == n]


def _joined(places: Sequence[Point], pairs: Iterable[tuple[int, int]]) -> list[Line]:
    """Lines of pairs in which no place has more than two neighbours, from end to end."""
    beside: list[list[int]] = [[] for _ in places]
    for one, other in pairs:
        beside[one].append(other)
        beside[other].append(one)
    lines: list[Line] = []
    seen = [False] * len(places)
    # Ends first; what remains are rings, which begin anywhere.
    for begin in sorted(range(len(places)), key=lambda n: len(beside[n]) > 1):
        if seen[begin]:
            continue
        line, at = [], begin
        while True:
            seen[at] = True
            line.append(places[at])
            onward = [n for n in beside[at] if not seen[n]]
            if not onward:
                break
            at = onward[0]
        lines.append(tuple(line))
    return lines
