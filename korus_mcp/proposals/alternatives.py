"""Alternatives: offers that can be booked instead of one that cannot, nearest first.

Nearest are other sessions of the offer, then other zones and seating categories on its day, then
later days. Candidates come from price tables; these lag behind (trap T21), so each is quoted.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

import anyio

from korus_mcp.api import ApiError
from korus_mcp.booking.quote import Missed, Quote, Quotes, Session, TicketNeed
from korus_mcp.catalog.bases import OPTION_CODES, BaseRecord, ProductRecord
from korus_mcp.catalog.calendar import DayRange, OfferCalendars, OfferQuery, today
from korus_mcp.catalog.mirror import Mirror
from korus_mcp.catalog.price_table import OfferRow
from korus_mcp.foundation.coalescing import kept_apart, side_by_side
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Refusal
from korus_mcp.foundation.unread import Unread

if TYPE_CHECKING:
    from korus_mcp.booking.requests import ReserveItem

SHOWN: Final = 3
SECONDS: Final = 5.0
"""The longest search for one answer, which has what was found by then."""
CHECKED: Final = 8
"""The most candidates that are quoted for one answer."""
AT_ONCE: Final = 2
"""Quotes at once. A quote makes three requests, so at most six are under way."""
NEXT_DAYS: Final = 14
PAGES: Final = 3
"""The most pages of a price table that are read."""
MISSED_ITEMS: Final = 4
"""The most items of one call for which alternatives are looked for: nobody chooses for more."""
_LIKE: Final = ("price_type", "days_count")
"""Options that an alternative has in common with the offer: who the buyer is, what they need."""
_PLACES: Final = ("zone", "seating_category")
"""Options that may differ in an alternative: where one sits."""


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """An offer that was found bookable, with a session for each ticket that needs one."""

    offer: Handle
    product: str
    day: date | None
    price: Money
    left: int | None
    sessions: tuple[Session, ...] = ()
    is_price_live: bool = False

    @property
    def starts_at(self) -> datetime | None:
        """When its first session begins."""
        return min((s.starts_at for s in self.sessions if s.starts_at), default=None)


@dataclass(frozen=True)
class Proposals:
    """The alternatives found, nearest first. `is_whole`: every candidate was looked at."""

    alternatives: tuple[Alternative, ...] = ()
    is_whole: bool = False

    @property
    def is_none(self) -> bool:
        """Whether it is certain that there is no alternative."""
        return self.is_whole and not self.alternatives


@dataclass(frozen=True)
class Alternatives:
    """Looks for alternatives. It never raises: what cannot be read is left out."""

    mirror: Mirror
    calendars: OfferCalendars
    quotes: Quotes

    async def instead_of(
        self, missed: Missed, language: str, *, at_most: Money | None = None, limit: int = SHOWN
    ) -> Proposals:
        """Alternatives to a wish; `at_most` is what the whole quantity may cost."""
        search = _Search(self, missed, language, at_most=at_most, limit=limit)
        # The call that asks has read for a while: what it read is not lost for a proposal.
        with in_time(), anyio.move_on_after(SECONDS):
            await kept_apart(search.run)
        return search.proposals()

    async def instead_of_each(
        self, items: Sequence["ReserveItem"], language: str, *, limit: int
    ) -> Mapping[Handle, Proposals]:
        """Alternatives to each offer of a call that the issuer would not hold, by its handle."""
        # One after the other, within one time limit: the first items of a call matter most.
        missed = items[:MISSED_ITEMS]
        searches: dict[Handle, _Search] = {}

        async def search_each() -> None:
            for item in missed:
                # Quoted anew: the issuer refused it a moment ago, so the earlier quote is old.
                try:
                    quote = await self.quotes.of_offer(item.offer, language)
                except (ApiError, Refusal):
                    continue
                search = searches[item.offer] = _Search(
                    self,
                    Missed(quote=quote, quantity=item.quantity, session_ids=item.session_ids),
                    language,
                    limit=limit,
                    checks=CHECKED // len(missed),
                    without=frozenset(i.offer for i in items),
                )
                await search.run()

        with anyio.move_on_after(SECONDS):
            await kept_apart(search_each)
        return {offer: search.proposals() for offer, search in searches.items()}


@dataclass
class _Search:
    """One search. If it is stopped, what it found by then is kept.

    `checks`: how many candidates may still be quoted. `without`: offers not to propose.
    """

    ask: Alternatives
    missed: Missed
    language: str
    _: KW_ONLY
    limit: int
    at_most: Money | None = None
    checks: int = CHECKED
    without: frozenset[Handle] = frozenset()
    found: dict[int, Alternative] = field(default_factory=dict)
    places: Iterator[int] = field(default_factory=count)
    is_over: bool = False
    is_unread: bool = False

    @property
    def has_enough(self) -> bool:
        """Whether as many were found as are wanted."""
        return len(self.found) >= self.limit

    def proposals(self) -> Proposals:
        """The alternatives found so far."""
        nearest = [self.found[place] for place in sorted(self.found)]
        # A search that ran out of time, or met something unreadable, proves nothing.
        is_whole = self.is_over and not self.is_unread
        return Proposals(tuple(nearest[: self.limit]), is_whole=is_whole)

    async def run(self) -> None:
        """Look for alternatives, nearest first, until there are enough."""
        base = await self._base()
        # If parts of the quote are unreadable, some of it may be bookable after all.
        self.is_unread |= self.missed.quote.is_partly_unread
        # If the issuer allows fewer in one order, no offer of this base is an alternative (T11).
        most = base.max_per_order if base is not None else None
        if isinstance(most, Unread):
            self.is_unread = True
        elif most is None or self.missed.quantity <= most:
            # Other sessions of the same offer are in the quote: nothing has to be read.
            quote = self.missed.quote
            if quote.needs_session and quote.obstacle(self.missed.quantity) is None:
                for sessions in _other_sessions(self.missed):
                    self._take(next(self.places), quote, sessions)
            await self._take_offers(base)
        self.is_over = True

    async def _base(self) -> BaseRecord | None:
        quote = self.missed.quote
        if quote.base_id is None:
            return None
        base = Handle(quote.handle.alias, quote.base_id)
        with suppress(ApiError, Refusal):
            return await self.ask.mirror.base(base, self.language)
        return None

    async def _take_offers(self, base: BaseRecord | None) -> None:
        product = base.products.get(self.missed.quote.product_id or "") if base else None
        # Without the product's options it is not known which others are like it.
        if base is None or product is None:
            self.is_unread = True
            return
        for rows in (self._same_day, self._next_days):
            if not self.has_enough:
                await self._check(await rows(base, product))

    async def _same_day(self, base: BaseRecord, product: ProductRecord) -> list[OfferRow]:
        """Offers of the same day in other zones or categories, the nearest first."""
        if not any(code in product.choices for code in _PLACES):
            return []
        day = self._day(base)
        # Nothing is left of a day that is over.
        if day < self._today(base):
            return []
        rows = await self._rows(base, DayRange(day, day), product, _LIKE)
        elsewhere = [
            row
            for row in rows
            if _moves(row.product, product)
            and all(row.product.choices.get(c) == product.choices.get(c) for c in _LIKE)
        ]
        # Compared by list price, since price tables have no live prices.
        listed = self.missed.quote.list_price or self.missed.quote.price
        return sorted(elsewhere, key=lambda row: _unlikeness(row, product, listed, base))

    async def _next_days(self, base: BaseRecord, product: ProductRecord) -> list[OfferRow]:
        """The same product on later days that are not over."""
        first = max(self._day(base) + timedelta(days=1), self._today(base))
        last = first + timedelta(days=NEXT_DAYS - 1)
        rows = await self._rows(base, DayRange(first, last), product, OPTION_CODES)
        return [row for row in rows if row.product.id == product.id]

    def _day(self, base: BaseRecord) -> date:
        """The day of the offer; today for an undated one."""
        return self.missed.quote.day or self._today(base)

    def _today(self, base: BaseRecord) -> date:
        return today(base, self.missed.quote.surely_past)

    async def _rows(
        self, base: BaseRecord, window: DayRange, product: ProductRecord, codes: Iterable[str]
    ) -> Sequence[OfferRow]:
        """Offers in a range of days with the same values of the options `codes`."""
        choices = {c: (product.choices[c],) for c in codes if c in product.choices}
        query = OfferQuery(base, window, self.language, choices)
        try:
            calendar = await self.ask.calendars.of_base(query, pages=PAGES)
        except (ApiError, Refusal):
            self.is_unread = True
            return ()
        self.is_unread |= calendar.is_partly_unread
        return calendar.rows

    async def _check(self, rows: Sequence[OfferRow]) -> None:
        """Quote the candidates, a few at a time, until there are enough alternatives."""
        waiting = [row for row in rows if self._may_do(row)]
        while waiting and self.checks and not self.has_enough:
            # No more at once than are still needed: each costs three requests.
            at_once = min(AT_ONCE, self.checks, self.limit - len(self.found))
            now, waiting = waiting[:at_once], waiting[at_once:]
            self.checks -= len(now)
            await side_by_side([partial(self._ask, next(self.places), row) for row in now])
        # Candidates that were not quoted may be bookable.
        self.is_unread |= bool(waiting)

    def _may_do(self, row: OfferRow) -> bool:
        has_room = row.left is None or row.left >= self.missed.quantity
        is_other = row.handle not in self.without and row.handle != self.missed.quote.handle
        return row.problem is None and has_room and is_other and self._is_affordable(row.price)

    def _is_affordable(self, price: Money | None) -> bool:
        """Whether the whole quantity costs at most `at_most`, as far as the price is known."""
        most = self.at_most
        return most is None or price is None or price.times(self.missed.quantity) <= most

    async def _ask(self, place: int, row: OfferRow) -> None:
        try:
            quote = await self.ask.quotes.of_offer(row.handle, self.language)
        except ApiError:
            self.is_unread = True
            return
        except Refusal:
            return
        self.is_unread |= quote.is_partly_unread
        rooms = _free_sessions(quote, self.missed)
        # A ticket without a session that has room makes the whole offer no alternative.
        if all(rooms) and quote.obstacle(self.missed.quantity) is None:
            self._take(place, quote, tuple(free[0] for free in rooms))

    def _take(self, place: int, quote: Quote, sessions: tuple[Session, ...]) -> None:
        price = quote.price
        if price is None or not self._is_affordable(price):
            return
        stated = [n for n in (quote.left, *(s.left for s in sessions)) if n is not None]
        self.found[place] = Alternative(
            offer=quote.handle,
            product=quote.product,
            day=quote.day,
            price=price,
            left=min(stated, default=None),
            sessions=sessions,
            is_price_live=quote.is_price_live,
        )


def _moves(other: ProductRecord, product: ProductRecord) -> int:
    """In how many of zone and seating category two products differ."""
    return sum(other.choices.get(c) != product.choices.get(c) for c in _PLACES)


def _unlikeness(
    row: OfferRow, product: ProductRecord, price: Money | None, base: BaseRecord
) -> tuple[int, Decimal, int]:
    """A sorting key, smaller for nearer: zone and category, then price, then the order of zones."""
    far = Decimal("Infinity")
    # Without a price an offer sorts last.
    apart = abs(row.price.amount - price.amount) if row.price and price else far
    ranks = {zone.name: rank for rank, zone in enumerate(base.choices.get("zone", ()))}
    here, there = (ranks.get(p.choices.get("zone", ""), 0) for p in (product, row.product))
    return _moves(row.product, product), apart, abs(here - there)


def _other_sessions(missed: Missed) -> list[tuple[Session, ...]]:
    """Sets of other sessions of the same offer, one for each ticket that needs one; nearest first.

    If one of the chosen sessions is full, those with room are kept. If none is full, the issuer
    refused them for a reason of its own, and all are replaced.
    """
    quote, chosen = missed.quote, missed.session_ids
    # Of two chosen sessions only the full one has to be replaced.
    is_full = any(
        s.id in chosen and not quote.can_take(s, missed.quantity) for _, s in quote.sessions()
    )
    rooms = []
    for free in _free_sessions(quote, missed):
        kept = [s for s in free if is_full and s.id in chosen]
        rooms.append(kept or [s for s in free if s.id not in chosen])
    if not all(rooms):
        return []
    # The n-th set has the n-th nearest session of each ticket: all combinations would be too many.
    return [tuple(r[min(n, len(r) - 1)] for r in rooms) for n in range(max(map(len, rooms)))]


def _free_sessions(quote: Quote, missed: Missed) -> list[list[Session]]:
    """For each ticket that needs one: its future sessions with room, nearest to the wish first."""
    # On another day the session at the same hour is the nearest.
    shift = (quote.day - missed.quote.day) if quote.day and missed.quote.day else timedelta()
    wished = [
        s.starts_at + shift
        for _, s in missed.quote.sessions()
        if s.starts_at and s.id in missed.session_ids
    ]

    def free(need: TicketNeed) -> Iterator[Session]:
        return (s for s in need.sessions if quote.can_take(s, missed.quantity))

    return [
        sorted(free(need), key=lambda s: _seconds_from(wished, s))
        for need in quote.tickets
        if need.needs_session
    ]


def _seconds_from(wished: Sequence[datetime], session: Session) -> float:
    """How far a session is from the nearest wished one; 0 without a wish."""
    # A session without a time goes last.
    at = session.starts_at
    if at is None:
        return math.inf
    return min((abs((at - each).total_seconds()) for each in wished), default=0.0)
