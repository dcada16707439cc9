"""Seats that were never placed: at (0, 0) or anywhere else far from all the others.

Drawn, one of them makes a hall a dot in the corner of an empty sheet.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from math import hypot
from statistics import median
from typing import Final

from korus_mcp.seating.geometry import Places, Point, box_around

_FAR: Final = 2.5
"""A stray seat is at least so many times as far from the middle of a hall as any other place."""
_FEWEST: Final = 4
"""With fewer places nobody can say which is the stray one."""
_ASKED: Final = 400
_ONE_IN: Final = 20
"""At most one place in so many is a stray one; one is in any case."""


def stray_places(rows: Sequence[Places], corners: Iterable[Point]) -> frozenset[Point]:
    """Places of seats that are far from all others; `corners` are of outlines, never stray."""
    around = box_around(row.box for row in rows)
    if around is None:
        return frozenset()
    # Some seats tell where the hall is: a few strays do not move its middle.
    every = sum(map(len, rows)) // _ASKED + 1
    some = list(islice(chain.from_iterable(rows), 0, None, every))
    x_mid, y_mid = median(x for x, _ in some), median(y for _, y in some)

    def away(place: Point) -> float:
        return hypot(place[0] - x_mid, place[1] - y_mid)

    # Most halls end here: their outermost seats are not much farther off than most.
    usual = sorted(map(away, some))[(len(some) - 1) * 3 // 4]
    if max(map(away, around.corners)) <= _FAR * usual:
        return frozenset()
    places = sorted(set(chain.from_iterable(rows)), key=away, reverse=True)
    bound = max(map(away, corners), default=0.0)
    for count in range(1, max(1, len(places) // _ONE_IN) + 1):
        if len(places) - count < _FEWEST:
            break
        if away(places[count - 1]) > _FAR * max(away(places[count]), bound):
            return frozenset(places[:count])
    return frozenset()
