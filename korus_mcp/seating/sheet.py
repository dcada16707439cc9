"""The sheet: a JSON object with all that the interactive seat map shows.

It goes to the page that draws the map, not to a model. Coordinates are whole drawing units in a
flat list (x, y, x, y, ...). There are no nulls: a key without a value is left out.

A zone has `n`, its number; `outlines`, one for each of its blocks; `at`, the place of its label,
and `rooms`, boxes (left, top, right, bottom) in which it hides nothing;
`category`, an index into `categories`; `from` and `to`, the lowest and highest price of the offers
it is compared by, which are those of `price_type`; `best`, its rank; `why`, the reason in words;
`left`, where 0 is sold out, and no key means no limit or not known; `places`, how many people it
has room for; `shared`, how many zones sell out of the same stock, all of which `stocks` tell by
name, each once; `offers`, without which nothing is on sale that day: those with `beside` are of
another price type or category; `more`, the number of offers left out; and `schematic`, if we chose
its place. `asked` are the price types and seating categories that were asked for, as they were
written.

Seats are texts, "x y x y", one for each of its `rows`. Where names of rows and seats are told, a
zone has `ends`: of each end of a row its name, where that
may begin (x, y), its direction in hundredths (x, y), and how much room it has along and across; and
`numbers`: for each of its `rows` the names of the seats, or two numbers: the first and the step.
`yours` are seats that the caller holds or has `ordered`: `zone`, `row` and `seat` as the ticket has
them, and where they are `found`, the number `n` of the zone and the place `at`.

`stages` are zones that are what people look at, not sold; `focus` is where they look if no zone is
that, and `front` is there if it is no stage or pitch, but the front of a vehicle. `levels` are
decks or floors that are drawn beside each other: each has its name, the middle `at` of the edge at
which that stands, and `above` if that is the upper one; `focus` is then one place for each of them.
`strays` is how many seats are not drawn, since they lie far from all others.

`notes` are codes: "no_focus", the buyer asked for the closest zones, but the map does not show
where people look; "unsure", it does not show that, but nothing hangs on it; "day_stock", `left` is
for the day and not for the session; "unknown_offers", not all offers of the day could be parsed or
used, so that a zone without offers may have some. All data of offers is at least as new as `as_of`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, pairwise
from math import ceil, floor
from typing import Any, Final, TypeAlias

from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.foundation.money import EURO, UNKNOWN, Money
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import moment
from korus_mcp.seating.geometry import Box
from korus_mcp.seating.layout import Drawing, DrawnZone, Point
from korus_mcp.seating.marks import Mark, seat_names
from korus_mcp.seating.ranking import Preference, RankedZone, Ranking
from korus_mcp.seating.row_names import RowEnds
from korus_mcp.seating.table import (
    CategoryRow,
    SeatOffer,
    SeatTable,
    most_left,
    price_range,
    shared_stocks,
)

VERSION: Final = 1
DRAWN_SEATS: Final = 6000
"""The most seats that are sent; with more, only the outlines are."""
MOST_ZONES: Final = 500
"""The most zones that are sent, the best ones; `hidden` counts the others."""
MOST_OFFERS: Final = 600
"""The most offers of all zones together; the best zones keep theirs, those that fit first."""
MOST_UNTIED: Final = 50
_SEAT_LIMIT: Final = 8

Sheet: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SheetContext:
    """What the sheet holds besides the map. `products` are names of products by offer id, `asked`
    is what was asked for by option code. `marks` are seats of the caller. Without `row_ends` and
    the `seat_map` that was drawn no row and no seat has a name.
    """

    title: str
    product_base_id: str
    language: str
    quantity: int
    as_of: datetime | None = None
    preference: Preference = Preference.CHEAPEST
    venue: str | None = None
    day: date | None = None
    session_id: str | None = None
    max_price: Decimal | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=dict)
    marks: Sequence[Mark] = ()
    row_ends: RowEnds = field(default_factory=dict)
    seat_map: SeatMap | None = None


def sheet_of(drawing: Drawing, table: SeatTable, ranking: Ranking, context: SheetContext) -> Sheet:
    """Make the sheet of a drawing, its table and its ranking, all of the same seat map.

    `from`, `to` and `left` of a zone do not depend on the buyer's highest price: the page dims what
    is more expensive. `best` is set for zones that fit the wish.
    """
    offers = [o for zone in table.zones for o in zone.every_offer]
    writer = _Writer(context, _currency_of([*offers, *table.untied]))
    places = {place.zone.number: place for place in ranking.zones}
    categories = {category.name: n for n, category in enumerate(drawing.categories)}
    with_seats = drawing.seat_count <= DRAWN_SEATS
    stages = [n for n, zone in enumerate(table.zones) if zone.is_stage]
    # Zones are chosen by how well they fit the wish, and listed in the order of the map.
    shown = _shared_out(ranking)
    painted = [n for n in stages if not drawing.zones[n].is_schematic]
    is_named = any(zone.is_stage for zone in drawing.zones)
    by_category = {category.name: category for category in table.categories}
    notes = {
        "no_focus": ranking.note is not None,
        "unsure": not (drawing.fronts or drawing.is_schematic or ranking.note),
        "day_stock": context.session_id is not None,
        "unknown_offers": table.unknown > 0,
    }
    return _present(
        v=VERSION,
        title=context.title,
        venue=context.venue,
        date=context.day.isoformat() if context.day else None,
        product_base_id=context.product_base_id,
        session_id=context.session_id,
        language=context.language,
        currency=writer.currency,
        as_of=moment(context.as_of) if context.as_of else None,
        quantity=context.quantity,
        prefer=context.preference.value,
        max_price=None if context.max_price is None else f"{context.max_price:f}",
        price_type=table.price_type,
        asked=dict(context.asked) or None,
        width=round(drawing.width),
        height=round(drawing.height),
        focus=None if is_named or not drawing.fronts else _flat(drawing.fronts),
        front=None if drawing.has_stage else True,
        levels=[
            _present(name=level.name, at=_flat([level.at]), above=level.is_above or None)
            for level in drawing.levels
        ]
        or None,
        strays=drawing.strays or None,
        stages=[_shape(drawing.zones[n], {}, with_seats=False) for n in painted] or None,
        schematic=drawing.is_schematic or None,
        notes=[code for code, holds in notes.items() if holds] or None,
        categories=[
            _present(name=c.name, color=c.color, **writer.category(by_category.get(c.name)))
            for c in drawing.categories
        ],
        stocks=[
            {"name": stock.name, "left": stock.left, "zones": len(stock.zones)}
            for stock in shared_stocks(table.zones)
            if stock.left
        ]
        or None,
        zones=[
            {
                **_shape(zone, categories, with_seats=with_seats),
                **(_names(zone, context) if with_seats else {}),
                **writer.sale(places[zone.number], shown[zone.number]),
            }
            for zone in drawing.zones
            if zone.number in shown
        ],
        hidden=len(drawing.zones) - len(stages) - len(shown) + drawing.left_out.zones or None,
        untied=[writer.offer(offer) for offer in table.untied[:MOST_UNTIED]] or None,
        untied_count=len(table.untied) or None,
        yours=[_yours(mark) for mark in context.marks] or None,
    )


def _shared_out(ranking: Ranking) -> dict[int, int]:
    """How many offers of each zone are sent: at least one, and all of those of the best zones."""
    zones = [place.zone for place in ranking.zones[:MOST_ZONES]]
    # One offer for each zone first: otherwise a zone on the map could not be chosen.
    left = MOST_OFFERS - len(zones)
    shown = {}
    for zone in zones:
        more = min(max(0, len(zone.every_offer) - 1), left)
        left -= more
        shown[zone.number] = 1 + more
    return shown


@dataclass(frozen=True)
class _Writer:
    """Writes offers into the sheet: names of products, prices in the sheet's currency."""

    context: SheetContext
    currency: str

    def sale(self, place: RankedZone, most: int) -> Sheet:
        """What is for sale in a zone, and how it fits the wish."""
        offers = place.zone.in_order_for(self.context.quantity)
        beside = {offer.offer_id for offer in place.zone.beside}
        return _present(
            **self._range(place.zone.all_offers),
            left=place.zone.at_most(most_left(offers)),
            places=place.zone.places,
            shared=len(place.zone.sharing) or None,
            best=place.rank,
            why=place.why,
            offers=[
                self.offer(
                    replace(offer, left=place.zone.at_most(offer.left)),
                    is_beside=offer.offer_id in beside,
                )
                for offer in offers[:most]
            ]
            or None,
            more=max(0, len(offers) - most) or None,
        )

    def category(self, row: CategoryRow | None) -> Sheet:
        """The prices of a category, and how many seats are left in all its zones."""
        return {} if row is None else _present(**self._range(row.offers), left=row.left)

    def _range(self, offers: Iterable[SeatOffer]) -> Sheet:
        lowest, highest = price_range(offers) or (None, None)
        return {"from": self.price(lowest), "to": self.price(highest)}

    def offer(self, offer: SeatOffer, *, is_beside: bool = False) -> Sheet:
        """One offer; `is_beside`: the zone is not compared by it."""
        return _present(
            id=offer.offer_id,
            product=self.context.products.get(offer.offer_id),
            price=self.price(offer.price),
            left=offer.left,
            beside=is_beside or None,
        )

    def price(self, price: Money | None) -> str | None:
        """The bare amount; with the currency if it is not that of the sheet."""
        if price is None or price.currency == UNKNOWN:
            return None
        return price.digits if price.currency == self.currency else str(price)


def _shape(zone: DrawnZone, categories: Mapping[str, int], *, with_seats: bool) -> Sheet:
    return _present(
        n=zone.number,
        name=zone.name,
        category=categories.get(zone.category or ""),
        outlines=[_flat(outline) for outline in zone.outlines],
        at=_flat([zone.label_at]),
        rooms=[_inner(room) for room in zone.rooms] or None,
        rows=[_text(row) for row in zone.rows] if with_seats and zone.rows else None,
        schematic=zone.is_schematic or None,
    )


def _names(zone: DrawnZone, context: SheetContext) -> Sheet:
    """What its rows and seats are called: `ends` of rows with the room that names have there, and
    for each drawn row the `numbers` of its seats.
    """
    named: list[list[str]] = []
    if context.seat_map is not None:
        named = seat_names(context.seat_map.zones[zone.number], zone)
    return _present(
        ends=[
            [
                *(end.name, *_flat([end.at]), *(round(100 * part) for part in end.away)),
                *(round(end.room), round(end.band)),
            ]
            for end in context.row_ends.get(zone.number, ())
        ]
        or None,
        numbers=[_numbers(names) for names in named]
        if named and len(named) == len(zone.rows)
        else None,
    )


def _numbers(names: Sequence[str]) -> list[str] | list[int]:
    """The names of seats; of numbers with one step between them the first and the step."""
    if not all(name.isascii() and name.isdecimal() and name[0] != "0" for name in names):
        return [clean_line(name, _SEAT_LIMIT) for name in names]
    numbers = [int(name) for name in names]
    steps = {after - before for before, after in pairwise(numbers)} or {0}
    if len(steps) > 1:
        return [clean_line(name, _SEAT_LIMIT) for name in names]
    return [numbers[0], steps.pop()] if numbers else []


def _yours(mark: Mark) -> Sheet:
    """A seat of the caller; without `found` it is not on the map."""
    place = mark.place
    return _present(
        n=mark.zone,
        at=None if mark.at is None else _flat([mark.at]),
        zone=place.zone,
        row=place.row,
        seat=place.seat,
        ordered=place.is_ordered or None,
        found=mark.is_found or None,
    )


def _currency_of(offers: Iterable[SeatOffer]) -> str:
    """The most frequent currency of the prices."""
    # The page adds prices up, so it uses one currency; prices in others name theirs.
    counts = Counter(o.price.currency for o in offers if o.price is not None)
    del counts[UNKNOWN]
    return max(counts, key=lambda code: counts[code], default=EURO)


def _flat(points: Sequence[Point]) -> list[int]:
    return [round(n) for n in chain.from_iterable(points)]


def _inner(box: Box) -> list[int]:
    """Left, top, right and bottom in whole units, within the box."""
    return [ceil(box.left), ceil(box.top), floor(box.right), floor(box.bottom)]


def _text(points: Sequence[Point]) -> str:
    """The same as a text, "x y x y": hosts copy thousands of numbers one by one."""
    return " ".join(map(str, _flat(points)))


def _present(**fields: object) -> Sheet:
    """The fields that have a value."""
    return {key: value for key, value in fields.items() if value is not None}
