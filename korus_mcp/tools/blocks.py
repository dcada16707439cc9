"""Chooses the parts of a reply that a client is sent: what it knows, and links where they help.

A client of an older revision drops a whole result if it has a kind of block that it does not know.
A link breaks newer ones, too: AutoGen and Semantic Kernel fail a call over it, and providers refuse
the message that LangChain makes of it, after an order was paid. Of the clients that were run with
this server the few whose model can read an address at all find it in text and structure as well.
So a link is sent only to hosts that say they show pages, and where the operator wants it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mcp.server.apps import client_supports_apps
from mcp.server.mcpserver import Context
from mcp_types import ContentBlock, ResourceLink, TextContent
from mcp_types.version import is_version_at_least

from korus_mcp.app import App, app_of
from korus_mcp.settings import Content, Links

SINCE: Final = "2025-06-18"
"""The first revision with resource links and structured results."""
LANGUAGE: Final = "io.github.korus-mcp/language"
"""The key in a result's `_meta` under which its page finds the language of the answer, in which it
speaks where the host tells no language of the reader."""


def takes_links(ctx: Context[App, Any]) -> bool:
    """Whether this request's client is sent links to files as blocks; others read the address."""
    wanted = app_of(ctx).settings.links
    if wanted is Links.OFF or not is_version_at_least(ctx.protocol_version or "", SINCE):
        return False
    return wanted is Links.ON or client_supports_apps(ctx)


def blocks_for(
    ctx: Context[App, Any] | None, blocks: Sequence[ContentBlock]
) -> tuple[ContentBlock, ...]:
    """Those of the blocks beside the text that this request's client is sent."""
    with_links = ctx is not None and takes_links(ctx)
    return tuple(each for each in blocks if with_links or not isinstance(each, ResourceLink))


def meta_for(
    ctx: Context[App, Any] | None, language: str | None, meta: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The `_meta` of a reply that a page shows; `language` is that which the call asked for."""
    told = dict(meta or {})
    if ctx is not None and client_supports_apps(ctx):
        told[LANGUAGE] = app_of(ctx).language(language)
    return told


def content_for(
    protocol: str | None, content: Content, text: str, blocks: Sequence[ContentBlock]
) -> list[ContentBlock]:
    """The text and the blocks beside it.

    The text goes out unless the operator wants structure alone and the client knows structure.
    """
    knows_structure = is_version_at_least(protocol or "", SINCE)
    is_left_out = knows_structure and content is Content.STRUCTURED
    return [*([] if is_left_out else [TextContent(type="text", text=text)]), *blocks]
