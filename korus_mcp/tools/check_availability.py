"""check_availability: what is left of an offer, or of several, asked from the issuer now."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from itertools import groupby
from typing import Annotated, Final

from pydantic import Field

from korus_mcp.answers.alternatives import next_step, shown
from korus_mcp.answers.availability import (
    AvailabilityView,
    CheckedView,
    GroupView,
    SessionView,
    facts_of,
)
from korus_mcp.answers.views import minute
from korus_mcp.app import App, app_of
from korus_mcp.booking.limits import OneOrder, beyond_limit
from korus_mcp.booking.quote import Missed, Quote, Session, TicketNeed
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.paging import Pages, PageStart
from korus_mcp.foundation.refusals import Code, Faults, FieldProblem, Refusal
from korus_mcp.foundation.unread import zone_of_all
from korus_mcp.proposals.alternatives import Proposals
from korus_mcp.tools.arguments import Cursor, Language, OfferIds, Quantity
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given

SHOWN_SESSIONS: Final = 30
_UNKNOWN_STOCK: Final = "Of some sessions the stock is unknown: reserve asks the issuer."


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    offers, services = given.get("offer_id"), app_of(ctx)
    if not given.wrong:
        with faults:
            Pages.of("check_availability", _list_of(offers), given.get("cursor"))
    if faults and offers is not None:
        language = services.language(given.get("language"))
        for offer in offers:
            with faults.about("offer_id"):
                await services.mirror.check_alias(offer.alias, language)


def _list_of(offers: Sequence[Handle]) -> tuple[str]:
    """The filters of the list of sessions, for its cursor."""
    return (",".join(map(str, offers)),)


@tool(title="Check availability", read_only=True, destructive=False, idempotent=True, checks=_check)
async def check_availability(
    ctx: ToolContext,
    offer_id: Annotated[OfferIds, Field(description="Several by commas")],
    quantity: Annotated[Quantity, Field(description="Of each offer")] = 1,
    cursor: Cursor = None,
    language: Language = None,
) -> Reply[AvailabilityView]:
    """Ask the issuer now for price, stock, sessions."""
    services = app_of(ctx)
    wished = services.language(language)
    pages = Pages.of("check_availability", _list_of(offer_id), cursor)
    quotes = await _quoted(services, offer_id, quantity, wished)
    # `reserve` compares its prices with the ones that were shown.
    for quote in quotes:
        services.prices.show(
            services.principal.key, quote.handle, quote.price, is_live=quote.is_price_live
        )
    near = await _instead(services, quotes, quantity, wished)
    groups = _grouped(quotes)
    base = _view(services, groups, quantity, near, await _zone(services, quotes, wished))
    first = pages.begin.offset
    to_come = [(place, row) for place, group in enumerate(groups) for row in _rows(group[0])][
        first:
    ]

    def with_sessions(count: int) -> AvailabilityView:
        told = {
            place: [_session(groups[place][0], row, quantity) for _, row in rows]
            for place, rows in groupby(to_come[:count], key=lambda each: each[0])
        }
        update: dict[str, object] = {"sessions": told.get(0, [])}
        if base.groups:
            update = {
                "groups": [
                    group.model_copy(update={"sessions": told.get(place, [])})
                    for place, group in enumerate(base.groups)
                ]
            }
        hidden = len(to_come) - count
        if hidden:
            update["next_cursor"] = pages.cursor(PageStart(first + count))
            update["next"] = f"{base.next} {hidden} later sessions: call again with the cursor."
        return base.model_copy(update=update)

    return Reply.of_rows(min(len(to_come), SHOWN_SESSIONS), with_sessions)


async def _quoted(
    services: App, offers: Sequence[Handle], quantity: int, language: str
) -> list[Quote]:
    """The offers as they are now, in the order in which they were asked for.

    Raises:
        Refusal: one of them does not exist, or they are of several product bases.
        ApiError: one of them cannot be read.
    """

    async def ask(number: int, offer: Handle) -> Quote:
        try:
            return await services.quotes.now(offer, language, quantity)
        except Refusal as refusal:
            # Which of several it is about cannot be told by its id: that came from the caller.
            if len(offers) == 1:
                raise
            problem = FieldProblem("offer_id", f"number {number} cannot be found")
            raise replace(refusal, fields=(problem,)) from None

    quotes = await side_by_side([partial(ask, n, offer) for n, offer in enumerate(offers, 1)])
    # Only offers of one base share sessions, and the limit of one order.
    if len({(quote.handle.alias, quote.base_id) for quote in quotes}) > 1:
        raise Refusal(
            Code.INVALID_ARGUMENTS,
            "The offers are of several product bases.",
            "Call once for the offers of each.",
            fields=(FieldProblem("offer_id", "offers of several product bases"),),
        )
    return quotes


async def _instead(
    services: App, quotes: Sequence[Quote], quantity: int, language: str
) -> Proposals:
    """What can be booked instead of a single offer that cannot."""
    obstacle = quotes[0].obstacle(quantity)
    # Alternatives cost several reads, so they are looked for only if the offer cannot be booked. Of
    # several offers each is an alternative to the others.
    if len(quotes) > 1 or obstacle is None or obstacle.code is Code.LIMIT_EXCEEDED:
        return Proposals()
    missed = Missed(quote=quotes[0], quantity=quantity)
    return await services.alternatives.instead_of(missed, language)


def _grouped(quotes: Sequence[Quote]) -> list[list[Quote]]:
    """The offers by their sessions and what is left in them."""
    if len(quotes) == 1:
        return [[*quotes]]
    groups: dict[tuple[object, ...], list[Quote]] = {}
    for quote in quotes:
        sessions = tuple((need.name, session) for need, session in quote.sessions())
        groups.setdefault(sessions, []).append(quote)
    return list(groups.values())


def _rows(quote: Quote) -> Iterator[tuple[TicketNeed, Session]]:
    """The sessions of an offer that are to come."""
    return ((need, session) for need, session in quote.sessions() if not quote.is_over(session))


def _session(quote: Quote, row: tuple[TicketNeed, Session], quantity: int) -> SessionView:
    need, session = row
    # The ticket of a session is named only if more than one ticket needs a session.
    several = sum(each.needs_session for each in quote.tickets) > 1
    ticket = need.name if several else None
    return SessionView.of(session, quantity, ticket, is_beyond=quote.is_above_limit(quantity))


async def _zone(services: App, quotes: Sequence[Quote], language: str) -> tzinfo | None:
    """The zone of the venue, which a quote has only if its own times needed it."""
    zone = zone_of_all(quote.zone for quote in quotes)
    (first, *_) = quotes
    if zone is not None or first.product_id is None:
        return zone
    return await services.mirror.kept_zone(first.catalog_id, first.product_id, language)


def _view(
    services: App,
    groups: Sequence[Sequence[Quote]],
    quantity: int,
    near: Proposals,
    zone: tzinfo | None,
) -> AvailabilityView:
    """The answer without its sessions; `zone` is the venue's."""
    quotes = [quote for group in groups for quote in group]
    (quote, *others) = quotes
    has_unknown = any(not s.is_stock_told for each in quotes for _, s in each.sessions())
    common = {
        "at_most_per_order": quote.most if isinstance(quote.most, int) else None,
        "alternatives": shown(services, near),
        "checked_at": minute(min(each.checked_at for each in quotes), zone),
        "next": _next(services, quotes, quantity, near),
        "note": _UNKNOWN_STOCK if has_unknown else None,
    }
    if others:
        told = [
            GroupView(offers=[CheckedView.of(each, quantity) for each in group]) for group in groups
        ]
        return AvailabilityView.model_validate({"groups": told, **common})
    # Some are told empty, since the quote has attributes of these names, or none.
    rest: dict[str, object] = {"sessions": [], "groups": [], "next_cursor": None}
    return AvailabilityView.read(quote, **facts_of(quote, quantity), **common, **rest)


def _next(services: App, quotes: Sequence[Quote], quantity: int, near: Proposals) -> str:
    bookable = [quote for quote in quotes if quote.obstacle(quantity) is None]
    if bookable:
        return _choose(bookable)
    beyond = [quote for quote in quotes if _is_beyond(quote, quantity)]
    if beyond and isinstance(beyond[0].most, int):
        operator = OneOrder.of(services.settings)
        return beyond_limit([(beyond[0], quantity)], beyond[0].most, operator)
    if len(quotes) > 1:
        return "Call with one offer_id alone to see alternatives."
    return next_step(near, "Propose another day, session or zone from get_offers.")


def _is_beyond(quote: Quote, quantity: int) -> bool:
    obstacle = quote.obstacle(quantity)
    return obstacle is not None and obstacle.code is Code.LIMIT_EXCEEDED


def _choose(quotes: Sequence[Quote]) -> str:
    """The next step for offers that can be booked."""
    needs = [need for quote in quotes for need in quote.tickets]
    several = len(quotes) > 1
    choose = {
        0: "No session is needed: reserve without session_ids.",
        1: f"Reserve with one session_id{' for each offer' if several else ''}.",
    }
    most = max(sum(need.needs_session for need in quote.tickets) for quote in quotes)
    step = choose.get(most, "Reserve with one session_id for each ticket named.")
    if any(need.has_late_sessions for need in needs):
        return f"{step} Not all sessions came in time: there may be more than those listed."
    is_cut = any(need.has_unread_sessions for need in needs)
    return f"{step} Some sessions cannot be read and are left out." if is_cut else step
