"""get_seat_map: zones of a venue with their prices, what is left, and the offers that buy them."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode

from mcp.server.apps import client_supports_apps
from mcp_types import ImageContent, ResourceLink
from pydantic import Field

from korus_mcp.answers import addresses
from korus_mcp.answers.seats import SeatsView, seats_of
from korus_mcp.answers.views import Part, Price, View, day_text, lines_of, text_of
from korus_mcp.app import App, app_of
from korus_mcp.booking.hold import Seat
from korus_mcp.catalog.calendar import wished_choices
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Faults
from korus_mcp.proposals.seat_plans import (
    ONE_DAY,
    PLACE_PARTS,
    Extra,
    SeatPlan,
    SeatQuery,
)
from korus_mcp.seating.ranking import Preference, RankedZone, Unfit
from korus_mcp.seating.raster import NotDrawn
from korus_mcp.seating.table import (
    CATEGORY,
    NOT_ASKED,
    PRICE_TYPE,
    SeatOffer,
    most_left,
    price_range,
    shared_stocks,
)
from korus_mcp.tools.arguments import (
    Amount,
    Day,
    Language,
    ProductBaseId,
    Quantity,
    SessionId,
    Words,
)
from korus_mcp.tools.blocks import takes_links
from korus_mcp.tools.clients import sees_pictures
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given, check_days

SHEET: Final = "io.github.korus-mcp/seat-map"
"""The key in a result's `_meta` under which the interactive page finds the map. Hosts pass `_meta`
to the page and not to the model."""
SHOWN_OFFERS: Final = 3
ALL_OFFERS: Final = 10
"""At most so many offers are shown, for the best zones together: their ids are long. As many can be
asked about in one call of check_availability."""
NEAREST_ZONES: Final = 3
"""At most so many zones are shown where none fits."""
SHOWN_CATEGORIES: Final = 12
NUMBERED: Final = 20
"""At most so many names are told of zones that are numbers in the picture."""
NO_TYPE: Final = "no price type"
_FIRST: Final = {
    Preference.CHEAPEST: "Cheapest",
    Preference.CLOSEST: "Closest",
    Preference.TOGETHER: "Longest rows",
}
"""The order of zones in words."""
_NOT_DRAWN: Final = "No picture could be drawn."
_NOT_SEEN: Final = "No picture: your host hands pictures to you as text, or not at all."

_NEXT: Final = "Call check_availability with an offer_id."
_NEXT_LIVE: Final = (
    "Call check_availability with all these offer_ids, by commas: their live prices in one call."
)
_NO_OFFER: Final = "Call get_offers for what is on sale."


class SeatOfferView(Part):
    """An offer that buys seats in a zone. `product` is its price type if that tells it from the
    zone's others, else the name of the product. `live`: what the issuer said just now.
    """

    offer_id: str
    product: str
    price: Price = None
    live: bool = False
    beside: bool = False
    """Whether the zone is compared with others by another price type."""

    @property
    def said(self) -> str:
        """What it is and costs."""
        price = self.price or "no price"
        return f"{self.product} {price}{' (live)' if self.live else ''}"


class ZoneView(Part):
    """One of the zones that fit best, with offers that buy seats in it, and `more` that do.

    `shared`: other zones sell out of the same stock, which its category tells; `places` is there
    where this zone has room for fewer.
    """

    zone: str
    category: str | None = None
    from_price: str | None = None
    to_price: str | None = None
    left: int | None = None
    shared: bool = False
    places: int | None = None
    enough: bool = False
    why: str | None = None
    rows: str | None = None
    """What its rows are called."""
    offers: list[SeatOfferView] = []
    more: int = 0

    def text(self) -> str:
        """One line; with several offers one more for each."""
        category = f" ({self.category})" if self.category else ""
        # What is left is said by `why`, but for stock that is of a whole day.
        left = f"{self.left} left" if self.left is not None else None
        said = [left] if left and left not in (self.why or "") else []
        said += [self.why] if self.why else []
        said += [f"rows {self.rows}"] if self.rows else []
        # One price is said with its offer; of several, which of them are shown is not all.
        if self.to_price or not self.offers:
            said.insert(0, _range(self.from_price, self.to_price))
        told, more = ", ".join(said), f" (+{self.more})" if self.more else ""
        if len(self.offers) == 1:
            (offer,) = self.offers
            facts = ", ".join(filter(None, (offer.said, told)))
            return f"{self.zone}{category}: {facts}; offer_id {offer.offer_id}{more}"
        lines = (f"  {offer.said}; offer_id {offer.offer_id}" for offer in self.offers)
        return lines_of(f"{self.zone}{category}: {told}{more}", *lines)


class SharedStockView(Part):
    """What is left of a stock out of which so many zones sell."""

    left: int
    zones: int


class CategoryView(Part):
    """A seating category: what a seat costs by price type, how many zones it has and how many of
    these fit, and what its zones share.
    """

    category: str | None = None
    standing: bool = False
    prices: dict[str, str] = {}
    zones: int
    fit: int
    shared: list[SharedStockView] = []
    why: str | None = None
    """Why none of them fits, where that is the same of all."""

    def text(self) -> str:
        """One line."""
        name = f"{self.category or 'No category'}{' (standing)' if self.standing else ''}"
        prices = ", ".join(f"{kind} {price}" for kind, price in self.prices.items())
        fit = "" if self.fit == self.zones else f", {self.fit} fit"
        why = f", {self.why}" if self.why else ""
        shared = "".join(f", {s.left} left shared by {s.zones}" for s in self.shared)
        return f"{name}: {f'{prices}; ' if prices else ''}{_zones(self.zones)}{fit}{why}{shared}"


_NO_REASONS: Final = ("zones_hidden", "untied_offers")


class CountsView(Part):
    """How many zones fit the wish, and how many do not, by the reason; together `zones`."""

    zones: int
    fit: int
    too_few_left: int = 0
    above_max_price: int = 0
    sold_out: int = 0
    not_asked_for: int = 0
    no_offer: int = 0
    zones_hidden: int = 0
    """Zones that are not in the list."""
    untied_offers: int = 0
    """Offers that name no zone."""

    @classmethod
    def of(cls, ranked: Sequence[RankedZone], hidden: int, untied: int) -> "CountsView":
        """The zones counted, and offers without one."""
        unfit = Counter(each.unfit for each in ranked)
        return cls(
            zones=len(ranked),
            fit=unfit[None],
            too_few_left=unfit[Unfit.TOO_FEW],
            above_max_price=unfit[Unfit.TOO_DEAR],
            sold_out=unfit[Unfit.SOLD_OUT],
            not_asked_for=unfit[Unfit.NOT_ASKED],
            no_offer=unfit[Unfit.NOTHING],
            zones_hidden=hidden,
            untied_offers=untied,
        )

    def text(self) -> str:
        """In words, without what there is none of."""
        unfit = self.model_dump(exclude_defaults=True, exclude={"zones", "fit", *_NO_REASONS})
        reasons = (f"{count} {reason.replace('_', ' ')}" for reason, count in unfit.items())
        return ", ".join((f"{self.fit} fit", *reasons))


class YoursView(SeatsView):
    """Seats that the caller holds, or has ordered. `not_found`: they are not on this map."""

    ordered: bool = False
    not_found: bool = False

    def text(self) -> str:
        """One line."""
        state = "ordered" if self.ordered else "held"
        where = ", not found on this map" if self.not_found else ""
        return f"Yours: {super().text()} ({state}{where})"


class SeatMapView(View):
    """The zones of a venue on one day: how many fit, the best of them with offers, and the seating
    categories with their prices. Zones are compared at `price_type`.
    """

    product_base_id: str
    date: str | None = None
    price_type: str | None = None
    counts: CountsView
    zones: list[ZoneView] = []
    categories: list[CategoryView] = []
    yours: list[YoursView] = []

    def text(self) -> str:
        """The counts, the best zones with their offers, the categories in short."""
        day = f" on {self.date}" if self.date else ""
        untied = self.counts.untied_offers
        shown = "Zones that fit:" if self.counts.fit else "None fits; the nearest:"
        hidden = self.counts.zones_hidden
        return lines_of(
            f"{_zones(self.counts.zones)}{day}: {self.counts.text()}; "
            f"product_base_id {self.product_base_id}",
            shown if self.zones else None,
            *(zone.text() for zone in self.zones),
            f"{_zones(hidden)} not in this list." if hidden else None,
            "By category:" if self.categories else None,
            *(category.text() for category in self.categories),
            f"{untied} offers name no zone." if untied else None,
            *(each.text() for each in self.yours),
            self.end,
        )


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    check_days(faults, ctx, given, ONE_DAY)
    services, product_base_id = app_of(ctx), given.get("product_base_id")
    if faults and product_base_id is not None:
        with faults.about("product_base_id"):
            language = services.language(given.get("language"))
            base = await services.mirror.kept(product_base_id, language)
            if base is not None:
                wished = {code: given.get(code) for code in (PRICE_TYPE, CATEGORY)}
                wished_choices(faults, base, wished)


@tool(title="Get seat map", read_only=True, destructive=False, idempotent=True, checks=_check)
async def get_seat_map(
    ctx: ToolContext,
    product_base_id: ProductBaseId,
    session_id: Annotated[SessionId | None, Field(description="One")] = None,
    date: Day | None = None,
    quantity: Annotated[Quantity, Field(description="Seats")] = 1,
    max_price: Annotated[Amount | None, Field(description="EUR")] = None,
    price_type: Annotated[Words | None, Field(description="Names")] = None,
    seating_category: Annotated[Words | None, Field(description="Or seated")] = None,
    prefer: Annotated[
        Literal["cheapest", "closest", "together"], Field(description="First")
    ] = "cheapest",
    picture: Annotated[bool, Field(description="PNG")] = False,
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
        price_type=price_type,
        seating_category=seating_category,
        preference=Preference(prefer),
    )
    # The data for the interactive page is made only if the host can show pages.
    is_seen = picture and sees_pictures(ctx)
    wanted = {Extra.SHEET: client_supports_apps(ctx), Extra.PIXELS: is_seen}
    extras = frozenset(extra for extra, is_wanted in wanted.items() if is_wanted)
    owner = services.principal.key
    live = services.prices.live(owner)
    plan = await services.seat_plans.plan(
        product_base_id, wish, wished, extras=extras, live=live, own=await services.own_seats()
    )
    for row in plan.rows:
        services.prices.show(owner, row.handle, row.price)
    link = _link(plan, language)
    pixels = await _picture(services, plan) if is_seen else []
    told = []
    if pixels and plan.numbered:
        told.append(_numbered(plan))
    if picture and not pixels:
        told.append(_NOT_DRAWN if is_seen else _NOT_SEEN)
    # A long address, which most hosts let no model read: only for those who asked for a picture.
    if picture and not takes_links(ctx):
        told.append(f"As SVG: {link.uri}")
    return Reply.of_rows(
        len(_shown(plan)),
        partial(_view, plan, told=told),
        (link, *pixels),
        meta=None if plan.sheet is None else {SHEET: plan.sheet},
    )


def _numbered(plan: SeatPlan) -> str:
    """Which zones the numbers of the picture are."""
    named = [f"{number} {name}" for name, number in plan.numbered.items()]
    rest = len(named) - NUMBERED
    more = f" and {rest} more" if rest > 0 else ""
    return f"In the picture: {', '.join(named[:NUMBERED])}{more}."


def _link(plan: SeatPlan, language: str | None) -> ResourceLink:
    """The link to the same map as a picture for people."""
    wish = plan.wish
    asked = {
        "session_id": wish.session_id,
        # The day is in the link so that it shows the same day tomorrow; a session implies its day.
        "date": day_text(wish.day or plan.day) if wish.session_id is None else None,
        "quantity": wish.quantity if wish.quantity > 1 else None,
        "max_price": wish.max_price,
        **wish.choices,
        "prefer": wish.preference if wish.preference is not Preference.CHEAPEST else None,
        "language": language,
    }
    stated = {name: value for name, value in asked.items() if value is not None}
    query = urlencode(stated, quote_via=quote)
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


@dataclass(frozen=True)
class _Shown:
    """A zone that is shown, with those of its offers that are, and how many others suit."""

    ranked: RankedZone
    offers: tuple[SeatOffer, ...]
    more: int


def _shown(plan: SeatPlan) -> list[_Shown]:
    """The best zones, as many as there is room for their offers, which cost the tokens."""
    fitting = [each for each in plan.ranking.zones if each.rank is not None]
    nearest = [each for each in plan.ranking.zones if each.offers][:NEAREST_ZONES]
    found: list[_Shown] = []
    room = ALL_OFFERS
    suiting_each = [(each, _suiting(each, plan)) for each in fitting or nearest]
    # Who asked for several price types needs all in one zone. Else one of each zone tells where to
    # sit, and the best zone what others pay.
    is_room_for_all = sum(len(suiting[:SHOWN_OFFERS]) for _, suiting in suiting_each) <= room
    is_whole = is_room_for_all or plan.is_of_several_types
    for each, suiting in suiting_each:
        offers = suiting[: SHOWN_OFFERS if is_whole or not found else 1]
        room -= len(offers)
        if room < 0 and found:
            break
        found.append(_Shown(each, offers, len(suiting) - len(offers)))
    return found


def _suiting(each: RankedZone, plan: SeatPlan) -> tuple[SeatOffer, ...]:
    """The offers of a zone that suit the wish, those first by which zones are compared."""
    most, quantity = plan.wish.max_price, plan.wish.quantity
    others = [
        offer
        for offer in each.zone.beside
        if offer.seats(quantity)
        and (most is None or offer.price is None or offer.price.amount <= most)
    ]
    others.sort(key=lambda offer: -offer.price.amount if offer.price else Decimal(0))
    return (*each.offers, *others)


def _range(lowest: str | None, highest: str | None) -> str:
    """One price, or from the lowest to the highest."""
    return f"{lowest}{f' to {highest}' if highest else ''}" if lowest else "no price"


def _zones(count: int) -> str:
    return f"{count} zone{'' if count == 1 else 's'}"


def _view(plan: SeatPlan, count: int, *, told: Sequence[str]) -> SeatMapView:
    zones, shown = plan.ranking.zones, _shown(plan)[:count]
    hidden = len(zones) - len(shown)
    return SeatMapView(
        product_base_id=str(plan.base.handle),
        date=day_text(plan.day),
        price_type=plan.table.price_type,
        counts=CountsView.of(zones, hidden + plan.left_out.zones, len(plan.table.untied)),
        zones=[_zone(each, plan) for each in shown],
        categories=_categories(plan),
        yours=_yours(plan),
        note=" ".join((*_notes(plan, len(shown)), *told)),
        next=_next(plan, shown),
    )


def _yours(plan: SeatPlan) -> list[YoursView]:
    """The seats of the caller, those of one row together."""
    groups: dict[tuple[bool, bool], list[Seat]] = {}
    for mark in plan.marks:
        named = ((part, getattr(mark.place, part)) for part in PLACE_PARTS)
        seat = Seat(tuple((part, said) for part, said in named if said))
        groups.setdefault((mark.place.is_ordered, not mark.is_found), []).append(seat)
    return [
        YoursView(**dict(group), ordered=is_ordered, not_found=is_lost)
        for (is_ordered, is_lost), seats in groups.items()
        for group in seats_of(seats)
    ]


def _next(plan: SeatPlan, shown: Sequence[_Shown]) -> str:
    if not any(each.offers for each in shown):
        return _NO_OFFER
    offers = [offer for each in shown for offer in each.offers]
    is_listed = plan.has_moving_prices and not all(offer.is_live for offer in offers)
    return _NEXT_LIVE if is_listed else _NEXT


def _zone(each: _Shown, plan: SeatPlan) -> ZoneView:
    ranked = each.ranked
    lowest, highest = price_range(ranked.offers) or (None, None)
    zone, stock = ranked.zone, most_left(ranked.offers or ranked.zone.all_offers)
    left = zone.at_most(stock)
    return ZoneView(
        zone=zone.name,
        category=zone.category,
        from_price=text_of(lowest),
        to_price=text_of(highest) if highest != lowest else None,
        # What zones share is told once, with their category.
        left=None if zone.is_shared and left else left,
        shared=zone.is_shared,
        places=zone.places if zone.is_shared and left != stock else None,
        # The stock of a whole day says nothing about one session.
        enough=ranked.rank is not None and not plan.is_stock_of_day and not _is_beyond(plan),
        why=ranked.why,
        rows=plan.row_names.get(ranked.zone.number),
        offers=_offers(each, plan),
        more=each.more,
    )


def _is_beyond(plan: SeatPlan) -> bool:
    """Whether more is wanted than the issuer allows in one order."""
    most = plan.base.at_most_per_order
    return most is not None and plan.wish.quantity > most


def _offers(each: _Shown, plan: SeatPlan) -> list[SeatOfferView]:
    """The offers of a zone, named by price type if these all differ, else by product."""
    # A price type such as "Adult" is shorter than a product's name.
    kinds = [offer.price_type for offer in _suiting(each.ranked, plan)]
    are_told_apart = None not in kinds and len(set(kinds)) == len(kinds)
    beside = {offer.offer_id for offer in each.ranked.zone.beside}
    return [
        SeatOfferView.read(
            offer,
            product=kind if kind and are_told_apart else plan.products[offer.offer_id],
            live=offer.is_live,
            beside=offer.offer_id in beside,
        )
        for offer, kind in zip(each.offers, kinds, strict=False)
    ]


def _categories(plan: SeatPlan) -> list[CategoryView]:
    """The seating categories of which something was asked for, the dearest first."""
    groups: dict[str | None, list[RankedZone]] = {}
    for each in plan.ranking.zones:
        if each.zone.unasked != NOT_ASKED:
            groups.setdefault(each.zone.category, []).append(each)
    dearest = {name: _dearest(zones) for name, zones in groups.items()}
    ordered = sorted(groups, key=lambda name: dearest[name], reverse=True)
    shared = {
        name: [
            SharedStockView(left=stock.left, zones=len(stock.zones))
            for stock in shared_stocks([each.zone for each in zones])
            if stock.left
        ]
        for name, zones in groups.items()
    }
    return [
        CategoryView(
            category=name,
            standing=name in plan.standing,
            prices=_prices(offer for each in groups[name] for offer in each.zone.every_offer),
            zones=len(groups[name]),
            fit=sum(each.rank is not None for each in groups[name]),
            shared=shared[name],
            why=_common_why(groups[name]),
        )
        for name in ordered[:SHOWN_CATEGORIES]
    ]


def _common_why(zones: Sequence[RankedZone]) -> str | None:
    """Why none of some zones fits, where that is the same of all."""
    whys = {each.why if each.rank is None else None for each in zones}
    return whys.pop() if len(whys) == 1 else None


def _dearest(zones: Sequence[RankedZone]) -> Decimal:
    """The highest price at which zones are compared; -1 without any."""
    offers = (offer for each in zones for offer in each.zone.all_offers)
    return max((o.price.amount for o in offers if o.price is not None), default=Decimal(-1))


def _prices(offers: Iterable[SeatOffer]) -> dict[str, str]:
    """What is not sold out, by price type, the dearest first."""
    kinds: dict[str, list[SeatOffer]] = {}
    for offer in offers:
        kinds.setdefault(offer.price_type or NO_TYPE, []).append(offer)
    ranges = {kind: price_range(same) for kind, same in kinds.items()}
    stated = [(ends, kind) for kind, ends in ranges.items() if ends is not None]
    stated.sort(key=lambda each: each[0][::-1], reverse=True)
    return {
        kind: _range(str(lowest), str(highest) if highest != lowest else None)
        for (lowest, highest), kind in stated
    }


def _notes(plan: SeatPlan, count: int) -> Iterator[str]:
    """Sentences on what the answer does not promise, and what it leaves out."""
    if plan.ranking.note:
        yield plan.ranking.note
    elif plan.is_unsure:
        yield "The map does not tell where people look."
    # Where nobody knows what is near the cheapest go first.
    first = _FIRST[Preference.CHEAPEST if plan.ranking.note else plan.wish.preference]
    if kind := plan.table.price_type:
        limit = " (max_price, too)" if plan.wish.max_price is not None else ""
        yield f"{first} first, by {kind}{limit}; price_type asks for another."
    else:
        yield f"{first} first."
    yield from _on_prices(plan)
    if plan.unread_bookings:
        yield "Not all that you hold or ordered could be read: more of these seats may be yours."
    if _is_beyond(plan):
        yield f"The issuer allows at most {plan.base.at_most_per_order} in one order."
    yield "The issuer allocates the exact seats; the reservation shows them if it names any."
    if plan.is_stock_of_day:
        yield "check_availability tells what is left in this session."
    elif any(row.session_required for row in plan.rows):
        yield "What is left: over all sessions."
    fitting = [each for each in plan.ranking.zones if each.rank is not None]
    if plan.wish.seating_category is None and _is_mixed(plan, fitting):
        yield "Without standing places: seating_category seated."
    if len(fitting) > count:
        yield (
            f"{len(fitting) - count} more zones fit: seating_category or max_price, "
            "or get_offers with zone, shows them."
        )
    if plan.levels:
        yield f"At the same place: {', '.join(plan.levels)}, drawn beside each other."
    # A map that was too large to be read completely, and offers that cannot be bought.
    if zones := plan.left_out.zones:
        yield f"The map is too large: {zones} of its zones were not compared; get_offers with zone."
    if seats := plan.left_out.seats:
        yield f"{seats} of its seats were not read."
    if strays := plan.strays:
        yield f"{strays} of its seats lie far from all others and were left out."
    if plan.left_out.has_unread_zones:
        yield "Some zones of the map cannot be read and are left out; get_offers with zone."
    if offers := plan.unusable_offers:
        yield f"{offers} offers cannot be bought as listed and are left out: get_offers says why."
    if offers := plan.unread_offers:
        yield f"{offers} offers cannot be read and are left out: more may be on sale than is shown."


def _on_prices(plan: SeatPlan) -> Iterator[str]:
    """Which prices are listed, and which live."""
    compared = [offer for zone in plan.table.zones for offer in zone.all_offers]
    live = [offer for offer in compared if offer.is_live]
    if plan.has_moving_prices:
        seen = price_range(live)
        told = f"; live ones seen: {_ends(seen)}" if seen else ""
        yield f"Prices follow demand, these are as listed, except where live stands{told}."
    elif live:
        yield "Prices are as listed, except where live stands."
    else:
        yield "Prices are listed ones."


def _ends(ends: tuple[Money, Money]) -> str:
    lowest, highest = map(str, ends)
    return _range(lowest, highest if highest != lowest else None)


def _is_mixed(plan: SeatPlan, zones: Sequence[RankedZone]) -> bool:
    """Whether some zones are for standing, and others not."""
    return len({each.zone.category in plan.standing for each in zones}) > 1
