"""The database of the journal: opened once, its transactions durable, its errors in one language.

SQLite: WAL, every commit synced, writers one after the other (`BEGIN IMMEDIATE`). PostgreSQL: every
commit synchronous. A transaction that began is carried through when its caller goes away.
"""

import logging
import os
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
from sqlalchemy import URL, BigInteger, ColumnElement, cast, event, func, insert, literal, select
from sqlalchemy import inspect as inspected
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from korus_mcp.clock import Clock
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.journal.tables import META, METADATA, MIGRATIONS, VERSION, Moment

_log = logging.getLogger(__name__)
_Thing = TypeVar("_Thing")

BUSY_SECONDS: Final = 5
ANSWER_SECONDS: Final = 10
_WRITES: Final = "korus_writes"
_ONE_SNAPSHOT: Final = {"isolation_level": "REPEATABLE READ"}
"""What a transaction reads fits together; SQLite's readers have that by themselves."""
_VERSION_ROW: Final = "version"
_OPENING_LOCK: Final = 0x6B6F727573  # "korus": whoever makes or migrates the tables


class Database:
    """One journal database; nothing is opened before the first transaction."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._url = _driven(make_url(url))
        self._clock = clock
        self._engine: AsyncEngine | None = None
        self._writer: AsyncEngine | None = None
        self._opening = anyio.Lock()
        self._in_turn = anyio.Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self._url.get_backend_name() == "sqlite"

    def now(self) -> ColumnElement[datetime]:
        """The moment, by the clock all its users share."""
        if self.is_sqlite:
            return literal(self._clock.now(), Moment)
        seconds = func.extract("epoch", func.clock_timestamp())
        return cast(cast(seconds * 1_000_000, BigInteger), Moment)

    async def moment(self, connection: AsyncConnection) -> datetime:
        """The same moment as a value; on SQLite nobody need be asked."""
        if self.is_sqlite:
            return self._clock.now()
        found: datetime = (await connection.execute(select(self.now()))).scalar_one()
        return found

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that only reads.

        Raises:
            JournalDown: It cannot be read.
        """
        with anyio.CancelScope(shield=True):
            try:
                await self._open()
                async with _there(self._engine).connect() as connection:
                    yield connection
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                raise _down(error) from None

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that writes, durable at its end; with an exception nothing was written.

        Raises:
            JournalDown: It cannot be written.
        """
        with anyio.CancelScope(shield=True):
            try:
                await self._open()
                async with self._turn(), _there(self._writer).begin() as connection:
                    yield connection
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                raise _down(error) from None

    async def close(self) -> None:
        """Close its connections."""
        engine, self._engine, self._writer = self._engine, None, None
        if engine is not None:
            with anyio.CancelScope(shield=True):
                await engine.dispose()

    async def take_turns(self, connection: AsyncConnection) -> None:
        """Wait until nobody else makes tables or accounts; a SQLite writer is alone anyway."""
        if not self.is_sqlite:
            await connection.execute(select(func.pg_advisory_xact_lock(_OPENING_LOCK)))

    def _turn(self) -> AbstractAsyncContextManager[object]:
        """Writers of one process wait here and not in SQLite, which wakes them by polling."""
        return self._in_turn if self.is_sqlite else nullcontext()

    async def _open(self) -> None:
        if self._engine is not None:
            return
        async with self._opening:
            if self._engine is None:
                await self._opened()

    async def _opened(self) -> None:
        if self.is_sqlite:
            _make_file(Path(_there(self._url.database)))
        engine = self._connected()
        try:
            if self.is_sqlite:
                await self._turned_to_wal(engine)
            reader = engine if self.is_sqlite else engine.execution_options(**_ONE_SNAPSHOT)
            writer = engine.execution_options(**{_WRITES: True})
            async with writer.begin() as connection:
                await self._made(connection)
        except BaseException:
            await engine.dispose()
            raise
        self._engine, self._writer = reader, writer

    def _connected(self) -> AsyncEngine:
        try:
            if not self.is_sqlite:
                return create_async_engine(
                    self._url, connect_args=_POSTGRES, pool_pre_ping=True, hide_parameters=True
                )
            engine = create_async_engine(self._url, connect_args=_SQLITE, hide_parameters=True)
        except ModuleNotFoundError:
            raise JournalDown(JournalFault.NO_DRIVER) from None
        event.listen(engine.sync_engine, "connect", _set_up)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine

    async def _turned_to_wal(self, engine: AsyncEngine) -> None:
        """SQLite does not wait for another process that does the same at this moment; we do."""
        last = self._clock.monotonic() + BUSY_SECONDS
        while True:
            try:
                async with engine.connect() as connection:
                    raw = await connection.get_raw_connection()
                    await _there(raw.driver_connection).execute("PRAGMA journal_mode = WAL")
            except (DBAPIError, sqlite3.Error) as error:
                if _fault(error) is not JournalFault.BUSY or self._clock.monotonic() > last:
                    raise
                await anyio.sleep(0.05)
            else:
                return

    async def _made(self, connection: AsyncConnection) -> None:
        await self.take_turns(connection)
        await connection.run_sync(make_tables)


def make_tables(
    connection: Connection,
    version: int = VERSION,
    migrations: Mapping[int, Sequence[str]] = MIGRATIONS,
) -> None:
    """Make the tables, or bring older ones to this version.

    Raises:
        JournalDown: NEWER, they are of a later version.
    """
    there = inspected(connection).has_table(META.name)
    if not there:
        METADATA.create_all(connection)
        connection.execute(insert(META).values(name=_VERSION_ROW, value=str(version)))
        return
    row = META.c.name == _VERSION_ROW
    found = int(connection.execute(select(META.c.value).where(row)).scalar_one())
    if found > version:
        raise JournalDown(JournalFault.NEWER)
    for step in range(found + 1, version + 1):
        for statement in migrations[step]:
            connection.exec_driver_sql(statement)
    if found < version:
        connection.execute(META.update().where(row).values(value=str(version)))


_SQLITE: Final = {"isolation_level": None, "timeout": BUSY_SECONDS}
_POSTGRES: Final = {
    "timeout": BUSY_SECONDS,
    "command_timeout": ANSWER_SECONDS,
    "server_settings": {
        "application_name": "korus-mcp",
        "synchronous_commit": "on",
        "idle_in_transaction_session_timeout": "10s",  # a host that vanished must not keep others
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
        "lock_timeout": f"{BUSY_SECONDS}s",
    },
}


def _driven(url: URL) -> URL:
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite+aiosqlite")
    mode = url.query.get("sslmode")  # as libpq calls it
    if mode is not None:
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return url.set(drivername="postgresql+asyncpg")


def _make_file(path: Path) -> None:
    """A new journal is its owner's alone; SQLite gives its other files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _set_up(connection: Any, record: object) -> None:
    del record
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _down(error: Exception) -> JournalDown:
    """The error in the journal's language; its cause, which holds no data, is for the log."""
    fault = _fault(error)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    _log.error("the journal does not work: %s (%s, %s)", fault.value, type(cause).__name__, code)
    return JournalDown(fault)


def _fault(error: BaseException) -> JournalFault:
    """Why a database failed: SQLite tells by its code, PostgreSQL by its SQLSTATE."""
    if isinstance(error, PoolTimeout):
        return JournalFault.BUSY
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _sqlite_fault(code)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return next((f for prefix, f in _BY_STATE if state.startswith(prefix)), _OTHERWISE)
    if isinstance(
        cause, PermissionError | FileNotFoundError | NotADirectoryError | FileExistsError
    ):
        return JournalFault.UNWRITABLE
    if isinstance(cause, sqlite3.Error | SQLAlchemyError) and not _is_connection(error):
        return _OTHERWISE
    return JournalFault.UNREACHABLE


def _is_connection(error: BaseException) -> bool:
    """A PostgreSQL connection that broke, or never came about, carries no SQLSTATE."""
    return (
        isinstance(error, DBAPIError)
        and type(error).__name__
        in (
            "InterfaceError",
            "OperationalError",
        )
        and not isinstance(error.orig, sqlite3.Error)
    )


def _sqlite_fault(code: int) -> JournalFault:
    if code in _WRITE_FAILED:
        return JournalFault.FULL
    return _BY_CODE.get(code & 0xFF, _OTHERWISE)


_OTHERWISE: Final = JournalFault.DAMAGED
_WRITE_FAILED: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
    }
)
_BY_CODE: Final = {
    sqlite3.SQLITE_BUSY: JournalFault.BUSY,
    sqlite3.SQLITE_LOCKED: JournalFault.BUSY,
    sqlite3.SQLITE_CANTOPEN: JournalFault.UNWRITABLE,
    sqlite3.SQLITE_READONLY: JournalFault.UNWRITABLE,
    sqlite3.SQLITE_PERM: JournalFault.UNWRITABLE,
    sqlite3.SQLITE_IOERR: JournalFault.UNWRITABLE,
}
_BY_STATE: Final = (
    ("53100", JournalFault.FULL),
    ("53", JournalFault.BUSY),
    ("55P03", JournalFault.BUSY),
    ("57014", JournalFault.BUSY),
    ("40", JournalFault.BUSY),
    ("25P0", JournalFault.BUSY),
    ("25006", JournalFault.UNWRITABLE),
    ("42501", JournalFault.UNWRITABLE),
    ("08", JournalFault.UNREACHABLE),
    ("28", JournalFault.UNREACHABLE),
    ("3D", JournalFault.UNREACHABLE),
    ("57", JournalFault.UNREACHABLE),
)


def _there(value: _Thing | None) -> _Thing:
    """What an open database has."""
    if value is None:
        raise JournalDown(JournalFault.UNREACHABLE)
    return value
