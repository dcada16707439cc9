"""Makes outlines of zones from what the issuer gives: polygons, seats, or both.

The API's units are arbitrary. They are converted into working units, in which the whole map is 1000
across. A zone that would be too small to see, or encloses nothing, gets a visible outline.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from math import dist
from typing import Final

from korus_mcp.api.models.seat_map import Row, Zone
from korus_mcp.seating.geometry import Box, Point, area, box_of, hull, label_place, padded
from korus_mcp.seating.silhouette import silhouette
from korus_mcp.seating.strays import stray_places

SIDE: Final = 1000.0
_FARTHEST: Final = 1e9
"""A seat, or a whole polygon, with a coordinate beyond this is ignored as a mistake."""
_SMALLEST: Final = 1e-9
_LEAST_AREA: Final = 9.0
"""In square working units; of a smaller zone its seats are drawn, or a mark in its place."""
_LEAST_PAD: Final = 3.0
_MOST_PAD: Final = 14.0
_STEP: Final = 0.5
"""A corner nearer than this to the one before it is left out."""
_CORNERS: Final = 120
_OUTLINE_POINTS: Final = 8_000
"""The most points of all outlines together, so that even a hostile map can be drawn."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The shape of a zone in working units. `box` is around outline and seats.

    Rows stay in the issuer's units: there may be very many seats, which are converted only once.
    """

    outline: tuple[Point, ...]
    label_at: Point
    box: Box
    rows: tuple[tuple[Point, ...], ...] = ()
    row_names: tuple[str, ...] = ()
    is_schematic: bool = False


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
    rows: tuple[tuple[Point, ...], ...]
    row_names: tuple[str, ...]
    box: Box


@dataclass(frozen=True)
class Given:
    """The shapes the issuer gave, by zone number, and the conversion into working units.

    `strays` is how many seats were left out of them, since they lie far from all the others.
    """

    shapes: Mapping[int, Shape]
    working: Fit
    strays: int = 0


def given_shapes(zones: Iterable[Zone]) -> Given:
    """The shapes that the issuer gave."""
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
    around = box_of(diagonals(raw.box for raw in raws.values()))
    if around is None or around.longer < _SMALLEST:
        return Given({}, Fit(1.0, 0.0, 0.0))
    fit = Fit(SIDE / around.longer, around.left, around.top)
    # Corners are divided among the zones, with enough for each to be a shape.
    corners = max(8, min(_CORNERS, _OUTLINE_POINTS // len(raws)))
    return Given({n: _shape(raw, fit, corners) for n, raw in raws.items()}, fit, left_out)


def _raw(zone: Zone) -> _Raw | None:
    """The geometry of a zone as given; None if it has neither area nor seats."""
    rows = [(row.name or "", _seats(row)) for row in zone.rows or ()]
    rows = [(name, seats) for name, seats in rows if seats]
    # Seats that are all at one point, mostly at 0, 0, have no real places.
    places = {seat for _, row in rows for seat in row}
    if len(places) == 1 and sum(len(row) for _, row in rows) > 1:
        rows = []
    return _raw_of(_polygon(zone), rows)


def _without(raw: _Raw, strays: AbstractSet[Point]) -> _Raw | None:
    """The geometry of a zone without some seats."""
    rows = [
        (name, tuple([seat for seat in row if seat not in strays]))
        for name, row in zip(raw.row_names, raw.rows, strict=True)
    ]
    return _raw_of(raw.polygon, [(name, row) for name, row in rows if row])


def _raw_of(
    polygon: tuple[Point, ...], rows: Sequence[tuple[str, tuple[Point, ...]]]
) -> _Raw | None:
    around = box_of([*polygon, *(seat for _, row in rows for seat in row)])
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


def _seats(row: Row) -> tuple[Point, ...]:
    placed = [(seat.x, seat.y) for seat in row.seats if seat.x is not None and seat.y is not None]
    return tuple([(x, y) for x, y in placed if abs(x) <= _FARTHEST and abs(y) <= _FARTHEST])


def _shape(raw: _Raw, fit: Fit, corners: int) -> Shape:
    """The shape in working units, with an outline that is large enough to see."""
    outline = _thinned(fit.places(raw.polygon), corners)
    # A sliver, or an outline that encloses nothing, could not be pointed at.
    place = label_place(outline) if area(hull(outline)) > _LEAST_AREA else None
    if place is None:
        # Without a visible outline the zone is drawn around its seats, else as a mark.
        if raw.rows:
            rows = [fit.places(row) for row in raw.rows]
            outline = silhouette(rows, _pad(raw.rows, fit.scale))
        else:
            outline = padded(outline, _LEAST_PAD)
        outline = _thinned(outline, corners)
        place = label_place(outline) or outline[0]
    around = box_of([*outline, *fit.box(raw.box).corners])
    return Shape(
        outline=outline,
        label_at=place,
        box=around or fit.box(raw.box),
        rows=raw.rows,
        row_names=raw.row_names,
    )


def _pad(rows: Sequence[Sequence[Point]], scale: float) -> float:
    """How far a zone extends around its seats: half the distance between seats."""
    # The median distance in the longest row is the most reliable; aisles do not change it.
    longest = max(rows, key=len)
    steps = sorted(dist(seat, neighbour) for seat, neighbour in pairwise(longest))
    usual = steps[len(steps) // 2] * scale if steps else _MOST_PAD
    return min(_MOST_PAD, max(_LEAST_PAD, usual / 2))


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
