"""A seat map in characters: zones filled by what is left, numbered as the offers below it.

It is drawn from the sheet of the interactive map (`seating/sheet.py`), so all of them agree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    """The characters of a map, and what they mean."""

    for_sale: str
    not_for_sale: str
    stage: str
    yours: str
    front: str


FINE: Final = Marks("▒", "·", "=", "@", "*")
PLAIN: Final = Marks("#", ".", "=", "@", "*")
"""For a screen that shows ASCII only."""


def drawn(
    sheet: Mapping[str, Any], numbers: Mapping[str, int], *, width: int, marks: Marks = FINE
) -> Sequence[Text]:
    """The map and what its characters mean, as lines. `numbers` are those of offers by their id."""
    paper = _Paper(sheet, min(width, WIDEST))
    steps = _Steps(sheet["zones"])
    used = set[str]()
    for stage in sheet.get("stages", ()):
        used |= paper.fill(stage, marks.stage, "")
    for zone in sheet["zones"]:
        sells = bool(zone.get("offers")) and zone.get("left") != 0
        mark = marks.for_sale if sells else marks.not_for_sale
        used |= paper.fill(zone, mark, steps.style(zone) if sells else "")
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
    return [*paper.lines(), *_legend(used, marks, steps)]


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
    """The prices of a map, and their colours from cheap to dear."""

    def __init__(self, zones: Sequence[Mapping[str, Any]]) -> None:
        told = {zone["from"] for zone in zones if _is_amount(zone.get("from"))}
        self.prices = sorted(told, key=Decimal)
        self._count = min(STEPS, len(self.prices))

    def style(self, zone: Mapping[str, Any]) -> str:
        """The colour of a zone; none where no price is told."""
        if zone.get("from") not in self.prices:
            return ""
        return self.color(self.prices.index(zone["from"]))

    def color(self, rank: int) -> str:
        """The colour of the price with this rank."""
        return ramp(self._count)[rank * self._count // len(self.prices)]

    def by_color(self) -> Iterator[tuple[str, str]]:
        """Each colour, and its prices in words."""
        alike: dict[str, list[str]] = {}
        for rank, price in enumerate(self.prices):
            alike.setdefault(self.color(rank), []).append(price)
        for color, prices in alike.items():
            yield color, prices[0] if len(prices) == 1 else f"{prices[0]}-{prices[-1]}"


def _legend(used: set[str], marks: Marks, steps: _Steps) -> Iterator[Text]:
    """What the characters mean that were used, and the prices of the colours."""
    meanings = (
        (marks.for_sale, "for sale"),
        (marks.not_for_sale, "not for sale"),
        (marks.stage, "stage or pitch"),
        (marks.front, "where people look"),
        (marks.yours, "yours"),
    )
    told = [f"{mark} {meaning}" for mark, meaning in meanings if mark in used]
    yield Text("   ".join([*told, "number: offer below"]))
    colors = list(steps.by_color())
    if len(colors) > 1:
        line = Text("from ")
        for color, prices in colors:
            line.append(f"{marks.for_sale * 2} ", color)
            line.append(f"{prices}  ")
        line.rstrip()
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
