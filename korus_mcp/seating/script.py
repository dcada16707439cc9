"""Names that the letters of a PNG cannot write: they get a number there, and the text tells them.

The fonts in `fonts` keep the letters of Europe's languages and of Vietnamese. What else is written
with them is a box.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Final

RANGES: Final = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x18F, 0x18F), (0x192, 0x192), (0x1A0, 0x1A1), (0x1AF, 0x1B0),
    (0x1B7, 0x1B7), (0x1C4, 0x1EF), (0x1FA, 0x1FF), (0x218, 0x21B), (0x21E, 0x21F),
    (0x228, 0x233), (0x259, 0x259), (0x292, 0x292), (0x2BB, 0x2BD), (0x2C6, 0x2C6), (0x2DA, 0x2DA),
    (0x2DC, 0x2DC), (0x300, 0x304), (0x306, 0x30C), (0x323, 0x323), (0x326, 0x328), (0x37E, 0x37E),
    (0x384, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1), (0x3A3, 0x3CE), (0x400, 0x45F), (0x490, 0x491),
    (0x4B0, 0x4B1), (0x4E8, 0x4E9), (0x1E02, 0x1E03), (0x1E0A, 0x1E0B), (0x1E10, 0x1E11),
    (0x1E1E, 0x1E1F), (0x1E40, 0x1E41), (0x1E56, 0x1E57), (0x1E60, 0x1E61), (0x1E6A, 0x1E6B),
    (0x1E80, 0x1E85), (0x1E9E, 0x1E9E), (0x1EA0, 0x1EF9), (0x2010, 0x2027), (0x202F, 0x203A),
    (0x2044, 0x2044), (0x2070, 0x2071), (0x2074, 0x2079), (0x20AC, 0x20AC), (0x20B4, 0x20B4),
    (0x20BA, 0x20BA), (0x20BD, 0x20BD), (0x2116, 0x2116), (0x2122, 0x2122), (0x2212, 0x2212),
)  # fmt: skip
"""The characters to which the fonts are cut, from one to another; `fonts/README.md` says how."""
_BEGINS: Final = [begin for begin, _ in RANGES]
_CUT: Final = "\u2026"


def has_letter(character: str) -> bool:
    """Whether the fonts have a character."""
    code = ord(character)
    place = bisect_right(_BEGINS, code) - 1
    return place >= 0 and code <= RANGES[place][1]


def is_writable(text: str) -> bool:
    """Whether all letters and digits of a text can be written; signs may be left out."""
    return all(map(has_letter, filter(_says_something, unicodedata.normalize("NFC", text))))


def written(text: str) -> str:
    """A text as it can be written: without signs that the fonts lack, letters cut short."""
    whole = unicodedata.normalize("NFC", text)
    if all(map(has_letter, whole)):
        return whole
    parts = (c if has_letter(c) else _CUT if _says_something(c) else " " for c in whole)
    # A word of which nothing can be written is one cut, however long it is.
    words = "".join(parts).split()
    return " ".join(_CUT if set(word) == {_CUT} else word for word in words)


def numbers_of(names: Iterable[str]) -> Mapping[str, str]:
    """The numbers, "#1" and so on, of those names that cannot be written, in their order."""
    unwritable = dict.fromkeys(name for name in names if not is_writable(name))
    return {name: f"#{n}" for n, name in enumerate(unwritable, 1)}


def _says_something(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
