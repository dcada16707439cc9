"""Files that are their owner's alone: where they lie, and whether what lies there may be used.

They hold orders, tickets and what an account may sell. On a system without owners and modes
(Windows) the folders of a user are private by themselves.
"""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

_SIBLINGS: Final = ("", "-wal", "-shm", "-journal")
_HAS_OWNERS: Final = hasattr(os, "geteuid")
_HEADER: Final = b"SQLite format 3\0"
_APPLICATION_ID_AT: Final = 68
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class NotPrivate(PermissionError):
    """A file or folder that others could have put there, or could change. The text says why."""


class NotOurs(OSError):
    """A database of another program stands where ours should be; it is left as it is."""


def user_folder(find: Callable[[], Path]) -> Path | None:
    """A folder of the user, as the platform names it; None for a user without a home."""
    try:
        found = find()
    except (RuntimeError, KeyError, OSError):
        return None
    return found if found.is_absolute() else None


def private_folder(folder: Path, *, ours: str, is_read_again: bool) -> Path:
    """The folder, made for its owner alone where it is not there.

    `ours`: what the names of our files begin with; where it holds nothing else, the rights of
    others are taken away. `is_read_again`: of what others may write there, nothing is believed.

    Raises:
        NotPrivate: it is a link, somebody else's, or anybody may write into it.
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):  # a link to nowhere, or a file: the look below tells
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Of the link itself, not of what it leads to.
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise NotPrivate("the folder is a link")
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError("the folder is a file")
    if not _HAS_OWNERS:
        return folder
    if found.st_uid != os.geteuid():
        raise NotPrivate("the folder belongs to another user")
    mode = found.st_mode
    # A folder that others use as well, such as /tmp, keeps its rights.
    if mode & 0o077 and not mode & stat.S_ISVTX and _holds_only(folder, ours):
        folder.chmod(0o700)
    elif is_read_again and mode & _OTHERS_WRITE:
        raise NotPrivate("others may write into the folder")
    elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise NotPrivate("anybody may write into the folder")
    return folder


def private_database(path: Path) -> None:
    """Make the file of a database where it is not there, and look at all of its files.

    Those others may only read are closed to them.

    Raises:
        NotPrivate: one is a link, no regular file, somebody else's, or others may write it.
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        # Made by us, for us alone, before SQLite would make it for whoever the umask lets in.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600))
    for suffix in _SIBLINGS:
        file = path.with_name(path.name + suffix)
        try:
            found = file.lstat()
        except FileNotFoundError:
            continue
        _check_file(found)
        if _HAS_OWNERS and found.st_mode & 0o077:
            file.chmod(0o600)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, for its owner alone.

    Raises:
        FileExistsError: there is something of that name, be it a link.
        OSError: it cannot be written; nothing of it is left.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
    # Half a ticket must not pass for one.
    except OSError:
        path.unlink(missing_ok=True)
        raise


def check_ours(db: sqlite3.Connection, application_id: int, *, known_by: str) -> None:
    """That a database is ours to change: it says so, is empty, or is from before it said so.

    Raises:
        NotOurs: it has another id, or tables, but not the one that ours are `known_by`.
        sqlite3.Error: it cannot be read.
    """
    found = int(db.execute("PRAGMA application_id").fetchone()[0])
    if found == application_id:
        return
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master").fetchall()}
    # An empty file may be anybody's; a table of ours tells one from before the id was written.
    if found != 0 or (tables and known_by not in tables):
        raise NotOurs("the file is a database of another program")


def says_ours(path: Path, application_id: int) -> bool:
    """Whether the first bytes of a file, damaged or not, are those of a database of ours."""
    with path.open("rb") as file:
        head = file.read(_APPLICATION_ID_AT + 4)
    return head.startswith(_HEADER) and head[_APPLICATION_ID_AT:] == application_id.to_bytes(4)


def _holds_only(folder: Path, beginning: str) -> bool:
    return all(file.name.startswith(beginning) for file in folder.iterdir())


def _check_file(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise NotPrivate("the file is a link")
    # Told apart for the operator: a folder is a mistake, a link may be an attack.
    if stat.S_ISDIR(found.st_mode):
        raise FileExistsError("a folder stands in its place")
    if not stat.S_ISREG(found.st_mode):
        raise NotPrivate("it is no regular file")
    if not _HAS_OWNERS:
        return
    if found.st_uid != os.geteuid():
        raise NotPrivate("the file belongs to another user")
    if found.st_mode & _OTHERS_WRITE:
        raise NotPrivate("others may write the file")


_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
