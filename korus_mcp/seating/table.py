"""The seat map as a table: zones with their price range, what is left, and the offers behind them.

A zone is tied to products through its option value, else through its seating category's, else by
name (assumption A10: nested types are published without fields). What cannot be tied is listed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from korus_mcp.api.models.seat_map import SeatMap, Zone
from korus_mcp.folding import fold
from korus_mcp.handles import id_at_end
from korus_mcp.money import Money
from korus_mcp.untrusted import clean_line

ZONE = "zone"
CATEGORY = "seating_category"


@dataclass(frozen=True, kw_only=True)
class SeatOffer:
    """An offer of the day: its choices by option code; `left` None means no limit is stated."""

    offer_id: str
    choices: Mapping[str, str]
    price: Money | None
    left: int | None


@dataclass(frozen=True, kw_only=True)
class ZoneRow:
    """One zone for sale. `offers` is empty when nothing of the day could be tied to it."""

    name: str
    category: str | None
    capacity: int | None
    offers: tuple[SeatOffer, ...]

    @property
    def cheapest(self) -> Money | None:
        """The lowest price of its offers that are not sold out."""
        return min(self._prices(), default=None)

    @property
    def dearest(self) -> Money | None:
        """The highest such price."""
        return max(self._prices(), default=None)

    @property
    def left(self) -> int | None:
        """The most that one offer of the zone has left; price types share the same seats."""
        stated = [o.left for o in self.offers if o.left is not None]
        return max(stated) if stated and len(stated) == len(self.offers) else None

    def has_room_for(self, quantity: int) -> bool:
        """Whether one of its offers can still seat so many."""
        return any(o.left is None or o.left >= quantity for o in self.offers)

    def _prices(self) -> Iterable[Money]:
        return (o.price for o in self.offers if o.price is not None and o.left != 0)


@dataclass(frozen=True)
class SeatTable:
    """Zones, best first, and the offers that no zone could be tied to."""

    zones: tuple[ZoneRow, ...]
    untied: tuple[SeatOffer, ...]


def seat_table(
    seat_map: SeatMap,
    offers: Sequence[SeatOffer],
    option_values: Mapping[str, str],
    *,
    quantity: int,
    max_price: Decimal | None,
) -> SeatTable:
    """Tie zones and offers, best zone first.

    Best is the cheapest that seats `quantity` at no more than `max_price` each; then those that do
    not. `option_values` maps ids of option values to their names.
    """
    categories = _category_names(seat_map, option_values)
    wanted = [o for o in offers if max_price is None or o.price is None or _within(o, max_price)]
    zones = [_zone(z, categories, wanted, option_values) for z in seat_map.zones]
    tied = {o.offer_id for zone in zones for o in zone.offers}
    ordered = sorted(zones, key=lambda z: _rank(z, quantity))
    return SeatTable(tuple(ordered), tuple(o for o in wanted if o.offer_id not in tied))


def _within(offer: SeatOffer, max_price: Decimal) -> bool:
    return offer.price is not None and offer.price.amount <= max_price


def _rank(zone: ZoneRow, quantity: int) -> tuple[bool, bool, Decimal, str]:
    cheapest = zone.cheapest
    return (
        not zone.offers,
        not zone.has_room_for(quantity),
        cheapest.amount if cheapest else Decimal("Infinity"),
        zone.name,
    )


def _zone(
    zone: Zone,
    categories: Mapping[str, str],
    offers: Sequence[SeatOffer],
    option_values: Mapping[str, str],
) -> ZoneRow:
    name = clean_line(zone.name or "", 80) or "(unnamed zone)"
    category = categories.get(zone.seating_category or "")
    linked = option_values.get(id_at_end(zone.option_value) or "")
    by_zone = _with_choice(offers, ZONE, linked or name)
    by_category = _with_choice(offers, CATEGORY, category) if category else ()
    return ZoneRow(
        name=name,
        category=category,
        capacity=zone.capacity,
        offers=by_zone or tuple(o for o in by_category if ZONE not in o.choices),
    )


def _category_names(seat_map: SeatMap, option_values: Mapping[str, str]) -> dict[str, str]:
    """Category names by `@id`, called as the option value they stand for where that is linked."""
    return {
        category.at_id: option_values.get(id_at_end(category.option_value) or "")
        or clean_line(category.name or "", 80)
        for category in seat_map.seating_categories
        if category.at_id
    }


def _with_choice(offers: Iterable[SeatOffer], code: str, name: str) -> tuple[SeatOffer, ...]:
    wanted = fold(name)
    return tuple(o for o in offers if fold(o.choices.get(code, "")) == wanted)
