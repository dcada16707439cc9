"""What is over at the venue is neither offered, held, asked about nor ordered."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from korus_mcp.booking.offer_reading import MAX_SESSIONS
from korus_mcp.booking.ordered import OrderState
from korus_mcp.booking.quote import Quote, Session, TicketNeed, Unavailable
from korus_mcp.booking.requests import ReserveItem
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.foundation.unread import is_past, takes_zone
from tests.booking.stage import Rewrite, Stage, order_call, staged

pytestmark = pytest.mark.anyio
HOLD = "createReservations"
ORDER = "createOrders"
PARIS = ZoneInfo("Europe/Paris")
SHOW = "2026-06-01T20:45:00+02:00"
LATE_SHOW = "2026-06-01T22:30:00+02:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def move_to(stage: Stage, moment: str) -> None:
    stage.move((at(moment) - stage.clock.now()).total_seconds())


async def quoted(stage: Stage, offer: Handle) -> Quote:
    return await stage.app.quotes.of_offer(offer, "en")


async def refused(stage: Stage, item: ReserveItem) -> Refusal:
    """The refusal of a hold, before anything was sent."""
    sent = stage.sent(HOLD)
    with pytest.raises(Refusal) as refusal:
        await stage.reserve(item)
    assert stage.sent(HOLD) == sent
    assert refusal.value.effect is Effect.NONE
    return refusal.value


def told_earlier(days: int, **of_sessions: object) -> Rewrite:
    """Everything is told so many days earlier: the sandbox sells nothing for its own today.

    `of_sessions` changes what is told of each session.
    """

    def earlier(text: str) -> str:
        return (at(text) - timedelta(days=days)).isoformat()

    def rewrite(path: str, body: dict[str, Any]) -> None:
        is_session = "/sessions" in path
        told = [body, *body.get("member", ()), *body.get("reservations", ())]
        for each in [*told, *(item for one in told for item in one.get("items", ()))]:
            if isinstance(each.get("date"), str):
                each["date"] = earlier(each["date"])[:10]
            if is_session and "startsAt" in each:
                moments = {k: earlier(each[k]) for k in ("startsAt", "endsAt")}
                each.update(moments | of_sessions)

    return rewrite


def museum(**of_sessions: object) -> AbstractAsyncContextManager[Stage]:
    """Timed entries, told as of 1 June."""
    return staged(selling=("museum",), rewrite=told_earlier(2, **of_sessions))


def park() -> AbstractAsyncContextManager[Stage]:
    """A day in the park with a show, at 20:45 or 22:30, told as of 1 June."""
    return staged(rewrite=told_earlier(4))


# the day


@pytest.mark.parametrize(
    ("day", "last", "first"),
    [
        (date(2026, 6, 2), "2026-06-02T21:59:59Z", "2026-06-02T22:00:00Z"),
        (date(2026, 10, 25), "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"),
        (date(2027, 3, 28), "2027-03-28T21:59:59Z", "2027-03-28T22:00:00Z"),
        (date(2026, 12, 31), "2026-12-31T22:59:59Z", "2026-12-31T23:00:00Z"),
    ],
)
def test_a_day_is_over_at_midnight_at_the_venue(day: date, last: str, first: str) -> None:
    assert not is_past(day, PARIS, at(last))
    assert is_past(day, PARIS, at(first))
    assert takes_zone(day, at(first)), "elsewhere it is not over"


def test_a_day_whose_zone_nobody_knows_is_over_once_it_is_everywhere() -> None:
    day = date(2026, 6, 2)
    assert not is_past(day, None, at("2026-06-03T11:59:59Z"))
    assert is_past(day, None, at("2026-06-03T12:00:00Z"))
    assert not takes_zone(day, at("2026-06-03T12:00:00Z"))
    assert not takes_zone(day, at("2026-06-02T09:59:59Z")), "it is over nowhere"
    assert takes_zone(day, at("2026-06-02T10:00:00Z"))
    assert not is_past(None, PARIS, at("2026-06-03T12:00:00Z"))


async def test_a_day_that_is_over_is_neither_bookable_nor_held(stage: Stage) -> None:
    wish = stage.wish("park_offer")
    day = (await quoted(stage, wish.offer)).day
    assert day == date(2026, 6, 2)
    move_to(stage, "2026-06-02T23:59:59+02:00")
    assert (await quoted(stage, wish.offer)).obstacle(1) is None
    move_to(stage, "2026-06-03T00:00:00+02:00")
    obstacle = (await quoted(stage, wish.offer)).obstacle(1)
    assert obstacle is not None
    assert (obstacle.code, obstacle.reason) == (Code.NOT_BOOKABLE, "its day is over")
    refusal = await refused(stage, wish)
    assert isinstance(refusal, Unavailable)
    assert refusal.code is Code.NOT_BOOKABLE
    assert [(f.field, f.problem) for f in refusal.fields] == [
        ("items.0.offer_id", "its day is over")
    ]


async def test_an_undated_offer_is_never_over(stage: Stage) -> None:
    wish = stage.wish("undated_offer")
    move_to(stage, "2026-09-01T12:00:00+02:00")
    assert (await stage.reserve(wish)).state is ReserveState.HELD


async def test_a_day_that_came_as_a_moment_is_over_at_midnight_there() -> None:
    def moments(path: str, body: dict[str, Any]) -> None:
        for each in (body, *body.get("member", ()), *body.get("items", ())):
            if each.get("date") == "2026-06-02":
                each["date"] = "2026-06-01T22:00:00+00:00"

    async with staged(rewrite=moments) as stage:
        wish = stage.wish("park_offer")
        move_to(stage, "2026-06-02T23:59:59+02:00")
        assert (await quoted(stage, wish.offer)).obstacle(1) is None
        move_to(stage, "2026-06-03T00:00:00+02:00")
        assert "its day is over" in str(await refused(stage, wish))


# sessions


async def test_an_offer_whose_sessions_are_all_over_is_not_bookable() -> None:
    async with museum() as stage:
        offer = stage.handle("timed_offer")
        quote = await quoted(stage, offer)
        (*_, (_, first), (_, last)) = quote.sessions()
        assert first.starts_at is not None
        assert last.starts_at is not None
        stage.sandbox.set_session_stock(last.id, 5)
        move_to(stage, (last.starts_at - timedelta(seconds=1)).isoformat())
        quote = await quoted(stage, offer)
        assert quote.obstacle(1) is None
        assert [s.id for _, s in quote.sessions() if not quote.is_over(s)] == [last.id]
        chosen = await refused(stage, ReserveItem(offer, 1, (first.id,)))
        assert chosen.code is Code.NOT_BOOKABLE
        assert "it is over or has begun" in chosen.message
        stage.move(1)
        for sessions in ((), (first.id,), (last.id,)):
            none = await refused(stage, ReserveItem(offer, 1, sessions))
            assert none.code is Code.NOT_BOOKABLE
            assert "its sessions are over or have begun" in none.message


@pytest.fixture(name="show")
async def a_show(anyio_backend: str) -> AsyncIterator[Stage]:
    async with park() as each:
        yield each


async def test_of_two_sessions_the_one_that_is_over_is_refused_and_the_other_held(
    show: Stage,
) -> None:
    stage = show
    offer = stage.handle("night_show_offer")
    (_, early), (_, late) = (await quoted(stage, offer)).sessions()
    move_to(stage, SHOW)
    refusal = await refused(stage, ReserveItem(offer, 1, (early.id,)))
    assert isinstance(refusal, Unavailable)
    near = await stage.app.alternatives.instead_of(refusal.missed, "en")
    named = [s.id for each in near.alternatives for s in each.sessions]
    assert named[0] == late.id
    assert early.id not in named
    unnamed = await refused(stage, ReserveItem(offer, 1))
    assert unnamed.code is Code.SESSION_REQUIRED
    assert [f.problem for f in unnamed.fields] == [f"{late.id} (22:30)"]
    held = await stage.reserve(ReserveItem(offer, 1, (late.id,)))
    assert held.state is ReserveState.HELD


@pytest.mark.parametrize("moment", ["soon", "2026-13-01T10:00:00+02:00", 7, {"at": "10:00"}])
async def test_sessions_whose_times_are_unread_are_not_over(moment: object) -> None:
    async with museum(startsAt=moment) as stage:
        offer = stage.handle("timed_offer")
        for when in ("2026-06-01T12:00:00+02:00", "2026-06-02T12:00:00+02:00"):
            move_to(stage, when)
            quote = await quoted(stage, offer)
            assert not any(quote.is_over(s) for _, s in quote.sessions())
            obstacle = quote.obstacle(1)
            assert obstacle is not None
            assert obstacle.reason == "the time of a session cannot be read"
            await refused(stage, ReserveItem(offer, 1, (next(iter(quote.sessions()))[1].id,)))


async def test_one_unread_session_among_those_that_are_over_is_said_to_be_unread() -> None:
    earlier = told_earlier(2)

    def first_unread(path: str, body: dict[str, Any]) -> None:
        earlier(path, body)
        if path.endswith("/sessions"):
            body["member"][0]["startsAt"] = "early"

    async with staged(selling=("museum",), rewrite=first_unread) as stage:
        offer = stage.handle("timed_offer")
        day = (await quoted(stage, offer)).day
        assert day == date(2026, 6, 1)
        move_to(stage, "2026-06-01T23:00:00+02:00")
        obstacle = (await quoted(stage, offer)).obstacle(1)
        assert obstacle is not None
        assert obstacle.reason == "the time of a session cannot be read"


async def test_sessions_of_no_stated_time_are_over_with_their_day() -> None:
    async with museum(startsAt=None, endsAt=None) as stage:
        offer = stage.handle("timed_offer")
        session = stage.sandbox.landmarks["free_session"]
        move_to(stage, "2026-06-01T23:59:59+02:00")
        held = await stage.reserve(ReserveItem(offer, 1, (session,)))
        assert held.state is ReserveState.HELD
        stage.move(1)
        refusal = await refused(stage, ReserveItem(offer, 1, (session,)))
        assert "its day is over" in refusal.message


async def test_a_session_after_midnight_is_to_come_though_the_day_is_over() -> None:
    start, end = "2026-06-02T00:30:00+02:00", "2026-06-02T02:00:00+02:00"
    async with museum(startsAt=start, endsAt=end) as stage:
        offer = stage.handle("timed_offer")
        session = stage.sandbox.landmarks["free_session"]
        assert (await quoted(stage, offer)).day == date(2026, 6, 1)
        move_to(stage, "2026-06-02T00:25:00+02:00")
        (hold,) = (await stage.reserve(ReserveItem(offer, 1, (session,)))).holds
        nonce = await stage.confirmed(hold)
        placed = await stage.place(hold, confirmation=nonce)
        assert placed.state is OrderState.ORDERED
        move_to(stage, start)
        assert (
            "its day is over" in (await refused(stage, ReserveItem(offer, 1, (session,)))).message
        )


def offer_of(now: str, *starts: str, zone: ZoneInfo | None = PARIS) -> Quote:
    """An offer with a session at each of these moments, as it stands then."""
    sessions = tuple(
        Session(id=f"s{n}", starts_at=at(each), ends_at=None, left=5)
        for n, each in enumerate(starts)
    )
    return Quote(
        handle=Handle("k3f7qa", "an-offer"),
        catalog_id="a-catalog",
        base_id=None,
        product="Tower",
        day=at(starts[0]).date(),
        price=Money(Decimal(20)),
        list_price=None,
        left=None,
        tickets=(TicketNeed(id="t", name="t", needs_session=True, sessions=sessions),),
        checked_at=at(now),
        zone=zone,
    )


def test_in_the_hour_that_comes_twice_the_offset_tells_which_session_is_over() -> None:
    summer, winter = "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"
    between = offer_of("2026-10-25T01:00:00Z", summer, winter)
    assert [between.is_over(s) for _, s in between.sessions()] == [True, False]
    assert between.obstacle(1) is None
    after = offer_of("2026-10-25T01:30:00Z", summer, winter)
    assert [after.is_over(s) for _, s in after.sessions()] == [True, True]


def test_in_the_hour_that_is_left_out_a_session_is_over_once_it_began() -> None:
    start = "2027-03-28T03:00:00+02:00"
    assert offer_of("2027-03-28T00:59:59Z", start).obstacle(1) is None
    assert offer_of("2027-03-28T01:00:00Z", start).obstacle(1) is not None


def test_a_ticket_for_the_day_is_over_though_a_session_beside_it_is_to_come() -> None:
    quote = offer_of("2026-06-01T22:10:00Z", "2026-06-01T20:45:00+02:00", LATE_SHOW)
    late = Session(id="late", starts_at=at("2026-06-02T00:30:00+02:00"), ends_at=None, left=5)
    show = replace(quote.tickets[0], sessions=(late,))
    assert replace(quote, tickets=(show,)).obstacle(1) is None
    entry = TicketNeed(id="e", name="e", needs_session=False)
    obstacle = replace(quote, tickets=(entry, show)).obstacle(1)
    assert obstacle is not None
    assert obstacle.reason == "its day is over"


async def test_of_more_sessions_than_are_read_nobody_says_that_all_are_over() -> None:
    def endless(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/sessions") and body["member"]:
            one = body["member"][0] | {"startsAt": "2026-05-01T10:00:00+02:00"}
            body["totalItems"] = 100_000
            body["member"] = [{**one, "id": f"{n}"} for n in range(MAX_SESSIONS + 5)]

    async with staged(selling=("museum",), rewrite=endless) as stage:
        obstacle = (await quoted(stage, stage.handle("timed_offer"))).obstacle(1)
    assert obstacle is not None
    assert obstacle.reason == "one of its sessions cannot be read"


# holds


async def test_a_hold_whose_session_began_is_not_asked_about(show: Stage) -> None:
    stage = show
    offer = stage.handle("night_show_offer")
    (_, early), _ = (await quoted(stage, offer)).sessions()
    move_to(stage, "2026-06-01T20:40:00+02:00")
    wish = ReserveItem(offer, 1, (early.id,))
    (hold,) = (await stage.reserve(wish)).holds
    assert hold.obstacle() is None
    move_to(stage, "2026-06-01T20:44:59+02:00")
    nonce = await stage.confirmed(hold)
    stage.move(1)
    for confirmation in (None, nonce):
        with pytest.raises(Refusal) as refusal:
            await stage.place(hold, confirmation=confirmation)
        assert refusal.value.code is Code.NOT_BOOKABLE
        assert refusal.value.effect is Effect.NONE
        assert "its session is over or has begun" in refusal.value.message
    with pytest.raises(Refusal):
        await stage.app.booking.ordering.question(order_call(hold))
    assert stage.sent(ORDER) == 0
    found = await stage.app.booking.reservations.now("local/local", [hold.id], "en")
    assert found.can_be_ordered == frozenset()
    again = await refused(stage, wish)
    assert "it is over or has begun" in again.message


async def test_a_yes_given_before_the_session_began_is_not_ordered_after(show: Stage) -> None:
    stage = show
    offer = stage.handle("night_show_offer")
    (_, early), _ = (await quoted(stage, offer)).sessions()
    move_to(stage, "2026-06-01T20:40:00+02:00")
    (hold,) = (await stage.reserve(ReserveItem(offer, 1, (early.id,)))).holds
    asked = await stage.app.booking.ordering.question(order_call(hold))
    move_to(stage, SHOW)
    with pytest.raises(Refusal) as refusal:
        await stage.app.booking.ordering.place(order_call(hold), agreed=asked)
    assert refusal.value.code is Code.NOT_BOOKABLE
    assert stage.sent(ORDER) == 0


async def test_a_hold_of_a_day_is_ordered_until_midnight_there_and_not_after(stage: Stage) -> None:
    wish = stage.wish("park_offer")
    move_to(stage, "2026-06-02T23:55:00+02:00")
    (first,) = (await stage.reserve(wish)).holds
    (second,) = (await stage.reserve(wish, again=True)).holds
    move_to(stage, "2026-06-02T23:59:59+02:00")
    assert (await stage.ordered(first)).state is OrderState.ORDERED
    stage.move(1)
    with pytest.raises(Refusal) as refusal:
        await stage.place(second)
    assert refusal.value.code is Code.NOT_BOOKABLE
    assert "its day is over" in refusal.value.message
    assert stage.sent(ORDER) == 1


async def test_sessions_of_which_only_the_end_is_told_are_over_with_it() -> None:
    async with museum(startsAt=None, endsAt="2026-06-01T14:00:00+02:00") as stage:
        offer = stage.handle("timed_offer")
        session = stage.sandbox.landmarks["free_session"]
        move_to(stage, "2026-06-01T13:59:59+02:00")
        assert (await quoted(stage, offer)).obstacle(1) is None
        stage.move(1)
        refusal = await refused(stage, ReserveItem(offer, 1, (session,)))
        assert "its sessions are over or have begun" in refusal.message


async def test_a_hold_whose_session_cannot_be_read_goes_by_its_day() -> None:
    async with museum(startsAt=None, endsAt=None) as stage:
        session = stage.sandbox.landmarks["free_session"]
        move_to(stage, "2026-06-01T23:55:00+02:00")
        (hold,) = (await stage.reserve(stage.wish("timed_offer", 1, session))).holds
        move_to(stage, "2026-06-01T23:59:59+02:00")
        nonce = await stage.confirmed(hold)
        stage.move(1)
        with pytest.raises(Refusal) as refusal:
            await stage.place(hold, confirmation=nonce)
        assert "its day is over" in refusal.value.message
        assert stage.sent(ORDER) == 0


def test_an_offset_of_another_zone_is_no_other_moment() -> None:
    kiritimati = timezone(timedelta(hours=14))
    start = at(SHOW).astimezone(kiritimati).isoformat()
    quote = offer_of("2026-06-01T18:44:59Z", start)
    assert not any(quote.is_over(s) for _, s in quote.sessions())
    quote = offer_of("2026-06-01T18:45:00Z", start)
    assert all(quote.is_over(s) for _, s in quote.sessions())
