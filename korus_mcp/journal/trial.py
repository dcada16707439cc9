"""Tries whether a journal can be used, and takes everything back: nothing is made, nothing stays.

Where there is no file yet, a journal is made in a folder beside it, which is removed again.
"""

import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from sqlalchemy import insert
from sqlalchemy.engine import Connection

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.private_files import nearest_folder
from korus_mcp.journal.engine import Database, make_tables, version_of
from korus_mcp.journal.faults import down
from korus_mcp.journal.inspection import Inspection
from korus_mcp.journal.opening import journal_file, journal_of, journal_url, watch_of
from korus_mcp.journal.tables import KEEPER, VERSION
from korus_mcp.journal.watch import Met
from korus_mcp.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What was found: whether there is a journal, of an earlier version, and what is in it."""

    is_there: bool
    is_older: bool = False
    in_doubt: int = 0
    stopped_at: datetime | None = None
    """Since when it takes no new orders."""
    met: Met | None = None
    """What servers meet that look whether it went back in time, if orders then wait."""


async def tried(settings: Settings, clock: Clock, *, wait: timedelta) -> Tried:
    """Try the journal of these settings. `wait`: how long orders wait once it went back in time.

    Raises:
        JournalDown: It cannot be used, or not be made.
    """
    file = journal_file(settings)
    try:
        is_new = file is not None and not file.exists()
    except OSError as error:
        raise down(error) from None
    if file is not None and is_new:
        await _made_beside(file, settings, clock)
        return Tried(is_there=False)
    version = await _written(journal_url(settings), clock)
    if version is None or version < VERSION:
        return Tried(is_there=version is not None, is_older=version is not None)
    journal = Inspection.at(
        journal_url(settings),
        settings.account.key(),
        clock=clock,
        audit_key=settings.journal_key,
        may_sign_anew=settings.may_sign_anew,
    )
    try:
        await journal.check_key()
        in_doubt, stopped_at = await journal.unfinished(), await journal.stopped_at()
        watch = watch_of(settings, clock, journal_url(settings), wait)
        met = None if watch is None else await journal.met(watch)
    finally:
        await journal.close()
    return Tried(is_there=True, in_doubt=in_doubt, stopped_at=stopped_at, met=met)


async def _made_beside(file: Path, settings: Settings, clock: Clock) -> None:
    """Make a journal, write into it and remove it, on the same disk as a file will be."""
    try:
        with tempfile.TemporaryDirectory(prefix="korus-mcp-", dir=nearest_folder(file)) as folder:
            journal = journal_of(settings, clock, url=f"sqlite:///{folder}/{file.name}")
            try:
                await journal.installation()
            finally:
                await journal.close()
    except OSError as error:
        raise down(error) from None


async def _written(url: str, clock: Clock) -> int | None:
    """Write into a journal and take it back. Returns the version of its tables; None if it has
    none, which were made and taken back, too.
    """
    database = _Trial(url, clock=clock)
    try:
        await database.run(lambda _: None, writes=True)
    except _TakenBack as done:
        return done.version
    finally:
        await database.close()
    raise RuntimeError("a trial was not taken back")


class _TakenBack(Exception):
    """All that the transaction wrote is gone again."""

    def __init__(self, version: int | None) -> None:
        super().__init__()
        self.version = version


class _Trial(Database):
    """A database that is opened, and left as it was."""

    def _made(self, connection: Connection) -> NoReturn:
        self.take_turns(connection)
        version = version_of(connection)
        # Not tried: it may take minutes, and servers of that version would wait.
        if version is None or version >= VERSION:
            make_tables(connection)
            row = {"account": secrets.token_hex(16), "installation": "", "secret": b""}
            connection.execute(insert(KEEPER), row)
        raise _TakenBack(version)
