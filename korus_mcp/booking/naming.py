"""Tells the issuer who uses each ticket. The outcome is reported ticket by ticket.

A name costs nothing but may be final: so it is sent once and only if complete, and when the answer
is lost the ticket is read to see whether it was set.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final

import anyio
from cachetools import LRUCache

from korus_mcp.api import ApiError, BeneficiaryInput, Booking, NotFound, Outcome
from korus_mcp.api.errors import BadRequest, Unprocessable
from korus_mcp.api.models.order import Beneficiary, OrderItemTicket
from korus_mcp.booking.documents import Documents
from korus_mcp.booking.operations import SIDE_BY_SIDE, Operations
from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.tickets import (
    ODD_NAME,
    IssuedTickets,
    Ticket,
    TicketService,
    fields_named,
    is_over,
    is_waiting,
)
from korus_mcp.booking.timing import RETRY_SECONDS
from korus_mcp.foundation.coalescing import Count, Told, begun_here, side_by_side
from korus_mcp.foundation.folding import is_same_name
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.journal.records import JournalDown

REMEMBERED: Final = 1000
"""At most so many names that were sent are remembered in this process."""
REMEMBERED_SECONDS: Final = 600
_TICKETS_OWN: Final = frozenset(
    {ODD_NAME, *(f.alias or name for name, f in OrderItemTicket.model_fields.items())}
)
"""What a refusal may name that is no field of a beneficiary."""


class NamingOutcome(StrEnum):
    """What became of naming one ticket."""

    NAMED = "named"
    MISSING_FIELDS = "missing_fields"
    UNKNOWN_TICKET = "unknown_ticket"
    LOCKED = "locked"
    TOO_LATE = "too_late"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Naming:
    """The outcome for one ticket; `fields` are those missing or refused, `needed_elsewhere` those
    that the issuer needs and nobody can give here.

    `failed`: why the name was not sent or not processed; it can be sent again as it is.
    """

    ticket_id: str
    outcome: NamingOutcome
    fields: tuple[str, ...] = ()
    needed_elsewhere: tuple[str, ...] = ()
    failed: ApiError | None = None


@dataclass(frozen=True)
class _Call:
    """A call that names people: equal calls under way are carried out once."""

    owner: str
    order_id: str
    wished: tuple[tuple[str, BeneficiaryInput], ...]
    language: str


@dataclass(kw_only=True)
class Beneficiaries:
    """Names the beneficiaries of tickets."""

    booking: Booking
    tickets: TicketService
    documents: Documents
    clock: ApiClock
    operations: Operations
    answer_seconds: float
    _counts: dict[_Call, Count] = field(default_factory=dict, repr=False)
    _turns: dict[str, anyio.Lock] = field(default_factory=dict)
    _named: LRUCache[str, tuple[BeneficiaryInput, datetime]] = field(
        default_factory=lambda: LRUCache(REMEMBERED), repr=False
    )

    async def name(
        self,
        owner: str,
        order_id: str,
        wished: Sequence[tuple[str, BeneficiaryInput]],
        language: str,
        told: Told | None = None,
    ) -> tuple[IssuedTickets, tuple[Naming, ...]]:
        """Name who uses each ticket; the result has an outcome for each. Incomplete names are not
        sent.

        If the caller leaves, the work goes on and an equal call joins it. `told` is called with the
        number of tickets that are done.

        Raises:
            Refusal: NOT_FOUND; OUTCOME_UNKNOWN when it takes longer than a caller can wait.
            ApiError: the order cannot be read.
        """
        call = _Call(owner, order_id, tuple(wished), language)
        # Callers who join an equal call see its progress.
        count = self._counts.setdefault(call, Count(len(wished)))
        with anyio.move_on_after(self.answer_seconds):
            async with count.telling(told):
                work = partial(self._name_all, call, count)
                return await self.operations.flights.join(("name", call), work)
        raise Refusal(
            Code.OUTCOME_UNKNOWN,
            "The issuer takes long: some names may have been set, the others are under way.",
            "Call name_beneficiaries again with the same arguments: no name is sent twice.",
            effect=Effect.UNKNOWN,
            retry_after_seconds=RETRY_SECONDS,
        )

    async def _name_all(
        self, call: _Call, count: Count
    ) -> tuple[IssuedTickets, tuple[Naming, ...]]:
        try:
            self.operations.check_open()
            began = self.clock.now()
            issued = await self.tickets.of_order(call.owner, call.order_id, call.language)
            order_id = issued.order.id
            known = {t.id: t for t in issued.tickets}

            async def each(ticket_id: str, person: BeneficiaryInput) -> Naming:
                naming = Naming(ticket_id, NamingOutcome.UNKNOWN_TICKET)
                # Two calls may give one ticket different names: they take turns, so that the later
                # one sees what the earlier one did.
                async with self._turn(ticket_id):
                    if ticket_id in known:
                        naming = await self._in_turn(order_id, known[ticket_id], person, began)
                count.step()
                return naming

            steps = [partial(each, *wish) for wish in call.wished]
            outcomes = await side_by_side(steps, limit=SIDE_BY_SIDE)
            try:
                after = await self.tickets.of_order(call.owner, order_id, call.language)
            except (ApiError, JournalDown, Refusal):
                # The names were set: the answer must say so even if the order cannot be read again.
                named = {n.ticket_id for n in outcomes if n.outcome is NamingOutcome.NAMED}
                tickets = (
                    replace(t, is_waiting=t.is_waiting and t.id not in named)
                    for t in issued.tickets
                )
                after = replace(issued, tickets=tuple(tickets))
            return after, tuple(outcomes)
        finally:
            self._counts.pop(call, None)

    async def _in_turn(
        self, order_id: str, ticket: Ticket, person: BeneficiaryInput, read_at: datetime
    ) -> Naming:
        """Send the name for one ticket, unless it has this name already."""
        if self._has_name(ticket, person, read_at):
            return Naming(ticket.id, NamingOutcome.NAMED)
        naming = await self._name_one(order_id, ticket, person)
        # The name sent before no longer counts as set, whatever became of this one.
        self._named.pop(ticket.id, None)
        if naming.outcome is NamingOutcome.NAMED:
            self._named[ticket.id] = (person, self.clock.now())
            # PDFs that were fetched before have the earlier name on them.
            self.documents.forget()
            self.tickets.namings += 1
        return naming

    def _has_name(self, ticket: Ticket, person: BeneficiaryInput, read_at: datetime) -> bool:
        """Whether the ticket has this name: it was sent after the ticket was read, or the issuer
        shows all of it, or shows a part of it and it was sent from here not long ago."""
        sent, at = self._named.get(ticket.id, (None, read_at))
        if sent == person and at >= read_at:
            return True
        shown = ticket.holder
        if shown is None or ticket.is_waiting:
            return False
        # Fields that were not given are not compared: an issuer may know more of a person.
        wished = {f.name: getattr(person, f.name) for f in dataclass_fields(person)}
        if all(value in (None, getattr(shown, name)) for name, value in wished.items()):
            return True
        # An issuer may show less than was sent. For a while an equal name counts as set; later it
        # may have been changed elsewhere, and is sent again.
        is_fresh = (read_at - at).total_seconds() < REMEMBERED_SECONDS
        return sent == person and is_fresh and _is_named(shown, person)

    @asynccontextmanager
    async def _turn(self, ticket_id: str) -> AsyncIterator[None]:
        """A lock for one ticket: only one call at a time names it."""
        turn = self._turns.setdefault(ticket_id, anyio.Lock())
        try:
            async with turn:
                yield
        finally:
            # Removed once nobody waits for it, or the dict would grow for ever.
            if not turn.statistics().tasks_waiting and not turn.locked():
                self._turns.pop(ticket_id, None)

    async def _name_one(self, order_id: str, ticket: Ticket, person: BeneficiaryInput) -> Naming:
        if not ticket.is_waiting and not ticket.amendable:
            is_so = ticket.holder is not None and _shows(ticket.holder, person)
            return Naming(ticket.id, NamingOutcome.NAMED if is_so else NamingOutcome.LOCKED)
        if is_over(ticket.deadline, self.clock):
            return Naming(ticket.id, NamingOutcome.TOO_LATE)
        # Without these the name would stay incomplete, and be asked for again and again.
        if ticket.is_waiting and ticket.needed_elsewhere:
            return Naming(
                ticket.id, NamingOutcome.MISSING_FIELDS, needed_elsewhere=ticket.needed_elsewhere
            )
        # The issuer would refuse an incomplete name: the missing fields are asked for first.
        missing = tuple(f for f in ticket.needed if not getattr(person, f, None))
        if missing:
            return Naming(ticket.id, NamingOutcome.MISSING_FIELDS, missing)
        where = (order_id, ticket.item_id, ticket.id)
        try:
            named = await self.booking.set_ticket_beneficiary(
                *where, person, on_leaving=begun_here().mark
            )
        except Unprocessable as error:
            fields, others = fields_named(path for path, _ in error.violations)
            # A member of the ticket itself (its status, its deadline) is nothing a person can give.
            others = tuple(name for name in others if name not in _TICKETS_OWN)
            return Naming(ticket.id, NamingOutcome.REFUSED, fields, others)
        except (BadRequest, NotFound):
            return Naming(ticket.id, NamingOutcome.REFUSED)
        except ApiError as error:
            if error.outcome is not Outcome.UNKNOWN:
                return Naming(ticket.id, NamingOutcome.NOT_SENT, failed=error)
            try:  # the answer was lost: the ticket itself tells whether it was named
                named = await self.booking.get_order_item_ticket(*where)
            except ApiError:
                return Naming(ticket.id, NamingOutcome.UNKNOWN)
        # A 200 alone proves nothing: the issuer may have kept the earlier name.
        is_so = named.beneficiary is not None and _is_named(named.beneficiary, person)
        is_named = is_so and not is_waiting(named)
        return Naming(ticket.id, NamingOutcome.NAMED if is_named else NamingOutcome.UNKNOWN)


def _is_named(shown: Beneficiary, person: BeneficiaryInput) -> bool:
    return is_same_name(shown.firstname or "", person.firstname) and is_same_name(
        shown.lastname or "", person.lastname
    )


def _shows(shown: Beneficiary, person: BeneficiaryInput) -> bool:
    """Whether a ticket whose name is final has this first and last name, and no other field that
    contradicts the person.
    """
    # A field that is missing on one side contradicts nothing.
    names = ("firstname", "lastname")
    rest = (f.name for f in dataclass_fields(person) if f.name not in names)
    both = ((getattr(shown, name), getattr(person, name)) for name in rest)
    return _is_named(shown, person) and all(None in pair or pair[0] == pair[1] for pair in both)
