"""Seat maps, and the places that issuers allocate (A10, A11)."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Annotated, Any, ClassVar, Final, Self, cast, overload

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
_BETWEEN: Final = "\0"
"""Between the names of seats in one text."""


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


class PlainSeats(Sequence[Seat]):
    """Seats that have a place, and a name or none: all that an issuer mostly tells.

    They are kept as columns, and a `Seat` is made when one is asked for: as models 100,000 seats
    would take a second to read, and 90 MB.
    """

    __slots__ = ("_names", "xs", "ys")

    def __init__(self, names: str | None, xs: "array[float]", ys: "array[float]") -> None:
        self._names, self.xs, self.ys = names, xs, ys

    @classmethod
    def of(cls, members: Sequence[object]) -> Self | None:
        """The seats of a list as JSON has it; None if one of them is not plain."""
        if set(map(type, members)) != {dict}:
            return None
        plain = cast("Sequence[dict[str, Any]]", members)
        keys = ("x", "y", "name") if "name" in plain[0] else ("x", "y")
        if set(map(len, plain)) != {len(keys)}:
            return None
        try:
            across, down, *named = [[each[key] for each in plain] for key in keys]
        except KeyError:
            return None
        xs, ys = _numbers(across), _numbers(down)
        if xs is None or ys is None:
            return None
        if not named:
            return cls(None, xs, ys)
        (names,) = named
        if set(map(type, names)) != {str}:
            return None
        together = _BETWEEN.join(names)
        return cls(together, xs, ys) if together.count(_BETWEEN) == len(names) - 1 else None

    @property
    def names(self) -> Sequence[str | None]:
        """The name of each."""
        return [None] * len(self.xs) if self._names is None else self._names.split(_BETWEEN)

    def __len__(self) -> int:
        return len(self.xs)

    def __iter__(self) -> Iterator[Seat]:
        for name, x, y in zip(self.names, self.xs, self.ys, strict=True):
            yield Seat(name=name, x=x, y=y)

    @overload
    def __getitem__(self, place: int) -> Seat: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Seat]: ...
    def __getitem__(self, place: int | slice) -> Seat | Sequence[Seat]:
        if isinstance(place, slice):
            return tuple(self)[place]
        return Seat(name=self.names[place], x=self.xs[place], y=self.ys[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash((self._names, self.xs.tobytes(), self.ys.tobytes()))


def _numbers(found: Sequence[object]) -> "array[float] | None":
    """A column of finite numbers; None if one is something else."""
    if not set(map(type, found)) <= {int, float}:
        return None
    try:
        numbers = array("d", cast("Sequence[float]", found))
    except OverflowError:  # a whole number of hundreds of digits
        return None
    # A sum is finite only if all of it is, but for numbers so large that it is not even then.
    return numbers if isfinite(sum(numbers)) or all(map(isfinite, numbers)) else None


def _read_seats(value: object, handler: pydantic.ValidatorFunctionWrapHandler) -> Sequence[Seat]:
    if isinstance(value, PlainSeats):
        return value
    listed = values.read_list(value)
    plain = PlainSeats.of(listed) if isinstance(listed, list) and listed else None
    return tuple(handler(listed)) if plain is None else plain


class Row(ApiModel):
    """One row of seats."""

    name: str | None = None
    seats: Annotated[Sequence[Seat], pydantic.WrapValidator(_read_seats)] = ()


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
