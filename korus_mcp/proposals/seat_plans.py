"""Seat plans: the seat map of a product base with the offers of a day, ranked for a wish."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from functools import lru_cache, partial
from typing import Final, TypeAlias, TypeVar

from korus_mcp.api import KorusApi, NotFound, OfferFilters, Outcome, TimedOut
from korus_mcp.api.models.seat_map import LeftOut, SeatMap
from korus_mcp.booking.own_seats import NO_SEATS, Own, OwnSeat, OwnSeats
from korus_mcp.booking.quote import Quotes
from korus_mcp.catalog import calendar
from korus_mcp.catalog.bases import BaseRecord
from korus_mcp.catalog.meanings import meaning_alone
from korus_mcp.catalog.mirror import Mirror
from korus_mcp.catalog.price_table import OfferRow
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Faults, FieldProblem, Refusal, invalid
from korus_mcp.foundation.unread import by_clock, value_of, zone_of
from korus_mcp.seating.drafting import Drafting, Layout, Opening
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.marks import Mark, Place, marks_of
from korus_mcp.seating.picture import Heading, svg
from korus_mcp.seating.ranking import Ranking, ZoneQuery, ranked
from korus_mcp.seating.raster import Raster
from korus_mcp.seating.row_names import told_rows
from korus_mcp.seating.scene import PictureQuery
from korus_mcp.seating.script import numbers_of
from korus_mcp.seating.sheet import Sheet, SheetContext, sheet_of
from korus_mcp.seating.table import CATEGORY, PRICE_TYPE, SeatOffer, SeatTable, seat_table

ONE_DAY: Final = ("date", "date")
"""The names of the arguments for the first and the last day; both are the same here."""
NAMED_ZONES: Final = 10
"""Of so many of the best zones the rows are named."""
Told = TypeVar("Told")
PLACE_PARTS: Final = ("zone", "row", "seat")
"""The parts of a seat by which it is found on a map, as `Seat` names them."""
MapRead: TypeAlias = Callable[[Opening], Awaitable[SeatMap]]
"""Fetches a map; it waits for the opening when the API's answer has come."""


MOST_AT_ONCE: Final = 1_000
"""Seats, zones and offers that are gone through at once, while no other call is served."""


class Extra(Enum):
    """Parts of a plan that are made only on request: each costs time and memory."""

    SHEET = "sheet"
    LIGHT = "light picture"
    DARK = "dark picture"
    PIXELS = "picture that becomes a PNG"


@dataclass(frozen=True, kw_only=True)
class SeatQuery(ZoneQuery):
    """A wish for seats: which session or day, how many, at what price each, and what decides.

    `price_type` and `seating_category` are names as the buyer wrote them: one, or several between
    commas.
    """

    session_id: str | None = None
    day: date | None = None
    max_price: Decimal | None = None
    price_type: str | None = None
    seating_category: str | None = None

    @property
    def choices(self) -> dict[str, str | None]:
        """What was asked for by option code."""
        return {PRICE_TYPE: self.price_type, CATEGORY: self.seating_category}


@dataclass(frozen=True, kw_only=True)
class SeatPlan:
    """A seat map with the offers of a day. `rows` are those offers; `day` None: they are undated.

    `as_of`: its offers were read after this moment. For a session only the stock of its day is
    known (`is_stock_of_day`); it is shown only if it is too small even for the day.
    `is_unsure`: the map does not tell where people look. `numbered` are the names of zones that are
    numbers in a PNG, whose letters cannot write them.
    `levels` are decks or floors at the same place, which are drawn beside each other.
    `left_out`: how much of the map was not read; `strays`: seats far from all others, not drawn.
    `sheet` and `picture` (SVG) are there if they were asked for. `unread_offers`: how many offers
    beside `rows` could not be read. `standing` are the seating categories whose names say that one
    stands there, where names tell. The drawing itself, which is large, is not kept.
    """

    base: BaseRecord
    seat_map_id: str
    wish: SeatQuery
    language: str
    as_of: datetime
    rows: Sequence[OfferRow]
    table: SeatTable
    ranking: Ranking
    left_out: LeftOut = field(default_factory=LeftOut)
    strays: int = 0
    is_unsure: bool = False
    numbered: Mapping[str, str] = field(default_factory=dict)
    levels: tuple[str, ...] = ()
    unread_offers: int = 0
    standing: frozenset[str] = frozenset()
    is_of_several_types: bool = False
    """Whether several price types were asked for."""
    products: Mapping[str, str] = field(default_factory=dict)
    row_names: Mapping[int, str] = field(default_factory=dict)
    """What the rows of the best zones are called, in few words, by number of the zone."""
    marks: Sequence[Mark] = ()
    """The seats that the caller holds or has ordered for that day, with their places."""
    unread_bookings: int = 0
    """How many bookings of the caller, which may be of this, could not be read."""
    sheet: Sheet | None = None
    picture: str | None = None

    @property
    def day(self) -> date | None:
        """The day of its offers."""
        return self.rows[0].day

    @property
    def unusable_offers(self) -> int:
        """How many offers cannot be bought as they are listed, and so are not in the table."""
        return sum(row.problem is not None for row in self.rows)

    @property
    def is_stock_of_day(self) -> bool:
        """Whether a session was asked for: price tables only have the stock of its whole day."""
        return self.wish.session_id is not None

    @property
    def has_moving_prices(self) -> bool:
        """Whether prices follow demand, so that those of the list may be others now."""
        return any(row.has_live_price for row in self.rows)


@dataclass(frozen=True)
class _PlanQuery:
    """The key of a plan: equal queries at the same time are read once."""

    product_base_id: Handle
    wish: SeatQuery
    language: str
    seat_map_id: str | None
    extras: frozenset[Extra]
    live: tuple[tuple[Handle, Money], ...]
    own: OwnSeats = NO_SEATS


@dataclass
class SeatPlans:
    """Reads seat maps and matches their zones with the offers on sale."""

    api: KorusApi
    mirror: Mirror
    calendars: calendar.OfferCalendars
    quotes: Quotes
    flights: Flights
    clock: Clock

    def __post_init__(self) -> None:
        self._drafting = Drafting(self.flights, self.clock)
        self._raster = Raster()

    async def pixels(self, plan: SeatPlan) -> bytes:
        """The picture of a plan as PNG, for a plan that was made with a picture.

        Raises:
            NotDrawn: the renderer failed.
        """
        picture = plan.picture or ""
        return await self.flights.join(("pixels", picture), partial(self._raster.png, picture))

    async def plan(
        self,
        product_base_id: Handle,
        wish: SeatQuery,
        language: str,
        *,
        seat_map_id: str | None = None,
        extras: frozenset[Extra] = frozenset(),
        live: Mapping[Handle, Money] | None = None,
        own: Own | None = None,
    ) -> SeatPlan:
        """The plan for a wish; without `seat_map_id` of the map that its session or base names.

        `live` are prices that the issuer told just now: they count instead of listed ones. `own`
        reads the seats that the caller holds or has ordered, which are marked.

        Raises:
            Refusal: NO_SUCH_CHOICE with the choices there are; the day is over, nothing is on sale
                then, or nothing of it can be read; there is no such session, or no map; or
                SERVER_BUSY when its turn does not come.
            ApiError: something could not be read, or not in time.
        """
        # Checked before anything is read: for a day that is over no map is needed.
        now, skew = self.api.now(), self.api.unknown_skew
        calendar.window_of(wish.day, None, None, now, ONE_DAY, skew=skew)
        # Before all else, since it is part of the question: nobody is shown another's seats.
        seats = NO_SEATS
        if own is not None:
            seats = await own(partial(self._sold, product_base_id, language), language)
        prices = tuple((live or {}).items())
        query = _PlanQuery(product_base_id, wish, language, seat_map_id, extras, prices, seats)
        return await self._drafting.shared(query, partial(self._plan, query))

    async def told(self, key: str, read: MapRead, tell: Callable[[SeatMap], Told]) -> Told:
        """Read a map now and return what `tell` makes of it. Calls with the same `key` share that.

        Raises:
            Refusal: SERVER_BUSY when its turn does not come.
            ApiError: it could not be read, or not in time.
        """

        async def telling() -> Told:
            draft = partial(self._layout, read, {})
            async with self._drafting.opened(key, draft, asked=key) as layout:
                return await self._drafting.in_turn(partial(tell, layout.seat_map))

        return await self._drafting.shared(key, telling)

    async def _plan(self, query: _PlanQuery) -> SeatPlan:
        wish, language = query.wish, query.language
        base = await self.mirror.base(query.product_base_id, language)
        faults = Faults()
        choices = calendar.wished_choices(faults, base, wish.choices)
        faults.check()
        offers = await self._offers(base, wish, language)
        wanted, starts_at = query.seat_map_id, None
        if wanted is None:
            wanted, starts_at = await self._seat_map_id(
                base, wish.session_id, offers.rows, language
            )
        read = partial(self._seat_map, base, wanted, language)
        # Zones get the names that the base's options have for them, by which offers are matched.
        names = {choice.id: choice.name for values in base.choices.values() for choice in values}
        draft = partial(self._layout, read, names)
        # With the names of options: a map is read anew when the catalog has others.
        place = (base.handle, wanted, language, frozenset(names.items()))
        async with self._drafting.kept(place, draft, asked=query) as layout:
            # Price tables may come from a cache, but are never older than this.
            as_of = self.api.now() - timedelta(seconds=calendar.KEPT_SECONDS)
            planned = partial(
                _planned,
                query,
                layout,
                base,
                wanted,
                offers,
                as_of,
                names,
                choices,
                starts_at=starts_at,
            )
            # A millisecond's work: to wait for a thread would cost more than that.
            if not query.extras and layout.places + len(offers.rows) <= MOST_AT_ONCE:
                return planned()
            return await self._drafting.in_turn(planned)

    async def _layout(self, read: MapRead, names: Mapping[str, str], opening: Opening) -> Layout:
        seat_map = await read(opening)
        drawing = await self._drafting.in_turn(partial(drawing_of, seat_map, names))
        return Layout(seat_map, drawing)

    async def _offers(self, base: BaseRecord, wish: SeatQuery, language: str) -> calendar.Calendar:
        """The offers for the asked session; without one those of the asked day, or of the next day
        that has some.
        """

        def days() -> calendar.DayRange:
            day, skew = wish.day, self.api.unknown_skew
            return calendar.window_of(day, day, base, self.api.now(), ONE_DAY, skew=skew)

        async def read(window: calendar.DayRange) -> calendar.Calendar:
            return await self.calendars.first_day(calendar.OfferQuery(base, window, language))

        if wish.session_id is None:
            offers = await calendar.read_in(days, read)
        else:
            filters = OfferFilters(session_id=wish.session_id, product_base_id=base.handle.id)
            offers = await self.calendars.with_filters(base, filters, language)
        if not offers.rows:
            raise _nothing(offers, wish)
        # All offers of a session are of one day.
        day = offers.rows[0].day
        if wish.session_id is not None and wish.day not in (None, day):
            raise invalid(FieldProblem("date", "not the day of this session", str(day)))
        return offers

    async def _seat_map_id(
        self, base: BaseRecord, session_id: str | None, rows: Sequence[OfferRow], language: str
    ) -> tuple[str, datetime | None]:
        """The map of the asked session, else of the base, else of the first session with one; and
        when the asked session begins, where that is told.
        """
        # Without an asked session the map of the base is the right one.
        if session_id is None and base.seat_map_id is not None:
            return base.seat_map_id, None
        # A session may have a map of its own (A10). Only then is one asked for its sessions, which
        # are read at most once a day.
        found = base.seat_map_id
        starts_at: datetime | None = None
        if session_id is not None or rows[0].session_required:
            times = await self.quotes.timed(
                rows[0].handle, language, session_id, catalog_id=base.catalog.id
            )
            sessions = [s for s in times.sessions if session_id in (None, s.id)]
            if session_id in times.over:
                raise Refusal(
                    Code.PAST_DATE,
                    "The asked session is over or has begun.",
                    "Use another session_id from check_availability, or pass date instead.",
                    fields=(FieldProblem("session_id", "lies in the past"),),
                )
            if session_id is not None and sessions:
                starts_at = value_of(sessions[0].starts_at)
            # Sessions of one base have the same map, so any session that names one will do.
            found = next((s.seat_map_id for s in sessions if s.seat_map_id), found)
            # A session that was not read may name one.
            if found is None and times.has_late:
                raise TimedOut("listOfferTicketSessions", Outcome.REFUSED)
        if found is None:
            raise Refusal(
                Code.NOT_FOUND,
                "No seat map is known of this product base.",
                "Call get_offers; its zone and seating_category choices tell the places apart.",
            )
        return found, starts_at

    async def _sold(
        self, product_base_id: Handle, language: str
    ) -> tuple[Collection[str], tzinfo | None]:
        """The products of a base, and the zone of its venue."""
        base = await self.mirror.base(product_base_id, language)
        return base.products, zone_of(base.timezone)

    async def _seat_map(
        self, base: BaseRecord, seat_map_id: str, language: str, opening: Opening
    ) -> SeatMap:
        """The map with this id; if it is gone, the one that the base names now."""
        get = self.api.ticketing.get_seat_map
        read = partial(get, base.catalog.id, base.handle.id, language=language, on_arrival=opening)
        try:
            return await read(seat_map_id)
        except NotFound:
            # Our catalog is up to a day old: the map may have been replaced since.
            anew = (await self.mirror.renewed_base(base.handle, language)).seat_map_id
            if anew is None or anew == seat_map_id:
                raise
            return await read(anew)


def _nothing(offers: calendar.Calendar, wish: SeatQuery) -> Refusal:
    """Why there are no offers. If some could not be read, the refusal says that first."""
    code, todo = Code.NOT_FOUND, "Call get_offers for days that have offers."
    if offers.left_out:
        code, todo = Code.UPSTREAM_UNAVAILABLE, "Call again later, or get_offers for other days."
        message = f"What is on sale is not known: {offers.left_out} offers cannot be read."
    elif offers.is_cut:
        message = "The price table has too many rows to find those that were asked for."
    elif wish.session_id is None:
        message = "Nothing is on sale on that day, so there is no seat to compare."
    else:
        code = Code.UNKNOWN_ID
        todo = "Use a session_id from check_availability, or pass date instead."
        message = "No offer of this product base has such a session."
    return Refusal(code, message, todo)


def _planned(
    query: _PlanQuery,
    layout: Layout,
    base: BaseRecord,
    seat_map_id: str,
    found: calendar.Calendar,
    as_of: datetime,
    names: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
    *,
    starts_at: datetime | None = None,
) -> SeatPlan:
    """Make the plan, with its extras. `names`: id of an option value of the base -> its name.
    `choices`: the names that were asked for, by option code. `starts_at`: when the asked session
    begins.
    """
    drawing, wish, extras = layout.drawing, query.wish, query.extras
    live = dict(query.live)
    rows = [replace(r, price=live[r.handle]) if r.handle in live else r for r in found.rows]
    offers = [_seat_offer(r, wish, is_live=r.handle in live) for r in rows if r.problem is None]
    # Offers that cannot be bought as listed may be for any zone of the map.
    unknown = len(rows) - len(offers) + found.left_out
    table = seat_table(
        layout.seat_map,
        offers,
        names,
        max_price=wish.max_price,
        price_types=frozenset(map(fold, choices.get(PRICE_TYPE, ()))),
        categories=frozenset(map(fold, choices.get(CATEGORY, ()))),
        unknown=unknown,
    )
    plan = SeatPlan(
        base=base,
        seat_map_id=seat_map_id,
        wish=wish,
        language=query.language,
        as_of=by_clock(as_of, zone_of(base.timezone)),
        rows=rows,
        table=table,
        ranking=ranked(table, wish, drawing),
        left_out=drawing.left_out,
        strays=drawing.strays,
        is_unsure=not drawing.fronts,
        numbered=numbers_of(z.name for z in drawing.zones) if Extra.PIXELS in extras else {},
        levels=tuple(level.name for level in drawing.levels),
        unread_offers=found.left_out,
        standing=_standing(base),
        is_of_several_types=len(choices.get(PRICE_TYPE, ())) > 1,
        products={str(row.handle): row.product.name for row in rows},
    )
    places = [
        _place(own) for own in query.own.seats if own.is_of(plan.day, wish.session_id, starts_at)
    ]
    plan = replace(
        plan,
        row_names=_row_names(layout.seat_map, plan.ranking),
        marks=marks_of(layout.seat_map, drawing, places),
        unread_bookings=query.own.unread,
    )
    # Drawn only if it was asked for: it takes time and memory.
    is_pictured = not extras.isdisjoint({Extra.LIGHT, Extra.DARK, Extra.PIXELS})
    return replace(
        plan,
        sheet=_sheet(plan, layout) if Extra.SHEET in extras else None,
        picture=_picture(plan, layout, extras) if is_pictured else None,
    )


@lru_cache(maxsize=512)
def _told_rows(names: tuple[str, ...]) -> str:
    # Of a map that is kept the rows are the same at each call.
    return told_rows(names)


def _row_names(seat_map: SeatMap, ranking: Ranking) -> dict[int, str]:
    """What the rows of the best zones are called."""
    best = [each.zone.number for each in ranking.zones if each.rank is not None][:NAMED_ZONES]
    rows = ((n, seat_map.zones[n].rows or ()) for n in best)
    told = {n: _told_rows(tuple(row.name or "" for row in its)) for n, its in rows}
    return {n: names for n, names in told.items() if names}


def _place(own: OwnSeat) -> Place:
    """A seat that is held or ordered, as it is looked for on the map."""
    said = dict(own.seat.parts)
    named = {part: said.get(part) or None for part in PLACE_PARTS}
    return Place(**named, is_ordered=own.is_ordered)


def _sheet(plan: SeatPlan, layout: Layout) -> Sheet:
    """The data for the interactive page."""
    context = SheetContext(
        title=plan.base.name,
        product_base_id=str(plan.base.handle),
        language=plan.language,
        quantity=plan.wish.quantity,
        as_of=plan.as_of,
        preference=plan.wish.preference,
        venue=plan.base.place.name,
        day=plan.day,
        session_id=plan.wish.session_id,
        max_price=plan.wish.max_price,
        asked={code: text for code, text in plan.wish.choices.items() if text is not None},
        products=plan.products,
        marks=plan.marks,
        row_ends=layout.row_ends,
        seat_map=layout.seat_map,
    )
    return sheet_of(layout.drawing, plan.table, plan.ranking, context)


def _picture(plan: SeatPlan, layout: Layout, extras: frozenset[Extra]) -> str:
    """A picture of the plan, as SVG."""
    best = [each.zone.number for each in plan.ranking.zones if each.rank]
    asked = PictureQuery(
        quantity=plan.wish.quantity,
        max_price=plan.wish.max_price,
        best=best,
        price_type=plan.table.price_type,
        marks=plan.marks,
    )
    day = plan.day.isoformat() if plan.day else None
    where = ", ".join(part for part in (plan.base.place.name, day) if part)
    return svg(
        layout.drawing,
        plan.table.zones,
        heading=Heading(title=plan.base.name, subtitle=where),
        asked=asked,
        dark=Extra.DARK in extras,
        language=plan.language,
        unknown=plan.table.unknown,
        row_ends=layout.row_ends,
        is_raster=Extra.PIXELS in extras,
    )


def _standing(base: BaseRecord) -> frozenset[str]:
    """The seating categories of a base whose names say that one stands there."""
    return _standing_of(tuple(choice.name for choice in base.choices.get(CATEGORY, ())))


@lru_cache(maxsize=512)
def _standing_of(names: tuple[str, ...]) -> frozenset[str]:
    meaning = meaning_alone("standing")
    return frozenset(meaning.said_by(names)) if meaning is not None else frozenset()


def _seat_offer(row: OfferRow, wish: SeatQuery, *, is_live: bool) -> SeatOffer:
    """An offer in the form of the table. For a session, the stock of its day is kept only if it is
    too small for the wish even for the whole day.
    """
    left = row.left
    # A session has no more left than its whole day; enough for the day proves nothing.
    if wish.session_id is not None and left is not None and left >= wish.quantity:
        left = None
    return SeatOffer(
        offer_id=str(row.handle),
        choices=row.product.choices,
        price=row.price,
        left=left,
        is_live=is_live,
    )
