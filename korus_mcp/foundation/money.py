"""Money: an exact amount with tax in a named currency.

KorusTicket sends decimal strings and both letter cases of the currency; only euro is supported, and
the booking side names none (docs/domain.md, T1 and A17).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from korus_mcp.foundation.unread import UNREAD, Unread

EURO = "EUR"
UNKNOWN = "XXX"
"""The code of no currency (ISO 4217), for what is no code: it is never shown, and never booked."""
_CURRENCY_LENGTH = 64
"""A code of three letters, and blanks: what is longer is not even looked at."""
_CODE = re.compile("[A-Z]{3}", re.ASCII)
CENT = Decimal("0.01")
"""The least that can be paid."""
# Deeper or wider than any answer that was published.
_DEEPEST = 8
_MOST_PARTS = 200


@dataclass(frozen=True, order=True)
class Money:
    """An amount, tax included. Amounts of different currencies do not add up."""

    amount: Decimal
    currency: str = EURO

    def __str__(self) -> str:
        return f"{self.digits} {self.currency}"

    @property
    def digits(self) -> str:
        """The bare amount: to the cent, and beyond it where there is something beyond."""
        cents = self.amount.quantize(CENT)
        exact = cents if cents == self.amount else self.amount.normalize()
        # Plus nothing: a zero has no sign then. "f", as a normalized 100 would be 1E+2.
        return f"{exact + 0:f}"

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError("amounts of two currencies do not add up")
        return Money(self.amount + other.amount, self.currency)

    @property
    def is_foreign(self) -> bool:
        """Whether it is in a currency that cannot be booked here."""
        return self.currency != EURO

    @property
    def is_negative(self) -> bool:
        """Whether it is below zero, which no price is."""
        return self.amount < 0

    def times(self, quantity: int) -> "Money":
        """The price of so many."""
        return Money(self.amount * quantity, self.currency)


def money(amount: Decimal | Unread | None, *stated: str | Unread | None) -> Money | Unread | None:
    """Money of an amount as the API gave it; None where it gave none.

    Nobody can pay a part of a cent: such an amount of euro is unread.
    Where no currency is stated it is euro (A17); one that is no code is no euro. Where several are
    stated, it is in the first that is not euro.
    """
    if amount is None or isinstance(amount, Unread):
        return amount
    codes = (_code(each or "") for each in stated)
    found = Money(amount, next((code for code in codes if code != EURO), EURO))
    is_payable = found.is_foreign or amount == amount.quantize(CENT)
    return found if is_payable else UNREAD


def currencies_in(told: Mapping[str, object] | None) -> Iterator[str | Unread]:
    """The currencies that an answer states beside the fields we know, whatever it calls them and
    however deep they lie: none is published for most of its parts (A17).
    """
    # By levels and with a bound: an answer nests as deep as its sender likes.
    level, left = [dict(told or {})], _MOST_PARTS
    for _ in range(_DEEPEST):
        below: list[dict[str, object]] = []
        for part in level:
            for name, value in part.items():
                left -= 1
                if left < 0:
                    return
                if name.startswith("@") or value is None:
                    continue  # a JSON-LD context explains names and states nothing
                if "currency" in name.lower():
                    yield value if isinstance(value, str) else UNREAD
                else:
                    parts = value if isinstance(value, list) else [value]
                    below += [each for each in parts if isinstance(each, dict)]
        level = below


def _code(currency: str | Unread) -> str:
    if isinstance(currency, Unread) or len(currency) > _CURRENCY_LENGTH:
        return UNKNOWN
    # Both letter cases are published (docs/domain.md, T1).
    stated = currency.strip().upper() or EURO
    return stated if _CODE.fullmatch(stated) else UNKNOWN


def total(amounts: list[Money]) -> Money:
    """The sum; nothing at all is zero euro."""
    return sum(amounts[1:], start=amounts[0]) if amounts else Money(Decimal(0))
