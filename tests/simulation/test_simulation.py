"""The coordinator under simulated crashes, and the simulation under rules left out."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.replica import Parts
from tests.simulation.story import AS_BUILT, Verdict, played, words_of
from tests.simulation.upstream import Fate
from tests.simulation.virtual import VirtualLoop

SEEDS = 1000
"""A sample of `make simulate`."""
PER_TEST = 250
TO_KILL = 1000
VERDICTS: dict[int, Verdict] = {}
"""Of the seeds that were played: a seed tells the same story again."""


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    logging.disable(logging.CRITICAL)
    with closing(VirtualLoop()) as made:
        yield made
    logging.disable(logging.NOTSET)


def verdict_of(seed: int, loop: VirtualLoop) -> Verdict:
    """The verdict on the coordinator as built."""
    if seed not in VERDICTS:
        VERDICTS[seed] = played(seed, loop)
    return VERDICTS[seed]


@pytest.mark.parametrize("first", range(0, SEEDS, PER_TEST))
def test_no_schedule_breaks_a_promise(first: int, loop: VirtualLoop) -> None:
    for seed in range(first, first + PER_TEST):
        verdict = verdict_of(seed, loop)
        assert verdict.is_clean, f"seed {seed}: {words_of(verdict.wrong)}"


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_left_out_is_found(name: str, loop: VirtualLoop) -> None:
    assert first_violation(MUTANTS[name], loop) is not None


def test_schedules_meet_all_there_is_to_meet(loop: VirtualLoop) -> None:
    """A simulation in which nothing happens would find nothing."""
    fates, crashes = Counter[Fate](), 0
    for seed in range(300):
        verdict = verdict_of(seed, loop)
        fates += verdict.fates
        crashes += verdict.crashes
    assert set(fates) == set(Fate)
    assert crashes > 300


@pytest.mark.parametrize("seed", [7, 58, 719])
def test_a_seed_tells_the_same_story_again(seed: int) -> None:
    with closing(VirtualLoop()) as one, closing(VirtualLoop()) as other:
        assert played(seed, one) == played(seed, other)


def first_violation(parts: Parts, loop: VirtualLoop) -> int | None:
    """The first seed that shows what is wrong."""
    return next((s for s in range(TO_KILL) if not played(s, loop, parts).is_clean), None)


def test_the_parts_as_built_are_no_mutant() -> None:
    assert AS_BUILT not in MUTANTS.values()
