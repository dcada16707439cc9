"""The journal's promises: one live intent a reservation, one use an approval, one owner a thing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.journal.memory import MemoryJournal
from korus_mcp.journal.records import (
    AlreadyClaimed,
    Approval,
    ApprovalUsed,
    DayLimitReached,
    Intent,
    IntentState,
)

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
LIMIT = Decimal(1000)
ADA, BOB = "local/ada", "local/bob"


def intent(name: str, *reservation_ids: str, **changes: Any) -> Intent:
    given: dict[str, Any] = {
        "id": name,
        "owner": ADA,
        "fingerprint": f"fingerprint of {name}",
        "external_reference": f"km1-{name}",
        "caller_reference": None,
        "reservation_ids": reservation_ids or (f"reservation of {name}",),
        "approved_total": Decimal(100),
        "sent_at": NOW,
        "fence_at": NOW + timedelta(minutes=10),
    }
    return Intent(**(given | changes))


def failed(one: Intent) -> Intent:
    failures = dict.fromkeys(one.missing, "refused")
    return replace(one, state=IntentState.FINAL, failures={**one.failures, **failures})


def ordered(one: Intent) -> Intent:
    orders = {i: f"order of {i}" for i in one.reservation_ids}
    return replace(one, state=IntentState.FINAL, orders=orders)


async def claimed(journal: MemoryJournal, one: Intent, *, day_limit: Decimal = LIMIT) -> None:
    nonce = f"nonce of {one.id}"
    await journal.approve(
        Approval(nonce=nonce, owner=one.owner, digest="d", expires_at=one.fence_at)
    )
    await journal.claim(one, approval_nonce=nonce, day_limit=day_limit)


async def test_a_claim_stores_the_intent_and_uses_the_approval_up() -> None:
    journal, one = MemoryJournal(), intent("a", "r1", "r2")
    await claimed(journal, one)
    assert await journal.intent_of("r1") == await journal.intent_of("r2") == one
    assert await journal.intent_of("r3") is None
    assert await journal.approval("nonce of a") is None


async def test_a_claimed_reservation_is_refused_and_nothing_changes() -> None:
    journal = MemoryJournal()
    first, second = intent("a", "r1", "r2"), intent("b", "r3", "r2")
    await claimed(journal, first)
    with pytest.raises(AlreadyClaimed) as refused:
        await claimed(journal, second)
    assert refused.value.holder == first
    assert await journal.intent_of("r3") is None
    assert await journal.approval("nonce of b") is not None


async def test_an_approval_is_used_once() -> None:
    journal, first = MemoryJournal(), intent("a")
    await claimed(journal, first)
    with pytest.raises(ApprovalUsed):
        await journal.claim(intent("b"), approval_nonce="nonce of a", day_limit=LIMIT)
    with pytest.raises(ApprovalUsed):
        await journal.claim(intent("b"), approval_nonce="never given", day_limit=LIMIT)
    assert await journal.intent_of("reservation of b") is None


async def test_the_day_limit_counts_what_may_cost_and_refuses_without_a_trace() -> None:
    journal = MemoryJournal()
    await claimed(journal, intent("in doubt", approved_total=Decimal(600)))
    await claimed(journal, made := intent("made", approved_total=Decimal(300)))
    await journal.settle(ordered(made))
    with pytest.raises(DayLimitReached):
        await claimed(journal, intent("b", approved_total=Decimal("100.01")))
    assert await journal.intent_of("reservation of b") is None
    assert await journal.approval("nonce of b") is not None, "it can be used for less"
    await claimed(journal, intent("c", approved_total=Decimal(100)))


async def test_the_day_limit_forgets_failures_other_days_and_other_owners() -> None:
    journal = MemoryJournal()
    await claimed(journal, lost := intent("failed", approved_total=LIMIT))
    await journal.settle(failed(lost))
    await claimed(journal, intent("yesterday", approved_total=LIMIT, sent_at=NOW - timedelta(1)))
    await claimed(journal, intent("bob's", approved_total=LIMIT, owner=BOB))
    await claimed(journal, intent("today", approved_total=LIMIT))
    with pytest.raises(DayLimitReached):
        await claimed(journal, intent("one more", approved_total=Decimal("0.01")))


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=12))
async def test_the_sum_of_what_may_cost_never_passes_the_limit(
    calls: list[tuple[int, bool]],
) -> None:
    journal, spent = MemoryJournal(), Decimal(0)
    for number, (amount, succeeds) in enumerate(calls):
        one = intent(str(number), approved_total=Decimal(amount))
        try:
            await claimed(journal, one)
        except DayLimitReached:
            assert spent + amount > LIMIT
            continue
        await journal.settle(ordered(one) if succeeds else failed(one))
        spent += amount if succeeds else 0
        assert spent <= LIMIT


async def test_what_failed_for_certain_is_free_again_and_what_was_ordered_is_not() -> None:
    journal, one = MemoryJournal(), intent("a", "r1", "r2")
    await claimed(journal, one)
    orders, failures = {"r1": "o1"}, {"r2": "refused"}
    await journal.settle(replace(one, orders=orders, failures=failures, state=IntentState.FINAL))
    assert await journal.intent_of("r2") is None
    assert (await journal.intent_of("r1")) is not None
    await claimed(journal, intent("b", "r2"))


async def test_an_intent_in_doubt_keeps_all_its_claims() -> None:
    journal, one = MemoryJournal(), intent("a", "r1", "r2")
    await claimed(journal, one)
    await journal.settle(replace(one, failures={"r2": "refused"}))
    with pytest.raises(AlreadyClaimed):
        await claimed(journal, intent("b", "r2"))


async def test_settling_an_old_intent_again_leaves_the_claim_of_the_next_one_alone() -> None:
    journal, first, second = MemoryJournal(), intent("a", "r1"), intent("b", "r1")
    await claimed(journal, first)
    await journal.settle(failed(first))
    await claimed(journal, second)
    await journal.settle(failed(first))
    assert await journal.intent_of("r1") == second
    with pytest.raises(AlreadyClaimed):
        await claimed(journal, intent("c", "r1"))


async def test_a_final_outcome_is_not_taken_back_by_a_look_that_saw_less() -> None:
    journal, one = MemoryJournal(), intent("a", "r1")
    await claimed(journal, one)
    final = ordered(one)
    await journal.settle(final)
    await journal.settle(one)
    await journal.settle(failed(one))
    assert await journal.intent_of("r1") == final


async def test_orders_belong_to_who_made_them_newest_first() -> None:
    journal = MemoryJournal()
    for name in ("a", "b"):
        await claimed(journal, one := intent(name, f"r-{name}"))
        await journal.settle(ordered(one))
        await journal.settle(ordered(one))
    assert await journal.orders_of(ADA) == ("order of r-b", "order of r-a")
    assert await journal.orders_of(BOB) == ()
    assert await journal.owner_of("order of r-a") == ADA


async def test_the_first_owner_stays() -> None:
    journal = MemoryJournal()
    await journal.own(ADA, "r1", "r2")
    await journal.own(BOB, "r2", "r3")
    assert [await journal.owner_of(i) for i in ("r1", "r2", "r3", "r4")] == [ADA, ADA, BOB, None]


async def test_intents_are_found_by_either_reference_of_their_owner() -> None:
    journal = MemoryJournal()
    await claimed(journal, one := intent("a", caller_reference="trip"))
    await claimed(journal, intent("b", caller_reference="trip", owner=BOB))
    assert await journal.intents_by_reference(ADA, "trip") == [one]
    assert await journal.intents_by_reference(ADA, "km1-a") == [one]
    assert await journal.intents_by_reference(ADA, "km1-b") == []


def test_what_is_missing_is_neither_ordered_nor_failed() -> None:
    one = intent("a", "r1", "r2", "r3", orders={"r1": "o1"}, failures={"r3": "refused"})
    assert one.missing == ("r2",)
    assert one.is_in_doubt


def test_outcomes_of_reservations_that_were_not_in_the_call_are_not_its_own() -> None:
    told = intent("a", "r1").told({"r9": "o9"}, {"r8": "refused"})
    assert (told.orders, told.failures) == ({}, {})
    assert told.is_in_doubt


def test_an_order_outweighs_a_failure_told_before() -> None:
    told = intent("a", "r1", "r2").told({}, {"r1": "refused"}).told({"r1": "o1"}, {})
    assert (told.orders, told.failures, told.missing) == ({"r1": "o1"}, {}, ("r2",))
