"""Long requests: whoever sends a megabyte is answered behind those who asked beside it.

Nothing here takes so much, so a long request is refused, quickly; but reading and refusing many of
them would still keep others waiting. Each steps back for a moment first, whatever it asks for.
"""

from collections.abc import Mapping
from typing import Any, Final

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

LONG: Final = 65_536
"""Characters of all texts of a request, or as many values."""
PAUSE_SECONDS: Final = 0.1


async def behind_others(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let others go first where a request is long."""
    if is_long(ctx.params):
        await anyio.sleep(PAUSE_SECONDS)
    return await call_next(ctx)


def is_long(params: Any) -> bool:
    """Whether a request holds more than anybody needs; no more of it is looked at than that."""
    left, waiting = LONG, [params]
    while waiting and left >= 0:
        # A list of its own instead of recursion: depth is the caller's choice.
        value = waiting.pop()
        if isinstance(value, str):
            left -= len(value)
        elif isinstance(value, Mapping | list):
            left -= len(value)
            if left >= 0:
                waiting += [*value, *value.values()] if isinstance(value, Mapping) else value
    return left < 0
