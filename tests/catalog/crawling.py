"""A process that crawls: `python -m tests.catalog.crawling FOLDER`, the account by KORUS_ names.

It prints `done` when the mirror is complete, `other` when another process is crawling.
"""

import os
import sys
from pathlib import Path

import anyio

from korus_mcp.app import catalog_files
from korus_mcp.catalog.mirror import Mirror
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.server.composition import open_api
from korus_mcp.settings import read_settings

LANGUAGE = "en"


async def crawl(folder: Path) -> bool:
    """Crawl into a folder; False when another process does."""
    environment = {**os.environ, "KORUS_CACHE_DIR": str(folder)}  # noqa: TID251 - a program
    settings = read_settings(environment)
    async with open_api(settings) as api, anyio.create_task_group() as tasks:
        mirror = Mirror(api, catalog_files(settings), clock=SystemClock(), tasks=tasks)
        is_done = await mirror.sync(LANGUAGE)
    mirror.close()
    return is_done


if __name__ == "__main__":
    is_done = anyio.run(crawl, Path(sys.argv[1]))
    sys.stdout.write("done\n" if is_done else "other\n")
