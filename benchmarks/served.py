"""Calls a second and memory of `serve --http`, beside the bare SDK's server on the same API.

32 clients at once call a tool that reads; both servers judge the same token and make one request
to the API a call. Clients and API are this process: it shares the machine with the server, so what
counts is calls a second of the server's own CPU. The requests are those of the SDK's client, taken
down once and sent again, so that clients take little of the machine.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import psutil
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from benchmarks.calls import HERE, token_of
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import handle_of
from tests.fixtures.hosts import UNBOUNDED, child_environment, free_port, listening
from tests.fixtures.provider import FakeProvider

CLIENTS: Final = 32
TURNS: Final = 5
SECONDS: Final = 3.0
LEAST_CALLS, MOST_GROWTH, MOST_MEMORY = 0.7, 1.05, 1.5
WARM: Final = 4_000
"""Calls after which a server has filled what it keeps."""


@dataclass(frozen=True)
class Recorded:
    """A request as a client sends it."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(eq=False)
class Server:
    """A server with the requests that it is sent."""

    url: str
    process: psutil.Process
    requests: list[Recorded]

    async def hammered(self, *, seconds: float = 0, calls: int = 0) -> tuple[float, float]:
        """Calls a second of the server's CPU, and of time, with 32 clients for so long."""
        done, began, spent = 0, time.perf_counter(), self._cpu()

        async def client(number: int, http: httpx.AsyncClient) -> None:
            nonlocal done
            while (time.perf_counter() - began < seconds) if seconds else (done < calls):
                each = self.requests[(number + done) % len(self.requests)]
                answer = await http.post(self.url, headers=each.headers, content=each.body)
                if calls and b"SERVER_BUSY" in answer.content:
                    continue  # in an hour the machine has other work, too; what counts is memory
                if answer.status_code != 200 or b'"isError":true' in answer.content:
                    raise RuntimeError(f"{answer.status_code}: {answer.text[:500]}")
                done += 1

        limits = httpx.Limits(max_connections=CLIENTS)
        async with (
            httpx.AsyncClient(limits=limits, timeout=60) as http,
            anyio.create_task_group() as tasks,
        ):
            for number in range(CLIENTS):
                tasks.start_soon(client, number, http)
        return done / (self._cpu() - spent), done / (time.perf_counter() - began)

    @property
    def memory(self) -> float:
        """Megabytes that are resident."""
        return float(self.process.memory_info().rss) / 1e6

    def _cpu(self) -> float:
        spent = self.process.cpu_times()
        return float(spent.user + spent.system)


def main(calls: int = 0) -> None:
    """Print calls a second; with a number of mixed calls first what they leave in memory."""
    anyio.run(_compare, calls)


async def _compare(calls: int) -> None:
    async with served_sandbox(SandboxOptions(seed=1)) as served:
        provider = FakeProvider()
        async with provider.served():
            token = provider.token(exp=int(time.time()) + 86_400)
            availability = {"offer_id": handle_of(served.sandbox, "timed_offer")}
            path = served.sandbox.iri(served.sandbox.landmarks["timed_offer"]) + "/availability"
            fetch: Mapping[str, Any] = {"path": path}
            async with (
                _korus(served, provider) as (url, process),
                _floor(served, provider) as (floor_url, floor_process),
            ):
                ours = Server(
                    url, process, [await _recorded(url, token, "check_availability", availability)]
                )
                floor = Server(
                    floor_url, floor_process, [await _recorded(floor_url, token, "fetch", fetch)]
                )
                if calls:
                    wishes = {
                        "search_products": {"query": "derby"},
                        "get_offers": {"product_base_id": handle_of(served.sandbox, "park_base")},
                        "check_availability": availability,
                    }
                    mixed = [await _recorded(url, token, *each) for each in wishes.items()]
                    await _memory(Server(url, process, mixed), floor, calls)
                await _speed(ours, floor)


async def _speed(ours: Server, floor: Server) -> None:
    rates: dict[Server, list[tuple[float, float]]] = {ours: [], floor: []}
    for server in (ours, floor):
        await server.hammered(seconds=SECONDS)
    for _ in range(TURNS):
        for server, found in rates.items():
            found.append(await server.hammered(seconds=SECONDS))
    mine, theirs = (
        tuple(statistics.median(each[n] for each in found) for n in (0, 1))
        for found in rates.values()
    )
    ratio = mine[0] / theirs[0]
    print(
        f"check_availability over HTTP with {CLIENTS} clients and sign-in: {mine[0]:.0f} calls a "
        f"second of CPU, floor {theirs[0]:.0f}, ratio {ratio:.2f}, "
        f"{'within' if ratio >= LEAST_CALLS else 'BELOW'} {LEAST_CALLS} x; with clients and API on "
        f"the same machine {mine[1]:.0f} and {theirs[1]:.0f} calls a second"
    )


async def _memory(ours: Server, floor: Server, calls: int) -> None:
    for name, server in (("korus-mcp", ours), ("the bare SDK", floor)):
        await server.hammered(calls=WARM)
        warm = server.memory
        await server.hammered(calls=calls)
        growth = server.memory / warm
        print(
            f"memory of {name} over HTTP: {warm:.0f} MB after {WARM} calls, {server.memory:.0f} MB "
            f"after {calls} more, ratio {growth:.2f}, "
            f"{'within' if growth <= MOST_GROWTH else 'ABOVE'} {MOST_GROWTH} x"
        )
    ratio = ours.memory / floor.memory
    verdict = "within" if ratio <= MOST_MEMORY else "ABOVE"
    print(f"memory beside the bare SDK's: ratio {ratio:.2f}, {verdict} {MOST_MEMORY} x")


async def _recorded(url: str, token: str, tool: str, arguments: Mapping[str, Any]) -> Recorded:
    """The request of a call that succeeds."""
    sent: list[Recorded] = []

    async def note(request: Any) -> None:
        if b'"tools/call"' in request.content:
            headers = {
                name: value
                for name, value in request.headers.items()
                if name not in ("host", "content-length", "connection")
            }
            sent.append(Recorded(headers, request.content))

    bearer = {"Authorization": f"Bearer {token}"}
    async with create_mcp_http_client(headers=bearer) as known:
        known.event_hooks["request"].append(note)
        async with Client(streamable_http_client(url, http_client=known)) as client:
            result = await client.call_tool(tool, dict(arguments))
            if result.is_error:
                raise RuntimeError(f"{tool} refuses: {result.content}")
    return sent[-1]


@asynccontextmanager
async def _korus(
    served: ServedSandbox, provider: FakeProvider
) -> AsyncIterator[tuple[str, psutil.Process]]:
    with tempfile.TemporaryDirectory(prefix="korus-served-") as folder:
        port = free_port()
        environment = {
            **child_environment(Path(folder), **UNBOUNDED),
            **served.environment,
            "KORUS_AUTH_ISSUER": provider.issuer,
            "KORUS_PUBLIC_URL": provider.audience,
        }
        command = [sys.executable, "-m", "korus_mcp", "serve", "--http", "--port", str(port)]
        async with _child(command, environment, port) as server:
            yield server


@asynccontextmanager
async def _floor(
    served: ServedSandbox, provider: FakeProvider
) -> AsyncIterator[tuple[str, psutil.Process]]:
    port = free_port()
    given = (served.api_url, await token_of(served), provider.issuer, provider.audience)
    command = [sys.executable, "-m", "benchmarks.floor_http", str(port), *given]
    async with _child(command, None, port) as server:
        yield server


@asynccontextmanager
async def _child(
    command: list[str], environment: Mapping[str, str] | None, port: int
) -> AsyncIterator[tuple[str, psutil.Process]]:
    async with await anyio.open_process(command, env=environment, cwd=HERE, stderr=None) as process:
        try:
            with anyio.fail_after(60):
                await listening(port)
            yield f"http://127.0.0.1:{port}/mcp", psutil.Process(process.pid)
        finally:
            # Its end is waited for, also where the benchmark fails.
            process.terminate()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
