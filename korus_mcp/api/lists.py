"""Reading one resource, or a list page by page by counting: `view` is never read (T4)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from anyio import to_thread
from pydantic import ValidationError

from korus_mcp.api import jsonld
from korus_mcp.api.errors import ApiError, BadRequest, NotFound
from korus_mcp.api.filters import Params
from korus_mcp.api.models.base import ApiModel, Resource
from korus_mcp.api.transport import Wire, malformed, read_model

M = TypeVar("M", bound=ApiModel)
R = TypeVar("R", bound=Resource)

PAGE_SIZE = 50
"""The most the API gives (T32)."""
PAGES_LIMIT = 4000
"""No list is longer than this: 200,000 items."""
READINGS_LIMIT = 3
"""So often a list is read that changes while it is read."""


@dataclass(frozen=True)
class Page(Generic[R]):
    """One page: its readable items, its number from 1, the total if stated, whether it is the last.

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


@dataclass(slots=True, eq=False)
class Pages(Generic[R]):
    """A list of the API, fetched as it is read: `async for`, `page(n)` or `all()`."""

    operation: str
    model: type[R]
    fetch: Callable[[int], Awaitable[jsonld.JsonObject]]
    """Asks for a page by its number."""
    paged: bool = True
    unreadable: int = field(default=0, init=False)
    """Members without a usable id that were met while all was read: they are there, too."""
    missing: int = field(default=0, init=False)
    """How many more things the list counted, when all was read, than were on its pages."""

    async def page(self, number: int = 1) -> Page[R]:
        """One page of 50; beyond the end it is empty (A25).

        Raises:
            ApiError: The page cannot be had.
            ValueError: The number is below 1.
        """
        if number < 1:
            raise ValueError("pages count from 1")
        try:
            body = await self.fetch(number)
        # Behind the end some servers refuse (A25); of the first page that is an answer.
        except (BadRequest, NotFound):
            if number == 1:
                raise
            return Page((), number, None, last=True)
        # Some thousand values take pydantic longer than others should wait for the event loop.
        if not jsonld.is_large(body):
            return self._read(body, number)
        return await to_thread.run_sync(self._read, body, number)

    async def all(self, most: int | None = None) -> list[R]:
        """Every item, in order; of a list that is longer than `most`, the first so many and one.

        Raises:
            ApiError: A page cannot be had.
        """
        found: list[R] = []
        async for item in self:
            found.append(item)
            # One more than asked for says that there are more, without reading them all.
            if most is not None and len(found) > most:
                break
        return found

    async def __aiter__(self) -> AsyncIterator[R]:
        """Every item once. A list that loses or gains a row between two pages shows fewer rows than
        it counts, or counts anew: it is read again for those that slipped through.
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
            # What the first reading gave stands: a second that fails costs the caller nothing.
            except ApiError:
                if not before:
                    raise
                return  # what the first reading gave stands
            # A steady second reading that finds nothing new ends it, too: what a server counts and
            # never lists would not come by reading again.
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
        # A server that repeats its pages for ever is caught by `is_new`; this bounds the others.
        raise malformed(self.operation, "GET", "a list without end")

    def _ends(self, page: Page[R], received: int) -> bool:
        """Whether nothing follows. A stated total counts against what came: a server may give less
        than the 50 asked for; without a total a short page is the end.
        """
        # T4: `view` has no say, it lacks `next` although there are more pages.
        if page.total is None or not self.paged:
            return page.last
        return page.received == 0 or received >= page.total

    def _read(self, body: jsonld.JsonObject, number: int) -> Page[R]:
        try:
            members = jsonld.members(body)
        except jsonld.NotReadable as failure:
            raise malformed(self.operation, "GET", str(failure)) from None
        items = [item for item in map(self._item, members) if item is not None]
        total = jsonld.total_items(body)
        # Whether it is the last page is reckoned as if each before it had been full (T32).
        before = (number - 1) * PAGE_SIZE
        short = len(members) < PAGE_SIZE
        counted_out = short if total is None else before + len(members) >= total
        last = not self.paged or not members or counted_out
        return Page(tuple(items), number, total, last, len(members) - len(items))

    def _item(self, member: object) -> R | None:
        # One member nobody can read costs itself, not its page; it is counted as unreadable.
        try:
            return self.model.model_validate(member)
        except ValidationError:
            return None


@dataclass(slots=True)
class _Reading:
    """What one reading of a list, page by page, saw of it."""

    received: int = 0
    unreadable: int = 0
    ids: set[str] = field(default_factory=set)
    totals: set[int] = field(default_factory=set)

    def takes(self, page: Page[R]) -> bool:
        """Take the next page; whether there is anything on it that was not on those before."""
        known = len(self.ids)
        self.ids.update(item.id for item in page.items)
        self.unreadable += page.unreadable
        self.received += page.received
        if page.total is not None:
            self.totals.add(page.total)
        return len(self.ids) > known or page.unreadable > 0

    @property
    def total(self) -> int:
        """The most things the list said there are."""
        return max(self.totals, default=0)

    @property
    def is_steady(self) -> bool:
        """Whether all its pages counted the same."""
        return len(self.totals) <= 1

    @property
    def fits(self) -> bool:
        """Whether it saw as many things as the list says there are."""
        # What cannot be read is there, too: each counts as a thing of its own.
        distinct = len(self.ids) + self.unreadable
        return self.is_steady and distinct >= self.total


class Reads:
    """One side of the API: reads the things and lists that its table of addresses names."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def _one(
        self, kind: jsonld.Template, ids: tuple[str, ...], model: type[M], language: str | None
    ) -> M:
        body = await self._wire.read(kind.operation, kind.iri(*ids), language=language)
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
    ) -> Pages[R]:
        """The list of an address; nothing is sent yet, but ids that cannot be some are refused."""
        path = kind.iri(*ids)

        def fetch(number: int) -> Awaitable[jsonld.JsonObject]:
            # Always stated: without it a server gives as many as its operator likes.
            place = (("page", str(number)), ("itemsPerPage", str(PAGE_SIZE))) if paged else ()
            return self._wire.read(kind.operation, path, (*place, *params), language=language)

        return Pages(kind.operation, model, fetch, paged=paged)
