"""Which tools exist: by profile, by --tools, and by world. What does not exist cannot be called."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from mcp import Client

from korus_mcp.access.policy import (
    ALL_TOOLS,
    BROWSE_TOOLS,
    BUYER_TOOLS,
    SAVING_TOOLS,
)
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Misconfigured, Profile, Settings, read_settings
from tests.fixtures.assistant import ERAS, Answer, desk, settings_of
from tests.fixtures.wording import WRITING_TOOLS
from tests.tools.samples import ARGUMENTS

pytestmark = pytest.mark.anyio
ACCOUNT = {
    "KORUS_CLIENT_ID": "made-up",
    "KORUS_CLIENT_SECRET": "made-up",
    "KORUS_APPROVAL": "two_step",
    "KORUS_MAX_ORDER_AMOUNT": "100",
    "KORUS_MAX_DAY_AMOUNT": "100",
}
WORLDS = {
    "demo": {"KORUS_ENVIRONMENT": "demo", "KORUS_TOKEN_URL": "https://auth.example.org/token"},
    "production": {"KORUS_ENVIRONMENT": "production"},
}


@asynccontextmanager
async def connected(settings: Settings, mode: str = "auto") -> AsyncIterator[Client]:
    async with Client(build_server(settings), mode=mode) as client:
        yield client


async def names(client: Client) -> tuple[str, ...]:
    return tuple(t.name for t in (await client.list_tools()).tools)


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    ("profile", "tools"),
    [("browse", BROWSE_TOOLS), ("buyer", BUYER_TOOLS), ("service-desk", ALL_TOOLS)],
)
async def test_a_profile_decides_what_exists(
    profile: str, tools: tuple[str, ...], mode: str
) -> None:
    async with desk(settings_of(PROFILE=profile), mode=mode) as each:
        assert await names(each.client) == tools
        for missing in set(ALL_TOOLS) - set(tools):
            answer = await each.ask(missing, ARGUMENTS[missing])
            assert answer.result.is_error
            assert answer.code == "NOT_FOUND"
        assert each.sent() == 0


async def test_the_sandbox_sells_by_default_and_other_worlds_only_show() -> None:
    async with connected(read_settings({})) as client:
        assert await names(client) == BUYER_TOOLS
    for world in WORLDS.values():
        async with connected(read_settings(ACCOUNT | world)) as client:
            assert await names(client) == BROWSE_TOOLS


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("world", WORLDS)
async def test_outside_the_sandbox_the_profile_decides_what_writes(
    world: str, profile: Profile, mode: str
) -> None:
    settings = read_settings({**ACCOUNT, **WORLDS[world], "KORUS_PROFILE": profile})
    async with connected(settings, mode) as client:
        listed = await names(client)
        assert (set(listed) >= WRITING_TOOLS) is (profile is not Profile.BROWSE)
        for tool in WRITING_TOOLS - set(listed):
            answer = Answer(await client.call_tool(tool, ARGUMENTS[tool]))
            assert answer.result.is_error
            assert answer.code == "NOT_FOUND"


@pytest.mark.parametrize("world", WORLDS)
async def test_a_browser_cannot_ask_for_the_writing_tools_by_name(world: str) -> None:
    settings = read_settings({**ACCOUNT, **WORLDS[world], "KORUS_PROFILE": "browse"})
    for tool in WRITING_TOOLS:
        with pytest.raises(Misconfigured):
            build_server(settings.narrowed(tools=(tool,)))


async def test_the_tools_that_write_or_save_are_those_that_do_not_say_they_only_read() -> None:
    async with desk() as each:
        listed = (await each.client.list_tools()).tools
    writing = {t.name for t in listed if t.annotations and not t.annotations.read_only_hint}
    assert writing == {"reserve", "place_order", "name_beneficiaries", *SAVING_TOOLS}


async def test_tools_narrow_in_the_fixed_order() -> None:
    narrow = settings_of().narrowed(tools=("place_order", "search_products", "reserve"))
    async with connected(narrow) as client:
        assert await names(client) == ("search_products", "reserve", "place_order")


async def test_tools_that_do_not_exist_here_are_refused_naming_those_that_do() -> None:
    with pytest.raises(Misconfigured, match="find_orders") as wrong:
        build_server(settings_of().narrowed(tools=("buy_everything",)))
    assert "buy_everything" not in str(wrong.value)
    with pytest.raises(Misconfigured):
        build_server(settings_of(PROFILE="browse").narrowed(tools=("reserve",)))


@pytest.mark.parametrize("mode", ERAS)
async def test_in_browse_the_resources_of_bookings_do_not_exist(mode: str) -> None:
    async with connected(settings_of(PROFILE="browse"), mode) as client:
        templates = (await client.list_resource_templates()).resource_templates
        shown = {t.uri_template.split("/")[2] for t in templates}
        assert shown == {"catalogs", "product-bases"}
    async with connected(settings_of(PROFILE="buyer"), mode) as client:
        templates = (await client.list_resource_templates()).resource_templates
        shown = {t.uri_template.split("/")[2] for t in templates}
        assert shown == {"catalogs", "product-bases", "reservations", "orders"}


async def test_the_instructions_name_no_tool_that_does_not_exist() -> None:
    for profile in Profile:
        async with connected(settings_of(PROFILE=profile)) as client:
            listed = set(await names(client))
            said = client.instructions or ""
            assert not {tool for tool in ALL_TOOLS if tool in said} - listed
