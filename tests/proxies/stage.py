"""A proxy with two servers behind it, one journal on PostgreSQL, and the world they sell."""

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
from anyio.abc import Process, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import CUSTOMER, SEED, Assistant, Json, handle_of
from tests.fixtures.hosts import (
    START_SECONDS,
    UNBOUNDED,
    child_environment,
    free_port,
    listening,
)
from tests.fixtures.postgres import Cluster
from tests.fixtures.replicas import Replica
from tests.proxies.recipes import NAME, PORTS, Proxy


@dataclass
class Stage:
    """What the cells play on, and what they were told."""

    world: ServedSandbox
    replicas: tuple[Replica, Replica]
    port: int
    wished: list[str] = field(default_factory=list)
    """The reservations that were to be ordered."""
    leaks: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the proxy answers."""
        return f"http://127.0.0.1:{self.port}/mcp"

    @asynccontextmanager
    async def client(self, mode: str, **options: Any) -> AsyncIterator[Assistant]:
        """An assistant that comes by the public name."""
        async with (
            create_mcp_http_client(headers={"Host": NAME}) as http,
            Client(
                streamable_http_client(self.address, http_client=http), mode=mode, **options
            ) as client,
        ):
            yield Assistant(client)

    async def wish(self, assistant: Assistant, *, confirmed: bool = True) -> Json:
        """The arguments of an order of something held now, agreed to in two steps if wished."""
        offer = handle_of(self.world.sandbox, "park_offer")
        items = [{"offer_id": offer, "quantity": 1}]
        held = await assistant.call("reserve", items=items, again=True)
        reservation = str(held["reservations"][0]["reservation_id"])
        self.wished.append(reservation)
        wish: Json = {"reservation_ids": [reservation], "customer": CUSTOMER}
        if not confirmed:
            return wish
        summary = await assistant.call("place_order", **wish)
        return wish | {"confirmation": summary["confirmation"]}

    def heard(self, wish: Json, told: Json) -> str:
        """The state of an order, after a look whether it is that of the caller."""
        about = {each["reservation_id"] for each in told.get("orders", ())}
        if not about <= set(wish["reservation_ids"]):
            self.leaks.append(str(about))
        return str(told["state"])

    @asynccontextmanager
    async def breaking(self) -> AsyncIterator[Counter[str]]:
        """In place of both servers what takes requests and breaks; how often each name was taken.

        The servers are started again when the block ends.
        """
        taken: Counter[str] = Counter()
        for replica in self.replicas:
            await replica.kill()
        try:
            async with AsyncExitStack() as at_the_end:
                listeners = [
                    await at_the_end.enter_async_context(
                        await anyio.create_tcp_listener(
                            local_host="127.0.0.1", local_port=replica.port
                        )
                    )
                    for replica in self.replicas
                ]
                tasks = await at_the_end.enter_async_context(anyio.create_task_group())
                at_the_end.callback(tasks.cancel_scope.cancel)
                for listener in listeners:
                    tasks.start_soon(listener.serve, _Breaking(taken).serve)
                yield taken
        finally:
            for replica in self.replicas:
                await replica.start()

    @property
    def doubles(self) -> int:
        """How many orders there are too many of."""
        made = Counter(
            each for order in self.world.sandbox.orders() for each in order.reservation_ids
        )
        return sum(count - 1 for count in made.values())

    @property
    def lost(self) -> int:
        """How many of the wishes were not ordered."""
        made = {each for order in self.world.sandbox.orders() for each in order.reservation_ids}
        return len(set(self.wished) - made)


@dataclass
class _Breaking:
    """A server that answers each second POST, so that its connections are kept and used again. Of
    the others it takes all, and closes without an answer: what they asked for may have been done.
    """

    taken: Counter[str]
    _posts: int = 0

    async def serve(self, stream: SocketStream) -> None:
        """Take the requests of a connection."""
        received = BufferedByteReceiveStream(stream)
        async with stream:
            with suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                while await self._is_answered(received):
                    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def _is_answered(self, received: BufferedByteReceiveStream) -> bool:
        head = (await received.receive_until(b"\r\n\r\n", 65_536)).decode("latin-1")
        if not head.startswith("POST"):
            return True  # a probe
        headers = dict(re.findall(r"^([\w-]+): *(.*)$", head.lower(), re.MULTILINE))
        await received.receive_exactly(int(headers["content-length"]))
        self.taken[headers["x-name"].strip()] += 1
        self._posts += 1
        return self._posts % 2 == 1


@asynccontextmanager
async def staged(proxy: Proxy, postgres: Cluster) -> AsyncIterator[Stage]:
    """A stage behind one proxy."""
    async with AsyncExitStack() as at_the_end:
        folder = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="korus-proxy-")))
        world = await at_the_end.enter_async_context(served_sandbox(SandboxOptions(seed=SEED)))
        given = {
            **UNBOUNDED,
            "DATABASE_URL": postgres.new_database(),
            "CATALOGS": alias_of(world.sandbox.landmarks["park_catalog"]),
            "MCP_ALLOWED_HOSTS": NAME,
        }
        environment = {**child_environment(folder, **given), **world.environment}
        one, other = (Replica(free_port(), environment) for _ in range(2))
        for replica in (one, other):
            at_the_end.push_async_callback(replica.kill)
            await replica.start()
        port = free_port()
        ports = dict(zip(PORTS, (port, one.port, other.port), strict=True))
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        running = await anyio.open_process(
            list(proxy.command(folder, ports)),
            env=environment | home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        at_the_end.push_async_callback(_ended, running)
        with anyio.fail_after(START_SECONDS):
            await listening(port)
        stage = Stage(world, (one, other), port)
        with anyio.fail_after(3 * START_SECONDS):
            await _ready(stage)
        yield stage


async def _ready(stage: Stage) -> None:
    """Wait until the proxy has found its servers: it may look whether they are ready first."""
    async with httpx.AsyncClient() as raw:
        while True:
            answer = await raw.get(stage.address, headers={"Host": NAME})
            if answer.status_code < 500:
                return
            await anyio.sleep(0.2)


async def _ended(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(5, shield=True):
            await process.wait()
            return
        process.kill()
        await process.wait()
