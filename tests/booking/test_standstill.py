"""A journal that went back in time: orders wait, are told so, and go on once nothing is on its way.

How it is seen is tested with the journal (`test_watch`).
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from korus_mcp.booking.ordered import OrderState
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.journal.records import OrdersWait
from korus_mcp.sandbox import DropAfter, DropBefore
from tests.booking.stage import OWNER, Stage, order_call, over, staged
from tests.booking.test_went_back import Restorable

pytestmark = pytest.mark.anyio
POST = "createOrders"
ITS = "The journal was restored or is new to this server; orders wait until 09:07 UTC."


def wait(stage: Stage, seconds: float = 375) -> OrdersWait:
    return OrdersWait(stage.clock.now() + timedelta(seconds=seconds), seconds)


async def test_orders_wait_and_are_told_until_when_and_then_go_on() -> None:
    async with staged() as opened:
        journal = Restorable(opened.clock)
        stage = over(opened, journal)
        hold = await stage.held()
        copy = journal.kept()
        nonce = await stage.confirmed(hold)
        journal.waiting = wait(stage)
        ordering = stage.app.booking.ordering
        for call in (
            partial(stage.place, hold),
            partial(stage.place, hold, confirmation=nonce),
            partial(ordering.question, order_call(hold)),
        ):
            with pytest.raises(Refusal) as refused:
                await call()
            told = refused.value
            assert (told.code, told.effect) == (Code.SERVER_BUSY, Effect.NONE)
            assert told.message == ITS
            assert told.retry_after_seconds == 375
        # One that the journal lost is not told to be somebody else's: it would be held again.
        held = journal.kept()
        journal.restore({**copy, "_owners": {}})
        with pytest.raises(Refusal) as lost:
            await stage.place(hold)
        assert lost.value.code is Code.SERVER_BUSY
        journal.restore(held)
        assert await stage.held(), "nothing is lost by a hold"
        journal.waiting = None
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.ORDERED
        assert stage.sent(POST) == 1


async def test_a_send_that_is_refused_since_orders_wait_sends_nothing() -> None:
    async with staged() as opened:

        class BackAfterTheClaim(Restorable):
            async def claim(self, *given: object, **named: object) -> None:
                await super().claim(*given, **named)  # type: ignore[arg-type]
                self.waiting = wait(opened)

        journal = BackAfterTheClaim(opened.clock)
        stage = over(opened, journal)
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        with pytest.raises(Refusal) as refused:
            await stage.place(hold, confirmation=nonce)
        assert refused.value.message == ITS
        assert stage.sent(POST) == 0
        assert await journal.intents_of([hold.id]) == {}, "it can be ordered after a new yes"


async def test_a_repeat_of_a_call_in_doubt_stays_in_doubt_while_orders_wait() -> None:
    async with staged() as opened:
        journal = Restorable(opened.clock)
        stage = over(opened, journal)
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(DropBefore(), POST)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
        journal.waiting = wait(stage)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
        assert stage.sent(POST) == 1


async def test_what_a_process_sent_is_written_down_again_and_the_rest_is_looked_for() -> None:
    async with staged() as opened:
        journal = Restorable(opened.clock)
        stage = over(opened, journal)
        hold, doubted = await stage.held(), await stage.held(quantity=2)
        copy = journal.kept()
        ordered = await stage.ordered(hold)
        nonce = await stage.confirmed(doubted)
        stage.sandbox.faults.add(DropBefore(), POST)
        await stage.place(doubted, confirmation=nonce)
        journal.restore(copy)
        assert await journal.intents_of([hold.id, doubted.id]) == {}
        await stage.app.booking.standstill.gone_through(wait(stage, 0))
        held = await journal.intents_of([hold.id, doubted.id])
        assert dict(held[hold.id].orders) == {hold.id: ordered.orders[0].id}
        assert held[doubted.id].is_in_doubt
        assert list(await journal.orders_of(OWNER)) == [ordered.orders[0].id]


async def test_an_order_that_counts_as_never_sent_in_an_old_journal_is_found_at_once() -> None:
    """By a process that never sent it, such as the next one."""
    async with staged() as opened:
        journal = Restorable(opened.clock)
        first, second = over(opened, journal), over(opened, journal)
        hold = await first.held()
        nonce = await first.confirmed(hold)
        copies = list[dict[str, object]]()
        claim = journal.claim

        async def claimed(*given: object, **named: object) -> None:
            await claim(*given, **named)  # type: ignore[arg-type]
            copies.append(journal.kept())

        journal.claim = claimed  # type: ignore[method-assign]
        first.sandbox.faults.add(DropAfter(), POST)
        made = await first.place(hold, confirmation=nonce)
        journal.restore(copies[-1])
        first.move(60)
        await second.app.booking.reconciler.reconcile()
        await second.app.booking.standstill.gone_through(wait(second, 0))
        held = await journal.intents_of([hold.id])
        assert dict(held[hold.id].orders) == {hold.id: made.orders[0].id}
        told = await second.place(replace(hold), confirmation=nonce)
        assert told.state is OrderState.ORDERED
        assert first.sent(POST) == 1
