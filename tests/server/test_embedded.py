"""The embedded sandbox costs a start nothing, and no connection leaves the process."""

import httpx
import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.server.composition import api_config, open_api
from korus_mcp.server.embedded import CLIENT_ID, TOKEN_URL, EmbeddedSandbox
from korus_mcp.settings import SANDBOX_API, Environment, Settings

pytestmark = pytest.mark.anyio


def token_request(secret: str) -> httpx.Request:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": secret,
    }
    return httpx.Request("POST", TOKEN_URL, data=form)


def world_of(transport: EmbeddedSandbox) -> object:
    return transport._asgi


async def test_nothing_is_built_before_the_first_request() -> None:
    transport = EmbeddedSandbox(Settings(sandbox_seed=7))
    assert world_of(transport) is None
    answer = await transport.handle_async_request(token_request(transport.client_secret))
    assert answer.status_code == 200
    world = world_of(transport)
    assert world is not None
    await transport.handle_async_request(token_request(transport.client_secret))
    assert world_of(transport) is world, "made once"


async def test_each_process_has_a_secret_of_its_own() -> None:
    one, other = EmbeddedSandbox(Settings()), EmbeddedSandbox(Settings())
    assert one.client_secret != other.client_secret
    answer = await one.handle_async_request(token_request(other.client_secret))
    assert answer.status_code in (400, 401)


async def test_a_given_sandbox_is_served_with_its_own_account() -> None:
    sandbox = Sandbox(SandboxOptions(seed=7), clock=ManualClock())
    async with open_api(Settings(), clock=sandbox.clock, sandbox=sandbox) as api:
        catalogs = await api.ticketing.list_catalogs().all()
    assert len(catalogs) == 5
    assert sandbox.requests


async def test_the_api_of_default_settings_is_the_embedded_one() -> None:
    async with open_api(Settings(sandbox_seed=7, sandbox_bases=60)) as api:
        bases = [c async for c in api.ticketing.list_catalogs()]
        assert api.config.api_url == SANDBOX_API
    assert len(bases) > 5, "with generated issuers"


async def test_a_real_account_is_reached_as_the_settings_say() -> None:
    settings = Settings(
        environment=Environment.DEMO,
        embedded=False,
        api_url="https://api.example.test",
        token_url="https://auth.example.test/token",
        client_id="shop",
        client_secret="canary",
        document_hosts=frozenset({"files.example.test"}),
        language="en",
    )
    config = api_config(settings)
    assert (config.api_url, config.token_url) == (settings.api_url, settings.token_url)
    assert (config.client_id, config.client_secret) == ("shop", "canary")
    assert config.document_hosts == {"files.example.test"}
    assert config.language == "en"
    async with open_api(settings) as api:
        assert api.config == config
