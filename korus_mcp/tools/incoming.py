"""Limits the size of arguments before pydantic checks them, and drops those that say nothing.

Every argument of every tool passes here: a text or list without a limit of its own gets a default
one. Measuring is cheap, so a call of a megabyte is refused as quickly as a short one. Then what
says nothing is left out: many hosts have their models fill in every argument.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from korus_mcp.foundation.refusals import MAX_PROBLEMS, FieldProblem, invalid
from korus_mcp.foundation.wishes import is_zero

LONGEST: Final = 256
"""The most characters of a text whose argument declares no limit."""
LONGEST_JSON: Final = 65_536
"""The most characters of a list or an object that is passed as JSON text."""
MOST_ENTRIES: Final = 100
"""The most entries of a list whose argument declares no limit."""
MOST_NAMES: Final = 40
"""The most fields of an object, unknown ones included."""
MOST_DIGITS: Final = 1000
"""The most digits of a whole number: a longer one would take time before its limits refuse it."""
_MOST_BITS: Final = int(MOST_DIGITS * 3.32)


@dataclass(frozen=True)
class Kind:
    """What an argument is, and its limits: characters of a text, entries of a list.

    `fields` are the kinds of an object's fields, `entry` is the kind of a list's entries. Of an
    argument that `may_be_left_out`, `is_number` says that 0 cannot be meant: it says nothing.
    """

    longest: int = LONGEST
    is_free_text: bool = False
    is_number: bool = False
    may_be_left_out: bool = False
    entries: int = MOST_ENTRIES
    entry: "Kind | None" = None
    fields: Mapping[str, "Kind"] = field(default_factory=dict)

    @property
    def is_structure(self) -> bool:
        """Whether it is a list or an object."""
        return self.entry is not None or bool(self.fields)


def read(arguments: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The arguments of a call, within their limits, without those that say nothing.

    A list or an object may be passed as JSON text; where a text is wanted JSON stays a text.

    Raises:
        Refusal: INVALID_ARGUMENTS when something is too long.
    """
    kinds = kind_of(model)
    _measure(arguments, kinds, "")
    return dict(_said(_parsed(arguments, kinds, ""), kinds))


@cache
def kind_of(model: type[BaseModel]) -> Kind:
    """The kinds of all arguments of a model."""
    return Kind(
        fields={
            name: replace(_kind(f.annotation, f), may_be_left_out=not f.is_required())
            for name, f in model.model_fields.items()
        }
    )


def _kind(annotation: Any, *notes: Any) -> Kind:
    """The kind that an annotation and its metadata (`notes`) state."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        return _kind(inner, *own, *notes)
    if get_origin(annotation) in (Union, UnionType):
        # "X | None" has the limits of X: nulls are left out anyway.
        return _kind(next(a for a in get_args(annotation) if a is not type(None)), *notes)
    # Pydantic unpacks the metadata of a field, but not that of a list's entries.
    parts = (each.metadata if isinstance(each, FieldInfo) else [each] for each in notes)
    stated = [note for each in parts for note in each]
    most = min((n.max_length for n in stated if hasattr(n, "max_length")), default=None)
    # As JSON text a list may be longer; once parsed its entries are measured.
    if get_origin(annotation) is list:
        (entry,) = get_args(annotation)
        return Kind(LONGEST_JSON, entries=most or MOST_ENTRIES, entry=_kind(entry))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Kind(LONGEST_JSON, fields=kind_of(annotation).fields)
    schemas = [note.json_schema or {} for note in stated if isinstance(note, WithJsonSchema)]
    # A number whose schema begins at 0 is one for which 0 has a meaning of its own.
    is_number = annotation is int or any("exclusiveMinimum" in schema for schema in schemas)
    return Kind(most or LONGEST, is_free_text=annotation is str, is_number=is_number)


def _measure(value: Any, kind: Kind, path: str) -> None:
    problems = tuple(islice(_excess(value, kind, path), MAX_PROBLEMS))
    if problems:
        raise invalid(*problems)


def _excess(value: Any, kind: Kind, path: str) -> Iterator[FieldProblem]:
    """What is too long, found without going through anything that may be long."""
    most: str | None = None
    if isinstance(value, str) and len(value) > kind.longest:
        most = f"{kind.longest} characters"
    # By its bits: Python refuses to convert a number of some thousand digits to text.
    elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
        most = f"{MOST_DIGITS} digits"
    elif isinstance(value, Mapping) and kind.fields and len(value) > MOST_NAMES:
        most = f"{MOST_NAMES} fields"
    elif isinstance(value, list) and kind.entry and len(value) > kind.entries:
        most = f"{kind.entries} entries"
    if most is not None:
        yield FieldProblem(path or "arguments", f"must have at most {most}")
        return
    for place, each, own in _parts(value, kind):
        yield from _excess(each, own, _inside(path, place))


def _parts(value: Any, kind: Kind) -> Iterator[tuple[int | str, Any, Kind]]:
    """The known members of an object or the entries of a list, with their kinds."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name in kind.fields:
                yield name, each, kind.fields[name]
    elif isinstance(value, list) and kind.entry is not None:
        for place, each in enumerate(value):
            yield place, each, kind.entry


def _inside(path: str, place: int | str) -> str:
    return f"{path}.{place}" if path else str(place)


def _parsed(value: Any, kind: Kind, path: str) -> Any:
    """A value with the lists and objects in it that came as JSON texts; other texts as they are.

    Raises:
        Refusal: what was in a text is too long.
    """
    if isinstance(value, str):
        if not kind.is_structure:
            return value
        # A text that is no JSON, or nested too deep, stays a text and is refused as one later.
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        # "12" stays a text: an id of digits must not become a number.
        if isinstance(found, str | int | float):
            return value
        _measure(found, kind, path)
        value = found
    own = {
        place: _parsed(each, of, _inside(path, place)) for place, each, of in _parts(value, kind)
    }
    if isinstance(value, Mapping):
        return {**value, **own}
    return list(own.values()) if own else value


def _said(value: Any, kind: Kind) -> Any:
    """A value without the members that say nothing."""
    if isinstance(value, list):
        return [_said(each, of) for _, each, of in _parts(value, kind)] or value
    if not isinstance(value, Mapping) or not kind.fields:
        return value
    said = {}
    for name, each in value.items():
        own = kind.fields.get(name)
        # An unknown argument stays even if it is null: it will be refused by name.
        if own is None:
            said[name] = each
        elif not _says_nothing(each, own):
            said[name] = _said(each, own)
    return said


def _says_nothing(value: Any, kind: Kind) -> bool:
    """Whether a value is what callers send for an argument that they have nothing to say for."""
    # "null" may be a name or a word of a search, but nothing else.
    if value is None or value == "" or (value == "null" and not kind.is_free_text):
        return True
    if not kind.may_be_left_out:
        return False
    if kind.is_structure:
        is_empty = isinstance(value, list) and all(each is None or each == "" for each in value)
        return is_empty or value == {}
    return kind.is_number and is_zero(value)
