"""Placing an order: what a person agrees to, what is refused, what is never sent twice."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from korus_mcp.api import CustomerInput, ServerFailed
from korus_mcp.booking.approval import Question, digest_of
from korus_mcp.booking.hold import Hold, HoldState, Line
from korus_mcp.booking.ordered import Ordered, OrderState
from korus_mcp.booking.timing import ORDER_MARGIN_SECONDS
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.journal.records import Installation, Intent, IntentState
from korus_mcp.sandbox import Answer, Delay, DropAfter, DropBefore, NotAnObject, Truncate
from korus_mcp.settings import Approval
from tests.booking.stage import (
    CUSTOMER,
    OTHER,
    OWNER,
    PAST_THE_ANSWER,
    PAST_THE_POST,
    GatedClock,
    Stage,
    order_call,
    over,
    staged,
    turn_the_loop,
)
from tests.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio
POST = "createOrders"
BOB = replace(CUSTOMER, firstname="Bob")


async def refused(stage: Stage, *holds: Hold | str, **changes: Any) -> Refusal:
    """The refusal of a call that must not have been sent."""
    before = stage.sent(POST)
    with pytest.raises(Refusal) as refusal:
        await stage.place(*holds, **changes)
    assert stage.sent(POST) == before
    return refusal.value


# Two steps


async def test_the_first_call_only_asks(stage: Stage) -> None:
    hold = await stage.held(quantity=2)
    asked = await stage.place(hold)
    assert asked.state is OrderState.CONFIRMATION_NEEDED
    assert asked.total == Money(Decimal("90.00"))
    assert [h.lines for h in asked.holds] == [hold.lines]
    assert asked.confirm_by == stage.clock.now() + timedelta(seconds=600)
    assert stage.sent(POST) == 0


async def test_the_confirmation_orders_exactly_once(stage: Stage) -> None:
    hold = await stage.held(quantity=2)
    placed = await stage.ordered(hold, notes="window seat", reference="trip-7")
    (order,) = placed.orders
    (made,) = stage.sandbox.orders()
    assert placed.state is OrderState.ORDERED
    assert not placed.replayed
    assert (order.id, order.reference, order.reservation_id) == (made.id, made.reference, hold.id)
    assert (order.total, order.tickets) == (Money(Decimal("90.00")), 2)
    assert made.customer["firstname"] == "Ada"
    assert made.customer["optin"] is False
    assert made.notes == "window seat"
    assert made.external_reference.startswith("km1-")
    assert stage.sent(POST) == 1


async def test_each_order_call_has_a_reference_of_its_own(stage: Stage) -> None:
    for landmark in ("park_offer", "undated_offer"):
        await stage.bought(landmark)
    references = {order.external_reference for order in stage.sandbox.orders()}
    assert len(references) == 2
    assert all(1 <= len(reference) <= 50 for reference in references)


async def test_a_confirmation_ends_with_the_shortest_hold() -> None:
    async with staged(selling=("stadium", "park")) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("stadium_offer"), "en")
        _, session = next(iter(quote.sessions()))
        reserved = await stage.reserve(
            stage.wish("park_offer"), stage.wish("stadium_offer", 1, session.id)
        )
        asked = await stage.place(*reserved.holds)
        assert asked.confirm_by == stage.clock.now() + timedelta(seconds=300 - ORDER_MARGIN_SECONDS)
        assert asked.open_seconds is not None
        stage.move(asked.open_seconds - 2)  # the API tells its time to the second
        made = await stage.place(*reserved.holds, confirmation=asked.confirmation)
        assert made.state is OrderState.ORDERED, "who is told that it is open may say yes"


async def test_a_wrong_confirmation_orders_nothing(stage: Stage) -> None:
    hold = await stage.held()
    await stage.confirmed(hold)
    assert (await refused(stage, hold, confirmation="guessed")).code is Code.APPROVAL_REQUIRED


async def test_the_confirmation_of_another_order_orders_nothing(stage: Stage) -> None:
    hold, other = await stage.held(), await stage.held("undated_offer")
    nonce = await stage.confirmed(other)
    refusal = await refused(stage, hold, confirmation=nonce)
    assert refusal.code is Code.APPROVAL_REQUIRED
    assert "differ from what was agreed to" in refusal.message


async def test_a_used_confirmation_orders_nothing_more(stage: Stage) -> None:
    hold, other = await stage.held(), await stage.held("undated_offer")
    nonce = await stage.confirmed(hold)
    await stage.place(hold, confirmation=nonce)
    refusal = await refused(stage, other, confirmation=nonce)
    assert refusal.code is Code.APPROVAL_REQUIRED
    assert "used already" in refusal.message


async def test_the_confirmation_of_somebody_else_orders_nothing(stage: Stage) -> None:
    mine = await stage.held()
    theirs = (await stage.reserve(stage.wish("park_offer"), owner=OTHER)).holds[0]
    nonce = await stage.confirmed(theirs, owner=OTHER)
    assert (await refused(stage, mine, confirmation=nonce)).code is Code.APPROVAL_REQUIRED
    assert (await refused(stage, theirs, confirmation=nonce)).code is Code.NOT_FOUND


async def test_an_expired_confirmation_orders_nothing(stage: Stage) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    stage.move(600)
    assert (await refused(stage, hold, confirmation=nonce)).code is Code.APPROVAL_EXPIRED
    assert (await stage.ordered(hold)).state is OrderState.ORDERED


@pytest.mark.parametrize(
    "changes",
    [
        {"customer": replace(CUSTOMER, email="other@example.test")},
        {"customer": replace(CUSTOMER, phone=None)},
        {"notes": "at the aisle"},
    ],
    ids=["e-mail", "no phone", "notes"],
)
async def test_changed_data_void_the_confirmation(stage: Stage, changes: dict[str, Any]) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    refusal = await refused(stage, hold, confirmation=nonce, **changes)
    assert refusal.code is Code.APPROVAL_REQUIRED
    assert (await stage.place(hold, confirmation=nonce)).state is OrderState.ORDERED


async def test_one_reservation_more_voids_the_confirmation(stage: Stage) -> None:
    hold, other = await stage.held(), await stage.held("undated_offer")
    nonce = await stage.confirmed(hold)
    assert (await refused(stage, hold, other, confirmation=nonce)).code is Code.APPROVAL_REQUIRED


async def test_a_total_that_moved_upstream_voids_the_confirmation() -> None:
    totals = ["45.00"]

    def dearer(path: str, body: dict[str, Any]) -> None:
        if "/reservations/" in path and "totalAmountInclTax" in body:
            body["totalAmountInclTax"] = totals[-1]

    async with staged(rewrite=dearer) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        totals.append("46.00")
        assert (await refused(stage, hold, confirmation=nonce)).code is Code.APPROVAL_REQUIRED


async def test_the_order_of_reservations_does_not_matter(stage: Stage) -> None:
    hold, other = await stage.held(), await stage.held("undated_offer")
    nonce = await stage.confirmed(hold, other)
    placed = await stage.place(other, hold, confirmation=nonce)
    assert placed.state is OrderState.ORDERED
    assert (await stage.place(hold, other)).replayed


async def test_a_confirmation_outlives_the_day_for_which_the_catalog_is_kept(
    stage: Stage,
) -> None:
    await stage.app.mirror.searchable("en")
    stage.move(24 * 3600 - 60)
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    stage.move(120)
    assert (await stage.place(hold, confirmation=nonce)).state is OrderState.ORDERED


async def test_where_a_person_must_be_asked_by_the_host_no_confirmation_is_given() -> None:
    async with staged(approval=Approval.HUMAN) as stage:
        hold = await stage.held()
        assert (await refused(stage, hold)).code is Code.APPROVAL_UNAVAILABLE
        assert (await refused(stage, hold, confirmation="x")).code is Code.APPROVAL_UNAVAILABLE


# The digest

_LINE = Line(product="Entry", quantity=2, amount=Money(Decimal(90)), offer_id="o")
KEEPER = Installation("abc234", b"k" * 32)
_HOLD = Hold(
    id="r1",
    state=HoldState.HELD,
    lines=(_LINE,),
    total=Money(Decimal(90)),
    expires_at=None,
    seconds_left=900,
    order_id=None,
    seats=(),
    seats_together=None,
    catalog_id="c",
)
_TEXTS = st.one_of(st.none(), st.text(max_size=12))
_CUSTOMERS = st.builds(
    CustomerInput,
    *[st.text(max_size=12)] * 3,
    phone=_TEXTS,
    country=_TEXTS,
    language=_TEXTS,
    optin=st.booleans(),
    title=st.sampled_from([None, "mr", "mrs", "mx"]),
)
_LINES = st.builds(
    replace,
    st.just(_LINE),
    offer_id=st.text(max_size=4),
    product_id=st.text(max_size=4),
    session_ids=st.lists(st.sampled_from(["s1", "s2"]), max_size=2).map(tuple),
    quantity=st.integers(1, 5),
    amount=st.builds(Money, st.decimals(0, 500, places=2)),
    day=st.one_of(st.none(), st.dates()),
)
_HOLDS = st.builds(
    replace,
    st.just(_HOLD),
    id=st.sampled_from(["r1", "r2", "r3"]),
    lines=st.lists(_LINES, max_size=3).map(tuple),
    total=st.builds(Money, st.decimals(0, 500, places=2)),
)
_AGREED = st.tuples(
    st.lists(_HOLDS, min_size=1, max_size=2, unique_by=lambda h: h.id),
    st.builds(Money, st.decimals(0, 999, places=2)),
    _CUSTOMERS,
    _TEXTS,
)


def digest(
    holds: Sequence[Hold],
    total: Money,
    customer: CustomerInput,
    notes: str | None,
    attempt: int = 0,
) -> str:
    """That of a question for these holds."""
    question = Question(
        attempt=attempt,
        owner=OWNER,
        holds=tuple(holds),
        total=total,
        customer=customer,
        notes=notes,
        asked_at=datetime(2026, 6, 1, 9, tzinfo=UTC),
    )
    return digest_of(KEEPER, question)


@settings(max_examples=200)
@given(_AGREED, _AGREED, st.sets(st.sampled_from(range(4)), min_size=1))
def test_whatever_changes_changes_the_digest(
    one: tuple[Any, ...], other: tuple[Any, ...], places: set[int]
) -> None:
    changed = tuple(other[n] if n in places else one[n] for n in range(4))

    def agreed(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        return (sorted(parts[0], key=lambda h: str(h.id)), *parts[1:])

    assert (digest(*changed) == digest(*one)) == (agreed(changed) == agreed(one))


@given(st.sampled_from([f.name for f in fields(CustomerInput)]), st.text(min_size=1, max_size=8))
def test_every_field_of_the_customer_is_bound(name: str, value: str) -> None:
    change: dict[str, Any] = {name: value}
    changed = replace(CUSTOMER, **change)
    same = getattr(CUSTOMER, name) == value
    total = Money(Decimal(90))
    digests = (digest([_HOLD], total, who, None) for who in (CUSTOMER, changed))
    assert (next(digests) == next(digests)) == same


# What stands against an order


async def test_an_unknown_reservation_is_refused_without_asking(stage: Stage) -> None:
    before = stage.asked
    assert (await refused(stage, "never-made")).code is Code.NOT_FOUND
    assert stage.asked == before


@pytest.mark.parametrize(("left", "orderable"), [(21, False), (22, True)])
async def test_an_order_needs_time_to_arrive(stage: Stage, left: int, orderable: bool) -> None:
    hold = await stage.held()
    stage.move(900 - left)
    assert stage.app.api.skew_bound_seconds == 1
    if orderable:
        assert (await stage.ordered(hold)).state is OrderState.ORDERED
    else:
        assert (await refused(stage, hold)).code is Code.HOLD_EXPIRED


@pytest.mark.parametrize("end", ["expired", "released"])
async def test_an_ended_hold_is_refused(stage: Stage, end: str) -> None:
    hold = await stage.held()
    if end == "expired":
        stage.move(901)
    else:
        stage.sandbox.release_reservation(hold.id)
    assert (await refused(stage, hold)).code is Code.HOLD_EXPIRED


async def test_a_hold_that_others_ordered_is_refused() -> None:
    def ordered_elsewhere(path: str, body: dict[str, Any]) -> None:
        if "/reservations/" in path and "order" in body:
            body["order"] = "/v1/booking/orders/o-of-somebody"

    async with staged(rewrite=ordered_elsewhere) as stage:
        hold = await stage.held()
        assert (await refused(stage, hold)).code is Code.ALREADY_ORDERED


async def test_a_hold_without_a_total_is_refused() -> None:
    def without(path: str, body: dict[str, Any]) -> None:
        if "/reservations/" in path and "totalAmountInclTax" in body:
            body["totalAmountInclTax"] = None

    async with staged(rewrite=without) as stage:
        hold = await stage.held()
        assert (await refused(stage, hold)).code is Code.NOT_BOOKABLE


async def test_reservations_that_cannot_be_read_stop_the_call(stage: Stage) -> None:
    hold = await stage.held()
    stage.sandbox.faults.add(Answer(status=500), "getReservation", times=None)
    with pytest.raises(ServerFailed):
        await stage.place(hold)
    assert stage.sent(POST) == 0


async def test_the_limit_for_one_order_is_kept() -> None:
    async with staged(max_order_amount=Decimal("90.00")) as stage:
        hold, more = await stage.held(quantity=2), await stage.held("undated_offer")
        refusal = await refused(stage, hold, more)
        assert refusal.code is Code.LIMIT_EXCEEDED
        assert "one order" in refusal.message
        assert (await stage.ordered(hold)).state is OrderState.ORDERED


async def test_the_limit_of_tickets_is_kept() -> None:
    async with staged(max_tickets=2) as stage:
        hold, more = await stage.held(quantity=2), await stage.held("undated_offer")
        refusal = await refused(stage, hold, more)
        assert refusal.code is Code.LIMIT_EXCEEDED
        assert "tickets" in refusal.message
        assert (await stage.ordered(hold)).state is OrderState.ORDERED


async def test_the_limit_of_the_day_is_kept_and_ends_with_the_day() -> None:
    async with staged(max_day_amount=Decimal("100.00")) as stage:
        await stage.bought(quantity=2)
        hold = await stage.held("undated_offer")
        nonce = await stage.confirmed(hold)
        refusal = await refused(stage, hold, confirmation=nonce)
        assert refusal.code is Code.LIMIT_EXCEEDED
        assert "day" in refusal.message
        stage.move(24 * 3600)
        assert await stage.bought("undated_offer")


async def test_parallel_orders_do_not_pass_the_limit_of_the_day_together() -> None:
    async with staged(max_day_amount=Decimal("700.00")) as stage:
        await stage.bought("park_offer", 11)
        holds = [
            (await stage.reserve(stage.wish("park_offer"), again=True)).holds[0] for _ in range(12)
        ]
        nonces = [await stage.confirmed(hold) for hold in holds]
        limited = list[Code]()

        async def place(hold: Hold, nonce: str) -> None:
            try:
                await stage.place(hold, confirmation=nonce)
            except Refusal as refusal:
                limited.append(refusal.code)

        async with anyio.create_task_group() as callers:
            for hold, nonce in zip(holds, nonces, strict=True):
                callers.start_soon(place, hold, nonce)
        assert sum(order.total for order in stage.sandbox.orders()) == Decimal("675.00")
        assert limited == [Code.LIMIT_EXCEEDED] * 8


async def test_what_is_in_doubt_counts_towards_the_day() -> None:
    async with staged(max_day_amount=Decimal("100.00")) as stage:
        await stage.bought()
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(DropBefore(), POST)
        await stage.place(hold, confirmation=nonce)
        other = await stage.held("undated_offer")
        nonce = await stage.confirmed(other)
        assert (await refused(stage, other, confirmation=nonce)).code is Code.LIMIT_EXCEEDED


async def test_what_failed_for_certain_does_not_count_towards_the_day() -> None:
    async with staged(max_day_amount=Decimal("110.00")) as stage:
        failed = await stage.ordered(await stage.held("fails_at_ordering_offer"))
        assert failed.state is OrderState.FAILED
        assert await stage.bought()
        assert await stage.bought()


async def test_every_ticket_of_an_offer_counts_towards_the_limit() -> None:
    async with staged(max_tickets=3) as stage:
        quote = await stage.app.quotes.of_offer(stage.handle("night_show_offer"), "en")
        _, session = next(iter(quote.sessions()))
        with pytest.raises(Refusal) as refusal:
            await stage.reserve(stage.wish("night_show_offer", 2, session.id))
        assert refusal.value.code is Code.LIMIT_EXCEEDED, "it could be held, and never ordered"
        assert "3 tickets" in refusal.value.message
        assert not stage.sandbox.reservations()
        (hold,) = (await stage.reserve(stage.wish("night_show_offer", 1, session.id))).holds
        assert (hold.quantity, hold.tickets) == (1, 2), "an entry and a show for each"
        refusal_of_both = await refused(stage, hold, await stage.held("undated_offer", quantity=2))
        assert refusal_of_both.code is Code.LIMIT_EXCEEDED
        assert "4 tickets" in refusal_of_both.message
        assert "3 tickets" in refusal_of_both.message


# The same call again


async def test_while_the_operator_takes_no_orders_nobody_is_asked_and_nothing_is_sent() -> None:
    async with staged() as opened:
        journal = MemoryJournal(opened.clock)
        stage = over(opened, journal)
        ordered, agreed, new = [await stage.held(quantity=n) for n in (1, 2, 3)]
        placed = await stage.ordered(ordered)
        nonce = await stage.confirmed(agreed)
        journal.stopped = stage.clock.now()
        for holds, given in ((agreed, nonce), (agreed, None), (new, None)):
            with pytest.raises(Refusal) as refused:
                await stage.place(holds, confirmation=given)
            assert refused.value.code is Code.ORDERS_STOPPED
        with pytest.raises(Refusal) as refused:
            await stage.app.booking.ordering.question(order_call(new))
        assert refused.value.code is Code.ORDERS_STOPPED
        assert stage.sent(POST) == 1
        again = await stage.place(ordered, confirmation="of no use")
        assert again.orders == placed.orders, "what was ordered is told as ever"
        journal.stopped = None
        assert (await stage.place(agreed, confirmation=nonce)).state is OrderState.ORDERED


async def test_a_repeated_call_is_answered_without_a_second_send(stage: Stage) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    first = await stage.place(hold, confirmation=nonce)
    for confirmation in (nonce, None, "anything"):
        again = await stage.place(hold, confirmation=confirmation)
        assert again.replayed
        assert (again.state, again.orders) == (first.state, first.orders)
    stage.move(3600)
    assert (await stage.place(hold)).replayed, "also when the hold's time is over"
    assert stage.sent(POST) == 1


async def test_fifty_equal_calls_at_once_are_one_order_and_hear_of_it(stage: Stage) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    answers = list[Ordered]()

    async def place() -> None:
        answers.append(await stage.place(hold, confirmation=nonce))

    async with anyio.create_task_group() as callers:
        for _ in range(50):
            callers.start_soon(place)
    assert [a.state for a in answers] == [OrderState.ORDERED] * 50
    assert sum(not a.replayed for a in answers) == 1
    assert stage.sent(POST) == 1
    assert len(stage.sandbox.orders()) == 1


async def test_other_data_for_an_ordered_reservation_are_refused(stage: Stage) -> None:
    hold = await stage.held()
    await stage.ordered(hold)
    refusal = await refused(stage, hold, customer=BOB)
    assert refusal.code is Code.ALREADY_ORDERED
    assert refusal.effect is Effect.ORDERED


async def test_an_ordered_reservation_among_others_is_refused(stage: Stage) -> None:
    hold, other = await stage.held(), await stage.held("undated_offer")
    await stage.ordered(hold)
    assert (await refused(stage, other, hold)).code is Code.ALREADY_ORDERED


async def test_other_data_for_a_reservation_that_is_being_ordered_are_refused() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold = await stage.held()
        mine, his = await stage.confirmed(hold), await stage.confirmed(hold, customer=BOB)
        stage.sandbox.faults.add(Delay(seconds=5), POST)
        async with anyio.create_task_group() as callers:
            callers.start_soon(lambda: stage.place(hold, confirmation=mine))
            await gated.asleep.wait()
            with pytest.raises(Refusal) as refusal:
                await stage.place(hold, customer=BOB, confirmation=his)
            gated.gate.set()
        assert refusal.value.code is Code.ALREADY_BEING_ORDERED
        assert refusal.value.effect is Effect.UNKNOWN
        assert stage.sent(POST) == 1
        assert stage.sandbox.orders()[0].customer["firstname"] == "Ada"


async def test_two_customers_at_once_make_one_order(stage: Stage) -> None:
    hold = await stage.held()
    nonces = {
        who.firstname: (who, await stage.confirmed(hold, customer=who)) for who in (CUSTOMER, BOB)
    }
    answers = list[object]()

    async def place(who: CustomerInput, nonce: str) -> None:
        try:
            answers.append((await stage.place(hold, customer=who, confirmation=nonce)).state)
        except Refusal as refusal:
            answers.append(refusal.code)

    async with anyio.create_task_group() as callers:
        for who, nonce in nonces.values():
            callers.start_soon(place, who, nonce)
    assert OrderState.ORDERED in answers
    assert {Code.ALREADY_BEING_ORDERED, Code.ALREADY_ORDERED} & set(answers)
    assert stage.sent(POST) == 1


# What the issuer does not do


async def test_a_failed_order_frees_the_hold_for_a_new_agreement(stage: Stage) -> None:
    hold = await stage.held("fails_at_ordering_offer")
    nonce = await stage.confirmed(hold)
    failed = await stage.place(hold, confirmation=nonce)
    assert failed.state is OrderState.FAILED
    assert failed.failed[0].message == "La commande a été refusée par la billetterie."
    assert (await refused(stage, hold, confirmation=nonce)).code is Code.APPROVAL_REQUIRED
    await stage.ordered(hold)
    assert stage.sent(POST) == 2


async def test_some_reservations_ordered_is_told_with_those_that_were_not(stage: Stage) -> None:
    good, bad = await stage.held(), await stage.held("fails_at_ordering_offer")
    placed = await stage.ordered(good, bad)
    assert placed.state is OrderState.PARTIALLY_ORDERED
    assert [o.reservation_id for o in placed.orders] == [good.id]
    assert [f.reservation_id for f in placed.failed] == [bad.id]
    again = await stage.place(good, bad)
    assert (again.replayed, again.state) == (True, OrderState.PARTIALLY_ORDERED)
    assert (await stage.place(bad)).state is OrderState.CONFIRMATION_NEEDED


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("7", 7), (None, 10), ("0", 10), ("999999999", 300), ("soon", 10)]
)
async def test_an_order_turned_away_for_too_many_calls_says_how_long_to_wait(
    stage: Stage, retry_after: str | None, seconds: int
) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    stage.sandbox.faults.add(Answer(status=429, retry_after=retry_after), POST)
    with pytest.raises(Refusal) as refused:
        await stage.place(hold, confirmation=nonce)
    assert (refused.value.code, refused.value.effect) == (Code.SERVER_BUSY, Effect.NONE)
    assert refused.value.retry_after_seconds == seconds
    assert "Correct" not in str(refused.value)
    assert stage.sent(POST) == 1
    stage.move(seconds)
    assert (await stage.ordered(hold)).state is OrderState.ORDERED


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_refused_call_is_a_failed_order_and_frees_the_hold(
    stage: Stage, status: int
) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    stage.sandbox.faults.add(Answer(status=status, body="empty"), POST)
    failed = await stage.place(hold, confirmation=nonce)
    assert failed.state is OrderState.FAILED
    sent = status != 401
    words = "KorusTicket refused the order data" if sent else "the order was not sent"
    assert failed.failed[0].message.startswith(words)
    assert stage.sent(POST) == 1
    assert (await stage.ordered(hold)).state is OrderState.ORDERED


async def test_the_fields_a_refusal_is_about_are_named_in_our_words(stage: Stage) -> None:
    hold = await stage.held()
    failed = await stage.ordered(hold, customer=replace(CUSTOMER, email="nobody", country="Fr1"))
    assert failed.state is OrderState.FAILED
    assert failed.failed[0].message == "KorusTicket refused the order data: email, country"


async def test_orders_of_other_calls_with_a_reference_like_ours_are_not_taken_for_ours() -> None:
    def foreign(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/booking/orders"):
            for each in body["member"]:
                each["externalReference"] = "km1-of-somebody"
        if "/reservations/" in path:
            body["order"] = None

    async with staged(rewrite=foreign) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(DropAfter(), POST)
        assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT


async def test_what_a_person_agrees_to_names_the_terms_of_sale(stage: Stage) -> None:
    with_terms, without = await stage.held(), await stage.held("undated_offer")
    asked = await stage.place(with_terms, without)
    assert asked.conditions.terms == {
        stage.handle("park_base"): "Valid on the chosen day, no refund, no exchange.",
        stage.handle("undated_base"): "",
    }


async def test_failures_that_name_nothing_are_found_out_by_what_is_left() -> None:
    def bare(path: str, body: dict[str, Any]) -> None:
        if path.endswith("orders/_bulk"):
            body["failedOrders"] = [{"message": "no <b>luck</b>"} for _ in body["failedOrders"]]

    async with staged(rewrite=bare) as stage:
        good, bad = await stage.held(), await stage.held("fails_at_ordering_offer")
        placed = await stage.ordered(good, bad)
    assert placed.state is OrderState.PARTIALLY_ORDERED
    assert [(f.reservation_id, f.message) for f in placed.failed] == [(bad.id, "no luck")]


def terse(path: str, body: dict[str, Any]) -> None:
    """The answer to an order call names its orders and tells no more of them."""
    if path.endswith("/orders/_bulk"):
        body["orders"] = [{k: o[k] for k in ("@id", "id", "reservation")} for o in body["orders"]]


async def test_an_order_is_told_as_its_answer_tells_it(stage: Stage) -> None:
    hold = await stage.held(quantity=2)
    (order,) = (await stage.ordered(hold)).orders
    assert (order.reference, order.tickets) == (stage.sandbox.orders()[0].reference, 2)
    assert order.total == hold.total
    assert stage.sent("getOrder") == 0, "nothing is read that was answered"


async def test_what_the_answer_leaves_out_of_an_order_is_read() -> None:
    async with staged(rewrite=terse) as stage:
        (order,) = (await stage.ordered(await stage.held())).orders
        assert (order.reference, order.tickets) == (stage.sandbox.orders()[0].reference, 1)
        assert stage.sent("getOrder") == 1


async def test_an_order_that_exists_is_told_even_when_it_cannot_be_read() -> None:
    async with staged(rewrite=terse) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(Answer(status=500), "getOrder", times=None)
        (order,) = (await stage.place(hold, confirmation=nonce)).orders
        assert order.id == stage.sandbox.orders()[0].id
        assert (order.reference, order.total, order.tickets) == (None, None, None)


# The answer that was lost


async def looked(stage: Stage, hold: Hold) -> Intent | None:
    """The order call that claims a hold, after a look upstream."""
    return (await stage.app.booking.earlier.of(OWNER, [hold.id])).get(hold.id)


LOST = [DropAfter(), Truncate()]
NEVER_DONE = [DropBefore(), NotAnObject(), Answer(status=502), Answer(status=500, body="problem")]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: type(fault).__name__)
async def test_an_order_whose_answer_was_lost_is_found(stage: Stage, fault: Any) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    stage.sandbox.faults.add(fault, POST)
    placed = await stage.place(hold, confirmation=nonce)
    assert placed.state is OrderState.ORDERED
    assert [o.id for o in placed.orders] == [o.id for o in stage.sandbox.orders()]
    assert stage.sent(POST) == 1
    assert (await stage.place(hold)).replayed
    assert stage.sent(POST) == 1


async def test_an_order_is_found_by_our_reference_when_the_reservation_does_not_say() -> None:
    def silent(path: str, body: dict[str, Any]) -> None:
        if "/reservations/" in path:
            body["order"] = None

    async with staged(rewrite=silent) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(DropAfter(), POST)
        placed = await stage.place(hold, confirmation=nonce)
        assert placed.state is OrderState.ORDERED
        assert placed.orders[0].id == stage.sandbox.orders()[0].id


async def test_orders_that_come_as_bare_addresses_are_found() -> None:
    def as_addresses(path: str, body: dict[str, Any]) -> None:
        if path.endswith("orders/_bulk"):
            body["orders"] = [each["@id"] for each in body["orders"]]

    async with staged(rewrite=as_addresses) as stage:
        placed = await stage.ordered(await stage.held())
        assert placed.state is OrderState.ORDERED
        assert placed.orders[0].id == stage.sandbox.orders()[0].id


async def lost(
    stage: Stage, gated: GatedClock, hold: Hold, *unreadable: str, status: int
) -> Ordered:
    """Place an order whose answer is lost, while some operations answer with a status."""
    nonce = await stage.confirmed(hold)
    stage.sandbox.faults.add(Delay(seconds=5), POST)
    stage.sandbox.faults.add(DropAfter(), POST)
    answers = list[Ordered]()

    async def place() -> None:
        answers.append(await stage.place(hold, confirmation=nonce))

    async with anyio.create_task_group() as callers:
        callers.start_soon(place)
        await gated.asleep.wait()
        for operation in unreadable:
            stage.sandbox.faults.add(Answer(status=status), operation, times=None)
        gated.gate.set()
    return answers[0]


async def test_while_nothing_can_be_read_the_order_is_in_doubt_and_found_later() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold = await stage.held()
        placed = await lost(stage, gated, hold, "getReservation", "listOrders", status=500)
        assert placed.state is OrderState.IN_DOUBT
        assert placed.check_again_after == 10
        assert placed.not_later_than == stage.clock.now() + timedelta(seconds=900 + 300)
        again = await stage.place(hold)
        assert (again.state, again.replayed) == (OrderState.IN_DOUBT, True)
        assert (await refused(stage, hold, customer=BOB)).code is Code.ALREADY_BEING_ORDERED
        stage.move(7200)
        still = await stage.place(hold)
        assert still.state is OrderState.IN_DOUBT, "nothing was read, so nothing is known"
        stage.sandbox.faults.clear()
        intent = await looked(stage, hold)
        assert intent is not None
        assert dict(intent.orders) == {hold.id: stage.sandbox.orders()[0].id}
        assert (await stage.place(hold)).state is OrderState.ORDERED
        assert stage.sent(POST) == 1


@pytest.mark.parametrize("operation", ["getReservation", "listOrders"])
@pytest.mark.parametrize("status", [404, 500])
async def test_one_way_of_looking_is_enough(operation: str, status: int) -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold = await stage.held()
        placed = await lost(stage, gated, hold, operation, status=status)
        assert placed.state is OrderState.ORDERED


@pytest.mark.parametrize("fault", NEVER_DONE, ids=lambda fault: repr(fault))
async def test_an_order_that_is_not_found_stays_in_doubt_to_the_fence_and_is_never_sent_again(
    stage: Stage, fault: Any
) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    stage.sandbox.faults.add(fault, POST)
    placed = await stage.place(hold, confirmation=nonce)
    assert placed.state is OrderState.IN_DOUBT
    fence = placed.not_later_than
    assert fence is not None
    for _ in range(3):
        stage.move(300)
        again = await stage.place(hold, confirmation=nonce)
        assert again.state is OrderState.IN_DOUBT
    stage.move((fence - stage.clock.now()).total_seconds() + 2)
    intent = await looked(stage, hold)
    assert intent is not None
    assert dict(intent.failures) == {hold.id: "the order was not made"}
    assert not intent.is_in_doubt
    again = await stage.place(hold, confirmation=nonce)
    assert (again.state, again.replayed) == (OrderState.FAILED, True), "the same call, same answer"
    assert not again.can_be_tried_again
    assert (await refused(stage, hold, customer=BOB)).code is Code.HOLD_EXPIRED
    assert stage.sent(POST) == 1


async def test_a_reservation_that_vanished_does_not_keep_an_order_in_doubt_for_ever(
    stage: Stage,
) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    stage.sandbox.faults.add(DropBefore(), POST)
    await stage.place(hold, confirmation=nonce)
    stage.sandbox.faults.add(Answer(status=404, body="problem"), "getReservation", times=None)
    stage.move(3600)
    intent = await looked(stage, hold)
    assert intent is not None
    assert not intent.is_in_doubt


async def test_part_of_a_lost_order_is_found_and_the_rest_stays_in_doubt(stage: Stage) -> None:
    good, bad = await stage.held(), await stage.held("fails_at_ordering_offer")
    nonce = await stage.confirmed(good, bad)
    stage.sandbox.faults.add(DropAfter(), POST)
    placed = await stage.place(good, bad, confirmation=nonce)
    assert placed.state is OrderState.IN_DOUBT
    assert [o.reservation_id for o in placed.orders] == [good.id]
    stage.move(3600)
    assert (await stage.place(good, bad)).state is OrderState.PARTIALLY_ORDERED


async def test_only_the_owner_can_look(stage: Stage) -> None:
    hold = await stage.held()
    await stage.ordered(hold)
    before = stage.asked
    earlier = stage.app.booking.earlier
    assert not await earlier.of(OTHER, [hold.id])
    assert not await earlier.of(OWNER, ["never-made"])
    assert stage.asked == before


# Callers who leave, and the end of the server


async def test_a_caller_who_leaves_does_not_stop_the_order() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(Delay(seconds=5), POST)
        async with anyio.create_task_group() as callers:
            callers.start_soon(lambda: stage.place(hold, confirmation=nonce))
            await gated.asleep.wait()
            callers.cancel_scope.cancel()
        gated.gate.set()
        again = await stage.place(hold, confirmation=nonce)
        assert (again.state, again.replayed) == (OrderState.ORDERED, True)
        assert stage.sent(POST) == 1


async def test_a_slow_order_is_in_doubt_first_and_found_by_the_same_call() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(Delay(seconds=50), POST)
        answers = list[OrderState]()

        async def place() -> None:
            answers.append((await stage.place(hold, confirmation=nonce)).state)

        async with anyio.create_task_group() as callers:
            callers.start_soon(place)
            await gated.asleep.wait()
            turn_the_loop(PAST_THE_ANSWER)
        assert answers == [OrderState.IN_DOUBT]
        gated.gate.set()
        await place()
        assert answers[1:] == [OrderState.ORDERED]
        assert stage.sent(POST) == 1


async def after_slow_reads(stage: Stage, gated: GatedClock, hold: Hold, nonce: str) -> Ordered:
    """The answer of an order call whose time is over before its claim, which takes a moment."""
    journal = stage.app.booking.journal
    claim, answers = journal.claim, list[Ordered]()

    async def slow(*given: Any, **more: Any) -> Any:
        await anyio.sleep(0.03)
        return await claim(*given, **more)

    async def place() -> None:
        answers.append(await stage.place(hold, confirmation=nonce))

    stage.sandbox.faults.add(Delay(seconds=50), "getReservation")
    with patch.object(journal, "claim", slow):
        try:
            async with anyio.create_task_group() as callers:
                callers.start_soon(place)
                await gated.asleep.wait()
                turn_the_loop(PAST_THE_ANSWER)
                gated.gate.set()
        except ExceptionGroup as refused:
            raise refused.exceptions[0] from None
    return answers[0]


async def test_a_claim_that_is_refused_after_slow_reads_is_told() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated, max_day_amount=Decimal("80.00")) as stage:
        await stage.ordered(await stage.held())
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        with pytest.raises(Refusal) as refusal:
            await after_slow_reads(stage, gated, hold, nonce)
        assert refusal.value.code is Code.LIMIT_EXCEEDED
        assert stage.sent(POST) == 1


async def test_an_order_after_slow_reads_is_on_its_way_once_it_is_claimed() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold = await stage.held()
        told = await after_slow_reads(stage, gated, hold, nonce := await stage.confirmed(hold))
        assert (told.state, told.is_under_way) == (OrderState.IN_DOUBT, True)
        (claim,) = (await stage.app.booking.journal.intents_of([hold.id])).values()
        assert claim.state is not IntentState.NEW, "what is told to be sent once is being sent"
        again = await stage.place(hold, confirmation=nonce)
        assert (again.state, again.replayed) == (OrderState.ORDERED, True)
        assert stage.sent(POST) == 1


async def test_silence_to_the_end_is_a_doubt_and_not_sent_again() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(Delay(seconds=90), POST)
        async with anyio.create_task_group() as callers:
            callers.start_soon(lambda: stage.place(hold, confirmation=nonce))
            await gated.asleep.wait()
            turn_the_loop(PAST_THE_POST)
            await anyio.wait_all_tasks_blocked()
        again = await stage.place(hold, confirmation=nonce)
        assert again.state is OrderState.IN_DOUBT
        assert stage.sent(POST) == 1


async def test_a_stopping_server_waits_for_its_orders_and_takes_no_new_one() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold, other = await stage.held(), await stage.held("undated_offer")
        nonce, later = await stage.confirmed(hold), await stage.confirmed(other)
        stage.sandbox.faults.add(Delay(seconds=5), POST)
        drained = list[int]()

        async def drain() -> None:
            await stage.app.drain(30)
            drained.append(len(stage.sandbox.orders()))

        async with anyio.create_task_group() as callers:
            callers.start_soon(lambda: stage.place(hold, confirmation=nonce))
            await gated.asleep.wait()
            callers.start_soon(drain)
            await anyio.wait_all_tasks_blocked()
            assert drained == []
            refusal = await refused(stage, other, confirmation=later)
            assert refusal.code is Code.SERVER_BUSY
            gated.gate.set()
        assert drained == [1]


async def test_booking_that_begins_while_the_server_stops_takes_no_order() -> None:
    async with staged() as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        booking = stage.app.booking
        # As if nothing had needed them before the stop.
        del stage.app.booking
        with patch.object(stage.app, "open_booking", lambda: booking):
            await stage.app.drain(0)
            refusal = await refused(stage, hold, confirmation=nonce)
        assert refusal.code is Code.SERVER_BUSY
        assert stage.sent(POST) == 0


async def test_a_stop_does_not_wait_for_ever_and_leaves_the_order_in_doubt() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        hold = await stage.held()
        nonce = await stage.confirmed(hold)
        stage.sandbox.faults.add(Delay(seconds=5), POST)
        answers = list[OrderState]()

        async def place() -> None:
            answers.append((await stage.place(hold, confirmation=nonce)).state)

        async with anyio.create_task_group() as callers:
            callers.start_soon(place)
            await gated.asleep.wait()
            await stage.app.drain(0)
        assert answers == [OrderState.IN_DOUBT]
        gated.gate.set()
        await place()
        assert answers == [OrderState.IN_DOUBT] * 2
        assert stage.sent(POST) == 1


async def test_a_fingerprint_knows_reservations_customer_and_notes() -> None:
    same = order_call("r1", "r2").fingerprint(KEEPER)
    assert order_call("r2", "r1", confirmation="x", reference="y").fingerprint(KEEPER) == same
    assert order_call("r1").fingerprint(KEEPER) != same
    assert order_call("r1", "r2", customer=BOB).fingerprint(KEEPER) != same
    assert order_call("r1", "r2", notes="n").fingerprint(KEEPER) != same


def test_a_name_that_could_not_be_read_is_no_other_agreement() -> None:
    total = Money(Decimal(90))
    nameless = replace(_HOLD, lines=(replace(_LINE, product="(unnamed product)"),))
    assert digest([nameless], total, CUSTOMER, None) == digest([_HOLD], total, CUSTOMER, None)
    assert digest([_HOLD], total, CUSTOMER, None) != digest(
        [_HOLD], total, CUSTOMER, None, attempt=1
    )
