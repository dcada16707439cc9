"""Two servers on one journal: an equal call to the other one is the same call."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from korus_mcp.api import ApiError
from korus_mcp.booking.quote import Quote, Quotes
from korus_mcp.booking.reserved import Reserved, ReserveState
from korus_mcp.booking.reserving import ROUNDS
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.pace import Pace
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal import Journal
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.sandbox import Answer, Delay, DropAfter
from tests.booking.stage import GatedClock, Stage, over, staged
from tests.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio
POST = "createReservations"
AGAIN = pytest.mark.parametrize("again", [False, True], ids=["once", "again"])


class Slow(Quotes):
    """Figures that are told after something else has happened, each time."""

    def __init__(self, quotes: Quotes, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._quotes = quotes
        self._meanwhile = meanwhile
        self.asked = 0

    async def of_offer(
        self, handle: Handle, language: str, *, is_part_enough: bool = False
    ) -> Quote:
        self.asked += 1
        await self._meanwhile()
        return await self._quotes.of_offer(handle, language, is_part_enough=is_part_enough)


@dataclass
class Two:
    """Two servers; of the slow one `quotes` are what it reads before it holds anything."""

    quick: Stage
    slow: Stage
    quotes: Slow

    @property
    def holds(self) -> list[str]:
        return [r.id for r in self.quick.sandbox.reservations()]

    @property
    def sent(self) -> int:
        return self.quick.sent(POST)


def beside(stage: Stage, journal: Journal, quotes: Quotes) -> Stage:
    """Another server on a journal."""
    app = copy(stage.app)
    app.quotes = quotes
    return over(replace(stage, app=app), journal)


@asynccontextmanager
async def two(
    meanwhile: Callable[[Stage, int], Awaitable[object]],
    *,
    journal: SqlJournal | None = None,
    **changes: Any,
) -> AsyncIterator[Two]:
    """`meanwhile` is done on the quick one while the slow one reads, told how often it read."""
    async with staged(**changes) as stage:
        journal = journal or MemoryJournal(stage.clock)
        quick = beside(stage, journal, stage.app.quotes)
        slow = Slow(stage.app.quotes, lambda: meanwhile(quick, slow.asked))
        try:
            yield Two(quick, beside(stage, journal, slow), slow)
        finally:
            await journal.close()


async def nothing(quick: Stage, time: int) -> None:
    """The quick one is left alone."""


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@AGAIN
async def test_an_equal_call_that_ended_while_the_offers_were_read_is_answered_with_its_holds(
    store: str, tmp_path: Path, *, again: bool
) -> None:
    answers = list[Reserved]()

    async def equal(quick: Stage, time: int) -> None:
        if time == 1:
            answers.append(await quick.reserve(quick.wish("park_offer", 2), again=again))

    async with staged() as clocked:
        url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
        kept = SqlJournal.at(url, "account", clock=clocked.clock) if store == "sqlite" else None
        async with two(equal, journal=kept, max_open_holds=1) as both:
            late = await both.slow.reserve(both.slow.wish("park_offer", 2), again=again)
            (first,) = answers
            assert (first.replayed, late.replayed) == (False, True)
            assert [h.id for h in late.holds] == [h.id for h in first.holds] == both.holds
            assert both.sent == 1


async def test_an_equal_call_under_way_when_a_second_hold_is_wished_for_is_that_second_hold() -> (
    None
):
    gated, answers = GatedClock(), dict[str, Reserved]()

    async def ask(name: str, stage: Stage) -> None:
        answers[name] = await stage.reserve(stage.wish("park_offer"), again=True)

    async with two(nothing, sandbox_clock=gated) as both:
        both.quick.sandbox.faults.add(Delay(seconds=5), POST)
        async with anyio.create_task_group() as callers:
            callers.start_soon(ask, "quick", both.quick)
            await gated.asleep.wait()
            callers.start_soon(ask, "slow", both.slow)
            await anyio.wait_all_tasks_blocked()
            gated.gate.set()
        assert (answers["quick"].replayed, answers["slow"].replayed) == (False, True)
        assert [h.id for each in answers.values() for h in each.holds] == both.holds * 2
        assert both.sent == 1
        await ask("third", both.slow)
        assert (answers["third"].replayed, both.sent) == (False, 2), "that one ended before"


async def test_a_second_hold_is_made_though_the_first_was_while_the_offers_were_read() -> None:
    async def plain(quick: Stage, time: int) -> None:
        if time == 1:
            await quick.held()

    async with two(plain) as both:
        second = await both.slow.reserve(both.slow.wish("park_offer"), again=True)
        assert (second.state, second.replayed) == (ReserveState.HELD, False)
        assert (both.sent, both.quotes.asked, len(set(both.holds))) == (2, 2, 2)


async def test_what_another_server_held_meanwhile_is_no_write_of_this_one() -> None:
    async def equal(quick: Stage, time: int) -> None:
        if time == 1:
            await quick.held()

    async with two(equal) as both:
        pace = Pace(both.slow.clock, calls_per_minute=0, writes_per_minute=1)
        both.slow.app.booking.reserving.pace = pace
        assert (await both.slow.reserve(both.slow.wish("park_offer"))).replayed
        assert not (await both.slow.reserve(both.slow.wish("park_offer", 2))).replayed
        with pytest.raises(Refusal) as refusal:
            await both.slow.reserve(both.slow.wish("park_offer", 3))
        assert refusal.value.code is Code.SERVER_BUSY
        assert both.sent == 2


@pytest.mark.parametrize("mine", [False, True], ids=["once", "again"])
@pytest.mark.parametrize("other", [False, True], ids=["beside once", "beside again"])
async def test_a_doubt_that_came_up_while_the_offers_were_read_is_waited_for(
    *, mine: bool, other: bool
) -> None:
    async def lost(quick: Stage, time: int) -> None:
        if time == 1:
            quick.sandbox.faults.add(DropAfter(), POST)
            answer = await quick.reserve(quick.wish("park_offer"), again=other)
            assert answer.state is ReserveState.IN_DOUBT

    async with two(lost) as both:
        answer = await both.slow.reserve(both.slow.wish("park_offer"), again=mine)
        assert (answer.state, answer.check_again_after) == (ReserveState.IN_DOUBT, 375)
        assert both.sent == 1


async def test_an_equal_call_that_held_nothing_meanwhile_is_no_obstacle() -> None:
    async def refused(quick: Stage, time: int) -> None:
        if time == 1:
            quick.sandbox.faults.add(Answer(status=422, body="empty"), POST)
            with pytest.raises(ApiError):
                await quick.held()

    async with two(refused) as both:
        answer = await both.slow.reserve(both.slow.wish("park_offer"))
        assert (answer.state, answer.replayed) == (ReserveState.HELD, False)
        assert (both.sent, len(both.holds), both.quotes.asked) == (2, 1, 2)


async def test_one_whose_equals_come_in_between_each_time_sends_nothing_and_ends() -> None:
    async def released(quick: Stage, time: int) -> None:
        del time
        hold = await quick.held()
        quick.sandbox.release_reservation(hold.id)

    async with two(released) as both:
        answer = await both.slow.reserve(both.slow.wish("park_offer"))
        assert (answer.state, answer.holds) == (ReserveState.IN_DOUBT, ())
        assert answer.check_again_after == 10
        assert (both.quotes.asked, both.sent) == (ROUNDS, ROUNDS)


async def test_a_lost_hold_that_was_taken_up_while_the_offers_were_read_is_not_made_again() -> None:
    """It was in doubt and past its time when the call looked: nobody else had found it yet."""
    hidden = True

    def hide(path: str, body: dict[str, Any]) -> None:
        if hidden and path.endswith("/reservations") and "member" in body:
            body["member"] = []

    async def found(quick: Stage, time: int) -> None:
        nonlocal hidden
        if time == 1:
            hidden = False
            answer = await quick.reserve(quick.wish("park_offer"))
            assert answer.state is ReserveState.HELD

    async with two(found, rewrite=hide, sole_writer=True) as both:
        both.quick.sandbox.faults.add(DropAfter(), POST)
        lost = await both.quick.reserve(both.quick.wish("park_offer"))
        assert lost.state is ReserveState.IN_DOUBT
        both.quick.move(lost.check_again_after or 0)
        answer = await both.slow.reserve(both.slow.wish("park_offer"))
        assert [h.id for h in answer.holds] == both.holds
        assert (answer.replayed, both.sent) == (True, 1)


async def test_a_second_hold_that_was_lost_is_found_by_the_same_call_and_not_made_again() -> None:
    hidden = True

    def hide(path: str, body: dict[str, Any]) -> None:
        if hidden and path.endswith("/reservations") and "member" in body:
            body["member"] = []

    async with two(nothing, rewrite=hide, sole_writer=True) as both:
        both.quick.sandbox.faults.add(DropAfter(), POST)
        lost = await both.quick.reserve(both.quick.wish("park_offer"), again=True)
        assert lost.state is ReserveState.IN_DOUBT
        hidden = False
        answer = await both.slow.reserve(both.slow.wish("park_offer"), again=True)
        assert [h.id for h in answer.holds] == both.holds
        assert both.sent == 1
