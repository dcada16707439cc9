"""A sandbox that always has the same ids and time, and a caller with a token."""

from collections.abc import AsyncIterator

import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Sandbox, SandboxOptions
from tests.sandbox.caller import Caller, calling


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(SandboxOptions(seed=7), clock=ManualClock())


@pytest.fixture
async def caller(sandbox: Sandbox, anyio_backend: str) -> AsyncIterator[Caller]:
    async with calling(sandbox) as each:
        yield each
