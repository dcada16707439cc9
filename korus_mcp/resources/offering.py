"""Offers resources to hosts, and says how long a host may cache what it read.

The SDK has one cache hint for all reads. Here it depends on the resource and on the age of the
catalog: each resource states its own, and a middleware puts it on the answer.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mcp import MCPError
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.uri_template import UriTemplate
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from korus_mcp.access.policy import TokenScope
from korus_mcp.access.principal import signed_in
from korus_mcp.app import App
from korus_mcp.catalog.mirror import KEPT_SECONDS
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.resources.boundary import JSON, Content, guarded

Freshness: TypeAlias = Callable[[App], Awaitable[CacheHint]]
HOUR: Final = 3600
SOON: Final = 60
"""How many seconds a host may cache data that is old or incomplete: it will soon be renewed."""
UNKNOWN: Final = f"{Code.NOT_FOUND}: No resource has this address. List resources and templates."
LONGEST_ADDRESS: Final = 2048
"""The most characters of an address, since it is compared with each template. The longest real
one, of a picture with all its parameters, has a quarter of that."""
TOO_LONG: Final = f"{Code.NOT_FOUND}: An address has at most {LONGEST_ADDRESS} characters here."
FAILED: Final = f"{Code.MISCONFIGURED}: The server could not read this. Its log says why."


@dataclass(frozen=True)
class Offered:
    """The address of a resource, its cache hint, and the scope a token needs to read it."""

    address: UriTemplate
    fresh: Freshness
    needs: TokenScope | None


class Offering:
    """The resources of one server."""

    def __init__(self, server: MCPServer[App]) -> None:
        self._server = server
        self.offered: dict[str, Offered] = {}
        server.middleware.append(self.with_freshness)

    def add(
        self,
        read: Callable[..., Awaitable[Content]],
        uri: str,
        title: str,
        fresh: Freshness,
        mime_type: str = JSON,
        *,
        needs: TokenScope | None,
    ) -> None:
        """Offer a resource that `read` reads. Parts of `uri` in braces are its arguments, its
        docstring is the description, and its name, with dashes, that of the resource.

        `needs`: the scope of a token that may read it; None for everybody who signed in.
        """
        name = read.__name__.replace("_", "-")
        register = self._server.resource(
            uri, name=name, title=title, description=read.__doc__, mime_type=mime_type
        )
        register(guarded(read))
        self.offered[uri] = Offered(UriTemplate.parse(uri), fresh, needs)

    async def with_freshness(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Middleware: add the cache hint to each read, and put the SDK's refusals in our words."""
        uri = (ctx.params or {}).get("uri")
        if ctx.method != "resources/read" or not isinstance(uri, str):
            return await call_next(ctx)
        if len(uri) > LONGEST_ADDRESS:
            raise MCPError(code=INVALID_PARAMS, message=TOO_LONG)
        # The door has answered 403 before; here nothing depends on how it reads a request.
        caller, needed = signed_in(), self.needed_for(uri)
        if caller is not None and needed is not None and needed not in caller.scopes:
            raise MCPError(code=INVALID_PARAMS, message=UNKNOWN, data={"uri": uri})
        # Reads count against the limit of calls like tools: both send requests to the issuers.
        services: App = ctx.lifespan_context
        try:
            services.pace.call(services.principal.key)
        except Refusal as busy:
            raise MCPError(code=INTERNAL_ERROR, message=str(busy), data={"uri": uri}) from None
        # Taken before the read: the hint must not be that of a newer catalog than was read.
        hint = await self._fresh(uri)(services)
        try:
            result = await call_next(ctx)
        except MCPError as error:
            raise _in_our_words(error, uri) from None
        # Older revisions of the protocol have no cache hints.
        if not isinstance(result, dict) or "ttlMs" not in result:
            return result
        return {**result, "ttlMs": hint.ttl_ms, "cacheScope": hint.scope}

    def needed_for(self, uri: str) -> TokenScope | None:
        """The scope that a token needs to read this address; None for what all may read, and for an
        address that matches nothing.
        """
        # Of several that match the strictest counts: which of them answers is the SDK's choice.
        needed = {o.needs for o in self.offered.values() if o.address.match(uri) is not None}
        return max(filter(None, needed), key=list(TokenScope).index, default=None)

    def _fresh(self, uri: str) -> Freshness:
        # An address that matches no resource counts as private: nothing of it may be cached.
        offered = (o.fresh for o in self.offered.values() if o.address.match(uri) is not None)
        return next(offered, OWNED)


def _in_our_words(error: MCPError, uri: str) -> MCPError:
    """Replace the SDK's own refusal of a read, which repeats the address, by one with a code."""
    if error.data != {"uri": uri} or error.message.partition(":")[0] in set(Code):
        return error
    said = UNKNOWN if error.code == INVALID_PARAMS else FAILED
    return MCPError(code=error.code, message=said, data=error.data)


def always(hint: CacheHint) -> Freshness:
    """A cache hint that is always the same."""

    async def fresh(_: App) -> CacheHint:
        return hint

    return fresh


async def of_the_catalog(services: App) -> CacheHint:
    """The cache hint for the catalog: until it is a day old, but an hour at most."""
    state = await services.mirror.state(services.language(None))
    left = 0.0
    is_doubtful = state.is_stranded or state.is_partly_unread
    if state.read_at is not None and state.is_complete and not is_doubtful:
        left = KEPT_SECONDS - (services.clock.now() - state.read_at).total_seconds()
    return CacheHint(ttl_ms=int(1000 * max(SOON, min(HOUR, left))), scope="public")


READ_NOW: Final = always(CacheHint(ttl_ms=1000 * HOUR, scope="public"))
"""For data of the catalog that is not mirrored but was read for this answer."""
SHORTLY: Final = always(CacheHint(ttl_ms=1000 * SOON, scope="public"))
"""For prices and stock, which change soon."""
OWNED: Final = always(CacheHint(ttl_ms=0, scope="private"))
"""For bookings, which belong to somebody and may change at any moment."""
OURS: Final = always(CacheHint(ttl_ms=24 * 1000 * HOUR, scope="public"))
"""For texts of the server itself, which change with its version only."""
