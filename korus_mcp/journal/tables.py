"""The tables of the journal, and the order in which older ones become them.

Every row belongs to an account. Moments are whole microseconds since 1970, so that both databases
compare them alike; amounts are text, so that none is rounded. Texts have no length: only
PostgreSQL would enforce one. No customer data has a column.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

VERSION: Final = 2
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
    )
}
"""Statements that turn the version before into this one; a new journal is made at VERSION."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class Amount(TypeDecorator[Decimal]):
    """A decimal as its text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """To the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """From the database."""
        return None if value is None else Decimal(value)


METADATA = MetaData()
_SERIAL = BigInteger().with_variant(Integer, "sqlite")  # the only type SQLite counts up by itself


def _account() -> Column[str]:
    return Column("account", Text, nullable=False)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=nullable)


META = Table(
    "korus_meta",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

KEEPER = Table(
    "korus_keeper",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("installation", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    _moment("swept_at", nullable=True),
    _moment("sweeping_since", nullable=True),
    Column("audit_rows", BigInteger, nullable=False, default=0),
    Column("audit_head", Text, nullable=False, default=""),
    Column("audit_seal", Text, nullable=False, default=""),
)

INTENT = Table(
    "korus_intent",
    METADATA,
    Column("serial", _SERIAL, primary_key=True, autoincrement=True),
    _account(),
    Column("id", Text, nullable=False),
    _text("owner"),
    Column("fingerprint", Text, nullable=False),
    Column("external_reference", Text, nullable=False, unique=True),
    _text("caller_reference", nullable=True),
    Column("agreed", Text, nullable=False),
    Column("approved_total", Amount, nullable=False),
    _moment("sent_at"),
    _moment("fence_at"),
    Column("state", Text, nullable=False),
    Column("ambiguous", Boolean, nullable=False),
    Column("spends", Boolean, nullable=False),
    _text("worker", nullable=True),
    _moment("lease_until", nullable=True),
    _moment("created_at"),
    _moment("updated_at"),
    UniqueConstraint("account", "id"),
    Index("korus_intent_open", "account", "state"),
    Index("korus_intent_day", "account", "owner", "sent_at"),
)

OUTCOME = Table(
    "korus_outcome",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("intent_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _text("reservation_id"),
    _text("order_id", nullable=True),
    _text("reason", nullable=True),
    _moment("seen_at", nullable=True),
    UniqueConstraint("account", "intent_id", "reservation_id"),
    Index("korus_outcome_reservation", "account", "reservation_id", "intent_id"),
)

CLAIM = Table(
    "korus_claim",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("reservation_id", Text, primary_key=True),
    Column("intent_id", Text, nullable=False),
)

HOLD = Table(
    "korus_hold",
    METADATA,
    Column("serial", _SERIAL, primary_key=True, autoincrement=True),
    _account(),
    Column("id", Text, nullable=False),
    _text("owner"),
    Column("key", Text, nullable=False),
    _moment("sent_at"),
    _moment("fence_at"),
    Column("state", Text, nullable=False),
    Column("ambiguous", Boolean, nullable=False),
    _text("worker", nullable=True),
    _moment("lease_until", nullable=True),
    Column("wishes", JSON, nullable=False),
    Column("reservation_ids", JSON, nullable=False),
    Column("refused", JSON, nullable=False),
    Column("tickets", Integer, nullable=False, server_default="0"),
    Column("amount", Amount, nullable=False, server_default="0"),
    UniqueConstraint("account", "id"),
    Index("korus_hold_key", "account", "key"),
    Index("korus_hold_open", "account", "owner", "state"),
)

HELD = Table(
    "korus_held",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("reservation_id", Text, primary_key=True),
    _text("owner"),
    Column("tickets", Integer, nullable=False),
    Column("amount", Amount, nullable=False),
    _moment("ends_at"),
    Index("korus_held_owner", "account", "owner", "ends_at"),
)
"""Reservations that count as open, until they are ordered or end."""

APPROVAL = Table(
    "korus_approval",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("nonce", Text, primary_key=True),
    _text("owner"),
    Column("digest", Text, nullable=False),
    _moment("expires_at"),
    Column("state", Text, nullable=False),
)

OWNERSHIP = Table(
    "korus_ownership",
    METADATA,
    Column("serial", _SERIAL, primary_key=True, autoincrement=True),
    _account(),
    _text("resource_id"),
    _text("owner"),
    Column("is_order", Boolean, nullable=False),
    UniqueConstraint("account", "resource_id"),
    Index("korus_ownership_owner", "account", "owner", "is_order"),
)

AUDIT = Table(
    "korus_audit",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    _moment("at"),
    Column("event", Text, nullable=False),
    _text("owner"),
    _text("subject"),
    _text("detail"),
    Column("mac", Text, nullable=False),
    Index("korus_audit_subject", "account", "subject"),
)
