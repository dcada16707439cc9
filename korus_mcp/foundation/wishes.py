"""How what a caller writes is read: a day, an amount, a language, a number of tickets.

Tools and the addresses of resources take the same; each refuses it in its own way.
"""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from korus_mcp.foundation.language_tags import LANGUAGE_TAG
from korus_mcp.foundation.money import CENT
from korus_mcp.foundation.unread import WRITTEN_DAY

MOST_TICKETS: Final = 50
"""So many tickets are asked for at once."""
MOST_MONEY: Final = 10**7
"""EUR; what costs more is not sold here."""


def wished_day(text: object) -> date:
    """A day written YYYY-MM-DD.

    Raises:
        ValueError: it is written otherwise, or there is no such day.
    """
    # Other forms that Python takes for a day, such as 20270619, are more often mistakes.
    if not isinstance(text, str) or WRITTEN_DAY.fullmatch(text) is None:
        raise ValueError("must be a day written YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("no such day in the calendar") from None


def wished_amount(value: object) -> Decimal:
    """An amount in EUR, from a cent on.

    Raises:
        ValueError: it is no number, or none that a price can have.
    """
    is_number = isinstance(value, int | float | str) and not isinstance(value, bool)
    try:
        amount = Decimal(str(value)) if is_number else None
    except InvalidOperation:
        amount = None
    # An amount with a million zeros before its first digit would be above 0, too.
    if amount is None or not amount.is_finite() or not CENT <= amount < MOST_MONEY:
        raise ValueError("must be an amount in EUR above 0")
    return amount


def wished_language(text: str) -> str:
    """The tag of a language.

    Raises:
        ValueError: it is none.
    """
    if LANGUAGE_TAG.fullmatch(text) is None:
        raise ValueError("must be the code of a language, like fr or pt-BR")
    return text


def wished_quantity(text: str) -> int:
    """How many tickets, from the digits of an address.

    Raises:
        ValueError: it is no whole number, or more or fewer than are sold at once.
    """
    number = int(text)
    if not 1 <= number <= MOST_TICKETS:
        raise ValueError("out of range")
    return number
