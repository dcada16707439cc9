"""Journeys run on asyncio, as the server does."""

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.assistant import Desk, desk


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(name="desk")
async def a_desk(anyio_backend: str) -> AsyncIterator[Desk]:
    """A desk of one's own, at which the park and the ski area sell."""
    async with desk(only=("park", "ski")) as each:
        yield each
