"""Makes a drawing of a seat map, in which every zone has an outline.

A zone has the outline of its polygon, else one around its seats, else a box at a place that we
choose (schematic), beside the others. The API's units are arbitrary; the drawing's longer side is
always 1000.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from korus_mcp.api.models.base import ApiModel
from korus_mcp.api.models.seat_map import LeftOut, PlainSeats, Row, SeatMap
from korus_mcp.foundation.text import clean_line
from korus_mcp.seating import schematic
from korus_mcp.seating.focus import focus_of
from korus_mcp.seating.geometry import Box, Places, box_around, box_of
from korus_mcp.seating.geometry import Point as Point
from korus_mcp.seating.levels import Level
from korus_mcp.seating.names import NAME_LIMIT, CategoryNames, zone_name
from korus_mcp.seating.rooms import Seats, rooms_in
from korus_mcp.seating.shapes import SIDE, Fit, Shape, diagonals, given_shapes
from korus_mcp.seating.stages import is_stage
from korus_mcp.seating.vehicles import says_vehicle

MARGIN: Final = 20.0
_UNKNOWN_LIMIT: Final = 20
_FIELD_LIMIT: Final = 40
# In units of the drawing, whose longer side is 1000: the height of a map with schematic zones only;
# the greatest height of its boxes, and of boxes beside real zones; the gap to those zones; the room
# on each side for the mark of the stage.
_SCHEMATIC_HEIGHT: Final = 700.0
_TALL: Final = 140.0
_LOW: Final = 80.0
_BESIDE: Final = 30.0
_STAGE: Final = 20.0
_TITLE: Final = 28.0
"""From a level to the far side of its name."""
_NARROW: Final = 2.2
"""A room at least so many times as deep as wide is like a coach: what is ahead may be a door."""
_COLOR: Final = re.compile("#?([0-9a-f]{6}|[0-9a-f]{3})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DrawnZone:
    """A zone of a drawing, in drawing units (0..width, 0..height, `y` downwards).

    `number` is its index in the API's list. `outlines` are those of its blocks, the largest first;
    each has at least three points, and `label_at` is inside of the first. `rooms` are boxes in
    which a label hides nothing, from the lowest to the highest. `rows` are the seats by row, and
    `row_names` what each is called, "" without a name; it is empty if seats have no numbers or no
    coordinates. `fit` brings a place in the issuer's units to where it is drawn; None where the
    issuer gave none. `longest_run` is the most seats side by side, None where the map does not
    tell. `is_schematic`: we chose its place, not the issuer.
    `is_stage`: by its name it is what people look at, and the map says nothing that sells it.
    `level` is the place of its deck or floor among those of the drawing.
    """

    number: int
    name: str
    category: str | None
    outlines: tuple[tuple[Point, ...], ...]
    rows: tuple[Places, ...]
    label_at: Point
    capacity: int | None
    longest_run: int | None = None
    rooms: tuple[Box, ...] = ()
    is_schematic: bool = False
    is_stage: bool = False
    level: int = 0
    row_names: tuple[str, ...] = ()
    fit: Fit | None = field(default=None, compare=False)

    @property
    def outline(self) -> tuple[Point, ...]:
        """The outline of its largest block."""
        return self.outlines[0]


@dataclass(frozen=True, kw_only=True)
class DrawnLevel:
    """A deck or floor, drawn beside others that the issuer has at the same place.

    `focus` is where people look there, or None. Its name stands at the middle `at` of its lower
    edge, or `is_above` at that of the upper one, away from the front.
    """

    name: str
    focus: Point | None
    at: Point
    is_above: bool = False


@dataclass(frozen=True, kw_only=True)
class DrawnCategory:
    """A seating category; `color` is the issuer's as #rrggbb, or None."""

    name: str
    color: str | None


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A seat map that can be drawn. The longer of `width` and `height` is 1000.

    `focus` is where people look, if its place can be found; it `has_stage` unless that is no more
    than the front of a vehicle, or of a room as long and narrow as one. `is_schematic`: no zone has
    geometry, so we chose all places. `unknown` names fields of the map that we do not know or
    cannot parse; `left_out` is what was left out of a map larger than any real venue. `strays` are
    seats that are not drawn, since they lie far from all others: nobody ever placed them.
    """

    width: float
    height: float
    zones: tuple[DrawnZone, ...]
    categories: tuple[DrawnCategory, ...]
    focus: Point | None
    is_schematic: bool
    unknown: tuple[str, ...]
    left_out: LeftOut = field(default_factory=LeftOut)
    strays: int = 0
    has_stage: bool = True
    levels: tuple[DrawnLevel, ...] = ()

    @property
    def fronts(self) -> tuple[Point, ...]:
        """Where people look: the stages of the map, else the focus; () where nothing tells it.

        With levels, that of each of them.
        """
        if self.levels:
            return tuple(level.focus for level in self.levels if level.focus)
        stages = tuple(z.label_at for z in self.zones if z.is_stage and not z.is_schematic)
        return stages or ((self.focus,) if self.focus else ())

    def fronts_of(self, zone: DrawnZone) -> tuple[Point, ...]:
        """Where people in a zone look."""
        if not self.levels:
            return self.fronts
        focus = self.levels[zone.level].focus
        return (focus,) if focus else ()

    @cached_property
    def seat_count(self) -> int:
        """How many seats have a place in the drawing."""
        return sum(len(row) for zone in self.zones for row in zone.rows)

    @cached_property
    def row_count(self) -> int:
        """How many rows have seats with a place."""
        return sum(len(zone.rows) for zone in self.zones)


def drawing_of(seat_map: SeatMap, option_values: Mapping[str, str] | None = None) -> Drawing:
    """Make the drawing of a seat map.

    `option_values` maps ids of option values to their names, which are used for categories, as in
    the table of zones.
    """
    names = CategoryNames(seat_map, option_values or {})
    found = given_shapes(seat_map.zones)
    given, working = found.shapes, found.working
    level_of = {n: place for place, level in enumerate(found.levels) for n in level.zones}
    focuses = [
        focus_of([seat_map.zones[n] for n in numbers], [given[n] for n in numbers], working)
        for numbers in ([level.zones for level in found.levels] or [tuple(given)])
    ]
    focus = focuses[0]
    # Schematic places are chosen after the focus was found: they must not cover it, and say nothing
    # about where it is.
    missing = [n for n, z in enumerate(seat_map.zones) if n not in given and not is_stage(z)]
    ours = _placed_by_us(_by_category(seat_map, names, missing), given.values(), focus)
    # A stage without a place is nowhere: drawn anywhere, it would be a front that nobody told.
    nowhere = (
        next(iter((*given.values(), *ours.values())), None) or _placed_by_us([[0]], (), None)[0]
    )
    shapes = [
        given.get(n) or ours.get(n) or replace(nowhere, rows=(), row_names=(), is_schematic=True)
        for n in range(len(seat_map.zones))
    ]
    levels = [
        _level(level, place, [given[n] for n in level.zones], focuses[place])
        for place, level in enumerate(found.levels)
    ]
    fit = _fit_of(shapes, focuses, [level.at for level in levels])
    # Outlines are in working units, seats still in the issuer's, so that each seat is moved once.
    seats_fits = [working.shifted(shape.shift).then(fit) for shape in shapes]
    outlines = [tuple(map(fit.places, shape.outlines)) for shape in shapes]
    fronts = [fit.place(focus) for focus in focuses if focus]
    rows = [
        tuple(map(seats_fit.moved, shape.rows))
        for seats_fit, shape in zip(seats_fits, shapes, strict=True)
    ]
    seats = Seats(rows, [shape.step * fit.scale for shape in shapes])
    is_painted = any(is_stage(seat_map.zones[n]) for n in given)
    areas = [outlines[n] if n in given or n in ours else () for n in range(len(outlines))]
    rooms = rooms_in(areas, () if is_painted else list(map(_mark_of, fronts)), seats)
    return Drawing(
        width=fit.width,
        height=fit.height,
        zones=tuple(
            DrawnZone(
                number=n,
                name=zone_name(zone),
                category=names.of(zone),
                outlines=outlines[n],
                rooms=rooms[n],
                rows=rows[n],
                label_at=fit.place(shape.label_at),
                capacity=zone.capacity,
                longest_run=_longest_run(shape, zone.rows or ()),
                is_schematic=shape.is_schematic,
                is_stage=is_stage(zone),
                level=level_of.get(n, 0),
                row_names=shape.row_names,
                fit=seats_fits[n] if shape.rows else None,
            )
            for n, (zone, shape) in enumerate(zip(seat_map.zones, shapes, strict=True))
        ),
        categories=_categories(seat_map, names),
        focus=fit.place(focus) if focus else None,
        is_schematic=not given,
        unknown=unknown_fields(seat_map),
        left_out=seat_map.left_out,
        strays=found.strays,
        has_stage=not _is_vehicle(
            seat_map,
            names,
            [s for n, s in given.items() if not level_of.get(n)],
            focus,
            is_stacked=bool(found.levels),
        ),
        levels=tuple(
            replace(
                level, focus=fit.place(level.focus) if level.focus else None, at=fit.place(level.at)
            )
            for level in levels
        ),
    )


def _level(level: Level, place: int, shapes: Sequence[Shape], focus: Point | None) -> DrawnLevel:
    """A level in working units."""
    around = box_around(shape.box for shape in shapes) or Box(0.0, 0.0, 0.0, 0.0)
    is_above = focus is not None and focus[1] > around.bottom
    return DrawnLevel(
        name=clean_line(level.name, NAME_LIMIT) or str(place + 1),
        focus=focus,
        at=(around.middle[0], around.top - _TITLE if is_above else around.bottom + _TITLE),
        is_above=is_above,
    )


def _is_vehicle(
    seat_map: SeatMap,
    names: CategoryNames,
    shapes: Iterable[Shape],
    focus: Point | None,
    *,
    is_stacked: bool,
) -> bool:
    """Whether the front is no stage: by a word of the map, or by its shape."""
    zones = seat_map.zones
    if any(map(is_stage, zones)):
        return False
    said = (name for zone in zones for name in (zone.name or "", names.of(zone) or ""))
    if says_vehicle(said, is_stacked=is_stacked):
        return True
    around = box_around(shape.box for shape in shapes)
    if around is None or focus is None:
        return False
    is_ahead = around.left < focus[0] < around.right
    wide, deep = (around.width, around.height) if is_ahead else (around.height, around.width)
    return deep >= _NARROW * wide


def _longest_run(shape: Shape, rows: Sequence[Row]) -> int | None:
    """The most seats side by side in a zone; of rows without places all seats of a row."""
    if shape.rows:
        return shape.longest_run
    # One row without a name may be a whole floor.
    named = [row for row in rows if row.name or len(rows) > 1]
    return max((len(row.seats) for row in named), default=0) or None


def _by_category(
    seat_map: SeatMap, names: CategoryNames, numbers: Iterable[int]
) -> list[list[int]]:
    """Numbers of zones grouped by category, in the categories' order; those without come last."""
    groups: dict[str | None, list[int]] = {name: [] for name in names.in_order}
    rest: list[int] = []
    for number in numbers:
        groups.get(names.of(seat_map.zones[number]), rest).append(number)
    return [group for group in (*groups.values(), rest) if group]


def _placed_by_us(
    groups: Sequence[Sequence[int]], given: Iterable[Shape], focus: Point | None
) -> dict[int, Shape]:
    """Boxes for zones without geometry: below the others, or beside them if those are tall."""
    drawn = box_of(_extent(given, focus))
    if drawn is None:
        room, tallest = Box(0.0, 0.0, SIDE, _SCHEMATIC_HEIGHT), _TALL
    # Along the longer side, so that the drawing does not get longer.
    elif drawn.height > drawn.width:
        left = drawn.right + _BESIDE
        room, tallest = Box(left, drawn.top, left + SIDE / 2, drawn.bottom), _LOW
    else:
        top = drawn.bottom + _BESIDE
        room, tallest = Box(drawn.left, top, drawn.right, top + SIDE / 3), _LOW
    boxes = schematic.boxes_of(groups, room.width, room.height, tallest=tallest)
    moved = {n: box.moved(room.left, room.top) for n, box in boxes.items()}
    return {
        n: Shape(outlines=(box.corners,), label_at=box.middle, box=box, is_schematic=True)
        for n, box in moved.items()
    }


def _fit_of(
    shapes: Iterable[Shape], focuses: Iterable[Point | None], names: Iterable[Point]
) -> Fit:
    """The transformation from working units to drawing units, with a margin; `names` are those of
    levels.
    """
    around = box_of((*_extent(shapes, *focuses), *names))
    if around is None:
        return Fit(1.0, 0.0, 0.0, SIDE, SIDE / 4)
    # The longer side is exactly `SIDE`: pages and pictures rely on that.
    scale, is_wide = (SIDE - 2 * MARGIN) / around.longer, around.width >= around.height
    return Fit(
        scale,
        around.left - MARGIN / scale,
        around.top - MARGIN / scale,
        SIDE if is_wide else around.width * scale + 2 * MARGIN,
        around.height * scale + 2 * MARGIN if is_wide else SIDE,
    )


def _categories(seat_map: SeatMap, names: CategoryNames) -> tuple[DrawnCategory, ...]:
    """Categories that have a name, each name once, with its first colour."""
    colors: dict[str, str | None] = {}
    for category, name in zip(seat_map.seating_categories, names.in_order, strict=True):
        # Two categories with one name look like one to a reader.
        if name:
            colors[name] = colors.get(name) or _color(category.color)
    return tuple(DrawnCategory(name=name, color=color) for name, color in colors.items())


def _color(text: str | None) -> str | None:
    found = _COLOR.fullmatch((text or "").strip())
    if found is None:
        return None
    # "#abc" is short for "#aabbcc".
    digits = found[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def unknown_fields(seat_map: SeatMap) -> tuple[str, ...]:
    """Fields of a seat map that we do not know or cannot parse, such as "zone.gate"."""
    found: dict[str, None] = {}
    for part, model in _parts(seat_map):
        for name in (*(model.model_extra or ()), *model.unread):
            if not name.startswith("@") and name != "id":
                found.setdefault(f"{part}.{clean_line(name, _FIELD_LIMIT)}")
    return tuple(found)[:_UNKNOWN_LIMIT]


def _parts(seat_map: SeatMap) -> Iterator[tuple[str, ApiModel]]:
    """All parts of a map, but of the seats only those with more or less than name and place."""
    yield "seat_map", seat_map
    yield from (("seating_category", category) for category in seat_map.seating_categories)
    for zone in seat_map.zones:
        yield "zone", zone
        for row in zone.rows or ():
            yield "row", row
            for seat in () if isinstance(row.seats, PlainSeats) else row.seats:
                # A hall may have 100,000 seats, nearly all of them plain: those are skipped.
                if seat.model_extra or seat.x is None or seat.y is None or seat.name is None:
                    yield "seat", seat


def _mark_of(focus: Point) -> Box:
    """The box of a small mark of the stage."""
    (x, y), half = focus, _STAGE / 2
    return Box(x - half, y - half, x + half, y + half)


def _extent(shapes: Iterable[Shape], *focuses: Point | None) -> Iterator[Point]:
    """Corners around all that is drawn, with room for the marks of stages."""
    yield from diagonals(shape.box for shape in shapes)
    for focus in filter(None, focuses):
        yield focus[0] - _STAGE, focus[1] - _STAGE
        yield focus[0] + _STAGE, focus[1] + _STAGE
