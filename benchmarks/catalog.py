"""The catalog mirror beside the bare SDK and bare httpx: search, crawl, memory, warm start."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio
import httpx
import psutil
from mcp import Client, StdioServerParameters

from korus_mcp.catalog.bases import BaseRecord
from korus_mcp.catalog.index import ListedCatalog
from korus_mcp.catalog.overview import look_at
from korus_mcp.catalog.store import Scope, Store
from korus_mcp.foundation.handles import Handle

QUERIES: Final = Path(__file__).parents[1] / "tests" / "search" / "queries.jsonl"
STARTS: Final = 11
ASKED: Final = 150
WORKERS: Final = 8
BATCH: Final = 2000
LOOK_SECONDS: Final = 0.25


def main(bases: int, many: int) -> None:
    """Print one line a figure; `bases` are crawled, `many` are searched in."""
    with tempfile.TemporaryDirectory() as name, served(bases) as environment:
        folder = Path(name)
        env = {**environment, "KORUS_CACHE_DIR": str(folder), "KORUS_LANGUAGE": "fr"}
        bare = anyio.run(_bare_crawl, environment)
        print(f"crawl: 8 bare httpx workers {bare:.0f} requests/s")
        anyio.run(_crawl, env, folder, bases, bare)
        anyio.run(_warm_starts, env)
        anyio.run(_searches, env, bases)
        _grow(_file_in(folder), many)
        anyio.run(_searches, env, many)


@contextmanager
def served(bases: int) -> Iterator[Mapping[str, str]]:
    """A sandbox in a process of its own; what points korus-mcp at it."""
    command = [sys.executable, "-m", "korus_mcp", "sandbox"]
    env = {**_plain(), "KORUS_SANDBOX_BASES": str(bases), "KORUS_SANDBOX_SEED": "1"}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            said = iter(process.stdout or ())
            lines = [next(said).removeprefix("export ").strip() for _ in range(6)]
            yield {**_plain(), **dict(line.partition("=")[::2] for line in lines)}
        finally:
            process.terminate()


def _plain() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("KORUS_")}  # noqa: TID251 - a child's start


async def _bare_crawl(env: Mapping[str, str]) -> float:
    """Requests a second of eight workers that read bases and products, and do nothing with them."""
    form = {
        "grant_type": "client_credentials",
        "client_id": env["KORUS_CLIENT_ID"],
        "client_secret": env["KORUS_CLIENT_SECRET"],
    }
    async with httpx.AsyncClient(base_url=env["KORUS_API_URL"]) as client:
        token = (await client.post(env["KORUS_TOKEN_URL"], data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        paths = await _paths(client, 2000)
        began = time.perf_counter()
        to_do = iter(paths)

        async def work() -> None:
            for path in to_do:
                (await client.get(path)).json()

        async with anyio.create_task_group() as workers:
            for _ in range(WORKERS):
                workers.start_soon(work)
        return len(paths) / (time.perf_counter() - began)


async def _paths(client: httpx.AsyncClient, limit: int) -> list[str]:
    found: list[str] = []
    for catalog in (await client.get("/v1/ticketing/catalogs")).json()["member"]:
        root = f"/v1/ticketing/catalogs/{catalog['id']}/product_bases"
        page = 1
        while len(found) < limit:
            query = {"page": page, "itemsPerPage": 50}
            bases = (await client.get(root, params=query)).json()["member"]
            for base in bases:
                found += [f"{root}/{base['id']}", f"{root}/{base['id']}/products"]
            if len(bases) < 50:
                break
            page += 1
    return found[:limit]


async def _crawl(env: Mapping[str, str], folder: Path, bases: int, bare: float) -> None:
    """A server reads the catalog in the background of its first search; its speed and memory."""
    async with Client(_server("korus_mcp", env)) as client:
        server = _child_running("korus_mcp")
        began, peak, overview = time.perf_counter(), 0, None
        await client.call_tool("search_products", {"query": "olympic"})
        while overview is None or overview.is_unfinished:
            await anyio.sleep(LOOK_SECONDS)
            peak = max(peak, server.memory_info().rss)
            overview = look_at(_file_in(folder))
        seconds = time.perf_counter() - began
        left = server.memory_info().rss
    # Two requests a base, and one for each page of fifty.
    rate = (2 * bases + bases / 50) / seconds
    print(
        f"crawl of {bases} bases by a server: {rate:.0f} requests/s, {rate / bare:.2f} of the bare"
    )
    print(
        f"crawl of {bases} bases by a server: memory {left / 2**20:.0f} MiB after it, "
        f"{peak / 2**20:.0f} at most, file {overview.size_bytes / 2**20:.1f} MiB"
    )


def _file_in(folder: Path) -> Path:
    return next(folder.glob("*.sqlite"))


def _child_running(module: str) -> psutil.Process:
    children = psutil.Process().children()
    return next(child for child in children if child.cmdline()[-1] == module)


def _server(module: str, env: Mapping[str, str]) -> StdioServerParameters:
    given = {**env, "KORUS_MCP_CONTENT": "text", "PYTHONPATH": "."}
    return StdioServerParameters(command=sys.executable, args=["-m", module], env=given)


async def _warm_starts(env: Mapping[str, str]) -> None:
    """From starting the process to its first search, and the floor's to its first list of tools."""
    ours, floor = list[float](), list[float]()
    for _ in range(STARTS):
        began = time.perf_counter()
        async with Client(_server("korus_mcp", env)) as client:
            await client.call_tool("search_products", {"query": "olympic"})
            ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        async with Client(_server("benchmarks.floor", env)) as client:
            await client.list_tools()
            floor.append(time.perf_counter() - began)
    mine, bare = statistics.median(ours) * 1000, statistics.median(floor) * 1000
    print(
        f"warm start to the first search: {mine:.0f} ms, floor to its tools {bare:.0f} ms "
        f"({mine / bare:.2f})"
    )


async def _searches(env: Mapping[str, str], bases: int) -> None:
    """A search over stdio, and the floor's echo of the same words, in turns."""
    every = [json.loads(line)["query"] for line in QUERIES.read_text().splitlines()]
    asked = every[:: max(1, len(every) // ASKED)]
    ours, floor = list[float](), list[float]()
    async with (
        Client(_server("korus_mcp", env)) as korus,
        Client(_server("benchmarks.floor", env)) as echo,
    ):
        # The first ten warm both up and are not counted.
        for query in [*asked[:10], *asked]:
            began = time.perf_counter()
            await korus.call_tool("search_products", {"query": query})
            ours.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            await echo.call_tool("echo", {"text": query})
            floor.append((time.perf_counter() - began) * 1000)
    mine, bare = (sorted(times[10:]) for times in (ours, floor))
    middle = len(mine) // 2
    print(
        f"search_products in {bases} bases: p50 {mine[middle]:.1f} ms, floor {bare[middle]:.1f} ms "
        f"(+{mine[middle] - bare[middle]:.1f}); p95 +{mine[-len(mine) // 20] - bare[middle]:.1f}"
    )


def _grow(path: Path, many: int) -> None:
    """Fill a mirror up with variations of what it holds, without asking for them."""
    store = Store(path)
    catalogs = store.catalogs()
    store.put_catalogs([ListedCatalog(c, None) for c in catalogs])
    kept = [
        record
        for catalog in catalogs
        for name in store.all_rows(Scope(catalog.id), limit=many)
        if (record := store.record(catalog.id, name.handle.id)) is not None
    ]
    run, copy = int(store.fact("run") or 1), 0
    while len(kept) * (copy + 1) < many:
        copy += 1
        for first in range(0, len(kept), BATCH):
            store.put_records([_varied(r, copy) for r in kept[first : first + BATCH]], run)
    store.close()


def _varied(record: BaseRecord, copy: int) -> BaseRecord:
    name = f"{record.name} {copy}"
    return replace(
        record, name=name, handle=Handle(record.handle.alias, f"c{copy}-{record.handle.id}"[:64])
    )
