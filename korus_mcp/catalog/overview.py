"""What a mirror's file holds, for the operator. The file is neither created nor changed."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from korus_mcp.catalog.file import VERSION
from korus_mcp.foundation.private_files import private_database

NO_HOME: Final = "this user has no home folder; KORUS_CACHE_DIR names another"
_MEGABYTE: Final = 1_000_000
_UNITS: Final = ((86_400, "days"), (3_600, "h"), (60, "min"))
_COUNTS: Final = """
SELECT (SELECT count(*) FROM catalog), count(*), count(detail), count(retry_at),
    count(CASE WHEN detail_run = ? AND retry_at IS NULL THEN 1 END) FROM base
"""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A mirror as its operator sees it; `read_at` is when it was last compared with the API."""

    catalogs: int
    bases: int
    with_details: int
    read_anew: int
    """Bases whose details the last crawl fetched."""
    read_at: datetime | None
    is_unfinished: bool
    """Whether a crawl is running, or was stopped before its end."""
    size_bytes: int
    passed_over: int = 0
    """Bases whose details could not be fetched, and are tried again."""
    unread_rows: int = 0
    """Rows in the lists of catalogs and bases that could not be parsed; the lists are due again."""

    @property
    def is_empty(self) -> bool:
        """Whether the mirror was cleared or never filled."""
        return self.read_at is None and not self.is_unfinished

    def told_age(self, now: datetime) -> str:
        """The age of the copy in a few words."""
        if self.read_at is None:
            return "its first reading has not come to an end"
        return f"read {told_span((now - self.read_at).total_seconds())} ago"


def look_at(path: Path) -> Overview | None:
    """The overview of a file; None where there is no mirror.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    try:
        if not path.exists():
            return None
        private_database(path)
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror or str(error)) from None
    # Not read-only: if the writer died, a reader has to repair the index of the WAL.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
        db.execute("PRAGMA query_only = ON")
        if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            return None
        # One transaction, so that counts and facts are of one moment.
        db.execute("BEGIN")
        facts = dict(db.execute("SELECT name, value FROM fact").fetchall())
        run, complete_at = facts.get("run"), facts.get("complete_at")
        counts = db.execute(_COUNTS, (run,)).fetchone()
    catalogs, bases, with_details, passed_over, read_anew = counts
    # 0 means that a crawl is due at once (`Crawler.list_anew`), not that there was none.
    read_at = None if complete_at is None else complete_at or facts.get("listed_at")
    return Overview(
        catalogs=catalogs,
        bases=bases,
        with_details=with_details,
        read_anew=read_anew,
        passed_over=passed_over,
        unread_rows=int(facts.get("unread_rows") or 0),
        read_at=None if read_at is None else datetime.fromtimestamp(read_at, UTC),
        is_unfinished=bool(run) and run != facts.get("complete_run"),
        size_bytes=size_of(path),
    )


def is_being_read(path: Path) -> bool:
    """Whether a server is filling a file at this moment."""
    from filelock import FileLock, Timeout

    lock = path.with_suffix(".lock")
    if not is_there(lock):
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def size_of(path: Path) -> int:
    """The bytes a mirror takes on disk, with the SQLite files beside it."""
    files = (path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))
    return sum(file.stat().st_size for file in files if is_there(file))


def is_there(file: Path) -> bool:
    """Whether there is a file at this path; False where that cannot be seen."""
    try:
        return file.exists()
    except OSError:  # such as a name too long, or a folder without permission
        return False


def told_size(size_bytes: int) -> str:
    """A size in words for a person."""
    return (
        f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= _MEGABYTE else f"{size_bytes / 1e3:.0f} kB"
    )


def told_span(seconds: float) -> str:
    """A duration in words for a person: in the largest unit of which there are at least two."""
    for unit, name in _UNITS:
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s" if seconds >= 1 else "less than 1 s"
