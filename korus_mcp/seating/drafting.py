"""Limits the work on seat maps, which are large: only a few are in memory at once, and shared.

A map of 100,000 seats takes a second of processor time and a hundred megabytes. So at most two maps
are open at a time. Callers who ask for the same map share it, and it is dropped after the last of
them; some small ones are kept for a day, as the catalog is. A map is open once the API's answer has
come, so that a slow API does not block other maps. Work on open maps runs in a few threads, in
turn. A caller who would wait too long gets an error.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final, TypeAlias, TypeVar

import anyio
from anyio import to_thread
from cachetools import TTLCache

from korus_mcp.api import Outcome, TimedOut
from korus_mcp.api.models.seat_map import LeftOut, SeatMap
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.seating.layout import Drawing
from korus_mcp.seating.row_names import RowEnds, row_ends_of

AT_ONCE: Final = 2
"""The most maps that are open at once, and the number of threads that work on them."""
READ_AT_ONCE: Final = 16
"""The most maps that are being fetched or wait to be opened; compressed, each has at most 5 MiB."""
SECONDS: Final = 20.0
"""How long a caller waits, with the time to fetch the map; the rest of the call's time is for the
picture."""
MOST_WAITING: Final = 50
"""The most different questions under way; more would only wait for each other."""
RETRY_SECONDS: Final = 5
KEPT_SECONDS: Final = 24 * 3600
"""How long a small map is kept, as the catalog is."""
KEPT_PLACES: Final = 20_000
"""The most seats and zones of all maps that are kept, a kilobyte each at most."""

Answer = TypeVar("Answer")
Opening: TypeAlias = Callable[[], Awaitable[None]]
"""Waits until the map may be opened; called when the API's answer has come, before it is parsed."""


@dataclass(frozen=True)
class Layout:
    """A seat map as fetched, and as a drawing."""

    seat_map: SeatMap
    drawing: Drawing

    @cached_property
    def row_ends(self) -> RowEnds:
        """Where names of rows have room."""
        return row_ends_of(self.drawing)

    @property
    def places(self) -> int:
        """Its seats and zones, by which it takes memory."""
        zones = self.seat_map.zones
        return len(zones) + sum(len(row.seats) for zone in zones for row in zone.rows or ())

    @property
    def may_be_kept(self) -> bool:
        """Whether it is small, and nothing of it was left out."""
        return self.places <= KEPT_PLACES and self.drawing.left_out == LeftOut()


@dataclass(eq=False)
class _Open:
    """A map and its number of users; `has_place` while it has one of the `AT_ONCE` places."""

    layout: Layout | None = None
    users: int = 0
    has_come: bool = False
    """Whether the API has answered; from then on any waiting is for our own limits."""
    has_place: bool = False


@dataclass(eq=False)
class _Question:
    """The number of callers with the same question, and its map once that is known."""

    users: int = 0
    about: _Open | None = None


class Drafting:
    """Opens seat maps and works on them, for all callers of a server."""

    def __init__(self, flights: Flights, clock: Clock) -> None:
        self._flights = flights
        self._reads = anyio.CapacityLimiter(READ_AT_ONCE)
        self._places = anyio.CapacityLimiter(AT_ONCE)
        self._threads = anyio.CapacityLimiter(AT_ONCE)
        self._open: dict[Hashable, _Open] = {}
        self._asked: dict[Hashable, _Question] = {}
        self._kept: TTLCache[Hashable, Layout] = TTLCache(
            KEPT_PLACES,
            KEPT_SECONDS,
            timer=lambda: clock.now().timestamp(),
            getsizeof=lambda layout: layout.places,
        )

    async def shared(self, key: Hashable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The result of `work`, which runs once for all callers with the same key.

        Raises:
            Refusal: SERVER_BUSY when the map was fetched but cannot be opened in time, or too many
                different keys are under way.
            TimedOut: the API takes too long.
            Exception: what `work` raised.
        """
        # To join work that is under way costs nothing, so it is never refused.
        if key not in self._asked and len(self._asked) >= MOST_WAITING:
            raise _busy()
        question = self._asked.setdefault(key, _Question())
        question.users += 1
        try:
            with anyio.fail_after(SECONDS):
                return await self._flights.join(("seats", key), partial(_in_time, work))
        except TimeoutError:
            if question.about is not None and question.about.has_come:
                raise _busy() from None
            raise TimedOut("getSeatMap", Outcome.REFUSED) from None
        finally:
            question.users -= 1
            if not question.users:
                del self._asked[key]

    @asynccontextmanager
    async def opened(
        self, key: Hashable, draft: Callable[[Opening], Awaitable[Layout]], *, asked: Hashable
    ) -> AsyncIterator[Layout]:
        """Yield a map, made by `draft` unless it is open already; it is open while it has users.

        `asked` is the key of the call to `shared` that needs this map.

        Raises:
            Exception: what `draft` raised.
        """
        # Work is shared by this object and not by the key: a map that was dropped and opened again
        # under the same key is another one.
        one = self._open.setdefault(key, _Open())
        if asked in self._asked:
            self._asked[asked].about = one
        with self._used(key, one):
            layout = one.layout
            if layout is None:
                layout = await self._flights.join(one, partial(self._draft, key, one, draft))
            yield layout

    @asynccontextmanager
    async def kept(
        self, key: Hashable, draft: Callable[[Opening], Awaitable[Layout]], *, asked: Hashable
    ) -> AsyncIterator[Layout]:
        """As `opened`, but a map of the last day will do: a small one is kept for the next caller.

        Raises:
            Exception: what `draft` raised.
        """
        layout = self._kept.get(key)
        if layout is not None:
            # From here on any waiting is for our own limits.
            if asked in self._asked:
                self._asked[asked].about = _Open(layout, has_come=True)
            yield layout
            return
        async with self.opened(key, draft, asked=asked) as layout:
            if layout.may_be_kept:
                self._kept[key] = layout
            yield layout

    async def in_turn(self, work: Callable[[], Answer]) -> Answer:
        """Run a long computation in a thread, as soon as one is free, and return its result."""
        return await to_thread.run_sync(work, limiter=self._threads)

    async def _draft(
        self, key: Hashable, one: _Open, draft: Callable[[Opening], Awaitable[Layout]]
    ) -> Layout:
        async def opening() -> None:
            one.has_come = True
            # The place belongs to the map, not to this task: the last user of the map frees it.
            if not one.has_place:
                await self._places.acquire_on_behalf_of(one)
                one.has_place = True

        # The draft counts as a user, too: it goes on for others if the first caller leaves.
        with self._used(key, one), anyio.fail_after(SECONDS):
            async with self._reads:
                one.layout = await draft(opening)
                return one.layout

    @contextmanager
    def _used(self, key: Hashable, one: _Open) -> Iterator[None]:
        one.users += 1
        try:
            yield
        finally:
            one.users -= 1
            if one.users == 0:
                # By now there may be another map with this key.
                if self._open.get(key) is one:
                    del self._open[key]
                if one.has_place:
                    self._places.release_on_behalf_of(one)


async def _in_time(work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Run the work within `SECONDS`, even if its callers have left."""
    with anyio.fail_after(SECONDS):
        return await work()


def _busy() -> Refusal:
    return Refusal(
        Code.SERVER_BUSY,
        "Too many or too large seat maps are being drawn now.",
        "Call again after the named seconds, or call get_offers with zone instead.",
        retry_after_seconds=RETRY_SECONDS,
    )
