"""Reads one resource, or a list page by page. Pages are counted: `view` is never read (T4)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar, Unpack

from anyio import to_thread
from cachetools import LRUCache
from pydantic import ValidationError

from korus_mcp.api import jsonld
from korus_mcp.api.errors import ApiError, BadRequest, NotFound
from korus_mcp.api.filters import Params
from korus_mcp.api.models.base import ApiModel, Resource
from korus_mcp.api.transport import Told, Wire, malformed, read_model

M = TypeVar("M", bound=ApiModel)
R = TypeVar("R", bound=Resource)

PAGE_SIZE = 50
"""Items of a page, the most that the API gives (T32)."""
PAGES_LIMIT = 4000
"""The most pages that are read of one list: 200,000 items."""
READINGS_LIMIT = 3
"""The most times a list is read in all, if it changes while it is read."""
KEPT_PAGES = 8
"""How many live pages are kept, so that the same answer is not made models of again."""


@dataclass(frozen=True)
class Page(Generic[R]):
    """One page of a list: readable items, number (from 1), total if stated, whether it is the last.

    `unreadable` counts members without a usable id.
    """

    items: tuple[R, ...]
    number: int
    total: int | None
    last: bool
    unreadable: int = 0

    @property
    def received(self) -> int:
        """Members the page held, readable or not."""
        return len(self.items) + self.unreadable


KeptPages: TypeAlias = "LRUCache[object, tuple[jsonld.JsonObject, Page[Any]]]"
"""The last answers of some lists with the pages that they are, by what was asked."""


@dataclass(slots=True, eq=False)
class Pages(Generic[R]):
    """A list of the API, whose pages are fetched when needed: `async for`, `page(n)` or `all()`."""

    operation: str
    model: type[R]
    fetch: Callable[[int], Awaitable[jsonld.JsonObject]]
    """Asks for a page by its number."""
    paged: bool = True
    kept: "KeptPages | None" = None
    """Where its pages are kept, of a list that is asked for again and again."""
    asked: object = None
    """What was asked, the key there."""
    unreadable: int = field(default=0, init=False)
    """How many members without a usable id were found when the whole list was read."""
    missing: int = field(default=0, init=False)
    """How many items fewer than the list's own total were found when all of it was read."""

    async def page(self, number: int = 1) -> Page[R]:
        """One page of 50; beyond the end it is empty (A25).

        Raises:
            ApiError: The page cannot be fetched.
            ValueError: The number is below 1.
        """
        if number < 1:
            raise ValueError("pages count from 1")
        try:
            body = await self.fetch(number)
        # Some servers refuse a page behind the end (A25); for the first page it is a real error.
        except (BadRequest, NotFound):
            if number == 1:
                raise
            return Page((), number, None, last=True)
        known = None if self.kept is None else self.kept.get((self.asked, number))
        # Asked each time, but mostly answered as before: to compare is cheaper than to read.
        if known is not None and known[0] == body:
            return known[1]
        # With some thousand values pydantic would block the event loop for too long.
        if jsonld.is_large(body):
            return await to_thread.run_sync(self._read, body, number)
        page = self._read(body, number)
        if self.kept is not None:
            self.kept[self.asked, number] = (body, page)
        return page

    async def all(self, most: int | None = None) -> list[R]:
        """Every item, in order; of a list that is longer than `most`, the first `most` + 1.

        Raises:
            ApiError: A page cannot be fetched.
        """
        found: list[R] = []
        async for item in self:
            found.append(item)
            # One item more than asked for shows the caller that there are more.
            if most is not None and len(found) > most:
                break
        return found

    async def __aiter__(self) -> AsyncIterator[R]:
        """Every item once. When a row is added or removed between two pages, another row can slip
        through: the list then shows fewer rows than its total, or another total, and is read again.
        """
        seen: set[str] = set()
        for _ in range(READINGS_LIMIT):
            before = len(seen)
            reading = _Reading()
            try:
                async for page in self._read_once(reading):
                    for item in page.items:
                        if item.id not in seen:
                            seen.add(item.id)
                            yield item
                self.missing = max(0, reading.total - len(seen) - reading.unreadable)
            # The items of the first reading stand: a second one that fails costs nothing.
            except ApiError:
                if not before:
                    raise
                return  # the items of the first reading stand
            # A steady second reading that finds nothing new ends it, too: an item that a server
            # counts and never lists would not come by reading again.
            has_news = before and len(seen) > before
            if not self.paged or reading.fits or (before and reading.is_steady and not has_news):
                return

    async def _read_once(self, reading: "_Reading") -> AsyncIterator[Page[R]]:
        for number in range(1, PAGES_LIMIT + 1):
            page = await self.page(number)
            is_new = reading.takes(page)
            self.unreadable = max(self.unreadable, reading.unreadable)
            yield page
            if self._ends(page, reading.received) or not is_new:
                return
        # A server that repeats a page for ever is noticed above; this bounds one that does not.
        raise malformed(self.operation, "GET", "a list without end")

    def _ends(self, page: Page[R], received: int) -> bool:
        """Whether this is the last page: as many items came as the total says, since a server may
        give fewer than 50 a page. Without a total a short page is the last.
        """
        # `view` is not looked at: it lacks `next` even where there are more pages (T4).
        if page.total is None or not self.paged:
            return page.last
        return page.received == 0 or received >= page.total

    def _read(self, body: jsonld.JsonObject, number: int) -> Page[R]:
        try:
            members = jsonld.members(body)
        except jsonld.NotReadable as failure:
            raise malformed(self.operation, "GET", str(failure)) from None
        items: list[R] = []
        for member in members:
            # One unreadable member is left out and counted; it does not spoil the page.
            with suppress(ValidationError):
                items.append(self.model.model_validate(member))
        total = jsonld.total_items(body)
        # To tell whether it is the last, each page before it is taken as full (T32).
        before = (number - 1) * PAGE_SIZE
        short = len(members) < PAGE_SIZE
        counted_out = short if total is None else before + len(members) >= total
        last = not self.paged or not members or counted_out
        return Page(tuple(items), number, total, last, len(members) - len(items))


@dataclass(slots=True)
class _Reading:
    """What was seen in one reading of a list from its first to its last page."""

    received: int = 0
    unreadable: int = 0
    ids: set[str] = field(default_factory=set)
    totals: set[int] = field(default_factory=set)

    def takes(self, page: Page[R]) -> bool:
        """Take in the next page. Returns whether it has anything that earlier pages did not."""
        known = len(self.ids)
        self.ids.update(item.id for item in page.items)
        self.unreadable += page.unreadable
        self.received += page.received
        if page.total is not None:
            self.totals.add(page.total)
        return len(self.ids) > known or page.unreadable > 0

    @property
    def total(self) -> int:
        """The highest total that a page of the list stated."""
        return max(self.totals, default=0)

    @property
    def is_steady(self) -> bool:
        """Whether all pages stated the same total."""
        return len(self.totals) <= 1

    @property
    def fits(self) -> bool:
        """Whether as many items were seen as the total says."""
        # An unreadable member counts as an item of its own.
        distinct = len(self.ids) + self.unreadable
        return self.is_steady and distinct >= self.total


class Reads:
    """Base of `Ticketing` and `Booking`: reads single resources and lists."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._kept: KeptPages = LRUCache(KEPT_PAGES)

    async def _one(
        self,
        kind: jsonld.Template,
        ids: tuple[str, ...],
        model: type[M],
        language: str | None = None,
        **told: Unpack[Told],
    ) -> M:
        body = await self._wire.read(kind.operation, kind.iri(*ids), language=language, **told)
        return await read_model(kind.operation, "GET", model, body)

    def _pages(
        self,
        kind: jsonld.Template,
        ids: tuple[str, ...],
        model: type[R],
        language: str | None,
        *,
        params: Params = (),
        paged: bool = True,
        is_live: bool = False,
    ) -> Pages[R]:
        """The list at an address. Nothing is sent yet, but a text that is no id is refused.

        `is_live`: one that is asked for again and again, whose pages are kept.
        """
        path = kind.iri(*ids)

        def fetch(number: int) -> Awaitable[jsonld.JsonObject]:
            # Always sent: without `itemsPerPage` the size of a page is up to the server.
            place = (("page", str(number)), ("itemsPerPage", str(PAGE_SIZE))) if paged else ()
            return self._wire.read(kind.operation, path, (*place, *params), language=language)

        kept = self._kept if is_live else None
        asked = (path, params, language)
        return Pages(kind.operation, model, fetch, paged=paged, kept=kept, asked=asked)
