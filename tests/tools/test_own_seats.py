"""Who holds or has ordered seats finds them again on the seat map, and nobody else's."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from korus_mcp.sandbox import Answer as Fault
from korus_mcp.tools.get_seat_map import SHEET
from tests.fixtures.assistant import APPS, Answer, Desk, desk, settings_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop() -> AsyncIterator[Desk]:
    async with desk(settings_of(MCP_LINKS="on"), only=("hall",), extensions=[APPS]) as opened:
        yield opened


async def _seen(shop: Desk, **wish: Any) -> Answer:
    answer = await shop.ask("get_seat_map", {"product_base_id": shop.handle("hall_base"), **wish})
    assert not answer.result.is_error, answer.text
    return answer


async def _held(shop: Desk, quantity: int = 2) -> tuple[str, list[dict[str, Any]], str]:
    """A hold with numbered seats: its id, its seats as reserve tells them, its session."""
    zones = (await _seen(shop, quantity=quantity)).data["zones"]
    offer = next(z["offers"][0]["offer_id"] for z in zones if "rows" in z)
    checked = await shop.call("check_availability", offer_id=offer, quantity=quantity)
    session = next(s["session_id"] for s in checked["sessions"] if s.get("left", 9) >= quantity)
    item = {"offer_id": offer, "quantity": quantity, "session_ids": [session]}
    (hold,) = (await shop.call("reserve", items=[item]))["reservations"]
    return hold["reservation_id"], hold["seats"], session


def _places(seats: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(s["zone"], s["row"], number) for s in seats for number in s["seats"]]


def _sheet(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = (answer.result.meta or {})[SHEET]
    return found


async def test_held_seats_are_told_in_text_and_structure_and_are_on_the_page(shop: Desk) -> None:
    _, seats, session = await _held(shop)
    answer = await _seen(shop, session_id=session)
    assert _places(answer.data["yours"]) == _places(seats)
    for zone, row, number in _places(seats):
        assert re.search(
            rf"Yours: zone {zone}, row {row}, seats .*\b{number}\b.*\(held\)", answer.text
        )
    sheet = _sheet(answer)
    assert [(y["zone"], y["row"], y["seat"]) for y in sheet["yours"]] == _places(seats)
    for yours in sheet["yours"]:
        assert yours["found"]
        zone = next(z for z in sheet["zones"] if z["n"] == yours["n"])
        assert zone["name"] == yours["zone"]
        x, y = yours["at"]
        assert any(f" {x} {y} " in f" {row} " for row in zone["rows"])


async def test_the_picture_at_the_address_rings_them(shop: Desk) -> None:
    address = (await _seen(shop)).drawn_at
    (content,) = (await shop.client.read_resource(address)).contents
    assert "Yours" not in content.model_dump_json()
    _, seats, session = await _held(shop)
    address = (await _seen(shop, session_id=session)).drawn_at
    (content,) = (await shop.client.read_resource(address)).contents
    (zone, row, _), *_ = _places(seats)
    assert f"{zone}, row {row}" in content.model_dump_json()


async def test_ordered_seats_are_told_as_such(shop: Desk) -> None:
    reservation_id, seats, session = await _held(shop)
    assert (await shop.order(reservation_id))["state"] == "ordered"
    answer = await _seen(shop, session_id=session)
    assert _places(answer.data["yours"]) == _places(seats)
    assert all(group["ordered"] for group in answer.data["yours"])
    assert "(ordered)" in answer.text


async def test_a_seat_that_the_map_does_not_have_is_said_not_to_be_found(shop: Desk) -> None:
    """The hall has another layout in the afternoon than in the evening."""
    _, seats, _ = await _held(shop)
    answer = await _seen(shop)
    (group,) = answer.data["yours"]
    assert (_places([group]), group["not_found"]) == (_places(seats), True)
    assert "(held, not found on this map)" in answer.text
    assert not _sheet(answer)["yours"][0].get("found")


async def test_another_session_and_another_day_have_other_seats(shop: Desk) -> None:
    _, _, session = await _held(shop)
    offer = (await _seen(shop)).data["zones"][0]["offers"][0]["offer_id"]
    days = (await shop.call("get_offers", product_base_id=shop.handle("hall_base")))["days"]
    other = next(d["date"] for d in days if d["date"] != days[0]["date"])
    assert "yours" not in (await _seen(shop, date=other)).data
    for each in (await shop.call("check_availability", offer_id=offer))["sessions"]:
        told = (await _seen(shop, session_id=each["session_id"])).data
        assert ("yours" in told) == (each["session_id"] == session)


async def test_seats_of_a_hold_that_is_over_are_nobodys(shop: Desk) -> None:
    await _held(shop)
    shop.clock.advance(1300)
    assert "yours" not in (await _seen(shop)).data


async def test_a_cancelled_order_has_no_seats(shop: Desk) -> None:
    reservation_id, _, _ = await _held(shop)
    made = await shop.order(reservation_id)
    shop.sandbox.cancel_order(made["orders"][0]["order_id"])
    assert "yours" not in (await _seen(shop)).data


async def test_who_holds_nothing_costs_no_request(shop: Desk) -> None:
    await _seen(shop)
    before = shop.sent("getReservation"), shop.sent("getOrder")
    await _seen(shop)
    shop.clock.advance(30)
    await _seen(shop)
    assert (shop.sent("getReservation"), shop.sent("getOrder")) == before


async def test_what_could_not_be_read_is_said(shop: Desk) -> None:
    await _held(shop)
    shop.sandbox.faults.add(Fault(status=500), "getReservation", times=None)
    answer = await _seen(shop)
    assert "could be read: more of these seats may be yours" in answer.text
