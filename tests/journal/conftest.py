"""The stores of the journal, behind one fixture."""

import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from korus_mcp.foundation.clock import ShiftedClock
from korus_mcp.journal import Journal
from korus_mcp.journal.opening import IN_MEMORY
from korus_mcp.journal.sql import SqlJournal
from tests.fixtures.postgres import Cluster
from tests.journal.memory import MemoryJournal

STORES = ("model", "memory", "sqlite", "postgres")


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def sql_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """The address of a new, empty database."""

    def address(store: str) -> str:
        if store == "memory":
            return IN_MEMORY
        if store == "sqlite":
            return f"sqlite:///{tmp_path / secrets.token_hex(4)}.sqlite"
        running: Cluster = request.getfixturevalue("postgres")
        return running.new_database()

    return address


@pytest.fixture(params=STORES)
async def journal(
    request: pytest.FixtureRequest, clock: ShiftedClock, sql_url: Callable[[str], str]
) -> AsyncIterator[Journal]:
    if request.param == "model":
        yield MemoryJournal(clock)
        return
    opened = SqlJournal.at(sql_url(request.param), "account", clock=clock, audit_key="a key")
    try:
        yield opened
    finally:
        await opened.close()
