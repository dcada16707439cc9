"""Requests in log and metrics: each has an id, and nothing of them is a text of the caller."""

import logging

import anyio
import httpx
import pytest
from mcp import Client, MCPError

from korus_mcp.foundation.marks import Mark, current_mark, marked
from korus_mcp.foundation.measures import OPERATIONS, SHED, heard_by
from korus_mcp.server.composition import build_server
from korus_mcp.server.http_door import door
from korus_mcp.settings import Settings
from tests.fixtures.assistant import ERAS, settings_of
from tests.fixtures.hosts import INITIALIZE, over_http
from tests.foundation.test_measures import Heard

pytestmark = pytest.mark.anyio


class Marks(logging.Handler):
    """Remembers the request that each line of the log belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Mark | None] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the request."""
        self.found.append(current_mark())


def operations(heard: Heard) -> list[tuple[str, str, str]]:
    labels = [labels for name, _, labels in heard.taken if name == OPERATIONS.name]
    return [(each["method"], each["tool"], each["error"]) for each in labels]


@pytest.mark.parametrize("mode", ERAS)
async def test_each_request_is_measured_by_method_tool_and_kind_of_error(mode: str) -> None:
    with heard_by(heard := Heard()):
        async with Client(build_server(Settings(sandbox_seed=1)), mode=mode) as client:
            await client.call_tool("get_tickets", {"order_id": "unknown"})
            await client.call_tool("canary-tool", {})
            with pytest.raises(MCPError):
                await client.get_prompt("canary-prompt")
            await client.list_prompts()
    assert ("tools/call", "get_tickets", "tool_error") in operations(heard)
    assert ("tools/call", "", "tool_error") in operations(heard)
    assert ("prompts/get", "", "protocol") in operations(heard)
    assert ("prompts/list", "", "") in operations(heard)
    assert "canary" not in str(heard.taken)


async def test_a_call_that_is_refused_since_there_were_too_many_is_counted() -> None:
    with heard_by(heard := Heard()):
        async with Client(build_server(settings_of(CALLS_PER_MINUTE="1"))) as client:
            for _ in range(2):
                await client.call_tool("get_tickets", {"order_id": "unknown"})
    assert [labels for name, _, labels in heard.taken if name == SHED.name] == [{"lane": "calls"}]


async def test_a_line_of_the_log_belongs_to_its_request_and_so_do_tasks_begun_for_it() -> None:
    seen: list[str] = []

    async def later(asked: anyio.Event) -> None:
        await asked.wait()
        mark = current_mark()
        seen.append(mark.id if mark else "")

    asked = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for number in ("one", "two"):
            with marked(Mark(number, "tools/call")):
                tasks.start_soon(later, asked)
        assert current_mark() is None
        asked.set()
    assert sorted(seen) == ["one", "two"]


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("0a1b2c3d-from-the-proxy", True),
        ("short", False),
        ("forged\u00e9 line of it", False),
        ("x" * 65, False),
    ],
)
async def test_a_proxy_may_say_which_request_it_is_if_that_is_an_id(
    given: str, is_kept: bool
) -> None:
    log, marks = logging.getLogger("korus_mcp.server.observing"), Marks()
    log.addHandler(marks)
    log.setLevel(logging.DEBUG)
    app = door(build_server(Settings()), "127.0.0.1")
    try:
        async with over_http(app) as url, httpx.AsyncClient() as client:
            opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
            sent = [
                (b"Accept", b"application/json, text/event-stream"),
                (b"X-Request-ID", given.encode()),
            ]
            answer = await client.post(url, json=opening, headers=sent)
            assert answer.status_code == 200
    finally:
        log.removeHandler(marks)
        log.setLevel(logging.NOTSET)
    (mark,) = marks.found
    assert mark is not None
    assert mark.method == "initialize"
    assert (mark.id == given) == is_kept
