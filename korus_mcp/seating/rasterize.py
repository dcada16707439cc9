"""A program of its own: the SVG from stdin as PNG to stdout. See `raster`, which runs it.

It imports nothing else of ours, so that it starts soon.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

WIDTH: Final = 1200
"""Pixels across; about what a vision model looks at without shrinking it."""
LARGEST: Final = 200_000
"""Bytes; a picture that would be larger is made narrower."""
_NARROWER: Final = (0.84, 0.7, 0.58)
_FAMILY: Final = "Noto Sans"
_FONTS: Final = Path(__file__).with_name("fonts")


def png(picture: str, *, width: int = WIDTH) -> bytes:
    """The pixels of an SVG made by `picture.svg`, at most `width` across and 200 kB as a rule.

    Raises:
        ValueError: it is no SVG.
    """
    fonts = [str(font) for font in sorted(_FONTS.glob("*.ttf"))]
    made = _drawn(picture, width, fonts)
    # How many bytes a picture takes is known only when it is drawn; three steps are enough for the
    # largest map there is, and what is larger still goes out as it is.
    for share in _NARROWER:
        if len(made) <= LARGEST:
            break
        made = _drawn(picture, round(width * share), fonts)
    return made


def _drawn(picture: str, width: int, fonts: Sequence[str]) -> bytes:
    from resvg_py import svg_to_bytes  # 3 MB that a server without a picture to show never loads

    return svg_to_bytes(
        svg_string=picture,
        width=width,
        skip_system_fonts=True,
        font_files=list(fonts),
        font_family=_FAMILY,
        sans_serif_family=_FAMILY,
        shape_rendering="crisp_edges",  # half the bytes; letters stay smooth
    )


def _main() -> None:
    picture = sys.stdin.buffer.read().decode()
    sys.stdout.buffer.write(png(picture, width=int(sys.argv[1])))


if __name__ == "__main__":
    _main()
