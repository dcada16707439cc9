"""Whoever says no, or nothing, beside an order that exists is told of the order."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp_types import INTERNAL_ERROR, CallToolResult, ElicitRequestParams, ErrorData, Request

from korus_mcp.booking.approval import KEPT_SECONDS
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import DropBefore
from korus_mcp.tools.unanswered import QUESTIONS
from tests.booking.stage import turn_the_loop
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, Desk, Json, desk, settings_of
from tests.fixtures.person import CLOSED, NO, UNTICKED, YES, Reader, Said
from tests.fixtures.wording import faults_of
from tests.sandbox.caller import calling
from tests.tools.test_agreement import EMPTY, NONSENSE, held, place

pytestmark = pytest.mark.anyio
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)
WAYS = pytest.mark.parametrize("way", ["auto", "human"])
OWN_ERROR = ErrorData(code=INTERNAL_ERROR, message="the host's own")
REFUSED = {
    "no": (NO, "APPROVAL_DECLINED"),
    "unticked": (UNTICKED, "APPROVAL_DECLINED"),
    "closed": (CLOSED, "APPROVAL_REQUIRED"),
    "nonsense": (NONSENSE, "APPROVAL_UNAVAILABLE"),
}
IN_THE_OLDER_ERA = {
    "an error": (OWN_ERROR, "APPROVAL_UNAVAILABLE"),
    "never": (None, "APPROVAL_EXPIRED"),
}
"""What a host of the newer era keeps to itself."""
CASES = [
    *((mode, name) for mode in ERAS for name in REFUSED),
    *(("legacy", name) for name in IN_THE_OLDER_ERA),
]
ANSWERS = REFUSED | IN_THE_OLDER_ERA
EACH_ANSWER = pytest.mark.parametrize(("mode", "name"), CASES)


class TwoAsked(Reader):
    """The first of two questions is answered once both are put, the second after that call."""

    def __init__(self, second: Said | None) -> None:
        super().__init__()
        self.second = second
        self.asked = 0
        self.one = anyio.Event()
        self.both = anyio.Event()
        self.first_is_over = anyio.Event()

    async def __call__(self, context: object, params: ElicitRequestParams) -> Said:
        self.asked += 1
        if self.asked == 1:
            self.one.set()
            await self.both.wait()
            return YES
        self.both.set()
        await self.first_is_over.wait()
        self.read()
        if self.second is None:
            turn_the_loop(KEPT_SECONDS + 1)
            await anyio.sleep_forever()
        assert self.second is not None
        return self.second


async def two_calls(
    each: Desk, person: TwoAsked, hold: str, **changes: Any
) -> tuple[Answer, Answer]:
    """The answers to a call and to the one that came while its person was still asked."""
    answers: dict[int, Answer] = {}

    async def first() -> None:
        answers[0] = await place(each, hold)
        person.first_is_over.set()

    async def second() -> None:
        await person.one.wait()
        answers[1] = await place(each, hold, **changes)

    async with anyio.create_task_group() as calls:
        calls.start_soon(first)
        calls.start_soon(second)
    assert person.asked == 2
    return answers[0], answers[1]


@asynccontextmanager
async def asked_twice(name: str, mode: str, way: str) -> AsyncIterator[tuple[Desk, TwoAsked]]:
    person = TwoAsked(ANSWERS[name][0])
    chosen = settings_of(APPROVAL=way)
    async with desk(chosen, mode=mode, only=("park",), elicitation_callback=person) as each:
        yield each, person


@WAYS
@EACH_ANSWER
async def test_an_equal_call_whose_person_does_not_agree_is_told_the_order(
    mode: str, name: str, way: str
) -> None:
    async with asked_twice(name, mode, way) as (each, person):
        made, second = await two_calls(each, person, await held(each))
        assert made.data["state"] == second.data["state"] == "ordered"
        assert second.data["replayed"] is True
        assert second.data["orders"] == made.data["orders"]
        assert len(each.sandbox.orders()) == each.sent("createOrders") == 1


@EACH_ANSWER
async def test_an_equal_call_whose_person_does_not_agree_is_told_of_the_order_in_doubt(
    mode: str, name: str
) -> None:
    async with asked_twice(name, mode, "auto") as (each, person):
        hold = await held(each)
        each.sandbox.faults.add(DropBefore(), "createOrders")
        made, second = await two_calls(each, person, hold)
        assert made.data["state"] == second.data["state"] == "in_doubt"
        assert "Do not reserve again" in second.text
        assert each.sent("createOrders") == 1


@EACH_ANSWER
async def test_a_call_with_another_customer_is_told_that_the_hold_was_ordered(
    mode: str, name: str
) -> None:
    async with asked_twice(name, mode, "human") as (each, person):
        hold = await held(each)
        other = {**CUSTOMER, "email": "bob@example.org"}
        made, second = await two_calls(each, person, hold, customer=other)
        assert made.data["state"] == "ordered"
        assert (second.code, second.error["effect"]) == ("ALREADY_ORDERED", "ordered")
        assert len(each.sandbox.orders()) == 1


@EACH_ANSWER
async def test_a_call_with_a_note_is_told_that_an_order_of_its_hold_may_exist(
    mode: str, name: str
) -> None:
    async with asked_twice(name, mode, "auto") as (each, person):
        hold = await held(each)
        each.sandbox.faults.add(DropBefore(), "createOrders")
        _, second = await two_calls(each, person, hold, notes="by the aisle")
        assert (second.code, second.error["effect"]) == ("ALREADY_BEING_ORDERED", "unknown")


@EACH_ANSWER
async def test_a_call_without_a_customer_is_told_that_the_hold_was_ordered(
    mode: str, name: str
) -> None:
    async with asked_twice(name, mode, "auto") as (each, person):
        made, second = await two_calls(each, person, await held(each), customer={})
        assert made.data["state"] == "ordered"
        assert (second.code, second.error["effect"]) == ("ALREADY_ORDERED", "ordered")


@BOTH_ERAS
@pytest.mark.parametrize("way", ["auto", "human"])
async def test_an_equal_call_whose_host_does_not_ask_is_told_the_order(mode: str, way: str) -> None:
    person = TwoAsked(EMPTY)
    async with desk(
        settings_of(APPROVAL=way), mode=mode, only=("park",), elicitation_callback=person
    ) as each:
        hold = await held(each)
        made, second = await two_calls(each, person, hold)
        assert second.data["orders"] == made.data["orders"]
        assert second.data["replayed"] is True
        assert len(each.sandbox.orders()) == each.sent("createOrders") == 1


@BOTH_ERAS
@pytest.mark.parametrize("way", ["auto", "human"])
async def test_another_call_whose_host_does_not_ask_is_told_of_the_order_in_doubt(
    mode: str, way: str
) -> None:
    person = TwoAsked(EMPTY)
    async with desk(
        settings_of(APPROVAL=way), mode=mode, only=("park",), elicitation_callback=person
    ) as each:
        hold = await held(each)
        each.sandbox.faults.add(DropBefore(), "createOrders")
        _, second = await two_calls(each, person, hold, notes="by the aisle")
        assert (second.code, second.error["effect"]) == ("ALREADY_BEING_ORDERED", "unknown")


class Asked(Reader):
    """Something happens while a person is asked; then they answer."""

    def __init__(self, answer: Said) -> None:
        super().__init__()
        self.answer = answer
        self.meanwhile: Callable[[], Any] | None = None
        self.asked = 0

    async def __call__(self, context: object, params: ElicitRequestParams) -> Said:
        self.asked += 1
        if self.meanwhile is not None:
            await self.meanwhile()
        self.read()
        return self.answer


async def ordered_elsewhere(each: Desk, hold: str) -> None:
    """The hold becomes an order without this server."""
    async with calling(each.sandbox) as caller:
        await caller.order({"@id": f"/v1/booking/reservations/{hold}"})


@BOTH_ERAS
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("customer", [CUSTOMER, {}], ids=["the yes", "the customer"])
async def test_a_hold_that_was_ordered_elsewhere_meanwhile_is_told_as_ordered(
    name: str, mode: str, customer: Json
) -> None:
    person = Asked(REFUSED[name][0])
    async with desk(mode=mode, only=("park",), elicitation_callback=person) as each:
        hold = await held(each)

        async def meanwhile() -> None:
            await ordered_elsewhere(each, hold)

        person.meanwhile = meanwhile
        refused = await place(each, hold, customer=customer)
        assert (refused.code, refused.error["effect"]) == ("ALREADY_ORDERED", "ordered")
        assert "get_reservation" in refused.text
        assert len(each.sandbox.orders()) == 1


@WAYS
@BOTH_ERAS
@pytest.mark.parametrize("name", REFUSED)
async def test_where_nothing_is_ordered_it_is_said_so_and_a_no_is_kept(
    mode: str, name: str, way: str
) -> None:
    answer, code = REFUSED[name]
    person = Asked(answer)
    chosen = settings_of(APPROVAL=way)
    async with desk(chosen, mode=mode, only=("park",), elicitation_callback=person) as each:
        hold = await held(each)
        for _ in range(2):
            refused = await place(each, hold)
            assert (refused.code, refused.error["effect"]) == (code, "none")
            assert "nothing was ordered" in refused.text
            assert "cannot be read" not in refused.text
        assert person.asked == (1 if code == "APPROVAL_DECLINED" else 2)
        assert not each.sandbox.orders()


@pytest.mark.parametrize(
    ("name", "code"), [("no", "APPROVAL_DECLINED"), ("closed", "APPROVAL_REQUIRED")]
)
async def test_where_it_cannot_be_read_whether_it_was_ordered_the_answer_sends_to_look(
    name: str, code: str
) -> None:
    person = Asked(REFUSED[name][0])
    async with desk(mode="legacy", only=("park",), elicitation_callback=person) as each:
        hold = await held(each)

        async def meanwhile() -> None:
            each.sandbox.faults.add(Fault(status=500), "getReservation", times=None)

        person.meanwhile = meanwhile
        refused = await place(each, hold)
        assert (refused.code, refused.error["effect"]) == (code, "none")
        assert "nothing was ordered by this call" in refused.text
        assert "get_reservation" in refused.error["next"]
        each.sandbox.faults.clear()
        person.meanwhile, person.answer = None, YES
        again = await place(each, hold)
        assert (again.code == "APPROVAL_DECLINED") is (name == "no")


async def test_a_stale_answer_to_a_call_that_was_ordered_gets_the_order() -> None:
    """A host repeats its call to a server that was restarted and cannot read the state any more."""
    async with desk(only=("park",), elicitation_callback=Asked(YES)) as each:
        hold = await held(each)
        wish = {"reservation_ids": [hold], "customer": CUSTOMER}
        made = await each.call("place_order", **wish)
        for answer in ({"action": "decline"}, {"action": "accept", "content": {"order": True}}):
            stale = {"inputResponses": {f"{QUESTIONS}agreement": answer}, "requestState": "v1.x"}
            for arguments in (wish, {**wish, "notes": "by the aisle"}):
                parameters = {"name": "place_order", "arguments": arguments, **stale}
                request = Request[dict[str, Any], str](method="tools/call", params=parameters)
                again = Answer(await each.client.session.send_request(request, CallToolResult))
                if arguments is wish:
                    assert (again.data["orders"], again.data["replayed"]) == (made["orders"], True)
                else:
                    assert (again.code, again.error["effect"]) == ("ALREADY_ORDERED", "ordered")
                    assert not list(faults_of(again.error, again.text, "place_order"))
        assert len(each.sandbox.orders()) == 1
