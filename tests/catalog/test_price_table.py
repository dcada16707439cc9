"""Price tables are read as far as somebody looks, once for all, and shown in the order of days."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import anyio
import pytest

from korus_mcp.api import Malformed, OfferFilters, ServerFailed
from korus_mcp.catalog.bases import BaseRecord
from korus_mcp.catalog.calendar import KEPT_BYTES, CalendarPage, DayRange, OfferQuery
from korus_mcp.catalog.price_table import MAX_OFFERS, MAX_PAGES, ROW_BYTES, OfferRow
from korus_mcp.foundation.paging import BEGINNING, PageStart
from korus_mcp.sandbox import Answer, Delay, SandboxOptions
from tests.booking.stage import SEED, GatedClock, Stage, staged
from tests.catalog.listing import PAGE, TODAY, Json, Listing, numbers, offer, offers, queries

pytestmark = pytest.mark.anyio
MONTH = DayRange(TODAY, TODAY + timedelta(days=30))
SEASON = DayRange(TODAY, TODAY + timedelta(days=92))
FAR = DayRange(date(2030, 1, 1), date(2030, 1, 2))


def ids(rows: Sequence[OfferRow]) -> list[str]:
    return [row.handle.id for row in rows]


async def base_of(stage: Stage, landmark: str) -> BaseRecord:
    return await stage.app.mirror.base(stage.handle(landmark), "en")


async def look(
    stage: Stage,
    landmark: str = "park_base",
    window: DayRange = SEASON,
    place: PageStart = BEGINNING,
    limit: int = 15,
    **choices: str,
) -> CalendarPage:
    base = await base_of(stage, landmark)
    wish = {code: tuple(names.split(",")) for code, names in choices.items()}
    query = OfferQuery(base, window, "en", wish)
    return await stage.app.calendars.page(query, place=place, limit=limit)


async def all_pages(stage: Stage, landmark: str, window: DayRange) -> list[CalendarPage]:
    found, place = list[CalendarPage](), BEGINNING
    while True:
        page = await look(stage, landmark, window, place, limit=40)
        found.append(page)
        if page.next_place is None:
            return found
        place = page.next_place


def by_day(row: OfferRow) -> tuple[date, object, str]:
    assert row.day is not None
    return row.day, row.price, row.product.name


# As far as somebody looks


async def test_of_thousands_of_offers_two_pages_show_the_first() -> None:
    async with staged(selling=("ski",)) as stage:
        page = await look(stage, "ski_base")
        assert numbers(stage) == [1, MAX_PAGES], "the far one tells whether days are in order"
        assert (len(page.rows), page.total, page.is_cut) == (15, None, False)
        assert page.next_place is not None
        await look(stage, "ski_base", place=page.next_place)
        assert numbers(stage) == [1, MAX_PAGES], "a page of the API holds more than one of ours"


async def test_pages_to_the_end_show_every_offer_once_and_ask_for_none_twice() -> None:
    async with staged(selling=("ski",)) as stage:
        pages = await all_pages(stage, "ski_base", MONTH)
        rows = [row for page in pages for row in page.rows]
        assert len(rows) > 700
        assert len(set(ids(rows))) == len(rows)
        assert rows == sorted(rows, key=by_day)
        assert pages[-1].total == len(rows), "all was read, so all are counted"
        assert sorted(numbers(stage)) == list(range(1, -(-len(rows) // PAGE) + 1))


async def test_a_day_is_shown_when_it_is_complete() -> None:
    dear, cheap = (
        {"price": {"amountInclTax": amount, "currency": "eur"}} for amount in ("9.00", "2.00")
    )
    listed = [offer(n, 0, **(cheap if n == 119 else dear)) for n in range(120)]
    listed += [offer(n, 1) for n in range(120, 400)]
    async with staged(rewrite=Listing(listed)) as stage:
        page = await look(stage, limit=1)
        assert ids(page.rows) == ["offer-119"], "the cheapest of the day is on its third page"
        assert numbers(stage) == [1, 8, 2, 3]


async def test_the_last_page_of_offers_has_no_next_one() -> None:
    async with staged(rewrite=Listing(offers(100))) as stage:
        first = await look(stage, limit=60)
        assert first.next_place is not None
        second = await look(stage, limit=40, place=first.next_place)
        assert (len(second.rows), second.next_place, second.total) == (40, None, 100)


async def test_the_first_day_alone_is_read_for_a_seat_map() -> None:
    async with staged(selling=("ski",)) as stage:
        base = await base_of(stage, "ski_base")
        found = await stage.app.calendars.first_day(OfferQuery(base, MONTH, "en"))
        assert stage.sent("listOffers") == 2
        everything = await stage.app.calendars.of_base(OfferQuery(base, MONTH, "en"))
        first = everything.rows[0].day
        assert list(found.rows) == [row for row in everything.rows if row.day == first]
        assert len(found.rows) == 24


# Shared


async def test_those_who_look_at_once_share_each_page() -> None:
    async with staged(selling=("ski",)) as stage:
        await base_of(stage, "ski_base")
        async with anyio.create_task_group() as callers:
            for offset in (0, 15, 60, 120) * 5:
                callers.start_soon(look, stage, "ski_base", SEASON, PageStart(offset))
        assert sorted(numbers(stage)) == [1, 2, 3, MAX_PAGES]


async def test_what_was_read_answers_for_a_minute(stage: Stage) -> None:
    await look(stage)
    before = stage.sent("listOffers")
    stage.move(59)
    await look(stage)
    assert stage.sent("listOffers") == before
    stage.move(1)
    await look(stage)
    assert stage.sent("listOffers") == 2 * before


async def test_another_language_window_or_wish_is_another_question(stage: Stage) -> None:
    await look(stage)
    before = stage.sent("listOffers")
    await look(stage, window=MONTH)
    assert stage.sent("listOffers") > before
    before = stage.sent("listOffers")
    await look(stage, price_type="child")
    assert stage.sent("listOffers") > before
    before = stage.sent("listOffers")
    base = await base_of(stage, "park_base")
    await stage.app.calendars.page(OfferQuery(base, MONTH, "fr"), limit=15)
    assert stage.sent("listOffers") > before


async def test_who_leaves_takes_nobody_along() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        await base_of(stage, "park_base")
        stage.sandbox.faults.add(Delay(seconds=1), "listOffers", times=1)
        leaver, found = anyio.CancelScope(), list[CalendarPage]()

        async def leave() -> None:
            with leaver:
                await look(stage)

        async def stay() -> None:
            found.append(await look(stage))

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
        assert len(found[0].rows) == 15
        assert numbers(stage).count(1) == 1


async def test_what_was_read_before_a_failure_stays() -> None:
    async with staged(selling=("ski",)) as stage:
        first = await look(stage, "ski_base")
        stage.sandbox.faults.add(Answer(status=500), "listOffers", times=None)
        with pytest.raises(ServerFailed):
            await look(stage, "ski_base", place=PageStart(100))
        asked = stage.sent("listOffers")
        assert await look(stage, "ski_base") == first
        assert stage.sent("listOffers") == asked
        stage.sandbox.faults.clear()
        assert (await look(stage, "ski_base", place=PageStart(100))).rows
        assert numbers(stage).count(1) == 1


async def test_a_failure_is_that_of_everybody_who_waits(stage: Stage) -> None:
    await base_of(stage, "park_base")
    stage.sandbox.faults.add(Answer(status=500), "listOffers", times=1)
    failed = 0

    async def try_to() -> None:
        nonlocal failed
        try:
            await look(stage)
        except ServerFailed:
            failed += 1

    async with anyio.create_task_group() as callers:
        for _ in range(5):
            callers.start_soon(try_to)
    assert failed == 5
    assert stage.sent("listOffers") == 1


# Pages while the list is renewed


async def test_a_page_goes_on_behind_the_offer_shown_last_though_others_came_before() -> None:
    listing = Listing(offers(300))
    async with staged(rewrite=listing) as stage:
        first = await look(stage)
        assert first.next_place is not None
        stage.move(60)
        listing.offers[0:0] = [offer(1000 + n, 0) for n in range(7)]
        second = await look(stage, place=first.next_place)
        assert ids(first.rows)[-1] == "offer-14"
        assert set(ids(second.rows)) == {f"offer-{n}" for n in range(15, 30)}


async def test_a_page_goes_on_at_its_number_when_the_offer_shown_last_is_gone() -> None:
    listing = Listing(offers(300))
    async with staged(rewrite=listing) as stage:
        first = await look(stage)
        assert first.next_place is not None
        stage.move(60)
        del listing.offers[14]
        second = await look(stage, place=first.next_place)
        assert second.start == 15
        assert set(ids(second.rows)) == {f"offer-{n}" for n in range(16, 31)}


async def test_behind_the_end_there_is_nothing() -> None:
    async with staged(rewrite=Listing(offers(20))) as stage:
        page = await look(stage, place=PageStart(500))
        assert (page.rows, page.next_place, page.total) == ((), None, 20)


async def test_an_offer_listed_twice_is_shown_once() -> None:
    listed = offers(100)
    listed[50:50] = listed[45:50]
    async with staged(rewrite=Listing(listed)) as stage:
        found = await all_pages(stage, "park_base", SEASON)
        assert sorted(i for page in found for i in ids(page.rows)) == sorted(
            f"offer-{n}" for n in range(100)
        )


# Servers that read the contract otherwise


def backwards(listed: list[Json]) -> list[Json]:
    return listed[::-1]


def by_product(listed: list[Json]) -> list[Json]:
    """All days of one product after the other: each page but one looks as if it were in order."""
    return sorted(
        listed, key=lambda each: (int(each["id"].removeprefix("offer-")) % 5, each["date"])
    )


def one_late(listed: list[Json]) -> list[Json]:
    """In order, but for a first day on the page before the last."""
    return [*listed[1:170], listed[0], *listed[170:]]


@pytest.mark.parametrize("shuffled", [backwards, by_product])
async def test_a_server_that_does_not_sort_is_read_to_its_end_before_anything_is_shown(
    shuffled: Callable[[list[Json]], list[Json]],
) -> None:
    async with staged(rewrite=Listing(shuffled(offers(230)))) as stage:
        page = await look(stage)
        assert set(ids(page.rows)) == {f"offer-{n}" for n in range(15)}
        assert (page.total, page.came_late) == (230, False)
        assert sorted(numbers(stage)) == [1, 2, 3, 4, 5], "each once"


async def test_days_that_come_late_are_told_to_who_was_shown_others() -> None:
    async with staged(rewrite=Listing(one_late(offers(230)))) as stage:
        first = await look(stage)
        assert "offer-0" not in ids(first.rows)
        assert not first.came_late
        late = await look(stage, place=PageStart(160))
        assert late.came_late
        again = await look(stage)
        assert "offer-0" in ids(again.rows)
        assert not again.came_late


async def test_without_a_count_pages_are_read_until_a_short_one() -> None:
    async with staged(rewrite=Listing(offers(120), is_counted=False)) as stage:
        assert (await look(stage)).total is None
        assert numbers(stage) == [1]
        assert (await look(stage, limit=200)).total == 120
        assert numbers(stage) == [1, 2, 3]


async def test_a_server_that_gives_fewer_a_page_than_asked_for_is_read_to_its_end() -> None:
    async with staged(rewrite=Listing(offers(95), page=20)) as stage:
        page = await look(stage, limit=200)
        assert (len(page.rows), page.total) == (95, 95)
        assert sorted(numbers(stage)) == [1, 2, 3, 4, 5]


async def test_a_server_that_gives_the_same_page_again_comes_to_an_end() -> None:
    def same(path: str, body: Json) -> None:
        if path.endswith("/offers"):
            body["view"] = {"@id": "/v1?page=1"}
            listing(path, body)
            body["totalItems"] = 400

    listing = Listing(offers(50))
    async with staged(rewrite=same) as stage:
        page = await look(stage, limit=200)
        assert len(page.rows) == 50
        assert stage.sent("listOffers") <= 3


async def test_a_table_in_order_is_cut_at_the_bound() -> None:
    async with staged(rewrite=Listing(offers(5000, per_day=60))) as stage:
        beginning = await look(stage)
        assert (beginning.is_cut, stage.sent("listOffers")) == (False, 3)
        end = await look(stage, place=PageStart(MAX_OFFERS - 15))
        assert (len(end.rows), end.next_place, end.total, end.is_cut) == (15, None, None, True)
        assert sorted(numbers(stage)) == list(range(1, MAX_PAGES + 1))


async def test_a_table_that_is_not_in_order_is_cut_at_the_bound_and_says_so() -> None:
    async with staged(rewrite=Listing(backwards(offers(5000, per_day=60)))) as stage:
        page = await look(stage)
        assert page.is_cut
        assert len(page.rows) == 15
        assert stage.sent("listOffers") == MAX_PAGES


# Offers without a day


@pytest.mark.parametrize("is_first", [True, False], ids=["nulls first", "nulls last"])
async def test_undated_offers_are_found_at_either_end_of_all(is_first: bool) -> None:
    undated = [offer(n, None) for n in range(1000, 1070)]
    listed = [*undated, *offers(400)] if is_first else [*offers(400), *undated]
    listings = {"asc": Listing(listed), "desc": Listing(listed[::-1])}

    def by_order(path: str, body: Json) -> None:
        if path.endswith("/offers"):
            listings[queries(told[0])[-1]["order[date]"][0]](path, body)

    told = list[Stage]()
    async with staged(rewrite=by_order) as stage:
        told.append(stage)
        page = await look(stage, window=FAR, limit=100)
        assert sorted(ids(page.rows)) == sorted(each["id"] for each in undated)
        assert {row.day for row in page.rows} == {None}
        assert page.total == 70
        orders = [query["order[date]"][0] for query in queries(stage)]
        assert orders == (["asc"] * 3 if is_first else ["asc", "asc", "desc", "desc"])


async def test_a_base_without_undated_offers_costs_three_pages_and_once(stage: Stage) -> None:
    assert (await look(stage, window=FAR)).rows == ()
    assert stage.sent("listOffers") == 3, "the window, and both ends of all offers"
    later = DayRange(FAR.first + timedelta(days=9), FAR.last + timedelta(days=9))
    page = await look(stage, window=later)
    assert (page.rows, page.total) == ((), 0)
    assert stage.sent("listOffers") == 4, "that it has none is known for a minute"


async def test_undated_offers_in_a_window_come_last() -> None:
    listed = [offer(1000, None), *offers(120)]
    async with staged(rewrite=Listing(listed)) as stage:
        first = await look(stage)
        assert None not in {row.day for row in first.rows}
        everything = await look(stage, limit=200)
        assert ids(everything.rows)[-1] == "offer-1000"


async def test_undated_offers_are_all_read_again_after_a_failure_between_two_pages() -> None:
    listing = Listing([offer(n, None) for n in range(70)])
    spoilt = [2]

    def once_spoilt(path: str, body: Json) -> None:
        listing(path, body)
        if path.endswith("/offers") and numbers(told[0])[-1] in spoilt:
            spoilt.clear()
            body["member"] = "spoilt"

    told = list[Stage]()
    async with staged(rewrite=once_spoilt) as stage:
        told.append(stage)
        with pytest.raises(Malformed):
            await look(stage, window=FAR)
        assert len((await look(stage, window=FAR, limit=100)).rows) == 70


# What is asked for


async def test_few_products_are_named_many_are_narrowed_by_their_choice() -> None:
    async with staged(selling=("stadium",)) as stage:
        base = await base_of(stage, "stadium_base")
        child = next(c for c in base.choices["price_type"] if c.name == "Child")
        await look(stage, "stadium_base", price_type="child")
        assert queries(stage)[-1]["optionValuesContext[]"] == [child.id]
        assert "product[]" not in queries(stage)[-1]
        await look(stage, "stadium_base", price_type="child", zone="East 101")
        assert len(queries(stage)[-1]["product[]"]) == 1
        assert "optionValuesContext[]" not in queries(stage)[-1]
        await look(stage, "stadium_base", price_type="child,full price")
        assert "optionValuesContext[]" not in queries(stage)[-1], "all must match, so not two"


async def test_an_old_server_that_knows_no_choices_changes_nothing() -> None:
    found = []
    for is_old in (False, True):
        options = SandboxOptions(seed=SEED, old_server=is_old)
        async with staged(selling=("stadium",), options=options) as stage:
            rows = (await look(stage, "stadium_base", limit=200, price_type="child")).rows
            found.append(rows)
    assert found[0] == found[1]
    assert {row.product.choices["price_type"] for row in found[0]} == {"Child"}


async def test_offers_of_other_days_are_left_out_when_a_server_ignores_days() -> None:
    async with staged(rewrite=Listing([offer(1000, None), *offers(120)])) as stage:
        week = DayRange(TODAY + timedelta(days=3), TODAY + timedelta(days=5))
        page = await look(stage, window=week, limit=50)
        assert set(ids(page.rows)) == {"offer-1000", *(f"offer-{n}" for n in range(15, 30))}
        assert page.total == 16


async def test_offers_of_other_bases_are_left_out_when_a_server_ignores_the_base() -> None:
    foreign = {"productBase": "/v1/ticketing/catalogs/c/product_bases/another"}
    listed = [{**each, **foreign} if n % 2 else each for n, each in enumerate(offers(120))]
    async with staged(rewrite=Listing(listed)) as stage:
        page = await look(stage, limit=100)
        assert set(ids(page.rows)) == {f"offer-{n}" for n in range(0, 120, 2)}


async def test_other_filters_go_to_the_end_in_any_order() -> None:
    async with staged(rewrite=Listing(backwards(offers(120)))) as stage:
        base = await base_of(stage, "park_base")
        filters = OfferFilters(date_after=TODAY)
        rows = (await stage.app.calendars.with_filters(base, filters, "en")).rows
        assert ids(rows)[:5] == [f"offer-{n}" for n in range(5)]
        assert len(rows) == 120


# Memory


async def test_what_is_kept_takes_so_much_memory_at_most() -> None:
    rows = KEPT_BYTES // ROW_BYTES
    windows = [
        DayRange(TODAY, TODAY + timedelta(days=60 + n)) for n in range(rows // MAX_OFFERS + 1)
    ]
    async with staged(rewrite=Listing(offers(MAX_OFFERS, per_day=40))) as stage:
        for window in windows:
            await look(stage, window=window, limit=MAX_OFFERS)
        before = stage.sent("listOffers")
        for window in windows[3:]:
            await look(stage, window=window, limit=MAX_OFFERS)
        assert stage.sent("listOffers") == before, "the last are still there"
        await look(stage, window=windows[0])
        assert stage.sent("listOffers") > before, "the first made room"


async def test_what_is_looked_at_again_stays_longest(stage: Stage) -> None:
    calendars = stage.app.calendars
    base = await base_of(stage, "park_base")
    few = {"price_type": ("child",), "days_count": ("1 day",)}
    favourite = DayRange(TODAY, TODAY)
    for number in range(1, 260):
        await calendars.page(OfferQuery(base, favourite, "en", few), limit=1)
        day = TODAY + timedelta(days=number % 90)
        window = DayRange(day, day + timedelta(days=1 + number // 90))
        await calendars.page(OfferQuery(base, window, "en", few), limit=1)
    assert sum(q["date[before]"] == [TODAY.isoformat()] for q in queries(stage)) == 1
