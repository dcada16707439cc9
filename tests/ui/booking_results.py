"""Results of reserve, place_order and get_tickets as the server gives them, one for each state.

They come from the sandbox through the real server, in the shape a host passes on to a page.
"""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from unittest.mock import patch

import anyio
from mcp_types import BlobResourceContents

from korus_mcp.sandbox import Answer, DropAfter, DropBefore
from korus_mcp.sandbox.bookings import Order
from tests.fixtures.assistant import APPS, CUSTOMER, HOLDER, Desk, Json, desk, settings_of

ISSUERS: Final = ("park", "hall", "ski")
SEATED: Final = 3
MANY: Final = 30
"""Tickets of an order that has more than one page of them."""

UNKNOWN: Final = Answer(status=404, body="problem")


@dataclass(frozen=True)
class Results:
    """Tool results by the name of their state, and a document's bytes in base 64.

    `pages`: all answers of get_tickets for an order of many tickets, by what they are.
    """

    by_state: Mapping[str, Json]
    document: Json
    pages: Mapping[str, Sequence[Json]]

    def __getitem__(self, state: str) -> Json:
        return self.by_state[state]


def booking_results() -> Results:
    """All states, from one run of the sandbox; in a thread, since Playwright has a loop in ours."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, _collected).result()


async def _collected() -> Results:
    found: dict[str, Json] = {}
    async with _desk() as each:
        found |= await _holds(each)
        found |= await _failures(each)
        found |= await _doubts(each)
        found |= await _orders(each)
        tickets, document = await _tickets(each)
        found |= tickets
        found |= await _orders_that_do_not_stand(each)
    return Results(found | await _moves(), document, await _large_orders())


async def _moves() -> dict[str, Json]:
    """Holds whose prices are told of: one that moved, one above the limit."""
    async with desk(only=["museum"]) as each:
        item = await _item(each, "dynamic_price_offer")
        each.sandbox.set_price(each.sandbox.landmarks["dynamic_price_offer"], Decimal("31.50"))
        return {
            "price_moved": await _reserve(each, item, max_total="40"),
            "price_above": await _reserve(each, item, max_total="30"),
        }


async def _large_orders() -> dict[str, list[Json]]:
    settings = settings_of(MAX_ORDER_AMOUNT="9000", MAX_DAY_AMOUNT="50000")
    async with desk(settings, only=ISSUERS) as each:
        seats = await _booked(each, await _item(each, "seated_offer", MANY))
        each.clock.advance(3600)
        one_pdf = await _booked(each, await _item(each, "park_offer", MANY))
        to_name = await _booked(each, await _item(each, "beneficiary_offer", MANY))
        orders = {"one_pdf": one_pdf, "to_name": to_name, "seats": seats}
        return {name: await _pages(each, order_id) for name, order_id in orders.items()}


async def _pages(each: Desk, order_id: str) -> list[Json]:
    asked: Json = {"order_id": order_id}
    pages = [await _wire(each, "get_tickets", asked)]
    while cursor := pages[-1]["structuredContent"].get("next_cursor"):
        pages.append(await _wire(each, "get_tickets", asked | {"cursor": cursor}))
    return pages


@asynccontextmanager
async def _desk() -> AsyncIterator[Desk]:
    async with desk(only=ISSUERS, extensions=[APPS]) as each:
        yield each


async def _wire(each: Desk, tool: str, arguments: Json) -> Json:
    """A result as JSON-RPC carries it."""
    answer = await each.ask(tool, arguments)
    found: Json = answer.result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


async def _reserve(each: Desk, *items: Json, **more: Any) -> Json:
    return await _wire(each, "reserve", {"items": list(items), **more})


async def _item(each: Desk, landmark: str, quantity: int = 1) -> Json:
    """An offer to hold, with the first session that has room where it has sessions."""
    offer = each.handle(landmark)
    item: Json = {"offer_id": offer, "quantity": quantity}
    known = await each.call("check_availability", **item)
    open_sessions = [s["session_id"] for s in known.get("sessions", ()) if s["enough"]]
    return item | ({"session_ids": open_sessions[:1]} if open_sessions else {})


def _ids(result: Json) -> list[str]:
    return [hold["reservation_id"] for hold in result["structuredContent"]["reservations"]]


async def _holds(each: Desk) -> dict[str, Json]:
    park, seats = await _item(each, "park_offer", 2), await _item(each, "seated_offer", SEATED)
    held = await _reserve(each, park, seats)
    looked = await _wire(each, "get_reservation", {"reservation_ids": _ids(held)})
    asked = {"reservation_ids": _ids(held), "customer": CUSTOMER, "notes": "by the aisle"}
    partly = await _reserve(each, park, await _item(each, "always_fails_offer", 4), again=True)
    replayed = await _reserve(each, park, seats)
    each.sandbox.faults.add(UNKNOWN, "getReservation", times=None)
    not_shown = await _wire(each, "get_reservation", {"reservation_ids": _ids(held)})
    each.sandbox.faults.clear()
    return {
        "held": held,
        "looked": looked,
        "looked_not_shown": not_shown,
        "replayed": replayed,
        "partly_held": partly,
        "confirmation_needed": await _wire(each, "place_order", asked),
    }


async def _failures(each: Desk) -> dict[str, Json]:
    sold_out = {"offer_id": each.handle("park_offer"), "quantity": 1}
    each.sandbox.set_stock(each.sandbox.landmarks["park_offer"], 0)
    refused = await _reserve(each, sold_out, again=True)
    each.sandbox.set_stock(each.sandbox.landmarks["park_offer"], 500)
    return {
        "failed": await _reserve(each, await _item(each, "always_fails_offer")),
        "sold_out": refused,
        "not_found": await _wire(each, "get_tickets", {"order_id": "no-such-order"}),
        "invalid": await _wire(each, "reserve", {"items": [{"offer_id": "x", "quantity": 0}]}),
    }


async def _doubts(each: Desk) -> dict[str, Json]:
    each.sandbox.faults.add(DropAfter(), "createReservations")
    hold_in_doubt = await _reserve(each, await _item(each, "park_offer", 5))
    (hold,) = _ids(await _reserve(each, await _item(each, "park_offer", 3)))
    asked = await _confirmed(each, hold)
    each.sandbox.faults.add(DropBefore(), "createOrders")
    order_in_doubt = await _wire(each, "place_order", asked)
    looked = await _wire(each, "get_reservation", {"reservation_ids": [hold]})
    other = asked | {"customer": CUSTOMER | {"firstname": "Eve"}}
    being_ordered = await _wire(each, "place_order", other)
    each.clock.advance(2 * 3600)
    return {
        "hold_in_doubt": hold_in_doubt,
        "order_in_doubt": order_in_doubt,
        "looked_in_doubt": looked,
        "being_ordered": being_ordered,
        "looked_expired": await _wire(each, "get_reservation", {"reservation_ids": [hold]}),
        "order_failed_late": await _wire(each, "place_order", asked),
    }


async def _confirmed(each: Desk, *reservation_ids: str) -> Json:
    asked: Json = {"reservation_ids": list(reservation_ids), "customer": CUSTOMER}
    summary = await each.call("place_order", **asked)
    return asked | {"confirmation": summary["confirmation"]}


async def _orders(each: Desk) -> dict[str, Json]:
    both = await _reserve(
        each, await _item(each, "park_offer", 2), await _item(each, "fails_at_ordering_offer")
    )
    asked = await _confirmed(each, *_ids(both))
    partially = await _wire(each, "place_order", asked)
    bad = _ids(await _reserve(each, await _item(each, "fails_at_ordering_offer"), again=True))
    failed = await _wire(each, "place_order", await _confirmed(each, *bad))
    good = _ids(await _reserve(each, await _item(each, "park_offer", 4)))
    confirmed = await _confirmed(each, *good)
    return {
        "partially_ordered": partially,
        "order_failed": failed,
        "ordered": await _wire(each, "place_order", confirmed),
        "order_replayed": await _wire(each, "place_order", confirmed),
        "looked_ordered": await _wire(each, "get_reservation", {"reservation_ids": good}),
    }


async def _tickets(each: Desk) -> tuple[dict[str, Json], Json]:
    found: dict[str, Json] = {}
    to_name = await _booked(each, await _item(each, "beneficiary_offer", 2))
    found["to_name"] = await _wire(each, "get_tickets", {"order_id": to_name})
    await _name(each, to_name)
    found["named"] = await _wire(each, "get_tickets", {"order_id": to_name})
    seated = await _booked(each, await _item(each, "seated_offer", SEATED))
    found["not_ready"] = await _wire(each, "get_tickets", {"order_id": seated})
    each.clock.advance(3600)
    ready = await _wire(each, "get_tickets", {"order_id": seated})
    found["ready"] = ready
    found["vouchers"] = await _wire(each, "get_tickets", {"order_id": seated, "vouchers": True})
    document = await _document(each, ready["structuredContent"]["documents"][0]["uri"])
    each.sandbox.cancel_order(seated)
    found["cancelled"] = await _wire(each, "get_tickets", {"order_id": seated})
    return found, document


async def _orders_that_do_not_stand(each: Desk) -> dict[str, Json]:
    """Orders that cannot be read, that the issuer cancelled since, that it never confirmed."""
    park = await _item(each, "park_offer", 6)
    both = _ids(await _reserve(each, park, await _item(each, "park_offer", 7)))
    asked = await _confirmed(each, *both)
    made = (await _wire(each, "place_order", asked))["structuredContent"]["orders"]
    looked = await _wire(each, "get_reservation", {"reservation_ids": both})
    each.sandbox.faults.add(UNKNOWN, "getOrder", times=None)
    not_read = await _wire(each, "place_order", asked)
    each.sandbox.faults.clear()
    found = {"looked_both_ordered": looked, "order_not_read": not_read}
    for name, order in zip(("partly_cancelled", "order_cancelled"), made, strict=True):
        each.sandbox.cancel_order(order["order_id"])
        found[name] = await _wire(each, "place_order", asked)
    with patch.object(Order, "status", "processing"):
        two = _ids(await _reserve(each, park, await _item(each, "park_offer", 8), again=True))
        unconfirmed = await _wire(each, "place_order", await _confirmed(each, *two))
        order_id = unconfirmed["structuredContent"]["orders"][0]["order_id"]
        found["order_unconfirmed"] = unconfirmed
        found["tickets_called"] = await _wire(each, "get_tickets", {"order_id": order_id})
        each.sandbox.faults.add(UNKNOWN, "listOrderDocuments")
        found["tickets_unconfirmed"] = await _wire(each, "get_tickets", {"order_id": order_id})
    return found


async def _booked(each: Desk, item: Json) -> str:
    (hold,) = _ids(await _reserve(each, item))
    made = await each.call("place_order", **await _confirmed(each, hold))
    return str(made["orders"][0]["order_id"])


async def _name(each: Desk, order_id: str) -> None:
    tickets = (await each.call("get_tickets", order_id=order_id))["tickets"]
    people = [{"ticket_id": ticket["ticket_id"], **HOLDER} for ticket in tickets]
    await each.call("name_beneficiaries", order_id=order_id, beneficiaries=people)


async def _document(each: Desk, uri: str) -> Json:
    """What resources/read answers for a document."""
    (content,) = (await each.client.read_resource(uri)).contents
    assert isinstance(content, BlobResourceContents)
    assert base64.b64decode(content.blob).startswith(b"%PDF")
    found: Json = content.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"contents": [found]}
