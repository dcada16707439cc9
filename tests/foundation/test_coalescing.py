"""Shared questions: one answer for all who ask, and nobody takes the others along."""

from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import pytest
from anyio.abc import TaskGroup

from korus_mcp.foundation.coalescing import (
    KEPT_SECONDS,
    Abandoned,
    Flights,
    kept_apart,
    side_by_side,
)
from korus_mcp.foundation.lanes import Call, NoPlace, on_behalf_of, present_owner
from tests.booking.stage import turn_the_loop

pytestmark = pytest.mark.anyio


class Work:
    """Work that begins, waits for the gate, and then answers or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.started = 0
        self.begun = anyio.Event()
        self.gate = anyio.Event()
        self.error = error

    async def __call__(self) -> int:
        self.started += 1
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.started


async def test_all_who_ask_meanwhile_share_one_answer() -> None:
    work, answers = Work(), list[int]()

    async def ask(flights: Flights) -> None:
        answers.append(await flights.join("key", work))

    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        for _ in range(100):
            tasks.start_soon(ask, flights)
        await work.begun.wait()
        await anyio.wait_all_tasks_blocked()
        work.gate.set()
    assert answers == [1] * 100


async def test_nothing_is_kept_after_the_answer() -> None:
    work = Work()
    work.gate.set()
    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        assert [await flights.join("key", work), await flights.join("key", work)] == [1, 2]


async def left(flights: Flights, work: Work, askers: int = 1) -> None:
    """Have so many ask the same and go away before the answer is there."""
    async with anyio.create_task_group() as callers:
        for _ in range(askers):
            callers.start_soon(partial(flights.join, "key", work, is_kept=True))
        await work.begun.wait()
        await anyio.wait_all_tasks_blocked()
        callers.cancel_scope.cancel()


@pytest.mark.parametrize("askers", [1, 2])
async def test_who_left_before_the_answer_is_told_it_once_when_they_ask_again(askers: int) -> None:
    work = Work()
    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        await left(flights, work, askers)
        work.gate.set()
        await anyio.wait_all_tasks_blocked()
        told = [await flights.join("key", work, is_kept=True) for _ in range(askers + 1)]
        assert told == [1] * askers + [2], "to each of them once; after that it is asked anew"


async def test_a_failure_is_kept_as_well_for_who_left_before_it() -> None:
    work = Work(ValueError("it failed"))
    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        await left(flights, work)
        work.gate.set()
        await anyio.wait_all_tasks_blocked()
        for started in (1, 2):
            with pytest.raises(ValueError, match="it failed"):
                await flights.join("key", work, is_kept=True)
            assert work.started == started


async def test_who_asks_again_before_the_answer_is_no_longer_owed_it() -> None:
    work, answers = Work(), list[int]()

    async def ask(flights: Flights) -> None:
        answers.append(await flights.join("key", work, is_kept=True))

    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        await left(flights, work)
        tasks.start_soon(ask, flights)
        await anyio.wait_all_tasks_blocked()
        work.gate.set()
        await anyio.wait_all_tasks_blocked()
        await ask(flights)
    assert answers == [1, 2]


async def test_who_leaves_in_the_moment_of_the_answer_is_owed_it() -> None:
    work = Work()
    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)

        async def last() -> int:
            answer = await work()
            callers.cancel_scope.cancel()
            return answer

        async with anyio.create_task_group() as callers:
            callers.start_soon(partial(flights.join, "key", last, is_kept=True))
            await work.begun.wait()
            work.gate.set()
        assert [await flights.join("key", work, is_kept=True) for _ in range(2)] == [1, 2]


async def test_what_nobody_asks_for_again_is_forgotten_after_a_minute() -> None:
    work = Work()
    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        await left(flights, work)
        work.gate.set()
        await anyio.wait_all_tasks_blocked()
        turn_the_loop(KEPT_SECONDS + 1)
        assert await flights.join("key", work, is_kept=True) == 2


async def test_other_questions_have_answers_of_their_own() -> None:
    work = Work()
    work.gate.set()
    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        await flights.join("one", work)
        assert await flights.join("other", work) == 2


async def test_a_failure_is_told_to_everybody_as_itself() -> None:
    work, told = Work(LookupError("gone")), list[BaseException]()

    async def ask(flights: Flights) -> None:
        try:
            await flights.join("key", work)
        except LookupError as error:
            told.append(error)

    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        for _ in range(3):
            tasks.start_soon(ask, flights)
        await work.begun.wait()
        await anyio.wait_all_tasks_blocked()
        work.gate.set()
    assert told == [work.error] * 3


async def test_whoever_follows_a_caller_without_a_place_asks_for_themselves() -> None:
    started: list[str] = []
    told: dict[str, list[str]] = {"greedy": [], "other": []}

    async def work() -> str:
        owner = present_owner()
        started.append(owner)
        await anyio.wait_all_tasks_blocked()
        if owner == "greedy":
            raise NoPlace
        return "an answer"

    async def ask(flights: Flights, owner: str) -> None:
        with on_behalf_of(Call(owner)):
            try:
                told[owner].append(await flights.join("key", work))
            except NoPlace:
                told[owner].append("no place")

    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        async with anyio.create_task_group() as callers:
            for owner in ("greedy", "greedy", "other", "other"):
                callers.start_soon(ask, flights, owner)
    assert told == {"greedy": ["no place"] * 2, "other": ["an answer"] * 2}
    assert started == ["greedy", "other"]


async def test_a_cancelled_leader_does_not_fail_those_who_follow() -> None:
    work, answers = Work(), list[int]()

    async def ask(flights: Flights, group: TaskGroup) -> None:
        del group
        answers.append(await flights.join("key", work))

    async with anyio.create_task_group() as tasks:
        flights = Flights(tasks)
        async with anyio.create_task_group() as leaders:
            leaders.start_soon(ask, flights, leaders)
            await work.begun.wait()
            tasks.start_soon(ask, flights, tasks)
            await anyio.wait_all_tasks_blocked()
            leaders.cancel_scope.cancel()
        work.gate.set()
    assert answers == [1]
    assert work.started == 1


async def test_work_that_is_stopped_fails_those_who_wait_instead_of_answering_nothing() -> None:
    work, told = Work(), list[str]()

    async def ask(flights: Flights) -> None:
        try:
            await flights.join("key", work)
        except Abandoned as error:
            told.append(str(error))

    async with anyio.create_task_group() as callers, anyio.create_task_group() as tasks:
        callers.start_soon(ask, Flights(tasks))
        await work.begun.wait()
        tasks.cancel_scope.cancel()
    assert told == ["the work was stopped before it had an answer"]


async def test_answers_come_in_the_order_of_the_questions() -> None:
    async def answer(number: int) -> int:
        for _ in range(10 - number):
            await anyio.lowlevel.checkpoint()
        return number

    assert await side_by_side([partial(answer, n) for n in range(10)]) == list(range(10))
    assert await side_by_side([]) == []


async def test_no_more_are_under_way_than_the_limit() -> None:
    now = most = 0

    async def step() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await anyio.lowlevel.checkpoint()
        now -= 1

    await side_by_side([step] * 30, limit=4)
    assert most == 4


async def test_the_first_failure_comes_as_itself_and_stops_the_rest() -> None:
    work = Work()

    async def fail() -> int:
        await work.begun.wait()
        raise LookupError("gone")

    steps: list[Callable[[], Awaitable[int]]] = [work, fail]
    with pytest.raises(LookupError, match="gone") as failed:
        await side_by_side(steps)
    assert failed.value.__cause__ is None
    assert not work.gate.is_set()


async def test_a_crash_beside_others_is_logged_and_stops_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = list[str]()

    async def crash() -> None:
        raise LookupError("gone")

    async def other() -> None:
        await anyio.wait_all_tasks_blocked()
        ended.append("other")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(kept_apart, crash)
        tasks.start_soon(kept_apart, other)
    assert ended == ["other"]
    assert [r.message for r in caplog.records] == ["a background task crashed"]
