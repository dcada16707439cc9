"""A program of its own: reads an SVG from stdin and writes a PNG to stdout. `raster` runs it.

It imports one small module of ours, so that it starts quickly.
"""

import math
import sys
from pathlib import Path
from typing import Final

from korus_mcp.seating.indexed import indexed

WIDTH: Final = 800
"""Width in pixels: the smallest letters of a map can still be read."""
LARGEST: Final = 40_000
"""The most bytes of a picture. Hosts that pass it on as text make a third more letters of them."""
COLOURS: Final = (64, 16)
"""How many colours a picture keeps; the fewer, where it would be too large with more."""
_FAMILY: Final = "Noto Sans"
_FONTS: Final = Path(__file__).with_name("fonts")


def png(picture: str, *, width: int = WIDTH) -> bytes:
    """The PNG of an SVG from `picture.svg`: at most `LARGEST` bytes, `width` pixels wide or less.

    Raises:
        ValueError: it is no SVG.
    """
    # The size of a picture is known only when it is made. It grows with the square of the width.
    while True:
        drawn = _drawn(picture, width)
        for colours in COLOURS:
            made = indexed(drawn, colours)
            if len(made) <= LARGEST:
                return made
        width = int(width * min(0.9, math.sqrt(LARGEST / len(made))))


def _drawn(picture: str, width: int) -> bytes:
    from resvg_py import svg_to_bytes  # imported here: 3 MB that are only needed to draw

    return svg_to_bytes(
        svg_string=picture,
        width=width,
        skip_system_fonts=True,
        font_files=[str(font) for font in sorted(_FONTS.glob("*.ttf"))],
        font_family=_FAMILY,
        sans_serif_family=_FAMILY,
        shape_rendering="crisp_edges",  # half the bytes; letters stay smooth
    )


if __name__ == "__main__":
    made = png(sys.stdin.buffer.read().decode(), width=int(sys.argv[1]))
    sys.stdout.buffer.write(made)
