"""A journal that has grown for years: finished calls, and an audit that is sealed to its end.

The rows are written past the product, many at a time, by what the product says of its tables and
seals. Each transaction takes the end of the audit's chain, so that servers may go on meanwhile.
"""

import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from korus_mcp.journal.audit import AuditRow, Head, Seals
from korus_mcp.journal.records import IntentState, canonical_json, day_of, units_of
from korus_mcp.journal.tables import AUDIT, CLAIM, HOLD, INTENT, OUTCOME, OWNERSHIP, SPENT
from korus_mcp.journal.transaction import columns_of

CALLS_AT_A_TIME: Final = 10_000
"""Of one transaction: others who write wait for a second or two."""
EVENTS_A_CALL: Final = 3
APART: Final = timedelta(minutes=6)
OWNERS: Final = 300
TOTAL: Final = Decimal("52.00")
FILE_WAITS: Final = 60
FILE_CACHE_KIB: Final = 400_000
Row = Mapping[str, object]
_Thing = TypeVar("_Thing")


@dataclass(frozen=True)
class OldCall:
    """A reservation that was held and ordered at a moment long ago; its numbers name it."""

    number: int
    at: datetime

    @property
    def owner(self) -> str:
        """Who ordered: several people, in turns."""
        return f"local/{self.number % OWNERS}"

    def id_of(self, what: str) -> str:
        """The id of what belongs to the call; neighbours are far apart, as real ones are."""
        return str(uuid.uuid5(_OURS, f"{what} {self.number}"))

    def rows(self) -> Iterator[tuple[sa.Table, Row]]:
        """What the journal keeps of it, but for its audit. Its approval went after a day."""
        reservation, order, intent = map(self.id_of, ("reservation", "order", "intent"))
        over = self.at + timedelta(minutes=10)
        common = {"owner": self.owner, "sent_at": self.at, "fence_at": over}
        ended: Row = {"state": IntentState.FINAL.value, "ambiguous": False}
        yield (
            HOLD,
            {
                **common,
                **ended,
                "id": self.id_of("hold"),
                "key": self.id_of("key"),
                "wishes": [self.id_of("wish")],
                "reservation_ids": [reservation],
                "refused": [],
                "tickets": 2,
                "amount": TOTAL,
            },
        )
        yield (
            INTENT,
            {
                **common,
                **ended,
                "id": intent,
                "fingerprint": self.id_of("fingerprint"),
                "external_reference": self.id_of("reference"),
                "agreed": "two_step",
                "buyer": self.id_of("buyer"),
                "approved_total": TOTAL,
                "spends": True,
                "created_at": self.at,
                "updated_at": self.at,
            },
        )
        yield (
            OUTCOME,
            {
                "intent_id": intent,
                "position": 0,
                "reservation_id": reservation,
                "order_id": order,
                "seen_at": self.at,
            },
        )
        yield CLAIM, {"reservation_id": reservation, "intent_id": intent}
        for each, is_order in ((reservation, False), (order, True)):
            yield OWNERSHIP, {"resource_id": each, "owner": self.owner, "is_order": is_order}

    def events(self) -> Iterator[AuditRow]:
        """What the audit says of it, neither numbered nor sealed."""
        reservation, order, intent = map(self.id_of, ("reservation", "order", "intent"))
        claimed = {
            "agreed": "two_step",
            "reference": self.id_of("reference"),
            "reservations": (reservation,),
            "total": str(TOTAL),
        }
        closed = {"ambiguous": False, "failed": (), "orders": {reservation: order}}
        for event, subject, detail in (
            ("held", self.id_of("hold"), {"reservations": (reservation,)}),
            ("claimed", intent, claimed),
            ("closed", intent, closed),
        ):
            yield AuditRow(0, self.at, event, self.owner, subject, canonical_json(detail))


_OURS: Final = uuid.UUID("6b6f7275-7300-4000-8000-000000000000")


@dataclass(frozen=True)
class Grown:
    """The journal of an account that is to grow; its tables and its account are there already."""

    url: str
    account: str
    key: str
    newest: datetime
    """When the last of the old calls was made."""

    async def add_calls(self, number: int) -> None:
        """Add so many finished calls with all that belongs to them, none of which is there."""
        for calls in _some_at_a_time(self._calls(0, number), CALLS_AT_A_TIME):
            rows: dict[sa.Table, list[Row]] = {}
            for call in calls:
                for table, row in call.rows():
                    rows.setdefault(table, []).append(row)
            if spent := list(_spent(calls)):
                rows[SPENT] = spent
            async with _opened(self.url) as store:
                await self._add_events(store, (e for call in calls for e in call.events()))
                for table, some in rows.items():
                    await store.add(table, [{"account": self.account, **row} for row in some])
        await _counted(self.url)

    async def add_audit(self, rows: int, *, after: int = 0) -> None:
        """Add so many audit rows and nothing else, after those that were added already."""
        calls = self._calls(after, after + rows)
        events = islice((event for call in calls for event in call.events()), rows)
        for some in _some_at_a_time(events, EVENTS_A_CALL * CALLS_AT_A_TIME):
            async with _opened(self.url) as store:
                await self._add_events(store, some)
        await _counted(self.url)

    def _calls(self, first: int, last: int) -> Iterator[OldCall]:
        return (OldCall(n, self.newest - (last - n) * APART) for n in range(first, last))

    async def _add_events(self, store: "_Store", events: Iterable[AuditRow]) -> None:
        """Seal some events behind what is there."""
        seals, head = Seals(self.key, self.account), await store.head(self.account)
        number, before, rows = head.rows, head.mac, list[Row]()
        for number, event in enumerate(events, head.rows + 1):
            sealed = seals.sealed(replace(event, number=number), before)
            before = sealed.mac
            rows.append({"account": self.account, "row": number, **columns_of(AUDIT, sealed)})
        await store.add(AUDIT, rows)
        await store.move(self.account, seals.head(number, before))


def _some_at_a_time(things: Iterable[_Thing], most: int) -> Iterator[Sequence[_Thing]]:
    each = iter(things)
    while some := list(islice(each, most)):
        yield some


def _spent(calls: Sequence[OldCall]) -> Iterator[Row]:
    """What each owner spent on each day of these calls, whose first and last day may be shared with
    other calls: those are left out.
    """
    days = [day_of(call.at) for call in calls]
    spent: dict[tuple[str, str], int] = {}
    for call, day in zip(calls, days, strict=True):
        if day not in (days[0], days[-1]):
            of = (call.owner, day)
            spent[of] = spent.get(of, 0) + units_of(TOTAL)
    for (owner, day), units in spent.items():
        yield {"owner": owner, "day": day, "spent": units, "most": units}


class _Store(Protocol):
    """A transaction of a database, by its own driver."""

    async def head(self, account: str) -> Head:
        """The end of an account's chain, which nobody else moves until the commit."""

    async def add(self, table: sa.Table, rows: Sequence[Row]) -> None:
        """Add rows; columns that are not named are empty."""

    async def move(self, account: str, head: Head) -> None:
        """Store the end of an account's chain."""


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[_Store]:
    """A transaction on a connection of its own, which nobody's time-outs end."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=FILE_WAITS)) as file:
            file.isolation_level = None
            file.execute("PRAGMA synchronous = OFF")
            file.execute(
                f"PRAGMA cache_size = -{FILE_CACHE_KIB}"
            )  # the ids lie all over its indexes
            file.execute("BEGIN IMMEDIATE")
            yield _File(file)
            file.execute("COMMIT")
        return
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            yield _Server(connection)
    finally:
        await connection.close()


async def _counted(url: str) -> None:
    """Have a server look what its tables hold, as it does by itself while they grow."""
    if not url.startswith("sqlite:"):
        connection = await asyncpg.connect(url)
        await connection.execute("ANALYZE")
        await connection.close()


_HEAD: Final = "SELECT number, head, seal FROM korus_chain WHERE account = "


@dataclass(frozen=True)
class _File:
    file: sqlite3.Connection

    async def head(self, account: str) -> Head:
        return Head(*self.file.execute(f"{_HEAD}?", (account,)).fetchone())

    async def add(self, table: sa.Table, rows: Sequence[Row]) -> None:
        names, records = _stored(table, rows, "sqlite")
        places = ", ".join("?" * len(names))
        columns = ", ".join(f'"{name}"' for name in names)
        self.file.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", records)  # noqa: S608 - names of ours

    async def move(self, account: str, head: Head) -> None:
        new = (head.rows, head.mac, head.seal, account)
        self.file.execute(
            "UPDATE korus_chain SET number = ?, head = ?, seal = ? WHERE account = ?", new
        )


@dataclass(frozen=True)
class _Server:
    connection: Any

    async def head(self, account: str) -> Head:
        return Head(*await self.connection.fetchrow(f"{_HEAD}$1 FOR UPDATE", account))

    async def add(self, table: sa.Table, rows: Sequence[Row]) -> None:
        names, records = _stored(table, rows, "postgresql+asyncpg")
        await self.connection.copy_records_to_table(table.name, records=records, columns=names)

    async def move(self, account: str, head: Head) -> None:
        await self.connection.execute(
            "UPDATE korus_chain SET number = $1, head = $2, seal = $3 WHERE account = $4",
            *(head.rows, head.mac, head.seal, account),
        )


def _stored(
    table: sa.Table, rows: Sequence[Row], driver: str
) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """The columns that these rows name, which all name the same, and the values of each row as a
    driver takes them.
    """
    dialect = make_url(f"{driver}://").get_dialect()()
    names = [column.name for column in table.c if column.name in rows[0]]
    ways = [_way(table.c[name], dialect) for name in names]
    return names, (
        tuple(way(row[name]) for name, way in zip(names, ways, strict=True)) for row in rows
    )


def _way(column: sa.Column[Any], dialect: sa.Dialect) -> Callable[[Any], object]:
    return column.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _as_it_is(value: object) -> object:
    return value
