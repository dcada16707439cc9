"""Money: an exact amount with tax in a named currency.

KorusTicket sends decimal strings and both letter cases of the currency; only euro is supported, and
the booking side names none (domain guide, section 7 and assumption A17).
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from korus_mcp.told import Unread

EURO = "EUR"
UNKNOWN = "XXX"
"""The code of no currency (ISO 4217), for what is no code: it is never shown, and never booked."""
_CODE = re.compile("[A-Z]{3}", re.ASCII)
_CENT = Decimal("0.01")


@dataclass(frozen=True, order=True)
class Money:
    """An amount, tax included. Amounts of different currencies do not add up."""

    amount: Decimal
    currency: str = EURO

    def __str__(self) -> str:
        return f"{self.amount.quantize(_CENT)} {self.currency}"

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


def money(
    amount: Decimal | Unread | None, currency: str | Unread | None = None
) -> Money | Unread | None:
    """Money of an amount as the API gave it; None where it gave none.

    Where no currency is stated it is euro (A17); one that is no code is no euro.
    """
    if amount is None or isinstance(amount, Unread):
        return amount
    return Money(amount, _code(currency or ""))


def _code(currency: str | Unread) -> str:
    if isinstance(currency, Unread):
        return UNKNOWN
    stated = currency.strip().upper() or EURO
    return stated if _CODE.fullmatch(stated) else UNKNOWN


def total(amounts: list[Money]) -> Money:
    """The sum; nothing at all is zero euro."""
    found = Money(Decimal(0)) if not amounts else amounts[0]
    for amount in amounts[1:]:
        found += amount
    return found
