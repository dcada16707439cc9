"""`make halls N=10000`: so many halls of twenty kinds, drawn and compared with the truth.

`--beside COMMIT` asks an earlier commit about the same halls; `--seed S` shows one hall.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.booking import checked_out, has_commit
from tests.halls.asking import HERE, asked
from tests.halls.figures import Figures
from tests.halls.generator import hall_of, is_rendered
from tests.halls.judge import judged
from tests.halls.kinds import KINDS
from tests.halls.rendering import looked_at

CHUNK: Final = 40
NOW: Final = "now"


def main(arguments: Sequence[str]) -> int:
    """Measure and tell; 1 if a commit was named that is not there."""
    options = _options(arguments)
    if options.seed is not None:
        _show(options.seed, options.save)
        return 0
    with ExitStack() as stack:
        trees = {NOW: HERE}
        if options.beside is not None:
            if not has_commit(HERE, options.beside):
                _say(f"{options.beside} is not in this repository")
                return 1
            there = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "it"
            stack.enter_context(checked_out(options.beside, HERE, there))
            trees[options.beside] = there
        seeds = range(options.first, options.first + options.n)
        kinds = list(KINDS)
        chosen = [s for s in seeds if options.kind in (None, kinds[s % len(kinds)])]
        figures = measured(
            chosen, trees, jobs=options.jobs, rendered=options.rendered, tells=options.verbose
        )
    for name, found in figures.items():
        _say(f"\n{name}: seeds {options.first} to {options.first + options.n - 1}")
        for line in found.table():
            _say(line)
    for name, found in figures.items():
        _say(f"\n{name}, {found.total['halls']} halls: {found.shares()}")
    return 0


def measured(
    seeds: Sequence[int],
    trees: Mapping[str, Path],
    *,
    jobs: int = 2,
    rendered: bool = True,
    tells: bool = False,
) -> dict[str, Figures]:
    """The figures of the halls of these seeds, by name of the tree whose code was asked."""
    whole = {name: Figures() for name in trees}
    work = partial(_chunk, trees=trees, rendered=rendered, tells=tells)
    with multiprocessing.Pool(jobs) as pool:
        for part in pool.imap(work, _chunks(seeds)):
            for name, found in part.items():
                whole[name].join(found)
    return whole


def _chunk(
    seeds: Sequence[int], trees: Mapping[str, Path], *, rendered: bool, tells: bool
) -> dict[str, Figures]:
    halls = [hall_of(seed) for seed in seeds]
    found = {}
    for name, tree in trees.items():
        figures = found[name] = Figures()
        for hall, told in zip(halls, asked(halls, tree), strict=True):
            points = looked_at(hall, told) if rendered and is_rendered(hall.seed) else None
            verdict = judged(hall, told)
            figures.add(hall.kind, verdict, points)
            faults = [*verdict.faults, *(points.faults if points else ())]
            if tells and faults:
                notes = ", ".join(hall.notes)
                words = "".join(f"\n    {fault}" for fault in faults)
                _say(f"{name}, seed {hall.seed}, {hall.kind} ({notes}):{words}")
    return found


def _chunks(seeds: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(seeds), CHUNK):
        yield seeds[start : start + CHUNK]


def _show(seed: int, folder: Path | None) -> None:
    """Tell all of one hall, and keep its map and its picture."""
    hall = hall_of(seed)
    (told,) = asked([hall])
    _say(f"seed {seed}: {hall.kind} ({', '.join(hall.notes)})")
    for level, front in hall.fronts.items():
        _say(f"front{f' of {level}' if level else ''}: {front}")
    for number, zone in enumerate(hall.zones):
        _say(
            f"{zone.name}: {len(zone.chairs)} seats, longest run {zone.longest}, "
            f"told {told.together.get(number, 'nothing')}"
        )
    for fault in (*judged(hall, told).faults, *looked_at(hall, told).faults):
        _say(f"  wrong: {fault}")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{seed}.json").write_text(json.dumps(hall.wire()), "utf-8")
        (folder / f"{seed}.svg").write_text(told.picture, "utf-8")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make halls", description=__doc__)
    parser.add_argument("-n", type=int, default=1000, help="how many halls")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--kind", choices=list(KINDS), help="of these only those of one kind")
    parser.add_argument("--beside", metavar="COMMIT", help="ask this commit, too")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument(
        "--geometry", action="store_false", dest="rendered", help="render no picture"
    )
    parser.add_argument("--verbose", action="store_true", help="tell what is wrong of each hall")
    parser.add_argument("--seed", type=int, help="show one hall")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep its map and picture here")
    return parser.parse_args(arguments)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
