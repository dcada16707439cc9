"""The words on a seat map, in English and French."""

from dataclasses import dataclass
from typing import Final

from korus_mcp.foundation.money import EURO, Money


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of a language, by default English; `{}` stands for a price or a number."""

    language: str = "en"
    title: str = "Seat map"
    stage: str = "Stage or pitch"
    front: str = "Front"
    unsure: str = "The map does not tell where people look"
    sold_out: str = "Sold out"
    no_offer: str = "Nothing on sale"
    no_known_offer: str = "No offer known"
    no_price: str = "Price not stated"
    above: str = "Above {}"
    fewer: str = "Fewer than {} left"
    either: str = "{} or {}"
    unasked: str = "Not asked for"
    prices_of: str = "Prices: {}"
    best: str = "Best for this wish"
    yours: str = "Yours"
    row: str = "row {}"
    yours_not_found: str = "{} of your seats are not found on this map"
    to: str = "to"
    from_price: str = "from {}"
    left: str = "{} left"
    shared: str = "{}: {} left, shared by {} zones"
    levels: str = "At the same place, drawn beside each other: {}"
    zone_count: str = "{} zones"
    schematic: str = "Schematic: not the real layout"
    partly_schematic: str = "Dashed zones: schematic, not their real place"
    allocates: str = "The issuer allocates the exact seats."
    zones_left_out: str = "{} more zones are not shown"
    seats_left_out: str = "{} seats are not drawn"
    strays: str = "{} seats lie far from all others and are not drawn"
    offers_left_out: str = "{} offers are not shown: they cannot be read or used"
    zones_unread: str = "Some zones cannot be read"
    decimal_mark: str = "."
    currency_first: bool = True

    def amount(self, price: Money) -> str:
        """A price as written in the language; without cents if there are none."""
        # A map has little room, so "45" and not "45.00".
        whole = price.amount == price.amount.to_integral_value()
        digits = f"{price.amount:.0f}" if whole else price.digits
        digits = digits.replace(".", self.decimal_mark)
        if self.currency_first and price.currency == EURO:
            return f"€{digits}"
        return f"{digits}\u00a0{'€' if price.currency == EURO else price.currency}"

    def prices(self, lowest: Money, highest: Money) -> str:
        """One price, or a range of two."""
        if lowest == highest:
            return self.amount(lowest)
        return f"{self.amount(lowest)} {self.to} {self.amount(highest)}"


ENGLISH: Final = Words()
FRENCH: Final = Words(
    language="fr",
    title="Plan de salle",
    stage="Scène ou terrain",
    front="Avant",
    unsure="Le plan ne dit pas où se trouvent scène, terrain ou avant",
    sold_out="Complet",
    no_offer="Rien en vente",
    no_known_offer="Aucune offre connue",
    no_price="Prix non indiqué",
    above="Plus de {}",
    fewer="Moins de {} places",
    either="{} ou {}",
    unasked="Non demandé",
    prices_of="Prix : {}",
    best="Au mieux pour ce souhait",
    yours="À vous",
    row="rang {}",
    yours_not_found="{} de vos places sont introuvables sur ce plan",
    to="à",
    from_price="dès {}",
    left="reste {}",
    shared="{} : reste {}, pour {} zones ensemble",
    levels="Au même endroit, dessinés côte à côte : {}",
    zone_count="{} zones",
    schematic="Schéma : ce n'est pas le plan réel",
    partly_schematic="Zones en tirets : placées en schéma",
    allocates="L'organisateur attribue les places exactes.",
    zones_left_out="{} autres zones ne sont pas montrées",
    seats_left_out="{} places ne sont pas dessinées",
    strays="{} places, loin de toutes les autres, ne sont pas dessinées",
    offers_left_out="{} offres ne sont pas montrées : illisibles ou inutilisables",
    zones_unread="Certaines zones sont illisibles",
    decimal_mark=",",
    currency_first=False,
)


def words_of(language: str | None) -> Words:
    """The words for a language tag such as `fr-CA`; English for unsupported languages."""
    return FRENCH if (language or "").lower().split("-")[0] == "fr" else ENGLISH
