"""The question to the person before an order: a yes to exactly this, and who orders, if not known.

A host that can ask puts the question, in old and new revisions of the protocol. The same call must
always give the same question, because the SDK drops an answer to a question that has changed.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, TypeAlias

from mcp.server.elicitation import (
    AcceptedElicitation,
    CancelledElicitation,
    DeclinedElicitation,
    ElicitationResult,
)
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from korus_mcp.answers.explanations import unasked
from korus_mcp.api import CustomerInput
from korus_mcp.app import App, app_of
from korus_mcp.booking import approval, customers
from korus_mcp.booking.approval import Question
from korus_mcp.booking.ordered import OrderCall
from korus_mcp.foundation.refusals import Refusal, invalid
from korus_mcp.settings import Approval as ApprovalWay
from korus_mcp.tools.arguments import ReservationId, Sendable
from korus_mcp.tools.asking import AskedForm, Unasked, has_another_way, may_ask, put
from korus_mcp.tools.declare import ToolContext
from korus_mcp.tools.people import Country, Email, OfAPerson, PersonsLanguage, Phone, Title
from korus_mcp.tools.problems import field_problems
from korus_mcp.tools.question_text import order_question


class Customer(OfAPerson):
    """Who places the order. What is missing is asked for together with the yes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    firstname: Annotated[Sendable | None, Field(examples=["Ada"])] = None
    lastname: Annotated[Sendable | None, Field(examples=["Lovelace"])] = None
    email: Annotated[Email | None, Field(examples=["ada@example.org"])] = None
    phone: Phone | None = None
    country: Country | None = None
    language: PersonsLanguage | None = None
    title: Title | None = None

    def known(self) -> customers.Customer:
        """The customer as the API takes it; a part of one while something is missing."""
        part = customers.PartOfCustomer(**self.model_dump())
        return part if part.missing else CustomerInput(**self.model_dump())


def problem_of(field: str, text: str) -> str | None:
    """What is wrong with this value of a field of the form, by the rule of the argument."""
    try:
        Customer.model_validate({field: text})
    except ValidationError as error:
        return field_problems(error, Customer)[0].problem
    return None


def check_named(ctx: ToolContext, customer: Any, confirmation: str | None) -> None:
    """Check that the customer is whole where a confirmation comes, unless the host can ask.

    `customer`: of one that is wrong, the members that are not.

    Raises:
        Refusal: INVALID_ARGUMENTS.
    """
    missing = [name for name in customers.NEEDED if getattr(customer, name) is None]
    if missing and confirmation is not None and not may_ask(ctx):
        raise customers.incomplete(missing)


class Yes(AskedForm):
    """The form of an agreement: a yes is `true`, and nothing that a library would read as it."""

    order: Annotated[
        StrictBool,
        Field(
            title="Order this for real",
            description="It cannot be cancelled here",
            # Some hosts choose true beforehand where no default is stated. It must be sent all
            # the same, so the field itself has none.
            json_schema_extra={"default": False},
        ),
    ]

    @property
    def is_no(self) -> bool:
        """Whether the person left it at no."""
        return not self.order


# The SDK fills a resolver's parameters by name: with arguments of the tool, and with the answers of
# other resolvers. Their names are keys on the wire, so they are not renamed.
async def order_call(
    ctx: ToolContext,
    reservation_ids: list[ReservationId],
    customer: Customer,
    notes: str | None,
    reference: str | None,
    confirmation: str | None,
) -> OrderCall:
    """The order call, as far as the customer is known."""
    services = app_of(ctx)
    ids = tuple(dict.fromkeys(reservation_ids))
    return OrderCall(
        owner=services.principal.key,
        reservation_ids=ids,
        customer=customer.known(),
        language=await _spoken(services, ids, confirmation),
        notes=notes,
        reference=reference,
        confirmation=confirmation,
    )


async def _spoken(services: App, ids: Sequence[str], confirmation: str | None) -> str:
    """The language in which these were held, as far as that is known; else the operator's."""
    # That of summary or question goes first: terms of sale that are read in another differ.
    found = await services.booking.ordering.language_of(ids, confirmation)
    found = found or services.booking.spoken.of(ids)
    # Another server may have put it, in a language that this one was not asked for yet.
    return await services.known_language(found) if found else services.language(None)


Call: TypeAlias = Annotated[OrderCall, Resolve(order_call)]


async def question_of(ctx: ToolContext, call: Call) -> Question | None:
    """What the host has to ask a person; None where it cannot ask, or need not.

    Raises:
        Refusal: What stands against the order.
    """
    # None leads to the two steps: a summary with a confirmation, for the assistant to show.
    if not may_ask(ctx):
        return None
    # A newer host repeats the call with the answer, and the SDK calls all resolvers here anew.
    is_answered = _key(agreement) in (ctx.input_responses or {})
    return await app_of(ctx).booking.ordering.question(call, is_answered=is_answered)


Asked: TypeAlias = Annotated[Question | None, Resolve(question_of)]


async def agreement(
    ctx: ToolContext, asked: Asked
) -> Elicit[Yes] | ElicitationResult[Yes] | Refusal | Unasked | None:
    """The question to the person, or why nobody answered it."""
    if asked is None:
        return None
    text = order_question(asked, app_of(ctx).settings.environment.value)
    # Returned, not raised: `place_order` first looks whether the order exists.
    try:
        return await put(ctx, _key(agreement), Elicit(text, _form(asked.missing)))
    except (Refusal, Unasked) as unheard:
        return unheard


Agreement: TypeAlias = Annotated[ElicitationResult[Yes], Resolve(agreement)]


async def agreed_to(
    ctx: ToolContext, call: OrderCall, asked: Question | None, answer: ElicitationResult[Any]
) -> tuple[OrderCall, Question | Refusal | None]:
    """The call with all that the person filled in, and the question that they agreed to; the
    refusal if they did not. A no is remembered.

    None where nobody was asked: the assistant shows them a summary.
    """
    agreed = await _agreed(ctx, call, asked, answer)
    said = _answer(answer)
    if not (
        call.missing and isinstance(agreed, Question) and isinstance(said, AcceptedElicitation)
    ):
        return call, agreed
    try:
        return replace(call, customer=_completed(call, said.data)), agreed
    except Refusal as wrong:
        return call, wrong


async def _agreed(
    ctx: ToolContext, call: OrderCall, asked: Question | None, answer: ElicitationResult[Any]
) -> Question | Refusal | None:
    if asked is None:
        return None
    match _answer(answer):
        case AcceptedElicitation(data=Yes(order=True)):
            return asked
        case AcceptedElicitation(data=Refusal() as unheard):
            return unheard
        case AcceptedElicitation(data=Unasked(may_be_a_no=True)):
            return unasked()
        case AcceptedElicitation(data=Unasked() as unheard):
            instead = _instead_of_asking(app_of(ctx))
            # A form left at no may be a person's after all, who pressed a key twice: beside a
            # confirmation it would order what their screen said no to.
            if instead is None and unheard.says_no and call.confirmation:
                await app_of(ctx).booking.ordering.decline(asked)
                return approval.declined()
            return instead
        # A closed dialog is no answer: the person may be asked again, unlike after a no.
        case CancelledElicitation():
            return approval.dismissed()
        # A no, and a form sent back without its yes.
        case _:
            await app_of(ctx).booking.ordering.decline(asked)
            return approval.declined()


def _instead_of_asking(app: App) -> Refusal | None:
    """What a call is answered whose host did not ask; None: the summary of the two steps, or the
    question beside the host.
    """
    if has_another_way(app):
        return None
    is_human = app.settings.approval is ApprovalWay.HUMAN
    return approval.unavailable() if is_human else approval.unseen_by_anybody()


def _key(resolver: Any) -> str:
    """The key under which a repeated call has the answer to a resolver's question."""
    return f"{resolver.__module__}:{resolver.__qualname__}"


def _answer(given: ElicitationResult[Any]) -> ElicitationResult[Any]:
    """The host's answer. The SDK wraps it once more if this module asked for it itself."""
    match given:
        case AcceptedElicitation(
            data=AcceptedElicitation() | DeclinedElicitation() | CancelledElicitation() as said
        ):
            return said
        case _:
            return given


def _completed(call: OrderCall, filled_in: Yes) -> CustomerInput:
    """The customer of a call with what the person filled in.

    Raises:
        Refusal: INVALID_ARGUMENTS.
    """
    # Checked like arguments: what comes back from a form may be anything.
    known = customers.named_in(call.customer)
    try:
        customer = Customer.model_validate({**known, **filled_in.model_dump(exclude={"order"})})
    except ValidationError as error:
        problems = field_problems(error, Customer)
        raise invalid(*(replace(p, field=f"customer.{p.field}") for p in problems)) from None
    return CustomerInput(**customer.model_dump())


@cache
def _form(missing: tuple[str, ...]) -> type[Yes]:
    """A form for a yes and for these fields. Their values are checked later, like arguments."""
    if not missing:
        return Yes
    text = {"type": "string", "maxLength": 254}
    fields: dict[str, Any] = {}
    for name in missing:
        schema = {**text, "format": "email"} if name == "email" else text
        title, _ = customers.NEEDED[name]
        # Left out beside a no, which is one all the same.
        fields[name] = (Annotated[str, WithJsonSchema(schema)], Field("", title=title))
    return create_model("YesAndCustomer", __base__=Yes, **fields)
