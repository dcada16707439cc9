"""Names for lines: looked up side by side, given up rather than waited for."""

from typing import Any
from zoneinfo import ZoneInfo

import anyio
import pytest

from korus_mcp.api import Reservation
from korus_mcp.booking.hold import BookedNames
from korus_mcp.booking.names import NAMES_SECONDS, ProductNames
from korus_mcp.sandbox import Answer, Delay
from tests.booking.stage import OWNER, GatedClock, Stage, staged, turn_the_loop

pytestmark = pytest.mark.anyio
LEGACY = "/v1/ticketing/events/e/sessions/{}"


async def reserved(stage: Stage, landmark: str = "night_show_offer") -> Reservation:
    """A reservation of an offer with sessions, as the API tells it."""
    quote = await stage.app.quotes.of_offer(stage.handle(landmark), "en")
    _, session = next(iter(quote.sessions()))
    (hold,) = (await stage.reserve(stage.wish(landmark, 1, session.id))).holds
    return await stage.app.api.booking.get_reservation(hold.id)


async def names_of(stage: Stage, *found: Reservation) -> BookedNames:
    book = ProductNames(stage.app.api.ticketing, stage.app.mirror)
    return await book.for_reservations(found, "en")


async def test_products_and_sessions_have_names_and_times(stage: Stage) -> None:
    names = await names_of(stage, await reserved(stage))
    assert list(names.products.values()) == ["Day entry and Night of Lanterns - Adult"]
    (starts_at,) = names.sessions.values()
    assert starts_at.isoformat() == "2026-06-05T20:45:00+02:00"


async def test_a_time_is_asked_for_each_time_and_remembered_for_when_it_cannot_be(
    stage: Stage,
) -> None:
    found = await reserved(stage)
    assert stage.sent("getOfferTicketSession") == 0, "the quote told it to the hold"
    book = ProductNames(stage.app.api.ticketing, stage.app.mirror)
    first = await book.for_reservations([found], "en")
    await book.for_reservations([found], "en")
    assert stage.sent("getOfferTicketSession") == 2
    stage.sandbox.faults.add(Answer(status=500), "getOfferTicketSession", times=None)
    assert (await book.for_reservations([found], "en")).sessions == first.sessions


async def test_name_and_zone_of_a_product_out_of_the_catalog_are_one_request(stage: Stage) -> None:
    found = await reserved(stage)
    await stage.app.mirror.searchable("en")
    (await stage.app.mirror.ready("en")).store.clear()
    before = stage.sent("getProduct")
    names = await names_of(stage, found)
    assert names.zone_of_all == ZoneInfo("Europe/Paris")
    assert [*names.products.values()] == ["Day entry and Night of Lanterns - Adult"]
    assert stage.sent("getProduct") == before + 1


@pytest.mark.parametrize("operation", ["getProduct", "getOfferTicketSession"])
async def test_a_name_that_cannot_be_read_is_left_out(stage: Stage, operation: str) -> None:
    found = await reserved(stage)
    await stage.app.mirror.searchable("en")
    (await stage.app.mirror.ready("en")).store.clear()
    stage.sandbox.faults.add(Answer(status=500), operation, times=None)
    names = await names_of(stage, found)
    assert bool(names.products) == (operation != "getProduct")
    assert bool(names.sessions) == (operation == "getProduct")


async def test_a_session_without_a_time_and_a_product_that_is_gone_are_left_out() -> None:
    def timeless(path: str, body: dict[str, Any]) -> None:
        if "/sessions/" in path:
            body["startsAt"] = None

    async with staged(rewrite=timeless) as stage:
        found = await reserved(stage)
        await stage.app.mirror.searchable("en")
        (await stage.app.mirror.ready("en")).store.clear()
        stage.sandbox.faults.add(Answer(status=404, body="problem"), "getProduct", times=None)
        names = await names_of(stage, found)
    assert (dict(names.products), dict(names.sessions)) == ({}, {})


async def test_a_session_of_the_older_form_is_read_below_its_ticket() -> None:
    """Else a process that did not quote it would ask to order a day without its hour."""
    async with staged(selling=("hall",)) as stage:
        found = await reserved(stage, "seated_offer")
        session = found.items[0].offer_tickets[0].session
        assert isinstance(session, str)
        assert "/events/" in session
        (starts_at,) = (await names_of(stage, found)).sessions.values()
        assert starts_at is not None
        (hold,) = await stage.app.booking.holds.read(OWNER, [found.id], "en")
        assert set(hold.lines[0].starts_at) == {starts_at}


async def test_one_of_the_older_form_without_a_ticket_is_known_only_from_its_quote() -> None:
    def ticketless(path: str, body: dict[str, Any]) -> None:
        for item in body.get("items", ()):
            for held in item.get("offerTickets", ()):
                held["ticket"] = None

    async with staged(selling=("hall",), rewrite=ticketless) as stage:
        found = await reserved(stage, "seated_offer")
        before = stage.sent("getOfferTicketSession")
        assert dict((await names_of(stage, found)).sessions) == {}
        assert stage.sent("getOfferTicketSession") == before
        (hold,) = await stage.app.booking.holds.read(OWNER, [found.id], "en")
        assert hold.lines[0].starts_at, "learnt when it was quoted"


async def test_what_names_nothing_asks_for_nothing(stage: Stage) -> None:
    bare = Reservation.model_validate(
        {"id": "r", "items": [{"id": "i", "offerTickets": [{"session": "/nonsense/ "}]}]}
    )
    await stage.app.mirror.searchable("en")
    before = stage.asked
    names = await names_of(stage, bare)
    assert (dict(names.products), dict(names.sessions)) == ({}, {})
    assert stage.asked == before


async def test_a_hold_does_not_wait_long_for_its_names() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        found = await reserved(stage)
        stage.sandbox.faults.add(Delay(seconds=60), "getOfferTicketSession", times=None)
        names = list[BookedNames]()

        async def read() -> None:
            names.append(await names_of(stage, found))

        async with anyio.create_task_group() as callers:
            callers.start_soon(read)
            await gated.asleep.wait()
            turn_the_loop(NAMES_SECONDS + 1)
        assert names[0].sessions == {}
        gated.gate.set()
