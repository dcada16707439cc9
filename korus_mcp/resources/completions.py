"""Completions: catalogs, product bases, pages and seat maps; names of bases and cities in prompts.

They come from the mirror, like a search, and start no more than a search does. Whoever types is
never told of a failure: what is not known now is not proposed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

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
from korus_mcp.catalog.bases import CatalogRecord
from korus_mcp.catalog.mirror import LanguageMirror
from korus_mcp.catalog.store import MOST_CITIES, Scope, Store
from korus_mcp.foundation.folding import fold, words
from korus_mcp.foundation.handles import parse_handle
from korus_mcp.foundation.paging import BEGINNING
from korus_mcp.foundation.text import clean_line
from korus_mcp.resources.catalog import pages_of

LIMIT: Final = 100
LONGEST: Final = 200
"""Characters of what was typed so far, and of each argument beside it: nothing here is longer."""
PromptArguments: TypeAlias = Mapping[tuple[str, str], str]
"""What completes an argument of a prompt, by prompt and argument: "product base" or "city"."""


@dataclass(frozen=True)
class Proposed:
    """Values an argument may have, best first; without a total there are more than counted."""

    values: Sequence[str] = ()
    total: int | None = 0

    def shown(self) -> Completion:
        """The first hundred."""
        values = list(self.values[:LIMIT])
        has_more = self.total is None or self.total > len(values)
        return Completion(values=values, total=self.total, has_more=has_more)


def register_completions(
    server: MCPServer[Any], running: Running, completed: PromptArguments
) -> None:
    """Complete the arguments of resource templates, and those of prompts that name a thing."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # untyped in the SDK
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        given = (context.arguments if context else None) or {}
        if any(len(text) > LONGEST for text in (argument.value, *given.values())):
            return Proposed().shown()
        kind: str | None = argument.name
        if isinstance(ref, PromptReference):
            kind = completed.get((ref.name, argument.name))
        try:
            proposed = await _proposed(running.app, kind, clean_line(argument.value), given)
        except ApiError:
            proposed = Proposed()
        return proposed.shown()


async def _proposed(
    services: App, kind: str | None, begun: str, given: Mapping[str, str]
) -> Proposed:
    """What an argument of this kind may be that was begun so, beside those given."""
    match kind:
        case "catalog":
            return await _catalogs(services, begun)
        case "product_base_id":
            return await _bases(services, begun)
        case "seat_map_id":
            return await _seat_maps(services, begun, given.get("product_base_id", ""))
        case "page":
            return await _pages(services, begun, given.get("catalog", ""))
        case "product base":
            return await _names(services, begun)
        case "city":
            return await _cities(services, begun)
        case _:
            return Proposed()


async def _catalogs(services: App, begun: str) -> Proposed:
    """Aliases of the catalogs whose alias begins so, or whose name has it."""
    asked = fold(begun)
    catalogs = await services.mirror.catalogs(services.language(None))
    return _all([c.alias for c in catalogs if c.alias.startswith(asked) or asked in fold(c.name)])


async def _bases(services: App, begun: str) -> Proposed:
    """Ids of product bases that begin so, else of those a search finds."""
    language = services.language(None)
    found = await services.mirror.bases_like(begun, language, limit=LIMIT + 1)
    values = [str(handle) for handle in found]
    if len(values) < LIMIT:
        return _all(values)
    if not words(begun):
        return Proposed(values, (await _mirrored(services)).store.total(Scope()))
    return Proposed(values, None)


async def _seat_maps(services: App, begun: str, product_base_id: str) -> Proposed:
    """The seat map of a base whose details were read."""
    store = (await _mirrored(services)).store
    handle = parse_handle(product_base_id)
    catalog = _catalog(store, handle.alias) if handle else None
    record = store.record(catalog.id, handle.id) if handle and catalog else None
    found = record.seat_map_id if record else None
    return _all([found] if found is not None and found.startswith(begun) else [])


async def _pages(services: App, begun: str, alias: str) -> Proposed:
    """Numbers of the pages of a catalog."""
    store = (await _mirrored(services)).store
    catalog = _catalog(store, alias)
    pages = pages_of(store, catalog) if catalog else 0
    return _all([str(n) for n in range(1, pages + 1) if str(n).startswith(begun)])


async def _names(services: App, begun: str) -> Proposed:
    """Names of product bases, as a search finds them."""
    mirrored = await _mirrored(services)
    page = services.mirror.search(mirrored, begun, Scope(), BEGINNING, LIMIT)
    names = list(dict.fromkeys(row.name for row in page.rows))
    are_all = not page.has_more and page.total <= len(page.rows)
    return Proposed(names, len(names) if are_all else None)


async def _cities(services: App, begun: str) -> Proposed:
    """Cities as their venues spell them, those that begin so first."""
    store, asked = (await _mirrored(services)).store, fold(begun)
    found = [city for city in store.cities_like(asked) if city]
    found.sort(key=lambda city: (not city.startswith(asked), city))
    spelled = [store.spelled_city(city) for city in found[:LIMIT]]
    return Proposed(spelled, len(found) if len(found) < MOST_CITIES else None)


async def _mirrored(services: App) -> LanguageMirror:
    return await services.mirror.ready(services.language(None))


def _catalog(store: Store, alias: str) -> CatalogRecord | None:
    return next((c for c in store.catalogs() if c.alias == alias), None)


def _all(values: Sequence[str]) -> Proposed:
    return Proposed(values, len(values))
