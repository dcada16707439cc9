"""Orders, their tickets and documents (documented: openapi/bookingorder, release)."""

from typing import ClassVar

from pydantic import Field, field_validator

from korus_mcp.api.models.base import (
    ApiModel,
    Booked,
    BulkResult,
    Count,
    Day,
    Embedded,
    Failure,
    Failures,
    Flag,
    Link,
    Many,
    Moment,
    Money,
    Resource,
    SureLink,
    Text,
    empty_is_absent,
    no_is_absent,
)
from korus_mcp.api.models.seat_map import Seating
from korus_mcp.foundation.unread import Unread


class OrderCustomer(ApiModel):
    """The buyer as stored. Personal data."""

    firstname: str | None = None
    lastname: str | None = None
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    language: str | None = None
    optin: bool | None = None
    title: str | None = None


class Beneficiary(ApiModel):
    """The person named on a ticket. Personal data."""

    firstname: str | None = None
    lastname: str | None = None
    email: str | None = None
    phone: str | None = None
    title: str | None = None
    date_of_birth: Day = None
    place_of_birth: str | None = None
    nationality: str | None = None


class OrderItemTicket(Resource):
    """One admission; while `status` is `waiting_beneficiary_data` its holder must be named."""

    indivisible: ClassVar[frozenset[str]] = frozenset({"requiredBeneficiaryFields"})

    voucher: str | None = None
    occurs_at: Moment = None
    required_beneficiary_fields: Many[str] | Unread = ()
    beneficiary: Beneficiary | None = None
    beneficiary_designation_deadline: Moment = None
    beneficiary_amendable: Flag = None
    status: Text = None
    seating: Seating | Unread | None = None

    _absent = field_validator(
        "occurs_at",
        "beneficiary_designation_deadline",
        "required_beneficiary_fields",
        "seating",
        mode="before",
    )(no_is_absent)
    _not_told = field_validator("beneficiary_amendable", mode="before")(empty_is_absent)


class OrderItem(Resource):
    """One line of an order. `amount_*` is taken for its total; prefer `total_amount_*` (A15)."""

    needed: ClassVar[frozenset[str]] = frozenset({"tickets"})

    quantity: Count = None
    # Of three kinds of amount only the totals are clear; the order's own totals decide (A15).
    unit_amount_incl_tax: Money = None
    unit_amount_excl_tax: Money = None
    total_amount_incl_tax: Money = None
    total_amount_excl_tax: Money = None
    amount_incl_tax: Money = None
    amount_excl_tax: Money = None
    date: Day = None
    product: Link = None
    tickets: Many[OrderItemTicket] = ()

    _undated = field_validator("date", mode="before")(no_is_absent)


class Order(Resource):
    """A booking. It can become `cancelled` without a call of ours. Documents are another list."""

    needed: ClassVar[frozenset[str]] = frozenset({"items"})

    created_at: Moment = None
    status: Text = None
    cancelled_at: Moment = None
    reference: str | None = None
    external_reference: Text = None
    connector_reference: str | None = None
    total_amount_incl_tax: Money = None
    total_amount_excl_tax: Money = None
    currency: Text = None
    """Undocumented; if a currency is stated it may be another one than euro (A17)."""
    catalog: Link = None
    organization: Link = None
    reservation: SureLink = None
    # Personal data, not for logs; the `repr` of a model shows only its id.
    customer: OrderCustomer | None = None
    items: Many[OrderItem] = ()

    _absent = field_validator("cancelled_at", "currency", mode="before")(no_is_absent)


class OrderFailure(Failure):
    """A reservation that the issuer refused to order (A12)."""

    subject: ClassVar[str] = "reservation"

    reservation: Link = None


class OrderBulkResult(BulkResult):
    """The result of an order call: the orders made, and the reservations refused."""

    orders: Booked[Order] = ()
    failed_orders: Failures[OrderFailure] = ()


class OrderDocument(Resource):
    """A file of an order. The API gives only its id, no name, type or size."""

    downloadable_at: Moment = None

    _no_time = field_validator("downloadable_at", mode="before")(no_is_absent)


class OrderDocumentLink(Embedded):
    """A short-lived signed address. It is a secret: not for customers, logs or storage."""

    temporary_url: str = Field(repr=False)
    cached_language: str | None = None
    """Language of the file; it may differ from the one asked for (T27)."""


class FormField(ApiModel):
    """A field of a form; its properties are undocumented, so all are in `model_extra` (A28)."""


class Form(Resource):
    """Extra questions of an issuer, from an older version of the API (A28)."""

    code: str | None = None
    fields: Many[FormField] = ()
