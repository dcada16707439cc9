"""Ranks zones by what a buyer wants, each with the reason in a few words.

The issuer allocates seats: the reasons say what a zone has, never what the buyer will get.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from math import dist, inf
from typing import Final, TypeAlias

from korus_mcp.foundation.money import Money
from korus_mcp.seating.layout import Drawing, DrawnZone
from korus_mcp.seating.table import SeatOffer, SeatTable, ZoneRow, most_left

NO_FOCUS: Final = "The map does not tell where people look: the cheapest come first."
# Zones without a price come after all others.
_NEVER: Final = Decimal("Infinity")


class Preference(StrEnum):
    """What decides between zones that have room."""

    CHEAPEST = "cheapest"
    CLOSEST = "closest"
    TOGETHER = "together"


class Unfit(IntEnum):
    """Why a zone does not fit a wish; the first comes nearest to fitting."""

    TOO_FEW = 0
    TOO_DEAR = 1
    SOLD_OUT = 2
    NOT_ASKED = 3
    NOTHING = 4


@dataclass(frozen=True, kw_only=True)
class ZoneQuery:
    """What a buyer wants. Price and choices are not here: they were used to make the table."""

    quantity: int = 1
    preference: Preference = Preference.CHEAPEST


@dataclass(frozen=True, kw_only=True)
class RankedZone:
    """A zone with its `rank` from 1 on, None if it does not fit the wish; `why` in words.

    `offers` are those that fit; for a zone that does not fit, those that come nearest. `unfit` is
    the kind of reason why it does not.
    """

    zone: ZoneRow
    rank: int | None
    why: str
    offers: tuple[SeatOffer, ...]
    unfit: Unfit | None = None


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """All zones, best first, those that do not fit last; `note` says what was not possible."""

    zones: tuple[RankedZone, ...]
    note: str | None = None


def ranked(table: SeatTable, wish: ZoneQuery, drawing: Drawing | None = None) -> Ranking:
    """Rank the zones of a table; equal ones by price, then in the API's order.

    `cheapest`: by the lowest price with enough stock. `closest`: by the distance from the zone's
    middle to where people look; if that is unsure, the cheapest come first, and the note says so.
    `together`: zones with enough seats side by side come first, then those of which the map does
    not tell, then those with fewer; within these, the ones with most left first.
    """
    # If some offers of the day are not known, a zone without offers may still have some.
    seating = (zone for zone in table.zones if not zone.is_stage)
    found = [_candidate(zone, wish.quantity, is_known=not table.unknown) for zone in seating]
    best = [c for c in found if c.problem is None]
    others = [(c.problem, c) for c in found if c.problem is not None]
    others.sort(key=lambda other: (other[0][0], *other[1].by_price))
    distances = _distances(drawing) if wish.preference is Preference.CLOSEST else None
    if wish.preference is Preference.TOGETHER:
        ordered = _together(best, wish.quantity, _runs(drawing))
    elif distances is not None:
        ordered = _closest(best, distances, _front_of(drawing))
    else:
        ordered = _cheapest(best)
    fitting = [c.placed(why, rank) for rank, (c, why) in enumerate(ordered, 1)]
    rest = [c.placed(why, None, unfit) for (unfit, why), c in others]
    note = NO_FOCUS if wish.preference is Preference.CLOSEST and distances is None else None
    return Ranking(zones=(*fitting, *rest), note=note)


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A zone compared with the wish: price and stock of the offers that fit, or the problem."""

    zone: ZoneRow
    offers: tuple[SeatOffer, ...]
    price: Money | None
    left: int | None
    problem: tuple[Unfit, str] | None

    @property
    def by_price(self) -> tuple[Decimal, int]:
        """A sort key for otherwise equal zones: by price, then in the API's order."""
        return self.price.amount if self.price else _NEVER, self.zone.number

    @property
    def and_left(self) -> str:
        """The number left, as words for the end of a reason."""
        return f", {self.stock}" if self.stock else ""

    @property
    def stock(self) -> str:
        """What is left, in words; of stock that zones share only what this one has room for."""
        if not self.zone.is_shared:
            return "" if self.left is None else f"{self.left} left"
        most, is_less = self.zone.places, self.left != most_left(self.offers)
        return f"at most {most} of a shared stock" if is_less else "of a shared stock"

    def placed(self, why: str, rank: int | None, unfit: Unfit | None = None) -> RankedZone:
        """The ranked zone."""
        return RankedZone(zone=self.zone, rank=rank, why=why, offers=self.offers, unfit=unfit)


_Ordered: TypeAlias = list[tuple[_Candidate, str]]


def _candidate(zone: ZoneRow, quantity: int, *, is_known: bool) -> _Candidate:
    fitting = [o for o in zone.offers if zone.seats(o, quantity)]
    # A zone that does not fit is shown with those of its offers that come nearest to the wish.
    offers = fitting or zone.offers or zone.too_dear
    return _Candidate(
        zone=zone,
        offers=tuple(fitting or _there(zone.offers) or _there(zone.too_dear)),
        price=min((o.price for o in offers if o.price is not None), default=None),
        left=zone.at_most(most_left(offers)),
        problem=None if fitting else _problem(zone, quantity, is_known=is_known),
    )


def _there(offers: Iterable[SeatOffer]) -> list[SeatOffer]:
    return [o for o in offers if o.left != 0]


def _problem(zone: ZoneRow, quantity: int, *, is_known: bool) -> tuple[Unfit, str]:
    """Why a zone does not fit, as a kind and in words.

    Without `is_known` the offers of the day are incomplete, so a zone without offers may have some.
    """
    if zone.unasked is not None:
        return Unfit.NOT_ASKED, zone.unasked
    # Too few seats come nearest to the wish, since fewer people could go there.
    if there := _there(zone.offers):
        return Unfit.TOO_FEW, _too_few(zone, there, quantity)
    if not zone.all_offers:
        return Unfit.NOTHING, "nothing on sale" if is_known else "no offer known"
    if all(o.left == 0 for o in zone.all_offers):
        return Unfit.SOLD_OUT, "sold out" if is_known else "what is known is sold out"
    if zone.offers:
        return Unfit.TOO_DEAR, "sold out at that price"
    return Unfit.TOO_DEAR, "above the highest price"


def _too_few(zone: ZoneRow, offers: Iterable[SeatOffer], quantity: int) -> str:
    """Why a zone of which something is left has too few for so many, in words."""
    # Without a limit only the places of the zone can be too few.
    most = max((o.left for o in offers if o.left is not None), default=zone.places)
    if zone.places is not None and zone.places < quantity and zone.at_most(most) == zone.places:
        return f"only {zone.places} places"
    return "too few in a shared stock" if zone.is_shared else f"only {most} left"


def _cheapest(found: Iterable[_Candidate]) -> _Ordered:
    order = sorted(found, key=lambda c: c.by_price)
    least = order[0].price if order else None
    return [(c, _beside_the_cheapest(c, least)) for c in order]


def _beside_the_cheapest(candidate: _Candidate, least: Money | None) -> str:
    price = candidate.price
    if price is None or least is None:
        return f"no price stated{candidate.and_left}"
    if price == least:
        is_plain = candidate.stock and not candidate.zone.is_shared
        return f"cheapest with {candidate.stock}" if is_plain else f"cheapest{candidate.and_left}"
    # A difference between two currencies cannot be computed, so the price itself is shown.
    if price.currency != least.currency:
        return f"{price}{candidate.and_left}"
    return f"{Money(price.amount - least.amount, price.currency)} more{candidate.and_left}"


def _distances(drawing: Drawing | None) -> Mapping[int, float] | None:
    """How far each zone is from where people look; None when that is not known.

    Rounded to a tenth of a unit, so that both halves of a symmetric hall are equal.
    """
    if drawing is None or not drawing.fronts:
        return None

    def away(zone: DrawnZone) -> float:
        ways = (dist(zone.label_at, front) for front in drawing.fronts_of(zone))
        # From schematic places there is no real distance.
        return inf if zone.is_schematic else round(min(ways, default=inf), 1)

    return {zone.number: away(zone) for zone in drawing.zones}


def _front_of(drawing: Drawing | None) -> str:
    """What people look at, in words."""
    return "front" if drawing is not None and not drawing.has_stage else "stage or pitch"


def _closest(found: Iterable[_Candidate], distances: Mapping[int, float], front: str) -> _Ordered:
    def distance(candidate: _Candidate) -> float:
        return distances.get(candidate.zone.number, inf)

    order = sorted(found, key=lambda c: (distance(c), *c.by_price))
    # Equal distances share a place: both halves of a hall are "nearest", the next zone is the 2nd.
    places = {length: n for n, length in enumerate(dict.fromkeys(map(distance, order)), 1)}
    return [(c, f"{_nearness(distance(c), places[distance(c)], front)}{c.and_left}") for c in order]


def _nearness(distance: float, place: int, front: str) -> str:
    """The place of a zone by distance, in words: "2nd nearest to the stage or pitch"."""
    if distance == inf:
        return "not placed on the map"
    nearest = f"nearest to the {front}"
    last = 0 if place % 100 in (11, 12, 13) else place % 10
    ordinal = f"{place}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"
    return nearest if place == 1 else f"{ordinal} {nearest}"


def _runs(drawing: Drawing | None) -> Mapping[int, int | None]:
    """The most seats side by side in each zone."""
    return {zone.number: zone.longest_run for zone in drawing.zones} if drawing else {}


def _together(
    found: Iterable[_Candidate], quantity: int, runs: Mapping[int, int | None]
) -> _Ordered:
    def order(candidate: _Candidate) -> tuple[int, float, Decimal, int]:
        left = inf if candidate.left is None else candidate.left
        longest = runs.get(candidate.zone.number)
        return _rows_for(longest, quantity)[0], -left, *candidate.by_price

    return [
        (c, f"{_rows_for(runs.get(c.zone.number), quantity)[1]}{c.and_left}")
        for c in sorted(found, key=order)
    ]


def _rows_for(longest: int | None, quantity: int) -> tuple[int, str]:
    """How well a zone can seat `quantity` people side by side (0 is best), and that in words."""
    if longest is None:
        return 1, "no rows on the map"
    if longest < quantity:
        return 2, f"rows of only up to {longest}"
    return 0, f"rows of up to {longest}"
