"""The crawl: fetches the catalog into the mirror's file, names first, details after.

One server crawls at a time. A crawl that was stopped is continued by the next one. A catalog whose
`lastSyncedAt` did not change is not fetched again. A base that fails is passed over and tried again
later, a catalog that fails is left to the next attempt; the others are fetched all the same. And
nothing that fails is taken for gone: a list with missing or unreadable rows only adds to what is
known, removes nothing, and is fetched again within minutes.
"""

import logging
import math
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import anyio
from anyio import to_thread

from korus_mcp.api import ApiError, KorusApi, Malformed, NotFound, Outcome, Unauthorized, errors
from korus_mcp.catalog.bases import BaseRecord, CatalogRecord
from korus_mcp.catalog.index import FIRST_RETRY_SECONDS, ListedCatalog
from korus_mcp.catalog.parsing import name_of, read_record
from korus_mcp.catalog.store import Progress, Scope, Store
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import aliases_of
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.unread import value_of

if TYPE_CHECKING:
    from korus_mcp.api import Catalog, Pages

CRAWLERS: Final = 8
MOST_CATALOGS: Final = 1000
MOST_BASES: Final = 50_000
"""The most bases of one catalog; further ones are not sold here."""
MOST_IN_A_ROW: Final = 2 * CRAWLERS
"""After how many failed bases in a row it is checked whether the API answers at all."""
AGAIN_AT_ONCE: Final = 64
NAMES_AT_ONCE: Final = 50
RECORDS_AT_ONCE: Final = 64
TELL_SECONDS: Final = 0.5
CLOCKS_APART: Final = timedelta(days=1)
"""How far the time of an import may lie ahead of this machine's clock."""
_OF_A_BASE = (errors.BadRequest, errors.Forbidden, Malformed, errors.TooLarge, errors.Unprocessable)
"""Failures that concern one base only, not the whole API."""
_OF_THE_API = (errors.RateLimited, errors.TokenRefused, errors.TokenUnavailable, errors.Unreachable)
"""Failures that every further request would have, too: they end a crawl."""
_log = logging.getLogger(__name__)


Watcher: TypeAlias = Callable[[Progress], Awaitable[None]]
Step: TypeAlias = Callable[[], Awaitable[None]]


@dataclass
class Crawler:
    """Keeps the file of one language up to date. `allowed` are aliases of catalogs; None is all."""

    api: KorusApi
    store: Store
    language: str
    clock: Clock
    allowed: tuple[str, ...] | None = None

    async def crawl(self, watch: Watcher | None = None) -> bool:
        """Fetch what is new. Returns False, without fetching, while another server crawls.

        Raises:
            ApiError: the API fails; what was fetched before is kept.
        """
        with self.store.sole_crawler() as may_crawl:
            if may_crawl:
                await self.fetch(watch)
            return may_crawl

    async def read_again(self) -> bool:
        """Try again the lists and bases that failed and are due. Returns False, without fetching,
        while another server crawls.

        Raises:
            ApiError: the API fails.
        """
        with self.store.sole_crawler() as may_crawl:
            if may_crawl:
                run = _Run(self._last_run(), self.store, self.clock)
                # A list that was only partly readable is fetched again with all that is new in it.
                if self.store.is_list_due(self._now()):
                    await self._read_lists(run)
                else:
                    await self._read_passed_over(run)
            return may_crawl

    def has_passed_over(self) -> bool:
        """Whether there are lists or bases that failed and are due for another try."""
        now = self._now()
        return self.store.is_list_due(now) or bool(self.store.passed_over(now, limit=1))

    async def read(self, catalog: CatalogRecord, base_id: str) -> BaseRecord:
        """Fetch one base now and store it as a crawl does; a disabled one is not stored.

        Raises:
            NotFound: the base is gone; it is removed from the file, too.
            ApiError: it cannot be fetched.
        """
        try:
            record = await read_record(self.api.ticketing, catalog, base_id, self.language)
        except NotFound:
            await to_thread.run_sync(self.store.drop_base, catalog.id, base_id)
            raise
        if record.is_disabled:
            await to_thread.run_sync(self.store.drop_base, catalog.id, base_id)
            return record
        run = self._last_run()
        try:
            await to_thread.run_sync(self.store.put_records, [record], run)
            if record.is_partly_unread:
                await self._pass_over(catalog, base_id, run)
        except sqlite3.OperationalError as error:
            _log.warning("a product base could not be kept: %s", error)
        return record

    async def list_anew(self) -> bool:
        """Fetch the list of catalogs, without their bases; if it changed, the next crawl is due.

        Returns False when a part of the list could not be parsed.

        Raises:
            ApiError: the list cannot be fetched.
        """
        catalogs, unread = await self._list_catalogs()
        listed, known = {c.record.id for c in catalogs}, self._known()
        # A catalog missing from the list may be in one of its unreadable rows.
        if listed == known.keys() or (unread and listed <= known.keys()):
            return not unread
        await to_thread.run_sync(self.store.put_catalogs, catalogs, unread)
        if self.store.fact("complete_at") is not None:
            # 0 means due at once: the bases of the new catalogs are still to be fetched. What
            # another server read before does not have them.
            await self._note(complete_at=0.0, changed_at=self._now())
        return not unread

    def _last_run(self) -> int:
        """The number of the last crawl that began; 0 before the first."""
        return int(self.store.fact("run") or 0)

    def _now(self) -> float:
        return self.clock.now().timestamp()

    def _known(self) -> dict[str, str]:
        """The aliases of the catalogs in the file, by catalog id."""
        return {c.id: c.alias for c in self.store.catalogs()}

    async def fetch(self, watch: Watcher | None = None, on_names: Step | None = None) -> None:
        """Fetch what is new; whoever calls this is the sole crawler. `on_names` is awaited once all
        names are there, and details are still to be fetched.

        Raises:
            ApiError: the API fails; what was fetched before is kept.
        """
        number = self._last_run()
        # A run that was stopped before its end is continued.
        if not number or self.store.fact("complete_run") == number:
            number += 1
            await self._note(run=float(number))
        await self._read_lists(_Run(number, self.store, self.clock, watch, on_names))
        await self._note(complete_at=self._now(), complete_run=float(number))

    async def _read_lists(self, run: "_Run") -> None:
        """Fetch all that is new. For lists with unreadable rows it is stored how many there are and
        when the lists are fetched again.
        """
        listed, unlisted = await self._list_catalogs()
        await to_thread.run_sync(self.store.put_catalogs, listed, unlisted)
        # A catalog that was not imported again has the same bases: they are not fetched.
        changed = [c for c in listed if not self.store.is_current(c)]
        names = [partial(self._names_or_failure, c, run) for c in changed]
        read = await side_by_side(names, limit=CRAWLERS)
        unread = {c.record.id: n for c, n in zip(changed, read, strict=True) if isinstance(n, int)}
        named = [c for c in changed if c.record.id in unread]
        failure = next((each for each in read if isinstance(each, ApiError)), None)
        # Not one catalog could be fetched: the API itself fails.
        if failure is not None and not named:
            raise failure
        # From here on a search has all names; details follow.
        await self._note(listed_at=self._now())
        if run.on_names is not None:
            await run.on_names()
        # Only what this run has not fetched: a stopped crawl goes on where it was.
        to_do = [(c.record, i) for c in named for i in self.store.to_do(c.record.id, run.number)]
        failed = await self._read_details(to_do, run)
        if failed is not None:
            raise failed
        # A crawl is the best moment to try again: the API answers.
        await self._read_passed_over(run)
        for catalog in named:
            catalog_id = catalog.record.id
            # A catalog with unreadable rows counts as changed at the next crawl.
            synced = None if unread[catalog_id] else catalog.synced
            await to_thread.run_sync(self.store.finish_details, catalog_id, run.number, synced)
        count = unlisted + sum(unread.values())
        await to_thread.run_sync(self.store.note_unread, count, self._now())
        if failure is not None:
            # The other catalogs are stored; the next attempt goes on with this one.
            raise failure

    async def _read_passed_over(self, run: "_Run") -> None:
        bases = self.store.passed_over(self._now(), limit=AGAIN_AT_ONCE)
        await self._read_details(bases, run)

    async def _names_or_failure(self, catalog: ListedCatalog, run: "_Run") -> int | ApiError:
        """Fetch the names of a catalog. Returns how many could not be parsed, or a failure that
        concerns this catalog only.
        """
        try:
            return await self._read_names(catalog, run)
        except _OF_THE_API:
            raise
        except ApiError as failure:
            # Some issuers answer 401 where they mean that this one catalog is forbidden.
            if isinstance(failure, Unauthorized):
                await self._ask_whether_it_is_there()
            _log.warning("a catalog cannot be read, the others are: %s", failure)
            return failure

    async def _list_catalogs(self) -> tuple[list[ListedCatalog], int]:
        """The catalogs that could be parsed, and how many rows of their list could not."""
        pages = self.api.ticketing.list_catalogs(language=self.language)
        found = await pages.all(MOST_CATALOGS)
        if len(found) > MOST_CATALOGS:
            _log.warning("there are more than %d catalogs; the others are left out", MOST_CATALOGS)
        listed = {c.id: c for c in found[:MOST_CATALOGS] if is_id(c.id)}
        kept = self._known()
        odd = sum(not is_id(c.id) for c in found)
        unread = await self._unread(pages, odd=odd, read=len(listed), has_kept=bool(kept))
        if not unread:
            kept = {}
        # As long as rows are unreadable, known aliases stay as they are: handles begin with them.
        aliases = {i: alias for alias, i in aliases_of({*listed, *kept}).items()} | kept
        catalogs = [
            ListedCatalog(
                CatalogRecord(id=catalog_id, alias=aliases[catalog_id], name=name_of(catalog.name)),
                self._synced(catalog),
            )
            for catalog_id, catalog in sorted(listed.items())
            if self.allowed is None or aliases[catalog_id] in self.allowed
        ]
        return catalogs, unread

    async def _unread(
        self, pages: "Pages[Any]", *, odd: int, read: int, has_kept: bool, of: str | None = None
    ) -> int:
        """How many rows of a fetched list could not be parsed, the `odd` ones with an unusable id
        included.

        It is the list of the bases `of` a catalog, or the list of catalogs. A list that was not
        empty before and is now counts as one unreadable row, until it was empty twice, a minute
        apart: a server that is being filled has an empty list for a moment.

        Raises:
            Malformed: the list has rows, and none of them could be parsed.
        """
        operation = "listProductBases" if of else "listCatalogs"
        unread = pages.unreadable + pages.missing + odd
        if unread and not read:
            raise Malformed(operation, Outcome.REFUSED, reason="no row of a list can be read")
        if unread:
            _log.warning("%d rows of %s cannot be read; nothing is dropped", unread, operation)
        name = f"empty_at {of}" if of else "empty_at"
        empty_at = self.store.fact(name)
        if unread or read or not has_kept:
            if empty_at is not None:
                await self._note(**{name: None})
            return unread
        now = self._now()
        if empty_at is not None and now - empty_at >= FIRST_RETRY_SECONDS:
            return 0
        # A time in the future was stored by a clock that was wrong.
        if empty_at is None or empty_at > now:
            await self._note(**{name: now})
        _log.warning("%s is empty now; it is read again before that is believed", operation)
        return 1

    def _synced(self, catalog: "Catalog") -> str | None:
        """When a catalog was imported last; None for a time in the future, which must be wrong."""
        synced = value_of(catalog.last_synced_at)
        if synced is None or synced > self.clock.now() + CLOCKS_APART:
            return None
        return synced.isoformat()

    async def _read_names(self, catalog: ListedCatalog, run: "_Run") -> int:
        """Fetch the names of a catalog. Returns how many rows of the list could not be parsed."""
        catalog_id = catalog.record.id
        if self.store.has_names(catalog_id, run.number, catalog.synced):
            return 0
        # A stopped crawl may have stored names of an earlier import.
        await to_thread.run_sync(self.store.begin_names, catalog_id, run.number, catalog.synced)
        found: list[tuple[str, str]] = []
        count = odd = read = 0
        bases = self.api.ticketing.list_product_bases(catalog_id, language=self.language)
        async for base in bases:
            read += is_id(base.id)
            # A disabled base is not sold, so its id need not be usable.
            odd += not base.disabled and not is_id(base.id)
            if base.disabled or not is_id(base.id):
                continue
            found.append((base.id, name_of(base.name)))
            count += 1
            if len(found) == NAMES_AT_ONCE:
                await to_thread.run_sync(self.store.put_names, catalog_id, run.number, found)
                found = []
                await run.tell()
            if count >= MOST_BASES:
                _log.warning("a catalog has more than %d product bases", MOST_BASES)
                break
        await to_thread.run_sync(self.store.put_names, catalog_id, run.number, found)
        has_kept = self.store.total(Scope(catalog_id)) > 0
        unread = await self._unread(bases, odd=odd, read=read, has_kept=has_kept, of=catalog_id)
        if not unread:
            await to_thread.run_sync(self.store.finish_names, catalog_id, run.number)
        return unread

    async def _read_details(
        self, bases: Sequence[tuple[CatalogRecord, str]], run: "_Run"
    ) -> ApiError | None:
        """Fetch the details of bases, several at a time; bases that fail are passed over.

        Returns None if any base could be fetched, or if the failures concern single bases only;
        else one of the failures.

        Raises:
            ApiError: the API itself fails.
        """
        # One iterator for all tasks: a free task takes the next base.
        batch, to_do = _Batch(run), iter(bases)
        steps = [partial(self._read_some, to_do, batch) for _ in range(CRAWLERS)]
        try:
            await side_by_side(steps, limit=CRAWLERS)
        finally:
            # Even if the crawl is cancelled, what was fetched is stored.
            with anyio.CancelScope(shield=True):
                await batch.write()
        return None if batch.has_any else batch.failure

    async def _read_some(self, to_do: Iterator[tuple[CatalogRecord, str]], batch: "_Batch") -> None:
        for catalog, base_id in to_do:
            try:
                record = await read_record(self.api.ticketing, catalog, base_id, self.language)
            except NotFound:
                await to_thread.run_sync(self.store.drop_base, catalog.id, base_id)
            except _OF_THE_API:
                raise
            except _OF_A_BASE:
                await self._pass_over(catalog, base_id, batch.run.number)
            except Unauthorized:  # some issuers answer 401 where this one base is forbidden
                await self._ask_whether_it_is_there()
                await self._pass_over(catalog, base_id, batch.run.number)
            except ApiError as failure:
                await self._pass_over(catalog, base_id, batch.run.number)
                await self._doubt(failure, batch)
            except Exception:  # noqa: BLE001 - logged; one broken base must not stop the others
                _log.exception("a product base cannot be read")
                await self._pass_over(catalog, base_id, batch.run.number)
            else:
                batch.in_a_row, batch.has_any = 0, True
                if record.is_disabled:
                    await to_thread.run_sync(self.store.drop_base, catalog.id, base_id)
                    continue
                if record.is_partly_unread:
                    await self._pass_over(catalog, base_id, batch.run.number)
                await batch.add(record)

    async def _pass_over(self, catalog: CatalogRecord, base_id: str, run: int) -> None:
        await to_thread.run_sync(self.store.pass_over, catalog.id, base_id, run, self._now())

    async def _doubt(self, failure: ApiError, batch: "_Batch") -> None:
        """Count a failure that may concern one base only, or the whole API.

        Raises:
            ApiError: many bases in a row failed, and the API does not answer at all.
        """
        batch.failure = failure
        batch.in_a_row += 1
        # One request more tells a broken base from an API that is down.
        if batch.in_a_row % MOST_IN_A_ROW == 0:
            await self._ask_whether_it_is_there()

    async def _ask_whether_it_is_there(self) -> None:
        """Check that the API answers at all.

        Raises:
            ApiError: It does not, so the failures do not concern single bases or catalogs.
        """
        await self.api.ticketing.list_catalogs(language=self.language).page()

    async def _note(self, **facts: float | None) -> None:
        await to_thread.run_sync(partial(self.store.put_facts, **facts))


@dataclass
class _Batch:
    """Collects records, to write many of them in one transaction."""

    run: "_Run"
    has_any: bool = False
    """Whether any base could be fetched."""
    in_a_row: int = 0
    failure: ApiError | None = None
    """The last failure that may concern one base or the whole API."""
    _records: list[BaseRecord] = field(default_factory=list)

    async def add(self, record: BaseRecord) -> None:
        """Add a record; write all of them when there are enough."""
        self._records.append(record)
        # A transaction for each base would take longer than fetching it.
        if len(self._records) >= RECORDS_AT_ONCE:
            await self.write()

    async def write(self) -> None:
        """Write the records that were added."""
        records, self._records = self._records, []
        if records:
            await to_thread.run_sync(self.run.store.put_records, records, self.run.number)
            await self.run.tell()


@dataclass
class _Run:
    """One run of the crawl. It reports its progress to a watcher twice a second at most, since
    counting takes time, too.
    """

    number: int
    store: Store
    clock: Clock
    watch: Watcher | None = None
    on_names: Step | None = None
    _due: float = -math.inf

    async def tell(self) -> None:
        """Report the progress, unless that was done a moment ago."""
        now = self.clock.monotonic()
        if self.watch is not None and now >= self._due:
            self._due = now + TELL_SECONDS
            await self.watch(self.store.progress())
