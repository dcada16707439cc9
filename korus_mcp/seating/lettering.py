"""Fits labels into zones: the width of a text, and the largest label that fits a room.

No font is opened. Widths are those of Noto Sans SemiBold, which the PNG uses; another font of an
SVG viewer is hardly wider, and the label's margin makes up for that.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import dist
from typing import Final, TypeAlias

from korus_mcp.seating.geometry import Box, Point

LINE_HEIGHT: Final = 1.2
"""The distance from one line of a text to the next, in ems."""
SIZES: Final = (24, 20, 17, 15, 13, 12, 11, 10)
"""Sizes of labels in pixels, the largest first; smaller ones could not be read."""
_LEAST_WITH_PRICE: Final = 12
"""The smallest size of a label with a price; rather than a smaller one, the price is left out."""
_FOLDED: Final = 0.85
_TURNED: Final = 0.7
"""A label on two lines, or upright, counts only this part of its size in comparisons."""
_ASCII: Final = (
    26, 28, 46, 65, 58, 88, 75, 25, 33, 33, 55, 58, 28, 32, 28, 40, 58, 58, 58, 58, 58, 58, 58, 58,
    58, 58, 28, 28, 58, 58, 58, 47, 90, 68, 66, 64, 74, 56, 54, 73, 76, 37, 31, 65, 55, 93, 80, 79,
    62, 79, 65, 55, 57, 75, 64, 96, 64, 61, 58, 33, 40, 33, 58, 43, 34, 59, 63, 51, 63, 59, 38, 63,
    64, 29, 29, 59, 29, 96, 64, 62, 63, 63, 44, 50, 41, 64, 55, 83, 56, 55, 49, 39, 56, 39, 58,
)  # fmt: skip
"""Widths of the ASCII characters from space to tilde, in hundredths of an em."""
_OTHER: Final = 0.78
_WIDE: Final = 1.05
_MARGIN: Final = 0.35
"""The margin of a label in ems: at either end, and above and below together."""
_LEAST_USUAL: Final = 15
"""Zones that have room for letters of this size have them, however small those of others are."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """Lines of text centred at a point; the first `strong` lines are the name.

    `is_upright`: the text is turned, and runs from bottom to top.
    """

    lines: tuple[str, ...]
    strong: int
    size: int
    at: Point
    is_upright: bool = False

    @property
    def box(self) -> Box:
        """The box that its letters cover."""
        across = max(width_of(line, self.size) for line in self.lines) / 2
        down = len(self.lines) * LINE_HEIGHT * self.size / 2
        if self.is_upright:
            across, down = down, across
        x, y = self.at
        return Box(x - across, y - down, x + across, y + down)


def width_of(text: str, size: float) -> float:
    """The width of a text in the units of `size`."""
    return size * _ems(text)


def fitted(text: str, size: float, room: float) -> str:
    """The text, cut with an ellipsis if it is wider than `room`; "" if nothing fits."""
    if width_of(text, size) <= room:
        return text
    kept = list(text)
    while kept and width_of("".join(kept).rstrip() + "…", size) > room:
        kept.pop()
    return "".join(kept).rstrip() + "…" if kept else ""


@dataclass(frozen=True, kw_only=True)
class LabelSpace:
    """The rooms of a label, the point near which it should be, and the texts to show."""

    rooms: Sequence[Box]
    at: Point
    name: str
    below: str = ""


def labels_in(places: Sequence[LabelSpace]) -> list[Label | None]:
    """The best label for each place, all of similar size; None where none fits.

    Large zones do not get larger letters than most zones can have: a large label would look more
    important.
    """
    shorts = [_number_of(place.name) or place.name for place in places]
    counts = Counter(shorts)
    tells = [counts[short] == 1 for short in shorts]
    largest = [
        _label(place, SIZES[0], is_told=is_told)
        for place, is_told in zip(places, tells, strict=True)
    ]
    # The size that two thirds of the places allow; narrow ones get smaller labels.
    sizes = sorted(label.size for label in largest if label is not None)
    usual = max(sizes[len(sizes) // 3], _LEAST_USUAL) if sizes else SIZES[0]
    return [
        label if label is None or label.size <= usual else _label(place, usual, is_told=is_told)
        for place, label, is_told in zip(places, largest, tells, strict=True)
    ]


def _label(place: LabelSpace, largest: int, *, is_told: bool) -> Label | None:
    """The name with the text `below` it; else, if by its number it `is_told` from all others, that
    with the text; else the name alone, or its number.
    """
    # A shorter wording is tried only if no form of the longer one fits. Among the forms of one
    # wording the larger letters win; a name on two lines or upright counts as smaller.
    for names, below in _wordings(place.name, place.below, is_told=is_told):
        least = _LEAST_WITH_PRICE if below else SIZES[-1]
        sizes = [size for size in SIZES if least <= size <= largest]
        found = [
            (
                label.size * (1 if len(name) == 1 else _FOLDED) * (_TURNED if is_upright else 1),
                replace(label, strong=len(name)),
            )
            for name in names
            for is_upright in (False, True)
            if (label := _largest(place, (*name, *below), sizes, is_upright=is_upright)) is not None
        ]
        if found:
            return max(found, key=lambda pair: pair[0])[1]
    return None


_Lines: TypeAlias = tuple[str, ...]


def _wordings(name: str, below: str, *, is_told: bool) -> Iterator[tuple[list[_Lines], _Lines]]:
    """The wordings of a label, the longest first: the name on one line or two, with `below`."""
    whole = [lines for lines in ((name,), _in_two(name)) if lines]
    number = _number_of(name)
    if below:
        yield whole, (below,)
        if number and is_told:
            yield [(number,)], (below,)
    yield whole, ()
    if number:
        yield [(number,)], ()


def _number_of(name: str) -> str:
    """To what a name may be shortened: "101" of "East 101"; "" of "Centre garden"."""
    last = name.rpartition(" ")[2]
    return last if last != name and any(character.isdigit() for character in last) else ""


def _in_two(name: str) -> tuple[str, ...]:
    """A name on two lines, broken at the space nearest to its middle; () if it has no space."""
    spaces = [place for place, character in enumerate(name) if character == " "]
    if not spaces:
        return ()
    middle = min(spaces, key=lambda place: abs(place - len(name) / 2))
    return name[:middle], name[middle + 1 :]


def _largest(
    place: LabelSpace, lines: _Lines, sizes: Sequence[int], *, is_upright: bool
) -> Label | None:
    """The lines in the first of the sizes at which they fit a room; None if they fit at none."""
    along = max(map(_ems, lines)) + 2 * _MARGIN
    aside = len(lines) * LINE_HEIGHT + _MARGIN
    across, down = (aside, along) if is_upright else (along, aside)
    most = [(min(room.width / across, room.height / down), room) for room in place.rooms]
    limit = max((limit for limit, _ in most), default=0.0)
    size = next((size for size in sizes if size <= limit), None)
    if size is None:
        return None
    half, tall = across * size / 2, down * size / 2
    fitting = [room for limit, room in most if limit >= size]
    at = min(
        (_nearest(place.at, room, half, tall) for room in fitting), key=partial(dist, place.at)
    )
    return Label(lines=lines, strong=len(lines), size=size, at=at, is_upright=is_upright)


def _nearest(at: Point, room: Box, half: float, tall: float) -> Point:
    """The middle of a box of that size in a room, as near to a point as it can be."""
    x, y = at
    return (
        min(max(x, room.left + half), room.right - half),
        min(max(y, room.top + tall), room.bottom - tall),
    )


@lru_cache(maxsize=4096)
def _ems(text: str) -> float:
    return sum(_em(character) for character in unicodedata.normalize("NFC", text))


@lru_cache(maxsize=4096)
def _em(character: str) -> float:
    """The width of one character in ems; accents count as the letter below them."""
    # An accent stands above its letter and adds no width.
    base = unicodedata.normalize("NFD", character)[0]
    if " " <= base <= "~":
        return _ASCII[ord(base) - ord(" ")] / 100
    return _WIDE if unicodedata.east_asian_width(base) in "WF" else _OTHER
