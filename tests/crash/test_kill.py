"""A server that is killed or ended at any moment doubles nothing and loses nothing."""

import pytest

from tests.crash.endings import ENDINGS
from tests.crash.kill import Tally, fight
from tests.fixtures.postgres import Cluster

pytestmark = pytest.mark.anyio
PER_POINT, AT_RANDOM, BY_HOSTS = 1, 20, 10
"""A sample of `make kill-test`: each place, and each way of hosts, once on each store."""
LIVES, LANES = 15, 3
"""Lives are mostly waited for: as many side by side as two processors bear."""


async def sample(postgres: Cluster | None, seed: int) -> Tally:
    asked = (PER_POINT, AT_RANDOM, BY_HOSTS)
    return await fight(*asked, postgres=postgres, seed=seed, lives=LIVES, lanes=LANES)


def assert_clean(tally: Tally) -> None:
    assert not tally.sentences
    assert not tally.missed
    assert tally.kills["at random"] == AT_RANDOM
    assert set(tally.by_hosts) == {each.name for each in ENDINGS}
    assert sum(tally.by_hosts.values()) == BY_HOSTS


async def test_on_sqlite() -> None:
    assert_clean(await sample(None, seed=1))


async def test_on_postgresql(postgres: Cluster) -> None:
    assert_clean(await sample(postgres, seed=2))
