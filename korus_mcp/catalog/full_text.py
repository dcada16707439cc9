"""Whether the catalog can be searched at all. Nothing else is imported: each start checks it."""

import sqlite3
from contextlib import closing


def has_full_text() -> bool:
    """Whether this Python's SQLite has full-text search (FTS5)."""
    with closing(sqlite3.connect(":memory:")) as db:
        return bool(db.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0])
