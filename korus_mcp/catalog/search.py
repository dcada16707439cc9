"""Search over the names, places and choices of the mirror, forgiving case, accents and typos."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from korus_mcp.catalog.records import BaseName, BaseRecord
from korus_mcp.folding import fold

_WORDS = re.compile(r"\w+")
_TYPO_CUTOFF = 0.75
_TYPO_LENGTH = 4


class Grade(IntEnum):
    """How well a base answers a query, best first."""

    EXACT = 0
    PREFIX = 1
    ALL_WORDS = 2
    TYPOS = 3


@dataclass(frozen=True)
class Entry:
    """A base as the search sees it; the record is missing while its details are being read."""

    name: BaseName
    record: BaseRecord | None


def words(text: str) -> list[str]:
    """The folded words of a text."""
    return _WORDS.findall(fold(text))


def search(query: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that answer a query, best first; all of them, by name, for an empty one.

    Where nothing has all the words, those that have the most of them answer.
    """
    asked = words(query)
    if not asked:
        return sorted(entries, key=lambda e: fold(e.name.name))
    graded = [
        (grade, fold(entry.name.name), index, entry)
        for index, entry in enumerate(entries)
        if (grade := _grade(asked, entry)) is not None
    ]
    if graded:
        return [entry for *_, entry in sorted(graded, key=lambda g: g[:3])]
    return _with_most_words(asked, entries)


def _with_most_words(asked: list[str], entries: Iterable[Entry]) -> list[Entry]:
    counted = [(sum(_is_like(a, _known(e)) for a in asked), e) for e in entries]
    most = max((count for count, _ in counted), default=0)
    return [entry for count, entry in counted if count == most and count > 0]


def nearest_names(query: str, entries: Iterable[Entry], limit: int = 3) -> list[str]:
    """Names that look like a query nothing answered."""
    by_fold = {fold(e.name.name): e.name.name for e in entries}
    close = difflib.get_close_matches(fold(query), by_fold, n=limit, cutoff=0.3)
    return [by_fold[name] for name in close]


def _grade(asked: list[str], entry: Entry) -> Grade | None:
    name = words(entry.name.name)
    if asked == name:
        return Grade.EXACT
    if name[: len(asked)] == asked:
        return Grade.PREFIX
    known = _known(entry)
    if all(any(word.startswith(a) for word in known) for a in asked):
        return Grade.ALL_WORDS
    if all(_is_like(a, known) for a in asked):
        return Grade.TYPOS
    return None


def _is_like(asked: str, known: set[str]) -> bool:
    if any(word.startswith(asked) for word in known):
        return True
    if len(asked) < _TYPO_LENGTH:
        return False
    return bool(difflib.get_close_matches(asked, known, n=1, cutoff=_TYPO_CUTOFF))


def _known(entry: Entry) -> set[str]:
    return set(words(entry.name.name)).union(*(words(text) for text in _texts(entry)))


def _texts(entry: Entry) -> Iterable[str]:
    yield entry.name.catalog.name
    record = entry.record
    if record is None:
        return
    yield from (t for t in (record.place.name, record.place.city, record.kind) if t)
    yield from (choice.name for values in record.choices.values() for choice in values)
    yield from (product.name for product in record.products.values())
    yield record.short_description or ""
    yield record.description or ""
