"""Hosts that start a server for each call: all of them act in one sandbox, and none is in the way.

LangChain's `get_tools()`, LlamaIndex, CrewAI, ADK for JavaScript, mcporter and
supergateway do so (tests/hosts runs them).
"""

from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.fixtures.assistant import CUSTOMER, ERAS, HOLDER, Answer, Assistant, Json
from tests.fixtures.hosts import child_environment, stdio_server
from tests.fixtures.one_call import MUSEUM, Host, host

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)
SKI = "named ski pass"
TICKET = "undated 1-day ticket"


@BOTH_ERAS
async def test_a_whole_booking_takes_a_process_for_each_call(mode: str, tmp_path: Path) -> None:
    one = host(tmp_path, mode)
    reservation = await one.held(await one.bookable(SKI, 1))
    seen = await one.call("get_reservation", reservation_ids=[reservation])
    assert seen["reservations"][0]["state"] == "held"
    order = await one.ordered(reservation)
    order_id = order["order_id"]
    tickets = await one.call("get_tickets", order_id=order_id)
    people = [
        {"ticket_id": ticket["ticket_id"]}
        | {name: HOLDER[name] for name in ticket["beneficiary_fields_needed"]}
        for ticket in tickets["tickets"]
    ]
    named = await one.call("name_beneficiaries", order_id=order_id, beneficiaries=people)
    assert named
    seen = await one.call("get_reservation", reservation_ids=[reservation])
    assert seen["reservations"][0]["state"] == "ordered"
    assert seen["reservations"][0]["order_id"] == order_id
    found = await one.call("find_orders", reference=order["reference"])
    assert [each["order_id"] for each in found["orders"]] == [order_id]
    saved: list[Json] = []
    while not saved:
        fetched = await one.call("get_tickets", order_id=order_id, save=True)
        saved = [each for each in fetched["documents"] if "saved_to" in each]
    assert (await anyio.Path(saved[0]["saved_to"]).read_bytes()).startswith(b"%PDF")


@BOTH_ERAS
async def test_an_equal_call_is_answered_by_the_next_process_with_the_same(
    mode: str, tmp_path: Path
) -> None:
    one = host(tmp_path, mode)
    async with one.staying():
        item = await one.bookable(MUSEUM, 8) | {"quantity": 2}
    reservation = await one.held(item)
    again = await one.call("reserve", items=[item])
    assert (again["reservations"][0]["reservation_id"], again["replayed"]) == (reservation, True)
    more = await one.held(item, again=True)
    assert more != reservation
    wish = await one.confirmed(reservation)
    first, second = [await one.call("place_order", **wish) for _ in range(2)]
    assert first["orders"] == second["orders"]
    assert second["replayed"] is True


async def test_what_an_earlier_process_showed_is_known_when_the_price_moves(
    tmp_path: Path,
) -> None:
    one, other = host(tmp_path), host(tmp_path, name="other")
    async with other.staying():
        item = await other.bookable("abyss exhibition")
    found = await one.call("search_products", query="abyss exhibition")
    await one.call("get_offers", product_base_id=found["products"][0]["product_base_id"])
    made = await one.call("reserve", items=[item])
    assert made["price_moves"], "its price at the till is another than in lists"
    assert "price_moves" not in await other.call("reserve", items=[item]), "it was told before"


async def test_another_host_sees_no_hold_and_shares_the_stock(tmp_path: Path) -> None:
    one, other = host(tmp_path, name="one"), host(tmp_path, name="other", PROFILE="buyer")
    async with one.staying():
        item = await one.bookable(MUSEUM, 8) | {"quantity": 2}
    made: list[str] = []

    async def hold(each: Host) -> None:
        made.append(await each.held(item))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold, one)
        tasks.start_soon(hold, other)
    assert len(set(made)) == 2, "an equal wish of another host is another hold"
    mine = await one.held(item)
    theirs = next(each for each in made if each != mine)
    hidden = await one.ask("get_reservation", reservation_ids=[theirs])
    assert hidden.code == "NOT_FOUND"
    refused = await one.ask("place_order", reservation_ids=[theirs], customer=CUSTOMER)
    assert refused.code == "NOT_FOUND"


async def test_the_last_places_are_sold_to_one_of_two_hosts(tmp_path: Path) -> None:
    one = host(tmp_path, name="one", MAX_TICKETS="1000", MAX_DAY_AMOUNT="100000000")
    other = host(tmp_path, name="other", MAX_TICKETS="1000", MAX_DAY_AMOUNT="100000000")
    async with one.staying():
        offer, session, left = await few_left(one)
    items = [{"offer_id": offer, "quantity": left, "session_ids": [session]}]
    answers: list[Answer] = []

    async def hold(each: Host) -> None:
        answers.append(await each.ask("reserve", items=items))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold, one)
        tasks.start_soon(hold, other)
    held = [each for each in answers if not each.result.is_error and each.data["state"] == "held"]
    assert len(held) == 1
    (refused,) = (each for each in answers if each not in held)
    is_sold_out = refused.result.is_error and refused.code == "SOLD_OUT"
    assert is_sold_out or refused.data["state"] == "failed"


async def few_left(one: Host) -> tuple[str, str, int]:
    """An offer's session that can be held whole: its issuer sells a hundred at once, no more."""
    found = await one.call("search_products", query=MUSEUM)
    for base in (each["product_base_id"] for each in found["products"]):
        table = await one.call("get_offers", product_base_id=base)
        for row in [row for day in table["days"] for row in day["offers"]][:6]:
            asked = await one.call("check_availability", offer_id=row["offer_id"], quantity=1)
            for session in asked.get("sessions", ()):
                if 0 < (session.get("left") or 0) <= 100:
                    return row["offer_id"], session["session_id"], session["left"]
    raise AssertionError("no session with few places left")


async def test_trying_it_all_day_does_not_use_up_what_may_be_spent_in_one(tmp_path: Path) -> None:
    one = host(tmp_path, MAX_DAY_AMOUNT="60", MAX_ORDER_AMOUNT="60")
    async with one.staying():
        item = await one.bookable(TICKET)
    totals = [(await one.ordered(await one.held(item)))["total"] for _ in range(3)]
    assert sum(float(each.partition(" ")[0]) for each in totals) > 60


async def test_within_one_process_the_limit_of_the_day_holds(tmp_path: Path) -> None:
    environment = child_environment(tmp_path, MAX_DAY_AMOUNT="60", MAX_ORDER_AMOUNT="60")
    item = await Host(environment).bookable(TICKET)
    async with Client(stdio_server(environment)) as client:
        assistant = Assistant(client)
        await assistant.booked(item["offer_id"])
        held = await assistant.ask("reserve", {"items": [item]})
        reservation = held.data["reservations"][0]["reservation_id"]
        wish = {"reservation_ids": [reservation], "customer": CUSTOMER}
        summary = await assistant.ask("place_order", wish)
        if not summary.result.is_error:
            wish |= {"confirmation": summary.data["confirmation"]}
            summary = await assistant.ask("place_order", wish)
        assert summary.code == "LIMIT_EXCEEDED"


async def test_a_server_that_stays_and_one_for_each_call_act_in_one_world(tmp_path: Path) -> None:
    one = host(tmp_path)
    async with one.staying():
        item = await one.bookable(MUSEUM)
    async with Client(stdio_server(one.environment), client_info=one.introduced) as client:
        assistant = Assistant(client)
        reservation = await one.held(item)
        order = await assistant.order(reservation)
        tickets = await one.call("get_tickets", order_id=order["orders"][0]["order_id"])
        assert tickets["tickets"]
