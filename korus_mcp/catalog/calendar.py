"""The offers of a product base in a window of days, as the issuer's price table has them now.

List prices and list stock lag behind the live ones (T21): good for a calendar, not for a promise.
An older server ignores filters it does not know (T20), so each row is checked again here.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

from anyio.abc import TaskGroup

from korus_mcp.api import KorusApi, OfferFilters, Outcome, TimedOut
from korus_mcp.catalog.bases import OPTION_CODES, BaseRecord, ProductRecord
from korus_mcp.catalog.index import FIRST_RETRY_SECONDS
from korus_mcp.catalog.meanings import meaning_alone
from korus_mcp.catalog.nearest import proposed
from korus_mcp.catalog.price_table import (
    MAX_PAGES,
    DatedTable,
    OfferRow,
    PriceTable,
    UndatedTable,
    by_price,
    product_id_of,
    start_of,
)
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.measures import CACHE, measure
from korus_mcp.foundation.money import Money, currencies_in, money
from korus_mcp.foundation.paging import BEGINNING, PageStart
from korus_mcp.foundation.refusals import Code, Faults, FieldProblem, Refusal, invalid, shortened
from korus_mcp.foundation.unread import Reading, Unread, day_of, today_in, value_of, zone_of
from korus_mcp.foundation.wishes import WEEKDAYS

if TYPE_CHECKING:
    from korus_mcp.api import Offer, Pages

KEPT_SECONDS: Final = 60.0
KEPT_WINDOWS: Final = 200
KEPT_BYTES: Final = 16 * 1024 * 1024
PRODUCTS_IN_ADDRESS: Final = 20
WINDOW_DAYS: Final = 92
DEFAULT_DAYS: Final = 30
SURE: Final = timedelta(0)
ANY_DAY: Final = range(7)
_Found = TypeVar("_Found")
Named: TypeAlias = tuple[str, str]
Note: TypeAlias = "Callable[[str, Offer, str], None]"
"""Is told of each offer that was fetched: the id of its catalog, the offer, the language."""
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
    """Offers in order of day, price and name; `is_cut` when more exist than were fetched.

    `left_out` counts offers that could not be parsed, or whose day or product could not. An
    unreadable product counts as one offer.
    """

    rows: tuple[OfferRow, ...] = ()
    is_cut: bool = False
    left_out: int = 0

    @property
    def is_partly_unread(self) -> bool:
        """Whether there may be offers that are not in `rows`."""
        has_problems = any(row.problem is not None for row in self.rows)
        return self.is_cut or has_problems or self.left_out > 0

    def has_buyable(self) -> bool:
        """Whether at least one offer is not sold out."""
        return any(row.is_buyable for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class CalendarPage:
    """Some rows of a calendar, from number `start` on; `total` only when all rows were fetched.

    `came_late`: days turned up that belong before rows which may have been shown already.
    `left_out` is that of the whole calendar, see `Calendar`.
    """

    rows: tuple[OfferRow, ...] = ()
    start: int = 0
    total: int | None = 0
    next_place: PageStart | None = None
    is_cut: bool = False
    is_late: bool = False
    """Whether the time of the call was over before everything was fetched."""
    came_late: bool = False
    left_out: int = 0
    above: Money | None = None
    """Where nothing is within the asked price: the lowest price there is."""

    def place_behind(self, count: int) -> PageStart | None:
        """Where the next page begins when `count` rows of this one were used; None at the end."""
        if count == len(self.rows):
            return self.next_place
        return PageStart(self.start + count, self.rows[count - 1].handle)


@dataclass(frozen=True)
class OfferQuery:
    """Which offers of a base a buyer wants: those in a window, with some choices.

    `choices` are names by option code; of several names per code any will do. `weekdays` are
    numbers, from 0 for Monday; none of them stands for any day. `is_by_price`: the cheapest come
    first, whatever the day, and last what cannot be bought.
    """

    base: BaseRecord
    window: DayRange
    language: str
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weekdays: tuple[int, ...] = ()
    max_price: Money | None = None
    is_by_price: bool = False

    def shown(self, rows: Sequence[OfferRow]) -> Sequence[OfferRow]:
        """Those of some rows of the window that fit weekdays and price, in the wished order."""
        most = self.max_price
        fitting = self._on_weekdays(rows)
        if most is not None:
            fitting = [row for row in fitting if row.price is not None and row.price <= most]
        return sorted(fitting, key=by_price) if self.is_by_price else fitting

    def lowest(self, rows: Sequence[OfferRow]) -> Money | None:
        """The lowest price on the wished weekdays, whatever price was wished."""
        return cheapest(self._on_weekdays(rows))

    def _on_weekdays(self, rows: Sequence[OfferRow]) -> Sequence[OfferRow]:
        # An undated offer is good for any day.
        wished = self.weekdays or ANY_DAY
        return [row for row in rows if row.day is None or row.day.weekday() in wished]


@dataclass(frozen=True)
class _Question:
    """A question to the API: which offers some products have in a window, or without a day."""

    query: OfferQuery
    window: DayRange | None
    products: Mapping[str, ProductRecord]
    note: Note

    @property
    def key(self) -> Hashable:
        """A key that is equal for questions with the same answer."""
        # The wished choices are not in it: only the products they select count. The handle names
        # the catalog.
        handle, language = self.query.base.handle, self.query.language
        return (handle, self.window, frozenset(self.products), language)

    def filters(self, order: Literal["asc", "desc"]) -> OfferFilters:
        """The narrowest filters: by products if the URL has room for their ids, else by choices."""
        # A URL with hundreds of ids would be refused for its length.
        is_few = len(self.products) <= PRODUCTS_IN_ADDRESS
        return OfferFilters(
            date_after=self.window.first if self.window else None,
            date_before=self.window.last if self.window else None,
            product_base_id=self.query.base.handle.id,
            product_ids=tuple(self.products) if is_few else (),
            option_value_ids=() if is_few else _value_ids(self.query),
            order_by_date=order,
        )

    def row_of(self, offer: Offer) -> OfferRow | None:
        """The row of an offer, or None if it does not fit: filters may have been ignored (T20)."""
        product = self.products.get(product_id_of(offer) or "") if is_id(offer.id) else None
        if product is None:
            return None
        base = self.query.base
        if offer.product_base and id_at_end(offer.product_base) != base.handle.id:
            return None
        self.note(base.catalog.id, offer, self.query.language)
        row = _row(base, product, offer)
        fits = row.day is None if self.window is None else self.window.holds(row.day)
        return row if fits else None

    def day_of(self, offer: Offer) -> date | None:
        """The day of an offer at the venue; None when it has none or it could not be parsed."""
        return value_of(day_of(offer.date, zone_of(self.query.base.timezone)))


def _unnoted(catalog_id: str, offer: Offer, language: str) -> None:
    """Note nothing of an offer."""


class OfferCalendars:
    """Fetches price tables, no further than somebody wants to see them.

    A table is shared by all callers and kept for a minute, so that the next page of a conversation
    goes on where the last one stopped.
    """

    def __init__(
        self, api: KorusApi, *, clock: Clock, tasks: TaskGroup, note: Note = _unnoted
    ) -> None:
        self._api = api
        self._flights = Flights(tasks)
        self._kept = _KeptTables(clock)
        self._note = note

    async def page(
        self, query: OfferQuery, *, place: PageStart = BEGINNING, limit: int
    ) -> CalendarPage:
        """A page of the offers that a query asks for.

        Raises:
            Refusal: NO_SUCH_CHOICE with the choices there are.
            ApiError: the offers cannot be read that far.
        """
        table, left_out = await self._begun(query)

        def is_enough() -> bool:
            # What is cheapest shows only in the whole table.
            if query.is_by_price:
                return False
            shown = query.shown(table.rows)
            return len(shown) > start_of(shown, place) + limit

        is_in_time = await self._read(table, is_enough)
        # Looked up again: rows before it may have been added while more was fetched.
        found = query.shown(table.rows)
        start = start_of(found, place)
        if not (is_in_time or start < len(found)):
            found = query.shown(table.known)
        rows = tuple(found[start : start + limit])
        # An empty page would say that there are no offers.
        if not rows and not is_in_time:
            raise TimedOut("listOffers", Outcome.REFUSED)
        end = start + len(rows)
        has_more = bool(rows) and (end < len(found) or not is_in_time)
        return CalendarPage(
            rows=rows,
            start=start,
            total=len(found) if table.is_whole else None,
            next_place=PageStart(end, rows[-1].handle) if has_more else None,
            is_cut=table.is_cut,
            is_late=not is_in_time,
            came_late=table.came_late and place != BEGINNING,
            left_out=_left_out(query.base, table, left_out),
            above=None if found else query.lowest(table.rows),
        )

    async def first_day(self, query: OfferQuery) -> Calendar:
        """All offers of the first day in the window that has any; undated offers count as a day.

        Raises:
            ApiError: the offers cannot be read that far.
        """
        table, left_out = await self._begun(query)
        # Time was over before a whole day was fetched: half a day has no lowest price.
        if not (table.rows or table.is_over):
            raise TimedOut("listOffers", Outcome.REFUSED)
        rows = tuple(row for row in table.rows if row.day == table.rows[0].day)
        return Calendar(rows, is_cut=table.is_cut, left_out=_left_out(query.base, table, left_out))

    async def of_base(self, query: OfferQuery, *, pages: int = MAX_PAGES) -> Calendar:
        """The offers that a query asks for: all of them, or the first.

        With a limit on pages, fetching stops there once a whole day and something buyable is known.
        Of a server that does not sort by day, everything is fetched.

        Raises:
            Refusal: NO_SUCH_CHOICE with the choices there are.
            ApiError: the offers cannot be read.
        """
        table, left_out = await self._begun(query)
        await self._read(
            table, lambda: table.is_in_order and table.pages_read >= pages and table.has_buyable()
        )
        left_out = _left_out(query.base, table, left_out)
        return Calendar(tuple(table.known), is_cut=not table.is_whole, left_out=left_out)

    async def with_filters(
        self, base: BaseRecord, filters: OfferFilters, language: str
    ) -> Calendar:
        """The offers of a base that other filters find; never cached.

        Raises:
            ApiError: the offers cannot be read.
        """
        # No window: whatever the filters let through is taken.
        ever = DayRange(date.min, date.max)
        wanted = OfferQuery(base, ever, language)
        everything = _Question(wanted, ever, base.products, self._note)
        pages = self._api.ticketing.list_offers(base.catalog.id, filters, language=language)
        table = DatedTable(pages, everything.row_of, everything.day_of)
        while not table.is_over:
            await table.read_on()
        rows = tuple(table.rows)
        return Calendar(rows, is_cut=table.is_cut, left_out=_left_out(base, table))

    async def _begun(self, query: OfferQuery) -> tuple[PriceTable, int]:
        """The table of the dated offers, or of the undated ones where no dated offer is on sale.

        At least its first day is fetched. The number is how many offers could not be parsed in the
        table that was not chosen; the chosen one may have counted the same offers.
        """
        products = _wished_products(query)
        if not products:
            nothing = PriceTable()
            nothing.is_whole = True
            return nothing, 0
        dated = self._table(_Question(query, query.window, products, self._note))
        # A base sells with days or without: undated offers are looked for where none is dated.
        if not await self._read(dated, lambda: bool(dated.rows)) or dated.rows:
            return dated, 0
        undated = self._table(_Question(query, None, products, self._note))
        await self._read(undated, lambda: False)
        if undated.rows:
            return undated, dated.left_out
        return dated, dated.left_out or undated.left_out

    def _table(self, question: _Question) -> PriceTable:
        """The cached table of a question, else a new and empty one."""
        kept = self._kept.get(question.key)
        measure(CACHE, cache="prices", hit="no" if kept is None else "yes")
        if kept is not None:
            return kept

        def pages(order: Literal["asc", "desc"]) -> Pages[Offer]:
            catalog_id, language = question.query.base.catalog.id, question.query.language
            filters = question.filters(order)
            return self._api.ticketing.list_offers(catalog_id, filters, language=language)

        table = (
            UndatedTable(pages, question.row_of, question.day_of)
            if question.window is None
            else DatedTable(pages("asc"), question.row_of, question.day_of)
        )
        self._kept.put(question.key, table)
        return table

    async def _read(self, table: PriceTable, is_enough: Callable[[], bool]) -> bool:
        """Fetch more of a table until it is enough, together with other callers who want it.

        Returns False when the call's time is over before that.

        Raises:
            ApiError: the table cannot be fetched, or nothing of it came in time.
        """
        with in_time() as time:
            while not (table.is_over or is_enough()):
                await self._flights.join(table, table.read_on)
                # A table takes more memory with each page.
                self._kept.make_room()
        if time.cancelled_caught and not table.known:
            raise TimedOut("listOffers", Outcome.REFUSED)
        return not time.cancelled_caught


def _left_out(base: BaseRecord, table: PriceTable, elsewhere: int = 0) -> int:
    """How many offers of a base could not be parsed. `elsewhere` is that number in the other table,
    which may have counted the same offers. An unreadable product counts as one offer.
    """
    return max(elsewhere, table.left_out) + base.unread_products


@dataclass
class _KeptTables:
    """A cache of the tables begun within the last minute, bounded in number and in memory. The
    least recently used ones go first.
    """

    clock: Clock
    _kept: OrderedDict[Hashable, tuple[float, PriceTable]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable) -> PriceTable | None:
        """The table of a question, if there is one that is young enough."""
        begun_at, table = self._kept.get(key, (-math.inf, None))
        # Its age counts from the first page, which is the oldest.
        if self.clock.monotonic() - begun_at >= KEPT_SECONDS:
            return None
        self._kept.move_to_end(key)
        return table

    def put(self, key: Hashable, table: PriceTable) -> None:
        """Keep a table; older ones may have to go."""
        self._kept[key] = (self.clock.monotonic(), table)
        self._kept.move_to_end(key)
        self.make_room()

    def make_room(self) -> None:
        """Drop the least recently used tables until the rest fits."""
        size = sum(table.size_bytes for _, table in self._kept.values())
        while len(self._kept) > KEPT_WINDOWS or size > KEPT_BYTES:
            _, (_, table) = self._kept.popitem(last=False)
            size -= table.size_bytes


def _wished_products(query: OfferQuery) -> Mapping[str, ProductRecord]:
    """The products of the base that have all wished choices.

    Raises:
        Refusal: NO_SUCH_CHOICE, naming the option and the choices it has.
    """
    found = dict(query.base.products)
    for code, names in query.choices.items():
        known = (named_choices(query.base, code, name) for name in names)
        wanted = {fold(name) for name in chain.from_iterable(known)}
        found = {i: p for i, p in found.items() if fold(p.choices.get(code, "")) in wanted}
    return found


def named_choices(base: BaseRecord, code: str, text: str) -> tuple[str, ...]:
    """The choices of an option that a text names: one, or several between commas.

    Names may hold commas themselves, as "Reduced price (students, job seekers)" does. So the
    longest known name at each place is taken. What is no name may say what is meant, such as
    "standing": those whose names say so, in any language, are named by it.

    Raises:
        Refusal: NO_SUCH_CHOICE with the choices there are, or INVALID_ARGUMENTS for mere commas.
    """
    pieces = text.split(",")
    folded = tuple(fold(piece) for piece in pieces)
    names = _names(base, code)
    # Names in full, and shortened as refusals show them, since an assistant may pass on what it was
    # shown. The full name wins.
    spelled = [(shortened(name), name) for name in names] + [(name, name) for name in names]
    known = {tuple(fold(piece) for piece in shown.split(",")): name for shown, name in spelled}
    lengths = sorted({len(key) for key in known}, reverse=True)
    found: list[str] = []
    unknown: list[str] = []
    at = 0
    while at < len(pieces) and not (unknown and not folded[at]):
        # The longest first: a name may hold the comma that separates two names.
        length = next((n for n in lengths if folded[at : at + n] in known), None)
        named = [known[folded[at : at + length]]] if length else [*_meant(pieces[at], names)]
        # An unknown name ends where the next known one begins.
        if named and unknown:
            break
        found += named
        if folded[at] and not named:
            unknown.append(pieces[at])
        at += length or 1
    if unknown:
        raise _no_such_choice(base, code, ",".join(unknown).strip())
    if not found:
        raise invalid(FieldProblem(code, "names no choice"))
    return tuple(dict.fromkeys(found))


def wished_choices(
    faults: Faults, base: BaseRecord, wished: Mapping[str, str | None]
) -> dict[str, tuple[str, ...]]:
    """The choices of a base that a call names, by option code; what names none goes to `faults`."""
    found = {}
    for code, text in wished.items():
        if text is not None:
            with faults:
                found[code] = named_choices(base, code, text)
    return found


def _meant(text: str, names: Sequence[str]) -> Sequence[str]:
    """The names that say what a text means, in whatever language; none if it means nothing."""
    meaning = meaning_alone(text)
    return meaning.said_by(names) if meaning is not None else ()


async def read_in(
    days: Callable[[], DayRange], read: Callable[[DayRange], Awaitable[_Found]]
) -> _Found:
    """Fetch the offers of some days; again if the API's clock then shows that other days are meant.

    Before the first answer of the API only our own clock says which day it is.

    Raises:
        Refusal: as `days`.
    """
    window = days()
    found = await read(window)
    told = days()
    return found if told == window else await read(told)


def today(base: BaseRecord | None, now: datetime) -> date:
    """Today at the venue; without a known zone, the earliest day that is not over everywhere."""
    return today_in(_zone(base), now)


def today_told(base: BaseRecord | None, now: datetime) -> str:
    """Today at the venue, else in UTC, with its weekday: "Monday 2026-06-01"."""
    day = now.astimezone(_zone(base) or UTC).date()
    return f"{WEEKDAYS[day.weekday()]} {day.isoformat()}"


def _zone(base: BaseRecord | None) -> ZoneInfo | None:
    return zone_of(base.timezone) if base is not None else None


def window_of(
    date_from: date | None,
    date_to: date | None,
    base: BaseRecord | None,
    now: datetime,
    named: Named = FROM_AND_TO,
    *,
    skew: timedelta = SURE,
) -> DayRange:
    """The window a buyer asked for; thirty days from today if none was given.

    Without a base, before the venue is known, a day counts as past if it is over everywhere.
    `named` are the names of the two arguments, for a refusal to quote. `skew` is by how much `now`
    may be wrong: a day counts as past only if it is past even then.

    Raises:
        Refusal: PAST_DATE, or INVALID_ARGUMENTS for a reversed or too long range.
    """
    first_day = today(base, now - skew)
    # Today at the venue, or in UTC where its zone is not known: a day that is over almost
    # everywhere would be refused once the venue is known.
    default = max(first_day, now.astimezone(_zone(base) or UTC).date())
    # Before the first answer of the API nobody is told of a day that this machine's clock made up.
    known = None if skew else default.isoformat()
    past = [
        FieldProblem(name, "lies in the past", known)
        for name, day in zip(named, (date_from, date_to), strict=True)
        if day is not None and day < first_day
    ]
    if past:
        raise Refusal(
            Code.PAST_DATE,
            f"The asked day is over; today is {known}." if known else "The asked day is over.",
            "Ask for today or a later day.",
            fields=tuple(dict.fromkeys(past)),
        )
    first = date_from or default
    last = date_to or _days_after(first, DEFAULT_DAYS)
    beginning, end = named
    if last < first:
        raise invalid(FieldProblem(end, f"lies before {beginning}", first.isoformat()))
    if (last - first).days > WINDOW_DAYS:
        latest = _days_after(first, WINDOW_DAYS).isoformat()
        raise invalid(FieldProblem(end, f"more than {WINDOW_DAYS} days after {beginning}", latest))
    return DayRange(first, last)


def _days_after(first: date, days: int) -> date:
    """The date `days` later, or the last date that Python has."""
    # A caller may name a day in the year 9999.
    return first + min(timedelta(days=days), date.max - first)


def _no_such_choice(base: BaseRecord, code: str, name: str) -> Refusal:
    names = _names(base, code)
    problem, wait = proposed(code, name, names), None
    message = f"No choice of {code} has this name."
    todo = "Use one of the listed names, or one that search_products shows."
    elsewhere = [each for each in OPTION_CODES if _meant(name, _names(base, each))]
    if base.is_partly_unread:
        message = f"No choice of {code} that could be read has this name; some could not be read."
        todo = f"Call again without {code}, or later."
        # A base of which a part could not be parsed is fetched again after this time.
        wait = FIRST_RETRY_SECONDS
    elif elsewhere:
        # Whether a zone or a category tells it, each issuer decides.
        todo = f"Call get_offers with the same in {elsewhere[0]} instead, whose names say it."
    elif not names:
        message = f"This product base has no choice of {code}."
        todo = f"Call again without {code}."
        problem = FieldProblem(code, "not an option of this product base")
    return Refusal(Code.NO_SUCH_CHOICE, message, todo, retry_after_seconds=wait, fields=(problem,))


def _names(base: BaseRecord, code: str) -> list[str]:
    """The names of the choices of an option, each once."""
    return list(dict.fromkeys(choice.name for choice in base.choices.get(code, ())))


def _value_ids(query: OfferQuery) -> tuple[str, ...]:
    """The option values that all wished products have, of options with just one wished name."""
    found = []
    for code, names in query.choices.items():
        wanted, known = {fold(name) for name in names}, query.base.choices.get(code, ())
        ids = [choice.id for choice in known if fold(choice.name) in wanted]
        # An offer has to match all values of the filter, so of several wished names none is sent.
        found += ids if len(ids) == 1 else []
    return tuple(found)


def _row(base: BaseRecord, product: ProductRecord, offer: Offer) -> OfferRow:
    told = Reading()
    day = told.of("its day", day_of(offer.date, zone_of(base.timezone)))
    # Right after the day: `unread` also collects the fields that are looked at later.
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
        # A negative stock means overbooked.
        left=None if left is None else max(0, left),
        session_required=any(t.date_access is False for t in offer.tickets or ()),
        # Where a ticket does not say whether it needs a session, only a quote can find out.
        may_need_session=any(not isinstance(t.date_access, bool) for t in offer.tickets),
        live_check=bool(offer.availability_check_required or offer.realtime_price_required),
        has_live_price=bool(offer.realtime_price_required),
        problem=problem,
        is_day_unread=is_day_unread,
    )


def _problem(offer: Offer, price: Money | None, told: Reading) -> str | None:
    """Why an offer cannot be bought as it is listed, in words for a person; None if it can."""
    is_disabled = told.of("whether it is sold", offer.product.disabled if offer.product else None)
    if price is not None and price.is_foreign:
        return "not in euro"
    if price is not None and price.is_negative:
        return "a price below zero"
    if is_disabled:
        return "not sold any more"
    return f"{told.unread[0]} cannot be read" if told.unread else None


def _is_shown(price: Money | Unread | None) -> bool:
    """Whether an amount can be shown as a price, which is always in euro here."""
    return isinstance(price, Money) and not (price.is_foreign or price.is_negative)


def cheapest(rows: Iterable[OfferRow]) -> Money | None:
    """The lowest price among offers that are not sold out."""
    return min((r.price for r in rows if r.price is not None and r.is_buyable), default=None)
