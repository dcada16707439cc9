"""Shared and parallel work: one result for all who ask the same, and several steps at once.

Also notes whether a call began something irreversible, whichever task did it for the call.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

import anyio
from anyio.abc import TaskGroup
from cachetools import TTLCache

from korus_mcp.foundation.lanes import NoPlace, present_owner

Answer = TypeVar("Answer")
KEPT_SECONDS: Final = 60
"""How long a result is kept for a caller who left before it was there."""
MOST_KEPT: Final = 1000
_log = logging.getLogger(__name__)


class Abandoned(Exception):
    """The shared work was stopped because its owner is closing."""

    def __init__(self) -> None:
        super().__init__("the work was stopped before it had an answer")


class Begun:
    """Whether a call, or another call it waits for, began something irreversible.

    A request that holds, books or names a beneficiary is marked right before its first byte leaves;
    a crash before that certainly changed nothing.
    """

    def __init__(self) -> None:
        self._is_marked = False
        self._others: list[Begun] = []

    @property
    def is_true(self) -> bool:
        """Whether something was begun, here or in joined work."""
        return self._is_marked or any(other.is_true for other in self._others)

    def mark(self) -> None:
        """Note that something irreversible begins now."""
        self._is_marked = True

    def join(self, other: "Begun") -> None:
        """Count what the other call has begun, or will begin, as begun here."""
        # A call that joined itself would make `is_true` recurse for ever.
        if other is not self:
            self._others.append(other)

    def leave(self, other: "Begun") -> None:
        """Drop the other call, which is over; what it began still counts."""
        self._is_marked = self._is_marked or other.is_true
        self._others = [each for each in self._others if each is not other]


_BEGUN: ContextVar[Begun | None] = ContextVar("begun", default=None)


def begun_here() -> Begun:
    """The `Begun` of the present call, which its tasks share."""
    return _BEGUN.get() or Begun()


@contextmanager
def watched() -> Iterator[Begun]:
    """A new `Begun` for the block, and for the tasks that are started in it."""
    begun = Begun()
    before = _BEGUN.set(begun)
    try:
        yield begun
    finally:
        _BEGUN.reset(before)


@dataclass
class _Flight:
    """Shared work under way: what it began, and its result.

    `owed`: how many callers left without the result, and have not asked again. `owner`: whose call
    began it.
    """

    is_kept: bool = False
    owner: str = field(default_factory=present_owner)
    owed: int = 0
    landed: anyio.Event = field(default_factory=anyio.Event)
    begun: Begun = field(default_factory=Begun)
    answer: Any = None
    error: Exception | None = field(default_factory=Abandoned)
    """The result until there is one, so a cancelled task leaves `Abandoned` to those who wait."""


async def side_by_side(
    steps: Iterable[Callable[[], Awaitable[Answer]]], *, limit: int = 8
) -> list[Answer]:
    """Run all steps, at most `limit` at once, and return their results in order.

    Raises:
        Exception: the first failure, not as a group; the other steps are cancelled.
    """
    waiting = list(steps)
    if len(waiting) == 1:  # no task: it could take longer than the step itself
        return [await waiting[0]()]
    answers: dict[int, Answer] = {}
    places = anyio.CapacityLimiter(limit)

    async def take(place: int, step: Callable[[], Awaitable[Answer]]) -> None:
        async with places:
            answers[place] = await step()

    try:
        async with anyio.create_task_group() as group:
            for place, step in enumerate(waiting):
                group.start_soon(take, place, step)
    # Callers handle the exceptions of steps, not groups; the first one cancelled the other steps.
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [answers[place] for place in sorted(answers)]


Told: TypeAlias = Callable[[int, int], Awaitable[None]]
"""A callback that gets the number of steps done, and the number of all steps."""


@dataclass
class Count:
    """Counts the steps of some work, for those who wait for it."""

    total: int
    done: int = 0
    _moved: anyio.Event = field(default_factory=anyio.Event)

    def step(self) -> None:
        """Count one more step as done."""
        self.done += 1
        self._moved.set()
        # An event can be set only once, so there is a new one for the next step.
        self._moved = anyio.Event()

    @asynccontextmanager
    async def telling(self, told: Told | None) -> AsyncIterator[None]:
        """Call `told` at each step while the block runs.

        Raises:
            Exception: the exception that ended the block, not as a group.
        """
        if told is None:
            yield
            return
        try:
            async with anyio.create_task_group() as group:
                # Apart from the work: it must not fail when a host does not accept progress.
                group.start_soon(kept_apart, partial(self._tell, told))
                yield
                group.cancel_scope.cancel()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _tell(self, told: Told) -> None:
        while True:
            moved = self._moved
            await told(self.done, self.total)
            await moved.wait()


async def kept_apart(work: Callable[[], Awaitable[object]]) -> None:
    """Run work so that its crash is logged, and does not cancel the other tasks of its group."""
    try:
        await work()
    except Exception:  # noqa: BLE001 - logged with its traceback, kept from the others
        _log.exception("a background task crashed")


class Flights:
    """Callers who ask the same at the same time share one result. It is kept only for those who
    left before it was there.

    The work runs in a task of the owner, not of a caller, so that cancelling one caller does not
    stop it for the others.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._under_way: dict[Hashable, _Flight] = {}
        self._kept: TTLCache[Hashable, _Flight] = TTLCache(
            MOST_KEPT, KEPT_SECONDS, anyio.current_time
        )

    async def join(
        self, key: Hashable, work: Callable[[], Awaitable[Answer]], *, is_kept: bool = False
    ) -> Answer:
        """The result of `work`, which is started here unless it is under way already.

        `is_kept`: a caller who leaves before the result is there gets it, once, by asking again
        within `KEPT_SECONDS` after it came. The work is not done anew for that.

        Raises:
            Abandoned: the owner stopped the work.
            Exception: what `work` raised; all who joined get the same.
        """
        # This pattern is known as "single flight".
        flight = self._under_way.get(key) or self._kept.pop(key, None)
        if flight is None:
            flight = self._under_way[key] = _Flight(is_kept)
            self._tasks.start_soon(self._fly, key, flight, work)
        begun = begun_here()
        # What the work begins counts for each caller: the others may be gone by then.
        begun.join(flight.begun)
        # Nothing tells callers apart: one who asks while another is owed is taken for that one.
        flight.owed = max(0, flight.owed - 1)
        self._keep(key, flight)
        try:
            await flight.landed.wait()
        except anyio.get_cancelled_exc_class():
            flight.owed += 1
            self._keep(key, flight)
            raise
        begun.leave(flight.begun)
        # Another caller's requests found no place: this one may have a place of their own.
        if isinstance(flight.error, NoPlace) and flight.owner != present_owner():
            return await self.join(key, work, is_kept=is_kept)
        if flight.error is not None:
            raise flight.error
        answer: Answer = flight.answer
        return answer

    async def landed(self) -> None:
        """Wait for all work that is under way now."""
        for flight in list(self._under_way.values()):
            await flight.landed.wait()

    def _keep(self, key: Hashable, flight: _Flight) -> None:
        """Keep the result, once it is there, as long as somebody is owed it."""
        has_result = flight.landed.is_set() and not isinstance(flight.error, Abandoned)
        if flight.is_kept and flight.owed and has_result:
            self._kept[key] = flight

    async def _fly(
        self, key: Hashable, flight: _Flight, work: Callable[[], Awaitable[object]]
    ) -> None:
        try:
            with watched() as begun:
                flight.begun.join(begun)
                flight.answer = await work()
            flight.error = None
        except Exception as error:  # noqa: BLE001 - raised again in all callers who wait
            flight.error = error
        finally:
            # The next caller starts new work, unless a caller who left is owed this result.
            self._under_way.pop(key, None)
            flight.landed.set()
            self._keep(key, flight)
