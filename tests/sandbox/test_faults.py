"""Scripted faults, in process and over real sockets (T30, T34, and slow issuers)."""

import httpx
import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import (
    Answer,
    ConnectionDropped,
    Delay,
    DropAfter,
    DropBefore,
    NotAnObject,
    Oversize,
    Sandbox,
    SandboxOptions,
    Truncate,
)
from tests.sandbox.caller import CATALOGS, ORDERS, Caller

pytestmark = pytest.mark.anyio


async def test_t30_a_gateway_answers_html_nothing_or_try_later(caller: Caller) -> None:
    faults = caller.sandbox.faults
    faults.add(Answer(status=502), "listCatalogs")
    faults.add(Answer(status=401, body="empty"), "listCatalogs")
    faults.add(Answer(status=429, retry_after="3"), "listCatalogs")
    faults.add(Answer(status=429), "listCatalogs")
    faults.add(Answer(status=503, body="problem"), "listCatalogs")
    answers = [await caller.client.get(CATALOGS) for _ in range(6)]
    assert [each.status_code for each in answers] == [502, 401, 429, 429, 503, 200]
    assert answers[0].headers["content-type"].startswith("text/html")
    assert answers[1].content == b""
    assert [each.headers.get("retry-after") for each in answers[2:4]] == ["3", None]
    assert answers[4].json()["status"] == 503
    assert all("date" in each.headers for each in answers)


async def test_a_scripted_422_needs_no_violations(caller: Caller) -> None:
    caller.sandbox.faults.add(Answer(status=422, body="problem"), "listCatalogs")
    answer = await caller.client.get(CATALOGS)
    assert (answer.status_code, answer.json()["status"]) == (422, 422)


async def test_bodies_are_cut_too_large_or_no_object(caller: Caller) -> None:
    faults = caller.sandbox.faults
    for action in (Truncate(), Oversize(), NotAnObject()):
        faults.add(action, "listCatalogs")
    half, large, other = [await caller.client.get(CATALOGS) for _ in range(3)]
    with pytest.raises(ValueError, match="char"):
        half.json()
    assert len(large.content) > 10_000_000
    assert other.json() == ["not an object"]


async def test_a_fault_strikes_its_operation_as_often_as_told(caller: Caller) -> None:
    faults = caller.sandbox.faults
    faults.add(Answer(status=500), "listOrders", times=2)
    assert (await caller.client.get(CATALOGS)).status_code == 200
    assert [(await caller.client.get(ORDERS)).status_code for _ in range(3)] == [500, 500, 200]
    faults.add(Answer(status=500), times=None)
    assert [(await caller.client.get(ORDERS)).status_code for _ in range(3)] == [500] * 3
    faults.clear()
    assert (await caller.client.get(ORDERS)).status_code == 200


async def test_one_issuer_can_be_slow_while_others_are_not(caller: Caller) -> None:
    park = await caller.item(caller.iri("park_offer"))
    ski = await caller.item(caller.iri("locked_beneficiary_offer"))
    caller.sandbox.faults.add(Delay(seconds=20), issuer="park", times=None)

    async def seconds_of(*items: object) -> float:
        before = caller.sandbox.clock.monotonic()
        await caller.send("POST", "/v1/booking/reservations/_bulk", {"items": list(items)})
        return caller.sandbox.clock.monotonic() - before

    assert await seconds_of(ski) == 0
    assert await seconds_of(ski, park) == 20
    hold = (await caller.read("/v1/booking/reservations"))["member"][-1]
    before = caller.sandbox.clock.monotonic()
    await caller.order(hold)
    assert caller.sandbox.clock.monotonic() - before == 20


async def test_t34_the_order_is_made_although_its_answer_is_lost(caller: Caller) -> None:
    hold = await caller.hold("park_offer")
    caller.sandbox.faults.add(DropAfter(), "createOrders")
    with pytest.raises(ConnectionDropped):
        await caller.order(hold, reference="LOST")
    assert caller.sandbox.requests[-1].status is None
    found = await caller.members(ORDERS, {"external_reference": "LOST"})
    assert [each["reservation"] for each in found] == [hold["@id"]]
    again = await caller.order(hold, reference="AGAIN")
    assert (again["orders"], len(again["failedOrders"])) == ([], 1)


async def test_a_connection_dropped_before_the_work_leaves_nothing(caller: Caller) -> None:
    hold = await caller.hold("park_offer")
    caller.sandbox.faults.add(DropBefore(), "createOrders")
    with pytest.raises(ConnectionDropped):
        await caller.order(hold)
    assert not caller.sandbox.orders()


async def test_the_token_and_document_hosts_can_fail_too() -> None:
    sandbox = Sandbox(SandboxOptions(), clock=ManualClock())
    sandbox.faults.add(Answer(status=503), "getToken")
    sandbox.faults.add(Answer(status=504), "downloadDocument")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app)) as client:
        path = "/realms/korusticket/protocol/openid-connect/token"
        token = await client.post(f"{sandbox.options.api_origin}{path}")
        assert token.status_code == 503
        file = await client.get(f"{sandbox.options.document_origin}/anything")
        assert file.status_code == 504
