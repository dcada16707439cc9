"""A slow issuer: a booking call says after a while that it is on its way, and how to ask again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from korus_mcp.sandbox import Delay
from tests.booking.stage import GatedClock, turn_the_loop
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, Desk, Json, desk, settings_of
from tests.fixtures.person import YES, Person

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)
SECONDS = 10


@asynccontextmanager
async def impatient(mode: str, **client: Any) -> AsyncIterator[tuple[Desk, GatedClock]]:
    """A desk that answers after some seconds, at an API that hangs until a gate opens."""
    gated = GatedClock()
    settings = settings_of(ANSWER_SECONDS=str(SECONDS))
    async with desk(settings, mode=mode, sandbox_clock=gated, only=("park",), **client) as shop:
        try:
            yield shop, gated
        finally:
            gated.gate.set()


async def while_it_hangs(gated: GatedClock, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of a call that waits for the API, after as many seconds of the event loop."""
    answers: list[Answer] = []

    async def asked() -> None:
        answers.append(await ask())

    async with anyio.create_task_group() as group:
        group.start_soon(asked)
        await gated.asleep.wait()
        await anyio.wait_all_tasks_blocked()
        # The real time until here counts, too: on a busy machine it is a second or more.
        turn_the_loop(SECONDS - 3)
        await anyio.sleep(0.05)
        assert not answers, "it waits so long"
        turn_the_loop(3)
    return answers[0]


async def agreed(shop: Desk) -> Json:
    """The arguments of a call that orders a hold."""
    items = [{"offer_id": shop.handle("park_offer"), "quantity": 1}]
    hold = (await shop.call("reserve", items=items))["reservations"][0]
    asked = {"reservation_ids": [hold["reservation_id"]], "customer": CUSTOMER}
    summary = await shop.call("place_order", **asked)
    return {**asked, "confirmation": summary["confirmation"]}


@BOTH_ERAS
async def test_a_slow_order_is_on_its_way_and_the_same_call_asks_again(mode: str) -> None:
    async with impatient(mode) as (shop, gated):
        order = await agreed(shop)
        shop.sandbox.faults.add(Delay(seconds=30), "createOrders")
        first = await while_it_hangs(gated, lambda: shop.ask("place_order", order))
        for half in (first.text, first.data["next"]):
            assert "on its way" in half
            assert "Ask again: call place_order with the same arguments" in half
        assert (first.data["state"], first.data["check_again_after"]) == ("in_doubt", 1)
        again = await while_it_hangs(gated, lambda: shop.ask("place_order", order))
        assert "on its way" in again.text, "it joins the first, and waits as long"
        gated.gate.set()
        made = await shop.ask("place_order", order)
        assert made.data["state"] == "ordered"
        assert "the same call again; it was sent once" in made.text
        assert len(shop.sandbox.orders()) == shop.sent("createOrders") == 1


@BOTH_ERAS
async def test_a_slow_hold_is_on_its_way_and_the_same_call_asks_again(mode: str) -> None:
    async with impatient(mode) as (shop, gated):
        wish = {"items": [{"offer_id": shop.handle("park_offer"), "quantity": 1}]}
        shop.sandbox.faults.add(Delay(seconds=30), "createReservations")
        first = await while_it_hangs(gated, lambda: shop.ask("reserve", wish))
        for half in (first.text, first.data["next"]):
            assert "on its way" in half
            assert "Ask again: call reserve with the same arguments" in half
        assert (first.data["state"], first.data["check_again_after"]) == ("in_doubt", 1)
        gated.gate.set()
        made = await shop.ask("reserve", wish)
        assert made.data["state"] == "held"
        assert len(shop.sandbox.reservations()) == shop.sent("createReservations") == 1


@BOTH_ERAS
async def test_one_more_hold_that_takes_long_is_one_however_often_it_is_asked_for(
    mode: str,
) -> None:
    async with impatient(mode) as (shop, gated):
        wish = {"items": [{"offer_id": shop.handle("park_offer"), "quantity": 1}]}
        (first,) = (await shop.call("reserve", **wish))["reservations"]
        one_more = {**wish, "again": True}
        shop.sandbox.faults.add(Delay(seconds=30), "createReservations")
        on_its_way = await while_it_hangs(gated, lambda: shop.ask("reserve", one_more))
        assert "it is sent once" in on_its_way.text
        gated.gate.set()
        await anyio.wait_all_tasks_blocked()
        made = await shop.call("reserve", **one_more)
        assert made["state"] == "held"
        assert len(shop.sandbox.reservations()) == shop.sent("createReservations") == 2
        third = await shop.call("reserve", **one_more)
        assert len(shop.sandbox.reservations()) == 3, "the answer is given once, then it is anew"
        told = {answer["reservations"][0]["reservation_id"] for answer in (made, third)}
        assert told == {r.id for r in shop.sandbox.reservations()} - {first["reservation_id"]}


@BOTH_ERAS
async def test_where_the_host_asks_a_repeated_call_asks_nobody_and_waits_once(mode: str) -> None:
    person = Person([YES])
    async with impatient(mode, elicitation_callback=person) as (shop, gated):
        items = [{"offer_id": shop.handle("park_offer"), "quantity": 1}]
        hold = (await shop.call("reserve", items=items))["reservations"][0]
        order = {"reservation_ids": [hold["reservation_id"]], "customer": CUSTOMER}
        shop.sandbox.faults.add(Delay(seconds=30), "createOrders")
        for _ in range(2):
            answer = await while_it_hangs(gated, lambda: shop.ask("place_order", order))
            assert "on its way" in answer.text
        gated.gate.set()
        assert (await shop.call("place_order", **order))["state"] == "ordered"
        assert len(person.questions) == 1
        assert shop.sent("createOrders") == 1
