"""Reads the status of orders and tickets: whether an order is valid, and the word to show for it.

Only `confirmed` and `cancelled` are documented. Other words may come (T31): one that is not known
here does not count as a confirmation.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from korus_mcp.api.models.order import Order
from korus_mcp.booking.hold import LONGEST_STATUS
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import UNREADABLE, Unread, value_of

_CONFIRMED: Final = frozenset({"", "confirmed", "booked", "ordered", "paid", "completed", "issued"})
"""Words for a valid order. An order without a status counts as valid: it exists."""
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
    """Whether an order is valid. For `FAILED` and `UNREAD` only KorusTicket's support can say.

    `NOT_READ`: the order was made, but could not be read just now.
    """

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNREAD = "unread"
    UNCONFIRMED = "unconfirmed"
    NOT_READ = "not_read"


def standing_of(order: Order) -> Standing:
    """Whether an order is valid, by its status and its time of cancellation."""
    # A time of cancellation is enough: the status may lag behind.
    word = word_of(order.status)
    if word in _CANCELLED or isinstance(order.cancelled_at, datetime):
        return Standing.CANCELLED
    if isinstance(order.status, Unread) or isinstance(order.cancelled_at, Unread):
        return Standing.UNREAD
    if word in _CONFIRMED:
        return Standing.CONFIRMED
    return Standing.FAILED if word in _FAILED else Standing.UNCONFIRMED


def word_of(status: str | Unread | None) -> str:
    """A status in lower case, for comparison."""
    return (value_of(status) or "")[:LONGEST_STATUS].strip().casefold()


def status_told(status: str | Unread | None) -> str:
    """The status of an order or a ticket in the issuer's own word, for an answer."""
    if isinstance(status, Unread):
        return UNREADABLE
    return clean_line(status or "unknown", 40)
