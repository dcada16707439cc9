"""A seat map as PNG, for those who read pixels: drawn by resvg from the SVG of `picture`.

resvg, because one drawing then serves both forms, it is fast, and its wheels (1.6 MB, one for all
versions of Python) exist for glibc, musl, macOS and Windows. It runs no script, and it loads no
font but those beside this file: Noto Sans, cut to Latin, Greek and Cyrillic, as a slim container
has none. Characters that these lack, such as Chinese or emoji, come out as boxes.

resvg holds the interpreter's lock while it draws, so that a thread would not help other callers:
`rasterize` is a program of its own. It reads what issuers wrote, so it is given no secret of ours.
"""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import anyio

from korus_mcp.seating.rasterize import WIDTH

SECONDS: Final = 20.0
"""Longer than the largest map takes on a busy machine."""
AT_ONCE: Final = 2
_PROGRAM: Final = Path(__file__).with_name("rasterize.py")
_KEPT: Final = ("LD_LIBRARY_PATH", "PATH", "SYSTEMROOT")
"""What Python itself may need of the environment."""
_log = logging.getLogger(__name__)


class NotDrawn(Exception):
    """The renderer failed or took too long. The SVG is there all the same."""


class Raster:
    """Draws pictures, few at once: each takes a processor for some tenths of a second."""

    def __init__(self) -> None:
        self._places = anyio.CapacityLimiter(AT_ONCE)

    async def png(self, picture: str, *, width: int = WIDTH) -> bytes:
        """The pixels of an SVG, made in another process.

        Raises:
            NotDrawn: it failed, or took longer than `SECONDS`, or there was no place so long.
        """
        # -P: without it the folder of the program comes first on its path, where our modules are
        # called like those of others.
        command = [sys.executable, "-P", str(_PROGRAM), str(width)]
        try:
            # The time counts from the call on, not from the turn: a caller waits that long in all.
            with anyio.fail_after(SECONDS):
                async with self._places:
                    done = await anyio.run_process(
                        command, input=picture.encode(), env=_environment()
                    )
        except (TimeoutError, OSError, subprocess.CalledProcessError) as error:
            # The name alone: what the renderer says of a picture may quote the issuer.
            _log.warning("a picture was not drawn: %s", type(error).__name__)
            raise NotDrawn from error
        return done.stdout


def _environment() -> dict[str, str]:
    """The modules of this process, and none of its secrets."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}  # noqa: TID251 - a child's
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
