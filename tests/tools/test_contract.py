"""The contract of the layer between the SDK and the tools, in both eras of the protocol."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp_types import ListToolsResult
from mcp_types import Tool as ListedTool
from pydantic import BaseModel, Field, TypeAdapter

from korus_mcp.access.policy import ALL_TOOLS as ALL_NAMES
from korus_mcp.answers.views import View
from korus_mcp.foundation.coalescing import begun_here
from korus_mcp.settings import Content
from korus_mcp.tools.declare import Declared, Reply, tool
from tests.docs.listing import build
from tests.fixtures.assistant import ERAS, Answer, Desk, Json, desk, objects_in, settings_of
from tests.fixtures.hosts import server_of
from tests.fixtures.wording import WRITING_TOOLS, faults_of
from tests.tools.samples import ARGUMENTS, OF_NOTHING, real, variants

pytestmark = pytest.mark.anyio
SENTINEL = "xyzzy plugh 48151623"
Path = tuple[str | int, ...]


async def listed(mode: str) -> ListToolsResult:
    async with desk(mode=mode) as each:
        return await each.client.list_tools()


@pytest.fixture
async def tools(shared: Desk) -> list[ListedTool]:
    return (await shared.client.list_tools()).tools


def schemas_of(tools: list[ListedTool]) -> Iterator[Json]:
    for each in tools:
        yield each.input_schema
        if each.output_schema is not None:
            yield each.output_schema


def keywords_in(schema: object) -> set[str]:
    """Every key of a schema but the names of properties."""
    if isinstance(schema, list):
        return {key for each in schema for key in keywords_in(each)}
    if not isinstance(schema, dict):
        return set()
    found = set(schema)
    for key, value in schema.items():
        inner = list(value.values()) if key == "properties" else value
        found |= keywords_in(inner)
    return found


def paths_in(value: object, path: Path = ()) -> Iterator[Path]:
    """Every place in arguments: containers and leaves."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_in(inner, (*path, key))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from paths_in(inner, (*path, place))


def replaced(arguments: Json, path: Path, value: object) -> Json:
    changed: Any = copy.deepcopy(arguments)
    target = changed
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return dict(changed)


async def test_the_ten_tools_are_listed_in_their_fixed_order(tools: list[ListedTool]) -> None:
    assert tuple(each.name for each in tools) == ALL_NAMES
    assert len({each.title for each in tools}) == len(set(ALL_NAMES)) == 10


async def test_no_schema_refers_to_another_place(tools: list[ListedTool]) -> None:
    for schema in schemas_of(tools):
        assert not keywords_in(schema) & {"$ref", "$defs", "definitions", "discriminator"}
        assert not schema.keys() & {"anyOf", "oneOf", "allOf"}
        assert schema["type"] == "object"


async def test_schemas_use_words_of_json_schema_only(tools: list[ListedTool]) -> None:
    for schema in schemas_of(tools):
        Draft202012Validator.check_schema(schema)
        assert keywords_in(schema) <= Draft202012Validator.VALIDATORS.keys() | {"description"}


async def test_every_input_object_is_closed(tools: list[ListedTool]) -> None:
    closed = [each for tool in tools for each in objects_in(tool.input_schema)]
    assert len(closed) == len(tools) + 3  # items, customer, beneficiaries
    for each in closed:
        assert each["additionalProperties"] is False


async def test_every_tool_and_argument_is_described(tools: list[ListedTool]) -> None:
    for each in tools:
        assert each.description
        assert len(each.description) > 20, each.name
        for name, argument in each.input_schema["properties"].items():
            assert argument.get("description"), f"{each.name}.{name}"


async def test_title_and_all_hints_that_say_something_are_stated(tools: list[ListedTool]) -> None:
    for each in tools:
        hints = each.annotations
        assert each.title, each.name
        assert hints is not None
        assert hints.title == each.title  # where directories of connectors look for it
        stated = (hints.read_only_hint, hints.destructive_hint, hints.open_world_hint)
        assert None not in stated, each.name
        assert (hints.idempotent_hint is None) == hints.read_only_hint, each.name


async def test_pages_may_call_what_changes_nothing_at_korusticket_and_nothing_else(
    tools: list[ListedTool],
) -> None:
    for each in tools:
        ui = (each.meta or {}).get("ui", {})
        assert ui.get("visibility") == (["model"] if each.name in WRITING_TOOLS else None)


async def test_three_tools_write_two_of_them_for_good_and_one_saves_files(
    tools: list[ListedTool],
) -> None:
    hints = {t.name: t.annotations for t in tools if t.annotations is not None}
    writing = {name for name, hint in hints.items() if not hint.read_only_hint}
    assert writing == {"reserve", "place_order", "name_beneficiaries", "get_tickets"}
    assert hints["get_tickets"].idempotent_hint
    for_good = {name for name, hint in hints.items() if hint.destructive_hint}
    assert for_good == {"place_order", "name_beneficiaries"}


async def test_the_list_is_plain_ascii(tools: list[ListedTool]) -> None:
    for each in tools:
        assert each.model_dump_json(by_alias=True, exclude_none=True).isascii(), each.name


async def test_nobody_is_asked_for_a_principal_tenant_or_price(tools: list[ListedTool]) -> None:
    for each in tools:
        names = set(each.input_schema["properties"])
        assert not names & {"principal", "tenant", "owner", "price", "amount", "total"}


async def test_the_samples_name_every_argument_there_is(
    tools: list[ListedTool], shared: Desk
) -> None:
    for each in tools:
        named = {argument for sample in variants(shared, each.name) for argument in sample}
        assert named == set(each.input_schema["properties"]), each.name
        for given, schema in (
            (ARGUMENTS["reserve"]["items"][0], "items"),
            (ARGUMENTS["name_beneficiaries"]["beneficiaries"][0], "beneficiaries"),
        ):
            if schema in each.input_schema["properties"]:
                items = each.input_schema["properties"][schema]["items"]
                assert set(given) == set(items["properties"])


async def test_the_members_of_objects_stand_in_the_description_of_their_argument(
    shared: Desk,
) -> None:
    """Some hosts show their models an object without its members."""
    told = 0
    for each in (await shared.client.list_tools()).tools:
        for name, argument in each.input_schema["properties"].items():
            members = argument.get("items", argument).get("properties", {})
            needed = argument.get("items", argument).get("required", [])
            for member in members:
                told += 1
                assert re.search(rf"\b{member}\b", argument["description"]), f"{name}.{member}"
            for member in needed:
                assert f"{member}?" not in argument["description"]
    assert told


@pytest.mark.parametrize("mode", ERAS)
async def test_the_list_is_byte_identical_between_runs(mode: str) -> None:
    first, second = await listed(mode), await listed(mode)
    assert first.model_dump_json(by_alias=True) == second.model_dump_json(by_alias=True)


@pytest.mark.parametrize("name", ALL_NAMES)
async def test_an_unknown_argument_is_refused_and_the_accepted_ones_named(
    name: str, cold: Desk
) -> None:
    answer = await cold.ask(name, {**ARGUMENTS[name], "qqqq": 1})
    assert answer.code == "INVALID_ARGUMENTS"
    assert set(answer.fields) - OF_NOTHING == {"qqqq"}
    for accepted in ARGUMENTS[name]:
        assert accepted in answer.fields["qqqq"]
    assert cold.sent() == 0


@pytest.mark.parametrize(
    ("name", "path", "near"),
    [
        ("reserve", ("items", 0, "quantiti"), "quantity"),
        ("place_order", ("customer", "mail"), "email"),
        ("name_beneficiaries", ("beneficiaries", 0, "first_name"), "firstname"),
    ],
)
async def test_an_unknown_argument_inside_another_is_refused_with_the_nearest(
    name: str, path: Path, near: str, cold: Desk
) -> None:
    answer = await cold.ask(name, replaced(ARGUMENTS[name], path, "x"))
    place = ".".join(map(str, path))
    assert answer.code == "INVALID_ARGUMENTS"
    assert set(answer.fields) - OF_NOTHING == {place}
    assert near in answer.fields[place]
    assert cold.sent() == 0


async def test_a_mistyped_argument_is_told_the_nearest_one(shared: Desk) -> None:
    answer = await shared.ask("search_products", {"querry": "x"})
    assert answer.fields == {"querry": "unknown argument; did you mean query?"}


@pytest.mark.parametrize("name", ALL_NAMES)
async def test_no_error_ever_repeats_what_was_given(name: str, shared: Desk) -> None:
    shapes: tuple[object, ...] = (
        SENTINEL,
        f"<{SENTINEL}>\u202e",
        f"{SENTINEL}@",
        [SENTINEL],
        {"a": SENTINEL},
        {"firstname": SENTINEL},
        [[SENTINEL]],
        f'["{SENTINEL}"]',
    )
    for arguments in variants(shared, name):
        refused = 0
        for path in paths_in(arguments):
            for shape in shapes:
                answer = await shared.ask(name, replaced(arguments, path, shape))
                if answer.result.is_error:
                    refused += 1
                    assert "xyzzy" not in answer.wire, (path, shape)
                    assert answer.code is not None
        assert refused > 5 * len(arguments)


async def test_the_name_of_an_unknown_argument_is_cut_and_cleaned(shared: Desk) -> None:
    answer = await shared.ask("find_orders", {"\u202eevil\nname" + "z" * 200: 1})
    (named,) = answer.fields
    assert named.startswith("evil name")
    assert len(named) <= 40


async def test_at_most_ten_problems_are_told(shared: Desk) -> None:
    answer = await shared.ask("search_products", {f"unknown_{n}": n for n in range(30)})
    assert len(answer.fields) == 10


async def test_a_wrong_argument_is_told_with_field_problem_and_example(shared: Desk) -> None:
    answer = await shared.ask("check_availability", {"offer_id": "nonsense"})
    (problem,) = answer.error["fields"]
    assert problem["field"] == "offer_id"
    assert problem["problem"]
    assert "." in problem["example"]
    missing = await shared.ask("check_availability", {})
    assert missing.fields == {"offer_id": "required"}


@pytest.mark.parametrize("name", ALL_NAMES)
async def test_every_example_a_refusal_gives_is_itself_accepted(name: str, shared: Desk) -> None:
    arguments = real(shared, name)
    tried = 0
    for path in paths_in(arguments):
        refused = await shared.ask(name, replaced(arguments, path, {"wrong": [SENTINEL]}))
        for problem in refused.error["fields"] if refused.result.is_error else ():
            if "example" not in problem:
                continue
            tried += 1
            place = tuple(int(p) if p.isdigit() else p for p in problem["field"].split("."))
            again = await shared.ask(name, replaced(arguments, place, problem["example"]))
            assert (
                not again.result.is_error
                or again.fields.get(problem["field"]) != (problem["problem"])
            )
    assert tried or name == "get_tickets"  # an order goes by any text


async def test_a_refusal_arrives_structured_and_as_text(shared: Desk) -> None:
    answer = await shared.ask("get_reservation", {"reservation_ids": ["unknown"]})
    assert answer.result.is_error
    assert answer.error.keys() == {"code", "message", "effect", "next"}
    assert answer.error["effect"] == "none"
    for said in (answer.error["code"], answer.error["message"], answer.error["next"]):
        assert said in answer.text


@tool(title="Crash", read_only=True, destructive=False, idempotent=True)
async def crash() -> Reply[View]:
    """Crash with a secret in the exception."""
    raise RuntimeError(SENTINEL)


@tool(title="Crash while booking", read_only=False, destructive=True, idempotent=True)
async def crash_while_booking() -> Reply[View]:
    """Crash where something may have been booked."""
    begun_here().mark()
    raise RuntimeError(SENTINEL)


@tool(title="Crash before booking", read_only=False, destructive=True, idempotent=True)
async def crash_before_booking() -> Reply[View]:
    """Crash where nothing was sent yet."""
    raise RuntimeError(SENTINEL)


@tool(title="Misread", read_only=True, destructive=False, idempotent=True)
async def misread(kind: Annotated[str, Field(description="What goes wrong")]) -> Reply[View]:
    """Fail to validate something inside."""
    adapter = TypeAdapter(int)
    adapter.validate_python(f"{SENTINEL} {kind}")
    raise AssertionError


class Empty(View):
    """A view that cannot be told."""

    number: int = 1


@tool(title="Silent", read_only=True, destructive=False, idempotent=True)
async def silent() -> Reply[Empty]:
    """Answer a view without a text."""
    return Reply(Empty(next="Nothing."))


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    ("crashing", "arguments", "code", "effect"),
    [
        (crash, {}, "MISCONFIGURED", "none"),
        (crash_while_booking, {}, "OUTCOME_UNKNOWN", "unknown"),
        (crash_before_booking, {}, "MISCONFIGURED", "none"),
        (misread, {"kind": "a"}, "MISCONFIGURED", "none"),
        (silent, {}, "MISCONFIGURED", "none"),
    ],
    ids=lambda given: given.name if isinstance(given, Declared) else None,
)
async def test_a_crash_inside_a_tool_is_an_error_of_the_set_and_shows_no_detail(
    crashing: Declared,
    arguments: dict[str, str],
    code: str,
    effect: str,
    mode: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = build(crashing, Content.BOTH)
    async with Client(server_of(made), mode=mode) as client:
        answer = Answer(await client.call_tool(made.name, arguments))
        assert (answer.code, answer.error["effect"]) == (code, effect)
        assert not list(faults_of(answer.error, answer.text, made.name))
        assert "xyzzy" not in answer.wire
        assert made.name not in answer.wire
        assert "Traceback" in caplog.text  # but the operator finds it in the log


@pytest.mark.parametrize("content", ["both", "structured", "text"])
@pytest.mark.parametrize("mode", ERAS)
async def test_the_operator_chooses_which_halves_of_a_reply_are_sent(
    content: str, mode: str
) -> None:
    async with desk(settings_of(MCP_CONTENT=content), mode=mode) as each:
        answer = await each.ask("search_products", {"query": "herons derby"})
        assert bool(answer.text) == (content != "structured")
        assert bool(answer.structure) == (content != "text")
        schemas = [t.output_schema for t in (await each.client.list_tools()).tools]
        assert all(schema is None for schema in schemas) == (content == "text")


@pytest.mark.parametrize("content", ["both", "structured", "text"])
@pytest.mark.parametrize("mode", ERAS)
async def test_a_refusal_has_both_halves_whatever_the_operator_chose(
    content: str, mode: str
) -> None:
    async with desk(settings_of(MCP_CONTENT=content), mode=mode) as each:
        answer = await each.ask("get_tickets", {"order_id": "unknown"})
        assert answer.code == "NOT_FOUND"
        assert answer.text.startswith("NOT_FOUND: ")


async def test_what_is_empty_is_left_out_of_a_reply(shared: Desk) -> None:
    answer = await shared.ask("search_products", {"query": "zzzzqqqq"})
    assert answer.data.keys() == {"next", "note", "shown", "total"}
    for query in ("herons derby", "ski", "museum"):
        found = json.dumps(await shared.call("search_products", query=query))
        assert "null" not in found
        assert "[]" not in found


class Loop(BaseModel):
    """Contains itself."""

    inner: "Loop | None" = None


async def test_arguments_that_contain_themselves_cannot_be_published() -> None:
    @tool(title="Loop", read_only=True, destructive=False, idempotent=True)
    async def looping(loop: Annotated[Loop, Field(description="A loop")]) -> Reply[Empty]:
        """Take a loop."""
        del loop
        return Reply(Empty(next="Nothing."))

    with pytest.raises(ValueError, match="Loop refers to itself"):
        build(looping, Content.BOTH)
