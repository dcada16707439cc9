"""The mirror's file: one SQLite database for an account, an environment and a language.

Everything in it can be read again from the API, so a file of another version or a damaged one is
replaced. Several servers of one user share it: all may read while one of them crawls. Without a
path the same database lives in memory and ends with the process.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from korus_mcp.foundation.folding import VERSION as FOLDING
from korus_mcp.foundation.private_files import (
    NotOurs,
    check_ours,
    private_database,
    private_folder,
    says_ours,
)

_LAYOUT: Final = 6
VERSION: Final = 1000 * _LAYOUT + FOLDING
"""Of a file: of its tables, and of the folding of the texts in it."""
APPLICATION_ID: Final = int.from_bytes(b"KMct")
"""In the head of the file: what other programs put there is theirs, and stays."""
BUSY_SECONDS: Final = 10.0
BUSY_PAUSE_SECONDS: Final = 0.1

_log = logging.getLogger(__name__)

_SCHEMA: Final = """
CREATE TABLE catalog (
    id TEXT PRIMARY KEY, alias TEXT NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL,
    synced TEXT, names_run INTEGER, details_run INTEGER, listed_import TEXT
) WITHOUT ROWID;
CREATE TABLE base (
    number INTEGER PRIMARY KEY, catalog TEXT NOT NULL, id TEXT NOT NULL,
    name TEXT NOT NULL, folded TEXT NOT NULL, city TEXT, run INTEGER NOT NULL,
    detail BLOB, detail_run INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, retry_at REAL,
    UNIQUE (catalog, id)
);
CREATE INDEX base_by_name ON base (folded, number);
CREATE INDEX base_by_city ON base (city, catalog);
CREATE INDEX base_to_do ON base (catalog, detail_run, number);
CREATE INDEX base_to_retry ON base (retry_at) WHERE retry_at IS NOT NULL;
CREATE TABLE product (
    catalog TEXT NOT NULL, id TEXT NOT NULL, base INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (catalog, id, base)
) WITHOUT ROWID;
CREATE INDEX product_by_base ON product (base);
CREATE VIRTUAL TABLE text USING fts5 (
    name, place, kind, choices, products, texts, scope,
    tokenize = "ascii", prefix = '2 3', detail = column, columnsize = 0
);
CREATE TABLE word (term TEXT PRIMARY KEY, bases INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, value REAL) WITHOUT ROWID;
"""


class CatalogFile:
    """The file of one mirror. Reads are quick enough for the event loop; writes may wait."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._writing = threading.RLock()
        self._crawling = threading.Lock()
        self._commits = 0
        self._open()

    def close(self) -> None:
        """Close the database."""
        with self._writing:
            self._read.close()
            self._write.close()

    def __del__(self) -> None:
        """Close what its last user let go of: no sooner, since a search may be reading in it."""
        if hasattr(self, "_read"):
            self.close()

    def clear(self) -> None:
        """Forget everything; servers that have the file open find it empty."""
        with self._transaction() as db:
            _drop_all(db)
            _create(db)
        with self._writing:
            # Outside of a transaction: what was dropped is still in the file.
            self._write.execute("VACUUM")

    def copied_to_memory(self) -> Self:
        """The same content in memory, for when the file cannot be written any more."""
        copy = type(self)(None)
        self._read.backup(copy._write)
        return copy

    @contextmanager
    def sole_crawler(self) -> Iterator[bool]:
        """Whether this one may crawl now; nobody else may until the block ends.

        The lock is the operating system's: it ends with its process, however that ends.
        """
        # The lock of the file is the process's; two tasks of it are kept apart by this one.
        if not self._crawling.acquire(blocking=False):
            yield False
            return
        try:
            if self.path is None:
                yield True
                return
            from filelock import FileLock, Timeout

            # Not bound to a thread: who begins a crawl need not be who ends it.
            lock = FileLock(self.path.with_suffix(".lock"), mode=0o600, thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                yield False
                return
            try:
                yield True
            finally:
                lock.release()
        finally:
            self._crawling.release()

    def version(self) -> int:
        """A number that changes whenever somebody wrote."""
        # It tells of writes by others only; ours are counted.
        return int(self._ask("PRAGMA data_version")[0][0]) + self._commits

    def _open(self) -> None:
        self._write = _opened(self.path)
        self._inode = self.path.stat().st_ino if self.path else 0
        if self.path is None:
            self._read = self._write
            return
        self._read = _connected(self.path)
        self._read.execute("PRAGMA query_only = ON")

    def replace(self) -> None:
        """Start anew with an empty file, unless another server has done so."""
        with self._writing:
            self.close()
            path = self.path
            # By its inode: what another server has put there already is not thrown away.
            if path is not None and path.exists() and path.stat().st_ino == self._inode:
                _log.warning("the catalog file %s is damaged and is replaced", path.name)
                _remove(path)
            self._open()

    def _ask(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows of a query; a file found damaged is replaced, and has none.

        So is one that cannot be read, such as one whose write-ahead log was cut under our feet.
        """
        try:
            return self._fetched(query, values)
        except sqlite3.DatabaseError as error:
            # Busy, or a mistake of ours: to throw the catalog away would help nobody.
            if not is_damage(error) and _code(error) != sqlite3.SQLITE_IOERR:
                raise
        self.replace()
        return self._fetched(query, values)

    def _fetched(self, query: str, values: tuple[object, ...]) -> list[Any]:
        # One connection serves both in memory, so a reader waits for the writer there.
        if self.path is not None:
            return self._read.execute(query, values).fetchall()
        with self._writing:
            return self._read.execute(query, values).fetchall()

    def _first(self, query: str, values: tuple[object, ...]) -> Any:
        rows = self._ask(query, values)
        return rows[0] if rows else None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing:
            self._write.execute("BEGIN IMMEDIATE")
            try:
                yield self._write
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite may have rolled back already
                    self._write.execute("ROLLBACK")
                raise
            self._write.execute("COMMIT")
            self._commits += 1


def has_full_text() -> bool:
    """Whether this Python's SQLite can search texts."""
    with closing(sqlite3.connect(":memory:")) as db:
        return bool(db.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0])


def _opened(path: Path | None) -> sqlite3.Connection:
    """The database, made or replaced where it has to be.

    Raises:
        OSError: its folder cannot be made.
        sqlite3.OperationalError: it cannot be opened or written.
    """
    if path is not None:
        # What is on sale, and to whom, is nobody else's to read, nor to write: it is believed.
        private_folder(path.parent, ours="catalog", is_read_again=True)
        private_database(path)
    try:
        return _made(path)
    except sqlite3.DatabaseError as error:
        if path is not None and _is_busy(error):
            return _made_in_turn(path)
        if path is None or not is_damage(error):
            raise
    _log.warning("the catalog file %s is damaged and is replaced", path.name)
    if says_ours(path, APPLICATION_ID):
        _remove(path)
    else:
        _put_aside(path)
    private_database(path)
    return _made(path)


def _made_in_turn(path: Path) -> sqlite3.Connection:
    """The database, after those who make it at this moment: SQLite does not wait for them here."""
    give_up_at = time.monotonic() + BUSY_SECONDS
    while True:
        time.sleep(BUSY_PAUSE_SECONDS)  # noqa: TID251 - in the thread that opens the file
        try:
            return _made(path)
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= give_up_at:
                raise


def _made(path: Path | None) -> sqlite3.Connection:
    """The database in this version; the content of another one is dropped.

    All in one transaction: of two servers that start at once, the second finds it made.
    """
    db = _connected(path)
    if _pragma(db, "user_version") == VERSION and _pragma(db, "application_id") == APPLICATION_ID:
        return db
    db.execute("BEGIN IMMEDIATE")
    if _pragma(db, "user_version") != VERSION:
        _drop_all(db)
        _create(db)
        db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("COMMIT")
    return db


def _is_busy(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and _code(error) == sqlite3.SQLITE_BUSY


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether a file is no database (any more): it has to be replaced."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    """The primary code of an error, without its extension."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _drop_all(db: sqlite3.Connection) -> None:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE ? ORDER BY name"
    # Full-text tables first: the tables they are made of go with them.
    for pattern in ("CREATE VIRTUAL%", "CREATE TABLE%"):
        for (name,) in db.execute(query, (pattern,)).fetchall():
            if not name.startswith("sqlite_"):
                db.execute(f'DROP TABLE IF EXISTS "{name}"')


def _create(db: sqlite3.Connection) -> None:
    for statement in _SCHEMA.split(";\n"):
        db.execute(statement)


def _connected(path: Path | None) -> sqlite3.Connection:
    db = sqlite3.connect(
        path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    if path is None:
        return db
    try:
        check_ours(db, APPLICATION_ID, known_by="base")  # before anything of it is changed
        db.execute("PRAGMA journal_mode = WAL")
    except (NotOurs, sqlite3.Error):
        db.close()
        raise
    # A crash of the machine may cost the last writes: they can be read again from the API.
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def _put_aside(path: Path) -> None:
    """Keep what nobody can tell to be ours, under another name, for whoever misses it."""
    for suffix in ("-wal", "-shm", ""):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.replace(path.with_name(f"{path.name}.damaged{suffix}"))


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
