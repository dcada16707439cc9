"""Stock and prices: what is left after earlier sales, holds and orders, or what a test has set."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain, groupby
from typing import Generic, TypeVar

from korus_mcp.sandbox.bookings import Hold, Ledger, TakenSeat
from korus_mcp.sandbox.ids import Offer, SessionKey
from korus_mcp.sandbox.model import Base, Slot, Ticket
from korus_mcp.sandbox.seat_maps import Quantity
from korus_mcp.sandbox.world import World

LIST_LAG = timedelta(seconds=60)
"""How old the figures of offer lists are (T21)."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Switch(Generic[T]):
    since: datetime
    value: T


@dataclass(eq=False, slots=True)
class Switches(Generic[K, T]):
    """Values that a test or operator has set, each with the time from which it holds."""

    made: dict[K, list[_Switch[T]]] = field(default_factory=dict)

    def set(self, key: K, value: T, since: datetime) -> None:
        """Set a value from a moment on."""
        self.made.setdefault(key, []).append(_Switch(since, value))

    def at(self, key: K, moment: datetime) -> _Switch[T] | None:
        """The value at a moment. Older values are kept, since lists lag by a minute (T21)."""
        past = [switch for switch in self.made.get(key, ()) if switch.since <= moment]
        return past[-1] if past else None


@dataclass(eq=False, slots=True)
class Stock:
    """Computes stock and prices when asked, so that the places of expired holds are free again."""

    world: World
    ledger: Ledger
    offers: Switches[Offer, Quantity] = field(default_factory=Switches)
    """The set stock of offers; None lifts the limit."""
    sessions: Switches[SessionKey, Quantity] = field(default_factory=Switches)
    """The set number of places left in sessions."""
    prices: Switches[Offer, Decimal] = field(default_factory=Switches)
    """The set prices of offers."""

    def price(self, offer: Offer) -> Decimal:
        """The live price of one unit."""
        switch = self.prices.at(offer, self.world.now())
        if switch is not None:
            return switch.value
        listed = self.world.list_price(offer)
        if not self.world.base(offer.base).realtime_price_required:
            return listed
        # Always another price than in lists, so that tests notice clients that trust lists (A27).
        move = Decimal(1 + int(self.world.noise("price", offer) * 8))
        cheaper = self.world.noise("direction", offer) < 0.4 and listed > 2 * move
        return listed - move if cheaper else listed + move

    def list_price(self, offer: Offer) -> Decimal:
        """The price of one unit in lists: that of a minute ago, never the dynamic one."""
        switch = self.prices.at(offer, self._moment(listed=True))
        return self.world.list_price(offer) if switch is None else switch.value

    def offer_left(self, offer: Offer, *, listed: bool = False) -> Quantity:
        """How many of an offer can be reserved now; with `listed`, as of a minute ago."""
        moment = self._moment(listed=listed)
        switch = self.offers.at(offer, moment)
        if switch is None:
            tickets = self.world.base(offer.base).tickets
            return _least([self._ticket_left(offer, rank, moment) for rank in range(len(tickets))])
        if switch.value is None:
            return None
        # The stock was set for this product alone, so sales of other products do not count.
        claims = self._claims(offer, moment, switch.since)
        return max(0, switch.value - sum(hold.quantity for hold in claims if hold.offer == offer))

    def session_left(self, offer: Offer, rank: int, slot: int, *, listed: bool = False) -> Quantity:
        """How many places are left in a session for this offer's product."""
        return self._slot_left(offer, rank, slot, self._moment(listed=listed))

    def room_for(self, offer: Offer, slots: tuple[int | None, ...]) -> Quantity:
        """How many units are left in the chosen sessions."""
        chosen = [(rank, slot) for rank, slot in enumerate(slots) if slot is not None]
        figures = [self.session_left(offer, rank, slot) for rank, slot in chosen]
        return _least([self.offer_left(offer), *figures])

    def seats(self, offer: Offer, rank: int, slot: int, quantity: int) -> tuple[TakenSeat, ...]:
        """The places the issuer would allocate next, side by side if a row has enough."""
        base = self.world.base(offer.base)
        if base.tickets[rank].slots[slot].seat_map is None:
            return ()
        # The issuer allocates the best free places; a request cannot name any (A11).
        free = self._free_places(base, offer, rank, slot)
        beside = next((row for row in _rows(free) if len(row) >= quantity), tuple(free))
        return beside[:quantity]

    def _moment(self, *, listed: bool) -> datetime:
        return self.world.now() - (LIST_LAG if listed else timedelta())

    def _ticket_left(self, offer: Offer, rank: int, moment: datetime) -> Quantity:
        base = self.world.base(offer.base)
        ticket = base.tickets[rank]
        if not ticket.date_access:
            # The sum of its sessions; no limit if one of them has none.
            slots = range(len(ticket.slots))
            figures = [self._slot_left(offer, rank, slot, moment) for slot in slots]
            return None if None in figures else sum(figure or 0 for figure in figures)
        first = self._unsold(offer, rank)
        claims = self._claims(offer, moment, None)
        return None if first is None else max(0, first - sum(hold.quantity for hold in claims))

    def _slot_left(self, offer: Offer, rank: int, slot: int, moment: datetime) -> Quantity:
        # A session that has begun is never on sale, not even in lists that lag behind.
        if self.world.starts_at(offer, rank, slot) <= self.world.now():
            return 0
        switch = self.sessions.at(SessionKey(offer.base, offer.day, rank, slot), moment)
        first = self._unsold(offer, rank, slot) if switch is None else switch.value
        if first is None:
            return None
        claims = self._claims(offer, moment, None if switch is None else switch.since)
        return max(0, first - sum(hold.quantity for hold in claims if hold.slots[rank] == slot))

    def _unsold(self, offer: Offer, rank: int, slot: int | None = None) -> Quantity:
        """The stock of a ticket or a slot after other distributors' sales, before ours."""
        base, pool = self.world.base(offer.base), self.world.product(offer).pool
        ticket = base.tickets[rank]
        part: Ticket | Slot = ticket if slot is None else ticket.slots[slot]
        capacity = part.capacities[pool]
        if capacity is None:
            return None
        where = (rank, pool) if slot is None else (rank, slot, pool)
        noise = self.world.noise("sold", (offer.base, offer.day, *where))
        return max(0, int(capacity * (1 - base.demand * (0.4 + 0.6 * noise))))

    def _claims(self, offer: Offer, moment: datetime, since: datetime | None) -> list[Hold]:
        """Holds and orders that occupy places of the offer's pool at a moment.

        Products of one pool share their places, such as adult and child of one zone.
        """
        pool = self.world.product(offer).pool
        return [
            hold
            for hold in self.ledger.holds_of_day(offer.base, offer.day)
            if hold.claims_at(moment)
            and (since is None or hold.created_at >= since)
            and self.world.product(hold.offer).pool == pool
        ]

    def _free_places(self, base: Base, offer: Offer, rank: int, slot: int) -> list[TakenSeat]:
        unsold = self._unsold(offer, rank, slot)
        places = list(_places(base, base.tickets[rank], slot, self.world.product(offer).pool))
        # Other distributors sold the first, best places; the rest is left.
        later = places[len(places) - (unsold or 0) :]
        claims = self._claims(offer, self.world.now(), None)
        here = [hold.places[rank] for hold in claims if hold.slots[rank] == slot]
        taken = set(chain.from_iterable(here))
        # Places in a standing zone have no number, so none of them is ever "taken".
        return [place for place in later if place.seat is None or place not in taken]


def arrangement_of(places: tuple[TakenSeat, ...]) -> str:
    """Whether seats of a booking are side by side, in the API's word for it."""
    if not places or any(place.seat is None for place in places):
        return "UNKNOWN"
    return "ADJACENT" if len(_rows(places)) == 1 else "NON_ADJACENT"


def _places(base: Base, ticket: Ticket, slot: int, pool: int) -> Iterator[TakenSeat]:
    """Every place of a pool, in the order in which the issuer allocates them."""
    seat_map = ticket.slots[slot].seat_map or 0
    for number, zone in enumerate(base.seat_maps[seat_map].zones):
        if zone.pool != pool:
            continue
        if zone.rows is None:
            yield from (TakenSeat(seat_map, number) for _ in range(zone.capacity or 0))
            continue
        for row_number, row in enumerate(zone.rows):
            for seat in range(len(row.seats)):
                yield TakenSeat(seat_map, number, row_number, seat)


def _rows(places: Sequence[TakenSeat]) -> list[tuple[TakenSeat, ...]]:
    """Groups of neighbouring seats; places without a number are one group."""

    def run_of(ranked: tuple[int, TakenSeat]) -> tuple[int, int | None, int | None]:
        # For neighbouring seats, the difference between seat number and rank stays the same.
        rank, place = ranked
        return place.zone, place.row, None if place.seat is None else place.seat - rank

    runs = groupby(enumerate(places), key=run_of)
    return [tuple(place for _, place in run) for _, run in runs]


def _least(figures: list[Quantity]) -> Quantity:
    return min((figure for figure in figures if figure is not None), default=None)
