"""Seats of a caller are read by what the journal says is theirs, and only where they may matter."""

from collections.abc import AsyncIterator, Collection
from datetime import tzinfo

import pytest

from korus_mcp.booking.hold import Hold
from korus_mcp.booking.own_seats import NO_SEATS, OwnSeats
from korus_mcp.journal.records import JournalDown, JournalFault
from tests.booking.stage import OTHER, OWNER, Stage, staged

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(selling=("hall", "park")) as each:
        yield each


async def _held(stage: Stage, quantity: int = 1) -> Hold:
    times = await stage.app.quotes.timed(stage.handle("seated_offer"), "en", None)
    (held,) = (
        await stage.reserve(stage.wish("seated_offer", quantity, times.sessions[0].id))
    ).holds
    return held


async def _seats(stage: Stage, owner: str = OWNER, language: str = "en") -> OwnSeats:
    async def sold() -> tuple[Collection[str], tzinfo | None]:
        return (await stage.app.mirror.base(stage.handle("hall_base"), "en")).products, None

    return await stage.app.booking.own_seats.of(owner, sold, language)


async def test_only_the_owner_is_told_what_is_held(stage: Stage) -> None:
    hold = await _held(stage, 2)
    before = stage.sent("getReservation")
    assert await _seats(stage, OTHER) == NO_SEATS
    assert stage.sent("getReservation") == before, "it is not even asked for"
    found = await _seats(stage)
    assert [own.seat for own in found.seats] == list(hold.seats)
    assert found.unread == 0


async def test_zones_are_named_in_the_language_of_the_map(stage: Stage) -> None:
    await _held(stage)
    french, english = [await _seats(stage, language=language) for language in ("fr", "en")]
    assert french.seats[0].seat != english.seats[0].seat


async def test_a_booking_of_something_else_is_read_once(stage: Stage) -> None:
    await stage.held("park_offer")
    assert await _seats(stage) == NO_SEATS
    before = stage.sent("getReservation")
    assert await _seats(stage) == NO_SEATS
    assert stage.sent("getReservation") == before


async def test_what_was_just_held_is_there_at_once(stage: Stage) -> None:
    assert await _seats(stage) == NO_SEATS
    await _held(stage)
    assert len((await _seats(stage)).seats) == 1


async def test_who_holds_nothing_is_looked_up_again_after_seconds(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await _seats(stage) == NO_SEATS

    async def down(*_: object, **__: object) -> None:
        raise JournalDown(JournalFault.NO_FOLDER)

    monkeypatch.setattr(stage.app.booking.journal, "bookings_of", down)
    assert await _seats(stage) == NO_SEATS
    stage.clock.advance(6)
    assert await _seats(stage) == OwnSeats(unread=1)
