"""How an answer becomes an object: tolerant of what is missing, new or of a wrong type.

Rules (docs/domain.md, T7 and T31): only the id is needed; unknown keys are kept in `model_extra`;
enums stay text; a field of a wrong type leaves its raw value in `unread`, under its wire name, so
that one odd field never costs the resource around it. It reads as `UNREAD` where its type has room
for that: wherever its absence would mean something. Elsewhere it reads as if it were missing.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from korus_mcp.api import jsonld
from korus_mcp.foundation.unread import UNREAD, DayMoment, Unread, read_day

T = TypeVar("T")
R = TypeVar("R", bound="Resource")

OUR_TIME = range(1900, 2200)
"""Years a moment may lie in."""
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
_DATED: Final = re.compile(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHOLE: Final = Decimal(1)
_DIGITS: Final = 12
_FRACTION: Final = -6
_COUNTABLE: Final = 10**12


def read_money(value: object) -> Decimal | None:
    """A decimal string, or a number, as one that can be added up.

    Raises:
        ValueError: Anything but null, digits with an optional fraction, or such a number.
    """
    if value is None:
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    # true is a number to Python, and 1 euro to nobody.
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        # Bounded before it is written out: 1E+1000000 would fill the memory.
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and number.adjusted() < _DIGITS and exponent >= _FRACTION:
            return number if exponent <= 0 else number.quantize(_WHOLE)
    raise ValueError("not an amount")


def _read_count(value: object) -> object:
    """Keep true and false from being read as 1 and 0, and numbers beyond any count out."""
    if not isinstance(value, Decimal | int | float):
        return value
    if not isinstance(value, bool) and -_COUNTABLE < value < _COUNTABLE:
        return value
    raise ValueError("not a count")


def _none_below(left: int | Unread | None) -> int | Unread | None:
    return max(0, left) if isinstance(left, int) else left


def _dated(value: object) -> object:
    """Keep numbers, and texts of digits, from being read as seconds since 1970."""
    # pydantic takes 20260601 for a moment in August 1970.
    if value is None or isinstance(value, date) or (isinstance(value, str) and _DATED.match(value)):
        return value
    raise ValueError("not a date-time")


def _in_our_time(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.year not in OUR_TIME:
        raise ValueError("not of our time")
    return moment


def _read_link(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    link = value.get("@id") if isinstance(value, Mapping) else None
    if isinstance(link, str):
        return link
    raise ValueError("not a link")


def _read_id(value: object) -> str:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return jsonld.segment(str(value) if is_whole else value)


def _read_list(value: object) -> object:
    """A list; one with gaps arrives as an object with numbers for keys (a habit of PHP)."""
    if isinstance(value, Mapping) and all(str(key).isdecimal() for key in value):
        return list(value.values())
    return () if value is None else value


def _each_once(booked: tuple[R, ...]) -> tuple[R, ...]:
    # The first of equal ones: what comes after it is the same thing told again (T14).
    first: dict[str, R] = {}
    for each in booked:
        first.setdefault(each.id, each)
    return tuple(first.values())


def _read_failures(value: object) -> object:
    found = _read_list(value or None)
    if not isinstance(found, Mapping):
        return found
    # What is left is keyed by the addresses of what failed, or is one entry alone.
    by_address = any("/" in str(key) for key in found)
    return [{key: each} for key, each in found.items()] if by_address else [found]


Money = Annotated[Decimal | Unread | None, BeforeValidator(read_money)]
"""An amount in units of the currency, from a decimal string such as "100.00" or a number."""
Count = Annotated[int | Unread | None, BeforeValidator(_read_count)]
"""A whole number of things, such as a stock."""
Stock = Annotated[Count, AfterValidator(_none_below)]
"""What is left of something: what is oversold has nothing left."""
Flag = bool | Unread | None
"""Yes or no."""
Text = str | Unread | None
"""A text of which it matters whether it was there."""
Moment = Annotated[
    AwareDatetime | Unread | None, BeforeValidator(_dated), AfterValidator(_in_our_time)
]
"""A date-time with its own offset; without one it is not a moment and stays unread. So does one
far outside our time: deadlines and zones are reckoned from moments, and must stay in the calendar.
"""
Day = Annotated[date | DayMoment | Unread | None, BeforeValidator(read_day)]
"""A calendar day without zone; one that came as a date-time is a day once the zone is known."""
Link = Annotated[str | None, BeforeValidator(_read_link)]
"""The IRI of another resource; one that came embedded is reduced to its `@id`."""
SureLink = Annotated[str | Unread | None, BeforeValidator(_read_link)]
"""The same where it matters whether there was one."""
Failures = Annotated[tuple[T, ...], BeforeValidator(_read_failures)]
"""A list of what failed: also one that came as an object, by address, or as one entry alone."""
Many = Annotated[tuple[T, ...], BeforeValidator(_read_list)]
"""A list; null reads as empty, and so does a missing key (`model_fields_set` tells them apart)."""
Booked = Annotated[tuple[R, ...], BeforeValidator(_read_list), AfterValidator(_each_once)]
"""What was booked: a thing that is told twice was booked once."""
ResourceId = Annotated[str, BeforeValidator(_read_id)]
"""An opaque id that can stand in a path (T2)."""


def empty_is_absent(value: object) -> object:
    """An empty text, list or object is how many programs write that there is none.

    For fields whose every value says more than that; what else cannot be read stays unread.
    """
    return None if value in ("", [], {}) else value


def no_is_absent(value: object) -> object:
    """The same where false says so, too: for fields that are no yes or no."""
    return None if value is False else empty_is_absent(value)


class ApiModel(BaseModel):
    """Anything read from the API. Frozen; the representation never shows content."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # A name like 12 comes as a number from servers that guess at types.
        coerce_numbers_to_str=True,
        defer_build=True,
        # Errors end up in logs, and what was read may be a person's data.
        hide_input_in_errors=True,
    )

    must_fit: ClassVar[bool] = False
    """Whether a wrong type is an error after all: answers that tell what was booked."""

    indivisible: ClassVar[frozenset[str]] = frozenset()
    """Wire names of lists that make no sense without one of their members."""

    needed: ClassVar[frozenset[str]] = frozenset()
    """Wire names of lists that are never left out: one that is not there cannot be read."""

    _unread: dict[str, object] = PrivateAttr(default_factory=dict)

    @property
    def unread(self) -> Mapping[str, object]:
        """Raw values of the fields that came with a wrong type, by wire name."""
        return self._unread

    def lacks(self, name: str) -> bool:
        """Whether a field, or a member of it, came with a wrong type; by its name in Python."""
        return not self._unread.keys().isdisjoint({name, _wire_name(type(self), name)})

    @model_validator(mode="wrap")
    @classmethod
    def _read_leniently(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)._without(cls.needed)
        # Told apart from an empty list: no tickets and tickets that were left out differ (T7).
        absent = {name for name in cls.needed if data.get(name) is None}
        try:
            return handler(data)._without(absent)
        except ValidationError as error:
            # What was booked is never guessed at (T14).
            if cls.must_fit:
                raise
            readable, raw = _set_aside(cls, data, error.errors(include_input=False))
        # Once more, without the fields that failed; their raw values are kept beside it.
        model = handler(readable)
        model._unread.update(dict.fromkeys(absent) | raw)
        # It is frozen for those who read it, and it is not yet theirs.
        model.__dict__.update({n: UNREAD for n in _say_unread(cls) if model.lacks(n)})
        return model

    def _without(self, absent: Iterable[str]) -> Self:
        self._unread.update(dict.fromkeys(absent))
        return self

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("id", self.id)] if isinstance(self, Embedded) else []


class Embedded(ApiModel):
    """A part of a resource that may have an id; a bare IRI is one that knows only its id."""

    id: ResourceId | None = None
    at_id: str | None = Field(default=None, alias="@id")

    @property
    def iri(self) -> str | None:
        """The answered address, if it is one (T3, T18); paths are built from ids all the same."""
        return jsonld.usable_iri(self.at_id)

    @model_validator(mode="before")
    @classmethod
    def _id_from_iri(cls, data: object) -> object:
        # A bare IRI stands for its resource (A13); it must be one of this API.
        if isinstance(data, str):
            _, ids = jsonld.parse_iri(data)
            return {"@id": data, "id": ids[-1]}
        # Some parts come with `@id` alone; a placeholder in it gives no id (T3, T6).
        if isinstance(data, Mapping) and data.get("id") is None:
            iri = data.get("@id")
            usable = jsonld.usable_iri(iri) if isinstance(iri, str) else None
            return {**data, "id": jsonld.last_segment(usable)} if usable else data
        return data


class Resource(Embedded):
    """A thing with an id. A bare IRI is read as one that knows only its id (A13)."""

    id: ResourceId


class Failure(ApiModel):
    """An entry of a list of failures, whatever its shape: its members are not published (A12)."""

    subject: ClassVar[str] = ""
    """ApiModel name of the member that says what failed."""

    code: str | None = None
    message: str | None = None
    """Third-party text."""

    def told(self) -> Mapping[str, object]:
        """All that the entry says, whatever it calls it."""
        known = {name: getattr(self, name) for name in type(self).model_fields}
        return {**known, **(self.model_extra or {}), **self.unread}

    @model_validator(mode="before")
    @classmethod
    def _any_shape(cls, data: object) -> object:
        if isinstance(data, Mapping):
            return data
        if isinstance(data, list):
            return {"entries": data}
        # Nothing is told; that there is an entry still counts.
        if data is None or isinstance(data, bool):
            return {}
        iri = jsonld.usable_iri(data) if isinstance(data, str) else None
        return {cls.subject: iri} if iri else {"message": str(data)}


class BulkResult(ApiModel):
    """Successes and failures side by side, under status 200: both lists must be read (T14).

    Unlike elsewhere a wrong type is an error here: what was booked must not be misread.
    """

    must_fit: ClassVar[bool] = True

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, data: object) -> object:
        """Two nulls are no answer either: what was booked, if anything, is not known."""
        # By both names: in Python's, too, as tests and callers may write them.
        names = {n for name in cls.model_fields for n in (name, _wire_name(cls, name))}
        if isinstance(data, Mapping) and all(data.get(name) is None for name in names):
            raise ValueError("neither of the two lists is there")
        return data


@cache
def _say_unread(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields whose type has room for `UNREAD`."""
    fields = model.model_fields.items()
    return tuple(name for name, field in fields if Unread in get_args(field.annotation))


def _wire_name(model: type[BaseModel], name: str) -> str:
    return model.model_fields[name].alias or name


def _set_aside(
    model: type[ApiModel], data: Mapping[str, object], errors: list[ErrorDetails]
) -> tuple[dict[str, object], dict[str, object]]:
    """Split the data: what can be read, and the raw value of each field that cannot."""
    names = {_wire_name(model, name): name for name in model.model_fields}
    readable, raw = dict(data), dict[str, object]()
    spoiled: dict[str, set[object]] = {}
    for error in errors:
        wire, *inside = error["loc"] or ("",)
        spoiled.setdefault(str(wire), set()).add(inside[0] if inside else None)
    for wire, places in spoiled.items():
        key = wire if wire in data else names.get(wire, wire)
        # Without its id a resource is none: that error stands.
        if key not in data or wire == "id":
            continue
        raw[wire] = value = readable.pop(key)
        # Of a list only the odd members go, unless it makes no sense without them.
        of_members = all(isinstance(place, int) for place in places)
        if isinstance(value, list) and of_members and wire not in model.indivisible:
            readable[key] = [member for n, member in enumerate(value) if n not in places]
    return readable, raw
