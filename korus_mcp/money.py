"""Money: an exact amount with tax in a named currency.

KorusTicket sends decimal strings and both letter cases of the currency; only euro is supported, and
the booking side names none (domain guide, section 7 and assumption A17).
"""

import re
from dataclasses import dataclass
from decimal import Decimal

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

    def times(self, quantity: int) -> "Money":
        """The price of so many."""
        return Money(self.amount * quantity, self.currency)


def money(amount: Decimal | None, currency: str | None = None) -> Money | None:
    """Money of an amount as the API gave it, or None where it gave none."""
    if amount is None:
        return None
    stated = (currency or EURO).upper()
    return Money(amount, stated if _CODE.fullmatch(stated) else UNKNOWN)


def total(amounts: list[Money]) -> Money:
    """The sum; nothing at all is zero euro."""
    found = Money(Decimal(0)) if not amounts else amounts[0]
    for amount in amounts[1:]:
        found += amount
    return found
