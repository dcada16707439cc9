"""Servers that order on one journal, in one process, and the API behind them, which counts.

An order request that has left goes on without its server, as on a network. The servers' waits are
those of `Waits`: short in most runs, the real ones in some.
"""

import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import anyio
import httpx
from anyio.abc import TaskGroup

from korus_mcp import app as application
from korus_mcp.api import KorusApi
from korus_mcp.api import config as api_config
from korus_mcp.api.jsonld import ORDERS_BULK
from korus_mcp.app import App
from korus_mcp.booking import recovery, sending, services, settling, standstill
from korus_mcp.foundation.clock import ManualClock, SystemClock
from korus_mcp.foundation.handles import alias_of, id_at_end
from korus_mcp.journal.sql import SqlJournal
from korus_mcp.journal.watch import Place, Watch
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.server.composition import open_api
from korus_mcp.server.embedded import EmbeddedSandbox
from korus_mcp.settings import Settings
from tests.booking.stage import Stage

CATALOG: Final = "park_catalog"


@dataclass(frozen=True)
class Waits:
    """How long a request to order may take, and an order may appear after it, in seconds."""

    post: float
    settle: int

    @property
    def announced(self) -> float:
        """How long orders wait once the journal went back."""
        return self.post + self.settle


REAL: Final = Waits(api_config.CREATION_SECONDS, Settings().settle_seconds)
SHORT: Final = Waits(6, 6)


def hurry(waits: Waits) -> None:
    """Have all servers of this process wait so long, and look about at once."""
    for module in (sending, settling, application):
        setattr(module, "CREATION_SECONDS", waits.post)  # noqa: B010 - a Final is replaced
    if waits is not REAL:
        setattr(services, "LEASE_SECONDS", 1.5)  # noqa: B010
        setattr(sending, "RENEWAL_SECONDS", 0.5)  # noqa: B010
        setattr(recovery, "FIRST_PAUSE_SECONDS", 0.5)  # noqa: B010
        setattr(recovery, "LONGEST_PAUSE_SECONDS", 2.0)  # noqa: B010
        setattr(standstill, "LOOK_SECONDS", 1.0)  # noqa: B010


class Blind(Watch):
    """It does not see that a database went back."""

    def check(self, before: Place | None, told: str | None) -> Place | None:
        del before
        return None if told is None else Place.read(told)


def blind() -> None:
    """Leave out of all servers of this process what sees that a database went back."""
    setattr(sys.modules[__name__], "Watch", Blind)  # noqa: B010


@dataclass
class Upstream:
    """The API: what left for it arrives, late, whoever sent it."""

    sandbox: Sandbox
    tasks: TaskGroup
    waits: Waits
    takes: float = 0.0
    """How long an order is on its way, once the database is gone."""
    gone: anyio.Event = field(default_factory=anyio.Event)
    """The database went back, or was killed: until then nothing arrives that is held for it."""
    is_held: bool = False
    posts: Counter[str] = field(default_factory=Counter)
    """Reservation id -> how many order requests were sent for it."""
    left: anyio.Event = field(default_factory=anyio.Event)

    def through(self, inner: EmbeddedSandbox) -> "_Way":
        """The way of one server to it."""
        return _Way(self, inner)

    @property
    def doubled(self) -> list[str]:
        """Reservations for which more than one order request was sent."""
        return [each for each, number in self.posts.items() if number > 1]


class _Way(httpx.AsyncBaseTransport):
    def __init__(self, upstream: Upstream, inner: EmbeddedSandbox) -> None:
        self._upstream = upstream
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST" or request.url.path != ORDERS_BULK.iri():
            return await self._inner.handle_async_request(request)
        upstream, answers = self._upstream, list[httpx.Response]()
        body = json.loads(await request.aread())
        upstream.posts.update(id_at_end(str(each)) or "" for each in body["reservations"])
        done, takes, is_held = anyio.Event(), upstream.takes, upstream.is_held
        upstream.left.set()

        async def arrive() -> None:
            if is_held:
                # The worst moment, though not later than an order can be.
                with anyio.move_on_after(upstream.waits.post + upstream.waits.settle / 2):
                    await upstream.gone.wait()
                    await anyio.sleep(takes)
            answers.append(await self._inner.handle_async_request(request))
            done.set()

        upstream.tasks.start_soon(arrive)
        with anyio.move_on_after(request.extensions["timeout"]["read"]):
            await done.wait()
        if not answers:
            raise httpx.ReadTimeout("nothing came", request=request)
        return answers[0]


@dataclass
class Server:
    """One server process, which can be killed."""

    stage: Stage
    journal: SqlJournal
    scope: anyio.CancelScope

    def kill(self) -> None:
        """End it where it stands."""
        self.scope.cancel()


@dataclass
class Shop:
    """All servers of a run."""

    upstream: Upstream
    address: str
    waits: Waits
    tasks: TaskGroup
    servers: list[Server] = field(default_factory=list)

    async def open(self, seen: Path | None) -> Server:
        """A new server, which keeps where the journal stood in this file."""
        server: Server = await self.tasks.start(self._run, seen)
        self.servers.append(server)
        return server

    async def _run(self, seen: Path | None, *, task_status: Any) -> None:
        clock, sandbox = SystemClock(), self.upstream.sandbox
        settings = Settings(
            catalogs=(alias_of(sandbox.landmarks[CATALOG]),),
            calls_per_minute=0,
            writes_per_minute=0,
            max_open_holds=10_000,
            settle_seconds=self.waits.settle,
        )
        plain = open_api(settings, clock=clock, sandbox=sandbox)
        way = self.upstream.through(EmbeddedSandbox(settings, sandbox))
        config = replace(plain.config, creation_timeout=self.waits.post)
        wait = timedelta(seconds=self.waits.announced)
        journal = SqlJournal.at(
            self.address, "account", clock=clock, watch=Watch(seen, wait, clock)
        )
        try:
            async with (
                KorusApi(config, clock=clock, transport=way) as api,
                anyio.create_task_group() as tasks,
            ):
                app = App(settings, api, clock, tasks)
                app.booking = services.BookingServices(
                    settings,
                    api,
                    catalog=app.mirror,
                    quotes=app.quotes,
                    journal=journal,
                    prices=app.prices,
                    tasks=tasks,
                )
                tasks.start_soon(app.booking.run)
                stage = Stage(app, sandbox, cast(ManualClock, clock), tasks, settings)
                task_status.started(Server(stage, journal, tasks.cancel_scope))
                await anyio.sleep_forever()
        finally:
            with anyio.move_on_after(3, shield=True):
                await journal.close()


@asynccontextmanager
async def shop(address: str, waits: Waits, seed: int) -> AsyncIterator[Shop]:
    """A shop without servers; they end with it."""
    async with anyio.create_task_group() as tasks:
        upstream = Upstream(Sandbox(SandboxOptions(seed=seed)), tasks, waits)
        yield Shop(upstream, address, waits, tasks)
        tasks.cancel_scope.cancel()
