"""Completes arguments: catalogs, product bases, pages, seat maps; names and cities in prompts.

Values come from the mirrored catalog. Whoever types never sees an error: a value that is not known
now is not proposed.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import mcp_types
from mcp.server.mcpserver import MCPServer

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
"""The most characters of what was typed, and of each other argument: no value here is longer."""
PromptArguments: TypeAlias = Mapping[tuple[str, str], str]
"""(prompt, argument) -> the kind of value that completes it: "product base" or "city"."""
Arguments: TypeAlias = Mapping[str, str]
"""The other arguments that were filled in already, by name."""


@dataclass(frozen=True)
class Proposed:
    """Values for an argument, best first; `total` None: there are more, which were not counted."""

    values: Sequence[str] = ()
    total: int | None = 0


def register_completions(
    server: MCPServer[Any], running: Running, completed: PromptArguments
) -> None:
    """Offer completion of the arguments of resource templates and of some arguments of prompts."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # untyped in the SDK
    async def complete(
        ref: mcp_types.PromptReference | mcp_types.ResourceTemplateReference,
        argument: mcp_types.CompletionArgument,
        context: mcp_types.CompletionContext | None,
    ) -> mcp_types.Completion:
        given = (context.arguments if context else None) or {}
        # An argument of a prompt may have any name; its kind is in the prompt's file.
        kind = argument.name
        if isinstance(ref, mcp_types.PromptReference):
            kind = completed.get((ref.name, argument.name), "")
        propose, proposed = _KINDS.get(kind), Proposed()
        is_long = any(len(text) > LONGEST for text in (argument.value, *given.values()))
        if propose is not None and not is_long:
            with suppress(ApiError):
                proposed = await propose(running.app, clean_line(argument.value), given)
        values = list(proposed.values[:LIMIT])
        has_more = proposed.total is None or proposed.total > len(values)
        return mcp_types.Completion(values=values, total=proposed.total, has_more=has_more)


async def _catalogs(services: App, begun: str, _: Arguments) -> Proposed:
    """Aliases of catalogs: those that begin with the text, or whose name contains it."""
    asked = fold(begun)
    catalogs = await services.mirror.catalogs(services.language(None))
    return _all([c.alias for c in catalogs if c.alias.startswith(asked) or asked in fold(c.name)])


async def _bases(services: App, begun: str, _: Arguments) -> Proposed:
    """Ids of product bases: those that begin with the text, else those of bases a search finds."""
    language = services.language(None)
    found = await services.mirror.bases_like(begun, language, limit=LIMIT + 1)
    values = [str(handle) for handle in found]
    # The search was for one more than is shown. If it found fewer, these are all.
    if len(values) < LIMIT:
        return _all(values)
    if not words(begun):
        return Proposed(values, (await _mirrored(services)).store.total(Scope()))
    return Proposed(values, None)


async def _seat_maps(services: App, begun: str, given: Arguments) -> Proposed:
    """The id of the seat map of the given base, if the mirror knows it."""
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
    page = mirrored.search(begun, Scope(), BEGINNING, LIMIT)
    names = list(dict.fromkeys(row.name for row in page.rows))
    are_all = not page.has_more and page.total <= len(page.rows)
    return Proposed(names, len(names) if are_all else None)


async def _cities(services: App, begun: str, _: Arguments) -> Proposed:
    """Cities in their venues' spelling; those that begin with the text go first."""
    store, asked = (await _mirrored(services)).store, fold(begun)
    found = [city for city in store.cities_like(asked) if city]
    # The store compares without case and accents; a person reads the venue's own spelling.
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
"""Kind of argument -> the function that proposes its values."""
