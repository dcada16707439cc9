"""name_beneficiaries: tell the issuer who uses each ticket."""

from functools import partial
from itertools import chain
from typing import Annotated

from pydantic import ConfigDict, Field

from korus_mcp.answers.explanations import explained
from korus_mcp.answers.orders import not_taken
from korus_mcp.answers.views import Part, View, lines_of
from korus_mcp.api import BeneficiaryInput
from korus_mcp.app import app_of
from korus_mcp.booking.naming import Naming, NamingOutcome
from korus_mcp.booking.tickets import IssuedTickets
from korus_mcp.foundation.refusals import TO_SUPPORT, Faults, FieldProblem, Refusal, invalid
from korus_mcp.tools.arguments import Day, Sendable, TicketId
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given, check_order
from korus_mcp.tools.people import Country, Email, OfAPerson, Phone, Title


class Person(OfAPerson):
    """Who uses one ticket."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ticket_id: TicketId
    firstname: Annotated[Sendable, Field(examples=["Ada"])]
    lastname: Annotated[Sendable, Field(examples=["Lovelace"])]
    title: Title | None = None
    date_of_birth: Annotated[Day | None, Field(examples=["2000-01-01"])] = None
    place_of_birth: Sendable | None = None
    nationality: Country | None = None
    email: Email | None = None
    phone: Phone | None = None

    @property
    def holder(self) -> BeneficiaryInput:
        """The person as the API takes it."""
        return BeneficiaryInput(**self.model_dump(exclude={"ticket_id"}))


class NamingView(Part):
    """What became of tickets: those with the same outcome stand together."""

    outcome: NamingOutcome
    fields: list[str] = []
    ticket_ids: list[str]

    def text(self) -> str:
        """One line of text."""
        fields = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.outcome.value}{fields}: ticket_id {', '.join(self.ticket_ids)}"


class NamingsView(View):
    """What became of each ticket."""

    order_id: str
    still_waiting: int = 0
    tickets: list[NamingView]
    environment: str

    def text(self) -> str:
        """A line for each outcome, and what to do next."""
        named = [ticket.text() for ticket in self.tickets]
        waiting = (
            f"; {self.still_waiting} tickets still wait for a name" if self.still_waiting else ""
        )
        head = f"order_id {self.order_id} ({self.environment} environment){waiting}"
        return lines_of(head, *named, self.end)


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    people = [person for person in given.get("beneficiaries") or () if person is not None]
    ids = [person.ticket_id for person in people if person.ticket_id is not None]
    # With two names for one ticket nobody could say which one counts.
    if len(set(ids)) < len(ids):
        with faults:
            raise invalid(FieldProblem("beneficiaries", "one ticket is named twice"))
    await check_order(faults, ctx, given)


@tool(
    title="Name beneficiaries",
    read_only=False,
    destructive=True,  # a name that stands may be replaced, and may be final
    idempotent=True,
    checks=_check,
)
async def name_beneficiaries(
    ctx: ToolContext,
    order_id: Annotated[str, Field(min_length=1, max_length=64, description="From place_order")],
    beneficiaries: Annotated[
        list[Person],
        Field(
            min_length=1,
            max_length=50,
            description="Each: ticket_id, firstname, lastname; maybe title, "
            "date_of_birth, place_of_birth, nationality, email, phone",
        ),
    ],
) -> Reply[NamingsView]:
    """Name who uses each ticket where get_tickets asks.

    Ask the person; invent nothing.
    """
    services = app_of(ctx)
    issued, namings = await services.booking.beneficiaries.name(
        services.principal.key,
        order_id,
        [(person.ticket_id, person.holder) for person in beneficiaries],
        services.language(None),
        partial(ctx.report_progress, message="Naming who uses each ticket"),
    )
    # An error only if no name was sent: otherwise the answer tells what became of each.
    unsent = _unsent(namings)
    if unsent is not None and all(n.failed is not None for n in namings):
        raise _nothing_named(unsent)
    return Reply(
        NamingsView(
            order_id=issued.order.id,
            tickets=_by_outcome(namings),
            still_waiting=len(issued.waiting),
            environment=services.settings.environment.value,
            next=_next(issued, namings, unsent),
        )
    )


def _by_outcome(namings: tuple[Naming, ...]) -> list[NamingView]:
    groups: dict[tuple[NamingOutcome, tuple[str, ...]], list[str]] = {}
    for each in namings:
        key = (each.outcome, each.fields + each.needed_elsewhere)
        groups.setdefault(key, []).append(each.ticket_id)
    return [
        NamingView(outcome=outcome, fields=list(fields), ticket_ids=ids)
        for (outcome, fields), ids in groups.items()
    ]


def _unsent(namings: tuple[Naming, ...]) -> Refusal | None:
    """Why names were not sent; None if all were."""
    # Of several reasons the one that waiting does not mend, else the one with the longest wait.
    told = [explained(n.failed) for n in namings if n.failed is not None]
    return max(
        told,
        key=lambda r: (r.retry_after_seconds is None, r.retry_after_seconds or 0),
        default=None,
    )


def _nothing_named(refusal: Refusal) -> Refusal:
    wait = refusal.retry_after_seconds
    return Refusal(
        refusal.code,
        f"{refusal.message.removesuffix('.')}; nothing was named.",
        refusal.next_step
        if wait is None
        else "Wait for the named seconds, then call again with the same arguments.",
        retry_after_seconds=wait,
    )


def _next(issued: IssuedTickets, namings: tuple[Naming, ...], unsent: Refusal | None) -> str:
    step = " ".join(filter(None, (_step(issued, namings), _beyond(issued, namings)))) or None
    if unsent is None:
        return step or "Call get_tickets for the documents."
    number = sum(n.failed is not None for n in namings)
    wait = unsent.retry_after_seconds
    later = unsent.next_step if wait is None else f"Call again with the same arguments in {wait} s."
    why = f"{number} names were not sent yet: {unsent.message} {later}"
    return f"{step} {why}" if step else why


def _step(issued: IssuedTickets, namings: tuple[Naming, ...]) -> str | None:
    """The next step for names that were sent, or could not be; None if there is nothing to do."""
    # What a person can act upon goes first; what nobody can change goes last.
    outcomes = {n.outcome for n in namings if not n.needed_elsewhere}
    if NamingOutcome.MISSING_FIELDS in outcomes:
        return "Ask the person for the missing fields, then call again for those tickets."
    if NamingOutcome.UNKNOWN in outcomes:
        return "Call get_tickets to see what was taken, then call again for the tickets left."
    if outcomes & {NamingOutcome.REFUSED, NamingOutcome.UNKNOWN_TICKET}:
        return "Check ticket_id and the fields with get_tickets and the person, then call again."
    if outcomes & {NamingOutcome.LOCKED, NamingOutcome.TOO_LATE}:
        return f"The issuer takes no name for those any more. {TO_SUPPORT}"
    # Of what was refused for a field that nobody can give here, a second try is refused, too.
    beyond = {n.ticket_id for n in namings if n.needed_elsewhere}
    left = sum(ticket.id not in beyond for ticket in issued.nameable)
    left -= sum(n.failed is not None for n in namings)
    if left > 0:
        return f"{left} tickets still need a name: ask the person, then call again for those."
    return None


def _beyond(issued: IssuedTickets, namings: tuple[Naming, ...]) -> str | None:
    """What the issuer needs and nobody can give here; None if nothing."""
    needed = [naming.needed_elsewhere for naming in namings]
    needed += [ticket.needed_elsewhere for ticket in issued.not_nameable]
    fields = tuple(dict.fromkeys(chain.from_iterable(needed)))
    return f"{not_taken(fields)} {TO_SUPPORT}" if fields else None
