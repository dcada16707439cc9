"""The page and hosts that are silent, rude or none: it says so, and shows what it has."""

from playwright.sync_api import expect

from tests.ui import sheets
from tests.ui.reading import turn_to
from tests.ui.stage import Stage, witness

SILENCE = 9_000
"""Longer than the page waits for a host, in milliseconds of its own clock."""


def test_the_page_introduces_itself_as_the_specification_says(stage: Stage) -> None:
    stage.open("seat-map", manner="silent")
    log = stage.until(lambda log: log["raw"])
    first = log["raw"][0]
    assert first["jsonrpc"] == "2.0"
    assert first["method"] == "ui/initialize"
    assert first["params"]["protocolVersion"] == "2026-01-26"
    assert first["params"]["appInfo"] == {"name": "korus-seat-map", "version": "1.0.0"}
    assert set(first["params"]) == {"appInfo", "appCapabilities", "protocolVersion"}


def test_a_host_that_never_answers_is_named_and_its_result_shown(stage: Stage) -> None:
    stage.context.clock.install()
    frame = stage.open("seat-map", manner="silent", result=sheets.result(sheets.hall()))
    expect(frame.locator(".zone")).to_have_count(6)
    stage.context.clock.run_for(SILENCE)
    expect(frame.locator("#page > .notice")).to_contain_text("does not answer")
    frame.locator('.zone[aria-label^="Block 3"]').click()
    expect(frame.locator(".money")).to_contain_text("€25")
    expect(frame.locator(".outcome")).to_contain_text("was not checked")
    expect(frame.locator(".sentence")).to_have_text(
        f'I choose the zone "Block 3" on the seat map, 2 seats (offer_id {sheets.offer_id(20)}).'
    )


def test_a_silent_host_without_a_result_leaves_a_page_that_says_so(stage: Stage) -> None:
    stage.context.clock.install()
    frame = stage.open("seat-map", manner="silent")
    expect(frame.locator(".waiting")).to_be_visible()
    stage.context.clock.run_for(SILENCE)
    expect(frame.locator("#page > .notice")).to_contain_text("does not answer")
    expect(frame.locator(".waiting")).to_have_count(0)


def test_a_host_that_refuses_everything_leaves_a_page_that_says_so(stage: Stage) -> None:
    frame = stage.open("seat-map", manner="refusing", result=sheets.result(sheets.hall()))
    expect(frame.locator("#page > .notice")).to_contain_text("refused the connection")
    turn_to(frame, ".row:has-text('Block 3')").click()
    expect(turn_to(frame, ".sentence")).to_be_visible()
    assert witness(frame)["errors"] == []


def test_a_tool_call_that_is_never_answered_ends_and_can_be_tried_again(stage: Stage) -> None:
    stage.context.clock.install()
    answers = [{"hold": sheets.checked()}, sheets.checked()]
    plan = {"check_availability": answers}
    frame = stage.open("seat-map", result=sheets.result(sheets.hall()), answers=plan)
    frame.locator('.zone[aria-label^="Block 3"]').click()
    stage.context.clock.run_for(1_000)
    expect(frame.locator(".asking")).to_be_visible()
    stage.context.clock.run_for(120_000)
    expect(frame.locator(".notice.bad").last).to_contain_text("No answer came.")
    frame.get_by_role("button", name="Try again").click()
    stage.context.clock.run_for(1_000)
    expect(frame.locator(".good")).to_be_visible()


def test_a_host_that_declares_nothing_is_tried_and_not_waited_for_long(stage: Stage) -> None:
    stage.context.clock.install()
    answers = [{"hold": sheets.checked()}, sheets.checked(), {"hold": sheets.checked()}]
    frame = stage.open(
        "seat-map",
        result=sheets.result(sheets.hall()),
        answers={"check_availability": answers},
        capabilities={},
    )
    frame.locator('.zone[aria-label^="Block 3"]').click()
    stage.context.clock.run_for(1_000)
    stage.until(lambda log: log["tools"])
    stage.context.clock.run_for(25_000)
    expect(frame.locator(".notice.bad").last).to_contain_text("No answer came.")
    frame.get_by_role("button", name="Try again").click()
    stage.context.clock.run_for(1_000)
    expect(frame.locator(".good")).to_be_visible()
    frame.locator('.zone[aria-label^="Block 4"]').click()
    stage.context.clock.run_for(25_000)
    expect(frame.locator(".asking")).to_be_visible()


def test_messages_of_another_window_do_not_count(stage: Stage) -> None:
    frame = stage.open("seat-map", result=sheets.result(sheets.hall()))
    expect(frame.locator(".zone")).to_have_count(6)
    forged = {"jsonrpc": "2.0", "method": "ui/notifications/tool-result"}
    stage.host("forge", forged | {"params": sheets.result(sheets.stadium(seats_a_zone=0))})
    stage.page.wait_for_timeout(200)
    expect(frame.locator(".zone")).to_have_count(6)


def test_a_teardown_is_answered_and_nothing_is_asked_after_it(stage: Stage) -> None:
    frame = stage.open("seat-map", result=sheets.result(sheets.hall()))
    expect(frame.locator(".zone")).to_have_count(6)
    assert stage.host("teardown") == {}
    frame.locator(".row", has_text="Block 3").click()
    stage.page.wait_for_timeout(100)
    assert stage.log["tools"] == []
