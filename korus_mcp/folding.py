"""Folding: two texts that a buyer takes for the same become equal."""

import re
import unicodedata
from typing import Final

_WORDS: Final = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """A text without case, accents and needless space, for comparing only.

    Half a character, which JSON can bring but no database takes, becomes a question mark.
    """
    whole = text.encode("utf-8", "replace").decode("utf-8")
    spread = unicodedata.normalize("NFKD", whole.casefold())
    return " ".join("".join(c for c in spread if not unicodedata.combining(c)).split())


def words(text: str) -> list[str]:
    """The folded words of a text: runs of letters and digits."""
    return _WORDS.findall(fold(text))
