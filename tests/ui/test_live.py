"""From the seat map to a held reservation, with the real server behind the real page."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from playwright.sync_api import expect

from tests.fixtures.assistant import APPS, Desk, desk
from tests.ui.sheets import Json
from tests.ui.stage import Stage, witness


@dataclass(frozen=True)
class Live:
    """A server in a thread of its own, since the browser's driver has a loop in this one."""

    portal: BlockingPortal
    desk: Desk

    def ask(self, tool: str, arguments: Json) -> Json:
        """The whole CallToolResult."""
        answer = self.portal.call(self.desk.ask, tool, arguments)
        found: Json = answer.result.model_dump(mode="json", by_alias=True, exclude_none=True)
        return found

    def data(self, tool: str, arguments: Json) -> Json:
        """The structure of an answer that is no refusal."""
        found: Json = self.ask(tool, arguments)["structuredContent"]
        return found


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(
            desk(only=("stadium", "hall"), extensions=[APPS])
        ) as opened,
    ):
        yield Live(portal, opened)


@pytest.mark.parametrize("on", ["map", "list"])
@pytest.mark.parametrize("query", ["herons derby", "symphony of the tides"])
def test_the_zone_that_was_clicked_is_the_one_that_is_held(
    stage: Stage, live: Live, query: str, on: str
) -> None:
    found = live.data("search_products", {"query": query})["products"][0]
    wish = {"product_base_id": found["product_base_id"], "quantity": 2, "language": "en"}
    # A lambda, since the driver writes on the function it is given.
    stage.page.expose_function("askServer", lambda tool, arguments: live.ask(tool, arguments))
    frame = stage.open("seat-map", result=live.ask("get_seat_map", wish), input=wish, live=True)
    if on == "map":
        drawn = frame.locator('.zone:not([aria-label*="sold out"])')
        drawn.nth(drawn.count() // 2).click()
    else:
        frame.locator(".row").first.click()
    expect(frame.locator(".good")).to_contain_text("Available now")
    told = stage.until(lambda log: log["contexts"])["contexts"][-1]["structuredContent"]
    if sessions := frame.locator(".sessions input:enabled").all():
        sessions[0].check()
        log = stage.until(lambda log: log["contexts"][-1]["structuredContent"].get("session_id"))
        told = log["contexts"][-1]["structuredContent"]
    assert {tool["name"] for tool in stage.log["tools"]} == {"check_availability"}
    assert witness(frame) == {"violations": [], "errors": []}

    item = {"offer_id": told["offer_id"], "quantity": told["quantity"]}
    if "session_id" in told:
        item["session_ids"] = [told["session_id"]]
    held = live.data("reserve", {"items": [item]})
    assert held["state"] == "held"
    assert float(held["total"].split()[0]) == 2 * float(told["price"])
