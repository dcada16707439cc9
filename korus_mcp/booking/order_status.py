"""Reads the status of orders and tickets: whether an order is valid, the word to show for it, and
the number that people know it by.

Only `confirmed` and `cancelled` are documented. Other words may come (T31): one that is not known
here does not count as a confirmation.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
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
_OVER: Final = ("expired", "refund", "void", "delet", "remov", "revo", "withdrawn", "partial")
"""Beginnings of words for an order that was valid and, in whole or in part, is so no longer."""
LONGEST_NUMBER: Final = 60
CONFIRMED_WITHIN: Final = timedelta(hours=1)
"""If an order is not confirmed this long after it was made, the advice is no longer to wait."""


class Standing(StrEnum):
    """Whether an order is valid. For all but `CONFIRMED`, `UNCONFIRMED` and `NOT_READ` the next
    step is KorusTicket's support.

    `OVER`: it is over, or a part of it is. `OVERDUE`: it is old and still not confirmed.
    `NOT_READ`: the order was made, but could not be read just now.
    """

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    OVER = "over"
    UNREAD = "unread"
    UNCONFIRMED = "unconfirmed"
    OVERDUE = "overdue"
    NOT_READ = "not_read"


def standing_of(order: Order, now: datetime, sent_at: datetime | None = None) -> Standing:
    """Whether an order is valid, by its status, its time of cancellation and its age.

    `sent_at` is when it was ordered, if that is known here; its own word for that comes first.
    """
    if is_cancelled(order):
        return Standing.CANCELLED
    word = word_of(order.status)
    if isinstance(order.status, Unread) or isinstance(order.cancelled_at, Unread):
        return Standing.UNREAD
    if word in _CONFIRMED:
        return Standing.CONFIRMED
    if word in _FAILED:
        return Standing.FAILED
    if word.startswith(_OVER):
        return Standing.OVER
    # An order of unknown age may be old, so the advice is not to wait for it.
    made_at = value_of(order.created_at) or sent_at
    is_new = made_at is not None and now < made_at + CONFIRMED_WITHIN
    return Standing.UNCONFIRMED if is_new else Standing.OVERDUE


def number_of(order: Order) -> str | None:
    """The number (KT-ORD-...) that people know an order by, cleaned; None where it has none."""
    return clean_line(order.reference or "", LONGEST_NUMBER) or None


def numbers_of(orders: Iterable[Order]) -> dict[str, str]:
    """The numbers of those orders that have one, by their ids."""
    numbers = ((order.id, number_of(order)) for order in orders)
    return {order_id: number for order_id, number in numbers if number is not None}


def is_cancelled(order: Order) -> bool:
    """Whether the issuer took an order back."""
    # A time of cancellation is enough: the status may lag behind.
    return word_of(order.status) in _CANCELLED or isinstance(order.cancelled_at, datetime)


def word_of(status: str | Unread | None) -> str:
    """A status in lower case, for comparison."""
    return (value_of(status) or "")[:LONGEST_STATUS].strip().casefold()


def order_told(order: Order) -> str:
    """The status of an order in an answer; "cancelled" if its time of cancellation says so."""
    if is_cancelled(order):
        return Standing.CANCELLED.value
    told = status_told(order.status)
    if isinstance(order.cancelled_at, Unread) and not isinstance(order.status, Unread):
        return f"{told}, but whether it was cancelled cannot be read"
    return told


def status_told(status: str | Unread | None) -> str:
    """A status in the issuer's own word. For an order use `order_told`: its time of cancellation
    counts, too.
    """
    if isinstance(status, Unread):
        return UNREADABLE
    return clean_line(status or "unknown", 40)
