"""Copies of catalogs that the servers of one journal leave for each other in its database.

All of it can be read from the API again, and nothing that books looks at it. So the tables are no
part of the journal's version: the first server that needs them makes them, an older server beside
it never sees them, and they can be dropped at any time. A journal in a file has none, as its
servers share the files of their catalogs. Times are seconds since 1970.
"""

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any, Final, TypeVar

from anyio import to_thread

from korus_mcp.foundation.database_addresses import ServerAddress
from korus_mcp.foundation.published import Claim, PublishedCopy
from korus_mcp.journal.locks import key_of
from korus_mcp.journal.records import JournalFault

LEASE_SECONDS: Final = 30.0
"""How long a crawl counts as under way after its server said so last."""
CLAIM_SECONDS: Final = 10.0
MOVE_SECONDS: Final = 120.0
"""The longest that a whole copy may be on its way to the database, or from it."""
MOST_BYTES: Final = 256 * 1024 * 1024
"""The largest file that is published, before it is compressed."""
KEPT_SECONDS: Final = 7 * 24 * 3600
"""What nobody renewed for so long belongs to a language or a version that is used no longer."""
_Thing = TypeVar("_Thing")
_Work = Callable[[Any], Awaitable[_Thing]]

# The server's: that of a machine may be wrong, and a lease would then have no end.
_NOW: Final = "CAST(EXTRACT(epoch FROM clock_timestamp()) AS DOUBLE PRECISION)"
_MAKING: Final = (
    f"SELECT pg_advisory_xact_lock({key_of('tables of copies')})",
    "CREATE TABLE IF NOT EXISTS korus_copy (name TEXT NOT NULL, complete_at DOUBLE PRECISION,"
    " size BIGINT NOT NULL, digest TEXT NOT NULL, published_at DOUBLE PRECISION NOT NULL,"
    " PRIMARY KEY (name))",
    "CREATE TABLE IF NOT EXISTS korus_copy_part (name TEXT NOT NULL REFERENCES korus_copy"
    " ON DELETE CASCADE, number INTEGER NOT NULL, content BYTEA NOT NULL,"
    " PRIMARY KEY (name, number))",
    # It is compressed already.
    "ALTER TABLE korus_copy_part ALTER COLUMN content SET STORAGE EXTERNAL",
    "CREATE TABLE IF NOT EXISTS korus_copy_crawl (name TEXT NOT NULL, worker TEXT NOT NULL,"
    " ends_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (name))",
)
_WITHIN: Final = (
    "SET LOCAL lock_timeout = '5s'",
    "SET LOCAL idle_in_transaction_session_timeout = '10s'",
    # A copy that is lost is read anew, so nobody waits for a disk or a standby.
    "SET LOCAL synchronous_commit = off",
)
_BEGIN: Final = "; ".join(("BEGIN ISOLATION LEVEL READ COMMITTED", *_WITHIN))
_BEGIN_TO_READ: Final = "; ".join(("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", *_WITHIN))
_COMMIT: Final = "COMMIT"
_CLAIMED: Final = f"""
    INSERT INTO korus_copy_crawl AS there (name, worker, ends_at) VALUES ($1, $2, {_NOW} + $3)
    ON CONFLICT (name) DO UPDATE SET worker = excluded.worker, ends_at = excluded.ends_at
    WHERE there.worker = excluded.worker OR there.ends_at <= {_NOW}
    OR there.ends_at > excluded.ends_at RETURNING TRUE
"""  # noqa: S608 - constants; a lease that ends later than ours would is from before a clock moved
_GIVEN_BACK: Final = "DELETE FROM korus_copy_crawl WHERE name = $1 AND worker = $2"
_FOUND: Final = "SELECT complete_at, size, digest FROM korus_copy WHERE name = $1"
_PART: Final = "SELECT content FROM korus_copy_part WHERE name = $1 AND number = $2"
_PUBLISHED: Final = f"""
    INSERT INTO korus_copy AS there (name, complete_at, size, digest, published_at)
    VALUES ($1, $2, $3, $4, {_NOW}) ON CONFLICT (name) DO UPDATE SET size = excluded.size,
    complete_at = excluded.complete_at, digest = excluded.digest,
    published_at = excluded.published_at WHERE there.complete_at IS NULL
    OR there.complete_at < excluded.complete_at OR there.complete_at > {_NOW} + 86400
    RETURNING TRUE
"""  # noqa: S608 - constants; a time that is still to come was written by a clock that was wrong
_NO_PARTS: Final = "DELETE FROM korus_copy_part WHERE name = $1"
_PART_ADDED: Final = "INSERT INTO korus_copy_part (name, number, content) VALUES ($1, $2, $3)"
_OLD: Final = f"""
    DELETE FROM korus_copy WHERE name IN (SELECT name FROM korus_copy
    WHERE published_at < {_NOW} - $1 FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - constants


class CatalogCopies:
    """The copies of one database, for one server. Each call has a connection of its own.

    Any may raise ConnectionError: it cannot be done now, and the text says why.
    """

    def __init__(self, address: ServerAddress, *, most_bytes: int = MOST_BYTES) -> None:
        self._address = address
        self._worker = secrets.token_hex(8)
        self.lease_seconds, self.most_bytes = LEASE_SECONDS, most_bytes

    async def claim(self, name: str) -> Claim:
        """Claim the crawl of a catalog unless another server does it now, or go on with ours. The
        claim ends by itself after `lease_seconds`.
        """

        async def work(connection: Any) -> Claim:
            await connection.execute(_BEGIN)
            lease = (name, self._worker, self.lease_seconds)
            is_ours = await connection.fetchval(_CLAIMED, *lease) is not None
            # Behind the claim: what its last holder published is seen by the next one.
            published = await _found(connection, name)
            await connection.execute(_COMMIT)
            return Claim(is_ours, published)

        return await self._run(work, seconds=CLAIM_SECONDS)

    async def give_back(self, name: str) -> None:
        """End our claim, so that another server need not wait for its end."""

        async def work(connection: Any) -> None:
            await connection.execute(_BEGIN)
            await connection.execute(_GIVEN_BACK, name, self._worker)
            await connection.execute(_COMMIT)

        await self._run(work, seconds=CLAIM_SECONDS)

    async def fetch(
        self, name: str, put: Callable[[bytes], Awaitable[None]]
    ) -> PublishedCopy | None:
        """Hand the parts of a copy to `put`, in order. Returns what it is; None: there is none."""

        async def work(connection: Any) -> PublishedCopy | None:
            await connection.execute(_BEGIN_TO_READ)
            published = await _found(connection, name)
            number = 0
            while (part := await connection.fetchval(_PART, name, number)) is not None:
                await put(part)
                number += 1
            await connection.execute(_COMMIT)
            return published

        return await self._run(work, seconds=MOVE_SECONDS)

    async def publish(
        self,
        name: str,
        *,
        complete_at: float | None,
        size: int,
        digest: str,
        read: Callable[[], Awaitable[bytes]],
    ) -> bool:
        """Put a copy in the place of the former one, in one transaction. `read` returns its next
        part, and nothing once there is none. Returns False where a newer one is there already.
        """

        async def work(connection: Any) -> bool:
            await connection.execute(_BEGIN)
            told = (name, complete_at, size, digest)
            if await connection.fetchval(_PUBLISHED, *told) is None:
                return False
            await connection.execute(_NO_PARTS, name)
            number = 0
            while part := await read():
                await connection.execute(_PART_ADDED, name, number, part)
                number += 1
            await connection.execute(_OLD, float(KEPT_SECONDS))
            await connection.execute(_COMMIT)
            return True

        return await self._run(work, seconds=MOVE_SECONDS)

    async def _run(self, work: _Work[_Thing], *, seconds: float) -> _Thing:
        try:
            # In a thread: the import takes a quarter of a second.
            driver = await to_thread.run_sync(import_module, "korus_mcp.journal.postgres")
        except ModuleNotFoundError:
            raise ConnectionError(JournalFault.NO_DRIVER) from None
        run = partial(driver.run_apart, self._address, seconds=seconds)
        try:
            return await run(work)  # type: ignore[no-any-return]
        except driver.NoTable:
            await run(_made)
        try:
            return await run(work)  # type: ignore[no-any-return]
        except driver.NoTable:  # somebody drops them all the time, or they are made out of sight
            raise ConnectionError(JournalFault.NO_RIGHT) from None


async def _found(connection: Any, name: str) -> PublishedCopy | None:
    row = await connection.fetchrow(_FOUND, name)
    return None if row is None else PublishedCopy(*row)


async def _made(connection: Any) -> None:
    """Make the tables."""
    await connection.execute(_BEGIN)
    for statement in _MAKING:
        await connection.execute(statement)
    await connection.execute(_COMMIT)
