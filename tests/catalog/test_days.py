"""A search in days: live price tables, few at a time, and honest where they do not tell."""

from datetime import date, timedelta
from typing import Any

import anyio
import pytest

from korus_mcp.catalog.calendar import DayRange
from korus_mcp.catalog.finder import PAGES_A_BASE, SIDE_BY_SIDE, CatalogQuery, SearchResult
from korus_mcp.foundation.paging import BEGINNING, PageStart
from korus_mcp.sandbox import Answer, Delay, SandboxOptions
from tests.booking.stage import SEED, GatedClock, Stage, staged
from tests.catalog.listing import TODAY, Json, Listing, offer, queries

pytestmark = pytest.mark.anyio
WEEK = DayRange(TODAY, TODAY + timedelta(days=6))
SEASON = DayRange(TODAY, TODAY + timedelta(days=92))


async def find(
    stage: Stage,
    query: str = "",
    window: DayRange = WEEK,
    limit: int = 20,
    place: PageStart = BEGINNING,
) -> SearchResult:
    wanted = CatalogQuery(query=query, window=window, limit=limit, place=place)
    return await stage.app.finder.find(wanted, "en")


def names(found: SearchResult) -> list[str]:
    return [each.record.name for each in found.bases]


def bases_asked(stage: Stage) -> list[str]:
    """The bases whose offers were asked for, once for each page."""
    return [query["productBaseId"][0] for query in queries(stage)]


def with_stock(left: int | None, *, until: date = date.max) -> Any:
    """Every offer has so many left, up to a day."""

    def restock(path: str, body: Json) -> None:
        if path.endswith("/offers"):
            for member in body["member"]:
                if member["date"] is None or member["date"] <= until.isoformat():
                    member["availableQuantity"] = left

    return restock


async def test_a_base_whose_offers_are_all_sold_out_is_not_found() -> None:
    async with staged(rewrite=with_stock(0)) as stage:
        found = await find(stage)
        assert (found.bases, found.unchecked, found.is_checked) == ((), 0, True)


async def test_stock_nobody_states_can_be_bought() -> None:
    async with staged(rewrite=with_stock(None)) as stage:
        assert len((await find(stage)).bases) > 5


async def test_dates_and_price_are_those_that_can_be_bought() -> None:
    sold = TODAY + timedelta(days=2)
    async with staged(rewrite=with_stock(0, until=sold)) as stage:
        (found, *_) = (await find(stage, "dated ticket for 1")).bases
        assert found.dates[0] == sold + timedelta(days=1)


async def test_a_lowest_price_that_is_read_to_the_end_is_the_lowest() -> None:
    async with staged(selling=("ski",)) as stage:
        week = {each.record.name: each for each in (await find(stage)).bases}
        season = {each.record.name: each for each in (await find(stage, window=SEASON)).bases}
        base = await stage.app.mirror.base(stage.handle("ski_base"), "en")
        assert week[base.name].is_lowest
        assert not season[base.name].is_lowest, "of thousands of offers, some are read"
        asked = bases_asked(stage)
        assert asked.count(base.handle.id) == 3 + PAGES_A_BASE + 1


async def test_no_more_bases_are_asked_than_are_needed() -> None:
    options = SandboxOptions(seed=SEED, bases=40)
    async with staged(selling=(), options=options) as stage:
        found = await find(stage, window=SEASON, limit=3)
        assert len(found.bases) == 3
        assert len(set(bases_asked(stage))) <= SIDE_BY_SIDE


async def test_equal_searches_share_price_tables_for_a_minute(stage: Stage) -> None:
    await find(stage)
    once = stage.sent("listOffers")
    stage.move(59)
    await find(stage)
    assert stage.sent("listOffers") == once
    stage.move(1)
    async with anyio.create_task_group() as callers:
        for _ in range(5):
            callers.start_soon(find, stage)
    assert stage.sent("listOffers") == 2 * once


async def test_a_search_that_is_left_takes_no_other_along() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        await stage.app.mirror.searchable("en")
        stage.sandbox.faults.add(Delay(seconds=1), "listOffers", times=SIDE_BY_SIDE)
        leaver, found = anyio.CancelScope(), list[SearchResult]()

        async def leave() -> None:
            with leaver:
                await find(stage)

        async def stay() -> None:
            found.append(await find(stage))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as callers:
                callers.start_soon(leave)
                await gated.asleep.wait()
                callers.start_soon(stay)
                await anyio.wait_all_tasks_blocked()
                leaver.cancel()
                await anyio.wait_all_tasks_blocked()
                gated.gate.set()
        assert leaver.cancelled_caught
        assert found[0].unchecked == 0
        assert found[0].bases


async def test_when_nothing_can_be_checked_what_matches_is_told_and_nobody_asked_on() -> None:
    options = SandboxOptions(seed=SEED, bases=40)
    async with staged(selling=(), options=options) as stage:
        await find(stage, "stade", limit=1)
        stage.move(60)
        before = len(bases_asked(stage))
        stage.sandbox.faults.add(Answer(status=500), "listOffers", times=None)
        found = await find(stage, limit=5)
        assert len(found.bases) == 5
        assert all(each.dates == () and each.from_price is None for each in found.bases)
        assert (found.is_checked, found.unchecked, found.total) == (False, 5, None)
        assert len(bases_asked(stage)) - before == SIDE_BY_SIDE
        assert found.next_place is not None
        rest = await find(stage, limit=5, place=found.next_place)
        assert not set(names(rest)) & set(names(found))


async def test_an_api_that_dies_under_way_is_not_asked_on() -> None:
    first = set[str]()

    def dying(path: str, body: Json) -> None:
        if path.endswith("/offers") and body["member"]:
            base = body["member"][0]["productBase"]
            if len(first) < SIDE_BY_SIDE:
                first.add(base)
            if base not in first:
                body["member"] = "spoilt"

    options = SandboxOptions(seed=SEED, bases=40)
    async with staged(selling=(), options=options, rewrite=dying) as stage:
        found = await find(stage, window=SEASON)
        assert 0 < len(found.bases) <= SIDE_BY_SIDE
        assert (found.unchecked, found.is_checked) == (SIDE_BY_SIDE, True)
        assert len(set(bases_asked(stage))) == 2 * SIDE_BY_SIDE
        assert found.next_place is not None
        assert found.next_place.offset == 2 * SIDE_BY_SIDE


async def test_one_issuer_that_does_not_answer_is_counted_and_the_others_are_found() -> None:
    async with staged(selling=("park", "museum")) as stage:
        everything = await find(stage)
        stage.move(60)
        stage.sandbox.faults.add(Answer(status=500), "listOffers", times=None, issuer="museum")
        found = await find(stage)
        assert found.is_checked
        assert found.unchecked > 0
        assert found.total is None
        assert 0 < len(found.bases) < len(everything.bases)


async def test_a_table_too_long_to_find_something_buyable_is_unchecked() -> None:
    sold_out = [offer(n, n // 60, availableQuantity=0) for n in range(3000)]
    async with staged(rewrite=Listing(sold_out)) as stage:
        found = await find(stage, "dated ticket for 1", window=SEASON, limit=1)
        assert (names(found), found.is_checked) == (["Dated ticket for 1, 2 or 3 days"], False)
