"""Spelling: unknown words of a query are corrected to words the catalog has.

A trigram index would find substrings, not typos; so the index holds whole folded words, and a word
it does not hold is compared with all of them by edits (swapped neighbours count as one).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from korus_mcp.clock import Clock

MOST_CORRECTIONS: Final = 6
SHORTEST: Final = 4
"""Words below four letters have too many neighbours to be corrected."""
LONG: Final = 7
BEGINNINGS: Final = 64
KEPT_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Spelled:
    """How a word of a query may be meant: as it stands, as a beginning, or as other words."""

    word: str
    is_known: bool
    is_prefix: bool
    corrections: tuple[str, ...]

    @property
    def is_meant(self) -> bool:
        """Whether the catalog has anything like it."""
        return self.is_known or self.is_prefix or bool(self.corrections)


class Words(Protocol):
    """The words of a catalog, as its file has them."""

    def version(self) -> int:
        """A number that changes whenever the words may have changed."""
        ...

    def bases_with(self, words: Sequence[str]) -> int:
        """In how many bases these words stand."""
        ...

    def words_beginning(self, head: str, *, limit: int) -> list[str]:
        """Words that begin so, in order."""
        ...

    def all_words(self) -> dict[str, int]:
        """All words, each with the number of bases it stands in."""
        ...


class Speller:
    """Finds what words of a query may mean in a catalog.

    Only a word that is neither known nor a beginning needs all words of the catalog in memory.
    """

    def __init__(self, words: Words, clock: Clock) -> None:
        self._words = words
        self._clock = clock
        self._frequencies: dict[str, int] = {}
        self._read_at = -math.inf
        self._version = -1

    def frequency(self, spelled: Spelled) -> int:
        """In how many bases the word or its corrections stand; a rough guess for a beginning."""
        meant = [spelled.word] if spelled.is_known else list(spelled.corrections)
        if spelled.is_prefix:
            meant += self._words.words_beginning(spelled.word, limit=BEGINNINGS)
        return self._words.bases_with(meant)

    def spell(self, word: str) -> Spelled:
        """How a folded word may be meant."""
        beginning = self._words.words_beginning(word, limit=2)
        is_known = word in beginning
        is_prefix = len(word) > 1 and len(beginning) > is_known
        corrections = () if is_known or is_prefix else self._corrected(word)
        return Spelled(word, is_known, is_prefix, corrections)

    def _corrected(self, word: str) -> tuple[str, ...]:
        if len(word) < SHORTEST or word.isdigit():
            return ()
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        known = self._all_words()
        edits = 2 if len(word) >= LONG else 1
        found = extract(word, known.keys(), scorer=OSA.distance, score_cutoff=edits, limit=40)
        if not found and len(word) >= LONG:
            heads = {term[: len(word)]: term for term in known if len(term) > len(word)}
            found = extract(word, heads.keys(), scorer=OSA.distance, score_cutoff=1, limit=3)
            return tuple(heads[head] for head, _, _ in found)
        least = min((distance for _, distance, _ in found), default=0)
        near = [term for term, distance, _ in found if distance == least]
        near.sort(key=lambda term: (term[0] != word[0], -known[term], term))
        return tuple(near[:MOST_CORRECTIONS])

    def _all_words(self) -> dict[str, int]:
        """The words, read again when the file changed, at most every few seconds."""
        now = self._clock.monotonic()
        if now - self._read_at >= KEPT_SECONDS:
            version = self._words.version()
            if version != self._version:
                known = self._words.all_words()
                self._frequencies = {t: n for t, n in known.items() if len(t) >= SHORTEST - 1}
                self._version = version
            self._read_at = now
        return self._frequencies
