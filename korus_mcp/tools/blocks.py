"""Chooses the parts of a reply that a client's revision of the protocol knows.

A client drops a whole result if it has a kind of block that it does not know. So such blocks are
left out, and the text says what they would have said.
"""

from collections.abc import Sequence
from typing import Final

from mcp_types import ContentBlock, ResourceLink, TextContent
from mcp_types.version import is_version_at_least

from korus_mcp.settings import Content

SINCE: Final = "2025-06-18"
"""The first revision with resource links and structured results."""


def content_for(
    protocol: str | None, content: Content, text: str, blocks: Sequence[ContentBlock]
) -> list[ContentBlock]:
    """The text and the blocks beside it that a client of this revision is sent.

    The text goes out unless the operator wants structure alone and the client knows structure.
    """
    if is_version_at_least(protocol or "", SINCE):
        texts = [] if content is Content.STRUCTURED else [TextContent(type="text", text=text)]
        return [*texts, *blocks]
    # An older client reads the address of a file in the text.
    links = [block for block in blocks if isinstance(block, ResourceLink)]
    unsaid = [f"{link.name}: {link.uri}" for link in links if str(link.uri) not in text]
    known = [block for block in blocks if not isinstance(block, ResourceLink)]
    return [TextContent(type="text", text="\n".join([text, *unsaid])), *known]
