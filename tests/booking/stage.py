"""The services of a server over a sandbox, on one clock that moves only when told."""

import asyncio  # noqa: TID251 - waits end by the loop's own clock, which is turned here
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import anyio
import httpx
from anyio.abc import TaskGroup

from korus_mcp.api import CustomerInput, KorusApi
from korus_mcp.api.config import Transport
from korus_mcp.app import App
from korus_mcp.booking.hold import Hold
from korus_mcp.booking.ordered import OrderCall, Ordered
from korus_mcp.booking.requests import ReserveCall, ReserveItem
from korus_mcp.booking.reserved import Reserved
from korus_mcp.booking.services import BookingServices
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.handles import Handle, alias_of
from korus_mcp.journal import Journal
from korus_mcp.sandbox import Sandbox, SandboxOptions
from korus_mcp.server.composition import open_api
from korus_mcp.server.embedded import EmbeddedSandbox
from korus_mcp.settings import DEFAULT_LANGUAGE, Settings

PAST_THE_ANSWER = 41.0
"""Seconds after which a call answers that the outcome is not known yet."""
PAST_THE_POST = 80.0
"""Seconds after which nobody listens for the answer of a POST any more."""
OWNER = "local/local"
OTHER = "local/somebody-else"
CUSTOMER = CustomerInput("Ada", "Martin", "ada@example.test", phone="0611223344", language="fr")
SEED = 7


class GatedClock(ManualClock):
    """A clock on which nobody's sleep ends before the gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.sleepers = 0
        self.asleep = anyio.Event()
        self.gate = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        self.sleepers += 1
        self.asleep.set()
        await self.gate.wait()


Rewrite: TypeAlias = Callable[[str, dict[str, Any]], object]
"""Changes the body of a successful answer in place; it is told the path."""


class Rewriting(httpx.AsyncBaseTransport):
    """The sandbox with answers that are changed: other readings of the documentation."""

    def __init__(self, transport: Transport, rewrite: Rewrite) -> None:
        self._transport = transport
        self._rewrite = rewrite

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        content = await response.aread()
        if response.status_code == 200 and request.url.path.startswith("/v1/"):
            body = json.loads(content)
            self._rewrite(request.url.path, body)
            content = json.dumps(body).encode()
        headers = {k: v for k, v in response.headers.items() if k != "content-length"}
        return httpx.Response(response.status_code, headers=headers, content=content)


CRAWL = {
    "listCatalogs",
    "listProductBases",
    "getProductBase",
    "listProductBaseProducts",
    "listProductBaseOptions",
    "listProductBaseOptionValues",
}


@dataclass
class Stage:
    """A running server without its MCP side, and the sandbox behind it."""

    app: App
    sandbox: Sandbox
    clock: ManualClock
    tasks: TaskGroup
    settings: Settings = field(repr=False)

    def handle(self, landmark: str) -> Handle:
        """The handle of a landmark, found through the catalog its address names."""
        identifier = self.sandbox.landmarks[landmark]
        catalog_id = self.sandbox.iri(identifier).split("/")[4]
        return Handle(alias_of(catalog_id), identifier)

    def sent(self, operation: str) -> int:
        """How often an operation was asked for."""
        return sum(r.operation == operation for r in list(self.sandbox.requests))

    @property
    def asked(self) -> int:
        """How many requests there were; those that read the catalog come when they come."""
        return sum(r.operation not in CRAWL for r in list(self.sandbox.requests))

    def wish(self, landmark: str, quantity: int = 1, *session_ids: str) -> ReserveItem:
        return ReserveItem(self.handle(landmark), quantity, session_ids)

    async def reserve(self, *items: ReserveItem, **changes: Any) -> Reserved:
        return await self.app.booking.reserving.reserve(call(*items, **changes))

    async def held(self, landmark: str = "park_offer", quantity: int = 1) -> Hold:
        """A hold of an offer without sessions."""
        reserved = await self.reserve(self.wish(landmark, quantity))
        (hold,) = reserved.holds
        return hold

    async def place(self, *holds: Hold | str, **changes: Any) -> Ordered:
        return await self.app.booking.ordering.place(order_call(*holds, **changes))

    async def confirmed(self, *holds: Hold | str, **changes: Any) -> str:
        """The confirmation that a first call of place gives."""
        asked = await self.place(*holds, **changes)
        assert asked.confirmation is not None
        return asked.confirmation

    async def ordered(self, *holds: Hold | str, **changes: Any) -> Ordered:
        """The answer after both steps."""
        nonce = await self.confirmed(*holds, **changes)
        return await self.place(*holds, confirmation=nonce, **changes)

    async def bought(self, landmark: str = "park_offer", quantity: int = 1, **changes: Any) -> str:
        """The id of a new order."""
        placed = await self.ordered(await self.held(landmark, quantity), **changes)
        return placed.orders[0].id

    def move(self, seconds: float) -> None:
        """Let time pass, for the server and for the sandbox."""
        self.clock.advance(seconds)


def call(*items: ReserveItem, **changes: Any) -> ReserveCall:
    given: dict[str, Any] = {"owner": OWNER, "items": items, "language": "en"}
    return ReserveCall(**(given | changes))


def order_call(*holds: Hold | str, **changes: Any) -> OrderCall:
    ids = tuple(h if isinstance(h, str) else h.id for h in holds)
    given: dict[str, Any] = {
        "owner": OWNER,
        "reservation_ids": ids,
        "customer": CUSTOMER,
        "language": "en",
    }
    return OrderCall(**(given | changes))


@asynccontextmanager
async def staged(
    *,
    options: SandboxOptions | None = None,
    clock: ManualClock | None = None,
    sandbox_clock: ManualClock | None = None,
    selling: tuple[str, ...] = ("park",),
    rewrite: Rewrite | None = None,
    through: Callable[[Transport], Transport] | None = None,
    **changes: Any,
) -> AsyncIterator[Stage]:
    """Open the services with these settings, for some issuers only; they end with the block."""
    clock = clock or ManualClock()
    sandbox = Sandbox(options or SandboxOptions(seed=SEED), clock=sandbox_clock or clock)
    catalogs = tuple(alias_of(sandbox.landmarks[f"{key}_catalog"]) for key in selling) or None
    unpaced = {"calls_per_minute": 0, "writes_per_minute": 0, "max_open_holds": 10_000}
    # The default of an account, and another one is read ahead.
    languages = {"language": DEFAULT_LANGUAGE, "languages": ("en",)}
    usual = {"catalogs": catalogs, **languages, **unpaced}
    settings = Settings(**(usual | changes))
    api = open_api(settings, clock=clock, sandbox=sandbox)
    if rewrite is not None:
        through = partial(Rewriting, rewrite=rewrite)
    if through is not None:
        transport = through(EmbeddedSandbox(settings, sandbox))
        api = KorusApi(api.config, clock=clock, transport=transport)
    async with (
        AsyncExitStack() as at_the_end,
        api,
        anyio.create_task_group() as tasks,
    ):
        app = App(settings, api, clock, tasks)
        at_the_end.callback(app.mirror.close)
        yield Stage(app=app, sandbox=sandbox, clock=clock, tasks=tasks, settings=settings)
        tasks.cancel_scope.cancel()


def over(stage: Stage, journal: Journal) -> Stage:
    """The same stage with desks over another journal."""
    app = copy(stage.app)
    app.booking = BookingServices(
        stage.settings,
        app.api,
        catalog=app.mirror,
        quotes=app.quotes,
        journal=journal,
        prices=app.prices,
        tasks=stage.tasks,
    )
    return replace(stage, app=app)


async def until(condition: Callable[[], bool]) -> None:
    """Let others work until something is so: files are written by threads."""
    with anyio.fail_after(60):
        while not condition():  # noqa: ASYNC110 - nobody tells when a thread has written
            await anyio.sleep(0.002)


def turn_the_loop(seconds: float) -> None:
    """Let so many seconds pass for everything that waits with a deadline."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]
