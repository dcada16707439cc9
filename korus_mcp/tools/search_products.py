"""search_products: what is on sale, found by words, place and days."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

from pydantic import Field

from korus_mcp.answers.views import PagedView, Part, lines_of, minute, text_of
from korus_mcp.app import app_of
from korus_mcp.catalog.bases import OPTION_CODES, Choice
from korus_mcp.catalog.calendar import FROM_AND_TO, DayRange, read_in, today_told, window_of
from korus_mcp.catalog.finder import CatalogQuery, FoundBase, SearchResult
from korus_mcp.catalog.mirror import PARTLY_UNREAD, STRANDED
from korus_mcp.catalog.store import Progress
from korus_mcp.foundation.paging import Pages, PageStart
from korus_mcp.foundation.refusals import Faults
from korus_mcp.foundation.unread import zone_of, zone_of_all
from korus_mcp.tools.arguments import WHOLE, Cursor, Day, Language, Words
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given, check_days

SHOWN_CHOICES = 8


class ChoicesView(Part):
    """The names to choose from, by option."""

    price_type: list[str] = []
    seating_category: list[str] = []
    zone: list[str] = []
    days_count: list[str] = []
    more: dict[str, int] = {}
    """How many further names an option has."""

    @classmethod
    def of(cls, choices: Mapping[str, Sequence[Choice]]) -> "ChoicesView | None":
        """The choices as shown; None without any."""
        # A stadium may have a hundred zones: a few names and the number of others are enough.
        shown = {code: [c.name for c in found[:SHOWN_CHOICES]] for code, found in choices.items()}
        rest = {code: len(found) - len(shown[code]) for code, found in choices.items()}
        more = {code: count for code, count in rest.items() if count}
        return cls(**shown, more=more) if any(shown.values()) else None

    def text(self) -> list[str]:
        """A phrase for each option."""
        names = self.model_dump(exclude_defaults=True, exclude={"more"})
        rest = {code: [f"+{count} more"] for code, count in self.more.items()}
        return [f"{code}: {', '.join(each + rest.get(code, []))}" for code, each in names.items()]


class ProductView(Part):
    """A product base that answers the search."""

    product_base_id: str
    name: str
    venue: str | None = None
    city: str | None = None
    kind: str | None = None
    sold_by: str | None = None
    """The catalog it is sold from, where no venue says whose it is."""
    choices: ChoicesView | None = None
    has_sessions: bool = False
    has_seat_map: bool = False
    from_price: str | None = None
    dates: list[str] = []

    @classmethod
    def of(cls, found: FoundBase) -> "ProductView":
        """The base as shown."""
        record = found.record
        choices = {code: record.choices.get(code, ()) for code in OPTION_CODES}
        return cls.read(
            record,
            product_base_id=str(record.handle),
            venue=record.place.name,
            city=record.place.city,
            sold_by=record.catalog.name if record.place.name is None else None,
            choices=ChoicesView.of(choices),
            has_sessions=bool(record.has_sessions),
            has_seat_map=record.seat_map_id is not None,
            from_price=_from(found),
            dates=[day.isoformat() for day in found.dates],
        )

    def text(self) -> str:
        """Two or three lines of text."""
        sold_by = f"sold by {self.sold_by}" if self.sold_by else None
        place = ", ".join(p for p in (self.venue, self.city, self.kind, sold_by) if p)
        extras = self.choices.text() if self.choices is not None else []
        extras += ["with sessions"] * self.has_sessions + ["with seat map"] * self.has_seat_map
        # A price without days is one of offers that are good for any day.
        when = f"on {', '.join(self.dates)}" if self.dates else "on any day (undated)"
        dates = f"from {self.from_price or '?'} {when}" if self.dates or self.from_price else None
        return lines_of(
            f"{self.name}{f' ({place})' if place else ''}",
            f"  product_base_id {self.product_base_id}",
            f"  {'; '.join(extras)}" if extras else None,
            f"  {dates}" if dates else None,
        )


class SearchView(PagedView):
    """A page of product bases, best first."""

    shown: int
    total: int | None = None
    products: list[ProductView] = []

    def text(self) -> str:
        """The page as a list."""
        return lines_of(self._counted, *(p.text() for p in self.products), self.end)

    @property
    def _counted(self) -> str:
        """How many there are, as far as is known: a page must not pass for all there is."""
        if self.total is not None:
            return f"{self.shown} of {self.total} shown."
        return f"{self.shown} shown{', more by cursor' if self.next_cursor else ''}."


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    check_days(faults, ctx, given, FROM_AND_TO)
    services, catalog = app_of(ctx), given.get("catalog")
    # Another language than the usual one may first have to be asked about.
    if not given.wrong and given.get("language") is None:
        filters = [given.get(name) for name in ("query", "catalog", "city", *FROM_AND_TO)]
        with faults:
            Pages.of("search_products", [*filters, services.language(None)], given.get("cursor"))
    # Only beside other faults: a catalog may have been added since the list was read.
    if faults and catalog is not None:
        with faults:
            await services.finder.check_catalog(catalog, services.language(given.get("language")))


@tool(title="Search products", read_only=True, destructive=False, idempotent=True, checks=_check)
async def search_products(
    ctx: ToolContext,
    query: Annotated[
        Words | None, Field(description="Any language", examples=["stadium tour"])
    ] = None,
    catalog: Annotated[Words | None, Field(description="Name")] = None,
    city: Annotated[Words | None, Field(description="Town")] = None,
    date_from: Day | None = None,
    date_to: Annotated[Day | None, Field(description="Last day")] = None,
    limit: Annotated[int, Field(ge=1, le=20, description="1-20, else 5", examples=[5]), WHOLE] = 5,
    cursor: Cursor = None,
    language: Language = None,
) -> Reply[SearchView]:
    """Start here to book or buy tickets and seats: concert, theatre, match, museum, theme
    park.
    """
    services = app_of(ctx)
    # The language is one of the filters of a cursor: in another one the order differs.
    spoken = services.language(language)
    filters = (query, catalog, city, date_from, date_to, spoken)
    pages = Pages.of("search_products", filters, cursor)
    wanted = CatalogQuery(
        query=query or "", catalog=catalog, city=city, place=pages.begin, limit=limit
    )

    def days() -> DayRange:
        now, skew = services.api.now(), services.api.unknown_skew
        return window_of(date_from, date_to, None, now, skew=skew)

    async def report(progress: Progress) -> None:
        await ctx.report_progress(progress.done, progress.known, "Reading the catalog")

    async def read(window: DayRange) -> SearchResult:
        return await services.finder.find(replace(wanted, window=window), spoken, report)

    if date_from is None and date_to is None:
        found = await services.finder.find(wanted, spoken, report)
    else:
        found = await read_in(days, read)
    at_venue = found.bases[0].record if found.bases else None
    today = today_told(at_venue, services.api.now())
    return Reply.of_rows(len(found.bases), partial(_view, found, pages, today))


def _view(found: SearchResult, pages: Pages, today: str, count: int) -> SearchView:
    """A page with only its first `count` product bases."""
    behind = found.next_place
    # After a page that was shortened the next one begins with what was left out.
    if count < len(found.bases):
        behind = PageStart(pages.begin.offset + count, found.bases[count - 1].record.handle)
    return SearchView(
        products=[ProductView.of(base) for base in found.bases[:count]],
        shown=count,
        total=found.total,
        next_cursor=pages.cursor(behind),
        note=_note(found, today),
        next=_next(found, count),
    )


def _next(found: SearchResult, count: int) -> str:
    if not count:
        return "Search with other words or days."
    has_map = any(base.record.seat_map_id is not None for base in found.bases[:count])
    return f"Call get_offers{' or get_seat_map' if has_map else ''} with a product_base_id."


def _from(found: FoundBase) -> str | None:
    """The lowest price; "from at most 34.00 EUR" if a lower one may not have been read."""
    price = text_of(found.from_price)
    return price if price is None or found.is_lowest else f"at most {price}"


def _note(found: SearchResult, today: str) -> str:
    notes = [f"Today is {today}."]
    if found.state.read_at is not None:
        zone = zone_of_all(zone_of(base.record.timezone) for base in found.bases)
        notes.append(f"Catalog as of {minute(found.state.read_at, zone)}.")
    if not found.bases and found.next_place is not None:
        notes.append("None of those looked at has offers on these days; go on with the cursor.")
    elif not found.bases:
        spoken = f" in {' and '.join(found.searched)}" if found.searched else ""
        notes.append(
            f"Nothing found{spoken}; names, venues, cities, choices and texts were searched."
        )
    if found.nearest:
        notes.append(f"Nearest names: {'; '.join(found.nearest)}.")
    if not found.is_checked:
        notes.append("Offers cannot be read now: these match, but no days were checked.")
    elif found.unchecked:
        notes.append(f"{found.unchecked} could not be checked for these days.")
    if found.state.is_stranded:
        notes.append(STRANDED)
    if found.state.is_partly_unread:
        notes.append(PARTLY_UNREAD)
    if not found.state.is_complete:
        notes.append("The catalog is still being read: places and choices may be missing.")
    return " ".join(notes)
