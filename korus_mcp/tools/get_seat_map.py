"""get_seat_map: zones of a venue with their prices, what is left, and the offers that buy them."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from mcp.server.apps import client_supports_apps
from mcp_types import ImageContent, ResourceLink
from pydantic import Field

from korus_mcp.answers import addresses
from korus_mcp.answers.views import Part, Price, View, day_text, lines_of, text_of
from korus_mcp.app import App, app_of
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.refusals import Faults
from korus_mcp.proposals.seat_plans import ONE_DAY, Extra, SeatPlan, SeatQuery
from korus_mcp.seating.ranking import Preference, RankedZone
from korus_mcp.seating.raster import NotDrawn
from korus_mcp.seating.table import SeatOffer, most_left, price_range
from korus_mcp.tools.arguments import Amount, Day, Language, ProductBaseId, Quantity, SessionId
from korus_mcp.tools.blocks import takes_links
from korus_mcp.tools.clients import sees_pictures
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given, check_days

SHEET: Final = "io.github.korus-mcp/seat-map"
"""The key in a result's `_meta` under which the interactive page finds the map. Hosts pass `_meta`
to the page and not to the model."""
MOST_ZONES_TOLD: Final = 300
"""At most so many zones are tried for an answer: more never fit, and trying takes time."""
DETAILED_ZONES: Final = 8
SHOWN_OFFERS: Final = 3
ALL_OFFERS: Final = 9
"""At most so many offers are shown, for the best zones together: their ids are long."""
_NOT_DRAWN: Final = "No picture could be drawn."
_NOT_SEEN: Final = "No picture: your host hands pictures to you as text, or not at all."


class SeatOfferView(Part):
    """An offer that buys seats in a zone; `product` tells it from the others of the zone."""

    offer_id: str
    product: str
    price: Price = None

    @property
    def line(self) -> str:
        """One line."""
        return f"  {self.product} {self.price or ''}: offer_id {self.offer_id}"


class ZoneView(Part):
    """A zone, best first. Offers only for the best ones."""

    zone: str
    category: str | None = None
    from_price: str | None = None
    to_price: str | None = None
    left: int | None = None
    enough: bool = False
    why: str | None = None
    offers: list[SeatOfferView] = []
    more: int = 0

    @property
    def prices(self) -> str:
        """One price, or from the lowest to the highest."""
        highest = f" to {self.to_price}" if self.to_price else ""
        return f"{self.from_price}{highest}" if self.from_price else "no price"

    def text(self) -> str:
        """One line, and one more for each offer."""
        category = f" ({self.category})" if self.category else ""
        why = f": {self.why}" if self.why else ""
        head = f"{self.zone}{category}, {self.prices}{why}"
        more = f"  {self.more} more: get_offers with zone" if self.more else None
        return lines_of(head, *(offer.line for offer in self.offers), more)


class SeatMapView(View):
    """The zones of a venue on one day."""

    product_base_id: str
    date: str | None = None
    zones: list[ZoneView] = []
    zones_hidden: int = 0
    untied_offers: int = 0
    note: str

    def text(self) -> str:
        """The best zones with their offers, the others in short."""
        best = [z for z in self.zones if z.offers]
        others = [z for z in self.zones if not z.offers]
        day = f" on {self.date}" if self.date else ""
        untied = f"{self.untied_offers} offers name no zone." if self.untied_offers else None
        return lines_of(
            f"{len(self.zones)} zones{day}, best first:",
            *(zone.text() for zone in best),
            "The others, with what is left:" if others else None,
            *_grouped(others),
            untied,
            self.note,
        )


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    check_days(faults, ctx, given, ONE_DAY)
    services, product_base_id = app_of(ctx), given.get("product_base_id")
    if faults and product_base_id is not None:
        with faults.about("product_base_id"):
            await services.mirror.kept(product_base_id, services.language(given.get("language")))


@tool(title="Get seat map", read_only=True, destructive=False, idempotent=True, checks=_check)
async def get_seat_map(
    ctx: ToolContext,
    product_base_id: ProductBaseId,
    session_id: Annotated[SessionId | None, Field(description="From check_availability")] = None,
    date: Day | None = None,
    quantity: Annotated[Quantity, Field(description="Seats wanted")] = 1,
    max_price: Annotated[Amount | None, Field(description="EUR a seat")] = None,
    prefer: Annotated[
        Literal["cheapest", "closest", "together"], Field(description="What is best")
    ] = "cheapest",
    picture: Annotated[bool, Field(description="Only if you can see images")] = False,
    language: Language = None,
) -> Reply[SeatMapView]:
    """Compare zones of a venue: prices, stock, offers. The issuer allocates the seats."""
    services = app_of(ctx)
    wished = services.language(language)
    wish = SeatQuery(
        session_id=session_id,
        day=date,
        quantity=quantity,
        max_price=max_price,
        preference=Preference(prefer),
    )
    # The data for the interactive page is made only if the host can show pages.
    is_seen = picture and sees_pictures(ctx)
    wanted = {Extra.SHEET: client_supports_apps(ctx), Extra.LIGHT: is_seen}
    extras = frozenset(extra for extra, is_wanted in wanted.items() if is_wanted)
    plan = await services.seat_plans.plan(product_base_id, wish, wished, extras=extras)
    for row in plan.rows:
        services.prices.show(services.principal.key, row.handle, row.price)
    link = _link(plan, language)
    pixels = await _picture(services, plan) if is_seen else []
    told = []
    if picture and not pixels:
        told.append(_NOT_DRAWN if is_seen else _NOT_SEEN)
    # A long address, which most hosts let no model read: only for those who asked for a picture.
    if picture and not takes_links(ctx):
        told.append(f"As SVG: {link.uri}")
    return Reply.of_rows(
        min(len(plan.ranking.zones), MOST_ZONES_TOLD),
        partial(_view, plan, told=told),
        (link, *pixels),
        meta=None if plan.sheet is None else {SHEET: plan.sheet},
    )


def _link(plan: SeatPlan, language: str | None) -> ResourceLink:
    """The link to the same map as a picture for people."""
    wish = plan.wish
    asked = {
        "session_id": wish.session_id,
        # The day is in the link so that it shows the same day tomorrow; a session implies its day.
        "date": day_text(wish.day or plan.day) if wish.session_id is None else None,
        "quantity": wish.quantity if wish.quantity > 1 else None,
        "max_price": wish.max_price,
        "prefer": wish.preference if wish.preference is not Preference.CHEAPEST else None,
        "language": language,
    }
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return ResourceLink(
        type="resource_link",
        uri=addresses.seat_map(plan.base.handle, f"{plan.seat_map_id}.svg")
        + (f"?{query}" if query else ""),
        name="seat-map.svg",
        mime_type="image/svg+xml",
    )


async def _picture(services: App, plan: SeatPlan) -> list[ImageContent]:
    """The map as a PNG; an empty list if it cannot be drawn in time."""
    pixels = None
    with suppress(NotDrawn), in_time():
        pixels = await services.seat_plans.pixels(plan)
    if pixels is None:
        return []
    return [ImageContent(type="image", data=b64encode(pixels).decode(), mime_type="image/png")]


def _detailed(plan: SeatPlan) -> int:
    """How many of the best zones are shown with their offers."""
    # Limited by the number of offers, which cost the tokens; one zone is always detailed.
    best = (each for each in plan.ranking.zones[:DETAILED_ZONES] if each.offers)
    shown = accumulate(len(each.offers[:SHOWN_OFFERS]) for each in best)
    return max(1, sum(offers <= ALL_OFFERS for offers in shown))


def _grouped(zones: list[ZoneView]) -> list[str]:
    """Lines for zones, those of one category and price together: a stadium has dozens of zones."""
    # A group stands where its first zone would, so that better ones stay ahead.
    groups: dict[tuple[str, str], list[str]] = {}
    for zone in zones:
        left = "" if zone.left is None else f" {zone.left}"
        why = f" ({zone.why})" if zone.why else ""
        key = (zone.category or "no category", zone.prices)
        groups.setdefault(key, []).append(f"{zone.zone}{left}{why}")
    return [f"{category}, {price}: {', '.join(g)}" for (category, price), g in groups.items()]


def _view(plan: SeatPlan, count: int, *, told: Sequence[str]) -> SeatMapView:
    ranking, detailed = plan.ranking, _detailed(plan)
    hidden = len(ranking.zones) - count
    return SeatMapView(
        product_base_id=str(plan.base.handle),
        date=day_text(plan.day),
        zones=[
            _zone(each, plan, with_offers=place < detailed)
            for place, each in enumerate(ranking.zones[:count])
        ],
        zones_hidden=hidden + plan.left_out.zones,
        untied_offers=len(plan.table.untied),
        note=" ".join((*_notes(plan, hidden), *told)),
    )


def _zone(each: RankedZone, plan: SeatPlan, *, with_offers: bool) -> ZoneView:
    lowest, highest = price_range(each.offers) or (None, None)
    shown = each.offers[:SHOWN_OFFERS] if with_offers else ()
    return ZoneView(
        zone=each.zone.name,
        category=each.zone.category,
        from_price=text_of(lowest),
        to_price=text_of(highest) if highest != lowest else None,
        left=most_left(each.offers or each.zone.all_offers),
        # The stock of a whole day says nothing about one session.
        enough=each.rank is not None and not plan.is_stock_of_day,
        why=each.why if with_offers or each.rank is None else None,
        offers=_offers(shown, plan),
        more=len(each.offers) - len(shown) if with_offers else 0,
    )


def _offers(shown: Sequence[SeatOffer], plan: SeatPlan) -> list[SeatOfferView]:
    """The offers of a zone, named by price type if these all differ, else by product."""
    # A price type such as "Adult" is shorter than a product's name.
    kinds = [offer.choices.get("price_type") for offer in shown]
    are_told_apart = None not in kinds and len(set(kinds)) == len(kinds)
    return [
        SeatOfferView.read(
            offer, product=kind if kind and are_told_apart else plan.products[offer.offer_id]
        )
        for offer, kind in zip(shown, kinds, strict=True)
    ]


def _notes(plan: SeatPlan, hidden: int) -> Iterator[str]:
    """Sentences on what the answer does not promise, and what it leaves out."""
    if plan.ranking.note:
        yield plan.ranking.note
    yield "The issuer allocates the exact seats; the reservation shows them."
    if plan.is_stock_of_day:
        yield "check_availability tells what is left in this session."
    if hidden:
        instead = "call get_offers with zone, or this with a lower max_price"
        yield f"{hidden} more zones are not shown: {instead}."
    # A map that was too large to be read completely, and offers that cannot be bought.
    if zones := plan.left_out.zones:
        yield f"The map is too large: {zones} of its zones were not compared; get_offers with zone."
    if seats := plan.left_out.seats:
        yield f"{seats} of its seats were not read."
    if plan.left_out.has_unread_zones:
        yield "Some zones of the map cannot be read and are left out; get_offers with zone."
    if offers := plan.unusable_offers:
        yield f"{offers} offers cannot be bought as listed and are left out: get_offers says why."
    if offers := plan.unread_offers:
        yield f"{offers} offers cannot be read and are left out: more may be on sale than is shown."
