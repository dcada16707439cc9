"""Makes a small PNG of a large one: the few colours that a drawing needs, one number a pixel.

resvg writes four bytes a pixel, and the smoothed edges of letters have hundreds of colours. A
drawing keeps its looks with far fewer, and needs a third of the bytes. By hand, since an imaging
library is some times the size of resvg, and a drawing is only looked up here, pixel by pixel.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_BYTES: Final = 4
"""Of a pixel: red, green, blue and opacity."""
_OF_FOUR_BITS: Final = 16
"""So many colours have numbers of half a byte."""
_COLOURS_OF_INDEXES: Final = 3
"""The type of a PNG whose pixels are numbers in a list of colours."""
_SLOWEST: Final = 9


def indexed(png: bytes, colours: int) -> bytes:
    """The same picture in its `colours` most frequent colours (256 at most), others as the nearest.

    `png` has eight bits for each of red, green, blue and opacity, and is not interlaced.
    """
    rows = _rows(png)
    count: Counter[int] = Counter()
    for row in rows:
        count.update(row)
    kept = [_channels(pixel) for pixel, _ in count.most_common(colours)]
    places = {pixel: _nearest(_channels(pixel), kept) for pixel in count}
    bits = 4 if len(kept) <= _OF_FOUR_BITS else 8
    lines = (bytes(map(places.__getitem__, row)) for row in rows)
    packed = b"".join(b"\0" + (_halved(line) if bits == 4 else line) for line in lines)
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), bits, _COLOURS_OF_INDEXES, 0, 0, 0)
    return SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", head),
            _chunk(b"PLTE", b"".join(bytes(colour[:3]) for colour in kept)),
            _chunk(b"tRNS", bytes(colour[3] for colour in kept)),
            _chunk(b"IDAT", zlib.compress(packed, _SLOWEST)),
            _chunk(b"IEND", b""),
        )
    )


def _rows(png: bytes) -> list[Sequence[int]]:
    """The rows of a picture from the top; a pixel is a number of four bytes, red the lowest."""
    parts = list(_chunks(png))
    width, height = struct.unpack_from(">II", parts[0][1])
    raw = zlib.decompress(b"".join(data for name, data in parts if name == b"IDAT"))
    rows: list[Sequence[int]] = []
    above: Sequence[int] = (0,) * width
    length = 1 + _BYTES * width
    for start in range(0, height * length, length):
        row: Sequence[int] = struct.unpack_from(f"<{width}I", raw, start + 1)
        if way := raw[start]:
            row = _restored(way, row, above)
        rows.append(row)
        above = row
    return rows


def _restored(way: int, changes: Sequence[int], above: Sequence[int]) -> list[int]:
    """A row that is written as its difference from what PNG's filter `way` (1 to 4) expects."""
    row = []
    left = corner = 0
    for change, up in zip(changes, above, strict=True):
        left = _pixel(way, change, left, up, corner)
        corner = up
        row.append(left)
    return row


@cache
def _pixel(way: int, change: int, left: int, up: int, corner: int) -> int:
    # Remembered, since a drawing is mostly flat: a picture has some thousand of these cases.
    pixel = 0
    for shift in range(0, 8 * _BYTES, 8):
        a, b, c = left >> shift & 0xFF, up >> shift & 0xFF, corner >> shift & 0xFF
        expected = (a, b, (a + b) // 2, _paeth(a, b, c))[way - 1]
        pixel |= ((change >> shift) + expected & 0xFF) << shift
    return pixel


def _paeth(left: int, up: int, corner: int) -> int:
    """The neighbour that is nearest to left + up - corner, as the specification of PNG has it."""
    return min((left, up, corner), key=lambda each: abs(left + up - corner - each))


def _channels(pixel: int) -> bytes:
    return pixel.to_bytes(_BYTES, "little")


def _nearest(colour: bytes, kept: Sequence[bytes]) -> int:
    def distance(place: int) -> int:
        return sum((mine - theirs) ** 2 for mine, theirs in zip(colour, kept[place], strict=True))

    return min(range(len(kept)), key=distance)


def _halved(line: bytes) -> bytes:
    """Two numbers a byte, the first in its upper half."""
    line += b"\0" * (len(line) % 2)
    return bytes(upper << 4 | lower for upper, lower in zip(line[::2], line[1::2], strict=True))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
