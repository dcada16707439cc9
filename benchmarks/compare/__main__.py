"""`make compare`: measures, keeps what came out, and writes docs/compare.md with its pictures.

Without a part all of them are measured: bookings, timings, faults. `page` only writes the page
anew.
"""

import argparse
import logging
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.compare import bookings, page, results, timings
from benchmarks.compare.buyers import NotBooked
from benchmarks.compare.faults import FAULTS, Fault, Verdict
from benchmarks.compare.peers import PEERS, NotInstalled, Peer, conversation
from benchmarks.compare.wire import Silent
from benchmarks.compare.world import world
from korus_mcp import __version__
from korus_mcp.foundation.clock import SystemClock

Json = dict[str, Any]
Increment = tuple[str, Json]
"""Of a server, what was measured of it."""
SIDE_BY_SIDE: Final = 3
"""Servers that are led through their faults at once: they wait more than they work."""


@dataclass(frozen=True)
class Wanted:
    """Where environments are kept, which sizes are measured and which faults are played."""

    cache: Path
    sizes: Sequence[int]
    faults: Sequence[str]


def main() -> int:
    """Measure what is asked for; 1 if a server that is here did not book."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="bookings, timings, faults or page")
    names = [peer.id for peer in PEERS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these servers")
    sizes = list(bookings.SIZES)
    parser.add_argument("--sizes", nargs="+", type=int, choices=sizes, default=sizes)
    faults = [fault.id for fault in FAULTS]
    parser.add_argument("--faults", nargs="+", choices=faults, default=faults)
    parser.add_argument("--cache", help="where environments are kept, else in your cache folder")
    given = parser.parse_args()
    parts: Sequence[str] = given.parts or (*MEASURED, "page")
    if unknown := [each for each in parts if each not in (*MEASURED, "page")]:
        parser.error(f"no such part: {', '.join(unknown)}")
    logging.disable(logging.CRITICAL)  # the sandbox tells each connection that a fault breaks
    cache = Path(given.cache or Path.home() / ".cache" / "korus-mcp-compare")
    wanted = Wanted(cache, given.sizes, given.faults)
    with tempfile.TemporaryDirectory(prefix="korus-compare-") as folder:
        here, skipped = _installed([peer for peer in PEERS if peer.id in given.only], cache)
        for part in parts:
            if part in MEASURED:
                # Kept at once: a run may be ended before it is whole.
                for name, told in MEASURED[part](here, wanted, Path(folder) / part):
                    measured = {"of": _of(), "skipped": skipped, "servers": {name: told}}
                    results.keep(part, measured)
    page.write()
    found = results.known()
    print(page.told(found))
    return 0 if page.all_booked(found) else 1


def _installed(wanted: Sequence[Peer], cache: Path) -> tuple[Sequence[Peer], Mapping[str, str]]:
    """The servers that are here, and why others are not."""
    here: list[Peer] = []
    skipped: dict[str, str] = {}
    for peer in wanted:
        try:
            peer.install(cache)
            here.append(peer)
        except NotInstalled as missing:
            skipped[peer.id] = str(missing)
    return here, skipped


def _of() -> Json:
    """When and on what."""
    day = SystemClock().now().date().isoformat()
    python = f"Python {platform.python_version()}"
    return {"day": day, "korus_mcp": __version__, "on": f"{platform.system()}, {python}"}


def _bookings(peers: Sequence[Peer], wanted: Wanted, folder: Path) -> Iterator[Increment]:
    for bases in wanted.sizes:
        for peer in peers:
            home = folder / f"{peer.id}-{bases}"
            yield peer.id, {str(bases): bookings.measured(peer, bases, wanted.cache, home)}


def _timings(peers: Sequence[Peer], wanted: Wanted, folder: Path) -> Iterator[Increment]:
    for name, figures in timings.measured(peers, wanted.cache, folder):
        yield name, {figure: round(value, 1) for figure, value in figures.items()}


def _faults(peers: Sequence[Peer], wanted: Wanted, folder: Path) -> Iterator[Increment]:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as beside:
        for fault in FAULTS:
            if fault.id not in wanted.faults:
                continue
            play = partial(_played, fault, wanted.cache, folder)
            for peer, verdict in zip(peers, beside.map(play, peers), strict=True):
                yield peer.id, {fault.id: asdict(verdict)}


def _played(fault: Fault, cache: Path, folder: Path, peer: Peer) -> Verdict:
    """What became of a fault, in a world and with a server of its own."""
    home = folder / f"{peer.id}-{fault.id}"
    with world(timings.BASES) as place, conversation(peer, cache, home, place) as buyer:
        try:
            return fault.play(buyer)
        except (NotBooked, Silent) as failed:
            return Verdict(passed=False, seen=f"not played to the end: {failed}")


Measure = Callable[[Sequence[Peer], Wanted, Path], Iterator[Increment]]
MEASURED: Final[Mapping[str, Measure]] = {
    "bookings": _bookings,
    "timings": _timings,
    "faults": _faults,
}


if __name__ == "__main__":
    sys.exit(main())
