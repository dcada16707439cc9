"""A server on a port: how long slow clients are waited for, and how it stops."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from mcp import Client
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.app import Running
from korus_mcp.sandbox import Delay, SandboxOptions, served_sandbox
from korus_mcp.server import listening
from korus_mcp.server.listening import Listening
from tests.fixtures.assistant import CUSTOMER, ERAS, SEED, Answer, Assistant, handle_of
from tests.fixtures.hosts import START_SECONDS, child_environment, free_port, over_http, started
from tests.fixtures.hosts import listening as is_listening

pytestmark = pytest.mark.anyio
PROXIES_IDLE_SECONDS = 75
"""The longest of the proxies' defaults for an idle connection to a server behind them."""
SOON = 10


async def greets(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers every request."""
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    await send(head)
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connected(app: ASGIApp = greets) -> AsyncIterator[tuple[SocketStream, str]]:
    """A connection to a server, and its address."""
    async with over_http(app) as url:
        host, port = url.removeprefix("http://").split("/")[0].split(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            yield stream, url


async def closed(stream: SocketStream) -> bytes:
    """What came until the server closed the connection, soon."""
    said = b""
    with anyio.fail_after(SOON):
        while True:
            try:
                said += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return said


REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("before", [b"", REQUEST])
@pytest.mark.parametrize("part", [b"G", b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
async def test_who_never_ends_the_head_of_a_request_is_let_go_of(
    before: bytes, part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.2)
    async with connected() as (stream, url):
        if before:
            await stream.send(before)
            assert (await stream.receive()).startswith(b"HTTP/1.1 200")
        await stream.send(part)
        async with httpx.AsyncClient() as other:
            assert (await other.get(url)).status_code == 200
        assert not (await closed(stream)).startswith(b"HTTP/1.1 2")


async def test_who_sends_a_head_byte_by_byte_gets_no_more_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.3)

    async def drip(stream: SocketStream) -> None:
        with suppress(anyio.BrokenResourceError):
            while True:
                await stream.send(b"x")
                await anyio.sleep(0.05)

    async with connected() as (stream, _):
        await stream.send(b"GET /")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drip, stream)
            assert await closed(stream) == b""
            tasks.cancel_scope.cancel()


async def test_a_connection_on_which_nothing_is_asked_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.2)
    async with connected() as (stream, _):
        assert await closed(stream) == b""


async def test_who_reads_nothing_of_an_answer_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "STALLED_SECONDS", 0.2)
    ended = anyio.Event()

    async def tells_on(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_on, send)
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()
        ended.set()

    async def send_on(send: Send) -> None:
        while True:
            await send({"type": "http.response.body", "body": b"." * 65536, "more_body": True})
            await anyio.lowlevel.checkpoint()  # once the connection is gone it returns at once

    async with connected(tells_on) as (stream, _):
        await stream.send(REQUEST)
        with anyio.fail_after(SOON):
            await ended.wait()


async def test_a_request_that_comes_in_time_is_answered_however_long_the_answer_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.2)

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep(0.6)
        await greets(scope, receive, send)

    async with connected(late) as (stream, _):
        await stream.send(REQUEST)
        assert (await stream.receive()).startswith(b"HTTP/1.1 200")


async def test_an_idle_connection_is_kept_for_longer_than_proxies_keep_theirs() -> None:
    config = Listening(greets, Running(), 1).config
    assert config.timeout_keep_alive > PROXIES_IDLE_SECONDS


# The stop


@pytest.mark.parametrize("mode", ERAS)
async def test_a_server_that_stops_is_not_ready_takes_nothing_new_and_answers_what_is_under_way(
    mode: str, tmp_path: Path
) -> None:
    port = free_port()
    async with served_sandbox(SandboxOptions(seed=SEED)) as world:
        environment = {**child_environment(tmp_path), **world.environment}
        arguments = ("serve", "--http", "--port", str(port))
        async with started(*arguments, environment=environment) as child:
            with anyio.fail_after(START_SECONDS):
                await is_listening(port)
            address = f"http://127.0.0.1:{port}"
            async with (
                Client(f"{address}/mcp", mode=mode) as client,
                httpx.AsyncClient(base_url=address) as probe,
                anyio.create_task_group() as tasks,
            ):
                assistant = Assistant(client)
                items = [{"offer_id": handle_of(world.sandbox, "park_offer"), "quantity": 1}]
                held = await assistant.call("reserve", items=items)
                ids = [held["reservations"][0]["reservation_id"]]
                wish = {"reservation_ids": ids, "customer": CUSTOMER}
                summary = await assistant.call("place_order", **wish)
                assert (await probe.get("/readyz")).status_code == 200
                world.sandbox.faults.add(Delay(seconds=3), "createOrders")
                answers: list[Answer] = []

                async def order() -> None:
                    confirmed = {**wish, "confirmation": summary["confirmation"]}
                    answers.append(await assistant.ask("place_order", confirmed))

                tasks.start_soon(order)
                while world.sandbox.faults.rules:  # noqa: ASYNC110 - the sandbox tells nobody
                    await anyio.sleep(0.01)
                child.terminate()
                with anyio.fail_after(SOON):
                    while (await probe.get("/readyz")).status_code != 503:  # noqa: ASYNC110
                        await anyio.sleep(0.01)
                assert (await probe.get("/healthz")).status_code == 200
                refused = await assistant.ask("reserve", {"items": items, "again": True})
                assert refused.code == "SERVER_BUSY"
                assert not answers
            with anyio.fail_after(SOON):
                assert await child.wait() == 0
        assert [answer.data["state"] for answer in answers] == ["ordered"]
        assert len(world.sandbox.orders()) == 1


async def test_a_stream_that_a_stop_cuts_is_no_error_in_the_log(tmp_path: Path) -> None:
    """An operator has an alarm on errors, and a restart is none."""
    port = free_port()
    arguments = ("serve", "--http", "--port", str(port))
    async with started(*arguments, environment=child_environment(tmp_path)) as child:
        with anyio.fail_after(START_SECONDS):
            await is_listening(port)
        url = f"http://127.0.0.1:{port}/mcp"
        async with Client(url, mode="legacy") as client, httpx.AsyncClient() as other:
            await client.list_tools()
            session = {"Accept": "text/event-stream", **await session_of(other, url)}
            async with other.stream("GET", url, headers=session) as stream:
                assert stream.status_code == 200
                child.terminate()
                with anyio.fail_after(SOON):
                    assert [part async for part in stream.aiter_raw()] == []
        with anyio.fail_after(SOON):
            assert await child.wait() == 0
        assert child.stderr is not None
        log = b"".join([part async for part in child.stderr]).decode()
    assert "stopping" in log
    assert "ERROR" not in log


async def session_of(other: httpx.AsyncClient, url: str) -> dict[str, str]:
    """The headers of a session of the protocol's earlier revisions."""
    client = {"name": "test", "version": "1"}
    asked = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    accepted = {"Accept": "application/json, text/event-stream"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": asked}
    answer = await other.post(url, json=message, headers=accepted)
    assert answer.status_code == 200
    return {"mcp-session-id": answer.headers["mcp-session-id"]}


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        arguments = ("serve", "--http", "--port", str(other.getsockname()[1]))
        async with started(*arguments, environment=child_environment(tmp_path)) as child:
            with anyio.fail_after(START_SECONDS):
                assert await child.wait() != 0
