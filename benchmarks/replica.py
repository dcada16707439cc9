"""One server of several over one journal, without its front door: `orders` starts and drives it.

It is run as a file, in the folder of the commit that is measured: modules of 621f8dd had other
names. Each line it reads is a task, each line it writes the answer, as JSON.
"""

import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

sys.path.insert(0, str(Path.cwd()))  # where the commit that is measured is checked out


def _found(*names: str) -> Any:
    """The first of these that this commit has."""
    for name in names:
        module, _, what = name.partition(":")
        try:
            return getattr(import_module(f"korus_mcp.{module}"), what)
        except (ImportError, AttributeError):
            continue
    raise ImportError(names[0])


CustomerInput, KorusApi = _found("api:CustomerInput"), _found("api:KorusApi")
SqlJournal, Settings = _found("journal.sql:SqlJournal"), _found("settings:Settings")
Sandbox, SandboxOptions = _found("sandbox:Sandbox"), _found("sandbox:SandboxOptions")
composed = _found("server:compose", "app:App")
services_of = _found("booking.services:open_booking", "booking.services:BookingServices")
OrderCall = _found("booking.ordered:OrderCall", "booking.ordering:OrderCall")
ReserveCall = _found("booking.requests:ReserveCall", "booking.desk:ReserveCall")
ReserveItem = _found("booking.requests:ReserveItem", "booking.desk:WishedItem")
SystemClock = _found("foundation.clock:SystemClock", "clock:SystemClock")
Handle, alias_of = (
    _found(f"foundation.handles:{name}", f"handles:{name}") for name in ("Handle", "alias_of")
)
open_api = _found("server.composition:open_api", "server:open_api")
EmbeddedSandbox = _found("server.embedded:EmbeddedSandbox", "embedded:EmbeddedSandbox")

CUSTOMER = CustomerInput("Ada", "Martin", "ada@example.test")
ACCOUNT = "bench"


@dataclass
class Replica:
    """A server; `services` makes its services over a journal."""

    settings: Any
    sandbox: Any
    api: Any
    app: Any
    tasks: Any
    seed: int
    made: int = 0
    ready: list[tuple[str, str, str]] = field(default_factory=list)
    """Owner, reservation and confirmation of the orders that can be placed."""

    @asynccontextmanager
    async def services(self, url: str) -> AsyncIterator[Any]:
        """The services of booking over the journal at this address."""
        journal = SqlJournal.at(url, ACCOUNT, clock=SystemClock(), audit_key="k")
        yield services_of(
            self.settings,
            self.api,
            catalog=self.app.mirror,
            quotes=self.app.quotes,
            journal=journal,
            prices=self.app.prices,
            tasks=self.tasks,
        )
        await journal.close()

    async def prepare(self, url: str, number: int) -> None:
        """Hold so many, with their summaries shown, so that only the orders are to be placed."""
        offer = Handle(self.settings.catalogs[0], self.sandbox.landmarks["park_offer"])
        async with self.services(url) as services:
            reserving = services.reserving if hasattr(services, "reserving") else services.desk
            while len(self.ready) < number:
                self.made += 1
                # Each order is a principal's own, on all servers: nothing of another one that is
                # under way stands in its way.
                owner = f"local/{self.seed}-{self.made}"
                wish = ReserveCall(
                    owner=owner, items=(ReserveItem(offer, 1, ()),), language="en", again=True
                )
                (hold,) = (await reserving.reserve(wish)).holds
                asked = await services.ordering.place(_call(owner, hold.id, None))
                self.ready.append((owner, hold.id, asked.confirmation))

    async def order(self, url: str, at_once: int, most: int, seconds: float) -> Any:
        """Place what is ready, `most` of them, so many at once, until the time is over."""
        done, refused = 0, list[str]()
        async with self.services(url) as services:

            async def place(ready: list[tuple[str, str, str]]) -> None:
                nonlocal done
                try:
                    await services.ordering.place(_call(*ready.pop()))
                    done += 1
                except Exception as error:  # noqa: BLE001 - it is counted and told
                    refused.append(repr(error))

            # So that what is opened once is open: the journal, then a connection for each. A commit
            # that refuses some of so many refuses them here, too.
            await place(self.ready)
            async with anyio.create_task_group() as first:
                for _ in range(at_once - 1):
                    first.start_soon(place, self.ready)
            done, refused = 0, []
            left = [self.ready.pop() for _ in range(min(most, len(self.ready)))]
            began, cpu = time.perf_counter(), _cpu()

            async def work() -> None:
                while left and time.perf_counter() < began + seconds:
                    await place(left)

            async with anyio.create_task_group() as workers:
                for _ in range(at_once):
                    workers.start_soon(work)
            took = {"seconds": time.perf_counter() - began, "cpu": _cpu() - cpu}
        self.ready += left
        return took | {"done": done, "refused": len(refused), "why": refused[:1]}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _call(owner: str, reservation_id: str, confirmation: str | None) -> Any:
    return OrderCall(
        owner=owner,
        reservation_ids=(reservation_id,),
        customer=CUSTOMER,
        language="en",
        confirmation=confirmation,
    )


async def main(seed: int) -> None:
    """Do what each line asks for."""
    sandbox = Sandbox(SandboxOptions(seed=seed))
    park = alias_of(sandbox.landmarks["park_catalog"])
    settings = Settings(catalogs=(park,), languages=("en",))
    clock = SystemClock()
    config = open_api(settings, clock=clock, sandbox=sandbox).config
    transport = EmbeddedSandbox(settings, sandbox)
    async with (
        KorusApi(config, clock=clock, transport=transport) as api,
        anyio.create_task_group() as tasks,
    ):
        app = composed(settings, api, clock, tasks)
        replica = Replica(settings, sandbox, api, app, tasks, seed)
        async for line in anyio.wrap_file(sys.stdin):
            asked = json.loads(line)
            step = getattr(replica, asked.pop("step"))
            print(json.dumps(await step(**asked)), flush=True)
        app.mirror.close()
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]))
