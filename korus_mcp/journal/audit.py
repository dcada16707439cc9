"""The audit of bookings: rows that are only ever added, each sealed together with the one before.

With KORUS_JOURNAL_KEY a row carries an HMAC over itself and the seal of its predecessor, and the
journal keeps a sealed count of them: a changed, removed or inserted row breaks the chain. Without
the key rows carry no seal, and nothing about them can be shown; since seals can be taken away, how
many rows there may be without one is for the operator to say.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True)
class AuditRow:
    """What happened, to what (`subject`: an intent, hold or order id), for whom."""

    number: int
    at: datetime
    event: str
    owner: str
    subject: str
    detail: str
    mac: str = ""


@dataclass(frozen=True)
class Head:
    """How many rows there are, the seal of the last one, and a seal over both."""

    rows: int
    mac: str
    seal: str


class Seals:
    """Seals rows of an account, and finds what does not fit."""

    def __init__(self, key: str | None, account: str) -> None:
        self._key = key.encode() if key else None
        self._account = account

    def sealed(self, row: AuditRow, before: str) -> AuditRow:
        """The row with its seal, after one with the seal `before`."""
        if self._key is None:
            return row
        content = (row.number, row.at.isoformat(), row.event, row.owner, row.subject, row.detail)
        return replace(row, mac=self._mac("row", *map(str, content), before))

    def head(self, rows: int, mac: str) -> Head:
        """The head of a chain of so many rows."""
        seal = "" if self._key is None else self._mac("head", str(rows), mac)
        return Head(rows, mac, seal)

    def problems(self, rows: Iterable[AuditRow], head: Head, *, unsealed: int = 0) -> Iterator[str]:
        """What does not fit, each in a sentence; nothing when all of it does.

        So many rows at the beginning may be `unsealed`: those from before there was a key.

        Raises:
            ValueError: There is no key to check with.
        """
        if self._key is None:
            raise ValueError("no key")
        before, count, bare = "", 0, 0
        for row in rows:
            if row.number != count + 1:
                yield f"row {count + 1} is missing"
            count = row.number
            # Rows from before there was a key: after the first seal none may be bare.
            if not row.mac and not before:
                bare += 1
                continue
            # In constant time, as for every secret.
            if not hmac.compare_digest(self.sealed(row, before).mac, row.mac):
                yield f"row {row.number} was changed or not written with this key"
            before = row.mac
        if bare > unsealed:
            yield (
                f"{bare} rows carry no seal: they were written without KORUS_JOURNAL_KEY, or their "
                f"seals were taken away. If you know of them: --unsealed {bare}"
            )
        if head.rows != count:
            yield f"the last rows are missing: {head.rows} were written, {count} are there"
        expected = self.head(head.rows, before).seal
        if head.seal != expected and (before or head.seal):
            yield "the count of the rows was changed or not written with this key"

    def _mac(self, *parts: str) -> str:
        # As JSON: joined parts could be shifted among each other. The account keeps chains apart.
        text = json.dumps([self._account, *parts], ensure_ascii=False)
        return hmac.new(self._key or b"", text.encode(), hashlib.sha256).hexdigest()


def told(detail: Mapping[str, object]) -> str:
    """A detail as its row keeps it."""
    # Canonical: the bytes are sealed, and must be the same on every Python.
    return json.dumps(detail, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
