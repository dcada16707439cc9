"""Where the seats of a zone look: by the bend of their rows, and by the order of rows' names.

Only what lies across a row counts. Along it nothing does: an aisle off the middle, a wall where
rows begin, or the order of a list turn nobody's head.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, dist, hypot, inf, sin, sqrt
from operator import mul
from typing import Final

from korus_mcp.seating.geometry import Point
from korus_mcp.seating.lines import Line, Ring, Spread
from korus_mcp.seating.names import RowKey, RowOrders, row_orders

_BEND: Final = 0.02
"""How far rows must be bent, as a part of their width, for the bend to count."""
_STRONG_BEND: Final = 0.05
"""A bend that counts more than names: some issuers number rows from the back."""
_SURE: Final = 4.0
"""How many times its uncertainty a bend must be."""
_PARALLEL: Final = 0.85
"""From this agreement of their directions on (0 to 1) rows are behind each other."""
_SAME_WAY: Final = 0.7
_SAME_DEPTH: Final = 0.25
"""Parts of one row differ by less than this part of the distance between two rows."""
_FITTED_SEATS: Final = 13
"""The most seats of a line by which its bend is measured."""
_LARGEST_AREA: Final = 1_000
"""A floor of more seats than this that is listed as one row tells no direction."""
_LEAST: Final = 1e-9


@dataclass(frozen=True, kw_only=True)
class Look:
    """Seats of a zone that look in one direction, of length 1. `at` is their middle.

    `front` are the middles of their rows: the seats themselves are behind the foremost of them.
    """

    at: Point
    towards: Point
    seats: int
    front: tuple[Point, ...]

    @property
    def reach(self) -> float:
        """How far the foremost row lies in the direction of the look."""
        return max(_along(middle, self.towards) for middle in self.front)


def looks_in(rows: Sequence[Sequence[Line]], names: Sequence[str]) -> list[Look]:
    """The directions in which the seats of a zone look; [] when nothing tells them.

    `rows` are in any order, each with the lines that it is; `names` are those of the rows.
    """
    pieces = [
        _Piece.of(line, row)
        for row, lines in enumerate(rows)
        if len(lines) == 1 or sum(map(len, lines)) <= _LARGEST_AREA
        for line in lines
    ]
    orders = row_orders(tuple(names))
    blocks = list(_blocks(pieces, orders))
    looks = [(block, look) for block in blocks if (look := _look_of(block, orders)) is not None]
    if len({piece.row for piece in pieces}) == len(pieces):
        return [look for _, look in looks]  # no row has parts
    return [look for block, look in looks if not _is_behind_itself(block, look, looks)]


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A line of seats of the row with this number: its middle and direction, and how it is bent.

    `bow` is how far its ends are before its middle; `doubt` is the uncertainty of that. `along` is
    None where one seat, or a ring, has no direction.
    """

    row: int
    middle: Point
    along: Point | None
    half: float
    bow: Point
    doubt: float
    seats: int

    @classmethod
    def of(cls, line: Line, row: int) -> "_Piece":
        """The piece that a line is."""
        xs, ys = zip(*line, strict=True)
        middle = sum(xs) / len(line), sum(ys) / len(line)
        if len(line) < 2 or isinstance(line, Ring):
            return cls(
                row=row,
                middle=middle,
                along=None,
                half=0.0,
                bow=(0.0, 0.0),
                doubt=0.0,
                seats=len(line),
            )
        # Odd steps: with even ones, a row that is listed left and right in turn would be a half.
        step = (len(line) // _FITTED_SEATS) | 1
        # Measured from its end: far from the origin, squares would lose their digits.
        x0, y0 = line[0]
        across, down = [x - x0 for x in xs[::step]], [y - y0 for y in ys[::step]]
        spread = Spread.of(across, down)
        along = spread.direction
        bow, doubt, half = _bow_of(across, down, spread, along)
        return cls(
            row=row, middle=middle, along=along, half=half, bow=bow, doubt=doubt, seats=len(line)
        )


def _bow_of(
    across: Sequence[float], down: Sequence[float], spread: Spread, along: Point
) -> tuple[Point, float, float]:
    """The bow of a line across its direction, its uncertainty, and half of the line's length.

    Its seats are told from its end.
    """
    count = len(across)
    c, s = along
    x_sum, y_sum, xx, xy, yy = spread
    u_mean, v_mean = (x_sum * c + y_sum * s) / count, (y_sum * c - x_sum * s) / count
    us = [x * c + y * s - u_mean for x, y in zip(across, down, strict=True)]
    half = (max(us) - min(us)) / 2
    uu, vv = xx * c * c + 2 * xy * c * s + yy * s * s, xx * s * s - 2 * xy * c * s + yy * c * c
    if count < 3 or uu <= 0:
        return (0.0, 0.0), inf, half
    # Least squares of v = a + b u + c u²; by the choice of `along`, b is 0 but for what u² brings,
    # and both u and v have the mean 0.
    squares = list(map(mul, us, us))
    skew = sum(map(mul, squares, us))
    weight = sum(map(mul, squares, squares)) - uu * uu / count - skew * skew / uu
    if weight <= (half * half) ** 2 * _LEAST:
        return (0.0, 0.0), inf, half
    sides = sum(map(mul, squares, down)) * c - sum(map(mul, squares, across)) * s
    bend = (sides - v_mean * uu) / weight
    rest = max(vv - bend * bend * weight, 0.0)
    doubt = sqrt(rest / (count - 3) / weight) if count > 3 else inf
    deep = bend * half * half
    return (-s * deep, c * deep), doubt * half * half, half


def _blocks(pieces: Sequence[_Piece], orders: RowOrders) -> Iterator[list[_Piece]]:
    """The pieces by blocks: where a name comes more than once, each goes on with the nearest."""
    keys = orders[0] if orders else []
    keyed: dict[RowKey, list[_Piece]] = {}
    for piece in pieces:
        key = keys[piece.row] if keys else None
        if key is not None:
            keyed.setdefault(key, []).append(piece)
    is_once = all(len(same) == 1 for same in keyed.values())
    if is_once and len({piece.row for piece in pieces}) == len(pieces):
        yield list(pieces)
        return
    if not keyed:
        yield from ([piece] for piece in pieces)
        return
    blocks: list[list[_Piece]] = []
    for key in sorted(keyed):
        # Each block takes one piece of a name: the pairs that are nearest to each other first.
        pairs = sorted(
            (dist(block[-1].middle, piece.middle), n, m)
            for n, block in enumerate(blocks)
            for m, piece in enumerate(keyed[key])
        )
        taken: dict[int, int] = {}
        for _, n, m in pairs:
            if n not in taken and m not in taken.values():
                taken[n] = m
        for n, m in taken.items():
            blocks[n].append(keyed[key][m])
        blocks += [[piece] for m, piece in enumerate(keyed[key]) if m not in taken.values()]
    yield from blocks


def _look_of(block: Sequence[_Piece], orders: RowOrders) -> Look | None:
    bent, strength = _bent_towards(block)
    named = _named_from(block, orders)
    if bent and named and _along(bent, named) < 0:
        # Some issuers number rows from the back; with a slight bend neither counts.
        named, bent = None, bent if strength >= _STRONG_BEND else None
    towards = bent or named
    if towards is None:
        return None
    seats = sum(piece.seats for piece in block)
    return Look(
        at=(
            sum(piece.middle[0] * piece.seats for piece in block) / seats,
            sum(piece.middle[1] * piece.seats for piece in block) / seats,
        ),
        towards=towards,
        seats=seats,
        front=tuple(piece.middle for piece in block),
    )


def _bent_towards(block: Sequence[_Piece]) -> tuple[Point | None, float]:
    """The direction of the inner side of bent rows, and how strongly they are bent."""
    lines = [piece for piece in block if piece.along is not None]
    width = 2 * sum(piece.half for piece in lines)
    if not width:
        return None, 0.0
    # All rows are added up: a single short row may seem bent by rounding.
    across, down = sum(piece.bow[0] for piece in lines), sum(piece.bow[1] for piece in lines)
    deep = hypot(across, down)
    strength = deep / width
    doubts = [piece.doubt for piece in lines if piece.doubt < inf]
    doubt = sqrt(sum(each * each for each in doubts))
    # Three seats are always on a curve, so what they say is believed only if they say it clearly.
    least = _BEND if doubts else _STRONG_BEND
    if strength < least or deep < _SURE * doubt:
        return None, 0.0
    return (across / deep, down / deep), strength


def _named_from(block: Sequence[_Piece], orders: RowOrders) -> Point | None:
    """The direction from the last row to the first, across rows that are named in their order."""
    along = _common_direction(block)
    if along is None:
        return None
    seats = sum(piece.seats for piece in block)
    centre = (
        sum(piece.middle[0] * piece.seats for piece in block) / seats,
        sum(piece.middle[1] * piece.seats for piece in block) / seats,
    )
    depths = [_depth(piece, centre, along) for piece in block]
    ways = {
        way
        for order in orders
        if (way := _way([(order[p.row], d) for p, d in zip(block, depths, strict=True)]))
    }
    # Names that may be read in two ways which contradict each other say nothing.
    if len(ways) != 1:
        return None
    (way,) = ways
    return (along[1] * way, -along[0] * way)


def _common_direction(block: Sequence[_Piece]) -> Point | None:
    """The direction that rows behind each other have in common; None if they have none."""
    lines = [(piece.along, piece.half) for piece in block if piece.along is not None]
    whole = sum(half for _, half in lines)
    if not whole:
        return None
    # Turned by half a circle a row is the same: so turns are counted twice.
    across = sum([(x * x - y * y) * half for (x, y), half in lines]) / whole
    down = sum([2 * x * y * half for (x, y), half in lines]) / whole
    if hypot(across, down) < _PARALLEL:
        return None
    turn = atan2(down, across) / 2
    return cos(turn), sin(turn)


def _depth(piece: _Piece, centre: Point, along: Point) -> float:
    """How far a row lies across the common direction, where it passes the middle of its block."""
    c, s = along
    x, y = piece.middle[0] - centre[0], piece.middle[1] - centre[1]
    depth, away = y * c - x * s, -(x * c + y * s)
    if piece.along is None or not piece.half or piece.seats < 4:
        return depth
    # Bent rows of different lengths are compared along the curve, as far as it reaches.
    away = min(max(away, -1.5 * piece.half), 1.5 * piece.half)
    (u, v), (bow_x, bow_y) = piece.along, piece.bow
    ahead = u * c + v * s
    tilt = (v * c - u * s) / ahead if abs(ahead) > 0.5 else 0.0
    bend = (bow_y * c - bow_x * s) / (piece.half * piece.half)
    return depth + tilt * away + bend * (away * away - piece.half * piece.half / 3)


def _way(rows: Sequence[tuple[RowKey | None, float]]) -> int:
    """1 if depths rise with the keys of rows, -1 if they fall, 0 if neither or too few."""
    depths: dict[RowKey, list[float]] = {}
    for key, depth in rows:
        if key is not None:
            depths.setdefault(key, []).append(depth)
    if len(depths) < 2:
        return 0
    steps = [
        after - before for before, after in pairwise(_mean(depths[key]) for key in sorted(depths))
    ]
    least = max(map(abs, steps)) * 1e-3
    if all(step > least for step in steps):
        return 1
    return -1 if all(step < -least for step in steps) else 0


def _is_behind_itself(
    block: Sequence[_Piece], look: Look, looks: Sequence[tuple[Sequence[_Piece], Look]]
) -> bool:
    """Whether parts of one row look the same way from behind each other.

    It is no row then, but a bay or an area with a name, and the order of names tells no front.
    """
    depths: dict[int, list[float]] = {}
    for other, seen in looks:
        if _along(look.towards, seen.towards) >= _SAME_WAY:
            for piece in other:
                depths.setdefault(piece.row, []).append(_along(piece.middle, look.towards))
    mine = {piece.row for piece in block}
    spread = max(
        (max(found) - min(found) for row, found in depths.items() if row in mine), default=0.0
    )
    steps = [abs(b - a) for a, b in pairwise(sorted(map(_mean, depths.values())))]
    return bool(steps) and spread > _SAME_DEPTH * sorted(steps)[len(steps) // 2]


def _along(point: Point, direction: Point) -> float:
    return point[0] * direction[0] + point[1] * direction[1]


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
