"""The language of answers where a caller names none: English in the embedded sandbox."""

import pytest

from korus_mcp.settings import read_settings
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
        assert (drawn.result.meta or {})[SHEET]["language"] == language
        (picture,) = (await shop.client.read_resource(drawn.drawn_at)).contents
        assert stage in picture.model_dump()["text"]
