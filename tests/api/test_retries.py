import time
from typing import Any

import httpx
import pytest

from korus_mcp.api import (
    ApiError,
    CustomerInput,
    Disconnected,
    Malformed,
    NotFound,
    OrderRequest,
    Outcome,
    RateLimited,
    ReservationLine,
    ServerFailed,
    TicketChoice,
    TimedOut,
    TokenUnavailable,
    Unauthorized,
    Unreachable,
)
from korus_mcp.api.booking import BeneficiaryInput
from korus_mcp.api.jsonld import OFFER, OFFER_TICKET, RESERVATION
from tests.api.wire import TOKEN, Net, RawAnswer

ORDER_PATH = "/v1/booking/orders/o1"
BULK = "/v1/booking/orders/_bulk"
TICKET = "/v1/booking/orders/o1/items/i1/tickets/t1"
ORDER = OrderRequest((RESERVATION.iri("r1"),), CustomerInput("a", "b", "c@example.test"), "ref")
LINE = ReservationLine(OFFER.iri("c", "o"), 1, (TicketChoice(OFFER_TICKET.iri("c", "o", "t")),))
GOOD = {"id": "o1"}

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "passing",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.ReadError,
        httpx.RemoteProtocolError,
        httpx.Response(429),
        httpx.Response(502, text="<html>Bad Gateway</html>"),
        httpx.Response(503),
        httpx.Response(504),
    ],
    ids=lambda each: str(getattr(each, "status_code", None) or each.__name__),
)
async def test_a_read_is_repeated_when_that_can_help(
    passing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    net = Net()
    route = net.get(ORDER_PATH, passing, passing, GOOD)
    assert (await net.api.booking.get_order("o1")).id == "o1"
    assert route.call_count == 3
    assert caplog.text.count("getOrder") == 2, "an operator sees that the API stumbles"


@pytest.mark.parametrize(
    ("lasting", "error"),
    [
        (httpx.Response(404), NotFound),
        (httpx.Response(500), ServerFailed),
        (httpx.Response(501), ServerFailed),
        (httpx.Response(200, text="<html>"), Malformed),
        (httpx.Response(200, json=[1]), Malformed),
        (httpx.Response(200, json={}), Malformed),
    ],
)
async def test_a_read_is_not_repeated_when_it_cannot(lasting: Any, error: type[ApiError]) -> None:
    net = Net()
    route = net.get(ORDER_PATH, lasting)
    with pytest.raises(error):
        await net.api.booking.get_order("o1")
    assert route.call_count == 1


async def test_a_read_is_sent_three_times_at_most_and_the_last_failure_counts() -> None:
    net = Net()
    route = net.get(ORDER_PATH, httpx.ReadTimeout, httpx.ReadError, httpx.Response(503), GOOD)
    with pytest.raises(ServerFailed) as failed:
        await net.api.booking.get_order("o1")
    assert route.call_count == 3
    assert failed.value.outcome is Outcome.REFUSED


async def test_waits_pass_on_our_clock_only() -> None:
    net = Net()
    net.get(ORDER_PATH, httpx.Response(429, headers={"retry-after": "8"}), GOOD)
    began = time.monotonic()
    await net.api.booking.get_order("o1")
    assert net.clock.monotonic() == 8
    assert time.monotonic() - began < 5


async def test_a_wait_longer_than_the_time_left_is_not_begun() -> None:
    net = Net()
    route = net.get(
        ORDER_PATH,
        httpx.Response(503, headers={"retry-after": "6"}),
        httpx.Response(429, headers={"retry-after": "6"}),
        GOOD,
    )
    with pytest.raises(RateLimited) as failed:
        await net.api.booking.get_order("o1")
    assert failed.value.retry_after_seconds == 6
    assert (route.call_count, net.clock.monotonic()) == (2, 6)


async def test_without_retry_after_the_waits_are_short_and_random() -> None:
    waits = set()
    for _ in range(20):
        net = Net()
        net.get(ORDER_PATH, httpx.Response(429), httpx.Response(429), GOOD)
        await net.api.booking.get_order("o1")
        waits.add(net.clock.monotonic())
    assert len(waits) > 10
    assert max(waits) <= 1.5


AMBIGUOUS = [
    (httpx.ReadTimeout, TimedOut),
    (httpx.WriteTimeout, TimedOut),
    (httpx.ReadError, Disconnected),
    (httpx.WriteError, Disconnected),
    (httpx.RemoteProtocolError, Disconnected),
    (httpx.LocalProtocolError, Disconnected),
    (httpx.DecodingError, Malformed),
    (httpx.Response(200, text=""), Malformed),
    (httpx.Response(200, text="<html>"), Malformed),
    (httpx.Response(200, json=[]), Malformed),
    (httpx.Response(200, json={}), Malformed),
    (httpx.Response(200, json={"orders": [5], "reservations": [5]}), Malformed),
    (httpx.Response(302, headers={"location": "https://evil.example"}), ApiError),
    (httpx.Response(408), ApiError),
    (httpx.Response(409), ApiError),
    (httpx.Response(500), ServerFailed),
    (httpx.Response(502, text="<html>Bad Gateway</html>"), ServerFailed),
    (httpx.Response(503, headers={"retry-after": "1"}), ServerFailed),
    (RawAnswer(b"x" * (5 * 1024 * 1024 + 1)), ApiError),
    (RawAnswer(b"\x1f\x8b not gzip", content_encoding="gzip"), Malformed),
]
DEFINITE = [
    (httpx.ConnectError, Unreachable, Outcome.NOT_SENT),
    (httpx.ConnectTimeout, Unreachable, Outcome.NOT_SENT),
    (httpx.PoolTimeout, Unreachable, Outcome.NOT_SENT),
    (httpx.Response(401), Unauthorized, Outcome.NOT_SENT),
    (httpx.Response(429), RateLimited, Outcome.NOT_SENT),
    (httpx.Response(429, headers={"retry-after": "1"}), RateLimited, Outcome.NOT_SENT),
    (httpx.Response(400), ApiError, Outcome.REFUSED),
    (httpx.Response(403), ApiError, Outcome.REFUSED),
    (httpx.Response(404), ApiError, Outcome.REFUSED),
    (httpx.Response(422), ApiError, Outcome.REFUSED),
]


@pytest.mark.parametrize("path", [BULK, "/v1/booking/reservations/_bulk"])
@pytest.mark.parametrize(
    ("result", "error", "outcome"),
    [*((result, error, Outcome.UNKNOWN) for result, error in AMBIGUOUS), *DEFINITE],
)
async def test_a_creating_post_is_sent_exactly_once(
    path: str, result: Any, error: type[ApiError], outcome: Outcome
) -> None:
    net = Net()
    route = net.post(path, result)
    booking = net.api.booking
    sending = booking.create_orders(ORDER) if path == BULK else booking.create_reservations([LINE])
    with pytest.raises(error) as failed:
        await sending
    assert failed.value.outcome is outcome
    assert route.call_count == 1


async def test_after_a_401_on_a_post_the_next_call_fetches_a_token() -> None:
    net = Net()
    net.post(BULK, httpx.Response(401), {"orders": ["/v1/booking/orders/o1"]})
    with pytest.raises(Unauthorized):
        await net.api.booking.create_orders(ORDER)
    assert net.tokens_given == 1
    assert (await net.api.booking.create_orders(ORDER)).orders[0].id == "o1"
    assert net.tokens_given == 2


async def test_nothing_is_posted_without_a_token() -> None:
    net = Net()
    net.router.post(TOKEN).respond(503)
    route = net.post(BULK, {"orders": []})
    with pytest.raises(TokenUnavailable) as failed:
        await net.api.booking.create_orders(ORDER)
    assert failed.value.outcome is Outcome.NOT_SENT
    assert route.call_count == 0


@pytest.mark.parametrize("result", [httpx.ReadTimeout, httpx.Response(503), httpx.ConnectError])
async def test_a_patch_is_sent_once(result: Any) -> None:
    net = Net()
    route = net.patch(TICKET, result)
    with pytest.raises(ApiError):
        await net.api.booking.set_ticket_beneficiary("o1", "i1", "t1", BeneficiaryInput("a", "b"))
    assert route.call_count == 1


async def test_a_patch_is_repeated_once_with_a_fresh_token() -> None:
    net = Net()
    route = net.patch(TICKET, httpx.Response(401), {"id": "t1", "status": "validated"})
    ticket = await net.api.booking.set_ticket_beneficiary(
        "o1", "i1", "t1", BeneficiaryInput("a", "b")
    )
    assert ticket.status == "validated"
    sent = [call.request.headers["authorization"] for call in route.calls]
    assert sent == ["Bearer canary-token-1", "Bearer canary-token-2"]


async def test_a_read_that_is_refused_twice_stays_refused() -> None:
    net = Net()
    route = net.get(ORDER_PATH, httpx.Response(401))
    with pytest.raises(Unauthorized) as failed:
        await net.api.booking.get_order("o1")
    assert failed.value.issuer_text is None
    assert (route.call_count, net.tokens_given) == (2, 2)


async def test_a_token_endpoint_that_stumbles_is_asked_again_for_a_read() -> None:
    net = Net()
    stumbles = [httpx.Response(503)]
    net.tokens.side_effect = lambda request: stumbles.pop() if stumbles else net._token(request)
    net.get(ORDER_PATH, GOOD)
    assert (await net.api.booking.get_order("o1")).id == "o1"
    assert net.clock.monotonic() >= 1.5
