"""get_offers over price tables of thousands: pages, what an assistant reads, and what fails."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import anyio
import pytest

from korus_mcp.answers.conditions import what_issuer_says
from korus_mcp.catalog.bases import BaseRecord, CatalogRecord, ProductRecord
from korus_mcp.catalog.price_table import MAX_OFFERS, MAX_PAGES, OfferRow
from korus_mcp.foundation.handles import Handle, parse_handle
from korus_mcp.foundation.paging import PageStart
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import DropBefore
from korus_mcp.sandbox.texts import Text
from korus_mcp.tools.get_offers import DayView
from tests.fixtures.assistant import ERAS, Desk, Json, desk
from tests.tools.samples import cursor_of

pytestmark = pytest.mark.anyio
SEASON = {"date_from": "2026-06-01", "date_to": "2026-09-01"}


@pytest.fixture(name="slopes")
async def the_slopes() -> AsyncIterator[Desk]:
    """A desk at which a base of thousands of offers is on sale, and known."""
    async with desk(only=("ski",)) as each:
        await each.call("search_products")
        yield each


def lifts(slopes: Desk, **more: Any) -> Json:
    """A question for the offers of a whole season."""
    return {"product_base_id": slopes.handle("ski_base"), **SEASON, **more}


def offer_ids(page: Json) -> list[str]:
    return [offer["offer_id"] for day in page.get("days", []) for offer in day["offers"]]


async def test_the_first_of_thousands_of_offers_says_that_more_follow(slopes: Desk) -> None:
    answer = await slopes.ask("get_offers", lifts(slopes))
    assert answer.data["shown"] == 15
    assert "total" not in answer.data
    assert "15 offers, more follow." in answer.text
    assert answer.data["next_cursor"] in answer.text
    assert slopes.sent("listOffers") == 2


async def test_a_page_read_to_the_end_tells_the_total(desk: Desk) -> None:
    asked = {"product_base_id": desk.handle("undated_base"), "limit": 1}
    answer = await desk.ask("get_offers", asked)
    assert answer.data["total"] == 2
    assert "1 of 2 offers." in answer.text


async def test_what_the_issuer_says_of_returns_is_told_once_before_anything_is_held(
    desk: Desk,
) -> None:
    asked = {"product_base_id": desk.handle("park_base"), "limit": 2}
    first = await desk.ask("get_offers", asked)
    terms = 'Terms: "Valid on the chosen day, no refund, no exchange."'
    assert terms in first.data["note"]
    assert terms in first.text
    second = await desk.ask("get_offers", {**asked, "cursor": first.data["next_cursor"]})
    assert second.data["shown"] == 2
    assert "Terms" not in second.text


def test_long_terms_begin_and_have_an_address_for_the_rest_and_ages_are_told() -> None:
    base = BaseRecord(
        handle=Handle("abcdef", "7"),
        catalog=CatalogRecord("1", "abcdef", "Hall"),
        name="Concert",
        short_description="Reduced price for visitors aged 6 to 17.",
        terms="No returns after the sale. " + "Each visitor keeps to the rules of the house. " * 9,
    )
    said = what_issuer_says(base)
    assert said is not None
    assert said.startswith('Terms: "No returns after the sale.')
    assert "(all: korus://" not in said, "a sentence that is repeated is told once"
    assert said.endswith('The issuer says: "Reduced price for visitors aged 6 to 17."')
    longer = replace(base, terms=f"No returns. {' '.join(f'Rule {n} holds.' for n in range(20))}")
    assert "(all: korus://" in (what_issuer_says(longer) or "")
    assert what_issuer_says(replace(base, terms=None, short_description="Music.")) is None
    twice = replace(base, terms="From the age of 6.", short_description=None)
    assert what_issuer_says(twice) == 'Terms: "From the age of 6."'


async def test_the_next_page_begins_behind_the_offer_shown_last(slopes: Desk) -> None:
    first = await slopes.call("get_offers", **lifts(slopes, limit=20))
    second = await slopes.call("get_offers", **lifts(slopes, limit=20, cursor=first["next_cursor"]))
    both = await slopes.call("get_offers", **lifts(slopes, limit=40))
    rest = await slopes.call("get_offers", **lifts(slopes, limit=40, cursor=both["next_cursor"]))
    shown = offer_ids(first) + offer_ids(second)
    assert len(shown) == 40
    assert shown == (offer_ids(both) + offer_ids(rest))[:40]
    place = PageStart(3, parse_handle(offer_ids(first)[-1]))
    renumbered = cursor_of("get_offers", lifts(slopes), place)
    same = await slopes.call("get_offers", **lifts(slopes, limit=20, cursor=renumbered))
    assert offer_ids(same) == offer_ids(second)


async def test_an_old_cursor_goes_on_after_its_minute(slopes: Desk) -> None:
    first = await slopes.call("get_offers", **lifts(slopes))
    expected = await slopes.call("get_offers", **lifts(slopes, cursor=first["next_cursor"]))
    slopes.clock.advance(600)
    again = await slopes.call("get_offers", **lifts(slopes, cursor=first["next_cursor"]))
    assert offer_ids(again) == offer_ids(expected)


async def test_a_narrowed_page_asks_for_the_wished_products_alone(slopes: Desk) -> None:
    wish = {"price_type": "child", "days_count": "1 day"}
    page = await slopes.call("get_offers", **lifts(slopes, **wish))
    names = {offer["product"] for day in page["days"] for offer in day["offers"]}
    assert len(names) == 1
    query = [r.query for r in slopes.sandbox.requests if r.operation == "listOffers"][-1]
    assert query.count("product%5B%5D") == 1


async def test_at_the_bound_the_answer_says_that_there_are_more(slopes: Desk) -> None:
    far = cursor_of("get_offers", lifts(slopes), PageStart(MAX_OFFERS - 10))
    answer = await slopes.ask("get_offers", lifts(slopes, cursor=far))
    assert answer.data["shown"] == 10
    assert not {"total", "next_cursor"} & answer.data.keys()
    assert "narrow" in answer.data["note"]
    assert answer.data["note"] in answer.text
    assert slopes.sent("listOffers") == MAX_PAGES


async def test_a_cursor_behind_the_end_says_that_there_is_no_more(desk: Desk) -> None:
    asked = {"product_base_id": desk.handle("undated_base")}
    behind = cursor_of("get_offers", asked, PageStart(99))
    answer = await desk.ask("get_offers", {**asked, "cursor": behind})
    assert (answer.data["shown"], answer.data["total"]) == (0, 2)
    assert answer.data["note"] in answer.text


async def test_many_who_ask_at_once_read_a_price_table_once(slopes: Desk) -> None:
    asked = lifts(slopes)
    pages: list[Json] = []

    async def ask() -> None:
        pages.append(await slopes.call("get_offers", **asked))

    async with anyio.create_task_group() as callers:
        for _ in range(12):
            callers.start_soon(ask)
    assert slopes.sent("listOffers") == 2
    assert all(page == pages[0] for page in pages)


# When the API fails


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(status=500), DropBefore()])
async def test_a_price_table_that_cannot_be_read_is_named_though_the_catalog_is_there(
    fault: Any, slopes: Desk
) -> None:
    slopes.sandbox.faults.add(fault, times=None)
    found = await slopes.call("search_products", query="ski")
    assert found["shown"], "the catalog answers from memory"
    answer = await slopes.ask("get_offers", lifts(slopes))
    assert answer.code == "UPSTREAM_UNAVAILABLE"
    assert answer.error["message"].startswith("The price table could not be read")
    assert answer.error["effect"] == "none"
    assert answer.error["message"] in answer.text
    slopes.sandbox.faults.clear()
    assert (await slopes.call("get_offers", **lifts(slopes)))["shown"] == 15


async def test_a_page_that_was_read_is_shown_though_the_next_cannot_be(slopes: Desk) -> None:
    first = await slopes.call("get_offers", **lifts(slopes))
    slopes.sandbox.faults.add(Fault(status=500), "listOffers", times=None)
    assert await slopes.call("get_offers", **lifts(slopes)) == first
    cursor = cursor_of("get_offers", lifts(slopes), PageStart(200))
    far = await slopes.ask("get_offers", lifts(slopes, cursor=cursor))
    assert far.code == "UPSTREAM_UNAVAILABLE"


async def test_a_search_in_days_that_cannot_be_checked_says_so(slopes: Desk) -> None:
    slopes.sandbox.faults.add(Fault(status=500), "listOffers", times=None)
    answer = await slopes.ask("search_products", {"query": "ski", "date_from": "2026-06-10"})
    assert answer.data["shown"]
    assert not any("from_price" in p or "dates" in p for p in answer.data["products"])
    assert "no days were checked" in answer.data["note"]
    assert answer.data["note"] in answer.text


async def test_a_lowest_price_that_may_be_undercut_says_so(slopes: Desk) -> None:
    answer = await slopes.ask("search_products", {**SEASON, "limit": 20})
    base = slopes.handle("ski_base")
    (shown,) = [p for p in answer.data["products"] if p["product_base_id"] == base]
    assert shown["from_price"].startswith("at most ")
    assert f"from {shown['from_price']} on" in answer.text
    others = [p["from_price"] for p in answer.data["products"] if p is not shown]
    assert others
    assert not any(price.startswith("at most") for price in others)


# The cheapest, on some weekdays, up to a price


@pytest.fixture(name="town", scope="module", params=ERAS)
async def the_town(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[Desk]:
    """A desk at which much is on sale, for questions that change nothing."""
    async with desk(mode=request.param, only=("park", "stadium", "hall", "ski")) as each:
        yield each


def rows(page: Json) -> list[tuple[str, float, Json]]:
    """Day, price and the offer itself, in the order of the answer."""
    return [
        (day["date"], float(offer["price"].removesuffix(" EUR")), offer)
        for day in page.get("days", ())
        for offer in day["offers"]
    ]


async def test_the_cheapest_saturday_of_a_month_is_one_call(town: Desk) -> None:
    asked = {
        "product_base_id": town.handle("park_base"),
        "date_from": "2026-07-01",
        "date_to": "2026-07-31",
        "weekdays": "saturday",
        "price_type": "Adult",
        "days_count": "1 day",
        "by_price": True,
    }
    before = town.sent("listOffers")
    answer = await town.ask("get_offers", asked)
    found = rows(answer.data)
    assert {day for day, _, _ in found} == {
        *("2026-07-04", "2026-07-11", "2026-07-18", "2026-07-25")
    }
    assert answer.data["total"] == 4
    buyable = [price for _, price, offer in found if offer.get("left") != 0]
    assert buyable == sorted(buyable)
    assert found[0][2]["offer_id"] in answer.text
    assert town.sent("listOffers") - before <= 2


async def test_by_price_the_cheapest_day_comes_before_the_first(town: Desk) -> None:
    asked = {"product_base_id": town.handle("park_base"), "price_type": "Adult", "by_price": True}
    found = rows(await town.call("get_offers", **asked, limit=40))
    prices = [price for _, price, offer in found if offer.get("left") != 0]
    assert prices == sorted(prices)
    days = [day for day, _, _ in found]
    assert days != sorted(days)


async def test_what_cannot_be_bought_is_not_the_cheapest() -> None:
    async with desk(only=("park",)) as shop:
        asked = {
            "product_base_id": shop.handle("park_base"),
            "date_from": "2026-06-02",
            "date_to": "2026-06-02",
            "by_price": True,
        }
        (_, price, cheapest), *others = rows(await shop.call("get_offers", **asked))
        shop.sandbox.set_stock(cheapest["offer_id"].partition(".")[2], 0)
        shop.clock.advance(61)
        found = rows(await shop.call("get_offers", **asked))
        assert found[-1][2]["offer_id"] == cheapest["offer_id"]
        assert len(found) == len(others) + 1
        assert found[0][1] >= price


async def test_pages_by_price_follow_each_other_without_gap(town: Desk) -> None:
    asked = {"product_base_id": town.handle("park_base"), "weekdays": "sat,sun", "by_price": True}
    whole = rows(await town.call("get_offers", **asked, limit=40))
    first = await town.call("get_offers", **asked, limit=7)
    second = await town.call("get_offers", **asked, limit=7, cursor=first["next_cursor"])
    assert offer_ids(first) + offer_ids(second) == [o["offer_id"] for _, _, o in whole][:14]
    assert first["total"] == second["total"]
    other = await town.ask(
        "get_offers", {**asked, "by_price": False, "cursor": first["next_cursor"]}
    )
    assert set(other.fields) == {"cursor"}


async def test_no_price_is_above_the_limit(town: Desk) -> None:
    asked = {"product_base_id": town.handle("hall_base"), "max_price": 40, "limit": 40}
    answer = await town.ask("get_offers", asked)
    prices = {price for _, price, _ in rows(answer.data)}
    assert prices
    assert max(prices) <= 40


async def test_a_limit_below_all_prices_is_told_the_lowest(town: Desk) -> None:
    asked = {"product_base_id": town.handle("park_base"), "price_type": "Adult", "max_price": 5}
    answer = await town.ask("get_offers", asked)
    assert (answer.data["shown"], answer.data["total"]) == (0, 0)
    assert "within max_price; the cheapest is 45.00 EUR." in answer.data["note"]
    assert answer.data["note"] in answer.text


async def test_weekdays_without_offers_say_so(town: Desk) -> None:
    asked = {"product_base_id": town.handle("stadium_base"), "weekdays": "mon"}
    answer = await town.ask("get_offers", asked)
    assert answer.data["shown"] == 0
    assert "No offers from" in answer.data["note"]


async def test_an_undated_offer_is_good_on_any_weekday(town: Desk) -> None:
    asked = {"product_base_id": town.handle("undated_base"), "weekdays": "sat", "by_price": True}
    assert (await town.call("get_offers", **asked))["total"] == 2


@pytest.mark.parametrize("wrong", ["samedi", "sat and sun", "6", "no day"])
async def test_weekdays_are_english_and_refused_with_an_example(town: Desk, wrong: str) -> None:
    before = town.sent("listOffers")
    asked = {"product_base_id": town.handle("park_base"), "weekdays": wrong}
    answer = await town.ask("get_offers", asked)
    assert answer.fields == {"weekdays": "must be weekdays in English"}
    assert "sat,sun" in answer.text
    assert town.sent("listOffers") == before


async def test_the_cheapest_of_more_than_is_read_is_told_as_such(slopes: Desk) -> None:
    answer = await slopes.ask("get_offers", lifts(slopes, by_price=True))
    assert slopes.sent("listOffers") == MAX_PAGES
    assert "may be cheaper" in answer.data["note"]
    assert answer.data["note"] in answer.text


# Places as people call them


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("wish", ["standing", "debout", "Stehplätze", "places debout", "de pie"])
async def test_standing_places_are_asked_for_in_any_language(
    town: Desk, wish: str, language: str
) -> None:
    asked = {"product_base_id": town.handle("hall_base"), "seating_category": wish}
    found = await town.call("get_offers", **asked, language=language)
    names = {offer["product"] for day in found["days"] for offer in day["offers"]}
    assert names
    assert all("pit" in name.lower() or "fosse" in name.lower() for name in names)


async def test_what_is_left_and_what_a_price_is_for_is_told(town: Desk) -> None:
    asked = {"product_base_id": town.handle("stadium_base"), "limit": 2}
    table = await town.ask("get_offers", asked)
    assert any(offer.get("left") for day in table.data["days"] for offer in day["offers"])
    assert "(choose a session; left: over all of them)" in table.text
    cheap = await town.ask("get_offers", {**asked, "by_price": True})
    assert "Each price is for one." in cheap.data["note"]
    assert "Each price" not in table.text


@pytest.mark.parametrize("base", ["hall_base", "stadium_base"])
async def test_seated_are_those_that_are_not_told_to_stand(town: Desk, base: str) -> None:
    asked = {"product_base_id": town.handle(base), "limit": 40}
    seated = rows(await town.call("get_offers", **asked, seating_category="seated"))
    assert seated
    assert not any("standing" in offer["product"].lower() for _, _, offer in seated)


async def test_a_word_that_another_option_says_is_sent_there(town: Desk) -> None:
    asked = {"product_base_id": town.handle("hall_base"), "price_type": "standing"}
    answer = await town.ask("get_offers", asked)
    assert answer.code == "NO_SUCH_CHOICE"
    assert "seating_category" in answer.error["next"]


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("wheelchair", "Emplacement PMR"),
        ("accessible places", "Emplacement PMR"),
        ("mobilité réduite", "Emplacement PMR"),
        ("restricted view", "Side, limited view"),
        ("visibilité réduite", "Side, limited view"),
    ],
)
async def test_what_names_tell_of_places_is_found(
    wish: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = {"Second category": "Emplacement PMR", "First category": "Side, limited view"}
    usual = Text.in_language

    def told(self: Text, language: str) -> str:
        text = usual(self, "en" if language == "en" else "fr")
        for old, new in renamed.items():
            text = text.replace(old, new)
        return text

    monkeypatch.setattr(Text, "in_language", told)
    async with desk(only=("hall",)) as shop:
        asked = {"product_base_id": shop.handle("hall_base"), "seating_category": wish}
        found = rows(await shop.call("get_offers", **asked))
        assert found
        assert all(name in offer["product"] for _, _, offer in found)
        full = rows(await shop.call("get_offers", **{**asked, "seating_category": "full view"}))
        assert full
        assert not any("limited view" in offer["product"] for _, _, offer in full)


async def test_where_no_name_tells_it_the_choices_are_named(town: Desk) -> None:
    asked = {"product_base_id": town.handle("hall_base"), "seating_category": "wheelchair"}
    answer = await town.ask("get_offers", asked)
    assert answer.code == "NO_SUCH_CHOICE"
    assert '"Gold"' in answer.fields["seating_category"]


def offer_row(offer_id: str, *, is_timed: bool) -> OfferRow:
    return OfferRow(
        handle=Handle("abcdef", offer_id),
        product=ProductRecord("p1", "Adult", {}),
        day=None,
        price=None,
        session_required=is_timed,
    )


async def test_what_all_offers_of_a_day_need_is_said_once() -> None:
    async with desk(only=("museum",)) as each:
        asked = {"product_base_id": each.handle("museum_base"), "limit": 6}
        answer = await each.ask("get_offers", asked)
    days = answer.data["days"]
    assert all(day["session_required"] for day in days)
    assert "session_required" not in {key for day in days for o in day["offers"] for key in o}
    assert answer.text.count("choose a session") == len(days) < 6


def test_what_some_offers_of_a_day_need_is_said_of_them_alone() -> None:
    day = DayView.of(
        "2026-06-02", [offer_row("o1", is_timed=True), offer_row("o2", is_timed=False)]
    )
    assert not day.session_required
    assert [offer.session_required for offer in day.offers] == [True, False]
    assert [("choose a session" in line) for line in day.text().splitlines()] == [
        False,
        True,
        False,
    ]


async def test_the_next_step_is_to_check_where_there_is_something_to_choose_or_a_price_moves() -> (
    None
):
    async with desk(only=("park", "museum", "stadium")) as each:

        async def next_of(landmark: str) -> str:
            page = await each.call("get_offers", product_base_id=each.handle(landmark), limit=2)
            return str(page["next"])

        check = "Call check_availability with an offer_id."
        assert await next_of("museum_base") == check, "its price follows demand"
        assert await next_of("stadium_base") == check, "it has sessions"
        # Without either nothing is to be chosen: reserve checks the stock.
        assert await next_of("park_base") == "Call reserve: it checks the stock."
        assert "Call reserve" in await next_of("undated_base")
