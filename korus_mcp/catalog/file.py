"""The file of the catalog mirror: opens, locks and replaces the SQLite database.

There is one file for each account, environment, language and list of allowed catalogs.
Everything in it can be fetched again from the API, so a file of another version is emptied and a
damaged one is replaced; a damaged file that may not be ours is renamed to `*.damaged`. Several
servers of one user share it: all may read while one of them crawls. Without a path the same
database lives in memory. `index.py` writes the tables, `store.py` queries them.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final, Self

from korus_mcp.foundation import private_files
from korus_mcp.foundation.folding import VERSION as FOLDING

_LAYOUT: Final = 6
VERSION: Final = 1000 * _LAYOUT + FOLDING
"""The version of a file: of its tables, and of the folding of the texts in it."""
APPLICATION_ID: Final = int.from_bytes(b"KMct")
"""Stands in the header of the file. A database with another id belongs to another program and is
left alone.
"""
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
    """The file of one mirror. Reads are quick enough for the event loop; writes may block."""

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
        """Close the database when nothing refers to it any more: a search may use it until then."""
        if hasattr(self, "_read"):
            self.close()

    def clear(self) -> None:
        """Delete everything; other servers that have the file open find it empty."""
        with self._transaction() as db:
            _start_anew(db)
        with self._writing:
            # Dropped tables leave their bytes in the file; VACUUM needs to be outside of a
            # transaction.
            self._write.execute("VACUUM")

    def write_copy(self, file: Path) -> None:
        """Write all that is here into an empty file, without the room that deleted rows left.

        Raises:
            sqlite3.Error: it cannot be read or written.
        """
        statement = "VACUUM INTO ?"
        if self.path is None:
            with self._writing:
                self._write.execute(statement, (str(file),))
            return
        # On a connection of its own, so that nobody who reads waits for it.
        with closing(_connected(self.path)) as db:
            db.execute(statement, (str(file),))

    def take_over(self, file: Path) -> None:
        """Put what another file of this version holds in the place of all that is here, in one
        transaction: whoever reads, in whichever process, has the one or the other.

        Raises:
            ValueError: the other file is damaged, or of another version.
            sqlite3.Error: ours cannot be written.
        """
        with closing(sqlite3.connect(file)) as other:
            if not _is_sound(other):
                raise ValueError("it is damaged, or of another version")
            with self._writing:
                other.backup(self._write)
                self._commits += 1

    def copied_to_memory(self) -> Self:
        """The same content in memory, for when the file cannot be written any more."""
        copy = type(self)(None)
        self._read.backup(copy._write)
        return copy

    @contextmanager
    def sole_crawler(self) -> Iterator[bool]:
        """Take the lock of the crawl for the block. Yields False if another task or server has it.

        The operating system frees the lock when the process ends, however it ends.
        """
        # The file lock belongs to the process; this one keeps two of its tasks apart.
        if not self._crawling.acquire(blocking=False):
            yield False
            return
        with ExitStack() as held:
            held.callback(self._crawling.release)
            is_free = True
            if self.path is not None:
                from filelock import FileLock, Timeout

                # Not thread-local: a crawl may begin and end in different threads.
                lock = FileLock(self.path.with_suffix(".lock"), mode=0o600, thread_local=False)
                try:
                    held.enter_context(lock.acquire(timeout=0))
                except Timeout:
                    is_free = False
            yield is_free

    def version(self) -> int:
        """A number that changes with every write, ours or another server's."""
        # `data_version` only counts the writes of others.
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
        """Start again with an empty file, unless another server has just done so."""
        with self._writing:
            self.close()
            path = self.path
            # Compared by inode: a new file that another server made must not be removed.
            if path is not None and path.exists() and path.stat().st_ino == self._inode:
                _log.warning("the catalog file %s is damaged and is replaced", path.name)
                _remove(path)
            self._open()

    def _ask(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows of a query. If the file turns out to be damaged it is replaced, and there are no
        rows.

        The same is done on an I/O error, such as after another program truncated the WAL.
        """
        try:
            return self._fetched(query, values)
        except sqlite3.DatabaseError as error:
            # A busy database, or a mistake in our code: replacing the file would not help.
            if not is_damage(error) and _code(error) != sqlite3.SQLITE_IOERR:
                raise
        self.replace()
        return self._fetched(query, values)

    def _fetched(self, query: str, values: tuple[object, ...]) -> list[Any]:
        # In memory one connection serves readers and writer, so a reader has to wait there.
        with self._writing if self.path is None else nullcontext():
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


def _opened(path: Path | None) -> sqlite3.Connection:
    """Open the database; create or replace it if necessary.

    Raises:
        OSError: its folder cannot be created.
        sqlite3.OperationalError: the database cannot be opened or written.
    """
    if path is not None:
        # Private: the file shows what an account may sell, and whoever can write it can change what
        # is shown as on sale.
        private_files.private_folder(path.parent, ours="catalog", is_read_again=True)
        private_files.private_database(path)
    try:
        return _made(path)
    except sqlite3.DatabaseError as error:
        if path is not None and _is_busy(error):
            return _made_in_turn(path)
        if path is None or not is_damage(error):
            raise
    _log.warning("the catalog file %s is damaged and is replaced", path.name)
    if private_files.says_ours(path, APPLICATION_ID):
        _remove(path)
    else:
        _put_aside(path)
    private_files.private_database(path)
    return _made(path)


def _is_sound(db: sqlite3.Connection) -> bool:
    """Whether a database is a whole file of this version."""
    try:
        if (
            _pragma(db, "application_id") != APPLICATION_ID
            or _pragma(db, "user_version") != VERSION
        ):
            return False
        return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _made_in_turn(path: Path) -> sqlite3.Connection:
    """Open the database, waiting while another process creates it: SQLite does not wait then."""
    give_up_at = time.monotonic() + BUSY_SECONDS
    while True:
        time.sleep(BUSY_PAUSE_SECONDS)  # noqa: TID251 - in the thread that opens the file
        try:
            return _made(path)
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= give_up_at:
                raise


def _made(path: Path | None) -> sqlite3.Connection:
    """Create or open the database; tables of another version are dropped and made anew.

    All in one transaction: of two servers that start together, the second finds it done.
    """
    db = _connected(path)
    if _pragma(db, "user_version") == VERSION and _pragma(db, "application_id") == APPLICATION_ID:
        return db
    db.execute("BEGIN IMMEDIATE")
    if _pragma(db, "user_version") != VERSION:
        _start_anew(db)
        db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("COMMIT")
    return db


def _is_busy(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and _code(error) == sqlite3.SQLITE_BUSY


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether an error says that the file is damaged or no database, and has to be replaced."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary error code, without the bits of the extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _start_anew(db: sqlite3.Connection) -> None:
    """Drop all tables, whatever they are, and create ours."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE ? ORDER BY name"
    # Full-text tables first: their shadow tables are dropped with them.
    for pattern in ("CREATE VIRTUAL%", "CREATE TABLE%"):
        for (name,) in db.execute(query, (pattern,)).fetchall():
            if not name.startswith("sqlite_"):
                db.execute(f'DROP TABLE IF EXISTS "{name}"')
    for statement in _SCHEMA.split(";\n"):
        db.execute(statement)


def _connected(path: Path | None) -> sqlite3.Connection:
    db = sqlite3.connect(
        path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    if path is None:
        return db
    try:
        # First of all: a database of another program must not be changed.
        private_files.check_ours(db, APPLICATION_ID, known_by="base")
        db.execute("PRAGMA journal_mode = WAL")
    except (private_files.NotOurs, sqlite3.Error):
        db.close()
        raise
    # A crash of the machine may lose the last writes: they can be fetched again from the API.
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def _put_aside(path: Path) -> None:
    """Rename a damaged file that may belong to another program, so that it is not lost."""
    for suffix in ("-wal", "-shm", ""):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.replace(path.with_name(f"{path.name}.damaged{suffix}"))


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
