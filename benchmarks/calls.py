"""What a call of each tool costs: requests to the API, and CPU of the server's process.

The floor is the bare SDK's server with a tool that passes one answer of the API on. All servers are
children on stdio and ask one sandbox, which this process serves: its own CPU does not count. What
has a bound is measured in turns with the floor: a machine's pace changes from minute to minute.
With `--beside COMMIT` an earlier commit is measured in the same run.
"""

import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import anyio
import httpx
import psutil
from mcp import Client, StdioServerParameters
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.booking import checked_out, has_commit
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import CUSTOMER, HOLDER, Json, handle_of
from tests.fixtures.hosts import UNBOUNDED, child_environment

HERE: Final = Path(__file__).parents[1]
TURNS, READS, BOOKINGS, SLOW = 5, 30, 20, 15
"""How often each is called: what reads, in so many turns, what books, and what asks a slow API."""
SLOW_SECONDS: Final = 0.150
MOST_CPU, MOST_TIMES = 2.0, 1.3
"""What a repeated check or seat map may cost, beside the floor and one request."""
BOUNDED: Final = (
    "check_availability, again",
    "check_availability of a dynamic price, again",
    "get_seat_map, again",
)
Call = Callable[[], Awaitable[Json]]


@dataclass
class Watched:
    """The sandbox's app, whose requests are counted and may take a while."""

    requests: int = 0
    seconds: float = 0.0

    def around(self, app: ASGIApp) -> ASGIApp:
        """The same app, watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"].startswith("/v1/"):
                self.requests += 1
                await anyio.sleep(self.seconds)
            await app(scope, receive, send)

        return watched


@dataclass(frozen=True)
class Cost:
    """Requests and milliseconds of CPU a call."""

    requests: float
    cpu: float


@dataclass(eq=False)
class Server:
    """A child, with the process that it is."""

    client: Client
    process: psutil.Process
    upstream: Watched
    turns: dict[str, list[Cost]] = field(default_factory=dict)

    async def call(self, tool: str, **arguments: Any) -> Json:
        """The structure of a success; of the floor, nothing."""
        result = await self.client.call_tool(tool, arguments)
        if result.is_error:
            raise RuntimeError(f"{tool} refuses: {result.content}")
        return result.structured_content or {}

    async def measure(self, name: str, call: Call, times: int = READS) -> None:
        """Note what a call costs, once more for each turn."""
        requests, began = self.upstream.requests, self._cpu()
        for _ in range(times):
            await call()
        spent = (self._cpu() - began) * 1000
        cost = Cost((self.upstream.requests - requests) / times, spent / times)
        self.turns.setdefault(name, []).append(cost)

    @property
    def costs(self) -> Mapping[str, Cost]:
        """What each call cost, the mean of its turns."""
        return {
            name: Cost(
                statistics.fmean(turn.requests for turn in turns),
                statistics.fmean(turn.cpu for turn in turns),
            )
            for name, turns in self.turns.items()
        }

    async def median(self, call: Call) -> float:
        """The median of the milliseconds that a call takes."""
        took = []
        for _ in range(SLOW):
            began = time.perf_counter()
            await call()
            took.append((time.perf_counter() - began) * 1000)
        return statistics.median(took)

    def _cpu(self) -> float:
        spent = self.process.cpu_times()
        return spent.user + spent.system


@dataclass(frozen=True)
class World:
    """The sandbox, and where the floor finds its answers."""

    served: ServedSandbox
    upstream: Watched
    token: str

    def id(self, landmark: str) -> str:
        """The handle of a named place."""
        return handle_of(self.served.sandbox, landmark)

    @property
    def availability(self) -> str:
        """The path of the live stock of an offer."""
        return (
            self.served.sandbox.iri(self.served.sandbox.landmarks["timed_offer"]) + "/availability"
        )

    def offers(self, session_id: str) -> str:
        """The path of the offers of a session."""
        catalog = self.served.sandbox.iri(self.served.sandbox.landmarks["hall_catalog"])
        return f"{catalog}/offers?{urlencode({'session': session_id, 'itemsPerPage': 50})}"


def main(commit: str | None = None) -> None:
    """Print a line a tool."""
    if commit is None:
        anyio.run(_compare, {"here": HERE})
        return
    if not has_commit(HERE, commit):
        print(f"calls beside {commit}: that commit is not in this repository")
        return
    with tempfile.TemporaryDirectory() as folder, checked_out(commit, HERE, Path(folder) / "it"):
        anyio.run(_compare, {"here": HERE, commit: Path(folder) / "it"})


def _lacking(place: Path) -> Path:
    """A folder beside a working tree with what it depends on and this environment has not."""
    project = tomllib.loads((place / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [Requirement(each) for each in project["dependencies"]]
    here = {canonicalize_name(each.name) for each in metadata.distributions()}
    lacking = [str(each) for each in asked if canonicalize_name(each.name) not in here]
    folder = place.with_name("lacking")
    if lacking:
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder))
        subprocess.run([*pip, *lacking], check=True)
    return folder


async def _compare(places: Mapping[str, Path]) -> None:
    upstream = Watched()
    async with (
        served_sandbox(SandboxOptions(seed=1), around=upstream.around) as served,
        AsyncExitStack() as running,
    ):
        world = World(served, upstream, await token_of(served))
        session = await _session(world)
        bare = await running.enter_async_context(_floor(world))
        servers = {
            name: await running.enter_async_context(_korus(world, place))
            for name, place in places.items()
        }
        bounded = {server: _reads(world, session, server) for server in servers.values()}
        firsts = {
            name: await _firsts(upstream, bounded[server]) for name, server in servers.items()
        }
        await _in_turns({bare: _passed_on(world, session, bare), **bounded})
        for server in servers.values():
            await _conversation(server, world)
        slow = await _slow(servers["here"], world)
    floor, costs = bare.costs, {name: server.costs for name, server in servers.items()}
    for name, requests in firsts.items():
        told = ", ".join(f"{_once(tool)} {count}" for tool, count in requests.items())
        print(f"requests of the first call, {name}: {told}")
    for tool, cost in costs["here"].items():
        _tell(tool, cost, floor, {name: each.get(tool) for name, each in costs.items()})
    one, medians = slow
    for tool, took in medians.items():
        print(
            f"{_once(tool)}, each request {SLOW_SECONDS * 1000:.0f} ms: p50 {took:.0f} ms, "
            f"one request {one:.0f} ms, ratio {took / one:.2f}, {_verdict(took / one, MOST_TIMES)}"
        )


async def _firsts(upstream: Watched, reads: Mapping[str, Call]) -> Mapping[str, int]:
    """The number of requests of the first call of each."""
    firsts = {}
    for name, call in reads.items():
        before = upstream.requests
        await call()
        firsts[name] = upstream.requests - before
    return firsts


async def _in_turns(calls: Mapping[Server, Mapping[str, Call]]) -> None:
    """Measure calls of several servers, each a while, again and again."""
    for _ in range(TURNS):
        for server, of_it in calls.items():
            for name, call in of_it.items():
                await server.measure(name, call)


def _tell(
    tool: str, cost: Cost, floor: Mapping[str, Cost], all_of: Mapping[str, Cost | None]
) -> None:
    bare = floor["offers" if tool.startswith("get_seat_map") else "availability"]
    ratio = cost.cpu / bare.cpu
    earlier = (
        f"; at {name} {each.requests:.1f} and {each.cpu:.1f} ms, ratio {each.cpu / bare.cpu:.1f}"
        for name, each in all_of.items()
        if name != "here" and each is not None
    )
    is_bound = tool in BOUNDED
    print(
        f"{tool}: {cost.requests:.1f} requests and {cost.cpu:.1f} ms of CPU a call, floor "
        f"{bare.cpu:.1f} ms, ratio {ratio:.1f}"
        + (f", {_verdict(ratio, MOST_CPU)}" if is_bound else "")
        + "".join(earlier)
    )


def _once(tool: str) -> str:
    return tool.removesuffix(", again")


def _verdict(ratio: float, most: float) -> str:
    return f"{'within' if ratio <= most else 'ABOVE'} {most} x"


async def token_of(served: ServedSandbox) -> str:
    """A token of the sandbox's account."""
    asked = {
        "grant_type": "client_credentials",
        "client_id": served.environment["KORUS_CLIENT_ID"],
        "client_secret": served.environment["KORUS_CLIENT_SECRET"],
    }
    async with httpx.AsyncClient() as api:
        answer = await api.post(served.environment["KORUS_TOKEN_URL"], data=asked)
    return str(answer.raise_for_status().json()["access_token"])


@asynccontextmanager
async def _child(command: StdioServerParameters, upstream: Watched) -> AsyncIterator[Server]:
    before = set(psutil.Process().children())
    async with Client(command) as client:
        (process,) = set(psutil.Process().children()) - before
        yield Server(client, process, upstream)


@asynccontextmanager
async def _korus(world: World, place: Path) -> AsyncIterator[Server]:
    """A server of a working tree, once it has read the catalog."""
    wished = {"PROFILE": "service-desk", "APPROVAL": "two_step", **UNBOUNDED}
    with tempfile.TemporaryDirectory(prefix="korus-calls-") as folder:
        given = child_environment(Path(folder), **wished) | dict(world.served.environment)
        environment = _known_to(place, given)
        if place != HERE:
            environment["PYTHONPATH"] = str(_lacking(place))
        command = StdioServerParameters(
            command=sys.executable, args=["-m", "korus_mcp"], env=environment, cwd=place
        )
        async with _child(command, world.upstream) as server:
            asked = -1
            while asked != world.upstream.requests:  # until the catalog is there
                asked = world.upstream.requests
                await server.call("search_products", query="derby")
                await anyio.sleep(0.5)
            yield server


def _known_to(place: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a working tree: an earlier one does not start with a variable that it
    does not know.
    """
    settings = (place / "korus_mcp" / "settings.py").read_text("utf-8")
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("KORUS_") or name.removeprefix("KORUS_").lower() in settings
    }


@asynccontextmanager
async def _floor(world: World) -> AsyncIterator[Server]:
    """The bare SDK's server."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "benchmarks.floor", world.served.api_url, world.token],
        cwd=HERE,
    )
    async with _child(command, world.upstream) as floor:
        yield floor


def _passed_on(world: World, session: str, floor: Server) -> Mapping[str, Call]:
    """What the floor passes on: a stock, and a page of offers."""
    paths = {"availability": world.availability, "offers": world.offers(session)}
    return {name: partial(floor.call, "fetch", path=path) for name, path in paths.items()}


async def _session(world: World) -> str:
    """The id of a session in the hall, whose map has seats."""
    path = world.served.sandbox.iri(world.served.sandbox.landmarks["seated_offer"])
    headers = {"Authorization": f"Bearer {world.token}"}
    async with httpx.AsyncClient(base_url=world.served.api_url, headers=headers) as api:
        stock = (await api.get(f"{path}/availability")).raise_for_status().json()
    return str(stock["sessionsAvailability"][0]["session"]).rpartition("/")[2]


async def _conversation(server: Server, world: World) -> None:
    """Measure calls of the tools beside those that are bounded."""
    search = partial(server.call, "search_products", query="derby", limit=1)
    await server.measure("search_products", search)
    base = world.id("museum_base")
    await server.measure("get_offers", partial(server.call, "get_offers", product_base_id=base))
    await _bookings(server, world)


def _reads(world: World, session: str, server: Server) -> Mapping[str, Call]:
    """What is bounded, and its calls."""
    check = partial(server.call, "check_availability")
    base = world.id("hall_base")
    calls = (
        partial(check, offer_id=world.id("timed_offer")),
        partial(check, offer_id=world.id("dynamic_price_offer")),
        partial(server.call, "get_seat_map", product_base_id=base, session_id=session),
    )
    return dict(zip(BOUNDED, calls, strict=True))


async def _bookings(server: Server, world: World) -> None:
    """Measure what books, and what reads bookings."""
    offer = world.id("beneficiary_offer")
    items = [{"offer_id": offer, "quantity": 1}]
    held: list[str] = []
    ordered: list[str] = []

    async def reserve() -> Json:
        made = await server.call("reserve", items=items, again=True)
        held.append(made["reservations"][0]["reservation_id"])
        return made

    async def order() -> Json:
        wish = {"reservation_ids": [held.pop()], "customer": CUSTOMER}
        asked = await server.call("place_order", **wish)
        made = await server.call("place_order", **wish, confirmation=asked["confirmation"])
        ordered.append(made["orders"][0]["order_id"])
        return made

    async def name() -> Json:
        order_id = ordered.pop()
        (ticket,) = (await server.call("get_tickets", order_id=order_id))["tickets"]
        people = [{"ticket_id": ticket["ticket_id"], **HOLDER}]
        return await server.call("name_beneficiaries", order_id=order_id, beneficiaries=people)

    await reserve()
    await server.measure("reserve", reserve, BOOKINGS)
    ids = {"reservation_ids": [held[0]]}
    await server.measure("get_reservation", partial(server.call, "get_reservation", **ids))
    await order()
    await server.measure("place_order, both steps", order, BOOKINGS)
    await server.measure("get_tickets", partial(server.call, "get_tickets", order_id=ordered[0]))
    await name()
    await server.measure("get_tickets and name_beneficiaries", name, BOOKINGS)
    day = world.served.sandbox.clock.now().date().isoformat()
    await server.measure("find_orders", partial(server.call, "find_orders", created_from=day))


async def _slow(server: Server, world: World) -> tuple[float, Mapping[str, float]]:
    """The medians of one request, and of the calls that ask the API each time."""
    headers = {"Authorization": f"Bearer {world.token}"}
    reads = _reads(world, await _session(world), server)
    world.upstream.seconds = SLOW_SECONDS
    try:
        async with httpx.AsyncClient(base_url=world.served.api_url, headers=headers) as api:

            async def ask() -> Json:
                return dict((await api.get(world.availability)).raise_for_status().json())

            await ask()
            one = await server.median(ask)
        return one, {name: await server.median(call) for name, call in reads.items()}
    finally:
        world.upstream.seconds = 0.0


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--beside") + 1] if "--beside" in sys.argv else None)
