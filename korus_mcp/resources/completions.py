"""Completions: catalogs, product bases, pages and seat maps; names of bases and cities in prompts.

They come from the mirror, like a search, and start no more than a search does. Whoever types is
never told of a failure: what is not known now is not proposed.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
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
Arguments: TypeAlias = Mapping[str, str]
"""The arguments that stand already, beside the one that is typed."""


@dataclass(frozen=True)
class Proposed:
    """Values an argument may have, best first; `total` None means more than were counted."""

    values: Sequence[str] = ()
    total: int | None = 0

    def shown(self) -> Completion:
        """The first hundred, as the protocol has them."""
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
        # Prompts name their arguments as people do: what one of them is of, their files tell.
        kind = argument.name
        if isinstance(ref, PromptReference):
            kind = completed.get((ref.name, argument.name), "")
        propose = _KINDS.get(kind)
        is_long = any(len(text) > LONGEST for text in (argument.value, *given.values()))
        if propose is None or is_long:
            return Proposed().shown()
        try:
            return (await propose(running.app, clean_line(argument.value), given)).shown()
        except ApiError:
            return Proposed().shown()


async def _catalogs(services: App, begun: str, _: Arguments) -> Proposed:
    """Aliases of the catalogs whose alias begins so, or whose name has it."""
    asked = fold(begun)
    catalogs = await services.mirror.catalogs(services.language(None))
    return _all([c.alias for c in catalogs if c.alias.startswith(asked) or asked in fold(c.name)])


async def _bases(services: App, begun: str, _: Arguments) -> Proposed:
    """Ids of product bases that begin so, else of those a search finds."""
    language = services.language(None)
    found = await services.mirror.bases_like(begun, language, limit=LIMIT + 1)
    values = [str(handle) for handle in found]
    # One more than is shown was asked for: fewer than that are all there are.
    if len(values) < LIMIT:
        return _all(values)
    if not words(begun):
        return Proposed(values, (await _mirrored(services)).store.total(Scope()))
    return Proposed(values, None)


async def _seat_maps(services: App, begun: str, given: Arguments) -> Proposed:
    """The seat map of a base whose details were read."""
    store = (await _mirrored(services)).store
    handle = parse_handle(given.get("product_base_id", ""))
    catalog = _catalog(store, handle.alias) if handle else None
    record = store.record(catalog.id, handle.id) if handle and catalog else None
    found = record.seat_map_id if record else None
    return _all([found] if found is not None and found.startswith(begun) else [])


async def _pages(services: App, begun: str, given: Arguments) -> Proposed:
    """Numbers of the pages of a catalog."""
    store = (await _mirrored(services)).store
    catalog = _catalog(store, given.get("catalog", ""))
    pages = pages_of(store, catalog) if catalog else 0
    return _all([str(n) for n in range(1, pages + 1) if str(n).startswith(begun)])


async def _names(services: App, begun: str, _: Arguments) -> Proposed:
    """Names of product bases, as a search finds them."""
    mirrored = await _mirrored(services)
    page = services.mirror.search(mirrored, begun, Scope(), BEGINNING, LIMIT)
    names = list(dict.fromkeys(row.name for row in page.rows))
    are_all = not page.has_more and page.total <= len(page.rows)
    return Proposed(names, len(names) if are_all else None)


async def _cities(services: App, begun: str, _: Arguments) -> Proposed:
    """Cities as their venues spell them, those that begin so first."""
    store, asked = (await _mirrored(services)).store, fold(begun)
    found = [city for city in store.cities_like(asked) if city]
    # The store folds what it compares; a person reads the venue's own spelling.
    found.sort(key=lambda city: (not city.startswith(asked), city))
    spelled = [store.spelled_city(city) for city in found[:LIMIT]]
    return Proposed(spelled, len(found) if len(found) < MOST_CITIES else None)


async def _mirrored(services: App) -> LanguageMirror:
    return await services.mirror.ready(services.language(None))


def _catalog(store: Store, alias: str) -> CatalogRecord | None:
    return next((c for c in store.catalogs() if c.alias == alias), None)


def _all(values: Sequence[str]) -> Proposed:
    return Proposed(values, len(values))


_KINDS: Final[Mapping[str, Callable[[App, str, Arguments], Awaitable[Proposed]]]] = {
    "catalog": _catalogs,
    "product_base_id": _bases,
    "seat_map_id": _seat_maps,
    "page": _pages,
    "product base": _names,
    "city": _cities,
}
"""What proposes the values of an argument that was begun so, by its kind."""
