"""`make fleet-test N=300`: for so many seconds people book at servers that are ended meanwhile.

Four real servers (`korus-mcp serve --http`) of one journal on PostgreSQL, whose people sign in. A
rolling restart goes on and on, and servers are killed at random; with --endings they are only told
to stop, so many times in all. Then all is calm, time is moved past every fence, each booking is
pursued to its end, and what people were told is compared with what the sandbox has.
"""

import argparse
import json
import logging
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from korus_mcp.api.jsonld import ORDERS_BULK
from korus_mcp.foundation.handles import alias_of, id_at_end
from korus_mcp.sandbox import Delay, SandboxOptions, ServedSandbox, served_sandbox
from tests.crash.history import History, judged
from tests.crash.rows import rows_of
from tests.fixtures.assistant import ERAS, handle_of, offers_of
from tests.fixtures.hosts import UNBOUNDED, child_environment, free_port
from tests.fixtures.postgres import Cluster, cluster, programs
from tests.fixtures.provider import BUYING, FakeProvider
from tests.fixtures.replicas import Replica
from tests.fixtures.schemas import checked_once
from tests.fixtures.signed_in import TENANT, Person
from tests.fleet.members import Fleet, Member
from tests.fleet.people import Buyer, Crowd, assistant_at

SERVERS: Final = 4
PEOPLE: Final = tuple(
    Person(name, tenant) for tenant in ("one", "other") for name in ("ada", "bob")
)
OFFERS: Final = 80
ISSUER_SECONDS: Final = 0.15
"""How long the issuer takes for an order, so that servers are ended in the middle of one."""
SPARE_SECONDS: Final = 1
"""For an order that is made though the server that sent it is gone."""
REST_SECONDS: Final = 400
"""However slow the machine is; by then each booking has come to its end."""
HOUR: Final = 3600
KINDS: Final = ("double", "lost", "wrong", "stuck")
_HURRIED: Final = "tests.fleet.hurried"


@dataclass
class Arrivals:
    """The reservations of each order request that arrives at the API, one entry for each."""

    posts: list[str] = field(default_factory=list)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app, watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            is_order = scope["type"] == "http" and scope["method"] == "POST"
            if not is_order or scope["path"] != ORDERS_BULK.iri():
                await app(scope, receive, send)
                return
            body = bytearray()

            async def read() -> Message:
                message = await receive()
                body.extend(message.get("body", b""))
                if message["type"] == "http.request" and not message.get("more_body", False):
                    wished = json.loads(body)["reservations"]
                    self.posts += [id_at_end(str(each)) or "" for each in wished]
                return message

            await app(scope, read, send)

        return watched


@dataclass
class Campaign:
    """A fleet, its people and the world they book in."""

    world: ServedSandbox
    fleet: Fleet
    crowd: Crowd
    arrivals: Arrivals
    database: str
    folder: Path
    unfinished: int = 0

    async def fight(self, seconds: float, endings: int) -> None:
        """Have people book while servers are ended, then until each booking is over."""
        self.world.sandbox.faults.add(Delay(seconds=ISSUER_SECONDS), "createOrders", times=None)
        left, all_over = set(product(PEOPLE, ERAS)), anyio.Event()

        async def one(person: Person, mode: str) -> None:
            await Buyer(self.crowd, person, mode, ERAS.index(mode), len(ERAS)).run()
            left.discard((person, mode))
            if not left:
                all_over.set()

        async with anyio.create_task_group() as buyers:
            for person, mode in tuple(left):
                buyers.start_soon(one, person, mode)
            if endings:
                await self.fleet.end_at_random(endings)
            else:
                await self.fleet.harry(seconds)
            self.crowd.is_closing = True
            self.world.sandbox.faults.clear()
            await anyio.sleep(ISSUER_SECONDS + SPARE_SECONDS)
            self.world.sandbox.clock.advance(HOUR)
            with anyio.move_on_after(REST_SECONDS):
                await all_over.wait()
            self.unfinished = len(left)
            buyers.cancel_scope.cancel()

    async def wrong(self) -> Mapping[str, list[str]]:
        """What went wrong, by kind."""
        orders = self.world.sandbox.orders()
        judgement = judged(
            History(
                upstream=[(r, order.id) for order in orders for r in order.reservation_ids],
                posts=self.arrivals.posts,
                told=self.crowd.told,
                journal=await rows_of(self.database),
            )
        )
        unfinished = [f"{self.unfinished} people did not come to an end"] if self.unfinished else []
        return {
            "double": list(judgement.double),
            "lost": [*judgement.lost, *judgement.ghost, *self.crowd.lost],
            "wrong": self.crowd.seen.all_wrong(orders),
            "stuck": [*judgement.stuck, *self.fleet.unruly, *unfinished],
        }

    def told(self, wrong: Mapping[str, list[str]]) -> str:
        """The last line."""
        figures = ", ".join(f"{kind} {len(wrong[kind])}" for kind in KINDS)
        fleet = f"{self.fleet.kills} kills, {self.fleet.restarts} restarts"
        return f"{figures}, {self.crowd.booked} bookings, {fleet}"

    def logs(self) -> str:
        """What the servers wrote."""
        return "\n".join(log.read_text() for log in sorted(self.folder.glob("log-*")))

    def beside(self) -> str:
        """What else there was."""
        crowd = self.crowd
        return (
            f"{len(self.world.sandbox.reservations())} holds upstream, {crowd.moved} confirmations "
            f"used at another server, {crowd.probed} questions about others' bookings\n"
            f"calls without an answer: {dict(crowd.unanswered)}\nrefused: {dict(crowd.refused)}"
        )


@asynccontextmanager
async def campaign(
    postgres: Cluster, folder: Path, *, seconds: float, seed: int, module: str
) -> AsyncIterator[Campaign]:
    """A campaign of servers that are all up."""
    rng, arrivals = random.Random(seed), Arrivals()
    database, provider = postgres.new_database(), FakeProvider()
    async with (
        provider.served(),
        served_sandbox(SandboxOptions(seed=seed), around=arrivals.around) as world,
        AsyncExitStack() as at_the_end,
    ):
        environment = _environment(world, provider, folder, database)
        members = [
            Member(Replica(free_port(), environment, module=module, log=folder / f"log-{number}"))
            for number in range(SERVERS)
        ]
        fleet = Fleet(members, rng)
        at_the_end.push_async_callback(fleet.end)
        await fleet.begin()
        sign = partial(provider.token, scope=BUYING, exp=int(time.time() + seconds + HOUR))
        tokens = {person: sign(sub=person.name, org=person.tenant) for person in PEOPLE}
        base_id = handle_of(world.sandbox, "park_base")
        crowd = Crowd(fleet, tokens, base_id, (), rng)
        async with (
            crowd.signed_in(PEOPLE[0]) as http,
            assistant_at(members[0], http, ERAS[0]) as assistant,
        ):
            crowd.offers = await offers_of(assistant, base_id, OFFERS)
        yield Campaign(world, fleet, crowd, arrivals, database, folder)


def _environment(
    world: ServedSandbox, provider: FakeProvider, folder: Path, database: str
) -> dict[str, str]:
    given = {
        **UNBOUNDED,
        "DATABASE_URL": database,
        "CATALOGS": alias_of(world.sandbox.landmarks["park_catalog"]),
        "SOLE_WRITER": "true",
        "SETTLE_SECONDS": "120",
        "AUTH_ISSUER": provider.issuer,
        "PUBLIC_URL": provider.audience,
        "AUTH_TENANT_CLAIM": TENANT,
    }
    # Where the journal stood is kept there, for the next life.
    kept = {"XDG_DATA_HOME": str(folder / "data")}
    return {**child_environment(folder, **given), **world.environment, **kept}


async def _fought(postgres: Cluster, given: argparse.Namespace) -> int:
    module = _HURRIED if given.hurried else "korus_mcp"
    with tempfile.TemporaryDirectory(prefix="korus-fleet-", ignore_cleanup_errors=True) as made:
        async with campaign(
            postgres, Path(made), seconds=given.n, seed=given.seed, module=module
        ) as one:
            await one.fight(given.n, given.endings)
            wrong = await one.wrong()
        logs = one.logs()
    for kind in KINDS:
        sys.stderr.writelines(f"{kind}: {each}\n" for each in wrong[kind])
    if any(wrong.values()) or given.logs:
        sys.stderr.write(logs)
    sys.stdout.write(f"{one.beside()}\n{one.told(wrong)}\n")
    return int(any(wrong.values()) or not one.crowd.booked)


def main() -> int:
    """Print what there was; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=float, default=30, help="seconds")
    parser.add_argument("--endings", type=int, default=0, help="only SIGTERM, so many times")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--hurried", action="store_true", help="servers with short leases")
    parser.add_argument("--logs", action="store_true", help="print what the servers wrote")
    given = parser.parse_args()
    found = programs()
    if found is None:
        parser.error("PostgreSQL is not installed")
    logging.disable(logging.CRITICAL)
    with cluster(found) as postgres, checked_once():
        return anyio.run(_fought, postgres, given)


if __name__ == "__main__":
    sys.exit(main())
