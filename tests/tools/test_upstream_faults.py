"""What gateways do wrong reaches an assistant as a clear code, never as their own text."""

import os
from pathlib import Path
from typing import Any

import pytest

from korus_mcp.sandbox import (
    Answer,
    DropAfter,
    DropBefore,
    NotAnObject,
    Oversize,
    Truncate,
)
from korus_mcp.sandbox.operations import DOWNLOAD
from tests.fixtures.assistant import CUSTOMER, Desk, desk, settings_of

pytestmark = pytest.mark.anyio
LEAKS = (
    "<html",
    "gateway",
    "Scripted",
    "not an object",
    "aaaa",
    "sandbox.invalid",
    "Bearer",
    "/v1/",
)
READ_FAULTS: dict[str, tuple[Any, str]] = {
    "an HTML 502": (Answer(status=502), "UPSTREAM_UNAVAILABLE"),
    "an HTML 500": (Answer(status=500), "UPSTREAM_UNAVAILABLE"),
    "an empty 401": (Answer(status=401, body="empty"), "MISCONFIGURED"),
    "a 403": (Answer(status=403, body="problem"), "NOT_ALLOWED"),
    "a 418": (Answer(status=418), "UPSTREAM_UNAVAILABLE"),
    "a 429 without Retry-After": (Answer(status=429, body="empty"), "SERVER_BUSY"),
    "a 429 with Retry-After": (Answer(status=429, retry_after="120"), "SERVER_BUSY"),
    "a redirect": (Answer(status=302, body="empty"), "UPSTREAM_UNAVAILABLE"),
    "a truncated body": (Truncate(), "UPSTREAM_UNAVAILABLE"),
    "a body of 10 MB": (Oversize(), "UPSTREAM_UNAVAILABLE"),
    "JSON that is no object": (NotAnObject(), "UPSTREAM_UNAVAILABLE"),
    "a dropped connection": (DropBefore(), "UPSTREAM_UNAVAILABLE"),
}


def reading(desk: Desk, operation: str) -> tuple[str, dict[str, Any]]:
    """A call that needs an answer of an operation."""
    base, offer = desk.handle("park_base"), desk.handle("park_offer")
    return {
        "listCatalogs": ("search_products", {"query": "museum"}),
        "listProductBases": ("search_products", {"query": "museum"}),
        "getProductBase": ("get_offers", {"product_base_id": base}),
        "listOffers": ("get_offers", {"product_base_id": base}),
        "getOffer": ("check_availability", {"offer_id": offer}),
        "getOfferAvailability": ("check_availability", {"offer_id": offer}),
        "getToken": ("search_products", {"query": "museum"}),
    }[operation]


@pytest.mark.parametrize("fault", READ_FAULTS)
@pytest.mark.parametrize("operation", ["listCatalogs", "getOfferAvailability"])
async def test_a_read_that_fails_has_its_own_clear_error(
    fault: str, operation: str, desk: Desk
) -> None:
    action, code = READ_FAULTS[fault]
    desk.sandbox.faults.add(action, operation, times=None)
    tool, arguments = reading(desk, operation)
    answer = await desk.ask(tool, arguments)
    assert answer.code == code
    assert answer.error["effect"] == "none"
    assert answer.error["next"]
    for leak in LEAKS:
        assert leak not in answer.wire
    if fault == "a 429 with Retry-After":
        assert answer.error["retry_after_seconds"] == 120
    if code in {"SERVER_BUSY", "UPSTREAM_UNAVAILABLE"}:
        assert answer.error["retry_after_seconds"] > 0
    desk.sandbox.faults.clear()
    assert not (await desk.ask(tool, arguments)).result.is_error


@pytest.mark.parametrize(
    "operation", ["listProductBases", "getProductBase", "listOffers", "getOffer"]
)
async def test_whatever_read_fails_the_code_is_the_same(operation: str, desk: Desk) -> None:
    desk.sandbox.faults.add(Answer(status=502), operation, times=None)
    tool, arguments = reading(desk, operation)
    assert (await desk.ask(tool, arguments)).code == "UPSTREAM_UNAVAILABLE"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "MISCONFIGURED"), (400, "MISCONFIGURED"), (503, "UPSTREAM_UNAVAILABLE")],
)
async def test_a_token_that_is_not_given_out_is_told_apart(
    status: int, code: str, desk: Desk
) -> None:
    desk.sandbox.faults.add(Answer(status=status), "getToken", times=None)
    assert (await desk.ask("search_products", {"query": "museum"})).code == code


@pytest.mark.parametrize("action", [Answer(status=502), Answer(status=429, retry_after="1")])
async def test_a_read_that_fails_once_is_repeated_and_succeeds(action: Answer, desk: Desk) -> None:
    desk.sandbox.faults.add(action, "getOfferAvailability")
    live = await desk.call("check_availability", offer_id=desk.handle("park_offer"))
    assert live["bookable"]
    assert desk.sent("getOfferAvailability") == 2


REFUSED = {
    "a 400": (Answer(status=400, body="problem"), "UPSTREAM_REFUSED"),
    "a 403": (Answer(status=403, body="problem"), "NOT_ALLOWED"),
    "a 422": (Answer(status=422), "UPSTREAM_REFUSED"),
    "a 429": (Answer(status=429, body="empty"), "SERVER_BUSY"),
    "an empty 401": (Answer(status=401, body="empty"), "MISCONFIGURED"),
}
UNKNOWN: dict[str, Any] = {
    "an HTML 502": Answer(status=502),
    "a dropped connection": DropBefore(),
    "a lost answer": DropAfter(),
    "a truncated body": Truncate(),
    "a body of 10 MB": Oversize(),
    "JSON that is no object": NotAnObject(),
}


@pytest.mark.parametrize("fault", REFUSED)
async def test_a_hold_that_is_refused_holds_nothing_and_says_so(fault: str, desk: Desk) -> None:
    action, code = REFUSED[fault]
    desk.sandbox.faults.add(action, "createReservations", times=None)
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    answer = await desk.ask("reserve", {"items": items})
    assert answer.code == code
    assert answer.error["effect"] == "none"
    assert not desk.sandbox.reservations()
    assert "Scripted" not in answer.wire


@pytest.mark.parametrize("fault", UNKNOWN)
async def test_a_hold_with_an_unknown_outcome_is_in_doubt_and_sent_once(
    fault: str, desk: Desk
) -> None:
    desk.sandbox.faults.add(UNKNOWN[fault], "createReservations")
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    answer = await desk.ask("reserve", {"items": items})
    assert answer.data["state"] == "in_doubt"
    assert desk.sent("createReservations") == 1
    for leak in LEAKS:
        assert leak not in answer.wire


async def confirmed(desk: Desk) -> dict[str, Any]:
    items = [{"offer_id": desk.handle("park_offer"), "quantity": 1}]
    hold = (await desk.call("reserve", items=items))["reservations"][0]["reservation_id"]
    asked = {"reservation_ids": [hold], "customer": CUSTOMER}
    summary = await desk.call("place_order", **asked)
    return {**asked, "confirmation": summary["confirmation"]}


@pytest.mark.parametrize("fault", REFUSED)
async def test_an_order_that_is_refused_has_failed_and_is_sent_at_most_twice(
    fault: str, desk: Desk
) -> None:
    asked = await confirmed(desk)
    desk.sandbox.faults.add(REFUSED[fault][0], "createOrders", times=None)
    answer = await desk.ask("place_order", asked)
    assert answer.data["state"] == "failed"
    assert "Scripted" not in answer.wire
    assert not desk.sandbox.orders()
    assert desk.sent("createOrders") <= 2  # once more with a new token after a 401


@pytest.mark.parametrize("fault", UNKNOWN)
async def test_an_order_with_an_unknown_outcome_is_looked_up_and_sent_once(
    fault: str, desk: Desk
) -> None:
    asked = await confirmed(desk)
    desk.sandbox.faults.add(UNKNOWN[fault], "createOrders")
    answer = await desk.ask("place_order", asked)
    was_made = bool(desk.sandbox.orders())
    assert answer.data["state"] == ("ordered" if was_made else "in_doubt")
    assert desk.sent("createOrders") == 1
    assert was_made == (fault in {"a lost answer", "a truncated body"})


@pytest.mark.parametrize("fault", [*UNKNOWN, *REFUSED])
async def test_a_name_that_may_not_have_arrived_is_never_called_named(
    fault: str, desk: Desk
) -> None:
    order = await desk.booked(desk.handle("beneficiary_offer"))
    tickets = (await desk.call("get_tickets", order_id=order["order_id"]))["tickets"]
    person = {"firstname": "Ada", "lastname": "Byron", "date_of_birth": "1990-12-10"}
    people = [{"ticket_id": tickets[0]["ticket_id"], **person}]
    action = UNKNOWN[fault] if fault in UNKNOWN else REFUSED[fault][0]
    desk.sandbox.faults.add(action, "setTicketBeneficiary", times=None)
    asked = {"order_id": order["order_id"], "beneficiaries": people}
    answer = await desk.call("name_beneficiaries", **asked)
    outcome = answer["tickets"][0]["outcome"]
    arrived = fault in {"a lost answer", "a truncated body"}
    assert (outcome == "named") == arrived
    assert answer.get("still_waiting", 0) == (0 if arrived else 1)
    desk.sandbox.faults.clear()
    again = await desk.call("name_beneficiaries", **asked)
    assert again["tickets"][0]["outcome"] == "named"


@pytest.mark.parametrize("operation", ["createOrderDocumentLink", DOWNLOAD])
@pytest.mark.parametrize("fault", ["an HTML 502", "a 403", "JSON that is no object"])
async def test_a_document_that_cannot_be_fetched_is_refused_and_nothing_is_saved(
    operation: str, fault: str, tmp_path: Path
) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path))) as each:
        order = await each.booked(each.handle("park_offer"))
        each.sandbox.faults.add(READ_FAULTS[fault][0], operation, times=None)
        answer = await each.ask("get_tickets", {"order_id": order["order_id"], "save": True})
        assert answer.result.is_error
        assert not os.listdir(tmp_path)
        for leak in LEAKS:
            assert leak not in answer.wire
