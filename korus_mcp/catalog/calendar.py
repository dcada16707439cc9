"""The offers of a product base in a window of days, as the issuer's price table has them now.

List prices and list stock lag behind the live ones (trap T21): good for a calendar, not for a
promise. An older server ignores filters it does not know (T20), so each row is checked again here.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from anyio.abc import TaskGroup

from korus_mcp.api import OfferFilters, Ticketing
from korus_mcp.api.models.offer import Offer
from korus_mcp.catalog.records import BaseRecord, ProductRecord
from korus_mcp.clock import Clock
from korus_mcp.flights import Flights
from korus_mcp.folding import fold
from korus_mcp.handles import Handle, id_at_end, is_id
from korus_mcp.money import Money, money
from korus_mcp.refusals import Code, FieldProblem, Refusal, invalid, quoted
from korus_mcp.untrusted import clean_line

KEPT_SECONDS: Final = 60.0
KEPT_WINDOWS: Final = 200
MAX_OFFERS: Final = 2000
PRODUCTS_IN_ADDRESS: Final = 20
WINDOW_DAYS: Final = 92
DEFAULT_DAYS: Final = 30
LATEST_ZONE: Final = timezone(timedelta(hours=-12))
"""A day that is over here is over everywhere."""


@dataclass(frozen=True)
class Window:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    def holds(self, day: date | None) -> bool:
        """Whether a day lies inside; an undated offer fits every window."""
        return day is None or self.first <= day <= self.last


@dataclass(frozen=True, kw_only=True)
class OfferRow:
    """One offer of the price table. `left` None means no limit is stated (T8)."""

    handle: Handle
    product: ProductRecord
    day: date | None
    price: Money | None
    was: Money | None = None
    left: int | None = None
    session_required: bool = False
    live_check: bool = False
    dynamic_price: bool = False


@dataclass(frozen=True)
class Calendar:
    """Offers in order of day, price and name; `is_cut` when more exist than were read."""

    rows: tuple[OfferRow, ...] = ()
    is_cut: bool = False


@dataclass
class _Kept:
    read_at: float
    calendar: Calendar


@dataclass(frozen=True)
class Wish:
    """Names of choices by option code, as a buyer gave them; several per code mean any of them."""

    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class OfferCalendars:
    """Reads price tables; equal questions within a minute are answered from memory."""

    def __init__(self, ticketing: Ticketing, *, clock: Clock, tasks: TaskGroup) -> None:
        self._ticketing = ticketing
        self._clock = clock
        self._flights = Flights(tasks)
        self._kept: OrderedDict[object, _Kept] = OrderedDict()

    async def of_base(
        self, base: BaseRecord, window: Window, wish: Wish, language: str
    ) -> Calendar:
        """The offers of a base in a window that fit a wish.

        Raises:
            Refusal: NO_SUCH_CHOICE with the choices there are.
            ApiError: the offers cannot be read.
        """
        products = wished_products(base, wish)
        if not products:
            return Calendar()
        key = (base.handle, window, frozenset(products), language)
        kept = self._kept.get(key)
        if kept is not None and self._clock.monotonic() - kept.read_at < KEPT_SECONDS:
            return kept.calendar
        return await self._flights.join(
            key, lambda: self._read(key, base, window, products, language)
        )

    async def with_filters(
        self, base: BaseRecord, filters: OfferFilters, language: str
    ) -> tuple[OfferRow, ...]:
        """The offers of a base that other filters find; never kept.

        Raises:
            ApiError: the offers cannot be read.
        """
        everything = Window(date.min, date.max)
        calendar = await self._collect(base, everything, base.products, filters, language)
        return calendar.rows

    async def _read(
        self,
        key: object,
        base: BaseRecord,
        window: Window,
        products: Mapping[str, ProductRecord],
        language: str,
    ) -> Calendar:
        filters = _filters(base, products, window)
        calendar = await self._collect(base, window, products, filters, language)
        if not calendar.rows:
            undated = _filters(base, products, None)
            calendar = await self._collect(base, None, products, undated, language)
        self._kept[key] = _Kept(self._clock.monotonic(), calendar)
        while len(self._kept) > KEPT_WINDOWS:
            self._kept.popitem(last=False)
        return calendar

    async def _collect(
        self,
        base: BaseRecord,
        window: Window | None,
        products: Mapping[str, ProductRecord],
        filters: OfferFilters,
        language: str,
    ) -> Calendar:
        rows: dict[str, OfferRow] = {}
        seen = 0
        async for offer in self._ticketing.list_offers(base.catalog.id, filters, language=language):
            seen += 1
            product = _product_of(offer, base, products)
            if product is not None and _fits(offer, window):
                rows[offer.id] = _row(base, product, offer)
            if seen >= MAX_OFFERS:
                break
        return Calendar(tuple(sorted(rows.values(), key=_order)), is_cut=seen >= MAX_OFFERS)


def wished_products(base: BaseRecord, wish: Wish) -> Mapping[str, ProductRecord]:
    """The products of a base that have all wished choices.

    Raises:
        Refusal: NO_SUCH_CHOICE, naming the option and the choices it has.
    """
    found = dict(base.products)
    for code, names in wish.choices.items():
        wanted = {_known_choice(base, code, name) for name in names}
        found = {i: p for i, p in found.items() if fold(p.choices.get(code, "")) in wanted}
    return found


def today(base: BaseRecord | None, now: datetime) -> date:
    """The day at the venue; without a zone, the last day that is not over everywhere."""
    zone = base.timezone if base is not None else None
    if zone is not None:
        try:
            return now.astimezone(ZoneInfo(zone)).date()
        except (ZoneInfoNotFoundError, ValueError):
            pass
    return now.astimezone(LATEST_ZONE).date()


def check_days(date_from: date | None, date_to: date | None, now: datetime) -> None:
    """Refuse what can be refused before anything is known of the venue.

    Raises:
        Refusal: PAST_DATE for a day that is over everywhere, or INVALID_ARGUMENTS.
    """
    window_of(date_from, date_to, None, now)


def window_of(
    date_from: date | None, date_to: date | None, base: BaseRecord | None, now: datetime
) -> Window:
    """The window a buyer asked for; today and thirty days where nothing was said.

    Raises:
        Refusal: PAST_DATE, or INVALID_ARGUMENTS for a reversed or too long range.
    """
    first_day = today(base, now)
    past = [
        FieldProblem(name, "lies in the past", first_day.isoformat())
        for name, day in (("date_from", date_from), ("date_to", date_to))
        if day is not None and day < first_day
    ]
    if past:
        raise Refusal(
            Code.PAST_DATE,
            f"The asked day is over; today is {first_day.isoformat()} there.",
            "Ask for today or later.",
            fields=tuple(past),
        )
    first = date_from or max(first_day, _default_day(base, now))
    last = date_to or _days_after(first, DEFAULT_DAYS)
    if last < first:
        raise invalid(FieldProblem("date_to", "lies before date_from", first.isoformat()))
    if (last - first).days > WINDOW_DAYS:
        latest = _days_after(first, WINDOW_DAYS)
        raise invalid(
            FieldProblem(
                "date_to", f"more than {WINDOW_DAYS} days after date_from", latest.isoformat()
            )
        )
    return Window(first, last)


def _default_day(base: BaseRecord | None, now: datetime) -> date:
    """Where a window begins that names no day: today there, by UTC where nobody knows the zone."""
    is_zoned = base is not None and base.timezone is not None
    return today(base, now) if is_zoned else now.astimezone(UTC).date()


def _days_after(first: date, days: int) -> date:
    """So many days later, or the last day there is."""
    return first + min(timedelta(days=days), date.max - first)


def _known_choice(base: BaseRecord, code: str, name: str) -> str:
    known = {fold(choice.name): choice.name for choice in base.choices.get(code, ())}
    wanted = fold(name)
    if wanted in known:
        return wanted
    if not known:
        raise Refusal(
            Code.NO_SUCH_CHOICE,
            f"This product base has no {code} to choose.",
            f"Call get_offers again without {code}.",
            fields=(FieldProblem(code, "not an option of this product base"),),
        )
    shown = list(known.values())[:_SHOWN_CHOICES]
    more = f" and {len(known) - len(shown)} more" if len(known) > len(shown) else ""
    raise Refusal(
        Code.NO_SUCH_CHOICE,
        f"{code} has no such choice here.",
        "Use one of the listed names.",
        fields=(FieldProblem(code, f"choices: {quoted(shown)}{more}", shown[0]),),
    )


_SHOWN_CHOICES = 12


def _filters(
    base: BaseRecord, products: Mapping[str, ProductRecord], window: Window | None
) -> OfferFilters:
    few = len(products) <= PRODUCTS_IN_ADDRESS
    return OfferFilters(
        date_after=window.first if window else None,
        date_before=window.last if window else None,
        product_base_id=base.handle.id,
        product_ids=tuple(products) if few else (),
        order_by_date="asc",
    )


def _product_of(
    offer: Offer, base: BaseRecord, products: Mapping[str, ProductRecord]
) -> ProductRecord | None:
    if not is_id(offer.id) or offer.product is None:
        return None
    if offer.product_base and id_at_end(offer.product_base) != base.handle.id:
        return None
    product_id = offer.product.id or id_at_end(offer.product.iri)
    return products.get(product_id or "")


def _fits(offer: Offer, window: Window | None) -> bool:
    return offer.date is None if window is None else window.holds(offer.date)


def _row(base: BaseRecord, product: ProductRecord, offer: Offer) -> OfferRow:
    price = offer.price
    currency = price.currency if price else None
    return OfferRow(
        handle=Handle(base.handle.alias, offer.id),
        product=ProductRecord(product.id, clean_line(product.name), product.choices),
        day=offer.date,
        price=money(price.amount_incl_tax, currency) if price else None,
        was=money(price.original_amount_incl_tax, currency) if price else None,
        left=offer.available_quantity,
        session_required=any(t.date_access is False for t in offer.tickets or ()),
        live_check=bool(offer.availability_check_required or offer.realtime_price_required),
        dynamic_price=bool(offer.realtime_price_required),
    )


def _order(row: OfferRow) -> tuple[date, bool, Money, str]:
    price = row.price
    return (
        row.day or date.max,
        price is None,
        price or Money(Decimal(0)),
        row.product.name,
    )


def cheapest(rows: Iterable[OfferRow]) -> Money | None:
    """The lowest price among offers that are not sold out."""
    return min((r.price for r in rows if r.price is not None and r.left != 0), default=None)
