"""Ends a call that a host repeats without the state of the question it was asked.

In new revisions of the protocol a call may end with a question, and the host repeats the call with
the person's answer and the state of the question. If that state cannot be read, or is too old, the
SDK raises a protocol error, which hosts do not show to the model. If it is missing, the SDK asks
again, without end. An answer that cannot be read, beside a state that can, is `answer_times`'.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import INVALID_PARAMS
from mcp_types.methods import is_input_required
from pydantic import ValidationError

from korus_mcp.tools.answer_times import ANSWERS, STATE

QUESTIONS: Final = "korus_mcp.tools.agreement:"
"""The prefix of the keys under which answers to our questions come."""
ASKING: Final = "place_order"
"""The only tool that asks questions."""
_log = logging.getLogger(__name__)


async def ends_unanswered(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Middleware: end a call that is repeated without a usable answer; pass any other on."""
    params = ctx.params or {}
    is_repeated = any(params.get(name) is not None for name in (ANSWERS, STATE))
    # What a tool asks that is not one of ours, and under which keys, is between it and the host.
    is_ours = params.get("name") in tuple(ctx.lifespan_context.tools)
    if ctx.method != "tools/call" or not is_repeated or not is_ours:
        return await call_next(ctx)
    try:
        result = await call_next(ctx)
    # An answer that it cannot read the SDK refuses with this code. Other errors pass.
    except (MCPError, ValidationError) as error:
        if isinstance(error, MCPError) and error.error.code != INVALID_PARAMS:
            raise
        return await _as_if_new(ctx, call_next)
    return _refused() if is_input_required(result) and not _is_answered(params) else result


async def _as_if_new(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Handle the call as if it had no answers: its order may exist by now, and is the result then.

    A refusal if it would ask again, or if the tool never asks.
    """
    params = {k: v for k, v in (ctx.params or {}).items() if k not in (ANSWERS, STATE)}
    if params.get("name") != ASKING:
        return _refused()
    try:
        result = await call_next(replace(ctx, params=params))
    except (MCPError, ValidationError):
        return _refused()
    return _refused() if is_input_required(result) else result


def _is_answered(params: Mapping[str, Any]) -> bool:
    """Whether the call has an answer to one of our questions, and says which was asked."""
    answers = params.get(ANSWERS)
    is_ours = isinstance(answers, Mapping) and any(key.startswith(QUESTIONS) for key in answers)
    return is_ours and params.get(STATE) is not None


def _refused() -> HandlerResult:
    # Imported here: this middleware is loaded at the start, which need not wait for booking.
    from korus_mcp.booking.approval import unanswered
    from korus_mcp.tools.declare import failure

    _log.warning("a call was repeated without a usable answer to its question")
    return failure(unanswered())
