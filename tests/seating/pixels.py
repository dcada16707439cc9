"""Pixels of a PNG, and how different two pictures look.

A picture is compared by the mean colours of its cells, 8 by 8 pixels each, so that a letter that
lies half a pixel elsewhere in the next version of the renderer is no difference, while a zone that
is missing or painted otherwise is. Both the worst cell and the mean of all count.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

CELL = 8
INDEXED = 3
"""The type of a PNG whose pixels are numbers in a list of colours."""


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
    """The pixels of a PNG that is not interlaced: RGBA of eight bits, or with a list of colours."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks = list(_chunks(png))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    assert not interlaced
    raw = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
    if kind == INDEXED:
        return Pixels(width, tuple(_looked_up(raw, width, height, depth, dict(chunks))))
    assert (depth, kind) == (8, 6)
    rows: list[bytes] = []
    before: Sequence[int] = bytes(4 * width)
    for start in range(0, height * (4 * width + 1), 4 * width + 1):
        line = bytearray(raw[start + 1 : start + 1 + 4 * width])
        _unfilter(raw[start], line, before)
        rows.append(bytes(line))
        before = line
    return Pixels(width, tuple(rows))


def _looked_up(
    raw: bytes, width: int, height: int, depth: int, chunks: Mapping[bytes, bytes]
) -> Iterator[bytes]:
    """Rows of numbers in a list of colours, of eight or four bits."""
    solid, opacity = chunks[b"PLTE"], chunks[b"tRNS"]
    colours = [solid[3 * n : 3 * n + 3] + opacity[n : n + 1] for n in range(len(opacity))]
    length = 1 + (width * depth + 7) // 8
    assert len(raw) == height * length
    for start in range(0, len(raw), length):
        assert raw[start] == 0
        digits = raw[start + 1 : start + length]
        numbers = digits if depth == 8 else bytes(int(digit, 16) for digit in digits.hex())
        yield b"".join(colours[number] for number in numbers[:width])


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _unfilter(kind: int, line: bytearray, above: Sequence[int]) -> None:
    """Undo one of the five filters of PNG, in place."""
    for at, up in enumerate(above):
        left, corner = (line[at - 4], above[at - 4]) if at >= 4 else (0, 0)
        line[at] = (line[at] + _guess(kind, left, up, corner)) & 0xFF


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    """What a filter expects beside these bytes."""
    return (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]


def _paeth(left: int, up: int, corner: int) -> int:
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def written(picture: Pixels, way: int) -> bytes:
    """A PNG (RGBA of eight bits) of these pixels, all rows with one of the five filters of PNG."""
    raw = bytearray()
    above: Sequence[int] = bytes(4 * picture.width)
    for row in picture.rows:
        raw.append(way)
        for at, value in enumerate(row):
            left, corner = (row[at - 4], above[at - 4]) if at >= 4 else (0, 0)
            raw.append((value - _guess(way, left, above[at], corner)) & 0xFF)
        above = row
    head = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(raw))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
