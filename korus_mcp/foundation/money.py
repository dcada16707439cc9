"""Money: an exact amount with tax in a named currency.

KorusTicket sends decimal strings, and currencies in upper or lower case. Only euro is supported,
and bookings state no currency (docs/domain.md, T1 and A17).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from korus_mcp.foundation.unread import UNREAD, Unread

EURO = "EUR"
UNKNOWN = "XXX"
"""ISO 4217's code for "no currency", used for an invalid code: never shown, never booked."""
_CURRENCY_LENGTH = 64
"""A stated currency longer than this is not even looked at: a code has three letters."""
_CODE = re.compile("[A-Z]{3}", re.ASCII)
CENT = Decimal("0.01")
"""The smallest amount that can be paid."""
# More than in any published answer.
_DEEPEST = 8
_MOST_PARTS = 200


@dataclass(frozen=True, order=True)
class Money:
    """An amount, tax included. Amounts of different currencies cannot be added."""

    amount: Decimal
    currency: str = EURO

    def __str__(self) -> str:
        return f"{self.digits} {self.currency}"

    @property
    def digits(self) -> str:
        """The bare amount with two decimals, or more if it has more."""
        cents = self.amount.quantize(CENT)
        exact = cents if cents == self.amount else self.amount.normalize()
        # "+ 0" removes the sign of a negative zero; "f", as a normalized 100 would print as 1E+2.
        return f"{exact + 0:f}"

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError("amounts of two currencies do not add up")
        return Money(self.amount + other.amount, self.currency)

    @property
    def is_foreign(self) -> bool:
        """Whether the amount is in another currency than euro, which cannot be booked."""
        return self.currency != EURO

    @property
    def is_negative(self) -> bool:
        """Whether the amount is below zero, as no price is."""
        return self.amount < 0

    def times(self, quantity: int) -> "Money":
        """The price of `quantity` units."""
        return Money(self.amount * quantity, self.currency)


def money(amount: Decimal | Unread | None, *stated: str | Unread | None) -> Money | Unread | None:
    """The amount of an API answer as money; None if there is no amount.

    An amount in euro with parts of a cent cannot be paid, and is UNREAD. If no currency is stated
    it is euro (A17); a text that is no currency code does not count as euro. Of several stated
    currencies the first that is not euro counts.
    """
    if amount is None or isinstance(amount, Unread):
        return amount
    codes = (_code(each or "") for each in stated)
    found = Money(amount, next((code for code in codes if code != EURO), EURO))
    is_payable = found.is_foreign or amount == amount.quantize(CENT)
    return found if is_payable else UNREAD


def currencies_in(told: Mapping[str, object] | None) -> Iterator[str | Unread]:
    """The currencies that an answer states in undocumented fields, at any depth and under any
    name: for most parts of an answer no currency field is published (A17).
    """
    # Level by level and with a bound: an answer may be nested very deeply.
    level, left = [dict(told or {})], _MOST_PARTS
    for _ in range(_DEEPEST):
        below: list[dict[str, object]] = []
        for part in level:
            for name, value in part.items():
                left -= 1
                if left < 0:
                    return
                if name.startswith("@") or value is None:
                    continue  # a JSON-LD context only defines names
                if "currency" in name.lower():
                    yield value if isinstance(value, str) else UNREAD
                else:
                    parts = value if isinstance(value, list) else [value]
                    below += [each for each in parts if isinstance(each, dict)]
        level = below


def _code(currency: str | Unread) -> str:
    if isinstance(currency, Unread) or len(currency) > _CURRENCY_LENGTH:
        return UNKNOWN
    # The API has currencies in upper and lower case (docs/domain.md, T1).
    stated = currency.strip().upper() or EURO
    return stated if _CODE.fullmatch(stated) else UNKNOWN


def total(amounts: list[Money]) -> Money:
    """The sum of these amounts; of none it is zero euro."""
    return sum(amounts[1:], start=amounts[0]) if amounts else Money(Decimal(0))
