"""A gateway on loopback that does to order requests what networks and gateways do.

It speaks TCP, one request a connection: what a client meets is a real reset, a real silence, a
real half of a body.
"""

import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream, TaskGroup

ORDERS: Final = b"POST /v1/booking/orders/_bulk "
LATER_SECONDS: Final = 0.2


class Fault(Enum):
    """What happens to an order request. The value says whether its order is made."""

    RESET_BEFORE = "reset before it arrives", False
    RESET_AFTER = "reset after it was done", True
    CLOSED = "closed without a word after it was done", True
    HALF_HEAD = "half of the answer's head", True
    HALF_BODY = "half of the answer's body", True
    SILENCE_BEFORE = "silence, it never arrives", False
    SILENCE_AFTER = "silence after it was done", True
    BAD_GATEWAY = "502 after it was done", True
    UNAVAILABLE = "503 after it was done", True
    GATEWAY_TIMEOUT = "504 after it was done", True
    LATE = "504, and it is done later", True
    TWICE = "sent twice, the second answer comes", True

    @property
    def makes_orders(self) -> bool:
        """Whether the order exists in the end."""
        return self.value[1]


_STATUS: Final = {
    Fault.BAD_GATEWAY: b"502 Bad Gateway",
    Fault.UNAVAILABLE: b"503 Service Unavailable",
    Fault.GATEWAY_TIMEOUT: b"504 Gateway Timeout",
    Fault.LATE: b"504 Gateway Timeout",
}


@dataclass
class Proxy:
    """Between a server and its API; `fault` strikes every order request while it is set."""

    upstream: str
    tasks: TaskGroup
    port: int = 0
    fault: Fault | None = None
    struck: int = 0
    posts: list[str] = field(default_factory=list)
    """The reservations of each order request that arrived here."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, client: SocketStream) -> None:
        """One request, one answer or none."""
        async with client:
            try:
                request = await _read_request(client)
                if request.startswith(ORDERS):
                    self._note(request)
                    if self.fault is not None:
                        self.struck += 1
                        await self._strike(self.fault, client, request)
                        return
                await client.send(await self._forwarded(request))
            except (anyio.BrokenResourceError, anyio.EndOfStream):
                return  # a client that left

    def _note(self, request: bytes) -> None:
        body = json.loads(request.partition(b"\r\n\r\n")[2])
        self.posts += [str(iri).rpartition("/")[2] for iri in body["reservations"]]

    async def _strike(self, fault: Fault, client: SocketStream, request: bytes) -> None:
        answer = b""
        if fault.makes_orders and fault is not Fault.LATE:
            answer = await self._forwarded(request)
        head, _, body = answer.partition(b"\r\n\r\n")
        match fault:
            case Fault.RESET_BEFORE | Fault.RESET_AFTER:
                _reset(client)
            case Fault.CLOSED:
                pass
            case Fault.HALF_HEAD:
                await client.send(head[: len(head) // 2])
            case Fault.HALF_BODY:
                await client.send(head + b"\r\n\r\n" + body[: len(body) // 2])
            case Fault.SILENCE_BEFORE | Fault.SILENCE_AFTER:
                await client.receive()
            case Fault.TWICE:
                await client.send(await self._forwarded(request))
            case _:
                await client.send(_html(_STATUS[fault]))
        if fault is Fault.LATE:
            self.tasks.start_soon(self._later, request)

    async def _later(self, request: bytes) -> None:
        await anyio.sleep(LATER_SECONDS)
        await self._forwarded(request)

    async def _forwarded(self, request: bytes) -> bytes:
        """The whole answer of the API, on a connection that it closes."""
        line, _, rest = request.partition(b"\r\n")
        where = urlsplit(self.upstream)
        async with await anyio.connect_tcp(where.hostname or "", where.port or 0) as api:
            await api.send(line + b"\r\nConnection: close\r\n" + rest)
            return b"".join([part async for part in api])


async def _read_request(client: SocketStream) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += await client.receive()
    head, _, body = received.partition(b"\r\n\r\n")
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    kept = [name + b":" + value for name, _, value in lines if name.lower() != b"connection"]
    sizes = [int(value) for name, _, value in lines if name.lower() == b"content-length"]
    while len(body) < sum(sizes):
        body += await client.receive()
    return b"\r\n".join([head.split(b"\r\n")[0], *kept, b"", body])


def _reset(client: SocketStream) -> None:
    """Closing sends RST instead of FIN."""
    raw = client.extra(SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _html(status: bytes) -> bytes:
    page = b"<html><body><h1>" + status + b"</h1></body></html>"
    head = b"\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return b"HTTP/1.1 " + status + head % len(page) + page


@asynccontextmanager
async def proxied(upstream: str) -> AsyncIterator[Proxy]:
    """A proxy on a free loopback port, in this event loop, for the length of a block."""
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        proxy = Proxy(upstream, tasks, port=listener.extra(SocketAttribute.local_port))
        tasks.start_soon(listener.serve, proxy.serve)
        yield proxy
        tasks.cancel_scope.cancel()
