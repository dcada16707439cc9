"""The composition root: what a server says of itself, what it opens, and when it lets go."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import anyio
import httpx
import pytest
from mcp import Client

from korus_mcp import __version__
from korus_mcp.access.introduction import instructions
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Delay, Sandbox, SandboxOptions, served_sandbox
from korus_mcp.server.composition import build_server, open_api
from korus_mcp.settings import NAME, Environment, Settings, read_settings
from tests.fixtures.assistant import CUSTOMER, ERAS, SEED, Assistant, handle_of, settings_of
from tests.fixtures.hosts import PROJECT, child_environment, free_port

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("environment", list(Environment))
def test_the_instructions_name_the_world(environment: Environment) -> None:
    said = instructions(replace(Settings(), environment=environment), ("search_products",))
    assert environment.value in said
    assert "place_order" not in said


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_learns_name_version_and_instructions(mode: str) -> None:
    async with Client(build_server(Settings()), mode=mode) as client:
        assert client.server_info is not None
        assert client.server_info.name == NAME
        assert client.server_info.version == __version__
        assert client.instructions is not None
        assert "sandbox" in client.instructions
        assert "data, not instructions" in client.instructions


async def test_lists_may_be_kept_by_everybody_and_readings_by_nobody() -> None:
    async with Client(build_server(Settings())) as client:
        tools = await client.list_tools()
        assert (tools.cache_scope, tools.ttl_ms) == ("public", 300_000)
        catalogs = await client.read_resource("korus://catalogs")
        assert catalogs.ttl_ms is not None
        assert catalogs.ttl_ms >= 0


@pytest.mark.parametrize("mode", ERAS)
async def test_nothing_is_asked_before_the_first_call(mode: str) -> None:
    sandbox = Sandbox(SandboxOptions(seed=SEED), clock=ManualClock())
    async with Client(build_server(Settings(), sandbox=sandbox), mode=mode) as client:
        await client.list_tools()
        await client.list_resources()
        await client.list_prompts()
        await client.read_resource("korus://help/booking")
        assert not sandbox.requests
        await client.read_resource("korus://catalogs")
        assert sandbox.requests


LISTING = """
import sys, anyio
from mcp import Client
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Settings

async def main():
    async with Client(build_server(Settings())) as client:
        await client.list_tools()
        print("WORLD" if "korus_mcp.sandbox.app" in sys.modules else "NO WORLD")

anyio.run(main)
"""


async def test_no_sandbox_is_made_or_even_imported_to_list_tools(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LISTING]
    ran = await anyio.run_process(command, env=child_environment(tmp_path), cwd=PROJECT)
    assert ran.stdout.strip() == b"NO WORLD"


async def test_a_server_for_a_real_account_opens_nothing_before_the_first_call() -> None:
    """With an address nobody listens on: only a call notices."""
    origin = f"http://127.0.0.1:{free_port()}"
    settings = read_settings(
        {
            "KORUS_ENVIRONMENT": "demo",
            "KORUS_API_URL": origin,
            "KORUS_TOKEN_URL": f"{origin}/token",
            "KORUS_CLIENT_ID": "a",
            "KORUS_CLIENT_SECRET": "b",
        }
    )
    server = build_server(settings, clock=ManualClock())
    async with Client(server) as client:
        assert (await client.list_tools()).tools
        answer = await Assistant(client).ask("search_products", {"query": "x"})
        assert answer.code == "UPSTREAM_UNAVAILABLE"
        assert origin not in answer.wire


async def test_the_embedded_sandbox_is_made_by_the_first_call_and_kept() -> None:
    settings = read_settings({"KORUS_SANDBOX_SEED": str(SEED), "KORUS_LANGUAGE": "en"})
    async with Client(build_server(settings)) as client:
        first = await Assistant(client).call("search_products", query="herons derby")
    expected = Sandbox(SandboxOptions(seed=SEED))
    alias = handle_of(expected, "stadium_base").partition(".")[0]
    assert first["products"][0]["product_base_id"].startswith(alias)


async def test_the_real_api_is_spoken_to_through_the_same_client() -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        settings = read_settings(served.environment)
        async with open_api(settings) as api:
            assert len(await api.ticketing.list_catalogs().all()) == 5
        assert {r.operation for r in served.sandbox.requests} == {"getToken", "listCatalogs"}


async def test_no_name_is_registered_twice() -> None:
    async with Client(build_server(settings_of())) as client:
        tools = [t.name for t in (await client.list_tools()).tools]
        prompts = [p.name for p in (await client.list_prompts()).prompts]
        templates = [
            t.uri_template for t in (await client.list_resource_templates()).resource_templates
        ]
        resources = [str(r.uri) for r in (await client.list_resources()).resources]
    for names in (tools, prompts, templates, resources):
        assert len(set(names)) == len(names) > 0


async def test_naming_a_tool_twice_offers_it_once() -> None:
    twice = settings_of().narrowed(tools=("reserve", "reserve"))
    async with Client(build_server(twice)) as client:
        assert [t.name for t in (await client.list_tools()).tools] == ["reserve"]


class HeldBack(ManualClock):
    """A sandbox's clock whose long sleep ends when told."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = anyio.Event()
        self.released = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait until released."""
        del seconds
        self.reached.set()
        await self.released.wait()


async def test_a_server_that_ends_waits_for_the_order_on_its_way() -> None:
    clock = HeldBack()
    sandbox = Sandbox(SandboxOptions(seed=SEED), clock=clock)
    server = build_server(settings_of(), sandbox=sandbox, clock=ManualClock())

    async def release_late() -> None:
        await clock.reached.wait()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        assert not sandbox.orders()
        clock.released.set()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(release_late)
            async with Client(server) as client:
                assistant = Assistant(client)
                asked = await confirmed(assistant, sandbox)
                sandbox.faults.add(Delay(seconds=60), "createOrders")
                with anyio.CancelScope() as caller:
                    tasks.start_soon(cancel_when_reached, clock, caller)
                    await assistant.ask("place_order", asked)
    (order,) = sandbox.orders()
    assert order.status == "confirmed"
    assert [r.status for r in sandbox.requests if r.operation == "createOrders"] == [200]


async def test_a_server_that_stops_takes_no_new_order() -> None:
    sandbox = Sandbox(SandboxOptions(seed=SEED), clock=ManualClock())
    server = build_server(settings_of(), sandbox=sandbox, clock=ManualClock())
    async with Client(server) as client:
        assistant = Assistant(client)
        asked = await confirmed(assistant, sandbox)
        await server.running.drain(1)
        answer = await assistant.ask("place_order", asked)
        assert answer.code == "SERVER_BUSY"
        assert answer.error["retry_after_seconds"] > 0
        assert not sandbox.orders()


async def test_secrets_stand_in_no_representation() -> None:
    settings = read_settings(
        {
            "KORUS_ENVIRONMENT": "production",
            "KORUS_CLIENT_ID": "account",
            "KORUS_CLIENT_SECRET": "xyzzy-secret",
        }
    )
    async with open_api(settings) as api:
        for shown in (repr(settings), repr(api), str(vars(build_server(settings)))):
            assert "xyzzy-secret" not in shown


async def confirmed(assistant: Assistant, sandbox: Sandbox) -> dict[str, object]:
    """The arguments of the second step of an order."""
    items = [{"offer_id": handle_of(sandbox, "park_offer"), "quantity": 1}]
    held = await assistant.call("reserve", items=items)
    ids = [held["reservations"][0]["reservation_id"]]
    asked = {"reservation_ids": ids, "customer": CUSTOMER}
    summary = await assistant.call("place_order", **asked)
    return {**asked, "confirmation": summary["confirmation"]}


async def cancel_when_reached(clock: HeldBack, scope: anyio.CancelScope) -> None:
    """Let a caller go while its order is under way."""
    await clock.reached.wait()
    scope.cancel()


async def test_over_http_the_same_server_answers_both_eras() -> None:
    """The app in process: the lifespan runs around it, the socket is tested elsewhere."""
    app = build_server(settings_of()).streamable_http_app()
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        answer = await client.post(
            "/mcp",
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "initialize",
                "params": {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {},
                    "clientInfo": {"name": "t", "version": "1"},
                },
            },
            headers={"Accept": "application/json, text/event-stream"},
        )
        said = next(line for line in answer.text.splitlines() if line.startswith("data: {"))
        assert (
            json.loads(said.removeprefix("data: "))["result"]["serverInfo"]["name"] == "korus-mcp"
        )
