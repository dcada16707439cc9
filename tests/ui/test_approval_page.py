"""The page on which a person says yes or no, in Chromium, with the real server behind it."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.assistant import Answer, Desk, desk, settings_of
from tests.fixtures.by_hand import Desktop, told_address
from tests.fixtures.signed_in import houses
from tests.server.test_signed_in_page import waiting_at
from tests.tools.test_agreement import held, place
from tests.ui.stage import WITNESS


@dataclass(frozen=True)
class Waiting:
    """An order that waits for a person at the server's own desktop."""

    portal: BlockingPortal
    desk: Desk
    hold: str
    call: "Future[Answer]"
    address: str

    def again(self) -> Answer:
        """The same call once more."""
        answer: Answer = self.portal.call(place, self.desk, self.hold)
        return answer

    @property
    def orders(self) -> int:
        return len(self.desk.sandbox.orders())


@contextmanager
def waiting(folder: Path) -> Iterator[Waiting]:
    desktop = Desktop(folder)
    settings = settings_of(APPROVAL="human", ANSWER_SECONDS="10")
    opened = desk(settings, only=("park",), beside=desktop.environment)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(opened) as one,
    ):
        hold = portal.call(held, one)
        call = portal.start_task_soon(place, one, hold)
        yield Waiting(portal, one, hold, call, portal.call(desktop.address))


@pytest.fixture
def order(tmp_path: Path) -> Iterator[Waiting]:
    with waiting(tmp_path) as each:
        yield each


@contextmanager
def tab(browser: Browser, **options: Any) -> Iterator[Page]:
    context = browser.new_context(**options)
    context.add_init_script(WITNESS)
    context.set_default_timeout(45_000)
    try:
        yield context.new_page()
    finally:
        context.close()


def test_yes_on_the_page_orders_with_the_call_that_waits(browser: Browser, order: Waiting) -> None:
    with tab(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(order.address)
        for fact in ("2 ×", "90.00 EUR", "Ada Lovelace", "ada@example.org", "cannot be cancelled"):
            expect(page.locator("main")).to_contain_text(fact)
        expect(page.locator(".count")).not_to_have_text("10:00")
        page.get_by_role("button", name="Yes, order for 90.00 EUR").click()
        expect(page.locator(".said")).to_contain_text("You said yes")
        assert order.call.result(20).data["state"] == "ordered"
        assert order.orders == 1
        witness = page.evaluate("() => window.witness")
        assert witness == {"violations": [], "errors": []}
        own = order.address.rsplit("/", 2)[0]
        assert all(url.startswith(own) for url in asked)


def test_no_on_the_page_is_a_no(browser: Browser, order: Waiting) -> None:
    with tab(browser, locale="fr-FR", color_scheme="dark") as page:
        page.goto(order.address)
        expect(page.locator("h1")).to_have_text("Passer cette commande ?")
        page.get_by_role("button", name="Non").click()
        expect(page.locator(".said")).to_contain_text("Vous avez dit non")
    assert order.call.result(20).code == "APPROVAL_DECLINED"
    assert order.again().code == "APPROVAL_DECLINED"
    assert order.orders == 0


def test_two_tabs_are_one_answer(browser: Browser, order: Waiting) -> None:
    with tab(browser) as first, tab(browser) as second:
        for page in (first, second):
            page.goto(order.address)
        first.get_by_role("button", name="Yes").click()
        expect(second.locator(".said")).to_contain_text("You said yes")
    assert order.call.result(20).data["state"] == "ordered"
    assert order.again().data["replayed"]
    assert order.orders == 1


def test_without_a_script_it_is_a_form(browser: Browser, order: Waiting) -> None:
    with tab(browser, java_script_enabled=False) as page:
        page.goto(order.address)
        page.get_by_role("button", name="Yes").click()
        expect(page.locator(".said")).to_contain_text("You said yes")
    assert order.call.result(20).data["state"] == "ordered"


def test_a_page_whose_server_is_gone_says_so(browser: Browser, tmp_path: Path) -> None:
    with ExitStack() as server, tab(browser) as pressed, tab(browser) as watched:
        order = server.enter_context(waiting(tmp_path))
        for page in (pressed, watched):
            page.goto(order.address)
            expect(page.locator(".gone")).to_be_hidden()
        order.call.cancel()
        sandbox = order.desk.sandbox
        server.close()
        pressed.get_by_role("button", name="Yes").click()
        for page in (pressed, watched):
            expect(page.locator(".gone")).to_be_visible(timeout=20_000)
            expect(page.get_by_role("button", name="Yes")).to_be_disabled()
        assert not sandbox.orders()


def test_nobody_else_frames_it_and_no_key_presses_it(browser: Browser, order: Waiting) -> None:
    with tab(browser) as page:
        page.set_content(f'<iframe src="{order.address}"></iframe>')
        page.wait_for_timeout(300)
        assert page.frames[1].get_by_role("button").count() == 0
        page.goto(order.address)
        for key in ("Enter", "Space", "y"):
            page.keyboard.press(key)
        page.wait_for_timeout(200)
        assert page.get_by_role("button").count() == 2
    assert order.call.result(20).data["state"] == "approval_needed"
    assert order.orders == 0


def test_a_page_of_another_site_presses_nothing(browser: Browser, order: Waiting) -> None:
    with tab(browser) as page:
        page.goto(order.address)
        token = page.locator("input[name=token]").get_attribute("value")
        page.goto("data:text/html,elsewhere")
        page.set_content(
            f'<form method="post" action="{order.address}"><input name="token" value="{token}">'
            '<input name="answer" value="yes"><button>win</button></form>'
        )
        page.get_by_role("button").click()
        page.wait_for_timeout(300)
    assert order.call.result(20).data["state"] == "approval_needed"
    assert order.orders == 0


def test_the_address_an_assistant_is_told_has_nothing_to_press(
    browser: Browser, order: Waiting
) -> None:
    told = order.call.result(20)
    assert told.data["state"] == "approval_needed"
    address = told_address(told.data["next"])
    assert address == order.address.rsplit("/", 1)[0]
    with tab(browser) as page:
        page.goto(address)
        expect(page.locator("main")).to_contain_text(f"korus-mcp approve {told.data['code']}")
        assert page.locator("button, form, input, a").count() == 0
    assert order.orders == 0


def test_who_asked_signs_in_and_says_yes_and_somebody_else_sees_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    served = houses(tmp_path, is_public=False)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(served) as (here,),
    ):
        order = portal.call(waiting_at, here)
        here.provider.person = ("bob", "one")
        with tab(browser) as page:
            page.goto(order.address)
            expect(page.locator(".said")).to_contain_text("No question is open here")
            here.provider.person = ("ada", "one")
            page.get_by_role("link", name="Sign in as somebody else").click()
            expect(page.locator("main")).to_contain_text("Ada Lovelace")
            assert page.url == order.address
            page.get_by_role("button", name="Yes, order for 90.00 EUR").click()
            expect(page.locator(".said")).to_contain_text("You said yes")
            assert page.evaluate("() => document.cookie") == ""
            assert page.evaluate("() => window.witness") == {"violations": [], "errors": []}
        assert portal.call(order.again).data["state"] == "ordered"
        assert order.orders == 1
