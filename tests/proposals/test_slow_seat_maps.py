"""Seat maps that the API is slow to send keep nobody else's map waiting."""

import anyio
import pytest

from korus_mcp.api import TimedOut
from korus_mcp.foundation.deadlines import READ_SECONDS
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.proposals.seat_plans import SeatPlan, SeatQuery
from korus_mcp.seating import drafting
from tests.booking.stage import Stage, staged, turn_the_loop
from tests.catalog.test_deadline import Sandbox

pytestmark = pytest.mark.anyio
HUNG = 8


async def plan_of(stage: Stage, landmark: str, seat_map_id: str | None = None) -> SeatPlan:
    with anyio.fail_after(READ_SECONDS):
        return await stage.app.seat_plans.plan(
            stage.handle(landmark), SeatQuery(), "en", seat_map_id=seat_map_id
        )


def maps_hang(stage: Stage, sandbox: Sandbox, landmark: str) -> None:
    house = stage.handle(landmark).id
    sandbox.hangs = lambda request: (
        ("/seat-maps/" in request.url.path or "/seat_maps/" in request.url.path)
        and house in request.url.path
    )


async def failing(stage: Stage, failures: list[Exception], seat_map_id: str | None) -> None:
    try:
        await plan_of(stage, "stadium_base", seat_map_id)
    except (TimedOut, Refusal) as failure:
        failures.append(failure)


async def test_a_map_is_drawn_while_those_of_another_house_never_come() -> None:
    sandbox = Sandbox()
    async with staged(selling=("hall", "stadium"), through=sandbox) as stage:
        usual = await plan_of(stage, "hall_base")
        await plan_of(stage, "stadium_base")
        maps_hang(stage, sandbox, "stadium_base")
        failures: list[Exception] = []
        async with anyio.create_task_group() as group:
            for number in range(HUNG):
                group.start_soon(failing, stage, failures, f"map-{number}")
            await sandbox.is_waited_for(HUNG)
            with anyio.fail_after(60):
                beside = await plan_of(stage, "hall_base")
            assert beside.table == usual.table
            assert not failures
            turn_the_loop(drafting.SECONDS)
        assert [type(each) for each in failures] == [TimedOut] * HUNG


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each map is read, also one that was just seen."""
    monkeypatch.setattr(drafting, "KEPT_PLACES", 0)


async def test_a_map_that_is_late_is_told_as_that_and_not_as_a_crowd() -> None:
    sandbox = Sandbox()
    async with staged(selling=("stadium",), through=sandbox) as stage:
        await plan_of(stage, "stadium_base")
        maps_hang(stage, sandbox, "stadium_base")
        failures: list[Exception] = []
        async with anyio.create_task_group() as group:
            group.start_soon(failing, stage, failures, None)
            group.start_soon(failing, stage, failures, None)
            await sandbox.is_waited_for()
            turn_the_loop(drafting.SECONDS)
        assert [type(each) for each in failures] == [TimedOut] * 2
        assert sandbox.made[0].waiting == 1, "equal questions share one"


async def test_a_map_that_waits_for_its_turn_is_told_as_that() -> None:
    async with staged(selling=("stadium",)) as stage:
        await plan_of(stage, "stadium_base")
        places = stage.app.seat_plans._drafting._places
        for holder in range(drafting.AT_ONCE):
            await places.acquire_on_behalf_of(holder)
        failures: list[Exception] = []
        async with anyio.create_task_group() as group:
            group.start_soon(failing, stage, failures, None)
            while not places.statistics().tasks_waiting:  # noqa: ASYNC110 - it is on its way
                await anyio.sleep(0.01)
            turn_the_loop(drafting.SECONDS)
        (failure,) = failures
        assert isinstance(failure, Refusal)
        assert failure.code is Code.SERVER_BUSY
