"""Reservations: temporary holds (documented: how-to/book-a-ticket)."""

from typing import ClassVar

from korus_mcp.api.models.base import (
    ApiModel,
    BulkResult,
    Day,
    Failure,
    Link,
    Many,
    Moment,
    Money,
    Resource,
)
from korus_mcp.api.models.seat_map import Seating


class ReservationOfferTicket(ApiModel):
    """A ticket held for an item; the session may come in the older form (T10)."""

    ticket: Link = None
    session: Link = None
    seating: Seating | None = None


class ReservationItem(ApiModel):
    """One unit of what is held: n units are n items, there is no quantity (T25)."""

    amount_incl_tax: Money = None
    amount_excl_tax: Money = None
    date: Day = None
    offer: Link = None
    product: Link = None
    offer_tickets: Many[ReservationOfferTicket] = ()


class Reservation(Resource):
    """A hold: price and stock are guaranteed until `expires_at`.

    `status` stays `reserved` on an expired or ordered hold (T23): look at `expired`, `expires_at`
    and `has_order` too.
    """

    created_at: Moment = None
    expires_at: Moment = None
    expired: bool | None = None
    status: str | None = None
    releasable: bool | None = None
    seats_arrangement: str | None = None
    total_amount_incl_tax: Money = None
    total_amount_excl_tax: Money = None
    catalog: Link = None
    organization: Link = None
    order: Link = None
    items: Many[ReservationItem] = ()

    @property
    def has_order(self) -> bool:
        """Whether the hold was ordered; also True when the answer says so in an unreadable way."""
        return self.order is not None or "order" in self.unread


class ReservationFailure(Failure):
    """An item the issuer would not hold (A12)."""

    subject: ClassVar[str] = "offer"

    offer: Link = None
    quantity: int | None = None


class ReservationBulkResult(BulkResult):
    """The outcome of a reserve call: holds that were made, items that could not be held."""

    reservations: Many[Reservation] = ()
    failed_reservations: Many[ReservationFailure] = ()
