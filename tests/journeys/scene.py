"""Where a journey takes place: a world that can be steered, and assistants who act in it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import anyio
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.stdio import stdio_client

from korus_mcp.api.server_time import CONFIRMING_SAMPLES
from korus_mcp.foundation.clock import ManualClock, ShiftedClock, SystemClock
from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Faults, Sandbox, served_sandbox
from korus_mcp.server.composition import build_server
from korus_mcp.settings import read_settings
from korus_mcp.tools.asking import READING_SECONDS
from tests.fixtures.assistant import Answer, Assistant, handle_of
from tests.fixtures.hosts import child_environment, stdio_server
from tests.fixtures.person import READING
from tests.journeys.upstream import CATALOG_READS, Upstream

if TYPE_CHECKING:
    from tests.journeys.journey import Journey

MORNING: Final = ManualClock().now()
"""A Monday in June: in every world the same day, so that the same is on sale."""
BELIEVED_AFTER: Final = CONFIRMING_SAMPLES
"""Looks at an offer, of a request each, until a server believes a clock that jumped."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a server is started: settings without prefix, `--tools`, who answers questions."""

    settings: Mapping[str, str]
    tools: str | None
    folder: Path
    elicitation: ElicitationFnT | None


Connect = Callable[[Start], AbstractAsyncContextManager[Client]]
Believe = Callable[[Client], Awaitable[None]]


@dataclass(kw_only=True)
class World:
    """A sandbox with its levers, and what was said in it.

    `shown` and `agreed` are totals by reservation: what a person was told, and said yes to.
    `believe` lets a server see that the time of the API is another; `reading` takes the time that
    a person needs to read a question.
    """

    sandbox: Sandbox
    upstream: Upstream
    connect: Connect
    believe: Believe
    reading: Callable[[], Awaitable[None]]
    folder: Path
    calls: list[tuple[str, Answer]] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)
    agreed: dict[str, str] = field(default_factory=dict)
    questions: int = 0
    """How often the person was asked for a yes, or for who they are."""

    @property
    def faults(self) -> Faults:
        """What goes wrong at the API."""
        return self.sandbox.faults

    @property
    def downloads(self) -> Path:
        """Where get_tickets saves files."""
        return self.folder / "downloads"

    def arrived(self, operation: str) -> int:
        """How many requests of an operation arrived."""
        return sum(operation == r.operation for r in self.sandbox.requests)

    def asked(self) -> int:
        """How many requests arrived but those that read the catalog: that goes on by itself."""
        return sum(r.operation not in CATALOG_READS for r in self.sandbox.requests)

    def sell_out(self, session_id: str) -> None:
        """Somebody else takes the last places of a session."""
        self.sandbox.set_session_stock(session_id, 0)

    def leave(self, offer_id: str, quantity: int) -> None:
        """Somebody else buys of an offer until so many are left."""
        self.sandbox.set_stock(_api_id(offer_id), quantity)

    def reprice(self, offer_id: str, amount: str) -> None:
        """The issuer changes a price."""
        self.sandbox.set_price(_api_id(offer_id), Decimal(amount))

    def day(self, weekday: int) -> str:
        """The next such day after today, as people name it: Monday is 0."""
        today = self.sandbox.clock.now().date()
        return str(today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1))

    def today(self) -> date:
        """What day it is."""
        return self.sandbox.clock.now().date()


@dataclass
class Scene(Assistant):
    """An assistant in a conversation, with the world around it."""

    world: World = field(kw_only=True)

    @classmethod
    def of(cls, client: Client, world: World) -> Self:
        """An assistant on a server; all calls of a world are counted together."""
        return cls(client, calls=world.calls, world=world)

    async def later(self, seconds: float) -> None:
        """Time passes."""
        self.world.sandbox.clock.advance(seconds)
        await self.world.believe(self.client)

    @asynccontextmanager
    async def another(self, **settings: str) -> AsyncIterator["Scene"]:
        """Somebody else at another server of the same account, with a journal of their own."""
        folder = self.world.folder / "other"
        folder.mkdir()
        start = Start(settings=settings, tools=None, folder=folder, elicitation=None)
        async with self.world.connect(start) as client:
            await self.world.believe(client)
            yield Scene.of(client, self.world)


@asynccontextmanager
async def in_memory(
    journey: "Journey", mode: str, folder: Path, *, is_quick: bool = False
) -> AsyncIterator[Scene]:
    """The conversation with a server in this process, over an embedded sandbox.

    A quick one leaves out the catalogs of issuers it does not take place at.
    """
    clock, upstream = ManualClock(MORNING), Upstream()
    sandbox = Sandbox(journey.sandbox, clock=clock)
    sandbox.app = upstream.around(sandbox.app)
    catalogs = [alias_of(sandbox.landmarks[f"{issuer}_catalog"]) for issuer in journey.at]

    def connect(start: Start) -> Client:
        given = {"LANGUAGE": "en", "DOWNLOAD_DIR": str(start.folder / "downloads")}
        given |= {"CATALOGS": ",".join(catalogs)} if is_quick else {}
        given |= start.settings
        settings = read_settings({f"KORUS_{name}": value for name, value in given.items()})
        server = build_server(
            settings.narrowed(profile=None, tools=_names(start.tools)),
            clock=clock,
            sandbox=sandbox,
        )
        return Client(server, mode=mode, elicitation_callback=start.elicitation)

    world = World(
        sandbox=sandbox,
        upstream=upstream,
        connect=connect,
        believe=_shared_clock,
        reading=partial(clock.sleep, READING),
        folder=folder,
    )
    async with _opened(journey, world) as scene:
        yield scene


@asynccontextmanager
async def over_stdio(journey: "Journey", mode: str, folder: Path) -> AsyncIterator[Scene]:
    """The conversation with a child process, over a sandbox on loopback."""
    morning, upstream = _From(MORNING), Upstream()
    clock = ShiftedClock(morning)
    async with (
        served_sandbox(journey.sandbox, clock=clock, around=upstream.around) as served,
        AsyncExitStack() as logs,
    ):
        seen = handle_of(served.sandbox, "undated_offer")

        def connect(start: Start) -> Client:
            own = child_environment(start.folder, **start.settings)
            own["JOURNEY_AHEAD_SECONDS"] = str(morning.ahead.total_seconds())
            arguments = ("--tools", start.tools) if start.tools else ()
            server = stdio_server(
                {**own, **served.environment}, *arguments, module="tests.journeys.child"
            )
            log = logs.enter_context((start.folder / "stderr.log").open("w"))
            transport = stdio_client(server, errlog=log)
            return Client(transport, mode=mode, elicitation_callback=start.elicitation)

        async def believe(client: Client) -> None:
            """A clock that jumps is believed after some answers; the machine's never does."""
            with upstream.aside():
                for _ in range(BELIEVED_AFTER):
                    await client.call_tool("check_availability", {"offer_id": seen})

        world = World(
            sandbox=served.sandbox,
            upstream=upstream,
            connect=connect,
            believe=believe,
            reading=partial(anyio.sleep, READING_SECONDS * 1.1),
            folder=folder,
        )
        async with _opened(journey, world) as scene:
            yield scene


class _From(SystemClock):
    """The machine's pace from another moment on."""

    def __init__(self, start: datetime) -> None:
        self.ahead = start - super().now()

    def now(self) -> datetime:
        """That moment and what has passed since."""
        return (super().now() + self.ahead).astimezone(UTC)


@asynccontextmanager
async def _opened(journey: "Journey", world: World) -> AsyncIterator[Scene]:
    start = Start(
        settings=journey.settings,
        tools=journey.tools,
        folder=world.folder,
        elicitation=journey.person(world) if journey.person else None,
    )
    async with world.connect(start) as client:
        await world.believe(client)
        yield Scene.of(client, world)


async def _shared_clock(client: Client) -> None:
    """Server and sandbox tell the same time anyway."""
    del client


def _names(tools: str | None) -> tuple[str, ...] | None:
    return None if tools is None else tuple(tools.split(","))


def _api_id(handle: str) -> str:
    return handle.partition(".")[2]
