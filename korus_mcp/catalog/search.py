"""Searches the mirror for a buyer's words, whatever their case, accents, order and typos.

Best first: the exact name, then names that begin with the query, then bases with all its words
(typos corrected), then bases with as many of the words as any base has.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from korus_mcp.catalog.index import spoken
from korus_mcp.catalog.spelling import Spelled, Speller
from korus_mcp.catalog.store import Part, Row, Scope, Store
from korus_mcp.foundation.folding import fold, words
from korus_mcp.foundation.paging import PageStart

MOST_WORDS: Final = 12
RANKED: Final = 100
COUNTED: Final = 1000
MOST_TRIES: Final = 3
NEAR_WORDS: Final = 3
NEAR_WORD: Final = 50.0
NEAR_NAME: Final = 40.0
SAID: Final = 1.0
"""Score of a word of the query that stands in the name. The scores below say how well a name
fits."""
NEARLY_SAID: Final = 0.5
"""Score of a word that is the beginning of one in the name, or becomes one when corrected."""
TOGETHER: Final = 0.35
"""Score of two words that are neighbours in name and query: a club, a person, a season."""
LENGTH: Final = 0.01
"""Taken off for each word of a name, so that of two equal names the shorter comes first."""
STOP_WORDS: Final = frozenset(
    word
    for line in (
        # articles, prepositions, pronouns, auxiliaries
        "a ai au aux avec avez avoir c ce ces cet cette chez contre d dans de des du elle elles en",
        "est et etre eux il ils j je l la le les leur leurs lui m ma me mes moi mon n ne nos notre",
        "nous on ou par pas pour qu que quel quelle quelles quels qui quoi s sa se ses si son sont",
        "suis sur t ta te tes toi ton tu un une vers vos votre vous y",
        "about against am an and any anything are at be been by can could d do does for from had",
        "has have he her his how i if in into is it its ll me my near of or our re she some than",
        "that the their them there these they this those to v ve versus vs was we were what when",
        "where which who with without would you your",
        # words that buyers put around what they look for
        "acheter aimerais aimerait aller bonjour cherche chercher combien comment faut merci peut",
        "peux plait prendre reserver reste svp trouver va veut veux voir voudrais voudrait",
        "book booking buy find get hello hi looking need please see thanks want",
        # words that fit everything on sale
        "billet billets entree entrees entry place places reservation seat seats ticket",
        "tickets next prochain prochaine",
    )
    for word in line.split()
)
"""Words that say nothing about a base; they count only if a query has no others."""
_SEASON: Final = re.compile(r"\b(\d\d)?(\d\d) ?[-/\u2013] ?(\d\d)\b")
"""A season as people write it: 26/27, 2026-27."""
_PAUSE: Final = re.compile(r"[,;:!?()\u00ab\u00bb\u201c\u201d]|\.\s|\s[-\u2013/]\s")
"""A pause between two words, which then do not belong together."""


@dataclass(frozen=True)
class Matches:
    """Bases that match, best first, from number `start` on. `total` is counted up to a thousand."""

    rows: tuple[Row, ...]
    total: int
    start: int = 0
    has_more: bool = False

    def place_behind(self, count: int) -> PageStart | None:
        """Where the next page begins when `count` rows of this one were used; None at the end."""
        if count == len(self.rows) and not self.has_more:
            return None
        return PageStart(self.start + count, self.rows[count - 1].handle)


def search(
    store: Store, speller: Speller, query: str, scope: Scope, *, place: PageStart, limit: int
) -> Matches:
    """A page of the bases that match a query; for an empty query of all bases, by name.

    Only the best hundred can be paged through. A page that begins behind a base begins there even
    if the catalog was renewed meanwhile.
    """
    if not words(query):
        # One row more than asked for shows whether there is another page.
        rows = store.all_rows(scope, behind=place.behind, offset=place.offset, limit=limit + 1)
        has_more = len(rows) > limit
        return Matches(tuple(rows[:limit]), store.total(scope), place.offset, has_more=has_more)
    found, total = _best(store, speller, query, scope)
    behind = next((n for n, row in enumerate(found) if row.handle == place.behind), None)
    start = place.offset if behind is None else behind + 1
    end = start + limit
    return Matches(found[start:end], total, start, has_more=end < len(found))


def _best(store: Store, speller: Speller, query: str, scope: Scope) -> tuple[tuple[Row, ...], int]:
    """The best hundred matches, best first, and how many there are in all."""
    named = store.named(spoken(query), scope, limit=RANKED)
    asked = _asked(query)
    spelled = speller.spell([*asked])
    # Words that the catalog does not have are skipped; the others must stand together in a base.
    needed = _answered(
        [each for each in spelled if each.is_meant],
        lambda some: store.matches(_match(some), Part.ALL, scope, at_most=1) > 0,
    )
    if not needed:
        return tuple(named), len(named)
    total = store.matches(_match(needed), Part.ALL, scope, at_most=COUNTED)
    rows = _matching(store, _match(needed), scope, min(total, RANKED))
    follows = list(zip(spelled, asked.values(), strict=True))
    ranked = sorted(rows, key=lambda row: -_clarity(row, follows))
    # Names that begin with the query come first, the shortest of them before the others.
    named.sort(key=lambda row: (len(row.folded), row.folded, row.number))
    seen = {row.number for row in named}
    merged = (*named, *(row for row in ranked if row.number not in seen))[:RANKED]
    return merged, max(total, len(named))


def _asked(query: str) -> dict[str, bool]:
    """The words of a query that count, and whether each stands right behind the one before."""
    text = _SEASON.sub(_written_out, fold(query))
    phrases = [words(phrase) for phrase in _PAUSE.split(text)]
    # If the query has stop words only, they have to do.
    telling = [[word for word in phrase if word not in STOP_WORDS] for phrase in phrases]
    asked: dict[str, bool] = {}
    for phrase in telling if any(telling) else phrases:
        for place, word in enumerate(phrase):
            asked.setdefault(word, place > 0)
    return dict(islice(asked.items(), MOST_WORDS))


def _written_out(season: re.Match[str]) -> str:
    """Both years of a season in full; other numbers stay as they are."""
    century, first, second = season.groups("20")
    # 10/12 is a day, or two numbers; a season has two consecutive years.
    if (int(second) - int(first)) % 100 != 1:
        return season.group()
    return f"{century}{first} {century}{second}"


def _answered(
    meant: Sequence[Spelled], stands: Callable[[Sequence[Spelled]], bool]
) -> list[Spelled]:
    """All words if some base has them all, else about as many as any base has.

    Each try starts with the weightiest word that no try has used, and adds words that occur with
    it. So a word that goes with no other costs one try, not the whole result.
    """
    if not meant or stands(meant):
        return list(meant)
    by_weight = sorted(meant, key=_weight, reverse=True)
    untried, best = by_weight, list[Spelled]()
    for _ in range(MOST_TRIES):
        if not untried or len(best) == len(meant) - 1:
            break
        first = untried[0]
        gathered = _gathered([first, *(each for each in by_weight if each != first)], stands)
        # A word that was added in an earlier try has been used.
        untried = [each for each in untried[1:] if each not in gathered]
        best = max(best, gathered, key=lambda some: sum(map(_weight, some)))
    return best


def _gathered(
    words_in_turn: Iterable[Spelled], stands: Callable[[Sequence[Spelled]], bool]
) -> list[Spelled]:
    """These words in order, without those that no base has together with the ones before."""
    gathered: list[Spelled] = []
    for each in words_in_turn:
        if stands([*gathered, each]):
            gathered.append(each)
    return gathered


def _weight(spelled: Spelled) -> float:
    return spelled.weight * spelled.sureness


def _match(needed: Sequence[Spelled]) -> str:
    return " AND ".join(_group(each) for each in needed)


def _group(spelled: Spelled) -> str:
    """One word in SQLite's full-text query language; it has only folded letters and digits."""
    # A prefix query finds the word itself, too.
    ways = [f'"{spelled.word}" *'] if spelled.is_prefix else []
    if spelled.is_known and not ways:
        ways.append(f'"{spelled.word}"')
    for correction in spelled.corrections:
        parts = " AND ".join(f'"{word}"' for word in correction.split())
        ways.append(f"({parts})")
    return f"({' OR '.join(ways)})"


def _matching(store: Store, match: str, scope: Scope, enough: int) -> list[Row]:
    """Bases that match: first by their names, then by cities and the like, then by long texts."""
    rows: dict[int, Row] = {}
    # If names give enough matches, the long texts need not be searched.
    for part in (Part.NAME, Part.NAMING, Part.ALL):
        if len(rows) < enough:
            for row in store.matching(match, part, scope, limit=RANKED):
                rows.setdefault(row.number, row)
    return list(rows.values())


def _clarity(row: Row, asked: Sequence[tuple[Spelled, bool]]) -> float:
    """The score of a name: higher with each word of the query, lower with each other word."""
    name = [word for word in row.folded.split() if word not in STOP_WORDS]
    said, before = 0.0, None
    for spelled, follows in asked:
        place, likeness = _place_in(name, spelled)
        said += likeness
        if follows and place is not None and before is not None and place == before + 1:
            said += TOGETHER
        before = place
    return said - LENGTH * len(name)


def _place_in(name: Sequence[str], spelled: Spelled) -> tuple[int | None, float]:
    """At which place a name has a word of the query, and with which score."""
    if spelled.word in name:
        return name.index(spelled.word), SAID
    for place, word in enumerate(name):
        if word in spelled.corrections or (spelled.is_prefix and word.startswith(spelled.word)):
            return place, NEARLY_SAID
    return None, 0.0


def nearest_names(store: Store, query: str) -> tuple[str, ...]:
    """Names similar to a query that found nothing, taken from bases with similar words."""
    from rapidfuzz import fuzz
    from rapidfuzz.process import extract

    known = list(store.all_words())
    near: dict[str, None] = {}
    for word in _asked(query):
        alike = extract(word, known, scorer=fuzz.ratio, limit=NEAR_WORDS, score_cutoff=NEAR_WORD)
        near |= {term: None for term, _, _ in alike}
    if not near:
        return ()
    # No base has all of the words, so any of them will do.
    match = " OR ".join(f'"{word}"' for word in near)
    names = [row.name for row in store.matching(match, Part.NAMING, Scope(), limit=RANKED)]
    close = extract(query, names, scorer=fuzz.token_set_ratio, processor=spoken, limit=3)
    return tuple(name for name, score, _ in close if score >= NEAR_NAME)
