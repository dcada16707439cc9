"""Every word a model reads of this server, and what the words cost."""

import difflib
import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp_types import Tool

from korus_mcp.access.policy import ALL_TOOLS, tool_names
from korus_mcp.settings import Profile
from tests.docs import generated
from tests.fixtures.assistant import ERAS, desk, settings_of
from tests.fixtures.hosts import AFRESH, child_environment, raw_host

pytestmark = pytest.mark.anyio
STARTS = 10
CAPITALS = re.compile(r"\b[A-Z]{2,}\b")
ABBREVIATIONS = frozenset({"ISO", "EUR", "PNG", "YYYY", "MM", "DD"})


async def listed(mode: str, profile: Profile = Profile.SERVICE_DESK) -> list[Tool]:
    async with desk(settings_of(PROFILE=profile), mode=mode) as each:
        return (await each.client.list_tools()).tools


def in_order(live: Any, kept: Any) -> Any:
    """The same with keys in the order of the other: one era moves the type of a root."""
    if not isinstance(live, dict) or not isinstance(kept, dict):
        return live
    known = {key: in_order(live[key], kept[key]) for key in kept if key in live}
    return known | {key: value for key, value in live.items() if key not in kept}


def assert_as_in_the_snapshot(name: str, live: str) -> None:
    """The text of a snapshot, or a failure that shows what changed and how to take it over."""
    path = generated.SNAPSHOTS / name
    kept = path.read_text("utf-8") if path.exists() else ""
    if live != kept:
        lines = (kept.splitlines(), live.splitlines())
        shown = "\n".join(difflib.unified_diff(*lines, name, "live", lineterm=""))
        pytest.fail(f"{shown}\n\nIf this is meant, run `make readme` and commit it.", pytrace=False)


@pytest.mark.parametrize("mode", ERAS)
async def test_every_word_of_a_tool_stands_in_its_snapshot(mode: str) -> None:
    for tool in await listed(mode):
        name = f"{tool.name}.json"
        kept = json.loads((generated.SNAPSHOTS / name).read_text("utf-8"))
        live = json.loads(generated.tool_snapshot(tool))
        assert_as_in_the_snapshot(name, generated.pretty(in_order(live, kept)))


@pytest.mark.parametrize("profile", list(Profile))
@pytest.mark.parametrize("mode", ERAS)
async def test_the_instructions_a_client_gets_stand_in_the_snapshot_of_their_profile(
    profile: Profile, mode: str
) -> None:
    name = f"{profile.value}.instructions.txt"
    assert_as_in_the_snapshot(name, generated.said_to(profile))
    async with desk(settings_of(PROFILE=profile), mode=mode) as each:
        said = each.client.instructions
    assert said == (generated.SNAPSHOTS / name).read_text("utf-8").splitlines()[0]


async def test_there_is_no_snapshot_of_what_is_gone() -> None:
    assert {file.name for file in generated.SNAPSHOTS.iterdir()} == {
        *(f"{tool}.json" for tool in ALL_TOOLS),
        *(f"{profile.value}.instructions.txt" for profile in Profile),
    }


async def test_a_changed_word_is_shown_with_the_way_to_take_it_over() -> None:
    kept = (generated.SNAPSHOTS / "reserve.json").read_text("utf-8")
    changed = kept.replace("Hold seats", "Keep seats")
    with pytest.raises(pytest.fail.Exception) as failed:
        assert_as_in_the_snapshot("reserve.json", changed)
    assert '-  "description": "Hold seats' in str(failed.value)
    assert '+  "description": "Keep seats' in str(failed.value)
    assert "make readme" in str(failed.value)


@pytest.mark.parametrize("mode", ERAS)
async def test_the_whole_list_costs_a_model_little(mode: str) -> None:
    whole, without_outputs = generated.list_tokens(await listed(mode))
    assert whole <= generated.MOST_TOKENS
    assert without_outputs <= generated.MOST_WITHOUT_OUTPUTS


async def test_a_smaller_profile_lists_the_same_tools_and_costs_less() -> None:
    whole = {tool.name: tool for tool in await listed("auto")}
    for profile in (Profile.BROWSE, Profile.BUYER):
        tools = await listed("auto", profile)
        assert tools == [whole[name] for name in tool_names(settings_of(PROFILE=profile))]


async def test_no_text_shouts() -> None:
    for file in generated.SNAPSHOTS.iterdir():
        text = file.read_text("utf-8")
        assert text.isascii(), file.name
        assert set(CAPITALS.findall(text)) <= ABBREVIATIONS, file.name
        assert "!" not in text, file.name


async def test_ten_servers_write_the_same_bytes(tmp_path: Path) -> None:
    """A host keeps its prompt cache only while the list stays the same to the byte."""
    written: list[bytes] = []
    environment = child_environment(tmp_path, PROFILE="service-desk")
    for _ in range(STARTS):
        async with raw_host(environment, command=AFRESH) as host:  # each hashes otherwise
            with anyio.fail_after(60):
                written.append(await host.receive_line(await host.send("tools/list")))
    assert len(written) == STARTS
    assert len(set(written)) == 1
    assert [tool["name"] for tool in json.loads(written[0])["result"]["tools"]] == [*ALL_TOOLS]
