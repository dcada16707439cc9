"""All moments of a conversation are told by one clock: that of the venue, else UTC."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from korus_mcp.foundation.unread import at_place, moment, zone_of_all
from korus_mcp.sandbox import DropBefore
from korus_mcp.sandbox.catalog_shapes import CatalogShapes
from korus_mcp.sandbox.world import World
from tests.fixtures.assistant import APPS, CUSTOMER, HOLDER, Answer, Desk, desk, settings_of
from tests.fixtures.person import YES, Person

pytestmark = pytest.mark.anyio
PARIS, LONDON = ZoneInfo("Europe/Paris"), ZoneInfo("Europe/London")
ISSUERS: Final = ("park", "stadium", "hall", "ski")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
CLOCKS: Final = {"Europe/Paris": "+02:00", "America/New_York": "-04:00", None: "Z"}
"""The zone that the API names of each venue, and how its moments end in June."""
TELLS: Final = frozenset(
    {"search_products", "check_availability", "get_seat_map", "reserve", "get_reservation"}
    | {"place_order", "get_tickets", "find_orders"}
)
"""The tools that tell a moment of their own."""


@pytest.fixture(name="clock", params=CLOCKS)
def of_all_venues(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each venue is in this zone; sessions are told in UTC, as all else is."""
    tell, begin = CatalogShapes.base, World.starts_at

    def there(shapes: CatalogShapes, number: int) -> dict[str, Any]:
        return tell(shapes, number) | {"timezone": request.param}

    def in_utc(*where: Any) -> datetime:
        return begin(*where).astimezone(UTC)

    monkeypatch.setattr(CatalogShapes, "base", there)
    monkeypatch.setattr(World, "starts_at", in_utc)
    return CLOCKS[request.param]


def told_in(answer: Answer) -> Iterator[str]:
    """How each moment of an answer ends, in its text and in its structure."""
    return (found[1] for found in _MOMENT.finditer(answer.wire))


async def booked(each: Desk) -> None:
    """A conversation from the search to the ticket, with a look at everything on the way."""
    for query in ("", "stadium"):
        await each.call("search_products", query=query)
    for landmark in ("night_show_offer", "undated_offer"):
        await each.call("check_availability", offer_id=each.handle(landmark))
    await each.call("get_offers", product_base_id=each.handle("hall_base"))
    await each.call("get_seat_map", product_base_id=each.handle("stadium_base"))
    for landmark in ("beneficiary_offer", "seated_offer", "night_show_offer"):
        offer = each.handle(landmark)
        found = await each.call("check_availability", offer_id=offer)
        chosen = [s["session_id"] for s in found["sessions"]] if "sessions" in found else []
        item = {"offer_id": offer, "quantity": 1} | ({"session_ids": chosen[:1]} if chosen else {})
        held = await each.call("reserve", items=[item])
        ids = [held["reservations"][0]["reservation_id"]]
        await each.call("get_reservation", reservation_ids=ids)
        order = (await each.order(*ids))["orders"][0]["order_id"]
        tickets = (await each.call("get_tickets", order_id=order))["tickets"]
        needing = [t["ticket_id"] for t in tickets if "deadline" in t]
        if needing:
            people = [{"ticket_id": ticket} | HOLDER for ticket in needing]
            await each.call("name_beneficiaries", order_id=order, beneficiaries=people)
        await each.call("get_tickets", order_id=order)
    await each.call("find_orders", created_from=each.clock.now().date().isoformat())


async def lost(each: Desk) -> None:
    """An order whose answer is lost: it is asked for again, and its hold looked at."""
    items = [{"offer_id": each.handle("park_offer"), "quantity": 1}]
    ids = [(await each.call("reserve", items=items))["reservations"][0]["reservation_id"]]
    each.sandbox.faults.add(DropBefore(), "createOrders")
    made = await each.order(*ids)
    assert "not_later_than" in made
    again = await each.call("place_order", reservation_ids=ids, customer=CUSTOMER)
    assert again["not_later_than"] == made["not_later_than"]
    looked = await each.call("get_reservation", reservation_ids=ids)
    assert f"settled by {made['not_later_than']} at the latest" in looked["next"]


async def test_each_answer_of_a_conversation_tells_moments_by_one_clock(clock: str) -> None:
    async with desk(only=ISSUERS, extensions=[APPS]) as each:
        await booked(each)
        await lost(each)
    told = [(tool, end) for tool, answer in each.calls for end in told_in(answer)]
    assert {tool for tool, _ in told} == TELLS
    assert [(tool, end) for tool, end in told if end != clock] == []


async def test_the_question_of_a_host_and_resources_tell_moments_by_the_same_clock(
    clock: str,
) -> None:
    person = Person([YES])
    settings = settings_of(APPROVAL="human")
    async with desk(settings, only=("park",), elicitation_callback=person) as each:
        items = [{"offer_id": each.handle("park_offer"), "quantity": 1}]
        hold = (await each.call("reserve", items=items))["reservations"][0]["reservation_id"]
        read = [await each.resource(f"korus://reservations/{hold}")]
        await each.call("place_order", reservation_ids=[hold], customer=CUSTOMER)
        base = each.handle("park_base")
        read += [await each.resource(f"korus://product-bases/{base}{t}") for t in ("", "/products")]
    for said in (*person.questions, *map(str, read)):
        assert {found[1] for found in _MOMENT.finditer(said)} == {clock}


async def test_what_is_booked_is_told_by_the_clock_of_the_venue_without_a_request_for_it() -> None:
    async with desk(only=("park",)) as each:
        await each.booked(each.handle("park_offer"))
        await each.call("check_availability", offer_id=each.handle("undated_offer"))
        before = each.sent_by_operation()
        found = await each.call("find_orders", created_from=each.clock.now().date().isoformat())
        assert found["orders"][0]["created_at"].endswith("+02:00")
        checked = await each.call("check_availability", offer_id=each.handle("undated_offer"))
        assert checked["checked_at"].endswith("+02:00")
        asked = Counter(each.sent_by_operation()) - Counter(before)
        assert set(asked) <= {"getOrder", "listOrders", "getOfferAvailability", "getOfferPrice"}


async def test_venues_in_several_zones_share_utc_and_sessions_keep_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell = CatalogShapes.base

    def by_issuer(shapes: CatalogShapes, number: int) -> dict[str, Any]:
        zones = ("Europe/Paris", "Europe/London")
        return tell(shapes, number) | {"timezone": zones[shapes.world.catalog_of(number) % 2]}

    monkeypatch.setattr(CatalogShapes, "base", by_issuer)
    async with desk(only=("park", "museum", "hall", "stadium")) as each:
        offers = [each.handle(landmark) for landmark in ("night_show_offer", "timed_offer")]
        found = [await each.call("check_availability", offer_id=offer) for offer in offers]
        sessions = [next(s for s in one["sessions"] if s["enough"]) for one in found]
        begins = [session["starts_at"] for session in sessions]
        assert {begin[-6:] for begin in begins} == {"+02:00", "+01:00"}
        items = [
            {"offer_id": offer, "quantity": 1, "session_ids": [session["session_id"]]}
            for offer, session in zip(offers, sessions, strict=True)
        ]
        held = (await each.call("reserve", items=items))["reservations"]
        ids = [hold["reservation_id"] for hold in held]
        read = (await each.call("get_reservation", reservation_ids=ids))["reservations"]
        asked = await each.call("place_order", reservation_ids=ids, customer=CUSTOMER)
        for holds in (held, read, asked["summary"]):
            assert sorted(h["lines"][0]["when"] for h in holds) == sorted([b] for b in begins)
            assert {h["expires_at"][-1] for h in holds} == {"Z"}
        alone = (await each.call("get_reservation", reservation_ids=ids[:1]))["reservations"][0]
        assert alone["expires_at"][-6:] == alone["lines"][0]["when"][0][-6:]
        all_of_them = await each.call("search_products")
        assert re.search(r"Catalog as of \S+Z\.", all_of_them["note"])


@pytest.mark.parametrize(
    ("zones", "one"),
    [
        ([], None),
        ([None], None),
        ([PARIS, PARIS], PARIS),
        ([None, PARIS], PARIS),
        ([PARIS, LONDON], None),
    ],
)
def test_several_venues_have_a_zone_together_if_it_is_one(
    zones: Sequence[tzinfo | None], one: tzinfo | None
) -> None:
    assert zone_of_all(zones) is one


@pytest.mark.parametrize(
    ("at", "zone", "text"),
    [
        ("2026-12-04T12:20:00Z", PARIS, "2026-12-04T13:20+01:00"),
        ("2026-12-04T12:20:31Z", PARIS, "2026-12-04T13:20:31+01:00"),
        ("2026-12-04T12:20:00+00:00", None, "2026-12-04T12:20Z"),
        ("2026-12-04T12:20:31+00:00", None, "2026-12-04T12:20:31Z"),
        ("2026-12-04T12:20:00+01:00", None, "2026-12-04T12:20+01:00"),
        ("9999-12-31T23:59:00Z", PARIS, "9999-12-31T23:59Z"),
    ],
)
def test_a_moment_has_one_form(at: str, zone: tzinfo | None, text: str) -> None:
    assert moment(at_place(datetime.fromisoformat(at), zone)) == text
