"""A program of its own: reads a seat map from stdin, draws it by the code of the tree that
PYTHONPATH names, and writes what that took as JSON. `drawing` runs it.
"""

import gc
import json
import sys
import time
import tracemalloc
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

# Names that were other ones at an earlier commit are known there; `tests` itself is the tree's own.
sys.path.append(str(Path(__file__).parents[1] / "tests" / "halls"))
names = import_module("tell")


def main(text: str, tree: Path) -> None:
    """Time first: what measures memory takes time itself."""
    package = Path(import_module("korus_mcp").__file__ or "").parents[1]
    if package.resolve() != tree.resolve():
        raise SystemExit(f"the code of {package} was imported, not that of {tree}")
    # As a server does at its start: what is imported is not looked through again and again.
    gc.collect()
    gc.freeze()
    began = time.process_time()
    seat_map = _read(text)
    read = time.process_time()
    _drawn(seat_map)
    drawn = time.process_time()
    del seat_map
    gc.collect()
    tracemalloc.start()
    seat_map = _read(text)
    gc.collect()
    of_map, to_read = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    _drawn(seat_map)
    _, to_draw = tracemalloc.get_traced_memory()
    found = {
        "whole": (drawn - began) * 1e3,
        "drawing": (drawn - read) * 1e3,
        "memory": max(to_read, to_draw) / 1e6,
        "more": (to_draw - of_map) / 1e6,
    }
    sys.stdout.write(json.dumps(found))


def _read(text: str) -> Any:
    return names.SeatMap.model_validate(json.loads(text))


def _drawn(seat_map: Any) -> str:
    offers = [
        names.SeatOffer(
            offer_id=f"z{n}",
            choices={"zone": zone.name},
            price=names.Money(Decimal(20 + n % 7 * 10)),
            left=n % 11,
        )
        for n, zone in enumerate(seat_map.zones)
    ]
    drawing = names.drawing_of(seat_map)
    picture: str = names.svg(drawing, names.seat_table(seat_map, offers, {}).zones)
    return picture


if __name__ == "__main__":
    main(sys.stdin.read(), Path(sys.argv[1]))
