"""The mirror's file: one SQLite database for an account, an environment and a language.

Everything in it can be read again from the API, so a file of another version or a damaged one is
replaced. Several servers of one user share it: all may read while one of them crawls. Without a
path the same database lives in memory and ends with the process.
"""

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from korus_mcp.catalog.packing import packed, unpacked
from korus_mcp.catalog.records import BaseName, BaseRecord, CatalogRecord
from korus_mcp.folding import VERSION as FOLDING
from korus_mcp.folding import fold, words
from korus_mcp.handles import Handle
from korus_mcp.private_files import (
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
MOST_CITIES: Final = 500
FIRST_RETRY_SECONDS: Final = 60
LAST_RETRY_SECONDS: Final = 6 * 3600
CONSIDERED: Final = 1000
"""So many matches are compared at most: words that stand in half of all bases stay quick."""
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
_BASE_COLUMNS: Final = "base.number, base.catalog, base.id, base.name, base.folded, catalog.alias"
_NAMING_COLUMNS: Final = 5
_NO_WORD: Final = "none"


@dataclass(frozen=True)
class Row:
    """A product base as a search meets it."""

    number: int
    catalog_id: str
    handle: Handle
    name: str
    folded: str


@dataclass(frozen=True)
class Progress:
    """How far a crawl is: bases whose details are there, of all whose names are known."""

    done: int
    known: int


@dataclass(frozen=True)
class ListedCatalog:
    """A catalog and when its issuer was last imported, as far as the API says."""

    record: CatalogRecord
    synced: str | None


class Store:
    """The database of one mirror. Reads are quick enough for the event loop; writes may wait."""

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
            self._write.execute("VACUUM")

    def copied_to_memory(self) -> "Store":
        """The same content in memory, for when the file cannot be written any more."""
        copy = Store(None)
        self._read.backup(copy._write)
        return copy

    # Who crawls

    @contextmanager
    def sole_crawler(self) -> Iterator[bool]:
        """Whether this one may crawl now; nobody else may until the block ends.

        The lock is the operating system's: it ends with its process, however that ends.
        """
        if not self._crawling.acquire(blocking=False):
            yield False
            return
        try:
            if self.path is None:
                yield True
                return
            from filelock import FileLock, Timeout

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

    # What is there

    def fact(self, name: str) -> float | None:
        """A remembered number, such as the moment the names were listed."""
        row = self._first("SELECT value FROM fact WHERE name = ?", (name,))
        return None if row is None else row[0]

    def version(self) -> int:
        """A number that changes whenever somebody wrote."""
        return int(self._ask("PRAGMA data_version")[0][0]) + self._commits

    def catalogs(self) -> list[CatalogRecord]:
        """The catalogs, in the order of the API."""
        rows = self._ask("SELECT id, alias, name FROM catalog ORDER BY place")
        return [CatalogRecord(*row) for row in rows]

    def progress(self) -> Progress:
        """Of how many bases the details were read, and how many there are.

        Those of a catalog whose names were read anew count again once their details were.
        """
        query = (
            "SELECT coalesce(sum(detail_run >= max(1, coalesce(names_run, 0))), 0), count(*) "
            "FROM base JOIN catalog ON catalog.id = base.catalog"
        )
        ((done, known),) = self._ask(query)
        return Progress(int(done), int(known))

    def has_bases(self) -> bool:
        """Whether there is any base."""
        return bool(self._ask("SELECT 1 FROM base LIMIT 1"))

    def record(self, catalog_id: str, base_id: str) -> BaseRecord | None:
        """A base with its details, when they were read."""
        query = (
            "SELECT base.detail, catalog.alias, catalog.name FROM base "
            "JOIN catalog ON catalog.id = base.catalog WHERE base.catalog = ? AND base.id = ?"
        )
        row = self._first(query, (catalog_id, base_id))
        if row is None or row[0] is None:
            return None
        catalog = CatalogRecord(catalog_id, row[1], row[2])
        return unpacked(row[0], Handle(catalog.alias, base_id), catalog)

    def product_names(self, catalog_id: str, product_id: str) -> tuple[str, str] | None:
        """The names of a product's base and of the product."""
        query = (
            "SELECT base.name, product.name FROM product JOIN base ON base.number = product.base "
            "WHERE product.catalog = ? AND product.id = ?"
        )
        row = self._first(query, (catalog_id, product_id))
        return None if row is None else (row[0], row[1])

    def record_of_product(self, catalog_id: str, product_id: str) -> BaseRecord | None:
        """The base a product belongs to, when its details were read."""
        query = (
            "SELECT base.id FROM product JOIN base ON base.number = product.base "
            "WHERE product.catalog = ? AND product.id = ?"
        )
        row = self._first(query, (catalog_id, product_id))
        return None if row is None else self.record(catalog_id, row[0])

    def cities_like(
        self, folded: str, catalog_id: str | None = None, *, limit: int = MOST_CITIES
    ) -> tuple[str, ...]:
        """The cities, folded, with this in their names; of a catalog, or of all.

        A hyphen, an apostrophe and a space between words are one.
        """
        query = (
            "WITH RECURSIVE each (city) AS (SELECT min(city) FROM base UNION ALL "
            "SELECT (SELECT min(city) FROM base WHERE city > each.city) FROM each "
            "WHERE each.city IS NOT NULL) "
            "SELECT city FROM each WHERE "
            "instr(replace(replace(city, '-', ' '), char(39), ' '), ?) AND (? IS NULL OR "
            "EXISTS (SELECT 1 FROM base WHERE base.city = each.city AND base.catalog = ?)) LIMIT ?"
        )
        parted = folded.replace("-", " ").replace("'", " ")
        values = (parted, catalog_id, catalog_id, limit)
        return tuple(row[0] for row in self._ask(query, values))

    def spelled_city(self, folded: str) -> str:
        """A folded city as a base there spells it."""
        for row in self.all_rows(Scope(cities=(folded,)), limit=1):
            record = self.record(row.catalog_id, row.handle.id)
            if record is not None and record.place.city:
                return record.place.city
        return folded

    def names(self, catalog_id: str, *, offset: int, limit: int) -> list[BaseName]:
        """A page of the bases of a catalog, by name."""
        query = (
            "SELECT catalog.alias, base.id, base.name FROM base "
            "JOIN catalog ON catalog.id = base.catalog WHERE base.catalog = ? "
            "ORDER BY base.folded, base.number LIMIT ? OFFSET ?"
        )
        rows = self._ask(query, (catalog_id, limit, offset))
        return [BaseName(Handle(alias, base_id), name) for alias, base_id, name in rows]

    def handles_beginning(self, alias: str, head: str, *, limit: int) -> list[Handle]:
        """Bases of a catalog whose id begins so."""
        query = (
            "SELECT base.id FROM base JOIN catalog ON catalog.id = base.catalog "
            "WHERE catalog.alias = ? AND base.id >= ? AND base.id < ? ORDER BY base.id LIMIT ?"
        )
        rows = self._ask(query, (alias, head, head + "\U0010ffff", limit))
        return [Handle(alias, row[0]) for row in rows]

    def count(self, catalog_id: str) -> int:
        """How many bases a catalog has."""
        query = "SELECT count(*) FROM base WHERE catalog = ?"
        return int(self._ask(query, (catalog_id,))[0][0])

    # What a search asks

    def all_rows(
        self, scope: "Scope", *, behind: Handle | None = None, offset: int = 0, limit: int
    ) -> list[Row]:
        """Bases by name: those behind one of them, or from a number on where that one is gone."""
        where, values = scope.sql()
        last = self._first(
            "SELECT folded, number FROM base WHERE id = ? AND "
            "catalog = (SELECT id FROM catalog WHERE alias = ?)",
            (behind.id, behind.alias) if behind else ("", ""),
        )
        if last is not None:
            where, values, offset = (
                f"(base.folded, base.number) > (?, ?) AND {where}",
                (*last, *values),
                0,
            )
        return self._rows(
            f"SELECT {_BASE_COLUMNS} FROM base JOIN catalog ON catalog.id = base.catalog "  # noqa: S608 - constants
            f"WHERE {where} ORDER BY base.folded, base.number LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )

    def total(self, scope: "Scope") -> int:
        """How many bases lie in a scope."""
        where, values = scope.sql()
        query = f"SELECT count(*) FROM base WHERE {where}"  # noqa: S608 - constants
        return int(self._ask(query, values)[0][0])

    def named(self, folded: str, scope: "Scope", *, limit: int) -> list[Row]:
        """Bases whose folded name begins with this, by name; of very many only the first."""
        where, values = scope.sql()
        return self._rows(
            f"SELECT {_BASE_COLUMNS} FROM (SELECT number FROM base "  # noqa: S608 - constants
            "WHERE folded >= ? AND folded < ? ORDER BY folded, number LIMIT ?) AS begun "
            "CROSS JOIN base ON base.number = begun.number "
            "JOIN catalog ON catalog.id = base.catalog "
            f"WHERE {where} ORDER BY base.folded, base.number LIMIT ?",
            (folded, folded + "\U0010ffff", CONSIDERED if values else limit, *values, limit),
        )

    def matching(self, match: str, part: "Part", scope: "Scope", *, limit: int) -> list[Row]:
        """Bases that match a full-text query in a part of what is known of them.

        Those with the shortest names come first; of very many matches only some are compared.
        """
        return self._rows(
            f"SELECT {_BASE_COLUMNS} FROM (SELECT rowid FROM text WHERE text MATCH ? LIMIT ?) "  # noqa: S608 - constants
            "AS found JOIN base ON base.number = found.rowid "
            "JOIN catalog ON catalog.id = base.catalog "
            "ORDER BY length(base.folded), base.folded, base.number LIMIT ?",
            (scope.narrowed(f"{part} : ({match})"), CONSIDERED, limit),
        )

    def matches(self, match: str, part: "Part", scope: "Scope", *, at_most: int) -> int:
        """How many bases match a full-text query, counted no further than asked."""
        query = "SELECT count(*) FROM (SELECT 1 FROM text WHERE text MATCH ? LIMIT ?)"
        narrowed = scope.narrowed(f"{part} : ({match})")
        return int(self._ask(query, (narrowed, at_most))[0][0])

    def bases_with(self, words: Sequence[str]) -> dict[str, int]:
        """Those of these words that name things, each with the number of bases it stands in."""
        places = ", ".join("?" * len(words))
        query = f"SELECT term, bases FROM word WHERE bases > 0 AND term IN ({places})"  # noqa: S608 - places only
        return dict(self._ask(query, tuple(words)))

    def words_beginning(self, head: str, *, limit: int) -> list[tuple[str, int]]:
        """Words that name things and begin so, in order, with the number of bases of each."""
        query = (
            "SELECT term, bases FROM word WHERE term >= ? AND term < ? AND bases > 0 "
            "ORDER BY term LIMIT ?"
        )
        return self._ask(query, (head, head + "\U0010ffff", limit))

    def mentions(self, word: str, *, at_most: int) -> int:
        """In the texts of how many bases a word stands, counted no further than asked."""
        return self.matches(f'"{word}"', Part.TEXTS, Scope(), at_most=at_most)

    def all_words(self) -> dict[str, int]:
        """The words that name things, each with the number of bases it stands in."""
        return dict(self._ask("SELECT term, bases FROM word WHERE bases > 0"))

    # What a crawl writes

    def put_facts(self, **facts: float | None) -> None:
        """Remember numbers; None forgets one."""
        with self._transaction() as db:
            for name, value in facts.items():
                if value is None:
                    db.execute("DELETE FROM fact WHERE name = ?", (name,))
                else:
                    db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def note_unread(self, rows: int, now: float) -> None:
        """So many rows of the lists could not be read: when they are read again is noted.

        That is as for a base that was passed over: after a minute, and then twice as late.
        """
        failures = int(self.fact("list_failures") or 0)
        wait = min(FIRST_RETRY_SECONDS << min(failures, 20), LAST_RETRY_SECONDS)
        self.put_facts(
            unread_rows=float(rows),
            list_failures=float(failures + 1) if rows else 0.0,
            list_again_at=now + wait if rows else None,
        )

    def is_list_due(self, now: float) -> bool:
        """Whether the time of lists that were read in part has come again."""
        again_at = self.fact("list_again_at")
        return again_at is not None and not now < again_at <= now + LAST_RETRY_SECONDS

    def put_catalogs(self, listed: Sequence[ListedCatalog], *, is_whole: bool = True) -> None:
        """The catalogs there are now; those that vanished go, with all their bases.

        They stay where the list is not whole: some of its rows cannot be read.
        """
        with self._transaction() as db:
            for place, catalog in enumerate(listed):
                record = catalog.record
                db.execute(
                    "INSERT INTO catalog (id, alias, name, place) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, "
                    "name = excluded.name, place = excluded.place",
                    (record.id, record.alias, record.name, place),
                )
            if not is_whole:
                return
            known = {row[0] for row in db.execute("SELECT id FROM catalog")}
            for catalog_id in known - {c.record.id for c in listed}:
                self._drop_bases(db, "catalog = ?", (catalog_id,))
                db.execute("DELETE FROM catalog WHERE id = ?", (catalog_id,))

    def catalog_state(self, catalog_id: str) -> tuple[str | None, int, int]:
        """Import moment of the last complete crawl, and the runs that read names and details."""
        query = "SELECT synced, names_run, details_run FROM catalog WHERE id = ?"
        ((synced, names_run, details_run),) = self._ask(query, (catalog_id,))
        return synced, names_run or 0, details_run or 0

    def begin_names(self, catalog_id: str, run: int, synced: str | None) -> None:
        """The names of a catalog are read from the first one on.

        What an earlier attempt of the same run found has to be found again, since the catalog may
        have been imported anew meanwhile; then its details are read again, too.
        """
        with self._transaction() as db:
            query = "SELECT listed_import FROM catalog WHERE id = ?"
            row = db.execute(query, (catalog_id,)).fetchone()
            if row is not None and row[0] != synced:
                db.execute(
                    "UPDATE base SET detail_run = 0 WHERE catalog = ? AND detail_run = ?",
                    (catalog_id, run),
                )
            db.execute("UPDATE base SET run = 0 WHERE catalog = ? AND run = ?", (catalog_id, run))
            db.execute(
                "UPDATE catalog SET listed_import = ?, names_run = nullif(names_run, ?) "
                "WHERE id = ?",
                (synced, run, catalog_id),
            )

    def has_names(self, catalog_id: str, run: int, synced: str | None) -> bool:
        """Whether this run has read all names of a catalog, as it was imported last."""
        query = "SELECT 1 FROM catalog WHERE id = ? AND names_run = ? AND listed_import IS ?"
        return bool(self._ask(query, (catalog_id, run, synced)))

    def put_names(self, catalog_id: str, run: int, found: Iterable[tuple[str, str]]) -> None:
        """Names of bases, searchable at once; details they have already stay."""
        with self._transaction() as db:
            for base_id, name in found:
                self._put_name(db, catalog_id, run, base_id, name)

    def finish_names(self, catalog_id: str, run: int) -> None:
        """All names of a catalog were read: bases that were not among them vanish."""
        with self._transaction() as db:
            self._drop_bases(db, "catalog = ? AND run <> ?", (catalog_id, run))
            db.execute("UPDATE catalog SET names_run = ? WHERE id = ?", (run, catalog_id))

    def to_do(self, catalog_id: str, run: int) -> list[str]:
        """Ids of bases whose details this run has still to read."""
        query = "SELECT id FROM base WHERE catalog = ? AND detail_run < ? ORDER BY number"
        return [row[0] for row in self._ask(query, (catalog_id, run))]

    def put_records(self, records: Iterable[BaseRecord], run: int) -> None:
        """Details of bases."""
        with self._transaction() as db:
            for record in records:
                self._put_record(db, record, run)

    def pass_over(self, catalog_id: str, base_id: str, run: int, now: float) -> None:
        """A base whose details cannot be read keeps its name; when it is tried again is noted.

        That is after a minute, and after each further failure twice as late, up to six hours.
        """
        with self._transaction() as db:
            db.execute(
                "UPDATE base SET detail_run = max(detail_run, ?), failures = failures + 1, "
                "retry_at = ? + min(? << min(failures, 20), ?) WHERE catalog = ? AND id = ?",
                (run, now, FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, catalog_id, base_id),
            )

    def passed_over(self, now: float, *, limit: int) -> list[tuple[CatalogRecord, str]]:
        """Bases that were passed over and whose time has come again; those waiting longest first.

        A time further ahead than any wait was noted by a clock that was wrong.
        """
        query = (
            "SELECT catalog.id, catalog.alias, catalog.name, base.id FROM base "
            "JOIN catalog ON catalog.id = base.catalog WHERE base.retry_at IS NOT NULL "
            "AND (base.retry_at <= ? OR base.retry_at > ?) ORDER BY base.retry_at LIMIT ?"
        )
        rows = self._ask(query, (now, now + LAST_RETRY_SECONDS, limit))
        return [(CatalogRecord(*row[:3]), row[3]) for row in rows]

    def finish_details(self, catalog_id: str, run: int, synced: str | None) -> None:
        """A catalog was read completely."""
        with self._transaction() as db:
            db.execute(
                "UPDATE catalog SET details_run = ?, synced = ? WHERE id = ?",
                (run, synced, catalog_id),
            )

    def drop_base(self, catalog_id: str, base_id: str) -> None:
        """Forget a base that is gone."""
        with self._transaction() as db:
            self._drop_bases(db, "catalog = ? AND id = ?", (catalog_id, base_id))

    # Inside

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
            if not is_damage(error) and _code(error) != sqlite3.SQLITE_IOERR:
                raise
        self.replace()
        return self._fetched(query, values)

    def _fetched(self, query: str, values: tuple[object, ...]) -> list[Any]:
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

    def _rows(self, query: str, values: tuple[object, ...]) -> list[Row]:
        return [
            Row(number, catalog, Handle(alias, base_id), name, folded)
            for number, catalog, base_id, name, folded, alias in self._ask(query, values)
        ]

    def _put_name(
        self, db: sqlite3.Connection, catalog_id: str, run: int, base_id: str, name: str
    ) -> None:
        query = "SELECT number, name FROM base WHERE catalog = ? AND id = ?"
        row = db.execute(query, (catalog_id, base_id)).fetchone()
        if row is None:
            added = db.execute(
                "INSERT INTO base (catalog, id, name, folded, run) VALUES (?, ?, ?, ?, ?)",
                (catalog_id, base_id, name, spoken(name), run),
            )
            scope = _scope_words(catalog_id, None)
            self._index(db, added.lastrowid, (_indexed(name), "", "", "", "", "", scope))
        elif row[1] == name:
            db.execute("UPDATE base SET run = ? WHERE number = ?", (run, row[0]))
        else:
            db.execute(
                "UPDATE base SET run = ?, name = ?, folded = ? WHERE number = ?",
                (run, name, spoken(name), row[0]),
            )
            self._reindex(db, row[0], (_indexed(name), *self._indexed_columns(db, row[0])[1:]))

    def _put_record(self, db: sqlite3.Connection, record: BaseRecord, run: int) -> None:
        where = (record.catalog.id, record.handle.id)
        self._put_name(db, record.catalog.id, run, record.handle.id, record.name)
        query = "SELECT number FROM base WHERE catalog = ? AND id = ?"
        number = db.execute(query, where).fetchone()[0]
        db.execute(
            "UPDATE base SET detail = ?, detail_run = ?, city = ? WHERE number = ?",
            (packed(record), run, fold(record.place.city or ""), number),
        )
        if not record.is_partly_unread:  # one that is waits for its next turn
            query = "UPDATE base SET failures = 0, retry_at = NULL WHERE number = ?"
            db.execute(query, (number,))
        db.execute("DELETE FROM product WHERE base = ?", (number,))
        db.executemany(
            "INSERT OR REPLACE INTO product VALUES (?, ?, ?, ?)",
            [(record.catalog.id, p.id, number, p.name) for p in record.products.values()],
        )
        self._reindex(db, number, _columns(record))

    def _index(self, db: sqlite3.Connection, number: int | None, columns: Sequence[str]) -> None:
        _put_text(db, number, columns)
        self._count(db, _naming_words(columns), 1)

    def _unindex(self, db: sqlite3.Connection, number: int) -> None:
        self._count(db, _naming_words(self._indexed_columns(db, number)), -1)
        db.execute("DELETE FROM text WHERE rowid = ?", (number,))

    def _reindex(self, db: sqlite3.Connection, number: int, columns: tuple[str, ...]) -> None:
        before = self._indexed_columns(db, number)
        if before == columns:
            return
        db.execute("DELETE FROM text WHERE rowid = ?", (number,))
        _put_text(db, number, columns)
        had, has = _naming_words(before), _naming_words(columns)
        self._count(db, had - has, -1)
        self._count(db, has - had, 1)

    def _indexed_columns(self, db: sqlite3.Connection, number: int) -> tuple[str, ...]:
        """What a base is found by."""
        query = (
            "SELECT name, place, kind, choices, products, texts, scope FROM text WHERE rowid = ?"
        )
        columns: tuple[str, ...] = db.execute(query, (number,)).fetchone()
        return columns

    def _count(self, db: sqlite3.Connection, terms: Iterable[str], by: int) -> None:
        """Count a base more or less for each of these words."""
        db.executemany(
            "INSERT INTO word VALUES (?, ?) ON CONFLICT (term) DO UPDATE SET "
            "bases = bases + excluded.bases",
            [(term, by) for term in terms],
        )

    def _drop_bases(self, db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> None:
        query = f"SELECT number FROM base WHERE {where}"  # noqa: S608 - constants
        for (number,) in db.execute(query, values).fetchall():
            self._unindex(db, number)
            db.execute("DELETE FROM product WHERE base = ?", (number,))
            db.execute("DELETE FROM base WHERE number = ?", (number,))


@dataclass(frozen=True)
class Scope:
    """Which bases count: those of a catalog, of some cities (folded), both or all."""

    catalog_id: str | None = None
    cities: tuple[str, ...] | None = None

    def sql(self) -> tuple[str, tuple[object, ...]]:
        """The condition and its values."""
        conditions, values = ["1"], list[object]()
        if self.catalog_id is not None:
            conditions.append("base.catalog = ?")
            values.append(self.catalog_id)
        if self.cities is not None:
            conditions.append(f"base.city IN ({', '.join('?' * len(self.cities))})")
            values.extend(self.cities)
        return " AND ".join(conditions), tuple(values)

    def narrowed(self, match: str) -> str:
        """A full-text query narrowed to this scope, by the index alone."""
        wanted = [match]
        if self.catalog_id is not None:
            wanted.append(f"scope : {_catalog_word(self.catalog_id)}")
        if self.cities is not None:
            cities = " OR ".join(_city_word(city) for city in self.cities)
            wanted.append(f"scope : ({cities or _NO_WORD})")
        return " AND ".join(wanted)


class Part(StrEnum):
    """Parts of what is known of a base, as a full-text query names them."""

    NAME = "name"
    NAMING = "{name place kind choices products}"
    TEXTS = "texts"
    ALL = "{name place kind choices products texts}"


def spoken(text: str) -> str:
    """A text as its folded words, by which names are compared and sorted."""
    return " ".join(words(text))


def _put_text(db: sqlite3.Connection, number: int | None, columns: Sequence[str]) -> None:
    db.execute(
        "INSERT INTO text (rowid, name, place, kind, choices, products, texts, scope) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (number, *columns),
    )


def _naming_words(columns: Sequence[str]) -> set[str]:
    """The words that name things; those of the texts are left out."""
    return set(" ".join(columns[:_NAMING_COLUMNS]).split())


def _columns(record: BaseRecord) -> tuple[str, ...]:
    place = record.place
    choices = (choice.name for values in record.choices.values() for choice in values)
    parts: tuple[Iterable[str | None], ...] = (
        (record.name,),
        (place.name, place.city, place.country, record.catalog.name),
        (record.kind,),
        choices,
        (product.name for product in record.products.values()),
        (record.short_description, record.description),
    )
    columns = (_indexed(" ".join(text for text in texts if text)) for texts in parts)
    return (*columns, _scope_words(record.catalog.id, place.city))


def _scope_words(catalog_id: str, city: str | None) -> str:
    return f"{_catalog_word(catalog_id)} {_city_word(fold(city or ''))}"


def _catalog_word(catalog_id: str) -> str:
    """One word for a catalog, whatever its id is made of."""
    return "c" + hashlib.sha256(catalog_id.encode()).hexdigest()[:16]


def _city_word(folded: str) -> str:
    return "t" + hashlib.sha256(folded.encode()).hexdigest()[:16]


def _indexed(text: str) -> str:
    """A text as the index holds it: folded words, each once, in their order."""
    return " ".join(dict.fromkeys(words(text)))


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
    import stamina

    for attempt in stamina.retry_context(
        on=_is_busy, attempts=None, timeout=BUSY_SECONDS, wait_max=0.5
    ):
        with attempt:
            return _made(path)
    raise AssertionError("stamina raises the last failure")  # pragma: no cover


def _made(path: Path | None) -> sqlite3.Connection:
    """The database in this version; the content of another one is dropped.

    All in one transaction: of two servers that start at once, the second finds it made.
    """
    db = _connected(path)
    if _version(db) == VERSION and _application_id(db) == APPLICATION_ID:
        return db
    db.execute("BEGIN IMMEDIATE")
    if _version(db) != VERSION:
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


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _application_id(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA application_id").fetchone()[0])


def _drop_all(db: sqlite3.Connection) -> None:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE ? ORDER BY name"
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
