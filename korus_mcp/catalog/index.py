"""Writes what a crawl fetches into the mirror's file: names, details, full text and its words."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from korus_mcp.catalog.bases import BaseRecord, CatalogRecord
from korus_mcp.catalog.file import CatalogFile
from korus_mcp.catalog.packing import packed
from korus_mcp.foundation.folding import fold, words

FIRST_RETRY_SECONDS: Final = 60
LAST_RETRY_SECONDS: Final = 6 * 3600

_TEXT_COLUMNS: Final = "name, place, kind, choices, products, texts, scope"
_NAMING_COLUMNS: Final = 5


@dataclass(frozen=True)
class ListedCatalog:
    """A catalog, and when the platform last imported it from its issuer, if the API says so."""

    record: CatalogRecord
    synced: str | None


class CatalogIndex(CatalogFile):
    """The file of a mirror with the methods by which a crawl writes it."""

    def put_facts(self, **facts: float | None) -> None:
        """Store named numbers; None removes one."""
        with self._transaction() as db:
            for name, value in facts.items():
                if value is None:
                    db.execute("DELETE FROM fact WHERE name = ?", (name,))
                else:
                    db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def put_catalogs(self, listed: Sequence[ListedCatalog], unread: int = 0) -> None:
        """Store the catalogs; those that are no longer listed are removed with all their bases.

        They are not removed if the list has rows that could not be parsed (`unread`).
        """
        with self._transaction() as db:
            records = [catalog.record for catalog in listed]
            db.executemany(
                "INSERT INTO catalog (id, alias, name, place) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, "
                "name = excluded.name, place = excluded.place",
                [(each.id, each.alias, each.name, place) for place, each in enumerate(records)],
            )
            if unread:
                return
            known = {row[0] for row in db.execute("SELECT id FROM catalog")}
            for catalog_id in known - {each.id for each in records}:
                self._drop_bases(db, "catalog = ?", (catalog_id,))
                db.execute("DELETE FROM catalog WHERE id = ?", (catalog_id,))

    def begin_names(self, catalog_id: str, run: int, synced: str | None) -> None:
        """Begin to store the names of a catalog, from the first one.

        Names that an earlier attempt of this run found have to be found again, since the catalog
        may have been imported again meanwhile; then its details are fetched again, too.
        """
        with self._transaction() as db:
            # Imported again while the run was stopped: details of the earlier import do not count.
            db.execute(
                "UPDATE base SET detail_run = 0 WHERE catalog = ? AND detail_run = ? "
                "AND (SELECT listed_import FROM catalog WHERE id = base.catalog) IS NOT ?",
                (catalog_id, run, synced),
            )
            # `finish_names` removes the bases that this run does not find again.
            db.execute("UPDATE base SET run = 0 WHERE catalog = ? AND run = ?", (catalog_id, run))
            db.execute(
                "UPDATE catalog SET listed_import = ?, names_run = nullif(names_run, ?) "
                "WHERE id = ?",
                (synced, run, catalog_id),
            )

    def put_names(self, catalog_id: str, run: int, found: Iterable[tuple[str, str]]) -> None:
        """Store names of bases, searchable at once; details that are stored already stay."""
        with self._transaction() as db:
            for base_id, name in found:
                self._put_name(db, catalog_id, run, base_id, name)

    def finish_names(self, catalog_id: str, run: int) -> None:
        """All names of a catalog are stored: remove the bases that were not among them."""
        with self._transaction() as db:
            self._drop_bases(db, "catalog = ? AND run <> ?", (catalog_id, run))
            db.execute("UPDATE catalog SET names_run = ? WHERE id = ?", (run, catalog_id))

    def put_records(self, records: Iterable[BaseRecord], run: int) -> None:
        """Store the details of bases."""
        with self._transaction() as db:
            for record in records:
                self._put_record(db, record, run)

    def pass_over(self, catalog_id: str, base_id: str, run: int, now: float) -> None:
        """Note that the details of a base could not be fetched, and when to try again.

        That is after a minute, doubled with each further failure, up to six hours. The base keeps
        its name.
        """
        with self._transaction() as db:
            db.execute(
                "UPDATE base SET detail_run = max(detail_run, ?), failures = failures + 1, "
                "retry_at = ? + min(? << min(failures, 20), ?) WHERE catalog = ? AND id = ?",
                (run, now, FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, catalog_id, base_id),
            )

    def finish_details(self, catalog_id: str, run: int, synced: str | None) -> None:
        """Note that a catalog was fetched completely."""
        with self._transaction() as db:
            db.execute(
                "UPDATE catalog SET details_run = ?, synced = ? WHERE id = ?",
                (run, synced, catalog_id),
            )

    def drop_base(self, catalog_id: str, base_id: str) -> None:
        """Remove a base that is gone."""
        with self._transaction() as db:
            self._drop_bases(db, "catalog = ? AND id = ?", (catalog_id, base_id))

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
            columns = (_indexed(name), "", "", "", "", "", scope)
            _put_text(db, added.lastrowid, columns)
            self._count(db, _naming_words(columns), 1)
        elif row[1] == name:
            db.execute("UPDATE base SET run = ? WHERE number = ?", (run, row[0]))
        else:
            db.execute(
                "UPDATE base SET run = ?, name = ?, folded = ? WHERE number = ?",
                (run, name, spoken(name), row[0]),
            )
            # The name is new; all else by which the base is found stays until its details come.
            self._reindex(db, row[0], (_indexed(name), *self._indexed_columns(db, row[0])[1:]))

    def _put_record(self, db: sqlite3.Connection, record: BaseRecord, run: int) -> None:
        catalog_id, base_id = record.catalog.id, record.handle.id
        self._put_name(db, catalog_id, run, base_id, record.name)
        query = "SELECT number FROM base WHERE catalog = ? AND id = ?"
        number = db.execute(query, (catalog_id, base_id)).fetchone()[0]
        db.execute(
            "UPDATE base SET detail = ?, detail_run = ?, city = ? WHERE number = ?",
            (packed(record), run, fold(record.place.city or ""), number),
        )
        if not record.is_partly_unread:  # else it stays due for another try
            query = "UPDATE base SET failures = 0, retry_at = NULL WHERE number = ?"
            db.execute(query, (number,))
        db.execute("DELETE FROM product WHERE base = ?", (number,))
        db.executemany(
            # A base may list a product twice.
            "INSERT OR REPLACE INTO product VALUES (?, ?, ?, ?)",
            [(catalog_id, p.id, number, p.name) for p in record.products.values()],
        )
        self._reindex(db, number, _columns(record))

    def _reindex(self, db: sqlite3.Connection, number: int, columns: tuple[str, ...]) -> None:
        before = self._indexed_columns(db, number)
        # Most bases are unchanged, and the full-text index is slow to write.
        if before == columns:
            return
        db.execute("DELETE FROM text WHERE rowid = ?", (number,))
        _put_text(db, number, columns)
        # Only the difference is counted, not words that stay.
        had, has = _naming_words(before), _naming_words(columns)
        self._count(db, had - has, -1)
        self._count(db, has - had, 1)

    def _indexed_columns(self, db: sqlite3.Connection, number: int) -> tuple[str, ...]:
        """The texts by which a base is found."""
        query = f"SELECT {_TEXT_COLUMNS} FROM text WHERE rowid = ?"  # noqa: S608 - constants
        columns: tuple[str, ...] = db.execute(query, (number,)).fetchone()
        return columns

    def _count(self, db: sqlite3.Connection, terms: Iterable[str], by: int) -> None:
        """Count one base more or one less (`by`) for each of these words."""
        db.executemany(
            "INSERT INTO word VALUES (?, ?) ON CONFLICT (term) DO UPDATE SET "
            "bases = bases + excluded.bases",
            [(term, by) for term in terms],
        )

    def _drop_bases(self, db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> None:
        query = f"SELECT number FROM base WHERE {where}"  # noqa: S608 - constants
        for (number,) in db.execute(query, values).fetchall():
            self._count(db, _naming_words(self._indexed_columns(db, number)), -1)
            db.execute("DELETE FROM text WHERE rowid = ?", (number,))
            db.execute("DELETE FROM product WHERE base = ?", (number,))
            db.execute("DELETE FROM base WHERE number = ?", (number,))


def spoken(text: str) -> str:
    """The folded words of a text, joined by spaces; names are compared and sorted by this."""
    return " ".join(words(text))


def _put_text(db: sqlite3.Connection, number: int | None, columns: Sequence[str]) -> None:
    db.execute(
        f"INSERT INTO text (rowid, {_TEXT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (number, *columns),
    )


def _naming_words(columns: Sequence[str]) -> set[str]:
    """The words in names, cities and the like; those of the long texts are left out."""
    # Typos are corrected to these words only: descriptions hold nearly every word.
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
    return f"{catalog_word(catalog_id)} {city_word(fold(city or ''))}"


def catalog_word(catalog_id: str) -> str:
    """A catalog's id as one word of the full-text index, whatever characters it has."""
    return "c" + hashlib.sha256(catalog_id.encode()).hexdigest()[:16]


def city_word(folded: str) -> str:
    """A city's name as one word of the full-text index, however many words it has."""
    return "t" + hashlib.sha256(folded.encode()).hexdigest()[:16]


def _indexed(text: str) -> str:
    """A text as the index holds it: folded words, each once, in their order."""
    return " ".join(dict.fromkeys(words(text)))
