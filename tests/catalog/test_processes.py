"""Several processes and one file: who crawls, what a killed crawl leaves, what others see of it."""

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.forking import Child, begun

BASES = 400
KILLS = 20
ROWS = {
    "catalog": "SELECT id, alias, name, synced FROM catalog ORDER BY id",
    "base": "SELECT catalog, id, name, folded, city, detail FROM base ORDER BY catalog, id",
    "product": (
        "SELECT product.catalog, product.id, base.id, product.name FROM product "
        "JOIN base ON base.number = product.base ORDER BY 1, 2, 3"
    ),
    "text": (
        "SELECT base.catalog, base.id, text.name, place, kind, choices, products, texts FROM text "
        "JOIN base ON base.number = text.rowid ORDER BY 1, 2"
    ),
    "orphans": "SELECT count(*) FROM text WHERE rowid NOT IN (SELECT number FROM base)",
    "word": "SELECT term, bases FROM word WHERE bases <> 0 ORDER BY term",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ServedSandbox]:
    listening = served_sandbox(SandboxOptions(seed=7, bases=BASES))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(listening) as served:
        yield served


def started(sandbox: ServedSandbox, folder: Path) -> Child:
    return begun("tests.catalog.crawling", str(folder), environment=sandbox.environment)


def finished(process: Child) -> str:
    code = process.code(within=60)
    out, err = process.said()
    assert code == 0, err
    assert err == ""
    return out.strip()


def content(folder: Path) -> dict[str, list[Any]]:
    """Everything a mirror holds, whatever the order in which it was read."""
    (path,) = folder.glob("*.sqlite")
    with sqlite3.connect(path) as db:
        found = {name: db.execute(query).fetchall() for name, query in ROWS.items()}
    db.close()
    return found


@pytest.fixture(scope="module")
def uninterrupted(
    sandbox: ServedSandbox, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Any]]:
    """A mirror that was read in one go."""
    folder = tmp_path_factory.mktemp("whole")
    assert finished(started(sandbox, folder)) == "done"
    found = content(folder)
    assert len(found["base"]) >= BASES
    assert all(row[-1] for row in found["base"])
    return found


def test_a_crawl_killed_again_and_again_ends_like_one_that_was_not(
    sandbox: ServedSandbox, uninterrupted: dict[str, list[Any]], tmp_path: Path
) -> None:
    chance = random.Random(3)
    for _ in range(KILLS):
        before, some = len(sandbox.sandbox.requests), chance.randint(1, BASES // 4)
        process = started(sandbox, tmp_path)
        wait_until(lambda: len(sandbox.sandbox.requests) >= before + some)  # noqa: B023 - at once
        assert process.code() is None, "it was still crawling"
        process.kill()
    assert finished(started(sandbox, tmp_path)) == "done"
    assert content(tmp_path) == uninterrupted


def test_what_a_killed_crawl_read_is_not_read_again(
    sandbox: ServedSandbox, uninterrupted: dict[str, list[Any]], tmp_path: Path
) -> None:
    process = started(sandbox, tmp_path)
    wait_until(lambda: detailed(tmp_path) > 0)
    assert process.code() is None, "it was still crawling"
    process.kill()
    kept = detailed(tmp_path)
    before = len(sandbox.sandbox.requests)
    assert finished(started(sandbox, tmp_path)) == "done"
    asked = [r.operation for r in list(sandbox.sandbox.requests)[before:]]
    assert asked.count("getProductBase") == len(uninterrupted["base"]) - kept


def test_three_processes_on_one_cache_make_one_crawl(
    sandbox: ServedSandbox, uninterrupted: dict[str, list[Any]], tmp_path: Path
) -> None:
    before = len(sandbox.sandbox.requests)
    processes = [started(sandbox, tmp_path) for _ in range(3)]
    assert sorted(finished(p) for p in processes) == ["done", "other", "other"]
    asked = [r.operation for r in list(sandbox.sandbox.requests)[before:]]
    assert asked.count("getProductBase") == len(uninterrupted["base"])
    assert content(tmp_path) == uninterrupted


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def detailed(folder: Path) -> int:
    for path in folder.glob("*.sqlite"):
        try:
            db = sqlite3.connect(path)
            (count,) = db.execute("SELECT count(detail) FROM base").fetchone()
            db.close()
        except sqlite3.OperationalError:
            continue
        else:
            return int(count)
    return 0
