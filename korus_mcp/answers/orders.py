"""Orders with their tickets and documents, as answers show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

from korus_mcp.answers import addresses
from korus_mcp.answers.explanations import explained
from korus_mcp.answers.seats import SeatInShort, seats_of
from korus_mcp.answers.views import (
    Moment,
    PagedView,
    Part,
    Price,
    lines_of,
    moment_told,
    total_told,
)
from korus_mcp.api import ApiError
from korus_mcp.app import App
from korus_mcp.booking.documents import SOME_TIMES
from korus_mcp.booking.hold import total_of, untaxed_total_of
from korus_mcp.booking.order_status import Standing, number_of, order_told
from korus_mcp.booking.tickets import Document, IssuedTickets, Ticket
from korus_mcp.foundation.paging import Mark, Pages, PageStart
from korus_mcp.foundation.refusals import TO_SUPPORT
from korus_mcp.foundation.unread import value_of

NOTHING_MORE: Final = "nothing more is needed."
DOWNLOADS: Final = "the download folder"
IN_REPLY: Final = "its reply"
_VALID: Final = {"validated": "valid"}
"""The API's word for a ticket that waits for nothing: it reads as if it had been used."""


class TicketView(Part):
    """One admission."""

    ticket_id: str
    product: str
    admits_to: str | None = None
    """Which of the tickets of one product this is: "entry", good all day, or "session"."""
    when: str | None = None
    seat: SeatInShort = None
    status: str
    beneficiary: str | None = None
    beneficiary_fields_needed: list[str] = []
    deadline: Moment = None
    needed_elsewhere: list[str] = []
    """What the issuer needs besides, and nobody can give here."""
    voucher: str | None = None

    @classmethod
    def of(cls, ticket: Ticket, *, vouchers: bool, admits_to: str | None = None) -> "TicketView":
        """The ticket as shown; its voucher number only on request."""
        return cls.read(
            ticket,
            ticket_id=ticket.id,
            admits_to=admits_to,
            status=_VALID.get(ticket.status, ticket.status),
            seat=next(iter(seats_of([ticket.seat])), None) if ticket.seat is not None else None,
            # Only for tickets that need a name: others can be changed, but need not.
            beneficiary_fields_needed=list(ticket.needed) if ticket.is_waiting else [],
            deadline=ticket.deadline if ticket.is_waiting and ticket.needed else None,
            needed_elsewhere=list(ticket.needed_elsewhere) if ticket.is_waiting else [],
            # Whoever knows a voucher number is let in, so it is shown on request only.
            voucher=ticket.voucher if vouchers else None,
        )

    @property
    def told(self) -> tuple[str, str]:
        """What is said of it and what it needs, without its id: equal where tickets are alike."""
        seat = self.seat.text() if self.seat is not None else None
        facts = [self.product, self.admits_to, self.when, seat]
        facts += [self.beneficiary and f"for {self.beneficiary}", self.status]
        facts.append(self.voucher and f"voucher {self.voucher}")
        fields, elsewhere = self.beneficiary_fields_needed, (*self.needed_elsewhere,)
        needs = [f"needs {', '.join(fields)}"] * bool(fields)
        needs += [f"by {self.deadline}"] * bool(self.deadline)
        asked = [" ".join(needs), not_taken(elsewhere) if elsewhere else ""]
        return ", ".join(filter(None, facts)), ". ".join(filter(None, asked))

    def text(self) -> str:
        """One or two lines of text."""
        return lines_of(*_folded([self]))


def _folded(tickets: Sequence[TicketView]) -> list[str]:
    """Tickets as lines of text, those that are alike as one, with all their ids."""
    alike: dict[tuple[str, str], list[str]] = {}
    for ticket in tickets:
        alike.setdefault(ticket.told, []).append(ticket.ticket_id)
    return [
        lines_of(
            f"{f'{len(ids)} x ' if len(ids) > 1 else ''}{facts}; ticket_id {', '.join(ids)}",
            f"  {needs}" if needs else None,
        )
        for (facts, needs), ids in alike.items()
    ]


class DocumentView(Part):
    """A PDF of the order. Its address is told once there is something to read at it."""

    name: str
    uri: str | None = None
    ready: bool
    ready_at: str | None = None
    ready_in: int | None = None
    """Seconds until it is ready, as far as the API's time is known."""
    saved_to: str | None = None

    @classmethod
    def of(
        cls,
        issued: IssuedTickets,
        document: Document,
        now: datetime,
        *,
        is_ready: bool | None = None,
    ) -> "DocumentView":
        """The document as shown. `is_ready`: what was seen, where it was just asked for."""
        ready = document.is_ready if is_ready is None else is_ready
        # A time that is past would say nothing.
        at = None if ready or document.is_ready else document.ready_at
        # If the API's time is not known it is tried all the same: how long it takes nobody knows.
        left = None if at is None or document.is_tried else (at - now).total_seconds()
        return cls(
            name=f"{stem_of(issued, document)}.pdf",
            uri=addresses.document(issued.order.id, document.id) if ready else None,
            ready=ready,
            ready_at=moment_told(at),
            ready_in=None if left is None else max(1, ceil(left)),
        )

    def text(self) -> str:
        """One line of text; of a saved file its path, which ends with its name."""
        if self.saved_to:
            return f"PDF saved to {self.saved_to}"
        when = f"ready at {self.ready_at}" if self.ready_at else "not ready yet"
        if self.ready_in is not None:
            when = f"ready in about {self.ready_in} s, at {self.ready_at}"
        if self.ready:
            when = "ready"
        return f"PDF {' '.join(filter(None, (self.name, self.uri)))}: {when}"


def stem_of(issued: IssuedTickets, document: Document | None = None) -> str:
    """The name of an order's file, without its ending: from the order's reference, else its id; of
    several documents the second ends in -2.
    """
    # Only plain letters, digits and dashes: other characters of a reference could form a path.
    kept = "".join(
        c for c in issued.order.reference or "" if (c.isascii() and c.isalnum()) or c == "-"
    )
    number = issued.documents.index(document) + 1 if document is not None else 1
    return f"tickets-{kept[:40] or issued.order.id}{f'-{number}' if number > 1 else ''}"


class TicketsView(PagedView):
    """An order with its tickets and documents."""

    order_id: str
    reference: str | None = None
    status: str
    total: str | None = None
    net: Price = None
    """The total without tax, where the issuer states it."""
    tickets_total: int | None = None
    tickets: list[TicketView] = []
    documents: list[DocumentView] = []
    calendar: str | None = None
    """The path of the order's calendar file, or its address where it is in the reply."""
    environment: str

    def text(self) -> str:
        """Tickets and documents, and what to do next."""
        head = f"Order {self.reference or '?'} ({self.status}, {self.environment} environment)"
        total = f", total {self.total}" if self.total else ""
        total += f" ({self.net} before tax)" if self.net else ""
        part = f"{len(self.tickets)} of {self.tickets_total} tickets:"
        return lines_of(
            f"{head}{total}; order_id {self.order_id}",
            part if self.tickets_total is not None else None,
            *_folded(self.tickets),
            *(document.text() for document in self.documents),
            f"Calendar: {self.calendar}" if self.calendar else None,
            self.end,
        )


def ticket_pages(issued: IssuedTickets, cursor: Mark | None = None) -> Pages:
    """The pages of an order's tickets. A cursor is for the order's id, even if it was asked for by
    a reference.
    """
    return Pages.of("get_tickets", (issued.order.id,), cursor)


def whole_view(services: App, issued: IssuedTickets) -> TicketsView:
    """An order with all its tickets and documents, none of them fetched, without vouchers."""
    now = services.api.now()
    documents = [DocumentView.of(issued, document, now) for document in issued.documents]
    # Row n of an answer is ticket n and document n, so there are as many rows as the longer list.
    everything = range(max(len(issued.tickets), len(documents)))
    return order_view(services, issued, documents, everything, vouchers=False)


def order_view(
    services: App,
    issued: IssuedTickets,
    documents: list[DocumentView],
    page: range,
    *,
    vouchers: bool,
    got: str | None = None,
    saved_in: str = DOWNLOADS,
    others: str | None = None,
    calendar: str | None = None,
) -> TicketsView:
    """An order with a page of its tickets, and these documents. `got`: what became of the files
    that were asked for, None where none were; `saved_in`: where they would be saved; `calendar`:
    where its calendar file is, if it was got.
    """
    order = issued.order
    all_tickets = len(issued.tickets)
    has_more = page.stop < max(all_tickets, len(issued.documents))
    admits_to = _admits_to(issued)
    return TicketsView(
        order_id=order.id,
        reference=number_of(order),
        status=order_told(order),
        total=total_told(total_of(order)),
        net=untaxed_total_of(order),
        tickets=[
            TicketView.of(t, vouchers=vouchers, admits_to=admits_to.get(t.id))
            for t in issued.tickets[page.start : page.stop]
        ],
        documents=documents,
        calendar=calendar,
        tickets_total=all_tickets if has_more or page.start else None,
        next_cursor=ticket_pages(issued).cursor(PageStart(page.stop) if has_more else None),
        environment=services.settings.environment.value,
        note=_several_each(issued),
        next=_next(issued, documents, _Files(got, saved_in), others, has_more=has_more),
    )


def _admits_to(issued: IssuedTickets) -> Mapping[str, str]:
    """By ticket id, what those tickets admit to of which a product has two kinds."""
    of_items: dict[str, list[Ticket]] = {}
    for ticket in issued.tickets:
        of_items.setdefault(ticket.item_id, []).append(ticket)
    # An order names none of its tickets: they differ in that only some have a moment of their own.
    mixed = [each for each in of_items.values() if len({t.has_moment for t in each}) > 1]
    return {t.id: "session" if t.has_moment else "entry" for each in mixed for t in each}


def _several_each(issued: IssuedTickets) -> str | None:
    """A sentence for an order with more tickets than were bought, such as an entry and a show."""
    for item in issued.order.items:
        bought, tickets = value_of(item.quantity), len(item.tickets)
        if bought and bought < tickets and not tickets % bought:
            return f"Each of the {bought} bought has {tickets // bought} tickets."
    return None


@dataclass(frozen=True)
class _Files:
    """What is said of an order's files, all ready or not; `got` and `saved_in` as `order_view`."""

    got: str | None
    saved_in: str

    @property
    def ready(self) -> str:
        """The sentence where all of them are ready."""
        if self.got is not None:
            return self.got
        return (
            f"If the person wants the PDFs: get_tickets with save: true puts them in "
            f"{self.saved_in}; or read their addresses."
        )

    def later(self, unready: Sequence[DocumentView], *, of: int) -> str:
        """The sentence while some are not ready, of which is known when they will be."""
        left = [document.ready_in for document in unready if document.ready_in is not None]
        when = f"in about {max(left)} s" if len(left) == len(unready) else "when they are ready"
        if self.got is None:
            return (
                f"If the person wants the PDFs: get_tickets with save: true {when} puts them in "
                f"{self.saved_in}."
            )
        if len(unready) < of:
            return f"Not all PDFs are ready yet: make the same call again {when}."
        return f"Not ready, nothing saved yet: make the same call again {when}."


def _next(
    issued: IssuedTickets,
    documents: list[DocumentView],
    files: _Files,
    others: str | None,
    *,
    has_more: bool,
) -> str:
    """The one next step. `others` says how to get the files of other pages, if there are any."""
    # What a buyer must know goes first: that there is no order any more, that its state is not
    # known, then what they have to do, and last what the issuer will do.
    if issued.is_cancelled:
        return "The issuer cancelled this order. Quote the reference to KorusTicket support."
    if issued.unread:
        return (
            f"KorusTicket's answer is not clear: {issued.unread[0]} cannot be read. Quote the "
            "reference to its support before relying on this order."
        )
    if issued.standing is Standing.FAILED:
        return f"The issuer says that this order failed. {TO_SUPPORT}"
    if issued.standing is Standing.OVER:
        return f"The issuer says that this order is over, or a part of it. {TO_SUPPORT}"
    is_idle = not (issued.waiting or issued.documents)
    if issued.standing is Standing.OVERDUE and is_idle:
        return f"The issuer has still not confirmed this order. {TO_SUPPORT}"
    if issued.standing is Standing.UNCONFIRMED and is_idle:
        return (
            "The issuer has not confirmed this order yet: do not order again. Call get_tickets "
            "again in a minute."
        )
    # Documents are made only once the names are given.
    if issued.waiting:
        return " ".join(filter(None, (_naming(issued), others)))
    if issued.listed_in is not None:
        return (
            "KorusTicket does not show the documents yet. Do not order again. Call get_tickets "
            f"again in {issued.listed_in} s."
        )
    if issued.unlisted is not None:
        return _unlisted(issued.unlisted)
    if not issued.documents:
        return "No document yet; call get_tickets again in a minute."
    unready = [d for d in documents if not d.ready]
    got = files.ready
    if any(d.ready_at is None for d in unready):
        got = SOME_TIMES
    elif unready:
        got = files.later(unready, of=len(documents))
    # All is done for this page, but there are others.
    elif others is not None and got.endswith(NOTHING_MORE):
        return others
    elif has_more and others is None:
        got = got.replace(NOTHING_MORE, "the cursor lists the other tickets.")
    return " ".join(filter(None, (got, others)))


def _naming(issued: IssuedTickets) -> str:
    said = []
    # If some cannot be named, what can still be done goes first.
    if issued.nameable:
        said.append(
            "Call name_beneficiaries for the tickets that need a name; documents come after."
        )
    if late := sum(ticket.is_late for ticket in issued.waiting):
        said.append(f"For {late} of the tickets it is too late to set a name.")
    if barred := issued.not_nameable:
        fields = dict.fromkeys(field for ticket in barred for field in ticket.needed_elsewhere)
        said.append(f"For {len(barred)} of the tickets no name can be set. {not_taken((*fields,))}")
    if late or barred:
        said.append(TO_SUPPORT)
    return " ".join(said)


def not_taken(fields: tuple[str, ...]) -> str:
    """A sentence about fields that the issuer needs and the API does not take."""
    return f"The issuer also needs {', '.join(fields)}, which cannot be given here."


def _unlisted(error: ApiError) -> str:
    """The next step if the tickets could be read but their documents could not be listed."""
    refusal = explained(error)
    # Trying again cannot help if they are gone for good.
    if refusal.next_step == TO_SUPPORT:
        return f"The documents cannot be had: KorusTicket does not show them. {TO_SUPPORT}"
    wait = refusal.retry_after_seconds
    then = refusal.next_step if wait is None else f"Call get_tickets again in {wait} s."
    return f"The documents could not be read. {refusal.message} {then} Do not order again."
