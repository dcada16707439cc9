"""Draws a seat map as SVG: zones coloured by price, a legend, and notes on what is not certain.

The SVG is a still image without script, style sheet or external reference. Issuers wrote the names
in it; they are cleaned, and escaped by the XML writer. `raster.png` makes a PNG of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import dist, hypot
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from korus_mcp.foundation.text import clean_line
from korus_mcp.seating.geometry import Box, area, box_of, contains, edges
from korus_mcp.seating.layout import Drawing, Point
from korus_mcp.seating.lettering import LINE_HEIGHT, Label, LabelSpace, fitted, labels_in, width_of
from korus_mcp.seating.palette import DARK, LIGHT, mixed, readable_on
from korus_mcp.seating.row_names import RowEnds, row_ends_of, written
from korus_mcp.seating.scene import (
    LegendLine,
    Look,
    PictureQuery,
    PricedZone,
    Scene,
    Symbol,
    ZoneState,
    scene_of,
)
from korus_mcp.seating.script import is_writable
from korus_mcp.seating.script import written as written_in_png
from korus_mcp.seating.table import ZoneRow
from korus_mcp.seating.wording import words_of

WIDTH: Final = 1200
SEATS_AS_DOTS: Final = 6_000
"""The most seats that are drawn as dots; if there are more, each row is drawn as a line."""
ROWS_AS_LINES: Final = 4_000
"""The most rows that are drawn as lines; if there are more, rows are left out."""

_EDGE: Final = 36
_GAP: Final = 28
_MAP_HEIGHT: Final = 860
_LEGEND_WIDTH: Final = 300
_WIDE: Final = 1.2
"""A drawing with at least this ratio of width to height has its legend below, not beside it."""
_COLUMNS: Final = 3
_ENTRY: Final = 54
_NOTE: Final = 24
_FAMILY: Final = "'Noto Sans', 'Segoe UI', Helvetica, Arial, sans-serif"
_ROW_POINTS: Final = 5
_ASKED_SEATS: Final = 12
_ROW_NAMES: Final = (14, 13, 12, 11, 10)
"""Sizes of the names of rows, the largest first."""
_RING: Final = 9.0
_DISC: Final = 21.0
"""Two numbers of best zones, or one and a ring, are at least so far apart."""
_LEVEL: Final = 17
"""The size of the names of levels, and how much of the map's width one of them may take."""
_LEVEL_WIDTH: Final = 0.3
_INWARD: Final = 11.0
"""The distance between the number of a best zone and the edges of its corner."""
_STAGES: Final = tuple(
    (height * ratio, height)
    for height in (200, 170, 140, 110, 84, 64, 48, 36, 28)
    for ratio in (2.4, 4.0)
)
"""Possible widths and heights of the mark of the stage, the largest first."""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """The texts above the map; an empty title becomes "Seat map"."""

    title: str = ""
    subtitle: str = ""


def svg(
    drawing: Drawing,
    rows: Sequence[ZoneRow],
    *,
    heading: Heading | None = None,
    asked: PictureQuery | None = None,
    dark: bool = False,
    language: str = "en",
    unknown: int = 0,
    row_ends: RowEnds | None = None,
    is_raster: bool = False,
) -> str:
    """Draw a seat map as one SVG document, 1200 units wide and as high as it needs.

    `rows` have the zones' prices in any order, by the `number` of the zone; a zone without a row
    has no offers. Words are English or French, English for any other `language`. `unknown` is the
    number of offers that are not in the rows, so that a zone without offers may have some.
    `row_ends` are those of the drawing, if they were found before. `is_raster`: it becomes a PNG,
    whose letters are those of Latin, Greek and Cyrillic: other names of zones are numbers there.
    """
    ends = row_ends_of(drawing) if row_ends is None else row_ends
    theme = DARK if dark else LIGHT
    words = words_of(language)
    scene = scene_of(
        drawing, rows, asked or PictureQuery(), words, theme, unknown=unknown, is_raster=is_raster
    )
    return _Sheet(scene, heading or Heading(), ends, is_raster=is_raster).document()


@dataclass(frozen=True)
class _Frame:
    """The place of the map in the picture."""

    left: float
    top: float
    scale: float
    width: float
    height: float

    @classmethod
    def of(cls, drawing: Drawing, top: float, *, is_wide: bool) -> "_Frame":
        """The largest possible place for a drawing below the heading, centred in its column."""
        room = WIDTH - 2 * _EDGE - (0 if is_wide else _LEGEND_WIDTH + _GAP)
        scale = min(room / max(drawing.width, 1), _MAP_HEIGHT / max(drawing.height, 1))
        width, height = drawing.width * scale, drawing.height * scale
        return cls(_EDGE + (room - width) / 2, top, scale, width, height)

    def place(self, point: Point) -> Point:
        """A point of the drawing in picture coordinates."""
        return self.left + point[0] * self.scale, self.top + point[1] * self.scale

    def box(self, box: Box) -> Box:
        """A box of the drawing in picture coordinates."""
        (left, top), (right, bottom) = self.places(((box.left, box.top), (box.right, box.bottom)))
        return Box(left, top, right, bottom)

    def of_drawing(self, box: Box) -> Box:
        """A box of the picture in the drawing's units."""
        left, top, scale = self.left, self.top, self.scale
        return Box(
            (box.left - left) / scale,
            (box.top - top) / scale,
            (box.right - left) / scale,
            (box.bottom - top) / scale,
        )

    def places(self, points: Iterable[Point]) -> list[Point]:
        """Points of the drawing in picture coordinates."""
        left, top, scale = self.left, self.top, self.scale
        return [(left + x * scale, top + y * scale) for x, y in points]


class _Sheet:
    """A picture being drawn, from the background to the front."""

    def __init__(
        self, scene: Scene, heading: Heading, row_ends: RowEnds, *, is_raster: bool = False
    ) -> None:
        self._is_raster = is_raster
        self._row_ends = row_ends
        self._scene, self._theme, self._words = scene, scene.theme, scene.words
        self._title = clean_line(heading.title, 200) or self._words.title
        if is_raster and not is_writable(self._title):
            self._title = self._words.title
        self._subtitle = clean_line(heading.subtitle, 200)
        drawing = scene.drawing
        self._is_wide = drawing.width >= drawing.height * _WIDE
        top = _EDGE + (84 if self._subtitle else 56)
        self._frame = _Frame.of(drawing, top, is_wide=self._is_wide)
        self._outlines = [self._frame.places(zone.drawn.outline) for zone in scene.zones]
        self._blocks = [[*map(self._frame.places, z.drawn.outlines)] for z in scene.zones]
        # Labels are placed first, then the stage, before anything is drawn: the numbers of the best
        # zones avoid the labels, and the legend explains a stage mark without its name.
        self._labels = labels_in(
            [
                LabelSpace(
                    rooms=[self._frame.box(room) for room in zone.drawn.rooms],
                    at=self._frame.place(zone.drawn.label_at),
                    name=zone.name,
                    below=self._price(zone),
                )
                for zone in scene.zones
            ]
        )
        self._stage_size = self._free_stage()
        self._hatch_id = f"sold-out-{'dark' if self._theme is DARK else 'light'}"
        self._root = Element("svg")

    def document(self) -> str:
        """The SVG document as text."""
        entries = self._scene.legend()
        # A stage without room for its name is drawn as a disc, which the legend explains.
        if self._scene.fronts and self._stage_size is None:
            look, words = Look(fill=self._theme.stage), self._scene.front_words
            entries.append(LegendLine(look=look, text=words, symbol=Symbol.STAGE))
        height = self._height(len(entries))
        _set(
            self._root,
            xmlns="http://www.w3.org/2000/svg",
            role="img",
            aria_label=self._title,
            lang=self._words.language,
            viewBox=f"0 0 {WIDTH} {_n(height)}",
            width=WIDTH,
            height=height,
            font_family=_FAMILY,
        )
        _add(self._root, "title", self._title)
        _add(self._root, "desc", self._scene.summary())
        self._hatch()
        _add(self._root, "rect", width=WIDTH, height=height, fill=self._theme.paper)
        self._headline()
        self._zones()
        self._row_names()
        self._levels()
        self._stage()
        self._best()
        self._yours()
        self._legend(entries)
        self._notes(height)
        return tostring(self._root, encoding="unicode")

    def _height(self, entries: int) -> float:
        """The height of the picture with this number of entries in the legend."""
        map_end = self._frame.top + self._frame.height
        notes = _GAP + _NOTE * len(self._scene.notes()) + _EDGE / 2
        if self._is_wide:
            return map_end + _GAP + _ENTRY * -(-entries // _COLUMNS) + notes
        return max(map_end, self._frame.top + _ENTRY * entries) + notes

    def _hatch(self) -> None:
        """Define the pattern of sold-out zones: lines, so that colour alone does not tell it."""
        pattern = _add(_add(self._root, "defs"), "pattern", id=self._hatch_id, width=9, height=9)
        _set(pattern, patternUnits="userSpaceOnUse", patternTransform="rotate(45)")
        _add(pattern, "rect", width=9, height=9, fill=self._theme.sold_out)
        _add(pattern, "rect", width=2.5, height=9, fill=self._theme.hatch)

    def _headline(self) -> None:
        room = WIDTH - 2.0 * _EDGE
        if self._scene.drawing.is_schematic:
            room -= self._schematic_mark() + _GAP
        title = fitted(self._title, 30, room)
        self._text(title, (_EDGE, _EDGE + 27), 30, bold=True, centred=False)
        if self._subtitle:
            subtitle = fitted(self._subtitle, 19, room)
            at = (_EDGE, _EDGE + 58)
            self._text(subtitle, at, 19, fill=self._theme.faint_ink, centred=False)

    def _schematic_mark(self) -> float:
        """Write at the top right that the map is schematic. Returns the width of that text."""
        words = self._words.schematic
        width = width_of(words, 17) + 32
        left = WIDTH - _EDGE - width
        mark = _add(self._root, "rect", x=left, y=_EDGE, width=width, height=36, rx=18)
        _set(mark, fill=self._theme.paper, stroke=self._theme.ink, stroke_width=1.5)
        _set(mark, stroke_dasharray="5 4")
        self._text(words, (left + width / 2, _EDGE + 24), 17, bold=True)
        return width

    def _zones(self) -> None:
        """Draw all areas, the largest first; above them all seats; above those all labels.

        So no zone hides what another one is: at each seat one sees the colour of its own zone.
        """
        triples = list(zip(self._scene.zones, self._blocks, self._labels, strict=True))
        triples.sort(key=lambda triple: -round(sum(map(area, triple[1]))))
        for zone, blocks, _ in triples:
            self._area(self._group(zone), zone, "".join(map(_closed, blocks)))
        for zone, _, _ in triples:
            # A sold-out zone has the pattern only: seats in it would look like free ones.
            if zone.state is not ZoneState.SOLD_OUT:
                self._seats(zone)
        for zone, _, label in triples:
            if label is not None:
                self._label(self._group(zone), label, zone)

    def _group(self, zone: PricedZone) -> Element:
        """A group for a part of a zone, which says what the zone is where the pointer rests."""
        group = _add(self._root, "g")
        _add(group, "title", self._description(zone))
        return group

    def _area(self, group: Element, zone: PricedZone, outline: str) -> None:
        self._painted(group, "path", zone.look, d=outline)
        # The strong edge of a best zone ends where a zone within it begins.
        if zone.drawn.number in self._best_numbers:
            edge = _add(group, "path", d=outline, fill="none")
            _set(edge, stroke=self._theme.ink, stroke_width=3.5, stroke_linejoin="round")

    def _painted(self, parent: Element, tag: str, look: Look, **place: str | float) -> None:
        """Draw an area, painted as `look` says."""
        shape = _add(parent, tag)
        fill = f"url(#{self._hatch_id})" if look.is_hatched else look.fill
        _set(shape, **place, fill=fill, stroke=self._theme.faint_ink, stroke_width=1)
        if look.is_dashed:
            _set(shape, stroke_dasharray="6 4", stroke_width=1.5)

    def _seats(self, zone: PricedZone) -> None:
        """Draw seats as one path: dots (lines of length 0 with round ends), or a line a row."""
        # One element for each seat would make a file of megabytes, which viewers open too slowly.
        rows, drawing = zone.drawn.rows, self._scene.drawing
        if not rows or drawing.row_count > ROWS_AS_LINES:
            return
        place = self._frame.places
        if drawing.seat_count <= SEATS_AS_DOTS:
            width = min(max(_pitch(rows) * self._frame.scale * 0.62, 1.2), 13.0)
            path = "".join(f"M{_xy(seat)}h0" for row in rows for seat in place(row))
        else:
            width = min(max(_pitch(rows[:1]) * self._frame.scale * 0.5, 1.5), 3.0)
            path = "".join(_open(place(_thinned(row))) for row in rows)
        color = mixed(zone.look.fill, readable_on(zone.look.fill), 0.42)
        seats = _add(self._group(zone), "path", d=path, fill="none", stroke=color)
        _set(seats, stroke_width=width, stroke_linecap="round", stroke_linejoin="round")

    def _row_names(self) -> None:
        """Write the names of rows at their ends, where there is room."""
        frame, scene = self._frame, self._scene
        zones = {
            zone.drawn.number: zone for zone in scene.zones if zone.state is not ZoneState.SOLD_OUT
        }
        ends = {number: its for number, its in self._row_ends.items() if number in zones}
        taken = [frame.of_drawing(box) for box in self._taken()]
        size, names = written(ends, _ROW_NAMES, taken, scale=frame.scale)
        for name in names:
            zone = zones[name.zone]
            is_inside = any(contains(each, name.box.middle) for each in zone.drawn.outlines)
            ink = mixed(readable_on(zone.look.fill), zone.look.fill, 0.2)
            x, y = frame.place(name.box.middle)
            fill = ink if is_inside else self._theme.faint_ink
            self._text(name.end.name, (x, y + size * 0.36), size, fill=fill)

    def _taken(self) -> Iterator[Box]:
        """Where names of rows would hide something else."""
        yield from (label.box for label in self._labels if label is not None)
        yield from (box for _, box in self._level_names())
        for x, y in self._fronts:
            width, height = self._stage_size or (16, 16)
            yield Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        for x, y in (*self._best_spots, *self._ringed):
            yield Box(x - 12, y - 12, x + 12, y + 12)

    def _label(self, group: Element, label: Label, zone: PricedZone) -> None:
        """Draw a label; a rim in the zone's colour separates its letters from seats and pattern."""
        fill = zone.look.fill
        ink = readable_on(fill)
        if zone.state in (ZoneState.OUTSIDE, ZoneState.UNASKED, ZoneState.NO_OFFER):
            ink = mixed(ink, fill, 0.2)
        x, y = label.at
        turn = {"transform": f"rotate(-90 {_xy(label.at)})"} if label.is_upright else {}
        first = y - (len(label.lines) - 1) / 2 * LINE_HEIGHT * label.size + label.size * 0.36
        for line, words in enumerate(label.lines):
            at = (x, first + line * LINE_HEIGHT * label.size)
            bold = line < label.strong
            text = self._text(words, at, label.size, bold=bold, fill=ink, parent=group)
            _set(text, stroke=fill, stroke_width=label.size * 0.3, paint_order="stroke", **turn)
            _set(text, stroke_linejoin="round")

    def _price(self, zone: PricedZone) -> str:
        """The text below the name: the price, or "from" the lowest one."""
        if zone.state is ZoneState.SOLD_OUT:
            return self._words.sold_out
        if zone.prices is None:
            return ""
        lowest, highest = zone.prices
        amount = self._words.amount(lowest)
        return amount if lowest == highest else self._words.from_price.format(amount)

    def _description(self, zone: PricedZone) -> str:
        """A zone in words, shown when the pointer rests on it."""
        words = self._words
        facts = [zone.category]
        if zone.state is ZoneState.STAGE:
            return zone.name
        if zone.state is ZoneState.SOLD_OUT:
            facts.append(words.sold_out)
        elif zone.state is ZoneState.NO_OFFER:
            facts.append(self._scene.no_offer_words)
        elif zone.state is ZoneState.UNASKED:
            facts.append(words.unasked)
        else:
            facts.append(words.prices(*zone.prices) if zone.prices else words.no_price)
            if zone.left is not None and zone.state is not ZoneState.OUTSIDE:
                facts.append(words.left.format(zone.left))
        return ", ".join([zone.name, *(fact for fact in facts if fact)])

    def _free_stage(self) -> tuple[float, float] | None:
        """The largest size of the stage's mark that touches no zone; None if none fits."""
        fronts = self._fronts
        if not fronts:
            return None
        least = width_of(self._scene.front_words, 13) + 16
        for width, height in _STAGES:
            across, down = width / 2 + 8, height / 2 + 8
            boxes = (Box(x - across, y - down, x + across, y + down) for x, y in fronts)
            if width >= least and all(map(self._is_free, boxes)):
                return width, height
        return None

    @property
    def _fronts(self) -> list[Point]:
        """Where the front is marked."""
        return self._frame.places(self._scene.fronts)

    def _is_free(self, box: Box) -> bool:
        """Whether a box touches no zone, and is at most half a margin outside of the map."""
        frame, rim = self._frame, _EDGE / 2
        across = frame.left - rim <= box.left and box.right <= frame.left + frame.width + rim
        down = frame.top - rim <= box.top and box.bottom <= frame.top + frame.height + rim
        return (
            across
            and down
            and not any(_touches(block, box) for blocks in self._blocks for block in blocks)
            and not any(_meet(name, box) for _, name in self._level_names())
        )

    def _level_names(self) -> Iterator[tuple[str, Box]]:
        """The names of levels, each with the box that it takes."""
        for level in self._scene.drawing.levels:
            x, y = self._frame.place(level.at)
            name = fitted(level.name, _LEVEL, _LEVEL_WIDTH * self._frame.width)
            half = width_of(name, _LEVEL) / 2
            yield name, Box(x - half, y - _LEVEL / 2, x + half, y + _LEVEL / 2)

    def _levels(self) -> None:
        for name, box in self._level_names():
            x, y = box.middle
            self._text(name, (x, y + _LEVEL * 0.36), _LEVEL, bold=True)

    def _stage(self) -> None:
        words, ink = self._scene.front_words, readable_on(self._theme.stage)
        for x, y in self._fronts:
            if self._stage_size is None:
                self._stage_disc((x, y))
                continue
            width, height = self._stage_size
            mark = _add(self._root, "rect", x=x - width / 2, y=y - height / 2, width=width)
            _set(mark, height=height, rx=min(10, height / 4), fill=self._theme.stage)
            size = max(s for s in (13, 15, 17, 20) if width_of(words, s) + 16 <= width)
            self._text(words, (x, y + size * 0.36), size, fill=ink)

    def _stage_disc(self, at: Point) -> None:
        """Draw the mark of a stage without room for its name."""
        self._disc(at, 8, self._theme.stage, self._theme.ink)

    def _disc(self, at: Point, radius: float, fill: str, rim: str) -> None:
        disc = _add(self._root, "circle", cx=at[0], cy=at[1], r=radius)
        _set(disc, fill=fill, stroke=rim, stroke_width=2)

    def _best(self) -> None:
        """Number the zones that fit the wish best."""
        # The best zone is numbered last, so that its number is on top of the others.
        for rank in reversed(range(len(self._best_places))):
            self._number(rank + 1, self._best_spots[rank])

    @cached_property
    def _best_numbers(self) -> frozenset[int]:
        return frozenset(zone.drawn.number for zone in self._scene.best)

    @cached_property
    def _best_places(self) -> list[int]:
        """Which of the zones are the best, the best first."""
        by_number = {zone.drawn.number: place for place, zone in enumerate(self._scene.zones)}
        return [by_number[zone.drawn.number] for zone in self._scene.best]

    @cached_property
    def _best_spots(self) -> list[Point]:
        """Where the numbers of the best zones stand: no number hides another one, or a ring."""
        taken, spots = self._ringed, list[Point]()
        for place in self._best_places:
            corners = _corners_of(self._outlines[place], self._labels[place])
            free = (at for at in corners if all(dist(at, each) >= _DISC for each in taken))
            spots.append(next(free, corners[0]))
            taken = [*taken, spots[-1]]
        return spots

    @cached_property
    def _ringed(self) -> list[Point]:
        """Where the seats of the caller are."""
        return self._frame.places(m.at for m in self._scene.asked.marks if m.at is not None)

    def _yours(self) -> None:
        """Ring the seats of the caller."""
        self._rings(self._ringed)

    def _rings(self, places: Sequence[Point]) -> None:
        """Rings with rims, seen on light and on dark areas, each with its seat in its middle."""
        # All rims lie below all rings: the rim of a seat would hide the ring of its neighbour.
        for width, color in ((6.5, self._theme.paper), (3.5, self._theme.ink)):
            for x, y in places:
                ring = _add(self._root, "circle", cx=x, cy=y, r=_RING)
                _set(ring, fill="none", stroke=color, stroke_width=width)

    def _number(self, rank: int, at: Point) -> None:
        self._disc(at, 10, self._theme.ink, self._theme.paper)
        self._text(str(rank), (at[0], at[1] + 5), 14, bold=True, fill=self._theme.paper)

    def _legend(self, entries: Sequence[LegendLine]) -> None:
        columns = _COLUMNS if self._is_wide else 1
        left = _EDGE if self._is_wide else WIDTH - _EDGE - _LEGEND_WIDTH
        top = self._frame.top + (self._frame.height + _GAP if self._is_wide else 0)
        width = (WIDTH - 2 * _EDGE) / _COLUMNS if self._is_wide else _LEGEND_WIDTH
        for place, entry in enumerate(entries):
            at = (left + place % columns * width, top + place // columns * _ENTRY)
            self._entry(entry, at, width - _GAP / 2)

    def _entry(self, entry: LegendLine, at: Point, width: float) -> None:
        x, y = at
        self._swatch(entry, (x, y + 1))
        room, start = width - 52, x + 52
        text, detail = fitted(entry.text, 17, room), fitted(entry.detail, 15, room)
        self._text(text, (start, y + (15 if detail else 24)), 17, bold=True, centred=False)
        self._text(detail, (start, y + 35), 15, fill=self._theme.faint_ink, centred=False)

    def _swatch(self, entry: LegendLine, at: Point) -> None:
        x, y = at
        middle = (x + 19, y + 18)
        match entry.symbol:
            case Symbol.STAGE:
                self._stage_disc(middle)
            case Symbol.BEST:
                place = {"x": x + 1.5, "y": y + 1.5, "width": 35, "height": 33, "rx": 5}
                edge = _add(self._root, "rect", fill="none")
                _set(edge, **place, stroke=self._theme.ink, stroke_width=3.5)
                self._number(1, middle)
            case Symbol.YOURS:
                self._rings([middle])
            case Symbol.AREA:
                self._painted(self._root, "rect", entry.look, x=x, y=y, width=38, height=36, rx=5)

    def _notes(self, height: float) -> None:
        notes = self._scene.notes()
        for line, note in enumerate(notes):
            at = (_EDGE, height - _EDGE / 2 - _NOTE * (len(notes) - line - 1) - 6)
            note = fitted(note, 16, WIDTH - 2 * _EDGE)
            self._text(note, at, 16, fill=self._theme.faint_ink, centred=False)

    def _text(
        self,
        words: str,
        at: Point,
        size: float,
        *,
        bold: bool = False,
        fill: str = "",
        centred: bool = True,
        parent: Element | None = None,
    ) -> Element:
        """Draw a line of text, centred at a point or beginning there; `at` is on its base line."""
        words = written_in_png(words) if self._is_raster else words
        text = _add(self._root if parent is None else parent, "text", words, x=at[0], y=at[1])
        _set(text, font_size=size, fill=fill or self._theme.ink)
        if centred:
            _set(text, text_anchor="middle")
        if bold:
            _set(text, font_weight="600")
        return text


def _add(parent: Element, tag: str, text: str = "", **attributes: str | float) -> Element:
    """Add an element to `parent`; `_` in the name of an attribute becomes `-`."""
    element = SubElement(parent, tag)
    if text:
        element.text = text
    _set(element, **attributes)
    return element


def _set(element: Element, **attributes: str | float) -> None:
    for name, value in attributes.items():
        element.set(name.replace("_", "-"), value if isinstance(value, str) else _n(value))


def _n(number: float) -> str:
    """A number with at most one decimal."""
    return f"{number:.1f}".removesuffix(".0")


def _xy(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _open(points: Sequence[Point]) -> str:
    return "M" + "L".join(_xy(point) for point in points)


def _closed(points: Sequence[Point]) -> str:
    return _open(points) + "Z"


def _thinned(row: Sequence[Point]) -> list[Point]:
    """A few seats of a row, with both ends: enough to draw the row as a line."""
    last = len(row) - 1
    kept = min(_ROW_POINTS, len(row))
    return [row[round(place * last / max(kept - 1, 1))] for place in range(kept)]


def _pitch(rows: Sequence[Sequence[Point]]) -> float:
    """The distance from a seat to the nearest one, in whatever order they are listed."""
    seats = list(dict.fromkeys(chain.from_iterable(rows)))
    some = seats[:: len(seats) // _ASKED_SEATS + 1]
    # The nearest of all is the seat itself.
    nearest = sorted(sorted([dist(seat, other) for other in seats])[1:2] for seat in some)
    return nearest[len(nearest) // 3][0] if len(seats) > 1 else 10.0


def _corners_of(outline: Sequence[Point], label: Label | None) -> list[Point]:
    """Points in the corners of an outline: those within it first, the farthest from its label."""
    # A corner is on the edge of the zone, so the point is moved towards the middle.
    across = sum(x for x, _ in outline) / len(outline)
    down = sum(y for _, y in outline) / len(outline)
    taken = label.box if label is not None else Box(across, down, across, down)

    def distance(point: Point) -> float:
        x, y = point
        aside = max(taken.left - x, x - taken.right, 0)
        return hypot(aside, max(taken.top - y, y - taken.bottom, 0))

    inward = [
        (x + min(max(across - x, -_INWARD), _INWARD), y + min(max(down - y, -_INWARD), _INWARD))
        for x, y in outline
    ]
    # A corner that is cut aslant may be left by the way towards the middle.
    return sorted(inward, key=lambda at: (not contains(outline, at), -distance(at)))


def _meet(one: Box, other: Box) -> bool:
    """Whether two boxes share a place."""
    across = one.left < other.right and other.left < one.right
    return across and one.top < other.bottom and other.top < one.bottom


def _touches(outline: Sequence[Point], box: Box) -> bool:
    """Whether a box meets an outline or lies within it."""
    # Most outlines are elsewhere, as a comparison of the boxes shows quickly.
    around = box_of(outline)
    if around is None or around.right < box.left or around.left > box.right:
        return False
    if around.bottom < box.top or around.top > box.bottom:
        return False
    return any(_cuts(a, b, box) for a, b in edges(outline)) or contains(outline, box.corners[0])


def _cuts(a: Point, b: Point, box: Box) -> bool:
    """Whether the line from `a` to `b` meets the box (algorithm of Liang and Barsky)."""
    enter, leave = 0.0, 1.0
    across = (a[0], b[0] - a[0], box.left, box.right)
    down = (a[1], b[1] - a[1], box.top, box.bottom)
    for start, step, low, high in (across, down):
        if step == 0:
            if not low <= start <= high:
                return False
            continue
        first, second = sorted(((low - start) / step, (high - start) / step))
        enter, leave = max(enter, first), min(leave, second)
    return enter <= leave
