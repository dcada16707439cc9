"""The layout of the seats, and the place an issuer gave (A10, A11)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, FiniteFloat, model_validator

from korus_mcp.api.models.base import ApiModel, Embedded, Link, Many, Resource


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


class SeatMap(Resource):
    """Layout of a venue; it says nothing about which seats are free."""

    zones: Many[Zone] = ()
    seating_categories: Many[SeatingCategory] = ()


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
