"""Fits labels into zones: the width of a text, and the largest label that fits an outline.

No font is opened. Widths are those of Noto Sans SemiBold, which the PNG uses; another font of an
SVG viewer is hardly wider, and the label's margin makes up for that.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeAlias

from korus_mcp.seating.geometry import Box, Point, spans

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
_CORNERS: Final = 64
"""The most corners of an outline that are looked at: an issuer may draw thousands."""


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
    """The place of a label: an outline, a point inside it, and the texts to show."""

    outline: Sequence[Point]
    at: Point
    name: str
    below: str = ""


def labels_in(places: Sequence[LabelSpace]) -> list[Label | None]:
    """The best label for each place, all of similar size; None where none fits.

    Large zones do not get larger letters than most zones can have: a large label would look more
    important.
    """
    largest = [_label(place, SIZES[0]) for place in places]
    # The size that two thirds of the places allow; narrow ones get smaller labels.
    sizes = sorted(label.size for label in largest if label is not None)
    usual = sizes[len(sizes) // 3] if sizes else SIZES[0]
    return [
        label if label is None or label.size <= usual else _label(place, usual)
        for place, label in zip(places, largest, strict=True)
    ]


def _label(place: LabelSpace, largest: int) -> Label | None:
    """The name with the text `below` it; else the name alone, or its last word, a number."""
    # A shorter wording is tried only if no form of the longer one fits. Among the forms of one
    # wording the larger letters win; a name on two lines or upright counts as smaller.
    corners = place.outline[:: -(-len(place.outline) // _CORNERS)]
    for names, below in _wordings(place.name, place.below):
        least = _LEAST_WITH_PRICE if below else SIZES[-1]
        sizes = [size for size in SIZES if least <= size <= largest]
        found = [
            (
                label.size * worth * (1 if len(name) == 1 else _FOLDED),
                replace(label, strong=len(name)),
            )
            for name in names
            for set_in, worth in ((_level, 1), (_upright, _TURNED))
            if (label := _largest(set_in, corners, place.at, (*name, *below), sizes)) is not None
        ]
        if found:
            return max(found, key=lambda pair: pair[0])[1]
    return None


_Lines: TypeAlias = tuple[str, ...]


def _wordings(name: str, below: str) -> Iterator[tuple[list[_Lines], _Lines]]:
    """The wordings of a label, the longest first: the name on one line or two, with `below`."""
    whole = [lines for lines in ((name,), _in_two(name)) if lines]
    if below:
        yield whole, (below,)
    yield whole, ()
    # "East 101" may be shortened to "101", but not "Centre garden" to "garden".
    last = name.rpartition(" ")[2]
    if last != name and any(character.isdigit() for character in last):
        yield [(last,)], ()


def _in_two(name: str) -> tuple[str, ...]:
    """A name on two lines, broken at the space nearest to its middle; () if it has no space."""
    spaces = [place for place, character in enumerate(name) if character == " "]
    if not spaces:
        return ()
    middle = min(spaces, key=lambda place: abs(place - len(name) / 2))
    return name[:middle], name[middle + 1 :]


_Setter: TypeAlias = Callable[[Sequence[Point], Point, _Lines, int], Label | None]


def _largest(
    set_in: _Setter, outline: Sequence[Point], at: Point, lines: _Lines, sizes: Sequence[int]
) -> Label | None:
    """The label at the first of the sizes at which the lines fit; None if they fit at none."""
    found = (set_in(outline, at, lines, size) for size in sizes)
    return next((label for label in found if label is not None), None)


def _level(outline: Sequence[Point], at: Point, lines: _Lines, size: int) -> Label | None:
    width = max(width_of(line, size) for line in lines) + 2 * _MARGIN * size
    height = (len(lines) * LINE_HEIGHT + _MARGIN) * size
    middle = _middle(outline, at, width, height)
    if middle is None:
        return None
    return Label(lines=lines, strong=len(lines), size=size, at=(middle, at[1]))


def _upright(outline: Sequence[Point], at: Point, lines: _Lines, size: int) -> Label | None:
    # Upright: x and y of the outline are swapped, and the label is fitted as a horizontal one.
    label = _level([(y, x) for x, y in outline], (at[1], at[0]), lines, size)
    return replace(label, at=(at[0], label.at[0]), is_upright=True) if label is not None else None


def _middle(outline: Sequence[Point], at: Point, width: float, height: float) -> float | None:
    """The x at which a box of that size, at the height of `at`, fits inside; None if at none."""
    left, right = float("-inf"), float("inf")
    # Three horizontal lines are tried, at the top, middle and bottom of the box: between them an
    # outline seldom bends in farther than the margin.
    for y in (at[1] - height / 2, at[1], at[1] + height / 2):
        around = next((span for span in spans(outline, y) if span[0] <= at[0] <= span[1]), None)
        if around is None:
            return None
        left, right = max(left, around[0]), min(right, around[1])
    return (left + right) / 2 if right - left >= width else None


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
