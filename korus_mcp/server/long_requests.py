"""Delays requests that are too long, so that other requests are answered first.

No tool takes that much, so a long request will be refused; but parsing and refusing many of them
would keep others waiting. So each long request waits for a moment first, whatever it asks for.
"""

from collections.abc import Mapping
from typing import Any, Final

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

LONG: Final = 65_536
"""A request with more characters in its texts, and values, than this together is long."""
PAUSE_SECONDS: Final = 0.1


async def lets_others_first(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Middleware: wait for a moment before a long request is handled."""
    if is_long(ctx.params):
        await _pause()
    return await call_next(ctx)


async def _pause() -> None:
    await anyio.sleep(PAUSE_SECONDS)


def is_long(params: Any) -> bool:
    """Whether a request is long. Counting stops as soon as that is known."""
    left, waiting = LONG, [params]
    while waiting and left >= 0:
        # Not recursive: a caller could nest a request deep enough to exhaust the stack.
        value = waiting.pop()
        if isinstance(value, str):
            left -= len(value)
        elif isinstance(value, Mapping | list):
            left -= len(value)
            if left >= 0:
                waiting += [*value, *value.values()] if isinstance(value, Mapping) else value
    return left < 0
