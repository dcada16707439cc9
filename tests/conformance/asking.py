"""How the suite's tools and prompts ask: a call ends with the questions and is repeated."""

from collections.abc import Mapping
from typing import Any, NoReturn

from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

from korus_mcp.tools.declare import AtAnAddress, ToolContext


def asks_client(questions: Mapping[str, InputRequest], state: str | None = None) -> NoReturn:
    """End the call with these questions."""
    raise AtAnAddress(required(questions, state))


def required(
    questions: Mapping[str, InputRequest], state: str | None = None
) -> InputRequiredResult:
    """The result of a call that ends with questions."""
    return InputRequiredResult(input_requests=dict(questions), request_state=state)


def asks_person(message: str, form: Mapping[str, Any]) -> InputRequest:
    """A question to the client's person."""
    params = ElicitRequestFormParams(message=message, requested_schema=dict(form))
    return ElicitRequest(params=params)


def asks_model(text: str) -> InputRequest:
    """A question to the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    params = CreateMessageRequestParams(messages=[message], max_tokens=100)
    return CreateMessageRequest(params=params)


def asks_roots() -> InputRequest:
    """A question for the client's roots."""
    return ListRootsRequest()


def given(ctx: ToolContext, key: str) -> str | None:
    """What the client answered, as a text; None if it did not."""
    match (ctx.input_responses or {}).get(key):
        case ElicitResult(action="accept", content=content) if content:
            return ", ".join(str(value) for value in content.values())
        case CreateMessageResult(content=TextContent(text=text)):
            return text
        case ListRootsResult(roots=roots):
            return ", ".join(str(root.uri) for root in roots)
        case _:
            return None
