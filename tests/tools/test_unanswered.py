"""A host whose answer to a question cannot be read, or never comes: the call ends all the same."""

from collections.abc import Callable
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
USELESS: dict[str, Repeat] = {
    "no answer": lambda key, state: {"requestState": state},
    "no answers": lambda key, state: {"requestState": state, "inputResponses": {}},
    "another's key": lambda key, state: {"requestState": state, "inputResponses": {"x": YES}},
    "no state": lambda key, state: {"inputResponses": {key: YES}},
    "a broken state": lambda key, state: {"inputResponses": {key: YES}, "requestState": "v1.x"},
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


async def repeated(each: Desk, wish: Json, more: Repeat) -> CallToolResult:
    """The answer to a call that is repeated so, past the client's own checks."""
    session = each.client.session
    first = await session.call_tool("place_order", wish, allow_input_required=True)
    assert isinstance(first, InputRequiredResult)
    (key,) = first.input_requests or {}
    assert key.startswith(QUESTIONS)
    parameters = {"name": "place_order", "arguments": wish, **more(key, first.request_state or "")}
    request = Request[dict[str, Any], str](method="tools/call", params=parameters)
    return await session.send_request(request, CallToolResult)


@pytest.mark.parametrize("name", USELESS)
@pytest.mark.parametrize("customer", [CUSTOMER, {}], ids=["the yes", "the customer"])
async def test_a_repeated_call_without_a_usable_answer_is_refused(
    name: str, customer: Json
) -> None:
    person = Person([CLOSED])
    chosen = settings_of(APPROVAL="human")
    async with desk(chosen, only=("park",), elicitation_callback=person) as each:
        wish = {"reservation_ids": [await held(each)], "customer": customer}
        refused = Answer(await repeated(each, wish, USELESS[name]))
        assert (refused.code, refused.error["effect"]) == ("APPROVAL_EXPIRED", "none")
        assert not list(faults_of(refused.error, refused.text, "place_order"))
        assert not each.sandbox.orders()
