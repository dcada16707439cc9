"""Both pages speak the reader's language: the host's, else that of the call, or of the answer."""

from typing import Any, Final

import pytest
from playwright.sync_api import expect

from tests.ui import sheets
from tests.ui.booking_results import Results, booking_results
from tests.ui.conftest import Open

LANGUAGE: Final = "io.github.korus-mcp/language"
TOLD: Final = [
    ({"locale": "en-GB"}, {"language": "fr"}, "fr", "en"),
    ({"locale": "fr-CH"}, {"language": "en"}, "en", "fr"),
    ({"locale": "fr-CH"}, {}, "en", "fr"),
    ({"locale": "de-DE"}, {"language": "fr"}, "en", "fr"),
    ({"locale": "de-DE"}, {}, "fr", "fr"),
    ({}, {"language": "fr"}, "en", "fr"),
    ({}, {"language": "en"}, "fr", "en"),
    ({}, {}, "fr", "fr"),
    ({}, {}, "en", "en"),
    ({}, {}, None, "en"),
]
"""The host's context, the call's arguments, the answer's language, and the page's."""


@pytest.fixture(scope="module")
def results() -> Results:
    return booking_results()


@pytest.mark.parametrize("page", ["seat-map", "booking"])
@pytest.mark.parametrize(("context", "call", "answer", "spoken"), TOLD)
def test_a_page_speaks_the_language_of_the_conversation(
    stage_with: Open,
    results: Results,
    page: str,
    context: dict[str, Any],
    call: dict[str, Any],
    answer: str | None,
    spoken: str,
) -> None:
    stage = stage_with(locale="en-US")
    if page == "seat-map":
        sheet = sheets.hall()
        sheet["language"] = answer
        result = sheets.result(
            sheet if answer else {k: v for k, v in sheet.items() if k != "language"}
        )
    else:
        result = results["ordered"] | {"_meta": {LANGUAGE: answer} if answer else {}}
    frame = stage.open(page, result=result, input={"items": [], **call}, context=context)
    words = {
        "en": ("4 zones fit", "Your order is placed"),
        "fr": ("4 zones conviennent", "Votre commande est passée"),
    }
    expect(frame.locator("#page")).to_contain_text(words[spoken][page == "booking"])
    expect(frame.locator("html")).to_have_attribute("lang", spoken)


@pytest.mark.parametrize("page", ["seat-map", "booking"])
def test_a_page_changes_its_language_with_the_host_and_keeps_what_was_chosen(
    stage_with: Open, results: Results, page: str
) -> None:
    stage = stage_with()
    result = sheets.result(sheets.hall()) if page == "seat-map" else results["ordered"]
    answers = {"check_availability": [sheets.checked()]}
    frame = stage.open(page, result=result, context={"locale": "en-GB"}, answers=answers)
    expect(frame.locator("html")).to_have_attribute("lang", "en")
    if page == "seat-map":
        frame.get_by_role("button", name="More seats").click()
        frame.locator(".row", has_text="Block 3").click()
        expect(frame.locator(".good")).to_be_visible()
    stage.host("setContext", {"displayMode": "fullscreen", "locale": "fr-FR"})
    expect(frame.locator("html")).to_have_attribute("lang", "fr")
    if page == "seat-map":
        expect(frame.locator(".choice h2")).to_have_text("Block 3")
        expect(frame.locator(".count")).to_have_text("3")
        expect(frame.get_by_role("button", name="Dire à l’assistant")).to_be_visible()


def test_the_server_tells_its_pages_in_which_language_it_answers(results: Results) -> None:
    assert {
        (r.get("_meta") or {}).get(LANGUAGE)
        for r in (results["held"], results["ordered"], results["ready"])
    } == {"en"}
