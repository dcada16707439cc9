"""Limits the size of arguments before pydantic checks them, and drops those that are empty.

Every argument of every tool passes here: a text or list without a limit of its own gets a default
one. Measuring is cheap, so a call of a megabyte is refused as quickly as a short one. Then nulls
and empty texts are left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from korus_mcp.foundation.refusals import FieldProblem, invalid
from korus_mcp.tools.problems import MAX_PROBLEMS

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
    """The limits of an argument: characters of a text, entries of a list.

    `fields` are the kinds of an object's fields, `entry` is the kind of a list's entries.
    """

    longest: int = LONGEST
    is_text: bool = False
    entries: int = MOST_ENTRIES
    entry: "Kind | None" = None
    fields: Mapping[str, "Kind"] = field(default_factory=dict)


def read(arguments: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The arguments of a call, within their limits, without nulls and empty texts.

    A list or an object may be passed as JSON text; where a text is wanted JSON stays a text.

    Raises:
        Refusal: INVALID_ARGUMENTS when something is too long.
    """
    # Measured twice: before anything is parsed, and again after JSON texts were parsed.
    kinds = kind_of(model)
    _measure(arguments, kinds)
    parsed = {name: _parsed(value, kinds.fields.get(name)) for name, value in arguments.items()}
    _measure(parsed, kinds)
    return dict(_said(parsed, kinds))


@cache
def kind_of(model: type[BaseModel]) -> Kind:
    """The limits of all arguments of a model."""
    return Kind(fields={name: _kind(f.annotation, f) for name, f in model.model_fields.items()})


def _kind(annotation: Any, *notes: Any) -> Kind:
    """The limits that an annotation and its metadata (`notes`) state."""
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
    is_text = annotation is str or get_origin(annotation) is Literal
    is_text = is_text or any(schema.get("type") == "string" for schema in schemas)
    return Kind(most or LONGEST, is_text=is_text)


def _measure(arguments: Mapping[str, Any], kinds: Kind) -> None:
    problems = tuple(islice(_excess(arguments, kinds, ""), MAX_PROBLEMS))
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
    inside = f"{path}." if path else ""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name in kind.fields:
                yield from _excess(each, kind.fields[name], f"{inside}{name}")
    elif isinstance(value, list) and kind.entry is not None:
        for place, each in enumerate(value):
            yield from _excess(each, kind.entry, f"{inside}{place}")


def _parsed(value: Any, kind: Kind | None) -> Any:
    """The list or object in a JSON text, where one is wanted; any other value as it is."""
    if kind is None or not (kind.entry or kind.fields) or not isinstance(value, str):
        return value
    # A text that is no JSON, or nested too deep, stays a text and is refused as one later.
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    # "12" stays a text: an id of digits must not become a number.
    return value if isinstance(found, str | int | float) else found


def _said(value: Any, kind: Kind | None) -> Any:
    """A value without nulls, and without empty texts where a text is wanted."""
    if isinstance(value, list) and kind is not None and kind.entry is not None:
        return [_said(each, kind.entry) for each in value]
    if not isinstance(value, Mapping) or kind is None or not kind.fields:
        return value
    said = {}
    for name, each in value.items():
        own = kind.fields.get(name)
        # An unknown argument stays even if it is null: it will be refused by name.
        if own is None or not (each is None or (own.is_text and each == "")):
            said[name] = _said(each, own)
    return said
