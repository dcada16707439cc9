"""Parses what a caller writes: a day, an amount, a language, a number of tickets.

Tools and the URIs of MCP resources share these functions; each refuses wrong values in its own way.
"""

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
