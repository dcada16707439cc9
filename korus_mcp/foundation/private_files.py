"""Private files: creates them for their owner alone, and checks that existing ones are private.

They hold orders, tickets and what an account may sell. On a system without owners and modes
(Windows) the folders of a user are private anyway.
"""

import os
import sqlite3
import stat
import tempfile
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
    """A file or folder that other users may have made, or could change. The message says why."""


class NotOurs(OSError):
    """The file belongs to another program; it is left as it is."""


def user_folder(find: Callable[[], Path]) -> Path | None:
    """The user's folder that `find` returns, such as a cache; None for users without a home."""
    try:
        found = find()
    except (RuntimeError, KeyError, OSError):
        return None
    return found if found.is_absolute() else None


def private_folder(folder: Path, *, ours: str, is_read_again: bool) -> Path:
    """Create a folder for its owner alone, or check that an existing one is private.

    `ours` is how the names of our files begin; if the folder holds no others, the rights of other
    users are removed. One that all users share, such as /tmp, is taken as it is, unless
    `is_read_again`: where files are read again later, nobody else may write into it.

    Raises:
        NotPrivate: it is a link, belongs to another user, or other users may write into it and may
            not, as told above.
        OSError: it cannot be created.
    """
    with suppress(FileExistsError):  # a dangling link, or a file: checked below
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not `stat`, which would follow a link.
    if _has_rights_of_others(folder, folder.lstat(), ours=ours, is_read_again=is_read_again):
        folder.chmod(0o700)
    return folder


def try_folder(folder: Path, *, ours: str, is_read_again: bool) -> None:
    """Try whether files can be kept in a folder that `private_folder` would make or take; nothing
    stays.

    Raises:
        NotPrivate: as for `private_folder`.
        OSError: it cannot be made, or nothing can be written there.
    """
    try:
        found = folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        # It would be made there, with all that is between.
        there = nearest_folder(folder)
    else:
        _has_rights_of_others(folder, found, ours=ours, is_read_again=is_read_again)
        there = folder
    number, name = tempfile.mkstemp(prefix=ours, dir=there)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())
    finally:
        Path(name).unlink()


def nearest_folder(path: Path) -> Path:
    """The nearest thing above a path that exists."""
    return next(each for each in path.absolute().parents if each.exists())


def _has_rights_of_others(
    folder: Path, found: os.stat_result, *, ours: str, is_read_again: bool
) -> bool:
    """Whether other users have rights in a folder that are to be removed; see `private_folder`.

    Raises:
        NotPrivate, NotADirectoryError: it cannot be taken.
    """
    if stat.S_ISLNK(found.st_mode):
        raise NotPrivate("the folder is a link")
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError("the folder is a file")
    if not _HAS_OWNERS:
        return False
    if found.st_uid != os.geteuid():
        raise NotPrivate("the folder belongs to another user")
    mode = found.st_mode
    # A folder that other programs use, too, such as /tmp, keeps its rights.
    if mode & 0o077 and not mode & stat.S_ISVTX and _holds_only(folder, ours):
        return True
    if is_read_again and mode & _OTHERS_WRITE:
        raise NotPrivate("others may write into the folder")
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise NotPrivate("anybody may write into the folder")
    return False


def private_database(path: Path) -> None:
    """Create the file of a database if it is missing, and check it and SQLite's files beside it.

    If other users may read a file, that right is removed.

    Raises:
        NotPrivate: one is a link, no regular file, another user's, or other users may write it.
        OSError: the file cannot be created.
    """
    with suppress(FileExistsError):
        # Created here with mode 600, as SQLite would create it with the rights of the umask.
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
    """Write a new file that only its owner may read.

    Raises:
        FileExistsError: the path exists already, if only as a link.
        OSError: the file cannot be written; no part of it is left.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
    # An incomplete ticket must not be taken for a complete one.
    except OSError:
        path.unlink(missing_ok=True)
        raise


def check_ours(db: sqlite3.Connection, application_id: int, *, known_by: str) -> None:
    """Check that a database is ours, by its application id.

    A database without an id is ours if it is empty, or has the table `known_by`: older versions
    wrote no id.

    Raises:
        NotOurs: it has another id, or tables, but not the one named `known_by`.
        sqlite3.Error: it cannot be read.
    """
    found = int(db.execute("PRAGMA application_id").fetchone()[0])
    if found == application_id:
        return
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master").fetchall()}
    # An empty file may be used; our table shows a file from before we wrote the id.
    if found != 0 or (tables and known_by not in tables):
        raise NotOurs("the file is a database of another program")


def says_ours(path: Path, application_id: int) -> bool:
    """Whether the header of a file, damaged or not, has our application id."""
    with path.open("rb") as file:
        head = file.read(_APPLICATION_ID_AT + 4)
    return head.startswith(_HEADER) and head[_APPLICATION_ID_AT:] == application_id.to_bytes(4)


def _holds_only(folder: Path, beginning: str) -> bool:
    return all(file.name.startswith(beginning) for file in folder.iterdir())


def _check_file(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise NotPrivate("the file is a link")
    # Two errors, for the operator: a folder is a mistake, a link may be an attack.
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
