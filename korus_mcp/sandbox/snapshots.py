"""Records for tests: plain facts of the sandbox's state, not in the form of the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class RequestRecord:
    """A request that was answered, or dropped if `status` is None."""

    method: str
    path: str
    query: str
    status: int | None
    operation: str | None


# Separate from the records the sandbox works with, so that tests do not break when those change.


@dataclass(frozen=True, kw_only=True)
class ReservationRecord:
    """A reservation. `base` is the key of its product base, `product` its name in English.

    `starts_at` has the local times of its sessions, `arrangement` the API's word for how seats lie.
    """

    id: str
    catalog_id: str
    offer_id: str
    base: str
    product: str
    status: str
    expired: bool
    quantity: int
    total: Decimal
    date: date | None
    starts_at: tuple[datetime, ...]
    arrangement: str
    created_at: datetime
    expires_at: datetime
    order_id: str | None


@dataclass(frozen=True, kw_only=True)
class OrderRecord:
    """An order. `beneficiaries` has who uses each ticket, None for one that nobody is named on."""

    id: str
    catalog_id: str
    offer_id: str
    status: str
    reference: str
    external_reference: str
    reservation_ids: tuple[str, ...]
    item_id: str
    ticket_ids: tuple[str, ...]
    beneficiaries: tuple[Mapping[str, object] | None, ...]
    document_ids: tuple[str, ...]
    quantity: int
    total: Decimal
    created_at: datetime
    customer: Mapping[str, object]
    notes: str | None
