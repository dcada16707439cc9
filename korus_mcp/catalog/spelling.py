"""Spelling: which words of the catalog the words of a query may mean.

A trigram index would find substrings, not typos. So the index holds whole folded words, and an
unknown word is compared with all of them by edit distance (two swapped letters are one edit).
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final

from korus_mcp.catalog.store import Part, Scope, Store
from korus_mcp.foundation.clock import Clock

MOST_CORRECTIONS: Final = 6
SHORTEST: Final = 4
"""Letters of the shortest word that is corrected: shorter ones are similar to too many words."""
LONGEST: Final = 40
"""Letters of the longest word that is corrected: a longer one is no mistyped word."""
LONG: Final = 7
"""From this many letters on, two edits are forgiven, and one in the beginning of a word."""
SHORTEST_PART: Final = 3
"""Letters that both parts must have when a word is split in two."""
SHORTEST_YEAR: Final = 4
COUNTED: Final = 1000
BEGINNINGS: Final = 64
KEPT_SECONDS: Final = 5.0
SURE: Final = 1.0
"""The word is in the catalog. This and the next numbers say how sure the meaning of a word is."""
BEGUN: Final = 0.9
"""The word is the beginning of a word in the catalog."""
ONE_EDIT: Final = 0.8
"""The word is one edit, or one space, away from a word in the catalog."""
MENTIONED: Final = 0.8
"""The word stands in descriptions only."""
COUNTING: Final = 0.5
"""The word is a small number, which often says how many tickets are wanted."""
TWO_EDITS: Final = 0.5
"""The word is two edits away from a word in the catalog."""


@dataclass(frozen=True)
class Spelled:
    """How a word of a query may be meant: as it stands, as a beginning, or as other words.

    A correction may be several words, all of which are meant. `bases`: about how many bases match.
    `is_only_mentioned`: it stands in descriptions only, or nowhere.
    """

    word: str
    is_known: bool = False
    is_prefix: bool = False
    corrections: tuple[str, ...] = ()
    sureness: float = SURE
    bases: int = 0
    is_only_mentioned: bool = False

    @property
    def is_meant(self) -> bool:
        """Whether the catalog has anything like this word."""
        return self.is_known or self.is_prefix or bool(self.corrections)

    @property
    def weight(self) -> float:
        """How much the word counts: a rare word up to twice as much as a common one."""
        return 1 + 1 / math.log(math.e + self.bases)


class _Vocabulary:
    """The words of names, cities and the like, in memory to be compared."""

    def __init__(self, bases: dict[str, int]) -> None:
        self.bases = bases
        self.by_length: dict[int, list[str]] = {}
        for word in bases:
            self.by_length.setdefault(len(word), []).append(word)

    def of_lengths(self, lengths: Iterable[int]) -> list[str]:
        """All words of these lengths."""
        return [*chain.from_iterable(self.by_length.get(length, ()) for length in lengths)]


@dataclass
class Speller:
    """Finds out which words of a catalog the words of a query may mean.

    Only for a word that is neither known nor the beginning of one are all words of the catalog
    loaded into memory.
    """

    store: Store
    clock: Clock
    _vocabulary: _Vocabulary = field(default_factory=lambda: _Vocabulary({}))
    _read_at: float = -math.inf
    _version: int = -1

    def spell(self, asked: Sequence[str], understood: Collection[str] = ()) -> list[Spelled]:
        """What each of these folded words may mean. Those that are `understood` are no typos."""
        joined = self._joined(asked)
        return [
            self._spelled(word, joined.get(place, ()), is_typo=word not in understood)
            for place, word in enumerate(asked)
        ]

    def _joined(self, asked: Sequence[str]) -> dict[int, tuple[str, ...]]:
        """Words written apart that the catalog writes as one, by the places of both parts."""
        pairs = {place: one + other for place, (one, other) in enumerate(pairwise(asked))}
        known = self.store.bases_with(list(pairs.values())) if pairs else {}
        joined: dict[int, tuple[str, ...]] = {}
        for place, word in pairs.items():
            # Numbers are not joined: "2 026" is not the year 2026.
            if word in known and not word.isdigit():
                joined[place] = (*joined.get(place, ()), word)
                joined[place + 1] = (word,)
        return joined

    def _spelled(self, word: str, joined: tuple[str, ...], *, is_typo: bool) -> Spelled:
        beginning = dict(self.store.words_beginning(word, limit=BEGINNINGS))
        is_known = word in beginning
        # A single letter begins too many words, and a number is always meant in full.
        is_prefix = len(word) > 1 and not word.isdigit() and len(beginning) > is_known
        # Only then is it guessed, which needs all words of the catalog in memory.
        if not (is_known or is_prefix or joined):
            return self._guessed(word, is_typo=is_typo)
        return Spelled(
            word,
            is_known=is_known,
            is_prefix=is_prefix,
            corrections=joined,
            sureness=_sureness(word, is_known=is_known or bool(joined)),
            bases=sum(beginning.values()) if is_prefix else beginning.get(word, 0),
        )

    def _guessed(self, word: str, *, is_typo: bool) -> Spelled:
        """A word that occurs in no name: it may be in the long texts, or mistyped for others."""
        corrections, sureness = self._corrected(word) if is_typo else ((), 0.0)
        mentions = self.store.matches(f'"{word}"', Part.TEXTS, Scope(), at_most=COUNTED)
        named = self.store.bases_with([*chain(*(c.split() for c in corrections))])
        return Spelled(
            word,
            is_known=mentions > 0,
            corrections=corrections,
            sureness=max(sureness, MENTIONED if mentions else 0.0),
            bases=mentions + sum(named.values()),
            is_only_mentioned=not corrections,
        )

    def _corrected(self, word: str) -> tuple[tuple[str, ...], float]:
        """The words that a mistyped word may mean, and how sure that is."""
        # A number with one digit wrong is another number, not a mistyped one.
        if not SHORTEST <= len(word) <= LONGEST or word.isdigit():
            return (), 0.0
        # From the likeliest mistake to the rarest; the first one with a result counts.
        near = self._neighbours(word, 1) or self._apart(word)
        if near:
            return near, ONE_EDIT
        # With two edits a short word can become nearly any other.
        if len(word) < LONG:
            return (), 0.0
        return self._neighbours(word, 2) or self._beginnings(word), TWO_EDITS

    def _neighbours(self, word: str, edits: int) -> tuple[str, ...]:
        """The words at most `edits` away, those with the same first letter before the others."""
        vocabulary = self._read()
        # An edit changes the length by one at most, so only words of similar length are compared.
        lengths = range(max(len(word) - edits, SHORTEST - 1), len(word) + edits + 1)
        terms = _near(word, vocabulary.of_lengths(lengths), edits, limit=40)
        # People seldom mistype the first letter.
        terms.sort(key=lambda term: (term[0] != word[0], -vocabulary.bases[term], term))
        return tuple(terms[:MOST_CORRECTIONS])

    def _apart(self, word: str) -> tuple[str, ...]:
        """The two words of the catalog that this word is made of, if it was written as one."""
        cuts = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
        pairs = [(word[:cut], word[cut:]) for cut in cuts]
        known = self.store.bases_with([*chain.from_iterable(pairs)]) if pairs else {}
        both = [pair for pair in pairs if pair[0] in known and pair[1] in known]
        return tuple(" ".join(pair) for pair in both[:MOST_CORRECTIONS])

    def _beginnings(self, word: str) -> tuple[str, ...]:
        """Longer words that begin like this one, with one edit behind the first letter."""
        vocabulary = self._read()
        longer = (length for length in vocabulary.by_length if length > len(word))
        heads = {
            term[: len(word)]: term for term in vocabulary.of_lengths(longer) if term[0] == word[0]
        }
        return tuple(heads[head] for head in _near(word, heads, 1, limit=3))

    def _read(self) -> _Vocabulary:
        """The words, loaded again when the file changed, but at most every few seconds."""
        now = self.clock.monotonic()
        # During a crawl the file changes often; not every search may load all words again.
        if now - self._read_at >= KEPT_SECONDS:
            version = self.store.version()
            if version != self._version:
                self._vocabulary = _Vocabulary(self.store.all_words())
                self._version = version
            self._read_at = now
        return self._vocabulary


def _near(word: str, terms: Iterable[str], edits: int, *, limit: int) -> list[str]:
    """The first of these terms that are at most `edits` away, the nearest first."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extract

    near = extract(word, list(terms), scorer=OSA.distance, score_cutoff=edits, limit=limit)
    return [term for term, _, _ in near]


def _sureness(word: str, *, is_known: bool) -> float:
    """How sure it is that a word of the catalog, or the beginning of one, is meant."""
    # "2 tickets": a small number mostly says how many.
    if word.isdigit() and len(word) < SHORTEST_YEAR:
        return COUNTING
    return SURE if is_known else BEGUN
