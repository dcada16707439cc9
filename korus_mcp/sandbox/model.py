"""What the invented issuers sell, as plain declarations without identifiers or state."""

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
    """A dimension along which the products of a base differ, with its values in display order."""

    code: OptionCode
    name: Text
    values: tuple[Text, ...]


class Trouble(Enum):
    """What goes wrong at the issuer with a product (T14)."""

    NONE = "none"
    NEVER_RESERVES = "never_reserves"
    FAILS_ABOVE_FOUR = "fails_above_four"
    NEVER_ORDERS = "never_orders"


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One variant of a base; `choices` gives the chosen value of each option, in option order.

    Products of one `pool` share their places: what one of them sells, the others cannot.
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
    """A start time within a day; `capacities` has a figure for each pool."""

    start: time
    minutes: int
    capacities: tuple[Quantity, ...]
    name: Text | None = None
    seat_map: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """One entitlement inside an offer: full-day with `capacities`, or with time slots."""

    name: Text
    description: Text | None = None
    slots: tuple[Slot, ...] = ()
    capacities: tuple[Quantity, ...] = (None,)

    @property
    def date_access(self) -> bool:
        """True for full-day access, which takes no session."""
        return not self.slots


@dataclass(frozen=True, kw_only=True, slots=True)
class Venue:
    """Where it takes place; coordinates are text, as published (T12)."""

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
    # In units, not in money (T11).
    max_amount_per_order: int | None = None
    seat_maps: tuple[SeatMap, ...] = ()
    availability_check_required: bool = True
    realtime_price_required: bool = False
    # The share of each capacity that others have bought; above 1, some of it is sold out.
    demand: float = 0.6
    weekend_factor: Decimal = Decimal(1)
    beneficiary_fields: tuple[str, ...] = ()
    beneficiary_amendable: bool = True
    # Listed under an address that holds "{catalogId}" (T3).
    braces_in_iri: bool = False
    # An id one digit too long (T2).
    malformed_id: bool = False
    # Its reservations name sessions by the older address (T10).
    legacy_session_iris: bool = False

    @property
    def uses_sessions(self) -> bool:
        """Whether any ticket of its offers needs a session."""
        return any(not ticket.date_access for ticket in self.tickets)


@dataclass(frozen=True, kw_only=True, slots=True)
class Issuer:
    """A ticket issuer with its one catalog and the habits of its own system."""

    key: str
    name: str
    catalog_name: Text
    bases: tuple[Base, ...] = ()
    hold_seconds: int = 900
    # Told of a hold, though no operation releases one.
    releasable: bool = True
    tax_rate: Decimal | None = Decimal("0.10")
    document_delay_seconds: int = 0
    document_per_ticket: bool = False
    # What its own references begin with; None: it gives none (T7).
    order_prefix: str | None = None

    def untaxed(self, amount: Decimal) -> Decimal | None:
        """An amount without its tax; None where the issuer does not tell the rate."""
        return None if self.tax_rate is None else amount / (1 + self.tax_rate)
