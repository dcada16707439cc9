"""What every drawing keeps, whatever map it was made of; geometry written apart from ours."""

from collections.abc import Iterable, Sequence
from math import hypot, isfinite

from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.seating.layout import Drawing, DrawnZone, Point

SLACK = 1e-6


def assert_drawable(drawing: Drawing, seat_map: SeatMap) -> None:
    """All finite, all inside, each zone once in the API's order, each label in its outline."""
    assert max(drawing.width, drawing.height) == 1000
    assert min(drawing.width, drawing.height) > 0
    assert [zone.number for zone in drawing.zones] == list(range(len(seat_map.zones)))
    for zone in drawing.zones:
        assert all(len(set(outline)) >= 3 for outline in zone.outlines)
        assert zone.name
        points = (*corners(zone), zone.label_at, *(seat for row in zone.rows for seat in row))
        assert all(is_inside(point, drawing) for point in points), zone.number
        assert winds_around(zone.outline, zone.label_at), (zone.number, zone.name)
    assert drawing.focus is None or is_inside(drawing.focus, drawing)


def corners(zone: DrawnZone) -> list[Point]:
    """The corners of all its blocks."""
    return [corner for outline in zone.outlines for corner in outline]


def lies_in(zone: DrawnZone, point: Point) -> bool:
    """Whether a point is in one of its blocks."""
    return any(winds_around(outline, point) for outline in zone.outlines)


def is_inside(point: Point, drawing: Drawing) -> bool:
    """Whether a point is a point of the drawing."""
    x, y = point
    return isfinite(x) and isfinite(y) and 0 <= x <= drawing.width and 0 <= y <= drawing.height


def winds_around(outline: Sequence[Point], point: Point) -> bool:
    """Whether a ray to the right crosses the outline an odd number of times."""
    x, y = point
    crossings = 0
    for (x0, y0), (x1, y1) in zip(outline, (*outline[1:], outline[0]), strict=True):
        low, high = ((x0, y0), (x1, y1)) if y0 <= y1 else ((x1, y1), (x0, y0))
        if low[1] <= y < high[1]:
            share = (y - low[1]) / (high[1] - low[1])
            crossings += low[0] + share * (high[0] - low[0]) > x
    return crossings % 2 == 1


def box(zone: DrawnZone) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a zone."""
    xs, ys = zip(*corners(zone), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def overlap(one: DrawnZone, other: DrawnZone) -> bool:
    """Whether the boxes of two zones share more than a side."""
    left, top, right, bottom = box(one)
    left2, top2, right2, bottom2 = box(other)
    across = min(right, right2) - max(left, left2)
    down = min(bottom, bottom2) - max(top, top2)
    return across > SLACK and down > SLACK


def nearest_side(outline: Sequence[Point], point: Point) -> float:
    """About how far a point is from an outline: from a hundred points on each side."""
    return min(hypot(x - point[0], y - point[1]) for x, y in _along(outline))


def _along(outline: Sequence[Point]) -> Iterable[Point]:
    for (x0, y0), (x1, y1) in zip(outline, (*outline[1:], outline[0]), strict=True):
        yield from ((x0 + (x1 - x0) * n / 100, y0 + (y1 - y0) * n / 100) for n in range(100))
