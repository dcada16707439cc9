"""One crawl for all servers of an account that have a database in common, each with its own files.

The server whose copy is due first claims the crawl, for some seconds at a time, and publishes its
file when it is done; the others take that over. Who has nothing yet gets the names as soon as they
are all there. Nothing here is needed: where the database fails, each server crawls by itself.
"""

import hashlib
import logging
import math
import sqlite3
import tempfile
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Final, Protocol

import anyio
from anyio import to_thread

from korus_mcp.catalog.crawl import CLOCKS_APART, Crawler, Watcher
from korus_mcp.catalog.file import is_damage
from korus_mcp.catalog.store import Store
from korus_mcp.foundation import private_files
from korus_mcp.foundation.published import Claim, PublishedCopy

PART_BYTES: Final = 1024 * 1024
LOOK_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 120.0
"""How long a server that cannot answer at all waits for another one's names."""
_LEVEL: Final = 6
_log = logging.getLogger(__name__)


class SharedCopies(Protocol):
    """Where servers leave their copies of catalogs for each other, by names that tell account,
    catalogs, language and version of the file. Any call may raise ConnectionError.

    A file of more than `most_bytes` is not shared: each server reads such a catalog by itself.
    """

    lease_seconds: float
    most_bytes: int

    async def claim(self, name: str) -> Claim:
        """Claim the crawl unless another server does it, or go on with ours for `lease_seconds`."""

    async def give_back(self, name: str) -> None:
        """End our claim."""

    async def fetch(
        self, name: str, put: Callable[[bytes], Awaitable[None]]
    ) -> PublishedCopy | None:
        """Hand the parts of a copy to `put`, in order. Returns what it is; None: there is none."""

    async def publish(
        self,
        name: str,
        *,
        complete_at: float | None,
        size: int,
        digest: str,
        read: Callable[[], Awaitable[bytes]],
    ) -> bool:
        """Put a copy in the place of the former one, as a whole or not at all. `read` returns its
        next part, and nothing once there is none. Returns False where a newer one is there.
        """


@dataclass
class SharedCrawler:
    """Keeps the file of one language up to date, by what other servers read or by a crawl."""

    crawler: Crawler
    copies: SharedCopies
    name: str
    kept_seconds: float
    _unusable: str | None = None
    """The digest of a copy that was damaged."""

    async def crawl(self, watch: Watcher | None = None) -> bool:
        """Take over what another server read, or fetch what is new and publish it. Returns False,
        and does nothing, while another process crawls for this file.

        Raises:
            ApiError: the API fails; what was fetched before is kept.
        """
        with self._store.sole_crawler() as may_crawl:
            if may_crawl:
                await self._renew(watch)
            return may_crawl

    @property
    def _store(self) -> Store:
        return self.crawler.store

    async def _renew(self, watch: Watcher | None) -> None:
        try:
            if await self._is_taken_over():
                return
        except ConnectionError as failure:
            _log.warning("the catalog is read here alone, the journal shares none: %s", failure)
            await self.crawler.fetch(watch)
            await self._publish()
            return
        # Who has an old copy has all the details of that, too.
        on_names = self._publish if self._store.fact("complete_at") is None else None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_claim)
                await self.crawler.fetch(watch, on_names)
                await self._publish()
                tasks.cancel_scope.cancel()
        except ExceptionGroup as failed:
            await self._give_back()
            raise failed.exceptions[0] from None
        # A server that stops does not come here: the claim ends by itself.
        await self._give_back()

    async def _is_taken_over(self) -> bool:
        """Whether another server's copy makes a crawl needless. While another server crawls, this
        waits for what becomes of it.

        Raises:
            ConnectionError: they cannot be shared now.
        """
        waited = 0.0
        while True:
            claim = await self.copies.claim(self.name)
            if claim.published is not None and self._is_newer(claim.published):
                await self._take_over(claim.published)
                if self._is_fresh():
                    if claim.is_ours:
                        await self._give_back()
                    return True
            if claim.is_ours or self._is_alone(claim.published, waited):
                return False
            await anyio.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS

    def _is_newer(self, published: PublishedCopy) -> bool:
        """Whether a copy is newer than ours, and can be used."""
        if published.digest in ("", self._unusable):
            return False
        if published.complete_at is None:
            return self._store.fact("listed_at") is None
        latest = self._now() + CLOCKS_APART.total_seconds()
        # What a wrong clock wrote is older than all that a right one did.
        ours = (at for at in (self._fact("complete_at"), self._fact("changed_at")) if at <= latest)
        return max(ours, default=-math.inf) < published.complete_at <= latest

    def _is_fresh(self) -> bool:
        return abs(self._now() - self._fact("complete_at")) < self.kept_seconds

    def _is_alone(self, published: PublishedCopy | None, waited: float) -> bool:
        """Whether there is nothing to wait for, though another server crawls."""
        if published is not None and not published.digest:
            return True
        return self._store.fact("listed_at") is None and waited >= PATIENCE_SECONDS

    def _fact(self, name: str) -> float:
        value = self._store.fact(name)
        return -math.inf if value is None else value

    def _now(self) -> float:
        return self.crawler.clock.now().timestamp()

    async def _keep_claim(self) -> None:
        """Say again and again that we crawl."""
        while True:
            await anyio.sleep(self.copies.lease_seconds / 3)
            try:
                await self.copies.claim(self.name)
            except ConnectionError as failure:
                _log.debug("another server may begin to crawl, too: %s", failure)

    async def _give_back(self) -> None:
        try:
            await self.copies.give_back(self.name)
        except ConnectionError as failure:
            _log.debug("a claim ends by itself: %s", failure)

    async def _take_over(self, published: PublishedCopy) -> None:
        """Put a published copy in the place of ours, unless it is damaged.

        Raises:
            ConnectionError: it cannot be read now.
        """
        try:
            with _scratch(self._store.path, "taken") as file:
                with file.open("wb") as opened:
                    unpacking = _Unpacking(opened, self.copies.most_bytes)
                    found = await self.copies.fetch(self.name, unpacking.put)
                    if found is None or found.digest != published.digest:
                        return  # another one took its place meanwhile
                    unpacking.check(found)
                await to_thread.run_sync(self._store.take_over, file)
        except ConnectionError:
            raise
        except (OSError, ValueError, zlib.error) as failure:
            self._unusable = published.digest
            _log.warning("a copy of the catalog that another server read is not used: %s", failure)
        else:
            _log.info("a copy of the catalog that another server read was taken over")

    async def _publish(self) -> None:
        """Publish our copy. Where that fails the others read the catalog by themselves.

        Raises:
            sqlite3.DatabaseError: our file is damaged.
        """
        complete_at = self._store.fact("complete_at")
        try:
            with _scratch(self._store.path, "published") as file:
                await to_thread.run_sync(self._store.write_copy, file)
                size = file.stat().st_size
                is_shared = size <= self.copies.most_bytes
                if not is_shared:
                    _log.warning("the catalog is too large to be shared: %d bytes", size)
                with file.open("rb") as opened:
                    packing = _Packing(opened)
                    digest = await to_thread.run_sync(packing.digest) if is_shared else ""
                    await self.copies.publish(
                        self.name,
                        complete_at=complete_at,
                        size=size,
                        digest=digest,
                        read=packing.read if is_shared else _nothing,
                    )
        except sqlite3.DatabaseError as failure:
            if is_damage(failure):
                raise
            _log.warning("the catalog is not shared with other servers: %s", failure)
        except OSError as failure:
            _log.warning("the catalog is not shared with other servers: %s", failure)


async def _nothing() -> bytes:
    return b""


class _Packing:
    """Reads a file as parts of at most `PART_BYTES`, compressed; never all of it is in memory."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._compress = zlib.compressobj(_LEVEL)
        self._kept = b""
        self._is_read = False

    def digest(self) -> str:
        """The SHA-256 of the file."""
        digest = hashlib.file_digest(self._file, "sha256").hexdigest()
        self._file.seek(0)
        return digest

    async def read(self) -> bytes:
        """The next part; nothing once there is none."""
        return await to_thread.run_sync(self._next)

    def _next(self) -> bytes:
        while len(self._kept) < PART_BYTES and not self._is_read:
            if raw := self._file.read(PART_BYTES):
                self._kept += self._compress.compress(raw)
            else:
                self._kept += self._compress.flush()
                self._is_read = True
        part, self._kept = self._kept[:PART_BYTES], self._kept[PART_BYTES:]
        return part


class _Unpacking:
    """Writes the parts that `_Packing` made into a file, as they come."""

    def __init__(self, file: IO[bytes], most_bytes: int) -> None:
        self._file = file
        self._most_bytes = most_bytes
        self._decompress = zlib.decompressobj()
        self._digest = hashlib.sha256()
        self._size = 0

    async def put(self, part: bytes) -> None:
        """Write the next part.

        Raises:
            ValueError, zlib.error: it is no part of a copy.
            OSError: it cannot be written.
        """
        await to_thread.run_sync(self._put, part)

    def _put(self, part: bytes) -> None:
        while part:
            raw = self._decompress.decompress(part, PART_BYTES)
            part = self._decompress.unconsumed_tail
            self._size += len(raw)
            # A few bytes can unfold to very many.
            if self._size > self._most_bytes or self._decompress.unused_data:
                raise ValueError("it is longer than a copy can be")
            self._digest.update(raw)
            self._file.write(raw)

    def check(self, published: PublishedCopy) -> None:
        """Check that all of this copy was written, and nothing else.

        Raises:
            ValueError: it is another one, or a damaged one.
        """
        self._file.flush()
        if (self._size, self._digest.hexdigest()) != (published.size, published.digest):
            raise ValueError("it is damaged")


@contextmanager
def _scratch(path: Path | None, suffix: str) -> Iterator[Path]:
    """An empty private file beside a mirror's for as long as the block lasts; if there is none, in
    a folder for such files. Whoever has it is the sole crawler, so one name is enough.

    Raises:
        OSError: it cannot be made.
    """
    with ExitStack() as at_the_end:
        if path is None:
            folder = at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="korus-mcp-"))
            path = Path(folder) / "catalog.sqlite"
        file = path.with_suffix(f".{suffix}")
        # What a killed server left is in the way.
        _remove(file)
        at_the_end.callback(_remove, file)
        private_files.write_new(file, b"")
        yield file


def _remove(file: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
