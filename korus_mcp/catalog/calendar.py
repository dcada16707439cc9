"""The offers of a product base in a window of days, as the issuer's price table has them now.

List prices and list stock lag behind the live ones (trap T21): good for a calendar, not for a
promise. An older server ignores filters it does not know (T20), so each row is checked again here.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from anyio.abc import TaskGroup

from korus_mcp.api import KorusApi, OfferFilters, Outcome, TimedOut
from korus_mcp.catalog.bases import BaseRecord, ProductRecord
from korus_mcp.catalog.nearest import proposed
from korus_mcp.catalog.price_table import (
    MAX_PAGES,
    DatedTable,
    OfferRow,
    PriceTable,
    UndatedTable,
    product_id_of,
)
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.money import Money, currencies_in, money
from korus_mcp.foundation.paging import BEGINNING, PageStart
from korus_mcp.foundation.refusals import Code, FieldProblem, Refusal, invalid, shortened
from korus_mcp.foundation.unread import Reading, Unread, day_of, today_in, value_of, zone_of

if TYPE_CHECKING:
    from korus_mcp.api import Offer, Pages

KEPT_SECONDS: Final = 60.0
KEPT_WINDOWS: Final = 200
KEPT_BYTES: Final = 16 * 1024 * 1024
PRODUCTS_IN_ADDRESS: Final = 20
WINDOW_DAYS: Final = 92
UNREAD_SECONDS: Final = 60
"""After so long a base is read again of which a part could not be."""
DEFAULT_DAYS: Final = 30
SURE: Final = timedelta(0)
_Found = TypeVar("_Found")
Named: TypeAlias = tuple[str, str]
FROM_AND_TO: Final[Named] = ("date_from", "date_to")


@dataclass(frozen=True)
class DayRange:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    def holds(self, day: date | None) -> bool:
        """Whether a day lies inside; an undated offer fits every window."""
        return day is None or self.first <= day <= self.last


@dataclass(frozen=True)
class Calendar:
    """Offers in order of day, price and name; `is_cut` when more exist than were read.

    `left_out` counts offers that cannot be read, or whose day or product cannot: one for each such
    product.
    """

    rows: tuple[OfferRow, ...] = ()
    is_cut: bool = False
    left_out: int = 0

    @property
    def is_partly_unread(self) -> bool:
        """Whether more could be bought than is known here."""
        has_problems = any(row.problem is not None for row in self.rows)
        return self.is_cut or has_problems or self.left_out > 0

    def has_buyable(self) -> bool:
        """Whether something is not sold out."""
        return any(row.is_buyable for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class CalendarPage:
    """Some rows of a calendar, from number `start` on; `total` only when all were read.

    `came_late` when days turned up that belong before rows that may have been shown; `left_out`
    counts offers, of all there were, that cannot be read, or whose day or product cannot.
    """

    rows: tuple[OfferRow, ...] = ()
    start: int = 0
    total: int | None = 0
    next_place: PageStart | None = None
    is_cut: bool = False
    is_late: bool = False
    """Whether the time of the call was over before all was read."""
    came_late: bool = False
    left_out: int = 0

    def place_behind(self, count: int) -> PageStart | None:
        """Where the next page begins when so many rows of this one were used; None at the end."""
        if count == len(self.rows):
            return self.next_place
        return PageStart(self.start + count, self.rows[count - 1].handle)


@dataclass(frozen=True)
class OptionQuery:
    """Names of choices by option code, as a buyer gave them; several per code mean any of them."""

    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Question:
    """What is asked of the API: the offers of some products in a window, or those without a day."""

    base: BaseRecord
    window: DayRange | None
    products: Mapping[str, ProductRecord]
    value_ids: tuple[str, ...]
    language: str

    @property
    def key(self) -> Hashable:
        """The same for questions that have the same answer."""
        # Two wishes for the same products have the same answer; the handle holds the catalog.
        return (self.base.handle, self.window, frozenset(self.products), self.language)

    def filters(self, order: Literal["asc", "desc"]) -> OfferFilters:
        """The narrowest filters: products where an address has room for them, else choices."""
        # An address of hundreds of ids would be refused for its length.
        is_few = len(self.products) <= PRODUCTS_IN_ADDRESS
        return OfferFilters(
            date_after=self.window.first if self.window else None,
            date_before=self.window.last if self.window else None,
            product_base_id=self.base.handle.id,
            product_ids=tuple(self.products) if is_few else (),
            option_value_ids=() if is_few else self.value_ids,
            order_by_date=order,
        )

    def row_of(self, offer: Offer) -> OfferRow | None:
        """The row of an offer that answers; filters may have been ignored (T20)."""
        product = self.products.get(product_id_of(offer) or "") if is_id(offer.id) else None
        if product is None:
            return None
        if offer.product_base and id_at_end(offer.product_base) != self.base.handle.id:
            return None
        row = _row(self.base, product, offer)
        fits = row.day is None if self.window is None else self.window.holds(row.day)
        return row if fits else None

    def day_of(self, offer: Offer) -> date | None:
        """The day of an offer at the venue, as far as it can be read."""
        return value_of(day_of(offer.date, zone_of(self.base.timezone)))


class OfferCalendars:
    """Reads price tables, as far as somebody wants to see them.

    What was read is shared and answers again for a minute: within a conversation, pages go on where
    the last one stopped.
    """

    def __init__(self, api: KorusApi, *, clock: Clock, tasks: TaskGroup) -> None:
        self._api = api
        self._flights = Flights(tasks)
        self._kept = _KeptTables(clock)

    async def page(
        self,
        base: BaseRecord,
        window: DayRange,
        wish: OptionQuery,
        language: str,
        *,
        place: PageStart = BEGINNING,
        limit: int,
    ) -> CalendarPage:
        """A page of the offers of a base in a window that fit a wish.

        Raises:
            Refusal: NO_SUCH_CHOICE with the choices there are.
            ApiError: the offers cannot be read that far.
        """
        table, left_out = await self._begun(base, window, wish, language)
        is_in_time = await self._read(
            table, lambda: len(table.rows) > table.start_of(place) + limit
        )
        # Asked again: the rows before it may have come while the table was read on.
        start = table.start_of(place)
        found = table.rows if is_in_time or start < len(table.rows) else table.known
        rows = tuple(found[start : start + limit])
        # An empty page would say that there is nothing.
        if not rows and not is_in_time:
            raise TimedOut("listOffers", Outcome.REFUSED)
        end = start + len(rows)
        has_more = bool(rows) and (end < len(table.rows) or not is_in_time)
        return CalendarPage(
            rows=rows,
            start=start,
            total=len(table.rows) if table.is_whole else None,
            next_place=PageStart(end, rows[-1].handle) if has_more else None,
            is_cut=table.is_cut,
            is_late=not is_in_time,
            came_late=table.came_late and place != BEGINNING,
            left_out=_left_out(base, table, left_out),
        )

    async def first_day(self, base: BaseRecord, window: DayRange, language: str) -> Calendar:
        """All offers of the first day of a window that has some; undated ones count as a day.

        Raises:
            ApiError: the offers cannot be read that far.
        """
        table, left_out = await self._begun(base, window, OptionQuery(), language)
        # Time was over before a whole day was read: half a day has no lowest price.
        if not (table.rows or table.is_over):
            raise TimedOut("listOffers", Outcome.REFUSED)
        rows = tuple(row for row in table.rows if row.day == table.rows[0].day)
        return Calendar(rows, is_cut=table.is_cut, left_out=_left_out(base, table, left_out))

    async def of_base(
        self,
        base: BaseRecord,
        window: DayRange,
        wish: OptionQuery,
        language: str,
        *,
        pages: int = MAX_PAGES,
    ) -> Calendar:
        """The offers of a base in a window that fit a wish: all of them, or a beginning.

        Once a whole day and something buyable was read, so many pages are enough; but of a server
        that does not sort by day, all are read.

        Raises:
            Refusal: NO_SUCH_CHOICE with the choices there are.
            ApiError: the offers cannot be read.
        """
        table, left_out = await self._begun(base, window, wish, language)
        await self._read(
            table, lambda: table.is_in_order and table.pages_read >= pages and table.has_buyable()
        )
        rows = tuple(table.known)
        return Calendar(rows, is_cut=not table.is_whole, left_out=_left_out(base, table, left_out))

    async def with_filters(
        self, base: BaseRecord, filters: OfferFilters, language: str
    ) -> Calendar:
        """The offers of a base that other filters find; never kept.

        Raises:
            ApiError: the offers cannot be read.
        """
        # Wider than any question: what the filters let through is taken as it is.
        everything = _Question(base, DayRange(date.min, date.max), base.products, (), language)
        pages = self._api.ticketing.list_offers(base.catalog.id, filters, language=language)
        table = DatedTable(pages, everything.row_of, everything.day_of)
        while not table.is_over:
            await table.read_on()
        rows = tuple(table.rows)
        return Calendar(rows, is_cut=table.is_cut, left_out=_left_out(base, table))

    async def _begun(
        self, base: BaseRecord, window: DayRange, wish: OptionQuery, language: str
    ) -> tuple[PriceTable, int]:
        """A table of which at least the first day is read, or all.

        Where nothing is on sale in the window, that of the undated offers. Beside it, how many
        could not be read in the other one of the two, which may have met the same ones.
        """
        products = wished_products(base, wish)
        if not products:
            nothing = PriceTable()
            nothing.is_whole = True
            return nothing, 0
        values = _value_ids(base, wish)
        dated = self._table(_Question(base, window, products, values, language))
        # A base sells by the day or without one: undated offers are looked for where none is dated.
        if not await self._read(dated, lambda: bool(dated.rows)) or dated.rows:
            return dated, 0
        undated = self._table(_Question(base, None, products, values, language))
        await self._read(undated, lambda: False)
        if undated.rows:
            return undated, dated.left_out
        return dated, dated.left_out or undated.left_out

    def _table(self, question: _Question) -> PriceTable:
        """The table that is kept for a question, else a new one of which nothing is read."""
        kept = self._kept.get(question.key)
        if kept is not None:
            return kept

        def pages(order: Literal["asc", "desc"]) -> Pages[Offer]:
            catalog_id, filters = question.base.catalog.id, question.filters(order)
            return self._api.ticketing.list_offers(catalog_id, filters, language=question.language)

        table = (
            UndatedTable(pages, question.row_of, question.day_of)
            if question.window is None
            else DatedTable(pages("asc"), question.row_of, question.day_of)
        )
        self._kept.put(question.key, table)
        return table

    async def _read(self, table: PriceTable, is_enough: Callable[[], bool]) -> bool:
        """Read a table on until it is enough, together with others who read it.

        False when the call's time is over before that.

        Raises:
            ApiError: it cannot be read, or nothing of it came in time.
        """
        with in_time() as time:
            while not (table.is_over or is_enough()):
                await self._flights.join(table, table.read_on)
                # A table grows while it is read.
                self._kept.make_room()
        if time.cancelled_caught and not table.known:
            raise TimedOut("listOffers", Outcome.REFUSED)
        return not time.cancelled_caught


def _left_out(base: BaseRecord, table: PriceTable, elsewhere: int = 0) -> int:
    """How many offers of a base are not told. `elsewhere`: in its other table, which may have met
    the same ones; an unread product counts as one offer.
    """
    return max(elsewhere, table.left_out) + base.unread_products


@dataclass
class _KeptTables:
    """Tables begun within the last minute: not too many, not too much memory, the used ones."""

    clock: Clock
    _kept: OrderedDict[Hashable, tuple[float, PriceTable]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable) -> PriceTable | None:
        """The table of a question that is young enough."""
        begun_at, table = self._kept.get(key, (-math.inf, None))
        # Counted from its beginning: its first page is the oldest.
        if self.clock.monotonic() - begun_at >= KEPT_SECONDS:
            return None
        self._kept.move_to_end(key)
        return table

    def put(self, key: Hashable, table: PriceTable) -> None:
        """Keep a table, at the cost of others."""
        self._kept[key] = (self.clock.monotonic(), table)
        self._kept.move_to_end(key)
        self.make_room()

    def make_room(self) -> None:
        """Let go of what is used least."""
        size = sum(table.size_bytes for _, table in self._kept.values())
        while len(self._kept) > KEPT_WINDOWS or size > KEPT_BYTES:
            _, (_, table) = self._kept.popitem(last=False)
            size -= table.size_bytes


def wished_products(base: BaseRecord, wish: OptionQuery) -> Mapping[str, ProductRecord]:
    """The products of a base that have all wished choices.

    Raises:
        Refusal: NO_SUCH_CHOICE, naming the option and the choices it has.
    """
    found = dict(base.products)
    for code, names in wish.choices.items():
        wanted = {_known_choice(base, code, name) for name in names}
        found = {i: p for i, p in found.items() if fold(p.choices.get(code, "")) in wanted}
    return found


def named_choices(base: BaseRecord, code: str, text: str) -> tuple[str, ...]:
    """The choices of an option that a text names: one, or several between commas.

    Names may hold commas themselves: "Reduced price (students, job seekers)" is one. So at each
    place the longest name is taken that stands there.

    Raises:
        Refusal: NO_SUCH_CHOICE with the choices there are, or INVALID_ARGUMENTS for mere commas.
    """
    pieces = text.split(",")
    folded = tuple(fold(piece) for piece in pieces)
    names = [choice.name for choice in base.choices.get(code, ())]
    # Whole, and as refusals show them: what was shown may be passed on. The whole name wins.
    spelled = [(shortened(name), name) for name in names] + [(name, name) for name in names]
    known = {tuple(fold(piece) for piece in shown.split(",")): name for shown, name in spelled}
    lengths = sorted({len(key) for key in known}, reverse=True)
    found: list[str] = []
    unknown: list[str] = []
    at = 0
    while at < len(pieces) and not (unknown and not folded[at]):
        # The longest first: a name may hold the comma that parts two names.
        length = next((n for n in lengths if folded[at : at + n] in known), None)
        # What could not be placed ends where the next known name begins.
        if length is not None and unknown:
            break
        if length is not None:
            found.append(known[folded[at : at + length]])
        elif folded[at]:
            unknown.append(pieces[at])
        at += length or 1
    if unknown:
        raise _no_such_choice(base, code, ",".join(unknown).strip())
    if not found:
        raise invalid(FieldProblem(code, "names no choice"))
    return tuple(found)


async def read_in(
    days: Callable[[], DayRange], read: Callable[[DayRange], Awaitable[_Found]]
) -> _Found:
    """What is read of some days; anew where the first answer of the API told that they are others.

    Before it only our own clock tells which day it is.

    Raises:
        Refusal: as `days`.
    """
    window = days()
    found = await read(window)
    told = days()
    return found if told == window else await read(told)


def today(base: BaseRecord | None, now: datetime) -> date:
    """The day at the venue; without a zone, the last day that is not over everywhere."""
    return today_in(_zone(base), now)


def _zone(base: BaseRecord | None) -> ZoneInfo | None:
    return zone_of(base.timezone) if base is not None else None


def check_days(
    date_from: date | None,
    date_to: date | None,
    now: datetime,
    named: Named = FROM_AND_TO,
    *,
    doubt: timedelta = SURE,
) -> None:
    """Refuse what can be refused before anything is known of the venue.

    Raises:
        Refusal: PAST_DATE for a day that is over everywhere, or INVALID_ARGUMENTS.
    """
    window_of(date_from, date_to, None, now, named, doubt=doubt)


def window_of(
    date_from: date | None,
    date_to: date | None,
    base: BaseRecord | None,
    now: datetime,
    named: Named = FROM_AND_TO,
    *,
    doubt: timedelta = SURE,
) -> DayRange:
    """The window a buyer asked for; today and thirty days where nothing was said.

    `named` are the arguments in which the buyer gave the two days, for a refusal to name. `doubt`
    is by how much `now` may be late: a day is over when it is so all the same.

    Raises:
        Refusal: PAST_DATE, or INVALID_ARGUMENTS for a reversed or too long range.
    """
    first_day = today(base, now - doubt)
    past = [
        FieldProblem(name, "lies in the past", first_day.isoformat())
        for name, day in zip(named, (date_from, date_to), strict=True)
        if day is not None and day < first_day
    ]
    if past:
        raise Refusal(
            Code.PAST_DATE,
            f"The asked day is over; the first that can be asked for is {first_day.isoformat()}.",
            "Ask for today or later.",
            fields=tuple(dict.fromkeys(past)),
        )
    # Nobody asked for a day: today there, by UTC where nobody knows the zone.
    default = now.astimezone(_zone(base) or UTC).date()
    first = date_from or max(first_day, default)
    last = date_to or _days_after(first, DEFAULT_DAYS)
    beginning, end = named
    if last < first:
        raise invalid(FieldProblem(end, f"lies before {beginning}", first.isoformat()))
    if (last - first).days > WINDOW_DAYS:
        latest = _days_after(first, WINDOW_DAYS)
        raise invalid(
            FieldProblem(end, f"more than {WINDOW_DAYS} days after {beginning}", latest.isoformat())
        )
    return DayRange(first, last)


def _days_after(first: date, days: int) -> date:
    """So many days later, or the last day there is."""
    # A caller may name a day of the year 9999.
    return first + min(timedelta(days=days), date.max - first)


def _known_choice(base: BaseRecord, code: str, name: str) -> str:
    names = list(dict.fromkeys(choice.name for choice in base.choices.get(code, ())))
    known = {fold(each): fold(each) for each in names}
    # Whoever was shown a shortened name may pass it on.
    as_shown = {fold(shortened(each)): fold(each) for each in names}
    wanted = (as_shown | known).get(fold(name))
    if wanted is not None:
        return wanted
    raise _no_such_choice(base, code, name)


def _no_such_choice(base: BaseRecord, code: str, name: str) -> Refusal:
    names = list(dict.fromkeys(choice.name for choice in base.choices.get(code, ())))
    if base.is_partly_unread:
        return Refusal(
            Code.NO_SUCH_CHOICE,
            f"No choice of {code} that could be read has this name; some could not be read.",
            f"Call get_offers again without {code}, or later.",
            retry_after_seconds=UNREAD_SECONDS,
            fields=(proposed(code, name, names),),
        )
    if not names:
        return Refusal(
            Code.NO_SUCH_CHOICE,
            f"This product base has no choice of {code}.",
            f"Call get_offers again without {code}.",
            fields=(FieldProblem(code, "not an option of this product base"),),
        )
    return Refusal(
        Code.NO_SUCH_CHOICE,
        f"No choice of {code} has this name.",
        "Use one of the listed names, or one that search_products shows.",
        fields=(proposed(code, name, names),),
    )


def _value_ids(base: BaseRecord, wish: OptionQuery) -> tuple[str, ...]:
    """The option values all wished products have: one of each option that was named once."""
    found = []
    for code, names in wish.choices.items():
        wanted = {fold(name) for name in names}
        ids = [choice.id for choice in base.choices.get(code, ()) if fold(choice.name) in wanted]
        # The API wants all values of a filter to be true at once: of several names none is sent.
        found += ids if len(ids) == 1 else []
    return tuple(found)


def _row(base: BaseRecord, product: ProductRecord, offer: Offer) -> OfferRow:
    told = Reading()
    day = told.of("its day", day_of(offer.date, zone_of(base.timezone)))
    # Asked right behind the day: what is unread later has nothing to do with it.
    is_day_unread = bool(told.unread)
    listed = told.of("its price", offer.price)
    price = was = None
    if listed is not None:
        beside = chain(currencies_in(listed.model_extra), currencies_in(offer.model_extra))
        stated = (listed.currency, *beside)
        price = money(listed.amount_incl_tax, *stated)
        was = money(listed.original_amount_incl_tax, *stated)
    left = told.of("what is left of it", offer.available_quantity)
    problem = _problem(offer, told.of("its price", price), told)
    return OfferRow(
        handle=Handle(base.handle.alias, offer.id),
        product=product,
        day=day,
        price=value_of(price) if _is_shown(price) else None,
        was=value_of(was) if _is_shown(was) else None,
        # Overbooked is sold out.
        left=None if left is None else max(0, left),
        session_required=any(t.date_access is False for t in offer.tickets or ()),
        live_check=bool(
            offer.availability_check_required
            or offer.realtime_price_required
            # Of a ticket that does not say whether it admits by the day, only a quote can tell.
            or any(not isinstance(t.date_access, bool) for t in offer.tickets)
        ),
        problem=problem,
        is_day_unread=is_day_unread,
    )


def _problem(offer: Offer, price: Money | None, told: Reading) -> str | None:
    """Why an offer cannot be bought as it is listed, in words for a person."""
    is_disabled = told.of("whether it is sold", offer.product.disabled if offer.product else None)
    if price is not None and price.is_foreign:
        return "not in euro"
    if price is not None and price.is_negative:
        return "a price below zero"
    if is_disabled:
        return "not sold any more"
    return f"{told.unread[0]} cannot be read" if told.unread else None


def _is_shown(price: Money | Unread | None) -> bool:
    """Whether an amount is a price in euro, as all amounts here are."""
    return isinstance(price, Money) and not (price.is_foreign or price.is_negative)


def cheapest(rows: Iterable[OfferRow]) -> Money | None:
    """The lowest price among offers that are not sold out."""
    return min((r.price for r in rows if r.price is not None and r.is_buyable), default=None)
