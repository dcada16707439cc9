import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.abc
import httpx
import pytest
import respx

from korus_mcp.api import (
    ApiError,
    Crowded,
    CustomerInput,
    Disconnected,
    KorusApi,
    Malformed,
    OrderRequest,
    Outcome,
    Redirected,
    TimedOut,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from korus_mcp.api.jsonld import RESERVATION
from korus_mcp.foundation.clock import ManualClock
from tests.api.wire import API, TOKEN, Net, RawAnswer, config, token_body

PATH = "/v1/booking/orders/o1"
BULK = "/v1/booking/orders/_bulk"
ORDER = OrderRequest((RESERVATION.iri("r1"),), CustomerInput("a", "b", "c@example.test"), "ref")
GOOD = json.dumps({"id": "o1"}).encode()
MIB = 1024 * 1024

pytestmark = pytest.mark.anyio


async def read(result: Any) -> ApiError | str:
    net = Net(retry_attempts=1)
    net.get(PATH, result)
    try:
        return (await net.api.booking.get_order("o1")).id
    except ApiError as error:
        return error


@pytest.mark.parametrize(
    "answer",
    [
        RawAnswer(GOOD),
        RawAnswer(GOOD, content_encoding="identity"),
        RawAnswer(gzip.compress(GOOD), content_encoding="gzip"),
        RawAnswer(gzip.compress(GOOD), content_encoding="X-GZIP "),
        RawAnswer(*(bytes([each]) for each in gzip.compress(GOOD)), content_encoding="gzip"),
        RawAnswer(gzip.compress(GOOD) + b"trailing", b"more", content_encoding="gzip"),
        RawAnswer(gzip.compress(GOOD), content_encoding="gzip, gzip"),
        RawAnswer(gzip.compress(GOOD)),
        RawAnswer(b"", gzip.compress(GOOD)[:1], gzip.compress(GOOD)[1:], content_encoding="br"),
        RawAnswer(GOOD, content_encoding="br"),
        RawAnswer(GOOD, content_encoding="gzip"),
        RawAnswer(GOOD, content_encoding="utf-8"),
        RawAnswer(*(bytes([each]) for each in GOOD), content_encoding="none"),
        RawAnswer(GOOD, content_type="text/html"),
        RawAnswer(GOOD, content_type="application/json; charset=klingon;;;"),
        RawAnswer(GOOD, content_type=""),
        RawAnswer(GOOD, content_length="soon"),
        RawAnswer(GOOD, content_length="9" * 5000),
        RawAnswer(GOOD, date="Fri, 31 Dec 9999 23:59:59 -2359", age="x", expires="0"),
        RawAnswer(GOOD, date="Mon, 01 Jan 0001 00:00:00 +2359" * 99),
        RawAnswer(GOOD, status=206),
        httpx.Response(200, content=gzip.compress(GOOD), headers={"content-encoding": "gzip"}),
    ],
)
async def test_a_body_is_read_however_it_is_packed(answer: Any) -> None:
    if isinstance(answer, httpx.Response):
        answer = RawAnswer(gzip.compress(GOOD), content_encoding="gzip")
    assert await read(answer) == "o1"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (RawAnswer(b"not gzip", content_encoding="gzip"), "not JSON"),
        (RawAnswer(b"\x1f\x8bnot gzip", content_encoding="gzip"), "broken encoding"),
        (RawAnswer(gzip.compress(GOOD)[:-4], content_encoding="gzip"), "broken encoding"),
        (RawAnswer(b"", content_encoding="gzip"), "not JSON"),
        (RawAnswer(b"\x0b\x05\x80{}\x03", content_encoding="br"), "not JSON"),
        (RawAnswer(gzip.compress(gzip.compress(GOOD))), "not JSON"),
        (RawAnswer(b""), "not JSON"),
        (RawAnswer(status=204), "not JSON"),
        (RawAnswer(b"<html>"), "not JSON"),
        (RawAnswer(GOOD[:-1]), "not JSON"),
        (RawAnswer(b"[]"), "not an object"),
        (RawAnswer(b"{}"), "not a Order"),
    ],
)
async def test_a_body_that_cannot_be_read_says_why(answer: RawAnswer, reason: str) -> None:
    error = await read(answer)
    assert isinstance(error, Malformed)
    assert error.reason == reason


@pytest.mark.parametrize(
    "answer",
    [
        RawAnswer(b"x" * (10 * MIB)),
        RawAnswer(GOOD, content_length=str(5 * MIB + 1)),
        RawAnswer(gzip.compress(b" " * (6 * MIB)), content_encoding="gzip"),
    ],
)
async def test_a_body_beyond_the_limit_is_dropped(answer: RawAnswer) -> None:
    assert isinstance(await read(answer), TooLarge)


async def test_reading_stops_at_the_limit() -> None:
    answer = RawAnswer(*[b" " * MIB] * 100)
    assert isinstance(await read(answer), TooLarge)
    assert answer.taken == 6


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert await read(RawAnswer(GOOD.ljust(5 * MIB))) == "o1"


def bomb(size: int) -> list[bytes]:
    """A gzip stream of so many blanks, in pieces of 64 KiB."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = b"".join(pack.compress(b" " * MIB) for _ in range(size // MIB)) + pack.flush()
    return [packed[at : at + 65536] for at in range(0, len(packed), 65536)]


async def test_a_gzip_bomb_is_held_to_the_limit() -> None:
    pieces = bomb(256 * MIB)
    answer = RawAnswer(*pieces, content_encoding="gzip")
    net = Net()
    net.get(PATH, answer)
    await net.api.token()
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            await net.api.booking.get_order("o1")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * MIB, "the limit, doubled while the buffer grows, and no more"


@pytest.mark.parametrize(
    "answer",
    [
        RawAnswer(*[b"x" * MIB] * 50, status=401),
        RawAnswer(*bomb(64 * MIB), status=401, content_encoding="gzip"),
        RawAnswer(b"not gzip", status=401, content_encoding="gzip"),
        RawAnswer(status=401),
        RawAnswer(b"x", status=401, content_length=str(99 * MIB)),
    ],
)
async def test_the_status_of_an_error_counts_whatever_its_body(answer: RawAnswer) -> None:
    error = await read(answer)
    assert isinstance(error, Unauthorized)
    assert answer.taken <= 2 * 2


async def test_an_error_body_that_never_ends_does_not_hide_the_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("korus_mcp.api.bodies.ERROR_BODY_SECONDS", 0.01)

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await anyio.sleep_forever()

    def handler(request: httpx.Request) -> httpx.Response:
        if str(request.url) == TOKEN:
            return httpx.Response(200, json=token_body())
        return httpx.Response(401, stream=Endless())

    api = KorusApi(config(), transport=httpx.MockTransport(handler))
    with pytest.raises(Unauthorized), anyio.fail_after(60):
        await api.booking.create_orders(ORDER)


async def test_redirects_are_never_followed() -> None:
    error = await read(httpx.Response(307, headers={"location": "https://evil.example/"}))
    assert isinstance(error, Redirected)
    assert "evil" not in str(error)


class Hanging(httpx.AsyncBaseTransport):
    """Gives tokens, and never answers anything else."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) != TOKEN:
            await anyio.sleep_forever()
        return httpx.Response(200, json=token_body())


async def test_a_post_ends_within_its_total_time() -> None:
    api = KorusApi(config(creation_timeout=0.01), transport=Hanging())
    with pytest.raises(TimedOut) as failed, anyio.fail_after(60):
        await api.booking.create_orders(ORDER)
    assert failed.value.outcome is Outcome.UNKNOWN


async def test_a_post_that_finds_no_place_in_time_was_not_sent() -> None:
    api = KorusApi(config(parallel_orders=1, queue_timeout=0.01), transport=Hanging())
    async with anyio.create_task_group() as group:
        group.start_soon(api.booking.create_orders, ORDER)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(Crowded) as failed, anyio.fail_after(60):
            await api.booking.create_orders(ORDER)
        group.cancel_scope.cancel()
    assert failed.value.outcome is Outcome.NOT_SENT


async def test_reads_are_bounded_in_number() -> None:
    running, let = 0, anyio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal running
        if str(request.url) == TOKEN:
            return httpx.Response(200, json=token_body())
        running += 1
        await let.wait()
        running -= 1
        return httpx.Response(200, content=GOOD)

    api = KorusApi(config(parallel=3), transport=httpx.MockTransport(handler))
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(api.booking.get_order, "o1")
        await anyio.wait_all_tasks_blocked()
        assert running == 3
        let.set()
    assert running == 0


async def test_without_an_injected_transport_each_lane_has_its_own(respx_mock: Any) -> None:
    respx_mock.post(TOKEN).respond(json=token_body())
    respx_mock.get(API + PATH).respond(content=GOOD)
    respx_mock.post(API + BULK).respond(json={"orders": []})
    async with KorusApi(config(), clock=ManualClock()) as api:
        assert (await api.booking.get_order("o1")).id == "o1"
        await api.booking.create_orders(ORDER)
        lanes = api._pools
        transports = {id(lane.transport) for lane in (lanes.reads, lanes.tokens, lanes.creations)}
        assert len(transports) == 3
        assert lanes.creations.timeout.read == 75
        assert lanes.creations.timeout.connect == 5
    assert "reads" not in vars(lanes)


@pytest.fixture
def respx_mock() -> Any:
    with respx.mock(assert_all_called=False) as router:
        yield router


Conversation = Callable[[anyio.abc.SocketStream, bytes], Awaitable[None]]


@asynccontextmanager
async def served(conversation: Conversation) -> AsyncIterator[KorusApi]:
    """A client of a real server on loopback: it gives a token, then converses."""

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                head += await stream.receive()
            if b"POST /token" in head:
                await say(stream, json.dumps(token_body()).encode())
            else:
                await conversation(stream, head)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    origin = f"http://127.0.0.1:{port}"
    settings = config(api_url=origin, token_url=f"{origin}/token", read_timeout=0.2, read_total=3.0)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        async with KorusApi(settings, clock=ManualClock()) as api:
            with anyio.fail_after(60):
                yield api
        group.cancel_scope.cancel()


async def say(stream: anyio.abc.SocketStream, body: bytes, length: int | None = None) -> None:
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length or len(body)}\r\n\r\n"
    await stream.send(head.encode() + body)


async def hang_up(stream: anyio.abc.SocketStream, head: bytes) -> None:
    """Close without a word."""


async def cut_short(stream: anyio.abc.SocketStream, head: bytes) -> None:
    await say(stream, b'{"orders": [', length=500)


async def continue_and_hang_up(stream: anyio.abc.SocketStream, head: bytes) -> None:
    await stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")


async def reset(stream: anyio.abc.SocketStream, head: bytes) -> None:
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
    raw.setsockopt(1, 13, linger)


async def garbage(stream: anyio.abc.SocketStream, head: bytes) -> None:
    await stream.send(b"this is no HTTP\r\n\r\n")


@pytest.mark.parametrize("fault", [hang_up, cut_short, continue_and_hang_up, reset, garbage])
async def test_a_broken_connection_leaves_a_booking_in_doubt(fault: Conversation) -> None:
    posts = 0

    async def converse(stream: anyio.abc.SocketStream, head: bytes) -> None:
        nonlocal posts
        posts += 1
        await fault(stream, head)

    async with served(converse) as api:
        with pytest.raises(Disconnected) as failed:
            await api.booking.create_orders(ORDER)
    assert failed.value.outcome is Outcome.UNKNOWN
    assert posts == 1


async def test_a_broken_connection_is_tried_again_for_a_read() -> None:
    faults = [hang_up, cut_short]

    async def converse(stream: anyio.abc.SocketStream, head: bytes) -> None:
        if faults:
            await faults.pop(0)(stream, head)
        else:
            await say(stream, GOOD)

    async with served(converse) as api:
        assert (await api.booking.get_order("o1")).id == "o1"


async def test_silence_is_a_timeout() -> None:
    async def converse(stream: anyio.abc.SocketStream, head: bytes) -> None:
        await anyio.sleep_forever()

    async with served(converse) as api:
        with pytest.raises(TimedOut) as failed:
            await api._wire.change("setTicketBeneficiary", PATH, {})
    assert failed.value.outcome is Outcome.UNKNOWN


async def test_each_creating_post_has_a_fresh_connection() -> None:
    ports = []

    async def converse(stream: anyio.abc.SocketStream, head: bytes) -> None:
        ports.append(stream.extra(anyio.abc.SocketAttribute.remote_port))
        body = b'{"orders": []}'
        head_out = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        await stream.send(head_out + body)
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()

    async with served(converse) as api:
        for _ in range(3):
            await api.booking.create_orders(ORDER)
    assert len(set(ports)) == 3


async def test_a_closed_port_means_nothing_was_sent() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    await listener.aclose()
    net = Net()
    token = await net.api.token()
    async with KorusApi(config(api_url=f"http://127.0.0.1:{port}"), clock=net.clock) as api:
        api._tokens._token = token
        with pytest.raises(Unreachable) as failed:
            await api._wire.create("createOrders", BULK, {})
    assert failed.value.outcome is Outcome.NOT_SENT
