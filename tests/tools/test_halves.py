"""Text and structure: each alone has all that decides, and neither is the other one again."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.answers.ceiling import CEILING, characters
from korus_mcp.foundation.refusals import (
    MAX_PROBLEMS,
    MEANINGS,
    Code,
    Effect,
    FieldProblem,
    Proposal,
    Refusal,
)
from korus_mcp.tools.declare import failure
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
from tests.tools.samples import AN_ID

pytestmark = pytest.mark.anyio
ID: Final = r"(?:[a-z2-7]{6,}\.)?[0-9a-f]{8}-[0-9a-f-]{21,}"
DECIDING: Final = re.compile(
    rf"{ID}|[0-9.]+ EUR|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:T[0-9:]+)?|korus://\S+|[0-9]+"
)
"""Ids, amounts, days and moments, addresses and numbers, wherever they stand."""


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a structure with the keys that lead to it."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from leaves(value, f"{path}.{key}")
    elif isinstance(content, list | tuple):
        for value in content:
            yield from leaves(value, path)
    else:
        yield path, content


def is_said(path: str, value: Any, text: str) -> bool:
    """Whether a value of the structure stands in the text."""
    name = path.rpartition(".")[2]
    if isinstance(value, bool):
        return True  # said in words of its own: "with sessions", "check live", "not enough"
    if value == 0 and name == "left":
        return "sold out" in text or re.search(r"\b0\b", text) is not None
    if name == "ends_at":
        return value[11:16] in text  # the hour of the same day
    if isinstance(value, int):
        return re.search(rf"(?<![0-9]){value}(?![0-9])", text) is not None
    return str(value) in text


def numbers_said(answer: Answer) -> Iterator[str]:
    """What decides in the text and does not stand in the structure, nor follows from it."""
    structure, data = compact(answer.structure), answer.structure
    # Counts of rows that are listed follow from the rows.
    counts = {len(data.get(name, ())) for name in ("zones", "tickets")}
    for found in DECIDING.findall(answer.text):
        deciding = found.rstrip(".,;:")
        if deciding not in structure and not (deciding.isdecimal() and int(deciding) in counts):
            yield deciding


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
    for tool, _, answer in heard:
        assert_alike(answer, tool)
        if not answer.result.is_error:
            assert next(iter(answer.data)) == "next", tool


def assert_alike(answer: Answer, tool: str) -> None:
    """Each half says what the other says, the next step included, and nothing that is empty."""
    for path, value in leaves(answer.structure):
        assert value is not None, f"{tool}{path}"
        assert is_said(path, value, answer.text), f"{tool}{path} {value!r} in {answer.text}"
    assert not list(numbers_said(answer)), f"{tool}: {answer.text} {answer.structure}"
    said = answer.error if answer.result.is_error else answer.data
    assert said["next"] in answer.text, tool
    assert "[]" not in compact(answer.structure), tool


def a_refusal(code: Code, effect: Effect) -> Refusal:
    """A refusal that has all it can have."""
    moment = "2026-06-05T20:45+02:00"
    session = "0197f9ab-33b9-7105-a9cf-64e60b3d5e7b"
    others = (f"k3f7qa.{AN_ID}", f"k3f7qb.{AN_ID}")
    return Refusal(
        code,
        "It was not done.",
        MEANINGS[code].next_step,
        effect=effect,
        retry_after_seconds=17,
        fields=(FieldProblem("items.0", "is too much", "2"), FieldProblem("customer", "required")),
        alternatives=(
            Proposal(offer_id=others[0], session_id=session, starts_at=moment, price="31.50 EUR"),
            Proposal(offer_id=others[1], date="2026-06-07", price="9.00 EUR"),
            Proposal(offer_id=others[1], session_ids=(session, AN_ID), price="19.00 EUR"),
        ),
    )


@pytest.mark.parametrize(
    ("code", "effect"),
    [(code, effect) for code, meaning in MEANINGS.items() for effect in meaning.effects],
)
def test_each_half_of_every_kind_of_refusal_has_all_of_it(code: Code, effect: Effect) -> None:
    for refusal in (a_refusal(code, effect), Refusal(code, "No.", "Wait.", effect=effect)):
        assert_alike(Answer(failure(refusal)), code)


def test_the_longest_refusal_is_shown_whole() -> None:
    problem = FieldProblem("beneficiaries.49.date_of_birth", "x" * 200, "2000-01-01")
    longest = replace(
        a_refusal(Code.INVALID_ARGUMENTS, Effect.NONE), fields=(problem,) * MAX_PROBLEMS
    )
    wire = failure(longest).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert characters(wire) < CEILING


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


def confirmation_in(text: str) -> str:
    """The confirmation that a reader finds, which stands in quotes."""
    found = re.search(r'\bconfirmation "([^"]+)"', text)
    assert found, text
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
        made = await read("place_order", **wish, confirmation=confirmation_in(summary))
        order_id = said_after("order_id", made)
        ticket_id = said_after("ticket_id", await read("get_tickets", order_id=order_id))
        people = [{"ticket_id": ticket_id, **HOLDER}]
        named = await read("name_beneficiaries", order_id=order_id, beneficiaries=people)
        assert f"named: ticket_id {ticket_id}" in named
        assert order_id in await read("find_orders", created_from="2026-06-01")
        (order,) = each.sandbox.orders()
        assert order.id == order_id
