"""KorusTicket asks to slow down: every tool that books says how long to wait, and what was done."""

from typing import Any

import pytest

from korus_mcp.sandbox import Answer as Fault
from tests.fixtures.assistant import CUSTOMER, ERAS, HOLDER, Answer, Desk, desk

pytestmark = pytest.mark.anyio
BUSY = Fault(status=429, retry_after="17")


def told(answer: Answer) -> tuple[str | None, Any, Any]:
    return answer.code, answer.error["effect"], answer.error["retry_after_seconds"]


async def held(each: Desk, landmark: str, quantity: int) -> str:
    item = {"offer_id": each.handle(landmark), "quantity": quantity}
    made = await each.call("reserve", items=[item])
    return str(made["reservations"][0]["reservation_id"])


@pytest.mark.parametrize("mode", ERAS)
async def test_a_hold_and_an_order_wait_and_are_made_then(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        item = {"offer_id": each.handle("park_offer"), "quantity": 1}
        each.sandbox.faults.add(BUSY, "createReservations")
        assert told(await each.ask("reserve", {"items": [item]})) == ("SERVER_BUSY", "none", 17)
        hold = await held(each, "park_offer", 1)
        wish = {"reservation_ids": [hold], "customer": CUSTOMER}
        nonce = (await each.call("place_order", **wish))["confirmation"]
        each.sandbox.faults.add(BUSY, "createOrders")
        answer = await each.ask("place_order", {**wish, "confirmation": nonce})
        assert told(answer) == ("SERVER_BUSY", "none", 17)
        assert not each.sandbox.orders()
        made = await each.order(hold)
        assert made["state"] == "ordered"


async def test_names_that_were_turned_away_are_sent_again_later() -> None:
    async with desk(only=("ski",)) as each:
        made = await each.order(await held(each, "beneficiary_offer", 2))
        order_id = made["orders"][0]["order_id"]
        shown = await each.call("get_tickets", order_id=order_id)
        ids = [ticket["ticket_id"] for ticket in shown["tickets"]]
        wish = {"order_id": order_id, "beneficiaries": [{"ticket_id": i, **HOLDER} for i in ids]}
        each.sandbox.faults.add(BUSY, "setTicketBeneficiary", times=2)
        assert told(await each.ask("name_beneficiaries", wish)) == ("SERVER_BUSY", "none", 17)
        each.sandbox.faults.add(BUSY, "setTicketBeneficiary")
        some = await each.call("name_beneficiaries", **wish)
        assert [t["outcome"] for t in some["tickets"]] == ["not_sent", "named"]
        assert "in 17 s" in some["next"]
        all_of_them = await each.call("name_beneficiaries", **wish)
        assert [t["outcome"] for t in all_of_them["tickets"]] == ["named"]
