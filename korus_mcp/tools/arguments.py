"""Arguments: each kind defined once, so that it has the same words and rules in every tool."""

import unicodedata
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from korus_mcp.foundation.handles import Handle, parse_handle
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.paging import Mark, mark_at
from korus_mcp.foundation.text import first_unsendable
from korus_mcp.foundation.wishes import MOST_TICKETS, wished_amount, wished_day, wished_language

EXAMPLE_ID: Final = "0194ac3f-7bdd-7175-a275-30c865618283"
EXAMPLE_HANDLE: Final = f"k3f7qa.{EXAMPLE_ID}"


def _handle(value: Any) -> Handle:
    if isinstance(value, Handle):
        return value
    found = parse_handle(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not an id from an earlier answer")
    return found


def _resource_id(value: str) -> str:
    if not is_id(value):
        raise ValueError("not an id from an earlier answer")
    return value


def _day(value: Any) -> date:
    return value if isinstance(value, date) else wished_day(value)


def _not_a_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic reads ValueError
    return value


def _sendable(value: str) -> str:
    """Text that goes upstream is taken as it is or refused, never altered in silence."""
    # But for its form in Unicode and the blanks around it, which nobody sees or means.
    stripped = unicodedata.normalize("NFC", value).strip()
    if not stripped:
        raise ValueError("must not be empty")
    odd = first_unsendable(stripped)
    if odd is not None:
        raise ValueError(f"holds an invisible or control character U+{ord(odd):04X}")
    return stripped


_TEXT_SCHEMA = WithJsonSchema({"type": "string"})

OfferId: TypeAlias = Annotated[
    Handle, PlainValidator(_handle), _TEXT_SCHEMA, Field(examples=[EXAMPLE_HANDLE])
]
ProductBaseId: TypeAlias = Annotated[OfferId, Field(description="From search_products")]
_ResourceId: TypeAlias = Annotated[
    str, AfterValidator(_resource_id), Field(min_length=1, examples=[EXAMPLE_ID])
]
SessionId: TypeAlias = _ResourceId
ReservationId: TypeAlias = _ResourceId
TicketId: TypeAlias = _ResourceId
WHOLE: Final = BeforeValidator(_not_a_flag)
"""Beside a whole number's limits: without it `true` would count as 1."""
Quantity: TypeAlias = Annotated[int, Field(ge=1, le=MOST_TICKETS, examples=[2]), WHOLE]
Day: TypeAlias = Annotated[
    date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})
]
"""Its form is said by the refusal; an example of our own would seldom lie in the days asked for."""
Amount: TypeAlias = Annotated[
    Decimal,
    PlainValidator(wished_amount),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
    Field(examples=[60]),
]
Cursor: TypeAlias = Annotated[
    Mark | None,
    PlainValidator(lambda value: None if value is None else mark_at(value)),
    _TEXT_SCHEMA,
    Field(description="next_cursor"),
]
Language: TypeAlias = Annotated[
    Annotated[str, AfterValidator(wished_language)] | None,
    Field(description="ISO code", examples=["en"]),
]
Words: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
WRITABLE: Final = AfterValidator(_sendable)
"""No invisible or control characters: databases take some of them for the end, or not at all."""
Sendable: TypeAlias = Annotated[str, Field(min_length=1, max_length=100), WRITABLE]
"""The length stands first: in the order of its notes a text is checked."""
