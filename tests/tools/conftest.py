"""Desks whose server is in memory: one for each test, or two for a whole module.

The module's desks open and close together: their cancel scopes must nest.
"""

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.assistant import ERAS, Desk, desk


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(name="desk")
async def a_desk(anyio_backend: str) -> AsyncIterator[Desk]:
    """A desk of one's own, at which only the park sells."""
    async with desk(only=("park",)) as each:
        yield each


@pytest.fixture(scope="module", params=ERAS)
async def desks(
    request: pytest.FixtureRequest, anyio_backend: str
) -> AsyncIterator[tuple[Desk, Desk]]:
    async with desk(mode=request.param) as shared, desk(mode=request.param) as cold:
        yield shared, cold


@pytest.fixture
def shared(desks: tuple[Desk, Desk]) -> Desk:
    """A desk in each era, for calls after which others can go on."""
    return desks[0]


@pytest.fixture
def cold(desks: tuple[Desk, Desk]) -> Desk:
    """A desk in each era that must never have asked anybody anything."""
    return desks[1]
