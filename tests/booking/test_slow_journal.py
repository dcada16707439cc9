"""The same promises with a journal that lets others in before each answer, as a database does."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import anyio
import pytest

from korus_mcp.api import CustomerInput
from korus_mcp.booking.ordered import OrderState
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.records import Approval, Intent, Lease, OrderResult, ReservationFacts
from korus_mcp.sandbox import DropAfter
from tests.booking.stage import CUSTOMER, Stage, over, staged
from tests.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio
POST = "createOrders"


class SlowJournal(MemoryJournal):
    """A journal on another machine; each call is one transaction all the same."""

    async def claim(
        self, intent: Intent, *, lease: Lease, approval_nonce: str, day_limit: Decimal
    ) -> None:
        await self._others()
        await super().claim(intent, lease=lease, approval_nonce=approval_nonce, day_limit=day_limit)

    async def settle(
        self, intent_id: str, result: OrderResult, *, known: Intent | None = None
    ) -> Intent:
        await self._others()
        return await super().settle(intent_id, result, known=known)

    async def intents_of(self, reservation_ids: Sequence[str]) -> Mapping[str, Intent]:
        await self._others()
        return await super().intents_of(reservation_ids)

    async def standing(
        self, reservation_ids: Sequence[str], *, owner: str, since: datetime
    ) -> ReservationFacts:
        await self._others()
        return await super().standing(reservation_ids, owner=owner, since=since)

    async def approvals(self, nonces: Sequence[str]) -> Mapping[str, Approval]:
        found = await super().approvals(nonces)
        await self._others()
        return found

    async def _others(self) -> None:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()


def with_slow_journal(stage: Stage) -> Stage:
    """The same stage with desks over such a journal."""
    return over(stage, SlowJournal(stage.clock))


async def answers_of(
    stage: Stage, hold_id: str, *calls: tuple[CustomerInput, str]
) -> list[OrderState | Code]:
    answers = list[OrderState | Code]()

    async def place(who: CustomerInput, nonce: str) -> None:
        try:
            placed = await stage.place(hold_id, customer=who, confirmation=nonce)
        except Refusal as refusal:
            answers.append(refusal.code)
        else:
            answers.append(placed.state)

    async with anyio.create_task_group() as callers:
        for who, nonce in calls:
            callers.start_soon(place, who, nonce)
    return answers


async def test_equal_calls_with_one_confirmation_are_one_order_and_hear_of_it() -> None:
    async with staged() as opened:
        stage = with_slow_journal(opened)
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        answers = await answers_of(stage, hold.id, *[(CUSTOMER, nonce)] * 50)
        assert answers == [OrderState.ORDERED] * 50
        assert stage.sent(POST) == 1


async def test_equal_calls_with_a_confirmation_each_are_one_order_and_hear_of_it() -> None:
    async with staged() as opened:
        stage = with_slow_journal(opened)
        hold = await stage.held()
        nonces = [await stage.confirmed(hold) for _ in range(10)]
        answers = await answers_of(stage, hold.id, *((CUSTOMER, nonce) for nonce in nonces))
        assert answers == [OrderState.ORDERED] * 10
        assert stage.sent(POST) == 1


async def test_of_two_customers_one_is_refused() -> None:
    async with staged() as opened:
        stage = with_slow_journal(opened)
        hold = await stage.held()
        both = (CUSTOMER, replace(CUSTOMER, firstname="Bob"))
        calls = [(who, await stage.confirmed(hold, customer=who)) for who in both]
        answers = await answers_of(stage, hold.id, *calls)
        assert answers.count(OrderState.ORDERED) == 1
        assert set(answers) - {OrderState.ORDERED} <= {
            Code.ALREADY_BEING_ORDERED,
            Code.ALREADY_ORDERED,
        }
        assert stage.sent(POST) == 1


async def test_one_confirmation_does_not_order_two_holds_at_once() -> None:
    """Two calls that both found the confirmation open: the claim lets one of them pass."""
    async with staged() as opened:
        stage = with_slow_journal(opened)
        hold = await stage.held("fails_at_ordering_offer")
        nonce = await stage.confirmed(hold)
        answers = await answers_of(stage, hold.id, *[(CUSTOMER, nonce)] * 10)
        assert set(answers) <= {OrderState.FAILED, Code.APPROVAL_REQUIRED}
        assert OrderState.FAILED in answers
        assert stage.sent(POST) == 1


async def test_two_looks_at_one_lost_order_agree() -> None:
    async with staged() as opened:
        stage = with_slow_journal(opened)
        good, bad = await stage.held(), await stage.held("fails_at_ordering_offer")
        nonce = await stage.confirmed(good, bad)
        stage.sandbox.faults.add(DropAfter(), POST)
        first = await stage.place(good, bad, confirmation=nonce)
        assert first.state is OrderState.IN_DOUBT
        stage.move(7200)
        answers = list[OrderState]()

        async def place() -> None:
            answers.append((await stage.place(good, bad)).state)

        async with anyio.create_task_group() as callers:
            for _ in range(5):
                callers.start_soon(place)
        assert answers == [OrderState.PARTIALLY_ORDERED] * 5
        assert stage.sent(POST) == 1
