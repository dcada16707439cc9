"""Pictures: for clients that may show them, and a reason for those that are known not to."""

from typing import Any

import pytest
from mcp_types import Implementation

from korus_mcp.seating.raster import Raster
from korus_mcp.tools.clients import TEXT_ONLY
from tests.fixtures.assistant import ERAS, Answer, desk
from tests.tools.test_get_seat_map import images_of

pytestmark = pytest.mark.anyio
NAMES = {
    "continue-cli-client",
    "@cline/core",
    "codex-mcp-client",
    "google-adk",
    "MCPClient",
    "mcp-use",
    "mcp-client-cli",
    "stdio: korus-mcp",
    "streamable-http: http://127.0.0.1:8765/mcp",
}


async def drawn_for(name: str, mode: str) -> Answer:
    called = Implementation(name=name, version="1")
    async with desk(mode=mode, only=("hall",), client_info=called) as shop:
        wish: dict[str, Any] = {"product_base_id": shop.handle("hall_base"), "picture": True}
        answer = await shop.ask("get_seat_map", wish)
        assert answer.data["zones"]
        return answer


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("name", sorted(NAMES))
async def test_a_client_that_would_make_text_of_a_picture_is_told_why_there_is_none(
    name: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drawn(self: Raster, picture: str) -> bytes:
        raise AssertionError("drawn for nobody")

    monkeypatch.setattr(Raster, "png", drawn)
    answer = await drawn_for(name, mode)
    assert not images_of(answer)
    assert "your host hands pictures to you as text, or not at all" in answer.text
    assert "your host hands pictures to you as text" in answer.data["note"]
    assert answer.drawn_at


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    "name", ["mcp", "claude-code", "opencode", "mcp-use-next", "stdio", "x" * 10_000]
)
async def test_a_client_of_another_name_gets_the_picture(name: str, mode: str) -> None:
    answer = await drawn_for(name, mode)
    (picture,) = images_of(answer)
    assert picture.startswith(b"\x89PNG")
    assert "No picture" not in answer.text


def test_every_row_says_what_was_seen_with_its_version() -> None:
    for row in TEXT_ONLY:
        assert any(part[0].isdigit() for part in row.seen.split())
        assert row.becomes
        assert row.source
