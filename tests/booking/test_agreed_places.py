"""Where one sits, when it begins and under which terms: part of what a person agreed to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from korus_mcp.booking.approval import Question
from korus_mcp.booking.hold import BookedNames, Hold
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.ordered import Ordered, OrderState
from korus_mcp.foundation.refusals import Code, Refusal
from tests.booking.stage import OWNER, Stage, order_call, staged, until

pytestmark = pytest.mark.anyio
Body = dict[str, Any]
Change = Callable[[Body], object]
EAST = {
    "@type": "BookingSeating",
    "@id": "/.well-known/genid/1",
    "zone": "East",
    "seatingCategory": "Category 1",
    "row": "10",
    "seat": "101",
    "entrance": "E",
}


def seated(body: Body) -> list[Body]:
    """Two units in the East, side by side."""
    for number, item in enumerate(body["items"]):
        for ticket in item["offerTickets"]:
            ticket["seating"] = EAST | {"seat": str(101 + number)}
    body["seatsArrangement"] = "ADJACENT"
    return [t["seating"] for item in body["items"] for t in item["offerTickets"]]


def seat(**changes: object) -> Change:
    return lambda body: seated(body)[0].update(changes)


def ticket(name: str, value: object) -> Change:
    def change(body: Body) -> None:
        seated(body)
        body["items"][0]["offerTickets"][0][name] = value

    return change


def item(name: str, value: object) -> Change:
    def change(body: Body) -> None:
        seated(body)
        body["items"][0][name] = value

    return change


def apart(body: Body) -> None:
    seated(body)
    body["seatsArrangement"] = "NON_ADJACENT"


def turned(body: Body) -> None:
    """The same in another order, with other marks of JSON-LD, numbers as numbers."""
    for number, each in enumerate(seated(body)):
        each |= {"@id": f"/.well-known/genid/{7 + number}", "row": 10, "notes": [], "level": None}
    body["items"].reverse()
    for each in body["items"]:
        each["offerTickets"].reverse()


def elsewhere(body: Body) -> None:
    """The end of the hold with another offset."""
    seated(body)
    body["expiresAt"] = body["expiresAt"].replace("Z", "+00:00")


OTHER: dict[str, Change] = {
    "seat": seat(seat="399"),
    "row": seat(row="11"),
    "zone": seat(zone="West"),
    "category": seat(seatingCategory="Category 3"),
    "category as an object": seat(seatingCategory={"@id": "/v1/seating_categories/3"}),
    "entrance": seat(entrance="W"),
    "restriction": seat(restriction="limited view"),
    "flag": seat(restrictedView=True),
    "list": seat(restrictions=["pillar", "no rail"]),
    "level": seat(level=3),
    "no seat": ticket("seating", None),
    "text": ticket("seating", "East 399"),
    "beside the seat": ticket("seatRestriction", "limited view"),
    "beside the tickets": item("zone", "West"),
    "conditions": item("saleConditions", {"version": "2"}),
    "policy": item("policy", "no exchange"),
    "options": item("options", {"tariff": "Reduced"}),
    "tariff": item("tariffName", "Reduced"),
    "hall": item("hall", "Annexe"),
    "apart": apart,
}
SAME: dict[str, Change] = {"turned": turned, "elsewhere": elsewhere, "as it was": seated}


@asynccontextmanager
async def reading(upstream: list[Change]) -> AsyncIterator[Stage]:
    """A stage whose holds read as the first of these changes them."""

    def rewritten(path: str, body: Body) -> None:
        if "/reservations/" in path and "items" in body:
            upstream[0](body)

    async with staged(rewrite=rewritten) as stage:
        yield stage


async def told(change: Change) -> Code | OrderState:
    """What an order comes to whose hold reads differently after the yes."""
    upstream: list[Change] = [seated]
    async with reading(upstream) as stage:
        hold = await stage.held("park_offer", 2)
        nonce = await stage.confirmed(hold)
        upstream[0] = change
        try:
            return (await stage.place(hold, confirmation=nonce)).state
        except Refusal as refusal:
            assert stage.sent("createOrders") == 0
            return refusal.code


@pytest.mark.parametrize("name", OTHER)
async def test_another_place_is_another_agreement(name: str) -> None:
    assert await told(OTHER[name]) is Code.APPROVAL_REQUIRED


@pytest.mark.parametrize("name", SAME)
async def test_the_same_told_differently_is_the_same_agreement(name: str) -> None:
    assert await told(SAME[name]) is OrderState.ORDERED


async def test_what_a_host_asked_is_compared_with_what_is_read_then() -> None:
    upstream: list[Change] = [seated]
    async with reading(upstream) as stage:
        hold = await stage.held("park_offer", 2)
        asked = await stage.app.booking.ordering.question(order_call(hold))
        upstream[0] = seat(row="11", restriction="limited view")
        with pytest.raises(Refusal) as refusal:
            await stage.app.booking.ordering.place(order_call(hold), asked)
        assert refusal.value.code is Code.APPROVAL_REQUIRED
        upstream[0] = turned
        assert (await stage.app.booking.ordering.place(order_call(hold), asked)).orders
        assert stage.sent("createOrders") == 1


async def test_a_restriction_is_shown_to_who_agrees() -> None:
    upstream: list[Change] = [seat(restriction="limited view", behindPillar=True)]
    async with reading(upstream) as stage:
        held = await stage.held("park_offer", 2)
        (hold,) = await stage.app.booking.holds.read(OWNER, [held.id], "en")
        first, _ = hold.seats
    for words in ("zone East", "seat 101", "Category 1", "limited view", "behind pillar"):
        assert words in str(first)


async def terms(stage: Stage, text: str | None) -> None:
    """The mirror reads other terms of the park, as after a renewal."""
    base = await stage.app.mirror.base(stage.handle("park_base"), "en")
    shelf = await stage.app.mirror.searchable("en")
    await until(lambda: not shelf.is_crawling)
    shelf.store.put_records([replace(base, terms=text)], 1)


@pytest.mark.parametrize("text", ["No refund. Version 2.", None])
async def test_other_terms_of_sale_are_another_agreement(stage: Stage, text: str | None) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    asked = await stage.app.booking.ordering.question(order_call(hold))
    await terms(stage, text)
    for given in ({"confirmation": nonce}, {"agreed": asked}):
        with pytest.raises(Refusal) as refusal:
            await placed(stage, hold, **given)
        assert refusal.value.code is Code.APPROVAL_REQUIRED
    again = await stage.app.booking.ordering.question(order_call(hold))
    assert asked is not None
    assert again is not None
    assert asked.code != again.code, "a host that asks within the call shows another question"
    assert stage.sent("createOrders") == 0


async def placed(stage: Stage, hold: Hold, agreed: Question | None = None, **given: Any) -> Ordered:
    return await stage.app.booking.ordering.place(order_call(hold, **given), agreed)


@pytest.mark.parametrize("moved", ["2026-06-01T14:00:00+02:00", "2026-06-02T20:45:00+02:00"])
async def test_a_session_that_the_api_moved_after_the_yes_is_not_ordered(moved: str) -> None:
    upstream: list[str | None] = [None]

    def rewritten(path: str, body: Body) -> None:
        if "/sessions/" in path and upstream[0] is not None:
            body["startsAt"] = upstream[0]

    async with staged(selling=("museum",), rewrite=rewritten) as stage:
        session = stage.sandbox.landmarks["free_session"]
        (hold,) = (await stage.reserve(stage.wish("timed_offer", 1, session))).holds
        nonce = await stage.confirmed(hold)
        upstream[0] = moved
        with pytest.raises(Refusal) as refusal:
            await placed(stage, hold, confirmation=nonce)
        assert refusal.value.code is Code.APPROVAL_REQUIRED
        assert stage.sent("createOrders") == 0
        asked = await stage.app.booking.ordering.question(order_call(hold))
        assert asked is not None
        assert [at.isoformat() for at in asked.holds[0].lines[0].starts_at] == [moved]
        assert (await stage.ordered(hold)).state is OrderState.ORDERED


@pytest.mark.parametrize("is_read", [False, True])
async def test_a_session_that_moved_is_another_agreement_and_one_not_read_is_not(
    monkeypatch: pytest.MonkeyPatch, *, is_read: bool
) -> None:
    async with staged(selling=("museum",)) as stage:
        session = stage.sandbox.landmarks["free_session"]
        (hold,) = (await stage.reserve(stage.wish("timed_offer", 1, session))).holds
        nonce = await stage.confirmed(hold)
        (line,) = hold.lines
        times = {i: at + timedelta(hours=1) for i, at in line.times.items()} if is_read else {}

        async def other(self: object, found: object, language: str) -> BookedNames:
            return BookedNames({}, times)

        monkeypatch.setattr(ProductNames, "for_reservations", other)
        if is_read:
            with pytest.raises(Refusal) as refusal:
                await placed(stage, hold, confirmation=nonce)
            assert refusal.value.code is Code.APPROVAL_REQUIRED
        else:
            assert (await placed(stage, hold, confirmation=nonce)).orders
