"""Lanes: how many requests may be under way at once, and whose is next when more are wanted.

Whoever waits takes turns with the others who do, one request each: somebody with many requests
delays nobody by more than one of them (fair queueing). A lane may keep some places for others, too.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeAlias

import anyio

from korus_mcp.foundation.measures import SHED, measure

MOST_WAITING: Final = 1000
"""How many requests of calls that can still be turned away may wait in a lane."""


class NoPlace(Exception):
    """Nothing was sent for a call: others had all places, or its owner all of their share."""


@dataclass(eq=False)
class Call:
    """A call for which requests are sent. `goes_first`: before those of all that do not."""

    owner: str
    goes_first: bool = False
    had_place: bool = False
    """Whether it had a place: it is not turned away half-way."""


_NOBODY: Final = Call("", had_place=True)
"""Work that no caller waits for: it takes its turn, and is never turned away."""
_present: ContextVar[Call] = ContextVar("call", default=_NOBODY)
_Queue: TypeAlias = OrderedDict[str, deque[anyio.Event]]
"""Owner -> the requests that wait. Whose turn is next comes first."""


@contextmanager
def on_behalf_of(call: Call | None) -> Iterator[None]:
    """What is sent in the block, and by tasks that are started in it, is for this call; for None it
    is work that no caller waits for.
    """
    before = _present.set(call or _NOBODY)
    try:
        yield
    finally:
        _present.reset(before)


@contextmanager
def for_an_order() -> Iterator[None]:
    """What is sent in the block for a call shows what became of its order: it goes first, and is
    not turned away.
    """
    call = _present.get()
    urgent = Call(call.owner, goes_first=True, had_place=True)
    with on_behalf_of(None if call is _NOBODY else urgent):
        yield


def goes_first() -> bool:
    """Whether what is sent here goes before what others ask for."""
    return _present.get().goes_first


def present_owner() -> str:
    """Whose call it is that something is sent for here; "" for nobody's."""
    return _present.get().owner


def is_awaited() -> bool:
    """Whether what is sent here is for a call, so that somebody waits for it."""
    return _present.get() is not _NOBODY


class Lane:
    """At most `places` requests at once, and `share` of one owner.

    `seconds`: the longest a request waits for its place. With `is_kept` that counts only until its
    call has had a place here; then it waits for as long as it takes.
    """

    def __init__(
        self,
        name: str,
        places: int,
        *,
        share: int | None = None,
        seconds: float | None = None,
        is_kept: bool = False,
    ) -> None:
        self.name = name
        self._free = places
        self._share = places if share is None else min(share, places)
        self._seconds = seconds
        self._is_kept = is_kept
        self._taken: dict[str, int] = {}
        self._first: _Queue = OrderedDict()
        self._others: _Queue = OrderedDict()
        self._undecided = 0

    async def enter(self) -> str:
        """Wait for a place and take it. Returns whose it is, for `leave`.

        Raises:
            NoPlace: there was none in time, or too many wait already.
        """
        call = _present.get()
        if self._may_enter(call.owner):
            self._take(call.owner)
        else:
            await self._wait(call)
        if self._is_kept:
            call.had_place = True
        return call.owner

    def leave(self, owner: str) -> None:
        """Give a place back; whoever is next has it."""
        self._free += 1
        self._taken[owner] -= 1
        if not self._taken[owner]:
            del self._taken[owner]
        for queue in (self._first, self._others):
            able = [each for each in queue if self._may_enter(each)]
            if able:
                # Of those with the fewest under way the one whose last turn is longest ago.
                following = min(able, key=lambda each: self._taken.get(each, 0))
                self._take(following)
                queue[following].popleft().set()
                # Behind everybody else, if more of it waits.
                queue.move_to_end(following)
                if not queue[following]:
                    del queue[following]
                return

    def _may_enter(self, owner: str) -> bool:
        # Where a place is free, whoever waits has their share of them.
        return self._free > 0 and self._taken.get(owner, 0) < self._share

    def _take(self, owner: str) -> None:
        self._free -= 1
        self._taken[owner] = self._taken.get(owner, 0) + 1

    async def _wait(self, call: Call) -> None:
        queue, turn = self._first if call.goes_first else self._others, anyio.Event()
        is_patient = self._is_kept and call.had_place
        if not is_patient and self._undecided >= MOST_WAITING:
            self._turn_away()
        queue.setdefault(call.owner, deque()).append(turn)
        try:
            if not is_patient:
                await self._wait_shortly(turn)
            # Another request of the call may have had a place meanwhile.
            if not turn.is_set() and self._is_kept and call.had_place:
                await turn.wait()
            if not turn.is_set():
                self._turn_away()
        except anyio.get_cancelled_exc_class():
            if turn.is_set():  # the place came as its caller left
                self.leave(call.owner)
            raise
        finally:
            if not turn.is_set():
                queue[call.owner].remove(turn)
                if not queue[call.owner]:
                    del queue[call.owner]

    async def _wait_shortly(self, turn: anyio.Event) -> None:
        self._undecided += 1
        try:
            with anyio.move_on_after(self._seconds):
                await turn.wait()
        finally:
            self._undecided -= 1

    def _turn_away(self) -> None:
        measure(SHED, lane=self.name)
        raise NoPlace
