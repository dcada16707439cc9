"""Live stock and prices: what is left after earlier sales, holds, orders and test switches."""

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
    """What somebody who steers the sandbox has set, each with the moment it holds from."""

    made: dict[K, list[_Switch[T]]] = field(default_factory=dict)

    def set(self, key: K, value: T, since: datetime) -> None:
        """From then on, this."""
        self.made.setdefault(key, []).append(_Switch(since, value))

    def at(self, key: K, moment: datetime) -> _Switch[T] | None:
        """What held at a moment; older ones are kept, since lists tell of a minute ago (T21)."""
        past = [switch for switch in self.made.get(key, ()) if switch.since <= moment]
        return past[-1] if past else None


@dataclass(eq=False, slots=True)
class Stock:
    """Figures computed on reading, so that an expired hold gives its places back by itself."""

    world: World
    ledger: Ledger
    offers: Switches[Offer, Quantity] = field(default_factory=Switches)
    """How many are left of an offer; None lifts the limit."""
    sessions: Switches[SessionKey, Quantity] = field(default_factory=Switches)
    """How many places are left in a session, for each kind of place."""
    prices: Switches[Offer, Decimal] = field(default_factory=Switches)
    """What the issuer charges."""

    def price(self, offer: Offer) -> Decimal:
        """What one unit costs now."""
        switch = self.prices.at(offer, self.world.now())
        if switch is not None:
            return switch.value
        listed = self.world.list_price(offer)
        if not self.world.base(offer.base).realtime_price_required:
            return listed
        # Never the price of the list, so that whoever trusts the list is found out (A27).
        move = Decimal(1 + int(self.world.noise("price", offer) * 8))
        cheaper = self.world.noise("direction", offer) < 0.4 and listed > 2 * move
        return listed - move if cheaper else listed + move

    def list_price(self, offer: Offer) -> Decimal:
        """What lists say one unit costs: the price of a while ago, never the dynamic one."""
        switch = self.prices.at(offer, self._moment(listed=True))
        return self.world.list_price(offer) if switch is None else switch.value

    def offer_left(self, offer: Offer, *, listed: bool = False) -> Quantity:
        """How many of the offer can be reserved now; or, as `listed`, a while ago."""
        moment = self._moment(listed=listed)
        switch = self.offers.at(offer, moment)
        if switch is None:
            tickets = self.world.base(offer.base).tickets
            return _least([self._ticket_left(offer, rank, moment) for rank in range(len(tickets))])
        if switch.value is None:
            return None
        # The figure was set for this product alone: sales of its neighbours do not count.
        claims = self._claims(offer, moment, switch.since)
        return max(0, switch.value - sum(hold.quantity for hold in claims if hold.offer == offer))

    def session_left(self, offer: Offer, rank: int, slot: int, *, listed: bool = False) -> Quantity:
        """How many places of the offer's kind are left in a session."""
        return self._slot_left(offer, rank, slot, self._moment(listed=listed))

    def room_for(self, offer: Offer, slots: tuple[int | None, ...]) -> Quantity:
        """How many units the chosen sessions still take."""
        figures = [
            self.session_left(offer, rank, slot)
            for rank, slot in enumerate(slots)
            if slot is not None
        ]
        return _least([self.offer_left(offer), *figures])

    def seats(self, offer: Offer, rank: int, slot: int, quantity: int) -> tuple[TakenSeat, ...]:
        """The places the issuer would give out next, side by side when a row has enough."""
        base = self.world.base(offer.base)
        if base.tickets[rank].slots[slot].seat_map is None:
            return ()
        # Who books first sits best, and nobody can choose: a request names no place (A11).
        free = self._free_places(base, offer, rank, slot)
        beside = next((row for row in _rows(free) if len(row) >= quantity), tuple(free))
        return beside[:quantity]

    def _moment(self, *, listed: bool) -> datetime:
        return self.world.now() - (LIST_LAG if listed else timedelta())

    def _ticket_left(self, offer: Offer, rank: int, moment: datetime) -> Quantity:
        base = self.world.base(offer.base)
        ticket = base.tickets[rank]
        if not ticket.date_access:
            # What its sessions have left together, and no limit where one of them has none.
            slots = range(len(ticket.slots))
            figures = [self._slot_left(offer, rank, slot, moment) for slot in slots]
            return None if None in figures else sum(figure or 0 for figure in figures)
        first = self._unsold(offer, rank)
        claims = self._claims(offer, moment, None)
        return None if first is None else max(0, first - sum(hold.quantity for hold in claims))

    def _slot_left(self, offer: Offer, rank: int, slot: int, moment: datetime) -> Quantity:
        # Nobody can enter a session that has begun: a list that lags does not say otherwise.
        if self.world.starts_at(offer, rank, slot) <= self.world.now():
            return 0
        switch = self.sessions.at(SessionKey(offer.base, offer.day, rank, slot), moment)
        first = self._unsold(offer, rank, slot) if switch is None else switch.value
        if first is None:
            return None
        claims = self._claims(offer, moment, None if switch is None else switch.since)
        return max(0, first - sum(hold.quantity for hold in claims if hold.slots[rank] == slot))

    def _unsold(self, offer: Offer, rank: int, slot: int | None = None) -> Quantity:
        """What others have left over of a ticket or its slot before anybody booked here."""
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
        """Holds and orders that claim places of the offer's kind at a moment.

        Products of one pool share their places: adult and child of a zone, say.
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
        # Others took the first ones, the best; the rest is what is left to sell.
        later = places[len(places) - (unsold or 0) :]
        claims = self._claims(offer, self.world.now(), None)
        here = [hold.places[rank] for hold in claims if hold.slots[rank] == slot]
        taken = set(chain.from_iterable(here))
        # Places in a standing zone are all alike, so none of them is ever "taken".
        return [place for place in later if place.seat is None or place not in taken]


def arrangement_of(places: tuple[TakenSeat, ...]) -> str:
    """Whether seats given out together are side by side, as the API words it."""
    if not places or any(place.seat is None for place in places):
        return "UNKNOWN"
    return "ADJACENT" if len(_rows(places)) == 1 else "NON_ADJACENT"


def _places(base: Base, ticket: Ticket, slot: int, pool: int) -> Iterator[TakenSeat]:
    """Every place of a pool, in the order in which the issuer gives them out."""
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
    """Runs of neighbouring seats; places without a number are one run."""

    def run_of(ranked: tuple[int, TakenSeat]) -> tuple[int, int | None, int | None]:
        # Seats side by side count up as their ranks do, so the difference stays the same.
        rank, place = ranked
        return place.zone, place.row, None if place.seat is None else place.seat - rank

    runs = groupby(enumerate(places), key=run_of)
    return [tuple(place for _, place in run) for _, run in runs]


def _least(figures: list[Quantity]) -> Quantity:
    return min((figure for figure in figures if figure is not None), default=None)
