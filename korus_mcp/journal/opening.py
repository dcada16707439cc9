"""Which journal belongs to which settings. Cheap to import: the database itself is loaded later."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from platformdirs import user_data_path

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.private_files import user_folder
from korus_mcp.journal.protocol import JournalDown, JournalFault
from korus_mcp.settings import NAME, Settings

if TYPE_CHECKING:
    from korus_mcp.journal.sql import SqlJournal


def journal_url(settings: Settings) -> str:
    """Where the journal of these settings is: by default a file of its own for each account.

    Raises:
        JournalDown: NO_FOLDER, it is nowhere.
    """
    if settings.database_url is not None:
        return settings.database_url
    name = f"journal-{settings.environment}-{settings.account.key()[:16]}.sqlite"
    folder = user_folder(partial(user_data_path, NAME))
    if folder is None:
        raise JournalDown(JournalFault.NO_FOLDER)
    return f"sqlite:///{folder / name}"


def journal_file(settings: Settings) -> Path | None:
    """The file of the journal, there or not; None when it is a database server.

    Raises:
        JournalDown: NO_FOLDER, it is nowhere.
    """
    url = journal_url(settings)
    if not url.startswith("sqlite:///"):
        return None
    # Three slashes and a path without the first: as SQLAlchemy reads it.
    return Path(unquote(urlsplit(url).path)[1:])


def may_have_bookings(settings: Settings) -> bool:
    """Whether an earlier process may have left orders in doubt; nothing is opened to find out."""
    try:
        file = journal_file(settings)
        return file is None or file.exists()
    except JournalDown:
        return False
    except OSError:  # a name too long, a folder that may not be looked into: opening it tells
        return True


def journal_of(settings: Settings, clock: Clock) -> "SqlJournal":
    """The journal of these settings; its first call opens it."""
    from korus_mcp.journal.sql import SqlJournal

    return SqlJournal.at(
        journal_url(settings), settings.account.key(), clock=clock, audit_key=settings.journal_key
    )
