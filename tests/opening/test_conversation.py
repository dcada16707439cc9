"""An opening answers as the server does, byte by byte, and leaves to it what it does not know."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from korus_mcp.access.introduction import instructions
from korus_mcp.access.policy import ALL_TOOLS, tool_names
from korus_mcp.opening.answers import LISTS, Answers
from korus_mcp.opening.conversation import CONNECTION_CLOSED, DISCOVER, Conversation
from korus_mcp.opening.messages import CAPABILITIES_KEY, CLIENT_KEY, VERSION_KEY
from korus_mcp.server.composition import build_server
from korus_mcp.settings import Content, Environment, Profile, Settings
from tests.docs.opening import CLIENT, ENVELOPE, INITIALIZE, request
from tests.fixtures.wire import all_said

pytestmark = pytest.mark.anyio

DEMO = {
    "environment": Environment.DEMO,
    "embedded": False,
    "api_url": "http://127.0.0.1:1",
    "token_url": "http://127.0.0.1:1/token",
}
SERVERS = {
    **{f"profile {each}": Settings(profile=each) for each in Profile},
    **{
        f"{each} {content}": Settings(profile=each, content=content)
        for each in (Profile.BROWSE, Profile.SERVICE_DESK)
        for content in (Content.TEXT, Content.STRUCTURED)
    },
    "demo": Settings(**DEMO),  # type: ignore[arg-type]
    "production": Settings(**{**DEMO, "environment": Environment.PRODUCTION}),  # type: ignore[arg-type]
    "in French": Settings(language="fr", languages=("fr", "en")),
    **{f"only {name}": Settings(profile=Profile.SERVICE_DESK, tools=(name,)) for name in ALL_TOOLS},
    **{
        f"all but {name}": Settings(
            profile=Profile.SERVICE_DESK, tools=tuple(n for n in ALL_TOOLS if n != name)
        )
        for name in ALL_TOOLS
    },
}
META = {
    "progressToken": 7,
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
HOSTS: dict[str, Any] = {
    "nothing": {},
    "claude": {"roots": {}, "elicitation": {"form": {}, "url": {}}},
    "codex": {"elicitation": {"form": {}}, "experimental": {"x": {"y": [1, None, "é"]}}},
    "all": {
        "roots": {"listChanged": True},
        "sampling": {"tools": {}, "context": None},
        "elicitation": None,
        "tasks": {"requests": {"elicitation": {"create": {}}}},
        "extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}},
        "unknown": 7,
    },
}
PERSON = {
    **CLIENT,
    "title": "Hôst",
    "websiteUrl": "https://example.org",
    "icons": [{"src": "data:,"}],
}


def opened(settings: Settings) -> Conversation:
    """The opening of a server with these settings."""
    names = tool_names(settings)
    has_structure = settings.content is not Content.TEXT
    return Conversation(Answers(names, instructions(settings, names), has_structure=has_structure))


def lists(*params: dict[str, Any]) -> list[bytes]:
    """Each list, asked for with each of these parameters."""
    asked = [(method, each) for method in LISTS for each in params]
    return [request(f"{n}", method, each) for n, (method, each) in enumerate(asked)]


async def both(settings: Settings, lines: Sequence[bytes]) -> tuple[Conversation, list[bytes]]:
    """The opening after these lines, all of which it answers as the server does."""
    conversation = opened(settings)
    early = [conversation.take(line) for line in lines]
    assert early == await all_said(build_server(settings), lines)
    assert not conversation.is_over
    return conversation, [each for each in early if each is not None]


@pytest.mark.parametrize("settings", SERVERS.values(), ids=SERVERS)
async def test_after_a_handshake_all_that_is_answered_is_what_the_server_says(
    settings: Settings,
) -> None:
    lines = [
        request(0, "initialize", INITIALIZE),
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
        request(1, "ping"),
        request(2, "ping", {}),
        *lists({}, {"_meta": META}, {"cursor": "x"}, {"cursor": None}),
    ]
    _, told = await both(settings, lines)
    assert len(told) == 1 + 2 + 4 * len(LISTS)


@pytest.mark.parametrize("settings", SERVERS.values(), ids=SERVERS)
async def test_without_a_handshake_all_that_is_answered_is_what_the_server_says(
    settings: Settings,
) -> None:
    meta: list[dict[str, Any]] = [
        {"_meta": ENVELOPE},
        {"_meta": {**ENVELOPE, **META, CLIENT_KEY: PERSON}, "cursor": "x"},
    ]
    lines = [*lists(*meta), *(request(-n, DISCOVER, each) for n, each in enumerate(meta, 1))]
    _, told = await both(settings, lines)
    assert len(told) == 2 * len(LISTS) + 2


@pytest.mark.parametrize("version", [*HANDSHAKE_PROTOCOL_VERSIONS, "2026-07-28", "1.0", ""])
@pytest.mark.parametrize("capabilities", HOSTS.values(), ids=HOSTS)
async def test_every_revision_is_agreed_on_as_with_the_server(
    version: str, capabilities: dict[str, Any]
) -> None:
    asked = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": PERSON}
    lines = [
        request(2**53 - 1, "initialize", {**asked, "_meta": {**ENVELOPE, **META}}),
        request('"\\\u2028é\x7f', "ping", {"_meta": META}),
        request(-1, "tools/list"),
    ]
    await both(Settings(), lines)


@pytest.mark.parametrize("capabilities", HOSTS.values(), ids=HOSTS)
async def test_whatever_a_host_can_do_is_answered_alike_without_a_handshake(
    capabilities: dict[str, Any],
) -> None:
    meta = {**ENVELOPE, CAPABILITIES_KEY: capabilities}
    lines = [request(1, method, {"_meta": meta}) for method in ("tools/list", DISCOVER)]
    await both(Settings(), lines)


ASKED = request(1, DISCOVER, {"_meta": ENVELOPE})
MODERN_LIST = request(2, "tools/list", {"_meta": ENVELOPE})
HANDSHAKE = request(3, "initialize", INITIALIZE)
CALL = request(4, "tools/call", {"name": "search_products", "arguments": {}})
PING = request(5, "ping")
LEFT: dict[str, tuple[list[bytes], list[bytes]]] = {
    "a call before anything": ([], [CALL, HANDSHAKE, PING]),
    "a ping before anything": ([], [PING, HANDSHAKE]),
    "a list before anything": ([], [request(1, "tools/list"), HANDSHAKE]),
    "garbage": ([], [b"garbage\n", HANDSHAKE, PING]),
    "garbage between": ([HANDSHAKE], [b"garbage\n", PING]),
    "an unknown revision": (
        [],
        [request(1, DISCOVER, {"_meta": {**ENVELOPE, VERSION_KEY: "2099-01-01"}}), ASKED],
    ),
    "no envelope": ([], [request(1, DISCOVER), HANDSHAKE]),
    "half an envelope": (
        [],
        [request(1, "tools/list", {"_meta": {VERSION_KEY: ENVELOPE[VERSION_KEY]}}), MODERN_LIST],
    ),
    "a handshake behind the other era": ([MODERN_LIST], [HANDSHAKE, MODERN_LIST]),
    "the other era behind a handshake": ([HANDSHAKE], [MODERN_LIST, ASKED]),
    "a second handshake": ([HANDSHAKE], [HANDSHAKE, PING]),
    "a ping without a handshake": ([MODERN_LIST], [request(6, "ping", {"_meta": ENVELOPE})]),
    "a list without an envelope": ([MODERN_LIST], [request(6, "tools/list")]),
    "a handshake with wrong parts": (
        [],
        [request(1, "initialize", {**INITIALIZE, "capabilities": {"roots": True}}), PING],
    ),
    "unknown methods": ([HANDSHAKE], [request(7, "logging/setLevel", {"level": "info"}), CALL]),
}


@pytest.mark.parametrize(("answered", "left"), LEFT.values(), ids=LEFT)
def test_what_is_not_certain_is_left_to_the_server_in_order(
    answered: list[bytes], left: list[bytes]
) -> None:
    conversation = opened(Settings())
    assert all(conversation.take(line) is not None for line in answered)
    assert [conversation.take(line) for line in left] == [None] * len(left)
    unread = conversation.handed_over(b"rest")
    assert unread.text.endswith(b"".join([*left, b"rest"]))
    before = unread.text.removesuffix(b"".join([*left, b"rest"])).splitlines()
    assert [json.loads(line) for line in before] == [json.loads(line) for line in answered]
    assert unread.answered == {json.loads(line)["id"] for line in answered}


def test_a_question_about_revisions_chooses_none() -> None:
    conversation = opened(Settings())
    assert conversation.take(ASKED) is not None
    assert conversation.take(HANDSHAKE) is not None
    assert conversation.take(PING) is not None
    assert json.loads(conversation.handed_over(b"").text)["method"] == "initialize"


def test_what_was_decided_is_what_the_server_is_told() -> None:
    conversation = opened(Settings())
    answer = conversation.take(request(1, "initialize", {**INITIALIZE, "protocolVersion": "2099"}))
    assert answer is not None
    agreed = json.loads(answer)["result"]["protocolVersion"]
    assert agreed == HANDSHAKE_PROTOCOL_VERSIONS[-1]
    told = json.loads(conversation.handed_over(b"").text)
    assert told["params"] == {**INITIALIZE, "protocolVersion": agreed}
    assert agreed not in MODERN_PROTOCOL_VERSIONS


def test_who_waits_for_a_server_that_never_comes_is_told() -> None:
    conversation = opened(Settings())
    conversation.take(HANDSHAKE)
    conversation.take(CALL)
    assert conversation.needs_the_server
    (told,) = map(json.loads, conversation.closed())
    assert (told["id"], told["error"]["code"]) == (4, CONNECTION_CLOSED)
    conversation.handed_over(b"")
    assert not conversation.closed()


def test_other_requests_are_answered_while_one_waits() -> None:
    conversation = opened(Settings())
    conversation.take(HANDSHAKE)
    assert conversation.take(CALL) is None
    assert conversation.take(request(6, "tools/list")) is not None
    assert conversation.take(PING) is not None
