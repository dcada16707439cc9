"""Room for seat maps, which are large: few are unfolded, drawn and joined at once, equal ones once.

A map of 100,000 seats takes a second of the processor and a hundred megabytes. So at most two maps
are open at a time, whoever asks; who asks for one that is open shares it, and it is let go with the
last of them. Waiting for the API keeps none from being opened: a map is open from the moment its
answer is here. Work on open maps takes turns, too, off the event loop. Who would wait too long is
told so instead of being kept.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias, TypeVar

import anyio
from anyio import to_thread

from korus_mcp.api import Outcome, TimedOut
from korus_mcp.api.models.seat_map import SeatMap
from korus_mcp.foundation.coalescing import Flights
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.seating.layout import Drawing

AT_ONCE: Final = 2
"""Maps that are open, and threads that work on them."""
READ_AT_ONCE: Final = 16
"""Maps that are waited for or have come: packed, each is 5 MiB at most."""
SECONDS: Final = 20.0
"""How long a caller waits, reading included: a few seconds are left for the picture."""
MOST_WAITING: Final = 50
"""Different questions under way; more would only wait for each other."""
RETRY_SECONDS: Final = 5

Answer = TypeVar("Answer")
Opening: TypeAlias = Callable[[], Awaitable[None]]
"""Waits for a place; called when a map is here, before it is unfolded."""


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
    has_come: bool = False
    """Whether the API has answered: what is waited for from then on is ours."""
    has_place: bool = False


@dataclass(eq=False)
class _Question:
    """Who asks the same now, and the map it is about once that is known."""

    users: int = 0
    about: _Open | None = None


class Drafting:
    """Opens maps and works on them, for all callers of a server."""

    def __init__(self, flights: Flights) -> None:
        self._flights = flights
        self._reads = anyio.CapacityLimiter(READ_AT_ONCE)
        self._places = anyio.CapacityLimiter(AT_ONCE)
        self._threads = anyio.CapacityLimiter(AT_ONCE)
        self._open: dict[Hashable, _Open] = {}
        self._asked: dict[Hashable, _Question] = {}

    async def shared(self, key: Hashable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer to a question, asked once for all who ask the same now.

        Raises:
            Refusal: SERVER_BUSY when the map is here and its turn does not come, or too many
                different ones are asked.
            TimedOut: the API takes too long.
            Exception: what `work` raised.
        """
        # A question that is under way already costs nothing more, so it is never turned away.
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
        """A map, drafted unless it is open already; it stays open as long as somebody uses it.

        `asked` is the question it answers, by the key it was asked with.

        Raises:
            Exception: what `draft` raised.
        """
        # The map itself is what is joined on, not its key: one that was let go meanwhile, and is
        # opened again under the same key, is another.
        one = self._open.setdefault(key, _Open())
        if asked in self._asked:
            self._asked[asked].about = one
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
        self, key: Hashable, one: _Open, draft: Callable[[Opening], Awaitable[Layout]]
    ) -> None:
        async def opening() -> None:
            one.has_come = True
            # A place is held by the map, not by the task that waits for it: whoever is the last to
            # use the map gives it back.
            if not one.has_place:
                await self._places.acquire_on_behalf_of(one)
                one.has_place = True

        # The draft is a user of its own: it goes on for others when the one who began it leaves.
        with self._used(key, one), anyio.fail_after(SECONDS):
            async with self._reads:
                one.layout = await draft(opening)

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
