"""Folding: two texts that a buyer takes for the same become equal.

Case, accents, spaces, ligatures and letters with a stroke, the kinds of apostrophes and dashes, and
entities of HTML that an issuer's system left in a name make no difference. For comparing only:
nothing folded is ever shown or sent.
"""

import html
import re
import unicodedata
from html.entities import html5
from typing import Final

VERSION: Final = 2
"""Raised with every change here: what is kept folded is then made anew."""

_WORDS: Final = re.compile(r"[^\W_]+")
_ENTITY: Final = re.compile(
    r"&(?:amp;)*(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});"
)
"""An entity, however often its ampersand was written as one."""
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
"""Marks of a kind are one; those of trade are none."""
_LETTERS: Final = str.maketrans(
    {
        "\u0153": "oe",
        "\u00e6": "ae",
        "\u00f8": "o",
        "\u0142": "l",
        "\u0111": "d",
        "\u00f0": "d",
        "\u00fe": "th",
        "\u0127": "h",
        "\u0131": "i",
        "\u0237": "j",
        "\u0138": "k",
        "\u014b": "n",
        "\u0167": "t",
        "\u0180": "b",
        "\u0192": "f",
        "\u0268": "i",
        "\u0289": "u",
    }
)
"""Letters that no decomposition takes apart, as buyers without them on a keyboard write them."""


def fold(text: str) -> str:
    """A text without case, accents and needless space, for comparing only.

    Half a character, which JSON can bring but no database takes, becomes a question mark.
    """
    if "&" in text:
        # Some issuers' systems write "M&eacute;tropole" into a name.
        text = _ENTITY.sub(_decoded, text)
    # Most texts: nothing below changes one that is ASCII.
    if text.isascii():
        return " ".join(text.lower().replace("`", "'").split())
    whole = text.encode("utf-8", "replace").decode("utf-8").translate(_MARKS)
    # Marks go before letters are spread, too: sorting many of them takes the square of their count.
    spread = _spread(_spread(whole).casefold())
    return " ".join(spread.translate(_MARKS).translate(_LETTERS).split())


def _spread(text: str) -> str:
    """Letters without what stands above, below and beside them."""
    return _without_marks(unicodedata.normalize("NFKD", _without_marks(text)))


def _without_marks(text: str) -> str:
    """A text without accents, and without what takes no room: joiners, soft hyphens."""
    return "".join(
        c
        for c in text
        if c.isascii() or not (unicodedata.combining(c) or unicodedata.category(c) == "Cf")
    )


def words(text: str) -> list[str]:
    """The folded words of a text: runs of letters and digits."""
    return _WORDS.findall(fold(text))


def is_same_name(one: str, other: str) -> bool:
    """Whether two spellings are one person's name: its letters count, not what is between them."""
    # "Jean-Luc" and "jean luc" are one; names without a letter are compared as they are.
    letters = ["".join(words(name)) for name in (one, other)]
    return letters[0] == letters[1] if any(letters) else fold(one) == fold(other)


def _decoded(entity: re.Match[str]) -> str:
    """What an entity stands for; one that HTML does not know stays."""
    name = entity[1]
    if name.startswith("#"):
        return html.unescape(f"&{name};")
    return html5.get(f"{name};", entity.group())
