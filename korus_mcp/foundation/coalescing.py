"""Work under way: one answer for all who ask the same, several steps side by side.

And what a call has begun that cannot be taken back, whichever task did it on its behalf.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias, TypeVar

import anyio
from anyio.abc import TaskGroup

Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


class Abandoned(Exception):
    """The work that was joined has been stopped: its owner is closing."""

    def __init__(self) -> None:
        super().__init__("the work was stopped before it had an answer")


class Begun:
    """Whether a call, or one it waits for, began something that cannot be taken back.

    What is sent to hold, book or name says so before its first byte leaves; a crash before that
    certainly changed nothing.
    """

    def __init__(self) -> None:
        self._is_marked = False
        self._others: list[Begun] = []

    @property
    def is_true(self) -> bool:
        """Whether it began, here or in what was joined."""
        return self._is_marked or any(other.is_true for other in self._others)

    def mark(self) -> None:
        """It begins now."""
        self._is_marked = True

    def join(self, other: "Begun") -> None:
        """What the other one has begun, or begins later, counts here, too."""
        # A call that joins itself would ask itself for ever.
        if other is not self:
            self._others.append(other)

    def leave(self, other: "Begun") -> None:
        """The other one is over: what it began stays, and it is kept no longer."""
        self._is_marked = self._is_marked or other.is_true
        self._others = [each for each in self._others if each is not other]


_BEGUN: ContextVar[Begun | None] = ContextVar("begun", default=None)


def begun_here() -> Begun:
    """What the present call has begun; the tasks it starts count as the call."""
    return _BEGUN.get() or Begun()


@contextmanager
def watched() -> Iterator[Begun]:
    """A call of its own: what it begins within the block, and its tasks after it."""
    begun = Begun()
    before = _BEGUN.set(begun)
    try:
        yield begun
    finally:
        _BEGUN.reset(before)


@dataclass
class _Flight:
    """One question on its way, with what it began and what came of it."""

    landed: anyio.Event = field(default_factory=anyio.Event)
    begun: Begun = field(default_factory=Begun)
    answer: Any = None
    error: Exception | None = field(default_factory=Abandoned)
    """Until there is an answer: a task that is cancelled leaves it."""


async def side_by_side(
    steps: Iterable[Callable[[], Awaitable[Answer]]], *, limit: int = 8
) -> list[Answer]:
    """The answers of all steps in their order, at most `limit` under way at once.

    Raises:
        Exception: the first failure, as itself; the other steps are cancelled.
    """
    waiting = list(steps)
    if len(waiting) == 1:  # a task of its own would cost more than many a step
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
    # Callers handle what a step raises, not groups; the others were cancelled by the first.
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [answers[place] for place in sorted(answers)]


Told: TypeAlias = Callable[[int, int], Awaitable[None]]
"""Is called with how many steps are done, and of how many."""


@dataclass
class Count:
    """How many steps of some work are done, for those who wait for it."""

    total: int
    done: int = 0
    _moved: anyio.Event = field(default_factory=anyio.Event)

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        self._moved.set()
        # An event is set once: whoever waits next waits for the next step.
        self._moved = anyio.Event()

    @asynccontextmanager
    async def telling(self, told: Told | None) -> AsyncIterator[None]:
        """Tell of each step while the block lasts.

        Raises:
            Exception: what ended the block, as itself.
        """
        if told is None:
            yield
            return
        try:
            async with anyio.create_task_group() as group:
                # A host that takes no progress must not fail the work.
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
    """Run work in a task that others live beside: its crash is logged and takes nobody along."""
    try:
        await work()
    except Exception:  # noqa: BLE001 - logged with its traceback, kept from the others
        _log.exception("a background task crashed")


class Flights:
    """Callers who ask the same thing at the same time share one answer; nothing is kept after.

    The work runs in a task of the owner, never of a caller: a cancelled caller takes nobody along.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._under_way: dict[Hashable, _Flight] = {}

    async def join(self, key: Hashable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of `work`, started here unless somebody asked already.

        Raises:
            Abandoned: the owner stopped the work.
            Exception: what `work` raised, the same for everybody who joined.
        """
        # The pattern is known as "single flight".
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = _Flight()
            self._tasks.start_soon(self._fly, key, flight, work)
        begun = begun_here()
        # Its effects count for each who waits: one of them may be all that is left.
        begun.join(flight.begun)
        await flight.landed.wait()
        begun.leave(flight.begun)
        if flight.error is not None:
            raise flight.error
        answer: Answer = flight.answer
        return answer

    async def landed(self) -> None:
        """Wait for those that are under way now."""
        for flight in list(self._under_way.values()):
            await flight.landed.wait()

    async def _fly(
        self, key: Hashable, flight: _Flight, work: Callable[[], Awaitable[object]]
    ) -> None:
        try:
            with watched() as begun:
                flight.begun.join(begun)
                flight.answer = await work()
            flight.error = None
        except Exception as error:  # noqa: BLE001 - not handled here: handed to all who wait
            flight.error = error
        finally:
            # Who comes now asks anew: an answer is shared, never kept.
            self._under_way.pop(key, None)
            flight.landed.set()
