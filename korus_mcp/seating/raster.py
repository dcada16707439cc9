"""Makes a PNG of a seat map, by drawing the SVG of `picture` with resvg.

resvg was chosen because both forms then come from one drawing, it is fast, and its wheels (1.6 MB,
one for all versions of Python) exist for glibc, musl, macOS and Windows. It runs no script, and
loads no font but those beside this file: Noto Sans with Latin, Greek and Cyrillic, since a slim
container has no fonts. Other characters, such as Chinese or emoji, become boxes.

resvg holds the GIL while it draws, so that a thread would not help other callers: `rasterize` runs
as a program of its own. It parses texts of issuers, so it gets none of our secrets.
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
"""The time limit of one picture; even the largest map takes less on a busy machine."""
AT_ONCE: Final = 2
_PROGRAM: Final = Path(__file__).with_name("rasterize.py")
_KEPT: Final = ("LD_LIBRARY_PATH", "PATH", "SYSTEMROOT")
"""Environment variables that Python itself may need."""
_log = logging.getLogger(__name__)


class NotDrawn(Exception):
    """The renderer failed or took too long. The SVG can still be used."""


class Raster:
    """Makes PNGs, only a few at once: each takes a processor for some tenths of a second."""

    def __init__(self) -> None:
        self._places = anyio.CapacityLimiter(AT_ONCE)

    async def png(self, picture: str, *, width: int = WIDTH) -> bytes:
        """The PNG of an SVG, made in another process.

        Raises:
            NotDrawn: it failed, or took longer than `SECONDS`, with the time it had to wait.
        """
        # -P: without it the program's folder comes first in `sys.path`, and our modules would hide
        # others with the same names.
        command = [sys.executable, "-P", str(_PROGRAM), str(width)]
        try:
            # The limit counts from the call on: waiting for a turn is part of it.
            with anyio.fail_after(SECONDS):
                async with self._places:
                    done = await anyio.run_process(
                        command, input=picture.encode(), env=_environment()
                    )
        except (TimeoutError, OSError, subprocess.CalledProcessError) as error:
            # Only the type of the error: its text may quote an issuer.
            _log.warning("a picture was not drawn: %s", type(error).__name__)
            raise NotDrawn from error
        return done.stdout


def _environment() -> dict[str, str]:
    """The environment of the program: the path to our modules, and no secrets."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}  # noqa: TID251 - a child's
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
