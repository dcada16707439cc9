"""Clients that cannot show a picture to their model, by the name they give themselves.

A picture that becomes text is 50,000 letters of base64, for which the rest of a conversation is
forgotten. The name is all that tells clients apart, and many frameworks send that of their SDK:
`mcp` is LangChain, which shows pictures, and LlamaIndex, Haystack and mcpo, which make text of
them. So a client that is not in the table gets the picture that its model asks for.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from mcp.server.mcpserver import Context


@dataclass(frozen=True)
class TextOnly:
    """A client that was seen to lose pictures, or to pass them on as text."""

    name: str
    """Its `clientInfo.name`, as a pattern for the whole of it."""
    seen: str
    """The product and version that was run with this server."""
    becomes: str
    """What its model gets of a picture."""
    source: str
    """Where that version writes its name."""


TEXT_ONLY: Final = (
    TextOnly(
        "continue-cli-client",
        "Continue CLI 1.5.47",
        "base64 as text; the host then has the conversation summarised, and forgets its ids",
        "npm @continuedev/cli 1.5.47, dist/index.js",
    ),
    TextOnly(
        "@cline/core",
        "cline CLI 3.0.65",
        "base64 as text, its middle cut",
        "npm @cline/core 0.0.86, dist/index.js",
    ),
    TextOnly(
        "codex-mcp-client",
        "Codex CLI 0.171.0",
        "nothing; in its scripts base64",
        "the clientInfo that other servers know Codex by",
    ),
    TextOnly(
        "google-adk",
        "google-adk 2.13.0 (Python)",
        "base64 in the function response",
        "PyPI google-adk 2.13.0, tools/mcp_tool/session_context.py",
    ),
    TextOnly(
        "MCPClient",
        "@google/adk 2.0.0 (JavaScript)",
        "the whole result as the function response",
        "npm @google/adk 2.0.0, dist/esm/tools/mcp/mcp_session_manager.js",
    ),
    TextOnly(
        "mcp-use",
        "mcp-use 1.7.1 (Python)",
        "base64 in a text, the list of all blocks",
        "PyPI mcp-use 1.7.1, client/connectors/base.py",
    ),
    TextOnly(
        "mcp-client-cli",
        "@llamaindex/tools 0.1.12",
        "the whole result as JSON",
        "npm @llamaindex/tools 0.1.12, dist/index.js",
    ),
    TextOnly(
        "(stdio|sse|streamable-http): .*",
        "@openai/agents 0.20.0 (JavaScript)",
        "the list of all blocks as JSON, as soon as there are two",
        "npm @openai/agents-core 0.20.0, dist/shims/mcp-server/node.mjs: the way and the command",
    ),
)


def sees_pictures(ctx: Context[Any, Any]) -> bool:
    """Whether this request's client may show a picture to its model: no other is known to fail."""
    told = ctx.session.client_params
    name = "" if told is None else told.client_info.name
    return not any(re.fullmatch(row.name, name, re.DOTALL) for row in TEXT_ONLY)
