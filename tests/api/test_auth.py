from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import anyio
import httpx
import pytest

from korus_mcp.api import (
    ApiError,
    CustomerInput,
    KorusApi,
    OrderRequest,
    Outcome,
    TokenRefused,
    TokenUnavailable,
    Unauthorized,
)
from korus_mcp.api.jsonld import RESERVATION
from korus_mcp.foundation.clock import ManualClock
from tests.api.wire import TOKEN, Net, config, example, token_body

PATH = "/v1/booking/orders/o1"
GOOD = {"id": "o1"}
ORDER = OrderRequest((RESERVATION.iri("r1"),), CustomerInput("a", "b", "c@example.test"), "ref")

pytestmark = pytest.mark.anyio


async def test_the_documented_token_request_is_what_we_send() -> None:
    documented = example("token.json")
    net = Net(client_id="your-client-id", client_secret="your-client-secret")
    net.tokens.side_effect = lambda request: httpx.Response(200, json=documented["response"])
    token = await net.api.token()
    request = net.tokens.calls[0].request
    form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
    assert form == documented["request"]["form"]
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    assert (token.value, token.life_seconds) == ("your-access-token", 1800)
    assert "your" not in repr(token)


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [(1800, 1800), (30, 30), ("300", 300), (None, 1800), (0, 1800), (-5, 1800), ("soon", 1800),
     (True, 1800), (1e99, 1800), ([], 1800), (86_401, 86_400),
     (999_999_999, 86_400), (10**30, 1800),
     ("999999999", 86_400), (300.5, 300.5), (float(90_000), 86_400), ("٣٠", 1800)],
)  # fmt: skip
async def test_a_missing_lifetime_is_half_an_hour(expires_in: object, life: float) -> None:
    net = Net()
    net.tokens.side_effect = lambda request: httpx.Response(200, json=token_body("t", expires_in))
    assert (await net.api.token()).life_seconds == life


async def test_one_token_serves_until_a_minute_before_its_end() -> None:
    net = Net()
    net.get(PATH, GOOD)
    for _ in range(3):
        await net.api.booking.get_order("o1")
    net.clock.advance(1739)
    await net.api.booking.get_order("o1")
    assert net.tokens_given == 1
    net.clock.advance(2)
    await net.api.booking.get_order("o1")
    assert net.tokens_given == 2


async def test_a_creating_post_wants_two_minutes_of_life() -> None:
    net = Net()
    net.post("/v1/booking/orders/_bulk", {"orders": []})
    await net.api.token()
    net.clock.advance(1800 - 119)
    await net.api.token()
    assert net.tokens_given == 1
    await net.api.booking.create_orders(ORDER)
    assert net.tokens_given == 2


async def test_a_short_lived_token_is_used_for_half_its_life() -> None:
    net = Net()
    net.tokens.side_effect = lambda request: httpx.Response(200, json=token_body("t", 40))
    net.get(PATH, GOOD)
    for advanced in (0, 19, 2):
        net.clock.advance(advanced)
        await net.api.booking.get_order("o1")
    assert net.tokens.call_count == 2


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_wrong_credentials_are_named_so(status: int) -> None:
    net = Net()
    body = {"error": "unauthorized_client", "error_description": "<b>Invalid</b> client"}
    net.tokens.side_effect = lambda request: httpx.Response(status, json=body)
    with pytest.raises(TokenRefused) as failed:
        await net.api.token()
    assert (failed.value.status, failed.value.issuer_text) == (status, "Invalid client")
    assert failed.value.outcome is Outcome.NOT_SENT


def refusing(kind: type[httpx.RequestError]) -> Callable[[httpx.Request], httpx.Response]:
    def effect(request: httpx.Request) -> httpx.Response:
        raise kind("canary-secret", request=request)

    return effect


@pytest.mark.parametrize(
    "effect",
    [
        lambda request: httpx.Response(500),
        lambda request: httpx.Response(404),
        lambda request: httpx.Response(302, headers={"location": "https://evil.example"}),
        lambda request: httpx.Response(200, text="<html>"),
        lambda request: httpx.Response(200, json=[]),
        lambda request: httpx.Response(200, json={}),
        lambda request: httpx.Response(200, json={"access_token": ""}),
        lambda request: httpx.Response(200, json={"access_token": "a\r\nx: y"}),
        lambda request: httpx.Response(200, json={"access_token": "é"}),
        lambda request: httpx.Response(200, json={"access_token": 5}),
        lambda request: httpx.Response(200, content=b"x" * 300_000),
        refusing(httpx.ConnectError),
        refusing(httpx.ReadTimeout),
        refusing(httpx.LocalProtocolError),
    ],
)
async def test_a_token_that_cannot_be_had_is_named_so(effect: Any) -> None:
    net = Net()
    net.tokens.side_effect = effect
    with pytest.raises(TokenUnavailable) as failed:
        await net.api.token()
    assert failed.value.outcome is Outcome.NOT_SENT
    assert "canary" not in f"{failed.value}{failed.value!r}"
    assert net.tokens.call_count == 1


async def test_a_busy_token_endpoint_says_when_to_come_back() -> None:
    net = Net()
    net.tokens.side_effect = lambda request: httpx.Response(429, headers={"retry-after": "7"})
    with pytest.raises(TokenUnavailable) as failed:
        await net.api.token()
    assert failed.value.retry_after_seconds == 7


async def test_a_failure_answers_for_the_next_moment() -> None:
    net = Net()
    net.tokens.side_effect = lambda request: httpx.Response(500)
    failures: list[ApiError] = []

    async def ask() -> None:
        try:
            await net.api.token()
        except TokenUnavailable as failure:
            failures.append(failure)

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(ask)
    assert len(failures) == 100
    assert len({id(failure) for failure in failures}) == 100
    assert net.tokens.call_count == 1
    net.clock.advance(1.6)
    await ask()
    assert net.tokens.call_count == 2
    net.clock.advance(1.6)
    net.tokens.side_effect = net._token
    assert (await net.api.token()).value == "canary-token-1"


class SlowTokens(httpx.AsyncBaseTransport):
    """Answers tokens only once it is let; the rest at once."""

    def __init__(self) -> None:
        self.requests = 0
        self.asked = anyio.Event()
        self.let = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) != TOKEN:
            return httpx.Response(200, json=GOOD)
        self.requests += 1
        self.asked.set()
        await self.let.wait()
        return httpx.Response(200, json=token_body(f"t{self.requests}"))


async def test_a_thousand_callers_fetch_one_token() -> None:
    slow = SlowTokens()
    api = KorusApi(config(), clock=ManualClock(), transport=slow)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(1000):
                group.start_soon(api.booking.get_order, "o1")
            await slow.asked.wait()
            slow.let.set()
    assert slow.requests == 1


async def test_a_cancelled_leader_takes_nobody_along() -> None:
    slow = SlowTokens()
    api = KorusApi(config(), clock=ManualClock(), transport=slow)
    leader = anyio.CancelScope()
    got: list[str] = []

    async def lead() -> None:
        with leader:
            await api.token()
            got.append("leader")

    async def follow() -> None:
        got.append((await api.token()).value)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(lead)
            await slow.asked.wait()
            for _ in range(10):
                group.start_soon(follow)
            await anyio.lowlevel.checkpoint()
            leader.cancel()
            await anyio.lowlevel.checkpoint()
            slow.let.set()
    assert [each for each in got if each != "leader"] == ["t1"] * 10
    assert slow.requests == 1


async def test_a_leader_whose_time_is_over_leaves_the_renewal_to_the_next() -> None:
    slow = SlowTokens()
    api = KorusApi(config(), clock=ManualClock(), transport=slow)
    got: list[str] = []

    async def lead() -> None:
        with anyio.move_on_after(0.01) as its_time:
            await api.token()
        assert its_time.cancelled_caught
        assert not slow.let.is_set(), "it left before there was an answer"
        slow.let.set()

    async def follow() -> None:
        got.append((await api.token()).value)

    async with anyio.create_task_group() as group:
        group.start_soon(lead)
        await slow.asked.wait()
        group.start_soon(follow)
    assert got == ["t2"], "a caller's time that is over is no failure of the sign-in"


async def test_a_thousand_stale_answers_renew_once() -> None:
    net = Net()

    def effect(request: httpx.Request) -> httpx.Response:
        is_stale = request.headers["authorization"].endswith("-1")
        return httpx.Response(401) if is_stale else httpx.Response(200, json=GOOD)

    net.router.get(path=PATH).side_effect = effect
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(1000):
                group.start_soon(net.api.booking.get_order, "o1")
    assert net.tokens_given == 2


@pytest.mark.parametrize(("age", "may_pass"), [(59, False), (61, True)])
async def test_a_write_is_told_whether_a_new_token_may_be_accepted(
    age: float, may_pass: bool
) -> None:
    net = Net()
    net.router.post(path="/v1/booking/orders/_bulk").respond(401)
    await net.api.token()
    net.clock.advance(age)
    with pytest.raises(Unauthorized) as refused:
        await net.api.booking.create_orders(ORDER)
    assert refused.value.retry_after_seconds == (1 if may_pass else None)
    assert refused.value.outcome is Outcome.NOT_SENT


async def test_a_renewal_does_not_last_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("korus_mcp.api.auth.RENEWAL_SECONDS", 0.01)
    api = KorusApi(config(), transport=SlowTokens())
    with pytest.raises(TokenUnavailable):
        await api.token()


async def test_the_token_goes_to_the_api_only() -> None:
    net = Net()
    net.router.route(host="documents.example.test").respond(content=b"%PDF-1.7")
    net.patch(
        "/v1/booking/orders/o1/documents/d1", {"temporaryUrl": "https://documents.example.test/x"}
    )
    link = await net.api.booking.create_order_document_link("o1", "d1")
    await net.api.booking.download_document(link)
    told = {
        call.request.url.host: "authorization" in call.request.headers for call in net.router.calls
    }
    assert told == {
        "auth.example.test": False,
        "api.example.test": True,
        "documents.example.test": False,
    }
