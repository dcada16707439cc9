"""korus-mcp sandbox reset: throws away what the embedded sandbox keeps between processes."""

import sqlite3

from korus_mcp.commands.console import say, tell
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.server import sandbox_home
from korus_mcp.settings import Settings


def run_reset(settings: Settings) -> int:
    """Throw it away. Returns 1 if it cannot be."""
    folder = sandbox_home.sandbox_folder(settings)
    if folder is None:
        say("korus-mcp: nothing is kept: this user has no home folder")
        return 0
    try:
        worlds = sandbox_home.reset(settings, SystemClock().now())
    except (OSError, sqlite3.Error) as error:
        say(f"korus-mcp: {folder} cannot be emptied: {type(error).__name__}")
        return 1
    if worlds:
        tell(f"The sandbox begins anew; its bookings in {folder} are gone.")
    else:
        tell(f"Nothing is kept in {folder}.")
    return 0
