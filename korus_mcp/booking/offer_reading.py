"""What the API says of one offer: the answers that a quote is made of."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from anyio import CancelScope

from korus_mcp.api import NotFound, Outcome, Ticketing, TimedOut
from korus_mcp.api.models.offer import Offer, OfferAvailability, OfferPrice, OfferTicketSession
from korus_mcp.booking.kept import Known, SessionTime, Timetable
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.unread import Unread

MAX_SESSIONS: Final = 500
"""At most so many sessions of one ticket are read; the answer then says that there are more."""
_AFTER_SESSIONS_SECONDS: Final = 4.0
"""Reading sessions stops so long before the end of a call: time for what is read after them."""


@dataclass
class OfferReading:
    """The answers about an offer. `where`: the ids of its catalog and of itself.

    Where a part is enough, the sessions are those that came before the call's time is over.
    """

    ticketing: Ticketing
    where: tuple[str, str]
    language: str
    is_part_enough: bool = False
    offer: Offer = field(init=False)
    availability: OfferAvailability = field(init=False)
    price: OfferPrice | None = None
    timetable: Timetable | None = None
    listed_left: dict[str | None, int | Unread | None] = field(default_factory=dict)
    """What the list of sessions says is left in each; it lags behind (T21)."""
    _is_price_asked: bool = field(default=False, init=False)

    @property
    def times(self) -> Timetable:
        """Its timetable, which was read or is kept.

        Raises:
            RuntimeError: it is not there yet.
        """
        if self.timetable is None:
            raise RuntimeError("the timetable of an offer was not read")
        return self.timetable

    @property
    def live_left(self) -> Mapping[str | None, int | Unread | None]:
        """What is left in each session by the live stock, which names sessions by address (T6).

        Its two forms end in the same id (T10). None stands for an address that cannot be read.
        """
        stated = self.availability.sessions_availability
        return {id_at_end(each.session): each.available_quantity for each in stated}

    async def all(self) -> None:
        """Read everything, side by side.

        Raises:
            ApiError: some of it cannot be read.
        """
        await side_by_side((self._read_listed, self._read_availability, self.read_timetable))

    async def live(self, known: Known | None) -> None:
        """Read the live figures side by side, and the offer unless it is known as it is listed.

        Raises:
            ApiError: some of it cannot be read.
        """
        steps: list[Callable[[], Awaitable[None]]] = [self._read_availability]
        if known is None:
            steps.append(self._read_listed)
        else:
            self.offer = known.offer
            steps += [] if known.is_listed else [self._read_offer]
            # By what was known it is dynamic, so its price need not wait for the offer.
            steps += [self._read_price] if known.offer.realtime_price_required else []
        await side_by_side(steps)
        await self._settle_price()

    async def read_timetable(self) -> None:
        """Read the tickets, and the sessions of those that need one.

        Raises:
            ApiError: some of it cannot be read.
        """
        pages = self.ticketing.list_offer_tickets(*self.where, language=self.language)
        tickets = tuple(t for t in await pages.all() if is_id(t.id))
        read: dict[str, _Sessions] = {}
        for ticket in tickets:
            # Full-day tickets take no session (T24). Where `dateAccess` cannot be read, no sessions
            # are read, and the ticket is noted as unreadable.
            if ticket.date_access is False:
                has_some = any(sessions.times for sessions in read.values())
                read[ticket.id] = await self._read_sessions(ticket.id, has_some=has_some)
        is_clear = all(isinstance(ticket.date_access, bool) for ticket in tickets)
        lost = (s.lost or s.is_late or s.has_unread_time for s in read.values())
        is_lost = pages.unreadable > 0 or any(lost)
        self.timetable = Timetable(
            tickets=tickets,
            sessions={ticket_id: sessions.times for ticket_id, sessions in read.items()},
            unread_tickets=pages.unreadable,
            unread_sessions={i: s.lost + s.is_cut + s.is_late for i, s in read.items()},
            late=frozenset(i for i, s in read.items() if s.is_late),
            is_whole=is_clear and not is_lost,
        )

    async def _read_listed(self) -> None:
        await self._read_offer()
        await self._settle_price()

    async def _read_offer(self) -> None:
        self.offer = await self.ticketing.get_offer(*self.where, language=self.language)

    async def _settle_price(self) -> None:
        # The listed price may be a cached one (T21): if the offer says so, the live one is read.
        if not self.offer.realtime_price_required:  # unread counts as required
            self.price = None
        elif not self._is_price_asked:
            await self._read_price()

    async def _read_price(self) -> None:
        self._is_price_asked = True
        try:
            self.price = await self.ticketing.get_offer_price(*self.where)
        except NotFound:
            self.price = None  # assumption A27: keep the list price

    async def _read_availability(self) -> None:
        self.availability = await self.ticketing.get_offer_availability(*self.where)

    async def _read_sessions(self, ticket_id: str, *, has_some: bool) -> "_Sessions":
        """The sessions of a ticket. `has_some`: those of another ticket are there, so that none of
        this one is an answer.
        """
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
        is_late = time.cancelled_caught
        # Nothing at all is no answer.
        if is_late and not found and not has_some:
            raise TimedOut("listOfferTicketSessions", Outcome.REFUSED)
        self.listed_left |= {each.id: each.available_quantity for each in found}
        return _Sessions(
            times=tuple(_time_of(each) for each in found if is_id(each.id)),
            lost=pages.unreadable + pages.missing,
            is_cut=is_cut,
            is_late=is_late,
        )


@dataclass(frozen=True)
class _Sessions:
    """The sessions of a ticket; how many were lost, and whether more were left out, or late."""

    times: tuple[SessionTime, ...]
    lost: int
    is_cut: bool
    is_late: bool

    @property
    def has_unread_time(self) -> bool:
        """Whether one of them has a time in a form nobody can read."""
        return any(isinstance(each.starts_at, Unread) for each in self.times)


def _time_of(session: OfferTicketSession) -> SessionTime:
    return SessionTime(
        id=session.id,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        seat_map_id=id_at_end(session.seat_map),
    )
