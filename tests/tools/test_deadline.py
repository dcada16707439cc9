"""A call that only reads is answered in time: with what was read by then, else with a refusal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from korus_mcp.api.transport import Pool
from korus_mcp.foundation.deadlines import READ_SECONDS, TELLING_SECONDS
from korus_mcp.sandbox import Delay
from tests.booking.stage import GatedClock, turn_the_loop
from tests.fixtures.assistant import ERAS, Answer, Desk, desk

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def patient_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools and sign-ins whose own time never ends: an API that drips may use up every attempt."""
    made = Pool.__init__

    def patient(self: Pool, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs | {"total_seconds": 10_000})

    monkeypatch.setattr(Pool, "__init__", patient)
    monkeypatch.setattr("korus_mcp.api.auth.RENEWAL_SECONDS", 10_000.0)


@asynccontextmanager
async def slow_desk(mode: str = "auto", **given: Any) -> AsyncIterator[tuple[Desk, GatedClock]]:
    """A desk whose sandbox delays what it is told to until the gate opens."""
    gated = GatedClock()
    async with desk(mode=mode, clock=gated, **given) as shop:
        try:
            yield shop, gated
        finally:
            gated.gate.set()


async def asked_while_it_hangs(
    shop: Desk, gated: GatedClock, tool: str, arguments: dict[str, Any], *, seconds: float
) -> Answer:
    """The answer of a call, so many seconds of the loop after it waits for a late answer."""
    answers: list[Answer] = []
    gated.asleep = anyio.Event()

    async def ask() -> None:
        answers.append(await shop.ask(tool, arguments))
        gated.asleep.set()

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await gated.asleep.wait()
        await anyio.sleep(0.05)
        assert not answers
        turn_the_loop(seconds)
    return answers[0]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    ("tool", "operation"),
    [
        ("search_products", "listCatalogs"),
        ("search_products", "listProductBases"),
        ("get_offers", "getProductBase"),
        ("get_offers", "listOffers"),
        ("check_availability", "getOffer"),
        ("get_seat_map", "getSeatMap"),
        ("get_reservation", "getReservation"),
        ("get_tickets", "getOrder"),
        ("find_orders", "listOrders"),
        ("search_products", "getToken"),
        ("check_availability", "getToken"),
        ("find_orders", "getToken"),
    ],
)
async def test_every_read_is_refused_clearly_when_nothing_comes(
    tool: str, operation: str, mode: str
) -> None:
    async with slow_desk(mode, only=("park", "stadium")) as (shop, gated):
        base, offer = shop.handle("stadium_base"), shop.handle("park_offer")
        arguments: dict[str, Any] = {}
        if tool in {"get_offers", "get_seat_map"}:
            arguments = {"product_base_id": base}
        elif tool == "find_orders":
            arguments = {"created_from": "2026-06-01"}
        elif tool == "check_availability":
            arguments = {"offer_id": offer}
        elif tool in {"get_reservation", "get_tickets"}:
            items = [{"offer_id": offer, "quantity": 1}]
            held = await shop.call("reserve", items=items)
            reservation = held["reservations"][0]["reservation_id"]
            arguments = {"reservation_ids": [reservation]}
            if tool == "get_tickets":
                arguments = {"order_id": (await shop.order(reservation))["orders"][0]["order_id"]}
        shop.sandbox.faults.add(Delay(seconds=99), operation, times=None)
        late = await asked_while_it_hangs(shop, gated, tool, arguments, seconds=READ_SECONDS)
        assert late.code == "UPSTREAM_UNAVAILABLE"
        assert late.error["effect"] == "none"
        assert late.error["next"]
        assert late.error["retry_after_seconds"] > 0


async def test_reserving_has_a_time_of_its_own() -> None:
    async with slow_desk(only=("park",)) as (shop, gated):
        await shop.call("check_availability", offer_id=shop.handle("park_offer"))
        shop.sandbox.faults.add(Delay(seconds=30), "createReservations")
        items = [{"offer_id": shop.handle("park_offer"), "quantity": 1}]
        answers: list[Answer] = []
        gated.asleep = anyio.Event()

        async def ask() -> None:
            answers.append(await shop.ask("reserve", {"items": items}))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await gated.asleep.wait()
            turn_the_loop(READ_SECONDS + TELLING_SECONDS)
            await anyio.sleep(0.05)
            assert not answers
            gated.gate.set()
        assert answers[0].data["state"] == "held"
