"""Asks the code of a commit about halls, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.halls.judge import Told
from tests.halls.truth import Hall

HERE: Final = Path(__file__).parents[2]
"""The working tree that this file is in."""
_TELL: Final = Path(__file__).with_name("tell.py")
_KEPT: Final = ("LD_LIBRARY_PATH", "PATH", "SYSTEMROOT")


def asked(halls: Sequence[Hall], tree: Path = HERE) -> list[Told]:
    """What the code of a working tree tells of each hall.

    Raises:
        RuntimeError: it failed; the text is what it said last.
    """
    lines = (
        json.dumps({"map": hall.wire(), "left": {n: hall.zones[n].left for n in hall.sold}})
        for hall in halls
    )
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}  # noqa: TID251 - a child's
    done = subprocess.run(
        [sys.executable, "-P", str(_TELL), str(tree)],
        input="".join(f"{line}\n" for line in lines),
        env=kept | {"PYTHONPATH": str(tree)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{tree}: {done.stderr[-2000:]}")
    return [Told.read(json.loads(line)) for line in done.stdout.splitlines()]
