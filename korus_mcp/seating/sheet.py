"""The sheet: one JSON object with all that an interactive seat map shows.

It goes to the page that draws the map, not to a model. Coordinates are whole drawing units, flat
(x, y, x, y, ...); nothing is null, and a key without a value is left out. Of a zone: `n` is its
number, `at` the place of its label, `category` an index into `categories`, `from` and `to` what it
costs, `best` its rank for the wish, `why` in words; `left` absent is no limit or not known, 0 is
sold out; `shared` says that zones of the category share it; `offers` absent is nothing on sale that
day, `more` how many are left out; `schematic` is a place of ours. `notes` are codes: "no_focus",
the closest were wished for and the map does not tell to what; "day_stock", what is left is told for
the day and not for the session; "unknown_offers", not all offers of the day could be read or used,
so that a zone without offers may have some. `as_of`: nothing is older.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Final, TypeAlias

from korus_mcp.foundation.money import EURO, UNKNOWN, Money
from korus_mcp.seating.layout import Drawing, DrawnZone, Point
from korus_mcp.seating.ranking import Preference, RankedZone, Ranking
from korus_mcp.seating.table import CategoryRow, SeatOffer, SeatTable, most_left, price_range

VERSION: Final = 1
DRAWN_SEATS: Final = 6000
"""Above so many only the outlines are sent."""
MOST_ZONES: Final = 500
"""The best ones stay, and `hidden` tells how many do not."""
MOST_OFFERS: Final = 600
"""Of all zones together; the best zones keep theirs, each zone what fits the wish."""
MOST_UNTIED: Final = 50

Sheet: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SheetContext:
    """What the sheet says beside the map. `products` gives the product's name by offer id."""

    title: str
    product_base_id: str
    language: str
    quantity: int
    as_of: datetime | None = None
    preference: Preference = Preference.CHEAPEST
    venue: str | None = None
    day: date | None = None
    session_id: str | None = None
    is_stock_of_day: bool = False
    max_price: Decimal | None = None
    products: Mapping[str, str] = field(default_factory=dict)


def sheet_of(drawing: Drawing, table: SeatTable, ranking: Ranking, context: SheetContext) -> Sheet:
    """The sheet of a drawing with its table and ranking, which are of the same seat map.

    `from`, `to` and `left` of a zone are facts of the day, whatever the highest price asked for:
    the page dims what is dearer. `best` is there for zones that fit the wish.
    """
    offers = [o for zone in table.zones for o in zone.all_offers]
    writer = _Writer(context, _currency_of([*offers, *table.untied]))
    places = {place.zone.number: place for place in ranking.zones}
    categories = {category.name: n for n, category in enumerate(drawing.categories)}
    with_seats = drawing.seat_count <= DRAWN_SEATS
    # Zones are kept by how well they suit the wish, and listed in the order of the map.
    shown = _shared_out(ranking)
    by_category = {category.name: category for category in table.categories}
    notes = {
        "no_focus": ranking.note is not None,
        "day_stock": context.is_stock_of_day,
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
        as_of=context.as_of.isoformat(timespec="seconds") if context.as_of else None,
        quantity=context.quantity,
        prefer=context.preference.value,
        max_price=None if context.max_price is None else f"{context.max_price:f}",
        width=round(drawing.width),
        height=round(drawing.height),
        focus=_flat([drawing.focus]) if drawing.focus else None,
        schematic=drawing.is_schematic or None,
        notes=[code for code, holds in notes.items() if holds] or None,
        categories=[
            _present(name=c.name, color=c.color, **writer.category(by_category.get(c.name)))
            for c in drawing.categories
        ],
        zones=[
            {
                **_shape(zone, categories, with_seats=with_seats),
                **writer.sale(places[zone.number], shown[zone.number]),
            }
            for zone in drawing.zones
            if zone.number in shown
        ],
        hidden=len(drawing.zones) - len(shown) + drawing.left_out.zones or None,
        untied=[writer.offer(offer) for offer in table.untied[:MOST_UNTIED]] or None,
        untied_count=len(table.untied) or None,
    )


def _shared_out(ranking: Ranking) -> dict[int, int]:
    """How many offers of which zones are shown: of each one, then of the best ones all."""
    zones = [place.zone for place in ranking.zones[:MOST_ZONES]]
    # One offer a zone comes first: a zone on the map that nobody can choose would be a riddle.
    left = MOST_OFFERS - len(zones)
    shown = {}
    for zone in zones:
        more = min(max(0, len(zone.all_offers) - 1), left)
        left -= more
        shown[zone.number] = 1 + more
    return shown


@dataclass(frozen=True)
class _Writer:
    """Writes offers: names of products, prices in the one currency of the sheet."""

    context: SheetContext
    currency: str

    def sale(self, place: RankedZone, most: int) -> Sheet:
        """What is for sale in a zone, and how it meets the wish."""
        offers = place.zone.in_order_for(self.context.quantity)
        return _present(
            **self._range(offers),
            left=most_left(offers),
            shared=place.zone.is_by_category or None,
            best=place.rank,
            why=place.why,
            offers=[self.offer(offer) for offer in offers[:most]] or None,
            more=max(0, len(offers) - most) or None,
        )

    def category(self, row: CategoryRow | None) -> Sheet:
        """What a category costs, and how many are left in all its zones."""
        return {} if row is None else _present(**self._range(row.offers), left=row.left)

    def _range(self, offers: Iterable[SeatOffer]) -> Sheet:
        lowest, highest = price_range(offers) or (None, None)
        return {"from": self.price(lowest), "to": self.price(highest)}

    def offer(self, offer: SeatOffer) -> Sheet:
        """One offer."""
        return _present(
            id=offer.offer_id,
            product=self.context.products.get(offer.offer_id),
            price=self.price(offer.price),
            left=offer.left,
        )

    def price(self, price: Money | None) -> str | None:
        """The bare amount; with its currency where that is another one."""
        if price is None or price.currency == UNKNOWN:
            return None
        return price.digits if price.currency == self.currency else str(price)


def _shape(zone: DrawnZone, categories: Mapping[str, int], *, with_seats: bool) -> Sheet:
    return _present(
        n=zone.number,
        name=zone.name,
        category=categories.get(zone.category or ""),
        outline=_flat(zone.outline),
        at=_flat([zone.label_at]),
        rows=[_flat(row) for row in zone.rows] if with_seats and zone.rows else None,
        capacity=zone.capacity,
        schematic=zone.is_schematic or None,
    )


def _currency_of(offers: Iterable[SeatOffer]) -> str:
    """The currency of most prices."""
    # The page adds prices up, so it counts in one currency; others are told with theirs.
    counts = Counter(o.price.currency for o in offers if o.price is not None)
    del counts[UNKNOWN]
    return max(counts, key=lambda code: counts[code], default=EURO)


def _flat(points: Sequence[Point]) -> list[int]:
    return [round(n) for n in chain.from_iterable(points)]


def _present(**fields: object) -> Sheet:
    """The fields that have a value."""
    return {key: value for key, value in fields.items() if value is not None}
