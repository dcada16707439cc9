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
    """One line of an order; `amount_*` is read as the line total, prefer `total_amount_*` (A15)."""

    needed: ClassVar[frozenset[str]] = frozenset({"tickets"})

    quantity: Count = None
    # Three kinds of amount, and only the totals are plain: totals of the order decide (A15).
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
    """A booking. It can turn `cancelled` without a call of ours; documents are a separate list."""

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
    """Not published; where one is stated it may not be euro (A17)."""
    catalog: Link = None
    organization: Link = None
    reservation: SureLink = None
    # Personal data: not for logs; `repr` of a model shows its id alone.
    customer: OrderCustomer | None = None
    items: Many[OrderItem] = ()

    _absent = field_validator("cancelled_at", "currency", mode="before")(no_is_absent)


class OrderFailure(Failure):
    """A reservation the issuer would not order (A12)."""

    subject: ClassVar[str] = "reservation"

    reservation: Link = None


class OrderBulkResult(BulkResult):
    """The outcome of an order call: orders that were made, reservations that were refused."""

    orders: Booked[Order] = ()
    failed_orders: Failures[OrderFailure] = ()


class OrderDocument(Resource):
    """A file of an order, known by id only; it has no name, type or size."""

    downloadable_at: Moment = None

    _no_time = field_validator("downloadable_at", mode="before")(no_is_absent)


class OrderDocumentLink(Embedded):
    """A short-lived signed address: a secret, not for customers, logs or storage."""

    temporary_url: str = Field(repr=False)
    cached_language: str | None = None
    """Language of the file; it may differ from the one asked for (T27)."""


class FormField(ApiModel):
    """A field of a form; its properties are not published, all are extras (A28)."""


class Form(Resource):
    """Extra questions of an issuer, from the older model (A28)."""

    code: str | None = None
    fields: Many[FormField] = ()
