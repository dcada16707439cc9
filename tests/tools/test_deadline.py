"""A call that only reads is answered in time: with what was read by then, else with a refusal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest

from korus_mcp.api.lists import Page, Pages
from korus_mcp.api.transport import Pool
from korus_mcp.booking.quote import Session
from korus_mcp.foundation import deadlines
from korus_mcp.foundation.deadlines import READ_SECONDS, TELLING_SECONDS
from korus_mcp.sandbox import Delay
from korus_mcp.seating.raster import Raster
from tests.booking.stage import GatedClock, turn_the_loop
from tests.fixtures.assistant import ERAS, Answer, Desk, desk, settings_of

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


@pytest.fixture
def ample_telling(monkeypatch: pytest.MonkeyPatch) -> float:
    """The seconds in which a call reads, where more than usual are left to tell what was read.

    A busy machine may need many seconds for what comes before the wait, and after it.
    """
    reading = 15.0
    monkeypatch.setattr(deadlines, "TELLING_SECONDS", READ_SECONDS - reading)
    return reading


async def asked_while_a_part_hangs(
    shop: Desk, hangs: anyio.Event, tool: str, arguments: dict[str, Any], *, seconds: float
) -> Answer:
    """The answer of a call of which a part never comes, so many seconds after the call began."""
    answers: list[Answer] = []
    begun = anyio.current_time()

    async def ask() -> None:
        answers.append(await shop.ask(tool, arguments))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        with anyio.fail_after(60):
            await hangs.wait()
        await anyio.sleep(0.05)
        assert not answers
        turn_the_loop(begun + seconds - anyio.current_time())
    return answers[0]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_table_is_told_without_its_picture_when_that_is_late(
    mode: str, monkeypatch: pytest.MonkeyPatch, ample_telling: float
) -> None:
    hangs = anyio.Event()

    async def stuck(self: Raster, picture: str) -> bytes:
        hangs.set()
        await anyio.sleep_forever()
        return b""

    monkeypatch.setattr(Raster, "png", stuck)
    async with desk(mode=mode, only=("hall",)) as shop:
        arguments = {"product_base_id": shop.handle("hall_base"), "picture": True}
        late = await asked_while_a_part_hangs(
            shop, hangs, "get_seat_map", arguments, seconds=ample_telling
        )
        assert late.code is None
        assert late.data["zones"]
        assert "No picture could be drawn." in late.text
        assert late.drawn_at
        assert [block.type for block in late.result.content] == ["text"]


def session_pages_end_at(monkeypatch: pytest.MonkeyPatch, number: int) -> anyio.Event:
    """Lists of sessions are longer than their pages, and page `number` never comes."""
    usual, hangs = Pages.page, anyio.Event()

    async def page(self: Pages[Any], asked: int = 1) -> Page[Any]:
        if self.operation != "listOfferTicketSessions":
            return await usual(self, asked)
        if asked == number:
            hangs.set()
            await anyio.sleep_forever()
        found = await usual(self, asked)
        return replace(found, total=1_000, last=False)

    monkeypatch.setattr(Pages, "page", page)
    return hangs


@pytest.mark.parametrize("mode", ERAS)
async def test_sessions_that_came_in_time_are_told_as_not_all(
    mode: str, monkeypatch: pytest.MonkeyPatch, ample_telling: float
) -> None:
    async with desk(mode=mode, only=("museum",)) as shop:
        arguments = {"offer_id": shop.handle("timed_offer")}
        with monkeypatch.context() as patched:
            hangs = session_pages_end_at(patched, 2)
            late = await asked_while_a_part_hangs(
                shop, hangs, "check_availability", arguments, seconds=ample_telling
            )
        # What came late is not kept: the next call reads all of it.
        whole = await shop.call("check_availability", **arguments)
        assert late.code is None
        assert late.data["sessions"] == whole["sessions"]
        assert late.data["bookable"]
        assert "Not all sessions came in time" in late.text


async def test_of_a_part_of_the_sessions_none_is_called_the_last(
    monkeypatch: pytest.MonkeyPatch, ample_telling: float
) -> None:
    async with desk(only=("museum",)) as shop:
        arguments = {"offer_id": shop.handle("timed_offer")}
        monkeypatch.setattr(Session, "has_room_for", lambda self, quantity: False)
        hangs = session_pages_end_at(monkeypatch, 2)
        late = await asked_while_a_part_hangs(
            shop, hangs, "check_availability", arguments, seconds=ample_telling
        )
        assert late.code is None
        assert not late.data["bookable"]
        assert "not all were read" in late.data["reason"]


async def test_no_session_in_time_is_a_failure_not_an_offer_without_sessions(
    monkeypatch: pytest.MonkeyPatch, ample_telling: float
) -> None:
    async with desk(only=("museum",)) as shop:
        hangs = session_pages_end_at(monkeypatch, 1)
        late = await asked_while_a_part_hangs(
            shop,
            hangs,
            "check_availability",
            {"offer_id": shop.handle("timed_offer")},
            seconds=ample_telling,
        )
        assert late.code == "UPSTREAM_UNAVAILABLE"


async def test_a_hold_waits_for_all_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    # nor does the end of the server wait for what never comes
    async with desk(settings_of(SHUTDOWN_SECONDS="0"), only=("museum",)) as shop:
        offer = shop.handle("timed_offer")
        listed = (await shop.call("check_availability", offer_id=offer))["sessions"]
        hangs = session_pages_end_at(monkeypatch, 2)
        answers: list[Answer] = []
        wish = {"offer_id": offer, "quantity": 1, "session_ids": [listed[0]["session_id"]]}

        async def ask() -> None:
            answers.append(await shop.ask("reserve", {"items": [wish]}))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            with anyio.fail_after(60):
                await hangs.wait()
            turn_the_loop(READ_SECONDS + TELLING_SECONDS)
            await anyio.sleep(0.1)
            assert not answers, "it is neither held nor refused by a part of the list"
            assert shop.sent("createReservations") == 0
            group.cancel_scope.cancel()
