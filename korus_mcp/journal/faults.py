"""Why a database failed: its errors as faults of the journal, each told apart from the others."""

import logging
import socket
import sqlite3
import ssl
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from korus_mcp.foundation.private_files import NotOurs, NotPrivate
from korus_mcp.journal.records import JournalDown, JournalFault

_log = logging.getLogger(__name__)


def down(error: BaseException, *, connecting: bool = False) -> JournalDown:
    """The `JournalDown` for an error of a database, which is logged without its text: that may
    repeat an address or data. `connecting`: no connection could be made.
    """
    fault = fault_of(error, connecting=connecting)
    cause = _cause(error)
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    _log.error("the journal does not work: %s (%s, %s)", fault.value, type(cause).__name__, code)
    return JournalDown(fault)


def fault_of(error: BaseException, *, connecting: bool = False) -> JournalFault:
    """Why a database failed, by SQLite's error code or PostgreSQL's SQLSTATE."""
    if isinstance(error, PoolTimeout):
        return JournalFault.BUSY
    if isinstance(error, NotPrivate | NotOurs):
        return JournalFault.NOT_PRIVATE if isinstance(error, NotPrivate) else _OTHERWISE
    cause = _cause(error)
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        full = code in _WRITE_FAILED
        return JournalFault.FULL if full else _BY_CODE.get(code & 0xFF, _OTHERWISE)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return next((f for f, prefixes in _BY_STATE if state.startswith(prefixes)), _OTHERWISE)
    if connecting:
        return _of_connecting(cause)
    if isinstance(cause, TimeoutError):
        return JournalFault.SLOW
    if isinstance(
        cause, PermissionError | FileNotFoundError | NotADirectoryError | FileExistsError
    ):
        return JournalFault.UNWRITABLE
    if isinstance(cause, sqlite3.Error | SQLAlchemyError) and not _is_connection(error):
        return _OTHERWISE
    return JournalFault.UNREACHABLE


def is_over_limit(error: DBAPIError) -> bool:
    """Whether a row was refused by a condition of its table: there is one, see `tables.SPENT`."""
    cause = _cause(error)
    code = getattr(cause, "sqlite_errorcode", None) or getattr(cause, "sqlstate", None)
    return code in (sqlite3.SQLITE_CONSTRAINT_CHECK, _CHECK_VIOLATION)


def _of_connecting(cause: BaseException) -> JournalFault:
    """Why no connection was made, where the server did not say so."""
    if isinstance(cause, socket.gaierror):
        # A resolver that does not answer says nothing about the name.
        is_passing = cause.errno == socket.EAI_AGAIN
        return JournalFault.UNREACHABLE if is_passing else JournalFault.UNKNOWN_HOST
    # By name: only who has the driver can import its classes. Of what it checks itself nothing is
    # left but the files of TLS: the address was checked when it was read.
    name = type(cause).__name__
    if name == "TargetServerAttributeNotMatched":
        return JournalFault.READ_ONLY
    # It has no class for a server that declines TLS.
    is_declined = "SSL upgrade" in str(cause)
    if isinstance(cause, ssl.SSLError) or is_declined or name == "ClientConfigurationError":
        return JournalFault.TLS
    return JournalFault.UNREACHABLE


def _cause(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig else error


def _is_connection(error: BaseException) -> bool:
    """Whether a PostgreSQL connection failed or broke: such an error has no SQLSTATE."""
    return (
        isinstance(error, DBAPIError)
        and type(error).__name__ in ("InterfaceError", "OperationalError")
        and not isinstance(error.orig, sqlite3.Error)
    )


_CHECK_VIOLATION: Final = "23514"
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
    sqlite3.SQLITE_IOERR: JournalFault.UNWRITABLE,  # except for the codes in _WRITE_FAILED
}
# The first match counts: a full disk (53100) comes before insufficient resources (class 53).
_BY_STATE: Final = (
    (JournalFault.FULL, ("53100",)),
    (JournalFault.TOO_MANY, ("53300",)),
    (JournalFault.READ_ONLY, ("25006",)),
    (JournalFault.SLOW, ("57014",)),
    (JournalFault.BUSY, ("53", "55P03", "40", "25P0")),
    (JournalFault.NO_RIGHT, ("42501", "3F000")),
    (JournalFault.REFUSED, ("28P01",)),
    (JournalFault.NOT_LET_IN, ("28",)),
    (JournalFault.NO_DATABASE, ("3D", "57P04")),
    (JournalFault.RESTARTING, ("57",)),
    (JournalFault.UNREACHABLE, ("08",)),
)
