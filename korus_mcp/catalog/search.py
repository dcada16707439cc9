"""Searches the mirror for a buyer's words, whatever their case, accents, order and typos.

Best first: the exact name, then names that begin with the query, then bases with all its words
(typos corrected), then bases with as many of the words as any base has. Behind bases that have the
words themselves come those that say the same in other words (`meanings`).
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

from korus_mcp.catalog.index import spoken
from korus_mcp.catalog.meanings import Meaning, Phrase, meaning_of, parted, spellings
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
"""Score of a word that is the beginning of one in the name, becomes one when corrected, or means
the same as one."""
TOGETHER: Final = 0.35
"""Score of two words that are neighbours in name and query: a club, a person, a season."""
UNDERSTOOD: Final = 0.8
"""How sure it is that a word is meant as one of other words for the same."""
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
        # how many come, and on which day of the week
        "one two three four five six seven eight nine ten both",
        "deux trois quatre cinq sept huit neuf dix",
        "monday tuesday wednesday thursday friday saturday sunday weekend today tomorrow tonight",
        "lundi mardi mercredi jeudi vendredi samedi dimanche demain soir",
    )
    for word in line.split()
)
"""Words that say nothing about a base; they count only if a query has no others."""
PEOPLE: Final = frozenset(
    word
    for line in (
        "adult adults child children family kid kids people person persons senior seniors student",
        "students adulte adultes enfant enfants etudiant etudiants famille personne personnes",
    )
    for word in line.split()
)
"""Words for who comes. Where nothing has all words of a query, what is looked for counts more."""
BESIDE_WHAT: Final = 0.2
_SEASON: Final = re.compile(r"\b(\d\d)?(\d\d) ?[-/\u2013] ?(\d\d)\b")
"""A season as people write it: 26/27, 2026-27."""
_SAYING: Final = ("name", "choices", "products")
"""The columns of the index whose texts say what a base is, besides its kind."""
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


@dataclass(frozen=True)
class _Term:
    """A word of a query, or several that mean one thing together; `follows`: it stands right behind
    the term before it.
    """

    spelled: Spelled
    follows: bool
    meaning: Meaning | None = None
    saying: str | None = None
    """Which bases are what it means, in SQLite's full-text query language."""

    @property
    def is_meant(self) -> bool:
        """Whether the catalog has anything like it."""
        return self.spelled.is_meant or self.meaning is not None

    @property
    def weight(self) -> float:
        """How much it counts, by how rare it is and how sure what it means."""
        spelled = self.spelled
        sureness = max(spelled.sureness, UNDERSTOOD if self.meaning is not None else 0.0)
        who = BESIDE_WHAT if spelled.word in PEOPLE else 1.0
        return spelled.weight * sureness * who

    @property
    def is_named(self) -> bool:
        """Whether names, cities and the like have it as it is spelled."""
        return self.spelled.is_meant and not self.spelled.is_only_mentioned


def _best(store: Store, speller: Speller, query: str, scope: Scope) -> tuple[tuple[Row, ...], int]:
    """The best hundred matches, best first, and how many there are in all."""
    named = store.named(spoken(query), scope, limit=RANKED)
    terms = _terms(store, speller, query)

    def stand(some: Sequence[_Term]) -> bool:
        return store.matches(_match(some, wide=True), Part.ALL, scope, at_most=1) > 0

    # Words that the catalog does not have are skipped; the others must stand together in a base.
    needed = _answered([each for each in terms if each.is_meant], stand)
    if not needed:
        return tuple(named), len(named)
    # Names that begin with the query come first, the shortest of them before the others; then
    # bases that have its words, and last those that say the same in other words.
    named.sort(key=lambda row: (len(row.folded), row.folded, row.number))
    found = {row.number: row for row in named}
    total = store.matches(_match(needed, wide=True), Part.ALL, scope, at_most=COUNTED)
    for match in dict.fromkeys(_match(needed, wide=wide) for wide in (False, True)):
        for row in _ranked(store, _matching(store, match, scope, min(total, RANKED)), terms):
            found.setdefault(row.number, row)
    return tuple(islice(found.values(), RANKED)), max(total, len(named))


def _terms(store: Store, speller: Speller, query: str) -> list[_Term]:
    """What a query asks for, term by term."""

    @cache
    def saying(meaning: Meaning) -> str | None:
        # Words that the catalog does not have make a query long, and find nothing.
        match = _saying(meaning, store.bases_with(meaning.spellings))
        is_sold = match is not None and store.matches(match, Part.NAMING, Scope(), at_most=1)
        return match if is_sold else None

    asked = _asked(query, lambda meaning: saying(meaning) is not None)
    found = {phrase: meaning_of(phrase) for phrase in asked}
    meant = {phrase: each for phrase, each in found.items() if each is not None and saying(each)}
    single = [phrase[0] for phrase in asked if len(phrase) == 1]
    understood = {phrase[0] for phrase in meant if len(phrase) == 1}
    spelled: dict[Phrase, Spelled] = {
        (each.word,): each for each in speller.spell(single, understood)
    }
    terms: list[_Term] = []
    for phrase, follows in asked.items():
        own, meaning = spelled.get(phrase) or Spelled(" ".join(phrase)), meant.get(phrase)
        terms.append(_Term(own, follows, meaning, saying(meaning) if meaning else None))
    return terms


def _asked(query: str, is_sold: Callable[[Meaning], bool]) -> dict[Phrase, bool]:
    """The words of a query that count, those together that mean something together which is sold,
    and whether each stands right behind the one before.
    """
    text = _SEASON.sub(_written_out, fold(query))
    phrases = [parted(words(phrase), is_sold) for phrase in _PAUSE.split(text)]
    # If the query has stop words only, they have to do.
    telling = [[each for each in phrase if not _is_stop_word(each)] for phrase in phrases]
    asked: dict[Phrase, bool] = {}
    for phrase in telling if any(telling) else phrases:
        for place, each in enumerate(phrase):
            asked.setdefault(each, place > 0)
    return dict(islice(asked.items(), MOST_WORDS))


def _is_stop_word(phrase: Phrase) -> bool:
    return len(phrase) == 1 and phrase[0] in STOP_WORDS


def _written_out(season: re.Match[str]) -> str:
    """Both years of a season in full; other numbers stay as they are."""
    century, first, second = season.groups("20")
    # 10/12 is a day, or two numbers; a season has two consecutive years.
    if (int(second) - int(first)) % 100 != 1:
        return season.group()
    return f"{century}{first} {century}{second}"


def _answered(meant: Sequence[_Term], stands: Callable[[Sequence[_Term]], bool]) -> list[_Term]:
    """All words if some base has them all, else about as many as any base has.

    Each try starts with the weightiest word that no try has used, and adds words that occur with
    it. So a word that goes with no other costs one try, not the whole result.
    """
    if not meant or stands(meant):
        return list(meant)
    by_weight = sorted(meant, key=lambda each: each.weight, reverse=True)
    untried, best = by_weight, list[_Term]()
    for _ in range(MOST_TRIES):
        if not untried or len(best) == len(meant) - 1:
            break
        first = untried[0]
        gathered = _gathered([first, *(each for each in by_weight if each != first)], stands)
        # A word that was added in an earlier try has been used.
        untried = [each for each in untried[1:] if each not in gathered]
        best = max(best, gathered, key=lambda some: sum(each.weight for each in some))
    return best


def _gathered(
    words_in_turn: Iterable[_Term], stands: Callable[[Sequence[_Term]], bool]
) -> list[_Term]:
    """These words in order, without those that no base has together with the ones before."""
    gathered: list[_Term] = []
    for each in words_in_turn:
        if stands([*gathered, each]):
            gathered.append(each)
    return gathered


def _match(needed: Sequence[_Term], *, wide: bool) -> str:
    return " AND ".join(_group(each, wide=wide) for each in needed)


def _group(term: _Term, *, wide: bool) -> str:
    """One term in SQLite's full-text query language; words have only folded letters and digits.

    `wide`: bases that say the same in other words match, too; else only where no name has the word.
    """
    spelled = term.spelled
    # A prefix query finds the word itself, too.
    ways = [f'"{spelled.word}" *'] if spelled.is_prefix else []
    if spelled.is_known and not ways:
        ways.append(f'"{spelled.word}"')
    for correction in spelled.corrections:
        parts = " AND ".join(f'"{word}"' for word in correction.split())
        ways.append(f"({parts})")
    if term.saying is not None and (wide or not term.is_named):
        ways.append(term.saying)
    return f"({' OR '.join(ways)})"


def _saying(meaning: Meaning, known: Collection[str]) -> str | None:
    """The bases that are something, in SQLite's full-text query language: by their kinds, or by
    the phrases for it in their names, choices or products. None if there are none.
    """
    texts = (*_SAYING, "place") if meaning.is_venue else _SAYING
    kinds = (" AND ".join(f'"{word}"' for word in kind) for kind in meaning.kinds)
    ways = [f"kind : ({kind})" for kind in kinds]
    for phrase in meaning.phrases:
        spelled = [[each for each in spellings(word) if each in known] for word in phrase]
        if not all(spelled):
            continue
        words_of_it = (" OR ".join(f'"{each}"' for each in one) for one in spelled)
        whole = " AND ".join(f"({each})" for each in words_of_it)
        # In one text: a season and the card of somebody are no season card. Whether they stand
        # side by side the index does not know.
        ways += [f"{text} : ({whole})" for text in texts]
    return f"({' OR '.join(ways)})" if ways else None


def _matching(store: Store, match: str, scope: Scope, enough: int) -> dict[Row, int]:
    """Bases that match, each with where: 0 in its name, 1 in its city and the like, 2 in long
    texts.
    """
    rows: dict[Row, int] = {}
    # If names give enough matches, the long texts need not be searched.
    for where, part in enumerate((Part.NAME, Part.NAMING, Part.ALL)):
        if len(rows) < enough:
            for row in store.matching(match, part, scope, limit=RANKED):
                rows.setdefault(row, where)
    return rows


def _ranked(store: Store, rows: Mapping[Row, int], asked: Sequence[_Term]) -> list[Row]:
    """The rows by how clearly their names say what was asked for. Of those that say nothing of it,
    such as all of a venue, the ones with most products go first: a park's day ticket before a ride
    in its balloon.
    """
    clarity = {row: _clarity(row, asked) for row in rows}
    products = store.products_of([row.number for row in rows if not clarity[row]])

    def place(row: Row) -> tuple[float, int, int]:
        if clarity[row]:
            return -clarity[row], 0, 0
        return 0.0, rows[row], -products.get(row.number, 0)

    return sorted(rows, key=place)


def _clarity(row: Row, asked: Sequence[_Term]) -> float:
    """The score of a name: higher with each word of the query, lower with each other word; 0 if it
    says none.
    """
    whole = row.folded.split()
    name = [word for word in whole if word not in STOP_WORDS]
    said, before = 0.0, None
    for term in asked:
        place, likeness = _place_in(name, term.spelled)
        if not likeness and term.meaning is not None:
            likeness = _meant_by(whole, term.spelled.word.split(), term.meaning)
        said += likeness
        if term.follows and place is not None and before is not None and place == before + 1:
            said += TOGETHER
        before = place
    return max(said - LENGTH * len(name), LENGTH) if said else 0.0


def _meant_by(name: Sequence[str], asked: Sequence[str], meaning: Meaning) -> float:
    """With which score a name says in other words what some words mean together."""
    if meaning.is_said_in(name):
        return SAID if len(asked) > 1 else NEARLY_SAID
    return NEARLY_SAID * sum(word in name for word in asked) / len(asked)


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
    for (word,) in _asked(query, lambda _: False):
        alike = extract(word, known, scorer=fuzz.ratio, limit=NEAR_WORDS, score_cutoff=NEAR_WORD)
        near |= {term: None for term, _, _ in alike}
    if not near:
        return ()
    # No base has all of the words, so any of them will do.
    match = " OR ".join(f'"{word}"' for word in near)
    names = [row.name for row in store.matching(match, Part.NAMING, Scope(), limit=RANKED)]
    close = extract(query, names, scorer=fuzz.token_set_ratio, processor=spoken, limit=3)
    return tuple(name for name, score, _ in close if score >= NEAR_NAME)
