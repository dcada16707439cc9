"""get_seat_map: zones of a venue with their prices, what is left, and the offers that buy them."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate
from typing import Annotated, Any, Final, Literal
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

_NEXT: Final = "Call check_availability with an offer_id."
_NO_OFFER: Final = "Call get_offers for what is on sale."


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
    """One of the best zones, with offers that buy seats in it."""

    zone: str
    category: str | None = None
    from_price: str | None = None
    to_price: str | None = None
    left: int | None = None
    enough: bool = False
    why: str | None = None
    offers: list[SeatOfferView] = []
    more: int = 0

    def text(self) -> str:
        """One line, and one more for each offer."""
        category = f" ({self.category})" if self.category else ""
        # What is left is said by `why`, but for stock that is of a whole day.
        left = f"{self.left} left" if self.left is not None else None
        said = [left] if left and left not in (self.why or "") else []
        said += [self.why] if self.why else []
        told = f": {', '.join(said)}" if said else ""
        head = f"{self.zone}{category}, {_range(self.from_price, self.to_price)}{told}"
        more = f"  {self.more} more: get_offers with zone" if self.more else None
        return lines_of(head, *(offer.line for offer in self.offers), more)


class OtherZoneView(Part):
    """A zone in short."""

    zone: str
    left: int | None = None


class OtherZonesView(Part):
    """Zones of one category and price, in short: a stadium has dozens of zones."""

    category: str | None = None
    from_price: str | None = None
    to_price: str | None = None
    enough: bool = False
    why: str | None = None
    zones: list[OtherZoneView]

    def text(self) -> str:
        """One line."""
        category = self.category or "no category"
        why = f" ({self.why})" if self.why else ""
        zones = (f"{z.zone}{'' if z.left is None else f' {z.left}'}" for z in self.zones)
        return f"{category}, {_range(self.from_price, self.to_price)}{why}: {', '.join(zones)}"


class SeatMapView(View):
    """The zones of a venue on one day, best first: the best with offers, the others in groups."""

    product_base_id: str
    date: str | None = None
    zones_hidden: int = 0
    untied_offers: int = 0
    zones: list[ZoneView] = []
    others: list[OtherZonesView] = []

    def text(self) -> str:
        """The best zones with their offers, the others in short."""
        day = f" on {self.date}" if self.date else ""
        count = len(self.zones) + sum(len(group.zones) for group in self.others)
        untied = f"{self.untied_offers} offers name no zone." if self.untied_offers else None
        return lines_of(
            f"{count} zones{day}, best first; product_base_id {self.product_base_id}:",
            *(zone.text() for zone in self.zones),
            "The others, with what is left:" if self.others else None,
            *(group.text() for group in self.others),
            untied,
            self.end,
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
    quantity: Annotated[Quantity, Field(description="Seats")] = 1,
    max_price: Annotated[Amount | None, Field(description="EUR each")] = None,
    prefer: Annotated[
        Literal["cheapest", "closest", "together"], Field(description="What is best")
    ] = "cheapest",
    picture: Annotated[bool, Field(description="If you see images")] = False,
    language: Language = None,
) -> Reply[SeatMapView]:
    """Compare zones of a venue: prices, stock, offers."""
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


def _range(lowest: str | None, highest: str | None) -> str:
    """One price, or from the lowest to the highest."""
    return f"{lowest}{f' to {highest}' if highest else ''}" if lowest else "no price"


def _view(plan: SeatPlan, count: int, *, told: Sequence[str]) -> SeatMapView:
    ranked, detailed = plan.ranking.zones, _detailed(plan)
    hidden = len(ranked) - count
    best, others = ranked[: min(count, detailed)], ranked[detailed:count]
    return SeatMapView(
        product_base_id=str(plan.base.handle),
        date=day_text(plan.day),
        zones=[_zone(each, plan) for each in best],
        others=_grouped(others, plan),
        zones_hidden=hidden + plan.left_out.zones,
        untied_offers=len(plan.table.untied),
        note=" ".join((*_notes(plan, hidden), *told)),
        next=_NEXT if any(each.offers for each in best) else _NO_OFFER,
    )


def _zone(each: RankedZone, plan: SeatPlan) -> ZoneView:
    shown = each.offers[:SHOWN_OFFERS]
    return ZoneView(
        zone=each.zone.name,
        left=most_left(each.offers or each.zone.all_offers),
        why=each.why,
        offers=_offers(shown, plan),
        more=len(each.offers) - len(shown),
        **_shared(each, plan),
    )


def _shared(each: RankedZone, plan: SeatPlan) -> dict[str, Any]:
    """What zones may have in common."""
    lowest, highest = price_range(each.offers) or (None, None)
    return {
        "category": each.zone.category,
        "from_price": text_of(lowest),
        "to_price": text_of(highest) if highest != lowest else None,
        # The stock of a whole day says nothing about one session.
        "enough": each.rank is not None and not plan.is_stock_of_day and not _is_beyond(plan),
    }


def _is_beyond(plan: SeatPlan) -> bool:
    """Whether more is wanted than the issuer allows in one order."""
    most = plan.base.at_most_per_order
    return most is not None and plan.wish.quantity > most


def _grouped(zones: Sequence[RankedZone], plan: SeatPlan) -> list[OtherZonesView]:
    # A group stands where its first zone would, so that better ones stay ahead.
    groups: dict[tuple[Any, ...], OtherZonesView] = {}
    for each in zones:
        shared = _shared(each, plan) | {"why": each.why if each.rank is None else None}
        group = groups.setdefault((*shared.values(),), OtherZonesView(**shared, zones=[]))
        left = most_left(each.offers or each.zone.all_offers)
        group.zones.append(OtherZoneView(zone=each.zone.name, left=left))
    return list(groups.values())


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
    if _is_beyond(plan):
        yield f"The issuer allows at most {plan.base.at_most_per_order} in one order."
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
