"""A yes is for one attempt: what failed meanwhile, or never left, needs a new one."""

from datetime import datetime
from typing import Any

import anyio
import httpx
import pytest

from korus_mcp.api.config import Transport
from korus_mcp.booking.hold import Hold
from korus_mcp.booking.ordered import OrderState
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.records import Intent, Lease, LeaseLost
from tests.booking.stage import Stage, order_call, over, staged, until
from tests.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio
POST = "createOrders"


async def refused(stage: Stage, hold: Hold, **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await stage.place(hold, **changes)
    return refusal.value


class Gated(httpx.AsyncBaseTransport):
    """The next read of a reservation waits for the gate, once it is armed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.is_armed = False
        self.gate = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_read = request.method == "GET" and "/reservations/" in request.url.path
        if self.is_armed and is_read:
            self.is_armed = False
            await self.gate.wait()
        return await self._transport.handle_async_request(request)


@pytest.mark.parametrize("is_declined", [False, True])
async def test_a_yes_from_before_a_failed_attempt_orders_nothing_more(*, is_declined: bool) -> None:
    ways: list[Gated] = []

    def gated(transport: Transport) -> Transport:
        ways.append(Gated(transport))
        return ways[0]

    async with staged(through=gated) as stage:
        hold = await stage.held("fails_at_ordering_offer")
        first, second = await stage.confirmed(hold), await stage.confirmed(hold)
        codes: list[Code] = []

        async def late() -> None:
            codes.append((await refused(stage, hold, confirmation=second)).code)

        async with anyio.create_task_group() as tasks:
            ways[0].is_armed = True
            tasks.start_soon(late)
            await until(lambda: not ways[0].is_armed)
            assert (await stage.place(hold, confirmation=first)).state is OrderState.FAILED
            if is_declined:
                question = await stage.app.booking.ordering.question(order_call(hold))
                assert question is not None
                await stage.app.booking.ordering.decline(question)
            ways[0].gate.set()
        assert codes == [Code.APPROVAL_REQUIRED]
        assert stage.sent(POST) == 1


class LosesTheStart(MemoryJournal):
    """The first start of a send is written down, and its answer lost."""

    is_lost = False

    async def start_sending(
        self, intent: Intent, *, lease: Lease, sent_at: datetime, fence_at: datetime
    ) -> Intent:
        started = await super().start_sending(
            intent, lease=lease, sent_at=sent_at, fence_at=fence_at
        )
        if not self.is_lost:
            self.is_lost = True
            raise LeaseLost
        return started


async def test_a_hold_whose_send_never_began_can_be_ordered_again() -> None:
    async with staged() as opened:
        stage = over(opened, LosesTheStart(opened.clock))
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        assert (await refused(stage, hold, confirmation=nonce)).code is Code.SERVER_BUSY
        assert stage.sent(POST) == 0
        assert (await stage.ordered(hold)).state is OrderState.ORDERED
        assert stage.sent(POST) == 1
