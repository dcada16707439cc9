"""What a journal's tables say, read past the product."""

import sqlite3
from contextlib import closing
from typing import Final

import asyncpg

Row = tuple[str, str, str | None]
"""A reservation, the state of its order call, and its order."""
_ROWS: Final = (
    "SELECT o.reservation_id, i.state, o.order_id FROM korus_intent i "
    "JOIN korus_outcome o ON o.account = i.account AND o.intent_id = i.id"
)


async def rows_of(database: str) -> list[Row]:
    """All rows of a journal at an address like sqlite:///file or postgresql://host/name."""
    if not database.startswith("postgresql"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as file:
            return list(file.execute(_ROWS))
    connection = await asyncpg.connect(database)
    try:
        return [(r[0], r[1], r[2]) for r in await connection.fetch(_ROWS)]
    finally:
        await connection.close()
