"""What happens by itself: lost orders are found, late ones too, lost holds are taken up."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import anyio
import pytest

from korus_mcp.api import OrderRequest
from korus_mcp.api.jsonld import RESERVATION
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.hold import Hold
from korus_mcp.booking.order_status import LONGEST_NUMBER
from korus_mcp.booking.ordered import OrderState
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.inspection import Inspection
from korus_mcp.journal.opening import IN_MEMORY
from korus_mcp.journal.records import Intent, JournalDown, JournalFault, Lease, OrderResult
from korus_mcp.sandbox import Answer, DropAfter, DropBefore
from tests.booking.stage import CUSTOMER, OWNER, Stage, over, staged, until
from tests.journal.rows import approval

pytestmark = pytest.mark.anyio
POST, RESERVE = "createOrders", "createReservations"
DAY = 86_400


async def sent_intent(stage: Stage, hold: Hold, name: str, lease: Lease) -> Intent:
    """An order call that another process began to send."""
    journal = stage.app.booking.journal
    installation, now = await journal.installation(), stage.clock.now()
    one = Intent(
        id=name,
        owner=OWNER,
        fingerprint="f",
        external_reference=installation.reference_of(name, OWNER),
        caller_reference=None,
        reservation_ids=(hold.id,),
        approved_total=Decimal(45),
        sent_at=now,
        fence_at=now,
    )
    await journal.approve(approval(name, expires_at=now + timedelta(days=1)))
    await journal.claim(one, lease=lease, approval_nonce=name, day_limit=Decimal(1000))
    return await journal.start_sending(one, lease=lease, sent_at=now, fence_at=now)


async def failed_intent(stage: Stage, hold: Hold, name: str = "late") -> Intent:
    """An order call that counts as failed."""
    one = await sent_intent(stage, hold, name, Lease("a test", 30))
    return await stage.app.booking.journal.settle(
        one.id, OrderResult(failures={hold.id: "never appeared"}, ambiguous=True)
    )


async def ordered_upstream(stage: Stage, hold: Hold, reference: str) -> str:
    """An order this server did not make, or does not know of."""
    request = OrderRequest(
        reservation_iris=(RESERVATION.iri(hold.id),),
        customer=CUSTOMER,
        external_reference=reference,
    )
    made = await stage.app.api.booking.create_orders(request, language="en")
    return made.orders[0].id


# Orders in doubt


async def test_a_lost_order_is_found_without_anybody_asking(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    hold = await stage.held()
    nonce = await stage.confirmed(hold)
    stage.sandbox.faults.add(DropBefore(), POST)
    assert (await stage.place(hold, confirmation=nonce)).state is OrderState.IN_DOUBT
    services = stage.app.booking
    assert services.reconciler.woken.is_set(), "it need not wait for the next look"
    assert await services.reconciler.reconcile() == 1, "the fence is not reached"
    stage.move(3600)
    with caplog.at_level(logging.WARNING):
        assert await services.reconciler.reconcile() == 0
    assert "0 ordered, 1 not made" in caplog.text
    asked = stage.asked
    assert await services.reconciler.reconcile() == 0
    assert stage.asked == asked, "what is known is not looked up"


async def test_what_another_process_is_sending_is_left_alone(stage: Stage) -> None:
    services = stage.app.booking
    await sent_intent(stage, await stage.held(), "theirs", Lease("another process", 30))
    asked = stage.asked
    assert await services.reconciler.reconcile() == 1
    assert stage.asked == asked
    stage.move(31)
    await services.reconciler.reconcile()
    assert stage.asked > asked, "its lease is over"


async def test_a_journal_that_fails_does_not_end_the_looking(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reconciler = stage.app.booking.reconciler

    async def down() -> int:
        raise JournalDown(JournalFault.BUSY)

    monkeypatch.setattr(reconciler, "reconcile", down)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reconciler.run)
        await until(lambda: "locked by another process" in caplog.text)
        tasks.cancel_scope.cancel()


# The daily look


async def test_an_order_that_came_too_late_is_repaired(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    hold = await stage.held()
    intent = await failed_intent(stage, hold)
    order_id = await ordered_upstream(stage, hold, intent.external_reference)
    services = stage.app.booking
    await services.sweep.sweep()
    assert "late_order_found" in caplog.text
    repaired = await services.journal.intent_by_reference(intent.external_reference)
    assert repaired is not None
    assert repaired.orders == {hold.id: order_id}
    assert await services.journal.owners_of([order_id]) == {order_id: OWNER}


async def test_an_order_whose_server_died_is_known_by_the_daily_look_and_still_told(
    stage: Stage,
) -> None:
    """Nobody was told of it: another hold of the same offer must not be ordered unawares."""
    hold, services = await stage.held(), stage.app.booking
    one = await sent_intent(stage, hold, "died", Lease("another process", 1))
    order_id = await ordered_upstream(stage, hold, one.external_reference)
    stage.move(2)
    await services.sweep.sweep()
    assert await services.journal.unfinished() == 0
    again = await stage.place(await stage.held())
    assert again.doubts == (Doubt(hold.id, order_id, is_alike=True),)


async def numbers_of(stage: Stage, hold: Hold) -> Mapping[str, str]:
    """The numbers of orders that the journal has of the call which claims a hold."""
    return (await stage.app.booking.journal.intents_of([hold.id]))[hold.id].numbers


async def test_the_number_of_an_order_is_in_the_journal_when_its_call_ends(stage: Stage) -> None:
    hold = await stage.held()
    (placed,) = (await stage.ordered(hold)).orders
    assert placed.reference
    assert await numbers_of(stage, hold) == {placed.id: placed.reference}


async def test_a_number_that_no_database_takes_is_cleaned_before_it_is_kept() -> None:
    """Else the outcome of an order could not be written down because of its number."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        for order in body.get("orders", []):
            order["reference"] = "KT\x00-ORD-\ud800\n" + 100 * "1"

    async with staged(rewrite=rewrite) as stage:
        hold = await stage.held()
        assert (await stage.ordered(hold)).state is OrderState.ORDERED
        (number,) = (await numbers_of(stage, hold)).values()
        assert number.startswith("KT-ORD-\ufffd 1")
        assert len(number) <= LONGEST_NUMBER
        assert number.isprintable()


async def test_the_daily_look_learns_numbers_that_the_journal_has_not(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """As of an order whose answer was lost: its reservation names it by its id alone."""
    hold, services = await stage.held(), stage.app.booking
    one = await sent_intent(stage, hold, "lost", Lease("another process", 30))
    order_id = await ordered_upstream(stage, hold, one.external_reference)
    settled = await services.reconciler.look_up.settle(one)
    assert (settled.orders, settled.numbers) == ({hold.id: order_id}, {})
    await services.sweep.sweep()
    (record,) = stage.sandbox.orders()
    assert await numbers_of(stage, hold) == {order_id: record.reference}
    assert "late_order_found" not in caplog.text


async def test_a_late_order_is_kept_with_its_number(stage: Stage) -> None:
    hold = await stage.held()
    intent = await failed_intent(stage, hold)
    order_id = await ordered_upstream(stage, hold, intent.external_reference)
    await stage.app.booking.sweep.sweep()
    (record,) = stage.sandbox.orders()
    assert await numbers_of(stage, hold) == {order_id: record.reference}


async def test_an_order_the_journal_lost_is_told_and_not_taken(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    services = stage.app.booking
    prefix = (await services.journal.installation()).reference_prefix
    order_id = await ordered_upstream(stage, await stage.held(), f"{prefix}unknown")
    await services.sweep.sweep()
    assert f"late_order_found: order {order_id} is in no journal" in caplog.text
    assert not await services.journal.owners_of([order_id])


async def test_an_order_the_journal_lost_is_its_owners_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    services = stage.app.booking
    bought = await stage.bought()
    journal = services.journal
    lost, again = await stage.held(quantity=2), await stage.held(quantity=3)
    for hold in (lost, again):
        reference = (await journal.installation()).reference_of("lost", OWNER)
        order_id = await ordered_upstream(stage, hold, reference)
    await services.sweep.sweep()
    assert f"late_order_found: order {order_id} is in no journal" in caplog.text
    orders = await journal.orders_of(OWNER)
    assert len(orders) == 3
    assert {bought, order_id} <= {*orders}
    with pytest.raises(Refusal) as refused:
        await stage.place(lost)
    assert refused.value.code is Code.ALREADY_ORDERED
    kept = await journal.intent_by_reference(reference)
    assert kept is not None
    assert kept.is_final
    assert set(kept.orders) == {lost.id, again.id}
    stage.move(DAY)
    caplog.clear()
    await services.sweep.sweep()
    assert "late_order_found" not in caplog.text


async def test_an_order_the_journal_lost_is_written_into_the_audit_once() -> None:
    async with staged() as opened:
        journal = Inspection.at(IN_MEMORY, "account", clock=opened.clock)
        stage = over(opened, journal)
        reference = f"{(await journal.installation()).reference_prefix}unknown"
        order_id = await ordered_upstream(stage, await stage.held(), reference)
        for _ in range(2):
            await stage.app.booking.sweep.sweep()
            (row,) = await journal.audit_of(order_id)
            assert row.event == "late_order_found"
            assert json.loads(row.detail) == {"reference": reference}
            stage.move(DAY)
        await journal.close()


async def test_a_second_order_of_a_reservation_is_told_and_written_into_the_audit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with staged() as opened:
        journal = Inspection.at(IN_MEMORY, "account", clock=opened.clock)
        stage = over(opened, journal)
        hold = await stage.held()
        intent = await failed_intent(stage, hold)
        second = await ordered_upstream(stage, hold, intent.external_reference)
        await journal.repair(intent.id, {hold.id: "the first order"})
        await stage.app.booking.sweep.sweep()
        assert f"late_order_found: order {second} is a second one" in caplog.text
        assert [row.event for row in await journal.audit_of(second)] == ["late_order_found"]
        kept = await journal.intent_by_reference(intent.external_reference)
        assert kept is not None
        assert kept.orders == {hold.id: "the first order"}
        await journal.close()


async def test_an_order_whose_intent_was_purged_is_no_surprise(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    services = stage.app.booking
    prefix = (await services.journal.installation()).reference_prefix
    order_id = await ordered_upstream(stage, await stage.held(), f"{prefix}purged")
    await services.journal.own(OWNER, order_id)
    await services.sweep.sweep()
    assert "late_order_found" not in caplog.text


async def test_orders_of_others_and_known_ones_are_no_surprise(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.bought()
    await ordered_upstream(stage, await stage.held(quantity=2), "km1-999999-foreign")
    await stage.app.booking.sweep.sweep()
    assert "late_order_found" not in caplog.text


async def test_the_look_happens_once_a_day(stage: Stage) -> None:
    sweep = stage.app.booking.sweep
    for seconds, looks in ((0, 1), (3600, 0), (DAY, 1)):
        stage.move(seconds)
        before = stage.sent("listOrders")
        await sweep.sweep()
        assert stage.sent("listOrders") - before == looks


async def test_a_look_that_failed_is_repeated_after_an_hour(stage: Stage) -> None:
    services = stage.app.booking
    stage.sandbox.faults.add(Answer(status=403), "listOrders")
    with pytest.raises(Exception, match="403"):
        await services.sweep.sweep()
    assert await services.journal.last_sweep() is None
    stage.move(3601)
    await services.sweep.sweep()
    assert await services.journal.last_sweep() is not None


# Lost holds


async def test_a_lost_hold_is_taken_up_where_nobody_else_orders() -> None:
    async with staged(sole_writer=True) as stage:
        stage.sandbox.faults.add(DropAfter(), RESERVE)
        reserved = await stage.reserve(stage.wish("park_offer", 2))
        assert reserved.state is ReserveState.HELD
        assert [h.id for h in reserved.holds] == [r.id for r in stage.sandbox.reservations()]
        assert (await stage.ordered(reserved.holds[0])).state is OrderState.ORDERED
        assert stage.sent(RESERVE) == 1


async def test_a_lost_hold_that_was_taken_up_counts_as_held_until_its_end() -> None:
    async with staged(sole_writer=True, max_open_holds=1) as stage:
        stage.sandbox.faults.add(DropAfter(), RESERVE)
        (hold,) = (await stage.reserve(stage.wish("park_offer", 2))).holds
        with pytest.raises(Refusal) as refusal:
            await stage.held()
        assert refusal.value.code is Code.LIMIT_EXCEEDED
        assert hold.seconds_left is not None
        stage.move(hold.seconds_left)
        assert (await stage.reserve(stage.wish("park_offer"))).state is ReserveState.HELD


async def test_a_lost_hold_is_left_to_lapse_where_others_order(stage: Stage) -> None:
    stage.sandbox.faults.add(DropAfter(), RESERVE)
    reserved = await stage.reserve(stage.wish("park_offer", 2))
    assert reserved.state is ReserveState.IN_DOUBT
    assert not reserved.holds


async def test_of_two_equal_holds_none_is_taken_up() -> None:
    async with staged(sole_writer=True) as stage:
        await stage.reserve(stage.wish("park_offer", 2))
        (first,) = stage.sandbox.reservations()
        stage.sandbox.faults.add(DropAfter(), RESERVE)
        reserved = await stage.reserve(stage.wish("park_offer", 2), again=True)
        assert [h.id for h in reserved.holds] != [first.id], "that one has an owner"
        assert reserved.state is ReserveState.HELD


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: None,
        lambda row: row | {"id": None, "@id": "/.well-known/genid/1"},
        lambda row: row | {"externalReference": {}},
        lambda row: row | {"reservation": None},
        lambda row: row | {"reservation": {"id": 7}},
    ],
)
async def test_late_orders_nobody_can_read_are_told_and_looked_for_again(
    spoil: Callable[[dict[str, Any]], object], caplog: pytest.LogCaptureFixture
) -> None:
    is_spoilt = True

    def spoiled(path: str, body: dict[str, Any]) -> None:
        if is_spoilt and path.endswith("/booking/orders") and "member" in body:
            body["member"] = [spoil(row) for row in body["member"]]

    async with staged(rewrite=spoiled) as stage:
        hold = await stage.held()
        intent = await failed_intent(stage, hold)
        order_id = await ordered_upstream(stage, hold, intent.external_reference)
        services = stage.app.booking
        await services.sweep.sweep()
        assert "the daily look for late orders: 1 of them cannot be read" in caplog.text
        assert "late_order_found" not in caplog.text
        for _ in range(3):
            stage.move(DAY)
            await services.sweep.sweep()
        is_spoilt = False
        stage.move(DAY)
        await services.sweep.sweep()
        repaired = await services.journal.intent_by_reference(intent.external_reference)
        assert repaired is not None
        assert repaired.orders == {hold.id: order_id}


@pytest.mark.parametrize("told", [{"reservation": None}, {"externalReference": {}}])
async def test_a_known_order_that_cannot_be_read_whole_is_no_surprise(
    told: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    def spoiled(path: str, body: dict[str, Any]) -> None:
        for row in body.get("member", ()) if path.endswith("/booking/orders") else ():
            row |= told

    async with staged(rewrite=spoiled) as stage:
        await stage.bought()
        await stage.app.booking.sweep.sweep()
        assert "late order" not in caplog.text
        assert "late_order" not in caplog.text
        assert await stage.app.booking.journal.last_sweep() is not None
