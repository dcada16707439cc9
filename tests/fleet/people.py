"""People who book at a fleet, each signed in, in both eras, at whichever server they come to.

A person whose server was ended in the middle of a call makes the same call at another one, as hosts
do. What one server began another one goes on with; a confirmation is never used where it was made.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

import anyio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from korus_mcp.foundation.refusals import Code
from tests.fixtures.assistant import Answer, Assistant, Json, is_broken_rule
from tests.fixtures.signed_in import Person
from tests.fleet.facts import Seen
from tests.fleet.members import Fleet, Member

PATIENCE_SECONDS: Final = 150
"""After so long a host gives a call up that neither is answered nor breaks."""
LAST_WORD_SECONDS: Final = 0.2
"""For what a server that is gone had still said."""
PAUSE_SECONDS: Final = 0.1
VISITS: Final = 8
"""So often somebody comes back to a booking before they begin another one; then again later."""
MOVES_SHARE: Final = 1 / 3
PROBES_SHARE: Final = 1 / 3
Carrier: TypeAlias = Any
"""The client for HTTP of the SDK, whose library only the SDK uses here."""
OVER: Final = {Code.HOLD_EXPIRED, Code.NOT_FOUND}
NOT_NOW: Final = {Code.SERVER_BUSY, Code.UPSTREAM_UNAVAILABLE}
"""What a server that stops says to anything new, before it looks whose it is."""


@dataclass
class Booking:
    """One wish of a person: an order of it, and of it alone, is made."""

    offer_id: str
    quantity: int
    reservation_id: str | None = None
    confirmation: str | None = None
    order_id: str | None = None
    last: Member | None = None
    is_over: bool = False

    @property
    def arguments(self) -> Json:
        """Of place_order, without the customer."""
        given = {"confirmation": self.confirmation} if self.confirmation else {}
        return {"reservation_ids": [self.reservation_id], **given}


@dataclass
class Crowd:
    """All people, and what they were told."""

    fleet: Fleet
    tokens: Mapping[Person, str]
    base_id: str
    offers: Sequence[str]
    rng: random.Random
    seen: Seen = field(default_factory=Seen)
    told: list[tuple[str, str | None]] = field(default_factory=list)
    """What they heard last of a reservation: its order, or None where there is none."""
    lost: list[str] = field(default_factory=list)
    booked: int = 0
    moved: int = 0
    """Confirmations that were used at another server than that of their summary."""
    probed: int = 0
    finished: list[tuple[Person, Booking]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    is_closing: bool = False

    def signed_in(self, person: Person) -> Carrier:
        """What carries the token of a person to any server; to make one takes long."""
        return create_mcp_http_client(headers={"Authorization": f"Bearer {self.tokens[person]}"})

    def others(self, person: Person) -> list[str]:
        """The addresses of everybody else."""
        return [address_of(each) for each in self.tokens if each != person]


@asynccontextmanager
async def assistant_at(member: Member, http: Carrier, mode: str) -> AsyncIterator[Assistant]:
    """An assistant at one server."""
    transport = streamable_http_client(member.replica.address, http_client=http)
    async with Client(transport, mode=mode) as client:
        yield Assistant(client)


def address_of(person: Person) -> str:
    """The address of a person, which stands in what they order."""
    return f"{person.name}.{person.tenant}@example.org"


@dataclass
class Buyer:
    """One host of a person: it books one thing after the other. `lane` tells those of one apart."""

    crowd: Crowd
    person: Person
    mode: str
    lane: int
    lanes: int
    open: list[Booking] = field(default_factory=list)
    wishes: int = 0

    async def run(self) -> None:
        """Book until the shop closes, and then until each booking is over."""
        async with self.crowd.signed_in(self.person) as http:
            await self._run(http)

    async def _run(self, http: Carrier) -> None:
        while not self.crowd.is_closing:
            # What is in doubt is asked about again, beside new bookings.
            if self.open and self.crowd.rng.random() < len(self.open) / (len(self.open) + 2):
                booking = self.open.pop(0)
            else:
                booking = self._wish()
            await self._pursue(booking, http)
        while self.open:
            await self._pursue(self.open.pop(0), http)

    def _wish(self) -> Booking:
        # Nothing that this person wants already: an equal call would be given the same hold. Other
        # people want exactly the same, at the same time.
        number = self.wishes * self.lanes + self.lane
        self.wishes += 1
        offers = self.crowd.offers
        return Booking(offers[number % len(offers)], number // len(offers) % 3 + 1)

    async def _pursue(self, booking: Booking, http: Carrier) -> None:
        """Go on with a booking at one server after the other, as far as it goes now."""
        for _ in range(VISITS):
            await self._visit(booking, http)
            if booking.is_over:
                return
        self.open.append(booking)

    async def _visit(self, booking: Booking, http: Carrier) -> None:
        crowd = self.crowd
        member = booking.last = crowd.fleet.other_than(booking.last)
        try:
            with anyio.fail_after(PATIENCE_SECONDS):
                async with anyio.create_task_group() as tasks:
                    leave = partial(_leave_once, member.gone, tasks.cancel_scope)
                    tasks.start_soon(leave)
                    async with assistant_at(member, http, self.mode) as assistant:
                        await self._go_on(assistant, booking)
                    tasks.cancel_scope.cancel()
        except Exception as error:
            if is_broken_rule(error):
                raise
            crowd.unanswered[_kind_of(error)] += 1
            await anyio.sleep(PAUSE_SECONDS)

    async def _go_on(self, assistant: Assistant, booking: Booking) -> None:
        """One step after the other, until it is over or the person comes to another server."""
        while not booking.is_over:
            goes = await self._step(assistant, booking)
            if not goes or self.crowd.rng.random() < MOVES_SHARE:
                return
        if self.crowd.rng.random() < PROBES_SHARE:
            await self._probe(assistant)

    async def _step(self, assistant: Assistant, booking: Booking) -> bool:
        """The next step. Returns whether there is one more for the same server."""
        if booking.order_id is not None:
            return await self._fetch(assistant, booking)
        if booking.reservation_id is None:
            return await self._reserve(assistant, booking)
        is_confirmed = booking.confirmation is not None
        wish = {**booking.arguments, "customer": self._customer}
        answer = await self._asked(assistant, "place_order", wish)
        self.crowd.moved += is_confirmed
        self._hear(booking, answer)
        return booking.order_id is not None

    async def _reserve(self, assistant: Assistant, booking: Booking) -> bool:
        await self._asked(assistant, "search_products", {"query": "park"})
        await self._asked(assistant, "get_offers", {"product_base_id": self.crowd.base_id})
        items = [{"offer_id": booking.offer_id, "quantity": booking.quantity}]
        answer = await self._asked(assistant, "reserve", {"items": items})
        holds = [] if answer.result.is_error else answer.structure.get("reservations", ())
        if not holds:
            await anyio.sleep(PAUSE_SECONDS)
            return False
        booking.reservation_id = held = holds[0]["reservation_id"]
        self.crowd.seen.held.setdefault(held, address_of(self.person))
        return True

    def _hear(self, booking: Booking, answer: Answer) -> None:
        """Take what place_order says."""
        if answer.result.is_error:
            booking.confirmation = None
            if answer.code in OVER:
                self._close(booking)
            return
        told = answer.structure
        match told["state"]:
            case "confirmation_needed":
                booking.confirmation = told["confirmation"]
            case "ordered":
                booking.order_id = told["orders"][0]["order_id"]
                assert booking.reservation_id is not None
                self.crowd.told.append((booking.reservation_id, booking.order_id))
            case "failed":
                booking.confirmation = None
                if "the hold is over" in told["next"]:
                    self._close(booking)

    def _close(self, booking: Booking) -> None:
        """It ended without an order."""
        assert booking.reservation_id is not None
        self.crowd.told.append((booking.reservation_id, None))
        booking.is_over = True

    async def _fetch(self, assistant: Assistant, booking: Booking) -> bool:
        """The tickets of what was told as ordered."""
        crowd = self.crowd
        answer = await self._asked(assistant, "get_tickets", {"order_id": booking.order_id})
        if answer.result.is_error and answer.code in NOT_NOW:
            return False
        tickets = [] if answer.result.is_error else answer.structure["tickets"]
        if len(tickets) != booking.quantity:
            crowd.lost.append(f"{booking.order_id}: its tickets are not there ({answer.code})")
        crowd.booked += 1
        crowd.finished.append((self.person, booking))
        booking.is_over = True
        return True

    async def _probe(self, assistant: Assistant) -> None:
        """Ask for what somebody else booked: it answers as what does not exist."""
        foreign = [each for who, each in self.crowd.finished if who != self.person]
        if not foreign:
            return
        its = self.crowd.rng.choice(foreign)
        wish = {**its.arguments, "customer": self._customer}
        for tool, arguments in (
            ("get_tickets", {"order_id": its.order_id}),
            ("get_reservation", {"reservation_ids": [its.reservation_id]}),
            ("place_order", wish),
        ):
            asked = {str(its.order_id), str(its.reservation_id)}
            answer = await self._asked(assistant, tool, arguments, asked=asked)
            self.crowd.probed += 1
            if not answer.result.is_error or answer.code not in {Code.NOT_FOUND, *NOT_NOW}:
                said = f"{tool} answers {answer.code or 'them'} for what is {its.order_id}'s"
                self.crowd.seen.wrong.append(f"{address_of(self.person)}: {said}")

    async def _asked(
        self, assistant: Assistant, tool: str, arguments: Json, *, asked: Set[str] = frozenset()
    ) -> Answer:
        answer = await assistant.ask(tool, arguments)
        others, reader = self.crowd.others(self.person), address_of(self.person)
        self.crowd.seen.read(reader, answer.wire, others=others, asked=asked)
        if answer.result.is_error and not asked:
            self.crowd.refused[f"{tool} {answer.code}"] += 1
        return answer

    @property
    def _customer(self) -> Json:
        named = {"firstname": self.person.name.title(), "lastname": self.person.tenant.title()}
        return {**named, "email": address_of(self.person)}


async def _leave_once(gone: anyio.Event, visit: anyio.CancelScope) -> None:
    """Let somebody leave a server that is gone."""
    await gone.wait()
    await anyio.sleep(LAST_WORD_SECONDS)
    visit.cancel()


def _kind_of(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__} {error}".strip()
