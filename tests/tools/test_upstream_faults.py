"""What gateways do wrong reaches an assistant as a clear code, never as their own text."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from korus_mcp.sandbox import Answer, DropAfter, DropBefore, NotAnObject, Oversize, Truncate
from korus_mcp.sandbox.operations import DOWNLOAD
from tests.fixtures.assistant import CUSTOMER, Desk, desk, offers_of, settings_of
from tests.fixtures.assistant import Answer as Reply

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


def assert_clear(answer: Reply, fault: str) -> None:
    """The error of a read that failed: the right code, and nothing of the gateway's text."""
    assert answer.code == READ_FAULTS[fault][1]
    assert answer.error["effect"] == "none"
    assert answer.error["next"]
    for leak in LEAKS:
        assert leak not in answer.wire
    if fault == "a 429 with Retry-After":
        assert answer.error["retry_after_seconds"] == 120
    if answer.code in {"SERVER_BUSY", "UPSTREAM_UNAVAILABLE"}:
        assert answer.error["retry_after_seconds"] > 0


@pytest.mark.parametrize("fault", READ_FAULTS)
async def test_a_first_read_that_fails_has_its_own_clear_error(fault: str, desk: Desk) -> None:
    desk.sandbox.faults.add(READ_FAULTS[fault][0], "listCatalogs", times=None)
    assert_clear(await desk.ask("search_products", {"query": "museum"}), fault)


@pytest.mark.parametrize("fault", READ_FAULTS)
async def test_a_live_figure_that_cannot_be_read_has_its_own_clear_error(
    fault: str, desk: Desk
) -> None:
    asked = {"offer_id": desk.handle("park_offer")}
    desk.sandbox.faults.add(READ_FAULTS[fault][0], "getOfferAvailability", times=None)
    answer = await desk.ask("check_availability", asked)
    desk.sandbox.faults.clear()
    assert_clear(answer, fault)
    # A caller who waits as told is answered.
    desk.clock.advance(answer.error.get("retry_after_seconds", 0))
    assert (await desk.call("check_availability", **asked))["bookable"]


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
async def test_a_read_that_fails_once_is_repeated_and_succeeds(
    action: Answer, shared: Desk
) -> None:
    before = shared.sent("getOfferAvailability")
    shared.sandbox.faults.add(action, "getOfferAvailability")
    live = await shared.call("check_availability", offer_id=shared.handle("park_offer"))
    assert live["bookable"]
    assert shared.sent("getOfferAvailability") == before + 2


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


@dataclass
class Made:
    """What a call made upstream, and what it sent."""

    holds: int = 0
    orders: int = 0
    hold_calls: int = 0
    order_calls: int = 0

    @classmethod
    def so_far(cls, desk: Desk) -> "Made":
        return cls(
            len(desk.sandbox.reservations()),
            len(desk.sandbox.orders()),
            desk.sent("createReservations"),
            desk.sent("createOrders"),
        )


async def asked_under(
    desk: Desk, action: Any, operation: str, tool: str, arguments: dict[str, Any]
) -> tuple[Reply, Made]:
    """A call while a fault strikes an operation."""
    before = Made.so_far(desk)
    desk.sandbox.faults.add(action, operation, times=None)
    answer = await desk.ask(tool, arguments)
    desk.sandbox.faults.clear()
    after = Made.so_far(desk)
    return answer, Made(*(getattr(after, f) - getattr(before, f) for f in vars(after)))


def one_more(desk: Desk, landmark: str = "park_offer") -> dict[str, Any]:
    """A hold that no other test replays."""
    return {"items": [{"offer_id": desk.handle(landmark), "quantity": 1}], "again": True}


@pytest.mark.parametrize("fault", REFUSED)
async def test_a_hold_that_is_refused_holds_nothing_and_says_so(fault: str, shared: Desk) -> None:
    action, code = REFUSED[fault]
    where = (action, "createReservations", "reserve")
    answer, made = await asked_under(shared, *where, one_more(shared))
    assert answer.code == code
    assert answer.error["effect"] == "none"
    assert made.holds == 0
    assert "Scripted" not in answer.wire


async def test_a_hold_whose_sign_in_was_taken_back_may_be_asked_for_again(desk: Desk) -> None:
    await desk.call("search_products")
    desk.clock.advance(120)
    desk.sandbox.faults.add(Answer(status=401, body="empty"), "createReservations", times=2)
    once = await desk.ask("reserve", one_more(desk))
    assert (once.code, once.error["effect"]) == ("SERVER_BUSY", "none")
    assert once.error["retry_after_seconds"] == 1
    assert "nothing was ordered" in once.text
    twice = await desk.ask("reserve", one_more(desk))
    assert (twice.code, twice.error["effect"]) == ("MISCONFIGURED", "none")
    assert (await desk.call("reserve", **one_more(desk)))["state"] == "held"


@pytest.mark.parametrize("fault", UNKNOWN)
async def test_a_hold_with_an_unknown_outcome_is_in_doubt_and_sent_once(
    fault: str, shared: Desk
) -> None:
    where = (UNKNOWN[fault], "createReservations", "reserve")
    answer, made = await asked_under(shared, *where, one_more(shared))
    assert answer.data["state"] == "in_doubt"
    assert made.hold_calls == 1
    shared.clock.advance(answer.data["check_again_after"] + 1)  # the doubt ends for the next test
    for leak in LEAKS:
        assert leak not in answer.wire


async def confirmed(desk: Desk, offer_id: str) -> dict[str, Any]:
    """The arguments of the second step of an order."""
    items = [{"offer_id": offer_id, "quantity": 1}]
    held = await desk.call("reserve", items=items, again=True)
    hold = held["reservations"][0]["reservation_id"]
    asked = {"reservation_ids": [hold], "customer": CUSTOMER}
    summary = await desk.call("place_order", **asked)
    return {**asked, "confirmation": summary["confirmation"]}


@pytest.mark.parametrize("fault", REFUSED)
async def test_an_order_that_is_refused_has_failed_and_made_nothing(
    fault: str, shared: Desk
) -> None:
    asked = await confirmed(shared, shared.handle("park_offer"))
    where = (REFUSED[fault][0], "createOrders", "place_order")
    answer, made = await asked_under(shared, *where, asked)
    if fault == "a 429":
        assert (answer.code, answer.error["effect"]) == ("SERVER_BUSY", "none")
    else:
        assert answer.data["state"] == "failed"
    assert "Scripted" not in answer.wire
    assert made.orders == 0
    assert made.order_calls <= 2  # once more with a new token after a 401


@pytest.mark.parametrize("fault", UNKNOWN)
async def test_an_order_with_an_unknown_outcome_is_looked_up_and_sent_once(
    fault: str, shared: Desk
) -> None:
    offers = await offers_of(shared, shared.handle("park_base"), len(UNKNOWN))
    asked = await confirmed(shared, offers[[*UNKNOWN].index(fault)])
    where = (UNKNOWN[fault], "createOrders", "place_order")
    answer, made = await asked_under(shared, *where, asked)
    assert answer.data["state"] == ("ordered" if made.orders else "in_doubt")
    assert made.order_calls == 1
    assert made.orders == (1 if fault in ARRIVES else 0)


ARRIVES = {"a lost answer", "a truncated body"}
NOT_SENT = {"an empty 401": "MISCONFIGURED", "a 403": "NOT_ALLOWED", "a 429": "SERVER_BUSY"}
"""What says nothing about a name: who waits, or the operator, makes it possible."""


@pytest.mark.parametrize("fault", [*UNKNOWN, *REFUSED])
async def test_a_name_that_may_not_have_arrived_is_never_called_named(
    fault: str, shared: Desk
) -> None:
    order = (
        await shared.call(
            "place_order", **await confirmed(shared, shared.handle("beneficiary_offer"))
        )
    )["orders"][0]
    tickets = (await shared.call("get_tickets", order_id=order["order_id"]))["tickets"]
    person = {"firstname": "Ada", "lastname": "Byron", "date_of_birth": "1990-12-10"}
    asked = {
        "order_id": order["order_id"],
        "beneficiaries": [{"ticket_id": tickets[0]["ticket_id"], **person}],
    }
    action = UNKNOWN[fault] if fault in UNKNOWN else REFUSED[fault][0]
    where = (action, "setTicketBeneficiary", "name_beneficiaries")
    answer, _ = await asked_under(shared, *where, asked)
    if fault in NOT_SENT:
        assert answer.code == NOT_SENT[fault]
        assert "nothing was named" in answer.error["message"]
    else:
        outcome = answer.data["tickets"][0]["outcome"]
        assert (outcome == "named") == (fault in ARRIVES)
        assert answer.data.get("still_waiting", 0) == (0 if fault in ARRIVES else 1)
    again = await shared.call("name_beneficiaries", **asked)
    assert again["tickets"][0]["outcome"] == "named"


@pytest.mark.parametrize("operation", ["createOrderDocumentLink", DOWNLOAD])
@pytest.mark.parametrize("fault", ["an HTML 502", "a 403", "JSON that is no object"])
async def test_a_document_that_cannot_be_fetched_is_refused_and_nothing_is_saved(
    operation: str, fault: str, tmp_path: Path
) -> None:
    async with desk(settings_of(DOWNLOAD_DIR=str(tmp_path)), only=("park",)) as each:
        order = await each.booked(each.handle("park_offer"))
        each.sandbox.faults.add(READ_FAULTS[fault][0], operation, times=None)
        answer = await each.ask("get_tickets", {"order_id": order["order_id"], "save": True})
        is_told = (
            fault == "a 403" and operation != DOWNLOAD
        )  # as not ready (A20), the rest is shown
        assert answer.result.is_error != is_told
        assert not is_told or not any(d["ready"] for d in answer.data["documents"])
        assert not os.listdir(tmp_path)
        for leak in LEAKS:
            assert leak not in answer.wire
