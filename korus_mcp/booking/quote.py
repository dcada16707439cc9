"""Quotes: what one offer costs now, how many are left, and what must be chosen with it."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Final

import anyio

from korus_mcp.api import ApiError, NotFound, Ticketing
from korus_mcp.api.models.offer import (
    Offer,
    OfferAvailability,
    OfferPrice,
    OfferPriceSummary,
    OfferTicket,
)
from korus_mcp.booking import over
from korus_mcp.booking.kept import (
    Group,
    KeptOffers,
    Live,
    Place,
    SessionTime,
    Timetable,
    group_of,
)
from korus_mcp.booking.offer_reading import OfferReading
from korus_mcp.booking.ports import ApiClock, Catalog, surely_past
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.money import Money, currencies_in, money
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import (
    UNREAD,
    DayMoment,
    Reading,
    Unread,
    at_place,
    day_of,
    is_past,
    takes_zone,
    value_of,
)

JOINED_SECONDS: Final = 5.0
"""How long a call waits for a timetable that another one reads, before it reads that itself."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A time slot of a ticket, in the venue's time zone, or with the UTC offset it came with if
    that zone is not known. `left` None: not stated (A26), or not known, unless `is_stock_told`.

    `unread` names, in words, what of it could not be read; such a session cannot be chosen.
    """

    id: str
    starts_at: datetime | None
    ends_at: datetime | None
    left: int | None
    seat_map_id: str | None = None
    is_stock_told: bool = True
    moved_from: datetime | None = None
    """When it began by what was kept before, if that is another time."""
    unread: tuple[str, ...] = ()

    def has_room_for(self, quantity: int) -> bool:
        """Whether `quantity` places are left, as far as is known. Its time is not looked at."""
        return not self.unread and (self.left is None or self.left >= quantity)


@dataclass(frozen=True, kw_only=True)
class TicketNeed:
    """A ticket inside an offer. A full-day one takes no session, any other needs one (T24)."""

    id: str
    name: str
    needs_session: bool
    sessions: tuple[Session, ...] = ()
    has_unread_sessions: bool = False
    """Whether there are further sessions, of which nothing was read."""
    has_late_sessions: bool = False
    """Whether they were only not read in time, so that a later call may read them."""


@dataclass(frozen=True)
class Obstacle:
    """Why an offer cannot be booked, in our words."""

    code: Code
    reason: str


@dataclass(frozen=True, kw_only=True)
class Quote:
    """An offer as it stands now. `left` None means no limit is stated (T8).

    `most` is how many offers of its base one order may hold; None means that no limit is stated
    (T11). `zone` is the venue's; it is looked up only if it is needed, for the times of sessions or
    to say whether the day is over. `skew` is how far `checked_at` may be off (see `ApiClock`).
    `unread` names, in words, what of it could not be read; such an offer cannot be booked.
    """

    handle: Handle
    catalog_id: str
    base_id: str | None
    product_id: str | None = None
    product: str
    day: date | None
    price: Money | None
    list_price: Money | None
    left: int | None
    tickets: tuple[TicketNeed, ...]
    checked_at: datetime
    unread: tuple[str, ...] = ()
    is_withdrawn: bool = False
    most: int | Unread | None = None
    zone: tzinfo | None = None
    skew: timedelta = timedelta(0)
    is_price_live: bool = False
    """Whether the issuer was asked for the price; else it is as the offer has it."""
    is_read_whole: bool = True
    """Whether all of it was just read: else its tickets may go by the ids of another offer's."""

    @property
    def surely_past(self) -> datetime:
        """A moment that was certainly past at `checked_at`, however wrong that clock is."""
        return self.checked_at - self.skew

    @property
    def needs_session(self) -> bool:
        """Whether a session must be chosen."""
        return any(t.needs_session for t in self.tickets)

    @property
    def is_partly_unread(self) -> bool:
        """Whether there may be more to book than was read."""
        return (
            bool(self.unread)
            or any(ticket.has_unread_sessions for ticket in self.tickets)
            or any(session.unread for _, session in self.sessions())
        )

    def sessions(self) -> Iterable[tuple[TicketNeed, Session]]:
        """Each session with the ticket it belongs to."""
        return ((t, s) for t in self.tickets for s in t.sessions)

    @property
    def is_day_over(self) -> bool:
        """Whether its day is over at the venue."""
        return is_past(self.day, self.zone, self.surely_past)

    def is_over(self, session: Session) -> bool:
        """Whether a session is over; one without a stated time is over when the day is."""
        if session.starts_at is not None:
            return over.has_begun(session.starts_at, self.surely_past)
        if session.unread:
            return False
        has_ended = session.ends_at is not None and session.ends_at <= self.surely_past
        return has_ended or self.is_day_over

    def can_take(self, session: Session, quantity: int) -> bool:
        """Whether `quantity` places of a session can be booked, as far as is known."""
        return session.has_room_for(quantity) and not self.is_over(session)

    def is_above_limit(self, quantity: int) -> bool:
        """Whether this is more than the issuer allows in one order (T11)."""
        return isinstance(self.most, int) and quantity > self.most

    def obstacle(self, quantity: int) -> Obstacle | None:
        """Why this quantity cannot be booked; None when it can."""
        # A reason that holds for any quantity goes first: a smaller one would not help. The limit
        # of one order goes last: what is there can be had in several.
        lasting = self._lasting_obstacle()
        if lasting is not None:
            return lasting
        if self.left is not None and self.left < quantity:
            left = max(0, self.left)
            return Obstacle(Code.SOLD_OUT, f"only {left} left" if left else "sold out")
        for ticket in self.tickets:
            if ticket.needs_session and not any(
                self.can_take(s, quantity) for s in ticket.sessions
            ):
                if ticket.has_late_sessions:
                    return Obstacle(Code.UPSTREAM_UNAVAILABLE, _LATE)
                unread = next((s.unread for s in ticket.sessions if s.unread), ())
                if ticket.has_unread_sessions:
                    unread = unread or ("one of its sessions",)
                return unreadable(unread) or Obstacle(
                    Code.SOLD_OUT, "no session has enough places left"
                )
        if self.is_above_limit(quantity):
            reason = f"the issuer allows at most {self.most} of it in one order"
            return Obstacle(Code.LIMIT_EXCEEDED, reason)
        return None

    def _lasting_obstacle(self) -> Obstacle | None:
        """Why no quantity can be booked; None if some can."""
        if self.price is not None and self.price.is_foreign:
            return Obstacle(Code.UNSUPPORTED_CURRENCY, "its price is not in euro")
        if self.unread:
            return unreadable(self.unread)
        if self.is_withdrawn:
            return Obstacle(Code.NOT_BOOKABLE, "the issuer does not sell it any more")
        if self.price is None:
            return Obstacle(Code.NOT_BOOKABLE, "the issuer states no price")
        if self.price.is_negative:
            return Obstacle(Code.NOT_BOOKABLE, "the issuer states a price below zero")
        if not self.tickets:
            return Obstacle(Code.NOT_BOOKABLE, "the issuer lists no ticket in it")
        if isinstance(self.most, Unread):
            return unreadable(["how many of it one order may hold"])
        if self.most is not None and self.most < 1:
            return Obstacle(Code.NOT_BOOKABLE, "the issuer allows none of it in an order")
        reasons = [reason for t in self.tickets if (reason := self._why_over(t)) is not None]
        return Obstacle(Code.NOT_BOOKABLE, reasons[0]) if reasons else None

    def _why_over(self, ticket: TicketNeed) -> str | None:
        """Why a ticket is over, in words; None when it is not over, or nobody knows."""
        if not ticket.needs_session:
            return over.ITS_DAY if self.is_day_over else None
        if ticket.has_unread_sessions or not all(map(self.is_over, ticket.sessions)):
            return None
        # The day says more than its sessions where both are over.
        if self.is_day_over:
            return over.ITS_DAY
        return over.ITS_SESSIONS if ticket.sessions else None


@dataclass(frozen=True, kw_only=True)
class Times:
    """The sessions of an offer, and the ids of those that are over.

    `has_late`: there are further ones, which were not read in time.
    """

    sessions: tuple[Session, ...]
    over: frozenset[str]
    has_late: bool

    @classmethod
    def of(cls, quote: Quote) -> "Times":
        """The sessions of a quote."""
        sessions = tuple(session for _, session in quote.sessions())
        return cls(
            sessions=sessions,
            over=frozenset(session.id for session in sessions if quote.is_over(session)),
            has_late=any(need.has_late_sessions for need in quote.tickets),
        )


_LATE: Final = "no session read in time has enough places left, and not all were read"


def unreadable(what: Sequence[str]) -> Obstacle | None:
    """The obstacle that these parts, named in words, could not be read; None if there are none."""
    return Obstacle(Code.NOT_BOOKABLE, f"{what[0]} cannot be read") if what else None


@dataclass(frozen=True, kw_only=True)
class Missed:
    """A wish that cannot be met: a quantity of an offer, at the sessions that were chosen."""

    quote: Quote
    quantity: int
    session_ids: tuple[str, ...] = ()


@dataclass(eq=False)
class Unavailable(Refusal):
    """The refusal of a wish that cannot be met, with the quote that shows why."""

    missed: Missed = field(kw_only=True)


@dataclass
class Quotes:
    """Reads the live price and stock of offers.

    Lists of offers are cached at KorusTicket and lag behind (T21), so an offer is quoted before it
    is booked or proposed. What is booked is read as a whole (`of_offer`); for whoever only asks,
    what seldom changes may come from what is kept (`now`).
    """

    ticketing: Ticketing
    catalog: Catalog
    clock: ApiClock
    kept: KeptOffers
    _under_way: dict[Group, anyio.Event] = field(default_factory=dict, init=False)
    """The timetables that are being read by a call of `now`."""

    async def of_offer(
        self, handle: Handle, language: str, *, is_part_enough: bool = False
    ) -> Quote:
        """The offer's live price, stock and sessions; nothing of it is kept.

        Where a part is enough, the sessions are those that could be read before the call's time is
        over. A booking needs all of them: a chosen session that was not read would be refused as
        one of another offer.

        Raises:
            Refusal: UNKNOWN_ID, NOT_FOUND, UNSUPPORTED_CURRENCY.
            ApiError: a figure cannot be read.
        """
        read, place = await self._reading(handle, language, is_part_enough=is_part_enough)
        with self._existing(place):
            await read.all()
        before = self.kept.times(group_of(place, read.offer))
        self.kept.note(read.where[0], read.offer, language)
        self._keep(read, place)
        return _with_moves(await self._quoted(handle, read), before)

    async def now(self, handle: Handle, language: str, quantity: int) -> Quote:
        """The offer's live price and stock, with what is kept of its tickets and session times.

        Only live figures tell what is left in a session. What is kept hinders nobody: where by that
        the quantity cannot be booked, all is read. Sessions are those that came in time.

        Raises:
            Refusal: UNKNOWN_ID, NOT_FOUND, UNSUPPORTED_CURRENCY.
            ApiError: a figure cannot be read.
        """
        read, place = await self._reading(handle, language, is_part_enough=True)
        known = self.kept.offer(place)
        with self._existing(place):
            if known is not None and self._takes_timetable(group_of(place, known.offer)):
                group = group_of(place, known.offer)
                await self._read_timetable(read, place, group, partial(read.live, known))
            else:
                await read.live(known)
            is_kept = read.timetable is None and await self._with_timetable(read, place)
        if known is None or not known.is_listed:
            self.kept.note(read.where[0], read.offer, language)
        read.listed_left.clear()
        quote = replace(await self._quoted(handle, read), is_read_whole=not is_kept)
        obstacle = quote.obstacle(quantity)
        if is_kept and obstacle is not None and obstacle.code not in _BY_LIVE_FIGURES:
            return await self.of_offer(handle, language, is_part_enough=True)
        return quote

    async def timed(
        self,
        handle: Handle,
        language: str,
        session_id: str | None = None,
        *,
        catalog_id: str | None = None,
    ) -> Times:
        """The sessions of an offer with their seat maps, those of another offer of its base and day
        where they are kept; what is left in them is not known then. A caller who knows the offer's
        `catalog_id` spares the look-up.

        With a `session_id` what is kept counts only where it has that session, and it is to come.

        Raises:
            Refusal: UNKNOWN_ID, NOT_FOUND, UNSUPPORTED_CURRENCY.
            ApiError: a figure cannot be read.
        """
        read, place = await self._reading(
            handle, language, is_part_enough=True, catalog_id=catalog_id
        )
        known = self.kept.offer(place)
        if known is not None:
            read.timetable = self.kept.any_timetable(group_of(place, known.offer), session_id)
        if known is not None and read.timetable is not None:
            read.offer, read.availability = known.offer, OfferAvailability()
            # Nobody is told a name or a limit of it, so neither is looked up.
            times = Times.of(await self._dated(handle, read, product=""))
            if session_id not in times.over:
                return times
        return Times.of(await self.of_offer(handle, language, is_part_enough=True))

    async def _reading(
        self,
        handle: Handle,
        language: str,
        *,
        is_part_enough: bool,
        catalog_id: str | None = None,
    ) -> tuple[OfferReading, Place]:
        if catalog_id is None:
            catalog_id = await self.catalog.catalog_id(handle.alias, language)
        where = (catalog_id, handle.id)
        return OfferReading(self.ticketing, where, language, is_part_enough), (*where, language)

    @contextmanager
    def _existing(self, place: Place) -> Iterator[None]:
        """Refuse what the API does not know (any more)."""
        try:
            yield
        except NotFound:
            self.kept.forget(place)
            raise Refusal(
                Code.NOT_FOUND,
                "This offer does not exist (any more).",
                "Call get_offers again for current offer ids.",
            ) from None

    def _takes_timetable(self, group: Group) -> bool:
        """Whether nothing is kept of a group, and nobody reads it now."""
        return group not in self._under_way and self.kept.any_timetable(group) is None

    async def _with_timetable(self, read: OfferReading, place: Place) -> bool:
        """Give an offer that was read its timetable. Returns whether that is a kept one."""
        group = group_of(place, read.offer)
        while True:
            read.timetable = self.kept.timetable(group, self._live(read))
            if read.timetable is not None:
                return True
            # Adults and children are often asked about at once: the second waits for the first.
            under_way = self._under_way.get(group)
            if under_way is None:
                break
            with anyio.move_on_after(JOINED_SECONDS) as waiting:
                await under_way.wait()
            if waiting.cancelled_caught:
                break
        await self._read_timetable(read, place, group)
        return False

    async def _read_timetable(
        self, read: OfferReading, place: Place, group: Group, *beside: Callable[[], Awaitable[None]]
    ) -> None:
        """Read a timetable for all who wait for that of its group, and what is read beside it."""
        done = self._under_way[group] = anyio.Event()
        try:
            await side_by_side((read.read_timetable, *beside))
            self._keep(read, place)
        finally:
            if self._under_way.get(group) is done:
                del self._under_way[group]
            done.set()

    def _keep(self, read: OfferReading, place: Place) -> None:
        self.kept.keep(group_of(place, read.offer), self._live(read), read.times)

    def _live(self, read: OfferReading) -> Live:
        left = {each: left for each, left in read.live_left.items() if each is not None}
        return Live(read.offer, left, surely_past(self.clock))

    async def _quoted(self, handle: Handle, read: OfferReading) -> Quote:
        """The quote of what was read."""
        # The name comes from the catalog: the one in the offer may be in another language.
        quote = await self._dated(handle, read, await self._product(read))
        if quote.base_id is None:
            return quote
        base = Handle(handle.alias, quote.base_id)
        return replace(quote, most=await self.catalog.max_per_order(base, read.language))

    async def _dated(self, handle: Handle, read: OfferReading, product: str) -> Quote:
        """The quote of what was read, by the time of its venue; without the limit of one order."""
        now = self.clock.now()
        skew = self.clock.unknown_skew
        zone = await self._zone(read, now - skew)
        return replace(_quote(handle, read, product, zone, now), skew=skew)

    async def _zone(self, read: OfferReading, now: datetime) -> tzinfo | None:
        """The venue's time zone, if it is needed: to find the day of an offer that is dated by a
        moment, to say whether the day is over, or for the times of sessions.

        Raises:
            ApiError: it cannot be read and the day of the offer depends on it. Times of sessions
                can be shown without it.
        """
        offer = read.offer
        product_id = _product_id(offer)
        day = offer.date if isinstance(offer.date, date) else None
        is_needed = isinstance(offer.date, DayMoment) or takes_zone(day, now)
        if product_id is None or not (is_needed or any(read.times.sessions.values())):
            return None
        try:
            return await self.catalog.zone(read.where[0], product_id, read.language)
        except ApiError:
            if is_needed:
                raise
            return None

    async def _product(self, read: OfferReading) -> str:
        product = read.offer.product
        product_id = _product_id(read.offer)
        if product_id is not None:
            name = await self.catalog.product_name(read.where[0], product_id, read.language)
            if name is not None:
                return name
        return clean_line((product.name if product else None) or "") or "(unnamed product)"


_BY_LIVE_FIGURES: Final = frozenset({Code.SOLD_OUT, Code.LIMIT_EXCEEDED})
"""Why an offer cannot be booked, where nothing that is kept was asked."""


def _with_moves(quote: Quote, before: Mapping[str, datetime]) -> Quote:
    """The quote with the times at which its sessions began `before`, where they have moved."""

    def moved(session: Session) -> Session:
        was = before.get(session.id)
        if was is None or session.starts_at in (None, was):
            return session
        return replace(session, moved_from=at_place(was, quote.zone))

    if not any(session.id in before for _, session in quote.sessions()):
        return quote
    needs = (replace(need, sessions=tuple(map(moved, need.sessions))) for need in quote.tickets)
    return replace(quote, tickets=tuple(needs))


def _quote(
    handle: Handle, read: OfferReading, product: str, zone: tzinfo | None, now: datetime
) -> Quote:
    told = Reading()
    offer = read.offer
    listed = told.of("its price", offer.price)
    beside = [*currencies_in(offer.model_extra)]
    # A currency stated anywhere in the offer counts for its price (A17).
    list_price = _priced(listed, beside) if listed else None
    price = list_price if read.price is None else _priced(read.price, beside)
    left = told.of("what is left of it", read.availability.available_quantity)
    disabled = told.of("whether it is sold", offer.product.disabled if offer.product else None)
    day = told.of("its day", day_of(offer.date, zone))
    if read.availability.lacks("sessions_availability"):
        told.note("what is left in its sessions")
    times, live_left = read.times.at(zone), read.live_left
    if times.unread_tickets:
        told.note("a ticket in it")
    needs = tuple(_need(t, times, read.listed_left, live_left, told) for t in times.tickets)
    return Quote(
        handle=handle,
        catalog_id=read.where[0],
        base_id=id_at_end(offer.product_base),
        product_id=_product_id(offer),
        product=product,
        day=day,
        price=told.of("its price", price),
        list_price=value_of(list_price),
        left=left,
        tickets=needs,
        checked_at=now,
        unread=told.unread,
        is_withdrawn=bool(disabled),
        zone=zone,
        is_price_live=read.price is not None,
    )


def _priced(
    price: OfferPriceSummary | OfferPrice, beside: Iterable[str | Unread]
) -> Money | Unread | None:
    """A price; not in euro as soon as another currency is stated in it or beside it."""
    return money(price.amount_incl_tax, price.currency, *currencies_in(price.model_extra), *beside)


def _product_id(offer: Offer) -> str | None:
    product = offer.product
    return (product.id or id_at_end(product.iri)) if product else None


def _need(
    ticket: OfferTicket,
    times: Timetable,
    listed_left: Mapping[str | None, int | Unread | None],
    live_left: Mapping[str | None, int | Unread | None],
    told: Reading,
) -> TicketNeed:
    is_full_day = told.of("whether a session must be chosen", ticket.date_access)
    if is_full_day is None:  # documented as true or false, so a missing value counts as unreadable
        told.note("whether a session must be chosen")
    # A live stock whose session cannot be read may belong to any session without one.
    is_unclear = None in live_left
    stated = dict(live_left) if is_unclear else {**listed_left, **live_left}
    otherwise = UNREAD if is_unclear else None
    found = (
        _session(each, stated.get(each.id, otherwise), is_stock_told=each.id in stated)
        for each in times.sessions.get(ticket.id, ())
    )
    return TicketNeed(
        id=ticket.id,
        name=clean_line(ticket.name or "") or "ticket",
        needs_session=is_full_day is False,
        sessions=tuple(found),
        has_unread_sessions=bool(times.unread_sessions.get(ticket.id)),
        has_late_sessions=ticket.id in times.late,
    )


def _session(
    session: SessionTime,
    left: int | Unread | None,
    *,
    is_stock_told: bool,
) -> Session:
    told = Reading()
    return Session(
        id=session.id,
        starts_at=told.of("the time of a session", session.starts_at),
        ends_at=value_of(session.ends_at),
        left=told.of("what is left in a session", left),
        seat_map_id=session.seat_map_id,
        is_stock_told=is_stock_told,
        unread=told.unread,
    )
