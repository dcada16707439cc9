"""What the conformance suite is run against, without the suite, which npm brings."""

from collections.abc import AsyncIterator

import pytest
from mcp import Client, MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    ElicitResult,
    InputRequiredResult,
    InputResponses,
)

from korus_mcp.access.policy import ALL_TOOLS
from tests.conformance.server import conformance_server
from tests.conformance.tools import fixtures
from tests.fixtures.assistant import ERAS

pytestmark = pytest.mark.anyio
ROUNDS = "test_input_required_result_multi_round"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(conformance_server()) as opened:
        yield opened


async def called(
    client: Client, tool: str, answers: dict[str, str] | None = None, state: str | None = None
) -> CallToolResult | InputRequiredResult:
    accepted: InputResponses = {
        key: ElicitResult(action="accept", content={"name": value})
        for key, value in (answers or {}).items()
    }
    return await client.session.call_tool(
        tool,
        {},
        input_responses=accepted or None,
        request_state=state,
        allow_input_required=True,
    )


async def test_a_tool_that_is_not_ours_asks_as_often_as_it_wants(client: Client) -> None:
    first = await called(client, ROUNDS)
    assert isinstance(first, InputRequiredResult)
    second = await called(client, ROUNDS, {"step1": "Ada"}, first.request_state)
    assert isinstance(second, InputRequiredResult)
    assert set(second.input_requests or {}) == {"step2"}
    last = await called(client, ROUNDS, {"step2": "blue"}, second.request_state)
    assert isinstance(last, CallToolResult)
    assert not last.is_error


async def test_a_state_that_was_tampered_with_is_an_error_of_the_protocol(client: Client) -> None:
    asked = await called(client, ROUNDS)
    assert isinstance(asked, InputRequiredResult)
    with pytest.raises(MCPError) as refused:
        await called(client, ROUNDS, {"step1": "Ada"}, f"{asked.request_state}-TAMPERED")
    assert refused.value.error.code == INVALID_PARAMS


@pytest.mark.parametrize("mode", ERAS)
async def test_the_tools_of_the_suite_stand_beside_ours_and_are_as_strict(mode: str) -> None:
    async with Client(conformance_server(), mode=mode) as client:
        listed = [tool.name for tool in (await client.list_tools()).tools]
        assert set(listed) - set(ALL_TOOLS) == {tool.name for tool in fixtures()}
        assert set(listed) & set(ALL_TOOLS)
        refused = await client.call_tool("test_simple_text", {"txet": "a typo"})
        assert refused.is_error
        assert refused.structured_content is not None
        assert refused.structured_content["error"]["code"] == "INVALID_ARGUMENTS"
