"""How often one may call: counted a minute, with repeated orders free, in bounded memory."""

from datetime import timedelta

import pytest
from mcp import MCPError

from korus_mcp.foundation import pace
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.pace import Pace
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from tests.fixtures.assistant import CUSTOMER, Desk, desk, settings_of


def refused(step: object) -> Refusal:
    assert isinstance(step, Refusal)
    return step


def counted(one: Pace, who: str = "a", repeatable: str | None = None) -> Refusal | None:
    try:
        one.call(who, repeatable=repeatable)
    except Refusal as busy:
        return busy
    return None


def paced(calls: int = 3, writes: int = 0) -> tuple[Pace, ManualClock]:
    clock = ManualClock()
    return Pace(clock, calls_per_minute=calls, writes_per_minute=writes), clock


def test_calls_beyond_the_pace_are_told_when_to_come_again() -> None:
    one, clock = paced(3)
    assert [counted(one) for _ in range(3)] == [None] * 3
    busy = refused(counted(one))
    assert (busy.code, busy.effect, busy.retry_after_seconds) == (
        Code.SERVER_BUSY,
        Effect.NONE,
        20,
    )
    assert "20 s" in busy.next_step
    assert counted(one, "b") is None, "others have their own"
    clock.advance(19)
    assert refused(counted(one)).retry_after_seconds == 1
    clock.advance(1)
    assert counted(one) is None
    clock.advance(timedelta(days=1).total_seconds())
    assert [counted(one) is None for _ in range(4)] == [True] * 3 + [False]


def test_nothing_is_counted_where_the_operator_says_so() -> None:
    one, _ = paced(0)
    assert [counted(one) for _ in range(1000)] == [None] * 1000


def test_a_repeated_call_is_free_and_a_hasty_one_is_not() -> None:
    one, clock = paced(1)
    assert counted(one, repeatable="order") is None
    for _ in range(100):
        clock.advance(5)
        counted(one)  # others use up what there is
        assert counted(one, repeatable="order") is None
    assert refused(counted(one, repeatable="order")).code is Code.SERVER_BUSY


def test_writes_are_given_back_when_they_were_none() -> None:
    one, _ = paced(0, writes=1)
    one.write("a")
    one.was_no_write("a")
    one.write("a")
    with pytest.raises(Refusal) as busy:
        one.write("a")
    assert busy.value.retry_after_seconds == 60


def test_to_look_whether_a_write_may_be_made_makes_none() -> None:
    one, clock = paced(writes=2)
    for _ in range(5):
        one.check_write("a")
    one.write("a")
    one.write("a")
    with pytest.raises(Refusal) as busy:
        one.check_write("a")
    assert busy.value.retry_after_seconds == 30
    one.check_write("b")
    clock.advance(30)
    one.check_write("a")
    one.write("a")
    unbounded, _ = paced(writes=0)
    unbounded.check_write("a")


def test_what_is_remembered_is_bounded() -> None:
    one, _ = paced(5, writes=5)
    for n in range(3000):
        counted(one, f"principal {n}", f"call {n}")
        one.write(f"principal {n}")
    assert len(one._seen) <= pace.MOST_REPEATED
    for buckets in (one._calls, one._writes):
        assert len(buckets._buckets) <= pace.MOST_PRINCIPALS


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_tools_and_resources_are_counted_together(mode: str) -> None:
    async with desk(settings_of(CALLS_PER_MINUTE="3"), mode=mode, only=("park",)) as each:
        await each.call("search_products", query="park")
        await each.client.read_resource("korus://help/booking")
        assert (await each.ask("search_products", {"limit": -1})).code == "INVALID_ARGUMENTS"
        busy = await each.ask("search_products", {"query": "park"})
        assert (busy.code, busy.error["effect"]) == ("SERVER_BUSY", "none")
        assert busy.error["retry_after_seconds"] == 20
        with pytest.raises(MCPError, match="SERVER_BUSY") as refusal:
            await each.client.read_resource("korus://help/errors")
        assert "20 s" in str(refusal.value)
        each.clock.advance(20)
        await each.client.read_resource("korus://help/errors")


async def ordered_and_repeated(each: Desk) -> None:
    hold = (
        await each.call("reserve", items=[{"offer_id": each.handle("park_offer"), "quantity": 1}])
    )["reservations"][0]["reservation_id"]
    asked = {"reservation_ids": [hold], "customer": CUSTOMER}
    nonce = (await each.call("place_order", **asked))["confirmation"]
    confirmed = {**asked, "confirmation": nonce}
    busy = await each.ask("place_order", confirmed)
    assert busy.code == "SERVER_BUSY", "the reservation was the one write of this minute"
    assert not each.sandbox.orders()
    each.clock.advance(busy.error["retry_after_seconds"])
    first = await each.call("place_order", **confirmed)
    for _ in range(30):
        each.clock.advance(5)
        await each.ask("search_products", {"limit": -1})
        again = await each.call("place_order", **confirmed)
        assert again["orders"] == first["orders"]
    assert len(each.sandbox.orders()) == 1


@pytest.mark.anyio
async def test_a_host_that_repeats_an_order_is_never_turned_away() -> None:
    slow = settings_of(CALLS_PER_MINUTE="6", WRITES_PER_MINUTE="1")
    async with desk(slow, only=("park",)) as each:
        await ordered_and_repeated(each)
