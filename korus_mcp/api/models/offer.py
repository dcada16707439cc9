"""Offers, their live figures, tickets and sessions (documented: how-to/availability-checks)."""

from korus_mcp.api.models import values
from korus_mcp.api.models.base import ApiModel, Embedded, Resource
from korus_mcp.foundation.unread import Unread


class OfferPriceSummary(ApiModel):
    """The list price of one offer; stale when the offer says `realtime_price_required`."""

    amount_incl_tax: values.Money = None
    original_amount_incl_tax: values.Money = None
    currency: values.Text = None
    """As sent, in upper or lower case (T1)."""


class OfferProduct(Embedded):
    """The product an offer sells (A05)."""

    name: str | None = None
    description: str | None = None
    disabled: values.Flag = None


class OfferTicketSummary(Embedded):
    """A ticket in an offer, without its id; the list of the offer's tickets has the ids."""

    date_access: values.Flag = None
    form: values.Link = None


class Offer(Resource):
    """Price and stock of a product on a day. Without `date` it is undated, without stock unlimited
    (T8).
    """

    date: values.Day = None
    availability_check_required: values.Flag = None
    realtime_price_required: values.Flag = None
    price: OfferPriceSummary | Unread | None = None
    product: OfferProduct | None = None
    product_base: values.Link = None
    tickets: values.Many[OfferTicketSummary] = ()
    available_quantity: values.Stock = None


class SessionAvailability(ApiModel):
    """Stock of one session, which is named in `session`; the `@id` is a placeholder (T6)."""

    session: values.Link = None
    available_quantity: values.Stock = None


class OfferAvailability(ApiModel):
    """Live stock of an offer and of its sessions; null means unlimited (A26)."""

    available_quantity: values.Stock = None
    sessions_availability: values.Many[SessionAvailability] = ()


class OfferPrice(ApiModel):
    """Live price of one offer; the amount without tax may be missing and is never computed."""

    amount_incl_tax: values.Money = None
    amount_excl_tax: values.Money = None
    currency: values.Text = None


class OfferTicket(Resource):
    """One ticket of an offer. `date_access`: True takes no session, False needs one (T24)."""

    name: str | None = None
    description: str | None = None
    date_access: values.Flag = None


class OfferTicketSession(Resource):
    """A time slot, with the local offset of the venue (A07)."""

    name: str | None = None
    starts_at: values.Moment = None
    ends_at: values.Moment = None
    available_quantity: values.Stock = None
    seat_map: values.Link = None
