import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.api.server_time import ServerTime
from korus_mcp.foundation.clock import ManualClock
from tests.api.wire import Net

START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


class Server:
    """A clock that is ahead of ours by so much, heard through `Date` headers."""

    def __init__(self, ahead_seconds: float = 0) -> None:
        self.ours = ManualClock()
        self.ahead = timedelta(seconds=ahead_seconds)
        self.heard = ServerTime(self.ours)

    def now(self) -> datetime:
        return self.ours.now() + self.ahead

    def answer(self, *, after: float = 0.0, back: float = 0.0, **headers: str) -> None:
        sent = self.ours.monotonic()
        self.ours.advance(after)
        date = format_datetime(self.now(), usegmt=True)
        self.ours.advance(back)
        self.heard.learn({"date": date, **headers}, sent=sent, received=self.ours.monotonic())

    def error_seconds(self) -> float:
        return abs((self.heard.now() - self.now()).total_seconds())


def test_before_the_first_answer_our_clock_counts() -> None:
    server = Server(600)
    assert server.heard.now() == server.ours.now()
    assert server.heard.skew_bound_seconds == 30


@given(
    st.floats(-600, 600),
    st.lists(
        st.tuples(st.floats(0, 5), st.floats(0, 5), st.floats(0, 1000)), min_size=1, max_size=30
    ),
)
def test_the_servers_time_is_known_within_the_bound(
    ahead: float, trips: list[tuple[float, float, float]]
) -> None:
    server = Server(ahead)
    for after, back, pause in trips:
        server.answer(after=after, back=back)
        server.ours.advance(pause)
        assert server.error_seconds() <= server.heard.skew_bound_seconds + 0.001


def test_one_slow_answer_does_not_widen_the_bound() -> None:
    server = Server()
    for back in (0.2, 0.2, 40, 0.2, 0.2):
        server.answer(back=back)
    assert server.heard.skew_bound_seconds == pytest.approx(1.1)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"date": ""},
        {"date": "yesterday"},
        {"date": "Mon, 99 Jun 2026 09:00:00 GMT"},
        {"date": "Mon, 01 Jun 2026 09:00:00"},
        {"date": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"date": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"date": "Mon, 01 Jun 2026 08:00:00 GMT", "age": "3600"},
        {"date": "Mon, 01 Jun 2026 08:00:00 GMT", "age": "-1"},
        {"date": "Mon, 01 Jun 2026 08:00:00 GMT", "age": "soon"},
        {"date": "Wed, 03 Jun 2026 09:00:00 GMT"},
        {"date": "Sun, 01 Jun 2025 09:00:00 GMT"},
        {"date": "Mon, 01 Jun 2026 09:00:00 +9999"},
        {"date": "Fri, 31 Dec 9999 23:59:59 -2359"},
        {"date": "Mon, 01 Jun 2026 09:00:00 GMT " * 9},
    ],
)
def test_what_teaches_nothing_changes_nothing(headers: dict[str, str]) -> None:
    server = Server()
    server.heard.learn(headers, sent=0, received=0)
    assert server.heard.now() == START
    assert server.heard.skew_bound_seconds == 30


def test_a_clock_that_is_days_off_is_told_to_the_operator_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(3 * 86_400)
    for _ in range(20):
        server.answer()
    assert server.heard.now() == server.ours.now()
    assert not server.heard.is_known
    assert len(caplog.records) == 1


def test_a_single_odd_answer_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    server.answer()
    server.ahead = timedelta(hours=1)
    server.answer()
    assert server.heard.now() == server.ours.now()
    assert server.heard.skew_bound_seconds == 30
    server.ahead = timedelta()
    server.answer()
    assert server.heard.skew_bound_seconds == 1
    assert not caplog.records


def test_a_jump_is_believed_after_three_more_answers(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    for _ in range(9):
        server.answer()
    server.ahead = timedelta(hours=1)
    with caplog.at_level(logging.WARNING):
        for answers in range(1, 5):
            server.answer()
            assert (server.error_seconds() < 1) == (answers == 4)
    assert len(caplog.records) == 1
    assert server.heard.skew_bound_seconds == 1


def test_answers_that_contradict_each_other_are_not_believed() -> None:
    server = Server()
    server.answer()
    for hours in (1, 2, 3, 4, 5, 6):
        server.ahead = timedelta(hours=hours)
        server.answer()
    assert server.heard.now() == server.ours.now()


@pytest.mark.anyio
async def test_the_client_learns_from_every_answer_of_the_api() -> None:
    net = Net()
    net.get(
        "/v1/booking/orders/o1",
        httpx.Response(404, headers={"date": "Mon, 01 Jun 2026 09:05:00 GMT"}),
    )
    with pytest.raises(Exception, match="not found"):
        await net.api.booking.get_order("o1")
    assert net.api.now() == START + timedelta(minutes=5)
    assert net.api.skew_bound_seconds == 1
