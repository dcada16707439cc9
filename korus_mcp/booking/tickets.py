"""Tickets of an order as a buyer sees them, and the documents that let people in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

from cachetools import TTLCache

from korus_mcp.api import ApiError, BeneficiaryInput, Booking, NotFound
from korus_mcp.api.models.order import Beneficiary, Order, OrderDocument, OrderItem, OrderItemTicket
from korus_mcp.booking.hold import BookedNames, seat_text, tickets_in
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.operations import Operations
from korus_mcp.booking.order_search import OrderSearch
from korus_mcp.booking.order_status import Standing, standing_of, status_told, word_of
from korus_mcp.booking.ports import ApiClock, seconds_of
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import Reading, Unread, at_place, day_of, value_of

_WAITING: Final = "waiting_beneficiary_data"
FIELD_NAMES: Final[Mapping[str, str]] = {
    "dateOfBirth": "date_of_birth",
    "placeOfBirth": "place_of_birth",
}
"""Required fields are named as in the API's bodies (A22); tools say them in snake_case."""
UNCLAIMED_SECONDS: Final = 30
"""How long an order that was read for a caller who left waits for their repeat."""
MOST_UNCLAIMED: Final = 32
_ALWAYS_REQUIRED = ("firstname", "lastname")
_Asked: TypeAlias = tuple[int, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """One admission as a buyer sees it."""

    id: str
    item_id: str
    product: str
    when: str | None
    seat: str | None
    is_waiting: bool
    status: str
    beneficiary: str | None
    needed: tuple[str, ...]
    deadline: datetime | Unread | None
    amendable: bool
    voucher: str | None
    holder: Beneficiary | None = None
    is_late: bool = False
    """Whether its deadline for a name was over when it was read."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file of an order; `ready_at` is the first moment it can be fetched.

    Where that is not told, or cannot be read, it may be ready, and is tried; so is one that is not
    ready by our own clock alone (`is_tried`).
    """

    id: str
    ready_at: datetime | None
    is_ready: bool
    is_tried: bool = True


@dataclass(frozen=True, kw_only=True)
class IssuedTickets:
    """An order with its tickets and documents."""

    order: Order
    tickets: tuple[Ticket, ...]
    documents: tuple[Document, ...]
    has_unread_documents: bool = False
    """Whether there are documents beside these that nobody can ask for."""
    unlisted: ApiError | None = None
    """Why the documents could not be listed."""
    listed_in: int | None = None
    """Of an order too new for all to know its documents: in how many seconds to ask again."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the issuer took the booking back."""
        return self.standing is Standing.CANCELLED

    @property
    def standing(self) -> Standing:
        """Whether the order stands, by what the issuer calls it."""
        return standing_of(self.order)

    @property
    def unread(self) -> tuple[str, ...]:
        """What of the order is told in a form nobody can read, in words for a person."""
        told = Reading()
        told.of("its status", self.order.status)
        told.of("whether it was cancelled", self.order.cancelled_at)
        if tickets_in(self.order) is None:
            told.note("which tickets it holds")
        for item in self.order.items:
            for ticket in item.tickets:
                told.of("the status of a ticket", ticket.status)
        if self.has_unread_documents:
            told.note("a document of it")
        return told.unread

    @property
    def waiting(self) -> tuple[Ticket, ...]:
        """The tickets whose holder must be named first."""
        return tuple(t for t in self.tickets if t.is_waiting)

    @property
    def nameable(self) -> tuple[Ticket, ...]:
        """The tickets whose holder must be named and still can be."""
        return tuple(t for t in self.waiting if not t.is_late)

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to come: documents are there, or somebody must act first."""
        # A client that waits for documents must not wait for those that never come.
        is_over = self.standing in (Standing.CANCELLED, Standing.FAILED)
        if is_over or self.waiting or self.unlisted is not None:
            return True
        return bool(self.documents) and all(d.is_ready for d in self.documents)


@dataclass(kw_only=True)
class TicketService:
    """Reads orders with their tickets and documents."""

    booking: Booking
    orders: OrderSearch
    names: ProductNames
    clock: ApiClock
    operations: Operations
    namings: int = 0
    """Tickets named so far: what was read before one was named is not told after it."""
    unclaimed: TTLCache[_Asked, IssuedTickets] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.unclaimed = TTLCache(MOST_UNCLAIMED, UNCLAIMED_SECONDS, seconds_of(self.clock))

    async def of_order(self, owner: str, id_or_reference: str, language: str) -> IssuedTickets:
        """The tickets and documents of an order as they are now.

        Raises:
            Refusal: NOT_FOUND.
            ApiError: the order cannot be read. Where its documents cannot be listed, it says so.
        """
        # Tickets without their documents are still tickets: a list that fails is told beside them.
        order = await self.orders.order(owner, id_or_reference, language)
        names = await self.names.for_orders([order], language)
        pages = self.booking.list_order_documents(order.id)
        listed: Sequence[OrderDocument] = ()
        unlisted: ApiError | None = None
        listed_in: int | None = None
        try:
            listed = await pages.all()
        except ApiError as error:
            unlisted = error
            if isinstance(error, NotFound):
                listed_in = await self.orders.shown_in(owner, order.id)
        return IssuedTickets(
            order=order,
            tickets=tuple(
                _ticket(item, ticket, names, self.clock)
                for item in order.items
                for ticket in item.tickets
            ),
            documents=tuple(_document(d, self.clock) for d in listed),
            has_unread_documents=pages.unreadable > 0,
            unlisted=unlisted,
            listed_in=listed_in,
        )

    async def issued(self, owner: str, id_or_reference: str, language: str) -> IssuedTickets:
        """The tickets and documents of an order, for a caller who may leave before they are read.

        They are read on. Whoever repeats the call joins the reading, or gets what it came to.

        Raises:
            Refusal: NOT_FOUND.
            ApiError: the order cannot be read.
        """
        # A host that gives up calls again within seconds; without this it would never see an order
        # that takes longer to read than it waits.
        asked = (self.namings, owner, id_or_reference, language)
        if (unclaimed := self.unclaimed.pop(asked, None)) is not None:
            return unclaimed
        key = ("issued", asked)
        found = await self.operations.flights.join(key, partial(self.read_on, asked))
        self.unclaimed.pop(asked, None)
        return found

    async def read_on(self, asked: _Asked) -> IssuedTickets:
        """Read an order, and keep it for whoever repeats the call."""
        _, owner, id_or_reference, language = asked
        found = self.unclaimed[asked] = await self.of_order(owner, id_or_reference, language)
        return found


def is_waiting(ticket: OrderItemTicket) -> bool:
    """Whether its holder must be named first."""
    return word_of(ticket.status) == _WAITING


def is_over(deadline: datetime | Unread | None, clock: ApiClock) -> bool:
    """Whether it is too late for a name, by the API's clock; while nobody knows that, the issuer
    has to say.
    """
    # Only a name that is sent can be refused, so a doubt about the time is settled there.
    is_past = isinstance(deadline, datetime) and deadline <= clock.now()
    return is_past and clock.is_known


def _ticket(
    item: OrderItem, ticket: OrderItemTicket, names: BookedNames, clock: ApiClock
) -> Ticket:
    seat_is_unread, holder = isinstance(ticket.seating, Unread), ticket.beneficiary
    names_told = (holder.firstname, holder.lastname) if holder is not None else ()
    return Ticket(
        id=ticket.id,
        item_id=item.id,
        product=names.product(item.product),
        when=_when(item, ticket, names),
        seat="a seat that cannot be read" if seat_is_unread else seat_text(ticket.seating),
        is_waiting=is_waiting(ticket),
        status=status_told(ticket.status),
        beneficiary=clean_line(" ".join(name for name in names_told if name), 120) or None,
        needed=_needed(ticket),
        deadline=ticket.beneficiary_designation_deadline,
        # Without a status nobody knows that it is locked: the issuer will say.
        amendable=ticket.beneficiary_amendable is not False or not isinstance(ticket.status, str),
        voucher=clean_line(ticket.voucher, 80) if ticket.voucher else None,
        holder=holder,
        is_late=is_over(ticket.beneficiary_designation_deadline, clock),
    )


def _when(item: OrderItem, ticket: OrderItemTicket, names: BookedNames) -> str | None:
    """When a ticket admits: a moment, else a day, in words where that cannot be read."""
    zone = names.zone(item.product)
    # The moment of the ticket is exact; the day of its item is that of all its tickets.
    if isinstance(ticket.occurs_at, datetime):
        return at_place(ticket.occurs_at, zone).isoformat(timespec="minutes")
    day = day_of(item.date, zone)
    if isinstance(day, Unread):
        return "a day that cannot be read"
    shown = day.isoformat() if day is not None else None
    if isinstance(ticket.occurs_at, Unread):
        return f"{shown}, at a time that cannot be read" if shown else "a time that cannot be read"
    return shown


def _needed(ticket: OrderItemTicket) -> tuple[str, ...]:
    """Which data of its holder a ticket needs: every field, where that cannot be read."""
    required = ticket.required_beneficiary_fields
    if isinstance(required, Unread):
        return tuple(field.name for field in dataclass_fields(BeneficiaryInput))
    return snake_case(dict.fromkeys((*_ALWAYS_REQUIRED, *required)))


def snake_case(fields: Iterable[str]) -> tuple[str, ...]:
    """Field names as tools say them; a name outside the API's own is not repeated."""
    known = {f.name for f in dataclass_fields(BeneficiaryInput)}
    named = (FIELD_NAMES.get(field, field) for field in fields)
    return tuple(field for field in named if field in known)


def _document(document: OrderDocument, clock: ApiClock) -> Document:
    ready_at = value_of(document.downloadable_at)
    is_ready = ready_at is None or ready_at <= clock.now()
    is_tried = is_ready or not clock.is_known
    return Document(id=document.id, ready_at=ready_at, is_ready=is_ready, is_tried=is_tried)
