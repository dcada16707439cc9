"""The tables of the journal, and the migrations of older ones.

Every row belongs to an account. Times are whole microseconds since 1970, so that both databases
compare them alike; amounts are text, so that none is rounded. Text columns have no length, which
only PostgreSQL would enforce. There is no column for customer data;
what a caller writes as its own reference is kept as it is (docs/privacy.md).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from korus_mcp.journal.records import TABLES_VERSION, day_of, units_of

VERSION: Final = TABLES_VERSION
Step: TypeAlias = str | Mapping[str, str] | Callable[[Connection], None]
"""A statement, one for each database by its name, or what takes more than statements."""


def _count_days(connection: Connection) -> None:
    """Count what each owner spent on the last days, which orders are counted against from now on.

    Its amounts are text, so no statement can add them up exactly.
    """
    spent: dict[tuple[str, str, str], int] = {}
    last_days = {"length": timedelta(days=2) // _MICROSECOND}
    for account, owner, total, sent_at in connection.execute(_SPENT_BEFORE, last_days):
        day = day_of(_EPOCH + sent_at * _MICROSECOND)
        of = (account, owner, day)
        spent[of] = spent.get(of, 0) + units_of(Decimal(total))
    for (account, owner, day), units in spent.items():
        row = {"account": account, "owner": owner, "day": day, "spent": units}
        connection.execute(_COUNTED_BEFORE, row)


_SPENT_BEFORE: Final = sa.text(
    "SELECT account, owner, approved_total, sent_at FROM korus_intent WHERE spends"
    " AND sent_at >= (SELECT MAX(sent_at) FROM korus_intent) - :length"
)
_COUNTED_BEFORE: Final = sa.text(
    "INSERT INTO korus_spent (account, owner, day, spent, most)"
    " VALUES (:account, :owner, :day, :spent, :spent)"
)
_WAITING_COLUMNS: Final = (
    "account TEXT NOT NULL, at BIGINT NOT NULL, event TEXT NOT NULL, owner TEXT NOT NULL,"
    " subject TEXT NOT NULL, detail TEXT NOT NULL, mac TEXT NOT NULL"
)
MIGRATIONS: Final[Mapping[int, Sequence[Step]]] = {
    2: (
        "DROP INDEX korus_outcome_reservation",
        "CREATE INDEX korus_outcome_reservation"
        " ON korus_outcome (account, reservation_id, intent_id)",
        "CREATE INDEX korus_hold_open ON korus_hold (account, owner, state)",
        "ALTER TABLE korus_hold ADD COLUMN tickets INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE korus_hold ADD COLUMN amount TEXT NOT NULL DEFAULT '0'",
        "CREATE TABLE korus_held (account TEXT NOT NULL, reservation_id TEXT NOT NULL,"
        " owner TEXT NOT NULL, tickets INTEGER NOT NULL, amount TEXT NOT NULL,"
        " ends_at BIGINT NOT NULL, PRIMARY KEY (account, reservation_id))",
        "CREATE INDEX korus_held_owner ON korus_held (account, owner, ends_at)",
    ),
    3: (
        "CREATE TABLE korus_asked (account TEXT NOT NULL, nonce TEXT NOT NULL, code TEXT NOT NULL,"
        " owner TEXT NOT NULL, digest TEXT NOT NULL, reservation_ids JSON NOT NULL,"
        " open_until BIGINT NOT NULL, ends_at BIGINT NOT NULL, shown TEXT NOT NULL,"
        " is_yes BOOLEAN, PRIMARY KEY (account, nonce), UNIQUE (account, code))",
    ),
    4: (
        "ALTER TABLE korus_keeper ADD COLUMN stopped_at BIGINT",
        "DROP INDEX korus_intent_open",
        "CREATE INDEX korus_intent_open ON korus_intent (account, state, owner)"
        " WHERE state IN ('new', 'sending')",
        "CREATE INDEX korus_intent_reference ON korus_intent (account, caller_reference)"
        " WHERE caller_reference IS NOT NULL",
        "DROP INDEX korus_hold_open",
        "CREATE INDEX korus_hold_open ON korus_hold (account, state, owner)"
        " WHERE state IN ('new', 'sending')",
        "CREATE INDEX korus_hold_made ON korus_hold (account, owner, sent_at)",
        "DROP INDEX korus_ownership_owner",
        "CREATE INDEX korus_ownership_owner ON korus_ownership (account, owner, is_order, serial)",
    ),
    5: (
        "CREATE TABLE korus_chain (account TEXT NOT NULL, number BIGINT NOT NULL,"
        " head TEXT NOT NULL, seal TEXT NOT NULL, PRIMARY KEY (account))",
        "INSERT INTO korus_chain SELECT account, audit_rows, audit_head, audit_seal"
        " FROM korus_keeper",
        # A server of an older version locks the account's row and nothing else, so it must not go
        # on beside newer ones: it reads these columns whenever it writes, and fails from now on.
        "ALTER TABLE korus_keeper DROP COLUMN audit_rows",
        "ALTER TABLE korus_keeper DROP COLUMN audit_head",
        "ALTER TABLE korus_keeper DROP COLUMN audit_seal",
        {
            "sqlite": f"CREATE TABLE korus_waiting (serial INTEGER NOT NULL, {_WAITING_COLUMNS},"
            " PRIMARY KEY (serial))",
            "postgresql": f"CREATE TABLE korus_waiting (serial BIGSERIAL NOT NULL,"
            f" {_WAITING_COLUMNS}, PRIMARY KEY (serial))",
        },
        "CREATE INDEX korus_waiting_account ON korus_waiting (account, serial)",
        "CREATE TABLE korus_spent (account TEXT NOT NULL, owner TEXT NOT NULL, day TEXT NOT NULL,"
        " spent BIGINT NOT NULL, most BIGINT NOT NULL, PRIMARY KEY (account, owner, day),"
        " CONSTRAINT korus_spent_within CHECK (spent <= most))",
        _count_days,
        "ALTER TABLE korus_intent ADD COLUMN leased_at BIGINT",
        "ALTER TABLE korus_hold ADD COLUMN leased_at BIGINT",
    ),
    6: (
        "ALTER TABLE korus_intent ADD COLUMN buyer TEXT",
        "CREATE INDEX korus_intent_buyer ON korus_intent (account, buyer) WHERE buyer IS NOT NULL",
    ),
    7: ("ALTER TABLE korus_outcome ADD COLUMN order_number TEXT",),
}
"""Per version, the steps that migrate from the version before. A new journal needs none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime stored as whole microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """Convert a value for the database."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        """Convert a value from the database."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class Amount(TypeDecorator[Decimal]):
    """A decimal stored as text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> str | None:
        """Convert a value for the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Decimal | None:
        """Convert a value from the database."""
        return None if value is None else Decimal(value)


class _ServersMoment(FunctionElement[datetime]):
    """The time by the clock of a database server; nothing where the database is a file."""

    type = Moment()
    inherit_cache = True


@compiles(_ServersMoment, "postgresql")
def _of_a_server(*nothing: object, **given: object) -> str:
    del nothing, given
    # Not that of the transaction's beginning, which is long ago when a lock was waited for.
    return "CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


@compiles(_ServersMoment, "sqlite")
def _of_a_file(*nothing: object, **given: object) -> str:
    del nothing, given
    return "NULL"


SERVERS_MOMENT: Final = _ServersMoment()
"""Read along with rows, so that the time costs no statement of its own."""

METADATA = sa.MetaData()
# In SQLite only an INTEGER key is numbered automatically.
_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def _serial() -> sa.Column[int]:
    return sa.Column("serial", _SERIAL, primary_key=True, autoincrement=True)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _moments(*names: str, nullable: bool = False) -> list[sa.Column[datetime]]:
    return [sa.Column(name, Moment, nullable=nullable) for name in names]


def _few(name: str, which: str, *columns: str) -> sa.Index:
    """An index of the rows that fulfil a condition only: few are open, and most stay for years."""
    condition = sa.text(which)
    return sa.Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


UNFINISHED: Final = "state IN ('new', 'sending')"
"""The condition of rows that are open. A statement has to say it in the same words: with bound
values no database knows that the index of these rows has all it needs. The state is in the index,
too, so that SQLite prefers it to others of the account.
"""

META = sa.Table("korus_meta", METADATA, *_key("name"), *_texts("value"))

KEEPER = sa.Table(
    "korus_keeper",
    METADATA,
    *_key("account"),
    *_texts("installation"),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    *_moments("swept_at", "sweeping_since", "stopped_at", nullable=True),
)
"""A row for each account: its installation, its sweep, and since when it takes no new orders."""

INTENT = sa.Table(
    "korus_intent",
    METADATA,
    _serial(),
    *_texts("account", "id", "owner", "fingerprint"),
    sa.Column("external_reference", sa.Text, nullable=False, unique=True),
    *_texts("caller_reference", nullable=True),
    *_texts("agreed"),
    *_texts("buyer", nullable=True),
    sa.Column("approved_total", Amount, nullable=False),
    *_moments("sent_at", "fence_at"),
    *_texts("state"),
    sa.Column("ambiguous", sa.Boolean, nullable=False),
    # Whether its amount counts for the day's limit: until it is known that it made no order.
    sa.Column("spends", sa.Boolean, nullable=False),
    *_texts("worker", nullable=True),
    *_moments("leased_at", "lease_until", nullable=True),
    *_moments("created_at", "updated_at"),
    sa.UniqueConstraint("account", "id"),
    _few("korus_intent_open", UNFINISHED, "account", "state", "owner"),
    _few("korus_intent_reference", "caller_reference IS NOT NULL", "account", "caller_reference"),
    _few("korus_intent_buyer", "buyer IS NOT NULL", "account", "buyer"),
    sa.Index("korus_intent_day", "account", "owner", "sent_at"),
)

OUTCOME = sa.Table(
    "korus_outcome",
    METADATA,
    *_key("account", "intent_id"),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    *_texts("reservation_id"),
    *_texts("order_id", "order_number", "reason", nullable=True),
    *_moments("seen_at", nullable=True),
    sa.UniqueConstraint("account", "intent_id", "reservation_id"),
    sa.Index("korus_outcome_reservation", "account", "reservation_id", "intent_id"),
)

# The primary key ensures that a reservation is claimed only once.
CLAIM = sa.Table("korus_claim", METADATA, *_key("account", "reservation_id"), *_texts("intent_id"))

HOLD = sa.Table(
    "korus_hold",
    METADATA,
    _serial(),
    *_texts("account", "id", "owner", "key"),
    *_moments("sent_at", "fence_at"),
    *_texts("state"),
    sa.Column("ambiguous", sa.Boolean, nullable=False),
    *_texts("worker", nullable=True),
    *_moments("leased_at", "lease_until", nullable=True),
    sa.Column("wishes", sa.JSON, nullable=False),
    sa.Column("reservation_ids", sa.JSON, nullable=False),
    sa.Column("refused", sa.JSON, nullable=False),
    sa.Column("tickets", sa.Integer, nullable=False, server_default="0"),
    sa.Column("amount", Amount, nullable=False, server_default="0"),
    sa.UniqueConstraint("account", "id"),
    sa.Index("korus_hold_key", "account", "key"),
    _few("korus_hold_open", UNFINISHED, "account", "state", "owner"),
    sa.Index("korus_hold_made", "account", "owner", "sent_at"),
)

HELD = sa.Table(
    "korus_held",
    METADATA,
    *_key("account", "reservation_id"),
    *_texts("owner"),
    sa.Column("tickets", sa.Integer, nullable=False),
    sa.Column("amount", Amount, nullable=False),
    *_moments("ends_at"),
    sa.Index("korus_held_owner", "account", "owner", "ends_at"),
)
"""Reservations that count as open, until they are ordered or end."""

APPROVAL = sa.Table(
    "korus_approval",
    METADATA,
    *_key("account", "nonce"),
    *_texts("owner", "digest"),
    *_moments("expires_at"),
    *_texts("state"),
)

ASKED = sa.Table(
    "korus_asked",
    METADATA,
    *_key("account", "nonce"),
    *_texts("code", "owner", "digest"),
    sa.Column("reservation_ids", sa.JSON, nullable=False),
    *_moments("open_until", "ends_at"),
    *_texts("shown"),
    sa.Column("is_yes", sa.Boolean),
    sa.UniqueConstraint("account", "code"),
)
"""Questions put to a person beside the host; `shown` is sealed, and empty once answered."""

OWNERSHIP = sa.Table(
    "korus_ownership",
    METADATA,
    _serial(),
    *_texts("account", "resource_id", "owner"),
    sa.Column("is_order", sa.Boolean, nullable=False),
    sa.UniqueConstraint("account", "resource_id"),
    sa.Index("korus_ownership_owner", "account", "owner", "is_order", "serial"),
)

AUDIT = sa.Table(
    "korus_audit",
    METADATA,
    *_key("account"),
    sa.Column("row", sa.BigInteger, primary_key=True, autoincrement=False),
    *_moments("at"),
    *_texts("event", "owner", "subject", "detail", "mac"),
    sa.Index("korus_audit_subject", "account", "subject"),
)

CHAIN = sa.Table(
    "korus_chain",
    METADATA,
    *_key("account"),
    sa.Column("number", sa.BigInteger, nullable=False),
    *_texts("head", "seal"),
)
"""For each account how many audit rows are sealed, the seal of the last one, and a seal of both.
Whoever seals locks it until the commit; nothing that books waits for that.
"""

WAITING = sa.Table(
    "korus_waiting",
    METADATA,
    _serial(),
    *_texts("account"),
    *_moments("at"),
    *_texts("event", "owner", "subject", "detail", "mac"),
    sa.Index("korus_waiting_account", "account", "serial"),
)
"""Audit rows that are not sealed yet, in the order in which they were written."""

SPENT = sa.Table(
    "korus_spent",
    METADATA,
    *_key("account", "owner", "day"),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("most", sa.BigInteger, nullable=False),
    sa.CheckConstraint("spent <= most", name="korus_spent_within"),
)
"""What an owner's orders of a UTC day may cost together, those in doubt too, and the limit that the
last one was held against, in units of `records.units_of`. That the limit is kept is a condition of
the table, so that an order is counted by one statement, at the end of its transaction.
"""
