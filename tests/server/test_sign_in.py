"""Sign-in over HTTP: who is let in, what they are told, and that a tool never runs before that."""

import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CallToolResult, InputRequiredResult

from korus_mcp.access.policy import ALL_TOOLS, BROWSE_TOOLS, NEEDED, TokenScope
from korus_mcp.access.principal import Caller, person_of
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.foundation.marks import current_mark
from korus_mcp.sandbox import Answer as Answered
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer
from tests.fixtures.hosts import INITIALIZE
from tests.fixtures.person import YES
from tests.fixtures.person import Person as Questioned
from tests.fixtures.provider import BUYING, EVERYTHING, FakeProvider
from tests.fixtures.signed_in import House, Person, house

pytestmark = pytest.mark.anyio
ADA = Person("ada")
READING_SECONDS = 1.1
"""An answer that comes sooner is taken for the host's own."""
OPENING = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def calling(tool: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    """A call of a tool, as a program of the newest revision sends it."""
    params = {"name": tool, "arguments": arguments or {}, "_meta": META}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


async def sent(
    here: House, message: object, headers: dict[str, str] | None = None, **more: str
) -> httpx.Response:
    """The answer to a message."""
    named = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    if isinstance(message, dict) and "_meta" in str(message.get("params")):
        named["MCP-Protocol-Version"] = "2026-07-28"
        named["Mcp-Method"] = str(message["method"])
        if "name" in message["params"]:
            named["Mcp-Name"] = message["params"]["name"]
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(
            here.url, content=json.dumps(message), headers={**named, **(headers or {}), **more}
        )


@pytest.fixture
async def here() -> AsyncIterator[House]:
    async with house() as made:
        yield made


def challenge(answer: httpx.Response) -> dict[str, str]:
    """The parts of a challenge, as clients read them."""
    scheme, _, parts = answer.headers["www-authenticate"].partition(" ")
    assert scheme == "Bearer"
    return dict(re.findall(r'(\w+)="([^"]*)"', parts))


async def test_who_has_no_token_is_told_where_to_get_one_and_with_which_scopes(
    here: House,
) -> None:
    answer = await sent(here, OPENING)
    assert answer.status_code == 401
    told = challenge(answer)
    assert "error" not in told
    assert told["scope"] == EVERYTHING
    # The address at which people reach the server, not the one it listens on.
    assert told["resource_metadata"] == (
        "https://tickets.example.test/.well-known/oauth-protected-resource/mcp"
    )


@pytest.mark.parametrize("path", ["", "/mcp"])
async def test_the_metadata_says_who_signs_people_in(here: House, path: str) -> None:
    root = here.url.removesuffix("/mcp")
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{root}/.well-known/oauth-protected-resource{path}")
    assert answer.status_code == 200
    assert answer.json() == {
        "resource": here.provider.audience,
        # Letter by letter: a slash more, and clients refuse the provider.
        "authorization_servers": [here.provider.issuer],
        "scopes_supported": EVERYTHING.split(),
        "bearer_methods_supported": ["header"],
        "resource_name": "KorusTicket",
    }


async def test_a_browsing_server_asks_for_no_more_than_browsing() -> None:
    async with house(PROFILE="browse") as here:
        assert challenge(await sent(here, OPENING))["scope"] == TokenScope.BROWSE


@pytest.mark.parametrize(
    "given",
    [
        {"aud": "https://other.example.test"},
        {"iss": "https://evil.example.test"},
        {"exp": 1},
        {"without": ("sub",)},
        {"header": {"kid": "made-up"}},
        {"org": None},
    ],
)
async def test_a_wrong_token_is_a_401_that_says_no_more(
    here: House, given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    token = here.provider.token(**{"org": "one", **given})
    answers = [
        await sent(here, message, Authorization=f"Bearer {token}")
        for message in (OPENING, calling("search_products", {"query": "park"}))
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert challenge(answers[0])["error"] == "invalid_token"
    assert challenge(answers[0])["scope"] == EVERYTHING
    # Why stands in the log; the token stands nowhere.
    assert "a token was refused: " in caplog.text
    assert token not in caplog.text + answers[0].text
    assert token.rpartition(".")[2] not in caplog.text
    assert here.requests() == 0


@pytest.mark.parametrize("value", ["", "Bearer", "Basic YTpi", "Token abc"])
async def test_what_is_no_bearer_token_is_a_401(here: House, value: str) -> None:
    assert (await sent(here, OPENING, Authorization=value)).status_code == 401


async def test_two_tokens_at_once_are_none(here: House) -> None:
    named = [("Authorization", f"Bearer {here.token(ADA)}")] * 2
    async with httpx.AsyncClient() as client:
        answer = await client.post(here.url, json=OPENING, headers=named)
    assert answer.status_code == 401


async def test_a_token_in_an_address_is_none(here: House) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(here.url, json=OPENING, params={"access_token": here.token(ADA)})
    assert answer.status_code == 401


async def test_forged_hosts_and_origins_are_refused_before_any_token_is_read(here: House) -> None:
    known = here.bearer(ADA)
    assert (await sent(here, OPENING, {**known, "Host": "evil.example.test"})).status_code == 421
    origin = {**known, "Origin": "https://evil.example.test"}
    assert (await sent(here, OPENING, origin)).status_code == 403
    assert here.provider.looks == 0


@pytest.mark.parametrize("tool", ALL_TOOLS)
async def test_a_token_needs_only_the_scope_of_its_tool_and_that_before_it_starts(
    here: House, tool: str
) -> None:
    enough = Person("ada", scope=NEEDED[tool])
    others = Person("ada", scope=" ".join(s for s in TokenScope if s is not NEEDED[tool]))
    message = calling(tool, {"nothing": "of the kind"})
    refused = await sent(here, message, here.bearer(others))
    assert refused.status_code == 403
    told = challenge(refused)
    assert told["error"] == "insufficient_scope"
    # The whole set: clients forget the scopes they had.
    assert told["scope"] == EVERYTHING
    assert "resource_metadata" in told
    assert here.requests() == 0
    begun = await sent(here, message, here.bearer(enough))
    assert begun.status_code == 200
    assert "INVALID_ARGUMENTS" in begun.text


@pytest.mark.parametrize("mode", ERAS)
async def test_the_tools_that_are_listed_are_those_that_the_token_allows(
    here: House, mode: str
) -> None:
    async with here.assistant(Person("bob", scope=TokenScope.BROWSE), mode) as browsing:
        listed = await browsing.client.list_tools()
        assert {tool.name for tool in listed.tools} == set(BROWSE_TOOLS)
        if mode == "auto":
            assert listed.cache_scope == "private"
    async with here.assistant(ADA, mode) as all_of_it:
        assert {t.name for t in (await all_of_it.client.list_tools()).tools} == set(ALL_TOOLS)


class Marked(logging.Handler):
    """Remembers each line of the log with the id and the method of its request."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the line."""
        mark = current_mark()
        found = ("-", "-") if mark is None else (mark.id, mark.method)
        self.lines.append((record.getMessage().partition(":")[0], *found))


async def test_a_line_about_what_the_door_refuses_has_the_id_of_its_request(here: House) -> None:
    log, heard = logging.getLogger("korus_mcp"), Marked()
    log.addHandler(heard)
    try:
        browsing = here.bearer(Person("bob", scope=TokenScope.BROWSE))
        wrong = {"Authorization": "Bearer no.token.atall"}
        named = {"X-Request-ID": "0f3a-77b1-proxy"}
        assert (await sent(here, OPENING, {**wrong, **named})).status_code == 401
        assert (await sent(here, calling("reserve"), {**browsing, **named})).status_code == 403
        foreign = {"Host": "evil.example.test"}
        assert (await sent(here, OPENING, {**foreign, **named})).status_code == 421
        assert (await sent(here, OPENING, {**wrong, "X-Request-ID": "no id"})).status_code == 401
    finally:
        log.removeHandler(heard)
    *three, (what, made_up, _) = heard.lines
    assert three == [
        ("a token was refused", "0f3a-77b1-proxy", "other"),
        ("a call was refused", "0f3a-77b1-proxy", "tools/call"),
        ("refused, since KORUS_MCP_ALLOWED_HOSTS does not list it", "0f3a-77b1-proxy", "other"),
    ]
    assert what == "a token was refused"
    assert re.fullmatch("[0-9a-f]{8}", made_up)


async def test_a_token_that_allows_no_tool_is_told_in_the_log_once_a_minute(
    here: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = {"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {"_meta": META}}
    clock = ManualClock()
    monkeypatch.setattr(here.sign_in, "_clock", clock)

    async def lines_after_listing(scope: str) -> list[str]:
        caplog.clear()
        for name in ("canary-ada", "canary-bob"):
            bearer = here.bearer(Person(name, scope=scope))
            assert (await sent(here, listing, bearer)).status_code == 200
        return [line for line in caplog.messages if "a token" in line]

    assert await lines_after_listing(TokenScope.BROWSE) == []
    (line,) = await lines_after_listing("canary-scope")
    wanted = ", ".join(EVERYTHING.split())
    assert line == f"a token allows no tool, so none is listed: it has none of {wanted}"
    clock.advance(59)
    assert await lines_after_listing("canary-scope") == []
    clock.advance(1)
    assert len(await lines_after_listing("canary-scope")) == 1


async def test_a_call_that_the_door_cannot_read_is_checked_again_by_the_tools(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a body is written that the door and the SDK read differently."""
    monkeypatch.setattr("korus_mcp.server.sign_in._parsed", _nothing)
    browsing = here.bearer(Person("bob", scope=TokenScope.BROWSE))
    answer = await sent(here, calling("reserve", {"items": []}), browsing)
    assert answer.status_code == 200
    assert "NOT_FOUND" in answer.text
    uri = "korus://orders/0197c5bd-b47b-78c5-b610-000000000000"
    read = {"jsonrpc": "2.0", "id": 1, "method": "resources/read"}
    read |= {"params": {"uri": uri, "_meta": META}}
    told = await sent(here, read, {**browsing, "Mcp-Name": uri})
    assert "NOT_FOUND" in told.text
    assert here.requests() == 0


async def _nothing(body: bytes) -> object:
    del body
    return None


async def test_without_a_caller_no_tool_is_answered(here: House) -> None:
    """A door that was left out lets nobody in."""
    from mcp import Client

    async with Client(here.server) as client:
        answer = await client.call_tool("search_products", {"query": "park"})
    assert answer.is_error
    assert "NOT_ALLOWED" in str(answer.structured_content)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_refusal_of_the_ticketing_api_is_an_answer_of_the_tool(
    here: House, mode: str
) -> None:
    """Clients send a call again after a 401 or 403: the tool would run twice."""
    async with here.assistant(ADA, mode) as assistant:
        for status in (401, 403):
            here.sandbox.faults.add(Answered(status=status, body="problem"), "createReservations")
            items = [{"offer_id": here.offer_id, "quantity": 1}]
            before = _sent(here, "createReservations")
            answer = await assistant.ask("reserve", {"items": items})
            assert answer.result.is_error
            assert _sent(here, "createReservations") - before == 1


def _sent(here: House, operation: str) -> int:
    return sum(r.operation == operation for r in here.sandbox.requests)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_repeat_from_another_registration_finds_the_first_call(
    here: House, mode: str
) -> None:
    """A client that signs in anew may be another one to the provider; the person is the same."""
    items = [{"offer_id": here.offer_id, "quantity": 2}]
    async with here.assistant(ADA, mode) as first:
        held = (await first.call("reserve", items=items))["reservations"][0]["reservation_id"]
        asked = {"reservation_ids": [held], "customer": CUSTOMER}
        confirmation = (await first.call("place_order", **asked))["confirmation"]
        made = await first.call("place_order", **asked, confirmation=confirmation)
    anew = Person("ada", program="program-2")
    async with here.assistant(anew, mode) as again:
        second = await again.call("place_order", **asked, confirmation=confirmation)
        assert second["replayed"] is True
        assert second["orders"] == made["orders"]
    assert _sent(here, "createOrders") == 1


@pytest.mark.parametrize("mode", ERAS)
async def test_a_hold_repeated_from_another_registration_is_the_same_hold(
    here: House, mode: str
) -> None:
    items = [{"offer_id": here.offer_id, "quantity": 1}]
    async with here.assistant(ADA, mode) as first:
        one = await first.call("reserve", items=items)
    async with here.assistant(Person("ada", program="program-2"), mode) as again:
        two = await again.call("reserve", items=items)
    same = [made["reservations"][0]["reservation_id"] for made in (one, two)]
    assert same[0] == same[1]
    assert _sent(here, "createReservations") == 1


async def test_a_question_is_answered_by_the_person_it_was_put_to_with_any_program(
    here: House,
) -> None:
    nobody = Questioned(answers=[YES])
    async with here.assistant(ADA) as first:
        items = [{"offer_id": here.offer_id, "quantity": 3}]
        held = (await first.call("reserve", items=items))["reservations"][0]["reservation_id"]
    wish = {"reservation_ids": [held], "customer": CUSTOMER}

    async def said(person: Person, state: str | None, key: str) -> CallToolResult:
        async with here.assistant(person, elicitation_callback=nobody) as other:
            return await other.client.session.call_tool(
                "place_order", wish, input_responses={key: YES}, request_state=state
            )

    async with here.assistant(ADA, elicitation_callback=nobody) as first:
        asked = await first.client.session.call_tool("place_order", wish, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult)
    (key,) = list(asked.input_requests or {})
    await anyio.sleep(READING_SECONDS)
    foreign = Answer(await said(Person("bob"), asked.request_state, key))
    assert foreign.result.is_error
    assert _sent(here, "createOrders") == 0
    ordered = Answer(await said(Person("ada", program="program-2"), asked.request_state, key))
    assert ordered.data["state"] == "ordered"
    assert _sent(here, "createOrders") == 1


@pytest.mark.parametrize("mode", ERAS)
async def test_a_wider_token_counts_from_the_next_call(here: House, mode: str) -> None:
    """A session of the earlier era was opened with the token before it."""
    narrow, wide = Person("cleo", scope="korus:browse"), Person("cleo")
    items = [{"offer_id": here.offer_id, "quantity": 1}]
    async with create_mcp_http_client(headers=here.bearer(narrow)) as known:
        way = streamable_http_client(here.url, http_client=known)
        async with Client(way, mode=mode) as client:
            assert "reserve" not in {tool.name for tool in (await client.list_tools()).tools}
            known.headers.update(here.bearer(wide))
            held = Answer(await client.call_tool("reserve", {"items": items}))
            assert held.data["state"] == "held"


async def test_a_session_is_of_whoever_opened_it(here: House) -> None:
    opened = await sent(here, OPENING, here.bearer(ADA))
    name = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    for other in (Person("bob"), Person("ada", program="program-2")):
        assert (await sent(here, ping, {**here.bearer(other), **name})).status_code == 404
    assert (await sent(here, ping, name)).status_code == 401
    assert (await sent(here, ping, {**here.bearer(ADA), **name})).status_code == 200


async def test_the_oldest_session_makes_room_whosever_it_is() -> None:
    async with house(most_sessions=2) as here:
        people = [Person(f"person-{number}") for number in range(5)]
        for person in people:
            opened = await sent(here, OPENING, here.bearer(person))
            assert opened.status_code == 200


async def test_a_thousand_tokens_at_once_fetch_the_keys_once(here: House) -> None:
    taken: list[object] = []

    async def one(person: Person) -> None:
        taken.append(await here.sign_in.judged([here.bearer(person)["Authorization"]]))

    async with anyio.create_task_group() as calls:
        for number in range(1000):
            calls.start_soon(one, Person(f"person-{number % 50}"))
    assert len(taken) == 1000
    assert all(isinstance(each, Caller) for each in taken)
    assert here.provider.looks == 1


async def test_a_provider_that_is_away_turns_nobody_out_whose_key_is_known(here: House) -> None:
    assert (await sent(here, OPENING, here.bearer(ADA))).status_code == 200
    here.provider.is_down = True
    for name in ("bob", "eve"):
        assert (await sent(here, OPENING, here.bearer(Person(name)))).status_code == 200


async def test_a_provider_that_was_never_reached_is_no_401(
    here: House, caplog: pytest.LogCaptureFixture
) -> None:
    here.provider.is_down = True
    answer = await sent(here, OPENING, here.bearer(ADA))
    assert answer.status_code == 503
    assert "www-authenticate" not in answer.headers
    assert answer.headers["retry-after"]
    assert "status 503" in caplog.text


async def test_a_yes_that_only_a_person_can_give_is_refused_where_nobody_can_be_asked() -> None:
    async with house(APPROVAL="human") as here, here.assistant(ADA) as assistant:
        items = [{"offer_id": here.offer_id, "quantity": 1}]
        held = (await assistant.call("reserve", items=items))["reservations"][0]["reservation_id"]
        asked = {"reservation_ids": [held], "customer": CUSTOMER}
        assert (await assistant.ask("place_order", asked)).code == "APPROVAL_UNAVAILABLE"
        assert _sent(here, "createOrders") == 0


async def test_nothing_of_a_token_goes_to_the_ticketing_api_or_the_journal(here: House) -> None:
    person = Person("canary-subject@example.test")
    async with here.assistant(person) as assistant:
        held = await assistant.call("reserve", items=[{"offer_id": here.offer_id, "quantity": 1}])
    assert held["reservations"]
    token = here.token(person)
    for request in here.sandbox.requests:
        assert token not in str(vars(request))
        assert "canary-subject" not in str(vars(request))
    owners = await here.server.running.app.booking.journal.owners()
    assert owners == [person_of(here.provider.issuer, "one", person.name).key]


async def test_a_prompt_and_help_are_for_everybody_who_signed_in(here: House) -> None:
    nobody = Person("bob", scope="openid")
    async with here.assistant(nobody) as assistant:
        assert (await assistant.client.list_tools()).tools == []
        assert (await assistant.client.list_prompts()).prompts
        await assistant.client.read_resource("korus://help/booking")
        with pytest.raises((MCPError, httpx.HTTPError, ExceptionGroup)):
            await assistant.client.read_resource("korus://catalogs")


async def test_large_and_odd_bodies_are_judged_or_left_to_the_sdk(here: House) -> None:
    known = here.bearer(Person("bob", scope=TokenScope.BROWSE))
    large = calling("reserve", {"items": ["x" * 100_000]})
    assert (await sent(here, large, known)).status_code == 403
    batch = [{"jsonrpc": "2.0", "id": 1, "method": "ping"}, calling("place_order")]
    assert (await sent(here, batch, known)).status_code == 403
    for odd in ([], [7], 7, None, "text", {"method": 7, "params": 7}, {"method": ["tools/call"]}):
        assert (await sent(here, odd, known)).status_code in range(400, 500)
    # Of what the SDK refuses for its size no more is read.
    endless = calling("reserve", {"items": ["x" * 5_000_000]})
    assert (await sent(here, endless, known)).status_code == 413
    nested = "[" * 50_000
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            here.url, content=nested, headers={**known, "Content-Type": "application/json"}
        )
    assert answer.status_code in range(400, 500)


async def test_scopes_are_told_as_the_operator_has_them_asked_for() -> None:
    from dataclasses import replace

    from korus_mcp.access.policy import scopes_of
    from korus_mcp.foundation.clock import SystemClock
    from korus_mcp.server.sign_in import SignIn
    from tests.fixtures.signed_in import signing_in

    wished = ("api://tickets/korus:browse", "api://tickets/korus:book", "offline_access")
    settings = replace(signing_in(FakeProvider()), auth_ask_scopes=wished)
    sign_in = SignIn(
        settings,
        scopes_of(BROWSE_TOOLS),
        lambda *_: None,
        httpx.AsyncHTTPTransport(),
        SystemClock(),
    )
    answer = sign_in.refusal(401, None, "x")
    assert f'scope="{" ".join(wished)}"' in answer.headers["www-authenticate"]
    assert BUYING not in answer.headers["www-authenticate"]
