"""The database of the journal: SQLite or PostgreSQL, opened once, with durable transactions.

A transaction is a function that gets a connection. With SQLite it runs in a thread, with a WAL,
synced commits and one writer at a time (`BEGIN IMMEDIATE`); for PostgreSQL see `postgres`. A
transaction that began is finished even if its caller is cancelled. Errors of either database become
`JournalDown`.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import anyio
from anyio import to_thread
from sqlalchemy import URL, create_engine, event, func, insert, select
from sqlalchemy import inspect as inspected
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.database_addresses import (
    ServerAddress,
    is_file_address,
    read_server_address,
)
from korus_mcp.foundation.private_files import check_ours, private_database
from korus_mcp.journal.faults import down, fault_of, is_over_limit
from korus_mcp.journal.locks import NO_LOCKS, Locks
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.journal.tables import META, METADATA, MIGRATIONS, SERVERS_MOMENT, VERSION, Step

if TYPE_CHECKING:
    from korus_mcp.journal.postgres import Server

_Thing = TypeVar("_Thing")
Work: TypeAlias = Callable[[Connection], _Thing]
"""The function of a transaction. It may be called twice, so it must change only the database."""

APPLICATION_ID: Final = int.from_bytes(b"KMjr")
"""Stands in the header of a journal's file. A database with another id belongs to another program
and is left alone.
"""
BUSY_SECONDS: Final = 5
_VERSION_ROW: Final = "version"
_IS_VERSION: Final = META.c.name == _VERSION_ROW
_OPENING_LOCK: Final = 0x6B6F727573  # "korus": the lock for creating and migrating tables


AT_THE_END: Final[Mapping[str, bool]] = {"at_the_end": True}
"""The option of a statement whose result nobody needs: a server gets it together with the COMMIT of
its transaction, in order. It costs no round trip, and what it locks is free again before anybody
could wait for us. In a file it runs at once.
"""


class OverLimit(Exception):
    """What a transaction counted passes its limit, which its table keeps: nothing was written."""


class Database:
    """One journal database; nothing is opened before the first transaction."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._address = _read(url)
        self._clock = clock
        self._connections: _Connections | None = None
        self._opening = anyio.Lock()

    def elsewhere(self, url: str) -> "Database":
        """A database at another address, with the same clock; it is not opened yet."""
        return Database(url, clock=self._clock)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, which is a file."""
        return isinstance(self._address, URL)

    def now(self, connection: Connection) -> datetime:
        """The time by a clock that all users of the database share: machine's or server's."""
        if self.is_sqlite:
            return self._clock.now()
        return connection.execute(select(SERVERS_MOMENT)).scalar_one()

    @property
    def own_now(self) -> datetime | None:
        """The time that a statement needs to be told; None where its server knows it."""
        return self._clock.now() if self.is_sqlite else None

    def lock(self, connection: Connection, names: Iterable[str]) -> None:
        """Take further locks within a transaction, alone."""
        if not self.is_sqlite:
            for key, _ in Locks(frozenset(names)).keys:
                connection.execute(select(func.pg_advisory_xact_lock(key)))

    async def run(
        self,
        work: Work[_Thing],
        *,
        writes: bool,
        begins: bool = False,
        is_one: bool = False,
        locks: Locks = NO_LOCKS,
    ) -> _Thing:
        """Run a transaction and return its result. What it writes is then durable; if it raises,
        nothing was written. If it only reads, all rows are of one moment.

        `is_one`: the work reads, by one statement. A server is told that alone: it is of one moment
        anyway, and a beginning and an end would be two round trips more.

        `begins`: a call to the API follows, so another process must be able to find the journal.
        With SQLite this checks that the path still leads to the opened file. Without `begins` the
        open file is used even if it has been deleted, so that calls under way can be finished.

        Raises:
            JournalDown: The journal cannot be used, or another process would not find it.
            OverLimit: A limit that a table keeps would be passed.
        """
        try:
            # Finished even if the caller is cancelled: else nobody would know what was committed.
            with anyio.CancelScope(shield=True):
                connections = self._connections or await self._open()
                given = {"begins": begins, "is_one": is_one}
                answer = await connections.run(work, writes=writes, locks=locks, **given)
        except IntegrityError as error:
            if is_over_limit(error):
                raise OverLimit from None
            raise down(error) from None
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise down(error) from None
        return answer

    async def close(self) -> None:
        """Close the connections."""
        connections, self._connections = self._connections, None
        if connections is not None:
            with anyio.CancelScope(shield=True):
                await connections.close()

    def take_turns(self, connection: Connection) -> None:
        """Wait until nobody else creates tables or accounts; SQLite has only one writer anyway."""
        if not self.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_OPENING_LOCK)))

    async def _open(self) -> "_Connections":
        async with self._opening:
            if self._connections is None:
                self._connections = await self._opened()
            return self._connections

    async def _opened(self) -> "_Connections":
        if not isinstance(self._address, URL):
            return await _server(self._address, self._made)
        if self._address.database == ":memory:":
            connections: _File | _Memory = _Memory(self._address)
        else:
            connections = _File(self._address)
            await connections.prepare(self._clock)
        try:
            await connections.run(self._made, writes=True)
        except BaseException:
            # Connections are closed even when opening was cancelled.
            await connections.close()
            raise
        return connections

    def _made(self, connection: Connection) -> None:
        self.take_turns(connection)
        make_tables(connection)


class _File:
    """SQLite, whose calls block: each transaction is one call in a thread."""

    def __init__(self, url: URL) -> None:
        self._path = Path(_there(url.database))
        # Parameters are hidden: errors would write owners and amounts into the log.
        self._engine = create_engine(url, connect_args=_SQLITE, hide_parameters=True)
        event.listen(self._engine, "connect", _sync_commits)
        # SQLite creates a missing file: such a second journal would know of no order.
        event.listen(self._engine, "do_connect", self._check_same)
        self._file: tuple[int, int] | None = None
        self._keeps_wal = False
        self._threads = anyio.CapacityLimiter(_THREADS)
        self._is_closed = False
        # SQLite has one writer at a time; readers of a WAL need not wait.
        self._in_turn = anyio.Lock()

    async def prepare(self, clock: Clock) -> None:
        """Create the file and switch it to WAL.

        SQLite does not wait for another process that switches at the same moment, so we do.
        """
        # Only its owner may use a new journal; SQLite gives its other files the same mode.
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_database(self._path)
        self._file = self._found()
        last = clock.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._keeps_wal = await self._in_thread(partial(_turn_to_wal, self._engine))
            except (DBAPIError, sqlite3.Error) as error:
                if fault_of(error) is not JournalFault.BUSY or clock.monotonic() > last:
                    await self.close()
                    raise
                # Not by the injected clock: the other process runs in real time.
                await anyio.sleep(0.05)
            else:
                return

    async def run(
        self,
        work: Work[_Thing],
        *,
        writes: bool,
        begins: bool = False,
        is_one: bool = False,
        locks: Locks = NO_LOCKS,
    ) -> _Thing:
        """Run the work and return its result; with a WAL a reader waits for nobody.

        Writers of this process wait for each other here, since SQLite would let them poll.
        """
        del is_one, locks

        def in_one_go() -> _Thing:
            self._check_index()
            if begins:
                self._check_found()
            with self._engine.begin() as connection:
                for statement in _TO_WRITE if writes else _TO_READ:
                    connection.exec_driver_sql(statement)
                return work(connection)

        async with self._in_turn if writes else nullcontext():
            # Without this flag a disposed engine would open the file again.
            if self._is_closed:
                raise JournalDown(JournalFault.UNREACHABLE)
            return await self._in_thread(in_one_go)

    def _check_found(self) -> None:
        """Check that another process finds this file: an open file can outlive its name.

        Raises:
            JournalDown: GONE, the path leads to another file, or to none.
        """
        self._check_same()
        # Both files belong to the WAL; if they were deleted, SQLite would go on in nameless ones.
        if self._keeps_wal and not all(self._beside(s).exists() for s in ("-wal", "-shm")):
            raise JournalDown(JournalFault.GONE)

    def _check_index(self) -> None:
        """Check that the index of the WAL was not truncated: SQLite maps it into memory, and an
        access behind its end would kill the process.
        """
        with suppress(FileNotFoundError):
            if self._keeps_wal and self._beside("-shm").stat().st_size == 0:
                raise JournalDown(JournalFault.GONE)

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)

    def _check_same(self, *connecting: object) -> None:
        """Check that the path leads to the opened file; connecting would create a new one."""
        del connecting
        # By device and inode: a file restored from a backup is another one, and lacks our orders.
        if self._file is not None and self._found() != self._file:
            raise JournalDown(JournalFault.GONE)

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    async def close(self) -> None:
        """Close the connections after the current writer is done; waiting ones are refused."""
        async with self._in_turn:
            self._is_closed = True
            await self._in_thread(self._engine.dispose)

    async def _in_thread(self, work: Callable[[], _Thing]) -> _Thing:
        return await to_thread.run_sync(work, limiter=self._threads)


class _Memory:
    """SQLite in memory: one connection, which ends with the process."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url, poolclass=StaticPool, connect_args=_SQLITE, hide_parameters=True
        )

    async def run(
        self,
        work: Work[_Thing],
        *,
        writes: bool,
        begins: bool = False,
        is_one: bool = False,
        locks: Locks = NO_LOCKS,
    ) -> _Thing:
        """Run the work and return its result; nothing is awaited, so each has its turn alone."""
        del writes, begins, is_one, locks
        with self._engine.begin() as connection:
            connection.exec_driver_sql("BEGIN")
            return work(connection)

    async def close(self) -> None:
        """Close the connection, and forget everything."""
        self._engine.dispose()


_Connections: TypeAlias = "_File | _Memory | Server"


def _sync_commits(connection: sqlite3.Connection, record: object) -> None:
    """Have SQLite sync each commit to the disk before it returns."""
    del record
    # With NORMAL, a WAL loses the last commits when the power fails: an order could be forgotten.
    connection.execute("PRAGMA synchronous = FULL")


def _turn_to_wal(engine: Engine) -> bool:
    """Switch the file to WAL. Returns False where its file system cannot do that."""
    with engine.connect() as connection:
        # Checked first: switching to WAL writes into the file.
        check_ours(_driver_of(connection), APPLICATION_ID, known_by=META.name)
        mode: object = connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar_one()
        return mode == "wal"


def make_tables(
    connection: Connection,
    version: int = VERSION,
    migrations: Mapping[int, Sequence[Step]] = MIGRATIONS,
) -> None:
    """Create the tables, or migrate older ones to this version.

    Raises:
        JournalDown: NEWER, the tables are of a later version.
    """
    _mark(connection)
    found = version_of(connection)
    if found is None:
        METADATA.create_all(connection)
        connection.execute(insert(META).values(name=_VERSION_ROW, value=str(version)))
        return
    if found > version:
        raise JournalDown(JournalFault.NEWER)
    # In the same transaction as the look: of two servers that start, the second finds it done.
    for step in range(found + 1, version + 1):
        for each in migrations[step]:
            _migrate(connection, each)
    if found < version:
        connection.execute(META.update().where(_IS_VERSION).values(value=str(version)))


def version_of(connection: Connection) -> int | None:
    """The version of the tables; None where there are none."""
    if not inspected(connection).has_table(META.name):
        return None
    return int(connection.execute(select(META.c.value).where(_IS_VERSION)).scalar_one())


def _migrate(connection: Connection, step: Step) -> None:
    if callable(step):
        step(connection)
    else:
        statement = step if isinstance(step, str) else step[connection.dialect.name]
        connection.exec_driver_sql(statement)


def _driver_of(connection: Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection | None = connection.connection.driver_connection
    return _there(driver)


def _mark(connection: Connection) -> None:
    """Write our application id into the header of a SQLite file.

    Journals of older versions have no id; they are recognised by one of our tables.
    """
    if connection.dialect.name != "sqlite":
        return
    check_ours(_driver_of(connection), APPLICATION_ID, known_by=META.name)
    if connection.exec_driver_sql("PRAGMA application_id").scalar_one() != APPLICATION_ID:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


_TO_READ: Final = ("BEGIN",)
_TO_WRITE: Final = ("PRAGMA shrink_memory", "BEGIN IMMEDIATE")
"""Statements before a writer's work. Shrinking drops cached pages, so that it reads the file and
notices if that was damaged."""
_THREADS: Final = 5  # as many as the pool keeps connections, so that nobody waits in a thread
# No isolation level: else Python's driver would begin transactions by itself, deferred ones.
_SQLITE: Final = {"isolation_level": None, "timeout": BUSY_SECONDS}


def _read(address: str) -> URL | ServerAddress:
    """The address of the database; an error does not repeat the password."""
    try:
        if is_file_address(address):
            return make_url(address).set(drivername="sqlite")
        return read_server_address(address)
    except (ArgumentError, ValueError):
        raise JournalDown(JournalFault.ADDRESS) from None


async def _server(address: ServerAddress, work: Work[None]) -> "Server":
    try:
        from korus_mcp.journal.postgres import Server  # its driver need not be installed
    except ModuleNotFoundError:
        raise JournalDown(JournalFault.NO_DRIVER) from None
    return await Server.opened(address, work)


def _there(value: _Thing | None) -> _Thing:
    """Return the value. Raises JournalDown for None, such as the path of an address without one."""
    if value is None:
        raise JournalDown(JournalFault.ADDRESS)
    return value
