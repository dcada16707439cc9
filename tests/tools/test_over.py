"""What is over at the venue, as tools tell it: refused at once, with one thing to do next."""

from datetime import datetime

import pytest

from tests.fixtures.assistant import CUSTOMER, ERAS, Desk, Json, desk, settings_of
from tests.fixtures.person import YES, Person, Said

pytestmark = pytest.mark.anyio
HOLD = "createReservations"
ORDER = "createOrders"
MATINEE = "2026-06-04T15:00:00+02:00"
EVENING = "2026-06-04T20:30:00+02:00"


def move_to(each: Desk, moment: str) -> None:
    each.clock.advance((datetime.fromisoformat(moment) - each.clock.now()).total_seconds())


async def performances(each: Desk) -> tuple[str, str, str]:
    """A seat in the hall on 4 June: the offer, its matinee and its evening."""
    found = await each.call("check_availability", offer_id=each.handle("seated_offer"))
    matinee, evening = found["sessions"]
    assert matinee["starts_at"] == "2026-06-04T15:00+02:00"
    return found["offer_id"], matinee["session_id"], evening["session_id"]


def item(offer: str, *sessions: str) -> list[Json]:
    return [{"offer_id": offer, "quantity": 1, "session_ids": list(sessions)}]


@pytest.mark.parametrize("mode", ERAS)
async def test_check_availability_and_reserve_agree_that_all_sessions_are_over(mode: str) -> None:
    async with desk(mode=mode, only=("hall",)) as each:
        offer, matinee, evening = await performances(each)
        move_to(each, MATINEE)
        told = await each.call("check_availability", offer_id=offer)
        assert told["bookable"]
        assert [s["session_id"] for s in told["sessions"]] == [evening]
        refused = await each.ask("reserve", {"items": item(offer, matinee)})
        assert (refused.code, refused.error["effect"]) == ("NOT_BOOKABLE", "none")
        assert refused.fields == {"items.0.session_ids": "it is over or has begun"}
        assert refused.error["alternatives"][0]["session_id"] == evening
        move_to(each, EVENING)
        told = await each.call("check_availability", offer_id=offer)
        assert not told["bookable"]
        assert told["reason"] == "its sessions are over or have begun"
        assert "sessions" not in told
        assert "one session_id" not in told["next"]
        days = [a.get("starts_at", a.get("date", ""))[:10] for a in told["alternatives"]]
        assert days
        assert all(day > "2026-06-04" for day in days)
        for sessions in ((), (matinee,), (evening,)):
            refused = await each.ask("reserve", {"items": item(offer, *sessions)})
            assert (refused.code, refused.error["effect"]) == ("NOT_BOOKABLE", "none")
            assert refused.fields == {"items.0.offer_id": "its sessions are over or have begun"}
        assert each.sent(HOLD) == 0


@pytest.mark.parametrize("mode", ERAS)
async def test_a_session_that_begins_while_a_person_is_asked_is_not_ordered(mode: str) -> None:
    person = Person([YES])
    async with desk(
        settings_of(APPROVAL="human"), mode=mode, only=("hall",), elicitation_callback=person
    ) as each:
        offer, matinee, _ = await performances(each)
        move_to(each, "2026-06-04T14:55:00+02:00")
        held = await each.call("reserve", items=item(offer, matinee))

        def late() -> Said:
            move_to(each, MATINEE)
            return YES

        person.answers = [late]
        ids = [held["reservations"][0]["reservation_id"]]
        asked = {"reservation_ids": ids, "customer": CUSTOMER}
        for _ in range(2):
            refused = await each.ask("place_order", asked)
            assert (refused.code, refused.error["effect"]) == ("NOT_BOOKABLE", "none")
            assert "its session is over or has begun" in refused.text
        assert len(person.questions) == 1, "what is over is not asked about"
        assert each.sent(ORDER) == 0
        told = await each.ask("get_reservation", {"reservation_ids": ids})
        assert "cannot be ordered: its session is over or has begun" in told.text
        assert "Only if the person agreed" not in told.data["next"]


async def test_the_places_of_a_session_that_is_over_are_not_compared() -> None:
    async with desk(only=("hall",)) as each:
        _, matinee, evening = await performances(each)
        base = await base_of(each)
        move_to(each, MATINEE)
        over = {"product_base_id": base, "session_id": matinee}
        refused = await each.ask("get_seat_map", over)
        assert refused.code == "PAST_DATE"
        assert set(refused.fields) == {"session_id"}
        assert await each.call("get_seat_map", **over | {"session_id": evening})


async def base_of(each: Desk) -> str:
    found = await each.call("search_products", query="Symphony of the tides")
    base: str = found["products"][0]["product_base_id"]
    return base


async def test_days_that_are_over_at_the_venue_are_not_found_though_they_are_not_elsewhere() -> (
    None
):
    async with desk(only=("hall",)) as each:
        offer, _, _ = await performances(each)
        each.sandbox.set_stock(offer.partition(".")[2], 9)
        first = await dates(each, date_from="2026-06-04")
        assert first[0] == "2026-06-04"
        move_to(each, "2026-06-04T23:59:59+02:00")
        assert (await dates(each, date_from="2026-06-04"))[0] == "2026-06-04"
        each.clock.advance(1)
        assert (await dates(each, date_from="2026-06-04"))[0] == first[1]
        assert await dates(each, date_from="2026-06-04", date_to="2026-06-04") == []


async def dates(each: Desk, **window: str) -> list[str]:
    """The first days on which the symphony is told to be on sale."""
    found = await each.call("search_products", query="Symphony of the tides", **window)
    return [day for product in found.get("products", []) for day in product.get("dates", [])]
