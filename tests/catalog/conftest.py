"""Services of the catalog room, opened anew for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.booking.stage import Stage, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as each:
        yield each
