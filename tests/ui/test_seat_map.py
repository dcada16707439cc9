"""The seat map page in its host: what a person sees and chooses, what the assistant hears."""

import re
from itertools import combinations, pairwise
from typing import Any

import pytest
from playwright.sync_api import Frame, expect

from tests.ui import sheets
from tests.ui.conftest import Open
from tests.ui.stage import Stage, witness

CHECKED: sheets.Json = {"check_availability": [sheets.checked(price="25.00 EUR")]}


def _open(stage: Stage, sheet: sheets.Json | None = None, **plan: Any) -> Frame:
    plan.setdefault("answers", CHECKED)
    plan.setdefault("result", sheets.result(sheet or sheets.hall()))
    frame = stage.open("seat-map", **plan)
    expect(frame.locator(".list")).to_be_visible()
    return frame


def _zone(frame: Frame, name: str) -> Any:
    return frame.locator(f'.zone[aria-label^="{name}"]')


def _told(stage: Stage) -> sheets.Json:
    """What the model was told last."""
    log = stage.until(lambda log: log["contexts"])
    last: sheets.Json = log["contexts"][-1]
    return {"text": last["content"][0]["text"], **last["structuredContent"]}


def test_a_result_is_drawn_with_zones_prices_and_the_issuers_word(stage: Stage) -> None:
    frame = _open(stage)
    expect(frame.locator("h1")).to_have_text("Valmont - Rives")
    expect(frame.locator(".zone")).to_have_count(6)
    expect(frame.locator(".seats")).to_have_count(4)
    expect(_zone(frame, "Block 4")).to_have_attribute(
        "aria-label", "Block 4, Category 1, €60, 6 left"
    )
    expect(_zone(frame, "Block 5")).to_have_attribute("aria-label", "Block 5, Category 2, sold out")
    expect(frame.locator(".legend")).to_contain_text("sold out")
    expect(frame.locator(".legend li").first).to_contain_text("from €")
    expect(frame.locator(".labels, svg").first).to_contain_text("+")
    expect(frame.locator("footer")).to_contain_text("The issuer allocates the exact seats")
    expect(frame.locator("footer")).to_contain_text("1 other ticket belongs to no zone")
    assert stage.log["app"]["name"] == "korus-seat-map"
    assert witness(frame) == {"violations": [], "errors": []}


def test_the_height_of_the_page_is_told_to_the_host(stage: Stage) -> None:
    frame = _open(stage)
    height = frame.evaluate(
        "() => Math.ceil(document.documentElement.getBoundingClientRect().height)"
    )
    stage.until(lambda log: log["sizes"] and log["sizes"][-1]["height"] == height)


def test_a_click_on_a_zone_checks_its_offer_and_tells_the_model(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 3").click()
    expect(frame.locator(".choice h2")).to_have_text("Block 3")
    expect(frame.locator(".good")).to_have_text("Available now · 12 left")
    expect(frame.locator(".money")).to_contain_text("2 × €25 = €50")
    expect(frame.locator(".telling")).to_contain_text("The assistant knows your choice")
    told = _told(stage)
    assert told["text"] == (
        'The person chose the zone "Block 3" ("Category 3") on the seat map: offer_id '
        f"{sheets.offer_id(20)}, quantity 2, 25.00 EUR each, 12 left. Checked with "
        "check_availability just now; nothing is held."
    )
    assert told["offer_id"] == sheets.offer_id(20)
    assert (told["quantity"], told["bookable"], told["zone"]) == (2, True, "Block 3")


def test_only_the_reading_tool_is_called_with_the_wish(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 3").click()
    log = stage.until(lambda log: log["contexts"])
    wish = {"offer_id": sheets.offer_id(20), "quantity": 2, "language": "en"}
    assert log["tools"] == [{"name": "check_availability", "arguments": wish}]
    assert not log["messages"]


def test_a_zone_is_chosen_by_keyboard_on_the_map_and_escape_goes_back_to_it(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 1").focus()
    stage.page.keyboard.press("ArrowRight")
    expect(_zone(frame, "Block 2")).to_be_focused()
    stage.page.keyboard.press("ArrowDown")
    expect(_zone(frame, "Block 5")).to_be_focused()
    stage.page.keyboard.press("ArrowLeft")
    stage.page.keyboard.press("Enter")
    expect(frame.locator(".choice h2")).to_have_text("Block 4")
    expect(frame.locator(".choice h2")).to_be_focused()
    expect(_zone(frame, "Block 4")).to_have_attribute("aria-pressed", "true")
    stage.page.keyboard.press("Escape")
    expect(_zone(frame, "Block 4")).to_be_focused()
    expect(frame.locator(".list")).to_be_visible()


def test_the_map_is_one_stop_of_the_tab_key_and_the_list_another(stage: Stage) -> None:
    frame = _open(stage)
    assert frame.locator('.zone[tabindex="0"]').count() == 1
    assert frame.locator('.row[tabindex="0"]').count() == 1
    frame.locator('.zone[tabindex="0"]').focus()
    stage.page.keyboard.press("Tab")
    expect(frame.locator('.row[tabindex="0"]')).to_be_focused()


def test_a_zone_is_chosen_by_keyboard_in_the_list(stage: Stage) -> None:
    frame = _open(stage)
    frame.locator('.row[tabindex="0"]').focus()
    stage.page.keyboard.press("ArrowDown")
    stage.page.keyboard.press(" ")
    expect(frame.locator(".choice h2")).to_have_text("Block 1")
    stage.page.keyboard.press("Escape")
    expect(frame.locator(".row", has_text="Block 1")).to_be_focused()


def test_the_keyboard_goes_through_the_page_and_out_of_it(stage: Stage) -> None:
    frame = _open(stage)
    names = ["Fewer seats", "More seats", "Price each", "Block 1, Category 1", "Block 2", "Refresh"]
    focused = """name => {
      const e = document.activeElement;
      return (e.ariaLabel ?? e.textContent).startsWith(name);
    }"""
    for name in names:
        stage.page.keyboard.press("Tab")
        frame.wait_for_function(focused, arg=name)
    stage.page.keyboard.press("Tab")
    stage.page.wait_for_function("() => document.activeElement.tagName === 'BODY'")


def test_a_sold_out_zone_cannot_be_chosen_and_says_so(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 5").click(force=True)
    expect(frame.get_by_role("status")).to_have_text("Block 5, Category 2, sold out")
    expect(frame.locator(".choice")).to_have_count(0)
    assert not stage.log["tools"]


def test_of_several_offers_the_dearest_is_shown_and_the_person_picks(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 2").click()
    expect(frame.get_by_role("radio", name="Match adult")).to_be_checked()
    told = _told(stage)
    assert told["offer_id"] == sheets.offer_id(10)
    assert told["offer_is_chosen"] is False
    assert "The person has not said which ticket; ask before you reserve" in told["text"]
    frame.get_by_role("radio", name="Match child").check()
    stage.until(lambda log: log["contexts"][-1]["structuredContent"].get("offer_is_chosen"))
    assert _told(stage)["offer_id"] == sheets.offer_id(11)


def test_a_price_that_moved_is_named_beside_the_one_of_the_map(stage: Stage) -> None:
    frame = _open(stage, answers={"check_availability": [sheets.checked(price="27.50 EUR")]})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".money")).to_contain_text("€27.50")
    expect(frame.locator(".outcome")).to_contain_text("The map said €25.")


def test_the_price_filter_dims_the_map_and_sorts_the_list(stage: Stage) -> None:
    frame = _open(stage)
    expect(frame.locator(".list h2").first).to_have_text("4 zones fit")
    slider = frame.get_by_role("slider", name="Price each")
    slider.focus()
    stage.page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "up to €22")
    expect(frame.locator(".list h2").first).to_have_text("1 zone fits")
    expect(frame.locator(".zone.dim")).to_have_count(3)
    expect(frame.get_by_role("status")).to_have_text("Seats: 2, up to €22. 1 zone fits")
    expect(_zone(frame, "Block 4")).to_have_attribute(
        "aria-label", "Block 4, Category 1, €60, 6 left, does not fit your filter"
    )
    stage.page.keyboard.press("End")
    expect(frame.locator(".zone.dim")).to_have_count(0)


def test_the_highest_price_of_the_call_is_where_the_filter_begins(stage: Stage) -> None:
    frame = _open(stage, sheets.hall() | {"max_price": "30"})
    expect(frame.locator(".most")).to_have_text("up to €30")
    expect(frame.locator(".zone.dim")).to_have_count(1)


def test_a_highest_price_below_all_prices_leaves_no_zone_that_fits(stage: Stage) -> None:
    frame = _open(stage, sheets.hall() | {"max_price": "5"})
    expect(frame.locator(".most")).to_have_text("up to €5")
    expect(frame.locator(".list")).to_contain_text("No zone fits.")
    expect(frame.locator(".zone.dim")).to_have_count(4)


def test_more_seats_dim_zones_with_fewer_left(stage: Stage) -> None:
    frame = _open(stage)
    more = frame.get_by_role("button", name="More seats")
    for _ in range(5):
        more.click()
    expect(frame.locator(".count")).to_have_text("7")
    expect(_zone(frame, "Block 4")).to_have_class("zone on-sale shade-5 dim")
    expect(frame.locator(".list h2").first).to_have_text("3 zones fit")


def test_a_changed_number_of_seats_checks_the_choice_again(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 3").click()
    stage.until(lambda log: log["contexts"])
    frame.get_by_role("button", name="More seats").click()
    frame.get_by_role("button", name="More seats").click()
    # On a slow machine the first press may be checked for itself.
    log = stage.until(lambda log: log["tools"][-1]["arguments"]["quantity"] == 4)
    assert len(log["tools"]) in (2, 3)
    stage.until(lambda log: log["contexts"][-1]["structuredContent"].get("quantity") == 4)


def test_an_answer_to_an_older_choice_is_dropped(stage: Stage) -> None:
    slow = {"hold": sheets.checked(price="99.00 EUR", left=1)}
    quick = sheets.checked(price="60.00 EUR", left=6)
    frame = _open(stage, answers={"check_availability": [slow, quick]})
    _zone(frame, "Block 3").click()
    stage.until(lambda log: len(log["tools"]) == 1)
    _zone(frame, "Block 4").click()
    expect(frame.locator(".money strong")).to_have_text("€60")
    stage.host("release", 0)
    stage.page.wait_for_timeout(100)
    expect(frame.locator(".money strong")).to_have_text("€60")
    assert [c["structuredContent"]["zone"] for c in stage.log["contexts"]] == ["Block 4"]


def test_a_choice_taken_back_is_told_to_a_model_that_knew_it(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 3").click()
    stage.until(lambda log: log["contexts"])
    frame.get_by_role("button", name="All zones").click()
    stage.until(lambda log: log["contexts"][-1]["structuredContent"] == {"chosen": False})
    assert "nothing is chosen" in _told(stage)["text"]


def test_an_older_choice_does_not_stay_in_the_context_while_a_newer_is_checked(
    stage: Stage,
) -> None:
    held = {"hold": sheets.checked()}
    frame = _open(stage, answers={"check_availability": [sheets.checked(), held]})
    _zone(frame, "Block 3").click()
    stage.until(lambda log: log["contexts"])
    _zone(frame, "Block 4").click()
    stage.until(lambda log: log["contexts"][-1]["structuredContent"] == {"chosen": False})


def test_what_cannot_be_booked_says_why_and_what_could_be(stage: Stage) -> None:
    instead = {"offer_id": sheets.offer_id(7), "product": "Match adult", "price": "45.00 EUR",
               "date": "2026-12-12"}  # fmt: skip
    answer = sheets.checked(left=1, bookable=False, reason="1 left", alternatives=[instead])
    frame = _open(stage, answers={"check_availability": [answer]})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".notice.bad").last).to_have_text(
        "Not available. Not enough for 2. 1 left"
    )
    expect(frame.locator(".instead")).to_contain_text("Saturday, December 12, 2026 · €45")
    told = _told(stage)
    assert told["bookable"] is False
    assert told["text"].endswith("Checked just now: not bookable (1 left).")


def test_sessions_are_offered_and_the_chosen_one_is_told(stage: Stage) -> None:
    sessions = [
        {"session_id": "0195-a", "starts_at": "2026-12-05T15:00+01:00", "left": 4, "enough": True},
        {"session_id": "0195-b", "starts_at": "2026-12-05T20:30+01:00", "left": 1},
    ]
    frame = _open(stage, answers={"check_availability": [sheets.checked(sessions=sessions)]})
    _zone(frame, "Block 3").click()
    expect(frame.get_by_role("radio", name="20:30")).to_be_disabled()
    assert _told(stage)["text"].endswith("No session is chosen yet.")
    frame.get_by_role("radio", name="Saturday, December 5, 2026, 15:00").check()
    stage.until(lambda log: log["contexts"][-1]["structuredContent"].get("session_id") == "0195-a")


def test_a_refusal_shows_the_servers_words_and_can_be_retried(stage: Stage) -> None:
    answers = [sheets.refused("The API asks us to wait."), sheets.checked()]
    frame = _open(stage, answers={"check_availability": answers})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".notice.bad").last).to_have_text("The API asks us to wait.")
    assert "It was not checked: call check_availability." in _told(stage)["text"]
    frame.get_by_role("button", name="Try again").click()
    expect(frame.locator(".good")).to_be_visible()


def test_an_error_of_the_host_is_no_dead_end(stage: Stage) -> None:
    answers = [{"throw": "<img src=x onerror=alert(1)>"}, sheets.checked()]
    frame = _open(stage, answers={"check_availability": answers})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".notice.bad").last).to_contain_text("That did not work")
    frame.get_by_role("button", name="Try again").click()
    expect(frame.locator(".good")).to_be_visible()


def test_the_button_writes_the_choice_as_a_message_of_the_person(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 3").click()
    frame.get_by_role("button", name="Tell the assistant").click()
    expect(frame.locator(".telling")).to_contain_text("Sent to the assistant.")
    (message,) = stage.log["messages"]
    text = f'I choose the zone "Block 3" on the seat map, 2 seats (offer_id {sheets.offer_id(20)}).'
    assert message == {"role": "user", "content": [{"type": "text", "text": text}]}


def test_a_message_the_person_stopped_is_not_called_sent(stage: Stage) -> None:
    frame = _open(stage, refuseMessage=True)
    _zone(frame, "Block 3").click()
    frame.get_by_role("button", name="Tell the assistant").click()
    expect(frame.locator(".telling")).to_contain_text("The message was not sent.")


def test_a_host_that_takes_nothing_gets_a_sentence_to_say_instead_of_a_button(stage: Stage) -> None:
    frame = _open(stage, capabilities={"serverTools": {}})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".good")).to_be_visible()
    expect(frame.get_by_role("button", name="Tell the assistant")).to_have_count(0)


@pytest.mark.parametrize("on", ["map", "list"])
def test_without_a_sheet_the_zones_are_a_schematic_plan_and_a_list(stage: Stage, on: str) -> None:
    result = sheets.result(None, sheets.view_of(sheets.hall()))
    frame = _open(stage, result=result, input={"quantity": 3})
    expect(frame.locator(".zone")).to_have_count(6)
    expect(frame.locator(".count")).to_have_text("3")
    expect(frame.locator(".plan")).to_contain_text("Schematic plan")
    if on == "map":
        _zone(frame, "Block 3").click()
    else:
        frame.locator(".row", has_text="Block 3").click()
    expect(frame.locator(".good")).to_be_visible()
    assert _told(stage)["offer_id"] == sheets.offer_id(20)


def test_tiles_of_a_schematic_plan_stand_apart_and_those_of_a_category_together(
    stage: Stage,
) -> None:
    view = sheets.view_of(sheets.stadium())
    for place, zone in enumerate(view["zones"]):
        zone["category"] = f"Category {place % 3}"
    frame = _open(stage, result=sheets.result(None, view))
    boxes = frame.locator(".zone .shape").evaluate_all(
        "all => all.map(e => e.getBBox()).map(b => [b.x, b.y, b.width, b.height])"
    )
    assert len(boxes) == 50
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(boxes, 2):
        assert x1 + w1 < x2 or x2 + w2 < x1 or y1 + h1 < y2 or y2 + h2 < y1
    rows = [sorted({y for _, y, _, _ in boxes[category::3]}) for category in range(3)]
    assert all(above[-1] < below[0] for above, below in pairwise(rows))


def test_a_plan_is_not_given_up_for_a_schematic_one(stage: Stage) -> None:
    bare = sheets.result(None, sheets.view_of(sheets.hall()))
    frame = _open(stage, answers={"get_seat_map": [bare]})
    frame.get_by_role("button", name="Refresh").click()
    expect(frame.locator("#page > .notice")).to_contain_text("That did not work")
    expect(frame.locator(".seats")).to_have_count(4)


def test_a_zone_without_an_offer_id_is_told_with_the_way_to_one(stage: Stage) -> None:
    frame = _open(stage, result=sheets.result(None, sheets.view_of(sheets.hall())))
    frame.locator(".row", has_text="Block 4").click()
    expect(frame.locator(".outcome")).to_contain_text("Ask the assistant for the tickets")
    assert "call get_offers for this zone" in _told(stage)["text"]
    assert not stage.log["tools"]


def test_zones_left_out_of_the_sheet_are_counted(stage: Stage) -> None:
    frame = _open(stage, sheets.hall() | {"hidden": 12})
    expect(frame.locator("footer")).to_contain_text("12 more zones are not shown.")


def test_a_schematic_plan_says_that_it_is_one(stage: Stage) -> None:
    frame = _open(stage, sheets.hall() | {"schematic": True})
    expect(frame.locator(".plan")).to_contain_text("Schematic plan")


def test_refreshing_keeps_the_wish_and_the_choice(stage: Stage) -> None:
    renewed = sheets.hall()
    renewed["zones"][2] |= {"from": "27.00", "to": "27.00"}
    answers = {**CHECKED, "get_seat_map": [sheets.result(renewed)]}
    frame = _open(stage, answers=answers)
    frame.get_by_role("button", name="More seats").click()
    _zone(frame, "Block 3").click()
    stage.until(lambda log: log["contexts"])
    frame.get_by_role("button", name="Refresh").click()
    expect(_zone(frame, "Block 3")).to_have_attribute(
        "aria-label", "Block 3, Category 3, €27, 8 left"
    )
    expect(frame.locator(".count")).to_have_text("3")
    expect(frame.locator(".choice h2")).to_have_text("Block 3")
    asked = next(t for t in stage.log["tools"] if t["name"] == "get_seat_map")["arguments"]
    assert asked == {
        "product_base_id": sheets.BASE, "quantity": 3, "date": "2026-12-05", "language": "en"
    }  # fmt: skip


def test_a_refused_result_shows_its_words(stage: Stage) -> None:
    frame = stage.open("seat-map", result=sheets.refused("This product base has no seat map."))
    expect(frame.locator(".notice")).to_contain_text(["This product base has no seat map."])


def test_a_cancelled_call_says_so(stage: Stage) -> None:
    frame = stage.open("seat-map")
    expect(frame.locator(".waiting")).to_be_visible()
    stage.until(lambda log: log.get("app"))
    stage.host("cancel")
    expect(frame.locator("#page")).to_contain_text("The call was cancelled.")


@pytest.mark.parametrize("where", ["sheet", "host"])
def test_the_page_speaks_french_for_a_french_sheet_or_host(stage: Stage, where: str) -> None:
    sheet = sheets.hall("fr" if where == "sheet" else "en")
    frame = _open(stage, sheet, context={"locale": "fr-CH"} if where == "host" else {})
    expect(frame.locator("html")).to_have_attribute("lang", "fr")
    expect(frame.locator(".list h2").first).to_have_text("4 zones conviennent")
    expect(frame.locator("header")).to_contain_text("samedi 5 décembre 2026")
    _zone(frame, "Block 3").click()
    expect(frame.locator(".money")).to_contain_text("2 × 25\u00a0€ = 50\u00a0€")
    expect(frame.get_by_role("button", name="Dire à l’assistant")).to_be_visible()


def test_five_thousand_seats_are_drawn(stage: Stage) -> None:
    frame = _open(stage, sheets.stadium(seats_a_zone=100))
    drawn = frame.locator(".seats").evaluate_all(
        "paths => paths.reduce((n, p) => n + p.getAttribute('d').split('M').length - 1, 0)"
    )
    assert drawn >= 4_500  # those of sold-out zones are hatched instead
    assert witness(frame)["errors"] == []


@pytest.mark.parametrize("with_seats", [False, True])
def test_sixty_thousand_seats_are_shown_as_zones(stage: Stage, *, with_seats: bool) -> None:
    sheet = sheets.stadium(seats_a_zone=500 if with_seats else 0, zones=120)
    frame = _open(stage, sheet)
    expect(frame.locator(".zone")).to_have_count(120)
    expect(frame.locator(".seats")).to_have_count(0)
    frame.locator(".row").first.click()
    expect(frame.locator(".choice")).to_be_visible()


def test_a_second_result_takes_the_place_of_the_first(stage_with: Open) -> None:
    stage = stage_with()
    frame = _open(stage)
    _zone(frame, "Block 3").click()
    stage.until(lambda log: log["contexts"])
    stage.host("sendResult", sheets.result(sheets.stadium(seats_a_zone=10)))
    expect(frame.locator(".zone")).to_have_count(50)
    expect(frame.locator(".choice")).to_have_count(0)
    stage.until(lambda log: log["contexts"][-1]["structuredContent"] == {"chosen": False})


def test_the_one_listed_offer_of_many_is_not_taken_as_picked(stage: Stage) -> None:
    sheet = sheets.hall()
    sheet["zones"][2]["more"] = 3
    frame = _open(stage, sheet)
    _zone(frame, "Block 3").click()
    expect(frame.locator(".offers")).to_contain_text("This zone has more tickets")
    told = _told(stage)
    assert told["offer_is_chosen"] is False
    assert "ask before you reserve" in told["text"]
    assert "The zone has more tickets: get_offers lists them." in told["text"]
    frame.get_by_role("button", name="Tell the assistant").click()
    (message,) = stage.until(lambda log: log["messages"])["messages"]
    assert "ask me which ticket I want" in message["content"][0]["text"]


@pytest.mark.parametrize("passed_on", ["sheet", "structure"])
def test_a_list_without_the_dearest_offer_is_not_taken_as_whole(
    stage: Stage, passed_on: str
) -> None:
    sheet = sheets.hall()
    view = sheets.view_of(sheet)
    sheet["zones"][2]["to"] = "60.00"
    view["zones"][2]["to_price"] = "60.00 EUR"
    result = sheets.result(sheet if passed_on == "sheet" else None, view)
    frame = _open(stage, result=result)
    frame.locator(".row", has_text="Block 3").click()
    assert _told(stage)["offer_is_chosen"] is False


def test_sold_out_offers_of_a_cut_list_leave_the_zone_on_sale(stage: Stage) -> None:
    sheet = sheets.hall()
    sheet["zones"][2] |= {"more": 2, "left": 9, "offers": [sheets.offer(20, "Child", "25.00", 0)]}
    frame = _open(stage, sheet)
    expect(_zone(frame, "Block 3")).to_have_attribute(
        "aria-label", "Block 3, Category 3, €25, 9 left"
    )
    _zone(frame, "Block 3").click()
    expect(frame.locator(".outcome")).to_contain_text("Ask the assistant for the tickets")
    assert "call get_offers for this zone" in _told(stage)["text"]


def _as_of(hour: int, **changes: Any) -> sheets.Json:
    return sheets.hall() | {"as_of": f"2026-06-01T{hour:02}:05:00+00:00"} | changes


def test_the_page_says_when_its_prices_were_read(stage_with: Open) -> None:
    stage = stage_with(timezone_id="Europe/Paris")
    stage.context.clock.set_fixed_time("2026-06-01T16:00:00Z")
    answers = {**CHECKED, "get_seat_map": [sheets.result(_as_of(13))]}
    frame = _open(stage, _as_of(12), answers=answers)
    expect(frame.locator("footer")).to_contain_text("As of 14:05.")
    frame.get_by_role("button", name="Refresh").click()
    expect(frame.locator("footer")).to_contain_text("As of 15:05.")
    expect(frame.get_by_role("status")).to_have_text("As of 15:05.")


def test_prices_of_another_day_and_of_the_hosts_time_zone_are_named_so(stage: Stage) -> None:
    stage.context.clock.set_fixed_time("2026-06-02T16:00:00Z")
    frame = _open(stage, _as_of(12), context={"timeZone": "Asia/Tokyo"})
    expect(frame.locator("footer")).to_contain_text("As of June 1, 2026, 21:05.")


def test_a_refresh_without_a_time_promises_nothing(stage: Stage) -> None:
    frame = _open(stage, answers={"get_seat_map": [sheets.result(sheets.hall())]})
    frame.get_by_role("button", name="Refresh").click()
    expect(frame.get_by_role("status")).to_have_text("The map was read again.")
    expect(frame.locator(".as-of")).to_have_count(0)


def _refreshed(stage: Stage, frame: Frame) -> None:
    """Refresh, and wait for the page that takes the place of this one."""
    frame.locator("h1").evaluate("e => e.classList.add('before')")
    frame.get_by_role("button", name="Refresh").click()
    expect(frame.locator("h1.before")).to_have_count(0)


def test_refreshing_finds_one_of_two_zones_of_a_name_again(stage: Stage) -> None:
    sheet = sheets.hall()
    sheet["zones"][3]["name"] = "Block 1"
    answers = {**CHECKED, "get_seat_map": [sheets.result(sheet)]}
    frame = _open(stage, sheet, answers=answers)
    _zone(frame, "Block 1").nth(1).click()
    assert _told(stage)["offer_id"] == sheets.offer_id(30)
    _refreshed(stage, frame)
    expect(frame.locator(".telling")).to_contain_text("knows your choice")
    assert _told(stage)["offer_id"] == sheets.offer_id(30)


def test_refreshing_finds_the_zone_by_its_name_where_the_numbers_moved(stage: Stage) -> None:
    renewed = sheets.hall()
    renewed["zones"] = [zone | {"n": zone["n"] - 1} for zone in renewed["zones"][1:]]
    frame = _open(stage, answers={**CHECKED, "get_seat_map": [sheets.result(renewed)]})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".good")).to_be_visible()
    _refreshed(stage, frame)
    expect(frame.locator(".choice h2")).to_have_text("Block 3")


def test_refreshing_keeps_the_ticket_and_the_session_that_were_picked(stage: Stage) -> None:
    sessions = [
        {"session_id": "0195-a", "starts_at": "2026-12-05T15:00+01:00", "enough": True},
        {"session_id": "0195-b", "starts_at": "2026-12-05T20:30+01:00", "enough": True},
    ]
    checked = sheets.checked(sessions=sessions)
    answers = {"check_availability": [checked], "get_seat_map": [sheets.result(sheets.hall())]}
    frame = _open(stage, answers=answers)
    _zone(frame, "Block 2").click()
    frame.get_by_role("radio", name="Match child").check()
    stage.until(lambda log: len(log["tools"]) == 2)
    frame.get_by_role("radio", name="20:30").check()
    stage.until(lambda log: log["contexts"][-1]["structuredContent"].get("session_id"))
    _refreshed(stage, frame)
    expect(frame.get_by_role("radio", name="Match child")).to_be_checked()
    expect(frame.get_by_role("radio", name="20:30")).to_be_checked()
    expect(frame.locator(".telling")).to_contain_text("knows your choice")
    told = _told(stage)
    assert told["offer_id"] == sheets.offer_id(11)
    assert told["offer_is_chosen"] is True
    assert told["session_id"] == "0195-b"


def test_a_picked_ticket_that_is_gone_is_not_replaced_in_silence(stage: Stage) -> None:
    renewed = sheets.hall()
    renewed["zones"][1]["offers"] = renewed["zones"][1]["offers"][:1]
    frame = _open(stage, answers={**CHECKED, "get_seat_map": [sheets.result(renewed)]})
    _zone(frame, "Block 2").click()
    frame.get_by_role("radio", name="Match child").check()
    stage.until(
        lambda log: log["contexts"] and "chosen" in log["contexts"][-1]["structuredContent"]
    )
    _refreshed(stage, frame)
    expect(frame.locator(".telling")).to_contain_text("knows your choice")
    told = _told(stage)
    assert told["offer_id"] == sheets.offer_id(10)
    assert told["offer_is_chosen"] is False


def test_a_chosen_zone_that_is_gone_after_a_refresh_is_said_to_be(stage: Stage) -> None:
    renewed = sheets.hall()
    renewed["zones"][2]["left"] = 0
    frame = _open(stage, answers={**CHECKED, "get_seat_map": [sheets.result(renewed)]})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".good")).to_be_visible()
    _refreshed(stage, frame)
    expect(frame.locator("#page > .notice")).to_contain_text("not on sale here any more")
    stage.until(lambda log: log["contexts"][-1]["structuredContent"] == {"chosen": False})
    _zone(frame, "Block 1").click()
    expect(frame.locator("#page > .notice")).to_be_hidden()


def test_what_was_asked_of_the_map_is_asked_again(stage: Stage) -> None:
    sheet = sheets.hall() | {"prefer": "closest", "max_price": "60"}
    frame = _open(stage, sheet, answers={"get_seat_map": [sheets.result(sheet)]})
    _refreshed(stage, frame)
    assert stage.log["tools"][-1]["arguments"] == {
        "product_base_id": sheets.BASE, "quantity": 2, "date": "2026-12-05", "max_price": 60,
        "prefer": "closest", "language": "en",
    }  # fmt: skip


def test_what_is_chosen_while_the_map_is_read_anew_stays_chosen(stage: Stage) -> None:
    answers = {**CHECKED, "get_seat_map": [{"hold": sheets.result(_as_of(12))}]}
    frame = _open(stage, answers=answers)
    frame.get_by_role("button", name="Refresh").click()
    stage.until(lambda log: log["tools"])
    frame.get_by_role("button", name="Refresh").click()
    frame.get_by_role("button", name="More seats").click()
    _zone(frame, "Block 3").click()
    expect(frame.locator(".good")).to_be_visible()
    stage.host("release", 0)
    expect(frame.locator(".as-of")).to_be_visible()
    expect(frame.locator(".choice h2")).to_have_text("Block 3")
    expect(frame.locator(".count")).to_have_text("3")
    assert [tool["name"] for tool in stage.log["tools"]].count("get_seat_map") == 1


@pytest.mark.parametrize("name", ["Refresh", "More seats", "Block 2, Category 2"])
def test_the_keyboard_stays_where_it_was_while_the_page_is_renewed(stage: Stage, name: str) -> None:
    answers = {"get_seat_map": [{"hold": sheets.result(_as_of(12))}]}
    frame = _open(stage, answers=answers)
    frame.get_by_role("button", name="Refresh").press("Enter")
    stage.until(lambda log: log["tools"])
    frame.get_by_role("button", name=name).first.focus()
    stage.host("release", 0)
    expect(frame.locator(".as-of")).to_be_visible()
    expect(frame.get_by_role("button", name=name).first).to_be_focused()


def test_the_keyboard_comes_back_to_try_again(stage: Stage) -> None:
    answers = [
        sheets.refused("Wait."),
        {"hold": sheets.refused("Wait.")},
        {"hold": sheets.checked()},
    ]
    frame = _open(stage, answers={"check_availability": answers})
    _zone(frame, "Block 3").click()
    retry = frame.get_by_role("button", name="Try again")
    retry.press("Enter")
    expect(frame.locator(".choice h2")).to_be_focused()
    stage.until(lambda log: len(log["tools"]) == 2)
    stage.host("release", 0)
    expect(retry).to_be_focused()
    retry.press("Enter")
    stage.until(lambda log: len(log["tools"]) == 3)
    stage.host("release", 1)
    expect(frame.locator(".good")).to_be_visible()
    expect(frame.locator(".choice h2")).to_be_focused()


def test_an_offer_without_a_price_does_not_get_that_of_another(stage: Stage) -> None:
    sheet = sheets.hall()
    unpriced = {"id": sheets.offer_id(20), "product": "Match adult", "left": 8}
    sheet["zones"][2]["offers"] = [unpriced, sheets.offer(21, "Match child", "25.00", 0)]
    checked = sheets.checked()
    del checked["structuredContent"]["price"]
    answers = {"check_availability": [sheets.refused("Wait."), checked]}
    frame = _open(stage, sheet, answers=answers)
    _zone(frame, "Block 3").click()
    expect(frame.get_by_role("button", name="Try again")).to_be_visible()
    expect(frame.locator(".money")).to_have_count(0)
    assert "price" not in _told(stage)
    assert "25.00 EUR each" not in _told(stage)["text"]
    frame.get_by_role("button", name="Try again").click()
    expect(frame.locator(".good")).to_be_visible()
    expect(frame.locator(".money")).to_have_count(0)
    assert "price" not in _told(stage)


def test_without_a_host_an_offer_without_a_price_has_none(stage: Stage) -> None:
    sheet = sheets.hall()
    sheet["zones"][2]["offers"] = [{"id": sheets.offer_id(20), "product": "Match adult"}]
    frame = _open(stage, sheet, manner="silent")
    _zone(frame, "Block 3").click()
    expect(frame.locator(".outcome")).to_have_text("No price is stated, and nothing was checked.")


def test_a_price_in_another_currency_is_told_with_its_own(stage: Stage) -> None:
    sheet = sheets.hall()
    sheet["zones"][2]["offers"] = [sheets.offer(20, "Match adult", "70.00 USD", 8)]
    frame = _open(stage, sheet, answers={"check_availability": [sheets.refused("Wait.")]})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".money")).to_contain_text("2 × $70 = $140")
    told = _told(stage)
    assert (told["price"], told["currency"]) == ("70.00", "USD")
    assert "70.00 USD each" in told["text"]


def test_a_zone_without_offers_tells_from_which_price_on_and_no_total(stage: Stage) -> None:
    view = sheets.view_of(sheets.hall())
    view["zones"][3]["to_price"] = "80.00 EUR"
    frame = _open(stage, result=sheets.result(None, view), input={"quantity": 2})
    frame.locator(".row", has_text="Block 4").click()
    expect(frame.locator(".money")).to_have_text("from €60 each")
    told = _told(stage)
    assert (told.get("price"), told["from_price"]) == (None, "60.00")


@pytest.mark.parametrize("ending", ["error", "no zones"])
def test_a_choice_ends_with_the_map_it_was_made_on(stage: Stage, ending: str) -> None:
    frame = _open(stage)
    _zone(frame, "Block 3").click()
    expect(frame.locator(".telling")).to_contain_text("knows your choice")
    empty = {"content": [], "structuredContent": {"note": "none"}}
    stage.host("sendResult", sheets.refused("No map.") if ending == "error" else empty)
    expect(frame.locator(".zone")).to_have_count(0)
    stage.until(lambda log: log["contexts"][-1]["structuredContent"] == {"chosen": False})
    told = "No map." if ending == "error" else "The answer holds no zones."
    expect(frame.locator(".notice.bad")).to_contain_text(told)
    expect(frame.get_by_role("status")).to_contain_text(told)
    stage.host("setContext", {"theme": "dark"})
    frame.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    expect(frame.locator(".notice.bad")).to_contain_text(told)


def test_a_host_that_says_it_cannot_ask_the_server_is_not_asked(stage: Stage) -> None:
    frame = _open(stage, capabilities={"updateModelContext": {"text": {}}, "message": {}})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".outcome")).to_contain_text(
        "This host cannot ask the server from here; tell the assistant which zone you want."
    )
    expect(frame.locator(".telling")).to_contain_text("knows your choice")
    expect(frame.get_by_role("button", name="Refresh")).to_have_count(0)
    assert stage.log["tools"] == []
    assert stage.log["contexts"]


def test_a_host_that_says_it_takes_no_context_is_sent_none(stage: Stage) -> None:
    frame = _open(stage, capabilities={"serverTools": {}})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".sentence")).to_contain_text("I choose the zone")
    assert stage.log["contexts"] == []


def test_a_busy_panel_says_so_to_those_who_listen(stage: Stage) -> None:
    frame = _open(stage, answers={"check_availability": [{"hold": sheets.checked()}]})
    _zone(frame, "Block 3").click()
    expect(frame.locator(".choice")).to_have_attribute("aria-busy", "true")
    stage.until(lambda log: log["tools"])
    stage.host("release", 0)
    expect(frame.locator(".choice")).to_have_attribute("aria-busy", "false")


def test_what_is_said_twice_is_heard_twice(stage: Stage) -> None:
    frame = _open(stage)
    frame.evaluate(
        """() => {
          window.heard = [];
          const region = document.querySelector('[role=status]');
          new MutationObserver(() => window.heard.push(region.textContent))
            .observe(region, { childList: true });
        }"""
    )
    for times in (1, 3):
        _zone(frame, "Block 5").click(force=True)
        frame.wait_for_function("times => window.heard.length === times", arg=times)
    said = "Block 5, Category 2, sold out"
    assert frame.evaluate("() => window.heard") == [said, "", said]


def _stop_the_clock(stage: Stage) -> None:
    """From now on time passes only by `clock.run_for`."""
    stage.context.clock.install(time="2026-06-01T12:00:00Z")
    stage.context.clock.pause_at("2026-06-01T13:00:00Z")


def test_the_arrow_keys_pass_over_offers_without_asking_for_each(stage: Stage) -> None:
    sheet = sheets.hall()
    offers = [sheets.offer(20 + i, f"Match {i}", f"{45 - i}.00", 8) for i in range(5)]
    sheet["zones"][2] |= {"offers": offers}
    frame = _open(stage, sheet)
    _zone(frame, "Block 3").click()
    expect(frame.locator(".good")).to_be_visible()
    _stop_the_clock(stage)
    frame.get_by_role("radio", name="Match 0").focus()
    for _ in range(3):
        stage.page.keyboard.press("ArrowDown")
    expect(frame.get_by_role("radio", name="Match 3")).to_be_checked()
    assert len(stage.log["tools"]) == 1
    stage.context.clock.run_for(500)
    expect(frame.locator(".good")).to_be_visible()
    asked = [tool["arguments"]["offer_id"] for tool in stage.log["tools"]]
    assert asked == [sheets.offer_id(20), sheets.offer_id(23)]
    assert _told(stage)["offer_is_chosen"] is True


@pytest.mark.parametrize("key", ["Enter", " "])
def test_enter_takes_the_offer_of_the_keyboard_at_once(stage: Stage, key: str) -> None:
    frame = _open(stage)
    _zone(frame, "Block 2").click()
    expect(frame.locator(".good")).to_be_visible()
    _stop_the_clock(stage)
    frame.get_by_role("radio", name="Match adult").focus()
    stage.page.keyboard.press("ArrowDown")
    expect(frame.get_by_role("radio", name="Match child")).to_be_checked()
    assert len(stage.log["tools"]) == 1
    stage.page.keyboard.press(key)
    stage.until(lambda log: len(log["tools"]) == 2)


def test_the_ticket_that_is_shown_first_can_be_confirmed_without_asking_again(stage: Stage) -> None:
    frame = _open(stage)
    _zone(frame, "Block 2").click()
    expect(frame.locator(".good")).to_be_visible()
    assert _told(stage)["offer_is_chosen"] is False
    frame.get_by_role("radio", name="Match adult").click()
    stage.until(lambda log: log["contexts"][-1]["structuredContent"].get("offer_is_chosen"))
    assert len(stage.log["tools"]) == 1


@pytest.mark.parametrize(
    ("language", "row", "total", "left"),
    [
        (
            "en",
            "at most 4, shared stock",
            "Gold: 83 left, shared by 2 zones.",
            "at most 4 here, shared with other zones",
        ),
        (
            "fr",
            "4 au plus, stock partagé",
            "Gold : reste 83, pour 2 zones ensemble.",
            "4 au plus ici, partagées avec d’autres zones",
        ),
    ],
)
def test_stock_that_zones_share_is_told_once_and_said_to_be_shared(
    stage: Stage, language: str, row: str, total: str, left: str
) -> None:
    sheet = sheets.hall(language) | {"stocks": [{"name": "Gold", "left": 83, "zones": 2}]}
    sheet["zones"][2] |= {"shared": 2, "left": 4, "places": 4}
    frame = _open(stage, sheet, answers={"check_availability": [sheets.checked(left=83)]})
    expect(frame.locator(".row", has_text="Block 3").locator(".left")).to_have_text(row)
    expect(frame.locator("footer")).to_contain_text(total)
    _zone(frame, "Block 3").click()
    expect(frame.locator(".good")).to_contain_text(left)
    assert "at most 4 left here, shared with other zones" in _told(stage)["text"]
    assert _told(stage)["left"] == 4


def test_a_stage_is_painted_with_its_name_and_is_nothing_to_choose(stage: Stage) -> None:
    outline = [60, 40, 640, 40, 640, 120, 60, 120]
    shown = {"n": 9, "name": "Сцена", "outlines": [outline], "at": [350, 80]}
    sheet = sheets.hall() | {"stages": [shown]}
    del sheet["focus"]
    frame = _open(stage, sheet)
    expect(frame.locator(".map .stage text")).to_have_text("Сцена")
    expect(frame.locator(".map .focus")).to_have_count(0)
    expect(frame.locator(".zone")).to_have_count(6)
    expect(frame.locator(".legend")).not_to_contain_text("Сцена")
    seen = frame.locator(".map svg").bounding_box()
    painted = frame.locator(".map .stage path").bounding_box()
    assert seen is not None
    assert painted is not None
    assert painted["y"] >= seen["y"], "all of it is within the map"


@pytest.mark.parametrize("focus", [[20, 300], [980, 300], [500, 80], [500, 680]])
@pytest.mark.parametrize(("front", "words"), [(None, "stage or pitch"), (True, "front")])
def test_the_words_at_the_front_are_whole_on_each_side(
    stage: Stage, focus: list[int], front: bool | None, words: str
) -> None:
    stage.page.set_viewport_size({"width": 360, "height": 900})
    frame = _open(stage, sheets.hall() | {"focus": focus, "front": front})
    text = frame.locator(".map .focus text")
    expect(text).to_have_text(words)
    box, seen = text.bounding_box(), frame.locator(".map svg").bounding_box()
    assert box is not None
    assert seen is not None
    assert seen["x"] <= box["x"]
    assert box["x"] + box["width"] <= seen["x"] + seen["width"]
    assert seen["y"] <= box["y"]
    assert box["y"] + box["height"] <= seen["y"] + seen["height"]


@pytest.mark.parametrize(("language", "told"), [("en", "beside each other"), ("fr", "côte à côte")])
def test_decks_are_named_and_have_fronts_of_their_own(
    stage: Stage, language: str, told: str
) -> None:
    levels = [
        {"name": "Lower deck", "at": [360, 640]},
        {"name": "Upper deck", "at": [800, 160], "above": True},
    ]
    sheet = sheets.hall(language) | {"levels": levels, "strays": 2, "focus": [360, 80, 800, 680]}
    frame = _open(stage, sheet)
    names = frame.locator(".map .level")
    expect(names).to_have_text(["Lower deck", "Upper deck"])
    expect(frame.locator(".map .focus")).to_have_count(2)
    expect(frame.locator("footer")).to_contain_text(told)
    expect(frame.locator("footer")).to_contain_text("2 seats" if language == "en" else "2 places")
    seen = frame.locator(".map svg").bounding_box()
    assert seen is not None
    for place in range(2):
        name = names.nth(place).bounding_box()
        assert name is not None
        assert seen["y"] <= name["y"]
        assert name["y"] + name["height"] <= seen["y"] + seen["height"]


def test_a_zone_of_four_places_never_fits_six(stage: Stage) -> None:
    sheet = sheets.hall() | {"quantity": 6}
    sheet["zones"][2] |= {"left": 4, "places": 4}
    frame = _open(stage, sheet, answers={"check_availability": [sheets.checked(left=83)]})
    expect(_zone(frame, "Block 3")).to_have_accessible_name(re.compile("does not fit"))
    _zone(frame, "Block 3").click()
    expect(frame.locator(".outcome")).to_contain_text("This zone has only 4 places.")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["the cheapest zones come first", "counts for the whole day"]),
        ("fr", ["les moins chères viennent en premier", "celles de toute la journée"]),
    ],
)
def test_notes_of_the_server_are_sentences(stage: Stage, language: str, words: list[str]) -> None:
    notes = ["no_focus", "toString", 7, "day_stock"]
    frame = _open(stage, sheets.hall(language) | {"notes": notes})
    for part in words:
        expect(frame.locator(".notes")).to_contain_text(part)
    assert witness(frame)["errors"] == []


def test_tickets_of_no_zone_are_all_counted(stage: Stage) -> None:
    frame = _open(stage, sheets.hall() | {"untied_count": 70})
    expect(frame.locator("footer")).to_contain_text("70 other tickets belong to no zone")


def test_without_a_sheet_hidden_zones_are_counted_and_dear_ones_named_so(stage: Stage) -> None:
    view = sheets.view_of(sheets.hall()) | {"counts": {"zones_hidden": 12}}
    view["zones"][5]["why"] = "above the highest price"
    frame = _open(stage, result=sheets.result(None, view), input={"max_price": 30})
    expect(frame.locator("footer")).to_contain_text("12 more zones are not shown.")
    dear = frame.locator(".row", has_text="Block 6")
    expect(dear).to_contain_text("above the price asked for")
    expect(dear).not_to_contain_text("nothing on sale")


@pytest.mark.parametrize("has_sheet", [True, False])
def test_where_offers_cannot_be_read_a_zone_without_any_is_not_one_that_sells_none(
    stage: Stage, has_sheet: bool
) -> None:
    sheet = sheets.hall() | {"notes": ["unknown_offers"]}
    view = sheets.view_of(sheet)
    for zone in (sheet["zones"][5], view["zones"][5]):
        zone["why"] = "no offer known"
    frame = _open(stage, sheet) if has_sheet else _open(stage, result=sheets.result(None, view))
    row = frame.locator(".row", has_text="Block 6")
    expect(row).to_contain_text("no offer known")
    expect(frame.locator("body")).not_to_contain_text("nothing on sale")
    if has_sheet:
        expect(frame.locator(".notes")).to_contain_text("more may be on sale than is shown")


# rows, numbers and one's own seats


def _named_hall() -> sheets.Json:
    """The hall with names of rows in the first two blocks, numbers, and two seats of one's own."""
    drawn = sheets.hall()
    for zone in drawn["zones"][:2]:
        rows = [[int(n) for n in row.split(" ")] for row in zone["rows"]]
        zone["ends"] = [
            [name, row[0] - 12, row[1], -100, 0, 12, 22]
            for name, row in zip("ABCDEFGH", rows, strict=True)
        ]
        zone["numbers"] = [[1, 2] for _ in rows]
    first = [int(n) for n in drawn["zones"][0]["rows"][1].split(" ")]
    mine = {"zone": "Block 1", "row": "B", "n": 0, "found": True}
    drawn["yours"] = [
        {**mine, "seat": "1", "at": first[:2]},
        {**mine, "seat": "3", "at": first[2:4]},
        {"zone": "Box", "row": "Z", "seat": "9", "ordered": True},
    ]
    return drawn


def test_rows_are_named_at_their_ends_where_there_is_room(stage: Stage) -> None:
    frame = _open(stage, _named_hall())
    expect(frame.locator(".row-name")).to_have_text([*"ABCDEFGH", *"ABCDEFGH"])
    stage.page.set_viewport_size({"width": 300, "height": 900})
    expect(frame.locator(".row-name")).to_have_count(0)


def test_a_zone_that_is_chosen_again_is_shown_with_the_numbers_of_its_seats(stage: Stage) -> None:
    frame = _open(stage, _named_hall())
    whole = frame.locator(".map svg").get_attribute("viewBox")
    zone = _zone(frame, "Block 1")
    zone.focus()
    stage.page.keyboard.press("Enter")
    expect(frame.locator(".choice h2")).to_have_text("Block 1")
    expect(frame.locator(".numbers text")).to_have_count(0)
    zone.focus()
    stage.page.keyboard.press("Enter")
    expect(frame.locator(".numbers text")).to_have_count(8 * 14)
    row = frame.locator(".numbers text").all_text_contents()[:14]
    assert row == [str(n) for n in range(1, 29, 2)]
    assert frame.locator(".map svg").get_attribute("viewBox") != whole
    zone.focus()
    stage.page.keyboard.press("Enter")
    expect(frame.locator(".numbers text")).to_have_count(0)
    assert frame.locator(".map svg").get_attribute("viewBox") == whole


def test_leaving_a_zone_shows_the_whole_map_again(stage: Stage) -> None:
    frame = _open(stage, _named_hall())
    whole = frame.locator(".map svg").get_attribute("viewBox")
    for _ in range(2):
        _zone(frame, "Block 1").focus()
        stage.page.keyboard.press("Enter")
    expect(frame.locator(".numbers text")).not_to_have_count(0)
    stage.page.keyboard.press("Escape")
    expect(frame.locator(".numbers text")).to_have_count(0)
    assert frame.locator(".map svg").get_attribute("viewBox") == whole


def test_ones_own_seats_are_ringed_and_told_and_what_is_not_there_is_said(stage: Stage) -> None:
    frame = _open(stage, _named_hall())
    rings = frame.locator(".map .yours circle")
    assert rings.evaluate_all("all => all.map(e => e.getAttribute('class'))") == [
        *("rim", "rim"),
        *("ring", "ring"),
    ], "no rim lies on a ring"
    legend = frame.locator(".legend")
    expect(legend).to_contain_text("Yours: Block 1, row B, 1, 3")
    expect(legend).to_contain_text("Yours, not found on this map: Box, row Z, 9")
