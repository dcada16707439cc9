"""In which languages answers come: those of the operator, and those the API was seen to serve.

The API publishes no list of its languages and answers every other one from a default of its own
(A24). What a caller names must therefore not be taken for a language: each would have a catalog of
its own. Where an answer of the API names its language (`Content-Language`), that one is served.
"""

from functools import partial
from typing import Final

from cachetools import TTLCache

from korus_mcp.api import ApiError, KorusApi
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.language_tags import canonical

MOST_SEEN: Final = 8
"""So many languages beside the operator's: an API that calls itself everything is not believed."""
MOST_TRIED: Final = 32
TRIED_SECONDS: Final = 24 * 3600
"""So many languages that are not served are tried in a day; further ones are not."""


class Languages:
    """The languages of one account. Without any listed, every language is taken as it is."""

    def __init__(
        self,
        api: KorusApi,
        flights: Flights,
        *,
        default: str | None,
        listed: tuple[str, ...],
        clock: Clock,
    ) -> None:
        self._api = api
        self._flights = flights
        names = (canonical(tag) or tag for tag in (*([default] if default else ()), *listed))
        self.listed = tuple(dict.fromkeys(names))
        self._not_served: TTLCache[str, bool] = TTLCache(
            MOST_TRIED, TRIED_SECONDS, timer=clock.monotonic
        )

    def spoken(self, wished: str) -> str:
        """The language an answer comes in, as far as is known now; asks nobody."""
        name = canonical(wished)
        if not self.listed:
            return name or wished
        is_served = name in self.listed or name in self._seen()
        return name if name is not None and is_served else self.listed[0]

    async def known(self, wished: str) -> str:
        """The same, after the API was asked once about a language nobody knows of yet."""
        name = canonical(wished)
        if name is None or self.spoken(wished) == name or name in self._not_served:
            return self.spoken(wished)
        # A caller who names ever new languages must not make us ask for each.
        if len(self._not_served) < MOST_TRIED:
            await self._flights.join(("language", name), partial(self._try, name))
        return self.spoken(wished)

    async def _try(self, name: str) -> None:
        try:
            await self._api.ticketing.list_catalogs(language=name).page()
        except ApiError:
            return  # nothing was learnt; the default is spoken, and the next call tries again
        if name not in self._seen():
            self._not_served[name] = True

    def _seen(self) -> tuple[str, ...]:
        """Those the API named of its own accord, the first of them."""
        # Tags of headers, in the order they came: the first ones keep their place.
        seen = filter(None, map(canonical, self._api.languages_seen))
        others = [name for name in dict.fromkeys(seen) if name not in self.listed]
        return tuple(others[:MOST_SEEN])
