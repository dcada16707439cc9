"""How much less an assistant reads than the API answers, over all journeys."""

import logging
import tempfile
from pathlib import Path
from statistics import median

import anyio

from tests.journeys.budget import Cost
from tests.journeys.scene import in_memory
from tests.journeys.scripts import JOURNEYS, Journey


def main() -> None:
    """One line: the medians over the journeys, each with a server and a sandbox of its own."""
    logging.disable(logging.CRITICAL)  # they script faults, and retries are logged
    costs = anyio.run(_costs)
    logging.disable(logging.NOTSET)
    print(
        f"upstream tokens for one of ours: {median(c.ratio for c in costs):.0f}, "
        f"{median(c.ratio_without_catalog for c in costs):.1f} without reading the catalog "
        f"(medians of {len(costs)} journeys); "
        f"tokens of a journey's replies: {median(c.replies for c in costs):.0f}"
    )


async def _costs() -> list[Cost]:
    return [await _cost(each) for each in JOURNEYS]


async def _cost(journey: Journey) -> Cost:
    with tempfile.TemporaryDirectory(prefix="korus-journey-") as folder:
        async with in_memory(journey, "auto", Path(folder)) as scene:
            await journey.play(scene)
            return Cost.of(scene.world)


if __name__ == "__main__":
    main()
