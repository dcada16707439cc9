"""The contact sheet of docs/seat-maps.md: a hall of each kind, as the picture draws it."""

from decimal import Decimal
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from resvg_py import svg_to_bytes

from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.foundation.money import Money
from korus_mcp.seating import raster
from korus_mcp.seating.indexed import indexed
from korus_mcp.seating.layout import Drawing, drawing_of
from korus_mcp.seating.picture import svg
from korus_mcp.seating.table import SeatOffer, seat_table
from tests.halls.generator import hall_of
from tests.halls.kinds import KINDS
from tests.halls.picture import SVG, read_picture
from tests.halls.truth import Hall
from tests.seating.pixels import decoded, difference

PLACE: Final = Path(__file__).parents[2] / "docs" / "pictures" / "halls.png"
LARGEST: Final = 400_000
"""The most bytes that it may take in the repository."""
_FONTS: Final = Path(raster.__file__).with_name("fonts")
FIRST: Final = 100
"""The seed of the first hall."""
_ACROSS: Final = 4
_WIDTH, _HEIGHT, _NAME, _GAP = 360, 290, 34, 10
_WORST, _MEAN = 60.0, 0.5
"""How different, of 255, two sheets that look alike may be: in one place, and in the mean."""
_PRICES: Final = (24, 36, 48, 60, 85)


def contact_sheet() -> bytes:
    """The PNG."""
    lines = -(-len(KINDS) // _ACROSS)
    wide, high = _ACROSS * _WIDTH, lines * (_HEIGHT + _NAME)
    sheet = Element("svg", xmlns=SVG.strip("{}"), viewBox=f"0 0 {wide} {high}")
    _place(SubElement(sheet, "rect", fill="#ffffff"), 0, 0, wide, high)
    for place in range(len(KINDS)):
        x, y = place % _ACROSS * _WIDTH, place // _ACROSS * (_HEIGHT + _NAME)
        hall = hall_of(FIRST + place)
        name = SubElement(sheet, "text", x=str(x + _WIDTH / 2), y=str(y + 26), fill="#222222")
        name.attrib |= {"text-anchor": "middle", "font-size": "18", "font-weight": "600"}
        name.text = hall.kind
        sheet.append(_map(hall, x + _GAP, y + _NAME))
    drawn = svg_to_bytes(
        svg_string=tostring(sheet, encoding="unicode"),
        width=wide,
        skip_system_fonts=True,
        font_files=[str(font) for font in sorted(_FONTS.glob("*.ttf"))],
        font_family="Noto Sans",
        sans_serif_family="Noto Sans",
    )
    return indexed(drawn, 64)


def looks_like(one: bytes, other: bytes) -> bool:
    """Whether two sheets look alike; another version of the renderer is no difference."""
    between = difference(decoded(one), decoded(other))
    return between.worst <= _WORST and between.mean <= _MEAN


def _map(hall: Hall, x: float, y: float) -> Element:
    """The map of a hall, without heading, legend and notes, in a cell of the sheet."""
    seat_map = SeatMap.model_validate(hall.wire())
    offers = [
        SeatOffer(
            offer_id=str(number),
            choices={"zone": hall.zones[number].name},
            price=Money(Decimal(_PRICES[place % len(_PRICES)])),
            left=hall.zones[number].left,
        )
        for place, number in enumerate(hall.sold)
    ]
    drawing = drawing_of(seat_map)
    picture = svg(drawing, seat_table(seat_map, offers, {}).zones)
    left, top, scale = _frame(drawing, picture)
    root = fromstring(picture)
    _place(root, x, y, _WIDTH - 2 * _GAP, _HEIGHT - _GAP)
    root.set("viewBox", f"{left} {top} {drawing.width * scale} {drawing.height * scale}")
    # Without it, what is beside the map shows where the cell has another shape.
    clip = SubElement(root, "clipPath", id=f"map-{hall.seed}")
    _place(SubElement(clip, "rect"), left, top, drawing.width * scale, drawing.height * scale)
    group = Element("g", {"clip-path": f"url(#map-{hall.seed})"})
    for child in [each for each in root if each is not clip]:
        root.remove(child)
        group.append(child)
    root.append(group)
    return root


def _frame(drawing: Drawing, picture: str) -> tuple[float, float, float]:
    """Where the picture has the upper left corner of the drawing, and how large it draws it."""
    seen = [corner for area in read_picture(picture).areas for corner in area.corners]
    made = [corner for zone in drawing.zones for outline in zone.outlines for corner in outline]
    (left, right), (top, _) = ((min(c), max(c)) for c in zip(*seen, strict=True))
    (start, end), (above, _) = ((min(c), max(c)) for c in zip(*made, strict=True))
    scale = (right - left) / (end - start)
    return left - start * scale, top - above * scale, scale


def _place(element: Element, x: float, y: float, width: float, height: float) -> None:
    for name, value in (("x", x), ("y", y), ("width", width), ("height", height)):
        element.set(name, str(value))
