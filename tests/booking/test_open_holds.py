"""What a principal holds without ordering it is bounded, whoever asks and however often."""

from decimal import Decimal
from typing import Any

import anyio
import pytest
import sqlalchemy as sa

from korus_mcp.booking.reserved import Reserved
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.tables import HELD
from korus_mcp.sandbox import DropAfter
from tests.booking.stage import Stage, over, staged

pytestmark = pytest.mark.anyio
RESERVE = "createReservations"


async def reserved(stage: Stage, quantity: int = 1, **changes: Any) -> Reserved | Refusal:
    try:
        return await stage.reserve(stage.wish("park_offer", quantity), again=True, **changes)
    except Refusal as refusal:
        return refusal


def refusals(answers: list[Reserved | Refusal]) -> list[Refusal]:
    return [a for a in answers if isinstance(a, Refusal)]


async def test_a_model_that_reserves_without_end_holds_no_more_than_the_operator_allows() -> None:
    async with staged(max_open_holds=20, max_tickets=500) as stage:
        answers = [await reserved(stage, 1 + n % 3) for n in range(100)]
        assert len(stage.sandbox.reservations()) == 20 == stage.sent(RESERVE)
        refused = refusals(answers)
        assert {r.code for r in refused} == {Code.LIMIT_EXCEEDED}
        assert {r.effect for r in refused} == {Effect.NONE}
        assert "20 reservations with 39 tickets" in refused[0].message


async def test_calls_that_come_at_once_do_not_pass_the_bound_together() -> None:
    async with staged(max_open_holds=5) as stage:
        answers = list[Reserved | Refusal]()

        async def one(quantity: int) -> None:
            answers.append(await reserved(stage, quantity))

        async with anyio.create_task_group() as callers:
            for n in range(15):
                callers.start_soon(one, 1 + n % 6)
                callers.start_soon(one, 1 + n % 6)
        assert len(stage.sandbox.reservations()) <= 5
        assert stage.sent(RESERVE) <= 5
        assert refusals(answers)


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        ({"max_tickets": 5}, 3),
        ({"max_day_amount": Decimal(400)}, 2),
        ({"max_open_holds": 4}, 4),
    ],
)
async def test_tickets_amounts_and_reservations_are_each_bounded(
    limit: dict[str, Any], fits: int
) -> None:
    """Three tickets a call at 45 EUR: twice 5 tickets, 400 EUR, 4 reservations."""
    async with staged(**limit) as stage:
        answers = [await reserved(stage, 3) for _ in range(6)]
        assert [isinstance(a, Reserved) for a in answers] == [n < fits for n in range(6)]


async def test_the_refusal_says_what_is_open_and_until_when() -> None:
    async with staged(max_open_holds=2) as stage:
        await reserved(stage, 2)
        stage.move(60)
        await reserved(stage)
        refusal = await reserved(stage)
        assert isinstance(refusal, Refusal)
        ends = stage.sandbox.reservations()[0].expires_at
        left = round((ends - stage.clock.now()).total_seconds())
        assert "2 reservations with 3 tickets for 135.00 EUR" in refusal.message
        assert f"at {ends:%H:%M} UTC" in refusal.next_step
        assert refusal.retry_after_seconds is not None
        assert abs(refusal.retry_after_seconds - left) <= 2
        stage.move(refusal.retry_after_seconds + 1)
        assert isinstance(await reserved(stage), Reserved), "as it was told"


@pytest.mark.parametrize(
    ("limit", "quantity"), [({"max_day_amount": Decimal(400)}, 9), ({"max_tickets": 4}, 9)]
)
async def test_what_is_too_much_by_itself_is_not_told_to_wait(
    limit: dict[str, Any], quantity: int
) -> None:
    """Nothing that lapses makes room for it: whoever waited would be told the same again."""
    async with staged(**limit) as stage:
        await reserved(stage)
        refusal = await reserved(stage, quantity)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.retry_after_seconds) == (Code.LIMIT_EXCEEDED, None)
        assert refusal.next_step.startswith("Reserve less")
        fits = await reserved(stage, 2)
        assert isinstance(fits, Reserved)


@pytest.mark.parametrize("end", ["2199-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"])
async def test_a_hold_that_ends_in_another_age_does_not_end_all_holding(end: str) -> None:
    def far(path: str, body: dict[str, Any]) -> None:
        for each in body.get("reservations", ()):
            each["expiresAt"] = end

    async with staged(max_open_holds=1, rewrite=far) as stage:
        assert isinstance(await reserved(stage), Reserved)
        refusal = await reserved(stage, 2)
        assert isinstance(refusal, Refusal)
        assert refusal.retry_after_seconds is not None
        assert refusal.retry_after_seconds <= 24 * 3600
        stage.move(refusal.retry_after_seconds + 1)
        answer = await stage.reserve(stage.wish("undated_offer"), again=True)
        assert answer.holds


async def test_what_was_ordered_makes_room_and_a_replay_takes_none() -> None:
    async with staged(max_open_holds=1) as stage:
        wish = stage.wish("park_offer")
        first = await stage.reserve(wish)
        again = await stage.reserve(wish)
        assert (again.replayed, again.holds[0].id) == (True, first.holds[0].id)
        assert isinstance(await reserved(stage), Refusal)
        await stage.ordered(first.holds[0])
        assert isinstance(await reserved(stage), Reserved)


async def test_a_hold_whose_answer_was_lost_counts() -> None:
    async with staged(max_open_holds=1) as stage:
        stage.sandbox.faults.add(DropAfter(), RESERVE)
        await reserved(stage)
        assert isinstance(await reserved(stage, 2), Refusal)


async def test_servers_that_share_a_journal_share_the_bound(tmp_path: Any) -> None:
    async with staged(max_open_holds=3) as stage:
        url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
        journals = [SqlJournal.at(url, "account", clock=stage.clock) for _ in range(2)]
        stages = [over(stage, journal) for journal in journals]
        for n in range(8):
            await reserved(stages[n % 2], 1 + n // 2)
        assert len(stage.sandbox.reservations()) == 3
        for journal in journals:
            await journal.close()


async def test_the_memory_of_what_ended_is_given_back() -> None:
    async with staged() as stage:
        journal = stage.app.booking.journal
        assert isinstance(journal, SqlJournal)
        for _ in range(3):
            await reserved(stage)
            stage.move(3600)
        await reserved(stage)
        counted = sa.select(HELD.c.reservation_id)
        assert len(await journal._read(lambda tx: tx.run(counted).all())) == 1
