"""Quotes: what one offer costs now, how many are left, and what must be chosen with it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from anyio import CancelScope

from korus_mcp.api import ApiError, NotFound, Outcome, Ticketing, TimedOut
from korus_mcp.api.models.offer import (
    Offer,
    OfferAvailability,
    OfferPrice,
    OfferPriceSummary,
    OfferTicket,
    OfferTicketSession,
)
from korus_mcp.booking import over
from korus_mcp.booking.ports import ApiClock, Catalog
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.ids import is_id
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

MAX_SESSIONS: Final = 500
"""At most so many sessions of one ticket are read; the answer then says that there are more."""
_AFTER_SESSIONS_SECONDS: Final = 4.0
"""Reading sessions stops so long before the end of a call: time for what is read after them."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A time slot of a ticket, in the venue's time zone, or with the UTC offset it came with if
    that zone is not known. `left` None: not stated (A26).

    `unread` names, in words, what of it could not be read; such a session cannot be chosen.
    """

    id: str
    starts_at: datetime | None
    ends_at: datetime | None
    left: int | None
    seat_map_id: str | None = None
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

    def obstacle(self, quantity: int) -> Obstacle | None:
        """Why this quantity cannot be booked; None when it can."""
        # A reason that holds for any quantity goes first: a smaller one would not help.
        lasting = self._lasting_obstacle()
        if lasting is not None:
            return lasting
        if isinstance(self.most, int) and quantity > self.most:
            reason = f"the issuer allows at most {self.most} of it in one order"
            return Obstacle(Code.LIMIT_EXCEEDED, reason)
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
    """Reads the live price, stock and sessions of an offer; nothing is cached.

    Lists of offers are cached at KorusTicket and lag behind (T21), so an offer is quoted before it
    is booked or proposed.
    """

    ticketing: Ticketing
    catalog: Catalog
    clock: ApiClock

    async def of_offer(
        self, handle: Handle, language: str, *, is_part_enough: bool = False
    ) -> Quote:
        """The offer's live price, stock and sessions.

        Where a part is enough, the sessions are those that could be read before the call's time is
        over. A booking needs all of them: a chosen session that was not read would be refused as
        one of another offer.

        Raises:
            Refusal: UNKNOWN_ID, NOT_FOUND, UNSUPPORTED_CURRENCY.
            ApiError: a figure cannot be read.
        """
        catalog_id = await self.catalog.catalog_id(handle.alias, language)
        read = _Reading(self.ticketing, (catalog_id, handle.id), language, is_part_enough)
        try:
            await read.all()
        except NotFound:
            raise Refusal(
                Code.NOT_FOUND,
                "This offer does not exist (any more).",
                "Call get_offers again for current offer ids.",
            ) from None
        # The name comes from the catalog: the one in the offer may be in another language.
        product = await self._product(read)
        now = self.clock.now()
        skew = self.clock.unknown_skew
        zone = await self._zone(read, now - skew)
        quote = replace(_quote(handle, read, product, zone, now), skew=skew)
        if quote.base_id is None:
            return quote
        base = Handle(handle.alias, quote.base_id)
        return replace(quote, most=await self.catalog.max_per_order(base, language))

    async def _zone(self, read: "_Reading", now: datetime) -> tzinfo | None:
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
        if product_id is None or not (is_needed or any(read.sessions.values())):
            return None
        try:
            return await self.catalog.zone(read.where[0], product_id, read.language)
        except ApiError:
            if is_needed:
                raise
            return None

    async def _product(self, read: "_Reading") -> str:
        product = read.offer.product
        product_id = _product_id(read.offer)
        if product_id is not None:
            name = await self.catalog.product_name(read.where[0], product_id, read.language)
            if name is not None:
                return name
        return clean_line((product.name if product else None) or "") or "(unnamed product)"


@dataclass
class _Reading:
    """The API's answers that a quote is made of. `where`: the ids of the catalog and the offer."""

    ticketing: Ticketing
    where: tuple[str, str]
    language: str
    is_part_enough: bool
    offer: Offer = field(init=False)
    availability: OfferAvailability = field(init=False)
    price: OfferPrice | None = None
    tickets: list[OfferTicket] = field(default_factory=list)
    sessions: dict[str, list[OfferTicketSession]] = field(default_factory=dict)
    unread_tickets: int = 0
    unread_sessions: dict[str, int] = field(default_factory=dict)
    late_sessions: set[str] = field(default_factory=set)
    """The tickets whose sessions were not all read in time."""

    async def all(self) -> None:
        """Read everything a quote needs, side by side."""
        await side_by_side((self._read_offer, self._read_availability, self._read_tickets))

    async def _read_offer(self) -> None:
        self.offer = await self.ticketing.get_offer(*self.where, language=self.language)
        # The listed price may be a cached one (T21): if the offer says so, the live one is read.
        if self.offer.realtime_price_required:  # unread counts as required
            try:
                self.price = await self.ticketing.get_offer_price(*self.where)
            except NotFound:
                self.price = None  # assumption A27: keep the list price

    async def _read_availability(self) -> None:
        self.availability = await self.ticketing.get_offer_availability(*self.where)

    async def _read_tickets(self) -> None:
        pages = self.ticketing.list_offer_tickets(*self.where, language=self.language)
        self.tickets = [t for t in await pages.all() if is_id(t.id)]
        self.unread_tickets = pages.unreadable
        for ticket in self.tickets:
            # Full-day tickets take no session (T24). Where `dateAccess` cannot be read, no sessions
            # are read, and the ticket is noted as unreadable.
            if ticket.date_access is False:
                self.sessions[ticket.id] = await self._read_sessions(ticket.id)

    async def _read_sessions(self, ticket_id: str) -> list[OfferTicketSession]:
        found: list[OfferTicketSession] = []
        is_cut = False
        pages = self.ticketing.list_offer_ticket_sessions(
            *self.where, ticket_id, language=self.language
        )
        time = in_time(spare=_AFTER_SESSIONS_SECONDS) if self.is_part_enough else CancelScope()
        with time:
            async for session in pages:
                # The next page is read only to know whether there are more.
                is_cut = len(found) >= MAX_SESSIONS
                if is_cut:
                    break
                found.append(session)
        if time.cancelled_caught:
            # Nothing at all is no answer.
            if not found and not any(self.sessions.values()):
                raise TimedOut("listOfferTicketSessions", Outcome.REFUSED)
            self.late_sessions.add(ticket_id)
        is_late = ticket_id in self.late_sessions
        self.unread_sessions[ticket_id] = pages.unreadable + pages.missing + is_cut + is_late
        return found


def _quote(
    handle: Handle, read: _Reading, product: str, zone: tzinfo | None, now: datetime
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
    # Live stock names sessions by address (T6). Its two forms end in the same id (T10).
    live_left = {
        id_at_end(s.session): s.available_quantity for s in read.availability.sessions_availability
    }
    if read.availability.lacks("sessions_availability"):
        told.note("what is left in its sessions")
    if read.unread_tickets:
        told.note("a ticket in it")
    needs = tuple(_need(t, read, live_left, told, zone) for t in read.tickets)
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
    read: _Reading,
    live_left: Mapping[str | None, int | Unread | None],
    told: Reading,
    zone: tzinfo | None,
) -> TicketNeed:
    is_full_day = told.of("whether a session must be chosen", ticket.date_access)
    if is_full_day is None:  # documented as true or false, so a missing value counts as unreadable
        told.note("whether a session must be chosen")
    sessions = read.sessions.get(ticket.id, ())
    # A live stock whose session cannot be read may belong to any session without one.
    is_unclear = None in live_left
    found = [
        _session(s, live_left.get(s.id, UNREAD if is_unclear else s.available_quantity), zone)
        for s in sessions
        if is_id(s.id)
    ]
    return TicketNeed(
        id=ticket.id,
        name=clean_line(ticket.name or "") or "ticket",
        needs_session=is_full_day is False,
        sessions=tuple(
            sorted(found, key=lambda s: s.starts_at.timestamp() if s.starts_at else math.inf)
        ),
        has_unread_sessions=bool(read.unread_sessions.get(ticket.id)),
        has_late_sessions=ticket.id in read.late_sessions,
    )


def _session(
    session: OfferTicketSession, left: int | Unread | None, zone: tzinfo | None
) -> Session:
    told = Reading()
    starts_at = told.of("the time of a session", session.starts_at)
    ends_at = value_of(session.ends_at)
    return Session(
        id=session.id,
        starts_at=at_place(starts_at, zone) if starts_at else None,
        ends_at=at_place(ends_at, zone) if ends_at else None,
        left=told.of("what is left in a session", left),
        seat_map_id=id_at_end(session.seat_map),
        unread=told.unread,
    )
