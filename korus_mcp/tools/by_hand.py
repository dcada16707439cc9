"""Has a person asked beside the host, and waits a while for their answer.

The assistant is told a code and the address of a page. The address that can answer carries a secret
besides: it goes to the person's browser alone, or to a host that announces that it opens addresses
for its person (URL mode). Where people sign in, the page asks who they are instead. That such a
host agrees says that it opens the page, if that; the yes is given on the page.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

import anyio
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestURLParams, ElicitResult, InputRequiredResult

from korus_mcp.app import Doorbell, app_of
from korus_mcp.booking import approval
from korus_mcp.booking.ordered import OrderCall, Ordered
from korus_mcp.tools.asking import is_asked_within
from korus_mcp.tools.declare import AtAnAddress, ToolContext
from korus_mcp.tools.question_text import page_question
from korus_mcp.tools.unanswered import QUESTIONS

KEY: Final = f"{QUESTIONS}page"
"""The key under which a repeated call says what became of the address."""
_log = logging.getLogger(__name__)


async def answered(
    ctx: ToolContext, call: OrderCall, needed: Ordered
) -> tuple[Ordered, dict[str, Any]]:
    """The outcome of the order, if the person answers soon; else what is needed still, and what
    the assistant is told of it.

    Raises:
        Refusal: the person said no; there is no way to ask them; what stands against the order.
        AtAnAddress: see there.
    """
    app = app_of(ctx)
    ordering, bell, code = app.booking.ordering, app.doorbell, needed.code
    if ordering.by_hand is None or bell is None or code is None:
        raise approval.unavailable()
    page = await bell.page()
    secret = "" if bell.signs_in else f"/{ordering.by_hand.seal.secret_of(code)}"
    address = None if page is None else f"{page}/{code}{secret}"
    is_shown = address is not None and await _shown(ctx, bell, needed, address)
    # Without a browser there is the terminal, if another process can read what is asked here.
    has_terminal = ordering.by_hand.seal.is_shared and not bell.signs_in
    if not (is_shown or has_terminal or bell.signs_in):
        raise approval.unavailable()
    until = anyio.current_time() + app.settings.answer_seconds
    # Half of the time that a host waits; the other half is for the order.
    if is_shown and await ordering.by_hand.awaited(code, app.settings.answer_seconds / 2):
        needed = await ordering.place(call, until=until)
        if needed.code is None:
            return needed, {}
        # What they were asked has changed meanwhile: the next call shows it as it is now.
        code, is_shown = needed.code, False
    elif address is not None and is_shown and not bell.is_shown(code) and not bell.signs_in:
        # The host agreed, and nobody asked for the page.
        is_shown = await bell.open(code, address)
    if bell.signs_in:
        return needed, {
            "next": _next([f"at {page}/{code}, where they sign in as themselves"], None)
        }
    where = ["in the browser window that opened"] if is_shown else []
    where += [f"with `korus-mcp approve {code}` in a terminal"] if has_terminal else []
    return needed, {"next": _next(where, None if page is None else f"{page}/{code}")}


async def _shown(ctx: ToolContext, bell: Doorbell, needed: Ordered, address: str) -> bool:
    """Have the page shown, unless it is. Whether it may be before the person now."""
    code = str(needed.code)
    if bell.is_shown(code):
        return True
    if not _opens_addresses(ctx):
        return await bell.open(code, address)
    world = app_of(ctx).settings.environment.value
    text = page_question(needed.holds, needed.total, world)
    if is_asked_within(ctx):
        given = (ctx.input_responses or {}).get(KEY)
        if given is None:
            params = ElicitRequestURLParams(message=text, url=address)
            requests = {KEY: ElicitRequest(params=params)}
            # There is no state of a question, but a call that is repeated has one.
            raise AtAnAddress(InputRequiredResult(input_requests=requests, request_state="{}"))
        return isinstance(given, ElicitResult) and given.action == "accept"
    try:
        with anyio.fail_after(approval.KEPT_SECONDS):
            said = await ctx.session.elicit_url(text, address, code, ctx.request_id)
    except (TimeoutError, ValueError, MCPError) as error:
        _log.warning("the host opened no address (%s)", type(error).__name__)
        return False
    return bool(said.action == "accept")


def _opens_addresses(ctx: ToolContext) -> bool:
    """Whether the host opens addresses, and shows no forms: a form is asked before."""
    known = ctx.client_capabilities
    asks = known.elicitation if known is not None else None
    if asks is None or asks.url is None or asks.form is not None:
        return False
    return is_asked_within(ctx) or bool(ctx.session.can_send_request)


def _next(where: Sequence[str], page: str | None) -> str:
    places = ", or ".join(where)
    more = f" ({page} says how)" if page else ""
    return (
        f"Nothing is ordered yet: only the person can say yes{places and f', {places}'}{more}. "
        "Tell them, and call place_order again with the same arguments: it orders once they said "
        "yes."
    )
