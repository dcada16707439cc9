"""The page on which a person says yes, with a real provider: oidc-provider from npm."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from korus_mcp.foundation.handles import alias_of
from tests.fixtures.assistant import CUSTOMER, Assistant
from tests.fixtures.hosts import child_environment, free_port, listening, started
from tests.fixtures.visitor import Visitor, asked_at
from tests.oauth import run
from tests.oauth.programs import NotInstalled

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def asking(here: run.Bench, folder: Path) -> AsyncIterator[str]:
    """The origin of a server that asks people on a page; they know it by the address of `here`."""
    asked = {
        "client_name": "korus-mcp",
        "redirect_uris": [f"{here.url}/approve/signed-in"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid",
    }
    client = (await here.http.post(f"{here.issuer}/reg", json=asked)).json()
    environment = {
        **child_environment(folder, APPROVAL="human", ANSWER_SECONDS="3"),
        **here.served.environment,
        "KORUS_CATALOGS": alias_of(here.served.sandbox.landmarks["park_catalog"]),
        "KORUS_AUTH_ISSUER": here.issuer,
        "KORUS_PUBLIC_URL": here.url,
        "KORUS_AUTH_CLIENT_ID": client["client_id"],
        "KORUS_AUTH_CLIENT_SECRET": client["client_secret"],
    }
    port = free_port()
    arguments = ("serve", "--http", "--port", str(port))
    async with started(*arguments, environment=environment):
        with anyio.fail_after(60):
            await listening(port)
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def assistant(here: run.Bench, origin: str, person: str) -> AsyncIterator[Assistant]:
    bearer = {"Authorization": f"Bearer {await here.token(person)}"}
    async with create_mcp_http_client(headers=bearer) as known:
        way = streamable_http_client(f"{origin}/mcp", http_client=known)
        async with Client(way) as client:
            yield Assistant(client)


async def test_a_person_signs_in_at_a_real_provider_and_says_yes_and_nobody_else_can(
    tmp_path: Path,
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    found = run.Findings()
    try:
        run.install(tmp_path, [], found)
    except NotInstalled as why:
        pytest.skip(str(why))
    async with (
        run.bench(tmp_path, [], found) as here,
        asking(here, tmp_path / "page") as origin,
        assistant(here, origin, "ada") as ada,
    ):
        items = [{"offer_id": here.offer_id, "quantity": 2}]
        held = await ada.call("reserve", items=items)
        ids = [held["reservations"][0]["reservation_id"]]
        wish = {"reservation_ids": ids, "customer": CUSTOMER}
        asked = await ada.call("place_order", **wish)
        assert asked["state"] == "approval_needed"
        address, public = asked_at(asked["next"]), here.url.removesuffix("/mcp")
        eve, own = (Visitor(public, origin, person) for person in ("eve", "ada"))
        theirs = await eve.open(address)
        assert theirs.status_code == 404
        assert "Lovelace" not in theirs.text
        assert "Ada Lovelace" in (await own.open(address)).text
        await own.press(address)
        assert "You said yes" in (await own.ask(address)).text
        made = await ada.call("place_order", **wish)
        assert made["state"] == "ordered"
    assert here.sent("createOrders") == 1
