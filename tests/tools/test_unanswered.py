"""A host whose answer to a question cannot be read, or never comes: the call ends all the same."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest
from mcp_types import (
    CallToolResult,
    ElicitRequestParams,
    ElicitResult,
    InputRequiredResult,
    Request,
)

from korus_mcp.booking.approval import KEPT_SECONDS
from korus_mcp.tools.unanswered import QUESTIONS
from tests.booking.stage import turn_the_loop
from tests.fixtures.assistant import CUSTOMER, Answer, Desk, Json, desk, settings_of
from tests.fixtures.person import CLOSED, Person
from tests.fixtures.wording import faults_of

pytestmark = pytest.mark.anyio
YES = {"action": "accept", "content": {"order": True}}


async def held(each: Desk) -> str:
    wished = [{"offer_id": each.handle("park_offer"), "quantity": 1}]
    made = await each.call("reserve", items=wished)
    return str(made["reservations"][0]["reservation_id"])


class Silent:
    """A person who never answers; `asked` tells that somebody waits."""

    def __init__(self) -> None:
        self.asked = anyio.Event()

    async def __call__(self, context: object, params: ElicitRequestParams) -> ElicitResult:
        self.asked.set()
        await anyio.sleep_forever()
        raise AssertionError("nobody woke")


@pytest.mark.parametrize("way", ["auto", "human"])
@pytest.mark.parametrize("customer", [CUSTOMER, {}], ids=["the yes", "the customer"])
async def test_a_host_that_never_answers_is_waited_for_as_long_as_an_answer_counts(
    way: str, customer: Json
) -> None:
    person = Silent()
    chosen = settings_of(APPROVAL=way)
    async with desk(chosen, mode="legacy", only=("park",), elicitation_callback=person) as each:
        hold = await held(each)
        answers: list[Answer] = []

        async def order() -> None:
            wish = {"reservation_ids": [hold], "customer": customer}
            answers.append(await each.ask("place_order", wish))

        async with anyio.create_task_group() as calls:
            calls.start_soon(order)
            await person.asked.wait()
            turn_the_loop(KEPT_SECONDS - 1)
            await anyio.sleep(0.01)
            assert not answers
            turn_the_loop(2)
        (refused,) = answers
        assert (refused.code, refused.error["effect"]) == ("APPROVAL_EXPIRED", "none")
        assert not each.sandbox.orders()


Repeat = Callable[[str, str], Json]
"""What a host adds to the repeated call, of the question's key and the state it was given."""
STATELESS: dict[str, Repeat] = {
    "no state": lambda key, state: {"inputResponses": {key: YES}},
    "a broken state": lambda key, state: {"inputResponses": {key: YES}, "requestState": "v1.x"},
}
"""Nobody knows when, or whether, such a question was put."""
USELESS: dict[str, Repeat] = {
    "no answer": lambda key, state: {"requestState": state},
    "no answers": lambda key, state: {"requestState": state, "inputResponses": {}},
    "another's key": lambda key, state: {"requestState": state, "inputResponses": {"x": YES}},
    "a list": lambda key, state: {"inputResponses": [YES], "requestState": state},
    "a text": lambda key, state: {"inputResponses": {key: "yes"}, "requestState": state},
    "no action": lambda key, state: {
        "inputResponses": {key: {"content": {"order": True}}},
        "requestState": state,
    },
    "another action": lambda key, state: {
        "inputResponses": {key: {**YES, "action": "maybe"}},
        "requestState": state,
    },
    "a text for a form": lambda key, state: {
        "inputResponses": {key: {**YES, "content": "yes"}},
        "requestState": state,
    },
}


async def repeated(each: Desk, wish: Json, more: Repeat, seconds: float) -> Answer:
    """The answer to a call that is repeated so and then, past the client's own checks."""
    session = each.client.session
    first = await session.call_tool("place_order", wish, allow_input_required=True)
    assert isinstance(first, InputRequiredResult)
    (key,) = first.input_requests or {}
    assert key.startswith(QUESTIONS)
    each.clock.advance(seconds)
    parameters = {"name": "place_order", "arguments": wish, **more(key, first.request_state or "")}
    request = Request[dict[str, Any], str](method="tools/call", params=parameters)
    answer = Answer(await session.send_request(request, CallToolResult))
    if answer.result.is_error:
        assert not list(faults_of(answer.error, answer.text, "place_order"))
    assert not each.sandbox.orders()
    return answer


def asked(way: str) -> AbstractAsyncContextManager[Desk]:
    chosen = settings_of(APPROVAL=way)
    return desk(chosen, only=("park",), elicitation_callback=Person([CLOSED]))


@pytest.mark.parametrize("name", STATELESS)
@pytest.mark.parametrize("way", ["auto", "human"])
async def test_an_answer_to_no_question_of_ours_is_too_late(name: str, way: str) -> None:
    async with asked(way) as each:
        wish = {"reservation_ids": [await held(each)], "customer": CUSTOMER}
        refused = await repeated(each, wish, STATELESS[name], 0)
        assert (refused.code, refused.error["effect"]) == ("APPROVAL_EXPIRED", "none")


@pytest.mark.parametrize("name", USELESS)
@pytest.mark.parametrize(
    ("way", "seconds", "state"),
    [
        ("auto", 0, "confirmation_needed"),
        ("auto", 5, "APPROVAL_UNAVAILABLE"),
        ("human", 0, "APPROVAL_UNAVAILABLE"),
        ("human", 5, "APPROVAL_UNAVAILABLE"),
    ],
)
async def test_an_answer_that_is_none_is_the_hosts_own_or_may_be_a_no(
    name: str, way: str, seconds: float, state: str
) -> None:
    async with asked(way) as each:
        wish = {"reservation_ids": [await held(each)], "customer": CUSTOMER}
        answer = await repeated(each, wish, USELESS[name], seconds)
        assert (answer.structure.get("state") or answer.code) == state


@pytest.mark.parametrize("name", USELESS)
async def test_without_an_answer_who_orders_is_asked_of_the_assistant(name: str) -> None:
    async with asked("auto") as each:
        wish = {"reservation_ids": [await held(each)], "customer": {"lastname": "Lovelace"}}
        summary = await repeated(each, wish, USELESS[name], 0)
        assert summary.data["missing"] == "firstname, email"
        late = await repeated(each, wish, USELESS[name], 5)
        assert late.code == "APPROVAL_UNAVAILABLE", "it may be a no"
