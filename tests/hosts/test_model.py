"""The scripted model takes tools by the names a host gives them, and sends what schemas need."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.hosts.model import Model, filled
from tests.hosts.steps import Script

STRICT = {
    "type": "object",
    "required": ["query", "catalog", "limit", "days", "wish"],
    "properties": {
        "query": {"type": "string"},
        "catalog": {"type": "string"},
        "limit": {"type": "integer"},
        "days": {"type": "array"},
        "wish": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "more": {"type": "string"},
    },
}
TOOL = {"name": "mcp__korus__search_products", "parameters": STRICT}


def test_what_a_schema_needs_and_nobody_wished_for_stands_for_nothing() -> None:
    name, arguments = filled(("search_products", {"query": "museum"}), [TOOL])
    assert name == "mcp__korus__search_products"
    nothing = {"catalog": "", "limit": 0, "days": [], "wish": None}
    assert arguments == {"query": "museum", **nothing}


def test_a_name_that_a_host_cut_is_found() -> None:
    offers, order = "home_of_somebody_get_o_0a1b2c3d", "home_of_somebody_place_o_4e5f6a7b"
    tools = [{"name": offers}, {"name": order}]
    assert filled(("place_order", {}), tools)[0] == order
    assert filled(("get_offers", {}), tools)[0] == offers


def test_members_of_members_are_filled_too() -> None:
    item = {
        "type": "object",
        "required": ["id", "again"],
        "properties": {"again": {"type": "boolean"}},
    }
    parameters = {
        "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/Item"}}},
        "$defs": {"Item": item},
    }
    tool = {"name": "reserve", "parameters": parameters}
    _, arguments = filled(("reserve", {"items": [{"id": "a"}]}), [tool])
    assert arguments == {"items": [{"id": "a", "again": False}]}


def test_a_tool_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError, match="no tool reserve among"):
        filled(("reserve", {}), [TOOL])


TOLD = {"role": "assistant", "content": "Calling tools: [{'id': 'call_0'}]"}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "result",
    [
        [{"role": "tool", "tool_call_id": "call_0", "content": [{"text": "nothing"}]}],
        [TOLD, {"role": "user", "content": [{"type": "text", "text": "Observation: nothing"}]}],
    ],
    ids=["by its id", "in what follows"],
)
def test_it_calls_a_tool_reads_its_result_and_ends(result: Any, *, streamed: bool) -> None:
    script = Script()
    model = Model(script)
    tools = [{"type": "function", "function": TOOL}]
    first = said(model, streamed, messages=[{"role": "user", "content": "Go."}], tools=tools)
    assert '"mcp__korus__search_products"' in first
    assert "Booked." in said(model, streamed, messages=result, tools=tools)
    assert script.facts.why.endswith("nothing")


def said(model: Model, streamed: bool, **asked: Any) -> str:
    body = json.dumps({"stream": streamed, **asked}).encode()
    with urlopen(Request(f"{model.url}/chat/completions", body)) as answer:
        text: str = answer.read().decode()
    return text


def test_another_language_is_refused() -> None:
    with pytest.raises(HTTPError, match="404"):
        urlopen(Request(f"{Model(Script()).url}/responses", b"{}"))
