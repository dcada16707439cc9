"""The words on a seat map, in English and French."""

from dataclasses import dataclass
from typing import Final

from korus_mcp.foundation.money import EURO, Money


@dataclass(frozen=True, kw_only=True)
class Words:
    """One language; `{}` stands for a price or a number."""

    language: str
    title: str
    stage: str
    sold_out: str
    no_offer: str
    no_known_offer: str
    no_price: str
    above: str
    fewer: str
    either: str
    best: str
    to: str
    from_price: str
    left: str
    zone_count: str
    schematic: str
    partly_schematic: str
    allocates: str
    zones_left_out: str
    seats_left_out: str
    offers_left_out: str
    zones_unread: str
    decimal_mark: str
    currency_first: bool

    def amount(self, price: Money) -> str:
        """A price as people of that language write it; cents only where there are some."""
        whole = price.amount == price.amount.to_integral_value()
        digits = f"{price.amount:.0f}" if whole else price.digits
        digits = digits.replace(".", self.decimal_mark)
        if self.currency_first and price.currency == EURO:
            return f"€{digits}"
        return f"{digits}\u00a0{'€' if price.currency == EURO else price.currency}"

    def prices(self, lowest: Money, highest: Money) -> str:
        """One price, or from the lowest to the highest."""
        if lowest == highest:
            return self.amount(lowest)
        return f"{self.amount(lowest)} {self.to} {self.amount(highest)}"


ENGLISH: Final = Words(
    language="en",
    title="Seat map",
    stage="Stage or pitch",
    sold_out="Sold out",
    no_offer="Nothing on sale",
    no_known_offer="No offer known",
    no_price="Price not stated",
    above="Above {}",
    fewer="Fewer than {} left",
    either="{} or {}",
    best="Best for this wish",
    to="to",
    from_price="from {}",
    left="{} left",
    zone_count="{} zones",
    schematic="Schematic: not the real layout",
    partly_schematic="Dashed zones: schematic, not their real place",
    allocates="The issuer allocates the exact seats.",
    zones_left_out="{} more zones are not shown",
    seats_left_out="{} seats are not drawn",
    offers_left_out="{} offers are not shown: they cannot be read or used",
    zones_unread="Some zones cannot be read",
    decimal_mark=".",
    currency_first=True,
)
FRENCH: Final = Words(
    language="fr",
    title="Plan de salle",
    stage="Scène ou terrain",
    sold_out="Complet",
    no_offer="Rien en vente",
    no_known_offer="Aucune offre connue",
    no_price="Prix non indiqué",
    above="Plus de {}",
    fewer="Moins de {} places",
    either="{} ou {}",
    best="Au mieux pour ce souhait",
    to="à",
    from_price="dès {}",
    left="reste {}",
    zone_count="{} zones",
    schematic="Schéma : ce n'est pas le plan réel",
    partly_schematic="Zones en tirets : placées en schéma",
    allocates="L'organisateur attribue les places exactes.",
    zones_left_out="{} autres zones ne sont pas montrées",
    seats_left_out="{} places ne sont pas dessinées",
    offers_left_out="{} offres ne sont pas montrées : illisibles ou inutilisables",
    zones_unread="Certaines zones sont illisibles",
    decimal_mark=",",
    currency_first=False,
)


def words_of(language: str | None) -> Words:
    """The words of a language tag such as `fr-CA`; English where there are none."""
    return FRENCH if (language or "").lower().split("-")[0] == "fr" else ENGLISH
