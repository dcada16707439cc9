"""A trial of a journal says what a server would meet, and leaves everything as it was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal.engine import Database, version_of
from korus_mcp.journal.opening import journal_of
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.journal.tables import KEEPER, META, VERSION
from korus_mcp.journal.trial import Tried, tried
from korus_mcp.settings import Settings
from tests.journal.rows import intent, sent

pytestmark = pytest.mark.anyio
BOTH = pytest.mark.parametrize("store", ["sqlite", "postgres"])
Address = Callable[[str], str]


def of(url: str) -> Settings:
    return Settings(database_url=url)


async def trial_of(url: str) -> Tried:
    return await tried(of(url), SystemClock(), wait=timedelta(minutes=6))


async def made(url: str) -> None:
    journal = journal_of(of(url), SystemClock())
    await sent(journal, intent("a"))
    await journal.close()


def names_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


class Untouched(Database):
    """A database that is opened without anything being made in it."""

    def _made(self, connection: Connection) -> None:
        """Make nothing."""


async def told_by(url: str, work: Callable[[Connection], object]) -> object:
    database = Untouched(url, clock=SystemClock())
    try:
        return await database.run(work, writes=True)
    finally:
        await database.close()


async def test_a_server_s_empty_database_stays_empty(sql_url: Address) -> None:
    url = sql_url("postgres")
    for _ in range(2):
        assert await trial_of(url) == Tried(is_there=False)
    assert await told_by(url, version_of) is None


async def test_a_file_that_is_not_there_is_not_made_nor_its_folder(tmp_path: Path) -> None:
    assert await trial_of(f"sqlite:///{tmp_path}/new/folder/j.sqlite") == Tried(is_there=False)
    assert names_in(tmp_path) == []


@BOTH
async def test_a_journal_is_written_and_has_no_row_more(store: str, sql_url: Address) -> None:
    url = sql_url(store)
    await made(url)
    for _ in range(2):
        found = await trial_of(url)
        assert replace(found, met=None) == Tried(is_there=True, in_doubt=1)
        # A file that is replaced is seen by the server that has it open.
        assert (found.met is None) == (store == "sqlite")
    rows = await told_by(
        url, lambda c: c.execute(select(func.count()).select_from(KEEPER)).scalar_one()
    )
    assert rows == 1


@BOTH
async def test_an_older_journal_is_told_and_not_brought_up(store: str, sql_url: Address) -> None:
    url = sql_url(store)
    await made(url)
    await told_by(url, lambda c: c.execute(META.update().values(value=str(VERSION - 1))))
    assert await trial_of(url) == Tried(is_there=True, is_older=True)
    assert await told_by(url, version_of) == VERSION - 1


@BOTH
async def test_a_newer_journal_is_refused(store: str, sql_url: Address) -> None:
    url = sql_url(store)
    await made(url)
    await told_by(url, lambda c: c.execute(META.update().values(value=str(VERSION + 1))))
    with pytest.raises(JournalDown) as refused:
        await trial_of(url)
    assert refused.value.fault is JournalFault.NEWER
