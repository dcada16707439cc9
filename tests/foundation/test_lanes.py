"""Who is next among those who wait, in virtual time."""

from collections.abc import Coroutine, Iterator
from contextlib import closing
from typing import Any

import anyio
import pytest

from korus_mcp.foundation import lanes
from korus_mcp.foundation.lanes import Call, Lane, NoPlace, on_behalf_of
from korus_mcp.foundation.measures import SHED, heard_by
from tests.foundation.test_measures import Heard
from tests.simulation.virtual import VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with closing(VirtualLoop()) as made:
        yield made


def finished(loop: VirtualLoop, work: Coroutine[Any, Any, None]) -> float:
    """Run to the end; the seconds it took."""
    loop.finish(work)
    return loop.time()


class Road:
    """A lane, and what became of the requests in it: who went when, and who was turned away."""

    def __init__(self, lane: Lane, seconds: float = 1.0) -> None:
        self.lane, self.seconds = lane, seconds
        self.went: list[tuple[float, str]] = []
        self.turned_away: list[tuple[float, str]] = []
        self.inside, self.most = 0, 0

    async def send(self, call: Call | None) -> None:
        """A request that takes a while."""
        with on_behalf_of(call):
            began, name = anyio.current_time(), call.owner if call else "nobody"
            try:
                owner = await self.lane.enter()
            except NoPlace:
                self.turned_away.append((round(anyio.current_time() - began, 3), name))
                return
            self.went.append((round(anyio.current_time(), 3), name))
            self.inside += 1
            self.most = max(self.most, self.inside)
            try:
                await anyio.sleep(self.seconds)
            finally:
                self.inside -= 1
                self.lane.leave(owner)

    def when(self, name: str) -> list[float]:
        """When requests of somebody went."""
        return [at for at, who in self.went if who == name]


def test_there_are_no_more_at_once_than_places_and_no_more_of_one_than_their_share(
    loop: VirtualLoop,
) -> None:
    road = Road(Lane("reads", 4, share=3))

    async def crowd() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(9):
                tasks.start_soon(road.send, Call("greedy"))
            await anyio.wait_all_tasks_blocked()
            assert road.inside == 3
            tasks.start_soon(road.send, Call("other"))
            await anyio.wait_all_tasks_blocked()
            assert road.inside == 4

    assert finished(loop, crowd()) == pytest.approx(3, abs=0.01)
    assert (road.most, len(road.went), road.when("other")) == (4, 10, [0.0])


def test_who_wants_one_thing_is_next_however_much_somebody_else_wants(loop: VirtualLoop) -> None:
    road = Road(Lane("reads", 2))

    async def crowd() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(road.send, Call("greedy"))
            await anyio.wait_all_tasks_blocked()
            for name in ("one", "other", "one"):
                tasks.start_soon(road.send, Call(name))

    finished(loop, crowd())
    assert (road.when("one"), road.when("other")) == ([1.0, 2.0], [2.0])
    assert len(road.when("greedy")) == 100


def test_what_goes_first_goes_before_everybody(loop: VirtualLoop) -> None:
    road = Road(Lane("reads", 1))

    async def crowd() -> None:
        async with anyio.create_task_group() as tasks:
            for name in ("one", "two", "three"):
                tasks.start_soon(road.send, Call(name))
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(road.send, Call("buyer", goes_first=True))

    finished(loop, crowd())
    assert [name for _, name in road.went] == ["one", "buyer", "two", "three"]


def test_a_call_is_turned_away_in_time_unless_it_had_a_place(loop: VirtualLoop) -> None:
    road = Road(Lane("reads", 2, seconds=2, is_kept=True), seconds=1.5)
    begun, late = Call("begun"), Call("late")

    async def crowd() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(road.send, begun)
            for _ in range(50):
                tasks.start_soon(road.send, late)
                tasks.start_soon(road.send, None)

    with heard_by(heard := Heard()):
        finished(loop, crowd())
    # `late` had its turn at 1.5 s: what it sent beside that waits as well.
    assert not road.turned_away
    assert (len(road.when("begun")), len(road.when("late"))) == (8, 50)
    assert len(road.when("nobody")) == 50
    assert not heard.taken


def test_who_is_turned_away_hears_it_within_the_time_and_it_is_counted(loop: VirtualLoop) -> None:
    road = Road(Lane("reads", 2, seconds=2, is_kept=True), seconds=30)

    async def crowd() -> None:
        async with anyio.create_task_group() as tasks:
            for n in range(102):
                tasks.start_soon(road.send, Call(f"caller {n}"))

    with heard_by(heard := Heard()):
        assert finished(loop, crowd()) == pytest.approx(30, abs=0.01)
    assert [seconds for seconds, _ in road.turned_away] == [2.0] * 100
    assert heard.taken == [(SHED.name, 1.0, {"lane": "reads"})] * 100
    assert not road.lane._first
    assert not road.lane._others
    assert not road.lane._undecided


def test_in_a_lane_that_keeps_nobody_all_are_bounded(loop: VirtualLoop) -> None:
    road = Road(Lane("bookings", 1, seconds=10), seconds=30)
    call = Call("one", goes_first=True)

    async def crowd() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(road.send, call)

    finished(loop, crowd())
    assert road.turned_away == [(10.0, "one")] * 2


def test_the_queue_is_bounded_in_number(loop: VirtualLoop) -> None:
    road = Road(Lane("reads", 1, seconds=2, is_kept=True), seconds=30)

    async def crowd() -> None:
        async with anyio.create_task_group() as tasks:
            for n in range(lanes.MOST_WAITING + 11):
                tasks.start_soon(road.send, Call(f"caller {n}"))

    finished(loop, crowd())
    assert [seconds for seconds, _ in road.turned_away[:11]] == [0.0] * 10 + [2.0]


@pytest.mark.parametrize("is_there", [False, True], ids=["it waits", "its place comes"])
def test_a_caller_who_leaves_takes_no_place(loop: VirtualLoop, is_there: bool) -> None:
    road = Road(Lane("reads", 1), seconds=1)

    async def crowd() -> None:
        async with anyio.create_task_group() as tasks:
            owner = await road.lane.enter()
            async with anyio.create_task_group() as leaving:
                leaving.start_soon(road.send, Call("leaver"))
                await anyio.wait_all_tasks_blocked()
                if is_there:
                    road.lane.leave(owner)
                leaving.cancel_scope.cancel()
            if not is_there:
                road.lane.leave(owner)
            tasks.start_soon(road.send, Call("other"))
            tasks.start_soon(road.send, Call("other"))

    finished(loop, crowd())
    assert road.when("other") == [0.0, 1.0]
    assert road.most == 1
    assert not road.lane._others
    assert not road.lane._taken
