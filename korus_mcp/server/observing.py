"""Marks each request for the log, and measures how long it took and how it ended."""

import logging
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import CallToolResult

from korus_mcp.foundation.marks import Mark, marked
from korus_mcp.foundation.measures import METHODS, OPERATIONS, OTHER, measure

GIVEN_ID: Final = "x-request-id"
"""The header in which a proxy says which request this is in its own log."""
_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observing:
    """The middleware of a server with these tools and prompts."""

    names: Collection[str]

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Handle a request as one with an id, and measure it."""
        # Notifications are no requests: nobody waits for them.
        if ctx.request_id is None:
            return await call_next(ctx)
        mark = self._mark(ctx)
        began, error = monotonic(), "crash"
        with marked(mark):
            try:
                result = await call_next(ctx)
                error = _error_in(result)
            except MCPError:
                error = "protocol"
                raise
            finally:
                seconds = monotonic() - began
                tool = (mark.target or "") if mark.method == "tools/call" else ""
                measure(OPERATIONS, seconds, method=mark.method, tool=tool, error=error)
                _log.debug("ended %s after %.3f s", f"with {error}" if error else "well", seconds)
        return result

    def _mark(self, ctx: ServerRequestContext[Any, Any]) -> Mark:
        headers = getattr(ctx.request, "headers", None)
        name = (ctx.params or {}).get("name")
        return Mark(
            id=_id_in(headers if isinstance(headers, Mapping) else {}),
            method=ctx.method if ctx.method in METHODS else OTHER,
            target=name if isinstance(name, str) and name in self.names else None,
        )


def mark_at_door(headers: Mapping[str, str], method: object = None) -> Mark:
    """The mark of a request over HTTP that is judged before the server sees it.

    `headers` without regard to case; `method` as the request names it, if its body was read.
    """
    known = isinstance(method, str) and method in METHODS
    return Mark(id=_id_in(headers), method=str(method) if known else OTHER)


def _id_in(headers: Mapping[str, str]) -> str:
    """The id that a proxy gave the request, or else a new one."""
    given = headers.get(GIVEN_ID, "")
    # One that is no id is not repeated: anybody may have written it.
    return given if _ID.fullmatch(given) else secrets.token_hex(4)


def _error_in(result: HandlerResult) -> str:
    match result:
        case CallToolResult(is_error=True) | {"isError": True}:
            return "tool_error"
        case _:
            return ""
