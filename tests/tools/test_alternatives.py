"""What is sold out names what can be booked instead, and all of that can really be reserved."""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal

import pytest

from korus_mcp.sandbox import Answer as Fault
from tests.fixtures.assistant import ERAS, Answer, Desk, Json, compact, desk
from tests.fixtures.tokens import counted

pytestmark = pytest.mark.anyio
MOST_ERROR_TOKENS = 245
"""A quarter of them are two ids of an offer and two of a session."""
A_QUOTE = ("getOffer", "getOfferAvailability", "listOfferTickets", "listOfferTicketSessions")
"""What is asked for a quote, once each."""


def item(offer: Json | str, quantity: int = 1, *sessions: str) -> Json:
    """An item of reserve: of an offer_id, or just as an alternative names it."""
    if not isinstance(offer, str):
        sessions = tuple(offer.get("session_ids", [])) or (offer.get("session_id", ""),)
        offer = offer["offer_id"]
    made: Json = {"offer_id": offer, "quantity": quantity}
    return made | ({"session_ids": list(sessions)} if any(sessions) else {})


async def all_can_be_held(desk: Desk, alternatives: Sequence[Json], quantity: int = 1) -> None:
    """Each alternative is what it says: it is held at its price, for its session or day."""
    assert alternatives
    for each in alternatives:
        held = await desk.call("reserve", items=[item(each, quantity)])
        assert held["state"] == "held"
        assert "price_moves" not in held
        (line,) = held["reservations"][0]["lines"]
        assert line["when"] == [each.get("starts_at", each.get("date"))]
        price = Decimal(each["price"].removesuffix(" EUR"))
        assert line["amount"] == f"{price * quantity} EUR"


def names_all(answer: Answer, alternatives: Sequence[Json]) -> bool:
    """Whether the text says as much as the structure."""
    keys = ("offer_id", "session_id", "starts_at", "price")
    return all(each[key] in answer.text for each in alternatives for key in keys if key in each)


async def offers_of(desk: Desk, base: str, **choices: str) -> dict[str, Json]:
    """The offers of a base that have these choices, by day."""
    page = await desk.call("get_offers", product_base_id=desk.handle(base), limit=40, **choices)
    return {day["date"]: offer for day in page["days"] for offer in day["offers"]}


def sell_out(desk: Desk, offer_id: str) -> None:
    desk.sandbox.set_stock(offer_id.partition(".")[2], 0)


def caused(desk: Desk) -> Counter[str | None]:
    """The requests for quotes and price tables, without those of a crawl beside them."""
    kinds = {"listOffers", "getOfferPrice", *A_QUOTE}
    return Counter(r.operation for r in desk.sandbox.requests if r.operation in kinds)


def stadium() -> AbstractAsyncContextManager[Desk]:
    """A desk at which only the stadium sells."""
    return desk(only=("stadium",))


# other sessions, other zones, other days


@pytest.mark.parametrize("mode", ERAS)
async def test_a_sold_out_slot_names_the_nearest_slots_of_the_day(mode: str) -> None:
    async with desk(mode=mode, only=("museum",)) as each:
        offer, full = each.handle("timed_offer"), each.sandbox.landmarks["sold_out_session"]
        live = await each.call("check_availability", offer_id=offer, quantity=2)
        starts = {s["session_id"]: datetime.fromisoformat(s["starts_at"]) for s in live["sessions"]}
        free = [s["session_id"] for s in live["sessions"] if s["enough"]]
        nearest = sorted(free, key=lambda s: abs(starts[s] - starts[full]))[:2]

        answer = await each.ask("reserve", {"items": [item(offer, 2, full)]})
        assert answer.code == "SOLD_OUT"
        instead = answer.error["alternatives"]
        assert [a["session_id"] for a in instead] == nearest
        assert {a["offer_id"] for a in instead} == {offer}
        assert names_all(answer, instead)
        await all_can_be_held(each, instead, 2)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_sold_out_zone_names_other_zones_for_the_same_buyer(mode: str) -> None:
    async with desk(mode=mode, only=("stadium",)) as each:
        offer = each.handle("sold_out_offer")
        answer = await each.ask("check_availability", {"offer_id": offer, "quantity": 2})
        instead = answer.data["alternatives"]
        assert len(instead) == 3
        assert {a["starts_at"][:10] for a in instead} == {answer.data["date"]}
        assert all(a["product"].endswith("Full price") for a in instead)
        assert len({a["product"] for a in instead} | {answer.data["product"]}) == 4
        assert {a["price"] for a in instead} == {"18.00 EUR"}  # 20.00 EUR was asked
        assert names_all(answer, instead)
        assert "Propose the alternatives" in answer.data["next"]
        await all_can_be_held(each, instead, 2)


async def test_a_sold_out_zone_names_zones_of_its_category_first() -> None:
    async with stadium() as each:
        offer = each.handle("stadium_offer")
        sell_out(each, offer)
        live = await each.call("check_availability", offer_id=offer)
        assert {a["price"] for a in live["alternatives"]} == {live["price"]}
        assert all("Category 1" in a["product"] for a in live["alternatives"])


@pytest.mark.parametrize("mode", ERAS)
async def test_a_sold_out_day_names_the_next_days(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        offer = each.handle("park_offer")
        days = await offers_of(each, "park_base", days_count="1 day", price_type="Adult")
        next_days = [day for day, o in days.items() if o["offer_id"] != offer][1:4]
        sell_out(each, offer)

        live = await each.ask("check_availability", {"offer_id": offer, "quantity": 3})
        instead = live.data["alternatives"]
        assert [a["date"] for a in instead] == next_days
        assert [a["offer_id"] for a in instead] == [days[d]["offer_id"] for d in next_days]
        assert names_all(live, instead)

        refused = await each.ask("reserve", {"items": [item(offer, 3)]})
        assert refused.code == "SOLD_OUT"
        assert [a["date"] for a in refused.error["alternatives"]] == next_days[:2]
        await all_can_be_held(each, instead, 3)


async def test_the_next_day_is_named_with_a_session_at_the_same_hour() -> None:
    async with desk(only=("museum",)) as each:
        offer = each.handle("timed_offer")
        live = await each.call("check_availability", offer_id=offer)
        wished = next(s for s in live["sessions"] if s["starts_at"][11:16] == "14:30")
        for session in live["sessions"]:
            each.sandbox.set_session_stock(session["session_id"], 0)
        asked = {"items": [item(offer, 1, wished["session_id"])]}
        (first, *_) = (await each.ask("reserve", asked)).error["alternatives"]
        other = await each.call("check_availability", offer_id=first["offer_id"])
        assert other["date"] > live["date"]
        at = datetime.fromisoformat(wished["starts_at"]).replace(
            day=datetime.fromisoformat(first["starts_at"]).day
        )
        apart = {
            s["session_id"]: abs(datetime.fromisoformat(s["starts_at"]) - at)
            for s in other["sessions"]
            if s["enough"]
        }
        assert apart[first["session_id"]] == min(apart.values())
        await all_can_be_held(each, [first])


async def test_nothing_dearer_than_max_total_is_named() -> None:
    async with stadium() as each:
        offer = each.handle("stadium_offer")
        session = (await each.call("check_availability", offer_id=offer))["sessions"][0]
        sell_out(each, offer)
        asked = {"items": [item(offer, 2, session["session_id"])]}
        free = await each.ask("reserve", asked)
        assert {a["price"] for a in free.error["alternatives"]} == {"62.00 EUR"}
        bounded = await each.ask("reserve", {**asked, "max_total": 123})
        assert {a["price"] for a in bounded.error["alternatives"]} == {"44.00 EUR"}
        await all_can_be_held(each, bounded.error["alternatives"], 2)


async def test_the_price_of_an_alternative_counts_as_shown(desk: Desk) -> None:
    sell_out(desk, desk.handle("park_offer"))
    live = await desk.call("check_availability", offer_id=desk.handle("park_offer"))
    (first, *_) = live["alternatives"]
    desk.sandbox.set_price(first["offer_id"].partition(".")[2], Decimal(46))
    desk.clock.advance(61)  # lists lag, and this price is not a live one
    (move,) = (await desk.call("reserve", items=[item(first)]))["price_moves"]
    assert move["was"] == first["price"]


# groups


@pytest.mark.parametrize("mode", ERAS)
async def test_what_fails_of_a_group_names_its_own_alternatives(mode: str) -> None:
    async with desk(mode=mode, only=("park",)) as each:
        balloon, safari = (
            each.handle(name) for name in ("fails_above_four_offer", "always_fails_offer")
        )
        wished = [item(each.handle("park_offer"), 5), item(balloon, 5), item(safari, 5)]
        answer = await each.ask("reserve", {"items": wished})
        assert answer.data["state"] == "partly_held"
        assert "from the alternatives" in answer.data["next"]
        for failed in answer.data["failed"]:
            instead = failed["alternatives"]
            assert len(instead) == 2
            assert failed["offer_id"] not in {a["offer_id"] for a in instead}
            assert names_all(answer, instead)
        products = {f["offer_id"]: f["alternatives"][0]["product"] for f in answer.data["failed"]}
        assert products == {balloon: "Balloon ride", safari: "Night safari"}
        (hold,) = answer.data["reservations"]
        assert (await each.order(hold["reservation_id"]))["state"] == "ordered"


async def test_a_refused_group_says_which_item_the_alternatives_are_for() -> None:
    async with desk(only=("museum", "park")) as each:
        full = each.sandbox.landmarks["sold_out_session"]
        wished = [item(each.handle("park_offer")), item(each.handle("timed_offer"), 1, full)]
        answer = await each.ask("reserve", {"items": wished})
        assert set(answer.fields) == {"items.1.session_ids"}
        assert {a["offer_id"] for a in answer.error["alternatives"]} == {wished[1]["offer_id"]}
        assert not each.sandbox.reservations()


async def test_the_same_group_again_is_answered_with_its_holds_and_alternatives(desk: Desk) -> None:
    wished = [item(desk.handle("park_offer")), item(desk.handle("always_fails_offer"))]
    first, second = [await desk.call("reserve", items=wished) for _ in range(2)]
    assert second["replayed"]
    assert second["failed"] == first["failed"]
    assert desk.sent("createReservations") == 1


# what is not named


async def test_a_price_table_that_lags_proposes_nothing(desk: Desk) -> None:
    """Lists tell the stock of a minute ago (T21): who is proposed was asked just now."""
    days = await offers_of(desk, "park_base", days_count="1 day", price_type="Adult")
    offer = desk.handle("park_offer")
    (first, second, *_) = [o["offer_id"] for o in list(days.values())[2:]]
    sell_out(desk, offer)
    sell_out(desk, first)
    live = await desk.call("check_availability", offer_id=offer)
    named = [a["offer_id"] for a in live["alternatives"]]
    assert first not in named
    assert named[0] == second


async def test_where_nothing_near_can_be_booked_none_is_named_and_it_is_said(desk: Desk) -> None:
    days = await offers_of(desk, "park_base", days_count="1 day", price_type="Adult")
    for offer in days.values():
        sell_out(desk, offer["offer_id"])
    desk.clock.advance(61)  # now the price table knows
    offer_id = desk.handle("park_offer")
    live = await desk.ask("check_availability", {"offer_id": offer_id})
    refused = await desk.ask("reserve", {"items": [item(offer_id)]})
    assert "alternatives" not in live.data
    assert "alternatives" not in refused.error
    for said in (live.data["next"], refused.error["next"]):
        assert said.startswith("No other session, zone or day near it was found bookable")
        assert said in live.text
        assert said in refused.text


async def test_after_so_many_candidates_the_search_ends_and_claims_nothing(desk: Desk) -> None:
    days = await offers_of(desk, "park_base", days_count="1 day", price_type="Adult")
    for offer in days.values():
        sell_out(desk, offer["offer_id"])
    before = desk.sent("getOffer")
    live = await desk.call("check_availability", offer_id=desk.handle("park_offer"))
    assert "alternatives" not in live
    assert live["next"] == "Propose another day, session or zone from get_offers."
    assert desk.sent("getOffer") - before == 8, "the offer itself is known from the price table"


async def test_more_than_the_issuer_sells_in_one_order_has_no_alternative() -> None:
    async with stadium() as each:
        offer = each.handle("max_six_offer")
        session = (await each.call("check_availability", offer_id=offer))["sessions"][0]
        sell_out(each, offer)
        seven = await each.ask("reserve", {"items": [item(offer, 7, session["session_id"])]})
        assert seven.code == "LIMIT_EXCEEDED"
        assert "alternatives" not in seven.error
        six = await each.ask("reserve", {"items": [item(offer, 6, session["session_id"])]})
        await all_can_be_held(each, six.error["alternatives"], 6)


# the original answer stands


async def test_a_search_that_fails_leaves_the_answer_as_it_was() -> None:
    async with stadium() as each:
        offer = each.handle("sold_out_offer")
        session = (await each.call("check_availability", offer_id=offer))["sessions"][0]
        each.clock.advance(61)
        each.sandbox.faults.add(Fault(status=500), "listOffers", times=None)
        live = await each.call("check_availability", offer_id=offer)
        assert (live["bookable"], live["reason"]) == (False, "sold out")
        assert live["next"] == "Propose another day, session or zone from get_offers."
        refused = await each.ask("reserve", {"items": [item(offer, 1, session["session_id"])]})
        assert (refused.code, refused.error["effect"]) == ("SOLD_OUT", "none")
        assert refused.fields == {"items.0.quantity": "sold out"}
        assert refused.error["next"].startswith("Propose another day, session, zone")
        for answer in (live, refused.error):
            assert "alternatives" not in answer


async def test_holds_are_told_though_nothing_can_be_read_for_the_rest(desk: Desk) -> None:
    wished = [item(desk.handle("park_offer")), item(desk.handle("always_fails_offer"))]
    desk.sandbox.faults.add(Fault(status=500), "listOffers", times=None)
    answer = await desk.call("reserve", items=wished)
    assert answer["state"] == "partly_held"
    assert len(answer["reservations"]) == 1
    assert "alternatives" not in answer["failed"][0]
    assert "with get_offers" not in answer["next"]
    assert "from get_offers" in answer["next"]


# what it costs


async def test_a_call_that_succeeds_looks_for_nothing(desk: Desk) -> None:
    await desk.call("check_availability", offer_id=desk.handle("park_offer"), quantity=2)
    await desk.call("reserve", items=[item(desk.handle("park_offer"), 2)])
    assert desk.sent("listOffers") == 0
    assert desk.sent("getOffer") == 2


async def test_other_sessions_of_an_offer_cost_no_request() -> None:
    async with desk(only=("museum",)) as each:
        full = each.sandbox.landmarks["sold_out_session"]
        asked = {"items": [item(each.handle("timed_offer"), 1, full)]}
        await each.ask("reserve", asked)
        before = caused(each)
        assert len((await each.ask("reserve", asked)).error["alternatives"]) == 2
        assert caused(each) - before == Counter(A_QUOTE)


async def test_a_search_without_end_asks_of_eight_offers_and_two_price_tables() -> None:
    async with desk(only=("museum",)) as each:
        await each.call("check_availability", offer_id=each.handle("timed_offer"), quantity=50)
        requests = caused(each)
        tables = requests.pop("listOffers")
        assert tables <= 2
        assert requests == Counter(dict.fromkeys(A_QUOTE, 1 + 8))


async def test_a_group_that_fails_asks_of_eight_candidates_too(desk: Desk) -> None:
    safari = desk.handle("always_fails_offer")
    live = await desk.call("check_availability", offer_id=safari)
    base = next(
        p["product_base_id"]
        for p in (await desk.call("search_products", query="night safari"))["products"]
        if live["product"].startswith(p["name"])
    )
    days = (await desk.call("get_offers", product_base_id=base))["days"]
    wished = [day["offers"][0]["offer_id"] for day in days[:5]]
    before = caused(desk)
    answer = await desk.call("reserve", items=[item(offer) for offer in wished])
    requests = caused(desk) - before
    assert requests["getOffer"] <= len(wished) + 4 + 8
    assert requests["listOffers"] <= 4
    named = [a["offer_id"] for f in answer["failed"] for a in f.get("alternatives", ())]
    assert named
    assert not set(named) & set(wished)


async def test_a_refusal_with_alternatives_stays_short_and_names_no_product() -> None:
    async with desk(only=("museum", "stadium")) as each:
        zone = each.handle("sold_out_offer")
        session = (await each.call("check_availability", offer_id=zone))["sessions"][0]
        full = each.sandbox.landmarks["sold_out_session"]
        for wished in (
            item(each.handle("timed_offer"), 1, full),
            item(zone, 1, session["session_id"]),
        ):
            answer = await each.ask("reserve", {"items": [wished]})
            assert len(answer.error["alternatives"]) == 2
            for half in (answer.text, compact(answer.structure)):
                assert counted(half) <= MOST_ERROR_TOKENS
            assert not any(word in answer.wire for word in ("Permanent", "Full price", "South"))
