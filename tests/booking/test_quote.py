"""Quotes: what one offer costs now, how many are left, what must be chosen with it."""

from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.api import ServerFailed
from korus_mcp.booking.offer_reading import MAX_SESSIONS
from korus_mcp.booking.quote import Quote
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code
from korus_mcp.sandbox import Answer
from tests.booking.stage import Rewrite, Stage, staged

pytestmark = pytest.mark.anyio


async def quote(stage: Stage, landmark: str) -> Quote:
    return await stage.app.quotes.of_offer(stage.handle(landmark), "en")


async def quoted(landmark: str, rewrite: Rewrite, selling: str = "park") -> Quote:
    async with staged(rewrite=rewrite, selling=(selling,)) as stage:
        return await quote(stage, landmark)


async def test_a_full_day_offer_takes_no_session(stage: Stage) -> None:
    found = await quote(stage, "park_offer")
    assert not found.needs_session
    assert list(found.sessions()) == []
    assert found.price == found.list_price == Money(Decimal("45.00"))
    assert found.checked_at == stage.clock.now()
    assert found.product == "1 day - Adult" or found.product.endswith("- 1 day - Adult")
    assert stage.sent("getOfferPrice") == 0, "its price is not dynamic"


async def test_a_product_is_named_by_the_catalog_though_the_offer_says_otherwise() -> None:
    """The name in an offer may be in another language than the one that was asked for."""

    def renamed(path: str, body: dict[str, Any]) -> None:
        if "/offers/" in path and "product" in body:
            body["product"]["name"] = "Entrada de un día"

    assert (await quoted("park_offer", renamed)).product.endswith("1 day - Adult")


async def test_live_figures_win_over_listed_ones(stage: Stage) -> None:
    offer_id = stage.sandbox.landmarks["park_offer"]
    stage.sandbox.set_stock(offer_id, 3)
    found = await quote(stage, "park_offer")
    assert found.left == 3
    assert found.obstacle(3) is None


async def test_no_limit_is_not_zero(stage: Stage) -> None:
    found = await quote(stage, "unlimited_offer")
    assert found.left is None
    assert found.obstacle(50) is None


async def test_a_dynamic_price_is_asked_live() -> None:
    async with staged(selling=("museum",)) as stage:
        stage.sandbox.set_price(stage.sandbox.landmarks["dynamic_price_offer"], Decimal("21.00"))
        found = await quote(stage, "dynamic_price_offer")
    assert found.price == Money(Decimal("21.00"))
    assert found.list_price == Money(Decimal("17.50"))


async def test_where_no_live_price_is_served_the_listed_one_counts() -> None:
    async with staged(selling=("museum",)) as stage:
        stage.sandbox.faults.add(Answer(status=404, body="problem"), "getOfferPrice")
        found = await quote(stage, "dynamic_price_offer")
    assert found.price == found.list_price == Money(Decimal("17.50"))


async def test_a_live_price_that_cannot_be_read_is_an_error_not_the_listed_one() -> None:
    async with staged(selling=("museum",)) as stage:
        stage.sandbox.faults.add(Answer(status=500), "getOfferPrice", times=None)
        with pytest.raises(ServerFailed):
            await quote(stage, "dynamic_price_offer")


async def test_each_ticket_of_an_offer_says_whether_it_needs_a_session() -> None:
    async with staged(selling=("hall",)) as stage:
        found = await quote(stage, "two_ticket_offer")
    assert [(t.name, t.needs_session, len(t.sessions)) for t in found.tickets] == [
        ("Day access", False, 0),
        ("Main concert", True, 2),
    ]
    starts = [s.starts_at for _, s in found.sessions() if s.starts_at]
    assert starts == sorted(starts)
    assert {s.utcoffset() for s in starts} != {None}


async def test_sessions_have_live_places_and_the_venues_time() -> None:
    async with staged(selling=("museum",)) as stage:
        stage.sandbox.set_session_stock(stage.sandbox.landmarks["free_session"], 4)
        found = await quote(stage, "timed_offer")
    sessions = {s.id: s for _, s in found.sessions()}
    free = sessions[stage.sandbox.landmarks["free_session"]]
    assert free.left == 4
    assert (free.has_room_for(4), free.has_room_for(5)) == (True, False)
    assert sessions[stage.sandbox.landmarks["sold_out_session"]].left == 0
    assert free.starts_at is not None
    assert free.starts_at.isoformat().endswith("+02:00")


async def test_sessions_are_joined_by_their_last_segment_in_both_forms() -> None:
    def legacy(path: str, body: dict[str, Any]) -> None:
        for n, each in enumerate(body.get("sessionsAvailability", ())):
            each["session"] = "/v1/ticketing/events/e/sessions/" + each["session"].split("/")[-1]
            each["availableQuantity"] = n

    found = await quoted("timed_offer", legacy, "museum")
    assert sorted(s.left for _, s in found.sessions() if s.left is not None) == list(range(16))


async def test_without_live_places_those_of_the_list_count() -> None:
    def silent(path: str, body: dict[str, Any]) -> None:
        body.pop("sessionsAvailability", None)

    found = await quoted("timed_offer", silent, "museum")
    assert len([s for _, s in found.sessions() if s.left is not None]) == 16


async def test_sessions_without_a_time_come_last() -> None:
    def timeless(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/sessions"):
            body["member"][0]["startsAt"] = None

    found = await quoted("timed_offer", timeless, "museum")
    assert [s.starts_at is None for _, s in found.sessions()] == [False] * 15 + [True]


async def test_sessions_without_end_are_cut() -> None:
    def endless(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/sessions") and body["member"]:
            one = body["member"][0]
            body["totalItems"] = 100_000
            body["member"] = [{**one, "id": f"{n}"} for n in range(MAX_SESSIONS + 5)]

    found = await quoted("timed_offer", endless, "museum")
    assert len(list(found.sessions())) == MAX_SESSIONS


async def test_an_offer_without_a_price_or_ticket_cannot_be_booked() -> None:
    def unpriced(path: str, body: dict[str, Any]) -> None:
        if "/offers/" in path and "price" in body:
            body["price"] = None

    def empty(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/tickets"):
            body["member"] = []

    for rewrite, words in ((unpriced, "no price"), (empty, "no ticket")):
        obstacle = (await quoted("park_offer", rewrite)).obstacle(1)
        assert obstacle is not None
        assert obstacle.code is Code.NOT_BOOKABLE
        assert words in obstacle.reason


async def test_without_a_session_that_has_room_nothing_can_be_booked() -> None:
    def full(path: str, body: dict[str, Any]) -> None:
        for each in body.get("sessionsAvailability", ()):
            each["availableQuantity"] = 1

    found = await quoted("timed_offer", full, "museum")
    obstacle = found.obstacle(2)
    assert obstacle is not None
    assert obstacle.reason == "no session has enough places left"
    assert found.obstacle(1) is None


@pytest.mark.parametrize(
    ("product", "name"),
    [
        (None, "(unnamed product)"),
        ({"@id": "/.well-known/genid/1"}, "(unnamed product)"),
        ({"id": "no-such-product", "name": "Entry\u200b  for\none"}, "Entry for one"),
    ],
)
async def test_a_product_always_has_a_name(product: object, name: str) -> None:
    def renamed(path: str, body: dict[str, Any]) -> None:
        if "/offers/" in path and "product" in body:
            body["product"] = product

    assert (await quoted("park_offer", renamed)).product == name
