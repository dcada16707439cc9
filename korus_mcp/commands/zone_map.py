"""A seat map in characters: zones filled by what is for sale, numbered as the offers below it.

Prices are colours; without colours each class of prices has a character of its own.

It is drawn from the sheet of the interactive map (`seating/sheet.py`), so all of them agree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any, Final

from rich.text import Text

from korus_mcp.seating.palette import STEPS, ramp

WIDEST: Final = 100
TALLEST: Final = 36
"""The largest map in characters and lines: one that scrolls away is none."""
TALL: Final = 2.0
"""How much taller than wide a character is."""


@dataclass(frozen=True)
class Marks:
    """The characters of a map, and what they mean. Without colours `shades` are prices, from cheap
    to dear, and `unpriced` is for sale at a price that is not told.
    """

    for_sale: str
    not_for_sale: str
    stage: str = "="
    yours: str = "@"
    front: str = "*"
    shades: str = ""
    unpriced: str = "+"

    @property
    def all(self) -> str:
        """All of them, for a screen that may not show each."""
        return "".join(astuple(self))


FINE: Final = Marks("▒", "·", shades="░▒▓█")
PLAIN: Final = Marks("#", ".")
"""For a screen that shows ASCII only."""
LETTERS: Final = "abcdef"
"""Prices without colours, where there are more than shades. As many as colours (STEPS)."""


def drawn(
    sheet: Mapping[str, Any],
    numbers: Mapping[str, int],
    *,
    width: int,
    marks: Marks = FINE,
    has_colors: bool = True,
) -> Sequence[Text]:
    """The map and what its characters mean, as lines. `numbers` are those of offers by their id."""
    paper = _Paper(sheet, min(width, WIDEST))
    steps = _Steps(sheet["zones"], marks, has_colors=has_colors)
    used = set[str]()
    for stage in sheet.get("stages", ()):
        used |= paper.fill(stage, marks.stage, "")
    for zone in sheet["zones"]:
        sells = bool(zone.get("offers")) and zone.get("left") != 0
        used |= paper.fill(zone, *(steps.ink(zone) if sells else (marks.not_for_sale, "")))
    for zone in sheet["zones"]:
        known = [numbers[o["id"]] for o in zone.get("offers", ()) if o["id"] in numbers]
        if known:
            paper.write(zone["at"], str(min(known)), "bold")
    front = sheet.get("focus", ())
    for at in zip(front[::2], front[1::2], strict=False):
        used |= paper.write(at, marks.front, "bold")
    for seat in sheet.get("yours", ()):
        if "at" in seat:
            used |= paper.write(seat["at"], marks.yours, "bold")
    return [*paper.lines(), *_legend(used, marks, steps, width)]


class _Paper:
    """A grid of characters over a drawing."""

    def __init__(self, sheet: Mapping[str, Any], columns: int) -> None:
        wide, tall = max(1, sheet["width"]), max(1, sheet["height"])
        step = max(wide / columns, tall / TALLEST / TALL)
        self._across, self._down = step, step * TALL
        self._cells: list[list[tuple[str, str]]] = [
            [(" ", "")] * (round(wide / self._across) + 1)
            for _ in range(round(tall / self._down) + 1)
        ]

    def fill(self, shape: Mapping[str, Any], mark: str, style: str) -> set[str]:
        """Fill the outlines of a shape; one that is smaller than a character is a character."""
        is_seen = False
        for flat in shape["outlines"]:
            outline = list(zip(flat[::2], flat[1::2], strict=True))
            for row, column in self._near(outline):
                at = ((column + 0.5) * self._across, (row + 0.5) * self._down)
                if _is_within(at, outline):
                    self._cells[row][column] = (mark, style)
                    is_seen = True
        return {mark} if is_seen else self.write(shape["at"], mark, style)

    def write(self, at: Sequence[float], text: str, style: str) -> set[str]:
        """Write a word with its middle at a place. Returns it."""
        row = min(len(self._cells) - 1, max(0, int(at[1] / self._down)))
        first = int(at[0] / self._across) - (len(text) - 1) // 2
        for column, letter in enumerate(text, max(0, first)):
            if column < len(self._cells[row]):
                self._cells[row][column] = (letter, style)
        return {text}

    def lines(self) -> Iterator[Text]:
        """The grid as lines, without empty ones at its ends."""
        filled = [n for n, row in enumerate(self._cells) if any(mark != " " for mark, _ in row)]
        for row in self._cells[filled[0] : filled[-1] + 1] if filled else ():
            line = Text()
            for mark, style in row:
                line.append(mark, style)
            line.rstrip()
            yield line

    def _near(self, outline: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """The cells of the box around an outline."""
        xs, ys = zip(*outline, strict=True)
        last_row, last_column = len(self._cells) - 1, len(self._cells[0]) - 1
        for row in range(
            max(0, int(min(ys) / self._down)), min(last_row, int(max(ys) / self._down)) + 1
        ):
            for column in range(
                max(0, int(min(xs) / self._across)),
                min(last_column, int(max(xs) / self._across)) + 1,
            ):
                yield row, column


class _Steps:
    """The prices of a map from cheap to dear, and the ink of each: its character and colour."""

    def __init__(
        self, zones: Sequence[Mapping[str, Any]], marks: Marks, *, has_colors: bool
    ) -> None:
        told = {zone["from"] for zone in zones if _is_amount(zone.get("from"))}
        self._prices = sorted(told, key=Decimal)
        count = min(STEPS, len(self._prices))
        self.are_marks = count > 1 and not has_colors
        """Whether prices are characters and no colours."""
        self.unpriced = marks.unpriced if self.are_marks else marks.for_sale
        self._inks = [(marks.for_sale, color) for color in ramp(count)]
        if self.are_marks:
            self._inks = [(mark, "") for mark in _shades(marks, count)]

    def ink(self, zone: Mapping[str, Any]) -> tuple[str, str]:
        """The ink of a zone that sells."""
        if zone.get("from") not in self._prices:
            return self.unpriced, ""
        return self._ink(self._prices.index(zone["from"]))

    def _ink(self, rank: int) -> tuple[str, str]:
        return self._inks[rank * len(self._inks) // len(self._prices)]

    def by_ink(self) -> Iterator[tuple[str, str, str]]:
        """Each ink, and its prices in words."""
        alike: dict[tuple[str, str], list[str]] = {}
        for rank, price in enumerate(self._prices):
            alike.setdefault(self._ink(rank), []).append(price)
        for (mark, color), prices in alike.items():
            yield mark, color, prices[0] if len(prices) == 1 else f"{prices[0]}-{prices[-1]}"


def _shades(marks: Marks, count: int) -> Sequence[str]:
    """So many characters from light to dark, which are as different as they can be."""
    darkest = len(marks.shades) - 1
    if count > len(marks.shades):
        return LETTERS[:count]
    return [marks.shades[n * darkest // (count - 1)] for n in range(count)]


def _legend(used: set[str], marks: Marks, steps: _Steps, width: int) -> Iterator[Text]:
    """What the characters mean that were used, and the prices of the colours."""
    meanings = (
        (steps.unpriced, "for sale, no price told" if steps.are_marks else "for sale"),
        (marks.not_for_sale, "not for sale"),
        (marks.stage, "stage or pitch"),
        (marks.front, "where people look"),
        (marks.yours, "yours"),
    )
    told = [f"{mark} {meaning}" for mark, meaning in meanings if mark in used]
    yield from _beside([Text(each) for each in (*told, "number: offer below")], 3, width)
    prices = []
    for mark, color, told_prices in steps.by_ink():
        prices.append(Text.assemble((mark * 2, color), f" {told_prices}"))
    if len(prices) > 1:
        first = "for sale from " if steps.are_marks else "from "
        yield from _beside([Text(first) + prices[0], *prices[1:]], 2, width)


def _beside(texts: Sequence[Text], gap: int, width: int) -> Iterator[Text]:
    """Texts in lines, none of which is broken."""
    line, *others = texts
    for text in others:
        if line.cell_len + gap + text.cell_len > width:
            yield line
            line = text
        else:
            line = line + Text(" " * gap) + text
    yield line


def _is_amount(text: object) -> bool:
    # With a currency behind it, it is not of the same kind as the others.
    return isinstance(text, str) and text.replace(".", "", 1).isdigit()


def _is_within(at: tuple[float, float], outline: Sequence[tuple[int, int]]) -> bool:
    """Whether a place lies within an outline: a ray from it crosses that an odd number of times."""
    x, y = at
    is_within = False
    before_x, before_y = outline[-1]
    for after_x, after_y in outline:
        if (after_y > y) != (before_y > y):
            crossing = (before_x - after_x) * (y - after_y) / (before_y - after_y) + after_x
            is_within ^= x < crossing
        before_x, before_y = after_x, after_y
    return is_within
