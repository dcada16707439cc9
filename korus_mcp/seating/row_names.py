"""Names of rows at both ends of each row, where a picture or a page has room for them.

Units are the drawing's. Nothing here knows how large the drawing is shown: an end says how much
room its name has, and whoever writes it takes a size that fits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import dist, floor
from statistics import median
from typing import Final, TypeAlias

from korus_mcp.foundation.text import clean_line
from korus_mcp.seating.geometry import Box, Point, box_of, contains, spans
from korus_mcp.seating.layout import Drawing, DrawnZone
from korus_mcp.seating.lettering import width_of
from korus_mcp.seating.lines import Line, Ring, lines_in
from korus_mcp.seating.names import row_orders

MOST_SEATS: Final = 6_000
"""With more seats in a drawing there is no room for names, and finding the ends takes long."""
_LONGEST: Final = 6
_LETTERS: Final = 2
_HEIGHT: Final = 0.8
"""The height of a name in ems: letters and digits have nothing below the line."""
_MOST: Final = 0.8
"""A size is right at which so many of those names have room that have any at the least size."""
_ENOUGH: Final = 0.6
"""Of a zone so many rows are named, or none."""
_REACH: Final = 4.0
"""A name is looked for room at most so many rows far."""
_BESIDE: Final = 0.6
"""A name begins so many steps from the last seat of its row, or where its zone ends near there."""
_NEAR: Final = 1.6
_GAP: Final = 4.0
"""At most so far from the edge of the zone, in the drawing's units."""
_MOST_TOLD: Final = 4
_LEFT_OUT: Final = "io"
"""Letters that many houses leave out, since they look like digits."""


@dataclass(frozen=True, kw_only=True)
class RowEnd:
    """An end of a row: its `name` stands at `at` or beyond, in the direction `away` (of length 1).

    It has `room` in that direction, and `band` across it.
    """

    name: str
    at: Point
    away: Point
    room: float
    band: float

    def placed(self, across: float, down: float) -> Box | None:
        """The box for a name of that width and height; None where there is no room for it."""
        along = abs(self.away[0]) * across + abs(self.away[1]) * down
        aside = abs(self.away[1]) * across + abs(self.away[0]) * down
        if along > self.room or aside > self.band:
            return None
        x, y = (place + part * along / 2 for place, part in zip(self.at, self.away, strict=True))
        return Box(x - across / 2, y - down / 2, x + across / 2, y + down / 2)


RowEnds: TypeAlias = Mapping[int, Sequence[RowEnd]]
"""By number of the zone."""


def row_ends_of(drawing: Drawing) -> RowEnds:
    """The ends of named rows that have any room."""
    if drawing.seat_count > MOST_SEATS:
        return {}
    hall = _Hall(drawing)
    found = {}
    for zone in drawing.zones:
        ends = tuple(hall.ends_of(zone))
        if ends and _is_most(
            (end.name for end in ends), filter(None, map(short_name, zone.row_names))
        ):
            found[zone.number] = ends
    return found


@dataclass(frozen=True)
class Written:
    """The name of a row where it stands: the number of its zone, its end, and the box it takes."""

    zone: int
    end: RowEnd
    box: Box


def written(
    ends: RowEnds, sizes: Sequence[float], taken: Sequence[Box], *, scale: float = 1.0
) -> tuple[float, list[Written]]:
    """The names that have room, in the largest of the sizes at which most of them have.

    All in the drawing's units but `sizes`, which are `scale` times as large. A name that would meet
    a box of `taken` or another name is left out, and so are those of a zone that has only a few.
    """

    def fitting(size: float) -> list[Written]:
        return [
            Written(number, end, box)
            for number, its in ends.items()
            for end in its
            if (box := end.placed(width_of(end.name, size / scale), _HEIGHT * size / scale))
        ]

    fits = {size: fitting(size) for size in sizes}
    enough = _MOST * max(map(len, fits.values()), default=0)
    size = next((size for size, found in fits.items() if len(found) >= enough), 0.0)
    kept: list[Written] = []
    for each in fits.get(size, ()):
        if not any(_meet(each.box, other) for other in (*taken, *(one.box for one in kept))):
            kept.append(each)
    named: dict[int, set[str]] = {}
    for each in kept:
        named.setdefault(each.zone, set()).add(each.end.name)
    are_enough = {n for n, names in named.items() if _is_most(names, (e.name for e in ends[n]))}
    return size, [each for each in kept if each.zone in are_enough]


def _is_most(names: Iterable[str], of: Iterable[str]) -> bool:
    """Whether few enough names are missing: one or two of thirty are noise."""
    return len(set(names)) >= _ENOUGH * len(set(of))


def short_name(name: str) -> str:
    """The name of a row as it stands at its ends: "12" of "Row 12"; "" of one that is too long."""
    whole = clean_line(name, 80)
    last = whole.rpartition(" ")[2]
    if last != whole and (len(last) <= _LETTERS or last.isdecimal()):
        return last
    return whole if len(whole) <= _LONGEST else ""


def told_rows(names: Iterable[str]) -> str:
    """Names of rows in few words: "A to M, AA"; "" where there are none."""
    distinct = list(dict.fromkeys(name for name in map(short_name, names) if name))
    orders = row_orders(tuple(distinct))
    keys = dict(zip(distinct, orders[0], strict=True)) if orders else {}
    known = sorted((key, name) for name in distinct if (key := keys.get(name)) is not None)
    parts: list[list[str]] = []
    before: tuple[int, ...] | None = None
    for key, name in known:
        if before is not None and _follows(before, key):
            parts[-1].append(name)
        else:
            parts.append([name])
        before = key
    parts += [[name] for name in distinct if keys.get(name) is None]
    # A series counts for more than what stands alone.
    parts.sort(key=len, reverse=True)
    told = [
        f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(part)
        for part in parts[:_MOST_TOLD]
    ]
    rest = sum(map(len, parts[_MOST_TOLD:]))
    return ", ".join((*told, *([f"{rest} more"] if rest else [])))


def _follows(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether a row is the next one after another."""
    if one[:-1] != other[:-1]:
        return False
    # Numbers are a key by themselves; letters have their length before them.
    between = range(one[-1] + 1, other[-1])
    return not between or (len(one) > 1 and all(chr(n).lower() in _LEFT_OUT for n in between))


class _Hall:
    """The seats and areas of a drawing, to find what lies beside the end of a row."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._areas = [
            (zone.number, outline, box_of(outline))
            for zone in drawing.zones
            for outline in zone.outlines
        ]
        rows = [row for zone in drawing.zones for row in zone.rows]
        steps = [dist(row[0], row[1]) for row in rows if len(row) > 1]
        self._cell = max(median(steps) * 2 if steps else 0.0, 1.0)
        self._net: dict[tuple[int, int], list[Point]] = {}
        for row in rows:
            for seat in row:
                self._net.setdefault(self._place(seat), []).append(seat)

    def ends_of(self, zone: DrawnZone) -> Iterator[RowEnd]:
        """The ends of its named rows."""
        whole: dict[str, list[Point]] = {}
        for name, seats in zip(zone.row_names, zone.rows, strict=False):
            if short := short_name(name):
                whole.setdefault(short, []).extend(seats)
        for name, together in whole.items():
            lines = lines_in(together)
            # A table, or a floor that is called a row, has no ends at which to stand.
            if len(lines) > 2 or any(isinstance(line, Ring) for line in lines):
                continue
            for line in lines:
                if len(line) > 1:
                    yield from self._both_ends(name, line, zone)

    def _both_ends(self, name: str, line: Line, zone: DrawnZone) -> Iterator[RowEnd]:
        own = frozenset(line)
        for seat, next_one in ((line[0], line[1]), (line[-1], line[-2])):
            step = dist(seat, next_one)
            if step > 0:
                away = (seat[0] - next_one[0]) / step, (seat[1] - next_one[1]) / step
                end = self._end(name, seat, away, step, own, zone)
                if end is not None:
                    yield end

    def _end(
        self,
        name: str,
        seat: Point,
        away: Point,
        step: float,
        own: frozenset[Point],
        zone: DrawnZone,
    ) -> RowEnd | None:
        near = [other for other in self._around(seat, _REACH * step) if other not in own]
        beside = [_beside(seat, away, other) for other in near]
        # The rows before and behind: as far aside as they are, a name may reach.
        rows = [abs(aside) for along, aside in beside if abs(along) <= _NEAR * step]
        band = min((aside for aside in rows if aside > step / 4), default=2 * step)
        reach = min(_REACH * step, self._rim(seat, away))
        for along, aside in beside:
            if along > 0 and abs(aside) < 0.9 * band:
                # The row across an aisle has as much right to it.
                reach = min(reach, along / 2)
        begins = self._begins(seat, away, step, zone)
        ends = self._free_until(seat, away, begins, reach, band, zone)
        if ends <= begins:
            return None
        at = seat[0] + away[0] * begins, seat[1] + away[1] * begins
        return RowEnd(name=name, at=at, away=away, room=ends - begins, band=band)

    def _begins(self, seat: Point, away: Point, step: float, zone: DrawnZone) -> float:
        """How far from the seat its name may begin: where its own zone ends, if that is near."""
        inside = _BESIDE * step
        ways = (_way_out(outline, seat, away) for outline in zone.outlines)
        leaves = next((way for way in ways if way is not None), None)
        if leaves is None or leaves > _NEAR * step:
            return inside
        return leaves + min(0.15 * step, _GAP)

    def _free_until(
        self, seat: Point, away: Point, begins: float, reach: float, band: float, zone: DrawnZone
    ) -> float:
        """How far it is free of other zones."""
        (x, y), (dx, dy) = seat, away
        far = Box(
            min(x, x + dx * reach) - band,
            min(y, y + dy * reach) - band,
            max(x, x + dx * reach) + band,
            max(y, y + dy * reach) + band,
        )
        others = [
            outline
            for number, outline, box in self._areas
            if number != zone.number and box is not None and _meet(box, far)
        ]
        if not others:
            return reach
        stride, at = band / 2, begins
        while at < reach:
            sides = (
                (x + dx * at - dy * aside, y + dy * at + dx * aside)
                for aside in (-band / 2, 0.0, band / 2)
            )
            if any(contains(outline, side) for side in sides for outline in others):
                return at - stride
            at += stride
        return reach

    def _rim(self, seat: Point, away: Point) -> float:
        """How far it is to the edge of the drawing."""
        ways = [float("inf")]
        for place, part, most in zip(
            seat, away, (self._drawing.width, self._drawing.height), strict=True
        ):
            if abs(part) > 1e-9:
                ways.append(((most if part > 0 else 0.0) - place) / part)
        return min(ways)

    def _around(self, point: Point, reach: float) -> Iterator[Point]:
        column, line = self._place(point)
        cells = int(reach / self._cell) + 1
        for c in range(column - cells, column + cells + 1):
            for d in range(line - cells, line + cells + 1):
                yield from self._net.get((c, d), ())

    def _place(self, point: Point) -> tuple[int, int]:
        return floor(point[0] / self._cell), floor(point[1] / self._cell)


def _beside(seat: Point, away: Point, other: Point) -> Point:
    """Where another seat is, seen from the end of a row: how far along, how far aside."""
    x, y = other[0] - seat[0], other[1] - seat[1]
    return x * away[0] + y * away[1], y * away[0] - x * away[1]


def _way_out(outline: Sequence[Point], seat: Point, away: Point) -> float | None:
    """How far it is from a seat out of an outline; None where it lies outside."""
    # Turned so that the way is along the x axis.
    turned = [_beside(seat, away, corner) for corner in outline]
    inside = [right for left, right in spans(turned, 0.0) if left <= 0.0 < right]
    return inside[0] if inside else None


def _meet(one: Box, other: Box) -> bool:
    across = one.left <= other.right and other.left <= one.right
    return across and one.top <= other.bottom and other.top <= one.bottom
