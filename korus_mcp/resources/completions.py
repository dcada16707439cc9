"""Completions: catalogs and product bases, by id or by name."""

from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from korus_mcp.api import ApiError
from korus_mcp.app import App, Running
from korus_mcp.folding import fold

LIMIT: Final = 100


def register_completions(server: MCPServer[Any], running: Running) -> None:
    """Complete `catalog` and `product_base_id` of resource templates; by id or by name."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # untyped in the SDK
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        del context
        if not isinstance(ref, ResourceTemplateReference):
            return None
        try:
            found = await _values(running.app, argument.name, argument.value)
        except ApiError:
            return None
        return Completion(values=found[:LIMIT], total=len(found), has_more=len(found) > LIMIT)


async def _values(services: App, argument: str, begun: str) -> list[str]:
    """What an argument may be that was begun so."""
    language = services.language(None)
    match argument:
        case "catalog":
            catalogs = await services.mirror.catalogs(language)
            asked = fold(begun)
            return [c.alias for c in catalogs if c.alias.startswith(begun) or asked in fold(c.name)]
        case "product_base_id":
            bases = await services.mirror.bases_like(begun, language, limit=LIMIT + 1)
            return [str(handle) for handle in bases]
        case _:
            return []
