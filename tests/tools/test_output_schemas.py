"""What a tool answers, a refusal too, is what its published schema says, whoever checks it.

Hosts made with the TypeScript SDK hold refusals against the output schema as well, and show a
model their own words where one does not fit.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.foundation.refusals import MEANINGS, FieldProblem, Proposal, Refusal
from korus_mcp.tools import declared
from korus_mcp.tools.declare import failure
from tests.docs.generated import listed_tools
from tests.docs.listing import view_of
from tests.docs.schema import UNTOLD, lean, portable
from tests.fixtures.assistant import HOLDER, Json, desk
from tests.tools.samples import A_DAY, ARGUMENTS
from tests.ui.stage import MODULES, UI

TYPES: Final = {"string", "integer", "number", "boolean", "array", "object"}
TOOLS: Final = {tool.name: tool for tool in listed_tools()}
AJV: Final = Path(__file__).with_name("ajv.mjs")


def output_schema(name: str) -> Json:
    """The published schema of what a tool answers."""
    schema = TOOLS[name].output_schema
    assert schema is not None
    return schema


def parts_of(schema: object, place: str) -> Iterator[tuple[str, object]]:
    """Every schema within a schema, itself included, and where it stands."""
    yield place, schema
    if isinstance(schema, dict):
        for name, member in schema.get("properties", {}).items():
            yield from parts_of(member, f"{place}.{name}")
        if "items" in schema:
            yield from parts_of(schema["items"], f"{place}[]")
        if isinstance(schema.get("additionalProperties"), dict):
            yield from parts_of(schema["additionalProperties"], f"{place}.*")


def refusals() -> Iterator[Refusal]:
    """Every kind of refusal, with all that one can say and with no more than it must."""
    for code, meaning in MEANINGS.items():
        for effect in meaning.effects:
            yield Refusal(code, meaning.when, meaning.next_step, effect=effect)
            yield Refusal(
                code,
                meaning.when,
                meaning.next_step,
                effect=effect,
                retry_after_seconds=5,
                fields=(FieldProblem("field", "is wrong", "2"), FieldProblem("other", "required")),
                alternatives=(
                    Proposal(offer_id="a.b", session_ids=("c", "d"), date=A_DAY, price="1.00 EUR"),
                    Proposal(offer_id="a.b", session_id="c", starts_at=A_DAY, price="1.00 EUR"),
                ),
            )


def results(name: str) -> Iterator[Json]:
    """Every kind of result: each state, with all members and with only those it must have."""
    whole = portable(view_of(declared(name)).model_json_schema(mode="serialization"))
    states = whole["properties"].get("state", {}).get("enum", [None])
    for state in states:
        told = {} if state is None else {"state": state}
        full = filled(whole)
        yield full | told
        yield {member: full[member] for member in whole.get("required", ())} | told


def filled(schema: Mapping[str, Any]) -> Any:
    """A value of a schema, with all that it may have."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {name: filled(each) for name, each in schema.get("properties", {}).items()}
        case "array":
            return [filled(schema["items"])]
        case "string":
            return "text"
        case "boolean":
            return True
        case "integer" | "number":
            return 1
    raise AssertionError(schema)


@pytest.mark.parametrize("name", ALL_TOOLS)
def test_every_member_has_one_type_at_any_depth(name: str) -> None:
    for kind, schema in (("takes", TOOLS[name].input_schema), ("answers", output_schema(name))):
        for place, part in parts_of(schema, f"{name} {kind}"):
            assert isinstance(part, dict), f"{place} is {part}"
            assert part.get("type") in TYPES, f"{place} has the type {part.get('type')}"
            assert not part.keys() & {"anyOf", "oneOf", "allOf", "$ref", "format"}, place


@pytest.mark.parametrize("name", ALL_TOOLS)
def test_the_schema_of_answers_names_every_member_but_notes_and_requires_none(name: str) -> None:
    schema = output_schema(name)
    told = view_of(declared(name)).model_fields.keys() - UNTOLD
    assert schema["properties"].keys() == {*told, "error"}
    for place, part in parts_of(schema, name):
        assert isinstance(part, dict)
        assert part.keys() <= {"type", "enum", "properties", "items"}, place


def test_days_are_described_by_their_form() -> None:
    days = 0
    for name, arguments in ARGUMENTS.items():
        known = TOOLS[name].input_schema["properties"]
        told = [(each, known[each], value) for each, value in arguments.items()]
        for argument, each, value in told:
            if isinstance(value, list) and isinstance(value[0], dict):
                inner = each["items"]["properties"]
                told += [(member, inner[member], of_it) for member, of_it in value[0].items()]
            if value in (A_DAY, HOLDER["date_of_birth"]):
                days += 1
                # The end of a range is written as its beginning, which stands right before it.
                is_told = "YYYY-MM-DD" in each["description"] or argument.endswith("_to")
                assert is_told, f"{name}: {each}"
    assert days == 8


def test_the_names_within_an_argument_stand_in_its_description() -> None:
    # Some hosts show a model that it is an object, and no more.
    told = 0
    for name, tool in TOOLS.items():
        for argument, schema in tool.input_schema["properties"].items():
            inner = schema.get("items", schema).get("properties", {})
            told += bool(inner)
            missing = [each for each in inner if each not in schema["description"]]
            assert not missing, f"{name}.{argument}: {missing}"
    assert told == 3


@pytest.mark.parametrize("name", ALL_TOOLS)
def test_every_kind_of_answer_fits_its_schema(name: str) -> None:
    validator = Draft202012Validator(output_schema(name))
    for refusal in refusals():
        assert not list(validator.iter_errors(failure(refusal).structured_content)), refusal
    for result in results(name):
        assert not list(validator.iter_errors(result)), result


@pytest.mark.parametrize("name", ALL_TOOLS)
def test_an_answer_that_is_not_of_a_tool_does_not_fit_its_schema(name: str) -> None:
    # Otherwise the test above could not fail.
    validator = Draft202012Validator(output_schema(name))
    for result in results(name):
        for member in result.keys() - UNTOLD:
            assert list(validator.iter_errors(result | {member: None})), member


def test_hosts_in_typescript_take_every_kind_of_answer(tmp_path: Path) -> None:
    if not (MODULES / "ajv").is_dir():
        pytest.skip("no npm packages: make ui")
    answers: dict[str, list[Any]] = {name: list(results(name)) for name in ALL_TOOLS}
    for name in ALL_TOOLS:
        answers[name] += [failure(refusal).structured_content for refusal in refusals()]
    for name, real in anyio.run(real_answers):
        answers[name].append(real)
    cases: list[Json] = [
        {"name": name, "schema": output_schema(name), "answers": answers[name]}
        for name in ALL_TOOLS
    ]
    # One that must not fit shows that anything is checked at all.
    cases.append({"name": "wrong", "schema": output_schema("reserve"), "answers": [{"state": 7}]})
    file = tmp_path / "answers.json"
    file.write_text(json.dumps(cases), "utf-8")
    ran = subprocess.run(["node", str(AJV), str(file)], cwd=UI, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert [each["name"] for each in json.loads(ran.stdout)] == ["wrong"], ran.stdout


async def real_answers() -> list[tuple[str, Json]]:
    """What a server answers in a booking, and where each tool refuses."""
    async with desk() as each:
        base, offer = each.handle("stadium_base"), each.handle("beneficiary_offer")
        await each.call("search_products", query="herons derby")
        await each.call("get_offers", product_base_id=base)
        await each.call("check_availability", offer_id=offer)
        await each.call("get_seat_map", product_base_id=base, quantity=2)
        order = await each.booked(offer)
        order_id = order["order_id"]
        tickets = (await each.call("get_tickets", order_id=order_id))["tickets"]
        people = [{"ticket_id": ticket["ticket_id"], **HOLDER} for ticket in tickets]
        await each.call("name_beneficiaries", order_id=order_id, beneficiaries=people)
        await each.call("find_orders", reference=order["reference"])
        held = await each.call("reserve", items=[{"offer_id": offer, "quantity": 1}])
        hold = held["reservations"][0]["reservation_id"]
        await each.call("get_reservation", reservation_ids=[hold])
        for name, arguments in ARGUMENTS.items():
            assert (await each.ask(name, {**arguments, "limit": "x"})).result.is_error
        await each.ask("place_order", {"reservation_ids": [hold]})
        assert {name for name, _ in each.calls} == {*ALL_TOOLS}
        return [(name, answer.structure) for name, answer in each.calls]


class Untyped(BaseModel):
    """A view with a member of any type."""

    anything: Any = None


def test_a_member_without_a_type_cannot_be_published() -> None:
    with pytest.raises(ValueError, match="anything has no type"):
        lean(Untyped.model_json_schema())
