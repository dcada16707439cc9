"""The issuer's limit of one order (T11), and how more than that is bought all the same.

The operator's own limits have no way round, so nothing here is said for what they forbid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from korus_mcp.booking.quote import Quote
from korus_mcp.foundation.money import total
from korus_mcp.foundation.refusals import Code
from korus_mcp.settings import Settings

MOST_PARTS: Final = 10
"""The most reservations that one place_order takes."""
_FEWER: Final = "Reserve fewer."
_FORBIDDEN: Final = "Reserve fewer: an order of all of them would pass the operator's limit."


@dataclass(frozen=True)
class OneOrder:
    """The most that the operator allows in one order: tickets, and an amount in EUR."""

    tickets: int
    amount: Decimal

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The limits of these settings."""
        return cls(settings.max_tickets, settings.max_order_amount)

    def __str__(self) -> str:
        return f"{self.tickets} tickets for {self.amount:.2f} EUR"

    def allows(self, wanted: Sequence[tuple[Quote, int]]) -> bool:
        """Whether so many units of these offers may be in one order."""
        tickets = sum(quantity * max(1, len(quote.tickets)) for quote, quantity in wanted)
        prices = [quote.price.times(n) for quote, n in wanted if quote.price is not None]
        return self.fits(tickets, total(prices).amount)

    def fits(self, tickets: int, amount: Decimal) -> bool:
        """Whether one order may have so many tickets for so much."""
        return tickets <= self.tickets and amount <= self.amount


def beyond_limit(wanted: Sequence[tuple[Quote, int]], most: int, operator: OneOrder) -> str:
    """The next step, one sentence, for more of a product base than its issuer allows in an order.

    `wanted`: its offers, each with how many of it.
    """
    codes = {obstacle.code for quote, n in wanted if (obstacle := quote.obstacle(n)) is not None}
    if not codes <= {Code.LIMIT_EXCEEDED}:
        return _FEWER
    if not operator.allows(wanted):
        return _FORBIDDEN
    return how_to_split(sum(quantity for _, quantity in wanted), most)


def how_to_split(quantity: int, most: int) -> str:
    """How so many are bought in parts of at most `most`, as one sentence."""
    rest = quantity % most
    parts = [most] * (quantity // most) + [rest] * bool(rest)
    # An equal call would be answered with the holds of the first one.
    if len(parts) > MOST_PARTS:
        return (
            f"Take at most {MOST_PARTS * most}: {MOST_PARTS} reserve calls of {most}, all but the "
            "first with again: true, one place_order with all."
        )
    alike = "; equal ones with again: true" if len(set(parts)) < len(parts) else ""
    calls, all_of_them = ("two", "both") if len(parts) == 2 else (str(len(parts)), "all")
    *first, last = map(str, parts)
    return (
        f"Make {calls} reserve calls ({', '.join(first)} and {last}{alike}), one place_order with "
        f"{all_of_them}."
    )
