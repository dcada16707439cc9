"""Remembers the prices that were shown, so that a buyer learns of a price that changed since."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from cachetools import LRUCache

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.private_files import check_ours, private_database

REMEMBERED_SECONDS: Final = 1800
REMEMBERED_PRICES: Final = 5000
APPLICATION_ID: Final = int.from_bytes(b"KMpr")
"""Stands in the header of a file of shown prices."""
_BUSY_SECONDS: Final = 0.5
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS shown (owner TEXT, offer TEXT, amount TEXT NOT NULL, "
    "currency TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (owner, offer)) WITHOUT ROWID"
)
_log = logging.getLogger(__name__)


class Prices(Protocol):
    """What each owner was shown last of the price of an offer."""

    def show(self, owner: str, offer: Handle, price: Money | None) -> None:
        """Remember the price of an offer that is being shown to an owner."""

    def last(self, owner: str, offer: Handle) -> Money | None:
        """The price shown last; None when it was never shown, or too long ago."""


class ShownPrices:
    """The last price each owner saw of an offer, for thirty minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown: LRUCache[tuple[str, Handle], tuple[Money, float]] = LRUCache(REMEMBERED_PRICES)

    def show(self, owner: str, offer: Handle, price: Money | None) -> None:
        """Remember the price of an offer that is being shown to an owner."""
        if price is not None:
            self._shown[owner, offer] = price, self._clock.monotonic()

    def last(self, owner: str, offer: Handle) -> Money | None:
        """The price shown last; None when it was never shown, or too long ago."""
        # After that time a person does not remember it either.
        price, at = self._shown.get((owner, offer), (None, 0.0))
        return None if self._clock.monotonic() - at > REMEMBERED_SECONDS else price


class KeptPrices:
    """The same in a file, for a server that another process goes on for.

    `find` says where the file is; it is asked at the first price. None: there is none, and the
    prices are remembered in memory. So they are when the file does not work: a price that moved
    since is then told by the process that showed it.
    """

    def __init__(self, find: Callable[[], Path | None], clock: Clock) -> None:
        self._find, self._clock = find, clock
        self._here = ShownPrices(clock)
        self._is_open = False
        self._shows = 0
        self._db: sqlite3.Connection | None = None

    def show(self, owner: str, offer: Handle, price: Money | None) -> None:
        """Remember the price of an offer that is being shown to an owner."""
        self._here.show(owner, offer, price)
        db = self._opened()
        if price is None or db is None:
            return
        row = owner, str(offer), str(price.amount), price.currency, self._clock.now().timestamp()
        self._shows += 1
        try:
            db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?, ?, ?, ?)", row)
            if self._shows % REMEMBERED_PRICES == 0:
                _remove_old(db, self._clock.now())
        except sqlite3.Error as error:
            _given_up(error)

    def last(self, owner: str, offer: Handle) -> Money | None:
        """The price shown last, by whichever process; None when that is too long ago."""
        db = self._opened()
        if db is None:
            return self._here.last(owner, offer)
        query = "SELECT amount, currency, at FROM shown WHERE owner = ? AND offer = ?"
        try:
            found = db.execute(query, (owner, str(offer))).fetchone()
        except sqlite3.Error as error:
            _given_up(error)
            return self._here.last(owner, offer)
        if found is None or found[2] < _oldest(self._clock.now()):
            return None
        return Money(Decimal(found[0]), found[1])

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
        self._db, self._is_open = None, True

    def _opened(self) -> sqlite3.Connection | None:
        if not self._is_open:
            self._is_open = True
            path = self._find()
            try:
                self._db = None if path is None else _made(path, self._clock.now())
            except (sqlite3.Error, OSError) as error:
                _given_up(error)
        return self._db


def _made(path: Path, now: datetime) -> sqlite3.Connection:
    """Open the file, or make it; what nobody remembers any more is removed from it."""
    private_database(path)
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as looked_at:
        check_ours(looked_at, APPLICATION_ID, known_by="shown")
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        # Nothing in it must survive a crash of the machine, and a table of prices that nobody may
        # read is no loss.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(_TABLE)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _remove_old(db, now)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _remove_old(db: sqlite3.Connection, now: datetime) -> None:
    db.execute("DELETE FROM shown WHERE at < ?", (_oldest(now),))


def _oldest(now: datetime) -> float:
    return (now - timedelta(seconds=REMEMBERED_SECONDS)).timestamp()


def _given_up(error: Exception) -> None:
    _log.info("the file of shown prices does not work: %s", type(error).__name__)
