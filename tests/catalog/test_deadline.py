"""What was read before a call's time was over is told, and told as not all."""

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from korus_mcp.api import TimedOut
from korus_mcp.api.config import Transport
from korus_mcp.catalog.calendar import DayRange, OfferQuery, window_of
from korus_mcp.catalog.finder import CatalogQuery, Finder, SearchResult
from korus_mcp.foundation.deadlines import READ_SECONDS, in_time
from tests.booking.stage import Stage, staged, turn_the_loop, until

pytestmark = pytest.mark.anyio


class Hanging(httpx.AsyncBaseTransport):
    """The sandbox, from which some answers never come."""

    def __init__(self, transport: Transport, hangs: Callable[[httpx.Request], bool]) -> None:
        self._transport = transport
        self._hangs = hangs
        self.waiting = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._hangs(request):
            self.waiting += 1
            await anyio.sleep_forever()
        return await self._transport.handle_async_request(request)


class Sandbox:
    """Makes the transport of a stage, and is told what has to hang."""

    def __init__(self) -> None:
        self.hangs: Callable[[httpx.Request], bool] = lambda request: False
        self.made: list[Hanging] = []

    def __call__(self, transport: Transport) -> Hanging:
        self.made.append(Hanging(transport, lambda request: self.hangs(request)))
        return self.made[0]

    async def is_waited_for(self, count: int = 1) -> None:
        await until(lambda: self.made[0].waiting >= count)
        await anyio.sleep(0.05)


class Looks:
    """Counts the product bases whose offers a search looks at, and those that it has looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = self.done = 0
        usual = Finder._look

        async def counted(*given: Any) -> Any:
            self.begun += 1
            look = await usual(*given)
            self.done += 1
            return look

        monkeypatch.setattr(Finder, "_look", counted)


async def window(stage: Stage, base_name: str) -> DayRange:
    base = await stage.app.mirror.base(stage.handle(base_name), "en")
    return window_of(None, None, base, stage.app.api.now())


async def test_offers_read_in_time_are_told_as_not_all() -> None:
    sandbox = Sandbox()
    async with staged(selling=("park",), through=sandbox) as stage:
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        days = await window(stage, "park_base")
        sandbox.hangs = lambda request: (
            request.url.path.endswith("/offers") and request.url.params["page"] != "1"
        )
        pages = []

        async def ask() -> None:
            with anyio.fail_after(READ_SECONDS):
                pages.append(await stage.app.calendars.page(OfferQuery(base, days, "en"), limit=40))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await sandbox.is_waited_for()
            turn_the_loop(READ_SECONDS - 0.5)
        (page,) = pages
        assert len(page.rows) == 40
        assert page.is_late
        assert page.total is None
        assert page.next_place is not None


async def test_no_offers_in_time_is_a_failure_not_an_empty_table() -> None:
    sandbox = Sandbox()
    async with staged(selling=("park",), through=sandbox) as stage:
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        days = await window(stage, "park_base")
        sandbox.hangs = lambda request: request.url.path.endswith("/offers")
        failures = []

        async def ask() -> None:
            with anyio.fail_after(READ_SECONDS), pytest.raises(TimedOut) as failed:
                await stage.app.calendars.first_day(OfferQuery(base, days, "en"))
            failures.append(failed.value)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await sandbox.is_waited_for()
            turn_the_loop(READ_SECONDS - 0.5)
        assert len(failures) == 1


async def test_a_search_by_days_tells_how_many_it_could_not_check_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox = Sandbox()
    looks = Looks(monkeypatch)
    async with staged(selling=("park", "stadium"), through=sandbox) as stage:
        shelf = await stage.app.mirror.searchable("en")
        await until(lambda: not shelf.is_crawling)
        ill = stage.handle("park_base").id
        sandbox.hangs = lambda request: (
            request.url.path.endswith("/offers") and ill in str(request.url)
        )
        found: list[SearchResult] = []
        wanted = CatalogQuery(window=await window(stage, "park_base"), limit=20)

        async def ask() -> None:
            with anyio.fail_after(READ_SECONDS):
                found.append(await stage.app.finder.find(wanted, "en"))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await sandbox.is_waited_for()
            await until(lambda: looks.begun > 1 and looks.done == looks.begun - 1)
            turn_the_loop(READ_SECONDS - 1.5)
        assert found[0].bases
        assert found[0].unchecked == 1
        assert found[0].total is None


async def test_without_a_deadline_there_is_time() -> None:
    with in_time() as time:
        await anyio.lowlevel.checkpoint()
    assert not time.cancelled_caught
