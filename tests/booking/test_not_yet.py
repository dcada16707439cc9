"""Not yet there is not gone: a replica that lags does not know what was just made."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from korus_mcp.answers.orders import whole_view
from korus_mcp.answers.reservations import next_of
from korus_mcp.api.config import CREATION_SECONDS
from korus_mcp.booking.hold import HoldState
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.booking.settling import MOST_LAG
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.sandbox import Answer, DropAfter
from tests.booking.stage import OWNER, PAST_THE_POST, Rewrite, Stage, order_call, over, staged
from tests.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio
UNKNOWN = Answer(status=404, body="problem")


def lag(stage: Stage, operation: str = "getReservation", times: int | None = None) -> None:
    stage.sandbox.faults.add(UNKNOWN, operation, times=times)


def settled(stage: Stage) -> float:
    """Seconds after which all that a call made is shown everywhere."""
    return CREATION_SECONDS + stage.settings.settle_seconds


async def states(stage: Stage, *ids: str) -> tuple[Sequence[HoldState], str]:
    now = await stage.app.booking.reservations.now(OWNER, ids, "en")
    return [hold.state for hold in now.holds], next_of(now)


@pytest.mark.parametrize("seconds", [0, 60, 370])
async def test_a_hold_that_is_not_shown_yet_is_not_told_as_over(
    stage: Stage, seconds: float
) -> None:
    hold = await stage.held()
    stage.move(seconds)
    lag(stage)
    told, said = await states(stage, hold.id)
    assert told == [HoldState.IN_DOUBT]
    wait = min(10, int(settled(stage) - seconds))
    assert f"Call get_reservation again in {wait} s." in said
    assert "Do not reserve it again" in said
    assert "cost nothing" not in said
    again = await stage.reserve(stage.wish("park_offer"))
    assert again.state is ReserveState.IN_DOUBT


async def test_once_it_must_be_shown_a_hold_that_is_not_is_over(stage: Stage) -> None:
    hold = await stage.held()
    stage.move(settled(stage))
    lag(stage)
    told, said = await states(stage, hold.id)
    assert told == [HoldState.RELEASED]
    assert "Call reserve again only if" in said
    with pytest.raises(Refusal, match="is gone") as refused:
        await stage.place(hold)
    assert refused.value.code is Code.NOT_FOUND


async def test_a_hold_that_is_not_shown_yet_is_ordered_when_it_is(stage: Stage) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    lag(stage, times=1)
    with pytest.raises(Refusal, match="does not show a reservation yet") as refused:
        await stage.place(hold, confirmation=nonce)
    assert (refused.value.code, refused.value.effect) == (Code.UPSTREAM_UNAVAILABLE, Effect.NONE)
    assert refused.value.retry_after_seconds == 10
    assert "Do not reserve" in refused.value.next_step
    assert stage.sandbox.orders() == []
    assert len((await stage.place(hold, confirmation=nonce)).orders) == 1


async def test_what_stands_against_an_order_is_not_that_its_hold_is_not_shown_yet(
    stage: Stage,
) -> None:
    hold = await stage.held()
    lag(stage)
    ordering = stage.app.booking.ordering
    for asked in (
        ordering.question(order_call(hold)),
        ordering.place(order_call(hold)),
    ):
        with pytest.raises(Refusal, match="does not show a reservation yet"):
            await asked


async def test_a_hold_whose_answer_was_lost_is_new_until_it_must_be_shown() -> None:
    async with staged(sole_writer=True) as stage:
        stage.sandbox.faults.add(DropAfter(), "createReservations")
        (hold,) = (await stage.reserve(stage.wish("park_offer"))).holds
        stage.move(PAST_THE_POST)
        lag(stage)
        assert (await states(stage, hold.id))[0] == [HoldState.IN_DOUBT]
        stage.move(settled(stage) - PAST_THE_POST)
        assert (await states(stage, hold.id))[0] == [HoldState.RELEASED]


async def test_each_of_several_is_told_by_its_own_age(stage: Stage) -> None:
    old = await stage.held()
    stage.move(settled(stage))
    new = (await stage.reserve(stage.wish("park_offer"), again=True)).holds[0]
    third = await stage.held(quantity=2)
    lag(stage, times=2)
    now = await stage.app.booking.reservations.now(OWNER, [old.id, new.id], "en")
    assert [h.state for h in now.holds] == [HoldState.RELEASED, HoldState.IN_DOUBT]
    assert not now.in_doubt, "no order of it may exist"
    lag(stage, times=1)
    told, said = await states(stage, third.id, new.id)
    assert sorted(told) == [HoldState.HELD, HoldState.IN_DOUBT]
    assert said.startswith("One hold was just made")
    assert said.endswith("Otherwise the hold lapses, at no cost.")


async def test_an_order_known_here_is_told_though_its_hold_is_not_shown(stage: Stage) -> None:
    hold = await stage.held()
    await stage.ordered(hold)
    lag(stage)
    assert (await states(stage, hold.id))[0] == [HoldState.ORDERED]


async def test_an_order_that_is_not_shown_yet_is_not_told_as_lost(stage: Stage) -> None:
    order_id = await stage.bought()
    tickets = stage.app.booking.tickets
    lag(stage, "getOrder", times=1)
    with pytest.raises(Refusal, match="does not show this order yet") as refused:
        await tickets.of_order(OWNER, order_id, "en")
    assert refused.value.retry_after_seconds == 10
    assert "Do not order again" in refused.value.next_step
    assert (await tickets.of_order(OWNER, order_id, "en")).order.id == order_id
    stage.move(settled(stage))
    lag(stage, "getOrder", times=1)
    with pytest.raises(Refusal, match=r"does not show this order \(any more\)"):
        await tickets.of_order(OWNER, order_id, "en")


async def test_documents_that_are_not_shown_yet_are_asked_for_again(stage: Stage) -> None:
    order_id = await stage.bought()

    async def said() -> str:
        lag(stage, "listOrderDocuments", times=1)
        found = await stage.app.booking.tickets.of_order(OWNER, order_id, "en")
        return whole_view(stage.app, found).next

    early = await said()
    assert "Call get_tickets again in 10 s" in early
    assert "support" not in early
    stage.move(settled(stage))
    assert "support" in await said()


@pytest.mark.parametrize("hidden", ["getOrder", "getReservation"])
async def test_another_owner_learns_nothing_of_what_is_not_shown_yet(
    stage: Stage, hidden: str
) -> None:
    hold = await stage.held()
    lag(stage, hidden)
    with pytest.raises(Refusal) as refused:
        await stage.app.booking.reservations.now("local/other", [hold.id], "en")
    assert refused.value.code is Code.NOT_FOUND


@pytest.mark.parametrize("seconds", [0, 400])
async def test_a_reservation_is_not_told_as_an_order_that_is_not_shown(
    stage: Stage, seconds: float
) -> None:
    hold = await stage.held()
    stage.move(seconds)
    with pytest.raises(Refusal, match="the id of a reservation") as refused:
        await stage.app.booking.tickets.of_order(OWNER, hold.id, "en")
    assert refused.value.code is Code.NOT_FOUND
    assert "get_reservation" in refused.value.next_step
    assert refused.value.retry_after_seconds is None


async def test_a_reservation_that_was_ordered_is_no_order_either(stage: Stage) -> None:
    hold = await stage.held()
    await stage.ordered(hold)
    with pytest.raises(Refusal, match="the id of a reservation"):
        await stage.app.booking.tickets.of_order(OWNER, hold.id, "en")


@pytest.mark.parametrize("seconds", [0, 400])
async def test_an_order_is_not_told_as_a_reservation_that_is_not_shown(
    stage: Stage, seconds: float
) -> None:
    order_id, other = await stage.bought(), await stage.held(quantity=2)
    stage.move(seconds)
    booking = stage.app.booking
    for asked in (
        booking.reservations.now(OWNER, [order_id], "en"),
        booking.reservations.now(OWNER, [other.id, order_id], "en"),
        booking.ordering.place(order_call(order_id)),
        booking.ordering.question(order_call(order_id)),
    ):
        with pytest.raises(Refusal, match="the id of an order") as refused:
            await asked
        assert refused.value.code is Code.NOT_FOUND
        assert "get_tickets" in refused.value.next_step
        assert refused.value.retry_after_seconds is None


def ending(seconds: float, clock: ManualClock) -> Rewrite:
    """An issuer whose holds end so many seconds after now."""
    ends = (clock.now() + timedelta(seconds=seconds)).isoformat()

    def rewrite(path: str, body: dict[str, Any]) -> None:
        for each in body.get("reservations", [body] if "/reservations/" in path else []):
            each["expiresAt"] = ends

    return rewrite


async def test_a_hold_that_is_past_its_own_end_is_over_though_it_was_just_made() -> None:
    clock = ManualClock()
    async with staged(clock=clock, rewrite=ending(120, clock)) as stage:
        hold = await stage.held()
        lag(stage)
        stage.move(115)
        told, said = await states(stage, hold.id)
        assert told == [HoldState.IN_DOUBT]
        assert "again in 5 s" in said, "no longer than it is held"
        stage.move(5)
        told, said = await states(stage, hold.id)
        assert told == [HoldState.RELEASED]
        assert "Call reserve again only if" in said
        with pytest.raises(Refusal, match="is gone") as refused:
            await stage.place(hold)
        assert refused.value.code is Code.NOT_FOUND
        with pytest.raises(Refusal, match="ended it at once"):  # as everything that is held there
            await stage.reserve(stage.wish("park_offer"))
        assert stage.sent("createReservations") == 2, "it is sent anew"


async def test_of_several_just_made_each_is_told_by_its_own_end() -> None:
    clock = ManualClock()
    short = ending(120, clock)
    first: list[str] = []

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if not first:
            short(path, body)

    async with staged(clock=clock, rewrite=rewrite) as stage:
        first.append((await stage.held()).id)
        other = await stage.held(quantity=2)
        lag(stage)
        stage.move(130)
        told, _ = await states(stage, first[0], other.id)
        assert told == [HoldState.RELEASED, HoldState.IN_DOUBT]


async def test_however_long_orders_settle_nothing_is_too_new_for_hours() -> None:
    async with staged(settle_seconds=86_400) as stage:
        hold, order_id = await stage.held(), await stage.bought(quantity=2)
        lag(stage)
        lag(stage, "getOrder")
        stage.move(CREATION_SECONDS + MOST_LAG - 1)
        assert (await states(stage, hold.id))[0] == [HoldState.IN_DOUBT]
        with pytest.raises(Refusal, match="does not show this order yet"):
            await stage.app.booking.tickets.of_order(OWNER, order_id, "en")
        stage.move(1)
        assert (await states(stage, hold.id))[0] == [HoldState.RELEASED]
        with pytest.raises(Refusal, match=r"does not show this order \(any more\)"):
            await stage.app.booking.tickets.of_order(OWNER, order_id, "en")


async def test_tickets_are_told_though_it_cannot_be_read_how_new_their_order_is() -> None:
    class Failing(MemoryJournal):
        is_down = False

        async def made_since(self, owner: str, since: datetime) -> Mapping[str, datetime]:
            if self.is_down:
                raise JournalDown(JournalFault.UNREACHABLE)
            return await super().made_since(owner, since)

    journal = Failing()
    async with staged() as plain:
        stage = over(plain, journal)
        order_id = await stage.bought()
        journal.is_down = True
        lag(stage, "listOrderDocuments")
        found = await stage.app.booking.tickets.of_order(OWNER, order_id, "en")
        assert len(found.tickets) == 1
        assert found.unlisted is not None
        assert found.listed_in is None
        assert "Do not order again" in whole_view(stage.app, found).next
