"""Whatever a server remembers has a bound, however much it sees."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from korus_mcp.api.transport import Wire
from korus_mcp.booking.names import MOST_TIMES, ProductNames
from korus_mcp.booking.prices import REMEMBERED_PRICES, ShownPrices
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.journal.opening import IN_MEMORY, journal_of
from korus_mcp.journal.records import APPROVALS_KEPT, Approval
from korus_mcp.settings import Settings
from tests.api.wire import Net, collection
from tests.booking.stage import staged

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


def quote_of(session_id: str) -> Any:
    session = SimpleNamespace(id=session_id, starts_at=NOW)
    return SimpleNamespace(sessions=lambda: [(None, session)])


async def test_times_of_sessions_are_remembered_to_a_bound_and_never_copied_whole() -> None:
    async with staged() as stage:
        book = ProductNames(stage.app.api.ticketing, stage.app.mirror)
        for number in range(MOST_TIMES + 500):
            book.learn(quote_of(f"s{number}"))
        assert len(book._times) == MOST_TIMES
        assert f"s{MOST_TIMES + 499}" in book._times
        assert "s0" not in book._times
        assert dict((await book.for_orders([], "en")).sessions) == {}


def test_prices_that_were_shown_are_remembered_to_a_bound() -> None:
    shown = ShownPrices(ManualClock())
    for number in range(REMEMBERED_PRICES + 10):
        shown.show("me", Handle("abcdef", f"o{number}"), Money(Decimal(1)))
    assert len(shown._shown) == REMEMBERED_PRICES


async def test_approvals_in_memory_are_kept_until_a_day_after_they_expire() -> None:
    clock = ManualClock()
    journal = journal_of(Settings(), clock, url=IN_MEMORY)

    async def approved(*nonces: str) -> None:
        for nonce in nonces:
            expires_at = clock.now() + timedelta(hours=1)
            yes = Approval(nonce=nonce, owner="me", digest="d", expires_at=expires_at)
            await journal.approve(yes, now=clock.now())

    many = [f"n{number}" for number in range(60)]
    await approved(*many)
    clock.advance(3600 + APPROVALS_KEPT.total_seconds())
    await approved("last")
    assert set(await journal.approvals([*many, "last"])) == {*many, "last"}
    clock.advance(1)
    await approved("later")
    assert set(await journal.approvals([*many, "last", "later"])) == {"last", "later"}
    await journal.close()


async def test_languages_that_answers_name_are_remembered_to_a_bound() -> None:
    net = Net()
    route = net.get("/v1/ticketing/catalogs", collection([], 0))
    del route
    wire = cast("Wire", net.api.__dict__.get("_wire") or net.api._wire)
    for number in range(500):
        wire._note_language(f"x{chr(97 + number % 26)}-{number}, de")
    assert len(net.api.languages_seen) <= 32
