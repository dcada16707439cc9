"""korus-mcp beside the bare SDK server, in the same run: ratios count, not milliseconds."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters
from mcp.server.mcpserver import MCPServer

from benchmarks import (
    booking,
    calls,
    catalog,
    crowd,
    drawing,
    greedy,
    holding,
    orders,
    pictures,
    replies,
    seating,
    served,
    starting,
    ui,
)
from benchmarks.floor import floor_server
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Profile, Settings
from tests.docs.generated import list_tokens, listed_tools
from tests.ui.stage import CHROMIUM, MODULES

USUAL, FULL = (10_000, 100_000), (100_000, 100_000)
"""Bases that are crawled, and bases that are searched in (`make bench ARGS=--full`)."""
MIXED_CALLS = 100_000
"""After which a server over HTTP has to be as large as when it was warm (`--full`)."""
STARTS = 9
CALLS = 300
Call = Callable[[], Awaitable[object]]


def main() -> None:
    """Print one line a figure."""
    whole, without = list_tokens(listed_tools())
    print(f"tools/list: {whole} tokens, {without} without output schemas (o200k)")
    _version_time()
    beside = sys.argv[sys.argv.index("--beside") + 1] if "--beside" in sys.argv else None
    starting.main(beside)
    with tempfile.TemporaryDirectory() as folder:
        korus = _stdio("korus_mcp", Path(folder))
        floor = _stdio("benchmarks.floor", Path(folder))
        anyio.run(_stdio_calls, korus, floor)
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(_memory_calls, Path(folder))
    replies.main()
    holding.main()
    booking.main()
    if beside is not None:
        booking.beside(beside)
    orders.main(beside)
    calls.main(beside)
    served.main(MIXED_CALLS if "--full" in sys.argv else 0)
    seating.main()
    drawing.main(beside)
    pictures.main()
    # Chromium and the npm packages of the pages are not everywhere.
    if Path(CHROMIUM).exists() and (MODULES / "esbuild").is_dir():
        ui.main(beside)
    crowd.main()
    greedy.main()
    catalog.main(*(FULL if "--full" in sys.argv else USUAL))


def _stdio(module: str, folder: Path) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", module],
        env={
            "KORUS_CACHE_DIR": str(folder),
            "KORUS_SANDBOX_DIR": str(folder / "sandbox"),
            "KORUS_CALLS_PER_MINUTE": "0",
            "KORUS_SANDBOX_SEED": "1",
            "PYTHONPATH": ".",
        },
    )


def _version_time() -> None:
    def started(*arguments: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return (time.perf_counter() - began) * 1000

    bare = statistics.median(started("-c", "pass") for _ in range(STARTS))
    ours = statistics.median(started("-m", "korus_mcp", "--version") for _ in range(STARTS))
    print(f"--version: {ours:.0f} ms, bare interpreter {bare:.0f} ms")


async def _stdio_calls(korus: StdioServerParameters, floor: StdioServerParameters) -> None:
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(Client(korus))
        bare = await stack.enter_async_context(Client(floor))
        # The catalog is read during the first search; the next ones are what is measured.
        await ours.call_tool("search_products", {"query": "derby"})
        _tell(
            "search_products over stdio",
            *await _in_turns(
                lambda: ours.call_tool("search_products", {"query": "derby", "limit": 1}),
                lambda: bare.call_tool("echo", {"text": "derby"}),
            ),
        )


async def _memory_calls(folder: Path) -> None:
    settings = Settings(profile=Profile.SERVICE_DESK, sandbox_seed=1, calls_per_minute=0)
    korus = build_server(replace(settings, sandbox_dir=folder))
    bare: MCPServer[None] = floor_server()
    async with Client(korus) as ours, Client(bare) as floor:
        await ours.call_tool("search_products", {"query": "derby"})
        _tell(
            "search_products in memory",
            *await _in_turns(
                lambda: ours.call_tool("search_products", {"query": "derby", "limit": 1}),
                lambda: floor.call_tool("echo", {"text": "derby"}),
            ),
        )
        _tell(
            "a refused call in memory (the layer alone)",
            *await _in_turns(
                lambda: ours.call_tool("search_products", {"limit": -1}),
                lambda: floor.call_tool("echo", {"text": "derby"}),
            ),
        )


async def _in_turns(ours: Call, floor: Call) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(CALLS):
        for place, call in enumerate((ours, floor)):
            began = time.perf_counter()
            await call()
            times[place].append((time.perf_counter() - began) * 1000)
    return times


def _tell(what: str, ours: list[float], floor: list[float]) -> None:
    mine, theirs = statistics.median(ours), statistics.median(floor)
    print(
        f"{what}: {mine:.2f} ms, floor {theirs:.2f} ms, "
        f"ratio {mine / theirs:.2f}, difference {mine - theirs:.2f} ms (medians of {len(ours)})"
    )


if __name__ == "__main__":
    main()
