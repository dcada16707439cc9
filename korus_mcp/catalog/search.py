"""Search: a buyer's words against the mirror, forgiving case, accents, order and typos.

Ranked as a person would: the exact name, then names that begin so, then bases that have all the
words, then those that have them after correction, then those that have most of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from korus_mcp.catalog.paging import Place
from korus_mcp.catalog.spelling import Spelled, Speller
from korus_mcp.catalog.store import Row, Scope, Store, spoken
from korus_mcp.folding import words

MOST_WORDS: Final = 12
RANKED: Final = 100
COUNTED: Final = 1000
NEAREST_AMONG: Final = 2000
NEAR_ENOUGH: Final = 40.0
EXACT, CORRECTED, BEGINNING, TOGETHER, LENGTH = 3.0, 2.4, 2.2, 1.0, 0.02
"""Weights of a word in a name; measured by `make search-quality`."""
STOP_WORDS: Final = frozenset(
    word
    for line in (
        "a au aux avec billet billets ce ces cette d dans de des du en entree entrees et l la le",
        "les ma mes mon nos notre ou par place places pour qu que reservation reserver s sa ses",
        "son sur ticket tickets un une voir y acheter cherche chercher prochain prochaine svp",
        "an and at book booking buy by entry find for from in into is me my near next of on or",
        "our pass seat seats see some that the this to two with",
    )
    for word in line.split()
)
"""Words that say nothing about a base; they count only where nothing else was asked."""


@dataclass(frozen=True)
class Page:
    """Bases that answer, best first, from number `start` on. `total` counts to a thousand."""

    rows: tuple[Row, ...]
    total: int
    start: int = 0
    has_more: bool = False

    def place_behind(self, count: int) -> Place | None:
        """Where the next page begins when so many rows of this one were used; None at the end."""
        if count == len(self.rows) and not self.has_more:
            return None
        return Place(self.start + count, self.rows[count - 1].handle)


@dataclass(frozen=True)
class _Found:
    rows: tuple[Row, ...]
    total: int


def search(
    store: Store, speller: Speller, query: str, scope: Scope, *, place: Place, limit: int
) -> Page:
    """A page of the bases that answer a query; of all of them, by name, for an empty one.

    The best hundred can be paged through; the page behind a base begins there also when the
    catalog was renewed meanwhile.
    """
    asked = list(dict.fromkeys(words(query)))[:MOST_WORDS]
    if not asked:
        return _by_name(store, scope, place, limit)
    found = _best(store, speller, asked, query, scope)
    behind = next((n for n, row in enumerate(found.rows) if row.handle == place.behind), None)
    start = place.offset if behind is None else behind + 1
    end = start + limit
    return Page(found.rows[start:end], found.total, start, has_more=end < len(found.rows))


def _by_name(store: Store, scope: Scope, place: Place, limit: int) -> Page:
    rows = store.all_rows(scope, behind=place.behind, offset=place.offset, limit=limit + 1)
    return Page(tuple(rows[:limit]), store.total(scope), place.offset, has_more=len(rows) > limit)


def _best(store: Store, speller: Speller, asked: Sequence[str], query: str, scope: Scope) -> _Found:
    named = store.named(spoken(query), scope, limit=RANKED)
    spelled = [speller.spell(word) for word in _telling(asked)]
    meant = [s for s in spelled if s.is_meant]
    for needed in _relaxed(meant, speller):
        match = " AND ".join(_group(s) for s in needed)
        rows = store.matching(match, scope, limit=RANKED)
        if rows:
            total = max(store.matches(match, scope, at_most=COUNTED), len(named))
            ranked = _ranked(rows, spelled, speller)
            return _Found(_merged(named, ranked), total)
    return _Found(tuple(named), len(named))


def _telling(asked: Sequence[str]) -> list[str]:
    telling = [word for word in asked if word not in STOP_WORDS]
    return telling or list(asked)


def _relaxed(meant: Sequence[Spelled], speller: Speller) -> list[list[Spelled]]:
    """All words, then ever fewer: the commonest is given up first."""
    by_rarity = sorted(meant, key=speller.frequency)
    return [by_rarity[:count] for count in range(len(by_rarity), 0, -1)]


def _group(spelled: Spelled) -> str:
    """One word of a query in the query language; only folded letters and digits get there."""
    ways = [f'"{spelled.word}" *'] if spelled.is_prefix else []
    if spelled.is_known and not ways:
        ways.append(f'"{spelled.word}"')
    ways += [f'"{word}"' for word in spelled.corrections]
    return f"({' OR '.join(ways)})"


def _ranked(rows: Sequence[Row], spelled: Sequence[Spelled], speller: Speller) -> list[Row]:
    weights = [1 + 1 / math.log(2.72 + speller.frequency(s)) for s in spelled]
    pairs = list(zip(spelled, weights, strict=True))
    return sorted(rows, key=lambda row: (-_score(row, pairs), row.rank, row.folded, row.number))


def _score(row: Row, asked: Sequence[tuple[Spelled, float]]) -> float:
    """How much of what was asked the name says, and says together, less for what else it says."""
    name = [word for word in row.folded.split() if word not in STOP_WORDS]
    said, before = 0.0, None
    for spelled, weight in asked:
        place, likeness = _place_in(name, spelled)
        said += likeness * weight
        if place is not None and before is not None and place == before + 1:
            said += TOGETHER
        before = place
    return said - LENGTH * len(name)


def _place_in(name: Sequence[str], spelled: Spelled) -> tuple[int | None, float]:
    """Where a name says a word, and how closely."""
    if spelled.word in name:
        return name.index(spelled.word), EXACT
    for place, word in enumerate(name):
        if word in spelled.corrections:
            return place, CORRECTED
        if spelled.is_prefix and word.startswith(spelled.word):
            return place, BEGINNING
    return None, 0.0


def _merged(first: Sequence[Row], then: Sequence[Row]) -> tuple[Row, ...]:
    """The names that begin as asked, the shortest first, then the others, none twice."""
    ordered = sorted(first, key=lambda row: (len(row.folded), row.folded, row.number))
    seen = {row.number for row in ordered}
    return (*ordered, *(row for row in then if row.number not in seen))[:RANKED]


def nearest_names(store: Store, query: str) -> tuple[str, ...]:
    """Names that look like a query nothing answered."""
    from rapidfuzz import fuzz
    from rapidfuzz.process import extract

    names = [row.name for row in store.all_rows(Scope(), limit=NEAREST_AMONG)]
    close = extract(query, names, scorer=fuzz.token_set_ratio, processor=spoken, limit=3)
    return tuple(name for name, score, _ in close if score >= NEAR_ENOUGH)
