"""The classes in which the invented issuers declare what they sell, without ids or state."""

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from enum import Enum
from typing import Literal

from korus_mcp.sandbox.calendars import Calendar
from korus_mcp.sandbox.seat_maps import Quantity, SeatMap
from korus_mcp.sandbox.texts import Text

OptionCode = Literal["seating_category", "zone", "price_type", "days_count"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A property in which the products of a base differ, with its values in display order."""

    code: OptionCode
    name: Text
    values: tuple[Text, ...]


class Trouble(Enum):
    """How the booking of a product fails at the issuer (T14)."""

    NONE = "none"
    NEVER_RESERVES = "never_reserves"
    FAILS_ABOVE_FOUR = "fails_above_four"
    NEVER_ORDERS = "never_orders"


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One variant of a base; `choices` has the rank of its value for each option, in their order.

    Products of one `pool` share their places: what one of them sells, the others cannot sell.
    """

    name: Text
    price: Decimal
    choices: tuple[int, ...] = ()
    original_price: Decimal | None = None
    pool: int = 0
    description: Text | None = None
    trouble: Trouble = Trouble.NONE


@dataclass(frozen=True, slots=True)
class Slot:
    """A session's start time; `capacities` has the number of places for each pool."""

    start: time
    minutes: int
    capacities: tuple[Quantity, ...]
    name: Text | None = None
    seat_map: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """One ticket of an offer: for the full day with `capacities`, or with time slots."""

    name: Text
    description: Text | None = None
    slots: tuple[Slot, ...] = ()
    capacities: tuple[Quantity, ...] = (None,)

    @property
    def date_access(self) -> bool:
        """Whether the ticket is for the full day, without a session."""
        return not self.slots


@dataclass(frozen=True, kw_only=True, slots=True)
class Venue:
    """The place of an event; coordinates are text, as published (T12)."""

    name: str
    line1: str
    line2: str | None = None
    postal_code: str
    city: str
    country: str = "FR"
    phone: str | None = None
    website: str | None = None
    latitude: str | None = None
    longitude: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A product base: what people search for."""

    key: str
    name: Text
    products: tuple[Product, ...]
    tickets: tuple[Ticket, ...]
    calendar: Calendar
    options: tuple[Option, ...] = ()
    description: Text | None = None
    short_description: Text | None = None
    terms: Text | None = None
    disabled: bool = False
    timezone: str | None = "Europe/Paris"
    universe: str | None = None
    venue: Venue | None = None
    has_medias: bool = True
    # A number of units, not money (T11).
    max_amount_per_order: int | None = None
    seat_maps: tuple[SeatMap, ...] = ()
    availability_check_required: bool = True
    realtime_price_required: bool = False
    # The part of the capacity that others have bought; above 1, some sessions are sold out.
    demand: float = 0.6
    weekend_factor: Decimal = Decimal(1)
    beneficiary_fields: tuple[str, ...] = ()
    beneficiary_amendable: bool = True
    # Listed with an IRI that contains "{catalogId}" (T3).
    braces_in_iri: bool = False
    # Its id has one digit too many (T2).
    malformed_id: bool = False
    # Its reservations name sessions by the older form of their IRIs (T10).
    legacy_session_iris: bool = False

    @property
    def uses_sessions(self) -> bool:
        """Whether any ticket of its offers needs a session."""
        return any(not ticket.date_access for ticket in self.tickets)


@dataclass(frozen=True, kw_only=True, slots=True)
class Issuer:
    """A ticket issuer with its one catalog and the quirks of its system."""

    key: str
    name: str
    catalog_name: Text
    bases: tuple[Base, ...] = ()
    hold_seconds: int = 900
    # Stated in reservations, although no operation releases one.
    releasable: bool = True
    tax_rate: Decimal | None = Decimal("0.10")
    document_delay_seconds: int = 0
    document_per_ticket: bool = False
    # How its own references begin; None: it gives none (T7).
    order_prefix: str | None = None

    def stated(self, name: str, amount: Decimal) -> dict[str, object]:
        """The two fields of an amount, with and without tax; without is None if no rate is stated.

        Their names begin with `name`: "totalAmount" gives totalAmountInclTax, totalAmountExclTax.
        """
        untaxed = None if self.tax_rate is None else amount / (1 + self.tax_rate)
        return {f"{name}InclTax": amount, f"{name}ExclTax": untaxed}
