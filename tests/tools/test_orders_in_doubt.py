"""While an order is in doubt, nobody agrees to another of the same without being told of it."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import DropAfter, DropBefore
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, Desk, Json, desk, settings_of
from tests.fixtures.person import NO, YES, Person

pytestmark = pytest.mark.anyio
POST = "createOrders"
BOTH_ERAS = pytest.mark.parametrize("mode", ERAS)
IN_DOUBT = "is in doubt and may have been made already"
FOUND = "this would be one more"


def asking(person: Person | None, mode: str, **given: str) -> AbstractAsyncContextManager[Desk]:
    more: dict[str, Any] = {} if person is None else {"elicitation_callback": person}
    return desk(settings_of(**given), mode=mode, only=("park",), **more)


async def held(each: Desk, quantity: int = 2, landmark: str = "park_offer", **more: Any) -> Json:
    wished = [{"offer_id": each.handle(landmark), "quantity": quantity}]
    return await each.call("reserve", items=wished, **more)


def id_in(made: Json) -> str:
    return str(made["reservations"][0]["reservation_id"])


async def place(each: Desk, *holds: str, **changes: Any) -> Answer:
    return await each.ask(
        "place_order", {"reservation_ids": list(holds), "customer": CUSTOMER, **changes}
    )


async def in_two_steps(each: Desk, *holds: str) -> Answer:
    asked = await place(each, *holds)
    return await place(each, *holds, confirmation=asked.data["confirmation"])


@BOTH_ERAS
@pytest.mark.parametrize(
    ("quantity", "again"), [(2, False), (2, True), (1, False)], ids=["equal", "again", "fewer"]
)
async def test_a_person_is_told_of_an_order_of_the_same_offer_that_is_in_doubt(
    mode: str, quantity: int, again: bool
) -> None:
    person = Person([YES, YES])
    async with asking(person, mode) as each:
        first = id_in(await held(each))
        each.sandbox.faults.add(DropBefore(), POST)
        assert (await place(each, first)).data["state"] == "in_doubt"
        made = await held(each, quantity, again=again)
        second = id_in(made)
        assert second != first
        assert IN_DOUBT in made["next"]
        assert first in made["next"]
        assert each.sent(POST) == 1
        placed = await place(each, second)
        assert IN_DOUBT in person.questions[-1]
        assert first in person.questions[-1]
        assert placed.data["state"] == "ordered", "who was told may want it all the same"
        assert IN_DOUBT not in person.questions[0]


@BOTH_ERAS
async def test_a_no_of_a_person_who_was_told_leaves_one_order_at_most(mode: str) -> None:
    person = Person([YES, NO])
    async with asking(person, mode) as each:
        first = id_in(await held(each))
        each.sandbox.faults.add(DropBefore(), POST)
        await place(each, first)
        assert (await place(each, id_in(await held(each)))).code == "APPROVAL_DECLINED"
        assert each.sent(POST) == 1


@BOTH_ERAS
async def test_where_no_host_asks_nothing_of_the_same_is_ordered_until_the_doubt_ends(
    mode: str,
) -> None:
    async with asking(None, mode, APPROVAL="two_step") as each:
        first = id_in(await held(each))
        second = id_in(await held(each, again=True))
        confirmation = (await place(each, second)).data["confirmation"]
        each.sandbox.faults.add(DropBefore(), POST)
        assert (await in_two_steps(each, first)).data["state"] == "in_doubt"
        for more in ({}, {"confirmation": confirmation}):
            refused = await place(each, second, **more)
            assert refused.code == "ALREADY_BEING_ORDERED"
            assert (refused.error["effect"], refused.error["retry_after_seconds"]) == (
                "unknown",
                10,
            )
            assert first in refused.fields["reservation_ids"]
        assert each.sent(POST) == 1
        each.clock.advance(1800)  # nothing of the first can appear any more
        third = id_in(await held(each, again=True))
        assert (await in_two_steps(each, third)).data["state"] == "ordered"
        assert each.sent(POST) == 2


async def test_a_question_that_was_put_before_a_doubt_is_put_anew() -> None:
    person = Person([YES])
    async with asking(person, "legacy", APPROVAL="two_step") as each:
        first, second = id_in(await held(each)), id_in(await held(each, again=True))
        asked = await place(each, second)
        each.sandbox.faults.add(DropAfter(), POST)
        assert (await in_two_steps(each, first)).data["state"] == "ordered"
        late = await place(each, second, confirmation=asked.data["confirmation"])
        assert late.code == "APPROVAL_REQUIRED"
        anew = await place(each, second)
        (order,) = each.sandbox.orders()
        assert FOUND in anew.data["next"]
        assert order.id in anew.data["next"]
        assert FOUND in anew.text


@BOTH_ERAS
async def test_another_offer_and_an_order_that_was_answered_are_no_doubt(mode: str) -> None:
    person = Person([YES, YES, YES])
    async with desk(mode=mode, only=("park", "hall"), elicitation_callback=person) as each:
        await place(each, id_in(await held(each)))
        made = await held(each, again=True)
        assert "doubt" not in made["next"]
        assert FOUND not in made["next"]
        each.sandbox.faults.add(DropBefore(), POST)
        assert (await place(each, id_in(made))).data["state"] == "in_doubt"
        other = await held(each, 1, "fails_at_ordering_offer")
        assert "doubt" not in other["next"]
        await place(each, id_in(other))
        assert "doubt" not in person.questions[-1]


async def test_a_doubt_whose_reservation_cannot_be_read_may_be_about_the_same() -> None:
    person = Person([YES, NO])
    async with asking(person, "auto") as each:
        first = id_in(await held(each))
        each.sandbox.faults.add(DropBefore(), POST)
        await place(each, first)
        each.sandbox.faults.add(Fault(status=404), "getReservation", times=50)
        made = await held(each)
        assert "which may be of the same offer" in made["next"]
        assert first in made["next"]
