"""What a tool needs is imported at its first call, apart from the other calls of the server."""

import shutil
import threading
from pathlib import Path

import pytest

from korus_mcp.tools import listing
from korus_mcp.tools.listing import ListedTool
from tests.fixtures.assistant import desk

pytestmark = pytest.mark.anyio


async def test_the_journal_of_the_embedded_sandbox_is_imported_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[bool, bool]] = []
    import_it = ListedTool._import

    def imported(tool: ListedTool, with_journal: bool) -> None:
        seen.append((with_journal, threading.current_thread() is threading.main_thread()))
        import_it(tool, with_journal)

    monkeypatch.setattr(ListedTool, "_import", imported)
    async with desk(only=("park",)) as assistant:
        await assistant.call("search_products", query="park")
        await assistant.ask("get_reservation", {"reservation_id": "0197c5bd-b47b-78c5-b610"})
    assert seen == [(False, False), (True, False)]


async def refused(only: str) -> None:
    """A tool that was not called before is refused in words of ours; one that was still works."""
    async with desk(only=("park",)) as assistant:
        answer = await assistant.ask(only, {"query": "park"})
    assert answer.error["code"] == "MISCONFIGURED"
    assert answer.error["effect"] == "none"
    assert "start this server anew" in answer.error["next"]
    assert answer.error["message"] in answer.text
    assert "xyzzy" not in answer.text


async def test_a_program_that_was_taken_away_is_no_message_of_python(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(name: str) -> None:
        raise ImportError(f"cannot import {name} from xyzzy")

    monkeypatch.setattr(listing, "declared", gone)
    await refused("search_products")
    assert "xyzzy" in caplog.text


async def test_a_program_that_was_replaced_is_not_mixed_with_the_one_that_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newer = tmp_path / "listing.json"
    async with desk(only=("park",)) as assistant:
        await assistant.call("search_products", query="park")
        shutil.copyfile(listing.LISTING, newer)
        monkeypatch.setattr(listing, "LISTING", newer)
        answer = await assistant.ask("get_reservation", {"reservation_id": "any"})
        assert answer.error["code"] == "MISCONFIGURED"
        await assistant.call("search_products", query="park")
