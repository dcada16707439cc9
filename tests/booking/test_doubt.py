"""What is told while something is not known: never that nothing happened."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from korus_mcp.api.config import Transport
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.hold import Hold, HoldState
from korus_mcp.booking.ordered import OrderState
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.journal.records import (
    Approval,
    Intent,
    JournalDown,
    JournalFault,
    Lease,
    OrderResult,
    ReservationFacts,
)
from korus_mcp.sandbox import DropAfter
from tests.booking.stage import OWNER, Rewriting, Stage, order_call, over, staged
from tests.journal.memory import MemoryJournal
from tests.journal.rows import approval

pytestmark = pytest.mark.anyio
POST = "createOrders"


class FullDisk(MemoryJournal):
    """A journal that can be read and no longer written."""

    full = False

    async def settle(
        self, intent_id: str, result: OrderResult, *, known: Intent | None = None
    ) -> Intent:
        if self.full:
            raise JournalDown(JournalFault.FULL)
        return await super().settle(intent_id, result, known=known)


async def test_an_order_whose_outcome_cannot_be_written_down_stays_in_doubt() -> None:
    async with staged() as opened:
        journal = FullDisk(opened.clock)
        stage = over(opened, journal)
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        journal.full = True
        stage.sandbox.faults.add(DropAfter(), POST)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
        stage.move(60)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
        looked = await stage.app.booking.earlier.of(OWNER, [hold.id])
        assert looked[hold.id].is_in_doubt
        journal.full = False
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.ORDERED
        assert stage.sent(POST) == 1


class Broken(FullDisk):
    """A journal that breaks as an order is written down to be sent; it was written down."""

    async def start_sending(
        self, intent: Intent, *, lease: Lease, sent_at: datetime, fence_at: datetime
    ) -> Intent:
        started = await super().start_sending(
            intent, lease=lease, sent_at=sent_at, fence_at=fence_at
        )
        if self.full:
            raise JournalDown(JournalFault.UNREACHABLE)
        return started


async def test_an_order_that_was_not_sent_is_closed_once_the_journal_works_again() -> None:
    async with staged() as opened:
        journal = Broken(opened.clock)
        stage = over(opened, journal)
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        journal.full = True
        with pytest.raises(JournalDown):
            await stage.place(hold, confirmation=nonce)
        assert (await journal.intents_of([hold.id]))[hold.id].is_in_doubt
        journal.full = False
        with anyio.fail_after(60):
            while await journal.intents_of([hold.id]):  # noqa: ASYNC110 - the journal tells nobody
                await anyio.sleep(0.01)
        assert (await stage.ordered(hold)).state is OrderState.ORDERED
        assert stage.sent(POST) == 1


class Away(FullDisk):
    """A journal whose database is being started anew."""

    away = False

    async def standing(
        self, reservation_ids: Sequence[str], *, owner: str, since: datetime
    ) -> ReservationFacts:
        if self.away:
            raise JournalDown(JournalFault.RESTARTING)
        return await super().standing(reservation_ids, owner=owner, since=since)


async def test_a_call_in_doubt_stays_in_doubt_while_the_journal_is_away() -> None:
    async with staged() as opened:
        journal = Away(opened.clock)
        stage = over(opened, journal)
        hold, other = await stage.held(), await stage.held(quantity=2)
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(DropAfter(), POST)
        journal.full = True
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
        journal.away = True
        with pytest.raises(Refusal) as refused:
            await stage.place(hold, confirmation=nonce)
        assert (refused.value.code, refused.value.effect) == (Code.OUTCOME_UNKNOWN, Effect.UNKNOWN)
        assert refused.value.retry_after_seconds is not None
        # Nothing is told of it to anybody else, nor of what was never sent.
        for call in (partial(stage.place, hold, owner="another"), partial(stage.place, other)):
            with pytest.raises(JournalDown):
                await call()
        journal.away = journal.full = False
        stage.move(60)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.ORDERED
        assert stage.sent(POST) == 1


class Gateway(httpx.AsyncBaseTransport):
    """It lets an order through, says something else of it, and may let no read through after."""

    def __init__(self, transport: Transport, *, says: int, then_dark: bool = False) -> None:
        self._transport = transport
        self._says = says
        self._then_dark = then_dark
        self.is_dark = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_dark:
            return httpx.Response(503)
        response = await self._transport.handle_async_request(request)
        if request.method == "POST" and request.url.path.endswith("/orders/_bulk"):
            await response.aread()
            self.is_dark = self._then_dark
            return httpx.Response(self._says)
        return response


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
async def test_a_refusal_is_not_believed_when_the_order_is_there(status: int) -> None:
    """A gateway sent the request twice, and answers with what the second copy was told."""
    async with staged(through=partial(Gateway, says=status)) as stage:
        hold = await stage.held()
        placed = await stage.ordered(hold)
        assert placed.state is OrderState.ORDERED
        (order,) = stage.sandbox.orders()
        assert placed.orders[0].id == order.id


class OrderUnseen(Gateway):
    """After the order no list shows it, and its hold tells a status beside no order at all."""

    def __init__(self, transport: Transport, *, says: int | None, status: object) -> None:
        super().__init__(transport, says=says or 0)
        self._status = status
        self.is_hidden = True
        self._is_made = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "POST" and path.endswith("/orders/_bulk"):
            self._is_made = True
            response = await self._transport.handle_async_request(request)
            body = json.loads(await response.aread())
            if self._says:
                return httpx.Response(self._says)
            last = body["orders"].pop()
            failure = {"reservation": last["reservation"], "message": "Already ordered"}
            return httpx.Response(201, json=body | {"failedOrders": [failure]})
        response = await self._transport.handle_async_request(request)
        if not (self._is_made and self.is_hidden) or response.status_code != 200:
            return response
        body = json.loads(await response.aread())
        if "/reservations/" in path and "order" in body:
            body |= {"order": None, "status": self._status}
        elif path.endswith("/orders"):
            body |= {"member": [], "totalItems": 0}
        return httpx.Response(200, json=body)


STATUSES = ["ordered", "Ordered ", "paid", "confirmed", {}, 7]
"""What a hold may say that was ordered, as far as anybody knows."""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("says", [401, 422, 429, 504])
async def test_a_hold_that_says_it_was_ordered_keeps_its_order_in_doubt(
    says: int, status: object
) -> None:
    """Though it names no order yet, and the list of orders lags behind."""
    gates: list[OrderUnseen] = []

    def through(transport: Transport) -> Transport:
        gates.append(OrderUnseen(transport, says=says, status=status))
        return gates[0]

    async with staged(through=through) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
        for seconds in (60, 1500):
            stage.move(seconds)
            assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
            now = await stage.app.booking.reservations.now(OWNER, [hold.id], "en")
            assert now.in_doubt or now.holds[0].state is HoldState.ORDERED
        gates[0].is_hidden = False
        placed = await stage.place(hold, confirmation=nonce)
        assert [o.id for o in placed.orders] == [o.id for o in stage.sandbox.orders()]
        assert stage.sent(POST) == 1


@pytest.mark.parametrize("status", STATUSES)
async def test_one_of_two_that_is_told_as_failed_and_says_it_was_ordered_is_in_doubt(
    status: object,
) -> None:
    through = partial(OrderUnseen, says=None, status=status)
    async with staged(through=through) as stage:
        first, second = await stage.held(), await stage.held(quantity=2)
        placed = await stage.ordered(first, second)
        assert placed.state is OrderState.IN_DOUBT
        assert (len(placed.orders), placed.failed) == (1, ())


@pytest.mark.parametrize("status", ["reserved", "released", "Cancelled", "expired", None, ""])
async def test_a_hold_that_says_it_was_not_ordered_proves_a_refusal(status: object) -> None:
    async with staged(through=partial(OrderUnseen, says=422, status=status)) as stage:
        placed = await stage.ordered(await stage.held())
        assert placed.state is OrderState.FAILED


async def test_a_reference_whose_order_is_in_doubt_is_looked_up_and_not_unknown() -> None:
    gateways: list[Gateway] = []

    def through(transport: Transport) -> Transport:
        gateways.append(Gateway(transport, says=504, then_dark=True))
        return gateways[0]

    async with staged(through=through) as stage:
        placed = await stage.ordered(await stage.held(), reference="my trip")
        assert placed.state is OrderState.IN_DOUBT
        orders = stage.app.booking.orders
        with pytest.raises(Refusal) as refusal:
            await orders.order(OWNER, "my trip")
        assert refusal.value.code is Code.OUTCOME_UNKNOWN
        assert refusal.value.effect is Effect.UNKNOWN
        gateways[0].is_dark = False
        assert (await orders.order(OWNER, "my trip")).id == stage.sandbox.orders()[0].id


async def test_an_order_found_when_another_of_the_same_is_asked_for_is_told() -> None:
    gateways: list[Gateway] = []

    def through(transport: Transport) -> Transport:
        gateways.append(Gateway(transport, says=503, then_dark=True))
        return gateways[0]

    async with staged(through=through) as stage:
        first = await stage.held()
        assert (await stage.ordered(first)).state is OrderState.IN_DOUBT
        gateways[0].is_dark = False
        second = await stage.held()
        assert second.id != first.id
        (order,) = stage.sandbox.orders()
        asked = await stage.app.booking.ordering.question(order_call(second))
        assert asked is not None
        assert asked.doubts == (Doubt(first.id, order.id, is_alike=True),)
        assert (await stage.place(second)).doubts == asked.doubts
        stage.move(3601)
        third = await stage.held()
        assert (await stage.place(third)).doubts == (), "an hour later it is old news"
        assert stage.sent(POST) == 1


@pytest.mark.parametrize(
    ("catalog", "is_told"),
    [("/v1/ticketing/catalogs/another", False), (None, True)],
    ids=["another catalog", "a catalog that is not told"],
)
async def test_one_id_of_an_offer_in_two_catalogs_is_two_offers(
    catalog: str | None, *, is_told: bool
) -> None:
    """Where a catalog is not told it may be the same one: then a person hears of it."""
    gateways: list[Gateway] = []
    first = ""

    def rewritten(path: str, body: dict[str, Any]) -> None:
        if first and path.endswith(f"/reservations/{first}"):
            body["catalog"] = catalog

    def through(transport: Transport) -> Transport:
        gateways.append(Gateway(Rewriting(transport, rewritten), says=503, then_dark=True))
        return gateways[0]

    async with staged(through=through) as stage:
        ordered = await stage.held()
        assert (await stage.ordered(ordered)).state is OrderState.IN_DOUBT
        gateways[0].is_dark = False
        second = await stage.held()
        (order,) = stage.sandbox.orders()
        first = ordered.id
        told = (Doubt(first, order.id, is_alike=True),)
        assert (await stage.place(second)).doubts == (told if is_told else ())


async def test_what_failed_and_was_ordered_since_is_not_told_as_failed() -> None:
    async with staged(selling=("park", "hall")) as stage:
        good = await stage.held()
        bad = (await stage.reserve(stage.wish("fails_at_ordering_offer"))).holds[0]
        both = (good, bad)
        partly = await stage.ordered(*both)
        assert partly.state is OrderState.PARTIALLY_ORDERED
        again = await stage.place(*both)
        assert (again.state, again.replayed) == (OrderState.PARTIALLY_ORDERED, True)
        await claimed_by_another(stage, bad)
        with pytest.raises(Refusal) as refusal:
            await stage.place(*both)
        assert refusal.value.code is Code.ALREADY_BEING_ORDERED


async def test_an_order_whose_server_died_before_it_was_sent_was_never_made() -> None:
    async with staged() as stage:
        hold = await stage.held()
        await claimed_by_another(stage, hold, lease_seconds=0)
        assert not await stage.app.booking.earlier.of(OWNER, [hold.id])
        assert (await stage.ordered(hold)).state is OrderState.ORDERED
        assert stage.sent(POST) == 1


class ClosingJournal(MemoryJournal):
    """The server begins to stop while an approval is read."""

    stage: Stage

    async def approvals(self, nonces: Sequence[str]) -> Mapping[str, Approval]:
        self.stage.app.booking.close()
        return await super().approvals(nonces)


async def test_no_order_starts_once_the_server_stops() -> None:
    async with staged() as opened:
        journal = ClosingJournal(opened.clock)
        stage = over(opened, journal)
        hold = await stage.held()
        journal.stage = opened
        nonce = await stage.confirmed(hold)
        journal.stage = stage
        with pytest.raises(Refusal) as refusal:
            await stage.place(hold, confirmation=nonce)
        assert refusal.value.code is Code.SERVER_BUSY
        assert stage.sent(POST) == 0


async def claimed_by_another(stage: Stage, hold: Hold, *, lease_seconds: float = 3600) -> None:
    """Another process is about to order it, or died then."""
    journal, now = stage.app.booking.journal, stage.clock.now()
    one = Intent(
        id="another",
        owner=OWNER,
        fingerprint=order_call(hold).fingerprint(await journal.installation()),
        external_reference="km1-another",
        caller_reference=None,
        reservation_ids=(hold.id,),
        approved_total=Decimal(45),
        sent_at=now,
        fence_at=now + timedelta(hours=1),
    )
    await journal.approve(approval("another", expires_at=now + timedelta(days=1)))
    lease = Lease("another process", lease_seconds)
    await journal.claim(one, lease=lease, approval_nonce="another", day_limit=Decimal(1000))
