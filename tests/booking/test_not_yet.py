"""Not yet there is not gone: a replica that lags does not know what was just made."""

from collections.abc import Sequence

import pytest

from korus_mcp.answers.orders import whole_view
from korus_mcp.answers.reservations import next_of
from korus_mcp.api.config import CREATION_SECONDS
from korus_mcp.booking.hold import HoldState
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.sandbox import Answer, DropAfter
from tests.booking.stage import OWNER, PAST_THE_POST, Stage, order_call, staged

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
        ordering.check(OWNER, [hold.id], "en"),
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
    assert said.endswith("Otherwise it lapses by itself, at no cost.")


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
        booking.ordering.check(OWNER, [order_id], "en"),
    ):
        with pytest.raises(Refusal, match="the id of an order") as refused:
            await asked
        assert refused.value.code is Code.NOT_FOUND
        assert "get_tickets" in refused.value.next_step
        assert refused.value.retry_after_seconds is None
