"""The seat map as a table: zones with their price range, what is left, and the offers behind them.

A zone is matched with offers by its option value, else by its seating category's, else by name
(assumption A10: nested types are published without fields). Offers without a zone are listed, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from korus_mcp.api.models.seat_map import SeatMap, Zone
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.money import Money
from korus_mcp.seating.names import CategoryNames, zone_name

ZONE = "zone"
CATEGORY = "seating_category"


@dataclass(frozen=True, kw_only=True)
class SeatOffer:
    """An offer of the day; its choices are by option code. `left` None means no stated limit."""

    offer_id: str
    choices: Mapping[str, str]
    price: Money | None
    left: int | None

    def seats(self, quantity: int) -> bool:
        """Whether at least `quantity` are left, or no limit is stated."""
        return self.left is None or self.left >= quantity


@dataclass(frozen=True, kw_only=True)
class ZoneRow:
    """One zone with its offers; `offers` is empty when no offer of the day matches it.

    `number` is its index in the API's list. `too_dear` are further offers that cost more than the
    buyer's limit, and do not count for price or stock. `is_by_category`: its offers are those of
    its seating category and name no zone, so that zones of the category share what is left.
    `longest_row` is the most seats in one row, None for standing or unnumbered places.
    """

    number: int
    name: str
    category: str | None
    offers: tuple[SeatOffer, ...]
    too_dear: tuple[SeatOffer, ...] = ()
    is_by_category: bool = False
    longest_row: int | None = None

    @property
    def left(self) -> int | None:
        """The highest stock of its offers, not their sum: price types share the same seats."""
        return most_left(self.offers)

    @property
    def all_offers(self) -> tuple[SeatOffer, ...]:
        """Its offers of any price, those within the buyer's limit first."""
        return self.offers + self.too_dear

    def has_room_for(self, quantity: int) -> bool:
        """Whether one of its offers has at least `quantity` left."""
        return any(o.seats(quantity) for o in self.offers)

    def in_order_for(self, quantity: int) -> tuple[SeatOffer, ...]:
        """Its offers: those with enough stock first, sold-out ones last, else in given order."""
        return tuple(sorted(self.all_offers, key=lambda o: (not o.seats(quantity), o.left == 0)))


@dataclass(frozen=True, kw_only=True)
class CategoryRow:
    """One seating category, summed up over its zones; `name` None is for zones without a category.

    `left` is the sum over zones, but counts stock only once that zones share; None is no limit.
    """

    name: str | None
    offers: tuple[SeatOffer, ...]
    left: int | None


@dataclass(frozen=True)
class SeatTable:
    """Zones in the API's order, so that a zone's number is its index, and offers without a zone.

    `unknown` counts offers of the day that are left out since they cannot be parsed or used: any
    zone may have some of them.
    """

    zones: tuple[ZoneRow, ...]
    untied: tuple[SeatOffer, ...]
    unknown: int = 0

    @property
    def categories(self) -> tuple[CategoryRow, ...]:
        """The zones by seating category, in the order in which the categories first appear."""
        groups: dict[str | None, list[ZoneRow]] = {}
        for zone in self.zones:
            groups.setdefault(zone.category, []).append(zone)
        return tuple(_category(name, zones) for name, zones in groups.items())


def seat_table(
    seat_map: SeatMap,
    offers: Sequence[SeatOffer],
    option_values: Mapping[str, str],
    *,
    max_price: Decimal | None = None,
    unknown: int = 0,
) -> SeatTable:
    """Match zones and offers.

    `option_values` maps ids of option values to their names. Offers above `max_price` are matched,
    too, but kept in `too_dear`. `unknown` is the number of offers that are missing.
    """
    # An offer that names a zone is for that zone only, whatever category it also names.
    join = _Join(
        option_values,
        CategoryNames(seat_map, option_values),
        by_zone=_by_choice(offers, ZONE),
        by_category=_by_choice((o for o in offers if ZONE not in o.choices), CATEGORY),
        max_price=max_price,
    )
    zones = tuple(join.row(number, zone) for number, zone in enumerate(seat_map.zones))
    # Offers that match no zone are listed separately, since they can be bought, too.
    tied = {o.offer_id for zone in zones for o in zone.all_offers}
    return SeatTable(zones, tuple(o for o in offers if o.offer_id not in tied), unknown)


@dataclass(frozen=True)
class _Join:
    """Offers by the zone or the category that they name; names are folded for comparison."""

    option_values: Mapping[str, str]
    categories: CategoryNames
    by_zone: Mapping[str, tuple[SeatOffer, ...]]
    by_category: Mapping[str, tuple[SeatOffer, ...]]
    max_price: Decimal | None

    def row(self, number: int, zone: Zone) -> ZoneRow:
        """The zone with its offers."""
        name, category = zone_name(zone), self.categories.of(zone)
        # Assumption A10: without a link to a known option value, a zone is matched by name.
        linked = self.option_values.get(id_at_end(zone.option_value) or "")
        by_zone = self.by_zone.get(fold(linked or name), ())
        offers = by_zone or self.by_category.get(fold(category or ""), ())
        within = tuple(o for o in offers if self._is_within(o))
        return ZoneRow(
            number=number,
            name=name,
            category=category,
            offers=within,
            too_dear=tuple(o for o in offers if not self._is_within(o)),
            is_by_category=bool(offers) and not by_zone,
            longest_row=max((len(row.seats) for row in zone.rows or ()), default=0) or None,
        )

    def _is_within(self, offer: SeatOffer) -> bool:
        most, price = self.max_price, offer.price
        return most is None or price is None or price.amount <= most


def _by_choice(offers: Iterable[SeatOffer], code: str) -> dict[str, tuple[SeatOffer, ...]]:
    """Offers by their (folded) choice of an option; those without one are left out."""
    # A day may have thousands of offers but only dozens of names: each name is folded once.
    found: dict[str, list[SeatOffer]] = {}
    folded = cache(fold)
    for offer in offers:
        if name := folded(offer.choices.get(code, "")):
            found.setdefault(name, []).append(offer)
    return {name: tuple(same) for name, same in found.items()}


def _category(name: str | None, zones: Sequence[ZoneRow]) -> CategoryRow:
    # Zones with exactly the same offers share their stock, which counts once.
    pools = {tuple(o.offer_id for o in zone.offers): zone.left for zone in zones if zone.offers}
    lefts = list(pools.values())
    stated = [left for left in lefts if left is not None]
    offers = {o.offer_id: o for zone in zones for o in zone.offers}
    return CategoryRow(
        name=name,
        offers=tuple(offers.values()),
        left=sum(stated) if len(stated) == len(lefts) and lefts else None,
    )


def most_left(offers: Sequence[SeatOffer]) -> int | None:
    """The highest stock of the offers; None if one has no stated limit, or there are no offers."""
    stated = [o.left for o in offers if o.left is not None]
    return max(stated) if stated and len(stated) == len(offers) else None


def price_range(offers: Iterable[SeatOffer]) -> tuple[Money, Money] | None:
    """The lowest and highest price of offers that are not sold out; None if none has a price."""
    prices = [o.price for o in offers if o.price is not None and o.left != 0]
    return (min(prices), max(prices)) if prices else None
