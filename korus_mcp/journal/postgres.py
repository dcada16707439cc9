"""A journal on PostgreSQL, over the async driver.

What a transaction needs of its connection is set within it, in the same message as its BEGIN: a
pooler between us and the server refuses start-up parameters or ignores them, and gives the
connection to somebody else once the transaction is over.
"""

import logging
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

import asyncpg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection

from korus_mcp.foundation.database_addresses import ServerAddress
from korus_mcp.journal.faults import down
from korus_mcp.journal.locks import NO_LOCKS, Locks
from korus_mcp.journal.records import JournalDown, JournalFault

_log = logging.getLogger(__name__)
_Thing = TypeVar("_Thing")

NAME: Final = "korus-mcp"
"""How the server names our connections to its operator."""
CONNECTIONS: Final = 15
"""The most that a process has open: so many transactions are under way at once."""
LOCK_SECONDS: Final = 5
ANSWER_SECONDS: Final = 10
IDLE_SECONDS: Final = 10
"""A process that stops in the middle of a transaction must not block others for longer."""
READ_ONLY: Final = "25006"
"""The SQLSTATE of a server, or of a session, that may not write."""


class Server:
    """The connections to a database on a server; `opened` makes one."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._answer_seconds: int | None = None  # to make the tables may take minutes
        # Parameters are hidden: errors would write owners and amounts into the log.
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            connect_args={"async_creator_fn": self._connected},
            hide_parameters=True,
            # Kept once they are made: to make one takes the server longer than an order does.
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_use_lifo=True,
        )
        # All statements of a reader see the same moment, as with a WAL.
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")

    @classmethod
    async def opened(cls, address: ServerAddress, work: Callable[[Connection], None]) -> "Server":
        """The connections, once some work has made the tables; it may take as long as it needs.

        Raises:
            JournalDown: There is no connection, or the work raised it.
        """
        server = cls(address)
        try:
            await server.run(work, writes=True)
        except BaseException:
            # Connections are closed even when opening was cancelled.
            await server.close()
            raise
        # No other work may use a connection that waits without end.
        server._answer_seconds = ANSWER_SECONDS
        await server._engine.dispose()
        return server

    async def _connected(self, **nothing: object) -> "_Session":
        """A new connection for the pool.

        Raises:
            JournalDown: Why there is none. Nothing that the server said is repeated.
        """
        del nothing
        given: dict[str, Any] = {}
        try:
            if self._address.trusts_system:
                given["ssl"] = ssl.create_default_context()
            connection: _Session = await asyncpg.connect(
                self._address.dsn,
                timeout=self._address.connect_seconds,
                command_timeout=self._answer_seconds,
                # The one start-up parameter that every pooler takes.
                server_settings={"application_name": NAME, **self._address.settings},
                connection_class=_Session,
                # So no statement has a name: each is sent whole, in the message that runs it.
                # Behind a pooler the next transaction may be on another server, where the name
                # means nothing, or another statement. SQLAlchemy still keeps what its parameters
                # and columns are, so it costs no message more.
                statement_cache_size=0,
                **given,
            )
        except _NO_CONNECTION as error:
            raise down(error, connecting=True) from None
        return connection

    async def run(
        self,
        work: Callable[[Connection], _Thing],
        *,
        writes: bool,
        begins: bool = False,
        locks: Locks = NO_LOCKS,
    ) -> _Thing:
        """Run the work and return its result; with a server `begins` needs no check.

        A connection of the pool may be dead, or from a time in which the server could only be read.
        Work that failed by it changed nothing and is repeated once. A commit is not repeated: it
        may have been carried out.
        """
        del begins
        # Repeated only once: a server that ends each connection is down.
        try:
            return await self._run(work, writes=writes, locks=locks)
        except _BrokeBeforeCommit as broke:
            _log.info("a connection of the journal could not be used; it is made anew")
            try:
                return await self._run(work, writes=writes, locks=locks)
            except _BrokeBeforeCommit as again:
                raise again.error from broke.error

    async def _run(
        self, work: Callable[[Connection], _Thing], *, writes: bool, locks: Locks
    ) -> _Thing:
        async with (self._engine if writes else self._snapshots).connect() as connection:
            session = _session_of(await connection.get_raw_connection())
            session.with_begin = locked(locks)
            try:
                # The work is synchronous code, as for SQLite; SQLAlchemy awaits the driver within.
                answer = await connection.run_sync(work)
            except DBAPIError as error:
                if await self._is_unusable(connection, error):
                    raise _BrokeBeforeCommit(error) from None
                raise
            # Outside of the `try`: a commit whose answer is lost may have been carried out.
            if writes:
                await connection.commit()
            return answer

    async def _is_unusable(self, connection: AsyncConnection, error: DBAPIError) -> bool:
        """Whether the connection is the reason of an error; then it is not used again."""
        if error.connection_invalidated:
            return True
        if getattr(error.orig, "sqlstate", None) != READ_ONLY:
            return False
        # So are all others of the time in which it was made: a session that may not write stays
        # so, and a name that led to a standby leads elsewhere by now.
        await connection.invalidate()
        await self._engine.dispose()
        return True

    async def close(self) -> None:
        """Close its connections."""
        await self._engine.dispose()


class _Session(asyncpg.Connection):  # type: ignore[misc] # it has no types
    """A connection whose transactions set what they need.

    `with_begin`, `with_commit`: statements of its transaction that are sent with these.
    """

    __slots__ = ("with_begin", "with_commit")

    def __init__(self, *given: Any, **others: Any) -> None:
        super().__init__(*given, **others)
        self.with_begin, self.with_commit = "", ""

    def transaction(self, *, isolation: str | None = None, **others: object) -> "_Transaction":
        """A transaction, whose level is never left to the server: its default may be another."""
        del others
        self.with_commit = ""
        return _Transaction(self, (isolation or "read_committed").replace("_", " ").upper())


class _Transaction:
    """A transaction as SQLAlchemy drives it."""

    def __init__(self, connection: _Session, level: str) -> None:
        self._connection = connection
        self._begin = f"BEGIN ISOLATION LEVEL {level}; {_WITHIN}{connection.with_begin}"

    async def start(self) -> None:
        """Begin it.

        Raises:
            JournalDown: NOT_DURABLE, the server does not do as it was told.
        """
        try:
            await self._connection.execute(self._begin)
        except asyncpg.DivisionByZeroError:
            self._connection.terminate()
            raise JournalDown(JournalFault.NOT_DURABLE) from None
        except asyncpg.LockNotAvailableError:
            await self.rollback()
            raise
        except BaseException:
            # It may have begun, and nobody would end it.
            self._connection.terminate()
            raise

    async def commit(self) -> None:
        """Commit it, after what has to be its last statement.

        Raises:
            JournalDown: NOT_DURABLE, it may be lost when the server fails, or was not committed.
        """
        warnings: list[asyncpg.PostgresLogMessage] = []

        def heard(connection: object, message: asyncpg.PostgresLogMessage) -> None:
            del connection
            # Not by its words, which are in the language of the server.
            if message.severity_en == "WARNING":
                warnings.append(message)

        self._connection.add_log_listener(heard)
        try:
            status = await self._connection.execute(f"{self._connection.with_commit}COMMIT")
        except asyncpg.IntegrityConstraintViolationError:
            # The last statement was refused: without this the transaction would stay open.
            await self.rollback()
            raise
        finally:
            self._connection.remove_log_listener(heard)
        # Somebody who cancels the wait for a standby gets a success, with a warning.
        if warnings or status != "COMMIT":
            _log.error("a commit of the journal is not on the standby: its wait was cancelled")
            raise JournalDown(JournalFault.NOT_DURABLE)

    async def rollback(self) -> None:
        """Undo it; where the connection cannot say so any more, it is given up, which undoes it."""
        try:
            await self._connection.execute("ROLLBACK")
        except asyncpg.InternalClientError:
            # Its last statement was cut off, by a caller who left or a server that ended it.
            self._connection.terminate()


def _session_of(connection: PoolProxiedConnection) -> "_Session":
    session: Any = connection.driver_connection
    return cast("_Session", session)  # as `_connected` makes each


def locked(locks: Locks) -> str:
    """The statements that take these locks, to be sent with BEGIN."""
    taken = (
        f"; SELECT pg_advisory_xact_lock{'' if is_alone else '_shared'}({key})"
        for key, is_alone in locks.keys
    )
    return "".join(taken)


def with_commit(connection: Connection, statement: str, given: Mapping[str, str | int]) -> None:
    """Have a statement sent with the COMMIT of its transaction; its values are named `:name`."""
    session = _session_of(connection.connection)
    told = re.sub(r":(\w+)", lambda name: _literal(given[name[1]]), statement)
    session.with_commit += f"{told}; "


def _literal(value: str | int) -> str:
    """A value as part of a statement: of a text only hexadecimal digits, so that none can end it,
    whatever the server takes for a quote.
    """
    if isinstance(value, int):
        return str(value)
    return f"convert_from(decode('{value.encode().hex()}', 'hex'), 'UTF8')"


class _BrokeBeforeCommit(Exception):
    """A connection ended, or was of no use, before the commit: nothing was changed."""

    def __init__(self, error: DBAPIError) -> None:
        super().__init__("the connection broke")
        self.error = error


_NO_CONNECTION: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    ValueError,
)
_SET: Final = {
    "lock_timeout": f"'{LOCK_SECONDS}s'",
    "idle_in_transaction_session_timeout": f"'{IDLE_SECONDS}s'",
    "synchronous_commit": "on",
}
# An error is the one answer to a message of several statements that nobody can overlook.
_VERIFIED: Final = "SELECT 1 / (current_setting('synchronous_commit') = 'on')::int"
_WITHIN: Final = "; ".join((*(f"SET LOCAL {n} = {v}" for n, v in _SET.items()), _VERIFIED))
"""What a transaction needs whatever the defaults of server, database and role are."""
