"""The page on which a person who signed in says yes: to whom it shows what, and what a yes does."""

import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from korus_mcp.access.principal import person_of
from korus_mcp.booking.by_hand import ByHand, Seal
from korus_mcp.foundation.clock import SystemClock
from korus_mcp.journal.records import Installation
from korus_mcp.journal.tables import AUDIT
from korus_mcp.server.approval_desk import BODY_BYTES
from korus_mcp.server.composition import build_server, pages_for_people, sign_in_of
from korus_mcp.server.signed_in_page import _Sealing
from korus_mcp.settings import Misconfigured
from tests.docs.test_directories import files_in
from tests.fixtures.assistant import CUSTOMER, ERAS, Answer, Assistant, Json
from tests.fixtures.by_hand import token_in
from tests.fixtures.provider import OPAQUE, FakeProvider, signing_key
from tests.fixtures.signed_in import PUBLIC, House, Person, houses, signing_in
from tests.fixtures.visitor import Visitor, asked_at

pytestmark = pytest.mark.anyio
ADA = Person("ada")
UNKNOWN = "AAAAAAAA"
ORDER = ("90.00 EUR", "Ada Lovelace", "ada@example.org", "cannot be cancelled")


@dataclass
class Waiting:
    """An order that waits for the yes of Ada, who is before her browser."""

    here: House
    visitor: Visitor
    wish: Json
    address: str
    told: str

    @property
    def code(self) -> str:
        return self.address.rpartition("/")[2]

    @property
    def back(self) -> str:
        return f"{self.address.rpartition('/')[0]}/signed-in"

    @property
    def orders(self) -> int:
        return len(self.here.sandbox.orders())

    async def again(self, at: House | None = None) -> Answer:
        """The same call once more."""
        async with (at or self.here).assistant(ADA) as assistant:
            return await assistant.ask("place_order", self.wish)

    async def arrived(self) -> str:
        """The address of the way back, before the browser has asked for it."""
        return await self.visitor.arrive(self.address)


async def wish_of(here: House, assistant: Assistant) -> Json:
    items = [{"offer_id": here.offer_id, "quantity": 2}]
    held = await assistant.call("reserve", items=items, again=True)
    ids = [held["reservations"][0]["reservation_id"]]
    return {"reservation_ids": ids, "customer": CUSTOMER}


async def waiting_at(here: House, mode: str = "auto") -> Waiting:
    async with here.assistant(ADA, mode) as assistant:
        wish = await wish_of(here, assistant)
        asked = await assistant.ask("place_order", wish)
    assert asked.data["state"] == "approval_needed"
    served = here.url.removesuffix("/mcp")
    return Waiting(here, Visitor(PUBLIC, served), wish, asked_at(asked.data["next"]), asked.wire)


@pytest.fixture
async def order(tmp_path: Path) -> AsyncIterator[Waiting]:
    async with houses(tmp_path) as (here,):
        yield await waiting_at(here)


@pytest.mark.parametrize("mode", ERAS)
async def test_whoever_asked_signs_in_and_says_yes_and_the_same_call_orders(
    tmp_path: Path, mode: str
) -> None:
    async with houses(tmp_path) as (here,):
        order = await waiting_at(here, mode)
        assert re.fullmatch(rf"{PUBLIC}/mcp/approve/[A-Z0-9]{{8}}", order.address)
        # There is no other way: an operator's terminal answers for nobody.
        assert "korus-mcp approve" not in order.told
        seen = await order.visitor.open(order.address)
        assert seen.status_code == 200
        for fact in ORDER:
            assert fact in seen.text
        assert order.orders == 0
        pressed = await order.visitor.press(order.address)
        assert (pressed.status_code, pressed.headers["location"]) == (
            303,
            f"/mcp/approve/{order.code}",
        )
        assert "You said yes" in (await order.visitor.ask(order.address)).text
        assert (await order.again()).data["state"] == "ordered"
        assert (await order.again()).data["replayed"]
        assert order.orders == 1
        journal = here.server.running.app.booking.journal
        rows = sa.select(AUDIT.c.owner, AUDIT.c.detail).where(AUDIT.c.event == "agreed")
        (row,) = await journal._read(lambda tx: tx.run(rows).all())
        assert row.owner == person_of(here.provider.issuer, "one", "ada").key
        assert json.loads(row.detail)["way"] == "page, signed in"


async def test_pressed_twice_and_then_no_is_one_yes_and_one_order(order: Waiting) -> None:
    shown = await order.visitor.open(order.address)
    for answer in ("yes", "yes", "no"):
        form = {"token": token_in(shown.text), "answer": answer}
        origin = {"Origin": PUBLIC}
        pressed = await order.visitor.ask(order.address, "POST", data=form, headers=origin)
        assert pressed.status_code == 303
    assert [(await order.again()).data["state"] for _ in range(2)] == ["ordered"] * 2
    assert order.orders == 1


async def test_a_no_is_a_no(order: Waiting) -> None:
    await order.visitor.open(order.address)
    await order.visitor.press(order.address, "no")
    assert "You said no" in (await order.visitor.ask(order.address)).text
    assert (await order.again()).code == "APPROVAL_DECLINED"
    assert order.orders == 0


async def test_a_page_asked_for_at_one_replica_is_pressed_at_another(tmp_path: Path) -> None:
    async with houses(tmp_path, 2) as (one, other):
        order = await waiting_at(one)
        visitor = order.visitor
        places = {url: url.removesuffix("/mcp") for url in (one.url, other.url)}

        def at(here: House) -> None:
            visitor.served = places[here.url]

        # To each step the replica that a balancer would choose: never that of the step before.
        back = await order.arrived()
        at(other)
        there = visitor.leads(await visitor.ask(back), back)
        at(one)
        shown = await visitor.ask(there)
        assert ORDER[0] in shown.text
        at(other)
        form = {"token": token_in(shown.text), "answer": "yes"}
        await visitor.ask(there, "POST", data=form, headers={"Origin": PUBLIC})
        at(one)
        assert "You said yes" in (await visitor.ask(there)).text
        assert (await order.again(other)).data["state"] == "ordered"
        assert (await order.again(one)).data["replayed"]
        assert order.orders == 1


# Who learns something


@pytest.mark.parametrize("person", [("bob", "one"), ("ada", "other"), ("ADA", "one")])
async def test_others_are_answered_as_if_there_were_no_such_question(
    order: Waiting, person: tuple[str, str]
) -> None:
    order.here.provider.person = person
    unknown = order.address.replace(order.code, UNKNOWN)
    theirs, none = [await order.visitor.open(each) for each in (order.address, unknown)]
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert _plain(theirs.text).replace(order.code, UNKNOWN) == _plain(none.text)
    for fact in ORDER:
        assert fact not in theirs.text
    states = [
        (await order.visitor.ask(f"{each}/state")).json() for each in (unknown, order.address)
    ]
    assert states == [{"state": "over"}] * 2
    # Not even with the token of a form of their own, nor with that of the question's owner.
    owner = Visitor(PUBLIC, order.visitor.served)
    order.here.provider.person = ("ada", "one")
    token = token_in((await owner.open(order.address)).text)
    answers = []
    for code in (order.code, UNKNOWN):
        for given in (token, "0" * 64, ""):
            form = {"token": given, "answer": "yes"}
            pressed = await order.visitor.ask(
                f"{PUBLIC}/mcp/approve/{code}", "POST", data=form, headers={"Origin": PUBLIC}
            )
            answers.append((pressed.status_code, _plain(pressed.text)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 403
    assert (await order.again()).data["state"] == "approval_needed"


async def test_somebody_else_can_sign_in_anew_and_then_sees_it(order: Waiting) -> None:
    order.here.provider.person = ("bob", "one")
    refused = await order.visitor.open(order.address)
    (link,) = re.findall(r'<a href="([^"]+)">Sign in as somebody else</a>', refused.text)
    assert link == f"/mcp/approve/{order.code}?anew"
    order.here.provider.person = ("ada", "one")
    seen = await order.visitor.open(f"{PUBLIC}{link}")
    assert ORDER[0] in seen.text
    asked = order.here.provider.asked
    assert ["prompt" in each for each in asked] == [False, True]


async def test_who_is_not_signed_in_learns_nothing_and_presses_nothing(order: Waiting) -> None:
    visitor, told = order.visitor, set[tuple[object, ...]]()
    for code in (order.code, UNKNOWN):
        page = f"{PUBLIC}/mcp/approve/{code}"
        form = {"token": "0" * 64, "answer": "yes"}
        answers = [
            await visitor.ask(page),
            await visitor.ask(f"{page}/state"),
            await visitor.ask(page, "POST", data=form, headers={"Origin": PUBLIC}),
        ]
        visitor.cookies.clear()
        statuses = tuple(answer.status_code for answer in answers)
        told.add((statuses, *(_plain(answer.text) for answer in answers)))
        assert answers[0].headers["location"].startswith(f"{order.here.provider.issuer}/auth?")
        assert code not in answers[0].headers["location"]
    ((first, *_),) = told
    assert first == (303, 403, 403)
    for odd in ("signed-in/x", "a/b/c", "k7qd3mxa", "AAAA", f"{order.code}A", "..%2f..%2fmcp"):
        answer = await visitor.ask(f"{PUBLIC}/mcp/approve/{odd}")
        assert answer.status_code in (404, 405)
    assert (await order.again()).data["state"] == "approval_needed"


async def test_an_operators_terminal_reads_and_answers_nothing_of_it(order: Waiting) -> None:
    app, settings = order.here.server.running.app, order.here.settings
    journal = app.booking.journal
    seal = Seal(settings.client_secret, settings.account.key())
    terminal = ByHand(journal=journal, seal=seal, environment="sandbox", clock=SystemClock())
    assert await terminal.found(order.code) is None


def _plain(text: str) -> str:
    """A page without what is new each time."""
    return re.sub(r'nonce[-=]"?[\w-]+', "nonce", text)


# The way to the provider and back


async def test_the_provider_is_asked_as_it_should_be_and_knows_no_order(order: Waiting) -> None:
    await order.visitor.open(order.address)
    (asked,) = order.here.provider.asked
    assert set(asked) == {
        *("client_id", "redirect_uri", "response_type", "scope"),
        *("state", "nonce", "code_challenge", "code_challenge_method"),
    }
    assert asked["redirect_uri"] == f"{PUBLIC}/mcp/approve/signed-in"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 32


async def _with(order: Waiting, **answers: Any) -> str:
    order.here.provider.answers = answers
    return await order.arrived()


async def _cookie_lost(order: Waiting) -> str:
    back = await order.arrived()
    order.visitor.cookies.clear()
    return back


async def _state_replayed(order: Waiting) -> str:
    back = await order.arrived()
    kept = dict(order.visitor.cookies)
    first = await order.visitor.ask(back)
    assert first.status_code == 303
    # The browser forgot the cookie; whoever copied it brings it once more.
    assert not [name for name in order.visitor.cookies if "signing-in" in name]
    order.visitor.cookies = kept
    return back


async def _state_of_another(order: Waiting) -> str:
    other = Visitor(PUBLIC, order.visitor.served)
    await order.arrived()
    return await other.arrive(order.address)


async def _code_of_another(order: Waiting) -> str:
    """A code that somebody got for themselves, put into the sign-in of the person."""
    other = Visitor(PUBLIC, order.visitor.served)
    back, theirs = await order.arrived(), await other.arrive(order.address)
    code, theirs = (re.findall("code=([^&]+)", each)[0] for each in (back, theirs))
    return back.replace(code, theirs)


async def _code_expired(order: Waiting) -> str:
    back = await order.arrived()
    order.here.provider.codes.clear()
    return back


async def _provider_says(order: Waiting, **says: str) -> str:
    order.here.provider.says = says
    return await order.arrived()


FAILED: dict[str, tuple[Any, str]] = {
    "a missing cookie": (_cookie_lost, "began none"),
    "a replayed state": (_state_replayed, "used already"),
    "the state of another browser": (_state_of_another, "began none"),
    "the code of another": (_code_of_another, "status 400"),
    "an expired code": (_code_expired, "status 400"),
    "a wrong nonce": (lambda o: _with(o, nonce="x" * 32), "nonce"),
    "no nonce": (lambda o: _with(o, without=("nonce", "scope", "client_id")), "nonce"),
    "another audience": (lambda o: _with(o, aud="another"), "aud"),
    "this server as audience": (lambda o: _with(o, aud=f"{PUBLIC}/mcp"), "aud"),
    "given to another client": (lambda o: _with(o, azp="another"), "azp"),
    "for several clients": (lambda o: _with(o, aud=["korus-page", "another"]), "azp"),
    "another issuer": (lambda o: _with(o, iss="https://evil.example.test"), "iss"),
    "an expired token": (lambda o: _with(o, exp=1), "expired"),
    "an access token": (lambda o: _with(o, header={"typ": "at+jwt"}), "typ"),
    "signed by somebody else": (lambda o: _with(o, key=signing_key("evil")), "signature"),
    "signed with a secret": (lambda o: _with(o, algorithm="HS256", key="k" * 40), "alg"),
    "nobody": (lambda o: _with(o, sub=""), "sub"),
    "no tenant": (lambda o: _with(o, org=None), "tenant"),
    "refused by the provider": (
        lambda o: _provider_says(o, error="access_denied", code=""),
        "access_denied",
    ),
    "answered by another issuer": (
        lambda o: _provider_says(o, iss="https://evil.example.test"),
        "another issuer",
    ),
    "answered without a code": (lambda o: _provider_says(o, code=""), "no code"),
}


@pytest.mark.parametrize("case", FAILED)
async def test_a_sign_in_that_is_not_whole_is_none(
    order: Waiting, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="korus_mcp")
    prepare, why = FAILED[case]
    back = await prepare(order)
    order.visitor.cookies.pop("korus-person", None)
    refused = await order.visitor.ask(back)
    assert refused.status_code == 403
    assert "You are not signed in" in refused.text
    assert "korus-person" not in order.visitor.cookies
    # Nobody is signed in: whoever comes now is sent to the provider.
    assert (await order.visitor.ask(order.address)).status_code == 303
    assert "a sign-in to the page of a question was refused" in caplog.text
    assert why in caplog.text
    _nothing_told(order.here.provider, caplog.text + refused.text)


def _nothing_told(provider: FakeProvider, text: str) -> None:
    """No code, token or secret stands in a text that others may read."""
    for secret in (*provider.given, OPAQUE, provider.client[1] or "?"):
        assert secret not in text


async def test_nothing_of_the_providers_tokens_is_kept_or_told(
    order: Waiting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="korus_mcp")
    seen = await order.visitor.open(order.address)
    await order.visitor.press(order.address)
    assert (await order.again()).data["state"] == "ordered"
    _nothing_told(order.here.provider, caplog.text + seen.text)
    files = files_in(tmp_path)
    assert any(each.name == "journal.db" for each in files)
    for file in files:
        content = file.read_bytes()
        assert b"canary-" not in content
        assert b"ada@example.org" not in content


async def test_what_a_browser_keeps_is_sealed_short_lived_and_goes_nowhere_else(
    order: Waiting,
) -> None:
    begun = await order.visitor.ask(order.address)
    (going,) = order.visitor.cookies.values()
    order.visitor.cookies.clear()
    await order.visitor.open(order.address)
    (person,) = order.visitor.cookies.values()
    assert person.key == "korus-person"
    for cookie in (going, person):
        assert cookie["httponly"]
        assert cookie["secure"]
        assert cookie["samesite"] == "lax"
        assert cookie["path"] == "/mcp/approve"
        assert not cookie["domain"]
        assert 0 < int(cookie["max-age"]) <= 600
        for word in ("ada", order.code, "korus-page", "state", "nonce"):
            assert word not in cookie.value
    state = re.findall(r"state=([^&]+)", begun.headers["location"])[0]
    assert state not in going.value
    # One cookie is nothing in the place of the other, and a changed one is none.
    for name, value in (
        ("korus-person", going.value),
        ("korus-person", person.value[:-2] + "AA"),
        ("korus-person", ""),
    ):
        order.visitor.cookies.clear()
        shown = await order.visitor.ask(order.address, headers={"cookie": f"{name}={value}"})
        assert shown.status_code == 303


async def test_a_cookie_ends_by_the_clock_of_the_server_and_with_its_journal() -> None:
    journal = Installation("abcdef", b"k" * 32)
    sealed = _Sealing(journal, 1_000.0).sealed("korus-person", {"owner": "a", "mark": "b"}, 600)
    cookies = {"korus-person": sealed}
    assert _Sealing(journal, 1_599.0).opened("korus-person", cookies) == {"owner": "a", "mark": "b"}
    assert _Sealing(journal, 1_600.0).opened("korus-person", cookies) is None
    other = Installation("abcdef", b"l" * 32)
    assert _Sealing(other, 1_001.0).opened("korus-person", cookies) is None
    assert _Sealing(journal, 1_001.0).opened("other", {"other": sealed}) is None


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {"Origin": None}),
        ({}, {"Origin": "null"}),
        ({}, {"Origin": "https://evil.example.test"}),
        ({}, {"Origin": f"{PUBLIC}:444"}),
        ({}, {"Origin": PUBLIC.replace("https", "http")}),
        ({}, {"Host": "evil.example.test"}),
        ({"token": None}, {}),
        ({"token": "0" * 64}, {}),
        ({"answer": "maybe"}, {}),
        ({"answer": None}, {}),
        ({"more": "x" * BODY_BYTES}, {}),
    ],
)
async def test_a_press_needs_our_host_origin_and_token(
    order: Waiting, form: Mapping[str, str | None], headers: Mapping[str, str | None]
) -> None:
    token = token_in((await order.visitor.open(order.address)).text)
    right: dict[str, dict[str, str | None]] = {
        "data": {"answer": "yes", "token": token, **form},
        "headers": {"Origin": PUBLIC, **headers},
    }
    given = {each: {k: v for k, v in told.items() if v} for each, told in right.items()}
    refused = await order.visitor.ask(order.address, "POST", **given)
    assert refused.status_code in (403, 421)
    assert (await order.again()).data["state"] == "approval_needed"


async def test_nothing_that_is_got_changes_anything(order: Waiting) -> None:
    token = token_in((await order.visitor.open(order.address)).text)
    for path in ("", f"?answer=yes&token={token}", "/state", "/yes", "?anew"):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
            await order.visitor.ask(f"{order.address}{path}", method)
    assert (await order.again()).data["state"] == "approval_needed"


async def test_after_the_sign_in_a_browser_goes_to_its_question_and_nowhere_else(
    order: Waiting,
) -> None:
    back = await order.arrived()
    evil = "&next=https://evil.example.test&code2=x&redirect_uri=https://evil.example.test"
    sent = await order.visitor.ask(back + evil)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/mcp/approve/{order.code}")


async def test_what_a_browser_must_hold_to(order: Waiting) -> None:
    first = await order.visitor.open(order.address)
    second = await order.visitor.ask(order.address)
    policy = first.headers["content-security-policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert policy != second.headers["content-security-policy"], "a nonce of its own"
    lost = Visitor(PUBLIC, order.visitor.served)
    answers = [first, await lost.ask(order.address), await lost.ask(f"{order.back}?state=x")]
    for each in answers:
        assert each.headers["cache-control"] == "no-store"
        assert each.headers["x-frame-options"] == "DENY"
        assert each.headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in each.headers


async def test_a_provider_that_is_away_is_told_and_nothing_is_shown(order: Waiting) -> None:
    back = await order.arrived()
    order.here.provider.is_down = True
    sent = await order.visitor.ask(back)
    assert sent.status_code == 503
    assert "You cannot sign in just now" in sent.text
    assert "korus-person" not in order.visitor.cookies


@pytest.mark.parametrize(
    ("secret", "methods"),
    [
        ("canary-client-secret", ("client_secret_basic",)),
        ("canary-client-secret", ("client_secret_post",)),
        ("canary: secret %", ("client_secret_basic", "client_secret_post")),
        (None, ("none",)),
    ],
)
async def test_the_client_names_itself_as_the_provider_wants_it(
    tmp_path: Path, secret: str | None, methods: tuple[str, ...]
) -> None:
    async with houses(tmp_path, AUTH_CLIENT_SECRET=secret or "") as (here,):
        here.provider.client, here.provider.methods = ("korus-page", secret), methods
        order = await waiting_at(here)
        assert ORDER[0] in (await order.visitor.open(order.address)).text


async def test_a_wrong_secret_signs_nobody_in_and_is_told_to_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with houses(tmp_path, AUTH_CLIENT_SECRET="wrong-one") as (here,):
        order = await waiting_at(here)
        assert (await order.visitor.open(order.address)).status_code == 403
        assert "status 401" in caplog.text
        assert "wrong-one" not in caplog.text


@pytest.mark.parametrize("profile", ["service-desk", "browse"])
async def test_without_a_client_there_is_no_start_where_only_a_person_can_say_yes(
    profile: str,
) -> None:
    settings = signing_in(FakeProvider(), APPROVAL="human", PROFILE=profile)
    server = build_server(settings, has_sign_in=True)
    sign_in = sign_in_of(server, settings)
    if profile == "browse":  # nothing is ordered there
        assert pages_for_people(server, settings, sign_in) is None
        return
    with pytest.raises(Misconfigured, match="needs KORUS_AUTH_CLIENT_ID"):
        pages_for_people(server, settings, sign_in)


async def test_where_a_summary_is_enough_there_is_no_page(tmp_path: Path) -> None:
    async with houses(tmp_path, APPROVAL="two_step") as (here,):
        visitor = Visitor(PUBLIC, here.url.removesuffix("/mcp"))
        answer = await visitor.ask(f"{PUBLIC}/mcp/approve/{UNKNOWN}")
        assert answer.status_code == 401
