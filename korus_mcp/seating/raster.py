"""A seat map as PNG, for those who read pixels: drawn by resvg from the SVG of `picture`.

resvg, because one drawing then serves both forms, it is fast, and its wheels (1.6 MB, one for all
versions of Python) exist for glibc, musl, macOS and Windows. It runs no script, and it loads no
font but those beside this file: Noto Sans, cut to Latin, Greek and Cyrillic, as a slim container
has none. Characters that these lack, such as Chinese or emoji, come out as boxes.
"""

from collections.abc import Sequence
from importlib.resources import as_file, files
from typing import Final

WIDTH: Final = 1200
"""Pixels across; about what a vision model looks at without shrinking it."""
LARGEST: Final = 200_000
"""Bytes; a picture that would be larger is made narrower."""
_NARROWER: Final = (0.84, 0.7, 0.58)
_FAMILY: Final = "Noto Sans"


def png(picture: str, *, width: int = WIDTH) -> bytes:
    """The pixels of an SVG made by `picture.svg`, at most `width` across and 200 kB as a rule.

    Takes some tenths of a second: call it in a thread.

    Raises:
        ValueError: it is no SVG.
    """
    with as_file(files("korus_mcp.seating") / "fonts") as folder:
        fonts = [str(font) for font in sorted(folder.glob("*.ttf"))]
        made = _drawn(picture, width, fonts)
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
