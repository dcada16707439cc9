"""The clock of this machine may be wrong by hours: alone it ends nothing that stands upstream."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from korus_mcp.api import BeneficiaryInput
from korus_mcp.api.config import Transport
from korus_mcp.booking.documents import DocumentQuery
from korus_mcp.booking.hold import HoldState
from korus_mcp.booking.naming import NamingOutcome
from korus_mcp.booking.ordered import OrderState
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.refusals import Code, Refusal
from tests.booking.stage import OWNER, Stage, staged

pytestmark = pytest.mark.anyio
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
HOUR = 3600.0
DAY = 24 * HOUR
RESERVE = "createReservations"


class WithoutDate(httpx.AsyncBaseTransport):
    """A gateway that does not pass on what time it is."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        headers = [(k, v) for k, v in response.headers.items() if k != "date"]
        content = await response.aread()
        return httpx.Response(response.status_code, headers=headers, content=content)


class Wrong(ManualClock):
    """The clock of a machine that is ahead of another by so much; both go on together."""

    def __init__(self, right: ManualClock, ahead_seconds: float) -> None:
        super().__init__(START + timedelta(seconds=ahead_seconds))
        self._right = right

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._right.advance(seconds)


@asynccontextmanager
async def off_by(seconds: float, *, date: bool = False, **changes: Any) -> AsyncIterator[Stage]:
    """A stage whose own clock is ahead of the API's; `date`: the API tells its time."""
    right = ManualClock(START)
    through: Callable[[Transport], Transport] | None = None if date else WithoutDate
    clock = Wrong(right, seconds)
    async with staged(clock=clock, sandbox_clock=right, through=through, **changes) as stage:
        yield stage


WRONG: Sequence[tuple[float, bool]] = (
    (840, False),
    (1200, False),
    (13 * HOUR, False),
    (24.2 * HOUR, True),
    (24.2 * HOUR, False),
    (-1200, False),
    (-25 * HOUR, True),
    (0, False),
)


@pytest.mark.parametrize(("ahead", "date"), WRONG)
async def test_what_is_held_upstream_is_held_once_and_ordered(ahead: float, date: bool) -> None:
    async with off_by(ahead, date=date) as stage:
        first = await stage.reserve(stage.wish("park_offer"))
        (hold,) = first.holds
        assert hold.state is HoldState.HELD
        assert hold.seconds_left is None
        assert hold.expires_at == START + timedelta(seconds=900)
        stage.move(60)
        again = await stage.reserve(stage.wish("park_offer"))
        assert again.replayed
        assert stage.sent(RESERVE) == 1
        confirmation = await stage.confirmed(hold)
        stage.move(500)
        placed = await stage.place(hold, confirmation=confirmation)
        assert placed.state is OrderState.ORDERED
        assert len(stage.sandbox.orders()) == 1


@pytest.mark.parametrize(("ahead", "date"), WRONG)
async def test_what_is_over_upstream_is_over(ahead: float, date: bool) -> None:
    async with off_by(ahead, date=date) as stage:
        hold = await stage.held()
        stage.move(901)
        (now,) = await stage.app.booking.holds.all(OWNER, [hold.id], "en")
        assert now.state is HoldState.EXPIRED
        with pytest.raises(Refusal) as refused:
            await stage.place(hold)
        assert refused.value.code is Code.HOLD_EXPIRED
        again = await stage.reserve(stage.wish("park_offer"))
        assert not again.replayed
        assert again.holds[0].state is HoldState.HELD


@pytest.mark.parametrize("ahead", [-1200, 1200, 13 * HOUR])
async def test_where_the_api_tells_the_time_its_clock_counts(ahead: float) -> None:
    async with off_by(ahead, date=True) as stage:
        hold = await stage.held()
        assert hold.seconds_left is not None
        assert 898 <= hold.seconds_left <= 900
        stage.move(885)
        (now,) = await stage.app.booking.holds.all(OWNER, [hold.id], "en")
        assert now.state is HoldState.HELD
        assert not now.can_be_ordered(stage.app.api)


@pytest.mark.parametrize(("ahead", "date"), WRONG)
async def test_what_is_held_counts_as_open_however_wrong_our_clock_is(
    ahead: float, date: bool
) -> None:
    async with off_by(ahead, date=date, max_open_holds=2) as stage:
        wish = stage.wish("park_offer")
        for _ in range(2):
            await stage.reserve(wish, again=True)
            stage.move(30)
        with pytest.raises(Refusal) as refused:
            await stage.reserve(wish, again=True)
        assert refused.value.code is Code.LIMIT_EXCEEDED
        assert stage.sent(RESERVE) == 2


@pytest.mark.parametrize(("ahead", "date"), WRONG)
async def test_an_order_in_doubt_stays_so_until_after_its_hold(ahead: float, date: bool) -> None:
    async with off_by(ahead, date=date) as stage:
        hold = await stage.held()
        placed = await stage.ordered(hold)
        assert placed.state is OrderState.ORDERED
        intents = await stage.app.booking.earlier.of(OWNER, [hold.id])
        assert intents[hold.id].fence_at >= START + timedelta(seconds=900)


@pytest.mark.parametrize(("ahead", "date"), WRONG)
async def test_a_question_can_be_answered_for_ten_minutes_of_our_clock(
    ahead: float, date: bool
) -> None:
    async with off_by(ahead, date=date) as stage:
        hold = await stage.held()
        asked = await stage.place(hold)
        assert asked.confirm_by == stage.clock.now() + timedelta(seconds=600)
        stage.move(601)
        with pytest.raises(Refusal) as refused:
            await stage.place(hold, confirmation=asked.confirmation)
        assert refused.value.code is Code.APPROVAL_EXPIRED


async def test_where_nobody_knows_the_time_the_issuer_says_what_is_too_late() -> None:
    async with off_by(0, selling=("ski",)) as stage:
        made = await stage.bought("beneficiary_offer")
        issued = await stage.app.booking.tickets.of_order(OWNER, made, "en")
        (ticket,) = issued.tickets
        assert isinstance(ticket.deadline, datetime)
        ManualClock.advance(stage.clock, (ticket.deadline - START).total_seconds() + 1)
        ada = BeneficiaryInput("Ada", "Byron", date_of_birth=date(1990, 12, 10))
        _, (naming,) = await stage.app.booking.beneficiaries.name(
            OWNER, made, [(ticket.id, ada)], "en"
        )
        assert naming.outcome is NamingOutcome.NAMED


@pytest.mark.parametrize("ahead", [-1200, -25 * HOUR])
async def test_a_document_is_tried_where_only_our_clock_says_that_it_is_not_ready(
    ahead: float,
) -> None:
    async with off_by(ahead) as stage:
        made = await stage.bought()
        stage.move(600)
        tickets = stage.app.booking.tickets
        (document,) = (await tickets.of_order(OWNER, made, "en")).documents
        assert not document.is_ready
        assert document.is_tried
        wanted = DocumentQuery(OWNER, made, document.id, "en")
        pdf = await stage.app.booking.documents.fetched(wanted, 10**7)
        assert pdf is not None
        assert pdf.startswith(b"%PDF")


async def test_a_day_is_not_over_because_our_clock_alone_is_past_it() -> None:
    async with off_by(23 * HOUR) as stage:
        stage.move(20 * HOUR)  # the ticket's day, early in the morning; ours is on the next
        hold = await stage.held()
        placed = await stage.ordered(hold)
        assert placed.state is OrderState.ORDERED


async def test_a_day_that_is_over_by_more_than_a_clock_may_be_wrong_is_over() -> None:
    async with off_by(3 * DAY) as stage:
        with pytest.raises(Refusal) as refused:
            await stage.reserve(stage.wish("park_offer"))
        assert refused.value.code is Code.NOT_BOOKABLE
        assert stage.sent(RESERVE) == 0
