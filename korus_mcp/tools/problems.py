"""Describes wrong arguments without repeating them: field, problem, an example that is accepted."""

import difflib
from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from korus_mcp.foundation.refusals import MAX_PROBLEMS, FieldProblem
from korus_mcp.foundation.text import clean_line

_NAME_LIMIT: Final = 40
_SAID: Final = {
    "missing": "required",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_pattern_mismatch": "not written as it should be",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
}
"""Pydantic's error type -> our words; its own sentences quote patterns and what was given."""
_OTHERWISE: Final = "not as the tool describes it"


def field_problems(error: ValidationError, model: type[BaseModel]) -> tuple[FieldProblem, ...]:
    """The first problems of refused arguments. Names of unknown arguments are cut and cleaned."""
    found = error.errors(include_url=False, include_input=False, include_context=True)
    return tuple(_problem(each, model) for each in found[:MAX_PROBLEMS])


def _problem(error: ErrorDetails, model: type[BaseModel]) -> FieldProblem:
    place = error["loc"]
    path = ".".join(clean_line(str(part), _NAME_LIMIT) for part in place)
    if error["type"] == "extra_forbidden":
        # Cut first, because comparing a long name (difflib) takes long.
        name, (_, inner) = str(place[-1])[:_NAME_LIMIT], _at(model, place[:-1])
        return FieldProblem(path, _unknown(name, list(inner.model_fields if inner else ())))
    said = _SAID.get(error["type"], _OTHERWISE).format_map(error.get("ctx", {}))
    example = _example_of(_at(model, place)[0])
    return FieldProblem(path, said, None if example is None else str(example))


def _example_of(field: FieldInfo | None) -> object | None:
    """The first example of a field, also of the X in "X | None"; not that of a list's entries."""
    if field is None:
        return None
    # Pydantic does not unpack the metadata inside "X | None".
    kinds = get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else ()
    notes = (note for kind in kinds if get_origin(kind) is Annotated for note in get_args(kind)[1:])
    inner = (note.examples for note in notes if isinstance(note, FieldInfo) and note.examples)
    examples: list[Any] = field.examples or next(inner, [])
    return next(iter(examples), None)


def _unknown(name: str, accepted: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, accepted, n=1)
    hint = f"did you mean {close[0]}?" if close else f"accepted: {', '.join(accepted)}"
    return f"unknown argument; {hint}"


def _at(
    model: type[BaseModel], place: Iterable[int | str]
) -> tuple[FieldInfo | None, type[BaseModel] | None]:
    """The field at a path, and the model it contains. For an empty path: None and the model."""
    field: FieldInfo | None = None
    inner: type[BaseModel] | None = model
    # Numbers in a path are positions in lists and do not change the model.
    for part in (part for part in place if isinstance(part, str)):
        field = inner.model_fields.get(part) if inner is not None else None
        inner = _model_in(field.annotation) if field is not None else None
    return field, inner


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for arg in get_args(annotation) if (m := _model_in(arg)) is not None), None)
