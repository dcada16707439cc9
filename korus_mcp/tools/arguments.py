"""Types of the tools' arguments, each defined once: the same words and rules in every tool."""

import unicodedata
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from korus_mcp.foundation.handles import Handle, parse_handle
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.paging import Mark, mark_at
from korus_mcp.foundation.text import first_unsendable
from korus_mcp.foundation.wishes import (
    MOST_TICKETS,
    is_zero,
    wished_amount,
    wished_day,
    wished_language,
    wished_weekdays,
)

EXAMPLE_ID: Final = "0194ac3f-7bdd-7175-a275-30c865618283"
EXAMPLE_HANDLE: Final = f"k3f7qa.{EXAMPLE_ID}"
MOST_OFFERS: Final = 10
"""The most offers of one question, as of one reserve call."""
LONGEST_HANDLE: Final = 80


def _handle(value: Any) -> Handle:
    if isinstance(value, Handle):
        return value
    found = parse_handle(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not an id from an earlier answer")
    return found


def _handles(value: Any) -> tuple[Handle, ...]:
    """One handle, or several with commas between them, each once."""
    if isinstance(value, tuple):
        return value
    pieces = value.split(",") if isinstance(value, str) else ()
    # A single one is taken exactly as it was told.
    texts = [piece.strip(" ") for piece in pieces] if len(pieces) > 1 else pieces
    found = dict.fromkeys(_handle(text) for text in texts if text)
    if not found:
        raise ValueError("not an id from an earlier answer")
    if len(found) > MOST_OFFERS:
        raise ValueError(f"must name at most {MOST_OFFERS} offers")
    return tuple(found)


def _resource_id(value: str) -> str:
    if not is_id(value):
        raise ValueError("not an id from an earlier answer")
    return value


def _day(value: Any) -> date:
    return value if isinstance(value, date) else wished_day(value)


def _amount_or_none(value: Any) -> Decimal:
    return Decimal(0) if is_zero(value) else wished_amount(value)


def _not_a_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic reads ValueError
    return value


def _sendable(value: str) -> str:
    """Check a text that is sent to the API: it is taken as it is or refused."""
    # Only its Unicode form and the white space around it are changed, which nobody sees.
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
OfferIds: TypeAlias = Annotated[
    tuple[Handle, ...],
    PlainValidator(_handles),
    _TEXT_SCHEMA,
    Field(max_length=MOST_OFFERS * LONGEST_HANDLE, examples=[EXAMPLE_HANDLE]),
]
ProductBaseId: TypeAlias = Annotated[OfferId, Field(description="From search_products")]
_ResourceId: TypeAlias = Annotated[
    str, AfterValidator(_resource_id), Field(min_length=1, examples=[EXAMPLE_ID])
]
SessionId: TypeAlias = _ResourceId
ReservationId: TypeAlias = _ResourceId
TicketId: TypeAlias = _ResourceId
ReservationIds: TypeAlias = Annotated[
    list[ReservationId], Field(min_length=1, max_length=10, description="From reserve")
]
WHOLE: Final = BeforeValidator(_not_a_flag)
"""Added to whole numbers: without it pydantic would take `true` for 1."""
Quantity: TypeAlias = Annotated[int, Field(ge=1, le=MOST_TICKETS, examples=[2]), WHOLE]
Day: TypeAlias = Annotated[
    date,
    PlainValidator(_day),
    WithJsonSchema({"type": "string", "description": "YYYY-MM-DD"}),
]
"""Described by its form, since many hosts drop the keyword `format`. Without an example: a fixed
day would seldom be one that can be asked for."""
Weekdays: TypeAlias = Annotated[
    tuple[int, ...], PlainValidator(wished_weekdays), _TEXT_SCHEMA, Field(examples=["sat,sun"])
]
Amount: TypeAlias = Annotated[
    Decimal,
    PlainValidator(wished_amount),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
    Field(examples=[60]),
]
AmountOrNone: TypeAlias = Annotated[
    Decimal,
    PlainValidator(_amount_or_none),
    WithJsonSchema({"type": "number", "minimum": 0}),
    Field(examples=[60]),
]
"""An amount of which 0 means that there is none, and is told so: what it limits is money."""
Cursor: TypeAlias = Annotated[
    Mark | None,
    PlainValidator(lambda value: None if value is None else mark_at(value)),
    _TEXT_SCHEMA,
    Field(description="next_cursor"),
]
Language: TypeAlias = Annotated[
    Annotated[str, AfterValidator(wished_language)] | None,
    Field(description="ISO", examples=["en"]),
]
Words: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
WRITABLE: Final = AfterValidator(_sendable)
"""Refuses invisible and control characters: databases refuse some, or cut the text at them."""
Sendable: TypeAlias = Annotated[str, Field(min_length=1, max_length=100), WRITABLE]
"""The length comes first: pydantic checks in the order of the annotations."""
