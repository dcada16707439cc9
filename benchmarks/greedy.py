"""What one greedy person costs another: the same calls with and without 500 of somebody else's.

A server over HTTP whose people sign in is a child, and so is the greedy program; both people use
the SDK's client. The sandbox takes its time for each request, as a real API does.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, cast

import anyio
from anyio.abc import ByteReceiveStream
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from benchmarks.calls import Watched
from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import SandboxOptions, served_sandbox
from tests.fixtures.assistant import handle_of
from tests.fixtures.hosts import UNBOUNDED, child_environment, free_port, listening, started
from tests.fixtures.provider import FakeProvider

CALLS, AT_ONCE = 500, 64
"""How many calls the greedy program makes, and how many of them at once."""
QUIET: Final = 40
"""How often the other person asks while nobody else does."""
PAUSE_SECONDS: Final = 0.1
UPSTREAM_SECONDS: Final = 0.150
MOST_TIMES: Final = 2.0
Ask = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class House:
    """A server, what is on sale, and who signs its people in."""

    url: str
    offer_id: str
    provider: FakeProvider


def main() -> None:
    """Print a line with the limits of calls a minute, and one without."""
    anyio.run(_compare, "with limits a minute", {})
    anyio.run(_compare, "without them", UNBOUNDED)


async def _compare(name: str, given: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="korus-greedy-") as folder:
        async with (
            _served(Path(folder), given) as here,
            _person(here.url, _token(here, "patient")) as client,
        ):
            ask = partial(_ask, client, here.offer_id)
            quiet = [await _timed(ask) for _ in range(QUIET)]
            crowded, told = await _beside_greedy(here, ask)
    ours, theirs = _p95(quiet), _p95(crowded)
    ratio = theirs / ours
    print(
        f"p95 of a person beside a greedy one, {name}: {theirs:.0f} ms ({len(crowded)} calls), "
        f"quiet {ours:.0f} ms, ratio {ratio:.2f}, "
        f"{'within' if ratio <= MOST_TIMES else 'ABOVE'} {MOST_TIMES} x; greedy: {told}"
    )


async def _beside_greedy(here: House, ask: Ask) -> tuple[list[float], str]:
    """What a person's calls take while the greedy program runs, and what that one tells."""
    command = [sys.executable, "-m", "benchmarks.greedy", here.url, here.offer_id]
    took: list[float] = []
    async with await anyio.open_process(
        [*command, _token(here, "greedy")], stdout=subprocess.PIPE, stderr=None
    ) as greedy:
        said = BufferedByteReceiveStream(cast("ByteReceiveStream", greedy.stdout))
        await said.receive_until(b"\n", 100)  # it has signed in, and begins
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(greedy.wait)
            while greedy.returncode is None:
                took.append(await _timed(ask))
        told = (await said.receive_until(b"\n", 1000)).decode()
    return took, told


async def _timed(ask: Ask) -> float:
    """The milliseconds of an answer that is no refusal."""
    began = time.perf_counter()
    if code := await ask():
        raise RuntimeError(f"the patient one is refused: {code}")
    took = (time.perf_counter() - began) * 1000
    await anyio.sleep(PAUSE_SECONDS)
    return took


def _p95(took: list[float]) -> float:
    return statistics.quantiles(took, n=20, method="inclusive")[-1]


def _token(here: House, name: str) -> str:
    return here.provider.token(sub=name)


@asynccontextmanager
async def _served(folder: Path, given: Mapping[str, str]) -> AsyncIterator[House]:
    """A server as people run it, once it has read the catalog."""
    upstream, port = Watched(), free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    async with (
        FakeProvider(audience=url).served() as provider,
        served_sandbox(SandboxOptions(seed=1), around=upstream.around) as served,
    ):
        environment = {
            **child_environment(folder, **given),
            **served.environment,
            "KORUS_CATALOGS": alias_of(served.sandbox.landmarks["park_catalog"]),
            "KORUS_AUTH_ISSUER": provider.issuer,
            "KORUS_PUBLIC_URL": url,
        }
        command = (sys.executable, "-m", "korus_mcp")
        arguments = ("serve", "--http", "--port", str(port))
        async with started(
            *arguments, environment=environment, stderr=sys.stderr.fileno(), command=command
        ):
            await listening(port)
            here = House(url, handle_of(served.sandbox, "park_offer"), provider)
            async with _person(url, _token(here, "first")) as client:
                asked = -1
                while asked != upstream.requests:  # until the catalog is there
                    asked = upstream.requests
                    await client.call_tool("search_products", {"query": "park"})
                    await anyio.sleep(0.5)
            upstream.seconds = UPSTREAM_SECONDS
            yield here


@asynccontextmanager
async def _person(url: str, token: str) -> AsyncIterator[Client]:
    """The program of somebody who has signed in."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        create_mcp_http_client(headers=headers) as known,
        Client(streamable_http_client(url, http_client=known)) as client,
    ):
        yield client


async def _ask(client: Client, offer_id: str) -> str:
    """Ask for live stock; the code of a refusal, "" for an answer."""
    result = await client.call_tool("check_availability", {"offer_id": offer_id})
    error = (result.structured_content or {}).get("error", {})
    return str(error.get("code", "refused")) if result.is_error else ""


async def _be_greedy(url: str, offer_id: str, token: str) -> None:
    """Ask so often, so many at once, and print how often which answer came."""
    codes: Counter[str] = Counter()
    async with _person(url, token) as client:
        print("begins", flush=True)
        places = anyio.Semaphore(AT_ONCE)

        async def once() -> None:
            async with places:
                codes[await _ask(client, offer_id) or "answered"] += 1

        async with anyio.create_task_group() as tasks:
            for _ in range(CALLS):
                tasks.start_soon(once)
    print(", ".join(f"{count} {code}" for code, count in codes.most_common()), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        anyio.run(partial(_be_greedy, *sys.argv[1:]))
    else:
        main()
