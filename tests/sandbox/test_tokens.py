"""The token endpoint and what a call without a good token gets (T30, T33)."""

import httpx
import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.sandbox.operations import TOKEN_PATH
from tests.sandbox.caller import CATALOGS, ORDERS, RESERVATIONS, Caller, calling

pytestmark = pytest.mark.anyio


async def test_a_token_lasts_1800_seconds(caller: Caller) -> None:
    token = await caller.log_in()
    assert (token["expires_in"], token["refresh_expires_in"]) == (1800, 1800)
    assert token["token_type"] == "Bearer"
    caller.sandbox.clock.advance(1799)
    assert (await caller.get(CATALOGS)).status_code == 200
    caller.sandbox.clock.advance(1)
    assert (await caller.get(CATALOGS)).status_code == 401


async def test_tokens_can_be_made_shorter_lived() -> None:
    short = Sandbox(SandboxOptions(token_lifetime_seconds=30), clock=ManualClock())
    async with calling(short) as caller:
        short.clock.advance(30)
        assert (await caller.get(CATALOGS)).status_code == 401


async def test_t33_a_refresh_token_works_once_and_may_be_absent(caller: Caller) -> None:
    token = await caller.log_in()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token["refresh_token"],
        "client_id": caller.sandbox.client_id,
        "client_secret": caller.sandbox.client_secret,
    }
    assert (await caller.token(form)).status_code == 200
    again = await caller.token(form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    without = Sandbox(SandboxOptions(refresh_token=False), clock=ManualClock())
    async with calling(without) as other:
        token = await other.log_in()
        assert "refresh_token" not in token
        assert token["refresh_expires_in"] == 0


async def test_wrong_credentials_and_malformed_grants_are_told_apart(caller: Caller) -> None:
    good = {
        "client_id": caller.sandbox.client_id,
        "client_secret": caller.sandbox.client_secret,
    }
    wrong = {**good, "client_secret": "guess", "grant_type": "client_credentials"}
    assert (await caller.token(wrong)).status_code == 401
    assert (await caller.token({"grant_type": "client_credentials"})).status_code == 401
    assert (await caller.token({**good, "grant_type": "password"})).status_code == 400
    assert (await caller.token(good)).status_code == 400
    answer = await caller.client.post(TOKEN_PATH, json=good)
    assert answer.status_code == 400


@pytest.mark.parametrize("value", [None, "Bearer nonsense", "Basic eA==", "Bearer"])
async def test_t30_a_call_without_a_good_token_gets_an_empty_401(
    sandbox: Sandbox, value: str | None
) -> None:
    transport = httpx.ASGITransport(app=sandbox.app)
    headers = {"Authorization": value} if value else {}
    async with httpx.AsyncClient(
        transport=transport, base_url="https://sandbox.invalid", headers=headers
    ) as client:
        for path in (CATALOGS, ORDERS, RESERVATIONS):
            answer = await client.get(path)
            assert (answer.status_code, answer.content) == (401, b"")


async def test_t30_errors_are_problems_without_empty_keys(caller: Caller) -> None:
    answer = await caller.get(f"{ORDERS}/unknown")
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert None not in answer.json().values()
    assert "instance" not in answer.json()


async def test_every_answer_carries_the_date_of_the_sandbox_clock(caller: Caller) -> None:
    assert (await caller.get(CATALOGS)).headers["date"] == "Mon, 01 Jun 2026 09:00:00 GMT"
    caller.sandbox.clock.advance(3600)
    unauthorised = await caller.get(CATALOGS)
    assert unauthorised.headers.get_list("date") == ["Mon, 01 Jun 2026 10:00:00 GMT"]
