"""A booking with marked values, through a real server, and all that it left behind."""

import gzip
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote

import anyio
import httpx
from mcp import Client, MCPError
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.sandbox import Answer, SandboxOptions, Truncate, served_sandbox
from tests.fixtures.assistant import SEED, Assistant, handle_of
from tests.fixtures.hosts import (
    START_SECONDS,
    child_environment,
    free_port,
    listening,
    started,
)

NAME = "Canaryada"
PEOPLE = {
    "first name": NAME,
    "last name": "Canarybyron",
    "e-mail": "canary-7@example.test",
    "phone": "+33610777777",
    "birth date": "1987-03-21",
}
CUSTOMER = {
    "firstname": PEOPLE["first name"],
    "lastname": PEOPLE["last name"],
    "email": PEOPLE["e-mail"],
    "phone": PEOPLE["phone"],
}
HOLDER = {**CUSTOMER, "date_of_birth": PEOPLE["birth date"]}
SINKS = ("log", "spans", "metrics", "errors", "journal")


@dataclass
class Left:
    """What a walk left in each sink, and the values that must not be there, by what they are."""

    canaries: dict[str, str] = field(default_factory=lambda: dict(PEOPLE))
    sinks: dict[str, bytes] = field(default_factory=lambda: dict.fromkeys(SINKS, b""))

    def hits(self) -> set[tuple[str, str]]:
        """Which value was found in which sink, as it is or percent-encoded."""
        return {
            (sink, what)
            for sink, content in self.sinks.items()
            for what, value in self.canaries.items()
            if any(form.encode() in content for form in (value, quote(value, safe="")))
        }


@dataclass
class Watching:
    """Notes tokens and signatures that requests to the sandbox carry."""

    left: Left

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app, watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                bearer = dict(scope["headers"]).get(b"authorization", b"").decode()
                if bearer.startswith("Bearer "):
                    self.left.canaries["token"] = bearer.removeprefix("Bearer ")
                signed = parse_qs(scope["query_string"].decode()).get("Signature")
                if signed:
                    self.left.canaries["signature"] = signed[0]
            await app(scope, receive, send)

        return watched


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector of traces on loopback: its address, and the bodies that it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            bodies.append(gzip.decompress(body) if is_packed else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", bodies
        finally:
            server.shutdown()
            thread.join()


async def walked(folder: Path, module: str = "korus_mcp") -> Left:
    """Walk through a server started from this module, and collect what it left."""
    left = Left()
    with collector() as (collecting, bodies):
        async with served_sandbox(SandboxOptions(seed=SEED), around=Watching(left).around) as world:
            left.canaries["client secret"] = world.environment["KORUS_CLIENT_SECRET"]
            metrics = free_port()
            environment = {
                **child_environment(
                    folder,
                    LOG="json",
                    LOG_LEVEL="debug",
                    METRICS_PORT=str(metrics),
                    OTLP_ENDPOINT=collecting,
                    JOURNAL_KEY="canary-journal-key-of-32-characters",
                    PROFILE="service-desk",
                ),
                **world.environment,
            }
            left.canaries["journal key"] = environment["KORUS_JOURNAL_KEY"]
            with (folder / "log").open("wb", buffering=0) as log:
                async with _serving(environment, module, log.fileno()) as url:
                    async with Client(url) as client:
                        left.sinks["errors"] = await _walk(
                            Assistant(client), lambda place: handle_of(world.sandbox, place)
                        )
                        world.sandbox.faults.add(Answer(status=502), "getOrder", times=3)
                        world.sandbox.faults.add(Truncate(), "listOrders", times=3)
                        left.sinks["errors"] += await _go_wrong(client)
                    async with httpx.AsyncClient() as reader:
                        read = await reader.get(f"http://127.0.0.1:{metrics}/metrics")
                        left.sinks["metrics"] = read.content
        # The server has ended, so all its spans are here.
        left.sinks["spans"] = b"".join(bodies)
    _read_files(folder, left)
    return left


def _read_files(folder: Path, left: Left) -> None:
    left.sinks["log"] = (folder / "log").read_bytes()
    left.sinks["journal"] = b"".join(each.read_bytes() for each in folder.glob("journal*"))


@asynccontextmanager
async def _serving(environment: Mapping[str, str], module: str, log: int) -> AsyncIterator[str]:
    port = free_port()
    command = (sys.executable, "-m", module)
    arguments = ("serve", "--http", "--port", str(port))
    async with started(*arguments, environment=environment, stderr=log, command=command):
        with anyio.fail_after(START_SECONDS):
            await listening(port)
        yield f"http://127.0.0.1:{port}/mcp"


async def _walk(assistant: Assistant, handle: Callable[[str], str]) -> bytes:
    """Book for the marked person, name a holder, fetch the tickets; the errors on the way."""
    offer = handle("beneficiary_offer")
    held = await assistant.call("reserve", items=[{"offer_id": offer, "quantity": 1}])
    wish = {
        "reservation_ids": [held["reservations"][0]["reservation_id"]],
        "customer": CUSTOMER,
        "notes": NAME,
    }
    asked = await assistant.call("place_order", **wish)
    made = await assistant.call("place_order", **wish, confirmation=asked["confirmation"])
    order = made["orders"][0]["order_id"]
    tickets = await assistant.call("get_tickets", order_id=order)
    holder = {**HOLDER, "ticket_id": tickets["tickets"][0]["ticket_id"]}
    other = await assistant.booked(handle("park_offer"))
    answers = [
        await assistant.ask("name_beneficiaries", {"order_id": order, "beneficiaries": [holder]}),
        await assistant.ask("get_tickets", {"order_id": other["order_id"], "save": True}),
        await assistant.ask("find_orders", {"email": CUSTOMER["email"]}),
    ]
    return json.dumps([each.wire for each in answers if each.result.is_error]).encode()


async def _go_wrong(client: Client) -> bytes:
    """Put marked values where they do not belong; the errors."""
    said: list[str] = []
    values = " ".join(PEOPLE.values())
    for tool, arguments in (
        (values, {}),
        ("place_order", {"reservation_ids": values, "customer": values}),
        ("place_order", {"reservation_ids": [values], "customer": {**CUSTOMER, "phone": NAME}}),
        ("name_beneficiaries", {"order_id": values, "beneficiaries": [HOLDER]}),
        ("find_orders", {"email": CUSTOMER["email"]}),
        ("get_tickets", {"order_id": NAME}),
        ("search_products", {"query": values}),
    ):
        answer = await client.call_tool(tool, arguments)
        if answer.is_error:
            said.append(answer.model_dump_json(by_alias=True))
    for going_wrong in (
        client.get_prompt(values),
        client.get_prompt("book_tickets", {"unknown": values}),
    ):
        try:
            await going_wrong
        except MCPError as error:
            said.append(f"{error.error.message} {error.error.data}")
    return "\n".join(said).encode()
