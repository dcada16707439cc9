"""The layout of the seats, and the place an issuer gave (A10, A11)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final, Self

from pydantic import (
    BeforeValidator,
    FiniteFloat,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)

from korus_mcp.api.models.base import ApiModel, Embedded, Link, Many, Resource

MOST_ZONES: Final = 2_000
"""The largest stadiums have some hundred."""
MOST_SEATS: Final = 150_000
"""Of all zones together, rows counted with them: more stand in no house, and each costs memory."""
MOST_CORNERS: Final = 50_000
"""Of all polygons together."""
MOST_CATEGORIES: Final = 500


def _read_polygon(value: object) -> object:
    """Corners as pairs; those that came as objects with `x` and `y` are read as well (A10)."""
    if not isinstance(value, list):
        return value
    return [(c.get("x"), c.get("y")) if isinstance(c, Mapping) else c for c in value]


Polygon = Annotated[
    tuple[tuple[FiniteFloat, FiniteFloat], ...] | None, BeforeValidator(_read_polygon)
]


class SeatingCategory(Embedded):
    """A price or comfort class of seats; `color` is #rrggbb."""

    name: str | None = None
    color: str | None = None
    option_value: Link = None


class Seat(ApiModel):
    """One seat: a label and its place in drawing units, `y` growing downwards."""

    name: str | None = None
    x: FiniteFloat | None = None
    y: FiniteFloat | None = None


class Row(ApiModel):
    """One row of seats."""

    name: str | None = None
    seats: Many[Seat] = ()


class Zone(Embedded):
    """An area of the venue; `rows` None is a standing or unnumbered zone, `polygon` its outline."""

    indivisible: ClassVar[frozenset[str]] = frozenset({"polygon"})

    name: str | None = None
    seating_category: Link = None
    option_value: Link = None
    capacity: int | None = None
    polygon: Polygon = None
    rows: tuple[Row, ...] | None = None


@dataclass(frozen=True)
class LeftOut:
    """How much of a map was not read because it has more than any house: 0 of a usual one.

    `has_unread_zones`: there are zones, or may be, in a form nobody can read.
    """

    zones: int = 0
    seats: int = 0
    has_unread_zones: bool = False


class SeatMap(Resource):
    """Layout of a venue; it says nothing about which seats are free.

    Of one that is larger than any house the first zones, seats and corners are read.
    """

    zones: Many[Zone] = ()
    seating_categories: Many[SeatingCategory] = ()
    _left_out: LeftOut = PrivateAttr(default_factory=LeftOut)

    @property
    def left_out(self) -> LeftOut:
        """What was not read of it."""
        return self._left_out

    @model_validator(mode="wrap")
    @classmethod
    def _read_so_much(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)
        bounded, left_out = _bounded(data)
        model = handler(bounded)
        # A map without zones and one whose zones nobody can read are told apart.
        is_told = data.get("zones") is not None and not model.lacks("zones")
        model._left_out = replace(left_out, has_unread_zones=not is_told)
        return model


class Seating(ApiModel):
    """The place an issuer allocated, as printed text; one that came as a text is read as a seat."""

    zone: str | None = None
    seating_category: str | None = None
    row: str | None = None
    seat: str | None = None
    entrance: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _any_shape(cls, data: object) -> object:
        return {"seat": data} if isinstance(data, str) else data


def _bounded(data: Mapping[str, object]) -> tuple[dict[str, object], LeftOut]:
    """The members of a map that are read, before anything is made of them."""
    bounded = dict(data)
    categories, zones = _listed(data.get("seatingCategories")), _listed(data.get("zones"))
    if categories is not None and len(categories) > MOST_CATEGORIES:
        bounded["seatingCategories"] = categories[:MOST_CATEGORIES]
    if zones is None:
        return bounded, LeftOut()
    # Counted before pydantic makes objects of them: a hostile map must not fill the memory.
    seats_left, corners_left, seats_out = MOST_SEATS, MOST_CORNERS, 0
    kept: list[object] = []
    for zone in zones[:MOST_ZONES]:
        kept.append(zone)
        if not isinstance(zone, Mapping):
            continue
        seats, corners = _seats_in(zone.get("rows")), _count(zone.get("polygon"))
        # A zone that passes a bound stays without seats or outline: it can be sold all the same.
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
    """The members of a list, or of an object that stands for one with gaps."""
    if isinstance(value, Mapping):
        return list(value.values()) if all(str(key).isdecimal() for key in value) else None
    return value if isinstance(value, list) else None


def _seats_in(rows: object) -> int:
    found = rows if isinstance(rows, list) else []
    return len(found) + sum(_count(row.get("seats")) for row in found if isinstance(row, Mapping))


def _count(value: object) -> int:
    return len(value) if isinstance(value, list | Mapping) else 0
