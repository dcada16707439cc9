"""Whether the database went back to an earlier time: a standby took over, or a dump was restored.

What was sent last may then be missing, and nothing in the database says so. So each process keeps
where the database stood when it looked last, and beside it, in a small file, so does the next one.
Where it stands is told by PostgreSQL: which cluster it is (`system`), which line of its history (a
promoted standby begins a new one), which tables, how much of the log is on its disk, how many audit
rows the account has. Once it went back, orders wait until whatever was on its way has arrived.
"""

import json
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import anyio
import sqlalchemy as sa
from anyio import to_thread

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.private_files import private_folder, write_new
from korus_mcp.journal.records import JournalDown, OrdersWait
from korus_mcp.journal.tables import CHAIN, INTENT, WAITING
from korus_mcp.journal.transaction import ours

KEPT_EVERY: Final = timedelta(seconds=10)
"""The file need not be newer: it is for what was restored from long before."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a database stands."""

    system: str
    history: str
    tables: str
    position: int
    rows: int

    @classmethod
    def read(cls, text: str) -> "Place":
        """The place as the database, or the file, tells it.

        Raises:
            ValueError: It is none.
        """
        system, history, tables, position, rows = text.split()
        return cls(system, history, tables, int(position), int(rows))

    def __str__(self) -> str:
        return f"{self.system} {self.history} {self.tables} {self.position} {self.rows}"

    @property
    def _line(self) -> tuple[str, str, str]:
        return self.system, self.history, self.tables

    def went_back(self, before: "Place") -> bool:
        """Whether the database cannot have come here from `before` by its own work."""
        is_earlier = self.position < before.position or self.rows < before.rows
        return self._line != before._line or is_earlier

    def later(self, other: "Place | None") -> "Place":
        """The later of two places; of one of another line, this."""
        if other is None or other._line != self._line:
            return self
        position, rows = max(self.position, other.position), max(self.rows, other.rows)
        return replace(self, position=position, rows=rows)


class WentBack(Exception):
    """The database is not where it was, but here."""

    def __init__(self, place: Place) -> None:
        super().__init__("the database went back")
        self.place = place


@cache
def place_told(*, is_whole: bool) -> sa.ColumnElement[Any]:
    """Where the database stands, as text; NULL on a standby. `is_whole`: the user of the database
    may ask for all of it.
    """
    sealed = sa.select(CHAIN.c.number).where(ours(CHAIN)).scalar_subquery()
    # Both in one statement: sealing moves rows from one to the other.
    waiting = sa.select(sa.func.count()).select_from(WAITING).where(ours(WAITING))
    rows = sa.func.coalesce(sealed, 0) + waiting.scalar_subquery()
    written = "pg_current_wal_flush_lsn()"
    # On the disk, not only written: what a crash may lose was not promised to anybody.
    whole = (
        "(SELECT system_identifier FROM pg_control_system())",
        f"substr(pg_walfile_name({written}), 1, 8)",
        f"CAST(CAST('{INTENT.name}' AS regclass) AS oid)",
        f"{written} - CAST('0/0' AS pg_lsn)",
    )
    parts = whole if is_whole else ("0", "0", whole[2], "0")
    told = sa.func.concat_ws(" ", *map(sa.literal_column, parts), rows)
    return sa.case((sa.func.pg_is_in_recovery(), None), else_=told).label("place")


@dataclass(frozen=True)
class Met:
    """What a server finds that looks now: orders wait, already if `is_begun`, else from its look
    on.
    """

    waits: OrdersWait
    is_begun: bool


class Watch:
    """Where the database of one account stood when this process looked last, and whether orders
    wait since it went back.

    `wait`: how long whatever was sent may be on its way. `file`: where it is kept for the next
    process; without a file, or where it cannot be used, each process waits once.
    """

    def __init__(self, file: Path | None, wait: timedelta, clock: Clock) -> None:
        self._file = file
        self._wait = wait
        self._clock = clock
        self._until: datetime | None = None
        self._kept_at: datetime | None = None
        self._opening = anyio.Lock()
        self.seen: Place | None = None
        self.is_whole = True

    @property
    def told(self) -> sa.ColumnElement[Any]:
        """The column that tells where the database stands."""
        return place_told(is_whole=self.is_whole)

    @property
    def waits(self) -> OrdersWait | None:
        """Until when orders wait, if they do."""
        if self._until is None:
            return None
        left = (self._until - self._clock.now()).total_seconds()
        return OrdersWait(self._until, left) if left > 0 else None

    def check(self, before: Place | None, told: str | None) -> Place | None:
        """The place that a database told, which stood at `before` when it was asked.

        Raises:
            WentBack: It went back since then.
        """
        if told is None:
            return None
        place = Place.read(told)
        # By what was known when it was asked: of two answers the earlier may come last.
        if before is not None and place.went_back(before):
            raise WentBack(place)
        return place

    async def note(self, place: Place | None) -> None:
        """Remember where the database stands."""
        if place is None:
            return
        self.seen = place.later(self.seen)
        if self._kept_at is None or self._clock.now() - self._kept_at >= KEPT_EVERY:
            await self._keep()

    async def went_back(self, place: Place) -> OrdersWait:
        """Have orders wait, from now on; returns until when."""
        _log.error("the journal went back to an earlier time; orders wait")
        self._until = self._clock.now() + self._wait
        self.seen = place
        await self._keep()
        return OrdersWait(self._until, self._wait.total_seconds())

    async def opened(self, look: Callable[[], Awaitable[str | None]]) -> None:
        """Look at the database for the first time in this process, with `look`."""
        async with self._opening:
            if self.seen is not None:
                return
            before = await to_thread.run_sync(self._read)
            told = await self._told_by(look)
            try:
                place = self.check(before, told)
            except WentBack as back:
                await self.went_back(back.place)
                return
            if _is_strange(before, place):
                _log.warning("no earlier server left word of the journal; orders wait once")
                self._until = self._clock.now() + self._wait
            elif (waits := self.waits) is not None:
                _log.warning(
                    "orders wait until %s: an earlier server saw that the journal went back or was "
                    "new to it",
                    waits.told,
                )
            await self.note(place)

    async def met(self, look: Callable[[], Awaitable[str | None]]) -> Met | None:
        """What a server would find that looks at the database now, with `look`; None where orders
        need not wait. Nothing is kept of it.
        """
        before = await to_thread.run_sync(self._read)
        told = await self._told_by(look)
        try:
            is_new = _is_strange(before, self.check(before, told))
        except WentBack:
            is_new = True
        if is_new:
            until = self._clock.now() + self._wait
            return Met(OrdersWait(until, self._wait.total_seconds()), is_begun=False)
        return None if self.waits is None else Met(self.waits, is_begun=True)

    async def _told_by(self, look: Callable[[], Awaitable[str | None]]) -> str | None:
        """What the database tells of where it stands, as far as it may be asked."""
        try:
            return await look()
        except JournalDown as down:
            if down.fault.is_passing:
                raise
            # A server that is only like PostgreSQL, or that lets nobody ask.
            self.is_whole = False
            return await look()

    def _read(self) -> Place | None:
        """What an earlier process left, with the wait that it began."""
        if self._file is None:
            return None
        try:
            told = json.loads(self._file.read_text("utf-8"))
            place, until = Place.read(told["place"]), told["until"]
            if until is not None:
                # A clock that was wrong must not stop orders for longer than anything lasts.
                latest = self._clock.now() + self._wait
                self._until = min(datetime.fromisoformat(until), latest)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            _log.warning("what an earlier server left of the journal cannot be read")
            return None
        return place

    async def _keep(self) -> None:
        self._kept_at = self._clock.now()
        if self._file is not None and self.seen is not None:
            until = None if self._until is None else self._until.isoformat()
            text = json.dumps({"place": str(self.seen), "until": until})
            await to_thread.run_sync(_replaced, self._file, text)


def _is_strange(before: Place | None, place: Place | None) -> bool:
    """Whether nobody left word of a database in which something may be on its way."""
    # An account without a row has nothing on its way that could be ordered again.
    return before is None and place is not None and place.rows > 0


def _replaced(file: Path, text: str) -> None:
    """Write a small file anew, as a whole and onto the disk."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        private_folder(file.parent, ours="", is_read_again=True)
        write_new(part, text.encode())
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    except OSError:
        # The next process then waits once.
        _log.warning("where the journal stands could not be kept for the next server")
        with suppress(OSError):
            part.unlink(missing_ok=True)
