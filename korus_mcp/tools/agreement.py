"""Questions to the person before an order: who the customer is, and a yes to exactly this order.

A host that can ask puts the questions, in old and new revisions of the protocol. The same call must
always give the same question, because the SDK drops an answer to a question that has changed.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Final, TypeAlias

from mcp.server.elicitation import (
    AcceptedElicitation,
    CancelledElicitation,
    DeclinedElicitation,
    ElicitationResult,
)
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import (
    BaseModel,
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
from korus_mcp.booking import approval
from korus_mcp.booking.approval import Question
from korus_mcp.booking.ordered import OrderCall
from korus_mcp.foundation.refusals import FieldProblem, Refusal, invalid
from korus_mcp.settings import Approval as ApprovalWay
from korus_mcp.tools.arguments import ReservationId, Sendable
from korus_mcp.tools.asking import AskedForm, Unasked, may_ask, may_go_unasked, put
from korus_mcp.tools.declare import ToolContext
from korus_mcp.tools.people import Country, Email, PersonsLanguage, Phone, Title
from korus_mcp.tools.problems import field_problems
from korus_mcp.tools.question_text import customer_question, order_question


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
        return missing_of(self)

    def named(self) -> CustomerInput:
        """The customer as the API takes it."""
        return CustomerInput(**self.model_dump())


def missing_of(customer: Any) -> tuple[str, ...]:
    """The fields that are needed to order and are None in a customer, or in a part of one."""
    return tuple(name for name in _NEEDED if getattr(customer, name) is None)


def check_customer(ctx: ToolContext, customer: Any) -> None:
    """Check that the customer is whole, where the host cannot ask for what is missing.

    Raises:
        Refusal: INVALID_ARGUMENTS.
    """
    if (missing := missing_of(customer)) and not may_ask(ctx):
        raise _incomplete(missing)


_NEEDED: Final = {
    "firstname": ("Given name", "Ada"),
    "lastname": ("Family name", "Lovelace"),
    "email": ("E-mail", "ada@example.org"),
}


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


async def customer_asked(
    ctx: ToolContext, reservation_ids: list[ReservationId], customer: Customer
) -> Elicit[AskedForm] | ElicitationResult[AskedForm] | Customer:
    """The customer, or the question for what is missing of them.

    Raises:
        Refusal: Something is missing and the host cannot ask, or these cannot be ordered.
    """
    if not customer.missing:
        return customer
    services = app_of(ctx)
    owner, ids = services.principal.key, tuple(dict.fromkeys(reservation_ids))
    ordering, language = services.booking.ordering, services.language(None)
    # A person is not asked for their data if the order cannot be placed anyway.
    is_answered = bool(ctx.input_responses)
    holds, total = await ordering.check(owner, ids, language, is_answered=is_answered)
    text = customer_question(holds, total, services.settings.environment.value)
    try:
        return await put(ctx, _key(customer_asked), Elicit(text, _form(customer.missing)))
    except Unasked:
        # The assistant can ask for it, too: whoever the host did not ask has refused nothing.
        unheard = _incomplete(customer.missing)
    except Refusal as late:
        unheard = late
    raise await ordering.unless_ordered(owner, ids, language, unheard)


WhoAsked: TypeAlias = Annotated[ElicitationResult[AskedForm], Resolve(customer_asked)]


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
        return await put(ctx, _key(agreement), Elicit(text, Yes))
    except (Refusal, Unasked) as unheard:
        return unheard


Agreement: TypeAlias = Annotated[ElicitationResult[Yes], Resolve(agreement)]


async def agreed_to(
    ctx: ToolContext, call: OrderCall, asked: Question | None, answer: ElicitationResult[Any]
) -> Question | Refusal | None:
    """The question that the person agreed to; the refusal if they did not. A no is remembered.

    None where nobody was asked: the assistant shows them a summary.
    """
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
    is_human = app.settings.approval is ApprovalWay.HUMAN
    if may_go_unasked(app.settings) or (is_human and app.doorbell is not None):
        return None
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


def _completed(customer: Customer, who: ElicitationResult[AskedForm]) -> Customer:
    if not customer.missing:
        return customer
    if not isinstance(who, AcceptedElicitation):
        raise _incomplete(customer.missing)
    # Checked like arguments: what comes back from a form may be anything.
    given = {**customer.model_dump(), **who.data.model_dump()}
    try:
        return Customer.model_validate(given)
    except ValidationError as error:
        problems = field_problems(error, Customer)
        raise invalid(*(replace(p, field=f"customer.{p.field}") for p in problems)) from None


def _incomplete(missing: Iterable[str]) -> Refusal:
    problems = (FieldProblem(f"customer.{name}", "required", _NEEDED[name][1]) for name in missing)
    return invalid(*problems)


@cache
def _form(names: tuple[str, ...]) -> type[AskedForm]:
    """A form for these fields. Its values are only checked later, like arguments."""
    text = {"type": "string", "maxLength": 254}
    fields: dict[str, Any] = {}
    for name in names:
        schema = {**text, "format": "email"} if name == "email" else text
        fields[name] = (Annotated[str, WithJsonSchema(schema)], Field(title=_NEEDED[name][0]))
    return create_model("Customer", __base__=AskedForm, **fields)
