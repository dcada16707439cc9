"""Offers, sessions and bookings by the words in which the sandbox declares what it sells."""

from datetime import date, time

import pytest

from korus_mcp.sandbox import Sandbox
from tests.sandbox.caller import HOLDER, Caller

pytestmark = pytest.mark.anyio
DAY = date(2026, 6, 10)
"""A Wednesday after the sandbox's first day."""


async def test_a_reservation_tells_what_it_is_for(sandbox: Sandbox, caller: Caller) -> None:
    offer = sandbox.offer_id("museum", "Reduced price", DAY)
    sandbox.set_session_stock(sandbox.session_id("museum", DAY, time(12, 30)), 9)
    await caller.reserve(await caller.item(sandbox.iri(offer), 2, slot=5))
    (held,) = sandbox.reservations()
    assert (held.offer_id, held.base, held.product) == (offer, "museum", "Reduced price")
    assert (held.date, [moment.time() for moment in held.starts_at]) == (DAY, [time(12, 30)])
    assert held.arrangement == "UNKNOWN"


async def test_an_order_tells_who_uses_its_tickets(sandbox: Sandbox, caller: Caller) -> None:
    order = await caller.booked("beneficiary_offer")
    assert sandbox.orders()[0].beneficiaries == (None,)
    ticket = order["items"][0]["tickets"][0]
    await caller.send("PATCH", ticket["@id"], {"beneficiary": HOLDER})
    assert sandbox.orders()[0].beneficiaries == (HOLDER,)


async def test_a_named_session_is_the_one_that_is_sold(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_session_stock(sandbox.session_id("museum", DAY, time(12, 30)), 1)
    offer = sandbox.iri(sandbox.offer_id("museum", "Full price", DAY))
    outcome = await caller.reserve(await caller.item(offer, 2, slot=5))
    assert outcome["failedReservations"][0]["code"] == "INSUFFICIENT_STOCK"


@pytest.mark.parametrize(
    ("base", "product", "day"),
    [
        ("aquarium", "Full price", DAY),
        ("museum", "Half price", DAY),
        ("museum", "Full price", None),
        ("museum", "Full price", date(2026, 6, 9)),
    ],
)
def test_what_is_not_on_sale_has_no_id(
    sandbox: Sandbox, base: str, product: str, day: date | None
) -> None:
    with pytest.raises(KeyError):
        sandbox.offer_id(base, product, day)
    with pytest.raises(KeyError):
        sandbox.session_id(base, day or DAY, time(12, 40))
