"""The ways in which a journal's database goes back, or is killed, while an order is on its way.

Each plays one booking whose journal is taken back at its worst moment, repeats the call as an
assistant would, and returns what is wrong.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import anyio

from korus_mcp.api import ApiError
from korus_mcp.booking.hold import Hold
from korus_mcp.booking.ordered import Ordered, OrderState
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.journal.records import JournalDown
from tests.booking.stage import OWNER
from tests.failover.pair import Pair, pair
from tests.failover.shop import Server, Shop, Waits, shop

SLACK: Final = 40.0
"""Seconds beyond the wait that is announced, after which a wish counts as stuck."""
PAUSE: Final = 0.4
KNOWN: Final = {Code.ALREADY_ORDERED, Code.NOT_FOUND, Code.HOLD_EXPIRED, Code.APPROVAL_REQUIRED}
"""Refusals after which nothing is open: it was ordered, or a person is asked anew."""

Answer: TypeAlias = Ordered | Refusal | JournalDown | ApiError | None


@dataclass
class Run:
    """A run under way, and what was wrong in it: sentences by kind."""

    pair: Pair
    shop: Shop
    rng: random.Random
    seen: Path
    wrong: dict[str, list[str]] = field(
        default_factory=lambda: {"double": [], "lost": [], "stuck": []}
    )
    waited: float = 0
    """The longest that a repeat was refused since orders wait."""

    async def booked(self, server: Server) -> None:
        """A booking to the end, by its owner, whom the journal knows from then on."""
        # Other tickets than any that is held: an equal call would be given the hold there is.
        hold = await server.stage.held(quantity=self.rng.randrange(7, 10))
        if not isinstance(await self.pursued(server, hold, None), Ordered):
            self.wrong["stuck"].append(f"{hold.id}: it cannot be booked")

    async def on_its_way(self, server: Server, hold: Hold, nonce: str) -> None:
        """Have a server send an order, and return when the request has left."""
        upstream = self.shop.upstream
        upstream.left, upstream.is_held = anyio.Event(), True

        async def ask() -> None:
            # Again, where the machine was too slow for the database.
            while not upstream.left.is_set():
                await self._asked(server, hold, nonce)

        self.shop.tasks.start_soon(ask)
        with anyio.fail_after(SLACK):
            await upstream.left.wait()
        upstream.is_held = False

    async def fail_over(self) -> None:
        """Kill the primary and promote its standby; what was on its way arrives after that."""
        await self.pair.fail_over()
        self.shop.upstream.gone.set()

    async def pursued(self, server: Server, hold: Hold, nonce: str | None) -> Answer:
        """Ask for an order until its outcome is known, and note it if that takes too long."""
        began = anyio.current_time()
        patience = self.shop.waits.announced + self.shop.waits.post + SLACK
        while anyio.current_time() - began < patience:
            answer = await self._asked(server, hold, nonce)
            match answer:
                case Ordered(state=OrderState.ORDERED | OrderState.FAILED):
                    return answer
                case Ordered(confirmation=str(text)):
                    nonce = text
                    continue
                case Refusal(code=code) if code is Code.APPROVAL_REQUIRED and nonce is not None:
                    nonce = None
                    continue
                case Refusal(code=code) if code in KNOWN:
                    return answer
                case Refusal() if "orders wait until" in answer.message:
                    self.waited = max(self.waited, anyio.current_time() - began)
                    assert answer.retry_after_seconds is not None
            await anyio.sleep(PAUSE)
        self.wrong["stuck"].append(f"{hold.id}: {answer}")
        return None

    async def _asked(self, server: Server, hold: Hold, nonce: str | None) -> Answer:
        try:
            return await server.stage.place(hold, confirmation=nonce)
        except (Refusal, JournalDown, ApiError) as refused:
            return refused

    async def judge(self, server: Server) -> None:
        """Hold the API against the journal that is left."""
        self.wrong["double"] += self.shop.upstream.doubled
        with anyio.move_on_after(self.shop.waits.announced + SLACK):
            while await self._missing(server):  # noqa: ASYNC110 - the database tells nobody
                await anyio.sleep(PAUSE)
        self.wrong["lost"] += await self._missing(server)

    async def _missing(self, server: Server) -> list[str]:
        """Orders that their owner does not find, by the journal of a server."""
        made = [order.id for order in self.shop.upstream.sandbox.orders()]
        try:
            known = await server.journal.orders_of(OWNER)
        except JournalDown:
            return made
        return [each for each in made if each not in known]


Scene: TypeAlias = Callable[[Run], Awaitable[Server]]
"""Returns the server that is left, by whose journal the run is judged."""


async def _failed_over(run: Run, repeats: str) -> Server:
    """The standby lags, the request is out, the primary is killed; then the call is repeated."""
    first = await run.shop.open(run.seen)
    await run.booked(first)
    other = await run.shop.open(run.seen) if repeats == "elsewhere" else first
    await run.pair.caught_up()
    if repeats == "without its hold":
        await run.pair.lag()
    hold = await first.stage.held(quantity=2)
    if run.rng.random() < 1 / 2 and repeats != "without its hold":
        await run.pair.caught_up()
        await run.pair.lag()
        nonce = await first.stage.confirmed(hold)
    else:
        nonce = await first.stage.confirmed(hold)
        if repeats != "without its hold":
            await run.pair.caught_up()
            await run.pair.lag()
    await run.on_its_way(first, hold, nonce)
    if repeats in ("after a kill", "by a new server", "without its hold"):
        first.kill()
        words = {"after a kill": run.seen, "by a new server": run.seen.with_name("none.json")}
        await run.fail_over()
        other = await run.shop.open(words.get(repeats))
    else:
        await run.fail_over()
    await run.pursued(other, hold, nonce)
    await run.booked(other)
    return other


async def _restored(run: Run, has_hold: bool, is_new: bool) -> Server:
    """A dump is restored while the request is out."""
    first = await run.shop.open(run.seen)
    await run.booked(first)
    if not has_hold:
        await run.pair.dump()
    hold = await first.stage.held(quantity=2)
    nonce = await first.stage.confirmed(hold)
    if has_hold:
        await run.pair.dump()
    other = first if is_new else await run.shop.open(run.seen)
    if not is_new:
        await run.booked(other)
    await run.on_its_way(first, hold, nonce)
    if is_new:
        first.kill()
    await run.pair.restore()
    run.shop.upstream.gone.set()
    if is_new:
        other = await run.shop.open(run.seen)
    await run.pursued(other, hold, nonce)
    await run.booked(other)
    return other


async def _sync(run: Run) -> Server:
    """With a synchronous standby nothing is lost when it is promoted."""
    await run.pair.replicate_synchronously()
    first, other = await run.shop.open(run.seen), await run.shop.open(run.seen)
    await run.booked(first)
    hold = await first.stage.held(quantity=2)
    nonce = await first.stage.confirmed(hold)
    await run.on_its_way(first, hold, nonce)
    if run.rng.random() < 1 / 2:
        first.kill()
    await run.fail_over()
    answer = await run.pursued(other, hold, nonce)
    if not isinstance(answer, Ordered):
        run.wrong["lost"].append("the synchronous standby did not have the row")
    await run.booked(other)
    return other


async def _cancelled(run: Run) -> Server:
    """The synchronous standby is away and every wait for it is cancelled: nothing is sent."""
    first = await run.shop.open(run.seen)
    await run.booked(first)
    hold = await first.stage.held(quantity=2)
    nonce = await first.stage.confirmed(hold)
    await run.pair.caught_up()
    await run.pair.lag()
    await run.pair.replicate_synchronously()
    before = run.shop.upstream.posts.total()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.pair.cancel_waits)
        with anyio.move_on_after(4):
            for _ in range(3):
                await run._asked(first, hold, nonce)
        tasks.cancel_scope.cancel()
    if run.shop.upstream.posts.total() != before:
        run.wrong["double"].append("an order was sent whose row is on no standby")
    await run.fail_over()
    await run.pursued(first, hold, nonce)
    await run.booked(first)
    return first


async def _killed(run: Run) -> Server:
    """The primary alone is killed and started again, where commits wait for no disk by default."""
    off = "ALTER SYSTEM SET synchronous_commit = off", "SELECT pg_reload_conf()"
    run.pair.primary.run(*off)
    first, other = await run.shop.open(run.seen), await run.shop.open(run.seen)
    await run.booked(first)
    hold = await first.stage.held(quantity=2)
    nonce = await first.stage.confirmed(hold)
    await run.on_its_way(first, hold, nonce)
    await run.pair.start_anew()
    run.shop.upstream.gone.set()
    await run.pair.switch.point_at(run.pair.primary.port)
    answer = await run.pursued(other, hold, nonce)
    if not isinstance(answer, Ordered) or run.waited:
        run.wrong["lost"].append("a row that was written down is gone, or orders waited for it")
    return other


async def _at_random(run: Run) -> Server:
    """Two servers order for two assistants, who repeat themselves; it fails over at any moment."""
    servers = [await run.shop.open(run.seen), await run.shop.open(run.seen)]
    await run.booked(servers[0])
    await run.pair.caught_up()
    holds = [await servers[n % 2].stage.held(quantity=n + 1) for n in range(6)]
    nonces = [await servers[0].stage.confirmed(hold) for hold in holds]

    async def buy(number: int) -> None:
        await anyio.sleep(run.rng.uniform(0, 2))
        server = servers[number % 2]
        with anyio.move_on_after(run.rng.choice([0.1, 1.0, 5.0])):
            await run._asked(server, holds[number], nonces[number])
        other = servers[(number + 1) % 2] if run.rng.random() < 1 / 2 else server
        await run.pursued(other, holds[number], nonces[number])

    async with anyio.create_task_group() as buyers:
        for number in range(len(holds)):
            buyers.start_soon(buy, number)
        await anyio.sleep(run.rng.uniform(0, 1))
        await run.pair.lag()
        run.shop.upstream.is_held = True
        await anyio.sleep(run.rng.uniform(0, 1.5))
        await run.fail_over()
        run.shop.upstream.is_held = False
    await run.booked(servers[1])
    return servers[0]


SCENES: Final[Mapping[str, tuple[bool, Scene]]] = {
    "a lagging standby, repeated here": (True, partial(_failed_over, repeats="here")),
    "a lagging standby, repeated elsewhere": (True, partial(_failed_over, repeats="elsewhere")),
    "a lagging standby, repeated after a kill": (
        True,
        partial(_failed_over, repeats="after a kill"),
    ),
    "a lagging standby, a server without word": (
        True,
        partial(_failed_over, repeats="by a new server"),
    ),
    "a lagging standby without the hold": (True, partial(_failed_over, repeats="without its hold")),
    "a synchronous standby": (True, _sync),
    "a wait for the standby that is cancelled": (True, _cancelled),
    "a failover at any moment": (True, _at_random),
    "a dump restored under servers": (False, partial(_restored, has_hold=True, is_new=False)),
    "a dump from before the hold": (False, partial(_restored, has_hold=False, is_new=True)),
    "killed and started again": (False, _killed),
}
"""What happens -> whether it takes a standby, and how it is played."""


@asynccontextmanager
async def _set_up(
    programs: Path, name: str, seed: int, waits: Waits, folder: Path, pooler_program: str | None
) -> AsyncIterator[Run]:
    rng = random.Random(seed)
    async with (
        pair(programs, is_pair=SCENES[name][0], pooler_program=pooler_program) as made,
        shop(made.address, waits, seed) as opened,
    ):
        # Some arrive while the others ask, some after the sender has given up.
        opened.upstream.takes = rng.choice((1.0, 2.5, 4.0))
        yield Run(made, opened, rng, folder / "seen.json")


async def played(
    programs: Path,
    name: str,
    seed: int,
    waits: Waits,
    folder: Path,
    *,
    pooler_program: str | None = None,
) -> Run:
    """Play one scene to its end, behind a PgBouncer if the program of one is given."""
    async with _set_up(programs, name, seed, waits, folder, pooler_program) as run:
        left = await SCENES[name][1](run)
        await run.judge(left)
    return run
