"""A way to a database that takes time: a TCP proxy that holds back each direction.

It also counts round trips: how often a client that was answered asks again.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, SocketStream, TaskStatus

from tests.fixtures.postgres import free_port

READ_AT_ONCE = 65536


@dataclass
class Proxy:
    """The proxy, in a process of its own: what it costs is not the servers'."""

    process: "subprocess.Popen[str]"
    port: int

    def delay(self, milliseconds: float) -> None:
        """From now on a round trip takes so long more."""
        self._ask(f"delay {milliseconds}")

    def trips(self) -> int:
        """The round trips so far."""
        return int(self._ask("trips"))

    def _ask(self, line: str) -> str:
        print(line, file=self.process.stdin, flush=True)
        return "" if self.process.stdout is None else self.process.stdout.readline()


@contextmanager
def far_away(port: int) -> Iterator[Proxy]:
    """A proxy before a port of loopback, as long as the block runs."""
    own = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.far_away", str(own), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        proxy = Proxy(process, own)
        proxy.delay(0)
        yield proxy
    finally:
        process.kill()
        process.wait()


@dataclass
class _Way:
    """What all connections share."""

    port: int
    one_way_seconds: float = 0.0
    trips: int = 0


@dataclass
class _Held:
    """One direction of a connection: what came, and when it may go on."""

    way: _Way
    source: ByteReceiveStream
    target: ByteSendStream
    is_asking: bool
    last: "_Last"
    due: list[tuple[float, bytes]] = field(default_factory=list)
    news: anyio.Event = field(default_factory=anyio.Event)
    is_over: bool = False

    async def take(self) -> None:
        """Read until the end."""
        try:
            while True:
                chunk = await self.source.receive(READ_AT_ONCE)
                if self.is_asking and not self.last.was_asking:
                    self.way.trips += 1
                self.last.was_asking = self.is_asking
                self.due.append((anyio.current_time() + self.way.one_way_seconds, chunk))
                self.news.set()
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.is_over = True
            self.news.set()

    async def give(self) -> None:
        """Write each piece when its time has come, then end."""
        while True:
            while not self.due:
                if self.is_over:
                    await self.target.aclose()
                    return
                self.news = anyio.Event()
                await self.news.wait()
            at, chunk = self.due.pop(0)
            await anyio.sleep(max(0.0, at - anyio.current_time()))
            try:
                await self.target.send(chunk)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return


@dataclass
class _Last:
    """Which side of a connection spoke last."""

    was_asking: bool = False


async def _carry(way: _Way, client: SocketStream) -> None:
    async with client, await anyio.connect_tcp("127.0.0.1", way.port) as server:
        last = _Last()
        asked = _Held(way, client, server, is_asking=True, last=last)
        answered = _Held(way, server, client, is_asking=False, last=last)
        async with anyio.create_task_group() as tasks:
            for each in (asked, answered):
                tasks.start_soon(each.take)
                tasks.start_soon(each.give)


async def _listen(way: _Way, own: int, *, task_status: TaskStatus[None]) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=own)
    task_status.started()
    await listener.serve(lambda client: _carry(way, client))


async def _main(*ports: int) -> None:
    own, port = ports
    way = _Way(port)
    async with anyio.create_task_group() as tasks:
        await tasks.start(_listen, way, own)
        lines = anyio.wrap_file(sys.stdin)
        async for line in lines:
            word, _, value = line.strip().partition(" ")
            if word == "delay":
                way.one_way_seconds = float(value) / 2000
            print(way.trips, flush=True)
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(_main, *map(int, sys.argv[1:]))
