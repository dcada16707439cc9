"""Moments by the clock of the venue: both sides of midnight and of summer time, and no zone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from korus_mcp.answers.availability import SessionView
from korus_mcp.answers.holds import LineView
from korus_mcp.answers.orders import TicketView
from korus_mcp.api import Reservation
from korus_mcp.booking.hold import BookedNames, hold_of
from korus_mcp.booking.ordered import OrderState
from korus_mcp.booking.quote import Quote
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.foundation.unread import at_place
from korus_mcp.sandbox import Answer
from tests.booking.stage import OWNER, Rewrite, Stage, staged
from tests.booking.test_hold import EXACT

pytestmark = pytest.mark.anyio
PARIS = ZoneInfo("Europe/Paris")
LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def telling(moments: Mapping[str, str], zone: str | None = "Europe/Paris") -> Rewrite:
    """Each session and each ticket is told with these times, each venue with this zone."""

    def rewrite(path: str, body: Any) -> None:
        parts = list(body.values()) if isinstance(body, dict) else list(body)
        if isinstance(body, dict):
            body.update({name: told for name, told in moments.items() if name in body})
            if "timezone" in body:
                body["timezone"] = zone
        for part in parts:
            if isinstance(part, dict | list):
                rewrite(path, part)

    return rewrite


def in_utc(text: str) -> str:
    return at(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


async def quoted(stage: Stage) -> Quote:
    return await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")


@pytest.mark.parametrize(
    ("told", "zone", "there"),
    [
        ("2026-06-03T08:00:00Z", PARIS, "2026-06-03T10:00:00+02:00"),
        ("2026-06-03T21:59:00Z", PARIS, "2026-06-03T23:59:00+02:00"),
        ("2026-06-03T22:00:00Z", PARIS, "2026-06-04T00:00:00+02:00"),
        ("2026-12-31T23:30:00Z", PARIS, "2027-01-01T00:30:00+01:00"),
        ("2026-06-04T00:30:00+14:00", PARIS, "2026-06-03T12:30:00+02:00"),
        ("2026-10-25T00:59:00Z", PARIS, "2026-10-25T02:59:00+02:00"),
        ("2026-10-25T01:00:00Z", PARIS, "2026-10-25T02:00:00+01:00"),
        ("2026-10-25T02:30:00+02:00", PARIS, "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:30:00+01:00", PARIS, "2026-10-25T02:30:00+01:00"),
        ("2027-03-28T00:59:00Z", PARIS, "2027-03-28T01:59:00+01:00"),
        ("2027-03-28T01:00:00Z", PARIS, "2027-03-28T03:00:00+02:00"),
        ("2026-12-05T20:00:00Z", LONDON, "2026-12-05T20:00:00+00:00"),
        ("2026-06-05T20:00:00+02:00", LONDON, "2026-06-05T19:00:00+01:00"),
        ("2026-06-05T00:30:00Z", NEW_YORK, "2026-06-04T20:30:00-04:00"),
        ("2026-06-05T20:00:00Z", None, "2026-06-05T20:00:00+00:00"),
        ("2026-06-05T20:00:00-07:00", None, "2026-06-05T20:00:00-07:00"),
    ],
)
def test_a_moment_is_told_by_the_clock_of_a_place(
    told: str, zone: ZoneInfo | None, there: str
) -> None:
    shown = at_place(at(told), zone)
    assert shown.isoformat() == there
    assert shown == at(told)


def test_moments_of_the_hour_that_comes_twice_keep_their_order_and_their_distance() -> None:
    night = [at("2026-10-25T00:15:00Z") + timedelta(minutes=30) * n for n in range(5)]
    there = [at_place(each, PARIS) for each in night]
    assert [f"{each:%H:%M}" for each in there] == ["02:15", "02:45", "02:15", "02:45", "03:15"]
    assert there == night
    assert there == sorted(there)
    assert {late - early for early, late in pairwise(there)} == {timedelta(minutes=30)}


@pytest.mark.parametrize(
    ("starts", "ends", "text"),
    [
        ("2026-06-03T10:00:00+02:00", "2026-06-03T10:30:00+02:00", "03T10:00+02:00 to 10:30"),
        ("2026-06-03T22:30:00+02:00", "2026-06-04T00:30:00+02:00", "to 2026-06-04T00:30+02:00"),
        ("2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+01:00", "to 2026-10-25T02:30+01:00"),
        ("2027-03-28T01:30:00+01:00", "2027-03-28T03:15:00+02:00", "to 2027-03-28T03:15+02:00"),
    ],
)
@pytest.mark.parametrize("is_in_utc", [False, True])
async def test_a_session_is_shown_from_its_beginning_to_its_end(
    starts: str, ends: str, text: str, *, is_in_utc: bool
) -> None:
    told = {"startsAt": starts, "endsAt": ends}
    if is_in_utc:
        told = {name: in_utc(each) for name, each in told.items()}
    async with staged(selling=("museum",), rewrite=telling(told)) as stage:
        (_, session), *_ = (await quoted(stage)).sessions()
    assert session.starts_at is not None
    assert session.starts_at.isoformat() == starts
    assert text in SessionView.of(session, 1, None).text()


@pytest.mark.parametrize(
    ("told", "zone", "shown"),
    [
        ("2026-06-03T08:00:00Z", "Europe/Paris", "10:00"),
        ("2026-06-03T10:00:00+02:00", "Europe/Paris", "10:00"),
        ("2026-06-03T22:30:00Z", "Europe/Paris", "2026-06-04 00:30"),
        ("2026-06-02T22:30:00Z", "Europe/Paris", "00:30"),
        ("2026-06-04T03:30:00Z", "America/New_York", "23:30"),
        ("2026-06-03T08:00:00Z", None, "2026-06-03 08:00+00:00"),
        ("2026-06-03T10:00:00+02:00", "Mars/Olympus", "2026-06-03 10:00+02:00"),
        ("2026-06-03T22:30:00Z", None, "2026-06-03 22:30+00:00"),
    ],
)
async def test_a_session_to_choose_is_named_by_its_hour_and_without_a_zone_with_its_offset(
    told: str, zone: str | None, shown: str
) -> None:
    async with staged(selling=("museum",), rewrite=telling({"startsAt": told}, zone)) as stage:
        with pytest.raises(Refusal) as refusal:
            await stage.reserve(stage.wish("timed_offer"))
    assert refusal.value.code is Code.SESSION_REQUIRED
    (field,) = refusal.value.fields
    assert f"({shown})" in field.problem


@pytest.mark.parametrize(
    ("told", "zone", "shown"),
    [
        ("2026-06-03T08:00:00Z", "Europe/Paris", "2026-06-03T10:00+02:00"),
        ("2026-06-03T22:30:00Z", "Europe/Paris", "2026-06-04T00:30+02:00"),
        ("2026-06-03T10:00:00+02:00", "Europe/Paris", "2026-06-03T10:00+02:00"),
        ("2026-06-03T08:00:00Z", None, "2026-06-03T08:00Z"),
    ],
)
async def test_a_hold_read_anew_and_its_tickets_are_told_by_the_clock_of_the_venue(
    told: str, zone: str | None, shown: str
) -> None:
    moments = {"startsAt": told, "occursAt": told}
    async with staged(selling=("museum",), rewrite=telling(moments, zone)) as stage:
        session = stage.sandbox.landmarks["free_session"]
        (held,) = (await stage.reserve(stage.wish("timed_offer", 1, session))).holds
        (read,) = await stage.app.booking.holds.read(OWNER, [held.id], "en")
        assert [LineView.of(each.lines[0]).when for each in (held, read)] == [[shown], [shown]]
        made = (await stage.ordered(held)).orders[0].id
        (ticket,) = (await stage.app.booking.tickets.of_order(OWNER, made, "en")).tickets
        assert TicketView.of(ticket, vouchers=False).when == shown


async def test_a_session_is_offered_with_its_offset_where_the_zone_cannot_be_read() -> None:
    moments = {"startsAt": "2026-06-03T08:00:00Z"}
    async with staged(selling=("museum",), rewrite=telling(moments)) as stage:
        await stage.app.mirror.searchable("en")
        (await stage.app.mirror.ready("en")).store.clear()
        stage.sandbox.faults.add(Answer(status=500), "getProductBase", times=None)
        stage.sandbox.faults.add(Answer(status=500), "listProductBaseProducts", times=None)
        quote = await quoted(stage)
        assert quote.zone is None
        assert quote.obstacle(1) is None
        (_, session), *_ = quote.sessions()
        assert session.starts_at is not None
        assert session.starts_at.isoformat() == "2026-06-03T08:00:00+00:00"


@pytest.mark.parametrize(
    ("first", "then", "is_same"),
    [
        ("2026-06-03T08:00:00Z", "2026-06-03T10:00:00+02:00", True),
        ("2026-06-03T10:00:00+02:00", "2026-06-03T04:00:00-04:00", True),
        ("2026-06-03T10:00:00+02:00", "2026-06-03T10:00:00Z", False),
    ],
)
async def test_a_yes_is_for_the_moment_in_whatever_form_it_is_told(
    first: str, then: str, *, is_same: bool
) -> None:
    moments = {"startsAt": first}
    async with staged(selling=("museum",), rewrite=telling(moments)) as stage:
        session = stage.sandbox.landmarks["free_session"]
        (hold,) = (await stage.reserve(stage.wish("timed_offer", 1, session))).holds
        nonce = await stage.confirmed(hold)
        moments["startsAt"] = then
        if is_same:
            placed = await stage.place(hold, confirmation=nonce)
            assert placed.state is OrderState.ORDERED
        else:
            with pytest.raises(Refusal) as refusal:
                await stage.place(hold, confirmation=nonce)
            assert refusal.value.code is Code.APPROVAL_REQUIRED
            assert stage.sent("createOrders") == 0


def test_a_day_that_is_told_as_a_moment_is_the_same_with_another_offset() -> None:
    def units(day: str) -> tuple[str, ...]:
        item = {"@id": "/i", "offer": "/o/1", "product": "/p/1", "date": day}
        told = Reservation.model_validate({"id": "r", "status": "reserved", "items": [item]})
        hold = hold_of(told, BookedNames({}, {}, {"1": PARIS}), EXACT)
        assert str(hold.lines[0].day) == "2026-06-03"
        return hold.units

    assert units("2026-06-02T22:00:00Z") == units("2026-06-03T00:00:00+02:00")
    assert units("2026-06-02T22:00:00Z") != units("2026-06-03T01:00:00+02:00")
