"""One walk that calls every tool and ends with tickets in hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pypdfium2

from tests.fixtures.assistant import CUSTOMER, HOLDER, Assistant, Json


@dataclass(frozen=True)
class Booked:
    """What a walk ended with."""

    order: Json
    reservation_id: str
    tickets: Sequence[Json]
    documents: Sequence[Json]
    blocks: Sequence[Any]


async def walk(assistant: Assistant, reference: str) -> Booked:
    """From a wish to tickets in hand: a seat at a match looked at, a named ski pass booked."""
    seat = await a_seat(assistant)
    assert seat["session_id"]
    offer_id = await a_ski_pass(assistant)
    live = await assistant.call("check_availability", offer_id=offer_id)
    assert live["bookable"]
    held = await assistant.call("reserve", items=[{"offer_id": offer_id, "quantity": 1}])
    assert (held["state"], held["environment"]) == ("held", "sandbox")
    hold = held["reservations"][0]
    made = await assistant.order(hold["reservation_id"], reference=reference)
    order = made["orders"][0]
    assert (made["state"], made["environment"]) == ("ordered", "sandbox")
    assert order["reservation_id"] == hold["reservation_id"]
    await name_holders(assistant, order["order_id"])
    fetched = await assistant.ask(
        "get_tickets", {"order_id": order["order_id"], "save": True}, **FOLLOWING
    )
    state = await assistant.call("get_reservation", reservation_ids=[hold["reservation_id"]])
    assert state["reservations"][0]["state"] == "ordered"
    assert state["reservations"][0]["order_id"] == order["order_id"]
    found = await assistant.call("find_orders", reference=reference)
    assert [o["order_id"] for o in found["orders"]] == [order["order_id"]]
    assert CUSTOMER["email"] not in str(found)
    tickets = fetched.data
    return Booked(
        order=order,
        reservation_id=hold["reservation_id"],
        tickets=tickets["tickets"],
        documents=tickets["documents"],
        blocks=fetched.result.content,
    )


async def a_seat(assistant: Assistant) -> Json:
    """A session of an offer from the seat map of a match."""
    found = await assistant.call("search_products", query="herons derby")
    match = found["products"][0]
    assert match["has_seat_map"]
    plan = await assistant.call(
        "get_seat_map", product_base_id=match["product_base_id"], quantity=2
    )
    offer = plan["zones"][0]["offers"][0]
    live = await assistant.call("check_availability", offer_id=offer["offer_id"], quantity=2)
    session: Json = live["sessions"][0]
    by_session = await assistant.call(
        "get_seat_map",
        product_base_id=match["product_base_id"],
        session_id=session["session_id"],
        max_price=500,
    )
    assert by_session["zones"]
    return session


async def a_ski_pass(assistant: Assistant) -> str:
    """An offer whose holder has to be named."""
    found = await assistant.call("search_products", query="named ski pass")
    base = found["products"][0]["product_base_id"]
    table = await assistant.call("get_offers", product_base_id=base, limit=5)
    return str(table["days"][0]["offers"][0]["offer_id"])


async def name_holders(assistant: Assistant, order_id: str) -> None:
    """Name who uses each ticket that waits for a name."""
    before = await assistant.call("get_tickets", order_id=order_id)
    waiting = [t for t in before["tickets"] if t.get("beneficiary_fields_needed")]
    assert waiting
    assert not before.get("documents")
    people = [
        {"ticket_id": t["ticket_id"]}
        | {name: HOLDER[name] for name in t["beneficiary_fields_needed"]}
        for t in waiting
    ]
    named = await assistant.call("name_beneficiaries", order_id=order_id, beneficiaries=people)
    (all_of_them,) = named["tickets"]
    assert all_of_them["outcome"] == "named"
    assert all_of_them["ticket_ids"] == [t["ticket_id"] for t in waiting]


def pdf_text(content: bytes | Path) -> str:
    """What a PDF says, read by an engine that did not write it."""
    document = pypdfium2.PdfDocument(content)
    try:
        return "".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


async def _progress(done: float, total: float | None, message: str | None) -> None:
    assert total is not None
    assert done <= total
    assert message


FOLLOWING: Final[dict[str, Any]] = {
    "progress_callback": _progress,
    "meta": {"progress_token": "walk"},
}
"""Follow progress. In memory the modern era makes no token of its own; on a wire it is replaced."""
