"""Offers of a base in a window: checked again here, kept for a minute, never in the past."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeAlias

import anyio
import pytest

from korus_mcp.api import OfferFilters, ServerFailed
from korus_mcp.catalog.bases import BaseRecord, CatalogRecord
from korus_mcp.catalog.calendar import (
    WINDOW_DAYS,
    Calendar,
    DayRange,
    OfferQuery,
    cheapest,
    today,
    window_of,
)
from korus_mcp.catalog.price_table import MAX_OFFERS
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.sandbox import Answer, SandboxOptions
from tests.booking.stage import SEED, Stage, staged

pytestmark = pytest.mark.anyio
TODAY = date(2026, 6, 1)
Choices: TypeAlias = dict[str, tuple[str, ...]]
WEEK = DayRange(TODAY, TODAY + timedelta(days=6))


def wish(**choices: str) -> Choices:
    return {code: tuple(names.split(",")) for code, names in choices.items()}


async def calendar(
    stage: Stage, landmark: str, window: DayRange = WEEK, wanted: Choices | None = None
) -> Calendar:
    base = await stage.app.mirror.base(stage.handle(landmark), "en")
    return await stage.app.calendars.of_base(OfferQuery(base, window, "en", wanted or {}))


def base_in(zone: str | None) -> BaseRecord:
    catalog = CatalogRecord("c", "abcdef", "Catalog")
    return BaseRecord(handle=Handle("abcdef", "7"), catalog=catalog, name="Base", timezone=zone)


# Rows


async def test_rows_come_by_day_then_price(stage: Stage) -> None:
    found = await calendar(stage, "park_base", DayRange(TODAY, TODAY + timedelta(days=1)))
    assert len(found.rows) == 12
    assert [(r.day, r.price) for r in found.rows] == sorted(
        (r.day, r.price) for r in found.rows if r.day and r.price
    )
    first = found.rows[0]
    assert first.product.name == "1 day - Child"
    assert first.price == Money(Decimal("34.00"))
    assert not first.session_required
    assert first.live_check, "its stock is limited"
    assert not found.is_cut


async def test_a_window_holds_its_first_and_last_day(stage: Stage) -> None:
    found = await calendar(stage, "park_base")
    assert {r.day for r in found.rows} == {TODAY + timedelta(days=n) for n in range(7)}


async def test_choices_narrow_and_may_be_several(stage: Stage) -> None:
    wanted = wish(price_type="CHILD", days_count="1 day,3 days")
    found = await calendar(stage, "park_base", wanted=wanted)
    assert {r.product.name for r in found.rows} == {"1 day - Child", "3 days - Child"}
    query = next(r.query for r in reversed(stage.sandbox.requests) if r.operation == "listOffers")
    assert query.count("product%5B%5D") == 2


async def test_choices_that_no_product_has_together_ask_for_nothing() -> None:
    async with staged(selling=("stadium",)) as stage:
        wanted = wish(zone="East 101", seating_category="Gold")
        assert await calendar(stage, "stadium_base", wanted=wanted) == Calendar()
        assert stage.sent("listOffers") == 0


async def test_an_unknown_choice_is_refused_with_the_choices_there_are(stage: Stage) -> None:
    with pytest.raises(Refusal) as refusal:
        await calendar(stage, "park_base", wanted=wish(price_type="student"))
    assert refusal.value.code is Code.NO_SUCH_CHOICE
    (problem,) = refusal.value.fields
    assert problem.problem == 'choices: "Adult", "Child"'
    assert problem.example == '"Adult"'
    assert "student" not in str(refusal.value)


async def test_an_option_the_base_does_not_have_is_refused(stage: Stage) -> None:
    with pytest.raises(Refusal) as refusal:
        await calendar(stage, "park_base", wanted=wish(zone="North"))
    assert refusal.value.next_step == "Call again without zone."


async def test_of_many_choices_the_first_are_told() -> None:
    async with staged(selling=("stadium",)) as stage:
        with pytest.raises(Refusal) as refusal:
            await calendar(stage, "stadium_base", wanted=wish(zone="nowhere"))
    assert refusal.value.fields[0].problem.endswith(" and 42 more")


async def test_a_mistyped_choice_is_told_the_nearest_ones_first() -> None:
    async with staged(selling=("stadium",)) as stage:
        with pytest.raises(Refusal) as refusal:
            await calendar(stage, "stadium_base", wanted=wish(zone="ÉAST 1O2"))
    (problem,) = refusal.value.fields
    assert problem.problem.startswith('did you mean "East 102" or ')
    assert problem.problem.count(" or ") == 2, "three at most"
    assert problem.example == '"East 102"'


LONG = 'Adult "plus" with a seat by the window and a drink of their own'


async def test_a_long_choice_is_quoted_short_and_understood_as_it_was_quoted() -> None:
    def lengthen(path: str, body: Any) -> None:
        for each in body if isinstance(body, list) else body.values():
            if isinstance(each, list | dict):
                lengthen(path, each)
        if isinstance(body, dict) and body.get("name") == "Adult":
            body["name"] = LONG

    async with staged(rewrite=lengthen) as stage:
        with pytest.raises(Refusal) as refusal:
            await calendar(stage, "park_base", wanted=wish(price_type="adultplus with a seat"))
        (problem,) = refusal.value.fields
        assert problem.example == f'"{LONG[:40]}"'.replace('"plus"', "'plus'")
        assert LONG not in problem.problem
        short = await calendar(stage, "park_base", wanted=wish(price_type=problem.example[1:-1]))
        assert short == await calendar(stage, "park_base", wanted=wish(price_type=LONG))
        assert short.rows


async def test_an_old_server_that_ignores_filters_changes_nothing() -> None:
    wanted = wish(price_type="child")
    rows = []
    for old in (False, True):
        options = SandboxOptions(seed=SEED, old_server=old)
        async with staged(options=options) as stage:
            rows.append((await calendar(stage, "park_base", wanted=wanted)).rows)
    assert rows[0] == rows[1]
    assert len(rows[0]) == 21


async def test_undated_offers_are_found_where_no_day_is_on_sale(stage: Stage) -> None:
    found = await calendar(stage, "undated_base")
    assert {r.day for r in found.rows} == {None}
    assert {r.left for r in found.rows} == {None}
    assert not any(r.live_check for r in found.rows)


async def test_a_window_without_offers_is_empty(stage: Stage) -> None:
    far = DayRange(date(2030, 1, 1), date(2030, 1, 2))
    assert (await calendar(stage, "park_base", far)).rows == ()


async def test_a_reduced_price_says_what_it_was(stage: Stage) -> None:
    (row, *_) = (await calendar_of_offer(stage, "night_show_offer")).rows
    assert row.was == Money(Decimal("56.00"))
    assert row.price == Money(Decimal("49.00"))
    assert row.session_required


async def calendar_of_offer(stage: Stage, landmark: str) -> Calendar:
    offer = stage.handle(landmark)
    quote = await stage.app.quotes.of_offer(offer, "en")
    assert quote.base_id is not None
    base = await stage.app.mirror.base(Handle(offer.alias, quote.base_id), "en")
    return await stage.app.calendars.of_base(OfferQuery(base, WEEK, "en"))


async def test_offers_with_dynamic_prices_are_to_be_checked_live() -> None:
    async with staged(selling=("museum",)) as stage:
        found = await calendar_of_offer(stage, "dynamic_price_offer")
    assert all(r.live_check and r.session_required for r in found.rows)


async def test_a_question_is_answered_from_memory_for_a_minute(stage: Stage) -> None:
    first = await calendar(stage, "park_base")
    before = stage.sent("listOffers")
    stage.move(59)
    assert await calendar(stage, "park_base") == first
    assert stage.sent("listOffers") == before
    stage.move(1)
    await calendar(stage, "park_base")
    assert stage.sent("listOffers") == 2 * before


async def test_equal_questions_at_once_are_asked_once(stage: Stage) -> None:
    await stage.app.mirror.searchable("en")
    async with anyio.create_task_group() as callers:
        for _ in range(1_000):
            callers.start_soon(calendar, stage, "undated_base")
    assert stage.sent("listOffers") == 2, "dated, then undated"


async def test_a_beginning_ends_after_so_many_pages_once_something_can_be_bought() -> None:
    async with staged(selling=("ski",)) as stage:
        base = await stage.app.mirror.base(stage.handle("ski_base"), "en")
        days = DayRange(TODAY, TODAY + timedelta(days=30))
        found = await stage.app.calendars.of_base(OfferQuery(base, days, "en"), pages=4)
        assert found.is_cut
        assert len(found.rows) == 200
        assert stage.sent("listOffers") == 5, "and the last, which tells whether days are in order"
        found = await stage.app.calendars.of_base(OfferQuery(base, days, "en"))
        assert not found.is_cut
        assert stage.sent("listOffers") == 15


async def test_a_beginning_that_is_sold_out_is_read_on() -> None:
    def all_gone(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            for member in body["member"]:
                member["availableQuantity"] = 0 if member["date"] < "2026-06-20" else None

    async with staged(rewrite=all_gone) as stage:
        base = await stage.app.mirror.base(stage.handle("park_base"), "en")
        days = DayRange(TODAY, TODAY + timedelta(days=90))
        found = await stage.app.calendars.of_base(OfferQuery(base, days, "en"), pages=1)
        assert found.is_cut
        assert found.has_buyable()
        assert found.rows[-1].day is not None
        assert found.rows[-1].day < TODAY + timedelta(days=30)


async def test_old_answers_make_room_for_new_ones(stage: Stage) -> None:
    base = await stage.app.mirror.base(stage.handle("park_base"), "en")
    few = wish(price_type="child", days_count="1 day")
    for number in range(201):
        day = TODAY + timedelta(days=number % 100)
        window = DayRange(day, day + timedelta(days=number // 100))
        await stage.app.calendars.of_base(OfferQuery(base, window, "en", few))
    before = stage.sent("listOffers")
    await stage.app.calendars.of_base(OfferQuery(base, DayRange(TODAY, TODAY), "en", few))
    assert stage.sent("listOffers") > before


async def test_a_price_table_without_end_is_cut_and_says_so() -> None:
    numbers, one = count(), dict[str, Any]()

    def endless(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            one.update(body["member"][0] if body["member"] else {})
            body["totalItems"] = 100_000
            body["member"] = [{**one, "id": str(next(numbers))} for _ in range(50)]

    async with staged(rewrite=endless) as stage:
        found = await calendar(stage, "park_base", DayRange(TODAY, TODAY))
    assert found.is_cut
    assert len(found.rows) == MAX_OFFERS


async def test_an_unreadable_price_table_is_an_error_and_not_kept(stage: Stage) -> None:
    await stage.app.mirror.searchable("en")
    stage.sandbox.faults.add(Answer(status=500), "listOffers")
    with pytest.raises(ServerFailed):
        await calendar(stage, "park_base")
    assert (await calendar(stage, "park_base")).rows


async def test_other_filters_find_offers_of_the_base_only_and_are_never_kept(stage: Stage) -> None:
    base = await stage.app.mirror.base(stage.handle("park_base"), "en")
    tomorrow = TODAY + timedelta(days=1)
    filters = OfferFilters(date_after=TODAY, date_before=tomorrow)
    before = stage.sent("listOffers")
    rows = (await stage.app.calendars.with_filters(base, filters, "en")).rows
    reads = stage.sent("listOffers") - before
    assert len(rows) == 12
    assert {r.product.id for r in rows} <= set(base.products)
    assert {r.day for r in rows} == {TODAY, tomorrow}
    await stage.app.calendars.with_filters(base, filters, "en")
    assert stage.sent("listOffers") - before == 2 * reads


async def test_offers_that_cannot_be_read_are_left_out() -> None:
    def spoiled(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            for member, change in zip(
                body["member"], ({"product": None}, {"price": None}), strict=False
            ):
                member.update(change)

    async with staged(rewrite=spoiled) as stage:
        found = await calendar(stage, "park_base", DayRange(TODAY, TODAY))
    assert len(found.rows) == 5
    assert found.rows[-1].price is None, "what has no price comes last"


async def test_the_cheapest_is_not_sold_out(stage: Stage) -> None:
    rows = (await calendar(stage, "park_base", DayRange(TODAY, TODAY))).rows
    gone = replace(rows[0], left=0)
    assert cheapest(rows) == rows[0].price
    assert cheapest((gone, *rows[1:])) == rows[1].price
    assert cheapest((gone,)) is None


# Days


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Paris", 2),
        ("Pacific/Kiritimati", 2),
        ("America/New_York", 1),
        (None, 1),
        ("Mars/Olympus", 1),
        ("localtime", 1),
        ("Factory", 1),
        ("../etc/passwd", 1),
        ("", 1),
        ("Europe", 1),
    ],
)
def test_today_is_that_of_the_venue_else_the_latest_anywhere(zone: str | None, day: int) -> None:
    late = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    assert today(base_in(zone), late) == date(2026, 6, day)


def test_without_a_base_a_day_is_past_when_it_is_past_everywhere() -> None:
    assert today(None, datetime(2026, 6, 1, 11, 59, tzinfo=UTC)) == date(2026, 5, 31)
    assert today(None, datetime(2026, 6, 1, 12, 0, tzinfo=UTC)) == date(2026, 6, 1)


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def window(first: date | None, last: date | None) -> DayRange:
    return window_of(first, last, base_in("Europe/Paris"), NOON)


def test_a_window_begins_today_and_has_thirty_days_when_nothing_is_said() -> None:
    assert window(None, None) == DayRange(TODAY, date(2026, 7, 1))
    assert window(date(2026, 8, 1), None) == DayRange(date(2026, 8, 1), date(2026, 8, 31))
    assert window(None, TODAY) == DayRange(TODAY, TODAY)


@pytest.mark.parametrize("day", [date(9999, 12, 31), date(9999, 12, 15)])
def test_the_last_days_of_the_calendar_are_days_too(day: date) -> None:
    assert window(day, None) == DayRange(day, date.max)


@pytest.mark.parametrize(
    "zone",
    [
        *(None, "Mars/Olympus", "../etc/passwd", "", "Europe", "\0"),
        *("localtime", "posixrules", "Factory", "posix/Factory", "right/Factory"),
    ],
)
def test_without_a_zone_that_is_known_a_window_begins_on_the_day_of_utc(zone: str | None) -> None:
    early = datetime(2026, 6, 1, 3, tzinfo=UTC)
    assert window_of(None, None, base_in(zone), early).first == TODAY
    assert window_of(None, None, None, early).first == TODAY
    yesterday = TODAY - timedelta(days=1)
    assert window_of(yesterday, None, None, early).first == yesterday, "somewhere it is not over"


def test_days_are_refused_before_anything_is_known_of_the_venue() -> None:
    window_of(None, None, None, NOON)
    window_of(TODAY, TODAY, None, NOON)
    with pytest.raises(Refusal) as refusal:
        window_of(TODAY - timedelta(days=2), None, None, NOON)
    assert refusal.value.code is Code.PAST_DATE
    with pytest.raises(Refusal):
        window_of(TODAY, TODAY - timedelta(days=1), None, NOON)


def test_a_past_day_is_refused_with_today() -> None:
    with pytest.raises(Refusal) as refusal:
        window(date(2026, 5, 31), date(2026, 5, 31))
    assert refusal.value.code is Code.PAST_DATE
    assert [f.field for f in refusal.value.fields] == ["date_from", "date_to"]
    assert refusal.value.fields[0].example == "2026-06-01"


@pytest.mark.parametrize("hour", [3, 15])
def test_the_day_that_is_named_is_taken_once_the_venue_is_known(hour: int) -> None:
    """Before, nothing is refused that is not over everywhere; but that day is no advice."""
    now = datetime(2026, 6, 1, hour, tzinfo=UTC)
    with pytest.raises(Refusal) as refusal:
        window_of(date(2026, 5, 15), None, None, now)
    named = date.fromisoformat(str(refusal.value.fields[0].example))
    assert named == TODAY
    assert named.isoformat() in refusal.value.message
    assert window_of(named, None, base_in("Europe/Paris"), now).first == named


def test_no_day_is_named_by_a_clock_that_nobody_confirmed() -> None:
    with pytest.raises(Refusal) as refusal:
        window_of(date(2026, 5, 15), None, None, NOON, skew=timedelta(days=1))
    assert refusal.value.fields[0].example is None
    assert "2026" not in refusal.value.message


def test_a_reversed_window_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        window(date(2026, 6, 9), date(2026, 6, 8))
    assert refusal.value.code is Code.INVALID_ARGUMENTS
    assert refusal.value.fields[0].field == "date_to"


def test_a_window_has_ninety_two_days_at_most() -> None:
    longest = TODAY + timedelta(days=WINDOW_DAYS)
    assert window(TODAY, longest) == DayRange(TODAY, longest)
    with pytest.raises(Refusal) as refusal:
        window(TODAY, longest + timedelta(days=1))
    assert refusal.value.fields[0].example == longest.isoformat()
    with pytest.raises(Refusal):
        window(TODAY, date.max)


def test_an_undated_offer_fits_every_window() -> None:
    assert WEEK.holds(None)
    assert not WEEK.holds(TODAY - timedelta(days=1))
