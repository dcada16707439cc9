"""Parses what a caller writes: a day, weekdays, an amount, a language, a number of tickets.

Tools and the URIs of MCP resources share these functions; each refuses wrong values in its own way.
"""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from korus_mcp.foundation.language_tags import LANGUAGE_TAG
from korus_mcp.foundation.money import CENT
from korus_mcp.foundation.unread import WRITTEN_DAY

MOST_TICKETS: Final = 50
"""The most tickets of one request."""
MOST_MONEY: Final = 10**7
"""In EUR; amounts from here on are refused."""
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORTEST_WEEKDAY: Final = 3
"""Letters of a weekday that suffice: sat."""
_WEEKEND: Final = "weekend"
_NO_LETTERS: Final = re.compile(r"[\W\d_]+")


def wished_day(text: object) -> date:
    """Parse a day in the form YYYY-MM-DD.

    Raises:
        ValueError: it has another form, or there is no such day.
    """
    # Python accepts other forms, such as 20270619, but here they are more often mistakes.
    if not isinstance(text, str) or WRITTEN_DAY.fullmatch(text) is None:
        raise ValueError("must be a day written YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("no such day in the calendar") from None


def wished_weekdays(text: object) -> tuple[int, ...]:
    """Parse weekdays in English, short or in full: "sat,sun", "Friday", "weekend".

    Returns their numbers in order, from 0 for Monday.

    Raises:
        ValueError: a word is no weekday, or there is none.
    """
    names = _NO_LETTERS.split(text.lower()) if isinstance(text, str) else ()
    found = [_weekdays_called(name) for name in names if name]
    if not found or not all(found):
        raise ValueError("must be weekdays in English")
    return tuple(sorted(set().union(*found)))


def _weekdays_called(name: str) -> set[int]:
    if name.removesuffix("s") == _WEEKEND:
        return {5, 6}
    is_short = len(name) < SHORTEST_WEEKDAY
    days = (f"{day.lower()}s" for day in WEEKDAYS)
    return {number for number, day in enumerate(days) if day.startswith(name) and not is_short}


def is_zero(value: object) -> bool:
    """Whether a caller wrote the number 0, in whatever form; `false` is none."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return False
    try:
        return Decimal(value) == 0
    except InvalidOperation:
        return False


def wished_amount(value: object) -> Decimal:
    """Parse an amount in EUR, at least one cent.

    Raises:
        ValueError: it is no number, or no possible price.
    """
    is_number = isinstance(value, int | float | str) and not isinstance(value, bool)
    try:
        amount = Decimal(str(value)) if is_number else None
    except InvalidOperation:
        amount = None
    # Not just above 0: that would allow a million zeros before the first digit.
    if amount is None or not amount.is_finite() or not CENT <= amount < MOST_MONEY:
        raise ValueError("must be an amount in EUR above 0")
    return amount


def wished_language(text: str) -> str:
    """Check a language tag.

    Raises:
        ValueError: it is no language tag.
    """
    if LANGUAGE_TAG.fullmatch(text) is None:
        raise ValueError("must be the code of a language, like fr or pt-BR")
    return text


def wished_quantity(text: str) -> int:
    """Parse a number of tickets in a URI.

    Raises:
        ValueError: it is no whole number, or out of bounds.
    """
    number = int(text)
    if not 1 <= number <= MOST_TICKETS:
        raise ValueError("out of range")
    return number
