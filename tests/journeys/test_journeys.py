"""Every journey in memory, in both eras; six of them over stdio. `make journeys` plays them all."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from tests.fixtures.assistant import ERAS
from tests.journeys.budget import MOST_CALLS, MOST_OF_A_REPLY, MOST_TOKENS, size_of
from tests.journeys.journey import End, check
from tests.journeys.scene import World, in_memory, over_stdio
from tests.journeys.scripts import JOURNEYS, Journey

pytestmark = pytest.mark.anyio
SECONDS = 60
OVER_STDIO = {
    "Two seats at the next match for less than sixty euros": "auto",
    "Three skiers are named in one call, one of them wrong, and only that one again": "legacy",
    "An order stays in doubt while nobody can look, and is found later": "auto",
    "A hold runs out while the person thinks; it is made anew": "legacy",
    "A server narrowed to three tools holds, and cannot order": "auto",
    "Somebody else of the same account sees neither the hold nor the order": "legacy",
}
BY_NAME = {each.name: each for each in JOURNEYS}


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda j: j.name)
async def test_in_memory(journey: Journey, mode: str, tmp_path: Path) -> None:
    with anyio.fail_after(SECONDS):
        async with in_memory(journey, mode, tmp_path, is_quick=True) as scene:
            await journey.play(scene)
            sizes = [size_of(answer) for _, answer in scene.calls]
            assert max(sizes) <= MOST_OF_A_REPLY
            if journey.is_simple:
                assert len(sizes) <= MOST_CALLS
                assert sum(sizes) <= MOST_TOKENS


@pytest.mark.parametrize(("name", "mode"), OVER_STDIO.items())
async def test_over_stdio(name: str, mode: str, tmp_path: Path) -> None:
    with anyio.fail_after(SECONDS):
        async with over_stdio(BY_NAME[name], mode, tmp_path) as scene:
            await BY_NAME[name].play(scene)


Forgery = Callable[[World, End], End]
FORGERIES: dict[str, Forgery] = {
    "ordered": lambda world, end: replace(end, orders=end.orders[1:]),
    "held": lambda world, end: replace(end, held=end.orders),
    "cancelled": lambda world, end: replace(end, cancelled=end.orders),
    "reserve calls": lambda world, end: replace(end, reserve_calls=2),
    "order calls": lambda world, end: replace(end, order_calls=2),
    "agreed to": lambda world, end: unasked(world, end),
}


def unasked(world: World, end: End) -> End:
    """The same end, and nobody had said yes."""
    world.agreed.clear()
    return end


@pytest.mark.parametrize("what", FORGERIES)
async def test_the_oracle_sees_an_end_that_was_not_promised(what: str, tmp_path: Path) -> None:
    present = BY_NAME["A ticket without a date as a present"]
    async with in_memory(present, "auto", tmp_path, is_quick=True) as scene:
        end = await present.script(scene)
        check(end, scene.world)
        with pytest.raises(AssertionError, match=what):
            check(FORGERIES[what](scene.world, end), scene.world)


def test_every_journey_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(JOURNEYS) >= 44
