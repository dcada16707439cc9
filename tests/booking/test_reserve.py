"""Reserving: what is refused before anything is sent, partial failures, repeats and doubts."""

from decimal import Decimal
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from korus_mcp.answers.explanations import explained, told_what_was_booked
from korus_mcp.api import ApiError, Outcome, ServerFailed
from korus_mcp.api.config import CREATION_SECONDS, Transport
from korus_mcp.booking.hold import HoldState
from korus_mcp.booking.reserved import Reserved, ReserveState
from korus_mcp.booking.reserving import DAYS_SECONDS
from korus_mcp.booking.timing import JOIN_SECONDS
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Effect, FieldProblem, Refusal
from korus_mcp.sandbox import Answer, Delay, DropAfter, DropBefore, NotAnObject, Truncate
from tests.booking.stage import (
    OTHER,
    OWNER,
    PAST_THE_ANSWER,
    PAST_THE_POST,
    GatedClock,
    Rewrite,
    Stage,
    call,
    staged,
    turn_the_loop,
)

pytestmark = pytest.mark.anyio
POST = "createReservations"


def euro(amount: str) -> Money:
    return Money(Decimal(amount))


async def refused(stage: Stage, *items: Any, **changes: Any) -> Refusal:
    """The refusal of a call that must not have been sent."""
    before = stage.sent(POST)
    with pytest.raises(Refusal) as refusal:
        await stage.reserve(*items, **changes)
    assert stage.sent(POST) == before
    return refusal.value


# What is held


async def test_a_hold_has_lines_a_total_and_an_end(stage: Stage) -> None:
    reserved = await stage.reserve(stage.wish("park_offer", 3))
    (hold,) = reserved.holds
    assert reserved.state is ReserveState.HELD
    assert (hold.state, hold.seconds_left, hold.quantity) == (HoldState.HELD, 900, 3)
    assert reserved.total == hold.total == euro("135.00")
    (line,) = hold.lines
    assert (line.quantity, line.amount) == (3, euro("135.00"))
    assert line.offer_id == stage.sandbox.landmarks["park_offer"]
    assert [r.id for r in stage.sandbox.reservations()] == [hold.id]


async def test_one_call_upstream_holds_all_items(stage: Stage) -> None:
    reserved = await stage.reserve(stage.wish("park_offer", 2), stage.wish("undated_offer"))
    assert [h.quantity for h in reserved.holds] == [2, 1]
    assert reserved.total == euro("142.00")
    assert stage.sent(POST) == 1


async def test_the_owner_of_a_hold_is_written_down(stage: Stage) -> None:
    hold = await stage.held()
    assert [h.id for h in await stage.app.booking.holds.all(OWNER, [hold.id], "en")] == [hold.id]
    before = stage.asked
    with pytest.raises(Refusal) as foreign:
        await stage.app.booking.holds.all(OTHER, [hold.id], "en")
    with pytest.raises(Refusal) as unknown:
        await stage.app.booking.holds.all(OTHER, ["never-made"], "en")
    assert str(foreign.value) == str(unknown.value)
    assert foreign.value.code is Code.NOT_FOUND
    assert stage.asked == before, "decided without asking upstream"


async def test_sessions_of_an_offer_are_found_and_sent(stage: Stage) -> None:
    quote = await stage.app.quotes.of_offer(stage.handle("night_show_offer"), "en")
    _, session = next(iter(quote.sessions()))
    reserved = await stage.reserve(stage.wish("night_show_offer", 2, session.id))
    (line,) = reserved.holds[0].lines
    assert line.starts_at == (session.starts_at,)
    assert line.quantity == 2


async def test_seats_that_were_given_out_are_told_with_whether_they_are_together() -> None:
    async with staged(selling=("hall",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("seated_offer"), "en")
        _, session = next(iter(quote.sessions()))
        (hold,) = (await stage.reserve(stage.wish("seated_offer", 2, session.id))).holds
    assert len(hold.seats) == 2
    assert all({"row", "seat"} <= dict(seat.parts).keys() for seat in hold.seats)
    assert hold.seats_together is True


# What is refused before anything is sent


async def test_an_unknown_catalog_is_refused(stage: Stage) -> None:
    item = stage.wish("park_offer")
    foreign = type(item)(Handle("abcdef", item.offer.id), 1)
    assert (await refused(stage, foreign)).code is Code.UNKNOWN_ID


async def test_an_unknown_offer_is_refused(stage: Stage) -> None:
    item = stage.wish("park_offer")
    gone = type(item)(Handle(item.offer.alias, "no-such-offer"), 1)
    assert (await refused(stage, gone)).code is Code.NOT_FOUND


async def test_a_sold_out_offer_is_refused(stage: Stage) -> None:
    stage.sandbox.set_stock(stage.sandbox.landmarks["park_offer"], 0)
    refusal = await refused(stage, stage.wish("undated_offer"), stage.wish("park_offer"))
    assert refusal.code is Code.SOLD_OUT
    assert "sold out" in refusal.message
    assert refusal.fields[0].field == "items.1.quantity"


async def test_more_than_is_left_is_refused_with_the_number_left(stage: Stage) -> None:
    stage.sandbox.set_stock(stage.sandbox.landmarks["park_offer"], 3)
    refusal = await refused(stage, stage.wish("park_offer", 4))
    assert refusal.code is Code.SOLD_OUT
    assert "only 3 left" in refusal.message


async def test_items_of_one_offer_are_counted_together(stage: Stage) -> None:
    stage.sandbox.set_stock(stage.sandbox.landmarks["park_offer"], 3)
    items = (stage.wish("park_offer", 2), stage.wish("park_offer", 2))
    assert (await refused(stage, *items)).code is Code.SOLD_OUT


async def test_a_missing_session_is_refused_with_the_choices(stage: Stage) -> None:
    refusal = await refused(stage, stage.wish("night_show_offer"))
    assert refusal.code is Code.SESSION_REQUIRED
    (problem,) = refusal.fields
    quote = await stage.app.quotes.of_offer(stage.handle("night_show_offer"), "en")
    assert all(session.id in problem.problem for _, session in quote.sessions())


async def test_a_foreign_session_is_refused(stage: Stage) -> None:
    foreign = stage.sandbox.landmarks["free_session"]
    refusal = await refused(stage, stage.wish("night_show_offer", 1, foreign))
    assert refusal.code is Code.SESSION_REQUIRED
    assert "not of this offer" in refusal.message
    assert [f.field for f in refusal.fields] == ["items.0.session_ids"]


async def test_two_sessions_for_one_ticket_are_refused(stage: Stage) -> None:
    quote = await stage.app.quotes.of_offer(stage.handle("night_show_offer"), "en")
    ids = [session.id for _, session in quote.sessions()]
    refusal = await refused(stage, stage.wish("night_show_offer", 1, *ids))
    assert "Two sessions were chosen for one ticket" in refusal.message


async def test_a_session_for_a_full_day_offer_is_refused(stage: Stage) -> None:
    foreign = stage.sandbox.landmarks["free_session"]
    refusal = await refused(stage, stage.wish("park_offer", 1, foreign))
    assert refusal.code is Code.SESSION_REQUIRED
    assert refusal.next_step == "Call again without session_ids."


async def test_a_session_without_enough_places_is_refused() -> None:
    async with staged(selling=("museum",)) as stage:
        sold_out = stage.sandbox.landmarks["sold_out_session"]
        refusal = await refused(stage, stage.wish("timed_offer", 1, sold_out))
        assert refusal.code is Code.SOLD_OUT
        assert refusal.fields == (FieldProblem("items.0.session_ids", "0 left"),)
        free = stage.sandbox.landmarks["free_session"]
        stage.sandbox.set_session_stock(free, 2)
        refusal = await refused(stage, stage.wish("timed_offer", 3, free))
        assert refusal.fields == (FieldProblem("items.0.session_ids", "2 left"),)
        assert (await stage.reserve(stage.wish("timed_offer", 2, free))).holds


async def test_only_the_first_choices_of_many_sessions_are_told() -> None:
    async with staged(selling=("museum",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        refusal = await refused(stage, stage.wish("timed_offer"))
    (problem,) = refusal.fields
    has_room = {session.id: session.has_room_for(1) for _, session in quote.sessions()}
    told = [session for session in has_room if session in problem.problem]
    assert len(told) == 2
    assert problem.problem.endswith(f", {sum(has_room.values()) - 2} more")
    assert all(has_room[session] for session in told), "what is full is no choice"


async def test_a_session_that_is_wrong_is_told_by_its_place_among_the_items() -> None:
    async with staged(selling=("museum", "park")) as stage:
        refusal = await refused(stage, stage.wish("park_offer"), stage.wish("timed_offer"))
        assert [f.field for f in refusal.fields] == ["items.1.session_ids"]


async def test_above_max_total_nothing_is_held(stage: Stage) -> None:
    items = (stage.wish("park_offer", 2), stage.wish("undated_offer"))
    refusal = await refused(stage, *items, max_total=euro("141.99"))
    assert refusal.code is Code.PRICE_CHANGED
    assert "142.00 EUR" in refusal.message
    assert (await stage.reserve(*items, max_total=euro("142.00"))).holds


async def test_the_issuers_largest_number_per_order_is_kept() -> None:
    async with staged(selling=("stadium",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("max_six_offer"), "en")
        too_many = quote.obstacle(7)
        assert (quote.obstacle(6), too_many and too_many.code) == (None, Code.LIMIT_EXCEEDED)
        _, session = next(iter(quote.sessions()))
        item = stage.wish("max_six_offer", 4, session.id)
        more = stage.wish("max_six_offer", 3, session.id)
        refusal = await refused(stage, item, more)
        assert refusal.code is Code.LIMIT_EXCEEDED
        assert "at most 6" in refusal.message
        assert (await stage.reserve(stage.wish("max_six_offer", 6, session.id))).holds


async def test_without_the_base_no_limit_is_known_and_the_hold_is_made(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None)
    assert (await stage.reserve(stage.wish("park_offer"))).state is ReserveState.HELD


# What fails at the issuer


async def test_some_failures_leave_the_rest_held(stage: Stage) -> None:
    reserved = await stage.reserve(stage.wish("park_offer"), stage.wish("always_fails_offer"))
    assert reserved.state is ReserveState.PARTLY_HELD
    assert len(reserved.holds) == 1
    (failure,) = reserved.failed
    assert failure.offer_id == str(stage.handle("always_fails_offer"))
    assert failure.code == "CONNECTOR_ERROR"
    assert failure.message == "Le système de billetterie a refusé la réservation (E42)."
    assert reserved.total == euro("45.00")


async def test_when_all_fail_nothing_is_called_held(stage: Stage) -> None:
    reserved = await stage.reserve(
        stage.wish("always_fails_offer"), stage.wish("fails_above_four_offer", 5)
    )
    assert reserved.state is ReserveState.FAILED
    assert reserved.holds == ()
    assert len(reserved.failed) == 2
    assert reserved.total is None


async def test_a_failed_call_can_be_repeated(stage: Stage) -> None:
    for _ in range(2):
        assert (await stage.reserve(stage.wish("always_fails_offer"))).state is ReserveState.FAILED
    assert stage.sent(POST) == 2


# The same call again


async def test_the_same_call_is_answered_with_its_holds(stage: Stage) -> None:
    items = (stage.wish("park_offer", 2), stage.wish("undated_offer"))
    first = await stage.reserve(*items)
    stage.move(60)
    again = await stage.reserve(*reversed(items))
    assert again.replayed
    assert [h.id for h in again.holds] == [h.id for h in first.holds]
    assert first.holds[0].seconds_left is not None
    assert again.holds[0].seconds_left == first.holds[0].seconds_left - 60
    assert stage.sent(POST) == 1


async def test_equal_calls_at_the_same_time_are_one(stage: Stage) -> None:
    ids = set[str]()

    async def reserve() -> None:
        ids.update(h.id for h in (await stage.reserve(stage.wish("park_offer"))).holds)

    async with anyio.create_task_group() as callers:
        for _ in range(20):
            callers.start_soon(reserve)
    assert len(ids) == 1
    assert stage.sent(POST) == 1


@pytest.mark.parametrize(
    "changes", [{"owner": OTHER}, {"again": True}], ids=["another owner", "again"]
)
async def test_a_second_hold_needs_another_owner_or_the_wish_for_it(
    stage: Stage, changes: dict[str, Any]
) -> None:
    first = await stage.reserve(stage.wish("park_offer"))
    second = await stage.reserve(stage.wish("park_offer"), **changes)
    assert not second.replayed
    assert first.holds[0].id != second.holds[0].id


async def test_another_quantity_is_another_call(stage: Stage) -> None:
    await stage.reserve(stage.wish("park_offer"))
    assert not (await stage.reserve(stage.wish("park_offer", 2))).replayed


async def test_an_expired_hold_is_not_replayed(stage: Stage) -> None:
    first = await stage.held()
    stage.move(900)
    second = await stage.held()
    assert second.id != first.id


async def test_a_released_hold_is_not_replayed(stage: Stage) -> None:
    first = await stage.held()
    stage.sandbox.release_reservation(first.id)
    assert (await stage.held()).id != first.id


async def test_an_ordered_hold_is_not_replayed(stage: Stage) -> None:
    first = await stage.held()
    await stage.ordered(first)
    assert (await stage.held()).id != first.id


async def test_a_hold_whose_order_has_begun_is_not_replayed(stage: Stage) -> None:
    first = await stage.held()
    nonce = await stage.confirmed(first)
    stage.sandbox.faults.add(DropBefore(), "createOrders")
    await stage.place(first, confirmation=nonce)
    assert (await stage.held()).id != first.id


@pytest.mark.parametrize("seconds", [1, 60, 370])
async def test_a_hold_too_new_to_be_shown_is_not_made_again(stage: Stage, seconds: int) -> None:
    """A replica that lags does not know it: that is no end of it."""
    hold = await stage.held()
    stage.move(seconds)
    stage.sandbox.faults.add(Answer(status=404, body="problem"), "getReservation")
    again = await stage.reserve(stage.wish("park_offer"))
    assert (again.state, again.check_again_after) == (ReserveState.IN_DOUBT, 10)
    assert (await stage.held()).id == hold.id
    assert stage.sent(POST) == 1


async def test_a_hold_that_is_gone_upstream_is_not_replayed(stage: Stage) -> None:
    await stage.held()
    stage.move(CREATION_SECONDS + stage.settings.settle_seconds)
    stage.sandbox.faults.add(Answer(status=404, body="problem"), "getReservation")
    assert not (await stage.reserve(stage.wish("park_offer"))).replayed
    assert stage.sent(POST) == 2


# Prices that move


async def test_a_price_that_moved_since_it_was_shown_is_told_with_both(stage: Stage) -> None:
    offer = stage.handle("park_offer")
    stage.app.prices.show(OWNER, offer, euro("40.00"))
    (move,) = (await stage.reserve(stage.wish("park_offer"))).moves
    assert (move.offer, move.was, move.now) == (offer, euro("40.00"), euro("45.00"))
    assert (await stage.reserve(stage.wish("park_offer", 2))).moves == (), "told once"


async def test_a_price_shown_to_somebody_else_is_no_move(stage: Stage) -> None:
    stage.app.prices.show(OTHER, stage.handle("park_offer"), euro("40.00"))
    assert (await stage.reserve(stage.wish("park_offer"))).moves == ()


async def test_the_live_price_counts_not_the_listed_one() -> None:
    async with staged(selling=("museum",)) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("dynamic_price_offer"), "en")
        assert quote.price != quote.list_price
        assert quote.list_price is not None
        _, session = next((t, s) for t, s in quote.sessions() if s.left)
        item = stage.wish("dynamic_price_offer", 1, session.id)
        assert (await refused(stage, item, max_total=quote.list_price)).code is Code.PRICE_CHANGED
        (hold,) = (await stage.reserve(item, max_total=quote.price)).holds
        assert hold.total == quote.price


# The answer that was lost


@pytest.mark.parametrize(
    "fault",
    [DropAfter(), DropBefore(), Truncate(), NotAnObject(), Answer(status=502), Answer(status=504)],
    ids=lambda fault: type(fault).__name__,
)
async def test_after_a_lost_answer_nothing_is_sent_before_the_time_that_was_named(
    stage: Stage, fault: Any
) -> None:
    stage.sandbox.faults.add(fault, POST)
    item = stage.wish("park_offer")
    first = await stage.reserve(item)
    assert first.state is ReserveState.IN_DOUBT
    assert first.check_again_after == 375, "time-out of the call and settle time"
    stage.move(300)
    again = await stage.reserve(item)
    assert (again.state, again.check_again_after) == (ReserveState.IN_DOUBT, 75)
    assert stage.sent(POST) == 1
    stage.move(75)
    assert (await stage.reserve(item)).state is ReserveState.HELD
    assert stage.sent(POST) == 2


async def test_a_doubt_about_a_second_hold_is_waited_for_too(stage: Stage) -> None:
    stage.sandbox.faults.add(DropAfter(), POST)
    item = stage.wish("park_offer")
    assert (await stage.reserve(item, again=True)).state is ReserveState.IN_DOUBT
    assert (await stage.reserve(item, again=True)).state is ReserveState.IN_DOUBT
    assert (await stage.reserve(item)).state is ReserveState.IN_DOUBT
    assert stage.sent(POST) == 1


async def test_a_doubt_is_not_left_to_other_calls(stage: Stage) -> None:
    stage.sandbox.faults.add(DropAfter(), POST)
    await stage.reserve(stage.wish("park_offer"))
    assert (await stage.reserve(stage.wish("park_offer", 2))).state is ReserveState.HELD
    assert (await stage.reserve(stage.wish("park_offer"), owner=OTHER)).holds


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Answer(status=422, body="empty"), Outcome.REFUSED),
        (Answer(status=429, retry_after="7"), Outcome.NOT_SENT),
        (Answer(status=401, body="empty"), Outcome.NOT_SENT),
    ],
    ids=["422", "429", "401"],
)
async def test_a_refused_call_is_told_as_it_is_and_may_be_repeated(
    stage: Stage, fault: Answer, outcome: Outcome
) -> None:
    stage.sandbox.faults.add(fault, POST, times=None)
    with pytest.raises(ApiError) as error:
        await stage.reserve(stage.wish("park_offer"))
    assert error.value.outcome is outcome
    assert stage.sandbox.reservations() == []
    stage.sandbox.faults.clear()
    assert (await stage.reserve(stage.wish("park_offer"))).state is ReserveState.HELD


class SentTwice(httpx.AsyncBaseTransport):
    """Each call to hold is carried out, and answered with what its second copy was told."""

    def __init__(self, transport: Transport, *, says: int, hides: int | None = None) -> None:
        self._transport = transport
        self._says = says
        self._hides = hides

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_hold = request.method == "POST" and request.url.path.endswith("/reservations/_bulk")
        is_list = request.method == "GET" and request.url.path.endswith("/reservations")
        response = await self._transport.handle_async_request(request)
        if is_hold and response.status_code < 300:
            await response.aread()
            return httpx.Response(self._says)
        if is_list and self._hides is not None:
            await response.aread()
            return httpx.Response(self._hides)
        return response


REFUSALS = [400, 401, 403, 404, 422, 429]


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refused_hold_that_was_made_is_found_by_who_writes_alone(status: int) -> None:
    through = partial(SentTwice, says=status)
    async with staged(through=through, sole_writer=True) as stage:
        first = await stage.reserve(stage.wish("park_offer", 2), stage.wish("park_offer", 1))
        assert (first.state, first.replayed) == (ReserveState.HELD, False)
        assert [hold.id for hold in first.holds] == [r.id for r in stage.sandbox.reservations()]
        again = await stage.reserve(stage.wish("park_offer", 2), stage.wish("park_offer", 1))
        assert again.holds == first.holds
        assert (again.replayed, stage.sent(POST)) == (True, 1)
        assert (await stage.ordered(first.holds[0])).orders


@pytest.mark.parametrize(("alone", "hides"), [(False, None), (True, 403)])
@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refused_hold_is_told_as_refused_and_not_as_never_made(
    status: int, alone: bool, hides: int | None
) -> None:
    through = partial(SentTwice, says=status, hides=hides)
    async with staged(through=through, sole_writer=alone) as stage:
        with pytest.raises(ApiError) as error:
            await stage.reserve(stage.wish("park_offer"))
        assert error.value.status == status
        told = told_what_was_booked(explained(error.value))
        assert told.message.endswith(
            "; nothing was ordered, and if something is held all the same, it lapses at no cost."
        )
        assert told.message.count(";") == 1
        assert "nothing was booked" not in told.message


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refused_hold_is_tried_again_where_others_order_since_one_too_many_lapses(
    status: int,
) -> None:
    """Whether a hold is ours cannot be told there, and one that is nobody's costs nothing."""
    through = partial(SentTwice, says=status, hides=None)
    async with staged(through=through, sole_writer=False) as stage:
        for _ in range(2):
            with pytest.raises(ApiError) as error:
                await stage.reserve(stage.wish("park_offer"))
            assert error.value.status == status
        assert len(stage.sandbox.reservations()) == 2, "one for each call, and no more"
        assert not await stage.app.booking.journal.orders_of(OWNER)
        stage.move(901)
        assert stage.sandbox.orders() == []
        assert all(each.status != "ordered" for each in stage.sandbox.reservations())


@pytest.mark.parametrize("status", REFUSALS)
async def test_where_a_hold_was_refused_and_none_is_there_it_may_be_tried_again(
    status: int,
) -> None:
    async with staged(sole_writer=True) as stage:
        stage.sandbox.faults.add(Answer(status=status, body="empty"), POST)
        with pytest.raises(ApiError):
            await stage.reserve(stage.wish("park_offer"))
        assert (await stage.reserve(stage.wish("park_offer"))).state is ReserveState.HELD
        assert len(stage.sandbox.reservations()) == 1


async def test_figures_that_cannot_be_read_stop_the_call(stage: Stage) -> None:
    stage.sandbox.faults.add(Answer(status=500), "getOfferAvailability", times=None)
    with pytest.raises(ServerFailed):
        await stage.reserve(stage.wish("park_offer"))
    assert stage.sent(POST) == 0


async def test_a_slow_issuer_is_joined_by_the_same_call_and_answers_in_the_end() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        stage.sandbox.faults.add(Delay(seconds=50), POST)
        answers = list[Reserved]()

        async def reserve() -> None:
            answers.append(await stage.reserve(stage.wish("park_offer")))

        async with anyio.create_task_group() as callers:
            callers.start_soon(reserve)
            await gated.asleep.wait()
            turn_the_loop(PAST_THE_ANSWER)
        (late,) = answers
        assert (late.state, late.is_under_way) == (ReserveState.IN_DOUBT, True)
        assert late.check_again_after == JOIN_SECONDS, "the same call waits on beside the first"
        async with anyio.create_task_group() as callers:
            callers.start_soon(reserve)
            await anyio.wait_all_tasks_blocked()
            gated.gate.set()
        assert [each.state for each in answers[1:]] == [ReserveState.HELD]
        assert stage.sent(POST) == 1


async def answered_too_late(
    stage: Stage, gated: GatedClock, operation: str, **changes: Any
) -> None:
    """A call that reads that its hold is on its way; its work is done when this returns."""
    answers = list[Reserved]()

    async def reserve() -> None:
        answers.append(await stage.reserve(stage.wish("park_offer"), **changes))

    stage.sandbox.faults.add(Delay(seconds=50), operation)
    async with anyio.create_task_group() as callers:
        callers.start_soon(reserve)
        await gated.asleep.wait()
        turn_the_loop(PAST_THE_ANSWER)
    assert [each.is_under_way for each in answers] == [True]
    gated.gate.set()
    await stage.app.booking.operations.flights.landed()


async def test_an_answer_that_came_too_late_is_told_as_of_now() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        await answered_too_late(stage, gated, POST)
        before = stage.asked
        # The API's, too: an answer to what runs beside it tells the API's time anew.
        for each in (gated, stage.clock):
            each.advance(50)
        late = await stage.reserve(stage.wish("park_offer"))
        assert stage.asked == before, "it is the answer to the first call"
        assert late.holds[0].seconds_left == 850
        assert (late.state, late.replayed) == (ReserveState.HELD, False)


async def test_a_refusal_that_came_too_late_is_told_to_the_same_call_once() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        few = {"max_total": euro("1.00")}
        await answered_too_late(stage, gated, "getOfferAvailability", **few)
        for reads in (False, True):
            before = stage.asked
            refusal = await refused(stage, stage.wish("park_offer"), **few)
            assert refusal.code is Code.PRICE_CHANGED
            assert (stage.asked > before) is reads


async def test_a_refusal_that_came_too_late_is_no_answer_for_another_max_total() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        await answered_too_late(stage, gated, "getOfferAvailability", max_total=euro("1.00"))
        made = await stage.reserve(stage.wish("park_offer"), max_total=euro("45.00"))
        assert made.state is ReserveState.HELD


@pytest.mark.parametrize("seconds", [3, 40])
async def test_an_earlier_hold_is_told_in_time_though_its_offers_are_slow(seconds: int) -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated, answer_seconds=seconds) as stage:
        hold = await stage.held()
        stage.sandbox.faults.add(Delay(seconds=50), "getOfferAvailability")
        answers = list[Reserved]()

        async def reserve() -> None:
            answers.append(await stage.reserve(stage.wish("park_offer")))

        async with anyio.create_task_group() as callers:
            callers.start_soon(reserve)
            await gated.asleep.wait()
            turn_the_loop(min(seconds - 0.5, DAYS_SECONDS))
        (again,) = answers
        assert [each.id for each in again.holds] == [hold.id]
        gated.gate.set()


async def test_silence_to_the_end_is_a_doubt() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        stage.sandbox.faults.add(Delay(seconds=90), POST)
        async with anyio.create_task_group() as callers:
            callers.start_soon(stage.reserve, stage.wish("park_offer"))
            await gated.asleep.wait()
            turn_the_loop(PAST_THE_POST)
            await anyio.wait_all_tasks_blocked()
        again = await stage.reserve(stage.wish("park_offer"))
        assert again.state is ReserveState.IN_DOUBT
        assert stage.sandbox.reservations() == []


async def test_a_caller_who_leaves_does_not_stop_the_hold() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        stage.sandbox.faults.add(Delay(seconds=5), POST)
        async with anyio.create_task_group() as callers:
            callers.start_soon(stage.reserve, stage.wish("park_offer"))
            await gated.asleep.wait()
            callers.cancel_scope.cancel()
        gated.gate.set()
        again = await stage.reserve(stage.wish("park_offer"))
        assert again.state is ReserveState.HELD
        assert stage.sent(POST) == 1


async def test_holds_that_come_as_bare_addresses_are_read() -> None:
    async with staged(rewrite=as_addresses) as stage:
        (hold,) = (await stage.reserve(stage.wish("park_offer"))).holds
        assert (hold.state, hold.total) == (HoldState.HELD, euro("45.00"))


async def test_holds_that_were_made_but_cannot_be_read_are_not_made_again() -> None:
    async with staged(rewrite=as_addresses) as stage:
        stage.sandbox.faults.add(Answer(status=500), "getReservation", times=None)
        for _ in range(2):
            reserved = await stage.reserve(stage.wish("park_offer"))
            assert reserved.state is ReserveState.IN_DOUBT
        assert stage.sent(POST) == 1


async def test_a_failure_that_names_no_offer_is_told_all_the_same() -> None:
    def bare(path: str, body: dict[str, Any]) -> None:
        if path.endswith("reservations/_bulk"):
            body["failedReservations"] = ["something <b>failed</b>", {"code": "X"}]

    async with staged(rewrite=bare) as stage:
        reserved = await stage.reserve(stage.wish("park_offer"))
    assert [f.offer_id for f in reserved.failed] == ["unknown", "unknown"]
    assert reserved.failed[1].message == "refused without a reason"


@pytest.mark.parametrize(
    "told",
    [
        {"reservations": None, "failedReservations": []},
        {"reservations": [], "failedReservations": []},
        {"reservations": [], "failedReservations": None},
        {"reservations": {}, "failedReservations": {}},
        {"failedReservations": []},
        {"reservations": []},
        {},
    ],
)
async def test_an_answer_that_neither_holds_nor_refuses_is_a_doubt_and_not_sent_again(
    told: dict[str, Any],
) -> None:
    def nothing(path: str, body: dict[str, Any]) -> None:
        if path.endswith("reservations/_bulk"):
            body.clear()
            body.update(told)

    async with staged(rewrite=nothing) as stage:
        for _ in range(2):
            reserved = await stage.reserve(stage.wish("park_offer"))
            assert (reserved.state, reserved.failed) == (ReserveState.IN_DOUBT, ())
            assert reserved.check_again_after is not None
        assert stage.sent(POST) == 1
        stage.move(reserved.check_again_after or 0)
        await stage.reserve(stage.wish("park_offer"))
        assert stage.sent(POST) == 2, "once none can come any more it may be held again"


async def test_units_the_issuer_says_nothing_of_are_told_as_not_held() -> None:
    def short(path: str, body: dict[str, Any]) -> None:
        if path.endswith("reservations/_bulk"):
            del body["reservations"][0]

    async with staged(rewrite=short) as stage:
        reserved = await stage.reserve(stage.wish("park_offer"), stage.wish("undated_offer"))
        assert reserved.state is ReserveState.PARTLY_HELD
        (failure,) = reserved.failed
        assert failure.offer_id == str(stage.handle("park_offer"))
        assert failure.message == "the issuer gave no answer for all of these"


def answered_with(
    holds: slice | None, *refused: dict[str, Any], without: str | None = None
) -> Rewrite:
    """An issuer that tells only these of the holds it made, and these refusals. In a refusal
    `n` stands for the address of the offer of the n-th item.
    """

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if not path.endswith("/reservations/_bulk"):
            return
        made = body["reservations"]
        offers = [each["items"][0]["offer"] for each in made]
        body["reservations"] = made[holds] if holds is not None else None
        body["failedReservations"] = [
            {
                name: [offers[n] for n in value] if isinstance(value, tuple) else value
                for name, value in entry.items()
                if name != "n"
            }
            | ({"offer": offers[entry["n"]]} if "n" in entry else {})
            for entry in refused
        ]
        if without is not None:
            del body[without]

    return rewrite


FULL: dict[str, Any] = {"message": "Sold out"}
NONE = slice(0)


@pytest.mark.parametrize(
    ("rewrite", "named"),
    [
        (answered_with(NONE, {"n": 1} | FULL), ["undated_offer"]),
        (answered_with(None, {"n": 0} | FULL), ["park_offer"]),
        (answered_with(NONE, {"n": 2} | FULL, without="reservations"), ["fails_at_ordering_offer"]),
        (answered_with(NONE, {"n": 0} | FULL, {"n": 1} | FULL), ["park_offer", "undated_offer"]),
        (answered_with(NONE, {"offers": (0, 2)} | FULL), ["park_offer", "fails_at_ordering_offer"]),
        (answered_with(NONE, FULL), [None]),
        (answered_with(NONE, FULL, {}), [None, None]),
        (answered_with(NONE, {"n": 0} | FULL, FULL), ["park_offer", None]),
    ],
)
async def test_what_an_answer_without_holds_is_silent_on_is_in_doubt_and_not_sent_again(
    rewrite: Rewrite, named: list[str | None]
) -> None:
    async with staged(rewrite=rewrite) as stage:
        items = [stage.wish(o) for o in ("park_offer", "undated_offer")]
        items.append(stage.wish("fails_at_ordering_offer", 2))
        first = await stage.reserve(*items)
        assert first.state is ReserveState.IN_DOUBT
        assert [f.offer_id for f in first.failed] == [
            str(stage.handle(offer)) if offer else "unknown" for offer in named
        ]
        stage.move(300)
        again = await stage.reserve(*reversed(items))
        assert (again.state, again.check_again_after) == (ReserveState.IN_DOUBT, 75)
        assert stage.sent(POST) == 1
        stage.move(75)
        await stage.reserve(*items)
        assert stage.sent(POST) == 2, "once none can come any more it may be held again"


@pytest.mark.parametrize(
    "rewrite",
    [
        answered_with(NONE, {"n": 0} | FULL, {"n": 1} | FULL),
        answered_with(NONE, {"offers": (0, 1)} | FULL),
        answered_with(NONE, {"n": 1} | FULL, {}),
        answered_with(NONE, {"n": 0, "quantity": 1} | FULL, {"n": 1} | FULL),
        answered_with(None, FULL, FULL),
    ],
)
async def test_where_each_item_was_refused_the_call_failed_and_may_be_repeated(
    rewrite: Rewrite,
) -> None:
    async with staged(rewrite=rewrite) as stage:
        items = (stage.wish("park_offer", 2), stage.wish("undated_offer"))
        for sent in (1, 2):
            told = await stage.reserve(*items)
            assert (told.state, len(told.failed)) == (ReserveState.FAILED, 2)
            assert stage.sent(POST) == sent


@pytest.mark.parametrize(
    ("rewrite", "unanswered"),
    [
        (answered_with(slice(1)), ["undated_offer", "fails_at_ordering_offer"]),
        (answered_with(slice(1, 3)), ["park_offer"]),
        (answered_with(slice(1), {"n": 2} | FULL), ["undated_offer"]),
        (answered_with(slice(1), FULL), ["undated_offer", "fails_at_ordering_offer"]),
    ],
)
async def test_what_an_answer_with_holds_is_silent_on_is_told_and_not_sent_again(
    rewrite: Rewrite, unanswered: list[str]
) -> None:
    async with staged(rewrite=rewrite) as stage:
        items = [stage.wish(o) for o in ("park_offer", "undated_offer", "fails_at_ordering_offer")]
        first, again = [await stage.reserve(*items) for _ in range(2)]
        wanted = [str(stage.handle(offer)) for offer in unanswered]
        for told in (first, again):
            assert told.state is ReserveState.PARTLY_HELD
            assert [f.offer_id for f in told.failed if f.may_be_held] == wanted
            assert told.check_again_after == 375
        await stage.ordered(first.holds[0])
        stage.move(374)
        told = await stage.reserve(*items)
        assert (told.state, told.check_again_after) == (ReserveState.IN_DOUBT, 1)
        assert stage.sent(POST) == 1, "the rest may be held, though the first was ordered"
        stage.move(1)
        await stage.reserve(*items)
        assert stage.sent(POST) == 2


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        ({"n": 1}, ReserveState.IN_DOUBT),
        ({"n": 1, "quantity": 2}, ReserveState.IN_DOUBT),
        ({"n": 1, "quantity": 3}, ReserveState.FAILED),
        ({}, ReserveState.IN_DOUBT),
    ],
)
async def test_of_two_items_of_one_offer_a_refusal_is_about_one(
    entry: dict[str, Any], state: ReserveState
) -> None:
    async with staged(rewrite=answered_with(NONE, entry | FULL)) as stage:
        items = (stage.wish("park_offer"), stage.wish("park_offer", 2))
        assert (await stage.reserve(*items)).state is state
    async with staged(rewrite=answered_with(NONE, {"n": 0} | FULL, {"n": 1} | FULL)) as stage:
        assert (await stage.reserve(*items)).state is ReserveState.FAILED


async def test_after_the_time_that_was_named_the_unanswered_may_be_replaced() -> None:
    async with staged(rewrite=answered_with(slice(1))) as stage:
        items = (stage.wish("park_offer"), stage.wish("undated_offer"))
        await stage.reserve(*items)
        stage.move(375)
        told = await stage.reserve(*items)
        assert (told.state, told.replayed) == (ReserveState.PARTLY_HELD, True)
        assert ([f.may_be_held for f in told.failed], told.check_again_after) == ([False], None)


async def test_what_cannot_be_ordered_hides_no_doubt_about_the_rest() -> None:
    def in_francs(path: str, body: dict[str, Any]) -> None:
        answered_with(slice(1))(path, body)
        for each in body.get("reservations") or ():
            each["currency"] = "CHF"

    async with staged(rewrite=in_francs) as stage:
        told = await stage.reserve(stage.wish("park_offer"), stage.wish("undated_offer"))
        assert told.state is ReserveState.IN_DOUBT
        assert [f.offer_id for f in told.failed] == [str(stage.handle("park_offer"))]
        assert "not in euro" in told.failed[0].message


async def test_who_writes_alone_finds_what_an_answer_was_silent_on() -> None:
    async with staged(rewrite=answered_with(NONE, {"n": 1} | FULL), sole_writer=True) as stage:
        told = await stage.reserve(stage.wish("park_offer"), stage.wish("undated_offer"))
        assert (told.state, len(told.holds)) == (ReserveState.HELD, 2)


async def test_an_offer_that_names_no_base_has_no_limit_per_order() -> None:
    def baseless(path: str, body: dict[str, Any]) -> None:
        if "/offers/" in path:
            body.pop("productBase", None)

    async with staged(rewrite=baseless) as stage:
        assert (await stage.reserve(stage.wish("park_offer"))).holds


async def test_a_price_is_remembered_as_shown_only_when_it_was(stage: Stage) -> None:
    offer = stage.handle("park_offer")
    await refused(stage, stage.wish("park_offer"), max_total=euro("1.00"))
    assert stage.app.prices.last(OWNER, offer) is None
    await stage.held()
    assert stage.app.prices.last(OWNER, offer) == euro("45.00")


async def test_another_currency_is_refused() -> None:
    def in_francs(path: str, body: dict[str, Any]) -> None:
        if "/offers/" in path and "price" in body:
            body["price"]["currency"] = "chf"

    async with staged(rewrite=in_francs) as stage:
        refusal = await refused(stage, stage.wish("park_offer"))
    assert refusal.code is Code.UNSUPPORTED_CURRENCY


def as_addresses(path: str, body: dict[str, Any]) -> None:
    """Members of the answer to a reserve call as bare addresses (A13)."""
    if path.endswith("reservations/_bulk"):
        body["reservations"] = [each["@id"] for each in body["reservations"]]


async def test_a_fingerprint_knows_owner_lines_and_sessions_in_any_order(stage: Stage) -> None:
    one, other = stage.wish("park_offer", 2, "s1", "s2"), stage.wish("undated_offer")
    turned = stage.wish("park_offer", 2, "s2", "s1")
    same = call(one, other).key
    assert call(other, turned).key == same
    assert call(one, other, max_total=euro("1"), language="fr").key == same
    assert call(one).key != same
    assert call(one, other, owner=OTHER).key != same
    assert call(stage.wish("park_offer", 2, "s1"), other).key != same


@pytest.mark.parametrize("entry", [{"message": "No."}, "No.", {}, None], ids=str)
async def test_a_failure_that_names_nothing_is_of_the_only_offer_there_is(entry: object) -> None:
    def nameless(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/reservations/_bulk"):
            body.update(reservations=[], failedReservations=[entry])

    async with staged(rewrite=nameless) as stage:
        told = await stage.reserve(stage.wish("park_offer"))
        assert [f.offer_id for f in told.failed] == [str(stage.handle("park_offer"))]
        both = await stage.reserve(stage.wish("park_offer"), stage.wish("always_fails_offer"))
        assert [f.offer_id for f in both.failed] == ["unknown"]


# Answers that hold and do not


def answering(**changes: Any) -> Rewrite:
    """An issuer whose answer to a reserve call says this of each hold."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/reservations/_bulk"):
            for reservation in body["reservations"]:
                reservation.update(changes)

    return rewrite


@pytest.mark.parametrize(
    "said",
    [
        {"expired": True},
        {"status": "released"},
        {"status": "Cancelled"},
        {"expiresAt": "2020-01-01T00:00:00+00:00"},
    ],
    ids=str,
)
async def test_what_is_over_as_it_is_answered_is_not_told_as_held(said: dict[str, Any]) -> None:
    async with staged(rewrite=answering(**said)) as stage:
        with pytest.raises(Refusal) as refusal:
            await stage.reserve(stage.wish("park_offer"))
        told = refusal.value
        assert (told.code, told.effect) == (Code.NOT_BOOKABLE, Effect.HELD)
        assert "ended it at once; nothing was ordered" in told.message


@pytest.mark.parametrize(
    "said", [{"order": "/v1/booking/orders/x"}, {"status": "ordered"}], ids=str
)
async def test_what_is_answered_as_ordered_is_neither_held_nor_reserved_again(
    said: dict[str, Any],
) -> None:
    async with staged(rewrite=answering(**said)) as stage:
        with pytest.raises(Refusal) as refusal:
            await stage.reserve(stage.wish("park_offer"))
        told = refusal.value
        assert told.code is Code.NOT_BOOKABLE
        assert "Do not reserve it again" in told.next_step
        both = [stage.wish("park_offer", 2), stage.wish("always_fails_offer")]
        with pytest.raises(Refusal, match="not certain"):
            await stage.reserve(*both)


def reading(**changes: Any) -> Rewrite:
    """An issuer that says this of each reservation, whenever it is asked."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        answering(**changes)(path, body)
        if "/reservations/" in path and not path.endswith("/_bulk"):
            body.update(changes)

    return rewrite


@pytest.mark.parametrize(
    "said", [{"order": "/v1/booking/orders/x"}, {"status": "ordered"}], ids=str
)
async def test_what_is_ordered_is_reserved_anew_only_by_a_wish_for_one_more(
    said: dict[str, Any],
) -> None:
    async with staged(rewrite=reading(**said)) as stage:
        wish = stage.wish("park_offer")
        for _ in range(3):
            with pytest.raises(Refusal, match="nothing was held besides") as refusal:
                await stage.reserve(wish)
            assert (refusal.value.code, refusal.value.effect) == (Code.NOT_BOOKABLE, Effect.HELD)
            stage.move(600)  # its hold is over by then, and it stays ordered
        assert stage.sent(POST) == 1
        with pytest.raises(Refusal):
            await stage.reserve(wish, again=True)
        assert stage.sent(POST) == 2


async def test_what_was_ordered_elsewhere_since_is_not_reserved_anew_by_an_equal_call() -> None:
    said: dict[str, Any] = {}

    def rewrite(path: str, body: dict[str, Any]) -> None:
        reading(**said)(path, body)

    async with staged(rewrite=rewrite) as stage:
        wish = stage.wish("park_offer")
        (hold,) = (await stage.reserve(wish)).holds
        said["status"] = "ordered"
        for _ in range(2):
            with pytest.raises(Refusal, match="nothing was held besides"):
                await stage.reserve(wish)
        assert stage.sent(POST) == 1
        said.clear()
        (other,) = (await stage.reserve(wish, again=True)).holds
        assert other.id != hold.id


async def test_of_several_only_what_is_still_held_is_told_as_held_when_one_is_ordered() -> None:
    first: list[str] = []

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if first and path.endswith(f"/reservations/{first[0]}"):
            body["status"] = "ordered"

    async with staged(rewrite=rewrite) as stage:
        both = [stage.wish("park_offer"), stage.wish("undated_offer")]
        made = await stage.reserve(*both)
        first.append(made.holds[0].id)
        again = await stage.reserve(*both)
        assert (again.state, again.replayed) == (ReserveState.PARTLY_HELD, True)
        assert [hold.id for hold in again.holds] == [made.holds[1].id]
        assert [item.may_have_been_ordered for item in again.failed] == [True]
        assert stage.sent(POST) == 1


async def test_a_hold_that_costs_more_than_its_offers_did_says_so() -> None:
    async with staged(rewrite=answering(totalAmountInclTax="95.00")) as stage:
        dearer = await stage.reserve(stage.wish("park_offer", 2))
        assert dearer.beyond == (
            "The issuer holds it for 95.00 EUR, where the offers cost 90.00 EUR.",
        )
    async with staged(rewrite=answering(totalAmountInclTax="90.00")) as stage:
        assert (await stage.reserve(stage.wish("park_offer", 2))).beyond == ()


DEARER = ("The issuer holds it for 95.00 EUR, where the offers cost 90.00 EUR.",)


@pytest.mark.parametrize("later", ["45.00", "60.00", "40.00"])
async def test_that_a_hold_is_dearer_than_its_offers_were_is_told_to_who_repeats_the_call(
    later: str,
) -> None:
    moved: list[str] = []

    def rewrite(path: str, body: dict[str, Any]) -> None:
        reading(totalAmountInclTax="95.00")(path, body)
        if moved and isinstance(body.get("price"), dict):
            body["price"]["amountInclTax"] = later

    async with staged(rewrite=rewrite) as stage:
        wish = stage.wish("park_offer", 2)
        assert (await stage.reserve(wish)).beyond == DEARER
        moved.append(later)
        stage.move(120)
        again = await stage.reserve(wish)
        assert (again.replayed, again.beyond) == (True, DEARER)
        assert stage.sent(POST) == 1


async def test_a_hold_is_told_again_where_its_offers_cannot_be_read() -> None:
    async with staged(rewrite=reading(totalAmountInclTax="95.00")) as stage:
        await stage.reserve(stage.wish("park_offer", 2))
        stage.move(120)
        stage.sandbox.faults.add(Answer(status=500), "getOffer", times=None)
        told = await stage.reserve(stage.wish("park_offer", 2))
        assert (told.state, told.replayed) == (ReserveState.HELD, True)


async def test_that_a_hold_found_again_is_dearer_than_its_offers_is_told() -> None:
    async with staged(rewrite=reading(totalAmountInclTax="95.00"), sole_writer=True) as stage:
        stage.sandbox.faults.add(DropAfter(), POST)
        told = await stage.reserve(stage.wish("park_offer", 2))
        assert (told.state, told.replayed) == (ReserveState.HELD, False)
        assert told.beyond == DEARER
        assert stage.sent(POST) == 1


async def test_a_hold_that_costs_what_was_quoted_is_told_without_a_word() -> None:
    moved: list[bool] = []

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if moved and isinstance(body.get("price"), dict):
            body["price"]["amountInclTax"] = "10.00"

    async with staged(rewrite=rewrite) as stage:
        for _ in range(2):
            assert (await stage.reserve(stage.wish("park_offer", 2))).beyond == ()
            moved.append(True)
            stage.move(120)
        assert stage.sent(POST) == 1
