"""What a server answers before it is there, made by the server itself:
korus_mcp/opening/answers.json holds it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import anyio
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from korus_mcp.access.policy import ALL_TOOLS
from korus_mcp.opening.answers import LISTS
from korus_mcp.opening.conversation import DISCOVER
from korus_mcp.opening.messages import CAPABILITIES_KEY, VERSION_KEY, Object
from korus_mcp.prompts import load_prompts
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Profile, Settings
from korus_mcp.ui.pages import PAGES
from tests.fixtures.wire import all_said

CLIENT: Final = {"name": "host", "version": "1"}
LATEST: Final = HANDSHAKE_PROTOCOL_VERSIONS[-1]
INITIALIZE: Final = {"protocolVersion": LATEST, "capabilities": {}, "clientInfo": CLIENT}
ENVELOPE: Final[dict[str, Any]] = {VERSION_KEY: MODERN_PROTOCOL_VERSIONS[-1], CAPABILITIES_KEY: {}}


def request(number: int | str, method: str, params: Mapping[str, Any] | None = None) -> bytes:
    """A request as a line."""
    said = {"jsonrpc": "2.0", "id": number, "method": method}
    return f"{json.dumps(said | ({} if params is None else {'params': params}))}\n".encode()


def answers() -> str:
    """The file."""
    handshake = _asked({"initialize": INITIALIZE, "ping": None, **dict.fromkeys(LISTS)})
    modern = _asked({method: {"_meta": ENVELOPE} for method in (DISCOVER, *LISTS)})
    found = {
        "handshake": {"versions": HANDSHAKE_PROTOCOL_VERSIONS, "answers": handshake},
        "modern": {"versions": MODERN_PROTOCOL_VERSIONS, "answers": modern},
        "needs": _needs(handshake),
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _asked(asked: Mapping[str, Mapping[str, Any] | None], *without: str) -> dict[str, Object]:
    """Method -> what a server with all tools, but those, answers to it."""
    tools = tuple(name for name in ALL_TOOLS if name not in without)
    server = build_server(Settings(profile=Profile.SERVICE_DESK, tools=tools))
    lines = [request(n, method, params) for n, (method, params) in enumerate(asked.items())]
    said = anyio.run(all_said, server, lines)
    return {
        method: json.loads(answer)["result"]
        for method, answer in zip(asked, said, strict=True)
        if answer is not None
    }


def _needs(all_there: Mapping[str, Object]) -> dict[str, dict[str, list[list[str]]]]:
    """List -> name of an entry -> the tools with which it is shown, as alternatives."""
    opening = {"initialize": INITIALIZE}
    method = "resources/templates/list"
    names = _names(all_there[method]["resourceTemplates"])
    templates: dict[str, list[list[str]]] = {}
    for tool in ALL_TOOLS:
        rest = _asked({**opening, method: None}, tool)[method]["resourceTemplates"]
        for name in sorted(names - _names(rest)):
            templates.setdefault(name, [[]])[0].append(tool)
    pages: dict[str, list[list[str]]] = {}
    for tool, page in PAGES.items():
        pages.setdefault(page.uri.rpartition("/")[2], []).append([tool])
    return {
        "tools": {name: [[name]] for name in ALL_TOOLS},
        "prompts": {prompt.name: [list(prompt.tools)] for prompt in load_prompts()},
        "resources": pages,
        "resourceTemplates": templates,
    }


def _names(entries: Iterable[Object]) -> set[str]:
    return {entry["name"] for entry in entries}
