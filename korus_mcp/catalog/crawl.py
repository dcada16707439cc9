"""The crawl: reads the catalog into the mirror's file, names first, details after.

One server crawls at a time. What a killed crawl has read stays read: the next one goes on where it
stopped. A catalog whose `lastSyncedAt` did not move is not read again. What cannot be read keeps
nothing else away: a base is passed over and tried again later, a catalog by the next attempt.
"""

import logging
import math
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import anyio
from anyio import to_thread

from korus_mcp.api import (
    ApiError,
    BadRequest,
    Forbidden,
    KorusApi,
    Malformed,
    NotFound,
    RateLimited,
    TokenRefused,
    TokenUnavailable,
    TooLarge,
    Unauthorized,
    Unprocessable,
    Unreachable,
)
from korus_mcp.catalog.reading import name_of, read_record
from korus_mcp.catalog.records import BaseRecord, CatalogRecord
from korus_mcp.catalog.store import ListedCatalog, Progress, Store
from korus_mcp.clock import Clock
from korus_mcp.flights import side_by_side
from korus_mcp.handles import aliases_of, is_id
from korus_mcp.told import value_of

if TYPE_CHECKING:
    from korus_mcp.api import Catalog

CRAWLERS: Final = 8
MOST_CATALOGS: Final = 1000
MOST_BASES: Final = 50_000
"""Of one catalog: what is beyond is not on sale here."""
MOST_IN_A_ROW: Final = 2 * CRAWLERS
"""After so many bases that could not be read, it is asked whether the API is there at all."""
AGAIN_AT_ONCE: Final = 64
NAMES_AT_ONCE: Final = 50
RECORDS_AT_ONCE: Final = 64
TELL_SECONDS: Final = 0.5
CLOCKS_APART: Final = timedelta(days=1)
"""So far the moment of an import may lie ahead of this machine's clock."""
_OF_ONE_BASE: Final = (BadRequest, Forbidden, Malformed, TooLarge, Unprocessable)
"""Failures that say something of one base, and nothing of the API."""
_OF_THE_API: Final = (RateLimited, TokenRefused, TokenUnavailable, Unreachable)
"""Failures that every further request would have, too: they end a crawl."""


_log = logging.getLogger(__name__)
Watcher: TypeAlias = Callable[[Progress], Awaitable[None]]


class Pace:
    """So many requests a second at most, after a burst; None is as fast as it goes."""

    def __init__(self, clock: Clock, per_second: float | None, burst: int = 20) -> None:
        self._clock = clock
        self._gap = 1 / per_second if per_second else 0.0
        self._burst_seconds = burst * self._gap
        self._due = clock.monotonic() - self._burst_seconds

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = self._clock.monotonic()
        self._due = max(self._due, now - self._burst_seconds) + self._gap
        if self._due > now:
            await self._clock.sleep(self._due - now)


class Crawler:
    """Keeps the file of one language up to date."""

    def __init__(
        self,
        api: KorusApi,
        store: Store,
        *,
        language: str,
        clock: Clock,
        pace: Pace,
        allowed: tuple[str, ...] | None = None,
    ) -> None:
        self._api = api
        self._store = store
        self._language = language
        self._clock = clock
        self._pace = pace
        self._allowed = allowed

    async def crawl(self, watch: Watcher | None = None) -> bool:
        """Read what is new; False when another server is at it.

        Raises:
            ApiError: the API cannot be read; what was read is kept.
        """
        with self._store.sole_crawler() as may_crawl:
            if may_crawl:
                await self._crawl(_Telling(self._store, self._clock, watch))
            return may_crawl

    async def read_again(self) -> bool:
        """Try the passed over bases whose time has come; False when another server is at it.

        Raises:
            ApiError: the API cannot be read.
        """
        with self._store.sole_crawler() as may_crawl:
            if may_crawl:
                run = int(self._store.fact("run") or 0)
                await self._read_passed_over(run, _Telling(self._store, self._clock, None))
            return may_crawl

    def has_passed_over(self) -> bool:
        """Whether there are such bases now."""
        return bool(self._store.passed_over(self._clock.now().timestamp(), limit=1))

    async def read(self, catalog: CatalogRecord, base_id: str) -> BaseRecord:
        """One base, now, kept like those of a crawl; a disabled one is told and not kept.

        Raises:
            NotFound: it is gone; it is forgotten here too.
            ApiError: it cannot be read.
        """
        try:
            record = await read_record(self._api.ticketing, catalog, base_id, self._language)
        except NotFound:
            await to_thread.run_sync(self._store.drop_base, catalog.id, base_id)
            raise
        if record.is_disabled:
            await to_thread.run_sync(self._store.drop_base, catalog.id, base_id)
            return record
        run = int(self._store.fact("run") or 0)
        try:
            await to_thread.run_sync(self._store.put_records, [record], run)
        except sqlite3.OperationalError as error:
            _log.warning("a product base could not be kept: %s", error)
        return record

    async def list_anew(self) -> None:
        """Read the list of catalogs, without their bases; the next crawl is due when it changed.

        Raises:
            ApiError: it cannot be read.
        """
        listed = await self._list_catalogs()
        if {c.record.id for c in listed} == {c.id for c in self._store.catalogs()}:
            return
        await to_thread.run_sync(self._store.put_catalogs, listed)
        if self._store.fact("complete_at") is not None:
            await self._note(complete_at=0.0)

    async def _crawl(self, telling: "_Telling") -> None:
        run = await self._begin()
        listed = await self._list_catalogs()
        await to_thread.run_sync(self._store.put_catalogs, listed)
        changed = [c for c in listed if self._has_changed(c)]
        names = [partial(self._names_or_failure, c, run, telling) for c in changed]
        failures = await side_by_side(names, limit=CRAWLERS)
        named = [c for c, failure in zip(changed, failures, strict=True) if failure is None]
        failure = next(filter(None, failures), None)
        if failure is not None and not named:
            raise failure
        await self._note(listed_at=self._clock.now().timestamp())
        to_do = [(c.record, i) for c in named for i in self._store.to_do(c.record.id, run)]
        failed = await self._read_details(to_do, run, telling)
        if failed is not None:
            raise failed
        await self._read_passed_over(run, telling)
        for catalog in named:
            await to_thread.run_sync(
                self._store.finish_details, catalog.record.id, run, catalog.synced
            )
        if failure is not None:
            raise failure  # the others are there; the next attempt goes on with this catalog
        now = self._clock.now().timestamp()
        await self._note(complete_at=now, complete_run=float(run))

    async def _read_passed_over(self, run: int, telling: "_Telling") -> None:
        now = self._clock.now().timestamp()
        await self._read_details(self._store.passed_over(now, limit=AGAIN_AT_ONCE), run, telling)

    async def _names_or_failure(
        self, catalog: ListedCatalog, run: int, telling: "_Telling"
    ) -> ApiError | None:
        """Read the names of a catalog; the failure that is its own."""
        try:
            await self._read_names(catalog, run, telling)
        except _OF_THE_API:
            raise
        except ApiError as failure:
            if isinstance(failure, Unauthorized):
                await self._ask_whether_it_is_there()
            _log.warning("a catalog cannot be read, the others are: %s", failure)
            return failure
        return None

    async def _begin(self) -> int:
        """The run that was not finished, else a new one."""
        run = int(self._store.fact("run") or 0)
        if run and self._store.fact("complete_run") != run:
            return run
        await self._note(run=float(run + 1))
        return run + 1

    async def _list_catalogs(self) -> list[ListedCatalog]:
        await self._pace.turn()
        pages = self._api.ticketing.list_catalogs(language=self._language)
        found = await pages.all(MOST_CATALOGS)
        if len(found) > MOST_CATALOGS:
            _log.warning("there are more than %d catalogs; the others are left out", MOST_CATALOGS)
        known = {c.id: c for c in found[:MOST_CATALOGS] if is_id(c.id)}
        return [
            ListedCatalog(
                CatalogRecord(id=catalog_id, alias=alias, name=name_of(known[catalog_id].name)),
                self._synced(known[catalog_id]),
            )
            for alias, catalog_id in aliases_of(known).items()
            if self._allowed is None or alias in self._allowed
        ]

    def _synced(self, catalog: "Catalog") -> str | None:
        """When a catalog was imported; a moment that is still to come says nothing of that."""
        synced = value_of(catalog.last_synced_at)
        if synced is None or synced > self._clock.now() + CLOCKS_APART:
            return None
        return synced.isoformat()

    def _has_changed(self, catalog: ListedCatalog) -> bool:
        synced, _, details_run = self._store.catalog_state(catalog.record.id)
        return not details_run or synced is None or synced != catalog.synced

    async def _read_names(self, catalog: ListedCatalog, run: int, telling: "_Telling") -> None:
        catalog_id = catalog.record.id
        if self._store.has_names(catalog_id, run, catalog.synced):
            return
        await to_thread.run_sync(self._store.begin_names, catalog_id, run, catalog.synced)
        found: list[tuple[str, str]] = []
        count = 0
        bases = self._api.ticketing.list_product_bases(catalog_id, language=self._language)
        async for base in bases:
            if base.disabled or not is_id(base.id):
                continue
            found.append((base.id, name_of(base.name)))
            count += 1
            if len(found) == NAMES_AT_ONCE:
                await to_thread.run_sync(self._store.put_names, catalog_id, run, found)
                found = []
                await telling.tell()
                await self._pace.turn()
            if count >= MOST_BASES:
                _log.warning("a catalog has more than %d product bases", MOST_BASES)
                break
        await to_thread.run_sync(self._store.put_names, catalog_id, run, found)
        await to_thread.run_sync(self._store.finish_names, catalog_id, run)

    async def _read_details(
        self, bases: Sequence[tuple[CatalogRecord, str]], run: int, telling: "_Telling"
    ) -> ApiError | None:
        """Read bases, side by side; those that cannot be read are passed over.

        The failure of one where none could be read, and nothing says that it is their own.

        Raises:
            ApiError: it is the API that cannot be read.
        """
        batch, to_do = _Batch(self._store, run, telling), iter(bases)
        steps = [partial(self._read_some, to_do, batch) for _ in range(CRAWLERS)]
        try:
            await side_by_side(steps, limit=CRAWLERS)
        finally:
            with anyio.CancelScope(shield=True):
                await batch.write()
        return None if batch.has_any else batch.failure

    async def _read_some(self, to_do: Iterator[tuple[CatalogRecord, str]], batch: "_Batch") -> None:
        for catalog, base_id in to_do:
            await self._pace.turn()
            await self._pace.turn()
            try:
                record = await read_record(self._api.ticketing, catalog, base_id, self._language)
            except NotFound:
                await to_thread.run_sync(self._store.drop_base, catalog.id, base_id)
            except _OF_THE_API:
                raise
            except _OF_ONE_BASE:
                await self._pass_over(catalog, base_id, batch)
            except Unauthorized:  # some answer so where they mean that this one is forbidden
                await self._ask_whether_it_is_there()
                await self._pass_over(catalog, base_id, batch)
            except ApiError as failure:
                await self._pass_over(catalog, base_id, batch)
                await self._doubt(failure, batch)
            except Exception:  # noqa: BLE001 - logged; a base nobody can read must not keep the others away
                _log.exception("a product base cannot be read")
                await self._pass_over(catalog, base_id, batch)
            else:
                batch.in_a_row, batch.has_any = 0, True
                if record.is_disabled:
                    await to_thread.run_sync(self._store.drop_base, catalog.id, base_id)
                else:
                    await batch.add(record)

    async def _pass_over(self, catalog: CatalogRecord, base_id: str, batch: "_Batch") -> None:
        now = self._clock.now().timestamp()
        await to_thread.run_sync(self._store.pass_over, catalog.id, base_id, batch.run, now)

    async def _doubt(self, failure: ApiError, batch: "_Batch") -> None:
        """Note a failure of which nobody knows whether it is that of one base.

        Raises:
            ApiError: there were many in a row, and the API does not answer at all.
        """
        batch.failure = failure
        batch.in_a_row += 1
        if batch.in_a_row % MOST_IN_A_ROW == 0:
            await self._ask_whether_it_is_there()

    async def _ask_whether_it_is_there(self) -> None:
        """Whether the API answers at all.

        Raises:
            ApiError: It does not: what failed was not the fault of one base or catalog.
        """
        await self._pace.turn()
        await self._api.ticketing.list_catalogs(language=self._language).page()

    async def _note(self, **facts: float) -> None:
        await to_thread.run_sync(partial(self._store.put_facts, **facts))


class _Batch:
    """Records that are written together: one durable write for many."""

    def __init__(self, store: Store, run: int, telling: "_Telling") -> None:
        self.run = run
        self.has_any = False
        """Whether any base could be read."""
        self.in_a_row = 0
        self.failure: ApiError | None = None
        """The last of those that may be of one base or of the API."""
        self._store = store
        self._telling = telling
        self._records: list[BaseRecord] = []

    async def add(self, record: BaseRecord) -> None:
        """Take a record; write when there are enough."""
        self._records.append(record)
        if len(self._records) >= RECORDS_AT_ONCE:
            await self.write()

    async def write(self) -> None:
        """Write what was taken."""
        records, self._records = self._records, []
        if records:
            await to_thread.run_sync(self._store.put_records, records, self.run)
            await self._telling.tell()


class _Telling:
    """Tells a watcher how far a crawl is, twice a second at most: counting costs, too."""

    def __init__(self, store: Store, clock: Clock, watch: Watcher | None) -> None:
        self._store = store
        self._clock = clock
        self._watch = watch
        self._due = -math.inf

    async def tell(self) -> None:
        """Tell when it is time."""
        now = self._clock.monotonic()
        if self._watch is not None and now >= self._due:
            self._due = now + TELL_SECONDS
            await self._watch(self._store.progress())
