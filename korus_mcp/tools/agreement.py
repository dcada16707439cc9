"""Questions to the person before an order: who the customer is, and a yes to exactly this order.

A host that can ask puts the questions, in old and new revisions of the protocol. The same call must
always give the same question, because the SDK drops an answer to a question that has changed.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import anyio
from mcp.server.elicitation import (
    AcceptedElicitation,
    CancelledElicitation,
    DeclinedElicitation,
    ElicitationResult,
)
from mcp.server.mcpserver import Elicit, Resolve
from mcp.shared.exceptions import MCPError
from mcp_types.version import is_version_at_least
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from korus_mcp.answers import addresses
from korus_mcp.answers.explanations import unasked
from korus_mcp.answers.holds import TOGETHER, LineView
from korus_mcp.answers.views import lines_of, moment
from korus_mcp.api import CustomerInput
from korus_mcp.app import app_of
from korus_mcp.booking import approval
from korus_mcp.booking.approval import Question
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.hold import Hold
from korus_mcp.booking.ordered import OrderCall
from korus_mcp.foundation.refusals import FieldProblem, Refusal, invalid
from korus_mcp.foundation.text import inert_line
from korus_mcp.settings import Approval as ApprovalWay
from korus_mcp.tools.arguments import ReservationId, Sendable
from korus_mcp.tools.declare import ToolContext
from korus_mcp.tools.people import Country, Email, PersonsLanguage, Phone, Title
from korus_mcp.tools.problems import field_problems

SHOWN_SEATS: Final = 12
_log = logging.getLogger(__name__)
Form = TypeVar("Form", bound=BaseModel)
_NUMBERS: Final = re.compile("([0-9]{1,9})")
ASKED_WITHIN_A_CALL: Final = "2026-07-28"
"""From this revision on a call ends with the question, and the host repeats it with the answer.
Before, the question is a request to the host while the call goes on."""


class Customer(BaseModel):
    """Who places the order. What is missing is asked for, where the host can ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    firstname: Annotated[Sendable | None, Field(examples=["Ada"])] = None
    lastname: Annotated[Sendable | None, Field(examples=["Lovelace"])] = None
    email: Annotated[Email | None, Field(examples=["ada@example.org"])] = None
    phone: Phone | None = None
    country: Country | None = None
    language: PersonsLanguage | None = None
    title: Title | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are needed to order and not given."""
        return tuple(name for name in _NEEDED if getattr(self, name) is None)

    def named(self) -> CustomerInput:
        """The customer as the API takes it."""
        return CustomerInput(**self.model_dump())


_NEEDED: Final = {
    "firstname": ("Given name", "Ada"),
    "lastname": ("Family name", "Lovelace"),
    "email": ("E-mail", "ada@example.org"),
}


class Yes(BaseModel):
    """The form of an agreement: a yes is `true`, and nothing that a library would read as it."""

    order: Annotated[
        StrictBool, Field(title="Order this for real", description="It cannot be cancelled here")
    ]


async def customer_asked(
    ctx: ToolContext, reservation_ids: list[ReservationId], customer: Customer
) -> Elicit[BaseModel] | ElicitationResult[BaseModel] | Customer:
    """The customer, or the question for what is missing of them.

    Raises:
        Refusal: Something is missing and the host cannot ask, or these cannot be ordered.
    """
    if not customer.missing:
        return customer
    if not _may_ask(ctx):
        raise _incomplete(customer)
    services = app_of(ctx)
    owner, ids = services.principal.key, tuple(dict.fromkeys(reservation_ids))
    ordering, language = services.booking.ordering, services.language(None)
    # A person is not asked for their data if the order cannot be placed anyway.
    await ordering.check(owner, ids, language, is_answered=bool(ctx.input_responses))
    try:
        return await _put(ctx, Elicit("Who places the order?", _form(customer.missing)))
    except Refusal as unheard:
        raise await ordering.unless_ordered(owner, ids, language, unheard) from None


WhoAsked: TypeAlias = Annotated[ElicitationResult[BaseModel], Resolve(customer_asked)]


# The SDK fills a resolver's parameters by name: with arguments of the tool, and with the answers of
# other resolvers. Their names are keys on the wire, so they are not renamed.
async def order_call(
    ctx: ToolContext,
    reservation_ids: list[ReservationId],
    customer: Customer,
    notes: str | None,
    reference: str | None,
    confirmation: str | None,
    who: WhoAsked,
) -> OrderCall:
    """The order call with the complete customer.

    Raises:
        Refusal: The customer is still not known.
    """
    services = app_of(ctx)
    owner, ids = services.principal.key, tuple(dict.fromkeys(reservation_ids))
    ordering, language, answer = services.booking.ordering, services.language(None), _answer(who)
    # A person who declines to give their data has said no: it is remembered like any other no.
    if customer.missing and isinstance(answer, DeclinedElicitation):
        await ordering.turned_away(owner, ids)
    # If an equal call has ordered by now, that is the answer: a host may only be repeating it.
    try:
        completed = _completed(customer, answer)
    except Refusal as incomplete:
        raise await ordering.unless_ordered(owner, ids, language, incomplete) from None
    return OrderCall(
        owner=owner,
        reservation_ids=ids,
        customer=completed.named(),
        language=language,
        notes=notes,
        reference=reference,
        confirmation=confirmation,
    )


Call: TypeAlias = Annotated[OrderCall, Resolve(order_call)]


async def question_of(ctx: ToolContext, call: Call) -> Question | None:
    """What the host has to ask a person; None where it cannot ask, or need not.

    Raises:
        Refusal: What stands against the order.
    """
    # None leads to the two steps: a summary with a confirmation, for the assistant to show.
    if not _may_ask(ctx):
        return None
    # A newer host repeats the call with the answer, and the SDK calls all resolvers here anew.
    is_answered = f"{__name__}:{agreement.__name__}" in (ctx.input_responses or {})
    return await app_of(ctx).booking.ordering.question(call, is_answered=is_answered)


Asked: TypeAlias = Annotated[Question | None, Resolve(question_of)]


async def agreement(
    ctx: ToolContext, asked: Asked
) -> Elicit[Yes] | ElicitationResult[Yes] | Refusal | None:
    """The question to the person, or the refusal if the host gave no usable answer to it."""
    if asked is None:
        return None
    # The refusal is returned, not raised: `place_order` first looks whether the order exists.
    try:
        return await _put(ctx, Elicit(_words(asked, app_of(ctx).settings.environment.value), Yes))
    except Refusal as unheard:
        return unheard


Agreement: TypeAlias = Annotated[ElicitationResult[Yes], Resolve(agreement)]


async def refusal_of(
    ctx: ToolContext, asked: Question | None, answer: ElicitationResult[Any]
) -> Refusal | None:
    """The refusal if the person did not agree; a no is remembered.

    None after a yes, or where nobody was asked.
    """
    if asked is None:
        return None
    match _answer(answer):
        case AcceptedElicitation(data=Yes(order=True)):
            return None
        case AcceptedElicitation(data=Refusal() as unheard):
            return unheard
        # A closed dialog is no answer: the person may be asked again, unlike after a no.
        case CancelledElicitation():
            return approval.dismissed()
        # A no, and a form sent back without its yes.
        case _:
            await app_of(ctx).booking.ordering.decline(asked)
            return approval.declined()


async def _put(ctx: ToolContext, question: Elicit[Form]) -> Elicit[Form] | ElicitationResult[Form]:
    """The question, for a host that gets it as the result of the call; else ask and return the
    answer. It is waited for as long as an answer would be valid.

    Raises:
        Refusal: APPROVAL_EXPIRED; APPROVAL_UNAVAILABLE where the host did not ask, or its answer
            could not be read.
    """
    if _is_asked_within(ctx):
        return question
    try:
        with anyio.fail_after(approval.KEPT_SECONDS):
            return await ctx.elicit(question.message, question.schema)
    except TimeoutError:
        raise approval.unanswered() from None
    except ValueError:  # its text, and its cause, hold what the person filled in
        _log.warning("the host's answer to a question could not be read")
        raise unasked() from None
    except MCPError as error:
        _log.warning("the host did not ask (error %d)", error.error.code)
        raise unasked() from None


def _answer(given: ElicitationResult[Form]) -> ElicitationResult[Form]:
    """The host's answer. The SDK wraps it once more if this module asked for it itself."""
    match given:
        case AcceptedElicitation(
            data=AcceptedElicitation() | DeclinedElicitation() | CancelledElicitation() as said
        ):
            return said
        case _:
            return given


def _is_asked_within(ctx: ToolContext) -> bool:
    return is_version_at_least(ctx.protocol_version or "", ASKED_WITHIN_A_CALL)


def _may_ask(ctx: ToolContext) -> bool:
    """Whether the operator wants the host to ask, and the host can."""
    if app_of(ctx).settings.approval is ApprovalWay.TWO_STEP:
        return False
    known = ctx.client_capabilities
    asks = known.elicitation if known is not None else None
    # A host that states only `url` cannot show a form. One that states neither can.
    if asks is None or (asks.form is None and asks.url is not None):
        return False
    return _is_asked_within(ctx) or ctx.session.can_send_request


def _completed(customer: Customer, who: ElicitationResult[BaseModel]) -> Customer:
    if not customer.missing:
        return customer
    if not isinstance(who, AcceptedElicitation):
        raise _incomplete(customer)
    # Checked like arguments: what comes back from a form may be anything.
    given = {**customer.model_dump(), **who.data.model_dump()}
    try:
        return Customer.model_validate(given)
    except ValidationError as error:
        problems = field_problems(error, Customer)
        raise invalid(*(replace(p, field=f"customer.{p.field}") for p in problems)) from None


def _incomplete(customer: Customer) -> Refusal:
    missing = ((f"customer.{name}", _NEEDED[name][1]) for name in customer.missing)
    return invalid(*(FieldProblem(field, "required", example) for field, example in missing))


@cache
def _form(names: tuple[str, ...]) -> type[BaseModel]:
    """A form for these fields. Its values are only checked later, like arguments."""
    text = {"type": "string", "maxLength": 254}
    fields: dict[str, Any] = {}
    for name in names:
        schema = {**text, "format": "email"} if name == "email" else text
        fields[name] = (Annotated[str, WithJsonSchema(schema)], Field(title=_NEEDED[name][0]))
    return create_model("Customer", **fields)


def _words(question: Question, environment: str) -> str:
    """The text of the question that a host shows to a person.

    What decides comes first, since hosts cut long texts; what a caller wrote stands in quotes.
    Nothing in it changes by itself (no countdown): see above. Where no host asks, the assistant
    shows `place_order.OrderView.text` instead: both must name the same facts.
    """
    # Terms of sale by their addresses: their text would fill a dialog.
    terms = ", ".join(addresses.product_base(base) for base in question.terms)
    return lines_of(
        f"Order this for real, in the {environment} environment? "
        "It cannot be cancelled here, and no mail is promised.",
        *map(doubt_text, question.doubts),
        f"Total: {question.total}",
        f"For: {described(question.customer)}",
        f"Held until: {_end_of(question)}",
        *(line for hold in question.holds for line in _lines_of(hold)),
        f"Note for the issuer: {quoted_text(question.notes)}" if question.notes else None,
        f"Terms of sale: {terms}" if terms else None,
        f"(Question {question.code})",
    )


def _end_of(question: Question) -> str:
    """When the first hold ends, in words; a hold without a known end may be the first."""
    known = moment(question.ends_at) if question.ends_at else None
    is_told = all(hold.expires_at is not None for hold in question.holds)
    return " or ".join(part for part in (known, None if is_told else "a time not stated") if part)


def _lines_of(hold: Hold) -> Iterator[str]:
    """Lines and seats of a hold, sorted: an answer in another order must give the same question."""
    yield from sorted(f"- {inert_line(LineView.of(line).text())}" for line in hold.lines)
    if hold.seats:
        seats = sorted(hold.seats, key=_by_number)
        rest = len(seats) - SHOWN_SEATS
        more = f"; {rest} more" if rest > 0 else ""
        shown = "; ".join(map(inert_line, seats[:SHOWN_SEATS]))
        yield f"  seats: {shown}{more}{TOGETHER[hold.seats_together]}"


def _by_number(seat: str) -> list[tuple[int, str]]:
    """A sorting key that puts seat 9 before seat 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(seat)]


def doubt_text(doubt: Doubt) -> str:
    """The sentence about an earlier order that a person must read before they agree to another."""
    what = "of the same offer" if doubt.is_alike else "which may be of the same offer,"
    if doubt.order_id is not None:
        return (
            f"An order {what} was made before (order_id {doubt.order_id}; its answer was missing "
            "for a while): this would be one more."
        )
    return (
        f"An order {what} is in doubt and may have been made already (reservation_id "
        f"{doubt.reservation_id}): this may be a second one."
    )


def described(customer: CustomerInput) -> str:
    """All data of a customer, on one line."""
    name = f"{customer.firstname} {customer.lastname}"
    title = f"title {customer.title}" if customer.title else None
    language = f"language {customer.language}" if customer.language else None
    # Every field that is sent: a person cannot agree to what they did not see.
    facts = (name, customer.email, customer.phone, customer.country, title, language)
    return ", ".join(inert_line(fact) for fact in facts if fact)


def quoted_text(text: str) -> str:
    """A caller's text, in quotes and on one line, so that it cannot look like text of ours."""
    return f'"{inert_line(text)}"'
