"""Text and structure: each alone has all that decides, and neither is the other one again."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from korus_mcp.access.policy import ALL_TOOLS
from tests.fixtures.assistant import (
    CUSTOMER,
    ERAS,
    HOLDER,
    Answer,
    Desk,
    Json,
    compact,
    desk,
    settings_of,
)
from tests.fixtures.tokens import counted

pytestmark = pytest.mark.anyio
ID: Final = r"(?:[a-z2-7]{6,}\.)?[0-9a-f]{8}-[0-9a-f-]{21,}"
DECIDING: Final = re.compile(
    rf"{ID}|[0-9.]+ EUR|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:]+|korus://\S+"
)
"""Ids, prices, moments and addresses, wherever they stand."""
UNSAID: Final = {
    "effect": "none",  # a refusal says what else became of it
    "shown": 0,
    "total": 0,
}


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a structure with the keys that lead to it."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from leaves(value, f"{path}.{key}")
    elif isinstance(content, list):
        for value in content:
            yield from leaves(value, path)
    else:
        yield path, content


def is_said(path: str, value: Any, asked: Json, text: str) -> bool:
    """Whether a value of the structure stands in the text, or need not."""
    name = path.rpartition(".")[2]
    if isinstance(value, bool):
        return True  # said in words of its own: "with sessions", "check live", "not enough"
    if UNSAID.get(name) == value or value in asked.values():
        return True
    if name == "ends_at":
        return value[11:16] in text  # the hour of the same day
    if name == "expires_at" and "s left" not in text:
        return True  # of a hold that is over
    return str(value) in text


async def a_whole_conversation(each: Desk) -> list[tuple[str, Json, Answer]]:
    """Calls of all ten tools: pages, prices, choices, failures and refusals among the answers."""
    heard: list[tuple[str, Json, Answer]] = []

    async def ask(tool: str, **asked: Any) -> Json:
        answer = await each.ask(tool, asked)
        heard.append((tool, asked, answer))
        return answer.structure

    await ask("search_products", limit=6)
    await ask("search_products", query="herons", date_from="2026-06-06", limit=2)
    await ask("search_products", query="zzzzqqqq")
    for base in ("stadium_base", "undated_base", "museum_base"):
        await ask("get_offers", product_base_id=each.handle(base), limit=5)
    for offer in ("timed_offer", "sold_out_offer", "dynamic_price_offer", "park_offer"):
        await ask("check_availability", offer_id=each.handle(offer), quantity=2)
    for base in ("stadium_base", "hall_base"):
        await ask("get_seat_map", product_base_id=each.handle(base), quantity=2)
    live = await ask("check_availability", offer_id=each.handle("seated_offer"))
    session = next(s["session_id"] for s in live["sessions"] if s["enough"])
    seats = {"offer_id": each.handle("seated_offer"), "quantity": 2, "session_ids": [session]}
    others = [
        {"offer_id": each.handle(offer), "quantity": 2}
        for offer in ("always_fails_offer", "beneficiary_offer")
    ]
    held = await ask("reserve", items=[seats, *others])
    await ask("reserve", items=[seats, *others])
    reserved = [hold["reservation_id"] for hold in held["reservations"]]
    wish = {"reservation_ids": reserved, "customer": CUSTOMER, "reference": "WEB-1"}
    summary = await ask("place_order", **wish)
    await ask("get_reservation", reservation_ids=reserved)
    made = await ask("place_order", **wish, confirmation=summary["confirmation"])
    await ask("get_reservation", reservation_ids=reserved)
    for order_id in [order["order_id"] for order in made["orders"]]:
        issued = await ask("get_tickets", order_id=order_id, vouchers=True)
        one, two = [ticket["ticket_id"] for ticket in issued["tickets"]]
        people = [
            {"ticket_id": one, **HOLDER},
            {"ticket_id": two, "firstname": "A", "lastname": "L"},
        ]
        await ask("name_beneficiaries", order_id=order_id, beneficiaries=people)
        await ask("get_tickets", order_id=order_id, vouchers=True)
    await ask("find_orders", created_from="2026-06-01", limit=1)
    await ask("find_orders", reference="nobody")
    await ask("get_tickets", order_id="nobody")
    await ask("check_availability", offer_id="nonsense")
    return heard


@pytest.mark.parametrize("mode", ERAS)
async def test_each_half_of_every_answer_has_all_that_decides(mode: str) -> None:
    async with desk(mode=mode) as each:
        heard = await a_whole_conversation(each)
    assert {tool for tool, _, _ in heard} == set(ALL_TOOLS)
    for tool, asked, answer in heard:
        for path, value in leaves(answer.structure):
            assert is_said(path, value, asked, answer.text), f"{tool}{path} {value!r}"
        structure = compact(answer.structure)
        for deciding in DECIDING.findall(answer.text):
            assert deciding.rstrip(".,;:") in structure, f"{tool} {deciding}"


async def test_no_text_is_json_or_longer_than_the_structure() -> None:
    async with desk() as each:
        heard = await a_whole_conversation(each)
    for tool, _, answer in heard:
        with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
            json.loads(answer.text)
        assert '{"' not in answer.text, tool
        if not answer.result.is_error:
            assert counted(answer.text) <= counted(compact(answer.structure)), tool


def said_after(word: str, text: str) -> str:
    """What a reader finds behind a word."""
    found = re.search(rf"\b{word} ([^\s;,:]+)", text)
    assert found, f"no {word} in: {text}"
    return found[1]


@pytest.mark.parametrize("mode", ERAS)
async def test_who_gets_only_texts_goes_from_a_search_to_named_tickets(mode: str) -> None:
    async with desk(settings_of(MCP_CONTENT="text"), mode=mode) as each:

        async def read(tool: str, **asked: Any) -> str:
            answer = await each.ask(tool, asked)
            assert not answer.structure
            assert not answer.result.is_error, answer.text
            return answer.text

        found = await read("search_products", query="named ski pass")
        base = said_after("product_base_id", found)
        offers = await read("get_offers", product_base_id=base, limit=1)
        more = await read("get_offers", product_base_id=base, cursor=said_after("cursor", offers))
        offer = said_after("offer_id", more)
        assert "bookable" in await read("check_availability", offer_id=offer)
        held = await read("reserve", items=[{"offer_id": offer, "quantity": 1}])
        wish = {"reservation_ids": [said_after("reservation_id", held)], "customer": CUSTOMER}
        assert "held until" in await read(
            "get_reservation", reservation_ids=wish["reservation_ids"]
        )
        summary = await read("place_order", **wish)
        made = await read("place_order", **wish, confirmation=said_after("confirmation", summary))
        order_id = said_after("order_id", made)
        ticket_id = said_after("ticket_id", await read("get_tickets", order_id=order_id))
        people = [{"ticket_id": ticket_id, **HOLDER}]
        named = await read("name_beneficiaries", order_id=order_id, beneficiaries=people)
        assert f"{ticket_id}: named" in named
        assert order_id in await read("find_orders", created_from="2026-06-01")
        (order,) = each.sandbox.orders()
        assert order.id == order_id
