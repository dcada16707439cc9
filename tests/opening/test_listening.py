"""A process that answers before its SDK is imported, and goes on as if nothing had been.

The import waits at a gate that each test opens, so it is certain who answered.
"""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from anyio.streams.buffered import BufferedByteReceiveStream

from korus_mcp.commands.cli import EXIT_MISCONFIGURED
from korus_mcp.opening.answers import LISTS
from korus_mcp.opening.conversation import CONNECTION_CLOSED, DISCOVER
from korus_mcp.opening.messages import VERSION_KEY
from korus_mcp.server.stdio_door import UNREADABLE
from tests.docs.opening import ENVELOPE, INITIALIZE, request
from tests.fixtures.hosts import (
    AFRESH,
    LINE_LIMIT,
    RawHost,
    child_environment,
    raw_host,
    started,
)

pytestmark = pytest.mark.anyio

GATED = """
import os, sys

class Gate:
    def find_spec(self, name, path=None, target=None):
        if name == "mcp":
            heavy = {"mcp_types", "httpx", "pydantic", "starlette", "anyio"} & set(sys.modules)
            sys.stderr.write(f"HEAVY {sorted(heavy - {'anyio'})}\\n")
            open(os.environ["GATE"]).close()

sys.meta_path.insert(0, Gate())
from korus_mcp.commands.cli import main
sys.exit(main(sys.argv[1:]))
"""
SECONDS = 90
INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
CALL = {"name": "search_products", "arguments": {"query": "derby"}}
MODERN = {"_meta": ENVELOPE}


@dataclass
class GatedHost(RawHost):
    """A host of a server whose import waits."""

    gate: Path = field(default=Path())

    async def says(self, *lines: bytes) -> None:
        """Write lines, or parts of them, at once."""
        assert self.process.stdin is not None
        await self.process.stdin.send(b"".join(lines))

    async def hears(self, *numbers: int) -> dict[int, bytes]:
        """The next lines, which must be the answers to these requests, in any order."""
        with anyio.fail_after(SECONDS):
            lines = [await self.lines.receive_until(b"\n", LINE_LIMIT) for _ in numbers]
        heard = {json.loads(line)["id"]: line for line in lines}
        assert sorted(heard) == sorted(numbers)
        return heard

    async def open(self) -> None:
        """Let the import go on, as soon as it waits."""
        with anyio.fail_after(SECONDS):
            await to_thread.run_sync(self.gate.write_bytes, b"", abandon_on_cancel=True)

    async def ends(self) -> int:
        """Close the pipe; nothing more is said."""
        assert self.process.stdin is not None
        await self.process.stdin.aclose()
        return await self.ended()

    async def ended(self) -> int:
        """The exit code, after an end without another word."""
        with anyio.fail_after(SECONDS):
            rest = b"".join([part async for part in self.lines])
            code = await self.process.wait()
        assert not rest
        return code


@asynccontextmanager
async def gated(folder: Path, **given: str) -> AsyncIterator[GatedHost]:
    """A host of a server that has not been imported yet."""
    gate = folder / "gate"
    os.mkfifo(gate)
    environment = {**child_environment(folder, **given), "GATE": str(gate)}
    command = (sys.executable, "-c", GATED)
    async with started(environment=environment, command=command) as process:
        assert process.stdout is not None
        lines = BufferedByteReceiveStream(process.stdout)
        yield GatedHost(process, lines, gate=gate)


def asked(params: dict[str, Any] | None, *, first: int) -> dict[int, bytes]:
    """Each list, asked for."""
    return {n: request(n, method, params) for n, method in enumerate(LISTS, first)}


async def test_after_a_handshake_each_list_is_there_before_the_sdk(tmp_path: Path) -> None:
    async with gated(tmp_path) as host:
        await host.says(request(1, "initialize", INITIALIZE))
        agreed = json.loads((await host.hears(1))[1])["result"]
        assert agreed["serverInfo"]["name"] == "korus-mcp"
        early = asked(None, first=10)
        await host.says(INITIALIZED, request(2, "ping"), *early.values())
        heard = await host.hears(2, *early)
        await host.says(request(3, "tools/call", CALL), request(4, "ping"))
        await host.hears(4)
        await host.open()
        found = json.loads((await host.hears(3))[3])["result"]
        assert found["structuredContent"]["shown"] == 1
        await host.says(*early.values())  # by the server itself
        assert await host.hears(*early) == {n: heard[n] for n in early}
        assert await host.ends() == 0


async def test_without_a_handshake_each_list_is_there_before_the_sdk(tmp_path: Path) -> None:
    async with gated(tmp_path) as host:
        early = {1: request(1, DISCOVER, MODERN), **asked(MODERN, first=10)}
        await host.says(*early.values())
        heard = await host.hears(*early)
        await host.says(request(3, "tools/call", {**CALL, **MODERN}))
        await host.open()
        found = json.loads((await host.hears(3))[3])["result"]
        assert found["structuredContent"]["shown"] == 1
        await host.says(*early.values(), request(4, "initialize", INITIALIZE))
        late = await host.hears(*early, 4)
        assert {n: late[n] for n in early} == heard
        assert json.loads(late[4])["error"]["code"] == -32022
        assert await host.ends() == 0


async def test_what_is_said_at_once_is_all_answered_once(tmp_path: Path) -> None:
    async with gated(tmp_path) as host:
        calls = [request(n, "tools/call", CALL) for n in range(20, 24)]
        lists = asked({}, first=10)
        await host.says(request(1, "initialize", INITIALIZE), INITIALIZED, *calls, *lists.values())
        await host.hears(1, *lists)
        await host.open()
        await host.hears(*range(20, 24))
        assert await host.ends() == 0


@pytest.mark.parametrize("protocol", ["2024-11-05", "2025-11-25"])
@pytest.mark.parametrize("is_late", [False, True])
async def test_a_question_about_revisions_turns_no_handshake_down(
    protocol: str, *, is_late: bool, tmp_path: Path
) -> None:
    async with gated(tmp_path) as host:
        await host.says(request(1, DISCOVER, MODERN))
        early = await host.hears(1)
        await host.open()
        if is_late:
            unknown = {"_meta": {**ENVELOPE, VERSION_KEY: "2099-01-01"}}
            await host.says(request(1, DISCOVER, MODERN), request(7, DISCOVER, unknown))
            late = await host.hears(1, 7)
            assert late[1] == early[1]
            assert json.loads(late[7])["error"]["code"] == -32022
        await host.says(request(2, "initialize", {**INITIALIZE, "protocolVersion": protocol}))
        agreed = json.loads((await host.hears(2))[2])["result"]
        assert agreed["protocolVersion"] == protocol
        await host.says(INITIALIZED, request(3, "tools/call", CALL))
        assert not json.loads((await host.hears(3))[3])["result"]["isError"]
        assert await host.ends() == 0


async def test_a_server_that_has_been_there_for_long_is_asked_for_revisions_and_goes_on_with_any(
    tmp_path: Path,
) -> None:
    environment = child_environment(tmp_path)
    for params, method in ((INITIALIZE, "initialize"), (MODERN, "tools/list")):
        async with started(environment=environment) as process:
            assert process.stdout is not None
            host = RawHost(process, BufferedByteReceiveStream(process.stdout))
            assert process.stdin is not None
            for number in range(3):
                await process.stdin.send(request(number, DISCOVER, MODERN))
                answer = json.loads(await host.receive_line(number))["result"]
                assert answer["supportedVersions"]
            await process.stdin.send(request(7, method, params))
            with anyio.fail_after(SECONDS):
                assert "result" in json.loads(await host.receive_line(7))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_it_and_those_who_wait_are_told(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with gated(tmp_path) as host:
        await host.says(request(1, "initialize", INITIALIZE))
        await host.hears(1)
        await host.says(request(2, "tools/call", CALL), request(3, "ping"))
        await host.hears(3)
        host.process.send_signal(number)
        told = json.loads((await host.hears(2))[2])
        assert told["error"] == {"code": CONNECTION_CLOSED, "message": "Connection closed"}
        assert await host.ended() == 0


async def test_who_leaves_with_all_answers_ends_it_at_once(tmp_path: Path) -> None:
    async with gated(tmp_path) as host:
        lists = asked(None, first=10)
        await host.says(request(1, "initialize", INITIALIZE), INITIALIZED, *lists.values())
        await host.hears(1, *lists)
        assert await host.ends() == 0


async def test_who_leaves_while_a_request_waits_has_it_answered_by_the_server(
    tmp_path: Path,
) -> None:
    async with gated(tmp_path) as host:
        await host.says(request(1, "initialize", INITIALIZE), request(2, "x/unknown"))
        await host.hears(1)
        assert host.process.stdin is not None
        await host.process.stdin.aclose()
        await host.open()
        assert "error" in json.loads((await host.hears(2))[2])
        assert await host.ended() == 0


async def test_half_a_line_is_read_to_its_end_by_the_server(tmp_path: Path) -> None:
    async with gated(tmp_path) as host:
        ping = request(3, "ping")
        await host.says(request(1, "initialize", INITIALIZE), request(2, "tools/call", CALL))
        await host.hears(1)
        await host.says(ping[:20])
        await host.open()
        await host.hears(2)
        await host.says(ping[20:])
        await host.hears(3)
        assert await host.ends() == 0


async def test_what_is_no_message_or_too_long_is_answered_by_the_server(tmp_path: Path) -> None:
    async with gated(tmp_path) as host:
        arguments = {"x": "a" * 10**6}
        long = request(2, "tools/call", {"name": "search_products", "arguments": arguments})
        await host.says(request(1, "initialize", INITIALIZE))
        await host.hears(1)
        await host.says(b'{"jsonrpc":"2.0","id":5,"method":"ping","params":{"x":"\\ud83d"}}\n')
        await host.says(b'[{"jsonrpc":"2.0","id":6,"method":"ping"}]\n')
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.says, long, request(3, "ping"))
            await host.open()
            heard = await host.hears(5, 2, 3)
        assert json.loads(heard[5])["error"]["message"] == UNREADABLE
        assert json.loads(heard[2])["result"]["isError"]
        assert await host.ends() == 0


async def test_with_wrong_settings_nothing_is_answered(tmp_path: Path) -> None:
    for given in ({"KORUS_PROFILE": "everything"}, {"KORUS_TOOLS": "x"}):
        environment = {**child_environment(tmp_path), **given}
        arguments = ("--tools", "rm") if "KORUS_TOOLS" in given else ()
        async with started(*arguments, environment=environment, command=AFRESH) as process:
            assert process.stdin is not None
            await process.stdin.send(request(1, "initialize", INITIALIZE))
            assert process.stdout is not None
            with anyio.fail_after(SECONDS):
                assert not [part async for part in process.stdout]
                assert await process.wait() == EXIT_MISCONFIGURED


async def test_nothing_of_others_is_imported_before_the_first_answers(tmp_path: Path) -> None:
    async with gated(tmp_path) as host:
        await host.says(request(1, "initialize", INITIALIZE), request(2, "tools/list"))
        await host.hears(1, 2)
        assert host.process.stderr is not None
        with anyio.fail_after(SECONDS):
            lines = BufferedByteReceiveStream(host.process.stderr)
            said = await lines.receive_until(b"]\n", 10_000)
        assert b"HEAVY [" in said
        assert said.endswith(b"HEAVY [")
        host.process.kill()


async def test_children_of_the_server_read_nothing_from_its_host(tmp_path: Path) -> None:
    async with raw_host(child_environment(tmp_path), command=AFRESH) as host:
        number = await host.send("resources/read", {"uri": "korus://help/booking"})
        await host.receive(number)
        stdin = anyio.Path(f"/proc/{host.process.pid}/fd/0")
        if await stdin.parent.exists():
            assert str(await stdin.readlink()) == os.devnull
