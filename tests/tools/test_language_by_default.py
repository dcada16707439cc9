"""The language of answers where a caller names none: English in the embedded sandbox."""

import pytest

from korus_mcp.settings import read_settings
from korus_mcp.tools.blocks import LANGUAGE
from korus_mcp.tools.get_seat_map import SHEET
from tests.fixtures.assistant import APPS, ERAS, desk

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize(
    ("given", "language", "tour", "category", "stage"),
    [
        ({}, "en", "Guided stadium tour", "Standing end", "Stage or pitch"),
        (
            {"KORUS_LANGUAGE": "fr"},
            "fr",
            "Visite guidée du stade",
            "Kop debout",
            "Scène ou terrain",
        ),
    ],
)
async def test_the_sandbox_speaks_english_until_the_operator_says_otherwise(
    given: dict[str, str], language: str, tour: str, category: str, stage: str, mode: str
) -> None:
    settings = read_settings(given)
    async with desk(settings, mode=mode, only=("stadium",), extensions=[APPS]) as shop:
        found = await shop.ask("search_products", {"query": "derby"})
        base = found.data["products"][0]["product_base_id"]
        assert tour in (await shop.ask("search_products", {"query": "stade tour visite"})).text
        drawn = await shop.ask("get_seat_map", {"product_base_id": base})
        assert category in drawn.text
        meta = drawn.result.meta or {}
        assert (meta[SHEET]["language"], meta[LANGUAGE]) == (language, language)
        (picture,) = (await shop.client.read_resource(drawn.drawn_at)).contents
        assert stage in picture.model_dump()["text"]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("shows_pages", [True, False])
@pytest.mark.parametrize(("wished", "language"), [({}, "fr"), ({"language": "en"}, "en")])
async def test_a_page_beside_a_booking_is_told_the_language_of_the_answer(
    wished: dict[str, str], language: str, shows_pages: bool, mode: str
) -> None:
    settings = read_settings({"KORUS_LANGUAGE": "fr"})
    extensions = [APPS] if shows_pages else []
    async with desk(settings, mode=mode, only=("park",), extensions=extensions) as shop:
        item = {"offer_id": shop.handle("park_offer"), "quantity": 1}
        held = await shop.ask("reserve", {"items": [item], **wished})
        assert not held.result.is_error
        assert (held.result.meta or {}).get(LANGUAGE) == (language if shows_pages else None)
        read = await shop.ask("search_products", {"query": "parc", **wished})
        assert LANGUAGE not in (read.result.meta or {})
