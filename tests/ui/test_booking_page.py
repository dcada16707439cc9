"""The page of a booking, in Chromium, with the reference app-bridge as its host."""

import copy
import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, TypeAlias

import pytest
from playwright.sync_api import Frame, expect

from korus_mcp.answers.holds import HoldView
from korus_mcp.answers.seats import SeatsView
from korus_mcp.booking.order_status import _CONFIRMED
from korus_mcp.foundation.refusals import Code, Effect
from korus_mcp.journal.records import NEVER_APPEARED
from tests.ui.booking_results import Results, booking_results
from tests.ui.conftest import Open
from tests.ui.reading import pages
from tests.ui.stage import MODULES, UI, Stage, witness

Json: TypeAlias = dict[str, Any]
Show: TypeAlias = Callable[..., Frame]

PAGE: Final = "booking"
NOW: Final = "2026-06-01T09:00:00Z"
HEADROOM: Final = timedelta(minutes=1)
"""In which a page is open before its clock is stopped."""
READERS: Final = {"get_reservation", "get_tickets"}
NO_TOOLS: Final[Json] = {"openLinks": {}}
"""Of a host that says what it offers, and offers no tools."""
PHONE: Final = {"width": 360, "height": 780}
TITLES: Final = {
    "held": "Your tickets are on hold",
    "replayed": "Your tickets are on hold",
    "partly_held": "Part of it is on hold",
    "failed": "Nothing is on hold",
    "hold_in_doubt": "The answer is still missing",
    "confirmation_needed": "Ready to order, not ordered yet",
    "ordered": "Your order is placed",
    "order_replayed": "Your order is placed",
    "partially_ordered": "Part of it is ordered",
    "order_failed": "Nothing was ordered",
    "order_failed_late": "Nothing was ordered",
    "order_in_doubt": "It is not certain yet whether this is ordered",
    "order_cancelled": "The issuer cancelled this order",
    "partly_cancelled": "Part of the order was cancelled",
    "order_unconfirmed": "An order is not confirmed",
    "order_not_read": "An order is not confirmed",
    "tickets_unconfirmed": "An order is not confirmed",
    "tickets_called": "Your tickets are ready",
    "to_name": "Your tickets need names",
    "named": "Your tickets",
    "not_ready": "Your tickets",
    "ready": "Your tickets are ready",
    "vouchers": "Your tickets are ready",
    "cancelled": "The issuer cancelled this order",
    "price_moved": "Your tickets are on hold",
    "price_above": "Your tickets are on hold",
    "sold_out": "Not enough tickets are left",
    "not_found": "This does not exist, or is not yours",
    "invalid": "The request was not complete or not right",
    "being_ordered": "An order for this is already under way",
}
"""Every state the tools answer, and the heading of its page."""
LEFTOVERS: Final = re.compile(r"undefined|null|NaN|\[object|Infinity|Invalid")
MONEY: Final = {
    "58.00 EUR": "€58.00",
    "0.10 EUR": "€0.10",
    "1234567.89 EUR": "€1,234,567.89",
    "123456789012345.67 EUR": "€123,456,789,012,345.67",
    "1.005 EUR": "€1.005",
    "-3.50 EUR": "-€3.50",
    "58.00 CHF": "CHF 58.00",
    "a lot": "a lot",
}
HOSTILE: Final = "<img src=x onerror=\"top.x=1;alert(1)\"><a href='javascript:alert(2)'>go</a>"
AXE: Final = """async () => {
  document.documentElement.style.background = "var(--bg)";
  return (await axe.run({ resultTypes: ["violations"] })).violations
    .map((v) => [v.id, v.nodes.map((n) => n.html)]);
}"""
"""Of what is right it need not describe each part. The page lies on what its host paints."""
TURNED: Final = "\u202egnp.tekcit\u202c \u2066x"


@pytest.fixture(scope="module")
def results() -> Results:
    """Real results of the tools, one for each state."""
    return booking_results()


@pytest.fixture
def show(stage: Stage) -> Show:
    """Open the page with a result, on a stage as wide as a desktop."""
    return shower(stage)


def shower(stage: Stage) -> Show:
    """How a result is shown on a stage: English, the clock of the sandbox, a reader in Paris."""

    def shown(result: Json | None, *, now: str = NOW, **plan: Any) -> Frame:
        stage.page.clock.install(time=now)
        context = {"locale": "en-GB", "timeZone": "Europe/Paris", **plan.pop("context", {})}
        frame = stage.open(PAGE, result=result, context=context, **plan)
        if result is not None:
            expect(frame.locator("#said")).not_to_be_empty()
        return frame

    return shown


def show_still(
    stage: Stage, show: Show, result: Json, *, ahead: timedelta = timedelta(0), **plan: Any
) -> Frame:
    """The same under a clock that only the test moves, so much ahead of the sandbox's."""
    start = datetime.fromisoformat(NOW) + ahead
    frame = show(None, now=start - HEADROOM, input={}, **plan)
    stage.until(lambda log: "app" in log)
    stage.page.clock.pause_at(start)
    show_next(stage, frame, result)
    return frame


def show_next(stage: Stage, frame: Frame, result: Json) -> None:
    """Another result on a page that is open."""
    frame.evaluate("() => (document.getElementById('said').textContent = '')")
    stage.host("sendResult", result)
    expect(frame.locator("#said")).not_to_be_empty()


def heading(frame: Frame) -> str:
    return frame.locator("h1").inner_text()


def words(frame: Frame) -> str:
    """All that can be read, spaces made plain."""
    return " ".join(frame.locator("body").inner_text().split())


def refresh(frame: Frame) -> None:
    frame.get_by_role("button", name="Refresh").click()


# What is shown


def test_every_state_says_in_its_heading_what_it_is(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(results["held"])
    for state, title in TITLES.items():
        show_next(stage, frame, results[state])
        assert heading(frame) == title
        assert not LEFTOVERS.search(words(frame))
    assert witness(frame) == {"violations": [], "errors": []}


def test_every_state_of_the_sandbox_has_its_test(results: Results) -> None:
    looked = {state for state in results.by_state if state.startswith("looked")}
    assert set(results.by_state) - looked == set(TITLES)


def test_a_hold_shows_lines_totals_seats_and_until_when(show: Show, results: Results) -> None:
    frame = show(results["held"])
    rows = frame.get_by_role("table").first.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Dated ticket for 1, 2 or 3 days - 1 day - Adult")
    shown = words(frame)
    for part in ("Tue, 2 June 2026", "Thu, 4 June 2026 at 15:00", "€90.00", "€234.00"):
        assert part in shown
    assert "Grand total €324.00" in shown
    assert "Your seats (side by side) Zone Front stalls · row D · seats 9, 10, 11" in plain(shown)
    assert "Held until 11:15" in shown
    assert "Sandbox: invented, nothing is real" in shown
    assert "undefined" not in shown


def test_what_was_not_held_stands_in_the_issuers_words_marked_as_such(
    show: Show, results: Results
) -> None:
    result = results["partly_held"]
    (failed,) = result["structuredContent"]["failed"]
    arguments = {"items": [{"offer_id": failed["offer_id"], "quantity": 4}]}
    frame = show(result, input=arguments)
    quote = frame.get_by_role("figure")
    expect(quote).to_contain_text("In the issuer’s words")
    expect(quote.locator("blockquote")).to_contain_text(failed["message"])
    assert "4 tickets" in words(frame)
    assert "Night safari · Fri, 5 June 2026 · €29.00 · 63 left" in words(frame)
    assert failed["offer_id"] not in words(frame)


def test_a_hold_in_doubt_is_explained_calmly_and_says_when_to_ask_again(
    show: Show, results: Results
) -> None:
    shown = words(show(results["hold_in_doubt"]))
    assert "It is being looked up; nothing is repeated." in shown
    assert "can be made again from 11:06, not before" in shown


def test_prices_that_moved_are_told_in_the_readers_words(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(results["held"], context={"locale": "fr-FR"})
    for state, told in {
        "price_moved": "Le prix a changé : {was} auparavant, 31,50 € maintenant.",
        "price_above": "L’ensemble coûte 31,50 €, plus que la limite que vous avez fixée.",
    }.items():
        moves = results[state]["structuredContent"].get("price_moves", [])
        assert len(moves) == (state == "price_moved")
        was = [move["was"].removesuffix(" EUR").replace(".", ",") for move in moves]
        show_next(stage, frame, results[state])
        shown = plain(words(frame))
        assert told.format(was=f"{was[0]} €" if was else "") in shown
        assert "EUR" not in shown


def test_seats_that_the_server_left_out_are_counted(show: Show) -> None:
    row = SeatsView(zone="East", row="B", seats=[str(number) for number in range(1, 41)])
    hold = HoldView(reservation_id="a", state="held", lines=[], seats=[row]).shorter(10)
    held = {"state": "held", "reservations": [hold.model_dump(exclude_none=True)]}
    shown = plain(words(show({"content": [], "structuredContent": held})))
    assert "seats 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 30 more" in shown
    assert "get_reservation" not in shown


def test_a_summary_names_all_that_would_be_ordered_and_leaves_the_answer_to_the_conversation(
    show: Show, results: Results
) -> None:
    result = results["confirmation_needed"]
    frame = show(result)
    shown = words(frame)
    assert "Your answer belongs in the conversation" in shown
    assert "It cannot be cancelled here once ordered." in shown
    assert "Ada Lovelace, ada@example.org" in shown
    assert "by the aisle" in shown
    assert "Grand total €324.00" in shown
    assert result["structuredContent"]["confirmation"] not in frame.content()
    assert frame.get_by_role("button").all_inner_texts() == ["Refresh"]


def test_an_order_that_a_person_answers_for_elsewhere_says_where(
    show: Show, results: Results
) -> None:
    summary = results["confirmation_needed"]["structuredContent"]
    needed = {k: v for k, v in summary.items() if k != "confirmation"}
    needed |= {"state": "approval_needed", "code": "K7QD3MXA"}
    shown = words(show({"content": [], "structuredContent": needed}))
    assert "in the window that opened in your browser" in shown
    assert "Ada Lovelace, ada@example.org" in shown
    assert "Answer within 9 min" in shown


def test_orders_show_their_references_totals_and_what_failed(show: Show, results: Results) -> None:
    shown = words(show(results["partially_ordered"]))
    assert "KT-ORD-100001 €90.00 2 tickets" in shown
    assert "Not ordered In the issuer’s words La commande a été refusée" in shown


def test_an_order_in_doubt_says_when_to_look_and_when_it_is_certain(
    show: Show, results: Results
) -> None:
    shown = words(show(results["order_in_doubt"], input={"reservation_ids": ["a"]}))
    assert "nothing is repeated" in shown
    assert "Look again from 11:00. It is certain at 11:20 at the latest." in shown


@pytest.mark.parametrize(
    ("state", "badges", "told"),
    [
        ("order_cancelled", ["Cancelled", "Cancelled"], "These tickets are no longer valid."),
        ("partly_cancelled", ["Cancelled"], "The other orders are booked."),
        ("order_unconfirmed", ["Not confirmed", "Not confirmed"], "not book the same again"),
        ("order_not_read", ["Not confirmed", "Not confirmed"], "not book the same again"),
    ],
)
def test_an_order_that_the_issuer_does_not_confirm_says_so_also_after_a_look(
    show: Show, results: Results, state: str, badges: list[str], told: str
) -> None:
    result = results[state]
    ids = [order["reservation_id"] for order in result["structuredContent"]["orders"]]
    looked = renamed(results["looked_both_ordered"], ids)
    answers = {"get_reservation": [looked, looked]}
    frame = show(result, input={"reservation_ids": ids}, answers=answers)
    for _ in range(2):
        shown = plain(words(frame))
        assert heading(frame) == TITLES[state]
        assert frame.locator("li.order .badge").all_inner_texts() == badges
        assert told in shown
        assert ("KorusTicket support can help." in shown) is ("cancelled" in state)
        for wrong in ("Nothing was ordered", "did not arrive", "being looked up", "is placed"):
            assert wrong not in shown
        refresh(frame)
        expect(frame.locator("#note")).to_contain_text("Up to date")
    marks = frame.locator(".hold .badge").all_inner_texts()
    assert marks == [*badges, "Ordered"][:2]


def renamed(looked: Json, ids: list[str]) -> Json:
    """The same look at other reservations."""
    found = copy.deepcopy(looked)
    rows = found["structuredContent"]["reservations"]
    for row, reservation_id in zip(rows, ids, strict=True):
        row["reservation_id"] = reservation_id
    return found


def test_of_an_order_that_is_not_confirmed_the_issuers_word_is_told(
    show: Show, results: Results
) -> None:
    for state, told in {
        "order_unconfirmed": "The issuer calls it “processing”.",
        "tickets_unconfirmed": "Status processing",
        "tickets_called": "Status processing",
    }.items():
        assert told in plain(words(show(results[state])))
    french = plain(words(show(results["order_unconfirmed"], context={"locale": "fr-FR"})))
    assert "Non confirmée" in french
    assert "Ne réservez pas la même chose" in french


def test_an_order_in_doubt_beside_one_that_is_not_confirmed_is_looked_up_first(
    show: Show, results: Results
) -> None:
    result = copy.deepcopy(results["order_unconfirmed"])
    structure = result["structuredContent"]
    ids = [order["reservation_id"] for order in structure["orders"]]
    del structure["orders"][1:]
    structure |= {"not_later_than": "2026-06-01T09:20+00:00", "check_again_after": 10}
    in_doubt = renamed(results["looked_both_ordered"], ids)
    in_doubt["structuredContent"]["reservations"][1]["state"] = "in_doubt"
    ordered = renamed(results["looked_both_ordered"], ids)
    answers = {"get_reservation": [in_doubt, ordered]}
    frame = show(result, input={"reservation_ids": ids}, answers=answers)
    for title in ("order_in_doubt", "order_in_doubt", "order_unconfirmed"):
        expect(frame.locator("h1")).to_have_text(TITLES[title])
        refresh(frame)
        expect(frame.locator("#note")).to_contain_text(re.compile("11:00"))


def test_tickets_of_an_order_that_stands_are_told_as_such(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(results["tickets_unconfirmed"])
    for status in (*sorted(_CONFIRMED), "CONFIRMED", "unknown", None):
        show_next(stage, frame, with_status(results["tickets_unconfirmed"], status))
        assert heading(frame) == "Your tickets", status
        assert "There is no document yet." in words(frame)


def test_tickets_of_a_cancelled_order_are_not_valid_in_any_letter_case(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(results["ready"])
    for status in ("Cancelled", "CANCELED"):
        show_next(stage, frame, results["ready"])
        assert heading(frame) == TITLES["ready"]
        show_next(stage, frame, with_status(results["ready"], status))
        assert heading(frame) == TITLES["cancelled"], status


def with_status(result: Json, status: str | None) -> Json:
    """The same tickets under another status of their order."""
    found = copy.deepcopy(result)
    found["structuredContent"]["status"] = status
    return found


def test_a_hold_that_is_not_shown_yet_is_neither_over_nor_unanswered(
    show: Show, results: Results
) -> None:
    looked = results["looked_not_shown"]
    frame = show(results["held"], answers={"get_reservation": [looked, results["looked"]]})
    refresh(frame)
    expect(frame.locator("h1")).to_have_text("KorusTicket does not show this yet")
    shown = words(frame)
    assert "Please do not book the same again" in shown
    assert "Dated ticket for 1, 2 or 3 days - 1 day - Adult" in shown
    assert shown.count("Not shown yet") == 2
    assert "did not arrive" not in shown
    assert frame.get_by_role("timer").count() == 0
    refresh(frame)
    expect(frame.locator("h1")).to_have_text(TITLES["held"])


def test_a_hold_that_may_have_been_ordered_is_not_told_to_end_by_itself(
    show: Show, results: Results
) -> None:
    frame = show(one_hold(results), answers={"get_reservation": [results["looked_in_doubt"]]})
    refresh(frame)
    expect(frame.locator("h1")).to_have_text(TITLES["order_in_doubt"])
    assert "The order may exist." in words(frame)
    assert "costs nothing" not in words(frame)


def test_an_order_that_never_was_is_not_put_in_the_issuers_mouth(
    show: Show, results: Results
) -> None:
    frame = show(results["order_failed_late"])
    (failed,) = results["order_failed_late"]["structuredContent"]["failed"]
    assert failed["reason"] == NEVER_APPEARED
    assert "message" not in failed
    assert "The order was not made." in words(frame)
    assert frame.get_by_role("figure").count() == 0


def test_the_tool_tells_apart_what_looks_alike(show: Show) -> None:
    result = {"content": [], "structuredContent": {"state": "in_doubt"}}
    tool = {"name": "place_order", "inputSchema": {"type": "object"}}
    assert heading(show(result, context={"toolInfo": {"tool": tool}})).startswith("It is not cert")
    result = {"content": [], "structuredContent": {"state": "failed"}}
    assert heading(show(result, input={"reservation_ids": ["a"]})) == "Nothing was ordered"
    assert heading(show(result, input={"items": []})) == "Nothing is on hold"


def test_tickets_that_need_a_name_say_which_fields_and_by_when(
    show: Show, results: Results
) -> None:
    shown = words(show(results["to_name"]))
    assert "2 tickets to name" in shown
    assert "2 × Named ski pass for 1 to 6 days - 1 day - Adult" in shown
    assert "Needed given name, family name, date of birth" in shown
    assert "By Tue, 2 June 2026 at 08:30" in shown


def test_tickets_show_seat_holder_status_and_voucher(show: Show, results: Results) -> None:
    assert "Ada Lovelace Valid" in words(show(results["named"]))
    shown = plain(words(show(results["vouchers"])))
    assert "Zone Front stalls · row D · seat 9 · entrance Porte Rhône" in shown
    assert "9000071271" in shown


def test_documents_that_are_not_ready_say_when_by_the_readers_clock(
    show: Show, results: Results
) -> None:
    frame = show(results["not_ready"])
    assert words(frame).count("Ready from 13:01") == 3
    assert frame.get_by_role("button", name="Download").count() == 0


def test_a_cancelled_order_names_support_and_calls_no_ticket_valid(
    show: Show, results: Results
) -> None:
    shown = words(show(results["cancelled"]))
    assert "KorusTicket support can help. Quote the reference below." in shown
    assert "KT-ORD-100004" in shown
    assert "Valid" not in shown


def test_times_at_the_venue_stay_as_given_wherever_the_reader_is(
    show: Show, results: Results
) -> None:
    shown = words(show(results["ready"], context={"timeZone": "America/New_York"}))
    assert "Thu, 4 June 2026 at 15:00 (time at the venue)" in shown
    assert "(time at the venue)" not in words(show(results["ready"]))


def test_money_is_written_digit_by_digit_as_given(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(results["held"])
    for given, shown in MONEY.items():
        lines = [{"product": "A", "quantity": 1, "amount": given}]
        hold = {"reservation_id": "r", "state": "held", "lines": lines, "total": given}
        held = {"state": "held", "reservations": [hold]}
        show_next(stage, frame, {"content": [], "structuredContent": held})
        assert f"1 {shown} Total {shown}" in words(frame)


def test_a_reply_without_structure_shows_its_text(show: Show) -> None:
    frame = show({"content": [{"type": "text", "text": "held in the sandbox.\n  1 x <b>A</b>"}]})
    assert heading(frame) == "The assistant’s answer"
    assert "1 x <b>A</b>" in words(frame)


# Errors


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_every_code_and_effect_is_told_in_plain_words(
    stage: Stage, show: Show, locale: str
) -> None:
    frame = show(error("NEVER_HEARD_OF"), context={"locale": locale})
    general = heading(frame)
    seen = {general}
    for code in Code:
        show_next(stage, frame, error(code.value))
        expect(frame.locator("details")).to_contain_text(code.value)
        seen.add(heading(frame))
    assert len(seen) == len(Code) + 1
    said = set()
    for effect in Effect:
        show_next(stage, frame, error("SOLD_OUT", effect=effect.value))
        said.add(frame.locator(".effect").inner_text())
    assert len(said) == len(Effect)


def test_an_error_says_what_was_booked_what_to_do_and_what_can_be_had_instead(
    show: Show, results: Results
) -> None:
    shown = words(show(results["sold_out"]))
    assert "Nothing was booked by this request." in shown
    assert "Choose another day, time or zone, or fewer tickets." in shown
    assert "Wed, 3 June 2026 · €45.00" in shown
    shown = words(show(results["being_ordered"]))
    assert "It is not known yet whether something was booked." in shown
    assert "Do not book it again." in shown
    assert "Wait at least 10 seconds first." in shown


def error(code: str, effect: str = "none") -> Json:
    told = {"code": code, "message": "M.", "effect": effect, "next": "N."}
    return {"isError": True, "content": [], "structuredContent": {"error": told}}


# The clock


def test_the_clock_counts_down_and_turns_to_expired(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show_still(stage, show, one_hold(results))
    digits = frame.locator(".digits")
    expect(digits).to_have_text("10:00")
    stage.page.clock.run_for(1_000)
    expect(digits).to_have_text("9:59")
    stage.page.clock.run_for(9 * 60_000)
    expect(digits).to_have_text("0:59")
    expect(frame.get_by_role("timer")).to_contain_text("59 seconds")
    stage.page.clock.run_for(60_000)
    expect(frame.locator("h1")).to_have_text("The hold has ended")
    assert frame.get_by_role("timer").count() == 0
    assert "What was ordered in time stays ordered" in words(frame)


def test_a_screen_reader_hears_of_the_time_three_times_not_every_second(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show_still(stage, show, one_hold(results), capabilities=NO_TOOLS)
    assert frame.get_by_role("timer").get_attribute("aria-live") == "off"
    assert frame.locator("#said").get_attribute("aria-live") == "polite"
    frame.evaluate(
        """() => {
          window.heard = [];
          const said = document.getElementById("said");
          new MutationObserver(() => window.heard.push(said.textContent))
            .observe(said, { childList: true });
        }"""
    )
    for _ in range(41):
        stage.page.clock.run_for(15_000)
    assert frame.evaluate("() => window.heard") == [
        "The hold ends in 5 minutes.",
        "The hold ends in 1 minute.",
        "The hold has ended.",
    ]


def test_what_is_said_again_in_the_same_words_is_a_change_a_screen_reader_hears(
    show: Show, results: Results
) -> None:
    frame = show(results["held"], answers={"get_reservation": [results["looked"]]})
    said = frame.locator("#said")
    heard = []
    for _ in range(3):
        refresh(frame)
        expect(said).to_have_text("Up to date as of 11:00.")
        expect(frame.locator("#refresh")).to_have_text("Refresh")
        heard.append(said.text_content())
    assert heard[0] != heard[1] != heard[2]


def test_a_device_that_was_asleep_hears_of_the_latest_mark_only(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show_still(stage, show, one_hold(results))
    stage.page.clock.fast_forward(9 * 60_000 + 30_000)
    expect(frame.locator("#said")).to_have_text("The hold ends in 30 seconds.")


def test_one_hold_ends_while_another_goes_on(stage: Stage, show: Show, results: Results) -> None:
    frame = show_still(stage, show, results["held"])
    expect(frame.locator(".clock")).to_contain_text("First hold ends in")
    stage.page.clock.run_for(10 * 60_000 + 1000)
    expect(frame.locator("h1")).to_have_text("Part of it is on hold")
    expect(frame.locator(".digits")).to_have_text("4:59")
    expect(frame.locator("#said")).to_have_text("One hold has ended; another goes on.")
    assert "Reservation 2 Expired" in words(frame)


def test_at_the_end_of_a_hold_the_page_looks_once_whether_it_was_ordered(
    stage: Stage, show: Show, results: Results
) -> None:
    looked = [results["looked_ordered"], {"throw": "no"}]
    answers = {"get_reservation": [{"hold": looked[0]}, looked[1]]}
    frame = show_still(stage, show, one_hold(results), answers=answers)
    stage.page.clock.run_for(9 * 60_000)
    assert stage.log["tools"] == []
    stage.page.clock.run_for(61_000)
    stage.until(lambda log: log["tools"])
    assert heading(frame) == "The time of the hold is up"
    expect(frame.locator("#said")).to_have_text("The time of the hold is up")
    stage.host("release", 0)
    expect(frame.locator("h1")).to_have_text("Your order is placed")
    expect(frame.locator("#said")).to_have_text("Your order is placed")
    stage.page.clock.run_for(30 * 60_000)
    (call,) = stage.log["tools"]
    assert call["name"] == "get_reservation"


def test_a_hold_that_ends_and_cannot_be_looked_up_has_ended(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show_still(stage, show, one_hold(results))
    stage.page.clock.run_for(10 * 60_000 + 1000)
    expect(frame.locator("#said")).to_have_text("The hold has ended.")
    assert heading(frame) == "The hold has ended"
    expect(frame.locator("#note")).to_contain_text("could not be looked up now")
    stage.page.clock.run_for(60_000)
    assert len(stage.log["tools"]) == 1


def test_an_answer_of_any_age_is_not_shown_as_a_hold_past_its_end(
    stage: Stage, show: Show, results: Results
) -> None:
    result = one_hold(results)
    (hold,) = result["structuredContent"]["reservations"]
    hold |= {"seconds_left": 20, "expires_at": "2026-06-01T09:00:20+00:00"}
    late = timedelta(seconds=25)
    frame = show_still(stage, show, result, ahead=late, capabilities=NO_TOOLS)
    assert heading(frame) == "The hold has ended"
    assert frame.get_by_role("timer").count() == 0


def test_an_answer_that_was_long_on_its_way_does_not_make_a_hold_longer(
    stage: Stage, show: Show, results: Results
) -> None:
    answers = {"get_reservation": [{"hold": of_one_hold(results["looked"])}]}
    frame = show_still(stage, show, one_hold(results), answers=answers)
    refresh(frame)
    stage.until(lambda log: log["tools"])
    stage.page.clock.run_for(60_000)
    stage.host("release", 0)
    expect(frame.locator("#note")).to_contain_text("Up to date")
    expect(frame.locator(".digits")).to_have_text("9:00")


def test_the_total_counts_what_is_still_on_hold(stage: Stage, show: Show, results: Results) -> None:
    answers = {"get_reservation": [results["looked_expired"]]}
    frame = show_still(stage, show, results["held"], answers=answers)
    assert "Grand total €324.00" in words(frame)
    stage.page.clock.run_for(10 * 60_000 + 1000)
    expect(frame.locator("#said")).to_have_text("The hold has ended.")
    assert "Grand total" not in words(frame)
    frame = show_still(stage, show, results["held"], capabilities=NO_TOOLS)
    stage.page.clock.run_for(10 * 60_000 + 1000)
    expect(frame.locator("h1")).to_have_text("Part of it is on hold")
    assert "Grand total" not in words(frame)
    assert "Total still on hold €90.00" in words(frame)
    stage.page.clock.run_for(5 * 60_000)
    expect(frame.locator("h1")).to_have_text("The hold has ended")
    assert "Total still on hold" not in words(frame)


def test_a_total_that_was_looked_up_again_is_that_of_the_holds_shown(
    show: Show, results: Results
) -> None:
    looked = copy.deepcopy(results["looked"])
    first, second = looked["structuredContent"]["reservations"]
    first["total"], second["total"] = "123456789012345.10 EUR", "0.205 EUR"
    frame = show(results["held"], answers={"get_reservation": [looked]})
    refresh(frame)
    expect(frame.locator(".grand")).to_contain_text("€123,456,789,012,345.305")
    second["total"] = "1.00 CHF"
    frame = show(results["held"], answers={"get_reservation": [looked]})
    refresh(frame)
    expect(frame.locator("#note")).to_contain_text("Up to date")
    assert "Grand total" not in words(frame)


@pytest.mark.parametrize("behind", [timedelta(minutes=13), timedelta(days=2)])
def test_a_device_whose_clock_is_behind_counts_by_the_seconds_left(
    stage: Stage, show: Show, results: Results, behind: timedelta
) -> None:
    frame = show_still(stage, show, one_hold(results), ahead=-behind)
    expect(frame.locator(".digits")).to_have_text("10:00")


def test_a_device_whose_clock_is_ahead_asks_once_and_counts_by_the_seconds_left(
    stage: Stage, show: Show, results: Results
) -> None:
    looked = of_one_hold(results["looked"])
    answers = {"get_reservation": [looked]}
    ahead = timedelta(minutes=7)
    frame = show_still(stage, show, one_hold(results), ahead=ahead, answers=answers)
    expect(frame.locator(".digits")).to_have_text("10:00")
    stage.page.clock.run_for(5_000)
    expect(frame.locator(".digits")).to_have_text("9:55")
    assert [call["name"] for call in stage.log["tools"]] == ["get_reservation"]
    assert "do not agree" not in words(frame)


def test_an_old_answer_shown_again_does_not_look_like_a_hold_that_goes_on(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show_still(stage, show, one_hold(results), ahead=timedelta(days=1), capabilities={})
    assert heading(frame) == "The hold has ended"
    assert "the answer is old" in words(frame)
    assert frame.get_by_role("timer").count() == 0
    frame = show(
        one_hold(results),
        now="2026-06-02T09:00:00Z",
        answers={"get_reservation": [results["looked_ordered"]]},
    )
    expect(frame.locator("h1")).to_have_text("Your order is placed")


def one_hold(results: Results) -> Json:
    return of_one_hold(results["held"])


def of_one_hold(result: Json) -> Json:
    """The hold with seats alone, which lasts for ten minutes."""
    found = copy.deepcopy(result)
    found["structuredContent"]["reservations"] = [
        hold for hold in found["structuredContent"]["reservations"] if "seats" in hold
    ]
    return found


# Looking again


def test_refresh_of_a_hold_asks_for_its_reservations(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(
        results["held"],
        input={"items": [], "language": "en"},
        answers={"get_reservation": [results["looked_expired"]]},
    )
    refresh(frame)
    expect(frame.locator("h1")).to_have_text("The hold has ended")
    expect(frame.locator("#note")).to_have_text("Up to date as of 11:00.")
    ids = [hold["reservation_id"] for hold in results["held"]["structuredContent"]["reservations"]]
    assert stage.log["tools"] == [
        {"name": "get_reservation", "arguments": {"reservation_ids": ids, "language": "en"}}
    ]
    assert frame.evaluate("() => document.activeElement.id") == "refresh"


def test_refresh_of_an_order_in_doubt_finds_what_became_of_it(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(
        results["order_in_doubt"],
        input={"reservation_ids": ["a-1"]},
        answers={"get_reservation": [results["looked_in_doubt"], results["looked_ordered"]]},
    )
    refresh(frame)
    expect(frame.locator("#note")).to_have_text("Up to date as of 11:00.")
    assert heading(frame) == TITLES["order_in_doubt"]
    refresh(frame)
    expect(frame.locator("h1")).to_have_text("Your order is placed")
    arguments = [call["arguments"] for call in stage.log["tools"]]
    assert arguments == [{"reservation_ids": ["a-1"]}] * 2


def test_refresh_of_tickets_asks_for_the_tickets_and_saves_nothing(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(
        results["not_ready"],
        input={"order_id": "my-reference", "save": True, "vouchers": True},
        answers={"get_tickets": [results["ready"]]},
    )
    refresh(frame)
    expect(frame.locator("h1")).to_have_text("Your tickets are ready")
    (call,) = stage.log["tools"]
    order_id = results["not_ready"]["structuredContent"]["order_id"]
    assert call == {"name": "get_tickets", "arguments": {"order_id": order_id, "vouchers": True}}


@pytest.mark.parametrize(
    ("order", "title", "documents"),
    [
        ("one_pdf", "Your tickets are ready", 2),
        ("to_name", "Your tickets need names", 0),
        ("seats", "Your tickets are ready", 31),
    ],
)
def test_more_tickets_of_a_large_order_are_added_and_its_state_stays_that_of_all(
    stage: Stage, show: Show, results: Results, order: str, title: str, documents: int
) -> None:
    # The PDFs, and one calendar file for all of it.
    first, *others = results.pages[order]
    frame = show(first, answers={"get_tickets": others})
    assert heading(frame) == title
    shown = len(first["structuredContent"]["tickets"])
    assert f"{shown} of 30 tickets are shown." in words(frame)
    more = frame.get_by_role("button", name="Show more")
    for page, following in pairwise(results.pages[order]):
        more.click()
        shown += len(following["structuredContent"]["tickets"])
        expect(frame.locator("#said")).to_have_text(f"{shown} of 30 tickets are shown.")
        assert (
            stage.log["tools"][-1]["arguments"]["cursor"]
            == (page["structuredContent"]["next_cursor"])
        )
    expect(more).to_have_count(0)
    assert heading(frame) == title
    assert frame.get_by_role("table").locator("tbody tr").count() == 30
    assert frame.locator("li.document").count() == documents
    assert ("30 tickets to name" in words(frame)) == (order == "to_name")
    assert "All documents can be fetched." in words(frame) or order == "to_name"


def test_part_of_the_documents_is_not_called_all_of_them(show: Show, results: Results) -> None:
    shown = words(show(results.pages["seats"][0]))
    assert "The documents shown here can be fetched. More tickets follow." in shown


def test_more_tickets_that_do_not_come_change_nothing(show: Show, results: Results) -> None:
    first = results.pages["one_pdf"][0]
    frame = show(first, answers={"get_tickets": [error("SERVER_BUSY"), {"throw": "no"}]})
    for _ in range(2):
        frame.get_by_role("button", name="Show more").click()
        expect(frame.locator("#note")).to_contain_text(re.compile("11:00"))
        expect(frame.get_by_role("button", name="Refresh")).to_be_visible()
    assert heading(frame) == "Your tickets are ready"
    assert "20 of 30 tickets are shown." in words(frame)


@pytest.mark.parametrize(
    "change", [{"containerDimensions": {"maxHeight": 900}}, {"theme": "dark"}, {"locale": "en-US"}]
)
def test_a_refresh_is_not_lost_when_the_host_changes_its_context_meanwhile(
    stage: Stage, show: Show, results: Results, change: Json
) -> None:
    frame = show(
        results["held"], answers={"get_reservation": [{"hold": results["looked_ordered"]}]}
    )
    refresh(frame)
    change_context(stage, change)
    stage.host("release", 0)
    expect(frame.locator("h1")).to_have_text("Your order is placed")
    expect(frame.locator("#note")).to_contain_text("Up to date as of 11:00")


def test_the_look_at_an_old_answer_is_not_lost_when_the_host_changes_its_context(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(
        one_hold(results),
        now="2026-06-02T09:00:00Z",
        answers={"get_reservation": [{"hold": results["looked_ordered"]}]},
    )
    change_context(stage, {"theme": "dark"})
    stage.host("release", 0)
    expect(frame.locator("h1")).to_have_text("Your order is placed")
    assert len(stage.log["tools"]) == 1


def test_more_tickets_are_not_lost_when_the_host_changes_its_context(
    stage: Stage, show: Show, results: Results
) -> None:
    first, second = results.pages["one_pdf"]
    frame = show(first, answers={"get_tickets": [{"hold": second}]})
    frame.get_by_role("button", name="Show more").click()
    change_context(stage, {"theme": "dark"})
    stage.host("release", 0)
    expect(frame.get_by_role("table").locator("tbody tr")).to_have_count(30)


def change_context(stage: Stage, change: Json) -> None:
    """While one question waits."""
    stage.until(lambda _: stage.host("held"))
    stage.host("setContext", {"locale": "en-GB", "timeZone": "Europe/Paris", **change})


def test_an_answer_about_the_result_before_is_not_taken_for_one_about_this(
    stage: Stage, show: Show, results: Results
) -> None:
    old = copy.deepcopy(one_hold(results))
    (hold,) = old["structuredContent"]["reservations"]
    hold |= {"seconds_left": 20, "expires_at": "2026-06-01T08:00:20+00:00"}
    answers = [{"hold": results["looked_expired"]}, results["looked_ordered"]]
    frame = show(results["held"], answers={"get_reservation": answers})
    refresh(frame)
    stage.until(lambda _: stage.host("held"))
    show_next(stage, frame, old)
    stage.host("release", 0)
    expect(frame.locator("h1")).to_have_text("Your order is placed")
    calls = [call["arguments"]["reservation_ids"] for call in stage.log["tools"]]
    assert calls[1:] == [[hold["reservation_id"]]]


@pytest.mark.parametrize("answer", [{"throw": "no"}, error("SERVER_BUSY"), {"content": []}])
def test_a_refresh_that_comes_to_nothing_loses_nothing(
    show: Show, results: Results, answer: Json
) -> None:
    frame = show(results["held"], answers={"get_reservation": [answer]})
    refresh(frame)
    expect(frame.locator("#note")).to_contain_text(re.compile("11:00"))
    expect(frame.get_by_role("button", name="Refresh")).to_be_enabled()
    assert heading(frame) == "Your tickets are on hold"
    expect(frame.locator("#said")).not_to_be_empty()


def test_a_refresh_nobody_answers_ends(stage: Stage, show: Show, results: Results) -> None:
    frame = show(results["ready"], answers={"get_tickets": [{"hold": results["ready"]}]})
    refresh(frame)
    expect(frame.locator("#refresh")).to_have_text("Looking…")
    frame.locator("#refresh").click(force=True)
    stage.page.clock.run_for(95_000)
    expect(frame.locator("#note")).to_contain_text("No answer came.")
    assert len(stage.log["tools"]) == 1


def test_without_server_tools_there_is_no_refresh_but_words(
    stage: Stage, show: Show, results: Results
) -> None:
    arguments = {"reservation_ids": ["a"]}
    frame = show(results["order_in_doubt"], input=arguments, capabilities=NO_TOOLS)
    assert frame.get_by_role("button").count() == 0
    assert "Ask the assistant to look." in words(frame)
    assert "This page cannot look again here. What is shown is as of 11:00" in words(frame)
    show_next(stage, frame, results["sold_out"])
    assert "cannot look again" not in words(frame)
    assert stage.log["tools"] == []


def test_a_host_that_declares_nothing_may_be_tried(
    stage: Stage, show: Show, results: Results
) -> None:
    answers = {"get_reservation": [results["looked_ordered"]]}
    frame = show(results["held"], capabilities={}, answers=answers)
    refresh(frame)
    expect(frame.locator("h1")).to_have_text("Your order is placed")
    assert len(stage.log["tools"]) == 1


def test_a_host_that_declares_nothing_and_does_not_answer_is_given_up_soon(
    stage: Stage, show: Show, results: Results
) -> None:
    answers = {"get_reservation": [{"hold": results["looked"]}]}
    frame = show(results["held"], capabilities={}, answers=answers)
    refresh(frame)
    stage.until(lambda log: log["tools"])
    stage.page.clock.run_for(21_000)
    expect(frame.locator("#note")).to_contain_text("This page cannot look again here.")
    expect(frame.locator("#said")).to_contain_text("ask the assistant what it is now")
    assert frame.get_by_role("button").count() == 0
    assert witness(frame)["errors"] == []


# Documents


def test_a_document_is_read_through_the_host_and_handed_to_it(
    stage: Stage, show: Show, results: Results
) -> None:
    document = results["ready"]["structuredContent"]["documents"][1]
    frame = show(results["ready"], answers={document["uri"]: [results.document]})
    frame.get_by_role("button", name="Download: Document 2 (PDF)").click()
    expect(frame.locator("#said")).to_have_text("The file was handed over.")
    log = stage.until(lambda log: log["downloads"])
    assert [read["uri"] for read in log["reads"]] == [document["uri"]]
    ((content,),) = [download["contents"] for download in log["downloads"]]
    assert content["type"] == "resource"
    assert content["resource"] == {
        "uri": "file:///tickets-KT-ORD-100004-2.pdf",
        "mimeType": "application/pdf",
        "blob": results.document["contents"][0]["blob"],
    }
    assert log["tools"] == []


def test_the_calendar_entry_is_read_through_the_host_and_handed_to_it(
    stage: Stage, show: Show, results: Results
) -> None:
    order_id = results["ready"]["structuredContent"]["order_id"]
    uri = f"korus://orders/{order_id}/calendar.ics"
    text = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    read = {"contents": [{"uri": uri, "mimeType": "text/calendar", "text": text}]}
    frame = show(results["ready"], answers={uri: [read]})
    frame.get_by_role("button", name="Download: Calendar entry").click()
    expect(frame.locator("#said")).to_have_text("The file was handed over.")
    log = stage.until(lambda log: log["downloads"])
    assert [asked["uri"] for asked in log["reads"]] == [uri]
    ((content,),) = [download["contents"] for download in log["downloads"]]
    assert content["resource"] == {
        "uri": "file:///tickets-KT-ORD-100004.ics",
        "mimeType": "text/calendar",
        "text": text,
    }


@pytest.mark.parametrize("state", ["to_name", "not_ready", "cancelled", "tickets_called"])
def test_without_documents_of_an_order_that_stands_no_calendar_is_offered(
    show: Show, results: Results, state: str
) -> None:
    frame = show(results[state])
    assert "Calendar entry" not in words(frame)


@pytest.mark.parametrize("missing", ["downloadFile", "serverResources"])
def test_where_the_host_takes_no_file_the_page_says_whom_to_ask(
    show: Show, results: Results, missing: str
) -> None:
    offered: Json = {"serverTools": {}, "serverResources": {}, "downloadFile": {}}
    del offered[missing]
    frame = show(results["ready"], capabilities=offered)
    assert frame.get_by_role("button", name="Download").count() == 0
    assert "To get the PDF, ask the assistant to save the tickets." in words(frame)


@pytest.mark.parametrize(
    "answer",
    [
        {"throw": "no"},
        {"contents": []},
        {"contents": [{"uri": "korus://x", "text": "hello"}]},
        {"contents": [{"uri": "korus://x", "mimeType": "text/html", "blob": "PGI+"}]},
    ],
)
def test_a_document_that_cannot_be_had_is_told_and_can_be_tried_again(
    stage: Stage, show: Show, results: Results, answer: Json
) -> None:
    uri = results["ready"]["structuredContent"]["documents"][0]["uri"]
    frame = show(results["ready"], answers={uri: [answer]})
    button = frame.get_by_role("button", name="Download: Document 1 (PDF)")
    button.click()
    expect(frame.locator(".failed")).to_contain_text("Ask the assistant to save the tickets.")
    expect(button).to_be_enabled()
    assert stage.log["downloads"] == []


def test_nothing_but_a_document_of_an_order_is_ever_read(
    stage: Stage, show: Show, results: Results
) -> None:
    result = copy.deepcopy(results["ready"])
    strange = ["https://evil.example/x.pdf", "javascript:alert(1)", "korus://reservations/1"]
    for document, uri in zip(result["structuredContent"]["documents"], strange, strict=True):
        document["uri"] = uri
    for ticket in result["structuredContent"]["tickets"]:
        del ticket["when"]  # and so there is no calendar file
    frame = show(result)
    for button in frame.get_by_role("button", name="Download").all():
        button.click()
    expect(frame.locator(".failed")).to_have_count(3)
    assert stage.log["reads"] == stage.log["downloads"] == []


def test_a_strange_order_id_gives_no_address_to_read(
    stage: Stage, show: Show, results: Results
) -> None:
    result = copy.deepcopy(results["ready"])
    result["structuredContent"]["order_id"] = "../catalogs?x="
    frame = show(result)
    frame.get_by_role("button", name="Download: Calendar entry").click()
    expect(frame.locator(".failed")).to_have_count(1)
    assert stage.log["reads"] == stage.log["downloads"] == []


# What the page never does


def test_whatever_is_clicked_only_read_tools_are_called(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(
        results["held"],
        input={"reservation_ids": ["a"], "items": [], "order_id": "a", "confirmation": "c"},
        answers={"get_reservation": [results["looked"]], "get_tickets": [results["ready"]]},
    )
    for state in TITLES:
        show_next(stage, frame, results[state])
        click_everything(frame)
        click_everything(frame)  # and what came up by clicking
    log = stage.log
    assert {call["name"] for call in log["tools"]} == READERS
    assert log["messages"] == log["contexts"] == log["links"] == []
    assert stage.foreign == []


def click_everything(frame: Frame) -> None:
    frame.evaluate(
        """async () => {
          for (const place of document.querySelectorAll("body *")) {
            place.dispatchEvent(new MouseEvent("click", { bubbles: true }));
            place.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
          }
        }"""
    )


def test_the_sources_call_tools_by_the_names_of_two_readers_only() -> None:
    sources = [UI / "src" / "booking.js", *(UI / "src" / "booking").glob("*.js")]
    code = "\n".join(source.read_text() for source in sources)
    assert set(re.findall(r"callTool\(([^,]+),", code)) == {"READERS.tickets", "READERS.holds"}
    (readers,) = re.findall(r"const READERS = Object\.freeze\((.+)\);", code)
    assert set(re.findall(r'"(\w+)"', readers)) == READERS
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|tellModel|\.say\(", code
    )


def test_no_request_leaves_and_the_default_policy_is_kept(
    stage: Stage, show: Show, results: Results
) -> None:
    for state in ("held", "ready", "sold_out"):
        frame = show(results[state])
        assert witness(frame) == {"violations": [], "errors": []}
    assert stage.foreign == []


# Hosts and results that are not as they should be


def test_a_host_that_never_answers_is_waited_for_and_its_result_is_shown(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(results["held"], manner="silent")
    assert heading(frame) == "Your tickets are on hold"
    stage.page.clock.run_for(10_000)
    expect(frame.locator(".digits")).to_have_text(re.compile("^9:[0-5]"))
    assert frame.locator("button:visible:not(.turn)").count() == 0
    assert witness(frame)["errors"] == []


def test_a_host_that_hands_over_nothing_is_told_of(stage: Stage, show: Show) -> None:
    frame = show(None, manner="silent")
    expect(frame.locator("h1")).to_have_text("Waiting for the booking…")
    stage.page.clock.run_for(10_000)
    expect(frame.locator("h1")).to_have_text("Nothing to show yet")
    assert witness(frame)["errors"] == []


def test_a_host_that_answers_errors_still_sees_its_result_shown(
    show: Show, results: Results
) -> None:
    frame = show(results["ready"], manner="refusing")
    assert heading(frame) == "Your tickets are ready"
    assert "ask the assistant to save" in " ".join(words(frame) for _ in pages(frame))
    assert "<b>" not in words(frame)
    assert witness(frame)["errors"] == []


def test_a_call_that_was_stopped_may_have_been_carried_out(stage: Stage, show: Show) -> None:
    frame = show(None)
    expect(frame.locator("h1")).to_have_text("Waiting for the booking…")
    stage.until(lambda log: "app" in log)
    stage.host("cancel")
    expect(frame.locator("h1")).to_have_text("The call was stopped")
    assert "It may have been carried out all the same." in words(frame)


STRANGE: Final = [
    {},
    {"state": None},
    {"state": "frozen"},
    {"state": 7, "reservations": "x", "failed": {}, "total": []},
    {"state": "held", "reservations": [None, 1, "x", {}, {"lines": [{}, None, 3]}]},
    {"state": "held", "reservations": [{"state": "frozen", "lines": [{"product": "A"}]}]},
    {"state": "held", "reservations": [{"state": "held", "expires_at": "soon"}]},
    {"state": "held", "reservations": [{"state": "held", "seconds_left": -5}]},
    {"state": "held", "reservations": [{"state": "held", "expires_at": "2026-02-31T25:61Z"}]},
    {"state": "constructor"},
    {"state": "partly_held", "failed": [{}, {"message": None}, {"alternatives": [{}, None]}]},
    {"state": "ordered", "orders": [{}, None, {"tickets": "two", "total": 5}]},
    {"state": "confirmation_needed"},
    {"state": "in_doubt", "not_later_than": "later", "check_again_after": "x"},
    {"order_id": None, "tickets": [{}, None, {"beneficiary_fields_needed": [1, None, "x_y"]}]},
    {"order_id": "1", "status": "weird", "documents": [{}, {"uri": 5, "ready": True}, None]},
    {"order_id": "1", "tickets": [{"status": "toString", "seat": "somewhere", "when": "x, y"}]},
    {"error": None},
    {"error": "broken"},
    {"error": {"code": 5, "fields": [None, {}], "alternatives": [{}], "effect": "toString"}},
    {"something": "else"},
]


def test_a_strange_structure_shows_what_is_known(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(results["held"])
    text = {"type": "text", "text": "in words"}
    for structure in STRANGE:
        show_next(stage, frame, {"content": [text], "structuredContent": structure})
        assert heading(frame)
        assert not LEFTOVERS.search(words(frame)), (structure, words(frame))
        assert "function" not in words(frame)
    assert witness(frame) == {"violations": [], "errors": []}


def test_a_state_nobody_here_knows_is_named_as_the_issuer_does(show: Show) -> None:
    structure = {"state": "on_ice", "reservations": [{"state": "on_ice", "lines": []}]}
    frame = show({"content": [], "structuredContent": structure})
    assert "on ice" in plain(words(frame))


def test_any_part_may_be_missing_or_of_another_kind(
    stage: Stage, show: Show, results: Results
) -> None:
    frame = show(results["held"])
    for state in ("held", "confirmation_needed", "partially_ordered", "to_name"):
        show_next(stage, frame, results[state])
        for mutant in mutants(results[state]["structuredContent"], 60):
            show_next(stage, frame, {"content": [], "structuredContent": mutant})
            shown = words(frame)
            assert not LEFTOVERS.search(shown), (mutant, shown)
    assert witness(frame) == {"violations": [], "errors": []}


def mutants(structure: Json, count: int) -> Iterator[Json]:
    """Copies with one part left out or put otherwise, always the same ones."""
    chance = random.Random(7)
    paths = list(paths_of(structure))
    for _ in range(count):
        mutant = copy.deepcopy(structure)
        *way, last = chance.choice(paths)
        inner: Any = mutant
        for step in way:
            inner = inner[step]
        odd = chance.choice([None, 0, -1, 1e300, "", "x", [], {}, [None], True, {"a": 1}])
        if isinstance(last, str) and chance.random() < 0.4:
            del inner[last]
        else:
            inner[last] = odd
        yield mutant


def paths_of(part: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a structure."""
    inner = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in inner:
        yield (*way, key)
        if isinstance(value, dict | list):
            yield from paths_of(value, (*way, key))


TURNING: Final = re.compile("[\u202a-\u202e\u2066\u2067]")


def test_hostile_words_are_words(stage_with: Open, results: Results) -> None:
    stage = stage_with(viewport=PHONE)
    frame = shower(stage)(results["held"])
    for hostile in (HOSTILE, TURNED, "W" * 5000, "a " * 2500, "{state} $& %s"):
        for state in TITLES:
            result = copy.deepcopy(results[state])
            result["structuredContent"] = poisoned(result["structuredContent"], hostile)
            show_next(stage, frame, result)
            assert frame.locator("main img, main a, main script").count() == 0
            assert frame.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
            shown = words(frame)
            assert not TURNING.search(shown), (state, hostile[:20])
            assert not LEFTOVERS.search(shown), (state, hostile[:20])
    assert stage.dialogs == []
    assert stage.foreign == []
    assert witness(frame) == {"violations": [], "errors": []}


def poisoned(part: Any, hostile: str) -> Any:
    """The same with hostile words in place of each text that decides nothing."""
    kept = {"state", "uri", "expires_at", "reservation_id", "order_id"}
    if isinstance(part, dict):
        return {k: v if k in kept else poisoned(v, hostile) for k, v in part.items()}
    if isinstance(part, list):
        return [poisoned(each, hostile) for each in part]
    return hostile if isinstance(part, str) else part


def plain(text: str) -> str:
    """Without the marks that keep the direction of words within."""
    return re.sub("[\u2068\u2069]", "", text)


# Looks, languages, readers


def test_the_page_speaks_french_to_a_french_host(show: Show, results: Results) -> None:
    frame = show(results["held"], context={"locale": "fr-FR"})
    assert frame.locator("html").get_attribute("lang") == "fr"
    assert heading(frame) == "Vos billets sont réservés"
    shown = plain(words(frame))
    assert "jeu. 4 juin 2026 à 15:00" in shown
    assert "234,00 €" in shown
    assert "places 9, 10, 11" in shown
    assert "Total général 324,00 €" in shown


def test_french_has_words_for_every_state(stage: Stage, show: Show, results: Results) -> None:
    frame = show(results["held"], context={"locale": "fr"})
    for state, title in TITLES.items():
        show_next(stage, frame, results[state])
        assert heading(frame) != title
        assert not LEFTOVERS.search(words(frame))
        assert frame.title() == heading(frame)


def test_without_a_locale_of_the_host_the_language_of_the_call_counts(
    stage: Stage, results: Results
) -> None:
    arguments = {"items": [], "language": "fr"}
    stage.page.clock.install(time=NOW)
    frame = stage.open(PAGE, result=results["held"], input=arguments)
    expect(frame.locator("h1")).to_have_text("Vos billets sont réservés")


@pytest.mark.parametrize(
    "strange", [{"locale": "x-x-x"}, {"locale": "fr_FR"}, {"timeZone": "Mars"}]
)
def test_a_strange_locale_or_zone_of_the_host_does_no_harm(
    show: Show, results: Results, strange: Json
) -> None:
    frame = show(results["held"], context=strange)
    assert "324" in words(frame)
    assert witness(frame)["errors"] == []


def test_the_theme_of_the_host_and_else_of_the_reader_is_taken(
    stage_with: Open, results: Results
) -> None:
    def text(frame: Frame) -> str:
        found: str = frame.evaluate("() => getComputedStyle(document.body).color")
        return found

    dark = stage_with(color_scheme="dark")
    assert text(shower(dark)(results["held"])) == "rgb(238, 240, 243)"
    light = shower(dark)(results["held"], context={"theme": "light"})
    assert text(light) == "rgb(22, 25, 29)"
    bright = stage_with(color_scheme="light")
    night = shower(bright)(results["held"], context={"theme": "dark"})
    assert text(night) == "rgb(238, 240, 243)"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 820])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(
    stage_with: Open, results: Results, theme: str, width: int
) -> None:
    stage = stage_with(viewport={"width": width, "height": 780})
    frame = shower(stage)(results["held"], context={"theme": theme, "locale": "fr-FR"})
    frame.evaluate((MODULES / "axe-core" / "axe.min.js").read_text())
    for state in TITLES:
        show_next(stage, frame, results[state])
        assert frame.evaluate("() => document.documentElement.scrollWidth") <= width
        assert frame.evaluate(AXE) == [], state


def test_a_phone_stacks_the_lines_and_keeps_them_a_table(
    stage_with: Open, results: Results
) -> None:
    stage = stage_with(viewport=PHONE)
    frame = shower(stage)(results["held"])
    table = frame.get_by_role("table").first
    assert table.get_by_role("columnheader").count() == 4
    product, price = table.locator("td.product"), table.locator("tbody td.price")
    above, below = product.bounding_box(), price.bounding_box()
    assert above is not None
    assert below is not None
    assert below["y"] >= above["y"] + above["height"]
    target = frame.get_by_role("button", name="Refresh").bounding_box()
    assert target is not None
    assert target["height"] >= 44


def test_a_document_is_fetched_with_the_keyboard_and_the_focus_stays(
    stage: Stage, show: Show, results: Results
) -> None:
    uri = results["ready"]["structuredContent"]["documents"][0]["uri"]
    frame = show(results["ready"], answers={uri: [results.document]})
    frame.locator("body").click(position={"x": 1, "y": 1})
    stage.page.keyboard.press("Tab")
    assert frame.evaluate("() => document.activeElement.id") == "download-1"
    stage.page.keyboard.press("Enter")
    expect(frame.locator("#said")).to_have_text("The file was handed over.")
    assert frame.evaluate("() => document.activeElement.id") == "download-1"


def test_headings_and_regions_lead_a_screen_reader_through_the_page(
    show: Show, results: Results
) -> None:
    frame = show(results["partly_held"])
    levels = frame.locator("h1, h2, h3").evaluate_all("(all) => all.map((h) => h.tagName)")
    assert levels == ["H1", "H2", "H2", "H3"]
    assert frame.get_by_role("main").count() == 1
    expect(frame.get_by_role("status")).to_have_text("Part of it is on hold")
    assert frame.title() == "Part of it is on hold"
