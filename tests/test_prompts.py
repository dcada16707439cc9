"""Prompt files: they render, name only tools that exist, and refuse what does not fit."""

import re

import pytest
from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.prompts import NOT_SAID, PromptFile, load_prompts, parse_prompt
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Profile, Settings
from tests.fixtures.assistant import ERAS

PROMPTS = {prompt.name: prompt for prompt in load_prompts()}
NAMES = {
    "plan_outing",
    "book_tickets",
    "choose_seats",
    "group_booking",
    "find_my_tickets",
    "service_desk",
    "give_names",
}
HEADER = '+++\ntitle = "T"\ndescription = "D"\ntools = ["get_tickets"]\n{}+++\n{}'
WHO = '[[arguments]]\nname = "who"\ndescription = "W"\nrequired = {}\nexample = "Ada"\n'


def examples(prompt: PromptFile) -> dict[str, str]:
    return {argument.name: argument.example for argument in prompt.arguments}


def refused(prompt: PromptFile, given: dict[str, object]) -> str:
    with pytest.raises(MCPError) as error:
        prompt.render(given)
    assert error.value.error.code == INVALID_PARAMS
    return str(error.value.error.message)


def test_the_prompts_are_those_of_the_contract() -> None:
    assert set(PROMPTS) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_prompt_renders_with_its_examples(name: str) -> None:
    prompt = PROMPTS[name]
    text = prompt.render(examples(prompt))
    assert "{{" not in text
    assert all(example in text for example in examples(prompt).values())
    assert prompt.title
    assert prompt.description


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_prompt_names_only_tools_that_exist(name: str) -> None:
    words = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", PROMPTS[name].body))
    places = {argument.name for argument in PROMPTS[name].arguments}
    verbs = ("search_", "get_", "check_", "find_", "place_", "name_", "cancel_", "list_")
    tools = {word for word in words - places if word.startswith(verbs)}
    assert tools | {"reserve"} == set(PROMPTS[name].tools) | {"reserve"}
    assert set(PROMPTS[name].tools) <= set(ALL_TOOLS)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_prompt_has_no_name_of_a_tool(name: str) -> None:
    # Hosts that offer prompts as functions beside the tools drop the second of a name.
    assert name not in ALL_TOOLS


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_an_argument_that_is_needed_is_declared_so_and_refused_in_our_words(
    mode: str,
) -> None:
    async with Client(build_server(Settings(profile=Profile.SERVICE_DESK)), mode=mode) as client:
        for told in (await client.list_prompts()).prompts:
            prompt = PROMPTS[told.name]
            declared = {each.name: each.required for each in told.arguments or ()}
            assert declared == {each.name: each.required for each in prompt.arguments}
            needed = next(each for each in prompt.arguments if each.required)
            with pytest.raises(MCPError) as asked:
                await client.get_prompt(told.name, {})
            assert asked.value.error.code == INVALID_PARAMS
            assert asked.value.error.message == f"{needed.name} is needed, e.g. {needed.example}"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_prompt_says_which_argument_is_missing_or_unknown(name: str) -> None:
    prompt = PROMPTS[name]
    for argument in prompt.arguments:
        given: dict[str, object] = {k: v for k, v in examples(prompt).items() if k != argument.name}
        if argument.required:
            assert f"{argument.name} is needed, e.g. {argument.example}" in refused(prompt, given)
        else:
            assert NOT_SAID in prompt.render(given)
    assert refused(prompt, {**examples(prompt), "canary": "x"}).startswith(f"{name} takes: ")


def test_an_argument_must_be_a_text_and_blank_counts_as_missing() -> None:
    prompt = parse_prompt("p", HEADER.format(WHO.format("true"), "Ask {{ who }}."))
    assert refused(prompt, {"who": 7}) == "who must be a text"
    assert refused(prompt, {"who": " \u200b"}).startswith("who is needed")


def test_a_value_is_put_in_once_and_cleaned() -> None:
    prompt = parse_prompt("p", HEADER.format(WHO.format("false"), "Ask {{ who }}."))
    assert prompt.render({"who": "{{ who }}\u202e"}) == "Ask {{ who }}."
    assert prompt.render({}) == f"Ask {NOT_SAID}."


@pytest.mark.parametrize("filler", ["a", "\u200b", "e\u0301", "[]("])
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_value_that_is_too_long_is_refused_for_its_length(name: str, filler: str) -> None:
    prompt = PROMPTS[name]
    for argument in prompt.arguments:
        given: dict[str, object] = {**examples(prompt), argument.name: filler * (1 << 20)}
        assert refused(prompt, given) == f"{argument.name} must have at most 500 characters"
        just_right = {**examples(prompt), argument.name: "a" * 500}
        assert "a" * 500 in prompt.render(just_right)


@pytest.mark.parametrize(
    "text",
    [
        "no header at all",
        'before +++\ntitle = "T"\n+++\nbody',
        "+++\ntitle = \n+++\nbody",
        '+++\ntitle = "T"\n+++\nno description',
        '+++\ndescription = "D"\n+++\nno title',
        '+++\ntitle = "T"\ndescription = "D"\n+++\nno tools',
        HEADER.format("", "Ask {{ who }}."),
        HEADER.format(WHO.format("true"), "Ask {{who}}."),
        HEADER.format('[[arguments]]\nname = "who"\n', "Ask {{ who }}."),
        HEADER.format(WHO.format("true") + 'colour = "red"\n', "Ask {{ who }}."),
        HEADER.format(WHO.format("true") + 'completes = "colours"\n', "Ask {{ who }}."),
    ],
)
def test_a_malformed_file_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValueError, match=r"prompt p: "):
        parse_prompt("p", text)


def test_arguments_that_name_a_thing_on_sale_or_a_city_are_completed() -> None:
    completed = {
        (prompt.name, argument.name): argument.completes
        for prompt in PROMPTS.values()
        for argument in prompt.arguments
        if argument.completes
    }
    assert completed == {
        ("book_tickets", "what"): "product base",
        ("choose_seats", "what"): "product base",
        ("group_booking", "what"): "product base",
        ("plan_outing", "wish"): "product base",
        ("plan_outing", "where"): "city",
    }


async def listed(profile: Profile) -> set[str]:
    async with Client(build_server(Settings(profile=profile))) as client:
        return {prompt.name for prompt in (await client.list_prompts()).prompts}


@pytest.mark.anyio
async def test_a_prompt_is_offered_only_where_its_tools_exist() -> None:
    assert await listed(Profile.BROWSE) == {"plan_outing"}
    assert await listed(Profile.BUYER) == NAMES - {"service_desk"}
    assert await listed(Profile.SERVICE_DESK) == NAMES


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("name", ["canary", "", "service_desk", "a\u202eb\n" * 50])
async def test_a_prompt_that_is_not_there_is_refused_in_our_words_as_a_tool_is(
    mode: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(build_server(Settings(profile=Profile.BUYER)), mode=mode) as client:
        with pytest.raises(MCPError) as asked:
            await client.get_prompt(name, {"canary-argument": "canary-value"})
        tool = await client.call_tool(name or "none", {"canary-argument": "canary-value"})
    assert asked.value.error.code == INVALID_PARAMS
    assert asked.value.error.message.startswith("NOT_FOUND: This server has no such prompt.")
    assert asked.value.error.data is None
    assert "NOT_FOUND" in str(tool.structured_content)
    assert "canary" not in f"{asked.value} {tool.model_dump_json()} {caplog.text}"


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_what_is_wrong_with_a_prompt_is_told_without_what_was_given(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(build_server(Settings(profile=Profile.BUYER)), mode=mode) as client:
        for given in ({"canary-argument": "x"}, {"": "canary"}, {}):
            with pytest.raises(MCPError) as asked:
                await client.get_prompt("choose_seats", given)
            assert asked.value.error.code == INVALID_PARAMS
            assert "canary" not in f"{asked.value} {asked.value.error.data} {caplog.text}"


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("address", ["korus://canary", "canary:x", "korus://help/canary"])
async def test_an_address_that_is_not_there_is_told_without_it(
    mode: str, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(build_server(Settings(profile=Profile.BUYER)), mode=mode) as client:
        with pytest.raises(MCPError) as asked:
            await client.read_resource(address)
    assert asked.value.error.message.startswith("NOT_FOUND: ")
    assert "canary" not in f"{asked.value.error.message} {caplog.text}"
