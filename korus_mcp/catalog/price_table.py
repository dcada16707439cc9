"""The price table of a base (its list of offers), fetched page by page as far as it is needed.

It rests on two assumptions about the API. Rows come by day because we ask for it (`order[date]`);
an older server that ignores this is noticed by days out of order. And offers without a date stand
at one end of a list in order of days, first or last: the contract does not say which.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from korus_mcp.catalog.bases import ProductRecord
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.paging import PageStart

if TYPE_CHECKING:
    from korus_mcp.api import Offer, Page, Pages

MAX_OFFERS: Final = 2000
"""The most offers that are fetched of one table."""
MAX_PAGES: Final = MAX_OFFERS // 50
ROW_BYTES: Final = 800
"""The memory that a row takes, roughly."""
TABLE_BYTES: Final = 2000
_BY_DAY: Final = ("asc", "desc")


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferRow:
    """One offer of the price table. `left` None means no limit is stated (T8).

    `may_need_session`: whether it needs a session is not told. `live_check`: its stock or price has
    to be asked for. `has_live_price`: its price follows demand, so that the listed one may be
    another.
    `problem` says in words why it cannot be bought as it is listed: a field that cannot be parsed,
    or a price that is not in euro, which is then not in `price`. `is_day_unread`: its day could not
    be parsed, so that it belongs to no day, and is not undated either.
    """

    handle: Handle
    product: ProductRecord
    day: date | None
    price: Money | None
    was: Money | None = None
    left: int | None = None
    session_required: bool = False
    may_need_session: bool = False
    live_check: bool = False
    has_live_price: bool = False
    problem: str | None = None
    is_day_unread: bool = False

    @property
    def is_buyable(self) -> bool:
        """Whether it can be bought and is not sold out, by what the table says."""
        return self.problem is None and self.left != 0


RowOf: TypeAlias = "Callable[[Offer], OfferRow | None]"
"""Makes the row of an offer; None when the offer does not fit the question."""
DayOf: TypeAlias = "Callable[[Offer], date | None]"
"""The day of an offer at its venue; None if it has none, or its day cannot be parsed."""
PagesByDay: TypeAlias = "Callable[[Literal['asc', 'desc']], Pages[Offer]]"


@dataclass(eq=False)
class PriceTable:
    """What is known of the answer to one question. `read_on` fetches more, one page at a time.

    `rows` are in their final order, by day, then by price and name; a day is added once it is
    complete. There is no more to fetch when the table `is_whole`, or `is_cut` at the bound.
    """

    rows: list[OfferRow] = field(default_factory=list, init=False)
    pages_read: int = field(default=0, init=False)
    is_whole: bool = field(default=False, init=False)
    is_cut: bool = field(default=False, init=False)
    is_in_order: bool = field(default=True, init=False)
    came_late: bool = field(default=False, init=False)
    """Whether days came that belong before rows which may have been shown already."""
    left_out: int = field(default=0, init=False)
    """How many offers were left out because they, or their days, cannot be parsed."""
    _waiting: list[OfferRow] = field(default_factory=list, init=False)
    _seen: set[str] = field(default_factory=set, init=False)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to fetch."""
        return self.is_whole or self.is_cut

    @property
    def known(self) -> list[OfferRow]:
        """All rows that were fetched, in order, with those of days that are not complete yet."""
        return sorted([*self.rows, *self._waiting], key=_order)

    @property
    def size_bytes(self) -> int:
        """The memory that the table takes, roughly."""
        rows = len(self.rows) + len(self._waiting)
        return TABLE_BYTES + ROW_BYTES * rows + sys.getsizeof(self._seen)

    def has_buyable(self) -> bool:
        """Whether an offer was found that can be bought."""
        return any(row.is_buyable for rows in (self.rows, self._waiting) for row in rows)

    async def read_on(self) -> None:
        """Fetch one step further.

        Raises:
            ApiError: that failed; what was fetched before stays.
        """
        raise NotImplementedError

    def _fresh(self, page: Page[Offer]) -> list[Offer]:
        """The offers of a page that were not on an earlier one."""
        # Pages overlap when offers are added or removed between two requests.
        fresh = {o.id: o for o in page.items if o.id not in self._seen}
        self._seen.update(fresh)
        return list(fresh.values())

    def _belonging(self, row_of: RowOf, offers: Sequence[Offer]) -> list[OfferRow]:
        """The rows of the offers that fit. Offers whose product or day cannot be parsed are only
        counted.
        """
        named = [offer for offer in offers if product_id_of(offer) is not None]
        rows = [row for row in map(row_of, named) if row is not None]
        self.left_out += len(offers) - len(named)
        self.left_out += sum(row.is_day_unread for row in rows)
        return [row for row in rows if not row.is_day_unread]


def start_of(rows: Iterable[OfferRow], place: PageStart) -> int:
    """The number of a page's first row: behind the offer named, or the number in `place`."""
    numbers = (n for n, row in enumerate(rows, 1) if row.handle == place.behind)
    return next(numbers, place.offset) if place.behind else place.offset


def product_id_of(offer: Offer) -> str | None:
    """The id of the product an offer sells; None where it cannot be parsed."""
    product = offer.product
    return None if product is None else product.id or id_at_end(product.iri)


@dataclass(eq=False)
class DatedTable(PriceTable):
    """The offers of a window of days.

    Rows are released only after a look at the last page that will be fetched: it shows whether the
    server sorts by day. If it does not, no row is released before everything is fetched.
    """

    pages: Pages[Offer]
    row_of: RowOf
    day_of: DayOf
    _received: int = field(default=0, init=False)
    _latest: date | None = field(default=None, init=False)
    _last_number: int | None = field(default=None, init=False)
    _last: Page[Offer] | None = field(default=None, init=False)

    async def read_on(self) -> None:
        """Fetch the next page, or the last one if that was not looked at yet.

        Raises:
            ApiError: that failed; what was fetched before stays.
        """
        if self._unseen_last is not None:
            self._last = await self.pages.page(self._unseen_last)
            days = [self._latest, *map(self.day_of, self._last.items)]
            self.is_in_order = _latest_in_order(days) is not None
        elif self._last is not None and self._last.number == self.pages_read + 1:
            self._take(self._last)
        else:
            self._take(await self.pages.page(self.pages_read + 1))
        self._release()

    @property
    def _unseen_last(self) -> int | None:
        """The number of the last page as long as it was not looked at; else None."""
        return self._last_number if self.is_in_order and self._last is None else None

    def _take(self, page: Page[Offer]) -> None:
        self.pages_read = page.number
        self._received += page.received
        fresh = self._fresh(page)
        self._waiting += self._belonging(self.row_of, fresh)
        self.left_out += page.unreadable
        # Offers that do not fit are looked at, too: the server sorts all of them or none.
        latest = _latest_in_order([self._latest, *map(self.day_of, fresh)])
        if latest is None and self.is_in_order:
            self.is_in_order = False
            self.came_late = bool(self.rows)
            self._waiting += self.rows
            self.rows = []
        self._latest = latest if latest is not None else self._latest
        # A server that ignores `page` always gives its first page.
        is_same_again = not fresh and not page.unreadable
        self.is_whole = is_same_again or _ends(page, self._received)
        # Bounded by pages, too: a server may give one offer a page.
        is_far = self._received >= MAX_OFFERS or self.pages_read >= MAX_PAGES
        self.is_cut = is_far and not self.is_whole
        if self.pages_read == 1 and page.total is not None and not self.is_over:
            # The last page shows whether days are in order, before any row is released.
            self._last_number = min(-(-page.total // page.received), MAX_PAGES)

    def _release(self) -> None:
        """Release the rows before which no other can come any more; undated offers come last."""
        latest = self._latest or date.min
        if self.is_over:
            done, self._waiting = self._waiting, []
        # The latest day may go on with the next page, so it is kept back.
        elif self.is_in_order and self._unseen_last is None:
            done = [row for row in self._waiting if row.day is not None and row.day < latest]
            self._waiting = [row for row in self._waiting if row.day is None or row.day >= latest]
        else:
            return
        self.rows += sorted(done, key=_order)


@dataclass(eq=False)
class UndatedTable(PriceTable):
    """The offers of a base without a date, which are good for any day.

    They are looked for at both ends of the list in order of days, so that a base without such
    offers costs one page or two. If there are some, they are fetched up to the last one.
    """

    pages_by_day: PagesByDay
    row_of: RowOf
    day_of: DayOf

    async def read_on(self) -> None:
        """Fetch the whole table.

        Raises:
            ApiError: that failed.
        """
        found: list[Offer] = []
        # The contract does not say at which end offers without a day stand.
        for direction in _BY_DAY:
            run, is_everything = await self._run(self.pages_by_day(direction))
            found += run
            if run or is_everything:
                break
        self.rows = sorted(self._belonging(self.row_of, found), key=_order)
        self.is_whole = not self.is_cut

    async def _run(self, pages: Pages[Offer]) -> tuple[list[Offer], bool]:
        """The undated offers at the beginning of a list, and whether all of them were fetched."""
        run: list[Offer] = []
        received = 0
        self._seen.clear()
        self.left_out = 0  # the other direction counts the same offers again
        for number in range(1, MAX_PAGES + 1):
            page = await pages.page(number)
            self.pages_read += 1
            received += page.received
            self.left_out += page.unreadable
            fresh = self._fresh(page)
            undated = [offer for offer in fresh if self.day_of(offer) is None]
            run += undated
            if _ends(page, received):
                return run, True
            # At the first dated offer the undated ones end.
            if len(undated) < len(fresh) or not fresh:
                return run, False
        self.is_cut = True
        return run, False


def _ends(page: Page[Offer], received: int) -> bool:
    """Whether a page is the last, after `received` offers in all: pages may be shorter than 50."""
    # Without a total only `last` counts: a short page need not be the end.
    if page.total is None:
        return page.last
    return page.received == 0 or received >= page.total


def _latest_in_order(days: Iterable[date | None]) -> date | None:
    """The latest of these days if they are in order (None is skipped); None if they are not."""
    latest = date.min
    for day in days:
        if day is not None and day < latest:
            return None
        latest = day or latest
    return latest


def by_price(row: OfferRow) -> tuple[bool, bool, Money, date, str, str]:
    """The sort key of rows, the cheapest first; behind them all that cannot be bought."""
    day, is_unpriced, price, name, offer_id = _order(row)
    return not row.is_buyable, is_unpriced, price, day, name, offer_id


def _order(row: OfferRow) -> tuple[date, bool, Money, str, str]:
    price, name = row.price, row.product.name
    return row.day or date.max, price is None, price or Money(Decimal(0)), name, row.handle.id
