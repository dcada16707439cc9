"""Pieces several issuers share: options with their values, and products out of price lists."""

from decimal import Decimal
from itertools import product as combinations

from korus_mcp.sandbox.model import Option, OptionCode, Product, Text

FULL = Text("Plein tarif", "Full price")
REDUCED = Text("Tarif réduit", "Reduced price")
CHILD = Text("Enfant", "Child")
ADULT = Text("Adulte", "Adult")
SENIOR = Text("Senior", "Senior")
FAMILY = Text("Famille (2 adultes, 2 enfants)", "Family (2 adults, 2 children)")

_OPTION_NAMES: dict[OptionCode, Text] = {
    "seating_category": Text("Catégorie de place", "Seating category"),
    "zone": Text("Zone", "Zone"),
    "price_type": Text("Type de tarif", "Price type"),
    "days_count": Text("Nombre de jours", "Number of days"),
}


def option(code: OptionCode, *values: Text) -> Option:
    """An option under its usual label."""
    return Option(code=code, name=_OPTION_NAMES[code], values=values)


def days(count: int) -> Text:
    """A number of days as an option value."""
    return Text(f"{count} jour{'s' if count > 1 else ''}", f"{count} day{'s' if count > 1 else ''}")


def joined(*texts: Text) -> Text:
    """Texts side by side, as product names are written."""
    return Text(" - ".join(text.fr for text in texts), " - ".join(text.en for text in texts))


def priced(options: tuple[Option, ...], prices: dict[tuple[int, ...], str]) -> tuple[Product, ...]:
    """A product for each combination of option values that has a price."""
    ranks = combinations(*(range(len(each.values)) for each in options))
    return tuple(
        Product(
            name=joined(*(each.values[rank] for each, rank in zip(options, chosen, strict=True))),
            choices=chosen,
            price=Decimal(prices[chosen]),
        )
        for chosen in ranks
        if chosen in prices
    )


def by_price_type(*prices: tuple[Text, str]) -> tuple[tuple[Option, ...], tuple[Product, ...]]:
    """The usual small price list: one option, one product for each of its values."""
    options = (option("price_type", *(name for name, _ in prices)),)
    return options, priced(options, {(rank,): price for rank, (_, price) in enumerate(prices)})
