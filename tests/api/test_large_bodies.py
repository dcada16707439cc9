"""Large answers become objects off the event loop, small ones at once."""

import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, TypeVar

import pytest

from korus_mcp.api import CustomerInput, KorusApi, OrderRequest
from korus_mcp.api.jsonld import LARGE, is_large
from tests.api.wire import Net

pytestmark = pytest.mark.anyio
Read = TypeVar("Read")
ORDER = "/v1/booking/orders/o1"
OFFERS = "/v1/ticketing/catalogs/c1/offers"
TICKETS = 20_000


def tickets(count: int) -> list[dict[str, Any]]:
    return [{"id": f"t{n}", "voucher": "v", "status": "valid"} for n in range(count)]


def an_order(count: int) -> dict[str, Any]:
    return {"id": "o1", "items": [{"id": "i1", "tickets": tickets(count)}]}


async def counted(doing: Callable[[], Awaitable[Read]]) -> tuple[int, Read]:
    """How often a model is read in the thread of the event loop, and what came of it."""
    times = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal times
        del argument
        times += event == "call" and frame.f_code.co_name == "_read_leniently"

    before = sys.getprofile()
    sys.setprofile(count)  # of this thread alone
    try:
        found = await doing()
    finally:
        sys.setprofile(before)
    return times, found


def order_of(api: KorusApi) -> Callable[[], Awaitable[Any]]:
    return lambda: api.booking.get_order("o1")


def made_by(api: KorusApi) -> Callable[[], Awaitable[Any]]:
    customer = CustomerInput(firstname="Ada", lastname="Lovelace", email="ada@example.org")
    request = OrderRequest(
        reservation_iris=("/v1/booking/reservations/r1",),
        customer=customer,
        external_reference="k1",
    )
    return lambda: api.booking.create_orders(request)


def offers_of(api: KorusApi) -> Callable[[], Awaitable[Any]]:
    return lambda: api.ticketing.list_offers("c1").all()


async def test_an_answer_of_thousands_of_values_is_read_off_the_event_loop() -> None:
    net = Net()
    net.get(ORDER, an_order(TICKETS))
    net.post("/v1/booking/orders/_bulk", {"orders": [an_order(TICKETS)], "failedOrders": []})
    offers = [{"id": f"f{n}", "tickets": tickets(TICKETS // 50)} for n in range(50)]
    net.get(OFFERS, {"member": offers, "totalItems": 50})
    times, order = await counted(order_of(net.api))
    assert times == 0
    assert len(order.items[0].tickets) == TICKETS
    times, made = await counted(made_by(net.api))
    assert times == 0
    assert len(made.orders[0].items[0].tickets) == TICKETS
    times, found = await counted(offers_of(net.api))
    assert times == 0
    assert [len(offer.tickets) for offer in found] == [TICKETS // 50] * 50


async def test_a_usual_answer_needs_no_thread() -> None:
    net = Net()
    net.get(ORDER, an_order(50))
    times, order = await counted(order_of(net.api))
    assert times >= 52
    assert len(order.items[0].tickets) == 50


def test_what_is_large_is_known_after_a_look_at_so_much() -> None:
    assert not is_large({"a": "b" * 1_000_000})
    assert not is_large({"a": list(range(LARGE - 2))})
    assert is_large({"a": list(range(LARGE + 1))})
    assert is_large([[["a"] * 100] * 100])
    assert not is_large(None)
