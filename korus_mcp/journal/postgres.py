"""A journal on PostgreSQL, over the async driver.

What a transaction needs of its connection is set within it, in the same message as its BEGIN: a
pooler between us and the server refuses start-up parameters or ignores them, and gives the
connection to somebody else once the transaction is over.
"""

import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar, cast

import anyio
import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import Connection, ExecutionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection

from korus_mcp.foundation.database_addresses import ServerAddress
from korus_mcp.journal.faults import down, fault_of
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
        for when in ("do_execute", "do_executemany"):
            event.listen(self._engine.sync_engine, when, _sent_at_the_end)
        # All statements of a reader see the same moment, as with a WAL.
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")
        # A statement alone is its own transaction.
        self._statements = self._engine.execution_options(isolation_level="AUTOCOMMIT")

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
        try:
            connection: _Session = await _connection(
                self._address, _Session, answer_seconds=self._answer_seconds
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
        is_one: bool = False,
        locks: Locks = NO_LOCKS,
    ) -> _Thing:
        """Run the work and return its result; with a server `begins` needs no check. `is_one`: it
        reads, by one statement.

        A connection of the pool may be dead, or from a time in which the server could only be read.
        Work that failed by it changed nothing and is repeated once. A commit is not repeated: it
        may have been carried out.
        """
        del begins
        engine = self._engine if writes else self._statements if is_one else self._snapshots
        # Repeated only once: a server that ends each connection is down.
        try:
            return await self._run(work, engine, writes=writes, locks=locks)
        except _BrokeBeforeCommit as broke:
            _log.info("a connection of the journal could not be used; it is made anew")
            try:
                return await self._run(work, engine, writes=writes, locks=locks)
            except _BrokeBeforeCommit as again:
                raise again.error from broke.error

    async def _run(
        self,
        work: Callable[[Connection], _Thing],
        engine: AsyncEngine,
        *,
        writes: bool,
        locks: Locks,
    ) -> _Thing:
        async with engine.connect() as connection:
            session = _session_of(await connection.get_raw_connection())
            session.with_begin = locked(locks)
            try:
                # The work is synchronous code, as for SQLite; SQLAlchemy awaits the driver within.
                answer = await connection.run_sync(work)
            except DBAPIError as error:
                if await self._is_unusable(connection, error):
                    raise _BrokeBeforeCommit(error) from None
                raise
            if writes:
                try:
                    await connection.commit()
                except DBAPIError as error:
                    # Nothing else is repeated: if its answer is lost, it may have been carried out.
                    if await self._may_not_write(connection, error):
                        raise _BrokeBeforeCommit(error) from None
                    raise
            return answer

    async def _is_unusable(self, connection: AsyncConnection, error: DBAPIError) -> bool:
        """Whether the connection is the reason of an error; then it is not used again."""
        return error.connection_invalidated or await self._may_not_write(connection, error)

    async def _may_not_write(self, connection: AsyncConnection, error: DBAPIError) -> bool:
        """Whether a session that may not write is the reason of an error; it is not used again."""
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


async def _connection(
    address: ServerAddress, kind: type[Any], *, answer_seconds: int | None = None
) -> Any:
    """A new connection of this kind. `answer_seconds`: how long a statement may take.

    Raises:
        Exception: One of `_NO_CONNECTION`, there is none.
    """
    given: dict[str, Any] = {}
    if address.trusts_system:
        given["ssl"] = ssl.create_default_context()
    return await asyncpg.connect(
        address.dsn,
        timeout=address.connect_seconds,
        command_timeout=answer_seconds,
        # The one start-up parameter that every pooler takes.
        server_settings={"application_name": NAME, **address.settings},
        connection_class=kind,
        # So no statement has a name: each is sent whole, in the message that runs it.
        # Behind a pooler the next transaction may be on another server, where the name
        # means nothing, or another statement. SQLAlchemy still keeps what its parameters
        # and columns are, so it costs no message more.
        statement_cache_size=0,
        **given,
    )


async def run_apart(
    address: ServerAddress, work: Callable[[Any], Awaitable[_Thing]], *, seconds: float
) -> _Thing:
    """Run some work with a connection of its own, which is gone when this returns. The work is for
    nobody's booking: it is broken off after so many seconds, or when its caller leaves, wherever it
    is.

    Raises:
        ConnectionError: It could not be done now; the text says why, and repeats no address.
        NoTable: A table is missing.
    """
    is_there = False
    try:
        with anyio.fail_after(seconds) as scope:
            connection = await _connection(address, asyncpg.Connection)
            is_there = True
            return await _broken_off_with_caller(connection, work)
    except NoTable:
        raise
    except _NO_CONNECTION as error:
        # An error of the work is for its caller.
        if is_there and not isinstance(error, _LOST):
            raise
        fault = fault_of(error, connecting=not is_there)
        # The connection may have been closed since the caller leaves: then nobody is told.
        await anyio.lowlevel.checkpoint_if_cancelled()
        raise ConnectionError(JournalFault.SLOW if scope.cancel_called else fault) from None


async def _broken_off_with_caller(
    connection: Any, work: Callable[[Any], Awaitable[_Thing]]
) -> _Thing:
    """Run work with a connection that is closed afterwards, and at once when the caller leaves."""

    # Of a statement whose wait is cancelled the driver tells the server, by a connection more, for
    # which nobody would wait. So the connection is closed first, which ends the statement, too.
    until_closed = anyio.CancelScope(shield=True)

    async def close_when_cancelled() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            connection.terminate()
            until_closed.shield = False

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(close_when_cancelled)
            with until_closed:
                answer = await work(connection)
                await connection.close()
            tasks.cancel_scope.cancel()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return answer


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
        """Commit it, after what was kept for its end.

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
        except _REFUSED:
            # A statement before it was refused: without this the transaction would stay open.
            await self.rollback()
            raise
        except BaseException:
            # What became of it is not known, and nobody would end it.
            self._connection.terminate()
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


def _sent_at_the_end(
    cursor: Any, statement: str, parameters: Any, context: ExecutionContext
) -> bool:
    """Keep a statement with the option `AT_THE_END` for the COMMIT. Returns whether it was so."""
    if not context.execution_options.get("at_the_end"):
        return False
    several = parameters if isinstance(parameters, list) else [parameters]
    session = _session_of(context.root_connection.connection)
    for values in several:
        session.with_commit += f"{_with_values(statement, values)}; "
    return True


def _with_values(statement: str, values: Sequence[object]) -> str:
    """A statement with its values in place of `$1`, `$2`; each is cast to its type there."""
    return re.sub(r"\$(\d+)", lambda place: _literal(values[int(place[1]) - 1]), statement)


def _literal(value: object) -> str:
    """A value as part of a statement: of a text only hexadecimal digits, so that none can end it,
    whatever the server takes for a quote.
    """
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return f"({value})"  # a truth value, too
    if isinstance(value, str):
        return f"convert_from(decode('{value.encode().hex()}', 'hex'), 'UTF8')"
    raise TypeError(type(value).__name__)


NoTable = asyncpg.UndefinedTableError


class _BrokeBeforeCommit(Exception):
    """A connection ended, or was of no use, before the commit: nothing was changed."""

    def __init__(self, error: DBAPIError) -> None:
        super().__init__("the connection broke")
        self.error = error


_REFUSED: Final = (asyncpg.IntegrityConstraintViolationError, asyncpg.LockNotAvailableError)
_NO_CONNECTION: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    ValueError,
)
_LOST: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
)
"""What a connection that was made fails with; other errors are those of the work."""
_SET: Final = {
    "lock_timeout": f"'{LOCK_SECONDS}s'",
    "idle_in_transaction_session_timeout": f"'{IDLE_SECONDS}s'",
    "synchronous_commit": "on",
}
# An error is the one answer to a message of several statements that nobody can overlook.
_VERIFIED: Final = "SELECT 1 / (current_setting('synchronous_commit') = 'on')::int"
_WITHIN: Final = "; ".join((*(f"SET LOCAL {n} = {v}" for n, v in _SET.items()), _VERIFIED))
"""What a transaction needs whatever the defaults of server, database and role are."""
