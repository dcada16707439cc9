"""Many callers and an API that is slow or dead: who waits, who is refused, and how soon."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import pairwise

import anyio
import httpx
import pytest

from korus_mcp.api import ApiError
from korus_mcp.api.breaker import REST_SECONDS
from korus_mcp.api.transport import Exchange
from korus_mcp.foundation.lanes import Call, on_behalf_of
from korus_mcp.foundation.measures import BREAKER, heard_by
from tests.api.crowd import Crowd, Result, at_once
from tests.api.test_retries import ORDER
from tests.foundation.test_measures import Heard
from tests.simulation.virtual import VirtualLoop

MANY = 1_000


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with closing(VirtualLoop()) as made:
        yield made


def test_a_flood_of_reads_does_not_delay_an_order(loop: VirtualLoop) -> None:
    crowd = Crowd(loop)

    async def flood() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(at_once, MANY, crowd.read, "greedy")
            await anyio.sleep(0.1)
            with on_behalf_of(Call("buyer", goes_first=True)):
                await crowd.read()
                await crowd.api.booking.create_orders(ORDER)

    loop.finish(flood())
    # What is read for the order has the first place that is free, its POST one of its own.
    assert crowd.ended[16][0] <= 0.9
    assert crowd.when("POST") == [pytest.approx(1.0, abs=0.01)]


def test_who_finds_no_place_is_refused_within_two_seconds_and_nothing_is_sent(
    loop: VirtualLoop,
) -> None:
    crowd = Crowd(loop)
    loop.finish(at_once(MANY, crowd.read, "greedy"))
    # 16 at once, each half a second, for two seconds.
    assert crowd.errors == {"": 80, "Crowded": MANY - 80}
    assert len(crowd.sent) == 80
    assert max(seconds for seconds, error in crowd.ended if error) <= 2.01


def test_one_greedy_caller_of_several_has_four_places_and_others_wait_for_nobody(
    loop: VirtualLoop,
) -> None:
    crowd = Crowd(loop, parallel_per_caller=4)
    other: list[float] = []

    async def one_by_one() -> None:
        for _ in range(20):
            began = loop.time()
            with on_behalf_of(Call("other")):
                await crowd.read()
            other.append(loop.time() - began)

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(at_once, 500, crowd.read, "greedy")
            tasks.start_soon(one_by_one)

    loop.finish(both())
    assert max(other) == pytest.approx(0.5, abs=0.01)
    assert max(crowd.when("GET").count(at) for at in set(crowd.when("GET"))) <= 5


def test_one_caller_alone_has_all_places(loop: VirtualLoop) -> None:
    crowd = Crowd(loop)
    loop.finish(at_once(16, crowd.read, "local"))
    assert loop.time() == pytest.approx(0.5, abs=0.01)


def test_bookings_of_one_caller_leave_a_place_for_others(loop: VirtualLoop) -> None:
    crowd = Crowd(loop, parallel_per_caller=4)
    crowd.seconds = 5

    async def book() -> None:
        await crowd.api.booking.create_orders(ORDER)

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(at_once, 4, book, "greedy"))
            await anyio.sleep(1)
            tasks.start_soon(partial(at_once, 1, book, "other"))

    loop.finish(both())
    assert crowd.when("POST") == [0, 0, 0, 1, 5]


async def steadily(crowd: Crowd, seconds: float, every: float = 0.1) -> None:
    """A call of somebody, again and again, whatever becomes of those before it."""
    until = crowd.loop.time() + seconds
    async with anyio.create_task_group() as tasks:
        while crowd.loop.time() < until:
            tasks.start_soon(at_once, 1, crowd.read, "steady")
            await anyio.sleep(every)


DEAD = [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.Response(503)]


@pytest.mark.parametrize("result", DEAD, ids=["refused", "silent", "closed", "a gateway says so"])
def test_a_dead_api_is_asked_no_more_after_five_failures_and_those_under_way(
    loop: VirtualLoop, result: Result
) -> None:
    crowd = Crowd(loop)
    crowd.result = result
    loop.finish(at_once(MANY, crowd.read, "somebody"))
    assert len(crowd.sent) <= 5 + 16
    assert crowd.errors["Suspended"] >= MANY - 21
    assert max(seconds for seconds, _ in crowd.ended) <= 2.5


def test_then_it_is_asked_once_in_ten_seconds_and_used_within_eleven_of_its_return(
    loop: VirtualLoop,
) -> None:
    crowd = Crowd(loop)
    crowd.seconds, crowd.result = 0.01, httpx.ConnectError

    async def story() -> None:
        await steadily(crowd, 60)
        asked = [at for at in crowd.when("GET") if at > 2]
        assert 4 <= len(asked) <= 6
        gaps = [later - sooner for sooner, later in pairwise(asked)]
        assert min(gaps) >= REST_SECONDS
        crowd.result = None
        began, before = loop.time(), len(crowd.ended)
        await steadily(crowd, 15)
        first = next(n for n, (_, error) in enumerate(crowd.ended[before:]) if not error)
        assert first * 0.1 <= 11
        assert not [error for _, error in crowd.ended[before + first :] if error]
        assert loop.time() >= began

    with heard_by(heard := Heard()):
        loop.finish(story())
    states = [(value, labels) for name, value, labels in heard.taken if name == BREAKER.name]
    assert (1.0, {"host": "api"}) in states
    assert states[-1] == (0.0, {"host": "api"})
    assert not crowd.is_left_alone()


def test_answers_that_are_no_good_stop_nothing(loop: VirtualLoop) -> None:
    crowd = Crowd(loop)

    async def story() -> None:
        for status in (400, 401, 403, 404, 422, 500):
            crowd.result = httpx.Response(status)
            for _ in range(10):
                await at_once(1, crowd.read, "somebody")

    loop.finish(story())
    assert "Suspended" not in crowd.errors
    assert not crowd.is_left_alone()


def test_an_answer_between_failures_begins_the_count_anew(loop: VirtualLoop) -> None:
    crowd = Crowd(loop, retry_attempts=1)

    async def story() -> None:
        for n in range(40):
            crowd.result = None if n % 5 == 4 else httpx.ReadTimeout
            await at_once(1, crowd.read, "somebody")

    loop.finish(story())
    assert len(crowd.sent) == 40


def test_what_holds_or_books_is_sent_once_though_the_api_does_not_answer(
    loop: VirtualLoop,
) -> None:
    crowd = Crowd(loop)
    crowd.result = httpx.ReadTimeout

    async def story() -> None:
        await at_once(MANY, crowd.read, "somebody")
        assert crowd.is_left_alone()
        with on_behalf_of(Call("somebody")):
            await crowd.api.booking.create_orders(ORDER)

    loop.finish(story())
    assert len(crowd.when("POST")) == 1
    assert not crowd.is_left_alone(), "it has answered"


def test_work_that_nobody_waits_for_waits_for_the_api_and_does_not_count(
    loop: VirtualLoop,
) -> None:
    crowd = Crowd(loop, retry_attempts=1)
    crowd.result = httpx.ConnectError

    async def story() -> None:
        await at_once(100, crowd.read)
        assert not crowd.is_left_alone()
        await at_once(5, crowd.read, "somebody")
        assert crowd.is_left_alone()
        crowd.result, began = None, loop.time()
        await at_once(1, crowd.read)
        assert loop.time() - began == pytest.approx(REST_SECONDS + crowd.seconds, abs=0.1)

    loop.finish(story())
    assert crowd.errors[""] == 1


def test_a_trial_whose_caller_left_makes_room_for_the_next(loop: VirtualLoop) -> None:
    crowd = Crowd(loop, retry_attempts=1)
    crowd.result = httpx.ConnectError

    async def story() -> None:
        await at_once(5, crowd.read, "somebody")
        await anyio.sleep(REST_SECONDS)
        crowd.result = None
        with anyio.move_on_after(0.1):
            await at_once(1, crowd.read, "leaver")
        await at_once(1, crowd.read, "somebody")

    loop.finish(story())
    assert crowd.ended[-1] == (crowd.seconds, "")


def test_repeats_are_a_tenth_of_the_reads_and_a_few_besides(loop: VirtualLoop) -> None:
    crowd = Crowd(loop)
    crowd.seconds = 0.01

    async def story() -> None:
        for n in range(MANY):
            # Each read fails once: between two failures there is an answer.
            crowd.result = httpx.Response(503) if n % 2 else None
            await at_once(1, crowd.read, "somebody")

    loop.finish(story())
    repeats = len(crowd.sent) - MANY
    assert 50 < repeats <= MANY / 10 + 10 + loop.time() * 0.2


def test_nothing_is_read_before_the_time_that_the_api_names(loop: VirtualLoop) -> None:
    crowd = Crowd(loop)
    crowd.seconds = 0.01

    async def story() -> None:
        crowd.result = httpx.Response(429, headers={"retry-after": "3"})
        await at_once(1, crowd.read, "first")

    async def others() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(story)
            await anyio.sleep(0.02)
            crowd.result = None
            tasks.start_soon(at_once, MANY, crowd.read, "others")
            with on_behalf_of(Call("buyer")):
                await crowd.api.booking.create_orders(ORDER)

    loop.finish(others())
    reads = crowd.when("GET")
    assert reads[0] == 0
    assert min(reads[1:]) >= 3
    assert crowd.when("POST")[0] < 1
    # Some wait for it, as many as reads may be repeated; others are told when to come again.
    assert crowd.errors["RateLimited"] >= MANY * 0.85


def test_reads_a_second_are_bounded_after_a_burst_and_halved_when_asked(
    loop: VirtualLoop,
) -> None:
    crowd = Crowd(loop, reads_per_second=10, read_queue_timeout=None)
    crowd.seconds = 0.01

    async def story() -> None:
        await at_once(120, crowd.read, "somebody")
        assert loop.time() == pytest.approx(10, abs=0.2)
        crowd.result = httpx.Response(429)
        with pytest.raises(ApiError), on_behalf_of(Call("somebody")):
            await crowd.api._wire._send(crowd.api._pools.reads, reading(crowd), 60)
        crowd.result, began = None, loop.time()
        await at_once(10, crowd.read, "somebody")
        assert loop.time() - began == pytest.approx(10 / 5, abs=0.3)
        await anyio.sleep(60)
        began = loop.time()
        await at_once(120, crowd.read, "somebody")
        assert loop.time() - began == pytest.approx(10, abs=0.2)

    loop.finish(story())


def reading(crowd: Crowd) -> Exchange:
    """One attempt of a read, which is not repeated."""
    return crowd.api._wire._exchange("getOrder", "GET", "/v1/booking/orders/o1", (), None)


def test_a_crawl_leaves_some_of_the_burst_to_calls(loop: VirtualLoop) -> None:
    crowd = Crowd(loop, reads_per_second=10)
    crowd.seconds = 0.01

    async def story() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(at_once, 100, crowd.read)
            await anyio.sleep(3)
            began = loop.time()
            await at_once(10, crowd.read, "somebody")
            assert loop.time() - began < 0.1

    loop.finish(story())
    assert loop.time() >= 9
