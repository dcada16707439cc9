"""Conversations in which something fails, is repeated or is lost: never two orders."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import Delay, DropAfter, DropBefore
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, Desk, Json, desk
from tests.journeys.walk import FOLLOWING, name_holders

pytestmark = pytest.mark.anyio
PARK = ("park",)


def item(desk: Desk, landmark: str, quantity: int = 1) -> Json:
    return {"offer_id": desk.handle(landmark), "quantity": quantity}


async def confirmed(desk: Desk, *reservation_ids: str) -> Json:
    """The arguments of the second step of an order."""
    asked: Json = {"reservation_ids": list(reservation_ids), "customer": CUSTOMER}
    summary = await desk.call("place_order", **asked)
    return {**asked, "confirmation": summary["confirmation"]}


async def held(desk: Desk, landmark: str = "park_offer", quantity: int = 1) -> str:
    answer = await desk.call("reserve", items=[item(desk, landmark, quantity)])
    return str(answer["reservations"][0]["reservation_id"])


async def test_equal_calls_side_by_side_hold_and_order_once(desk: Desk) -> None:
    answers: list[Json] = []

    async def ask(tool: str, arguments: Json) -> None:
        answers.append((await desk.ask(tool, arguments)).structure)

    wished = {"items": [item(desk, "park_offer", 2)]}
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask, "reserve", wished)
    ids = {a["reservations"][0]["reservation_id"] for a in answers}
    assert len(ids) == len(desk.sandbox.reservations()) == 1
    asked = await confirmed(desk, *ids)
    answers.clear()
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask, "place_order", asked)
    assert len(desk.sandbox.orders()) == desk.sent("createOrders") == 1
    done = {a["orders"][0]["order_id"] for a in answers if a.get("state") == "ordered"}
    assert done == {desk.sandbox.orders()[0].id}
    refused = [a["error"]["code"] for a in answers if "error" in a]
    assert set(refused) <= {"ALREADY_BEING_ORDERED", "APPROVAL_REQUIRED"}


@pytest.mark.parametrize("mode", ERAS)
async def test_half_of_a_bulk_fails_and_the_other_half_is_ordered(mode: str) -> None:
    async with desk(mode=mode, only=PARK) as each:
        wished = [item(each, "park_offer"), item(each, "always_fails_offer")]
        answer = await each.ask("reserve", {"items": wished})
        assert answer.data["state"] == "partly_held"
        (failed,) = answer.data["failed"]
        assert failed["offer_id"] == each.handle("always_fails_offer")
        assert failed["message"] in answer.text
        (hold,) = answer.data["reservations"]
        made = await each.order(hold["reservation_id"])
        assert made["state"] == "ordered"
        (order,) = each.sandbox.orders()
        assert order.offer_id == each.sandbox.landmarks["park_offer"]


async def test_when_all_of_a_bulk_fails_nothing_is_called_a_success(desk: Desk) -> None:
    answer = await desk.ask("reserve", {"items": [item(desk, "always_fails_offer")]})
    assert answer.data["state"] == "failed"
    assert "reservations" not in answer.data
    assert "total" not in answer.data
    assert not desk.sandbox.reservations()


async def test_an_order_that_fails_beside_one_that_succeeds_is_told_apart(desk: Desk) -> None:
    wished = [item(desk, "park_offer"), item(desk, "fails_at_ordering_offer")]
    both = await desk.call("reserve", items=wished)
    good, bad = (r["reservation_id"] for r in both["reservations"])
    made = await desk.order(good, bad)
    assert made["state"] == "partially_ordered"
    assert [o["reservation_id"] for o in made["orders"]] == [good]
    assert [f["reservation_id"] for f in made["failed"]] == [bad]
    assert len(desk.sandbox.orders()) == 1


@pytest.mark.parametrize("mode", ERAS)
async def test_t34_an_order_whose_answer_is_lost_is_found_not_repeated(mode: str) -> None:
    async with desk(mode=mode, only=PARK) as each:
        asked = await confirmed(each, await held(each))
        each.sandbox.faults.add(DropAfter(), "createOrders")
        made = await each.call("place_order", **asked)
        assert made["state"] == "ordered"
        (order,) = each.sandbox.orders()
        assert made["orders"][0]["order_id"] == order.id
        again = await each.call("place_order", **asked)
        assert again["orders"] == made["orders"]
        assert each.sent("createOrders") == len(each.sandbox.orders()) == 1


class GateClock(ManualClock):
    """A long sleep lasts until the gate opens, whatever the time."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = anyio.Event()
        self.opened = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait at the gate, or not at all."""
        if seconds < LONG:
            await super().sleep(seconds)
            return
        self.reached.set()
        await self.opened.wait()


LONG = 1000


@pytest.mark.parametrize("mode", ERAS)
async def test_t34_an_order_nobody_can_look_up_yet_is_in_doubt_and_found_later(mode: str) -> None:
    clock = GateClock()
    async with desk(mode=mode, clock=clock, only=PARK) as each:
        hold = await held(each)
        asked = await confirmed(each, hold)
        each.sandbox.faults.add(Delay(seconds=LONG), "createOrders")
        each.sandbox.faults.add(DropAfter(), "createOrders")
        answers: list[Answer] = []

        async def order() -> None:
            answers.append(await each.ask("place_order", asked))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(order)
                await clock.reached.wait()
                for operation in ("getReservation", "listOrders"):
                    each.sandbox.faults.add(Fault(status=503), operation, times=None)
                clock.opened.set()
        (made,) = answers
        assert made.data["state"] == "in_doubt"
        assert made.data["check_again_after"] > 0
        assert "get_reservation" in made.text
        each.sandbox.faults.clear()
        seen = await each.call("get_reservation", reservation_ids=[hold])
        assert seen["reservations"][0]["state"] == "ordered"
        assert seen["reservations"][0]["order_id"] == each.sandbox.orders()[0].id
        assert each.sent("createOrders") == len(each.sandbox.orders()) == 1


@pytest.mark.parametrize("mode", ERAS)
async def test_an_order_goes_on_when_its_caller_leaves(mode: str) -> None:
    clock = GateClock()
    async with desk(mode=mode, clock=clock, only=PARK) as each:
        asked = await confirmed(each, await held(each))
        each.sandbox.faults.add(Delay(seconds=LONG), "createOrders")
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(each.ask, "place_order", asked)
                await clock.reached.wait()
                tasks.cancel_scope.cancel()
            assert not each.sandbox.orders()
            clock.opened.set()
            made = await each.call("place_order", **asked)
        assert made["state"] in {"ordered", "in_doubt"}
        done = await each.call("get_reservation", reservation_ids=asked["reservation_ids"])
        assert done["reservations"][0]["state"] == "ordered"
        assert each.sent("createOrders") == len(each.sandbox.orders()) == 1


async def test_an_order_that_never_arrived_stays_in_doubt_until_nothing_can_come(
    desk: Desk,
) -> None:
    hold = await held(desk)
    asked = await confirmed(desk, hold)
    desk.sandbox.faults.add(DropBefore(), "createOrders")
    made = await desk.call("place_order", **asked)
    assert made["state"] == "in_doubt"
    seen = await desk.ask("get_reservation", {"reservation_ids": [hold]})
    assert seen.data["reservations"][0]["state"] == "in_doubt"
    assert "not reserve" in seen.data["next"]
    other = {**asked, "customer": {**CUSTOMER, "firstname": "Eve"}}
    refused = await desk.ask("place_order", other)
    assert refused.code == "ALREADY_BEING_ORDERED"
    assert refused.error["effect"] == "unknown"
    desk.clock.advance(2 * 3600)
    late = await desk.ask("place_order", asked)
    assert late.data["state"] == "failed"
    assert late.data["replayed"] is True
    assert "Call reserve" in late.data["next"]
    assert (await desk.ask("place_order", other)).code == "HOLD_EXPIRED"
    seen = await desk.ask("get_reservation", {"reservation_ids": [hold]})
    assert seen.data["reservations"][0]["state"] == "expired"
    assert desk.sent("createOrders") == 1
    assert not desk.sandbox.orders()


async def test_a_hold_whose_answer_is_lost_is_in_doubt_and_not_repeated_early(
    desk: Desk,
) -> None:
    wished = [item(desk, "park_offer")]
    desk.sandbox.faults.add(DropAfter(), "createReservations")
    first = await desk.ask("reserve", {"items": wished})
    assert first.data["state"] == "in_doubt"
    again = await desk.call("reserve", items=wished)
    assert again["state"] == "in_doubt"
    assert 0 < again["check_again_after"] <= first.data["check_again_after"]
    assert desk.sent("createReservations") == 1
    desk.clock.advance(first.data["check_again_after"] + 1)
    assert (await desk.call("reserve", items=wished))["state"] == "held"
    assert desk.sent("createReservations") == 2


async def test_a_price_that_moved_since_it_was_shown_is_told() -> None:
    async with desk(only=("museum",)) as each:
        offer = each.handle("dynamic_price_offer")
        shown = await each.call("check_availability", offer_id=offer)
        each.sandbox.set_price(each.sandbox.landmarks["dynamic_price_offer"], Decimal("77.50"))
        sessions = [s["session_id"] for s in shown.get("sessions", ()) if s["enough"]][:1]
        wished = [{"offer_id": offer, "quantity": 1, "session_ids": sessions}]
        held = await each.ask("reserve", {"items": wished})
        (move,) = held.data["price_moves"]
        assert move == {"offer_id": offer, "was": shown["price"], "now": "77.50 EUR"}
        for said in move.values():
            assert said in held.text


async def test_tickets_wait_for_a_name_and_one_wrong_person_spoils_no_other(
    desk: Desk,
) -> None:
    order = await desk.booked(desk.handle("beneficiary_offer"), 2)
    tickets = (await desk.call("get_tickets", order_id=order["order_id"]))["tickets"]
    ids = [t["ticket_id"] for t in tickets]
    person = {"firstname": "Ada", "lastname": "Byron", "date_of_birth": "1990-12-10"}
    answer = await desk.call(
        "name_beneficiaries",
        order_id=order["order_id"],
        beneficiaries=[
            {"ticket_id": ids[0], **person},
            {"ticket_id": ids[1], "firstname": "Bob", "lastname": "Byron"},
            {"ticket_id": "nobody", **person},
        ],
    )
    groups = answer["tickets"]
    outcomes = {ticket: group["outcome"] for group in groups for ticket in group["ticket_ids"]}
    assert outcomes == {ids[0]: "named", ids[1]: "missing_fields", "nobody": "unknown_ticket"}
    assert answer["still_waiting"] == 1
    repeated = await desk.call(
        "name_beneficiaries",
        order_id=order["order_id"],
        beneficiaries=[{"ticket_id": ids[0], **person}],
    )
    assert repeated["tickets"][0]["outcome"] == "named"


async def test_tickets_say_when_documents_come_and_wait_for_one_who_follows(
    desk: Desk, tmp_path: Path
) -> None:
    order = await desk.booked(desk.handle("beneficiary_offer"))
    await name_holders(desk, order["order_id"])
    asked = {"order_id": order["order_id"]}
    at_once = await desk.call("get_tickets", **asked)
    assert not any(d["ready"] for d in at_once.get("documents", ()))
    steps: list[tuple[float, float | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        del message
        steps.append((done, total))

    following: dict[str, Any] = {**FOLLOWING, "progress_callback": progress}
    waited = await desk.ask("get_tickets", asked, **following)
    assert all(d["ready"] for d in waited.data["documents"])
    assert steps == sorted(steps)
    # The first at once, whatever there is to wait for: a proxy then has the head of the answer.
    assert steps[0][0] == 0
    assert len(steps) <= 1 + 3
    assert all(total == 3 for _, total in steps)


async def test_waiting_for_documents_ends_after_three_seconds() -> None:
    async with desk(only=("hall",)) as each:
        offer = each.handle("seated_offer")
        live = await each.call("check_availability", offer_id=offer)
        session = next(s["session_id"] for s in live["sessions"] if s["enough"])
        wished = [{"offer_id": offer, "quantity": 1, "session_ids": [session]}]
        hold = (await each.call("reserve", items=wished))["reservations"][0]
        order = (await each.order(hold["reservation_id"]))["orders"][0]
        before = each.clock.now()
        answer = await each.ask("get_tickets", {"order_id": order["order_id"]}, **FOLLOWING)
        assert (each.clock.now() - before).total_seconds() == 3
        assert answer.data["documents"]
        for document in answer.data["documents"]:
            assert not document["ready"]
            assert document["ready_at"] in answer.text


async def test_a_cancelled_order_says_so_and_where_to_turn(desk: Desk) -> None:
    order = await desk.booked(desk.handle("park_offer"))
    desk.sandbox.cancel_order(order["order_id"])
    answer = await desk.ask("get_tickets", {"order_id": order["order_id"]}, **FOLLOWING)
    assert answer.data["status"] == "cancelled"
    assert "support" in answer.text
    assert order["reference"] in answer.text
