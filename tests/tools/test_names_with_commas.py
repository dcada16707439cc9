"""Names of choices that hold commas are found as they are shown, alone and in lists."""

from collections.abc import AsyncIterator, Mapping

import pytest

from korus_mcp.sandbox.texts import Text
from tests.fixtures.assistant import Desk, Json, desk

pytestmark = pytest.mark.anyio
REDUCED = "Reduced price (students, job seekers)"
RENAMED: Mapping[str, str] = {
    "Reduced price": REDUCED,
    "Full price": "Full price, all days",
    "Category 2": "Category 2, side, covered",
    "Category 3": "Category 2",
    "South 104": "South 104, standing, home",
    "1 day": "1 day, from 9:00, to 17:00",
    "Child": "Child, 4 to 12",
}


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A desk whose issuers like commas."""
    usual = Text.in_language

    def with_commas(self: Text, language: str) -> str:
        name = usual(self, "en" if language == "en" else "fr")
        return RENAMED.get(name, name)

    monkeypatch.setattr(Text, "in_language", with_commas)
    async with desk(only=("stadium", "ski")) as opened:
        yield opened


async def products(shop: Desk, base: str, **wish: str) -> list[str]:
    asked = {"product_base_id": shop.handle(base), "limit": 40, **wish}
    days = (await shop.call("get_offers", **asked)).get("days", [])
    return [offer["product"] for day in days for offer in day["offers"]]


async def shown(shop: Desk, base: str) -> Json:
    """The choices as search_products shows them."""
    await products(shop, base)
    name = (await shop.call("get_offers", product_base_id=shop.handle(base)))["name"]
    found = (await shop.call("search_products", query=name))["products"]
    (row,) = (row for row in found if row["product_base_id"] == shop.handle(base))
    choices: Json = row["choices"]
    return choices


@pytest.mark.parametrize(
    ("base", "code", "name"),
    [
        ("stadium_base", "price_type", REDUCED),
        ("stadium_base", "seating_category", RENAMED["Category 2"]),
        ("stadium_base", "zone", RENAMED["South 104"]),
        ("ski_base", "days_count", RENAMED["1 day"]),
        ("ski_base", "price_type", RENAMED["Child"]),
    ],
)
async def test_a_name_copied_from_an_answer_is_found(
    shop: Desk, base: str, code: str, name: str
) -> None:
    found = await products(shop, base, **{code: name})
    assert found
    spelled = await products(shop, base, **{code: name.upper().replace(", ", " ,  ")})
    assert spelled == found
    listed = await products(shop, base, **{code: f"{name},"})
    assert listed == found


async def test_names_with_commas_stand_in_lists_too(shop: Desk) -> None:
    reduced = await products(shop, "stadium_base", price_type=REDUCED, zone=RENAMED["South 104"])
    full = await products(
        shop, "stadium_base", price_type=RENAMED["Full price"], zone=RENAMED["South 104"]
    )
    both = await products(
        shop,
        "stadium_base",
        price_type=f"{RENAMED['Full price']}, {REDUCED}",
        zone=RENAMED["South 104"],
    )
    assert reduced
    assert full
    assert sorted(both) == sorted(reduced + full)


async def test_the_whole_list_of_choices_can_be_copied(shop: Desk) -> None:
    choices = await shown(shop, "stadium_base")
    assert REDUCED in choices["price_type"]
    everything = ", ".join(choices["price_type"])
    zone = RENAMED["South 104"]
    assert await products(shop, "stadium_base", price_type=everything, zone=zone) == (
        await products(shop, "stadium_base", zone=zone)
    )


async def test_the_longest_name_is_meant_where_a_shorter_one_begins_it(shop: Desk) -> None:
    longer = await products(shop, "stadium_base", seating_category=RENAMED["Category 2"])
    shorter = await products(shop, "stadium_base", seating_category="Category 2")
    assert longer
    assert shorter
    assert not set(longer) & set(shorter)


async def test_zones_and_categories_are_found_as_the_seat_map_names_them(shop: Desk) -> None:
    plan = await shop.call("get_seat_map", product_base_id=shop.handle("stadium_base"))
    with_commas = [z for z in plan["zones"] if "," in z["zone"] or "," in z.get("category", "")]
    assert {z["zone"] for z in with_commas} >= {RENAMED["South 104"]}
    for zone in (with_commas[0], with_commas[-1]):
        found = await products(
            shop, "stadium_base", zone=zone["zone"], seating_category=zone["category"]
        )
        assert found


@pytest.mark.parametrize(
    "text", ["Reduced price (student, job seekers)", f"{REDUCED}, Nobody", "Nobody, " + REDUCED]
)
async def test_a_name_that_is_none_of_them_is_answered_with_those_there_are(
    shop: Desk, text: str
) -> None:
    asked = {"product_base_id": shop.handle("stadium_base"), "price_type": text}
    answer = await shop.ask("get_offers", asked)
    assert answer.code == "NO_SUCH_CHOICE"
    assert f'"{REDUCED}"' in answer.fields["price_type"]


@pytest.mark.parametrize("text", [",", " , ,"])
async def test_mere_commas_name_nothing(shop: Desk, text: str) -> None:
    asked = {"product_base_id": shop.handle("stadium_base"), "price_type": text}
    answer = await shop.ask("get_offers", asked)
    assert (answer.code, answer.fields) == ("INVALID_ARGUMENTS", {"price_type": "names no choice"})
