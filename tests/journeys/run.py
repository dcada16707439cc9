"""`make journeys`: every journey over stdio, in both eras, with what it cost.

A server of its own for each, a sandbox on loopback beside it. Fails when a journey does, or when a
budget is passed.
"""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import anyio

from tests.fixtures.assistant import ERAS
from tests.journeys.budget import (
    LEAST_RATIO,
    MEDIAN_TOKENS,
    MOST_CALLS,
    MOST_CALLS_TO_AN_ORDER,
    MOST_OF_A_REPLY,
    MOST_QUESTIONS,
    Cost,
)
from tests.journeys.scene import over_stdio
from tests.journeys.scripts import JOURNEYS, Journey

SECONDS: Final = 90
"""For one journey, on a busy machine."""
SIDE_BY_SIDE: Final = 4
"""They wait more than they work."""
HEAD: Final = """\
tokens: of all replies; ratio: tokens upstream for one of ours, with and without reading the catalog
era    calls  tokens largest  ratio without * simple, outcome, journey"""


@dataclass(frozen=True)
class Played:
    """A journey that came to its end, well or not: `failure` says what went wrong."""

    journey: Journey
    era: str
    cost: Cost | None = None
    failure: str | None = None

    def row(self) -> str:
        """A line of the table."""
        simple = "*" if self.journey.is_simple else " "
        outcome = "ok" if self.failure is None else f"FAILED {self.failure}"
        return f"{self.era:6} {self._figures():36} {simple} {outcome}  {self.journey.name}"

    def _figures(self) -> str:
        c = self.cost
        if c is None:
            return ""
        ratios = f"{c.ratio:6.0f} {c.ratio_without_catalog:7.1f}"
        return f"{c.calls:5} {c.replies:7,} {c.largest:7,} {ratios}"


@dataclass(frozen=True)
class Figure:
    """What was measured over all journeys, and what it has to keep to."""

    name: str
    value: float
    limit: float | None = None
    is_least: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether it keeps to its limit."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.is_least else self.value <= self.limit

    def row(self) -> str:
        """A line below the table."""
        if self.limit is None:
            return f"{self.name}: {self.value:,.1f}"
        sign = ">=" if self.is_least else "<="
        verdict = "" if self.is_kept else "  NOT KEPT"
        return f"{self.name}: {self.value:,.0f} ({sign} {self.limit:,.0f}){verdict}"


def main() -> int:
    """Play them, print the table, answer the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="journeys that have these words in their name")
    parser.add_argument("--era", choices=ERAS, help="one era only")
    parser.add_argument("--side-by-side", type=int, default=SIDE_BY_SIDE)
    given = parser.parse_args()
    eras = (given.era,) if given.era else ERAS
    wished = [(j, era) for j in JOURNEYS if given.only in j.name for era in eras]
    played = anyio.run(_all, wished, given.side_by_side)
    failed = sum(each.failure is not None for each in played)
    figures = figures_of([each for each in played if each.cost is not None])
    rows = [
        HEAD,
        *(each.row() for each in played),
        f"{len(played) - failed} of {len(played)} journeys passed over stdio.",
        *(figure.row() for figure in figures),
    ]
    sys.stdout.write("\n".join(rows) + "\n")
    return int(not played or failed > 0 or not all(figure.is_kept for figure in figures))


def figures_of(played: Sequence[Played]) -> list[Figure]:
    """The medians, and the largest reply of all."""
    costs = [each.cost for each in played if each.cost]
    simple = [each.cost for each in played if each.cost and each.journey.is_simple]
    if not simple:
        return []
    return [
        Figure(
            "calls of a simple booking up to its order, median",
            median(c.to_an_order for c in simple),
            MOST_CALLS_TO_AN_ORDER,
        ),
        Figure("the same with its tickets", median(c.calls for c in simple), MOST_CALLS),
        Figure(
            "questions to its person, at most", max(c.questions for c in simple), MOST_QUESTIONS
        ),
        Figure("its tokens, median", median(c.replies for c in simple), MEDIAN_TOKENS),
        Figure("largest single reply", max(c.largest for c in costs), MOST_OF_A_REPLY),
        Figure(
            "upstream tokens for one of ours, median",
            median(c.ratio for c in costs),
            LEAST_RATIO,
            is_least=True,
        ),
        Figure(
            "the same without reading the catalog, median",
            median(c.ratio_without_catalog for c in costs),
        ),
    ]


async def _all(wished: Iterable[tuple[Journey, str]], side_by_side: int) -> list[Played]:
    found: dict[tuple[str, str], Played] = {}
    places = anyio.CapacityLimiter(side_by_side)

    async def go(journey: Journey, era: str) -> None:
        async with places:
            found[journey.name, era] = await _played(journey, era)

    order = list(wished)
    async with anyio.create_task_group() as tasks:
        for journey, era in order:
            tasks.start_soon(partial(go, journey, era))
    return [found[journey.name, era] for journey, era in order]


async def _played(journey: Journey, era: str) -> Played:
    with tempfile.TemporaryDirectory(prefix="korus-journey-") as folder:
        try:
            with anyio.fail_after(SECONDS):
                async with over_stdio(journey, era, Path(folder)) as scene:
                    await journey.play(scene)
                    return Played(journey, era, Cost.of(scene.world))
        except Exception as error:  # noqa: BLE001 - told in the table, and the run has failed
            return Played(journey, era, failure=_told(error))


def _told(error: BaseException) -> str:
    """What went wrong, and at which line of whose script."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    said = (str(error).splitlines() or [""])[0][:160]
    frames = traceback.extract_tb(error.__traceback__)
    line = next((f for f in reversed(frames) if Path(f.filename).parent.name == "scripts"), None)
    where = f" at {Path(line.filename).name}:{line.lineno} {line.line}" if line else ""
    return f"{type(error).__name__}: {said}{where}"


if __name__ == "__main__":
    sys.exit(main())
