"""The seat map as a drawing: every zone has an outline, whatever the issuer told of its shape.

A zone is drawn by its polygon, else around its seats, else in a schematic place of our own, beside
what is drawn. The API's units are arbitrary; the drawing's longer side is always 1000.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import Final

from korus_mcp.api.models.base import ApiModel
from korus_mcp.api.models.seat_map import Row, SeatMap, Zone
from korus_mcp.seating import schematic
from korus_mcp.seating.focus import Stand, focus_of
from korus_mcp.seating.geometry import (
    Box,
    area,
    box_of,
    hull,
    label_place,
    padded,
)
from korus_mcp.seating.geometry import Point as Point
from korus_mcp.seating.names import CategoryNames, zone_name
from korus_mcp.untrusted import clean_line

SIDE: Final = 1000.0
MARGIN: Final = 20.0
_FARTHEST: Final = 1e9
"""Nobody draws in larger units; a place farther out is not one."""
_SMALLEST: Final = 1e-9
_LEAST_AREA: Final = 9.0
"""Square drawing units; what is smaller is drawn as a mark of that size."""
_LEAST_PAD: Final = 3.0
_MOST_PAD: Final = 14.0
_STEP: Final = 0.5
"""Corners of an outline nearer than this to the one before are left out."""
_OUTLINE_POINTS: Final = 8_000
"""Of all outlines together, so that a hostile map stays drawable."""
_CORNERS: Final = 120
_UNKNOWN_LIMIT: Final = 20
_FIELD_LIMIT: Final = 40
_SCHEMATIC_HEIGHT: Final = 700.0
_TALL: Final = 140.0
_LOW: Final = 80.0
_BESIDE: Final = 30.0
_STAGE: Final = 20.0
_COLOR: Final = re.compile("#?([0-9a-f]{6}|[0-9a-f]{3})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DrawnZone:
    """One zone as it is drawn, in drawing units (0..width, 0..height, `y` downwards).

    `number` is its place in the API's list. `outline` has at least three points, and `label_at` is
    inside. `rows` are the seats by row, empty for standing or unnumbered places and where seats
    have no coordinates. `is_schematic`: its place is ours, not the issuer's.
    """

    number: int
    name: str
    category: str | None
    outline: tuple[Point, ...]
    rows: tuple[tuple[Point, ...], ...]
    label_at: Point
    capacity: int | None
    is_schematic: bool = False


@dataclass(frozen=True, kw_only=True)
class DrawnCategory:
    """A seating category; `color` is the issuer's, as #rrggbb, or None when it gave no such."""

    name: str
    color: str | None


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A seat map that can be drawn. The longer of `width` and `height` is 1000.

    `focus` is the stage or pitch, when the geometry tells where it is. `is_schematic`: no zone has
    geometry, all places are ours. `unknown` names fields of the map that nobody here can read.
    """

    width: float
    height: float
    zones: tuple[DrawnZone, ...]
    categories: tuple[DrawnCategory, ...]
    focus: Point | None
    is_schematic: bool
    unknown: tuple[str, ...]


def drawing_of(seat_map: SeatMap, option_values: Mapping[str, str] | None = None) -> Drawing:
    """Draw a seat map.

    `option_values` maps ids of option values to their names: categories are called by them, as in
    the table of zones.
    """
    names = CategoryNames(seat_map, option_values or {})
    told, working = _told(seat_map)
    focus = focus_of([_stand(seat_map.zones[n], shape) for n, shape in told.items()])
    missing = [n for n in range(len(seat_map.zones)) if n not in told]
    ours = _placed_by_us(_by_category(seat_map, names, missing), told.values(), focus)
    shapes = [told.get(n) or ours[n] for n in range(len(seat_map.zones))]
    fit = _fit_of(shapes, focus)
    seats_fit = working.then(fit)
    return Drawing(
        width=fit.width,
        height=fit.height,
        zones=tuple(
            _drawn(n, zone, names.of(zone), shape, fit, seats_fit)
            for n, (zone, shape) in enumerate(zip(seat_map.zones, shapes, strict=True))
        ),
        categories=_categories(seat_map, names),
        focus=fit.place(focus) if focus else None,
        is_schematic=not told,
        unknown=_unknown(seat_map),
    )


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """A zone in working units: some 1000 across, anywhere. `box` holds outline and seats.

    Rows are left in the issuer's units: there may be very many seats, and they are moved once.
    """

    outline: tuple[Point, ...]
    label_at: Point
    box: Box
    rows: tuple[tuple[Point, ...], ...] = ()
    row_names: tuple[str, ...] = ()
    is_schematic: bool = False


@dataclass(frozen=True, kw_only=True)
class _Raw:
    """The geometry of a zone in the issuer's units: a polygon, seats, or both."""

    polygon: tuple[Point, ...]
    rows: tuple[tuple[Point, ...], ...]
    row_names: tuple[str, ...]
    box: Box


@dataclass(frozen=True)
class _Fit:
    """What brings points from one system of units into another."""

    scale: float
    left: float
    top: float
    width: float = SIDE
    height: float = SIDE

    def place(self, point: Point) -> Point:
        """One point."""
        return self.places((point,))[0]

    def places(self, points: Iterable[Point]) -> tuple[Point, ...]:
        """Many points."""
        scale, left, top = self.scale, self.left, self.top
        return tuple([((x - left) * scale, (y - top) * scale) for x, y in points])

    def then(self, other: "_Fit") -> "_Fit":
        """This fit and another one after it, as one."""
        return _Fit(
            self.scale * other.scale,
            self.left + other.left / self.scale,
            self.top + other.top / self.scale,
            other.width,
            other.height,
        )

    def box(self, box: Box) -> Box:
        """A box."""
        (left, top), (right, bottom) = self.places(((box.left, box.top), (box.right, box.bottom)))
        return Box(left, top, right, bottom)


def _told(seat_map: SeatMap) -> tuple[dict[int, _Shape], _Fit]:
    """The shapes the issuer told of, by number of the zone, and what made working units."""
    raws = {n: raw for n, zone in enumerate(seat_map.zones) if (raw := _raw(zone))}
    around = box_of(_diagonals(raw.box for raw in raws.values()))
    if around is None or around.longer < _SMALLEST:
        return {}, _Fit(1.0, 0.0, 0.0)
    fit = _Fit(SIDE / around.longer, around.left, around.top)
    corners = max(8, min(_CORNERS, _OUTLINE_POINTS // len(raws)))
    return {n: _shape(raw, fit, corners) for n, raw in raws.items()}, fit


def _raw(zone: Zone) -> _Raw | None:
    """What a zone tells of its shape; None when that is no area and no seats."""
    rows = [(row.name or "", _seats(row)) for row in zone.rows or ()]
    rows = [(name, seats) for name, seats in rows if seats]
    polygon = _polygon(zone)
    seats = [seat for _, row in rows for seat in row]
    if len(seats) > 1 and len(set(seats)) == 1:
        rows, seats = [], []
    around = box_of([*polygon, *seats])
    if around is None:
        return None
    return _Raw(
        polygon=polygon,
        rows=tuple(row for _, row in rows),
        row_names=tuple(name for name, _ in rows),
        box=around,
    )


def _polygon(zone: Zone) -> tuple[Point, ...]:
    """The polygon of a zone when it encloses something, else none."""
    points = zone.polygon or ()
    if any(max(abs(x), abs(y)) > _FARTHEST for x, y in points):
        return ()
    around, outer = box_of(points), hull(points)
    if around is None or area(outer) <= around.longer**2 * _SMALLEST:
        return ()
    return points


def _seats(row: Row) -> tuple[Point, ...]:
    return tuple(
        [
            (seat.x, seat.y)
            for seat in row.seats
            if seat.x is not None
            and seat.y is not None
            and -_FARTHEST <= seat.x <= _FARTHEST
            and -_FARTHEST <= seat.y <= _FARTHEST
        ]
    )


def _shape(raw: _Raw, fit: _Fit, corners: int) -> _Shape:
    """The shape in working units; its outline is wide enough to be seen, and has an inside."""
    outline = _thinned(fit.places(raw.polygon), corners)
    place = label_place(outline) if area(hull(outline)) > _LEAST_AREA else None
    if place is None:
        seats = fit.places(hull(seat for row in raw.rows for seat in row))
        pad = _pad(raw.rows, fit.scale) if seats else _LEAST_PAD
        outline = _thinned(padded(seats or outline, pad), corners)
        place = label_place(outline) or outline[0]
    around = box_of([*outline, *fit.box(raw.box).corners])
    return _Shape(
        outline=outline,
        label_at=place,
        box=around or fit.box(raw.box),
        rows=raw.rows,
        row_names=raw.row_names,
    )


def _pad(rows: Sequence[Sequence[Point]], scale: float) -> float:
    """How far around its seats a zone reaches: half the way from seat to seat."""
    longest = max(rows, key=len)
    steps = sorted(hypot(x1 - x0, y1 - y0) for (x0, y0), (x1, y1) in pairwise(longest))
    usual = steps[len(steps) // 2] * scale if steps else _MOST_PAD
    return min(_MOST_PAD, max(_LEAST_PAD, usual / 2))


def _thinned(outline: tuple[Point, ...], corners: int) -> tuple[Point, ...]:
    """An outline without corners nobody could tell apart, and not more than so many."""
    kept: list[Point] = []
    for x, y in outline:
        if not kept or hypot(x - kept[-1][0], y - kept[-1][1]) >= _STEP:
            kept.append((x, y))
    if len(kept) < 3:
        return outline[:corners]
    return tuple(kept[:: -(-len(kept) // corners)])


def _stand(zone: Zone, shape: _Shape) -> Stand:
    return Stand(
        name=zone.name or "",
        outline=shape.outline,
        middle=shape.label_at,
        rows=shape.rows,
        row_names=shape.row_names,
        is_sold=bool(zone.rows or zone.capacity or zone.seating_category or zone.option_value),
    )


def _by_category(
    seat_map: SeatMap, names: CategoryNames, numbers: Iterable[int]
) -> list[list[int]]:
    """Numbers of zones grouped by category, in the order of the categories; others come last."""
    groups: dict[str | None, list[int]] = {name: [] for name in names.in_order}
    rest = groups.pop(None, [])
    for number in numbers:
        groups.get(names.of(seat_map.zones[number]), rest).append(number)
    return [group for group in (*groups.values(), rest) if group]


def _placed_by_us(
    groups: Sequence[Sequence[int]], told: Iterable[_Shape], focus: Point | None
) -> dict[int, _Shape]:
    """Schematic shapes below what is drawn, or beside it where that is higher than wide."""
    drawn = box_of(_extent(told, focus))
    if drawn is None:
        room, tallest = Box(0.0, 0.0, SIDE, _SCHEMATIC_HEIGHT), _TALL
    elif drawn.height > drawn.width:
        left = drawn.right + _BESIDE
        room, tallest = Box(left, drawn.top, left + SIDE / 2, drawn.bottom), _LOW
    else:
        top = drawn.bottom + _BESIDE
        room, tallest = Box(drawn.left, top, drawn.right, top + SIDE / 3), _LOW
    boxes = schematic.boxes_of(groups, room.width, room.height, tallest=tallest)
    return {n: _box_shape(box.moved(room.left, room.top)) for n, box in boxes.items()}


def _box_shape(box: Box) -> _Shape:
    return _Shape(outline=box.corners, label_at=box.middle, box=box, is_schematic=True)


def _fit_of(shapes: Iterable[_Shape], focus: Point | None) -> _Fit:
    """Working units into the drawing, with a margin around."""
    around = box_of(_extent(shapes, focus))
    if around is None:
        return _Fit(1.0, 0.0, 0.0, SIDE, SIDE / 4)
    scale, is_wide = (SIDE - 2 * MARGIN) / around.longer, around.width >= around.height
    return _Fit(
        scale,
        around.left - MARGIN / scale,
        around.top - MARGIN / scale,
        SIDE if is_wide else around.width * scale + 2 * MARGIN,
        around.height * scale + 2 * MARGIN if is_wide else SIDE,
    )


def _drawn(
    number: int, zone: Zone, category: str | None, shape: _Shape, fit: _Fit, seats_fit: _Fit
) -> DrawnZone:
    return DrawnZone(
        number=number,
        name=zone_name(zone),
        category=category,
        outline=fit.places(shape.outline),
        rows=tuple(seats_fit.places(row) for row in shape.rows),
        label_at=fit.place(shape.label_at),
        capacity=zone.capacity,
        is_schematic=shape.is_schematic,
    )


def _categories(seat_map: SeatMap, names: CategoryNames) -> tuple[DrawnCategory, ...]:
    """Categories that have a name, each once, with the first colour given for it."""
    colors: dict[str, str | None] = {}
    for category, name in zip(seat_map.seating_categories, names.in_order, strict=True):
        if name:
            colors[name] = colors.get(name) or _color(category.color)
    return tuple(DrawnCategory(name=name, color=color) for name, color in colors.items())


def _color(text: str | None) -> str | None:
    found = _COLOR.fullmatch((text or "").strip())
    if found is None:
        return None
    digits = found[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def _unknown(seat_map: SeatMap) -> tuple[str, ...]:
    """Fields nobody here knows or could read, by the part they are in: "zone.gate"."""
    found: dict[str, None] = {}
    for part, model in _parts(seat_map):
        for field in (*(model.model_extra or ()), *model.unread):
            if not field.startswith("@") and field != "id":
                found.setdefault(f"{part}.{clean_line(field, _FIELD_LIMIT)}")
    return tuple(found)[:_UNKNOWN_LIMIT]


def _parts(seat_map: SeatMap) -> Iterator[tuple[str, ApiModel]]:
    """All parts of a map; of the seats those that are not just a name and a place."""
    yield "seat_map", seat_map
    yield from (("seating_category", category) for category in seat_map.seating_categories)
    for zone in seat_map.zones:
        yield "zone", zone
        for row in zone.rows or ():
            yield "row", row
            for seat in row.seats:
                if seat.model_extra or seat.x is None or seat.y is None or seat.name is None:
                    yield "seat", seat


def _extent(shapes: Iterable[_Shape], focus: Point | None) -> Iterator[Point]:
    """Corners of all that is drawn, with room to draw the stage."""
    yield from _diagonals(shape.box for shape in shapes)
    if focus:
        yield focus[0] - _STAGE, focus[1] - _STAGE
        yield focus[0] + _STAGE, focus[1] + _STAGE


def _diagonals(boxes: Iterable[Box]) -> Iterator[Point]:
    for box in boxes:
        yield box.left, box.top
        yield box.right, box.bottom
