"""The content of a seat map's picture: zones with prices, whether they fit the wish, the legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Final

from korus_mcp.foundation.money import Money
from korus_mcp.foundation.text import clean_line
from korus_mcp.seating.layout import Drawing, DrawnZone, Point
from korus_mcp.seating.marks import Mark, marked_rows
from korus_mcp.seating.names import NAME_LIMIT
from korus_mcp.seating.palette import STEPS, Theme, mixed, ramp
from korus_mcp.seating.script import numbers_of
from korus_mcp.seating.table import SharedStock, ZoneRow, price_range, shared_stocks
from korus_mcp.seating.wording import Words

SHOWN_BEST: Final = 3
"""How many of the best zones are numbered: more numbers would hide the map."""
_DIMMED: Final = 0.85
"""The share of background colour in the colour of all zones that do not fit the wish."""


class ZoneState(Enum):
    """The state of a zone for a buyer who wants a number of seats up to a price.

    STAGE is what people look at: nobody sells it, and it is no zone to a reader.
    """

    OPEN = "open"
    UNPRICED = "unpriced"
    OUTSIDE = "outside"
    UNASKED = "unasked"
    SOLD_OUT = "sold_out"
    NO_OFFER = "no_offer"
    STAGE = "stage"


@dataclass(frozen=True, kw_only=True)
class PictureQuery:
    """What the picture should show; `best` are numbers of zones, the best first."""

    quantity: int = 1
    max_price: Decimal | None = None
    best: Sequence[int] = ()
    price_type: str | None = None
    """The price type whose prices are shown; None if offers name none."""
    marks: Sequence[Mark] = ()
    """The seats that the caller holds or has ordered."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """The colours and pattern of an area."""

    fill: str
    is_hatched: bool = False
    is_dashed: bool = False


class Symbol(Enum):
    """The sample in a line of the legend: a zone's area, or a mark on the map."""

    AREA = "area"
    BEST = "best"
    YOURS = "yours"
    STAGE = "stage"


@dataclass(frozen=True, kw_only=True)
class LegendLine:
    """A line of the legend: its sample, its text, and which zones it is about."""

    look: Look
    text: str
    detail: str = ""
    symbol: Symbol = Symbol.AREA


@dataclass(frozen=True, kw_only=True)
class PricedZone:
    """A zone with its lowest and highest price, what is left in it alone, and its colours.

    `step` is the index of its lowest price in the colour ramp, None if it does not fit the wish.
    """

    drawn: DrawnZone
    state: ZoneState
    prices: tuple[Money, Money] | None
    left: int | None
    step: int | None = None
    look: Look = Look(fill="none")

    @property
    def name(self) -> str:
        """The zone's name on one line, without invisible characters."""
        return clean_line(self.drawn.name, NAME_LIMIT)

    @property
    def category(self) -> str:
        """The name of its category, cleaned in the same way; "" if it has none."""
        return clean_line(self.drawn.category or "", NAME_LIMIT)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All that a picture shows, before places and sizes are chosen."""

    drawing: Drawing
    zones: tuple[PricedZone, ...]
    colors: tuple[str, ...]
    asked: PictureQuery
    words: Words
    theme: Theme
    stocks: tuple[SharedStock, ...] = ()
    """What zones share, each stock once."""
    unknown: int = 0
    """How many offers of the day are not shown, since they cannot be parsed or used."""

    @property
    def fronts(self) -> tuple[Point, ...]:
        """Where a mark shows the front; none where a zone of the map is what people look at."""
        is_named = any(zone.drawn.is_stage for zone in self.zones)
        return () if is_named else self.drawing.fronts

    @property
    def front_words(self) -> str:
        """What people look at, in words."""
        return self.words.stage if self.drawing.has_stage else self.words.front

    def legend(self) -> list[LegendLine]:
        """The lines of the legend: prices, lowest first, then other states and the best zones."""
        lines = [self._step(step, color) for step, color in enumerate(self.colors)]
        others = {
            ZoneState.UNPRICED: self.words.no_price,
            ZoneState.OUTSIDE: self._outside_words(),
            ZoneState.UNASKED: self.words.unasked,
            ZoneState.SOLD_OUT: self.words.sold_out,
            ZoneState.NO_OFFER: self.no_offer_words,
        }
        for state, text in others.items():
            zones = [zone for zone in self.zones if zone.state is state]
            if zones:
                detail = self._named(zones)
                lines.append(LegendLine(look=zones[0].look, text=text, detail=detail))
        if best := ", ".join(zone.name for zone in self.best):
            look, text = Look(fill=self.theme.paper), self.words.best
            lines.append(LegendLine(look=look, text=text, detail=best, symbol=Symbol.BEST))
        if yours := self._yours():
            look = Look(fill=self.theme.paper)
            text = self.words.yours
            lines.append(LegendLine(look=look, text=text, detail=yours, symbol=Symbol.YOURS))
        return lines

    def _yours(self) -> str:
        """The seats of the caller that are on the map, by row; "" where there are none."""
        found = [mark for mark in self.asked.marks if mark.is_found]
        said = []
        for (zone, row), seats in marked_rows(found).items():
            named = ", ".join(filter(None, seats))
            parts = (zone, self.words.row.format(row) if row else "", named)
            said.append(clean_line(", ".join(filter(None, parts)), NAME_LIMIT))
        return "; ".join(said)

    @property
    def no_offer_words(self) -> str:
        """The words for a zone without offers: none on sale, or unknown if offers are missing."""
        return self.words.no_known_offer if self.unknown else self.words.no_offer

    @property
    def best(self) -> list[PricedZone]:
        """The zones marked as the best, the best first."""
        by_number = {zone.drawn.number: zone for zone in self.zones}
        return [by_number[n] for n in self.asked.best if n in by_number][:SHOWN_BEST]

    def summary(self) -> str:
        """The picture in words, for people who cannot see it."""
        schematic = [self.words.schematic] if self.drawing.is_schematic else []
        entries = (f"{e.text} ({e.detail})" if e.detail else e.text for e in self.legend())
        count = self.words.zone_count.format(
            sum(zone.state is not ZoneState.STAGE for zone in self.zones)
        )
        parts = [*schematic, count, *entries, *self.notes()]
        return ". ".join(part.rstrip(".") for part in parts) + "."

    def notes(self) -> list[str]:
        """Notes on what the picture does not promise."""
        words, left_out = self.words, self.drawing.left_out
        lost = sum(not mark.is_found for mark in self.asked.marks)
        counts = (
            (words.yours_not_found, lost),
            (words.zones_left_out, left_out.zones),
            (words.seats_left_out, left_out.seats),
            (words.strays, self.drawing.strays),
            (words.offers_left_out, self.unknown),
        )
        notes = [text.format(count) for text, count in counts if count]
        if left_out.has_unread_zones:
            notes.append(words.zones_unread)
        if not self.drawing.is_schematic and not self.drawing.fronts:
            notes.append(words.unsure)
        if levels := self.drawing.levels:
            notes.append(words.levels.format(", ".join(level.name for level in levels)))
        # If the whole map is schematic, its title already says so.
        if any(z.drawn.is_schematic for z in self.zones) and not self.drawing.is_schematic:
            notes.append(words.partly_schematic)
        of_type = self.asked.price_type
        shown = [words.prices_of.format(clean_line(of_type, NAME_LIMIT))] if of_type else []
        shared = " · ".join(
            words.shared.format(clean_line(s.name, NAME_LIMIT), s.left, len(s.zones))
            for s in self.stocks
            if s.left
        )
        return [*shown, *filter(None, (shared,)), *notes, words.allocates]

    def _step(self, step: int, color: str) -> LegendLine:
        zones = [zone for zone in self.zones if zone.step == step]
        prices = [zone.prices for zone in zones if zone.prices is not None]
        text = self.words.prices(min(p[0] for p in prices), max(p[1] for p in prices))
        return LegendLine(look=Look(fill=color), text=text, detail=self._detail(zones))

    def _detail(self, zones: Sequence[PricedZone]) -> str:
        """Names zones in words: their categories and number, or the names of one or two."""
        categories = ", ".join(dict.fromkeys(zone.category for zone in zones if zone.category))
        named = self._named(zones)
        return (
            " · ".join(filter(None, (categories, named))) if len(zones) > 2 else categories or named
        )

    def _named(self, zones: Sequence[PricedZone]) -> str:
        """Names one or two zones by name, more of them by their number."""
        if len(zones) > 2:
            return self.words.zone_count.format(len(zones))
        return ", ".join(zone.name for zone in zones)

    def _outside_words(self) -> str:
        words, asked = self.words, self.asked
        above = ""
        if asked.max_price is not None:
            above = words.above.format(words.amount(Money(asked.max_price)))
        fewer = words.fewer.format(asked.quantity) if asked.quantity > 1 else ""
        if above and fewer:
            return words.either.format(above, fewer[0].lower() + fewer[1:])
        return above or fewer


def _numbered(drawing: Drawing) -> Drawing:
    """A drawing with numbers for the names of zones that the letters of a PNG cannot write."""
    numbers = numbers_of(zone.name for zone in drawing.zones)
    if not numbers:
        return drawing
    zones = tuple(replace(z, name=numbers.get(z.name, z.name)) for z in drawing.zones)
    levels = tuple(replace(e, name=numbers.get(e.name, e.name)) for e in drawing.levels)
    return replace(drawing, zones=zones, levels=levels)


def scene_of(
    drawing: Drawing,
    rows: Sequence[ZoneRow],
    asked: PictureQuery,
    words: Words,
    theme: Theme,
    *,
    unknown: int = 0,
    is_raster: bool = False,
) -> Scene:
    """Combine the zones of a drawing with their prices, by number, and choose their colours.

    `unknown` is the number of offers of the day that are not in the rows. `is_raster`: it is for a
    PNG, whose letters are few.
    """
    if is_raster:
        drawing = _numbered(drawing)
    by_number = {row.number: row for row in rows}
    found = []
    for drawn in drawing.zones:
        row = by_number.get(drawn.number)
        state = state_of(row, asked.quantity)
        # A stage that the map places nowhere is not drawn.
        if state is ZoneState.STAGE and drawn.is_schematic:
            continue
        # What zones share is told once, in a note.
        left = row.left if row is not None and not row.is_shared else None
        # A zone that does not fit the wish shows all its prices, those above the limit, too.
        prices = None
        if row is not None:
            prices = price_range(row.all_offers if state is ZoneState.OUTSIDE else row.offers)
        found.append(PricedZone(drawn=drawn, state=state, prices=prices, left=left))
    # Colours are chosen last: they depend on the prices of all zones that fit the wish. The others
    # share one, and their prices are no lines of the legend.
    open_at = {
        each.drawn.number: each.prices[0]
        for each in found
        if each.state is ZoneState.OPEN and each.prices is not None
    }
    steps = _steps(list(open_at.values()))
    colors = ramp(max(steps.values()) + 1) if steps else ()
    zones = []
    for each in found:
        price = open_at.get(each.drawn.number)
        step = None if price is None else steps[price]
        is_dashed = each.drawn.is_schematic and not drawing.is_schematic
        color = theme.paper if step is None else colors[step]
        look = _look(each.state, color, theme, is_dashed=is_dashed)
        zones.append(replace(each, step=step, look=look))
    return Scene(
        drawing=drawing,
        zones=tuple(zones),
        colors=colors,
        asked=asked,
        words=words,
        theme=theme,
        stocks=shared_stocks(rows),
        unknown=unknown,
    )


def state_of(row: ZoneRow | None, quantity: int) -> ZoneState:
    """The state of a zone for `quantity` seats, at the prices its row was made for."""
    # SOLD_OUT: nobody can buy. OUTSIDE: other buyers could. UNASKED: it sells something else.
    if row is not None and row.is_stage:
        return ZoneState.STAGE
    if row is None or not row.every_offer:
        return ZoneState.NO_OFFER
    if row.unasked is not None:
        return ZoneState.UNASKED
    if all(offer.left == 0 for offer in row.all_offers):
        return ZoneState.SOLD_OUT
    if not row.has_room_for(quantity):
        return ZoneState.OUTSIDE
    return ZoneState.OPEN if price_range(row.offers) else ZoneState.UNPRICED


def _steps(prices: Sequence[Money]) -> Mapping[Money, int]:
    """The colour step of each price; with too many prices, neighbouring ones share a step."""
    # By rank and not by amount: one very expensive box would put all others into the first step.
    distinct = sorted(set(prices))
    count = min(len(distinct), STEPS)
    return {price: rank * count // len(distinct) for rank, price in enumerate(distinct)}


def _look(state: ZoneState, color: str, theme: Theme, *, is_dashed: bool) -> Look:
    fills = {
        ZoneState.SOLD_OUT: theme.sold_out,
        ZoneState.NO_OFFER: theme.no_offer,
        ZoneState.STAGE: theme.stage,
        ZoneState.UNASKED: mixed(theme.no_offer, theme.paper, 0.5),
        ZoneState.OUTSIDE: mixed(ramp(1)[0], theme.paper, _DIMMED),
    }
    is_hatched = state is ZoneState.SOLD_OUT
    return Look(fill=fills.get(state, color), is_hatched=is_hatched, is_dashed=is_dashed)
