"""Notes which host a request is from, for what is kept by host."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from korus_mcp.access.principal import called_by


async def names_host(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware: while a request is answered, its host is known by the name it gave itself."""
    told = ctx.session.client_params
    with called_by("" if told is None else told.client_info.name):
        return await call_next(ctx)
