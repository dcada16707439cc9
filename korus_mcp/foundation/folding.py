"""Folding: makes texts equal that a buyer takes for the same.

Folded texts do not differ in case, accents, spaces, ligatures, letters with a stroke, kinds of
apostrophes and dashes, or HTML entities that an issuer's system left in a name. They are for
comparing only, and are never shown or sent.
"""

import html
import re
import unicodedata
from functools import lru_cache
from html.entities import html5
from typing import Final

VERSION: Final = 2
"""Raised with every change of the rules: stored folded texts are then made again."""

_WORDS: Final = re.compile(r"[^\W_]+")
_ENTITY: Final = re.compile(
    r"&(?:amp;)*(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});"
)
"""An HTML entity, also one whose ampersand was escaped again, such as `&amp;eacute;`."""
_APOSTROPHES: Final = (
    "`\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u055a\u05f3"
    "\u2018\u2019\u201b\u2032\u2035\ua78b\ua78c\uff07"
)
_DASHES: Final = (
    "\u02d7\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d"
)
_MARKS: Final = str.maketrans(
    dict.fromkeys(_APOSTROPHES, "'")
    | dict.fromkeys(_DASHES, "-")
    | dict.fromkeys("\u2122\u2120", " ")
)
"""All apostrophes become one, all dashes become one, and trade marks become a space."""
_LETTERS: Final = str.maketrans(
    {"\u0153": "oe", "\u00e6": "ae", "\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u00f0": "d"}
    | {"\u00fe": "th", "\u0127": "h", "\u0131": "i", "\u0237": "j", "\u0138": "k", "\u014b": "n"}
    | {"\u0167": "t", "\u0180": "b", "\u0192": "f", "\u0268": "i", "\u0289": "u"}
)
"""Letters that Unicode does not decompose, with what buyers type instead of them."""


_LONGEST_NAME: Final = 120


def fold(text: str) -> str:
    """A text without case, accents and needless spaces, for comparing only.

    Half of a surrogate pair, which JSON can hold but no database accepts, becomes a question mark.
    """
    # Names are folded again and again, descriptions once.
    return _folded_name(text) if len(text) <= _LONGEST_NAME else _folded(text)


@lru_cache(maxsize=4096)
def _folded_name(text: str) -> str:
    return _folded(text)


def _folded(text: str) -> str:
    if "&" in text:
        # Some issuers' systems write names like "M&eacute;tropole".
        text = _ENTITY.sub(_decoded, text)
    # Most texts end here: nothing below changes an ASCII text.
    if text.isascii():
        return " ".join(text.lower().replace("`", "'").split())
    whole = text.encode("utf-8", "replace").decode("utf-8").translate(_MARKS)
    # Accents are removed before decomposing, too: Unicode sorts them, in quadratic time.
    spread = _spread(_spread(whole).casefold())
    return " ".join(spread.translate(_MARKS).translate(_LETTERS).split())


def _spread(text: str) -> str:
    """A text decomposed (NFKD), without accents and other marks."""
    return _without_marks(unicodedata.normalize("NFKD", _without_marks(text)))


def _without_marks(text: str) -> str:
    """A text without combining marks and invisible characters such as joiners and soft hyphens."""
    return "".join(
        c
        for c in text
        if c.isascii() or not (unicodedata.combining(c) or unicodedata.category(c) == "Cf")
    )


def words(text: str) -> list[str]:
    """The folded words of a text: runs of letters and digits."""
    return _WORDS.findall(fold(text))


def is_same_name(one: str, other: str) -> bool:
    """Whether two spellings are the same name of a person: only the letters count."""
    # "Jean-Luc" and "jean luc" are equal; names without letters are compared as they are.
    letters = ["".join(words(name)) for name in (one, other)]
    return letters[0] == letters[1] if any(letters) else fold(one) == fold(other)


def _decoded(entity: re.Match[str]) -> str:
    """The character of an HTML entity; an unknown entity stays as it is."""
    name = entity[1]
    if name.startswith("#"):
        return html.unescape(f"&{name};")
    return html5.get(f"{name};", entity.group())
