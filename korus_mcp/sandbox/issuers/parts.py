"""Helpers of several issuers: options with their values, and products made from price lists."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import product as combinations
from typing import TypedDict

from korus_mcp.sandbox.model import Option, OptionCode, Product
from korus_mcp.sandbox.texts import Text

FULL = Text("Plein tarif", "Full price")
REDUCED = Text("Tarif réduit", "Reduced price")
CHILD = Text("Enfant", "Child")
ADULT = Text("Adulte", "Adult")
SENIOR = Text("Senior", "Senior")
FAMILY = Text("Famille (2 adultes, 2 enfants)", "Family (2 adults, 2 children)")

# All option codes (A02).
_OPTION_NAMES: dict[OptionCode, Text] = {
    "seating_category": Text("Catégorie de place", "Seating category"),
    "zone": Text("Zone", "Zone"),
    "price_type": Text("Type de tarif", "Price type"),
    "days_count": Text("Nombre de jours", "Number of days"),
}


class PriceList(TypedDict):
    """Arguments of a `Base` that belong together: its options, and its products."""

    options: tuple[Option, ...]
    products: tuple[Product, ...]


def option(code: OptionCode, *values: Text) -> Option:
    """An option under its usual label."""
    return Option(code=code, name=_OPTION_NAMES[code], values=values)


def days(count: int) -> Text:
    """The name of an option value for a number of days."""
    return Text(f"{count} jour{'s' if count > 1 else ''}", f"{count} day{'s' if count > 1 else ''}")


def season(year: int) -> Text:
    """The name of a season by its first year; it contains both years, for searches."""
    return Text(f"Saison {year} - {year + 1}", f"Season {year} - {year + 1}")


def joined(*texts: Text) -> Text:
    """Texts joined to a product name."""
    return Text(" - ".join(text.fr for text in texts), " - ".join(text.en for text in texts))


def price_list(*options: Option, prices: Iterable[Decimal | str]) -> PriceList:
    """A product for each combination of option values, with prices in the order of combinations.

    Combinations are in the order of `itertools.product`. If the first option is a place, products
    with the same value of it share its places; otherwise all products share all places.
    """
    by_place = options[0].code in {"zone", "seating_category"}
    ranks = combinations(*(range(len(each.values)) for each in options))
    products = tuple(
        Product(
            name=joined(*(each.values[rank] for each, rank in zip(options, chosen, strict=True))),
            choices=chosen,
            price=Decimal(price),
            pool=chosen[0] if by_place else 0,
        )
        # `strict`: a missing price is a mistake in a declaration.
        for chosen, price in zip(ranks, prices, strict=True)
    )
    return {"options": options, "products": products}


def by_price_type(*prices: tuple[Text, str]) -> PriceList:
    """A small price list: one option (the price type), and a product for each of its values."""
    values, amounts = zip(*prices, strict=True)
    return price_list(option("price_type", *values), prices=amounts)
