"""How soon each answers, what a call costs it, and its memory: in turns, the least of some rounds.

What else the machine does then slows all of them; the least is what was least disturbed.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.compare.buyers import Buyer
from benchmarks.compare.peers import Peer, buyer_of, started
from benchmarks.compare.world import World, world

BASES: Final = 50
ROUNDS: Final = 3
BOOKINGS: Final = 2
"""In a row, for one figure of computing: clocks of processes count in hundredths of a second."""
Figures = Mapping[str, float]


def measured(peers: Sequence[Peer], cache: Path, folder: Path) -> Iterator[tuple[str, Figures]]:
    """The figures of a server by its name, milliseconds and megabytes, so far: after each round."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    with world(BASES) as place:
        for turn in range(ROUNDS):
            for peer in peers:
                seen = _round(peer, cache, folder / f"{peer.id}-{turn}", place)
                known = found[peer.id]
                known |= {each: min(value, known.get(each, value)) for each, value in seen.items()}
            yield from found.items()


def _round(peer: Peer, cache: Path, home: Path, place: World) -> Figures:
    """A start with an empty home: handshake, tools, the first offers; then some bookings."""
    server = started(peer, cache, home, place)
    began = time.perf_counter()

    def since() -> float:
        return (time.perf_counter() - began) * 1000

    with server as wire:
        wire.begin()
        answered = since()
        tools = wire.tools()
        listed = since()
        buyer = buyer_of(peer, wire, place, tools)
        buyer.choose()
        offers = since()
        buyer.book()
        return {"answered": answered, "listed": listed, "offers": offers, **_computed(buyer)}


def _computed(buyer: Buyer) -> Figures:
    """What bookings cost a server that has booked once: of the processor, in time, in memory."""
    wire = buyer.wire
    calls, cpu, began = len(wire.calls), wire.cpu_seconds, time.perf_counter()
    for _ in range(BOOKINGS):
        buyer.afresh().book()
    took = (time.perf_counter() - began) * 1000
    made, computed = len(wire.calls) - calls, (wire.cpu_seconds - cpu) * 1000
    return {
        "cpu_a_call": computed / made,
        "cpu_a_booking": computed / BOOKINGS,
        "booking": took / BOOKINGS,
        "megabytes": wire.megabytes,
    }
