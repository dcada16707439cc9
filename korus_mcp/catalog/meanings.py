"""What buyers' words mean: kinds of events, what is sold, and places to sit or stand.

meanings.toml holds the words in several languages. The API has no list of such words: names and
universes say them, each issuer in its own way.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from korus_mcp.foundation.folding import words

TABLE: Final = Path(__file__).with_name("meanings.toml")
SHORTEST_PLURAL: Final = 4
"""Letters of the shortest word whose last s may be that of a plural."""
Phrase: TypeAlias = tuple[str, ...]
"""One or more folded words that stand side by side."""


@dataclass(frozen=True)
class Meaning:
    """Something that buyers ask for, with the phrases that say it in several languages.

    Product bases of one of `kinds` (folded words) are it, too. Where it `is_venue` names of venues
    say it. `unlike` is the opposite: where some names say that one, others beside them are this.
    """

    id: str
    phrases: tuple[Phrase, ...]
    kinds: tuple[Phrase, ...] = ()
    is_venue: bool = False
    unlike: str | None = None

    @property
    def spellings(self) -> list[str]:
        """All words of its phrases, in the singular and the plural."""
        return [each for phrase in self.phrases for word in phrase for each in spellings(word)]

    def is_said_in(self, text: Sequence[str]) -> bool:
        """Whether these folded words say it."""
        return any(found is self for _, found in _said_in(text))

    def said_by(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of some names that are it, by their words or unlike the others; maybe none."""
        said = tuple(name for name in names if self.is_said_in(words(name)))
        if said or self.unlike is None:
            return said
        opposite = _table().by_id[self.unlike].said_by(names)
        # Where no name says the opposite, silence tells nothing.
        return tuple(name for name in names if opposite and name not in opposite)


@dataclass(frozen=True)
class _Table:
    by_id: dict[str, Meaning]
    by_phrase: dict[Phrase, Meaning]
    besides: frozenset[str]
    """Words beside a phrase that add nothing to it."""
    longest: int
    """The words of the longest phrase."""


def spellings(word: str) -> tuple[str, str]:
    """A word as the table has it, and with the s of a plural."""
    return word, f"{word}s"


def meaning_of(phrase: Sequence[str]) -> Meaning | None:
    """What some folded words mean together."""
    return _table().by_phrase.get(_singular(phrase))


def meaning_alone(text: str) -> Meaning | None:
    """What a text asks for, where it says nothing else, as "places debout" or "wheelchair" do."""
    found = [*_said_in(words(text))]
    told = [meaning for _, meaning in found if meaning.unlike is None]
    # "wheelchair seats": that they are seats is said by the way.
    meant = {*(told or (meaning for _, meaning in found))}
    said = {word for phrase, _ in found for word in phrase}
    is_alone = all(word in said or word in _table().besides for word in words(text))
    return meant.pop() if len(meant) == 1 and is_alone else None


def parted(text: Sequence[str], is_sold: Callable[[Meaning], bool]) -> list[Phrase]:
    """Folded words one by one, but those together that mean something together which is sold."""
    parts: list[Phrase] = []
    at = 0
    while at < len(text):
        found = _phrases_at(text, at)
        together = (phrase for phrase, of in found if len(phrase) > 1 and is_sold(of))
        parts.append(next(together, (text[at],)))
        at += len(parts[-1])
    return parts


def _said_in(text: Sequence[str]) -> Iterator[tuple[Phrase, Meaning]]:
    """The phrases in a text that mean something, the longest at each place."""
    at = 0
    while at < len(text):
        found = next(_phrases_at(text, at), None)
        if found is not None:
            yield found
        at += len(found[0]) if found is not None else 1


def _phrases_at(text: Sequence[str], at: int) -> Iterator[tuple[Phrase, Meaning]]:
    """The phrases that begin at a place and mean something, the longest first."""
    for length in range(_table().longest, 0, -1):
        phrase = tuple(text[at : at + length])
        meaning = meaning_of(phrase) if len(phrase) == length else None
        if meaning is not None:
            yield phrase, meaning


def _singular(phrase: Sequence[str]) -> Phrase:
    """A phrase whose words lost the s of a plural, or what looks like one: for comparing only."""
    return tuple(w[:-1] if len(w) >= SHORTEST_PLURAL and w[-1] == "s" else w for w in phrase)


@cache
def _table() -> _Table:
    read = tomllib.loads(TABLE.read_text("utf-8"))
    besides = frozenset(read.pop("besides"))
    by_id = {name: _meaning(name, each) for name, each in read.items()}
    by_phrase = {_singular(p): each for each in by_id.values() for p in each.phrases}
    return _Table(by_id, by_phrase, besides, max(map(len, by_phrase)))


def _meaning(name: str, read: Mapping[str, Any]) -> Meaning:
    said = (each for of_language in read["words"].values() for each in of_language)
    return Meaning(
        name,
        tuple(dict.fromkeys(map(_phrase, said))),
        tuple(map(_phrase, read.get("kinds", ()))),
        bool(read.get("venue")),
        read.get("unlike"),
    )


def _phrase(text: str) -> Phrase:
    return tuple(words(text))
