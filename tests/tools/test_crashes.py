"""A crash in a tool that books: before the first byte left, nothing was done, and that is said."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.server.composition import KorusServer, build_server
from korus_mcp.settings import Environment, Settings
from tests.fixtures.assistant import CUSTOMER, ERAS, SEED, Answer, Assistant, handle_of, settings_of
from tests.fixtures.wording import faults_of

pytestmark = pytest.mark.anyio


class Bug(RuntimeError):
    """A fault of ours."""


async def crash(*_: object, **__: object) -> Any:
    raise Bug("xyzzy")


@dataclass
class Shop(Assistant):
    """An assistant beside the server it talks to."""

    server: KorusServer | None = None
    sandbox: Sandbox | None = None

    @property
    def app(self) -> Any:
        assert self.server is not None
        return self.server.running.app

    def sent(self, operation: str) -> int:
        assert self.sandbox is not None
        return sum(r.operation == operation for r in list(self.sandbox.requests))

    @property
    def items(self) -> dict[str, Any]:
        assert self.sandbox is not None
        return {"items": [{"offer_id": handle_of(self.sandbox, "park_offer"), "quantity": 1}]}

    async def confirmed(self) -> dict[str, Any]:
        """A hold, and the arguments with which it is ordered."""
        held = await self.call("reserve", **self.items)
        order = {
            "reservation_ids": [held["reservations"][0]["reservation_id"]],
            "customer": CUSTOMER,
        }
        asked = await self.call("place_order", **order)
        return {**order, "confirmation": asked["confirmation"]}

    def crash_after(self, operation: str, *, once: anyio.Event | None = None) -> None:
        """The bytes leave and are acted upon; then our own code fails, `once` something was."""
        pools = self.app.api._pools
        pool = pools.creations if operation != "PATCH" else pools.reads
        transport = pool.transport

        class Failing(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                response: httpx.Response = await transport.handle_async_request(request)
                if request.method in ("POST", "PATCH"):
                    await response.aread()
                    if once is not None:
                        await once.wait()
                    raise Bug("xyzzy")
                return response

        object.__setattr__(pool, "transport", Failing())


@asynccontextmanager
async def shop(mode: str, **changes: Any) -> AsyncIterator[Shop]:
    clock = ManualClock()
    sandbox = Sandbox(SandboxOptions(seed=SEED), clock=clock)
    settings = replace(settings_of(), **changes)
    server = build_server(settings, clock=clock, sandbox=sandbox)
    async with Client(server, mode=mode) as client:
        yield Shop(client, server=server, sandbox=sandbox)


def said(answer: Answer, tool: str) -> tuple[str | None, str]:
    assert not list(faults_of(answer.error, answer.text, tool))
    assert "xyzzy" not in answer.wire
    return answer.code, answer.error["effect"]


NOTHING = ("MISCONFIGURED", "none")


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    "place",
    [
        lambda app: (app.booking.journal, "standing"),
        lambda app: (app.booking.journal, "claim"),
        lambda app: (app.booking.journal, "start_sending"),
        lambda app: (app.api._tokens, "authorization"),
    ],
    ids=["before the claim", "at the claim", "before it is sent", "at the token"],
)
async def test_an_order_that_crashes_before_it_was_sent_is_told_as_not_done(
    mode: str, place: Callable[[Any], tuple[Any, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(mode) as each:
        order = await each.confirmed()
        owner, name = place(each.app)
        if name == "authorization":  # that of the POST alone: what is read before has a token
            create = each.app.api._wire.create

            async def create_without_token(*given: Any, **more: Any) -> Any:
                with monkeypatch.context() as only_here:
                    only_here.setattr(owner, name, crash)
                    return await create(*given, **more)

            monkeypatch.setattr(each.app.api._wire, "create", create_without_token)
        else:
            monkeypatch.setattr(owner, name, crash)
        answer = await each.ask("place_order", order)
        if answer.result.is_error:
            assert said(answer, "place_order") == NOTHING
        else:  # the crash was at the send itself: written down as not sent
            assert answer.data["state"] == "failed"
        assert each.sent("createOrders") == 0
        monkeypatch.undo()
        again = await each.call("place_order", **{**order, "confirmation": None})
        assert again["state"] == "confirmation_needed", "its reservation is free at once"


@pytest.mark.parametrize("mode", ERAS)
async def test_an_order_that_crashes_after_it_was_sent_stays_in_doubt_until_it_is_found(
    mode: str,
) -> None:
    async with shop(mode) as each:
        order = await each.confirmed()
        each.crash_after("createOrders")
        answer = await each.ask("place_order", order)
        assert each.sent("createOrders") == 1
        assert answer.data["state"] == "ordered", "it was looked up"


@pytest.mark.parametrize("mode", ERAS)
async def test_a_reserve_that_crashes_says_whether_it_was_sent(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(mode) as each:
        with monkeypatch.context() as broken:
            broken.setattr(each.app.booking.journal, "begin_hold", crash)
            assert said(await each.ask("reserve", each.items), "reserve") == NOTHING
        assert each.sent("createReservations") == 0
        each.crash_after("createReservations")
        answer = await each.ask("reserve", each.items)
        assert said(answer, "reserve") == ("OUTCOME_UNKNOWN", "unknown")
        assert each.sent("createReservations") == 1


async def test_whoever_joins_a_call_that_was_sent_is_told_so_when_it_crashes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shop("auto") as each:
        desk = each.app.booking.reserving
        await each.call("search_products", query="park")
        both = anyio.Event()
        each.crash_after("createReservations", once=both)
        answers: list[Answer] = []
        reserve, calls = desk.reserve, list[object]()

        async def counted(call: object) -> Any:
            calls.append(call)
            if len(calls) == 2:
                both.set()
            return await reserve(call)

        monkeypatch.setattr(desk, "reserve", counted)

        async def ask() -> None:
            answers.append(await each.ask("reserve", each.items))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            group.start_soon(ask)
        assert each.sent("createReservations") == 1
        assert [said(a, "reserve") for a in answers] == [("OUTCOME_UNKNOWN", "unknown")] * 2


@pytest.mark.parametrize("mode", ERAS)
async def test_naming_that_crashes_says_whether_it_was_sent(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(mode) as each:
        person = {"ticket_id": "t", "firstname": "Ada", "lastname": "Lovelace"}
        named = {"order_id": "0193", "beneficiaries": [person]}
        monkeypatch.setattr(each.app.booking.tickets, "of_order", crash)
        answer = await each.ask("name_beneficiaries", named)
        assert said(answer, "name_beneficiaries") == NOTHING


REMOTE = Settings(
    environment=Environment.SANDBOX,
    embedded=False,
    api_url="http://127.0.0.1:9",
    token_url="http://127.0.0.1:9/token",
    client_id="shop",
    client_secret="canary",
)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:canary@ss:canary@host/x",
        "postgresql://u:canary@host:canary/x",
        "postgresql://u:canary@127.0.0.1:9/x?canary=1",
        "postgresql://u:canary@127.0.0.1:9/x?sslmode=canary",
        "canary",
    ],
)
async def test_a_journal_that_cannot_be_opened_is_told_as_nothing_done_and_never_with_its_address(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = build_server(replace(REMOTE, database_url=url))
    async with Client(server) as client:
        answer = Answer(await client.call_tool("get_reservation", {"reservation_ids": ["abc"]}))
        order = {"reservation_ids": ["abc"], "customer": CUSTOMER}
        placed = Answer(await client.call_tool("place_order", order))
        assert said(placed, "place_order") == said(answer, "get_reservation") == NOTHING
        assert "canary" not in caplog.text + placed.wire + answer.wire


async def test_an_absurd_settle_time_sends_nothing() -> None:
    async with shop("auto", settle_seconds=99_999_999_999_999) as each:
        _, effect = said(await each.ask("reserve", each.items), "reserve")
        assert effect == "none"
        assert each.sent("createReservations") == 0


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("is_over", [True, False])
async def test_an_earlier_hold_that_is_over_makes_no_crash_look_like_a_booking(
    mode: str, is_over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(mode) as asked:
        assert (await asked.call("reserve", **asked.items))["state"] == "held"
        if is_over:
            asked.app.clock.advance(3600)
            monkeypatch.setattr(asked.app.booking.reserving.quotes, "of_offer", crash)
        else:
            monkeypatch.setattr(asked.app.booking.holds, "read", crash)
        answer = await asked.ask("reserve", asked.items)
        assert said(answer, "reserve") == (NOTHING if is_over else ("OUTCOME_UNKNOWN", "unknown"))
        assert asked.sent("createReservations") == 1
