"""Finding product bases: by words, catalog and city, and by days on which something is for sale."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from korus_mcp.api import ApiError
from korus_mcp.catalog.calendar import Calendar, OfferCalendars, Window, Wish, cheapest
from korus_mcp.catalog.mirror import Mirror, Shelf
from korus_mcp.catalog.records import BaseRecord, CatalogRecord
from korus_mcp.catalog.search import Entry, nearest_names, search
from korus_mcp.flights import side_by_side
from korus_mcp.folding import fold
from korus_mcp.money import Money
from korus_mcp.refusals import Code, FieldProblem, Refusal, quoted

SIDE_BY_SIDE: Final = 8
CANDIDATES: Final = 24
FIRST_DATES: Final = 3


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a buyer looks for. A window asks for bases that really have an offer in it."""

    query: str = ""
    catalog: str | None = None
    city: str | None = None
    window: Window | None = None
    offset: int = 0
    limit: int = 5


@dataclass(frozen=True)
class FoundBase:
    """A base that answers; price and dates only where a window was asked for."""

    record: BaseRecord
    from_price: Money | None = None
    dates: tuple[date, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Findings:
    """One page of answers. `total` counts all of them; None when not all were checked."""

    bases: tuple[FoundBase, ...]
    total: int | None
    next_offset: int | None = None
    unchecked: int = 0
    is_complete: bool = True
    nearest: tuple[str, ...] = ()


class Finder:
    """Searches the mirror, and asks live where days matter."""

    def __init__(self, mirror: Mirror, calendars: OfferCalendars) -> None:
        self._mirror = mirror
        self._calendars = calendars

    async def find(self, wanted: Wanted, language: str) -> Findings:
        """The page of product bases that answer, best first.

        Raises:
            Refusal: NO_SUCH_CHOICE for a catalog that does not exist.
            ApiError: the catalog cannot be read.
        """
        shelf = await self._mirror.searchable(language)
        entries = _entries(shelf, _catalog(shelf, wanted.catalog), wanted.city)
        matches = search(wanted.query, entries)
        if not matches:
            names = nearest_names(wanted.query, _entries(shelf, None, None))
            return Findings(bases=(), total=0, is_complete=shelf.is_complete, nearest=tuple(names))
        if wanted.window is None:
            return await self._page(shelf, matches, wanted, language)
        return await self._in_window(shelf, matches, wanted, wanted.window, language)

    async def _page(
        self, shelf: Shelf, matches: Sequence[Entry], wanted: Wanted, language: str
    ) -> Findings:
        shown = matches[wanted.offset : wanted.offset + wanted.limit]
        records = await self._records(shown, language)
        total = len(matches) - (len(shown) - len(records))
        end = wanted.offset + len(records)
        return Findings(
            bases=tuple(FoundBase(r) for r in records),
            total=total,
            next_offset=end if end < total else None,
            is_complete=shelf.is_complete,
        )

    async def _in_window(
        self,
        shelf: Shelf,
        matches: Sequence[Entry],
        wanted: Wanted,
        window: Window,
        language: str,
    ) -> Findings:
        candidates = matches[wanted.offset : wanted.offset + CANDIDATES]
        records = await self._records(candidates, language)
        matched = len(matches) - (len(candidates) - len(records))
        steps = [partial(self._calendar, record, window, language) for record in records]
        calendars = await side_by_side(steps, limit=SIDE_BY_SIDE)
        found: list[FoundBase] = []
        looked_at = unchecked = 0
        for record, calendar in zip(records, calendars, strict=True):
            if len(found) == wanted.limit:
                break
            looked_at += 1
            if calendar is None:
                unchecked += 1
            elif calendar.rows:
                found.append(_dated(record, calendar, window))
        end = wanted.offset + looked_at
        return Findings(
            bases=tuple(found),
            total=len(found) if wanted.offset == 0 and end >= matched else None,
            next_offset=end if end < matched else None,
            unchecked=unchecked,
            is_complete=shelf.is_complete,
        )

    async def _records(self, entries: Sequence[Entry], language: str) -> list[BaseRecord]:
        steps = [partial(self._record, e, language) for e in entries]
        found = await side_by_side(steps, limit=SIDE_BY_SIDE)
        return [record for record in found if record is not None]

    async def _record(self, entry: Entry, language: str) -> BaseRecord | None:
        """The base of a match, by its name alone while its details cannot be read.

        None when it is gone since its name was read: then it is no match any more.
        """
        name = entry.name
        try:
            return await self._mirror.base(name.handle, language)
        except Refusal:
            return None
        except ApiError:
            return BaseRecord(handle=name.handle, catalog=name.catalog, name=name.name)

    async def _calendar(self, record: BaseRecord, window: Window, language: str) -> Calendar | None:
        """The offers of a base in a window; None when they could not be read."""
        if not record.products:
            return None
        try:
            return await self._calendars.of_base(record, window, Wish(), language)
        except ApiError:
            return None


def _dated(record: BaseRecord, calendar: Calendar, window: Window) -> FoundBase:
    rows = [r for r in calendar.rows if window.holds(r.day) and r.left != 0]
    days = sorted({r.day for r in rows if r.day is not None})
    return FoundBase(record, cheapest(rows), tuple(days[:FIRST_DATES]))


def _catalog(shelf: Shelf, wished: str | None) -> CatalogRecord | None:
    """The catalog a buyer names by alias or name."""
    if wished is None:
        return None
    if wished in shelf.catalogs:
        return shelf.catalogs[wished]
    asked = fold(wished)
    near = [c for c in shelf.catalogs.values() if asked in fold(c.name)]
    exact = [c for c in near if fold(c.name) == asked]
    if len(exact or near) == 1:
        return (exact or near)[0]
    names = ", ".join(f"{c.alias} ({quoted([c.name])})" for c in list(shelf.catalogs.values())[:12])
    raise Refusal(
        Code.NO_SUCH_CHOICE,
        "No single catalog has this alias or name.",
        "Use one of the listed aliases, or leave catalog out.",
        fields=(FieldProblem("catalog", f"catalogs: {names}"),),
    )


def _entries(shelf: Shelf, catalog: CatalogRecord | None, city: str | None) -> list[Entry]:
    entries = [Entry(n, shelf.records.get(h)) for h, n in shelf.names.items()]
    if catalog is not None:
        entries = [e for e in entries if e.name.catalog.id == catalog.id]
    if city is not None:
        asked = fold(city)
        entries = [e for e in entries if e.record and asked in fold(e.record.place.city or "")]
    return entries
