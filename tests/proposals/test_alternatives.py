"""The search for alternatives: its order, its bounds, and that it never fails."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NoReturn, cast

import anyio
import pytest

from korus_mcp.booking.quote import Missed, Quote, Session, TicketNeed
from korus_mcp.catalog.calendar import OfferQuery, window_of
from korus_mcp.catalog.mirror import Mirror
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.proposals.alternatives import AT_ONCE, Alternatives, Proposals
from korus_mcp.sandbox import Answer, Delay
from tests.booking.stage import GatedClock, Stage, staged, turn_the_loop, until

pytestmark = pytest.mark.anyio
PAST_THE_BOUND = 6.0


async def missed(stage: Stage, landmark: str, quantity: int = 1, *sessions: str) -> Missed:
    quote = await stage.app.quotes.of_offer(stage.handle(landmark), "en")
    return Missed(quote=quote, quantity=quantity, session_ids=sessions)


async def searched(stage: Stage, wish: Missed) -> Proposals:
    return await stage.app.alternatives.instead_of(wish, "en")


@pytest.fixture
async def stage(anyio_backend: str) -> AsyncIterator[Stage]:
    async with staged() as each:
        yield each


# several tickets with sessions


def at(hour: int) -> datetime:
    return datetime(2026, 6, 5, hour, tzinfo=UTC)


def need(name: str, **left: int) -> TicketNeed:
    """A ticket whose sessions are named for their hour, such as h10."""
    sessions = tuple(
        Session(id=f"{name}-{key}", starts_at=at(int(key[1:])), ends_at=None, left=count)
        for key, count in left.items()
    )
    return TicketNeed(id=name, name=name, needs_session=True, sessions=sessions)


def two_tickets(*needs: TicketNeed) -> Quote:
    return Quote(
        handle=Handle("k3f7qa", "an-offer"),
        catalog_id="a-catalog",
        base_id=None,
        product="Tower and cellar",
        day=date(2026, 6, 5),
        price=Money(Decimal(20)),
        list_price=None,
        left=None,
        tickets=needs,
        checked_at=at(9),
    )


async def sessions_instead(quote: Quote, *chosen: str) -> list[list[str]]:
    async with staged() as stage:
        wish = Missed(quote=quote, quantity=2, session_ids=chosen)
        found = await searched(stage, wish)
        assert not found.is_whole  # of an offer without a base nobody knows zones and days
    return [[s.id for s in each.sessions] for each in found.alternatives]


async def test_of_two_sessions_the_full_one_moves_and_the_other_stays() -> None:
    quote = two_tickets(need("tower", h10=0, h13=5, h11=5), need("cellar", h10=5, h15=5))
    named = await sessions_instead(quote, "tower-h10", "cellar-h15")
    assert named == [["tower-h11", "cellar-h15"], ["tower-h13", "cellar-h15"]]


async def test_sessions_the_issuer_would_not_hold_all_move() -> None:
    quote = two_tickets(need("tower", h10=5, h11=5), need("cellar", h15=5, h16=5))
    named = await sessions_instead(quote, "tower-h10", "cellar-h16")
    assert named == [["tower-h11", "cellar-h15"]]


async def test_a_session_that_has_begun_is_not_named() -> None:
    quote = two_tickets(need("tower", h10=0, h8=5, h9=5, h20=5))
    assert await sessions_instead(quote, "tower-h10") == [["tower-h20"]]


async def test_without_room_in_another_ticket_no_session_helps() -> None:
    quote = two_tickets(need("tower", h10=0, h11=5), need("cellar", h15=1))
    assert await sessions_instead(quote, "tower-h10", "cellar-h15") == []


# bounds


async def test_what_was_found_in_time_is_told() -> None:
    """One other tour of the day is free; the price table of the next days never comes."""
    gated = GatedClock()
    async with staged(selling=("stadium",), sandbox_clock=gated) as stage:
        tour = await a_tour(stage)
        quote = await stage.app.quotes.of_offer(tour, "en")
        chosen, *others, last = [s.id for _, s in quote.sessions()]
        for full in (chosen, *others):
            stage.sandbox.set_session_stock(full, 0)
        quote = await stage.app.quotes.of_offer(tour, "en")
        stage.sandbox.faults.add(Delay(seconds=60), "listOffers", times=None)
        wish = Missed(quote=quote, quantity=1, session_ids=(chosen,))
        found = await out_of_time(stage, wish, gated)
    assert not found.is_whole
    (only,) = found.alternatives
    assert [s.id for s in only.sessions] == [last]


async def test_candidates_that_do_not_answer_in_time_are_left_out() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        wish = await missed(stage, "park_offer")
        stage.sandbox.faults.add(Delay(seconds=60), "getOfferAvailability", times=None)
        assert await out_of_time(stage, wish, gated) == Proposals()


async def out_of_time(stage: Stage, wish: Missed, gated: GatedClock) -> Proposals:
    """What a search tells that is stopped by its bound."""
    found: list[Proposals] = []

    async def search() -> None:
        found.append(await searched(stage, wish))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search)
        await gated.asleep.wait()
        turn_the_loop(PAST_THE_BOUND)
    return found[0]


async def a_tour(stage: Stage) -> Handle:
    base = await stage.app.mirror.base(stage.handle("stadium_tour_base"), "en")
    window = window_of(None, None, base, stage.clock.now())
    calendar = await stage.app.calendars.of_base(OfferQuery(base, window, "en"), pages=1)
    return next(row.handle for row in calendar.rows if row.day and row.day > date(2026, 6, 1))


async def test_six_requests_are_under_way_at_most() -> None:
    gated = GatedClock()
    async with staged(sandbox_clock=gated) as stage:
        wish = await missed(stage, "park_offer")
        for operation in ("getOffer", "getOfferAvailability", "listOfferTickets"):
            stage.sandbox.faults.add(Delay(seconds=1), operation, times=None)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(searched, stage, wish)
            await until(lambda: gated.sleepers >= 3 * AT_ONCE)
            await anyio.wait_all_tasks_blocked()
            assert gated.sleepers == 3 * AT_ONCE == 6
            gated.gate.set()


# it never fails


async def test_a_candidate_that_is_gone_is_dropped_for_the_next(stage: Stage) -> None:
    wish = await missed(stage, "park_offer")
    stage.sandbox.faults.add(Answer(status=404), "getOffer")
    found = await searched(stage, wish)
    assert [each.day for each in found.alternatives] == [date(2026, 6, day) for day in (4, 5, 6)]


@pytest.mark.parametrize("operation", ["listOffers", "getOffer", "getOfferAvailability"])
async def test_what_cannot_be_read_is_not_proposed_and_not_denied(
    stage: Stage, operation: str
) -> None:
    wish = await missed(stage, "park_offer")
    stage.sandbox.faults.add(Answer(status=500), operation, times=None)
    found = await searched(stage, wish)
    assert found == Proposals(is_whole=False)
    assert not found.is_none


class Broken:
    """A mirror with a mistake in it."""

    async def base(self, handle: Handle, language: str) -> NoReturn:
        raise RuntimeError("a mistake of ours")


async def test_a_mistake_in_the_search_is_logged_and_hides_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    wish = await missed(stage, "park_offer")
    broken = Alternatives(cast("Mirror", Broken()), stage.app.calendars, stage.app.quotes)
    with caplog.at_level(logging.ERROR):
        assert await broken.instead_of(wish, "en") == Proposals()
        each = await broken.instead_of_each([stage.wish("park_offer")], "en", limit=2)
    assert each == {stage.handle("park_offer"): Proposals()}
    assert "a mistake of ours" in caplog.text
