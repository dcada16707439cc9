"""The journal: a record of bookings, of who owns what, what was approved and what was sent."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from korus_mcp.journal.sql import SqlJournal

# Only the name of the class: importing it loads SQLAlchemy, which takes a third of a second, and
# the server answers before it needs the journal (`opening.journal_of` imports it then).
Journal: TypeAlias = "SqlJournal"
