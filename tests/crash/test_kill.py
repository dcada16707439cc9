"""A server that is killed at any moment doubles nothing and loses nothing."""

import pytest

from tests.crash.kill import Tally, fight
from tests.fixtures.postgres import cluster, programs

pytestmark = pytest.mark.anyio
PER_POINT, AT_RANDOM = 1, 30
"""A sample of `make kill-test`: each place once on each store."""


def assert_clean(tally: Tally) -> None:
    assert not tally.sentences
    assert not tally.missed
    assert tally.kills["at random"] == AT_RANDOM


async def test_on_sqlite() -> None:
    assert_clean(await fight(PER_POINT, AT_RANDOM, postgres=None, seed=1))


async def test_on_postgresql() -> None:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    with cluster(found) as running:
        assert_clean(await fight(PER_POINT, AT_RANDOM, postgres=running, seed=2))
