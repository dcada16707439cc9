"""`make proxy-test`: each recipe of docs/deploy.md before two servers, in both eras.

Every cell finishes or is named with its reason. The last line counts doubles, lost and leaked.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import anyio

from tests.fixtures.assistant import ERAS
from tests.fixtures.postgres import Cluster, cluster, programs
from tests.proxies.cells import CELLS
from tests.proxies.recipes import PROXIES, Proxy
from tests.proxies.stage import Stage, staged

SLOW_SECONDS: Final = 45.0
"""Longer than an order call waits (40 s)."""
_REVISIONS: Final = {"auto": "2026-07-28", "legacy": "2025-11-25"}


@dataclass
class Findings:
    """What became of the cells of one proxy; a cell without a reason has finished."""

    proxy: str
    cells: list[tuple[str, str, str | None]] = field(default_factory=list)
    doubles: int = 0
    lost: int = 0
    leaked: int = 0

    @property
    def failed(self) -> int:
        """How many cells did not finish."""
        return sum(reason is not None for _, _, reason in self.cells)


async def played(stage: Stage, name: str, *, slow: float) -> Findings:
    """Play all cells behind a proxy, one after the other: faults of the world are for all."""
    found = Findings(name)
    for mode in ERAS:
        for cell, play in CELLS.items():
            reason = None
            try:
                await play(stage, mode, slow)
            except Exception as error:  # noqa: BLE001 - told as the reason of the cell
                reason = _told(error)
                stage.world.sandbox.faults.clear()
            found.cells.append((_REVISIONS[mode], cell, reason))
    found.doubles, found.lost, found.leaked = stage.doubles, stage.lost, len(stage.leaks)
    return found


def _told(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    because = f", because of {_told(error.__cause__)}" if error.__cause__ is not None else ""
    return f"{type(error).__name__}: {str(error)[:200]}{because}"


async def _all(proxies: Sequence[Proxy], postgres: Cluster, slow: float) -> list[Findings]:
    found: list[Findings] = []
    setting_up = anyio.Lock()

    async def one(proxy: Proxy) -> None:
        async with AsyncExitStack() as at_the_end:
            # One after the other, so that no two take the same free port.
            async with setting_up:
                stage = await at_the_end.enter_async_context(staged(proxy, postgres))
            found.append(await played(stage, proxy.told(), slow=slow))

    async with anyio.create_task_group() as tasks:
        for proxy in proxies:
            tasks.start_soon(one, proxy)
    return found


def main() -> int:
    """Play what is installed. Returns 1 if a cell failed or an order is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slow", type=float, default=SLOW_SECONDS, help="seconds of the issuer")
    parser.add_argument("--proxy", action="append", help="these only, by name")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    wanted = [p for p in PROXIES if not given.proxy or p.name.lower() in given.proxy]
    there = [proxy for proxy in wanted if proxy.found is not None]
    for proxy in wanted:
        if proxy not in there:
            print(f"{proxy.name}: not installed")  # noqa: T201 - the report
    postgres = programs()
    if postgres is None:
        print("PostgreSQL is not installed")  # noqa: T201 - the report
        return 1
    with cluster(postgres) as running:
        found = anyio.run(_all, there, running, given.slow)
    for each in found:
        for revision, cell, reason in each.cells:
            print(f"{each.proxy}, {revision}, {cell}: {reason or 'ok'}")  # noqa: T201 - the report
    failed, doubles, lost, leaked = (
        sum(getattr(each, name) for each in found)
        for name in ("failed", "doubles", "lost", "leaked")
    )
    cells = sum(len(each.cells) for each in found)
    print(  # noqa: T201 - the report
        f"{len(found)} proxies, {cells} cells, {failed} failed: "
        f"{doubles} doubles, {lost} lost, {leaked} leaked"
    )
    return int(bool(failed or doubles or lost or leaked) or len(there) < len(wanted))


if __name__ == "__main__":
    sys.exit(main())
