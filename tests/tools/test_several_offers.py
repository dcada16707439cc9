"""check_availability of several offers of one product base in one call."""

from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from korus_mcp.answers.ceiling import CEILING
from korus_mcp.tools.arguments import MOST_OFFERS
from tests.fixtures.assistant import ERAS, Answer, Desk, Json, desk
from tests.tools.samples import A_HANDLE
from tests.tools.test_halves import assert_alike

pytestmark = pytest.mark.anyio
WIDE = ("museum", "stadium", "park")
TOMORROW = "2026-06-02"


@pytest.fixture(params=ERAS)
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with desk(mode=request.param, only=WIDE) as opened:
        yield opened


async def of_a_day(shop: Desk, base: str, **choices: Any) -> list[Json]:
    """The offers of the first whole day on which a base sells."""
    table = await shop.call(
        "get_offers", product_base_id=base, date_from=TOMORROW, limit=40, **choices
    )
    offers: list[Json] = table["days"][0]["offers"]
    return offers


async def checked(shop: Desk, *offer_ids: str, **more: Any) -> Answer:
    answer = await shop.ask("check_availability", {"offer_id": ",".join(offer_ids), **more})
    assert not answer.result.is_error, answer.text
    return answer


async def test_adult_and_child_are_told_with_their_sessions_once(shop: Desk) -> None:
    offers = await of_a_day(shop, shop.handle("museum_base"))
    ids = [offer["offer_id"] for offer in offers]
    assert len(ids) == 3
    answer = await checked(shop, *ids, quantity=2)
    (group,) = answer.data["groups"]
    assert [(o["offer_id"], o["price"]) for o in group["offers"]] == [
        (offer["offer_id"], offer["price"]) for offer in offers
    ]
    assert all(offer["bookable"] for offer in group["offers"])
    single = await shop.call("check_availability", offer_id=ids[0], quantity=2)
    assert group["sessions"] == single["sessions"]
    for session in group["sessions"]:
        assert answer.text.count(session["session_id"]) == 1
    assert_alike(answer, "check_availability")


async def test_the_sessions_of_all_are_read_once_and_a_repeat_asks_for_live_figures(
    shop: Desk,
) -> None:
    ids = [offer["offer_id"] for offer in await of_a_day(shop, shop.handle("museum_base"))]
    first, again = [await asked_for(shop, ids) for _ in range(2)]
    assert (first["listOfferTickets"], first["listOfferTicketSessions"]) == (1, 1)
    assert first["getOfferAvailability"] == len(ids)
    assert again == {"getOfferAvailability": len(ids)}


async def asked_for(shop: Desk, ids: list[str]) -> Counter[str | None]:
    """What a check asks for, but for what a crawl reads beside it."""
    before = Counter(shop.sent_by_operation())
    await checked(shop, *ids)
    since = Counter(shop.sent_by_operation()) - before
    return Counter({name: n for name, n in since.items() if name and "Offer" in name})


async def test_each_has_its_own_live_price(shop: Desk) -> None:
    (found, *_) = (await shop.call("search_products", query="abyss"))["products"]
    offers = await of_a_day(shop, found["product_base_id"])
    for number, offer in enumerate(offers):
        shop.sandbox.set_price(offer["offer_id"].partition(".")[2], Decimal(20 + number))
    answer = await checked(shop, *(offer["offer_id"] for offer in offers))
    told = [offer for group in answer.data["groups"] for offer in group["offers"]]
    assert [offer["price"] for offer in told] == ["20.00 EUR", "21.00 EUR", "22.00 EUR"]
    assert [offer["listed"] for offer in told] == [offer["price"] for offer in offers]
    sessions = answer.data["groups"][0]["sessions"]
    session = next(each["session_id"] for each in sessions if each["enough"])
    held = await shop.call(
        "reserve",
        items=[
            {
                "offer_id": told[0]["offer_id"],
                "quantity": 1,
                "session_ids": [session],
            }
        ],
    )
    assert "price_moves" not in held, "the price was shown"


async def test_zones_have_each_their_own_places_in_the_same_session(shop: Desk) -> None:
    offers = [o for o in await of_a_day(shop, shop.handle("stadium_base")) if o.get("left")]
    one = offers[0]["offer_id"]
    two = next(o["offer_id"] for o in offers if o["left"] != offers[0]["left"])
    shop.sandbox.set_stock(two.partition(".")[2], 0)
    answer = await checked(shop, one, two, quantity=2)
    told = {o["offer_id"]: o for group in answer.data["groups"] for o in group["offers"]}
    assert (told[one]["bookable"], told[two]["bookable"]) == (True, False)
    assert told[two]["reason"] == "sold out"
    assert len(answer.data["groups"]) == 2
    assert_alike(answer, "check_availability")


async def test_where_none_can_be_booked_the_next_step_is_one_alone(shop: Desk) -> None:
    ids = [offer["offer_id"] for offer in (await of_a_day(shop, shop.handle("park_base")))[:2]]
    for offer in ids:
        shop.sandbox.set_stock(offer.partition(".")[2], 0)
    before = shop.sent("listOffers")
    answer = await checked(shop, *ids)
    assert "one offer_id alone" in answer.data["next"]
    assert "alternatives" not in answer.data
    assert shop.sent("listOffers") == before


async def test_a_page_of_many_goes_on_with_its_cursor(shop: Desk) -> None:
    ids = [offer["offer_id"] for offer in await of_a_day(shop, shop.handle("stadium_base"))][
        :MOST_OFFERS
    ]
    seen: list[tuple[str, str]] = []
    cursor: Json = {}
    while True:
        answer = await checked(shop, *ids, **cursor)
        assert len(answer.wire) < 2 * CEILING
        for group in answer.data["groups"]:
            offers = " ".join(offer["offer_id"] for offer in group["offers"])
            seen += [(offers, each["session_id"]) for each in group.get("sessions", ())]
        if "next_cursor" not in answer.data:
            break
        cursor = {"cursor": answer.data["next_cursor"]}
    assert len(set(seen)) == len(seen)
    shown = {offer for offers, _ in seen for offer in offers.split()}
    assert shown == set(ids), "each is told with its session"


async def test_blanks_and_repetitions_say_nothing(shop: Desk) -> None:
    one, two, *_ = [offer["offer_id"] for offer in await of_a_day(shop, shop.handle("museum_base"))]
    plain = (await checked(shop, one, two)).data
    again = (await shop.ask("check_availability", {"offer_id": f"{one}, {two} ,{one},"})).data
    assert {**again, "checked_at": ""} == {**plain, "checked_at": ""}
    single = (await shop.ask("check_availability", {"offer_id": f"{one},"})).data
    assert single["offer_id"] == one


async def test_offers_of_several_product_bases_are_refused(shop: Desk) -> None:
    ids = shop.handle("timed_offer"), shop.handle("park_offer")
    answer = await shop.ask("check_availability", {"offer_id": ",".join(ids)})
    assert answer.code == "INVALID_ARGUMENTS"
    assert set(answer.fields) == {"offer_id"}
    assert "nothing was asked" not in answer.text


async def test_one_that_does_not_exist_is_told_by_its_number(shop: Desk) -> None:
    one = shop.handle("timed_offer")
    gone = f"{one.partition('.')[0]}.0194ac3f-7bdd-7175-a275-30c865618283"
    answer = await shop.ask("check_availability", {"offer_id": f"{one},{gone}"})
    assert answer.code == "NOT_FOUND"
    assert answer.fields == {"offer_id": "number 2 cannot be found"}


async def test_more_than_can_be_asked_at_once_is_refused_before_anybody_is(shop: Desk) -> None:
    sent = shop.sent()
    many = ",".join(f"{A_HANDLE[:-2]}{number}" for number in range(10, 11 + MOST_OFFERS))
    answer = await shop.ask("check_availability", {"offer_id": many})
    assert answer.fields == {"offer_id": f"must name at most {MOST_OFFERS} offers"}
    mixed = await shop.ask("check_availability", {"offer_id": f"{A_HANDLE},nonsense"})
    assert mixed.fields == {"offer_id": "not an id from an earlier answer"}
    assert shop.sent() == sent
