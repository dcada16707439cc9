"""Finds the journal that belongs to given settings. The database modules are imported later."""

import hashlib
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from platformdirs import user_data_path

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.database_addresses import is_file_address, read_server_address
from korus_mcp.foundation.private_files import user_folder
from korus_mcp.journal.copies import CatalogCopies
from korus_mcp.journal.records import JournalDown, JournalFault
from korus_mcp.settings import NAME, Settings

if TYPE_CHECKING:
    from korus_mcp.journal.sql import SqlJournal
    from korus_mcp.journal.watch import Watch

IN_MEMORY: Final = "sqlite:///:memory:"
"""The address of a journal that ends with its process."""


def journal_url(settings: Settings) -> str:
    """The address of the journal of these settings; by default a file for each account.

    Raises:
        JournalDown: NO_FOLDER, there is no folder for it.
    """
    if settings.database_url is not None:
        return settings.database_url
    name = f"journal-{settings.environment}-{settings.account.key()[:16]}.sqlite"
    folder = user_folder(partial(user_data_path, NAME))
    if folder is None:
        raise JournalDown(JournalFault.NO_FOLDER)
    return f"sqlite:///{folder / name}"


def journal_file(settings: Settings) -> Path | None:
    """The path of the journal's file, whether it exists or not; None for a database server.

    Raises:
        JournalDown: NO_FOLDER, there is no folder for it.
    """
    url = journal_url(settings)
    if not url.startswith("sqlite:///"):
        return None
    # Behind three slashes stands the path, as SQLAlchemy has it.
    return Path(unquote(urlsplit(url).path)[1:])


def may_have_bookings(settings: Settings) -> bool:
    """Whether there is a journal in which an earlier process may have left orders in doubt.

    Nothing is opened to find out.
    """
    try:
        file = journal_file(settings)
        return file is None or file.exists()
    except JournalDown:
        return False
    except OSError:  # such as a folder without permission: opening the journal will say so
        return True


def journal_of(
    settings: Settings, clock: Clock, *, url: str | None = None, wait: timedelta | None = None
) -> "SqlJournal":
    """The journal of these settings, or the one at `url`; its first call opens it.

    `wait`: how long orders wait once its database went back in time; without it nobody looks.
    """
    from korus_mcp.journal.sql import SqlJournal

    address = url or journal_url(settings)
    return SqlJournal.at(
        address,
        settings.account.key(),
        clock=clock,
        audit_key=settings.journal_key,
        may_sign_anew=settings.may_sign_anew,
        watch=None if wait is None else watch_of(settings, clock, address, wait),
    )


def watch_of(settings: Settings, clock: Clock, address: str, wait: timedelta) -> "Watch | None":
    """What sees whether the database of a journal went back in time; None where it is a file."""
    from korus_mcp.journal.watch import Watch

    # A file that is replaced is seen as such by the server that has it open.
    if is_file_address(address):
        return None
    return Watch(_seen_file(settings, address), wait, clock)


def copies_of(settings: Settings) -> CatalogCopies | None:
    """Where the servers of one database leave their catalogs for each other; None where the journal
    is a file, or in memory.
    """
    url = settings.database_url
    if settings.embedded or url is None or is_file_address(url):
        return None
    try:
        return CatalogCopies(read_server_address(url))
    except ValueError:  # the journal says so
        return None


def _seen_file(settings: Settings, address: str) -> Path | None:
    """Where a server leaves word of this journal for the next one; None where it cannot."""
    folder = user_folder(partial(user_data_path, NAME))
    if folder is None:
        return None
    # Another database is another journal; a password that is changed makes none.
    where = urlsplit(address)
    which = f"{where.netloc.rpartition('@')[2]}{where.path}?{where.query}"
    digest = hashlib.sha256(which.encode()).hexdigest()[:16]
    return folder / f"seen-{settings.environment}-{settings.account.key()[:16]}-{digest}.json"
