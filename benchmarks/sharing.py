"""Four servers of one account on machines of their own: what they ask of KorusTicket to have its
catalog, and when all can search, with a database in common and without one.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio
from mcp import Client
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.catalog.overview import look_at
from korus_mcp.sandbox import SandboxOptions, served_sandbox
from tests.fixtures.hosts import child_environment
from tests.fixtures.postgres import Cluster, cluster, free_port, programs
from tests.fixtures.replicas import Replica

SERVERS: Final = 4
LOOK_SECONDS: Final = 0.05
_SIZES: Final = (
    "SELECT (SELECT size FROM korus_copy)",
    "SELECT sum(length(content)) FROM korus_copy_part",
    "SELECT pg_total_relation_size('korus_copy_part')",
)


def main(bases: int) -> None:
    """Print a line for servers without a common database, one with, and one of the bytes in it."""
    found = programs()
    if found is None:
        sys.exit("PostgreSQL is not installed")
    with cluster(found) as running:
        anyio.run(_measure, bases, None)
        anyio.run(_measure, bases, running)


class _Counted:
    """The sandbox, with its requests counted."""

    def __init__(self) -> None:
        self.number = 0

    def around(self, app: ASGIApp) -> ASGIApp:
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self.number += 1
            await app(scope, receive, send)

        return counted


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="korus-sharing-") as name:
        yield Path(name)


async def _measure(bases: int, running: Cluster | None) -> None:
    counted = _Counted()
    options = SandboxOptions(seed=1, bases=bases)
    url = running.new_database() if running is not None else None
    with _folder() as folder:
        async with served_sandbox(options, around=counted.around) as world:
            servers = []
            for number in range(SERVERS):
                own = child_environment(folder / str(number))
                given = {} if url is None else {"KORUS_DATABASE_URL": url}
                servers.append(Replica(free_port(), {**own, **given, **world.environment}))
            try:
                for server in servers:
                    await server.start()
                began = time.perf_counter()
                async with anyio.create_task_group() as tasks:
                    for server in servers:
                        tasks.start_soon(_search, server)
                searched = time.perf_counter() - began
                for number in range(SERVERS):
                    while not _is_complete(folder / str(number) / "cache"):  # noqa: ASYNC110 - a file
                        await anyio.sleep(LOOK_SECONDS)
                complete = time.perf_counter() - began
            finally:
                for server in servers:
                    await server.kill()
    how = "each for itself" if url is None else "one database"
    print(
        f"{SERVERS} servers, {bases} bases, {how}: {counted.number} requests; all found something "
        f"after {searched:.1f} s, all had all details after {complete:.1f} s"
    )
    if running is not None and url is not None:
        name = url.rpartition("/")[2]
        file, packed, stored = (int(running.told(query, database=name)) for query in _SIZES)
        print(
            f"in the database: a file of {file / 2**20:.1f} MiB as {packed / 2**20:.1f} MiB, "
            f"{stored / 2**20:.1f} MiB on its disk with what was there before"
        )


async def _search(server: Replica) -> None:
    async with Client(server.address) as client:
        while True:
            found = await client.call_tool("search_products", {"query": "safari"})
            if (found.structured_content or {}).get("products"):
                return
            await anyio.sleep(LOOK_SECONDS)


def _is_complete(folder: Path) -> bool:
    seen = [look_at(file) for file in folder.glob("*.sqlite")]
    return any(each is not None and each.read_at and not each.is_unfinished for each in seen)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
