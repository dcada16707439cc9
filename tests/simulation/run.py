"""`make simulate N=1000000`: so many schedules, or what the given minutes allow."""

import argparse
import logging
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.simulation.replica import Parts
from tests.simulation.story import played, words_of
from tests.simulation.virtual import VirtualLoop

CHUNK = 250


def main() -> int:
    """Play them on all cores; 1 when anything was wrong."""
    given = _given()
    began, tally = time.monotonic(), Counter[str]()
    with multiprocessing.Pool() as pool:
        for part in pool.imap_unordered(_played_chunk, _chunks(given.first, given.n)):
            tally += part
            if given.minutes and time.monotonic() - began > given.minutes * 60:
                pool.terminate()
                break
    rate = tally["schedules"] / (time.monotonic() - began)
    print(  # noqa: T201 - its result
        f"{tally['schedules']} schedules, {tally['crashes']} crashes: double {tally['double']}, "
        f"lost {tally['lost']}, ghost {tally['ghost']}, stuck {tally['stuck']} "
        f"(other invariants broken {tally['broken']}; {rate:.0f} schedules/s)"
    )
    return int(any(tally[kind] for kind in ("double", "lost", "ghost", "stuck", "broken")))


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=2000, help="schedules")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so long")
    return parser.parse_args()


def _chunks(first: int, number: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + number, CHUNK):
        yield start, min(start + CHUNK, first + number)


def _played_chunk(seeds: tuple[int, int]) -> Counter[str]:
    """The tally of some seeds; a seed that went wrong is named on stderr."""
    logging.disable(logging.CRITICAL)
    loop, tally = VirtualLoop(), Counter[str]()
    for seed in range(*seeds):
        verdict = played(seed, loop, Parts())
        tally["schedules"] += 1
        tally["crashes"] += verdict.crashes
        tally.update({kind: 1 for kind, each in verdict.wrong.items() if each})
        if not verdict.is_clean:
            sys.stderr.write(f"seed {seed}: {words_of(verdict.wrong)}\n")
    loop.close()
    return tally


if __name__ == "__main__":
    sys.exit(main())
