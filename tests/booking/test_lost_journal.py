"""A file of the journal that is taken away under a running server: nothing new begins."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from korus_mcp.answers.explanations import explained
from korus_mcp.booking.ordered import OrderState
from korus_mcp.foundation.refusals import Code, Effect
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.journal.sql import SqlJournal
from tests.booking.stage import OWNER, Stage, over, staged
from tests.fixtures.hosts import PROJECT

pytestmark = pytest.mark.anyio


def delete(file: Path) -> None:
    """Take the name of the file away; who has it open goes on writing to it."""
    file.unlink()


def delete_all(file: Path) -> None:
    """The same for all its files."""
    for each in file.parent.iterdir():
        each.unlink()


def move(file: Path) -> None:
    """Give it another name."""
    file.rename(file.with_name("old.sqlite"))


def replace_by_a_copy(file: Path) -> None:
    """Restore it, as a backup does."""
    copy = file.with_name("copy.sqlite")
    shutil.copy(file, copy)
    copy.replace(file)


def delete_the_wal(file: Path) -> None:
    """Take away where the newest of it stands."""
    file.with_name(f"{file.name}-wal").unlink()


LOSSES = (delete, delete_all, move, replace_by_a_copy, delete_the_wal)


@asynccontextmanager
async def with_file(folder: Path) -> AsyncIterator[tuple[Stage, SqlJournal, Path]]:
    file = folder / "journal.sqlite"
    async with staged() as stage:
        journal = SqlJournal.at(f"sqlite:///{file}", "account", clock=stage.clock)
        yield over(stage, journal), journal, file


@pytest.mark.parametrize("lose", LOSSES)
async def test_nothing_begins_whose_journal_nobody_would_find(
    lose: Callable[[Path], None], tmp_path: Path
) -> None:
    async with with_file(tmp_path) as (stage, journal, file):
        hold = await stage.held()
        confirmation = await stage.confirmed(hold)
        lose(file)
        for given in (None, confirmation):
            with pytest.raises(JournalDown) as down:
                await stage.place(hold, confirmation=given)
            assert down.value.fault is JournalFault.GONE
            told = explained(down.value)
            assert (told.code, told.effect) == (Code.MISCONFIGURED, Effect.NONE)
        assert stage.sent("createOrders") == 0
        with pytest.raises(JournalDown):
            await stage.reserve(stage.wish("park_offer", 2))
        await journal.close()
        assert stage.sent("createReservations") == 1


@pytest.mark.parametrize("lose", [delete, delete_all, move])
async def test_what_is_under_way_is_still_told(
    lose: Callable[[Path], None], tmp_path: Path
) -> None:
    async with with_file(tmp_path) as (stage, journal, file):
        hold = await stage.held()
        placed = await stage.ordered(hold)
        assert placed.state is OrderState.ORDERED
        lose(file)
        found = await stage.app.booking.reservations.now(OWNER, [hold.id], "en")
        assert found.holds[0].order_id == placed.orders[0].id
        await journal.close()


async def test_a_file_that_is_put_back_is_used_again(tmp_path: Path) -> None:
    async with with_file(tmp_path) as (stage, journal, file):
        hold = await stage.held()
        move(file)
        with pytest.raises(JournalDown):
            await stage.place(hold)
        file.with_name("old.sqlite").rename(file)
        assert (await stage.ordered(hold)).state is OrderState.ORDERED
        await journal.close()


CUT_OFF = """
import os, sys
import anyio
from pathlib import Path
from korus_mcp.journal.records import JournalDown
from tests.booking.test_lost_journal import with_file

async def main() -> None:
    async with with_file(Path(sys.argv[1])) as (stage, journal, file):
        hold = await stage.held()
        os.truncate(f"{file}-shm", 0)
        for call in (stage.place(hold), stage.held(quantity=2), journal.unfinished()):
            try:
                await call
            except JournalDown as down:
                print(down.fault.name, flush=True)
        os._exit(0)  # closing it would look into it

anyio.run(main)
"""


async def test_an_index_that_was_cut_off_does_not_end_the_process(tmp_path: Path) -> None:
    ran = await anyio.to_thread.run_sync(
        lambda: subprocess.run(
            [sys.executable, "-c", CUT_OFF, str(tmp_path)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    )
    assert (ran.returncode, ran.stdout.split()) == (0, ["GONE"] * 3), ran.stderr
