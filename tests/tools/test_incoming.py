"""Arguments are measured before anything else, and what says nothing counts as left out."""

import copy
import gc
import json
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import pytest
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from pydantic import ValidationError

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.foundation.refusals import Refusal
from korus_mcp.settings import Content
from korus_mcp.tools import declared
from korus_mcp.tools.agreement import Customer
from korus_mcp.tools.arguments import EXAMPLE_ID
from korus_mcp.tools.declare import callable_only
from korus_mcp.tools.incoming import LONGEST_JSON, Kind, kind_of
from korus_mcp.tools.name_beneficiaries import Person
from tests.fixtures.assistant import CUSTOMER, HOLDER, Desk, Json
from tests.tools.samples import AN_ID, ARGUMENTS, OF_NOTHING

MIB = 1 << 20
Path = tuple[str | int, ...]
STATED = {
    ("place_order", "notes"): 100,
    ("place_order", "reference"): 50,
    ("place_order", "confirmation"): 200,
    ("place_order", "customer.firstname"): 100,
    ("place_order", "customer.email"): 254,
    ("name_beneficiaries", "order_id"): 64,
    ("name_beneficiaries", "beneficiaries.0.place_of_birth"): 100,
    ("get_tickets", "order_id"): 64,
    ("find_orders", "reference"): 254,
    ("search_products", "query"): 200,
}


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every value of some arguments that is neither list nor object, and where it stands."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from leaves(each, (*path, place))
    else:
        yield path, value


def structures(value: object, path: Path = ()) -> Iterator[Path]:
    """Where the lists and objects within some arguments stand."""
    inside = value.items() if isinstance(value, dict) else enumerate(cast("list[Any]", value))
    for name, each in inside:
        if isinstance(each, dict | list):
            yield (*path, name)
            yield from structures(each, (*path, name))


def with_value(arguments: Json, path: Path, value: object) -> Json:
    changed = copy.deepcopy(arguments)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def without(arguments: Json, path: Path) -> Json:
    changed = copy.deepcopy(arguments)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return changed


def named(path: Path) -> str:
    return ".".join(map(str, path))


@cache
def reader(tool: str) -> FuncMetadata:
    return callable_only(declared(tool), Content.BOTH).fn_metadata


def kind_at(tool: str, path: Path) -> Kind:
    kind = kind_of(reader(tool).arg_model)
    for step in path:
        kind = kind.fields[step] if isinstance(step, str) else cast("Kind", kind.entry)
    return kind


def required_at(tool: str, path: Path) -> bool:
    """Whether a call without the value is refused for it."""
    try:
        reader(tool).validate_arguments(without(ARGUMENTS[tool], path))
    except ValidationError as error:
        return any(named(each["loc"]) == named(path) for each in error.errors())
    return False


LEAVES = [(tool, path) for tool in ALL_TOOLS for path, _ in leaves(ARGUMENTS[tool])]
TEXTS = [
    (tool, path)
    for tool in ALL_TOOLS
    for path, value in leaves(ARGUMENTS[tool])
    if isinstance(value, str)
]
NAMED = [(tool, path) for tool, path in LEAVES if isinstance(path[-1], str)]
"""Values that may be left out one by one: those of lists may not."""
STRUCTURES = [(tool, path) for tool in ALL_TOOLS for path in structures(ARGUMENTS[tool])]


def steps_of(tool: str, arguments: Json) -> tuple[int, Refusal]:
    """How many functions run until arguments are refused, and the refusal."""
    metadata, steps = reader(tool), 0
    kind_of(metadata.arg_model)  # made once for a tool

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal steps
        del frame, argument
        steps += event in ("call", "c_call")

    before = sys.getprofile()
    # What is thrown away meanwhile, of other tests too, is no step.
    gc.disable()
    sys.setprofile(count)
    try:
        with pytest.raises(Refusal) as refused:
            metadata.validate_arguments(arguments)
    finally:
        sys.setprofile(before)
        gc.enable()
    return steps, refused.value


@pytest.mark.parametrize(("tool", "path"), TEXTS, ids=lambda each: str(each))
def test_a_text_that_is_too_long_is_refused_for_its_length_before_anything_looks_into_it(
    tool: str, path: Path
) -> None:
    steps_of(tool, with_value(ARGUMENTS[tool], path, "a" * 1000))  # what is looked up once is known
    counted = []
    for filler in ("a", "\u200b", "e\u0301", "["):
        for size in (1000, MIB):
            sent = with_value(ARGUMENTS[tool], path, filler * size)
            steps, refusal = steps_of(tool, sent)
            (problem,) = refusal.fields
            assert problem.field == named(path)
            longest = kind_at(tool, path).longest
            assert problem.problem == f"must have at most {longest} characters"
            counted.append(steps)
    assert max(counted) < 2 * min(counted), "the work depends on the text"


@pytest.mark.parametrize(("where", "longest"), STATED.items(), ids=lambda each: str(each))
def test_the_refusal_states_the_length_of_the_argument(
    where: tuple[str, str], longest: int
) -> None:
    tool, field = where
    (path,) = (p for t, p in TEXTS if (t, named(p)) == where)
    just_right = "a" * longest if not field.endswith("email") else "a@example.org"
    reader(tool).validate_arguments(with_value(ARGUMENTS[tool], path, just_right))
    _, refusal = steps_of(tool, with_value(ARGUMENTS[tool], path, "a" * (longest + 1)))
    assert [(p.field, p.problem) for p in refusal.fields] == [
        (field, f"must have at most {longest} characters")
    ]


@cache
def endless_number() -> int:
    """A million digits; to make them takes longer than to refuse them."""
    return int(10**MIB)


@pytest.mark.parametrize(("tool", "path"), LEAVES, ids=lambda each: str(each))
def test_whatever_belongs_there_a_number_without_end_is_refused(tool: str, path: Path) -> None:
    for endless in (endless_number(), -endless_number()):
        _, refusal = steps_of(tool, with_value(ARGUMENTS[tool], path, endless))
        assert [(p.field, p.problem) for p in refusal.fields] == [
            (named(path), "must have at most 1000 digits")
        ]


@pytest.mark.parametrize(("tool", "path"), STRUCTURES, ids=lambda each: str(each))
def test_a_list_or_object_that_is_too_long_is_refused_unread(tool: str, path: Path) -> None:
    sent = copy.deepcopy(ARGUMENTS[tool])
    is_object = bool(kind_at(tool, path).fields)
    huge = dict.fromkeys(map(str, range(100_000)), 1) if is_object else [{"a": 1}] * 100_000
    steps, refusal = steps_of(tool, with_value(sent, path, huge))
    assert [p.field for p in refusal.fields] == [named(path)]
    assert steps < 2000
    as_text = json.dumps(huge)[: LONGEST_JSON + 1]
    steps, refusal = steps_of(tool, with_value(sent, path, as_text))
    problem = f"must have at most {LONGEST_JSON} characters"
    assert [(p.field, p.problem) for p in refusal.fields] == [(named(path), problem)]
    assert steps < 2000


def test_more_names_than_any_tool_knows_are_refused_unread() -> None:
    steps, refusal = steps_of("search_products", dict.fromkeys(map(str, range(100_000)), "x"))
    assert [(p.field, p.problem) for p in refusal.fields] == [
        ("arguments", "must have at most 40 fields")
    ]
    assert steps < 2000


@pytest.mark.parametrize("tool", ALL_TOOLS)
def test_what_is_nested_without_end_is_refused_like_anything_wrong(tool: str) -> None:
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]
    for name in ARGUMENTS[tool]:
        for endless in (deep, {"a": deep}, "[" * 50_000, '{"a":' * 10_000):
            with pytest.raises((ValidationError, Refusal)) as refused:
                reader(tool).validate_arguments({**ARGUMENTS[tool], name: endless})
            assert not isinstance(refused.value.__cause__, RecursionError)


@pytest.mark.anyio
@pytest.mark.parametrize("tool", ALL_TOOLS)
async def test_a_megabyte_of_a_name_is_cut_and_helps_nobody_to_a_long_answer(
    tool: str, cold: Desk
) -> None:
    for letter in ("a", "\u200b", "[](", "_"):
        answer = await cold.ask(tool, {**ARGUMENTS[tool], letter * MIB: 1})
        assert answer.code == "INVALID_ARGUMENTS"
        assert len(answer.wire) < 3000


def test_where_no_tool_reads_them_the_length_is_still_looked_at_first() -> None:
    """What a host's form answers is checked by the same types without passing a tool's arguments.

    A text that is both too long and not to be sent is refused for its length.
    """
    long = "a\u200b" * 1000
    for model, given in ((Customer, CUSTOMER), (Person, {**HOLDER, "ticket_id": EXAMPLE_ID})):
        for name in ("firstname", "lastname", "email"):
            with pytest.raises(ValidationError) as refused:
                model.model_validate({**given, name: long})
            assert [each["type"] for each in refused.value.errors()] == ["string_too_long"]


def test_which_character_cannot_be_sent_is_found_in_one_pass() -> None:
    for odd, wanted in (
        ("A\u202eda", "U+202E"),
        ("Ada\nLovelace", "U+000A"),
        ("A\u200b\u0301da", "U+200B"),
        ("Ada\u2028L", "U+2028"),
        ("A\r\nda", "U+000D"),
        ("Ada \u200dL", "U+200D"),
        ("Ada\ufe0f\ufe0f", "U+FE0F"),
    ):
        with pytest.raises(ValidationError, match=f"control character {wanted.replace('+', '.')}"):
            Customer.model_validate({"firstname": odd})


NOTHING: dict[str, tuple[object, ...]] = {
    "text": (None, ""),
    "number": (None, "", "null", 0, 0.0, "0", "0.00", -0.0),
    "other": (None, "", "null"),
    "structure": (None, "", "null", [], {}, "[]", "{}", [None], ["", ""]),
}
"""By the kind of an argument, what models send that have nothing to say for it."""


def nothing_for(tool: str, path: Path) -> tuple[object, ...]:
    kind = kind_at(tool, path)
    if kind.is_structure:
        return NOTHING["structure"]
    if kind.is_free_text:
        return NOTHING["text"]
    # A limit of money is passed on as 0, and the answer says that there is none.
    if (tool, named(path)) == ("reserve", "max_total"):
        return NOTHING["other"]
    return NOTHING["number" if kind.is_number else "other"]


@pytest.mark.parametrize(
    ("tool", "path"),
    [*NAMED, *(each for each in STRUCTURES if isinstance(each[1][-1], str))],
    ids=lambda each: str(each),
)
def test_what_says_nothing_is_the_same_as_leaving_an_argument_out(tool: str, path: Path) -> None:
    metadata, given = reader(tool), ARGUMENTS[tool]
    if required_at(tool, path):
        for value in (None, ""):
            with pytest.raises(ValidationError) as refused:
                metadata.validate_arguments(with_value(given, path, value))
            found = [(named(each["loc"]), each["type"]) for each in refused.value.errors()]
            assert found == [(named(path), "missing")]
        return
    left_out = metadata.validate_arguments(without(given, path))
    for nothing in nothing_for(tool, path):
        assert metadata.validate_arguments(with_value(given, path, nothing)) == left_out, nothing


@pytest.mark.parametrize(
    ("tool", "path", "problem"),
    [
        ("reserve", ("items", 0, "quantity"), "greater_than_equal"),
        ("reserve", ("items",), "too_short"),
        ("place_order", ("reservation_ids",), "too_short"),
        ("name_beneficiaries", ("beneficiaries",), "too_short"),
    ],
)
def test_what_has_to_be_said_is_not_left_out_for_being_nothing(
    tool: str, path: Path, problem: str
) -> None:
    metadata = reader(tool)
    for value in (0, "0") if path[-1] == "quantity" else ([], "[]"):
        with pytest.raises(ValidationError) as refused:
            metadata.validate_arguments(with_value(ARGUMENTS[tool], path, value))
        found = [(named(each["loc"]), each["type"]) for each in refused.value.errors()]
        assert found == [(named(path), problem)]


def test_a_list_or_object_may_come_as_json_text_at_every_depth() -> None:
    for tool, path in STRUCTURES:
        metadata, given = reader(tool), ARGUMENTS[tool]
        value: Any = given
        for step in path:
            value = value[step]
        told = metadata.validate_arguments(with_value(given, path, json.dumps(value)))
        assert told == metadata.validate_arguments(given), (tool, path)


def test_what_was_in_a_json_text_is_measured_by_its_place() -> None:
    item = ARGUMENTS["reserve"]["items"][0]
    for items in ([{**item, "session_ids": json.dumps([AN_ID] * 11)}], json.dumps([item] * 11)):
        _, refusal = steps_of("reserve", {"items": items})
        where = "items" if isinstance(items, str) else "items.0.session_ids"
        assert [(p.field, p.problem) for p in refusal.fields] == [
            (where, "must have at most 10 entries")
        ]


def test_a_person_or_a_search_may_be_called_null() -> None:
    given = {**ARGUMENTS["place_order"], "customer": {**CUSTOMER, "lastname": "Null"}}
    assert reader("place_order").validate_arguments(given)["customer"].lastname == "Null"
    read = reader("search_products").validate_arguments({"query": "null", "limit": "null"})
    assert (read["query"], read["limit"]) == ("null", 5)


def test_null_within_a_list_that_comes_as_text_is_left_out_too() -> None:
    items = [{**ARGUMENTS["reserve"]["items"][0], "session_ids": None}]
    read = reader("reserve").validate_arguments({"items": json.dumps(items), "again": None})
    assert read["items"][0].session_ids == []
    assert read["again"] is False


def test_a_null_of_an_unknown_name_is_still_an_unknown_name() -> None:
    with pytest.raises(ValidationError):
        reader("search_products").validate_arguments({"q": None})


@pytest.mark.anyio
async def test_a_model_that_fills_in_everything_is_answered_like_one_that_does_not(
    shared: Desk,
) -> None:
    base, offer = shared.handle("park_base"), shared.handle("park_offer")
    searched = await shared.call("search_products", query="night safari")
    nothing: Json = {"catalog": None, "city": "", "date_from": None, "date_to": "", "cursor": ""}
    everything = {**nothing, "query": "night safari", "limit": None, "language": None}
    assert await shared.call("search_products", **everything) == searched
    offers = await shared.call("get_offers", product_base_id=base)
    nothing = {"price_type": None, "zone": "", "days_count": None, "cursor": "", "limit": None}
    assert await shared.call("get_offers", product_base_id=base, **nothing) == offers
    checked = await shared.call("check_availability", offer_id=offer)
    again = await shared.call("check_availability", offer_id=offer, quantity=None, language="")
    assert {**again, "checked_at": ""} == {**checked, "checked_at": ""}


@pytest.mark.anyio
async def test_what_is_needed_is_asked_for_when_it_comes_as_null_or_empty(cold: Desk) -> None:
    for nothing in (None, ""):
        for tool, name in (
            ("get_offers", "product_base_id"),
            ("check_availability", "offer_id"),
            ("get_tickets", "order_id"),
        ):
            answer = await cold.ask(tool, {**ARGUMENTS[tool], name: nothing})
            assert answer.fields == {name: "required"}
        customer = {**CUSTOMER, "lastname": nothing, "phone": nothing}
        answer = await cold.ask("place_order", {**ARGUMENTS["place_order"], "customer": customer})
        assert set(answer.fields) - OF_NOTHING == {"customer.lastname"}
        assert answer.fields["customer.lastname"] == "required"


@pytest.mark.anyio
async def test_an_empty_confirmation_is_none(shared: Desk) -> None:
    """Models send it with the first call, when they have none yet."""
    offer = shared.handle("park_offer")
    items = [{"offer_id": offer, "quantity": 1, "session_ids": None}]
    held = await shared.call("reserve", items=items, max_total=None, again=None, language="")
    wish = {"reservation_ids": [held["reservations"][0]["reservation_id"]], "customer": CUSTOMER}
    for nothing in (None, ""):
        asked = await shared.call("place_order", **wish, confirmation=nothing, notes=nothing)
        assert asked["state"] == "confirmation_needed"
