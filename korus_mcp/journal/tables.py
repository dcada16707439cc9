"""The tables of the journal, and the migrations of older ones.

Every row belongs to an account. Times are whole microseconds since 1970, so that both databases
compare them alike; amounts are text, so that none is rounded. Text columns have no length, which
only PostgreSQL would enforce. There is no column for customer data.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from korus_mcp.journal.records import TABLES_VERSION

VERSION: Final = TABLES_VERSION
MIGRATIONS: Final[Mapping[int, Sequence[str]]] = {
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
}
"""Per version, the statements that migrate from the version before. A new journal needs none."""

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
    sa.Column("audit_rows", sa.BigInteger, nullable=False, default=0),
    sa.Column("audit_head", sa.Text, nullable=False, default=""),
    sa.Column("audit_seal", sa.Text, nullable=False, default=""),
)
"""A row for each account: its installation, its sweep, the head of its audit, and since when it
takes no new orders. A writer locks it until the commit, so that an account has one writer at a
time.
"""

INTENT = sa.Table(
    "korus_intent",
    METADATA,
    _serial(),
    *_texts("account", "id", "owner", "fingerprint"),
    sa.Column("external_reference", sa.Text, nullable=False, unique=True),
    *_texts("caller_reference", nullable=True),
    *_texts("agreed"),
    sa.Column("approved_total", Amount, nullable=False),
    *_moments("sent_at", "fence_at"),
    *_texts("state"),
    sa.Column("ambiguous", sa.Boolean, nullable=False),
    # Whether its amount counts for the day's limit: until it is known that it made no order.
    sa.Column("spends", sa.Boolean, nullable=False),
    *_texts("worker", nullable=True),
    *_moments("lease_until", nullable=True),
    *_moments("created_at", "updated_at"),
    sa.UniqueConstraint("account", "id"),
    _few("korus_intent_open", UNFINISHED, "account", "state", "owner"),
    _few("korus_intent_reference", "caller_reference IS NOT NULL", "account", "caller_reference"),
    sa.Index("korus_intent_day", "account", "owner", "sent_at"),
)

OUTCOME = sa.Table(
    "korus_outcome",
    METADATA,
    *_key("account", "intent_id"),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    *_texts("reservation_id"),
    *_texts("order_id", "reason", nullable=True),
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
    *_moments("lease_until", nullable=True),
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
