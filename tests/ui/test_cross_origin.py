"""A page of another origin that is an MCP client itself, in a real browser, over real HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser, Page

from tests.fixtures.hosts import INITIALIZE, child_environment, serving_http
from tests.ui.stage import bundle

Json = dict[str, Any]
OPENING: Final[Json] = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}
POST: Final[Json] = {"method": "POST", "headers": HEADERS}


@pytest.fixture(scope="module")
def client_script(scripts: Path) -> None:
    """The official SDK as a script for a page."""
    bundle("client.js", scripts)


@pytest.fixture(scope="module")
def listed(origin: str) -> str:
    """The origin that the operator lists: of this port, under a name of another place."""
    return origin.replace("127.0.0.1", "chat.test")


@pytest.fixture(scope="module")
def server(listed: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that lists that origin."""
    environment = child_environment(
        tmp_path_factory.mktemp("server"), MCP_ALLOWED_ORIGINS=listed, SANDBOX_SEED="7"
    )
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving_http(environment)) as address,
    ):
        yield address


@pytest.fixture
def page_of(browser: Browser, client_script: None) -> Iterator[Any]:
    """Open the page of the client at an origin."""
    context = browser.new_context()

    def opened(origin: str) -> Page:
        page = context.new_page()
        page.goto(f"{origin}/client.html")
        page.wait_for_function("() => 'use' in window")
        return page

    yield opened
    context.close()


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
@pytest.mark.parametrize("where", ["this machine", "listed"])
def test_a_page_of_an_allowed_origin_searches_in_both_eras(
    page_of: Any, server: str, origin: str, listed: str, where: str, mode: str, version: str
) -> None:
    page = page_of(listed if where == "listed" else origin)
    query = {"query": "derby"}
    used = page.evaluate(
        "([url, mode, query]) => use(url, mode, 'search_products', query)", [server, mode, query]
    )
    assert "failed" not in used, used
    assert used["version"] == version
    assert "reserve" in used["tools"]
    assert used["answer"]["structuredContent"]["products"]


def test_a_page_of_an_allowed_origin_reads_the_session_and_what_it_was_refused(
    page_of: Any, server: str, listed: str
) -> None:
    page = page_of(listed)
    opened = page.evaluate(
        "([url, options, body]) => ask(url, {...options, body: JSON.stringify(body)})",
        [server, POST, OPENING],
    )
    assert opened["status"] == 200
    assert opened["headers"]["mcp-session-id"]
    gone = {**POST, "headers": {**HEADERS, "Mcp-Session-Id": "nobody's"}, "body": "{}"}
    assert page.evaluate("([url, options]) => ask(url, options)", [server, gone])["status"] >= 400


def test_a_page_of_any_other_origin_reads_nothing_and_reaches_nothing(
    page_of: Any, server: str, origin: str
) -> None:
    for name in ("evil.test", "chat.test.evil.test", "xchat.test"):
        page = page_of(origin.replace("127.0.0.1", name))
        asked = page.evaluate(
            "([url, options, body]) => ask(url, {...options, body: JSON.stringify(body)})",
            [server, POST, OPENING],
        )
        assert set(asked) == {"failed"}
        # What needs no question of the browser beforehand is refused as well, and not read.
        simple = {"method": "POST", "headers": {"Content-Type": "text/plain"}, "body": "{}"}
        assert set(page.evaluate("([u, o]) => ask(u, o)", [server, simple])) == {"failed"}
        used = page.evaluate("url => use(url, 'auto', 'search_products', {})", server)
        assert set(used) == {"failed"}
