"""Room for seat maps, which are large: few are read, drawn and joined at once, equal ones once.

A map of 100,000 seats takes a second of the processor and a hundred megabytes. So at most two maps
are open at a time, whoever asks; who asks for one that is open shares it, and it is let go with the
last of them. Work on open maps takes turns, too, off the event loop. Who would wait too long is
told so instead of being kept.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import anyio
from anyio import to_thread

from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.seating.layout import Drawing

AT_ONCE: Final = 2
"""Maps that are open, and threads that work on them."""
SECONDS: Final = 15.0
"""How long a caller waits, reading included."""
MOST_WAITING: Final = 50
"""Different questions under way; more would only wait for each other."""
RETRY_SECONDS: Final = 5

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Layout:
    """A seat map as it was read, and as it is drawn."""

    seat_map: SeatMap
    drawing: Drawing


@dataclass(eq=False)
class _Open:
    """A map with those who use it; `has_place` while it counts among those that are open."""

    layout: Layout | None = None
    users: int = 0
    has_place: bool = False


class Drafting:
    """Opens maps and works on them, for all callers of a server."""

    def __init__(self, flights: Flights) -> None:
        self._flights = flights
        self._places = anyio.CapacityLimiter(AT_ONCE)
        self._threads = anyio.CapacityLimiter(AT_ONCE)
        self._open: dict[Hashable, _Open] = {}
        self._asked: dict[Hashable, int] = {}

    async def shared(self, key: Hashable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer to a question, asked once for all who ask the same now.

        Raises:
            Refusal: SERVER_BUSY when it takes too long, or too many different ones are asked.
            Exception: what `work` raised.
        """
        # A question that is under way already costs nothing more, so it is never turned away.
        if key not in self._asked and len(self._asked) >= MOST_WAITING:
            raise _busy()
        self._asked[key] = self._asked.get(key, 0) + 1
        try:
            with anyio.fail_after(SECONDS):
                return await self._flights.join(("seats", key), partial(_in_time, work))
        except TimeoutError:
            raise _busy() from None
        finally:
            self._asked[key] -= 1
            if not self._asked[key]:
                del self._asked[key]

    @asynccontextmanager
    async def opened(
        self, key: Hashable, draft: Callable[[], Awaitable[Layout]]
    ) -> AsyncIterator[Layout]:
        """A map, drafted unless it is open already; it stays open as long as somebody uses it.

        Raises:
            Exception: what `draft` raised.
        """
        # The map itself is what is joined on, not its key: one that was let go meanwhile, and is
        # opened again under the same key, is another.
        one = self._open.setdefault(key, _Open())
        with self._used(key, one):
            if one.layout is None:
                await self._flights.join(one, partial(self._draft, key, one, draft))
            if one.layout is None:
                raise AssertionError("a map that was drafted is there")
            yield one.layout

    async def in_turn(self, work: Callable[[], Answer]) -> Answer:
        """The answer of a long computation, made in a thread when there is one free."""
        return await to_thread.run_sync(work, limiter=self._threads)

    async def _draft(
        self, key: Hashable, one: _Open, draft: Callable[[], Awaitable[Layout]]
    ) -> None:
        # The draft is a user of its own: it goes on for others when the one who began it leaves.
        with self._used(key, one), anyio.fail_after(SECONDS):
            # A place is held by the map, not by the task that waits for it: whoever is the last to
            # use the map gives it back.
            if not one.has_place:
                await self._places.acquire_on_behalf_of(one)
                one.has_place = True
            one.layout = await draft()

    @contextmanager
    def _used(self, key: Hashable, one: _Open) -> Iterator[None]:
        one.users += 1
        try:
            yield
        finally:
            one.users -= 1
            if one.users == 0:
                # Another map may stand under this key by now.
                if self._open.get(key) is one:
                    del self._open[key]
                if one.has_place:
                    self._places.release_on_behalf_of(one)


async def _in_time(work: Callable[[], Awaitable[Answer]]) -> Answer:
    """What a work answers within SECONDS: whoever asked for it may have left meanwhile."""
    with anyio.fail_after(SECONDS):
        return await work()


def _busy() -> Refusal:
    return Refusal(
        Code.SERVER_BUSY,
        "Too many or too large seat maps are being drawn now.",
        "Call again after the named seconds, or call get_offers with zone instead.",
        retry_after_seconds=RETRY_SECONDS,
    )
