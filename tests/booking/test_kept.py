"""What is kept of an offer spares requests, and never tells or hinders what is not so any more."""

from collections import Counter
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import anyio
import pytest

from korus_mcp.api import OfferFilters
from korus_mcp.booking import kept
from korus_mcp.booking.kept import SessionTime, Timetable
from korus_mcp.booking.quote import Quote
from korus_mcp.booking.requests import line_of
from korus_mcp.booking.reserved import ReserveState
from korus_mcp.catalog.calendar import DayRange, OfferQuery
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.foundation.unread import UNREAD
from korus_mcp.sandbox import Answer, Delay
from tests.booking.stage import GatedClock, Rewrite, Stage, staged

pytestmark = pytest.mark.anyio
Told = TypeVar("Told")
AVAILABILITY, PRICE, OFFER = "getOfferAvailability", "getOfferPrice", "getOffer"
TICKETS, SESSIONS = "listOfferTickets", "listOfferTicketSessions"
OF_OFFERS: Final = frozenset({AVAILABILITY, PRICE, OFFER, TICKETS, SESSIONS, "listOffers"})
TIMETABLE: Final = {TICKETS: 1, SESSIONS: 1}
WHOLE: Final = {OFFER: 1, AVAILABILITY: 1, **TIMETABLE}


async def asked_for(stage: Stage, ask: Awaitable[Told]) -> tuple[Told, Counter[str]]:
    """What comes of it, and how often it asked for what of offers."""
    before = Counter(r.operation for r in list(stage.sandbox.requests))
    told = await ask
    since = Counter(r.operation for r in list(stage.sandbox.requests)) - before
    return told, Counter({name: n for name, n in since.items() if name in OF_OFFERS})


async def now(stage: Stage, offer: Handle | str, quantity: int = 1) -> Quote:
    handle = stage.handle(offer) if isinstance(offer, str) else offer
    return await stage.app.quotes.now(handle, "en", quantity)


async def others_of(stage: Stage, landmark: str) -> list[Handle]:
    """The other offers of the product base of an offer, on its day."""
    handle, ticketing = stage.handle(landmark), stage.app.api.ticketing
    catalog_id = await stage.app.mirror.catalog_id(handle.alias, "en")
    offer = await ticketing.get_offer(catalog_id, handle.id)
    filters = OfferFilters(
        date_after=offer.date,  # type: ignore[arg-type] # the sandbox tells plain days
        date_before=offer.date,  # type: ignore[arg-type]
        product_base_id=id_at_end(offer.product_base),
    )
    offers = await ticketing.list_offers(catalog_id, filters).all()
    return [Handle(handle.alias, each.id) for each in offers if each.id != handle.id]


def facts(quote: Quote) -> tuple[object, ...]:
    """What is told of an offer."""
    sessions = [(need.name, session) for need, session in quote.sessions()]
    return quote.handle, quote.price, quote.list_price, quote.left, quote.most, quote.day, sessions


class Changing:
    """A rewrite that a test sets as it goes on."""

    def __init__(self) -> None:
        self.now: Rewrite = lambda path, body: None

    def __call__(self, path: str, body: dict[str, Any]) -> None:
        self.now(path, body)


def museum(rewrite: Rewrite | None = None, **more: Any) -> AbstractAsyncContextManager[Stage]:
    return staged(selling=("museum",), rewrite=rewrite, **more)


# what a repeat asks for


async def test_a_repeated_question_asks_for_the_stock_alone() -> None:
    async with museum() as stage:
        first, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == WHOLE
        again, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1}
        assert facts(again) == facts(first)


async def test_a_dynamic_price_is_asked_beside_the_stock() -> None:
    async with museum() as stage:
        await now(stage, "dynamic_price_offer")
        stage.sandbox.set_price(stage.sandbox.landmarks["dynamic_price_offer"], Decimal("21.00"))
        again, asked = await asked_for(stage, now(stage, "dynamic_price_offer"))
        assert asked == {AVAILABILITY: 1, PRICE: 1}
        assert again.price == Money(Decimal("21.00"))


async def test_stock_and_price_are_asked_for_at_the_same_time() -> None:
    """Both hang: the second is asked for although the first has not come."""
    gated = GatedClock()
    async with museum(sandbox_clock=gated) as stage:
        await now(stage, "dynamic_price_offer")
        for operation in (AVAILABILITY, PRICE):
            stage.sandbox.faults.add(Delay(seconds=5), operation)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(now, stage, "dynamic_price_offer")
            with anyio.fail_after(60):
                while gated.sleepers < 2:  # noqa: ASYNC110 - the clock tells nobody
                    await anyio.sleep(0.01)
            gated.gate.set()


async def test_adult_and_child_share_their_sessions() -> None:
    async with museum() as stage:
        child, *_ = await others_of(stage, "timed_offer")
        adult = await now(stage, "timed_offer")
        other, asked = await asked_for(stage, now(stage, child))
        assert asked == {OFFER: 1, AVAILABILITY: 1}
        assert [s for _, s in other.sessions()] == [s for _, s in adult.sessions()]
        assert other.price != adult.price
        whole = await stage.app.quotes.of_offer(child, "en")
        assert facts(other) == facts(whole)
        assert (other.is_read_whole, whole.is_read_whole) == (False, True)


async def test_of_two_at_once_one_reads_the_sessions_for_both() -> None:
    async with museum() as stage:
        offers = [stage.handle("timed_offer"), *await others_of(stage, "timed_offer")]

        async def all_of_them() -> None:
            async with anyio.create_task_group() as tasks:
                for offer in offers:
                    tasks.start_soon(now, stage, offer)

        _, asked = await asked_for(stage, all_of_them())
        assert len(offers) == 3
        assert asked == {OFFER: 3, AVAILABILITY: 3, **TIMETABLE}


async def test_after_a_price_table_the_offer_is_not_read_again() -> None:
    async with museum() as stage:
        base = await stage.app.mirror.base(stage.handle("museum_base"), "en")
        day = (await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")).day
        assert day is not None
    async with museum() as stage:
        base = await stage.app.mirror.base(stage.handle("museum_base"), "en")
        await stage.app.calendars.of_base(OfferQuery(base, DayRange(day, day), "en"))
        found, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1, **TIMETABLE}
        whole = await stage.app.quotes.of_offer(stage.handle("timed_offer"), "en")
        assert facts(found) == facts(whole)


@pytest.mark.parametrize("left_out", ["realtimePriceRequired", "price", "product", "productBase"])
async def test_a_list_that_leaves_out_what_an_offer_says_does_not_stand_for_it(
    left_out: str,
) -> None:
    def shortened(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/offers"):
            for each in body["member"]:
                each.pop(left_out, None)

    async with museum(shortened) as stage:
        base = await stage.app.mirror.base(stage.handle("museum_base"), "en")
        first = stage.app.api.now().date()
        window = DayRange(first, first + timedelta(days=30))
        await stage.app.calendars.of_base(OfferQuery(base, window, "en"))
        found, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == WHOLE
        assert found.obstacle(1) is None


# how long


async def test_an_offer_counts_as_it_was_listed_for_a_minute_its_sessions_for_a_day() -> None:
    async with museum() as stage:
        await now(stage, "timed_offer")
        stage.move(kept.LISTED_SECONDS - 1)
        assert (await asked_for(stage, now(stage, "timed_offer")))[1] == {AVAILABILITY: 1}
        stage.move(2)
        _, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1, OFFER: 1}
        stage.move(kept.TIMES_SECONDS - kept.LISTED_SECONDS - 2)
        _, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1, OFFER: 1}
        stage.move(2)
        _, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1, **TIMETABLE}


async def test_a_price_that_moved_in_the_lists_is_told_once_they_are_a_minute_old() -> None:
    async with museum() as stage:
        await now(stage, "timed_offer")
        stage.sandbox.set_price(stage.sandbox.landmarks["timed_offer"], Decimal("15.00"))
        stage.move(61)
        assert (await now(stage, "timed_offer")).price == Money(Decimal("15.00"))


async def test_an_offer_that_became_dynamic_is_asked_for_its_price() -> None:
    changing = Changing()
    async with museum(changing) as stage:
        await now(stage, "timed_offer")

        def dynamic(path: str, body: dict[str, Any]) -> None:
            if "realtimePriceRequired" in body:
                body["realtimePriceRequired"] = True

        changing.now = dynamic
        stage.move(61)
        _, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1, OFFER: 1, PRICE: 1}


async def test_an_offer_that_is_gone_is_refused_though_it_was_kept() -> None:
    async with museum() as stage:
        await now(stage, "timed_offer")
        stage.sandbox.faults.add(Answer(status=404), AVAILABILITY)
        with pytest.raises(Refusal) as refused:
            await now(stage, "timed_offer")
        assert refused.value.code is Code.NOT_FOUND


# what turned wrong


def without_session(session_id: str, *, live: bool = True, listed: bool = True) -> Rewrite:
    """The issuer does not sell a session (any more)."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        if live and "sessionsAvailability" in body:
            body["sessionsAvailability"] = [
                s for s in body["sessionsAvailability"] if not s["session"].endswith(session_id)
            ]
        if listed and path.endswith("/sessions"):
            body["member"] = [s for s in body["member"] if s["id"] != session_id]
            body["totalItems"] = len(body["member"])

    return rewrite


def later_by(hours: int, session_id: str) -> Rewrite:
    """The issuer moved a session."""

    def rewrite(path: str, body: dict[str, Any]) -> None:
        for each in (*body.get("member", ()), body):
            if "/sessions" in path and each.get("id") == session_id:
                for name in ("startsAt", "endsAt"):
                    moment = datetime.fromisoformat(each[name]) + timedelta(hours=hours)
                    each[name] = moment.isoformat()

    return rewrite


def ids_of(quote: Quote) -> set[str]:
    return {session.id for _, session in quote.sessions()}


async def test_a_session_that_the_stock_names_anew_is_read() -> None:
    changing = Changing()
    async with museum(changing) as stage:
        new = stage.sandbox.landmarks["free_session"]
        changing.now = without_session(new)
        assert new not in ids_of(await now(stage, "timed_offer"))
        changing.now = lambda path, body: None
        found, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1, **TIMETABLE}
        assert new in ids_of(found)
        assert (await asked_for(stage, now(stage, "timed_offer")))[1] == {AVAILABILITY: 1}


async def test_a_session_that_was_cancelled_is_not_told_any_more() -> None:
    changing = Changing()
    async with museum(changing) as stage:
        gone = stage.sandbox.landmarks["free_session"]
        assert gone in ids_of(await now(stage, "timed_offer"))
        changing.now = without_session(gone)
        found, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1, **TIMETABLE}
        assert gone not in ids_of(found)
        assert (await asked_for(stage, now(stage, "timed_offer")))[1] == {AVAILABILITY: 1}


async def test_a_cancelled_session_that_is_still_listed_has_no_stock_of_before() -> None:
    changing = Changing()
    async with museum(changing) as stage:
        gone = stage.sandbox.landmarks["free_session"]
        await now(stage, "timed_offer")
        changing.now = without_session(gone, listed=False)
        for requests in ({AVAILABILITY: 1, **TIMETABLE}, {AVAILABILITY: 1}):
            found, asked = await asked_for(stage, now(stage, "timed_offer"))
            assert asked == requests
            (told,) = (s for _, s in found.sessions() if s.id == gone)
            assert (told.left, told.is_stock_told) == (None, False)


async def test_without_live_figures_no_stock_is_known_and_nothing_is_read_again() -> None:
    def silent(path: str, body: dict[str, Any]) -> None:
        body.pop("sessionsAvailability", None)

    async with museum(silent) as stage:
        first = await now(stage, "timed_offer")
        again, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked == {AVAILABILITY: 1}
        for each in (first, again):
            assert {(s.left, s.is_stock_told) for _, s in each.sessions()} == {(None, False)}
        child, *_ = await others_of(stage, "timed_offer")
        _, asked = await asked_for(stage, now(stage, child))
        assert asked == WHOLE, "that it shares the sessions is shown by nothing"


async def test_offers_whose_stock_names_other_sessions_do_not_share_them() -> None:
    changing = Changing()
    async with museum(changing) as stage:
        child, *_ = await others_of(stage, "timed_offer")
        evening = stage.sandbox.landmarks["free_session"]
        not_for_children = without_session(evening)

        def rewrite(path: str, body: dict[str, Any]) -> None:
            if child.id in path:
                not_for_children(path, body)

        changing.now = rewrite
        assert evening in ids_of(await now(stage, "timed_offer"))
        found, asked = await asked_for(stage, now(stage, child))
        assert asked == WHOLE
        assert evening not in ids_of(found)
        for offer in (stage.handle("timed_offer"), child):
            assert (await asked_for(stage, now(stage, offer)))[1] == {AVAILABILITY: 1}


async def test_a_session_that_was_put_off_is_told_once_by_what_is_kept_it_began() -> None:
    changing = Changing()
    async with museum(changing) as stage:
        first = await now(stage, "timed_offer")
        _, session = next(iter(first.sessions()))
        assert session.starts_at is not None
        stage.move((session.starts_at - stage.clock.now()).total_seconds() - 1)
        before = await now(stage, "timed_offer")
        stage.move(2)

        def still_sold(path: str, body: dict[str, Any]) -> None:
            later_by(3, session.id)(path, body)
            for each in body.get("sessionsAvailability", ()):
                if each["session"].endswith(session.id):
                    each["availableQuantity"] = 9

        changing.now = still_sold
        found, asked = await asked_for(stage, now(stage, "timed_offer"))
        assert asked[SESSIONS] == 1
        assert {s.starts_at for _, s in before.sessions() if s.id == session.id} == {
            session.starts_at
        }
        (told,) = (s for _, s in found.sessions() if s.id == session.id)
        assert told.starts_at == session.starts_at + timedelta(hours=3)
        assert not found.is_over(told)


async def test_what_cannot_all_be_read_is_not_kept() -> None:
    def odd(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/sessions"):
            body["member"][0] = {"name": "without an id"}

    async with museum(odd) as stage:
        for _ in range(2):
            _, asked = await asked_for(stage, now(stage, "timed_offer"))
            assert asked[SESSIONS] == 1


async def test_nobody_is_refused_by_what_is_kept() -> None:
    """What was no ticket is one now, though nothing live says so."""
    changing = Changing()

    def empty(path: str, body: dict[str, Any]) -> None:
        if path.endswith("/tickets"):
            body["member"] = []

    async with staged(rewrite=changing) as stage:
        changing.now = empty
        assert (await now(stage, "park_offer")).obstacle(1) is not None
        changing.now = lambda path, body: None
        assert (await now(stage, "park_offer")).obstacle(1) is None


# a booking is made by what is live


async def test_a_hold_reads_all_of_its_offer_whatever_was_kept() -> None:
    async with museum() as stage:
        session = stage.sandbox.landmarks["free_session"]
        await now(stage, "timed_offer")
        wish = stage.wish("timed_offer", 1, session)
        reserved, asked = await asked_for(stage, stage.reserve(wish))
        assert asked == WHOLE
        assert reserved.state is ReserveState.HELD
        assert not reserved.beyond


async def test_a_session_that_is_gone_is_not_held_though_it_was_told() -> None:
    changing = Changing()
    async with museum(changing) as stage:
        gone = stage.sandbox.landmarks["free_session"]
        await now(stage, "timed_offer")
        changing.now = without_session(gone, live=False)
        assert gone in ids_of(await now(stage, "timed_offer"))
        with pytest.raises(Refusal) as refused:
            await stage.reserve(stage.wish("timed_offer", 1, gone))
        assert refused.value.code is Code.SESSION_REQUIRED
        assert stage.sent("createReservations") == 0


async def test_a_session_that_moved_is_told_before_anybody_agrees() -> None:
    changing = Changing()
    async with museum(changing) as stage:
        session = stage.sandbox.landmarks["free_session"]
        told = await now(stage, "timed_offer")
        (was,) = {s.starts_at for _, s in told.sessions() if s.id == session}
        assert was is not None
        changing.now = later_by(1, session)
        reserved = await stage.reserve(stage.wish("timed_offer", 1, session))
        moved = was + timedelta(hours=1)
        assert reserved.beyond == (
            f"A session begins at {moved:%Y-%m-%d %H:%M}, where {was:%Y-%m-%d %H:%M} was told "
            "before.",
        )


# what a seat map needs of it


async def test_the_times_of_a_day_are_read_once_for_all_its_offers() -> None:
    async with staged(selling=("hall",)) as stage:
        timed = partial(stage.app.quotes.timed, language="en")
        first, asked = await asked_for(stage, timed(stage.handle("seated_offer")))
        assert asked == WHOLE
        again, asked = await asked_for(stage, timed(stage.handle("seated_offer")))
        assert not asked
        assert {s.seat_map_id for s in again.sessions} == {s.seat_map_id for s in first.sessions}
        assert {(s.left, s.is_stock_told) for s in again.sessions} == {(None, False)}


async def test_a_session_that_is_over_by_what_is_kept_is_read_again() -> None:
    changing = Changing()
    async with staged(selling=("hall",), rewrite=changing) as stage:
        offer = stage.handle("seated_offer")
        matinee, *_ = (await stage.app.quotes.timed(offer, "en")).sessions
        assert matinee.starts_at is not None
        changing.now = later_by(5, matinee.id)
        stage.move((matinee.starts_at - stage.clock.now()).total_seconds() + 60)
        await stage.app.quotes.now(offer, "en", 1)  # the offer is known again
        found = await stage.app.quotes.timed(offer, "en", matinee.id)
        assert matinee.id in {session.id for session in found.sessions}
        assert matinee.id not in found.over


async def test_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_SESSIONS", 5)
    async with museum() as stage:
        for _ in range(2):
            _, asked = await asked_for(stage, now(stage, "timed_offer"))
            assert asked[SESSIONS] == 1


async def test_no_line_of_a_hold_is_made_of_what_is_kept() -> None:
    async with museum() as stage:
        await now(stage, "timed_offer")
        quote = await now(stage, "timed_offer")
        wish = stage.wish("timed_offer", 1, stage.sandbox.landmarks["free_session"])
        with pytest.raises(RuntimeError, match="read whole"):
            line_of(0, wish, quote)


def test_a_timetable_is_brought_to_the_time_of_its_venue_once_and_in_order() -> None:
    noon = datetime(2026, 6, 2, 12, tzinfo=UTC)
    times = (
        SessionTime("late", noon + timedelta(hours=2), noon + timedelta(hours=3), "map"),
        SessionTime("unread", UNREAD, None, None),
        SessionTime("early", noon, None, None),
    )
    told = Timetable(tickets=(), sessions={"t1": times}, unread_sessions={"t1": 1})
    paris = ZoneInfo("Europe/Paris")
    placed = told.at(paris)
    assert told.at(paris) is placed
    assert [each.id for each in placed.sessions["t1"]] == ["early", "late", "unread"]
    early, late, unread = placed.sessions["t1"]
    assert isinstance(early.starts_at, datetime)
    assert early.starts_at.isoformat() == "2026-06-02T14:00:00+02:00"
    assert (late.ends_at, late.seat_map_id) == (noon + timedelta(hours=3), "map")
    assert unread.starts_at is UNREAD
    assert placed.unread_sessions == {"t1": 1}
    assert told.sessions["t1"] == times, "what is kept is as it was listed"
