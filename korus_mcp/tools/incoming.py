"""Arguments as they come in: measured before anything else is done with them.

Every argument of every tool passes here, however it is declared: a text that states no length of
its own has one all the same. What is measured is cheap, so a call of a megabyte is refused as
quickly as a short one. Then what says nothing is left out: null, and an empty text.
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
"""Characters of a text that states no length of its own."""
LONGEST_JSON: Final = 65_536
"""Characters of a list or an object that comes as its JSON text."""
MOST_ENTRIES: Final = 100
"""Entries of a list that states no length of its own."""
MOST_NAMES: Final = 40
"""Named values of an object, unknown ones included."""
MOST_DIGITS: Final = 1000
"""Of a whole number; each is refused by its own limits, but writing it out takes time."""
_MOST_BITS: Final = int(MOST_DIGITS * 3.32)


@dataclass(frozen=True)
class Kind:
    """How much an argument may hold: a text so many characters, a list so many entries.

    `fields` are those of an object, `entry` is what a list consists of.
    """

    longest: int = LONGEST
    is_text: bool = False
    entries: int = MOST_ENTRIES
    entry: "Kind | None" = None
    fields: Mapping[str, "Kind"] = field(default_factory=dict)

    @property
    def is_structure(self) -> bool:
        """Whether it is a list or an object."""
        return self.entry is not None or bool(self.fields)


def read(arguments: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The arguments of a call, measured, without nulls and empty texts.

    A list or an object may come as its JSON text; a text that happens to be JSON stays a text.

    Raises:
        Refusal: INVALID_ARGUMENTS when there is too much of something.
    """
    # Measured twice: as it came, before anything is parsed, and then what was spelled in JSON.
    kinds = kind_of(model)
    _measure(arguments, kinds)
    parsed = {name: _parsed(value, kinds.fields.get(name)) for name, value in arguments.items()}
    _measure(parsed, kinds)
    return dict(_said(parsed, kinds))


@cache
def kind_of(model: type[BaseModel]) -> Kind:
    """How much the arguments of a model may hold."""
    return Kind(fields={name: _kind(f.annotation, f) for name, f in model.model_fields.items()})


def _kind(annotation: Any, *notes: Any) -> Kind:
    """The kind of an annotation, with what is noted around it."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        return _kind(inner, *own, *notes)
    if get_origin(annotation) in (Union, UnionType):
        # "X or null" is measured as X: null is left out before anything else is.
        return _kind(next(a for a in get_args(annotation) if a is not type(None)), *notes)
    # Pydantic has taken the notes of a field apart already; those of an entry are as written.
    parts = (each.metadata if isinstance(each, FieldInfo) else [each] for each in notes)
    stated = [note for each in parts for note in each]
    most = min((n.max_length for n in stated if hasattr(n, "max_length")), default=None)
    # As JSON text a list is longer than its entries; what it spells is measured once more.
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
    """What is too long or too much, found without reading anything that may be long."""
    most: str | None = None
    if isinstance(value, str) and len(value) > kind.longest:
        most = f"{kind.longest} characters"
    # Its bits are counted, since Python refuses to write out a number of some thousand digits.
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
    """The list or object that a text spells, where one belongs; anything else as it is."""
    if kind is None or not kind.is_structure or not isinstance(value, str):
        return value
    # What is no JSON, or nested without end, is left to be refused as the text it is.
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    # "12" stays a text: it is refused as what it is, and an id made of digits is no number.
    return value if isinstance(found, str | int | float) else found


def _said(value: Any, kind: Kind | None) -> Any:
    """The same without null, and without empty texts where a text belongs: as if left out."""
    if isinstance(value, list) and kind is not None and kind.entry is not None:
        return [_said(each, kind.entry) for each in value]
    if not isinstance(value, Mapping) or kind is None or not kind.fields:
        return value
    said = {}
    for name, each in value.items():
        own = kind.fields.get(name)
        # An unknown argument stays, whatever it says: it is refused by its name.
        if own is None or not (each is None or (own.is_text and each == "")):
            said[name] = _said(each, own)
    return said
