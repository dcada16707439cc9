"""get_seat_map: zones of a venue with their prices, what is left, and the offers that buy them."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Annotated

from pydantic import Field

from korus_mcp.api import NotFound, OfferFilters
from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.app import App
from korus_mcp.catalog.calendar import check_days, window_of
from korus_mcp.catalog.price_table import OfferRow
from korus_mcp.catalog.records import BaseRecord
from korus_mcp.refusals import Code, FieldProblem, Refusal, invalid
from korus_mcp.seating.ranking import Wish, ranked
from korus_mcp.seating.table import SeatOffer, ZoneRow, seat_table
from korus_mcp.tools.arguments import (
    Amount,
    Day,
    Language,
    ProductBaseId,
    Quantity,
    SessionId,
)
from korus_mcp.tools.declare import Reply, ToolContext, View, app, tool
from korus_mcp.tools.views import Part, day_text, lines_of, text_of

DETAILED_ZONES = 5
SHOWN_OFFERS = 3


class SeatOfferView(Part):
    """An offer that buys seats in a zone."""

    offer_id: str
    product: str
    price: str | None = None


class ZoneView(Part):
    """A zone, best first. Offers only for the best ones."""

    zone: str
    category: str | None = None
    from_price: str | None = None
    to_price: str | None = None
    left: int | None = None
    enough: bool = False
    offers: list[SeatOfferView] = []

    @classmethod
    def of(cls, zone: ZoneRow, quantity: int, offers: list[SeatOfferView]) -> "ZoneView":
        """The zone as shown."""
        lowest, highest = zone.cheapest, zone.dearest
        return cls(
            zone=zone.name,
            category=zone.category,
            from_price=text_of(lowest),
            to_price=text_of(highest) if highest != lowest else None,
            left=zone.left,
            enough=zone.has_room_for(quantity),
            offers=offers,
        )

    @property
    def prices(self) -> str:
        """One price, or from the lowest to the highest."""
        highest = f" to {self.to_price}" if self.to_price else ""
        return f"{self.from_price}{highest}" if self.from_price else "no offer"

    def text(self) -> str:
        """One line, and one more for each offer."""
        left = "" if self.left is None else f", {self.left} left"
        category = f" ({self.category})" if self.category else ""
        return lines_of(
            f"{self.zone}{category}: {self.prices}{left}",
            *(f"  {o.product} {o.price or ''}: offer_id {o.offer_id}" for o in self.offers),
        )


class SeatMapView(View):
    """The zones of a venue on one day."""

    product_base_id: str
    date: str | None = None
    zones: list[ZoneView] = []
    untied_offers: int = 0
    note: str

    def text(self) -> str:
        """The best zones with their offers, the others in short."""
        best = [z for z in self.zones if z.offers]
        others = _grouped([z for z in self.zones if not z.offers])
        day = f" on {self.date}" if self.date else ""
        untied = f"{self.untied_offers} offers name no zone." if self.untied_offers else None
        return lines_of(
            f"{len(self.zones)} zones{day}, best first:",
            *(zone.text() for zone in best),
            *others,
            untied,
            self.note,
        )


@tool(title="Get seat map", read_only=True, destructive=False, idempotent=True)
async def get_seat_map(
    ctx: ToolContext,
    product_base_id: ProductBaseId,
    session_id: Annotated[SessionId | None, Field(description="From check_availability")] = None,
    date: Annotated[Day | None, Field(description="Of the visit")] = None,
    quantity: Annotated[Quantity, Field(description="Seats wanted")] = 1,
    max_price: Annotated[Amount | None, Field(description="EUR a seat")] = None,
    language: Language = None,
) -> Reply[SeatMapView]:
    """Compare zones of a venue: prices, stock, offers. The issuer allocates the seats."""
    services = app(ctx)
    wished = services.language(language)
    check_days(date, None, services.api.now())
    base = await services.mirror.base(product_base_id, wished)
    if session_id is not None:
        rows = await _of_session(services, base, session_id, wished)
        if date not in (None, rows[0].day):
            raise invalid(FieldProblem("date", "not the day of this session", str(rows[0].day)))
    else:
        rows = await _offers(services, base, date, wished)
    seat_map_id = await _seat_map_id(services, base, session_id, rows, wished)
    seat_map = await _seat_map(services, base, seat_map_id, wished)
    for row in rows:
        services.prices.show(services.principal.key, row.handle, row.price)
    table = seat_table(
        seat_map,
        [_seat_offer(row) for row in rows],
        {choice.id: choice.name for values in base.choices.values() for choice in values},
        max_price=max_price,
    )
    zones = [place.zone for place in ranked(table, Wish(quantity=quantity)).zones]
    products = {str(row.handle): row.product.name for row in rows}
    view = partial(_view, base, day_text(rows[0].day), zones, len(table.untied), quantity, products)
    return Reply.of_rows(len(zones), view)


async def _offers(
    services: App, base: BaseRecord, day: date | None, language: str
) -> Sequence[OfferRow]:
    """The offers of the asked day, else of the next day that has some."""
    window = window_of(day, day, base, services.api.now())
    calendar = await services.calendars.first_day(base, window, language)
    if not calendar.rows:
        raise Refusal(
            Code.NOT_FOUND,
            "The price table has too many rows to find those of that day."
            if calendar.is_cut
            else "Nothing is on sale on that day, so there is no seat to compare.",
            "Call get_offers for days that have offers.",
        )
    return calendar.rows


async def _of_session(
    services: App, base: BaseRecord, session_id: str, language: str
) -> Sequence[OfferRow]:
    """The offers that give access to a session, whatever their day."""
    filters = OfferFilters(session_id=session_id, product_base_id=base.handle.id)
    offers = await services.calendars.with_filters(base, filters, language)
    if not offers:
        raise Refusal(
            Code.UNKNOWN_ID,
            "No offer of this product base has such a session.",
            "Use a session_id from check_availability, or pass date instead.",
        )
    return offers


async def _seat_map_id(
    services: App,
    base: BaseRecord,
    session_id: str | None,
    rows: Sequence[OfferRow],
    language: str,
) -> str:
    """The map of the session, else of the base, else of the first session that has one (A10)."""
    if session_id is None and base.seat_map_id is not None:
        return base.seat_map_id
    if rows[0].session_required:
        quote = await services.quotes.of_offer(rows[0].handle, language)
        sessions = [s for _, s in quote.sessions() if session_id in (None, s.id)]
        found = next((s.seat_map_id for s in sessions if s.seat_map_id), base.seat_map_id)
    else:
        found = base.seat_map_id
    if found is None:
        raise Refusal(
            Code.NOT_FOUND,
            "This product base has no seat map.",
            "Call get_offers; its zone and seating_category choices tell the places apart.",
        )
    return found


async def _seat_map(services: App, base: BaseRecord, seat_map_id: str, language: str) -> SeatMap:
    """The map; the one the base has now, when a map that was kept by its id is gone."""
    read = services.api.ticketing.get_seat_map
    try:
        return await read(base.catalog.id, base.handle.id, seat_map_id, language=language)
    except NotFound:
        anew = (await services.mirror.renewed_base(base.handle, language)).seat_map_id
        if anew is None or anew == seat_map_id:
            raise
        return await read(base.catalog.id, base.handle.id, anew, language=language)


def _grouped(zones: list[ZoneView]) -> list[str]:
    """Zones of one category and price on one line: a stadium has dozens."""
    groups: dict[tuple[str, str], list[str]] = {}
    for zone in zones:
        left = "" if zone.left is None else f" ({zone.left} left)"
        key = (zone.category or "no category", zone.prices)
        groups.setdefault(key, []).append(f"{zone.zone}{left}")
    return [f"{category}, {price}: {', '.join(g)}" for (category, price), g in groups.items()]


def _seat_offer(row: OfferRow) -> SeatOffer:
    return SeatOffer(
        offer_id=str(row.handle), choices=row.product.choices, price=row.price, left=row.left
    )


def _view(
    base: BaseRecord,
    day: str | None,
    rows: Sequence[ZoneRow],
    untied: int,
    quantity: int,
    products: Mapping[str, str],
    count: int,
) -> SeatMapView:
    zones = []
    for place, zone in enumerate(rows[:count]):
        shown = zone.offers[:SHOWN_OFFERS] if place < DETAILED_ZONES else ()
        offers = [
            SeatOfferView(offer_id=o.offer_id, product=products[o.offer_id], price=text_of(o.price))
            for o in shown
        ]
        zones.append(ZoneView.of(zone, quantity, offers))
    return SeatMapView(
        product_base_id=str(base.handle),
        date=day,
        zones=zones,
        untied_offers=untied,
        note=_note(len(rows) - count),
    )


def _note(hidden: int) -> str:
    note = "The issuer allocates the exact seats; the reservation shows them."
    if not hidden:
        return note
    return (
        f"{note} {hidden} more zones are not shown: call get_offers with zone, or this with a "
        "lower max_price."
    )
