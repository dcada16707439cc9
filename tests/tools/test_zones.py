"""Times are told by the clock of the venue, in whatever zone the API tells them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from korus_mcp.sandbox.world import World
from tests.fixtures.assistant import CUSTOMER, Desk, desk, settings_of
from tests.fixtures.person import YES, Person

pytestmark = pytest.mark.anyio
SHOWS: Final = {"20:45": "2026-06-05T20:45+02:00", "22:30": "2026-06-05T22:30+02:00"}
ZONES: Final = {
    "in UTC": UTC,
    "in New York": timezone(timedelta(hours=-4)),
    "on Kiritimati": timezone(timedelta(hours=14)),
    "by the venue": None,
}


@pytest.fixture(name="told", params=ZONES)
def told_by_other_clocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions and tickets are told with another offset, the moments are the same."""
    venue, zone = World.starts_at, ZONES[request.param]

    def elsewhere(*where: Any) -> datetime:
        return venue(*where).astimezone(zone) if zone else venue(*where)

    monkeypatch.setattr(World, "starts_at", elsewhere)


async def shows(each: Desk) -> tuple[str, Mapping[str, str]]:
    """A day in the park with a show: the offer, and its sessions by their hour."""
    offer = each.handle("night_show_offer")
    found = await each.call("check_availability", offer_id=offer)
    return offer, {s["starts_at"][11:16]: s["session_id"] for s in found["sessions"]}


@pytest.mark.usefixtures("told")
async def test_from_the_offer_to_the_ticket_a_session_begins_when_the_door_opens() -> None:
    person = Person([YES])
    async with desk(
        settings_of(APPROVAL="human"), only=("park",), elicitation_callback=person
    ) as each:
        offer = each.handle("night_show_offer")
        listed = await each.ask("check_availability", {"offer_id": offer})
        assert [s["starts_at"] for s in listed.data["sessions"]] == [*SHOWS.values()]
        assert listed.data["sessions"][0]["ends_at"] == "2026-06-05T21:55+02:00"
        assert "2026-06-05T20:45+02:00 to 21:55, " in listed.text
        _, sessions = await shows(each)
        unnamed = await each.ask("reserve", {"items": [{"offer_id": offer, "quantity": 1}]})
        offered = ", ".join(f"{session} ({hour})" for hour, session in sessions.items())
        assert unnamed.fields == {"items.0.session_ids": offered}
        chosen = {"offer_id": offer, "quantity": 1, "session_ids": [sessions["22:30"]]}
        held = await each.call("reserve", items=[chosen])
        (hold,) = held["reservations"]
        assert [line["when"] for line in hold["lines"]] == [[SHOWS["22:30"]]]
        ids = [hold["reservation_id"]]
        read = await each.call("get_reservation", reservation_ids=ids)
        assert read["reservations"][0]["lines"][0]["when"] == [SHOWS["22:30"]]
        made = await each.call("place_order", reservation_ids=ids, customer=CUSTOMER)
        (question,) = person.questions
        assert f", {SHOWS['22:30']}, " in question
        tickets = await each.call("get_tickets", order_id=made["orders"][0]["order_id"])
        assert {t["when"][:16] for t in tickets["tickets"]} <= {"2026-06-05", SHOWS["22:30"][:16]}
        assert SHOWS["22:30"] in [t["when"] for t in tickets["tickets"]]


@pytest.mark.usefixtures("told")
async def test_the_summary_of_an_order_and_what_is_proposed_are_by_the_clock_of_the_venue() -> None:
    async with desk(only=("park",)) as each:
        offer, sessions = await shows(each)
        chosen = {"offer_id": offer, "quantity": 1, "session_ids": [sessions["20:45"]]}
        held = await each.call("reserve", items=[chosen])
        ids = [held["reservations"][0]["reservation_id"]]
        asked = await each.call("place_order", reservation_ids=ids, customer=CUSTOMER)
        assert asked["summary"][0]["lines"][0]["when"] == [SHOWS["20:45"]]
        each.sandbox.set_session_stock(sessions["22:30"], 0)
        late = {"offer_id": offer, "quantity": 1, "session_ids": [sessions["22:30"]]}
        refused = await each.ask("reserve", {"items": [late]})
        near = refused.error["alternatives"][0]
        assert (near["session_id"], near["starts_at"]) == (sessions["20:45"], SHOWS["20:45"])


@pytest.mark.usefixtures("told")
async def test_a_session_after_midnight_shows_the_next_day(monkeypatch: pytest.MonkeyPatch) -> None:
    early = World.starts_at

    def late(*where: Any) -> datetime:
        return early(*where) + timedelta(hours=3, minutes=45)

    monkeypatch.setattr(World, "starts_at", late)
    async with desk(only=("park",)) as each:
        offer, sessions = await shows(each)
        unnamed = await each.ask("reserve", {"items": [{"offer_id": offer, "quantity": 1}]})
        first = sessions["00:30"]
        assert unnamed.fields == {"items.0.session_ids": f"{first} (2026-06-06 00:30), 1 more"}
        chosen = {"offer_id": offer, "quantity": 1, "session_ids": [first]}
        held = await each.call("reserve", items=[chosen])
        assert held["reservations"][0]["lines"][0]["when"] == ["2026-06-06T00:30+02:00"]
