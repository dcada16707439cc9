"""Seat maps, and the places that issuers allocate (A10, A11)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final, Self

import pydantic

from korus_mcp.api.models import values
from korus_mcp.api.models.base import ApiModel, Embedded, Resource

MOST_ZONES: Final = 2_000
"""The most zones of a map; the largest stadiums have a few hundred."""
MOST_SEATS: Final = 150_000
"""The most seats and rows of all zones together: no venue has more, and each takes memory."""
MOST_CORNERS: Final = 50_000
"""The most corners of all polygons together."""
MOST_CATEGORIES: Final = 500


def _read_corners(value: object) -> object:
    """Parse the corners of a polygon: pairs, or objects with `x` and `y` (A10)."""
    if not isinstance(value, list):
        return value
    return [(c.get("x"), c.get("y")) if isinstance(c, Mapping) else c for c in value]


_Point = tuple[pydantic.FiniteFloat, pydantic.FiniteFloat]
Polygon = Annotated[tuple[_Point, ...] | None, pydantic.BeforeValidator(_read_corners)]


class SeatingCategory(Embedded):
    """A price or comfort class of seats; `color` is #rrggbb."""

    name: str | None = None
    color: str | None = None
    option_value: values.Link = None


class Seat(ApiModel):
    """One seat: its name, and its place in the map's own units; `y` grows downwards."""

    name: str | None = None
    x: pydantic.FiniteFloat | None = None
    y: pydantic.FiniteFloat | None = None


class Row(ApiModel):
    """One row of seats."""

    name: str | None = None
    seats: values.Many[Seat] = ()


class Zone(Embedded):
    """An area of the venue with its outline `polygon`; `rows` is None if seats have no numbers."""

    indivisible: ClassVar[frozenset[str]] = frozenset({"polygon"})

    name: str | None = None
    seating_category: values.Link = None
    option_value: values.Link = None
    capacity: int | None = None
    polygon: Polygon = None
    rows: tuple[Row, ...] | None = None


@dataclass(frozen=True)
class LeftOut:
    """How much of a map was left out since it is larger than any real venue; usually all 0.

    `has_unread_zones`: there are, or may be, zones in a form that cannot be parsed.
    """

    zones: int = 0
    seats: int = 0
    has_unread_zones: bool = False


class SeatMap(Resource):
    """The layout of a venue, which does not say which seats are free.

    Of a map larger than any real venue only the first zones, seats and corners are kept.
    """

    zones: values.Many[Zone] = ()
    seating_categories: values.Many[SeatingCategory] = ()
    _left_out: LeftOut = pydantic.PrivateAttr(default_factory=LeftOut)

    @property
    def left_out(self) -> LeftOut:
        """What was left out of this map."""
        return self._left_out

    @pydantic.model_validator(mode="wrap")
    @classmethod
    def _read_so_much(cls, data: object, handler: pydantic.ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)
        bounded, left_out = _bounded(data)
        model = handler(bounded)
        # A map without zones is not the same as one whose zones cannot be parsed.
        is_told = data.get("zones") is not None and not model.lacks("zones")
        model._left_out = replace(left_out, has_unread_zones=not is_told)
        return model


class Seating(ApiModel):
    """The place an issuer allocated, in texts to print; a bare text becomes `seat`."""

    zone: str | None = None
    seating_category: str | None = None
    row: str | None = None
    seat: str | None = None
    entrance: str | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _any_shape(cls, data: object) -> object:
        return {"seat": data} if isinstance(data, str) else data


def _bounded(data: Mapping[str, object]) -> tuple[dict[str, object], LeftOut]:
    """The members of a map cut to the bounds, before models are made of them."""
    bounded = dict(data)
    categories, zones = _listed(data.get("seatingCategories")), _listed(data.get("zones"))
    if categories is not None and len(categories) > MOST_CATEGORIES:
        bounded["seatingCategories"] = categories[:MOST_CATEGORIES]
    if zones is None:
        return bounded, LeftOut()
    # Counted before pydantic makes models: a hostile map must not fill the memory.
    seats_left, corners_left, seats_out = MOST_SEATS, MOST_CORNERS, 0
    kept: list[object] = []
    for zone in zones[:MOST_ZONES]:
        kept.append(zone)
        if not isinstance(zone, Mapping):
            continue
        seats, corners = _seats_in(zone.get("rows")), _count(zone.get("polygon"))
        # A zone beyond a bound is kept without seats or outline: it can still be sold.
        without = {"rows"} if seats > seats_left else set()
        without |= {"polygon"} if corners > corners_left else set()
        if without:
            kept[-1] = {key: value for key, value in zone.items() if key not in without}
        seats_out += seats if "rows" in without else 0
        seats_left -= 0 if "rows" in without else seats
        corners_left -= 0 if "polygon" in without else corners
    bounded["zones"] = kept
    return bounded, LeftOut(zones=len(zones) - len(kept), seats=seats_out)


def _listed(value: object) -> list[object] | None:
    """The members of a list, or of an object by which PHP writes a list with gaps."""
    if isinstance(value, Mapping):
        return list(value.values()) if all(str(key).isdecimal() for key in value) else None
    return value if isinstance(value, list) else None


def _seats_in(rows: object) -> int:
    found = rows if isinstance(rows, list) else []
    return len(found) + sum(_count(row.get("seats")) for row in found if isinstance(row, Mapping))


def _count(value: object) -> int:
    return len(value) if isinstance(value, list | Mapping) else 0
