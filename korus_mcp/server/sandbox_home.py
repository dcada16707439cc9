"""Where the embedded sandbox keeps its world and its journal, so that both outlive a process.

Some hosts start a server for each call: what one of them holds, the next one orders. So the files
are shared by all servers of a user. Where that is not possible both are kept in memory, and
refusals of ids say so. A journal belongs to one world: its file is named after it.
"""

import errno
import logging
import re
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anyio import to_thread
from platformdirs import user_data_path

from korus_mcp.foundation import private_files
from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.settings import NAME, Settings

if TYPE_CHECKING:
    from korus_mcp.sandbox import WorldFile

FOLDER: Final = "sandbox"
BEGINNING: Final = "sandbox-"
"""How the names of our files in the folder begin."""
END: Final = ".sqlite"
SHOWN: Final = "shown"
LEFT_OVER: Final = timedelta(days=30)
"""So long a journal stays when its world is gone: a server that runs may still have it open."""
_BUSY_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.02
_RESET: Final = "(to throw it away: korus-mcp sandbox reset)"
_FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
_WORLD: Final = re.compile(rf"{BEGINNING}(any|[0-9]+)-[0-9]+{re.escape(END)}")
_log = logging.getLogger(__name__)


class SandboxHome:
    """The files of one embedded sandbox. Nothing is opened before it is asked for."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self.clock = clock or SystemClock()
        self._opening = threading.Lock()
        self._is_decided = False
        self._file: WorldFile | None = None
        self._why: str | None = None
        self._followers: list[Callable[[str], Awaitable[None]]] = []

    def opened(self, *, anew: bool = False) -> "WorldFile | None":
        """The file of the world; None where it is kept in memory. The first call opens it, and
        `anew` opens the one that has taken its place.
        """
        with self._opening:
            if anew:
                # Not closed: a request that is under way may still use it.
                self._file, self._is_decided, self._why = None, False, None
            if not self._is_decided:
                self._file = self._open()
                self._is_decided = True
            return self._file

    def journal_url(self) -> str:
        """The address of the journal that belongs to the world."""
        from korus_mcp.journal.opening import IN_MEMORY

        file = self.opened()
        return IN_MEMORY if file is None else f"sqlite:///{_journal_of(file)}"

    def secret(self) -> str:
        """The secret of the world, of all who may read its file; "" where it is in memory."""
        file = self.opened()
        return "" if file is None else file.beginnings.secret

    def follow(self, move: Callable[[str], Awaitable[None]]) -> None:
        """Call `move` with the address of the journal whenever another world has its own."""
        self._followers.append(move)

    async def moved(self) -> None:
        """Open the world that has taken the place of the one that was open, and its journal."""
        # In a thread: another process may be making the file.
        await to_thread.run_sync(partial(self.opened, anew=True))
        for move in self._followers:
            await move(self.journal_url())

    def shown_prices(self) -> Path | None:
        """The file of the prices that were shown to hosts; None where the world is in memory."""
        file = self.opened()
        return None if file is None else _beside(file.path, SHOWN)

    def may_have_bookings(self) -> bool:
        """Whether an earlier process may have left orders in doubt. Nothing is opened."""
        path = world_path(self._settings)
        try:
            return path is not None and any(path.parent.glob(f"{path.stem}-journal-*"))
        except OSError:
            return False

    @property
    def forgets(self) -> str | None:
        """Why everything ends with this process, as the end of a sentence for refusals; None if it
        does not, or nothing was opened yet.
        """
        if self._why is None:
            return None
        return f"this sandbox is in memory and knows no ids of other processes, since {self._why}"

    def close(self) -> None:
        """Close the file."""
        with self._opening:
            if self._file is not None:
                self._file.close()
            self._file, self._is_decided = None, False

    def _open(self) -> "WorldFile | None":
        from korus_mcp.sandbox import NewerWorld

        try:
            path = world_path(self._settings)
            if path is None:
                self._why = "this user has no home folder (KORUS_SANDBOX_DIR names another)"
            else:
                return self._opened_at(path)
        except NewerWorld:
            self._why = f"its file is of a newer korus-mcp {_RESET}"
        except private_files.NotPrivate:
            self._why = "others may write its file or folder"
        except private_files.NotOurs:
            self._why = "its file belongs to another program"
        except sqlite3.Error as error:
            self._why = _reason(error)
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            self._why = "the disk is full" if is_full else "its folder cannot be written"
            _log.info("the sandbox's folder: %s", type(error).__name__)
        _log.warning("the sandbox is kept in memory: %s", self._why)
        return None

    def _opened_at(self, path: Path) -> "WorldFile":
        private_files.private_folder(path.parent, ours=BEGINNING, is_read_again=True)
        file = world_file(path, now=self.clock.now(), seed=self._settings.sandbox_seed)
        try:
            _check_readable(_journal_of(file))
        except (sqlite3.Error, OSError):
            file.close()
            raise
        _remove_left_over(_journal_of(file), self.clock.now())
        return file


def world_path(settings: Settings) -> Path | None:
    """The file of the world of these settings: another for each seed and number of bases. None for
    a user without a home.
    """
    folder = sandbox_folder(settings)
    if folder is None:
        return None
    seed = "any" if settings.sandbox_seed is None else settings.sandbox_seed
    return folder / f"{BEGINNING}{seed}-{settings.sandbox_bases}{END}"


def sandbox_folder(settings: Settings) -> Path | None:
    """The folder in which embedded sandboxes are kept; None for a user without a home."""
    if settings.sandbox_dir is not None:
        return settings.sandbox_dir
    data = user_folder()
    return None if data is None else data / FOLDER


def user_folder() -> Path | None:
    """The user's data folder of this server."""
    return private_files.user_folder(partial(user_data_path, NAME))


def world_file(path: Path, *, now: datetime, seed: int | None) -> "WorldFile":
    """Open the file of a world, or begin it.

    Raises:
        NewerWorld: it was written by a later version.
        OSError, sqlite3.Error: it cannot be used; NotOurs: it belongs to another program.
    """
    from korus_mcp.journal.records import TABLES_VERSION
    from korus_mcp.sandbox import APPLICATION_ID, KNOWN_BY, LAYOUT, WorldFile

    private_files.private_database(path)
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as db:
        private_files.check_ours(db, APPLICATION_ID, known_by=KNOWN_BY)
    # A world and its journal are one: a change of either is another version of both.
    version = 1000 * LAYOUT + TABLES_VERSION
    give_up_at = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return WorldFile(path, version=version, now=now, seed=seed)
        except sqlite3.OperationalError as error:
            # SQLite does not wait while another process turns the file to a WAL.
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                raise
        time.sleep(_PAUSE_SECONDS)  # noqa: TID251 - in the thread that opens the file


def reset(settings: Settings, now: datetime) -> int:
    """Throw away every world that is kept. Returns how many there were.

    A server that runs finds another world at its next call.

    Raises:
        OSError, sqlite3.Error: one cannot be thrown away.
    """
    folder = sandbox_folder(settings)
    there = [] if folder is None or not folder.exists() else sorted(folder.iterdir())
    worlds = [path for path in there if _WORLD.fullmatch(path.name)]
    for path in worlds:
        _throw_away(path, now)
    return len(worlds)


def _throw_away(path: Path, now: datetime) -> None:
    from korus_mcp.sandbox import NewerWorld

    try:
        with closing(world_file(path, now=now, seed=None)) as file:
            journal = _journal_of(file)
            _check_readable(journal)
            file.start_anew(now)
    # Nothing can be read that a server would go on with.
    except (NewerWorld, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_BUSY:
            raise
        _remove(path)
    _remove(_beside(path, SHOWN))


def _journal_of(file: "WorldFile") -> Path:
    return _beside(file.path, f"journal-{file.beginnings.id}")


def _beside(path: Path, name: str) -> Path:
    """A file that belongs to the world at `path`."""
    return path.with_name(f"{path.stem}-{name}{END}")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _check_readable(journal: Path) -> None:
    """Check that the journal, if there is one, is no damaged file.

    Raises:
        sqlite3.Error: it is.
    """
    if journal.exists():
        with closing(sqlite3.connect(journal, timeout=_BUSY_SECONDS)) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _remove_left_over(journal: Path, now: datetime) -> None:
    """Remove journals whose worlds are gone, when the first one of a new world is to be made."""
    if journal.exists():
        return
    beginning = journal.name.rpartition("-")[0]
    for path in journal.parent.glob(f"{beginning}-*"):
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if now - changed > LEFT_OVER:
            path.unlink(missing_ok=True)


def _reason(error: sqlite3.Error) -> str:
    code = _code(error)
    if code in _DAMAGED or not isinstance(error, sqlite3.OperationalError):
        return f"its file is damaged {_RESET}"
    if code in _FULL:
        return "the disk is full, or does not take what is written"
    if code == sqlite3.SQLITE_BUSY:
        return "another process keeps its file locked"
    return "its file cannot be written"


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary error code, without the bits of the extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
