"""Where the bookings of a sandbox are kept: in memory, or in a file that processes share.

Each request is one piece of work on the ledger. In a file, a piece that writes is one transaction,
which is durable before its answer leaves: a process that is killed leaves the whole of it or
nothing. A piece that reads first takes in what other processes wrote. The ledger in memory is a
copy; the file is what counts.
"""

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import randbits, token_hex
from typing import Final, Protocol, TypeVar

import anyio
from anyio import to_thread

from korus_mcp.sandbox.bookings import Ledger, Numbers
from korus_mcp.sandbox.records import Record, read, written

APPLICATION_ID: Final = int.from_bytes(b"KMsb")
"""Stands in the header of the file. A database with another id belongs to another program and is
left alone.
"""
KNOWN_BY: Final = "world"
"""The name of the table by which the file is known, too."""
LAYOUT: Final = 2
"""Goes up when the tables of the file change, or the records in it."""
UNUSED: Final = timedelta(days=1)
"""A world that nobody used for so long is thrown away."""
_NOTED: Final = timedelta(hours=1)
"""How often a use is noted: a call that only reads should not write each time."""
BUSY_SECONDS: Final = 5.0
_SEED_BITS: Final = 48
_SCHEMA: Final = (
    "CREATE TABLE world (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # Numbered anew at each change: who knows the last number reads what changed since.
    "CREATE TABLE record (revision INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, "
    "kind TEXT NOT NULL, body TEXT NOT NULL)",
)

_log = logging.getLogger(__name__)
T = TypeVar("T")


class WorldOver(Exception):
    """Another world has taken the place of this one; nothing was done."""


class NotKept(Exception):
    """The file of the world cannot be read or written now; nothing was done."""


class NewerWorld(Exception):
    """The file was written by a later version; it is left as it is."""


@dataclass(frozen=True, kw_only=True)
class Beginnings:
    """What a world begins with. `numbers` are those that earlier worlds of the file have used.

    `id` is another for each world, also in the same file, and part of no identifier. `secret` is
    known to whoever may read the file, and to nobody else.
    """

    id: str
    secret: str = field(repr=False)
    seed: int
    began_at: datetime
    numbers: Numbers = field(default_factory=Numbers)


class Keeping(Protocol):
    """Where a ledger is kept."""

    async def carried_out(self, work: Callable[[], T], *, writes: bool) -> T:
        """Do a piece of work on the ledger as it is now; what it changed is kept then.

        Raises:
            WorldOver: another world has taken the place of this one.
            NotKept: the ledger cannot be read or written.
        """


class InMemory:
    """The ledger itself: it ends with its process."""

    async def carried_out(self, work: Callable[[], T], *, writes: bool) -> T:
        """Do the work."""
        del writes
        return work()


class WorldFile:
    """The file of a world, open. It must exist, for its owner alone; an empty one is begun."""

    def __init__(self, path: Path, *, version: int, now: datetime, seed: int | None = None) -> None:
        """Open the file; begin a new world if there is none, or if nobody used it for a day.

        `version` is that of everything that is kept together with the world. `seed` is for a new
        file; by default it is random.

        Raises:
            NewerWorld: it was written by a later version.
            sqlite3.Error: it cannot be used.
        """
        self.path, self._version = path, version
        self._write = self._connected()
        try:
            self.beginnings = self._opened(now, seed)
            self._place = _place_of(path)
            self._read = self._connected()
        except BaseException:
            self._write.close()
            raise
        self._read.execute("PRAGMA query_only = ON")
        self._revision = 0
        self._seen: int | None = None

    def close(self) -> None:
        """Close it."""
        self._read.close()
        self._write.close()

    def __del__(self) -> None:
        """Close it when nothing refers to it any more: a request may use it until then."""
        if hasattr(self, "_read"):
            self.close()

    def start_anew(self, now: datetime) -> None:
        """Throw the world away, whoever uses it, and begin another with the same seed.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        self._write.execute("BEGIN IMMEDIATE")
        try:
            self._renew(self._found()[0], now)
        except BaseException:
            self.roll_back()
            raise
        self._write.execute("COMMIT")

    def news(self) -> list[Record]:
        """The records that were made or changed since this was asked last, oldest change first.

        Raises:
            WorldOver: another world has taken the place of this one.
            sqlite3.Error, ValueError: the file cannot be read.
        """
        # Whoever deletes the file, or puts another in its place, leaves us an open one that nobody
        # else sees.
        if _place_of(self.path) != self._place:
            raise WorldOver
        seen: int = self._read.execute("PRAGMA data_version").fetchone()[0]
        if seen == self._seen:
            return []
        rows = self._read.execute(
            "SELECT revision, kind, body FROM record WHERE revision > ? ORDER BY revision",
            (self._revision,),
        ).fetchall()
        named = self._read.execute("SELECT value FROM world WHERE name = 'id'").fetchone()
        if named is None or named[0] != self.beginnings.id:
            raise WorldOver
        found = [read(kind, body) for _, kind, body in rows]
        self._seen = seen
        if rows:
            self._revision = rows[-1][0]
        return found

    def forget(self) -> None:
        """Have `news` begin with the first record again."""
        self._revision, self._seen = 0, None

    def begin(self) -> None:
        """Begin to write; waits for another process that does. Call it in a thread.

        Raises:
            sqlite3.Error: it cannot be written, or another process writes for too long.
        """
        self._write.execute("BEGIN IMMEDIATE")

    def commit(self, changed: list[Record], now: datetime) -> None:
        """Write what changed, durably. Call it in a thread.

        Raises:
            sqlite3.Error: nothing was written.
        """
        rows = [(record.id, *written(record)) for record in changed]
        self._write.executemany(
            "INSERT OR REPLACE INTO record (id, kind, body) VALUES (?, ?, ?)", rows
        )
        self._note_use(now)
        self._write.execute("COMMIT")

    def is_use_to_note(self, now: datetime) -> bool:
        """Whether it is long ago that a use was noted here."""
        return now - self._used_at >= _NOTED

    def note_use(self, now: datetime) -> None:
        """Write that the world is used. Call it in a thread.

        Raises:
            sqlite3.Error: nothing was written.
        """
        self._used_at = now  # in any case: what cannot be written is not tried at each call
        self._write.execute("BEGIN IMMEDIATE")
        try:
            self._note_use(now)
            self._write.execute("COMMIT")
        except BaseException:
            self.roll_back()
            raise

    def roll_back(self) -> None:
        """Undo what was begun."""
        with suppress(sqlite3.Error):  # SQLite may have done it already, or the file is gone
            self._write.execute("ROLLBACK")

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA synchronous = FULL")  # an order that was answered must be there
        db.execute("PRAGMA secure_delete = ON")  # people in orders go with their world
        return db

    def _opened(self, now: datetime, seed: int | None) -> Beginnings:
        """The world in the file, which is begun where there is none to go on with."""
        self._write.execute("PRAGMA journal_mode = WAL")
        # In one transaction: of two processes that start, the second finds it done. It shows, too,
        # whether the file can be written; without a change it costs nothing.
        self._write.execute("BEGIN IMMEDIATE")
        try:
            if not self._is_ours():
                _drop_all(self._write)
                for statement in _SCHEMA:
                    self._write.execute(statement)
                self._write.execute(f"PRAGMA user_version = {self._version}")
                self._write.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                seed = randbits(_SEED_BITS) if seed is None else seed
                made = Beginnings(id=token_hex(8), secret=token_hex(32), seed=seed, began_at=now)
                self._store(made)
                self._note_use(now)
            else:
                made, self._used_at = self._found()
                if now - self._used_at >= UNUSED:
                    made = self._renew(made, now)
                elif self.is_use_to_note(now):
                    self._note_use(now)
        except BaseException:
            self.roll_back()
            raise
        self._write.execute("COMMIT")
        return made

    def _is_ours(self) -> bool:
        """Whether the file has a world of this version; False for an empty or older one.

        Raises:
            NewerWorld: it was written by a later version.
        """
        version = int(self._write.execute("PRAGMA user_version").fetchone()[0])
        if version > self._version:
            raise NewerWorld
        return version == self._version

    def _found(self) -> tuple[Beginnings, datetime]:
        """The world in the file, and when it was used last."""
        told = dict(self._write.execute("SELECT name, value FROM world").fetchall())
        try:
            made = Beginnings(
                id=told["id"],
                secret=told["secret"],
                seed=int(told["seed"]),
                began_at=datetime.fromisoformat(told["began_at"]),
                numbers=Numbers(*json.loads(told["numbers"])),
            )
            return made, datetime.fromisoformat(told["used_at"])
        except (KeyError, ValueError, TypeError) as error:
            raise sqlite3.DatabaseError("a part of the world is missing") from error

    def _renew(self, before: Beginnings, now: datetime) -> Beginnings:
        """Begin another world in the file; the caller commits."""
        kinds = dict(self._write.execute("SELECT kind, count(*) FROM record GROUP BY kind"))
        bodies = self._write.execute("SELECT body FROM record WHERE kind = 'order'")
        documents = sum(len(json.loads(body)["documents"]) for (body,) in bodies)
        used = before.numbers
        # The seed stays, so that a running server's ids of what is on sale stay right, too. So the
        # ids of bookings are counted on: none of them may come again and mean another.
        made = Beginnings(
            id=token_hex(8),
            secret=token_hex(32),
            seed=before.seed,
            began_at=now,
            numbers=Numbers(
                used.holds + kinds.get("hold", 0),
                used.orders + kinds.get("order", 0),
                used.tickets + kinds.get("ticket", 0),
                used.documents + documents,
            ),
        )
        self._write.execute("DELETE FROM record")
        self._store(made)
        self._note_use(now)
        return made

    def _store(self, made: Beginnings) -> None:
        told = {
            "id": made.id,
            "secret": made.secret,
            "seed": str(made.seed),
            "began_at": made.began_at.isoformat(),
            "numbers": json.dumps(made.numbers),
        }
        self._write.executemany("INSERT OR REPLACE INTO world VALUES (?, ?)", told.items())

    def _note_use(self, now: datetime) -> None:
        self._used_at = now
        self._write.execute(
            "INSERT OR REPLACE INTO world VALUES ('used_at', ?)", (now.isoformat(),)
        )


class InFile:
    """A ledger whose records are in a file, which other processes read and write as well."""

    def __init__(self, file: WorldFile, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._file, self._ledger, self._now = file, ledger, now
        self._writing = anyio.Lock()
        # While work is being kept nobody reads the ledger: what a reader sees is in the file.
        self._ledger_is_free = anyio.Lock()

    async def carried_out(self, work: Callable[[], T], *, writes: bool) -> T:
        """Do a piece of work on the ledger as it is now; what it changed is in the file then."""
        try:
            if writes:
                return await self._written(work)
            async with self._ledger_is_free:
                self._take_in()
                answer = work()
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorname", None)
            _log.error("the sandbox's file does not work: %s (%s)", type(error).__name__, code)
            raise NotKept from error
        if self._file.is_use_to_note(self._now()):
            await self._used()
        return answer

    async def _used(self) -> None:
        """Note that the world is used; where that cannot be written it is read all the same."""
        async with self._writing:
            with suppress(sqlite3.Error), anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._file.note_use, self._now())

    async def _written(self, work: Callable[[], T]) -> T:
        async with self._writing:
            # Carried through when the caller goes away: what was begun has to end.
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._file.begin)
                async with self._ledger_is_free:
                    try:
                        self._take_in()
                        answer = work()
                        changed = self._ledger.taken_changes()
                        await to_thread.run_sync(self._file.commit, changed, self._now())
                    except BaseException:
                        await to_thread.run_sync(self._file.roll_back)
                        # What the work changed in memory is not in the file.
                        self._ledger.clear()
                        self._file.forget()
                        raise
            return answer

    def _take_in(self) -> None:
        """Bring the ledger up to date with what others wrote."""
        try:
            news = self._file.news()
        except ValueError as error:
            raise sqlite3.DatabaseError("a record cannot be read") from error
        self._ledger.put(*news)
        self._ledger.taken_changes()  # they come from the file


def _place_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _drop_all(db: sqlite3.Connection) -> None:
    """Drop all tables of an older version."""
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        if not name.startswith("sqlite_"):
            db.execute(f'DROP TABLE "{name}"')
