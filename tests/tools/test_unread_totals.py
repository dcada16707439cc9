"""What an order came to and cannot be read is told as such, wherever orders are shown."""

from typing import Any

import pytest

from korus_mcp.sandbox import Answer as Fault
from korus_mcp.tools.find_orders import OrderRow
from tests.booking.stage import OWNER, staged
from tests.fixtures.assistant import desk, settings_of

pytestmark = pytest.mark.anyio
UNREAD: list[Any] = ["about 45", {"amount": 45}, True, "45.001", "NaN"]


def coming_to(total: object) -> Any:
    def rewrite(path: str, body: dict[str, Any]) -> None:
        if "/orders/" in path and "totalAmountInclTax" in body:
            body["totalAmountInclTax"] = total

    return rewrite


@pytest.mark.parametrize("total", UNREAD, ids=str)
async def test_a_total_that_cannot_be_read_is_told_and_not_left_out(total: Any) -> None:
    from korus_mcp.answers.orders import whole_view

    async with staged(rewrite=coming_to(total)) as stage:
        order_id = await stage.bought()
        order = await stage.app.booking.orders.order(OWNER, order_id)
        row = OrderRow.of(order)
        assert row.total == "not readable"
        assert "its total cannot be read" in row.text()
        issued = await stage.app.booking.tickets.of_order(OWNER, order_id, "en")
        assert whole_view(stage.app, issued).total == "not readable"


async def test_a_total_that_is_not_stated_is_said_to_be_so() -> None:
    async with staged(rewrite=coming_to(None)) as stage:
        order = await stage.app.booking.orders.order(OWNER, await stage.bought())
        assert OrderRow.of(order).total is None
        assert "its total is not stated" in OrderRow.of(order).text()


@pytest.mark.parametrize("asked", [{}, {"created_from": "2026-06-01"}, {"reference": "trip"}])
async def test_orders_that_are_not_shown_are_counted(asked: dict[str, str]) -> None:
    async with desk(settings_of(SCOPE="own"), only=("park",)) as each:
        for quantity in (1, 2):
            item = {"offer_id": each.handle("park_offer"), "quantity": quantity}
            held = await each.call("reserve", items=[item])
            await each.order(held["reservations"][0]["reservation_id"], reference="trip")
        whole = await each.call("find_orders", **asked)
        assert "are not shown" not in whole.get("note", "")
        each.sandbox.faults.add(Fault(status=404, body="problem"), "getOrder")
        part = await each.call("find_orders", **asked)
        assert part["shown"] == 1
        assert "1 orders that were made are not shown by KorusTicket" in part["note"]
