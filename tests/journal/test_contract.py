"""What every journal promises: one live intent a reservation, one use an approval, one owner a
thing, and that what may have been sent keeps its claim.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from inspect import isfunction
from pathlib import Path
from typing import Any

import pytest

from korus_mcp.foundation.clock import ShiftedClock
from korus_mcp.journal import Journal
from korus_mcp.journal.records import (
    NEVER_SENT,
    UNKNOWN_END,
    AlreadyClaimed,
    Approval,
    ApprovalState,
    ApprovalUsed,
    Asked,
    DayLimitReached,
    Held,
    HoldResult,
    Intent,
    IntentLost,
    IntentState,
    LeaseLost,
    Open,
    OrderResult,
    RefusedItem,
    ReservationFacts,
    TooMuchOpen,
    noes_of,
)
from korus_mcp.journal.sql import SqlJournal
from tests.journal.memory import MemoryJournal
from tests.journal.rows import (
    ADA,
    BOB,
    FENCE,
    LIMIT,
    MINE,
    NOW,
    OTHER,
    RUN_OUT,
    all_of,
    approval,
    asked,
    claimed,
    hold,
    intent,
    sent,
)

pytestmark = pytest.mark.anyio
NEVER = datetime(9000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


async def test_the_model_inherits_no_step_of_the_store() -> None:
    steps = {name for name, each in vars(SqlJournal).items() if isfunction(each)}
    own = {name for name in steps if not name.startswith("_")}
    assert own
    assert own <= vars(MemoryJournal).keys()


async def stored(journal: Journal, one: Intent) -> Intent:
    found = await journal.intent_by_reference(one.external_reference)
    assert found is not None
    return found


async def test_an_installation_stays_the_same(journal: Journal) -> None:
    installation = await journal.installation()
    assert installation == await journal.installation()
    assert len(installation.id) == 6
    assert len(installation.key) == 32
    reference = installation.reference_of("an intent", ADA)
    assert len(reference) == 50
    assert installation.owner_in(reference, [BOB, ADA]) == ADA
    assert installation.owner_in(reference, [BOB]) is None
    assert installation.owner_in(reference[:33], [ADA, BOB]) is None


# Claims


async def test_a_claim_stores_the_intent_and_uses_the_approval_up(journal: Journal) -> None:
    one = intent("a", "r2", "r1", caller_reference="my booking", agreed="human")
    await claimed(journal, one)
    found = await journal.intents_of(["r1", "r2", "r3"])
    assert found == {i: replace(one, is_leased=True) for i in ("r1", "r2")}
    used = (await journal.approvals(["nonce of a"])).get("nonce of a")
    assert used is not None
    assert used.state is ApprovalState.USED


async def test_a_claimed_reservation_is_refused_and_nothing_changes(journal: Journal) -> None:
    first, second = intent("a", "r1", "r2"), intent("b", "r3", "r2")
    await claimed(journal, first)
    with pytest.raises(AlreadyClaimed) as refused:
        await claimed(journal, second)
    assert refused.value.holder == replace(first, is_leased=True)
    assert await journal.intents_of(["r3"]) == {}
    assert (await journal.approvals(["nonce of b"])).get("nonce of b") is not None
    assert await journal.intent_by_reference(second.external_reference) is None


async def test_an_approval_is_used_once(journal: Journal) -> None:
    await claimed(journal, intent("a"))
    for nonce in ("nonce of a", "never given"):
        with pytest.raises(ApprovalUsed):
            await journal.claim(intent("b"), lease=MINE, approval_nonce=nonce, day_limit=LIMIT)
    assert await journal.intents_of(["reservation of b"]) == {}


async def test_noes_are_counted_for_each_reservation_they_name(journal: Journal) -> None:
    no = approval("asked-1", state=ApprovalState.DECLINED, expires_at=NEVER)
    await journal.decline(no, ["r1", "r2", "r1"])
    later = replace(no, nonce="asked-2", expires_at=NEVER + timedelta(minutes=1))
    await journal.decline(later, ["r2"])
    kept = await journal.approvals(["asked-1", "asked-2", *map(noes_of, ("r1", "r2", "r3"))])
    assert kept["asked-1"] == no
    assert {nonce: kept[nonce].digest for nonce in kept if nonce.startswith("noes-")} == {
        noes_of("r1"): "1",
        noes_of("r2"): "2",
    }
    assert kept[noes_of("r2")].expires_at == later.expires_at


async def test_an_approval_reads_as_it_was_written(journal: Journal) -> None:
    await journal.approve(given := approval("n", owner=BOB, expires_at=FENCE))
    assert (await journal.approvals(["n"])).get("n") == given


async def test_the_day_limit_counts_what_may_cost_and_refuses_without_a_trace(
    journal: Journal,
) -> None:
    await sent(journal, intent("in doubt", approved_total=Decimal("600.10")))
    await sent(journal, made := intent("made", approved_total=Decimal("299.90")))
    await journal.settle(made.id, OrderResult(all_of(made, "order of")))
    with pytest.raises(DayLimitReached):
        await claimed(journal, intent("b", approved_total=Decimal("100.01")))
    assert await journal.intents_of(["reservation of b"]) == {}
    assert (await journal.approvals(["nonce of b"])).get("nonce of b") is not None, (
        "it can be used for less"
    )
    await claimed(journal, intent("c", approved_total=Decimal(100)))


async def test_equal_amounts_of_a_day_all_count_and_a_negative_one_makes_no_room(
    journal: Journal,
) -> None:
    for n in range(9):
        await sent(journal, intent(f"a{n}", approved_total=Decimal(100)))
    await sent(journal, intent("below", approved_total=Decimal(-500)))
    with pytest.raises(DayLimitReached):
        await claimed(journal, intent("b", approved_total=Decimal("100.01")))
    await claimed(journal, intent("c", approved_total=Decimal("100.00")))


async def test_the_day_limit_forgets_failures_other_days_and_other_owners(
    journal: Journal,
) -> None:
    lost = intent("failed", approved_total=LIMIT)
    await claimed(journal, lost)
    await journal.settle(lost.id, OrderResult(failures=all_of(lost, "no")))
    for other in (
        intent("yesterday", approved_total=LIMIT, sent_at=NOW - timedelta(days=1)),
        intent("tomorrow", approved_total=LIMIT, sent_at=NOW + timedelta(days=1)),
        intent("bob's", approved_total=LIMIT, owner=BOB),
        intent("today", approved_total=LIMIT),
    ):
        await claimed(journal, other)
    with pytest.raises(DayLimitReached):
        await claimed(journal, intent("one more", approved_total=Decimal("0.01")))


async def test_an_order_counts_for_the_day_on_which_it_is_sent(journal: Journal) -> None:
    tomorrow = NOW + timedelta(days=1)
    late = intent("late", approved_total=LIMIT)
    await claimed(journal, late)
    await journal.start_sending(late, lease=MINE, sent_at=tomorrow, fence_at=FENCE)
    await claimed(journal, intent("today", approved_total=LIMIT))
    more = intent("more", approved_total=Decimal(1), sent_at=tomorrow)
    with pytest.raises(DayLimitReached):
        await claimed(journal, more)
    await journal.settle(late.id, OrderResult(failures=all_of(late, "no")))
    await claimed(journal, more)


async def test_a_late_order_counts_whatever_the_limit(journal: Journal) -> None:
    await sent(journal, lost := intent("lost", approved_total=LIMIT))
    await journal.settle(lost.id, OrderResult(failures=all_of(lost, "no"), ambiguous=True))
    await claimed(journal, intent("a", approved_total=LIMIT))
    await journal.repair(lost.id, all_of(lost, "order of"))
    for amount in ("0.01", "1"):
        with pytest.raises(DayLimitReached):
            await claimed(journal, intent(amount, approved_total=Decimal(amount)))
    plenty = 3 * LIMIT
    await claimed(journal, intent("b", approved_total=LIMIT), day_limit=plenty)


async def test_what_was_spent_is_that_of_the_day_and_before_a_moment(journal: Journal) -> None:
    lost = intent("failed", approved_total=LIMIT)
    await claimed(journal, lost)
    await journal.settle(lost.id, OrderResult(failures=all_of(lost, "no")))
    for minutes, amount in ((0, "1.00"), (1, "2.00"), (2, "4.00")):
        sent_at = NOW + timedelta(minutes=minutes)
        one = intent(f"i{minutes}", approved_total=Decimal(amount), sent_at=sent_at)
        await claimed(journal, one)
    await claimed(journal, intent("bob", approved_total=LIMIT, owner=BOB))
    for until, amount in ((0, "0"), (1, "1.00"), (2, "3.00"), (3, "7.00")):
        before = NOW + timedelta(minutes=until)
        assert await journal.spent(ADA, NOW, until=before) == Decimal(amount)
    yesterday = NOW - timedelta(days=1)
    assert await journal.spent(ADA, yesterday, until=NOW) == 0


async def test_a_journal_that_moves_knows_nothing_of_the_old_place(
    journal: Journal, tmp_path: Path
) -> None:
    before = await journal.installation()
    await claimed(journal, intent("old"))
    await journal.move(f"sqlite:///{tmp_path / 'another.sqlite'}")
    assert await journal.unfinished() == 0
    assert await journal.installation() != before
    await claimed(journal, intent("old"))


async def test_an_intent_whose_sender_died_before_it_sent_is_no_obstacle(
    journal: Journal,
) -> None:
    await claimed(journal, dead := intent("dead", "r1", "r2"), lease=RUN_OUT)
    await claimed(journal, intent("b", "r2"))
    closed = await stored(journal, dead)
    assert closed.state is IntentState.FINAL
    assert set(closed.failures.values()) == {NEVER_SENT}
    assert {r: i.id for r, i in (await journal.intents_of(["r1", "r2"])).items()} == {"r2": "b"}


async def test_an_intent_that_may_have_been_sent_is_an_obstacle_whoever_leads_it(
    journal: Journal,
) -> None:
    await sent(journal, intent("a", "r1"), lease=RUN_OUT)
    with pytest.raises(AlreadyClaimed):
        await claimed(journal, intent("b", "r1"))


# Sending


async def test_sending_is_started_once_and_by_its_worker_only(journal: Journal) -> None:
    await claimed(journal, one := intent("a"))
    later, fence = NOW + timedelta(seconds=3), FENCE + timedelta(seconds=3)
    with pytest.raises(LeaseLost):
        await journal.start_sending(one, lease=OTHER, sent_at=later, fence_at=fence)
    started = await journal.start_sending(one, lease=MINE, sent_at=later, fence_at=fence)
    expected = replace(
        one, state=IntentState.SENDING, sent_at=later, fence_at=fence, is_leased=True
    )
    assert started == expected == await stored(journal, one)
    with pytest.raises(LeaseLost):
        await journal.start_sending(one, lease=MINE, sent_at=later, fence_at=fence)


async def test_an_intent_that_was_closed_is_not_sent(journal: Journal) -> None:
    await claimed(journal, one := intent("a", "r1"), lease=RUN_OUT)
    await claimed(journal, intent("b", "r1"))
    with pytest.raises(LeaseLost):
        await journal.start_sending(one, lease=RUN_OUT, sent_at=NOW, fence_at=FENCE)


async def test_a_lease_is_renewed_by_its_worker_until_the_intent_is_final(
    journal: Journal,
) -> None:
    await sent(journal, one := intent("a"), lease=RUN_OUT)
    assert not await journal.renew(one.id, OTHER)
    assert not (await stored(journal, one)).is_leased
    assert await journal.renew(one.id, replace(RUN_OUT, seconds=30))
    assert (await stored(journal, one)).is_leased
    await journal.settle(one.id, OrderResult(all_of(one, "order of")))
    assert not await journal.renew(one.id, replace(RUN_OUT, seconds=30))


# Outcomes


async def test_a_settled_intent_owns_its_orders_and_keeps_its_claims(journal: Journal) -> None:
    await sent(journal, one := intent("a", "r1", "r2"))
    settled = await journal.settle(one.id, OrderResult({"r1": "o1"}, {"r2": "no"}))
    assert settled.state is IntentState.FINAL
    assert (settled.orders, settled.failures) == ({"r1": "o1"}, {"r2": "no"})
    assert settled == await stored(journal, one)
    assert await journal.owners_of(["o1", "o2"]) == {"o1": ADA}
    assert {r: i.id for r, i in (await journal.intents_of(["r1", "r2"])).items()} == {"r1": "a"}


async def test_the_numbers_of_orders_are_kept_however_late_they_are_told(journal: Journal) -> None:
    await sent(journal, one := intent("a", "r1", "r2", "r3"))
    told = {"o1": "KT-ORD-1", "another": "KT-ORD-9"}
    open_ = await journal.settle(one.id, OrderResult({"r1": "o1"}, ambiguous=True, numbers=told))
    assert open_.numbers == {"o1": "KT-ORD-1"}, "those of its own orders only"
    await journal.number(one.id, {"o1": "KT-ORD-2"})
    assert await stored(journal, one) == open_, "what is open is settled, and so are its numbers"
    closed = await journal.settle(one.id, OrderResult({"r2": "o2"}, {"r3": "no"}))
    assert closed.numbers == open_.numbers
    await journal.number(one.id, {"o2": "KT-ORD-2", "another": "KT-ORD-9"})
    numbered = await stored(journal, one)
    assert numbered == replace(closed, numbers={"o1": "KT-ORD-1", "o2": "KT-ORD-2"})
    repaired = await journal.repair(one.id, {"r3": "o3"}, numbers={"o3": "KT-ORD-3"})
    assert repaired == await stored(journal, one)
    assert repaired.numbers == {**numbered.numbers, "o3": "KT-ORD-3"}
    with pytest.raises(IntentLost):
        await journal.number("nobody knows", told)


async def test_the_number_of_an_order_that_counts_no_more_is_none(journal: Journal) -> None:
    """A later word may name another order of the same reservation."""
    await sent(journal, one := intent("a", "r1", "r2"))
    await journal.settle(one.id, OrderResult({"r1": "o1"}, numbers={"o1": "KT-ORD-1"}))
    await journal.settle(one.id, OrderResult({"r1": "o2"}, ambiguous=True))
    assert (await stored(journal, one)).numbers == {}


async def test_a_failure_after_doubt_keeps_its_claim_for_ever(journal: Journal) -> None:
    await sent(journal, one := intent("a", "r1"))
    doubted = await journal.settle(one.id, OrderResult(ambiguous=True))
    assert (doubted.state, doubted.ambiguous) == (IntentState.SENDING, True)
    assert not doubted.is_leased
    settled = await journal.settle(one.id, OrderResult(failures={"r1": "never appeared"}))
    assert (settled.state, settled.ambiguous) == (IntentState.FINAL, True)
    with pytest.raises(AlreadyClaimed):
        await claimed(journal, intent("b", "r1"))


async def test_outcomes_add_up_and_an_order_outweighs_a_failure(journal: Journal) -> None:
    await sent(journal, one := intent("a", "r1", "r2", "r3"))
    await journal.settle(one.id, OrderResult({"r1": "o1"}, {"r2": "no"}))
    assert (await stored(journal, one)).missing == ("r3",)
    settled = await journal.settle(one.id, OrderResult({"r2": "o2"}, {"r1": "no", "r3": "no"}))
    assert settled.orders == {"r1": "o1", "r2": "o2"}
    assert settled.failures == {"r3": "no"}


async def test_what_the_journal_lost_is_put_back_as_its_sender_knows_it(journal: Journal) -> None:
    lost = replace(intent("a", "r1", "r2", "r3"), state=IntentState.SENDING, is_leased=True)
    await sent(journal, intent("b", "r3"))
    settled = await journal.settle(lost.id, OrderResult({"r1": "o1"}), known=lost)
    assert settled == replace(lost, orders={"r1": "o1"}, is_leased=False)
    assert await stored(journal, lost) == settled
    holders = await journal.intents_of(["r1", "r2", "r3"])
    assert {r: i.id for r, i in holders.items()} == {"r1": "a", "r2": "a", "r3": "b"}
    assert await journal.owners_of(["o1"]) == {"o1": ADA}
    done = replace(lost, id="c", external_reference="km1-c", reservation_ids=("r4",))
    done = replace(done, orders={"r4": "o4"}, state=IntentState.FINAL, is_leased=False)
    assert await journal.settle(done.id, OrderResult(), known=done) == done
    assert await stored(journal, done) == done
    assert (await journal.repair("c", {"r4": "o5"}, known=done)).orders == {"r4": "o5"}


@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_row_from_before_it_was_sent_is_not_believed(
    journal: Journal, is_closed: bool
) -> None:
    await claimed(journal, one := intent("a", "r1"), lease=RUN_OUT)
    if is_closed:
        await journal.take_over(MINE)
    late = timedelta(minutes=1)
    known = replace(
        one, state=IntentState.SENDING, sent_at=one.sent_at + late, fence_at=FENCE + late
    )
    settled = await journal.settle(one.id, OrderResult(ambiguous=True), known=known)
    assert settled == replace(known, ambiguous=True)
    assert await stored(journal, one) == settled
    assert (await journal.intents_of(["r1"]))["r1"].is_in_doubt


async def test_what_the_journal_has_outweighs_what_its_sender_remembers(journal: Journal) -> None:
    one = await sent(journal, intent("a", "r1"))
    await journal.settle("a", OrderResult({"r1": "o1"}))
    told = await journal.settle("a", OrderResult(failures={"r1": "no"}), known=one)
    assert told.orders == {"r1": "o1"}


async def test_an_intent_that_nobody_knows_is_told_as_lost(journal: Journal) -> None:
    unsent = intent("a", "r1")
    for known in (None, unsent):
        with pytest.raises(IntentLost):
            await journal.settle("a", OrderResult(ambiguous=True), known=known)
        with pytest.raises(IntentLost):
            await journal.repair("a", {"r1": "o1"}, known=known)
    assert await journal.intents_of(["r1"]) == {}


async def test_a_final_intent_changes_by_repair_only(journal: Journal) -> None:
    await sent(journal, one := intent("a", "r1"))
    await journal.settle(one.id, OrderResult(failures={"r1": "no"}))
    unchanged = await journal.settle(one.id, OrderResult({"r1": "o1"}, ambiguous=True))
    assert unchanged.failures == {"r1": "no"}
    repaired = await journal.repair(one.id, {"r1": "o1"})
    assert (repaired.orders, repaired.failures) == ({"r1": "o1"}, {})
    assert repaired.is_final
    assert await journal.owners_of(["o1"]) == {"o1": ADA}
    with pytest.raises(AlreadyClaimed):
        await claimed(journal, intent("b", "r1"))


async def test_a_repair_takes_no_claim_away(journal: Journal) -> None:
    await sent(journal, one := intent("a", "r1"))
    await journal.settle(one.id, OrderResult(failures={"r1": "no"}))
    await sent(journal, intent("b", "r1"))
    await journal.repair(one.id, {"r1": "o1"})
    assert (await journal.intents_of(["r1"]))["r1"].id == "b"


async def test_orders_are_listed_newest_first_and_survive_what_follows(
    journal: Journal,
) -> None:
    for name in ("a", "b", "c"):
        await sent(journal, one := intent(name, owner=BOB if name == "b" else ADA))
        await journal.settle(one.id, OrderResult({one.reservation_ids[0]: f"order of {name}"}))
    assert list(await journal.orders_of(ADA)) == ["order of c", "order of a"]
    assert list(await journal.orders_of(BOB)) == ["order of b"]


async def test_orders_of_a_tenant_are_those_of_its_owners_and_of_no_other(
    journal: Journal,
) -> None:
    owners = {"a": "t-1/ada", "b": "t-2/ada", "c": "t-1/bob", "d": "t-1", "e": "t-11/ada"}
    for name, owner in owners.items():
        await sent(journal, one := intent(name, owner=owner))
        await journal.settle(one.id, OrderResult({one.reservation_ids[0]: f"order of {name}"}))
    told = await journal.orders_within("t-1", reader="t-1/staff")
    assert list(told) == ["order of c", "order of a"]
    assert list(await journal.orders_within("t-1", reader="t-1/staff", limit=1)) == ["order of c"]
    # No letter of a tenant's name stands for others.
    for odd in ("%", "t-_", "t-", "", "t-1/ada"):
        assert not await journal.orders_within(odd, reader="t-1/staff")


async def test_orders_of_a_buyer_are_those_of_their_digest_within_the_tenant(
    journal: Journal,
) -> None:
    calls = {
        "a": ("t-1/ada", "one"),
        "b": ("t-2/ada", "one"),
        "c": ("t-1/bob", "one"),
        "d": ("t-1/ada", "two"),
        "e": ("t-1/ada", None),
        "f": ("t-1/ada", "failed"),
    }
    for name, (owner, buyer) in calls.items():
        await sent(journal, one := intent(name, owner=owner, buyer=buyer))
        (reservation,) = one.reservation_ids
        made = OrderResult({reservation: f"order of {name}"})
        lost = OrderResult(failures={reservation: "no"})
        await journal.settle(one.id, lost if buyer == "failed" else made)

    async def of(buyer: str, tenant: str = "t-1") -> list[str]:
        return list(await journal.orders_within(tenant, reader="t-1/staff", buyer=buyer))

    assert await of("one") == ["order of c", "order of a"]
    assert await of("two") == ["order of d"]
    assert await of("one", "t-2") == ["order of b"]
    for nobody in ("failed", "three", "", "%", "None"):
        assert await of(nobody) == []
    assert await of("two", "t-2") == []


async def test_orders_of_one_call_are_listed_from_its_last_reservation_to_its_first(
    journal: Journal,
) -> None:
    for name in ("a", "b"):
        await sent(journal, one := intent(name, *(f"{name}{n}" for n in range(6))))
        told = {i: f"order of {i}" for i in reversed(one.reservation_ids)}
        await journal.settle(name, OrderResult(told))
    expected = [f"order of {name}{n}" for name in "ba" for n in reversed(range(6))]
    assert list(await journal.orders_of(ADA)) == expected
    assert list(await journal.orders_of(ADA, limit=7)) == expected[:7]


async def test_what_a_call_holds_and_claims_is_read_in_the_order_it_was_named(
    journal: Journal,
) -> None:
    """In whatever order a database finds rows: not theirs, nor that of the ids."""
    ids = ["r5", "r0", "r3", "r1"]
    await sent(journal, one := intent("a", *ids))
    await journal.own(ADA, *ids)
    for named in (ids, sorted(ids), sorted(ids, reverse=True)):
        assert list(await journal.intents_of(named)) == named
        assert list(await journal.owners_of(named)) == named
    settled = await journal.settle(
        "a", OrderResult({"r1": "o1", "r0": "o0"}, {"r3": "no", "r5": "no"})
    )
    for found in (settled, await stored(journal, one)):
        assert found.reservation_ids == tuple(ids)
        assert (list(found.orders), list(found.failures)) == (["r0", "r1"], ["r5", "r3"])
    for nonce in ("n2", "n0", "n1"):
        await journal.approve(approval(nonce, expires_at=NEVER))
    assert list(await journal.approvals(["n1", "n2", "n0"])) == ["n1", "n2", "n0"]


# Recovery


async def test_what_nobody_leads_is_taken_over_once(journal: Journal) -> None:
    await sent(journal, intent("led"))
    await sent(journal, lost := intent("lost"), lease=RUN_OUT)
    await claimed(journal, unsent := intent("unsent"), lease=RUN_OUT)
    assert await journal.unfinished() == 3
    (taken,) = await journal.take_over(OTHER)
    assert (taken.id, taken.ambiguous, taken.is_leased) == ("lost", True, True)
    assert taken == await stored(journal, lost)
    assert (await stored(journal, unsent)).is_final
    assert list(await journal.take_over(MINE)) == []
    assert await journal.unfinished() == 2


async def test_the_oldest_are_taken_over_first(journal: Journal) -> None:
    for name in ("a", "b", "c"):
        await sent(journal, intent(name), lease=RUN_OUT)
    assert [i.id for i in await journal.take_over(MINE, limit=2)] == ["a", "b"]
    assert [i.id for i in await journal.take_over(MINE, limit=2)] == ["c"]


async def test_a_settle_that_leaves_doubt_ends_the_lease(journal: Journal) -> None:
    await sent(journal, one := intent("a"))
    await journal.settle(one.id, OrderResult(ambiguous=True))
    assert [i.id for i in await journal.take_over(OTHER)] == ["a"]


async def test_intents_are_found_by_either_reference_of_their_owner(journal: Journal) -> None:
    await claimed(journal, one := intent("a", caller_reference="trip"))
    await claimed(journal, intent("b", caller_reference="trip", owner=BOB))
    for reference in ("trip", one.external_reference):
        assert [i.id for i in await journal.intents_by_reference(ADA, reference)] == ["a"]
    assert list(await journal.intents_by_reference(ADA, "km1-b")) == []


async def test_of_many_intents_with_one_reference_the_newest_are_read(journal: Journal) -> None:
    for n in range(4):
        await claimed(journal, intent(f"a{n}", caller_reference="trip"))
    found = await journal.intents_by_reference(ADA, "trip", limit=2)
    assert [i.id for i in found] == ["a2", "a3"], "the newest last"


async def test_texts_of_any_length_are_kept(journal: Journal) -> None:
    """SQLite takes any text in any column; PostgreSQL must, too."""
    long = "x" * 300
    one = intent(f"a{long}", long, fingerprint=long, caller_reference=long, owner=long, agreed=long)
    await sent(journal, one)
    settled = await journal.settle(one.id, OrderResult({long: long}))
    assert settled.orders == {long: long}
    await journal.begin_hold(hold(long, long, owner=long), MINE)
    assert await journal.hold_of(long) is not None
    await journal.found_late(long, long)


# Holds


async def test_equal_reserve_calls_wait_for_each_other(journal: Journal) -> None:
    assert await journal.begin_hold(first := hold("h1"), MINE) is None
    assert await journal.begin_hold(hold("h2"), OTHER) == replace(first, is_leased=True)
    assert await journal.begin_hold(hold("h3", "another key"), OTHER) is None
    refused = RefusedItem("offer", None, "sold out")
    settled = await journal.settle_hold("h1", HoldResult(["r2", "r1"], refused=[refused]))
    assert (settled.reservation_ids, settled.refused) == (("r2", "r1"), (refused,))
    assert settled == await journal.hold_of("key")
    assert await journal.owners_of(["r1", "r2"]) == {"r1": ADA, "r2": ADA}
    assert await journal.begin_hold(hold("h4"), OTHER) is None
    last = await journal.hold_of("key")
    assert last is not None
    assert last.id == "h4"


async def test_an_equal_call_that_ended_is_an_obstacle_to_who_has_not_seen_it(
    journal: Journal,
) -> None:
    none = {"key": None, "another key": None}
    assert await journal.begin_hold(hold("h1"), MINE, seen=none) is None
    ended = await journal.settle_hold("h1", HoldResult(["r1"]))
    tight = Open(0, 0, Decimal(0))
    assert await journal.begin_hold(hold("h2"), OTHER, most=tight, seen=none) == ended
    assert await journal.begin_hold(hold("h3", "another key"), OTHER, seen=none) == ended
    assert (
        await journal.begin_hold(hold("h4", "a third key"), OTHER, seen={"nobody's": None}) is None
    )
    seen = none | {"key": ended}
    assert await journal.begin_hold(hold("h5"), OTHER, seen=seen) is None
    assert await journal.settle_hold("h5") != ended
    last = await journal.hold_of("key")
    assert last is not None
    assert await journal.begin_hold(hold("h6"), OTHER, seen=seen) == last
    assert last.id == "h5"
    assert await journal.hold_of("another key") is None


async def test_a_lost_call_that_was_adopted_is_an_obstacle_to_who_saw_it_in_doubt(
    journal: Journal,
) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    seen = {"key": await journal.doubt_hold("h1")}
    assert await journal.adopt("h1", HoldResult(["r1"]), now=FENCE)
    adopted = await journal.begin_hold(hold("h2", sent_at=FENCE), OTHER, seen=seen)
    assert adopted is not None
    assert (adopted.id, adopted.reservation_ids) == ("h1", ("r1",))


async def test_a_call_seen_in_doubt_and_past_its_fence_is_no_obstacle(journal: Journal) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    seen = {"key": await journal.doubt_hold("h1")}
    assert await journal.begin_hold(hold("h2", sent_at=FENCE), OTHER, seen=seen) is None
    assert await journal.begin_hold(hold("h3", sent_at=FENCE), OTHER, seen=seen) is not None


async def test_a_hold_in_doubt_is_an_obstacle_until_its_fence(journal: Journal) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    doubted = await journal.doubt_hold("h1")
    assert (doubted.ambiguous, doubted.is_leased, doubted.is_final) == (True, False, False)
    early = hold("h2", sent_at=FENCE - timedelta(seconds=1))
    assert await journal.begin_hold(early, MINE) == doubted
    assert await journal.begin_hold(hold("h3", sent_at=FENCE), MINE) is None


async def test_a_final_hold_never_changes(journal: Journal) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    await journal.settle_hold("h1", HoldResult(["r1"]))
    assert (await journal.settle_hold("h1", HoldResult(["r2"]))).reservation_ids == ("r1",)
    assert not await journal.adopt("h1", HoldResult(["r3"]), now=NOW)


@pytest.mark.parametrize("ambiguous", [True, False])
async def test_a_hold_says_whether_its_answer_was_silent_on_some_of_it(
    journal: Journal, ambiguous: bool
) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    await journal.doubt_hold("h1")
    settled = await journal.settle_hold("h1", HoldResult(["r1"], ambiguous=ambiguous))
    assert (settled.is_final, settled.ambiguous) == (True, ambiguous)
    assert await journal.hold_of("key") == settled
    assert await journal.settle_hold("h1", HoldResult(ambiguous=not ambiguous)) == settled


async def test_a_lost_hold_is_adopted_unless_it_has_an_owner(journal: Journal) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    await journal.own(BOB, "r1")
    assert not await journal.adopt("h1", HoldResult(["r1", "r2"]), now=NOW)
    assert await journal.adopt("h1", HoldResult(["r2"]), now=NOW)
    adopted = await journal.hold_of("key")
    assert adopted is not None
    assert (adopted.reservation_ids, adopted.ambiguous) == (("r2",), False)
    assert await journal.owners_of(["r1", "r2"]) == {"r1": BOB, "r2": ADA}


async def test_no_hold_is_adopted_while_another_call_may_have_made_it(journal: Journal) -> None:
    await journal.begin_hold(hold("lost", wishes=("a", "b")), MINE)
    await journal.begin_hold(hold("other", "another key", owner=BOB, wishes=("b", "c")), OTHER)
    await journal.begin_hold(hold("third", "a third key", wishes=("d",)), OTHER)
    assert not await journal.adopt("lost", HoldResult(["r1"]), now=FENCE - timedelta(seconds=1))
    assert await journal.owners_of(["r1"]) == {}
    await journal.settle_hold("other", HoldResult(["r9"]))
    assert await journal.adopt("lost", HoldResult(["r1"]), now=FENCE - timedelta(seconds=1))


async def test_a_call_past_its_fence_keeps_no_hold_from_being_adopted(journal: Journal) -> None:
    await journal.begin_hold(hold("lost", wishes=("a",)), MINE)
    await journal.begin_hold(hold("other", "another key", owner=BOB, wishes=("a",)), OTHER)
    assert await journal.adopt("lost", HoldResult(["r1"]), now=FENCE)


MOST = Open(3, 10, Decimal(100))
SOON = NOW + timedelta(minutes=2)


async def asks(
    journal: Journal, name: str, *, most: Open | None = MOST, wishes: int = 1, **changes: Any
) -> Open | None:
    """What is open of an owner, when it keeps this reserve call from being made."""
    given = {"wishes": tuple(f"{name} {n}" for n in range(wishes)), **changes}
    try:
        assert await journal.begin_hold(hold(name, name, **given), MINE, most=most) is None
    except TooMuchOpen as too_much:
        return too_much.open
    return None


async def makes(journal: Journal, name: str, held: Held, **changes: Any) -> None:
    """A reserve call that made one reservation."""
    assert await asks(journal, name, **changes) is None
    ids = [f"reservation of {name}"]
    await journal.settle_hold(name, HoldResult(ids, held={ids[0]: held}))


async def test_calls_under_way_and_what_they_made_count_until_they_end(journal: Journal) -> None:
    await makes(journal, "a", Held(2, Decimal(20), SOON))
    assert await asks(journal, "b", wishes=2, tickets=3, amount=Decimal(30)) is None
    is_open = await asks(journal, "c")
    assert is_open == Open(3, 5, Decimal(50), SOON)
    assert await journal.hold_of("c") is None, "nothing of a refused call is kept"
    await journal.settle_hold("b")  # it failed
    assert await asks(journal, "d", wishes=2) is None
    await journal.doubt_hold("d")
    assert await asks(journal, "e") == Open(3, 2, Decimal(20), SOON), "what is in doubt counts"
    assert await asks(journal, "f", sent_at=SOON) is None, "what has ended does not"
    assert await asks(journal, "g", owner=BOB, wishes=3) is None, "nor what is another's"


@pytest.mark.parametrize("more", [{"tickets": 9}, {"amount": Decimal("80.01")}, {"wishes": 3}])
async def test_each_bound_of_what_is_open_holds(journal: Journal, more: dict[str, Any]) -> None:
    await makes(journal, "a", Held(2, Decimal(20), SOON))
    assert await asks(journal, "b", **more) == Open(1, 2, Decimal(20), SOON)
    assert await asks(journal, "c", **more, sent_at=SOON) is None


async def test_a_call_past_its_fence_counts_only_while_somebody_sends_it(journal: Journal) -> None:
    assert await asks(journal, "a", wishes=2) is None
    assert await asks(journal, "b", wishes=2, sent_at=FENCE) is not None
    await journal.doubt_hold("a")
    assert await asks(journal, "c", wishes=2, sent_at=FENCE) is None


async def test_what_is_ordered_counts_no_more(journal: Journal) -> None:
    for name in ("a", "b", "c"):
        await makes(journal, name, Held(1, Decimal(1), SOON))
    assert await asks(journal, "d") is not None
    await sent(journal, intent("order", "reservation of b"))
    assert await asks(journal, "d") is not None, "it may not have been made"
    await journal.settle("order", OrderResult({"reservation of b": "o"}))
    assert await asks(journal, "d") is None
    await sent(journal, intent("late", "reservation of c"))
    await journal.settle("late", OrderResult(failures={"reservation of c": "no"}))
    assert await asks(journal, "e") is not None, "it failed, and is held"
    await journal.repair("late", {"reservation of c": "o2"})
    assert await asks(journal, "e") is None


async def test_what_nobody_told_of_a_reservation_is_a_share_of_what_was_asked(
    journal: Journal,
) -> None:
    assert await asks(journal, "a", wishes=2, tickets=4, amount=Decimal(60)) is None
    told = Held(1, Decimal(10), SOON)
    await journal.settle_hold("a", HoldResult(["r1", "r2"], held={"r1": told}))
    assert await asks(journal, "b", wishes=2) == Open(2, 3, Decimal(40), SOON)
    assert await asks(journal, "c", wishes=2, sent_at=NOW + UNKNOWN_END) is None
    await journal.begin_hold(hold("lost", "lost", owner=BOB, wishes=("w",), tickets=2), MINE)
    assert await journal.adopt(
        "lost", HoldResult(["r9"], held={"r9": Held(2, Decimal(5), None)}), now=NOW
    )
    is_open = await asks(journal, "d", owner=BOB, wishes=3)
    assert is_open == Open(1, 2, Decimal(5), NOW + UNKNOWN_END)


async def test_no_reservation_counts_for_more_than_a_day(journal: Journal) -> None:
    await makes(journal, "a", Held(1, Decimal(1), NOW + timedelta(days=9000)), wishes=3)
    assert await asks(journal, "b", wishes=3) == Open(1, 1, Decimal(1), NOW + timedelta(days=1))
    assert await asks(journal, "c", wishes=3, sent_at=NOW + timedelta(days=1)) is None


async def test_no_bound_keeps_nobody(journal: Journal) -> None:
    for n in range(30):
        assert await asks(journal, f"a{n}", most=None, tickets=1000) is None


async def test_all_owners_are_known_by_what_they_did(journal: Journal) -> None:
    assert list(await journal.owners()) == []
    await claimed(journal, intent("a", owner=BOB))
    await journal.begin_hold(hold("h", owner=ADA), MINE)
    await journal.own("local/carol", "r9")
    await journal.own("", "r10")
    assert list(await journal.owners()) == [ADA, BOB, "local/carol"]


async def test_the_daily_look_and_the_sender_put_one_call_back_once(journal: Journal) -> None:
    sender = replace(intent("a", "r1"), state=IntentState.SENDING)
    found = {"state": IntentState.FINAL, "orders": {"r1": "o1"}, "fingerprint": ""}
    looked: Intent = replace(sender, id="by the look", **found)  # type: ignore[arg-type]
    await journal.settle(looked.id, OrderResult(), known=looked)
    told = await journal.settle(sender.id, OrderResult({"r1": "o1"}), known=sender)
    assert told == looked
    assert (await journal.intents_of(["r1"]))["r1"] == looked


async def test_the_first_owner_stays(journal: Journal) -> None:
    await journal.own(ADA, "r1", "r2")
    await journal.own(BOB, "r2", "r3", "r3")
    assert await journal.owners_of(["r1", "r2", "r3", "r4"]) == {"r1": ADA, "r2": ADA, "r3": BOB}
    assert await journal.owners_of([]) == {}


# Sweep


async def test_one_sweep_at_a_time_and_at_most_daily(journal: Journal) -> None:
    every = timedelta(days=1)
    assert await journal.last_sweep() is None
    assert await journal.begin_sweep(every=every)
    assert not await journal.begin_sweep(every=every)
    await journal.sweep_done()
    assert await journal.last_sweep() is not None
    assert not await journal.begin_sweep(every=every)
    assert await journal.begin_sweep(every=timedelta(0)), "the next day"


async def test_a_sweep_that_died_is_begun_again_after_an_hour() -> None:
    clock = ShiftedClock()
    journal = MemoryJournal(clock)
    assert await journal.begin_sweep(every=timedelta(days=1))
    clock.advance(3600)
    assert await journal.begin_sweep(every=timedelta(days=1))


# What a person answered


async def test_a_yes_is_given_once_and_a_no_may_become_a_yes(journal: Journal) -> None:
    no = approval("n", state=ApprovalState.DECLINED, expires_at=NEVER)
    await journal.approve(no)
    assert (await journal.approvals(["n"])).get("n") == no
    with pytest.raises(ApprovalUsed):
        await journal.claim(intent("a"), lease=MINE, approval_nonce="n", day_limit=LIMIT)
    await journal.approve(approval("n", expires_at=NEVER))
    await journal.claim(intent("a"), lease=MINE, approval_nonce="n", day_limit=LIMIT)
    await journal.approve(approval("n", expires_at=NEVER))
    with pytest.raises(ApprovalUsed):
        await journal.claim(intent("b"), lease=MINE, approval_nonce="n", day_limit=LIMIT)


async def test_an_approval_is_for_the_attempt_it_was_given_for(journal: Journal) -> None:
    await sent(journal, intent("a", "r1"))
    await journal.settle("a", OrderResult(failures={"r1": "no"}))
    await journal.approve(approval("nonce"))
    for attempt, refusal in ((0, ApprovalUsed), (2, ApprovalUsed), (1, None)):
        again = replace(intent(f"b{attempt}", "r1"), attempt=attempt)
        step = partial(journal.claim, again, lease=MINE, approval_nonce="nonce", day_limit=LIMIT)
        if refusal is None:
            await step()
        else:
            with pytest.raises(refusal):
                await step()
    assert (await journal.intents_of(["r1"]))["r1"].id == "b1"


async def standing(journal: Journal, reservation_ids: Sequence[str]) -> ReservationFacts:
    return await journal.standing(reservation_ids, owner=ADA, since=NOW)


async def test_attempts_count_every_intent_that_shares_a_reservation(journal: Journal) -> None:
    assert (await standing(journal, ["r1", "r2"])).attempts == 0
    await sent(journal, one := intent("a", "r1", "r2"))
    assert (await standing(journal, ["r2", "r9"])).attempts == 1
    await journal.settle("a", OrderResult(failures=all_of(one, "no")))
    await claimed(journal, intent("b", "r2", "r3"))
    assert [(await standing(journal, [each])).attempts for each in ("r1", "r2", "r3", "r4")] == [
        1,
        2,
        1,
        0,
    ]
    assert (await standing(journal, ["r1", "r2", "r3"])).attempts == 2


async def test_doubtful_are_the_open_orders_of_an_owner_and_those_found_after_a_doubt(
    journal: Journal,
) -> None:
    before = NOW - timedelta(hours=1)

    async def doubtful(owner: str = ADA, since: datetime = before) -> list[str]:
        listed = [i.id for i in await journal.doubtful(owner, since=since)]
        standing = await journal.standing(["r1"], owner=owner, since=since)
        assert [i.id for i in standing.doubtful] == listed
        return listed

    assert await doubtful() == []
    for name in ("a", "b", "c", "d"):
        await sent(journal, intent(name, f"r of {name}"))
    await claimed(journal, intent("e", "r of e"))
    await sent(journal, intent("f", "r of f", owner=BOB))
    assert await doubtful() == ["a", "b", "c", "d", "e"]
    assert await doubtful(BOB) == ["f"]
    await journal.settle("a", OrderResult({"r of a": "o1"}))
    await journal.settle("b", OrderResult(ambiguous=True))
    assert await doubtful() == ["b", "c", "d", "e"], "what was answered at once is no doubt"
    await journal.settle("b", OrderResult({"r of b": "o2"}))
    await journal.settle("c", OrderResult(failures={"r of c": "no"}, ambiguous=True))
    assert await doubtful() == ["b", "d", "e"], "found, though in doubt for a while; not made"
    assert await doubtful(since=NOW) == ["d", "e"], "what is open is told whenever it was sent"
    assert [i.id for i in await journal.doubtful(ADA, since=before, limit=2)] == ["d", "e"]


def test_shares_of_what_was_asked_are_whole_cents_and_never_less() -> None:
    three = ("r1", "r2", "r3")
    shares = hold("thirds", tickets=4, amount=Decimal(100)).shares(HoldResult(three))
    assert [(s.tickets, s.amount) for s in shares.values()] == [(2, Decimal("33.34"))] * 3


async def test_what_was_made_lately_is_told_with_when_its_call_was_sent(journal: Journal) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    await journal.settle_hold("h1", HoldResult(["r1", "r2"]))
    late = hold("h2", "another key", sent_at=FENCE)
    await journal.begin_hold(late, MINE)
    assert await journal.made_since(ADA, NOW - MICROSECOND) == {"r1": NOW, "r2": NOW}
    await journal.settle_hold("h2", HoldResult(["r3"]))
    await sent(journal, intent("a", "r1", "r2"))
    await journal.settle("a", OrderResult({"r1": "o1"}, {"r2": "sold out"}))
    made = {"r1": NOW, "r2": NOW, "r3": FENCE, "o1": NOW}
    assert await journal.made_since(ADA, NOW - MICROSECOND) == made
    assert await journal.made_since(ADA, NOW) == {"r3": FENCE}
    assert await journal.made_since("local/nobody", NOW - MICROSECOND) == {}


async def test_a_reservation_is_held_until_its_end_or_its_order(journal: Journal) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    told = {"r2": Held(1, Decimal(1), FENCE), "r3": Held(1, Decimal(1), FENCE)}
    await journal.settle_hold("h1", HoldResult(["r1", "r2", "r3"], held=told))
    asked = ["r3", "r1", "r2", "nobody's"]
    ends = {"r1": NOW + UNKNOWN_END, "r2": FENCE, "r3": FENCE}
    assert await journal.held_until(asked, FENCE - MICROSECOND) == ends
    assert await journal.held_until(asked, FENCE) == {"r1": NOW + UNKNOWN_END}
    assert await journal.held_until([], NOW) == {}
    await sent(journal, intent("a", "r1", "r2"))
    await journal.settle("a", OrderResult({"r2": "o2"}, {"r1": "sold out"}))
    assert await journal.held_until(asked, NOW) == {"r1": NOW + UNKNOWN_END, "r3": FENCE}


async def test_holds_that_end_soon_are_counted_until_they_end_or_are_ordered(
    journal: Journal,
) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    told = {i: Held(1, Decimal(1), FENCE) for i in ("r1", "r2")}
    await journal.settle_hold("h1", HoldResult(["r1", "r2"], held=told))
    assert await journal.ending(NOW, FENCE - MICROSECOND) == 0
    assert await journal.ending(NOW, FENCE) == 2
    assert await journal.ending(FENCE, FENCE + timedelta(days=1)) == 0
    await sent(journal, intent("a", "r1"))
    await journal.settle("a", OrderResult({"r1": "o1"}))
    assert await journal.ending(NOW, FENCE) == 1


async def test_an_owner_has_what_is_held_and_their_newest_orders(journal: Journal) -> None:
    await journal.begin_hold(hold("h1"), MINE)
    told = {"r2": Held(1, Decimal(1), FENCE), "r3": Held(1, Decimal(1), FENCE)}
    await journal.settle_hold("h1", HoldResult(["r1", "r2", "r3"], held=told))
    held, ordered = await journal.bookings_of(ADA, FENCE - MICROSECOND)
    assert (list(held), list(ordered)) == (["r1", "r2", "r3"], [])
    held, _ = await journal.bookings_of(ADA, FENCE)
    assert list(held) == ["r1"], "the others have ended"
    await sent(journal, intent("a", "r1", "r2"))
    await journal.settle("a", OrderResult({"r1": "o1", "r2": "o2"}))
    held, ordered = await journal.bookings_of(ADA, NOW)
    assert (list(held), list(ordered)) == (["r3"], ["o2", "o1"])
    held, ordered = await journal.bookings_of(ADA, NOW, limit=1)
    assert (len(held), list(ordered)) == (1, ["o2"])
    assert list(map(list, await journal.bookings_of(BOB, NOW))) == [[], []]


# Questions beside the host

LATER = NEVER + timedelta(days=9)
"""Until when a no stands. What expired by the journal's own clock it may forget."""


async def said(journal: Journal, code: str, at: datetime = NOW, *, yes: bool) -> Asked | None:
    return await journal.answer(code, is_yes=yes, way="page", now=at, no_until=LATER)


async def approval_of(journal: Journal, one: Asked) -> Approval | None:
    return (await journal.approvals([one.nonce])).get(one.nonce)


async def test_a_question_is_found_by_its_code_and_by_its_nonce(journal: Journal) -> None:
    assert await journal.asked("CODE-q") is None
    one = asked("q", "r2", "r1", owner=BOB)
    assert await journal.ask(one, now=NOW) == one
    assert await journal.asked(one.code) == await journal.asked(one.nonce) == one
    assert await approval_of(journal, one) is None, "nobody said yes"


async def test_questions_are_found_by_what_they_are_about(journal: Journal) -> None:
    await journal.ask(one := asked("a", "r1", "r2"), now=NOW)
    await journal.ask(other := asked("b", "r3"), now=NOW)
    assert await journal.asked_about(["r2", "r9"]) == [one]
    assert await journal.asked_about(["r3", "r1"]) == [one, other]
    assert await journal.asked_about(["r9"]) == []


async def test_a_yes_is_an_approval_for_one_order_until_the_hold_ends(journal: Journal) -> None:
    await journal.ask(one := asked("q", "r1"), now=NOW)
    assert await said(journal, one.code, yes=True) == one, "as it was before"
    stands = await journal.asked(one.code)
    assert stands == replace(one, is_yes=True, shown="")
    given = await approval_of(journal, one)
    assert given == approval(one.nonce, digest=one.digest, expires_at=one.ends_at)
    order = intent("a", "r1")
    await journal.claim(order, lease=MINE, approval_nonce=one.nonce, day_limit=LIMIT)
    assert await said(journal, one.code, yes=True) == stands, "it changes nothing more"
    again = intent("b", "r2")
    with pytest.raises(ApprovalUsed):
        await journal.claim(again, lease=MINE, approval_nonce=one.nonce, day_limit=LIMIT)


async def test_a_no_counts_like_any_other_and_is_the_last_word(journal: Journal) -> None:
    await journal.ask(one := asked("q", "r1", "r2"), now=NOW)
    await said(journal, one.code, yes=False)
    await said(journal, one.code, yes=True)
    stands = await journal.asked(one.code)
    assert stands == replace(one, is_yes=False, shown="", open_until=LATER)
    given = await approval_of(journal, one)
    assert given is not None
    assert (given.state, given.expires_at) == (ApprovalState.DECLINED, LATER)
    counts = await journal.approvals([noes_of("r1"), noes_of("r2")])
    assert [each.digest for each in counts.values()] == ["1", "1"]
    assert await journal.ask(one, now=FENCE) == stands, "while it stands"
    assert await journal.ask(one, now=LATER) == one


@pytest.mark.parametrize("yes", [True, False])
async def test_what_is_over_or_unknown_cannot_be_answered(journal: Journal, yes: bool) -> None:
    await journal.ask(one := asked("q"), now=NOW)
    assert await said(journal, "CODE-other", yes=yes) is None
    assert await said(journal, one.code, FENCE, yes=yes) == one
    assert await journal.asked(one.code) == one
    assert await approval_of(journal, one) is None
    last = FENCE - MICROSECOND
    await said(journal, one.code, last, yes=yes)
    found = await journal.asked(one.code)
    assert found is not None
    assert found.is_yes is yes


async def test_the_same_question_is_put_once(journal: Journal) -> None:
    await journal.ask(one := asked("q"), now=NOW)
    again = replace(one, code="CODE-again", open_until=NEVER)
    assert await journal.ask(again, now=NOW) == one
    await said(journal, one.code, yes=True)
    at_its_end = one.ends_at - MICROSECOND
    found = await journal.ask(again, now=at_its_end)
    assert (found.code, found.is_yes) == (one.code, True), "the yes is not asked for twice"
    assert await journal.ask(again, now=one.ends_at) == again
    assert await approval_of(journal, one) is None


async def test_a_question_about_the_same_voids_what_was_said_before(journal: Journal) -> None:
    await journal.ask(old := asked("old", "r1", "r2"), now=NOW)
    await journal.ask(beside := asked("beside", "r3"), now=NOW)
    for each in (old, beside):
        await said(journal, each.code, yes=True)
    await journal.ask(new := asked("new", "r2", ends_at=NEVER, open_until=NEVER), now=NOW)
    assert await journal.asked(old.code) is None
    assert await approval_of(journal, old) is None
    assert await journal.asked(new.code) == new
    assert await approval_of(journal, beside) is not None, "it is about something else"
    with pytest.raises(ApprovalUsed):
        await journal.claim(
            intent("a", "r1"), lease=MINE, approval_nonce=old.nonce, day_limit=LIMIT
        )
    moved = replace(new, digest="its session moved", code="CODE-moved")
    assert await journal.ask(moved, now=NOW) == moved
    assert await journal.asked(new.code) is None
