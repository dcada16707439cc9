"""Maps of the kinds of halls that are easily misread, as small as can be, in the API's JSON."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from tests.seating.awkward import row

Json: TypeAlias = dict[str, Any]


def line(name: str, y: float, *xs: float) -> Json:
    """A row at one height, its seats listed in this order."""
    return row(name, *((x, y) for x in xs))


def column(name: str, x: float, *ys: float) -> Json:
    """A row at the side of a hall, its seats listed in this order."""
    return row(name, *((x, y) for y in ys))


def zone(name: str, *rows: Json, **fields: Any) -> Json:
    """A zone of some rows."""
    return {"name": name, **({"rows": list(rows)} if rows else {}), **fields}


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    """An upright rectangle."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def stacked(names: Sequence[str], *xs: float, top: float = 0, step: float = 10) -> list[Json]:
    """Equal rows with these names, from the top to the bottom."""
    return [line(name, top + step * n, *xs) for n, name in enumerate(names)]
