"""Memory of a server that twenty ask for the map of a large house at once, beside its floor.

Each figure is the peak of a process of its own; the floor is the same server asked once for the
small map of the sandbox.
"""

import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import anyio
from mcp import Client

from korus_mcp.api.models.seat_map import MOST_SEATS, MOST_ZONES
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.sandbox.catalog_shapes import CatalogShapes
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Settings
from tests.fixtures.assistant import handle_of

CALLS: Final = 20
Json = dict[str, Any]


def main() -> None:
    """Print one line a map."""
    floor = _peak("floor")
    for name in MAPS:
        peak = _peak(name)
        print(
            f"memory, {CALLS} different get_seat_map at once on {name}: {peak:.0f} MB at its peak, "
            f"floor {floor:.0f} MB, ratio {peak / floor:.1f}"
        )


def _house(zones: int, rows: int, seats: int) -> list[Json]:
    """Zones side by side; short figures, as the API sends at most 5 MB."""
    return [
        {
            "name": f"Block {n}",
            "rows": [
                {
                    "name": str(row),
                    "seats": [{"name": str(s), "x": s + 60 * n, "y": row} for s in range(seats)],
                }
                for row in range(rows)
            ],
        }
        for n in range(zones)
    ]


def _bare(zones: int) -> list[Json]:
    return [{"name": f"Block {n}"} for n in range(zones)]


MAPS: Final[Mapping[str, Callable[[], list[Json]]]] = {
    "a house of 100,000 seats": partial(_house, 80, 25, 50),
    "70,000 bare zones": partial(_bare, 70_000),
    f"seats without places, over {MOST_SEATS}": lambda: [
        {"name": "A", "rows": [{"seats": [{}] * 1_000_000}]}
    ],
    f"{MOST_ZONES} zones of 70 seats": partial(_house, MOST_ZONES, 5, 14),
}


def _peak(name: str) -> float:
    """Megabytes of a process that does this and nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.crowd", name], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


async def _ask(name: str) -> None:
    if name in MAPS:
        usual, zones = CatalogShapes.seat_map, MAPS[name]()
        CatalogShapes.seat_map = lambda *args: usual(*args) | {"zones": zones}  # type: ignore[method-assign] # the sandbox's own maps are small
    sandbox = Sandbox(SandboxOptions(seed=1))
    base = handle_of(sandbox, "hall_base")
    async with Client(build_server(Settings(), sandbox=sandbox)) as client:
        asked = 1 if name == "floor" else CALLS
        async with anyio.create_task_group() as tasks:
            for quantity in range(1, asked + 1):
                wish = {"product_base_id": base, "quantity": quantity}
                tasks.start_soon(client.call_tool, "get_seat_map", wish)


if __name__ == "__main__":
    anyio.run(_ask, sys.argv[1])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
