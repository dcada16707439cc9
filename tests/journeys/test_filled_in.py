"""Hosts whose models have to fill in every argument book all the same, whatever they fill in.

Strict modes list every argument as required, and no null: a model that has nothing to say sends an
empty text, a 0, an empty list. What it sends must never change what is booked.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.settings import Content
from korus_mcp.tools import declared
from korus_mcp.tools.declare import callable_only
from korus_mcp.tools.listing import LISTING
from tests.fixtures.assistant import CUSTOMER, ERAS, HOLDER, SEED, Assistant, Json, desk
from tests.fixtures.hosts import child_environment, on_stdio, serving_http
from tests.tools.samples import ARGUMENTS

pytestmark = pytest.mark.anyio
Filling: TypeAlias = Callable[[str], Any]
"""The type of an argument -> what is sent for it by a model that has nothing to say."""
SCHEMAS: Final[Mapping[str, Json]] = {
    each["name"]: each["inputSchema"] for each in json.loads(LISTING.read_bytes())
}
KINDS: Final = ("string", "integer", "number", "boolean", "array", "object")
FILLINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "null": dict.fromkeys(KINDS),
    "empty texts": dict.fromkeys(KINDS, ""),
    "nothing of its type": dict(zip(KINDS, ("", 0, 0, False, [], {}), strict=True)),
    "texts of its type": dict(zip(KINDS, ("", "0", "0", "false", "[]", "{}"), strict=True)),
    "null as text": {**dict.fromkeys(KINDS, "null"), "string": ""},
    "lists of nothing": {**dict.fromkeys(KINDS), "array": [""]},
}
"""By name, what a model that has nothing to say sends for an argument of each type."""
FILLINGS_OF: Final = {kind: [each[kind] for each in FILLINGS.values()] for kind in KINDS}


def filled(said: Json, schema: Json, filling: Filling) -> Json:
    """Arguments with every one that is missing filled in, also within objects and lists."""
    own = schema["properties"]
    return {
        name: _inside(said[name], each, filling) if name in said else filling(each["type"])
        for name, each in own.items()
    }


def _inside(value: Any, schema: Json, filling: Filling) -> Any:
    if schema["type"] == "object":
        return filled(value, schema, filling)
    if "properties" in schema.get("items", {}):
        return [filled(each, schema["items"], filling) for each in value]
    return value


async def booked(assistant: Assistant, filling: Filling | None) -> list[Json]:
    """A whole booking; the answers to its calls, of which each is filled in."""

    async def call(tool: str, **said: Any) -> Json:
        sent = said if filling is None else filled(said, SCHEMAS[tool], filling)
        answers.append((await assistant.ask(tool, sent)).data)
        return answers[-1]

    answers: list[Json] = []
    found = await call("search_products", query="named ski pass")
    base = found["products"][0]["product_base_id"]
    offer = (await call("get_offers", product_base_id=base))["days"][0]["offers"][0]["offer_id"]
    await call("check_availability", offer_id=offer)
    held = await call("reserve", items=[{"offer_id": offer, "quantity": 1}])
    (hold,) = held["reservations"]
    asked = {"reservation_ids": [hold["reservation_id"]], "customer": CUSTOMER}
    summary = await call("place_order", **asked)
    made = await call("place_order", **asked, confirmation=summary["confirmation"])
    (order,) = made["orders"]
    await call("get_reservation", reservation_ids=asked["reservation_ids"])
    tickets = (await call("get_tickets", order_id=order["order_id"]))["tickets"]
    people = [
        {"ticket_id": ticket["ticket_id"]}
        | {name: HOLDER[name] for name in ticket["beneficiary_fields_needed"]}
        for ticket in tickets
    ]
    await call("name_beneficiaries", order_id=order["order_id"], beneficiaries=people)
    await call("find_orders", reference=order["reference"])
    return answers


def facts(answers: list[Json]) -> tuple[object, ...]:
    """What of a booking must not depend on how its calls were filled in."""
    found, offers, live, held, summary, made, seen, tickets, named, orders = answers
    return (
        found["products"],
        offers["days"],
        (live["bookable"], live["price"]),
        (held["state"], held["total"], [h["lines"] for h in held["reservations"]]),
        (summary["state"], summary["total"], summary["customer"], summary.get("notes")),
        (made["state"], [o["total"] for o in made["orders"]]),
        [each["state"] for each in seen["reservations"]],
        [t["product"] for t in tickets["tickets"]],
        [t["outcome"] for t in named["tickets"]],
        len(orders["orders"]),
    )


@pytest.fixture(scope="module", params=ERAS)
async def as_usual(request: pytest.FixtureRequest, anyio_backend: str) -> tuple[str, object]:
    """An era, and what a model books there that leaves out what it has nothing to say of."""
    async with desk(mode=request.param, only=("ski",)) as plain:
        return request.param, facts(await booked(plain, None))


@pytest.mark.parametrize("name", FILLINGS)
async def test_whatever_fills_the_arguments_the_same_is_booked_once(
    name: str, as_usual: tuple[str, object]
) -> None:
    mode, usual = as_usual
    async with desk(mode=mode, only=("ski",)) as each:
        answers = await booked(each, FILLINGS[name].__getitem__)
        assert facts(answers) == usual
        assert each.sent("createReservations") == each.sent("createOrders") == 1
        is_told = answers[3]["next"].startswith("No price limit was given")
        assert is_told is (str(FILLINGS[name]["number"]) == "0")


@pytest.mark.parametrize("over", ["stdio", "http"])
async def test_a_strict_model_books_over_real_transports(over: str, tmp_path: Path) -> None:
    """Each argument is filled in another way than the one before."""
    environment = child_environment(tmp_path, PROFILE="service-desk", SANDBOX_SEED=str(SEED))
    turns = itertools.cycle(FILLINGS.values())
    async with AsyncExitStack() as stack:
        if over == "stdio":
            assistant = await stack.enter_async_context(on_stdio("auto", environment))
        else:
            address = await stack.enter_async_context(serving_http(environment))
            client = await stack.enter_async_context(Client(address, mode="legacy"))
            assistant = Assistant(client)
        answers = await booked(assistant, lambda kind: next(turns)[kind])
        assert [each for each in answers if each.get("state") == "ordered"] == [answers[5]]


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_no_mixture_of_fillings_changes_what_a_call_asks_for(data: st.DataObject) -> None:
    """What is filled in is read as what was left out, for any part of the arguments of any tool."""
    tool = data.draw(st.sampled_from(ALL_TOOLS))
    said = data.draw(some_of(ARGUMENTS[tool], SCHEMAS[tool]))
    sent = filled(said, SCHEMAS[tool], lambda kind: data.draw(st.sampled_from(FILLINGS_OF[kind])))
    read = reader(tool).validate_arguments(sent)
    # A limit of money is passed on as 0: the answer says that there is none.
    if "max_total" not in said and read.get("max_total") == 0:
        read["max_total"] = None
    assert read == reader(tool).validate_arguments(said)


def some_of(whole: Json, schema: Json) -> st.SearchStrategy[Json]:
    """The arguments that are needed, and any of the others; within objects alike."""
    needed = schema.get("required", ())
    kept = {name: _some_inside(value, schema["properties"][name]) for name, value in whole.items()}
    return st.fixed_dictionaries(
        {name: each for name, each in kept.items() if name in needed},
        optional={name: each for name, each in kept.items() if name not in needed},
    )


def _some_inside(value: Any, schema: Json) -> st.SearchStrategy[Any]:
    if schema["type"] == "object":
        return some_of(value, schema)
    if "properties" in schema.get("items", {}):
        return st.tuples(*(some_of(each, schema["items"]) for each in value)).map(list)
    return st.just(value)


@cache
def reader(tool: str) -> FuncMetadata:
    """What reads the arguments of a tool."""
    return callable_only(declared(tool), Content.BOTH).fn_metadata
