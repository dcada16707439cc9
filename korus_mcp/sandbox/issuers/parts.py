"""Pieces several issuers share: options with their values, and products out of price lists."""

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

# All the codes there are (A02).
_OPTION_NAMES: dict[OptionCode, Text] = {
    "seating_category": Text("Catégorie de place", "Seating category"),
    "zone": Text("Zone", "Zone"),
    "price_type": Text("Type de tarif", "Price type"),
    "days_count": Text("Nombre de jours", "Number of days"),
}


class PriceList(TypedDict):
    """The arguments of a Base that belong together: its options, and what they make for sale."""

    options: tuple[Option, ...]
    products: tuple[Product, ...]


def option(code: OptionCode, *values: Text) -> Option:
    """An option under its usual label."""
    return Option(code=code, name=_OPTION_NAMES[code], values=values)


def days(count: int) -> Text:
    """A number of days as an option value."""
    return Text(f"{count} jour{'s' if count > 1 else ''}", f"{count} day{'s' if count > 1 else ''}")


def season(year: int) -> Text:
    """A season by its first year; a search for either year has to find it."""
    return Text(f"Saison {year} - {year + 1}", f"Season {year} - {year + 1}")


def joined(*texts: Text) -> Text:
    """Texts side by side, as product names are written."""
    return Text(" - ".join(text.fr for text in texts), " - ".join(text.en for text in texts))


def price_list(
    *options: Option, prices: Iterable[Decimal | str], by_place: bool = False
) -> PriceList:
    """A product for each combination of option values, with prices in the order of combinations.

    The last option changes first. `by_place`: products with the same value of the first option
    share its places; else all of them share all.
    """
    ranks = combinations(*(range(len(each.values)) for each in options))
    products = tuple(
        Product(
            name=joined(*(each.values[rank] for each, rank in zip(options, chosen, strict=True))),
            choices=chosen,
            price=Decimal(price),
            pool=chosen[0] if by_place else 0,
        )
        # A price too few is a mistake in a declaration, and found when the world is made.
        for chosen, price in zip(ranks, prices, strict=True)
    )
    return {"options": options, "products": products}


def by_price_type(*prices: tuple[Text, str]) -> PriceList:
    """The usual small price list: one option, one product for each of its values."""
    values, amounts = zip(*prices, strict=True)
    return price_list(option("price_type", *values), prices=amounts)
