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
from korus_mcp.app import Running
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
            pairs = await _pairs(running, argument.name)
        except ApiError:
            return None
        asked = fold(argument.value)
        found = [i for i, name in pairs if asked in fold(name) or i.startswith(argument.value)]
        return Completion(values=found[:LIMIT], total=len(found), has_more=len(found) > LIMIT)


async def _pairs(running: Running, argument: str) -> list[tuple[str, str]]:
    """Ids and names of what an argument may be."""
    services = running.app
    shelf = await services.mirror.shelf(services.language(None))
    match argument:
        case "catalog":
            return [(c.alias, c.name) for c in shelf.catalogs.values()]
        case "product_base_id":
            return [(str(n.handle), n.name) for n in shelf.names.values()]
        case _:
            return []
