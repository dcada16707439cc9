"""What the issuer calls an order or a ticket, and whether an order stands by that.

Only `confirmed` and `cancelled` are documented; a new word is a text (T31), and no confirmation.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from korus_mcp.api.models.order import Order
from korus_mcp.booking.hold import LONGEST_STATUS
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import UNREADABLE, Unread, value_of

_CONFIRMED: Final = frozenset({"", "confirmed", "booked", "ordered", "paid", "completed", "issued"})
"""Words of an order that stands; one without a status was made, and nothing is said against it."""
_CANCELLED: Final = frozenset({"cancelled", "canceled"})
_FAILED: Final = frozenset(
    {
        "failed",
        "failure",
        "error",
        "rejected",
        "refused",
        "declined",
        "denied",
        "aborted",
        "invalid",
    }
)


class Standing(StrEnum):
    """Whether an order stands. `FAILED` and `UNREAD`: nobody but KorusTicket knows. `NOT_READ`: it
    was made, and could not be read just now.
    """

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNREAD = "unread"
    UNCONFIRMED = "unconfirmed"
    NOT_READ = "not_read"


def standing_of(order: Order) -> Standing:
    """Whether an order stands, as far as it is told."""
    # A moment of cancellation counts by itself: the word may lag behind.
    word = word_of(order.status)
    if word in _CANCELLED or isinstance(order.cancelled_at, datetime):
        return Standing.CANCELLED
    if isinstance(order.status, Unread) or isinstance(order.cancelled_at, Unread):
        return Standing.UNREAD
    if word in _CONFIRMED:
        return Standing.CONFIRMED
    return Standing.FAILED if word in _FAILED else Standing.UNCONFIRMED


def word_of(status: str | Unread | None) -> str:
    """A status as it is compared: in any letter case."""
    return (value_of(status) or "")[:LONGEST_STATUS].strip().casefold()


def status_told(status: str | Unread | None) -> str:
    """The status of an order or a ticket as the issuer calls it."""
    if isinstance(status, Unread):
        return UNREADABLE
    return clean_line(status or "unknown", 40)
