"""The servers of a fleet, and those who end them: by SIGTERM, one after the other, or by `kill -9`.

All of them are started again. Whoever calls one that is ended is told when it is gone, as by a
balancer: a client of 2025-11-25 may wait for ever for a stream that was cut.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio

from tests.fixtures.replicas import Replica

STOP_SECONDS: Final = 120
"""How long an end by SIGTERM is waited for. A server has 30 s for what is under way, and a machine
that has much else to do takes longer for all of it."""
DOWN_SECONDS: Final = 1.0
"""The longest that a killed one stays down."""
ROLL_SECONDS: Final = 1.0
"""The longest pause between the restarts of a rolling restart."""
KILL_SECONDS: Final = 4.0
"""The longest pause between two kills."""


@dataclass
class Member:
    """One server: `gone` is set once this life of it has ended."""

    replica: Replica
    gone: anyio.Event = field(default_factory=anyio.Event)
    turn: anyio.Lock = field(default_factory=anyio.Lock)
    """Whoever ends it starts it again before somebody else ends it."""
    is_leaving: bool = False
    is_struck: bool = False

    async def begin(self) -> None:
        """Start it, whatever is left of the life before."""
        await self.replica.kill()
        self.gone, self.is_struck = anyio.Event(), False
        await self.replica.start()


@dataclass
class Fleet:
    """All servers. `unruly` says which did not end as they should."""

    members: Sequence[Member]
    rng: random.Random
    kills: int = 0
    restarts: int = 0
    has_killed: anyio.Event = field(default_factory=anyio.Event)
    has_restarted: anyio.Event = field(default_factory=anyio.Event)
    is_calm: bool = False
    unruly: list[str] = field(default_factory=list)

    def other_than(self, last: Member | None) -> Member:
        """Any server but this one."""
        return self.rng.choice([each for each in self.members if each is not last])

    async def begin(self) -> None:
        """Start all of them."""
        async with anyio.create_task_group() as tasks:
            for member in self.members:
                tasks.start_soon(member.begin)

    async def end(self) -> None:
        """End all of them at once."""
        for member in self.members:
            member.gone.set()
            await member.replica.kill()

    async def harry(self, seconds: float) -> None:
        """A rolling restart, over and over, and kills at random, for so long.

        A slow machine is given the time for one of each: people who met neither prove nothing.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._roll)
            tasks.start_soon(self._kill_at_random)
            await anyio.sleep(seconds)
            await self.has_restarted.wait()
            await self.has_killed.wait()
            self.is_calm = True

    async def end_at_random(self, number: int) -> None:
        """End them by SIGTERM at random moments, so many times in all."""

        async def one(member: Member) -> None:
            while self.restarts < number:
                await anyio.sleep(self.rng.uniform(0, ROLL_SECONDS))
                await self._restart(member)

        async with anyio.create_task_group() as tasks:
            for member in self.members:
                tasks.start_soon(one, member)

    async def _roll(self) -> None:
        while True:
            for member in self.members:
                if self.is_calm:
                    return
                await self._restart(member)
                await anyio.sleep(self.rng.uniform(0, ROLL_SECONDS))

    async def _kill_at_random(self) -> None:
        while not self.is_calm:
            await self._kill(self.rng.choice(self.members))
            await anyio.sleep(self.rng.uniform(0, KILL_SECONDS))

    async def _restart(self, member: Member) -> None:
        async with member.turn:
            member.is_leaving = True
            code = await member.replica.stop(STOP_SECONDS)
            member.is_leaving = False
            member.gone.set()
            if not member.is_struck:
                self.restarts += 1
                self.has_restarted.set()
                if code != 0:
                    how = "did not end" if code is None else f"ended with {code}"
                    self.unruly.append(f"a server that was told to stop {how}")
            await member.begin()

    async def _kill(self, member: Member) -> None:
        if member.is_leaving:
            member.is_struck = True  # whoever waits for its end starts it again
            self.kills += 1
            self.has_killed.set()
            member.replica.strike()
        elif not member.turn.locked():
            async with member.turn:
                self.kills += 1
                self.has_killed.set()
                await member.replica.kill()
                member.gone.set()
                await anyio.sleep(self.rng.uniform(0, DOWN_SECONDS))
                await member.begin()
