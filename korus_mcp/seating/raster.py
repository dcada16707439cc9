"""A seat map as PNG, for those who read pixels: drawn by resvg from the SVG of `picture`.

resvg, because one drawing then serves both forms, it is fast, and its wheels (1.6 MB, one for all
versions of Python) exist for glibc, musl, macOS and Windows. It runs no script, and it loads no
font but those beside this file: Noto Sans, cut to Latin, Greek and Cyrillic, as a slim container
has none. Characters that these lack, such as Chinese or emoji, come out as boxes.

resvg holds the interpreter's lock while it draws, so that a thread would not help other callers.
`png_aside` runs this file as a program of its own, which imports nothing else of ours.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio

WIDTH: Final = 1200
"""Pixels across; about what a vision model looks at without shrinking it."""
LARGEST: Final = 200_000
"""Bytes; a picture that would be larger is made narrower."""
SECONDS: Final = 20.0
"""Longer than the largest map takes on a busy machine."""
_NARROWER: Final = (0.84, 0.7, 0.58)
_FAMILY: Final = "Noto Sans"
_FONTS: Final = Path(__file__).with_name("fonts")


class NotDrawn(Exception):
    """The renderer failed or took too long. The SVG is there all the same."""


async def png_aside(picture: str, *, width: int = WIDTH) -> bytes:
    """What `png` gives, made in another process.

    Raises:
        NotDrawn: it failed, or took longer than `SECONDS`.
    """
    command = [sys.executable, "-I", __file__, str(width)]
    try:
        with anyio.fail_after(SECONDS):
            done = await anyio.run_process(command, input=picture.encode())
    except (TimeoutError, OSError, subprocess.CalledProcessError) as error:
        raise NotDrawn from error
    return done.stdout


def png(picture: str, *, width: int = WIDTH) -> bytes:
    """The pixels of an SVG made by `picture.svg`, at most `width` across and 200 kB as a rule.

    Raises:
        ValueError: it is no SVG.
    """
    fonts = [str(font) for font in sorted(_FONTS.glob("*.ttf"))]
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


def _main() -> None:
    """The SVG from stdin to stdout."""
    picture = sys.stdin.buffer.read().decode()
    sys.stdout.buffer.write(png(picture, width=int(sys.argv[1])))


if __name__ == "__main__":
    _main()
