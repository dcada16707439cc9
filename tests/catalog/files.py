"""Which files of catalogs the process of the tests has open."""

import gc
from pathlib import Path

import psutil

from tests.booking.stage import until


def open_files(folder: Path) -> int:
    """How many files of catalogs in a folder this process has open."""
    gc.collect()
    # Each file once: it has two connections, and more descriptors if it was opened anew before it
    # was closed, since SQLite keeps those of closed connections until all others are closed, too.
    links = {Path(file.path) for file in psutil.Process().open_files()}
    return sum(link.suffix == ".sqlite" and link.is_relative_to(folder) for link in links)


async def files_open(folder: Path, most: int) -> None:
    """Wait until some, and at most so many, files of catalogs are open in a folder.

    A thread that worked on a file refers to it for a moment after the result is there.
    """
    await until(lambda: 0 < open_files(folder) <= most)
