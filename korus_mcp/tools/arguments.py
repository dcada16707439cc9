"""Arguments: each kind defined once, so that it has the same words and rules in every tool."""

import re
import unicodedata
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from korus_mcp.foundation.handles import Handle, parse_handle
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.paging import Mark, mark_at
from korus_mcp.foundation.text import first_unsendable

EXAMPLE_ID: Final = "0194ac3f-7bdd-7175-a275-30c865618283"
EXAMPLE_HANDLE: Final = f"k3f7qa.{EXAMPLE_ID}"
CENT: Final = Decimal("0.01")
"""The least amount; one with a million zeros before its first digit is none."""
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}", re.ASCII)


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


def _day(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        raise ValueError("must be a day written YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("no such day in the calendar") from None


def _not_a_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic reads ValueError
    return value


def _amount(value: Any) -> Decimal:
    is_number = isinstance(value, int | float | str) and not isinstance(value, bool)
    try:
        amount = Decimal(str(value)) if is_number else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or not CENT <= amount < 10**7:
        raise ValueError("must be an amount in EUR above 0")
    return amount


def _sendable(value: str) -> str:
    """Text that goes upstream is taken as it is or refused, never altered in silence."""
    stripped = unicodedata.normalize("NFC", value).strip()
    if not stripped:
        raise ValueError("must not be empty")
    odd = first_unsendable(stripped)
    if odd is not None:
        raise ValueError(f"holds an invisible or control character U+{ord(odd):04X}")
    return stripped


def _language(value: str) -> str:
    if _LANGUAGE.fullmatch(value) is None:
        raise ValueError("must be the code of a language, like fr or pt-BR")
    return value


_TEXT_SCHEMA = WithJsonSchema({"type": "string"})

ProductBaseId: TypeAlias = Annotated[
    Handle,
    PlainValidator(_handle),
    _TEXT_SCHEMA,
    Field(description="From search_products", examples=[EXAMPLE_HANDLE]),
]
OfferId: TypeAlias = Annotated[
    Handle,
    PlainValidator(_handle),
    _TEXT_SCHEMA,
    Field(examples=[EXAMPLE_HANDLE]),
]
SessionId: TypeAlias = Annotated[
    str, AfterValidator(_resource_id), Field(min_length=1, examples=[EXAMPLE_ID])
]
ReservationId: TypeAlias = Annotated[
    str, AfterValidator(_resource_id), Field(min_length=1, examples=[EXAMPLE_ID])
]
TicketId: TypeAlias = Annotated[
    str,
    AfterValidator(_resource_id),
    Field(examples=[EXAMPLE_ID]),
]
WHOLE: Final = BeforeValidator(_not_a_flag)
"""Beside a whole number's limits: without it `true` would count as 1."""
Quantity: TypeAlias = Annotated[int, Field(ge=1, le=50, examples=[2]), WHOLE]
Day: TypeAlias = Annotated[
    date,
    PlainValidator(_day),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""Its form is said by the refusal; an example of our own would seldom lie in the days asked for."""
Amount: TypeAlias = Annotated[
    Decimal,
    PlainValidator(_amount),
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
    Annotated[str, AfterValidator(_language)] | None,
    Field(description="ISO code", examples=["en"]),
]
Words: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
WRITABLE: Final = AfterValidator(_sendable)
"""No invisible or control characters: databases take some of them for the end, or not at all."""
Sendable: TypeAlias = Annotated[str, Field(min_length=1, max_length=100), WRITABLE]
"""The length stands first: in the order of its notes a text is checked."""
