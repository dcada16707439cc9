"""Orders with their tickets and documents, as answers show them."""

from typing import Final

from korus_mcp.answers import addresses
from korus_mcp.answers.explanations import explained
from korus_mcp.answers.seats import SeatInShort, seats_of
from korus_mcp.answers.views import (
    Moment,
    PagedView,
    Part,
    lines_of,
    moment_told,
    total_told,
)
from korus_mcp.api import ApiError
from korus_mcp.app import App
from korus_mcp.booking.documents import SOME_TIMES
from korus_mcp.booking.hold import total_of
from korus_mcp.booking.order_status import Standing, order_told
from korus_mcp.booking.tickets import Document, IssuedTickets, Ticket
from korus_mcp.foundation.paging import Mark, Pages, PageStart
from korus_mcp.foundation.refusals import TO_SUPPORT
from korus_mcp.foundation.text import clean_line

NOTHING_MORE: Final = "nothing more is needed."
NOT_GOT: Final = "For the PDFs call get_tickets with save: true, or read their addresses."


class TicketView(Part):
    """One admission."""

    ticket_id: str
    product: str
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
    def of(cls, ticket: Ticket, *, vouchers: bool) -> "TicketView":
        """The ticket as shown; its voucher number only on request."""
        return cls.read(
            ticket,
            ticket_id=ticket.id,
            seat=next(iter(seats_of([ticket.seat])), None) if ticket.seat is not None else None,
            # Only for tickets that need a name: others can be changed, but need not.
            beneficiary_fields_needed=list(ticket.needed) if ticket.is_waiting else [],
            deadline=ticket.deadline if ticket.is_waiting and ticket.needed else None,
            needed_elsewhere=list(ticket.needed_elsewhere) if ticket.is_waiting else [],
            # Whoever knows a voucher number is let in, so it is shown on request only.
            voucher=ticket.voucher if vouchers else None,
        )

    def text(self) -> str:
        """One or two lines of text."""
        seat = self.seat.text() if self.seat is not None else None
        facts = [self.when, seat, self.beneficiary and f"for {self.beneficiary}", self.status]
        facts.append(self.voucher and f"voucher {self.voucher}")
        fields, elsewhere = self.beneficiary_fields_needed, (*self.needed_elsewhere,)
        needs = [f"needs {', '.join(fields)}"] * bool(fields)
        needs += [f"by {self.deadline}"] * bool(self.deadline)
        told = [" ".join(needs), not_taken(elsewhere) if elsewhere else ""]
        return lines_of(
            f"{self.product}, {', '.join(f for f in facts if f)}; ticket_id {self.ticket_id}",
            f"  {'. '.join(filter(None, told))}" if any(told) else None,
        )


class DocumentView(Part):
    """A PDF of the order."""

    uri: str
    ready: bool
    ready_at: str | None = None
    saved_to: str | None = None

    @classmethod
    def of(cls, issued: IssuedTickets, document: Document) -> "DocumentView":
        """The document as shown."""
        # A time that is past would say nothing.
        at = None if document.is_ready else document.ready_at
        uri = addresses.document(issued.order.id, document.id)
        return cls(uri=uri, ready=document.is_ready, ready_at=moment_told(at))

    def text(self) -> str:
        """One line of text."""
        later = f"ready at {self.ready_at}" if self.ready_at else "not ready yet"
        when = "ready" if self.ready else later
        return f"PDF {self.uri}: {f'saved to {self.saved_to}' if self.saved_to else when}"


class TicketsView(PagedView):
    """An order with its tickets and documents."""

    order_id: str
    reference: str | None = None
    status: str
    total: str | None = None
    tickets_total: int | None = None
    tickets: list[TicketView] = []
    documents: list[DocumentView] = []
    environment: str

    def text(self) -> str:
        """Tickets and documents, and what to do next."""
        head = f"Order {self.reference or '?'} ({self.status}, {self.environment} environment)"
        total = f", total {self.total}" if self.total else ""
        part = f"{len(self.tickets)} of {self.tickets_total} tickets:"
        return lines_of(
            f"{head}{total}; order_id {self.order_id}",
            part if self.tickets_total is not None else None,
            *(ticket.text() for ticket in self.tickets),
            *(document.text() for document in self.documents),
            self.end,
        )


def ticket_pages(issued: IssuedTickets, cursor: Mark | None = None) -> Pages:
    """The pages of an order's tickets. A cursor is for the order's id, even if it was asked for by
    a reference.
    """
    return Pages.of("get_tickets", (issued.order.id,), cursor)


def whole_view(services: App, issued: IssuedTickets) -> TicketsView:
    """An order with all its tickets and documents, none of them fetched, without vouchers."""
    documents = [DocumentView.of(issued, document) for document in issued.documents]
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
    got: str = NOT_GOT,
    others: str | None = None,
) -> TicketsView:
    """An order with a page of its tickets, and these documents."""
    order = issued.order
    all_tickets = len(issued.tickets)
    has_more = page.stop < max(all_tickets, len(issued.documents))
    return TicketsView(
        order_id=order.id,
        reference=clean_line(order.reference or "", 60) or None,
        status=order_told(order),
        total=total_told(total_of(order)),
        tickets=[
            TicketView.of(t, vouchers=vouchers) for t in issued.tickets[page.start : page.stop]
        ],
        documents=documents,
        tickets_total=all_tickets if has_more or page.start else None,
        next_cursor=ticket_pages(issued).cursor(PageStart(page.stop) if has_more else None),
        environment=services.settings.environment.value,
        next=_next(issued, documents, got, others, has_more=has_more),
    )


def _next(
    issued: IssuedTickets,
    documents: list[DocumentView],
    got: str,
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
    if any(d.ready_at is None for d in unready):
        got = SOME_TIMES
    elif unready:
        got = "Call get_tickets again when the documents are ready."
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
