"""The picture of 100,000 seats, from the API's answer to the SVG: processor time and memory.

Three houses of that size: a bowl of bent rows, straight rows, and a bowl of very many zones.
`python -m benchmarks.drawing --beside COMMIT` measures an earlier commit in turns with this one,
each in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.booking import checked_out, has_commit
from tests.halls.asking import HERE
from tests.seating.halls import Json, blocks, bowl

TURNS: Final = 3
HOUSES: Final[Mapping[str, Callable[[], Json]]] = {
    "bowl of 100 zones": partial(bowl, zones=100, rows=25, seats=40),
    "100 zones of straight rows": partial(blocks, zones=100, rows=25, seats=40),
    "bowl of 500 zones": partial(bowl, zones=500, rows=10, seats=20),
}
MEASURES: Final[Mapping[str, str]] = {
    "whole": "ms of CPU from the answer to the SVG",
    "drawing": "ms of it for the drawing",
    "memory": "MB at most from the answer to the SVG",
    "more": "MB at most that the drawing takes beside the map",
}
_CHILD: Final = Path(__file__).with_name("drawn.py")


def main(beside: str | None = None) -> None:
    """Print a line a figure: the least of all turns, which other programs disturb least."""
    plans = {name: json.dumps(make()) for name, make in HOUSES.items()}
    with ExitStack() as stack:
        trees = {"now": HERE}
        if beside is not None and has_commit(HERE, beside):
            there = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "it"
            stack.enter_context(checked_out(beside, HERE, there))
            trees[beside] = there
        for house, plan in plans.items():
            turns = [
                {name: _asked(tree, plan) for name, tree in trees.items()} for _ in range(TURNS)
            ]
            for measure, words in MEASURES.items():
                least = {name: min(turn[name][measure] for turn in turns) for name in trees}
                now = least.pop("now")
                others = "".join(
                    f", at {name} {then:.1f}, ratio {now / then:.2f}"
                    for name, then in least.items()
                )
                print(f"picture of 100,000 seats, {house}, {words}: {now:.1f}{others}")


def _asked(tree: Path, plan: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-P", str(_CHILD), str(tree)],
        input=plan,
        env={**os.environ, "PYTHONPATH": str(tree)},  # noqa: TID251 - a child's
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--beside") + 1] if "--beside" in sys.argv else None)
