"""search_products in a buyer's words: kinds, other languages, what an answer must tell at once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from korus_mcp.foundation.clock import ManualClock
from korus_mcp.sandbox import Answer as Fault
from tests.fixtures.assistant import ERAS, Desk, Json, desk

pytestmark = pytest.mark.anyio
ALL: tuple[str, ...] = ("park", "stadium", "hall", "museum", "ski")


@pytest.fixture(scope="module", params=ERAS)
async def town(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[Desk]:
    """A desk at which everything is on sale, for questions that change nothing."""
    async with desk(mode=request.param, only=ALL) as shared:
        yield shared


async def names(town: Desk, query: str, **more: Any) -> list[str]:
    found = await town.call("search_products", query=query, limit=20, **more)
    return [each["name"] for each in found.get("products", ())]


def kinds(found: Json) -> set[str]:
    return {each["kind"] for each in found["products"]}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("football", "HÉRONS FC"),
        ("foot", "HÉRONS FC"),
        ("soccer tickets", "HÉRONS FC"),
        ("match de football", "HÉRONS FC"),
        ("Fußball", "HÉRONS FC"),
        ("season ticket", "season card|carte saison"),
        ("carte de saison", "season card|carte saison"),
        ("abonnement", "season card|carte saison"),
        ("Saisonkarte", "season card|carte saison"),
        ("skipass", "snow_sports"),
        ("ski", "snow_sports"),
        ("esquí", "snow_sports"),
        ("gift voucher", "gift card|carte cadeau"),
        ("bon cadeau", "gift card|carte cadeau"),
        ("guided tour", "tour|visite"),
        ("theme park", "theme_park"),
        ("parc d'attractions", "theme_park"),
        ("exhibition", "exhibition|exposition"),
        ("Ausstellung", "collection|exhibition|exposition"),
        ("wheelchair accessible football", "HÉRONS FC"),
        ("places debout", "show|sport"),
    ],
)
async def test_what_is_sold_is_found_by_what_people_call_it(
    town: Desk, query: str, said: str, language: str
) -> None:
    found = await town.call("search_products", query=query, language=language)
    best = f"{found['products'][0]['name']} {found['products'][0].get('kind')}".casefold()
    assert any(word.casefold() in best for word in said.split("|")), found


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_football_is_no_ski_and_the_stadium_has_matches_and_a_tour(
    town: Desk, language: str
) -> None:
    football = await town.call("search_products", query="football", limit=20, language=language)
    assert kinds(football) == {"sport"}
    assert len(football["products"]) == 5
    ski = await town.call("search_products", query="ski", limit=20, language=language)
    assert kinds(ski) == {"snow_sports"}
    assert len(ski["products"]) == 3
    stadium = await town.call("search_products", query="stadium", limit=20, language=language)
    assert kinds(stadium) == {"sport", "visit"}


async def test_nothing_is_made_up_of_words_that_mean_nothing_here(town: Desk) -> None:
    for query in ("rugby", "weather", "flight to Rome", "hotel"):
        assert await names(town, query) == []


# Languages


async def test_a_name_that_only_french_has_is_found_from_english() -> None:
    async with desk(only=("park",)) as shop:
        found = await shop.call("search_products", query="montgolfière")
        assert [each["name"] for each in found["products"]] == ["Balloon ride"]


async def test_an_empty_answer_names_the_languages_that_were_searched() -> None:
    async with desk(only=("park",)) as shop:
        answer = await shop.ask("search_products", {"query": "qqqzzz"})
        assert "Nothing found in en and fr; " in answer.data["note"]
        assert answer.data["note"] in answer.text
        again = await shop.ask("search_products", {"query": "qqqzzz", "language": "fr"})
        assert "Nothing found in fr and en; " in again.data["note"]


async def test_a_language_that_cannot_be_read_is_not_said_to_be_searched() -> None:
    async with desk(only=("park",)) as shop:
        await shop.call("search_products", query="night safari")
        shop.sandbox.faults.add(Fault(status=500), "listCatalogs", times=None)
        answer = await shop.ask("search_products", {"query": "qqqzzz"})
        assert "Nothing found in en; " in answer.data["note"]


# What an answer tells


@pytest.mark.parametrize("query", ["park", "qqqzzz"])
async def test_every_answer_says_which_day_it_is_at_the_venue(query: str) -> None:
    clock = ManualClock(datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
    async with desk(only=("park",), clock=clock) as shop:
        answer = await shop.ask("search_products", {"query": query})
        at_venue = "Friday 2027-01-01" if query == "park" else "Thursday 2026-12-31"
        assert f"Today is {at_venue}." in answer.data["note"]
        assert answer.data["note"] in answer.text


async def test_what_is_good_on_any_day_has_its_price_in_both_halves(town: Desk) -> None:
    asked = {"date_from": "2026-06-10", "date_to": "2026-06-12", "limit": 20}
    answer = await town.ask("search_products", asked)
    rows = answer.data["products"]
    undated = {row["name"]: row["from_price"] for row in rows if "dates" not in row}
    assert undated == {
        "Gift card 50 €": "50.00 EUR",
        "Named season card": "640.00 EUR",
        "Permanent Tides pass": "35.00 EUR",
    }
    for price in undated.values():
        assert f"from {price} on any day" in answer.text


async def test_what_has_no_venue_says_who_sells_it(town: Desk) -> None:
    answer = await town.ask("search_products", {"query": "gift card"})
    (card,) = [row for row in answer.data["products"] if row["name"].startswith("Gift card")]
    assert card["sold_by"] == "Thousand Lanterns Park catalog - Works councils"
    assert f"sold by {card['sold_by']}" in answer.text
    others = await town.call("search_products", query="museum")
    assert not any("sold_by" in row for row in others["products"]), "the venue says it"
