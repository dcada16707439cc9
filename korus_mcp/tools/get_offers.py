"""get_offers: the price table of a product base, day by day."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated, Final

from pydantic import Field

from korus_mcp.answers.conditions import what_issuer_says
from korus_mcp.answers.views import PagedView, Part, Price, day_text, lines_of
from korus_mcp.app import app_of
from korus_mcp.catalog import calendar
from korus_mcp.catalog.bases import OPTION_CODES
from korus_mcp.catalog.price_table import OfferRow
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.paging import Pages
from korus_mcp.foundation.refusals import Faults
from korus_mcp.tools.arguments import (
    WHOLE,
    Amount,
    Cursor,
    Day,
    Language,
    ProductBaseId,
    Weekdays,
    Words,
)
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given, check_days

_NONE_FOUND: Final = "Ask for other days or choices."
_CHECK: Final = "Call check_availability with an offer_id."
_RESERVE_CHECKED: Final = "Call reserve: it checks the stock."
_RESERVE: Final = "Call reserve with an offer_id: none of these needs a live check."
_FILTERS: Final = (
    *("product_base_id", *calendar.FROM_AND_TO, *OPTION_CODES),
    *("weekdays", "max_price", "by_price"),
)
"""The arguments that say which list of offers is meant: a cursor is of one such list."""


class OfferView(Part):
    """One offer of a day."""

    offer_id: str
    product: str
    price: Price = None
    was: Price = None
    left: int | None = None
    session_required: bool = False
    problem: str | None = None

    @classmethod
    def of(cls, row: OfferRow) -> "OfferView":
        """The offer as shown."""
        return cls.read(row, offer_id=str(row.handle), product=row.product.name)

    def text(self) -> str:
        """One line of text."""
        left = None if self.left is None else ("sold out" if not self.left else f"{self.left} left")
        facts = [self.price, f"was {self.was}" if self.was else None, left]
        facts += ["choose a session"] * self.session_required
        facts.append(f"not bookable as listed: {self.problem}" if self.problem else None)
        return f"  {self.product}: {', '.join(f for f in facts if f)}; offer_id {self.offer_id}"


class DayView(Part):
    """The offers of one day, undated without a date."""

    date: str | None = None
    session_required: bool = False
    """Whether all of them need a session; else it is said of those that do."""
    offers: list[OfferView]

    @classmethod
    def of(cls, day: str | None, rows: Iterable[OfferRow]) -> "DayView":
        """The day as shown."""
        offers = [OfferView.of(row) for row in rows]
        if not all(offer.session_required for offer in offers):
            return cls(date=day, offers=offers)
        alike = [offer.model_copy(update={"session_required": False}) for offer in offers]
        return cls(date=day, session_required=True, offers=alike)

    def text(self) -> str:
        """A heading and a line for each offer."""
        counted = "; left: over all of them" * any(offer.left for offer in self.offers)
        choose = f" (choose a session{counted})" if self.session_required else ""
        head = f"{self.date or 'undated'}{choose}:"
        return lines_of(head, *(offer.text() for offer in self.offers))


class OffersView(PagedView):
    """A page of the price table."""

    name: str
    shown: int
    total: int | None = None
    at_most_per_order: int | None = None
    days: list[DayView] = []

    def text(self) -> str:
        """The page, day by day."""
        of_all = f" of {self.total}" if self.total is not None else ""
        follow = ", more follow" if self.next_cursor and not of_all else ""
        head = f"{self.name}: {self.shown}{of_all} offers{follow}."
        most = self.at_most_per_order
        limit = f"At most {most} in one order." if most is not None else None
        return lines_of(head, limit, *(day.text() for day in self.days), self.end)


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    # For a day that is over everywhere nothing has to be read.
    check_days(faults, ctx, given, calendar.FROM_AND_TO)
    if not given.wrong:
        with faults:
            filters = [given.get(name) or None for name in _FILTERS]
            Pages.of("get_offers", filters, given.get("cursor"))
    if not faults or given.get("product_base_id") is None:
        return
    services = app_of(ctx)
    with faults.about("product_base_id"):
        language = services.language(given.get("language"))
        base = await services.mirror.kept(given.get("product_base_id"), language)
        if base is not None:
            calendar.wished_choices(faults, base, {code: given.get(code) for code in OPTION_CODES})


@tool(title="Get offers", read_only=True, destructive=False, idempotent=True, checks=_check)
async def get_offers(
    ctx: ToolContext,
    product_base_id: ProductBaseId,
    date_from: Annotated[Day | None, Field(description="YYYY-MM-DD")] = None,
    date_to: Annotated[Day | None, Field(description="Else 30 days on")] = None,
    price_type: Annotated[Words | None, Field(description="Names, by commas")] = None,
    seating_category: Annotated[
        Words | None, Field(description="Names, standing or accessible")
    ] = None,
    zone: Annotated[Words | None, Field(description="Names")] = None,
    days_count: Annotated[Words | None, Field(description="Names")] = None,
    weekdays: Annotated[Weekdays | None, Field(description="sat,sun")] = None,
    max_price: Annotated[Amount | None, Field(description="EUR")] = None,
    by_price: Annotated[bool, Field(description="Cheapest first")] = False,
    limit: Annotated[
        int, Field(ge=1, le=40, description="1-40, else 15", examples=[15]), WHOLE
    ] = 15,
    cursor: Cursor = None,
    language: Language = None,
) -> Reply[OffersView]:
    """Days, prices of tickets and seats to buy: concert, theatre, match, museum, theme
    park.
    """
    services = app_of(ctx)
    wished_language = services.language(language)
    given = (price_type, seating_category, zone, days_count)
    # A cursor is valid only with the filters it was made for; with others it is refused.
    filters = (product_base_id, date_from, date_to, *given, weekdays, max_price, by_price or None)
    pages = Pages.of("get_offers", filters, cursor)
    api = services.api
    base = await services.mirror.base(product_base_id, wished_language)

    def days() -> calendar.DayRange:
        return calendar.window_of(date_from, date_to, base, api.now(), skew=api.unknown_skew)

    faults = Faults()
    wished = dict(zip(OPTION_CODES, given, strict=True))
    choices = calendar.wished_choices(faults, base, wished)
    with faults:
        days()
    faults.check()

    async def read(window: calendar.DayRange) -> tuple[calendar.DayRange, calendar.CalendarPage]:
        query = calendar.OfferQuery(
            base,
            window,
            wished_language,
            choices,
            weekdays=weekdays or (),
            max_price=None if max_price is None else Money(max_price),
            is_by_price=by_price,
        )
        return window, await services.calendars.page(query, place=pages.begin, limit=limit)

    window, page = await calendar.read_in(days, read)
    # `reserve` compares its prices with the ones that were shown.
    for row in page.rows:
        services.prices.show(services.principal.key, row.handle, row.price)

    # Once, not with every page: a person asks before anything is held.
    said = None if cursor else what_issuer_says(base)

    def view(count: int) -> OffersView:
        return OffersView(
            name=base.name,
            days=[
                DayView.of(day_text(day), of_day)
                for day, of_day in groupby(page.rows[:count], key=lambda row: row.day)
            ],
            shown=count,
            total=page.total,
            at_most_per_order=base.at_most_per_order,
            next_cursor=pages.cursor(page.place_behind(count)),
            note=_note(page, window, is_by_price=by_price, said=said),
            next=_next(page.rows[:count]),
        )

    return Reply.of_rows(len(page.rows), view)


def _next(rows: Sequence[OfferRow]) -> str:
    if not rows:
        return _NONE_FOUND
    if any(row.session_required or row.may_need_session or row.has_live_price for row in rows):
        return _CHECK
    return _RESERVE_CHECKED if any(row.live_check for row in rows) else _RESERVE


def _note(
    page: calendar.CalendarPage,
    window: calendar.DayRange,
    *,
    is_by_price: bool = False,
    said: str | None = None,
) -> str | None:
    unread = "offers that cannot be read, or whose day cannot be read"
    left_out = f"Left out: {unread} ({page.left_out})." if page.left_out else None
    unseen = "What was not read may be cheaper." if is_by_price and _is_part(page) else None
    each = "Each price is for one." if is_by_price and page.rows else None
    said = said if page.rows else None
    return (
        " ".join(filter(None, (_note_on_reading(page, window), unseen, each, left_out, said)))
        or None
    )


def _is_part(page: calendar.CalendarPage) -> bool:
    """Whether there may be offers that were not read."""
    return page.is_late or page.is_cut


def _note_on_reading(page: calendar.CalendarPage, window: calendar.DayRange) -> str | None:
    # Only the first that applies is said, so the ones to act upon go first.
    if page.came_late:
        return "Earlier days came in late: begin again without cursor to see them."
    if page.is_late:
        return "Not all could be read in time, so offers may be missing; call again."
    if page.is_cut:
        return "There are more offers than were read; narrow the days or choices."
    if not page.rows and page.start:
        return "No more offers."
    if not page.rows and page.above is not None:
        days = f"from {window.first} to {window.last}"
        return f"No offers {days} within max_price; the cheapest is {page.above}."
    if not page.rows and page.left_out:
        return f"No offers that can be read from {window.first} to {window.last}."
    if not page.rows:
        return f"No offers from {window.first} to {window.last}. Try other days."
    return None
