"""Notes whose call a request is, and from which host, for what is kept and shared out by them."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from korus_mcp.access.policy import SPENDING_TOOLS
from korus_mcp.access.principal import LOCAL, called_by, signed_in
from korus_mcp.foundation.lanes import Call, on_behalf_of
from korus_mcp.foundation.marks import current_mark


async def names_host(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: while a request is answered, its host is known by the name it gave itself, and
    what it asks of KorusTicket takes turns with what others ask.
    """
    told, caller, mark = ctx.session.client_params, signed_in(), current_mark()
    owner = LOCAL if caller is None else caller.principal
    # An order, and what is read for it, stands behind nobody's search.
    call = Call(owner.key, goes_first=mark is not None and mark.target in SPENDING_TOOLS)
    with called_by("" if told is None else told.client_info.name), on_behalf_of(call):
        return await call_next(ctx)
