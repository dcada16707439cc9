"""Sign-in proven with a real provider and real programs: `make oauth-test`.

oidc-provider (from npm), a server as people run it, and six clients, each as it is published and in
an environment of its own: it registers, signs its person in and books on a sandbox that counts what
arrives. Everything is thrown away afterwards.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import httpx
from anyio import to_thread
from anyio.abc import TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import Answer as Answered
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import CUSTOMER, SEED, Json, handle_of
from tests.fixtures.hosts import UNBOUNDED, child_environment, free_port, listening, started
from tests.oauth.by_hand import posted, token_for
from tests.oauth.programs import (
    PROGRAMS,
    Failed,
    Installed,
    NotInstalled,
    Program,
    Running,
    npm_installed,
)

PACKAGE: Final = "oidc-provider@9.13.3"
TOKEN_SECONDS: Final = 8
"""How long a token lasts that shall be seen to end."""
LEEWAY: Final = 12
"""How long after that it is over for the server, too, in seconds."""
ELSEWHERE: Final = "http://127.0.0.1:9/another"
"""Another server of the same provider."""
FIXED: Final = "oauth-test"
DOCUMENT: Final = "https://programs.example.org/oauth-test.json"
"""What a program is to a provider where nobody registers: an id, or an address."""
_PROVIDER: Final = Path(__file__).with_name("provider.mjs")


@dataclass
class Row:
    """What became of a program at one revision."""

    program: Program
    revision: str
    books: str = "-"
    three: str = "-"
    document: str = "-"
    fixed: str = "-"

    def __str__(self) -> str:
        told = (
            f"{self.program.name} {self.program.version}",
            self.revision,
            self.program.by_itself,
            self.books,
            self.three,
            self.document,
            self.fixed,
        )
        return f"| {' | '.join(told)} |"


HEAD: Final = (
    "| program | revision | signs in by itself | a booking | three calls on an expired token "
    "| without registration: by a document | by a fixed id |\n|---|---|---|---|---|---|---|"
)


@dataclass
class Findings:
    """What was seen."""

    rows: list[Row] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    """Programs that could not be installed, and why."""
    doubles: int = 0
    lost: int = 0
    leaked: int = 0
    wrong: list[str] = field(default_factory=list)

    def expect(self, said: str, seen: object, wanted: object) -> None:
        """Print a figure, and note it if it is not the wanted one."""
        print(f"  {said}: {seen}" + ("" if seen == wanted else f", and not {wanted}"), flush=True)  # noqa: T201
        if seen != wanted:
            self.wrong.append(said)


@dataclass(frozen=True)
class Bench:
    """A server whose people sign in, the provider, the sandbox, and the programs."""

    url: str
    issuer: str
    served: ServedSandbox
    http: httpx.AsyncClient
    tasks: TaskGroup
    programs: Sequence[Installed]
    found: Findings

    @property
    def offer_id(self) -> str:
        """What is on sale."""
        return handle_of(self.served.sandbox, "park_offer")

    def sent(self, operation: str) -> int:
        """How many requests of an operation arrived."""
        return sum(r.operation == operation for r in self.served.sandbox.requests)

    def cases(self) -> Iterator[tuple[Installed, Row]]:
        """Each program at each of its revisions."""
        for it in self.programs:
            for row in self.found.rows:
                if row.program == it.program:
                    yield it, row

    async def looks(self) -> int:
        """How often the server asked the provider for its keys."""
        counts = (await self.http.get(f"{self.issuer}/counts")).json()
        return int(counts.get("/jwks", 0))

    async def token(self, person: str, resource: str | None = None) -> str:
        """A person's token, for this server or another one."""
        return await token_for(self.http, self.issuer, resource or self.url, person)

    async def called(
        self, token: str, tool: str, arguments: Json, **headers: str
    ) -> httpx.Response:
        """The answer to a call that is sent by hand."""
        params = {"name": tool, "arguments": arguments}
        return await posted(self.http, self.url, token, "tools/call", params, **headers)


@asynccontextmanager
async def bench(
    folder: Path, programs: Sequence[Installed], found: Findings, *, registers: bool = True
) -> AsyncIterator[Bench]:
    """All that takes part, on loopback; at the provider programs register, or nobody does.

    `folder`: where the provider is installed.
    """
    port, provider_port = free_port(), free_port()
    url, issuer = f"http://127.0.0.1:{port}/mcp", f"http://127.0.0.1:{provider_port}"
    asked = {
        "folder": str(folder),
        "port": provider_port,
        "resource": url,
        "other": ELSEWHERE,
        "life": TOKEN_SECONDS,
        "registers": registers,
        "fixed": FIXED,
        "document": DOCUMENT,
    }
    async with (
        served_sandbox(SandboxOptions(seed=SEED)) as served,
        await anyio.open_process(
            ["node", str(_PROVIDER), json.dumps(asked)], stderr=None
        ) as provider,
    ):
        assert provider.stdout is not None
        try:
            with anyio.fail_after(60):
                await BufferedByteReceiveStream(provider.stdout).receive_until(b"ready", 10_000)
            own = Path(tempfile.mkdtemp(prefix="server-", dir=folder))
            environment = {
                **child_environment(own, **UNBOUNDED),
                **served.environment,
                "KORUS_PROFILE": "service-desk",
                "KORUS_CATALOGS": alias_of(served.sandbox.landmarks["park_catalog"]),
                "KORUS_AUTH_ISSUER": issuer,
                "KORUS_PUBLIC_URL": url,
                "KORUS_AUTH_TENANT_CLAIM": "org",
                "KORUS_LOG_LEVEL": "error",
            }
            arguments = ("serve", "--http", "--port", str(port))
            async with started(*arguments, environment=environment, stderr=sys.stderr.fileno()):
                with anyio.fail_after(60):
                    await listening(port)
                async with (
                    # No time-outs: how fast a machine is proves nothing.
                    httpx.AsyncClient(timeout=None) as http,
                    anyio.create_task_group() as tasks,
                ):
                    yield Bench(url, issuer, served, http, tasks, programs, found)
                    tasks.cancel_scope.cancel()
        finally:
            provider.terminate()


def _items(here: Bench, quantity: int = 1) -> list[Json]:
    return [{"offer_id": here.offer_id, "quantity": quantity}]


async def _wish(here: Bench, program: Running) -> Json:
    """The arguments of an order of something held now, agreed to in two steps."""
    held = await program.call("reserve", items=_items(here), again=True)
    wish: Json = {
        "reservation_ids": [held["reservations"][0]["reservation_id"]],
        "customer": CUSTOMER,
    }
    summary = await program.call("place_order", **wish)
    return {**wish, "confirmation": summary["confirmation"]}


async def _booked(here: Bench, program: Running) -> tuple[str, Json]:
    """A booking to its tickets: the order, and the call that made it."""
    wish = await _wish(here, program)
    made = await program.call("place_order", **wish)
    order = str(made["orders"][0]["order_id"])
    told = await program.call("get_tickets", order_id=order)
    if not told["tickets"]:
        raise Failed("an order without tickets")
    return order, wish


async def books(here: Bench) -> None:
    """Each signs its person in and books; a new registration of it finds the same order."""
    for it, row in here.cases():
        said = f"{it.program.slug} {row.revision}"
        before = here.sent("createOrders")
        try:
            orders = await _books(here, it, row.revision, said)
        except Failed as failed:
            row.books = f"no: {failed}"
            here.found.expect(f"{said}: a booking", row.books, "one order")
            here.found.lost += 1
            continue
        made = here.sent("createOrders") - before
        here.found.expect(f"{said}: orders that were sent", made, orders)
        here.found.doubles += max(0, made - orders)
        row.books = "one order, the same for its next registration"


async def _books(here: Bench, it: Installed, revision: str, said: str) -> int:
    """Book, and see that nobody else does; how many orders ought to have been sent."""
    person = f"{it.program.slug}-{revision}"
    async with it.running(here.tasks, here.url, revision, person) as program:
        order, wish = await _booked(here, program)
        here.found.expect(f"{said}: times its person signed in", program.sign_ins, 1)
        refused = await _refused_late(here, program, said)
    async with it.running(here.tasks, here.url, revision, person) as again:
        second = await again.call("place_order", **wish)
        same = second["orders"][0]["order_id"] == order
        here.found.expect(f"{said}: the repeat is the same order", same, wanted=True)
        here.found.lost += not same
    foreign = await here.called(await here.token("eve"), "get_tickets", {"order_id": order})
    here.found.expect(f"{said}: a stranger finds it", "NOT_FOUND" not in foreign.text, wanted=False)
    here.found.leaked += "NOT_FOUND" not in foreign.text
    return 1 + refused


async def _refused_late(here: Bench, program: Running, said: str) -> int:
    """The ticketing API says 401 or 403 to a call; how many orders that were sent so."""
    sign_ins = program.sign_ins
    wish = await _wish(here, program)
    calls: list[tuple[int, str, Callable[[], Awaitable[Json]]]] = [
        (401, "createReservations", lambda: program.ask("reserve", items=_items(here, 2))),
        (403, "createReservations", lambda: program.ask("reserve", items=_items(here, 3))),
        (401, "createOrders", lambda: program.ask("place_order", **wish)),
    ]
    for status, operation, call in calls:
        before = here.sent(operation)
        here.served.sandbox.faults.add(Answered(status=status, body="problem"), operation)
        told = await call()
        is_refused = "error" in told or told.get("state") == "failed"
        here.found.expect(f"{said}: {status} of {operation} is told", is_refused, wanted=True)
        ran = here.sent(operation) - before
        here.found.expect(f"{said}: {status} of {operation}: the tool ran", ran, 1)
        here.found.doubles += max(0, ran - 1)
    here.found.expect(f"{said}: sign-ins after that", program.sign_ins - sign_ins, 0)
    return 1


async def three_at_once(here: Bench) -> None:
    """Three calls with a token that has expired: each tool runs once."""
    async with AsyncExitStack() as opened:
        expired: list[tuple[Row, Running]] = []
        for it, row in here.cases():
            person = f"short-{it.program.slug}-{row.revision}"
            try:
                program = await opened.enter_async_context(
                    it.running(here.tasks, here.url, row.revision, person)
                )
            except Failed as failed:
                row.three = f"no: {failed}"
                here.found.expect(f"{person} signs in", row.three, "yes")
            else:
                expired.append((row, program))
        await anyio.sleep(TOKEN_SECONDS + LEEWAY)
        for row, program in expired:
            row.three = await _three(here, program, f"{row.program.slug} {row.revision}")


async def _three(here: Bench, program: Running, said: str) -> str:
    before, sign_ins = here.sent("createReservations"), program.sign_ins
    held: list[str] = []
    thrown: list[tuple[int, str]] = []

    async def one(quantity: int) -> None:
        try:
            made = await program.call("reserve", items=_items(here, quantity), again=True)
        except Failed as failed:
            thrown.append((quantity, str(failed)))
        else:
            held.append(made["reservations"][0]["reservation_id"])

    async with anyio.create_task_group() as calls:
        for quantity in (1, 2, 3):
            calls.start_soon(one, quantity)
    ran = here.sent("createReservations") - before
    here.found.expect(f"{said}: holds of three calls on an expired token", ran, 3 - len(thrown))
    # What a program threw away had not begun, and its person asks again.
    first = tuple(thrown)
    for quantity, _ in first:
        await one(quantity)
    ran = here.sent("createReservations") - before
    here.found.expect(f"{said}: holds in all", (ran, len(set(held))), (3, 3))
    here.found.doubles += max(0, ran - 3)
    here.found.lost += 3 - len(set(held))
    again = program.sign_ins - sign_ins
    how = f"each ran once, after {again} sign-in" if again else "each ran once, refreshed"
    return f"{how}; {len(first)} thrown first ({first[0][1]})" if first else how


async def refusals(here: Bench) -> None:
    """What is forged is refused by its kind, before anything is sent."""
    good, browsing = await here.token("carol"), await here.token("browser")
    listed = await posted(here.http, here.url, browsing, "tools/list", {})
    here.found.expect("tools of somebody who may browse", listed.text.count('"inputSchema"'), 4)
    sent, evil, wrong = len(here.served.sandbox.requests), "evil.example.test", {"nothing": 1}
    elsewhere = await here.token("carol", ELSEWHERE)
    answers = {
        "a forged host": (await here.called(good, "get_tickets", wrong, Host=evil), 421),
        "a forged origin": (
            await here.called(good, "get_tickets", wrong, Origin=f"https://{evil}"),
            403,
        ),
        "a token for another server": (await here.called(elsewhere, "reserve", wrong), 401),
        "a token without the scope": (await here.called(browsing, "reserve", wrong), 403),
        "a changed token": (await here.called(good[:-8] + "AAAAAAAA", "reserve", wrong), 401),
        "no staff": (await here.called(good, "find_orders", wrong), 403),
    }
    for said, (answer, status) in answers.items():
        here.found.expect(said, answer.status_code, status)
    here.found.expect(
        "requests of all these to the API", len(here.served.sandbox.requests) - sent, 0
    )


async def many(here: Bench, calls: int) -> None:
    """Many calls at once: the keys are read once, whatever came before."""
    token = await here.token("dan")
    statuses: list[int] = []
    lanes = anyio.CapacityLimiter(50)

    async def one() -> None:
        async with lanes:
            statuses.append((await here.called(token, "get_offers", {"nothing": 1})).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(calls):
            tasks.start_soon(one)
    here.found.expect(f"good answers to {calls} calls", statuses.count(200), calls)
    here.found.expect("times the keys were fetched", await here.looks(), 1)


async def unregistered(here: Bench) -> None:
    """At a provider where nobody registers: described by a document, or with a fixed id."""
    for it, row in here.cases():
        row.document = await _unregistered(here, it, row.revision, document=DOCUMENT)
        row.fixed = await _unregistered(here, it, row.revision, fixed=FIXED)
        said = f"{it.program.slug} {row.revision}: books"
        here.found.expect(f"{said} described by a document", row.document, "yes")
        here.found.expect(f"{said} with a fixed id", row.fixed, "yes")


async def _unregistered(here: Bench, it: Installed, revision: str, **known: str) -> str:
    person, before = f"{it.program.slug}-{revision}-{next(iter(known))}", here.sent("createOrders")
    try:
        async with it.running(here.tasks, here.url, revision, person, **known) as program:
            await _booked(here, program)
    except Failed as failed:
        return f"no: {failed}"
    here.found.doubles += here.sent("createOrders") - before - 1
    return "yes"


def install(folder: Path, wanted: Sequence[Program], found: Findings) -> Sequence[Installed]:
    """The provider and what can be had of the programs.

    Raises:
        NotInstalled: the provider cannot be had.
    """
    npm_installed(folder, PACKAGE)
    there: list[Installed] = []
    for program in wanted:
        try:
            there.append(program.installed(folder / program.slug))
        except NotInstalled as why:
            found.absent.append(f"{program.name} {program.version} was not run: {why}")
        else:
            found.rows += [Row(program, revision) for revision in program.modes]
    return there


async def played(folder: Path, wanted: Sequence[Program], calls: int, found: Findings) -> None:
    """Everything, at a provider where programs register and at one where nobody does."""
    there = await to_thread.run_sync(install, folder, wanted, found)
    async with bench(folder, there, found) as here:
        for scene in (books, three_at_once, refusals):
            print(scene.__doc__, flush=True)  # noqa: T201
            await scene(here)
        print(many.__doc__, flush=True)  # noqa: T201
        await many(here, calls)
    async with bench(folder, there, found, registers=False) as here:
        print(unregistered.__doc__, flush=True)  # noqa: T201
        await unregistered(here)


def main(calls: int, names: Sequence[str]) -> int:
    """Run it all; the last line names doubles, lost and leaked."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("skipped: node and npm are needed for the provider")  # noqa: T201
        return 0
    found = Findings()
    wanted = [each for each in PROGRAMS if not names or each.slug in names]
    with tempfile.TemporaryDirectory(prefix="korus-oauth-") as name:
        anyio.run(played, Path(name), wanted, calls, found)
    print("\n".join([HEAD, *map(str, found.rows), *found.absent]))  # noqa: T201
    print(f"wrong: {json.dumps(found.wrong)}")  # noqa: T201
    print(  # noqa: T201
        f"{len(wanted) - len(found.absent)} of {len(wanted)} programs: "
        f"doubles {found.doubles}, lost {found.lost}, leaked {found.leaked}"
    )
    return int(bool(found.wrong or found.absent or found.doubles or found.lost or found.leaked))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1000, help="calls at once (1000)")
    slugs = ", ".join(each.slug for each in PROGRAMS)
    parser.add_argument("--program", action="append", default=[], help=f"these only: {slugs}")
    given = parser.parse_args()
    sys.exit(main(given.n, given.program))
