"""`make kill-test DB=sqlite N=1000`: servers that book for an assistant, and are ended meanwhile.

Killed at places of the code and at random, and ended as hosts do (`endings`). A campaign is a
sandbox, a journal and many lives of a server, one after the other. What an assistant was not
answered it asks the next life again. At the end of a campaign time is moved past every fence, and
the facts are judged by `history`.
"""

import argparse
import math
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Final, TypeAlias

import anyio
from mcp import Client

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Delay, Sandbox, SandboxOptions, served_sandbox
from tests.crash.child import LEASE_SECONDS, POINTS
from tests.crash.endings import (
    AT_RANDOM,
    ENDINGS,
    REAL_SECONDS,
    SHORT_SECONDS,
    Ending,
    is_dead,
    patient,
)
from tests.crash.history import History, Judgement, judged
from tests.crash.rows import rows_of
from tests.fixtures.assistant import (
    CUSTOMER,
    Answer,
    Assistant,
    Json,
    handle_of,
    is_broken_rule,
    offers_of,
)
from tests.fixtures.hosts import UNBOUNDED, child_environment, stdio_server
from tests.fixtures.postgres import Cluster, cluster, programs

LIVES: Final = 40
"""Of a campaign: then all doubts are waited for, and judged."""
ATTEMPTS: Final = 4
"""A place may not be reached: nothing to recover, say. Then the life is repeated."""
LIFE_SECONDS: Final = 60
"""However slow the machine is."""
LAST_SECONDS: Final = 0.7
"""For a death that comes after the last answer."""
ISSUER_SECONDS: Final = 0.02
"""How long the issuer takes for an order, where no ending says otherwise."""
SPARE_SECONDS: Final = 1
"""After an order that is made though the server that sent it is gone."""
ORDER_SECONDS: Final = 10
"""How long an order is waited for, in the middle of which a host ends the server."""
REAL_SHARE: Final = 4
"""One of so many ends by hosts has their real patience."""
HOUR: Final = 3600
SHOP: Final = "park_base"
MOST: Final = 9
AFTER_ANOTHER: Final = "after take_over"
"""It needs an order that an earlier life left on its way."""
OVER: Final = {"HOLD_EXPIRED", "NOT_FOUND"}
AFTER_ALL: Final = "killed after all"
"""A server whose host lost patience with it."""

Plan: TypeAlias = str | Ending
"""How a life ends: at a place of the code, or as somebody ends it."""


@dataclass
class Booking:
    """A reservation its assistant wants ordered."""

    reservation_id: str
    confirmation: str | None = None
    is_named: bool = False
    """Whether its customer stands in the calls; in the first one nobody is named yet."""

    @property
    def arguments(self) -> Json:
        """Of place_order."""
        wish: Json = {"reservation_ids": [self.reservation_id]}
        wish |= {"customer": CUSTOMER} if self.is_named else {}
        return wish | ({"confirmation": self.confirmation} if self.confirmation else {})


@dataclass
class Campaign:
    """One sandbox, one journal, many lives. `patience`: how long a host waits at each step."""

    sandbox: Sandbox
    folder: Path
    environment: Mapping[str, str]
    database: str
    rng: random.Random
    patience: float
    open: list[Booking] = field(default_factory=list)
    told: list[tuple[str, str | None]] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    wishes: int = 0
    offers: list[str] = field(default_factory=list)
    _has_fallen: bool = False
    _issuer_is_done_at: float = 0
    """By the event loop's time: then no order of a server that is gone can appear any more."""

    async def live(self, plan: Plan) -> bool:
        """A life with this end; whether it came."""
        point, ending = (plan, None) if isinstance(plan, str) else ("", plan)
        for _ in range(ATTEMPTS):
            if point == AFTER_ANOTHER:
                await self._lived("after start_sending")
                await anyio.sleep(LEASE_SECONDS)
            if await self._lived(point, ending):
                self.kills[point if ending is None else ending.name] += 1
                return True
        return False

    async def rest(self) -> None:
        """Move time past every fence, and live until everything is known."""
        await anyio.sleep(max(0, self._issuer_is_done_at - anyio.current_time()))
        self.sandbox.faults.clear()
        self.sandbox.clock.advance(HOUR)
        with anyio.fail_after(LIFE_SECONDS * 6):
            while self.open or await self._is_unknown():
                await self._lived("")

    async def history(self) -> History:
        """The facts."""
        posts = self.folder / "posts"
        lines = posts.read_text().splitlines() if posts.exists() else []
        return History(
            upstream=[(r, o.id) for o in self.sandbox.orders() for r in o.reservation_ids],
            posts=[line.rpartition("/")[2] for line in lines if line.startswith("createOrders ")],
            told=self.told,
            journal=await rows_of(self.database),
        )

    async def _lived(self, point: str, ending: Ending | None = None) -> bool:
        pid = self.folder / "pid"
        pid.unlink(missing_ok=True)
        told = {
            "CRASH_POINT": point,
            "CRASH_PID": str(pid),
            "CRASH_POSTS": str(self.folder / "posts"),
            "CRASH_LOG": str(self.folder / "log"),
        }
        server = stdio_server({**self.environment, **told}, module="tests.crash.child")
        is_calm = not point and ending is None
        takes = max(ending.lasts * self.patience if ending else 0, ISSUER_SECONDS)
        self._has_fallen = False
        if not is_calm:
            self._have_orders_take(takes)
        try:
            with anyio.fail_after(LIFE_SECONDS):
                async with Client(server) as client, anyio.create_task_group() as tasks:
                    tasks.start_soon(self._watch, pid, ending, tasks.cancel_scope)
                    await self._work(Assistant(client), is_calm=is_calm)
                    if not is_calm:
                        await anyio.sleep(LAST_SECONDS if ending is None else math.inf)
                    tasks.cancel_scope.cancel()
        except Exception as ended:
            if is_calm or is_broken_rule(ended):
                raise
            return self._has_fallen or not isinstance(ended, TimeoutError)
        finally:
            self._kill_what_is_left(pid, ending)
            done_at = anyio.current_time() + takes + SPARE_SECONDS
            self._issuer_is_done_at = max(self._issuer_is_done_at, done_at)
        return self._has_fallen

    async def _watch(self, pid: Path, ending: Ending | None, life: anyio.CancelScope) -> None:
        """End the server if that is the plan, and the assistant's part with it."""
        # Before anything of this life: what it orders from now on is its own.
        before = self._orders_sent()
        number = await anyio.to_thread.run_sync(_process_id, pid, abandon_on_cancel=True)
        if ending is not None:
            await self._moment_of(ending, before)
            if ending.sends is not None:
                os.kill(number, ending.sends)
        # Who leaves does not wait: the client closes stdin, and goes on as its SDK has it.
        if ending is None or not ending.leaves:
            while not is_dead(pid):  # noqa: ASYNC110 - another process's end
                await anyio.sleep(0.02)
        self._has_fallen = True
        life.cancel()

    async def _moment_of(self, ending: Ending, before: int) -> None:
        """Wait for the moment of an end: any, or one while an order is on its way."""
        if ending is AT_RANDOM or self.rng.random() < 1 / 2:
            moments = (self.rng.uniform(0.8, 1.6), self.rng.uniform(0, 3))
            await anyio.sleep(self.rng.choice(moments))
            return
        with anyio.move_on_after(ORDER_SECONDS):
            while self._orders_sent() == before:  # noqa: ASYNC110 - another process writes it down
                await anyio.sleep(0.005)
        await anyio.sleep(self.rng.uniform(0, self.patience / 10))

    def _kill_what_is_left(self, pid: Path, ending: Ending | None) -> None:
        """Kill the server that outlived what the SDK killed: the `forking` it had started."""
        if is_dead(pid):
            return
        if ending is not None:
            self.kills[AFTER_ALL] += 1
        with suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGKILL)

    def _have_orders_take(self, seconds: float) -> None:
        self.sandbox.faults.clear()
        self.sandbox.faults.add(Delay(seconds=seconds), "createOrders", times=None)

    def _orders_sent(self) -> int:
        posts = self.folder / "posts"
        return posts.read_text().count("createOrders ") if posts.exists() else 0

    async def _work(self, assistant: Assistant, *, is_calm: bool) -> None:
        async with anyio.create_task_group() as calls:
            for booking in self.rng.sample(self.open, len(self.open) if is_calm else 0):
                calls.start_soon(self._pursue, assistant, booking)
            for booking in (
                self.rng.sample(self.open, min(3, len(self.open))) if not is_calm else ()
            ):
                calls.start_soon(self._pursue, assistant, booking)
            if not is_calm:
                calls.start_soon(self._book, assistant)
        if is_calm:
            await anyio.sleep(0.5)  # what waits for no caller is looked up meanwhile

    async def _book(self, assistant: Assistant) -> None:
        if not self.offers:
            self.offers = await offers_of(assistant, handle_of(self.sandbox, SHOP), 2 * LIVES)
        for _ in range(2):
            self.wishes += 1  # unlike the wish before, about which there may be a doubt
            offer_id = self.offers[self.wishes % len(self.offers)]
            items = [{"offer_id": offer_id, "quantity": self.wishes % MOST + 1}]
            held = await assistant.ask("reserve", {"items": items, "again": True})
            for hold in held.structure.get("reservations", ()):
                booking = Booking(hold["reservation_id"])
                self.open.append(booking)
                await self._pursue(assistant, booking)

    async def _pursue(self, assistant: Assistant, booking: Booking) -> None:
        """Ask for the order as far as it goes."""
        if booking.confirmation is None:
            asked = await assistant.ask("place_order", booking.arguments)
            booking.is_named = True
            booking.confirmation = asked.structure.get("confirmation")
            if booking.confirmation is None:
                self._hear(booking, asked)
                return
        self._hear(booking, await assistant.ask("place_order", booking.arguments))

    def _hear(self, booking: Booking, answer: Answer) -> None:
        if answer.result.is_error:
            if answer.code in OVER:
                self._close(booking, None)
            booking.confirmation = None
            return
        told = answer.structure
        if told["state"] == "ordered":
            self._close(booking, told["orders"][0]["order_id"])
        elif told["state"] == "failed":
            booking.confirmation = None
            if "the hold is over" in told["next"]:
                self._close(booking, None)

    def _close(self, booking: Booking, order_id: str | None) -> None:
        self.told.append((booking.reservation_id, order_id))
        if booking in self.open:
            self.open.remove(booking)

    async def _is_unknown(self) -> bool:
        return any(state != "final" for _, state, _ in await rows_of(self.database))


def _process_id(file: Path) -> int:
    while not file.exists() or not file.read_text():
        time.sleep(0.005)  # noqa: TID251 - in a thread of its own
    return int(file.read_text())


@asynccontextmanager
async def campaign(
    folder: Path, database: str, seed: int, patience: float
) -> AsyncIterator[Campaign]:
    """A campaign on a sandbox of its own."""
    async with served_sandbox(SandboxOptions(seed=seed)) as served:
        sandbox = served.sandbox
        sandbox.faults.add(Delay(seconds=ISSUER_SECONDS), "createOrders", times=None)
        given = {
            "CATALOGS": alias_of(sandbox.landmarks["park_catalog"]),
            "DATABASE_URL": database,
            **UNBOUNDED,
            "SOLE_WRITER": "true",
            "SETTLE_SECONDS": "120",
        }
        environment = {**child_environment(folder, **given), **served.environment}
        yield Campaign(sandbox, folder, environment, database, random.Random(seed), patience)


async def fought(
    folder: Path, database: str, seed: int, plans: Sequence[Plan], patience: float = SHORT_SECONDS
) -> tuple[Judgement, Counter[str]]:
    """The judgement on a campaign of lives with these ends."""
    async with campaign(folder, database, seed, patience) as one:
        for plan in plans:
            if not await one.live(plan):
                one.kills[f"missed: {plan if isinstance(plan, str) else plan.name}"] += 1
        await one.rest()
        return judged(await one.history()), one.kills


def planned(ends: Sequence[Plan], seed: int, lives: int) -> Iterator[Sequence[Plan]]:
    """The ends of each campaign, mixed."""
    mixed = list(ends)
    random.Random(seed).shuffle(mixed)
    for start in range(0, len(mixed), lives):
        yield mixed[start : start + lives]


@dataclass
class Tally:
    """The sum of all campaigns."""

    kills: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    sentences: list[str] = field(default_factory=list)

    def add(self, judgement: Judgement, kills: Mapping[str, int]) -> None:
        """Add a campaign."""
        self.kills.update(kills)
        for kind in ("double", "lost", "ghost", "stuck"):
            found = getattr(judgement, kind)
            self.wrong[kind] += len(found)
            self.sentences += [f"{kind}: {each}" for each in found]

    @property
    def missed(self) -> list[str]:
        """The places no life reached."""
        return [name for name in self.kills if name.startswith("missed")]

    @property
    def by_hosts(self) -> Mapping[str, int]:
        """How many lives hosts ended, in each way."""
        return {each.name: self.kills[each.name] for each in ENDINGS if self.kills[each.name]}

    def __str__(self) -> str:
        random_kills = self.kills[AT_RANDOM.name]
        named = sum(n for name, n in self.kills.items() if name in POINTS)
        ways = "; ".join(f"{name}: {number}" for name, number in self.by_hosts.items())
        by_hosts = f"{sum(self.by_hosts.values())} ends by hosts"
        by_hosts += f" ({ways}; {self.kills[AFTER_ALL]} {AFTER_ALL})" if ways else ""
        figures = ", ".join(f"{k} {self.wrong[k]}" for k in ("double", "lost", "ghost", "stuck"))
        return (
            f"{random_kills} random and {named} named kills ({len(POINTS)} places), "
            f"{by_hosts}: {figures}"
        )


async def fight(
    per_point: int,
    at_random: int,
    by_hosts: int,
    *,
    postgres: Cluster | None,
    seed: int,
    lives: int = LIVES,
    lanes: int = 2,
) -> Tally:
    """All campaigns, some side by side. Hosts end `by_hosts` lives, in each way alike."""
    tally, limit = Tally(), anyio.CapacityLimiter(lanes)
    really = by_hosts // REAL_SHARE
    ends: list[Plan] = [*(POINTS * per_point), *([AT_RANDOM] * at_random)]
    ends += islice(cycle(ENDINGS), by_hosts - really)
    # The SDK has one patience for a process: campaigns with its own come after all others.
    rounds: Sequence[tuple[float, Sequence[Plan]]] = (
        (SHORT_SECONDS, ends),
        # From the other end, so that few ends still have the ways in which a host kills.
        (REAL_SECONDS, list(islice(cycle(reversed(ENDINGS)), really))),
    )

    async def one(number: int, plans: Sequence[Plan], patience: float, folder: Path) -> None:
        async with limit:
            await anyio.Path(folder).mkdir()
            file = f"sqlite:///{folder / 'journal.sqlite'}"
            database = postgres.new_database() if postgres else file
            tally.add(*await fought(folder, database, seed + number, plans, patience))

    number = 0
    with tempfile.TemporaryDirectory(prefix="korus-kill-", ignore_cleanup_errors=True) as made:
        for patience, plans in rounds:
            with patient(patience):
                async with anyio.create_task_group() as group:
                    for each in planned(plans, seed, lives):
                        group.start_soon(one, number, each, patience, Path(made) / str(number))
                        number += 1
    return tally


def main() -> int:
    """Print the tally; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("-n", type=int, default=30, help="kills at random")
    parser.add_argument("--per-point", type=int, default=3, help="kills at each named place")
    parser.add_argument("--by-hosts", type=int, default=24, help="ends as hosts do")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = programs()
    if given.db == "postgres" and found is None:
        parser.error("PostgreSQL is not installed")
    began = time.monotonic()
    server = cluster(found) if given.db == "postgres" and found else nullcontext(None)
    with server as running:
        asked = (given.per_point, given.n, given.by_hosts)
        work = partial(fight, *asked, postgres=running, seed=given.seed)
        tally = anyio.run(work)
    for line in (*tally.sentences, *tally.missed):
        sys.stderr.write(f"{line}\n")
    minutes = (time.monotonic() - began) / 60
    sys.stdout.write(f"{given.db}: {tally} in {minutes:.1f} minutes\n")
    return int(bool(tally.sentences or tally.missed))


if __name__ == "__main__":
    sys.exit(main())
