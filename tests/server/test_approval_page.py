"""The page on loopback: who may answer there, and that looking at it changes nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from korus_mcp.booking.by_hand import ByHand, Seal, Shown, ShownDoubt, ShownLine
from korus_mcp.booking.conditions import Attached
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.journal.records import Approval, Asked, JournalDown, JournalFault
from korus_mcp.server.approval_desk import BODY_BYTES
from korus_mcp.server.approval_door import MOST_WRONG, approval_app
from tests.fixtures.by_hand import token_in
from tests.journal.memory import MemoryJournal
from tests.journal.rows import asked

pytestmark = pytest.mark.anyio
ORIGIN = "http://127.0.0.1:4711"
SHOWN = Shown(
    environment="production",
    lines=(
        ShownLine(2, "Adult <img src=x>", ("2026-11-29T20:45:00+01:00",), "90.00 EUR"),
        ShownLine(1, "Child", ("2026-12-01",), "45.00 EUR"),
    ),
    seats=("row 7, seat 12", "row 7, seat 13"),
    are_apart=True,
    total="135.00 EUR",
    customer="Ada Lovelace, ada@example.org",
    notes='"><script>alert(1)</script>',
    terms=("No exchange.",),
    attached=Attached(
        orders=2, units=3, tickets=6, most=(6,), names_holders=True, ages=("From the age of 6.",)
    ),
    doubts=(ShownDoubt("r9", "o9"), ShownDoubt("r8", None)),
)


class Breaking(MemoryJournal):
    """A journal that can be taken away."""

    is_down = False

    async def asked(self, which: str) -> Asked | None:
        if self.is_down:
            raise JournalDown(JournalFault.FULL)
        return await super().asked(which)


@dataclass
class Page:
    """A question on its page, and a browser before it."""

    browser: httpx.AsyncClient
    by_hand: ByHand
    journal: Breaking
    clock: ManualClock
    one: Asked

    @property
    def told(self) -> str:
        """The address that the assistant is told."""
        return f"/{self.one.code}"

    @property
    def path(self) -> str:
        """The address that can answer."""
        return f"{self.told}/{self.by_hand.seal.secret_of(self.one.code)}"

    async def token(self) -> str:
        return token_in((await self.browser.get(self.path)).text)

    async def press(self, answer: str = "yes", **changes: Any) -> httpx.Response:
        """Press as a browser does, but for these changes of the request."""
        form = {"token": await self.token(), "answer": answer}
        usual: dict[str, Any] = {"data": form, "headers": {"Origin": ORIGIN}}
        return await self.browser.post(self.path, **(usual | changes))

    async def stands(self) -> bool | None:
        found = await self.journal.asked(self.one.code)
        assert found is not None
        return found.is_yes

    async def approval(self) -> Approval | None:
        return (await self.journal.approvals([self.one.nonce])).get(self.one.nonce)


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    clock = ManualClock()
    journal, seal = Breaking(clock), Seal("a secret", "account")
    by_hand = ByHand(journal=journal, seal=seal, environment="production", clock=clock)
    shown = seal.sealed(SHOWN)
    one = await journal.ask(asked("q", code="K7QD3MXA", shown=shown), now=clock.now())
    transport = httpx.ASGITransport(approval_app(by_hand, ORIGIN))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as browser:
        yield Page(browser, by_hand, journal, clock, one)


async def test_the_page_shows_all_of_the_order_and_nothing_is_markup(page: Page) -> None:
    found = await page.browser.get(page.path)
    assert found.status_code == 200
    for fact in (
        "2 × Adult &lt;img src=x&gt;, 29 November 2026, 20:45, 90.00 EUR",
        "1 × Child, 1 December 2026, 45.00 EUR",
        "row 7, seat 12; row 7, seat 13 (not together)",
        "This makes 2 orders, one for each reservation.",
        "These are 6 tickets, 2 for each person, such as entry and show.",
        "The issuer allows at most 6 in one order.",
        "The issuer may ask for the holders&#x27; names after the order.",
        "The issuer says: &quot;From the age of 6.&quot;",
        "Yes, order for 135.00 EUR",
        "Ada Lovelace, ada@example.org",
        "No exchange.",
        "(order o9)",
        "(reservation r8)",
        "real order",
        "cannot be cancelled",
        "10:00",
    ):
        assert fact in found.text
    assert "<img" not in found.text
    assert "<script>" not in found.text


async def test_french_is_for_who_reads_it(page: Page) -> None:
    found = await page.browser.get(page.path, headers={"Accept-Language": "fr-CA,en;q=0.8"})
    for fact in (
        'lang="fr"',
        "29 novembre 2026",
        "Oui, commander pour",
        "Conditions de vente",
        "Cela fait 2 commandes",
        "2 par personne",
        "pas côte à côte",
    ):
        assert fact in found.text


async def test_a_yes_and_a_no_are_written_down_once(page: Page) -> None:
    pressed = await page.press("yes")
    assert (pressed.status_code, pressed.headers["location"]) == (303, page.path)
    assert await page.stands() is True
    given = await page.approval()
    assert given == page.one.answered(is_yes=True, no_until=page.clock.now()).approval
    seen = await page.browser.get(page.path)
    assert "You said yes" in seen.text
    assert "<form" not in seen.text


async def test_the_first_press_stands(page: Page) -> None:
    form = {"token": await page.token()}
    for answer in ("no", "yes", "yes"):
        data = form | {"answer": answer}
        sent = await page.browser.post(page.path, data=data, headers={"Origin": ORIGIN})
        assert sent.status_code == 303
        assert await page.stands() is False
    assert "You said no" in (await page.browser.get(page.path)).text


async def test_nothing_that_is_got_changes_anything(page: Page) -> None:
    """Whoever was told code and address, and even whoever has the secret one."""
    token = await page.token()
    for path in (
        "/", page.told, f"{page.told}/", f"{page.told}/yes", f"{page.told}?answer=yes",
        f"{page.path}?answer=yes&token={token}", f"{page.path}/state", f"{page.path}/yes",
    ):  # fmt: skip
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
            await page.browser.request(method, path, headers={"Origin": ORIGIN})
    assert await page.stands() is None
    assert await page.approval() is None


async def test_what_the_assistant_was_told_presses_nothing(page: Page) -> None:
    told = await page.browser.get(page.told)
    assert "korus-mcp approve K7QD3MXA" in told.text
    unknown = await page.browser.get("/AAAAAAAA")
    assert unknown.text.replace("AAAAAAAA", "K7QD3MXA").count("Ada") == 0
    for word in (*SHOWN.customer.split(", "), "135.00", "<form", "token"):
        assert word not in told.text
    for path in (page.told, f"{page.told}/", f"{page.told}/K7QD3MXA", f"{page.told}/{'0' * 64}"):
        for form in ({"answer": "yes"}, {"answer": "yes", "token": "K7QD3MXA"}):
            answer = await page.browser.post(path, data=form, headers={"Origin": ORIGIN})
            assert answer.status_code in (404, 405, 307)
    assert await page.stands() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {}},
        {"headers": {"Origin": "null"}},
        {"headers": {"Origin": "http://localhost:4711"}},
        {"headers": {"Origin": "http://127.0.0.1:4712"}},
        {"headers": {"Origin": "https://127.0.0.1:4711"}},
        {"headers": {"Origin": f"{ORIGIN}.example.org"}},
        {"headers": [("Origin", ORIGIN), ("Origin", ORIGIN)]},
        {"headers": {"Origin": ORIGIN, "Host": "localhost:4711"}},
        {"headers": {"Origin": ORIGIN, "Host": "127.0.0.1"}},
        {"headers": {"Origin": ORIGIN, "Host": "rebound.example.org:4711"}},
        {"data": {"answer": "yes"}},
        {"data": {"answer": "yes", "token": "0" * 64}},
        {"data": {"answer": "yes", "token": ["0" * 64, "1" * 64]}},
        {"data": None, "json": {"answer": "yes"}},
    ],
)
async def test_a_press_needs_our_host_origin_and_token(page: Page, changes: dict[str, Any]) -> None:
    refused = await page.press(**changes)
    assert refused.status_code in (403, 421)
    assert await page.stands() is None


@pytest.mark.parametrize("answer", ["", "YES", "y", "maybe", "true"])
async def test_only_yes_and_no_are_answers(page: Page, answer: str) -> None:
    assert (await page.press(answer)).status_code == 403
    assert await page.stands() is None


async def test_a_larger_form_than_ours_is_not_read(page: Page) -> None:
    form = {"token": await page.token(), "answer": "yes", "more": "x" * BODY_BYTES}
    sent = await page.browser.post(page.path, data=form, headers={"Origin": ORIGIN})
    assert sent.status_code == 403
    assert await page.stands() is None


async def test_a_foreign_host_sees_nothing(page: Page) -> None:
    for host in ("localhost:4711", "rebound.example.org"):
        found = await page.browser.get(page.path, headers={"Host": host})
        assert (found.status_code, found.text) == (421, "")
    framed = await page.browser.get(page.path, headers={"Origin": "http://elsewhere.example.org"})
    assert (framed.status_code, framed.text) == (403, "")


async def test_guesses_of_a_secret_are_counted_and_the_right_one_passes(page: Page) -> None:
    codes = []
    for number in range(MOST_WRONG + 5):
        guess = await page.browser.get(f"/K7QD3MX{number:x}/{number:064x}")
        codes.append(guess.status_code)
    assert codes == [404] * MOST_WRONG + [429] * 5
    assert (await page.browser.get(page.path)).status_code == 200


async def test_another_accounts_secret_opens_nothing(page: Page) -> None:
    other = Seal("a secret", "another account").secret_of(page.one.code)
    path = f"{page.told}/{other}"
    form = {"token": await page.token(), "answer": "yes"}
    assert (await page.browser.get(path)).status_code == 404
    sent = await page.browser.post(path, data=form, headers={"Origin": ORIGIN})
    assert sent.status_code == 404
    assert await page.stands() is None


async def test_another_process_takes_no_token_of_this_one(page: Page) -> None:
    """It may have got the port of one that ended."""
    form = {"token": await page.token(), "answer": "yes"}
    later = httpx.ASGITransport(approval_app(page.by_hand, ORIGIN))
    async with httpx.AsyncClient(transport=later, base_url=ORIGIN) as browser:
        sent = await browser.post(page.path, data=form, headers={"Origin": ORIGIN})
        assert sent.status_code == 403
        assert await page.stands() is None
        assert token_in((await browser.get(page.path)).text) != form["token"]


async def test_a_page_that_is_stale_says_so_and_answers_nothing(page: Page) -> None:
    form = {"token": await page.token(), "answer": "yes"}
    state = f"{page.path}/state"
    assert (await page.browser.get(state)).json() == {"state": "open"}
    newer = replace(asked("newer", *page.one.reservation_ids), shown=page.one.shown)
    await page.journal.ask(newer, now=page.clock.now())
    assert (await page.browser.get(state)).json() == {"state": "over"}
    await page.browser.post(page.path, data=form, headers={"Origin": ORIGIN})
    assert await page.journal.asked(page.one.code) is None
    assert await page.journal.asked(newer.code) == newer
    seen = await page.browser.get(page.path)
    assert seen.status_code == 404
    assert "another took its place" in seen.text


async def test_after_its_time_the_page_says_so_and_answers_nothing(page: Page) -> None:
    form = {"token": await page.token(), "answer": "yes"}
    page.clock.advance(600)
    sent = await page.browser.post(page.path, data=form, headers={"Origin": ORIGIN})
    assert sent.status_code == 303
    assert await page.stands() is None
    seen = await page.browser.get(page.path)
    assert "time to answer is over" in seen.text
    assert "<form" not in seen.text


async def test_without_a_journal_the_page_promises_nothing(page: Page) -> None:
    form = {"token": await page.token(), "answer": "yes"}
    page.journal.is_down = True
    sent = await page.browser.post(page.path, data=form, headers={"Origin": ORIGIN})
    seen = await page.browser.get(page.path)
    assert (sent.status_code, seen.status_code) == (503, 503)
    assert "Ask your assistant" in seen.text
    page.journal.is_down = False
    assert await page.stands() is None


async def test_what_a_browser_must_hold_to(page: Page) -> None:
    first, second = [await page.browser.get(page.path) for _ in range(2)]
    policy = first.headers["content-security-policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert policy != second.headers["content-security-policy"], "a nonce of its own"
    for name, value in (
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ):
        for each in (first, await page.browser.get(page.told), await page.browser.get("/a/b")):
            assert each.headers[name] == value
