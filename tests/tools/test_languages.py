"""Languages nobody serves: every tool answers from the default and says so; nothing breaks."""

from typing import Any

import pytest

from korus_mcp.tools.declare import NOT_SPOKEN, SERVED
from tests.fixtures.assistant import ERAS, Desk, desk, settings_of

pytestmark = pytest.mark.anyio
NOTE = NOT_SPOKEN.format("en") + SERVED.format("en, fr")


async def reading_calls(shop: Desk) -> dict[str, dict[str, Any]]:
    """A call of every tool that takes a language, on something that is there."""
    base, offer = shop.handle("park_base"), shop.handle("park_offer")
    held = await shop.call("reserve", items=[{"offer_id": offer, "quantity": 1}])
    reservation = held["reservations"][0]["reservation_id"]
    ordered = await shop.booked(offer)
    return {
        "search_products": {"query": "safari"},
        "get_offers": {"product_base_id": base},
        "check_availability": {"offer_id": offer, "quantity": 1},
        "reserve": {"items": [{"offer_id": offer, "quantity": 1}]},
        "get_reservation": {"reservation_ids": [reservation]},
        "get_tickets": {"order_id": ordered["order_id"]},
        "get_seat_map": {"product_base_id": shop.handle("stadium_base")},
    }


@pytest.mark.parametrize("mode", ERAS)
async def test_every_tool_says_in_which_language_it_answers_instead(mode: str) -> None:
    async with desk(mode=mode, only=("park", "stadium")) as shop:
        for tool, arguments in (await reading_calls(shop)).items():
            odd = await shop.ask(tool, {**arguments, "language": "tlh-Latn"})
            assert NOTE in odd.data["note"], tool
            assert NOTE in odd.text, tool
            for tag in ("en", "EN", "en-GB"):
                listed = await shop.ask(tool, {**arguments, "language": tag})
                assert NOTE not in listed.wire, (tool, tag)


async def test_bookings_in_sixty_odd_languages_all_succeed() -> None:
    tags = [f"q{a}{b}" for a in "abcdefghij" for b in "abcdef"]
    async with desk(only=("park",), settings=settings_of(MAX_TICKETS="50")) as shop:
        offer = shop.handle("park_offer")
        for tag in tags:
            items = [{"offer_id": offer, "quantity": 1}]
            held = await shop.ask("reserve", {"items": items, "language": tag})
            assert held.data["state"] == "held", tag
        wished = {r.path for r in shop.sandbox.requests}
        assert shop.sent("listProductBases") <= 1, len(wished)


async def test_a_picture_in_an_odd_language_is_drawn_in_the_default() -> None:
    async with desk(settings_of(MCP_LINKS="on"), only=("stadium",)) as shop:
        seat_map = await shop.ask(
            "get_seat_map", {"product_base_id": shop.handle("stadium_base"), "language": "tlh"}
        )
        uri = seat_map.drawn_at
        (picture,) = (await shop.client.read_resource(uri)).contents
        odd = uri.replace("language=en", "language=tlh")
        assert odd != uri
        (same,) = (await shop.client.read_resource(odd)).contents
        assert same.model_dump()["text"] == picture.model_dump()["text"]
