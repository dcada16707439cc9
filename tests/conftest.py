"""Fixtures of the whole suite, and what keeps its seven thousand cases cheap."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from inspect import unwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures.postgres import Cluster, cluster, programs

# jsonschema compiles the grammar of IRIs when it is imported: seconds of computing in each worker,
# for a format that no schema here has. It leaves that format out where the package is missing.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
# httpx looks for sniffio at each request to an app in memory: on all paths, where there is none.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# A shell lets what it starts in the background ignore Ctrl-C, and so would every child of a test.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast a machine is proves nothing: no test fails for its time.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
_worlds = 0
LONGEST_FIRST = (
    "crash/test_kill.py",
    "journeys/test_journeys.py",
    "ui/test_booking_page.py",
    "holding/test_order.py",
    "crash/test_wires.py",
    "commands/test_catalog.py",
    "catalog/test_processes.py",
    "sandbox/test_schemathesis.py",
    "ui/test_seat_map.py",
    "crash/test_disconnects.py",
    "commands/test_serve.py",
    "journal/test_machine.py",
)
"""A worker takes file after file: a long one at the end would have the others wait for it."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each core: half of its time a test waits for a process, page or database."""
    # Each collects all tests and starts a database and a browser of its own: many are no gain.
    return min(2 * (os.cpu_count() or 1), 16)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays until the end: the garbage collector need not look at it again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that take longest; all else stays as it was collected."""
    here = Path(__file__).parent
    ranks = {here / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    assert all(path.exists() for path in ranks), "LONGEST_FIRST names a file that is not there"
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is read from or written to the folders of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
            environment.setenv(name, str(tmp_path_factory.mktemp(name)))
        yield


@pytest.fixture(autouse=True)
def _own_sandbox(_own_folders: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each test has a world of its own: one that all share would sell out, and know of others."""
    global _worlds
    _worlds += 1
    with pytest.MonkeyPatch.context() as environment:
        own = tmp_path_factory.getbasetemp() / f"data-{_worlds}"
        environment.setenv("XDG_DATA_HOME", str(own))
        yield


@pytest.fixture(scope="session", autouse=True)
def _schemas_are_checked_once() -> Iterator[None]:
    from tests.fixtures.schemas import checked_once  # only by a worker

    with checked_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _templates_are_made_once() -> Iterator[None]:
    """The SDK makes a model and a schema of the arguments of each resource, in each server.

    They are the same in all servers: a resource is read by a function of a module, from the
    services that its context names.
    """
    from mcp.server.mcpserver.resources.templates import ResourceTemplate  # only by a worker

    make = ResourceTemplate.from_function
    made: dict[Any, ResourceTemplate] = {}

    def once(fn: Callable[..., Any], **named: Any) -> ResourceTemplate:
        shown = (named.pop(name) for name in ("icons", "annotations", "meta"))
        assert not any(shown), "this cannot be compared"
        key = (unwrap(fn), *sorted(named.items()))
        if key not in made:
            made[key] = make(fn, **named)
        return made[key]

    with pytest.MonkeyPatch.context() as replaced:
        replaced.setattr(ResourceTemplate, "from_function", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _statements_are_compiled_once() -> Iterator[None]:
    from tests.fixtures.journals import compiled_once  # only by a worker

    with compiled_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _tools_are_made_once() -> Iterator[None]:
    """A server makes a model of a tool's arguments at its first call: the same in all servers."""
    from korus_mcp.tools import declare  # only by a worker

    make = declare.callable_only
    made: dict[Any, tuple[Any, Any]] = {}

    def once(declared: Any, content: Any) -> Any:
        key = id(declared), content
        if key not in made:
            made[key] = declared, make(declared, content)  # kept, lest another gets its id
        return made[key][1]

    with pytest.MonkeyPatch.context() as replaced:
        replaced.setattr(declare, "callable_only", once)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with cluster(found) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where every service must be there, a test that skips has failed."""
    report = yield
    if report.skipped and "KORUS_TEST_NO_SKIP" in os.environ:
        report.outcome = "failed"
        report.longrepr = f"skipped, and nothing may be: {report.longrepr}"
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep how a run ended: `.ci/run` runs failed tests again only where all had their turn."""
    cache: pytest.Cache | None = getattr(session.config, "cache", None)  # -p no:cacheprovider
    if cache is not None and not hasattr(session.config, "workerinput"):
        cache.set("korus/exit", int(exitstatus))
