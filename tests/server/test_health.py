"""Probes of a server: whether it lives, and whether requests may be sent to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
import pytest

from korus_mcp.api import ApiError
from korus_mcp.foundation.lanes import Call, on_behalf_of
from korus_mcp.sandbox import Answer, Sandbox, SandboxOptions, served_sandbox
from korus_mcp.server import health, http_door
from korus_mcp.server.composition import KorusServer, build_server
from korus_mcp.server.health import Health
from korus_mcp.settings import read_settings
from tests.fixtures.assistant import SEED
from tests.fixtures.hosts import child_environment, over_http

pytestmark = pytest.mark.anyio
TOKEN = "canary-token-of-the-door"


@dataclass
class Probed:
    """A server with its token at the door, and who asks without it."""

    client: httpx.AsyncClient
    server: KorusServer
    sandbox: Sandbox

    async def status(self, path: str) -> int:
        """What a probe is answered."""
        return (await self.client.get(path)).status_code

    @property
    def tokens(self) -> int:
        """How many tokens were asked for."""
        return sum(each.operation == "getToken" for each in self.sandbox.requests)


@asynccontextmanager
async def probed(folder: Path, **given: str) -> AsyncIterator[Probed]:
    async with served_sandbox(SandboxOptions(seed=SEED)) as world:
        server = build_server(
            read_settings({**child_environment(folder, **given), **world.environment})
        )
        door = http_door.door(
            server, "127.0.0.1", guard=lambda app: http_door.BearerOnly(app, TOKEN)
        )
        async with (
            over_http(Health(door, server.running)) as url,
            httpx.AsyncClient(base_url=url.removesuffix("/mcp"), timeout=60) as client,
        ):
            yield Probed(client, server, world.sandbox)


async def test_probes_are_answered_by_any_name_without_a_token_and_tell_nothing(
    tmp_path: Path,
) -> None:
    async with probed(tmp_path) as server:
        for path, said in (("/healthz", "ok\n"), ("/readyz", "ok\n")):
            answer = await server.client.get(path, headers={"Host": "10.0.0.7:8765"})
            assert (answer.status_code, answer.text) == (200, said)
            assert answer.headers["cache-control"] == "no-store"
            assert (await server.client.head(path)).status_code == 200
            assert (await server.client.post(path)).status_code == 401
        assert await server.status("/readyz/x") == 401


async def test_a_thousand_probes_cost_one_token(tmp_path: Path) -> None:
    async with probed(tmp_path) as server:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(_probe_often, server)
        assert server.tokens == 1


async def _probe_often(server: Probed) -> None:
    for _ in range(100):
        assert await server.status("/readyz") == 200
        assert await server.status("/healthz") == 200


async def test_a_server_without_a_token_is_not_ready_and_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with probed(tmp_path) as server:
        server.sandbox.faults.add(Answer(status=503), "getToken")
        for _ in range(20):
            assert await server.status("/readyz") == 503
        assert server.tokens == 1
        assert await server.status("/healthz") == 200
        assert [r.message for r in caplog.records if "not ready" in r.message] == [
            "not ready: no token can be had (TokenUnavailable)"
        ]
        monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
        server.sandbox.faults.clear()
        with anyio.fail_after(60):
            while await server.status("/readyz") != 200:  # noqa: ASYNC110 - a failure is remembered
                await anyio.sleep(0.1)


async def test_a_server_whose_journal_cannot_be_written_is_not_ready(tmp_path: Path) -> None:
    broken = tmp_path / "no-folder" / "journal.db"
    broken.parent.write_text("a file where a folder should be")
    async with probed(tmp_path, DATABASE_URL=f"sqlite:///{broken}") as server:
        assert await server.status("/readyz") == 503


async def test_a_server_that_only_browses_needs_no_journal(tmp_path: Path) -> None:
    broken = tmp_path / "no-folder" / "journal.db"
    broken.parent.write_text("a file where a folder should be")
    given = {"DATABASE_URL": f"sqlite:///{broken}", "PROFILE": "browse"}
    async with probed(tmp_path, **given) as server:
        assert await server.status("/readyz") == 200


async def test_a_server_whose_api_keeps_silent_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    async with probed(tmp_path) as server:
        assert await server.status("/readyz") == 200
        server.sandbox.faults.add(Answer(status=503), "getOrder", times=None)
        api = server.server.running.app.api
        for _ in range(2):
            with pytest.raises(ApiError), on_behalf_of(Call("somebody")):
                await api.booking.get_order("o1")
        assert await server.status("/readyz") == 503
        assert await server.status("/healthz") == 200
    assert "not ready: KorusTicket does not answer" in caplog.messages


async def test_a_server_that_stops_is_not_ready_at_once(tmp_path: Path) -> None:
    async with probed(tmp_path) as server:
        assert await server.status("/readyz") == 200
        server.server.running.is_leaving = True
        assert await server.status("/readyz") == 503
        assert await server.status("/healthz") == 200
