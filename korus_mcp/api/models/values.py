"""Field types of the models: how each kind of value in an answer is read.

A value that cannot be read is an error here; the models keep it aside (`base.py`).
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from korus_mcp.api import jsonld
from korus_mcp.foundation.unread import DayMoment, Unread, read_day

T = TypeVar("T")

OUR_TIME = range(1900, 2200)
"""Years that a date-time may lie in."""
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
_DATED: Final = re.compile(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHOLE: Final = Decimal(1)
_DIGITS: Final = 12
_FRACTION: Final = -6
_COUNTABLE: Final = 10**12


def read_money(value: object) -> Decimal | None:
    """Parse an amount, a decimal string or a number.

    Raises:
        ValueError: Anything but null, digits with an optional fraction, or such a number.
    """
    if value is None:
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    # In Python True is a number, but it is not 1 euro.
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        # Checked before the digits are written out: 1E+1000000 would fill the memory.
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and number.adjusted() < _DIGITS and exponent >= _FRACTION:
            return number if exponent <= 0 else number.quantize(_WHOLE)
    raise ValueError("not an amount")


def _read_count(value: object) -> object:
    """Refuse true and false, which pydantic would take for 1 and 0, and absurdly large numbers."""
    if not isinstance(value, Decimal | int | float):
        return value
    if not isinstance(value, bool) and -_COUNTABLE < value < _COUNTABLE:
        return value
    raise ValueError("not a count")


def _none_below(left: int | Unread | None) -> int | Unread | None:
    return max(0, left) if isinstance(left, int) else left


def _dated(value: object) -> object:
    """Refuse numbers and texts of digits, which pydantic would take for seconds since 1970."""
    # For example, 20260601 would become a moment in August 1970.
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


def read_list(value: object) -> object:
    """Parse a list. PHP sends a list with gaps as an object with numbers as keys."""
    if isinstance(value, Mapping) and all(str(key).isdecimal() for key in value):
        return list(value.values())
    return () if value is None else value


def _read_failures(value: object) -> object:
    found = read_list(value or None)
    if not isinstance(found, Mapping):
        return found
    # An object: either failures keyed by the IRIs of what failed, or a single failure.
    by_address = any("/" in str(key) for key in found)
    return [{key: each} for key, each in found.items()] if by_address else [found]


Money = Annotated[Decimal | Unread | None, BeforeValidator(read_money)]
"""An amount in units of the currency, from a decimal string such as "100.00" or a number."""
Count = Annotated[int | Unread | None, BeforeValidator(_read_count)]
"""A whole number of things, such as a stock."""
Stock = Annotated[Count, AfterValidator(_none_below)]
"""A stock that is left; a negative one (oversold) becomes 0."""
Flag = bool | Unread | None
"""A boolean."""
Text = str | Unread | None
"""A text whose absence means something, so that an unreadable one must not become None."""
Moment = Annotated[
    AwareDatetime | Unread | None, BeforeValidator(_dated), AfterValidator(_in_our_time)
]
"""A date-time with an offset; one without is no moment, and becomes UNREAD. So does one centuries
away, since deadlines and time zones are computed from it, and must stay within Python's calendar.
"""
Day = Annotated[date | DayMoment | Unread | None, BeforeValidator(read_day)]
"""A calendar day. One sent as a date-time can be made a day once the time zone is known."""
Link = Annotated[str | None, BeforeValidator(_read_link)]
"""The IRI of another resource; an embedded resource is reduced to its `@id`."""
SureLink = Annotated[str | Unread | None, BeforeValidator(_read_link)]
"""A `Link` whose absence means something, so that an unreadable one must not become None."""
Failures = Annotated[tuple[T, ...], BeforeValidator(_read_failures)]
"""A list of failures; an object with failures by IRI, or a single failure, becomes a list, too."""
Many = Annotated[tuple[T, ...], BeforeValidator(read_list)]
"""A list; null and a missing key become an empty one (`model_fields_set` tells them apart)."""
ResourceId = Annotated[str, BeforeValidator(_read_id)]
"""An opaque id that can be a segment of a path (T2)."""


def empty_is_absent(value: object) -> object:
    """Take an empty text, list or object for None, as many programs write it for "nothing".

    For fields in which no real value is empty; any other unreadable value stays UNREAD.
    """
    return None if value in ("", [], {}) else value


def no_is_absent(value: object) -> object:
    """As `empty_is_absent`, and take false for None, too: for fields that are no yes or no."""
    return None if value is False else empty_is_absent(value)


EmptyIsAbsent: Final = BeforeValidator(empty_is_absent)
NoIsAbsent: Final = BeforeValidator(no_is_absent)
