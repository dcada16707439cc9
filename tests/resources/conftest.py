"""A desk in each era, shared by the tests of a module; its client keeps nothing that it read."""

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.assistant import ERAS, Desk, desk


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=ERAS)
async def shared(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[Desk]:
    async with desk(mode=request.param, cache=None) as each:
        yield each
