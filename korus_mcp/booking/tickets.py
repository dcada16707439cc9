"""Tickets of an order: who is named on them, and the documents that let people in."""

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import anyio
from anyio.abc import TaskGroup

from korus_mcp.api import (
    ApiError,
    BadRequest,
    BeneficiaryInput,
    Booking,
    NotFound,
    Outcome,
    Unprocessable,
)
from korus_mcp.api.models.order import (
    Beneficiary,
    Order,
    OrderDocument,
    OrderItem,
    OrderItemTicket,
)
from korus_mcp.booking.hold import BookedNames, seat_text, tickets_in
from korus_mcp.booking.names import ProductNames
from korus_mcp.booking.order_search import OrderSearch
from korus_mcp.booking.order_status import Standing, standing_of, status_told, word_of
from korus_mcp.booking.ports import ApiClock
from korus_mcp.booking.timing import ANSWER_SECONDS, RETRY_SECONDS, stopping
from korus_mcp.foundation.coalescing import Count, Flights, Told, begun_here, side_by_side
from korus_mcp.foundation.folding import is_same_name
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.private_files import NotPrivate, private_folder, write_new
from korus_mcp.foundation.refusals import Code, Effect, Refusal, not_given
from korus_mcp.foundation.text import clean_line
from korus_mcp.foundation.unread import Reading, Unread, at_place, day_of, value_of
from korus_mcp.journal.protocol import JournalDown

WAITING: Final = "waiting_beneficiary_data"
FIELD_NAMES: Final[Mapping[str, str]] = {
    "dateOfBirth": "date_of_birth",
    "placeOfBirth": "place_of_birth",
}
"""Required fields are named as in the API's bodies (A22); tools say them in snake_case."""
NOT_READY: Final = frozenset({400, 403, 404, 409, 422})
"""What an early request for a file may be answered with (A20)."""
GONE: Final = 410
LATE: Final = timedelta(minutes=10)
"""So long after its time a file may still be on its way."""
SOME_TIMES: Final = (
    "Call get_tickets again in some minutes. If the PDF is not given then, quote the reference to "
    "KorusTicket support: do not order again."
)
"""What to do about a file that may be ready or not; it ends."""
SIDE_BY_SIDE: Final = 4
"""Tickets named, and files fetched, at once."""
REMEMBERED: Final = 1000
"""Names sent, and files saved, that are known to this process."""
REMEMBERED_SECONDS: Final = 600
FETCHED_KEPT: Final = timedelta(minutes=2)
"""A host that gave up repeats its call at once."""
FETCHED_BYTES: Final = 8 * 1024 * 1024
"""Of all files kept for those who repeat a call."""
UNCLAIMED_KEPT: Final = timedelta(seconds=30)
"""How long an order that was read for a caller who left waits for their repeat."""
MOST_UNCLAIMED: Final = 32
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_ALWAYS_REQUIRED = ("firstname", "lastname")


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
        """Those of them for which it is not too late."""
        return tuple(t for t in self.waiting if not t.is_late)

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to come: documents are there, or somebody must act first."""
        is_over = self.standing in (Standing.CANCELLED, Standing.FAILED)
        if is_over or self.waiting or self.unlisted is not None:
            return True
        return bool(self.documents) and all(d.is_ready for d in self.documents)


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
    """The outcome for one ticket; `fields` are those missing or refused.

    `failed`: why a name that nobody looked at was not set; it can be sent again as it is.
    """

    ticket_id: str
    outcome: NamingOutcome
    fields: tuple[str, ...] = ()
    failed: ApiError | None = None


class TicketService:
    """Reads tickets, fetches documents, names beneficiaries."""

    def __init__(
        self,
        booking: Booking,
        orders: OrderSearch,
        *,
        names: ProductNames,
        clock: ApiClock,
        tasks: TaskGroup,
    ) -> None:
        self._booking = booking
        self._orders = orders
        self._names = names
        self._clock = clock
        self._flights = Flights(tasks)
        self._counts: dict[Hashable, Count] = {}
        self._turns: dict[str, anyio.Lock] = {}
        self._named: OrderedDict[str, tuple[BeneficiaryInput, datetime]] = OrderedDict()
        self._saved: OrderedDict[Hashable, tuple[Path, str]] = OrderedDict()
        self._fetched: OrderedDict[Hashable, tuple[bytes, datetime]] = OrderedDict()
        self._unclaimed: OrderedDict[Hashable, tuple[IssuedTickets, datetime]] = OrderedDict()
        self._namings = 0  # what was read before a ticket was named is not told after it
        self._lanes = anyio.CapacityLimiter(SIDE_BY_SIDE)
        self._closing = False

    def close(self) -> None:
        """Begin nothing that writes any more."""
        self._closing = True

    async def drain(self, seconds: float) -> None:
        """Begin nothing new and wait for names and files on their way, so long at most."""
        self.close()
        with anyio.move_on_after(seconds):
            await self._flights.landed()

    async def of_order(self, owner: str, id_or_reference: str, language: str) -> IssuedTickets:
        """The tickets and documents of an order as they are now.

        Raises:
            Refusal: NOT_FOUND.
            ApiError: the order cannot be read. Where its documents cannot be listed, it says so.
        """
        order = await self._orders.order(owner, id_or_reference, language)
        names = await self._names.for_orders([order], language)
        pages = self._booking.list_order_documents(order.id)
        listed: Sequence[OrderDocument] = ()
        unlisted: ApiError | None = None
        listed_in: int | None = None
        try:
            listed = await pages.all()
        except ApiError as error:
            unlisted = error
            if isinstance(error, NotFound):
                listed_in = await self._orders.shown_in(owner, order.id)
        return IssuedTickets(
            order=order,
            tickets=tuple(
                _ticket(item, ticket, names, self._clock)
                for item in order.items
                for ticket in item.tickets
            ),
            documents=tuple(_document(d, self._clock) for d in listed),
            has_unread_documents=pages.unreadable > 0,
            unlisted=unlisted,
            listed_in=listed_in,
        )

    async def issued(self, owner: str, id_or_reference: str, language: str) -> IssuedTickets:
        """The same for a caller who may leave: it is read on, and whoever repeats the call joins
        the reading, or gets what was read since and nobody was there for.

        Raises:
            Refusal: NOT_FOUND.
            ApiError: the order cannot be read.
        """
        asked = (self._namings, owner, id_or_reference, language)
        now = self._clock.now()
        for old in [a for a, (_, at) in self._unclaimed.items() if now - at >= UNCLAIMED_KEPT]:
            del self._unclaimed[old]
        if asked not in self._unclaimed:
            found = await self._flights.join(("issued", asked), partial(self._read_on, asked))
            self._unclaimed.pop(asked, None)
            return found
        return self._unclaimed.pop(asked)[0]

    async def _read_on(self, asked: tuple[int, str, str, str]) -> IssuedTickets:
        _, owner, id_or_reference, language = asked
        found = await self.of_order(owner, id_or_reference, language)
        self._unclaimed[asked] = (found, self._clock.now())
        while len(self._unclaimed) > MOST_UNCLAIMED:
            self._unclaimed.popitem(last=False)
        return found

    async def pdf_or_none(
        self, owner: str, order_id: str, document_id: str, language: str, *, lenient: bool
    ) -> bytes | None:
        """The same, or None while it is not ready; `lenient` also when it cannot be had now.

        Raises:
            Refusal: NOT_FOUND, or UPSTREAM_UNAVAILABLE.
            ApiError: it cannot be fetched.
        """
        try:
            return await self.pdf(owner, order_id, document_id, language)
        except Refusal as refusal:
            if lenient or refusal.code is Code.NOT_READY:
                return None
            raise
        except ApiError:
            if lenient:
                return None
            raise

    async def pdf(self, owner: str, order_id: str, document_id: str, language: str) -> bytes:
        """The bytes of a ready document. Its signed address is used once and never kept.

        Raises:
            Refusal: NOT_FOUND, or NOT_READY.
            ApiError: it cannot be fetched.
        """
        order = await self._orders.order(owner, order_id)
        try:
            link = await self._booking.create_order_document_link(
                order.id, document_id, language=language
            )
        except ApiError as error:
            if error.status in NOT_READY:
                raise await self._not_given_now(order.id, document_id) from None
            if error.status == GONE:
                raise not_given() from None
            if error.outcome is Outcome.UNKNOWN:  # asking again makes a new address, no more
                raise Refusal(
                    Code.UPSTREAM_UNAVAILABLE,
                    "KorusTicket did not say where the document is.",
                    "Call get_tickets again later.",
                    retry_after_seconds=5,
                ) from None
            raise
        return await self._booking.download_document(link)

    async def _not_given_now(self, order_id: str, document_id: str) -> Refusal:
        """Why a file is not given: its time has not come, or may just have, or is long past."""
        try:
            listed = await self._booking.list_order_documents(order_id).all()
        except ApiError:
            return _not_ready()
        told = next((d.downloadable_at for d in listed if d.id == document_id), None)
        ready_at, now = value_of(told), self._clock.now()
        if ready_at is None or not self._clock.is_known:
            return _not_ready()
        if ready_at <= now - LATE:
            return not_given()
        if ready_at <= now:
            return _not_ready()
        return Refusal(
            Code.NOT_READY,
            "This document is not ready.",
            "Call get_tickets for the documents and when they are ready.",
            retry_after_seconds=30,
        )

    async def fetched(self, where: tuple[str, str, str, str], most: int) -> bytes | None:
        """The bytes of a document of so many at most, nothing of a longer one; fetched now, or for
        a caller who left not long ago.

        `where` is as in `pdf`. None while it is not ready, see `pdf_or_none`.

        Raises:
            Refusal: NOT_FOUND, UPSTREAM_UNAVAILABLE.
            ApiError: it cannot be fetched.
        """
        return await self._flights.join(("fetch", where), partial(self._fetch, where, most))

    async def _fetch(self, where: tuple[str, str, str, str], most: int) -> bytes | None:
        now = self._clock.now()
        for old in [w for w, (_, at) in self._fetched.items() if now - at >= FETCHED_KEPT]:
            del self._fetched[old]
        if where in self._fetched:
            return self._fetched[where][0]
        async with self._lanes:
            content = await self.pdf_or_none(*where, lenient=False)
        if content is None:
            return None
        told = content if len(content) <= most else b""
        self._fetched[where] = (told, self._clock.now())
        while sum(len(kept) for kept, _ in self._fetched.values()) > FETCHED_BYTES:
            self._fetched.popitem(last=False)
        return told

    async def saved(self, where: tuple[str, str, str, str], folder: Path, stem: str) -> Path | None:
        """The file of a document, saved now or before: the caller may leave, it is saved.

        `where` is as in `pdf`. None while it is not ready, see `pdf_or_none`.

        Raises:
            Refusal: NOT_FOUND, UPSTREAM_UNAVAILABLE, MISCONFIGURED, SERVER_BUSY.
            ApiError: it cannot be fetched.
        """
        work = partial(self._save, where, folder, stem)
        return await self._flights.join(("save", where, folder), work)

    async def _save(self, where: tuple[str, str, str, str], folder: Path, stem: str) -> Path | None:
        known = self._saved.get((where, folder))
        if known is not None and await anyio.to_thread.run_sync(_is_still_there, *known):
            return known[0]
        if self._closing:
            raise stopping()
        async with self._lanes:
            content = await self.pdf_or_none(*where, lenient=False)
        if content is None:
            return None
        async with self._turn(str(folder)):
            path = await anyio.to_thread.run_sync(save_pdf, folder, stem, content)
        _remember(self._saved, (where, folder), (path, _digest(content)))
        return path

    async def name(
        self,
        owner: str,
        order_id: str,
        wished: Sequence[tuple[str, BeneficiaryInput]],
        language: str,
        told: Told | None = None,
    ) -> tuple[IssuedTickets, tuple[Naming, ...]]:
        """Name who uses each ticket. What is incomplete is not sent; each ticket has its outcome.

        The caller may leave; an equal call then joins, and later goes on where it stands. `told`
        hears how many tickets are done.

        Raises:
            Refusal: NOT_FOUND; OUTCOME_UNKNOWN when the issuer takes longer than a caller can wait.
            ApiError: the order cannot be read.
        """
        key = ("name", owner, order_id, language, tuple(wished))
        count = self._counts.setdefault(key, Count(len(wished)))
        with anyio.move_on_after(ANSWER_SECONDS):
            async with count.telling(told):
                return await self._flights.join(key, partial(self._name_all, key, count))
        raise _still_naming()

    async def _name_all(
        self, key: tuple[str, str, str, str, tuple[tuple[str, BeneficiaryInput], ...]], count: Count
    ) -> tuple[IssuedTickets, tuple[Naming, ...]]:
        _, owner, order_id, language, wished = key
        try:
            if self._closing:
                raise stopping()
            began = self._clock.now()
            issued = await self.of_order(owner, order_id, language)
            known = {t.id: t for t in issued.tickets}

            async def each(ticket_id: str, person: BeneficiaryInput) -> Naming:
                ticket = known.get(ticket_id)
                async with self._turn(ticket_id):
                    naming = await self._in_turn(issued.order.id, ticket, ticket_id, person, began)
                count.step()
                return naming

            steps = [partial(each, *wish) for wish in wished]
            outcomes = await side_by_side(steps, limit=SIDE_BY_SIDE)
            try:
                after = await self.of_order(owner, issued.order.id, language)
            except (ApiError, JournalDown, Refusal):
                after = _without_waiting(issued, outcomes)  # what was named must be told
            return after, tuple(outcomes)
        finally:
            self._counts.pop(key, None)

    async def _in_turn(
        self,
        order_id: str,
        ticket: Ticket | None,
        ticket_id: str,
        person: BeneficiaryInput,
        read_at: datetime,
    ) -> Naming:
        """Name one ticket, unless it has this name already: then nothing is sent again."""
        if ticket is not None and self._has_name(ticket, person, read_at):
            return Naming(ticket_id, NamingOutcome.NAMED)
        naming = await self._name_one(order_id, ticket, ticket_id, person)
        self._named.pop(ticket_id, None)
        if naming.outcome is NamingOutcome.NAMED:
            _remember(self._named, ticket_id, (person, self._clock.now()))
            self._saved.clear()  # files with the name before are no more the tickets
            self._fetched.clear()
            self._namings += 1
        return naming

    def _has_name(self, ticket: Ticket, person: BeneficiaryInput, read_at: datetime) -> bool:
        """Whether it was named so since the ticket was read, or the issuer shows it, all of it or
        as much as it shows of a name that was sent from here not long ago."""
        sent, at = self._named.get(ticket.id, (None, read_at))
        if sent == person and at >= read_at:
            return True
        shown = ticket.holder
        if shown is None or ticket.is_waiting:
            return False
        wished = {f.name: getattr(person, f.name) for f in dataclass_fields(person)}
        if all(value in (None, getattr(shown, name)) for name, value in wished.items()):
            return True
        is_fresh = (read_at - at).total_seconds() < REMEMBERED_SECONDS
        return sent == person and is_fresh and _is_named(shown, person)

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        """Alone among those with the same key."""
        turn = self._turns.setdefault(key, anyio.Lock())
        try:
            async with turn:
                yield
        finally:
            if not turn.statistics().tasks_waiting and not turn.locked():
                self._turns.pop(key, None)

    async def _name_one(
        self, order_id: str, ticket: Ticket | None, ticket_id: str, person: BeneficiaryInput
    ) -> Naming:
        if ticket is None:
            return Naming(ticket_id, NamingOutcome.UNKNOWN_TICKET)
        if not ticket.is_waiting and not ticket.amendable:
            is_so = ticket.holder is not None and _shows(ticket.holder, person)
            return Naming(ticket_id, NamingOutcome.NAMED if is_so else NamingOutcome.LOCKED)
        if self._is_late(ticket):
            return Naming(ticket_id, NamingOutcome.TOO_LATE)
        missing = tuple(f for f in ticket.needed if not getattr(person, f, None))
        if missing:
            return Naming(ticket_id, NamingOutcome.MISSING_FIELDS, missing)
        return await self._send_name(order_id, ticket, person)

    def _is_late(self, ticket: Ticket) -> bool:
        return _is_over(ticket.deadline, self._clock)

    async def _send_name(self, order_id: str, ticket: Ticket, person: BeneficiaryInput) -> Naming:
        where = (order_id, ticket.item_id, ticket.id)
        try:
            named = await self._booking.set_ticket_beneficiary(
                *where, person, on_leaving=begun_here().mark
            )
        except Unprocessable as error:
            fields = (path.rpartition(".")[2] for path, _ in error.violations)
            return Naming(ticket.id, NamingOutcome.REFUSED, _snake(fields))
        except (BadRequest, NotFound):
            return Naming(ticket.id, NamingOutcome.REFUSED)
        except ApiError as error:
            if error.outcome is not Outcome.UNKNOWN:
                return Naming(ticket.id, NamingOutcome.NOT_SENT, failed=error)
            return await self._look_at_name(where, person)
        return Naming(ticket.id, _outcome(named, person))

    async def _look_at_name(self, where: tuple[str, str, str], person: BeneficiaryInput) -> Naming:
        """After a lost answer: the ticket itself tells whether it was named."""
        try:
            found = await self._booking.get_order_item_ticket(*where)
        except ApiError:
            return Naming(where[2], NamingOutcome.UNKNOWN)
        return Naming(where[2], _outcome(found, person))


def save_pdf(folder: Path, stem: str, content: bytes) -> Path:
    """Write a PDF for its owner alone, under a name that was free, or find it there; nothing is
    ever overwritten.

    Raises:
        Refusal: MISCONFIGURED when the folder cannot be written, or is not the user's own.
    """
    try:
        private_folder(folder, ours="tickets-", is_read_again=False)
        for number in range(1, 1000):
            path = folder / (f"{stem}.pdf" if number == 1 else f"{stem}-{number}.pdf")
            try:
                write_new(path, content)
            except FileExistsError:
                if _is_copy(path, content):
                    return path
                continue
            return path
    except NotPrivate:
        raise no_folder(
            "The download folder is a link, another user's, or anybody may write it."
        ) from None
    except OSError:
        pass
    raise no_folder("The download folder cannot be written.")


def no_folder(message: str) -> Refusal:
    """The refusal to save a file where there is no folder for it."""
    return Refusal(
        Code.MISCONFIGURED,
        message,
        "Read the document through its resource link, or set KORUS_DOWNLOAD_DIR.",
    )


def _not_ready() -> Refusal:
    return Refusal(
        Code.NOT_READY,
        "KorusTicket does not give this document now, or it is not one of this order.",
        SOME_TIMES,
        retry_after_seconds=30,
    )


def _is_still_there(path: Path, digest: str) -> bool:
    """Whether a file of our own has this content."""
    try:
        return path.is_file() and not path.is_symlink() and _digest(path.read_bytes()) == digest
    except OSError:
        return False


def _is_copy(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and _is_still_there(path, _digest(content))
    except OSError:
        return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _remember(known: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    known[key] = value
    while len(known) > REMEMBERED:
        known.popitem(last=False)


def _still_naming() -> Refusal:
    return Refusal(
        Code.OUTCOME_UNKNOWN,
        "The issuer takes long: some names may have been set, the others are under way.",
        "Call name_beneficiaries again with the same arguments: no name is sent twice.",
        effect=Effect.UNKNOWN,
        retry_after_seconds=RETRY_SECONDS,
    )


def _without_waiting(issued: IssuedTickets, outcomes: Iterable[Naming]) -> IssuedTickets:
    named = {n.ticket_id for n in outcomes if n.outcome is NamingOutcome.NAMED}
    tickets = (replace(t, is_waiting=t.is_waiting and t.id not in named) for t in issued.tickets)
    return replace(issued, tickets=tuple(tickets))


def _is_named(shown: Beneficiary, person: BeneficiaryInput) -> bool:
    return is_same_name(shown.firstname or "", person.firstname) and is_same_name(
        shown.lastname or "", person.lastname
    )


def _shows(shown: Beneficiary, person: BeneficiaryInput) -> bool:
    """Whether a ticket that takes no name any more has this one, and contradicts nothing else."""
    names = ("firstname", "lastname")
    rest = (f.name for f in dataclass_fields(person) if f.name not in names)
    both = ((getattr(shown, name), getattr(person, name)) for name in rest)
    return _is_named(shown, person) and all(None in pair or pair[0] == pair[1] for pair in both)


def _outcome(ticket: OrderItemTicket, person: BeneficiaryInput) -> NamingOutcome:
    shown = ticket.beneficiary
    same = shown is not None and _is_named(shown, person)
    return (
        NamingOutcome.NAMED if same and word_of(ticket.status) != WAITING else NamingOutcome.UNKNOWN
    )


def _is_over(deadline: datetime | Unread | None, clock: ApiClock) -> bool:
    """By the API's clock; while nobody knows that, the issuer has to say."""
    is_past = isinstance(deadline, datetime) and deadline <= clock.now()
    return is_past and clock.is_known


def _ticket(
    item: OrderItem, ticket: OrderItemTicket, names: BookedNames, clock: ApiClock
) -> Ticket:
    seat_is_unread = isinstance(ticket.seating, Unread)
    return Ticket(
        id=ticket.id,
        item_id=item.id,
        product=names.products.get(id_at_end(item.product) or "", "(unnamed product)"),
        when=_when(item, ticket, names),
        seat="a seat that cannot be read" if seat_is_unread else seat_text(ticket.seating),
        is_waiting=word_of(ticket.status) == WAITING,
        status=status_told(ticket.status),
        beneficiary=_holder(ticket),
        needed=_needed(ticket),
        deadline=ticket.beneficiary_designation_deadline,
        # Without a status nobody knows that it is locked: the issuer will say.
        amendable=ticket.beneficiary_amendable is not False or not isinstance(ticket.status, str),
        voucher=clean_line(ticket.voucher, 80) if ticket.voucher else None,
        holder=ticket.beneficiary,
        is_late=_is_over(ticket.beneficiary_designation_deadline, clock),
    )


def _when(item: OrderItem, ticket: OrderItemTicket, names: BookedNames) -> str | None:
    """The moment, else the day; in words where one of them is told in a form nobody can read."""
    zone = names.zone(item.product)
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
    """What has to be known of the holder: all there is, where that cannot be read."""
    required = ticket.required_beneficiary_fields
    if isinstance(required, Unread):
        return tuple(field.name for field in dataclass_fields(BeneficiaryInput))
    return _snake(dict.fromkeys((*_ALWAYS_REQUIRED, *required)))


def _holder(ticket: OrderItemTicket) -> str | None:
    person = ticket.beneficiary
    if person is None:
        return None
    return clean_line(" ".join(p for p in (person.firstname, person.lastname) if p), 120) or None


def _snake(fields: Iterable[str]) -> tuple[str, ...]:
    """Field names as tools say them; a name outside the API's own is not repeated."""
    known = {f.name for f in dataclass_fields(BeneficiaryInput)}
    named = (FIELD_NAMES.get(field, field) for field in fields)
    return tuple(field for field in named if field in known)


def _document(document: OrderDocument, clock: ApiClock) -> Document:
    ready_at = value_of(document.downloadable_at)
    is_ready = ready_at is None or ready_at <= clock.now()
    is_tried = is_ready or not clock.is_known
    return Document(id=document.id, ready_at=ready_at, is_ready=is_ready, is_tried=is_tried)
