"""The same walk through every tool, over each transport, in both eras."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp_types import BlobResourceContents, EmbeddedResource, TextResourceContents

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.sandbox import Sandbox, SandboxOptions, served_sandbox
from korus_mcp.server.composition import build_server
from korus_mcp.settings import read_settings
from tests.fixtures.assistant import ERAS, SEED, Assistant, desk, settings_of
from tests.fixtures.hosts import child_environment, on_stdio, serving_http
from tests.journeys.walk import Booked, pdf_text, walk

pytestmark = pytest.mark.anyio
WALK_SECONDS = 40


@dataclass(frozen=True)
class Walked:
    """A walk that came to its end."""

    calls: list[str]
    booked: Booked
    folder: Path
    sandbox: Sandbox | None = None


async def on_stdio_child(mode: str, folder: Path) -> Walked:
    environment = child_environment(folder, PROFILE="service-desk", SANDBOX_SEED=str(SEED))
    async with on_stdio(mode, environment) as assistant:
        return walked(assistant, await walk(assistant, mode), folder / "downloads")


async def over_http(mode: str, folder: Path) -> Walked:
    environment = child_environment(folder, PROFILE="service-desk", SANDBOX_SEED=str(SEED))
    async with serving_http(environment) as address, Client(address, mode=mode) as client:
        assistant = Assistant(client)
        return walked(assistant, await walk(assistant, mode), folder)


async def against_a_served_sandbox(mode: str, folder: Path) -> Walked:
    more = {
        "KORUS_PROFILE": "service-desk",
        "KORUS_LANGUAGE": "en",
        "KORUS_DOWNLOAD_DIR": str(folder),
    }
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        server = build_server(read_settings({**served.environment, **more}))
        async with Client(server, mode=mode) as client:
            assistant = Assistant(client)
            return walked(assistant, await walk(assistant, mode), folder, served.sandbox)


def walked(
    assistant: Assistant, booked: Booked, folder: Path, sandbox: Sandbox | None = None
) -> Walked:
    return Walked([name for name, _ in assistant.calls], booked, folder, sandbox)


WAYS: dict[str, Callable[[str, Path], Awaitable[Walked]]] = {
    "stdio": on_stdio_child,
    "http": over_http,
    "served": against_a_served_sandbox,
}
Results = dict[tuple[str, str], Walked | Exception]


@pytest.fixture(scope="module")
async def results(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """All walks that use real sockets, pipes and time, side by side: they mostly wait."""
    found: Results = {}

    async def go(way: str, mode: str) -> None:
        try:
            found[way, mode] = await WAYS[way](mode, tmp_path_factory.mktemp(f"{way}-{mode}"))
        except Exception as error:  # noqa: BLE001 - raised again by the test of this walk
            found[way, mode] = error

    with anyio.fail_after(WALK_SECONDS):
        async with anyio.create_task_group() as tasks:
            for way in WAYS:
                for mode in ERAS:
                    tasks.start_soon(partial(go, way, mode))
    return found


def of(results: Results, way: str, mode: str) -> Walked:
    found = results[way, mode]
    if isinstance(found, Exception):
        raise found
    assert set(found.calls) == set(ALL_TOOLS)
    assert found.calls.count("place_order") == 2
    return found


def assert_saved(booked: Booked, folder: Path) -> None:
    """Every document is a file in the folder that says what was booked."""
    saved = [Path(document["saved_to"]) for document in booked.documents]
    assert saved
    for path in saved:
        assert path.parent == folder
        assert booked.order["reference"] in pdf_text(path)


@pytest.mark.parametrize("mode", ERAS)
async def test_in_memory(mode: str, tmp_path: Path) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), mode=mode) as each:
        with anyio.fail_after(WALK_SECONDS):
            booked = await walk(each, "WALK-1")
        assert {name for name, _ in each.calls} == set(ALL_TOOLS)
        assert_saved(booked, tmp_path)
        (order,) = each.sandbox.orders()
        (hold,) = each.sandbox.reservations()
        assert order.id == booked.order["order_id"]
        assert order.reservation_ids == (hold.id,) == (booked.reservation_id,)
        assert order.status == "confirmed"
        assert order.quantity == 1
        assert f"{order.total} EUR" == booked.order["total"]
        assert order.customer["email"] == "ada@example.org"
        assert order.customer.get("optin") in (None, False)
        assert each.sent("createOrders") == 1
        assert each.sent("createReservations") == 1


@pytest.mark.parametrize("mode", ERAS)
async def test_on_stdio(mode: str, results: Results) -> None:
    found = of(results, "stdio", mode)
    assert_saved(found.booked, found.folder)


@pytest.mark.parametrize("mode", ERAS)
async def test_over_loopback_http(mode: str, results: Results) -> None:
    booked = of(results, "http", mode).booked
    embedded = [b.resource for b in booked.blocks if isinstance(b, EmbeddedResource)]
    files = [each for each in embedded if isinstance(each, BlobResourceContents)]
    assert len(files) == len(booked.documents) > 0
    for file in files:
        assert booked.order["reference"] in pdf_text(base64.b64decode(file.blob))
    (calendar,) = (each for each in embedded if isinstance(each, TextResourceContents))
    assert calendar.text.startswith("BEGIN:VCALENDAR")
    assert not any("saved_to" in document for document in booked.documents)


@pytest.mark.parametrize("mode", ERAS)
async def test_against_the_sandbox_served_on_loopback(mode: str, results: Results) -> None:
    found = of(results, "served", mode)
    assert_saved(found.booked, found.folder)
    assert found.sandbox is not None
    (order,) = found.sandbox.orders()
    assert order.id == found.booked.order["order_id"]
    assert order.status == "confirmed"
