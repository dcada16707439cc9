"""Folding: two texts that a buyer takes for the same become equal."""

import re
import unicodedata
from typing import Final

_WORDS: Final = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """A text without case, accents and needless space, for comparing only.

    Half a character, which JSON can bring but no database takes, becomes a question mark.
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    whole = text.encode("utf-8", "replace").decode("utf-8")
    # Marks go before letters are spread, too: sorting many of them takes the square of their count.
    spread = unicodedata.normalize("NFKD", _without_marks(whole.casefold()))
    return " ".join(_without_marks(spread).split())


def _without_marks(text: str) -> str:
    return "".join(c for c in text if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """The folded words of a text: runs of letters and digits."""
    return _WORDS.findall(fold(text))
