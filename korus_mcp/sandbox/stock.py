"""Live stock and prices: what is left after earlier sales, holds, orders and test switches."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.bookings import Ledger, TakenSeat
from korus_mcp.sandbox.model import Base, Quantity, Slot, Ticket
from korus_mcp.sandbox.world import Offer, World

LIST_LAG = timedelta(seconds=60)
"""How old the figures of offer lists are (T21)."""


class SessionKey(NamedTuple):
    """A time slot of a ticket on a day, shared by all products of the base."""

    base: int
    day: int
    ticket: int
    slot: int


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Switch(Generic[T]):
    since: datetime
    value: T


class Stock:
    """Figures computed on reading, so that an expired hold gives its places back by itself."""

    def __init__(self, world: World, ledger: Ledger, clock: Clock) -> None:
        self._world = world
        self._ledger = ledger
        self._clock = clock
        self._offer_switches: dict[Offer, list[_Switch[Quantity]]] = {}
        self._session_switches: dict[SessionKey, list[_Switch[Quantity]]] = {}
        self._price_switches: dict[Offer, list[_Switch[Decimal]]] = {}

    def set_offer(self, offer: Offer, quantity: Quantity) -> None:
        """From now on so many are left of the offer; None lifts the limit."""
        switch = _Switch(self._clock.now(), quantity)
        self._offer_switches.setdefault(offer, []).append(switch)

    def set_session(self, session: SessionKey, quantity: Quantity) -> None:
        """From now on so many places are left in the session, for each kind of place."""
        switch = _Switch(self._clock.now(), quantity)
        self._session_switches.setdefault(session, []).append(switch)

    def set_price(self, offer: Offer, amount: Decimal) -> None:
        """From now on the issuer charges this amount."""
        self._price_switches.setdefault(offer, []).append(_Switch(self._clock.now(), amount))

    def price(self, offer: Offer) -> Decimal:
        """What one unit costs now."""
        switch = _current(self._price_switches.get(offer), self._clock.now())
        if switch is not None:
            return switch.value
        listed = self._world.list_price(offer)
        if not self._world.base(offer.base).realtime_price_required:
            return listed
        move = Decimal(1 + int(self._world.noise("price", offer) * 8))
        cheaper = self._world.noise("direction", offer) < 0.4 and listed > 2 * move
        return listed - move if cheaper else listed + move

    def list_price(self, offer: Offer) -> Decimal:
        """What lists say one unit costs: the price of a while ago, never the dynamic one."""
        switches = self._price_switches.get(offer)
        switch = _current(switches, self._clock.now() - LIST_LAG)
        return self._world.list_price(offer) if switch is None else switch.value

    def list_quantity(self, offer: Offer) -> Quantity:
        """What lists say is left: the figure of a while ago."""
        return self._offer_left(offer, self._clock.now() - LIST_LAG)

    def offer_left(self, offer: Offer) -> Quantity:
        """How many of the offer can be reserved now."""
        return self._offer_left(offer, self._clock.now())

    def session_left(self, offer: Offer, ticket: int, slot: int) -> Quantity:
        """How many places of the offer's kind are left in a session now."""
        return self._slot_left(offer, ticket, slot, self._clock.now())

    def list_session_left(self, offer: Offer, ticket: int, slot: int) -> Quantity:
        """What session lists say is left."""
        return self._slot_left(offer, ticket, slot, self._clock.now() - LIST_LAG)

    def room_for(self, offer: Offer, slots: tuple[int | None, ...]) -> Quantity:
        """How many units the chosen sessions still take."""
        figures = [self.offer_left(offer)]
        figures += [
            self.session_left(offer, ticket, slot)
            for ticket, slot in enumerate(slots)
            if slot is not None
        ]
        return _least(figures)

    def seats(self, offer: Offer, ticket: int, slot: int, quantity: int) -> tuple[TakenSeat, ...]:
        """The places the issuer would give out next, side by side when a row has enough."""
        base = self._world.base(offer.base)
        seat_map = base.tickets[ticket].slots[slot].seat_map
        if seat_map is None:
            return ()
        free = self._free_places(base, offer, ticket, slot)
        for row in _rows(free):
            if len(row) >= quantity:
                return tuple(row[:quantity])
        return tuple(free[:quantity])

    def _offer_left(self, offer: Offer, moment: datetime) -> Quantity:
        switch = _current(self._offer_switches.get(offer), moment)
        if switch is not None:
            if switch.value is None:
                return None
            taken = self._taken(offer, moment, since=switch.since, same_product=True)
            return max(0, switch.value - taken)
        tickets = self._world.base(offer.base).tickets
        return _least([self._ticket_left(offer, rank, moment) for rank in range(len(tickets))])

    def _ticket_left(self, offer: Offer, rank: int, moment: datetime) -> Quantity:
        base = self._world.base(offer.base)
        ticket = base.tickets[rank]
        if not ticket.date_access:
            slots = range(len(ticket.slots))
            return _sum([self._slot_left(offer, rank, slot, moment) for slot in slots])
        pool = self._world.product(offer).pool
        first = self._unsold(base, ticket.capacities[pool], (offer.base, offer.day, rank, pool))
        return None if first is None else max(0, first - self._taken(offer, moment))

    def _slot_left(self, offer: Offer, rank: int, slot: int, moment: datetime) -> Quantity:
        base = self._world.base(offer.base)
        spec = base.tickets[rank].slots[slot]
        if self._world.starts_at(base, offer.day, spec) <= self._clock.now():
            return 0
        switch = _current(
            self._session_switches.get(SessionKey(offer.base, offer.day, rank, slot)), moment
        )
        if switch is None:
            first, since = self._unsold_of_slot(base, offer, rank, slot, spec), None
        else:
            first, since = switch.value, switch.since
        if first is None:
            return None
        return max(0, first - self._taken(offer, moment, since=since, session=(rank, slot)))

    def _unsold_of_slot(
        self, base: Base, offer: Offer, rank: int, slot: int, spec: Slot
    ) -> Quantity:
        pool = self._world.product(offer).pool
        return self._unsold(base, spec.capacities[pool], (offer.base, offer.day, rank, slot, pool))

    def _unsold(self, base: Base, capacity: Quantity, key: tuple[int, ...]) -> Quantity:
        if capacity is None:
            return None
        sold_share = base.demand * (0.4 + 0.6 * self._world.noise("sold", key))
        return max(0, int(capacity * (1 - sold_share)))

    def _taken(
        self,
        offer: Offer,
        moment: datetime,
        *,
        since: datetime | None = None,
        session: tuple[int, int] | None = None,
        same_product: bool = False,
    ) -> int:
        pool = self._world.product(offer).pool
        return sum(
            hold.quantity
            for hold in self._ledger.holds_of_day(offer.base, offer.day)
            if hold.claims_at(moment)
            and (since is None or hold.created_at >= since)
            and (session is None or hold.slots[session[0]] == session[1])
            and self._world.product(hold.offer).pool == pool
            and (not same_product or hold.offer == offer)
        )

    def _free_places(self, base: Base, offer: Offer, rank: int, slot: int) -> list[TakenSeat]:
        spec = base.tickets[rank].slots[slot]
        unsold = self._unsold_of_slot(base, offer, rank, slot, spec)
        places = list(_places(base, base.tickets[rank], slot, self._world.product(offer).pool))
        later = places[len(places) - (unsold or 0) :]
        taken = set(self._taken_places(offer, rank, slot))
        return [place for place in later if place.seat is None or place not in taken]

    def _taken_places(self, offer: Offer, rank: int, slot: int) -> Iterator[TakenSeat]:
        now = self._clock.now()
        for hold in self._ledger.holds_of_day(offer.base, offer.day):
            if hold.claims_at(now) and hold.slots[rank] == slot:
                yield from hold.places[rank]


def arrangement_of(places: tuple[TakenSeat, ...]) -> str:
    """Whether seats given out together are side by side, as the API words it."""
    if not places or any(place.seat is None for place in places):
        return "UNKNOWN"
    rows = {(place.zone, place.row) for place in places}
    seats = sorted(place.seat or 0 for place in places)
    together = len(rows) == 1 and seats[-1] - seats[0] == len(seats) - 1
    return "ADJACENT" if together else "NON_ADJACENT"


def _places(base: Base, ticket: Ticket, slot: int, pool: int) -> Iterator[TakenSeat]:
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


def _rows(places: list[TakenSeat]) -> Iterator[list[TakenSeat]]:
    """Runs of neighbouring seats; places without a number are one run."""
    run: list[TakenSeat] = []
    for place in places:
        if run and not _are_neighbours(run[-1], place):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _are_neighbours(left: TakenSeat, right: TakenSeat) -> bool:
    if (left.zone, left.row) != (right.zone, right.row):
        return False
    if left.seat is None or right.seat is None:
        return True
    return right.seat == left.seat + 1


def _current(switches: list[_Switch[T]] | None, moment: datetime) -> _Switch[T] | None:
    past = [switch for switch in switches or () if switch.since <= moment]
    return past[-1] if past else None


def _least(figures: list[Quantity]) -> Quantity:
    limited = [figure for figure in figures if figure is not None]
    return min(limited) if limited else None


def _sum(figures: list[Quantity]) -> Quantity:
    limited = [figure for figure in figures if figure is not None]
    return sum(limited) if len(limited) == len(figures) else None
