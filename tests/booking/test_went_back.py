"""A journal whose database went back in time, as after a failover: what was sent is not sent again.

The process that sent it remembers; `test_standstill` has what the others do.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import pytest

from korus_mcp.api.config import Transport
from korus_mcp.api.jsonld import ORDERS_BULK
from korus_mcp.booking.hold import Hold
from korus_mcp.booking.ordered import Ordered, OrderState
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.sandbox import DropBefore
from tests.booking.stage import OWNER, Stage, over, staged
from tests.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio
POST = "createOrders"
_NOT_ROWS = {"_clock", "_identity", "waiting"}


class Restorable(MemoryJournal):
    """A journal of which a copy can be restored under the running server."""

    def kept(self) -> dict[str, Any]:
        """A copy of all rows."""
        rows = {n: v for n, v in vars(self).items() if n not in _NOT_ROWS}
        return deepcopy(rows)

    def restore(self, copy: dict[str, Any]) -> None:
        """Go back to a copy."""
        vars(self).update(deepcopy(copy))


class SlowOrders(httpx.AsyncBaseTransport):
    """An order request that has left and arrives when the gate opens."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.left = anyio.Event()
        self.gate = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path == ORDERS_BULK.iri():
            self.left.set()
            await self.gate.wait()
        return await self._transport.handle_async_request(request)


@dataclass
class Scene:
    """A server on a journal that can go back, and the way of its orders."""

    stage: Stage
    journal: Restorable
    way: SlowOrders

    async def answered(
        self, hold: Hold, confirmation: str, meanwhile: Callable[[], None]
    ) -> list[Ordered]:
        """The answers to a call and to the same one again, with this done while its POST is out."""
        answers = list[Ordered]()

        async def ask() -> None:
            answers.append(await self.stage.place(hold, confirmation=confirmation))

        async with anyio.create_task_group() as calls:
            calls.start_soon(ask)
            await self.way.left.wait()
            meanwhile()
            calls.start_soon(ask)
            for _ in range(200):  # the second call goes as far as it can
                await anyio.lowlevel.checkpoint()
            self.way.gate.set()
        return answers


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    ways = list[SlowOrders]()

    def through(transport: Transport) -> SlowOrders:
        ways.append(SlowOrders(transport))
        return ways[-1]

    async with staged(through=through) as opened:
        journal = Restorable(opened.clock)
        yield Scene(over(opened, journal), journal, ways[-1])


@pytest.mark.parametrize("lost", ["the claim", "the confirmation", "the hold"])
async def test_a_call_whose_order_is_on_its_way_joins_it_though_the_journal_lost_it(
    lost: str,
) -> None:
    async with scene() as at:
        copies = {"the hold": at.journal.kept()}
        hold = await at.stage.held()
        copies["the confirmation"] = at.journal.kept()
        nonce = await at.stage.confirmed(hold)
        copies["the claim"] = at.journal.kept()
        answers = await at.answered(hold, nonce, lambda: at.journal.restore(copies[lost]))
        assert {a.state for a in answers} == {OrderState.ORDERED}
        assert len({a.orders[0].id for a in answers}) == 1
        assert at.stage.sent(POST) == 1
        held = await at.journal.intents_of([hold.id])
        assert held[hold.id].is_final, "it is in the journal again"
        assert list(await at.journal.orders_of(OWNER)) == [answers[0].orders[0].id]


async def test_other_data_for_what_is_on_its_way_are_refused_though_the_journal_lost_it() -> None:
    async with scene() as at:
        hold = await at.stage.held()
        nonce = await at.stage.confirmed(hold)
        copy = at.journal.kept()
        async with anyio.create_task_group() as calls:

            async def ask() -> None:
                await at.stage.place(hold, confirmation=nonce)

            calls.start_soon(ask)
            await at.way.left.wait()
            at.journal.restore(copy)
            with pytest.raises(Refusal) as refused:
                await at.stage.place(hold, confirmation=nonce, notes="other notes")
            at.way.gate.set()
        assert refused.value.code is Code.ALREADY_BEING_ORDERED
        assert at.stage.sent(POST) == 1


async def test_an_order_whose_answer_and_row_are_lost_stays_in_doubt_and_is_not_sent_again() -> (
    None
):
    async with scene() as at:
        hold = await at.stage.held()
        nonce = await at.stage.confirmed(hold)
        copy = at.journal.kept()
        at.way.gate.set()
        at.stage.sandbox.faults.add(DropBefore(), POST)
        for _ in range(3):
            told = await at.stage.place(hold, confirmation=nonce)
            assert told.state is OrderState.IN_DOUBT
            at.journal.restore(copy)
            at.stage.move(60)
        assert at.stage.sent(POST) == 1
        fence = told.not_later_than
        assert fence is not None
        at.stage.move((fence - at.stage.clock.now()).total_seconds() + 2)
        with pytest.raises(Refusal) as over_:
            await at.stage.place(hold, confirmation=nonce)
        assert over_.value.code is Code.HOLD_EXPIRED
        assert at.stage.sent(POST) == 1
