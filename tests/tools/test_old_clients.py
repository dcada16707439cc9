"""Clients of every revision of the handshake: none is sent a block that it cannot read."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp_types import ImageContent, TextContent
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from korus_mcp.server.composition import build_server
from korus_mcp.settings import Content
from korus_mcp.tools.blocks import SINCE, content_for
from tests.fixtures.assistant import CUSTOMER, settings_of
from tests.fixtures.hosts import INITIALIZE, RawHost, child_environment, over_http, raw_host

pytestmark = pytest.mark.anyio
KNOWN_BEFORE = {"text", "image", "resource"}
"""The kinds of blocks of 2024-11-05; 2025-03-26 added sounds."""
PIXELS = ImageContent(type="image", data="", mime_type="image/png")


async def result(host: RawHost, tool: str, **arguments: Any) -> Any:
    asked = {"name": tool, "arguments": arguments}
    found = await host.receive(await host.send("tools/call", asked))
    assert not found.get("isError"), found
    return found


def kinds(answer: Any) -> set[str]:
    return {block["type"] for block in answer["content"]}


def text(answer: Any) -> str:
    return "".join(block["text"] for block in answer["content"] if block["type"] == "text")


@pytest.mark.parametrize("protocol", HANDSHAKE_PROTOCOL_VERSIONS)
async def test_each_revision_is_sent_what_it_knows_and_told_the_rest(
    protocol: str, tmp_path: Path
) -> None:
    is_new = protocol >= SINCE
    environment = child_environment(tmp_path, MCP_LINKS="on")
    async with raw_host(environment, protocol=protocol) as host:
        found = await result(host, "search_products", query="derby")
        base = found["structuredContent"]["products"][0]["product_base_id"]
        drawn = await result(host, "get_seat_map", product_base_id=base, picture=True)
        # Something whose file is ready at once: there is no link before.
        entry = await result(host, "search_products", query="undated 1-day ticket")
        base_id = entry["structuredContent"]["products"][0]["product_base_id"]
        table = await result(host, "get_offers", product_base_id=base_id)
        offer = table["structuredContent"]["days"][0]["offers"][0]["offer_id"]
        live = await result(host, "check_availability", offer_id=offer)
        wished = [{"offer_id": offer, "quantity": 1}]
        held = await result(host, "reserve", items=wished)
        ids = [held["structuredContent"]["reservations"][0]["reservation_id"]]
        asked = {"reservation_ids": ids, "customer": CUSTOMER}
        first = await result(host, "place_order", **asked)
        yes = first["structuredContent"]["confirmation"]
        made = await result(host, "place_order", **asked, confirmation=yes)
        order = made["structuredContent"]["orders"][0]["order_id"]
        issued = await result(host, "get_tickets", order_id=order)
        # The API tells its time in whole seconds: what is ready by now may be so in a second.
        while not issued["structuredContent"]["documents"][0]["ready"]:
            issued = await result(host, "get_tickets", order_id=order)
        heard = (found, drawn, live, held, first, made, issued)
        for answer in heard:
            assert kinds(answer) <= KNOWN_BEFORE | ({"resource_link"} if is_new else set())
            assert text(answer)
        assert ("resource_link" in kinds(drawn), "resource_link" in kinds(issued)) == (
            is_new,
            is_new,
        )
        assert "image" in kinds(drawn)
        if not is_new:
            (document,) = issued["structuredContent"]["documents"]
            assert document["uri"] in text(issued)
            assert f"As SVG: korus://product-bases/{base}/seat-maps/" in text(drawn)


async def test_over_http_an_old_client_gets_no_link_either() -> None:
    app = build_server(settings_of(MCP_LINKS="on")).streamable_http_app()
    headers = {"Accept": "application/json, text/event-stream"}

    async with over_http(app) as url, httpx.AsyncClient(headers=headers) as client:

        async def post(number: int | None, method: str, parameters: Any) -> Any:
            message = {"jsonrpc": "2.0", "method": method, "params": parameters}
            numbered = message | ({"id": number} if number is not None else {})
            answer = await client.post(url, json=numbered, timeout=60)
            session = answer.headers.get("mcp-session-id")
            client.headers.update({"mcp-session-id": session} if session else {})
            lines = [ln for ln in answer.text.splitlines() if ln.startswith("data: {")]
            return json.loads(lines[-1][6:])["result"] if lines else None

        agreed = await post(1, "initialize", {**INITIALIZE, "protocolVersion": "2025-03-26"})
        assert agreed["protocolVersion"] == "2025-03-26"
        await post(None, "notifications/initialized", {})
        asked = {"name": "search_products", "arguments": {"query": "derby"}}
        base = (await post(2, "tools/call", asked))["structuredContent"]["products"][0]
        where = {"product_base_id": base["product_base_id"]}
        drawn = await post(3, "tools/call", {"name": "get_seat_map", "arguments": where})
    assert kinds(drawn) == {"text"}


@pytest.mark.parametrize("protocol", [None, "", "2024-11-05", "2025-03-26", "who knows"])
@pytest.mark.parametrize("content", list(Content))
def test_a_client_that_knows_no_structure_is_sent_the_text(
    protocol: str | None, content: Content
) -> None:
    said = TextContent(type="text", text="two tickets")
    assert content_for(protocol, content, said.text, [PIXELS]) == [said, PIXELS]


@pytest.mark.parametrize("protocol", ["2025-06-18", "2025-11-25", "2026-07-28"])
def test_a_client_that_knows_structure_is_sent_it_alone_where_the_operator_wants_that(
    protocol: str,
) -> None:
    said = TextContent(type="text", text="two tickets")
    assert content_for(protocol, Content.BOTH, said.text, [PIXELS]) == [said, PIXELS]
    assert content_for(protocol, Content.STRUCTURED, said.text, [PIXELS]) == [PIXELS]
