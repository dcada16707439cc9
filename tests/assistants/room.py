"""A room: a world made for a task, a real server in it, an assistant who has only its tools."""

import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent, Tool

from korus_mcp.foundation.clock import ManualClock, ShiftedClock, SystemClock
from korus_mcp.sandbox import Sandbox, SandboxOptions, served_sandbox
from korus_mcp.server.composition import build_server
from korus_mcp.settings import read_settings
from tests.assistants.pace import TIME, Pace, PacedClock
from tests.assistants.task import MORNING, Asked, Called, End, Event, Json, Task, problems
from tests.fixtures.assistant import compact
from tests.fixtures.hosts import PROJECT, child_environment
from tests.fixtures.tokens import counted
from tests.journeys.upstream import Upstream

SEED: Final = 22
SETTLED: Final = timedelta(minutes=2)
"""After that lists, too, tell the prices and the stock that a task has set."""
SETTINGS: Final = {"LANGUAGE": "en", "APPROVAL": "two_step"}
"""English as in the embedded sandbox; nobody but the assistant can ask the person."""
ORDERS: Final = "createOrders"
TRANSCRIPT: Final = "transcript.jsonl"


class Shows(StrEnum):
    """Which half of a reply a host shows its model."""

    TEXT = "text"
    STRUCTURE = "structure"


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a task ended, and what it cost. `tokens` (o200k) are those of all replies as shown."""

    task: str
    passed: bool
    why_not: list[str]
    calls: int
    least_calls: int
    calls_by_tool: dict[str, int]
    tokens: int
    largest: int
    list_tokens: int
    questions: list[str]
    refusals: dict[str, int]
    shows: str
    last_words: str


@dataclass(kw_only=True)
class Room:
    """What an assistant can do there, and what was done."""

    task: Task
    sandbox: Sandbox
    client: Client
    folder: Path
    shows: Shows
    events: list[Event] = field(default_factory=list)
    _has_written: bool = False

    async def listed(self) -> str:
        """The instructions and the tools, as a host shows them to a model."""
        tools = (await self.client.list_tools()).tools
        said = self.client.instructions or ""
        return "\n\n".join((f"Instructions: {said}", *map(_described, tools)))

    async def call(self, tool: str, arguments: Json) -> Called:
        """One call of a tool. What the person writes of themselves stands below its answer."""
        before = self._orders_sent()
        try:
            result = await self.client.call_tool(tool, arguments)
        # The client's own complaint of an answer that is not as its tool publishes it.
        except (MCPError, RuntimeError) as error:
            result = CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        has_sent_order = self._orders_sent() > before
        if has_sent_order and self.task.mishap is not None:
            self.sandbox.faults.clear()
        called = self._told(tool, arguments, result, has_sent_order=has_sent_order)
        self._note(called)
        return called

    def ask(self, question: str) -> str:
        """Put a question to the person."""
        self._note(Asked(question=question))
        return self.task.sheet

    async def finish(self, last_words: str) -> Result:
        """Judge the end, and write it down."""
        end = End(
            sandbox=self.sandbox,
            events=self.events,
            downloads=self.folder / "downloads",
            last_words=last_words,
        )
        why_not = problems(self.task, end)
        calls = [event for event in self.events if isinstance(event, Called)]
        sizes = [counted(called.shown) for called in calls]
        result = Result(
            task=self.task.name,
            passed=not why_not,
            why_not=why_not,
            calls=len(calls),
            least_calls=self.task.least_calls,
            calls_by_tool=dict(Counter(called.tool for called in calls)),
            tokens=sum(sizes),
            largest=max(sizes, default=0),
            list_tokens=counted(await self.listed()),
            questions=end.questions,
            refusals=dict(Counter(called.refusal for called in calls if called.refusal)),
            shows=self.shows.value,
            last_words=last_words,
        )
        text = json.dumps(asdict(result), indent=1, ensure_ascii=False)
        (self.folder / "result.json").write_text(f"{text}\n", "utf-8")
        return result

    def _told(
        self, tool: str, arguments: Json, result: CallToolResult, *, has_sent_order: bool
    ) -> Called:
        structure: Json = result.structured_content or {}
        shown = _shown(result, self.shows)
        if has_sent_order and self.task.afterwards is not None and not self._has_written:
            self._has_written = True
            shown = f"{shown}\n\nThe person writes: {self.task.afterwards}"
        refused = structure.get("error", {}).get("code", "?") if result.is_error else None
        return Called(
            tool=tool,
            arguments=arguments,
            shown=shown,
            structure=structure,
            refusal=refused,
            confirmation=structure.get("confirmation"),
            has_sent_order=has_sent_order,
        )

    def _orders_sent(self) -> int:
        return sum(request.operation == ORDERS for request in self.sandbox.requests)

    def _note(self, event: Event) -> None:
        self.events.append(event)
        with (self.folder / TRANSCRIPT).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(asdict(event), ensure_ascii=False)}\n")


@asynccontextmanager
async def in_memory(task: Task, folder: Path, *, shows: Shows = Shows.TEXT) -> AsyncIterator[Room]:
    """A room in this process, whose time stands still."""
    clock = ManualClock(MORNING - SETTLED)
    sandbox = Sandbox(SandboxOptions(seed=SEED), clock=clock)
    upstream = _furnished(task, sandbox)
    sandbox.app = upstream.around(sandbox.app)
    clock.advance(SETTLED.total_seconds())
    given = {**SETTINGS, "DOWNLOAD_DIR": str(folder / "downloads")}
    settings = read_settings({f"KORUS_{name}": value for name, value in given.items()})
    server = build_server(settings, clock=clock, sandbox=sandbox)
    async with Client(server) as client:
        yield Room(task=task, sandbox=sandbox, client=client, folder=folder, shows=shows)


@asynccontextmanager
async def over_stdio(
    task: Task, folder: Path, *, shows: Shows = Shows.TEXT, rate: float = 1.0
) -> AsyncIterator[Room]:
    """A room with a server of its own over stdio, over a sandbox on loopback.

    `rate`: how many seconds pass there in one of ours.
    """
    since = SystemClock().now()
    clock = ShiftedClock(PacedClock(Pace(MORNING - SETTLED, since, rate)))
    upstream = Upstream()
    async with served_sandbox(
        SandboxOptions(seed=SEED), clock=clock, around=upstream.around
    ) as served:
        _furnish(task, served.sandbox, upstream)
        clock.advance(SETTLED.total_seconds())
        own = child_environment(folder, **SETTINGS) | {TIME: str(Pace(MORNING, since, rate))}
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "tests.assistants.child"],
            env={**own, **served.environment},
            cwd=PROJECT,
        )
        with (folder / "server.log").open("w") as log:
            async with Client(stdio_client(server, errlog=log)) as client:
                yield Room(
                    task=task, sandbox=served.sandbox, client=client, folder=folder, shows=shows
                )


def _furnished(task: Task, sandbox: Sandbox) -> Upstream:
    upstream = Upstream()
    _furnish(task, sandbox, upstream)
    return upstream


def _furnish(task: Task, sandbox: Sandbox, upstream: Upstream) -> None:
    """Make the world what the task needs."""
    task.prepare(sandbox)
    if (mishap := task.mishap) is not None:
        upstream.when(ORDERS, lambda: mishap(sandbox))


def _described(tool: Tool) -> str:
    schema = compact(tool.input_schema)
    return f"{tool.name}: {tool.description}\n{schema}"


def _shown(result: CallToolResult, shows: Shows) -> str:
    """What a model reads of an answer, under a line that says which half of it that is."""
    structure = result.structured_content
    if shows is Shows.STRUCTURE and structure is not None:
        half, said = Shows.STRUCTURE, compact(structure)
    else:
        half, said = Shows.TEXT, "\n".join(_in_words(result.content))
    return f"[{half}{', an error' if result.is_error else ''}]\n{said}"


def _in_words(blocks: Sequence[ContentBlock]) -> list[str]:
    return [_block(block) for block in blocks]


def _block(block: Any) -> str:
    match block:
        case TextContent():
            return block.text
        case ImageContent():
            return "[a picture, which this host does not show]"
        case ResourceLink():
            return f"[a link: {block.uri}]"
        case _:
            return f"[{block.type}]"
