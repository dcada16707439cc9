"""Seats that a caller holds or has ordered, to be found again on a seat map."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Final, TypeAlias

import anyio
from cachetools import LRUCache

from korus_mcp.api import ApiError
from korus_mcp.api.models.order import Order
from korus_mcp.api.models.reservation import Reservation
from korus_mcp.booking.hold import BookedNames, HoldState, Seat, hold_of, seat_of
from korus_mcp.booking.order_status import Standing, standing_of
from korus_mcp.booking.ports import Service
from korus_mcp.foundation.coalescing import side_by_side
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.unread import at_place, day_of, value_of
from korus_mcp.journal.records import JournalDown

MOST_READ: Final = 10
"""At most so many reservations are read for a map, and as many of the newest orders."""
READING_SECONDS: Final = 5.0
"""How long they are waited for: a map without its marks is still a map."""
_NOTHING_LASTS: Final = timedelta(seconds=5)
"""So long nobody looks again for what another process may have booked for an owner of nothing."""
_MOST_KNOWN: Final = 2_000
_STANDING: Final = {HoldState.HELD, HoldState.ORDERED}
_GONE: Final = {Standing.CANCELLED, Standing.FAILED}
_NAMELESS: Final = BookedNames({}, {})


@dataclass(frozen=True, kw_only=True)
class OwnSeat:
    """A seat that is held or ordered. `day`, `session_id` and `starts_at` None: not told.

    An order does not name the session of a ticket, but when it begins.
    """

    product_id: str
    seat: Seat
    day: date | None
    session_id: str | None = None
    starts_at: datetime | None = None
    is_ordered: bool = False

    def is_of(self, day: date | None, session_id: str | None, starts_at: datetime | None) -> bool:
        """Whether it is for this day, and for this session where one is given."""
        if None not in (day, self.day) and day != self.day:
            return False
        if session_id is None:
            return True
        if self.session_id is not None:
            return self.session_id == session_id
        # A ticket without a time is good for the whole day.
        return self.starts_at is None or self.starts_at == starts_at


@dataclass(frozen=True, kw_only=True)
class OwnSeats:
    """The seats of a caller at some products; `unread` bookings could not be read."""

    seats: tuple[OwnSeat, ...] = ()
    unread: int = 0


NO_SEATS: Final = OwnSeats()
Sold: TypeAlias = Callable[[], Awaitable[tuple[Collection[str], tzinfo | None]]]
"""Tells the ids of products, and the time zone of their venue."""
Own: TypeAlias = Callable[[Sold, str], Awaitable[OwnSeats]]
"""Reads the seats of a caller for what is sold, in a language: zones have names in each."""


@dataclass(kw_only=True)
class OwnSeatReader(Service):
    """Reads what callers hold and have ordered, each their own by what the journal says."""

    def __post_init__(self) -> None:
        self._nothing: tuple[str, int, datetime] | None = None
        # Of which products a booking is never changes: others are not read for every map again.
        self._products: LRUCache[str, frozenset[str]] = LRUCache(_MOST_KNOWN)

    async def of(self, owner: str, sold: Sold, language: str) -> OwnSeats:
        """The seats of an owner for what is sold. For one who holds nothing, and has ordered
        nothing, neither that nor KorusTicket is asked.
        """
        now, written = self.clock.now(), self.journal.written
        if self._has_nothing(owner, now):
            return NO_SEATS
        try:
            held, ordered = await self.journal.bookings_of(owner, now, limit=MOST_READ)
        except JournalDown:
            return OwnSeats(unread=1)
        if not held and not ordered:
            self._nothing = owner, written, now
            return NO_SEATS
        products, zone = await sold()
        wanted = frozenset(products)
        read: dict[str, tuple[OwnSeat, ...]] = {}
        asked = [
            partial(read_one, read, booking_id, wanted, zone, language)
            for read_one, ids in ((self._held, held), (self._ordered, ordered))
            for booking_id in ids
            if self._may_be(booking_id, wanted)
        ]
        with anyio.move_on_after(READING_SECONDS):
            await side_by_side(asked)
        seats = dict.fromkeys(seat for its in read.values() for seat in its)
        return OwnSeats(seats=tuple(seats), unread=len(asked) - len(read))

    def _has_nothing(self, owner: str, now: datetime) -> bool:
        """Whether the owner had nothing a moment ago, and nothing was written here since."""
        if self._nothing is None:
            return False
        whose, written, at = self._nothing
        is_same = (whose, written) == (owner, self.journal.written)
        return is_same and now - at < _NOTHING_LASTS

    def _may_be(self, booking_id: str, products: frozenset[str]) -> bool:
        known = self._products.get(booking_id)
        return known is None or not known.isdisjoint(products)

    async def _held(
        self,
        read: dict[str, tuple[OwnSeat, ...]],
        reservation_id: str,
        products: frozenset[str],
        zone: tzinfo | None,
        language: str,
    ) -> None:
        try:
            reservation = await self.booking.get_reservation(reservation_id, language=language)
        except ApiError:
            return
        self._learn(reservation)
        read[reservation_id] = tuple(
            seat for seat in self._of_hold(reservation, zone) if seat.product_id in products
        )

    async def _ordered(
        self,
        read: dict[str, tuple[OwnSeat, ...]],
        order_id: str,
        products: frozenset[str],
        zone: tzinfo | None,
        language: str,
    ) -> None:
        try:
            order = await self.booking.get_order(order_id, language=language)
        except ApiError:
            return
        self._learn(order)
        read[order_id] = tuple(
            seat for seat in self._of_order(order, zone) if seat.product_id in products
        )

    def _learn(self, booked: Reservation | Order) -> None:
        products = [id_at_end(item.product) for item in booked.items]
        if products and all(products):
            self._products[booked.id] = frozenset(each for each in products if each)

    def _of_hold(self, reservation: Reservation, zone: tzinfo | None) -> Iterator[OwnSeat]:
        state = hold_of(reservation, _NAMELESS, self.clock).state
        if state not in _STANDING:
            return
        for item in reservation.items:
            product_id, day = id_at_end(item.product), value_of(day_of(item.date, zone))
            for ticket in item.offer_tickets:
                seat = seat_of(ticket.seating)
                if product_id is not None and seat is not None:
                    yield OwnSeat(
                        product_id=product_id,
                        seat=seat,
                        day=day,
                        session_id=id_at_end(value_of(ticket.session)),
                        is_ordered=state is HoldState.ORDERED,
                    )

    def _of_order(self, order: Order, zone: tzinfo | None) -> Iterator[OwnSeat]:
        if standing_of(order, self.clock.now()) in _GONE:
            return
        for item in order.items:
            product_id, day = id_at_end(item.product), value_of(day_of(item.date, zone))
            for ticket in item.tickets:
                seat, at = seat_of(ticket.seating), value_of(ticket.occurs_at)
                if product_id is not None and seat is not None:
                    yield OwnSeat(
                        product_id=product_id,
                        seat=seat,
                        day=day if at is None or day is not None else at_place(at, zone).date(),
                        starts_at=at,
                        is_ordered=True,
                    )
