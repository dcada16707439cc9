"""Every journey in memory, in both eras; six of them over stdio. `make journeys` plays them all."""

from pathlib import Path

import anyio
import pytest

from tests.fixtures.assistant import ERAS
from tests.journeys.budget import MOST_OF_A_REPLY, size_of
from tests.journeys.scene import in_memory, over_stdio
from tests.journeys.scripts import JOURNEYS, Journey

pytestmark = pytest.mark.anyio
SECONDS = 60
OVER_STDIO = {
    "Two seats at the next match for less than sixty euros": "auto",
    "Six skiers are named in one call, one of them wrong, and only that one again": "legacy",
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
            for tool, answer in scene.calls:
                assert size_of(answer) <= MOST_OF_A_REPLY, tool


@pytest.mark.parametrize(("name", "mode"), OVER_STDIO.items())
async def test_over_stdio(name: str, mode: str, tmp_path: Path) -> None:
    with anyio.fail_after(SECONDS):
        async with over_stdio(BY_NAME[name], mode, tmp_path) as scene:
            await BY_NAME[name].play(scene)


def test_every_journey_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(JOURNEYS) >= 44
