"""Spelling: what the words of a query may mean among the words the catalog has.

A trigram index would find substrings, not typos; so the index holds whole folded words, and a word
it does not hold is compared with all of them by edits (swapped neighbours count as one).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final

from korus_mcp.catalog.store import Store
from korus_mcp.foundation.clock import Clock

MOST_CORRECTIONS: Final = 6
SHORTEST: Final = 4
"""Words below four letters have too many neighbours to be corrected."""
LONGEST: Final = 40
"""What is longer is no word somebody mistyped."""
LONG: Final = 7
"""From seven letters on two edits are forgiven, and one in a beginning."""
SHORTEST_PART: Final = 3
"""A word written as one is taken apart into words of three letters or more."""
SHORTEST_YEAR: Final = 4
COUNTED: Final = 1000
BEGINNINGS: Final = 64
KEPT_SECONDS: Final = 5.0
SURE: Final = 1.0
"""A word is meant as it stands. This and the next say how sure it is what a word means."""
BEGUN: Final = 0.9
"""It is the beginning of one."""
ONE_EDIT: Final = 0.8
"""It is one edit, or one space, away from one."""
MENTIONED: Final = 0.8
"""It stands in descriptions only."""
COUNTING: Final = 0.5
"""It is a small number: as often it says how many tickets are wanted."""
TWO_EDITS: Final = 0.5
"""It is two edits away from one."""


@dataclass(frozen=True)
class Spelled:
    """How a word of a query may be meant: as it stands, as a beginning, or as other words.

    A correction may be several words, all of which are meant. `bases` is about how many bases
    have it.
    """

    word: str
    is_known: bool = False
    is_prefix: bool = False
    corrections: tuple[str, ...] = ()
    sureness: float = SURE
    bases: int = 0

    @property
    def is_meant(self) -> bool:
        """Whether the catalog has anything like it."""
        return self.is_known or self.is_prefix or bool(self.corrections)

    @property
    def weight(self) -> float:
        """How much it says: a rare word up to twice as much as a common one."""
        return 1 + 1 / math.log(math.e + self.bases)


@dataclass(frozen=True)
class _Vocabulary:
    """The words that name things, in memory for comparing."""

    bases: dict[str, int] = field(default_factory=dict)
    by_length: dict[int, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, bases: dict[str, int]) -> "_Vocabulary":
        by_length: dict[int, list[str]] = {}
        for word in bases:
            by_length.setdefault(len(word), []).append(word)
        return cls(bases, by_length)

    def of_lengths(self, lengths: Iterable[int]) -> list[str]:
        """All words of these lengths."""
        return [*chain.from_iterable(self.by_length.get(length, ()) for length in lengths)]


@dataclass
class Speller:
    """Finds what words of a query may mean in a catalog.

    Only a word that is neither known nor a beginning needs all words of the catalog in memory.
    """

    store: Store
    clock: Clock
    _vocabulary: _Vocabulary = field(default_factory=_Vocabulary)
    _read_at: float = -math.inf
    _version: int = -1

    def spell(self, asked: Sequence[str]) -> list[Spelled]:
        """How each of these folded words may be meant."""
        joined = self._joined(asked)
        return [self._spelled(word, joined.get(place, ())) for place, word in enumerate(asked)]

    def _joined(self, asked: Sequence[str]) -> dict[int, tuple[str, ...]]:
        """Words the catalog writes as one, at the places of both that were written apart."""
        pairs = {place: one + other for place, (one, other) in enumerate(pairwise(asked))}
        known = self.store.bases_with(list(pairs.values())) if pairs else {}
        joined: dict[int, tuple[str, ...]] = {}
        for place, word in pairs.items():
            # "2 026" is no year that was written apart.
            if word in known and not word.isdigit():
                joined[place] = (*joined.get(place, ()), word)
                joined[place + 1] = (word,)
        return joined

    def _spelled(self, word: str, joined: tuple[str, ...]) -> Spelled:
        beginning = dict(self.store.words_beginning(word, limit=BEGINNINGS))
        is_known = word in beginning
        # One letter begins too many words to mean one; a number is meant whole.
        is_prefix = len(word) > 1 and not word.isdigit() and len(beginning) > is_known
        # Only then: to guess takes all words of the catalog in memory.
        if not (is_known or is_prefix or joined):
            return self._guessed(word)
        return Spelled(
            word,
            is_known=is_known,
            is_prefix=is_prefix,
            corrections=joined,
            sureness=_sureness(word, is_known=is_known or bool(joined)),
            bases=sum(beginning.values()) if is_prefix else beginning.get(word, 0),
        )

    def _guessed(self, word: str) -> Spelled:
        """A word that names nothing: one of the texts, other words, or both."""
        corrections, sureness = self._corrected(word)
        mentions = self.store.mentions(word, at_most=COUNTED)
        named = self.store.bases_with([*chain(*(c.split() for c in corrections))])
        return Spelled(
            word,
            is_known=mentions > 0,
            corrections=corrections,
            sureness=max(sureness, MENTIONED if mentions else 0.0),
            bases=mentions + sum(named.values()),
        )

    def _corrected(self, word: str) -> tuple[tuple[str, ...], float]:
        """What may have been meant by a mistyped word, and how sure that is."""
        # A number with one digit wrong is another number, not a mistyped one.
        if not SHORTEST <= len(word) <= LONGEST or word.isdigit():
            return (), 0.0
        # From the likeliest mistake to the rarest; the first that explains the word counts.
        one_edit = self._neighbours(word, 1)
        if one_edit:
            return one_edit, ONE_EDIT
        apart = self._apart(word)
        if apart:
            return apart, ONE_EDIT
        # Two edits turn a short word into any other.
        if len(word) < LONG:
            return (), 0.0
        return self._neighbours(word, 2) or self._beginnings(word), TWO_EDITS

    def _neighbours(self, word: str, edits: int) -> tuple[str, ...]:
        """The words so few edits away, those with the same first letter before the others."""
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        vocabulary = self._read()
        # An edit changes the length by one at most: other words need not be compared.
        lengths = range(max(len(word) - edits, SHORTEST - 1), len(word) + edits + 1)
        near = extract(
            word, vocabulary.of_lengths(lengths), scorer=OSA.distance, score_cutoff=edits, limit=40
        )
        terms = [term for term, _, _ in near]
        # People seldom mistype the first letter.
        terms.sort(key=lambda term: (term[0] != word[0], -vocabulary.bases[term], term))
        return tuple(terms[:MOST_CORRECTIONS])

    def _apart(self, word: str) -> tuple[str, ...]:
        """Two words the catalog has, where they were written as one."""
        cuts = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
        pairs = [(word[:cut], word[cut:]) for cut in cuts]
        known = self.store.bases_with([*chain.from_iterable(pairs)]) if pairs else {}
        both = [pair for pair in pairs if pair[0] in known and pair[1] in known]
        return tuple(" ".join(pair) for pair in both[:MOST_CORRECTIONS])

    def _beginnings(self, word: str) -> tuple[str, ...]:
        """Longer words that begin so, but for one edit behind the first letter."""
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        vocabulary = self._read()
        longer = (length for length in vocabulary.by_length if length > len(word))
        heads = {
            term[: len(word)]: term for term in vocabulary.of_lengths(longer) if term[0] == word[0]
        }
        near = extract(word, heads.keys(), scorer=OSA.distance, score_cutoff=1, limit=3)
        return tuple(heads[head] for head, _, _ in near)

    def _read(self) -> _Vocabulary:
        """The words, read again when the file changed, at most every few seconds."""
        now = self.clock.monotonic()
        # During a crawl the file changes with each batch: not every search may read it all.
        if now - self._read_at >= KEPT_SECONDS:
            version = self.store.version()
            if version != self._version:
                self._vocabulary = _Vocabulary.of(self.store.all_words())
                self._version = version
            self._read_at = now
        return self._vocabulary


def _sureness(word: str, *, is_known: bool) -> float:
    """How sure it is that a word of the catalog, or the beginning of one, is meant."""
    # "2 tickets": a small number mostly says how many.
    if word.isdigit() and len(word) < SHORTEST_YEAR:
        return COUNTING
    return SURE if is_known else BEGUN
