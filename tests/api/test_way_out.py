"""The way to the API: whose certificates count, and through which proxy."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import pytest
import trustme
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener, TLSStream

from korus_mcp.api import (
    CertificateFault,
    CustomerInput,
    KorusApi,
    OrderRequest,
    Outcome,
    ProxyFault,
    TokenUnavailable,
    Unreachable,
)
from korus_mcp.api.failures import from_network
from korus_mcp.api.transport import _is_excepted
from tests.api.wire import config

pytestmark = pytest.mark.anyio
ANSWER = b'{"access_token": "canary-token", "expires_in": 1800}'
ORDER = OrderRequest(
    ("/v1/booking/reservations/r1",), CustomerInput("Ada", "Martin", "ada@example.test"), "ref"
)


@pytest.fixture(scope="module", name="authority")
def an_authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(name="ca_file")
def a_file_of_certificates(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


async def head_of(stream: ByteStream) -> bytes:
    """A request up to its empty line."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += await stream.receive()
    return head


async def answer(stream: ByteStream) -> None:
    """One answer for whatever is asked."""
    async with stream:
        await head_of(stream)
        await stream.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)
        )


@asynccontextmanager
async def secure_server(
    authority: trustme.CA, *hosts: str, not_after: datetime | None = None
) -> AsyncIterator[int]:
    """A server with TLS on loopback; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts, not_after=not_after).configure_cert(context)
    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port: int = tcp.listeners[0].extra(SocketAttribute.local_port)
    listener = TLSListener(tcp, context, standard_compatible=False)

    async def serve() -> None:
        await listener.serve(_tolerant)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        yield port
        tasks.cancel_scope.cancel()


async def _tolerant(stream: TLSStream) -> None:
    try:
        await answer(stream)
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        await anyio.aclose_forcefully(stream)


@dataclass
class Proxy:
    """Opens tunnels to one port, whatever host is named, or refuses; keeps what it was told."""

    to: int = 0
    refusing: bool = False
    heads: list[bytes] = field(default_factory=list)
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        self.port = listener.listeners[0].extra(SocketAttribute.local_port)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()

    async def _serve(self, stream: ByteStream) -> None:
        async with stream:
            self.heads.append(await head_of(stream))
            if self.refusing:
                await stream.send(b"HTTP/1.1 407 canary\r\ncontent-length: 0\r\n\r\n")
                return
            await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
            async with (
                await anyio.connect_tcp("127.0.0.1", self.to) as inner,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(_pump, stream, inner)
                await _pump(inner, stream)
                tasks.cancel_scope.cancel()


async def _pump(source: ByteStream, sink: ByteStream) -> None:
    try:
        async for chunk in source:
            await sink.send(chunk)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


def near(port: int) -> dict[str, str]:
    return {"api_url": f"https://localhost:{port}", "token_url": f"https://localhost:{port}/token"}


async def test_an_authority_of_one_s_own_is_trusted_where_it_is_named(
    authority: trustme.CA, ca_file: str
) -> None:
    async with (
        secure_server(authority, "localhost") as port,
        KorusApi(config(**near(port), ca_file=ca_file)) as api,
    ):
        await api.token()


@pytest.mark.parametrize(
    ("hosts", "not_after", "trusted", "fault"),
    [
        (("localhost",), None, False, CertificateFault.UNTRUSTED),
        (("other.example.test",), None, True, CertificateFault.OTHER_HOST),
        (("localhost",), datetime(2020, 1, 1, tzinfo=UTC), True, CertificateFault.OUT_OF_DATE),
    ],
    ids=["unknown authority", "other host", "out of date"],
)
async def test_a_certificate_that_is_not_believed_is_named_by_its_kind(
    authority: trustme.CA,
    ca_file: str,
    hosts: tuple[str, ...],
    not_after: datetime | None,
    trusted: bool,
    fault: CertificateFault,
) -> None:
    async with secure_server(authority, *hosts, not_after=not_after) as port:
        found = config(**near(port), ca_file=ca_file if trusted else None)
        async with KorusApi(found) as api:
            with pytest.raises(TokenUnavailable) as failed:
                await api.token()
            assert failed.value.reason is fault
            with pytest.raises(TokenUnavailable) as unsent:
                await api.booking.create_orders(ORDER)
            assert unsent.value.outcome is Outcome.NOT_SENT


async def test_a_folder_of_authorities_replaces_those_of_the_system(
    authority: trustme.CA, tmp_path: Path
) -> None:
    async with (
        secure_server(authority, "localhost") as port,
        KorusApi(config(**near(port), ca_folder=str(tmp_path))) as api,
    ):
        with pytest.raises(TokenUnavailable) as failed:
            await api.token()
        assert failed.value.reason is CertificateFault.UNTRUSTED


async def test_the_api_is_reached_through_the_proxy_with_its_name_and_password(
    authority: trustme.CA, ca_file: str
) -> None:
    async with (
        secure_server(authority, "auth.example.test") as port,
        Proxy(to=port).running() as proxy,
        KorusApi(config(proxy=f"http://me:p%40ss@127.0.0.1:{proxy.port}", ca_file=ca_file)) as api,
    ):
        await api.token()
    (head,) = proxy.heads
    assert head.startswith(b"CONNECT auth.example.test:443 ")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:p@ss") in head


async def test_this_machine_and_what_is_excepted_are_reached_without_the_proxy(
    authority: trustme.CA, ca_file: str
) -> None:
    async with (
        secure_server(authority, "localhost") as port,
        Proxy(refusing=True).running() as proxy,
        KorusApi(
            config(**near(port), proxy=f"http://127.0.0.1:{proxy.port}", ca_file=ca_file)
        ) as api,
    ):
        await api.token()
    assert proxy.heads == []


@pytest.mark.parametrize(
    ("host", "no_proxy", "is_excepted"),
    [
        ("api.example.test", "", False),
        ("api.example.test", "example.test", True),
        ("api.example.test", "other.test, .Example.Test", True),
        ("api.example.test", "api.example.test", True),
        ("api.example.test", "pi.example.test", False),
        ("api.example.test", "*", True),
    ],
)
async def test_exceptions_are_names_with_all_below_them(
    host: str, no_proxy: str, is_excepted: bool
) -> None:
    assert _is_excepted(host, no_proxy) is is_excepted


async def test_a_proxy_that_refuses_is_named_and_nothing_counts_as_sent() -> None:
    async with (
        Proxy(refusing=True).running() as proxy,
        KorusApi(config(proxy=f"http://me:canary@127.0.0.1:{proxy.port}")) as api,
    ):
        with pytest.raises(TokenUnavailable) as failed:
            await api.token()
        assert failed.value.reason is ProxyFault.SIGN_IN
        api._tokens.authorization = _token  # type: ignore[method-assign]
        with pytest.raises(Unreachable) as unsent:
            await api.booking.create_orders(ORDER)
        assert unsent.value.outcome is Outcome.NOT_SENT
        assert "canary" not in f"{unsent.value!r} {failed.value!r} {api.config!r}"


async def _token(*, life_seconds: float) -> tuple[str, int]:
    del life_seconds
    return "Bearer t", 1


async def test_a_failure_that_is_its_own_cause_is_read_to_an_end() -> None:
    one, two = httpx.ConnectError("one"), OSError("two")
    one.__context__, two.__context__ = two, one
    assert from_network("getOrder", "GET", one).reason is None
