"""Reads a picture of a hall as anybody could: areas, dots of seats and texts by their colours."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import dist
from statistics import median
from typing import Final
from xml.etree import ElementTree as ET

from tests.halls.truth import Point

ET.register_namespace("", "http://www.w3.org/2000/svg")
SVG: Final = "{http://www.w3.org/2000/svg}"
_DOT: Final = re.compile(r"M(-?[\d.]+) (-?[\d.]+)h0")
_PAIR: Final = re.compile(r"(-?[\d.]+) (-?[\d.]+)")
_TURNED: Final = re.compile(r"rotate\(-90 (-?[\d.]+) (-?[\d.]+)\)")
_ABOVE, _BELOW = 0.72, 0.2
"""How far letters reach from their base line, as parts of their size."""


@dataclass(frozen=True)
class Box:
    """The room that letters take."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether two texts share more than a pixel."""
        across = min(self.right, other.right) - max(self.left, other.left)
        return across > 1 and min(self.bottom, other.bottom) - max(self.top, other.top) > 1

    def lies_within(self, width: float, height: float) -> bool:
        """Whether it is inside of a picture of that size."""
        return self.left >= 0 and self.top >= 0 and self.right <= width and self.bottom <= height

    def samples(self) -> Iterator[Point]:
        """Points on a grid a little within it."""
        for across in (0.1, 0.3, 0.5, 0.7, 0.9):
            for down in (0.2, 0.5, 0.8):
                yield (
                    self.left + across * (self.right - self.left),
                    self.top + down * (self.bottom - self.top),
                )


@dataclass(frozen=True)
class Text:
    """A line of text: `rim` is the colour of the rim around its letters, "" without one."""

    words: str
    at: Point
    size: float
    is_centred: bool
    rim: str
    turned_about: Point | None

    def box(self, width: float) -> Box:
        """The room it takes, if it is so wide at size 1."""
        x, y = self.at
        across = width * self.size
        left = x - across / 2 if self.is_centred else x
        top, bottom = y - _ABOVE * self.size, y + _BELOW * self.size
        if self.turned_about is None:
            return Box(left, top, left + across, bottom)
        # Turned to the left by a right angle about a point.
        mx, my = self.turned_about
        return Box(mx + top - my, my - (left + across - mx), mx + bottom - my, my - (left - mx))


@dataclass(frozen=True)
class Dots:
    """The seats of a zone."""

    places: Sequence[Point]

    @cached_property
    def reach(self) -> float:
        """How far from a seat its place reaches: half of the way to the next seat."""
        some = self.places[:: -(-len(self.places) // 40)]
        ways = [min((dist(a, b) for b in self.places if b != a), default=16.0) for a in some]
        return 0.55 * median(ways) if ways else 8.0

    def near(self, point: Point) -> Iterator[Point]:
        """The seats at whose places a point lies."""
        x, y = point
        reach = self.reach
        for seat in self.places:
            if abs(seat[0] - x) <= reach and abs(seat[1] - y) <= reach:
                yield seat


@dataclass(frozen=True)
class Area:
    """An area with its colour."""

    colour: str
    corners: Sequence[Point]

    @property
    def size(self) -> float:
        """Its size in square pixels."""
        sides = zip(self.corners, (*self.corners[1:], self.corners[0]), strict=True)
        return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in sides)) / 2

    def contains(self, point: Point) -> bool:
        """Whether a point is inside."""
        x, y = point
        inside = False
        for (x0, y0), (x1, y1) in zip(
            self.corners, (*self.corners[1:], self.corners[0]), strict=True
        ):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                inside = not inside
        return inside


@dataclass(frozen=True)
class Picture:
    """What is seen: areas from below to above, dots by colour, texts."""

    width: float
    height: float
    areas: Sequence[Area]
    dots: Mapping[str, Dots]
    texts: Sequence[Text]


def read_picture(svg: str) -> Picture:
    """A picture from its SVG."""
    root = ET.fromstring(svg)
    areas: list[Area] = []
    dots: dict[str, list[Point]] = {}
    for path in root.iter(f"{SVG}path"):
        drawn, fill, stroke = path.get("d", ""), path.get("fill", ""), path.get("stroke", "")
        if fill == "none":
            dots.setdefault(stroke, []).extend((float(x), float(y)) for x, y in _DOT.findall(drawn))
            continue
        for part in drawn.split("Z"):
            corners = [(float(x), float(y)) for x, y in _PAIR.findall(part)]
            if len(corners) > 2:
                areas.append(Area(fill, corners))
    return Picture(
        width=float(root.get("width", "0")),
        height=float(root.get("height", "0")),
        areas=areas,
        dots={colour: Dots(places) for colour, places in dots.items() if places},
        texts=[_text(text) for text in root.iter(f"{SVG}text")],
    )


def without_texts(svg: str, colours: Sequence[str]) -> str:
    """The picture without texts, and without edges in other colours than those of the zones."""
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{SVG}text":
                parent.remove(child)
            elif child.get("stroke") and child.get("stroke") not in colours:
                child.set("stroke", "none")
    return ET.tostring(root, encoding="unicode")


def _text(text: ET.Element) -> Text:
    turned = _TURNED.search(text.get("transform", ""))
    return Text(
        words=text.text or "",
        at=(float(text.get("x", "0")), float(text.get("y", "0"))),
        size=float(text.get("font-size", "16")),
        is_centred=text.get("text-anchor") == "middle",
        rim=text.get("stroke", ""),
        turned_about=(float(turned[1]), float(turned[2])) if turned else None,
    )
