"""Answers to questions that are none: a call they come with ends, and the model is told.

Where a question is the answer of a call, the host repeats the call with what the person said. An
answer that cannot be read would end in an error of the protocol, which hosts keep to themselves,
and one that is missing in the same question, again and again.
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

QUESTIONS: Final = "korus_mcp.tools.agreement:"
"""How the keys begin under which our questions are answered."""
ASKING: Final = "place_order"
"""The one tool that puts them."""
_ANSWERED: Final = ("inputResponses", "requestState")
_log = logging.getLogger(__name__)


async def ends_unanswered(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Pass a call on, but end one that is repeated without a usable answer to its question."""
    params = ctx.params or {}
    is_repeated = any(params.get(name) is not None for name in _ANSWERED)
    if ctx.method != "tools/call" or not is_repeated:
        return await call_next(ctx)
    try:
        result = await call_next(ctx)
    # The SDK refuses an answer it cannot read with this one code; any other is of another matter.
    except (MCPError, ValidationError) as error:
        if isinstance(error, MCPError) and error.error.code != INVALID_PARAMS:
            raise
        return await _as_if_new(ctx, call_next)
    return _refused() if is_input_required(result) and not _is_answered(params) else result


async def _as_if_new(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """The result of a call without its unreadable answers: above all an order that exists by now.

    A refusal of ours where it would be asked anew, and for a tool that never asks.
    """
    # Without its answers it is a first call: one whose order exists is answered with that order.
    params = {k: v for k, v in (ctx.params or {}).items() if k not in _ANSWERED}
    if params.get("name") != ASKING:
        return _refused()
    try:
        result = await call_next(replace(ctx, params=params))
    except (MCPError, ValidationError):
        return _refused()
    return _refused() if is_input_required(result) else result


def _is_answered(params: Mapping[str, Any]) -> bool:
    """Whether one of our questions was answered, and it is known which was put."""
    answers = params.get("inputResponses")
    is_ours = isinstance(answers, Mapping) and any(key.startswith(QUESTIONS) for key in answers)
    return is_ours and params.get("requestState") is not None


def _refused() -> HandlerResult:
    # Imported here: this stands in the way of every message, and booking is not there at the start.
    from korus_mcp.booking.approval import unanswered
    from korus_mcp.tools.declare import failure

    _log.warning("a call was repeated without a usable answer to its question")
    return failure(unanswered())
