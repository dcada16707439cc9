"""What a tool needs is imported at its first call, apart from the other calls of the server."""

import threading

import pytest

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
