"""A seat map for those who read, who look, and who click."""

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest
from mcp import MCPError
from mcp_types import ImageContent, TextResourceContents

from korus_mcp.sandbox.catalog_shapes import CatalogShapes
from korus_mcp.seating import drafting
from korus_mcp.seating.raster import NotDrawn, Raster
from korus_mcp.tools.get_seat_map import SHEET
from tests.fixtures.assistant import (
    APPS,
    ERAS,
    Answer,
    Desk,
    compact,
    desk,
    settings_of,
)
from tests.fixtures.tokens import counted

pytestmark = pytest.mark.anyio
STADIUM_TEXT = 900
STADIUM_STRUCTURE = 4_000
MOST_BYTES = 40_000
VENUES = ("stadium", "hall")


@pytest.fixture(params=ERAS)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with desk(settings_of(MCP_LINKS="on"), mode=request.param, only=VENUES) as opened:
        yield opened


async def seen(shop: Desk, venue: str, **wish: Any) -> Answer:
    wished = {"product_base_id": shop.handle(f"{venue}_base"), **wish}
    answer = await shop.ask("get_seat_map", wished)
    assert not answer.result.is_error, answer.text
    return answer


def images_of(answer: Answer) -> list[bytes]:
    blocks = (b for b in answer.result.content if isinstance(b, ImageContent))
    return [base64.b64decode(block.data) for block in blocks]


async def read(shop: Desk, uri: str) -> str:
    (content,) = (await shop.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def test_a_stadium_of_fifty_zones_costs_a_model_little(shop: Desk) -> None:
    answer = await seen(shop, "stadium", quantity=2)
    assert answer.data["counts"]["zones"] == 50
    assert counted(answer.text) < STADIUM_TEXT
    assert counted(compact(answer.structure)) < STADIUM_STRUCTURE


async def test_the_rows_of_the_best_zones_are_named(shop: Desk) -> None:
    answer = await seen(shop, "hall")
    named = {zone["zone"]: zone.get("rows") for zone in answer.data["zones"]}
    assert named["Front stalls"] == "A to E"
    assert named["Pit"] is None, "standing"
    assert "rows A to E" in answer.text


async def test_every_offer_of_the_best_zones_can_be_bought(shop: Desk) -> None:
    answer = await seen(shop, "stadium", quantity=2)
    told = [o for zone in answer.data["zones"] for o in zone.get("offers", ())]
    assert len(told) == 10
    for offer in (told[0], told[-1]):
        asked = {"offer_id": offer["offer_id"], "quantity": 2}
        checked = (await shop.ask("check_availability", asked)).data
        assert (checked["bookable"], checked["price"]) == (True, offer["price"])


@pytest.mark.parametrize("mode", ERAS)
async def test_only_a_host_that_shows_pages_gets_the_map_beside_the_answer(mode: str) -> None:
    async with (
        desk(mode=mode, only=VENUES) as plain,
        desk(mode=mode, only=VENUES, extensions=[APPS]) as showing,
    ):
        bare, told = await seen(plain, "hall"), await seen(showing, "hall", quantity=3)
    assert SHEET not in (bare.result.meta or {})
    sheet = (told.result.meta or {})[SHEET]
    assert (sheet["quantity"], sheet["language"], sheet["date"]) == (3, "en", told.data["date"])
    assert [z["name"] for z in sheet["zones"]] != []
    assert {z["name"] for z in sheet["zones"]} == {z["zone"] for z in told.data["zones"]}
    assert SHEET not in json.dumps(told.structure)


async def test_the_closest_come_first_when_that_is_wished(shop: Desk) -> None:
    cheapest = (await seen(shop, "hall")).data["zones"]
    closest = (await seen(shop, "hall", prefer="closest")).data["zones"]
    assert cheapest[0]["why"].startswith("cheapest")
    assert closest[0]["why"].startswith("nearest to the stage")
    assert [z["zone"] for z in closest] != [z["zone"] for z in cheapest]


async def test_zones_that_do_not_fit_are_counted_and_not_among_the_best(shop: Desk) -> None:
    answer = await seen(shop, "hall", max_price="30.00")
    assert [zone["zone"] for zone in answer.data["zones"]] == ["Pit"]
    assert answer.data["counts"]["above_max_price"] == 3
    assert "3 above max price" in answer.text


async def test_what_is_sold_out_is_not_offered(shop: Desk) -> None:
    zone = (await seen(shop, "hall", quantity=2)).data["zones"][0]
    first = zone["offers"][-1]
    shop.sandbox.set_stock(first["offer_id"].partition(".")[2], 0)
    shop.clock.advance(61)
    answer = await seen(shop, "hall", quantity=2)
    (again,) = (z for z in answer.data["zones"] if z["zone"] == zone["zone"])
    assert first["offer_id"] not in answer.text
    assert [o["offer_id"] for o in again["offers"]] == [
        o["offer_id"] for o in zone["offers"] if o != first
    ]
    assert again["from_price"] == again["offers"][0]["price"]


async def test_of_a_session_nobody_claims_to_know_the_stock(shop: Desk) -> None:
    offer = (await seen(shop, "hall", quantity=2)).data["zones"][0]["offers"][0]
    checked = await shop.call("check_availability", offer_id=offer["offer_id"])
    session = checked["sessions"][0]["session_id"]
    shop.sandbox.set_session_stock(session, 0)
    shop.clock.advance(61)
    answer = await seen(shop, "hall", quantity=2, session_id=session)
    assert not [z for z in answer.data["zones"] if z.get("enough") or z.get("left", 0) >= 2]
    assert "check_availability tells what is left in this session" in answer.text


async def test_a_picture_is_there_for_the_asking(shop: Desk) -> None:
    assert images_of(await seen(shop, "hall")) == []
    (picture,) = images_of(await seen(shop, "hall", picture=True))
    assert picture.startswith(b"\x89PNG")
    assert len(picture) <= MOST_BYTES


async def test_names_that_a_picture_cannot_write_are_numbers_there_and_told(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = CatalogShapes.seat_map

    def renamed(self: CatalogShapes, *args: Any) -> Any:
        found: Any = usual(self, *args)
        first, *others = found["zones"]
        return found | {"zones": [first | {"name": "東スタンド"}, *others]}

    monkeypatch.setattr(CatalogShapes, "seat_map", renamed)
    answer = await seen(shop, "hall", picture=True)
    assert "In the picture: #1 東スタンド." in answer.text
    assert "#1" not in (await seen(shop, "hall")).text


async def test_without_a_picture_the_answer_stands(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(self: Raster, picture: str) -> bytes:
        raise NotDrawn

    monkeypatch.setattr(Raster, "png", failing)
    answer = await seen(shop, "hall", picture=True)
    assert images_of(answer) == []
    assert answer.data["zones"]
    assert "No picture could be drawn" in answer.text


async def test_the_address_shows_what_the_answer_tells(shop: Desk) -> None:
    answer = await seen(shop, "hall", quantity=2, max_price="60.00", prefer="closest")
    drawn = await read(shop, answer.drawn_at)
    ElementTree.fromstring(drawn)
    assert answer.data["date"] in drawn
    for zone in answer.data["zones"]:
        assert zone["zone"] in drawn
    alone = await read(shop, answer.drawn_at.partition("?")[0])
    assert alone != drawn, "the wish is in the address"


async def test_the_map_of_a_session_is_named_with_it(shop: Desk) -> None:
    offer = (await seen(shop, "hall")).data["zones"][0]["offers"][0]
    checked = await shop.call("check_availability", offer_id=offer["offer_id"])
    session = checked["sessions"][0]["session_id"]
    answer = await seen(shop, "hall", session_id=session)
    assert f"session_id={session}" in answer.drawn_at
    assert answer.data["date"] in await read(shop, answer.drawn_at)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ("quantity=0", "quantity"),
        ("quantity=51", "quantity"),
        ("max_price=NaN", "max_price"),
        ("date=tomorrow", "date"),
        ("prefer=loudest", "prefer"),
        ("session_id=a%2Fb", "session_id"),
    ],
)
async def test_a_wish_in_an_address_that_cannot_be_meant_is_refused(
    shop: Desk, wish: str, field: str
) -> None:
    link = (await seen(shop, "hall")).drawn_at.partition("?")[0]
    before = shop.sent("getSeatMap")
    with pytest.raises(MCPError, match=field) as refused:
        await read(shop, f"{link}?{wish}")
    assert "INVALID_ARGUMENTS" in str(refused.value)
    assert shop.sent("getSeatMap") == before


# what a repeat costs

OF_OFFERS = (
    "listOffers",
    "getSeatMap",
    "getOffer",
    "getOfferAvailability",
    "getOfferPrice",
    "listOfferTickets",
    "listOfferTicketSessions",
)


async def asked_now(shop: Desk, venue: str, **wish: Any) -> dict[str | None, int]:
    """What a map asks for now, by operation."""
    before = Counter(shop.sent_by_operation())
    await seen(shop, venue, **wish)
    after = Counter(shop.sent_by_operation())
    return {name: after[name] - before[name] for name in OF_OFFERS if after[name] > before[name]}


async def asked_anew(shop: Desk, venue: str, **wish: Any) -> dict[str | None, int]:
    """What the same map asks for again, once its price table is too old."""
    await seen(shop, venue, **wish)
    shop.clock.advance(61)
    return await asked_now(shop, venue, **wish)


async def test_a_repeated_map_asks_for_its_offers_alone(shop: Desk) -> None:
    assert await asked_anew(shop, "hall") == {"listOffers": 1}
    offer = (await seen(shop, "hall")).data["zones"][0]["offers"][0]
    checked = await shop.call("check_availability", offer_id=offer["offer_id"])
    for session in checked["sessions"]:
        wish = {"session_id": session["session_id"]}
        assert await asked_anew(shop, "hall", **wish) == {"listOffers": 1}


async def test_each_further_fifty_offers_cost_a_request(shop: Desk) -> None:
    """Fifty zones with three price types each."""
    day = (await seen(shop, "stadium")).data["date"]
    assert await asked_anew(shop, "stadium", date=day) == {"listOffers": 3}


async def test_a_map_is_read_again_after_a_day(shop: Desk) -> None:
    assert (await asked_now(shop, "hall"))["getSeatMap"] == 1
    shop.clock.advance(drafting.KEPT_SECONDS - 1)
    assert "getSeatMap" not in await asked_now(shop, "hall")
    shop.clock.advance(2)
    assert (await asked_now(shop, "hall"))["getSeatMap"] == 1


async def test_a_large_map_is_not_kept(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "KEPT_PLACES", 10)
    assert (await asked_anew(shop, "hall"))["getSeatMap"] == 1
