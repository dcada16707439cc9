"""Orders, their tickets and documents (documented: openapi/bookingorder, release)."""

from typing import Annotated, ClassVar

from pydantic import Field

from korus_mcp.api.models import values
from korus_mcp.api.models.base import ApiModel, Booked, BulkResult, Embedded, Failure, Resource
from korus_mcp.api.models.seat_map import Seating
from korus_mcp.foundation.unread import Unread


class _Person(ApiModel):
    firstname: str | None = None
    lastname: str | None = None
    email: str | None = None
    phone: str | None = None
    title: str | None = None


class OrderCustomer(_Person):
    """The buyer as stored. Personal data."""

    country: str | None = None
    language: str | None = None
    optin: bool | None = None


class Beneficiary(_Person):
    """The person named on a ticket. Personal data."""

    date_of_birth: values.Day = None
    place_of_birth: str | None = None
    nationality: str | None = None


class OrderItemTicket(Resource):
    """One admission; while `status` is `waiting_beneficiary_data` its holder must be named."""

    indivisible: ClassVar[frozenset[str]] = frozenset({"requiredBeneficiaryFields"})

    voucher: str | None = None
    occurs_at: Annotated[values.Moment, values.NoIsAbsent] = None
    required_beneficiary_fields: Annotated[values.Many[str] | Unread, values.NoIsAbsent] = ()
    beneficiary: Beneficiary | None = None
    beneficiary_designation_deadline: Annotated[values.Moment, values.NoIsAbsent] = None
    beneficiary_amendable: Annotated[values.Flag, values.EmptyIsAbsent] = None
    status: values.Text = None
    seating: Annotated[Seating | Unread | None, values.NoIsAbsent] = None


class OrderItem(Resource):
    """One line of an order. `amount_*` is taken for its total; prefer `total_amount_*` (A15)."""

    needed: ClassVar[frozenset[str]] = frozenset({"tickets"})

    quantity: values.Count = None
    # Of three kinds of amount only the totals are clear; the order's own totals decide (A15).
    unit_amount_incl_tax: values.Money = None
    unit_amount_excl_tax: values.Money = None
    total_amount_incl_tax: values.Money = None
    total_amount_excl_tax: values.Money = None
    amount_incl_tax: values.Money = None
    amount_excl_tax: values.Money = None
    date: Annotated[values.Day, values.NoIsAbsent] = None
    product: values.Link = None
    tickets: values.Many[OrderItemTicket] = ()


class Order(Resource):
    """A booking. It can become `cancelled` without a call of ours. Documents are another list."""

    needed: ClassVar[frozenset[str]] = frozenset({"items"})

    created_at: values.Moment = None
    status: values.Text = None
    cancelled_at: Annotated[values.Moment, values.NoIsAbsent] = None
    reference: str | None = None
    external_reference: values.Text = None
    connector_reference: str | None = None
    total_amount_incl_tax: values.Money = None
    total_amount_excl_tax: values.Money = None
    currency: Annotated[values.Text, values.NoIsAbsent] = None
    """Undocumented; if a currency is stated it may be another one than euro (A17)."""
    catalog: values.Link = None
    organization: values.Link = None
    reservation: values.SureLink = None
    # Personal data, not for logs; the `repr` of a model shows only its id.
    customer: OrderCustomer | None = None
    items: values.Many[OrderItem] = ()


class OrderFailure(Failure):
    """A reservation that the issuer refused to order (A12)."""

    subject: ClassVar[str] = "reservation"

    reservation: values.Link = None


class OrderBulkResult(BulkResult):
    """The result of an order call: the orders made, and the reservations refused."""

    orders: Booked[Order] = ()
    failed_orders: values.Failures[OrderFailure] = ()


class OrderDocument(Resource):
    """A file of an order. The API gives only its id, no name, type or size."""

    downloadable_at: Annotated[values.Moment, values.NoIsAbsent] = None


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
    fields: values.Many[FormField] = ()
