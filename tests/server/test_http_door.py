"""HTTP: who is let in, what is waited for, and how many stay."""

import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from korus_mcp.commands.cli import EXIT_MISCONFIGURED, main
from korus_mcp.commands.console import LINE_LIMIT, CleanFormatter
from korus_mcp.sandbox import SandboxOptions, served_sandbox
from korus_mcp.server import http_door
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Settings
from tests.fixtures.assistant import ERAS, SEED, Assistant
from tests.fixtures.hosts import (
    INITIALIZE,
    START_SECONDS,
    child_environment,
    free_port,
    listening,
    over_http,
    started,
)

pytestmark = pytest.mark.anyio
OPENING = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
PING = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
TOKEN = "canary-token-of-the-door"
LISTED = "https://chat.example.org"
"""An origin that the operator lists."""


@asynccontextmanager
async def served(
    token: str | None = None,
    most_sessions: int = 100,
    origins: Sequence[str] = (),
    host: str = "127.0.0.1",
    hosts: Sequence[str] = (),
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server behind its door, in this event loop."""
    app = http_door.door(
        build_server(Settings()),
        host,
        hosts=hosts,
        origins=origins,
        guard=None if token is None else partial(http_door.BearerOnly, token=token),
        most_sessions=most_sessions,
    )
    async with (
        over_http(app) as url,
        httpx.AsyncClient(base_url=url.removesuffix("/mcp"), timeout=60) as client,
    ):
        client.headers["Accept"] = "application/json, text/event-stream"
        yield client


async def opened(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/mcp", json=OPENING)


async def session(client: httpx.AsyncClient) -> str:
    answer = await opened(client)
    assert answer.status_code == 200
    return answer.headers["mcp-session-id"]


async def ping(client: httpx.AsyncClient, name: str) -> int:
    return (await client.post("/mcp", json=PING, headers={"mcp-session-id": name})).status_code


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# Sessions


async def test_the_session_that_is_used_least_makes_room_for_a_new_one() -> None:
    async with served(most_sessions=3) as client:
        first, second, third = [await session(client) for _ in range(3)]
        assert await ping(client, first) == 200
        fourth = await session(client)
        assert await ping(client, second) == 404
        assert [await ping(client, name) for name in (first, third, fourth)] == [200] * 3


async def test_many_clients_that_crashed_turn_nobody_away() -> None:
    async with served(most_sessions=5) as client:
        names = [await session(client) for _ in range(30)]
        alive = [name for name in names if await ping(client, name) == 200]
        assert alive == names[-5:]


async def test_sessions_with_an_open_stream_stay_and_the_next_client_is_told_so() -> None:
    async with served(most_sessions=2) as client:
        names = [await session(client) for _ in range(2)]
        first, second = ({"mcp-session-id": name} for name in names)
        async with (
            client.stream("GET", "/mcp", headers=first) as one,
            client.stream("GET", "/mcp", headers=second) as other,
        ):
            assert (one.status_code, other.status_code) == (200, 200)
            assert (await opened(client)).status_code == 503
            assert [await ping(client, name) for name in names] == [200, 200]


async def test_what_opens_no_session_ends_none() -> None:
    async with served(most_sessions=1) as client:
        name = await session(client)
        for junk in (PING, {"jsonrpc": "2.0"}):
            assert (await client.post("/mcp", json=junk)).status_code >= 400
        assert (await client.get("/mcp")).status_code >= 400
        assert await ping(client, name) == 200


async def test_a_session_its_client_ended_counts_no_more() -> None:
    async with served(most_sessions=2) as client:
        first, second = [await session(client) for _ in range(2)]
        assert (await client.delete("/mcp", headers={"mcp-session-id": second})).status_code == 200
        await session(client)
        assert await ping(client, first) == 200


async def test_idle_sessions_end_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_door, "SESSION_IDLE_SECONDS", 0.1)
    async with served() as client:
        name = await session(client)
        with anyio.fail_after(60):
            while await ping(client, name) == 200:  # noqa: ASYNC110 - the SDK tells nobody
                await anyio.sleep(0.3)
        assert await ping(client, name) == 404
        await session(client)


# Bodies


async def test_a_body_that_never_ends_is_answered_and_others_are_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_door, "BODY_SECONDS", 0.2)
    async with served() as client:
        port = client.base_url.port or 0
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            "Content-Length: 1000\r\n\r\n{"
        )
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(head.encode())
            assert await ping(client, await session(client)) == 200
            with anyio.fail_after(60):
                said = b""
                while b"\r\n\r\n" not in said:
                    said += await stream.receive()
        assert said.startswith(b"HTTP/1.1 408")


async def test_bodies_that_fill_the_memory_are_refused_and_whole_ones_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_door, "MOST_BODY_BYTES", 1500)
    async with served() as client, AsyncExitStack() as stack:
        port = client.base_url.port or 0
        head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 3000\r\n\r\n"
        half = head.encode() + b" " * 1000
        streams = [
            await stack.enter_async_context(await anyio.connect_tcp("127.0.0.1", port))
            for _ in range(2)
        ]
        await streams[0].send(half)
        name = await session(client)
        assert await ping(client, name) == 200
        await streams[1].send(half)
        with anyio.fail_after(60):
            assert (await streams[1].receive()).startswith(b"HTTP/1.1 503")
        assert await ping(client, name) == 200
        await streams[0].aclose()


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_of_more_than_the_protocol_takes_is_refused(is_announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b" " * 2**20

    content = b" " * (5 * 2**20) if is_announced else pieces()
    async with served() as client:
        json = {"Content-Type": "application/json"}
        answer = await client.post("/mcp", content=content, headers=json)
        assert answer.status_code == 413
        await session(client)


# Origins


@pytest.mark.parametrize("origin", ["http://localhost:6274", "http://127.0.0.1:5173", LISTED])
@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_browser_on_this_machine_that_asks_first_is_answered(
    origin: str, token: str | None
) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, mcp-protocol-version",
    }
    async with served(token, origins=[LISTED]) as client:
        answer = await client.options("/mcp", headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"]
        known = bearer(TOKEN) if token else {}
        used = await client.post("/mcp", json=OPENING, headers={"Origin": origin, **known})
        assert used.status_code == 200
        assert used.headers["access-control-allow-origin"] == origin
        assert "mcp-session-id" in used.headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example:80"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),
        ({"Host": "evil.example", "Origin": LISTED}, 421),
        ({"Origin": f"{LISTED}.evil.example"}, 403),
        ({"Origin": f"{LISTED}:8443"}, 403),
        ({"Origin": LISTED.replace("https:", "http:")}, 403),
        ({"Origin": f"{LISTED}:443@evil.example"}, 403),
    ],
)
async def test_a_foreign_page_learns_nothing(headers: dict[str, str], status: int) -> None:
    asked = {"Access-Control-Request-Method": "POST", **headers}
    async with served(origins=[LISTED]) as client:
        for answer in (
            await client.options("/mcp", headers=asked),
            await client.post("/mcp", json=OPENING, headers=headers),
        ):
            assert answer.status_code == status
            assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_page_of_a_listed_origin_reads_why_it_is_turned_away() -> None:
    async with served(TOKEN, origins=[LISTED]) as client:
        answer = await client.post("/mcp", json=OPENING, headers={"Origin": LISTED})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert "www-authenticate" in answer.headers["access-control-expose-headers"]


async def test_a_page_of_a_listed_origin_may_reach_this_machine_from_another_place() -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Private-Network": "true",
    }
    async with served(origins=[LISTED]) as client:
        answer = await client.options("/mcp", headers=asked | {"Origin": LISTED})
        assert answer.headers["access-control-allow-private-network"] == "true"
        foreign = await client.options("/mcp", headers=asked | {"Origin": "https://evil.example"})
        assert "access-control-allow-private-network" not in foreign.headers


# Hosts


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("mcp.example.org", 200),
        ("mcp.example.org:8443", 200),
        ("MCP.Example.org", 200),
        ("intern.example.org:9000", 200),
        ("[2001:db8::1]:9000", 200),
        ("intern.example.org", 421),
        ("intern.example.org:9001", 421),
        ("mcp.example.org.evil.example", 421),
        ("mcp.example.org:80@evil.example", 421),
        ("mcp.example.org:", 421),
        ("127.0.0.1", 421),
        ("localhost:8765", 421),
        ("", 421),
    ],
)
async def test_beyond_loopback_the_listed_names_are_answered_with_and_without_a_port(
    host: str, status: int
) -> None:
    listed = ["mcp.example.org", "intern.example.org:9000", "[2001:db8::1]"]
    async with served(host="0.0.0.0", hosts=listed) as client:
        answer = await client.post("/mcp", json=OPENING, headers={"Host": host})
        assert answer.status_code == status


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:1"])
async def test_on_loopback_a_proxy_may_leave_the_port_out(host: str) -> None:
    async with served() as client:
        assert (await client.post("/mcp", json=OPENING, headers={"Host": host})).status_code == 200


async def test_beyond_loopback_no_page_of_this_machine_may_call() -> None:
    async with served(host="0.0.0.0", hosts=["127.0.0.1"], origins=[LISTED]) as client:
        for origin, status in ((LISTED, 200), ("http://localhost:5173", 403)):
            answer = await client.post("/mcp", json=OPENING, headers={"Origin": origin})
            assert answer.status_code == status


async def test_the_log_names_what_was_refused_and_the_answer_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served() as client:
        for name, setting in (("Host", "HOSTS"), ("Origin", "ORIGINS")):
            caplog.clear()
            evil = f"evil.example\x1b[31m{'x' * 5000}".encode()
            answer = await client.post("/mcp", json=OPENING, headers=[(name.encode(), evil)])
            assert "evil" not in answer.text
            (line,) = [CleanFormatter().format(each) for each in caplog.records]
            assert f"KORUS_MCP_ALLOWED_{setting}" in line
            assert f"{name} evil.example" in line
            assert "\x1b" not in line
            assert len(line) < 2 * LINE_LIMIT


async def test_a_server_on_all_addresses_is_reached_by_its_listed_name_in_both_eras(
    tmp_path: Path,
) -> None:
    port = free_port()
    environment = child_environment(tmp_path, MCP_ALLOWED_HOSTS="mcp.example.org")
    arguments = ("serve", "--http", "--host", "0.0.0.0", "--port", str(port))
    async with started(*arguments, environment=environment):
        with anyio.fail_after(START_SECONDS):
            await listening(port)
        url = f"http://127.0.0.1:{port}/mcp"
        async with httpx.AsyncClient() as stranger:
            assert (await stranger.post(url, json=OPENING)).status_code == 421
        for mode in ERAS:
            async with (
                create_mcp_http_client(headers={"Host": "mcp.example.org"}) as known,
                Client(streamable_http_client(url, http_client=known), mode=mode) as client,
            ):
                assert (await Assistant(client).call("search_products", query="derby"))["shown"]


# The token


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}",
     "Bearer canary\u00e9"],
)  # fmt: skip
async def test_who_does_not_bring_the_token_learns_nothing(authorization: str | None) -> None:
    given = [] if authorization is None else [(b"Authorization", authorization.encode("latin-1"))]
    async with served(TOKEN) as client:
        for method, path in (
            ("POST", "/mcp"),
            ("GET", "/mcp"),
            ("DELETE", "/mcp"),
            ("GET", "/nowhere"),
        ):
            answer = await client.request(method, path, headers=given)
            assert answer.status_code == 401
            challenge = answer.headers["www-authenticate"]
            assert challenge.startswith("Bearer")
            assert ("invalid_token" in challenge) == (authorization is not None)
            assert TOKEN not in answer.text
        assert (await client.post("/mcp", json=OPENING, headers=bearer(TOKEN))).status_code == 200


async def test_two_authorizations_are_none() -> None:
    async with served(TOKEN) as client:
        twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
        assert (await client.post("/mcp", json=OPENING, headers=twice)).status_code == 401


async def test_a_server_whose_people_sign_in_answers_to_the_host_by_which_they_know_it(
    tmp_path: Path,
) -> None:
    port = free_port()
    environment = child_environment(
        tmp_path,
        AUTH_ISSUER="https://id.example.test",
        PUBLIC_URL="https://tickets.example.test:8443/mcp",
    )
    async with started("serve", "--http", "--port", str(port), environment=environment):
        with anyio.fail_after(START_SECONDS):
            await listening(port)
        statuses = {}
        async with httpx.AsyncClient() as client:
            for host in ("tickets.example.test:8443", "tickets.example.test", "evil.example.test"):
                url = f"http://127.0.0.1:{port}/mcp"
                answer = await client.post(url, json=OPENING, headers={"Host": host})
                statuses[host] = answer.status_code
    # Those who call it by its name are asked to sign in.
    assert list(statuses.values()) == [401, 401, 421]


@pytest.mark.parametrize("mode", ERAS)
async def test_outside_the_sandbox_the_token_of_the_file_opens_both_eras(
    mode: str, tmp_path: Path
) -> None:
    port = free_port()
    async with served_sandbox(SandboxOptions(seed=SEED)) as world:
        environment = {
            **child_environment(tmp_path),
            **world.environment,
            "KORUS_ENVIRONMENT": "demo",
            "XDG_DATA_HOME": str(tmp_path / "data"),
        }
        arguments = ("serve", "--http", "--port", str(port))
        async with started(*arguments, environment=environment) as child:
            with anyio.fail_after(START_SECONDS):
                await listening(port)
            (file,) = (tmp_path / "data").rglob("*.token")
            token = file.read_text()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
            url = f"http://127.0.0.1:{port}/mcp"
            async with httpx.AsyncClient() as stranger:
                assert (await stranger.post(url, json=OPENING)).status_code == 401
            async with (
                create_mcp_http_client(headers=bearer(token)) as known,
                Client(streamable_http_client(url, http_client=known), mode=mode) as client,
            ):
                assert (await Assistant(client).call("search_products", query="derby"))["shown"]
            child.terminate()
            with anyio.fail_after(60):
                assert await child.wait() == 0
            assert child.stderr is not None
            said = b"".join([part async for part in child.stderr]).decode()
    assert token not in said, "what is said may be kept in a log"
    assert str(file) in said
    assert not file.exists()


def test_without_a_place_for_the_token_nothing_is_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    for name, value in {
        "KORUS_ENVIRONMENT": "demo",
        "KORUS_API_URL": "http://127.0.0.1:9",
        "KORUS_TOKEN_URL": "http://127.0.0.1:9/token",
        "KORUS_CLIENT_ID": "shop",
        "KORUS_CLIENT_SECRET": "canary-secret",
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["serve", "--http", "--port", str(free_port())]) == EXIT_MISCONFIGURED
    assert "bearer token" in capsys.readouterr().err


def test_a_token_file_is_written_anew_not_through_a_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "korus-mcp").mkdir()
    (tmp_path / "korus-mcp" / "http-1.token").symlink_to(victim)
    token, file = http_door.write_token(1)
    assert victim.read_text() == "untouched"
    assert (file.is_symlink(), file.read_text()) == (False, token)
    again, _ = http_door.write_token(1)
    http_door.remove_token(token, file)
    assert file.read_text() == again != token
