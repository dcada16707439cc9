"""Puts a question to the person at a host, and tells their answer from one the host gave by itself.

A host without a terminal, or without anything to ask with, answers at once, or with an error: no
person saw the question, so that is neither a no nor a yes.
"""

import logging
from typing import Any, Final, TypeVar

import anyio
from mcp.server.elicitation import (
    AcceptedElicitation,
    CancelledElicitation,
    DeclinedElicitation,
    ElicitationResult,
    render_elicitation_schema,
)
from mcp.server.mcpserver import Elicit
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, ElicitResult
from mcp_types.version import is_version_at_least
from pydantic import ConfigDict, ValidationError

from korus_mcp.app import App, app_of
from korus_mcp.booking import approval
from korus_mcp.settings import Approval as ApprovalWay
from korus_mcp.settings import Environment
from korus_mcp.tools.answer_times import answered_after
from korus_mcp.tools.declare import ToolContext
from korus_mcp.tools.people import OfAPerson

ASKED_WITHIN_A_CALL: Final = "2026-07-28"
"""From this revision on a call ends with the question, and the host repeats it with the answer.
Before, the question is a request to the host while the call goes on."""
READING_SECONDS: Final = 1
"""Nobody reads a question and answers it within this time: such an answer is the host's own."""
FORWARDING: Final = "fastmcp"
"""The name under which FastMCP's proxies, and its client for several servers, connect (4.2.3). They
announce all that they could pass on, whether or not the host behind them has it; since 2026-07-28
such a host then ends the call with an error before this server hears of it.
"""
_CANNOT_ASK: Final = frozenset({METHOD_NOT_FOUND, INVALID_PARAMS, INVALID_REQUEST})
_log = logging.getLogger(__name__)


def _as_hosts_take_it(schema: dict[str, Any]) -> None:
    """Some hosts close a form unseen that has a title or a description of its own.

    All of it is asked for, also what may come back empty beside a no.
    """
    schema.pop("title", None)
    schema.pop("description", None)
    for field in schema["properties"].values():
        if field.get("default") == "":
            del field["default"]
    schema["required"] = [*schema["properties"]]


class AskedForm(OfAPerson):
    """A form for a person."""

    model_config = ConfigDict(json_schema_extra=_as_hosts_take_it)

    @property
    def is_no(self) -> bool:
        """Whether it was sent back without what it asks for."""
        return False


Form = TypeVar("Form", bound=AskedForm)


class Unasked(Exception):
    """The host answered by itself, or unreadably.

    `may_be_a_no`: it came late enough for a person to have answered. `says_no`: a form was sent
    back and left at no: at once, or later by a host that leaves out what was not changed.
    """

    def __init__(self, *, may_be_a_no: bool = False, says_no: bool = False) -> None:
        super().__init__(may_be_a_no, says_no)
        self.may_be_a_no = may_be_a_no
        self.says_no = says_no


def may_ask(ctx: ToolContext) -> bool:
    """Whether the operator wants the host to ask, and the host says that it can."""
    app = app_of(ctx)
    if app.settings.approval is ApprovalWay.TWO_STEP:
        return False
    known = ctx.client_capabilities
    asks = known.elicitation if known is not None else None
    # A host that states only `url` cannot show a form. One that states neither can.
    if asks is None or (asks.form is None and asks.url is not None):
        return False
    if not is_asked_within(ctx):
        return bool(ctx.session.can_send_request)
    return not (has_another_way(app) and _only_forwards(ctx))


def has_another_way(app: App) -> bool:
    """Whether a person can agree where a host says that it asks and does not: to a summary of the
    assistant (where orders cost money, that is for the operator to say: `two_step`), or beside it.
    """
    if app.settings.approval is ApprovalWay.HUMAN:
        return app.doorbell is not None
    is_real = app.settings.environment is Environment.PRODUCTION
    return app.settings.approval is ApprovalWay.AUTO and not is_real


def _only_forwards(ctx: ToolContext) -> bool:
    known, announced = ctx.session.client_params, ctx.client_capabilities
    if known is None or announced is None or known.client_info.name != FORWARDING:
        return False
    # Its own client, used directly, announces only what it was given.
    return None not in (announced.sampling, announced.elicitation, announced.roots)


async def put(
    ctx: ToolContext, key: str, question: Elicit[Form]
) -> Elicit[Form] | ElicitationResult[Form]:
    """The question, for a host that gets it as the result of the call, and for the SDK to read the
    answer to it; else ask and return the answer. It is waited for as long as an answer is valid.

    `key` is the one under which a repeated call has the answer.

    Raises:
        Refusal: APPROVAL_EXPIRED.
        Unasked: No person answered.
    """
    if is_asked_within(ctx):
        given = (ctx.input_responses or {}).get(key)
        if given is not None:
            _heard(given, question.schema, answered_after(ctx.request_state))
        return question
    clock = app_of(ctx).clock
    began = clock.monotonic()
    try:
        with anyio.fail_after(approval.KEPT_SECONDS):
            answer = await ctx.session.elicit_form(
                question.message, render_elicitation_schema(question.schema), ctx.request_id
            )
    except TimeoutError:
        raise approval.unanswered() from None
    except ValueError:  # its text, and its cause, hold what the person filled in
        _log.warning("the host's answer to a question could not be read")
        raise Unasked(may_be_a_no=not _is_soon(clock.monotonic() - began)) from None
    except MCPError as error:
        code = error.error.code
        _log.warning("the host did not ask (error %d)", code)
        is_certain = code in _CANNOT_ASK or _is_soon(clock.monotonic() - began)
        raise Unasked(may_be_a_no=not is_certain) from None
    return _heard(answer, question.schema, clock.monotonic() - began)


def _heard(given: object, form: type[Form], seconds: float | None) -> ElicitationResult[Form]:
    """The answer of a person. `seconds`: how long after the question it came, if that is known.

    Raises:
        Unasked: it is the host's own, or unreadable.
    """
    is_soon = _is_soon(seconds)
    match given:
        case ElicitResult(action="accept", content=content):
            # What the form did not send back was not shown.
            is_empty = not content
            try:
                data = form.model_validate(content)
            except ValidationError:
                _log.warning("the host's answer to a question could not be read")
                may_be_a_no = not (is_soon or is_empty)
                raise Unasked(may_be_a_no=may_be_a_no, says_no=is_empty and not is_soon) from None
            if is_soon and data.is_no:  # a form of defaults, filled in by the host
                raise Unasked(says_no=True)
            return AcceptedElicitation(data=data)
        case ElicitResult(action="decline") if not is_soon:
            return DeclinedElicitation()
        case ElicitResult(action="cancel") if not is_soon:
            return CancelledElicitation()
        case _:
            raise Unasked(may_be_a_no=not is_soon)


def _is_soon(seconds: float | None) -> bool:
    return seconds is not None and seconds <= READING_SECONDS


def is_asked_within(ctx: ToolContext) -> bool:
    """Whether the host gets questions as the result of a call, see `ASKED_WITHIN_A_CALL`."""
    return is_version_at_least(ctx.protocol_version or "", ASKED_WITHIN_A_CALL)
