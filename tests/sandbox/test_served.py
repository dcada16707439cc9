"""The sandbox behind real sockets: two ports, its own Date, cut connections, control."""

import os
import signal
import sys
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import anyio
import httpx
import pytest

from korus_mcp.sandbox import (
    Delay,
    DropAfter,
    DropBefore,
    SandboxOptions,
    ServedSandbox,
    serve,
    served_sandbox,
)
from tests.sandbox.caller import CATALOGS, MERGE_PATCH, ORDERS, Caller

pytestmark = pytest.mark.anyio

PROGRAM = """
import anyio
from korus_mcp.sandbox import SandboxOptions, serve

async def main():
    await serve(
        SandboxOptions(), port=0, control=False,
        on_ready=lambda served: print(served.api_url, flush=True),
    )

anyio.run(main)
print("ended by itself", flush=True)
"""


async def caller_of(served: ServedSandbox, client: httpx.AsyncClient) -> Caller:
    """A caller that knows only what the environment says."""
    client.base_url = httpx.URL(served.environment["KORUS_API_URL"])
    caller = Caller(served.sandbox, client)
    form = {
        "grant_type": "client_credentials",
        "client_id": served.environment["KORUS_CLIENT_ID"],
        "client_secret": served.environment["KORUS_CLIENT_SECRET"],
    }
    answer = await client.post(served.environment["KORUS_TOKEN_URL"], data=form)
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return caller


async def test_the_environment_leads_through_a_whole_booking_on_two_ports() -> None:
    async with served_sandbox() as served, httpx.AsyncClient() as client:
        caller = await caller_of(served, client)
        order = await caller.booked("park_offer")
        document = (await caller.members(f"{order['@id']}/documents"))[0]
        answer = await client.patch(document["@id"], json={}, headers=MERGE_PATCH)
        address = answer.json()["temporaryUrl"]
        assert urlsplit(address).netloc == served.environment["KORUS_DOCUMENT_HOSTS"]
        assert urlsplit(address).netloc != urlsplit(served.api_url).netloc
        assert (await client.get(address)).status_code == 400
        async with httpx.AsyncClient() as stranger:
            assert (await stranger.get(address)).content.startswith(b"%PDF-")
        assert served.environment["KORUS_ENVIRONMENT"] == "sandbox"
        assert "reconstruction" in served.notice
        assert served.environment["KORUS_CLIENT_SECRET"] not in repr(served)


async def test_the_date_is_the_sandbox_clocks_and_there_is_one() -> None:
    async with served_sandbox() as served, httpx.AsyncClient() as client:
        served.sandbox.clock.advance(7200)
        answer = await client.get(f"{served.api_url}{CATALOGS}")
        (date,) = answer.headers.get_list("date")
        ahead = parsedate_to_datetime(date) - datetime.fromtimestamp(0, UTC)
        assert abs(ahead.total_seconds() - served.sandbox.clock.now().timestamp()) < 5


async def test_t34_the_connection_is_really_cut_and_the_order_is_there() -> None:
    async with served_sandbox() as served, httpx.AsyncClient() as client:
        caller = await caller_of(served, client)
        hold = await caller.hold("park_offer")
        served.sandbox.faults.add(DropAfter(), "createOrders")
        with pytest.raises(httpx.RemoteProtocolError):
            await caller.order(hold, reference="LOST")
        assert len(await caller.members(ORDERS, {"external_reference": "LOST"})) == 1
        served.sandbox.faults.add(DropBefore(), "listOrders")
        with pytest.raises(httpx.RemoteProtocolError):
            await caller.members(ORDERS)


async def test_a_slow_issuer_makes_a_caller_time_out() -> None:
    impatient = httpx.Timeout(5, read=0.05)
    async with served_sandbox() as served, httpx.AsyncClient(timeout=impatient) as client:
        served.sandbox.faults.add(Delay(seconds=60), "getToken")
        with pytest.raises(httpx.ReadTimeout):
            await client.post(served.environment["KORUS_TOKEN_URL"])


async def test_control_needs_its_own_token_and_steers_clock_faults_and_state() -> None:
    async with served_sandbox(control=True) as served, httpx.AsyncClient() as client:
        caller = await caller_of(served, client)
        order = await caller.booked("park_offer")
        assert (await client.get("/_control/state")).status_code == 401
        client.headers["Authorization"] = f"Bearer {served.control_token}"

        async def post(path: str, **fields: object) -> int:
            return (await client.post(f"/_control/{path}", json=fields)).status_code

        offer = served.sandbox.landmarks["park_offer"]
        session = served.sandbox.landmarks["sold_out_session"]
        hold = served.sandbox.reservations()[0].id
        assert await post("clock", advance_seconds=60) == 200
        assert await post(f"offers/{offer}/price", amount="12.00") == 200
        assert await post(f"offers/{offer}/stock", quantity=None) == 200
        assert await post(f"sessions/{session}/stock", quantity=3) == 200
        assert await post(f"orders/{order['id']}/cancel") == 200
        assert await post(f"reservations/{hold}/release") == 200
        assert await post("faults", action="answer", status=503, operation="getToken") == 200
        state = (await client.get("/_control/state")).json()
        assert state["orders"][0]["status"] == "cancelled"
        assert len(state["faults"]) == 1
        assert (await client.post(served.environment["KORUS_TOKEN_URL"])).status_code == 503
        assert (await client.delete("/_control/faults")).json() == {"rules": 0}


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("clock", {"advance_seconds": -1}, 400),
        ("faults", {"action": "explode"}, 400),
        ("faults", {"action": "answer", "status": "503"}, 400),
        ("faults", {"action": "answer"}, 400),
        ("faults", {"action": "delay", "seconds": 1, "times": "two"}, 400),
        ("offers/unknown/price", {"amount": "1.00"}, 404),
        ("offers/unknown/price", {"amount": "dear"}, 400),
        ("offers/unknown/stock", {}, 400),
        ("sessions/unknown/stock", {"quantity": 1}, 404),
        ("orders/unknown/cancel", {}, 404),
        ("unknown", {}, 404),
        ("state", {}, 405),
    ],
)
async def test_control_says_what_it_does_not_understand(
    path: str, fields: dict[str, object], status: int
) -> None:
    async with served_sandbox(control=True) as served, httpx.AsyncClient() as client:
        headers = {"Authorization": f"Bearer {served.control_token}"}
        address = f"{served.api_url}/_control/{path}"
        answer = await client.post(address, json=fields, headers=headers)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])


async def test_without_control_there_is_nothing_to_steer() -> None:
    async with served_sandbox() as served, httpx.AsyncClient() as client:
        assert served.control_token is None
        assert (await client.get(f"{served.api_url}/_control/state")).status_code == 404


async def test_serving_ends_by_cancellation_and_frees_its_port() -> None:
    ready: list[ServedSandbox] = []
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:

            def on_ready(served: ServedSandbox) -> None:
                ready.append(served)
                tasks.cancel_scope.cancel()

            await serve(SandboxOptions(), port=0, control=False, on_ready=on_ready)
    port = urlsplit(ready[0].api_url).port
    with pytest.raises(OSError, match="connect"):
        await anyio.connect_tcp("127.0.0.1", port or 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_served_process_ends_cleanly_by_signal(number: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM]
    with anyio.fail_after(60):
        async with await anyio.open_process(command) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert (await process.stdout.receive()).startswith(b"http://127.0.0.1:")
            os.kill(process.pid, number)
            said = b"".join([part async for part in process.stdout])
            assert said.strip() == b"ended by itself"
            assert await process.wait() == 0
            warned = b"".join([part async for part in process.stderr])
            assert b"imitates a reconstruction" in warned
