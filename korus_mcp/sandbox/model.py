"""What the invented issuers sell, as plain declarations without identifiers or state."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Literal

Language = Literal["fr", "en"]
OptionCode = Literal["seating_category", "zone", "price_type", "days_count"]
Quantity = int | None
"""A stock figure; None means not limited."""

UNDATED = 0
LAST_DAY = (1 << 13) - 1
_FIRST_DAY = date(2020, 1, 1).toordinal() - 1


def day_number(day: date | None) -> int:
    """A day as the small number identifiers carry; an undated offer has the number 0."""
    return UNDATED if day is None else day.toordinal() - _FIRST_DAY


def day_of(number: int) -> date | None:
    """The day behind a number; None for undated."""
    return None if number == UNDATED else date.fromordinal(number + _FIRST_DAY)


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages of the sandbox."""

    fr: str
    en: str

    def in_language(self, language: Language) -> str:
        """The text in one of the two languages."""
        return self.en if language == "en" else self.fr


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
    """One variant of a base; `choices` gives the chosen value of each option, in option order."""

    name: Text
    price: Decimal
    choices: tuple[int, ...] = ()
    original_price: Decimal | None = None
    pool: int = 0
    description: Text | None = None
    trouble: Trouble = Trouble.NONE


@dataclass(frozen=True, kw_only=True, slots=True)
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
class Rolling:
    """Offers for every day (or some weekdays) of a window that moves with today."""

    first: int = 1
    last: int = 120
    weekdays: frozenset[int] = frozenset(range(7))

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """The days on sale today."""
        del origin
        window = (today + timedelta(days=offset) for offset in range(self.first, self.last + 1))
        return (day for day in window if day.weekday() in self.weekdays)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixed:
    """Offers on fixed days, counted from the day the world was made."""

    offsets: tuple[int, ...]

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """The days still ahead."""
        planned = (origin + timedelta(days=offset) for offset in self.offsets)
        return (day for day in planned if day >= today)


@dataclass(frozen=True, kw_only=True, slots=True)
class Undated:
    """One offer without a day."""

    def days(self, origin: date, today: date) -> Iterable[date | None]:
        """No day at all, once."""
        del origin, today
        return (None,)


Calendar = Rolling | Fixed | Undated


@dataclass(frozen=True, kw_only=True, slots=True)
class Venue:
    """Where it takes place; coordinates are text, as published (T12)."""

    name: str
    line1: str
    postal_code: str
    city: str
    country: str = "FR"
    phone: str | None = None
    website: str | None = None
    latitude: str | None = None
    longitude: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """One seat of a row with its place in the drawing."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of seats, in seating order."""

    name: str
    seats: tuple[Seat, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatingCategory:
    """A class of seats; `value` is the rank of the seating_category option value it stands for."""

    name: Text
    color: str | None
    value: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone:
    """An area of a venue; `value` is the rank of the zone option value it stands for."""

    name: Text
    capacity: Quantity
    pool: int
    category: int | None = None
    value: int | None = None
    polygon: tuple[tuple[float, float], ...] | None = None
    rows: tuple[Row, ...] | None = None
    entrance: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SeatMap:
    """The layout of a venue."""

    zones: tuple[Zone, ...]
    categories: tuple[SeatingCategory, ...]


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
    max_amount_per_order: int | None = None
    seat_maps: tuple[SeatMap, ...] = ()
    availability_check_required: bool = True
    realtime_price_required: bool = False
    demand: float = 0.6
    weekend_factor: Decimal = Decimal(1)
    beneficiary_fields: tuple[str, ...] = ()
    beneficiary_amendable: bool = True
    braces_in_iri: bool = False
    malformed_id: bool = False
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
    releasable: bool = True
    tax_rate: Decimal | None = Decimal("0.10")
    document_delay_seconds: int = 0
    document_per_ticket: bool = False
    order_prefix: str | None = None

    def untaxed(self, amount: Decimal) -> Decimal | None:
        """An amount without its tax; None where the issuer does not tell the rate."""
        return None if self.tax_rate is None else amount / (1 + self.tax_rate)
