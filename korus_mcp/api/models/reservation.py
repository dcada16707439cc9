"""Reservations: temporary holds (documented: how-to/book-a-ticket)."""

from typing import Annotated, ClassVar

from korus_mcp.api.models import values
from korus_mcp.api.models.base import ApiModel, Booked, BulkResult, Failure, Resource
from korus_mcp.api.models.seat_map import Seating
from korus_mcp.foundation.unread import Unread


class ReservationOfferTicket(ApiModel):
    """A ticket held for an item; the session's IRI may have the older form (T10)."""

    ticket: values.Link = None
    # Compare only the last part: an IRI below `/events/` can mean the same session (T10).
    session: values.SureLink = None
    seating: Seating | Unread | None = None


class ReservationItem(ApiModel):
    """One unit of what is held: n units are n items, without a quantity (T25)."""

    amount_incl_tax: values.Money = None
    amount_excl_tax: values.Money = None
    currency: values.Text = None
    """Undocumented; if a currency is stated it has to be euro (A17)."""
    date: values.Day = None
    offer: values.Link = None
    product: values.Link = None
    offer_tickets: values.Many[ReservationOfferTicket] = ()


class Reservation(Resource):
    """A hold: price and stock are guaranteed until `expires_at`.

    `status` stays `reserved` even when the hold has expired or was ordered (T23): look at
    `expired`, `expires_at` and `order`, too.
    """

    created_at: values.Moment = None
    expires_at: values.Moment = None
    expired: values.Flag = None
    status: values.Text = None
    releasable: bool | None = None
    seats_arrangement: str | None = None
    total_amount_incl_tax: values.Money = None
    total_amount_excl_tax: values.Money = None
    currency: values.Text = None
    """Undocumented; if a currency is stated it has to be euro (A17)."""
    catalog: values.Link = None
    organization: values.Link = None
    order: Annotated[values.SureLink, values.NoIsAbsent] = None
    """Any other value that is no link stays UNREAD: the hold may have been ordered."""
    items: values.Many[ReservationItem] = ()

    @property
    def may_have_order(self) -> bool:
        """Whether the hold was ordered, or `order` is unreadable, so that it may have been."""
        return self.order is not None


class ReservationFailure(Failure):
    """An item that the issuer refused to hold (A12)."""

    subject: ClassVar[str] = "offer"

    offer: values.Link = None
    quantity: values.Count = None


class ReservationBulkResult(BulkResult):
    """The result of a reserve call: the holds made, and the items refused."""

    reservations: Booked[Reservation] = ()
    failed_reservations: values.Failures[ReservationFailure] = ()
