"""The answers that follow from the settings alone, as the SDK would give them."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from korus_mcp.opening.messages import Object

GENERATED: Final = Path(__file__).with_name("answers.json")
"""What a server with all tools answers: `handshake` and `modern` are the two eras of the protocol,
each with its `versions`, oldest first, and its `answers` by method. `needs` says with which tools
an entry of a list is shown: list -> name -> alternatives, each of tools that all have to be there.
"""
LISTS: Final = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""Method -> the member of its answer that is the list."""
_SCHEMA: Final = "outputSchema"


class Answers:
    """The answers of a server with these tools and instructions.

    `has_structure`: its tools say what structure their answers have.
    """

    def __init__(self, tools: Collection[str], instructions: str, *, has_structure: bool) -> None:
        self._tools, self._instructions = frozenset(tools), instructions
        self._has_structure = has_structure
        generated = _generated()
        self._handshakes: list[str] = generated["handshake"]["versions"]
        self._modern: list[str] = generated["modern"]["versions"]

    def agreed(self, wished: str) -> str:
        """The revision that a handshake agrees on, for the one that the host wishes."""
        return wished if wished in self._handshakes else self._handshakes[-1]

    def is_modern(self, version: object) -> bool:
        """Whether it is a revision without a handshake."""
        return version in self._modern

    def initialized(self, version: str) -> Object:
        """The answer to `initialize`, once a revision is agreed on."""
        answer: Object = _generated()["handshake"]["answers"]["initialize"]
        return {**answer, "protocolVersion": version, "instructions": self._instructions}

    def answer(self, method: str, *, is_modern: bool) -> Object | None:
        """The answer to a request without parameters that matter; None if it is not known here."""
        generated = _generated()
        era = generated["modern" if is_modern else "handshake"]
        answer: Object | None = era["answers"].get(method)
        if answer is not None and method in LISTS:
            name = LISTS[method]
            answer[name] = self._shown(answer[name], generated["needs"].get(name, {}))
        elif answer is not None and "instructions" in answer:
            answer["instructions"] = self._instructions
        return answer

    def _shown(self, entries: list[Object], needs: dict[str, list[list[str]]]) -> list[Object]:
        shown = [
            each
            for each in entries
            if each["name"] not in needs or any(map(self._tools.issuperset, needs[each["name"]]))
        ]
        return shown if self._has_structure else [_without_schema(each) for each in shown]


def _generated() -> dict[str, Any]:
    # Read each time, within a millisecond: kept, it would stay in memory as long as the server.
    generated: dict[str, Any] = json.loads(GENERATED.read_bytes())
    return generated


def _without_schema(entry: Object) -> Object:
    return {name: value for name, value in entry.items() if name != _SCHEMA}


def line_of(**message: Any) -> bytes:
    """A message of the protocol as a line, in the form that the SDK writes."""
    text = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"), ensure_ascii=False)
    return f"{text}\n".encode()
