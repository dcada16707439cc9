"""The boundary of all resources: refusals become protocol errors, answers become compact JSON."""

import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from korus_mcp.answers.explanations import explained, too_late
from korus_mcp.api import ApiError, InvalidId
from korus_mcp.app import App
from korus_mcp.foundation.deadlines import READ_SECONDS
from korus_mcp.foundation.handles import Handle, parse_handle
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.records import JournalDown

JSON = "application/json"
TEXT = "text/markdown"
SVG = "image/svg+xml"
ReadContext: TypeAlias = Context[App, Any]
Given = ParamSpec("Given")
Content = TypeVar("Content", str, bytes)
_ABSENT = frozenset({Code.NOT_FOUND, Code.UNKNOWN_ID, Code.INVALID_ARGUMENTS})


def guarded(read: Callable[Given, Awaitable[Content]]) -> Callable[Given, Awaitable[Content]]:
    """Wrap the function that reads a resource: its errors become protocol errors in our words."""

    @functools.wraps(read)
    async def reading(*args: Given.args, **kwargs: Given.kwargs) -> Content:
        try:
            with anyio.move_on_after(READ_SECONDS):
                return await read(*args, **kwargs)
            raise too_late()
        # The protocol has two errors for a read: not found, and cannot be read now.
        except (ApiError, InvalidId, JournalDown, Refusal) as error:
            refusal = explained(error)
            kind = ResourceNotFoundError if refusal.code in _ABSENT else ResourceError
            fields = "".join(f" {p.field}: {p.problem}." for p in refusal.fields)
            raise kind(f"{refusal}{fields}") from None

    return reading


def handle(text: str) -> Handle:
    """The handle in an address.

    Raises:
        Refusal: UNKNOWN_ID.
    """
    found = parse_handle(text)
    if found is None:
        raise Refusal(
            Code.UNKNOWN_ID,
            "This is not a product base id.",
            "Use a product_base_id from search_products.",
        )
    return found


def compact(content: object) -> str:
    """JSON without spaces and without empty values."""
    return json.dumps(_without_empty(content), ensure_ascii=False, separators=(",", ":"))


def _without_empty(content: object) -> object:
    if isinstance(content, dict):
        kept = {key: _without_empty(value) for key, value in content.items()}
        return {k: v for k, v in kept.items() if v is not None and v != [] and v != {}}
    if isinstance(content, list | tuple):
        return [_without_empty(each) for each in content]
    return content
