"""A server as a process: what it writes, how it ends, whom it answers."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client

from korus_mcp.commands.cli import main
from korus_mcp.commands.serve import LAST_ANSWER_SECONDS
from korus_mcp.sandbox import Delay, SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import CUSTOMER, SEED, Answer, Assistant, handle_of
from tests.fixtures.hosts import (
    AFRESH,
    INITIALIZE,
    START_SECONDS,
    RawHost,
    child_environment,
    free_port,
    full_pipe,
    listening,
    raw_host,
    read_to_its_end,
    started,
)

DELAY = 1.5
LEAVE_SECONDS = 40
PATIENCE_SECONDS = 0.3
"""Of a host, between the end of stdin and the signal."""


async def order_under_way(host: RawHost, served: ServedSandbox) -> None:
    """Send an order that the issuer takes its time for; return when it has arrived there."""
    items = [{"offer_id": handle_of(served.sandbox, "park_offer"), "quantity": 1}]
    held = await host.call("reserve", {"items": items})
    ids = [held["reservations"][0]["reservation_id"]]
    asked = {"reservation_ids": ids, "customer": CUSTOMER}
    summary = await host.call("place_order", asked)
    served.sandbox.faults.add(Delay(seconds=DELAY), "createOrders")
    confirmed = {**asked, "confirmation": summary["confirmation"]}
    await host.send("tools/call", {"name": "place_order", "arguments": confirmed})
    await struck(served)


async def struck(served: ServedSandbox) -> None:
    """Wait until every fault has struck."""
    while served.sandbox.faults.rules:  # noqa: ASYNC110 - the sandbox tells nobody
        await anyio.sleep(0.01)


async def by_signal(host: RawHost, number: signal.Signals) -> None:
    host.process.send_signal(number)


async def by_end_of_stdin(host: RawHost, number: signal.Signals) -> None:
    del number
    assert host.process.stdin is not None
    await host.process.stdin.aclose()


async def by_end_of_stdin_and_a_signal(host: RawHost, number: signal.Signals) -> None:
    """As hosts do it by the protocol's own advice."""
    await by_end_of_stdin(host, number)
    await anyio.sleep(PATIENCE_SECONDS)
    await by_signal(host, number)


ENDS: dict[str, tuple[Callable[[RawHost, signal.Signals], Any], signal.Signals]] = {
    "SIGTERM": (by_signal, signal.SIGTERM),
    "SIGINT": (by_signal, signal.SIGINT),
    "end of stdin": (by_end_of_stdin, signal.SIGTERM),
    "end of stdin, then SIGTERM": (by_end_of_stdin_and_a_signal, signal.SIGTERM),
}


Ending = tuple[int, int, float]
OVER_HTTP = "SIGTERM over HTTP"


async def ended_during_an_order(way: str, folder: Path) -> Ending:
    """Exit code, orders upstream at that moment, and seconds it took."""
    end, number = ENDS[way]
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        environment = {**child_environment(folder), **served.environment}
        async with raw_host(environment) as host:
            await order_under_way(host, served)
            assert not served.sandbox.orders()
            begun = anyio.current_time()
            await end(host, number)
            with anyio.fail_after(LEAVE_SECONDS):
                code = await host.process.wait()
            return code, len(served.sandbox.orders()), anyio.current_time() - begun


async def ended_over_http(folder: Path) -> Ending:
    """The same for a child that serves HTTP; its caller even gets the answer."""
    port = free_port()
    arguments = ("serve", "--http", "--port", str(port))
    answers: list[Answer] = []
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        environment = {**child_environment(folder), **served.environment}
        async with started(*arguments, environment=environment) as child:
            with anyio.fail_after(START_SECONDS):
                await listening(port)
            async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                assistant = Assistant(client)
                offer = handle_of(served.sandbox, "park_offer")
                held = await assistant.call("reserve", items=[{"offer_id": offer, "quantity": 1}])
                ids = [held["reservations"][0]["reservation_id"]]
                asked = {"reservation_ids": ids, "customer": CUSTOMER}
                summary = await assistant.call("place_order", **asked)
                served.sandbox.faults.add(Delay(seconds=DELAY), "createOrders")

                async def order() -> None:
                    confirmed = {**asked, "confirmation": summary["confirmation"]}
                    answers.append(await assistant.ask("place_order", confirmed))

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(order)
                    await struck(served)
                    assert not served.sandbox.orders()
                    begun = anyio.current_time()
                    child.terminate()
                    with anyio.fail_after(LEAVE_SECONDS):
                        code = await child.wait()
                    ended = code, len(served.sandbox.orders()), anyio.current_time() - begun
    assert [answer.data["state"] for answer in answers] == ["ordered"]
    return ended


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


Endings = dict[str, Ending | Exception]


@pytest.fixture(scope="module")
async def endings(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> Endings:
    """All ways to end side by side: they mostly wait."""
    found: Endings = {}

    async def go(way: str) -> None:
        try:
            folder = tmp_path_factory.mktemp(way.replace(" ", "-"))
            over_http = way == OVER_HTTP
            found[way] = await (
                ended_over_http(folder) if over_http else ended_during_an_order(way, folder)
            )
        except Exception as error:  # noqa: BLE001 - raised again by the test of this way
            found[way] = error

    with anyio.fail_after(120):  # however slow the machine is
        async with anyio.create_task_group() as tasks:
            for way in (*ENDS, OVER_HTTP):
                tasks.start_soon(go, way)
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("way", [*ENDS, OVER_HTTP])
async def test_a_server_finishes_the_order_on_its_way_before_it_leaves(
    way: str, endings: Endings
) -> None:
    ending = endings[way]
    if isinstance(ending, Exception):
        raise ending
    code, orders, seconds = ending
    assert code == 0
    assert orders == 1  # at the moment the process had ended
    assert 0.5 < seconds < LEAVE_SECONDS


@pytest.mark.anyio
async def test_an_idle_stdio_server_leaves_at_once_though_its_stdin_is_open(tmp_path: Path) -> None:
    async with raw_host(child_environment(tmp_path)) as host:
        host.process.send_signal(signal.SIGINT)
        with anyio.fail_after(LEAVE_SECONDS):
            assert await host.process.wait() == 0
        assert not b"".join([part async for part in host.lines])


@pytest.mark.anyio
async def test_a_server_that_was_started_with_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    async with raw_host(child_environment(tmp_path), command=("nohup", *AFRESH)) as host:
        host.process.send_signal(signal.SIGHUP)
        with anyio.move_on_after(4 * LAST_ANSWER_SECONDS):
            await host.process.wait()
        assert host.process.returncode is None
        with anyio.fail_after(START_SECONDS):
            assert await host.receive(await host.send("ping")) == {}


UNREACHABLE = {
    "KORUS_ENVIRONMENT": "demo",
    "KORUS_API_URL": "http://127.0.0.1:1",
    "KORUS_TOKEN_URL": "http://127.0.0.1:1/token",
    "KORUS_CLIENT_ID": "a",
    "KORUS_CLIENT_SECRET": "b",
    "KORUS_NONSENSE_SETTING": "x",
}


@pytest.mark.anyio
async def test_a_stderr_that_nobody_reads_stops_neither_answers_nor_the_end(
    tmp_path: Path,
) -> None:
    async def ends(way: str) -> None:
        end, number = ENDS[way]
        environment = {**child_environment(tmp_path / way), **UNREACHABLE}
        with full_pipe() as (reader, writer):
            async with raw_host(environment, stderr=writer) as host:
                await refused_search_and_ping(host)
                await end(host, number)
                with anyio.fail_after(LEAVE_SECONDS):
                    assert await host.process.wait() == 0, way
            assert not read_to_its_end(reader, writer), way

    async with anyio.create_task_group() as side_by_side:  # they wait for an API that is not there
        for way in ("SIGTERM", "SIGINT", "end of stdin"):
            side_by_side.start_soon(ends, way)


@pytest.mark.anyio
async def test_what_a_server_said_to_a_full_stderr_is_there_in_order_once_it_is_read(
    tmp_path: Path,
) -> None:
    environment = {**child_environment(tmp_path), **UNREACHABLE}
    with full_pipe() as (reader, writer):
        async with raw_host(environment, stderr=writer, command=AFRESH) as host:
            await refused_search_and_ping(host)
            reader.read(1_000_000)
            host.process.send_signal(signal.SIGTERM)
            with anyio.fail_after(LEAVE_SECONDS):
                assert await host.process.wait() == 0
        lines = read_to_its_end(reader, writer).splitlines()
    assert lines[0].startswith("korus-mcp: KORUS_NONSENSE_SETTING is not a setting")
    assert " WARNING korus-mcp " in lines[1]
    assert "on stdio, demo environment" in lines[1]
    assert len(lines) > 2
    assert all(line.split()[1] in {"WARNING", "INFO"} for line in lines[2:])


async def refused_search_and_ping(host: RawHost) -> None:
    """A search that logs a warning, as the API cannot be reached; then a ping."""
    asked = {"name": "search_products", "arguments": {"query": "park"}}
    with anyio.fail_after(START_SECONDS):
        refused = await host.receive(await host.send("tools/call", asked))
        assert refused["isError"]
        assert await host.receive(await host.send("ping")) == {}


@pytest.mark.anyio
async def test_over_http_a_stderr_that_nobody_reads_stops_neither_answers_nor_the_end(
    tmp_path: Path,
) -> None:
    port = free_port()
    arguments = ("serve", "--http", "--port", str(port))
    environment = child_environment(tmp_path, NONSENSE_SETTING="x")
    with full_pipe() as (_, writer):
        async with (
            started(*arguments, environment=environment, stderr=writer) as process,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            with anyio.fail_after(START_SECONDS):
                await listening(port)
                for _ in range(3):
                    answer = await client.post("/mcp", json={}, headers={"Host": "evil.example"})
                    assert answer.status_code == 421
            process.terminate()
            with anyio.fail_after(LEAVE_SECONDS):
                assert await process.wait() == 0


@pytest.mark.anyio
async def test_stdout_carries_protocol_lines_only_and_stderr_names_the_world(
    tmp_path: Path,
) -> None:
    environment = child_environment(tmp_path, PROFILE="buyer", NONSENSE_SETTING="x")
    asked = ("serve", "--profile", "browse")
    async with raw_host(environment, *asked, command=AFRESH) as host:
        result = await host.receive(await host.send("tools/list", {}))
        assert len(result["tools"]) == 4
        found = await host.call("search_products", {"query": "herons derby"})
        assert found["shown"] == 1
        assert host.process.stdin is not None
        await host.process.stdin.aclose()
        assert host.process.stderr is not None
        with anyio.fail_after(60):
            said = b"".join([part async for part in host.process.stderr]).decode()
            rest = b"".join([part async for part in host.lines])
            assert await host.process.wait() == 0
    assert not rest
    assert "sandbox" in said
    assert "KORUS_NONSENSE_SETTING" in said


@pytest.mark.anyio
async def test_http_answers_this_machine_refuses_foreign_names_and_leaves_on_sigterm(
    tmp_path: Path,
) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
    accept = {"Accept": "application/json, text/event-stream"}
    port = free_port()
    arguments = ("serve", "--http", "--port", str(port))
    environment = child_environment(tmp_path)
    async with (
        started(*arguments, environment=environment, command=AFRESH) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        with anyio.fail_after(START_SECONDS):
            await listening(port)

        async def status(**headers: str) -> int:
            answer = await client.post("/mcp", json=message, headers={**accept, **headers})
            return answer.status_code

        assert await status() == 200
        assert await status(Host=f"localhost:{port}") == 200
        assert await status(Host="evil.example") == 421
        assert await status(Host=f"evil.example:{port}") == 421
        assert await status(Origin="https://evil.example") == 403
        assert (await client.get("/")).status_code == 404
        process.terminate()
        with anyio.fail_after(60):
            assert await process.wait() == 0
        assert process.stderr is not None
        assert f"http://127.0.0.1:{port}/mcp".encode() in await process.stderr.receive()


def test_in_one_process_a_host_that_leaves_ends_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ]
    lines = "".join(json.dumps(m) + "\n" for m in messages).encode()
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    monkeypatch.setattr(sys, "stdout", out)
    assert main([]) == 0
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    answer = json.loads(buffer.getvalue().splitlines()[0])
    assert answer["result"]["serverInfo"]["name"] == "korus-mcp"


def test_in_one_process_http_is_served_until_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    seen: list[int] = []

    def end_when_it_answers() -> None:
        for _ in range(500):
            try:
                seen.append(httpx.get(f"http://127.0.0.1:{port}/mcp").status_code)
            except httpx.TransportError:
                threading.Event().wait(0.01)
            else:
                break
        os.kill(os.getpid(), signal.SIGTERM)

    # sse-starlette remembers for the whole process that a server was told to leave
    monkeypatch.setattr("sse_starlette.sse.AppStatus.should_exit", False)
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    watcher = threading.Thread(target=end_when_it_answers)
    try:
        watcher.start()
        with pytest.raises(SystemExit) as end:
            main(["serve", "--http", "--port", str(port)])
        assert end.value.code == 0
    finally:
        watcher.join(10)
        for number, handler in before.items():
            signal.signal(number, handler)
    assert len(seen) == 1


SEARCHES = """
import asyncio, sys

from korus_mcp.commands.serve import spare_searches


class Searches:
    names = []

    def find_spec(self, name, path=None, target=None):
        self.names.append(name)


async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")


async def main():
    import httpx

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for _ in range(2):
        async with httpx.AsyncClient(trust_env=False) as client:
            Searches.names.clear()
            await client.get(f"http://127.0.0.1:{port}/")
    print("sniffio" in Searches.names)


if sys.argv[1:] == ["spared"]:
    spare_searches()
sys.meta_path.insert(0, Searches())
asyncio.run(main())
"""


@pytest.mark.parametrize("told", [(), ("spared",)])
def test_no_request_of_a_server_searches_for_what_is_not_installed(told: tuple[str, ...]) -> None:
    program = (sys.executable, "-c", SEARCHES, *told)
    ran = subprocess.run(program, capture_output=True, text=True, check=True)
    # Without it there is a search, unless the oldest anyio that is allowed brought the library.
    assert ran.stdout.strip() == str(not told and find_spec("sniffio") is None)
