"""Base classes of the models, which tolerate missing, new and wrong fields.

Rules (docs/domain.md, T7 and T31): only the id is required; unknown keys are kept in
`model_extra`; enums stay text. The raw value of a field of a wrong type is kept in `unread`, under
its name in the API, so that one odd field never spoils the whole resource. The field itself is then
`UNREAD` if its type allows that, which is so wherever None would mean something; else it has its
default, as if it were missing.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, get_args

import pydantic
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from korus_mcp.api import jsonld
from korus_mcp.api.models import values
from korus_mcp.api.models.values import read_list
from korus_mcp.foundation.unread import UNREAD, Unread

R = TypeVar("R", bound="Resource")
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


def _each_once(booked: tuple[R, ...]) -> tuple[R, ...]:
    # The first of entries with the same id: the others repeat it (T14).
    first: dict[str, R] = {}
    for each in booked:
        first.setdefault(each.id, each)
    return tuple(first.values())


Booked = Annotated[
    tuple[R, ...], pydantic.BeforeValidator(read_list), pydantic.AfterValidator(_each_once)
]
"""A list of what was booked, without entries that repeat an id."""


class ApiModel(pydantic.BaseModel):
    """Base of all models. They are frozen, and their `repr` never shows content."""

    model_config = pydantic.ConfigDict(
        extra="allow",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # Servers that guess types send a name like "12" as a number.
        coerce_numbers_to_str=True,
        defer_build=True,
        # Errors end up in logs, and the input may be personal data.
        hide_input_in_errors=True,
    )

    must_fit: ClassVar[bool] = False
    """Whether a wrong type is an error: so it is for answers that say what was booked."""

    indivisible: ClassVar[frozenset[str]] = frozenset()
    """API names of lists that make no sense if one of their members is unreadable."""

    needed: ClassVar[frozenset[str]] = frozenset()
    """API names of lists that are never left out: a missing one counts as unreadable."""

    _unread: Mapping[str, object] | None = None

    @property
    def unread(self) -> Mapping[str, object]:
        """Raw values of the fields that had a wrong type, by their names in the API."""
        # Asked of each row of a hall: the usual way to a private attribute is a slow one.
        return (self.__pydantic_private__ or {}).get("_unread") or _NOTHING

    def lacks(self, name: str) -> bool:
        """Whether a field (by its Python name), or a member of it, had a wrong type."""
        unread = self.unread  # mostly all was readable
        return bool(unread) and not unread.keys().isdisjoint({name, _wire_name(type(self), name)})

    @pydantic.model_validator(mode="wrap")
    @classmethod
    def _read_leniently(
        cls, data: object, handler: pydantic.ModelWrapValidatorHandler[Self]
    ) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)._without(cls.needed)
        # Not the same as an empty list: an offer without tickets is not one whose tickets are
        # missing from the answer (T7).
        absent = {name for name in cls.needed if data.get(name) is None} if cls.needed else ()
        try:
            return handler(data)._without(absent)
        except pydantic.ValidationError as error:
            # No guesses at what was booked (T14).
            if cls.must_fit:
                raise
            readable, raw = _set_aside(cls, data, error.errors(include_input=False))
        # Validated again without the fields that failed; their raw values are kept in `unread`.
        model = handler(readable)
        model._unread = {**model.unread, **dict.fromkeys(absent), **raw}
        # Past the freeze: nobody else has this new model yet.
        model.__dict__.update({n: UNREAD for n in _say_unread(cls) if model.lacks(n)})
        return model

    def _without(self, absent: Iterable[str]) -> Self:
        # Most answers are whole: a private attribute is slow to reach.
        if absent:
            self._unread = {**self.unread, **dict.fromkeys(absent)}
        return self

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("id", self.id)] if isinstance(self, Embedded) else []


class Embedded(ApiModel):
    """A part of a resource that may have an id; a bare IRI becomes one with an id only."""

    id: values.ResourceId | None = None
    at_id: str | None = pydantic.Field(default=None, alias="@id")

    @property
    def iri(self) -> str | None:
        """The `@id`, if it is a real IRI (T3, T18). Paths are never built from it, but from ids."""
        return jsonld.usable_iri(self.at_id)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _id_from_iri(cls, data: object) -> object:
        # A bare IRI stands for its resource (A13); it must be an IRI of this API.
        if isinstance(data, str):
            _, ids = jsonld.parse_iri(data)
            return {"@id": data, "id": ids[-1]}
        # Some parts have an `@id` only; one with a placeholder gives no id (T3, T6).
        if isinstance(data, Mapping) and data.get("id") is None:
            iri = data.get("@id")
            usable = jsonld.usable_iri(iri) if isinstance(iri, str) else None
            return {**data, "id": jsonld.last_segment(usable)} if usable else data
        return data


class Resource(Embedded):
    """A resource, which always has an id. A bare IRI becomes one with an id only (A13)."""

    id: values.ResourceId


class Failure(ApiModel):
    """An entry of a list of failures, in any form: the API publishes none (A12)."""

    subject: ClassVar[str] = ""
    """The name of the field that says what failed."""

    code: str | None = None
    message: str | None = None
    """Third-party text."""

    def told(self) -> Mapping[str, object]:
        """All fields of the entry, with those that are not documented."""
        known = {name: getattr(self, name) for name in type(self).model_fields}
        return {**known, **(self.model_extra or {}), **self.unread}

    @pydantic.model_validator(mode="before")
    @classmethod
    def _any_shape(cls, data: object) -> object:
        if isinstance(data, Mapping):
            return data
        if isinstance(data, list):
            return {"entries": data}
        # The entry says nothing, but it still counts as a failure.
        if data is None or isinstance(data, bool):
            return {}
        iri = jsonld.usable_iri(data) if isinstance(data, str) else None
        return {cls.subject: iri} if iri else {"message": str(data)}


class BulkResult(ApiModel):
    """Successes and failures of one call, with status 200: always look at both lists (T14).

    Unlike elsewhere a wrong type is an error here: what was booked must not be misread.
    """

    must_fit: ClassVar[bool] = True

    @pydantic.model_validator(mode="before")
    @classmethod
    def _says_something(cls, data: object) -> object:
        """Refuse an answer without either list: it does not say what was booked, if anything."""
        # Python names are accepted as well as API names: tests and callers may use them.
        names = {n for name in cls.model_fields for n in (name, _wire_name(cls, name))}
        if isinstance(data, Mapping) and all(data.get(name) is None for name in names):
            raise ValueError("neither of the two lists is there")
        return data


@cache
def _say_unread(model: type[pydantic.BaseModel]) -> tuple[str, ...]:
    """The fields whose type includes `UNREAD`."""
    fields = model.model_fields.items()
    return tuple(name for name, field in fields if Unread in get_args(field.annotation))


def _wire_name(model: type[pydantic.BaseModel], name: str) -> str:
    return model.model_fields[name].alias or name


def _set_aside(
    model: type[ApiModel], data: Mapping[str, object], errors: list[ErrorDetails]
) -> tuple[dict[str, object], dict[str, object]]:
    """Split the data into the readable fields, and the raw values of the others."""
    names = {_wire_name(model, name): name for name in model.model_fields}
    readable, raw = dict(data), dict[str, object]()
    spoiled: dict[str, set[object]] = {}
    for error in errors:
        wire, *inside = error["loc"] or ("",)
        spoiled.setdefault(str(wire), set()).add(inside[0] if inside else None)
    for wire, places in spoiled.items():
        key = wire if wire in data else names.get(wire, wire)
        # A resource needs its id: that error stands.
        if key not in data or wire == "id":
            continue
        raw[wire] = value = readable.pop(key)
        # Only the wrong members of a list are dropped, unless it makes no sense without them.
        of_members = all(isinstance(place, int) for place in places)
        if isinstance(value, list) and of_members and wire not in model.indivisible:
            readable[key] = [member for n, member in enumerate(value) if n not in places]
    return readable, raw
