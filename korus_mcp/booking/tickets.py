"""Tickets of an order as a buyer sees them, and the documents that let people in."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import date, datetime, tzinfo
from functools import partial
from typing import Final, TypeAlias

from cachetools import TTLCache

from korus_mcp.api import ApiError, BeneficiaryInput, Booking, NotFound
from korus_mcp.api.models.order import Beneficiary, Order, OrderDocument, OrderItem, OrderItemTicket
from korus_mcp.booking.hold import BookedNames, Seat, seat_of, tickets_in
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.operations import Operations
from korus_mcp.booking.order_search import OrderSearch
from korus_mcp.booking.order_status import Standing, standing_of, status_told, word_of
from korus_mcp.booking.ports import ApiClock, seconds_of
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import (
    Reading,
    Unread,
    at_place,
    by_clock,
    day_of,
    moment,
    value_of,
)
from korus_mcp.journal.records import JournalDown

_WAITING: Final = "waiting_beneficiary_data"
_UNREAD_SEAT: Final = Seat((("a seat that cannot be read", ""),))
_MARKS: Final = re.compile(r"[\W_]+")
FIELD_NAMES: Final[Mapping[str, str]] = {
    field.name.replace("_", ""): field.name for field in dataclass_fields(BeneficiaryInput)
}
"""The API's name of a field of a beneficiary (A22) -> the tools' name. The API's is in lower case
and without `_`, so that any spelling of it is found."""
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)
ODD_NAME: Final = "a field whose name is not plain"
"""Shown in place of an issuer's field name that is not plain: such a text could say anything."""
MOST_OTHER_FIELDS: Final = 8
"""At most so many field names that are not the API's are shown."""
UNCLAIMED_SECONDS: Final = 30
"""How long an order that was read for a caller who left is kept for their repeated call."""
MOST_UNCLAIMED: Final = 32
_NOT_WAITED_FOR: Final = {Standing.CANCELLED, Standing.FAILED, Standing.OVER, Standing.OVERDUE}
_ALWAYS_REQUIRED = ("firstname", "lastname")
_Asked: TypeAlias = tuple[int, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """One admission as a buyer sees it."""

    id: str
    item_id: str
    product: str
    when: str | None
    seat: Seat | None
    is_waiting: bool
    status: str
    beneficiary: str | None
    needed: tuple[str, ...]
    """The fields of its holder to be given."""
    deadline: datetime | Unread | None
    amendable: bool
    voucher: str | None
    holder: Beneficiary | None = None
    needed_elsewhere: tuple[str, ...] = ()
    """Fields that the issuer needs and the API does not take: the ticket cannot be named here."""
    is_late: bool = False
    """Whether the deadline for its name had passed when it was read."""
    starts: date | None = None
    """When it admits: a moment of its own, such as a session, or a day; None where it is good on
    any day, or that cannot be read."""

    @property
    def has_moment(self) -> bool:
        """Whether it admits at a moment of its own, and not all day."""
        return isinstance(self.starts, datetime)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file of an order; `ready_at` is the first moment at which it can be fetched.

    `is_tried`: it is fetched although it may not be ready, because `ready_at` is missing or cannot
    be read, or because it is not reached by our own clock only.
    """

    id: str
    ready_at: datetime | None
    is_ready: bool
    is_tried: bool = True


@dataclass(frozen=True, kw_only=True)
class IssuedTickets:
    """An order with its tickets and documents."""

    order: Order
    standing: Standing
    """Whether the order was valid when it was read."""
    tickets: tuple[Ticket, ...]
    documents: tuple[Document, ...]
    has_unread_documents: bool = False
    """Whether there are further documents, which cannot be read and so not be fetched."""
    unlisted: ApiError | None = None
    """Why the documents could not be listed."""
    listed_in: int | None = None
    """If the order is so new that its documents may not be listed yet: after how many seconds to
    ask again."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the issuer took the booking back."""
        return self.standing is Standing.CANCELLED

    @property
    def unread(self) -> tuple[str, ...]:
        """What of the order could not be read, in words for a person."""
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
        """The tickets that need a name before their documents are made."""
        return tuple(t for t in self.tickets if t.is_waiting)

    @property
    def nameable(self) -> tuple[Ticket, ...]:
        """The tickets that need a name and can still be given one."""
        return tuple(t for t in self.waiting if not t.is_late and not t.needed_elsewhere)

    @property
    def not_nameable(self) -> tuple[Ticket, ...]:
        """The tickets that need a name in time, but also fields that the API does not take."""
        return tuple(t for t in self.waiting if not t.is_late and t.needed_elsewhere)

    @property
    def is_complete(self) -> bool:
        """Whether waiting is pointless: all documents are there, or will not come by themselves."""
        if self.standing in _NOT_WAITED_FOR or self.waiting or self.unlisted is not None:
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
    """How many tickets were named so far. What was read before the last of them is out of date."""
    unclaimed: TTLCache[_Asked, IssuedTickets] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.unclaimed = TTLCache(MOST_UNCLAIMED, UNCLAIMED_SECONDS, seconds_of(self.clock))

    async def of_order(self, owner: str, id_or_reference: str, language: str) -> IssuedTickets:
        """The tickets and documents of an order as they are now.

        Raises:
            Refusal: NOT_FOUND.
            ApiError: the order cannot be read.
        """
        # If the documents cannot be listed, the tickets are returned, and `unlisted` says why.
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
                # If the journal cannot be read, the tickets are still the answer.
                with suppress(JournalDown):
                    listed_in = await self.orders.shown_in(owner, order.id)
        return IssuedTickets(
            order=order,
            standing=standing_of(order, self.clock.now()),
            tickets=tuple(
                _ticket(item, ticket, names, self.clock)
                for item in order.items
                for ticket in item.tickets
            ),
            documents=tuple(_document(d, self.clock, names.zone_of_all) for d in listed),
            has_unread_documents=pages.unreadable > 0,
            unlisted=unlisted,
            listed_in=listed_in,
        )

    async def issued(self, owner: str, id_or_reference: str, language: str) -> IssuedTickets:
        """The same as `of_order`, for a caller who may leave before it is read.

        The reading then goes on, and a repeated call joins it or gets its result.

        Raises:
            Refusal: NOT_FOUND.
            ApiError: the order cannot be read.
        """
        # A host that gives a call up repeats it within seconds. Without this it would never see an
        # order that takes longer to read than the host waits.
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
    """Whether a ticket needs a name before its document is made."""
    return word_of(ticket.status) == _WAITING


def is_over(deadline: datetime | Unread | None, clock: ApiClock) -> bool:
    """Whether it is too late for a name. False while the API's time is not known."""
    # Then the name is sent, and the issuer accepts or refuses it.
    is_past = isinstance(deadline, datetime) and deadline <= clock.now()
    return is_past and clock.is_known


def _ticket(
    item: OrderItem, ticket: OrderItemTicket, names: BookedNames, clock: ApiClock
) -> Ticket:
    seat_is_unread, holder = isinstance(ticket.seating, Unread), ticket.beneficiary
    names_told = (holder.firstname, holder.lastname) if holder is not None else ()
    needed, needed_elsewhere = _needed(ticket)
    deadline = ticket.beneficiary_designation_deadline
    if isinstance(deadline, datetime):
        deadline = by_clock(deadline, names.zone(item.product))
    return Ticket(
        id=ticket.id,
        item_id=item.id,
        product=names.product(item.product),
        when=_when(item, ticket, names),
        seat=_UNREAD_SEAT if seat_is_unread else seat_of(ticket.seating),
        is_waiting=is_waiting(ticket),
        status=status_told(ticket.status),
        beneficiary=clean_line(" ".join(name for name in names_told if name), 120) or None,
        needed=needed,
        needed_elsewhere=needed_elsewhere,
        deadline=deadline,
        # Without a readable status it may not be locked: then the issuer decides.
        amendable=ticket.beneficiary_amendable is not False or not isinstance(ticket.status, str),
        voucher=clean_line(ticket.voucher, 80) if ticket.voucher else None,
        holder=holder,
        is_late=is_over(deadline, clock),
        starts=_starts(item, ticket, names),
    )


def _starts(item: OrderItem, ticket: OrderItemTicket, names: BookedNames) -> date | None:
    """When a ticket admits: its own moment, which is more exact than the day of its item, else that
    day. None without either, and where it cannot be read.
    """
    zone = names.zone(item.product)
    if ticket.occurs_at is None:
        return value_of(day_of(item.date, zone))
    at = value_of(ticket.occurs_at)
    return None if at is None else at_place(at, zone)


def _when(item: OrderItem, ticket: OrderItemTicket, names: BookedNames) -> str | None:
    """When a ticket admits, as text: a moment, else a day; in words where that cannot be read."""
    starts = _starts(item, ticket, names)
    if isinstance(starts, datetime):
        return moment(starts)
    day = day_of(item.date, names.zone(item.product))
    if isinstance(day, Unread):
        return "a day that cannot be read"
    shown = day.isoformat() if day is not None else None
    if isinstance(ticket.occurs_at, Unread):
        return f"{shown}, at a time that cannot be read" if shown else "a time that cannot be read"
    return shown


def _needed(ticket: OrderItemTicket) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of its holder that a ticket needs, as `fields_named` returns them; all fields, if
    the list cannot be read.
    """
    required = ticket.required_beneficiary_fields
    if isinstance(required, Unread):
        return tuple(FIELD_NAMES.values()), ()
    return fields_named((*_ALWAYS_REQUIRED, *required))


def fields_named(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sort field names of a beneficiary: those that the API takes, in the tools' spelling, and the
    others. A name may be a path that ends with the field.
    """
    known, others = dict[str, None](), dict[str, None]()
    for name in names:
        last = name.rpartition(".")[2].strip()
        field = FIELD_NAMES.get(_MARKS.sub("", last).casefold())
        if field is not None:
            known[field] = None
        elif last:
            others[last if _PLAIN_NAME.fullmatch(last) else ODD_NAME] = None
    return tuple(known), tuple(others)[:MOST_OTHER_FIELDS]


def _document(document: OrderDocument, clock: ApiClock, zone: tzinfo | None) -> Document:
    told = value_of(document.downloadable_at)
    ready_at = None if told is None else by_clock(told, zone)
    is_ready = ready_at is None or ready_at <= clock.now()
    is_tried = is_ready or not clock.is_known
    return Document(id=document.id, ready_at=ready_at, is_ready=is_ready, is_tried=is_tried)
