"""Sign-in proven with a real provider: `make oauth-test`.

oidc-provider (from npm, thrown away afterwards), a server as people run it, and the SDK's client,
which registers, signs its person in and books on a sandbox that counts what arrives.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import httpx
from anyio import to_thread
from anyio.streams.buffered import BufferedByteReceiveStream

from korus_mcp.foundation.handles import alias_of
from korus_mcp.sandbox import SandboxOptions, ServedSandbox, served_sandbox
from tests.fixtures.assistant import CUSTOMER, ERAS, SEED, Assistant, Json, handle_of
from tests.fixtures.hosts import UNBOUNDED, child_environment, free_port, listening, started
from tests.oauth.by_hand import token_for
from tests.oauth.client import Browser, Program

PACKAGE: Final = "oidc-provider@9.13.3"
TOKEN_SECONDS: Final = 8
"""How long the token of a program lasts that shall see it end."""
LEEWAY: Final = 12
"""How long after that it is over for the server, too, in seconds."""
_PROVIDER: Final = Path(__file__).with_name("provider.mjs")
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class Bench:
    """A server whose people sign in, the provider, the sandbox, and what was found."""

    url: str
    issuer: str
    served: ServedSandbox
    calls: int
    http: httpx.AsyncClient
    doubles: int = 0
    lost: int = 0
    leaked: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def offer_id(self) -> str:
        """What is on sale."""
        return handle_of(self.served.sandbox, "park_offer")

    def sent(self, operation: str) -> int:
        """How many requests of an operation arrived."""
        return sum(r.operation == operation for r in self.served.sandbox.requests)

    def expect(self, said: str, seen: object, wanted: object) -> None:
        """Print a figure, and note it if it is not the wanted one."""
        print(f"  {said}: {seen}" + ("" if seen == wanted else f", and not {wanted}"), flush=True)  # noqa: T201
        if seen != wanted:
            self.wrong.append(said)

    def program(self, person: str) -> Program:
        """A program that the provider does not know yet."""
        return Program(self.url, Browser(person))

    async def looks(self) -> int:
        """How often the server asked the provider for its keys."""
        async with httpx.AsyncClient() as client:
            counts = (await client.get(f"{self.issuer}/counts")).json()
        return int(counts.get("/jwks", 0))

    async def posted(self, token: str, tool: str, **headers: str) -> httpx.Response:
        """The answer to a call that is sent by hand."""
        params = {"name": tool, "arguments": {"nothing": 1}, "_meta": _META}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        named = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
            "Authorization": f"Bearer {token}",
        }
        return await self.http.post(self.url, json=message, headers={**named, **headers})


@asynccontextmanager
async def bench(folder: Path, calls: int) -> AsyncIterator[Bench]:
    """All that takes part, on loopback."""
    port, provider_port = free_port(), free_port()
    url, issuer = f"http://127.0.0.1:{port}/mcp", f"http://127.0.0.1:{provider_port}"
    other = "http://127.0.0.1:9/another"
    command = [
        "node", str(_PROVIDER), str(folder), str(provider_port), url, other, str(TOKEN_SECONDS),
    ]  # fmt: skip
    async with (
        served_sandbox(SandboxOptions(seed=SEED)) as served,
        await anyio.open_process(command, stderr=None) as provider,
    ):
        assert provider.stdout is not None
        try:
            with anyio.fail_after(60):
                await BufferedByteReceiveStream(provider.stdout).receive_until(b"ready", 10_000)
            environment = {
                **child_environment(folder, **UNBOUNDED),
                **served.environment,
                "KORUS_PROFILE": "service-desk",
                "KORUS_CATALOGS": alias_of(served.sandbox.landmarks["park_catalog"]),
                "KORUS_AUTH_ISSUER": issuer,
                "KORUS_PUBLIC_URL": url,
                "KORUS_AUTH_TENANT_CLAIM": "org",
            }
            arguments = ("serve", "--http", "--port", str(port))
            async with started(*arguments, environment=environment, stderr=sys.stderr.fileno()):
                with anyio.fail_after(60):
                    await listening(port)
                # No time-outs: how fast a machine is proves nothing.
                async with httpx.AsyncClient(timeout=None) as http:
                    yield Bench(url, issuer, served, calls, http)
        finally:
            provider.terminate()


async def books(here: Bench) -> None:
    """A person whom nobody knows signs in, books, and repeats it with another program."""
    for mode in ERAS:
        program, again = here.program(f"ada-{mode}"), here.program(f"ada-{mode}")
        before = here.sent("createOrders")
        async with program.assistant(mode) as assistant:
            order, asked = await _bought(here, assistant)
        here.expect(f"{mode}: orders of a booking", here.sent("createOrders") - before, 1)
        here.expect(f"{mode}: times its person signed in", program.browser.sign_ins, 1)
        async with again.assistant(mode) as assistant:
            second = await assistant.call("place_order", **asked)
            same = second["orders"][0]["order_id"] == order
        assert program.memory.registered is not None
        assert again.memory.registered is not None
        is_other = program.memory.registered.client_id != again.memory.registered.client_id
        here.expect(f"{mode}: it is another registration", is_other, wanted=True)
        here.expect(f"{mode}: the repeat is the same order", same, wanted=True)
        here.doubles += here.sent("createOrders") - before - 1
        here.lost += not same
        stranger = here.program(f"eve-{mode}")
        async with stranger.assistant(mode) as assistant:
            seen = await assistant.ask("get_tickets", {"order_id": order})
        here.expect(f"{mode}: a stranger reads", seen.code, "NOT_FOUND")
        here.leaked += seen.code != "NOT_FOUND"


async def _bought(here: Bench, assistant: Assistant) -> tuple[str, Json]:
    items = [{"offer_id": here.offer_id, "quantity": 1}]
    held = await assistant.call("reserve", items=items)
    asked: Json = {
        "reservation_ids": [held["reservations"][0]["reservation_id"]],
        "customer": CUSTOMER,
    }
    first = await assistant.call("place_order", **asked)
    asked["confirmation"] = first["confirmation"]
    made = await assistant.call("place_order", **asked)
    return str(made["orders"][0]["order_id"]), asked


async def three_at_once(here: Bench) -> None:
    """Three calls with a token that has expired: each tool runs once."""
    # The provider gives this one tokens that soon end.
    program = Program(here.url, Browser("bob"), "short-lived")
    for mode in ERAS:
        async with program.assistant(mode) as assistant:
            await assistant.client.list_tools()
            await anyio.sleep(TOKEN_SECONDS + LEEWAY)
            before = here.sent("createReservations")
            held: list[str] = []

            async def one(quantity: int, held: list[str] = held) -> None:
                items = [{"offer_id": here.offer_id, "quantity": quantity}]
                made = await assistant.call("reserve", items=items, again=True)
                held.append(made["reservations"][0]["reservation_id"])

            async with anyio.create_task_group() as calls:
                for quantity in (1, 2, 3):
                    calls.start_soon(one, quantity)
            ran = here.sent("createReservations") - before
            here.expect(f"{mode}: holds of three calls on an expired token", ran, 3)
            here.expect(f"{mode}: of them told", len(set(held)), 3)
            here.doubles += max(0, ran - 3)
            here.lost += 3 - len(set(held))


async def refusals(here: Bench) -> None:
    """What is forged is refused by its kind, before anything is sent."""
    program, browsing = here.program("carol"), here.program("browser")
    async with program.assistant() as assistant:
        await assistant.client.list_tools()
    async with browsing.assistant() as assistant:
        listed = {tool.name for tool in (await assistant.client.list_tools()).tools}
    here.expect("tools of somebody who may browse", len(listed), 4)
    good, sent = program.token, len(here.served.sandbox.requests)
    evil = "evil.example.test"
    answers = {
        "a forged host": (await here.posted(good, "get_tickets", Host=evil), 421),
        "a forged origin": (await here.posted(good, "get_tickets", Origin=f"https://{evil}"), 403),
        "a token for another server": (await here.posted(await _elsewhere(here), "reserve"), 401),
        "a token without the scope": (await here.posted(browsing.token, "reserve"), 403),
        "a changed token": (await here.posted(good[:-8] + "AAAAAAAA", "reserve"), 401),
        "no staff": (await here.posted(good, "find_orders"), 403),
    }
    for said, (answer, status) in answers.items():
        here.expect(said, answer.status_code, status)
    here.expect("requests of all these to the API", len(here.served.sandbox.requests) - sent, 0)


async def _elsewhere(here: Bench) -> str:
    """A token of the same provider for another server."""
    async with httpx.AsyncClient(headers={"x-person": "carol"}) as client:
        return await token_for(client, here.issuer, "http://127.0.0.1:9/another")


async def many(here: Bench) -> None:
    """Many calls at once: the keys are read once, whatever came before."""
    program = here.program("dan")
    async with program.assistant() as assistant:
        await assistant.client.list_tools()
    statuses: list[int] = []
    lanes = anyio.CapacityLimiter(50)

    async def one() -> None:
        async with lanes:
            statuses.append((await here.posted(program.token, "get_offers")).status_code)

    async with anyio.create_task_group() as calls:
        for _ in range(here.calls):
            calls.start_soon(one)
    here.expect(f"good answers to {here.calls} calls", statuses.count(200), here.calls)
    here.expect("times the keys were fetched", await here.looks(), 1)


async def main(calls: int) -> int:
    """Run it all; the last line names doubles, lost and leaked."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("skipped: node and npm are needed for the provider")  # noqa: T201
        return 0
    with tempfile.TemporaryDirectory(prefix="korus-oauth-") as name:
        install = ("npm", "install", "--prefix", name, "--silent", "--no-audit", "--no-fund")
        await to_thread.run_sync(lambda: subprocess.run([*install, PACKAGE], check=True))
        async with bench(Path(name), calls) as here:
            for scene in (books, three_at_once, refusals, many):
                print(scene.__doc__, flush=True)  # noqa: T201
                await scene(here)
    print(f"wrong: {json.dumps(here.wrong)}")  # noqa: T201
    print(f"doubles {here.doubles}, lost {here.lost}, leaked {here.leaked}")  # noqa: T201
    return int(bool(here.wrong or here.doubles or here.lost or here.leaked))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1000, help="calls at once (1000)")
    sys.exit(anyio.run(main, parser.parse_args().n))
