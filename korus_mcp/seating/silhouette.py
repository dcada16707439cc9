"""Makes an outline for a zone of which only the seats are known.

For many zones that is the convex hull of the seats. The hull of a balcony in the shape of a
horseshoe would cover the stalls: there the outline follows the rows.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import dist, hypot
from typing import Final

from korus_mcp.seating.geometry import (
    Point,
    area,
    contains,
    edges,
    simplified,
    turn,
    widened,
)

_BENT: Final = 1.15
"""The outline follows the rows if the hull has at least this many times the area between them."""
_SMOOTH: Final = 0.3
"""Corners that stand out by less than this part of the distance to the seats are left out."""
_CORNERS_A_ROW: Final = 16
_ASKED_SEATS: Final = 80
"""The most seats of a zone that are checked to be inside its outline: all would take too long."""


def silhouettes(
    rows: Sequence[Sequence[Point]], bare: Sequence[Point], pad: float
) -> Iterator[tuple[Point, ...]]:
    """Outlines around the seats of at least one row, at a distance `pad`, the better one first.

    Rows are in order from one side to the other, and all in one direction. `bare` is the hull of
    their seats.
    """
    around = simplified(widened(bare, pad), pad * _SMOOTH)
    long_rows = [row for row in rows if len(row) > 1]
    is_bent = bool(long_rows) and _is_bent(bare, long_rows, pad)
    if not is_bent:
        yield around
    # A single seat gives no direction.
    if long_rows:
        along = simplified(_along(long_rows, pad), pad * _SMOOTH)
        if _is_right(along, [seat for row in rows for seat in row]):
            yield along
    if is_bent:
        yield around


def _is_right(outline: Sequence[Point], seats: Sequence[Point]) -> bool:
    """Whether an outline holds the seats, and does not cross itself."""
    # With rows of very different lengths an outline along their ends may do neither.
    if len(outline) < 3 or len(set(outline)) < len(outline):
        return False
    asked = seats[:: -(-len(seats) // _ASKED_SEATS)]
    return not any(_cross(one, other) for one, other in combinations(edges(outline), 2)) and all(
        contains(outline, seat) for seat in asked
    )


def _is_bent(bare: Sequence[Point], rows: Sequence[Sequence[Point]], pad: float) -> bool:
    """Whether much of the hull's area is not between the rows."""
    # The area between the rows is compared with the hull's, without its rim of `pad`, which would
    # be most of a short, wide zone.
    first, *between, last = rows if len(rows) > 1 else [*rows, *rows]
    ends = [row[-1] for row in between], [row[0] for row in reversed(between)]
    taken = area([*first, *ends[0], *reversed(last), *ends[1]])
    rim = sum(dist(*side) for side in edges(bare))
    return area(bare) > _BENT * (taken + rim * pad)


def _along(rows: Sequence[Sequence[Point]], pad: float) -> tuple[Point, ...]:
    """An outline along the first row, the ends of the rows, the last row and their beginnings."""
    stretched = [_stretched(_fewer(row), pad) for row in rows]
    first, last = stretched[0], stretched[-1]
    side = _side_away(first, last) if len(stretched) > 1 else 1.0
    return (
        *_beside(first, side * pad),
        *(row[-1] for row in stretched[1:-1]),
        *reversed(_beside(last, -side * pad)),
        *(row[0] for row in reversed(stretched[1:-1])),
    )


def _fewer(row: Sequence[Point]) -> list[Point]:
    """Some seats of a row from end to end, without two in a row at the same point."""
    count = min(len(row), _CORNERS_A_ROW)
    some = [row[(len(row) - 1) * n // (count - 1)] for n in range(count)]
    return [seat for n, seat in enumerate(some) if n == 0 or seat != some[n - 1]]


def _stretched(row: Sequence[Point], pad: float) -> list[Point]:
    """A row made longer by `pad` at both ends."""
    if len(row) < 2:
        return list(row)
    return [_beyond(row[1], row[0], pad), *row[1:-1], _beyond(row[-2], row[-1], pad)]


def _beyond(before: Point, end: Point, pad: float) -> Point:
    across, down = end[0] - before[0], end[1] - before[1]
    share = pad / hypot(across, down)
    return end[0] + across * share, end[1] + down * share


def _side_away(first: Sequence[Point], last: Sequence[Point]) -> float:
    """The sign of the side of the first row that is opposite to the last row."""
    middle, other = len(first) // 2, last[len(last) // 2]
    x, y = first[middle]
    u, v = _across(first, middle)
    return 1.0 if (x - other[0]) * u + (y - other[1]) * v >= 0 else -1.0


def _beside(row: Sequence[Point], pad: float) -> list[Point]:
    """A line beside a row, at the distance `pad`."""
    shifted = []
    for n, (x, y) in enumerate(row):
        u, v = _across(row, n)
        shifted.append((x + u * pad, y + v * pad))
    return shifted


def _across(row: Sequence[Point], n: int) -> Point:
    """The direction at right angles to a row at one of its seats, of length 1."""
    (x0, y0), (x1, y1) = row[max(n - 1, 0)], row[min(n + 1, len(row) - 1)]
    length = hypot(x1 - x0, y1 - y0)
    return ((y0 - y1) / length, (x1 - x0) / length) if length else (0.0, 0.0)


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two sides cross, other than at their ends."""
    (a, b), (c, d) = one, other
    return turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0
