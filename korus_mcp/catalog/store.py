"""Queries of the mirror's file: catalogs, bases, cities and full-text matches.

`file.py` opens and locks the database, `index.py` writes it, and this module reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from cachetools import LRUCache

from korus_mcp.catalog import index
from korus_mcp.catalog.bases import BaseRecord, CatalogRecord
from korus_mcp.catalog.packing import unpacked
from korus_mcp.foundation.handles import Handle

MOST_CITIES: Final = 500
CONSIDERED: Final = 1000
"""The most matches that are ranked, so that a word of half of all bases stays quick."""
MOST_UNPACKED: Final = 1024 * 1024
"""The most bytes, as they are stored, of the bases that are kept unpacked."""

_BASE_COLUMNS: Final = "base.number, base.catalog, base.id, base.name, base.folded, catalog.alias"
_NO_WORD: Final = "none"


@dataclass(frozen=True)
class Row:
    """A product base as a search finds it."""

    number: int
    catalog_id: str
    handle: Handle
    name: str
    folded: str


@dataclass(frozen=True)
class Progress:
    """How far a crawl is: how many bases have their details, of all whose names are known."""

    done: int
    known: int


class Store(index.CatalogIndex):
    """The file of one mirror with its queries. See `file` and `index` for the classes below it."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self._unpacked: LRUCache[tuple[CatalogRecord, str], tuple[bytes, BaseRecord]] = LRUCache(
            MOST_UNPACKED, getsizeof=lambda kept: len(kept[0])
        )

    def fact(self, name: str) -> float | None:
        """A stored number, such as the time at which all names were there (`listed_at`)."""
        row = self._first("SELECT value FROM fact WHERE name = ?", (name,))
        return None if row is None else row[0]

    def catalogs(self) -> list[CatalogRecord]:
        """The catalogs, in the order of the API."""
        rows = self._ask("SELECT id, alias, name FROM catalog ORDER BY place")
        return [CatalogRecord(*row) for row in rows]

    def progress(self) -> Progress:
        """How many bases have their details, and how many there are.

        After the names of a catalog were fetched again, its bases count when their details were.
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
        """A base with its details; None when they are not there."""
        query = (
            "SELECT base.detail, catalog.alias, catalog.name FROM base "
            "JOIN catalog ON catalog.id = base.catalog WHERE base.catalog = ? AND base.id = ?"
        )
        row = self._first(query, (catalog_id, base_id))
        if row is None or row[0] is None:
            return None
        catalog = CatalogRecord(catalog_id, row[1], row[2])
        stored, known = self._unpacked.get((catalog, base_id), (None, None))
        # Compared with what is in the file now: another server may have written it anew.
        if known is None or stored != row[0]:
            known = unpacked(row[0], Handle(catalog.alias, base_id), catalog)
            if len(row[0]) <= MOST_UNPACKED:
                self._unpacked[catalog, base_id] = row[0], known
        return known

    def product_names(self, catalog_id: str, product_id: str) -> tuple[str, str] | None:
        """The names of a product's base and of the product."""
        query = (
            "SELECT base.name, product.name FROM product JOIN base ON base.number = product.base "
            "WHERE product.catalog = ? AND product.id = ?"
        )
        row = self._first(query, (catalog_id, product_id))
        return None if row is None else (row[0], row[1])

    def record_of_product(self, catalog_id: str, product_id: str) -> BaseRecord | None:
        """The base a product belongs to; None when its details are not there."""
        query = (
            "SELECT base.id FROM product JOIN base ON base.number = product.base "
            "WHERE product.catalog = ? AND product.id = ?"
        )
        row = self._first(query, (catalog_id, product_id))
        return None if row is None else self.record(catalog_id, row[0])

    def cities_like(
        self, folded: str, catalog_id: str | None = None, *, limit: int = MOST_CITIES
    ) -> tuple[str, ...]:
        """The folded names of cities that contain this text; of one catalog, or of all.

        A hyphen and an apostrophe count as a space.
        """
        query = (
            # Steps from one city to the next in the index: a few hundred, however many bases.
            "WITH RECURSIVE each (city) AS (SELECT min(city) FROM base UNION ALL "
            "SELECT (SELECT min(city) FROM base WHERE city > each.city) FROM each "
            "WHERE each.city IS NOT NULL) "
            "SELECT city FROM each WHERE "
            "instr(replace(replace(city, '-', ' '), char(39), ' '), ?) AND (? IS NULL OR "
            "EXISTS (SELECT 1 FROM base WHERE base.city = each.city AND base.catalog = ?)) LIMIT ?"
        )
        # Done to both sides, since buyers write "Saint Denis" and issuers "Saint-Denis".
        parted = folded.replace("-", " ").replace("'", " ")
        values = (parted, catalog_id, catalog_id, limit)
        return tuple(row[0] for row in self._ask(query, values))

    def spelled_city(self, folded: str) -> str:
        """The spelling of a folded city that one of its bases has."""
        for row in self.all_rows(Scope(cities=(folded,)), limit=1):
            record = self.record(row.catalog_id, row.handle.id)
            if record is not None and record.place.city:
                return record.place.city
        return folded

    def handles_beginning(self, alias: str, head: str, *, limit: int) -> list[Handle]:
        """Bases of a catalog whose id begins with `head`."""
        query = (
            "SELECT base.id FROM base JOIN catalog ON catalog.id = base.catalog "
            "WHERE catalog.alias = ? AND base.id >= ? AND base.id < ? ORDER BY base.id LIMIT ?"
        )
        rows = self._ask(query, (alias, head, head + "\U0010ffff", limit))
        return [Handle(alias, row[0]) for row in rows]

    def all_rows(
        self, scope: "Scope", *, behind: Handle | None = None, offset: int = 0, limit: int
    ) -> list[Row]:
        """Bases sorted by name: behind the base `behind`, or from `offset` if that base is gone."""
        where, values = scope.sql()
        # Behind a base, not a number: the page stays right when bases before it come or go.
        last = self._first(
            "SELECT folded, number FROM base WHERE id = ? AND "
            "catalog = (SELECT id FROM catalog WHERE alias = ?)",
            (behind.id, behind.alias) if behind else ("", ""),
        )
        if last is not None:
            where, offset = f"(base.folded, base.number) > (?, ?) AND {where}", 0
            values = (*last, *values)
        return self._rows(
            f"SELECT {_BASE_COLUMNS} FROM base JOIN catalog ON catalog.id = base.catalog "  # noqa: S608 - constants
            f"WHERE {where} ORDER BY base.folded, base.number LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )

    def total(self, scope: "Scope") -> int:
        """How many bases a scope has."""
        where, values = scope.sql()
        query = f"SELECT count(*) FROM base WHERE {where}"  # noqa: S608 - constants
        return int(self._ask(query, values)[0][0])

    def named(self, folded: str, scope: "Scope", *, limit: int) -> list[Row]:
        """Bases whose folded name begins with this, sorted by name, up to a limit."""
        where, values = scope.sql()
        return self._rows(
            f"SELECT {_BASE_COLUMNS} FROM (SELECT number FROM base "  # noqa: S608 - constants
            "WHERE folded >= ? AND folded < ? ORDER BY folded, number LIMIT ?) AS begun "
            "CROSS JOIN base ON base.number = begun.number "
            "JOIN catalog ON catalog.id = base.catalog "
            f"WHERE {where} ORDER BY base.folded, base.number LIMIT ?",
            # The inner limit comes before the scope is applied, so a scope needs a higher one.
            (folded, folded + "\U0010ffff", CONSIDERED if values else limit, *values, limit),
        )

    def matching(self, match: str, part: "Part", scope: "Scope", *, limit: int) -> list[Row]:
        """Bases that match a full-text query in one part of their texts.

        Shorter names come first; of very many matches only some are looked at.
        """
        return self._rows(
            f"SELECT {_BASE_COLUMNS} FROM (SELECT rowid FROM text WHERE text MATCH ? LIMIT ?) "  # noqa: S608 - constants
            "AS found JOIN base ON base.number = found.rowid "
            "JOIN catalog ON catalog.id = base.catalog "
            "ORDER BY length(base.folded), base.folded, base.number LIMIT ?",
            (scope.narrowed(f"{part} : ({match})"), CONSIDERED, limit),
        )

    def products_of(self, numbers: Sequence[int]) -> dict[int, int]:
        """How many products each of these bases has; those without any are left out."""
        places = ", ".join("?" * len(numbers))
        query = f"SELECT base, count(*) FROM product WHERE base IN ({places}) GROUP BY base"  # noqa: S608 - places only
        return dict(self._ask(query, tuple(numbers)))

    def matches(self, match: str, part: "Part", scope: "Scope", *, at_most: int) -> int:
        """How many bases match a full-text query, counted up to `at_most`."""
        query = "SELECT count(*) FROM (SELECT 1 FROM text WHERE text MATCH ? LIMIT ?)"
        narrowed = scope.narrowed(f"{part} : ({match})")
        return int(self._ask(query, (narrowed, at_most))[0][0])

    def bases_with(self, words: Sequence[str]) -> dict[str, int]:
        """Those of these words that occur in names, cities and the like, each with its number of
        bases.
        """
        places = ", ".join("?" * len(words))
        query = f"SELECT term, bases FROM word WHERE bases > 0 AND term IN ({places})"  # noqa: S608 - places only
        return dict(self._ask(query, tuple(words)))

    def words_beginning(self, head: str, *, limit: int) -> list[tuple[str, int]]:
        """Words of names and cities that begin with `head`, each with its number of bases."""
        query = (
            "SELECT term, bases FROM word WHERE term >= ? AND term < ? AND bases > 0 "
            "ORDER BY term LIMIT ?"
        )
        return self._ask(query, (head, head + "\U0010ffff", limit))

    def all_words(self) -> dict[str, int]:
        """All words of names, cities and the like, each with its number of bases."""
        return dict(self._ask("SELECT term, bases FROM word WHERE bases > 0"))

    def note_unread(self, rows: int, now: float) -> None:
        """Note how many rows of the lists could not be parsed, and when the lists are due again.

        That is as for a base that was passed over: after a minute, doubled each time.
        """
        failures = int(self.fact("list_failures") or 0)
        # `min`, since the number of failures has no bound and would shift without end.
        wait = min(index.FIRST_RETRY_SECONDS << min(failures, 20), index.LAST_RETRY_SECONDS)
        self.put_facts(
            unread_rows=float(rows),
            list_failures=float(failures + 1) if rows else 0.0,
            list_again_at=now + wait if rows else None,
        )

    def is_list_due(self, now: float) -> bool:
        """Whether lists with unreadable rows are due to be fetched again."""
        again_at = self.fact("list_again_at")
        # A time further ahead than the longest wait was stored by a clock that was wrong.
        return again_at is not None and not now < again_at <= now + index.LAST_RETRY_SECONDS

    def is_current(self, catalog: index.ListedCatalog) -> bool:
        """Whether a catalog was fetched completely since its last known import."""
        query = "SELECT 1 FROM catalog WHERE id = ? AND details_run > 0 AND synced = ?"
        return bool(self._ask(query, (catalog.record.id, catalog.synced)))

    def has_names(self, catalog_id: str, run: int, synced: str | None) -> bool:
        """Whether this run has fetched all names of a catalog since its last import."""
        query = "SELECT 1 FROM catalog WHERE id = ? AND names_run = ? AND listed_import IS ?"
        return bool(self._ask(query, (catalog_id, run, synced)))

    def to_do(self, catalog_id: str, run: int) -> list[str]:
        """Ids of bases whose details this run has still to fetch."""
        query = "SELECT id FROM base WHERE catalog = ? AND detail_run < ? ORDER BY number"
        return [row[0] for row in self._ask(query, (catalog_id, run))]

    def passed_over(self, now: float, *, limit: int) -> list[tuple[CatalogRecord, str]]:
        """Bases that failed and are due for another try; those that wait longest come first.

        A time further ahead than the longest wait counts as due: the clock was wrong then.
        """
        query = (
            "SELECT catalog.id, catalog.alias, catalog.name, base.id FROM base "
            "JOIN catalog ON catalog.id = base.catalog WHERE base.retry_at IS NOT NULL "
            "AND (base.retry_at <= ? OR base.retry_at > ?) ORDER BY base.retry_at LIMIT ?"
        )
        rows = self._ask(query, (now, now + index.LAST_RETRY_SECONDS, limit))
        return [(CatalogRecord(*row[:3]), row[3]) for row in rows]

    def _rows(self, query: str, values: tuple[object, ...]) -> list[Row]:
        return [
            Row(number, catalog, Handle(alias, base_id), name, folded)
            for number, catalog, base_id, name, folded, alias in self._ask(query, values)
        ]


@dataclass(frozen=True)
class Scope:
    """Narrows queries to a catalog, to some cities (folded names), to both, or not at all."""

    catalog_id: str | None = None
    cities: tuple[str, ...] | None = None

    def sql(self) -> tuple[str, tuple[object, ...]]:
        """The SQL condition and its values."""
        # "1" is always true: a scope of all bases has no other condition.
        conditions, values = ["1"], list[object]()
        if self.catalog_id is not None:
            conditions.append("base.catalog = ?")
            values.append(self.catalog_id)
        if self.cities is not None:
            conditions.append(f"base.city IN ({', '.join('?' * len(self.cities))})")
            values.extend(self.cities)
        return " AND ".join(conditions), tuple(values)

    def narrowed(self, match: str) -> str:
        """A full-text query narrowed to this scope, which then needs no other table."""
        wanted = [match]
        if self.catalog_id is not None:
            wanted.append(f"scope : {index.catalog_word(self.catalog_id)}")
        if self.cities is not None:
            cities = " OR ".join(index.city_word(city) for city in self.cities)
            # If no city has that name, the query must find nothing, not everything.
            wanted.append(f"scope : ({cities or _NO_WORD})")
        return " AND ".join(wanted)


class Part(StrEnum):
    """Parts of a base's texts, as a full-text query names them."""

    NAME = "name"
    NAMING = "{name place kind choices products}"
    TEXTS = "texts"
    ALL = "{name place kind choices products texts}"
