"""The audit log of bookings: rows are only ever added, each sealed together with the one before.

With KORUS_JOURNAL_KEY a row carries an HMAC (its seal) over itself and the seal of the row before,
and the journal keeps a sealed count of the rows: a changed, removed or inserted row breaks the
chain. Without the key rows have no seal, and nothing can be proved about them. Since seals could
also be removed, the operator has to say how many rows may be without one.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True)
class AuditRow:
    """One event: what happened, to what (`subject`: an intent, hold or order id), for whom."""

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
    """Seals the rows of an account, and finds rows whose seals are wrong. Without a key (`has_key`)
    there are no seals.
    """

    def __init__(self, key: str | None, account: str) -> None:
        self.has_key = bool(key)
        self._key = key.encode() if key else None
        self._account = account

    def sealed(self, row: AuditRow, before: str) -> AuditRow:
        """The row with its seal; `before` is the seal of the row before it."""
        if self._key is None:
            return row
        return replace(row, mac=self._mac("row", str(row.number), *_content(row), before))

    def signed(self, row: AuditRow) -> AuditRow:
        """The row as it waits to be sealed, with a signature in place of its seal."""
        return row if self._key is None else replace(row, mac=self._mac("waiting", *_content(row)))

    def taken(self, row: AuditRow, before: str) -> AuditRow:
        """A signed row as it goes into the chain; one that was changed, or not written with this
        key, goes there without a seal, so that it is found.
        """
        is_ours = hmac.compare_digest(self.signed(row).mac, row.mac)
        return self.sealed(row, before) if is_ours else replace(row, mac="")

    def may_take(self, row: AuditRow, head: Head) -> bool:
        """Whether a waiting row is for this process to seal: not without the key, where others have
        one.
        """
        return self._key is not None or not (row.mac or head.seal)

    def head(self, rows: int, mac: str) -> Head:
        """The head of a chain of `rows` rows, the last of which has the seal `mac`."""
        seal = "" if self._key is None else self._mac("head", str(rows), mac)
        return Head(rows, mac, seal)

    def fits(self, head: Head) -> bool:
        """Whether a chain that has a seal was sealed with this key."""
        return hmac.compare_digest(self.head(head.rows, head.mac).seal, head.seal)

    def problems(self, rows: Iterable[AuditRow], head: Head, *, unsealed: int = 0) -> Iterator[str]:
        """Yield a sentence for each problem in the chain; nothing when there is none.

        The first `unsealed` rows may be without a seal: they are from before there was a key.

        Raises:
            ValueError: There is no key to check with.
        """
        if self._key is None:
            raise ValueError("no key")
        before, count, bare, is_signed = "", 0, 0, False
        for row in rows:
            if row.number != count + 1:
                yield f"row {count + 1} is missing"
            count = row.number
            # Rows from before there was a key: behind the first seal each row needs one.
            if not row.mac and not is_signed:
                bare += 1
                continue
            is_signed = True
            # Compared in constant time, as every secret.
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
        # As JSON, since two lists of parts could give the same joined text. The account is in it,
        # so that a row of another account does not fit.
        text = json.dumps([self._account, *parts], ensure_ascii=False)
        return hmac.new(self._key or b"", text.encode(), hashlib.sha256).hexdigest()


def _content(row: AuditRow) -> tuple[str, ...]:
    return row.at.isoformat(), row.event, row.owner, row.subject, row.detail
