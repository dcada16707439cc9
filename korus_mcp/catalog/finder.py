"""Finds product bases by words, catalog and city, and by days on which something is for sale."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Final

from korus_mcp.api import ApiError, KorusApi
from korus_mcp.catalog.bases import BaseRecord, CatalogRecord
from korus_mcp.catalog.calendar import DayRange, OfferCalendars, OfferQuery, cheapest, today
from korus_mcp.catalog.crawl import Watcher
from korus_mcp.catalog.mirror import LanguageMirror, Mirror, State, state_of
from korus_mcp.catalog.nearest import proposed
from korus_mcp.catalog.search import Matches, nearest_names
from korus_mcp.catalog.store import Row, Scope
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.deadlines import in_time, is_over
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.paging import BEGINNING, PageStart
from korus_mcp.foundation.refusals import Code, Refusal, quoted, shortened
from korus_mcp.foundation.unread import UNREAD, Unread

SIDE_BY_SIDE: Final = 8
CITIES: Final = 10_000
"""How many cities are compared at most with an unknown one, to propose similar names."""
READING_SECONDS: Final = 5
CANDIDATES: Final = 24
FIRST_DATES: Final = 3
PAGES_A_BASE: Final = 4
"""Pages of a price table that a search fetches for the lowest price: it asks for many tables."""


@dataclass(frozen=True, kw_only=True)
class CatalogQuery:
    """What a buyer looks for. With a window, only bases with an offer in it are found."""

    query: str = ""
    catalog: str | None = None
    city: str | None = None
    window: DayRange | None = None
    place: PageStart = BEGINNING
    limit: int = 5


@dataclass(frozen=True)
class FoundBase:
    """A base that was found; price and dates only if a window was given.

    `is_lowest` is false when there are more offers than were fetched: `from_price` is then the
    lowest of the first days, and a lower one may follow.
    """

    record: BaseRecord
    from_price: Money | None = None
    dates: tuple[date, ...] = ()
    is_lowest: bool = True


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """One page of results. `total` counts all results; None when not all were checked.

    `unchecked` counts bases whose offers could not be fetched. `is_checked` is false when that
    failed for all of them: the bases then match all but the days.
    """

    bases: tuple[FoundBase, ...]
    total: int | None
    state: State
    next_place: PageStart | None = None
    unchecked: int = 0
    is_checked: bool = True
    nearest: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    """The languages that were searched for what was not found."""


@dataclass(frozen=True)
class _CatalogAnswer:
    """What the mirror of one language found, and how complete the mirror was before the search."""

    page: Matches
    state: State
    has_city: bool = False
    searched: tuple[str, ...] = ()


@dataclass
class Finder:
    """Searches the mirror, and asks the API where days matter. `languages` are the operator's."""

    api: KorusApi
    mirror: Mirror
    calendars: OfferCalendars
    languages: tuple[str, ...] = ()

    async def find(
        self, wanted: CatalogQuery, language: str, watch: Watcher | None = None
    ) -> SearchResult:
        """A page of the product bases that match, best first.

        The mirror of the buyer's language is searched first, then those of other languages.

        Raises:
            Refusal: NO_SUCH_CHOICE for a catalog or city that does not exist.
            ApiError: the catalog cannot be fetched, and nothing of it is in the mirror.
        """
        mirrored = await self.mirror.searchable(language, watch)
        catalog = _catalog(mirrored.store.catalogs(), wanted.catalog)
        answer = await self._answer(mirrored, wanted, catalog, language)
        if not answer.page.total:
            # A city that no language knows is a mistake; a known one without results is not.
            if wanted.city and not answer.has_city:
                raise _no_such_city(mirrored, wanted.city, catalog, answer.state)
            names = nearest_names(mirrored.store, wanted.query)
            return SearchResult(
                bases=(), total=0, state=answer.state, nearest=names, searched=answer.searched
            )
        if wanted.window is None:
            return await self._matches(answer, wanted.limit, language)
        return await self._in_window(answer, wanted, wanted.window, language)

    async def check_catalog(self, wished: str, language: str) -> None:
        """Check by what was read before that one catalog has this alias or name; sends no request.

        Raises:
            Refusal: NO_SUCH_CHOICE.
        """
        if (catalogs := await self.mirror.kept_catalogs(language)) is not None:
            _catalog(catalogs, wished)

    async def _answer(
        self,
        mirrored: LanguageMirror,
        wanted: CatalogQuery,
        catalog: CatalogRecord | None,
        language: str,
    ) -> _CatalogAnswer:
        """The results in a language; if there are none, those of the first other language that has
        some: a name may be known only there.
        """
        answer = self._ask(mirrored, wanted, catalog)
        if answer.page.total:
            return answer
        others: list[_CatalogAnswer] = []
        besides = await self.mirror.languages.besides(language)
        for other in dict.fromkeys((*self.languages, *besides)):
            if other == language:
                continue
            beside = await self.mirror.beside(other)
            others.append(self._ask(beside, wanted, catalog) if beside is not None else _UNREAD)
            if others[-1].page.total:
                break
        # More may have been fetched while the other languages were searched.
        if not answer.state.is_complete:
            answer = self._ask(mirrored, wanted, catalog)
            if answer.page.total:
                return answer
        asked = (answer, *others)
        state = replace(
            answer.state,
            is_complete=all(each.state.is_complete for each in asked),
            is_partly_unread=any(each.state.is_partly_unread for each in asked),
        )
        searched = tuple(name for each in asked for name in each.searched)
        has_city = any(each.has_city for each in asked)
        return _CatalogAnswer(asked[-1].page, state, has_city, searched)

    def _ask(
        self, mirrored: LanguageMirror, wanted: CatalogQuery, catalog: CatalogRecord | None
    ) -> _CatalogAnswer:
        """A page of results in a language. Its state is noted first, since a crawl may go on."""
        state = state_of(mirrored)
        catalog_id, cities = catalog.id if catalog else None, None
        if wanted.city:
            cities = mirrored.store.cities_like(fold(wanted.city), catalog_id)
        scope = Scope(catalog_id=catalog_id, cities=cities)
        # Many of the matching bases may have no offer in the window.
        limit = wanted.limit if wanted.window is None else CANDIDATES
        page = mirrored.search(wanted.query, scope, wanted.place, limit)
        return _CatalogAnswer(page, state, bool(cities), (mirrored.language,))

    async def _matches(
        self, answer: _CatalogAnswer, limit: int, language: str, *, is_checked: bool = True
    ) -> SearchResult:
        """The first bases of a page without prices. `is_checked` is False where days were asked for
        and cannot be checked now.
        """
        rows = answer.page.rows[:limit]
        records = await self._records(rows, language)
        found = tuple(FoundBase(record) for record in records if record is not None)
        return SearchResult(
            bases=found,
            total=answer.page.total - records.count(None) if is_checked else None,
            state=answer.state,
            next_place=answer.page.place_behind(len(rows)) if rows else None,
            unchecked=0 if is_checked else len(found),
            is_checked=is_checked,
        )

    async def _in_window(
        self, answer: _CatalogAnswer, wanted: CatalogQuery, window: DayRange, language: str
    ) -> SearchResult:
        """The bases of a page with something to buy in a window, checked until there are enough.

        If none of the best can be checked, the others are not tried: the matches are returned
        unchecked.
        """
        page, bases = answer.page, list[FoundBase]()
        looked_at = unchecked = 0
        while looked_at < len(page.rows) and len(bases) < wanted.limit:
            rows = page.rows[looked_at : looked_at + SIDE_BY_SIDE]
            records = await self._records(rows, language)
            steps = [partial(self._look, record, window, language) for record in records]
            looks = await side_by_side(steps, limit=SIDE_BY_SIDE)
            is_dead = all(look is UNREAD for look in looks)
            # The check of the best ones failed: each further one would cost a time-out.
            if is_dead and not looked_at:
                return await self._matches(answer, wanted.limit, language, is_checked=False)
            for look in looks:
                if len(bases) == wanted.limit:
                    break
                looked_at += 1
                unchecked += look is UNREAD
                bases += [look] if isinstance(look, FoundBase) else []
            if is_dead or is_over():
                break
        rest = page.place_behind(looked_at) if looked_at else None
        # A total is known only where every match was checked.
        is_all = page.start == 0 and rest is None and not unchecked
        return SearchResult(
            bases=tuple(bases),
            total=len(bases) if is_all else None,
            state=answer.state,
            next_place=rest,
            unchecked=unchecked,
        )

    async def _records(self, rows: Sequence[Row], language: str) -> list[BaseRecord | None]:
        catalogs = {c.id: c for c in await self.mirror.catalogs(language)}
        steps = [partial(self._record, row, catalogs.get(row.catalog_id), language) for row in rows]
        return await side_by_side(steps, limit=SIDE_BY_SIDE)

    async def _record(
        self, row: Row, catalog: CatalogRecord | None, language: str
    ) -> BaseRecord | None:
        """The base of a match; with its name alone as long as its details cannot be fetched.

        None when the base is gone since its name was stored. `catalog` is None for one that is new:
        the match came from a language whose list of catalogs was read later.
        """
        try:
            with in_time():
                return await self.mirror.base(row.handle, language)
        except Refusal:
            return None
        except ApiError:
            pass
        return BaseRecord(handle=row.handle, catalog=catalog, name=row.name) if catalog else None

    async def _look(
        self, record: BaseRecord | None, window: DayRange, language: str
    ) -> FoundBase | Unread | None:
        """A base that has something to buy in a window; UNREAD if it cannot be checked."""
        if record is None:
            return None
        # Its details could not be fetched: it may have something to sell.
        if not record.products:
            return UNREAD
        first = max(window.first, today(record, self.api.now() - self.api.unknown_skew))
        ahead = replace(window, first=first)
        if ahead.last < ahead.first:  # only days that are over there
            return None
        try:
            query = OfferQuery(record, ahead, language)
            calendar = await self.calendars.of_base(query, pages=PAGES_A_BASE)
        except ApiError:
            return UNREAD
        if not calendar.has_buyable():
            return UNREAD if calendar.is_partly_unread else None
        offers = [row for row in calendar.rows if row.is_buyable]
        days = sorted({row.day for row in offers if row.day is not None})
        is_lowest = not calendar.is_partly_unread
        return FoundBase(record, cheapest(offers), tuple(days[:FIRST_DATES]), is_lowest)


_UNREAD: Final = _CatalogAnswer(
    Matches((), 0), State(read_at=None, is_complete=False, is_stranded=False)
)
"""The result of a language that cannot be searched now."""


def _catalog(catalogs: Sequence[CatalogRecord], wished: str | None) -> CatalogRecord | None:
    """The catalog a buyer names by alias or name."""
    if wished is None:
        return None
    asked = fold(wished)
    # An exact name wins over names that contain it: "Louvre" is not "Louvre-Lens".
    near = [c for c in catalogs if asked == c.alias or asked in fold(c.name)]
    exact = [c for c in near if asked == c.alias or fold(c.name) == asked]
    if len(exact or near) == 1:
        return (exact or near)[0]
    labels = {f"{c.alias} {c.name}": _label(c, catalogs) for c in catalogs}
    raise Refusal(
        Code.NO_SUCH_CHOICE,
        "No single catalog has this alias or name.",
        "Use one of those listed, or leave catalog out.",
        fields=(proposed("catalog", wished, list(labels), labels.__getitem__),),
    )


def _label(catalog: CatalogRecord, catalogs: Sequence[CatalogRecord]) -> str:
    """The name of a catalog as shown; with its alias where others are shown by the same name."""
    shown = quoted([catalog.name])
    asked = fold(shortened(catalog.name))
    is_clear = sum(asked in fold(each.name) for each in catalogs) == 1
    return shown if is_clear and asked in fold(catalog.name) else f"{catalog.alias} ({shown})"


def _no_such_city(
    mirrored: LanguageMirror, wished: str, catalog: CatalogRecord | None, state: State
) -> Refusal:
    store = mirrored.store
    cities = store.cities_like("", catalog.id if catalog else None, limit=CITIES)
    known = [city for city in cities if city]
    message, wait = "Nothing on sale here is in a city of this name.", None
    todo = "Use one of the listed cities, or leave city out."
    if state.is_partly_unread or not state.is_complete:
        message = "Nothing read so far is in a city of this name; the catalog is still being read."
        todo = "Call again later, use one of the listed cities, or leave city out."
        wait = READING_SECONDS
    problem = proposed("city", wished, known, lambda city: quoted([store.spelled_city(city)]))
    return Refusal(Code.NO_SUCH_CHOICE, message, todo, retry_after_seconds=wait, fields=(problem,))
