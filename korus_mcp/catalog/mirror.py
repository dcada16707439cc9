"""The catalog mirror: a local copy of what may be sold, renewed in the background.

With a filled file the first answer needs no network. A copy older than a day is still used while
it is renewed, and as long as the API does not answer; answers then state its age.
"""

import logging
import math
import random
import sqlite3
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from cachetools import LRUCache

from korus_mcp.api import ApiError, KorusApi, Malformed, NotFound, Outcome
from korus_mcp.catalog.bases import BaseRecord, CatalogRecord, VenueRecord
from korus_mcp.catalog.crawl import Crawler, Watcher
from korus_mcp.catalog.file import VERSION, is_damage
from korus_mcp.catalog.languages import MOST_SEEN, Languages
from korus_mcp.catalog.parsing import name_of
from korus_mcp.catalog.search import Matches, search
from korus_mcp.catalog.sharing import SharedCopies, SharedCrawler
from korus_mcp.catalog.spelling import Speller
from korus_mcp.catalog.store import Progress, Scope, Store
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights, kept_apart
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.lanes import on_behalf_of
from korus_mcp.foundation.language_tags import MOST_LISTED, canonical
from korus_mcp.foundation.paging import BEGINNING, PageStart
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.foundation.unread import Unread, value_of, zone_of
from korus_mcp.settings import Account

if TYPE_CHECKING:
    from korus_mcp.api import Product

KEPT_SECONDS: Final = 24 * 3600
"""Catalog data may be kept for 24 hours (docs/domain.md, "The flow")."""
JITTER: Final = 0.1
GRACE_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.02
RETRY_SECONDS: Final = 60.0
OTHERS_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 10.0
MOST_OPEN: Final = 8
"""The most files that are open at once; there is one for each language."""
MOST_IN_MEMORY: Final = 1 + MOST_LISTED + MOST_SEEN
"""The most languages that are kept in memory: the default, those listed and those seen. A closed
one would have to be fetched again."""
STRANDED: Final = "KorusTicket does not answer now; this is the catalog as it was then."
PARTLY_UNREAD: Final = (
    "Part of the catalog could not be read: products may be missing; ask again later."
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CatalogFiles:
    """Whose catalog it is, and where its files are; without a folder it is kept in memory.

    `allowed` are the aliases of the catalogs that may be sold; None is all.
    """

    account: Account
    allowed: tuple[str, ...] | None = None
    folder: Path | None = None

    def file(self, language: str) -> str:
        """The file name of a language, different for each account, so that none reads another's."""
        allowed = ",".join(sorted(self.allowed)) if self.allowed is not None else "*"
        key = self.account.key(allowed)[:16]
        return f"catalog-{VERSION}-{self.account.environment}-{key}-{language}.sqlite"


@dataclass(frozen=True)
class State:
    """How complete the mirror of a language is; `read_at` is its last comparison with the API."""

    read_at: datetime | None
    is_complete: bool
    is_stranded: bool
    is_partly_unread: bool = False
    """Whether rows of the lists of catalogs or product bases could not be parsed last time."""


@dataclass
class _Attempt:
    """A crawl by this process, running or finished."""

    is_over: bool = False
    failure: ApiError | None = None
    next_try: float = -math.inf
    """When the next attempt may begin, in seconds of the monotonic clock."""
    look_again: float = -math.inf
    """When `Mirror.beside` may try again after a failure, in seconds of the monotonic clock."""


@dataclass
class LanguageMirror:
    """The mirror of one language: its file, its crawler, and the last attempt to fill it."""

    language: str
    store: Store
    crawler: Crawler
    speller: Speller
    kept_seconds: float
    shared: SharedCrawler | None = None
    """What is used instead of the crawler where servers share their copies."""
    attempt: _Attempt = field(default_factory=lambda: _Attempt(is_over=True))

    @property
    def is_crawling(self) -> bool:
        """Whether this process is crawling for it."""
        return not self.attempt.is_over

    def search(self, query: str, scope: Scope, place: PageStart, limit: int) -> Matches:
        """A page of the bases that match a query, best first."""
        return search(self.store, self.speller, query, scope, place=place, limit=limit)


class Mirror:
    """The catalog of one account. Its background tasks run in the given task group."""

    def __init__(
        self,
        api: KorusApi,
        files: CatalogFiles,
        *,
        clock: Clock,
        tasks: TaskGroup,
        language: str | None = None,
        languages: tuple[str, ...] = (),
        copies: SharedCopies | None = None,
    ) -> None:
        """`copies`: where servers of several machines leave what they read for each other."""
        self._api = api
        self._files = files
        self._copies = copies
        self._clock = clock
        self._tasks = tasks
        self._ahead = tuple(dict.fromkeys(canonical(each) or each for each in languages))
        self._flights = Flights(tasks)
        self.languages = Languages(
            api, self._flights, default=language, listed=languages, clock=clock
        )
        self._mirrored: OrderedDict[str, LanguageMirror] = OrderedDict()
        self._attempts: LRUCache[str, _Attempt] = LRUCache(MOST_IN_MEMORY)
        """The last attempt for each mirror that was closed."""
        self._is_reading_ahead = False

    async def ready(self, language: str, watch: Watcher | None = None) -> LanguageMirror:
        """The mirror of a language, as soon as it can answer.

        If it was never filled, this waits until all names are there, or two seconds once some are.

        Raises:
            ApiError: the catalog cannot be fetched, and nothing of it is in the mirror.
        """
        return await self._filled(await self._mirrored_in(language), watch)

    async def beside(self, language: str) -> LanguageMirror | None:
        """The mirror of another language, in which a search looks besides the buyer's own.

        None while the catalog cannot be fetched; a failure is not tried again at each search. Such
        a look does not count as use, so it never makes a recently used mirror close.
        """
        mirrored = await self._mirrored_in(language, is_used=False)
        # A filled mirror is returned at once, even if the last crawl failed.
        is_empty = mirrored.store.fact("listed_at") is None
        if is_empty and self._clock.monotonic() < mirrored.attempt.look_again:
            return None
        with suppress(ApiError), in_time():
            return await _with_details(await self._filled(mirrored, None), None)
        return None

    async def _filled(self, mirrored: LanguageMirror, watch: Watcher | None) -> LanguageMirror:
        attempt = self._renew(mirrored)
        waiting = _Waiting(mirrored, watch)
        # Polled, since another process may be filling the file.
        while mirrored.store.fact("listed_at") is None:
            # Some names are better than none; the answer says that more may follow.
            if waiting.is_over and mirrored.store.has_bases():
                break
            if (failure := attempt.failure) is not None:
                # It is kept with its attempt, so its wait has to shrink as time goes by.
                if failure.retry_after_seconds is not None:
                    wait = attempt.next_try - self._clock.monotonic()
                    failure.retry_after_seconds = max(0.0, wait)
                raise failure
            if attempt.is_over:
                attempt = self._renew(mirrored)
            await waiting.a_little()
        self._read_ahead()
        return mirrored

    async def searchable(self, language: str, watch: Watcher | None = None) -> LanguageMirror:
        """The mirror of a language, after a short wait for details that are still being fetched.

        Raises:
            ApiError: the catalog cannot be fetched, and nothing of it is in the mirror.
        """
        return await _with_details(await self.ready(language, watch), watch)

    async def state(self, language: str) -> State:
        """How complete the mirror of a language is; sends no request."""
        return state_of(await self._mirrored_in(language))

    async def catalogs(self, language: str) -> tuple[CatalogRecord, ...]:
        """The catalogs that may be sold, in the order of the API.

        Raises:
            ApiError: they cannot be fetched.
        """
        return tuple((await self._listed(language)).store.catalogs())

    async def kept_catalogs(self, language: str) -> tuple[CatalogRecord, ...] | None:
        """The catalogs as they were read before, None if they were not; sends no request."""
        store = (await self._mirrored_in(language)).store
        return tuple(store.catalogs()) if store.fact("listed_at") is not None else None

    async def catalog(self, alias: str, language: str) -> CatalogRecord:
        """The catalog with this alias; for an unknown alias the list is fetched again once.

        Raises:
            Refusal: UNKNOWN_ID when no catalog has this alias.
            ApiError: the list cannot be fetched.
        """
        mirrored = await self._listed(language)
        found = _with_alias(mirrored, alias)
        if found is None:
            # The catalog may have been added since the last crawl.
            is_whole = await self._list_anew(mirrored, language)
            found = _with_alias(mirrored, alias)
            if found is None and not is_whole:
                raise Malformed("listCatalogs", Outcome.REFUSED, reason="rows cannot be read")
        if found is None:
            raise _unknown_alias()
        return found

    async def check_alias(self, alias: str, language: str) -> None:
        """Check by what was read before that a catalog has this alias; sends no request.

        Not for a call that is right otherwise: the catalog may have been added since.

        Raises:
            Refusal: UNKNOWN_ID.
        """
        catalogs = await self.kept_catalogs(language)
        if catalogs is not None and alias not in {each.alias for each in catalogs}:
            raise _unknown_alias()

    async def kept(self, handle: Handle, language: str) -> BaseRecord | None:
        """A product base as it was read before, None if it was not; sends no request.

        Not for a call that is right otherwise, as `check_alias`.

        Raises:
            Refusal: UNKNOWN_ID, or NOT_FOUND when a catalog that was read to its end lacks it.
        """
        await self.check_alias(handle.alias, language)
        mirrored = await self._mirrored_in(language)
        catalog, state = _with_alias(mirrored, handle.alias), state_of(mirrored)
        found = mirrored.store.record(catalog.id, handle.id) if catalog is not None else None
        if found is None and state.is_complete and not state.is_partly_unread:
            raise _gone()
        return found

    async def catalog_id(self, alias: str, language: str) -> str:
        """The id of the catalog with this alias.

        Raises:
            Refusal: UNKNOWN_ID.
        """
        return (await self.catalog(alias, language)).id

    async def base(self, handle: Handle, language: str) -> BaseRecord:
        """A product base with its options and products, fetched now unless it is in the mirror.

        Raises:
            Refusal: UNKNOWN_ID, or NOT_FOUND when the base is gone.
            ApiError: it cannot be fetched.
        """
        catalog = await self.catalog(handle.alias, language)
        kept = (await self._mirrored_in(language)).store.record(catalog.id, handle.id)
        return kept if kept is not None else await self.renewed_base(handle, language)

    async def renewed_base(self, handle: Handle, language: str) -> BaseRecord:
        """A product base fetched now: used when the API answered 404 for one of its stored ids.

        Raises:
            Refusal: UNKNOWN_ID, or NOT_FOUND when the base is gone.
            ApiError: it cannot be fetched.
        """
        catalog = await self.catalog(handle.alias, language)
        mirrored = await self._mirrored_in(language)
        try:
            return await self._flights.join(
                ("base", language, handle), partial(mirrored.crawler.read, catalog, handle.id)
            )
        except NotFound:
            raise _gone() from None

    async def bases_like(self, begun: str, language: str, *, limit: int) -> list[Handle]:
        """Bases whose handle begins with this text, else those that a search for it finds.

        Raises:
            ApiError: the catalog cannot be fetched, and nothing of it is in the mirror.
        """
        mirrored = await self.ready(language)
        alias, dot, head = begun.partition(".")
        # "k3f7qa.01" is the beginning of a handle, "lou" the beginning of a word.
        if dot and _with_alias(mirrored, alias) is not None:
            return mirrored.store.handles_beginning(alias, head, limit=limit)
        return [row.handle for row in mirrored.search(begun, Scope(), BEGINNING, limit).rows]

    async def product_name(self, catalog_id: str, product_id: str, language: str) -> str | None:
        """The name of a product with its base, "Base - product"; None when it is gone."""
        mirrored = await self._mirrored_in(language)
        # Mostly stored, so that an order can be shown without a request.
        names = mirrored.store.product_names(catalog_id, product_id)
        if names is not None:
            return full_name(*names)
        product = await self._product(catalog_id, product_id, language)
        if product is None:
            return None
        # The same name as from the mirror: what a person agrees to must not change its name.
        name, base = name_of(product.name), await self._base_of(catalog_id, product, language)
        return name if base is None else full_name(base.name, name)

    async def zone(self, catalog_id: str, product_id: str, language: str) -> tzinfo | None:
        """The time zone of the venue of a product; None when it is not known."""
        record = await self._sold_or_gone(catalog_id, product_id, language)
        return zone_of(record.timezone) if record is not None else None

    async def kept_zone(self, catalog_id: str, product_id: str, language: str) -> tzinfo | None:
        """The same as `zone` by what was read before; sends no request."""
        record = (await self._mirrored_in(language)).store.record_of_product(catalog_id, product_id)
        return zone_of(record.timezone) if record is not None else None

    async def venue(self, catalog_id: str, product_id: str, language: str) -> str | None:
        """The venue of a product with its address, on one line; None when it is not known."""
        record = await self._sold_or_gone(catalog_id, product_id, language)
        place = record.place if record is not None else VenueRecord()
        told = (place.name, place.address, place.city, place.country)
        return ", ".join(part for part in told if part) or None

    async def _sold_or_gone(
        self, catalog_id: str, product_id: str, language: str
    ) -> BaseRecord | None:
        """The base of a product, also of one that is sold no longer; None when it is not known."""
        record = (await self._mirrored_in(language)).store.record_of_product(catalog_id, product_id)
        if record is not None:
            return record
        product = await self._product(catalog_id, product_id, language)
        return await self._base_of(catalog_id, product, language) if product else None

    async def _product(self, catalog_id: str, product_id: str, language: str) -> "Product | None":
        read = partial(self._api.ticketing.get_product, catalog_id, product_id, language=language)
        # Name and zone of a product are asked for side by side.
        with suppress(NotFound):
            return await self._flights.join(("product", language, catalog_id, product_id), read)
        return None

    async def _base_of(
        self, catalog_id: str, product: "Product", language: str
    ) -> BaseRecord | None:
        base_id = id_at_end(product.product_base)
        catalogs = await self.catalogs(language)
        alias = next((c.alias for c in catalogs if c.id == catalog_id), None)
        if alias is None or base_id is None:
            return None
        with suppress(ApiError, Refusal):
            return await self.base(Handle(alias, base_id), language)
        return None

    async def terms_of_sale(
        self, catalog_id: str, product_id: str, language: str
    ) -> tuple[Handle, str] | None:
        """The base of a product and its terms of sale, "" when it has none; None when not known."""
        record = (await self._mirrored_in(language)).store.record_of_product(catalog_id, product_id)
        return None if record is None else (record.handle, record.terms or "")

    async def age_limits(self, catalog_id: str, product_id: str, language: str) -> tuple[str, ...]:
        """What the issuer of a product says of ages, in its own sentences."""
        record = (await self._mirrored_in(language)).store.record_of_product(catalog_id, product_id)
        if record is None:
            return ()
        return record.age_limits

    async def limits_of_sale(
        self, catalog_id: str, product_id: str, language: str
    ) -> tuple[int | None, bool] | None:
        """How many of a product's base one order may hold, None where no limit is stated, and
        whether its issuer may ask who uses each ticket; None when not known.
        """
        record = (await self._mirrored_in(language)).store.record_of_product(catalog_id, product_id)
        if record is None:
            return None
        return value_of(record.max_per_order), record.names_beneficiaries is True

    async def max_per_order(self, base: Handle, language: str) -> int | Unread | None:
        """How many offers of a base one order may hold (T11); None when that is not known."""
        with suppress(ApiError, Refusal):
            mirrored = await self._mirrored_in(language)
            catalog = _with_alias(mirrored, base.alias)
            known = mirrored.store.record(catalog.id, base.id) if catalog is not None else None
            return (known or await self.base(base, language)).max_per_order
        return None

    async def sync(self, language: str, watch: Watcher | None = None) -> bool:
        """Crawl now, however new the copy is. Returns False while another server crawls.

        Raises:
            ApiError: the API fails; what was fetched before is kept.
        """
        return await (await self._mirrored_in(language)).crawler.crawl(watch)

    async def path(self, language: str) -> Path | None:
        """The file of a language; None if the mirror is kept in memory."""
        return (await self._mirrored_in(language)).store.path

    async def progress(self, language: str) -> Progress:
        """The progress of the crawl of a language, by this or another process."""
        return (await self._mirrored_in(language)).store.progress()

    async def clear(self, language: str) -> bool:
        """Empty the mirror of a language; False, and nothing is done, while a server crawls."""
        store = (await self._mirrored_in(language)).store
        with store.sole_crawler() as may_clear:
            if may_clear:
                await to_thread.run_sync(store.clear)
            return may_clear

    def close(self) -> None:
        """Close all files."""
        for mirrored in self._mirrored.values():
            mirrored.store.close()
        self._mirrored.clear()

    async def _mirrored_in(self, language: str, *, is_used: bool = True) -> LanguageMirror:
        """The mirror of a language, or of the default if the language has no mirror of its own."""
        language = self.languages.spoken(language)
        mirrored = self._mirrored.get(language)
        if mirrored is None:
            # Opened once for all callers: two connections that write would block each other.
            opening = partial(self._open, language, is_used=is_used)
            mirrored = await self._flights.join(("open", language), opening)
        if is_used and language in self._mirrored:
            self._mirrored.move_to_end(language)
        return mirrored

    async def _open(self, language: str, *, is_used: bool) -> LanguageMirror:
        mirrored = self._mirrored_on(await self._store(language), language)
        mirrored.attempt = self._attempts.pop(language, mirrored.attempt)
        self._mirrored[language] = mirrored
        # Without use it goes to the least recently used end, which is closed first.
        self._mirrored.move_to_end(language, last=is_used)
        self._make_room(language)
        return mirrored

    def _make_room(self, newest: str | None = None) -> None:
        """Drop the least recently used mirrors. A store closes when nothing refers to it."""
        # More are kept of those in memory, whose content would be lost.
        for has_file, most in ((True, MOST_OPEN), (False, MOST_IN_MEMORY)):
            opened = [
                n for n, s in self._mirrored.items() if (s.store.path is not None) == has_file
            ]
            idle = [n for n in opened if n != newest and not self._mirrored[n].is_crawling]
            for name in idle[: max(0, len(opened) - most)]:
                mirrored = self._mirrored.pop(name)
                # A failure is remembered: opening the file again is no reason to ask the API again.
                self._attempts[name] = mirrored.attempt

    async def _store(self, language: str) -> Store:
        """The store of a language: in its file, or in memory if there can be no file."""
        folder = self._files.folder
        if folder is None:
            return Store(None)
        try:
            return await to_thread.run_sync(Store, folder / self._files.file(language))
        except (OSError, sqlite3.OperationalError) as error:
            _log.warning("the catalog is kept in memory, its file cannot be used: %s", error)
            return Store(None)

    def _mirrored_on(self, store: Store, language: str) -> LanguageMirror:
        allowed = self._files.allowed
        crawler = Crawler(self._api, store, language, self._clock, allowed)
        # Random, so that servers started together do not crawl together each day.
        spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing
        kept_seconds = KEPT_SECONDS * spread
        shared = None
        if self._copies is not None:
            name = self._files.file(language).removesuffix(".sqlite")
            shared = SharedCrawler(crawler, self._copies, name, kept_seconds)
        return LanguageMirror(
            language, store, crawler, Speller(store, self._clock), kept_seconds, shared
        )

    async def _listed(self, language: str) -> LanguageMirror:
        """The mirror of a language with at least its catalogs; their bases may still be missing."""
        mirrored = await self._mirrored_in(language)
        self._renew(mirrored)
        if mirrored.store.fact("listed_at") is None and not mirrored.store.catalogs():
            await self._list_anew(mirrored, language)
        return mirrored

    async def _list_anew(self, mirrored: LanguageMirror, language: str) -> bool:
        return await self._flights.join(("catalogs", language), mirrored.crawler.list_anew)

    def _read_ahead(self) -> None:
        """Fill the operator's other languages, too, once the catalog is used."""
        if not self._is_reading_ahead:
            self._is_reading_ahead = True
            for language in self._ahead:
                self._begin(partial(self._fill, language))

    async def _fill(self, language: str) -> None:
        self._renew(await self._mirrored_in(language, is_used=False))

    def _renew(self, mirrored: LanguageMirror) -> _Attempt:
        """Start a background crawl if one is due. Returns the current or the last attempt."""
        complete_at = mirrored.store.fact("complete_at")
        # `abs` below: a time in the future was stored by a clock that was wrong.
        age = math.inf if complete_at is None else self._clock.now().timestamp() - complete_at
        is_fresh = abs(age) < mirrored.kept_seconds
        # `next_try` also spaces the attempts while the API is down, however many callers there are.
        if mirrored.is_crawling or self._clock.monotonic() < mirrored.attempt.next_try:
            return mirrored.attempt
        if is_fresh and not mirrored.crawler.has_passed_over():
            return mirrored.attempt
        crawl = mirrored.crawler.read_again
        if not is_fresh:
            crawler = mirrored.shared or mirrored.crawler
            crawl = partial(crawler.crawl, now_and_then(self._clock, _log_progress))
        mirrored.attempt = _Attempt()
        self._begin(partial(self._crawl, mirrored, mirrored.attempt, crawl))
        return mirrored.attempt

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin work that the caller does not wait for, and that must not take their turns."""
        with on_behalf_of(None):
            self._tasks.start_soon(kept_apart, work)

    async def _crawl(
        self, mirrored: LanguageMirror, attempt: _Attempt, crawl: Callable[[], Awaitable[bool]]
    ) -> None:
        wait = 0.0
        try:
            if not await crawl():
                wait = OTHERS_SECONDS
        except ApiError as failure:
            _log.warning("the catalog cannot be renewed: %s", failure)
            attempt.failure = failure
            is_there = mirrored.store.fact("listed_at") is not None
            # An empty mirror has nothing to answer with, so the next call tries again at once.
            wait = failure.retry_after_seconds or (RETRY_SECONDS if is_there else 0.0)
        except sqlite3.DatabaseError as failure:
            _log.warning("the catalog's file cannot be written: %s", failure)
            self._rescue(mirrored, failure)
        except Exception:  # noqa: BLE001 - logged; callers who wait for the catalog get an error
            _log.exception("reading the catalog crashed")
            attempt.failure = Malformed("listCatalogs", Outcome.REFUSED, reason="crashed")
            wait = RETRY_SECONDS
        finally:
            attempt.is_over = True
        now = self._clock.monotonic()
        attempt.next_try = now + wait
        if attempt.failure is not None:
            attempt.look_again = now + (wait or RETRY_SECONDS)
        self._make_room()

    def _rescue(self, mirrored: LanguageMirror, failure: sqlite3.DatabaseError) -> None:
        """Go on after a file error: with a new file if it is damaged, else in memory."""
        if is_damage(failure):
            mirrored.store.replace()
            return
        # A full disk, or a read-only folder: the content is copied and still used.
        store = mirrored.store.copied_to_memory()
        rescued = self._mirrored_on(store, mirrored.language)
        mirrored.store, mirrored.crawler, mirrored.speller = store, rescued.crawler, rescued.speller
        mirrored.shared = rescued.shared


@dataclass
class _Waiting:
    """A short wait for a crawl by this or another process; reports its progress to `watch`."""

    mirrored: LanguageMirror
    watch: Watcher | None
    _waited: float = 0.0
    _told: Progress | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is time to answer with what there is."""
        return self._waited >= GRACE_SECONDS

    async def a_little(self) -> None:
        """Wait for a moment."""
        # Polling, since the crawl may be another process's, which cannot notify us.
        await anyio.sleep(LOOK_SECONDS)
        self._waited += LOOK_SECONDS
        if self.watch is None:
            return
        progress = self.mirrored.store.progress()
        if progress != self._told:
            self._told = progress
            await self.watch(progress)


async def _with_details(mirrored: LanguageMirror, watch: Watcher | None) -> LanguageMirror:
    """The mirror, after a short wait for details that are being fetched for the first time."""
    waiting = _Waiting(mirrored, watch)
    while (
        mirrored.is_crawling and mirrored.store.fact("complete_at") is None and not waiting.is_over
    ):
        await waiting.a_little()
    return mirrored


def now_and_then(clock: Clock, tell: Callable[[Progress], None]) -> Watcher:
    """A watcher that tells the progress of a long crawl, at most once in `REPORT_SECONDS`."""
    due = clock.monotonic() + REPORT_SECONDS

    async def watch(progress: Progress) -> None:
        nonlocal due
        now = clock.monotonic()
        if now >= due:
            due = now + REPORT_SECONDS
            tell(progress)

    return watch


def _log_progress(progress: Progress) -> None:
    _log.info("catalog: %d of %d product bases read", progress.done, progress.known)


def state_of(mirrored: LanguageMirror) -> State:
    """How complete a mirror is; sends no request."""
    # `complete_at` is 0 when a crawl is due at once (`Crawler.list_anew`).
    read_at = mirrored.store.fact("complete_at") or mirrored.store.fact("listed_at")
    return State(
        read_at=None if read_at is None else datetime.fromtimestamp(read_at, UTC),
        is_complete=mirrored.store.fact("complete_at") is not None,
        is_stranded=mirrored.attempt.failure is not None,
        is_partly_unread=bool(mirrored.store.fact("unread_rows")),
    )


def full_name(base: str, product: str) -> str:
    """The name of a product with that of its base."""
    return product if product.startswith(base) else f"{base} - {product}"


def _unknown_alias() -> Refusal:
    return Refusal(
        Code.UNKNOWN_ID,
        "No catalog on sale here has ids like this one.",
        "Call search_products and use an id from its answer.",
    )


def _gone() -> Refusal:
    return Refusal(
        Code.NOT_FOUND,
        "This product base does not exist (any more).",
        "Call search_products again; ids change when an issuer re-imports its catalog.",
    )


def _with_alias(mirrored: LanguageMirror, alias: str) -> CatalogRecord | None:
    return next((c for c in mirrored.store.catalogs() if c.alias == alias), None)
