"""get_offers over price tables of thousands: pages, what an assistant reads, and what fails."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from korus_mcp.catalog.price_table import MAX_OFFERS, MAX_PAGES
from korus_mcp.foundation.handles import parse_handle
from korus_mcp.foundation.paging import PageStart
from korus_mcp.sandbox import Answer as Fault
from korus_mcp.sandbox import DropBefore
from tests.fixtures.assistant import Desk, Json, desk
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
