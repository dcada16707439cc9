"""Which languages there are: those the operator lists, and those the API was seen to serve.

The API publishes no list of its languages, and answers in a default one for any other (A24). So a
language that a caller names is not simply believed: each would get a catalog of its own. A language
counts as served once an answer of the API names it in `Content-Language`.
"""

import math
from functools import partial
from typing import Final

from cachetools import TTLCache

from korus_mcp.api import ApiError, KorusApi
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.deadlines import in_time
from korus_mcp.foundation.language_tags import canonical
from korus_mcp.settings import DEFAULT_LANGUAGE

MOST_SEEN: Final = 8
"""The most languages besides the operator's: an API that names ever new ones is not believed."""
MOST_TRIED: Final = 32
TRIED_SECONDS: Final = 24 * 3600
"""Within this time at most `MOST_TRIED` languages that are not served are tried."""
LOOK_AGAIN_SECONDS: Final = 60.0


class Languages:
    """The languages of one account. If the operator lists none, every language is accepted."""

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
        self._clock = clock
        self._look_again = -math.inf
        names = (canonical(tag) or tag for tag in (*([default] if default else ()), *listed))
        self.listed = tuple(dict.fromkeys(names))
        self._not_served: TTLCache[str, bool] = TTLCache(
            MOST_TRIED, TRIED_SECONDS, timer=clock.monotonic
        )

    def spoken(self, wished: str) -> str:
        """The language that answers will be in, by what is known now; sends no request."""
        name = canonical(wished)
        if not self.listed:
            return name or wished
        is_served = name in self.listed or name in self._seen()
        return name if name is not None and is_served else self.listed[0]

    async def known(self, wished: str) -> str:
        """As `spoken`, but the API is asked once about a language that is not known yet."""
        name = canonical(wished)
        if name is None or self.spoken(wished) == name or name in self._not_served:
            return self.spoken(wished)
        # Bounded: a caller could name ever new languages.
        if len(self._not_served) < MOST_TRIED:
            await self._flights.join(("language", name), partial(self._try, name))
        return self.spoken(wished)

    async def besides(self, language: str) -> tuple[str, ...]:
        """The other languages in which a name may be known: the listed ones, those seen, and the
        one of the platform, if it is served.
        """
        now = self._clock.monotonic()
        # Not at each search: while the API fails nothing is learnt, and asking costs a time-out.
        if now >= self._look_again:
            self._look_again = now + LOOK_AGAIN_SECONDS
            with in_time():
                await self.known(DEFAULT_LANGUAGE)
        names = dict.fromkeys((*self.listed, *self._seen()))
        return tuple(name for name in names if name != self.spoken(language))

    async def _try(self, name: str) -> None:
        try:
            await self._api.ticketing.list_catalogs(language=name).page()
        except ApiError:
            return  # nothing was learnt: the default is used, and the next call tries again
        if name not in self._seen():
            self._not_served[name] = True

    def _seen(self) -> tuple[str, ...]:
        """The first few languages that the API named in its answers."""
        # Tags of headers, in the order they came: the first ones keep their place.
        seen = filter(None, map(canonical, self._api.languages_seen))
        others = [name for name in dict.fromkeys(seen) if name not in self.listed]
        return tuple(others[:MOST_SEEN])
