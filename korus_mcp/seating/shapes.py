"""Makes outlines of zones from what the issuer gives: polygons, seats, or both.

The API's units are arbitrary. They are converted into working units, in which the whole map is 1000
across. A zone that would be too small to see, or encloses nothing, gets a visible outline.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from math import dist
from typing import Final

from korus_mcp.api.models.seat_map import PlainSeats, Row, Zone
from korus_mcp.seating.blocks import LEAST_PAD, Run, Seated, outlines_in
from korus_mcp.seating.geometry import (
    Box,
    Places,
    Point,
    area,
    box_around,
    box_of,
    hull,
    label_place,
    padded,
)
from korus_mcp.seating.levels import Footprint, Level, levels_in
from korus_mcp.seating.lines import Line, Lines, lines_in
from korus_mcp.seating.looks import Look, looks_in
from korus_mcp.seating.strays import stray_places

SIDE: Final = 1000.0
_FARTHEST: Final = 1e9
"""A seat, or a whole polygon, with a coordinate beyond this is ignored as a mistake."""
_SMALLEST: Final = 1e-9
_LEAST_AREA: Final = 9.0
"""In square working units; of a smaller zone its seats are drawn, or a mark in its place."""
_AISLE: Final = 2.5
"""A gap of so many steps is an aisle at which a block may end; a missing seat is less."""
_MANY_SEATS: Final = 8_000
"""Of a map with more seats some of each row tell where the blocks of its zones are."""
_BENDS: Final = 24
_STEP: Final = 0.5
"""A corner nearer than this to the one before it is left out."""
_CORNERS: Final = 120
_OUTLINE_POINTS: Final = 8_000
"""The most points of all outlines together, so that even a hostile map can be drawn."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The shape of a zone in working units. `box` is around outlines and seats.

    `outlines` are those of its blocks, the largest first. Rows stay in the issuer's units: there
    may be very many seats, which are converted only once. So do `looks`, where its seats look.
    `shift` is how far it was moved from there, in the issuer's units, to stand beside other levels.
    `step` is how far neighbours usually are from each other.
    """

    outlines: tuple[tuple[Point, ...], ...]
    label_at: Point
    box: Box
    rows: tuple[Places, ...] = ()
    row_names: tuple[str, ...] = ()
    looks: tuple[Look, ...] = ()
    longest_run: int | None = None
    step: float = 0.0
    is_schematic: bool = False
    shift: Point = (0.0, 0.0)

    @property
    def area(self) -> float:
        """The area of all blocks."""
        return sum(map(area, self.outlines))

    @property
    def corners(self) -> Iterator[Point]:
        """The corners of all outlines."""
        return chain.from_iterable(self.outlines)


@dataclass(frozen=True)
class Fit:
    """A conversion of points from one system of units into another."""

    scale: float
    left: float
    top: float
    width: float = SIDE
    height: float = SIDE

    def place(self, point: Point) -> Point:
        """A point in the other units."""
        return self.places((point,))[0]

    def places(self, points: Iterable[Point]) -> tuple[Point, ...]:
        """Points in the other units."""
        scale, left, top = self.scale, self.left, self.top
        return tuple([((x - left) * scale, (y - top) * scale) for x, y in points])

    def moved(self, places: Places) -> Places:
        """Many places in the other units."""
        return places.moved(self.left, self.top, self.scale)

    def shifted(self, by: Point) -> "Fit":
        """This conversion of points that were moved before."""
        return replace(self, left=self.left - by[0], top=self.top - by[1])

    def then(self, other: "Fit") -> "Fit":
        """This conversion followed by another one, as one."""
        return Fit(
            self.scale * other.scale,
            self.left + other.left / self.scale,
            self.top + other.top / self.scale,
            other.width,
            other.height,
        )

    def box(self, box: Box) -> Box:
        """A box in the other units."""
        (left, top), (right, bottom) = self.places(((box.left, box.top), (box.right, box.bottom)))
        return Box(left, top, right, bottom)


@dataclass(frozen=True, kw_only=True)
class _Raw:
    """The geometry of a zone in the issuer's units: a polygon, seats, or both."""

    polygon: tuple[Point, ...]
    rows: tuple[Places, ...]
    row_names: tuple[str, ...]
    box: Box


@dataclass(frozen=True)
class _Read:
    """What the seats of a zone tell: who sits side by side, where they look, where they are."""

    longest_run: int | None
    looks: tuple[Look, ...]
    seated: Seated


@dataclass(frozen=True)
class Given:
    """The shapes the issuer gave, by zone number, and the conversion into working units.

    `strays` is how many seats were left out of them, since they lie far from all the others.
    `levels` are the decks or floors; () if there is one only.
    """

    shapes: Mapping[int, Shape]
    working: Fit
    strays: int = 0
    levels: tuple[Level, ...] = ()


def given_shapes(zones: Sequence[Zone]) -> Given:
    """The shapes that the issuer gave; levels at the same place are moved beside each other."""
    raws = {n: raw for n, zone in enumerate(zones) if (raw := _raw(zone))}
    strays = stray_places(
        [row for raw in raws.values() for row in raw.rows],
        [corner for raw in raws.values() for corner in raw.polygon],
    )
    left_out = 0
    if strays:
        kept = {n: _without(raw, strays) for n, raw in raws.items()}
        left_out = sum(len(row) for raw in raws.values() for row in raw.rows)
        raws = {n: raw for n, raw in kept.items() if raw is not None}
        left_out -= sum(len(row) for raw in raws.values() for row in raw.rows)
    levels = levels_in(
        {
            n: Footprint(name=zones[n].name or "", rows=raw.rows, polygon=raw.polygon, box=raw.box)
            for n, raw in raws.items()
        }
    )
    shifts = {n: level.shift for level in levels for n in level.zones}
    around = box_around(raw.box.moved(*shifts.get(n, (0.0, 0.0))) for n, raw in raws.items())
    if around is None or around.longer < _SMALLEST:
        return Given({}, Fit(1.0, 0.0, 0.0))
    whole = Fit(SIDE / around.longer, around.left, around.top)
    fits = {n: whole.shifted(shifts.get(n, (0.0, 0.0))) for n in raws}
    are_many = sum(len(row) for raw in raws.values() for row in raw.rows) > _MANY_SEATS
    read = {n: _read(raw, fits[n], are_many=are_many) for n, raw in raws.items() if raw.rows}
    blocks = dict(outlines_in({n: each.seated for n, each in read.items()}))
    # Corners are divided among the zones, with enough for each to be a shape.
    corners = max(8, min(_CORNERS, _OUTLINE_POINTS // len(raws)))
    shapes = {
        n: replace(
            _shape(raw, fits[n], corners, read.get(n), blocks.get(n, [])),
            shift=shifts.get(n, (0.0, 0.0)),
        )
        for n, raw in raws.items()
    }
    return Given(shapes, whole, left_out, levels)


def _raw(zone: Zone) -> _Raw | None:
    """The geometry of a zone as given; None if it has neither area nor seats."""
    rows = [(row.name or "", _seats(row)) for row in zone.rows or ()]
    rows = [(name, seats) for name, seats in rows if seats]
    # Seats that are all at one point, mostly at 0, 0, have no real places.
    around = box_around(row.box for _, row in rows)
    is_one_place = around is not None and around.longer <= 0
    if is_one_place and sum(len(row) for _, row in rows) > 1:
        rows = []
    return _raw_of(_polygon(zone), rows)


def _without(raw: _Raw, strays: AbstractSet[Point]) -> _Raw | None:
    """The geometry of a zone without some seats."""
    rows = [
        (name, Places.of(seat for seat in row if seat not in strays))
        for name, row in zip(raw.row_names, raw.rows, strict=True)
    ]
    return _raw_of(raw.polygon, [(name, row) for name, row in rows if row])


def _raw_of(polygon: tuple[Point, ...], rows: Sequence[tuple[str, Places]]) -> _Raw | None:
    outline = box_of(polygon)
    around = box_around([*([outline] if outline else []), *(row.box for _, row in rows)])
    if around is None:
        return None
    return _Raw(
        polygon=polygon,
        rows=tuple(row for _, row in rows),
        row_names=tuple(name for name, _ in rows),
        box=around,
    )


def _polygon(zone: Zone) -> tuple[Point, ...]:
    """The polygon of a zone; () if it encloses nothing."""
    points = zone.polygon or ()
    if any(max(abs(x), abs(y)) > _FARTHEST for x, y in points):
        return ()
    around, outer = box_of(points), hull(points)
    # The hull is measured: in an outline that crosses itself, areas may cancel each other.
    if around is None or area(outer) <= around.longer**2 * _SMALLEST:
        return ()
    return points


def _seats(row: Row) -> Places:
    if isinstance(row.seats, PlainSeats):
        plain = Places(row.seats.xs, row.seats.ys)
        around = plain.box
        farthest = max(map(abs, (around.left, around.top, around.right, around.bottom)))
        if farthest <= _FARTHEST:
            return plain
    placed = [(seat.x, seat.y) for seat in row.seats if seat.x is not None and seat.y is not None]
    return Places.of((x, y) for x, y in placed if abs(x) <= _FARTHEST and abs(y) <= _FARTHEST)


def _read(raw: _Raw, fit: Fit, *, are_many: bool) -> _Read:
    """Read the rows of a zone, of which each may be listed in parts."""
    listed = [lines_in(row) for row in raw.rows]
    named: dict[str, list[int]] = {}
    for n, name in enumerate(raw.row_names):
        named.setdefault(name or f"\0{n}", []).append(n)
    lines: list[Line] = []
    for parts in named.values():
        if len(parts) == 1:
            lines += listed[parts[0]]
        else:
            lines += lines_in([seat for n in parts for seat in raw.rows[n]])
    measured = Lines.of(lines)
    parts_of = measured.parts(_AISLE)
    runs = [Run(row, fit.places(_some(part) if are_many else part)) for row, part in parts_of]
    return _Read(
        longest_run=measured.longest_run,
        looks=tuple(looks_in(listed, raw.row_names)),
        seated=Seated(tuple(runs), measured.step * fit.scale),
    )


def _some(line: Line) -> Line:
    """Some seats of a line with both its ends: the more, the more it is bent."""
    last = len(line) - 1
    if last < 3:
        return line
    (x0, y0), (x, y), (x1, y1) = line[0], line[last // 2], line[-1]
    bend = dist((x, y), (x0 + (x1 - x0) / 2, y0 + (y1 - y0) / 2))
    kept = min(last, 2 + int(_BENDS * bend / (dist(line[0], line[-1]) or 1.0)))
    return tuple([line[last * n // kept] for n in range(kept + 1)])


def _shape(
    raw: _Raw, fit: Fit, corners: int, read: _Read | None, blocks: Sequence[tuple[Point, ...]]
) -> Shape:
    """The shape in working units, with outlines that are large enough to see."""
    outlines: Sequence[tuple[Point, ...]] = (_thinned(fit.places(raw.polygon), corners),)
    # A sliver, or an outline that encloses nothing, could not be pointed at.
    place = label_place(outlines[0]) if area(hull(outlines[0])) > _LEAST_AREA else None
    if place is None:
        # Without a visible outline the zone is drawn around its seats, else as a mark.
        outlines = blocks or (padded(outlines[0], LEAST_PAD),)
        outlines = [_thinned(each, corners) for each in outlines]
        place = label_place(outlines[0]) or outlines[0][0]
    around = box_of([*chain.from_iterable(outlines), *fit.box(raw.box).corners])
    return Shape(
        outlines=tuple(outlines),
        label_at=place,
        box=around or fit.box(raw.box),
        rows=raw.rows,
        row_names=raw.row_names,
        looks=read.looks if read else (),
        longest_run=read.longest_run if read else None,
        step=read.seated.step if read else 0.0,
    )


def _thinned(outline: tuple[Point, ...], corners: int) -> tuple[Point, ...]:
    """An outline without corners that are very close together, with at most `corners` of them."""
    kept: list[Point] = []
    for corner in outline:
        if not kept or dist(corner, kept[-1]) >= _STEP:
            kept.append(corner)
    while len(kept) > 3 and dist(kept[0], kept[-1]) < _STEP:
        kept.pop()
    if len(kept) < 3:
        return outline[:corners]
    return tuple(kept[:: -(-len(kept) // corners)])


def diagonals(boxes: Iterable[Box]) -> Iterator[Point]:
    """Two opposite corners of each box, which are enough to find the box around all."""
    for box in boxes:
        yield box.left, box.top
        yield box.right, box.bottom
