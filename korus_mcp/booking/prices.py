"""Remembers the prices that were shown, so that a buyer learns of a price that changed since."""

import logging
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from cachetools import LRUCache, TTLCache

from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.handles import Handle, parse_handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.private_files import check_ours, private_database

REMEMBERED_SECONDS: Final = 1800
REMEMBERED_PRICES: Final = 5000
LIVE_SECONDS: Final = 60
"""How long what the issuer said of a price counts more than a list, which may be as old."""
APPLICATION_ID: Final = int.from_bytes(b"KMpr")
"""Stands in the header of a file of shown prices."""
_BUSY_SECONDS: Final = 0.5
_TABLES: Final = ("shown", "live")
"""What was shown last, of whatever source; and of that, what the issuer was asked for just then."""
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS {} (owner TEXT, offer TEXT, amount TEXT NOT NULL, "
    "currency TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (owner, offer)) WITHOUT ROWID"
)
_log = logging.getLogger(__name__)


class Prices(Protocol):
    """What each owner was shown last of the price of an offer."""

    def show(
        self, owner: str, offer: Handle, price: Money | None, *, is_live: bool = False
    ) -> None:
        """Remember the price of an offer that is being shown to an owner.

        `is_live`: the issuer was asked for it just now.
        """

    def last(self, owner: str, offer: Handle) -> Money | None:
        """The price shown last; None when it was never shown, or too long ago."""

    def live(self, owner: str) -> Mapping[Handle, Money]:
        """The live prices that were shown in the last minute."""


class ShownPrices:
    """The last price each owner saw of an offer, for thirty minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown: LRUCache[tuple[str, Handle], tuple[Money, float]] = LRUCache(REMEMBERED_PRICES)
        self._live: TTLCache[tuple[str, Handle], Money] = TTLCache(
            REMEMBERED_PRICES, LIVE_SECONDS, timer=clock.monotonic
        )

    def show(
        self, owner: str, offer: Handle, price: Money | None, *, is_live: bool = False
    ) -> None:
        """Remember the price of an offer that is being shown to an owner.

        `is_live`: the issuer was asked for it just now.
        """
        if price is not None:
            self._shown[owner, offer] = price, self._clock.monotonic()
            if is_live:
                self._live[owner, offer] = price

    def last(self, owner: str, offer: Handle) -> Money | None:
        """The price shown last; None when it was never shown, or too long ago."""
        # After that time a person does not remember it either.
        price, at = self._shown.get((owner, offer), (None, 0.0))
        return None if self._clock.monotonic() - at > REMEMBERED_SECONDS else price

    def live(self, owner: str) -> Mapping[Handle, Money]:
        """The live prices that were shown in the last minute."""
        kept = [offer for by, offer in self._live if by == owner]
        found = ((offer, self._live.get((owner, offer))) for offer in kept)
        return {offer: price for offer, price in found if price is not None}


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

    def show(
        self, owner: str, offer: Handle, price: Money | None, *, is_live: bool = False
    ) -> None:
        """Remember the price of an offer that is being shown to an owner.

        `is_live`: the issuer was asked for it just now.
        """
        self._here.show(owner, offer, price, is_live=is_live)
        db = self._opened()
        if price is None or db is None:
            return
        row = owner, str(offer), str(price.amount), price.currency, self._clock.now().timestamp()
        self._shows += 1
        try:
            for table in _TABLES if is_live else _TABLES[:1]:
                db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?)", row)  # noqa: S608 - constants
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

    def live(self, owner: str) -> Mapping[Handle, Money]:
        """The live prices that were shown in the last minute, by whichever process."""
        db = self._opened()
        if db is None:
            return self._here.live(owner)
        query = "SELECT offer, amount, currency FROM live WHERE owner = ? AND at > ? AND at <= ?"
        now = self._clock.now()
        young = _before(now, LIVE_SECONDS), now.timestamp()
        try:
            rows = db.execute(query, (owner, *young)).fetchall()
        except sqlite3.Error as error:
            _given_up(error)
            return self._here.live(owner)
        found = ((parse_handle(offer), Money(Decimal(amount), of)) for offer, amount, of in rows)
        return {offer: price for offer, price in found if offer is not None}

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
        for table in _TABLES:
            db.execute(_TABLE.format(table))
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _remove_old(db, now)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _remove_old(db: sqlite3.Connection, now: datetime) -> None:
    for table in _TABLES:
        db.execute(f"DELETE FROM {table} WHERE at < ?", (_oldest(now),))  # noqa: S608 - constants


def _oldest(now: datetime) -> float:
    return _before(now, REMEMBERED_SECONDS)


def _before(now: datetime, seconds: float) -> float:
    return (now - timedelta(seconds=seconds)).timestamp()


def _given_up(error: Exception) -> None:
    _log.info("the file of shown prices does not work: %s", type(error).__name__)
