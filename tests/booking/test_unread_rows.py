"""Rows of a list that nobody can read: they are there, and no list is empty because of them."""

from collections.abc import Callable
from typing import Any

import pytest

from korus_mcp.booking.ordering import OrderState
from korus_mcp.refusals import Code
from korus_mcp.sandbox import DropAfter
from korus_mcp.tools.find_orders import OrderRow
from tests.booking.stage import OWNER, staged

pytestmark = pytest.mark.anyio
Body = dict[str, Any]


def no_row(body: Body) -> None:
    body["member"] = [None for _ in body["member"]]


def no_id(body: Body) -> None:
    for each in body["member"]:
        each |= {"id": None, "@id": "/.well-known/genid/1"}


def other_ids(body: Body) -> None:
    for each in body["member"]:
        each |= {"id": {"value": each["id"]}}


def counted_only(body: Body) -> None:
    body["member"] = []


UNREAD_ROWS = [no_row, no_id, other_ids, counted_only]


@pytest.mark.parametrize("spoil", UNREAD_ROWS)
async def test_an_order_in_a_row_nobody_can_read_is_not_one_that_was_never_made(
    spoil: Callable[[Body], None],
) -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/booking/orders"):
            spoil(body)
        if "/reservations/" in path:
            body["order"] = None

    async with staged(rewrite=spoiled) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(DropAfter(), "createOrders")
        placed = await stage.place(hold, confirmation=nonce)
        assert placed.state is OrderState.IN_DOUBT
        assert placed.not_later_than is not None
        stage.move((placed.not_later_than - stage.clock.now()).total_seconds() + 2)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
        assert len(stage.sandbox.orders()) == 1


@pytest.mark.parametrize("spoil", UNREAD_ROWS)
async def test_where_no_session_can_be_read_none_is_said_to_be_full(
    spoil: Callable[[Body], None],
) -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/sessions"):
            spoil(body)

    async with staged(rewrite=spoiled, selling=("museum",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert (obstacle.code, obstacle.reason) == (
            Code.NOT_BOOKABLE,
            "one of its sessions cannot be read",
        )


async def test_an_offer_with_a_ticket_nobody_can_read_is_not_booked_without_it() -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/tickets"):
            body["member"].append(None)

    async with staged(rewrite=spoiled) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("park_offer"), "en")
        obstacle = quote.obstacle(1)
        assert obstacle is not None
        assert obstacle.reason == "a ticket in it cannot be read"


@pytest.mark.parametrize("spoil", [no_row, no_id, other_ids])
async def test_a_document_nobody_can_read_is_not_one_that_is_still_to_come(
    spoil: Callable[[Body], None],
) -> None:
    def spoiled(path: str, body: Body) -> None:
        if path.endswith("/documents"):
            spoil(body)

    async with staged(rewrite=spoiled) as stage:
        order_id = await stage.bought()
        issued = await stage.app.booking.office.of_order(OWNER, order_id, "en")
        assert issued.unread == ("a document of it",)


@pytest.mark.parametrize(
    "state",
    [
        lambda order: order.update(currency="CHF"),
        lambda order: order.update(currencyCode="CHF"),
        lambda order: order.update(total={"amount": "45.00", "currency": "CHF"}),
        lambda order: [item.update(currency="CHF") for item in order["items"]],
    ],
)
async def test_an_order_in_another_currency_is_not_told_in_euro(
    state: Callable[[Body], object],
) -> None:
    def foreign(path: str, body: Body) -> None:
        for each in (body, *(body.get("orders") or ()), *(body.get("member") or ())):
            if "connectorReference" in each:
                state(each)

    async with staged(rewrite=foreign) as stage:
        hold = await stage.held()
        ordered = await stage.ordered(hold)
        assert ordered.state is OrderState.ORDERED
        assert str(ordered.orders[0].total) == "45.00 CHF"
        order = await stage.app.booking.orders.order(OWNER, ordered.orders[0].id)
        assert OrderRow.of(order).total == "45.00 CHF"
