"""The scripted model of Node rows and terminal assistants books in each language it speaks."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import anyio.to_thread
import pytest

from tests.fixtures.assistant import Answer, Json, compact, desk

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]
SERVED = """
import { serve } from "./model.mjs";
const { model, url } = await serve();
process.stdout.write(url + "\\n");
process.stdin.on("data", () => process.stdout.write(JSON.stringify(model.facts) + "\\n"));
"""
PREFIX = "mcp__korus__"
TOOLS = [
    "search_products",
    "get_offers",
    "check_availability",
    "reserve",
    "place_order",
    "get_tickets",
    "get_reservation",
]
ARGUMENTS = ("input", "arguments", "args", "partial_json")
Results = list[str]


@dataclass(frozen=True)
class Language:
    """A provider's protocol: where it is spoken, and how tools and results stand in a request."""

    path: str
    streamed_path: str
    body: Callable[[Results], Json]


def named(key: str) -> list[Json]:
    return [{"name": PREFIX + tool, key: {"type": "object"}} for tool in TOOLS]


LANGUAGES = {
    "anthropic": Language(
        "/v1/messages",
        "/v1/messages",
        lambda results: {
            "tools": named("input_schema"),
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "content": result}]}
                for result in results
            ],
        },
    ),
    "responses": Language(
        "/v1/responses",
        "/v1/responses",
        lambda results: {
            "tools": [{"type": "function", **tool} for tool in named("parameters")],
            "input": [{"type": "function_call_output", "output": result} for result in results],
        },
    ),
    "chat": Language(
        "/v1/chat/completions",
        "/v1/chat/completions",
        lambda results: {
            "tools": [{"type": "function", "function": tool} for tool in named("parameters")],
            "messages": [{"role": "tool", "content": result} for result in results],
        },
    ),
    "gemini": Language(
        "/v1beta/models/any:generateContent",
        "/v1beta/models/any:streamGenerateContent?alt=sse",
        lambda results: {
            "tools": [{"functionDeclarations": named("parameters")}],
            "contents": [
                {"parts": [{"functionResponse": {"response": {"output": result}}}]}
                for result in results
            ],
        },
    ),
}


@dataclass(frozen=True)
class Served:
    """The model in its own process."""

    url: str
    process: "subprocess.Popen[str]"

    def said(self, path: str, body: Json) -> list[Any]:
        """What it answers: one piece, or the events of a stream."""
        with urlopen(Request(self.url + path, json.dumps(body).encode())) as answer:
            text = answer.read().decode()
        lines = [line[6:] for line in text.splitlines() if line.startswith("data: {")]
        return [json.loads(piece) for piece in lines or [text]]

    def facts(self) -> Json:
        """How far the booking went."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        facts: Json = json.loads(self.process.stdout.readline())
        return facts


@pytest.fixture
def served() -> Iterator[Served]:
    with subprocess.Popen(
        ["node", "--input-type=module", "-e", SERVED],
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield Served(process.stdout.readline().strip(), process)
        process.kill()


def call_in(said: list[Any]) -> tuple[str, Json] | None:
    """The tool that is called, and its arguments; they may come as text, after the name."""
    members = list(_members(said))
    name = next((v for k, v in members if k == "name" and str(v).startswith(PREFIX)), None)
    if name is None:
        return None
    given = [value for key, value in members if key in ARGUMENTS and value]
    arguments = json.loads(given[-1]) if isinstance(given[-1], str) else given[-1]
    return name.removeprefix(PREFIX), arguments


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield key, member
            yield from _members(member)
    elif isinstance(value, list):
        for member in value:
            yield from _members(member)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(lambda answer: answer.text, id="text"),
        pytest.param(lambda answer: compact(answer.structure), id="structure"),
        pytest.param(lambda answer: compact({"result": answer.wire}), id="JSON in JSON"),
        pytest.param(
            lambda answer: compact({"result": answer.wire}).replace('"', ""), id="without quotes"
        ),
    ],
)
async def test_it_books(
    served: Served, name: str, shown: Callable[[Answer], str], *, streamed: bool
) -> None:
    language, results = LANGUAGES[name], list[str]()
    path = language.streamed_path if streamed else language.path

    async def answered() -> tuple[str, Json] | None:
        body = {"model": "any", "stream": streamed, **language.body(results)}
        return call_in(await anyio.to_thread.run_sync(served.said, path, body))

    async with desk() as at:
        while call := await answered():
            assert call == await answered(), "a request that a host repeats is answered the same"
            results.append(shown(await at.ask(*call)))
    facts = served.facts()
    assert facts["booked"], facts["why"]
    assert facts["refusal_read"], facts["why"]
    assert facts["calls"] == len(results)


async def test_a_request_without_tools_is_beside_the_booking(served: Served) -> None:
    chat = LANGUAGES["chat"]
    asked = {"model": "any", "messages": [{"role": "user", "content": "A title for this?"}]}
    assert call_in(served.said(chat.path, asked)) is None
    assert call_in(served.said(chat.path, {"model": "any", **chat.body([])})) is not None
    assert call_in(served.said(chat.path, asked)) is None
