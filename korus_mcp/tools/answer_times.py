"""Writes into the state of a question when it was put, and reads how long its answer took.

Since 2026-07-28 a call ends with a question and the host repeats the call with the answer, to any
replica of this server that can read the state of the question. So the time travels in that state,
which the SDK seals: nothing is kept here, and no host can change it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import ElicitResult
from mcp_types.methods import is_input_required
from pydantic import ValidationError

STATE: Final = "requestState"
ANSWERS: Final = "inputResponses"
UNREADABLE_ANSWER: Final = {"action": "accept", "content": {"unreadable": True}}
"""Put in the place of an answer that is missing or in no form of the protocol, which the SDK would
ask for again without end, or end the call for. It fits no form, so nobody takes it for an answer.
"""
_ASKED_AT: Final = "asked_at"
_SECONDS: Final = "answered_after"


async def times_answers(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware within the SDK's own, so that it sees the state unsealed."""
    if ctx.method != "tools/call":
        return await call_next(ctx)
    clock = ctx.lifespan_context.clock
    state = _members((ctx.params or {}).get(STATE))
    if state is not None and ctx.params is not None:
        state[_SECONDS] = _seconds_since(state.get(_ASKED_AT), clock.now())
        answers = _readable(state.get("asked"), ctx.params.get(ANSWERS))
        ctx = replace(ctx, params={**ctx.params, STATE: json.dumps(state), ANSWERS: answers})
    result = await call_next(ctx)
    return _stamped(result, clock.now()) if is_input_required(result) else result


def answered_after(state: str | None) -> float | None:
    """How many seconds after its question the answer in a call came; None if it is not known."""
    seconds = (_members(state) or {}).get(_SECONDS)
    return seconds if isinstance(seconds, float) else None


def _stamped(result: Any, now: datetime) -> HandlerResult:
    """A result that asks, with the present time in its state."""
    is_wire = isinstance(result, Mapping)
    state = _members(result.get(STATE) if is_wire else result.request_state)
    if state is None:
        return result  # type: ignore[no-any-return]
    stamped = json.dumps({**state, _ASKED_AT: now.isoformat()})
    return (
        {**result, STATE: stamped}
        if is_wire
        else result.model_copy(update={"request_state": stamped})
    )


def _readable(asked: object, answers: object) -> dict[str, Any]:
    """The answers, where each that was asked for and cannot be read is `UNREADABLE_ANSWER`."""
    given = dict(answers) if isinstance(answers, Mapping) else {}
    for key in asked if isinstance(asked, Mapping) else ():
        try:
            ElicitResult.model_validate(given.get(key))
        except ValidationError:
            given[key] = UNREADABLE_ANSWER
    return given


def _seconds_since(asked_at: object, now: datetime) -> float | None:
    try:
        seconds = (now - datetime.fromisoformat(str(asked_at))).total_seconds()
    except (ValueError, TypeError):
        return None
    # Before it was asked: two clocks differ, so how long it took is not known.
    return seconds if seconds >= 0 else None


def _members(state: object) -> dict[str, Any] | None:
    try:
        found = json.loads(state) if isinstance(state, str) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
