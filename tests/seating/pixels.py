"""Pixels of a PNG, and how different two pictures look.

A picture is compared by the mean colours of its cells, 8 by 8 pixels each, so that a letter that
lies half a pixel elsewhere in the next version of the renderer is no difference, while a zone that
is missing or painted otherwise is. Both the worst cell and the mean of all count.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CELL = 8


@dataclass(frozen=True)
class Pixels:
    """Rows of RGBA bytes, from the top."""

    width: int
    rows: tuple[bytes, ...]

    @property
    def height(self) -> int:
        return len(self.rows)

    def cells(self) -> list[tuple[float, ...]]:
        """The mean red, green and blue of each cell, row by row."""
        found = []
        for top in range(0, self.height, CELL):
            band = self.rows[top : top + CELL]
            for left in range(0, 4 * self.width, 4 * CELL):
                parts = [row[left : left + 4 * CELL] for row in band]
                count = sum(len(part) for part in parts) / 4
                means = (sum(sum(part[c::4]) for part in parts) / count for c in range(3))
                found.append(tuple(means))
        return found


@dataclass(frozen=True)
class Difference:
    """Of 255: the cell that differs most, and the mean of all."""

    worst: float
    mean: float


def difference(a: Pixels, b: Pixels) -> Difference:
    """How different two pictures look: as can be, when their sizes are not the same."""
    if (a.width, a.height) != (b.width, b.height):
        return Difference(255, 255)
    found = [
        max(abs(x - y) for x, y in zip(mine, theirs, strict=True))
        for mine, theirs in zip(a.cells(), b.cells(), strict=True)
    ]
    return Difference(max(found), sum(found) / len(found))


def decoded(png: bytes) -> Pixels:
    """The pixels of an RGBA PNG of eight bits that is not interlaced."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks = list(_chunks(png))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, kind, interlaced) == (8, 6, 0)
    raw = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
    rows: list[bytes] = []
    before: Sequence[int] = bytes(4 * width)
    for start in range(0, height * (4 * width + 1), 4 * width + 1):
        line = bytearray(raw[start + 1 : start + 1 + 4 * width])
        _unfilter(raw[start], line, before)
        rows.append(bytes(line))
        before = line
    return Pixels(width, tuple(rows))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _unfilter(kind: int, line: bytearray, above: Sequence[int]) -> None:
    """Undo one of the five filters of PNG, in place."""
    if kind == 0:
        return
    for at, up in enumerate(above):
        left, corner = (line[at - 4], above[at - 4]) if at >= 4 else (0, 0)
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            guess = _paeth(left, up, corner)
        line[at] = (line[at] + guess) & 0xFF


def _paeth(left: int, up: int, corner: int) -> int:
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner
