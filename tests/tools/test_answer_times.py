"""How long an answer took is told by the state of its question, and by nothing else."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from mcp.server.context import ServerRequestContext
from mcp_types import InputRequiredResult

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.tools.answer_times import (
    ANSWERS,
    STATE,
    UNREADABLE_ANSWER,
    answered_after,
    times_answers,
)

pytestmark = pytest.mark.anyio
NO = {"action": "decline"}


class Replica:
    """A server that asks, until a call brings a state."""

    def __init__(self, clock: ManualClock, *, as_model: bool = False) -> None:
        self.clock, self.as_model = clock, as_model
        self.params: Mapping[str, Any] = {}

    async def call(self, method: str = "tools/call", /, **params: Any) -> Any:
        context = ServerRequestContext[Any, Any](
            session=None,  # type: ignore[arg-type]
            lifespan_context=SimpleNamespace(clock=self.clock),
            protocol_version="2026-07-28",
            method=method,
            params=params,
        )
        return await times_answers(context, self.answer)

    async def answer(self, context: Any) -> Any:
        self.params = context.params
        if STATE in context.params:
            return {"content": []}
        state = json.dumps({"v": 3, "asked": {"k": "digest"}})
        if self.as_model:
            return InputRequiredResult(request_state=state)
        return {"resultType": "input_required", STATE: state}


def state_in(result: Any) -> str:
    return str(result[STATE] if isinstance(result, dict) else result.request_state)


@pytest.mark.parametrize("as_model", [False, True])
async def test_the_time_travels_in_the_state_from_one_replica_to_another(as_model: bool) -> None:
    first, other = Replica(ManualClock(), as_model=as_model), Replica(ManualClock())
    asked = state_in(await first.call())
    assert answered_after(asked) is None
    other.clock.advance(7.5)
    await other.call(**{STATE: asked, ANSWERS: {"k": NO}})
    assert answered_after(other.params[STATE]) == 7.5
    assert other.params[ANSWERS] == {"k": NO}


async def test_a_time_that_cannot_be_told_is_not_known() -> None:
    ahead, replica = Replica(ManualClock()), Replica(ManualClock())
    ahead.clock.advance(60)
    of_the_future = state_in(await ahead.call())
    unstamped = json.dumps({"v": 3, "answered_after": 0.0})
    strange = json.dumps({"v": 3, "asked_at": 5})
    naive = json.dumps({"v": 3, "asked_at": "2026-06-01T09:00:00"})
    for state in (of_the_future, unstamped, strange, naive):
        await replica.call(**{STATE: state})
        assert answered_after(replica.params[STATE]) is None, state
    for unread in (None, "", "v1.x", "[]"):
        assert answered_after(unread) is None
        await replica.call(**{STATE: unread})
        assert replica.params[STATE] == unread


@pytest.mark.parametrize(
    "answers", [None, {}, [NO], {"x": NO}, {"k": "no"}, {"k": {"action": "reject"}}]
)
async def test_an_answer_in_no_form_of_the_protocol_takes_one_that_is_no_yes(answers: Any) -> None:
    replica = Replica(ManualClock())
    asked = state_in(await replica.call())
    await replica.call(**{STATE: asked, ANSWERS: answers})
    assert replica.params[ANSWERS]["k"] == UNREADABLE_ANSWER


async def test_other_requests_pass_as_they_are() -> None:
    replica = Replica(ManualClock())
    result = await replica.call("prompts/get", **{ANSWERS: [NO]})
    assert answered_after(state_in(result)) is None
    assert "asked_at" not in state_in(result)
    assert replica.params == {ANSWERS: [NO]}
