"""A person is shown what is bought before they say who they are, and is asked once for both."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from korus_mcp.booking.approval import KEPT_SECONDS
from korus_mcp.booking.customers import PartOfCustomer
from korus_mcp.booking.ordered import OrderState
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.sandbox import Answer, DropAfter, SandboxOptions, served_sandbox
from tests.booking.stage import CUSTOMER, OTHER, Rewrite, Stage, staged
from tests.booking.test_place import BOB, POST, refused
from tests.fixtures import shop
from tests.fixtures.assistant import CUSTOMER as ADA
from tests.fixtures.assistant import SEED

pytestmark = pytest.mark.anyio
NOBODY = PartOfCustomer()
ONLY_ADA = PartOfCustomer(firstname="Ada")


async def test_who_orders_may_be_named_with_the_yes_and_then_is_bound(stage: Stage) -> None:
    hold = await stage.held(quantity=2)
    asked = await stage.place(hold, customer=NOBODY)
    assert asked.state is OrderState.CONFIRMATION_NEEDED
    assert asked.missing == ("firstname", "lastname", "email")
    assert asked.confirmation is not None
    assert stage.sent(POST) == 0
    placed = await stage.place(hold, confirmation=asked.confirmation)
    assert placed.state is OrderState.ORDERED
    (made,) = stage.sandbox.orders()
    assert made.customer["email"] == CUSTOMER.email
    assert stage.sent(POST) == 1
    again = await stage.place(hold, confirmation=asked.confirmation)
    assert (again.replayed, again.orders) == (True, placed.orders)
    other = await refused(stage, hold, customer=BOB, confirmation=asked.confirmation)
    assert (other.code, other.effect) == (Code.ALREADY_ORDERED, Effect.ORDERED)


@pytest.mark.parametrize(
    "named",
    [
        replace(CUSTOMER, firstname="Eve"),
        replace(CUSTOMER, firstname="ada"),
        ONLY_ADA,
        NOBODY,
    ],
    ids=["another", "another spelling", "still a part", "nobody"],
)
async def test_what_was_shown_of_the_customer_has_to_stay(stage: Stage, named: Any) -> None:
    hold = await stage.held()
    confirmation = await stage.confirmed(hold, customer=ONLY_ADA)
    refusal = await refused(stage, hold, customer=named, confirmation=confirmation)
    is_part = isinstance(named, PartOfCustomer)
    assert refusal.code is (Code.INVALID_ARGUMENTS if is_part else Code.APPROVAL_REQUIRED)
    assert (await stage.place(hold, confirmation=confirmation)).state is OrderState.ORDERED


async def test_a_customer_who_was_shown_whole_is_bound_from_the_start(stage: Stage) -> None:
    hold = await stage.held()
    confirmation = await stage.confirmed(hold)
    for named in (replace(CUSTOMER, phone=None), BOB):
        refusal = await refused(stage, hold, customer=named, confirmation=confirmation)
        assert refusal.code is Code.APPROVAL_REQUIRED
    assert (await stage.place(hold, confirmation=confirmation)).state is OrderState.ORDERED


@pytest.mark.parametrize(
    "changes",
    [{"notes": "at the aisle"}, {"owner": OTHER}],
    ids=["notes", "another principal"],
)
async def test_whatever_else_changes_voids_it(stage: Stage, changes: Mapping[str, Any]) -> None:
    hold = await stage.held()
    confirmation = await stage.confirmed(hold, customer=NOBODY)
    refusal = await refused(stage, hold, confirmation=confirmation, **changes)
    assert refusal.code in {Code.APPROVAL_REQUIRED, Code.NOT_FOUND}
    assert (await stage.place(hold, confirmation=confirmation)).state is OrderState.ORDERED


async def test_another_hold_or_one_more_voids_it(stage: Stage) -> None:
    hold, other = await stage.held(), await stage.held("undated_offer")
    confirmation = await stage.confirmed(hold, customer=NOBODY)
    for held in ((other,), (hold, other)):
        refusal = await refused(stage, *held, confirmation=confirmation)
        assert refusal.code is Code.APPROVAL_REQUIRED


def dearer(bodies: list[str]) -> Rewrite:
    def change(path: str, body: dict[str, Any]) -> None:
        if "/reservations/" in path and "totalAmountInclTax" in body and bodies:
            body["totalAmountInclTax"] = bodies[-1]

    return change


async def test_a_changed_price_voids_it() -> None:
    totals: list[str] = []
    async with staged(rewrite=dearer(totals)) as stage:
        hold = await stage.held()
        confirmation = await stage.confirmed(hold, customer=NOBODY)
        totals.append("46.00")
        refusal = await refused(stage, hold, confirmation=confirmation)
        assert refusal.code is Code.APPROVAL_REQUIRED


async def test_it_ends_like_any_confirmation(stage: Stage) -> None:
    hold = await stage.held()
    confirmation = await stage.confirmed(hold, customer=NOBODY)
    stage.move(KEPT_SECONDS)
    assert (await refused(stage, hold, confirmation=confirmation)).code is Code.APPROVAL_EXPIRED


async def test_a_yes_that_named_nobody_orders_once_and_for_one(stage: Stage) -> None:
    hold = await stage.held()
    confirmation = await stage.confirmed(hold, customer=NOBODY)
    answers = list[object]()

    async def place(customer: Any) -> None:
        try:
            answers.append(
                (await stage.place(hold, customer=customer, confirmation=confirmation)).state
            )
        except Refusal as refusal:
            answers.append(refusal.code)

    async with anyio.create_task_group() as callers:
        for customer in (CUSTOMER, BOB) * 10:
            callers.start_soon(place, customer)
    assert stage.sent(POST) == len(stage.sandbox.orders()) == 1
    assert answers.count(OrderState.ORDERED) == 10
    assert {Code.ALREADY_BEING_ORDERED, Code.ALREADY_ORDERED} >= set(answers) - {OrderState.ORDERED}


async def test_after_an_order_that_failed_a_new_yes_is_needed(stage: Stage) -> None:
    hold = await stage.held()
    confirmation = await stage.confirmed(hold, customer=NOBODY)
    stage.sandbox.faults.add(Answer(status=422, body="problem"), POST)
    assert (await stage.place(hold, confirmation=confirmation)).state is OrderState.FAILED
    for customer in (CUSTOMER, BOB):
        refusal = await refused(stage, hold, customer=customer, confirmation=confirmation)
        assert refusal.code is Code.APPROVAL_REQUIRED


async def test_an_answer_that_is_lost_is_found_by_the_same_call(stage: Stage) -> None:
    hold = await stage.held()
    confirmation = await stage.confirmed(hold, customer=NOBODY)
    stage.sandbox.faults.add(DropAfter(), POST)
    placed = await stage.place(hold, confirmation=confirmation)
    again = await stage.place(hold, confirmation=confirmation)
    assert placed.orders == again.orders
    assert stage.sent(POST) == 1


async def test_a_confirmation_with_the_words_of_other_goods_orders_nothing(stage: Stage) -> None:
    hold = await stage.held(quantity=2)
    for customer in (NOBODY, CUSTOMER):
        confirmation = await stage.confirmed(hold, customer=customer)
        said, _, code = confirmation.rpartition(" - ")
        for words in (said.replace("2 x", "1 x"), said.replace("90.00", "9.00"), "2 x Opera", ""):
            refusal = await refused(stage, hold, confirmation=f"{words} - {code}")
            assert refusal.code is Code.APPROVAL_REQUIRED
            assert "word for word" in refusal.next_step
    rewritten = f"{said.upper()} \u2013 {code}"
    assert (await stage.place(hold, confirmation=rewritten)).state is OrderState.ORDERED


async def test_two_servers_on_one_journal_take_the_two_steps(tmp_path: Path) -> None:
    async with served_sandbox(SandboxOptions(seed=SEED)) as served:
        async with (
            shop.reopened(tmp_path, served) as one,
            shop.reopened(tmp_path, served) as other,
        ):
            items = [{"offer_id": one.offer_id, "quantity": 1}]
            held = await one.call("reserve", items=items, language="fr")
            ids = [held["reservations"][0]["reservation_id"]]
            summary = await one.call("place_order", reservation_ids=ids)
            assert summary["missing"] == "firstname, lastname, email"
            yes = {"reservation_ids": ids, "confirmation": summary["confirmation"]}
            made = await other.call("place_order", **yes, customer=ADA)
            assert made["state"] == "ordered"
            again = await one.call("place_order", **yes, customer=ADA)
            assert (again["replayed"], again["orders"]) == (True, made["orders"])
            eve = {**ADA, "firstname": "Eve"}
            refusal = await one.ask("place_order", {**yes, "customer": eve})
            assert refusal.code == "ALREADY_ORDERED"
            assert one.posts() == 1
            await one.order(await one.held(2))
        with sqlite3.connect(one.journal) as database:
            rows = database.execute(
                "select detail from korus_audit where event = 'claimed' order by row"
            )
            assert ["named with the yes" in detail for (detail,) in rows] == [True, False]
