"""A program of its own: reads an SVG from stdin and writes a PNG to stdout. `raster` runs it.

It imports none of our other modules, so that it starts quickly.
"""

import sys
from pathlib import Path
from typing import Final

WIDTH: Final = 1200
"""Width in pixels, about the most that vision models use without scaling a picture down."""
LARGEST: Final = 200_000
"""The most bytes of a picture; a larger one is drawn again with less width."""
_NARROWER: Final = (0.84, 0.7, 0.58)
_FAMILY: Final = "Noto Sans"
_FONTS: Final = Path(__file__).with_name("fonts")


def png(picture: str, *, width: int = WIDTH) -> bytes:
    """The PNG of an SVG from `picture.svg`: at most `width` pixels wide, mostly below 200 kB.

    Raises:
        ValueError: it is no SVG.
    """
    made = _drawn(picture, width)
    # The size of a picture is known only when it is drawn. Three steps are enough for the largest
    # map known; a picture that is still too large is returned as it is.
    for share in _NARROWER:
        if len(made) <= LARGEST:
            break
        made = _drawn(picture, round(width * share))
    return made


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
