"""This server with what the suite calls: `python -m tests.conformance.server PORT`.

The suite's tools, resources and prompts are added to our own, and pass the same door, middleware,
tool layer and boundary of resources. Nothing of this is in the package that users install.
"""

import base64
import sys
from typing import Any, Final

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Message, Prompt, UserMessage
from mcp_types import (
    EmptyResult,
    InputRequiredResult,
    RequestParams,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)

from korus_mcp.commands.serve import serve_http
from korus_mcp.prompts import parse_prompt
from korus_mcp.resources.boundary import JSON, compact
from korus_mcp.resources.offering import OURS, Offering
from korus_mcp.server.composition import KorusServer, build_server
from korus_mcp.settings import Settings
from tests.conformance.asking import asks_person, given, required
from tests.conformance.samples import PNG, picture
from tests.conformance.tools import embedded, fixtures

HOST: Final = "127.0.0.1"
SETTINGS: Final = Settings(calls_per_minute=0, writes_per_minute=0)
"""The suite calls more often than people do."""
SIMPLE_PROMPT: Final = """+++
title = "Simple"
description = "A text"
tools = []
+++
This is a simple prompt for testing.
"""
CONTEXT: Final = {
    "type": "object",
    "properties": {"context": {"type": "string"}},
    "required": ["context"],
}


def conformance_server(settings: Settings = SETTINGS) -> KorusServer:
    """Our server, and all that the suite wants beside."""
    server = build_server(settings, added=fixtures())
    _add_resources(server.offering)
    _add_prompts(server)
    _add_methods(server)
    return server


def _add_resources(offering: Offering) -> None:
    async def static_text() -> str:
        """A text."""
        return "This is the content of the static text resource."

    async def static_binary() -> bytes:
        """A picture."""
        return base64.b64decode(PNG)

    async def watched_resource() -> str:
        """A text that a client subscribes to."""
        return "Watched resource content"

    async def template(id: str) -> str:  # noqa: A002 - the suite's
        """A text with a part of its address."""
        return compact({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    offering.add(static_text, "test://static-text", "Text", OURS, "text/plain", needs=None)
    offering.add(static_binary, "test://static-binary", "Picture", OURS, "image/png", needs=None)
    offering.add(
        watched_resource, "test://watched-resource", "Watched", OURS, "text/plain", needs=None
    )
    offering.add(template, "test://template/{id}/data", "Template", OURS, JSON, needs=None)


def _add_prompts(server: KorusServer) -> None:
    server.add_prompt(parse_prompt("test_simple_prompt", SIMPLE_PROMPT).told())

    # The files of our prompts have one text each and ask nothing, so these are the SDK's own.
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        """A text with arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803 - the suite's
        """A resource, and a text."""
        resource = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]

    def test_prompt_with_image() -> list[Message]:
        """A picture, and a text."""
        return [UserMessage(picture()), UserMessage("Please analyze the image above.")]

    def test_input_required_result_prompt(ctx: Context[Any, Any]) -> str | InputRequiredResult:
        """A text with what a person answers."""
        answer = given(ctx, "user_context")
        if answer is None:
            question = asks_person("What context should the prompt use?", CONTEXT)
            return required({"user_context": question})
        return f"Use this context: {answer}"

    for each in (
        test_prompt_with_arguments,
        test_prompt_with_embedded_resource,
        test_prompt_with_image,
        test_input_required_result_prompt,
    ):
        server.add_prompt(Prompt.from_function(each))


def _add_methods(server: KorusServer) -> None:
    """Methods up to 2025-11-25 that we do not offer: our lists and texts change with settings only,
    and what is logged is the operator's.
    """

    async def accepted(_: Any, params: RequestParams) -> EmptyResult:
        del params
        return EmptyResult()

    add = server._lowlevel_server.add_request_handler
    add("logging/setLevel", SetLevelRequestParams, accepted)
    add("resources/subscribe", SubscribeRequestParams, accepted)
    add("resources/unsubscribe", UnsubscribeRequestParams, accepted)


def main() -> int:
    """Serve it on a port of loopback."""
    return serve_http(conformance_server(), SETTINGS, HOST, int(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
