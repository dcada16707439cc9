"""Alternatives: what can be booked instead of an offer that cannot, nearest first, checked live.

Nearest are other sessions of the offer, then other zones and seating categories of its day, then
its next days. Price tables name the candidates; they lag behind (trap T21), so quotes prove them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from korus_mcp.catalog.calendar import DayRange, OfferCalendars, OptionQuery, today
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
"""For one answer; what was found by then is told."""
CHECKED: Final = 8
"""Candidates that are asked about live, for one answer."""
AT_ONCE: Final = 2
"""A quote asks for three things at once: six requests are under way at most."""
NEXT_DAYS: Final = 14
PAGES: Final = 3
"""So much of a price table is read."""
MISSED_ITEMS: Final = 4
"""Of one call: for more nobody can choose at once."""
_LIKE: Final = ("price_type", "days_count")
"""What a buyer is or needs: an alternative has the same."""
_PLACES: Final = ("zone", "seating_category")
"""Where one sits: an alternative may be elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """An offer that was found bookable, with a session for each ticket that needs one."""

    offer: Handle
    product: str
    day: date | None
    price: Money
    left: int | None
    sessions: tuple[Session, ...] = ()

    @property
    def starts_at(self) -> datetime | None:
        """When its first session begins."""
        return min((s.starts_at for s in self.sessions if s.starts_at), default=None)


@dataclass(frozen=True)
class Proposals:
    """What can be proposed, nearest first. `is_whole` when all that is near was looked at."""

    alternatives: tuple[Alternative, ...] = ()
    is_whole: bool = False

    @property
    def is_none(self) -> bool:
        """Whether it is certain that nothing near can be booked."""
        return self.is_whole and not self.alternatives


@dataclass(frozen=True)
class Alternatives:
    """Looks for alternatives. It never fails: what cannot be read is left out."""

    mirror: Mirror
    calendars: OfferCalendars
    quotes: Quotes

    async def instead_of(
        self, missed: Missed, language: str, *, at_most: Money | None = None, limit: int = SHOWN
    ) -> Proposals:
        """What can be booked instead of a wish; `at_most` is what all of it may cost."""
        search = _Search(self, missed, language, at_most=at_most, limit=limit)
        # The call that asks has read for a while: what it read is not lost for a proposal.
        with in_time(), anyio.move_on_after(SECONDS):
            await kept_apart(search.run)
        return search.proposals()

    async def instead_of_each(
        self, items: Sequence["ReserveItem"], language: str, *, limit: int
    ) -> Mapping[Handle, Proposals]:
        """What can be booked instead of each offer of a call that the issuer would not hold; each
        is quoted anew first.
        """
        # One after another in one time: the first items of a call matter most.
        missed = items[:MISSED_ITEMS]
        searches: dict[Handle, _Search] = {}

        async def search_each() -> None:
            for item in missed:
                # The issuer refused it a moment ago, so what was known of it is old.
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
    """One search. What it found stays when it is stopped.

    `checks`: so many candidates may still be asked about. `without`: offers not to propose.
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
        """Whether as many were found as shall be told."""
        return len(self.found) >= self.limit

    def proposals(self) -> Proposals:
        """What was found up to now."""
        nearest = [self.found[place] for place in sorted(self.found)]
        # A search that ran out of time, or met something unreadable, proves nothing.
        is_whole = self.is_over and not self.is_unread
        return Proposals(tuple(nearest[: self.limit]), is_whole=is_whole)

    async def run(self) -> None:
        """Look until there is enough, from the nearest on."""
        base = await self._base()
        # What could not be read may be bookable: then it is not said that nothing is near.
        self.is_unread |= self.missed.quote.is_partly_unread
        # More than its issuer allows in one order is not to be had anywhere in this base (T11).
        most = base.max_per_order if base is not None else None
        if isinstance(most, Unread):
            self.is_unread = True
        elif most is None or self.missed.quantity <= most:
            # Other sessions of the same offer are known from the quote: nothing has to be asked.
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
        try:
            return await self.ask.mirror.base(
                Handle(quote.handle.alias, quote.base_id), self.language
            )
        except (ApiError, Refusal):
            return None

    async def _take_offers(self, base: BaseRecord | None) -> None:
        product = base.products.get(self.missed.quote.product_id or "") if base else None
        # Without the choices of the product nothing can be told alike.
        if base is None or product is None:
            self.is_unread = True
            return
        for rows in (self._same_day, self._next_days):
            if not self.has_enough:
                await self._check(await rows(base, product))

    async def _same_day(self, base: BaseRecord, product: ProductRecord) -> list[OfferRow]:
        """Other places for the same buyer, the most alike first."""
        if not any(code in product.choices for code in _PLACES):
            return []
        day = self._day(base)
        # A day that is over has no other places; later days follow.
        if day < self._today(base):
            return []
        rows = await self._rows(base, DayRange(day, day), product, _LIKE)
        elsewhere = [
            row
            for row in rows
            if _moves(row.product, product)
            and all(row.product.choices.get(c) == product.choices.get(c) for c in _LIKE)
        ]
        # Price tables are compared with the list price: live prices are not in them.
        listed = self.missed.quote.list_price or self.missed.quote.price
        return sorted(elsewhere, key=lambda row: _unlikeness(row, product, listed, base))

    async def _next_days(self, base: BaseRecord, product: ProductRecord) -> list[OfferRow]:
        """The same product on later days that are not over."""
        first = max(self._day(base) + timedelta(days=1), self._today(base))
        last = first + timedelta(days=NEXT_DAYS - 1)
        rows = await self._rows(base, DayRange(first, last), product, OPTION_CODES)
        return [row for row in rows if row.product.id == product.id]

    def _day(self, base: BaseRecord) -> date:
        """The wished day; of an undated offer today."""
        return self.missed.quote.day or self._today(base)

    def _today(self, base: BaseRecord) -> date:
        return today(base, self.missed.quote.surely_past)

    async def _rows(
        self, base: BaseRecord, window: DayRange, product: ProductRecord, codes: Iterable[str]
    ) -> Sequence[OfferRow]:
        """Offers of a window that share these choices, as far as the price table can be read."""
        wish = OptionQuery({c: (product.choices[c],) for c in codes if c in product.choices})
        try:
            calendar = await self.ask.calendars.of_base(
                base, window, wish, self.language, pages=PAGES
            )
        except (ApiError, Refusal):
            self.is_unread = True
            return ()
        self.is_unread |= calendar.is_partly_unread
        return calendar.rows

    async def _check(self, rows: Sequence[OfferRow]) -> None:
        """Ask about candidates that may do, a few at a time, until there is enough."""
        waiting = [row for row in rows if self._may_do(row)]
        while waiting and self.checks and not self.has_enough:
            # Never more than are still needed: each costs three requests.
            at_once = min(AT_ONCE, self.checks, self.limit - len(self.found))
            now, waiting = waiting[:at_once], waiting[at_once:]
            self.checks -= len(now)
            await side_by_side([partial(self._ask, next(self.places), row) for row in now])
        # Candidates that nobody asked about may be bookable.
        self.is_unread |= bool(waiting)

    def _may_do(self, row: OfferRow) -> bool:
        has_room = row.left is None or row.left >= self.missed.quantity
        is_other = row.handle not in self.without and row.handle != self.missed.quote.handle
        return row.problem is None and has_room and is_other and self._is_affordable(row.price)

    def _is_affordable(self, price: Money | None) -> bool:
        """Whether all of it costs no more than it may, as far as the price is known."""
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
        sessions = _nearest_sessions(quote, self.missed)
        if sessions is not None and quote.obstacle(self.missed.quantity) is None:
            self._take(place, quote, sessions)

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
        )


def _moves(other: ProductRecord, product: ProductRecord) -> int:
    """In how many ways a product is elsewhere: in zone, seating category, both."""
    return sum(other.choices.get(c) != product.choices.get(c) for c in _PLACES)


def _unlikeness(
    row: OfferRow, product: ProductRecord, price: Money | None, base: BaseRecord
) -> tuple[int, Decimal, int]:
    """Smaller is nearer: fewer moves, a nearer price, a zone that is listed nearer."""
    far = Decimal("Infinity")
    # Without a price it is taken for the farthest.
    apart = abs(row.price.amount - price.amount) if row.price and price else far
    ranks = {zone.name: rank for rank, zone in enumerate(base.choices.get("zone", ()))}
    here, there = (ranks.get(p.choices.get("zone", ""), 0) for p in (product, row.product))
    return _moves(row.product, product), apart, abs(here - there)


def _other_sessions(missed: Missed) -> list[tuple[Session, ...]]:
    """Sessions of the same offer, one for each ticket that needs one; nearest first.

    A chosen one with room stays where another is full; else the issuer would not hold it.
    """
    quote, chosen = missed.quote, missed.session_ids
    # With two sessions chosen, only the full one has to move.
    is_full = any(
        s.id in chosen and not quote.can_take(s, missed.quantity) for _, s in quote.sessions()
    )
    rooms = []
    for free in _free_sessions(quote, missed):
        kept = [s for s in free if is_full and s.id in chosen]
        rooms.append(kept or [s for s in free if s.id not in chosen])
    if not all(rooms):
        return []
    # The n-th nearest of each ticket together: every combination would be too many.
    return [tuple(r[min(n, len(r) - 1)] for r in rooms) for n in range(max(map(len, rooms)))]


def _nearest_sessions(quote: Quote, missed: Missed) -> tuple[Session, ...] | None:
    """The nearest sessions of another offer; None when a ticket finds no room."""
    rooms = _free_sessions(quote, missed)
    return tuple(free[0] for free in rooms) if all(rooms) else None


def _free_sessions(quote: Quote, missed: Missed) -> list[list[Session]]:
    """For each ticket that needs one, the sessions to come with room, nearest to the wish first."""
    # On another day the same hour is the nearest.
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
    """How far a session is from the nearest wish; without a wish all are as near."""
    # A session without a time is the last choice: nobody knows whether it suits.
    at = session.starts_at
    if at is None:
        return math.inf
    return min((abs((at - each).total_seconds()) for each in wished), default=0.0)
