"""The seat map as a table: zones with their prices, what is left, and the offers behind them.

A zone is matched with offers by its option value, else by its seating category's, else by name
(assumption A10: nested types are published without fields). Offers without a zone are listed, too.

Zones are compared at one price type each, since a child's price says nothing to an adult. It is the
dearest of those that were asked for, which in most zones is the full price.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, cached_property

from korus_mcp.api.models.seat_map import SeatMap, Zone
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.money import Money
from korus_mcp.seating.names import CategoryNames, zone_name
from korus_mcp.seating.stages import is_stage

ZONE = "zone"
CATEGORY = "seating_category"
PRICE_TYPE = "price_type"
NOT_ASKED = "not asked for"
FULL_PRICE = "full price"


@dataclass(frozen=True, kw_only=True)
class SeatOffer:
    """An offer of the day; its choices are by option code. `left` None means no stated limit.

    `is_live`: its price is what the issuer said within the last minute, not the listed one.
    """

    offer_id: str
    choices: Mapping[str, str]
    price: Money | None
    left: int | None
    is_live: bool = False

    @property
    def price_type(self) -> str | None:
        """The name of its price type; None if it names none."""
        return self.choices.get(PRICE_TYPE) or None

    def seats(self, quantity: int) -> bool:
        """Whether at least `quantity` are left, or no limit is stated."""
        return self.left is None or self.left >= quantity


@dataclass(frozen=True, kw_only=True)
class ZoneRow:
    """One zone with its offers; `offers` is empty when no offer of the day matches it.

    `number` is its index in the API's list. The zone is compared with others at one price type:
    those are its `offers`, and `too_dear`, which cost more than the buyer's limit and do not count
    for price or stock. `beside` are its other offers, those of other price types or categories.
    `unasked` says in words why none of its offers is what was asked for. `places` is how many
    people the zone has room for, None if the map does not tell. `sharing` are the numbers of the
    zones that sell the same offers, and so share what is left; () if it has its own. `is_stage`: it
    is what people look at, and nobody sells it.
    """

    number: int
    name: str
    category: str | None
    offers: tuple[SeatOffer, ...]
    too_dear: tuple[SeatOffer, ...] = ()
    beside: tuple[SeatOffer, ...] = ()
    unasked: str | None = None
    places: int | None = None
    sharing: tuple[int, ...] = ()
    is_stage: bool = False

    @property
    def is_shared(self) -> bool:
        """Whether other zones sell out of the same stock."""
        return bool(self.sharing)

    @property
    def left(self) -> int | None:
        """The highest stock of its offers, not their sum: price types share the same seats."""
        return self.at_most(most_left(self.offers))

    def at_most(self, left: int | None) -> int | None:
        """What is left of an offer, in this zone: never more than it has places; None: no limit."""
        return left if left is None or self.places is None else min(left, self.places)

    def seats(self, offer: SeatOffer, quantity: int) -> bool:
        """Whether so many can be seated here with one of its offers."""
        return offer.seats(quantity) and (self.places is None or self.places >= quantity)

    @property
    def all_offers(self) -> tuple[SeatOffer, ...]:
        """The offers it is compared by, of any price, those within the buyer's limit first."""
        return self.offers + self.too_dear

    @property
    def every_offer(self) -> tuple[SeatOffer, ...]:
        """Those, and the offers beside them."""
        return self.all_offers + self.beside

    def has_room_for(self, quantity: int) -> bool:
        """Whether one of its offers has at least `quantity` left."""
        return any(self.seats(o, quantity) for o in self.offers)

    def in_order_for(self, quantity: int) -> tuple[SeatOffer, ...]:
        """Every offer: those it is compared by, then the others; of each those with enough stock
        first, sold-out ones last, else in given order.
        """
        beside = {o.offer_id for o in self.beside}
        return tuple(
            sorted(
                self.every_offer,
                key=lambda o: (o.offer_id in beside, not self.seats(o, quantity), o.left == 0),
            )
        )


@dataclass(frozen=True, kw_only=True)
class SharedStock:
    """What several zones, by their numbers, have left together; `left` None is no stated limit.

    `name` is their category, else the first of their names.
    """

    name: str
    zones: tuple[int, ...]
    left: int | None


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
    zone may have some of them. Zones are compared at `price_type`, where they have it; None if
    offers name no price types.
    """

    zones: tuple[ZoneRow, ...]
    untied: tuple[SeatOffer, ...]
    unknown: int = 0
    price_type: str | None = None

    @property
    def categories(self) -> tuple[CategoryRow, ...]:
        """The zones by seating category, in the order in which the categories first appear."""
        groups: dict[str | None, list[ZoneRow]] = {}
        for zone in self.zones:
            if not zone.is_stage:
                groups.setdefault(zone.category, []).append(zone)
        return tuple(_category(name, zones) for name, zones in groups.items())


@dataclass(frozen=True)
class _Asked:
    """Which offers a buyer asked for: price types and seating categories, by folded names, and the
    highest price.
    """

    price_types: frozenset[str]
    categories: frozenset[str]
    max_price: Decimal | None

    def takes(self, offer: SeatOffer, category: str | None) -> bool:
        """Whether an offer for a zone of a category is of an asked type and category."""
        is_of_type = not self.price_types or fold(offer.price_type or "") in self.price_types
        if not (is_of_type and self.categories):
            return is_of_type
        return fold(offer.choices.get(CATEGORY) or category or "") in self.categories

    def is_within(self, offer: SeatOffer) -> bool:
        """Whether an offer costs no more than the highest price."""
        most, price = self.max_price, offer.price
        return most is None or price is None or price.amount <= most


def seat_table(
    seat_map: SeatMap,
    offers: Sequence[SeatOffer],
    option_values: Mapping[str, str],
    *,
    max_price: Decimal | None = None,
    price_types: frozenset[str] = frozenset(),
    categories: frozenset[str] = frozenset(),
    unknown: int = 0,
) -> SeatTable:
    """Match zones and offers.

    `option_values` maps ids of option values to their names. Offers above `max_price` are matched,
    too, but kept in `too_dear`; so are those that are not of the asked `price_types` and
    `categories` (folded names), but kept `beside`. `unknown` is the number of offers that are
    missing.
    """
    asked = _Asked(price_types, categories, max_price)
    # An offer that names a zone is for that zone only, whatever category it also names.
    join = _Join(
        option_values,
        CategoryNames(seat_map, option_values),
        by_zone=_by_choice(offers, ZONE),
        by_category=_by_choice((o for o in offers if ZONE not in o.choices), CATEGORY),
    )
    matched = _with_sharers(join.matched(n, zone) for n, zone in enumerate(seat_map.zones))
    taken = [tuple(o for o in row.offers if asked.takes(o, row.category)) for row in matched]
    compared = _Comparison(tuple(taken))
    zones = tuple(
        _compared(row, its, compared, asked, is_known=not unknown)
        for row, its in zip(matched, taken, strict=True)
    )
    # Offers that match no zone are listed separately, since they can be bought, too.
    tied = {o.offer_id for row in matched for o in row.offers}
    untied = tuple(o for o in offers if o.offer_id not in tied and asked.takes(o, None))
    return SeatTable(zones, untied, unknown, compared.price_type)


def _compared(
    row: ZoneRow,
    taken: tuple[SeatOffer, ...],
    comparison: "_Comparison",
    asked: _Asked,
    *,
    is_known: bool,
) -> ZoneRow:
    """A zone whose offers are parted into those it is compared by, and the others.

    `taken` are those of its offers that were asked for. Without `is_known` offers are missing, so a
    zone may have some that are not here.
    """
    deciding = comparison.deciding(taken)
    unasked = None
    if row.offers and not deciding:
        missing = f"no {comparison.price_type or FULL_PRICE} {'on sale' if is_known else 'known'}"
        unasked = missing if taken else NOT_ASKED
    known = {o.offer_id for o in deciding}
    return replace(
        row,
        offers=tuple(o for o in deciding if asked.is_within(o)),
        too_dear=tuple(o for o in deciding if not asked.is_within(o)),
        # Where nothing of a zone was asked for, the page still shows what it sells.
        beside=tuple(o for o in taken or row.offers if o.offer_id not in known),
        unasked=unasked,
    )


@dataclass(frozen=True)
class _Comparison:
    """At which price type zones are compared, by the offers of each that were asked for."""

    zones: tuple[tuple[SeatOffer, ...], ...]

    @cached_property
    def price_type(self) -> str | None:
        """The price type that is the dearest in most zones; None where that has no name."""
        # Not the dearest of all: a few boxes may sell a package that no other zone has.
        dearest = Counter(_dearest(offers) for offers in self.zones if offers)
        return max(dearest, key=lambda kind: (dearest[kind], kind or ""), default=None)

    @cached_property
    def lesser(self) -> frozenset[str | None]:
        """The price types that are cheaper than that one in the same zone, as a child's is."""
        found: set[str | None] = set()
        for offers in self.zones:
            least = min(_prices(offers, self.price_type), default=None)
            if least is not None:
                found |= {o.price_type for o in offers if o.price is not None and o.price < least}
        return frozenset(found - {self.price_type})

    def deciding(self, offers: Sequence[SeatOffer]) -> tuple[SeatOffer, ...]:
        """Those by which a zone is compared: of that price type, else of its dearest that is not
        known to be a lesser one; maybe none.
        """
        of_it = tuple(o for o in offers if o.price_type == self.price_type)
        if of_it:
            return of_it
        others = [o for o in offers if o.price_type not in self.lesser]
        dearest = _dearest(others)
        return tuple(o for o in others if o.price_type == dearest)


def _prices(offers: Iterable[SeatOffer], price_type: str | None) -> list[Money]:
    return [o.price for o in offers if o.price_type == price_type and o.price is not None]


def _dearest(offers: Sequence[SeatOffer]) -> str | None:
    """The dearest price type of some offers; of equals one by its name."""
    # An offer without a price is compared by it only where none has one.
    priced = [(o.price, o.price_type or "") for o in offers if o.price is not None]
    named = max(priced)[1] if priced else max((o.price_type or "" for o in offers), default="")
    return named or None


@dataclass(frozen=True)
class _Join:
    """Offers by the zone or the category that they name; names are folded for comparison."""

    option_values: Mapping[str, str]
    categories: CategoryNames
    by_zone: Mapping[str, tuple[SeatOffer, ...]]
    by_category: Mapping[str, tuple[SeatOffer, ...]]

    def matched(self, number: int, zone: Zone) -> ZoneRow:
        """The zone with all of its offers."""
        name, category = zone_name(zone), self.categories.of(zone)
        # Assumption A10: without a link to a known option value, a zone is matched by name.
        linked = self.option_values.get(id_at_end(zone.option_value) or "")
        by_zone = self.by_zone.get(fold(linked or name), ())
        offers = by_zone or self.by_category.get(fold(category or ""), ())
        return ZoneRow(
            number=number,
            name=name,
            category=category,
            offers=offers,
            places=_places_of(zone),
            is_stage=not offers and is_stage(zone),
        )


def _places_of(zone: Zone) -> int | None:
    """How many people a zone has room for, by its capacity and its seats; None if not told."""
    rows = zone.rows or ()
    # Rows of which some are empty, or were not read, do not tell how many seats there are.
    is_whole = all(row.seats and not row.lacks("seats") for row in rows)
    seats = sum(len(row.seats) for row in rows) if is_whole else 0
    return min((n for n in (zone.capacity, seats) if n and n > 0), default=None)


def _with_sharers(rows: Iterable[ZoneRow]) -> list[ZoneRow]:
    """The zones, each with the numbers of those that have the same offers."""
    found = list(rows)
    sellers: dict[tuple[str, ...], list[int]] = {}
    for row in found:
        sellers.setdefault(tuple(o.offer_id for o in row.offers), []).append(row.number)
    shared = {
        numbers[0]: tuple(numbers) for ids, numbers in sellers.items() if ids and len(numbers) > 1
    }
    sharing = {number: numbers for numbers in shared.values() for number in numbers}
    return [
        replace(row, sharing=sharing[row.number]) if row.number in sharing else row for row in found
    ]


def _by_choice(offers: Iterable[SeatOffer], code: str) -> dict[str, tuple[SeatOffer, ...]]:
    """Offers by their (folded) choice of an option; those without one are left out."""
    # A day may have thousands of offers but only dozens of names: each name is folded once.
    found: dict[str, list[SeatOffer]] = {}
    folded = cache(fold)
    for offer in offers:
        if name := folded(offer.choices.get(code, "")):
            found.setdefault(name, []).append(offer)
    return {name: tuple(same) for name, same in found.items()}


def shared_stocks(rows: Sequence[ZoneRow]) -> tuple[SharedStock, ...]:
    """What zones share, each stock once, in the order of the first of its zones."""
    pools: dict[tuple[int, ...], list[ZoneRow]] = {}
    for row in rows:
        if row.is_shared and row.offers:
            pools.setdefault(row.sharing, []).append(row)
    return tuple(
        SharedStock(
            name=sharers[0].category or sharers[0].name, zones=numbers, left=_left_of_all(sharers)
        )
        for numbers, sharers in pools.items()
    )


def _left_of_all(sharers: Sequence[ZoneRow]) -> int | None:
    """What is left of the stock that zones share: never more than they have places together."""
    left = most_left(sharers[0].offers)
    places = [row.places for row in sharers if row.places is not None]
    if left is None or len(places) < len(sharers[0].sharing):
        return left
    return min(left, sum(places))


def _category(name: str | None, zones: Sequence[ZoneRow]) -> CategoryRow:
    selling = [zone for zone in zones if zone.offers]
    lefts = [zone.left for zone in selling if not zone.is_shared]
    lefts += [stock.left for stock in shared_stocks(selling)]
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
